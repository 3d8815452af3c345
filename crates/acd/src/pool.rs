//! Where contacts of the same queue and the same needs meet the agents who are fit for them.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::Rng;

use crate::agent::AgentKey;
use crate::contact::ContactKey;
use crate::positions::OrderKey;
use crate::queue::QueueKey;
use crate::{Channel, Skills};

slotmap::new_key_type! {
    pub(crate) struct PoolKey;
}

/// The contacts of one queue and channel that need the same, and the ready agents who have it.
///
/// An agent's *stage* is the number of the wait from which on he is asked (by tier, penalty or delay); a contact's is
/// that of the wait which it has reached. An agent gets contacts of his stage and of later ones.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Pool {
    pub(crate) queue: QueueKey,
    pub(crate) channel: Channel,
    pub(crate) needs: Skills,
    /// Contacts that want an agent (more), by stage.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs_each"))]
    waiting: Vec<BTreeMap<OrderKey, ContactKey>>,
    pub(crate) ready: Ready,
    /// Contacts that belong here or are here.
    pub(crate) users: u32,
}

impl Pool {
    pub(crate) fn new(queue: QueueKey, channel: Channel, needs: Skills) -> Self {
        Self {
            queue,
            channel,
            needs,
            waiting: Vec::new(),
            ready: Ready::default(),
            users: 0,
        }
    }

    pub(crate) fn insert(&mut self, stage: u8, key: OrderKey, contact: ContactKey) {
        let stage = usize::from(stage);
        if self.waiting.len() <= stage {
            self.waiting.resize_with(stage + 1, BTreeMap::new);
        }
        if let Some(waiting) = self.waiting.get_mut(stage) {
            waiting.insert(key, contact);
        }
    }

    pub(crate) fn remove(&mut self, stage: u8, key: OrderKey) {
        if let Some(waiting) = self.waiting.get_mut(usize::from(stage)) {
            waiting.remove(&key);
        }
    }

    /// The key of the first contact, of whichever stage.
    pub(crate) fn head(&self) -> Option<OrderKey> {
        let firsts = self.waiting.iter().filter_map(|waiting| waiting.first_key_value());
        firsts.map(|(key, _)| *key).min()
    }

    /// The first contact of `stage` or a later one that `fits`.
    pub(crate) fn first(&self, stage: u8, fits: impl Fn(ContactKey) -> bool) -> Option<(OrderKey, ContactKey)> {
        let stages = self.waiting.iter().skip(usize::from(stage));
        let firsts = stages.filter_map(|waiting| waiting.iter().find(|(_, contact)| fits(**contact)));
        firsts.map(|(key, contact)| (*key, *contact)).min()
    }

    pub(crate) fn contains(&self, stage: u8, key: OrderKey, contact: ContactKey) -> bool {
        let waiting = self.waiting.get(usize::from(stage));
        waiting.and_then(|waiting| waiting.get(&key)) == Some(&contact)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = ContactKey> {
        self.waiting.iter().flat_map(|waiting| waiting.values().copied())
    }
}

/// Whom a strategy prefers: stage, tier, penalty.
pub(crate) type Group = (u8, u8, u8);

/// An agent's place among the ready ones: his group, his rank, since when he has been idle, himself.
pub(crate) type Place = (Group, u64, u64, AgentKey);

/// The ready agents of a pool.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Ready {
    /// By rank.
    ranked: BTreeSet<Place>,
    /// By chance: of each group, the agents with their weights, in any order.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs"))]
    bags: BTreeMap<Group, Vec<(AgentKey, u16)>>,
}

/// How one is chosen of the ready agents of the first group.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice {
    First,
    /// The next rank after this one, or the first.
    After(u64),
    Chance,
    /// In proportion to weights, of which this is the largest.
    WeightedChance(u16),
}

/// After so many who were thrown back the next is taken: with weights that differ by a factor of ten, once in a thousand choices.
const TRIES: usize = 64;

