//! What an INVITE may ask for besides a call: Join, Replaces, answer modes; reasons; and in-dialog requests out of order.

use sip_core::header::{Reason, TypedHeader};
use sip_core::{EndCause, Event, HeaderName, Message, Method, Reply, RequestedAnswer, SessionId, StatusCode};

use crate::link::{World, ms, secs};

/// The last INVITE event of a node, which is taken.
fn invited(
    world: &mut World,
    node: usize,
) -> (
    SessionId,
    Option<Result<SessionId, StatusCode>>,
    Option<RequestedAnswer>,
) {
    match world.events(node).pop() {
        Some(Event::Invite {
            session,
            join,
            answer_mode,
            ..
        }) => (session, join, answer_mode),
        other => panic!("{other:?}"),
    }
}

/// An INVITE with a header from node 2 to node 0.
fn invite_with(world: &mut World, headers: &[(HeaderName, &str)]) -> SessionId {
    let mut invite = world.invite_to(2, 0);
    for (name, value) in headers {
        invite.headers.push((name.clone(), value.to_string().into()));
    }
    let session = world.act(2, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    session
}

/// A dialog of node 0, as `Join` and `Replaces` name it to node 0.
fn named(world: &mut World, session: SessionId) -> String {
    let info = world.endpoint(0).session_info(session).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "{};to-tag={};from-tag={}",
        text(&info.call_id),
        text(&info.local_tag),
        text(&info.remote_tag)
    )
}

#[test]
fn join_names_the_session_to_be_joined() {
    let mut world = World::with(3, 1, |_, config| config.supported.push("join".to_owned()));
    let (joined, _) = world.established(0, 1);
    let value = named(&mut world, joined);
    invite_with(&mut world, &[(HeaderName::Join, &value), (HeaderName::Require, "join")]);
    let (new, join, _) = invited(&mut world, 0);
    assert_eq!(join, Some(Ok(joined)));
    world.answer(0, new);
    world.run(secs(1));
    // Unlike a replaced session the joined one goes on.
    assert!(world.endpoint(0).session_info(joined).is_some());
    world.hang_up(0, joined);
    world.hang_up(0, new);
    world.settle();
}

#[test]
fn join_of_what_is_not_there_or_ends() {
    let mut world = World::new(3, 2);
    invite_with(&mut world, &[(HeaderName::Join, "nobody;to-tag=1;from-tag=2")]);
    let (new, join, _) = invited(&mut world, 0);
    assert_eq!(join, Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)));
    world.hang_up(0, new);
    let (old, _) = world.established(0, 1);
    let value = named(&mut world, old);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Bye));
    world.hang_up(0, old);
    invite_with(&mut world, &[(HeaderName::Join, &value)]);
    let (new, join, _) = invited(&mut world, 0);
    assert_eq!(join, Some(Err(StatusCode::DECLINE)));
    world.hang_up(0, new);
    world.lose_nothing();
    // An incoming call that rings may be joined, though not be replaced.
    world.call(1, 0);
    world.run(ms(15));
    let ringing = world.incoming(0);
    let value = named(&mut world, ringing);
    world.events(0);
    invite_with(&mut world, &[(HeaderName::Join, &value)]);
    let (new, join, _) = invited(&mut world, 0);
    assert_eq!(join, Some(Ok(ringing)));
    world.hang_up(0, new);
    world.hang_up(0, ringing);
    world.run(secs(60));
    world.settle();
}

#[test]
fn join_and_replaces_that_make_no_sense_are_400() {
    let value = "a;to-tag=1;from-tag=2";
    for headers in [
        vec![(HeaderName::Join, value), (HeaderName::Replaces, value)],
        vec![(HeaderName::Join, value), (HeaderName::Join, value)],
        vec![(HeaderName::Replaces, value), (HeaderName::Replaces, value)],
        vec![(HeaderName::Join, "no tags")],
    ] {
        let mut world = World::new(3, 3);
        invite_with(&mut world, &headers);
        assert_eq!(world.count_sent(0, "SIP/2.0 400"), 1, "{headers:?}");
        assert_eq!(world.names(0), [""; 0]);
        world.settle();
    }
    // In another request than INVITE.
    for name in ["Join", "Replaces"] {
        let mut world = World::new(1, 3);
        world.inject(
            0,
            "192.0.2.9:5060",
            format!(
                "OPTIONS sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=a\r\n\
                 To: <sip:user@192.0.2.1>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{name}: {value}\r\nContent-Length: 0\r\n\r\n"
            ),
        );
        assert_eq!(world.count_sent(0, "SIP/2.0 400"), 1, "{name}");
    }
    // Not offered, thus not to be required.
    let mut world = World::new(3, 3);
    invite_with(&mut world, &[(HeaderName::Require, "join")]);
    assert_eq!(world.count_sent(0, "SIP/2.0 420"), 1);
    world.settle();
}

