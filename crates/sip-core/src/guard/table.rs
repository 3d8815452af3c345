//! A map of bounded size that forgets what was not used for longest.

use core::hash::Hash;
use std::collections::HashMap;

/// The end of the list.
const NONE: u32 = u32::MAX;

/// Each operation takes constant time. The order of use is a list through the slots, thus nothing depends on the order of
/// the map.
#[derive(Clone, Debug)]
pub(super) struct Table<K, V> {
    capacity: usize,
    index: HashMap<K, u32>,
    slots: Vec<Slot<K, V>>,
    newest: u32,
    oldest: u32,
}

#[derive(Clone, Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    newer: u32,
    older: u32,
}

impl<K: Clone + Eq + Hash, V> Table<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        // One slot number is the list's end.
        let capacity = capacity.min(NONE as usize - 1);
        Self {
            capacity,
            index: HashMap::new(),
            slots: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let slot = *self.index.get(key)?;
        self.slots.get(slot as usize).map(|slot| &slot.value)
    }

    /// The value of `key`, which is now the newest; a new one if there is none, perhaps in the place of the oldest. The
    /// second: whether another was forgotten. `None` where the table has no room at all.
    pub(super) fn touch(&mut self, key: &K, new: impl FnOnce() -> V) -> Option<(&mut V, bool)> {
        let mut forgot = false;
        let at = match self.index.get(key) {
            Some(&at) => {
                self.unlink(at);
                at
            }
            None if self.slots.len() < self.capacity => {
                let at = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot {
                    key: key.clone(),
                    value: new(),
                    newer: NONE,
                    older: NONE,
                });
                self.index.insert(key.clone(), at);
                at
            }
            None => {
                let at = self.oldest;
                self.unlink(at);
                let slot = self.slots.get_mut(at as usize)?;
                self.index.remove(&slot.key);
                slot.key = key.clone();
                slot.value = new();
                self.index.insert(key.clone(), at);
                forgot = true;
                at
            }
        };
        self.link_newest(at);
        self.slots.get_mut(at as usize).map(|slot| (&mut slot.value, forgot))
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.index.remove(key)?;
        self.unlink(at);
        let last = u32::try_from(self.slots.len()).ok()?.checked_sub(1)?;
        let removed = self.slots.swap_remove(at as usize);
        if at != last
            && let Some(moved) = self.slots.get(at as usize)
        {
            let (newer, older) = (moved.newer, moved.older);
            self.index.insert(moved.key.clone(), at);
            self.set_older(newer, at);
            self.set_newer(older, at);
        }
        Some(removed.value)
    }

    fn unlink(&mut self, at: u32) {
        let Some(slot) = self.slots.get(at as usize) else {
            return;
        };
        let (newer, older) = (slot.newer, slot.older);
        self.set_older(newer, older);
        self.set_newer(older, newer);
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        if let Some(slot) = self.slots.get_mut(at as usize) {
            slot.newer = NONE;
            slot.older = before;
        }
        self.set_newer(before, at);
        self.newest = at;
    }

    /// The slot that follows `at` towards the oldest; of the end: the newest.
    fn set_older(&mut self, at: u32, older: u32) {
        match self.slots.get_mut(at as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }

    fn set_newer(&mut self, at: u32, newer: u32) {
        match self.slots.get_mut(at as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(feature = "serde")]
mod saved {
    use core::hash::Hash;

    use serde::ser::SerializeStruct;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{NONE, Table};

    /// Written from the oldest to the newest.
    impl<K: Serialize + Clone + Eq + Hash, V: Serialize> Serialize for Table<K, V> {
        fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
            let mut entries = Vec::with_capacity(self.slots.len());
            let mut at = self.oldest;
            while at != NONE
                && let Some(slot) = self.slots.get(at as usize)
            {
                entries.push((&slot.key, &slot.value));
                at = slot.newer;
            }
            let mut out = out.serialize_struct("Table", 2)?;
            out.serialize_field("capacity", &self.capacity)?;
            out.serialize_field("entries", &entries)?;
            out.end()
        }
    }

    #[derive(Deserialize)]
    struct Written<K, V> {
        capacity: usize,
        entries: Vec<(K, V)>,
    }

    impl<'de, K: Deserialize<'de> + Clone + Eq + Hash, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
        fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            let written = Written::deserialize(input)?;
            let mut table = Self::new(written.capacity);
            for (key, value) in written.entries {
                table.touch(&key, || value);
            }
            Ok(table)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn at_the_limit_and_one_past() {
        let mut table = Table::new(2);
        assert_eq!(table.touch(&'a', || 1).map(|(_, forgot)| forgot), Some(false));
        assert_eq!(table.touch(&'b', || 2).map(|(_, forgot)| forgot), Some(false));
        table.touch(&'a', || 9);
        assert_eq!(table.touch(&'c', || 3).map(|(_, forgot)| forgot), Some(true));
        assert_eq!(
            (table.get(&'a'), table.get(&'b'), table.get(&'c')),
            (Some(&1), None, Some(&3))
        );
        assert_eq!(table.len(), 2);
        assert!(Table::new(0).touch(&'a', || 1).is_none());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Touch(u8),
        Remove(u8),
    }

    proptest! {
        /// Against a vector in the order of use.
        #[test]
        fn agrees_with_a_list(
            capacity in 0_usize..6,
            steps in prop::collection::vec(prop_oneof![
                3 => (0_u8..10).prop_map(Step::Touch), 1 => (0_u8..10).prop_map(Step::Remove)
            ], 0..200)
        ) {
            let (mut table, mut model) = (Table::new(capacity), Vec::<(u8, usize)>::new());
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Touch(key) => {
                        let known = model.iter().position(|(other, _)| *other == key);
                        let entry = known.map_or((key, n), |at| model.remove(at));
                        model.push(entry);
                        if model.len() > capacity {
                            model.remove(0);
                        }
                        let got = table.touch(&key, || n).map(|(value, _)| *value);
                        prop_assert_eq!(got, (capacity > 0).then_some(entry.1));
                    }
                    Step::Remove(key) => {
                        let known = model.iter().position(|(other, _)| *other == key);
                        prop_assert_eq!(table.remove(&key), known.map(|at| model.remove(at).1));
                    }
                }
                prop_assert_eq!(table.len(), model.len());
                for key in 0..10 {
                    let expected = model.iter().find(|(other, _)| *other == key).map(|(_, value)| value);
                    prop_assert_eq!(table.get(&key), expected);
                }
            }
        }
    }
}
