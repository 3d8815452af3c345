//! Which payload type means what in this session, so that none ever changes its meaning (RFC 3264 §8.3.2).

use std::collections::BTreeMap;

use crate::codec::Codec;

/// At most 128 entries: one for each payload type there is.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct PayloadMap {
    used: BTreeMap<u8, Meaning>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Meaning {
    Audio(Codec),
    TelephoneEvent(u32),
}

impl PayloadMap {
    /// Remembers what an answer settled. The latest meaning holds: a peer that breaks the rule is believed.
    pub(super) fn learn(&mut self, codecs: &[(u8, Codec)], telephone_event: Option<(u8, u32)>) {
        let audio = codecs
            .iter()
            .map(|(payload, codec)| (*payload, Meaning::Audio(codec.clone())));
        let event = telephone_event.map(|(payload, rate)| (payload, Meaning::TelephoneEvent(rate)));
        for (payload, meaning) in audio.chain(event) {
            self.used.insert(payload & 0x7f, meaning);
        }
    }

    /// Payload types for an offer of these codecs: the one the codec has in the session, or else its own, or else a free
    /// dynamic one. A codec for which none is left is not offered.
    pub(super) fn assign(&self, codecs: &[(u8, Codec)]) -> Vec<(u8, Codec)> {
        let mut assigned: Vec<(u8, Codec)> = Vec::with_capacity(codecs.len());
        for (own, codec) in codecs {
            let same = |meaning: &Meaning| matches!(meaning, Meaning::Audio(used) if used.same_as(codec));
            if let Some(payload) = self.choose(*own, same, &assigned) {
                assigned.push((payload, codec.clone()));
            }
        }
        assigned
    }

    /// The same for `telephone-event`, at the clock rate of the first codec offered (RFC 4733 §2.1).
    pub(super) fn assign_event(&self, own: u8, offered: &[(u8, Codec)]) -> Option<(u8, u32)> {
        let rate = offered.first().map_or(8000, |(_, codec)| codec.clock_rate);
        let same = |meaning: &Meaning| matches!(meaning, Meaning::TelephoneEvent(used) if *used == rate);
        Some((self.choose(own, same, offered)?, rate))
    }

    fn choose(&self, own: u8, same: impl Fn(&Meaning) -> bool, taken: &[(u8, Codec)]) -> Option<u8> {
        let free = |payload: &u8| *payload < 128 && !taken.iter().any(|(other, _)| other == payload);
        let known = self
            .used
            .iter()
            .filter(|(_, meaning)| same(meaning))
            .map(|(payload, _)| *payload);
        let unused = std::iter::once(own)
            .chain(96..=127)
            .filter(|payload| !self.used.contains_key(payload));
        known.chain(unused).find(free)
    }
}
