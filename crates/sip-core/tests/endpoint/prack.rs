//! Reliable provisional responses (RFC 3262), on both sides.

use sip_core::{
    Body, EndpointError, Event, HeaderName, Message, Method, Reliability, Reply, Request, Response, SessionId,
    StatusCode,
};

use crate::link::{World, ms, secs};

/// Two endpoints; the caller requires 100rel, so that all provisional responses are reliable.
fn required(seed: u64) -> World {
    World::with(2, seed, |node, config| {
        if node == 0 {
            config.reliability = Reliability::Required;
        }
    })
}

fn ring(world: &mut World, session: SessionId, status: StatusCode, body: Option<&'static str>) {
    let reply = Reply {
        body: body.map(Body::sdp),
        ..Reply::new()
    };
    world
        .act(1, |endpoint, now| endpoint.provisional(now, session, status, reply))
        .unwrap();
}

/// A call that has come to the callee.
fn called(world: &mut World) -> (SessionId, SessionId) {
    let caller = world.call(0, 1);
    world.run(ms(15));
    (caller, world.incoming(1))
}

fn response(world: &World, node: usize, prefix: &str) -> Response {
    let Message::Response(response) = world.last_sent(node, prefix) else {
        panic!()
    };
    response
}

fn request(world: &World, node: usize, prefix: &str) -> Request {
    let Message::Request(request) = world.last_sent(node, prefix) else {
        panic!()
    };
    request
}

fn header<'a>(headers: &'a sip_core::Headers, name: &HeaderName) -> &'a str {
    headers.get_str(name).unwrap_or_default()
}

/// The same request as from another transaction, with changed headers.
fn other(request: &Request, branch: &str, changes: &[(HeaderName, String)]) -> Request {
    let mut request = request.clone();
    let via = format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch}");
    request.headers_mut().set(HeaderName::Via, via);
    for (name, value) in changes {
        request.headers_mut().set(name.clone(), value.clone());
    }
    request
}

