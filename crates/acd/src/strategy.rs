//! Who of the ready agents gets the contact.

use core::time::Duration;

use machine::Time;

use crate::{Membership, Skills, rank};

/// How a queue chooses among its ready agents.
///
/// The agents of the tier and the penalty that come first are before all others, whatever the strategy; only the
/// two UCD strategies do not look at penalties.
///
/// | strategy | as in | rank |
/// |---|---|---|
/// | `RingAll` | Asterisk `ringall`, FreeSWITCH `ring-all` | [`rank::longest_idle`] |
/// | `LongestIdle` | FreeSWITCH `longest-idle-agent` | [`rank::longest_idle`] |
/// | `LeastRecent` | Asterisk `leastrecent` | [`rank::least_recent`] |
/// | `FewestCalls` | Asterisk `fewestcalls` | [`rank::fewest_calls`] |
/// | `LeastTalkTime` | FreeSWITCH `agent-with-least-talk-time` | [`rank::least_talk_time`] |
/// | `LeastOccupied` | Avaya's least occupied agent | [`rank::least_occupied`] |
/// | `RoundRobin` | Asterisk `rrmemory`, FreeSWITCH `round-robin` | [`rank::position`], after whom the queue rang last |
/// | `TopDown` | Asterisk `linear`, FreeSWITCH `top-down` | [`rank::position`] |
/// | `Sequential` | FreeSWITCH `sequentially-by-agent-order` | [`rank::position`], after whom this contact rang last |
/// | `Random`, `WeightedRandom` | Asterisk `random`, `wrandom`; FreeSWITCH `random` | chance |
/// | `RingProgressively` | FreeSWITCH `ring-progressively` | [`rank::longest_idle`] |
/// | `SkillBased` | the best in what the contact needs | [`rank::skill_based`] |
/// | `UcdMia`, `EadMia` | Avaya: the most idle agent, in uniform or (by penalty) expert distribution | [`rank::longest_idle`] |
/// | `UcdLoa`, `EadLoa` | Avaya: the least occupied agent, in uniform or expert distribution | [`rank::least_occupied`] |
/// | `PercentAllocation` | Avaya: percent allocation distribution | [`rank::share`] |
///
/// ```
/// use acd::{QueueConfig, Strategy};
/// use std::time::Duration;
///
/// // The one who has been idle for longest rings; every five seconds one more joins.
/// let hotline = QueueConfig::new(Strategy::RingProgressively(Duration::from_secs(5)));
/// # assert_ne!(hotline.strategy, Strategy::RingAll);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Strategy {
    /// All ready agents ring; the first to accept wins.
    RingAll,
    /// Who has been ready for longest.
    #[default]
    LongestIdle,
    /// Whose last contact of this queue ended the longest ago.
    LeastRecent,
    /// Who has had the fewest contacts of this queue.
    FewestCalls,
    /// Who has talked for the shortest time since he signed on.
    LeastTalkTime,
    /// Who has been occupied for the smallest share of his time since he signed on.
    LeastOccupied,
    /// The next after whom the queue offered a contact last, in the order of positions.
    RoundRobin,
    /// The first in the order of positions.
    TopDown,
    /// The next after whom this contact was offered last, in the order of positions.
    Sequential,
    /// Anybody, each with the same chance.
    Random,
    /// Anybody, with a chance in proportion to his weight.
    WeightedRandom,
    /// The longest idle rings, and after each such time one more joins him.
    RingProgressively(Duration),
    /// Who is best at what the contact needs.
    SkillBased,
    /// The most idle, whatever his penalty.
    UcdMia,
    /// The least occupied, whatever his penalty.
    UcdLoa,
    /// The most idle among those of the lowest penalty.
    EadMia,
    /// The least occupied among those of the lowest penalty.
    EadLoa,
    /// Who is furthest below his share of the queue's work.
    PercentAllocation,
    /// The embedder's own, by its number ([`Acd::set_rank`](crate::Acd::set_rank)).
    Custom(u16),
}

