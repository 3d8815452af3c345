mod view;

pub use view::NameAddrView;

use super::lexer::{Lexer, decode_text, is_token_byte, steps, trim};
use super::params::{Params, write_quoted};
use super::scan::find;
use super::text::{Source, Text};
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
    pub display: Option<Text>,
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
        self.display = Some(display.into());
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
        Self::parse_in(bytes, Source::NONE)
    }

    /// As [`parse`](Self::parse); texts may share `source`.
    pub(crate) fn parse_in(bytes: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        let mut lexer = Lexer::within(bytes, source);
        let value = Self::lex(&mut lexer)?;
        lexer.finish()?;
        Ok(value)
    }

    /// The same address in memory of its own: no message is kept for it.
    #[must_use]
    pub fn detached(self) -> Self {
        Self {
            display: self.display.map(Text::detached),
            uri: self.uri.detached(),
            params: self.params.detached(),
        }
    }

    #[inline]
    pub(crate) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        lexer.skip_space();
        let display = lex_display(lexer)?;
        let uri = if display.is_some() || lexer.peek() == Some(b'<') {
            lex_bracketed(lexer, Uri::lex)?
        } else {
            lex_bare(lexer, Uri::lex)?
        };
        let params = Params::lex(lexer)?;
        Ok(Self { display, uri, params })
    }

    /// Writes the value as a header carries it.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if let Some(display) = &self.display {
            write_quoted(out, display)?;
            out.write_char(' ')?;
        }
        out.write_char('<')?;
        self.uri.write(out)?;
        out.write_char('>')?;
        self.params.write(out)
    }
}

/// Reads what stands before the bracket, if that is where the URI stands.
#[inline]
fn lex_display(lexer: &mut Lexer<'_>) -> Result<Option<Text>, ParseError> {
    match lexer.peek() {
        Some(b'<') => Ok(None),
        Some(b'"') => {
            let display = lexer.quoted_text()?;
            lexer.skip_space();
            Ok(Some(display))
        }
        _ => Ok(take_words(lexer).map(|words| joined(words, lexer.source()))),
    }
}

/// Takes the tokens before a bracket, with white space between and after them; nothing if no bracket follows.
fn take_words<'a>(lexer: &mut Lexer<'a>) -> Option<&'a [u8]> {
    let rest = lexer.rest();
    let mut len = 0;
    while let Some(&byte) = rest.get(len) {
        let is_blank = |at: usize| matches!(rest.get(at), Some(b' ' | b'\t'));
        len += match byte {
            b' ' | b'\t' => 1,
            _ if is_word_byte(byte) => 1,
            b'\n' if is_blank(len + 1) => 2,
            b'\r' if rest.get(len + 1) == Some(&b'\n') && is_blank(len + 2) => 3,
            _ => break,
        };
    }
    steps::add(len + 1);
    if rest.get(len) != Some(&b'<') || len == 0 {
        return None;
    }
    Some(trim(lexer.take(len)))
}

/// The words with one space between them.
fn joined(words: &[u8], source: Source<'_>) -> Text {
    let spaced = |pair: &[u8]| matches!(pair, [b'\t' | b'\r' | b'\n', _] | [b' ', b' ' | b'\t' | b'\r' | b'\n']);
    if !words.windows(2).any(spaced) {
        return source.text(words);
    }
    let is_space = |byte: &u8| !is_word_byte(*byte);
    let words: Vec<_> = words
        .split(is_space)
        .filter(|word| !word.is_empty())
        .map(decode_text)
        .collect();
    words.join(" ").into()
}

fn is_word_byte(byte: u8) -> bool {
    is_token_byte(byte) || byte >= 0x80
}

#[inline]
fn lex_bracketed<'a, T>(
    lexer: &mut Lexer<'a>,
    lex: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let opened = lexer.offset();
    lexer.expect(b'<')?;
    let Some(len) = find(lexer.rest(), b'>') else {
        return Err(ParseError::new(ParseErrorKind::UnterminatedBracket, opened));
    };
    let mut uri = lexer.part(len);
    lexer.take(1);
    lex(&mut uri)
}

/// A URI without brackets ends at white space, `;` or `,`, and must not hold a `?`.
#[inline]
fn lex_bare<'a, T>(
    lexer: &mut Lexer<'a>,
    lex: impl FnOnce(&mut Lexer<'a>) -> Result<T, ParseError>,
) -> Result<T, ParseError> {
    let start = lexer.clone();
    let text =
        lexer.take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b',' | b'<' | b'>' | b'"'));
    if text.is_empty() {
        return Err(lexer.unexpected());
    }
    if let Some(at) = find(text, b'?') {
        return Err(ParseError::new(ParseErrorKind::UriHeaders, start.offset() + at));
    }
    lex(&mut start.clone().part(text.len()))
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
