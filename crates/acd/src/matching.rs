//! Contacts and agents meet: in the same step in which one of them comes free.

use core::cmp::Reverse;

use machine::Time;

use crate::acd::{Acd, Id};
use crate::agent::{Agent, AgentKey, Fit, Stand};
use crate::contact::{ContactKey, Phase};
use crate::pool::{Choice, PoolKey};
use crate::positions::OrderKey;
use crate::queue::QueueKey;
use crate::strategy::Candidate;
use crate::{AgentState, Channel, Strategy};

impl<C: Id, A: Id> Acd<C, A> {
    /// Offers a contact in line to whoever is ready for it, as far as it wants (more) agents.
    pub(crate) fn seek_agents(&mut self, key: ContactKey) {
        self.seek_preferred(key);
        while let Some(contact) = self.contacts.get(key).filter(|contact| contact.pooled) {
            let Some(pool) = self.pools.get(contact.pool) else {
                return;
            };
            let Some(queue) = self.queues.get(contact.queue) else {
                return;
            };
            if contact.offers.len() >= self.limits.ringing {
                return;
            }
            let stage = contact.stage.max(queue.floor());
            let choice = match queue.config.strategy {
                Strategy::RoundRobin => Choice::After(queue.last_rank),
                Strategy::Sequential => match contact.extra.as_ref().and_then(|extra| extra.last_rank) {
                    Some(rank) => Choice::After(rank),
                    None => Choice::First,
                },
                Strategy::Random => Choice::Chance,
                Strategy::WeightedRandom => Choice::WeightedChance(queue.max_weight),
                Strategy::RingAll
                | Strategy::LongestIdle
                | Strategy::LeastRecent
                | Strategy::FewestCalls
                | Strategy::LeastTalkTime
                | Strategy::LeastOccupied
                | Strategy::TopDown
                | Strategy::RingProgressively(_)
                | Strategy::SkillBased
                | Strategy::UcdMia
                | Strategy::UcdLoa
                | Strategy::EadMia
                | Strategy::EadLoa
                | Strategy::PercentAllocation
                | Strategy::Custom(_) => Choice::First,
            };
            let offered = &contact.offers;
            let Some(agent) = pool.ready.choose(stage, choice, offered, &mut self.rng) else {
                return;
            };
            self.offer(key, agent);
            self.relist(agent);
        }
    }

    /// Tries the agents whom the contact prefers, the best first.
    fn seek_preferred(&mut self, key: ContactKey) {
        let Some(contact) = self.contacts.get(key) else { return };
        if !contact.in_line() || !contact.offers.is_empty() {
            return;
        }
        let Some(extra) = &contact.extra else { return };
        let (channel, queue) = (contact.channel, contact.queue);
        let ready = |agent: &AgentKey| {
            let agent = self.agents.get(*agent);
            agent.is_some_and(|agent| agent.can_take(channel) && agent.serves(queue))
        };
        let agents = extra.preferred.iter().map(|(agent, score)| (score, agent));
        let ready = agents.filter(|(_, agent)| ready(agent));
        let idle = |agent: &AgentKey| self.agents.get(*agent).map(|agent| agent.idle_since);
        let best = ready.min_by_key(|(score, agent)| (Reverse(**score), idle(agent)));
        if let Some((_, &agent)) = best {
            self.offer(key, agent);
            self.relist(agent);
        }
    }

    /// A contact found an agent: he is told of, and ready for what else he may have.
    fn relist(&mut self, key: AgentKey) {
        self.list_all(key);
        self.tell_state(key);
        self.arm_agent(key);
    }

