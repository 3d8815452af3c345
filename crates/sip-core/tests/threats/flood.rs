//! Too much of everything.

use super::*;

#[test]
fn flood_idle_connections() {
    let mut endpoint = endpoint(|_| {});
    let limit = Limits::default().connections as u64;
    for n in 0..10_000 {
        endpoint.connection_opened(START, tcp(n));
        assert!(endpoint.live().connections <= limit as usize);
    }
    assert_eq!(outcome(&drain(&mut endpoint)).2, (limit..10_000).collect::<Vec<_>>());
    // One that said something whole stays; those that never did make room.
    endpoint.receive(START, tcp(5), text("OPTIONS", "1", "").into());
    endpoint.handle_timeout(START + secs(33));
    assert_eq!(endpoint.live().connections, 1);
    let (_, _, closed) = outcome(&drain(&mut endpoint));
    assert_eq!(closed.len() as u64, limit - 1);
    endpoint.connection_opened(START + secs(33), tcp(20_000));
    assert_eq!(outcome(&drain(&mut endpoint)).2, [0; 0], "there is room again");
    // And even that one not for ever.
    for n in 1..40 {
        endpoint.handle_timeout(START + secs(33) + secs(30 * n));
        drain(&mut endpoint);
    }
    assert_eq!(endpoint.live(), Live::default());
}

#[test]
fn flood_slow_peers_do_not_hold_connections_and_busy_ones_live() {
    let mut endpoint = endpoint(|_| {});
    let (slow, busy) = (tcp(1), tcp(2));
    let message = text("OPTIONS", "1", "");
    let (mut now, mut gone) = (START, None);
    endpoint.receive(now, busy, message[..9].to_owned().into());
    for n in 0..100 {
        if gone.is_none() {
            // The slow one: a byte a second of a message that never ends.
            endpoint.receive(now, slow, "x".into());
        }
        // The busy one: each piece ends a message and begins the next.
        let turn = message
            .replace("bK1", &format!("bK{n}"))
            .replace("Call-ID: 1", &format!("Call-ID: {n}"));
        endpoint.receive(now, busy, format!("{}{}", &turn[9..], &message[..9]).into());
        now += secs(1);
        endpoint.handle_timeout(now);
        let (_, _, closed) = outcome(&drain(&mut endpoint));
        if !closed.is_empty() {
            assert_eq!((closed, gone), (vec![1], None));
            gone = Some(n);
        }
    }
    assert_eq!(gone, Some(31));
    assert_eq!(endpoint.stats().requests_received, 100);
    assert_eq!(endpoint.live().connections, 1);
}

/// An embedder under attack: challenges everything by 401.
fn refuse_all(endpoint: &mut Endpoint, now: Time) -> usize {
    let mut sent = 0;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Invite { session, .. }) => {
                endpoint
                    .reject(now, session, StatusCode::UNAUTHORIZED, Reply::new())
                    .unwrap();
            }
            Output::Transmit(_) => sent += 1,
            _ => {}
        }
    }
    sent
}

