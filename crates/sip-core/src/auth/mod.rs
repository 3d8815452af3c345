//! Digest authentication, server and client side (RFC 3261 §22, RFC 7616, RFC 8760).
//!
//! Policy is not here: which requests need credentials, and what a stranger may do, is for the caller to decide.
//!
//! ```
//! use machine::Time;
//! use sip_core::Method;
//! use sip_core::auth::{AuthError, Client, Secret, Server, ServerConfig};
//! use sip_core::header::{Authorization, TypedHeader};
//!
//! let now = Time::from_secs(1_000);
//! let mut server = Server::new("pbx.example", ServerConfig::default(), [7; 32]);
//! let secret = Secret::from_password("1001", "pbx.example", "correct horse");
//! let users = |user: &str| (user == "1001").then_some(&secret);
//!
//! // REGISTER came without credentials: 401 with these values in WWW-Authenticate headers.
//! let challenges = server.challenges(now, false);
//!
//! // The phone tries again.
//! let mut phone = Client::new("1001", "correct horse").with_realm("pbx.example");
//! let offered: Vec<&[u8]> = challenges.iter().map(|value| &value[..]).collect();
//! let value = phone.answer(&Method::Register, b"sip:pbx.example", b"", &offered, 42).unwrap();
//! let sent = Authorization::parse(&value)?;
//! assert_eq!(server.verify(now, &Method::Register, b"sip:pbx.example", b"", &sent, users), Ok(()));
//!
//! // Who overheard it cannot use it again, neither as it is nor for another method.
//! let replay = server.verify(now, &Method::Register, b"sip:pbx.example", b"", &sent, users);
//! assert_eq!(replay, Err(AuthError::Replayed));
//! let other = server.verify(now, &Method::Invite, b"sip:pbx.example", b"", &sent, users);
//! assert_eq!(other, Err(AuthError::WrongPassword));
//! # Ok::<(), sip_core::ParseError>(())
//! ```
//!
//! # What the server guards against
//!
//! - A flood of requests without credentials: a challenge costs no memory, for a nonce carries its own time and a
//!   keyed hash. Only requests with the right password enter the table of used nonces, which holds at most
//!   [`ServerConfig::max_nonces`]; beyond it the oldest is forgotten *and refused*, which costs its owner one more
//!   round trip (`stale=true`).
//! - Replay: each nonce count passes once; requests that overtook each other still pass, 64 counts back.
//! - Guessing users: an unknown user takes the same steps as a known one with a wrong password.
//! - Use of a proof for another request: method, URI and, with `auth-int`, the body are covered; the URI must name the
//!   destination of the request.
//!
//! # What the client guards against
//!
//! - Leaking a proof to a foreign realm: it answers the realm it was made for, or else the first one it met.
//! - Endless challenges: at most [`Client::MAX_ATTEMPTS`] answers until a success, and none to a nonce that was just refused.

mod algorithm;
mod client;
#[doc(hidden)]
pub mod fuzz;
mod nonce;
mod request;
mod secret;
mod server;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use client::Client;
pub use request::Refusal;
pub use secret::Secret;
pub use server::{AuthError, Server, ServerConfig, SignedRequest};

#[cfg(test)]
mod tests;