    /// Brings everything in line with what an agent does now: offers him what he is free for, or lists him as ready.
    pub(crate) fn refresh_agent(&mut self, key: AgentKey) {
        self.unlist(key);
        if let Some(agent) = self.agents.get_mut(key)
            && agent.told != AgentState::Ready
        {
            agent.idle_occupancy = agent.occupancy(self.now);
            // An offer that was taken back is no work.
            if !matches!(agent.told, AgentState::Reserved | AgentState::Ringing) {
                agent.idle_since = self.now;
            }
        }
        let mut at = 0;
        while let Some(agent) = self.agents.get(key)
            && let Some(&(channel, _)) = agent.config.capacity.get(at)
        {
            let next = agent.can_take(channel).then(|| self.next_contact(key, channel));
            match next.flatten() {
                Some(contact) => self.offer(contact, key),
                None => at += 1,
            }
        }
        self.list_all(key);
        self.tell_state(key);
        self.arm_agent(key);
        self.remove_if_gone(key);
    }

    /// The contact that an agent who is free should have.
    fn next_contact(&self, key: AgentKey, channel: Channel) -> Option<ContactKey> {
        let agent = self.agents.get(key)?;
        let wanted = self.next_wanted(agent, channel);
        let mut best: Option<(Urgency, PoolKey, u8)> = None;
        for fit in agent.pools.iter().filter(|fit| fit.channel == channel) {
            let class = (fit.rank, fit.weight);
            if best.is_some_and(|((rank, weight, _), ..)| (rank, weight) < class) {
                break; // the best come first
            }
            let Some(&head) = self.heads.get(fit.pool) else {
                continue;
            };
            let (order, stage) = if fit.stage == 0 {
                (head, 0)
            } else {
                let Some((order, _, stage)) = self.first_of_stage(fit, key, false) else {
                    continue;
                };
                (order, stage)
            };
            let urgency = (fit.rank, fit.weight, order);
            if best.is_none_or(|(other, ..)| urgency < other) {
                best = Some((urgency, fit.pool, stage));
            }
        }
        let pooled = match best {
            None => None,
            Some((urgency, pool, stage)) => {
                let (_, contact) = self.pools.get(pool)?.first(stage, |_| true)?;
                if self.wants(contact, key) {
                    Some((urgency, contact))
                } else {
                    self.next_that_wants(agent, key, channel)
                }
            }
        };
        let next = pooled.into_iter().chain(wanted).min_by_key(|(urgency, _)| *urgency);
        next.map(|(_, contact)| contact)
    }

    /// The contact that an agent gets next where the first ones ring already, at him or at as many agents as may be.
    fn next_that_wants(&self, agent: &Agent<A>, key: AgentKey, channel: Channel) -> Option<(Urgency, ContactKey)> {
        let fits = agent.pools.iter().filter(|fit| fit.channel == channel);
        let firsts = fits.filter_map(|fit| {
            let (order, contact, _) = self.first_of_stage(fit, key, true)?;
            Some(((fit.rank, fit.weight, order), contact))
        });
        firsts.min_by_key(|(urgency, _)| *urgency)
    }

    /// The first contact of a pool that an agent may have at his stage.
    fn first_of_stage(&self, fit: &Fit, key: AgentKey, wanting: bool) -> Option<(OrderKey, ContactKey, u8)> {
        let pool = self.pools.get(fit.pool)?;
        // All have reached the floor.
        let stage = if fit.stage <= self.queues.get(pool.queue)?.floor() {
            0
        } else {
            fit.stage
        };
        let (order, contact) = pool.first(stage, |contact| !wanting || self.wants(contact, key))?;
        Some((order, contact, stage))
    }

    /// Whether a contact may ring at one more agent, and does not at this one.
    fn wants(&self, contact: ContactKey, key: AgentKey) -> bool {
        let contact = self.contacts.get(contact);
        contact.is_some_and(|contact| contact.offers.len() < self.limits.ringing && !contact.offers.contains(&key))
    }

