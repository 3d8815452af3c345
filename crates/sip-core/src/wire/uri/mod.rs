mod equivalence;
mod escape;
mod view;

pub use view::UriView;

pub(crate) use escape::unescape;
pub(super) use escape::{check_escapes, normalise_escapes, write_escaped, write_host_name};

use super::digits::Digits;
use super::lexer::{Lexer, all, is_userinfo_byte};
use super::params::Params;
use super::scan::{find, host_len};
use super::text::{Source, Text};
use super::{Host, ParseError, ParseErrorKind};
use crate::Limits;
use core::fmt;
use core::str::FromStr;
use escape::{escape, is_header_byte, is_user_byte};
use std::borrow::Cow;

/// The scheme of a [`Uri`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other; the URI is kept as it is.
    Other,
}

impl Scheme {
    /// The scheme of a URI that can be read.
    pub(crate) fn of(uri: &[u8]) -> Self {
        let is = |scheme: &[u8]| {
            uri.split_at_checked(scheme.len())
                .is_some_and(|(start, _)| start.eq_ignore_ascii_case(scheme))
        };
        if is(b"sip:") {
            Self::Sip
        } else if is(b"sips:") {
            Self::Sips
        } else if is(b"tel:") {
            Self::Tel
        } else {
            Self::Other
        }
    }
}

/// A URI: `sip`, `sips` and `tel` in their parts, any other as it is.
///
/// Escapes that stand for letters, digits and `-._~` are resolved when parsed, so that names and values can be
/// looked up; all others stay.
///
/// ```
/// use sip_core::{Host, Uri};
///
/// let uri = Uri::parse(b"sip:al%69ce%20b:pw@Example.com:5070;transport=tcp;l%72?Subject=a%20b")?;
/// assert_eq!(uri.user().as_deref(), Some("alice b"));
/// assert_eq!(uri.host(), Some(&Host::from("example.com")));
/// assert_eq!((uri.port(), uri.transport(), uri.is_loose_router()), (Some(5070), Some("tcp"), true));
/// assert_eq!(uri.header("subject").as_deref(), Some("a b"));
///
/// let target = Uri::sip(Some("bob"), "192.0.2.1", None).with_header("Replaces", "1@a;to-tag=x;from-tag=y");
/// assert_eq!(target.to_string(), "sip:bob@192.0.2.1?Replaces=1%40a%3Bto-tag%3Dx%3Bfrom-tag%3Dy");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct Uri {
    scheme: Scheme,
    /// Escaped. Of a `tel` URI, the number; of another scheme, the whole URI.
    user: Option<Text>,
    host: Option<Host>,
    port: Option<u16>,
    params: Params,
    /// `None` if there is nothing in it.
    rare: Option<Box<Rare>>,
}

/// What few URIs have. Escaped.
#[derive(Clone, Default, PartialEq, Eq)]
struct Rare {
    password: Option<Text>,
    headers: Vec<(Text, Text)>,
}