#[test]
fn replaces_of_an_unknown_dialog_is_481_to_the_embedder() {
    let mut world = World::new(3, 4);
    invite_with(&mut world, &[(HeaderName::Replaces, "x;to-tag=1;from-tag=2")]);
    match world.events(0).pop() {
        Some(Event::Invite { session, replaces, .. }) => {
            let status = replaces.unwrap().unwrap_err();
            assert_eq!(status.code(), 481);
            world
                .act(0, |endpoint, now| endpoint.reject(now, session, status, Reply::new()))
                .unwrap();
        }
        other => panic!("{other:?}"),
    }
    world.run(secs(1));
    assert_eq!(world.names(2), ["Failed"]);
    world.settle();
}

#[test]
fn answer_modes_are_seen_and_insisting_is_refused() {
    let auto = |require, privileged| (true, require, privileged);
    for (name, value, expected) in [
        (HeaderName::AnswerMode, "Auto", Some(auto(false, false))),
        (HeaderName::AnswerMode, "auto ; require", Some(auto(true, false))),
        (HeaderName::AnswerMode, "Manual;require", Some((false, true, false))),
        (HeaderName::PrivAnswerMode, "Auto", Some(auto(false, true))),
        (HeaderName::Subject, "Auto", None),
        // RFC 5373 §2: what nobody knows is not there.
        (HeaderName::AnswerMode, "Perhaps;require", None),
    ] {
        let mut world = World::new(3, 5);
        invite_with(&mut world, &[(name, value)]);
        let (session, _, mode) = invited(&mut world, 0);
        assert_eq!(
            mode.map(|mode| (mode.auto, mode.require, mode.privileged)),
            expected,
            "{value}"
        );
        world.hang_up(0, session);
        world.settle();
    }
    for (auto_answer, supported, require, status) in [
        (false, true, "Auto;require", "SIP/2.0 403"),
        (false, true, "Auto", ""),
        (false, true, "Manual;require", ""),
        (true, true, "Auto;require", ""),
        // Who does not know the header does not heed it.
        (false, false, "Auto;require", ""),
    ] {
        let mut world = World::with(3, 6, |_, config| {
            config.auto_answer = auto_answer;
            if supported {
                config.supported.push("answermode".to_owned());
            }
        });
        invite_with(&mut world, &[(HeaderName::AnswerMode, require)]);
        if status.is_empty() {
            let (session, ..) = invited(&mut world, 0);
            world.hang_up(0, session);
        } else {
            assert_eq!(world.count_sent(0, status), 1);
            assert_eq!(world.names(0), [""; 0]);
        }
        world.settle();
    }
    let mut world = World::new(3, 6);
    let headers = [(HeaderName::AnswerMode, "Auto"), (HeaderName::Require, "answermode")];
    invite_with(&mut world, &headers);
    assert_eq!(world.count_sent(0, "SIP/2.0 420"), 1);
    world.settle();
}

/// RFC 5373 §4.1: who may not overrule is heard by his plain wish, if he has
/// one.
#[test]
fn a_plain_answer_mode_stands_beside_the_privileged_one() {
    for (privileged, plain, refused) in [
        ("Auto;require", None, true),
        ("Auto;require", Some("Manual"), false),
        ("Auto", Some("Auto;require"), true),
        ("Auto;require", Some("Perhaps"), true),
    ] {
        let mut world = World::with(3, 6, |_, config| config.supported.push("answermode".to_owned()));
        let mut headers = vec![(HeaderName::PrivAnswerMode, privileged)];
        headers.extend(plain.map(|plain| (HeaderName::AnswerMode, plain)));
        invite_with(&mut world, &headers);
        assert_eq!(
            world.count_sent(0, "SIP/2.0 403") == 1,
            refused,
            "{privileged} {plain:?}"
        );
        if !refused {
            let (session, _, mode) = invited(&mut world, 0);
            let mode = mode.unwrap();
            assert!(mode.privileged && mode.auto && !mode.otherwise.unwrap().auto);
            world.hang_up(0, session);
        }
        world.settle();
    }
}

