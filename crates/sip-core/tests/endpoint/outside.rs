//! Requests outside of dialogs, and INFO, MESSAGE and OPTIONS in them: REFER with all its kin, PUBLISH, and what nobody may
//! do without credentials.

use machine::Machine;
use sip_core::body::dtmf::{self, Dtmf, Signal};
use sip_core::dialog::info::Info;
use sip_core::event::publish::{Compositor, CompositorConfig};
use sip_core::header::{EventHeader, TypedHeader};
use sip_core::{
    Body, Credentials, EndpointError, Event, HeaderName, Invite, Message, Method, NameAddr, OutOfDialog,
    PublicationEnd, PublicationId, Publish, ReferId, Referral, Reply, Request, RequestId, SessionId, StatusCode,
    SubscriptionId, Uri,
};

use crate::link::{World, address, ms, secs};

fn target(world: &World, node: usize) -> Uri {
    Uri::parse(format!("sip:user{node}@{}", world.nodes[node].address).as_bytes()).unwrap()
}

fn referral(world: &World, refer_to: &NameAddr) -> Referral {
    let to = target(world, 1);
    Referral::new(to.clone(), address(0), NameAddr::new(to), refer_to.clone())
}

fn send(world: &mut World, referral: Referral) -> SubscriptionId {
    let id = world
        .act(0, |endpoint, now| endpoint.send_refer(now, referral))
        .unwrap();
    world.run(ms(15));
    id
}

struct Came {
    refer: ReferId,
    refer_to: NameAddr,
    request: Request,
    target_dialog: Option<Result<SessionId, StatusCode>>,
    session: Option<SessionId>,
}

fn came(world: &mut World) -> Came {
    match world.events(1).pop() {
        Some(Event::Refer {
            session,
            refer,
            refer_to,
            request,
            target_dialog,
            ..
        }) => Came {
            refer,
            refer_to,
            request,
            target_dialog,
            session,
        },
        other => panic!("no REFER: {other:?}"),
    }
}

