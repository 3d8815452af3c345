use super::{TypedHeader, parse_all};
use crate::wire::lexer::{Lexer, is_token_byte};
use crate::wire::{HeaderName, Method, ParseError};
use core::fmt;

/// The place of a request in its dialog (RFC 3261 §20.16).
///
/// ```
/// use sip_core::Method;
/// use sip_core::header::{CSeq, TypedHeader};
///
/// assert_eq!(CSeq::parse(b"0009  INVITE")?, CSeq::new(9, Method::Invite));
/// assert!(CSeq::parse(b"2147483648 INVITE").is_err(), "below 2^31 (RFC 3261 section 8.1.1.5)");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CSeq {
    /// The sequence number, below 2^31.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// The largest sequence number.
    pub const MAX: u32 = (1 << 31) - 1;

    /// A CSeq.
    pub const fn new(number: u32, method: Method) -> Self {
        Self { number, method }
    }
}

impl TypedHeader for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer: &mut Lexer<'_>| {
            let number = lexer.number_u32(Self::MAX)?;
            let digits_end = lexer.offset();
            lexer.skip_space();
            let start = lexer.offset();
            if start == digits_end {
                return Err(lexer.unexpected());
            }
            let method = Method::parse(lexer.take_while(is_token_byte)).map_err(|error| error.shifted(start))?;
            Ok(Self { number, method })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{} {}", self.number, self.method)
    }
}
