use super::DnsName;
use crate::header::Via;
use crate::{Host, Scheme, Transport, Uri};

/// What is to be resolved: the next hop of a request, or the way back of a response.
///
/// ```
/// use sip_core::resolver::{Destination, DestinationError};
///
/// let to = |uri: &str| Destination::new(&uri.parse().unwrap());
/// assert!(to("sips:bob@example.com;transport=tcp").is_ok(), "TLS over TCP");
/// assert_eq!(to("sips:bob@example.com;transport=udp"), Err(DestinationError::Insecure));
/// assert_eq!(to("sip:bob@example.com;transport=sctp"), Err(DestinationError::UnknownTransport));
/// assert_eq!(to("tel:+15551234"), Err(DestinationError::NotSip));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Destination {
    /// Where to: the `maddr` if there is one.
    pub(super) target: Host,
    pub(super) port: Option<u16>,
    pub(super) transport: Option<Transport>,
    /// Nothing but an encrypted transport will do.
    pub(super) secure: bool,
    /// What a certificate has to prove.
    pub(super) name: Host,
    pub(super) key: Option<u64>,
}

/// Why a URI cannot be resolved, whatever the DNS says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum DestinationError {
    /// Neither `sip` nor `sips` (416).
    #[error("not a SIP URI")]
    NotSip,
    /// The `transport` parameter, or that of a Via, is none that is known.
    #[error("unknown transport")]
    UnknownTransport,
    /// `sips` with UDP.
    #[error("a secure URI with a transport that is not")]
    Insecure,
    /// A name that cannot be asked for.
    #[error("not a domain name")]
    BadName,
}

impl Destination {
    /// The way to a URI: of a request, the topmost `Route` if it has one, else its Request-URI (RFC 3263 §4).
    ///
    /// # Errors
    ///
    /// [`DestinationError`].
    pub fn new(uri: &Uri) -> Result<Self, DestinationError> {
        let secure = match uri.scheme() {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return Err(DestinationError::NotSip),
        };
        let name = uri.host().ok_or(DestinationError::NotSip)?.clone();
        let maddr = uri.params().value("maddr");
        let target = maddr.map_or_else(|| Ok(name.clone()), |maddr| Host::parse_lenient(maddr.as_bytes()));
        let named = match uri.transport() {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| DestinationError::UnknownTransport)?),
        };
        let transport = match (named, secure) {
            (Some(Transport::Udp), true) => return Err(DestinationError::Insecure),
            // TLS over TCP (RFC 3261 §26.2.2), a WebSocket over TLS (RFC 7118 §5.3).
            (Some(Transport::Tcp), true) => Some(Transport::Tls),
            (Some(Transport::Ws), true) => Some(Transport::Wss),
            (named, _) => named,
        };
        let port = uri.port();
        Self::checked(
            target.map_err(|_| DestinationError::BadName)?,
            name,
            port,
            transport,
            secure,
        )
    }

    /// The way back of a response whose request did not come over a connection that is still open (RFC 3263 §5): the
    /// sent-by of its topmost Via. (`received`, `rport` and `maddr` are the endpoint's business and need no DNS.)
    ///
    /// # Errors
    ///
    /// [`DestinationError`].
    pub fn of_response(via: &Via) -> Result<Self, DestinationError> {
        let transport: Transport = via.transport.parse().map_err(|_| DestinationError::UnknownTransport)?;
        let secure = transport.is_secure();
        Self::checked(via.host.clone(), via.host.clone(), via.port, Some(transport), secure)
    }

    /// Has servers of the same priority chosen by `key` instead of by chance: a stateless proxy gives one that is the same
    /// for all copies of a request, such as a hash of its branch (RFC 3263 §4.4).
    #[must_use]
    pub const fn keyed(mut self, key: u64) -> Self {
        self.key = Some(key);
        self
    }

    fn checked(
        target: Host,
        name: Host,
        port: Option<u16>,
        transport: Option<Transport>,
        secure: bool,
    ) -> Result<Self, DestinationError> {
        if let Host::Name(name) = &target {
            let name = DnsName::new(name).map_err(|_| DestinationError::BadName)?;
            if name.is_root() {
                return Err(DestinationError::BadName);
            }
        }
        Ok(Self {
            target,
            port,
            transport,
            secure,
            name,
            key: None,
        })
    }
}
