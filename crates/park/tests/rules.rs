//! The rules one by one: each slot state against each input, limits, and things that happen in the same instant.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use machine::{Machine, Time};
use park::*;

const T0: Time = Time::from_secs(1_000);
const S701: SlotNumber = SlotNumber(701);
const S702: SlotNumber = SlotNumber(702);

fn lot(slots: std::ops::RangeInclusive<u32>, change: impl FnOnce(&mut LotConfig)) -> Lot<u32> {
    let mut config = LotConfig::new(slots);
    change(&mut config);
    Lot::new(config, [1; 32]).unwrap()
}

fn drain(lot: &mut Lot<u32>) -> Vec<Event<u32>> {
    std::iter::from_fn(|| lot.poll_output()).collect()
}

fn after(seconds: u64) -> Time {
    T0 + Duration::from_secs(seconds)
}

/// A lot with call 1 in 701, brought into each of the states that a slot can be in.
fn in_state(name: &str) -> Lot<u32> {
    let mut lot = lot(701..=702, |_| {});
    match name {
        "free" => {}
        "waiting" => drop(lot.park(T0, 1, Wanted::Slot(S701)).unwrap()),
        "recalling" => {
            lot.park(T0, 1, Wanted::Slot(S701)).unwrap();
            lot.handle_timeout(after(45));
        }
        "reserved" => drop(lot.reserve(T0, 1, Wanted::Slot(S701)).unwrap()),
        other => panic!("no state {other}"),
    }
    drain(&mut lot);
    lot
}

#[test]
fn every_state_against_every_input() {
    // state, retrieve, leave, recall_answered, recall_failed, park another there, replace
    let yes = "ok";
    let table = [
        (
            "free",
            ["Empty", "NotParked", "NotRecalling", "NotRecalling", yes, "NotParked"],
        ),
        ("waiting", [yes, yes, "NotRecalling", "NotRecalling", "Taken", yes]),
        ("recalling", [yes, yes, yes, yes, "Taken", yes]),
        (
            "reserved",
            ["Reserved", yes, "NotRecalling", "NotRecalling", "Taken", yes],
        ),
    ];
    fn said<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
        result.map_or_else(|error| format!("{error:?}"), |_| "ok".to_owned())
    }
    let now = after(46);
    let inputs: [fn(&mut Lot<u32>, Time) -> String; 6] = [
        |lot, now| said(lot.retrieve(now, S701)),
        |lot, now| said(lot.leave(now, &1)),
        |lot, now| said(lot.recall_answered(now, S701)),
        |lot, now| said(lot.recall_failed(now, S701)),
        |lot, now| said(lot.park(now, 2, Wanted::Slot(S701))),
        |lot, now| said(lot.replace(now, &1, 2)),
    ];
    for (state, expected) in table {
        for (input, expected) in inputs.iter().zip(expected) {
            let mut lot = in_state(state);
            let before = format!("{:?}", lot.get(S701));
            assert_eq!(input(&mut lot, now), expected, "in state {state}");
            if expected != "ok" {
                assert_eq!(drain(&mut lot), [], "an input refused in state {state} told something");
                assert_eq!(
                    format!("{:?}", lot.get(S701)),
                    before,
                    "an input refused in state {state} changed something"
                );
            }
        }
    }
}

#[test]
fn unknown_slots_are_told_from_empty_ones() {
    let mut lot = lot(701..=702, |_| {});
    for number in [0, 700, 703, u32::MAX] {
        let slot = SlotNumber(number);
        assert_eq!(lot.park(T0, 1, Wanted::Slot(slot)), Err(ParkError::UnknownSlot));
        assert_eq!(lot.retrieve(T0, slot), Err(RetrieveError::UnknownSlot));
        assert_eq!(lot.recall_answered(T0, slot), Err(RecallError::UnknownSlot));
        assert_eq!(lot.recall_failed(T0, slot), Err(RecallError::UnknownSlot));
    }
    assert_eq!(lot.retrieve_longest(T0), Err(RetrieveError::Empty));
}

