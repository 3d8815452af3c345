//! What the tests of calls through a switchboard share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "each test file uses its part, and a failed test is a panic"
)]

use std::time::Duration;

use sim::{Answer, CallId, CallState, Happening, Office, Sound};
use sip_core::StatusCode;
use switch::{Config, Extension, Lot};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Four extensions, 1001 to 1004, and a lot with two slots.
pub(crate) fn configuration() -> Config {
    let mut config = Config::new("pbx.test");
    for number in 1001..=1004 {
        config
            .extensions
            .push(Extension::new(&number.to_string(), &format!("Desk {number}"), "secret"));
    }
    config.lots.push(Lot::new("700", 701..=702));
    config
}

/// An office of it; all phones but the first answer after a second.
pub(crate) fn office(change: impl Fn(&mut Config)) -> Office {
    let mut config = configuration();
    change(&mut config);
    let mut office = Office::new(config, [3; 32]).unwrap();
    for phone in 1..office.phone_count() {
        office.phone_config(phone, |config| config.answer = Answer::After(SECOND));
    }
    office.register_all().unwrap();
    for phone in 0..office.phone_count() {
        assert!(office.phone(phone).is_registered(), "{:?}", log(&office, phone));
    }
    office
}

/// Dials, and lets three seconds pass.
pub(crate) fn dial(office: &mut Office, phone: usize, number: &str) -> CallId {
    let call = dial_now(office, phone, number);
    wait(office, 3);
    call
}

pub(crate) fn dial_now(office: &mut Office, phone: usize, number: &str) -> CallId {
    office
        .phone_do(phone, |phone, now| phone.dial(now, number))
        .unwrap()
        .unwrap()
}

/// Lets time pass and checks every invariant.
pub(crate) fn wait(office: &mut Office, seconds: u32) {
    office.run_for(SECOND * seconds).unwrap();
    office.check().unwrap();
}

pub(crate) fn only(office: &Office, phone: usize) -> CallId {
    let calls: Vec<CallId> = office.phone(phone).calls().map(|(id, _)| id).collect();
    assert_eq!(calls.len(), 1, "phone {phone}: {:?}", log(office, phone));
    calls[0]
}

pub(crate) fn log(office: &Office, phone: usize) -> Vec<Happening> {
    office.phone(phone).log().map(|entry| entry.what.clone()).collect()
}

/// What a phone with one call hears, after everybody has had time to speak.
pub(crate) fn hears(office: &mut Office, phone: usize) -> Option<Sound> {
    wait(office, 6);
    let call = only(office, phone);
    let (at, sound) = office.phone(phone).get(call).unwrap().last_sound()?;
    (office.now() - at <= SECOND * 6).then_some(sound)
}

/// Two phones, each with one call, that hear each other's voice.
pub(crate) fn talk(office: &mut Office, a: usize, b: usize) {
    let voice = |phone: usize| Some(Sound::Voice(u8::try_from(phone + 1).unwrap()));
    assert_eq!(hears(office, a), voice(b), "{:?}", log(office, a));
    assert_eq!(hears(office, b), voice(a), "{:?}", log(office, b));
}

pub(crate) fn state(office: &Office, phone: usize, call: CallId) -> Option<CallState> {
    office.phone(phone).get(call).map(sim::Call::state)
}

/// The status with which a call did not come about.
pub(crate) fn failure(office: &Office, phone: usize, call: CallId) -> Option<StatusCode> {
    office.phone(phone).log().find_map(|entry| match &entry.what {
        Happening::Failed { call: failed, status } if *failed == call => Some(*status),
        _ => None,
    })
}

/// Hangs up one call.
pub(crate) fn hang_up(office: &mut Office, phone: usize, call: CallId) {
    office
        .phone_do(phone, |phone, now| phone.hang_up(now, call))
        .unwrap()
        .unwrap();
    wait(office, 1);
}

/// A blind transfer; the status of the last word about it.
pub(crate) fn transfer(office: &mut Office, phone: usize, call: CallId, number: &str) -> Option<StatusCode> {
    office
        .phone_do(phone, |phone, now| phone.transfer(now, call, number))
        .unwrap()
        .unwrap();
    wait(office, 8);
    transfer_result(office, phone, call)
}

pub(crate) fn transfer_result(office: &Office, phone: usize, call: CallId) -> Option<StatusCode> {
    office.phone(phone).log().rev().find_map(|entry| match &entry.what {
        Happening::Transfer {
            call: of,
            status,
            done: true,
        } if *of == call => Some(*status),
        _ => None,
    })
}

pub(crate) fn slots(office: &Office) -> Vec<u32> {
    office
        .pbx()
        .switch()
        .slots("700")
        .unwrap()
        .map(|(slot, _)| slot.0)
        .collect()
}

/// Everybody hangs up; then nothing may be left.
pub(crate) fn hang_up_all(office: &mut Office) {
    for phone in 0..office.phone_count() {
        let calls: Vec<CallId> = office.phone(phone).calls().map(|(id, _)| id).collect();
        for call in calls {
            office
                .phone_do(phone, |phone, now| phone.hang_up(now, call))
                .unwrap()
                .unwrap();
        }
    }
    office.run_for(SECOND * 120).unwrap();
    office.check_idle().unwrap();
}
