use super::words::words;
use super::{TypedHeader, parse_all, parse_list, write_list, write_token};
use crate::wire::{HeaderName, ParseError};
use core::fmt;

words! {
    /// What is allowed of early media, seen from the receiver of the message (RFC 5009 §8).
    ///
    /// ```
    /// use sip_core::header::EarlyMedia;
    ///
    /// assert_eq!(EarlyMedia::from_word("SendOnly"), EarlyMedia::SendOnly);
    /// ```
    EarlyMedia {
        /// The header is understood.
        Supported = "supported",
        /// Both ways.
        SendRecv = "sendrecv",
        /// Towards the callee.
        SendOnly = "sendonly",
        /// Towards the caller.
        RecvOnly = "recvonly",
        /// None.
        Inactive = "inactive",
        /// A gate on the way enforces it.
        Gated = "gated",
    }
}

/// Whether media may flow before the answer (RFC 5009): one word for each media line, or one for all.
///
/// ```
/// use sip_core::header::{EarlyMedia, PEarlyMedia, TypedHeader};
///
/// let early = PEarlyMedia::parse(b"sendonly, inactive")?;
/// assert_eq!(early.0, [EarlyMedia::SendOnly, EarlyMedia::Inactive]);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PEarlyMedia(pub Vec<EarlyMedia>);

impl TypedHeader for PEarlyMedia {
    const NAME: HeaderName = HeaderName::PEarlyMedia;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let word = |item| parse_all(item, |lexer| lexer.token().map(EarlyMedia::from_word));
        parse_list(value, word).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_list(out, &self.0, |out, word| write_token(out, word.as_str()))
    }
}