#[test]
fn first_choice_fills_the_gaps_and_next_goes_round() {
    let fill = |choice| {
        let mut lot = lot(701..=703, |config| config.choice = choice);
        (1..=4)
            .map(|call| {
                let slot = lot.park(T0, call, Wanted::Any).unwrap();
                lot.retrieve(T0, slot).unwrap();
                slot.0
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(fill(Choice::First), [701, 701, 701, 701]);
    assert_eq!(fill(Choice::Next), [701, 702, 703, 701]);
}

#[test]
fn next_choice_skips_the_taken_and_does_not_count_what_was_asked_for() {
    let mut lot = lot(701..=704, |config| config.choice = Choice::Next);
    assert_eq!(lot.park(T0, 1, Wanted::Slot(S702)).unwrap(), S702);
    assert_eq!(lot.park(T0, 2, Wanted::Any).unwrap(), S701);
    assert_eq!(lot.park(T0, 3, Wanted::Any).unwrap(), SlotNumber(703));
    assert_eq!(lot.park(T0, 4, Wanted::Any).unwrap(), SlotNumber(704));
    lot.retrieve(T0, SlotNumber(703)).unwrap();
    assert_eq!(lot.park(T0, 5, Wanted::Any).unwrap(), SlotNumber(703));
}

#[test]
fn random_choice_reaches_every_slot_and_repeats_with_its_seed() {
    let draw = |seed: [u8; 32]| {
        let mut config = LotConfig::new(701..=710);
        config.choice = Choice::Random;
        let mut lot: Lot<u32> = Lot::new(config, seed).unwrap();
        (0..10)
            .map(|call| lot.park(T0, call, Wanted::Any).unwrap().0)
            .collect::<Vec<_>>()
    };
    let mut drawn = draw([3; 32]);
    assert_eq!(drawn, draw([3; 32]));
    assert_ne!(drawn, draw([4; 32]));
    drawn.sort_unstable();
    assert_eq!(drawn, (701..=710).collect::<Vec<_>>());
}

#[test]
fn a_full_lot_refuses_and_takes_again_when_one_has_gone() {
    let mut lot = lot(701..=702, |_| {});
    lot.park(T0, 1, Wanted::Any).unwrap();
    lot.park(T0, 2, Wanted::Any).unwrap();
    drain(&mut lot);
    assert_eq!(lot.park(T0, 3, Wanted::Any), Err(ParkError::Full));
    assert_eq!(lot.reserve(T0, 3, Wanted::Any), Err(ParkError::Full));
    assert_eq!(lot.park(T0, 1, Wanted::Any), Err(ParkError::AlreadyParked));
    assert_eq!(drain(&mut lot), []);
    lot.leave(T0, &1).unwrap();
    assert_eq!(lot.park(T0, 3, Wanted::Any), Ok(S701));
}

#[test]
fn targets_are_rung_one_after_the_other_then_the_call_waits_again() {
    let mut lot = lot(701..=701, |config| config.recall_targets = 2);
    let ring = Duration::from_secs(30);
    lot.park(T0, 1, Wanted::Any).unwrap();
    drain(&mut lot);
    let mut due = after(45);
    for _round in 0..3 {
        assert_eq!(lot.poll_timeout(), Some(due));
        lot.handle_timeout(due);
        assert_eq!(lot.poll_timeout(), None);
        assert_eq!(
            drain(&mut lot),
            [Event::RecallDue {
                slot: S701,
                call: 1,
                target: 0,
                ring
            }]
        );
        lot.recall_failed(due, S701).unwrap();
        assert_eq!(
            drain(&mut lot),
            [Event::RecallDue {
                slot: S701,
                call: 1,
                target: 1,
                ring
            }]
        );
        due += Duration::from_secs(30);
        lot.recall_failed(due, S701).unwrap();
        assert_eq!(drain(&mut lot), [Event::ParkedAgain { slot: S701, call: 1 }]);
        due += Duration::from_secs(45);
    }
    lot.handle_timeout(due);
    assert_eq!(lot.recall_answered(due, S701), Ok(1));
    let waited = due - T0;
    let recalled = Event::Recalled {
        slot: S701,
        call: 1,
        details: (),
        waited,
        target: 0,
    };
    assert_eq!(drain(&mut lot).last(), Some(&recalled));
    assert_eq!(
        (lot.totals().recalls, lot.totals().parked_again, lot.totals().recalled),
        (7, 3, 1)
    );
}

#[test]
fn without_targets_nobody_is_recalled() {
    let mut lot = lot(701..=701, |config| config.recall_targets = 0);
    lot.park(T0, 1, Wanted::Any).unwrap();
    assert_eq!(lot.poll_timeout(), None);
}

#[test]
fn what_happens_in_one_instant_has_one_outcome() {
    let due = after(45);
    // A time-out and a retrieval, in both orders.
    let mut early = in_state("waiting");
    assert_eq!(early.retrieve(due, S701), Ok(1));
    early.handle_timeout(due);
    assert_eq!(drain(&mut early).len(), 1);
    let mut late = in_state("waiting");
    late.handle_timeout(due);
    assert_eq!(late.retrieve(due, S701), Ok(1));
    assert_eq!(late.recall_answered(due, S701), Err(RecallError::NotRecalling));
    assert_eq!(late.leave(due, &1), Err(LeaveError::NotParked));
    let events = drain(&mut late);
    assert!(matches!(
        events.as_slice(),
        [
            Event::RecallDue { .. },
            Event::Retrieved {
                call: 1,
                recalling: Some(0),
                ..
            }
        ]
    ));
    assert_eq!(late.free(), 2);
}

#[test]
fn a_recall_of_the_last_occupant_does_not_reach_the_next_one() {
    let mut lot = in_state("recalling");
    lot.leave(after(45), &1).unwrap();
    lot.park(after(45), 2, Wanted::Slot(S701)).unwrap();
    assert_eq!(lot.recall_answered(after(45), S701), Err(RecallError::NotRecalling));
    assert_eq!(lot.recall_failed(after(45), S701), Err(RecallError::NotRecalling));
    assert_eq!(lot.poll_timeout(), Some(after(90)));
}

#[test]
fn a_reservation_is_silent_until_the_caller_takes_its_place() {
    let mut lot = in_state("reserved");
    assert_eq!(lot.poll_timeout(), None);
    assert_eq!(lot.retrieve_longest(T0), Err(RetrieveError::Empty));
    assert_eq!(lot.replace(after(7), &1, 2), Ok(S701));
    assert_eq!(
        drain(&mut lot),
        [Event::Parked {
            slot: S701,
            call: 2,
            details: ()
        }]
    );
    assert_eq!(lot.poll_timeout(), Some(after(52)));
    assert_eq!((lot.find(&1), lot.find(&2)), (None, Some(S701)));
    let mut lot = in_state("reserved");
    lot.leave(after(7), &1).unwrap();
    assert_eq!(drain(&mut lot), [Event::Released { slot: S701, call: 1 }]);
    assert_eq!(lot.totals(), &Totals::default());
}

#[test]
fn a_parked_consultation_is_replaced_and_its_recall_silenced() {
    let mut lot = in_state("recalling");
    assert_eq!(lot.replace(after(50), &1, 1), Err(ReplaceError::AlreadyParked));
    assert_eq!(lot.replace(after(50), &9, 2), Err(ReplaceError::NotParked));
    lot.replace(after(50), &1, 2).unwrap();
    let waited = Duration::from_secs(50);
    let expected = [
        Event::Replaced {
            slot: S701,
            call: 1,
            waited,
            recalling: Some(0),
        },
        Event::Parked {
            slot: S701,
            call: 2,
            details: (),
        },
    ];
    assert_eq!(drain(&mut lot), expected);
    assert_eq!(lot.poll_timeout(), Some(after(95)));
}

#[test]
fn the_longest_parked_keeps_its_place_when_parked_again() {
    let mut lot = lot(701..=702, |_| {});
    lot.park(T0, 1, Wanted::Slot(S702)).unwrap();
    lot.park(T0, 2, Wanted::Slot(S701)).unwrap();
    lot.handle_timeout(after(45));
    lot.recall_failed(after(45), S702).unwrap();
    assert_eq!(lot.retrieve_longest(after(46)), Ok((S702, 1)));
    assert_eq!(lot.retrieve_longest(after(46)), Ok((S701, 2)));
}

#[test]
fn details_travel_with_the_call() {
    let mut lot: Lot<u32, String> = Lot::new(LotConfig::new(701..=701), [0; 32]).unwrap();
    lot.park_with(T0, 1, Wanted::Any, "wants an offer".to_owned()).unwrap();
    lot.details_mut(S701).unwrap().push_str(", in German");
    lot.retrieve(T0, S701).unwrap();
    let last = std::iter::from_fn(|| lot.poll_output()).last().unwrap();
    assert!(matches!(last, Event::Retrieved { details, .. } if details == "wants an offer, in German"));
}

#[test]
fn limits_hold_at_the_limit_and_one_past() {
    let most = u32::try_from(LotConfig::MAX_SLOTS).unwrap();
    assert_eq!(LotConfig::new(1..=most).check(), Ok(()));
    assert_eq!(LotConfig::new(0..=most).check(), Err(ConfigError::TooManySlots));
    assert_eq!(LotConfig::new(0..=u32::MAX).check(), Err(ConfigError::TooManySlots));
    assert_eq!(LotConfig::new(u32::MAX..=u32::MAX).check(), Ok(()));
    #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is tested")]
    let none = LotConfig::new(702..=701);
    assert_eq!(none.check(), Err(ConfigError::NoSlots));
    let mut config = LotConfig::new(1..=1);
    config.recall_targets = LotConfig::MAX_RECALL_TARGETS;
    assert_eq!(config.check(), Ok(()));
    config.recall_targets += 1;
    assert_eq!(config.check(), Err(ConfigError::TooManyRecallTargets));
    config.recall_targets = 1;
    config.recall_after = Duration::ZERO;
    assert_eq!(config.check(), Err(ConfigError::NoRecallTime));
    assert!(Lot::<u32>::new(config, [0; 32]).is_err());
}

#[test]
fn the_highest_number_wraps_and_the_end_of_time_is_reached() {
    let mut lot = lot(u32::MAX - 1..=u32::MAX, |config| {
        config.choice = Choice::Next;
        config.recall_after = Duration::MAX;
    });
    for expected in [u32::MAX - 1, u32::MAX, u32::MAX - 1] {
        let slot = lot.park(Time::MAX, expected, Wanted::Any).unwrap();
        assert_eq!(slot.0, expected);
        lot.handle_timeout(Time::MAX);
        assert_eq!(lot.poll_timeout(), None);
        lot.leave(Time::MAX, &expected).unwrap();
    }
}

#[test]
fn time_that_goes_backwards_is_clamped() {
    let mut lot = lot(701..=702, |_| {});
    lot.park(after(10), 1, Wanted::Any).unwrap();
    lot.park(after(3), 2, Wanted::Any).unwrap();
    assert_eq!(lot.get(S702).unwrap().since, after(10));
    lot.handle_timeout(T0);
    lot.retrieve(T0, S701).unwrap();
    let last = drain(&mut lot).pop();
    assert!(matches!(
        last,
        Some(Event::Retrieved {
            waited: Duration::ZERO,
            ..
        })
    ));
}

#[test]
fn rules_that_make_no_lot_change_nothing() {
    let mut lot = in_state("waiting");
    let mut config = lot.config().clone();
    config.recall_after = Duration::ZERO;
    assert_eq!(lot.configure(after(1), config), Err(ConfigError::NoRecallTime));
    assert_eq!((lot.config().recall_after, lot.free()), (Duration::from_secs(45), 1));
}

/// The recall goes on in a slot that is no more, also through another round, and the slot is gone with its call.
#[test]
fn a_call_in_a_slot_that_was_taken_away_is_recalled_and_leaves_as_ever() {
    let mut lot = in_state("waiting");
    lot.configure(after(1), LotConfig::new(801..=801)).unwrap();
    assert_eq!(lot.park(after(1), 2, Wanted::Slot(S701)), Err(ParkError::UnknownSlot));
    lot.handle_timeout(after(45));
    lot.recall_failed(after(60), S701).unwrap();
    lot.handle_timeout(after(105));
    assert_eq!(lot.recall_answered(after(106), S701), Ok(1));
    assert_eq!(
        (lot.free(), lot.recall_failed(after(107), S701)),
        (1, Err(RecallError::UnknownSlot))
    );
}
