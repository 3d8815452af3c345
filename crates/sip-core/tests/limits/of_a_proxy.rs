//! What a proxy holds.

use machine::Machine;
use sip_core::proxy::{ContextId, Event, Output, Proxy, ProxyConfig, Target, TargetSet};
use sip_core::{Limits, Transport};

use crate::{EMPTY, NOW, Outcome, here, request, row, udp};

fn proxy(limit: impl Fn(&mut Limits)) -> Proxy {
    let mut config = ProxyConfig::new([(Transport::Udp, here())], ["example.com"]);
    limit(&mut config.limits);
    Proxy::new(config, [5; 32])
}

/// A request to the proxy's own domain: the context that asks for its targets, or the refusal.
fn asked(proxy: &mut Proxy, n: usize) -> Result<ContextId, String> {
    let text = request("MESSAGE", n, EMPTY, "").replacen("sip:user@192.0.2.1", "sip:user@example.com", 1);
    proxy.receive(NOW, udp(), text.into());
    match proxy.poll_output() {
        Some(Output::Event(Event::Request { context, .. })) => Ok(context),
        Some(Output::Transmit(transmit)) => Err(String::from_utf8(transmit.data[8..11].to_vec()).unwrap()),
        other => Err(format!("{other:?}")),
    }
}

/// One request that is forwarded to so many at once.
fn forwarded(limit: impl Fn(&mut Limits), host: &str, count: usize) -> (Proxy, Outcome) {
    let mut proxy = proxy(limit);
    let context = asked(&mut proxy, 0).unwrap();
    let targets = (0..count).map(|n| {
        Target::new(
            format!("sip:{n}@{}", host.replace('#', &n.to_string()))
                .parse()
                .unwrap(),
        )
    });
    let result = proxy.forward(NOW, context, TargetSet::parallel(targets));
    (proxy, result.map_err(|error| format!("{error:?}")))
}

fn within(held: usize, n: usize) -> Outcome {
    if held == n { Ok(()) } else { Err(held.to_string()) }
}

#[test]
fn of_a_proxy() {
    row("response contexts", 5, "503", |n| {
        let mut proxy = proxy(|limits| limits.server_transactions = 5);
        let all: Vec<Outcome> = (0..n).map(|n| asked(&mut proxy, n).map(drop)).collect();
        all.last().cloned().unwrap()
    });
    row("targets of a request", 5, "TooManyTargets", |n| {
        forwarded(|limits| limits.targets = 5, "198.51.100.#", n).1
    });
    row("branches", 5, "Full", |n| {
        forwarded(|limits| limits.client_transactions = 5, "198.51.100.#", n).1
    });
    row("next hops that are being resolved", 5, "5", |n| {
        let (proxy, result) = forwarded(|limits| limits.resolutions = 5, "host#.example.net", n);
        assert_eq!(result, Ok(()), "the others are tried");
        within(proxy.live().resolutions, n)
    });
    row("pending output", 5, "5", |n| {
        let mut proxy = proxy(|limits| limits.proxy_output = 5);
        for n in 0..n {
            let text = request("MESSAGE", n, EMPTY, "").replace("Forwards: 70", "Forwards: 0");
            proxy.receive(NOW, udp(), text.into());
        }
        within(std::iter::from_fn(|| proxy.poll_output()).count(), n)
    });
}
