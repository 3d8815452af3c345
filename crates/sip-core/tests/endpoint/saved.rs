//! An endpoint that is written out and read back at any instant goes on as if nothing had happened.
#![cfg(feature = "serde")]

use sip_core::header::EventHeader;
use sip_core::{
    Body, Event, HeaderName, NameAddr, Notify, Publish, Referral, Reply, StatusCode, Subscribe, TerminatedReason, Uri,
};

use crate::link::{World, address, ms, secs, start_line};

/// What was sent when. Not byte for byte: handles, and with them branches, made after a reload may have other numbers.
fn script(mut world: World) -> Vec<(machine::Time, String)> {
    let mut invite = world.invite_to(0, 1);
    invite.target = invite.target.with_param("transport", Some("tcp"));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(300));
    let (caller, callee) = world.established(0, 1);
    let tcp = world.nodes[1].events.len();
    assert_eq!(tcp, 0);
    world
        .act(0, |endpoint, now| {
            endpoint.reinvite(now, caller, Reply::new().body(Body::sdp("a")))
        })
        .unwrap();
    world
        .act(1, |endpoint, now| {
            endpoint.reinvite(now, callee, Reply::new().body(Body::sdp("b")))
        })
        .unwrap();
    let target = Uri::parse(b"sip:701@192.0.2.2:5060").unwrap();
    let event = EventHeader::new("dialog");
    let subscribe = Subscribe::new(target.clone(), address(0), NameAddr::new(target), event, secs(60));
    world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    for _ in 0..40 {
        world.run(ms(500));
        for (node, session) in [(0, caller), (1, callee)] {
            for event in world.events(node) {
                match event {
                    Event::Reinvite { .. } => world.answer(node, session),
                    Event::Subscribe { request_id, .. } => {
                        let id = world
                            .act(1, |endpoint, now| {
                                endpoint.accept_subscription(now, request_id, secs(60))
                            })
                            .unwrap();
                        let notify = Notify::active(Body::new("text/plain", "x"));
                        world.act(1, |endpoint, now| endpoint.notify(now, id, notify)).unwrap();
                    }
                    _ => {}
                }
            }
        }
    }
    world
        .act(0, |endpoint, now| endpoint.refer(now, caller, address(2), Reply::new()))
        .unwrap();
    world.run(ms(500));
    if let Some(Event::Refer { refer, .. }) = world.events(1).pop() {
        world.act(1, |endpoint, now| endpoint.accept_refer(now, refer)).unwrap();
        world
            .act(1, |endpoint, now| {
                endpoint.notify_refer(now, refer, StatusCode::OK, None)
            })
            .unwrap();
    }
    world.run(secs(5));
    world.hang_up(1, callee);
    world.run(secs(3600));
    let sent = world.nodes.iter().flat_map(|node| &node.sent);
    let mut sent: Vec<_> = sent.map(|(at, _, data)| (*at, start_line(data))).collect();
    sent.sort();
    sent
}

#[test]
fn a_saved_endpoint_goes_on() {
    for seed in 0..5 {
        let world = || World::new(2, seed).lossy(10, 10, 20);
        let mut saved = world();
        saved.reload = true;
        let (plain, saved) = (script(world()), script(saved));
        assert!(plain.len() > 40, "{}", plain.len());
        assert_eq!(plain, saved, "seed {seed}");
    }
}

