//! Where a request goes next (RFC 3261 §16.6 step 7), and names that have to be resolved first.

use std::net::{IpAddr, SocketAddr};

use machine::Time;

use super::id::BranchKey;
use super::route::{Preprocessed, first_route};
use super::{Event, HopId, Proxy, Target, TimerKey};
use crate::endpoint::timers::Alarm;
use crate::endpoint::{Flow, Transport};
use crate::{Host, Request, Scheme, StatusCode, Uri};

/// Why there is no flow yet.
pub(super) enum Unknown {
    /// The embedder has to resolve it.
    Name(Box<Uri>),
    /// There is none.
    Never(StatusCode),
}

/// What waits for a next hop.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Waiting {
    Branch(BranchKey),
    Stateless(Box<Stateless>),
}

/// A request that is to be forwarded without state as soon as its next hop is known.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Stateless {
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) target: Target,
}

/// A next hop that is being resolved.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Hop {
    waiting: Waiting,
    alarm: Alarm,
}

impl Proxy {
    /// The flow to a target, if it can be told without asking.
    pub(super) fn next_hop(&self, request: &Request, target: &Target, found: Preprocessed) -> Result<Flow, Unknown> {
        let as_is = target.uri.is_none() && target.route.is_empty();
        let named = found.by_flow.filter(|_| as_is);
        if let Some(flow) = target.flow.or(named) {
            let live = self.connections.live(flow);
            let only = target.only_flow || target.flow.is_none();
            if only && flow.transport.is_reliable() && live.connection != flow.connection {
                return Err(Unknown::Never(StatusCode::FLOW_FAILED));
            }
            return Ok(live);
        }
        let bad = |_| Unknown::Never(StatusCode::BAD_REQUEST);
        let route = match target.route.first() {
            Some(route) => Some(route.uri.clone()),
            None => first_route(request).map_err(bad)?.map(|route| route.uri),
        };
        let uri = match (route, &target.uri) {
            (Some(route), _) => route,
            (None, Some(uri)) => uri.clone(),
            (None, None) => request.request_uri().map_err(bad)?,
        };
        self.resolve(uri, found.leave_by)
    }

    /// RFC 3263 §4, as far as it goes without DNS.
    fn resolve(&self, uri: Uri, leave_by: Option<(Transport, SocketAddr)>) -> Result<Flow, Unknown> {
        let secure = match uri.scheme() {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return Err(Unknown::Never(StatusCode::UNSUPPORTED_URI_SCHEME)),
        };
        let named = uri.transport().map(str::parse::<Transport>);
        let transport = match (named, secure) {
            (None, false) => Transport::Udp,
            (None | Some(Ok(Transport::Tcp)), true) => Transport::Tls,
            (Some(Ok(Transport::Ws)), true) => Transport::Wss,
            (Some(Ok(transport)), _) => transport,
            (Some(Err(_)), _) => return Err(Unknown::Never(StatusCode::SERVICE_UNAVAILABLE)),
        };
        let maddr = uri.params().value("maddr").map(Host::from);
        let Some(ip) = maddr.as_ref().or(uri.host()).and_then(Host::ip) else {
            return Err(Unknown::Name(Box::new(uri)));
        };
        let remote = address(ip, uri.port(), transport);
        let near = leave_by
            .filter(|(leave, local)| *leave == transport && local.is_ipv4() == remote.is_ipv4())
            .map_or(SocketAddr::new(remote.ip(), 0), |(_, local)| local);
        let local = self
            .config
            .listening(transport, near)
            .filter(|local| local.is_ipv4() == remote.is_ipv4())
            .ok_or(Unknown::Never(StatusCode::SERVICE_UNAVAILABLE))?;
        let flow = Flow {
            transport,
            local,
            remote,
            connection: None,
        };
        Ok(self.connections.named(flow, uri.host()))
    }

    /// Asks the embedder, if there is room for one more question.
    pub(super) fn ask_for_hop(&mut self, waiting: Waiting, uri: Uri) -> Option<HopId> {
        if self.hops.len() >= self.config.limits.resolutions {
            self.stats.overloaded += 1;
            return None;
        }
        let mut alarm = Alarm::default();
        let until: Time = self.now + self.config.resolve_within;
        let hop = self.hops.insert(Hop {
            waiting,
            alarm: Alarm::default(),
        });
        self.timers.arm(self.now, TimerKey::Hop(hop), &mut alarm, Some(until));
        if let Some(found) = self.hops.get_mut(hop) {
            found.alarm = alarm;
        }
        self.emit(Event::Resolve { hop, uri });
        Some(hop)
    }

    pub(super) fn hop_resolved(&mut self, hop: HopId, flows: &[Flow]) {
        let Some(mut found) = self.hops.remove(hop) else {
            return;
        };
        self.timers.disarm(&mut found.alarm);
        match found.waiting {
            Waiting::Branch(key) => self.branch_resolved(key, flows),
            Waiting::Stateless(waiting) => {
                if let Some(flow) = flows.first() {
                    self.transmit_stateless(&waiting.request, waiting.flow, &waiting.target, *flow);
                } else {
                    self.refuse_stateless(&waiting.request, waiting.flow, StatusCode::SERVICE_UNAVAILABLE);
                }
            }
        }
    }

    /// The branch that asked is gone.
    pub(super) fn forget_hop(&mut self, hop: HopId) {
        if let Some(mut found) = self.hops.remove(hop) {
            self.timers.disarm(&mut found.alarm);
        }
    }

    pub(super) fn hop_due(&mut self, hop: HopId) {
        if let Some(found) = self.hops.get_mut(hop) {
            found.alarm.fired();
            self.hop_resolved(hop, &[]);
        }
    }
}

fn address(ip: IpAddr, port: Option<u16>, transport: Transport) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port.unwrap_or(transport.default_port()))
}
