//! The contacts of a queue in their order, so that the position of any of them is found without counting all.

/// The order of a contact: priority (the lowest number first), time, arrival number.
pub(crate) type OrderKey = (i32, i64, u64);

/// Keys in order, in chunks: inserting and removing move one chunk's keys at most, and a position is a sum over chunks.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Positions {
    /// None of them empty; each in order, and all before the next.
    chunks: Vec<Vec<OrderKey>>,
    len: usize,
}

/// Keys in a chunk at most: moving so many costs about as much as summing up the chunks of 100,000.
const CHUNK: usize = 256;

impl Positions {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, key: OrderKey) {
        self.len += 1;
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            // Most often the last comer is the last in line.
            if let Some(last) = self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
                last.push(key);
            } else {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(key);
                self.chunks.push(chunk);
            }
            return;
        };
        let place = chunk.partition_point(|other| *other < key);
        chunk.insert(place, key);
        if chunk.len() > CHUNK {
            let mut rest = Vec::with_capacity(CHUNK);
            rest.extend(chunk.drain(CHUNK / 2..));
            self.chunks.insert(at + 1, rest);
        }
    }

    pub(crate) fn remove(&mut self, key: OrderKey) -> bool {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return false;
        };
        let Ok(place) = chunk.binary_search(&key) else {
            return false;
        };
        chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        true
    }

    /// How many are before `key`.
    pub(crate) fn before(&self, key: OrderKey) -> usize {
        let at = self.chunk_of(key);
        let full: usize = self.chunks.iter().take(at).map(Vec::len).sum();
        let within = self
            .chunks
            .get(at)
            .map_or(0, |chunk| chunk.partition_point(|other| *other < key));
        full + within
    }

    #[cfg(test)]
    pub(crate) fn first(&self) -> Option<OrderKey> {
        self.chunks.first().and_then(|chunk| chunk.first()).copied()
    }

    /// The first chunk whose last key is not before `key`; one past the end if there is none.
    fn chunk_of(&self, key: OrderKey) -> usize {
        self.chunks
            .partition_point(|chunk| chunk.last().is_some_and(|last| *last < key))
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, OrderKey, Positions};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Beside a set, in which positions are counted.
        #[test]
        fn positions_are_those_of_a_sorted_list(steps in prop::collection::vec((any::<bool>(), 0..2_000_u64), 1..3_000)) {
            let (mut positions, mut model) = (Positions::default(), BTreeSet::<OrderKey>::new());
            for (add, number) in steps {
                let key = (0, i64::try_from(number % 7).unwrap(), number);
                if add && model.insert(key) {
                    positions.insert(key);
                } else if !add {
                    prop_assert_eq!(positions.remove(key), model.remove(&key));
                }
                prop_assert_eq!(positions.len(), model.len());
                prop_assert_eq!(positions.first(), model.first().copied());
                prop_assert_eq!(positions.before(key), model.range(..key).count());
                prop_assert!(positions.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
            }
        }
    }
}
