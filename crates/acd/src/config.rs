//! Queues and agents as data. All of it may be changed while contacts wait.

use core::time::Duration;

use crate::{OverflowCause, SkillId, Skills, Strategy};

/// The number of a queue, as the embedder counts them.
///
/// ```
/// use acd::{Acd, Limits, QueueConfig, QueueId, Strategy};
/// use machine::Time;
///
/// let sales = QueueId(300); // the number that callers dial, for one
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(Time::ZERO, sales, QueueConfig::new(Strategy::TopDown))?;
/// assert!(acd.queue(sales).is_some_and(|queue| queue.open));
/// # Ok::<(), acd::QueueError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QueueId(pub u32);

/// The kind of a contact, as the embedder counts them. An agent has a capacity for each.
///
/// ```
/// use acd::{AgentConfig, Channel, QueueId};
///
/// /// Faxes, of which an agent has one at a time beside his chats.
/// const FAX: Channel = Channel(9);
/// let mut anna = AgentConfig::in_queues([QueueId(1)]);
/// anna.capacity = vec![(Channel::VOICE, 1), (Channel::CHAT, 3), (FAX, 1)];
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Channel(pub u8);

impl Channel {
    /// Calls. While an agent has one, he gets nothing else, and he gets none while he has anything else.
    pub const VOICE: Channel = Channel(0);
    /// Chats.
    pub const CHAT: Channel = Channel(1);
    /// E-mail.
    pub const EMAIL: Channel = Channel(2);
}

/// How long an agent is left alone after a contact that he handled.
///
/// ```
/// use acd::{AgentConfig, QueueConfig, QueueId, Strategy, WrapUp};
/// use std::time::Duration;
///
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.wrap_up = WrapUp::Capped(Duration::from_secs(120));
/// let mut novice = AgentConfig::in_queues([QueueId(1)]);
/// novice.wrap_up = Some(WrapUp::Open); // says himself when he is done
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum WrapUp {
    /// Not at all.
    #[default]
    None,
    /// Just as long.
    Fixed(Duration),
    /// Until he is done, at most as long.
    Capped(Duration),
    /// Until he is done.
    Open,
}

/// In which order contacts are served, within a queue and between the queues of an agent.
///
/// Contacts of the same priority are always served in the order of their arrival.
///
/// ```
/// use acd::{Order, QueueConfig, Strategy};
/// use std::time::Duration;
///
/// // Whoever has waited for two minutes comes before the next of one step more priority.
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.order = Order::Ageing(Duration::from_secs(120));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Order {
    /// By arrival alone.
    Arrival,
    /// The highest priority first.
    #[default]
    Priority,
    /// Priority that ages: a step of priority is worth as long a wait.
    Ageing(Duration),
    /// Whose service target ([`QueueConfig::service_target`]) is reached first; a step of priority is worth as long a wait.
    ServiceTarget(Duration),
}

/// Which agents count as there, beside those who are ready or about to be offered a contact.
///
/// ```
/// use acd::{Counted, QueueConfig, Strategy};
///
/// // Callers may join while anybody works, and stay until the last one signs off.
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.join_needs = Some(Counted::WORKING);
/// sales.stay_needs = Some(Counted::SIGNED_ON);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counted {
    /// Who has a contact, or uses his phone for something else.
    pub busy: bool,
    /// Who is in wrap-up.
    pub wrap_up: bool,
    /// Who is paused.
    pub paused: bool,
    /// Whose phone cannot be reached.
    pub unreachable: bool,
}

impl Counted {
    /// All who signed on.
    pub const SIGNED_ON: Counted = Counted {
        busy: true,
        wrap_up: true,
        paused: true,
        unreachable: true,
    };
    /// All who work: not the paused, nor those out of reach.
    pub const WORKING: Counted = Counted {
        busy: true,
        wrap_up: true,
        paused: false,
        unreachable: false,
    };
}

