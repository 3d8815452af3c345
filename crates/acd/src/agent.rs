use core::cmp::Reverse;
use core::time::Duration;
use std::collections::BTreeMap;

use machine::Time;
use smallvec::SmallVec;

use crate::contact::{ContactKey, NEVER, nanos};
use crate::pool::{Group, Place, PoolKey};
use crate::positions::OrderKey;
use crate::queue::QueueKey;
use crate::{AgentConfig, AgentState, Channel, PauseReason, WrapUp};

slotmap::new_key_type! {
    pub(crate) struct AgentKey;
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Agent<A> {
    pub(crate) id: A,
    /// What he is to be, queues that are not there included.
    pub(crate) wanted: Box<AgentConfig>,
    /// What he is; its memberships are those of `memberships`.
    pub(crate) config: AgentConfig,
    /// He is to go as soon as nothing holds him.
    pub(crate) removed: bool,
    pub(crate) signed_on: Option<Time>,
    pub(crate) paused: Option<PauseReason>,
    pub(crate) reachable: bool,
    pub(crate) engaged: bool,
    /// He gets nothing until then.
    pub(crate) held: Option<(Time, PauseReason)>,
    pub(crate) links: SmallVec<[Link; 1]>,
    /// Offers in a row that he let ring.
    pub(crate) unanswered: u8,
    pub(crate) idle_since: Time,
    /// His occupancy as it was when he came free.
    pub(crate) idle_occupancy: u32,
    pub(crate) talk: Duration,
    pub(crate) occupied: Duration,
    pub(crate) occupied_since: Option<Time>,
    /// One for each membership.
    pub(crate) memberships: Vec<Member>,
    /// The pools for which he is fit; by channel, and then those whose contacts he gets first.
    pub(crate) pools: Vec<Fit>,
    /// His places in them while he is ready.
    pub(crate) stands: Vec<(PoolKey, Stand)>,
    /// The channels for which he is among the ready.
    pub(crate) ready: SmallVec<[Channel; 2]>,
    /// Contacts that prefer him and ring nowhere.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs"))]
    pub(crate) preferred_by: BTreeMap<(Channel, OrderKey), ContactKey>,
    /// What was told of him last.
    pub(crate) told: AgentState,
    pub(crate) alarm: Time,
}

/// What he did in a queue.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Member {
    pub(crate) queue: QueueKey,
    /// The number of the wait from which on he is asked.
    pub(crate) stage: u8,
    /// His number in the queue, in the order of coming.
    pub(crate) ordinal: u32,
    pub(crate) contacts: u32,
    /// How long its contacts occupied him, in nanoseconds.
    pub(crate) work: u64,
    pub(crate) last: Option<Time>,
}

/// A pool for which an agent is fit, with all that decides whose contacts he gets first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Fit {
    pub(crate) channel: Channel,
    /// Of the queue with the agent.
    pub(crate) rank: u8,
    /// Of the queue.
    pub(crate) weight: Reverse<u16>,
    /// Of the agent in the queue.
    pub(crate) stage: u8,
    /// Of his memberships.
    pub(crate) member: u16,
    pub(crate) pool: PoolKey,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Stand {
    Ranked(Place),
    /// His group, his place in its bag, his weight.
    Bag(Group, usize, u16),
}

/// A contact that takes some of an agent's capacity.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Link {
    pub(crate) contact: ContactKey,
    pub(crate) queue: QueueKey,
    pub(crate) channel: Channel,
    pub(crate) phase: LinkPhase,
    pub(crate) wrap_up: WrapUp,
    /// When the talk began.
    pub(crate) began: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum LinkPhase {
    /// Offered; withdrawn then.
    Reserved(Time),
    Ringing(Time),
    Talking(Time),
    /// Over at that time, or when he says so.
    WrapUp(Option<Time>),
}

impl<A> Agent<A> {
    pub(crate) fn new(id: A, config: AgentConfig, now: Time) -> Self {
        Self {
            id,
            wanted: Box::new(config.clone()),
            config,
            removed: false,
            signed_on: None,
            paused: None,
            reachable: true,
            engaged: false,
            held: None,
            links: SmallVec::new(),
            unanswered: 0,
            idle_since: now,
            idle_occupancy: 0,
            talk: Duration::ZERO,
            occupied: Duration::ZERO,
            occupied_since: None,
            memberships: Vec::new(),
            pools: Vec::new(),
            stands: Vec::new(),
            ready: SmallVec::new(),
            preferred_by: BTreeMap::new(),
            told: AgentState::Off,
            alarm: NEVER,
        }
    }

