use super::lexer::is_token_byte;
use super::text::{Source, Text};
use super::{ParseError, ParseErrorKind};
use bytes::Bytes;
use core::fmt;

/// A token of RFC 3261 §25.1: visible ASCII without separators, at least one character.
///
/// Cloning is cheap: a short token is held in place, a long one shares the message's bytes.
///
/// ```
/// use sip_core::Token;
///
/// assert_eq!(Token::new("X-Alpha")?.as_str(), "X-Alpha");
/// assert!(Token::new("two words").is_err());
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct Token(Text);

impl Token {
    /// Copies `text`, if it is a token.
    ///
    /// # Errors
    ///
    /// `Empty`, or `UnexpectedByte` at the first byte that a token cannot hold.
    pub fn new(text: &str) -> Result<Self, ParseError> {
        check(text.as_bytes())?;
        Ok(Self(text.into()))
    }

    /// Shares `bytes`, if they are a token.
    ///
    /// # Errors
    ///
    /// As [`Token::new`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, ParseError> {
        Self::parse_in(&bytes, Source::of(&bytes))
    }

    /// `bytes`, if they are a token; may share `source`.
    pub(crate) fn parse_in(bytes: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        check(bytes)?;
        Ok(Self(source.text(bytes)))
    }

    /// For bytes that were checked before.
    pub(super) fn from_checked(bytes: &[u8], source: Source<'_>) -> Self {
        debug_assert!(check(bytes).is_ok());
        Self(source.text(bytes))
    }

    /// The token as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn check(bytes: &[u8]) -> Result<(), ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    match bytes.iter().position(|&byte| !is_token_byte(byte)) {
        Some(offset) => Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset)),
        None => Ok(()),
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl TryFrom<String> for Token {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::from_bytes(text.into())
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.as_str().to_owned()
    }
}
