//! Messages as they are on the wire: lexer, start line, header table, URIs, parameters, printing, framing.
//!
//! A parsed message is the [`Bytes`](bytes::Bytes) that arrived and a table of where each header lies in them.
//! Values become types on demand ([`Headers::typed`]). A message that nobody edited prints byte for byte as it
//! came; an edited one keeps every other header byte-exact.
//!
//! ```
//! use sip_core::header::MaxForwards;
//! use sip_core::{HeaderName, Message};
//!
//! let datagram = b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     f:Alice  <sip:alice@example.org>;tag=1\r\n\
//!     To: <sip:bob@example.com>\r\n\
//!     Call-ID: 1@192.0.2.1\r\n\
//!     CSeq: 1 OPTIONS\r\n\
//!     Max-Forwards: 70\r\n\r\n";
//! let Message::Request(mut request) = Message::parse(datagram.to_vec().into())? else { unreachable!() };
//! assert_eq!(request.from()?.tag(), Some("1"));
//! assert_eq!(request.headers().typed::<MaxForwards>(), Some(Ok(MaxForwards(70))));
//! assert_eq!(request.to_bytes(), datagram.as_slice());
//!
//! request.headers_mut().set(HeaderName::MaxForwards, "69");
//! let forwarded = request.to_bytes();
//! assert!(forwarded.windows(16).any(|bytes| bytes == b"f:Alice  <sip:al"));
//! # Ok::<(), sip_core::ParseError>(())
//! ```

#[cfg(test)]
mod check_tests;
mod digits;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod headers;
mod host;
pub(crate) mod lexer;
#[cfg(test)]
mod linear;
mod message;
mod method;
mod name;
mod name_addr;
mod params;
mod parse;
mod request;
mod response;
mod salvage;
pub(crate) mod scan;
mod status;
mod stream;
mod text;
mod token;
mod uri;
mod validate;

pub use error::{ParseError, ParseErrorKind};
pub use headers::Headers;
pub use host::Host;
pub use message::Message;
pub use method::Method;
pub use name::HeaderName;
pub use name_addr::{NameAddr, NameAddrView};
pub use params::{Params, ParamsView};
pub use request::Request;
pub use response::Response;
pub use salvage::salvage_request;
pub use status::StatusCode;
pub use stream::{FrameError, Framed, StreamFramer};
pub use text::{Source, Text};
pub use token::Token;
pub use uri::{Scheme, Uri, UriView};

pub(crate) use digits::{Digits, read_hex};
pub(crate) use params::write_quoted;

pub(crate) use uri::{check_host_port, lex_host_port, unescape};
