use super::{NameAddr, joined, lex_bare, lex_bracketed, take_words};
use crate::wire::lexer::{Lexer, unquote};
use crate::wire::params::ParamsView;
use crate::wire::text::Source;
use crate::wire::{ParseError, UriView};
use core::fmt;
use std::borrow::Cow;

/// An address where it lies in a message: checked, and its parts decoded when asked for.
/// [`to_name_addr`](Self::to_name_addr) makes a [`NameAddr`] of it, to be kept or changed.
///
/// ```
/// use sip_core::wire::NameAddrView;
///
/// let from = NameAddrView::parse(b"\"Bob \\\"B\\\"\" <sip:bob@example.com>;tag=314159")?;
/// assert_eq!((from.display().as_deref(), from.tag().as_deref()), (Some("Bob \"B\""), Some("314159")));
/// assert_eq!(from.uri().host(), Some("example.com"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct NameAddrView<'a> {
    all: &'a [u8],
    /// With its quotes, if it has them.
    display: Option<&'a [u8]>,
    uri: UriView<'a>,
    params: ParamsView<'a>,
}

impl<'a> NameAddrView<'a> {
    /// Reads one value, all of `bytes`; fails where [`NameAddr::parse`] does.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::parse_in(bytes, Source::NONE)
    }

    /// As [`parse`](Self::parse), of a part of `source`.
    #[inline]
    pub(crate) fn parse_in(bytes: &'a [u8], source: Source<'a>) -> Result<Self, ParseError> {
        let mut lexer = Lexer::within(bytes, source);
        let view = Self::lex(&mut lexer)?;
        lexer.finish()?;
        Ok(view)
    }

    /// Takes what [`NameAddr::lex`] takes.
    #[inline]
    pub(crate) fn lex(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        lexer.skip_space();
        let all = lexer.rest();
        let display = match lexer.peek() {
            Some(b'<') => None,
            Some(b'"') => {
                if lexer.plain_quoted().is_none() {
                    lexer.quoted_raw()?;
                }
                let quoted = all.get(..all.len() - lexer.rest().len());
                lexer.skip_space();
                quoted
            }
            _ => take_words(lexer),
        };
        let uri = if display.is_some() || lexer.peek() == Some(b'<') {
            lex_bracketed(lexer, UriView::lex)?
        } else {
            lex_bare(lexer, UriView::lex)?
        };
        let params = ParamsView::lex(lexer)?;
        Ok(Self {
            all,
            display,
            uri,
            params,
        })
    }

    /// The display name, without quotes and escapes.
    pub fn display(&self) -> Option<Cow<'a, str>> {
        let display = self.display?;
        Some(match display {
            [b'"', raw @ .., b'"'] => match self.uri.source().str_of(raw) {
                Some(text) if !raw.iter().any(|byte| matches!(byte, b'\\' | b'\r' | b'\n')) => Cow::Borrowed(text),
                _ => Cow::Owned(unquote(raw)),
            },
            words => Cow::Owned(joined(words, Source::NONE).into()),
        })
    }

    /// The address.
    pub const fn uri(&self) -> &UriView<'a> {
        &self.uri
    }

    /// The header's parameters.
    pub const fn params(&self) -> ParamsView<'a> {
        self.params
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<Cow<'a, str>> {
        self.params.value("tag")
    }

    /// The same address, to be kept or changed.
    pub fn to_name_addr(&self) -> NameAddr {
        // It was read before.
        NameAddr::parse_in(self.all, self.uri.source()).unwrap_or_else(|_| NameAddr::new(self.uri.to_uri()))
    }
}

impl fmt::Debug for NameAddrView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddrView")
            .field("display", &self.display())
            .field("uri", &self.uri)
            .field("params", &self.params)
            .finish()
    }
}
