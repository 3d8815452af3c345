//! The body of the fuzz target for the whole endpoint, so that plain tests replay the corpus. It panics when an invariant
//! is broken.

use core::time::Duration;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::{Machine, Time};

use super::{
    Body, ConnectionId, Endpoint, EndpointConfig, Event, Flow, Invite, Notify, Output, PublicationId, Publish,
    Referral, Reply, SessionId, Subscribe, SubscriptionId, Transport,
};
use crate::dialog::raw::tag_of;
use crate::fuzz::Script;
use crate::guard::{GuardConfig, Rate};
use crate::header::EventHeader;
use crate::{HeaderName, Host, Message, Method, NameAddr, Response, StatusCode, Uri};

/// Plays a script of datagrams, stream bytes, time steps, plausible messages and commands on one endpoint, whatever the
/// bytes are. Afterwards everything is hung up, nobody answers any more, and nothing may be left.
pub fn endpoint(script: &[u8]) {
    let mut player = Player::new();
    let mut script = Script::new(script);
    script.play(|operation, script| player.play(operation, script));
    player.finish();
}

struct Player {
    endpoint: Endpoint,
    now: Time,
    flow: Flow,
    sessions: Vec<SessionId>,
    subscriptions: Vec<SubscriptionId>,
    publications: Vec<PublicationId>,
    events: Vec<Event>,
    /// The last request and response that were sent.
    request: Option<crate::Request>,
    response: Option<Response>,
}

const LIMIT: usize = 8;

impl Player {
    fn new() -> Self {
        let here = SocketAddr::from(([192, 0, 2, 1], 5060));
        let there = SocketAddr::from(([192, 0, 2, 2], 5060));
        let mut config = EndpointConfig::new([(Transport::Udp, here), (Transport::Tcp, here)]);
        config.limits.sessions = LIMIT;
        config.limits.subscriptions = LIMIT;
        config.limits.server_transactions = 4 * LIMIT;
        config.limits.client_transactions = 4 * LIMIT;
        config.limits.refers = LIMIT;
        config.limits.publications = LIMIT;
        config.methods.push(Method::Publish);
        config.info_packages = vec!["a".to_owned()];
        config.limits.connections = 2;
        config.session_timers = super::SessionTimers::Requested;
        config.session_expires = Duration::from_secs(120);
        let mut guard = GuardConfig::default();
        (guard.requests, guard.packets) = (Rate::new(5, 60), Rate::new(20, 200));
        (guard.failures, guard.authenticated_failures, guard.user_failures) = (3, 5, 4);
        (guard.connections, guard.max_sources, guard.max_bans) = (2, 2, 2);
        config.guard = Some(guard);
        Self {
            endpoint: Endpoint::new(config, [3; 32]),
            now: Time::from_secs(1_700_000_000),
            flow: Flow::udp(here, there),
            sessions: Vec::new(),
            subscriptions: Vec::new(),
            publications: Vec::new(),
            events: Vec::new(),
            request: None,
            response: None,
        }
    }

    fn play(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 8 {
            0 => self
                .endpoint
                .receive(self.now, self.flow, Bytes::copy_from_slice(script.bytes())),
            1 => {
                let connection = Some(ConnectionId(script.number() % 4));
                let flow = Flow {
                    transport: Transport::Tcp,
                    connection,
                    ..self.flow
                };
                self.endpoint
                    .receive(self.now, flow, Bytes::copy_from_slice(script.bytes()));
            }
            2 => {
                self.now += Duration::from_millis(script.number() * script.number());
                self.endpoint.handle_timeout(self.now);
            }
            3 => self.answer(script),
            4 => self.ask(script),
            5 => {
                let number = script.number();
                if number & 0x80 != 0 {
                    return self.guard(number);
                }
                let connection = ConnectionId(number % 4);
                self.endpoint.connection_closed(self.now, connection);
                self.endpoint.unreachable(self.now, Transport::Udp, self.flow.remote);
            }
            _ => self.command(script.byte().unwrap_or_default()),
        }
        self.drain();
    }

