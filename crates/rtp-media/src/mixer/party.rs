//! What a mixer keeps of one party.

use slotmap::new_key_type;

use crate::mixer::speaker::Voice;
use crate::resample::{Rate, Resampler};

new_key_type! {
    /// A party of a mixer; stale once it has left.
    pub struct PartyId;
}

/// Who hears a party, and whom it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Role<Id = PartyId> {
    /// Heard by all, hears all: who takes part, and a supervisor who barges in.
    #[default]
    Participant,
    /// Hears all, is heard by nobody: a supervisor who listens, a listener in a big room.
    Monitor,
    /// Hears all; only the named party hears him: a supervisor who whispers to an agent.
    Whisper {
        /// Who hears him. While this party is not there, nobody does.
        to: Id,
    },
}

/// A factor of loudness, 0 to 4, in 4096ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "i16", into = "i16")
)]
pub struct Gain(i16);

impl Gain {
    /// As loud as it came.
    pub const UNITY: Self = Self(4_096);
    /// Not at all.
    pub const SILENT: Self = Self(0);
    /// Four times as loud, 12 dB.
    pub const MAX: Self = Self(16_384);

    /// So many decibels louder; brought into -60 to 12.
    ///
    /// ```
    /// use rtp_media::mixer::Gain;
    ///
    /// assert_eq!(Gain::from_db(0), Gain::UNITY);
    /// assert_eq!(Gain::from_db(-6).factor(), 0.501_220_703_125);
    /// assert_eq!(Gain::from_db(99), Gain::from_db(12));
    /// ```
    #[must_use]
    pub fn from_db(decibels: i8) -> Self {
        /// The twentieth root of ten.
        const STEP: f64 = 1.122_018_454_301_963_3;
        let decibels = decibels.clamp(-60, 12);
        let mut factor = 4_096.0;
        for _ in 0..decibels.unsigned_abs() {
            factor = if decibels < 0 { factor / STEP } else { factor * STEP };
        }
        #[expect(clippy::cast_possible_truncation, reason = "4 to 16,306")]
        let factor = (factor + 0.5) as i16;
        Self(factor)
    }

    /// What samples are multiplied with.
    #[must_use]
    pub fn factor(self) -> f64 {
        f64::from(self.0) / 4_096.0
    }

    pub(crate) const fn parts(self) -> i16 {
        self.0
    }
}

impl Default for Gain {
    fn default() -> Self {
        Self::UNITY
    }
}

/// Not 0 to 16,384.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a gain is 0 to 16384 of 4096ths")]
pub struct GainError;

impl TryFrom<i16> for Gain {
    type Error = GainError;

    /// So many 4096ths.
    fn try_from(parts: i16) -> Result<Self, GainError> {
        if (0..=Self::MAX.0).contains(&parts) {
            Ok(Self(parts))
        } else {
            Err(GainError)
        }
    }
}

impl From<Gain> for i16 {
    fn from(gain: Gain) -> Self {
        gain.0
    }
}

/// How a party takes part. Start from `Settings::default()`: a participant, as loud as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Settings<Id = PartyId> {
    /// Who hears it, and whom it hears.
    pub role: Role<Id>,
    /// How much louder others hear it. Default: unity.
    pub gain: Gain,
    /// How much louder it hears others. Default: unity.
    pub volume: Gain,
    /// Nobody hears it. Default: `false`.
    pub muted: bool,
    /// It hears nobody. Default: `false`.
    pub deaf: bool,
}

impl<Id> Default for Settings<Id> {
    fn default() -> Self {
        Self {
            role: Role::Participant,
            gain: Gain::UNITY,
            volume: Gain::UNITY,
            muted: false,
            deaf: false,
        }
    }
}

impl<Id> Settings<Id> {
    /// The defaults, in a role.
    #[must_use]
    pub fn new(role: Role<Id>) -> Self {
        Self {
            role,
            ..Self::default()
        }
    }
}

/// What a party adds to the sums in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Share {
    #[default]
    Nothing,
    /// Its frame.
    Frame,
    /// Its frame with a gain that goes from one to the other.
    Scaled(Gain, Gain),
}

/// Which samples a party hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Hears {
    #[default]
    Silence,
    /// Those of all at its rate who say nothing.
    Shared,
    /// Those that took the place of its frame.
    Own,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Party {
    pub(super) rate: Rate,
    pub(super) settings: Settings,
    /// What it says; after the tick what it hears.
    pub(super) frame: Box<[i16]>,
    /// Whether the frame was filled for this tick.
    pub(super) given: bool,
    pub(super) share: Share,
    pub(super) hears: Hears,
    /// The gain that all others heard it with in the last tick.
    pub(super) public: Gain,
    pub(super) whisper: Option<Box<Whisper>>,
    /// What is whispered to it; empty where nobody ever did.
    pub(super) whispered: Vec<i32>,
    /// Whether something was in this tick.
    pub(super) was_whispered: bool,
    pub(super) voice: Voice,
}

/// Speaking to one alone.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Whisper {
    /// Who hears it at present.
    pub(super) to: PartyId,
    /// The gain of the last tick.
    pub(super) gain: Gain,
    /// Where their rates differ.
    pub(super) resampler: Option<Resampler>,
}

impl Party {
    pub(super) fn new(rate: Rate, settings: Settings, tick_ms: u16) -> Self {
        let mut party = Self {
            rate,
            settings,
            frame: vec![0; rate.samples(tick_ms)].into(),
            given: false,
            share: Share::Nothing,
            hears: Hears::Silence,
            public: Gain::SILENT,
            whisper: None,
            whispered: Vec::new(),
            was_whispered: false,
            voice: Voice::default(),
        };
        party.public = party.public_gain();
        party
    }

    /// With which gain all others are to hear it.
    pub(super) fn public_gain(&self) -> Gain {
        match self.settings.role {
            Role::Participant if !self.settings.muted => self.settings.gain,
            Role::Participant | Role::Monitor | Role::Whisper { .. } => Gain::SILENT,
        }
    }

    /// Who is to hear it alone, and with which gain.
    pub(super) fn whisper_gain(&self) -> Option<(PartyId, Gain)> {
        match self.settings.role {
            Role::Whisper { to } if self.settings.muted => Some((to, Gain::SILENT)),
            Role::Whisper { to } => Some((to, self.settings.gain)),
            Role::Participant | Role::Monitor => None,
        }
    }
}
