//! How an endpoint's tables are written: as sequences of pairs, since their keys are no text, and in order, so that the
//! same state is written the same.

use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) mod by_remote {
    use super::{BTreeMap, Deserialize, DeserializeOwned, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, K: DeserializeOwned + Ord, V: DeserializeOwned>(
        input: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::deserialize(input)?.into_iter().collect())
    }
}

pub(crate) mod index {
    use core::hash::{BuildHasher, Hash};

    use super::{BTreeMap, Deserialize, DeserializeOwned, Deserializer, HashMap, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer, K: Serialize + Ord, V: Serialize, H: BuildHasher>(
        map: &HashMap<K, V, H>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        let mut pairs = BTreeMap::new();
        for (key, value) in map {
            pairs.insert(key, value);
        }
        out.collect_seq(pairs)
    }

    pub(crate) fn deserialize<
        'de,
        D: Deserializer<'de>,
        K: DeserializeOwned + Eq + Hash,
        V: DeserializeOwned,
        H: BuildHasher + Default,
    >(
        input: D,
    ) -> Result<HashMap<K, V, H>, D::Error> {
        Ok(Vec::deserialize(input)?.into_iter().collect())
    }
}