    /// What he does, as others see it.
    pub(crate) fn state(&self) -> AgentState {
        let has = |phase: fn(&LinkPhase) -> bool| self.links.iter().any(|link| phase(&link.phase));
        if has(|phase| matches!(phase, LinkPhase::Talking(_))) {
            AgentState::Busy
        } else if has(|phase| matches!(phase, LinkPhase::Ringing(_))) {
            AgentState::Ringing
        } else if has(|phase| matches!(phase, LinkPhase::Reserved(_))) {
            AgentState::Reserved
        } else if !self.links.is_empty() {
            AgentState::WrapUp
        } else if self.signed_on.is_none() {
            AgentState::Off
        } else if !self.reachable {
            AgentState::Unreachable
        } else if let Some(reason) = self.paused {
            AgentState::Paused(reason)
        } else if let Some((_, reason)) = self.held {
            AgentState::Paused(reason)
        } else if self.engaged {
            AgentState::Engaged
        } else {
            AgentState::Ready
        }
    }

    /// Whether he may be offered a contact of `channel` now.
    pub(crate) fn can_take(&self, channel: Channel) -> bool {
        let free = self.signed_on.is_some()
            && self.reachable
            && !self.engaged
            && self.paused.is_none()
            && self.held.is_none()
            && !self.removed;
        if !free {
            return false;
        }
        // A call wants him alone.
        if channel == Channel::VOICE || self.links.iter().any(|link| link.channel == Channel::VOICE) {
            let calls_only = self.links.iter().all(|link| link.channel == channel);
            if !calls_only {
                return false;
            }
        }
        let taken = self.links.iter().filter(|link| link.channel == channel).count();
        taken < usize::from(self.config.capacity_of(channel))
    }

    /// Whether he is to have a place in a queue.
    pub(crate) fn wants(&self, queue: crate::QueueId) -> bool {
        self.wanted.memberships.iter().any(|place| place.queue == queue)
    }

    /// Whether he is a member of the queue.
    pub(crate) fn serves(&self, queue: QueueKey) -> bool {
        self.memberships.iter().any(|member| member.queue == queue)
    }

    /// His rank by position in a queue.
    pub(crate) fn rank_in(&self, queue: QueueKey) -> Option<u64> {
        let at = self.memberships.iter().position(|member| member.queue == queue)?;
        let (member, membership) = (self.memberships.get(at)?, self.config.memberships.get(at)?);
        Some((u64::from(membership.position) << 32) | u64::from(member.ordinal))
    }

    /// Nothing of a contact takes his capacity any more, except for the wrap-up of talks that he had before.
    pub(crate) fn drop_link(&mut self, contact: ContactKey) {
        self.links
            .retain(|link| link.contact != contact || matches!(link.phase, LinkPhase::WrapUp(_)));
    }

    /// Ends the wrap-up of those contacts for which it is `over`; whether it was of any.
    pub(crate) fn end_wrap_up(&mut self, now: Time, over: impl Fn(&Link, Option<Time>) -> bool) -> bool {
        let before = self.links.len();
        let memberships = &mut self.memberships;
        self.links.retain(|link| match link.phase {
            LinkPhase::WrapUp(until) if over(link, until) => {
                note_work(memberships, link, now);
                false
            }
            LinkPhase::Reserved(_) | LinkPhase::Ringing(_) | LinkPhase::Talking(_) | LinkPhase::WrapUp(_) => true,
        });
        self.links.len() < before
    }

    pub(crate) fn link_mut(&mut self, contact: ContactKey) -> Option<&mut Link> {
        let live = |link: &&mut Link| link.contact == contact && !matches!(link.phase, LinkPhase::WrapUp(_));
        self.links.iter_mut().find(live)
    }

    /// The share of the time since he signed on in which he was occupied, in millionths.
    pub(crate) fn occupancy(&self, now: Time) -> u32 {
        let Some(on) = self.signed_on else { return 0 };
        let total = (now - on).as_nanos();
        let occupied = self.occupied + self.occupied_since.map_or(Duration::ZERO, |since| now - since);
        let share = (occupied.as_nanos() * 1_000_000).checked_div(total).unwrap_or(0);
        u32::try_from(share).unwrap_or(1_000_000).min(1_000_000)
    }

    /// When something of his is due.
    pub(crate) fn due(&self) -> Option<Time> {
        let links = self.links.iter().filter_map(|link| match link.phase {
            LinkPhase::Reserved(until) | LinkPhase::Ringing(until) => Some(until),
            LinkPhase::Talking(_) => None,
            LinkPhase::WrapUp(until) => until,
        });
        links.chain(self.held.map(|(until, _)| until)).min()
    }
}

/// A contact has occupied an agent until now.
pub(crate) fn note_work(memberships: &mut [Member], link: &Link, now: Time) {
    if let Some(member) = memberships.iter_mut().find(|member| member.queue == link.queue) {
        member.work = member.work.saturating_add(nanos(now - link.began));
    }
}
