use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use crate::endpoint::Transport;
use crate::guard::GuardConfig;
use crate::outbound::FlowToken;
use crate::transaction::TimerConfig;
use crate::{HeaderName, Host, Limits, Scheme, Uri};

/// When a `Path` is added to REGISTER requests that are forwarded (RFC 3327 §5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PathPolicy {
    /// Never.
    #[default]
    Never,
    /// If the phone supports it (`Supported: path`).
    Supported,
    /// Always.
    Always,
}

/// What is done when there are more targets at once than Max-Breadth allows (RFC 5393 §5.3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum BreadthPolicy {
    /// The group is not tried; if nothing better comes of other groups the request is answered with 440.
    #[default]
    Refuse,
    /// As many as are allowed are tried at once, the rest after those have failed.
    Serialize,
}

/// What a [`Proxy`](super::Proxy) has to know of its surroundings.
///
/// ```
/// use sip_core::Transport;
/// use sip_core::proxy::ProxyConfig;
///
/// let mut config = ProxyConfig::new([(Transport::Udp, "192.0.2.1:5060".parse().unwrap())], ["example.com"]);
/// config.realm = Some("example.com".into());
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ProxyConfig {
    /// What `Via` and `Record-Route` say, and the addresses to send from. The first of a transport (and address family) is
    /// that transport's default. Addresses a peer can reach, thus not `0.0.0.0`.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// The domains that the proxy is responsible for, and the names by which others route to it.
    pub domains: Vec<Host>,
    /// The value of `Server` in responses of its own; empty: it is not sent.
    pub server: String,
    /// The timers of the transactions.
    pub timers: TimerConfig,
    /// Timer C: how long an INVITE may go on without a final response and without a provisional one other than 100.
    /// Default 185 s; RFC 3261 §16.6 step 11 wants more than 180.
    pub timer_c: Duration,
    /// Rates a source, and bans by failed authentications, before a message is read ([`guard`](crate::guard)). A proxy knows
    /// transactions but no dialogs: requests within these count like others, so leave room for them, and tell of
    /// [`authenticated`](super::Proxy::authenticated) sources. Default none.
    pub guard: Option<GuardConfig>,
    /// What a peer may make the proxy hold.
    pub limits: Limits,
    /// Whether the proxy stays on the path of the dialogs that begin through it, by `Record-Route`. Default `true`.
    pub record_route: bool,
    /// Whether REGISTER requests get a `Path`. Default [`PathPolicy::Never`].
    pub path: PathPolicy,
    /// Makes the proxy an edge proxy (RFC 5626 §5): the Path of phones that support `outbound`, and the Record-Route of
    /// dialogs with phones, name the phone's flow, and what comes with such a Route goes by that flow. A Route that somebody
    /// else made up is answered with 403, one whose connection is gone with 430. Default none.
    pub outbound: Option<FlowToken>,
    /// Option tags that a request may name in `Proxy-Require`; others are answered with 420. Default none.
    pub supported: Vec<String>,
    /// The realm for which [`challenge`](super::Proxy::challenge) asks: credentials for it are taken out of what is forwarded
    /// (RFC 3261 §22.3). Default none.
    pub realm: Option<String>,
    /// Whether requests within dialogs whose Route named this proxy are forwarded without asking the embedder.
    /// Default `true`.
    pub relay_in_dialog: bool,
    /// Whether the embedder uses [`forward_stateless`](super::Proxy::forward_stateless) for requests to its own domains. Then it is
    /// asked about the ACK and CANCEL of such requests too, else they are dropped and answered with 481. Default `false`.
    pub stateless: bool,
    /// Whether an OPTIONS with `Max-Forwards: 0` is answered with 200 instead of 483 (RFC 3261 §16.3 step 3), so that callers
    /// can trace their route. Default `false`.
    pub answer_last_hop: bool,
    /// How many branches at once a request without `Max-Breadth` may be worth, here and further on (RFC 5393 §5.3.3).
    /// Default 60.
    pub max_breadth: u32,
    /// What is done beyond it. Default [`BreadthPolicy::Refuse`].
    pub breadth: BreadthPolicy,
    /// Headers, other than those of RFC 3261, that have influence on where the embedder sends a request: a request that comes
    /// back with another value is a spiral, not a loop (RFC 5393 §4.2.1). Default none.
    pub routed_by: Vec<HeaderName>,
    /// The peers whose `P-Asserted-Identity` and other headers of the trusted are believed; what others say there is taken
    /// out ([`identity::distrust`](crate::identity::distrust), RFC 3325 §5). If there are any, or a message asks for `Privacy`,
    /// others are told no more than that allows ([`identity::withhold`](crate::identity::withhold), §7). Addresses can be
    /// forged over UDP: trust only networks that keep strangers out. Default none.
    pub trusted: Vec<IpAddr>,
    /// Whether `History-Info` says how requests outside of dialogs came to their targets (RFC 7044). Default `false`.
    pub history: bool,
    /// How long the embedder may take for an [`Event::Request`](super::Event::Request). Then it is answered with 500.
    /// Default 10 s.
    pub answer_within: Duration,
    /// How long the embedder may take for an [`Event::Resolve`](super::Event::Resolve). Then the hop is given up.
    /// Default 10 s.
    pub resolve_within: Duration,
    /// How long a stream connection may be idle before its closing is asked for. Default 15 minutes.
    pub idle_timeout: Duration,
    /// How long a peer may take to send one message over a stream, counted from the end of the one before; and for how
    /// long a connection is kept on which nothing whole has ever come. Default 32 seconds.
    pub frame_timeout: Duration,
}

