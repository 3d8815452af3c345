//! What agents say of themselves, and what is found out about them.

use machine::Time;

use crate::acd::{Acd, Id};
use crate::agent::{AgentKey, LinkPhase};
use crate::contact::{ContactKey, Phase};
use crate::{AgentError, ContactError, Output, PauseReason, Withdrawal};

impl<C: Id, A: Id> Acd<C, A> {
    /// An agent comes to work. If he was signed on already, his pause ends.
    ///
    /// # Errors
    ///
    /// [`AgentError::Unknown`].
    pub fn sign_on(&mut self, now: Time, id: &A) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        let at = self.now;
        let agent = self
            .agents
            .get_mut(key)
            .filter(|agent| !agent.removed)
            .ok_or(AgentError::Unknown)?;
        agent.paused = None;
        agent.unanswered = 0;
        if agent.signed_on.is_none() {
            agent.signed_on = Some(at);
            (agent.talk, agent.occupied) = Default::default();
            agent.memberships.iter_mut().for_each(|member| member.work = 0);
            agent.occupied_since = agent.occupied_since.map(|_| at);
            self.count_signed_on(key, true);
        }
        self.refresh_agent(key);
        self.settle();
        Ok(())
    }

    /// An agent goes. Offers to him are withdrawn; a contact that he has he may finish, with its wrap-up.
    ///
    /// # Errors
    ///
    /// [`AgentError::Unknown`].
    pub fn sign_off(&mut self, now: Time, id: &A) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        self.sign_off_key(key);
        self.settle();
        Ok(())
    }

    pub(crate) fn sign_off_key(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        let was_on = agent.signed_on.is_some();
        (agent.paused, agent.held) = (None, None);
        if was_on {
            self.count_signed_on(key, false);
        }
        if let Some(agent) = self.agents.get_mut(key) {
            agent.signed_on = None;
        }
        let contacts = self.take_offers_back(key);
        if was_on {
            self.floors_rose(key);
        }
        self.seek_on(contacts);
        self.refresh_agent(key);
    }

    /// An agent gets nothing more until he says [`unpause`](Self::unpause). Offers to him are withdrawn; a contact that he has he may finish.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; `State` if he is not signed on.
    pub fn pause(&mut self, now: Time, id: &A, reason: u16) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        let agent = self.agents.get_mut(key).ok_or(AgentError::Unknown)?;
        if agent.signed_on.is_none() {
            return Err(AgentError::State);
        }
        agent.paused = Some(PauseReason::Wish(reason));
        let contacts = self.take_offers_back(key);
        self.seek_on(contacts);
        self.refresh_agent(key);
        self.settle();
        Ok(())
    }

    /// An agent works again.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; `State` if he was not paused.
    pub fn unpause(&mut self, now: Time, id: &A) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        let agent = self.agents.get_mut(key).ok_or(AgentError::Unknown)?;
        if agent.paused.take().is_none() && agent.held.take().is_none() {
            return Err(AgentError::State);
        }
        agent.held = None;
        agent.unanswered = 0;
        self.refresh_agent(key);
        self.settle();
        Ok(())
    }

    /// An agent's phone can be reached, or not. Offers to a phone that cannot are withdrawn. What becomes of a talk that he has, the
    /// embedder decides: it [ends](Self::end), or goes back [to its queue](Self::requeue).
    ///
    /// # Errors
    ///
    /// [`AgentError::Unknown`].
    pub fn reachable(&mut self, now: Time, id: &A, reachable: bool) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        let agent = self.agents.get_mut(key).ok_or(AgentError::Unknown)?;
        agent.reachable = reachable;
        if !reachable {
            let contacts = self.take_offers_back(key);
            self.seek_on(contacts);
        }
        self.refresh_agent(key);
        self.settle();
        Ok(())
    }

    /// An agent's phone is in use for something that was not distributed to him, or no more. Offers to it are withdrawn.
    ///
    /// # Errors
    ///
    /// [`AgentError::Unknown`].
    pub fn engaged(&mut self, now: Time, id: &A, engaged: bool) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        let agent = self.agents.get_mut(key).ok_or(AgentError::Unknown)?;
        agent.engaged = engaged;
        if engaged {
            let contacts = self.take_offers_back(key);
            self.seek_on(contacts);
        }
        self.refresh_agent(key);
        self.settle();
        Ok(())
    }

    /// A contact whose agent was lost goes back to the place in its queue that its arrival gives it. The agent gets no wrap-up.
    ///
    /// # Errors
    ///
    /// [`ContactError::State`] unless an agent has it.
    pub fn requeue(&mut self, now: Time, id: &C) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        let contact = self.contacts.get(key).ok_or(ContactError::Unknown)?;
        let (Phase::Talking(by), queue, at) = (contact.phase, contact.queue, self.now) else {
            return Err(ContactError::State);
        };
        if !self.queues.contains_key(queue) {
            return Err(ContactError::UnknownQueue(contact.queue_id));
        }
        self.note_talk(key);
        if let Some(contact) = self.contacts.get_mut(key) {
            contact.phase = Phase::Waiting;
            contact.joined = at;
        }
        self.finish_link(key, by, false);
        self.stand_in_line(key);
        self.refresh_agent(by);
        self.seek_agents(key);
        self.arm_contact(key);
        self.settle();
        Ok(())
    }

    /// Gives a contact to an agent of the embedder's choice, whatever he does and whichever queues he serves: a pick-up, a transfer
    /// from one agent to another, a supervisor who takes over. Whoever rings for it stops; who had it goes on to wrap-up.
    ///
    /// # Errors
    ///
    /// [`ContactError`]: `State` unless the contact is in line or with another agent, with somebody on the line; `Agent` if there is
    /// no such agent.
    pub fn assign(&mut self, now: Time, id: &C, agent: &A) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        let by = *self.agent_index.get(agent).ok_or(ContactError::Agent)?;
        let contact = self.contacts.get(key).ok_or(ContactError::Unknown)?;
        let before = match contact.phase {
            Phase::Talking(with) if with != by => Some(with),
            Phase::Preferred(_) | Phase::Waiting if !contact.is_call_back() => None,
            Phase::Talking(_) | Phase::Preferred(_) | Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) => {
                return Err(ContactError::State);
            }
        };
        let at = self.now;
        self.unlist(by);
        self.note_talk(key);
        let freed = self.take_out(key, Withdrawal::Taken);
        let queue = self
            .contacts
            .get(key)
            .and_then(|contact| self.queues.get(contact.queue));
        let wrap_up = queue.map(|queue| queue.config.wrap_up).unwrap_or_default();
        let (Some(contact), Some(taker)) = (self.contacts.get_mut(key), self.agents.get_mut(by)) else {
            return Err(ContactError::Agent);
        };
        contact.since = at;
        taker.links.push(crate::agent::Link {
            contact: key,
            queue: contact.queue,
            channel: contact.channel,
            phase: LinkPhase::Talking(at),
            wrap_up: taker.config.wrap_up.unwrap_or(wrap_up),
            began: at,
        });
        if before.is_none() {
            self.served_from_line(key);
        }
        self.connect(key, by);
        self.refresh_agent(by);
        self.arm_contact(key);
        freed.into_iter().for_each(|other| self.refresh_agent(other));
        self.settle();
        Ok(())
    }

    /// Withdraws what an agent is being offered; gives the contacts, which are in line again.
    fn take_offers_back(&mut self, key: AgentKey) -> Vec<ContactKey> {
        let Some(agent) = self.agents.get(key) else {
            return Vec::new();
        };
        let offered = |phase| matches!(phase, LinkPhase::Reserved(_) | LinkPhase::Ringing(_));
        let contacts: Vec<ContactKey> = agent
            .links
            .iter()
            .filter(|link| offered(link.phase))
            .map(|link| link.contact)
            .collect();
        let id = agent.id.clone();
        self.unlist(key);
        for contact in &contacts {
            self.unoffer(*contact, key);
            if let Some(of) = self.contacts.get(*contact) {
                let output = Output::Withdraw {
                    contact: of.id.clone(),
                    agent: id.clone(),
                    cause: Withdrawal::Unavailable,
                };
                self.emit(output);
            }
            self.back_in_line(*contact);
        }
        contacts
    }

    /// Looks for other agents, for the contacts in their order.
    fn seek_on(&mut self, mut contacts: Vec<ContactKey>) {
        contacts.sort_unstable_by_key(|key| self.contacts.get(*key).map(|contact| contact.key));
        for contact in contacts {
            self.seek_agents(contact);
            self.arm_contact(contact);
        }
    }

    fn count_signed_on(&mut self, key: AgentKey, on: bool) {
        let Some(agent) = self.agents.get(key) else { return };
        for member in &agent.memberships {
            let Some(queue) = self.queues.get_mut(member.queue) else {
                continue;
            };
            if let Some(count) = queue.signed_on.get_mut(usize::from(member.stage)) {
                *count = if on { *count + 1 } else { count.saturating_sub(1) };
            }
        }
    }

    /// Where nobody of the first tiers is left, the next ones are asked at once.
    fn floors_rose(&mut self, key: AgentKey) {
        let queues: Vec<_> = match self.agents.get(key) {
            Some(agent) => agent.memberships.iter().map(|member| member.queue).collect(),
            None => return,
        };
        for queue in queues {
            if self.queues.get(queue).is_some_and(|queue| queue.floor() > 0) {
                self.rematch(queue);
            }
        }
    }
}
