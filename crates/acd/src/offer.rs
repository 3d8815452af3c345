//! A contact is offered to agents, and one of them takes it.

use machine::Time;

use crate::acd::{Acd, Id};
use crate::agent::{AgentKey, Link, LinkPhase};
use crate::contact::{Contact, ContactKey, Phase};
use crate::customers::Entry;
use crate::matching::offer_end;
use crate::{ContactError, Output, PauseReason, Strategy, Withdrawal};

/// Why an agent does not get the contact that he is offered.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, ContactView, Decline, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// acd.arrive(now, 1, Arrival::call(sales))?;
/// acd.decline(now, &1, &21, Decline::Busy)?;
/// assert_eq!(acd.contact(&1), Some(ContactView::Waiting(1)), "in its place");
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Decline {
    /// He refused.
    Rejected,
    /// His phone was busy, or the call to it failed.
    Busy,
    /// He let it ring (the embedder's own time was shorter).
    NotAnswered,
    /// His phone cannot be reached: he gets nothing until it can ([`Acd::reachable`]).
    Unreachable,
}

/// What came of a call-back.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, CallBackTime, CalledBack, ContactView, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// let mut task = Arrival::call(sales);
/// task.call_back = Some(CallBackTime::InTurn);
/// acd.arrive(now, 1, task)?;
/// acd.accept(now, &1, &21)?; // now the customer is called
/// acd.called_back(now, &1, CalledBack::Reached)?;
/// assert_eq!(acd.contact(&1), Some(ContactView::Talking(21)));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CalledBack {
    /// The customer is on the line.
    Reached,
    /// Not this time.
    NotReached,
}

impl<C: Id, A: Id> Acd<C, A> {
    /// Offers a contact in line to an agent who can take it.
    pub(crate) fn offer(&mut self, key: ContactKey, to: AgentKey) {
        let now = self.now;
        self.unlist(to);
        let (Some(contact), Some(agent)) = (self.contacts.get_mut(key), self.agents.get_mut(to)) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(contact.queue) else {
            return;
        };
        let until = offer_end(now, queue.config.ring_time);
        agent.links.push(Link {
            contact: key,
            queue: contact.queue,
            channel: contact.channel,
            phase: LinkPhase::Reserved(until),
            wrap_up: agent.config.wrap_up.unwrap_or(queue.config.wrap_up),
            began: now,
        });
        contact.offers.push(to);
        if let Some(rank) = agent.rank_in(contact.queue) {
            queue.last_rank = rank;
            if queue.config.strategy == Strategy::Sequential {
                contact.extra().last_rank = Some(rank);
            }
        }
        let rings_on = queue.config.strategy == Strategy::RingAll;
        if let Strategy::RingProgressively(every) = queue.config.strategy {
            contact.extra().next_ring = now + every.max(core::time::Duration::from_millis(100));
        }
        let (contact_id, agent_id, queue_id) = (contact.id.clone(), agent.id.clone(), queue.id);
        let call_back = contact.is_call_back();
        // Its preferred agent rings alone; if he does not take it, it is for anybody.
        let for_him_alone = contact.phase != Phase::Waiting;
        contact.phase = Phase::Waiting;
        self.note_preferences(key, false);
        if rings_on && !for_him_alone {
            self.pool_in(key);
        } else {
            self.pool_out(key);
        }
        self.emit(Output::Offer {
            contact: contact_id,
            agent: agent_id,
            queue: queue_id,
            until,
            call_back,
        });
        self.arm_contact(key);
    }

    /// An agent's phone rings.
    ///
    /// # Errors
    ///
    /// [`ContactError::Agent`] unless he is being offered the contact.
    pub fn ringing(&mut self, now: Time, id: &C, agent: &A) -> Result<(), ContactError> {
        self.advance(now);
        let (key, by) = self.offered(id, agent)?;
        if let Some(link) = self.agents.get_mut(by).and_then(|agent| agent.link_mut(key))
            && let LinkPhase::Reserved(until) = link.phase
        {
            link.phase = LinkPhase::Ringing(until);
        }
        self.tell_state(by);
        Ok(())
    }

