//! Whole calls of endpoints through proxies.

use sip_core::proxy::{Target, TargetSet};
use sip_core::{Event, HeaderName, StatusCode, Transport};

use crate::network::{Network, ms, secs};

/// Alice, two proxies, Bob: the trapezoid of RFC 3261 §16.12.1.1.
struct Trapezoid {
    net: Network,
    alice: usize,
    bob: usize,
    first: usize,
    second: usize,
}

fn target(uri: &str) -> Target {
    Target::new(uri.parse().unwrap())
}

fn trapezoid(net: Network) -> Trapezoid {
    let mut net = net;
    let alice = net.agent("192.0.2.11:5060", |_| {});
    let bob = net.agent("192.0.2.12:5060", |_| {});
    let first = net.proxy("192.0.2.1:5060", "example.org", |_| {});
    let second = net.proxy("192.0.2.2:5060", "example.com", |_| {});
    net.router(first).name("example.com", Transport::Udp, "192.0.2.2:5060");
    let contact = TargetSet::parallel([target("sip:bob@192.0.2.12")]);
    net.router(second).locate("bob@example.com", contact);
    Trapezoid {
        net,
        alice,
        bob,
        first,
        second,
    }
}

fn call_through(mut t: Trapezoid) {
    let call = t.net.call(t.alice, "sip:bob@example.com", t.first);
    t.net.run(secs(5));
    let ringing = t.net.incoming(t.bob);
    t.net.ring(t.bob, ringing);
    t.net.run(secs(5));
    t.net.answer(t.bob, ringing);
    t.net.run(secs(5));
    let events = t.net.events(t.alice);
    assert!(
        events.iter().any(|event| matches!(event, Event::Answered { .. })),
        "{events:?}"
    );
    t.net.hang_up(t.alice, call);
    t.net.settle();
    let events = t.net.events(t.bob);
    assert!(matches!(events.last(), Some(Event::Ended { .. })), "{events:?}");
}

#[test]
fn a_call_over_two_proxies() {
    let mut t = trapezoid(Network::new(1));
    let call = t.net.call(t.alice, "sip:bob@example.com", t.first);
    t.net.run(secs(1));
    let ringing = t.net.incoming(t.bob);
    t.net.ring(t.bob, ringing);
    t.net.run(secs(1));
    t.net.answer(t.bob, ringing);
    t.net.run(secs(1));
    // The ACK and the BYE take the route of the dialog, over both proxies, and are forwarded without asking.
    t.net.hang_up(t.alice, call);
    t.net.run(secs(1));
    assert_eq!(
        t.net.received_lines(t.bob),
        [
            "INVITE sip:bob@192.0.2.12 SIP/2.0",
            "ACK sip:bob@192.0.2.12:5060 SIP/2.0",
            "BYE sip:bob@192.0.2.12:5060 SIP/2.0"
        ]
    );
    let invite = t.net.last_received(t.bob, "INVITE");
    let routes: Vec<_> = invite.headers().items(&HeaderName::RecordRoute).collect();
    assert_eq!(
        routes,
        [&b"<sip:192.0.2.2:5060;lr>"[..], b"<sip:192.0.2.1:5060;lr>"],
        "the last proxy first"
    );
    assert_eq!(invite.headers().get(&HeaderName::MaxForwards), Some(&b"68"[..]));
    let vias = invite.headers().items(&HeaderName::Via).count();
    assert_eq!(vias, 3);
    let bye = t.net.last_received(t.bob, "BYE");
    assert!(!bye.headers().contains(&HeaderName::Route), "each proxy takes its own");
    // The 100 of each hop ends there.
    assert_eq!(t.net.count_received(t.alice, "SIP/2.0 180"), 1);
    assert_eq!(t.net.nodes[t.first].proxy_events.len(), 3, "asked, resolved, answered");
    t.net.settle();
}

#[test]
fn calls_survive_a_bad_network() {
    for seed in 0..20 {
        call_through(trapezoid(Network::new(seed).lossy(15, 10, 40)));
    }
}

#[cfg(feature = "serde")]
#[test]
fn saved_proxies_go_on() {
    for seed in 0..3 {
        let mut t = trapezoid(Network::new(seed).lossy(10, 10, 20));
        t.net.reload = true;
        call_through(t);
    }
}

#[test]
fn a_caller_who_gives_up() {
    let mut t = trapezoid(Network::new(1));
    let call = t.net.call(t.alice, "sip:bob@example.com", t.first);
    t.net.run(secs(1));
    let ringing = t.net.incoming(t.bob);
    t.net.ring(t.bob, ringing);
    t.net.run(secs(1));
    t.net.hang_up(t.alice, call);
    t.net.run(secs(1));
    assert!(
        t.net
            .events(t.bob)
            .iter()
            .any(|event| matches!(event, Event::Cancelled { .. }))
    );
    assert_eq!(t.net.count_received(t.alice, "SIP/2.0 487"), 1);
    // Each hop acknowledges the failure by itself.
    assert_eq!(t.net.count_received(t.bob, "ACK"), 1);
    assert_eq!(t.net.count_received(t.second, "ACK"), 1);
    t.net.settle();
}

#[test]
fn a_callee_who_refuses() {
    let mut t = trapezoid(Network::new(1));
    t.net.call(t.alice, "sip:bob@example.com", t.first);
    t.net.run(ms(100));
    let ringing = t.net.incoming(t.bob);
    t.net.reject(t.bob, ringing, StatusCode::BUSY_HERE);
    t.net.settle();
    let events = t.net.events(t.alice);
    assert!(
        matches!(
            events.last(),
            Some(Event::Failed {
                status: StatusCode::BUSY_HERE,
                ..
            })
        ),
        "{events:?}"
    );
}
