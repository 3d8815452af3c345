//! The body of the fuzz target for the proxy, so that plain tests replay the corpus. It panics when an invariant is
//! broken.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::{Machine, Time};

use super::{BreadthPolicy, ContextId, Event, HopId, Output, PathPolicy, Proxy, ProxyConfig, Target, TargetSet};
use crate::endpoint::{ConnectionId, Flow, Reply, Transport};
use crate::fuzz::Script;
use crate::{HeaderName, Host, Message, Method, NameAddr, Request, Response, StatusCode, Uri};

/// Plays a script of datagrams, stream bytes, time steps, plausible messages and commands on one proxy, whatever the bytes
/// are. Afterwards nobody says anything any more, and nothing may be left.
pub fn proxy(script: &[u8]) {
    let mut script = Script::new(script);
    let mut player = Player::new(script.number());
    script.play(|operation, script| player.play(operation, script));
    player.finish();
}

const LIMIT: usize = 6;

struct Player {
    proxy: Proxy,
    now: Time,
    flow: Flow,
    contexts: Vec<ContextId>,
    hops: Vec<HopId>,
    /// What was forwarded last.
    forwarded: Vec<Request>,
    /// The contexts that must come to one end each, and how many they came to.
    ends: BTreeMap<ContextId, u32>,
}

impl Player {
    fn new(choice: u64) -> Self {
        let here = SocketAddr::from(([192, 0, 2, 1], 5060));
        let there = SocketAddr::from(([192, 0, 2, 2], 5060));
        let listen = [(Transport::Udp, here), (Transport::Tcp, here)];
        let mut config = ProxyConfig::new(listen, ["example.com"]);
        config.limits.server_transactions = LIMIT;
        config.limits.client_transactions = 4 * LIMIT;
        config.limits.targets = LIMIT;
        config.limits.resolutions = 2;
        config.limits.connections = 2;
        config.limits.proxy_output = 64;
        config.stateless = choice & 1 != 0;
        config.history = choice & 2 != 0;
        config.outbound = (choice & 32 != 0).then(|| crate::outbound::FlowToken::new([9; 32]));
        config.breadth = if choice & 4 != 0 {
            BreadthPolicy::Serialize
        } else {
            BreadthPolicy::Refuse
        };
        config.path = if choice & 8 != 0 {
            PathPolicy::Always
        } else {
            PathPolicy::Never
        };
        config.max_breadth = if choice & 16 != 0 { 2 } else { 60 };
        Self {
            proxy: Proxy::new(config, [3; 32]),
            now: Time::from_secs(1_700_000_000),
            flow: Flow::udp(here, there),
            contexts: Vec::new(),
            hops: Vec::new(),
            forwarded: Vec::new(),
            ends: BTreeMap::new(),
        }
    }

    fn play(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 9 {
            0 => {
                let data = Bytes::copy_from_slice(script.bytes());
                self.proxy.receive(self.now, self.flow, data);
            }
            1 => {
                let flow = Flow {
                    transport: Transport::Tcp,
                    connection: Some(ConnectionId(script.number() % 4)),
                    ..self.flow
                };
                let data = Bytes::copy_from_slice(script.bytes());
                self.proxy.receive(self.now, flow, data);
            }
            2 => {
                self.now += Duration::from_millis(script.number() * script.number() * 4);
                self.proxy.handle_timeout(self.now);
            }
            3 | 4 => self.answer(script),
            5 => self.ask(script),
            6 => {
                let connection = ConnectionId(script.number() % 4);
                self.proxy.connection_closed(self.now, connection);
                self.proxy.unreachable(self.now, Transport::Udp, self.flow.remote);
            }
            _ => self.command(script),
        }
        self.drain();
    }

    /// A response to one of the last requests that were forwarded.
    fn answer(&mut self, script: &mut Script<'_>) {
        let back = script.byte().unwrap_or_default();
        let Some(request) = self.forwarded.iter().rev().nth(usize::from(back % 4)) else {
            return;
        };
        let codes = [
            100, 180, 183, 200, 200, 202, 302, 401, 404, 407, 408, 440, 486, 487, 503, 603,
        ];
        let status = script
            .choice(&codes)
            .and_then(|code| StatusCode::try_from(code).ok())
            .unwrap_or(StatusCode::OK);
        let mut response = Response::to_request(request, status, None);
        response.set_to_tag(&format!("t{}", script.number() % 3));
        let headers = response.headers_mut();
        let contact = format!("<sip:other{}@192.0.2.3>;q=0.{}", back / 16, back % 8);
        headers.push(HeaderName::Contact, contact);
        headers.push(HeaderName::WwwAuthenticate, "Digest realm=\"r\", nonce=\"n\"");
        self.proxy.receive(self.now, self.flow, response.to_bytes());
    }

