//! The machine: its state, its inputs, its clock.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use machine::{Machine, Time};
use park::SlotNumber;
use rtp_media::{ConferenceId, StreamId};
use sip_core::auth::Secret;
use sip_core::registrar::Registrar;
use sip_core::{ConnectionId, Endpoint, EndpointConfig, Method, SessionId, SessionTimers, SubscriptionId, Uri};
use slotmap::SlotMap;

use crate::config::{Config, ConfigError, Extension};
use crate::event::{CallId, EndCause};
use crate::input::{Input, Output};
use crate::leg::{Hunt, HuntId, Leg, LegId, LegView, Place};
use crate::ports::Ports;
use crate::queue::{AgentCode, Queueing};
use crate::supervise::{Room, Supervising};

/// Call control: the one machine that knows SIP, media, registrations and parking.
///
/// See the [crate's documentation](crate) for an example.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Switch {
    pub(crate) config: Config,
    /// What each number is.
    pub(crate) numbers: BTreeMap<String, Destination>,
    /// Digest secrets, in the order of the configuration's extensions.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) endpoint: Endpoint,
    pub(crate) registrar: Registrar,
    pub(crate) auth: sip_core::auth::Server,
    /// In the order of the configuration's lots, which keep their places when that is changed.
    pub(crate) lots: Vec<park::Lot<LegId, String>>,
    /// Lots that are no more, in their places until their calls are gone.
    pub(crate) retired_lots: BTreeSet<usize>,
    /// The lot for the code that parks.
    pub(crate) first_lot: Option<usize>,
    pub(crate) lot_seed: [u8; 32],
    pub(crate) lots_made: usize,
    /// Extensions that are no more but have calls.
    pub(crate) leaving: BTreeSet<String>,
    pub(crate) legs: SlotMap<LegId, Leg>,
    /// The legs of each number that has any.
    pub(crate) legs_of: BTreeMap<String, BTreeSet<LegId>>,
    pub(crate) hunts: SlotMap<HuntId, Hunt>,
    pub(crate) queueing: Queueing,
    #[cfg_attr(feature = "serde", serde(with = "crate::saved"))]
    pub(crate) sessions: BTreeMap<SessionId, LegId>,
    pub(crate) streams: BTreeMap<StreamId, LegId>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) connections: BTreeSet<ConnectionId>,
    #[cfg_attr(feature = "serde", serde(with = "crate::saved"))]
    pub(crate) watchers: BTreeMap<SubscriptionId, Watcher>,
    pub(crate) watched: BTreeMap<String, BTreeSet<SubscriptionId>>,
    /// Numbers whose watchers must be told before the step ends.
    pub(crate) dirty: BTreeSet<String>,
    pub(crate) timers: BTreeSet<(Time, LegId)>,
    /// When the groups that are being rung go on.
    pub(crate) hunt_timers: BTreeSet<(Time, HuntId)>,
    /// With which member each circular group begins next.
    pub(crate) turns: BTreeMap<String, usize>,
    pub(crate) ports: Ports,
    pub(crate) next_stream: u64,
    pub(crate) next_play: u64,
    pub(crate) next_call: u64,
    pub(crate) next_conference: u64,
    /// The calls that are supervised.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved"))]
    pub(crate) rooms: BTreeMap<ConferenceId, Room>,
    pub(crate) shutting_down: bool,
    pub(crate) now: Time,
    pub(crate) stats: Stats,
    pub(crate) outputs: VecDeque<Output>,
}

/// What `Allow` says, and what is not refused with 405 at once.
const METHODS: [Method; 10] = [
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Options,
    Method::Register,
    Method::Info,
    Method::Update,
    Method::Refer,
    Method::Subscribe,
];

/// How much longer than a phone rings others wait for the outcome.
const RING_MARGIN: Duration = Duration::from_secs(60);

/// The longest that groups may ring for one call, one after the other.
const LONGEST_CHASE: Duration = crate::MAX_CHASE.saturating_mul(crate::MAX_DIVERSIONS + 1);

