//! ACKs that are late, lost or missing, and the answers that they carry.

use sip_core::{Body, EndCause, EndpointError, Event, Method, Reply, StatusCode};

use crate::calls::is_request;
use crate::link::{World, ms, secs};

#[test]
fn a_lost_ack_of_a_failure_is_sent_again() {
    let mut world = World::new(2, 6);
    let mut lost = 0;
    world.lose(move |message| {
        lost += u32::from(is_request(message, &Method::Ack));
        is_request(message, &Method::Ack) && lost <= 2
    });
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::BUSY_HERE, Reply::new())
        })
        .unwrap();
    world.run(secs(10));
    assert_eq!(world.names(0), ["Failed"]);
    assert_eq!((world.count_sent(1, "SIP/2.0 486"), world.count_sent(0, "ACK")), (3, 3));
    world.settle();
}

#[test]
fn the_2xx_is_repeated_until_the_ack_comes() {
    let mut world = World::new(2, 8);
    let mut lost = 0;
    world.lose(move |message| {
        lost += u32::from(is_request(message, &Method::Ack));
        is_request(message, &Method::Ack) && lost <= 3
    });
    let (caller, callee) = world.called();
    world.answer(1, callee);
    world.run(secs(10));
    // At 0, 0.5, 1.5 and 3.5 s; each is acknowledged with the same bytes.
    assert_eq!(world.count_sent(1, "SIP/2.0 200"), 4);
    let acks: Vec<_> = world.nodes[0]
        .sent
        .iter()
        .filter(|(_, _, data)| data.starts_with(b"ACK"))
        .collect();
    assert_eq!(acks.len(), 4);
    assert!(acks.iter().all(|(_, _, data)| *data == acks[0].2));
    assert_eq!(world.names(0), ["Answered"], "the answer is told once");
    assert_eq!(world.names(1), ["Invite", "Confirmed"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn without_any_ack_the_callee_ends_the_session() {
    let mut world = World::new(2, 9);
    world.lose(|message| is_request(message, &Method::Ack));
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(secs(33));
    assert!(matches!(
        world.events(1).last(),
        Some(Event::Ended {
            cause: EndCause::AckTimeout,
            ..
        })
    ));
    assert_eq!(world.count_sent(1, "SIP/2.0 200"), 11, "T1 doubling up to T2 for 32 s");
    assert_eq!(world.count_sent(1, "BYE"), 1);
    assert_eq!(world.names(0), ["Answered", "Ended"]);
    world.settle();
}

#[test]
fn a_callee_that_hangs_up_waits_for_the_ack() {
    let mut world = World::new(2, 10);
    let mut lost = 0;
    world.lose(move |message| {
        lost += u32::from(is_request(message, &Method::Ack));
        is_request(message, &Method::Ack) && lost <= 1
    });
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.hang_up(1, callee);
    world.run(ms(300));
    assert_eq!(world.count_sent(1, "BYE"), 0);
    world.run(ms(400));
    assert_eq!(world.count_sent(1, "BYE"), 1);
    assert_eq!(world.names(1), ["Invite"], "no events after hang_up");
    world.run(secs(1));
    assert_eq!(world.names(0), ["Answered", "Ended"]);
    world.settle();
}

#[test]
fn a_callee_that_hangs_up_and_never_gets_an_ack_sends_bye_in_the_end() {
    let mut world = World::new(2, 11);
    world.lose(|message| is_request(message, &Method::Ack));
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.hang_up(1, callee);
    world.run(secs(40));
    assert_eq!(world.count_sent(1, "BYE"), 1);
    assert_eq!(world.names(1), ["Invite"]);
    world.settle();
}

#[test]
fn late_offers_are_answered_in_the_ack() {
    let mut world = World::new(2, 14);
    let mut invite = world.invite_to(0, 1);
    invite.body = None;
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let callee = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.answer(now, callee, Reply::new().body(Body::sdp("their offer")))
        })
        .unwrap();
    world.run(ms(1200));
    assert_eq!(world.names(0), ["Answered"]);
    assert_eq!(world.count_sent(0, "ACK"), 0);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.reinvite(now, caller, Reply::new())),
        Err(EndpointError::Pending)
    );
    world
        .act(0, |endpoint, now| {
            endpoint.acknowledge(now, caller, Some(Body::sdp("our answer")))
        })
        .unwrap();
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.acknowledge(now, caller, None)),
        Err(EndpointError::WrongState)
    );
    world.run(secs(1));
    let events = world.events(1);
    assert!(
        matches!(&events[..], [Event::Invite { .. }, Event::Confirmed { body: Some(body), .. }] if body == "our answer")
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn hanging_up_before_a_late_answer_acknowledges_first() {
    let mut world = World::new(2, 15);
    let mut invite = world.invite_to(0, 1);
    invite.body = None;
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(ms(100));
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(
        world.sent_lines(0).iter().map(|line| &line[..3]).collect::<Vec<_>>(),
        ["INV", "ACK", "BYE"]
    );
    assert_eq!(world.names(1), ["Invite", "Confirmed", "Ended"]);
    world.settle();
}
