//! Requests that the endpoint leaves to the embedder: MESSAGE, OPTIONS, INFO; and who may send them.

use sip_core::body::dtmf;
use sip_core::body::dtmf::{Dtmf, Signal};
use sip_core::dialog::info::Info;
use sip_core::{Body, EndpointError, Event, HeaderName, Message, Method, NameAddr, OutOfDialog, Reply, StatusCode};

use crate::link::{World, address, ms};
use crate::outside::target;
use crate::publications::{challenge, requested};

#[test]
fn authentication_missing_for_a_method() {
    // CVE-2021-37624 (MESSAGE), CVE-2021-41157 (SUBSCRIBE): an embedder that challenges whatever it is handed is safe, since
    // nothing outside of dialogs takes effect before it was handed out.
    for method in [
        "INVITE",
        "OPTIONS",
        "REGISTER",
        "MESSAGE",
        "SUBSCRIBE",
        "PUBLISH",
        "REFER",
        "INFO",
        "UPDATE",
        "PRACK",
        "NOTIFY",
        "BYE",
        "FOO",
    ] {
        let mut world = World::with(1, 8, |_, config| {
            config.methods.push(Method::Publish);
            config.unsolicited_notify = true;
        });
        let more = "Refer-To: <sip:700@192.0.2.9>\r\nEvent: presence\r\nExpires: 600\r\nSubscription-State: active\r\n\
            RAck: 1 1 INVITE\r\n";
        world.inject(0, "198.51.100.1:5060", crate::cancel::message(method, "z9hG4bKm", more));
        let events = world.events(0);
        for event in events {
            world
                .act(0, |endpoint, now| match event {
                    Event::Invite { session, .. } => {
                        endpoint.reject(now, session, StatusCode::UNAUTHORIZED, challenge())
                    }
                    Event::Request { request_id, .. } | Event::Subscribe { request_id, .. } => {
                        endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge())
                    }
                    Event::Refer { refer, .. } => {
                        endpoint.reject_refer_with(now, refer, StatusCode::UNAUTHORIZED, &challenge())
                    }
                    other => panic!("{method}: {other:?}"),
                })
                .unwrap();
        }
        let answers = world.sent_lines(0);
        let expected = match method {
            "INFO" | "UPDATE" | "PRACK" | "BYE" => "481",
            "FOO" => "501",
            _ => "401",
        };
        // PRACK may not be among the methods yet.
        let last = &answers.last().unwrap()[8..11];
        assert!(
            last == expected || (method == "PRACK" && last == "405"),
            "{method}: {answers:?}"
        );
        let live = world.live(0);
        assert_eq!((live.subscriptions, live.refers, live.requests), (0, 0, 0), "{method}");
        world.settle();
    }
}