/// Subscriptions that begin anew, publications, and referrals outside of dialogs.
fn events(mut world: World) -> Vec<(machine::Time, String)> {
    let target = Uri::parse(b"sip:701@192.0.2.2:5060").unwrap();
    let mut subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target.clone()),
        EventHeader::new("presence"),
        secs(60),
    );
    subscribe.persist = Some(secs(20));
    let subscription = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    let state = Body::new("a/b", "open");
    let publish = Publish::new(
        target.clone(),
        address(0),
        address(0),
        EventHeader::new("presence"),
        state,
    );
    let publication = world.act(0, |endpoint, now| endpoint.publish(now, publish)).unwrap();
    let referral = Referral::new(target.clone(), address(0), NameAddr::new(target), address(2));
    world
        .act(0, |endpoint, now| endpoint.send_refer(now, referral))
        .unwrap();
    for n in 0..60 {
        world.run(secs(4));
        for event in world.events(1) {
            world.act(1, |endpoint, now| match event {
                Event::Subscribe { request_id, .. } => {
                    let id = endpoint.accept_subscription(now, request_id, secs(60)).unwrap();
                    let body = Some(Body::new("a/b", "x"));
                    let notify = Notify::active(Body::new("a/b", "x")).etag("e");
                    let last = Notify::terminated(TerminatedReason::Deactivated, body);
                    let _ = endpoint.notify(now, id, if n % 3 == 2 { last } else { notify });
                }
                Event::Request { request_id, .. } => {
                    let reply = Reply::new()
                        .header(HeaderName::SipEtag, format!("e{n}"))
                        .header(HeaderName::Expires, "30");
                    let _ = endpoint.respond(now, request_id, StatusCode::OK, reply);
                }
                Event::Refer { refer, .. } => {
                    endpoint.accept_refer(now, refer).unwrap();
                    endpoint.notify_refer(now, refer, StatusCode::OK, None).unwrap();
                }
                _ => {}
            });
        }
    }
    let _ = world.act(0, |endpoint, now| endpoint.unsubscribe(now, subscription));
    let _ = world.act(0, |endpoint, now| endpoint.unpublish(now, publication));
    world.run(secs(3600));
    let sent = world.nodes.iter().flat_map(|node| &node.sent);
    let mut sent: Vec<_> = sent.map(|(at, _, data)| (*at, start_line(data))).collect();
    sent.sort();
    sent
}

#[test]
fn saved_subscriptions_and_publications_go_on() {
    for seed in 0..3 {
        let world =
            || World::with(2, seed, |_, config| config.methods.push(sip_core::Method::Publish)).lossy(10, 10, 20);
        let mut saved = world();
        saved.reload = true;
        let (plain, saved) = (events(world()), events(saved));
        assert!(plain.len() > 60, "{}", plain.len());
        assert_eq!(plain, saved, "seed {seed}");
    }
}

/// Reliable early media, an UPDATE with an offer while it lasts, a 200 that waits, and a session timer with its refreshes.
fn negotiating(mut world: World) -> Vec<(machine::Time, String)> {
    let sdp = |body: &'static str| Reply::new().body(Body::sdp(body));
    let caller = world.call(0, 1);
    world.run(ms(1_500));
    let callee = world.incoming(1);
    for status in [StatusCode::SESSION_PROGRESS, StatusCode::RINGING] {
        let early =
            |endpoint: &mut sip_core::Endpoint, now| endpoint.provisional_reliably(now, callee, status, sdp("answer"));
        world.act(1, early).unwrap();
    }
    for step in 0..60 {
        world.run(ms(500));
        for (node, session) in [(0, caller), (1, callee)] {
            for event in world.events(node) {
                match event {
                    Event::Request { request_id, .. } => {
                        let _ = world.act(node, |endpoint, now| {
                            endpoint.respond(now, request_id, StatusCode::OK, sdp("updated"))
                        });
                    }
                    Event::Reinvite { .. } => world.answer(node, session),
                    _ => {}
                }
            }
        }
        if step == 4 || step == 8 {
            let _ = world.act(step / 8, |endpoint, now| {
                endpoint.update(now, [caller, callee][step / 8], sdp("offer"))
            });
        }
        if step == 12 {
            let _ = world.act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()));
        }
    }
    world.run(secs(200));
    let _ = world.act(1, |endpoint, now| endpoint.hang_up(now, callee, None));
    world.run(secs(3600));
    let sent = world.nodes.iter().flat_map(|node| &node.sent);
    let mut sent: Vec<_> = sent.map(|(at, _, data)| (*at, start_line(data))).collect();
    sent.sort();
    sent
}

#[test]
fn a_negotiating_endpoint_goes_on() {
    for seed in 0..5 {
        let world = || {
            World::with(2, seed, |node, config| {
                config.session_timers = sip_core::SessionTimers::Requested;
                config.session_expires = secs(90);
                if node == 1 && seed % 2 == 1 {
                    config.methods.retain(|method| *method != sip_core::Method::Update);
                }
            })
            .lossy(10, 10, 20)
        };
        let mut saved = world();
        saved.reload = true;
        let (plain, saved) = (negotiating(world()), negotiating(saved));
        let has = |prefix: &str| plain.iter().any(|(_, line)| line.starts_with(prefix));
        assert!(has("PRACK") && has("UPDATE") && has("BYE"), "seed {seed}: {plain:?}");
        assert_eq!(plain, saved, "seed {seed}");
    }
}
