//! A proxy without I/O (RFC 3261 §16): what carriers, registrars and edge servers are built from.
//!
//! A [`Proxy`] takes datagrams and stream bytes with [`Proxy::receive`] and says what is to be sent and what happened by one
//! ordered queue ([`Output`]). It validates requests, knows its own Routes, asks the embedder where a request is to go
//! ([`Event::Request`]), and is told by [`Proxy::forward`] with a [`TargetSet`]: all targets at once, one after the other, or
//! groups. Transactions, retransmissions, forks, the choice of the best response, CANCEL and Timer C are its own business.
//!
//! A location-service proxy, whole but for its sockets: phones register, and calls to them go to all their contacts, the
//! preferred first.
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::proxy::{Event, Output, Proxy, ProxyConfig, Target, TargetSet};
//! use sip_core::registrar::{Registrar, RegistrarConfig};
//! use sip_core::{Flow, Method, Reply, Request, StatusCode, Transport};
//!
//! struct Server {
//!     proxy: Proxy,
//!     registrar: Registrar,
//! }
//!
//! /// The address of record that a request is for.
//! fn aor(request: &Request) -> Option<String> {
//!     let uri = if *request.method() == Method::Register {
//!         request.to().ok()?.uri
//!     } else {
//!         request.request_uri().ok()?
//!     };
//!     Some(format!("{}@{}", uri.user()?, uri.host()?))
//! }
//!
//! impl Server {
//!     fn receive(&mut self, now: Time, flow: Flow, datagram: bytes::Bytes) -> Vec<sip_core::Transmit> {
//!         self.proxy.receive(now, flow, datagram);
//!         let mut sent = Vec::new();
//!         while let Some(output) = self.proxy.poll_output() {
//!             match output {
//!                 Output::Transmit(transmit) => sent.push(transmit),
//!                 Output::Event(Event::Request { context, request, flow, .. }) => {
//!                     let Some(aor) = aor(&request) else { continue };
//!                     // The context may have ended while we thought; then there is nothing to do.
//!                     let _ = if *request.method() == Method::Register {
//!                         let response = self.registrar.register(now, &aor, &request, flow);
//!                         let response = response.unwrap_or_else(|error| error.to_response(&request));
//!                         self.proxy.respond(now, context, response.status(), Reply::from_response(&response))
//!                     } else {
//!                         let bindings = self.registrar.bindings(&aor);
//!                         if bindings.is_empty() {
//!                             self.proxy.respond(now, context, StatusCode::TEMPORARILY_UNAVAILABLE, Reply::new())
//!                         } else {
//!                             let targets = TargetSet::by_q(bindings.iter().map(Target::from));
//!                             self.proxy.forward(now, context, targets)
//!                         }
//!                     };
//!                 }
//!                 _ => {}
//!             }
//!         }
//!         sent
//!     }
//! }
//!
//! let here = "192.0.2.1:5060".parse()?;
//! let config = ProxyConfig::new([(Transport::Udp, here)], ["example.com"]);
//! let mut server = Server {
//!     proxy: Proxy::new(config, [7; 32]),
//!     registrar: Registrar::new(RegistrarConfig::default()),
//! };
//! # let now = Time::from_secs(1_700_000_000);
//! # let bob = "192.0.2.8:5060".parse()?;
//! # let alice = "192.0.2.9:5060".parse()?;
//! # let register = "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.8:5060;branch=z9hG4bK1\r\n\
//! #     From: <sip:bob@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\n\
//! #     Contact: <sip:bob@192.0.2.8>\r\nContent-Length: 0\r\n\r\n";
//! # let invite = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK2\r\n\
//! #     Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=2\r\nTo: <sip:bob@example.com>\r\nCall-ID: 2\r\n\
//! #     CSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.9>\r\nContent-Length: 0\r\n\r\n";
//! // `register` and `invite` came from the phones of Bob and Alice:
//! let answer = server.receive(now, Flow::udp(here, bob), register.into());
//! assert!(answer[0].data.starts_with(b"SIP/2.0 200 OK\r\n"));
//! let forwarded = server.receive(now, Flow::udp(here, alice), invite.into());
//! assert!(forwarded[0].data.starts_with(b"INVITE sip:bob@192.0.2.8 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;"));
//! assert_eq!(forwarded[0].flow.remote, bob);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does by itself
//!
//! | Of | becomes |
//! |---|---|
//! | a request that is too broken to be forwarded | 400, or the status of its fault; what a proxy need not read may be broken |
//! | another scheme than sip, sips or tel | 416 |
//! | `Max-Forwards: 0` | 483 |
//! | a request that came back unchanged (RFC 5393) | 482 |
//! | `Max-Breadth: 0`, more branches at once than Max-Breadth allows | 440 ([`ProxyConfig::breadth`]) |
//! | an unknown `Proxy-Require` | 420 |
//! | a Route that names a flow: to a client that is gone, made up by somebody else | 430, 403 ([`ProxyConfig::outbound`]) |
//! | one request too many ([`Limits`], [`ProxyConfig::guard`]) | 503 with `Retry-After`, without state |
//! | a request in a dialog whose Route names this proxy | forwarded ([`ProxyConfig::relay_in_dialog`]) |
//! | the ACK of a 2xx | forwarded without state |
//! | a CANCEL | 200, and a CANCEL to each pending branch; of nothing: 481 |
//! | 1xx other than 100, each 2xx | passed on at once; a 2xx cancels the other branches |
//! | 6xx | the other branches are cancelled |
//! | all branches failed | the best response: 6xx, else the lowest class; 401 and 407 with the challenges of all; a 503 as 500 |
//! | nobody answered an INVITE | 408; to other requests nothing at all (RFC 4320) |
//!
//! Unknown methods and headers pass through byte for byte, as do PRACK, UPDATE and reliable provisional responses.
//!
//! # What it leaves to others
//!
//! No DNS: next hops with names are asked for by [`Event::Resolve`], and [`Resolver`](crate::resolver::Resolver) finds the
//! answer. Who may do what is the embedder's decision:
//! [`auth::Server`](crate::auth::Server) verifies credentials, [`Proxy::challenge`] asks for them. Requests over 1300 octets are
//! not moved from UDP to TCP (RFC 3261 §18.1.1); the embedder's [`Target`] picks the way. Of dialogs it knows nothing: the
//! guard counts requests within them like others.
//!
//! # Limits
//!
//! Of [`Limits`] it keeps those of messages and `connections`; `server_transactions` (response contexts), `client_transactions`
//! (branches), `targets`, `resolutions` and `proxy_output`. A context keeps its request and one copy for each branch: what the
//! proxy may hold at most is bounded by these numbers and [`Limits::message`].

