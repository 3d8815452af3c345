//! What a [`Switch`](crate::Switch) is told about its world: numbers, lots, codes and limits.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rtp_media::say::Language;
use sip_core::Transport;
use sip_core::auth::Algorithm;
use sip_core::guard::GuardConfig;

use crate::group::{Chase, Group};
use crate::queue::{Agent, AgentCodes, Queue};
use crate::supervise::SupervisorCodes;

/// Everything a [`Switch`](crate::Switch) needs to know before its first packet.
///
/// ```
/// use switch::{Config, Extension, Lot};
///
/// let mut config = Config::new("pbx.test");
/// config.extensions.push(Extension::new("1001", "Reception", "secret"));
/// config.lots.push(Lot::new("700", 701..=720));
/// assert!(config.check().is_ok());
/// ```
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Config {
    /// SIP domain and digest realm, e.g. `pbx.test`.
    pub domain: String,
    /// The digest algorithms that challenges offer, in this order (RFC 8760). By default only MD5: several phones in use
    /// give up when a 401 names an algorithm they do not know, even beside one that they do.
    pub digest: Vec<Algorithm>,
    /// The addresses on which the embedder listens; the first of a transport is the one the switch sends from.
    pub listen: Vec<(Transport, SocketAddr)>,
    /// SIP's estimate of the round-trip time, from which its retransmissions and time-outs follow (default 500 ms; RFC 3261 §17.1.1.1).
    pub t1: Duration,
    /// How often each call is refreshed, so that one whose phone vanished ends (RFC 4028): at least 90 s. `None`, the default:
    /// only phones that ask for it get such a timer.
    pub session_expires: Option<Duration>,
    /// The address phones are told to send RTP to.
    pub media_address: IpAddr,
    /// UDP ports for media. Each stream takes an even port for RTP and the odd one above it for RTCP.
    pub media_ports: RangeInclusive<u16>,
    /// Ports of that range that are not to be used, because another program has them.
    pub media_ports_taken: Vec<u16>,
    /// A phone that sends no RTP for so long, and has not put the call on hold, is gone. `None`: not watched.
    pub rtp_timeout: Option<Duration>,
    /// How long a called phone rings before the call is given up (default 60 s).
    pub ring_timeout: Duration,
    /// How often a phone that RTP cannot watch (because the call is on hold) is asked by an in-dialog OPTIONS
    /// whether it is still there (default 30 s).
    pub keepalive: Duration,
    /// The phones' numbers.
    pub extensions: Vec<Extension>,
    /// The parking lots.
    pub lots: Vec<Lot>,
    /// The groups: numbers behind which several extensions are.
    pub groups: Vec<Group>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// Who serves them.
    pub agents: Vec<Agent>,
    /// In which language prompts are, where nothing else is said (default English).
    pub language: Language,
    /// What agents dial to sign on and off, to pause and to go on.
    pub agent_codes: AgentCodes,
    /// The limits of the queues.
    pub queue_limits: acd::Limits,
    /// Feature code that parks the other party during a call (default `*68`).
    pub park_code: Option<String>,
    /// What supervisors dial. Nobody may who is not allowed to ([`Extension::supervises`]).
    pub supervisor_codes: SupervisorCodes,
    /// The sound of the engine's library that all hear when somebody begins to supervise (default: none).
    pub supervision_sound: Option<String>,
    /// The longest pause between two digits of a feature code (default 3 s).
    pub digit_timeout: Duration,
    /// Rates a source, and bans by failed authentications ([`sip_core::guard`]). `None`: everybody is listened to. Default:
    /// the guard's own defaults, which leave loopback addresses alone.
    pub guard: Option<GuardConfig>,
    /// How many calls there may be at once (default 10,000); the next one is refused with 503.
    pub max_calls: usize,
}

