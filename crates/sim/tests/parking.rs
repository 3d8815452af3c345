//! Parking through the whole switchboard: rows P1 to P6, P10 and P11, and what went wrong elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use sim::{Answer, CallState, Happening, Link, Office, Sound};
use sip_core::StatusCode;
use sip_core::event::dialog_info::DialogState;
use support::*;
use switch::{Event, RecallTarget};

/// 1001 calls 1002, who parks the call.
fn parked(office: &mut Office) -> sim::CallId {
    let call = dial(office, 0, "1002");
    let answered = only(office, 1);
    assert_eq!(transfer(office, 1, answered, "700"), Some(StatusCode::OK));
    assert_eq!(slots(office), [701]);
    call
}

fn events(office: &Office, like: impl Fn(&Event) -> bool) -> usize {
    office.pbx().events().filter(|(_, event)| like(event)).count()
}

#[test]
fn a_parked_call_that_nobody_fetches_comes_back_again_and_again() {
    let mut office = office(|config| {
        config.lots[0].recall_after = SECOND * 20;
        config.lots[0].recall_ring = SECOND * 10;
    });
    let call = parked(&mut office);
    office.phone_config(1, |config| config.answer = Answer::Manually);
    wait(&mut office, 15);
    let shown = |what: &Happening| {
        matches!(what, Happening::Rung { from, display: Some(name), alert: Some(alert), .. }
            if from == "1001" && name == "Park 701: Desk 1001 1001" && alert.contains("park-recall"))
    };
    assert!(office.phone(1).went_through(shown), "{:?}", log(&office, 1));
    wait(&mut office, 12);
    assert_eq!(events(&office, |event| matches!(event, Event::ParkedAgain { .. })), 1);
    assert_eq!(slots(&office), [701], "it keeps its slot");
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music all the time");
    office.phone_config(1, |config| config.answer = Answer::After(SECOND));
    wait(&mut office, 20);
    assert_eq!(state(&office, 0, call), Some(CallState::Talking));
    talk(&mut office, 0, 1);
    assert!(slots(&office).is_empty());
    hang_up_all(&mut office);
}

