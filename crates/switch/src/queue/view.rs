//! What can be seen of queues and agents, for a board.

use core::time::Duration;

use acd::AgentState;

use crate::switch::Switch;

/// A queue at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueView {
    /// Its number.
    pub number: String,
    /// Its name.
    pub name: String,
    /// How many wait, those for whom agents are rung included.
    pub waiting: usize,
    /// How long a caller who came now would probably wait; `None` while nothing is known.
    pub expected: Option<Duration>,
    /// What its agents do.
    pub agents: acd::Population,
    /// Whether it lets callers in.
    pub open: bool,
}

/// An agent at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentView {
    /// His number.
    pub number: String,
    /// His name.
    pub name: String,
    /// The extension at which he is signed on.
    pub at: Option<String>,
    /// What he does.
    pub state: AgentState,
}

impl Switch {
    /// The queues as they are now.
    pub fn queues(&self) -> impl Iterator<Item = QueueView> + '_ {
        self.queueing.queues.iter().filter_map(|(id, queue)| {
            let view = self.queueing.acd.queue(*id)?;
            Some(QueueView {
                number: queue.number.clone(),
                name: queue.name.clone(),
                waiting: view.waiting,
                expected: view.expected,
                agents: view.population,
                open: view.open,
            })
        })
    }

    /// The agents as they are now.
    pub fn agents(&self) -> impl Iterator<Item = AgentView> + '_ {
        self.queueing.agents.iter().filter_map(|(id, desk)| {
            Some(AgentView {
                number: desk.config.number.clone(),
                name: desk.config.name.clone(),
                at: desk.at.clone(),
                state: self.queueing.acd.agent_state(id)?,
            })
        })
    }

    /// How many contacts of queues there are, in whatever state.
    #[must_use]
    pub fn contact_count(&self) -> usize {
        self.queueing.contacts.len()
    }
}
