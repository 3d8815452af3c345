//! Contacts come in, move between queues and wait.

use core::cmp::Reverse;

use machine::Time;
use smallvec::SmallVec;

use crate::acd::{Acd, Id};
use crate::agent::AgentKey;
use crate::contact::{Arrival, CallBackTime, Contact, ContactKey, NEVER, Phase};
use crate::pool::PoolKey;
use crate::queue::QueueKey;
use crate::ringing::Ringing;
use crate::{ArriveError, ContactError, Limits, Outcome, Output, OverflowCause, QueueId, Skills, Target, Withdrawal};

/// Queues that one contact may overflow through at once.
const HOPS: usize = 8;

/// Queues that did not take a contact, each with why.
type Hops = SmallVec<[(QueueKey, OverflowCause); 2]>;

/// Where a contact is let in.
enum Admission {
    In(QueueKey),
    Out(OverflowCause, u32),
    Refused(OverflowCause),
}

impl<C: Id, A: Id> Acd<C, A> {
    /// A contact arrives. An agent who is ready for it is offered it in this step.
    ///
    /// If its queue does not take it now, it goes where the queue overflows to: to another queue, or out
    /// ([`Output::Overflow`], then [`Output::Ended`]).
    ///
    /// # Errors
    ///
    /// [`ArriveError`]; nothing has changed then, and the contact is not known.
    pub fn arrive(&mut self, now: Time, id: C, arrival: Arrival<A>) -> Result<(), ArriveError> {
        self.advance(now);
        if self.contact_index.contains_key(&id) {
            return Err(ArriveError::Known);
        }
        if arrival.needs.len() > Limits::SKILLS || arrival.preferred.len() > Limits::PREFERRED {
            return Err(ArriveError::TooMany);
        }
        if self.contacts.len() >= self.limits.contacts {
            return Err(ArriveError::Full);
        }
        let asked = *self
            .queue_index
            .get(&arrival.queue)
            .ok_or(ArriveError::UnknownQueue(arrival.queue))?;
        let (hops, admission) = self.admit(asked, arrival.call_back.is_some());
        match admission {
            Admission::Refused(last) => {
                let cause = hops.first().map_or(last, |(_, cause)| *cause);
                return Err(ArriveError::Refused(cause));
            }
            Admission::In(queue) => {
                if self.pool_for(queue, arrival.channel, &arrival.needs).is_none() {
                    return Err(ArriveError::Full);
                }
                self.tell_hops(&id, &hops, Some(queue));
                self.take_in(id, queue, arrival);
            }
            Admission::Out(cause, to) => {
                self.tell_hops(&id, &hops, None);
                let last = hops.last().and_then(|(last, _)| self.queues.get(*last));
                let queue = last.map_or(arrival.queue, |queue| queue.id);
                self.emit(Output::Ended {
                    contact: id,
                    queue,
                    outcome: Outcome::Overflowed(cause, to),
                    agent: None,
                    waited: core::time::Duration::ZERO,
                    talked: core::time::Duration::ZERO,
                });
            }
        }
        self.settle();
        Ok(())
    }

    /// Follows overflows until somebody takes the contact. The queues on the way, each with why it does not, and what came of it.
    fn admit(&self, asked: QueueKey, call_back: bool) -> (Hops, Admission) {
        let mut way = Hops::new();
        let mut at = asked;
        loop {
            match self.refusal(at, call_back) {
                None => return (way, Admission::In(at)),
                Some(cause) => match self.next_hop(&mut way, at, cause) {
                    Ok(next) => at = next,
                    Err(end) => return (way, end),
                },
            }
        }
    }

    /// Where a contact goes that `from` does not take or keep: another queue, or the end of its way.
    fn next_hop(&self, way: &mut Hops, from: QueueKey, cause: OverflowCause) -> Result<QueueKey, Admission> {
        let Some(queue) = self.queues.get(from) else {
            return Err(Admission::Refused(cause));
        };
        way.push((from, cause));
        match queue.config.target(cause) {
            Some(Target::Elsewhere(to)) => Err(Admission::Out(cause, to)),
            Some(Target::Queue(next)) => match self.queue_index.get(&next) {
                Some(next) if way.len() < HOPS && way.iter().all(|(been, _)| been != next) => Ok(*next),
                Some(_) | None => Err(Admission::Refused(cause)),
            },
            None => Err(Admission::Refused(cause)),
        }
    }

