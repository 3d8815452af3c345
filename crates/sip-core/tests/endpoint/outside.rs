//! Requests outside of dialogs, and INFO, MESSAGE and OPTIONS in them: REFER with all its kin, PUBLISH, and what nobody may
//! do without credentials.

use sip_core::header::TypedHeader;
use sip_core::{
    EndpointError, Event, HeaderName, Invite, Message, Method, NameAddr, OutOfDialog, ReferId, Referral, Reply,
    Request, SessionId, StatusCode, SubscriptionId, Uri,
};

use crate::link::{World, address, ms, secs};

pub fn target(world: &World, node: usize) -> Uri {
    Uri::parse(format!("sip:user{node}@{}", world.address(node)).as_bytes()).unwrap()
}

pub fn referral(world: &World, refer_to: &NameAddr) -> Referral {
    let to = target(world, 1);
    Referral::new(to.clone(), address(0), NameAddr::new(to), refer_to.clone())
}

pub fn send(world: &mut World, referral: Referral) -> SubscriptionId {
    let id = world
        .act(0, |endpoint, now| endpoint.send_refer(now, referral))
        .unwrap();
    world.run(ms(15));
    id
}

pub struct Came {
    pub refer: ReferId,
    pub refer_to: NameAddr,
    pub request: Request,
    pub target_dialog: Option<SessionId>,
    pub session: Option<SessionId>,
}

pub fn came(world: &mut World) -> Came {
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

pub fn progress(world: &mut World) -> Vec<(u16, bool)> {
    let told = |event| match event {
        Event::ReferNotified { status, terminated, .. } => Some((status.code(), terminated)),
        Event::ReferAccepted { subscribed, .. } => Some((202, !subscribed)),
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

pub fn accept(world: &mut World, refer: ReferId) {
    world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    world.run(ms(50));
}

pub fn tell(world: &mut World, refer: ReferId, status: StatusCode) {
    world
        .act(1, |endpoint, now| endpoint.notify_refer(now, refer, status, None))
        .unwrap();
    world.run(ms(50));
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
        world.request(0, "REFER").headers().get_str(&HeaderName::ReferSub),
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
    let refer = world.request(0, "REFER");
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
    for (value, expected) in [
        (text(&known), Some(callee)),
        (text(&swapped), Some(callee)),
        // RFC 4538 §4: such a header is as good as none.
        (text(&wrong), None),
        ("nobody;local-tag=1;remote-tag=2".into(), None),
        (text(&known).to_uppercase(), None),
        (format!("{};local-tag={}", known.call_id, known.local_tag), None),
        ("x".into(), None),
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
        let status = target_dialog.map_or(StatusCode::FORBIDDEN, |_| StatusCode::DECLINE);
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
    assert_eq!(came(&mut world).target_dialog, None);
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
