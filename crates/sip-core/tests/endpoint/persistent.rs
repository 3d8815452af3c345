//! Subscriptions that begin anew, and those that end.

use sip_core::{
    Credentials, Event, HeaderName, Message, Method, Notify, Reply, Response, StatusCode, SubscriptionEnd,
    TerminatedReason,
};

use crate::conditional::{accept, ask, asked, bodies, ends, refuse, state, tell, wanted};
use crate::link::{World, ms, secs};

/// RFC 6665 §4.1.2.2: which failures of a refresh end a subscription, and which leave it as it was.
#[test]
fn what_each_failure_of_a_refresh_means() {
    let over = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604];
    for code in (400..=699).filter(|code| ![401, 407, 408, 423].contains(code)) {
        let status = StatusCode::try_from(code).unwrap();
        let mut world = World::new(2, 7);
        let subscribe = wanted(&world, "presence", secs(600));
        ask(&mut world, subscribe);
        accept(&mut world, secs(600), state("v1"));
        world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Subscribe));
        world.run(secs(541));
        world.events(0);
        let refresh = world.request(0, "SUBSCRIBE");
        world.inject(
            0,
            "192.0.2.2:5060",
            Response::to_request(&refresh, status, None).to_bytes(),
        );
        let expected: &[_] = if over.contains(&code) {
            &[SubscriptionEnd::Refused(status)]
        } else {
            &[]
        };
        assert_eq!(ends(&mut world, 0), expected, "{code}");
        // What was not ended lives until its time, and tries once more before.
        if expected.is_empty() {
            let before = world.count_sent(0, "SUBSCRIBE");
            world.lose_nothing();
            world.run(secs(31));
            assert!(world.count_sent(0, "SUBSCRIBE") > before, "{code}: not tried again");
            assert_eq!(world.live(0).subscriptions, 1, "{code}");
        }
        if code > 420 && code < 600 && code % 10 != 3 {
            // The quick way out for most: three hundred worlds need not all play to their end.
            continue;
        }
        world.lose(|_| true);
        world.settle();
    }
}

#[test]
fn too_brief_is_asked_for_longer() {
    let mut world = World::new(2, 8);
    let subscribe = wanted(&world, "presence", secs(30));
    let ours = ask(&mut world, subscribe);
    let brief = |min: &str| Reply::new().header(HeaderName::MinExpires, min.to_owned());
    refuse(&mut world, StatusCode::INTERVAL_TOO_BRIEF, brief("120"));
    assert_eq!(
        world.header(0, "SUBSCRIBE", HeaderName::Expires).as_deref(),
        Some("120")
    );
    accept(&mut world, secs(120), state("v1"));
    assert_eq!(world.names(0), ["SubscriptionAccepted", "Notified"]);
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(1));
    world.events(0);
    // Twice is once too often; less than asked for, or more than a day, is nonsense.
    for refusals in [vec!["60", "90"], vec!["10"], vec!["100000"]] {
        let subscribe = wanted(&world, "presence", secs(30));
        ask(&mut world, subscribe);
        for min in &refusals {
            refuse(&mut world, StatusCode::INTERVAL_TOO_BRIEF, brief(min));
        }
        assert_eq!(
            ends(&mut world, 0),
            [SubscriptionEnd::Refused(StatusCode::INTERVAL_TOO_BRIEF)],
            "{refusals:?}"
        );
    }
    world.settle();
}

