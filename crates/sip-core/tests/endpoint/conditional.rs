//! Subscriptions beyond the plain ones: conditions, paces, forks, failures that pass, and beginnings anew.

use std::time::Duration;

use sip_core::header::EventHeader;
use sip_core::{
    Body, Credentials, EndpointError, Event, HeaderName, Message, Method, NameAddr, Notify, Reply, Request, RequestId,
    Response, StatusCode, Subscribe, SubscriptionEnd, SubscriptionId, TerminatedReason, Uri,
};

use crate::link::{World, address, ms, secs};

fn wanted(world: &World, event: &str, expires: Duration) -> Subscribe {
    let target = Uri::parse(format!("sip:bob@{}", world.nodes[1].address).as_bytes()).unwrap();
    let event = <EventHeader as sip_core::header::TypedHeader>::parse(event.as_bytes()).unwrap();
    Subscribe::new(target.clone(), address(0), NameAddr::new(target), event, expires)
}

fn ask(world: &mut World, subscribe: Subscribe) -> SubscriptionId {
    let id = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(ms(15));
    id
}

/// The SUBSCRIBE that came.
fn asked(world: &mut World) -> RequestId {
    match world.events(1).pop() {
        Some(Event::Subscribe { request_id, .. }) => request_id,
        other => panic!("no SUBSCRIBE: {other:?}"),
    }
}

fn state(text: &'static str) -> Notify {
    Notify::active(Body::new("text/plain", text)).etag(text)
}

fn accept(world: &mut World, expires: Duration, notify: Notify) -> SubscriptionId {
    let request = asked(world);
    let id = world
        .act(1, |endpoint, now| endpoint.accept_subscription(now, request, expires))
        .unwrap();
    world.act(1, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
    world.run(ms(50));
    id
}

fn tell(world: &mut World, id: SubscriptionId, notify: Notify) {
    world.act(1, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
}

fn refuse(world: &mut World, status: StatusCode, reply: Reply) {
    let request = asked(world);
    world
        .act(1, |endpoint, now| endpoint.respond(now, request, status, reply))
        .unwrap();
    world.run(ms(30));
}

fn last_request(world: &World, node: usize, method: &str) -> Request {
    match world.last_sent(node, method) {
        Message::Request(request) => request,
        Message::Response(_) => panic!(),
    }
}

fn header(world: &World, node: usize, method: &str, name: HeaderName) -> Option<String> {
    last_request(world, node, method)
        .headers()
        .get_str(&name)
        .map(str::to_owned)
}

fn bodies(world: &mut World) -> Vec<String> {
    let told = |event| match event {
        Event::Notified { request, .. } => Some(String::from_utf8(request.body().to_vec()).unwrap()),
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

fn ends(world: &mut World, node: usize) -> Vec<SubscriptionEnd> {
    let ended = |event| match event {
        Event::SubscriptionEnded { cause, .. } => Some(cause),
        _ => None,
    };
    world.events(node).into_iter().filter_map(ended).collect()
}

#[test]
fn rfc_5839_a_refresh_brings_no_notify_of_what_is_known() {
    let mut world = World::new(2, 1);
    let subscribe = wanted(&world, "presence", secs(600));
    let ours = ask(&mut world, subscribe);
    let theirs = accept(&mut world, secs(600), state("v1"));
    assert_eq!(bodies(&mut world), ["v1"]);
    world.run(secs(545));
    assert_eq!(
        header(&world, 0, "SUBSCRIBE", HeaderName::SuppressIfMatch).as_deref(),
        Some("v1")
    );
    assert_eq!(world.count_sent(1, "SIP/2.0 204 No Notification"), 1);
    assert_eq!(world.count_sent(1, "NOTIFY"), 1);
    assert!(matches!(
        world.events(1).pop(),
        Some(Event::Resubscribed { suppressed: true, .. })
    ));
    assert_eq!(world.names(0), ["SubscriptionAccepted"]);
    // Another state is told, and the next refresh names that one.
    tell(&mut world, theirs, state("v2"));
    world.run(secs(545));
    assert_eq!(
        header(&world, 0, "SUBSCRIBE", HeaderName::SuppressIfMatch).as_deref(),
        Some("v2")
    );
    // One that waits behind another is not known yet: 200, and it follows.
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Notify));
    tell(&mut world, theirs, state("v3"));
    tell(&mut world, theirs, state("v4"));
    world.events(1);
    world.lose_nothing();
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(10));
    assert_eq!(world.count_sent(1, "SIP/2.0 204"), 2);
    assert!(bodies(&mut world).ends_with(&["v4".to_owned()]));
    world.settle();
}

#[test]
fn rfc_5839_an_end_without_last_notify() {
    let mut world = World::new(2, 2);
    let subscribe = wanted(&world, "presence", secs(600));
    let ours = ask(&mut world, subscribe);
    accept(&mut world, secs(600), state("v1"));
    world.events(0);
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(ms(50));
    assert_eq!(world.count_sent(1, "NOTIFY"), 1, "only the first");
    assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Unsubscribed]);
    assert_eq!(ends(&mut world, 1), [SubscriptionEnd::Unsubscribed]);
    assert_eq!((world.live(0).subscriptions, world.live(1).subscriptions), (0, 0));
    world.settle();
}

