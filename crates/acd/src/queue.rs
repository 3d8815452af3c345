use core::time::Duration;
use std::collections::BTreeMap;

use machine::Time;

use crate::agent::AgentKey;
use crate::expected::Expected;
use crate::pool::PoolKey;
use crate::positions::{OrderKey, Positions};
use crate::{AgentState, Channel, Counted, Membership, Order, QueueConfig, QueueId, Skills};

slotmap::new_key_type! {
    pub(crate) struct QueueKey;
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    pub(crate) config: QueueConfig,
    pub(crate) open: bool,
    /// Contacts in line, with those that are being offered.
    pub(crate) line: Positions,
    /// How many of them have somebody on the line.
    pub(crate) listening: usize,
    /// Which pools there are for it.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs"))]
    pub(crate) pools: BTreeMap<(Channel, Skills), PoolKey>,
    pub(crate) members: Vec<AgentKey>,
    pub(crate) next_ordinal: u32,
    /// The waits at which somebody more is asked; the first is zero.
    pub(crate) opens: Vec<Duration>,
    /// How many of which stage are signed on.
    pub(crate) signed_on: Vec<u32>,
    /// How many of its members do what.
    pub(crate) population: Population,
    /// The largest weight of a member.
    pub(crate) max_weight: u16,
    /// The rank that was offered a contact last.
    pub(crate) last_rank: u64,
    pub(crate) expected: Expected,
}

/// How many agents do what.
///
/// ```
/// use acd::{Acd, AgentConfig, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// let agents = acd.queue(sales).map(|queue| queue.population);
/// assert_eq!(agents.map(|agents| (agents.ready, agents.in_service())), Some((1, 1)));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Population {
    /// Ready.
    pub ready: u32,
    /// Reserved or ringing.
    pub offered: u32,
    /// With a contact.
    pub busy: u32,
    /// In wrap-up.
    pub wrap_up: u32,
    /// Paused.
    pub paused: u32,
    /// Signed on, with a phone that cannot be reached.
    pub unreachable: u32,
    /// Using their phones for something else.
    pub engaged: u32,
}

impl Population {
    pub(crate) fn count(&mut self, state: AgentState, add: bool) {
        let count = match state {
            AgentState::Off => return,
            AgentState::Ready => &mut self.ready,
            AgentState::Reserved | AgentState::Ringing => &mut self.offered,
            AgentState::Busy => &mut self.busy,
            AgentState::WrapUp => &mut self.wrap_up,
            AgentState::Paused(_) => &mut self.paused,
            AgentState::Unreachable => &mut self.unreachable,
            AgentState::Engaged => &mut self.engaged,
        };
        *count = if add { *count + 1 } else { count.saturating_sub(1) };
    }

    /// Those who serve contacts or soon will.
    #[must_use]
    pub const fn in_service(&self) -> u32 {
        self.ready + self.offered + self.busy + self.wrap_up
    }

    pub(crate) const fn satisfies(&self, needed: Counted) -> bool {
        self.ready > 0
            || self.offered > 0
            || (needed.busy && self.busy + self.engaged > 0)
            || (needed.wrap_up && self.wrap_up > 0)
            || (needed.paused && self.paused > 0)
            || (needed.unreachable && self.unreachable > 0)
    }
}

impl Queue {
    pub(crate) fn new(id: QueueId, config: QueueConfig) -> Self {
        Self {
            id,
            config,
            open: true,
            line: Positions::default(),
            listening: 0,
            pools: BTreeMap::new(),
            members: Vec::new(),
            next_ordinal: 0,
            opens: vec![Duration::ZERO],
            signed_on: vec![0],
            population: Population::default(),
            max_weight: 1,
            last_rank: u64::MAX,
            expected: Expected::default(),
        }
    }

    /// The wait from which on a member is asked; `None`: never.
    pub(crate) fn opening(&self, member: &Membership) -> Option<Duration> {
        let tier = match member.tier.checked_sub(1) {
            None => Duration::ZERO,
            Some(at) => *self.config.tiers.get(usize::from(at))?,
        };
        let penalty = if self.config.penalties.is_empty() {
            Duration::ZERO
        } else {
            let fits = |(_, up_to): &&(Duration, u8)| *up_to >= member.penalty;
            self.config
                .penalties
                .iter()
                .filter(fits)
                .map(|(after, _)| *after)
                .min()?
        };
        Some(tier.max(penalty).max(member.delay))
    }

    /// How long a contact may wait. Nobody is on the line of a call-back who would mind; and of two queues that overflow to each other at once,
    /// neither would ever be done.
    pub(crate) fn max_wait(&self, call_back: bool) -> Option<Duration> {
        let most = self.config.max_wait.filter(|_| !call_back)?;
        Some(most.max(Duration::from_millis(1)))
    }

    /// The stage of a contact that has waited for so long.
    pub(crate) fn stage(&self, waited: Duration) -> u8 {
        let reached = self.opens.partition_point(|open| *open <= waited);
        u8::try_from(reached.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// The stage that everybody has reached since nobody of the stages before it is signed on.
    pub(crate) fn floor(&self) -> u8 {
        if !self.config.skip_empty_tiers {
            return 0;
        }
        let floor = self.signed_on.iter().position(|count| *count > 0).unwrap_or(0);
        u8::try_from(floor).unwrap_or(u8::MAX)
    }

    pub(crate) fn order_key(&self, priority: i16, arrival: Time, number: u64) -> OrderKey {
        let at = i64::try_from(arrival.as_nanos()).unwrap_or(i64::MAX);
        let ahead = |step: Duration| {
            let step = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX);
            at.saturating_sub(step.saturating_mul(i64::from(priority)))
        };
        match self.config.order {
            Order::Arrival => OrderKey::new(0, at, number),
            Order::Priority => OrderKey::new(priority, at, number),
            Order::Ageing(step) => OrderKey::new(0, ahead(step), number),
            Order::ServiceTarget(step) => {
                let target = i64::try_from(self.config.service_target.as_nanos()).unwrap_or(i64::MAX);
                OrderKey::new(0, ahead(step).saturating_add(target), number)
            }
        }
    }
}
