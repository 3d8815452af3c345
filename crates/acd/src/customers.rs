//! Who served a customer last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use machine::Time;

use crate::agent::AgentKey;
use crate::contact::ContactKey;
use crate::queue::QueueKey;
use crate::{Channel, Limits, QueueId};

/// A contact of a customer that an agent had.
///
/// ```
/// use acd::{Acd, AgentConfig, Arrival, Channel, Limits, QueueConfig, QueueId, Strategy};
/// use machine::{Machine, Time};
///
/// let (now, sales) = (Time::from_secs(1), QueueId(1));
/// let mut acd: Acd<u64, u32> = Acd::new(Limits::default(), [7; 32]);
/// acd.set_queue(now, sales, QueueConfig::new(Strategy::LongestIdle))?;
/// acd.set_agent(now, 21, AgentConfig::in_queues([sales]))?;
/// acd.sign_on(now, &21)?;
/// let mut call = Arrival::call(sales);
/// call.customer = Some(4711);
/// acd.arrive(now, 1, call)?;
/// acd.accept(now, &1, &21)?;
/// let served = acd.history(4711).next().ok_or("never seen")?;
/// assert_eq!((served.channel, served.agent), (Channel::VOICE, Some(21)));
/// # let _ = acd.poll_output();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Served<A> {
    /// When they were connected.
    pub when: Time,
    /// In which queue.
    pub queue: QueueId,
    /// On which channel.
    pub channel: Channel,
    /// With whom; `None` if he is not there any more.
    pub agent: Option<A>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Entry {
    pub(crate) when: Time,
    pub(crate) queue: QueueId,
    pub(crate) channel: Channel,
    pub(crate) agent: AgentKey,
}

/// The history of customers, as far as the distribution needs it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Customers {
    last: BTreeMap<u64, VecDeque<Entry>>,
    by_time: BTreeSet<(Time, u64)>,
    /// Call-backs that wait, one a queue and customer.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs"))]
    call_backs: BTreeMap<(QueueKey, u64), ContactKey>,
}

impl Customers {
    pub(crate) fn served(&mut self, customer: u64, entry: Entry, limit: usize) {
        let history = self.last.entry(customer).or_default();
        if let Some(before) = history.back() {
            self.by_time.remove(&(before.when, customer));
        }
        if history.len() >= Limits::HISTORY {
            history.pop_front();
        }
        self.by_time.insert((entry.when, customer));
        history.push_back(entry);
        while self.last.len() > limit {
            let Some((_, oldest)) = self.by_time.pop_first() else {
                break;
            };
            self.last.remove(&oldest);
        }
    }

    pub(crate) fn history(&self, customer: u64) -> impl DoubleEndedIterator<Item = &Entry> {
        self.last.get(&customer).into_iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.last.len()
    }

    pub(crate) fn last(&self, customer: u64) -> Option<(AgentKey, Time)> {
        self.last.get(&customer)?.back().map(|entry| (entry.agent, entry.when))
    }

    pub(crate) fn call_back(&self, queue: QueueKey, customer: u64) -> Option<ContactKey> {
        self.call_backs.get(&(queue, customer)).copied()
    }

    pub(crate) fn add_call_back(&mut self, queue: QueueKey, customer: u64, contact: ContactKey) {
        self.call_backs.insert((queue, customer), contact);
    }

    pub(crate) fn remove_call_back(&mut self, queue: QueueKey, customer: u64, contact: ContactKey) {
        if self.call_back(queue, customer) == Some(contact) {
            self.call_backs.remove(&(queue, customer));
        }
    }
}
