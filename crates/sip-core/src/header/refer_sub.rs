use super::{TypedHeader, parse_all};
use crate::wire::{HeaderName, Params, ParseError, ParseErrorKind};
use core::fmt;

/// Whether a REFER makes a subscription to its progress (RFC 4488). In a response: whether it did.
///
/// ```
/// use sip_core::header::{ReferSub, TypedHeader};
///
/// assert_eq!(ReferSub::parse(b"False")?, ReferSub(false));
/// assert!(ReferSub::parse(b"no").is_err());
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReferSub(pub bool);

impl TypedHeader for ReferSub {
    const NAME: HeaderName = HeaderName::ReferSub;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let start = lexer.offset();
            let word = lexer.token()?;
            let wanted = word.eq_ignore_ascii_case("true");
            if !wanted && !word.eq_ignore_ascii_case("false") {
                return Err(ParseError::new(ParseErrorKind::UnexpectedByte, start));
            }
            Params::lex(lexer)?;
            Ok(Self(wanted))
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}
