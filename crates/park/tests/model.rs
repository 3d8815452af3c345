//! A lot against a naive model: a list of slots that is searched from the front each time, and no timers but a look at every slot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::time::Duration;

use machine::{Machine, Time};
use park::*;
use proptest::prelude::*;

const FIRST: u32 = 701;
const SLOTS: usize = 4;
const RECALL_AFTER: u64 = 5;

#[derive(Debug, Clone, Copy)]
enum Step {
    Park(u8, Option<u32>),
    Reserve(u8, Option<u32>),
    Retrieve(u32),
    RetrieveLongest,
    Leave(u8),
    Replace(u8, u8),
    Answered(u32),
    Failed(u32),
    Pass(u64),
    /// Other rules: the slots from the first to the last of these, and so many targets.
    Configure(usize, usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let call = || 0u8..7;
    // One number below the lot and one above it.
    let number = || FIRST - 1..=FIRST + 4;
    prop_oneof![
        4 => (call(), proptest::option::of(number())).prop_map(|(call, slot)| Step::Park(call, slot)),
        1 => (call(), proptest::option::of(number())).prop_map(|(call, slot)| Step::Reserve(call, slot)),
        2 => number().prop_map(Step::Retrieve),
        1 => Just(Step::RetrieveLongest),
        2 => call().prop_map(Step::Leave),
        1 => (call(), call()).prop_map(|(old, new)| Step::Replace(old, new)),
        2 => number().prop_map(Step::Answered),
        3 => number().prop_map(Step::Failed),
        4 => (0u64..4).prop_map(Step::Pass),
        1 => (0..SLOTS, 0..SLOTS, 0usize..3)
            .prop_map(|(one, other, targets)| Step::Configure(one.min(other), one.max(other), targets)),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Waiting(u64),
    Rung(usize),
    Held,
}

#[derive(Debug, Clone, Copy)]
struct Stay {
    call: u8,
    since: u64,
    arrival: usize,
    what: What,
}

/// What the model expects to be told: the event's name, its slot and its call.
type Told = (&'static str, u32, u8);

struct Model {
    choice: Choice,
    targets: usize,
    now: u64,
    arrivals: usize,
    last: usize,
    slots: [Option<Stay>; SLOTS],
    /// The slots that the lot has; a call may still be in another.
    has: std::ops::RangeInclusive<usize>,
    told: Vec<Told>,
}

impl Model {
    fn index(slot: u32) -> Option<usize> {
        (0..SLOTS).find(|index| FIRST as usize + index == slot as usize)
    }

    fn number(index: usize) -> u32 {
        FIRST + u32::try_from(index).unwrap()
    }

    fn place_of(&self, call: u8) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.is_some_and(|stay| stay.call == call))
    }

    /// The first free slot in the order in which the choice looks at them.
    fn choose(&mut self, wanted: Option<u32>) -> Option<usize> {
        let order: Vec<usize> = match (wanted, self.choice) {
            (Some(slot), _) => Self::index(slot).into_iter().collect(),
            (None, Choice::Next) => (1..=SLOTS).map(|step| (self.last + step) % SLOTS).collect(),
            (None, _) => (0..SLOTS).collect(),
        };
        let found = order
            .into_iter()
            .find(|index| self.has.contains(index) && self.slots.get(*index).unwrap().is_none())?;
        if wanted.is_none() {
            self.last = found;
        }
        Some(found)
    }

    fn enter(&mut self, index: usize, call: u8, what: What) {
        self.arrivals += 1;
        let stay = Stay {
            call,
            since: self.now,
            arrival: self.arrivals,
            what,
        };
        *self.slots.get_mut(index).unwrap() = Some(stay);
        let name = if what == What::Held { "reserved" } else { "parked" };
        self.told.push((name, Self::number(index), call));
    }

    fn park(&mut self, call: u8, wanted: Option<u32>, what: What) -> bool {
        if self.place_of(call).is_some() {
            return false;
        }
        let Some(index) = self.choose(wanted) else { return false };
        self.enter(index, call, what);
        true
    }

    fn end(&mut self, index: usize, name: &'static str) {
        let stay = self.slots.get_mut(index).unwrap().take().unwrap();
        self.told.push((name, Self::number(index), stay.call));
    }

    fn what(&self, slot: u32) -> Option<(usize, What)> {
        let index = Self::index(slot)?;
        self.slots.get(index).unwrap().map(|stay| (index, stay.what))
    }

    fn waiting(&self) -> What {
        What::Waiting(if self.targets == 0 {
            u64::MAX
        } else {
            self.now + RECALL_AFTER
        })
    }

    fn longest(&self) -> Option<u32> {
        let stays = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| slot.map(|stay| (stay, index)));
        let calls = stays.filter(|(stay, _)| stay.what != What::Held);
        calls
            .min_by_key(|(stay, _)| stay.arrival)
            .map(|(_, index)| Self::number(index))
    }

