//! A flood keeps the state within its limits, and established calls go on.

use std::net::SocketAddr;
use std::time::Duration;

use machine::Machine as _;
use sip_core::guard::{GuardConfig, Rate};
use sip_core::proxy::{Event, Output, Proxy, ProxyConfig};
use sip_core::{Flow, Transport};

use crate::forks::{all, request};
use crate::network::START;

const CONTEXTS: usize = 500;

/// What was answered with 503, and what was forwarded.
fn drain(proxy: &mut Proxy, now: machine::Time) -> (usize, usize) {
    let (mut refused, mut forwarded) = (0, 0);
    while let Some(output) = proxy.poll_output() {
        match output {
            Output::Event(Event::Request { context, .. }) => drop(proxy.forward(now, context, all(2))),
            Output::Transmit(sent) if sent.data.starts_with(b"SIP/2.0 503") => refused += 1,
            Output::Transmit(sent) if !sent.data.starts_with(b"SIP") => forwarded += 1,
            _ => {}
        }
    }
    (refused, forwarded)
}

fn flood(sources: usize) {
    let here: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let mut config = ProxyConfig::new([(Transport::Udp, here)], ["example.com"]);
    config.limits.server_transactions = CONTEXTS;
    config.limits.client_transactions = 2 * CONTEXTS;
    let mut proxy = Proxy::new(config, [1; 32]);
    let mut refused = 0;
    for n in 0..20_000_usize {
        let now = START + Duration::from_micros(u64::try_from(n).unwrap());
        let [_, _, high, low] = u32::try_from(n % sources).unwrap().to_be_bytes();
        let source = SocketAddr::from(([198, 18, high, low], 5060));
        let text = request("INVITE", &format!("f{n}"), "").replace("Call-ID: call", &format!("Call-ID: {n}"));
        proxy.receive(now, Flow::udp(here, source), text.into());
        refused += drain(&mut proxy, now).0;
        let live = proxy.live();
        assert!(live.contexts <= CONTEXTS && live.branches <= 2 * CONTEXTS, "{live:?}");
    }
    assert_eq!(
        refused,
        20_000 - CONTEXTS,
        "the rest was refused at once, and nothing kept of it"
    );
    // A call that was there before can still be ended.
    let now = START + Duration::from_secs(1);
    let bye = request("BYE", "bye", "Route: <sip:192.0.2.1;lr>\r\n")
        .replace("bob@example.com SIP", "bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    proxy.receive(now, Flow::udp(here, "192.0.2.11:5060".parse().unwrap()), bye.into());
    assert_eq!(drain(&mut proxy, now), (0, 1), "forwarded");
    let mut now = now;
    while let Some(due) = proxy.poll_timeout() {
        now = now.max(due);
        proxy.handle_timeout(now);
        drain(&mut proxy, now);
    }
    assert!(proxy.live().is_idle(), "{:?}", proxy.live());
}

#[test]
fn a_flood_of_invites_from_one_source() {
    flood(1);
}

#[test]
fn a_flood_of_invites_from_many_sources() {
    flood(20_000);
}

/// Makes a request longer than its refusal: the guard sends nobody more than came from him.
const LONG: &str =
    "User-Agent: a phone that tells at some length who made it, and what version of its software it has\r\n";

/// A proxy whose guard lets each source ask five times at once, and bans after three failures.
fn guarded() -> (Proxy, SocketAddr) {
    let here: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let mut config = ProxyConfig::new([(Transport::Udp, here)], ["example.com"]);
    let mut guard = GuardConfig::default();
    guard.requests = Rate::new(1, 5);
    guard.refusals = Rate::new(1, 3);
    guard.failures = 3;
    config.guard = Some(guard);
    (Proxy::new(config, [2; 32]), here)
}

#[test]
fn the_guard_of_a_proxy_refuses_without_reading() {
    let (mut proxy, here) = guarded();
    let flow = |host: u8| Flow::udp(here, SocketAddr::from(([198, 51, 100, host], 5060)));
    let ask = |proxy: &mut Proxy, host: u8, name: &str, now| {
        proxy.receive(now, flow(host), request("MESSAGE", name, LONG).into());
        drain(proxy, now)
    };
    for n in 0..5 {
        assert_eq!(ask(&mut proxy, 1, &format!("a{n}"), START), (0, 2), "{n}");
    }
    for n in 0..3 {
        assert_eq!(ask(&mut proxy, 1, &format!("b{n}"), START), (1, 0), "{n}");
    }
    assert_eq!(ask(&mut proxy, 1, "c", START), (0, 0), "and then in silence");
    assert_eq!((proxy.stats().guarded, proxy.live().contexts), (4, 5));
    // A copy of what was taken is absorbed, not refused; and others are heard.
    proxy.receive(START, flow(1), request("MESSAGE", "a0", LONG).into());
    assert_eq!((drain(&mut proxy, START), proxy.stats().guarded), ((0, 0), 4));
    assert_eq!(ask(&mut proxy, 2, "d", START), (0, 2));
    assert_eq!(ask(&mut proxy, 1, "e", START + Duration::from_secs(2)), (0, 2));
    assert!(proxy.guard().is_some_and(|guard| guard.live().sources == 2));
}

#[test]
fn the_guard_of_a_proxy_bans_who_guesses() {
    let (mut proxy, here) = guarded();
    let flow = Flow::udp(here, "198.51.100.1:5060".parse().unwrap());
    for _ in 0..3 {
        proxy.authentication_failed(START, flow, "alice");
    }
    assert!(matches!(
        proxy.poll_output(),
        Some(Output::Event(Event::Guard(sip_core::guard::Event::Banned { .. })))
    ));
    proxy.receive(START, flow, request("MESSAGE", "a", "").into());
    assert_eq!(drain(&mut proxy, START), (0, 0));
    let mut now = START;
    let mut ended = false;
    while let Some(due) = proxy.poll_timeout().filter(|_| !ended) {
        now = due;
        proxy.handle_timeout(now);
        ended =
            std::iter::from_fn(|| proxy.poll_output()).any(|output| matches!(output, Output::Event(Event::Guard(_))));
    }
    assert!(ended && now >= START + Duration::from_secs(300));
    proxy.receive(now, flow, request("MESSAGE", "b", "").into());
    assert_eq!(drain(&mut proxy, now), (0, 2));
    proxy.ban(now, flow.remote.ip(), Duration::from_secs(60));
    assert!(proxy.unban(now, flow.remote.ip()) && !proxy.unban(now, flow.remote.ip()));
    // Other rules hold at once, and without any nobody is refused.
    proxy.ban(now, flow.remote.ip(), Duration::from_secs(60));
    proxy.configure_guard(now, None);
    for n in 0..20 {
        proxy.receive(now, flow, request("MESSAGE", &format!("c{n}"), "").into());
        assert_eq!(drain(&mut proxy, now), (0, 2));
    }
    let mut strict = GuardConfig::default();
    strict.requests = Rate::new(1, 1);
    proxy.configure_guard(now, Some(strict));
    for expected in [(0, 2), (1, 0)] {
        proxy.receive(now, flow, request("MESSAGE", &format!("d{}", expected.0), LONG).into());
        assert_eq!(drain(&mut proxy, now), expected);
    }
}