#[test]
fn a_ringing_that_is_required_to_be_reliable_is_done_by_the_machines_alone() {
    let mut world = required(1);
    let (caller, callee) = called(&mut world);
    let invite = request(&world, 0, "INVITE");
    assert_eq!(header(invite.headers(), &HeaderName::Require), "100rel");
    assert!(header(invite.headers(), &HeaderName::Supported).contains("100rel"));
    assert!(header(invite.headers(), &HeaderName::Allow).contains("PRACK"));
    ring(&mut world, callee, StatusCode::RINGING, None);
    let ringing = response(&world, 1, "SIP/2.0 180");
    assert_eq!(header(ringing.headers(), &HeaderName::Require), "100rel");
    let rseq: u32 = header(ringing.headers(), &HeaderName::RSeq).parse().unwrap();
    assert!((1..1 << 31).contains(&rseq));
    world.run(ms(50));
    let prack = request(&world, 0, "PRACK");
    let cseq = invite.cseq().unwrap().number;
    assert_eq!(
        header(prack.headers(), &HeaderName::RAck),
        format!("{rseq} {cseq} INVITE")
    );
    assert_eq!(prack.cseq().unwrap().number, cseq + 1);
    assert_eq!(world.names(1), ["Invite", "Acknowledged"]);
    assert_eq!(world.names(0), ["Progress"]);
    world.answer(1, callee);
    world.run(secs(2));
    assert_eq!(world.names(0), ["Progress", "Answered"]);
    assert_eq!(
        (world.count_sent(1, "SIP/2.0 180"), world.count_sent(0, "PRACK")),
        (1, 1)
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn what_goes_reliably_by_itself() {
    use Reliability::{Never, Required, Supported};
    for (caller, callee, body, reliable) in [
        (Supported, Supported, None, false),
        (Supported, Supported, Some("early"), true),
        (Supported, Required, None, true),
        (Required, Supported, None, true),
        (Never, Supported, Some("early"), false),
        (Supported, Never, Some("early"), false),
    ] {
        let mut world = World::with(2, 2, |node, config| {
            config.reliability = if node == 0 { caller } else { callee };
        });
        let (session, incoming) = called(&mut world);
        ring(&mut world, incoming, StatusCode::SESSION_PROGRESS, body);
        world.run(ms(50));
        let case = format!("{caller:?} {callee:?} {body:?}");
        assert_eq!(world.count_sent(0, "PRACK"), usize::from(reliable), "{case}");
        assert_eq!(world.count_sent(1, "SIP/2.0 183"), 1, "{case}");
        world.answer(1, incoming);
        world.run(secs(1));
        world.hang_up(0, session);
        world.settle();
    }
}

#[test]
fn who_cannot_do_what_is_required_is_refused() {
    let mut world = World::with(2, 3, |node, config| {
        config.reliability = if node == 0 {
            Reliability::Required
        } else {
            Reliability::Never
        };
    });
    world.call(0, 1);
    world.run(secs(1));
    let refusal = response(&world, 1, "SIP/2.0 420");
    assert_eq!(header(refusal.headers(), &HeaderName::Unsupported), "100rel");
    assert_eq!(world.names(1), [""; 0]);
    world.settle();
    let mut world = World::with(2, 3, |node, config| {
        config.reliability = if node == 0 {
            Reliability::Never
        } else {
            Reliability::Required
        };
    });
    world.call(0, 1);
    world.run(secs(1));
    let refusal = response(&world, 1, "SIP/2.0 421");
    assert_eq!(header(refusal.headers(), &HeaderName::Require), "100rel");
    world.settle();
}

#[test]
fn reliability_of_a_single_call() {
    let mut world = World::new(2, 4);
    let mut invite = world.invite_to(0, 1);
    invite.reliability = Some(Reliability::Never);
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let sent = request(&world, 0, "INVITE");
    assert!(!header(sent.headers(), &HeaderName::Supported).contains("100rel"));
    let callee = world.incoming(1);
    let forced = world.act(1, |endpoint, now| {
        endpoint.provisional_reliably(now, callee, StatusCode::RINGING, Reply::new())
    });
    assert_eq!(forced, Err(EndpointError::Unsupported));
    world.hang_up(1, callee);
    world.settle();

    let mut world = World::new(2, 4);
    let (caller, callee) = called(&mut world);
    world
        .act(1, |endpoint, now| {
            endpoint.provisional_reliably(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.count_sent(0, "PRACK"), 1);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_reliable_response_is_repeated_until_its_prack_comes() {
    let mut world = required(5);
    let (caller, callee) = called(&mut world);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Prack));
    ring(&mut world, callee, StatusCode::RINGING, None);
    world.run(secs(5));
    // At 0, 0.5, 1.5 and 3.5 s.
    assert_eq!(world.count_sent(1, "SIP/2.0 180"), 4);
    assert_eq!(world.names(0), ["Progress"], "repetitions are not seen");
    let pracks = world.count_sent(0, "PRACK");
    let branches: std::collections::BTreeSet<_> = world.nodes[0]
        .sent
        .iter()
        .filter(|(_, _, data)| data.starts_with(b"PRACK"))
        .map(|(_, _, data)| data.clone())
        .collect();
    assert!(pracks > 1 && branches.len() == 1, "one transaction, retransmitted");
    world.lose_nothing();
    world.run(secs(10));
    assert_eq!(world.names(1), ["Invite", "Acknowledged"]);
    let sent = world.count_sent(1, "SIP/2.0 180");
    world.run(secs(40));
    assert_eq!(world.count_sent(1, "SIP/2.0 180"), sent);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn without_any_prack_the_invite_is_refused_with_504() {
    let mut world = required(6);
    let (_, callee) = called(&mut world);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Prack));
    ring(&mut world, callee, StatusCode::RINGING, None);
    world.run(secs(33));
    assert_eq!(world.names(1), ["Invite", "Cancelled"]);
    assert_eq!(world.count_sent(1, "SIP/2.0 504"), 1);
    assert_eq!(world.names(0), ["Progress", "Failed"]);
    world.lose_nothing();
    world.settle();
}

#[test]
fn a_second_reliable_response_waits_for_the_first_ones_prack() {
    let mut world = required(7);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::RINGING, None);
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
    ring(&mut world, callee, StatusCode::QUEUED, None);
    assert_eq!(world.count_sent(1, "SIP/2.0 1"), 1);
    world.run(secs(1));
    let sent: Vec<_> = world.sent_lines(1);
    let provisional: Vec<_> = sent.iter().filter(|line| line.starts_with("SIP/2.0 1")).collect();
    assert_eq!(
        provisional,
        [
            "SIP/2.0 180 Ringing",
            "SIP/2.0 183 Session Progress",
            "SIP/2.0 182 Queued"
        ]
    );
    let rseqs: Vec<u32> = world.nodes[1]
        .sent
        .iter()
        .filter(|(_, _, data)| data.starts_with(b"SIP/2.0 1"))
        .map(|(_, _, data)| {
            let Message::Response(response) = Message::parse(data.clone()).unwrap() else {
                panic!()
            };
            header(response.headers(), &HeaderName::RSeq).parse().unwrap()
        })
        .collect();
    assert_eq!(rseqs, [rseqs[0], rseqs[0] + 1, rseqs[0] + 2]);
    assert_eq!(world.count_sent(0, "PRACK"), 3);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_queue_of_reliable_responses_is_limited() {
    let mut world = required(8);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::RINGING, None);
    for _ in 0..16 {
        ring(&mut world, callee, StatusCode::SESSION_PROGRESS, None);
    }
    let one_past = world.act(1, |endpoint, now| {
        endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
    });
    assert_eq!(one_past, Err(EndpointError::Full));
    world.run(secs(2));
    assert_eq!(world.count_sent(0, "PRACK"), 17);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_200_waits_for_the_prack_of_a_description_but_not_of_a_ringing() {
    let mut world = required(9);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
    let answer = |endpoint: &mut sip_core::Endpoint, now| endpoint.answer(now, callee, Reply::new());
    world.act(1, answer).unwrap();
    assert_eq!(world.count_sent(1, "SIP/2.0 200"), 0);
    // It is answered, as far as the embedder is concerned.
    assert_eq!(world.act(1, answer), Err(EndpointError::WrongState));
    for refused in [
        world.act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::BUSY_HERE, Reply::new())
        }),
        world.act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        }),
    ] {
        assert_eq!(refused, Err(EndpointError::WrongState));
    }
    world.run(secs(1));
    let lines = world.sent_lines(1);
    assert_eq!(
        lines,
        ["SIP/2.0 183 Session Progress", "SIP/2.0 200 OK", "SIP/2.0 200 OK"],
        "the PRACK's comes first"
    );
    assert_eq!(world.names(0), ["Progress", "Answered"]);
    world.hang_up(0, caller);
    world.settle();

    let mut world = required(9);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::RINGING, None);
    world.answer(1, callee);
    assert_eq!(world.count_sent(1, "SIP/2.0 200"), 1);
    world.run(secs(1));
    // The PRACK that was on its way is answered all the same.
    assert_eq!(world.count_sent(1, "SIP/2.0 481"), 0);
    assert_eq!(world.names(1), ["Invite", "Acknowledged", "Confirmed"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_cancel_or_a_hang_up_while_the_200_waits() {
    for by_caller in [true, false] {
        let mut world = required(10);
        let (caller, callee) = called(&mut world);
        world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Prack));
        ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
        world.answer(1, callee);
        world.run(ms(50));
        if by_caller {
            world.hang_up(0, caller);
            world.run(secs(1));
            assert_eq!(world.names(1), ["Invite", "Cancelled"]);
        } else {
            world.hang_up(1, callee);
            world.run(secs(1));
            assert_eq!(world.names(0), ["Progress", "Failed"]);
        }
        assert_eq!(
            world.count_sent(1, "SIP/2.0 200 OK"),
            usize::from(by_caller),
            "to the CANCEL"
        );
        world.settle();
    }
}

