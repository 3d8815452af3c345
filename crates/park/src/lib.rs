//! Call parking lots and slots, for any kind of call id, without I/O.
//!
//! A [`Lot`] has slots with numbers. A call is [parked](Lot::park) in one of them, and anybody who dials that number
//! [retrieves](Lot::retrieve) it. A call that nobody fetches is recalled: the lot tells [`Event::RecallDue`], its
//! owner rings the parker (or whoever comes next) and says what came of it. A recall that nobody answers parks the call
//! again, so that it is never lost. The lot knows neither SIP nor sound; it decides who is where, and of things that
//! happen in the same instant lets exactly one win.
//!
//! ```
//! use machine::{Machine, Time};
//! use park::{Event, Lot, LotConfig, ParkError, RetrieveError, SlotNumber, Wanted};
//! use std::time::Duration;
//!
//! // Calls are known by any id you like; with each call, who parked it.
//! let mut config = LotConfig::new(701..=702);
//! config.recall_after = Duration::from_secs(45);
//! let mut lot: Lot<u64, &str> = Lot::new(config, [7; 32])?;
//!
//! let noon = Time::from_secs(43_200);
//! let slot = lot.park_with(noon, 1, Wanted::Any, "Reception")?;
//! assert_eq!(slot, SlotNumber(701)); // say "seven zero one" to the parker
//! assert_eq!(lot.park_with(noon, 2, Wanted::Slot(slot), "Sales"), Err(ParkError::Taken));
//! lot.park_with(noon, 2, Wanted::Any, "Sales")?;
//!
//! // Somebody dials 701. Whoever dials it a moment later is too late.
//! let later = noon + Duration::from_secs(20);
//! assert_eq!(lot.retrieve(later, slot), Ok(1));
//! assert_eq!(lot.retrieve(later, slot), Err(RetrieveError::Empty));
//!
//! // Nobody dials 702, so that its parker is rung.
//! let due = lot.poll_timeout().unwrap();
//! assert_eq!(due, noon + Duration::from_secs(45));
//! lot.handle_timeout(due);
//! let parker_rings = std::iter::from_fn(|| lot.poll_output())
//!     .find_map(|event| match event {
//!         Event::RecallDue { slot, .. } => Some(slot),
//!         _ => None, // Parked, Parked, Retrieved
//!     });
//! assert_eq!(parker_rings, Some(SlotNumber(702)));
//!
//! let answered = due + Duration::from_secs(4);
//! assert_eq!(lot.recall_answered(answered, SlotNumber(702))?, 2);
//! assert_eq!(lot.free(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rules
//!
//! - Inputs never run timers, only [`handle_timeout`](machine::Machine::handle_timeout) does. Of a retrieval, a caller's
//!   hang-up and an answered recall at one instant, the first to be handed in wins; the others are an `Err` that changed
//!   nothing.
//! - While a recall rings, the call stays in its slot and can be retrieved or hang up; the event says which target is
//!   then to be silenced.
//! - An attended transfer to the lot [reserves](Lot::reserve) a slot for the consultation and then
//!   [replaces](Lot::replace) it by the caller.
//! - Each stay ends with exactly one event; see [`Event`] and [`Totals`].
//!
//! # Limits
//!
//! A lot has at most [`LotConfig::MAX_SLOTS`] slots with one call each, and at most [`LotConfig::MAX_RECALL_TARGETS`] recall targets. An input
//! yields at most two events; the owner drains them. Parking and retrieving take logarithmic time
//! ([`Choice::Random`] linear time in the free slots).
//!
//! # Features
//!
//! - `serde`: a lot can be written and read back, and goes on as if nothing had happened. What is read is checked: a state in
//!   which a slot held two calls, or a call two slots, is refused.

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
