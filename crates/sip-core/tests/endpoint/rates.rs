//! How often subscribers are told (RFC 6446), and those who ask to be told later.

use sip_core::{HeaderName, Message, Method, Notify, Response, StatusCode, SubscriptionEnd, TerminatedReason};

use crate::conditional::{accept, ask, bodies, ends, state, tell, wanted};
use crate::link::{World, ms, secs};

#[test]
fn rfc_6446_notifys_keep_the_pace() {
    let mut world = World::new(2, 5);
    let subscribe = wanted(&world, "presence;max-rate=0.1", secs(600));
    ask(&mut world, subscribe);
    let theirs = accept(&mut world, secs(600), state("v1"));
    assert_eq!(
        world.header(1, "NOTIFY", HeaderName::SubscriptionState).as_deref(),
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
    let notify = world.request(1, "NOTIFY");
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
        let mut no = Response::to_request(&world.request(1, "NOTIFY"), status, None);
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

#[test]
fn rfc_6446_a_state_that_does_not_change_is_told_again() {
    let mut world = World::new(2, 12);
    let subscribe = wanted(&world, "presence;min-rate=0.05", secs(600));
    let ours = ask(&mut world, subscribe);
    let theirs = accept(&mut world, secs(600), state("v1"));
    let told = |world: &World| world.header(1, "NOTIFY", HeaderName::SubscriptionState).unwrap();
    assert_eq!(told(&world), "active;expires=600;min-rate=0.050");
    world.run(secs(50));
    assert_eq!(bodies(&mut world), ["v1"; 3]);
    // News begins the time anew.
    tell(&mut world, theirs, state("v2"));
    world.run(secs(19));
    assert_eq!(bodies(&mut world), ["v2"]);
    world.run(secs(2));
    assert_eq!(bodies(&mut world), ["v2"]);
    // Who gives up and knows the state already is told nothing more.
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(100));
    assert_eq!(world.count_sent(1, "NOTIFY"), 5);
    world.settle();
}

#[test]
fn rfc_6446_a_refresh_or_the_answer_to_a_notify_changes_the_rates() {
    let mut world = World::new(2, 13);
    let subscribe = wanted(&world, "presence;min-rate=0.1", secs(600));
    ask(&mut world, subscribe);
    accept(&mut world, secs(600), state("v1"));
    let sent = world.request(0, "SUBSCRIBE");
    let to = world
        .request(1, "NOTIFY")
        .headers()
        .get_str(&HeaderName::From)
        .unwrap()
        .to_owned();
    // The subscriber has enough of it.
    let mut refresh = sent.clone();
    let headers = refresh.headers_mut();
    headers.set(HeaderName::To, to);
    headers.set(HeaderName::CSeq, "90000 SUBSCRIBE");
    headers.set(HeaderName::Event, "presence");
    headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKagain");
    world.inject(1, "192.0.2.1:5060", refresh.to_bytes());
    world.run(secs(60));
    assert!(world.count_sent(1, "NOTIFY") <= 2, "{:?}", world.sent_lines(1));
    world.lose(|_| true);
    world.settle();
}
