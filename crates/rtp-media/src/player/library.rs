//! Sounds by name.

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::wav::{self, WavError};

/// Recorded sound: 16-bit linear samples, 8,000 a second, one channel. Cloning shares the samples.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sound {
    samples: Arc<[i16]>,
}

impl Sound {
    /// Sound from linear samples, 8,000 a second.
    #[must_use]
    pub fn from_samples(samples: &[i16]) -> Self {
        Self {
            samples: samples.into(),
        }
    }

    /// Sound from a WAV file: 8 kHz, one channel, 16-bit PCM, µ-law or A-law.
    ///
    /// ```
    /// use rtp_media::{Sound, WavError};
    ///
    /// assert_eq!(Sound::from_wav(b"ID3...").unwrap_err(), WavError::NotWav);
    /// ```
    ///
    /// # Errors
    /// What is wrong with the file, or not supported.
    pub fn from_wav(file: &[u8]) -> Result<Self, WavError> {
        Ok(Self {
            samples: wav::read(file)?.into(),
        })
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> core::time::Duration {
        let samples = u64::try_from(self.samples.len()).unwrap_or(u64::MAX);
        core::time::Duration::from_micros(samples.saturating_mul(125))
    }
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({:?})", self.duration())
    }
}

/// Why a sound was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SoundError {
    /// The library has as many sounds as it may.
    #[error("the library has no room for another name")]
    TooMany,
    /// The library's sounds have as many samples as they may.
    #[error("the library has no room for so many samples")]
    TooLong,
    /// The sound has no samples.
    #[error("the sound is empty")]
    Empty,
}

/// A sound of the library. Stays valid, and means the same name, for the life of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct SoundIndex(u32);

/// Sounds by name. Read back from a snapshot it knows the names but has no samples until they are added again: what
/// plays a sound that is not there passes over it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Library {
    names: BTreeMap<String, SoundIndex>,
    #[cfg_attr(feature = "serde", serde(skip))]
    sounds: Vec<Sound>,
    #[cfg_attr(feature = "serde", serde(skip))]
    samples: usize,
}

impl Library {
    /// Adds a sound, or replaces the one of the same name.
    pub(crate) fn add(
        &mut self,
        name: &str,
        sound: Sound,
        max_sounds: usize,
        max_samples: usize,
    ) -> Result<(), SoundError> {
        if sound.samples.is_empty() {
            return Err(SoundError::Empty);
        }
        let known = self.names.get(name).copied();
        if known.is_none() && self.names.len() >= max_sounds {
            return Err(SoundError::TooMany);
        }
        let replaced = known.and_then(|index| self.get(index)).map_or(0, <[i16]>::len);
        let samples = self
            .samples
            .saturating_sub(replaced)
            .saturating_add(sound.samples.len());
        if samples > max_samples {
            return Err(SoundError::TooLong);
        }
        let index = match known {
            Some(index) => index,
            None => SoundIndex(u32::try_from(self.names.len()).map_err(|_| SoundError::TooMany)?),
        };
        let slot = usize::try_from(index.0).map_err(|_| SoundError::TooMany)?;
        if self.sounds.len() <= slot {
            self.sounds.resize(slot.saturating_add(1), Sound::default());
        }
        if let Some(place) = self.sounds.get_mut(slot) {
            *place = sound;
        }
        if known.is_none() {
            self.names.insert(name.to_owned(), index);
        }
        self.samples = samples;
        Ok(())
    }

    /// The sound of a name.
    pub(crate) fn find(&self, name: &str) -> Option<SoundIndex> {
        self.names.get(name).copied()
    }

    /// The samples of a sound.
    pub(crate) fn get(&self, index: SoundIndex) -> Option<&[i16]> {
        self.sounds.get(usize::try_from(index.0).ok()?).map(Sound::samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_samples_are_limited() {
        let mut library = Library::default();
        let sound = |len| Sound::from_samples(&vec![1; len]);
        assert_eq!(library.add("a", sound(6), 2, 10), Ok(()));
        assert_eq!(library.add("b", sound(5), 2, 10), Err(SoundError::TooLong));
        assert_eq!(library.find("b"), None);
        assert_eq!(library.add("b", sound(4), 2, 10), Ok(()));
        assert_eq!(library.add("c", sound(0), 2, 10), Err(SoundError::Empty));
        assert_eq!(library.add("c", sound(1), 2, 10), Err(SoundError::TooMany));
        let b = library.find("b").unwrap();
        assert_eq!(library.add("b", sound(2), 2, 10), Ok(()));
        assert_eq!(library.find("b"), Some(b));
        assert_eq!(library.get(b).unwrap().len(), 2);
        assert_eq!(library.add("a", sound(8), 2, 10), Ok(()));
    }
}
