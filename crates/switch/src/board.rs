//! The live board: queues, agents and supervisors as they are now (row Q11).

use core::fmt;
use core::time::Duration;

use acd::{AgentState, Population};
use machine::Time;

use crate::switch::Switch;

/// Queues and agents at a moment, each in the order of their numbers.
///
/// Its `Display` is a table for people.
///
/// ```
/// use switch::{Agent, Config, Extension, Queue, QueueMember, Switch};
///
/// let mut config = Config::new("pbx.test");
/// config.extensions.push(Extension::new("1001", "Reception", "secret"));
/// config.queues.push(Queue::new("600", "Sales"));
/// let mut anna = Agent::new("77", "Anna");
/// anna.queues.push(QueueMember::new("600"));
/// config.agents.push(anna);
/// let switch = Switch::new(config, [7; 32])?;
///
/// let board = switch.board(machine::Time::from_secs(1_800_000_000));
/// assert_eq!((board.queues[0].number.as_str(), board.queues[0].waiting), ("600", 0));
/// assert_eq!(board.agents[0].at, None);
/// assert!(board.to_string().contains("Anna"));
/// # Ok::<(), switch::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Board {
    /// The moment.
    pub at: Time,
    /// Calls, of whatever kind.
    pub calls: usize,
    /// The queues.
    pub queues: Vec<BoardQueue>,
    /// The agents.
    pub agents: Vec<BoardAgent>,
}

/// A queue on a [`Board`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoardQueue {
    /// Its number.
    pub number: String,
    /// Its name.
    pub name: String,
    /// Whether it lets callers in.
    pub open: bool,
    /// How many wait, those for whom agents are rung included.
    pub waiting: usize,
    /// How long the one has waited who has waited for longest.
    pub longest: Option<Duration>,
    /// How long a caller who came now would probably wait; `None` while nothing is known.
    pub expected: Option<Duration>,
    /// What its agents do.
    pub agents: Population,
}

/// An agent on a [`Board`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoardAgent {
    /// His number.
    pub number: String,
    /// His name.
    pub name: String,
    /// The extension at which he is signed on.
    pub at: Option<String>,
    /// What he does.
    pub state: AgentState,
    /// The caller whom he serves.
    pub serves: Option<String>,
    /// The queue from which that caller came.
    pub queue: Option<String>,
    /// The extension that supervises his call.
    pub supervised_by: Option<String>,
}

impl Switch {
    /// The board as it is now. Costs a pass over queues, agents and contacts.
    #[must_use]
    pub fn board(&self, now: Time) -> Board {
        let now = self.now.max(now);
        let mut queues: Vec<BoardQueue> = self.queues().map(|queue| self.board_queue(now, queue)).collect();
        queues.sort_by(|a, b| a.number.cmp(&b.number));
        let mut agents: Vec<BoardAgent> = self.agents().map(|agent| self.board_agent(agent)).collect();
        agents.sort_by(|a, b| a.number.cmp(&b.number));
        Board {
            at: now,
            calls: self.call_count(),
            queues,
            agents,
        }
    }

    fn board_queue(&self, now: Time, queue: crate::QueueView) -> BoardQueue {
        let id = self.queueing.queue_id(&queue.number);
        let contacts = self.queueing.contacts.values();
        let waiting = contacts
            .filter(|contact| Some(contact.queue) == id && contact.customer.is_some() && contact.agent.is_none());
        let longest = waiting.map(|contact| now - contact.since).max();
        BoardQueue {
            number: queue.number,
            name: queue.name,
            open: queue.open,
            waiting: queue.waiting,
            longest,
            expected: queue.expected,
            agents: queue.agents,
        }
    }

    fn board_agent(&self, agent: crate::AgentView) -> BoardAgent {
        let id = self.queueing.agent_id(&agent.number);
        let mut contacts = self.queueing.contacts.values();
        let contact = contacts.find(|contact| id.is_some() && contact.agent == id && contact.agent_leg.is_some());
        let leg = contact.and_then(|contact| self.legs.get(contact.agent_leg?));
        let room = leg.and_then(|leg| self.rooms.get(&leg.media.conference?));
        BoardAgent {
            serves: contact.map(|contact| contact.from.number.clone()),
            queue: contact.map(|contact| self.queueing.queue_number(contact.queue)),
            supervised_by: room.map(|room| self.number_of(room.supervisor)),
            number: agent.number,
            name: agent.name,
            at: agent.at,
            state: agent.state,
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "calls: {}", self.calls)?;
        if !self.queues.is_empty() {
            writeln!(
                f,
                "queue      waiting  longest  expected  ready  busy  wrap-up  paused  name"
            )?;
        }
        for queue in &self.queues {
            let seconds = |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{} s", time.as_secs()));
            let closed = if queue.open { "" } else { " (closed)" };
            writeln!(
                f,
                "{:<10} {:>7}  {:>7}  {:>8}  {:>5}  {:>4}  {:>7}  {:>6}  {}{closed}",
                queue.number,
                queue.waiting,
                seconds(queue.longest),
                seconds(queue.expected),
                queue.agents.ready,
                queue.agents.busy + queue.agents.offered,
                queue.agents.wrap_up,
                queue.agents.paused,
                queue.name,
            )?;
        }
        if !self.agents.is_empty() {
            writeln!(f, "agent      at          state         serves                name")?;
        }
        for agent in &self.agents {
            let serves = match (&agent.serves, &agent.queue) {
                (Some(caller), Some(queue)) => format!("{caller} ({queue})"),
                _ => String::new(),
            };
            let watched = agent.supervised_by.as_ref().map(|by| format!(" (supervised by {by})"));
            writeln!(
                f,
                "{:<10} {:<11} {:<13} {serves:<21} {}{}",
                agent.number,
                agent.at.as_deref().unwrap_or("-"),
                state_name(agent.state),
                agent.name,
                watched.unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}

/// What people call a state.
fn state_name(state: AgentState) -> &'static str {
    match state {
        AgentState::Off => "off",
        AgentState::Ready => "ready",
        AgentState::Reserved => "reserved",
        AgentState::Ringing => "ringing",
        AgentState::Busy => "busy",
        AgentState::WrapUp => "wrap-up",
        AgentState::Paused(_) => "paused",
        AgentState::Unreachable => "unreachable",
        AgentState::Engaged => "on the phone",
        _ => "-",
    }
}
