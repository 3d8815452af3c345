//! Calls through a whole switchboard: switch, media engine, registrar and digest, without sockets.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::time::Duration;

use sim::{Answer, CallState, Happening, Link, Office, Phone, Sound};
use sip_core::event::dialog_info::DialogState;
use sip_core::{StatusCode, Transport};
use support::*;
use switch::{Config, Extension};

#[test]
fn two_phones_talk_and_hang_up() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut office = office(|_| {});
        for phone in 0..4 {
            office.phone_config(phone, |config| config.transport = transport);
            office.phone_do(phone, Phone::restart).unwrap();
        }
        office.register_all().unwrap();
        let call = dial(&mut office, 0, "1002");
        assert_eq!(
            office.phone(0).get(call).unwrap().state(),
            CallState::Talking,
            "{:?}",
            log(&office, 0)
        );
        let rung = |what: &Happening| matches!(what, Happening::Rung { from, display: Some(name), .. } if from == "1001" && name == "Desk 1001");
        assert!(office.phone(1).went_through(rung), "{:?}", log(&office, 1));
        assert_eq!(hears(&mut office, 0), Some(Sound::Voice(2)));
        assert_eq!(hears(&mut office, 1), Some(Sound::Voice(1)));
        assert_eq!(office.pbx().engine().live_streams(), 2);
        office
            .phone_do(0, |phone, now| phone.hang_up(now, call))
            .unwrap()
            .unwrap();
        office.run_for(SECOND).unwrap();
        assert_eq!(office.phone(1).calls().count(), 0);
        assert_eq!(office.pbx().engine().live_streams(), 0);
        hang_up_all(&mut office);
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let mut office = office(|_| {});
    office.phone_config(0, |config| config.password = "guess".to_owned());
    office.phone_do(0, Phone::restart).unwrap();
    office.phone_do(0, Phone::register).unwrap().unwrap();
    office.run_for(SECOND).unwrap();
    assert!(
        office
            .phone(0)
            .went_through(|what| matches!(what, Happening::RegistrationFailed(_)))
    );
    let call = dial(&mut office, 0, "1002");
    assert!(
        office
            .phone(0)
            .went_through(|what| matches!(what, Happening::Failed { call: failed, .. } if *failed == call))
    );
    assert_eq!(
        office
            .phone(1)
            .log()
            .filter(|entry| matches!(entry.what, Happening::Rung { .. }))
            .count(),
        0
    );
}

