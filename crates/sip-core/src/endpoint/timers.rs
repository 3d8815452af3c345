//! All timers of a machine in one heap.

use machine::Time;

use super::id::{ClientKey, ServerKey};
use super::{PublicationId, ReferId, RequestId, SessionId, SubscriptionId};

/// What a timer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum TimerKey {
    Client(ClientKey),
    Server(ServerKey),
    Session(SessionId),
    Request(RequestId),
    Subscription(SubscriptionId),
    Refer(ReferId),
    Publication(PublicationId),
    Guard,
}

/// Each owner (named by a `K`) has at most one entry, and remembers it in an [`Alarm`].
///
/// A heap whose entries know their owners' alarms, so that one can be taken out of its middle. What is due at the same
/// time comes in the order of the keys.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Timers<K: Ord> {
    /// Each entry is not above the four at `4 * i + 1` to `4 * i + 4`.
    heap: Vec<Entry<K>>,
    /// By an alarm's number: where its entry is in the heap.
    places: Vec<u32>,
    /// Numbers of alarms that are not in use.
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Entry<K> {
    at: Time,
    key: K,
    alarm: u32,
}

impl<K: Ord> Entry<K> {
    #[inline]
    fn is_before(&self, other: &Self) -> bool {
        self.at < other.at || (self.at == other.at && self.key < other.key)
    }
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Self {
        Self {
            heap: Vec::new(),
            places: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// When the owner's entry is due. It may be earlier than the owner's deadline, never later: moving a deadline back costs
/// nothing until the entry is due, and is then found out.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Alarm {
    at: Time,
    number: u32,
}

/// The number of an alarm that is not armed.
const UNARMED: u32 = u32::MAX;

impl Default for Alarm {
    fn default() -> Self {
        Self {
            at: Time::ZERO,
            number: UNARMED,
        }
    }
}

impl<K: Ord + Copy> Timers<K> {
    /// Sees to it that the owner is woken at `deadline`, or soon after `now` if that is past.
    pub(crate) fn arm(&mut self, now: Time, key: K, alarm: &mut Alarm, deadline: Option<Time>) {
        let Some(deadline) = deadline else { return };
        let at = deadline.max(Time::from_nanos(now.as_nanos().saturating_add(1)));
        if alarm.number != UNARMED && alarm.at <= at {
            return;
        }
        let number = alarm.number;
        if let Some(place) = self.place_of(number) {
            alarm.at = at;
            return self.rise(place, Entry { at, key, alarm: number });
        }
        let Some(number) = self.take_number() else { return };
        *alarm = Alarm { at, number };
        let place = self.heap.len();
        let entry = Entry { at, key, alarm: number };
        self.heap.push(entry);
        self.rise(place, entry);
    }

    /// The owner is gone.
    pub(crate) fn disarm(&mut self, alarm: &mut Alarm) {
        let number = core::mem::replace(&mut alarm.number, UNARMED);
        if let Some(place) = self.place_of(number) {
            self.remove(place);
        }
    }

    /// Takes the next entry that is due. The owner must clear its alarm.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        let first = self.heap.first().filter(|first| first.at <= now)?;
        let key = first.key;
        self.remove(0);
        Some(key)
    }

    /// The time of the next entry.
    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.first().map(|entry| entry.at)
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    fn place_of(&self, alarm: u32) -> Option<usize> {
        let place = *self.places.get(alarm as usize)? as usize;
        self.heap.get(place).filter(|entry| entry.alarm == alarm).map(|_| place)
    }

    fn take_number(&mut self) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            return Some(number);
        }
        let number = u32::try_from(self.places.len()).ok()?;
        self.places.push(0);
        Some(number)
    }

    fn remove(&mut self, place: usize) {
        if place >= self.heap.len() {
            return;
        }
        let removed = self.heap.swap_remove(place);
        self.free.push(removed.alarm);
        let Some(&moved) = self.heap.get(place) else { return };
        if moved.is_before(&removed) {
            self.rise(place, moved);
        } else {
            self.sink(place, moved);
        }
    }

    /// Finds the place of `entry`, at `place` or nearer to the first.
    fn rise(&mut self, mut place: usize, entry: Entry<K>) {
        while let Some(above) = place.checked_sub(1).map(|before| before / 4)
            && let Some(&other) = self.heap.get(above)
            && entry.is_before(&other)
        {
            self.put(place, other);
            place = above;
        }
        self.put(place, entry);
    }

    /// Finds the place of `entry`, at `place` or further from the first.
    fn sink(&mut self, mut place: usize, entry: Entry<K>) {
        loop {
            let first = 4 * place + 1;
            let mut least = (place, &entry);
            for (at, other) in self.heap.iter().enumerate().skip(first).take(4) {
                if other.is_before(least.1) {
                    least = (at, other);
                }
            }
            let (at, &other) = least;
            if at == place {
                break;
            }
            self.put(place, other);
            place = at;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry<K>) {
        if let (Some(slot), Ok(place), Some(noted)) = (
            self.heap.get_mut(place),
            u32::try_from(place),
            self.places.get_mut(entry.alarm as usize),
        ) {
            *slot = entry;
            *noted = place;
        }
    }
}

