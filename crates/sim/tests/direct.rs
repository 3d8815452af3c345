//! Calls from phone to phone without anything between them: two SIP endpoints and two negotiations, no sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

use std::net::IpAddr;
use std::time::Duration;

use sdp::Direction;
use sim::{Answer, CallId, CallState, Happening, HostId, Link, Phone, PhoneConfig, PhoneError, Sound, World};
use sip_core::{StatusCode, Transport, Uri};

const SECOND: Duration = Duration::from_secs(1);

fn ip(last: usize) -> IpAddr {
    [192, 0, 2, u8::try_from(last).unwrap()].into()
}

/// Phones 1 to `count`; all but the first answer after a second.
fn phones(count: usize, change: impl Fn(usize, &mut PhoneConfig)) -> (World<Phone>, Vec<HostId>) {
    let mut world = World::new([9; 32]);
    let ids = (1..=count).map(|number| {
        let mut config = PhoneConfig::new(ip(number), &format!("100{number}"));
        config.voice = u8::try_from(number).unwrap();
        config.answer = if number == 1 {
            Answer::Manually
        } else {
            Answer::After(SECOND)
        };
        change(number, &mut config);
        world.add(Phone::new(config, [u8::try_from(number).unwrap(); 32]))
    });
    let ids = ids.collect();
    (world, ids)
}

fn uri(number: usize) -> Uri {
    Uri::parse(format!("sip:100{number}@192.0.2.{number}").as_bytes()).unwrap()
}

fn call(world: &mut World<Phone>, from: HostId, to: usize) -> CallId {
    let call = world.act(from, |phone, now| phone.call(now, uri(to))).unwrap().unwrap();
    world.run_for(SECOND * 3).unwrap();
    call
}

fn only(world: &World<Phone>, phone: HostId) -> CallId {
    let calls: Vec<CallId> = world.host(phone).calls().map(|(id, _)| id).collect();
    assert_eq!(calls.len(), 1, "{:?}", world.host(phone).log().collect::<Vec<_>>());
    calls[0]
}

fn sound(world: &World<Phone>, phone: HostId) -> Option<Sound> {
    world
        .host(phone)
        .get(only(world, phone))
        .unwrap()
        .last_sound()
        .map(|(_, sound)| sound)
}

fn log(world: &World<Phone>, phone: HostId) -> Vec<Happening> {
    world.host(phone).log().map(|entry| entry.what.clone()).collect()
}

/// Nothing is left of any call a minute after the last.
fn all_over(world: &mut World<Phone>) {
    world.run_for(SECOND * 60).unwrap();
    for (_, phone) in world.hosts() {
        assert_eq!(phone.calls().count(), 0);
        assert!(phone.endpoint().live().is_idle(), "{:?}", phone.endpoint().live());
    }
}

#[test]
fn a_whole_call() {
    let (mut world, ids) = phones(2, |_, _| {});
    let outgoing = call(&mut world, ids[0], 2);
    let incoming = only(&world, ids[1]);
    let shown = Some("Phone 1001".to_owned());
    assert_eq!(
        log(&world, ids[0]),
        [
            Happening::Called {
                call: outgoing,
                to: "sip:1002@192.0.2.2".to_owned()
            },
            Happening::Progress {
                call: outgoing,
                status: StatusCode::RINGING
            },
            Happening::Answered(outgoing),
        ]
    );
    assert_eq!(
        log(&world, ids[1]),
        [
            Happening::Rung {
                call: incoming,
                from: "1001".to_owned(),
                display: shown,
                alert: None
            },
            Happening::Answered(incoming),
        ]
    );
    assert_eq!(sound(&world, ids[0]), Some(Sound::Voice(2)));
    assert_eq!(sound(&world, ids[1]), Some(Sound::Voice(1)));

    world
        .act(ids[1], |phone, now| phone.hang_up(now, incoming))
        .unwrap()
        .unwrap();
    world.run_for(SECOND).unwrap();
    assert_eq!(log(&world, ids[0]).last(), Some(&Happening::Ended(outgoing)));
    let stale = world.act(ids[0], |phone, now| phone.hang_up(now, outgoing)).unwrap();
    assert_eq!(stale, Err(PhoneError::NoCall));
    all_over(&mut world);
}

