use super::{ContextId, HopId};
use crate::endpoint::{ConnectionId, Flow, Transmit};
use crate::{Request, StatusCode, Uri};

/// What the proxy wants done or has to tell, in the order in which it happened.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Output {
    /// Send these bytes.
    Transmit(Transmit),
    /// Something happened.
    Event(Event),
    /// Close this connection. The proxy has forgotten it.
    CloseConnection(ConnectionId),
}

/// Where a request is going as far as the request itself says (RFC 3261 §16.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Destination {
    /// The Request-URI is one of [`ProxyConfig::domains`](super::ProxyConfig::domains) or an address of the proxy, or a `tel`
    /// URI: the embedder knows where that is.
    Location,
    /// A `Route` leads on: [`TargetSet::as_is`](super::TargetSet::as_is) follows it.
    Route,
    /// The Route named the flow to a client of this proxy ([`ProxyConfig::outbound`](super::ProxyConfig::outbound)):
    /// [`TargetSet::as_is`](super::TargetSet::as_is) takes it.
    Flow,
    /// The Request-URI is of somebody else's domain, and would be the only target.
    Foreign,
}

/// What happened.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A request passed validation and route preprocessing (RFC 3261 §16.3, §16.4). It waits for
    /// [`forward`](super::Proxy::forward), [`forward_stateless`](super::Proxy::forward_stateless),
    /// [`respond`](super::Proxy::respond) or [`challenge`](super::Proxy::challenge).
    Request {
        /// The request's handle.
        context: ContextId,
        /// The request, without the Routes that named this proxy.
        request: Request,
        /// The way it came.
        flow: Flow,
        /// What the request says of its target.
        destination: Destination,
    },
    /// The caller cancelled. Of a request that still waited for the embedder, nothing more is expected; else the branches
    /// are being cancelled.
    Cancelled {
        /// The request.
        context: ContextId,
    },
    /// One target did not take the request.
    BranchFailed {
        /// The request.
        context: ContextId,
        /// The target.
        target: Uri,
        /// The target's status; 408 if it said nothing, 503 if it could not be reached.
        status: StatusCode,
        /// Whether the target itself answered so.
        answered: bool,
    },
    /// A final response went to the caller. Further 2xx of other forks may follow.
    Answered {
        /// The request.
        context: ContextId,
        /// The response's status.
        status: StatusCode,
    },
    /// The request is over without a final response, as it must be for a non-INVITE request that nobody answered in
    /// time (RFC 4320).
    Unanswered {
        /// The request that was.
        context: ContextId,
    },
    /// The guard banned somebody, or a ban is over ([`ProxyConfig::guard`](super::ProxyConfig::guard)).
    Guard(crate::guard::Event),
    /// The next hop has a name: resolve the URI (RFC 3263) and answer with [`resolved`](super::Proxy::resolved).
    Resolve {
        /// The hop.
        hop: HopId,
        /// Its URI.
        uri: Uri,
    },
}