    /// The first of the contacts that prefer an agent.
    fn next_wanted(&self, agent: &Agent<A>, channel: Channel) -> Option<(Urgency, ContactKey)> {
        let (&(_, order), &contact) = agent.preferred_by.range((channel, OrderKey::FIRST)..).next()?;
        let queue = self
            .contacts
            .get(contact)
            .filter(|contact| contact.channel == channel)?
            .queue;
        let place = agent.memberships.iter().position(|member| member.queue == queue)?;
        let rank = agent.config.memberships.get(place).map_or(u8::MAX, |place| place.rank);
        let weight = self.queues.get(queue).map_or(0, |queue| queue.config.weight);
        Some(((rank, Reverse(weight), order), contact))
    }

    /// Puts an agent among the ready for whatever he is free for.
    pub(crate) fn list_all(&mut self, key: AgentKey) {
        self.unlist(key);
        let mut at = 0;
        while let Some(agent) = self.agents.get(key)
            && let Some(&(channel, _)) = agent.config.capacity.get(at)
        {
            if agent.can_take(channel) {
                self.list(key, channel);
            }
            at += 1;
        }
    }

    /// Puts an agent among the ready of every pool that he is fit for.
    fn list(&mut self, key: AgentKey, channel: Channel) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        agent.ready.push(channel);
        let mut stands = core::mem::take(&mut agent.stands);
        let before = stands.len();
        if let Some(agent) = self.agents.get(key) {
            for fit in agent.pools.iter().filter(|fit| fit.channel == channel) {
                stands.extend(self.stand(key, fit).map(|stand| (fit.pool, stand)));
            }
        }
        for (pool, stand) in stands.iter_mut().skip(before) {
            let Some(pool) = self.pools.get_mut(*pool) else {
                continue;
            };
            match stand {
                Stand::Ranked(place) => pool.ready.insert(*place),
                Stand::Bag(group, at, weight) => *at = pool.ready.insert_bag(*group, key, *weight),
            }
        }
        if let Some(agent) = self.agents.get_mut(key) {
            agent.stands = stands;
        }
    }

    /// The place that an agent has among the ready of a pool.
    fn stand(&self, key: AgentKey, fit: &Fit) -> Option<Stand> {
        let (agent, pool, at) = (
            self.agents.get(key)?,
            self.pools.get(fit.pool)?,
            usize::from(fit.member),
        );
        let (member, membership) = (agent.memberships.get(at)?, agent.config.memberships.get(at)?);
        let strategy = self.queues.get(member.queue)?.config.strategy;
        let candidate = Candidate {
            membership,
            skills: &agent.config.skills,
            needed: &pool.needs,
            idle_since: agent.idle_since,
            last: member.last,
            contacts: member.contacts,
            work: core::time::Duration::from_nanos(member.work),
            talk: agent.talk,
            occupancy: agent.idle_occupancy,
        };
        let group = (member.stage, membership.tier, strategy.penalty(&candidate));
        let rank = if let Strategy::Custom(number) = strategy {
            Some(self.ranks.get(&number).map_or(0, |rank| rank(&candidate)))
        } else {
            strategy.rank(&candidate)
        };
        let Some(rank) = rank else {
            // His place in the bag is known once he is in it.
            return Some(Stand::Bag(group, 0, membership.weight));
        };
        // Positions are not equal: who came to the queue first is first.
        let by_position = by_position(strategy);
        let rank = if by_position {
            (rank << 32) | u64::from(member.ordinal)
        } else {
            rank
        };
        Some(Stand::Ranked((group, rank, agent.idle_since.as_nanos(), key)))
    }

    /// Takes an agent from among the ready, of all pools.
    pub(crate) fn unlist(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        if agent.ready.is_empty() {
            return;
        }
        agent.ready.clear();
        let mut stands = core::mem::take(&mut agent.stands);
        for (at, stand) in stands.drain(..) {
            let Some(pool) = self.pools.get_mut(at) else { continue };
            match stand {
                Stand::Ranked(place) => pool.ready.remove(&place),
                Stand::Bag(group, place, _) => {
                    let moved = pool.ready.remove_bag(group, place);
                    self.moved_in_bag(moved, at, place);
                }
            }
        }
        // The room is kept for the next time.
        if let Some(agent) = self.agents.get_mut(key) {
            agent.stands = stands;
        }
    }

    /// Somebody else has a place in a bag now.
    fn moved_in_bag(&mut self, moved: Option<AgentKey>, pool: PoolKey, to: usize) {
        let Some(agent) = moved.and_then(|moved| self.agents.get_mut(moved)) else {
            return;
        };
        if let Some((_, Stand::Bag(_, at, _))) = agent.stands.iter_mut().find(|(of, _)| *of == pool) {
            *at = to;
        }
    }

    /// The pool of contacts of a queue and channel that need `needs`; made if it is not there.
    pub(crate) fn pool_for(&mut self, queue: QueueKey, channel: Channel, needs: &crate::Skills) -> Option<PoolKey> {
        let owner = self.queues.get(queue)?;
        // Most need nothing in particular, which is looked up first.
        if let Some(pool) = owner.pools.get(&(channel, needs.clone())) {
            return Some(*pool);
        }
        if self.pools.len() >= self.limits.pools {
            self.drop_unused_pools();
            if self.pools.len() >= self.limits.pools {
                return None;
            }
        }
        let pool = self.pools.insert(crate::pool::Pool::new(queue, channel, needs.clone()));
        let owner = self.queues.get_mut(queue)?;
        owner.pools.insert((channel, needs.clone()), pool);
        for agent in owner.members.clone() {
            self.fit(agent, pool);
        }
        Some(pool)
    }

    /// Notes a pool with an agent who is fit for it.
    pub(crate) fn fit(&mut self, key: AgentKey, pool: PoolKey) {
        let (Some(of), Some(agent)) = (self.pools.get(pool), self.agents.get(key)) else {
            return;
        };
        let Some(at) = agent.memberships.iter().position(|member| member.queue == of.queue) else {
            return;
        };
        let fits = agent.config.capacity_of(of.channel) > 0 && agent.config.skills.meet(&of.needs);
        let (Some(member), Some(place)) = (agent.memberships.get(at), agent.config.memberships.get(at)) else {
            return;
        };
        let Ok(number) = u16::try_from(at) else { return };
        if !fits || member.stage == NO_STAGE {
            return;
        }
        let fit = Fit {
            channel: of.channel,
            rank: place.rank,
            weight: Reverse(self.queues.get(of.queue).map_or(0, |queue| queue.config.weight)),
            stage: member.stage,
            member: number,
            pool,
        };
        let listed = agent.ready.contains(&fit.channel);
        let stand = self.stand(key, &fit).filter(|_| listed);
        let (Some(pool), Some(agent)) = (self.pools.get_mut(pool), self.agents.get_mut(key)) else {
            return;
        };
        let place = agent.pools.partition_point(|other| *other < fit);
        agent.pools.insert(place, fit);
        match stand {
            None => {}
            Some(stand @ Stand::Ranked(place)) => {
                pool.ready.insert(place);
                agent.stands.push((fit.pool, stand));
            }
            Some(Stand::Bag(group, _, weight)) => {
                let at = pool.ready.insert_bag(group, key, weight);
                agent.stands.push((fit.pool, Stand::Bag(group, at, weight)));
            }
        }
    }

    fn drop_unused_pools(&mut self) {
        let unused: Vec<PoolKey> = self
            .pools
            .iter()
            .filter(|(_, pool)| pool.users == 0)
            .map(|(key, _)| key)
            .collect();
        for key in &unused {
            self.drop_pool(*key);
        }
        if !unused.is_empty() {
            let pools = &self.pools;
            for agent in self.agents.values_mut() {
                agent.pools.retain(|fit| pools.contains_key(fit.pool));
                agent.stands.retain(|(pool, _)| pools.contains_key(*pool));
            }
        }
    }

    /// Forgets a pool; agents may still think of it.
    pub(crate) fn drop_pool(&mut self, key: PoolKey) {
        self.heads.remove(key);
        if let Some(pool) = self.pools.remove(key)
            && let Some(queue) = self.queues.get_mut(pool.queue)
        {
            queue.pools.remove(&(pool.channel, pool.needs));
        }
    }

    /// Offers what waits in a queue to who is ready, after rules have changed.
    pub(crate) fn rematch(&mut self, queue: QueueKey) {
        let Some(owner) = self.queues.get(queue) else { return };
        let mut waiting: Vec<(OrderKey, ContactKey)> = Vec::new();
        for pool in owner.pools.values().filter_map(|pool| self.pools.get(*pool)) {
            if !pool.ready.is_empty() {
                waiting.extend(pool.all().filter_map(|key| Some((self.contacts.get(key)?.key, key))));
            }
        }
        waiting.sort_unstable();
        for (_, key) in waiting {
            self.seek_agents(key);
        }
    }

    /// Tells what an agent does, if it is something else than before.
    pub(crate) fn tell_state(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        let (from, to) = (agent.told, agent.state());
        if from == to {
            return;
        }
        agent.told = to;
        let occupied = |state| {
            matches!(
                state,
                AgentState::Reserved | AgentState::Ringing | AgentState::Busy | AgentState::WrapUp
            )
        };
        if occupied(to) {
            agent.occupied_since.get_or_insert(self.now);
        } else if let Some(since) = agent.occupied_since.take() {
            agent.occupied += self.now - since;
        }
        let queues: smallvec::SmallVec<[QueueKey; 8]> = agent.memberships.iter().map(|member| member.queue).collect();
        let agent = agent.id.clone();
        self.emit(crate::Output::AgentStateChanged { agent, from, to });
        for queue in queues {
            let Some(of) = self.queues.get_mut(queue) else { continue };
            of.population.count(from, false);
            of.population.count(to, true);
            if of.config.stay_needs.is_some() {
                self.unsettled.insert(queue);
            }
        }
    }

    /// Puts a contact among the waiting of its pool.
    pub(crate) fn pool_in(&mut self, key: ContactKey) {
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        if contact.pooled || contact.phase != Phase::Waiting {
            return;
        }
        contact.pooled = true;
        let (pool, order) = (contact.pool, contact.key);
        if let Some(of) = self.pools.get_mut(pool) {
            of.insert(contact.stage, order, key);
            match self.heads.get_mut(pool) {
                Some(head) => *head = order.min(*head),
                None => drop(self.heads.insert(pool, order)),
            }
        }
    }

    /// Takes a contact from among the waiting of its pool.
    pub(crate) fn pool_out(&mut self, key: ContactKey) {
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        if core::mem::take(&mut contact.pooled)
            && let Some(pool) = self.pools.get_mut(contact.pool)
        {
            pool.remove(contact.stage, contact.key);
            if self.heads.get(contact.pool) == Some(&contact.key) {
                match pool.head() {
                    Some(head) => drop(self.heads.insert(contact.pool, head)),
                    None => drop(self.heads.remove(contact.pool)),
                }
            }
        }
    }
}

/// Whose turn it is, the lowest first: rank of the queue with the agent, weight of the queue, order.
type Urgency = (u8, Reverse<u16>, OrderKey);

/// The stage of a member who is never asked.
pub(crate) const NO_STAGE: u8 = u8::MAX;

const fn by_position(strategy: Strategy) -> bool {
    matches!(
        strategy,
        Strategy::RoundRobin | Strategy::TopDown | Strategy::Sequential
    )
}

/// The time until which an offer lasts.
pub(crate) fn offer_end(now: Time, ring_time: core::time::Duration) -> Time {
    // An offer that ended at once would never end.
    now + ring_time.max(core::time::Duration::from_millis(1))
}
