//! SIP over WebSocket (RFC 7118): the frames of RFC 6455 as a machine without I/O, from the end of the HTTP upgrade on.
//!
//! The upgrade itself is an HTTP library's business; here is the check of its `Sec-WebSocket-Protocol` ([`offers_sip`]).
//! After it, bytes go into a [`WebSocket`] and whole SIP messages come out, to be handed to
//! [`Endpoint::receive`](crate::Endpoint::receive) with a [`Flow`](crate::Flow) of transport `Ws` or `Wss`; what the endpoint
//! wants sent on that flow goes through [`WebSocket::send`]. An embedder whose HTTP library reads frames too needs none of
//! this: one WebSocket message is one SIP message.
//!
//! ```
//! use bytes::Bytes;
//! use machine::{Machine, Time};
//! use sip_core::websocket::{Output, Role, SUBPROTOCOL, WebSocket, WebSocketConfig, offers_sip};
//!
//! assert!(offers_sip(b"chat, sip"), "what the browser's Sec-WebSocket-Protocol says");
//! assert_eq!(SUBPROTOCOL, "sip", "what ours has to say");
//!
//! let now = Time::from_secs(1_000);
//! let mut browser = WebSocket::new(now, Role::Client, WebSocketConfig::default(), [1; 32]);
//! let mut server = WebSocket::new(now, Role::Server, WebSocketConfig::default(), [2; 32]);
//!
//! let options = Bytes::from_static(b"OPTIONS sip:pbx.example.com SIP/2.0\r\n\r\n");
//! browser.send(now, &options)?;
//! while let Some(output) = browser.poll_output() {
//!     if let Output::Transmit(bytes) = output {
//!         for byte in bytes {
//!             server.receive(now, &[byte]); // however TCP cuts it
//!         }
//!     }
//! }
//! assert_eq!(server.poll_output(), Some(Output::Message(options)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does by itself
//!
//! Pings are answered, also sent if [`WebSocketConfig::ping_interval`] says so; a peer that does not answer them, that breaks
//! the protocol (1002), sends text that is not UTF-8 (1007) or more than [`WebSocketConfig::max_message`] (1009) is told why and
//! the connection ended. What is held is one message and one control frame, whatever lengths a peer announces.
//!
//! # Why not a library
//!
//! The well-kept ones were looked at. `tungstenite` reads and writes a stream by itself and draws its masks from the system's
//! random numbers: neither can its state be written out, nor a run repeated. `websocket-sans-io` is without I/O, but reads the
//! heads of frames alone, and has not changed since 2023: who masks, control frames, fragments, UTF-8 and limits, thus all that
//! goes wrong in practice, would have been ours all the same. The tests hold this module against RFC 6455's own examples.

mod frame;
#[doc(hidden)]
pub mod fuzz;
mod socket;
#[cfg(test)]
mod tests;

pub use socket::{Output, Role, WebSocket, WebSocketConfig, WebSocketError};

/// The name of the subprotocol, to be offered and accepted in `Sec-WebSocket-Protocol` (RFC 7118 §4.1).
pub const SUBPROTOCOL: &str = "sip";

/// Whether the value of a `Sec-WebSocket-Protocol` header offers SIP. A server refuses the upgrade if it does not; a client
/// ends the connection if the server's answer is anything else (RFC 6455 §4.1).
#[must_use]
pub fn offers_sip(value: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|name| name.trim_ascii().eq_ignore_ascii_case(SUBPROTOCOL.as_bytes()))
}