fn progress(world: &mut World) -> Vec<(u16, bool)> {
    let told = |event| match event {
        Event::ReferNotified { status, terminated, .. } => Some((status.code(), terminated)),
        Event::ReferAccepted { subscribed, .. } => Some((202, !subscribed)),
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

fn accept(world: &mut World, refer: ReferId) {
    world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    world.run(ms(50));
}

fn tell(world: &mut World, refer: ReferId, status: StatusCode) {
    world
        .act(1, |endpoint, now| endpoint.notify_refer(now, refer, status, None))
        .unwrap();
    world.run(ms(50));
}

fn last_request(world: &World, node: usize, method: &str) -> Request {
    match world.last_sent(node, method) {
        Message::Request(request) => request,
        Message::Response(_) => panic!(),
    }
}

#[test]
fn a_refer_outside_of_a_dialog_is_told_of() {
    let mut world = World::new(2, 1);
    let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
    let mut wanted = referral(&world, &refer_to);
    wanted
        .headers
        .push((HeaderName::ReferredBy, "<sip:user0@example.com>".into()));
    send(&mut world, wanted);
    let Came {
        refer,
        refer_to: to,
        request,
        target_dialog,
        session,
    } = came(&mut world);
    assert_eq!((to, target_dialog, session), (refer_to, None, None));
    assert_eq!(
        request.headers().get_str(&HeaderName::ReferredBy),
        Some("<sip:user0@example.com>")
    );
    accept(&mut world, refer);
    assert_eq!(progress(&mut world), [(202, false), (100, false)]);
    tell(&mut world, refer, StatusCode::RINGING);
    tell(&mut world, refer, StatusCode::OK);
    assert_eq!(progress(&mut world), [(180, false), (200, true)]);
    assert_eq!((world.live(0).subscriptions, world.live(1).refers), (0, 0));
    world.settle();
}

#[test]
fn refer_without_subscription_rfc_4488() {
    let mut world = World::new(2, 2);
    let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
    let mut wanted = referral(&world, &refer_to);
    wanted.silent = true;
    send(&mut world, wanted.clone());
    assert_eq!(
        last_request(&world, 0, "REFER")
            .headers()
            .get_str(&HeaderName::ReferSub),
        Some("false")
    );
    let refer = came(&mut world).refer;
    accept(&mut world, refer);
    assert_eq!(progress(&mut world), [(202, true)]);
    let Message::Response(accepted) = world.last_sent(1, "SIP/2.0 202") else {
        panic!()
    };
    assert_eq!(accepted.headers().get_str(&HeaderName::ReferSub), Some("false"));
    tell(&mut world, refer, StatusCode::OK);
    assert_eq!(
        (
            world.count_sent(1, "NOTIFY"),
            world.live(0).subscriptions,
            world.live(1).refers
        ),
        (0, 0, 0)
    );
    // In a session's dialog it is the same.
    let (caller, _) = world.established(0, 1);
    let silent = Reply::new().header(HeaderName::ReferSub, "false");
    world
        .act(0, |endpoint, now| endpoint.refer(now, caller, refer_to, silent))
        .unwrap();
    world.run(ms(15));
    let refer = came(&mut world).refer;
    accept(&mut world, refer);
    assert_eq!(progress(&mut world), [(202, true)]);
    // A peer that tells all the same may.
    wanted.target = target(&world, 1);
    let ours = send(&mut world, wanted);
    let refer = last_request(&world, 0, "REFER");
    let mut plain = sip_core::Response::to_request(&refer, StatusCode::ACCEPTED, None);
    plain.set_to_tag("x");
    plain.headers_mut().push(HeaderName::Contact, "<sip:user1@192.0.2.2>");
    world.inject(0, "192.0.2.2:5060", plain.to_bytes());
    assert!(matches!(
        world.events(0).pop(),
        Some(Event::ReferAccepted { subscription, subscribed: true, .. }) if subscription == ours
    ));
    world.hang_up(0, caller);
    world.lose(|_| true);
    world.settle();
}

#[test]
fn target_dialog_speaks_for_who_knows_the_session() {
    let mut world = World::new(3, 3);
    let (caller, callee) = world.established(0, 1);
    let known = world.endpoint(0).session_info(caller).unwrap().target_dialog().unwrap();
    let text = |dialog: &sip_core::header::TargetDialog| {
        let mut text = String::new();
        dialog.write(&mut text).unwrap();
        text
    };
    let mut swapped = known.clone();
    core::mem::swap(&mut swapped.local_tag, &mut swapped.remote_tag);
    let mut wrong = known.clone();
    wrong.local_tag = "guess".into();
    let unknown = Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
    for (value, expected) in [
        (text(&known), Some(Ok(callee))),
        (text(&swapped), Some(Ok(callee))),
        (text(&wrong), unknown),
        ("nobody;local-tag=1;remote-tag=2".into(), unknown),
        (text(&known).to_uppercase(), unknown),
        ("x".into(), Some(Err(StatusCode::BAD_REQUEST))),
    ] {
        let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
        let mut wanted = referral(&world, &refer_to);
        wanted.headers.push((HeaderName::TargetDialog, value.clone().into()));
        wanted.headers.push((HeaderName::Require, "tdialog".into()));
        send(&mut world, wanted);
        let Came {
            refer, target_dialog, ..
        } = came(&mut world);
        assert_eq!(target_dialog, expected, "{value}");
        let status = target_dialog.and_then(Result::err).unwrap_or(StatusCode::DECLINE);
        world
            .act(1, |endpoint, now| endpoint.reject_refer(now, refer, status))
            .unwrap();
        world.run(ms(50));
        assert_eq!(progress(&mut world), [(status.code(), true)]);
    }
    // After the session it speaks for nobody.
    world.hang_up(0, caller);
    world.run(secs(1));
    world.events(1);
    let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
    let mut wanted = referral(&world, &refer_to);
    wanted.headers.push((HeaderName::TargetDialog, text(&known).into()));
    send(&mut world, wanted);
    assert_eq!(came(&mut world).target_dialog, unknown);
    world.lose(|_| true);
    world.settle();
}

/// Node 0 has node 1 call node 2 in the place of a dialog: what node 2 makes of it, and what node 0 hears.
fn transfer(
    world: &mut World,
    caller: SessionId,
    replaces: &str,
) -> (Option<Result<SessionId, StatusCode>>, SessionId) {
    let uri = target(world, 2).with_header("Replaces", replaces);
    world
        .act(0, |endpoint, now| {
            endpoint.refer(now, caller, NameAddr::new(uri), Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let Came {
        refer,
        refer_to,
        request,
        ..
    } = came(world);
    accept(world, refer);
    let invite = Invite::referred(&refer_to, &request, address(1)).unwrap();
    let call = world.act(1, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let Some(Event::Invite { session, replaces, .. }) = world.events(2).pop() else {
        panic!()
    };
    if let Some(Err(status)) = replaces {
        world
            .act(2, |endpoint, now| endpoint.reject(now, session, status, Reply::new()))
            .unwrap();
        world.run(ms(50));
        let Some(Event::Failed {
            session: failed,
            status: told,
            ..
        }) = world.events(1).pop()
        else {
            panic!()
        };
        assert_eq!((failed, told), (call, status));
        tell(world, refer, told);
    } else {
        world.answer(2, session);
        world.run(ms(50));
        tell(world, refer, StatusCode::OK);
    }
    (replaces, session)
}

#[test]
fn a_refer_with_replaces_to_an_unknown_dialog() {
    let mut world = World::new(3, 4);
    let (caller, _) = world.established(0, 1);
    let (replaces, _) = transfer(&mut world, caller, "nobody@nowhere;to-tag=1;from-tag=2");
    assert_eq!(replaces, Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)));
    assert_eq!(progress(&mut world), [(202, false), (100, false), (481, true)]);
    assert!(world.endpoint(0).session_info(caller).is_some(), "the call goes on");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_refer_with_replaces_to_an_established_and_to_an_early_dialog() {
    let mut world = World::new(3, 5);
    let (caller, callee) = world.established(0, 1);
    let (consultation, other) = world.established(0, 2);
    let info = world.endpoint(0).session_info(consultation).unwrap();
    let mut value = String::new();
    info.replaces().unwrap().write(&mut value).unwrap();
    let (replaces, new) = transfer(&mut world, caller, &value);
    assert_eq!(replaces, Some(Ok(other)));
    assert_eq!(progress(&mut world), [(202, false), (100, false), (200, true)]);
    for (node, session) in [(2, other), (0, caller), (2, new)] {
        world.hang_up(node, session);
        world.run(ms(50));
    }
    let _ = callee;
    for node in 0..3 {
        world.events(node);
    }
    // A call that only rings at node 2 cannot be replaced there (RFC 3891 §3): it is node 2's to answer.
    let (caller, _) = world.established(0, 1);
    let ringing = world.call(0, 2);
    world.run(ms(15));
    let there = world.incoming(2);
    world
        .act(2, |endpoint, now| {
            endpoint.provisional(now, there, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    world.events(0);
    world.events(2);
    let info = world.endpoint(0).session_info(ringing).unwrap();
    let mut value = String::new();
    info.replaces().unwrap().write(&mut value).unwrap();
    let (replaces, _) = transfer(&mut world, caller, &value);
    assert_eq!(replaces, Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)));
    assert_eq!(progress(&mut world).last(), Some(&(481, true)));
    world.hang_up(0, caller);
    world.hang_up(0, ringing);
    world.settle();
}

#[test]
fn a_refer_to_other_methods() {
    let mut world = World::new(2, 6);
    let refer_to = NameAddr::parse(b"<sip:700@192.0.2.9;method=MESSAGE?Subject=hello&From=%3Csip:evil%3E>").unwrap();
    let wanted = referral(&world, &refer_to);
    send(&mut world, wanted);
    let Came {
        refer,
        refer_to,
        request,
        ..
    } = came(&mut world);
    assert_eq!(
        Invite::referred(&refer_to, &request, address(1)),
        Err(EndpointError::BadMethod)
    );
    let message = OutOfDialog::referred(&refer_to, &request, address(1)).unwrap();
    assert_eq!(
        (message.method, message.target.to_string(), message.headers),
        (
            Method::Message,
            "sip:700@192.0.2.9".into(),
            vec![(HeaderName::Subject, "hello".into())]
        )
    );
    world
        .act(1, |endpoint, now| {
            endpoint.reject_refer(now, refer, StatusCode::DECLINE)
        })
        .unwrap();
    let bye = NameAddr::parse(b"<sip:700@192.0.2.9;method=BYE>").unwrap();
    let bye = OutOfDialog::referred(&bye, &request, address(1)).unwrap();
    let sent = world.act(1, |endpoint, now| endpoint.send(now, bye));
    assert_eq!(sent, Err(EndpointError::BadMethod), "a REFER does not hang up");
    let broken = NameAddr::parse(b"<sip:700@192.0.2.9?Subject=a%0D%0AFrom:b>").unwrap();
    assert_eq!(
        Invite::referred(&broken, &request, address(1)),
        Err(EndpointError::BadHeader)
    );
    world.settle();
}

#[test]
fn a_referrer_that_does_not_want_to_know_any_more() {
    for outside in [false, true] {
        let mut world = World::new(2, 7);
        let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
        let (caller, _) = world.established(0, 1);
        let ours = if outside {
            let wanted = referral(&world, &refer_to);
            send(&mut world, wanted)
        } else {
            let ours = world
                .act(0, |endpoint, now| endpoint.refer(now, caller, refer_to, Reply::new()))
                .unwrap();
            world.run(ms(15));
            ours
        };
        let early = world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours));
        assert_eq!(early, Err(EndpointError::WrongState));
        let refer = came(&mut world).refer;
        accept(&mut world, refer);
        world.events(0);
        world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
        world.run(ms(100));
        assert_eq!(progress(&mut world), [(100, true)], "outside: {outside}");
        assert_eq!(world.names(1), ["ReferEnded"]);
        assert_eq!((world.live(0).subscriptions, world.live(1).refers), (0, 0));
        world.hang_up(0, caller);
        world.settle();
    }
}

fn challenge() -> Reply {
    Reply::new().header(
        HeaderName::WwwAuthenticate,
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    )
}

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
fn our_refer_and_publish_answer_challenges() {
    let mut world = World::with(2, 9, |_, config| config.methods.push(Method::Publish));
    let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
    let mut wanted = referral(&world, &refer_to);
    wanted.credentials = Some(Credentials::new("u", "p"));
    send(&mut world, wanted);
    let refer = came(&mut world).refer;
    world
        .act(1, |endpoint, now| {
            endpoint.reject_refer_with(now, refer, StatusCode::UNAUTHORIZED, &challenge())
        })
        .unwrap();
    world.run(ms(50));
    let Came { refer, request, .. } = came(&mut world);
    assert!(request.headers().contains(&HeaderName::Authorization));
    accept(&mut world, refer);
    tell(&mut world, refer, StatusCode::OK);
    assert_eq!(progress(&mut world).last(), Some(&(200, true)));
    let id = publish(&mut world, "open", |publish| {
        publish.credentials = Some(Credentials::new("u", "p"))
    });
    let (request_id, _) = requested(&mut world);
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge())
        })
        .unwrap();
    world.run(ms(50));
    let (_, request) = requested(&mut world);
    assert!(request.headers().contains(&HeaderName::Authorization));
    world.act(0, |endpoint, now| endpoint.unpublish(now, id)).unwrap();
    world.lose(|_| true);
    world.settle();
}

fn requested(world: &mut World) -> (RequestId, Request) {
    match world.events(1).pop() {
        Some(Event::Request {
            request_id, request, ..
        }) => (request_id, request),
        other => panic!("no request: {other:?}"),
    }
}

fn publish(world: &mut World, text: &'static str, configure: impl Fn(&mut Publish)) -> PublicationId {
    let body = Body::new("application/pidf+xml", text);
    let mut publish = Publish::new(
        target(world, 1),
        address(0),
        address(0),
        EventHeader::new("presence"),
        body,
    );
    configure(&mut publish);
    let id = world.act(0, |endpoint, now| endpoint.publish(now, publish)).unwrap();
    world.run(ms(15));
    id
}

/// Lets the compositor answer what came to node 1.
fn compose(world: &mut World, compositor: &mut Compositor) {
    world.run(ms(15));
    for event in world.events(1) {
        let Event::Request {
            request_id, request, ..
        } = event
        else {
            panic!("{event:?}")
        };
        let now = world.now;
        let response = match compositor.publish(now, "user0", &request) {
            Ok(response) => response,
            Err(error) => error.to_response(&request, compositor.config()),
        };
        let reply = Reply::from_response(&response);
        world
            .act(1, |endpoint, now| {
                endpoint.respond(now, request_id, response.status(), reply)
            })
            .unwrap();
    }
    world.run(ms(15));
}

fn body_of(compositor: &Compositor) -> Vec<&[u8]> {
    compositor
        .states("user0", "presence")
        .iter()
        .map(|state| &state.body[..])
        .collect()
}

#[test]
fn a_publication_from_end_to_end() {
    let mut world = World::with(2, 10, |_, config| config.methods.push(Method::Publish));
    let mut config = CompositorConfig::default();
    config.expiry.min = secs(300);
    config.expiry.max = secs(900);
    let mut compositor = Compositor::new(config.clone(), [1; 32]);
    // 200 s are too brief, 300 s are not.
    let id = publish(&mut world, "open", |publish| publish.expires = secs(200));
    compose(&mut world, &mut compositor);
    compose(&mut world, &mut compositor);
    assert!(
        matches!(world.events(0).pop(), Some(Event::Published { publication, expires }) if publication == id && expires == secs(300))
    );
    assert_eq!(body_of(&compositor), [b"open"]);
    // It is refreshed without its body.
    world.run(secs(241));
    assert_eq!(last_request(&world, 0, "PUBLISH").body().len(), 0);
    compose(&mut world, &mut compositor);
    compositor.handle_timeout(world.now);
    assert_eq!(
        (world.names(0), body_of(&compositor)),
        (vec!["Published"], vec![&b"open"[..]])
    );
    // Another state takes its place.
    let busy = Body::new("application/pidf+xml", "busy");
    world.act(0, |endpoint, now| endpoint.republish(now, id, busy)).unwrap();
    compose(&mut world, &mut compositor);
    assert_eq!(body_of(&compositor), [b"busy"]);
    // The compositor forgets everything: 412, and all is published anew.
    compositor = Compositor::new(config, [2; 32]);
    world.run(secs(241));
    compose(&mut world, &mut compositor);
    assert_eq!(world.count_sent(1, "SIP/2.0 412"), 1);
    compose(&mut world, &mut compositor);
    assert_eq!(body_of(&compositor), [b"busy"]);
    // The end.
    world.act(0, |endpoint, now| endpoint.unpublish(now, id)).unwrap();
    compose(&mut world, &mut compositor);
    assert_eq!((compositor.len(), world.live(0).publications), (0, 0));
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.unpublish(now, id)),
        Err(EndpointError::Gone)
    );
    world.settle();
}