#[test]
fn info_packages_are_negotiated_rfc_6086() {
    let mut world = World::with(2, 12, |node, config| {
        config.info_packages = if node == 0 {
            vec!["a".into(), "b".into()]
        } else {
            vec!["c".into()]
        };
    });
    let (caller, callee) = world.established(0, 1);
    let offered = |world: &mut World, node: usize, session| world.endpoint(node).peer_info_packages(session);
    assert_eq!(offered(&mut world, 0, caller), Some(vec!["c".to_owned()]));
    assert_eq!(
        offered(&mut world, 1, callee),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    let refused = world.act(1, |endpoint, now| endpoint.send_info(now, callee, "c", None));
    assert_eq!(refused, Err(EndpointError::NotOffered));
    let broken = world.act(1, |endpoint, now| endpoint.send_info(now, callee, "a b", None));
    assert_eq!(broken, Err(EndpointError::BadHeader));
    let body = Body::new("text/plain", "x");
    world
        .act(0, |endpoint, now| endpoint.send_info(now, caller, "C", Some(body)))
        .unwrap();
    world.run(ms(15));
    let (request_id, request) = requested(&mut world);
    assert_eq!(
        request.headers().get_str(&HeaderName::ContentDisposition),
        Some("Info-Package")
    );
    assert!(matches!(Info::read(&request), Info::Package { package, body: Some(_) } if package.name == "C"));
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    // What was not offered is refused whatever its sender thinks; what has no package is not.
    let stray = Reply::new().header(HeaderName::InfoPackage, "a;x=1");
    world
        .act(0, |endpoint, now| endpoint.request(now, caller, Method::Info, stray))
        .unwrap();
    world.run(ms(15));
    let Message::Response(refusal) = world.last_sent(1, "SIP/2.0 469") else {
        panic!()
    };
    assert_eq!(refusal.headers().get_str(&HeaderName::RecvInfo), Some("c"));
    let key = Dtmf::new(Signal::new('7').unwrap(), 160);
    let digit = Reply::new().body(Body::new(dtmf::RELAY, key.to_body()));
    world
        .act(0, |endpoint, now| endpoint.request(now, caller, Method::Info, digit))
        .unwrap();
    world.run(ms(15));
    let (_, request) = requested(&mut world);
    assert_eq!(Info::read(&request), Info::Dtmf(key));
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn options_say_what_we_can_do_in_and_out_of_dialogs() {
    let mut world = World::with(2, 13, |_, config| {
        config.event_packages = vec!["presence".into(), "dialog".into()];
        config.info_packages = vec!["a".into()];
        config.accept.push("text/plain".into());
    });
    let (caller, _) = world.established(0, 1);
    for inside in [true, false] {
        if inside {
            world
                .act(0, |endpoint, now| {
                    endpoint.request(now, caller, Method::Options, Reply::new())
                })
                .unwrap();
        } else {
            let to = target(&world, 1);
            let options = OutOfDialog::new(Method::Options, to.clone(), address(0), NameAddr::new(to));
            world.act(0, |endpoint, now| endpoint.send(now, options)).unwrap();
        }
        world.run(ms(15));
        let (request_id, _) = requested(&mut world);
        world
            .act(1, |endpoint, now| {
                endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
            })
            .unwrap();
        let Message::Response(answer) = world.last_sent(1, "SIP/2.0 200") else {
            panic!()
        };
        let value = |name| answer.headers().get_str(&name).map(str::to_owned);
        assert_eq!(value(HeaderName::AllowEvents).as_deref(), Some("presence, dialog"));
        assert_eq!(value(HeaderName::RecvInfo).as_deref(), Some("a"));
        assert_eq!(
            value(HeaderName::Accept).as_deref(),
            Some("application/sdp, text/plain")
        );
        assert!(value(HeaderName::Allow).unwrap().contains("SUBSCRIBE"));
        assert!(value(HeaderName::Supported).unwrap().contains("tdialog"));
        // What the embedder says stands.
        world.run(ms(50));
    }
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn messages_in_and_out_of_dialogs_rfc_3428() {
    let mut world = World::new(2, 14);
    let (caller, callee) = world.established(0, 1);
    let text = || Body::new("text/plain", "Watson, come here.");
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Message, Reply::new().body(text()))
        })
        .unwrap();
    world.run(ms(15));
    let Some(Event::Request {
        request_id,
        session,
        request,
        ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert_eq!(
        (session, &request.body()[..]),
        (Some(callee), &b"Watson, come here."[..])
    );
    assert!(!request.headers().contains(&HeaderName::Contact), "RFC 3428 §4");
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let to = target(&world, 1);
    let mut message = OutOfDialog::new(Method::Message, to.clone(), address(0), NameAddr::new(to));
    message.body = Some(text());
    world.act(0, |endpoint, now| endpoint.send(now, message)).unwrap();
    world.run(ms(15));
    let Some(Event::Request {
        request_id,
        session: None,
        ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::ACCEPTED, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    assert!(matches!(
        world.events(0).pop(),
        Some(Event::Response {
            status: StatusCode::ACCEPTED,
            ..
        })
    ));
    let Message::Response(answer) = world.last_sent(1, "SIP/2.0 202") else {
        panic!()
    };
    assert!(!answer.headers().contains(&HeaderName::Contact), "RFC 3428 §7");
    world.hang_up(0, caller);
    world.settle();
}
