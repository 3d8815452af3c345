//! The one machine that puts the layers together: everything between bytes on the network and calls.
//!
//! An [`Endpoint`] takes datagrams and stream bytes with [`Endpoint::receive`], commands of its embedder with methods such
//! as [`Endpoint::invite`] and [`Endpoint::answer`], and says what is to be sent and what happened by one ordered queue
//! ([`Output`]). Transactions, retransmissions, ACK, CANCEL, BYE, route sets, sequence numbers, forks, glare, digest
//! challenges and NOTIFYs are its own business.
//!
//! Answering a call is this much:
//!
//! ```
//! use machine::{Machine, Time};
//! use sip_core::{Body, Endpoint, EndpointConfig, Event, Flow, Output, Reply, Transport};
//!
//! let here = "192.0.2.2:5060".parse()?;
//! let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, here)]), [7; 32]);
//!
//! # let there = "192.0.2.1:5060".parse()?;
//! # let now = Time::from_secs(1_700_000_000);
//! # let datagram = bytes::Bytes::from_static(b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\n\
//! #     Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
//! #     From: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
//! #     Contact: <sip:alice@192.0.2.1>\r\nContent-Length: 0\r\n\r\n");
//! # let mut sent = Vec::new();
//! // Whenever a datagram arrives (and when `poll_timeout` says so, `handle_timeout`):
//! endpoint.receive(now, Flow::udp(here, there), datagram);
//! while let Some(output) = endpoint.poll_output() {
//!     match output {
//!         Output::Event(Event::Invite { session, request, .. }) => {
//!             let offer = request.body(); // to be answered
//!             let answer = Body::sdp("v=0\r\n…");
//!             endpoint.answer(now, session, Reply::new().body(answer))?;
//!         }
//!         Output::Transmit(transmit) => sent.push(transmit), // to the socket
//!         _ => {}
//!     }
//! }
//! # assert!(sent[0].data.starts_with(b"SIP/2.0 200 OK\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does by itself
//!
//! | Of | answered with |
//! |---|---|
//! | a broken request | 400, or the status of its fault, if it can be answered at all |
//! | a request of an unknown dialog, a CANCEL of nothing | 481 |
//! | the same request by another way | 482 |
//! | `Max-Forwards: 0` | 483 ([`EndpointConfig::refuse_zero_max_forwards`]) |
//! | an unknown method, a known one that is not allowed | 501, 405 |
//! | another scheme than sip, sips or tel | 416 |
//! | an option that is required and unknown | 420 |
//! | a SUBSCRIBE to a package that is not offered | 489 with `Allow-Events` ([`EndpointConfig::event_packages`]) |
//! | an INFO of a package that is not offered | 469 with `Recv-Info` ([`EndpointConfig::info_packages`]) |
//! | a NOTIFY that nobody subscribed to | 481 ([`EndpointConfig::unsolicited_notify`]) |
//! | a refresh by who knows the state (RFC 5839) | 204 |
//! | one request too many ([`Limits`], [`EndpointConfig::guard`]) | 503 with `Retry-After` |
//! | a request out of order in its dialog | 500 |
//! | a re-INVITE or an offer in UPDATE while ours, or an earlier one, is under way | 491, 500 with `Retry-After` |
//! | a PRACK that fits no response of ours | 481 |
//! | a session interval that is too small | 422 with `Min-SE` |
//! | an INVITE that cannot do what [`EndpointConfig::reliability`] requires | 421 |
//! | `Replaces` and `Join` where they make no sense; `Answer-Mode: Auto;require` that the embedder does not do | 400; 403 |
//! | a PRACK or UPDATE without an offer, a NOTIFY of a subscription, a BYE | 200 |
//! | any other request that the embedder leaves unanswered for 3.5 seconds | 100, and never 408 (RFC 4320) |
//!
//! Provisional responses are sent reliably, and acknowledged with PRACK, where a peer requires it or an answer depends on it
//! (RFC 3262, [`Reliability`]). Sessions are refreshed, and given up when nobody does, where a peer or the embedder wants it
//! (RFC 4028, [`SessionTimers`]).
//!
//! What it refuses by itself it answers without keeping any state.
//!
//! # What else it keeps up
//!
//! - **Subscriptions** of both sides (RFC 6665): refreshes, un-SUBSCRIBE with a NOTIFY under way, failures that pass, 423, forks,
//!   beginnings anew as the notifier's reason allows ([`Subscribe::persist`]), conditional (RFC 5839) and paced (RFC 6446)
//!   notification. Bodies are opaque to it; [`event`](crate::event) reads and writes those of the usual packages.
//! - **Publications** (RFC 3903): [`Endpoint::publish`] refreshes and repeats by itself. The other side is a
//!   [`Compositor`](crate::event::publish::Compositor), to be asked from [`Event::Request`].
//! - **Referrals** (RFC 3515), in a session's dialog and outside of any, with or without subscription (RFC 4488). Whether to do
//!   what a peer asks for is the embedder's decision alone; [`Event::Refer`] tells him which session, if any, speaks for the
//!   sender (RFC 4538), and [`Invite::referred`] makes the call.
//! - **Redirections** (RFC 3261 §8.1.3.4): [`Event::Redirected`] keeps the session while the embedder picks a contact, and
//!   [`Endpoint::redirect`] calls there with the same handle ([`Invite::follow_redirects`]).
//! - **Ways within a dialog** (§18.1.1): what is too large for a datagram goes by TCP, and by UDP where nobody listens there;
//!   [`SessionInfo::next_hop`] is what to ask a [`Resolver`](crate::resolver::Resolver) for, and [`Endpoint::go_by`] takes what
//!   it found, from which requests fail over one by one.
//! - **INFO** (RFC 6086): `Recv-Info` is told and learnt; [`dialog::info`](crate::dialog::info) reads packets and digits.
//! - **OPTIONS**: a 2xx of the embedder's says by itself what is configured.
//!
//! # What it does not do
//!
//! No DNS: targets are numeric, or the embedder asks a [`Resolver`](crate::resolver::Resolver) first and gives what it found
//! with [`Invite::by`]. No forking proxy. Descriptions are not read: whether a body is an offer or an answer follows from where it
//! stands (RFC 3264, RFC 6337), what it means is the embedder's.

