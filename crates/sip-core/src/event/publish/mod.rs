//! Event state publication (RFC 3903): the compositor that takes PUBLISHes, and the publisher that sends them. Both are
//! machines that can be used alone; [`Endpoint::publish`](crate::Endpoint::publish) drives a [`Publisher`] by itself, and a
//! [`Compositor`] is asked from [`Event::Request`](crate::Event::Request), as the registrar is.
//!
//! Who may publish for which resource is decided before [`Compositor::publish`] is called, and how the documents of
//! several devices become one is the embedder's business: [`Compositor::states`] gives them all, the latest first.
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::event::publish::{Change, Compositor, CompositorConfig, PublishError};
//! use sip_core::{HeaderName, Message, Request};
//!
//! let publish = |more: &str, body: &str| -> Request {
//!     let text = format!(
//!         "PUBLISH sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n\
//!          From: <sip:alice@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\n\
//!          Event: presence\r\n{more}Content-Length: {}\r\n\r\n{body}",
//!         body.len()
//!     );
//!     let Ok(Message::Request(request)) = Message::parse(text.into()) else { unreachable!() };
//!     request
//! };
//! let now = Time::from_secs(1_000);
//! let mut compositor = Compositor::new(CompositorConfig::default(), [7; 32]);
//!
//! let first = publish("Expires: 600\r\nContent-Type: application/pidf+xml\r\n", "<presence/>");
//! let accepted = compositor.publish(now, "alice@example.com", &first)?;
//! let etag = accepted.headers().get_str(&HeaderName::SipEtag).unwrap_or_default().to_owned();
//! assert!(matches!(compositor.poll_output(), Some(Change::Published { .. })));
//! assert_eq!(&compositor.states("alice@example.com", "presence")[0].body[..], b"<presence/>");
//!
//! // Refreshed, it has another tag; the old one names nothing any more.
//! let refresh = publish(&format!("Expires: 600\r\nSIP-If-Match: {etag}\r\n"), "");
//! assert!(compositor.publish(now, "alice@example.com", &refresh).is_ok());
//! let late = compositor.publish(now, "alice@example.com", &refresh);
//! assert_eq!(late, Err(PublishError::NoMatch)); // 412
//!
//! // Ten minutes later it is gone.
//! compositor.handle_timeout(Time::from_secs(1_600));
//! assert!(compositor.states("alice@example.com", "presence").is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied upon
//!
//! - A PUBLISH does all it asks for, or nothing: on `Err` every state is as it was.
//! - Entity-tags come from the seed, 128 bits each, and are never used twice: they can neither be guessed nor mixed up. A tag
//!   names a state of one resource and package only.
//! - At the instant of its expiry a state is gone, whichever of refresh and time-out is handled first: the refresh gets 412.
//! - Limits are in [`CompositorConfig`]; a refresh or removal is never refused for want of room.

mod compositor;
mod config;
#[doc(hidden)]
pub mod fuzz;
mod publisher;
mod state;

pub use compositor::Compositor;
pub use config::{CompositorConfig, PublishError};
pub use publisher::{Publisher, PublisherConfig, PublisherOutput};
pub use state::{Change, RemovalCause, State, StateId};

#[cfg(test)]
mod tests;
