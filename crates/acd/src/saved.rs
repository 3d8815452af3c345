//! Maps with keys that not every format can write as such, as lists of pairs in their order.

use std::collections::BTreeMap;
use std::hash::Hash;

use serde::de::Deserialize as _;
use serde::{Deserializer, Serialize, Serializer};

use crate::acd::Index;

pub(crate) mod pairs {
    use super::*;

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: serde::Deserialize<'de> + Ord,
        V: serde::Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

pub(crate) mod pairs_each {
    use super::*;

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        maps: &[BTreeMap<K, V>],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(maps.iter().map(|map| map.iter().collect::<Vec<_>>()))
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<Vec<BTreeMap<K, V>>, D::Error>
    where
        K: serde::Deserialize<'de> + Ord,
        V: serde::Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let maps = Vec::<Vec<(K, V)>>::deserialize(from)?;
        Ok(maps.into_iter().map(|map| map.into_iter().collect()).collect())
    }
}

pub(crate) mod index {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "sorted before it is written")]
    pub(crate) fn serialize<K, V, S>(map: &Index<K, V>, to: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        let sorted: BTreeMap<&K, &V> = map.iter().collect();
        to.collect_seq(sorted)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<Index<K, V>, D::Error>
    where
        K: serde::Deserialize<'de> + Hash + Eq,
        V: serde::Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
