//! RFC 3665 §3: sessions.

use sip_core::{Event, Invite, Reply, SessionId, StatusCode};

use crate::network::secs;
use crate::stage::{Stage, credentials, sdp};

pub const BOB: &str = "sip:bob@biloxi.example.com";

/// Alice and her proxy in Atlanta, Bob and his in Biloxi.
pub struct Trapezoid {
    pub stage: Stage,
    pub alice: usize,
    pub bob: usize,
    pub proxy1: usize,
    pub proxy2: usize,
}

impl Trapezoid {
    pub fn new() -> Self {
        let mut stage = Stage::new();
        let alice = stage.phone("alice", "atlanta.example.com");
        let bob = stage.phone("bob", "biloxi.example.com");
        let proxy1 = stage.proxy("proxy1", "atlanta.example.com", |config| {
            config.realm = Some("atlanta.example.com".into());
        });
        let proxy2 = stage.proxy("proxy2", "biloxi.example.com", |config| {
            config.realm = Some("biloxi.example.com".into());
        });
        stage.resolve(proxy1, "biloxi.example.com", proxy2);
        stage.locate(proxy2, "bob@biloxi.example.com", &[bob]);
        Self {
            stage,
            alice,
            bob,
            proxy1,
            proxy2,
        }
    }

    /// Alice's INVITE by way of her proxy, and her answers to challenges.
    pub fn invite(&self) -> Invite {
        let mut invite = self.stage.routed(self.alice, BOB, self.proxy1);
        invite.credentials = Some(credentials().and(credentials().with_realm("biloxi.example.com")));
        invite
    }

    pub fn call(&mut self) -> SessionId {
        let invite = self.invite();
        let call = self.stage.call(self.alice, invite);
        self.stage.dwell();
        call
    }
}

#[test]
fn rfc3665_3_1_successful_session_establishment() {
    let mut stage = Stage::new();
    let (alice, bob) = (
        stage.phone("alice", "atlanta.example.com"),
        stage.phone("bob", "biloxi.example.com"),
    );
    let call = stage.call(alice, stage.invite(alice, BOB, bob));
    let ringing = stage.ring(bob);
    stage.answer(bob, ringing);
    assert!(stage.net.endpoint(alice).session_info(call).is_some());
    stage.hang_up(bob, ringing);
    assert_eq!(stage.events(alice), ["Progress", "Answered", "Ended"]);
    assert_eq!(stage.events(bob), ["Invite", "Confirmed"]);
    let f = stage.end(
        "F1 alice → bob   INVITE
         F2 bob   → alice 180 INVITE
         F3 bob   → alice 200 INVITE
         F4 alice → bob   ACK
         F5 bob   → alice BYE
         F6 alice → bob   200 BYE",
    );
    f.same_call(&[1, 2, 3, 4, 5, 6]);
    assert_eq!(f.target(1), BOB);
    assert_eq!(f.target(4), "sip:bob@192.0.2.102:5060", "Bob's Contact");
    assert_eq!(f.target(5), "sip:alice@192.0.2.101:5060", "Alice's Contact");
    assert_eq!(f.get(3, "Contact"), "<sip:bob@192.0.2.102:5060>");
    assert!(f.tag(1, "From").is_some() && f.tag(1, "To").is_none());
    assert_eq!(f.tag(2, "To"), f.tag(3, "To"));
    assert_eq!(
        (f.tag(5, "From"), f.tag(5, "To")),
        (f.tag(3, "To"), f.tag(1, "From")),
        "the other way round"
    );
    assert_eq!(f.get(4, "CSeq"), f.get(1, "CSeq").replace("INVITE", "ACK"));
    assert_eq!((f.get(2, "Via"), f.get(3, "Via")), (f.get(2, "Via"), f.get(2, "Via")));
    assert_ne!(
        f.get(4, "Via"),
        f.get(1, "Via"),
        "the ACK of a 2xx is a transaction of its own"
    );
    assert_eq!((f.body(1), f.body(3)), ("offer".into(), "answer".into()));
}