    /// What an embedder tells its guard.
    fn guard(&mut self, number: u64) {
        let (endpoint, now, flow) = (&mut self.endpoint, self.now, self.flow);
        match number % 4 {
            0 => endpoint.authenticated(now, flow),
            1 | 2 => endpoint.authentication_failed(now, flow, if number & 0x40 == 0 { "a" } else { "b" }),
            _ if number & 0x40 == 0 => drop(endpoint.unban(now, flow.remote.ip())),
            _ => endpoint.ban(now, flow.remote.ip(), Duration::from_secs(number)),
        }
        self.drain();
    }

    /// A response to the last request.
    fn answer(&mut self, script: &mut Script<'_>) {
        let Some(request) = &self.request else { return };
        let codes = [
            100, 180, 183, 200, 200, 202, 204, 302, 401, 404, 407, 408, 412, 423, 481, 486, 487, 491, 503, 183, 422,
            500, 405,
        ];
        let code = codes.get(usize::from(script.byte().unwrap_or_default()) % codes.len());
        let status = code
            .and_then(|code| StatusCode::try_from(*code).ok())
            .unwrap_or(StatusCode::OK);
        let mut response = Response::to_request(request, status, None);
        response.set_to_tag(&format!("t{}", script.number() % 3));
        let headers = response.headers_mut();
        headers.push(HeaderName::Contact, "<sip:peer@192.0.2.2>");
        headers.push(
            HeaderName::WwwAuthenticate,
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
        );
        let number = script.number();
        headers.push(HeaderName::Expires, format!("{number}"));
        headers.push(HeaderName::MinExpires, format!("{}", number * 2));
        headers.push(HeaderName::SipEtag, format!("e{number}"));
        headers.push(HeaderName::RecvInfo, "a");
        match number % 4 {
            0 => headers.push(HeaderName::RetryAfter, format!("{number}")),
            1 => headers.push(HeaderName::ReferSub, "false"),
            _ => {}
        }
        extend_response(&mut response, script.number());
        self.endpoint.receive(self.now, self.flow, response.to_bytes());
    }

    /// A request, in the last dialog or in none.
    fn ask(&mut self, script: &mut Script<'_>) {
        let methods = [
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
            "OPTIONS",
            "INFO",
            "UPDATE",
            "REGISTER",
            "PUBLISH",
            "MESSAGE",
            "PRACK",
        ];
        let method = methods
            .get(usize::from(script.byte().unwrap_or_default()) % methods.len())
            .unwrap_or(&"OPTIONS");
        let (number, branch, expires, more) = (script.number(), script.number(), script.number(), script.number());
        let (from, to, call_id) = self.names(number, branch);
        let rseq = value(self.response.as_ref().map(Response::headers), HeaderName::RSeq);
        let cseq = value(self.response.as_ref().map(Response::headers), HeaderName::CSeq);
        let extras = extensions(more);
        let body = if more & 0x80 == 0 { "" } else { "v=0" };
        let text = format!(
            "{method} sip:us@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{branch}\r\nFrom: {from}\r\n\
             To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {} {method}\r\nContact: <sip:peer@192.0.2.2>\r\n\
             Refer-To: <sip:x@example.com>\r\nEvent: dialog{}\r\nExpires: {expires}\r\n{}\
             Subscription-State: {};expires={expires}\r\nSIP-ETag: e{expires}\r\n{extras}RAck: {rseq} {cseq}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            branch * 7 + number,
            if expires % 5 == 1 { ";max-rate=0.01" } else { "" },
            match expires % 6 {
                0 => "Suppress-If-Match: *\r\n",
                1 => "Refer-Sub: false\r\n",
                2 => "Info-Package: b\r\n",
                3 => "Target-Dialog: a;local-tag=b;remote-tag=c\r\n",
                _ => "",
            },
            if expires % 7 == 3 {
                "terminated;reason=deactivated"
            } else {
                "active"
            },
            body.len(),
        );
        self.endpoint.receive(self.now, self.flow, text.into());
    }

