//! Whole calls between two endpoints over a record-routing proxy, in one process, without sockets.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::proxy::{self, Proxy, ProxyConfig, Target, TargetSet};
use sip_core::{
    Body, Endpoint, EndpointConfig, Event, Flow, Invite, NameAddr, Output, Reply, StatusCode, Transmit, Transport, Uri,
};

/// A caller, a proxy and a called.
pub struct Proxied {
    caller: Endpoint,
    proxy: Proxy,
    called: Endpoint,
    addresses: [SocketAddr; 3],
    now: Time,
    target: Uri,
    contact: Uri,
    from: NameAddr,
    sdp: Bytes,
    /// Calls that were answered.
    pub answered: usize,
}

impl Default for Proxied {
    fn default() -> Self {
        let addresses: [SocketAddr; 3] = [1, 2, 3].map(|last| ([192, 0, 2, last], 5060).into());
        let [here, middle, there] = addresses;
        let endpoint = |address, seed| Endpoint::new(EndpointConfig::new([(Transport::Udp, address)]), [seed; 32]);
        Self {
            caller: endpoint(here, 1),
            proxy: Proxy::new(ProxyConfig::new([(Transport::Udp, middle)], ["example.com"]), [2; 32]),
            called: endpoint(there, 3),
            addresses,
            now: Time::from_secs(1_000),
            target: Uri::sip(Some("bob"), "example.com", None),
            contact: Uri::sip(Some("bob"), "192.0.2.3", Some(5060)),
            from: NameAddr::new(Uri::sip(Some("alice"), "example.org", None)).with_display("Alice"),
            sdp: Bytes::from_static(
                b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8\r\n",
            ),
            answered: 0,
        }
    }
}

impl Proxied {
    /// INVITE, 180, 200, ACK, BYE and 200, all over the proxy. A millisecond goes by.
    pub fn call(&mut self) {
        let mut invite = Invite::new(
            self.target.clone(),
            self.from.clone(),
            NameAddr::new(self.target.clone()),
        );
        let [here, middle, _] = self.addresses;
        invite.flow = Some(Flow::udp(here, middle));
        invite.body = Some(Body::sdp(self.sdp.clone()));
        let placed = self.caller.invite(self.now, invite);
        assert!(placed.is_ok(), "there is room");
        while self.caller_turn() | self.proxy_turn() | self.called_turn() {}
        self.pass(Duration::from_millis(1));
    }

    /// Time goes by.
    pub fn pass(&mut self, by: Duration) {
        self.now += by;
        let now = self.now;
        for endpoint in [&mut self.caller, &mut self.called] {
            if endpoint.poll_timeout().is_some_and(|due| due <= now) {
                endpoint.handle_timeout(now);
                while endpoint.poll_output().is_some() {}
            }
        }
        if self.proxy.poll_timeout().is_some_and(|due| due <= now) {
            self.proxy.handle_timeout(now);
            while self.proxy.poll_output().is_some() {}
        }
    }

    /// What the proxy holds.
    pub fn live(&self) -> proxy::ProxyLive {
        self.proxy.live()
    }

    fn carry(&mut self, sent: Transmit) {
        let flow = Flow::udp(sent.flow.remote, sent.flow.local);
        let [here, middle, _] = self.addresses;
        if flow.local == here {
            self.caller.receive(self.now, flow, sent.data);
        } else if flow.local == middle {
            self.proxy.receive(self.now, flow, sent.data);
        } else {
            self.called.receive(self.now, flow, sent.data);
        }
    }

    fn caller_turn(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.caller.poll_output() {
            any = true;
            match output {
                Output::Transmit(sent) => self.carry(sent),
                Output::Event(Event::Answered { session, .. }) => {
                    self.answered += 1;
                    let done = self.caller.hang_up(self.now, session, None);
                    assert!(done.is_ok(), "it is there");
                }
                _ => {}
            }
        }
        any
    }

    fn proxy_turn(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.proxy.poll_output() {
            any = true;
            match output {
                proxy::Output::Transmit(sent) => self.carry(sent),
                proxy::Output::Event(proxy::Event::Request { context, .. }) => {
                    let targets = TargetSet::parallel([Target::new(self.contact.clone())]);
                    let sent = self.proxy.forward(self.now, context, targets);
                    assert!(sent.is_ok(), "it waits");
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
                Output::Transmit(sent) => self.carry(sent),
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
