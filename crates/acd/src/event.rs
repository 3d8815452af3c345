//! What the distribution wants done and has to tell.

use core::time::Duration;

use machine::Time;

use crate::{QueueId, Target};

/// What an agent does.
///
/// ```
/// use acd::{Acd, AgentConfig, AgentState, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// assert_eq!(acd.agent_state(&21), Some(AgentState::Ready));
/// acd.engaged(now, &21, true)?; // he dials out himself
/// assert_eq!(acd.agent_state(&21), Some(AgentState::Engaged));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AgentState {
    /// Not signed on.
    Off,
    /// Waiting for a contact.
    Ready,
    /// A contact is being offered; his phone does not ring yet.
    Reserved,
    /// His phone rings.
    Ringing,
    /// He has a contact.
    Busy,
    /// He finishes what a contact left to do.
    WrapUp,
    /// He gets nothing.
    Paused(PauseReason),
    /// His phone cannot be reached.
    Unreachable,
    /// His phone is in use for something that was not distributed, as a call of his own.
    Engaged,
}

/// Why an agent is paused.
///
/// ```
/// use acd::{Acd, AgentConfig, AgentState, Limits, PauseReason, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// const LUNCH: u16 = 3;
/// acd.pause(now, &21, LUNCH)?;
/// assert_eq!(acd.agent_state(&21), Some(AgentState::Paused(PauseReason::Wish(LUNCH))));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PauseReason {
    /// By his own wish, with the embedder's number of the reason.
    Wish(u16),
    /// He let it ring too often; he stays paused until he says otherwise.
    LetRing,
    /// For a moment after he let it ring.
    NotAnswered,
    /// For a moment after he refused.
    Rejected,
    /// For a moment after his phone was busy or failed.
    Busy,
}

/// Why an offer is taken back.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, Limits, Output, QueueConfig, QueueId, Strategy, Withdrawal};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// acd.pause(now, &21, 1)?;
/// let withdrawn = std::iter::from_fn(|| acd.poll_output())
///     .any(|said| matches!(said, Output::Withdraw { agent: 21, cause: Withdrawal::Unavailable, .. }));
/// assert!(withdrawn);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Withdrawal {
    /// Another agent took the contact.
    Taken,
    /// The contact left or was moved.
    Gone,
    /// The agent let it ring.
    NotAnswered,
    /// The agent signed off, paused, vanished or uses his phone.
    Unavailable,
}

/// Why a contact does not stay in its queue.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, ArriveError, Limits, OverflowCause, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.set_open(now, sales, false)?;
/// let refused = acd.arrive(now, 1, Arrival::call(sales));
/// assert_eq!(refused, Err(ArriveError::Refused(OverflowCause::Closed)));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum OverflowCause {
    /// The queue is closed.
    Closed,
    /// As many wait as may.
    Full,
    /// The expected wait is too long.
    ExpectedWait,
    /// Nobody is there to serve it.
    NobodyThere,
    /// It waited for as long as it may.
    MaxWait,
    /// The queue was removed.
    Removed,
}

/// How a contact ended, once for each.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, Limits, Outcome, Output, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// acd.end(now, &1)?; // hung up before anybody answered
/// let ended = std::iter::from_fn(|| acd.poll_output()).last();
/// assert!(matches!(ended, Some(Output::Ended { contact: 1, outcome: Outcome::Abandoned, .. } | Output::AgentStateChanged { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Outcome {
    /// An agent had it.
    Handled,
    /// It left before an agent had it.
    Abandoned,
    /// It went out of the distribution.
    Overflowed(OverflowCause, u32),
    /// The queue did not keep it, and there was nowhere to go.
    Dismissed(OverflowCause),
    /// The customer was not reached in all attempts.
    NotReached,
    /// The time agreed for its call-back is over.
    Expired,
    /// The customer called again and took over its place.
    Superseded,
}

/// What the distribution wants done (imperative) and has to tell (past tense), in order.
///
/// Match with `..`: variants may come to tell more.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, Limits, Output, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// while let Some(output) = acd.poll_output() {
///     match output {
///         Output::Offer { contact, agent, .. } => println!("ring {agent} for {contact}"),
///         Output::Withdraw { agent, .. } => println!("stop ringing {agent}"),
///         Output::Connect { contact, agent, .. } => println!("bridge {contact} and {agent}"),
///         Output::Ended { contact, outcome, .. } => println!("{contact} ended: {outcome:?}"),
///         _ => {} // announcements, overflow, call-backs, what agents do
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output<C, A> {
    /// Ring the agent, until `until` at the longest. Say what becomes of it with [`Acd::ringing`](crate::Acd::ringing),
    /// [`accept`](crate::Acd::accept) or [`decline`](crate::Acd::decline).
    #[non_exhaustive]
    Offer {
        /// The contact.
        contact: C,
        /// The agent.
        agent: A,
        /// Of this queue.
        queue: QueueId,
        /// When the offer is withdrawn.
        until: Time,
        /// Whether the customer has to be called once the agent accepts.
        call_back: bool,
    },
    /// Stop ringing the agent.
    #[non_exhaustive]
    Withdraw {
        /// The contact.
        contact: C,
        /// The agent.
        agent: A,
        /// Why.
        cause: Withdrawal,
    },
    /// Let them talk.
    #[non_exhaustive]
    Connect {
        /// The contact.
        contact: C,
        /// The agent.
        agent: A,
    },
    /// Tell the contact where it stands.
    #[non_exhaustive]
    Announce {
        /// The contact.
        contact: C,
        /// How many are before it, counting itself: 1 is next. Never more than was told before.
        position: u32,
        /// How long it will probably wait from now on; `None` while nothing is known.
        expected: Option<Duration>,
        /// By how much such expectations have been wrong lately, on average.
        error: Duration,
    },
    /// Play a message to the contact.
    #[non_exhaustive]
    Message {
        /// The contact.
        contact: C,
        /// Its number in [`Announcements::messages`](crate::Announcements::messages).
        message: u16,
    },
    /// The contact moved out of its queue; to another one ([`Target::Queue`]), or away, then [`Output::Ended`] follows.
    #[non_exhaustive]
    Overflow {
        /// The contact.
        contact: C,
        /// From this queue.
        from: QueueId,
        /// To there.
        to: Target,
        /// Why.
        cause: OverflowCause,
    },
    /// Nobody is on the line any more, and the contact keeps its place: its customer will be called back. It has not ended.
    #[non_exhaustive]
    CallBackNoted {
        /// The contact.
        contact: C,
        /// Whether the customer hung up without having asked for it ([`CallBacks::abandoned`](crate::CallBacks::abandoned)).
        abandoned: bool,
    },
    /// Call the customer back and tell what came of it with [`Acd::called_back`](crate::Acd::called_back). The agent waits.
    #[non_exhaustive]
    CallBack {
        /// The contact.
        contact: C,
        /// The agent who accepted.
        agent: A,
        /// 1 is the first attempt.
        attempt: u8,
    },
    /// An agent does something else.
    #[non_exhaustive]
    AgentStateChanged {
        /// The agent.
        agent: A,
        /// What he did.
        from: AgentState,
        /// What he does.
        to: AgentState,
    },
    /// The last that is heard of a contact.
    #[non_exhaustive]
    Ended {
        /// The contact.
        contact: C,
        /// In this queue.
        queue: QueueId,
        /// How.
        outcome: Outcome,
        /// Who had it at the end, if an agent did.
        agent: Option<A>,
        /// How long it waited for an agent, over all queues.
        waited: Duration,
        /// How long agents had it.
        talked: Duration,
    },
}
