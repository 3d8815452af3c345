use std::collections::{BTreeMap, BTreeSet, VecDeque};

use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use crate::{
    Choice, ConfigError, Event, LeaveError, LotConfig, ParkError, Parked, RecallError, ReplaceError, RetrieveError,
    SlotNumber, SlotState, Totals, Wanted,
};

/// One parking lot: slots with numbers, each with at most one call of type `C` and what the parker left with it, `D`.
///
/// See the [crate's page](crate) for what it does and an example.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        try_from = "crate::saved::Saved<C, D>",
        into = "crate::saved::Saved<C, D>",
        bound(
            serialize = "C: Clone + Ord + serde::Serialize, D: Clone + serde::Serialize",
            deserialize = "C: Clone + Ord + serde::Deserialize<'de>, D: Clone + serde::Deserialize<'de>"
        )
    )
)]
pub struct Lot<C, D = ()> {
    pub(crate) config: LotConfig,
    pub(crate) rng: ChaCha12Rng,
    /// The latest time seen.
    pub(crate) now: Time,
    /// The number that [`Choice::Next`] gave out last.
    pub(crate) last: Option<u32>,
    pub(crate) next_serial: u64,
    pub(crate) totals: Totals,
    pub(crate) outputs: VecDeque<Event<C, D>>,
    /// The taken slots. The four below are indexes of it.
    pub(crate) taken: BTreeMap<u32, Parked<C, D>>,
    free: BTreeSet<u32>,
    calls: BTreeMap<C, u32>,
    /// Calls (not reservations) in the order of arrival.
    arrivals: BTreeMap<u64, u32>,
    timers: BTreeSet<(Time, u64, u32)>,
}

