//! Whole calls between two endpoints in one process, without sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::guard::{GuardConfig, Rate};
use sip_core::{
    Body, Endpoint, EndpointConfig, Event, Flow, Invite, NameAddr, Output, Reply, SessionId, StatusCode, Transport, Uri,
};

/// How long the called takes to answer: so long that its endpoint sends a 100 by itself (RFC 3261 §17.2.1).
const THOUGHT: Duration = Duration::from_millis(250);

/// A caller and a called.
pub struct Calls {
    caller: Endpoint,
    called: Endpoint,
    here: SocketAddr,
    there: SocketAddr,
    now: Time,
    target: Uri,
    from: NameAddr,
    sdp: Bytes,
    /// Calls that wait for their answer.
    waiting: VecDeque<(Time, SessionId)>,
    /// Calls that were answered.
    pub answered: usize,
    /// Messages that went from one to the other.
    pub messages: usize,
}

impl Calls {
    /// Two endpoints with room for `held` calls.
    pub fn new(held: usize) -> Self {
        Self::with_guard(held, None)
    }

    /// As [`new`](Self::new), with a guard on both sides that lets everything pass.
    pub fn guarded(held: usize) -> Self {
        let mut guard = GuardConfig::default();
        let any = Rate::new(10_000_000, 10_000_000);
        (guard.packets, guard.requests, guard.known, guard.all_requests) = (any, any, any, any);
        Self::with_guard(held, Some(guard))
    }

    fn with_guard(held: usize, guard: Option<GuardConfig>) -> Self {
        let (here, there) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 5060).into());
        let target = Uri::sip(Some("bob"), "192.0.2.2", Some(5060));
        Self {
            caller: endpoint(here, held, 1, guard.clone()),
            called: endpoint(there, held, 2, guard),
            here,
            there,
            now: Time::from_secs(1_000),
            from: NameAddr::new(Uri::sip(Some("alice"), "example.com", None)).with_display("Alice"),
            target,
            sdp: Bytes::from_static(
                b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8\r\n",
            ),
            waiting: VecDeque::new(),
            answered: 0,
            messages: 0,
        }
    }

    /// A call begins and an earlier one is answered: in the long run INVITE, 100, 180, 200, ACK, and with `hang_up` BYE
    /// and 200. A millisecond goes by.
    pub fn call(&mut self, hang_up: bool) {
        let mut invite = Invite::new(
            self.target.clone(),
            self.from.clone(),
            NameAddr::new(self.target.clone()),
        );
        invite.body = Some(Body::sdp(self.sdp.clone()));
        let placed = self.caller.invite(self.now, invite);
        assert!(placed.is_ok(), "there is room");
        self.step(hang_up);
    }

    /// No call begins any more; those that wait are answered.
    pub fn answer_all(&mut self, hang_up: bool) {
        while !self.waiting.is_empty() {
            self.step(hang_up);
        }
    }

    fn step(&mut self, hang_up: bool) {
        self.exchange(hang_up);
        while let Some((_, session)) = self.waiting.pop_front_if(|(due, _)| *due <= self.now) {
            let rung = self
                .called
                .provisional(self.now, session, StatusCode::RINGING, Reply::new());
            let reply = Reply::new().body(Body::sdp(self.sdp.clone()));
            let taken = self.called.answer(self.now, session, reply);
            assert!(rung.is_ok() && taken.is_ok(), "it waits");
        }
        self.exchange(hang_up);
        self.pass(Duration::from_millis(1));
    }

    fn exchange(&mut self, hang_up: bool) {
        while self.caller_turn(hang_up) | self.called_turn() {}
    }

    /// Time goes by.
    pub fn pass(&mut self, by: Duration) {
        self.now += by;
        for endpoint in [&mut self.caller, &mut self.called] {
            if endpoint.poll_timeout().is_some_and(|due| due <= self.now) {
                endpoint.handle_timeout(self.now);
            }
        }
        self.exchange(true);
    }

    /// How many dialogs the caller holds.
    pub fn held(&self) -> usize {
        self.caller.live().sessions
    }

    fn caller_turn(&mut self, hang_up: bool) -> bool {
        let mut any = false;
        while let Some(output) = self.caller.poll_output() {
            any = true;
            match output {
                Output::Transmit(sent) => {
                    self.messages += 1;
                    let flow = Flow::udp(self.there, self.here);
                    self.called.receive(self.now, flow, sent.data);
                }
                Output::Event(Event::Answered { session, .. }) => {
                    self.answered += 1;
                    if hang_up {
                        let done = self.caller.hang_up(self.now, session, None);
                        assert!(done.is_ok(), "it is there");
                    }
                }
                _ => {}
            }
        }
        any
    }

    fn called_turn(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.called.poll_output() {
            any = true;
            match output {
                Output::Transmit(sent) => {
                    self.messages += 1;
                    let flow = Flow::udp(self.here, self.there);
                    self.caller.receive(self.now, flow, sent.data);
                }
                Output::Event(Event::Invite { session, .. }) => self.waiting.push_back((self.now + THOUGHT, session)),
                _ => {}
            }
        }
        any
    }
}

fn endpoint(address: SocketAddr, held: usize, seed: u8, guard: Option<GuardConfig>) -> Endpoint {
    let mut config = EndpointConfig::new([(Transport::Udp, address)]);
    config.guard = guard;
    config.limits.sessions = held + 100_000;
    config.limits.client_transactions = 1_000_000;
    config.limits.server_transactions = 1_000_000;
    Endpoint::new(config, [seed; 32])
}