impl Config {
    /// A configuration for `domain` with the defaults, no extension and no lot.
    #[must_use]
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            digest: vec![Algorithm::Md5],
            listen: vec![(Transport::Udp, SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)))],
            t1: Duration::from_millis(500),
            session_expires: None,
            media_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            media_ports: 20000..=21999,
            media_ports_taken: Vec::new(),
            rtp_timeout: Some(Duration::from_secs(30)),
            ring_timeout: Duration::from_secs(60),
            keepalive: Duration::from_secs(30),
            extensions: Vec::new(),
            lots: Vec::new(),
            groups: Vec::new(),
            queues: Vec::new(),
            agents: Vec::new(),
            language: Language::default(),
            agent_codes: AgentCodes::default(),
            queue_limits: acd::Limits::default(),
            park_code: Some("*68".to_owned()),
            supervisor_codes: SupervisorCodes::default(),
            supervision_sound: None,
            digit_timeout: Duration::from_secs(3),
            guard: Some(GuardConfig::default()),
            max_calls: 10_000,
        }
    }

    fn check_recall(&self, lot: &Lot) -> Result<(), ConfigError> {
        if lot.recall_to.len() > MAX_RECALL_TARGETS {
            return Err(ConfigError::TooManyRecallTargets(lot.number.clone()));
        }
        for target in &lot.recall_to {
            let RecallTarget::Number(number) = target else { continue };
            if !self.can_take_calls(number) {
                return Err(ConfigError::BadRecallTarget(number.clone()));
            }
        }
        Ok(())
    }

    /// Whether a call that nobody answered can go on to this number.
    pub(crate) fn can_take_calls(&self, number: &str) -> bool {
        self.extensions.iter().any(|extension| extension.number == number)
            || self.groups.iter().any(|group| group.number == number)
            || self.queues.iter().any(|queue| queue.number == number)
    }

    fn check_lot_queues(&self) -> Result<(), ConfigError> {
        for lot in &self.lots {
            if let Some(number) = &lot.queue
                && !self.queues.iter().any(|queue| queue.number == *number)
            {
                return Err(ConfigError::BadTarget(lot.number.clone(), number.clone()));
            }
        }
        Ok(())
    }

    /// Whether the parts fit together.
    ///
    /// # Errors
    /// The first [`ConfigError`] found: a number given twice, a lot without slots, no media port.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut numbers = std::collections::BTreeSet::new();
        let mut add = |number: &str| {
            if number.is_empty() {
                Err(ConfigError::EmptyNumber)
            } else if numbers.insert(number.to_owned()) {
                Ok(())
            } else {
                Err(ConfigError::NumberTwice(number.to_owned()))
            }
        };
        if self.listen.is_empty() {
            return Err(ConfigError::NoListenAddress);
        }
        if self.digest.is_empty() {
            return Err(ConfigError::NoDigest);
        }
        for extension in &self.extensions {
            add(&extension.number)?;
        }
        let times = [self.t1, self.ring_timeout, self.keepalive];
        let lot_times = self.lots.iter().flat_map(|lot| [lot.recall_after, lot.recall_ring]);
        if times
            .into_iter()
            .chain(self.rtp_timeout)
            .chain(lot_times)
            .any(|time| time.is_zero())
        {
            return Err(ConfigError::NoTime);
        }
        if let Some(code) = self.park_code.as_ref().filter(|code| !can_be_dialled(code)) {
            return Err(ConfigError::BadCode(code.clone()));
        }
        for lot in &self.lots {
            add(&lot.number)?;
            self.check_recall(lot)?;
            if lot.slots.is_empty() || lot.slots.clone().count() > MAX_SLOTS {
                return Err(ConfigError::BadSlots(lot.number.clone()));
            }
            for slot in lot.slots.clone() {
                add(&slot.to_string())?;
            }
            if let Some(retrieve) = &lot.retrieve {
                add(retrieve)?;
            }
        }
        for group in &self.groups {
            add(&group.number)?;
        }
        crate::group::check(self)?;
        for queue in &self.queues {
            add(&queue.number)?;
        }
        self.check_lot_queues()?;
        self.check_queues(&numbers)?;
        crate::supervise::check(self)?;
        if crate::ports::Ports::new(&self.media_ports, &self.media_ports_taken).available() == 0 {
            return Err(ConfigError::NoMediaPort);
        }
        Ok(())
    }
}