    /// An agent takes the contact. The first one does; all others stop ringing.
    ///
    /// # Errors
    ///
    /// [`ContactError`] unless he is being offered the contact; he is then to be hung up, since another one has it or nobody
    /// is on the line any more.
    pub fn accept(&mut self, now: Time, id: &C, agent: &A) -> Result<(), ContactError> {
        self.advance(now);
        let (key, by) = self.offered(id, agent)?;
        let at = self.now;
        if let Some(contact) = self.contacts.get_mut(key) {
            contact.offers.remove(by);
        }
        let others = self.line_out(key, Withdrawal::Taken);
        if let Some(taker) = self.agents.get_mut(by) {
            taker.unanswered = 0;
            if let Some(link) = taker.link_mut(key) {
                link.phase = LinkPhase::Talking(at);
                link.began = at;
            }
        }
        if let Some(contact) = self.contacts.get_mut(key) {
            contact.note_wait(at);
        }
        self.served_from_line(key);
        let call_back = self.contacts.get(key).is_some_and(Contact::is_call_back);
        if call_back {
            self.dial(key, by);
        } else {
            self.connect(key, by);
        }
        self.tell_state(by);
        self.arm_agent(by);
        self.arm_contact(key);
        for other in others {
            self.refresh_agent(other);
        }
        Ok(())
    }

    /// An agent has taken a contact out of the line: its wait is over.
    pub(crate) fn served_from_line(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        let expected = contact.extra.as_mut().and_then(|extra| extra.expected.take());
        let Some(queue) = self.queues.get_mut(contact.queue) else {
            return;
        };
        let (agents, others) = (queue.population.in_service(), queue.line.len() > 0);
        let wait = now - contact.joined;
        queue.expected.taken(now, agents, others, wait, expected);
    }

    fn dial(&mut self, key: ContactKey, by: AgentKey) {
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        contact.phase = Phase::Dialling(by);
        let extra = contact.extra();
        extra.attempts = extra.attempts.saturating_add(1);
        let attempt = extra.attempts;
        let (contact, agent) = (contact.id.clone(), self.agents.get(by).map(|agent| agent.id.clone()));
        if let Some(agent) = agent {
            self.emit(Output::CallBack {
                contact,
                agent,
                attempt,
            });
        }
    }

    /// They talk from now on.
    pub(crate) fn connect(&mut self, key: ContactKey, with: AgentKey) {
        let now = self.now;
        let (Some(contact), Some(agent)) = (self.contacts.get_mut(key), self.agents.get_mut(with)) else {
            return;
        };
        contact.since = now;
        contact.handled = true;
        contact.phase = Phase::Talking(with);
        if let Some(member) = agent
            .memberships
            .iter_mut()
            .find(|member| member.queue == contact.queue)
        {
            member.contacts = member.contacts.saturating_add(1);
        }
        if let Some(link) = agent.link_mut(key) {
            link.phase = LinkPhase::Talking(now);
        }
        let (customer, queue_key) = (contact.customer(), contact.queue);
        let (queue_id, channel) = (contact.queue_id, contact.channel);
        let output = Output::Connect {
            contact: contact.id.clone(),
            agent: agent.id.clone(),
        };
        self.emit(output);
        if let Some(customer) = customer {
            let entry = Entry {
                when: now,
                queue: queue_id,
                channel,
                agent: with,
            };
            self.customers.served(customer, entry, self.limits.customers);
            self.customers.remove_call_back(queue_key, customer, key);
        }
    }

    /// An agent does not take the contact. He gets nothing for the time that the queue says, and the contact is offered to
    /// somebody else or waits on in its place.
    ///
    /// # Errors
    ///
    /// [`ContactError::Agent`] unless he is being offered the contact.
    pub fn decline(&mut self, now: Time, id: &C, agent: &A, why: Decline) -> Result<(), ContactError> {
        self.advance(now);
        let (key, by) = self.offered(id, agent)?;
        self.declined(key, by, why);
        Ok(())
    }

