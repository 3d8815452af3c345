//! SUBSCRIBE and NOTIFY, both sides.

use std::time::Duration;

use sip_core::header::{EventHeader, SubscriptionStatus};
use sip_core::{
    Body, EndpointError, Event, HeaderName, Message, Method, NameAddr, Notify, Reply, StatusCode, Subscribe,
    SubscriptionEnd, SubscriptionId, TerminatedReason, Uri,
};

use crate::link::{World, address, ms, secs};

fn subscription(world: &World, expires: Duration) -> Subscribe {
    let target = Uri::parse(format!("sip:701@{}", world.address(1)).as_bytes()).unwrap();
    let mut subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target),
        EventHeader::new("dialog"),
        expires,
    );
    subscribe.accept = "application/dialog-info+xml".into();
    subscribe.contact_user = Some("user0".into());
    subscribe
}

fn subscribe(world: &mut World, expires: Duration) -> SubscriptionId {
    let subscribe = subscription(world, expires);
    let id = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(ms(15));
    id
}

fn body(text: &'static str) -> Body {
    Body::new("application/dialog-info+xml", text)
}

/// Accepts the subscription that is asked for, and notifies.
fn accept(world: &mut World, expires: Duration) -> SubscriptionId {
    let Some(Event::Subscribe { request_id, event, .. }) = world.events(1).pop() else {
        panic!("no SUBSCRIBE")
    };
    assert_eq!(event.package, "dialog");
    let id = world
        .act(1, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, expires)
        })
        .unwrap();
    world
        .act(1, |endpoint, now| {
            endpoint.notify(now, id, Notify::active(body("free")))
        })
        .unwrap();
    world.run(ms(50));
    id
}

fn bodies(world: &mut World) -> Vec<(SubscriptionStatus, String)> {
    let told = |event| match event {
        Event::Notified { state, request, .. } => {
            Some((state.state, String::from_utf8(request.body().to_vec()).unwrap()))
        }
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

#[test]
fn a_subscription_lives_by_refreshes_and_ends_when_given_up() {
    let mut world = World::new(2, 1);
    let ours = subscribe(&mut world, secs(600));
    let theirs = accept(&mut world, secs(600));
    assert!(world.names(0).contains(&"SubscriptionAccepted"));
    assert_eq!(bodies(&mut world), [(SubscriptionStatus::Active, "free".into())]);
    for _ in 0..3 {
        world.run(secs(545));
        let events = world.events(1);
        assert!(
            matches!(&events[..], [Event::Resubscribed { subscription, expires, suppressed: false }]
            if *subscription == theirs && *expires == secs(600)),
            "{events:?}"
        );
        world
            .act(1, |endpoint, now| {
                endpoint.notify(now, theirs, Notify::active(body("busy")))
            })
            .unwrap();
        world.run(ms(50));
        assert_eq!(bodies(&mut world), [(SubscriptionStatus::Active, "busy".into())]);
    }
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(1));
    assert!(matches!(&world.events(1)[..], [
        Event::SubscriptionEnded { subscription, cause: SubscriptionEnd::Unsubscribed }
    ] if *subscription == theirs));
    assert!(matches!(
        &world.events(0)[..],
        [
            Event::SubscriptionAccepted { .. },
            Event::Notified { .. },
            Event::SubscriptionEnded {
                cause: SubscriptionEnd::Unsubscribed,
                ..
            },
        ] | [
            Event::Notified { .. },
            Event::SubscriptionEnded {
                cause: SubscriptionEnd::Unsubscribed,
                ..
            },
        ]
    ));
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)),
        Err(EndpointError::Gone)
    );
    world.settle();
}

#[test]
fn the_state_is_fetched_with_expires_zero() {
    let mut world = World::new(2, 2);
    subscribe(&mut world, secs(0));
    let theirs = accept(&mut world, secs(0));
    let events = world.events(0);
    assert!(
        matches!(
            &events[..],
            [
                Event::SubscriptionAccepted { .. },
                Event::Notified { .. },
                Event::SubscriptionEnded {
                    cause: SubscriptionEnd::Unsubscribed,
                    ..
                },
            ]
        ),
        "{events:?}"
    );
    let gone = world.act(1, |endpoint, now| {
        endpoint.notify(now, theirs, Notify::active(body("x")))
    });
    assert_eq!(gone, Err(EndpointError::Gone));
    world.settle();
}