mod admission;
mod best;
mod branch;
mod cancel;
mod command;
mod config;
mod context;
mod error;
mod event;
mod forward;
#[doc(hidden)]
pub mod fuzz;
mod history;
mod id;
mod names;
mod next_hop;
mod receive;
mod response;
mod route;
mod screen;
mod stateless;
mod stats;
mod target;

pub use config::{BreadthPolicy, PathPolicy, ProxyConfig};
pub use error::ProxyError;
pub use event::{Destination, Event, Output};
pub use id::{ContextId, HopId};
pub use stats::{ProxyLive, ProxyStats};
pub use target::{Target, TargetSet};

use std::collections::{BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use slotmap::SlotMap;

use self::branch::{Branch, InFlight};
use self::context::Context;
use self::id::BranchKey;
use self::next_hop::Hop;
#[cfg(doc)]
use crate::Limits;
use crate::connections::{Connections, Patience};
use crate::endpoint::timers::{Alarm, Timers};
use crate::guard::Guard;

/// What a timer belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum TimerKey {
    Context(ContextId),
    Branch(BranchKey),
    Hop(HopId),
    Guard,
}

/// A forking, record-routing proxy, stateful or stateless by request (RFC 3261 §16, RFC 3581, 4320, 5393, 6026).
///
/// See the [module](self) for what it does.
///
/// With feature `serde` its whole state can be written and read back at any time. It then goes on as if nothing had
/// happened; only handles made later may have other numbers than they would have had.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Proxy {
    config: ProxyConfig,
    rng: ChaCha12Rng,
    /// Makes tags, loop marks and the branches of stateless forwarding unguessable.
    secret: u64,
    now: Time,
    output: VecDeque<Output>,
    timers: Timers<TimerKey>,
    connections: Connections,
    /// Branches by where they were sent, for what breaks.
    in_flight: BTreeSet<InFlight>,
    contexts: SlotMap<ContextId, Context>,
    #[cfg_attr(feature = "serde", serde(with = "crate::endpoint::saved::index"))]
    index: HashMap<Bytes, ContextId>,
    branches: SlotMap<BranchKey, Branch>,
    hops: SlotMap<HopId, Hop>,
    guard: Option<Box<Guard>>,
    guard_alarm: Alarm,
    stats: ProxyStats,
    #[cfg_attr(feature = "serde", serde(skip))]
    scratch: Vec<u8>,
}

impl Proxy {
    /// A proxy without any state. All randomness (branches) comes from `seed`: with the same seed and the same inputs it
    /// does the same. Use a seed that nobody can guess.
    #[must_use]
    pub fn new(config: ProxyConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        Self {
            secret: rng.next_u64(),
            rng,
            connections: Connections::new(Patience {
                idle: config.idle_timeout,
                frame: config.frame_timeout,
            }),
            guard: config.guard.clone().map(|guard| Box::new(Guard::new(guard))),
            guard_alarm: Alarm::default(),
            config,
            now: Time::ZERO,
            output: VecDeque::new(),
            timers: Timers::default(),
            in_flight: BTreeSet::new(),
            contexts: SlotMap::with_key(),
            index: HashMap::new(),
            branches: SlotMap::with_key(),
            hops: SlotMap::with_key(),
            stats: ProxyStats::default(),
            scratch: Vec::with_capacity(256),
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &ProxyConfig {
        &self.config
    }

    /// What became of the messages so far.
    #[must_use]
    pub fn stats(&self) -> &ProxyStats {
        &self.stats
    }

    /// What is held at present.
    #[must_use]
    pub fn live(&self) -> ProxyLive {
        ProxyLive {
            contexts: self.contexts.len(),
            branches: self.branches.len(),
            resolutions: self.hops.len(),
            connections: self.connections.len(),
            timers: self.timers.len(),
        }
    }

    /// Time never goes backwards here.
    fn advance_time(&mut self, now: Time) {
        self.now = self.now.max(now);
    }
}

impl Machine for Proxy {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance_time(now);
        while let Some(key) = self.timers.pop(self.now) {
            match key {
                TimerKey::Context(id) => self.context_due(id),
                TimerKey::Branch(key) => self.branch_due(key),
                TimerKey::Hop(hop) => self.hop_due(hop),
                TimerKey::Guard => self.guard_due(),
            }
        }
        while let Some(id) = self.connections.pop_stale(self.now) {
            self.close_connection(id);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        crate::transaction::earliest(self.timers.next(), self.connections.poll_timeout())
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }
}

impl core::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Proxy")
            .field("now", &self.now)
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
