//! Digest authentication and those who go around it.

use super::*;

/// Challenges whatever comes, each time anew, as long as something comes: how many requests that made.
fn challenge_for_ever(world: &mut World) -> usize {
    let before = world.nodes[0].sent.len();
    for n in 0..20 {
        world.run(ms(30));
        let value = format!("Digest realm=\"example.com\", nonce=\"n{n}\", qop=\"auth\", stale=true");
        let challenge = || Reply::new().header(HeaderName::WwwAuthenticate, value.clone());
        match world.events(1).pop() {
            Some(Event::Invite { session, .. }) => world
                .act(1, |endpoint, now| {
                    endpoint.reject(now, session, StatusCode::UNAUTHORIZED, challenge())
                })
                .unwrap(),
            Some(Event::Request { request_id, .. } | Event::Subscribe { request_id, .. }) => world
                .act(1, |endpoint, now| {
                    endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge())
                })
                .unwrap(),
            _ => break,
        }
    }
    let requests = |(_, _, data): &&(Time, Flow, Bytes)| !data.starts_with(b"SIP/") && !data.starts_with(b"ACK");
    world.nodes[0].sent[before..].iter().filter(requests).count() + 1
}

#[test]
fn digest_endless_challenges_of_every_request() {
    let target = Uri::parse(b"sip:user1@192.0.2.2").unwrap();
    let credentials = || Some(Credentials::new("u", "p"));
    let mut world = World::new(2, 35);
    let mut invite = world.invite_to(0, 1);
    invite.credentials = credentials();
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    let mut register = OutOfDialog::new(Method::Register, target.clone(), address(0), address(0));
    register.credentials = credentials();
    world.act(0, |endpoint, now| endpoint.send(now, register)).unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    let mut subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target),
        EventHeader::new("dialog"),
        secs(60),
    );
    subscribe.credentials = credentials();
    world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    // In a session.
    let mut invite = world.invite_to(0, 1);
    invite.credentials = credentials();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(30));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(ms(30));
    world.events(1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn nonce_replay_from_one_and_many_sources() {
    let mut server = Server::new("r", ServerConfig::default(), [1; 32]);
    let secret = Secret::from_password("u", "r", "p");
    let (mut now, uri) = (START, b"sip:r");
    let challenges = server.challenges(now, false);
    let values: Vec<&[u8]> = challenges.iter().map(|value| &value[..]).collect();
    let answer = Client::new("u", "p")
        .answer(&Method::Register, uri, b"", &values, 1)
        .unwrap();
    let credentials = Authorization::parse(&answer).unwrap();
    let verify = |server: &mut Server, now, method: &Method, uri: &[u8]| {
        server.verify(now, method, uri, b"", &credentials, |_| Some(&secret))
    };
    assert_eq!(
        verify(&mut server, now, &Method::Invite, uri),
        Err(AuthError::WrongPassword),
        "of another method"
    );
    assert_eq!(
        verify(&mut server, now, &Method::Register, b"sip:other"),
        Err(AuthError::UriMismatch)
    );
    assert_eq!(verify(&mut server, now, &Method::Register, uri), Ok(()));
    for _ in 0..1_000 {
        let replayed = verify(&mut server, now, &Method::Register, uri);
        assert_eq!(replayed, Err(AuthError::Replayed));
        assert!(replayed.unwrap_err().is_stale());
        now += ms(100);
    }
    assert_eq!(server.used_nonces(), 1);
    now += secs(300);
    assert_eq!(verify(&mut server, now, &Method::Register, uri), Err(AuthError::Stale));
    assert_eq!(server.used_nonces(), 0);
    for null in [
        "Digest",
        "Digest ",
        "Digest username=\"\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"\", uri=\"\", response=\"\"",
    ] {
        let credentials = Authorization::parse(null.as_bytes()).unwrap();
        assert!(
            server
                .verify(now, &Method::Register, uri, b"", &credentials, |_| Some(&secret))
                .is_err(),
            "{null}"
        );
    }
}

#[test]
fn digest_is_not_given_to_a_foreign_realm() {
    for (realm, invites) in [("example.com", 2), ("evil.example", 1), ("Example.com", 1), ("", 1)] {
        let mut world = World::new(2, 44);
        let mut invite = world.invite_to(0, 1);
        let mut credentials = Credentials::new("u", "p");
        credentials.realm = Some("example.com".to_owned());
        invite.credentials = Some(credentials);
        world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
        world.run(ms(30));
        let session = world.incoming(1);
        let challenge = format!("Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"");
        let reply = Reply::new().header(HeaderName::WwwAuthenticate, challenge);
        world
            .act(1, |endpoint, now| {
                endpoint.reject(now, session, StatusCode::UNAUTHORIZED, reply)
            })
            .unwrap();
        world.run(ms(30));
        assert_eq!(world.count_sent(0, "INVITE"), invites, "{realm}");
        let Message::Request(last) = world.last_sent(0, "INVITE") else {
            panic!()
        };
        assert_eq!(
            last.headers().contains(&HeaderName::Authorization),
            invites == 2,
            "{realm}"
        );
        world.lose(|_| true);
        world.settle();
    }
}

#[test]
fn guessed_passwords_are_a_ban_that_calls_survive() {
    let mut world = World::with(2, 45, |node, config| {
        if node == 0 {
            let mut guard = GuardConfig::default();
            guard.failures = 3;
            config.guard = Some(guard);
        }
    });
    let (caller, callee) = world.established(1, 0);
    let flow = Flow::udp(world.address(0), world.address(1));
    for _ in 0..3 {
        assert_eq!(world.names(0), [""; 0]);
        world.act(0, |endpoint, now| endpoint.authentication_failed(now, flow, "1001"));
    }
    assert!(matches!(
        world.events(0)[..],
        [Event::Guard(sip_core::guard::Event::Banned { .. })]
    ));
    // What would begin something is not heard, not even to be refused.
    let target = Uri::parse(b"sip:user0@192.0.2.1:5060").unwrap();
    let options = OutOfDialog::new(Method::Options, target, address(1), address(0));
    world.act(1, |endpoint, now| endpoint.send(now, options)).unwrap();
    world.call(1, 0);
    world.run(secs(2));
    assert_eq!((world.names(0), world.sent_lines(0)), (vec![], vec![]));
    // Others are, and the call from there goes on both ways and ends as it should.
    world.inject(0, PEER, text("OPTIONS", "1", ""));
    assert_eq!(world.events(0).len(), 1);
    for (node, session) in [(0, callee), (1, caller)] {
        world
            .act(node, |endpoint, now| {
                endpoint.request(now, session, Method::Info, Reply::new())
            })
            .unwrap();
        world.run(ms(30));
        assert!(
            matches!(world.events(1 - node).pop(), Some(Event::Request { .. })),
            "{node}"
        );
    }
    world.hang_up(1, caller);
    world.run(ms(50));
    assert_eq!(world.names(0).last(), Some(&"Ended"));
    world.events(0);
    // It ends by itself.
    world.run(secs(300));
    assert!(matches!(
        world.events(0).last(),
        Some(Event::Guard(sip_core::guard::Event::Unbanned { .. }))
    ));
    world.call(1, 0);
    world.run(ms(30));
    assert_eq!(world.names(0), ["Invite"]);
}