impl Uri {
    /// Reads a URI, all of `bytes`.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::parse_in(bytes, Source::NONE)
    }

    /// As [`parse`](Self::parse); texts may share `source`.
    pub(super) fn parse_in(bytes: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        Self::lex(&mut Lexer::within(bytes, source))
    }

    /// Reads all that is left.
    pub(super) fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        match lexer.rest() {
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b':', ..] => {
                lexer.take(4);
                Self::lex_sip(Scheme::Sip, lexer)
            }
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b'S' | b's', b':', ..] => {
                lexer.take(5);
                Self::lex_sip(Scheme::Sips, lexer)
            }
            [b'T' | b't', b'E' | b'e', b'L' | b'l', b':', ..] => {
                lexer.take(4);
                Self::lex_tel(lexer)
            }
            other => Self::parse_other(other, lexer.source()).map_err(|error| error.shifted(lexer.offset())),
        }
    }

    /// A `sip` URI. `user` is plain text; it is escaped.
    pub fn sip(user: Option<&str>, host: impl Into<Host>, port: Option<u16>) -> Self {
        let user = user.map(|user| escape(user, is_user_byte));
        Self {
            user,
            host: Some(host.into()),
            port,
            ..Self::empty(Scheme::Sip)
        }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scheme's name, as written for an unknown one.
    pub fn scheme_name(&self) -> &str {
        match self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => "tel",
            Scheme::Other => self.opaque().split(':').next().unwrap_or_default(),
        }
    }

    /// The user, unescaped; of a `tel` URI, the number as written.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.user
            .as_deref()
            .filter(|_| self.scheme != Scheme::Other)
            .map(unescape)
    }

    /// Replaces the user by plain text, or takes it away. Without effect on URIs other than `sip` and `sips`.
    pub fn set_user(&mut self, user: Option<&str>) {
        if self.host.is_some() {
            self.set_password(None);
            self.user = user.map(|user| escape(user, is_user_byte));
        }
    }

    /// The host of a `sip` or `sips` URI.
    pub const fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port, if it is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters. Values may be escaped.
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// The URI parameters, for change.
    pub const fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    /// The `?name=value` part, still escaped.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        let headers = self.rare.as_ref().map(|rare| rare.headers.as_slice());
        let headers = headers.unwrap_or_default().iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of the URI header `name`, unescaped.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, value) = self.headers().find(|(n, _)| unescape(n).eq_ignore_ascii_case(name))?;
        Some(unescape(value))
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<&str> {
        self.params.value("transport")
    }

    /// Whether the `lr` parameter is there (RFC 3261 §16.12).
    pub fn is_loose_router(&self) -> bool {
        self.params.contains("lr")
    }

    /// The same URI without its `?name=value` part.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        let mut uri = self.clone();
        if let Some(rare) = &mut uri.rare {
            rare.headers = Vec::new();
        }
        uri.rare = uri.rare.filter(|rare| rare.password.is_some());
        uri
    }

    /// The same URI in memory of its own: no message is kept for it.
    #[must_use]
    pub fn detached(self) -> Self {
        let detached = |rare: Rare| Rare {
            password: rare.password.map(Text::detached),
            headers: rare
                .headers
                .into_iter()
                .map(|(name, value)| (name.detached(), value.detached()))
                .collect(),
        };
        Self {
            user: self.user.map(Text::detached),
            host: self.host.map(Host::detached),
            params: self.params.detached(),
            rare: self.rare.map(|rare| Box::new(detached(*rare))),
            ..self
        }
    }

    /// Adds a URI header; name and value are plain text.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let header = (escape(name, is_header_byte), escape(value, is_header_byte));
        self.rare.get_or_insert_default().headers.push(header);
        self
    }

    /// Sets a URI parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// The whole text of a URI of another scheme.
    fn opaque(&self) -> &str {
        self.user
            .as_deref()
            .filter(|_| self.scheme == Scheme::Other)
            .unwrap_or_default()
    }

    fn empty(scheme: Scheme) -> Self {
        Self {
            scheme,
            user: None,
            host: None,
            port: None,
            params: Params::new(),
            rare: None,
        }
    }

    /// Writes the URI, without brackets.
    pub(super) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.write_plain(out)?;
        for (at, (name, value)) in self.headers().enumerate() {
            write!(out, "{}{name}={value}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }

    /// Writes the URI without brackets and without its `?name=value` part.
    pub(crate) fn write_plain(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if self.scheme == Scheme::Other {
            return out.write_str(self.opaque());
        }
        out.write_str(self.scheme_name())?;
        out.write_char(':')?;
        if let Some(user) = &self.user {
            out.write_str(user)?;
        }
        if let Some(password) = self.password() {
            write!(out, ":{password}")?;
        }
        if let Some(host) = &self.host {
            out.write_str(if self.user.is_some() { "@" } else { "" })?;
            host.write(out)?;
        }
        if let Some(port) = self.port {
            out.write_str(":")?;
            out.write_str(Digits::decimal(port).as_str())?;
        }
        self.params.write_uri(out)
    }

    /// Escaped.
    fn password(&self) -> Option<&str> {
        self.rare.as_ref()?.password.as_deref()
    }

    fn set_password(&mut self, password: Option<Text>) {
        if password.is_some() || self.rare.is_some() {
            self.rare.get_or_insert_default().password = password;
            self.rare = self
                .rare
                .take()
                .filter(|rare| rare.password.is_some() || !rare.headers.is_empty());
        }
    }

    /// Reads what follows `sip:`.
    fn lex_sip(scheme: Scheme, lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let mut password = None;
        let mut user = None;
        if let Some(len) = find(lexer.rest(), b'@') {
            let start = lexer.offset();
            let info = lexer.take(len);
            (user, password) = lex_userinfo(info, lexer.source()).map_err(|error| error.shifted(start))?;
            lexer.take(1);
        }
        let (host, port) = lex_host_port(lexer, false)?;
        let params = if lexer.is_end() {
            Params::new()
        } else {
            Params::lex_uri(lexer)?
        };
        let mut uri = Self {
            scheme,
            user,
            host: Some(host),
            port,
            params,
            rare: None,
        };
        uri.set_password(password);
        if lexer.eat(b'?') {
            uri.lex_headers(lexer)?;
        }
        if lexer.is_end() {
            Ok(uri)
        } else {
            Err(lexer.unexpected())
        }
    }

    fn lex_headers(&mut self, lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
        let source = lexer.source();
        let headers = &mut self.rare.get_or_insert_default().headers;
        loop {
            if headers.len() == Limits::PARAMS {
                return Err(lexer.error(ParseErrorKind::TooManyParams));
            }
            let start = lexer.offset();
            let name = lexer.take_while(|byte| is_header_byte(byte) || byte == b'%');
            if name.is_empty() {
                return Err(lexer.unexpected());
            }
            let name = normalise_escapes(name, source).map_err(|error| error.shifted(start))?;
            lexer.expect(b'=')?;
            let start = lexer.offset();
            // A bare `=`, `;` or `@` in the value is not by the book, but phones write Replaces so.
            let value = lexer.take_while(|byte| is_header_byte(byte) || b"%=;@".contains(&byte));
            let value = normalise_escapes(value, source).map_err(|error| error.shifted(start))?;
            headers.push((name, value));
            if !lexer.eat(b'&') {
                return Ok(());
            }
        }
    }

    /// Reads what follows `tel:`.
    fn lex_tel(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let start = lexer.offset();
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || b"+-.()*#%".contains(&byte);
        let number = lexer.take_while(is_digit);
        if number.is_empty() {
            return Err(lexer.unexpected());
        }
        // A `#` is printed as an escape, thus escapes are read too; of letters only those that could have been bare.
        let number = normalise_escapes(number, lexer.source()).map_err(|error| error.shifted(start))?;
        if !number.bytes().all(is_digit) {
            return Err(ParseError::new(ParseErrorKind::UnexpectedByte, start));
        }
        let user = Some(number);
        let params = Params::lex_uri(lexer)?;
        if lexer.is_end() {
            Ok(Self {
                user,
                params,
                ..Self::empty(Scheme::Tel)
            })
        } else {
            Err(lexer.unexpected())
        }
    }

    fn parse_other(bytes: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        let colon = memchr::memchr(b':', bytes).ok_or(ParseError::new(ParseErrorKind::Scheme, 0))?;
        let scheme = bytes.get(..colon).unwrap_or_default();
        let is_scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(is_scheme_byte) {
            return Err(ParseError::new(ParseErrorKind::Scheme, 0));
        }
        if bytes.len() == scheme.len() + 1 {
            return Err(ParseError::new(ParseErrorKind::UnexpectedEnd, bytes.len()));
        }
        let is_bad = |byte: &u8| !byte.is_ascii_graphic() || b"<>\"".contains(byte);
        if let Some(offset) = bytes.iter().position(is_bad) {
            return Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset));
        }
        Ok(Self {
            user: Some(source.text(bytes)),
            ..Self::empty(Scheme::Other)
        })
    }
}

