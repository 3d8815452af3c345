//! Transfers against each other and against everything else that may happen at that moment.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use rtp_media::Source;
use sip_core::StatusCode;
use support::*;
use switch::{Event, Place};

/// 1001 calls 1002, who parks the call and leaves.
fn parked(desk: &mut Desk) -> sip_core::SessionId {
    let (caller, callee) = desk.call(0, 1);
    desk.refer(1, callee, "700");
    desk.announced(1);
    assert_eq!(desk.transfer_result(1), Some(StatusCode::OK));
    desk.hang_up(1, callee);
    assert!(matches!(desk.place(0), Place::Parked { .. }));
    caller
}

/// A slot's caller is nobody's consultation, though his phone may name that dialog: the recall would ring for a leg that is gone.
#[test]
fn a_transfer_to_ones_own_parked_call_is_refused() {
    for recalled in [false, true] {
        let mut desk = Desk::new(|_| {});
        let waiting = parked(&mut desk);
        if recalled {
            desk.wait(SECOND * 46);
            assert_eq!(desk.rings(1), 2, "the parker is rung");
        }
        let (other, third) = desk.call(0, 2);
        desk.refer_attended(0, other, waiting);
        assert_eq!(desk.transfer_result(0), Some(StatusCode::FORBIDDEN));
        assert_eq!(desk.slots(), [701]);
        if recalled {
            desk.answer(1);
            assert!(matches!(desk.place(1), Place::Talking(_)));
        }
        desk.hang_up(0, waiting);
        desk.hang_up(2, third);
        desk.check_idle();
    }
}

#[test]
fn both_parties_transfer_at_once_and_one_does() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer(0, caller, "1003");
    desk.refer(1, callee, "1004");
    assert_eq!(desk.transfer_result(1), Some(StatusCode::FORBIDDEN));
    assert_eq!(desk.rings(3), 0);
    let third = desk.answer(2);
    assert_eq!(desk.transfer_result(0), Some(StatusCode::OK));
    assert!(desk.talk(1, 2));
    desk.wait(SECOND * 3);
    assert!(desk.ended(0, caller), "who has transferred is hung up");
    desk.hang_up(2, third);
    desk.check_idle();
}

#[test]
fn who_transfers_cannot_transfer_again_before_it_is_decided() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer(0, caller, "1003");
    desk.refer(0, caller, "1004");
    assert_eq!(desk.transfer_result(0), Some(StatusCode::FORBIDDEN));
    desk.reject(2, StatusCode::BUSY_HERE);
    assert_eq!(desk.transfer_result(0), Some(StatusCode::BUSY_HERE));
    assert!(desk.talk(0, 1));
    desk.hang_up(1, callee);
    desk.check_idle();
}

/// Replaces names the dialog in which the REFER comes, the one of the other party, or none.
#[test]
fn a_consultation_must_be_another_call_of_the_same_phone() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer_attended(0, caller, caller);
    assert_eq!(desk.transfer_result(0), Some(StatusCode::FORBIDDEN));
    let stranger = desk.replaces(1, callee);
    desk.refer_to(0, caller, uri("1002").with_header("Replaces", &stranger));
    assert_eq!(
        desk.transfer_result(0),
        Some(StatusCode::FORBIDDEN),
        "another phone's dialog"
    );
    desk.refer_to(0, caller, uri("1002").with_header("Replaces", "1;to-tag=2;from-tag=3"));
    assert_eq!(
        desk.transfer_result(0),
        Some(StatusCode::DECLINE),
        "a 481 would have the phone give up the call itself"
    );
    desk.refer_to(0, caller, uri("1002").with_header("Replaces", "nonsense"));
    assert_eq!(desk.transfer_result(0), Some(StatusCode::BAD_REQUEST));
    assert!(desk.talk(0, 1));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn a_party_can_be_transferred_to_its_own_number_and_to_the_transferors() {
    for number in [1, 0] {
        let mut desk = Desk::new(|_| {});
        let (caller, callee) = desk.call(0, 1);
        desk.refer(0, caller, &Desk::number(number));
        let again = desk.answer(number);
        assert_eq!(desk.transfer_result(0), Some(StatusCode::OK));
        desk.wait(SECOND * 3);
        let talking = desk.switch.legs().filter(|leg| matches!(leg.place, Place::Talking(_)));
        assert_eq!(talking.count(), 2);
        desk.hang_up(number, again);
        assert!(desk.ended(1, callee));
        desk.check_idle();
    }
}

#[test]
fn a_failed_transfer_of_a_call_on_hold_leaves_it_on_hold() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.reinvite(0, caller, "sendonly");
    assert_eq!(desk.hears(1), Some(Source::Music("default".to_owned())));
    desk.refer(0, caller, "1003");
    assert!(matches!(desk.hears(1), Some(Source::Tone(_))));
    // Resumed and held again while it rings: of no account to the party that waits.
    desk.reinvite(0, caller, "sendrecv");
    desk.reinvite(0, caller, "sendonly");
    assert!(matches!(desk.hears(1), Some(Source::Tone(_))));
    desk.reject(2, StatusCode::DECLINE);
    assert_eq!(desk.hears(1), Some(Source::Music("default".to_owned())));
    desk.reinvite(0, caller, "sendrecv");
    assert!(desk.talk(0, 1));
    desk.hang_up(1, callee);
    desk.check_idle();
}

