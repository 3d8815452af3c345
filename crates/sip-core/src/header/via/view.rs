use super::{MAGIC_COOKIE, Via, lex_protocol, lex_transport};
use crate::header::{ViewHeader, parse_all_in};
use crate::wire::lexer::Lexer;
use crate::wire::{Host, ParamsView, ParseError, Source, check_host_port};
use core::fmt;
use core::net::IpAddr;
use std::borrow::Cow;

/// A [`Via`] where it lies in a message.
///
/// ```
/// use sip_core::header::{Via, ViewHeader};
///
/// let via = Via::view(b"SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK74bf9")?;
/// assert_eq!((via.transport(), via.host(), via.port()), ("UDP", "192.0.2.1", Some(5060)));
/// assert_eq!((via.branch().as_deref(), via.rport()), (Some("z9hG4bK74bf9"), Some(None)));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct ViaView<'a> {
    all: &'a [u8],
    source: Source<'a>,
    transport: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
    params: ParamsView<'a>,
}

impl<'a> ViaView<'a> {
    #[inline]
    fn lex(lexer: &mut Lexer<'a>) -> Result<Self, ParseError> {
        let all = lexer.rest();
        lex_protocol(lexer)?;
        let transport = lex_transport(lexer)?;
        let (host, port) = check_host_port(lexer, true)?;
        let params = ParamsView::lex(lexer)?;
        Ok(Self {
            all,
            source: lexer.source(),
            transport,
            host,
            port,
            params,
        })
    }

    /// The transport as written; compares without regard to case.
    pub fn transport(&self) -> &'a str {
        self.source.str_of(self.transport).unwrap_or_default()
    }

    /// The sent-by host as written, an IPv6 address in its brackets. [`Host::parse`] tells names from addresses.
    pub fn host(&self) -> &'a str {
        self.source.str_of(self.host).unwrap_or_default()
    }

    /// The sent-by host's address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        Host::parse(self.host).ok()?.ip()
    }

    /// The sent-by port, if it is written.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// `branch`, `received`, `rport`, `maddr`, `ttl` and others.
    pub const fn params(&self) -> ParamsView<'a> {
        self.params
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<Cow<'a, str>> {
        self.params.value("branch")
    }

    /// As [`Via::has_rfc3261_branch`].
    pub fn has_rfc3261_branch(&self) -> bool {
        let branch = self.branch().unwrap_or_default();
        let split = branch.split_at_checked(MAGIC_COOKIE.len());
        split.is_some_and(|(cookie, rest)| cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty())
    }

    /// The `received` parameter; an IPv6 address may stand in brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        Host::parse_lenient(self.params.value("received")?.as_bytes())
            .ok()?
            .ip()
    }

    /// The `rport` parameter: `None` if absent, `Some(None)` if without a port.
    pub fn rport(&self) -> Option<Option<u16>> {
        Some(self.params.get("rport")?.and_then(|port| port.parse().ok()))
    }

    /// The same value, to be kept or changed.
    pub fn to_via(&self) -> Via {
        // It was read before.
        let lexed = Via::lex(&mut Lexer::within(self.all, self.source));
        lexed.unwrap_or_else(|_| Via::new(self.transport(), self.host(), self.port))
    }
}

impl ViewHeader for Via {
    type View<'a> = ViaView<'a>;

    #[inline]
    fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<ViaView<'a>, ParseError> {
        parse_all_in(value, source, ViaView::lex)
    }
}

impl fmt::Debug for ViaView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_via().fmt(f)
    }
}
