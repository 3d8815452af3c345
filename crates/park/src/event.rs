use std::time::Duration;

use crate::SlotNumber;

/// What happened in a lot, in the order in which it happened.
///
/// Each stay in a slot begins with exactly one `Parked` and ends with exactly one of `Retrieved`, `Recalled`, `Abandoned`
/// and `Replaced` (which begins the next stay in the same slot).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event<C, D = ()> {
    /// A call was parked.
    Parked {
        /// Where.
        slot: SlotNumber,
        /// Which.
        call: C,
        /// What the parker left with it.
        details: D,
    },
    /// A call has waited long enough: ring the target, then say
    /// [`recall_answered`](crate::Lot::recall_answered) or [`recall_failed`](crate::Lot::recall_failed).
    /// The call stays in its slot meanwhile and can still be retrieved.
    RecallDue {
        /// Where it is parked.
        slot: SlotNumber,
        /// Which.
        call: C,
        /// Which of the recall targets to ring: 0, then 1, and so on below `recall_targets`.
        target: usize,
        /// How long to let it ring.
        ring: Duration,
    },
    /// No recall target answered: the call waits on in the same slot and its timer has started anew.
    ParkedAgain {
        /// Where.
        slot: SlotNumber,
        /// Which.
        call: C,
    },
    /// Somebody fetched the call; the slot is free.
    Retrieved {
        /// Where it was.
        slot: SlotNumber,
        /// Which.
        call: C,
        /// What the parker had left with it.
        details: D,
        /// How long it was parked.
        waited: Duration,
        /// The recall target that was being rung, if any: stop ringing it.
        recalling: Option<usize>,
    },
    /// A recall target answered; the slot is free.
    Recalled {
        /// Where it was.
        slot: SlotNumber,
        /// Which.
        call: C,
        /// What the parker had left with it.
        details: D,
        /// How long it was parked.
        waited: Duration,
        /// Which of the recall targets answered.
        target: usize,
    },
    /// The caller hung up or was taken away; the slot is free.
    Abandoned {
        /// Where it was.
        slot: SlotNumber,
        /// Which.
        call: C,
        /// What the parker had left with it.
        details: D,
        /// How long it was parked.
        waited: Duration,
        /// The recall target that was being rung, if any: stop ringing it.
        recalling: Option<usize>,
    },
    /// Another call took the place of a parked one (attended transfer); `Parked` for the new one follows at once.
    Replaced {
        /// Where.
        slot: SlotNumber,
        /// The call that was there.
        call: C,
        /// How long it was parked.
        waited: Duration,
        /// The recall target that was being rung, if any: stop ringing it.
        recalling: Option<usize>,
    },
    /// Somebody who consults holds a slot for a call that may follow.
    Reserved {
        /// Where.
        slot: SlotNumber,
        /// The consultation.
        call: C,
    },
    /// A reservation ended without a call; the slot is free.
    Released {
        /// Where.
        slot: SlotNumber,
        /// The consultation.
        call: C,
    },
}
