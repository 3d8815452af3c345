//! Reliable provisional responses with offers and answers, of several forks and in re-INVITEs (RFC 3262 §5).

use sip_core::{Body, EndpointError, Event, HeaderName, Message, Method, Reliability, Reply, Response, StatusCode};

use crate::link::{World, ms, secs};
use crate::prack::{fork, header, required, ring};

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
            let prack = world.request(0, "PRACK");
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
    let (caller, callee) = world.called();
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("answer"));
    world.run(secs(150));
    assert_eq!(
        (world.count_sent(1, "SIP/2.0 183"), world.count_sent(0, "PRACK")),
        (3, 3)
    );
    let again = world.response(1, "SIP/2.0 183");
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
    let first = world.request(0, "PRACK");
    let mut challenge = Response::to_request(&first, StatusCode::UNAUTHORIZED, None);
    let value = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    challenge.headers_mut().push(HeaderName::WwwAuthenticate, value);
    world.inject(0, "192.0.2.9:5060", challenge.to_bytes());
    let second = world.request(0, "PRACK");
    assert!(second.headers().contains(&HeaderName::Authorization));
    assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
    assert_eq!(
        header(second.headers(), &HeaderName::RAck),
        header(first.headers(), &HeaderName::RAck)
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn rfc6141_a_cancelled_reinvite_whose_offer_was_answered_gets_200() {
    let mut world = required(30);
    let (caller, callee) = world.established(0, 1);
    let offer = Reply::new().body(Body::sdp("hold"));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, offer))
        .unwrap();
    world.run(ms(15));
    ring(&mut world, callee, StatusCode::SESSION_PROGRESS, Some("held"));
    world.run(ms(50));
    world.events(1);
    let mut cancel = world.request(0, "INVITE").to_bytes().to_vec();
    cancel.splice(..6, *b"CANCEL");
    let text = String::from_utf8(cancel).unwrap();
    let head = text.split("\r\nContact").next().unwrap().replace(" INVITE", " CANCEL");
    world.inject(1, "192.0.2.1:5060", format!("{head}\r\nContent-Length: 0\r\n\r\n"));
    world.run(ms(50));
    assert!(matches!(
        world.events(1)[..],
        [Event::ReinviteCancelled { executed: true, .. }, Event::Confirmed { .. }]
    ));
    assert_eq!(world.count_sent(1, "SIP/2.0 487"), 0);
    assert_eq!(world.names(0), ["Progress", "Reinvited"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn rfc6141_only_what_is_reliable_moves_the_target_of_an_early_dialog() {
    let mut world = World::new(1, 31);
    let target = sip_core::Uri::parse(b"sip:x@192.0.2.9").unwrap();
    let mut invite = sip_core::Invite::new(target.clone(), crate::link::address(0), sip_core::NameAddr::new(target));
    invite.body = Some(Body::sdp("offer"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    let from = |user: &str, rseq| {
        let text = fork(&sent, StatusCode::RINGING, "one", rseq, None);
        String::from_utf8(text.to_vec())
            .unwrap()
            .replace("sip:fork@", &format!("sip:{user}@"))
    };
    for (user, rseq, expected) in [
        ("a", None, "a"),
        ("b", None, "a"),
        ("c", Some(1), "c"),
        ("d", None, "c"),
    ] {
        world.inject(0, "192.0.2.9:5060", from(user, rseq));
        let info = world.endpoint(0).session_info(caller).unwrap();
        assert_eq!(info.remote_target.user().as_deref(), Some(expected), "{user}");
    }
    world.hang_up(0, caller);
    world.lose(|_| true);
    world.settle();
}