/// Where a contact goes that a queue does not keep.
///
/// ```
/// use acd::{OverflowCause, QueueConfig, QueueId, Strategy, Target};
/// use std::time::Duration;
///
/// const VOICEMAIL: u32 = 1;
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.max_wait = Some(Duration::from_secs(300));
/// sales.overflow = Some(Target::Queue(QueueId(2)));
/// sales.overflow_for = vec![(OverflowCause::Closed, Target::Elsewhere(VOICEMAIL))];
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Target {
    /// To another queue. It keeps its arrival and its priority.
    Queue(QueueId),
    /// Out of the distribution: a number, a voicemail, a message, as the embedder numbers them.
    Elsewhere(u32),
}

/// A ring of a bullseye: from when on what is no longer needed.
///
/// ```
/// use acd::{QueueConfig, Ring, SkillId, Strategy};
/// use std::time::Duration;
///
/// const PERSIAN: SkillId = SkillId(1);
/// let mut nearly = Ring::new(Duration::from_secs(20));
/// nearly.lower = 1;
/// let mut anybody = Ring::new(Duration::from_secs(60));
/// anybody.drop = vec![PERSIAN];
/// let mut sales = QueueConfig::new(Strategy::SkillBased);
/// sales.rings = vec![nearly, anybody];
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ring {
    /// After so long a wait.
    pub after: Duration,
    /// These skills are no longer needed.
    pub drop: Vec<SkillId>,
    /// All other levels needed are lower by so much (at least 1).
    pub lower: u8,
}

impl Ring {
    /// A ring that changes nothing yet.
    #[must_use]
    pub const fn new(after: Duration) -> Self {
        Self {
            after,
            drop: Vec::new(),
            lower: 0,
        }
    }

    pub(crate) fn relax(&self, needed: &Skills) -> Skills {
        let kept = needed.iter().filter(|(skill, _)| !self.drop.contains(skill));
        kept.map(|(skill, level)| (skill, level.saturating_sub(self.lower).max(1)))
            .collect()
    }
}

/// What is told to those who wait.
///
/// ```
/// use acd::{QueueConfig, Strategy};
/// use std::time::Duration;
///
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.announcements.first = Some(Duration::from_secs(15));
/// sales.announcements.every = Duration::from_secs(45);
/// (sales.announcements.messages, sales.announcements.message_every) = (vec![1, 2], Duration::from_secs(30));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Announcements {
    /// After how long a wait the position is told first; `None`: never.
    pub first: Option<Duration>,
    /// How often it is told from then on; zero: no more.
    pub every: Duration,
    /// Messages, by the embedder's numbers, told one after the other at this interval; zero: none.
    pub message_every: Duration,
    /// The messages.
    pub messages: Vec<u16>,
}

/// Call-backs of a queue.
///
/// ```
/// use acd::{QueueConfig, Strategy};
/// use std::time::Duration;
///
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.call_backs.attempts = 5;
/// sales.call_backs.retry_after = Duration::from_secs(1_800);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct CallBacks {
    /// How often a customer is tried. Default 3.
    pub attempts: u8,
    /// After how long he is tried again. Default 10 minutes.
    pub retry_after: Duration,
    /// Whether a customer who calls the queue himself takes over the place of his call-back. Default `true`.
    pub merge: bool,
    /// Whether customers who hang up while they wait are called back. Default `None`: they are not.
    pub abandoned: Option<Abandoned>,
}

/// Which customers are called back who hung up while they waited.
///
/// ```
/// use acd::{Abandoned, QueueConfig, Strategy};
/// use std::time::Duration;
///
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// let mut rule = Abandoned::within(Duration::from_secs(4 * 3_600));
/// rule.min_wait = Duration::from_secs(10);
/// sales.call_backs.abandoned = Some(rule);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Abandoned {
    /// Those who waited for at least so long. Default 5 s.
    pub min_wait: Duration,
    /// Not before so long after they hung up. Default: at once, in their place.
    pub delay: Duration,
    /// No more after so long ([`Outcome::Expired`](crate::Outcome::Expired)).
    pub within: Duration,
}

impl Abandoned {
    /// All who waited for five seconds, in their place, no later than that.
    #[must_use]
    pub const fn within(within: Duration) -> Self {
        Self {
            min_wait: Duration::from_secs(5),
            delay: Duration::ZERO,
            within,
        }
    }
}

