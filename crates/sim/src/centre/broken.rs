//! Rules that a distribution keeps.

use machine::Time;

/// The distribution broke a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("at {at:?}: {rule}")]
pub struct Broken {
    /// When.
    pub at: Time,
    /// Which.
    pub rule: Rule,
}

/// What holds in every run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing is due any more once it was done.
    #[error("the distribution has something to do again in the same instant")]
    Spins,
    /// What people may do is not denied.
    #[error("the distribution denied what was allowed")]
    Denied,
    /// Only who is offered a contact is connected with it or has the offer withdrawn.
    #[error("an agent was connected or had an offer withdrawn that he did not have")]
    NotOffered,
    /// Nobody has more contacts than he may.
    #[error("an agent has more contacts than he may have")]
    TooMany,
    /// A talk is over when it is over, and not before.
    #[error("a contact ended before its talk did")]
    EndedEarly,
    /// A contact ends once, having been there.
    #[error("a contact ended that was not there")]
    NotThere,
    /// A contact is answered, or abandoned, as it is told.
    #[error("the outcome of a contact is not what happened to it")]
    Outcome,
    /// Waits and talks are told as long as they were.
    #[error("a wait or a talk is told longer or shorter than it was")]
    Length,
    /// The states of an agent follow each other.
    #[error("an agent changed from a state that he was not in")]
    State,
    /// Nothing is kept of contacts that are gone.
    #[error("something is kept of contacts that are gone")]
    Kept,
}
