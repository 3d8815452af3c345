use super::replaces::{lex_call_id, required_tag, write_call_id};
use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// The dialog that an INVITE wants to be mixed into (RFC 3911).
///
/// ```
/// use sip_core::header::{Join, TypedHeader};
///
/// let join = Join::parse(b"12345600@atlanta.example.com;from-tag=1234567;to-tag=23431")?;
/// assert_eq!(join, Join::new("12345600@atlanta.example.com", "23431", "1234567"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Join {
    /// The dialog's Call-ID.
    pub call_id: SmolStr,
    /// The tag of who receives the INVITE.
    pub to_tag: SmolStr,
    /// The tag of the other party.
    pub from_tag: SmolStr,
}

impl Join {
    /// A dialog. The tags are named as the receiver of the INVITE sees them.
    pub fn new(call_id: &str, to_tag: &str, from_tag: &str) -> Self {
        let [call_id, to_tag, from_tag] = [call_id, to_tag, from_tag].map(SmolStr::new);
        Self {
            call_id,
            to_tag,
            from_tag,
        }
    }
}

impl TypedHeader for Join {
    const NAME: HeaderName = HeaderName::Join;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let call_id = lex_call_id(lexer)?;
            let params = Params::lex(lexer)?;
            Ok(Self {
                call_id,
                to_tag: required_tag(&params, "to-tag", lexer)?,
                from_tag: required_tag(&params, "from-tag", lexer)?,
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_call_id(out, &self.call_id)?;
        out.write_str(";to-tag=")?;
        write_token(out, &self.to_tag)?;
        out.write_str(";from-tag=")?;
        write_token(out, &self.from_tag)
    }
}