impl Ready {
    pub(crate) fn insert(&mut self, place: Place) {
        self.ranked.insert(place);
    }

    /// Adds an agent to the bag; gives his place in it.
    pub(crate) fn insert_bag(&mut self, group: Group, agent: AgentKey, weight: u16) -> usize {
        let bag = self.bags.entry(group).or_default();
        bag.push((agent, weight.max(1)));
        bag.len() - 1
    }

    pub(crate) fn remove(&mut self, place: &Place) {
        self.ranked.remove(place);
    }

    /// Takes an agent out of the bag; gives who now has his place in it.
    pub(crate) fn remove_bag(&mut self, group: Group, at: usize) -> Option<AgentKey> {
        let bag = self.bags.get_mut(&group)?;
        if at < bag.len() {
            bag.swap_remove(at);
        }
        let moved = bag.get(at).map(|(agent, _)| *agent);
        if bag.is_empty() {
            self.bags.remove(&group);
        }
        moved
    }

    /// Who is chosen for a contact that has reached `stage`; none of `except`, who ring already.
    pub(crate) fn choose(
        &self,
        stage: u8,
        choice: Choice,
        except: &[AgentKey],
        rng: &mut impl Rng,
    ) -> Option<AgentKey> {
        match choice {
            Choice::First => self.first(stage, except),
            Choice::After(rank) => {
                let (group, ..) = self.ranked.first().filter(|place| place.0.0 <= stage)?;
                let from = (*group, rank.saturating_add(1), 0, AgentKey::default());
                let next = self.ranked.range(from..).next().filter(|place| place.0 == *group);
                next.map(|place| place.3).or_else(|| self.first(stage, except))
            }
            Choice::Chance => {
                let bag = self.first_bag(stage)?;
                bag.get(below(rng, bag.len())).map(|(agent, _)| *agent)
            }
            Choice::WeightedChance(most) => {
                // Anybody, taken in proportion to his weight and otherwise thrown back.
                let bag = self.first_bag(stage)?;
                for _ in 0..TRIES {
                    let (agent, weight) = bag.get(below(rng, bag.len()))?;
                    if below(rng, usize::from(most)) < usize::from(*weight) {
                        return Some(*agent);
                    }
                }
                bag.first().map(|(agent, _)| *agent)
            }
        }
    }

    fn first(&self, stage: u8, except: &[AgentKey]) -> Option<AgentKey> {
        let mut reached = self.ranked.iter().take_while(|place| place.0.0 <= stage);
        let place = reached.find(|place| !except.contains(&place.3))?;
        Some(place.3)
    }

    fn first_bag(&self, stage: u8) -> Option<&Vec<(AgentKey, u16)>> {
        let (group, bag) = self.bags.first_key_value()?;
        (group.0 <= stage).then_some(bag)
    }

    pub(crate) fn contains(&self, place: &Place) -> bool {
        self.ranked.contains(place)
    }

    pub(crate) fn in_bag(&self, group: Group, at: usize) -> Option<(AgentKey, u16)> {
        self.bags.get(&group)?.get(at).copied()
    }

    /// All who are asked at `stage`.
    pub(crate) fn agents(&self, stage: u8) -> impl Iterator<Item = AgentKey> {
        let ranked = self
            .ranked
            .iter()
            .filter(move |place| place.0.0 <= stage)
            .map(|place| place.3);
        let bags = self.bags.iter().filter(move |(group, _)| group.0 <= stage);
        ranked.chain(bags.flat_map(|(_, bag)| bag.iter().map(|(agent, _)| *agent)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranked.is_empty() && self.bags.is_empty()
    }
}

/// A number below `end`, each equally likely (to within 2^-32).
fn below(rng: &mut impl Rng, end: usize) -> usize {
    let end = u64::try_from(end).unwrap_or(u64::MAX);
    let number = (u128::from(rng.next_u64()) * u128::from(end)) >> 64;
    usize::try_from(number).unwrap_or(0)
}
