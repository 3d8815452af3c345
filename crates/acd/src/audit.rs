//! Whether all that is noted in several places agrees.

use std::collections::BTreeSet;

use crate::acd::{Acd, Due, Id};
use crate::agent::{Agent, AgentKey, LinkPhase, Stand};
use crate::contact::{Contact, ContactKey, NEVER, Phase};
use crate::matching::NO_STAGE;
use crate::{Limits, Population};

impl<C: Id, A: Id> Acd<C, A> {
    /// The first rule of its own books that does not hold.
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        for (key, contact) in &self.contacts {
            self.audit_contact(key, contact)?;
        }
        for (key, agent) in &self.agents {
            self.audit_agent(key, agent)?;
        }
        self.audit_queues()?;
        self.audit_pools()?;
        let alarms = self.contacts.values().map(|contact| contact.alarm);
        let alarms = alarms.chain(self.agents.values().map(|agent| agent.alarm));
        let armed = alarms.filter(|alarm| *alarm != NEVER).count();
        let give_ups = self
            .timers
            .iter()
            .filter(|(_, due)| matches!(due, Due::GiveUp(_)))
            .count();
        ensure(armed + give_ups == self.timers.len(), "an alarm is not noted")?;
        self.audit_limits()
    }

    fn audit_limits(&self) -> Result<(), &'static str> {
        let limits = &self.limits;
        ensure(self.contacts.len() <= limits.contacts, "too many contacts")?;
        ensure(self.contacts.len() == self.contact_index.len(), "a contact has no name")?;
        ensure(self.agents.len() <= limits.agents, "too many agents")?;
        ensure(self.agents.len() == self.agent_index.len(), "an agent has no name")?;
        ensure(self.queues.len() <= limits.queues, "too many queues")?;
        ensure(self.customers.len() <= limits.customers, "too many customers")?;
        let kept = self.queues.values().map(|queue| queue.pools.len()).sum::<usize>();
        ensure(kept <= limits.pools, "too many pools")
    }

    fn audit_contact(&self, key: ContactKey, contact: &Contact<C>) -> Result<(), &'static str> {
        let queue = self.queues.get(contact.queue);
        ensure(queue.is_some() || contact.has_agent(), "a contact waits in no queue")?;
        ensure(contact.offers.len() <= self.limits.ringing, "too many ring")?;
        ensure(
            contact.offers.is_empty() || contact.in_line(),
            "one rings that is not in line",
        )?;
        for agent in contact.offers.iter() {
            let link = self.agents.get(*agent).and_then(|agent| {
                agent
                    .links
                    .iter()
                    .find(|link| link.contact == key && is_offer(link.phase))
            });
            ensure(link.is_some(), "one rings at somebody who does not know")?;
        }
        if let Phase::Talking(by) | Phase::Dialling(by) = contact.phase {
            let links = self.agents.get(by).map(|agent| &agent.links);
            let has = links.is_some_and(|links| {
                links
                    .iter()
                    .any(|link| link.contact == key && matches!(link.phase, LinkPhase::Talking(_)))
            });
            ensure(has, "one talks to somebody who does not know")?;
        }
        let pool = self.pools.get(contact.pool);
        ensure(pool.is_some(), "a contact has no pool")?;
        let noted = pool.is_some_and(|pool| pool.contains(contact.stage, contact.key, key));
        ensure(noted == contact.pooled, "a contact is not where it is noted")?;
        ensure(
            !contact.pooled || contact.phase == Phase::Waiting,
            "one is for anybody that does not wait",
        )?;
        let waits = contact.phase == Phase::Waiting && contact.offers.is_empty();
        ensure(!waits || contact.pooled, "a contact waits where nobody looks")?;
        ensure(
            contact.alarm == NEVER || self.timers.contains(&(contact.alarm, Due::Contact(key))),
            "an alarm is lost",
        )
    }

    fn audit_agent(&self, key: AgentKey, agent: &Agent<A>) -> Result<(), &'static str> {
        for link in agent
            .links
            .iter()
            .filter(|link| !matches!(link.phase, LinkPhase::WrapUp(_)))
        {
            let contact = self.contacts.get(link.contact);
            let knows = contact.is_some_and(|contact| match contact.phase {
                Phase::Talking(by) | Phase::Dialling(by) => by == key,
                Phase::Preferred(_) | Phase::Waiting | Phase::Later(_) => contact.offers.contains(&key),
            });
            ensure(knows, "an agent has a contact that does not know")?;
        }
        ensure(agent.told == agent.state(), "an agent's state was not told")?;
        for (channel, _) in &agent.config.capacity {
            let listed = agent.ready.contains(channel);
            ensure(
                listed == agent.can_take(*channel),
                "an agent is listed as what he is not",
            )?;
        }
        let fits = agent
            .pools
            .iter()
            .filter(|fit| agent.ready.contains(&fit.channel))
            .count();
        ensure(fits == agent.stands.len(), "an agent is not among the ready")?;
        for (pool, stand) in &agent.stands {
            let ready = self.pools.get(*pool).map(|pool| &pool.ready);
            let stands = ready.is_some_and(|ready| match stand {
                Stand::Ranked(place) => ready.contains(place),
                Stand::Bag(group, at, weight) => ready.in_bag(*group, *at) == Some((key, (*weight).max(1))),
            });
            ensure(stands, "an agent stands where he does not")?;
        }
        ensure(
            agent.memberships.len() == agent.config.memberships.len(),
            "an agent has no place in his queue",
        )?;
        ensure(
            agent.memberships.len() <= Limits::MEMBERSHIPS,
            "too many queues of an agent",
        )?;
        ensure(!agent.removed || !agent.links.is_empty(), "an agent does not go")?;
        ensure(
            agent.alarm == NEVER || self.timers.contains(&(agent.alarm, Due::Agent(key))),
            "an alarm is lost",
        )
    }

    fn audit_queues(&self) -> Result<(), &'static str> {
        for (key, queue) in &self.queues {
            let in_line = || {
                self.contacts
                    .iter()
                    .filter(|(_, contact)| contact.queue == key && contact.in_line())
            };
            let mut order: Vec<_> = in_line().map(|(key, contact)| (contact.key, key)).collect();
            order.sort_unstable();
            ensure(
                queue.line.iter().eq(order.iter().map(|(_, key)| *key)),
                "a line is out of order",
            )?;
            let listening = in_line().filter(|(_, contact)| !contact.is_call_back()).count();
            ensure(listening == queue.listening, "listeners are miscounted")?;
            let mut population = Population::default();
            let members = self.agents.values().filter(|agent| agent.serves(key));
            members.for_each(|agent| population.count(agent.told, true));
            ensure(population == queue.population, "agents are miscounted")?;
            let mut signed_on = vec![0; queue.signed_on.len()];
            let members = self.agents.values().filter(|agent| agent.signed_on.is_some());
            for member in members
                .flat_map(|agent| &agent.memberships)
                .filter(|member| member.queue == key)
            {
                if let Some(count) = signed_on.get_mut(usize::from(member.stage)) {
                    *count += 1;
                }
            }
            ensure(signed_on == queue.signed_on, "who is signed on is miscounted")?;
        }
        Ok(())
    }

    fn audit_pools(&self) -> Result<(), &'static str> {
        for (key, pool) in &self.pools {
            ensure(
                self.heads.get(key).copied() == pool.head(),
                "a pool's first is not its first",
            )?;
            let users = self.contacts.values().map(|contact| {
                let home = contact.extra.as_ref().and_then(|extra| extra.home);
                u32::from(contact.pool == key) + u32::from(home == Some(key))
            });
            ensure(users.sum::<u32>() == pool.users, "a pool's contacts are miscounted")?;
            let Some(queue) = self.queues.get(pool.queue) else {
                ensure(pool.users > 0 && pool.ready.is_empty(), "a pool of no queue")?;
                continue;
            };
            let contacts: BTreeSet<ContactKey> = pool.all().collect();
            for contact in contacts.iter().filter_map(|key| self.contacts.get(*key)) {
                let stage = contact.stage.max(queue.floor());
                let ready = pool.ready.agents(stage).any(|agent| !contact.offers.contains(&agent));
                let full = contact.offers.len() >= self.limits.ringing;
                ensure(full || !ready, "a contact waits while an agent is ready for it")?;
            }
            let fit = self.agents.values().filter(|agent| {
                let member = agent.memberships.iter().find(|member| member.queue == pool.queue);
                member.is_some_and(|member| member.stage != NO_STAGE)
                    && agent.config.capacity_of(pool.channel) > 0
                    && agent.config.skills.meet(&pool.needs)
            });
            let noted = self
                .agents
                .values()
                .filter(|agent| agent.pools.iter().any(|fit| fit.pool == key))
                .count();
            ensure(fit.count() == noted, "an agent does not know what he is fit for")?;
        }
        Ok(())
    }
}

const fn is_offer(phase: LinkPhase) -> bool {
    matches!(phase, LinkPhase::Reserved(_) | LinkPhase::Ringing(_))
}

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