#[test]
fn rfc3665_3_2_session_establishment_through_two_proxies() {
    let mut t = Trapezoid::new();
    t.stage.challenge(t.proxy1, "atlanta.example.com");
    t.call();
    let ringing = t.stage.ring(t.bob);
    t.stage.answer(t.bob, ringing);
    t.stage.hang_up(t.bob, ringing);
    let f = t.stage.end(
        "F1  alice  → proxy1 INVITE
         F2  proxy1 → alice  407 INVITE
         F3  alice  → proxy1 ACK
         F4  alice  → proxy1 INVITE
         F5  proxy1 → proxy2 INVITE
         F7  proxy2 → bob    INVITE
         F6  proxy1 → alice  100 INVITE
         F8  proxy2 → proxy1 100 INVITE
         F9  bob    → proxy2 180 INVITE
         F10 proxy2 → proxy1 180 INVITE
         F11 proxy1 → alice  180 INVITE
         F12 bob    → proxy2 200 INVITE
         F13 proxy2 → proxy1 200 INVITE
         F14 proxy1 → alice  200 INVITE
         F15 alice  → proxy1 ACK
         F16 proxy1 → proxy2 ACK
         F17 proxy2 → bob    ACK
         F18 bob    → proxy2 BYE
         F19 proxy2 → proxy1 BYE
         F20 proxy1 → alice  BYE
         F21 alice  → proxy1 200 BYE
         F22 proxy1 → proxy2 200 BYE
         F23 proxy2 → bob    200 BYE",
    );
    f.same_call(&[1, 2, 3, 4, 5, 7, 14, 17, 20, 23]);
    assert_eq!(f.all(1, "Route"), ["<sip:192.0.2.3:5060;lr>"]);
    assert_eq!(f.get(3, "CSeq"), f.get(1, "CSeq").replace("INVITE", "ACK"));
    assert_eq!(
        f.get(3, "Via"),
        f.get(1, "Via"),
        "the ACK of a failure belongs to its transaction"
    );
    assert_eq!(f.cseq(4), f.cseq(1) + 1);
    assert!(
        f.get(4, "Proxy-Authorization")
            .contains("realm=\"atlanta.example.com\"")
    );
    assert!(!f.has(5, "Proxy-Authorization"), "used up by the proxy that asked");
    assert!(!f.has(5, "Route"), "used up");
    assert_eq!(
        (f.target(5), f.target(7)),
        (BOB.to_owned(), "sip:bob@192.0.2.102:5060".to_owned())
    );
    assert_eq!(
        (f.hops(4), f.hops(5), f.hops(7), f.hops(9), f.hops(10), f.hops(11)),
        (1, 2, 3, 3, 2, 1)
    );
    assert_eq!(
        (f.get(4, "Max-Forwards"), f.get(7, "Max-Forwards")),
        ("70".into(), "68".into())
    );
    let routes = f.all(7, "Record-Route");
    assert_eq!(routes, ["<sip:192.0.2.4:5060;lr>", "<sip:192.0.2.3:5060;lr>"]);
    assert_eq!(f.all(14, "Record-Route"), routes);
    let back: Vec<_> = routes.iter().rev().cloned().collect();
    assert_eq!(
        (f.all(15, "Route"), f.all(18, "Route")),
        (back, routes),
        "each from its own end"
    );
    assert_eq!((f.all(16, "Route").len(), f.has(17, "Route")), (1, false));
    assert_eq!(f.target(15), "sip:bob@192.0.2.102:5060");
}

