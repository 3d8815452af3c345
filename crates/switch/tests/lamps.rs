//! What watchers are told of extensions, slots and lots (RFC 4235).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use sip_core::StatusCode;
use support::*;
use switch::MAX_DIALOGS;

#[test]
fn a_lamp_follows_a_phone_from_ring_to_end() {
    let mut desk = Desk::new(|_| {});
    desk.watch(3, "1002");
    assert!(desk.lamp(3).contains("<state>terminated</state>"), "{}", desk.lamp(3));
    let caller = desk.dial(0, "1002");
    assert!(desk.lamp(3).contains("<state>early</state>"), "{}", desk.lamp(3));
    assert!(desk.lamp(3).contains("sip:1001@pbx.test"));
    desk.answer(1);
    assert!(desk.lamp(3).contains("<state>confirmed</state>"), "{}", desk.lamp(3));
    desk.hang_up(0, caller);
    assert!(desk.lamp(3).contains("<state>terminated</state>"), "{}", desk.lamp(3));
    assert_eq!(desk.lamps(3), 4, "each change once");
    desk.check_idle();
}

#[test]
fn a_phone_that_rings_shows_for_whom_also_when_that_changes() {
    let mut desk = Desk::new(|_| {});
    desk.watch(3, "1003");
    let (first, peer) = desk.call(0, 1);
    let second = desk.dial(0, "1003");
    desk.ring(2);
    assert!(desk.lamp(3).contains("sip:1001@pbx.test"), "{}", desk.lamp(3));
    desk.refer_attended(0, first, second);
    assert!(desk.lamp(3).contains("sip:1002@pbx.test"), "{}", desk.lamp(3));
    assert!(!desk.lamp(3).contains("sip:1001@pbx.test"), "{}", desk.lamp(3));
    desk.hang_up(1, peer);
    assert!(desk.lamp(3).contains("terminated"));
    desk.check_idle();
}

#[test]
fn a_slot_and_its_lot_are_lit_while_somebody_waits_there() {
    for number in ["700", "701"] {
        let mut desk = Desk::new(|_| {});
        desk.watch(3, number);
        let (_, callee) = desk.call(0, 1);
        assert_eq!(desk.lamps(3), 1);
        desk.refer(1, callee, "700");
        assert!(
            desk.lamp(3).contains("<state>confirmed</state>"),
            "{number}: {}",
            desk.lamp(3)
        );
        assert!(desk.lamp(3).contains("sip:1001@pbx.test"), "who waits");
        desk.announced(1);
        desk.hang_up(1, callee);
        desk.wait(SECOND * 46);
        assert!(
            desk.lamp(3).contains("<state>confirmed</state>"),
            "also during the recall"
        );
        let fetch = desk.dial(2, "701");
        assert!(
            desk.lamp(3).contains("<state>terminated</state>"),
            "{number}: {}",
            desk.lamp(3)
        );
        desk.hang_up(2, fetch);
        desk.check_idle();
    }
}

#[test]
fn only_what_can_be_lit_can_be_watched() {
    let mut desk = Desk::new(|_| {});
    for number in ["4711", "*88"] {
        let refused = desk.watch(3, number);
        assert_eq!(refused, Some(StatusCode::NOT_FOUND), "{number}");
    }
    assert_eq!(desk.lamps(3), 0);
    desk.check_idle();
}

/// The whole of a big lot would fit into no datagram.
#[test]
fn a_notify_tells_of_so_many_calls_and_no_more() {
    let mut desk = Desk::new(|config| config.lots[0].slots = 701..=800);
    desk.watch(3, "700");
    let mut waiting = Vec::new();
    for count in 1..=MAX_DIALOGS + 1 {
        let caller = desk.dial(0, "1002");
        waiting.push(caller);
        let callee = desk.answer(1);
        desk.reinvite(1, callee, "sendonly");
        desk.refer(1, callee, "700");
        desk.hang_up(1, callee);
        let shown = desk.lamp(3).matches("<state>confirmed</state>").count();
        assert_eq!(shown, count.min(MAX_DIALOGS));
    }
    assert!(desk.lamp(3).len() < 32 * 1024, "{}", desk.lamp(3).len());
    for caller in waiting {
        desk.hang_up(0, caller);
    }
    assert!(desk.lamp(3).contains("<state>terminated</state>"));
    desk.check_idle();
}
