use core::time::Duration;

use machine::Time;

use crate::agent::AgentKey;
use crate::pool::PoolKey;
use crate::positions::OrderKey;
use crate::queue::QueueKey;
use crate::ringing::Ringing;
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
    /// When what it does now began.
    pub(crate) since: Time,
    /// For how long it waited before that, in nanoseconds.
    pub(crate) waited: u64,
    /// Its place in its queue.
    pub(crate) key: OrderKey,
    /// Where it meets agents, and at which stage.
    pub(crate) pool: PoolKey,
    pub(crate) stage: u8,
    pub(crate) ring: u8,
    /// Whether it is among the waiting of its pool.
    pub(crate) pooled: bool,
    /// Whether an agent had it once.
    pub(crate) handled: bool,
    has_customer: bool,
    customer: u64,
    pub(crate) offers: Ringing,
    pub(crate) alarm: Time,
    pub(crate) extra: Option<Box<Extra>>,
}

/// What few contacts have. Of times, [`NEVER`] is none.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Extra {
    /// With their scores, the highest first.
    pub(crate) preferred: Vec<(AgentKey, u8)>,
    /// In an outer ring of a bullseye: where those are who need the same as it needed at first.
    pub(crate) home: Option<PoolKey>,
    /// For how long agents had it before the present one, in nanoseconds.
    pub(crate) talked: u64,
    /// The position that was told last.
    pub(crate) told: u32,
    /// The number of the next message.
    pub(crate) message: u16,
    pub(crate) next_position: Time,
    pub(crate) next_message: Time,
    /// When one more agent is rung.
    pub(crate) next_ring: Time,
    /// The rank of whom it rang last.
    pub(crate) last_rank: Option<u64>,
    /// Whether nobody is on the line, and how often the customer was called.
    pub(crate) call_back: bool,
    pub(crate) attempts: u8,
    /// When a call-back is given up.
    pub(crate) expires: Time,
    /// What was expected of its wait when it came.
    pub(crate) expected: Option<Duration>,
}

/// No alarm.
pub(crate) const NEVER: Time = Time::MAX;

impl Default for Extra {
    fn default() -> Self {
        Self {
            preferred: Vec::new(),
            home: None,
            talked: 0,
            told: u32::MAX,
            message: 0,
            next_position: NEVER,
            next_message: NEVER,
            next_ring: NEVER,
            last_rank: None,
            call_back: false,
            attempts: 0,
            expires: NEVER,
            expected: None,
        }
    }
}

impl<C> Contact<C> {
    /// A contact in line, with all that there is to say of it at once.
    pub(crate) fn new<A>(
        id: C,
        queue: (QueueKey, QueueId),
        arrival: &Arrival<A>,
        key: OrderKey,
        pool: PoolKey,
        now: Time,
    ) -> Self {
        Self {
            id,
            queue: queue.0,
            queue_id: queue.1,
            priority: arrival.priority,
            channel: arrival.channel,
            phase: Phase::Waiting,
            arrival: now,
            joined: now,
            since: now,
            waited: 0,
            key,
            pool,
            stage: 0,
            ring: 0,
            pooled: false,
            handled: false,
            has_customer: arrival.customer.is_some(),
            customer: arrival.customer.unwrap_or(0),
            offers: Ringing::Nobody,
            alarm: NEVER,
            extra: None,
        }
    }

    /// Nobody is on the line any more: its customer is to be called.
    pub(crate) fn be_call_back(&mut self, when: CallBackTime, now: Time) {
        let (from, until) = when.window();
        self.phase = from.filter(|from| *from > now).map_or(Phase::Waiting, Phase::Later);
        let extra = self.extra();
        (extra.call_back, extra.expires) = (true, until.unwrap_or(NEVER));
    }

    pub(crate) fn customer(&self) -> Option<u64> {
        self.has_customer.then_some(self.customer)
    }

    /// Where those are who need the same as it needed at first.
    pub(crate) fn home(&self) -> PoolKey {
        let extra = self.extra.as_ref();
        extra.and_then(|extra| extra.home).unwrap_or(self.pool)
    }

    /// It has waited until now.
    pub(crate) fn note_wait(&mut self, now: Time) {
        self.waited = self.waited.saturating_add(nanos(now - self.since));
        self.since = now;
    }

    pub(crate) const fn talks_with(&self) -> Option<AgentKey> {
        match self.phase {
            Phase::Talking(with) => Some(with),
            Phase::Preferred(_) | Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) => None,
        }
    }

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
        (extra.expires != NEVER).then_some(extra.expires)
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

/// A time in nanoseconds, as long as it can be.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