#[test]
fn unsubscribing_with_a_notify_in_flight() {
    let mut world = World::new(2, 3);
    let ours = subscribe(&mut world, secs(600));
    let theirs = accept(&mut world, secs(600));
    world.events(0);
    // A NOTIFY that is lost again and again, and one more state waiting behind it.
    let mut lost = 0;
    world.lose(move |message| {
        let notify = matches!(message, Message::Request(request) if *request.method() == Method::Notify);
        lost += u32::from(notify);
        notify && lost <= 3
    });
    world.act(1, |endpoint, now| {
        endpoint.notify(now, theirs, Notify::active(body("one"))).unwrap();
        endpoint.notify(now, theirs, Notify::active(body("two"))).unwrap();
        endpoint.notify(now, theirs, Notify::active(body("three"))).unwrap();
    });
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(20));
    assert_eq!(
        bodies(&mut world),
        [
            (SubscriptionStatus::Active, "one".into()),
            (SubscriptionStatus::Terminated, "three".into())
        ]
    );
    assert_eq!(world.names(1), ["SubscriptionEnded"]);
    world.settle();
}

#[test]
fn an_unrefreshed_subscription_expires_with_a_last_notify() {
    let mut world = World::new(2, 4);
    subscribe(&mut world, secs(300));
    let theirs = accept(&mut world, secs(300));
    world.events(0);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Subscribe));
    world.run(secs(299));
    assert_eq!(world.names(1), [""; 0]);
    world.lose_nothing();
    world.run(secs(5));
    let events = world.events(1);
    assert!(
        matches!(&events[..], [Event::SubscriptionEnded { subscription, cause: SubscriptionEnd::Expired }]
        if *subscription == theirs),
        "{events:?}"
    );
    let Message::Request(last) = world.last_sent(1, "NOTIFY") else {
        panic!()
    };
    assert_eq!(
        last.headers().get_str(&HeaderName::SubscriptionState),
        Some("terminated;reason=timeout")
    );
    assert_eq!(world.names(0).last(), Some(&"SubscriptionEnded"));
    world.settle();
}

#[test]
fn a_refresh_at_the_instant_of_expiry_has_one_outcome() {
    for offset in [-20, -10, -1, 0, 1, 10, 20] {
        let mut world = World::new(2, 5);
        subscribe(&mut world, secs(300));
        accept(&mut world, secs(300));
        world.events(0);
        // The notifier expires the subscription 300 s after the SUBSCRIBE came; a refresh by hand about that time.
        let Message::Request(mut refresh) = world.last_sent(0, "SUBSCRIBE") else {
            panic!()
        };
        let tag = world.last_sent(1, "SIP/2.0 200");
        let Message::Response(ok) = &tag else { panic!() };
        let to = ok.headers().get_str(&HeaderName::To).unwrap().to_owned();
        refresh.headers_mut().set(HeaderName::To, to);
        let cseq = refresh.cseq().unwrap().number + 1000;
        refresh.headers_mut().set(HeaderName::CSeq, format!("{cseq} SUBSCRIBE"));
        refresh
            .headers_mut()
            .set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKrefresh");
        world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Subscribe));
        let elapsed = u64::try_from(300_000 - 65 + offset).unwrap();
        world.run(ms(elapsed));
        world.inject(1, "192.0.2.1:5060", refresh.to_bytes());
        world.run(ms(100));
        let names = world.names(1);
        assert!(
            names == ["Resubscribed"] || names == ["SubscriptionEnded"],
            "{offset}: {names:?}"
        );
        world.settle();
    }
}

#[test]
fn a_subscription_is_refused() {
    let mut world = World::new(2, 6);
    subscribe(&mut world, secs(600));
    let Some(Event::Subscribe { request_id, .. }) = world.events(1).pop() else {
        panic!()
    };
    let accepted = world.act(1, |endpoint, now| {
        endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
    });
    assert_eq!(accepted, Err(EndpointError::BadStatus), "a 200 needs a subscription");
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::FORBIDDEN, Reply::new())
        })
        .unwrap();
    world.run(secs(1));
    assert!(matches!(
        &world.events(0)[..],
        [Event::SubscriptionEnded {
            cause: SubscriptionEnd::Refused(StatusCode::FORBIDDEN),
            ..
        }]
    ));
    world.settle();
}

#[test]
fn a_notifier_that_is_done_says_so() {
    let mut world = World::new(2, 7);
    let ours = subscribe(&mut world, secs(600));
    let theirs = accept(&mut world, secs(600));
    world.events(0);
    let last = Notify::terminated(TerminatedReason::NoResource, Some(body("gone")));
    world
        .act(1, |endpoint, now| endpoint.notify(now, theirs, last))
        .unwrap();
    world.run(secs(1));
    let events = world.events(0);
    let [Event::Notified { .. }, Event::SubscriptionEnded { subscription, cause }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*subscription, ours);
    assert_eq!(
        *cause,
        SubscriptionEnd::Terminated {
            reason: Some("noresource".into()),
            retry_after: None
        }
    );
    assert_eq!(world.names(1), [""; 0], "the notifier knows");
    world.settle();
}

