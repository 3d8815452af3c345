use super::lexer::{Lexer, is_token_byte, unquote};
use super::params::{Params, write_quoted};
use super::{ParseError, ParseErrorKind, Uri};
use core::fmt;
use core::str::FromStr;

/// An address with an optional display name and parameters: `"Bob" <sip:bob@example.com>;tag=1`, the form of
/// From, To, Contact, Route, Refer-To and others (RFC 3261 §20.10).
///
/// ```
/// use sip_core::NameAddr;
///
/// let mut to = NameAddr::parse(b"sip:bob@example.com;user=phone")?;
/// assert_eq!(to.params.value("user"), Some("phone"), "without brackets, parameters are the header's");
/// to.set_tag("314159");
/// assert_eq!(to.with_display("Bob \"B\"").to_string(), r#""Bob \"B\"" <sip:bob@example.com>;user=phone;tag=314159"#);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NameAddr {
    /// The display name, without quotes and escapes. Printed in quotes, control characters masked by `?`.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters.
    pub params: Params,
}

impl NameAddr {
    /// An address alone.
    pub fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Params::new(),
        }
    }

    /// Sets the display name.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned());
        self
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.value("tag")
    }

    /// Sets the `tag` parameter.
    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag));
    }

    /// Reads one value, all of `bytes`: the form with brackets, or a bare URI whose parameters are then the header's.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset. A bare URI with a `?` part is `UriHeaders`, since it must be in brackets.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(bytes);
        let value = Self::lex(&mut lexer)?;
        lexer.finish()?;
        Ok(value)
    }

    pub(crate) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let (display, uri) = Self::lex_address(lexer)?;
        let params = Params::lex(lexer)?;
        Ok(Self { display, uri, params })
    }

    /// Fails where [`parse`](Self::parse) does, with the same error, without making a value.
    pub(crate) fn check(bytes: &[u8]) -> Result<(), ParseError> {
        let mut lexer = Lexer::new(bytes);
        Self::check_lex(&mut lexer)?;
        lexer.finish()
    }

    /// Takes what [`lex`](Self::lex) takes.
    pub(crate) fn check_lex(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
        lexer.skip_space();
        match lexer.peek() {
            Some(b'"') => {
                lexer.quoted_raw()?;
                lexer.skip_space();
                read_bracketed(lexer, Uri::check)?;
            }
            Some(b'<') => read_bracketed(lexer, Uri::check)?,
            _ => {
                let mut words = lexer.clone();
                let start = words.offset();
                while !words.take_while(is_word_byte).is_empty() {
                    words.skip_space();
                }
                if words.peek() == Some(b'<') && words.offset() != start {
                    *lexer = words;
                    read_bracketed(lexer, Uri::check)?;
                } else {
                    read_bare(lexer, Uri::check)?;
                }
            }
        }
        Params::check(lexer)
    }

    fn lex_address(lexer: &mut Lexer<'_>) -> Result<(Option<String>, Uri), ParseError> {
        lexer.skip_space();
        match lexer.peek() {
            Some(b'"') => {
                let display = unquote(lexer.quoted_raw()?);
                lexer.skip_space();
                Ok((Some(display), read_bracketed(lexer, Uri::parse)?))
            }
            Some(b'<') => Ok((None, read_bracketed(lexer, Uri::parse)?)),
            _ => Self::lex_words(lexer),
        }
    }

    /// Tokens before a bracket, or a bare URI.
    fn lex_words(lexer: &mut Lexer<'_>) -> Result<(Option<String>, Uri), ParseError> {
        let mut words = lexer.clone();
        let mut display = String::new();
        loop {
            let word = words.take_while(is_word_byte);
            if word.is_empty() {
                break;
            }
            if !display.is_empty() {
                display.push(' ');
            }
            display.push_str(&super::lexer::decode_text(word));
            words.skip_space();
        }
        if words.peek() == Some(b'<') && !display.is_empty() {
            *lexer = words;
            return Ok((Some(display), read_bracketed(lexer, Uri::parse)?));
        }
        read_bare(lexer, Uri::parse).map(|uri| (None, uri))
    }

    /// Writes the value as a header carries it.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if let Some(display) = &self.display {
            write_quoted(out, display)?;
            out.write_char(' ')?;
        }
        write!(out, "<{}>", self.uri)?;
        self.params.write(out)
    }
}

fn is_word_byte(byte: u8) -> bool {
    is_token_byte(byte) || byte >= 0x80
}

fn read_bracketed<'a, T>(
    lexer: &mut Lexer<'a>,
    read: impl FnOnce(&'a [u8]) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let opened = lexer.error(ParseErrorKind::UnterminatedBracket);
    lexer.expect(b'<')?;
    let len = memchr::memchr(b'>', lexer.rest()).ok_or(opened)?;
    let start = lexer.offset();
    let uri = read(lexer.take(len)).map_err(|error| error.shifted(start))?;
    lexer.expect(b'>')?;
    Ok(uri)
}

/// A URI without brackets ends at white space, `;` or `,`, and must not hold a `?`.
fn read_bare<'a, T>(
    lexer: &mut Lexer<'a>,
    read: impl FnOnce(&'a [u8]) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let start = lexer.offset();
    let text =
        lexer.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b',' | b'<' | b'>' | b'"'));
    if text.is_empty() {
        return Err(lexer.unexpected());
    }
    if let Some(at) = memchr::memchr(b'?', text) {
        return Err(ParseError::new(ParseErrorKind::UriHeaders, start + at));
    }
    read(text).map_err(|error| error.shifted(start))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl FromStr for NameAddr {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}