#[test]
fn flood_of_invites_from_one_and_many_sources() {
    const LIMIT: usize = 2_000;
    for sources in [1, 100_000_u32] {
        let mut world = World::with(2, 30, |node, config| {
            if node == 0 {
                config.limits.server_transactions = LIMIT;
            }
        });
        let (caller, callee) = world.established(1, 0);
        let mut now = world.now;
        let mut answered = 0;
        for n in 0..100_000_u32 {
            let endpoint = world.endpoint(0);
            endpoint.receive(now, udp(n % sources), text("INVITE", &n.to_string(), "").into());
            answered += refuse_all(endpoint, now);
            // Ten thousand a second.
            now += Duration::from_micros(100);
            if n % 1_000 == 0 {
                endpoint.handle_timeout(now);
                answered += refuse_all(endpoint, now);
                let live = endpoint.live();
                assert!(
                    live.server_transactions <= LIMIT && live.sessions <= 1 + LIMIT,
                    "{live:?}"
                );
                assert!(live.timers <= LIMIT + 8, "{live:?}");
            }
        }
        assert!(answered >= 100_000, "each was answered, by 401 or 503");
        assert!(world.endpoint(0).stats().overloaded > 50_000);
        world.now = now;
        // The established session goes on, both ways, and ends as it should.
        for (node, session) in [(0, callee), (1, caller)] {
            world
                .act(node, |endpoint, now| {
                    endpoint.request(now, session, Method::Info, Reply::new())
                })
                .unwrap();
            world.run(ms(30));
            let Some(Event::Request { request_id, .. }) = world.events(1 - node).pop() else {
                panic!()
            };
            world
                .act(1 - node, |endpoint, now| {
                    endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
                })
                .unwrap();
            world.run(ms(30));
            assert_eq!(world.names(node), ["Response"]);
            world.events(node);
        }
        world.hang_up(1, caller);
        world.run(ms(50));
        assert_eq!(world.names(0), ["Ended"]);
        world.settle();
    }
}

#[test]
fn flood_of_every_method_that_nobody_answers() {
    let mut endpoint = endpoint(|config| {
        config.limits.server_transactions = 500;
        config.limits.sessions = 100;
        config.limits.subscriptions = 100;
        config.limits.refers = 100;
    });
    let methods = [
        "INVITE",
        "REGISTER",
        "OPTIONS",
        "SUBSCRIBE",
        "REFER",
        "MESSAGE",
        "BYE",
        "CANCEL",
        "NOTIFY",
        "INFO",
        "FOO",
    ];
    for n in 0..20_000_u32 {
        let method = methods[n as usize % methods.len()];
        let more = "Event: dialog\r\nRefer-To: <sip:a@b>\r\n";
        endpoint.receive(START, udp(n % 7), text(method, &n.to_string(), more).into());
        drain(&mut endpoint);
    }
    let live = endpoint.live();
    assert!(
        live.server_transactions <= 500 && live.sessions <= 100 && live.refers <= 100,
        "{live:?}"
    );
    assert!(live.requests <= 500 && live.subscriptions <= 100, "{live:?}");
    for n in 1..20 {
        endpoint.handle_timeout(START + secs(100 * n));
        drain(&mut endpoint);
    }
    assert_eq!(endpoint.live(), Live::default());
}

/// What claims to be in a dialog is no way around.
#[test]
fn flood_of_requests_of_unknown_dialogs() {
    let mut endpoint = endpoint(|config| config.guard = Some(GuardConfig::default()));
    let mut answered = 0;
    for n in 0..50_000_u32 {
        let method = ["BYE", "INVITE", "CANCEL", "NOTIFY"][n as usize % 4];
        let request = text(
            method,
            &n.to_string(),
            "Subject: long enough to be answered, were there time for that\r\n",
        )
        .replace("192.0.2.1>\r\nCall", "192.0.2.1>;tag=s00000001000000010000beef\r\nCall");
        endpoint.receive(START, udp(n), request.into());
        answered += outcome(&drain(&mut endpoint)).0.len();
    }
    // All strangers' bucket, and the refusals.
    assert_eq!(answered, 20_000 + 1_000);
    assert_eq!(endpoint.stats().unmatched_requests, 20_000);
    assert_eq!(endpoint.live().server_transactions, 0);
}