    fn retrieve(&mut self, slot: u32) -> bool {
        match self.what(slot) {
            Some((index, what)) if what != What::Held => {
                self.end(index, "retrieved");
                true
            }
            _ => false,
        }
    }

    fn step(&mut self, step: Step) -> bool {
        match step {
            Step::Park(call, wanted) => self.park(call, wanted, self.waiting()),
            Step::Reserve(call, wanted) => self.park(call, wanted, What::Held),
            Step::Retrieve(slot) => self.retrieve(slot),
            Step::RetrieveLongest => self.longest().is_some_and(|slot| self.retrieve(slot)),
            Step::Leave(call) => self.place_of(call).is_some_and(|index| {
                let held = self.slots.get(index).unwrap().unwrap().what == What::Held;
                self.end(index, if held { "released" } else { "abandoned" });
                true
            }),
            Step::Replace(old, new) => match (self.place_of(old), self.place_of(new)) {
                (Some(index), None) => {
                    if self.slots.get(index).unwrap().unwrap().what != What::Held {
                        self.end(index, "replaced");
                    }
                    self.enter(index, new, self.waiting());
                    true
                }
                _ => false,
            },
            Step::Answered(slot) => match self.what(slot) {
                Some((index, What::Rung(_))) => {
                    self.end(index, "recalled");
                    true
                }
                _ => false,
            },
            Step::Failed(slot) => match self.what(slot) {
                Some((index, What::Rung(target))) => {
                    let more = target + 1 < self.targets;
                    let what = if more { What::Rung(target + 1) } else { self.waiting() };
                    let stay = self.slots.get_mut(index).unwrap().as_mut().unwrap();
                    stay.what = what;
                    self.told.push((if more { "recall" } else { "again" }, slot, stay.call));
                    true
                }
                _ => false,
            },
            Step::Configure(first, last, targets) => {
                (self.has, self.targets) = (first..=last, targets);
                true
            }
            Step::Pass(seconds) => {
                self.now += seconds;
                self.ring_who_is_due();
                true
            }
        }
    }

    fn ring_who_is_due(&mut self) {
        loop {
            let due = self.slots.iter().enumerate().filter_map(|(index, slot)| match slot {
                Some(Stay {
                    what: What::Waiting(at),
                    arrival,
                    ..
                }) if *at <= self.now => Some((*at, *arrival, index)),
                _ => None,
            });
            let Some((_, _, index)) = due.min() else { return };
            let stay = self.slots.get_mut(index).unwrap().as_mut().unwrap();
            stay.what = What::Rung(0);
            self.told.push(("recall", Self::number(index), stay.call));
        }
    }
}

fn apply(lot: &mut Lot<u8>, now: Time, step: Step) -> bool {
    let wanted = |slot: Option<u32>| slot.map_or(Wanted::Any, |slot| Wanted::Slot(SlotNumber(slot)));
    match step {
        Step::Park(call, slot) => lot.park(now, call, wanted(slot)).is_ok(),
        Step::Reserve(call, slot) => lot.reserve(now, call, wanted(slot)).is_ok(),
        Step::Retrieve(slot) => lot.retrieve(now, SlotNumber(slot)).is_ok(),
        Step::RetrieveLongest => lot.retrieve_longest(now).is_ok(),
        Step::Leave(call) => lot.leave(now, &call).is_ok(),
        Step::Replace(old, new) => lot.replace(now, &old, new).is_ok(),
        Step::Answered(slot) => lot.recall_answered(now, SlotNumber(slot)).is_ok(),
        Step::Failed(slot) => lot.recall_failed(now, SlotNumber(slot)).is_ok(),
        Step::Configure(first, last, targets) => {
            let mut config = lot.config().clone();
            config.slots = Model::number(first)..=Model::number(last);
            config.recall_targets = targets;
            lot.configure(now, config).is_ok()
        }
        Step::Pass(_) => {
            lot.handle_timeout(now);
            true
        }
    }
}

