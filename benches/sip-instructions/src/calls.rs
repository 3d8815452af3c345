//! Whole calls between two endpoints in one process, without sockets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::{
    Body, Endpoint, EndpointConfig, Event, Flow, Invite, NameAddr, Output, Reply, StatusCode, Transport, Uri,
};

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
    /// Calls that were answered.
    pub answered: usize,
}

impl Calls {
    /// Two endpoints with room for `held` calls.
    pub fn new(held: usize) -> Self {
        let (here, there) = (([192, 0, 2, 1], 5060).into(), ([192, 0, 2, 2], 5060).into());
        let target = Uri::sip(Some("bob"), "192.0.2.2", Some(5060));
        Self {
            caller: endpoint(here, held, 1),
            called: endpoint(there, held, 2),
            here,
            there,
            now: Time::from_secs(1_000),
            from: NameAddr::new(Uri::sip(Some("alice"), "example.com", None)).with_display("Alice"),
            target,
            sdp: Bytes::from_static(
                b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8\r\n",
            ),
            answered: 0,
        }
    }

    /// INVITE, 100, 180, 200, ACK, and with `hang_up` BYE and 200. A millisecond goes by.
    pub fn call(&mut self, hang_up: bool) {
        let mut invite = Invite::new(
            self.target.clone(),
            self.from.clone(),
            NameAddr::new(self.target.clone()),
        );
        invite.body = Some(Body::sdp(self.sdp.clone()));
        let placed = self.caller.invite(self.now, invite);
        assert!(placed.is_ok(), "there is room");
        while self.caller_turn(hang_up) | self.called_turn() {}
        self.pass(Duration::from_millis(1));
    }

    /// Time goes by.
    pub fn pass(&mut self, by: Duration) {
        self.now += by;
        for endpoint in [&mut self.caller, &mut self.called] {
            if endpoint.poll_timeout().is_some_and(|due| due <= self.now) {
                endpoint.handle_timeout(self.now);
                while endpoint.poll_output().is_some() {}
            }
        }
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
                Output::Transmit(sent) => self
                    .called
                    .receive(self.now, Flow::udp(self.there, self.here), sent.data),
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
                Output::Transmit(sent) => self
                    .caller
                    .receive(self.now, Flow::udp(self.here, self.there), sent.data),
                Output::Event(Event::Invite { session, .. }) => {
                    let rung = self
                        .called
                        .provisional(self.now, session, StatusCode::RINGING, Reply::new());
                    let reply = Reply::new().body(Body::sdp(self.sdp.clone()));
                    let taken = self.called.answer(self.now, session, reply);
                    assert!(rung.is_ok() && taken.is_ok(), "it waits");
                }
                _ => {}
            }
        }
        any
    }
}

fn endpoint(address: SocketAddr, held: usize, seed: u8) -> Endpoint {
    let mut config = EndpointConfig::new([(Transport::Udp, address)]);
    config.limits.sessions = held + 100_000;
    config.limits.client_transactions = 1_000_000;
    config.limits.server_transactions = 1_000_000;
    Endpoint::new(config, [seed; 32])
}
