//! Queues: callers wait, agents sign on, [`acd`] brings them together, and what it says is done here with legs and hunts.

mod agents;
mod arrive;
mod audit;
mod call_back;
mod codes;
mod config;
mod connect;
mod event;
mod offer;
mod outcome;
mod prompts;
mod treat;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use acd::{Acd, OverflowCause, QueueConfig, QueueId, Target};
use machine::{Machine, Time};
use rtp_media::say::Language;

use crate::config::{Config, ConfigError};
use crate::event::{CallId, Event};
use crate::leg::{HuntId, LegId};
use crate::switch::Switch;

pub use agents::AgentCommand;
pub(crate) use codes::Signing;
pub(crate) use config::AgentCode;
pub use config::{Agent, AgentCodes, Elsewhere, KeyAction, MAX_AGENTS, MAX_QUEUES, Queue, QueueMember};
pub use event::{ContactId, NotTaken, QueueEvent};
pub use prompts::sounds;
pub use view::{AgentView, QueueView};

/// An agent, by the order of coming; never another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct AgentId(pub(crate) u32);

/// All that belongs to queues.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Queueing {
    pub(crate) acd: Acd<ContactId, AgentId>,
    pub(crate) contacts: BTreeMap<ContactId, Contact>,
    pub(crate) queues: BTreeMap<QueueId, Queue>,
    /// The numbers of queues there are or were: a queue that comes back is the same one.
    queue_ids: BTreeMap<String, QueueId>,
    pub(crate) agents: BTreeMap<AgentId, Desk>,
    agent_ids: BTreeMap<String, AgentId>,
    /// Who is signed on at which extension.
    pub(crate) desks: BTreeMap<String, AgentId>,
    /// Agents at whose phones something changed in this step.
    pub(crate) stirred: BTreeSet<AgentId>,
    next_contact: u64,
}

/// An agent and where he is.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Desk {
    pub(crate) config: Agent,
    /// The extension at which he is signed on.
    pub(crate) at: Option<String>,
    /// Whether a phone can be rung there, as far as is known.
    pub(crate) reachable: bool,
    /// Whether it is in another call.
    engaged: bool,
}

/// A contact as the switch sees it.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Contact {
    pub(crate) queue: QueueId,
    /// Since when it has waited for an agent, the present one included.
    pub(crate) since: Time,
    pub(crate) call: CallId,
    /// The caller's number and name.
    pub(crate) from: crate::leg::Party,
    /// The caller's leg; `None` while nobody is on the line.
    pub(crate) customer: Option<LegId>,
    /// The leg of the agent who took it.
    pub(crate) agent_leg: Option<LegId>,
    pub(crate) agent: Option<AgentId>,
    /// The agents whose phones ring.
    pub(crate) offers: BTreeMap<AgentId, HuntId>,
    /// What it is to be told once it has heard what is being said.
    pub(crate) next_prompt: Option<Vec<rtp_media::PromptItem>>,
    /// Why it left, if its caller did not hang up.
    pub(crate) left: Option<Left>,
    /// Its position when it left.
    pub(crate) position: Option<u32>,
}

/// How a caller leaves a queue otherwise than by hanging up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Left {
    /// By a key, to this number.
    Key(String),
    /// Somebody took him out of his slot.
    Retrieved(String),
    /// A transfer was completed to him: another one has his place.
    Replaced,
    /// The queue did not keep him.
    Overflow(OverflowCause, Option<Elsewhere>),
}

impl Queueing {
    pub(crate) fn new(config: &Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        let mut queueing = Self {
            acd: Acd::new(config.queue_limits.clone(), seed),
            contacts: BTreeMap::new(),
            queues: BTreeMap::new(),
            queue_ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            agent_ids: BTreeMap::new(),
            desks: BTreeMap::new(),
            stirred: BTreeSet::new(),
            next_contact: 1,
        };
        queueing.set_queues(Time::ZERO, &config.queues)?;
        queueing.set_agents(Time::ZERO, &config.agents)?;
        Ok(queueing)
    }

    /// Goes on with another configuration, which was checked.
    pub(crate) fn configure(&mut self, now: Time, config: &Config) {
        let queues = self.set_queues(now, &config.queues);
        let agents = self.set_agents(now, &config.agents);
        debug_assert!(queues.is_ok() && agents.is_ok(), "the configuration was checked");
    }

