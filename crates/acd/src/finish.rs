//! Contacts end, and agents finish what they left.

use core::time::Duration;

use machine::Time;
use smallvec::SmallVec;

use crate::acd::{Acd, Due, Id, arm};
use crate::agent::{AgentKey, LinkPhase};
use crate::arrive::leave_pool;
use crate::contact::{ContactKey, Phase};
use crate::{AgentError, ContactError, Outcome, Output, OverflowCause, Target, Withdrawal, WrapUp};

impl<C: Id, A: Id> Acd<C, A> {
    /// A contact is over: the caller hung up, or the talk ended, whoever ended it.
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
                if contact.talked.is_zero() {
                    Outcome::Abandoned
                } else {
                    Outcome::Handled
                }
            }
        };
        self.end_contact(key, outcome);
        Ok(())
    }

    /// The last of a contact.
    pub(crate) fn end_contact(&mut self, key: ContactKey, outcome: Outcome) {
        let freed = self.remove_contact(key, outcome);
        freed.into_iter().for_each(|agent| self.refresh_agent(agent));
    }

    /// The last of a contact; gives the agents who may be free now.
    pub(crate) fn remove_contact(&mut self, key: ContactKey, outcome: Outcome) -> SmallVec<[AgentKey; 1]> {
        let agent = self.contacts.get(key).and_then(|contact| match contact.phase {
            Phase::Talking(with) => self.agents.get(with).map(|agent| agent.id.clone()),
            Phase::Preferred(_) | Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) => None,
        });
        let freed = self.take_out(key, Withdrawal::Gone);
        let Some(mut contact) = self.contacts.remove(key) else {
            return freed;
        };
        arm(&mut self.timers, Due::Contact(key), &mut contact.alarm, None);
        self.contact_index.remove(&contact.id);
        leave_pool(&mut self.pools, contact.home);
        leave_pool(&mut self.pools, contact.pool);
        if let Some(customer) = contact.customer {
            self.customers.remove_call_back(contact.queue, customer, key);
        }
        self.emit(Output::Ended {
            contact: contact.id,
            queue: contact.queue_id,
            outcome,
            agent,
            waited: contact.waited,
            talked: contact.talked,
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
                contact.waited += now - contact.since;
                self.line_out(key, cause)
            }
            Phase::Later(_) => {
                contact.waited += now - contact.since;
                SmallVec::new()
            }
            Phase::Dialling(by) => {
                contact.waited += now - contact.since;
                self.drop_link(key, by);
                SmallVec::from_slice(&[by])
            }
            Phase::Talking(with) => {
                let talk = now - contact.since;
                contact.talked += talk;
                self.finish_link(key, with, talk);
                SmallVec::from_slice(&[with])
            }
        }
    }

    /// The agent of a talk that is over goes on to wrap-up.
    fn finish_link(&mut self, key: ContactKey, with: AgentKey, talk: Duration) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(with) else { return };
        agent.talk += talk;
        let Some(link) = agent.link_mut(key) else { return };
        let queue = link.queue;
        let wrap_up = match link.wrap_up {
            WrapUp::None => None,
            WrapUp::Fixed(time) | WrapUp::Capped(time) => (!time.is_zero()).then(|| Some(now + time)),
            WrapUp::Open => Some(None),
        };
        match wrap_up {
            Some(until) => link.phase = LinkPhase::WrapUp(until),
            None => agent.drop_link(key),
        }
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
        let before = agent.links.len();
        agent
            .links
            .retain(|link| !matches!(link.phase, LinkPhase::WrapUp(_)) || matches!(link.wrap_up, WrapUp::Fixed(_)));
        if agent.links.len() == before {
            return Err(AgentError::State);
        }
        self.refresh_agent(key);
        Ok(())
    }

    /// Moves a contact to where its queue overflows to, or ends it.
    pub(crate) fn overflow(&mut self, key: ContactKey, cause: OverflowCause) {
        let Some(contact) = self.contacts.get(key) else { return };
        let Some(queue) = self.queues.get(contact.queue) else {
            return;
        };
        let (from, id) = (queue.id, contact.id.clone());
        match queue.config.overflow {
            Some(to @ Target::Elsewhere(place)) => {
                self.emit(Output::Overflow {
                    contact: id,
                    from,
                    to,
                    cause,
                });
                self.end_contact(key, Outcome::Overflowed(cause, place));
            }
            Some(to @ Target::Queue(next)) => {
                let next = self
                    .queue_index
                    .get(&next)
                    .copied()
                    .filter(|next| *next != contact.queue);
                match next {
                    Some(next) => {
                        self.emit(Output::Overflow {
                            contact: id,
                            from,
                            to,
                            cause,
                        });
                        if self.move_to(key, next, None).is_err() {
                            self.end_contact(key, Outcome::Dismissed(cause));
                        }
                    }
                    None => self.end_contact(key, Outcome::Dismissed(cause)),
                }
            }
            None => self.end_contact(key, Outcome::Dismissed(cause)),
        }
    }

    /// When a contact must be looked at.
    pub(crate) fn contact_deadline(&self, key: ContactKey) -> Option<Time> {
        let contact = self.contacts.get(key)?;
        if let Phase::Later(at) = contact.phase {
            return Some(contact.expires().map_or(at, |expires| at.min(expires)));
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
            .config
            .max_wait
            .filter(|_| contact.offers.is_empty())
            .map(|wait| contact.joined + wait);
        let expires = contact.expires().filter(|_| contact.offers.is_empty());
        let preferred = match contact.phase {
            Phase::Preferred(until) => Some(until),
            Phase::Waiting | Phase::Later(_) | Phase::Dialling(_) | Phase::Talking(_) => None,
        };
        let extra = contact.extra.as_ref();
        let ring_one_more = extra
            .and_then(|extra| extra.next_ring)
            .filter(|_| !contact.offers.is_empty());
        let (position, message) = extra.map_or((None, None), |extra| (extra.next_position, extra.next_message));
        [stage, ring, most, expires, preferred, ring_one_more, position, message]
            .into_iter()
            .flatten()
            .min()
    }
}
