use super::items::find_simple;
use super::read::{read_params, read_uri_params, simple_len, simple_uri_len};
use super::{Params, taken};
use crate::wire::ParseError;
use crate::wire::lexer::Lexer;
use crate::wire::uri::check_escapes;
use core::fmt;
use std::borrow::Cow;

/// The `;name=value` parameters of a header or URI where they lie in a message: checked, and looked up when asked for.
///
/// ```
/// use sip_core::wire::NameAddrView;
///
/// let from = NameAddrView::parse(b"<sip:a@example.com;lr>;tag=1;X-Note=\"call, \\\"later\\\"\"")?;
/// assert_eq!(from.params().value("TAG").as_deref(), Some("1"));
/// assert_eq!(from.params().value("x-note").as_deref(), Some("call, \"later\""));
/// assert_eq!(from.uri().params().get("lr"), Some(None));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ParamsView<'a>(Repr<'a>);

#[derive(Clone, Copy)]
enum Repr<'a> {
    /// No white space, no quotes, nothing to decode.
    Simple(&'a str),
    OfHeader(&'a [u8]),
    OfUri(&'a [u8]),
}

impl<'a> ParamsView<'a> {
    const NONE: Self = Self(Repr::Simple(""));

    /// The parameter `name`: `None` if absent, `Some(None)` if it has no value. Of a name that occurs twice, the first
    /// counts.
    #[inline]
    pub fn get(&self, name: &str) -> Option<Option<Cow<'a, str>>> {
        match self.0 {
            Repr::Simple(text) => find_simple(text.as_bytes(), name).map(|value| text.get(value?).map(Cow::Borrowed)),
            Repr::OfHeader(_) | Repr::OfUri(_) => self.get_decoded(name),
        }
    }

    fn get_decoded(&self, name: &str) -> Option<Option<Cow<'a, str>>> {
        let params = self.to_params();
        let found = params.get(name)?;
        Some(found.map(|value| Cow::Owned(value.to_owned())))
    }

    /// The value of the parameter `name`, without quotes.
    #[inline]
    pub fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).flatten()
    }

    /// Whether there is a parameter `name`, with or without value.
    #[inline]
    pub fn contains(&self, name: &str) -> bool {
        match self.0 {
            Repr::Simple(text) => find_simple(text.as_bytes(), name).is_some(),
            Repr::OfHeader(_) | Repr::OfUri(_) => self.get_decoded(name).is_some(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        match self.0 {
            Repr::Simple(text) => text.is_empty(),
            Repr::OfHeader(text) | Repr::OfUri(text) => text.is_empty(),
        }
    }

    /// The same parameters, to be kept or changed.
    pub fn to_params(&self) -> Params {
        // They were read before.
        match self.0 {
            Repr::Simple(text) => Ok(Params::simple(text)),
            Repr::OfHeader(text) => Params::lex(&mut Lexer::new(text)),
            Repr::OfUri(text) => Params::lex_uri(&mut Lexer::new(text)),
        }
        .unwrap_or_default()
    }

    /// Reads what [`Params::lex`] reads.
    #[inline]
    pub(crate) fn lex(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        if lexer.is_end() {
            return Ok(Self::NONE);
        }
        match simple_len(lexer.rest()) {
            Some(len) => Ok(Self::simple(lexer, len)),
            None => Self::lex_any(lexer),
        }
    }

    #[cold]
    fn lex_any(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        let before = lexer.clone();
        read_params(lexer, |_, _| ())?;
        Ok(Self(Repr::OfHeader(taken(&before, lexer))))
    }

    /// Reads what [`Params::lex_uri`] reads.
    #[inline]
    pub(in crate::wire) fn lex_uri(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        if lexer.is_end() {
            return Ok(Self::NONE);
        }
        match simple_uri_len(lexer.rest()) {
            Some(len) => Ok(Self::simple(lexer, len)),
            None => Self::lex_any_uri(lexer),
        }
    }

    #[cold]
    fn lex_any_uri(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        let before = lexer.clone();
        read_uri_params(lexer, check_escapes, |(), _| ())?;
        Ok(Self(Repr::OfUri(taken(&before, lexer))))
    }

    /// Takes `len` octets, which are ASCII.
    #[inline]
    fn simple(lexer: &mut Lexer<'a>, len: usize) -> Self {
        let source = lexer.source();
        Self(Repr::Simple(source.str_of(lexer.take(len)).unwrap_or_default()))
    }
}

impl fmt::Debug for ParamsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_params().fmt(f)
    }
}