#[test]
fn a_subscriber_that_is_gone_is_found_out() {
    let mut world = World::new(2, 8);
    subscribe(&mut world, secs(600));
    let theirs = accept(&mut world, secs(600));
    world.events(0);
    world.lose(|_| true);
    world
        .act(1, |endpoint, now| {
            endpoint.notify(now, theirs, Notify::active(body("x")))
        })
        .unwrap();
    world.run(secs(33));
    assert!(matches!(
        &world.events(1)[..],
        [Event::SubscriptionEnded {
            cause: SubscriptionEnd::Refused(StatusCode::REQUEST_TIMEOUT),
            ..
        }]
    ));
    world.settle();
}

#[test]
fn an_accepted_subscription_without_notify_is_given_up() {
    let mut world = World::new(2, 9);
    subscribe(&mut world, secs(600));
    let Some(Event::Subscribe { request_id, .. }) = world.events(1).pop() else {
        panic!()
    };
    world
        .act(1, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, secs(600))
        })
        .unwrap();
    world.run(secs(40));
    assert!(matches!(
        world.events(0).last(),
        Some(Event::SubscriptionEnded {
            cause: SubscriptionEnd::NotNotified,
            ..
        })
    ));
    world.settle();
}

#[test]
fn a_notify_may_come_before_the_200() {
    let mut world = World::new(2, 10);
    let subscribe = subscription(&world, secs(600));
    world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    let mut lost = 0;
    world.lose(move |message| {
        let ok = matches!(message, Message::Response(response) if response.method() == Some(Method::Subscribe));
        lost += u32::from(ok);
        ok && lost <= 2
    });
    world.run(ms(15));
    accept(&mut world, secs(600));
    assert_eq!(world.names(0), ["Notified"]);
    world.run(secs(5));
    assert_eq!(world.names(0), ["Notified", "SubscriptionAccepted"]);
    world.lose(|_| true);
    world.settle();
}

#[test]
fn unsubscribing_before_the_answer_ends_at_once() {
    let mut world = World::new(2, 11);
    let subscribe = subscription(&world, secs(600));
    let ours = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(ms(15));
    accept(&mut world, secs(600));
    assert_eq!(world.names(0), ["SubscriptionEnded"]);
    assert!(
        matches!(world.events(1).last(), Some(Event::SubscriptionEnded { cause: SubscriptionEnd::Refused(status), .. }) if status.code() == 481)
    );
    world.settle();
}

#[test]
fn subscriptions_are_limited() {
    let mut world = World::with(2, 12, |node, config| {
        if node == 1 {
            config.limits.subscriptions = 2;
        }
    });
    for _ in 0..2 {
        subscribe(&mut world, secs(600));
        accept(&mut world, secs(600));
    }
    subscribe(&mut world, secs(600));
    assert_eq!(world.names(1), [""; 0]);
    assert_eq!(world.count_sent(1, "SIP/2.0 503"), 1);
    world.lose(|_| true);
    world.settle();
}

#[test]
fn of_several_that_wait_no_more_than_the_limit_are_accepted() {
    let mut world = World::with(2, 14, |node, config| {
        if node == 1 {
            config.limits.subscriptions = 2;
        }
    });
    for _ in 0..3 {
        subscribe(&mut world, secs(600));
    }
    let mut accepted = Vec::new();
    for event in world.events(1) {
        let Event::Subscribe { request_id, .. } = event else {
            panic!()
        };
        accepted.push(
            world
                .act(1, |endpoint, now| {
                    endpoint.accept_subscription(now, request_id, secs(60))
                })
                .is_ok(),
        );
    }
    assert_eq!(accepted, [true, true, false]);
    world.settle();
}

#[test]
fn an_unknown_event_in_a_dialog_and_a_notify_of_nothing() {
    let mut world = World::new(2, 13);
    let (caller, _) = world.established(0, 1);
    world.inject(
        0,
        "198.51.100.1:5060",
        crate::cancel::message("NOTIFY", "z9hG4bKn", "Event: dialog\r\n"),
    );
    world.inject(
        0,
        "198.51.100.1:5060",
        crate::cancel::message("SUBSCRIBE", "z9hG4bKs", ""),
    );
    assert_eq!(
        world.sent_lines(0),
        ["SIP/2.0 481 Call/Transaction Does Not Exist", "SIP/2.0 489 Bad Event"]
    );
    world.hang_up(0, caller);
    world.settle();
}
