//! Subscriptions that are given up while something is under way.

use super::*;

#[test]
fn subscription_given_up_while_a_refresh_is_under_way() {
    let mut world = World::new(2, 34);
    let target = Uri::parse(format!("sip:701@{}", world.address(1)).as_bytes()).unwrap();
    let subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target),
        EventHeader::new("dialog"),
        secs(600),
    );
    let ours = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(ms(15));
    let Some(Event::Subscribe { request_id, .. }) = world.events(1).pop() else {
        panic!()
    };
    let theirs = world
        .act(1, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, secs(600))
        })
        .unwrap();
    world
        .act(1, |endpoint, now| {
            endpoint.notify(now, theirs, Notify::active(Body::new("a/b", "x")))
        })
        .unwrap();
    world.run(secs(1));
    world.events(0);
    // Given up at the instant at which the refresh is on its way.
    let before = world.count_sent(0, "SUBSCRIBE");
    while world.count_sent(0, "SUBSCRIBE") == before {
        assert!(world.step(START + secs(1_000)));
    }
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(1));
    assert_eq!(
        world.count_sent(0, "SUBSCRIBE"),
        before + 2,
        "the refresh, and then the end"
    );
    let Message::Request(last) = world.last_sent(0, "SUBSCRIBE") else {
        panic!()
    };
    assert_eq!(last.headers().get_str(&HeaderName::Expires), Some("0"));
    assert!(matches!(
        world.events(1).last(),
        Some(Event::SubscriptionEnded {
            cause: SubscriptionEnd::Unsubscribed,
            ..
        })
    ));
    assert!(matches!(
        world.events(0).last(),
        Some(Event::SubscriptionEnded {
            cause: SubscriptionEnd::Unsubscribed,
            ..
        })
    ));
    assert_eq!((world.live(0).subscriptions, world.live(1).subscriptions), (0, 0));
    world.settle();
}

/// Found by fuzzing: a NOTIFY that is not the last one left the subscription without any timer.
#[test]
fn subscription_given_up_with_a_notify_of_another_state_pending() {
    for (granted, give_up) in [(600, true), (0, false)] {
        let mut world = World::new(1, 38);
        let target = Uri::parse(b"sip:701@198.51.100.1").unwrap();
        let subscribe = Subscribe::new(
            target.clone(),
            address(0),
            NameAddr::new(target),
            EventHeader::new("dialog"),
            secs(600),
        );
        let ours = world
            .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
            .unwrap();
        let grant = |world: &mut World, expires: u32| {
            let Message::Request(request) = world.last_sent(0, "SUBSCRIBE") else {
                panic!()
            };
            let mut ok = sip_core::Response::to_request(&request, StatusCode::OK, None);
            ok.set_to_tag("n");
            ok.headers_mut().push(HeaderName::Contact, "<sip:701@198.51.100.1>");
            ok.headers_mut().push(HeaderName::Expires, expires.to_string());
            world.inject(0, PEER, ok.to_bytes());
            (request.call_id().unwrap().to_vec(), request.from().unwrap())
        };
        let (call_id, from) = grant(&mut world, granted);
        let call_id = String::from_utf8(call_id).unwrap();
        let mut number = 0;
        let mut notify = |world: &mut World| {
            number += 1;
            let more = "Event: dialog\r\nSubscription-State: active\r\n";
            let notify = text("NOTIFY", &format!("n{number}"), more)
                .replace(&format!("Call-ID: n{number}"), &format!("Call-ID: {call_id}"))
                .replace("From: <sip:a@example.com>;tag=a", "From: <sip:701@198.51.100.1>;tag=n")
                .replace("To: <sip:user@192.0.2.1>", &format!("To: {from}"))
                .replace("CSeq: 1 ", &format!("CSeq: {number} "));
            world.inject(0, PEER, notify);
            assert_eq!(world.sent_lines(0).last().unwrap(), "SIP/2.0 200 OK");
        };
        if give_up {
            notify(&mut world);
            world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
            grant(&mut world, 0);
        }
        world.run(secs(1));
        notify(&mut world);
        world.run(secs(40));
        assert_eq!(world.live(0).subscriptions, 0, "granted {granted}");
        assert_eq!(world.names(0).last(), Some(&"SubscriptionEnded"));
        world.settle();
    }
}