impl Alarm {
    /// The entry was taken out.
    pub(crate) fn fired(&mut self) {
        self.number = UNARMED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ConnectionId;
    use proptest::prelude::*;

    const KEY: ConnectionId = ConnectionId(1);

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_later_deadline_leaves_the_entry_and_an_earlier_one_moves_it() {
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        timers.arm(at(1), KEY, &mut alarm, Some(at(10)));
        timers.arm(at(1), KEY, &mut alarm, Some(at(20)));
        assert_eq!((timers.next(), timers.len()), (Some(at(10)), 1));
        timers.arm(at(1), KEY, &mut alarm, Some(at(5)));
        assert_eq!((timers.next(), timers.len()), (Some(at(5)), 1));
        timers.arm(at(1), KEY, &mut alarm, None);
        assert_eq!(timers.len(), 1);
        timers.disarm(&mut alarm);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_past_deadline_is_due_after_now() {
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        timers.arm(at(10), KEY, &mut alarm, Some(at(3)));
        assert_eq!(timers.pop(at(10)), None);
        assert_eq!(timers.pop(at(11)), Some(KEY));
    }

    proptest! {
        /// Against a set that is searched.
        #[test]
        fn as_an_ordered_set_does(steps in prop::collection::vec((0..3_u8, 0..12_usize, 0..20_u64), 0..120)) {
            let mut timers = Timers::default();
            let mut alarms = [Alarm::default(); 12];
            let mut model: Vec<(Time, ConnectionId)> = Vec::new();
            let mut now = at(0);
            for (step, owner, seconds) in steps {
                let (key, alarm) = (ConnectionId(owner as u64), &mut alarms[owner]);
                let armed = model.iter().position(|(_, owner)| *owner == key);
                match step {
                    0 => {
                        let deadline = at(seconds).max(Time::from_nanos(now.as_nanos() + 1));
                        timers.arm(now, key, alarm, Some(at(seconds)));
                        match armed {
                            Some(place) => model[place].0 = model[place].0.min(deadline),
                            None => model.push((deadline, key)),
                        }
                    }
                    1 => {
                        timers.disarm(alarm);
                        armed.map(|place| model.remove(place));
                    }
                    _ => {
                        now = now.max(at(seconds));
                        model.sort();
                        while let Some(key) = timers.pop(now) {
                            alarms[usize::try_from(key.0).unwrap()].fired();
                            prop_assert_eq!(model.remove(0).1, key);
                        }
                        prop_assert!(model.iter().all(|(at, _)| *at > now));
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.next(), model.iter().map(|(at, _)| *at).min());
            }
        }
    }
}