/// RFC 6665 §4.1.3: whether and when a persistent subscriber comes back after each reason.
#[test]
fn what_each_reason_means_to_a_persistent_subscriber() {
    use TerminatedReason as R;
    for (reason, retry, again) in [
        (R::Deactivated, None, Some(60)),
        (R::Timeout, None, Some(60)),
        (R::Probation, None, Some(60)),
        (R::Probation, Some(300), Some(300)),
        (R::Giveup, Some(100), Some(100)),
        (R::Giveup, None, Some(60)),
        (R::Rejected, Some(10), None),
        (R::NoResource, None, None),
        (R::Invariant, None, None),
    ] {
        let mut world = World::new(2, 9);
        let mut subscribe = wanted(&world, "presence", secs(600));
        subscribe.persist = Some(secs(60));
        let ours = ask(&mut world, subscribe);
        let theirs = accept(&mut world, secs(600), state("v1"));
        let mut last = Notify::terminated(reason, None);
        last.retry_after = retry.map(secs);
        tell(&mut world, theirs, last);
        world.run(ms(50));
        let told = world.events(0).pop();
        match (again, told) {
            (None, Some(Event::SubscriptionEnded { subscription, .. })) => assert_eq!(subscription, ours),
            (
                Some(seconds),
                Some(Event::SubscriptionSuspended {
                    subscription, again, ..
                }),
            ) => {
                assert_eq!(subscription, ours);
                assert!(
                    again <= secs(seconds) && again > secs(seconds - 2),
                    "{reason:?}: {again:?}"
                );
                world.run(again);
                let id = accept(&mut world, secs(600), state("v2"));
                assert_eq!(bodies(&mut world), ["v2"], "the handle stays");
                // Long after its beginning, "deactivated" means at once.
                world.run(secs(400));
                tell(&mut world, id, Notify::terminated(R::Deactivated, None));
                world.run(ms(30));
                asked(&mut world);
            }
            (expected, other) => panic!("{reason:?}: {expected:?}, {other:?}"),
        }
        world.lose(|_| true);
        let _ = world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours));
        world.settle();
    }
}

#[test]
fn a_persistent_subscriber_outlives_its_notifier() {
    let mut world = World::new(2, 10);
    let mut subscribe = wanted(&world, "presence", secs(600));
    subscribe.persist = Some(secs(30));
    let ours = ask(&mut world, subscribe);
    accept(&mut world, secs(600), state("v1"));
    world.events(0);
    world.lose(|_| true);
    world.run(secs(1000));
    let names = world.names(0);
    assert!(
        names.len() > 3 && names.iter().all(|name| *name == "SubscriptionSuspended"),
        "{names:?}"
    );
    assert!(world.count_sent(0, "SUBSCRIBE") < 300, "without haste");
    world.lose_nothing();
    // Not the last copy of an attempt that is being given up.
    world.run(secs(40));
    world.events(1);
    while !world.names(1).contains(&"Subscribe") {
        world.run(ms(100));
    }
    world.events(0);
    accept(&mut world, secs(600), state("v2"));
    assert_eq!(bodies(&mut world), ["v2"]);
    // Given up while it waits, it is over at once.
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(1));
    assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Unsubscribed]);
    world.settle();
    let mut world = World::new(2, 11);
    let mut subscribe = wanted(&world, "presence", secs(600));
    subscribe.persist = Some(secs(30));
    let ours = ask(&mut world, subscribe);
    refuse(
        &mut world,
        StatusCode::SERVICE_UNAVAILABLE,
        Reply::new().header(HeaderName::RetryAfter, "500"),
    );
    assert!(matches!(world.events(0).pop(), Some(Event::SubscriptionSuspended { again, .. }) if again == secs(500)));
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Unsubscribed]);
    // What will not change is not asked again.
    let mut subscribe = wanted(&world, "presence", secs(600));
    subscribe.persist = Some(secs(30));
    ask(&mut world, subscribe);
    refuse(&mut world, StatusCode::FORBIDDEN, Reply::new());
    assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Refused(StatusCode::FORBIDDEN)]);
    world.settle();
}

#[test]
fn a_challenged_subscription_lives_for_ever() {
    let mut world = World::new(2, 16);
    let mut subscribe = wanted(&world, "presence", secs(600));
    subscribe.credentials = Some(Credentials::new("u", "p"));
    ask(&mut world, subscribe);
    let challenge = |n: u32| {
        let value = format!("Digest realm=\"r\", nonce=\"n{n}\", qop=\"auth\"");
        Reply::new().header(HeaderName::WwwAuthenticate, value)
    };
    refuse(&mut world, StatusCode::UNAUTHORIZED, challenge(0));
    accept(&mut world, secs(600), state("v1"));
    for n in 1..8 {
        world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Subscribe && !request.headers().contains(&HeaderName::Authorization)));
        world.run(secs(541));
        let refresh = world.request(0, "SUBSCRIBE");
        let mut response = Response::to_request(&refresh, StatusCode::UNAUTHORIZED, None);
        for (name, value) in challenge(n).headers {
            response.headers_mut().push(name, value);
        }
        world.inject(0, "192.0.2.2:5060", response.to_bytes());
        world.run(secs(1));
        assert_eq!(ends(&mut world, 0), [], "refresh {n}");
        assert!(
            matches!(world.events(1).pop(), Some(Event::Resubscribed { .. })),
            "refresh {n}"
        );
    }
    world.lose(|_| true);
    world.settle();
}