#[test]
fn the_alternate_is_rung_after_the_parker() {
    let mut office = office(|config| {
        config.lots[0].recall_after = SECOND * 20;
        config.lots[0].recall_ring = SECOND * 5;
        config.lots[0].recall_to = vec![RecallTarget::Parker, RecallTarget::Number("1004".to_owned())];
    });
    parked(&mut office);
    office.phone_config(1, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    wait(&mut office, 20);
    talk(&mut office, 0, 3);
    assert_eq!(office.phone(1).calls().count(), 0);
    let by_recall = |event: &Event| matches!(event, Event::Retrieved { by, recall: true, .. } if by == "1004");
    assert_eq!(events(&office, by_recall), 1);
    hang_up_all(&mut office);
}

#[test]
fn a_recall_to_a_phone_that_is_gone_parks_the_call_again() {
    let mut office = office(|config| config.lots[0].recall_after = SECOND * 15);
    parked(&mut office);
    office.phone_do(1, sim::Phone::unregister).unwrap().unwrap();
    wait(&mut office, 20);
    assert_eq!(slots(&office), [701]);
    assert_eq!(events(&office, |event| matches!(event, Event::ParkedAgain { .. })), 1);
    hang_up_all(&mut office);
}

#[test]
fn a_retrieve_and_a_recall_in_the_same_instant_have_one_outcome() {
    for late in [false, true] {
        let mut office = office(|config| config.lots[0].recall_after = SECOND * 30);
        office.network().set_default(Link::new(std::time::Duration::ZERO));
        office.phone_config(1, |config| config.answer = Answer::After(SECOND));
        parked(&mut office);
        let at = office
            .pbx()
            .events()
            .find_map(|(at, event)| matches!(event, Event::Parked { .. }).then_some(*at))
            .unwrap();
        let due = at + SECOND * 30;
        let almost = due - office.now() - std::time::Duration::from_nanos(u64::from(!late));
        office.run_for(almost).unwrap();
        assert_eq!(
            events(&office, |event| matches!(event, Event::RecallStarted { .. })),
            usize::from(late)
        );
        dial_now(&mut office, 2, "701");
        wait(&mut office, 3);
        talk(&mut office, 0, 2);
        assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
        assert_eq!(events(&office, |event| matches!(event, Event::Retrieved { .. })), 1);
        hang_up_all(&mut office);
    }
}

#[test]
fn of_two_who_retrieve_in_the_same_instant_one_has_the_call() {
    let mut office = office(|_| {});
    office.network().set_default(Link::new(std::time::Duration::ZERO));
    parked(&mut office);
    let (first, second) = (dial_now(&mut office, 2, "701"), dial_now(&mut office, 3, "701"));
    wait(&mut office, 3);
    assert_eq!(state(&office, 2, first), Some(CallState::Talking));
    assert_eq!(failure(&office, 3, second), Some(StatusCode::NOT_FOUND));
    talk(&mut office, 0, 2);
    hang_up_all(&mut office);
}

#[test]
fn a_parked_caller_who_hangs_up_frees_the_slot() {
    let mut office = office(|_| {});
    office
        .phone_do(3, |phone, now| phone.watch(now, "701"))
        .unwrap()
        .unwrap();
    office
        .phone_do(3, |phone, now| phone.watch(now, "700"))
        .unwrap()
        .unwrap();
    let call = parked(&mut office);
    for number in ["701", "700"] {
        assert_eq!(
            office.phone(3).lamp(number),
            Some(vec![DialogState::Confirmed]),
            "{number}"
        );
    }
    hang_up(&mut office, 0, call);
    assert!(slots(&office).is_empty());
    for number in ["701", "700"] {
        assert_eq!(office.phone(3).lamp(number), Some(vec![]), "{number}");
    }
    assert_eq!(events(&office, |event| matches!(event, Event::Abandoned { .. })), 1);
    hang_up_all(&mut office);
}

#[test]
fn a_caller_who_hangs_up_during_his_recall_ends_the_ringing() {
    let mut office = office(|config| config.lots[0].recall_after = SECOND * 15);
    let call = parked(&mut office);
    office.phone_config(1, |config| config.answer = Answer::Manually);
    wait(&mut office, 10);
    assert_eq!(office.phone(1).calls().count(), 1, "rings");
    hang_up(&mut office, 0, call);
    assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
    hang_up_all(&mut office);
}

/// Elsewhere two strangers were connected (a transfer to a taken slot retrieved, or bridged).
#[test]
fn a_transfer_to_a_taken_slot_is_refused_and_the_call_stays() {
    let mut office = office(|_| {});
    parked(&mut office);
    let second = dial(&mut office, 2, "1004");
    assert_eq!(transfer(&mut office, 2, second, "701"), Some(StatusCode::BUSY_HERE));
    talk(&mut office, 2, 3);
    assert_eq!(slots(&office), [701]);
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "still parked");
    hang_up_all(&mut office);
}

#[test]
fn a_full_lot_refuses_and_the_call_stays() {
    let mut office = office(|config| config.lots[0].slots = 701..=701);
    parked(&mut office);
    let second = dial(&mut office, 2, "1004");
    assert_eq!(
        transfer(&mut office, 2, second, "700"),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE)
    );
    talk(&mut office, 2, 3);
    office
        .phone_do(2, |phone, now| phone.send_digits(now, second, "*68"))
        .unwrap()
        .unwrap();
    wait(&mut office, 2);
    let (_, heard) = office.phone(2).get(second).unwrap().last_sound().unwrap();
    assert_eq!(heard, Sound::Other, "told that the lot is full");
    talk(&mut office, 2, 3);
    hang_up_all(&mut office);
}

#[test]
fn a_call_can_be_parked_in_a_slot_of_choice_and_the_longest_is_fetched_first() {
    let mut office = office(|config| config.lots[0].retrieve = Some("*88".to_owned()));
    let first = dial(&mut office, 0, "1002");
    let answered = only(&office, 1);
    assert_eq!(transfer(&mut office, 1, answered, "702"), Some(StatusCode::OK));
    assert_eq!(slots(&office), [702]);
    let second = dial(&mut office, 2, "1002");
    let answered = only(&office, 1);
    assert_eq!(transfer(&mut office, 1, answered, "700"), Some(StatusCode::OK));
    assert_eq!(slots(&office), [701, 702]);
    let fetch = dial(&mut office, 3, "*88");
    talk(&mut office, 0, 3);
    hang_up(&mut office, 3, fetch);
    assert_eq!(state(&office, 0, first), None);
    dial(&mut office, 3, "*88");
    talk(&mut office, 2, 3);
    assert_eq!(state(&office, 2, second), Some(CallState::Talking));
    hang_up_all(&mut office);
    let call = dial(&mut office, 3, "*88");
    assert_eq!(
        failure(&office, 3, call),
        Some(StatusCode::NOT_FOUND),
        "nobody is parked"
    );
}