    /// From, To and Call-ID of a request in the dialog of the last response or request, or in none.
    fn names(&self, number: u64, branch: u64) -> (String, String, String) {
        match (number % 3, &self.response, &self.request) {
            (0, Some(response), _) => {
                let headers = Some(response.headers());
                (
                    value(headers, HeaderName::From),
                    value(headers, HeaderName::To),
                    value(headers, HeaderName::CallId),
                )
            }
            (1, _, Some(request)) => {
                let headers = Some(request.headers());
                let peer = value(headers, HeaderName::To);
                let peer = if tag_of(peer.as_bytes()).is_some() {
                    peer
                } else {
                    format!("{peer};tag=t0")
                };
                (
                    peer,
                    value(headers, HeaderName::From),
                    value(headers, HeaderName::CallId),
                )
            }
            _ => (
                "<sip:peer@example.com>;tag=p".into(),
                "<sip:us@example.com>".into(),
                format!("c{branch}"),
            ),
        }
    }

    /// What an embedder does, mostly with the last handles.
    fn command(&mut self, choice: u8) {
        let (endpoint, now) = (&mut self.endpoint, self.now);
        let session = self.sessions.last().copied().unwrap_or_default();
        let us = NameAddr::new(Uri::sip(Some("us"), Host::from("example.com"), None));
        let peer = Uri::sip(Some("peer"), self.flow.remote.ip(), None);
        let sdp = || Reply::new().body(Body::sdp("v=0"));
        match choice % 22 {
            0 => {
                let mut invite = Invite::new(peer.clone(), us, NameAddr::new(peer));
                invite.credentials = Some(super::Credentials::new("u", "p"));
                invite.body = (choice & 0x80 == 0).then(|| Body::sdp("v=0"));
                invite.reliability = Some(super::Reliability::Supported);
                self.sessions.extend(endpoint.invite(now, invite));
            }
            1 => drop(endpoint.provisional(now, session, StatusCode::RINGING, Reply::new())),
            2 => drop(endpoint.answer(now, session, sdp())),
            3 => drop(endpoint.reject(now, session, StatusCode::BUSY_HERE, Reply::new())),
            4 => drop(endpoint.hang_up(now, session, None)),
            5 => drop(endpoint.reinvite(now, session, sdp())),
            6 => drop(endpoint.acknowledge(now, session, None)),
            7 => drop(endpoint.send_info(now, session, "a", None)),
            8 => drop(endpoint.refer(now, session, us, Reply::new())),
            9 => {
                let event = EventHeader::new("dialog");
                let subscribe = Subscribe::new(
                    peer.clone(),
                    us,
                    NameAddr::new(peer),
                    event,
                    Duration::from_secs(choice.into()),
                );
                self.subscriptions.extend(endpoint.subscribe(now, subscribe));
            }
            13..=16 => self.command_events(choice),
            10 => self.react(choice),
            11 => {
                let oldest = (!self.sessions.is_empty()).then(|| self.sessions.remove(0));
                self.sessions.extend(oldest);
            }
            17..=21 => self.negotiate(choice % 22, session),
            _ => {
                let subscription = self.events.iter().rev().find_map(|event| {
                    let (Event::SubscriptionAccepted { subscription, .. } | Event::Notified { subscription, .. }) =
                        event
                    else {
                        return None;
                    };
                    Some(*subscription)
                });
                let _ = endpoint.unsubscribe(now, subscription.unwrap_or_default());
            }
        }
    }

