use core::time::Duration;
use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::backoff::share;
use super::stun;
use crate::{Flow, Transmit};

/// Keeps one flow open, and finds out when it is dead (RFC 5626 §4.4): on a stream by two line ends that the peer answers with
/// one, over UDP by STUN requests.
///
/// What it wants sent goes straight to the socket. What comes back, the endpoint tells as
/// [`Event::KeepAlive`](crate::Event::KeepAlive) if
/// [`report_keepalives`](crate::EndpointConfig::report_keepalives) is set.
///
/// ```
/// use machine::{Machine, Time};
/// use sip_core::Flow;
/// use sip_core::outbound::{KeepAlive, KeepAliveConfig, KeepAliveOutput, stun};
///
/// let flow = Flow::udp("192.0.2.7:5060".parse()?, "192.0.2.10:5060".parse()?);
/// let mut keep_alive = KeepAlive::new(Time::from_secs(0), flow, KeepAliveConfig::default(), [7; 32]);
///
/// let due = keep_alive.poll_timeout().unwrap(); // after 24 to 29 s
/// keep_alive.handle_timeout(due);
/// let Some(KeepAliveOutput::Transmit(ping)) = keep_alive.poll_output() else { unreachable!() };
/// let answer = stun::answer(&ping.data, "203.0.113.9:40000".parse()?).unwrap(); // by the peer's endpoint
/// keep_alive.received(due, Some(&answer));
/// assert_eq!(keep_alive.poll_output(), None, "the flow is fine");
/// assert_eq!(keep_alive.mapped(), Some("203.0.113.9:40000".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeepAlive {
    flow: Flow,
    config: KeepAliveConfig,
    rng: ChaCha12Rng,
    now: Time,
    state: State,
    due: Option<Time>,
    mapped: Option<SocketAddr>,
    outputs: VecDeque<KeepAliveOutput>,
}

/// Settings of a [`KeepAlive`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct KeepAliveConfig {
    /// The longest time between two on a stream; at least eight tenths of it are waited. The registrar's `Flow-Timer`, if it
    /// gave one, less a little. Default 120 s.
    pub stream: Duration,
    /// The same over UDP. Default 29 s.
    pub datagram: Duration,
    /// How long a peer may take to answer on a stream. Default 10 s (RFC 5626 §4.4.1).
    pub patience: Duration,
    /// After how long a STUN request is sent again for the first time; then after twice as long, and so on, seven times in all.
    /// Default 500 ms (RFC 5389 §7.2.1).
    pub stun_rto: Duration,
}

impl Default for KeepAliveConfig {
    fn default() -> Self {
        Self {
            stream: Duration::from_secs(120),
            datagram: Duration::from_secs(29),
            patience: Duration::from_secs(10),
            stun_rto: Duration::from_millis(500),
        }
    }
}

/// What a [`KeepAlive`] wants done or has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum KeepAliveOutput {
    /// Send these octets.
    Transmit(Transmit),
    /// The flow is dead: close it, and register over a new one ([`Registration::flow_failed`](super::Registration)).
    /// Nothing more comes.
    Failed(FlowFailure),
}

/// Why a flow is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum FlowFailure {
    /// The peer did not answer.
    Silent,
    /// The peer sees us at another address than before: the NAT has forgotten us (RFC 5626 §4.4.2).
    Moved,
    /// The peer does not do STUN.
    Refused,
}

/// STUN requests of one keep-alive (RFC 5389 §7.2.1, Rc).
const TRIES: u32 = 7;
/// The time waited after the last, in units of the first (Rm).
const LAST_WAIT: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum State {
    Idle,
    Pinged,
    Asked { transaction: [u8; 12], tries: u32 },
    Failed,
}

impl KeepAlive {
    /// Begins with the interval. The chance comes from `seed`.
    #[must_use]
    pub fn new(now: Time, flow: Flow, config: KeepAliveConfig, seed: [u8; 32]) -> Self {
        let mut keep_alive = Self {
            flow,
            config,
            rng: ChaCha12Rng::from_seed(seed),
            now,
            state: State::Idle,
            due: None,
            mapped: None,
            outputs: VecDeque::new(),
        };
        keep_alive.rest();
        keep_alive
    }

    /// A line end came on the stream (`None`), or a STUN datagram. What answers nothing is not looked at.
    pub fn received(&mut self, now: Time, stun: Option<&[u8]>) {
        self.now = self.now.max(now);
        match (self.state, stun) {
            (State::Pinged, None) => self.rest(),
            (State::Asked { transaction, .. }, Some(data)) => {
                if let Some(response) = stun::Response::read(data).filter(|it| it.transaction == transaction) {
                    self.answered(response.mapped);
                }
            }
            (State::Idle | State::Pinged | State::Asked { .. } | State::Failed, _) => {}
        }
    }

    /// Our address as the peer sees it, once it was told.
    #[must_use]
    pub const fn mapped(&self) -> Option<SocketAddr> {
        self.mapped
    }

    /// The flow that is kept open.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    fn answered(&mut self, mapped: Option<SocketAddr>) {
        let Some(mapped) = mapped else {
            return self.fail(FlowFailure::Refused);
        };
        if self.mapped.is_some_and(|before| before != mapped) {
            return self.fail(FlowFailure::Moved);
        }
        self.mapped = Some(mapped);
        self.rest();
    }

    fn rest(&mut self) {
        self.state = State::Idle;
        let longest = if self.flow.transport.is_reliable() {
            self.config.stream
        } else {
            self.config.datagram
        };
        let wait = share(longest, 80, &mut self.rng).max(Duration::from_millis(1));
        self.due = Some(self.now + wait);
    }

    fn fail(&mut self, failure: FlowFailure) {
        self.state = State::Failed;
        self.due = None;
        self.outputs.push_back(KeepAliveOutput::Failed(failure));
    }

    fn send(&mut self, data: Bytes) {
        let transmit = Transmit::on(self.flow, data);
        self.outputs.push_back(KeepAliveOutput::Transmit(transmit));
    }

    fn ask(&mut self, transaction: [u8; 12], tries: u32) {
        self.send(stun::request(transaction));
        let rto = self.config.stun_rto.max(Duration::from_millis(1));
        let wait = if tries == TRIES { LAST_WAIT } else { 1 << (tries - 1) };
        self.due = Some(self.now + rto.saturating_mul(wait));
        self.state = State::Asked { transaction, tries };
    }
}

impl Machine for KeepAlive {
    type Output = KeepAliveOutput;

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        if self.due.is_none_or(|due| due > self.now) {
            return;
        }
        match self.state {
            State::Idle if self.flow.transport.is_reliable() => {
                self.send(Bytes::from_static(b"\r\n\r\n"));
                self.state = State::Pinged;
                self.due = Some(self.now + self.config.patience.max(Duration::from_millis(1)));
            }
            State::Idle => {
                let mut transaction = [0; 12];
                self.rng.fill_bytes(&mut transaction);
                self.ask(transaction, 1);
            }
            State::Asked { transaction, tries } if tries < TRIES => self.ask(transaction, tries + 1),
            State::Asked { .. } | State::Pinged => self.fail(FlowFailure::Silent),
            State::Failed => self.due = None,
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    fn poll_output(&mut self) -> Option<KeepAliveOutput> {
        self.outputs.pop_front()
    }
}
