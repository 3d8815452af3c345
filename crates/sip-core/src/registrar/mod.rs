//! The location table: which address of record is reached where (RFC 3261 §10.3), by which proxies (RFC 3327), over which
//! flows (RFC 5626), and which of its devices an address means (GRUU, RFC 5627).
//!
//! Policy is not here: who may register for which address is decided before [`Registrar::register`] is called.
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::registrar::{Event, Registrar, RegistrarConfig};
//! use sip_core::{Flow, Message};
//!
//! let datagram = b"REGISTER sip:pbx.example SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1\r\n\
//!     From: <sip:1001@pbx.example>;tag=1\r\n\
//!     To: <sip:1001@pbx.example>\r\n\
//!     Call-ID: 1@192.0.2.7\r\n\
//!     CSeq: 1 REGISTER\r\n\
//!     Contact: <sip:1001@192.0.2.7:5060>\r\n\
//!     Expires: 600\r\n\
//!     Content-Length: 0\r\n\r\n";
//! let Message::Request(request) = Message::parse(datagram.to_vec().into())? else { unreachable!() };
//! let flow = Flow::udp("192.0.2.1:5060".parse()?, "192.0.2.7:5060".parse()?);
//!
//! let now = Time::from_secs(1_000);
//! let mut registrar = Registrar::new(RegistrarConfig::default());
//! let response = registrar.register(now, "1001@pbx.example", &request, flow)?;
//! assert_eq!(response.status().code(), 200); // lists all contacts with the time they have left
//! assert!(matches!(registrar.poll_output(), Some(Event::Registered { .. })));
//! assert_eq!(registrar.bindings("1001@pbx.example")[0].flow, flow);
//!
//! // Ten minutes later, unless it was refreshed:
//! let due = registrar.poll_timeout().unwrap();
//! assert_eq!(due, Time::from_secs(1_600));
//! registrar.handle_timeout(due);
//! assert!(matches!(registrar.poll_output(), Some(Event::Expired { .. })));
//! assert!(!registrar.is_registered("1001@pbx.example"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied upon
//!
//! - A REGISTER changes all it asks for, or nothing: on `Err` every binding is as it was.
//! - At the instant of its expiry a binding is gone, whichever of refresh and time-out is handled first: the refresh then
//!   is a new registration.
//! - Bindings are ordered by `q`, then by age, the most recently registered first.
//! - Limits are in [`RegistrarConfig`]; a refresh or removal is never refused for want of room.

mod binding;
mod config;
mod gruu;
mod table;
mod update;

pub use binding::{Binding, BindingId, Event, RemovalCause};
pub use config::{RegisterError, RegistrarConfig};
pub use gruu::{GruuError, GruuKey};
pub use table::Registrar;

#[cfg(test)]
mod tests;
