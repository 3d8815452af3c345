//! What is told about the callers of queues.

use core::time::Duration;

use acd::OverflowCause;

/// A caller's wait in queues and his talk with an agent: from his arrival until exactly one event that
/// [ends](QueueEvent::is_last) it. Never reused. A call may hold several, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContactId(pub u64);

/// What happened to a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum QueueEvent {
    /// It came.
    Arrived {
        /// The caller's number.
        from: String,
        /// How many were in line, counting itself; 0 if the queue did not let it in.
        position: u32,
        /// Its priority.
        priority: i16,
    },
    /// It came from another queue: somebody transferred it, or that queue did not keep it. The event names the queue it is
    /// in now.
    Moved {
        /// The queue that it left.
        from: String,
        /// Why, unless somebody transferred it.
        cause: Option<OverflowCause>,
        /// Its priority from now on.
        raised: i16,
    },
    /// An agent's phones are rung.
    Offered {
        /// The agent's number.
        agent: String,
    },
    /// One of them rings.
    Ringing {
        /// The agent's number.
        agent: String,
    },
    /// The agent did not take it.
    NotTaken {
        /// The agent's number.
        agent: String,
        /// Why.
        why: NotTaken,
    },
    /// They talk.
    Answered {
        /// The agent's number.
        agent: String,
        /// How long the caller waited for it: since he arrived, or since an agent had him last.
        waited: Duration,
    },
    /// The agent's phone vanished; the caller waits again.
    AgentLost {
        /// The agent's number.
        agent: String,
    },
    /// The caller asked to be called back; he keeps his place.
    CallBackAsked,
    /// The caller is being called back for an agent.
    CallBackDialled {
        /// The agent's number.
        agent: String,
        /// 1 is the first attempt.
        attempt: u8,
    },
    /// He could not be reached; he is tried again later.
    CallBackFailed {
        /// The SIP status.
        status: u16,
    },
    /// The talk is over. The last event.
    Handled {
        /// The agent who had it last.
        agent: String,
        /// How long the caller waited, over all queues.
        waited: Duration,
        /// How long agents had him.
        talked: Duration,
    },
    /// The caller hung up before he was served, or vanished. The last event.
    Abandoned {
        /// How long he waited.
        waited: Duration,
        /// His position then.
        position: u32,
    },
    /// The caller left by a key. The last event.
    Left {
        /// To this number.
        to: String,
        /// How long he waited.
        waited: Duration,
    },
    /// A parked caller was fetched by somebody else. The last event.
    Retrieved {
        /// Who fetched him.
        by: String,
        /// How long he waited.
        waited: Duration,
    },
    /// Who consulted the queue completed his transfer: the caller whom he transferred has the place. The last event.
    Replaced {
        /// How long he waited.
        waited: Duration,
    },
    /// The queue did not let in or keep the caller. The last event.
    Overflowed {
        /// Why.
        cause: OverflowCause,
        /// The number to which he goes, or the message that he hears; `None`: he was refused or hung up.
        to: Option<String>,
        /// How long he waited.
        waited: Duration,
    },
    /// The caller was not reached in all attempts of his call-back. The last event.
    NotReached,
    /// The caller called again and took over the place of his call-back. The last event.
    Superseded,
}

impl QueueEvent {
    /// Whether nothing more is heard of the contact.
    #[must_use]
    pub fn is_last(&self) -> bool {
        match self {
            Self::Handled { .. }
            | Self::Abandoned { .. }
            | Self::Left { .. }
            | Self::Retrieved { .. }
            | Self::Replaced { .. }
            | Self::Overflowed { .. }
            | Self::NotReached
            | Self::Superseded => true,
            Self::Arrived { .. }
            | Self::Moved { .. }
            | Self::Offered { .. }
            | Self::Ringing { .. }
            | Self::NotTaken { .. }
            | Self::Answered { .. }
            | Self::AgentLost { .. }
            | Self::CallBackAsked
            | Self::CallBackDialled { .. }
            | Self::CallBackFailed { .. } => false,
        }
    }
}

/// Why an agent did not take what he was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NotTaken {
    /// He let it ring.
    NotAnswered,
    /// He refused.
    Rejected,
    /// His phone was busy, or the call to it failed.
    Busy,
    /// His phone does not answer at all, or is not registered.
    Unreachable,
    /// Another agent was faster.
    Taken,
    /// The caller left, or was moved.
    Gone,
    /// He signed off or paused.
    Unavailable,
}
