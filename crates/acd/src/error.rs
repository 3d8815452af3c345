use crate::{OverflowCause, QueueId};

/// Why a contact is not let in. Nothing changed; it goes where [`QueueConfig::overflow`](crate::QueueConfig::overflow) says, if that is not a queue.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, ArriveError, Limits, QueueConfig, QueueId, Strategy};
/// use machine::Time;
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// assert_eq!(acd.arrive(now, 1, Arrival::call(sales)), Err(ArriveError::Known));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArriveError {
    /// There is no such queue.
    #[error("no queue {}", .0.0)]
    UnknownQueue(QueueId),
    /// It is there already.
    #[error("the contact is already known")]
    Known,
    /// The queue does not take it, nor does any that it would overflow to.
    #[error("the queue does not take contacts now")]
    Refused(OverflowCause),
    /// A limit of the whole distribution is reached.
    #[error("no more contacts can be held")]
    Full,
    /// More skills or preferred agents than may be.
    #[error("too many skills or preferred agents")]
    TooMany,
}

/// Why a command about a contact did nothing.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, ContactError, Limits, QueueConfig, QueueId, Strategy};
/// use machine::Time;
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// acd.end(now, &1)?;
/// assert_eq!(acd.accept(now, &1, &21), Err(ContactError::Unknown), "too late: hang the agent up");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContactError {
    /// It is not there, or no more.
    #[error("no such contact")]
    Unknown,
    /// It is not in the state for this.
    #[error("the contact is not in the state for this")]
    State,
    /// The agent is not there, or it is not offered to him or not his.
    #[error("the agent has no part in this contact")]
    Agent,
    /// There is no such queue.
    #[error("no queue {}", .0.0)]
    UnknownQueue(QueueId),
    /// A limit of the whole distribution is reached.
    #[error("no more different needs can be held")]
    Full,
}

/// Why a command about an agent did nothing.
///
/// ```
/// use acd::{Acd, AgentConfig, AgentError, Limits, QueueConfig, QueueId, Strategy};
/// use machine::Time;
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// assert_eq!(acd.pause(now, &21, 1), Err(AgentError::State), "he is not signed on");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// He is not there, or no more.
    #[error("no such agent")]
    Unknown,
    /// He is not in the state for this.
    #[error("the agent is not in the state for this")]
    State,
    /// A limit is reached: agents, skills or memberships.
    #[error("no more agents, skills or memberships can be held")]
    Full,
}

/// Why a queue was not made or removed.
///
/// ```
/// use acd::{Acd, AgentConfig, Limits, QueueConfig, QueueError, QueueId, Strategy};
/// use machine::Time;
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// assert_eq!(acd.set_open(now, QueueId(2), false), Err(QueueError::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// It is not there.
    #[error("no such queue")]
    Unknown,
    /// A limit is reached: queues or rings.
    #[error("no more queues or rings can be held")]
    Full,
}