#[test]
fn publications_are_limited_deferred_and_refused() {
    let mut world = World::with(2, 11, |_, config| {
        config.methods.push(Method::Publish);
        config.limits.publications = 2;
    });
    let first = publish(&mut world, "a", |_| {});
    let (request_id, _) = requested(&mut world);
    let busy = Reply::new().header(HeaderName::RetryAfter, "100");
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::SERVICE_UNAVAILABLE, busy)
        })
        .unwrap();
    world.run(ms(15));
    assert!(
        matches!(world.events(0).pop(), Some(Event::PublicationDeferred { publication, again, .. }) if publication == first && again == secs(100))
    );
    publish(&mut world, "b", |_| {});
    let (request_id, _) = requested(&mut world);
    let body = Body::new("a/b", "c");
    let third = Publish::new(
        target(&world, 1),
        address(0),
        address(0),
        EventHeader::new("presence"),
        body,
    );
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.publish(now, third)),
        Err(EndpointError::Full)
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::FORBIDDEN, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    assert!(matches!(
        world.events(0).pop(),
        Some(Event::PublicationEnded {
            cause: PublicationEnd::Refused(StatusCode::FORBIDDEN),
            ..
        })
    ));
    world.run(secs(101));
    requested(&mut world);
    // Given up while its PUBLISH is under way: gone with its end.
    world.act(0, |endpoint, now| endpoint.unpublish(now, first)).unwrap();
    world.lose(|_| true);
    world.run(secs(120));
    assert_eq!(world.live(0).publications, 0);
    assert_eq!(world.names(0), [""; 0]);
    world.settle();
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