/// What a supervisor may do with the talks of a queue.
///
/// ```
/// use acd::{AgentConfig, QueueId, Rights};
///
/// let mut chief = AgentConfig::in_queues([]);
/// let mut rights = Rights::default();
/// (rights.listen, rights.whisper) = (true, true);
/// chief.supervises.push((QueueId(1), rights));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Rights {
    /// Listen, unheard.
    pub listen: bool,
    /// Speak to the agent alone.
    pub whisper: bool,
    /// Speak to both.
    pub barge: bool,
    /// Take the contact over ([`Acd::assign`](crate::Acd::assign)).
    pub take_over: bool,
}

impl Rights {
    /// All of them.
    pub const ALL: Rights = Rights {
        listen: true,
        whisper: true,
        barge: true,
        take_over: true,
    };
}

impl Default for CallBacks {
    fn default() -> Self {
        Self {
            attempts: 3,
            retry_after: Duration::from_secs(600),
            merge: true,
            abandoned: None,
        }
    }
}

/// A queue.
///
/// ```
/// use acd::{QueueConfig, Strategy, WrapUp};
/// use std::time::Duration;
///
/// let mut sales = QueueConfig::new(Strategy::LongestIdle);
/// sales.ring_time = Duration::from_secs(20);
/// sales.wrap_up = WrapUp::Capped(Duration::from_secs(60));
/// // Members of tier 1 help once a caller has waited for half a minute.
/// sales.tiers = vec![Duration::from_secs(30)];
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct QueueConfig {
    /// How an agent is chosen.
    pub strategy: Strategy,
    /// How contacts are ordered.
    pub order: Order,
    /// Of two queues of an agent, that of the higher weight is served first. Default 0.
    pub weight: u16,
    /// Within which wait a contact should be answered. Default 20 s.
    pub service_target: Duration,
    /// How long an agent is rung. Default 15 s.
    pub ring_time: Duration,
    /// How long an agent is left alone after a contact of this queue, unless he has a rule of his own.
    pub wrap_up: WrapUp,
    /// For how long an agent gets nothing after he refused an offer. Default 3 s.
    pub reject_pause: Duration,
    /// The same after his phone was busy. Default 10 s.
    pub busy_pause: Duration,
    /// The same after he let it ring. Default 5 s.
    pub no_answer_pause: Duration,
    /// After how many offers in a row that he let ring an agent is paused; 0: never. Default 3.
    pub max_no_answer: u8,
    /// After how long a wait the members of tiers 1, 2, 3… are asked as well. A tier without a time never is.
    pub tiers: Vec<Duration>,
    /// Whether members are asked at once while nobody is signed on who would be asked before them, by tier, penalty or delay. Default
    /// `true`.
    pub skip_empty_tiers: bool,
    /// After how long a wait members up to that penalty are asked as well. Empty: all from the start.
    pub penalties: Vec<(Duration, u8)>,
    /// The rings of a bullseye, at most [`Limits::RINGS`](crate::Limits::RINGS); each counts from what was needed at first.
    pub rings: Vec<Ring>,
    /// For how long a contact waits for its preferred agents alone. Default 0: it tries them first, then anybody.
    pub preferred_wait: Duration,
    /// For how long the agent who last served a customer is his preferred one; zero: never.
    pub sticky: Duration,
    /// How many may wait. `None`: as many as [`Limits::contacts`](crate::Limits::contacts) allows.
    pub max_waiting: Option<usize>,
    /// How long one may wait.
    pub max_wait: Option<Duration>,
    /// Beyond which expected wait nobody is let in.
    pub max_expected_wait: Option<Duration>,
    /// Who must be there for a contact to be let in; `None`: nobody.
    pub join_needs: Option<Counted>,
    /// Who must be there for contacts to go on waiting; `None`: nobody.
    pub stay_needs: Option<Counted>,
    /// Where those go who are not let in or not kept; `None`: they are refused or ended.
    pub overflow: Option<Target>,
    /// Where they go instead, for some of the causes.
    pub overflow_for: Vec<(OverflowCause, Target)>,
    /// Whether those who wait when the queue closes may wait on. Default `true`; otherwise they go where it overflows to.
    pub keep_when_closed: bool,
    /// What is told to those who wait.
    pub announcements: Announcements,
    /// Call-backs.
    pub call_backs: CallBacks,
}

