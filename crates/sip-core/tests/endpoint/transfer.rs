//! REFER with its NOTIFYs, Replaces.

use sip_core::{Event, HeaderName, Message, Method, NameAddr, ReferId, Reply, SessionId, StatusCode, Uri};

use crate::link::{World, ms, secs};

fn target() -> NameAddr {
    NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap())
}

fn refer(world: &mut World, session: SessionId) -> sip_core::SubscriptionId {
    let subscription = world
        .act(0, |endpoint, now| endpoint.refer(now, session, target(), Reply::new()))
        .unwrap();
    world.run(ms(15));
    subscription
}

fn take_refer(world: &mut World) -> ReferId {
    match world.events(1).pop() {
        Some(Event::Refer { refer, refer_to, .. }) => {
            assert_eq!(refer_to, target());
            refer
        }
        other => panic!("{other:?}"),
    }
}

fn progress(world: &mut World) -> Vec<(u16, bool)> {
    let told = |event| match event {
        Event::ReferNotified { status, terminated, .. } => Some((status.code(), terminated)),
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

#[test]
fn a_referral_is_accepted_and_told_of() {
    let mut world = World::new(2, 1);
    let (caller, _) = world.established(0, 1);
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    assert!(world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).is_err());
    world.run(ms(100));
    assert_eq!(progress(&mut world), [(100, false)]);
    for (status, end) in [(StatusCode::RINGING, false), (StatusCode::OK, true)] {
        world
            .act(1, |endpoint, now| endpoint.notify_refer(now, refer, status, None))
            .unwrap();
        world.run(ms(100));
        assert_eq!(progress(&mut world), [(status.code(), end)]);
    }
    assert!(
        world
            .act(1, |endpoint, now| endpoint.notify_refer(
                now,
                refer,
                StatusCode::OK,
                None
            ))
            .is_err()
    );
    let Message::Request(last) = world.last_sent(1, "NOTIFY") else {
        panic!()
    };
    assert_eq!(
        last.headers().get_str(&HeaderName::SubscriptionState),
        Some("terminated;reason=noresource")
    );
    assert_eq!(last.headers().get_str(&HeaderName::Event), Some("refer"));
    assert_eq!(last.body(), "SIP/2.0 200 OK\r\n");
    assert_eq!((world.live(0).subscriptions, world.live(1).refers), (0, 0));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn while_a_notify_is_under_way_only_the_latest_waits() {
    let mut world = World::new(2, 2);
    let (caller, _) = world.established(0, 1);
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world.act(1, |endpoint, now| {
        endpoint.accept_refer(now, refer).unwrap();
        endpoint.notify_refer(now, refer, StatusCode::RINGING, None).unwrap();
        endpoint
            .notify_refer(now, refer, StatusCode::SESSION_PROGRESS, None)
            .unwrap();
        endpoint
            .notify_refer(now, refer, StatusCode::BUSY_HERE, Some("Engaged"))
            .unwrap();
    });
    assert_eq!(world.count_sent(1, "NOTIFY"), 1);
    world.run(secs(1));
    assert_eq!(progress(&mut world), [(100, false), (486, true)]);
    assert_eq!(world.count_sent(1, "NOTIFY"), 2);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_referral_is_rejected() {
    let mut world = World::new(2, 3);
    let (caller, _) = world.established(0, 1);
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world
        .act(1, |endpoint, now| {
            endpoint.reject_refer(now, refer, StatusCode::FORBIDDEN)
        })
        .unwrap();
    world.run(secs(1));
    assert_eq!(progress(&mut world), [(403, true)]);
    assert!(world.endpoint(0).session_info(caller).is_some(), "the call goes on");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_undecided_referral_dies_with_its_transaction() {
    let mut world = World::new(2, 4);
    let (caller, callee) = world.established(0, 1);
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world.run(secs(40));
    let mut names = world.names(1);
    names.sort_unstable();
    assert_eq!(names, ["Ended", "ReferEnded"]);
    assert!(world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).is_err());
    // 408 to a request in the dialog ends the session (RFC 3261 §12.2.1.2).
    assert!(matches!(
        &world.events(0)[..],
        [
            Event::ReferNotified {
                status: StatusCode::REQUEST_TIMEOUT,
                terminated: true,
                ..
            },
            Event::Ended { .. },
        ]
    ));
    assert!(world.endpoint(1).session_info(callee).is_none());
    world.settle();
}

#[test]
fn the_notifys_go_on_after_the_bye() {
    let mut world = World::new(3, 5);
    let (caller, _) = world.established(0, 1);
    // A phone that hangs up as soon as its REFER is accepted, but still hears the NOTIFYs: done here by letting the BYE
    // come from its own hand, while its endpoint keeps the session.
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    world.run(ms(100));
    let Message::Request(invite_like) = world.last_sent(0, "REFER") else {
        panic!()
    };
    let cseq = invite_like.cseq().unwrap().number + 1;
    let header = |name: &HeaderName| invite_like.headers().get_str(name).unwrap().to_owned();
    let bye = format!(
        "BYE sip:user1@192.0.2.2:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbye\r\nFrom: {}\r\n\
         To: {}\r\nCall-ID: {}\r\nCSeq: {cseq} BYE\r\nContent-Length: 0\r\n\r\n",
        header(&HeaderName::From),
        header(&HeaderName::To),
        header(&HeaderName::CallId),
    );
    world.inject(1, "192.0.2.1:5060", bye);
    assert_eq!(world.names(1), ["Ended"]);
    world.events(0);
    world
        .act(1, |endpoint, now| {
            endpoint.notify_refer(now, refer, StatusCode::OK, None)
        })
        .unwrap();
    world.run(secs(1));
    assert_eq!(progress(&mut world), [(200, true)]);
    assert_eq!(world.live(1).sessions, 0, "with its last NOTIFY the dialog is over");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_referral_without_news_expires() {
    let mut world = World::new(2, 6);
    let (caller, _) = world.established(0, 1);
    refer(&mut world, caller);
    let refer = take_refer(&mut world);
    world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    world.run(secs(179));
    world.events(0);
    assert_eq!(world.live(1).refers, 1);
    world.run(secs(5));
    assert_eq!(world.names(1), ["ReferEnded"]);
    assert_eq!((world.live(0).subscriptions, world.live(1).refers), (0, 0));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_second_referrals_notifys_are_numbered() {
    let mut world = World::new(2, 7);
    let (caller, _) = world.established(0, 1);
    let first = refer(&mut world, caller);
    let first_refer = take_refer(&mut world);
    let second = refer(&mut world, caller);
    let second_refer = take_refer(&mut world);
    world.act(1, |endpoint, now| {
        endpoint.accept_refer(now, first_refer).unwrap();
        endpoint.accept_refer(now, second_refer).unwrap();
        endpoint.notify_refer(now, second_refer, StatusCode::OK, None).unwrap();
        endpoint
            .notify_refer(now, first_refer, StatusCode::BUSY_HERE, None)
            .unwrap();
    });
    world.run(secs(1));
    let told: Vec<_> = world
        .events(0)
        .into_iter()
        .filter_map(|event| match event {
            Event::ReferNotified {
                subscription,
                status,
                terminated: true,
                ..
            } => Some((subscription, status.code())),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 2);
    assert!(
        told.contains(&(first, 486)) && told.contains(&(second, 200)),
        "{told:?}"
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_referral_outside_of_a_dialog() {
    let mut world = World::new(1, 8);
    let text = crate::cancel::message("REFER", "z9hG4bKr", "Refer-To: <sip:700@192.0.2.9>\r\n");
    world.inject(0, "198.51.100.1:5060", text);
    let Some(Event::Refer {
        session: None, refer, ..
    }) = world.events(0).pop()
    else {
        panic!()
    };
    world.act(0, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
    assert_eq!(
        world.sent_lines(0),
        ["SIP/2.0 202 Accepted", "NOTIFY sip:a@198.51.100.1 SIP/2.0"]
    );
    world.settle();
    assert_eq!(world.names(0), ["ReferEnded"], "nobody answers the NOTIFY");
}

#[test]
fn referrals_that_cannot_be_understood_or_held_are_refused() {
    let mut world = World::with(1, 9, |_, config| config.limits.refers = 2);
    let from = "198.51.100.1:5060";
    let refer = |n: usize, more: &str| {
        let text = crate::cancel::message("REFER", &format!("z9hG4bK{n}"), more);
        String::from_utf8(text.to_vec())
            .unwrap()
            .replace("c1", &format!("c{n}"))
    };
    world.inject(0, from, refer(1, ""));
    world.inject(0, from, refer(2, "Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n"));
    assert_eq!(world.count_sent(0, "SIP/2.0 400"), 2);
    for n in 3..6 {
        world.inject(0, from, refer(n, "Refer-To: <sip:nowhere.invalid>\r\n"));
    }
    assert_eq!(world.names(0), ["Refer", "Refer"]);
    assert_eq!(world.count_sent(0, "SIP/2.0 503"), 1);
    world.settle();
}

#[test]
fn a_session_has_a_limit_of_referrals() {
    let mut world = World::new(2, 10);
    let (caller, callee) = world.established(0, 1);
    for _ in 0..9 {
        world
            .act(0, |endpoint, now| endpoint.refer(now, caller, target(), Reply::new()))
            .unwrap();
    }
    world.run(ms(15));
    assert_eq!(world.names(1), ["Refer"; 8]);
    assert_eq!(world.count_sent(1, "SIP/2.0 503"), 1);
    world.hang_up(1, callee);
    world.settle();
}

/// An INVITE with Replaces from node 2 to node 0. The dialog is named as node 1 sees it, or as given.
fn replace(world: &mut World, value: String) -> (Option<Result<SessionId, StatusCode>>, SessionId) {
    let mut invite = world.invite_to(2, 0);
    invite.headers.push((HeaderName::Replaces, value.into()));
    world.act(2, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    match world.events(0).pop() {
        Some(Event::Invite { session, replaces, .. }) => (replaces, session),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_attended_transfer_replaces_the_dialog() {
    let mut world = World::new(3, 11);
    let (old, peer) = world.established(0, 1);
    let info = world.endpoint(1).session_info(peer).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    // Node 1's view: its own tag is node 0's remote tag.
    let (call_id, to_tag, from_tag) = (text(&info.call_id), text(&info.remote_tag), text(&info.local_tag));
    assert_eq!(world.endpoint(0).find_session(&call_id, &to_tag, &from_tag), Some(old));
    assert_eq!(world.endpoint(0).find_session(&call_id, &from_tag, &to_tag), None);
    let (replaces, new) = replace(&mut world, format!("{call_id};to-tag={to_tag};from-tag={from_tag}"));
    assert_eq!(replaces, Some(Ok(old)));
    world.answer(0, new);
    world.hang_up(0, old);
    world.run(secs(1));
    assert_eq!(world.names(2), ["Answered"]);
    assert_eq!(world.names(1), ["Ended"]);
    world.hang_up(0, new);
    world.settle();
}

#[test]
fn what_may_not_be_replaced() {
    let mut world = World::new(3, 12);
    let unknown = Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
    let (replaces, new) = replace(&mut world, "nobody;to-tag=1;from-tag=2".into());
    assert_eq!(replaces, unknown);
    world.hang_up(0, new);
    let name = |world: &mut World, session: SessionId, more: &str| {
        let info = world.endpoint(0).session_info(session).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        format!(
            "{};to-tag={};from-tag={}{more}",
            text(&info.call_id),
            text(&info.local_tag),
            text(&info.remote_tag)
        )
    };
    // Established, but only an early one was wanted.
    let (old, _) = world.established(0, 1);
    let value = name(&mut world, old, ";early-only");
    let (replaces, new) = replace(&mut world, value);
    assert_eq!(replaces, Some(Err(StatusCode::BUSY_HERE)));
    world.hang_up(0, new);
    // Established, and ending.
    let value = name(&mut world, old, "");
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Bye));
    world.hang_up(0, old);
    let (replaces, new) = replace(&mut world, value);
    assert_eq!(replaces, Some(Err(StatusCode::DECLINE)));
    world.hang_up(0, new);
    // An incoming call that is not answered yet.
    world.call(1, 0);
    world.run(ms(15));
    let ringing = world.incoming(0);
    let value = name(&mut world, ringing, "");
    let (replaces, new) = replace(&mut world, value);
    assert_eq!(replaces, unknown);
    world.hang_up(0, new);
    world.hang_up(0, ringing);
    // An outgoing one that rings may be.
    world.lose_nothing();
    let out = world.call(0, 1);
    world.run(ms(15));
    let there = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, there, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    let value = name(&mut world, out, ";early-only");
    let (replaces, new) = replace(&mut world, value);
    assert_eq!(replaces, Some(Ok(out)));
    world.hang_up(0, new);
    world.hang_up(0, out);
    world.run(secs(60));
    let left = world.events(1);
    for event in left {
        if let Event::Invite { session, .. } = event {
            let _ = world.act(1, |endpoint, now| endpoint.hang_up(now, session, None));
        }
    }
    world.settle();
}