    /// Makes and changes queues so that there are these and no others. Who waits in one that is gone goes where it
    /// overflowed to.
    ///
    /// # Errors
    /// A queue that does not fit into the limits; those before it are as they are to be.
    fn set_queues(&mut self, now: Time, queues: &[Queue]) -> Result<(), ConfigError> {
        let mut wanted = BTreeMap::new();
        for queue in queues {
            let next = QueueId(u32::try_from(self.queue_ids.len()).unwrap_or(u32::MAX));
            let id = *self.queue_ids.entry(queue.number.clone()).or_insert(next);
            wanted.insert(id, queue.clone());
        }
        for (id, queue) in &wanted {
            let rules = self.rules(queue);
            let before = self.queues.get(id);
            if before.is_none_or(|before| self.rules(before) != rules) {
                let full = |_| ConfigError::TooManyRules(queue.number.clone());
                self.acd.set_queue(now, *id, rules).map_err(full)?;
            }
            if before.is_none_or(|before| before.open != queue.open) {
                let _ = self.acd.set_open(now, *id, queue.open); // it is there: it was just made
            }
        }
        for id in self.queues.keys().filter(|id| !wanted.contains_key(id)) {
            let _ = self.acd.remove_queue(now, *id); // it is there: it was made here
        }
        self.queues = wanted;
        Ok(())
    }

    /// Makes and changes agents so that there are these and no others; those who are new and have a fixed place are signed on.
    ///
    /// # Errors
    /// An agent who does not fit into the limits; those before him are as they are to be.
    fn set_agents(&mut self, now: Time, agents: &[Agent]) -> Result<(), ConfigError> {
        let mut wanted = BTreeMap::new();
        for agent in agents {
            let next = AgentId(u32::try_from(self.agent_ids.len()).unwrap_or(u32::MAX));
            let id = *self.agent_ids.entry(agent.number.clone()).or_insert(next);
            let config = self.agent_config(agent);
            let before = self.agents.get(&id).map(|desk| self.agent_config(&desk.config));
            if before.as_ref() != Some(&config) {
                let full = |_| ConfigError::TooManyPlaces(agent.number.clone());
                self.acd.set_agent(now, id, config).map_err(full)?;
            }
            wanted.insert(id, agent.clone());
        }
        let gone: Vec<AgentId> = self
            .agents
            .keys()
            .filter(|id| !wanted.contains_key(id))
            .copied()
            .collect();
        for id in gone {
            let _ = self.acd.remove_agent(now, &id); // he is there: he was made here
            if let Some(at) = self.agents.remove(&id).and_then(|desk| desk.at) {
                self.desks.remove(&at);
            }
        }
        for (id, config) in wanted {
            let fixed = config.at.clone();
            if let Some(desk) = self.agents.get_mut(&id) {
                desk.config = config;
                self.stirred.insert(id);
                continue;
            }
            let desk = Desk {
                config,
                at: None,
                reachable: false,
                engaged: false,
            };
            self.agents.insert(id, desk);
            let _ = self.acd.reachable(now, &id, false); // until his phone is seen
            if let Some(at) = fixed.filter(|at| !self.desks.contains_key(at)) {
                let _ = self.acd.sign_on(now, &id);
                self.sit(id, Some(at));
            }
        }
        Ok(())
    }

    /// Notes where an agent is.
    pub(crate) fn sit(&mut self, agent: AgentId, at: Option<String>) {
        let Some(desk) = self.agents.get_mut(&agent) else {
            return;
        };
        if let Some(before) = core::mem::replace(&mut desk.at, at.clone()) {
            self.desks.remove(&before);
        }
        if let Some(at) = at {
            self.desks.insert(at, agent);
        }
    }

    fn rules(&self, queue: &Queue) -> QueueConfig {
        let mut rules = queue.rules.clone();
        rules.overflow = match &queue.overflow {
            None => None,
            Some(Elsewhere::Number(number)) => Some(match self.queue_ids.get(number) {
                Some(next) => Target::Queue(*next),
                None => Target::Elsewhere(0),
            }),
            Some(Elsewhere::Message(_)) => Some(Target::Elsewhere(0)),
        };
        rules.announcements.messages = (0..).take(queue.messages.len()).collect();
        if !queue.answers {
            let wait = rules.max_wait.unwrap_or(Queue::RING_ONLY_WAIT);
            rules.max_wait = Some(wait.min(Queue::RING_ONLY_WAIT));
        }
        rules
    }