impl ProxyConfig {
    /// The defaults, with these addresses and domains.
    #[must_use]
    pub fn new<H: Into<Host>>(
        listen: impl IntoIterator<Item = (Transport, SocketAddr)>,
        domains: impl IntoIterator<Item = H>,
    ) -> Self {
        Self {
            listen: listen.into_iter().collect(),
            domains: domains.into_iter().map(Into::into).collect(),
            server: String::new(),
            timers: TimerConfig::default(),
            timer_c: Duration::from_secs(185),
            guard: None,
            limits: Limits::default(),
            record_route: true,
            path: PathPolicy::Never,
            outbound: None,
            supported: Vec::new(),
            realm: None,
            relay_in_dialog: true,
            stateless: false,
            answer_last_hop: false,
            max_breadth: 60,
            breadth: BreadthPolicy::Refuse,
            routed_by: Vec::new(),
            trusted: Vec::new(),
            history: false,
            answer_within: Duration::from_secs(10),
            resolve_within: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15 * 60),
            frame_timeout: Duration::from_secs(32),
        }
    }

    /// The listening address for a transport: `near`, or else one of its family.
    pub(super) fn listening(&self, transport: Transport, near: SocketAddr) -> Option<SocketAddr> {
        let of_transport = || {
            self.listen
                .iter()
                .filter(|(name, _)| *name == transport)
                .map(|(_, address)| *address)
        };
        of_transport()
            .find(|address| *address == near)
            .or_else(|| of_transport().find(|address| address.is_ipv4() == near.is_ipv4()))
    }

    /// Whether a peer is trusted (RFC 3325).
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.trusted.iter().any(|trusted| trusted.to_canonical() == peer)
    }

    /// Whether a host and port name this proxy or a domain that it is responsible for.
    pub(super) fn is_own_host(&self, host: &Host, port: Option<u16>) -> bool {
        let port_fits = |transport: Transport, local: &SocketAddr| match port {
            Some(port) => port == local.port(),
            None => local.port() == transport.default_port() || local.port() == 5060,
        };
        match host.ip() {
            Some(ip) => {
                let ip = ip.to_canonical();
                self.listen
                    .iter()
                    .any(|(transport, local)| local.ip().to_canonical() == ip && port_fits(*transport, local))
            }
            None => {
                self.domains.contains(host)
                    && (port.is_none() || self.listen.iter().any(|(_, local)| Some(local.port()) == port))
            }
        }
    }

    /// Whether a URI leads to this proxy.
    pub(super) fn is_own_uri(&self, uri: &Uri) -> bool {
        matches!(uri.scheme(), Scheme::Sip | Scheme::Sips)
            && uri.host().is_some_and(|host| self.is_own_host(host, uri.port()))
    }
}