    /// Early media, UPDATE and PRACK.
    fn negotiate(&mut self, choice: u8, session: SessionId) {
        let (endpoint, now) = (&mut self.endpoint, self.now);
        let sdp = Reply::new().body(Body::sdp("v=0"));
        match choice {
            17 => drop(endpoint.provisional(now, session, StatusCode::SESSION_PROGRESS, sdp)),
            18 => drop(endpoint.provisional_reliably(now, session, StatusCode::RINGING, sdp)),
            19 => drop(endpoint.update(now, session, sdp)),
            20 => drop(endpoint.update(now, session, Reply::new())),
            _ => {
                let due = self.events.iter().rev().find_map(|event| {
                    let Event::Progress {
                        session,
                        response,
                        prack_due: true,
                    } = event
                    else {
                        return None;
                    };
                    Some((*session, response))
                });
                let _ = due.map(|(session, response)| endpoint.prack(now, session, response, sdp));
            }
        }
    }

    /// What concerns subscriptions, referrals and publications.
    fn command_events(&mut self, choice: u8) {
        let (endpoint, now) = (&mut self.endpoint, self.now);
        let us = NameAddr::new(Uri::sip(Some("us"), Host::from("example.com"), None));
        let peer = Uri::sip(Some("peer"), self.flow.remote.ip(), None);
        match choice % 22 {
            13 => {
                let event = EventHeader::new("dialog");
                let mut subscribe =
                    Subscribe::new(peer.clone(), us, NameAddr::new(peer), event, Duration::from_secs(300));
                subscribe.persist = (choice & 0x80 != 0).then(|| Duration::from_secs(60));
                subscribe.all_forks = choice & 0x40 != 0;
                subscribe.etag = (choice & 0x20 != 0).then(|| "e0".into());
                self.subscriptions.extend(endpoint.subscribe(now, subscribe));
            }
            14 => {
                let mut referral = Referral::new(peer.clone(), us.clone(), NameAddr::new(peer), us);
                referral.silent = choice & 0x80 != 0;
                self.subscriptions.extend(endpoint.send_refer(now, referral));
            }
            15 => {
                let (event, body) = (EventHeader::new("presence"), Body::new("a/b", "x"));
                let publish = Publish::new(peer, us.clone(), us, event, body);
                self.publications.extend(endpoint.publish(now, publish));
            }
            _ => {
                let publication = self.publications.last().copied().unwrap_or_default();
                let _ = match choice & 0x80 {
                    0 => endpoint.republish(now, publication, Body::new("a/b", "y")),
                    _ => endpoint.unpublish(now, publication),
                };
            }
        }
    }

    /// Answers the last event.
    fn react(&mut self, choice: u8) {
        let (endpoint, now) = (&mut self.endpoint, self.now);
        match self.events.pop() {
            Some(Event::Refer { refer, .. }) => {
                let _ = endpoint.accept_refer(now, refer);
                let _ = endpoint.notify_refer(now, refer, StatusCode::RINGING, None);
                if choice & 0x80 != 0 {
                    let _ = endpoint.notify_refer(now, refer, StatusCode::OK, None);
                }
            }
            Some(Event::Request { request_id, .. }) => {
                let _ = endpoint.respond(now, request_id, StatusCode::OK, Reply::new());
            }
            Some(Event::Subscribe {
                request_id, expires, ..
            }) => {
                let expires = expires.unwrap_or(Duration::from_secs(60)).min(Duration::from_secs(300));
                if let Ok(subscription) = endpoint.accept_subscription(now, request_id, expires) {
                    let _ = endpoint.notify(
                        now,
                        subscription,
                        Notify::active(Body::new("text/plain", "x")).etag("e0"),
                    );
                }
            }
            _ => {}
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit(transmit) if &transmit.data[..] != b"\r\n" => {
                    let message = Message::parse(transmit.data);
                    assert!(message.is_ok(), "sent what cannot be read: {message:?}");
                    match message {
                        Ok(Message::Request(request)) => self.request = Some(request),
                        Ok(Message::Response(response)) => self.response = Some(response),
                        Err(_) => {}
                    }
                }
                Output::Transmit(_) | Output::CloseConnection(_) => {}
                Output::Event(event) => {
                    if let Event::Invite { session, .. } = &event {
                        self.sessions.push(*session);
                    }
                    self.events.push(event);
                }
            }
        }
        let live = self.endpoint.live();
        let guard = self.endpoint.guard().map(crate::guard::Guard::live).unwrap_or_default();
        assert!(guard.sources <= 2 && guard.bans + guard.past_bans <= 2, "{guard:?}");
        assert!(
            live.subscriptions <= LIMIT && live.refers <= LIMIT && live.publications <= LIMIT && live.connections <= 2,
            "{live:?}"
        );
        assert!(
            live.sessions <= LIMIT && live.server_transactions <= 8 * LIMIT,
            "{live:?}"
        );
    }

    fn finish(&mut self) {
        for session in core::mem::take(&mut self.sessions) {
            let _ = self.endpoint.hang_up(self.now, session, None);
        }
        for subscription in core::mem::take(&mut self.subscriptions) {
            let _ = self.endpoint.unsubscribe(self.now, subscription);
        }
        for publication in core::mem::take(&mut self.publications) {
            let _ = self.endpoint.unpublish(self.now, publication);
        }
        let mut steps = 0;
        while let Some(due) = self.endpoint.poll_timeout() {
            self.now = self.now.max(due);
            self.endpoint.handle_timeout(self.now);
            self.drain();
            assert!(
                self.endpoint.poll_timeout().is_none_or(|next| next > self.now),
                "due again at once"
            );
            steps += 1;
            assert!(steps < 200_000, "timers without end: {:?}", self.endpoint.live());
        }
        self.drain();
        assert_eq!(self.endpoint.live(), super::Live::default(), "left over");
    }
}