/// Reads `user [ ":" password ]`.
fn lex_userinfo(info: &[u8], source: Source<'_>) -> Result<(Option<Text>, Option<Text>), ParseError> {
    if !info.is_empty() && all(info, is_user_byte) {
        return Ok((Some(source.text(info)), None));
    }
    let colon = memchr::memchr(b':', info);
    let (user, password) = info.split_at(colon.unwrap_or(info.len()));
    if user.is_empty() {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, 0));
    }
    if let Some(offset) = info.iter().position(|byte| !is_userinfo_byte(*byte)) {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset));
    }
    let password = password
        .get(1..)
        .map(|password| normalise_escapes(password, source).map_err(|error| error.shifted(user.len() + 1)));
    // The user's faults come first.
    let user = normalise_escapes(user, source)?;
    Ok((Some(user), password.transpose()?))
}

/// Reads `host [":" port]`; with white space around the colon if `spaced`, as in Via.
pub(crate) fn lex_host_port(lexer: &mut Lexer<'_>, spaced: bool) -> Result<(Host, Option<u16>), ParseError> {
    let source = lexer.source();
    let (host, port) = check_host_port(lexer, spaced)?;
    Ok((Host::of_checked(host, source), port))
}

/// Takes what [`lex_host_port`] takes, and fails where it does.
#[inline]
pub(crate) fn check_host_port<'a>(lexer: &mut Lexer<'a>, spaced: bool) -> Result<(&'a [u8], Option<u16>), ParseError> {
    let start = lexer.offset();
    let host = lexer.take(host_len(lexer.rest()));
    let host = if host.is_empty() || host.len() > Host::MAX_NAME {
        take_bracketed(lexer, host).map_err(|error| error.shifted(start))?
    } else {
        host
    };
    let has_port = match lexer.rest() {
        [] | [b';', ..] => false,
        _ if spaced => lexer.eat_separator(b':'),
        _ => lexer.eat(b':'),
    };
    if !has_port {
        return Ok((host, None));
    }
    let error = lexer.error(ParseErrorKind::Port);
    let port = lexer
        .number(u64::from(u16::MAX))
        .ok()
        .and_then(|port| u16::try_from(port).ok());
    Ok((host, Some(port.ok_or(error)?)))
}

/// Takes an address in brackets, of which `host` is what could be taken of a name.
#[cold]
fn take_bracketed<'a>(lexer: &mut Lexer<'a>, host: &[u8]) -> Result<&'a [u8], ParseError> {
    let error = ParseError::new(ParseErrorKind::Host, 0);
    if !host.is_empty() || lexer.peek() != Some(b'[') {
        return Err(error);
    }
    let len = find(lexer.rest(), b']').ok_or(error)?;
    let host = lexer.take(len + 1);
    Host::parse(host).map(|_| host)
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uri {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl TryFrom<String> for Uri {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl From<Uri> for String {
    fn from(uri: Uri) -> Self {
        uri.to_string()
    }
}
