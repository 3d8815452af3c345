use super::{TypedHeader, parse_all, write_token};
use crate::wire::lexer::{Lexer, small_text};
use crate::wire::{HeaderName, Params, ParseError, ParseErrorKind};
use core::fmt;
use smol_str::SmolStr;

/// The dialog that an INVITE takes the place of (RFC 3891).
///
/// ```
/// use sip_core::header::{Replaces, TypedHeader};
///
/// let replaces = Replaces::parse(b"425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only")?;
/// assert_eq!((replaces.to_tag.as_str(), replaces.from_tag.as_str()), ("7743", "6472"));
/// assert!(replaces.early_only, "a dialog that is answered must not be replaced");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
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

/// Reads the Call-ID that such a header begins with.
pub(super) fn lex_call_id(lexer: &mut Lexer<'_>) -> Result<SmolStr, ParseError> {
    let call_id = lexer.take_while(is_call_id_byte);
    if call_id.is_empty() {
        return Err(lexer.unexpected());
    }
    Ok(small_text(call_id))
}

/// Writes a Call-ID: what cannot be part of one becomes `-`.
pub(super) fn write_call_id(out: &mut impl fmt::Write, call_id: &str) -> fmt::Result {
    call_id.chars().try_for_each(|c| {
        out.write_char(if u8::try_from(c).is_ok_and(is_call_id_byte) {
            c
        } else {
            '-'
        })
    })
}

/// Reads the mandatory tag `name`.
pub(super) fn required_tag(params: &Params, name: &str, lexer: &Lexer<'_>) -> Result<SmolStr, ParseError> {
    let tag = params.value(name).filter(|tag| !tag.is_empty());
    tag.map(SmolStr::new)
        .ok_or_else(|| lexer.error(ParseErrorKind::MissingParameter))
}

/// The octets of a Call-ID: `word [ "@" word ]` (RFC 3261 §25.1), and what phones put there; never `;` or `,`.
fn is_call_id_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b';' | b',')
}

impl TypedHeader for Replaces {
    const NAME: HeaderName = HeaderName::Replaces;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let call_id = lex_call_id(lexer)?;
            let params = Params::lex(lexer)?;
            Ok(Self {
                call_id,
                to_tag: required_tag(&params, "to-tag", lexer)?,
                from_tag: required_tag(&params, "from-tag", lexer)?,
                early_only: params.contains("early-only"),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_call_id(out, &self.call_id)?;
        out.write_str(";to-tag=")?;
        write_token(out, &self.to_tag)?;
        out.write_str(";from-tag=")?;
        write_token(out, &self.from_tag)?;
        out.write_str(if self.early_only { ";early-only" } else { "" })
    }
}
