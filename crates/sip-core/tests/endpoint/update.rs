//! UPDATE (RFC 3311), and what a refused change leaves behind (RFC 6141).

use sip_core::{
    Body, EndpointError, Event, HeaderName, Message, Method, Reliability, Reply, RequestId, SessionId, StatusCode,
};

use crate::link::{World, ms, secs};

fn sdp(body: &'static str) -> Reply {
    Reply::new().body(Body::sdp(body))
}

fn update(world: &mut World, node: usize, session: SessionId, reply: Reply) -> Result<(), EndpointError> {
    world.act(node, |endpoint, now| endpoint.update(now, session, reply))
}

/// The offer in an UPDATE that came last.
fn asked(world: &mut World, node: usize) -> RequestId {
    match world.events(node).pop() {
        Some(Event::Request {
            request_id, request, ..
        }) if *request.method() == Method::Update => request_id,
        other => panic!("{other:?}"),
    }
}

fn respond(world: &mut World, node: usize, request: RequestId, status: StatusCode, reply: Reply) {
    world
        .act(node, |endpoint, now| endpoint.respond(now, request, status, reply))
        .unwrap();
}

/// A call with early media: the 183 was acknowledged, nothing is answered yet. No events are left.
fn early(world: &mut World) -> (SessionId, SessionId) {
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::SESSION_PROGRESS, sdp("answer"))
        })
        .unwrap();
    world.run(ms(100));
    assert_eq!(world.names(0), ["Progress"]);
    assert_eq!(world.names(1), ["Invite", "Acknowledged"]);
    world.events(0);
    world.events(1);
    (caller, callee)
}