#[test]
fn rfc3665_3_3_session_with_multiple_proxy_authentication() {
    let mut t = Trapezoid::new();
    t.stage.challenge(t.proxy1, "atlanta.example.com");
    t.stage.challenge(t.proxy2, "biloxi.example.com");
    t.call();
    // F6 is a 100: who answers at once, here with 407, need not send it.
    let session = t.stage.pick_up(t.bob);
    t.stage.hang_up(t.bob, session);
    let f = t.stage.end(
        "F1  alice  → proxy1 INVITE
         F2  proxy1 → alice  407 INVITE
         F3  alice  → proxy1 ACK
         F4  alice  → proxy1 INVITE
         F5  proxy1 → proxy2 INVITE
         F7  proxy2 → proxy1 407 INVITE
         F8  proxy1 → proxy2 ACK
         F9  proxy1 → alice  407 INVITE
         F10 alice  → proxy1 ACK
         F11 alice  → proxy1 INVITE
         F12 proxy1 → proxy2 INVITE
         F14 proxy2 → bob    INVITE
         F13 proxy1 → alice  100 INVITE
         F15 proxy2 → proxy1 100 INVITE
         F16 bob    → proxy2 200 INVITE
         F17 proxy2 → proxy1 200 INVITE
         F18 proxy1 → alice  200 INVITE
         F19 alice  → proxy1 ACK
         F20 proxy1 → proxy2 ACK
         F21 proxy2 → bob    ACK
         F22 bob    → proxy2 BYE
         F23 proxy2 → proxy1 BYE
         F24 proxy1 → alice  BYE
         F25 alice  → proxy1 200 BYE
         F26 proxy1 → proxy2 200 BYE
         F27 proxy2 → bob    200 BYE",
    );
    let realms = |number| {
        let values = f
            .request(number)
            .headers()
            .values(&sip_core::HeaderName::ProxyAuthorization);
        let values: Vec<_> = values.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect();
        ["realm=\"atlanta", "realm=\"biloxi"].map(|realm| values.iter().filter(|value| value.contains(realm)).count())
    };
    assert_eq!(
        (realms(1), realms(4), realms(11)),
        ([0, 0], [1, 0], [1, 1]),
        "both proofs in the end"
    );
    assert_eq!(
        (realms(5), realms(12), realms(14)),
        ([0, 0], [0, 1], [0, 0]),
        "each is used up by who asked"
    );
    assert_eq!(realms(19), [1, 1], "the ACK has what its INVITE has");
    assert!(f.get(9, "Proxy-Authenticate").contains("realm=\"biloxi.example.com\""));
    assert_eq!((f.cseq(4), f.cseq(11)), (f.cseq(1) + 1, f.cseq(1) + 2));
    f.same_call(&[1, 4, 11, 18, 24]);
}

#[test]
fn rfc3665_3_4_successful_session_with_proxy_failure() {
    let mut stage = Stage::new();
    let (alice, bob) = (
        stage.phone("alice", "atlanta.example.com"),
        stage.phone("bob", "biloxi.example.com"),
    );
    let proxy2 = stage.proxy("proxy2", "biloxi.example.com", |_| {});
    stage.locate(proxy2, "bob@biloxi.example.com", &[bob]);
    let dead = stage.dark("proxy1", "192.0.2.200:5060");
    let mut invite = stage.invite(alice, BOB, proxy2);
    let second = invite.flow;
    invite.flow = second.map(|flow| sip_core::Flow { remote: dead, ..flow });
    stage.call(alice, invite.clone());
    stage.wait(secs(33));
    let events = stage.net.events(alice);
    assert!(
        matches!(
            events[..],
            [Event::Failed {
                status: StatusCode::REQUEST_TIMEOUT,
                ..
            }]
        ),
        "{events:?}"
    );
    // Next come the other addresses of the proxy's name.
    invite.flow = second;
    stage.call(alice, invite);
    stage.dwell();
    let ringing = stage.ring(bob);
    stage.answer(bob, ringing);
    stage.hang_up(bob, ringing);
    let f = stage.end(
        "F1  alice  → proxy1 INVITE
         F2  alice  → proxy1 INVITE
         F3  alice  → proxy1 INVITE
         F4  alice  → proxy1 INVITE
         F5  alice  → proxy1 INVITE
         F6  alice  → proxy1 INVITE
         F7  alice  → proxy1 INVITE
         F8  alice  → proxy2 INVITE
         F10 proxy2 → bob    INVITE
         F9  proxy2 → alice  100 INVITE
         F11 bob    → proxy2 180 INVITE
         F12 proxy2 → alice  180 INVITE
         F13 bob    → proxy2 200 INVITE
         F14 proxy2 → alice  200 INVITE
         F15 alice  → proxy2 ACK
         F16 proxy2 → bob    ACK
         F17 bob    → proxy2 BYE
         F18 proxy2 → alice  BYE
         F19 alice  → proxy2 200 BYE
         F20 proxy2 → bob    200 BYE",
    );
    assert_eq!(
        f.request(1).to_bytes(),
        f.request(7).to_bytes(),
        "retransmissions are copies"
    );
    assert_ne!(f.get(8, "Via"), f.get(1, "Via"), "a new transaction");
}