mod abilities;
mod admission;
mod callee;
mod caller;
mod client;
mod command;
mod config;
mod detour;
mod error;
mod event;
mod event_command;
mod flow;
#[doc(hidden)]
pub mod fuzz;
mod hang_up;
mod id;
mod in_dialog;
mod info;
mod info_package;
mod names;
mod notified;
mod notifier;
mod prack;
mod publication;
mod rates;
mod redirect;
mod refer;
mod referred;
mod referrer;
mod reinvite;
mod relay;
mod reliable;
pub(crate) mod reply;
mod requests;
#[cfg(feature = "serde")]
pub(crate) mod saved;
mod screen;
mod sent;
mod server;
mod session;
mod session_timer;
mod stats;
mod subscriber;
mod subscription;
pub(crate) mod timers;
mod transport;
mod update;
mod write;

pub use crate::dialog::session_timer::SessionTimers;
pub use command::{Body, Credentials, Invite, OutOfDialog, Reply};
pub use config::{EndpointConfig, Reliability};
pub use error::EndpointError;
pub use event::{AnswerWish, EndCause, Event, Output, PublicationEnd, RequestedAnswer, SubscriptionEnd};
pub use event_command::{Notify, NotifyState, Publish, Referral, Subscribe, TerminatedReason};
pub use flow::{ConnectionId, Flow, Hop, Transmit, Transport, UnknownTransport};
pub use id::{PublicationId, ReferId, RequestId, SessionId, SubscriptionId};
pub use info::{SessionInfo, SessionState};
pub use stats::{Live, Stats};

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use slotmap::SlotMap;

use self::client::ClientTx;
use self::id::{ClientKey, ServerKey};
use self::publication::Publication;
use self::refer::Refer;
use self::requests::Pending;
use self::server::ServerTx;
use self::session::Session;
use self::subscription::Subscription;
use self::timers::{Alarm, TimerKey, Timers};
use self::write::Standing;
#[cfg(doc)]
use crate::Limits;
use crate::connections::{Connections, Patience};
use crate::guard::Guard;
use crate::transaction::matching::Index;

