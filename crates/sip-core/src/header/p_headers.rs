//! The headers of RFC 7315 that are not addresses.

use super::{TypedHeader, parse_all, write_token};
use crate::wire::lexer::{Lexer, is_token_byte, unquote};
use crate::wire::{HeaderName, Params, ParseError, ParseErrorKind, write_quoted};
use core::fmt;
use smol_str::SmolStr;

/// The access that a phone uses, and where it is (RFC 7315 §4.4).
///
/// ```
/// use sip_core::header::{PAccessNetworkInfo, TypedHeader};
///
/// let access = PAccessNetworkInfo::parse(b"3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11;np")?;
/// assert_eq!(access.access, "3GPP-UTRAN-TDD");
/// assert_eq!(access.params.value("utran-cell-id-3gpp"), Some("234151D0FCE11"));
/// assert!(access.is_network_provided());
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PAccessNetworkInfo {
    /// The kind of access: `IEEE-802.11`, `3GPP-E-UTRAN-FDD`, `DSL`…
    pub access: SmolStr,
    /// `cgi-3gpp`, `utran-cell-id-3gpp`, `dsl-location`, `i-wlan-node-id`, `network-provided`…
    pub params: Params,
}

impl PAccessNetworkInfo {
    /// Whether a proxy of the network said so, not the phone.
    pub fn is_network_provided(&self) -> bool {
        self.params.contains("np") || self.params.contains("network-provided")
    }
}

impl TypedHeader for PAccessNetworkInfo {
    const NAME: HeaderName = HeaderName::PAccessNetworkInfo;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let access = SmolStr::new(lexer.token()?);
            Ok(Self {
                access,
                params: Params::lex(lexer)?,
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, &self.access)?;
        self.params.write(out)
    }
}

/// The network that a phone roams in (RFC 7315 §4.3).
///
/// ```
/// use sip_core::header::{PVisitedNetworkId, TypedHeader};
///
/// assert_eq!(PVisitedNetworkId::parse(b"\"Visited network number 1\"")?.network, "Visited network number 1");
/// assert_eq!(PVisitedNetworkId::parse(b"other.net;x=1")?.network, "other.net");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PVisitedNetworkId {
    /// Its name.
    pub network: String,
    /// Extensions.
    pub params: Params,
}

impl TypedHeader for PVisitedNetworkId {
    const NAME: HeaderName = HeaderName::PVisitedNetworkId;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let network = if lexer.peek() == Some(b'"') {
                unquote(lexer.quoted_raw()?)
            } else {
                lexer.token()?.to_owned()
            };
            Ok(Self {
                network,
                params: Params::lex(lexer)?,
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if !self.network.is_empty() && self.network.bytes().all(is_token_byte) {
            out.write_str(&self.network)?;
        } else {
            write_quoted(out, &self.network)?;
        }
        self.params.write(out)
    }
}

/// Reads `name=value *( SEMI name=value )`.
fn leading_params(value: &[u8]) -> Result<Params, ParseError> {
    // As the parameters that follow something, but for the first semicolon.
    let mut text = Vec::with_capacity(value.len() + 1);
    text.push(b';');
    text.extend_from_slice(crate::wire::lexer::trim(value));
    let mut lexer = Lexer::new(&text);
    let read = Params::lex(&mut lexer).and_then(|params| lexer.finish().map(|()| params));
    read.map_err(|ParseError { kind, offset }| ParseError::new(kind, offset.saturating_sub(1)))
}

fn write_leading_params(params: &Params, out: &mut impl fmt::Write) -> fmt::Result {
    let mut text = String::new();
    params.write(&mut text)?;
    out.write_str(text.strip_prefix(';').unwrap_or_default())
}

/// What a call is charged by (RFC 7315 §4.6).
///
/// ```
/// use sip_core::header::{PChargingVector, TypedHeader};
///
/// let charging = PChargingVector::parse(b"icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net")?;
/// assert_eq!((charging.icid(), charging.0.value("orig-ioi")), (Some("1234bc9876e"), Some("home1.net")));
/// assert!(PChargingVector::parse(b"orig-ioi=home1.net").is_err(), "the identity of the charge is mandatory");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PChargingVector(pub Params);

impl PChargingVector {
    /// The identity of the charge, `icid-value`.
    pub fn icid(&self) -> Option<&str> {
        self.0.value("icid-value")
    }
}

impl TypedHeader for PChargingVector {
    const NAME: HeaderName = HeaderName::PChargingVector;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let params = leading_params(value)?;
        if params.value("icid-value").is_none() {
            return Err(ParseError::new(ParseErrorKind::MissingParameter, value.len()));
        }
        Ok(Self(params))
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_leading_params(&self.0, out)
    }
}

/// Where records of charges are sent (RFC 7315 §4.5).
///
/// ```
/// use sip_core::header::{PChargingFunctionAddresses, TypedHeader};
///
/// let addresses = PChargingFunctionAddresses::parse(b"ccf=192.0.8.1; ecf=192.0.8.3, ccf=[2001:db8::1]")?;
/// assert_eq!(addresses.collection().collect::<Vec<_>>(), ["192.0.8.1", "[2001:db8::1]"]);
/// assert_eq!(addresses.event().collect::<Vec<_>>(), ["192.0.8.3"]);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PChargingFunctionAddresses(pub Vec<Params>);

impl PChargingFunctionAddresses {
    /// The charging collection functions, `ccf`.
    pub fn collection(&self) -> impl Iterator<Item = &str> {
        self.named("ccf")
    }

    /// The event charging functions, `ecf`.
    pub fn event(&self) -> impl Iterator<Item = &str> {
        self.named("ecf")
    }

    fn named(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let all = self.0.iter().flat_map(Params::iter);
        all.filter_map(move |(key, value)| value.filter(|_| key.eq_ignore_ascii_case(name)))
    }
}

impl TypedHeader for PChargingFunctionAddresses {
    const NAME: HeaderName = HeaderName::PChargingFunctionAddresses;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        super::parse_list(value, leading_params).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        super::write_list(out, &self.0, |out, params| write_leading_params(params, out))
    }
}