#[test]
fn rfc3665_3_5_session_through_a_sip_alg() {
    // The gateway between the networks is a proxy that stays on the path, as seen by SIP.
    let mut stage = Stage::new();
    let (alice, bob) = (
        stage.phone("alice", "atlanta.example.com"),
        stage.phone("bob", "biloxi.example.com"),
    );
    let alg = stage.proxy("alg", "gateway.example.com", |_| {});
    let proxy2 = stage.proxy("proxy2", "biloxi.example.com", |config| config.record_route = false);
    stage.resolve(alg, "biloxi.example.com", proxy2);
    stage.locate(proxy2, "bob@biloxi.example.com", &[bob]);
    stage.call(alice, stage.routed(alice, BOB, alg));
    stage.dwell();
    let ringing = stage.ring(bob);
    stage.answer(bob, ringing);
    stage.hang_up(bob, ringing);
    let f = stage.end(
        "F1  alice  → alg    INVITE
         F2  alg    → proxy2 INVITE
         F4  proxy2 → bob    INVITE
         F3  alg    → alice  100 INVITE
         F5  proxy2 → alg    100 INVITE
         F6  bob    → proxy2 180 INVITE
         F7  proxy2 → alg    180 INVITE
         F8  alg    → alice  180 INVITE
         F9  bob    → proxy2 200 INVITE
         F10 proxy2 → alg    200 INVITE
         F11 alg    → alice  200 INVITE
         F12 alice  → alg    ACK
         F13 alg    → bob    ACK
         F14 bob    → alg    BYE
         F15 alg    → alice  BYE
         F16 alice  → alg    200 BYE
         F17 alg    → bob    200 BYE",
    );
    assert_eq!(
        f.all(9, "Record-Route"),
        ["<sip:192.0.2.3:5060;lr>"],
        "only the gateway stays"
    );
    assert_eq!(f.all(12, "Route"), f.all(9, "Record-Route"));
    assert_eq!((f.hops(12), f.hops(13), f.hops(15)), (1, 2, 2));
}