/// What a dialled number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Destination {
    Extension(usize),
    Group(usize),
    Lot(usize),
    Slot(usize, SlotNumber),
    RetrieveLongest(usize),
    Queue(acd::QueueId),
    AgentCode(AgentCode),
    Supervise(Supervising),
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Call {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) started: Time,
    pub(crate) answered: Option<Time>,
    pub(crate) cause: Option<EndCause>,
    pub(crate) legs: usize,
}

/// A phone that wants to know what a number is doing (RFC 4235).
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Watcher {
    pub(crate) number: String,
    /// The extension that watches.
    pub(crate) by: String,
    pub(crate) version: u32,
}

/// Counters since the switch was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Calls begun.
    pub calls: u64,
    /// Requests answered with a first challenge.
    pub challenged: u64,
    /// Requests whose credentials were wrong.
    pub authentication_failures: u64,
    /// Calls refused because a limit was reached.
    pub refused_at_limit: u64,
    /// What the switch asked of its endpoint at a moment when it was no longer possible; harmless, but worth a look.
    pub late_requests: u64,
}

impl Switch {
    /// A switch. The same `seed` gives the same tags, branches and nonces.
    ///
    /// # Errors
    /// The configuration's first fault ([`Config::check`]).
    pub fn new(config: Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.check()?;
        let mut endpoint_config = EndpointConfig::new(config.listen.iter().copied());
        endpoint_config.timers.t1 = config.t1;
        endpoint_config.guard.clone_from(&config.guard);
        (endpoint_config.session_timers, endpoint_config.session_expires) = session_timers(&config);
        // The caller, and who transfers, wait at least as long as a phone, or group after group, may ring.
        let patience = config.ring_timeout.max(LONGEST_CHASE) + RING_MARGIN;
        endpoint_config.max_ringing = endpoint_config.max_ringing.max(patience);
        endpoint_config.refer_expires = endpoint_config.refer_expires.max(patience);
        endpoint_config.methods = METHODS.to_vec();
        endpoint_config.user_agent = concat!("Strowger/", env!("CARGO_PKG_VERSION")).to_owned();
        let mut auth_config = sip_core::auth::ServerConfig::default();
        auth_config.algorithms.clone_from(&config.digest);
        let secrets = config
            .extensions
            .iter()
            .map(|extension| Secret::from_password(&extension.number, &config.domain, &extension.password))
            .collect();
        let lots: Vec<_> = config
            .lots
            .iter()
            .enumerate()
            .map(|(index, lot)| {
                park::Lot::new(
                    crate::parking::machine_config(lot),
                    derive_seed(derive_seed(seed, 2), index),
                )
                .map_err(|_| ConfigError::BadSlots(lot.number.clone()))
            })
            .collect::<Result<_, _>>()?;
        let queueing = Queueing::new(&config, derive_seed(seed, 3))?;
        Ok(Self {
            numbers: number_plan(&config, &BTreeSet::new(), &queueing),
            secrets,
            endpoint: Endpoint::new(endpoint_config, derive_seed(seed, 0)),
            registrar: Registrar::new(sip_core::registrar::RegistrarConfig::default()),
            auth: sip_core::auth::Server::new(&config.domain, auth_config, derive_seed(seed, 1)),
            first_lot: (!lots.is_empty()).then_some(0),
            lot_seed: derive_seed(seed, 2),
            lots_made: lots.len(),
            lots,
            retired_lots: BTreeSet::new(),
            leaving: BTreeSet::new(),
            legs: SlotMap::with_key(),
            legs_of: BTreeMap::new(),
            hunts: SlotMap::with_key(),
            queueing,
            sessions: BTreeMap::new(),
            streams: BTreeMap::new(),
            calls: BTreeMap::new(),
            connections: BTreeSet::new(),
            watchers: BTreeMap::new(),
            watched: BTreeMap::new(),
            dirty: BTreeSet::new(),
            timers: BTreeSet::new(),
            hunt_timers: BTreeSet::new(),
            turns: BTreeMap::new(),
            ports: Ports::new(&config.media_ports, &config.media_ports_taken),
            next_stream: 1,
            next_play: 1,
            next_call: 1,
            next_conference: 1,
            rooms: BTreeMap::new(),
            shutting_down: false,
            now: Time::ZERO,
            stats: Stats::default(),
            outputs: VecDeque::new(),
            config,
        })
    }

