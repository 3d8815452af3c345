//! Who served a customer last.

use std::collections::{BTreeMap, BTreeSet};

use machine::Time;

use crate::agent::AgentKey;
use crate::contact::ContactKey;
use crate::queue::QueueKey;

/// The history of customers, as far as the distribution needs it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Customers {
    last: BTreeMap<u64, (AgentKey, Time)>,
    by_time: BTreeSet<(Time, u64)>,
    /// Call-backs that wait, one a queue and customer.
    #[cfg_attr(feature = "serde", serde(with = "crate::saved::pairs"))]
    call_backs: BTreeMap<(QueueKey, u64), ContactKey>,
}

impl Customers {
    pub(crate) fn served(&mut self, customer: u64, agent: AgentKey, now: Time, limit: usize) {
        if let Some((_, before)) = self.last.insert(customer, (agent, now)) {
            self.by_time.remove(&(before, customer));
        }
        self.by_time.insert((now, customer));
        while self.last.len() > limit {
            let Some((_, oldest)) = self.by_time.pop_first() else {
                break;
            };
            self.last.remove(&oldest);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.last.len()
    }

    pub(crate) fn last(&self, customer: u64) -> Option<(AgentKey, Time)> {
        self.last.get(&customer).copied()
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
