//! Codecs: how samples become bytes.

pub mod g711;
pub mod g722;

use crate::resample::Rate;

/// The codec of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CodecKind {
    /// G.711 µ-law, static payload type 0 (RFC 3551 §4.5.14).
    #[default]
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551 §4.5.14).
    Pcma,
}

impl CodecKind {
    /// The payload type that RFC 3551 §6 gives the codec.
    #[must_use]
    pub const fn static_payload(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
        }
    }

    /// The codec that a static payload type stands for.
    #[must_use]
    pub const fn from_static_payload(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Pcmu),
            8 => Some(Self::Pcma),
            _ => None,
        }
    }

    /// The code of one 16-bit linear sample.
    #[must_use]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcmu => g711::ulaw_encode(sample),
            Self::Pcma => g711::alaw_encode(sample),
        }
    }

    /// The codes of as many samples as both slices have.
    pub fn encode_all(self, samples: &[i16], codes: &mut [u8]) {
        let pairs = codes.iter_mut().zip(samples);
        match self {
            Self::Pcmu => pairs.for_each(|(code, sample)| *code = g711::ulaw_encode(*sample)),
            Self::Pcma => pairs.for_each(|(code, sample)| *code = g711::alaw_encode(*sample)),
        }
    }

    /// The rate of the samples.
    #[must_use]
    pub const fn rate(self) -> Rate {
        match self {
            Self::Pcmu | Self::Pcma => Rate::Hz8000,
        }
    }

    /// How many samples a payload has.
    #[must_use]
    pub const fn samples(self, payload: &[u8]) -> usize {
        match self {
            Self::Pcmu | Self::Pcma => payload.len(),
        }
    }

    /// Decodes a payload from its sample `first` on, and returns how many samples there were room for.
    pub fn decode_from(self, payload: &[u8], first: usize, samples: &mut [i16]) -> usize {
        let codes = payload.get(first..).unwrap_or_default();
        let pairs = samples.iter_mut().zip(codes);
        match self {
            Self::Pcmu => pairs.for_each(|(sample, code)| *sample = g711::ulaw_decode(*code)),
            Self::Pcma => pairs.for_each(|(sample, code)| *sample = g711::alaw_decode(*code)),
        }
        codes.len().min(samples.len())
    }

    /// The 16-bit linear sample of one code.
    #[must_use]
    pub fn decode(self, code: u8) -> i16 {
        match self {
            Self::Pcmu => g711::ulaw_decode(code),
            Self::Pcma => g711::alaw_decode(code),
        }
    }
}
