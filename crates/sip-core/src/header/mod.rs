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

use crate::Limits;
use crate::wire::lexer::{Lexer, split_list};
use crate::wire::{HeaderName, ParseError, ParseErrorKind, Source};
use core::fmt;

mod accept;
mod address;
mod answer_mode;
mod authorization;
mod caller_preferences;
mod contact;
mod content_disposition;
mod content_type;
mod cseq;
mod date;
mod diversion;
mod early_media;
mod entity_tag;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod history_info;
mod in_reply_to;
mod info_package;
mod join;
mod mime;
mod number;
mod p_headers;
mod priority;
mod privacy;
mod push;
mod rack;
mod reason;
mod refer_sub;
mod replaces;
mod retry_after;
mod security;
mod session_expires;
mod subscription_state;
mod target_dialog;
mod text;
mod timestamp;
mod token_list;
mod via;
mod warning;
mod words;

pub use accept::{Accept, AcceptEncoding, AcceptLanguage, Choice, MediaRange};
pub use address::{
    AlertInfo, CallInfo, ErrorInfo, From, Geolocation, PAssertedIdentity, PAssociatedUri, PCalledPartyId,
    PPreferredIdentity, PServedUser, Path, RecordRoute, ReferTo, ReferredBy, RemotePartyId, ReplyTo, Route,
    ServiceRoute, To,
};
pub use answer_mode::{AnswerMode, Answering, PrivAnswerMode};
pub use authorization::{
    AuthParams, AuthenticationInfo, Authorization, Challenge, Credentials, CredentialsView, ProxyAuthenticate,
    ProxyAuthorization, WwwAuthenticate,
};
pub use caller_preferences::{AcceptContact, Directive, FeatureCaps, RejectContact, RequestDisposition};
pub(crate) use contact::parse_q;
pub use contact::{Contact, ContactView};
pub use content_disposition::{ContentDisposition, Disposition};
pub use content_type::ContentType;
pub use cseq::CSeq;
pub use date::Date;
pub use diversion::{Diversion, DiversionReason};
pub use early_media::{EarlyMedia, PEarlyMedia};
pub use entity_tag::{SipEtag, SipIfMatch, SuppressIfMatch};
pub use event::EventHeader;
pub use history_info::{BadHistoryIndex, HistoryIndex, HistoryInfo, Retarget};
pub use in_reply_to::InReplyTo;
pub use info_package::{InfoPackage, RecvInfo};
pub use join::Join;
pub use mime::{ContentId, ContentTransferEncoding, MimeVersion};
pub use number::{ContentLength, Expires, FlowTimer, MaxBreadth, MaxForwards, MinExpires, RSeq};
pub use p_headers::{PAccessNetworkInfo, PChargingFunctionAddresses, PChargingVector, PVisitedNetworkId};
pub use priority::Priority;
pub use privacy::{Privacy, PrivacyKind};
pub use push::Push;
pub use rack::RAck;
pub use reason::Reason;
pub use refer_sub::ReferSub;
pub use replaces::Replaces;
pub use retry_after::RetryAfter;
pub use security::{SecurityClient, SecurityMechanism, SecurityServer, SecurityVerify};
pub use session_expires::{MinSe, Refresher, SessionExpires};
pub use subscription_state::{SubscriptionState, SubscriptionStatus};
pub use target_dialog::TargetDialog;
pub use text::{Organization, Server, Subject, UserAgent};
pub use timestamp::Timestamp;
pub use token_list::{
    Allow, AllowEvents, ContentEncoding, ContentLanguage, ProxyRequire, Require, Supported, Unsupported,
};
pub use via::{Via, ViaView};
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

    /// As [`parse`](Self::parse), for a `value` that is a part of `source`, which texts may then share instead of
    /// being copied. What is kept for long should be [`detached`](crate::Text::detached).
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        let _ = source;
        Self::parse(value)
    }

    /// Writes the value, without the header's name.
    ///
    /// # Errors
    ///
    /// Only what `out` returns.
    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result;
}

/// A header that can be looked at where it lies in a message, without making a value of its own:
/// [`Headers::view`](crate::Headers::view).
///
/// ```
/// use sip_core::Headers;
/// use sip_core::header::From;
///
/// let mut headers = Headers::new();
/// headers.push(sip_core::HeaderName::From, "\"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl");
/// let from = headers.view::<From>().transpose()?.unwrap();
/// assert_eq!((from.tag().as_deref(), from.uri().user().as_deref()), (Some("9fxced76sl"), Some("alice")));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
pub trait ViewHeader: TypedHeader {
    /// What is made of a value.
    type View<'a>;

    /// Reads one value, without the header's name, all of `value`; fails where [`parse`](TypedHeader::parse) does.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset in `value`.
    fn view(value: &[u8]) -> Result<Self::View<'_>, ParseError> {
        Self::view_in(value, Source::NONE)
    }

    /// As [`view`](Self::view), for a `value` that is a part of `source`.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<Self::View<'a>, ParseError>;
}

/// Reads all of `value` with `read`, white space around it left out.
#[inline]
fn parse_all<'a, T>(
    value: &'a [u8],
    read: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    parse_from(Lexer::new(value), read)
}

/// As [`parse_all`]; texts may share `source`.
#[inline]
fn parse_all_in<'a, T>(
    value: &'a [u8],
    source: Source<'a>,
    read: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    parse_from(Lexer::within(value, source), read)
}

#[inline]
fn parse_from<'a, T>(
    mut lexer: Lexer<'a>,
    read: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    lexer.skip_space();
    let parsed = read(&mut lexer)?;
    lexer.finish()?;
    Ok(parsed)
}

/// Reads the items of a comma-separated list, at most [`Limits::VALUES`].
fn parse_list<'a, T>(value: &'a [u8], read: impl Fn(&'a [u8]) -> Result<T, ParseError>) -> Result<Vec<T>, ParseError> {
    let mut all = Vec::new();
    for item in split_list(value) {
        let offset = item.as_ptr().addr() - value.as_ptr().addr();
        if all.len() == Limits::VALUES {
            return Err(ParseError::new(ParseErrorKind::TooManyValues, offset));
        }
        all.push(read(item).map_err(|error| error.shifted(offset))?);
    }
    Ok(all)
}

/// Writes the items of a comma-separated list.
fn write_list<T, W: fmt::Write>(out: &mut W, items: &[T], write: impl Fn(&mut W, &T) -> fmt::Result) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.write_str(", ")?;
        }
        write(out, item)?;
    }
    Ok(())
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
    if text.bytes().all(is_token_byte) {
        return out.write_str(text);
    }
    text.chars().try_for_each(|c| {
        out.write_char(if u8::try_from(c).is_ok_and(is_token_byte) {
            c
        } else {
            '-'
        })
    })
}
