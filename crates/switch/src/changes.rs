//! What a new configuration changed.

use core::fmt;

use crate::config::{Config, Extension, Lot};
use crate::group::Group;
use crate::queue::{Agent, Queue};

/// What [`Switch::configure`](crate::Switch::configure) changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Changes {
    /// Extensions, by number. Those that are no more keep their calls until they end.
    pub extensions: Difference,
    /// Parking lots, by number. Those that are no more keep the calls that are parked in them until they are fetched or gone.
    pub lots: Difference,
    /// Groups, by number. Those that are being rung go on as they began.
    pub groups: Difference,
    /// Queues, by number. From those that are no more callers go where they overflow to; talks go on.
    pub queues: Difference,
    /// Agents, by number. Those who are no more finish what they have.
    pub agents: Difference,
    /// Settings that are changed.
    pub settings: Vec<Setting>,
    /// Settings that cannot be changed while the switch runs, and stay as they were.
    pub at_restart: Vec<Setting>,
}

impl Changes {
    /// Whether the new configuration says the same as the old one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Numbers that came, went, or mean something else than before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Difference {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are no more.
    pub removed: Vec<String>,
    /// Those whose entries differ.
    pub changed: Vec<String>,
}

impl Difference {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Between two lists, each entry known by its number; in the order of the lists.
    pub(crate) fn between<T: PartialEq>(old: &[T], new: &[T], number: impl Fn(&T) -> &str) -> Self {
        use std::collections::BTreeMap;
        let index = |list: &'_ [T]| -> BTreeMap<String, usize> {
            let numbered = list.iter().enumerate();
            numbered
                .map(|(index, entry)| (number(entry).to_owned(), index))
                .collect()
        };
        let (before, after) = (index(old), index(new));
        let mut difference = Self::default();
        for entry in new {
            let name = number(entry);
            match before.get(name).and_then(|index| old.get(*index)) {
                None => difference.added.push(name.to_owned()),
                Some(was) if was != entry => difference.changed.push(name.to_owned()),
                Some(_) => {}
            }
        }
        let gone = old.iter().map(&number).filter(|name| !after.contains_key(*name));
        difference.removed = gone.map(str::to_owned).collect();
        difference
    }
}

/// A part of a [`Config`] that is no list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Setting {
    /// [`Config::domain`]; at restart only.
    Domain,
    /// [`Config::digest`].
    Digest,
    /// [`Config::listen`]; at restart only.
    Listen,
    /// [`Config::t1`]; at restart only.
    T1,
    /// [`Config::session_expires`], for calls that begin from now on.
    SessionExpires,
    /// [`Config::media_address`]; at restart only.
    MediaAddress,
    /// [`Config::media_ports`]; at restart only.
    MediaPorts,
    /// [`Config::rtp_timeout`], for streams that are opened or negotiated from now on.
    RtpTimeout,
    /// [`Config::ring_timeout`], for phones that are rung from now on.
    RingTimeout,
    /// [`Config::keepalive`].
    Keepalive,
    /// [`Config::park_code`].
    ParkCode,
    /// [`Config::digit_timeout`].
    DigitTimeout,
    /// [`Config::guard`].
    Guard,
    /// [`Config::language`].
    Language,
    /// [`Config::agent_codes`].
    AgentCodes,
    /// [`Config::supervisor_codes`] and [`Config::supervision_sound`].
    Supervision,
    /// [`Config::queue_limits`]; at restart only.
    QueueLimits,
    /// [`Config::max_calls`]. Calls above a lower limit go on.
    MaxCalls,
}

impl Setting {
    /// What a log calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Domain => "the domain",
            Self::Digest => "the digest algorithms",
            Self::Listen => "the addresses to listen on",
            Self::T1 => "the timer T1",
            Self::SessionExpires => "the time between refreshes of calls",
            Self::MediaAddress => "the address for media",
            Self::MediaPorts => "the ports for media",
            Self::RtpTimeout => "the time without RTP",
            Self::RingTimeout => "the time to ring",
            Self::Keepalive => "the time between OPTIONS",
            Self::ParkCode => "the code that parks",
            Self::DigitTimeout => "the pause between digits",
            Self::Guard => "the guard's rates and bans",
            Self::Language => "the language",
            Self::AgentCodes => "the agents' codes",
            Self::Supervision => "what supervisors dial and others hear",
            Self::QueueLimits => "the limits of queues",
            Self::MaxCalls => "the number of calls",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The difference, and the new configuration with what has to stay as it was.
pub(crate) fn changes(old: &Config, lots: &[Lot], mut new: Config) -> (Changes, Config) {
    let mut settings = Vec::new();
    let mut note = |changed: bool, setting| settings.extend(changed.then_some(setting));
    note(old.digest != new.digest, Setting::Digest);
    note(old.session_expires != new.session_expires, Setting::SessionExpires);
    note(old.rtp_timeout != new.rtp_timeout, Setting::RtpTimeout);
    note(old.ring_timeout != new.ring_timeout, Setting::RingTimeout);
    note(old.keepalive != new.keepalive, Setting::Keepalive);
    note(old.park_code != new.park_code, Setting::ParkCode);
    note(old.digit_timeout != new.digit_timeout, Setting::DigitTimeout);
    note(old.language != new.language, Setting::Language);
    note(old.agent_codes != new.agent_codes, Setting::AgentCodes);
    let supervision = |config: &Config| (config.supervisor_codes.clone(), config.supervision_sound.clone());
    note(supervision(old) != supervision(&new), Setting::Supervision);
    note(old.guard != new.guard, Setting::Guard);
    note(old.max_calls != new.max_calls, Setting::MaxCalls);
    let mut at_restart = Vec::new();
    let mut keep = |changed: bool, setting| at_restart.extend(changed.then_some(setting));
    keep(old.domain != new.domain, Setting::Domain);
    keep(old.listen != new.listen, Setting::Listen);
    keep(old.t1 != new.t1, Setting::T1);
    keep(old.media_address != new.media_address, Setting::MediaAddress);
    keep(old.media_ports != new.media_ports, Setting::MediaPorts);
    keep(old.queue_limits != new.queue_limits, Setting::QueueLimits);
    new.queue_limits.clone_from(&old.queue_limits);
    new.domain.clone_from(&old.domain);
    new.listen.clone_from(&old.listen);
    new.t1 = old.t1;
    new.media_address = old.media_address;
    new.media_ports = old.media_ports.clone();
    new.media_ports_taken.clone_from(&old.media_ports_taken);
    let changes = Changes {
        extensions: Difference::between(&old.extensions, &new.extensions, |e: &Extension| &e.number),
        lots: Difference::between(lots, &new.lots, |lot: &Lot| &lot.number),
        queues: Difference::between(&old.queues, &new.queues, |queue: &Queue| &queue.number),
        agents: Difference::between(&old.agents, &new.agents, |agent: &Agent| &agent.number),
        groups: Difference::between(&old.groups, &new.groups, |group: &Group| &group.number),
        settings,
        at_restart,
    };
    (changes, new)
}
