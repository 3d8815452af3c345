use super::escape::{check_escapes, is_header_byte, unescape};
use super::{Scheme, Uri, check_host_port};
use crate::Limits;
use crate::wire::lexer::{Lexer, all, is_user_byte, is_userinfo_byte, steps};
use crate::wire::params::ParamsView;
use crate::wire::scan::find;
use crate::wire::text::Source;
use crate::wire::{Host, ParseError, ParseErrorKind};
use core::fmt;
use core::net::IpAddr;
use std::borrow::Cow;

/// A URI where it lies in a message: checked, and its parts decoded when asked for. [`to_uri`](Self::to_uri) makes a
/// [`Uri`] of it, to be kept, changed or compared.
///
/// ```
/// use sip_core::wire::UriView;
///
/// let uri = UriView::parse(b"sip:al%69ce@Example.com:5070;transport=tcp;lr")?;
/// assert_eq!((uri.user().as_deref(), uri.host(), uri.port()), (Some("alice"), Some("Example.com"), Some(5070)));
/// assert!(uri.transport().as_deref() == Some("tcp") && uri.is_loose_router());
/// assert_eq!(uri.to_uri().to_string(), "sip:alice@Example.com:5070;transport=tcp;lr");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct UriView<'a> {
    all: &'a [u8],
    source: Source<'a>,
    scheme: Scheme,
    /// With the password. Of a `tel` URI, the number; of another scheme, the whole URI.
    user: Option<&'a [u8]>,
    /// Empty but for `sip` and `sips`.
    host: &'a [u8],
    port: Option<u16>,
    params: ParamsView<'a>,
    has_headers: bool,
}

impl<'a> UriView<'a> {
    /// Reads a URI, all of `bytes`; fails where [`Uri::parse`] does. Allocates nothing for `sip` and `sips`.
    ///
    /// # Errors
    ///
    /// The first fault, with its offset.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        Self::lex(&mut Lexer::new(bytes))
    }

    /// Reads all that is left.
    #[inline]
    pub(in crate::wire) fn lex(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        let all = lexer.rest();
        let scheme = match all {
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b':', ..] => {
                lexer.take(4);
                Scheme::Sip
            }
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b'S' | b's', b':', ..] => {
                lexer.take(5);
                Scheme::Sips
            }
            _ => return Self::lex_rare(lexer),
        };
        let mut user = None;
        if let Some(len) = find(lexer.rest(), b'@') {
            let start = lexer.offset();
            let info = lexer.take(len);
            check_userinfo(info).map_err(|error| error.shifted(start))?;
            lexer.take(1);
            user = Some(info);
        }
        let (host, port) = check_host_port(lexer, false)?;
        let params = ParamsView::lex_uri(lexer)?;
        let has_headers = !lexer.is_end();
        if has_headers {
            lex_headers(lexer)?;
        }
        Ok(Self {
            all,
            source: lexer.source(),
            scheme,
            user,
            host,
            port,
            params,
            has_headers,
        })
    }

    #[cold]
    fn lex_rare(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        let start = lexer.offset();
        let all = lexer.take(lexer.rest().len());
        let uri = Uri::parse_in(all, lexer.source()).map_err(|error| error.shifted(start))?;
        let mut parts = Lexer::new(all);
        let (mut user, mut params) = (all, &[][..]);
        if uri.scheme() == Scheme::Tel {
            parts.take(4);
            user = parts.take_while(|byte| byte != b';');
            params = parts.rest();
        }
        Ok(Self {
            all,
            source: lexer.source(),
            scheme: uri.scheme(),
            user: Some(user),
            host: &[],
            port: None,
            params: ParamsView::lex_uri(&mut Lexer::within(params, lexer.source()))?,
            has_headers: false,
        })
    }

    pub(in crate::wire) const fn source(&self) -> Source<'a> {
        self.source
    }

    /// The URI as it is written.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.all
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user, unescaped; of a `tel` URI, the number as written.
    pub fn user(&self) -> Option<Cow<'a, str>> {
        let user = self.user.filter(|_| self.scheme != Scheme::Other)?;
        let user = match find(user, b':') {
            Some(colon) if self.scheme != Scheme::Tel => user.get(..colon)?,
            _ => user,
        };
        match self.source.str_of(user) {
            Some(user) => Some(unescape(user)),
            None => self.to_uri().user().map(|user| Cow::Owned(user.into_owned())),
        }
    }

    /// The host of a `sip` or `sips` URI as it is written, an IPv6 address in its brackets. [`Host::parse`] tells names
    /// from addresses.
    pub fn host(&self) -> Option<&'a str> {
        let host = self.source.str_of(self.host);
        host.filter(|host| !host.is_empty())
    }

    /// The host's address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        Host::parse(self.host).ok()?.ip()
    }

    /// The port, if it is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters.
    pub const fn params(&self) -> ParamsView<'a> {
        self.params
    }

    /// Whether there is a `?name=value` part.
    pub const fn has_headers(&self) -> bool {
        self.has_headers
    }

    /// The `transport` parameter.
    pub fn transport(&self) -> Option<Cow<'a, str>> {
        self.params.value("transport")
    }

    /// Whether the `lr` parameter is there (RFC 3261 §16.12).
    pub fn is_loose_router(&self) -> bool {
        self.params.contains("lr")
    }

    /// The same URI, to be kept or changed.
    pub fn to_uri(&self) -> Uri {
        // It was read before.
        Uri::parse_in(self.all, self.source).unwrap_or_else(|_| Uri::empty(self.scheme))
    }
}

impl fmt::Debug for UriView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_uri().fmt(f)
    }
}

#[inline]
fn check_userinfo(info: &[u8]) -> Result<(), ParseError> {
    if !info.is_empty() && all(info, is_user_byte) {
        Ok(())
    } else {
        check_any_userinfo(info)
    }
}

#[cold]
fn check_any_userinfo(info: &[u8]) -> Result<(), ParseError> {
    if matches!(info, [] | [b':', ..]) {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, 0));
    }
    if let Some(offset) = info.iter().position(|byte| !is_userinfo_byte(*byte)) {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset));
    }
    // No escape goes over the colon before the password: `:` is no digit.
    check_escapes(info)
}

#[cold]
fn lex_headers(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    lexer.expect(b'?')?;
    for _ in 0..Limits::PARAMS {
        if take_escaped(lexer, is_header_byte)? == 0 {
            return Err(lexer.unexpected());
        }
        lexer.expect(b'=')?;
        take_escaped(lexer, |byte| is_header_byte(byte) || matches!(byte, b'=' | b';' | b'@'))?;
        if !lexer.eat(b'&') {
            return if lexer.is_end() {
                Ok(())
            } else {
                Err(lexer.unexpected())
            };
        }
    }
    Err(lexer.error(ParseErrorKind::TooManyParams))
}

/// Takes octets while `is_plain` holds, and escapes. How many octets that were.
fn take_escaped(lexer: &mut Lexer<'_>, is_plain: impl Fn(u8) -> bool) -> Result<usize, ParseError> {
    let rest = lexer.rest();
    let mut len = 0;
    while let Some(&byte) = rest.get(len) {
        if byte == b'%' {
            match rest.get(len + 1..len + 3) {
                Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => len += 3,
                _ => {
                    lexer.take(len);
                    return Err(lexer.error(ParseErrorKind::Escape));
                }
            }
        } else if is_plain(byte) {
            len += 1;
        } else {
            break;
        }
    }
    steps::add(len + 1);
    lexer.take(len);
    Ok(len)
}