#[test]
fn prack_out_of_order_and_prack_of_nothing_are_481() {
    let mut world = required(11);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::RINGING, None);
    world.run(ms(50));
    let prack = request(&world, 0, "PRACK");
    let cseq = prack.cseq().unwrap().number;
    let rack = header(prack.headers(), &HeaderName::RAck).to_owned();
    let mut parts = rack.split(' ');
    let rseq: u32 = parts.next().unwrap().parse().unwrap();
    let invite: u32 = parts.next().unwrap().parse().unwrap();
    let cases = [
        rack.clone(), // acknowledged already
        format!("{} {invite} INVITE", rseq + 1),
        format!("{rseq} {} INVITE", invite + 1),
        format!("{rseq} {invite} UPDATE"),
    ];
    for (n, rack) in cases.into_iter().enumerate() {
        let number = cseq + 1 + u32::try_from(n).unwrap();
        let changes = [(HeaderName::CSeq, format!("{number} PRACK")), (HeaderName::RAck, rack)];
        let wrong = other(&prack, &format!("x{n}"), &changes);
        world.inject(1, "192.0.2.1:5060", wrong.to_bytes());
        assert_eq!(world.count_sent(1, "SIP/2.0 481"), n + 1);
    }
    let broken = [
        (HeaderName::CSeq, format!("{} PRACK", cseq + 9)),
        (HeaderName::RAck, "x".to_owned()),
    ];
    world.inject(1, "192.0.2.1:5060", other(&prack, "y", &broken).to_bytes());
    assert_eq!(world.count_sent(1, "SIP/2.0 400"), 1);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn prack_for_a_dead_fork_is_481_and_harmless() {
    let mut world = required(12);
    let (_, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::RINGING, None);
    // The callee is gone before the PRACK arrives.
    world.hang_up(1, callee);
    world.run(secs(1));
    assert_eq!(world.count_sent(0, "PRACK"), 1);
    assert_eq!(world.count_sent(1, "SIP/2.0 481"), 1);
    assert_eq!(world.names(0), ["Progress", "Failed"]);
    world.settle();
}