#[test]
fn rfc_5839_polling() {
    let mut world = World::new(2, 3);
    let mut poll = wanted(&world, "presence", secs(0));
    poll.etag = Some("v1".into());
    ask(&mut world, poll.clone());
    let request = asked(&mut world);
    // Nothing new.
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request, StatusCode::NO_NOTIFICATION, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Unchanged]);
    // Something new.
    ask(&mut world, poll.clone());
    accept(&mut world, secs(0), state("v2"));
    assert_eq!(bodies(&mut world), ["v2"]);
    // Nothing new, but the notifier is of the kind that says so in a NOTIFY.
    ask(&mut world, poll);
    accept(&mut world, secs(0), state("v1"));
    assert_eq!(bodies(&mut world), [""]);
    // 204 is for who asked so.
    let plain = wanted(&world, "presence", secs(0));
    ask(&mut world, plain);
    let request = asked(&mut world);
    let refused = world.act(1, |endpoint, now| {
        endpoint.respond(now, request, StatusCode::NO_NOTIFICATION, Reply::new())
    });
    assert_eq!(refused, Err(EndpointError::BadStatus));
    world.settle();
}

#[test]
fn rfc_5839_a_new_subscription_to_a_known_state_gets_no_body() {
    for (etag, body) in [("v1", ""), ("*", ""), ("v0", "v1")] {
        let mut world = World::new(2, 4);
        let mut subscribe = wanted(&world, "presence", secs(600));
        subscribe.etag = Some(etag.into());
        ask(&mut world, subscribe);
        let theirs = accept(&mut world, secs(600), state("v1"));
        assert_eq!(bodies(&mut world), [body], "{etag}");
        // The next is of another state, whatever was known.
        tell(&mut world, theirs, state("v2"));
        world.run(ms(50));
        assert_eq!(bodies(&mut world), ["v2"]);
        world.lose(|_| true);
        world.settle();
    }
}

#[test]
fn rfc_6446_notifys_keep_the_pace() {
    let mut world = World::new(2, 5);
    let subscribe = wanted(&world, "presence;max-rate=0.1", secs(600));
    ask(&mut world, subscribe);
    let theirs = accept(&mut world, secs(600), state("v1"));
    assert_eq!(
        header(&world, 1, "NOTIFY", HeaderName::SubscriptionState).as_deref(),
        Some("active;expires=600;max-rate=0.100")
    );
    for text in ["v2", "v3", "v4"] {
        tell(&mut world, theirs, state(text));
        world.run(secs(2));
    }
    assert_eq!(bodies(&mut world), ["v1"]);
    world.run(secs(5));
    assert_eq!(bodies(&mut world), ["v4"], "after ten seconds the latest");
    // The last word does not wait.
    tell(
        &mut world,
        theirs,
        Notify::terminated(TerminatedReason::NoResource, None),
    );
    world.run(ms(50));
    assert!(world.names(0).contains(&"SubscriptionEnded"));
    world.settle();
}

