use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError, ParseErrorKind, lexer};
use core::fmt;
use smol_str::SmolStr;

/// The dialog that an INVITE takes the place of (RFC 3891).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Replaces {
    /// The dialog's Call-ID.
    pub call_id: SmolStr,
    /// The tag of who receives the INVITE.
    pub to_tag: SmolStr,
    /// The tag of the other party.
    pub from_tag: SmolStr,
    /// Whether only an early dialog may be replaced.
    pub early_only: bool,
}

impl Replaces {
    /// A dialog, early or not.
    pub fn new(call_id: &str, to_tag: &str, from_tag: &str) -> Self {
        let [call_id, to_tag, from_tag] = [call_id, to_tag, from_tag].map(SmolStr::new);
        Self {
            call_id,
            to_tag,
            from_tag,
            early_only: false,
        }
    }
}

/// The octets of a Call-ID: `word [ "@" word ]` (RFC 3261 §25.1), and what phones put there; never `;` or `,`.
fn is_call_id_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b',')
}

impl TypedHeader for Replaces {
    const NAME: HeaderName = HeaderName::Replaces;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let call_id = lexer.take_while(is_call_id_byte);
            if call_id.is_empty() {
                return Err(lexer.unexpected());
            }
            let params = Params::lex(lexer)?;
            let missing = lexer.error(ParseErrorKind::MissingParameter);
            let tag = |name| {
                params
                    .value(name)
                    .filter(|tag| !tag.is_empty())
                    .map(SmolStr::new)
                    .ok_or(missing)
            };
            Ok(Self {
                call_id: lexer::small_text(call_id),
                to_tag: tag("to-tag")?,
                from_tag: tag("from-tag")?,
                early_only: params.contains("early-only"),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for c in self.call_id.chars() {
            out.write_char(if u8::try_from(c).is_ok_and(is_call_id_byte) {
                c
            } else {
                '-'
            })?;
        }
        out.write_str(";to-tag=")?;
        write_token(out, &self.to_tag)?;
        out.write_str(";from-tag=")?;
        write_token(out, &self.from_tag)?;
        out.write_str(if self.early_only { ";early-only" } else { "" })
    }
}
