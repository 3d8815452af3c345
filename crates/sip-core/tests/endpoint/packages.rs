//! Packages, bodies and NOTIFYs that are not what was asked for.

use sip_core::{Body, EndpointError, Event, HeaderName, Message, Method, Notify, Reply, StatusCode, SubscriptionEnd};

use crate::conditional::{accept, ask, asked, ends, state, tell, wanted};
use crate::forked_subscriptions::last_status;
use crate::link::{World, address, ms, secs};

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
        let mut again = world.request(0, "SUBSCRIBE");
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
    let refer = world.request(0, "REFER");
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
        world.header(1, "NOTIFY", HeaderName::Event).as_deref(),
        Some("presence;id=7")
    );
    let mut refresh = world.request(0, "SUBSCRIBE");
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