#[test]
fn a_subscriber_that_says_later_is_told_later() {
    let mut world = World::new(2, 6);
    let subscribe = wanted(&world, "presence", secs(600));
    ask(&mut world, subscribe);
    let theirs = accept(&mut world, secs(600), state("v1"));
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Notify));
    tell(&mut world, theirs, state("v2"));
    let notify = last_request(&world, 1, "NOTIFY");
    let mut busy = Response::to_request(&notify, StatusCode::SERVICE_UNAVAILABLE, None);
    busy.headers_mut().push(HeaderName::RetryAfter, "20");
    world.inject(1, "192.0.2.1:5060", busy.to_bytes());
    world.lose_nothing();
    world.run(secs(19));
    assert_eq!(world.count_sent(1, "NOTIFY"), 2);
    world.run(secs(2));
    assert!(bodies(&mut world).ends_with(&["v2".to_owned()]));
    // Without Retry-After it is over, and after 481 whatever it says.
    for (status, later) in [
        (StatusCode::SERVER_INTERNAL_ERROR, false),
        (StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST, true),
    ] {
        let mut world = World::new(2, 6);
        let subscribe = wanted(&world, "presence", secs(600));
        ask(&mut world, subscribe);
        let theirs = accept(&mut world, secs(600), state("v1"));
        world.lose(|message| matches!(message, Message::Request(_)));
        tell(&mut world, theirs, state("v2"));
        let mut no = Response::to_request(&last_request(&world, 1, "NOTIFY"), status, None);
        if later {
            no.headers_mut().push(HeaderName::RetryAfter, "20");
        }
        world.inject(1, "192.0.2.1:5060", no.to_bytes());
        assert_eq!(ends(&mut world, 1), [SubscriptionEnd::Refused(status)]);
        world.lose(|_| true);
        world.settle();
    }
    world.lose(|_| true);
    world.settle();
}

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
        let refresh = last_request(&world, 0, "SUBSCRIBE");
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
        header(&world, 0, "SUBSCRIBE", HeaderName::Expires).as_deref(),
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

/// A NOTIFY from a fork of the last SUBSCRIBE of node 0, injected by hand.
fn fork_notify(world: &mut World, fork: &str, cseq: u32, state: &str) {
    let subscribe = last_request(world, 0, "SUBSCRIBE");
    let text = |name: &HeaderName| subscribe.headers().get_str(name).unwrap().to_owned();
    let notify = format!(
        "NOTIFY sip:user0@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bK{fork}{}\r\n\
         From: <sip:bob@example.com>;tag={fork}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n\
         Contact: <sip:{fork}@198.51.100.9>\r\nEvent: presence\r\nSubscription-State: {state}\r\nContent-Length: 0\r\n\r\n",
        world.nodes[0].sent.len(),
        text(&HeaderName::From),
        text(&HeaderName::CallId)
    );
    world.inject(0, "198.51.100.9:5060", notify);
}

fn last_status(world: &World) -> String {
    world.sent_lines(0).last().unwrap()[8..11].to_owned()
}

#[test]
fn forked_notifys_make_subscriptions_where_all_are_wanted() {
    let mut world = World::with(2, 12, |_, config| config.limits.forks = 3);
    let mut subscribe = wanted(&world, "presence", secs(600));
    subscribe.all_forks = true;
    let ours = ask(&mut world, subscribe);
    asked(&mut world);
    for fork in ["a", "b", "c"] {
        fork_notify(&mut world, fork, 1, "active;expires=600");
        assert_eq!(last_status(&world), "200", "{fork}");
    }
    fork_notify(&mut world, "d", 1, "active;expires=600");
    assert_eq!(last_status(&world), "481", "one past the limit");
    let events = world.events(0);
    let forks: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::SubscriptionForked { subscription, fork } if *subscription == ours => Some(*fork),
            _ => None,
        })
        .collect();
    assert_eq!((forks.len(), world.live(0).subscriptions), (2, 3));
    // The first ends, the others go on, each with its own numbers, and are refreshed.
    fork_notify(&mut world, "a", 2, "terminated;reason=noresource");
    assert!(
        matches!(world.events(0).last(), Some(Event::SubscriptionEnded { subscription, .. }) if *subscription == ours)
    );
    fork_notify(&mut world, "b", 2, "active;expires=500");
    assert!(matches!(world.events(0).last(), Some(Event::Notified { subscription, .. }) if *subscription == forks[0]));
    fork_notify(&mut world, "b", 1, "active");
    assert_eq!(last_status(&world), "500", "out of order");
    fork_notify(&mut world, "a", 3, "active");
    assert_eq!(last_status(&world), "481", "it is over");
    fork_notify(&mut world, "e", 1, "active");
    assert_eq!(last_status(&world), "481", "too late to join");
    let before = world.count_sent(0, "SUBSCRIBE sip:b@198.51.100.9");
    world.run(secs(445));
    assert!(world.count_sent(0, "SUBSCRIBE sip:b@198.51.100.9") > before);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)),
        Err(EndpointError::Gone)
    );
    for fork in forks {
        let _ = world.act(0, |endpoint, now| endpoint.unsubscribe(now, fork));
    }
    world.lose(|_| true);
    world.settle();
}