impl<C: Clone + Ord, D: Clone> Lot<C, D> {
    /// An empty lot. The seed decides what [`Choice::Random`] gives out.
    ///
    /// # Errors
    /// Where the rules make no lot; see [`LotConfig::check`].
    pub fn new(config: LotConfig, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            free: config.slots.clone().collect(),
            config,
            rng: ChaCha12Rng::from_seed(seed),
            now: Time::ZERO,
            last: None,
            next_serial: 0,
            totals: Totals::default(),
            outputs: VecDeque::new(),
            taken: BTreeMap::new(),
            calls: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            timers: BTreeSet::new(),
        })
    }

    /// Parks a call with empty details; see [`park_with`](Self::park_with).
    ///
    /// # Errors
    /// As [`park_with`](Self::park_with).
    pub fn park(&mut self, now: Time, call: C, wanted: Wanted) -> Result<SlotNumber, ParkError>
    where
        D: Default,
    {
        self.park_with(now, call, wanted, D::default())
    }

    /// Parks a call and what the parker left with it (who he is, a note); tells `Parked`.
    ///
    /// # Errors
    /// Where the call or the slot cannot be had; nothing has changed then.
    pub fn park_with(&mut self, now: Time, call: C, wanted: Wanted, details: D) -> Result<SlotNumber, ParkError> {
        self.advance(now);
        let number = self.take_slot(&call, wanted)?;
        self.settle(number, call, details);
        Ok(SlotNumber(number))
    }

    /// Holds a slot for somebody who consults (attended transfer), until [`replace`](Self::replace) puts the caller
    /// there or [`leave`](Self::leave) gives it up. A reserved slot is taken, but is neither recalled nor retrieved.
    ///
    /// # Errors
    /// As [`park_with`](Self::park_with).
    pub fn reserve(&mut self, now: Time, call: C, wanted: Wanted) -> Result<SlotNumber, ParkError>
    where
        D: Default,
    {
        self.advance(now);
        let number = self.take_slot(&call, wanted)?;
        let serial = self.serial();
        self.calls.insert(call.clone(), number);
        let slot = SlotNumber(number);
        self.outputs.push_back(Event::Reserved {
            slot,
            call: call.clone(),
        });
        let (since, state) = (self.now, SlotState::Reserved);
        self.taken.insert(
            number,
            Parked {
                call,
                details: D::default(),
                since,
                state,
                serial,
            },
        );
        Ok(slot)
    }

    /// Fetches the call in a slot; tells `Retrieved`. Of two who try, the first gets it.
    ///
    /// # Errors
    /// Where there is no call in it.
    pub fn retrieve(&mut self, now: Time, slot: SlotNumber) -> Result<C, RetrieveError> {
        self.advance(now);
        match self.get(slot) {
            None if self.config.slots.contains(&slot.0) => return Err(RetrieveError::Empty),
            None => return Err(RetrieveError::UnknownSlot),
            Some(parked) if parked.state == SlotState::Reserved => return Err(RetrieveError::Reserved),
            Some(_) => {}
        }
        let parked = self.vacate(slot.0).ok_or(RetrieveError::Empty)?;
        let (waited, recalling) = (self.now - parked.since, parked.recalling());
        self.totals.retrieved += 1;
        let Parked { call, details, .. } = parked;
        self.outputs.push_back(Event::Retrieved {
            slot,
            call: call.clone(),
            details,
            waited,
            recalling,
        });
        Ok(call)
    }

    /// Fetches the call that has been parked the longest; tells `Retrieved`.
    ///
    /// # Errors
    /// [`RetrieveError::Empty`] where nobody is parked.
    pub fn retrieve_longest(&mut self, now: Time) -> Result<(SlotNumber, C), RetrieveError> {
        let slot = self.longest().ok_or(RetrieveError::Empty)?;
        self.retrieve(now, slot).map(|call| (slot, call))
    }

    /// The slot of the call that has been parked the longest; reservations are not counted.
    #[must_use]
    pub fn longest(&self) -> Option<SlotNumber> {
        self.arrivals.values().next().map(|number| SlotNumber(*number))
    }

    /// The call is gone: its caller hung up, or a consultation ended. Tells `Abandoned`, or `Released` of a reservation.
    ///
    /// # Errors
    /// Where the call is not in this lot, say because it was retrieved in the same instant.
    pub fn leave(&mut self, now: Time, call: &C) -> Result<SlotNumber, LeaveError> {
        let number = *self.calls.get(call).ok_or(LeaveError::NotParked)?;
        self.advance(now);
        let parked = self.vacate(number).ok_or(LeaveError::NotParked)?;
        let (waited, recalling) = (self.now - parked.since, parked.recalling());
        let slot = SlotNumber(number);
        let Parked {
            call, details, state, ..
        } = parked;
        self.outputs.push_back(if state == SlotState::Reserved {
            Event::Released { slot, call }
        } else {
            self.totals.abandoned += 1;
            Event::Abandoned {
                slot,
                call,
                details,
                waited,
                recalling,
            }
        });
        Ok(slot)
    }

    /// Puts `new` in the place of `old` with empty details; see [`replace_with`](Self::replace_with).
    ///
    /// # Errors
    /// As [`replace_with`](Self::replace_with).
    pub fn replace(&mut self, now: Time, old: &C, new: C) -> Result<SlotNumber, ReplaceError>
    where
        D: Default,
    {
        self.replace_with(now, old, new, D::default())
    }

    /// Attended transfer: the consultation `old`, reserved or parked, gives its slot to the caller `new`, whose time begins
    /// now. Tells `Replaced` if `old` was parked (a recall of it is over), then `Parked` for `new`.
    ///
    /// # Errors
    /// Where `old` is not in this lot, or `new` is.
    pub fn replace_with(&mut self, now: Time, old: &C, new: C, details: D) -> Result<SlotNumber, ReplaceError> {
        let number = *self.calls.get(old).ok_or(ReplaceError::NotParked)?;
        if self.calls.contains_key(&new) {
            return Err(ReplaceError::AlreadyParked);
        }
        self.advance(now);
        let parked = self.vacate(number).ok_or(ReplaceError::NotParked)?;
        let slot = SlotNumber(number);
        if parked.state != SlotState::Reserved {
            let (waited, recalling) = (self.now - parked.since, parked.recalling());
            self.totals.replaced += 1;
            self.outputs.push_back(Event::Replaced {
                slot,
                call: parked.call,
                waited,
                recalling,
            });
        }
        self.free.remove(&number);
        self.settle(number, new, details);
        Ok(slot)
    }

    /// The recall target that rings for this slot answered: the call is its; tells `Recalled`.
    ///
    /// # Errors
    /// Where no recall is under way, say because the call was retrieved in the same instant.
    pub fn recall_answered(&mut self, now: Time, slot: SlotNumber) -> Result<C, RecallError> {
        let target = self.recalling(slot)?;
        self.advance(now);
        let parked = self.vacate(slot.0).ok_or(RecallError::NotRecalling)?;
        let waited = self.now - parked.since;
        self.totals.recalled += 1;
        let Parked { call, details, .. } = parked;
        self.outputs.push_back(Event::Recalled {
            slot,
            call: call.clone(),
            details,
            waited,
            target,
        });
        Ok(call)
    }

    /// The recall target that rings for this slot was busy, did not answer, or could not be rung. Tells `RecallDue` for the next
    /// target; after the last one `ParkedAgain`, with the timer started anew.
    ///
    /// # Errors
    /// Where no recall is under way.
    pub fn recall_failed(&mut self, now: Time, slot: SlotNumber) -> Result<(), RecallError> {
        let target = self.recalling(slot)?;
        self.advance(now);
        let next = target + 1;
        if next < self.config.recall_targets {
            self.recall(slot.0, next);
            return Ok(());
        }
        let recall_at = self.recall_at();
        let parked = self.taken.get_mut(&slot.0).ok_or(RecallError::NotRecalling)?;
        parked.state = SlotState::Waiting { recall_at };
        self.timers.extend(recall_at.map(|at| (at, parked.serial, slot.0)));
        self.totals.parked_again += 1;
        self.outputs.push_back(Event::ParkedAgain {
            slot,
            call: parked.call.clone(),
        });
        Ok(())
    }

    /// The taken slots in the order of their numbers.
    pub fn slots(&self) -> impl Iterator<Item = (SlotNumber, &Parked<C, D>)> {
        self.taken.iter().map(|(number, parked)| (SlotNumber(*number), parked))
    }

    /// What is in a slot; `None` if it is free or there is no such slot.
    #[must_use]
    pub fn get(&self, slot: SlotNumber) -> Option<&Parked<C, D>> {
        self.taken.get(&slot.0)
    }

    /// What the parker left with the call in a slot, to be read and changed while it waits (a note added later).
    pub fn details_mut(&mut self, slot: SlotNumber) -> Option<&mut D> {
        self.taken.get_mut(&slot.0).map(|parked| &mut parked.details)
    }

    /// Where a call is.
    #[must_use]
    pub fn find(&self, call: &C) -> Option<SlotNumber> {
        self.calls.get(call).map(|number| SlotNumber(*number))
    }

    /// Gives the lot other rules while it is in use. No call is touched: one in a slot that the lot has no more stays there until it
    /// is fetched, recalled or gone, as it would have, and only then the slot is no more. The time and target of a recall that was
    /// begun or set stay as they were; other rules count from the next call on.
    ///
    /// ```
    /// use machine::Time;
    /// use park::{Lot, LotConfig, SlotNumber, Wanted};
    ///
    /// let mut lot: Lot<&str> = Lot::new(LotConfig::new(701..=702), [0; 32])?;
    /// let now = Time::from_secs(1_800_000_000);
    /// lot.park(now, "caller", Wanted::Slot(SlotNumber(702)))?;
    /// lot.configure(now, LotConfig::new(711..=711))?;
    /// assert_eq!(lot.free(), 1);
    /// assert_eq!(lot.retrieve(now, SlotNumber(702)), Ok("caller"));
    /// assert_eq!(lot.free(), 1, "702 is no more");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Where the rules make no lot; the old ones stay.
    pub fn configure(&mut self, now: Time, config: LotConfig) -> Result<(), ConfigError> {
        config.check()?;
        self.advance(now);
        self.free = config
            .slots
            .clone()
            .filter(|slot| !self.taken.contains_key(slot))
            .collect();
        self.config = config;
        Ok(())
    }

    /// The rules of the lot.
    #[must_use]
    pub fn config(&self) -> &LotConfig {
        &self.config
    }

    /// How many slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// What has happened since the lot was made.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    fn recall_at(&self) -> Option<Time> {
        (self.config.recall_targets > 0).then(|| self.now + self.config.recall_after)
    }

    fn recalling(&self, slot: SlotNumber) -> Result<usize, RecallError> {
        match self.get(slot) {
            Some(parked) => parked.recalling().ok_or(RecallError::NotRecalling),
            None if self.config.slots.contains(&slot.0) => Err(RecallError::NotRecalling),
            None => Err(RecallError::UnknownSlot),
        }
    }

    /// Takes the slot for `call` out of the free ones.
    fn take_slot(&mut self, call: &C, wanted: Wanted) -> Result<u32, ParkError> {
        if self.calls.contains_key(call) {
            return Err(ParkError::AlreadyParked);
        }
        let number = match wanted {
            Wanted::Slot(slot) if !self.config.slots.contains(&slot.0) => return Err(ParkError::UnknownSlot),
            Wanted::Slot(slot) if self.free.contains(&slot.0) => slot.0,
            Wanted::Slot(_) => return Err(ParkError::Taken),
            Wanted::Any => self.choose().ok_or(ParkError::Full)?,
        };
        self.free.remove(&number);
        Ok(number)
    }

    fn choose(&mut self) -> Option<u32> {
        let first = *self.free.first()?;
        match self.config.choice {
            Choice::First => Some(first),
            Choice::Next => {
                let after = self.last.and_then(|last| last.checked_add(1)).unwrap_or(0);
                let number = self.free.range(after..).next().copied().unwrap_or(first);
                self.last = Some(number);
                Some(number)
            }
            Choice::Random => {
                let count = u32::try_from(self.free.len()).ok()?;
                // Draws from the incomplete last stretch of the range are thrown away: each slot is then as likely as the others.
                let limit = u32::MAX - u32::MAX % count;
                let draw = loop {
                    let draw = self.rng.next_u32();
                    if draw < limit {
                        break draw % count;
                    }
                };
                self.free.iter().nth(usize::try_from(draw).ok()?).copied()
            }
        }
    }

    /// Puts a call into a slot that has been taken for it.
    fn settle(&mut self, number: u32, call: C, details: D) {
        let serial = self.serial();
        let recall_at = self.recall_at();
        self.calls.insert(call.clone(), number);
        self.arrivals.insert(serial, number);
        self.timers.extend(recall_at.map(|at| (at, serial, number)));
        self.totals.parked += 1;
        let slot = SlotNumber(number);
        self.outputs.push_back(Event::Parked {
            slot,
            call: call.clone(),
            details: details.clone(),
        });
        let (since, state) = (self.now, SlotState::Waiting { recall_at });
        self.taken.insert(
            number,
            Parked {
                call,
                details,
                since,
                state,
                serial,
            },
        );
    }

    /// Puts back what was in a slot when the lot was written.
    #[cfg(feature = "serde")]
    pub(crate) fn restore(&mut self, number: u32, parked: Parked<C, D>) -> Result<(), crate::saved::SavedError> {
        use crate::saved::SavedError;
        // One outside of the rules was parked before they were changed.
        let known = self.free.remove(&number) || !self.config.slots.contains(&number);
        if !known || self.taken.contains_key(&number) {
            return Err(SavedError::Slot);
        }
        if self.calls.insert(parked.call.clone(), number).is_some() {
            return Err(SavedError::Call);
        }
        if parked.serial > self.next_serial {
            return Err(SavedError::Serial);
        }
        if parked.state != SlotState::Reserved && self.arrivals.insert(parked.serial, number).is_some() {
            return Err(SavedError::Serial);
        }
        if let SlotState::Waiting { recall_at: Some(at) } = parked.state {
            self.timers.insert((at, parked.serial, number));
        }
        self.taken.insert(number, parked);
        Ok(())
    }

    /// Frees a slot and all that points at it.
    fn vacate(&mut self, number: u32) -> Option<Parked<C, D>> {
        let parked = self.taken.remove(&number)?;
        if self.config.slots.contains(&number) {
            self.free.insert(number);
        }
        self.calls.remove(&parked.call);
        self.arrivals.remove(&parked.serial);
        if let SlotState::Waiting { recall_at: Some(at) } = parked.state {
            self.timers.remove(&(at, parked.serial, number));
        }
        Some(parked)
    }

    fn recall(&mut self, number: u32, target: usize) {
        let Some(parked) = self.taken.get_mut(&number) else {
            return;
        };
        parked.state = SlotState::Recalling { target };
        self.totals.recalls += 1;
        let (slot, call, ring) = (SlotNumber(number), parked.call.clone(), self.config.recall_ring);
        self.outputs.push_back(Event::RecallDue {
            slot,
            call,
            target,
            ring,
        });
    }
}

impl<C, D> Parked<C, D> {
    fn recalling(&self) -> Option<usize> {
        match self.state {
            SlotState::Recalling { target } => Some(target),
            SlotState::Waiting { .. } | SlotState::Reserved => None,
        }
    }
}

impl<C: Clone + Ord, D: Clone> Machine for Lot<C, D> {
    type Output = Event<C, D>;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        while let Some(&(at, serial, number)) = self.timers.first() {
            if at > self.now {
                break;
            }
            self.timers.remove(&(at, serial, number));
            self.recall(number, 0);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(at, ..)| *at)
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.outputs.pop_front()
    }
}