#[test]
fn calls_over_tcp_and_without_an_offer() {
    for (transport, late_offer) in [(Transport::Tcp, false), (Transport::Udp, true), (Transport::Tcp, true)] {
        let (mut world, ids) = phones(2, |number, config| {
            config.transport = transport;
            config.late_offer = late_offer;
            if transport == Transport::Tcp && number == 1 {
                config.proxy = Some((ip(2), 5060).into());
            }
        });
        let outgoing = call(&mut world, ids[0], 2);
        assert_eq!(sound(&world, ids[0]), Some(Sound::Voice(2)), "{transport} {late_offer}");
        assert_eq!(sound(&world, ids[1]), Some(Sound::Voice(1)), "{transport} {late_offer}");
        world
            .act(ids[0], |phone, now| phone.hang_up(now, outgoing))
            .unwrap()
            .unwrap();
        all_over(&mut world);
    }
}

#[test]
fn refused_and_cancelled_and_unanswerable_calls() {
    let (mut world, ids) = phones(3, |number, config| {
        config.answer = if number == 2 {
            Answer::Reject(StatusCode::BUSY_HERE)
        } else {
            Answer::Manually
        };
        if number == 3 {
            config.codecs = vec![(9, sdp::Codec::G722)];
        }
    });
    let busy = call(&mut world, ids[0], 2);
    assert_eq!(
        log(&world, ids[0]).last(),
        Some(&Happening::Failed {
            call: busy,
            status: StatusCode::BUSY_HERE
        })
    );
    let codecs = call(&mut world, ids[0], 3);
    let refused = Happening::Failed {
        call: codecs,
        status: StatusCode::NOT_ACCEPTABLE_HERE,
    };
    assert_eq!(log(&world, ids[0]).last(), Some(&refused));

    let cancelled = call(&mut world, ids[1], 1);
    let rung = only(&world, ids[0]);
    world
        .act(ids[1], |phone, now| phone.hang_up(now, cancelled))
        .unwrap()
        .unwrap();
    world.run_for(SECOND).unwrap();
    assert_eq!(log(&world, ids[0]).last(), Some(&Happening::Cancelled(rung)));
    all_over(&mut world);
}

#[test]
fn hold_and_resume_from_both_sides() {
    let (mut world, ids) = phones(2, |_, config| config.audio_interval = SECOND / 10);
    let outgoing = call(&mut world, ids[0], 2);
    let incoming = only(&world, ids[1]);
    let direction = |world: &World<Phone>, phone: usize, call| {
        world.host(ids[phone]).get(call).unwrap().agreed().unwrap().direction
    };
    world
        .act(ids[0], |phone, now| phone.hold(now, outgoing))
        .unwrap()
        .unwrap();
    let pending = world.act(ids[0], |phone, now| phone.resume(now, outgoing)).unwrap();
    assert!(pending.is_err(), "one change at a time");
    world.run_for(SECOND).unwrap();
    assert!(log(&world, ids[1]).contains(&Happening::Held(incoming)));
    assert_eq!(direction(&world, 0, outgoing), Direction::SendOnly);
    assert_eq!(direction(&world, 1, incoming), Direction::RecvOnly);
    let packets = world.host(ids[0]).get(outgoing).unwrap().packets();
    world.run_for(SECOND).unwrap();
    assert_eq!(
        world.host(ids[0]).get(outgoing).unwrap().packets(),
        packets,
        "who is held does not speak"
    );

    world
        .act(ids[1], |phone, now| phone.hold(now, incoming))
        .unwrap()
        .unwrap();
    world.run_for(SECOND).unwrap();
    assert_eq!(direction(&world, 1, incoming), Direction::Inactive);
    for (phone, call) in [(ids[0], outgoing), (ids[1], incoming)] {
        world.act(phone, |phone, now| phone.resume(now, call)).unwrap().unwrap();
        world.run_for(SECOND).unwrap();
    }
    assert_eq!(direction(&world, 0, outgoing), Direction::SendRecv);
    assert_eq!(direction(&world, 1, incoming), Direction::SendRecv);
    assert!(log(&world, ids[1]).contains(&Happening::Unheld(incoming)));
}

