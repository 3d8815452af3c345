use super::replaces::{lex_call_id, write_call_id};
use super::{TypedHeader, parse_all, parse_list, write_list};
use crate::wire::{HeaderName, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// The calls that this one answers, by their Call-IDs (RFC 3261 §20.21).
///
/// ```
/// use sip_core::header::{InReplyTo, TypedHeader};
///
/// let calls = InReplyTo::parse(b"70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com")?;
/// assert_eq!(calls.0[1], "17320@saturn.bell-tel.com");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InReplyTo(pub Vec<SmolStr>);

impl TypedHeader for InReplyTo {
    const NAME: HeaderName = HeaderName::InReplyTo;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_list(value, |item| parse_all(item, lex_call_id)).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_list(out, &self.0, |out, call_id| write_call_id(out, call_id))
    }
}
