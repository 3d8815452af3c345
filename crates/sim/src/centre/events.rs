//! What will happen, in the order of its time.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use machine::Time;

use super::shift::Move;

/// What happens to callers and agents. What was overtaken by other events is known by its serial number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// The next contact of a type.
    Arrive(u16),
    /// Somebody who was not served tries once more.
    Again(u16),
    /// A contact loses its patience.
    GiveUp(u64),
    /// A caller is asked whether he would rather be called back.
    Ask(u64),
    /// An agent answers the offer of that serial number.
    Answer(u32, u32),
    /// He refuses it.
    Reject(u32, u32),
    /// A talk is over.
    TalkEnd(u64),
    /// A customer was called back, or not reached.
    CalledBack(u64),
    /// The wrap-up of that serial number is done.
    WrapUpEnd(u32, u32),
    /// An agent begins, pauses or ends his shift.
    Work(u32, Move),
    /// An agent who was paused for letting it ring is back.
    Back(u32),
    /// A batch or an interval is over.
    Boundary,
}

/// Events to come. Those of the same instant come in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events {
    heap: BinaryHeap<Entry>,
    added: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    at: Time,
    number: u64,
    event: Event,
}

impl Ord for Entry {
    /// The greatest is the next.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Events {
    pub(crate) fn add(&mut self, at: Time, event: Event) {
        self.added += 1;
        self.heap.push(Entry {
            at,
            number: self.added,
            event,
        });
    }

    pub(crate) fn next_time(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(crate) fn pop(&mut self) -> Option<(Time, Event)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn events_come_by_time_and_then_in_the_order_of_adding(times in prop::collection::vec(0..20_u64, 0..200)) {
            let mut events = Events::default();
            for (number, at) in (0..).zip(&times) {
                events.add(Time::from_secs(*at), Event::Answer(number, 0));
            }
            let mut expected: Vec<(u64, u32)> = times.iter().copied().zip(0..).collect();
            expected.sort_unstable();
            for (at, number) in expected {
                prop_assert_eq!(events.next_time(), Some(Time::from_secs(at)));
                prop_assert_eq!(events.pop(), Some((Time::from_secs(at), Event::Answer(number, 0))));
            }
            prop_assert_eq!((events.next_time(), events.pop()), (None, None));
        }
    }
}
