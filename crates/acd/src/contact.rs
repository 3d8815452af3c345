use core::time::Duration;

use machine::Time;
use smallvec::SmallVec;

use crate::agent::AgentKey;
use crate::pool::PoolKey;
use crate::positions::OrderKey;
use crate::queue::QueueKey;
use crate::{Channel, QueueId, Skills};

slotmap::new_key_type! {
    pub(crate) struct ContactKey;
}

/// When a customer wants to be called back.
///
/// ```
/// use acd::CallBackTime;
/// use machine::Time;
///
/// // Between two and three o'clock, on a day whose midnight is `day`.
/// let day = Time::from_secs(1_767_225_600);
/// let hour = |hour: u64| Time::from_secs(day.as_secs() + hour * 3_600);
/// let agreed = CallBackTime::Between(hour(14), hour(15));
/// assert_ne!(agreed, CallBackTime::InTurn);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CallBackTime {
    /// When his turn comes, as if he had waited on the line.
    #[default]
    InTurn,
    /// When his turn comes, but not before then.
    NotBefore(Time),
    /// From the one time on, and no more at the other ([`Outcome::Expired`](crate::Outcome::Expired)).
    Between(Time, Time),
}

impl CallBackTime {
    /// From when on and, if that is limited, until when.
    pub(crate) const fn window(self) -> (Option<Time>, Option<Time>) {
        match self {
            CallBackTime::InTurn => (None, None),
            CallBackTime::NotBefore(from) => (Some(from), None),
            CallBackTime::Between(from, until) => (Some(from), Some(until)),
        }
    }
}

/// A contact that arrives.
///
/// ```
/// use acd::{Arrival, QueueId, SkillId};
///
/// let mut call: Arrival<&str> = Arrival::call(QueueId(1));
/// call.priority = 5;
/// call.needs.set(SkillId(7), 3);
/// call.customer = Some(4711);
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Arrival<A> {
    /// For which queue.
    pub queue: QueueId,
    /// Of which kind.
    pub channel: Channel,
    /// The higher is served first ([`Order`](crate::Order)).
    pub priority: i16,
    /// The skills that its agent must have.
    pub needs: Skills,
    /// Agents who are tried first, each with a score: the highest first, of equal ones who has been idle for longest. They need a
    /// place in the queue, but not the skills.
    pub preferred: Vec<(A, u8)>,
    /// Who calls, for the agent who served him last and for his call-backs.
    pub customer: Option<u64>,
    /// Nobody is on the line: the customer is to be called. `None`: he is there.
    pub call_back: Option<CallBackTime>,
}

impl<A> Arrival<A> {
    /// A call that needs nothing in particular.
    #[must_use]
    pub fn call(queue: QueueId) -> Self {
        Self {
            queue,
            channel: Channel::VOICE,
            priority: 0,
            needs: Skills::new(),
            preferred: Vec::new(),
            customer: None,
            call_back: None,
        }
    }
}

/// Where a contact is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Phase {
    /// For its preferred agents alone, until then.
    Preferred(Time),
    /// For anybody who is fit; it may be offered.
    Waiting,
    /// Nobody is on the line, and its time has not come.
    Later(Time),
    /// An agent accepted; the customer is being called.
    Dialling(AgentKey),
    /// An agent has it.
    Talking(AgentKey),
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Contact<C> {
    pub(crate) id: C,
    pub(crate) queue: QueueKey,
    pub(crate) queue_id: QueueId,
    pub(crate) priority: i16,
    pub(crate) channel: Channel,
    pub(crate) phase: Phase,
    /// In the distribution.
    pub(crate) arrival: Time,
    /// In this queue.
    pub(crate) joined: Time,
    /// Its place in its queue.
    pub(crate) key: OrderKey,
    /// Where those are who need the same as it needed at first.
    pub(crate) home: PoolKey,
    /// Where it is, and at which stage: another pool in an outer ring of a bullseye.
    pub(crate) pool: PoolKey,
    pub(crate) stage: u8,
    pub(crate) ring: u8,
    /// Whether it is among the waiting of its pool.
    pub(crate) pooled: bool,
    /// Who is being rung.
    pub(crate) offers: SmallVec<[AgentKey; 1]>,
    pub(crate) customer: Option<u64>,
    /// For how long it waited before it came into this queue, and how long agents had it before the present one.
    pub(crate) waited: Duration,
    /// When the present talk began; the time of the connection.
    pub(crate) talked: Duration,
    pub(crate) since: Time,
    pub(crate) alarm: Option<Time>,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What few contacts have.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Extra {
    /// With their scores, the highest first.
    pub(crate) preferred: Vec<(AgentKey, u8)>,
    /// The position that was told last.
    pub(crate) told: Option<u32>,
    pub(crate) next_position: Option<Time>,
    pub(crate) next_message: Option<Time>,
    pub(crate) message: usize,
    /// When one more agent is rung.
    pub(crate) next_ring: Option<Time>,
    /// The rank of whom it rang last.
    pub(crate) last_rank: Option<u64>,
    /// Whether nobody is on the line, and how often the customer was called.
    pub(crate) call_back: bool,
    pub(crate) attempts: u8,
    /// When a call-back is given up.
    pub(crate) expires: Option<Time>,
    /// What was expected of its wait when it came.
    pub(crate) expected: Option<Duration>,
}

impl<C> Contact<C> {
    /// Whether it is in line: not with an agent, and not for later.
    pub(crate) const fn in_line(&self) -> bool {
        matches!(self.phase, Phase::Preferred(_) | Phase::Waiting)
    }

    pub(crate) const fn has_agent(&self) -> bool {
        matches!(self.phase, Phase::Talking(_) | Phase::Dialling(_))
    }

    pub(crate) fn is_call_back(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.call_back)
    }

    /// When its call-back is given up.
    pub(crate) fn expires(&self) -> Option<Time> {
        let extra = self.extra.as_ref().filter(|extra| extra.call_back)?;
        extra.expires
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}
