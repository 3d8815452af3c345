//! Subscriptions beyond the plain ones: conditions, paces, forks, failures that pass, and beginnings anew.

use std::time::Duration;

use sip_core::header::EventHeader;
use sip_core::{
    Body, EndpointError, Event, HeaderName, Message, Method, NameAddr, Notify, Reply, RequestId, StatusCode, Subscribe,
    SubscriptionEnd, SubscriptionId, Uri,
};

use crate::link::{World, address, ms, secs};

pub fn wanted(world: &World, event: &str, expires: Duration) -> Subscribe {
    let target = Uri::parse(format!("sip:bob@{}", world.address(1)).as_bytes()).unwrap();
    let event = <EventHeader as sip_core::header::TypedHeader>::parse(event.as_bytes()).unwrap();
    Subscribe::new(target.clone(), address(0), NameAddr::new(target), event, expires)
}

pub fn ask(world: &mut World, subscribe: Subscribe) -> SubscriptionId {
    let id = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(ms(15));
    id
}

/// The SUBSCRIBE that came.
pub fn asked(world: &mut World) -> RequestId {
    match world.events(1).pop() {
        Some(Event::Subscribe { request_id, .. }) => request_id,
        other => panic!("no SUBSCRIBE: {other:?}"),
    }
}

pub fn state(text: &'static str) -> Notify {
    Notify::active(Body::new("text/plain", text)).etag(text)
}

pub fn accept(world: &mut World, expires: Duration, notify: Notify) -> SubscriptionId {
    let request = asked(world);
    let id = world
        .act(1, |endpoint, now| endpoint.accept_subscription(now, request, expires))
        .unwrap();
    world.act(1, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
    world.run(ms(50));
    id
}

pub fn tell(world: &mut World, id: SubscriptionId, notify: Notify) {
    world.act(1, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
}

pub fn refuse(world: &mut World, status: StatusCode, reply: Reply) {
    let request = asked(world);
    world
        .act(1, |endpoint, now| endpoint.respond(now, request, status, reply))
        .unwrap();
    world.run(ms(30));
}

pub fn bodies(world: &mut World) -> Vec<String> {
    let told = |event| match event {
        Event::Notified { request, .. } => Some(String::from_utf8(request.body().to_vec()).unwrap()),
        _ => None,
    };
    world.events(0).into_iter().filter_map(told).collect()
}

pub fn ends(world: &mut World, node: usize) -> Vec<SubscriptionEnd> {
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
        world.header(0, "SUBSCRIBE", HeaderName::SuppressIfMatch).as_deref(),
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
        world.header(0, "SUBSCRIBE", HeaderName::SuppressIfMatch).as_deref(),
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