#[test]
fn both_hold_and_one_parks_the_other() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.reinvite(0, caller, "sendonly");
    desk.reinvite(1, callee, "sendonly");
    desk.refer(1, callee, "700");
    assert_eq!(
        desk.transfer_result(1),
        Some(StatusCode::OK),
        "on hold nobody is told by voice"
    );
    desk.hang_up(1, callee);
    assert_eq!(desk.hears(0), Some(Source::Music("default".to_owned())));
    let fetch = desk.dial(2, "701");
    assert_eq!(
        desk.hears(2),
        Some(Source::Music("default".to_owned())),
        "still held by the caller"
    );
    desk.reinvite(0, caller, "sendrecv");
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetch);
    desk.check_idle();
}

/// The lamp of a phone that rings shows for whom, also when that changes.
#[test]
fn a_transfer_while_ringing_moves_the_call_and_its_record() {
    let mut desk = Desk::new(|_| {});
    let (first, peer) = desk.call(0, 1);
    desk.reinvite(0, first, "sendonly");
    let second = desk.dial(0, "1003");
    desk.ring(2);
    desk.refer_attended(0, first, second);
    assert_eq!(desk.failure(0, second), Some(StatusCode::REQUEST_TERMINATED));
    assert!(matches!(desk.hears(1), Some(Source::Tone(_))));
    let third = desk.answer(2);
    assert!(desk.talk(1, 2));
    assert_eq!(desk.transfer_result(0), Some(StatusCode::OK));
    desk.hang_up(0, first);
    assert_eq!(desk.switch.call_count(), 1);
    desk.hang_up(1, peer);
    assert!(desk.ended(2, third));
    assert_eq!(desk.count(|event| matches!(event, Event::Transferred { .. })), 1);
    desk.check_idle();
}

#[test]
fn a_shutdown_rings_nobody() {
    let mut desk = Desk::new(|_| {});
    // Handles are used again: the phone that will ring gets one older than the party that will wait.
    let (old, _) = desk.call(3, 2);
    let (_, callee) = desk.call(0, 1);
    desk.hang_up(3, old);
    desk.refer(1, callee, "1003");
    desk.hang_up(1, callee);
    assert_eq!((desk.rings(1), desk.rings(2)), (1, 2));
    desk.input(switch::Input::Shutdown);
    assert_eq!(desk.rings(1), 1, "the transferor is not rung");
    desk.check_idle();
}

#[test]
fn both_dial_the_code_at_once_and_one_is_parked() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    for digit in ["*", "6", "8"] {
        desk.digits(0, caller, digit);
        desk.digits(1, callee, digit);
    }
    assert!(matches!(desk.place(1), Place::Parked { .. }));
    assert_eq!(desk.place(0), Place::Leaving);
    assert_eq!(desk.slots(), [701]);
    desk.announced(0);
    assert!(desk.ended(0, caller));
    desk.hang_up(1, callee);
    desk.check_idle();
}

/// Half a code from before does not become a whole one with another party.
#[test]
fn the_digits_of_a_code_belong_to_one_conversation() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.digits(0, caller, "*6");
    desk.refer(1, callee, "700");
    desk.announced(1);
    desk.hang_up(1, callee);
    let fetch = desk.dial(2, "701");
    desk.digits(0, caller, "8");
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetch);
    desk.check_idle();
}

/// Longer than the endpoint would keep a REFER, or an INVITE, by itself.
#[test]
fn a_transfer_waits_as_long_as_the_target_rings() {
    let mut desk = Desk::new(|config| config.ring_timeout = SECOND * 1000);
    let (caller, callee) = desk.call(0, 1);
    desk.refer(0, caller, "1003");
    desk.ring(2);
    desk.wait(SECOND * 890);
    assert_eq!(desk.transfer_result(0), None);
    desk.wait(SECOND * 120);
    assert_eq!(desk.transfer_result(0), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert!(desk.talk(0, 1));
    desk.hang_up(1, callee);
    desk.check_idle();
}

#[test]
fn the_longest_parked_is_fetched_during_its_recall() {
    let mut desk = Desk::new(|_| {});
    let caller = parked(&mut desk);
    desk.wait(SECOND * 46);
    let fetch = desk.dial(2, "*88");
    assert!(desk.talk(0, 2));
    assert!(desk.legs(1).is_empty(), "rings no more");
    desk.hang_up(2, fetch);
    assert!(desk.ended(0, caller));
    desk.check_idle();
}

/// Who was transferred hangs up in the instant in which the target answers.
#[test]
fn the_transferred_party_leaves_while_it_rings() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer(0, caller, "1003");
    desk.hang_up(1, callee);
    assert_eq!(desk.transfer_result(0), Some(StatusCode::REQUEST_TERMINATED));
    assert!(desk.ended(0, caller));
    assert!(desk.legs(2).is_empty());
    desk.check_idle();
}
