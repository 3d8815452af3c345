mod view;

pub use view::ContactView;

use super::{TypedHeader, parse_all, parse_all_in, seconds_of};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, NameAddr, ParseError, Source};
use core::fmt;

/// Where to reach somebody, or `*` for all bindings (RFC 3261 §20.10).
///
/// ```
/// use sip_core::header::{Contact, TypedHeader};
///
/// let contact = Contact::parse(b"\"Mr. Watson\" <sip:watson@example.com>;q=0.7; expires=3600")?;
/// assert_eq!((contact.q(), contact.expires()), (Some(700), Some(3600)));
/// assert_eq!(Contact::parse(b"*")?, Contact::All);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every value is an address, and none lives long"
)]
pub enum Contact {
    /// `*`: all bindings, to be removed (RFC 3261 §10.2.2).
    All,
    /// One address.
    Address(NameAddr),
}

impl Contact {
    /// The address, if it is not `*`.
    pub const fn address(&self) -> Option<&NameAddr> {
        match self {
            Self::All => None,
            Self::Address(address) => Some(address),
        }
    }

    fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        if lexer.eat(b'*') {
            Ok(Self::All)
        } else {
            NameAddr::lex(lexer).map(Self::Address)
        }
    }

    /// The preference in thousandths, 0 to 1000. `None` if absent or malformed.
    pub fn q(&self) -> Option<u16> {
        parse_q(self.address()?.params.value("q")?)
    }

    /// The `expires` parameter in seconds. `None` if absent or malformed.
    pub fn expires(&self) -> Option<u32> {
        seconds_of(self.address()?.params.value("expires"))
    }
}

/// `0`, `1`, `0.xyz` or `1.000` in thousandths.
pub(crate) fn parse_q(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" | "" if !text.is_empty() => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

impl TypedHeader for Contact {
    const NAME: HeaderName = HeaderName::Contact;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, Self::lex)
    }

    fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        parse_all_in(value, source, Self::lex)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::All => out.write_char('*'),
            Self::Address(address) => address.write(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_q;

    #[test]
    fn q_values() {
        let table = [
            ("0", Some(0)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.33", Some(330)),
            ("0.001", Some(1)),
        ];
        for (text, q) in table
            .into_iter()
            .chain([("1", Some(1000)), ("1.0", Some(1000)), ("1.000", Some(1000))])
        {
            assert_eq!(parse_q(text), q, "{text}");
        }
        for text in ["", "1.001", "2", "0.0001", "-0.1", "0.a", "a", "0.+1", "1.1"] {
            assert_eq!(parse_q(text), None, "{text}");
        }
        assert_eq!(parse_q(".7"), Some(700), "let pass");
    }
}
