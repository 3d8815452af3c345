//! What happened, one thing after the other.

use core::fmt;

use acd::{AgentState, Outcome, OverflowCause, Withdrawal};
use machine::Time;

/// Hears of everything that happens in a run.
///
/// ```
/// use machine::Time;
/// use sim::centre::{Observer, Traced};
///
/// /// Writes a trace.
/// struct Lines(String);
///
/// impl Observer for Lines {
///     fn observe(&mut self, now: Time, traced: &Traced<'_>) {
///         self.0 += &format!("{now:?} {traced}\n");
///     }
/// }
/// ```
pub trait Observer {
    /// Whether it wants to hear of anything at all.
    const LISTENS: bool = true;

    /// Something happened.
    fn observe(&mut self, now: Time, traced: &Traced<'_>);
}

/// Hears nothing.
impl Observer for () {
    const LISTENS: bool = false;

    fn observe(&mut self, _: Time, _: &Traced<'_>) {}
}

/// Something that happened. Contacts by their number in the order of arrival, from 1; agents by the name of their group and their number in
/// it, from 1.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Traced<'a> {
    /// A contact of a type came.
    Arrived(u64, &'a str),
    /// It was not let in.
    Refused(u64, OverflowCause),
    /// It was offered to an agent.
    Offered(u64, (&'a str, u32)),
    /// The offer was taken back.
    Withdrawn(u64, (&'a str, u32), Withdrawal),
    /// The agent refused it.
    Rejected(u64, (&'a str, u32)),
    /// They talk.
    Connected(u64, (&'a str, u32)),
    /// It moved to another queue, or away.
    Overflowed(u64, OverflowCause),
    /// It keeps its place and is called back.
    KeepsPlace(u64),
    /// Its customer is being called for an agent.
    Dialled(u64, (&'a str, u32), u8),
    /// It ended.
    Ended(u64, Outcome),
    /// An agent does something else.
    Agent((&'a str, u32), AgentState, AgentState),
}

/// `offer 17 sales/3`, as the trace has it.
impl fmt::Display for Traced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Arrived(contact, of) => write!(f, "arrive {contact} {of}"),
            Self::Refused(contact, cause) => write!(f, "refuse {contact} {cause:?}"),
            Self::Offered(contact, (group, number)) => write!(f, "offer {contact} {group}/{number}"),
            Self::Withdrawn(contact, (group, number), cause) => {
                write!(f, "withdraw {contact} {group}/{number} {cause:?}")
            }
            Self::Rejected(contact, (group, number)) => write!(f, "reject {contact} {group}/{number}"),
            Self::Connected(contact, (group, number)) => write!(f, "connect {contact} {group}/{number}"),
            Self::Overflowed(contact, cause) => write!(f, "overflow {contact} {cause:?}"),
            Self::KeepsPlace(contact) => write!(f, "keep-place {contact}"),
            Self::Dialled(contact, (group, number), attempt) => {
                write!(f, "call-back {contact} {group}/{number} attempt {attempt}")
            }
            Self::Ended(contact, outcome) => write!(f, "end {contact} {outcome:?}"),
            Self::Agent((group, number), from, to) => write!(f, "agent {group}/{number} {from:?} {to:?}"),
        }
    }
}
