use super::{TypedHeader, parse_all};
use crate::wire::lexer::{is_unquoted_byte, small_text, unquote};
use crate::wire::{HeaderName, ParseError, write_quoted};
use core::fmt;
use smol_str::SmolStr;

/// What went wrong, for people (RFC 3261 §20.43).
///
/// ```
/// use sip_core::header::{TypedHeader, Warning};
///
/// let warning = Warning::parse(b"307 isi.edu \"Session parameter 'foo' not understood\"")?;
/// assert_eq!((warning.code, warning.agent.as_str()), (307, "isi.edu"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Warning {
    /// 300 to 399 in practice; three digits.
    pub code: u16,
    /// Who warns: host and port, or a pseudonym.
    pub agent: SmolStr,
    /// The words.
    pub text: String,
}

impl TypedHeader for Warning {
    const NAME: HeaderName = HeaderName::Warning;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let code = u16::try_from(lexer.number(999)?).unwrap_or_default();
            lexer.skip_space();
            let agent = small_text(lexer.take_while(is_unquoted_byte));
            if agent.is_empty() {
                return Err(lexer.unexpected());
            }
            lexer.skip_space();
            Ok(Self {
                code,
                agent,
                text: unquote(lexer.quoted_raw()?),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{:03} ", self.code)?;
        for c in self.agent.chars() {
            out.write_char(
                if u8::try_from(c).is_ok_and(|byte| c.is_ascii() && is_unquoted_byte(byte)) {
                    c
                } else {
                    '-'
                },
            )?;
        }
        out.write_char(' ')?;
        write_quoted(out, &self.text)
    }
}