/// Copies of what was taken are answered again, but only where they come from, and a forged address does not count for that.
#[test]
fn flood_of_copies_with_forged_addresses() {
    let mut endpoint = endpoint(|config| {
        let mut guard = GuardConfig::default();
        (guard.requests, guard.all_requests) = (Rate::new(1, 1), Rate::new(1, 1));
        guard.refusals = Rate::new(1, 0);
        config.guard = Some(guard);
    });
    let request = text("OPTIONS", "1", "");
    endpoint.receive(START, udp(1), request.clone().into());
    let Some(Output::Event(Event::Request { request_id, .. })) = endpoint.poll_output() else {
        panic!()
    };
    endpoint
        .respond(START, request_id, StatusCode::OK, Reply::new())
        .unwrap();
    assert_eq!(drain(&mut endpoint).len(), 1);
    for n in 2..1_000 {
        endpoint.receive(START, udp(n), request.clone().into());
    }
    assert!(drain(&mut endpoint).is_empty());
    // The one who lost the answer gets it again, although there are no tokens left.
    endpoint.receive(START, udp(1), request.into());
    assert_eq!(outcome(&drain(&mut endpoint)).0, ["SIP/2.0 200 OK"]);
}

/// An INVITE in which branch and Call-ID can be changed in place.
struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Template {
    fn new() -> Self {
        let bytes = text(
            "INVITE",
            "00000000",
            "Subject: a flood of invitations, each as long as it usually is\r\n",
        )
        .into_bytes();
        let places = bytes.windows(8).enumerate().filter(|(_, digits)| digits == b"00000000");
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        assert_eq!(places.len(), 2);
        Self { bytes, places }
    }

    fn numbered(&mut self, n: u32) -> Bytes {
        let digits = format!("{n:08}");
        for at in &self.places {
            self.bytes[*at..at + 8].copy_from_slice(digits.as_bytes());
        }
        Bytes::copy_from_slice(&self.bytes)
    }
}

/// A million INVITEs within ten seconds, while an established call goes on: how many of them reached the embedder.
fn flood_of_a_million(source: impl Fn(u32) -> Flow) -> usize {
    const LIMIT: usize = 20_000;
    let mut world = World::with(2, 46, |node, config| {
        if node == 0 {
            config.limits.server_transactions = LIMIT;
            config.guard = Some(GuardConfig::default());
        }
    });
    let (caller, callee) = world.established(1, 0);
    let (mut template, mut reached, mut most) = (Template::new(), 0, 0);
    for n in 0..1_000_000 {
        let now = START + secs(10) + Duration::from_micros(10) * n;
        let endpoint = world.endpoint(0);
        endpoint.receive(now, source(n), template.numbered(n));
        most = most.max(endpoint.live().outputs);
        while let Some(output) = endpoint.poll_output() {
            if let Output::Event(Event::Invite { session, .. }) = output {
                reached += 1;
                endpoint
                    .reject(now, session, StatusCode::UNAUTHORIZED, Reply::new())
                    .unwrap();
            }
        }
        if n % 100_000 == 50_000 {
            // The call goes on in the midst of it, both ways.
            world.now = now;
            for (node, session) in [(0, callee), (1, caller)] {
                world
                    .act(node, |endpoint, now| {
                        endpoint.request(now, session, Method::Info, Reply::new())
                    })
                    .unwrap();
                world.run(ms(30));
                let asked = world.events(1 - node).pop();
                let Some(Event::Request { request_id, .. }) = asked else {
                    panic!("{n} {node}: {asked:?}")
                };
                world
                    .act(1 - node, |endpoint, now| {
                        endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
                    })
                    .unwrap();
                world.run(ms(30));
                assert_eq!(world.names(node), ["Response"], "{n}");
                world.events(node);
            }
            let (live, guard) = (world.live(0), world.endpoint(0).guard().unwrap().live());
            assert!(
                live.server_transactions <= LIMIT + 20 && live.sessions <= 1 + LIMIT,
                "{live:?}"
            );
            assert!(live.timers <= 2 * LIMIT && live.outputs == 0, "{live:?}");
            assert!(guard.sources <= GuardConfig::default().max_sources, "{guard:?}");
        }
    }
    assert!(most <= 8, "{most} outputs at once");
    let stats = *world.endpoint(0).stats();
    assert!(stats.guarded > 900_000, "{stats:?}");
    world.hang_up(1, caller);
    world.run(ms(50));
    assert_eq!(world.names(0), ["Ended"]);
    world.settle();
    reached
}

