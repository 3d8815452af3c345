//! What is counted.

use core::time::Duration;

use hdrhistogram::Histogram;
use machine::Time;

/// What became of contacts. Each is counted where it arrived, whenever it ended. Times are in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Contacts that came.
    pub offered: u64,
    /// Of them: an agent had them.
    pub answered: u64,
    /// They hung up before.
    pub abandoned: u64,
    /// They were not let in: busy.
    pub refused: u64,
    /// They went elsewhere.
    pub overflowed: u64,
    /// They were not kept.
    pub dismissed: u64,
    /// They were to be called back, and not reached or called themselves.
    pub not_reached: u64,
    /// They were still there when the run was over.
    pub left: u64,
    /// Of those answered: within the threshold.
    pub in_time: u64,
    /// Of those who hung up: within the threshold.
    pub early: u64,
    /// Of all: they had to wait.
    pub delayed: u64,
    /// Of all: somebody who had not been served before.
    pub again: u64,
    /// Of all: they chose to be called back.
    pub called_back: u64,
    /// The waits of those answered, together.
    pub wait_answered: f64,
    /// The waits of all, together.
    pub wait: f64,
    /// Talks, together.
    pub talk: f64,
    /// Wrap-up, together.
    pub wrap_up: f64,
    /// How long was counted.
    pub time: f64,
}

impl Totals {
    /// Contacts with an outcome. Equal to `offered` in every run.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.answered + self.abandoned + self.refused + self.overflowed + self.dismissed + self.not_reached + self.left
    }

    /// Adds others, of the same time.
    pub(crate) fn add(&mut self, other: &Self) {
        let counts = [
            (&mut self.offered, other.offered),
            (&mut self.answered, other.answered),
            (&mut self.abandoned, other.abandoned),
            (&mut self.refused, other.refused),
            (&mut self.overflowed, other.overflowed),
            (&mut self.dismissed, other.dismissed),
            (&mut self.not_reached, other.not_reached),
            (&mut self.left, other.left),
            (&mut self.in_time, other.in_time),
            (&mut self.early, other.early),
            (&mut self.delayed, other.delayed),
            (&mut self.again, other.again),
            (&mut self.called_back, other.called_back),
        ];
        counts.into_iter().for_each(|(sum, more)| *sum += more);
        self.wait_answered += other.wait_answered;
        self.wait += other.wait;
        self.talk += other.talk;
        self.wrap_up += other.wrap_up;
    }
}

/// What agents did. Times are in seconds, added up over the agents.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Staffing {
    /// Signed on, not paused, with a phone that can be reached.
    pub staffed: f64,
    /// Of that, with contacts or in wrap-up; also while an agent finishes one after his shift.
    pub occupied: f64,
}

impl Staffing {
    pub(crate) fn add(&mut self, other: &Self) {
        self.staffed += other.staffed;
        self.occupied += other.occupied;
    }
}

/// A part of a run that is an observation of its own: a batch, or all of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) types: Vec<Totals>,
    pub(crate) groups: Vec<Staffing>,
}

/// An interval of a run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) contacts: Totals,
    pub(crate) agents: Staffing,
}

/// Waits of answered contacts, in milliseconds to three digits.
pub(crate) type Waits = Histogram<u32>;

/// How many of a group do what now, and since when that has not been counted.
#[derive(Clone, Copy, Debug, Default)]
struct Headcount {
    staffed: u32,
    occupied: u32,
    since: Time,
    sum: Staffing,
}

#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) samples: Vec<Sample>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) waits: Vec<Waits>,
    heads: Vec<Headcount>,
    begin: Time,
    batch: Duration,
    pub(crate) slot: Option<Duration>,
    /// Where what happens now is counted, and until when.
    pub(crate) place: Place,
    pub(crate) next: Time,
    end: Time,
}

/// Where a contact is counted: in that batch (none during the warm-up) and that interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) batch: u32,
    pub(crate) slot: u32,
}

impl Tally {
    /// For that many types and groups, from `begin` to `end`.
    pub(crate) fn new(
        types: usize,
        groups: usize,
        begin: Time,
        end: Time,
        batches: u32,
        slot: Option<Duration>,
    ) -> Self {
        let batch = (end - begin) / batches.max(1);
        let sample = Sample {
            types: vec![
                Totals {
                    time: batch.as_secs_f64(),
                    ..Totals::default()
                };
                types
            ],
            groups: vec![Staffing::default(); groups],
        };
        let slots = slot.map_or(0, |slot| (end - Time::ZERO).as_nanos().div_ceil(slot.as_nanos().max(1)));
        let waits = Waits::new(3).ok();
        Self {
            samples: vec![sample; usize::try_from(batches).unwrap_or(1)],
            slots: vec![Slot::default(); usize::try_from(slots).unwrap_or(0)],
            waits: waits.map(|waits| vec![waits; types]).unwrap_or_default(),
            heads: vec![Headcount::default(); groups],
            begin,
            batch,
            slot,
            place: Place {
                batch: u32::MAX,
                slot: u32::MAX,
            },
            next: Time::ZERO,
            end,
        }
    }

