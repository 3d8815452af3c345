//! What can be seen from outside.

use core::time::Duration;

use machine::Time;

use crate::acd::{Acd, Id};
use crate::contact::Phase;
use crate::{AgentState, Population, QueueId, Rights, Served};

/// A queue at a moment.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// (1..=3).try_for_each(|id| acd.arrive(now, id, Arrival::call(sales)))?;
/// let board = acd.queue(sales).ok_or("no queue")?;
/// assert_eq!((board.waiting, board.population.offered), (3, 1));
/// assert_eq!(acd.line(sales).collect::<Vec<_>>(), [&1, &2, &3]);
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct QueueView {
    /// Contacts in line, those that ring included.
    pub waiting: usize,
    /// What its agents do.
    pub population: Population,
    /// How long a contact that came now would probably wait; `None` while nothing is known.
    pub expected: Option<Duration>,
    /// By how much such expectations have been wrong lately, on average.
    pub error: Duration,
    /// Whether it lets contacts in.
    pub open: bool,
}

/// What a contact does.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, ContactView, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// acd.accept(now, &1, &21)?;
/// assert_eq!(acd.contact(&1), Some(ContactView::Talking(21)));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ContactView<A> {
    /// In line, at this position (1 is next).
    Waiting(usize),
    /// Being offered to these agents.
    Offered(Vec<A>),
    /// Nobody is on the line; its turn does not come before then ([`Time::MAX`]: before its queue opens).
    Later(Time),
    /// Its customer is being called for this agent.
    Dialling(A),
    /// With this agent.
    Talking(A),
}

/// What is held.
///
/// ```
/// use acd::{Acd, AgentConfig, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// let live = acd.live();
/// assert_eq!((live.contacts, live.agents, live.queues, live.timers), (0, 1, 1, 0));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Live {
    /// Contacts, in all states.
    pub contacts: usize,
    /// Agents.
    pub agents: usize,
    /// Queues.
    pub queues: usize,
    /// Sets of needs.
    pub pools: usize,
    /// Alarms.
    pub timers: usize,
}

impl<C: Id, A: Id> Acd<C, A> {
    /// What an agent does; `None` if he is not there.
    #[must_use]
    pub fn agent_state(&self, agent: &A) -> Option<AgentState> {
        self.agents.get(*self.agent_index.get(agent)?).map(|agent| agent.told)
    }

    /// The share of the time since he signed on in which an agent was occupied, in millionths.
    #[must_use]
    pub fn occupancy(&self, agent: &A) -> Option<u32> {
        let agent = self.agents.get(*self.agent_index.get(agent)?)?;
        Some(agent.occupancy(self.now))
    }

    /// A queue as it is now.
    #[must_use]
    pub fn queue(&self, id: QueueId) -> Option<QueueView> {
        let queue = self.queues.get(*self.queue_index.get(&id)?)?;
        let waiting = queue.line.len();
        Some(QueueView {
            waiting,
            population: queue.population,
            expected: queue.expected.wait(waiting + 1, queue.population.in_service()),
            error: queue.expected.error(),
            open: queue.open,
        })
    }

    /// What a contact does; `None` if it is not there.
    #[must_use]
    pub fn contact(&self, id: &C) -> Option<ContactView<A>> {
        let contact = self.contacts.get(*self.contact_index.get(id)?)?;
        let name = |agent| self.agents.get(agent).map(|agent| agent.id.clone());
        Some(match contact.phase {
            Phase::Preferred(_) | Phase::Waiting if contact.offers.is_empty() => {
                let queue = self.queues.get(contact.queue)?;
                ContactView::Waiting(queue.line.before(contact.key) + 1)
            }
            Phase::Preferred(_) | Phase::Waiting => {
                ContactView::Offered(contact.offers.iter().filter_map(|agent| name(*agent)).collect())
            }
            Phase::Later(at) => ContactView::Later(at),
            Phase::Dialling(agent) => ContactView::Dialling(name(agent)?),
            Phase::Talking(agent) => ContactView::Talking(name(agent)?),
        })
    }

    /// The contacts in line of a queue in their order, those that ring included: the rows of a live board.
    pub fn line(&self, queue: QueueId) -> impl Iterator<Item = &C> {
        let queue = self.queue_index.get(&queue).and_then(|key| self.queues.get(*key));
        let line = queue.into_iter().flat_map(|queue| queue.line.iter());
        line.filter_map(|key| self.contacts.get(key)).map(|contact| &contact.id)
    }

    /// The agents of a queue, in the order in which they came to it, with what they do.
    pub fn members(&self, queue: QueueId) -> impl Iterator<Item = (&A, AgentState)> {
        let queue = self.queue_index.get(&queue).and_then(|key| self.queues.get(*key));
        let members = queue.into_iter().flat_map(|queue| &queue.members);
        members
            .filter_map(|key| self.agents.get(*key))
            .map(|agent| (&agent.id, agent.told))
    }

    /// What agents had to do with a customer on any channel, the latest first; at most [`Limits::HISTORY`](crate::Limits::HISTORY) of it.
    pub fn history(&self, customer: u64) -> impl Iterator<Item = Served<A>> {
        self.customers.history(customer).rev().map(|entry| Served {
            when: entry.when,
            queue: entry.queue,
            channel: entry.channel,
            agent: self.agents.get(entry.agent).map(|agent| agent.id.clone()),
        })
    }

    /// What a supervisor may do with the talk that an agent has: his rights in the queue of the contact. `None` where the agent talks to nobody,
    /// or the supervisor has no rights there.
    #[must_use]
    pub fn rights(&self, supervisor: &A, agent: &A) -> Option<Rights> {
        let supervisor = self.agents.get(*self.agent_index.get(supervisor)?)?;
        let agent = self.agents.get(*self.agent_index.get(agent)?)?;
        let talks = agent.links.iter().filter_map(|link| self.contacts.get(link.contact));
        let mut talks = talks.filter(|contact| contact.talks_with().is_some());
        talks.find_map(|contact| {
            let rights = supervisor
                .wanted
                .supervises
                .iter()
                .find(|(queue, _)| *queue == contact.queue_id);
            rights.map(|(_, rights)| *rights)
        })
    }

    /// What is held at present.
    #[must_use]
    pub fn live(&self) -> Live {
        Live {
            contacts: self.contacts.len(),
            agents: self.agents.len(),
            queues: self.queues.len(),
            pools: self.pools.len(),
            timers: self.timers.len(),
        }
    }
}
