//! Seeded networks, virtual phones and whole offices around any Strowger machine, in virtual time.
//!
//! - [`World`]: any [`Host`]s on a [`Network`] that loses, delays, repeats and reorders by its seed. Time jumps from event to
//!   event, so an hour of telephony takes milliseconds; a machine that does not come to rest is found out.
//! - [`Phone`]: a phone made of a SIP endpoint and an SDP negotiation. It does what people do with phones and keeps a log of
//!   what it went through.
//! - [`Pbx`]: a [`switch::Switch`] with a media engine at one address.
//! - [`Office`]: a `Pbx` with a phone for each extension, and checks of what must hold at any moment.
//! - [`centre`]: callers and agents around an [`acd::Acd`], with figures and their confidence intervals.
//!
//! ```
//! use sim::{Answer, Happening, Office, Sound};
//! use std::time::Duration;
//! use switch::{Config, Extension, Lot};
//!
//! let mut config = Config::new("pbx.test");
//! for number in ["1001", "1002", "1003"] {
//!     config.extensions.push(Extension::new(number, "Somebody", "secret"));
//! }
//! config.lots.push(Lot::new("700", 701..=702));
//! let mut office = Office::new(config, [42; 32])?;
//! office.register_all()?;
//!
//! // 1001 calls 1002, who answers and parks the call.
//! office.phone_config(1, |config| config.answer = Answer::After(Duration::from_secs(1)));
//! let call = office.phone_do(0, |phone, now| phone.dial(now, "1002"))??;
//! office.run_for(Duration::from_secs(3))?;
//! let (answered, _) = office.phone(1).calls().next().unwrap();
//! office.phone_do(1, |phone, now| phone.transfer(now, answered, "700"))??;
//! office.run_for(Duration::from_secs(3))?;
//! let (_, heard) = office.phone(0).get(call).unwrap().last_sound().unwrap();
//! assert_eq!(heard, Sound::Other, "the parked caller hears music");
//!
//! // 1003 takes it out of its slot; the caller hears the voice of the third phone.
//! office.phone_do(2, |phone, now| phone.dial(now, "701"))??;
//! office.run_for(Duration::from_secs(7))?;
//! let (_, heard) = office.phone(0).get(call).unwrap().last_sound().unwrap();
//! assert_eq!(heard, Sound::Voice(3));
//! office.check()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Limits
//!
//! A [`Network`] carries at most [`MAX_IN_FLIGHT`] packets, a host holds [`MAX_CONNECTIONS`] connections, a world makes
//! [`MAX_STEPS`] steps at one instant; logs keep their newest [`LOG_LIMIT`] and [`EVENT_LIMIT`] entries. Phones speak G.711 in
//! constant bytes, sparsely: enough to tell who hears whom, not to judge audio.

pub mod centre;
#[doc(hidden)]
pub mod fuzz;
mod network;
mod office;
mod pbx;
mod phone;
mod streams;
mod world;

pub use network::{Link, MAX_IN_FLIGHT, Network, NetworkStats, Packet, Payload};
pub use office::{Broken, Member, Office};
pub use pbx::{EVENT_LIMIT, Fault, Pbx};
pub use phone::{Answer, Call, CallId, CallState, Entry, Happening, LOG_LIMIT, Phone, PhoneConfig, PhoneError, Sound};
pub use streams::MAX_CONNECTIONS;
pub use world::{Host, HostId, MAX_STEPS, Spin, World};
