//! Reliable provisional responses (RFC 3262), on both sides.

use sip_core::{
    Body, EndpointError, HeaderName, Message, Method, Reliability, Reply, Request, Response, SessionId, StatusCode,
};

use crate::link::{World, ms, secs};

/// Two endpoints; the caller requires 100rel, so that all provisional responses are reliable.
pub fn required(seed: u64) -> World {
    World::with(2, seed, |node, config| {
        if node == 0 {
            config.reliability = Reliability::Required;
        }
    })
}

pub fn ring(world: &mut World, session: SessionId, status: StatusCode, body: Option<&'static str>) {
    let reply = Reply {
        body: body.map(Body::sdp),
        ..Reply::new()
    };
    world
        .act(1, |endpoint, now| endpoint.provisional(now, session, status, reply))
        .unwrap();
}

pub fn header<'a>(headers: &'a sip_core::Headers, name: &HeaderName) -> &'a str {
    headers.get_str(name).unwrap_or_default()
}

/// The same request as from another transaction, with changed headers.
pub fn other(request: &Request, branch: &str, changes: &[(HeaderName, String)]) -> Request {
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
    let (caller, callee) = world.called();
    let invite = world.request(0, "INVITE");
    assert_eq!(header(invite.headers(), &HeaderName::Require), "100rel");
    assert!(header(invite.headers(), &HeaderName::Supported).contains("100rel"));
    assert!(header(invite.headers(), &HeaderName::Allow).contains("PRACK"));
    ring(&mut world, callee, StatusCode::RINGING, None);
    let ringing = world.response(1, "SIP/2.0 180");
    assert_eq!(header(ringing.headers(), &HeaderName::Require), "100rel");
    let rseq: u32 = header(ringing.headers(), &HeaderName::RSeq).parse().unwrap();
    assert!((1..1 << 31).contains(&rseq));
    world.run(ms(50));
    let prack = world.request(0, "PRACK");
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
        let (session, incoming) = world.called();
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
    let refusal = world.response(1, "SIP/2.0 420");
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
    let refusal = world.response(1, "SIP/2.0 421");
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
    let sent = world.request(0, "INVITE");
    assert!(!header(sent.headers(), &HeaderName::Supported).contains("100rel"));
    let callee = world.incoming(1);
    let forced = world.act(1, |endpoint, now| {
        endpoint.provisional_reliably(now, callee, StatusCode::RINGING, Reply::new())
    });
    assert_eq!(forced, Err(EndpointError::Unsupported));
    world.hang_up(1, callee);
    world.settle();

    let mut world = World::new(2, 4);
    let (caller, callee) = world.called();
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
    let (caller, callee) = world.called();
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
    let (_, callee) = world.called();
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
    let (caller, callee) = world.called();
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
    let (caller, callee) = world.called();
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
    let (caller, callee) = world.called();
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
    let (caller, callee) = world.called();
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
        let (caller, callee) = world.called();
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
    let (caller, callee) = world.called();
    ring(&mut world, callee, StatusCode::RINGING, None);
    world.run(ms(50));
    let prack = world.request(0, "PRACK");
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
    let (_, callee) = world.called();
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
pub fn fork(invite: &Message, status: StatusCode, tag: &str, rseq: Option<u32>, body: Option<&str>) -> bytes::Bytes {
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