    pub(crate) fn declined(&mut self, key: ContactKey, by: AgentKey, why: Decline) {
        let queue = self
            .contacts
            .get(key)
            .and_then(|contact| self.queues.get(contact.queue));
        let Some(config) = queue.map(|queue| &queue.config) else {
            return;
        };
        let (pause, reason) = match why {
            Decline::Rejected => (config.reject_pause, PauseReason::Rejected),
            Decline::Busy => (config.busy_pause, PauseReason::Busy),
            Decline::NotAnswered => (config.no_answer_pause, PauseReason::NotAnswered),
            Decline::Unreachable => (core::time::Duration::ZERO, PauseReason::Busy),
        };
        let most = config.max_no_answer;
        // Without any pause he would be offered the same again, for ever and in the same instant.
        let pause = pause.max(core::time::Duration::from_millis(1));
        let until = self.now + pause;
        if let Some(agent) = self.agents.get_mut(by) {
            agent.held = Some((until, reason));
            match why {
                Decline::Unreachable => {
                    agent.reachable = false;
                    agent.held = None;
                }
                Decline::NotAnswered => {
                    agent.unanswered = agent.unanswered.saturating_add(1);
                    if most > 0 && agent.unanswered >= most {
                        agent.paused = Some(PauseReason::LetRing);
                        agent.unanswered = 0;
                    }
                }
                Decline::Rejected | Decline::Busy => agent.unanswered = 0,
            }
        }
        self.unoffer(key, by);
        self.refresh_agent(by);
        self.look_on(key);
    }

    /// Takes an offer back.
    pub(crate) fn unoffer(&mut self, key: ContactKey, by: AgentKey) {
        if let Some(agent) = self.agents.get_mut(by) {
            let offered = |phase| matches!(phase, LinkPhase::Reserved(_) | LinkPhase::Ringing(_));
            agent.links.retain(|link| link.contact != key || !offered(link.phase));
        }
        if let Some(contact) = self.contacts.get_mut(key) {
            contact.offers.remove(by);
        }
    }

    /// An offer of this contact came to nothing.
    pub(crate) fn look_on(&mut self, key: ContactKey) {
        self.back_in_line(key);
        self.seek_agents(key);
        self.arm_contact(key);
    }

    /// If it rings nowhere any more, a contact waits again.
    pub(crate) fn back_in_line(&mut self, key: ContactKey) {
        if self.contacts.get(key).is_some_and(|contact| contact.offers.is_empty()) {
            self.note_preferences(key, true);
            self.restage(key);
            self.pool_in(key);
        }
    }

    /// What came of calling a customer back. If he was not reached, the agent is free again, and it is tried again later
    /// as often as the queue says.
    ///
    /// # Errors
    ///
    /// [`ContactError::State`] unless the customer is being called.
    pub fn called_back(&mut self, now: Time, id: &C, result: CalledBack) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        let contact = self.contacts.get_mut(key).ok_or(ContactError::Unknown)?;
        let Phase::Dialling(by) = contact.phase else {
            return Err(ContactError::State);
        };
        match result {
            CalledBack::Reached => {
                contact.extra().call_back = false;
                contact.note_wait(self.now);
                self.connect(key, by);
                self.arm_contact(key);
            }
            CalledBack::NotReached => {
                let tried = contact.extra().attempts;
                let rules = self
                    .queues
                    .get(contact.queue)
                    .map(|queue| queue.config.call_backs.clone());
                self.drop_link(key, by);
                // Without its queue there is nowhere to try again.
                let again = rules.filter(|rules| tried < rules.attempts);
                if again.is_none() {
                    self.end_contact(key, crate::Outcome::NotReached);
                } else if let (Some(rules), Some(contact)) = (again, self.contacts.get_mut(key)) {
                    contact.note_wait(self.now);
                    contact.phase = Phase::Later(self.now + rules.retry_after);
                    self.arm_contact(key);
                }
                self.refresh_agent(by);
            }
        }
        Ok(())
    }

    fn offered(&self, id: &C, agent: &A) -> Result<(ContactKey, AgentKey), ContactError> {
        let key = self.contact_key(id)?;
        let by = *self.agent_index.get(agent).ok_or(ContactError::Agent)?;
        let contact = self.contacts.get(key).ok_or(ContactError::Unknown)?;
        if !contact.offers.contains(&by) {
            return Err(ContactError::Agent);
        }
        Ok((key, by))
    }
}