    /// A request of a caller.
    fn ask(&mut self, script: &mut Script<'_>) {
        let methods = ["INVITE", "INVITE", "ACK", "CANCEL", "BYE", "MESSAGE", "REGISTER", "X"];
        let method = script.choice(&methods).unwrap_or("X");
        let uris = [
            "sip:bob@example.com",
            "sip:bob@192.0.2.3",
            "sip:bob@gw.example.net",
            "tel:+49",
            "sip:192.0.2.1:5060;lr",
            "sip:bob@x;maddr=192.0.2.1",
        ];
        let uri = script.choice(&uris).unwrap_or("sip:bob@example.com");
        let routes = [
            "",
            "",
            "Route: <sip:192.0.2.1;lr>\r\n",
            "Route: <sip:192.0.2.3>, <sip:a@b;lr>\r\n",
            "Route: <sip:192.0.2.1;lr;r2=on>, <sip:192.0.2.1;transport=tcp;lr;r2=on>\r\n",
            "Max-Breadth: 3\r\nPrivacy: history;id\r\nP-Asserted-Identity: <sip:x@y>\r\n",
        ];
        let extra = script.choice(&routes).unwrap_or_default();
        let number = script.number();
        let (branch, tag) = (number % 16, if number & 16 == 0 { "" } else { ";tag=b" });
        let hops = if number & 32 == 0 { 70 } else { number % 3 };
        let cookie = if number & 64 == 0 { "z9hG4bK" } else { "" };
        let loops = self.forwarded.last().filter(|_| number & 128 != 0);
        let via = loops
            .and_then(|request| request.headers().items(&HeaderName::Via).next())
            .map(|via| format!("Via: {}\r\n", String::from_utf8_lossy(via)))
            .unwrap_or_default();
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;rport;branch={cookie}{branch}\r\n{via}\
             Max-Forwards: {hops}\r\nFrom: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>{tag}\r\n\
             Call-ID: c{branch}\r\nCSeq: 1 {method}\r\nContact: <sip:alice@192.0.2.2>\r\n{extra}\
             Content-Length: 0\r\n\r\n"
        );
        self.proxy.receive(self.now, self.flow, text.into());
    }

    /// What an embedder does, mostly with the last handles.
    fn command(&mut self, script: &mut Script<'_>) {
        let choice = script.byte().unwrap_or_default();
        let back = usize::from(choice / 64);
        let context = self.contexts.iter().rev().nth(back).copied().unwrap_or_default();
        let (proxy, now) = (&mut self.proxy, self.now);
        match choice % 8 {
            0..=2 => drop(proxy.forward(now, context, targets(script))),
            3 => {
                if proxy.forward_stateless(now, context, target(choice)).is_ok() {
                    self.ends.remove(&context);
                }
            }
            4 => {
                let status = script
                    .choice(&[180_u16, 200, 302, 404, 480, 603])
                    .and_then(|code| StatusCode::try_from(code).ok());
                let _ = proxy.respond(now, context, status.unwrap_or(StatusCode::OK), Reply::new());
            }
            5 => drop(proxy.give_up(now, context)),
            6 => drop(proxy.challenge(now, context, &["Digest realm=\"r\", nonce=\"n\"".into()])),
            _ => {
                let hop = self.hops.pop().unwrap_or_default();
                let flows: Vec<Flow> = (2..2 + script.number() % 4)
                    .filter_map(|n| {
                        let ip = [192, 0, 2, u8::try_from(n).ok()?];
                        proxy.flow_to(Transport::Udp, SocketAddr::from((ip, 5060)))
                    })
                    .collect();
                let _ = proxy.resolved(now, hop, &flows);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.proxy.poll_output() {
            match output {
                Output::Transmit(transmit)
                    if &transmit.data[..] != b"\r\n" && !crate::outbound::stun::is_stun(&transmit.data) =>
                {
                    self.sent(transmit.data);
                }
                Output::Transmit(_) | Output::CloseConnection(_) => {}
                Output::Event(Event::Request { context, request, .. }) => {
                    self.contexts.push(context);
                    if *request.method() != Method::Ack {
                        self.ends.insert(context, 0);
                    }
                }
                Output::Event(Event::Answered { context, .. } | Event::Unanswered { context }) => {
                    if let Some(ends) = self.ends.get_mut(&context) {
                        *ends += 1;
                    }
                }
                Output::Event(Event::Resolve { hop, .. }) => self.hops.push(hop),
                Output::Event(_) => {}
            }
        }
        let live = self.proxy.live();
        assert!(
            live.contexts <= 2 * LIMIT && live.resolutions <= 2 && live.connections <= 2,
            "{live:?}"
        );
        // Twice as many within dialogs, and each INVITE may have its CANCEL.
        assert!(live.branches <= 16 * LIMIT, "{live:?}");
    }

    fn sent(&mut self, data: Bytes) {
        match Message::parse(data.clone()) {
            Ok(Message::Request(request)) => {
                if !matches!(request.method(), Method::Ack) {
                    self.forwarded.push(request);
                }
            }
            Ok(Message::Response(_)) => {}
            // What came with as many Vias or headers as may be leaves with one more.
            Err(error) => assert!(
                matches!(error.status().code(), 483 | 513),
                "sent what cannot be read: {error:?}"
            ),
        }
    }

    fn finish(&mut self) {
        let mut steps = 0;
        while let Some(due) = self.proxy.poll_timeout() {
            self.now = self.now.max(due);
            self.proxy.handle_timeout(self.now);
            self.drain();
            assert!(
                self.proxy.poll_timeout().is_none_or(|next| next > self.now),
                "due again at once"
            );
            steps += 1;
            assert!(steps < 200_000, "timers without end: {:?}", self.proxy.live());
        }
        assert_eq!(self.proxy.live(), super::ProxyLive::default(), "left over");
        assert!(
            self.proxy.index.is_empty() && self.proxy.in_flight.is_empty(),
            "left over"
        );
        assert!(self.ends.values().all(|ends| *ends == 1), "{:?}", self.ends);
    }
}

fn target(choice: u8) -> Target {
    let host = match choice % 5 {
        0 => "192.0.2.3",
        1 => "192.0.2.4",
        2 => "gw.example.net",
        3 => "[2001:db8::1]",
        _ => "192.0.2.1",
    };
    let uri = Uri::sip(Some("bob"), Host::from(host), None);
    let mut target = Target::new(uri.with_param("n", Some(&choice.to_string()))).q(u16::from(choice));
    if choice & 64 != 0 {
        target.uri = target.uri.map(|uri| uri.with_param("transport", Some("tcp")));
    }
    if choice & 128 != 0 {
        target.route = NameAddr::parse(b"<sip:192.0.2.3>").into_iter().collect();
    }
    target
}

fn targets(script: &mut Script<'_>) -> TargetSet {
    let choice = script.byte().unwrap_or_default();
    let all: Vec<Target> = (0..choice % 8)
        .map(|_| target(script.byte().unwrap_or_default()))
        .collect();
    let set = match choice / 8 % 4 {
        0 => TargetSet::parallel(all),
        1 => TargetSet::serial(all),
        2 => TargetSet::by_q(all),
        _ => TargetSet::as_is(),
    };
    let set = if choice & 64 != 0 {
        set.ring_for(Duration::from_secs(u64::from(choice)))
            .then([target(choice)])
    } else {
        set
    };
    if choice & 128 != 0 { set.recursing() } else { set }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scripts_of_whole_calls_do_play() {
        let mut player = Player::new(0);
        for (operation, rest) in [
            // INVITE, two targets at once, 180 and 200 of one.
            (5, vec![0, 0, 0, 1]),
            (7, vec![0, 2, 0, 1]),
            (3, vec![0, 1, 1]),
            (3, vec![1, 3, 2]),
        ] {
            player.play(operation, &mut Script::new(&rest));
        }
        assert_eq!(player.contexts.len(), 1);
        let cancels = player
            .forwarded
            .iter()
            .filter(|request| *request.method() == Method::Cancel);
        assert_eq!(cancels.count(), 1, "{:?}", player.forwarded);
        player.finish();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_script(script in prop::collection::vec(any::<u8>(), 0..600)) {
            proxy(&script);
        }
    }
}