#[test]
fn forked_notifys_are_refused_where_one_is_wanted() {
    let mut world = World::new(2, 13);
    let subscribe = wanted(&world, "presence", secs(600));
    ask(&mut world, subscribe);
    let request = asked(&mut world);
    // The first NOTIFY wins over the 2xx of another fork, before or after it (RFC 6665 §4.4.1).
    fork_notify(&mut world, "a", 1, "active;expires=600");
    assert_eq!(last_status(&world), "200");
    world
        .act(1, |endpoint, now| endpoint.accept_subscription(now, request, secs(600)))
        .unwrap();
    world.run(ms(50));
    fork_notify(&mut world, "b", 1, "active;expires=600");
    assert_eq!(last_status(&world), "481");
    world.run(secs(541));
    assert!(
        world
            .sent_lines(0)
            .last()
            .unwrap()
            .starts_with("SUBSCRIBE sip:a@198.51.100.9")
    );
    world.lose(|_| true);
    world.settle();
    let mut world = World::new(2, 14);
    let subscribe = wanted(&world, "presence", secs(600));
    ask(&mut world, subscribe);
    let request = asked(&mut world);
    world
        .act(1, |endpoint, now| endpoint.accept_subscription(now, request, secs(600)))
        .unwrap();
    world.run(ms(50));
    fork_notify(&mut world, "a", 1, "active;expires=600");
    assert_eq!(last_status(&world), "200");
    assert_eq!(world.live(0).subscriptions, 1);
    world.lose(|_| true);
    world.settle();
}

#[test]
fn subscription_use_after_free_with_expires_zero() {
    // CVE-2026-28799: a refresh with Expires: 0 while a NOTIFY is under way, and all that may follow it.
    for (lose, etag) in [(0, false), (2, false), (0, true), (2, true)] {
        let mut world = World::new(2, 15);
        let subscribe = wanted(&world, "presence", secs(600));
        let ours = ask(&mut world, subscribe);
        let mut first = state("v1");
        first.etag.take_if(|_| !etag);
        let theirs = accept(&mut world, secs(600), first);
        let mut lost = 0;
        world.lose(move |message| {
            let notify = matches!(message, Message::Request(request) if *request.method() == Method::Notify);
            lost += u32::from(notify);
            notify && lost <= lose
        });
        tell(&mut world, theirs, Notify::active(Body::new("text/plain", "v2")));
        world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
        world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
        world.run(ms(11));
        // The handle is dead, whatever the NOTIFY's answer says later.
        let late = world.act(1, |endpoint, now| endpoint.notify(now, theirs, state("v3")));
        assert_eq!(late, Err(EndpointError::Gone));
        world.run(secs(40));
        assert_eq!(ends(&mut world, 1), [SubscriptionEnd::Unsubscribed]);
        assert_eq!(ends(&mut world, 0), [SubscriptionEnd::Unsubscribed]);
        // A late copy of the un-SUBSCRIBE finds nothing.
        let mut again = last_request(&world, 0, "SUBSCRIBE");
        again
            .headers_mut()
            .set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKlate");
        world.inject(1, "192.0.2.1:5060", again.to_bytes());
        assert!(world.sent_lines(1).last().unwrap().starts_with("SIP/2.0 481"));
        world.settle();
    }
}

