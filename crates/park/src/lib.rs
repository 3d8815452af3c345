//! Call parking lots and slots, for any kind of call id, without I/O

mod config;
mod error;
mod event;
mod lot;
#[cfg(feature = "serde")]
mod saved;
mod slot;
mod totals;

pub use config::{Choice, ConfigError, LotConfig, SlotNumber, Wanted};
pub use error::{LeaveError, ParkError, RecallError, ReplaceError, RetrieveError};
pub use event::Event;
pub use lot::Lot;
pub use slot::{Parked, SlotState};
pub use totals::Totals;