/// Both hold at the same instant: glare is solved by SIP, and both get what they want.
#[test]
fn glare() {
    let (mut world, ids) = phones(2, |_, _| {});
    let outgoing = call(&mut world, ids[0], 2);
    let incoming = only(&world, ids[1]);
    world
        .act(ids[0], |phone, now| phone.hold(now, outgoing))
        .unwrap()
        .unwrap();
    world
        .act(ids[1], |phone, now| phone.hold(now, incoming))
        .unwrap()
        .unwrap();
    world.run_for(SECOND * 20).unwrap();
    for (phone, call) in [(ids[0], outgoing), (ids[1], incoming)] {
        let call = world.host(phone).get(call).unwrap();
        assert!(call.holding() && call.held(), "{:?}", log(&world, phone));
        assert_eq!(call.agreed().unwrap().direction, Direction::Inactive);
    }
}

#[test]
fn digits_are_heard_once_each() {
    let (mut world, ids) = phones(2, |_, _| {});
    world.network().set_default(Link::bad());
    let outgoing = call(&mut world, ids[0], 2);
    let incoming = only(&world, ids[1]);
    world
        .act(ids[0], |phone, now| phone.send_digits(now, outgoing, "*68#0"))
        .unwrap()
        .unwrap();
    world
        .act(ids[0], |phone, now| phone.send_digits(now, outgoing, "9D"))
        .unwrap()
        .unwrap();
    let bad = world
        .act(ids[0], |phone, now| phone.send_digits(now, outgoing, "x"))
        .unwrap();
    assert_eq!(bad, Err(PhoneError::BadDigit));
    world.run_for(SECOND * 5).unwrap();
    let heard: String = log(&world, ids[1])
        .into_iter()
        .filter_map(|what| match what {
            Happening::Digit { call, digit } if call == incoming => Some(digit),
            _ => None,
        })
        .collect();
    assert_eq!(heard, "*68#09D");
}

#[test]
fn a_blind_transfer() {
    let (mut world, ids) = phones(3, |_, _| {});
    let outgoing = call(&mut world, ids[0], 2);
    // Without a proxy a number alone leads nowhere; the address does.
    let target = "1003";
    world
        .act(ids[0], |phone, _| phone.config_mut().domain = "192.0.2.3".to_owned())
        .unwrap();
    world
        .act(ids[0], |phone, now| phone.transfer(now, outgoing, target))
        .unwrap()
        .unwrap();
    world.run_for(SECOND * 5).unwrap();
    let done = Happening::Transfer {
        call: outgoing,
        status: StatusCode::OK,
        done: true,
    };
    assert!(log(&world, ids[0]).contains(&done), "{:?}", log(&world, ids[0]));
    assert_eq!(world.host(ids[0]).calls().count(), 0);
    assert_eq!(sound(&world, ids[1]), Some(Sound::Voice(3)));
    assert_eq!(sound(&world, ids[2]), Some(Sound::Voice(2)));
}

