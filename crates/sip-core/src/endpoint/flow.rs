//! Where messages come from and go to.

use core::fmt;
use core::str::FromStr;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::{HeaderName, Host, Message, NameAddr};

/// A transport protocol as it is named in a `Via` header and in the `transport` URI parameter
/// (RFC 3261 §18, RFC 7118).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Transport {
    /// UDP: one message a datagram; the machines retransmit.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Whether the transport delivers what was sent, so that nothing has to be retransmitted.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The name in a `Via` header: `UDP`, `TCP`, `TLS`, `WS`, `WSS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The value of the URI parameter `transport`: `udp`, `tcp`, `tls`, `ws`, `wss`.
    #[must_use]
    pub const fn as_param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The port where a URI or `Via` names none (RFC 3261 §18.2.2, RFC 7118 §5): 5060, 5061, 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not one of the [`Transport`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown transport")]
pub struct UnknownTransport;

impl FromStr for Transport {
    type Err = UnknownTransport;

    /// Case does not matter.
    fn from_str(name: &str) -> Result<Self, UnknownTransport> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(name))
            .ok_or(UnknownTransport)
    }
}

/// A stream connection. The embedder chooses the number and never uses one twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct ConnectionId(pub u64);

/// The way between this machine and a peer: what a message came by, or is to be sent by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Flow {
    /// The protocol.
    pub transport: Transport,
    /// Our address. Names the socket where the embedder has several.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The connection, once there is one. Always `None` for UDP.
    pub connection: Option<ConnectionId>,
}

impl Flow {
    /// A UDP flow.
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self {
            transport: Transport::Udp,
            local,
            remote,
            connection: None,
        }
    }

    /// A flow over an open stream connection.
    #[must_use]
    pub const fn stream(transport: Transport, local: SocketAddr, remote: SocketAddr, connection: ConnectionId) -> Self {
        Self {
            transport,
            local,
            remote,
            connection: Some(connection),
        }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}->{}", self.transport, self.local, self.remote)?;
        match self.connection {
            Some(ConnectionId(number)) => write!(f, " #{number}"),
            None => Ok(()),
        }
    }
}

/// One address that a request can be sent to, as a resolver finds it. The endpoint chooses the local address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Hop {
    /// The protocol.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// What the peer's certificate has to prove, where the transport is secure.
    pub server_name: Option<Host>,
}

impl Hop {
    /// An address.
    #[must_use]
    pub const fn new(transport: Transport, remote: SocketAddr, server_name: Option<Host>) -> Self {
        Self {
            transport,
            remote,
            server_name,
        }
    }
}

/// Bytes to be sent.
///
/// Where [`Flow::connection`] is `None` on a stream transport, the embedder opens a connection to
/// [`Flow::remote`] (or uses the one that it has), tells of it with
/// [`Endpoint::connection_opened`](super::Endpoint::connection_opened) and sends `data` on it; where it cannot, it calls
/// [`Endpoint::unreachable`](super::Endpoint::unreachable).
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Transmit {
    /// The way to take.
    pub flow: Flow,
    /// One message (or keep-alive), to be sent as one datagram, or whole on the stream.
    pub data: Bytes,
    /// Where a secure connection has to be opened for it: what the peer's certificate must prove. `data` must not be sent
    /// before it did ([`Endpoint::connection_verified`](super::Endpoint::connection_verified)).
    pub server_name: Option<Host>,
}

impl Transmit {
    /// Bytes for a flow that is open, or needs no opening.
    pub(crate) const fn on(flow: Flow, data: Bytes) -> Self {
        Self {
            flow,
            data,
            server_name: None,
        }
    }

    /// Whose certificate a message of ours asks for: that of its next hop (RFC 5922 §4), or of a response, its sent-by.
    pub(crate) fn peer_of(data: &Bytes) -> Option<Host> {
        match Message::parse(data.clone()).ok()? {
            Message::Request(request) => {
                let route = request.headers().items(&HeaderName::Route).next();
                let route = route
                    .and_then(|route| NameAddr::parse(route).ok())
                    .map(|route| route.uri);
                route.or_else(|| request.request_uri().ok())?.host().cloned()
            }
            Message::Response(response) => response.top_via().ok().map(|via| via.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_names_are_read_in_any_case() {
        for transport in [
            Transport::Udp,
            Transport::Tcp,
            Transport::Tls,
            Transport::Ws,
            Transport::Wss,
        ] {
            assert_eq!(transport.as_str().parse(), Ok(transport));
            assert_eq!(transport.as_param().parse(), Ok(transport));
        }
        assert_eq!("sctp".parse::<Transport>(), Err(UnknownTransport));
        assert_eq!("".parse::<Transport>(), Err(UnknownTransport));
    }
}
