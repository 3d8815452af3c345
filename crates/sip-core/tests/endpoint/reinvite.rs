//! Changes of established sessions, and their races.

use sip_core::{Body, EndCause, EndpointError, Event, HeaderName, Message, Method, Reply, StatusCode};

use crate::link::{World, ms, secs};

fn offer(world: &mut World, node: usize, session: sip_core::SessionId, body: &'static str) {
    world
        .act(node, |endpoint, now| {
            endpoint.reinvite(now, session, Reply::new().body(Body::sdp(body)))
        })
        .unwrap();
}

#[test]
fn either_side_changes_the_session() {
    let mut world = World::new(2, 1);
    let (caller, callee) = world.established(0, 1);
    for (from, to, ours, theirs) in [(0, 1, caller, callee), (1, 0, callee, caller)] {
        offer(&mut world, from, ours, "hold");
        assert_eq!(
            world.act(from, |endpoint, now| endpoint.reinvite(now, ours, Reply::new())),
            Err(EndpointError::Pending)
        );
        world.run(ms(15));
        let events = world.events(to);
        assert!(
            matches!(&events[..], [Event::Reinvite { session, request }] if *session == theirs && request.body() == "hold")
        );
        world.answer(to, theirs);
        world.run(secs(1));
        let events = world.events(from);
        assert!(matches!(&events[..], [Event::Reinvited { session, response }]
            if *session == ours && response.status() == StatusCode::OK && response.body() == "answer"));
        assert_eq!(world.names(to), ["Confirmed"]);
        world.events(to);
    }
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_refused_reinvite_leaves_the_session_as_it_was() {
    let mut world = World::new(2, 2);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "video");
    world.run(ms(15));
    let refused = StatusCode::NOT_ACCEPTABLE_HERE;
    world
        .act(1, |endpoint, now| endpoint.reject(now, callee, refused, Reply::new()))
        .unwrap();
    world.run(secs(1));
    assert!(matches!(&world.events(0)[..], [Event::Reinvited { response, .. }] if response.status() == refused));
    offer(&mut world, 1, callee, "again");
    world.run(ms(15));
    world.answer(0, caller);
    world.run(secs(1));
    assert_eq!(world.names(1), ["Reinvite", "Reinvited"]);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn glare_is_settled_by_random_waits() {
    for seed in 0..10 {
        let mut world = World::new(2, 30 + seed);
        let (caller, callee) = world.established(0, 1);
        offer(&mut world, 0, caller, "zero");
        offer(&mut world, 1, callee, "one");
        let mut done = [false; 2];
        for _ in 0..200 {
            world.run(ms(50));
            for (node, session) in [(0, caller), (1, callee)] {
                for event in world.events(node) {
                    match event {
                        Event::Reinvite { .. } => world.answer(node, session),
                        Event::Reinvited { response, .. } => {
                            assert!(response.status().is_success());
                            done[node] = true;
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
fn the_owner_of_the_call_id_waits_longer() {
    let mut world = World::new(2, 3);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "zero");
    offer(&mut world, 1, callee, "one");
    world.run(ms(2090));
    // RFC 3261 §14.1: 2.1 to 4 s for the caller, at most 2 s for the callee.
    assert_eq!((world.count_sent(0, "INVITE"), world.count_sent(1, "INVITE")), (1, 2));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_second_invite_before_the_first_is_answered_gets_500() {
    let mut world = World::new(2, 4);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "one");
    world.run(ms(15));
    // A peer that does not keep to the rules: the same re-INVITE with the next number, in a transaction of its own.
    let Message::Request(mut second) = world.last_sent(0, "INVITE") else {
        panic!()
    };
    let cseq = second.cseq().unwrap().number + 1;
    second.headers_mut().set(HeaderName::CSeq, format!("{cseq} INVITE"));
    second
        .headers_mut()
        .set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother");
    world.inject(1, "192.0.2.1:5060", second.to_bytes());
    let Message::Response(refusal) = world.last_sent(1, "SIP/2.0 500") else {
        panic!()
    };
    let wait: u32 = refusal
        .headers()
        .get_str(&HeaderName::RetryAfter)
        .unwrap()
        .parse()
        .unwrap();
    assert!(wait <= 10);
    assert_eq!(world.names(1), ["Reinvite"]);
    world.answer(1, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Reinvited"]);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn a_number_that_is_not_above_the_last_gets_500() {
    let mut world = World::new(2, 5);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let Message::Request(mut old) = world.last_sent(0, "INFO") else {
        panic!()
    };
    old.headers_mut()
        .set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother");
    world.inject(1, "192.0.2.1:5060", old.to_bytes());
    assert_eq!(world.count_sent(1, "SIP/2.0 500"), 1);
    assert_eq!(world.names(1), ["Request"]);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn bye_crosses_reinvite() {
    let mut world = World::new(2, 6);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "hold");
    world.hang_up(1, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Ended"]);
    assert_eq!(world.names(1), [""; 0]);
    assert_eq!(world.count_sent(1, "SIP/2.0 481"), 1);
    assert_eq!(world.count_sent(0, "ACK"), 1);
    world.settle();
}

#[test]
fn hanging_up_with_a_reinvite_of_either_side_under_way() {
    let mut world = World::new(2, 7);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "hold");
    world.run(ms(15));
    // The asked side hangs up instead of answering.
    world.hang_up(1, callee);
    world.run(secs(1));
    assert_eq!(world.count_sent(1, "SIP/2.0 487"), 1);
    assert_eq!(world.names(0).last(), Some(&"Ended"));
    world.settle();

    let mut world = World::new(2, 8);
    let (caller, _) = world.established(0, 1);
    offer(&mut world, 0, caller, "hold");
    world.run(ms(15));
    // The asking side hangs up without waiting.
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.names(0), [""; 0]);
    assert_eq!(world.names(1), ["Reinvite", "Ended"]);
    world.settle();
}

#[test]
fn a_2xx_to_a_reinvite_is_acknowledged_even_after_hanging_up() {
    let mut world = World::new(2, 9);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "hold");
    world.run(ms(15));
    world.answer(1, callee);
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.count_sent(0, "ACK"), 1);
    assert!(world.names(1).contains(&"Ended"));
    world.settle();
}

#[test]
fn a_reinvite_nobody_answers_ends_the_session() {
    let mut world = World::new(2, 10);
    let (caller, _) = world.established(0, 1);
    world.lose(|_| true);
    offer(&mut world, 0, caller, "hold");
    world.run(secs(33));
    let events = world.events(0);
    assert!(
        matches!(
            &events[..],
            [Event::Ended {
                cause: EndCause::RequestTimeout(StatusCode::REQUEST_TIMEOUT),
                ..
            }]
        ),
        "{events:?}"
    );
    world.lose_nothing();
    world.run(secs(5));
    assert_eq!(world.names(1), ["Ended"], "the BYE got through");
    world.settle();
}

#[test]
fn a_late_offer_in_a_reinvite() {
    let mut world = World::new(2, 11);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, Reply::new()))
        .unwrap();
    world.run(ms(15));
    world
        .act(1, |endpoint, now| {
            endpoint.answer(now, callee, Reply::new().body(Body::sdp("their offer")))
        })
        .unwrap();
    world.run(secs(1));
    assert_eq!(world.names(0), ["Reinvited"]);
    world
        .act(0, |endpoint, now| {
            endpoint.acknowledge(now, caller, Some(Body::sdp("ours")))
        })
        .unwrap();
    world.run(secs(1));
    assert!(
        matches!(&world.events(1)[..], [Event::Reinvite { .. }, Event::Confirmed { body: Some(body), .. }] if body == "ours")
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_cancelled_reinvite_leaves_the_session() {
    let mut world = World::new(2, 12);
    let (caller, callee) = world.established(0, 1);
    offer(&mut world, 0, caller, "hold");
    world.run(ms(15));
    let Message::Request(mut cancel) = world.last_sent(0, "INVITE") else {
        panic!()
    };
    let text = String::from_utf8(cancel.to_bytes().to_vec()).unwrap();
    cancel.set_body("", "".into());
    drop(cancel);
    let head = text.split("\r\nContact").next().unwrap();
    let cancel = head.replacen("INVITE", "CANCEL", 1).replace(" INVITE", " CANCEL");
    world.inject(1, "192.0.2.1:5060", format!("{cancel}\r\nContent-Length: 0\r\n\r\n"));
    world.run(ms(50));
    assert_eq!(world.names(1), ["Reinvite", "ReinviteCancelled"]);
    assert_eq!(world.count_sent(1, "SIP/2.0 487"), 1);
    assert!(
        world
            .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
            .is_err()
    );
    assert!(world.endpoint(1).session_info(callee).is_some());
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_remote_target_follows_a_reinvite() {
    let mut world = World::new(2, 13);
    let (caller, callee) = world.established(0, 1);
    let reply = Reply::new()
        .header(HeaderName::Contact, "<sip:moved@192.0.2.1:5060>")
        .body(Body::sdp("hold"));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, reply))
        .unwrap();
    world.run(ms(15));
    let reply = Reply::new().header(HeaderName::Contact, "<sip:too@192.0.2.2:5060>");
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, reply))
        .unwrap();
    world.run(secs(1));
    assert_eq!(
        world.sent_lines(0).last().unwrap(),
        "ACK sip:too@192.0.2.2:5060 SIP/2.0"
    );
    world.hang_up(1, callee);
    assert_eq!(
        world.sent_lines(1).last().unwrap(),
        "BYE sip:moved@192.0.2.1:5060 SIP/2.0"
    );
    world.settle();
}

#[test]
fn updates_come_as_requests_and_glare_with_offers() {
    let mut world = World::new(2, 14);
    let (caller, callee) = world.established(0, 1);
    let update = |world: &mut World| {
        let reply = Reply::new().body(Body::sdp("update"));
        world
            .act(0, |endpoint, now| endpoint.update(now, caller, reply))
            .unwrap();
        world.run(ms(15));
    };
    update(&mut world);
    let Some(Event::Request {
        request_id,
        session,
        request,
        ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert_eq!((session, request.body()), (Some(callee), &"update".into()));
    let reply = Reply::new().body(Body::sdp("updated"));
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, reply)
        })
        .unwrap();
    let Message::Response(ok) = world.last_sent(1, "SIP/2.0 200") else {
        panic!()
    };
    assert!(
        ok.headers().contains(&HeaderName::Contact),
        "a 2xx to UPDATE refreshes the target"
    );
    world.run(secs(1));
    assert_eq!(world.names(0), ["Updated"]);
    // Our own offer is under way: 491.
    offer(&mut world, 1, callee, "ours");
    update(&mut world);
    assert_eq!(world.count_sent(1, "SIP/2.0 491"), 1);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn sequence_numbers_end_before_they_wrap() {
    // The dialog's own guard; an endpoint would need 2^31 requests to get there.
    use sip_core::dialog::{Dialog, DialogError, MAX_CSEQ};
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: 1\r\n\
         CSeq: {} INVITE\r\nContact: <sip:b@h>\r\n\r\n",
        MAX_CSEQ - 1
    );
    let Message::Response(response) = Message::parse(text.into()).unwrap() else {
        panic!()
    };
    let mut dialog = Dialog::from_response(&response, b"sip:b@h").unwrap();
    assert_eq!(dialog.next_cseq(), Ok(MAX_CSEQ));
    assert_eq!(dialog.next_cseq(), Err(DialogError::Exhausted));
    assert_eq!(dialog.local_cseq(), MAX_CSEQ);
}