#[test]
fn attended_transfer_to_the_lot_keeps_a_slot_until_it_is_completed() {
    for number in ["700", "702"] {
        let mut office = office(|_| {});
        let call = dial(&mut office, 0, "1002");
        let first = only(&office, 1);
        office
            .phone_do(1, |phone, now| phone.hold(now, first))
            .unwrap()
            .unwrap();
        wait(&mut office, 1);
        let consultation = dial(&mut office, 1, number);
        let slot = if number == "700" { 701 } else { 702 };
        assert_eq!(slots(&office), [slot], "kept");
        let (_, heard) = office.phone(1).get(consultation).unwrap().last_sound().unwrap();
        assert_eq!(heard, Sound::Other, "the slot is spoken");
        let fetch = dial(&mut office, 3, &slot.to_string());
        assert_eq!(
            failure(&office, 3, fetch),
            Some(StatusCode::BUSY_HERE),
            "nobody is there to be fetched"
        );
        office
            .phone_do(1, |phone, now| phone.transfer_attended(now, first, consultation))
            .unwrap()
            .unwrap();
        wait(&mut office, 4);
        assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
        assert_eq!(slots(&office), [slot]);
        assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
        dial(&mut office, 3, &slot.to_string());
        talk(&mut office, 0, 3);
        assert_eq!(state(&office, 0, call), Some(CallState::Talking));
        hang_up_all(&mut office);
    }
}

#[test]
fn a_consultation_that_is_hung_up_frees_its_slot() {
    let mut office = office(|_| {});
    dial(&mut office, 0, "1002");
    let first = only(&office, 1);
    office
        .phone_do(1, |phone, now| phone.hold(now, first))
        .unwrap()
        .unwrap();
    wait(&mut office, 1);
    let consultation = dial(&mut office, 1, "700");
    assert_eq!(slots(&office), [701]);
    hang_up(&mut office, 1, consultation);
    assert!(slots(&office).is_empty());
    office
        .phone_do(1, |phone, now| phone.resume(now, first))
        .unwrap()
        .unwrap();
    talk(&mut office, 0, 1);
    assert_eq!(
        events(&office, |event| matches!(
            event,
            Event::Abandoned { .. } | Event::Parked { .. }
        )),
        0
    );
    hang_up_all(&mut office);
}

#[test]
fn who_has_nothing_to_park_parks_nothing() {
    let mut office = office(|_| {});
    for number in ["700", "701"] {
        let call = dial(&mut office, 0, number);
        assert_eq!(failure(&office, 0, call), Some(StatusCode::NOT_FOUND), "{number}");
    }
    assert!(slots(&office).is_empty());
    hang_up_all(&mut office);
}

#[test]
fn both_parties_can_hold_and_a_retrieved_call_can_be_parked_again() {
    let mut office = office(|_| {});
    parked(&mut office);
    let fetched = dial(&mut office, 2, "701");
    talk(&mut office, 0, 2);
    assert_eq!(transfer(&mut office, 2, fetched, "702"), Some(StatusCode::OK));
    assert_eq!(slots(&office), [702]);
    dial(&mut office, 3, "702");
    talk(&mut office, 0, 3);
    hang_up_all(&mut office);
}

#[test]
fn a_parked_phone_that_vanishes_is_found_out() {
    let mut office = office(|config| config.lots[0].recall_after = SECOND * 600);
    parked(&mut office);
    office.phone_do(0, sim::Phone::vanish).unwrap();
    wait(&mut office, 40);
    assert!(slots(&office).is_empty());
    wait(&mut office, 60);
    office.check_idle().unwrap();
}
