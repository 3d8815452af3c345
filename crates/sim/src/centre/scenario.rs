//! A contact centre as data.

use core::time::Duration;

use acd::{AgentConfig, Channel, Limits, QueueConfig, QueueId, Skills, Strategy};

use super::arrivals::Arrivals;
use super::distribution::Distribution;
use super::shift::Shift;
use super::text::TextError;

/// A contact centre: who calls, who works, by which rules, for how long.
///
/// ```
/// use sim::centre::{AgentGroup, ContactType, Scenario};
/// use std::time::Duration;
///
/// let (minute, month) = (Duration::from_secs(60), Duration::from_secs(30 * 86_400));
/// let mut scenario = Scenario::new(month);
/// let sales = scenario.add_queue("sales", acd::QueueConfig::new(acd::Strategy::LongestIdle));
/// scenario.types.push(ContactType::new("caller", sales, "4.2/min".parse()?, "exp:2min".parse()?));
/// scenario.groups.push(AgentGroup::new("agents", 12, [sales]));
/// scenario.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// For how long contacts arrive. Those that are there then are still served.
    pub length: Duration,
    /// What happens before that is not counted, so that a centre that starts empty does not look better than it is. Default 0.
    pub warm_up: Duration,
    /// Into how many parts of equal length the rest is divided, each an observation of its own. Default 1; 20 are usual for one long run of
    /// a centre that does not change (batch means).
    pub batches: u32,
    /// The length of the intervals that are counted one by one; `None`: none are.
    pub interval: Option<Duration>,
    /// Queues, by name.
    pub queues: Vec<(String, QueueConfig)>,
    /// Contacts by type.
    pub types: Vec<ContactType>,
    /// Agents by group.
    pub groups: Vec<AgentGroup>,
    /// Bounds of the distribution.
    pub limits: Limits,
}

/// Contacts of the same type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContactType {
    /// Its name.
    pub name: String,
    /// The queue that they come to.
    pub queue: QueueId,
    /// Their kind. Default: calls.
    pub channel: Channel,
    /// Their priority. Default 0.
    pub priority: i16,
    /// The skills that their agents must have. Default: none.
    pub needs: Skills,
    /// When they come.
    pub arrivals: Arrivals,
    /// How long they wait before they hang up; `None`: for ever.
    pub patience: Option<Distribution>,
    /// How long their talks take.
    pub service: Distribution,
    /// How long their agents are busy with them afterwards; `None`: as their queue says ([`QueueConfig::wrap_up`]).
    pub wrap_up: Option<Distribution>,
    /// Within which wait they should be answered. Default 20 s.
    pub threshold: Duration,
    /// Whether those who were not served try again; `None`: nobody does.
    pub redial: Option<Redial>,
    /// Whether those who wait are called back instead; `None`: nobody is.
    pub call_back: Option<CallBack>,
}

/// How many of those who were not served (they hung up, or were turned away) call again.
#[derive(Clone, PartialEq, Debug)]
pub struct Redial {
    /// The share of them, from 0 to 1.
    pub share: f64,
    /// After how long.
    pub after: Distribution,
}

/// How many of those who wait would rather be called back. They keep their place.
#[derive(Clone, PartialEq, Debug)]
pub struct CallBack {
    /// After so long a wait they are asked.
    pub after: Duration,
    /// The share that accepts, from 0 to 1.
    pub share: f64,
    /// The share of calls that reach them, from 0 to 1.
    pub reached: f64,
    /// How long such a call rings, whether they are reached or not.
    pub ring: Distribution,
}

impl ContactType {
    /// Calls that need nothing in particular, from people who wait for ever.
    pub fn new(name: impl Into<String>, queue: QueueId, arrivals: Arrivals, service: Distribution) -> Self {
        Self {
            name: name.into(),
            queue,
            channel: Channel::VOICE,
            priority: 0,
            needs: Skills::new(),
            arrivals,
            patience: None,
            service,
            wrap_up: None,
            threshold: Duration::from_secs(20),
            redial: None,
            call_back: None,
        }
    }
}

/// Agents who are alike.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgentGroup {
    /// Its name.
    pub name: String,
    /// How many there are.
    pub size: u32,
    /// What they can do and which queues they serve.
    pub config: AgentConfig,
    /// When they work, each shift from the start of the run; none: always.
    pub shifts: Vec<Shift>,
    /// How long their phones ring before they answer. Default: not at all.
    pub answer: Distribution,
    /// The share of offers that they refuse, from 0 to 1. Default 0.
    pub rejects: f64,
    /// The share of offers that they let ring, from 0 to 1. Default 0.
    pub misses: f64,
    /// What their talks and wrap-up take compared with others': 1.2 is a fifth longer. Default 1.
    pub pace: f64,
}

impl AgentGroup {
    /// Agents with an ordinary place in each of the queues, who always work.
    pub fn new(name: impl Into<String>, size: u32, queues: impl IntoIterator<Item = QueueId>) -> Self {
        Self {
            name: name.into(),
            size,
            config: AgentConfig::in_queues(queues),
            shifts: Vec::new(),
            answer: Distribution::Fixed(Duration::ZERO),
            rejects: 0.0,
            misses: 0.0,
            pace: 1.0,
        }
    }
}