    fn agent_config(&self, agent: &Agent) -> acd::AgentConfig {
        let mut config = acd::AgentConfig::in_queues([]);
        config.skills = agent.skills.clone();
        config.wrap_up = agent.wrap_up;
        config.memberships = agent
            .queues
            .iter()
            .filter_map(|member| {
                let mut place = member.place.clone();
                place.queue = *self.queue_ids.get(&member.queue)?;
                Some(place)
            })
            .collect();
        config
    }

    pub(crate) fn queue_id(&self, number: &str) -> Option<QueueId> {
        let id = self.queue_ids.get(number)?;
        self.queues.contains_key(id).then_some(*id)
    }

    /// The number of a queue that is or was there.
    pub(crate) fn queue_number(&self, id: QueueId) -> String {
        let present = self.queues.get(&id).map(|queue| &queue.number);
        let number = present.or_else(|| {
            self.queue_ids
                .iter()
                .find(|(_, known)| **known == id)
                .map(|(number, _)| number)
        });
        number.cloned().unwrap_or_default()
    }

    pub(crate) fn agent_id(&self, number: &str) -> Option<AgentId> {
        let id = self.agent_ids.get(number)?;
        self.agents.contains_key(id).then_some(*id)
    }

    pub(crate) fn next_contact(&mut self) -> ContactId {
        let id = ContactId(self.next_contact);
        self.next_contact += 1;
        id
    }
}

impl Switch {
    /// Does what the distribution wants done next. `true` if there was something.
    pub(crate) fn poll_acd(&mut self, now: Time) -> bool {
        use acd::Output as O;
        if let Some(agent) = self.queueing.stirred.pop_first() {
            self.refresh_desk(now, agent);
            return true;
        }
        let Some(output) = self.queueing.acd.poll_output() else {
            return false;
        };
        match output {
            O::Offer {
                contact,
                agent,
                until,
                call_back,
                ..
            } => self.offer(now, contact, agent, until, call_back),
            O::Withdraw {
                contact, agent, cause, ..
            } => self.withdraw(now, contact, agent, cause),
            O::Connect { contact, agent, .. } => self.connect(now, contact, agent),
            O::Announce {
                contact,
                position,
                expected,
                ..
            } => self.tell_position(contact, position, expected),
            O::Message { contact, message, .. } => self.tell_message(contact, message),
            O::Overflow {
                contact,
                from,
                to,
                cause,
                ..
            } => self.overflow(now, contact, from, to, cause),
            O::CallBack {
                contact,
                agent,
                attempt,
                ..
            } => self.call_customer(now, contact, agent, attempt),
            O::AgentStateChanged { agent, from, to, .. } => {
                if let Some(agent) = self.agent_number(agent) {
                    let at = now;
                    self.tell(Event::Agent { at, agent, from, to });
                }
            }
            O::Ended {
                contact,
                outcome,
                waited,
                talked,
                ..
            } => self.contact_ended(now, contact, outcome, waited, talked),
            O::CallBackNoted { .. } | _ => {}
        }
        true
    }

    pub(crate) fn agent_number(&self, agent: AgentId) -> Option<String> {
        self.queueing.agents.get(&agent).map(|desk| desk.config.number.clone())
    }

    pub(crate) fn queue_of(&self, contact: ContactId) -> Option<&Queue> {
        let contact = self.queueing.contacts.get(&contact)?;
        self.queueing.queues.get(&contact.queue)
    }

    /// In which language its caller is spoken to.
    pub(crate) fn language_of(&self, contact: ContactId) -> Language {
        let own = self.queue_of(contact).and_then(|queue| queue.language);
        own.unwrap_or(self.config.language)
    }

    /// Tells what happened to a contact.
    pub(crate) fn tell_queue(&mut self, at: Time, contact: ContactId, what: QueueEvent) {
        let Some(entry) = self.queueing.contacts.get(&contact) else {
            return;
        };
        let call = entry.call;
        let queue = self.queueing.queue_number(entry.queue);
        self.tell(Event::Queue {
            at,
            contact,
            call,
            queue,
            what,
        });
    }
}
