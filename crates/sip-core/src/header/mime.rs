//! The headers of MIME that a body or a part of one carries, besides Content-Type and Content-Disposition.

use super::words::words;
use super::{TypedHeader, parse_all, write_token};
use crate::wire::lexer::small_text;
use crate::wire::{HeaderName, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// Names a part of a body, so that a `cid:` URI can point to it (RFC 2392, RFC 8262).
///
/// ```
/// use sip_core::header::{ContentId, TypedHeader};
///
/// let id = ContentId::parse(b"<1237@example.com>")?;
/// assert_eq!(id.0, "1237@example.com");
/// assert!(id.is("cid:1237%40example.com".trim_start_matches("cid:")), "in a URI it may be escaped");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContentId(pub SmolStr);

impl ContentId {
    /// Whether `cid`, what follows `cid:` in a URI, names this part.
    pub fn is(&self, cid: &str) -> bool {
        cid == self.0 || unescaped(cid).eq(self.0.bytes())
    }
}

/// The octets of `text` with `%xx` resolved.
fn unescaped(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    core::iter::from_fn(move || {
        let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = after;
            return Some(high * 16 + low);
        }
        let (byte, after) = rest.split_first()?;
        rest = after;
        Some(*byte)
    })
}

const fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>')
}

impl TypedHeader for ContentId {
    const NAME: HeaderName = HeaderName::ContentId;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            lexer.expect(b'<')?;
            let id = lexer.take_while(is_id_byte);
            if id.is_empty() {
                return Err(lexer.unexpected());
            }
            lexer.expect(b'>')?;
            Ok(Self(small_text(id)))
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_char('<')?;
        self.0
            .chars()
            .try_for_each(|c| out.write_char(if u8::try_from(c).is_ok_and(is_id_byte) { c } else { '-' }))?;
        out.write_char('>')
    }
}

/// The version of MIME that the body follows: 1.0 (RFC 3261 §20.24).
///
/// ```
/// use sip_core::header::{MimeVersion, TypedHeader};
///
/// assert_eq!(MimeVersion::parse(b"1.0")?, MimeVersion { major: 1, minor: 0 });
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MimeVersion {
    /// Before the dot.
    pub major: u32,
    /// After it.
    pub minor: u32,
}

impl TypedHeader for MimeVersion {
    const NAME: HeaderName = HeaderName::MimeVersion;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let major = lexer.number_u32(u32::MAX)?;
            lexer.expect(b'.')?;
            let minor = lexer.number_u32(u32::MAX)?;
            Ok(Self { major, minor })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

words! {
    /// How the octets of a part were made fit for a way that does not take all (RFC 2045 §6). In SIP, `binary` is the rule.
    ///
    /// ```
    /// use sip_core::header::{ContentTransferEncoding, TypedHeader};
    ///
    /// assert_eq!(ContentTransferEncoding::parse(b"BASE64")?, ContentTransferEncoding::Base64);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ContentTransferEncoding {
        /// As they are.
        Binary = "binary",
        /// As they are, in lines.
        EightBit = "8bit",
        /// As they are, ASCII in lines.
        SevenBit = "7bit",
        /// Three octets in four characters.
        Base64 = "base64",
        /// All but ASCII as `=xx`.
        QuotedPrintable = "quoted-printable",
    }
}

impl TypedHeader for ContentTransferEncoding {
    const NAME: HeaderName = HeaderName::ContentTransferEncoding;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| lexer.token().map(Self::from_word))
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, self.as_str())
    }
}
