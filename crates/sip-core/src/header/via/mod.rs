mod view;

pub use view::ViaView;

use super::{TypedHeader, parse_all, parse_all_in, write_token};
use crate::wire::lexer::Lexer;
use crate::wire::{Digits, HeaderName, Host, Params, ParseError, ParseErrorKind, Source, lex_host_port};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use smol_str::{SmolStr, ToSmolStr as _};

/// One hop that a request came over (RFC 3261 §20.42, RFC 3581).
///
/// ```
/// use sip_core::header::{TypedHeader, Via};
///
/// let via = Via::parse(b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;branch=z9hG4bKa7c6a8dlze.1;rport")?;
/// assert_eq!((via.transport.as_str(), via.port, via.branch()), ("UDP", Some(4000), Some("z9hG4bKa7c6a8dlze.1")));
/// assert_eq!(via.rport(), Some(None), "asked for, not yet filled in");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Via {
    /// The transport as written; compares without regard to case. `UDP`, `TCP`, `TLS`, `WS`, `WSS`, `SCTP`…
    pub transport: SmolStr,
    /// The sent-by host.
    pub host: Host,
    /// The sent-by port, if it is written.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, `maddr`, `ttl` and others.
    pub params: Params,
}

/// How every branch of RFC 3261 begins (§8.1.1.7).
const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// A Via without parameters.
    pub fn new(transport: &str, host: impl Into<Host>, port: Option<u16>) -> Self {
        Self {
            transport: SmolStr::new(transport),
            host: host.into(),
            port,
            params: Params::new(),
        }
    }

    /// The same Via in memory of its own: no message is kept for it.
    #[must_use]
    pub fn detached(self) -> Self {
        Self {
            host: self.host.detached(),
            params: self.params.detached(),
            ..self
        }
    }

    /// Sets the `branch` parameter.
    #[must_use]
    pub fn with_branch(mut self, branch: &str) -> Self {
        self.params.set("branch", Some(branch));
        self
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// Whether the branch names the transaction: it begins with the magic cookie, in any case, and goes on
    /// (RFC 3261 §17.2.3; RFC 4475 §3.2.1).
    pub fn has_rfc3261_branch(&self) -> bool {
        let split = self
            .branch()
            .and_then(|branch| branch.split_at_checked(MAGIC_COOKIE.len()));
        split.is_some_and(|(cookie, rest)| cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty())
    }

    /// The `received` parameter; an IPv6 address may stand in brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        Host::parse_lenient(self.params.value("received")?.as_bytes())
            .ok()?
            .ip()
    }

    /// Sets the `received` parameter.
    pub fn set_received(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => self.params.set("received", Some(Digits::v4(v4).as_str())),
            IpAddr::V6(v6) => self.params.set("received", Some(&v6.to_smolstr())),
        }
    }

    /// The `rport` parameter: `None` if absent, `Some(None)` if without a port.
    pub fn rport(&self) -> Option<Option<u16>> {
        Some(self.params.get("rport")?.and_then(|port| port.parse().ok()))
    }

    /// Fills in the `rport` parameter.
    pub fn set_rport(&mut self, port: u16) {
        self.params.set("rport", Some(Digits::decimal(port).as_str()));
    }

    /// Notes where the request came from: `received` if that is not the sent-by address, `rport` if it was asked for
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    ///
    /// ```
    /// use sip_core::header::{TypedHeader, Via};
    ///
    /// let mut via = Via::parse(b"SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff")?;
    /// let source = "192.0.2.1:9988".parse().unwrap();
    /// via.note_source(source);
    /// assert_eq!((via.received(), via.rport()), (Some(source.ip()), Some(Some(9988))));
    /// assert_eq!(via.reply_address(source), source);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn note_source(&mut self, source: SocketAddr) {
        let ip = source.ip().to_canonical();
        let asked = self.rport().is_some();
        if asked {
            self.set_rport(source.port());
        }
        if asked || self.host.ip() != Some(ip) {
            self.set_received(ip);
        }
    }

    /// Writes the value with `received`, and if they are given with `rport` and `keep`, in their places or at the end
    /// (RFC 3261 §18.2.1, RFC 3581 §4, RFC 6223 §4.3). Without copying what else there is.
    pub(crate) fn write_noted(
        &self,
        out: &mut impl fmt::Write,
        received: IpAddr,
        rport: Option<u16>,
        keep: Option<u32>,
    ) -> fmt::Result {
        let received = match received {
            IpAddr::V4(v4) => SmolStr::new(Digits::v4(v4).as_str()),
            IpAddr::V6(v6) => v6.to_smolstr(),
        };
        let number = |number: Option<u32>| number.map(Digits::decimal);
        let (rport, keep) = (number(rport.map(u32::from)), number(keep));
        let noted = [
            ("keep", keep.as_ref().map(Digits::as_str)),
            ("received", Some(received.as_str())),
            ("rport", rport.as_ref().map(Digits::as_str)),
        ];
        self.write_sent_by(out)?;
        self.params.write_with(out, &noted)
    }

    /// Where the response to a datagram goes: to the address it came from, at that port if `rport` was asked for, else at
    /// the sent-by port (RFC 3261 §18.2.2, RFC 3581 §4). `maddr` is not followed: strangers would choose the victim.
    pub fn reply_address(&self, source: SocketAddr) -> SocketAddr {
        let port = match self.rport() {
            Some(_) => source.port(),
            None => self.port.unwrap_or(5060),
        };
        SocketAddr::new(source.ip(), port)
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Host> {
        Host::parse_lenient(self.params.value("maddr")?.as_bytes()).ok()
    }

    /// The way back that a malformed Via still shows, for an error response: sent-by, whatever the version and, of the
    /// parameters, all or none.
    pub(crate) fn salvage(value: &[u8]) -> Option<Self> {
        let mut lexer = Lexer::new(value);
        lexer.skip_space();
        let is_sip = lexer.token().ok()?.eq_ignore_ascii_case("SIP");
        expect_slash(&mut lexer).ok()?;
        lexer.token().ok().filter(|_| is_sip)?;
        let transport = lex_transport(&mut lexer).ok()?;
        let (host, port) = lex_host_port(&mut lexer, true).ok()?;
        let params = Params::lex(&mut lexer).unwrap_or_default();
        Some(Self {
            transport: transport_text(transport),
            host,
            port,
            params,
        })
    }

    /// Writes what stands before the parameters.
    fn write_sent_by(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str("SIP/2.0/")?;
        write_token(out, &self.transport)?;
        out.write_str(" ")?;
        self.host.write(out)?;
        if let Some(port) = self.port {
            out.write_str(":")?;
            out.write_str(Digits::decimal(port).as_str())?;
        }
        Ok(())
    }

    fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        lex_protocol(lexer)?;
        let transport = lex_transport(lexer)?;
        let (host, port) = lex_host_port(lexer, true)?;
        let params = Params::lex(lexer)?;
        Ok(Self {
            transport: transport_text(transport),
            host,
            port,
            params,
        })
    }
}