#[test]
fn flood_of_a_million_invites_from_one_source() {
    let reached = flood_of_a_million(|_| udp(1));
    // Its bucket and what comes into it in ten seconds.
    assert!((2_000..=2_000 + 10 * 500).contains(&reached), "{reached}");
}

#[test]
fn flood_of_a_million_invites_from_a_million_sources() {
    let reached = flood_of_a_million(udp);
    // Of what all strangers' bucket lets through, as many as there may be transactions; the others are told 503.
    assert!((19_900..=20_000).contains(&reached), "{reached}");
}

#[test]
fn flood_that_nobody_drains() {
    const LIMIT: usize = 100;
    let mut world = World::with(2, 47, |node, config| {
        if node == 0 {
            config.limits.outputs = LIMIT;
        }
    });
    let (_, callee) = world.established(1, 0);
    let now = world.now;
    let endpoint = world.endpoint(0);
    // Not one output is fetched.
    for n in 0..10_000 {
        endpoint.receive(now, udp(n), text("OPTIONS", &n.to_string(), "").into());
        endpoint.receive(
            now,
            udp(n),
            text("BYE", &format!("bye{n}"), "")
                .replace("192.0.2.1>", "192.0.2.1>;tag=1")
                .into(),
        );
        endpoint.receive(now, tcp(1), "\r\n\r\n".into());
    }
    assert_eq!(endpoint.live().outputs, 2 * LIMIT);
    assert!(endpoint.live().server_transactions <= LIMIT + 2);
    let target = Uri::parse(b"sip:user@198.51.100.1").unwrap();
    let options = OutOfDialog::new(Method::Options, target, address(0), address(0));
    assert_eq!(endpoint.send(now, options), Err(EndpointError::Full));
    // Time passes; nothing is said again and again, but each request that waits is told so once (RFC 4320 §4.1).
    for n in 1..100 {
        endpoint.handle_timeout(now + secs(n));
    }
    assert!(endpoint.live().outputs <= 3 * LIMIT, "{:?}", endpoint.live());
    // What matters was not lost: the call is there, and can be ended.
    assert!(endpoint.session_info(callee).is_some());
    world.now = now + secs(100);
    world.events(0);
    world
        .act(0, |endpoint, now| endpoint.hang_up(now, callee, None))
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.names(1), ["Ended"]);
    world.settle();
}

#[test]
fn flood_of_connections_from_one_source() {
    let mut endpoint = endpoint(|config| {
        let mut guard = GuardConfig::default();
        guard.connections = 3;
        guard.packets = Rate::new(1_000, 1_000);
        config.guard = Some(guard);
    });
    let here: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let flow = |host: u8, n: u64| {
        let from = SocketAddr::from(([203, 0, 113, host], 1_024 + n as u16));
        Flow::stream(Transport::Tcp, here, from, ConnectionId(n))
    };
    for n in 0..5 {
        endpoint.connection_opened(START, flow(1, n));
    }
    endpoint.connection_opened(START, flow(2, 9));
    assert_eq!(outcome(&drain(&mut endpoint)).2, [3, 4]);
    endpoint.connection_closed(START, ConnectionId(0));
    endpoint.connection_opened(START, flow(1, 10));
    assert_eq!(
        (outcome(&drain(&mut endpoint)).2, endpoint.live().connections),
        (vec![], 4)
    );
    // Of a source that is banned none is taken, but those that are open stay for its calls.
    endpoint.ban(START, [203, 0, 113, 1].into(), secs(10));
    endpoint.connection_opened(START, flow(1, 11));
    endpoint.receive(START, flow(1, 10), text("OPTIONS", "1", "").into());
    let (sent, events, closed) = outcome(&drain(&mut endpoint));
    assert_eq!(
        (sent, events, closed),
        (vec![], 1, vec![11]),
        "only the news of the ban"
    );
    assert_eq!(endpoint.stats().guarded, 1);
}