    /// Takes one input and does all that follows from it.
    pub fn handle(&mut self, now: Time, input: Input) {
        let now = self.advance(now);
        match input {
            Input::Sip { flow, data } => self.endpoint.receive(now, flow, data),
            Input::SipConnectionOpened(flow) => {
                if let Some(connection) = flow.connection {
                    self.connections.insert(connection);
                }
                self.endpoint.connection_opened(now, flow);
            }
            Input::SipConnectionClosed(connection) => {
                self.connections.remove(&connection);
                self.endpoint.connection_closed(now, connection);
            }
            Input::SipUnreachable { transport, remote } => self.endpoint.unreachable(now, transport, remote),
            Input::Media(event) => self.on_media(now, event),
            Input::Configure(config) => self.configure_and_tell(now, *config),
            Input::Agent { number, command } => {
                self.command_agent(now, &number, &command);
            }
            Input::QueueOpen { queue, open } => {
                if let Some(id) = self.queueing.queue_id(&queue) {
                    let _ = self.queueing.acd.set_open(now, id, open); // it is there: its number was found
                }
            }
            Input::Shutdown => self.shut_down(now),
        }
        self.settle(now);
    }

    /// Every leg there is, oldest handle first.
    pub fn legs(&self) -> impl Iterator<Item = LegView> + '_ {
        self.legs.iter().map(|(id, leg)| LegView {
            id,
            call: leg.call,
            number: leg.party.number.clone(),
            place: leg.place,
            held: leg.media.held(),
            stream: leg.media.stream,
        })
    }

    /// The slots of the lot with this number and the legs in them; `None` if there is no such lot.
    pub fn slots(&self, lot: &str) -> Option<impl Iterator<Item = (SlotNumber, LegId)> + '_> {
        let index = self.config.lots.iter().position(|entry| entry.number == lot)?;
        Some(self.lots.get(index)?.slots().map(|(slot, parked)| (slot, parked.call)))
    }

    /// The SIP machine underneath, for its counters.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The location table.
    #[must_use]
    pub fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// The switch's own counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many calls there are.
    #[must_use]
    pub fn call_count(&self) -> usize {
        self.calls.len()
    }

    /// Hangs everything up and takes nothing new.
    fn shut_down(&mut self, now: Time) {
        self.shutting_down = true;
        self.sign_all_off(now);
        // Who rings comes last: his hunt ends with those for whom he rings, instead of looking for somebody else.
        let rings = |leg: &Leg| matches!(leg.place, Place::Ringing(_));
        let mut legs: Vec<(bool, LegId)> = self.legs.iter().map(|(id, leg)| (rings(leg), id)).collect();
        legs.sort_unstable();
        for (_, leg) in legs {
            self.set_cause(leg, EndCause::Shutdown);
            self.leg_over(now, leg, true);
        }
    }

    pub(crate) fn advance(&mut self, now: Time) -> Time {
        self.now = self.now.max(now);
        self.now
    }

    /// Lets every part say what it has to say until all are silent, then tells the watchers.
    pub(crate) fn settle(&mut self, now: Time) {
        loop {
            // What distribution decides comes before the next word of a phone.
            if self.poll_acd(now) {
                continue;
            }
            if let Some(output) = self.endpoint.poll_output() {
                match output {
                    sip_core::Output::Transmit(transmit) => self.outputs.push_back(Output::Sip(transmit)),
                    sip_core::Output::CloseConnection(id) => self.outputs.push_back(Output::CloseConnection(id)),
                    sip_core::Output::Event(event) => self.on_sip(now, event),
                }
            } else if !(self.poll_lots(now) || self.poll_registrar(now) || self.tell_watchers(now)) {
                break;
            }
        }
    }

    /// The extension with this number.
    pub(crate) fn extension(&self, number: &str) -> Option<&Extension> {
        match self.numbers.get(number)? {
            Destination::Extension(index) => self.config.extensions.get(*index),
            Destination::Group(_)
            | Destination::Lot(_)
            | Destination::Slot(..)
            | Destination::RetrieveLongest(_)
            | Destination::Queue(_)
            | Destination::AgentCode(_)
            | Destination::Supervise(_) => None,
        }
    }

    /// What a dialled number is.
    pub(crate) fn destination(&self, number: &str) -> Option<Destination> {
        let known = self.numbers.get(number).copied();
        known
            .or_else(|| self.agent_code(number))
            .or_else(|| self.supervisor_code(number))
    }

    /// `sip:number@domain`.
    pub(crate) fn local_uri(&self, number: &str) -> Uri {
        Uri::sip(Some(number), sip_core::Host::from(self.config.domain.as_str()), None)
    }

    fn due_legs(&mut self, now: Time) -> Vec<LegId> {
        let mut due = Vec::new();
        while let Some((at, leg)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            due.push(leg);
        }
        due
    }

    /// When anything in the switch is due.
    fn next_due(&self) -> Option<Time> {
        let own = self.timers.first().map(|(at, _)| *at);
        let hunts = self.hunt_timers.first().map(|(at, _)| *at);
        let lots = self.lots.iter().filter_map(Machine::poll_timeout).min();
        [
            own,
            hunts,
            lots,
            self.queueing.acd.poll_timeout(),
            self.endpoint.poll_timeout(),
            self.registrar.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Machine for Switch {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        let now = self.advance(now);
        self.endpoint.handle_timeout(now);
        self.registrar.handle_timeout(now);
        self.queueing.acd.handle_timeout(now);
        for lot in &mut self.lots {
            lot.handle_timeout(now);
        }
        for leg in self.due_legs(now) {
            self.leg_timer(now, leg);
        }
        self.chases_due(now);
        self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.next_due()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}

/// What the endpoint is told of session timers.
pub(crate) fn session_timers(config: &Config) -> (SessionTimers, Duration) {
    let default = EndpointConfig::new([]);
    match config.session_expires {
        Some(interval) => (SessionTimers::Requested, interval),
        None => (default.session_timers, default.session_expires),
    }
}

pub(crate) fn number_plan(
    config: &Config,
    retired_lots: &BTreeSet<usize>,
    queueing: &Queueing,
) -> BTreeMap<String, Destination> {
    let mut numbers = BTreeMap::new();
    for (index, extension) in config.extensions.iter().enumerate() {
        numbers.insert(extension.number.clone(), Destination::Extension(index));
    }
    for (index, group) in config.groups.iter().enumerate() {
        numbers.insert(group.number.clone(), Destination::Group(index));
    }
    let lots = config.lots.iter().enumerate();
    for (index, lot) in lots.filter(|(index, _)| !retired_lots.contains(index)) {
        numbers.insert(lot.number.clone(), Destination::Lot(index));
        for slot in lot.slots.clone() {
            numbers.insert(slot.to_string(), Destination::Slot(index, SlotNumber(slot)));
        }
        if let Some(retrieve) = &lot.retrieve {
            numbers.insert(retrieve.clone(), Destination::RetrieveLongest(index));
        }
    }
    for (id, queue) in &queueing.queues {
        numbers.insert(queue.number.clone(), Destination::Queue(*id));
    }
    numbers
}

/// A seed of its own for each part, so that one part's draws do not change another's.
pub(crate) fn derive_seed(seed: [u8; 32], part: usize) -> [u8; 32] {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha12Rng::from_seed(seed);
    rng.set_stream(part as u64);
    let mut derived = [0; 32];
    rng.fill_bytes(&mut derived);
    derived
}
