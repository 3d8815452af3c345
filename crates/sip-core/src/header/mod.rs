//! Typed headers, one kind a file: read with [`Headers::typed`](crate::Headers::typed), written with
//! [`Headers::push_typed`](crate::Headers::push_typed).
//!
//! ```
//! use sip_core::Headers;
//! use sip_core::header::{Replaces, TypedHeader};
//!
//! let replaces = Replaces::parse(b"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only")?;
//! assert_eq!((replaces.to_tag.as_str(), replaces.early_only), ("ff87ff", true));
//!
//! let mut headers = Headers::new();
//! headers.push_typed(&replaces);
//! assert_eq!(headers.typed::<Replaces>(), Some(Ok(replaces)));
//! # Ok::<(), sip_core::ParseError>(())
//! ```

use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, ParseError};
use core::fmt;

mod address;
mod authorization;
mod contact;
mod content_type;
mod cseq;
mod date;
mod event;
mod number;
mod rack;
mod reason;
mod replaces;
mod retry_after;
mod session_expires;
mod subscription_state;
mod token_list;
mod via;
mod warning;

pub use address::{
    AlertInfo, Diversion, From, PAssertedIdentity, PPreferredIdentity, Path, RecordRoute, ReferTo, ReferredBy, Route,
    ServiceRoute, To,
};
pub use authorization::{
    AuthParams, AuthenticationInfo, Authorization, Challenge, Credentials, ProxyAuthenticate, ProxyAuthorization,
    WwwAuthenticate,
};
pub use contact::Contact;
pub use content_type::ContentType;
pub use cseq::CSeq;
pub use date::Date;
pub use event::EventHeader;
pub use number::{ContentLength, Expires, MaxForwards, MinExpires, RSeq};
pub use rack::RAck;
pub use reason::Reason;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use session_expires::{MinSe, Refresher, SessionExpires};
pub use subscription_state::{SubscriptionState, SubscriptionStatus};
pub use token_list::{Allow, AllowEvents, ProxyRequire, Require, Supported, Unsupported};
pub use via::Via;
pub use warning::Warning;

/// A header with a type of its own.
pub trait TypedHeader: Sized {
    /// The header's name.
    const NAME: HeaderName;

    /// Whether one field may carry several values of this type, separated by commas.
    const LIST: bool = false;

    /// Reads one value, without the header's name, all of `value`.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset in `value`.
    fn parse(value: &[u8]) -> Result<Self, ParseError>;

    /// Writes the value, without the header's name.
    ///
    /// # Errors
    ///
    /// Only what `out` returns.
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result;
}

/// Reads all of `value` with `read`, white space around it left out.
fn parse_all<'a, T>(
    value: &'a [u8],
    read: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let mut lexer = Lexer::new(value);
    lexer.skip_space();
    let parsed = read(&mut lexer)?;
    lexer.finish()?;
    Ok(parsed)
}

/// Reads delta-seconds. A number beyond 32 bits means "as long as can be" (RFC 3261 §20.19 allows 2^32-1 at most).
fn seconds(lexer: &mut Lexer<'_>) -> Result<u32, ParseError> {
    use crate::wire::ParseErrorKind::NumberOutOfRange;
    match lexer.number_u32(u32::MAX) {
        Err(error) if error.kind == NumberOutOfRange => Ok(u32::MAX),
        seconds => seconds,
    }
}

/// A parameter's delta-seconds, `None` if malformed.
fn seconds_of(value: Option<&str>) -> Option<u32> {
    parse_all(value?.as_bytes(), seconds).ok()
}

/// Writes `text` where only a token may stand: what cannot be part of one becomes `-`.
fn write_token(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    use crate::wire::lexer::is_token_byte;
    text.chars().try_for_each(|c| {
        out.write_char(if u8::try_from(c).is_ok_and(is_token_byte) {
            c
        } else {
            '-'
        })
    })
}