/// A SIP user agent for any number of calls, registrations and subscriptions (RFC 3261, 3262, 3265/6665, 3311, 3515, 3581, 3891, 3903,
/// 3911, 4028, 4320, 4488, 4538, 5373, 5839, 6026, 6086, 6141).
///
/// See the [module](self) for what it does.
///
/// With feature `serde` its whole state can be written and read back at any time. It then goes on as if nothing had
/// happened; only handles made later may have other numbers than they would have had.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Endpoint {
    config: EndpointConfig,
    rng: ChaCha12Rng,
    /// Makes the tags of stateless responses unguessable.
    secret: u64,
    now: Time,
    output: VecDeque<Output>,
    timers: Timers<TimerKey>,
    connections: Connections,
    /// Client transactions by where they were sent, for what breaks.
    in_flight: BTreeSet<(Transport, SocketAddr, ClientKey)>,
    clients: SlotMap<ClientKey, ClientTx>,
    servers: SlotMap<ServerKey, ServerTx>,
    #[cfg_attr(feature = "serde", serde(with = "saved::index"))]
    server_index: Index<ServerKey>,
    sessions: SlotMap<SessionId, Session>,
    requests: SlotMap<RequestId, Pending>,
    subscriptions: SlotMap<SubscriptionId, Subscription>,
    refers: SlotMap<ReferId, Refer>,
    publications: SlotMap<PublicationId, Publication>,
    stats: Stats,
    guard: Option<Box<Guard>>,
    guard_alarm: Alarm,
    /// Header lines that are the same in all messages.
    standing: Standing,
    #[cfg_attr(feature = "serde", serde(skip))]
    scratch: Vec<u8>,
}

impl Endpoint {
    /// An endpoint without any state. All randomness (tags, branches, Call-IDs, back-off) comes from `seed`: with the same
    /// seed and the same inputs it does the same. Use a seed that nobody can guess.
    #[must_use]
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let patience = Patience {
            idle: config.idle_timeout,
            frame: config.frame_timeout,
        };
        let guard = config.guard.clone().map(|guard| Box::new(Guard::new(guard)));
        Self {
            secret: rng.next_u64(),
            rng,
            standing: Standing::new(&config),
            config,
            now: Time::ZERO,
            output: VecDeque::new(),
            timers: Timers::default(),
            connections: Connections::new(patience),
            in_flight: BTreeSet::new(),
            clients: SlotMap::with_key(),
            servers: SlotMap::with_key(),
            server_index: Index::default(),
            sessions: SlotMap::with_key(),
            requests: SlotMap::with_key(),
            subscriptions: SlotMap::with_key(),
            refers: SlotMap::with_key(),
            publications: SlotMap::with_key(),
            stats: Stats::default(),
            guard,
            guard_alarm: Alarm::default(),
            scratch: Vec::with_capacity(256),
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn config(&self) -> &EndpointConfig {
        &self.config
    }

    /// What became of the messages so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What is held at present.
    #[must_use]
    pub fn live(&self) -> Live {
        Live {
            client_transactions: self.clients.len(),
            server_transactions: self.servers.len(),
            sessions: self.sessions.len(),
            subscriptions: self.subscriptions.len(),
            refers: self.refers.len(),
            publications: self.publications.len(),
            requests: self.requests.len(),
            connections: self.connections.len(),
            timers: self.timers.len() + self.connections.timers(),
            outputs: self.output.len(),
        }
    }

    /// Time never goes backwards here.
    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    fn emit(&mut self, event: Event) {
        self.output.push_back(Output::Event(event));
    }
}

impl Machine for Endpoint {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        while let Some(key) = self.timers.pop(self.now) {
            match key {
                TimerKey::Client(key) => self.client_due(key),
                TimerKey::Server(key) => self.server_due(key),
                TimerKey::Session(id) => self.session_due(id),
                TimerKey::Request(id) => self.request_due(id),
                TimerKey::Subscription(id) => self.subscription_due(id),
                TimerKey::Refer(id) => self.refer_due(id),
                TimerKey::Publication(id) => self.publication_due(id),
                TimerKey::Guard => self.guard_due(),
            }
        }
        while let Some(id) = self.connections.pop_stale(self.now) {
            self.close(id);
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let timers = [self.timers.next(), self.connections.poll_timeout()];
        timers.into_iter().flatten().min()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }
}

impl core::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Endpoint")
            .field("now", &self.now)
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
