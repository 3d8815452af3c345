//! SIP without I/O: messages, transactions, dialogs, subscriptions, registrar, digest.
//!
//! Each layer is ignorant of the one above it, and each can be used alone:
//!
//! - [`wire`] reads and prints messages over the bytes that arrived, and cuts streams into messages;
//! - [`header`] has one type for each header that the layers above need;
//! - [`body`] has types for what messages carry: parts of a multipart body, digits, XML in bounds;
//! - [`identity`] is what a border between the trusted and others does: asserted identities, privacy;
//! - [`transaction`] and [`dialog`] are the state machines of RFC 3261 §17 and §12;
//! - [`resolver`] finds the addresses of names (RFC 3263); [`outbound`] keeps flows through NATs (RFC 5626); [`websocket`] cuts
//!   WebSockets into messages (RFC 7118);
//! - [`event`], [`auth`] and [`registrar`] are event packages, digest authentication and the location table;
//! - [`guard`] is the table of rates and bans: who is listened to when there is too much to hear;
//! - [`endpoint`] is the one machine that puts them together; [`proxy`] is another, for who forwards instead of answering.
//!
//! No layer has a socket, a clock or a thread: bytes and the present time come in as arguments.
//!
//! A stateless responder, whole but for its socket, which answers what is malformed with the status that is due:
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::wire::salvage_request;
//! use sip_core::{Message, Method, Response, StatusCode};
//!
//! fn respond(datagram: Bytes) -> Option<Bytes> {
//!     let (request, status) = match Message::parse(datagram.clone()) {
//!         Ok(Message::Request(request)) => {
//!             let status = request.validate().map_or_else(|error| error.status(), |()| StatusCode::OK);
//!             (request, status)
//!         }
//!         Ok(Message::Response(_)) => return None,
//!         Err(error) => (salvage_request(&datagram)?, error.status()),
//!     };
//!     if *request.method() == Method::Ack {
//!         return None;
//!     }
//!     let mut response = Response::to_request(&request, status, None);
//!     response.set_to_tag("314159");
//!     Some(response.to_bytes())
//! }
//!
//! let options = |version, cseq| {
//!     format!(
//!         "OPTIONS sip:bob@example.com SIP/{version}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!          From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@192.0.2.1\r\n\
//!          CSeq: {cseq}\r\n\r\n"
//!     )
//! };
//! let status = |text: String| respond(text.into()).map(|response| response.slice(8..11));
//! assert_eq!(status(options("2.0", "1 OPTIONS")), Some("200".into()));
//! assert_eq!(status(options("2.0", "1 INVITE")), Some("400".into()));
//! assert_eq!(status(options("3.0", "1 OPTIONS")), Some("505".into()));
//! assert_eq!(status("\r\n\r\n".into()), None, "a keep-alive");
//! ```
//!
//! # Limits
//!
//! Everything that a peer can make grow has a bound in [`Limits`], with the status that answers what is beyond it.
//! Reading a message takes time in proportion to its length and one allocation; no input is a panic.

pub mod auth;
pub mod body;
mod connections;
pub mod dialog;
pub mod endpoint;
pub mod event;
/// The bodies of the fuzz targets.
#[doc(hidden)]
pub mod fuzz;
pub mod guard;
pub mod header;
pub mod identity;
pub mod limits;
pub mod outbound;
pub mod proxy;
pub mod registrar;
pub mod resolver;
pub mod transaction;
pub mod websocket;
pub mod wire;

pub use endpoint::{
    AnswerWish, Body, ConnectionId, Credentials, EndCause, Endpoint, EndpointConfig, EndpointError, Event, Flow, Hop,
    Invite, Live, Notify, NotifyState, OutOfDialog, Output, PublicationEnd, PublicationId, Publish, ReferId, Referral,
    Reliability, Reply, RequestId, RequestedAnswer, SessionId, SessionInfo, SessionState, SessionTimers, Stats,
    Subscribe, SubscriptionEnd, SubscriptionId, TerminatedReason, Transmit, Transport,
};
pub use limits::Limits;
pub use proxy::{Proxy, ProxyConfig};
pub use wire::{
    Framed, HeaderName, Headers, Host, Message, Method, NameAddr, Params, ParseError, ParseErrorKind, Request,
    Response, Scheme, StatusCode, StreamFramer, Text, Token, Uri,
};
