//! Calls over streams that break, and over networks that lose, copy and delay.

use sip_core::{Event, Method, Reply, StatusCode, Uri};

use crate::calls::is_response;
use crate::link::{World, ms, secs};

#[test]
fn calls_over_tcp_share_one_connection() {
    let mut world = World::new(2, 19);
    for _ in 0..3 {
        let mut invite = world.invite_to(0, 1);
        invite.target = invite.target.with_param("transport", Some("tcp"));
        let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
        world.run(ms(100));
        let callee = world.incoming(1);
        world.answer(1, callee);
        world.run(secs(1));
        assert_eq!(world.names(0), ["Answered"]);
        let info = world.endpoint(1).session_info(callee).unwrap();
        assert!(info.flow.connection.is_some(), "{info:?}");
        // The callee's BYE takes the caller's connection.
        world.hang_up(1, callee);
        world.run(secs(1));
        assert_eq!(world.names(0), ["Answered", "Ended"]);
        assert_eq!(world.endpoint(0).session_info(caller), None);
        world.events(0);
        world.events(1);
    }
    assert_eq!((world.live(0).connections, world.live(1).connections), (1, 1));
    assert_eq!(world.count_sent(0, "INVITE"), 3, "nothing is retransmitted");
    world.settle();
    assert_eq!(world.live(0).connections, 0, "idle connections are closed");
}

#[test]
fn a_broken_connection_fails_what_was_not_heard_of() {
    let mut world = World::new(2, 20);
    let mut invite = world.invite_to(0, 1);
    invite.target = invite.target.with_param("transport", Some("tcp"));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.disconnect(0);
    let events = world.events(0);
    assert!(
        matches!(
            &events[..],
            [Event::Failed {
                status: StatusCode::SERVICE_UNAVAILABLE,
                response: None,
                ..
            }]
        ),
        "{events:?}"
    );
    world.settle();
}

#[test]
fn an_unreachable_peer_is_503() {
    for transport in ["tcp", "udp"] {
        let mut world = World::new(1, 21);
        let mut invite = world.invite_to(0, 0);
        invite.target = Uri::parse(format!("sip:x@192.0.2.99;transport={transport}").as_bytes()).unwrap();
        world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
        let remote = "192.0.2.99:5060".parse().unwrap();
        world.act(0, |endpoint, now| {
            endpoint.unreachable(now, transport.parse().unwrap(), remote)
        });
        let events = world.events(0);
        assert!(
            matches!(
                &events[..],
                [Event::Failed {
                    status: StatusCode::SERVICE_UNAVAILABLE,
                    ..
                }]
            ),
            "{events:?}"
        );
        world.settle();
    }
}

#[test]
fn a_session_survives_its_connection() {
    let mut world = World::new(2, 22);
    let mut invite = world.invite_to(0, 1);
    invite.target = invite.target.with_param("transport", Some("tcp"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(100));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(secs(1));
    world.disconnect(0);
    world.events(0);
    world.hang_up(1, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Ended"], "the BYE took a new connection");
    assert_eq!(world.endpoint(0).session_info(caller), None);
    world.settle();
}

#[test]
fn every_message_survives_duplication() {
    let mut world = World::new(2, 23).lossy(0, 100, 0);
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    world.answer(1, callee);
    world.run(secs(1));
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.names(1), ["Invite", "Confirmed", "Ended"]);
    assert_eq!(world.names(0), ["Progress", "Progress", "Answered"]);
    assert!(world.endpoint(1).stats().retransmissions_received >= 1);
    world.settle();
}

#[test]
fn a_lossy_network_only_delays() {
    for seed in 0..20 {
        let mut world = World::new(2, 100 + seed).lossy(25, 10, 30);
        let caller = world.call(0, 1);
        world.run(secs(20));
        let callee = world.incoming(1);
        world.answer(1, callee);
        world.run(secs(40));
        assert_eq!(
            world.names(0).iter().filter(|name| **name == "Answered").count(),
            1,
            "seed {seed}"
        );
        assert_eq!(world.names(1), ["Invite", "Confirmed"], "seed {seed}");
        world.hang_up(0, caller);
        world.run(secs(40));
        assert_eq!(world.names(1), ["Invite", "Confirmed", "Ended"], "seed {seed}");
        world.settle();
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let run = |seed| {
        let mut world = World::new(2, seed);
        let (caller, _) = world.established(0, 1);
        world.hang_up(0, caller);
        world.settle();
        world
            .nodes
            .iter()
            .flat_map(|node| node.sent.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn responses_are_recognised() {
    // Guards the helpers above: a filter that never matches would let tests pass for nothing.
    let mut world = World::new(2, 24);
    world.lose(|message| is_response(message, 200, &Method::Invite));
    let (caller, callee) = world.called();
    world.answer(1, callee);
    world.run(secs(5));
    assert_eq!(world.names(0), [""; 0]);
    world.lose_nothing();
    world.run(secs(5));
    assert_eq!(world.names(0), ["Answered"]);
    world.hang_up(0, caller);
    world.settle();
}