/// A response to the INVITE of node 0 by one of its forks.
fn fork(invite: &Message, status: StatusCode, tag: &str, rseq: Option<u32>, body: Option<&str>) -> bytes::Bytes {
    let Message::Request(invite) = invite else { panic!() };
    let mut response = Response::to_request(invite, status, None);
    response.set_to_tag(tag);
    let headers = response.headers_mut();
    headers.push(HeaderName::Contact, "<sip:fork@192.0.2.9:5060>");
    if let Some(rseq) = rseq {
        headers.push(HeaderName::Require, "100rel");
        headers.push(HeaderName::RSeq, rseq.to_string());
    }
    if let Some(body) = body {
        response.set_body("application/sdp", body.to_owned().into());
    }
    response.to_bytes()
}

#[test]
fn each_fork_numbers_for_itself_and_gaps_are_not_acknowledged() {
    let mut world = World::new(1, 13);
    let target = sip_core::Uri::parse(b"sip:x@192.0.2.9").unwrap();
    let mut invite = sip_core::Invite::new(target.clone(), crate::link::address(0), sip_core::NameAddr::new(target));
    invite.body = Some(Body::sdp("offer"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    let mut racks = Vec::new();
    for (tag, rseq) in [
        ("a", 100),
        ("b", 7),
        ("a", 100), // again
        ("a", 102), // a gap
        ("b", 8),
        ("a", 101),
        ("a", 102),
        ("b", 7), // late
    ] {
        let response = fork(&sent, StatusCode::SESSION_PROGRESS, tag, Some(rseq), None);
        let before = world.count_sent(0, "PRACK");
        world.inject(0, "192.0.2.9:5060", response);
        if world.count_sent(0, "PRACK") > before {
            let prack = request(&world, 0, "PRACK");
            let to = header(prack.headers(), &HeaderName::To)
                .rsplit('=')
                .next()
                .unwrap()
                .to_owned();
            let rack = header(prack.headers(), &HeaderName::RAck)
                .split(' ')
                .next()
                .unwrap()
                .to_owned();
            racks.push((to, rack, prack.cseq().unwrap().number));
        }
    }
    let Message::Request(invite) = &sent else { panic!() };
    let first = invite.cseq().unwrap().number;
    let found: Vec<_> = racks
        .iter()
        .map(|(tag, rack, cseq)| (tag.as_str(), rack.as_str(), cseq - first))
        .collect();
    assert_eq!(
        found,
        [
            ("a", "100", 1),
            ("b", "7", 1),
            ("b", "8", 2),
            ("a", "101", 2),
            ("a", "102", 3)
        ],
        "each early dialog has its own CSeq space, too"
    );
    assert_eq!(world.names(0).len(), 5, "what is dropped is not seen");
    // Fork a answers; fork b is dead: its reliable responses are not acknowledged any more.
    let answer = fork(&sent, StatusCode::OK, "a", None, Some("answer"));
    world.inject(0, "192.0.2.9:5060", answer);
    assert_eq!(world.names(0).last(), Some(&"Answered"));
    let pracks = world.count_sent(0, "PRACK");
    let late = fork(&sent, StatusCode::SESSION_PROGRESS, "b", Some(9), None);
    world.inject(0, "192.0.2.9:5060", late);
    assert_eq!(world.count_sent(0, "PRACK"), pracks);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_offer_in_a_reliable_response_is_answered_in_the_prack() {
    let mut world = World::new(2, 14);
    let mut invite = world.invite_to(0, 1);
    invite.body = None;
    // Who calls without an offer has to want this.
    invite.reliability = Some(Reliability::Supported);
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let callee = world.incoming(1);
    let offer = Reply::new().body(Body::sdp("their offer"));
    world
        .act(1, |endpoint, now| {
            endpoint.provisional_reliably(now, callee, StatusCode::SESSION_PROGRESS, offer)
        })
        .unwrap();
    world.run(ms(50));
    let Some(Event::Progress {
        response, prack_due, ..
    }) = world.events(0).pop()
    else {
        panic!()
    };
    assert!(prack_due && world.count_sent(0, "PRACK") == 0);
    let answer = Reply::new().body(Body::sdp("our answer"));
    world
        .act(0, |endpoint, now| {
            endpoint.prack(now, caller, &response, answer.clone())
        })
        .unwrap();
    let twice = world.act(0, |endpoint, now| endpoint.prack(now, caller, &response, answer));
    assert_eq!(twice, Err(EndpointError::WrongState));
    world.run(ms(50));
    let events = world.events(1);
    assert!(
        matches!(&events[..], [Event::Invite { .. }, Event::Acknowledged { request, .. }] if request.body() == "our answer"),
        "{events:?}"
    );
    // All is said: the 200 needs no description, and the ACK goes by itself.
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
        .unwrap();
    world.run(secs(1));
    assert_eq!(world.names(0), ["Response", "Answered"]);
    assert_eq!(world.count_sent(0, "ACK"), 1);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_offer_in_the_prack_is_answered_in_its_200() {
    let mut world = World::new(2, 15);
    let mut invite = world.invite_to(0, 1);
    invite.manual_prack = true;
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let callee = world.incoming(1);
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
    world.run(ms(50));
    let Some(Event::Progress { response, .. }) = world.events(0).pop() else {
        panic!()
    };
    let offer = Reply::new().body(Body::sdp("second offer"));
    let asked = world
        .act(0, |endpoint, now| endpoint.prack(now, caller, &response, offer))
        .unwrap();
    world.run(ms(50));
    let Some(Event::Request {
        request_id, request, ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert_eq!(
        (request.method(), request.body()),
        (&Method::Prack, &"second offer".into())
    );
    // While it is open there may be no other offer.
    let update = world.act(0, |endpoint, now| {
        endpoint.update(now, caller, Reply::new().body(Body::sdp("third")))
    });
    assert_eq!(update, Err(EndpointError::Pending));
    let reply = Reply::new().body(Body::sdp("second answer"));
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, reply)
        })
        .unwrap();
    world.run(ms(50));
    let events = world.events(0);
    assert!(
        matches!(&events[..], [Event::Response { request_id, response: Some(response), .. }]
            if *request_id == asked && response.body() == "second answer"),
        "{events:?}"
    );
    world.answer(1, callee);
    world.run(secs(1));
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn a_long_ringing_is_repeated_with_a_new_number() {
    let mut world = required(16);
    let (caller, callee) = called(&mut world);
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
    world.run(secs(150));
    assert_eq!(
        (world.count_sent(1, "SIP/2.0 183"), world.count_sent(0, "PRACK")),
        (3, 3)
    );
    let again = response(&world, 1, "SIP/2.0 183");
    assert!(again.body().is_empty(), "the description is not repeated");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_reinvite_has_reliable_responses_of_its_own() {
    let mut world = required(17);
    let (caller, callee) = world.established(0, 1);
    let offer = Reply::new().body(Body::sdp("hold"));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, offer))
        .unwrap();
    world.run(ms(15));
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("held"));
    world.run(ms(50));
    assert_eq!(world.count_sent(0, "PRACK"), 1);
    assert_eq!(world.names(0), ["Progress"]);
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
        .unwrap();
    world.run(secs(1));
    assert_eq!(world.names(0), ["Progress", "Reinvited"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_late_offer_in_a_reliable_response_to_a_reinvite() {
    let mut world = required(19);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, Reply::new()))
        .unwrap();
    world.run(ms(15));
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("their offer"));
    world.run(ms(15));
    let Some(Event::Progress {
        response,
        prack_due: true,
        ..
    }) = world.events(0).pop()
    else {
        panic!()
    };
    let answer = Reply::new().body(Body::sdp("our answer"));
    world
        .act(0, |endpoint, now| endpoint.prack(now, caller, &response, answer))
        .unwrap();
    world.run(ms(50));
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.names(0), ["Response", "Reinvited"]);
    assert_eq!(world.count_sent(0, "ACK"), 1, "the 2xx brings no offer");
    assert_eq!(world.names(1), ["Reinvite", "Acknowledged", "Confirmed"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_challenged_prack_is_sent_again_with_credentials() {
    let mut world = World::new(1, 18);
    let target = sip_core::Uri::parse(b"sip:x@192.0.2.9").unwrap();
    let mut invite = sip_core::Invite::new(target.clone(), crate::link::address(0), sip_core::NameAddr::new(target));
    invite.credentials = Some(sip_core::Credentials::new("u", "p"));
    invite.body = Some(Body::sdp("offer"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    world.inject(
        0,
        "192.0.2.9:5060",
        fork(&sent, StatusCode::RINGING, "a", Some(1), None),
    );
    let first = request(&world, 0, "PRACK");
    let mut challenge = Response::to_request(&first, StatusCode::UNAUTHORIZED, None);
    let value = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    challenge.headers_mut().push(HeaderName::WwwAuthenticate, value);
    world.inject(0, "192.0.2.9:5060", challenge.to_bytes());
    let second = request(&world, 0, "PRACK");
    assert!(second.headers().contains(&HeaderName::Authorization));
    assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
    assert_eq!(
        header(second.headers(), &HeaderName::RAck),
        header(first.headers(), &HeaderName::RAck)
    );
    world.hang_up(0, caller);
    world.settle();
}