/// The most slots one lot may have.
pub const MAX_SLOTS: usize = park::LotConfig::MAX_SLOTS;

/// The most targets that a recall may try.
pub const MAX_RECALL_TARGETS: usize = park::LotConfig::MAX_RECALL_TARGETS;

pub(crate) fn can_be_dialled(code: &str) -> bool {
    !code.is_empty() && code.chars().all(|key| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D'))
}

/// Why a [`Config`] does not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no address to listen on.
    #[error("no listen address is given")]
    NoListenAddress,
    /// No digest algorithm is given: nobody could register.
    #[error("no digest algorithm is given")]
    NoDigest,
    /// A number is empty.
    #[error("a number is empty")]
    EmptyNumber,
    /// Two things have the same number.
    #[error("the number {0} is given to more than one extension, lot, slot or code")]
    NumberTwice(String),
    /// A lot has no slots, or more than [`MAX_SLOTS`].
    #[error("lot {0} needs between 1 and 1000 slots")]
    BadSlots(String),
    /// A feature code holds something else than the keys `0`–`9`, `*`, `#` and `A`–`D`, or nothing.
    #[error("the feature code {0:?} cannot be dialled")]
    BadCode(String),
    /// A recall goes to a number that is no extension and no group.
    #[error("a recall cannot go to {0}, which is no extension and no group")]
    BadRecallTarget(String),
    /// A group has no members, or more than [`MAX_MEMBERS`](crate::MAX_MEMBERS).
    #[error("group {0} needs between 1 and 50 members")]
    BadMembers(String),
    /// A group's member is no extension and no group.
    #[error("{0} cannot be in a group: it is no extension and no group")]
    BadMember(String),
    /// A group sends calls that nobody answers to a number that is no extension, group or queue.
    #[error("unanswered calls cannot go to {0}, which is no extension, group or queue")]
    BadOtherwise(String),
    /// A supervisor may supervise what is no extension, group, queue or agent.
    #[error("{0} cannot be supervised: it is no extension, group, queue or agent")]
    BadSupervised(String),
    /// A group refuses calls with something that is no refusal.
    #[error("{0} is no SIP status from 400 to 699")]
    BadStatus(u16),
    /// A group rings for longer than [`MAX_CHASE`](crate::MAX_CHASE).
    #[error("a time of group {0} is longer than ten minutes")]
    TooLong(String),
    /// A group is within itself.
    #[error("group {0} is within itself")]
    GroupLoop(String),
    /// Groups are within each other more than [`MAX_GROUP_DEPTH`](crate::MAX_GROUP_DEPTH) deep.
    #[error("there are more than 4 groups within each other in {0}")]
    TooDeep(String),
    /// A group rings more than [`MAX_RUNG`](crate::MAX_RUNG) numbers, with all that is in the groups within it.
    #[error("group {0} rings more than 200 numbers")]
    TooManyRung(String),
    /// A recall has more than [`MAX_RECALL_TARGETS`].
    #[error("the recall of lot {0} has more than {MAX_RECALL_TARGETS} targets")]
    TooManyRecallTargets(String),
    /// There are more than [`MAX_QUEUES`](crate::MAX_QUEUES) queues or [`MAX_AGENTS`](crate::MAX_AGENTS) agents.
    #[error("there are too many queues or agents")]
    TooManyQueues,
    /// A queue has too many rings, tiers, penalties, skills or messages.
    #[error("queue {0} has too many rings, tiers, penalties, skills or messages")]
    TooManyRules(String),
    /// A key cannot be pressed, or is given twice.
    #[error("the key {1:?} of queue {0} cannot be pressed, or is given twice")]
    BadKey(String, char),
    /// Callers, or parked calls, are to go to a number that is not there, or to where they are.
    #[error("from {0} nobody can go to {1}")]
    BadTarget(String, String),
    /// An agent's number holds something else than digits, or nothing.
    #[error("the agent's number {0:?} is none")]
    BadAgent(String),
    /// Two agents have the same number.
    #[error("there is more than one agent {0}")]
    AgentTwice(String),
    /// A PIN holds something else than digits, or nothing.
    #[error("the PIN of agent {0} cannot be dialled")]
    BadPin(String),
    /// An agent sits at what is no extension, or where another one sits.
    #[error("agent {0} cannot be at {1}: it is no extension, or another agent is there")]
    BadDesk(String, String),
    /// An agent has too many queues or skills.
    #[error("agent {0} has too many queues or skills")]
    TooManyPlaces(String),
    /// An agent serves a queue that is not there, or one queue twice.
    #[error("agent {0} cannot serve {1}: it is no queue, or it is named twice")]
    UnknownQueue(String, String),
    /// A time that must pass is zero.
    #[error("a time is zero that must be longer than nothing")]
    NoTime,
    /// The media ports do not hold one even/odd pair.
    #[error("the media ports hold no even/odd pair")]
    NoMediaPort,
}

