//! What SIP events are about (RFC 6665): package names, reasons, expiry, and the bodies of four packages.
//!
//! - [`Package`], [`Reason`] and [`ExpiryPolicy`] are what a notifier or subscriber decides with;
//!   the subscriptions themselves live in [`Endpoint`](crate::Endpoint).
//! - [`dialog_info`] is the body of package `dialog` (RFC 4235): busy lamps, parking slots, pick-up.
//! - [`message_summary`] is the body of package `message-summary` (RFC 3842): the lamp for waiting voice mail.
//! - [`pidf`] is the body of package `presence` (RFC 3856, RFC 3863): who can be reached, and what they do.
//! - [`publish`] is RFC 3903: the table of published states, and the publisher.
//! - [`refer`] is the body of package `refer` (RFC 3515): how far the transfer has come.
//!
//! ```
//! use sip_core::event::dialog_info::{DialogElement, DialogInfo, DialogState, DocumentState, Participant};
//!
//! // Slot 701 lights up: somebody is parked there.
//! let mut parked = DialogElement::new("p1", DialogState::Confirmed);
//! parked.remote = Some(Participant::new("sip:0711555@pbx.example").with_display("Erika <Büro>"));
//! let mut info = DialogInfo::new("sip:701@pbx.example", 7, DocumentState::Full);
//! info.dialogs.push(parked);
//!
//! let xml = info.to_xml();
//! assert!(xml.contains("display=\"Erika &lt;Büro&gt;\""));
//! assert_eq!(DialogInfo::parse(xml.as_bytes()), Ok(info));
//! ```
//!
//! # Limits
//!
//! Parsers of bodies are bounded in size, depth, number of elements and length of a text
//! ([`body::xml`](crate::body::xml), [`message_summary::MAX_SUMMARY`], [`refer::MAX_FRAGMENT`] and their neighbours); document types and own entities
//! are refused, so nothing can be expanded.

pub mod dialog_info;
mod expiry;
#[doc(hidden)]
pub mod fuzz;
pub mod message_summary;
mod package;
pub mod pidf;
pub mod publish;
pub mod refer;

pub use expiry::{ExpiryPolicy, TooBrief};
pub use package::{Package, Reason, Retry, UnknownName};
