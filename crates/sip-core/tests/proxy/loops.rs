//! Loops, and the attack of RFC 5393 §3: two proxies that fork to each other.

use sip_core::proxy::{BreadthPolicy, ProxyConfig, Target, TargetSet};
use sip_core::{HeaderName, Message};

use crate::forks::{forks, request};
use crate::network::{Network, ms, secs};

fn target(uri: &str) -> Target {
    Target::new(uri.parse().unwrap())
}

/// Alice and two proxies; `first` and `second` say where Bob and Carol are, as each of them sees it.
fn two_proxies(configure: impl Fn(&mut ProxyConfig)) -> (Network, usize, usize, usize) {
    let mut net = Network::new(5);
    let alice = net.script("192.0.2.11:5060");
    let first = net.proxy("192.0.2.1:5060", "example.com", &configure);
    let second = net.proxy("192.0.2.2:5060", "example.net", &configure);
    (net, alice, first, second)
}

fn told(net: &Network, node: usize) -> Vec<String> {
    let lines = net.received_lines(node);
    lines
        .into_iter()
        .filter(|line| line.starts_with("SIP") && !line.starts_with("SIP/2.0 100"))
        .collect()
}

#[test]
fn a_loop_ends_with_482_when_the_request_comes_back_unchanged() {
    let (mut net, alice, first, second) = two_proxies(|_| {});
    net.router(first)
        .locate("bob@example.com", TargetSet::parallel([target("sip:bob@192.0.2.2")]));
    net.router(second)
        .locate("bob@192.0.2.2", TargetSet::parallel([target("sip:bob@example.com")]));
    net.router(second)
        .name("example.com", sip_core::Transport::Udp, "192.0.2.1:5060");
    net.send(alice, first, request("INVITE", "i", ""));
    net.run(ms(400));
    assert_eq!(told(&net, alice), ["SIP/2.0 482 Loop Detected"]);
    assert_eq!(
        net.count_received(first, "INVITE"),
        2,
        "once from Alice and once around"
    );
    assert_eq!(net.proxy_at(first).stats().loops, 1);
    net.settle();
}