/// What a strategy sees of an agent.
///
/// ```
/// use acd::{Candidate, Membership, QueueId, SkillId, Skills, rank};
///
/// let place = Membership::new(QueueId(1));
/// let (anna, needed) = (Skills::from([(SkillId(1), 5)]), Skills::from([(SkillId(1), 2)]));
/// let novice = Skills::from([(SkillId(1), 2)]);
/// let of = |skills| rank::skill_based(&Candidate::new(&place, skills, &needed));
/// assert!(of(&anna) < of(&novice), "the lowest rank is first");
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// His place in the queue.
    pub membership: &'a Membership,
    /// His skills.
    pub skills: &'a Skills,
    /// What the contact needs.
    pub needed: &'a Skills,
    /// Since when he has been free: since his last contact or its wrap-up, since he signed on, or came back from a pause. Offers that came to
    /// nothing through no fault of his do not count.
    pub idle_since: Time,
    /// When his last contact of this queue ended.
    pub last: Option<Time>,
    /// How many contacts of this queue he has had.
    pub contacts: u32,
    /// How long contacts of this queue have occupied him, wrap-up included.
    pub work: Duration,
    /// How long he has talked since he signed on.
    pub talk: Duration,
    /// The share of the time since he signed on in which he was occupied, in millionths, as it was when he came free.
    pub occupancy: u32,
}

/// A rank: the lowest first.
pub type Rank = fn(&Candidate<'_>) -> u64;

impl Strategy {
    /// The rank of an agent by this strategy; `None` where ranks do not decide (random choice, the embedder's own).
    ///
    /// The vectors of Avaya's documentation, three agents with their level, occupancy and idle time:
    ///
    /// ```
    /// use acd::{Candidate, Membership, QueueId, Skills, Strategy};
    /// use machine::Time;
    ///
    /// let agents = [("A", 1, 900_000, 95), ("B", 1, 950_000, 90), ("C", 2, 640_000, 70)];
    /// let none = Skills::new();
    /// let first = |strategy: Strategy| {
    ///     let rank = |&(_, level, occupancy, idle_since): &(&str, u8, u32, u64)| {
    ///         let mut membership = Membership::new(QueueId(1));
    ///         membership.penalty = level;
    ///         let mut candidate = Candidate::new(&membership, &none, &none);
    ///         candidate.occupancy = occupancy;
    ///         candidate.idle_since = Time::from_secs(idle_since);
    ///         (strategy.penalty(&candidate), strategy.rank(&candidate))
    ///     };
    ///     agents.iter().min_by_key(|agent| rank(agent)).map(|agent| agent.0)
    /// };
    /// assert_eq!(first(Strategy::EadLoa), Some("A"));
    /// assert_eq!(first(Strategy::UcdLoa), Some("C"));
    /// assert_eq!(first(Strategy::EadMia), Some("B"));
    /// assert_eq!(first(Strategy::UcdMia), Some("C"));
    /// ```
    #[must_use]
    pub fn rank(self, agent: &Candidate<'_>) -> Option<u64> {
        let rank: Rank = match self {
            Strategy::RingAll
            | Strategy::LongestIdle
            | Strategy::UcdMia
            | Strategy::EadMia
            | Strategy::RingProgressively(_) => rank::longest_idle,
            Strategy::LeastRecent => rank::least_recent,
            Strategy::FewestCalls => rank::fewest_calls,
            Strategy::LeastTalkTime => rank::least_talk_time,
            Strategy::LeastOccupied | Strategy::UcdLoa | Strategy::EadLoa => rank::least_occupied,
            Strategy::RoundRobin | Strategy::TopDown | Strategy::Sequential => rank::position,
            Strategy::SkillBased => rank::skill_based,
            Strategy::PercentAllocation => rank::share,
            Strategy::Random | Strategy::WeightedRandom | Strategy::Custom(_) => return None,
        };
        Some(rank(agent))
    }

    /// The penalty as far as this strategy looks at it.
    #[must_use]
    pub fn penalty(self, agent: &Candidate<'_>) -> u8 {
        match self {
            Strategy::UcdMia | Strategy::UcdLoa => 0,
            Strategy::RingAll
            | Strategy::LongestIdle
            | Strategy::LeastRecent
            | Strategy::FewestCalls
            | Strategy::LeastTalkTime
            | Strategy::LeastOccupied
            | Strategy::RoundRobin
            | Strategy::TopDown
            | Strategy::Sequential
            | Strategy::Random
            | Strategy::WeightedRandom
            | Strategy::RingProgressively(_)
            | Strategy::SkillBased
            | Strategy::EadMia
            | Strategy::EadLoa
            | Strategy::PercentAllocation
            | Strategy::Custom(_) => agent.membership.penalty,
        }
    }
}

impl<'a> Candidate<'a> {
    /// An agent of whom nothing has been seen yet.
    #[must_use]
    pub const fn new(membership: &'a Membership, skills: &'a Skills, needed: &'a Skills) -> Self {
        Self {
            membership,
            skills,
            needed,
            idle_since: Time::ZERO,
            last: None,
            contacts: 0,
            work: Duration::ZERO,
            talk: Duration::ZERO,
            occupancy: 0,
        }
    }
}