#[test]
fn update_during_early_media_by_either_side() {
    let mut world = World::new(2, 1);
    let (caller, callee) = early(&mut world);
    for (from, to, ours) in [(0, 1, caller), (1, 0, callee)] {
        update(&mut world, from, ours, sdp("hold")).unwrap();
        assert_eq!(
            update(&mut world, from, ours, sdp("again")),
            Err(EndpointError::Pending)
        );
        world.run(ms(15));
        let request = asked(&mut world, to);
        respond(&mut world, to, request, StatusCode::OK, sdp("held"));
        world.run(ms(50));
        let events = world.events(from);
        assert!(
            matches!(&events[..], [Event::Updated { status: StatusCode::OK, response: Some(response), .. }]
                if response.body() == "held"),
            "{events:?}"
        );
    }
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
        .unwrap();
    world.run(secs(1));
    assert_eq!((world.names(0), world.names(1)), (vec!["Answered"], vec!["Confirmed"]));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn no_offer_before_the_first_is_answered_reliably() {
    let mut world = World::with(2, 2, |_, config| config.reliability = Reliability::Never);
    let caller = world.call(0, 1);
    assert_eq!(
        update(&mut world, 0, caller, Reply::new()),
        Err(EndpointError::WrongState)
    );
    world.run(ms(15));
    let callee = world.incoming(1);
    // Before any response the peer knows no dialog.
    assert_eq!(
        update(&mut world, 1, callee, Reply::new()),
        Err(EndpointError::WrongState)
    );
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::SESSION_PROGRESS, sdp("preview"))
        })
        .unwrap();
    world.run(ms(15));
    for (node, session) in [(0, caller), (1, callee)] {
        // The INVITE's offer is open; the preview is no answer.
        assert_eq!(update(&mut world, node, session, sdp("x")), Err(EndpointError::Pending));
    }
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_early_offer_against_an_open_one_is_491_or_500() {
    // A peer that does not keep to the rules: UPDATEs with offers while the INVITE's offer is open.
    let mut world = World::new(2, 3);
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let (Message::Response(ringing), Message::Request(invite)) =
        (world.last_sent(1, "SIP/2.0 180"), world.last_sent(0, "INVITE"))
    else {
        panic!()
    };
    let value = |name| ringing.headers().get_str(&name).unwrap().to_owned();
    let (from, to, call_id) = (
        value(HeaderName::From),
        value(HeaderName::To),
        value(HeaderName::CallId),
    );
    let cseq = invite.cseq().unwrap().number + 1;
    let text = |uri: &str, from: &str, to: &str, host: &str| {
        format!(
            "UPDATE sip:{uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host};branch=z9hG4bKearly\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} UPDATE\r\nContact: <sip:x@{host}>\r\nContent-Type: application/sdp\r\n\
             Content-Length: 3\r\n\r\nv=0"
        )
    };
    world.inject(
        1,
        "192.0.2.1:5060",
        text("user1@192.0.2.2", &from, &to, "192.0.2.1:5060"),
    );
    assert_eq!(
        world.count_sent(1, "SIP/2.0 500"),
        1,
        "the callee has not answered the first"
    );
    let Message::Response(refusal) = world.last_sent(1, "SIP/2.0 500") else {
        panic!()
    };
    assert!(refusal.headers().contains(&HeaderName::RetryAfter));
    world.inject(
        0,
        "192.0.2.2:5060",
        text("user0@192.0.2.1", &to, &from, "192.0.2.2:5060"),
    );
    assert_eq!(world.count_sent(0, "SIP/2.0 491"), 1, "the caller's is open");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn update_glare_on_both_sides_is_settled_by_itself() {
    for seed in 0..5 {
        let mut world = World::new(2, 40 + seed);
        let (caller, callee) = world.established(0, 1);
        update(&mut world, 0, caller, sdp("zero")).unwrap();
        update(&mut world, 1, callee, sdp("one")).unwrap();
        let mut done = [false; 2];
        for _ in 0..200 {
            world.run(ms(50));
            for (node, done) in done.iter_mut().enumerate() {
                for event in world.events(node) {
                    match event {
                        Event::Request { request_id, .. } => {
                            respond(&mut world, node, request_id, StatusCode::OK, sdp("ok"));
                        }
                        Event::Updated { status, .. } => {
                            assert_eq!(status, StatusCode::OK);
                            *done = true;
                        }
                        _ => {}
                    }
                }
            }
        }
        assert_eq!(done, [true, true], "seed {seed}");
        assert!(world.count_sent(0, "SIP/2.0 491") >= 1 && world.count_sent(1, "SIP/2.0 491") >= 1);
        world.hang_up(0, caller);
        world.settle();
    }
}

#[test]
fn reinvite_glare_with_update_on_both_sides() {
    let mut world = World::new(2, 4);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, sdp("zero")))
        .unwrap();
    update(&mut world, 1, callee, sdp("one")).unwrap();
    world.run(ms(50));
    assert_eq!(
        (world.count_sent(0, "SIP/2.0 491"), world.count_sent(1, "SIP/2.0 491")),
        (1, 1)
    );
    let mut done = Vec::new();
    for _ in 0..200 {
        world.run(ms(50));
        for (node, session) in [(0, caller), (1, callee)] {
            for event in world.events(node) {
                match event {
                    Event::Request { request_id, .. } => {
                        respond(&mut world, node, request_id, StatusCode::OK, sdp("ok"));
                    }
                    Event::Reinvite { .. } => world.answer(node, session),
                    Event::Updated { status, .. } => done.push(status),
                    Event::Reinvited { response, .. } => done.push(response.status()),
                    _ => {}
                }
            }
        }
    }
    assert_eq!(done, [StatusCode::OK; 2]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_offer_that_is_not_answered_is_busy_for_the_next() {
    let mut world = World::new(2, 5);
    let (caller, callee) = world.established(0, 1);
    update(&mut world, 0, caller, sdp("first")).unwrap();
    world.run(ms(15));
    let first = asked(&mut world, 1);
    // Our own may not go out either.
    assert_eq!(update(&mut world, 1, callee, sdp("ours")), Err(EndpointError::Pending));
    let Message::Request(mut second) = world.last_sent(0, "UPDATE") else {
        panic!()
    };
    let cseq = second.cseq().unwrap().number + 1;
    let headers = second.headers_mut();
    headers.set(HeaderName::CSeq, format!("{cseq} UPDATE"));
    headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother");
    world.inject(1, "192.0.2.1:5060", second.to_bytes());
    assert_eq!(world.count_sent(1, "SIP/2.0 500"), 1);
    respond(&mut world, 1, first, StatusCode::NOT_ACCEPTABLE_HERE, Reply::new());
    world.run(ms(50));
    assert!(matches!(
        world.events(0)[..],
        [Event::Updated {
            status: StatusCode::NOT_ACCEPTABLE_HERE,
            ..
        }]
    ));
    // What was refused is over: either side may offer again.
    update(&mut world, 1, callee, sdp("ours")).unwrap();
    world.run(ms(15));
    let again = asked(&mut world, 0);
    respond(&mut world, 0, again, StatusCode::OK, sdp("ok"));
    world.run(ms(50));
    // Not the caller: its numbers were used up by the forgery.
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn an_offer_in_an_update_that_nobody_answers_is_over() {
    let mut world = World::new(2, 6);
    let (caller, callee) = world.established(0, 1);
    update(&mut world, 0, caller, sdp("first")).unwrap();
    world.run(ms(15));
    let request = asked(&mut world, 1);
    world.run(secs(40));
    let late = world.act(1, |endpoint, now| {
        endpoint.respond(now, request, StatusCode::OK, sdp("late"))
    });
    assert_eq!(late, Err(EndpointError::Gone));
    assert_eq!(world.names(0), ["Updated", "Ended"], "408 ends the session");
    assert!(world.endpoint(1).session_info(callee).is_none());
    world.settle();
}

#[test]
fn an_update_without_offer_refreshes_and_is_answered_by_the_machine() {
    let mut world = World::new(2, 7);
    let (caller, callee) = world.established(0, 1);
    let moved = Reply::new().header(HeaderName::Contact, "<sip:moved@192.0.2.1:5060>");
    update(&mut world, 0, caller, moved).unwrap();
    world.run(ms(50));
    assert_eq!((world.names(0), world.names(1)), (vec!["Updated"], vec!["Refreshed"]));
    let Message::Response(ok) = world.last_sent(1, "SIP/2.0 200") else {
        panic!()
    };
    assert!(ok.headers().contains(&HeaderName::Contact));
    world.hang_up(1, callee);
    assert_eq!(
        world.sent_lines(1).last().unwrap(),
        "BYE sip:moved@192.0.2.1:5060 SIP/2.0"
    );
    world.settle();
}

#[test]
fn a_refused_change_leaves_the_target_where_it_was() {
    // RFC 6141 §4: a re-INVITE or UPDATE that is refused changes nothing, one that is accepted does, and so does a reliable
    // provisional response.
    let contact = || sdp("x").header(HeaderName::Contact, "<sip:moved@192.0.2.1:5060>");
    for by_update in [true, false] {
        let mut world = World::new(2, 8);
        let (caller, callee) = world.established(0, 1);
        if by_update {
            update(&mut world, 0, caller, contact()).unwrap();
            world.run(ms(15));
            let request = asked(&mut world, 1);
            respond(&mut world, 1, request, StatusCode::NOT_ACCEPTABLE_HERE, Reply::new());
        } else {
            world
                .act(0, |endpoint, now| endpoint.reinvite(now, caller, contact()))
                .unwrap();
            world.run(ms(15));
            world
                .act(1, |endpoint, now| {
                    endpoint.reject(now, callee, StatusCode::NOT_ACCEPTABLE_HERE, Reply::new())
                })
                .unwrap();
        }
        world.run(ms(50));
        world.hang_up(1, callee);
        let bye = world.sent_lines(1).pop().unwrap();
        assert!(!bye.contains("moved") && bye.starts_with("BYE"), "{bye}");
        world.settle();
    }
    let mut world = World::new(2, 9);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, contact()))
        .unwrap();
    world.run(ms(15));
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::SESSION_PROGRESS, sdp("answer"))
        })
        .unwrap();
    world.run(ms(50));
    let target = world.endpoint(1).session_info(callee).unwrap().remote_target;
    assert_eq!(target.to_string(), "sip:moved@192.0.2.1:5060");
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::NOT_ACCEPTABLE_HERE, Reply::new())
        })
        .unwrap();
    world.run(ms(50));
    let target = world.endpoint(1).session_info(callee).unwrap().remote_target;
    assert_eq!(
        target.to_string(),
        "sip:moved@192.0.2.1:5060",
        "what was executed stays"
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_update_of_an_unknown_dialog_ends_the_session() {
    let mut world = World::new(2, 10);
    let (caller, callee) = world.established(0, 1);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Bye));
    world.hang_up(1, callee);
    world.run(secs(40));
    world.lose_nothing();
    update(&mut world, 0, caller, Reply::new()).unwrap();
    world.run(secs(1));
    assert_eq!(world.names(0), ["Updated", "Ended"]);
    world.settle();
}

#[test]
fn a_request_nobody_answers_gets_100_after_three_and_a_half_seconds_and_never_408() {
    // RFC 4320 §4.1 and §4.2.
    let mut world = World::new(2, 11);
    let (caller, _) = world.established(0, 1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    world.run(ms(3_400));
    assert_eq!(world.count_sent(1, "SIP/2.0 100"), 0);
    world.run(ms(200));
    assert_eq!(world.count_sent(1, "SIP/2.0 100"), 1);
    let repeated = world.count_sent(0, "INFO");
    world.run(secs(40));
    assert!(world.count_sent(1, "SIP/2.0 100") <= 1 + 9, "only for retransmissions");
    assert_eq!(world.count_sent(1, "SIP/2.0 4"), 0);
    assert!(repeated >= 3);
    assert_eq!(world.names(0), ["Response", "Ended"]);
    world.settle();
}
