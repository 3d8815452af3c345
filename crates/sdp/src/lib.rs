//! SDP (RFC 8866) and its offer/answer model (RFC 3264), without I/O.
//!
//! Two things, each usable alone:
//!
//! - [`Session`]: a session description, parsed tolerantly (what phones really send) and printed strictly.
//! - [`Negotiation`]: the state of one audio stream on one SIP dialog: makes offers and answers, takes the peer's, and
//!   says what was [`Agreed`]: where to send, which codec under which payload type, in which direction.
//!
//! Neither knows SIP: bodies go in and come out as bytes.
//!
//! ```
//! use sdp::{Codec, Direction, Negotiation, NegotiationConfig};
//!
//! let config = |address: &str, codecs: &[(u8, Codec)]| {
//!     let mut config = NegotiationConfig::new(address.parse().unwrap(), 40_000, 1);
//!     config.codecs = codecs.to_vec();
//!     config
//! };
//! let mut alice = Negotiation::new(config("192.0.2.1", &[(8, Codec::PCMA), (0, Codec::PCMU)]));
//! let mut bob = Negotiation::new(config("192.0.2.2", &[(0, Codec::PCMU)]));
//!
//! let offer = alice.offer()?;                   // goes out in an INVITE
//! let answer = bob.receive_offer(&offer)?;      // goes back in the 200
//! alice.receive_answer(&answer)?;
//!
//! let agreed = alice.agreed().unwrap();
//! assert_eq!(agreed.codec, Codec::PCMU);
//! assert_eq!(agreed.remote, Some("192.0.2.2:40000".parse().unwrap()));
//!
//! // Bob puts the call on hold.
//! bob.set_direction(Direction::SendOnly);
//! let offer = bob.offer()?;
//! let answer = alice.receive_offer(&offer)?;
//! bob.receive_answer(&answer)?;
//! assert!(alice.agreed().unwrap().held);
//! assert_eq!(alice.agreed().unwrap().direction, Direction::RecvOnly);
//! # Ok::<(), sdp::NegotiationError>(())
//! ```
//!
//! # Tolerance
//!
//! Read without complaint: lines that end in LF or CR alone, blank lines, trailing blanks, blanks around `=` and `:`,
//! missing `o=`, `s=` and `t=`, lines out of order within their section, unknown line types and attributes, codec
//! names in any case, static payload types without `rtpmap`, malformed attributes that are not needed, bytes that are not
//! UTF-8 (each ill-formed sequence is read as `?`). Refused, with the byte offset: no `v=0`, a line that is not `letter=…`, a NUL,
//! a malformed `o=`, `c=` or `m=` line, and whatever goes beyond [`Limits`].
//!
//! # Limits
//!
//! [`Limits`] bounds what is read; the defaults are 32 KiB a description, 2048 bytes a line, 16 media, 68 attributes a
//! section, 64 formats a medium and 8 bandwidth lines a section. Time and memory are linear in the input.

mod codec;
mod direction;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod limits;
mod negotiation;
mod parse;
mod print;
mod session;

pub use codec::Codec;
pub use direction::Direction;
pub use error::{NegotiationError, ParseError, ParseErrorKind};
pub use limits::Limits;
pub use negotiation::{Agreed, Negotiation, NegotiationConfig, RtcpMux};
pub use session::{Address, Attribute, Bandwidth, Connection, Media, MediaKind, Origin, Session, Timing};
