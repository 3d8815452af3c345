//! Queues and agents come, change and go while contacts wait.

use std::collections::BTreeSet;

use machine::Time;

use crate::acd::{Acd, Due, Id, arm};
use crate::agent::{Agent, AgentKey, Member};
use crate::contact::{Contact, ContactKey, NEVER, Phase};
use crate::matching::NO_STAGE;
use crate::positions::OrderKey;
use crate::queue::{Queue, QueueKey};
use crate::strategy::Rank;
use crate::{AgentConfig, AgentError, Limits, OverflowCause, QueueConfig, QueueError, QueueId, Withdrawal};

impl<C: Id, A: Id> Acd<C, A> {
    /// Makes a queue, or changes its rules. Contacts that wait keep their order, as far as the new rules order them as the
    /// old ones did; offers that are under way go on.
    ///
    /// # Errors
    ///
    /// [`QueueError::Full`]: too many queues or rings, or more than 250 different waits.
    pub fn set_queue(&mut self, now: Time, id: QueueId, config: QueueConfig) -> Result<(), QueueError> {
        self.advance(now);
        if config.rings.len() > Limits::RINGS
            || config.overflow_for.len() > Limits::RULES
            || config.tiers.len() + config.penalties.len() > 250
        {
            return Err(QueueError::Full);
        }
        if let Some(key) = self.queue_index.get(&id).copied() {
            self.change_queue(key, config);
        } else {
            if self.queues.len() >= self.limits.queues {
                return Err(QueueError::Full);
            }
            let key = self.queues.insert(Queue::new(id, config));
            self.queue_index.insert(id, key);
            // Agents may have been given a place in it before it was there.
            let members: Vec<AgentKey> = self
                .agents
                .iter()
                .filter(|(_, agent)| agent.wants(id))
                .map(|(key, _)| key)
                .collect();
            for agent in members {
                self.enrol(agent);
            }
        }
        self.settle();
        Ok(())
    }

