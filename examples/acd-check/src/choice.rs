//! Whom each strategy has to choose, found by comparing all who are ready.

use std::collections::BTreeMap;
use std::time::Duration;

use acd::{AgentState, QueueId, Strategy};
use machine::Time;

use crate::truth::{Agent, Contact, Truth, Violation, opening};

/// What an agent has done, as far as strategies ask for it.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Since when he is signed on.
    pub signed_on: Time,
    /// Since when he has been free.
    pub idle_since: Time,
    /// His occupancy when he came free, in millionths.
    pub occupancy: u128,
    /// How long he has talked.
    pub talk: Duration,
    /// How long he was occupied.
    pub occupied: Duration,
    /// Since when he is.
    pub occupied_since: Option<Time>,
    /// In each queue.
    pub queues: BTreeMap<QueueId, Record>,
}

/// What an agent has done in a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Record {
    /// His number, in the order of coming.
    pub ordinal: u32,
    /// How many contacts he has had.
    pub contacts: u32,
    /// How long they have occupied him.
    pub work: Duration,
    /// When the last one ended.
    pub last: Option<Time>,
}

impl Work {
    /// He does something else now.
    pub fn note(&mut self, now: Time, from: AgentState, to: AgentState) {
        let occupied = |state| {
            matches!(
                state,
                AgentState::Reserved | AgentState::Ringing | AgentState::Busy | AgentState::WrapUp
            )
        };
        if from != AgentState::Ready {
            let all = self.occupied + self.occupied_since.map_or(Duration::ZERO, |since| now - since);
            let share = (all.as_nanos() * 1_000_000).checked_div((now - self.signed_on).as_nanos());
            self.occupancy = share.unwrap_or(0).min(1_000_000);
        }
        if !matches!(from, AgentState::Ready | AgentState::Reserved | AgentState::Ringing) {
            self.idle_since = now;
        }
        if occupied(to) {
            self.occupied_since.get_or_insert(now);
        } else if let Some(since) = self.occupied_since.take() {
            self.occupied += now - since;
        }
    }
}

/// What a strategy goes by, the lowest first: stage, tier and penalty, then rank, then since when he is idle.
type Key = ((Duration, u8, u8), u128, Time);

impl Truth {
    /// Whether a contact that looked for an agent found the right one. An agent who has just come free looks for a contact, and has no
    /// rivals.
    pub(crate) fn rightly_chosen(&self, contact: &Contact, ringing: &[u16], chosen: u16) -> Result<(), Violation> {
        let queue = self.queues.get(&contact.queue).ok_or("no queue")?;
        let strategy = queue.strategy;
        let ready: Vec<(u16, &Agent)> = self
            .agents
            .iter()
            .filter(|(id, agent)| agent.state == AgentState::Ready && !ringing.contains(id))
            .filter(|(_, agent)| agent.can_take(contact.channel) && self.fits(agent, contact))
            .map(|(id, agent)| (*id, agent))
            .collect();
        let by_chance = matches!(strategy, Strategy::Random | Strategy::WeightedRandom);
        let Some((_, agent)) = ready.iter().find(|(id, _)| *id == chosen) else {
            return Ok(());
        };
        if !contact.preferred.is_empty() {
            return Ok(());
        }
        let key = |agent: &Agent| self.key(strategy, agent, contact);
        let mine = key(agent).ok_or("not a member")?;
        let keys: Vec<Key> = ready.iter().filter_map(|(_, agent)| key(agent)).collect();
        let group = keys.iter().map(|key| key.0).min().ok_or("nobody")?;
        let after = match strategy {
            Strategy::RoundRobin => self.last_rank.get(&contact.queue).copied(),
            Strategy::Sequential => contact.last_rank,
            _ => None,
        };
        let in_group = || keys.iter().filter(|key| key.0 == group);
        let next = after.and_then(|after| in_group().filter(|key| key.1 > after).min());
        let best = next.or_else(|| in_group().min()).ok_or("nobody")?;
        if mine == *best || (by_chance && mine.0 == group) {
            Ok(())
        } else {
            Err(format!("{strategy:?} chose {chosen} {mine:?} where {best:?} is first"))
        }
    }

    fn key(&self, strategy: Strategy, agent: &Agent, contact: &Contact) -> Option<Key> {
        let queue = self.queues.get(&contact.queue)?;
        let place = agent
            .config
            .memberships
            .iter()
            .find(|place| place.queue == contact.queue)?;
        let record = agent.work.queues.get(&contact.queue)?;
        let uniform = matches!(strategy, Strategy::UcdMia | Strategy::UcdLoa);
        let penalty = if uniform { 0 } else { place.penalty };
        let needs = self.needed(contact);
        let rank = match strategy {
            Strategy::LeastRecent => record.last.map_or(0, |last| u128::from(last.as_nanos())),
            Strategy::FewestCalls => u128::from(record.contacts),
            Strategy::LeastTalkTime => agent.work.talk.as_nanos(),
            Strategy::LeastOccupied | Strategy::UcdLoa | Strategy::EadLoa => agent.work.occupancy,
            Strategy::RoundRobin | Strategy::TopDown | Strategy::Sequential => position(agent, contact.queue)?,
            Strategy::SkillBased => {
                let score: u32 = needs
                    .iter()
                    .filter_map(|(skill, _)| agent.config.skills.level(skill))
                    .map(u32::from)
                    .sum();
                u128::from(u32::MAX - score)
            }
            Strategy::PercentAllocation => record.work.as_nanos() / u128::from(place.weight.max(1)),
            Strategy::Random | Strategy::WeightedRandom => 0,
            _ => u128::from(agent.work.idle_since.as_nanos()),
        };
        Some((
            (opening(queue, agent, contact.queue)?, place.tier, penalty),
            rank,
            agent.work.idle_since,
        ))
    }
}

/// An agent's place in the order of positions.
pub(crate) fn position(agent: &Agent, queue: QueueId) -> Option<u128> {
    let place = agent.config.memberships.iter().find(|place| place.queue == queue)?;
    let record = agent.work.queues.get(&queue)?;
    Some((u128::from(place.position) << 32) | u128::from(record.ordinal))
}
