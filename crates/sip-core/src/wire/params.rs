use super::lexer::{Lexer, is_token_byte, is_unquoted_byte, is_uri_param_byte, small_text, unquote};
use super::uri::{check_escapes, normalise_escapes, write_escaped};
use super::{ParseError, ParseErrorKind};
use crate::Limits;
use core::fmt;
use smallvec::SmallVec;
use smol_str::SmolStr;

/// An ordered list of `;name=value` parameters. Names compare without regard to case; of a name that occurs
/// twice, the first counts.
///
/// ```
/// use sip_core::NameAddr;
///
/// let mut from = NameAddr::parse(br#"<sip:a@example.com>;tag=1;X-Note="call, later""#)?;
/// assert_eq!(from.params.value("x-note"), Some("call, later"));
/// from.params.set("lr", None);
/// assert_eq!(from.params.get("lr"), Some(None));
/// assert_eq!(from.to_string(), r#"<sip:a@example.com>;tag=1;X-Note="call, later";lr"#);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Params(SmallVec<[Param; 1]>);

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Param {
    name: SmolStr,
    value: Option<SmolStr>,
    quoted: bool,
}

/// Names without regard to case; values as they are, with or without quotes.
impl PartialEq for Param {
    fn eq(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.value == other.value
    }
}

impl Eq for Param {}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self(SmallVec::new())
    }

    /// The parameter `name`: `None` if absent, `Some(None)` if it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        self.find(name).map(|param| param.value.as_deref())
    }

    /// The value of the parameter `name`, without quotes.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).flatten()
    }

    /// Whether there is a parameter `name`, with or without value.
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Sets the parameter `name`, in its place if it is there and at the end if not.
    ///
    /// Bytes that a name cannot hold are replaced by `-`. A value is quoted or escaped when printed, if it must be.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(SmolStr::new);
        let found = self.0.iter_mut().find(|param| param.name.eq_ignore_ascii_case(name));
        if let Some(param) = found {
            param.quoted &= value.is_some();
            param.value = value;
        } else {
            let name = name.chars().map(|c| {
                if u8::try_from(c).is_ok_and(is_token_byte) {
                    c
                } else {
                    '-'
                }
            });
            self.0.push(Param {
                name: name.collect(),
                value,
                quoted: false,
            });
        }
    }

    /// Removes every parameter `name`; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|param| !param.name.eq_ignore_ascii_case(name));
        self.0.len() != before
    }

    /// The parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|param| (param.name.as_str(), param.value.as_deref()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, name: &str) -> Option<&Param> {
        self.0.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }

    /// Reads `*( SEMI generic-param )` of a header.
    pub(crate) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let mut params = Self::new();
        read_params(lexer, |name, value| {
            let (value, quoted) = match value {
                RawValue::None => (None, false),
                RawValue::Bare(text) => (Some(small_text(text)), false),
                RawValue::Quoted(raw) => (Some(unquote(raw).into()), true),
            };
            let name = SmolStr::new(name);
            params.0.push(Param { name, value, quoted });
        })?;
        Ok(params)
    }

    /// Takes what [`lex`](Self::lex) takes, and fails where it does.
    pub(crate) fn check(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
        read_params(lexer, |_, _| ())
    }

    /// Reads `*( ";" pname [ "=" pvalue ] )` of a URI: no white space, no quotes, escapes of letters and digits
    /// resolved.
    pub(super) fn lex_uri(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let mut params = Self::new();
        read_uri_params(lexer, normalise_escapes, |name, value| {
            params.0.push(Param {
                name,
                value,
                quoted: false,
            });
        })?;
        Ok(params)
    }

    /// Takes what [`lex_uri`](Self::lex_uri) takes, and fails where it does.
    pub(super) fn check_uri(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
        read_uri_params(lexer, check_escapes, |(), _| ())
    }

    /// Writes the parameters as those of a header.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for param in &self.0 {
            write!(out, ";{}", param.name)?;
            let Some(value) = &param.value else { continue };
            out.write_char('=')?;
            let bare = !param.quoted && value.bytes().all(|byte| byte.is_ascii() && is_unquoted_byte(byte));
            if bare {
                out.write_str(value)?
            } else {
                write_quoted(out, value)?
            }
        }
        Ok(())
    }

    /// Writes the parameters as those of a URI.
    pub(super) fn write_uri(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for param in &self.0 {
            out.write_char(';')?;
            write_escaped(out, &param.name, |byte| is_uri_param_byte(byte) && byte != b'=')?;
            if let Some(value) = &param.value {
                out.write_char('=')?;
                write_escaped(out, value, is_uri_param_byte)?;
            }
        }
        Ok(())
    }
}

/// What follows a parameter's name.
enum RawValue<'a> {
    None,
    Bare(&'a [u8]),
    /// What is between the quotes.
    Quoted(&'a [u8]),
}

fn read_params<'a>(lexer: &mut Lexer<'a>, mut each: impl FnMut(&'a str, RawValue<'a>)) -> Result<(), ParseError> {
    let mut count = 0_usize;
    while lexer.eat_separator(b';') {
        if count == Limits::PARAMS {
            return Err(lexer.error(ParseErrorKind::TooManyParams));
        }
        let name = lexer.token()?;
        let value = if !lexer.eat_separator(b'=') {
            RawValue::None
        } else if lexer.peek() == Some(b'"') {
            RawValue::Quoted(lexer.quoted_raw()?)
        } else {
            // `;name=` without a value is let pass: phones send it, and it is not ambiguous.
            RawValue::Bare(lexer.take_while(is_unquoted_byte))
        };
        each(name, value);
        count += 1;
    }
    Ok(())
}

fn read_uri_params<'a, T>(
    lexer: &mut Lexer<'a>,
    text: impl Fn(&'a [u8]) -> Result<T, ParseError>,
    mut each: impl FnMut(T, Option<T>),
) -> Result<(), ParseError> {
    let mut count = 0_usize;
    while lexer.eat(b';') {
        if count == Limits::PARAMS {
            return Err(lexer.error(ParseErrorKind::TooManyParams));
        }
        let start = lexer.offset();
        let name = lexer.take_while(|byte| is_uri_param_byte(byte) && byte != b'=');
        if name.is_empty() {
            return Err(lexer.unexpected());
        }
        let name = text(name).map_err(|error| error.shifted(start))?;
        let mut value = None;
        if lexer.eat(b'=') {
            let start = lexer.offset();
            let raw = lexer.take_while(is_uri_param_byte);
            value = Some(text(raw).map_err(|error| error.shifted(start))?);
        }
        each(name, value);
        count += 1;
    }
    Ok(())
}

/// Writes a quoted string. Control characters are masked by `?`, so that no text can end a line.
pub(crate) fn write_quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.write_char('\\')?;
                out.write_char(c)?;
            }
            c if c.is_control() => out.write_char('?')?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}
