//! Answers that are kept, and targets that are avoided: both ordered by when they end.

use std::collections::{BTreeMap, BTreeSet};

use machine::Time;

/// A bounded map whose entries end by themselves. The one that would end first makes room for another.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(bound(
        serialize = "K: serde::Serialize + Ord, V: serde::Serialize",
        deserialize = "K: serde::de::DeserializeOwned + Ord, V: serde::de::DeserializeOwned"
    ))
)]
pub(super) struct Expiring<K, V> {
    max: usize,
    #[cfg_attr(feature = "serde", serde(with = "crate::endpoint::saved::by_remote"))]
    entries: BTreeMap<K, (Time, V)>,
    ends: BTreeSet<(Time, K)>,
}

impl<K: Ord + Clone, V> Expiring<K, V> {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            max,
            entries: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    pub(super) fn insert(&mut self, end: Time, key: K, value: V) {
        self.remove(&key);
        while self.entries.len() >= self.max {
            let Some((_, first)) = self.ends.pop_first() else {
                return;
            };
            self.entries.remove(&first);
        }
        self.ends.insert((end, key.clone()));
        self.entries.insert(key, (end, value));
    }

    /// At the instant of its end an entry is gone.
    pub(super) fn get(&self, now: Time, key: &K) -> Option<(Time, &V)> {
        let (end, value) = self.entries.get(key)?;
        (*end > now).then_some((*end, value))
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some((end, _)) = self.entries.remove(key) {
            self.ends.remove(&(end, key.clone()));
        }
    }

    /// Drops what has ended.
    pub(super) fn sweep(&mut self, now: Time) {
        while self.ends.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.ends.pop_first() {
                self.entries.remove(&key);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.ends.clear();
    }
}