#[test]
fn reasons_go_with_cancel_and_bye_and_are_read() {
    let reason = Reason::parse(b"SIP;cause=200;text=\"Call completed elsewhere\"").unwrap();
    let mut world = World::new(2, 7);
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    world
        .act(0, |endpoint, now| endpoint.hang_up(now, caller, Some(reason.clone())))
        .unwrap();
    world.run(secs(1));
    let Some(Event::Cancelled { reason: Some(told), .. }) = world.events(1).pop() else {
        panic!()
    };
    assert_eq!(Reason::parse(told.as_bytes()), Ok(reason.clone()));
    world.settle();

    let (caller, _) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.hang_up(now, caller, Some(reason.clone())))
        .unwrap();
    world.run(secs(1));
    let Some(Event::Ended { cause, .. }) = world.events(1).pop() else {
        panic!()
    };
    assert!(matches!(&cause, EndCause::Bye { reason: Some(_) }));
    assert_eq!(cause.reason(), Some(reason));
    world.settle();
}

#[test]
fn cseq_wrap_of_the_peer_is_out_of_order() {
    let mut world = World::new(2, 8);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let Message::Request(info) = world.last_sent(0, "INFO") else {
        panic!()
    };
    for (n, (cseq, prefix)) in [
        ("2147483647", "SIP/2.0 200"),
        ("1", "SIP/2.0 500"),
        ("2147483648", "SIP/2.0 400"),
        ("4294967297", "SIP/2.0 400"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut next = info.clone();
        let headers = next.headers_mut();
        headers.set(HeaderName::CSeq, format!("{cseq} INFO"));
        headers.set(
            HeaderName::Via,
            format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKw{n}"),
        );
        world.events(1);
        world.inject(1, "192.0.2.1:5060", next.to_bytes());
        if let Some(Event::Request { request_id, .. }) = world.events(1).pop() {
            world
                .act(1, |endpoint, now| {
                    endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
                })
                .unwrap();
        }
        let last = world.sent_lines(1).pop().unwrap();
        assert!(last.starts_with(prefix), "{cseq}: {last}");
    }
    world.hang_up(1, callee);
    world.run(secs(60));
    world.settle();
}

#[test]
fn pracks_and_early_updates_follow_a_strict_route_set() {
    // Record-route with a strict router, seen by the caller's early dialog.
    let mut world = World::new(1, 9);
    let target = sip_core::Uri::parse(b"sip:x@192.0.2.9").unwrap();
    let mut invite = sip_core::Invite::new(target.clone(), crate::link::address(0), sip_core::NameAddr::new(target));
    invite.body = Some(sip_core::Body::sdp("offer"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let Message::Request(invite) = world.last_sent(0, "INVITE") else {
        panic!()
    };
    let mut early = sip_core::Response::to_request(&invite, StatusCode::SESSION_PROGRESS, None);
    early.set_to_tag("a");
    let headers = early.headers_mut();
    headers.push(HeaderName::Contact, "<sip:callee@198.51.100.7>");
    headers.push(HeaderName::RecordRoute, "<sip:198.51.100.1;lr>, <sip:198.51.100.2>");
    headers.push(HeaderName::Require, "100rel");
    headers.push(HeaderName::RSeq, "1");
    early.set_body("application/sdp", "answer".into());
    world.inject(0, "192.0.2.9:5060", early.to_bytes());
    world
        .act(0, |endpoint, now| endpoint.update(now, caller, Reply::new()))
        .unwrap();
    for method in ["PRACK", "UPDATE"] {
        let Message::Request(request) = world.last_sent(0, method) else {
            panic!()
        };
        // The strict router is the first hop: it is the request's target, and the callee the last route.
        assert_eq!(
            request.request_uri().unwrap().to_string(),
            "sip:198.51.100.2",
            "{method}"
        );
        let routes: Vec<_> = request.headers().items(&HeaderName::Route).collect();
        assert_eq!(
            routes,
            [&b"<sip:198.51.100.1;lr>"[..], b"<sip:callee@198.51.100.7>"],
            "{method}"
        );
    }
    world.hang_up(0, caller);
    world.settle();
}