/// The usual transports, as they are usually written, without a copy.
#[inline]
fn transport_text(transport: &[u8]) -> SmolStr {
    match transport {
        b"UDP" => SmolStr::new_static("UDP"),
        b"TCP" => SmolStr::new_static("TCP"),
        b"TLS" => SmolStr::new_static("TLS"),
        other => SmolStr::new(core::str::from_utf8(other).unwrap_or_default()),
    }
}

/// Reads `SIP/2.0`.
#[inline]
fn lex_protocol(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    if lexer.rest().starts_with(b"SIP/2.0/") {
        lexer.take(7);
        return Ok(());
    }
    let start = lexer.offset();
    let is_sip = lexer.token()?.eq_ignore_ascii_case("SIP");
    expect_slash(lexer)?;
    if !is_sip || lexer.token()? != "2.0" {
        return Err(ParseError::new(ParseErrorKind::Version, start));
    }
    Ok(())
}

/// Reads from the slash after the version to the sent-by.
#[inline]
fn lex_transport<'a>(lexer: &mut Lexer<'a>) -> Result<&'a [u8], ParseError> {
    expect_slash(lexer)?;
    let transport = lexer.token_bytes()?;
    let before = lexer.offset();
    lexer.skip_space();
    if lexer.offset() == before {
        return Err(lexer.unexpected());
    }
    Ok(transport)
}

fn expect_slash(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    if lexer.eat_separator(b'/') {
        Ok(())
    } else {
        Err(lexer.unexpected())
    }
}

impl TypedHeader for Via {
    const NAME: HeaderName = HeaderName::Via;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, Self::lex)
    }

    fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        parse_all_in(value, source, Self::lex)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.write_sent_by(out)?;
        self.params.write(out)
    }
}