    /// A batch or an interval may have ended: what happened before `now` is put where it belongs.
    pub(crate) fn boundary(&mut self, now: Time) {
        for at in 0..self.heads.len() {
            self.count_heads(at, now);
        }
        let (batch, slot) = (usize::try_from(self.place.batch), usize::try_from(self.place.slot));
        let (mut sample, mut slot) = (
            batch.ok().and_then(|at| self.samples.get_mut(at)),
            slot.ok().and_then(|at| self.slots.get_mut(at)),
        );
        for (group, head) in self.heads.iter_mut().enumerate() {
            let sum = core::mem::take(&mut head.sum);
            if let Some(sum_up) = sample.as_mut().and_then(|sample| sample.groups.get_mut(group)) {
                sum_up.add(&sum);
            }
            if let Some(slot) = slot.as_mut() {
                slot.agents.add(&sum);
            }
        }
        let part = |begin: Time, length: Duration| -> (u32, Time) {
            if now >= self.end {
                return (u32::MAX, Time::MAX);
            }
            if now < begin {
                return (u32::MAX, begin);
            }
            let number = (now - begin).as_nanos() / length.as_nanos().max(1);
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            (
                number,
                (begin + length.saturating_mul(number.saturating_add(1))).min(self.end),
            )
        };
        let (batch, batch_end) = part(self.begin, self.batch);
        let (slot, slot_end) = self
            .slot
            .map_or((u32::MAX, Time::MAX), |length| part(Time::ZERO, length));
        // Rounding may leave a sliver after the last batch.
        let batch = if now >= self.begin && now < self.end {
            batch.min(self.last_batch())
        } else {
            batch
        };
        self.place = Place { batch, slot };
        self.next = batch_end.min(slot_end);
    }

    fn last_batch(&self) -> u32 {
        u32::try_from(self.samples.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Counts for contacts of a type that arrived at `place`.
    #[inline]
    pub(crate) fn contact(&mut self, place: Place, of: u16, mut note: impl FnMut(&mut Totals)) {
        let sample = usize::try_from(place.batch)
            .ok()
            .and_then(|at| self.samples.get_mut(at));
        if let Some(totals) = sample.and_then(|sample| sample.types.get_mut(usize::from(of))) {
            note(totals);
        }
        if let Some(slot) = usize::try_from(place.slot).ok().and_then(|at| self.slots.get_mut(at)) {
            note(&mut slot.contacts);
        }
    }

    /// Notes a wait that ended with an answer.
    #[inline]
    pub(crate) fn wait(&mut self, place: Place, of: u16, wait: Duration) {
        if place.batch == u32::MAX {
            return;
        }
        if let Some(waits) = self.waits.get_mut(usize::from(of)) {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            // It grows as far as that.
            let _ = waits.record(millis.min(LONGEST_MILLIS));
        }
    }

    /// An agent of a group does something else: how the numbers of those who are staffed and occupied change.
    #[inline]
    pub(crate) fn heads(&mut self, group: u16, now: Time, staffed: (bool, bool), occupied: (bool, bool)) {
        if staffed.0 == staffed.1 && occupied.0 == occupied.1 {
            return;
        }
        let group = usize::from(group);
        self.count_heads(group, now);
        if let Some(head) = self.heads.get_mut(group) {
            let change = |count: &mut u32, (before, after): (bool, bool)| {
                *count = (*count + u32::from(after)).saturating_sub(u32::from(before));
            };
            change(&mut head.staffed, staffed);
            change(&mut head.occupied, occupied);
        }
    }

    fn count_heads(&mut self, group: usize, now: Time) {
        if let Some(head) = self.heads.get_mut(group) {
            let time = (now - head.since).as_secs_f64();
            head.sum.staffed += f64::from(head.staffed) * time;
            head.sum.occupied += f64::from(head.occupied) * time;
            head.since = now;
        }
    }
}

/// A year.
const LONGEST_MILLIS: u64 = 365 * 86_400_000;
