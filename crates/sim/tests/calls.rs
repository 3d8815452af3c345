//! Calls, transfers and limits through the whole switchboard, each a thing that went wrong elsewhere or might here.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use sim::{Answer, CallState, Happening, Sound};
use sip_core::StatusCode;
use support::*;
use switch::{EndCause, Event};

/// Ring-back: a tone, or the silence between (0xd5 in A-law), but nobody's voice.
fn hears_tone(office: &mut sim::Office, phone: usize) -> bool {
    matches!(hears(office, phone), Some(Sound::Other | Sound::Voice(0xd5)))
}

/// Elsewhere a transfer hung up before its target was looked at.
#[test]
fn a_transfer_to_nowhere_is_refused_and_the_call_stays() {
    let mut office = office(|_| {});
    let call = dial(&mut office, 0, "1002");
    for number in ["4711", "*68"] {
        assert_eq!(
            transfer(&mut office, 0, call, number),
            Some(StatusCode::NOT_FOUND),
            "{number}"
        );
        talk(&mut office, 0, 1);
    }
    hang_up_all(&mut office);
}

#[test]
fn a_transfer_to_a_busy_phone_brings_the_call_back() {
    let mut office = office(|_| {});
    office.phone_config(2, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    let call = dial(&mut office, 0, "1002");
    assert_eq!(transfer(&mut office, 0, call, "1003"), Some(StatusCode::BUSY_HERE));
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
}

#[test]
fn a_transfer_that_fails_after_the_transferor_left_returns_to_him() {
    let mut office = office(|config| config.ring_timeout = SECOND * 10);
    office.phone_config(0, |config| config.answer = Answer::After(SECOND));
    office.phone_config(2, |config| config.answer = Answer::Manually);
    let call = dial(&mut office, 0, "1002");
    office
        .phone_do(0, |phone, now| phone.transfer(now, call, "1003"))
        .unwrap()
        .unwrap();
    wait(&mut office, 2);
    hang_up(&mut office, 0, call);
    assert!(hears_tone(&mut office, 1), "ring-back");
    wait(&mut office, 8);
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
}

#[test]
fn an_attended_transfer_is_completed_while_the_target_rings() {
    let mut office = office(|_| {});
    office.phone_config(2, |config| config.answer = Answer::Manually);
    let first = dial(&mut office, 0, "1002");
    office
        .phone_do(0, |phone, now| phone.hold(now, first))
        .unwrap()
        .unwrap();
    wait(&mut office, 1);
    let second = dial(&mut office, 0, "1003");
    office
        .phone_do(0, |phone, now| phone.transfer_attended(now, first, second))
        .unwrap()
        .unwrap();
    wait(&mut office, 3);
    assert!(hears_tone(&mut office, 1), "ring-back");
    let ringing = only(&office, 2);
    office
        .phone_do(2, |phone, now| phone.answer(now, ringing))
        .unwrap()
        .unwrap();
    wait(&mut office, 3);
    talk(&mut office, 1, 2);
    assert_eq!(office.phone(0).calls().count(), 0, "{:?}", log(&office, 0));
    hang_up_all(&mut office);
}

#[test]
fn a_callee_sees_who_was_authenticated_not_who_it_is_said_to_be() {
    let mut office = office(|_| {});
    office.phone_config(0, |config| config.name = "The\u{7}Boss\u{1b}[2J".to_owned());
    dial(&mut office, 0, "1002");
    let shown = |what: &Happening| matches!(what, Happening::Rung { from, display: Some(name), .. } if from == "1001" && name == "Desk 1001");
    assert!(office.phone(1).went_through(shown), "{:?}", log(&office, 1));
    hang_up_all(&mut office);
}

#[test]
fn an_offer_may_come_late() {
    let mut office = office(|_| {});
    office.phone_config(0, |config| config.late_offer = true);
    dial(&mut office, 0, "1002");
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
}

#[test]
fn phones_of_different_codecs_hear_each_other() {
    let mut office = office(|_| {});
    office.phone_config(0, |config| config.codecs.retain(|(payload, _)| *payload == 0));
    office.phone_config(1, |config| config.codecs.retain(|(payload, _)| *payload == 8));
    dial(&mut office, 0, "1002");
    wait(&mut office, 6);
    for phone in [0, 1] {
        let call = only(&office, phone);
        assert!(
            office.phone(phone).get(call).unwrap().packets() > 0,
            "{:?}",
            log(&office, phone)
        );
    }
    hang_up_all(&mut office);
}

#[test]
fn the_call_beyond_the_limit_is_refused_with_503_and_the_others_go_on() {
    let mut office = office(|config| config.max_calls = 1);
    dial(&mut office, 0, "1002");
    let call = dial(&mut office, 2, "1004");
    assert_eq!(failure(&office, 2, call), Some(StatusCode::SERVICE_UNAVAILABLE));
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
    let call = dial(&mut office, 2, "1004");
    assert_eq!(state(&office, 2, call), Some(CallState::Talking), "there is room again");
    hang_up_all(&mut office);
}

#[test]
fn without_a_media_port_a_call_is_refused_and_no_port_is_lost() {
    let mut office = office(|config| config.media_ports = 20000..=20003);
    dial(&mut office, 0, "1002");
    for _ in 0..3 {
        let call = dial(&mut office, 2, "1004");
        assert_eq!(failure(&office, 2, call), Some(StatusCode::SERVICE_UNAVAILABLE));
    }
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
    dial(&mut office, 2, "1004");
    talk(&mut office, 2, 3);
    hang_up_all(&mut office);
}

#[test]
fn nobody_answers() {
    let mut office = office(|config| config.ring_timeout = SECOND * 5);
    office.phone_config(1, |config| config.answer = Answer::Manually);
    let call = dial(&mut office, 0, "1002");
    wait(&mut office, 4);
    assert_eq!(failure(&office, 0, call), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(office.phone(1).calls().count(), 0, "stops ringing");
    hang_up_all(&mut office);
}

#[test]
fn a_call_on_hold_whose_phone_vanished_is_found_out() {
    let mut office = office(|_| {});
    let call = dial(&mut office, 0, "1002");
    office.phone_do(0, |phone, now| phone.hold(now, call)).unwrap().unwrap();
    wait(&mut office, 1);
    office.phone_do(0, sim::Phone::vanish).unwrap();
    wait(&mut office, 70);
    assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
    let vanished = office
        .pbx()
        .events()
        .any(|(_, event)| matches!(event, Event::CallEnded(record) if record.cause == EndCause::Vanished));
    assert!(vanished);
    wait(&mut office, 60);
    office.check_idle().unwrap();
}

#[test]
fn a_call_on_hold_goes_on_as_long_as_both_are_there() {
    let mut office = office(|_| {});
    let call = dial(&mut office, 0, "1002");
    office.phone_do(0, |phone, now| phone.hold(now, call)).unwrap().unwrap();
    wait(&mut office, 600);
    office
        .phone_do(0, |phone, now| phone.resume(now, call))
        .unwrap()
        .unwrap();
    talk(&mut office, 0, 1);
    hang_up_all(&mut office);
}
