//! A switch that was written out in the middle of its calls and read back goes on with them; two that are told the same say the same.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use machine::Machine;
use sip_core::StatusCode;
use support::*;
use switch::{Place, Switch};

/// A bit of everything: hold, a slot that was reserved and given up, a recall, a code, a refused and a completed transfer.
fn story(desk: &mut Desk, mut between: impl FnMut(&mut Desk)) {
    let (caller, callee) = desk.call(0, 1);
    between(desk);
    desk.reinvite(1, callee, "sendonly");
    let consultation = desk.dial(1, "700");
    between(desk);
    desk.hang_up(1, consultation);
    desk.refer(1, callee, "4711");
    desk.reinvite(1, callee, "sendrecv");
    desk.digits(1, callee, "*6");
    between(desk);
    desk.digits(1, callee, "8");
    between(desk);
    desk.announced(1);
    assert!(matches!(desk.place(0), Place::Parked { .. }));
    between(desk);
    desk.wait(SECOND * 46);
    assert_eq!(desk.rings(1), 2, "recalled");
    between(desk);
    let recalled = desk.answer(1);
    assert!(desk.talk(0, 1));
    desk.refer(1, recalled, "1004");
    between(desk);
    desk.ring(3);
    let last = desk.answer(3);
    assert_eq!(desk.transfer_result(1), Some(StatusCode::OK));
    between(desk);
    desk.wait(SECOND * 3);
    assert!(desk.talk(0, 3));
    desk.hang_up(3, last);
    assert!(desk.ended(0, caller));
    between(desk);
    desk.check_idle();
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let mut desk = Desk::new(|_| {});
    story(&mut desk, |_| {});
    assert!(desk.said.len() > 60, "{}", desk.said.len());
    let mut twin = Switch::new(config(), [7; 32]).unwrap();
    let mut said = Vec::new();
    for (at, done) in &desk.journal {
        match done {
            Done::Input(input) => twin.handle(*at, input.clone()),
            Done::Timeout => twin.handle_timeout(*at),
        }
        said.extend(core::iter::from_fn(|| twin.poll_output()).map(|output| format!("{output:?}")));
    }
    assert_eq!(said, desk.said);
    assert_eq!(twin.poll_timeout(), desk.switch.poll_timeout());
}

#[cfg(feature = "serde")]
mod written {
    use super::*;

    fn copy(switch: &Switch) -> Switch {
        let text = serde_json::to_string(switch).unwrap();
        let copy: Switch = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&copy).unwrap(), text, "nothing is lost");
        copy
    }

    #[test]
    fn a_switch_goes_on_where_it_was_written() {
        let mut desk = Desk::new(|_| {});
        story(&mut desk, |desk| desk.switch = copy(&desk.switch));
    }

    /// Also what it had still to say.
    #[test]
    fn outputs_that_were_not_fetched_are_kept() {
        let mut desk = Desk::new(|_| {});
        let (caller, _) = desk.call(0, 1);
        desk.switch.handle(desk.now, switch::Input::Shutdown);
        desk.switch = copy(&desk.switch);
        desk.pump();
        assert!(desk.ended(0, caller));
        desk.check_idle();
    }

    #[test]
    fn watchers_are_told_by_the_copy() {
        let mut desk = Desk::new(|_| {});
        desk.watch(3, "1002");
        desk.switch = copy(&desk.switch);
        let (caller, _) = desk.call(0, 1);
        assert!(desk.lamp(3).contains("confirmed"));
        desk.hang_up(0, caller);
        assert!(desk.lamp(3).contains("terminated"));
        desk.check_idle();
    }
}