    /// Moves a contact that its queue does not keep to where that overflows to, or ends it.
    pub(crate) fn overflow(&mut self, key: ContactKey, cause: OverflowCause) {
        let Some(contact) = self.contacts.get(key) else { return };
        let (id, from, call_back) = (contact.id.clone(), contact.queue, contact.is_call_back());
        let mut way = Hops::new();
        let end = match self.next_hop(&mut way, from, cause) {
            Err(end) => end,
            Ok(next) => {
                let (rest, end) = self.admit(next, call_back);
                way.extend(rest);
                end
            }
        };
        match end {
            Admission::In(to) => {
                self.tell_hops(&id, &way, Some(to));
                if self.move_to(key, to, None).is_err() {
                    self.end_contact(key, Outcome::Dismissed(cause));
                }
            }
            Admission::Out(_, place) => {
                self.tell_hops(&id, &way, None);
                self.end_contact(key, Outcome::Overflowed(cause, place));
            }
            Admission::Refused(_) => self.end_contact(key, Outcome::Dismissed(cause)),
        }
    }

    /// Why a queue does not let anybody in now.
    fn refusal(&self, key: QueueKey, call_back: bool) -> Option<OverflowCause> {
        let queue = self.queues.get(key)?;
        let config = &queue.config;
        if !queue.open && !call_back {
            return Some(OverflowCause::Closed);
        }
        let waiting = queue.line.len();
        if config.max_waiting.is_some_and(|max| waiting >= max) {
            return Some(OverflowCause::Full);
        }
        if config
            .join_needs
            .is_some_and(|needed| !queue.population.satisfies(needed))
            && !call_back
        {
            return Some(OverflowCause::NobodyThere);
        }
        let expected = || queue.expected.wait(waiting + 1, queue.population.in_service());
        let too_long = config
            .max_expected_wait
            .is_some_and(|max| queue.population.ready == 0 && expected().is_some_and(|wait| wait > max));
        too_long.then_some(OverflowCause::ExpectedWait)
    }

    /// Tells of each queue that a contact goes through, and where it came `to` in the end; elsewhere if that is none.
    fn tell_hops(&mut self, id: &C, way: &[(QueueKey, OverflowCause)], to: Option<QueueKey>) {
        for (at, (from, cause)) in way.iter().enumerate() {
            let next = way.get(at + 1).map(|(next, _)| *next).or(to);
            let Some(queue) = self.queues.get(*from) else { continue };
            let to = match next.and_then(|next| self.queues.get(next)) {
                Some(next) => Target::Queue(next.id),
                None => match queue.config.target(*cause) {
                    Some(target) => target,
                    None => continue,
                },
            };
            let (contact, from, cause) = (id.clone(), queue.id, *cause);
            self.emit(Output::Overflow {
                contact,
                from,
                to,
                cause,
            });
        }
    }

    fn take_in(&mut self, id: C, queue: QueueKey, arrival: Arrival<A>) {
        let now = self.now;
        let Some(pool) = self.pool_for(queue, arrival.channel, &arrival.needs) else {
            return;
        };
        self.enter_pool(pool);
        self.arrivals += 1;
        let Some(of) = self.queues.get(queue) else { return };
        let order = of.order_key(arrival.priority, now, self.arrivals);
        let mut contact = Contact::new(id.clone(), (queue, of.id), &arrival, order, pool, now);
        let preferred = self.preferred_agents(&arrival, queue);
        if !preferred.is_empty() {
            contact.extra().preferred = preferred;
        }
        if let Some(when) = arrival.call_back {
            contact.be_call_back(when, now);
        }
        let contact = self.contacts.insert(contact);
        self.contact_index.insert(id, contact);
        let freed = self.meet_call_back(contact);
        self.stand_in_line(contact);
        // Whoever comes free takes the first in line.
        freed.into_iter().for_each(|agent| self.refresh_agent(agent));
        self.seek_agents(contact);
        self.arm_contact(contact);
    }