/// A spiral is no loop: the request comes back for somebody else (RFC 3261 §6).
#[test]
fn a_spiral_is_let_pass() {
    let mut f = forks(1);
    f.net
        .router(f.proxy)
        .locate("bob@example.com", TargetSet::parallel([target("sip:carol@192.0.2.1")]));
    let phone = TargetSet::parallel([target("sip:carol@192.0.2.21")]);
    f.net.router(f.proxy).locate("carol@192.0.2.1", phone);
    f.invite();
    f.pause();
    f.pause();
    let came = f.last_request(0, "INVITE");
    assert_eq!(came.headers().items(&HeaderName::Via).count(), 3);
    f.reply(0, 200);
    f.pause();
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

/// What the embedder looks at makes a spiral, too, if the proxy is told so (RFC 5393 §4.2.1).
#[test]
fn a_request_that_changed_in_what_it_is_routed_by_is_a_spiral() {
    for (routed_by, expected) in [(false, 482), (true, 483)] {
        let mut f = crate::forks::forks_with(0, |config| {
            if routed_by {
                config.routed_by = vec![HeaderName::Subject];
            }
        });
        f.net.router(f.proxy).policy(|proxy, now, event| {
            if let sip_core::proxy::Event::Request { context, request, .. } = event {
                let hops = request.headers().get_str(&HeaderName::MaxForwards).unwrap().to_owned();
                let mut again = target("sip:bob@192.0.2.1");
                again.headers = vec![(HeaderName::Subject, hops.into())];
                proxy.forward(now, *context, TargetSet::parallel([again])).unwrap();
            }
            true
        });
        let text = request("INVITE", "i", "")
            .replace("bob@example.com SIP", "bob@192.0.2.1 SIP")
            .replace("Forwards: 70", "Forwards: 9");
        f.send(text);
        f.net.run(secs(1));
        assert_eq!(f.told()[0], expected);
        f.ack_failure();
        f.net.settle();
    }
}

#[test]
fn a_loop_that_nobody_can_see_ends_with_483() {
    let (mut net, alice, first, second) = two_proxies(|_| {});
    // Each turn is for somebody else.
    for (node, other) in [(first, "192.0.2.2"), (second, "192.0.2.1")] {
        net.router(node).policy(move |proxy, now, event| {
            if let sip_core::proxy::Event::Request { context, request, .. } = event {
                let user = request.request_uri().unwrap().user().unwrap().into_owned();
                let next = target(&format!("sip:{user}x@{other}"));
                proxy.forward(now, *context, TargetSet::parallel([next])).unwrap();
            }
            true
        });
    }
    net.send(
        alice,
        first,
        request("INVITE", "i", "").replace("Forwards: 70", "Forwards: 20"),
    );
    net.run(ms(600));
    assert_eq!(told(&net, alice), ["SIP/2.0 483 Too Many Hops"]);
    assert_eq!(
        net.count_received(first, "INVITE") + net.count_received(second, "INVITE"),
        21
    );
    net.settle();
}

/// The attack of RFC 5393 §3: at each of two proxies two addresses are registered with both proxies' addresses as contacts, so
/// that each request becomes two. Without defence 70 hops make 2^70 requests.
fn attack(configure: impl Fn(&mut ProxyConfig), spiral: bool) -> (usize, Vec<String>) {
    let (mut net, alice, first, second) = two_proxies(configure);
    for (node, own, other) in [(first, "192.0.2.1", "192.0.2.2"), (second, "192.0.2.2", "192.0.2.1")] {
        if spiral {
            // The users change each time, so that no request is the same as one before.
            net.router(node).policy(move |proxy, now, event| {
                if let sip_core::proxy::Event::Request { context, request, .. } = event {
                    let user = request.request_uri().unwrap().user().unwrap().into_owned();
                    let fork = |letter: char| target(&format!("sip:{user}{letter}@{other}"));
                    let both = TargetSet::parallel([fork('a'), fork('b')]);
                    proxy.forward(now, *context, both).unwrap();
                }
                true
            });
            continue;
        }
        let both = || TargetSet::parallel([target(&format!("sip:a@{other}")), target(&format!("sip:b@{other}"))]);
        for user in ["a", "b", "bob"] {
            net.router(node).locate(&format!("{user}@{own}"), both());
        }
    }
    let text = request("MESSAGE", "m", "").replace("bob@example.com SIP", "bob@192.0.2.1 SIP");
    net.send(alice, first, text);
    net.run(secs(60));
    let most = net.count_received(first, "MESSAGE") + net.count_received(second, "MESSAGE");
    let told = told(&net, alice);
    net.settle();
    (most, told)
}

#[test]
fn the_forking_loop_attack_of_rfc_5393_ends_by_loop_detection() {
    let (requests, told) = attack(|_| {}, false);
    assert!(requests < 200, "{requests} requests");
    assert!(told[0].starts_with("SIP/2.0 4"), "{told:?}");
}

#[test]
fn the_forking_attack_of_rfc_5393_is_capped_by_max_breadth() {
    let (requests, told) = attack(|_| {}, true);
    // Never more than 60 branches at once: 6 doublings, and then nothing but single requests that are refused.
    assert!(requests <= 2 * 64, "{requests} requests");
    assert_eq!(told, ["SIP/2.0 440 Max-Breadth Exceeded"]);
    let (narrow, _) = attack(|config| config.max_breadth = 4, true);
    assert!(narrow <= 8, "{narrow} requests");
}

/// Even where the rest is tried later there are never more branches at once than the breadth.
#[test]
fn a_serialising_proxy_keeps_to_the_breadth() {
    let mut f =
        crate::forks::forks_with(6, |config| config.breadth = BreadthPolicy::Serialize).locate(crate::forks::all(6));
    f.send(request("INVITE", "i", "Max-Breadth: 2\r\n"));
    let mut done = 0;
    while done < 6 {
        let pending: Vec<usize> = (0..6).filter(|phone| f.asked(*phone) == ["INVITE"]).collect();
        assert!((1..=2).contains(&pending.len()), "{pending:?}");
        for phone in pending {
            let breadth = f.last_request(phone, "INVITE");
            assert_eq!(breadth.headers().get(&HeaderName::MaxBreadth), Some(&b"1"[..]));
            f.reply(phone, 486);
            done += 1;
        }
    }
    assert_eq!(f.told(), [486]);
    f.ack_failure();
    f.net.settle();
}

#[test]
fn a_request_is_not_a_loop_for_carrying_the_vias_of_another() {
    let mut f = forks(1).locate(crate::forks::all(1));
    f.invite();
    let came = f.last_request(0, "INVITE");
    let via = came.headers().items(&HeaderName::Via).next().unwrap();
    let stolen = format!("Via: {}\r\n", String::from_utf8_lossy(via));
    // Another call that carries our Via of the first: nobody can make it look like a loop.
    let text = request("INVITE", "j", &stolen).replace("Call-ID: call", "Call-ID: other");
    f.send(text);
    assert_eq!(f.net.proxy_at(f.proxy).stats().loops, 0);
    f.reply(0, 200);
    let ok = f.net.last_received(f.alice, "SIP/2.0 200");
    assert!(matches!(ok, Message::Response(_)));
    f.net.settle();
}