    fn change_queue(&mut self, key: QueueKey, config: QueueConfig) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        queue.config = config;
        let members = queue.members.clone();
        let in_line: Vec<ContactKey> = queue.line.iter().collect();
        for agent in &members {
            self.unlist(*agent);
        }
        for contact in &in_line {
            self.reorder(*contact);
        }
        self.restage_queue(key);
        self.unsettled.insert(key);
    }

    /// Gives a contact in line the place that its queue's rules say.
    fn reorder(&mut self, key: ContactKey) {
        self.pool_out(key);
        self.note_preferences(key, false);
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(contact.queue) else {
            return;
        };
        let after = queue.order_key(contact.priority, contact.arrival, contact.key.number());
        queue.line.remove(contact.key);
        queue.line.insert(after, key);
        contact.key = after;
        let rings = !contact.offers.is_empty();
        // One that rings wants more agents only where all are rung.
        if !rings || queue.config.strategy == crate::Strategy::RingAll {
            self.pool_in(key);
        }
        if !rings {
            self.note_preferences(key, true);
        }
    }

    /// Removes a queue. Those who wait go where it overflows to; talks go on.
    ///
    /// # Errors
    ///
    /// [`QueueError::Unknown`].
    pub fn remove_queue(&mut self, now: Time, id: QueueId) -> Result<(), QueueError> {
        self.advance(now);
        let key = self.queue_index.remove(&id).ok_or(QueueError::Unknown)?;
        let contacts: Vec<ContactKey> = self
            .contacts
            .iter()
            .filter(|(_, contact)| contact.queue == key && !contact.has_agent())
            .map(|(key, _)| key)
            .collect();
        for contact in contacts {
            self.overflow(contact, OverflowCause::Removed);
        }
        let Some(queue) = self.queues.remove(key) else {
            return Ok(());
        };
        for agent in &queue.members {
            self.unlist(*agent);
            if let Some(agent) = self.agents.get_mut(*agent) {
                // His place stays in his configuration: the queue may come back.
                agent
                    .pools
                    .retain(|fit| !queue.pools.values().any(|pool| *pool == fit.pool));
            }
        }
        for pool in queue.pools.values() {
            // Talks go on, and what their contacts need is known by their pool.
            if self.pools.get(*pool).is_some_and(|pool| pool.users == 0) {
                self.drop_pool(*pool);
            }
        }
        for agent in queue.members {
            self.enrol(agent);
        }
        self.settle();
        Ok(())
    }

    /// Opens or closes a queue: the embedder knows the calendar, with its working hours, holidays and summer time. A closed one lets nobody
    /// in; whether those who wait may stay, [`QueueConfig::keep_when_closed`] says. Customers are called back when it opens again.
    ///
    /// # Errors
    ///
    /// [`QueueError::Unknown`].
    pub fn set_open(&mut self, now: Time, id: QueueId, open: bool) -> Result<(), QueueError> {
        self.advance(now);
        let key = *self.queue_index.get(&id).ok_or(QueueError::Unknown)?;
        let queue = self.queues.get_mut(key).ok_or(QueueError::Unknown)?;
        if core::mem::replace(&mut queue.open, open) == open {
            return Ok(());
        }
        if open {
            self.opened(key);
        } else {
            self.closed(key);
        }
        self.settle();
        Ok(())
    }

    /// Call-backs that waited for the opening are in line now.
    fn opened(&mut self, key: QueueKey) {
        let waited = |contact: &Contact<C>| contact.queue == key && contact.phase == Phase::Later(NEVER);
        let mut contacts: Vec<(OrderKey, ContactKey)> = self
            .contacts
            .iter()
            .filter(|(_, contact)| waited(contact))
            .map(|(key, contact)| (contact.key, key))
            .collect();
        contacts.sort_unstable();
        for (_, contact) in &contacts {
            if let Some(contact) = self.contacts.get_mut(*contact) {
                contact.phase = Phase::Waiting;
            }
            self.stand_in_line(*contact);
        }
        for (_, contact) in contacts {
            self.seek_agents(contact);
            self.arm_contact(contact);
        }
    }

    /// Call-backs wait for the opening; others go if they may not stay.
    fn closed(&mut self, key: QueueKey) {
        let Some(queue) = self.queues.get(key) else { return };
        let (keep, in_line) = (queue.config.keep_when_closed, queue.line.iter().collect::<Vec<_>>());
        for contact in in_line {
            let Some(of) = self.contacts.get(contact) else { continue };
            if of.is_call_back() {
                let freed = self.line_out(contact, Withdrawal::Gone);
                self.stand_in_line(contact);
                self.arm_contact(contact);
                freed.into_iter().for_each(|agent| self.refresh_agent(agent));
            } else if !keep {
                self.overflow(contact, OverflowCause::Closed);
            }
        }
    }

    /// Makes an agent (signed off), or changes his skills, queues and capacity at once; what he has goes on. Queues that are not
    /// there yet are served once they are. Of a queue or a channel that is named twice, the first counts.
    ///
    /// # Errors
    ///
    /// [`AgentError::Full`]: too many agents, skills or memberships.
    pub fn set_agent(&mut self, now: Time, id: A, mut config: AgentConfig) -> Result<(), AgentError> {
        self.advance(now);
        if config.memberships.len() > Limits::MEMBERSHIPS
            || config.skills.len() > Limits::SKILLS
            || config.supervises.len() > Limits::MEMBERSHIPS
        {
            return Err(AgentError::Full);
        }
        let (mut queues, mut channels) = (BTreeSet::new(), BTreeSet::new());
        config.memberships.retain(|place| queues.insert(place.queue));
        config.capacity.retain(|(channel, _)| channels.insert(*channel));
        let key = match self.agent_index.get(&id).copied() {
            Some(key) => key,
            None if self.agents.len() >= self.limits.agents => return Err(AgentError::Full),
            None => {
                let key = self
                    .agents
                    .insert(Agent::new(id.clone(), AgentConfig::in_queues([]), self.now));
                self.agent_index.insert(id, key);
                key
            }
        };
        self.unlist(key);
        if let Some(agent) = self.agents.get_mut(key) {
            agent.removed = false;
            *agent.wanted = config;
        }
        self.enrol(key);
        self.settle();
        Ok(())
    }

    /// Removes an agent. Offers are withdrawn; what he has he may finish, then he is gone.
    ///
    /// # Errors
    ///
    /// [`AgentError::Unknown`].
    pub fn remove_agent(&mut self, now: Time, id: &A) -> Result<(), AgentError> {
        self.advance(now);
        let key = self.agent_key(id)?;
        if let Some(agent) = self.agents.get_mut(key) {
            agent.removed = true;
        }
        self.sign_off_key(key);
        self.settle();
        Ok(())
    }

    /// An agent who is to go and has nothing any more.
    pub(crate) fn remove_if_gone(&mut self, key: AgentKey) {
        if !self
            .agents
            .get(key)
            .is_some_and(|agent| agent.removed && agent.links.is_empty())
        {
            return;
        }
        if let Some(agent) = self.agents.get_mut(key) {
            *agent.wanted = AgentConfig::in_queues([]);
        }
        self.unlist(key);
        self.leave_queues(key);
        if let Some(mut agent) = self.agents.remove(key) {
            arm(&mut self.timers, Due::Agent(key), &mut agent.alarm, None);
            self.agent_index.remove(&agent.id);
        }
    }

    /// Sets a strategy of the embedder's own, used by queues with [`Strategy::Custom`](crate::Strategy::Custom). Has to be set again on a
    /// distribution that was read back.
    pub fn set_rank(&mut self, number: u16, rank: Rank) {
        self.ranks.insert(number, rank);
    }

    pub(crate) fn agent_key(&self, id: &A) -> Result<AgentKey, AgentError> {
        self.agent_index.get(id).copied().ok_or(AgentError::Unknown)
    }

    /// Gives an agent the places that he is to have, in the queues that are there.
    fn enrol(&mut self, key: AgentKey) {
        self.unlist(key);
        let floors = self.floors(key);
        let before = self.leave_queues(key);
        let Some(agent) = self.agents.get_mut(key) else { return };
        let mut config = (*agent.wanted).clone();
        config
            .memberships
            .retain(|place| self.queue_index.contains_key(&place.queue));
        let (state, signed_on) = (agent.told, agent.signed_on.is_some());
        let mut changed = Vec::new();
        for place in &config.memberships {
            let Some(at) = self.queue_index.get(&place.queue) else {
                continue;
            };
            let Some(queue) = self.queues.get_mut(*at) else {
                continue;
            };
            let kept = before.iter().find(|member| member.queue == *at);
            let mut member = kept.cloned().unwrap_or_else(|| {
                queue.next_ordinal += 1;
                Member {
                    queue: *at,
                    stage: NO_STAGE,
                    ordinal: queue.next_ordinal,
                    contacts: 0,
                    work: 0,
                    last: None,
                }
            });
            queue.members.push(key);
            queue.max_weight = queue.max_weight.max(place.weight);
            queue.population.count(state, true);
            let opening = queue.opening(place);
            let known = opening.and_then(|opening| queue.opens.binary_search(&opening).ok());
            if opening.is_some() && known.is_none() {
                changed.push(*at);
            }
            member.stage = known.and_then(|stage| u8::try_from(stage).ok()).unwrap_or(NO_STAGE);
            if signed_on && let Some(count) = queue.signed_on.get_mut(usize::from(member.stage)) {
                *count += 1;
            }
            agent.memberships.push(member);
        }
        agent.config = config;
        self.forget_preferences(key);
        self.fit_all(key);
        for queue in changed {
            self.restage_queue(queue);
        }
        self.refresh_agent(key);
        for (queue, floor) in floors {
            if self.queues.get(queue).is_some_and(|queue| queue.floor() > floor) {
                self.rematch(queue);
            }
        }
    }

    /// Contacts of queues that an agent does not serve any more do not prefer him.
    fn forget_preferences(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        let mut preferred_by = core::mem::take(&mut agent.preferred_by);
        preferred_by.retain(|_, contact| {
            self.contacts
                .get(*contact)
                .is_some_and(|contact| agent.serves(contact.queue))
        });
        agent.preferred_by = preferred_by;
    }

    /// The stages that everybody has reached in the queues of an agent.
    fn floors(&self, key: AgentKey) -> Vec<(QueueKey, u8)> {
        let members = self.agents.get(key).into_iter().flat_map(|agent| &agent.memberships);
        let floor = |queue: QueueKey| self.queues.get(queue).map(|of| (queue, of.floor()));
        members.filter_map(|member| floor(member.queue)).collect()
    }

    /// Notes all pools that an agent is fit for.
    fn fit_all(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        agent.pools.clear();
        let queues: Vec<QueueKey> = agent.memberships.iter().map(|member| member.queue).collect();
        for queue in queues {
            let pools: Vec<_> = self
                .queues
                .get(queue)
                .map(|queue| queue.pools.values().copied().collect())
                .unwrap_or_default();
            for pool in pools {
                self.fit(key, pool);
            }
        }
    }

    /// Takes an agent from his queues; gives his places there.
    fn leave_queues(&mut self, key: AgentKey) -> Vec<Member> {
        let Some(agent) = self.agents.get_mut(key) else {
            return Vec::new();
        };
        let members = core::mem::take(&mut agent.memberships);
        for member in &members {
            let Some(queue) = self.queues.get_mut(member.queue) else {
                continue;
            };
            queue.members.retain(|other| *other != key);
            queue.population.count(agent.told, false);
            if agent.signed_on.is_some()
                && let Some(count) = queue.signed_on.get_mut(usize::from(member.stage))
            {
                *count = count.saturating_sub(1);
            }
        }
        members
    }

    /// The waits at which somebody more is asked have changed: counts anew who is asked when.
    fn restage_queue(&mut self, key: QueueKey) {
        let Some(queue) = self.queues.get(key) else { return };
        let opening = |agent: &AgentKey| {
            let agent = self.agents.get(*agent)?;
            let at = agent.memberships.iter().position(|member| member.queue == key);
            let place = at.and_then(|at| agent.config.memberships.get(at));
            let place = place.or_else(|| agent.wanted.memberships.iter().find(|place| place.queue == queue.id));
            queue.opening(place?)
        };
        let openings: Vec<_> = queue.members.iter().map(|agent| (*agent, opening(agent))).collect();
        let mut opens: Vec<core::time::Duration> = openings.iter().filter_map(|(_, opening)| *opening).collect();
        opens.push(core::time::Duration::ZERO);
        opens.sort_unstable();
        opens.dedup();
        opens.truncate(usize::from(NO_STAGE));
        let mut signed_on = vec![0; opens.len()];
        for (agent, opening) in &openings {
            let stage = opening.and_then(|opening| opens.binary_search(&opening).ok());
            self.unlist(*agent);
            let Some(agent) = self.agents.get_mut(*agent) else {
                continue;
            };
            if let Some(count) = stage.and_then(|stage| signed_on.get_mut(stage))
                && agent.signed_on.is_some()
            {
                *count += 1;
            }
            if let Some(member) = agent.memberships.iter_mut().find(|member| member.queue == key) {
                member.stage = stage.and_then(|stage| u8::try_from(stage).ok()).unwrap_or(NO_STAGE);
            }
        }
        if let Some(queue) = self.queues.get_mut(key) {
            (queue.opens, queue.signed_on) = (opens, signed_on);
        }
        let queue = self.queues.get(key);
        let in_line: Vec<ContactKey> = queue.map(|queue| queue.line.iter().collect()).unwrap_or_default();
        for contact in &in_line {
            self.restage(*contact);
        }
        // All agents are there before any contact looks for one.
        for (agent, _) in openings {
            self.fit_all(agent);
            self.list_all(agent);
        }
        for contact in in_line {
            self.seek_agents(contact);
            self.arm_contact(contact);
        }
    }

    /// Looks after queues of which the last agent may have gone.
    pub(crate) fn settle(&mut self) {
        while let Some(key) = self.unsettled.pop_first() {
            let Some(queue) = self.queues.get(key) else { continue };
            let alone = queue
                .config
                .stay_needs
                .is_some_and(|needed| !queue.population.satisfies(needed));
            if !alone || queue.listening == 0 {
                continue;
            }
            let waiting: Vec<ContactKey> = queue
                .line
                .iter()
                .filter(|key| self.contacts.get(*key).is_some_and(|contact| !contact.is_call_back()))
                .collect();
            for contact in waiting {
                self.overflow(contact, OverflowCause::NobodyThere);
            }
        }
    }
}
