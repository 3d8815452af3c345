use std::ops::RangeInclusive;
use std::time::Duration;

use thiserror::Error;

/// The number of a slot: what a user dials to fetch the call that is parked there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct SlotNumber(pub u32);

impl std::fmt::Display for SlotNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How a lot chooses a slot for a call that did not ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Choice {
    /// The free slot with the lowest number.
    #[default]
    First,
    /// The free slot that follows the last one chosen, round robin, so that a number just fetched is not given
    /// out again at once. Slots that were asked for do not move the pointer.
    Next,
    /// Any free slot, each as likely as the others.
    Random,
}

/// Which slot a call is to be parked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Wanted {
    /// Whichever the lot's [`Choice`] gives.
    Any,
    /// This one or none.
    Slot(SlotNumber),
}

/// The rules of one lot.
///
/// ```
/// use park::{Choice, LotConfig};
/// use std::time::Duration;
///
/// let mut config = LotConfig::new(701..=720);
/// config.choice = Choice::Next;
/// config.recall_after = Duration::from_secs(60);
/// config.recall_targets = 2; // first the parker, then the operator
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LotConfig {
    /// The slots' numbers; 1 to [`LotConfig::MAX_SLOTS`] of them.
    pub slots: RangeInclusive<u32>,
    /// Which free slot is given out.
    pub choice: Choice,
    /// How long a call waits before it is recalled; default 45 s, at least a nanosecond.
    pub recall_after: Duration,
    /// How long the embedder is to let each recall target ring, told in [`Event::RecallDue`](crate::Event::RecallDue);
    /// default 30 s. The lot does not watch it: the embedder's call control does.
    pub recall_ring: Duration,
    /// How many targets are tried, one after the other, before the call is parked again; default 1.
    /// With 0 a call is never recalled.
    pub recall_targets: usize,
}

impl LotConfig {
    /// The most slots that one lot can have.
    pub const MAX_SLOTS: usize = 1000;
    /// The most targets that one recall can try.
    pub const MAX_RECALL_TARGETS: usize = 16;

    /// A lot with these slots and every other rule at its default.
    #[must_use]
    pub fn new(slots: RangeInclusive<u32>) -> Self {
        Self {
            slots,
            choice: Choice::First,
            recall_after: Duration::from_secs(45),
            recall_ring: Duration::from_secs(30),
            recall_targets: 1,
        }
    }

    /// Whether a lot can be made of these rules.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.slots.is_empty() {
            return Err(ConfigError::NoSlots);
        }
        let span = self.slots.end() - self.slots.start();
        if usize::try_from(span).map_or(true, |span| span >= Self::MAX_SLOTS) {
            return Err(ConfigError::TooManySlots);
        }
        if self.recall_targets > Self::MAX_RECALL_TARGETS {
            return Err(ConfigError::TooManyRecallTargets);
        }
        if self.recall_after.is_zero() {
            return Err(ConfigError::NoRecallTime);
        }
        Ok(())
    }
}

/// Why a lot cannot be made of a [`LotConfig`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The range of slots is empty.
    #[error("a lot needs at least one slot")]
    NoSlots,
    /// There are more slots than [`LotConfig::MAX_SLOTS`].
    #[error("a lot has at most {} slots", LotConfig::MAX_SLOTS)]
    TooManySlots,
    /// There are more targets than [`LotConfig::MAX_RECALL_TARGETS`].
    #[error("a recall has at most {} targets", LotConfig::MAX_RECALL_TARGETS)]
    TooManyRecallTargets,
    /// [`LotConfig::recall_after`] is zero.
    #[error("the time before a recall must be longer than nothing")]
    NoRecallTime,
}
