//! The state of a lot as it is written and read back: without the indexes, which are made anew.

use std::collections::VecDeque;

use machine::Time;
use rand_chacha::ChaCha12Rng;
use thiserror::Error;

use crate::{Event, Lot, LotConfig, Parked, Totals};

#[derive(serde::Serialize, serde::Deserialize)]
pub(crate) struct Saved<C, D> {
    config: LotConfig,
    rng: ChaCha12Rng,
    now: Time,
    last: Option<u32>,
    next_serial: u64,
    totals: Totals,
    outputs: VecDeque<Event<C, D>>,
    taken: Vec<(u32, Parked<C, D>)>,
}

/// Why a written state is not that of a lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SavedError {
    #[error("the rules make no lot: {0}")]
    Config(#[from] crate::ConfigError),
    #[error("a call is in a slot that another call has")]
    Slot,
    #[error("a call is in two slots")]
    Call,
    #[error("two calls have the same place in the order of arrival")]
    Serial,
}

impl<C, D> From<Lot<C, D>> for Saved<C, D> {
    fn from(lot: Lot<C, D>) -> Self {
        Self {
            config: lot.config,
            rng: lot.rng,
            now: lot.now,
            last: lot.last,
            next_serial: lot.next_serial,
            totals: lot.totals,
            outputs: lot.outputs,
            taken: lot.taken.into_iter().collect(),
        }
    }
}

impl<C: Clone + Ord, D: Clone> TryFrom<Saved<C, D>> for Lot<C, D> {
    type Error = SavedError;

    fn try_from(saved: Saved<C, D>) -> Result<Self, SavedError> {
        let mut lot = Lot::new(saved.config, [0; 32])?;
        lot.rng = saved.rng;
        lot.now = saved.now;
        lot.last = saved.last;
        lot.next_serial = saved.next_serial;
        lot.totals = saved.totals;
        lot.outputs = saved.outputs;
        for (number, parked) in saved.taken {
            lot.restore(number, parked)?;
        }
        Ok(lot)
    }
}
