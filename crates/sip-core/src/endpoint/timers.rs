//! All timers of a machine in one ordered structure.

use std::collections::BTreeSet;

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

/// Each owner (named by a `K`) has at most one entry, and remembers its time in an [`Alarm`].
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Timers<K: Ord> {
    queue: BTreeSet<(Time, K)>,
}

impl<K: Ord> Default for Timers<K> {
    fn default() -> Self {
        Self { queue: BTreeSet::new() }
    }
}

/// When the owner's entry is due. It may be earlier than the owner's deadline, never later: moving a deadline back costs
/// nothing until the entry is due, and is then found out.
#[derive(Debug, Default, Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Alarm(Option<Time>);

impl<K: Ord + Copy> Timers<K> {
    /// Sees to it that the owner is woken at `deadline`, or soon after `now` if that is past.
    pub(crate) fn arm(&mut self, now: Time, key: K, alarm: &mut Alarm, deadline: Option<Time>) {
        let Some(deadline) = deadline else { return };
        let at = deadline.max(Time::from_nanos(now.as_nanos().saturating_add(1)));
        if alarm.0.is_some_and(|armed| armed <= at) {
            return;
        }
        self.disarm(key, alarm);
        self.queue.insert((at, key));
        alarm.0 = Some(at);
    }

    /// The owner is gone.
    pub(crate) fn disarm(&mut self, key: K, alarm: &mut Alarm) {
        if let Some(armed) = alarm.0.take() {
            self.queue.remove(&(armed, key));
        }
    }

    /// Takes the next entry that is due. The owner must clear its alarm.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        let (at, _) = self.queue.first()?;
        if *at > now {
            return None;
        }
        self.queue.pop_first().map(|(_, key)| key)
    }

    /// The time of the next entry.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }
}

impl Alarm {
    /// The entry was taken out.
    pub(crate) fn fired(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ConnectionId;

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
        timers.disarm(KEY, &mut alarm);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn a_past_deadline_is_due_after_now() {
        let (mut timers, mut alarm) = (Timers::default(), Alarm::default());
        timers.arm(at(10), KEY, &mut alarm, Some(at(3)));
        assert_eq!(timers.pop(at(10)), None);
        assert_eq!(timers.pop(at(11)), Some(KEY));
    }
}