/// 100rel, session timers and a body, one a bit.
fn extend_response(response: &mut Response, bits: u64) {
    let provisional = response.status().is_provisional();
    let headers = response.headers_mut();
    if bits & 1 != 0 && provisional {
        headers.push(HeaderName::Require, "100rel");
        headers.push(HeaderName::RSeq, format!("{}", 1 + bits / 16));
    }
    if bits & 2 != 0 {
        let seconds = bits * 2;
        headers.push(HeaderName::SessionExpires, format!("{seconds};refresher=uas"));
        headers.push(HeaderName::MinSe, format!("{seconds}"));
        headers.push(HeaderName::Allow, "INVITE, UPDATE");
    }
    if bits & 4 != 0 {
        response.set_body("application/sdp", "v=0".into());
    }
}

/// Headers of extensions, one a bit.
fn extensions(bits: u64) -> String {
    let lines = [
        "Require: 100rel\r\n",
        "Supported: 100rel, timer\r\n",
        "Session-Expires: 120\r\n",
        "Session-Expires: 90;refresher=uas\r\nMin-SE: 100\r\n",
        "Join: c1;to-tag=1;from-tag=2\r\n",
        "Answer-Mode: Auto;require\r\n",
        "Allow: UPDATE\r\n",
    ];
    let chosen = (0..).zip(lines).filter(|(bit, _)| bits & (1 << bit) != 0);
    chosen.map(|(_, line)| line).collect()
}

fn value(headers: Option<&crate::Headers>, name: HeaderName) -> String {
    headers
        .and_then(|headers| headers.get_str(&name))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scripts_of_whole_calls_do_play() {
        // INVITE by us, 180 and 200, then INFO; INVITE by the peer, answered.
        let mut player = Player::new();
        for (operation, rest) in [
            (6, vec![0]),
            (3, vec![1, 0, 0]),
            (3, vec![3, 0, 0]),
            (6, vec![7]),
            (4, vec![0, 2, 9, 0]),
            (6, vec![2]),
        ] {
            player.play(operation, &mut Script::new(&rest));
        }
        assert!(
            player
                .events
                .iter()
                .any(|event| matches!(event, Event::Answered { .. }))
        );
        assert!(player.events.iter().any(|event| matches!(event, Event::Invite { .. })));
        assert_eq!(player.response.as_ref().map(Response::status), Some(StatusCode::OK));
        player.finish();
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_script(script in prop::collection::vec(any::<u8>(), 0..600)) {
            endpoint(&script);
        }
    }
}