#[test]
fn busy_unknown_and_cancelled() {
    let mut office = office(|_| {});
    office.phone_config(1, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    office.phone_config(2, |config| config.answer = Answer::Manually);
    for (number, status) in [("1002", StatusCode::BUSY_HERE), ("4711", StatusCode::NOT_FOUND)] {
        let call = dial(&mut office, 0, number);
        assert_eq!(
            log(&office, 0).last(),
            Some(&Happening::Failed { call, status }),
            "{number}"
        );
    }
    let call = dial(&mut office, 0, "1003");
    assert!(office.phone(0).went_through(|what| *what
        == Happening::Progress {
            call,
            status: StatusCode::RINGING
        }));
    office
        .phone_do(0, |phone, now| phone.hang_up(now, call))
        .unwrap()
        .unwrap();
    office.run_for(SECOND).unwrap();
    assert!(
        office
            .phone(2)
            .went_through(|what| matches!(what, Happening::Cancelled(_)))
    );
    hang_up_all(&mut office);
}

#[test]
fn hold_with_music_and_resume() {
    let mut office = office(|_| {});
    let call = dial(&mut office, 0, "1002");
    office.phone_do(0, |phone, now| phone.hold(now, call)).unwrap().unwrap();
    assert_eq!(hears(&mut office, 1), Some(Sound::Other), "music");
    office.check().unwrap();
    office
        .phone_do(0, |phone, now| phone.resume(now, call))
        .unwrap()
        .unwrap();
    assert_eq!(hears(&mut office, 1), Some(Sound::Voice(1)));
    assert_eq!(hears(&mut office, 0), Some(Sound::Voice(2)));
    hang_up_all(&mut office);
}

#[test]
fn blind_transfer() {
    let mut office = office(|_| {});
    let call = dial(&mut office, 0, "1002");
    office
        .phone_do(0, |phone, now| phone.transfer(now, call, "1003"))
        .unwrap()
        .unwrap();
    office.run_for(SECOND * 3).unwrap();
    office.check().unwrap();
    assert_eq!(office.phone(0).calls().count(), 0, "{:?}", log(&office, 0));
    assert_eq!(hears(&mut office, 1), Some(Sound::Voice(3)));
    assert_eq!(hears(&mut office, 2), Some(Sound::Voice(2)));
    hang_up_all(&mut office);
}

#[test]
fn attended_transfer() {
    let mut office = office(|_| {});
    let first = dial(&mut office, 0, "1002");
    office
        .phone_do(0, |phone, now| phone.hold(now, first))
        .unwrap()
        .unwrap();
    office.run_for(SECOND).unwrap();
    let second = dial(&mut office, 0, "1003");
    office
        .phone_do(0, |phone, now| phone.transfer_attended(now, first, second))
        .unwrap()
        .unwrap();
    office.run_for(SECOND * 3).unwrap();
    office.check().unwrap();
    assert_eq!(office.phone(0).calls().count(), 0, "{:?}", log(&office, 0));
    assert_eq!(hears(&mut office, 1), Some(Sound::Voice(3)));
    assert_eq!(hears(&mut office, 2), Some(Sound::Voice(2)));
    hang_up_all(&mut office);
}

#[test]
fn park_watch_and_retrieve() {
    let mut office = office(|_| {});
    for number in ["701", "702"] {
        office
            .phone_do(3, |phone, now| phone.watch(now, number))
            .unwrap()
            .unwrap();
    }
    let call = dial(&mut office, 0, "1002");
    assert_eq!(office.phone(3).lamp("701"), Some(vec![]), "{:?}", log(&office, 3));
    let answered = only(&office, 1);
    office
        .phone_do(1, |phone, now| phone.transfer(now, answered, "700"))
        .unwrap()
        .unwrap();
    office.run_for(SECOND * 2).unwrap();
    office.check().unwrap();
    assert_eq!(office.pbx().switch().slots("700").unwrap().count(), 1);
    assert_eq!(
        office.phone(3).lamp("701"),
        Some(vec![DialogState::Confirmed]),
        "{:?}",
        log(&office, 3)
    );
    assert_eq!(office.phone(3).lamp("702"), Some(vec![]));
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
    office
        .phone_do(2, |phone, now| phone.dial(now, "701"))
        .unwrap()
        .unwrap();
    assert_eq!(hears(&mut office, 0), Some(Sound::Voice(3)));
    assert_eq!(hears(&mut office, 2), Some(Sound::Voice(1)));
    assert_eq!(office.phone(3).lamp("701"), Some(vec![]));
    assert!(office.phone(0).get(call).is_some());
    hang_up_all(&mut office);
}

#[test]
fn park_by_code_and_recall_to_the_parker() {
    let mut office = office(|config| config.lots[0].recall_after = SECOND * 20);
    dial(&mut office, 0, "1002");
    let answered = only(&office, 1);
    office
        .phone_do(1, |phone, now| phone.send_digits(now, answered, "*68"))
        .unwrap()
        .unwrap();
    office.run_for(SECOND * 15).unwrap();
    office.check().unwrap();
    assert_eq!(
        office.pbx().switch().slots("700").unwrap().count(),
        1,
        "{:?}",
        log(&office, 1)
    );
    assert_eq!(
        office.phone(1).calls().count(),
        0,
        "told the slot and hung up: {:?}",
        log(&office, 1)
    );
    office.run_for(SECOND * 10).unwrap();
    let recalled =
        |what: &Happening| matches!(what, Happening::Rung { alert: Some(alert), .. } if alert.contains("park-recall"));
    assert!(office.phone(1).went_through(recalled), "{:?}", log(&office, 1));
    assert_eq!(hears(&mut office, 0), Some(Sound::Voice(2)));
    assert_eq!(office.pbx().switch().slots("700").unwrap().count(), 0);
    hang_up_all(&mut office);
}

#[test]
fn a_phone_that_vanishes_ends_its_call() {
    let mut office = office(|_| {});
    dial(&mut office, 0, "1002");
    office.phone_do(1, Phone::vanish).unwrap();
    office.run_for(SECOND * 35).unwrap();
    assert_eq!(office.phone(0).calls().count(), 0, "{:?}", log(&office, 0));
    office.run_for(SECOND * 60).unwrap();
    office.check_idle().unwrap();
}

#[test]
fn a_bad_network_is_survived() {
    for seed in 0..8 {
        let mut config = Config::new("pbx.test");
        for number in ["1001", "1002", "1003"] {
            config.extensions.push(Extension::new(number, number, "secret"));
        }
        let mut office = Office::new(config, [seed; 32]).unwrap();
        office.network().set_default(Link::bad());
        for phone in 0..3 {
            office.phone_config(phone, |config| {
                config.answer = Answer::After(SECOND);
                config.audio_interval = SECOND / 2;
            });
        }
        office.register_all().unwrap();
        let call = office
            .phone_do(0, |phone, now| phone.dial(now, "1002"))
            .unwrap()
            .unwrap();
        office.run_for(SECOND * 10).unwrap();
        assert_eq!(
            office.phone(0).get(call).map(sim::Call::state),
            Some(CallState::Talking),
            "seed {seed}: {:?}",
            log(&office, 0)
        );
        office
            .phone_do(0, |phone, now| phone.transfer(now, call, "1003"))
            .unwrap()
            .unwrap();
        office.run_for(SECOND * 20).unwrap();
        office.check().unwrap();
        assert!(
            matches!(hears(&mut office, 1), Some(Sound::Voice(3))),
            "seed {seed}: {:?}",
            log(&office, 1)
        );
        hang_up_all(&mut office);
    }
}

/// P11: a parked call is retrieved by two phones at the same instant, or at the instant of its recall: one outcome, and the slot
/// is freed once.
#[test]
fn what_happens_at_the_same_instant_has_one_outcome() {
    for (wait, retrievers) in [(5, vec![2, 3]), (20, vec![2]), (20, vec![2, 3])] {
        let mut office = office(|config| config.lots[0].recall_after = SECOND * 20);
        dial(&mut office, 0, "1002");
        let answered = only(&office, 1);
        office.network().set_default(Link::new(Duration::ZERO));
        office
            .phone_do(1, |phone, now| phone.transfer(now, answered, "701"))
            .unwrap()
            .unwrap();
        let parked = |office: &Office| {
            let is_parked = |event: &switch::Event| matches!(event, switch::Event::Parked { .. });
            office
                .pbx()
                .events()
                .find(|(_, event)| is_parked(event))
                .map(|(at, _)| *at)
        };
        office.run_for(Duration::from_millis(1)).unwrap();
        let instant = parked(&office).unwrap() + SECOND * wait;
        // Up to the last nanosecond, so that what is dialled then arrives at the instant itself.
        office.network().set_default(Link::new(Duration::from_nanos(1)));
        office.world().run_until(instant - Duration::from_nanos(3)).unwrap();
        for phone in &retrievers {
            office
                .phone_do(*phone, |phone, now| phone.dial(now, "701"))
                .unwrap()
                .unwrap();
        }
        office.run_for(SECOND * 8).unwrap();
        office.check().unwrap();
        let outcomes = office
            .pbx()
            .events()
            .filter(|(_, event)| matches!(event, switch::Event::Retrieved { .. }))
            .count();
        assert_eq!(outcomes, 1, "{wait} {retrievers:?}");
        assert_eq!(office.pbx().switch().slots("700").unwrap().count(), 0);
        let winner = match hears(&mut office, 0) {
            Some(Sound::Voice(voice)) => usize::from(voice) - 1,
            other => panic!("the parked caller hears {other:?}"),
        };
        for phone in 1..4 {
            assert_eq!(
                office.phone(phone).calls().count(),
                usize::from(phone == winner),
                "phone {phone}: {:?}",
                log(&office, phone)
            );
        }
        hang_up_all(&mut office);
    }
}
