//! Contacts and agents meet: in the same step in which one of them comes free.

use core::cmp::Reverse;

use machine::Time;

use crate::acd::{Acd, Id};
use crate::agent::{AgentKey, Fit, Stand};
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
            let Some((agent, rank)) = pool.ready.choose(stage, choice, offered, &mut self.rng) else {
                return;
            };
            self.offer(key, agent, Some(rank));
            self.refresh_agent(agent);
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
            self.offer(key, agent, None);
            self.refresh_agent(agent);
        }
    }

    /// Brings everything in line with what an agent does now: offers him what he is free for, or lists him as ready.
    pub(crate) fn refresh_agent(&mut self, key: AgentKey) {
        self.unlist(key);
        if let Some(agent) = self.agents.get_mut(key)
            && agent.told != AgentState::Ready
            && agent.state() == AgentState::Ready
        {
            agent.idle_since = self.now;
        }
        let mut at = 0;
        while let Some(agent) = self.agents.get(key) {
            let Some(&(channel, _)) = agent.config.capacity.get(at) else {
                break;
            };
            if !agent.can_take(channel) {
                at += 1;
                continue;
            }
            match self.next_contact(key, channel) {
                Some(contact) => self.offer(contact, key, None),
                None => {
                    self.list(key, channel);
                    at += 1;
                }
            }
        }
        self.tell_state(key);
        self.arm_agent(key);
        self.remove_if_gone(key);
    }

    /// The contact that an agent who is free should have.
    fn next_contact(&self, key: AgentKey, channel: Channel) -> Option<ContactKey> {
        let agent = self.agents.get(key)?;
        let mut best: Option<(Urgency, ContactKey)> = None;
        let mut better = |urgency: Urgency, contact: ContactKey| {
            if best.as_ref().is_none_or(|(other, _)| urgency < *other) {
                best = Some((urgency, contact));
            }
        };
        for fit in agent.pools.iter().filter(|fit| fit.channel == channel) {
            let (Some(pool), Some(member), Some(place)) = (
                self.pools.get(fit.pool),
                agent.memberships.get(usize::from(fit.member)),
                agent.config.memberships.get(usize::from(fit.member)),
            ) else {
                continue;
            };
            let Some(queue) = self.queues.get(member.queue) else {
                continue;
            };
            // All have reached the floor.
            let stage = if member.stage <= queue.floor() { 0 } else { member.stage };
            let wants_him = |contact: ContactKey| {
                let contact = self.contacts.get(contact);
                contact
                    .is_some_and(|contact| contact.offers.len() < self.limits.ringing && !contact.offers.contains(&key))
            };
            if let Some((order, contact)) = pool.first(stage, wants_him) {
                better((place.rank, Reverse(queue.config.weight), order), contact);
            }
        }
        if let Some((&order, &contact)) = agent.preferred_by.iter().find(|(_, contact)| {
            let contact = self.contacts.get(**contact);
            contact.is_some_and(|contact| {
                contact.channel == channel && contact.offers.is_empty() && agent.serves(contact.queue)
            })
        }) {
            let queue = self.contacts.get(contact).map(|contact| contact.queue)?;
            let place = agent.memberships.iter().position(|member| member.queue == queue);
            let rank = place
                .and_then(|at| agent.config.memberships.get(at))
                .map_or(u8::MAX, |place| place.rank);
            let weight = self.queues.get(queue).map_or(0, |queue| queue.config.weight);
            better((rank, Reverse(weight), order), contact);
        }
        best.map(|(_, contact)| contact)
    }

    /// Puts an agent among the ready of every pool that he is fit for.
    fn list(&mut self, key: AgentKey, channel: Channel) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        agent.ready.push(channel);
        let now = self.now;
        let mut fits = core::mem::take(&mut agent.pools);
        for fit in fits.iter_mut().filter(|fit| fit.channel == channel) {
            let at = usize::from(fit.member);
            let Some(agent) = self.agents.get(key) else { break };
            let (Some(pool), Some(member), Some(membership)) = (
                self.pools.get_mut(fit.pool),
                agent.memberships.get(at),
                agent.config.memberships.get(at),
            ) else {
                continue;
            };
            let Some(queue) = self.queues.get(member.queue) else {
                continue;
            };
            let candidate = Candidate {
                membership,
                skills: &agent.config.skills,
                needed: &pool.needs,
                idle_since: agent.idle_since,
                last: member.last,
                contacts: member.contacts,
                talk: agent.talk,
                occupancy: agent.occupancy(now),
            };
            let strategy = queue.config.strategy;
            let group = (member.stage, membership.tier, strategy.penalty(&candidate));
            let rank = if let Strategy::Custom(number) = strategy {
                Some(self.ranks.get(&number).map_or(0, |rank| rank(&candidate)))
            } else {
                strategy.rank(&candidate)
            };
            fit.place = Some(match rank {
                Some(rank) => {
                    // Positions are not equal: who came to the queue first is first.
                    let rank = if by_position(strategy) {
                        (rank << 32) | u64::from(member.ordinal)
                    } else {
                        rank
                    };
                    let place = (group, rank, agent.idle_since.as_nanos(), key);
                    pool.ready.insert(place);
                    Stand::Ranked(place)
                }
                None => Stand::Bag(group, pool.ready.insert_bag(group, key, membership.weight)),
            });
        }
        if let Some(agent) = self.agents.get_mut(key) {
            agent.pools = fits;
        }
    }

    /// Takes an agent from among the ready, of all pools.
    pub(crate) fn unlist(&mut self, key: AgentKey) {
        let Some(agent) = self.agents.get_mut(key) else { return };
        if agent.ready.is_empty() {
            return;
        }
        agent.ready.clear();
        let mut fits = core::mem::take(&mut agent.pools);
        for fit in &mut fits {
            let Some(pool) = self.pools.get_mut(fit.pool) else {
                continue;
            };
            match fit.place.take() {
                None => {}
                Some(Stand::Ranked(place)) => pool.ready.remove(&place),
                Some(Stand::Bag(group, at)) => {
                    let moved = pool.ready.remove_bag(group, at);
                    self.moved_in_bag(moved, fit.pool, at);
                }
            }
        }
        if let Some(agent) = self.agents.get_mut(key) {
            agent.pools = fits;
        }
    }

    /// Somebody else has a place in a bag now.
    fn moved_in_bag(&mut self, moved: Option<AgentKey>, pool: PoolKey, to: usize) {
        let Some(agent) = moved.and_then(|moved| self.agents.get_mut(moved)) else {
            return;
        };
        if let Some(fit) = agent.pools.iter_mut().find(|fit| fit.pool == pool)
            && let Some(Stand::Bag(_, at)) = &mut fit.place
        {
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
        let member = agent.memberships.iter().position(|member| member.queue == of.queue);
        let fits = agent.config.capacity_of(of.channel) > 0 && agent.config.skills.meet(&of.needs);
        let Some(member) = member.filter(|_| fits).and_then(|at| u16::try_from(at).ok()) else {
            return;
        };
        let channel = of.channel;
        let opens = agent
            .memberships
            .get(usize::from(member))
            .is_some_and(|member| member.stage != NEVER);
        if !opens {
            return;
        }
        let listed: Vec<Channel> = agent.ready.to_vec();
        self.unlist(key);
        if let Some(agent) = self.agents.get_mut(key) {
            agent.pools.push(Fit {
                pool,
                channel,
                member,
                place: None,
            });
        }
        for channel in listed {
            self.list(key, channel);
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
            if let Some(pool) = self.pools.remove(*key)
                && let Some(queue) = self.queues.get_mut(pool.queue)
            {
                queue.pools.remove(&(pool.channel, pool.needs));
            }
        }
        if !unused.is_empty() {
            let pools = &self.pools;
            for agent in self.agents.values_mut() {
                agent.pools.retain(|fit| pools.contains_key(fit.pool));
            }
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
        if let Some(pool) = self.pools.get_mut(contact.pool) {
            pool.insert(contact.stage, contact.key, key);
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
        }
    }
}

/// Whose turn it is, the lowest first: rank of the queue with the agent, weight of the queue, order.
type Urgency = (u8, Reverse<u16>, OrderKey);

/// The stage of a member who is never asked.
pub(crate) const NEVER: u8 = u8::MAX;

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