#[test]
fn a_transfer_that_fails_leaves_the_call_alone() {
    let (mut world, ids) = phones(3, |number, config| {
        if number == 3 {
            config.answer = Answer::Reject(StatusCode::BUSY_HERE);
        }
    });
    let outgoing = call(&mut world, ids[0], 2);
    world
        .act(ids[0], |phone, _| phone.config_mut().domain = "192.0.2.3".to_owned())
        .unwrap();
    world
        .act(ids[0], |phone, now| phone.transfer(now, outgoing, "1003"))
        .unwrap()
        .unwrap();
    world.run_for(SECOND * 5).unwrap();
    let done = Happening::Transfer {
        call: outgoing,
        status: StatusCode::BUSY_HERE,
        done: true,
    };
    assert!(log(&world, ids[0]).contains(&done), "{:?}", log(&world, ids[0]));
    assert_eq!(world.host(ids[0]).get(outgoing).unwrap().state(), CallState::Talking);
}

#[test]
fn an_attended_transfer() {
    let (mut world, ids) = phones(3, |_, _| {});
    let first = call(&mut world, ids[0], 2);
    world.act(ids[0], |phone, now| phone.hold(now, first)).unwrap().unwrap();
    let second = call(&mut world, ids[0], 3);
    world
        .act(ids[0], |phone, now| phone.transfer_attended(now, first, second))
        .unwrap()
        .unwrap();
    world.run_for(SECOND * 8).unwrap();
    assert_eq!(world.host(ids[0]).calls().count(), 0, "{:?}", log(&world, ids[0]));
    assert_eq!(sound(&world, ids[1]), Some(Sound::Voice(3)));
    assert_eq!(sound(&world, ids[2]), Some(Sound::Voice(2)));
    assert!(
        world
            .host(ids[2])
            .went_through(|what| matches!(what, Happening::Replaced { .. }))
    );
}

#[test]
fn who_vanishes_says_nothing_and_comes_back_without_memory() {
    let (mut world, ids) = phones(2, |_, _| {});
    let outgoing = call(&mut world, ids[0], 2);
    world.act(ids[1], Phone::vanish).unwrap();
    let packets = world.host(ids[0]).get(outgoing).unwrap().packets();
    world.run_for(SECOND * 30).unwrap();
    assert_eq!(world.host(ids[0]).get(outgoing).unwrap().packets(), packets);
    let incoming = only(&world, ids[1]);
    let gone = world.act(ids[1], |phone, now| phone.hang_up(now, incoming)).unwrap();
    assert_eq!(gone, Err(PhoneError::Vanished));

    world.act(ids[1], Phone::restart).unwrap();
    world
        .act(ids[0], |phone, now| phone.hang_up(now, outgoing))
        .unwrap()
        .unwrap();
    all_over(&mut world);
    call(&mut world, ids[0], 2);
    assert_eq!(sound(&world, ids[1]), Some(Sound::Voice(1)));
}

/// The same seed gives the same story, another seed another one, over a network that does everything wrong.
#[test]
fn a_bad_network_is_survived_and_repeatable() {
    let story = |seed: u8| {
        let mut world = World::new([seed; 32]);
        let mut link = Link::bad();
        link.loss = 0.2;
        world.network().set_default(link);
        let mut config = PhoneConfig::new(ip(2), "1002");
        config.answer = Answer::After(SECOND);
        let callee = world.add(Phone::new(config, [2; 32]));
        let caller = world.add(Phone::new(PhoneConfig::new(ip(1), "1001"), [1; 32]));
        for _ in 0..10 {
            let call = world
                .act(caller, |phone, now| phone.call(now, uri(2)))
                .unwrap()
                .unwrap();
            world.run_for(SECOND * 40).unwrap();
            assert_eq!(
                world.host(caller).get(call).map(sim::Call::state),
                Some(CallState::Talking),
                "seed {seed}"
            );
            world
                .act(caller, |phone, now| phone.hang_up(now, call))
                .unwrap()
                .unwrap();
            world.run_for(SECOND * 40).unwrap();
            assert_eq!(world.host(callee).calls().count(), 0);
        }
        all_over(&mut world);
        let entries: Vec<_> = world
            .hosts()
            .flat_map(|(_, phone)| phone.log().cloned().collect::<Vec<_>>())
            .collect();
        (entries, world.network().stats())
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
}