    /// One user more.
    pub(crate) fn enter_pool(&mut self, pool: PoolKey) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.users += 1;
        }
    }

    /// One user less. A pool is kept for the next contact with the same needs, unless its queue is gone.
    pub(crate) fn leave_pool(&mut self, key: PoolKey) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        pool.users = pool.users.saturating_sub(1);
        if pool.users == 0 && !self.queues.contains_key(pool.queue) {
            self.drop_pool(key);
        }
    }

    /// Whom a contact prefers: those it names, then who served its customer last.
    fn preferred_agents(&self, arrival: &Arrival<A>, queue: QueueKey) -> Vec<(AgentKey, u8)> {
        let known = |(agent, score): &(A, u8)| Some((*self.agent_index.get(agent)?, *score));
        let mut preferred: Vec<(AgentKey, u8)> = arrival.preferred.iter().filter_map(known).collect();
        preferred.sort_by_key(|(agent, score)| (*agent, Reverse(*score)));
        preferred.dedup_by_key(|(agent, _)| *agent);
        preferred.sort_by_key(|(_, score)| Reverse(*score));
        let sticky = self
            .queues
            .get(queue)
            .map_or(core::time::Duration::ZERO, |queue| queue.config.sticky);
        if let Some((last, when)) = arrival.customer.and_then(|customer| self.customers.last(customer))
            && sticky > core::time::Duration::ZERO
            && self.now - when <= sticky
            && preferred.iter().all(|(agent, _)| *agent != last)
        {
            preferred.push((last, 0));
        }
        preferred
    }

    /// A customer who calls while his call-back waits takes over its place; his own call-back is noted. Gives the agents who may be
    /// free now.
    fn meet_call_back(&mut self, key: ContactKey) -> SmallVec<[AgentKey; 1]> {
        let mut freed = SmallVec::new();
        let Some(contact) = self.contacts.get(key) else {
            return freed;
        };
        let (queue, Some(customer)) = (contact.queue, contact.customer()) else {
            return freed;
        };
        let is_call_back = contact.is_call_back();
        let merge = self
            .queues
            .get(queue)
            .is_some_and(|queue| queue.config.call_backs.merge);
        let before = self
            .customers
            .call_back(queue, customer)
            .filter(|other| merge && *other != key);
        if let Some(before) = before
            && let Some(old) = self.contacts.get(before)
            && !matches!(old.phase, Phase::Talking(_))
        {
            let (place, since, came) = (old.key, old.joined, old.arrival);
            freed = self.remove_contact(before, Outcome::Superseded);
            if let Some(contact) = self.contacts.get_mut(key) {
                contact.key = place.min(contact.key);
                (contact.joined, contact.arrival) = (since, came);
            }
        }
        if is_call_back {
            self.customers.add_call_back(queue, customer, key);
        }
        freed
    }

    /// Puts a contact in its queue's line.
    pub(crate) fn stand_in_line(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        if matches!(contact.phase, Phase::Later(_)) {
            return;
        }
        let Some(queue) = self.queues.get_mut(contact.queue) else {
            return;
        };
        let listens = !contact.is_call_back();
        if !listens && !queue.open {
            contact.phase = Phase::Later(NEVER);
            return;
        }
        queue.line.insert(contact.key, key);
        queue.listening += usize::from(listens);
        contact.stage = queue.stage(now - contact.joined);
        let told = &queue.config.announcements;
        if let Some(extra) = &mut contact.extra {
            (extra.next_position, extra.next_message) = (NEVER, NEVER);
        }
        if let Some(first) = told.first.filter(|_| listens) {
            let extra = contact.extra();
            extra.next_position = now + first;
            if extra.expected.is_none() {
                extra.expected = queue.expected.wait(queue.line.len(), queue.population.in_service());
            }
        }
        if listens && !told.messages.is_empty() && !told.message_every.is_zero() {
            contact.extra().next_message = now + told.message_every;
        }
        let wait = queue.config.preferred_wait;
        contact.phase = Phase::Waiting;
        if !wait.is_zero() && self.prefers_somebody(key) {
            let Some(contact) = self.contacts.get_mut(key) else {
                return;
            };
            contact.phase = Phase::Preferred(now + wait);
        }
        self.note_preferences(key, true);
        self.restage(key);
        self.pool_in(key);
    }

    /// Whether any of the agents whom a contact prefers is at work in its queue.
    fn prefers_somebody(&self, key: ContactKey) -> bool {
        let Some(contact) = self.contacts.get(key) else {
            return false;
        };
        let Some(extra) = &contact.extra else { return false };
        extra.preferred.iter().any(|(agent, _)| {
            let agent = self.agents.get(*agent);
            agent.is_some_and(|agent| agent.signed_on.is_some() && agent.serves(contact.queue))
        })
    }

    /// Notes with the agents whom a contact prefers that it wants them, or does not for now.
    pub(crate) fn note_preferences(&mut self, key: ContactKey, wants: bool) {
        let Some(contact) = self.contacts.get(key) else { return };
        let Some(extra) = &contact.extra else { return };
        let at = (contact.channel, contact.key);
        for (agent, _) in &extra.preferred {
            let Some(agent) = self.agents.get_mut(*agent) else {
                continue;
            };
            if !wants {
                agent.preferred_by.remove(&at);
            } else if agent.serves(contact.queue) {
                agent.preferred_by.insert(at, key);
            }
        }
    }

    /// Takes a contact out of its queue's line; offers are withdrawn.
    pub(crate) fn line_out(&mut self, key: ContactKey, cause: Withdrawal) -> SmallVec<[AgentKey; 1]> {
        self.pool_out(key);
        self.note_preferences(key, false);
        let Some(contact) = self.contacts.get_mut(key) else {
            return SmallVec::new();
        };
        let listens = !contact.is_call_back();
        if let Some(queue) = self.queues.get_mut(contact.queue)
            && queue.line.remove(contact.key)
        {
            queue.listening = queue.listening.saturating_sub(usize::from(listens));
            if queue.line.len() == 0 {
                queue.expected.idle();
            }
        }
        if let Some(extra) = &mut contact.extra {
            (extra.next_ring, extra.last_rank) = (NEVER, None);
        }
        let offers: SmallVec<[AgentKey; 1]> = SmallVec::from_slice(&contact.offers);
        contact.offers = Ringing::Nobody;
        let id = contact.id.clone();
        for agent in &offers {
            if let Some(agent) = self.agents.get_mut(*agent) {
                agent.drop_link(key);
                let agent = agent.id.clone();
                self.emit(Output::Withdraw {
                    contact: id.clone(),
                    agent,
                    cause,
                });
            }
        }
        offers
    }

    /// Moves a contact to a queue. It keeps its arrival, and its priority unless another is given; the agent who has it goes on
    /// to wrap-up, and agents who ring for it stop.
    ///
    /// # Errors
    ///
    /// [`ContactError`]; nothing has changed then.
    pub fn transfer(&mut self, now: Time, id: &C, to: QueueId, priority: Option<i16>) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        let queue = *self.queue_index.get(&to).ok_or(ContactError::UnknownQueue(to))?;
        self.move_to(key, queue, priority)
    }

    pub(crate) fn move_to(&mut self, key: ContactKey, to: QueueKey, priority: Option<i16>) -> Result<(), ContactError> {
        let contact = self.contacts.get(key).ok_or(ContactError::Unknown)?;
        let (channel, needs) = (contact.channel, self.needs_of(key));
        let home = self.pool_for(to, channel, &needs).ok_or(ContactError::Full)?;
        self.note_talk(key);
        let freed = self.take_out(key, Withdrawal::Gone);
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return Err(ContactError::Unknown);
        };
        contact.priority = priority.unwrap_or(contact.priority);
        contact.queue = to;
        contact.queue_id = self.queues.get(to).map_or(contact.queue_id, |queue| queue.id);
        contact.joined = now;
        contact.since = now;
        contact.phase = Phase::Waiting;
        contact.ring = 0;
        contact.key = self.queues.get(to).map_or(contact.key, |queue| {
            queue.order_key(contact.priority, contact.arrival, contact.key.number())
        });
        let before = core::mem::replace(&mut contact.pool, home);
        let inner = contact.extra.as_mut().and_then(|extra| extra.home.take());
        [Some(before), inner]
            .into_iter()
            .flatten()
            .for_each(|pool| self.leave_pool(pool));
        self.enter_pool(home);
        self.stand_in_line(key);
        // Whoever comes free by this takes the first in line, which may be another one.
        freed.into_iter().for_each(|agent| self.refresh_agent(agent));
        self.seek_agents(key);
        self.arm_contact(key);
        Ok(())
    }

    /// What a contact needed at first.
    pub(crate) fn needs_of(&self, key: ContactKey) -> Skills {
        let home = self
            .contacts
            .get(key)
            .and_then(|contact| self.pools.get(contact.home()));
        home.map_or_else(Skills::new, |home| home.needs.clone())
    }

    pub(crate) fn contact_key(&self, id: &C) -> Result<ContactKey, ContactError> {
        self.contact_index.get(id).copied().ok_or(ContactError::Unknown)
    }

    /// Nobody is on the line any more: the contact keeps its place, and its customer is called back. Whoever rings for it stops;
    /// agents who are ready are then offered a call-back.
    ///
    /// # Errors
    ///
    /// [`ContactError::State`] unless it waits for an agent.
    pub fn keep_place(&mut self, now: Time, id: &C, when: CallBackTime) -> Result<(), ContactError> {
        self.advance(now);
        let key = self.contact_key(id)?;
        if !self.note_call_back(key, when, false) {
            return Err(ContactError::State);
        }
        Ok(())
    }

    /// A contact in line becomes a call-back in its place; whether it was in line.
    pub(crate) fn note_call_back(&mut self, key: ContactKey, when: CallBackTime, abandoned: bool) -> bool {
        let now = self.now;
        let Some(contact) = self.contacts.get(key) else {
            return false;
        };
        if !contact.in_line() || contact.is_call_back() {
            return false;
        }
        let (queue, customer, id) = (contact.queue, contact.customer(), contact.id.clone());
        let freed = self.line_out(key, Withdrawal::Gone);
        if let Some(customer) = customer {
            self.customers.add_call_back(queue, customer, key);
        }
        if let Some(contact) = self.contacts.get_mut(key) {
            contact.be_call_back(when, now);
        }
        self.emit(Output::CallBackNoted { contact: id, abandoned });
        self.stand_in_line(key);
        freed.into_iter().for_each(|agent| self.refresh_agent(agent));
        self.seek_agents(key);
        self.arm_contact(key);
        self.settle();
        true
    }
}
