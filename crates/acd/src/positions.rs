//! The contacts of a queue in their order, so that the position of any of them is found without counting all.

use std::collections::VecDeque;

use crate::contact::ContactKey;

/// The order of a contact: priority (the lowest number first), time, arrival number; in two words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OrderKey(u64, u64);

/// Bits of the arrival number. It decides between contacts of the same nanosecond only.
const NUMBER: u32 = 48;

impl OrderKey {
    /// Before all others.
    pub(crate) const FIRST: OrderKey = OrderKey(0, 0);

    /// The higher priority first, then the earlier time, then the lower number.
    pub(crate) fn new(priority: i16, at: i64, number: u64) -> Self {
        let behind = i16::MAX.abs_diff(priority);
        let at = at.cast_unsigned() ^ (1 << 63);
        Self(
            (u64::from(behind) << NUMBER) | (at >> 16),
            (at << NUMBER) | (number & ((1 << NUMBER) - 1)),
        )
    }

    pub(crate) const fn number(self) -> u64 {
        self.1 & ((1 << NUMBER) - 1)
    }
}

/// Contacts in order, in chunks: inserting and removing move one chunk's contacts at most, and a position is a sum over chunks.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Positions {
    /// For each chunk a key that is not before any of it, and before all of the next: to find a chunk without a look at it.
    ends: Vec<OrderKey>,
    /// None of them empty; each in order, and all before the next.
    chunks: Vec<VecDeque<(OrderKey, ContactKey)>>,
    /// One that came empty, for the next: most lines are short, and often empty.
    #[cfg_attr(feature = "serde", serde(skip))]
    spare: VecDeque<(OrderKey, ContactKey)>,
    len: usize,
}

/// Contacts in a chunk at most: moving so many costs about as much as summing up the chunks of 100,000.
const CHUNK: usize = 64;

impl Positions {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, key: OrderKey, contact: ContactKey) {
        self.len += 1;
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            // Most often the last comer is the last in line.
            if let (Some(last), Some(end)) = (self.chunks.last_mut(), self.ends.last_mut())
                && last.len() < CHUNK
            {
                last.push_back((key, contact));
                *end = key;
            } else {
                let mut chunk = core::mem::take(&mut self.spare);
                chunk.reserve(CHUNK);
                chunk.push_back((key, contact));
                self.chunks.push(chunk);
                self.ends.push(key);
            }
            return;
        };
        let place = chunk.partition_point(|(other, _)| *other < key);
        chunk.insert(place, (key, contact));
        if chunk.len() > CHUNK {
            let mut rest = VecDeque::with_capacity(CHUNK);
            rest.extend(chunk.drain(CHUNK / 2..));
            let end = chunk.back().map_or(key, |(last, _)| *last);
            self.chunks.insert(at + 1, rest);
            self.ends.insert(at, end);
        }
    }

    pub(crate) fn remove(&mut self, key: OrderKey) -> bool {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            return false;
        };
        let Ok(place) = chunk.binary_search_by_key(&key, |(other, _)| *other) else {
            return false;
        };
        chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.spare = self.chunks.remove(at);
            self.ends.remove(at);
        }
        true
    }

    /// How many are before `key`.
    pub(crate) fn before(&self, key: OrderKey) -> usize {
        let at = self.chunk_of(key);
        let full: usize = self.chunks.iter().take(at).map(VecDeque::len).sum();
        let within = self
            .chunks
            .get(at)
            .map_or(0, |chunk| chunk.partition_point(|(other, _)| *other < key));
        full + within
    }

    /// All of them, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ContactKey> {
        self.chunks.iter().flatten().map(|(_, contact)| *contact)
    }

    /// The first chunk whose last key is not before `key`; one past the end if there is none.
    fn chunk_of(&self, key: OrderKey) -> usize {
        self.ends.partition_point(|end| *end < key)
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, OrderKey, Positions};
    use crate::contact::ContactKey;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Beside a set, in which positions are counted.
        #[test]
        fn positions_are_those_of_a_sorted_list(steps in prop::collection::vec((any::<bool>(), 0..2_000_u64), 1..3_000)) {
            let (mut positions, mut model) = (Positions::default(), BTreeSet::<OrderKey>::new());
            for (add, number) in steps {
                let key = OrderKey::new(0, i64::try_from(number % 7).unwrap(), number);
                if add && model.insert(key) {
                    positions.insert(key, ContactKey::default());
                } else if !add {
                    prop_assert_eq!(positions.remove(key), model.remove(&key));
                }
                prop_assert_eq!(positions.len(), model.len());
                prop_assert_eq!(positions.before(key), model.range(..key).count());
                prop_assert!(positions.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= CHUNK));
            }
            prop_assert_eq!(positions.iter().count(), model.len());
        }

        /// Priority first, then time, then number; at their ends as well.
        #[test]
        fn keys_are_ordered_as_what_they_are_made_of(
            a in (any::<i16>(), any::<i64>(), 0..1_u64 << 48),
            b in (any::<i16>(), any::<i64>(), 0..1_u64 << 48),
        ) {
            let key = |(priority, at, number)| OrderKey::new(priority, at, number);
            let plain = |(priority, at, number): (i16, i64, u64)| (core::cmp::Reverse(priority), at, number);
            prop_assert_eq!(key(a).cmp(&key(b)), plain(a).cmp(&plain(b)));
            prop_assert_eq!(key(a).number(), a.2);
            prop_assert!(key(a) >= OrderKey::FIRST);
        }
    }
}
