//! Call control without I/O: a back-to-back user agent with extensions, transfers and parking.

mod audit;
mod calls;
mod config;
mod event;
mod feature;
mod hunt;
mod input;
mod invite;
mod leg;
mod media;
mod parking;
mod ports;
mod sip;
mod switch;
mod transfer;
mod watch;

pub use audit::Fault;
pub use config::{Config, ConfigError, Extension, Lot, MAX_SLOTS, RecallTarget};
pub use event::{CallId, CallRecord, EndCause, Event};
pub use input::{Input, Output};
pub use leg::{LegId, LegView, Place};
pub use park::{Choice, SlotNumber};
pub use switch::{Stats, Switch};

/// The sound that a party on hold hears, by its name in the engine's library.
pub const DEFAULT_MUSIC: &str = "default";
