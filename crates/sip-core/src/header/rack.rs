use super::{TypedHeader, parse_all};
use crate::wire::lexer::is_token_byte;
use crate::wire::{HeaderName, Method, ParseError};
use core::fmt;

/// Which provisional response a PRACK acknowledges (RFC 3262 §7.2).
///
/// ```
/// use sip_core::Method;
/// use sip_core::header::{RAck, TypedHeader};
///
/// let acknowledged = RAck::parse(b"776656 1 INVITE")?;
/// assert_eq!((acknowledged.rseq, acknowledged.cseq, acknowledged.method), (776_656, 1, Method::Invite));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The number in the response's CSeq.
    pub cseq: u32,
    /// The method in the response's CSeq.
    pub method: Method,
}

impl TypedHeader for RAck {
    const NAME: HeaderName = HeaderName::RAck;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let rseq = lexer.number_u32(u32::MAX)?;
            lexer.skip_space();
            let cseq = lexer.number_u32(super::CSeq::MAX)?;
            lexer.skip_space();
            let start = lexer.offset();
            let method = Method::parse(lexer.take_while(is_token_byte)).map_err(|error| error.shifted(start))?;
            Ok(Self { rseq, cseq, method })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}