#[test]
fn rfc3665_3_6_session_via_redirect_and_proxy_servers_with_sdp_in_ack() {
    let mut stage = Stage::new();
    let (alice, bob) = (
        stage.phone("alice", "atlanta.example.com"),
        stage.phone("bob", "chicago.example.com"),
    );
    let redirect = stage.phone("redirect", "biloxi.example.com");
    let proxy3 = stage.proxy("proxy3", "chicago.example.com", |_| {});
    stage.locate(proxy3, "bob@chicago.example.com", &[bob]);
    let mut invite = stage.invite(alice, BOB, redirect);
    invite.body = None;
    stage.call(alice, invite);
    let asked = stage.incoming(redirect);
    let moved = Reply::new().header(sip_core::HeaderName::Contact, "<sip:bob@chicago.example.com>");
    stage
        .act(redirect, |endpoint, now| {
            endpoint.reject(now, asked, StatusCode::MOVED_TEMPORARILY, moved)
        })
        .unwrap();
    let Some(Event::Failed {
        response: Some(response),
        ..
    }) = stage.net.events(alice).pop()
    else {
        panic!()
    };
    let contact = response
        .headers()
        .typed::<sip_core::header::Contact>()
        .unwrap()
        .unwrap();
    let sip_core::header::Contact::Address(there) = contact else {
        panic!()
    };
    let mut invite = stage.invite(alice, &there.uri.to_string(), proxy3);
    invite.to = stage.invite(alice, BOB, redirect).to;
    invite.body = None;
    let call = stage.call(alice, invite);
    stage.dwell();
    let ringing = stage.ring(bob);
    stage
        .act(bob, |endpoint, now| endpoint.answer(now, ringing, sdp("offer")))
        .unwrap();
    let answer = sip_core::Body::sdp("answer");
    stage
        .act(alice, |endpoint, now| endpoint.acknowledge(now, call, Some(answer)))
        .unwrap();
    stage.hang_up(bob, ringing);
    let f = stage.end(
        "F1  alice    → redirect INVITE
         F2  redirect → alice    302 INVITE
         F3  alice    → redirect ACK
         F4  alice    → proxy3   INVITE
         F5  proxy3   → bob      INVITE
         F6  proxy3   → alice    100 INVITE
         F7  bob      → proxy3   180 INVITE
         F8  proxy3   → alice    180 INVITE
         F9  bob      → proxy3   200 INVITE
         F10 proxy3   → alice    200 INVITE
         F11 alice    → proxy3   ACK
         F12 proxy3   → bob      ACK
         F13 bob      → proxy3   BYE
         F14 proxy3   → alice    BYE
         F15 alice    → proxy3   200 BYE
         F16 proxy3   → bob      200 BYE",
    );
    assert_eq!(f.get(2, "Contact"), "<sip:bob@chicago.example.com>");
    assert_eq!(
        (f.target(4).as_str(), f.body(4).as_str()),
        ("sip:bob@chicago.example.com", "")
    );
    assert!(f.get(4, "To").contains(BOB), "To stays what was dialled");
    assert_eq!(
        (f.body(10), f.body(11), f.body(12)),
        ("offer".into(), "answer".into(), "answer".into())
    );
    assert_eq!(f.get(11, "Content-Type"), "application/sdp");
}

#[test]
fn rfc3665_3_7_session_with_re_invite_ip_address_change() {
    let mut stage = Stage::new();
    let (alice, bob) = (
        stage.phone("alice", "atlanta.example.com"),
        stage.phone("bob", "biloxi.example.com"),
    );
    let proxy2 = stage.proxy("proxy2", "biloxi.example.com", |config| config.record_route = false);
    stage.locate(proxy2, "bob@biloxi.example.com", &[bob]);
    let call = stage.call(alice, stage.invite(alice, BOB, proxy2));
    stage.dwell();
    let session = stage.ring(bob);
    stage.answer(bob, session);
    // Bob's phone moves to another network.
    stage.also_at(bob, "192.0.2.250:5060");
    let moved = sdp("new offer").header(sip_core::HeaderName::Contact, "<sip:bob@192.0.2.250>");
    stage
        .act(bob, |endpoint, now| endpoint.reinvite(now, session, moved))
        .unwrap();
    stage.answer(alice, call);
    assert_eq!(stage.events(bob), ["Invite", "Confirmed", "Reinvited"]);
    stage.hang_up(alice, call);
    let f = stage.end(
        "F1  alice  → proxy2 INVITE
         F2  proxy2 → bob    INVITE
         F3  proxy2 → alice  100 INVITE
         F4  bob    → proxy2 180 INVITE
         F5  proxy2 → alice  180 INVITE
         F6  bob    → proxy2 200 INVITE
         F7  proxy2 → alice  200 INVITE
         F8  alice  → bob    ACK
         F9  bob    → alice  INVITE
         F10 alice  → bob    200 INVITE
         F11 bob    → alice  ACK
         F12 alice  → bob    BYE
         F13 bob    → alice  200 BYE",
    );
    f.same_call(&[1, 9, 12]);
    assert!(
        !f.has(7, "Record-Route") && !f.has(8, "Route"),
        "the proxy leaves the path"
    );
    assert_eq!(f.target(9), "sip:alice@192.0.2.101:5060");
    assert_eq!(
        (f.target(8), f.target(12)),
        ("sip:bob@192.0.2.102:5060".into(), "sip:bob@192.0.2.250".into())
    );
    assert_eq!((f.tag(9, "From"), f.tag(9, "To")), (f.tag(7, "To"), f.tag(1, "From")));
    assert_eq!(f.body(9), "new offer");
}
