//! Contacts end, and agents finish what they left.

use core::time::Duration;

use machine::Time;
use smallvec::SmallVec;

use crate::acd::{Acd, Due, Id, arm};
use crate::agent::{AgentKey, LinkPhase, note_work};
use crate::contact::{Contact, ContactKey, NEVER, Phase, nanos};
use crate::{AgentError, CallBackTime, ContactError, Outcome, Output, Withdrawal, WrapUp};

impl<C: Id, A: Id> Acd<C, A> {
    /// A contact is over: the caller hung up, or the talk ended, whoever ended it.
    ///
    /// Where [`CallBacks::abandoned`](crate::CallBacks::abandoned) says so, a caller who hangs up while he waits is called back:
    /// [`Output::CallBackNoted`] tells that his contact has not ended.
    ///
    /// # Errors
    ///
    /// [`ContactError::Unknown`] if it is over already.
    pub fn end(&mut self, now: Time, id: &C) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        let contact = self.contacts.get(key).ok_or(ContactError::Unknown)?;
        let outcome = match contact.phase {
            Phase::Talking(_) => Outcome::Handled,
            Phase::Preferred(_) | Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) => {
                if contact.handled {
                    Outcome::Handled
                } else {
                    Outcome::Abandoned
                }
            }
        };
        if outcome == Outcome::Abandoned && self.call_back_abandoned(key) {
            return Ok(());
        }
        self.end_contact(key, outcome);
        self.settle();
        Ok(())
    }

    /// Whether a caller who hung up is called back; notes it.
    fn call_back_abandoned(&mut self, key: ContactKey) -> bool {
        let Some(contact) = self.contacts.get(key) else {
            return false;
        };
        let rule = self
            .queues
            .get(contact.queue)
            .and_then(|queue| queue.config.call_backs.abandoned);
        let Some(rule) = rule.filter(|rule| self.now - contact.arrival >= rule.min_wait) else {
            return false;
        };
        let from = self.now + rule.delay;
        contact.customer().is_some()
            && self.note_call_back(key, CallBackTime::Between(from, self.now + rule.within), true)
    }

    /// The last of a contact.
    pub(crate) fn end_contact(&mut self, key: ContactKey, outcome: Outcome) {
        let freed = self.remove_contact(key, outcome);
        freed.into_iter().for_each(|agent| self.refresh_agent(agent));
    }

    /// The last of a contact; gives the agents who may be free now.
    pub(crate) fn remove_contact(&mut self, key: ContactKey, outcome: Outcome) -> SmallVec<[AgentKey; 1]> {
        let talks_with = self.contacts.get(key).and_then(Contact::talks_with);
        let agent = talks_with
            .and_then(|with| self.agents.get(with))
            .map(|agent| agent.id.clone());
        let talk = self
            .contacts
            .get(key)
            .filter(|_| talks_with.is_some())
            .map_or(0, |contact| nanos(self.now - contact.since));
        let freed = self.take_out(key, Withdrawal::Gone);
        let Some(mut contact) = self.contacts.remove(key) else {
            return freed;
        };
        arm(&mut self.timers, Due::Contact(key), &mut contact.alarm, None);
        self.contact_index.remove(&contact.id);
        self.leave_pool(contact.pool);
        let extra = contact.extra.as_ref();
        if let Some(home) = extra.and_then(|extra| extra.home) {
            self.leave_pool(home);
        }
        if let Some(customer) = contact.customer() {
            self.customers.remove_call_back(contact.queue, customer, key);
        }
        self.emit(Output::Ended {
            contact: contact.id,
            queue: contact.queue_id,
            outcome,
            agent,
            waited: Duration::from_nanos(contact.waited),
            talked: Duration::from_nanos(contact.extra.map_or(0, |extra| extra.talked).saturating_add(talk)),
        });
        freed
    }

    /// Takes a contact from where it is: out of the line, or from its agent, who goes on to wrap-up. Gives the agents who
    /// may be free now.
    pub(crate) fn take_out(&mut self, key: ContactKey, cause: Withdrawal) -> SmallVec<[AgentKey; 1]> {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return SmallVec::new();
        };
        match contact.phase {
            Phase::Preferred(_) | Phase::Waiting => {
                contact.note_wait(now);
                self.line_out(key, cause)
            }
            Phase::Later(_) => {
                contact.note_wait(now);
                SmallVec::new()
            }
            Phase::Dialling(by) => {
                contact.note_wait(now);
                self.drop_link(key, by);
                SmallVec::from_slice(&[by])
            }
            Phase::Talking(with) => {
                self.finish_link(key, with, true);
                SmallVec::from_slice(&[with])
            }
        }
    }

    /// If an agent has it, he has had it until now.
    pub(crate) fn note_talk(&mut self, key: ContactKey) {
        let now = self.now;
        if let Some(contact) = self.contacts.get_mut(key)
            && contact.talks_with().is_some()
        {
            let talk = nanos(now - contact.since);
            contact.since = now;
            let extra = contact.extra();
            extra.talked = extra.talked.saturating_add(talk);
        }
    }

    /// The agent of a talk that is over goes on to wrap-up, if it `earns` him one.
    pub(crate) fn finish_link(&mut self, key: ContactKey, with: AgentKey, earns: bool) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(with) else { return };
        let Some(link) = agent.link_mut(key) else { return };
        let talk = match link.phase {
            LinkPhase::Talking(since) => now - since,
            LinkPhase::Reserved(_) | LinkPhase::Ringing(_) | LinkPhase::WrapUp(_) => Duration::ZERO,
        };
        let queue = link.queue;
        let wrap_up = match link.wrap_up {
            _ if !earns => None,
            WrapUp::None => None,
            WrapUp::Fixed(time) | WrapUp::Capped(time) => (!time.is_zero()).then(|| Some(now + time)),
            WrapUp::Open => Some(None),
        };
        match wrap_up {
            Some(until) => link.phase = LinkPhase::WrapUp(until),
            None => {
                let link = link.clone();
                note_work(&mut agent.memberships, &link, now);
                agent.drop_link(key);
            }
        }
        agent.talk += talk;
        if let Some(member) = agent.memberships.iter_mut().find(|member| member.queue == queue) {
            member.last = Some(now);
        }
    }

    /// An agent is through with a contact that he never talked to.
    pub(crate) fn drop_link(&mut self, key: ContactKey, by: AgentKey) {
        if let Some(agent) = self.agents.get_mut(by) {
            agent.drop_link(key);
        }
    }

    /// An agent is done with his wrap-up (all of it, if it is of several contacts).
    ///
    /// # Errors
    ///
    /// [`AgentError::State`] unless he is in wrap-up that he may end: not if its time is fixed.
    pub fn wrap_up_done(&mut self, now: Time, agent: &A) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(agent)?;
        let agent = self.agents.get_mut(key).ok_or(AgentError::Unknown)?;
        let now = self.now;
        if !agent.end_wrap_up(now, |link, _| !matches!(link.wrap_up, WrapUp::Fixed(_))) {
            return Err(AgentError::State);
        }
        self.refresh_agent(key);
        Ok(())
    }

    /// When a contact must be looked at.
    pub(crate) fn contact_deadline(&self, key: ContactKey) -> Option<Time> {
        let contact = self.contacts.get(key)?;
        if let Phase::Later(at) = contact.phase {
            let expires = contact.expires().unwrap_or(NEVER);
            return Some(at.min(expires));
        }
        if !contact.in_line() {
            return None;
        }
        let config = &self.queues.get(contact.queue)?;
        let stage = config
            .opens
            .get(usize::from(contact.stage) + 1)
            .map(|wait| contact.joined + *wait);
        let ring = config
            .config
            .rings
            .get(usize::from(contact.ring))
            .map(|ring| contact.joined + ring.after);
        let most = config
            .max_wait(contact.is_call_back())
            .filter(|_| contact.offers.is_empty())
            .map(|wait| contact.joined + wait);
        let expires = contact.expires().filter(|_| contact.offers.is_empty());
        let preferred = match contact.phase {
            Phase::Preferred(until) => Some(until),
            Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) | Phase::Talking(_) => None,
        };
        let extra = contact.extra.as_ref();
        let due = |at: Time| (at != NEVER).then_some(at);
        let ring_one_more = extra
            .and_then(|extra| due(extra.next_ring))
            .filter(|_| !contact.offers.is_empty());
        let (position, message) = extra.map_or((None, None), |extra| {
            (due(extra.next_position), due(extra.next_message))
        });
        [stage, ring, most, expires, preferred, ring_one_more, position, message]
            .into_iter()
            .flatten()
            .min()
    }
}