#[test]
fn hostile_bodies_in_notify_are_handed_on_or_passed_over() {
    // GHSA-8jw3 and -589g: bodies of NOTIFYs. The endpoint reads none but the fragments of REFERs.
    let long = [b"SIP/2.0 200 ".to_vec(), vec![b'x'; 60_000]].concat();
    let bodies: [&[u8]; 8] = [
        b"",
        b"\0\xff\xfe",
        b"SIP/2.0 999999999999999999999 x",
        b"SIP/2.0 -1 x",
        b"SIP/2.0",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"Messages-Waiting: yes\r\nVoice-Message: 99999999999999999999/-1 (0/0)\r\n",
        &long,
    ];
    let mut world = World::new(2, 20);
    let (caller, _) = world.established(0, 1);
    world
        .act(0, |endpoint, now| endpoint.refer(now, caller, address(1), Reply::new()))
        .unwrap();
    let subscribe = wanted(&world, "message-summary", secs(600));
    ask(&mut world, subscribe);
    let request = loop {
        match world.events(1).pop() {
            Some(Event::Subscribe { request_id, .. }) => break request_id,
            Some(Event::Refer { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    let theirs = world
        .act(1, |endpoint, now| endpoint.accept_subscription(now, request, secs(600)))
        .unwrap();
    world.events(0);
    let refer = last_request(&world, 0, "REFER");
    let text = |name: &HeaderName| refer.headers().get_str(name).unwrap().to_owned();
    for (n, body) in bodies.iter().enumerate() {
        let notify = Notify::active(Body::new("application/simple-message-summary", body.to_vec()));
        tell(&mut world, theirs, notify);
        world.run(ms(50));
        match world.events(0).pop() {
            Some(Event::Notified { request, .. }) => assert_eq!(&request.body()[..], *body),
            other => panic!("{other:?}"),
        }
        let head = format!(
            "NOTIFY sip:user0@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKh{n}\r\nFrom: {}\r\n\
             To: {}\r\nCall-ID: {}\r\nCSeq: {} NOTIFY\r\nContact: <sip:user1@192.0.2.2>\r\nEvent: refer\r\n\
             Subscription-State: active;expires=60\r\nContent-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n",
            text(&HeaderName::To),
            text(&HeaderName::From),
            text(&HeaderName::CallId),
            n + 1,
            body.len(),
        );
        world.inject(0, "192.0.2.2:5060", [head.as_bytes(), body].concat());
        assert_eq!(last_status(&world), "200", "{body:?}");
        assert_eq!(world.names(0), [""; 0], "{body:?}");
    }
    world.hang_up(0, caller);
    world.lose(|_| true);
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
        let refresh = last_request(&world, 0, "SUBSCRIBE");
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

#[test]
fn packages_that_are_not_offered_are_refused_with_those_that_are() {
    let mut world = World::with(2, 17, |_, config| {
        config.event_packages = vec!["presence".into(), "dialog".into()];
    });
    for (event, known) in [
        ("presence", true),
        ("Presence", false),
        ("message-summary", false),
        ("presence.winfo", false),
    ] {
        let subscribe = wanted(&world, event, secs(600));
        ask(&mut world, subscribe);
        if known {
            asked(&mut world);
            continue;
        }
        let Message::Response(refusal) = world.last_sent(1, "SIP/2.0") else {
            panic!()
        };
        assert_eq!(refusal.status(), StatusCode::BAD_EVENT);
        assert_eq!(
            refusal.headers().get_str(&HeaderName::AllowEvents),
            Some("presence, dialog")
        );
    }
    world.settle();
}

#[test]
fn a_refresh_must_be_of_the_same_event_and_id() {
    let mut world = World::new(2, 18);
    let subscribe = wanted(&world, "presence;id=7", secs(600));
    ask(&mut world, subscribe);
    accept(&mut world, secs(600), state("v1"));
    assert_eq!(
        header(&world, 1, "NOTIFY", HeaderName::Event).as_deref(),
        Some("presence;id=7")
    );
    let mut refresh = last_request(&world, 0, "SUBSCRIBE");
    let Message::Response(ok) = world.last_sent(1, "SIP/2.0 200") else {
        panic!()
    };
    let to = ok.headers().get_str(&HeaderName::To).unwrap().to_owned();
    refresh.headers_mut().set(HeaderName::To, to);
    let mut cseq = refresh.cseq().unwrap().number;
    for (event, status) in [
        ("presence;id=7", "200"),
        ("presence;id=8", "481"),
        ("presence", "481"),
        ("dialog;id=7", "489"),
    ] {
        cseq += 1;
        refresh.headers_mut().set(HeaderName::CSeq, format!("{cseq} SUBSCRIBE"));
        refresh.headers_mut().set(HeaderName::Event, event);
        let via = format!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{cseq}");
        refresh.headers_mut().set(HeaderName::Via, via);
        // A copy gets the same answer.
        for _ in 0..2 {
            world.inject(1, "192.0.2.1:5060", refresh.to_bytes());
            assert_eq!(&world.sent_lines(1).last().unwrap()[8..11], status, "{event}");
        }
    }
    world.lose(|_| true);
    world.settle();
}

#[test]
fn an_unsolicited_notify_is_the_embedders_if_it_wants_it() {
    for wanted in [false, true] {
        let mut world = World::with(1, 19, |_, config| config.unsolicited_notify = wanted);
        let more = "Event: message-summary\r\nSubscription-State: active\r\n";
        world.inject(
            0,
            "198.51.100.1:5060",
            crate::cancel::message("NOTIFY", "z9hG4bKu", more),
        );
        let (count, names) = (world.count_sent(0, "SIP/2.0 481"), world.names(0));
        assert_eq!((count, names.len()), if wanted { (0, 1) } else { (1, 0) });
        world.settle();
    }
}
