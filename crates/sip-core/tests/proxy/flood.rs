//! A flood keeps the state within its limits, and established calls go on.

use std::net::SocketAddr;
use std::time::Duration;

use machine::Machine as _;
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
