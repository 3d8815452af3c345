//! SUBSCRIBEs that several notifiers answer (RFC 6665 §4.4.1, §5.4.9).

use sip_core::{EndpointError, Event, HeaderName};

use crate::conditional::{ask, asked, wanted};
use crate::link::{World, ms, secs};

/// A NOTIFY from a fork of the last SUBSCRIBE of node 0, injected by hand.
fn fork_notify(world: &mut World, fork: &str, cseq: u32, state: &str) {
    let subscribe = world.request(0, "SUBSCRIBE");
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

pub fn last_status(world: &World) -> String {
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
