//! Client-initiated connections (RFC 5626): being reached through NATs and firewalls, over several flows.
//!
//! - [`Registration`] keeps an address of record registered over one flow or several, and says what was given for it: GRUUs
//!   (RFC 5627), the Service-Route (RFC 3608), the Flow-Timer. It serves a plain registration just as well.
//! - [`KeepAlive`] keeps one flow open and finds out when it is dead: line ends on streams, STUN on UDP.
//! - [`Backoff`] says how long to wait after a failure (§4.5).
//! - [`FlowToken`] is what an edge proxy writes into its Path and Record-Route, so that nobody else can name its flows (§5.2).
//! - [`stun`] reads and writes the few STUN messages that are needed.
//!
//! The registrar's side is [`Registrar`](crate::registrar::Registrar). The [`Endpoint`](crate::Endpoint) answers line ends and
//! STUN requests by itself.
//!
//! A phone that registers over two edge proxies:
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::outbound::{FlowPlan, Output, Registration, RegistrationConfig};
//! use sip_core::{Endpoint, EndpointConfig, Event, Output as Sip, Transport};
//!
//! let now = Time::from_secs(1_000);
//! let here = "192.0.2.7:5060".parse()?;
//! let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, here)]), [1; 32]);
//!
//! let mut config = RegistrationConfig::new("sip:example.com".parse()?, "sip:bob@example.com".parse()?);
//! config.instance = Some("urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF".into());
//! for edge in ["sip:192.0.2.10;lr", "sip:192.0.2.11;lr"] {
//!     let mut plan = FlowPlan::new("sip:bob@192.0.2.7".parse()?);
//!     plan.route.push(edge.parse()?);
//!     config.flows.push(plan);
//! }
//! let mut registration = Registration::new(config, [2; 32])?;
//!
//! registration.start(now);
//! let mut waiting = Vec::new();
//! while let Some(output) = registration.poll_output() {
//!     match output {
//!         Output::Send { reg_id, request } => waiting.push((endpoint.send(now, *request)?, reg_id)),
//!         Output::Registered { reg_id, .. } => { /* keep its flow alive */ }
//!         _ => {}
//!     }
//! }
//! assert_eq!(waiting.len(), 2);
//! while let Some(output) = endpoint.poll_output() {
//!     match output {
//!         Sip::Event(Event::Response { request_id, response, status }) => {
//!             if let Some((_, reg_id)) = waiting.iter().find(|(id, _)| *id == request_id) {
//!                 registration.responded(now, *reg_id, status, response.as_ref());
//!             }
//!         }
//!         Sip::Transmit(transmit) => { /* to the socket */ }
//!         _ => {}
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod backoff;
#[doc(hidden)]
pub mod fuzz;
mod keep_alive;
mod registration;
pub mod stun;
mod token;

pub use backoff::Backoff;
pub use keep_alive::{FlowFailure, KeepAlive, KeepAliveConfig, KeepAliveOutput};
pub use registration::{FlowPlan, Output, Registration, RegistrationConfig, RegistrationError};
pub use token::{FlowToken, FlowTokenError};
pub(crate) use token::{keyed_hash, read_hex, write_hex};

#[cfg(test)]
mod tests;