fn told(event: &Event<u8>) -> Told {
    match event {
        Event::Parked { slot, call, .. } => ("parked", slot.0, *call),
        Event::RecallDue { slot, call, .. } => ("recall", slot.0, *call),
        Event::ParkedAgain { slot, call } => ("again", slot.0, *call),
        Event::Retrieved { slot, call, .. } => ("retrieved", slot.0, *call),
        Event::Recalled { slot, call, .. } => ("recalled", slot.0, *call),
        Event::Abandoned { slot, call, .. } => ("abandoned", slot.0, *call),
        Event::Replaced { slot, call, .. } => ("replaced", slot.0, *call),
        Event::Reserved { slot, call } => ("reserved", slot.0, *call),
        Event::Released { slot, call } => ("released", slot.0, *call),
        other => unreachable!("an event the model does not know: {other:?}"),
    }
}

/// Counts what began and ended, from the events alone.
#[derive(Default)]
struct Ledger {
    open: BTreeMap<u32, u8>,
    begun: u64,
    ended: u64,
}

impl Ledger {
    fn enter(&mut self, (name, slot, call): Told) {
        match name {
            "parked" => {
                assert_eq!(self.open.insert(slot, call), None, "two calls in slot {slot}");
                self.begun += 1;
            }
            "retrieved" | "recalled" | "abandoned" | "replaced" => {
                assert_eq!(self.open.remove(&slot), Some(call), "a stay ended that was not there");
                self.ended += 1;
            }
            "recall" | "again" => assert_eq!(self.open.get(&slot), Some(&call)),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_lot_does_what_the_model_does(
        choice in prop_oneof![Just(Choice::First), Just(Choice::Next)],
        targets in 0usize..3,
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut config = LotConfig::new(FIRST..=FIRST + 3);
        config.choice = choice;
        config.recall_after = Duration::from_secs(RECALL_AFTER);
        config.recall_targets = targets;
        let mut lot: Lot<u8> = Lot::new(config, [0; 32]).unwrap();
        let mut model =
            Model { choice, targets, now: 0, arrivals: 0, last: SLOTS - 1, slots: [None; SLOTS], has: 0..=SLOTS - 1, told: Vec::new() };
        let mut ledger = Ledger::default();
        for step in steps {
            let expected = model.step(step);
            let now = Time::from_secs(model.now);
            prop_assert_eq!(apply(&mut lot, now, step), expected, "{:?}", step);
            let events: Vec<Told> = std::iter::from_fn(|| lot.poll_output()).map(|event| told(&event)).collect();
            prop_assert_eq!(&events, &std::mem::take(&mut model.told), "{:?}", step);
            events.into_iter().for_each(|event| ledger.enter(event));
            let there: Vec<(u32, u8)> = lot.slots().map(|(slot, parked)| (slot.0, parked.call)).collect();
            let expected: Vec<(u32, u8)> = model.slots.iter().enumerate()
                .filter_map(|(index, slot)| slot.map(|stay| (Model::number(index), stay.call))).collect();
            prop_assert_eq!(there, expected);
            for (slot, parked) in lot.slots() {
                let stay = model.slots.get(Model::index(slot.0).unwrap()).unwrap().unwrap();
                prop_assert_eq!(parked.since, Time::from_secs(stay.since));
                prop_assert_eq!(lot.find(&parked.call), Some(slot));
            }
            if let Step::Pass(_) = step {
                prop_assert!(lot.poll_timeout().is_none_or(|at| at > now), "due but not done");
            }
        }
        let totals = *lot.totals();
        prop_assert_eq!(totals.parked, ledger.begun);
        prop_assert_eq!(totals.retrieved + totals.recalled + totals.abandoned + totals.replaced, ledger.ended);
        prop_assert_eq!(ledger.begun - ledger.ended, u64::try_from(ledger.open.len()).unwrap());
    }

    #[test]
    fn random_choice_gives_only_free_slots_and_refuses_only_when_full(
        seed in any::<[u8; 32]>(),
        steps in proptest::collection::vec((0u8..7, any::<bool>()), 1..80),
    ) {
        let mut config = LotConfig::new(FIRST..=FIRST + 3);
        config.choice = Choice::Random;
        let mut lot: Lot<u8> = Lot::new(config, seed).unwrap();
        let mut taken = BTreeMap::new();
        for (call, leaves) in steps {
            if leaves {
                prop_assert_eq!(lot.leave(Time::ZERO, &call).ok(), taken.remove(&call));
            } else {
                match lot.park(Time::ZERO, call, Wanted::Any) {
                    Ok(slot) => {
                        prop_assert!(!taken.values().any(|other| *other == slot));
                        prop_assert_eq!(taken.insert(call, slot), None);
                    }
                    Err(ParkError::Full) => prop_assert_eq!(taken.len(), SLOTS),
                    Err(error) => {
                        prop_assert_eq!(error, ParkError::AlreadyParked);
                        prop_assert!(taken.contains_key(&call));
                    }
                }
            }
        }
    }
}