impl QueueConfig {
    /// The defaults, with this strategy.
    #[must_use]
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            order: Order::default(),
            weight: 0,
            service_target: Duration::from_secs(20),
            ring_time: Duration::from_secs(15),
            wrap_up: WrapUp::None,
            reject_pause: Duration::from_secs(3),
            busy_pause: Duration::from_secs(10),
            no_answer_pause: Duration::from_secs(5),
            max_no_answer: 3,
            tiers: Vec::new(),
            skip_empty_tiers: true,
            penalties: Vec::new(),
            rings: Vec::new(),
            preferred_wait: Duration::ZERO,
            sticky: Duration::ZERO,
            max_waiting: None,
            max_wait: None,
            max_expected_wait: None,
            join_needs: None,
            stay_needs: None,
            overflow: None,
            overflow_for: Vec::new(),
            keep_when_closed: true,
            announcements: Announcements::default(),
            call_backs: CallBacks::default(),
        }
    }

    /// Where a contact goes that is not let in or not kept for this cause.
    pub(crate) fn target(&self, cause: OverflowCause) -> Option<Target> {
        let own = self.overflow_for.iter().find(|(of, _)| *of == cause);
        own.map(|(_, target)| *target).or(self.overflow)
    }
}

/// An agent's place in a queue.
///
/// ```
/// use acd::{Membership, QueueId};
/// use std::time::Duration;
///
/// // Helps out in the second tier, and only with those who have waited for a minute.
/// let mut place = Membership::new(QueueId(2));
/// place.tier = 1;
/// place.delay = Duration::from_secs(60);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Membership {
    /// The queue.
    pub queue: QueueId,
    /// The tier: members of tier 0 are asked first (FreeSWITCH). Default 0.
    pub tier: u8,
    /// The penalty: within a tier, the lower is preferred (Asterisk's penalty, Avaya's level). Default 0.
    pub penalty: u8,
    /// The position, for the strategies that go by it.
    pub position: u16,
    /// The weight or share, for the strategies that go by it. Default 1.
    pub weight: u16,
    /// How long a contact must have waited for this agent to get it (the delay of a routing profile). Default 0.
    pub delay: Duration,
    /// Of the agent's queues, the lower is served first (the priority of a routing profile). Default 0.
    pub rank: u8,
}

impl Membership {
    /// An ordinary place in `queue`.
    #[must_use]
    pub const fn new(queue: QueueId) -> Self {
        Self {
            queue,
            tier: 0,
            penalty: 0,
            position: 0,
            weight: 1,
            delay: Duration::ZERO,
            rank: 0,
        }
    }
}

/// An agent.
///
/// ```
/// use acd::{AgentConfig, Channel, Membership, QueueId, SkillId};
///
/// let mut anna = AgentConfig::in_queues([QueueId(1), QueueId(2)]);
/// anna.skills.set(SkillId(7), 4);
/// anna.capacity.push((Channel::CHAT, 3));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AgentConfig {
    /// What he can do.
    pub skills: Skills,
    /// The queues that he serves.
    pub memberships: Vec<Membership>,
    /// How many contacts of which channel he may have at once. Default: one call.
    pub capacity: Vec<(Channel, u8)>,
    /// How long he is left alone after a contact; `None`: as the queue says.
    pub wrap_up: Option<WrapUp>,
    /// The queues whose talks he may supervise, and how.
    pub supervises: Vec<(QueueId, Rights)>,
}

impl AgentConfig {
    /// An agent with an ordinary place in each of `queues`, who takes one call at a time.
    #[must_use]
    pub fn in_queues(queues: impl IntoIterator<Item = QueueId>) -> Self {
        Self {
            skills: Skills::new(),
            memberships: queues.into_iter().map(Membership::new).collect(),
            capacity: vec![(Channel::VOICE, 1)],
            wrap_up: None,
            supervises: Vec::new(),
        }
    }

    pub(crate) fn capacity_of(&self, channel: Channel) -> u8 {
        let found = self.capacity.iter().find(|(of, _)| *of == channel);
        found.map_or(0, |(_, count)| *count)
    }
}