/// Why a scenario cannot be run. Queues, types and groups by their numbers, from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// Nobody calls.
    #[error("there are no contacts")]
    NoContacts,
    /// More than 65,535 types or groups, or more than a million agents.
    #[error("there are too many types, groups or agents")]
    TooMany,
    /// The length is zero, not longer than the warm-up or beyond 100 years; or batches or intervals are so short that there would be more
    /// than 100,000, or none.
    #[error(
        "the length must be above that of the warm-up and below 100 years, with at least one batch and at most 100,000 batches and intervals"
    )]
    Length,
    /// A type's arrivals cannot be drawn.
    #[error("the arrivals of type {0}: {1}")]
    Arrivals(usize, TextError),
    /// One of a type's lengths of time cannot be drawn.
    #[error("a length of time of type {0}: {1}")]
    Type(usize, TextError),
    /// One of a group's lengths of time cannot be drawn, or its pace is not from 0.01 to 100.
    #[error("a length of time or the pace of group {0}: {1}")]
    Group(usize, TextError),
    /// A share is not from 0 to 1.
    #[error("a share is not from 0 to 1")]
    Share,
    /// A shift makes no sense ([`Shift::is_sound`]).
    #[error("a shift of group {0} does not end after it began, or has breaks outside of it or in the wrong order")]
    Shift(usize),
    /// A queue that a type or group names is not there.
    #[error("no queue {}", .0.0)]
    UnknownQueue(QueueId),
    /// The distribution does not take the queue.
    #[error("queue {queue}: {1}", queue = .0.0)]
    Queue(QueueId, acd::QueueError),
    /// The distribution does not take the agents.
    #[error("group {0}: {1}")]
    Agents(usize, acd::AgentError),
    /// A type's wrap-up is drawn where its queue says that it is fixed.
    #[error("type {0} has a wrap-up of its own, but its queue fixes it")]
    TwoWrapUps(usize),
    /// A type's wrap-up is drawn while agents may have several of its contacts at once: it is not known whose is done.
    #[error("type {0} has a wrap-up of its own, but group {1} takes several such contacts at once")]
    SharedWrapUp(usize, usize),
}

impl Scenario {
    /// An empty one.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self {
            length,
            warm_up: Duration::ZERO,
            batches: 1,
            interval: None,
            queues: Vec::new(),
            types: Vec::new(),
            groups: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Adds a queue; gives its number.
    pub fn add_queue(&mut self, name: impl Into<String>, config: QueueConfig) -> QueueId {
        let id = QueueId(u32::try_from(self.queues.len()).unwrap_or(u32::MAX));
        self.queues.push((name.into(), config));
        id
    }

    /// Has all queues distribute by this strategy.
    pub fn set_strategy(&mut self, strategy: Strategy) {
        for (_, queue) in &mut self.queues {
            queue.strategy = strategy;
        }
    }

    /// Whether nothing changes in the course of time: neither arrivals nor staff. One long run then tells as much as many short ones, and
    /// pays for its warm-up only once.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.types.iter().all(|of| of.arrivals.is_steady()) && self.groups.iter().all(|group| group.shifts.is_empty())
    }

    /// Whether it can be run.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`].
    pub fn check(&self) -> Result<(), ScenarioError> {
        super::Centre::new(self, 0, 0).map(|_| ())
    }

    /// What can be said without the distribution.
    pub(crate) fn check_parts(&self) -> Result<(), ScenarioError> {
        const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
        const PARTS: u128 = 100_000;
        let agents: u64 = self.groups.iter().map(|group| u64::from(group.size)).sum();
        if self.types.len() > usize::from(u16::MAX) || self.groups.len() > usize::from(u16::MAX) || agents > 1_000_000 {
            return Err(ScenarioError::TooMany);
        }
        if self.types.is_empty() {
            return Err(ScenarioError::NoContacts);
        }
        let intervals = self.interval.map_or(Some(0), |interval| {
            self.length.as_nanos().checked_div(interval.as_nanos())
        });
        let sound = self.length > self.warm_up
            && self.length <= LONGEST
            && (1..=PARTS).contains(&u128::from(self.batches))
            && (self.length - self.warm_up) / self.batches > Duration::ZERO
            && intervals.is_some_and(|intervals| intervals <= PARTS);
        if !sound {
            return Err(ScenarioError::Length);
        }
        self.check_shares()?;
        for (number, group) in self.groups.iter().enumerate() {
            if !group.shifts.iter().all(Shift::is_sound) {
                return Err(ScenarioError::Shift(number));
            }
        }
        self.check_wrap_ups()
    }

    fn check_shares(&self) -> Result<(), ScenarioError> {
        let of_types = self.types.iter().flat_map(|of| {
            let redial = of.redial.iter().map(|redial| redial.share);
            redial.chain(of.call_back.iter().flat_map(|back| [back.share, back.reached]))
        });
        let of_groups = self
            .groups
            .iter()
            .flat_map(|group| [group.rejects, group.misses, group.rejects + group.misses]);
        let sound = of_types.chain(of_groups).all(|share| (0.0..=1.0).contains(&share));
        if sound { Ok(()) } else { Err(ScenarioError::Share) }
    }

    fn check_wrap_ups(&self) -> Result<(), ScenarioError> {
        for (number, of) in self.types.iter().enumerate().filter(|(_, of)| of.wrap_up.is_some()) {
            let at = usize::try_from(of.queue.0).unwrap_or(usize::MAX);
            let (_, queue) = self.queues.get(at).ok_or(ScenarioError::UnknownQueue(of.queue))?;
            if matches!(queue.wrap_up, acd::WrapUp::Fixed(_)) {
                return Err(ScenarioError::TwoWrapUps(number));
            }
            let several = |group: &AgentGroup| {
                group
                    .config
                    .capacity
                    .iter()
                    .any(|(channel, most)| *channel == of.channel && *most > 1)
            };
            if let Some(group) = self.groups.iter().position(several) {
                return Err(ScenarioError::SharedWrapUp(number, group));
            }
        }
        Ok(())
    }
}