/// A phone's number.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Extension {
    /// What others dial, and the user name of its registration.
    pub number: String,
    /// The name shown to others.
    pub name: String,
    /// The password of its digest authentication.
    pub password: String,
    /// Where it is to be found (find me, follow me): whom its number rings instead of its own phones alone. To ring those, too, its own
    /// number is among the members. It counts where the number is dialled or transferred to, not where it is in a group.
    pub find_me: Option<Chase>,
    /// Whose calls this extension may supervise: extensions, groups (their members), queues (who serves them), agents,
    /// or [`EVERYBODY`](crate::EVERYBODY). Default: nobody's.
    pub supervises: Vec<String>,
}

impl Extension {
    /// An extension.
    #[must_use]
    pub fn new(number: &str, name: &str, password: &str) -> Self {
        Self {
            number: number.to_owned(),
            name: name.to_owned(),
            password: password.to_owned(),
            find_me: None,
            supervises: Vec::new(),
        }
    }
}

impl core::fmt::Debug for Extension {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Extension")
            .field("number", &self.number)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A parking lot.
///
/// ```
/// use std::time::Duration;
/// use switch::{Choice, Lot, RecallTarget};
///
/// let mut lot = Lot::new("700", 701..=720);
/// lot.choice = Choice::Next;
/// lot.recall_after = Duration::from_secs(90);
/// // First who parked the call, then the reception; then it is parked for another 90 s.
/// lot.recall_to = vec![RecallTarget::Parker, RecallTarget::Number("1001".to_owned())];
/// lot.retrieve = Some("*88".to_owned());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Lot {
    /// A call that is transferred to this number is parked in a free slot.
    pub number: String,
    /// The slots' own numbers.
    pub slots: RangeInclusive<u32>,
    /// Which free slot is taken.
    pub choice: park::Choice,
    /// How long a call stays parked before it is brought back (default 45 s).
    pub recall_after: Duration,
    /// How long each target of a recall rings (default 30 s).
    pub recall_ring: Duration,
    /// Whom a recall rings, one after the other. When nobody answered, the call is parked again.
    pub recall_to: Vec<RecallTarget>,
    /// Dialling this number retrieves the call that is parked longest.
    pub retrieve: Option<String>,
    /// What the parked caller hears: the name of a sound in the engine's library.
    pub music: String,
    /// The `Alert-Info` of a recall, by which phones choose a ring tone.
    pub recall_alert: String,
    /// The number of a queue whose agents are offered the parked calls.
    pub queue: Option<String>,
}

impl Lot {
    /// A lot with the defaults: first free slot, recall to the parker after 45 s, music `default`.
    #[must_use]
    pub fn new(number: &str, slots: RangeInclusive<u32>) -> Self {
        Self {
            number: number.to_owned(),
            slots,
            choice: park::Choice::First,
            recall_after: Duration::from_secs(45),
            recall_ring: Duration::from_secs(30),
            recall_to: vec![RecallTarget::Parker],
            retrieve: None,
            music: "default".to_owned(),
            recall_alert: "<urn:alert:source:pbx>;info=park-recall".to_owned(),
            queue: None,
        }
    }
}

/// Whom a recall rings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RecallTarget {
    /// The extension that parked the call.
    Parker,
    /// Another extension, or a group.
    Number(String),
}
