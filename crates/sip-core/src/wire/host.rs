use super::digits::Digits;
use super::lexer::is_host_byte;
use super::text::{Source, Text};
use super::{ParseError, ParseErrorKind};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// A host: a name or an address. Names compare without regard to case.
///
/// ```
/// use sip_core::Host;
///
/// assert_eq!(Host::parse(b"Example.COM")?, Host::parse(b"example.com")?);
/// assert_eq!(Host::parse(b"[2001:DB8::1]")?.to_string(), "[2001:db8::1]");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub enum Host {
    /// A host name, as written.
    Name(Text),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// As long as a domain name can be, with its last dot (RFC 1035 §2.3.4).
    pub(super) const MAX_NAME: usize = 255;

    /// Reads a host name, an IPv4 address or an IPv6 reference in brackets (RFC 3261 §25.1 `host`).
    ///
    /// Underscores in names are let pass, and an address that an old grammar wrote with three colons
    /// (RFC 5118 §4.10).
    ///
    /// # Errors
    ///
    /// `Host`.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::parse_in(bytes, Source::NONE)
    }

    /// As [`parse`](Self::parse); a name may share `source`.
    pub(super) fn parse_in(bytes: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        let error = ParseError::new(ParseErrorKind::Host, 0);
        if let [b'[', inner @ .., b']'] = bytes {
            return parse_v6(inner).map(Self::V6).ok_or(error);
        }
        if !is_name(bytes) {
            return Err(error);
        }
        Ok(Self::of_name(bytes, source))
    }

    /// The host that `bytes` are, which were checked.
    #[inline]
    pub(super) fn of_checked(bytes: &[u8], source: Source<'_>) -> Self {
        match bytes {
            [b'[', ..] => Self::parse_in(bytes, source).unwrap_or_else(|_| Self::of_name(bytes, source)),
            _ => Self::of_name(bytes, source),
        }
    }

    /// The host that `bytes` of [`is_host_byte`]s are.
    fn of_name(bytes: &[u8], source: Source<'_>) -> Self {
        // Names mostly begin with a letter, addresses never do.
        if bytes.first().is_some_and(u8::is_ascii_digit)
            && let Some(address) = parse_v4(bytes)
        {
            return Self::V4(address);
        }
        Self::Name(source.text(bytes))
    }

    /// The same host in memory of its own.
    pub(crate) fn detached(self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.detached()),
            Self::V4(_) | Self::V6(_) => self,
        }
    }

    /// Writes the host as a URI carries it.
    pub(crate) fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Name(name) => super::uri::write_host_name(out, name),
            Self::V4(address) => out.write_str(Digits::v4(*address).as_str()),
            Self::V6(address) => write!(out, "[{address}]"),
        }
    }

    /// Reads an address without brackets, as `received` and `maddr` may carry it, or any host.
    pub(crate) fn parse_lenient(bytes: &[u8]) -> Result<Self, ParseError> {
        parse_v6(bytes).map_or_else(|| Self::parse(bytes), |address| Ok(Self::V6(address)))
    }

    /// The address, if it is one. An IPv4-mapped IPv6 address stays one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

/// Names are not told from IPv4 addresses here.
fn is_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len() <= Host::MAX_NAME && bytes.iter().all(|&byte| is_host_byte(byte))
}

/// As `Ipv4Addr::from_str`, from octets.
fn parse_v4(bytes: &[u8]) -> Option<Ipv4Addr> {
    let (first, rest) = parse_octet(bytes)?;
    let (second, rest) = parse_octet(rest.strip_prefix(b".")?)?;
    let (third, rest) = parse_octet(rest.strip_prefix(b".")?)?;
    let (fourth, rest) = parse_octet(rest.strip_prefix(b".")?)?;
    rest.is_empty().then(|| Ipv4Addr::new(first, second, third, fourth))
}

/// One to three digits, the first of several not zero; and what follows them.
#[inline]
fn parse_octet(bytes: &[u8]) -> Option<(u8, &[u8])> {
    match bytes {
        [a @ b'1'..=b'2', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let tail = (b - b'0') * 10 + (c - b'0');
            Some((((a - b'0') * 100).checked_add(tail)?, rest))
        }
        [a @ b'1'..=b'9', b @ b'0'..=b'9', rest @ ..] => Some(((a - b'0') * 10 + (b - b'0'), rest)),
        [a @ b'0'..=b'9', rest @ ..] => Some((a - b'0', rest)),
        _ => None,
    }
}

fn parse_v6(bytes: &[u8]) -> Option<Ipv6Addr> {
    let text = core::str::from_utf8(bytes).ok().filter(|text| text.len() <= 48)?;
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            _ => self.ip().is_some() && self.ip() == other.ip(),
        }
    }
}

impl Eq for Host {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl FromStr for Host {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl TryFrom<String> for Host {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(text.as_bytes())
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::V4(address)
    }
}

impl From<Ipv6Addr> for Host {
    fn from(address: Ipv6Addr) -> Self {
        Self::V6(address)
    }
}

impl From<&str> for Host {
    /// The address or name that `text` spells, with or without brackets. What cannot stand in a host name is
    /// replaced by `-` when printed.
    fn from(text: &str) -> Self {
        Self::parse_lenient(text.as_bytes()).unwrap_or_else(|_| Self::Name(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ipv4_as_the_standard_library_reads_it(text in "([0-9]{0,4}|1?[0-9]{1,2}|2[0-9]{2})(\\.([0-9]{0,4}|2[0-9]{2})){3,4}") {
            prop_assert_eq!(parse_v4(text.as_bytes()), text.parse().ok());
        }
    }
}
