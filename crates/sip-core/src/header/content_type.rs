use super::{TypedHeader, parse_all, write_token};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// What the body is (RFC 3261 §20.15).
///
/// ```
/// use sip_core::header::{ContentType, TypedHeader};
///
/// let content_type = ContentType::parse(b"Multipart/Mixed ; boundary=\"a b\"")?;
/// assert!(content_type.is("multipart/mixed"));
/// assert_eq!(content_type.params.value("boundary"), Some("a b"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContentType {
    /// The type, such as `application`.
    pub kind: SmolStr,
    /// The subtype, such as `sdp`.
    pub subtype: SmolStr,
    /// `charset`, `boundary` and others.
    pub params: Params,
}

impl ContentType {
    /// Whether this is the media type `type/subtype`, without regard to case and parameters.
    pub fn is(&self, media_type: &str) -> bool {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }
}

/// Reads type, subtype and parameters.
pub(super) fn lex_media_type(lexer: &mut Lexer<'_>) -> Result<(SmolStr, SmolStr, Params), ParseError> {
    let kind = SmolStr::new(lexer.token()?);
    if !lexer.eat_separator(b'/') {
        return Err(lexer.unexpected());
    }
    let subtype = SmolStr::new(lexer.token()?);
    Ok((kind, subtype, Params::lex(lexer)?))
}

/// Writes type, subtype and parameters.
pub(super) fn write_media_type(out: &mut impl fmt::Write, kind: &str, subtype: &str, params: &Params) -> fmt::Result {
    write_token(out, kind)?;
    out.write_char('/')?;
    write_token(out, subtype)?;
    params.write(out)
}

impl TypedHeader for ContentType {
    const NAME: HeaderName = HeaderName::ContentType;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let (kind, subtype, params) = parse_all(value, lex_media_type)?;
        Ok(Self { kind, subtype, params })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_media_type(out, &self.kind, &self.subtype, &self.params)
    }
}
