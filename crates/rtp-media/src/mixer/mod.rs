//! Mixing: everybody hears all others and not himself.
//!
//! Sound is summed in 32 bits and cut to 16 once for each listener, after his own voice was taken out: however loud the
//! others are, what one hears is exactly the sum of what the others said (a mixer that cuts first and subtracts afterwards
//! distorts). Supervisors listen, whisper and barge in by their [`Role`]; changes of role, gain and mute fade over one tick.
//!
//! ```
//! use rtp_media::mixer::{Heard, Mixer, MixerConfig, Role, Settings};
//! use rtp_media::resample::Rate;
//!
//! let mut mixer = Mixer::new(MixerConfig::default());
//! let caller = mixer.join(Rate::Hz8000, Settings::default())?;
//! let agent = mixer.join(Rate::Hz8000, Settings::default())?;
//! let supervisor = mixer.join(Rate::Hz8000, Settings::new(Role::Whisper { to: agent }))?;
//!
//! // A tick: whoever says something hands in 20 ms. Who hands in nothing costs next to nothing.
//! mixer.push(caller, &[1_000; 160])?;
//! mixer.push(agent, &[20; 160])?;
//! mixer.push(supervisor, &[3; 160])?;
//! mixer.mix();
//! assert_eq!(mixer.heard(caller)?.samples(), Some(&[20; 160][..]));
//! assert_eq!(mixer.heard(agent)?.samples().map(|samples| samples[159]), Some(1_003));
//! assert_eq!(mixer.heard(supervisor)?, Heard::Shared(&[1_020; 160]));
//!
//! // A tick in which nobody says anything.
//! mixer.mix();
//! assert_eq!(mixer.heard(agent)?, Heard::Silence);
//! # Ok::<(), rtp_media::mixer::MixerError>(())
//! ```
//!
//! # Rates
//!
//! Each party has its own [`Rate`]. Voices of one rate are summed at that rate, and the sum is brought to each other
//! rate that somebody listens at: resampling costs the same for three parties and for a thousand, and nobody's own
//! voice comes back to him through a filter.
//!
//! # Limits
//!
//! At most [`MAX_PARTIES`] parties, so that no sum can overflow: each at most four times as loud as it came, the sums of
//! other rates cut at 2²⁸.

mod bus;
pub(crate) mod kernel;
mod party;
mod speaker;

use slotmap::SlotMap;

pub use kernel::Instructions;
pub use party::{Gain, GainError, PartyId, Role, Settings};

use crate::resample::{Rate, Resampler};
use bus::Buses;
use kernel::{add_sums, saturate, scale, take_sums};
use party::{Hears, Party, Share, Whisper};
use speaker::{Foremost, magnitude};

/// More parties than this could make a sum overflow.
pub const MAX_PARTIES: usize = 2_048;

/// How a [`Mixer`] is made. Start from `MixerConfig::default()` and change fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct MixerConfig {
    /// Milliseconds of a tick: 10, 20, 30, 40 or 60; others become 20. Default: 20.
    pub tick_ms: u16,
    /// Parties at most; at most [`MAX_PARTIES`]. Default: [`MAX_PARTIES`].
    pub parties: usize,
    /// What the loops over samples are made of. All give the same results. Default: the best of this processor.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub instructions: Instructions,
}

impl Default for MixerConfig {
    fn default() -> Self {
        Self {
            tick_ms: 20,
            parties: MAX_PARTIES,
            instructions: Instructions::best(),
        }
    }
}

/// Why a mixer refused something. It is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MixerError {
    /// The party has left, or is of another mixer.
    #[error("there is no such party")]
    UnknownParty,
    /// The mixer has as many parties as it may.
    #[error("no more parties can join")]
    Full,
    /// A frame that is not one tick long.
    #[error("the frame is not one tick long")]
    Length,
    /// A party was to whisper to itself.
    #[error("a party cannot whisper to itself")]
    WhisperToSelf,
}

/// What a party hears in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers must handle each")]
pub enum Heard<'a> {
    /// Nothing.
    Silence,
    /// The same samples as everybody at its rate to whom this applies; they need to be encoded only once.
    Shared(&'a [i16]),
    /// Samples of its own.
    Own(&'a [i16]),
}

impl<'a> Heard<'a> {
    /// The samples of a tick, at the party's rate; `None` for silence.
    #[must_use]
    pub const fn samples(self) -> Option<&'a [i16]> {
        match self {
            Self::Silence => None,
            Self::Shared(samples) | Self::Own(samples) => Some(samples),
        }
    }
}

/// A mixer of any number of parties. See the [module](self).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mixer {
    config: MixerConfig,
    parties: SlotMap<PartyId, Party>,
    buses: Buses,
    /// Those who whisper, or did until this tick.
    whisperers: Vec<PartyId>,
    /// A frame of sums at the fastest rate, and another; what they hold means nothing between calls.
    #[cfg_attr(feature = "serde", serde(skip))]
    scratch: (Vec<i32>, Vec<i32>),
    foremost: Foremost<PartyId>,
}

impl Mixer {
    /// A mixer without parties.
    #[must_use]
    pub fn new(mut config: MixerConfig) -> Self {
        if !matches!(config.tick_ms, 10 | 20 | 30 | 40 | 60) {
            config.tick_ms = 20;
        }
        config.parties = config.parties.min(MAX_PARTIES);
        Self {
            config,
            parties: SlotMap::with_key(),
            buses: Buses::new(config.tick_ms, config.instructions),
            whisperers: Vec::new(),
            scratch: (Vec::new(), Vec::new()),
            foremost: Foremost::default(),
        }
    }

    /// Lets a party join, which sends and hears sound of this rate.
    ///
    /// # Errors
    /// The mixer is full.
    pub fn join(&mut self, rate: Rate, settings: Settings) -> Result<PartyId, MixerError> {
        if self.parties.len() >= self.config.parties {
            return Err(MixerError::Full);
        }
        let id = self.parties.insert(Party::new(rate, settings, self.config.tick_ms));
        self.buses.enter(rate);
        self.change(id, settings);
        Ok(id)
    }

    /// Lets a party leave.
    ///
    /// # Errors
    /// It is not there.
    pub fn leave(&mut self, id: PartyId) -> Result<(), MixerError> {
        let party = self.parties.remove(id).ok_or(MixerError::UnknownParty)?;
        self.buses.leave(party.rate);
        self.whisperers.retain(|whisperer| *whisperer != id);
        Ok(())
    }

    /// Changes how a party takes part, from the next tick on.
    ///
    /// # Errors
    /// It is not there, or was to whisper to itself.
    pub fn set(&mut self, id: PartyId, settings: Settings) -> Result<(), MixerError> {
        if !self.parties.contains_key(id) {
            return Err(MixerError::UnknownParty);
        }
        if settings.role == (Role::Whisper { to: id }) {
            return Err(MixerError::WhisperToSelf);
        }
        self.change(id, settings);
        Ok(())
    }

    /// How a party takes part.
    ///
    /// # Errors
    /// It is not there.
    pub fn settings(&self, id: PartyId) -> Result<Settings, MixerError> {
        Ok(self.party(id)?.settings)
    }

    /// How many parties there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parties.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty()
    }

    /// Hands in what a party says in this tick.
    ///
    /// # Errors
    /// The party is not there, or the frame has not the length of a tick at its rate.
    pub fn push(&mut self, id: PartyId, frame: &[i16]) -> Result<(), MixerError> {
        let party = self.parties.get_mut(id).ok_or(MixerError::UnknownParty)?;
        if party.frame.len() != frame.len() {
            return Err(MixerError::Length);
        }
        party.frame.copy_from_slice(frame);
        party.given = true;
        Ok(())
    }

    /// The place for what a party says in this tick: one tick at its rate, to be filled whole by the caller (a decoder,
    /// say); what is in it before means nothing. Saves the copy of [`push`](Self::push).
    ///
    /// # Errors
    /// It is not there.
    pub fn frame_mut(&mut self, id: PartyId) -> Result<&mut [i16], MixerError> {
        let party = self.parties.get_mut(id).ok_or(MixerError::UnknownParty)?;
        party.given = true;
        Ok(&mut party.frame)
    }

    /// Takes back what a party said in this tick.
    ///
    /// # Errors
    /// It is not there.
    pub fn withdraw(&mut self, id: PartyId) -> Result<(), MixerError> {
        self.parties.get_mut(id).ok_or(MixerError::UnknownParty)?.given = false;
        Ok(())
    }

    /// Ends the tick: mixes what was handed in. Then [`heard`](Self::heard) has what each party hears.
    pub fn mix(&mut self) {
        self.buses.clear();
        self.gather();
        self.whisper();
        self.buses.exchange();
        self.spread();
    }

    /// What a party hears in the tick that was mixed last.
    ///
    /// # Errors
    /// It is not there.
    pub fn heard(&self, id: PartyId) -> Result<Heard<'_>, MixerError> {
        let party = self.party(id)?;
        Ok(match party.hears {
            Hears::Silence => Heard::Silence,
            Hears::Shared => Heard::Shared(self.buses.shared(party.rate)),
            Hears::Own => Heard::Own(&party.frame),
        })
    }

    /// Who speaks at present, or did last: the loudest, unless somebody else has the word who speaks as well. `None` when all have been
    /// silent for a second.
    #[must_use]
    pub const fn active_speaker(&self) -> Option<PartyId> {
        self.foremost.id()
    }

    /// Whether a party speaks: its sound is above -44 dB of full scale and stands out of its noise.
    ///
    /// # Errors
    /// It is not there.
    pub fn is_speaking(&self, id: PartyId) -> Result<bool, MixerError> {
        Ok(self.party(id)?.voice.is_speaking())
    }

    /// The level of what a party says to all, as the mean magnitude of its samples (0 to 32,768, before its gain),
    /// smoothed: quick to rise, slow to fall.
    ///
    /// # Errors
    /// It is not there.
    pub fn level(&self, id: PartyId) -> Result<u32, MixerError> {
        Ok(self.party(id)?.voice.mean())
    }

    fn party(&self, id: PartyId) -> Result<&Party, MixerError> {
        self.parties.get(id).ok_or(MixerError::UnknownParty)
    }

    fn change(&mut self, id: PartyId, settings: Settings) {
        let Some(party) = self.parties.get_mut(id) else { return };
        party.settings = settings;
        if let Role::Whisper { .. } = settings.role
            && !self.whisperers.contains(&id)
        {
            self.whisperers.push(id);
        }
    }

    /// Sums what is said to all, and finds who is the foremost.
    fn gather(&mut self) {
        let instructions = self.config.instructions;
        let mut round = self.foremost.begin();
        for (id, party) in &mut self.parties {
            let wanted = party.public_gain();
            let before = core::mem::replace(&mut party.public, wanted);
            let magnitude = if party.given { magnitude(&party.frame) } else { 0 };
            party.share = match (before, wanted) {
                (Gain::SILENT, Gain::SILENT) => Share::Nothing,
                _ if magnitude == 0 && (!party.given || is_silent(&party.frame)) => Share::Nothing,
                (Gain::UNITY, Gain::UNITY) => Share::Frame,
                (before, wanted) => Share::Scaled(before, wanted),
            };
            match party.share {
                Share::Nothing => {}
                Share::Frame => self.buses.add(party.rate, &party.frame),
                Share::Scaled(from, to) => {
                    let sums = scratch(&mut self.scratch.0, party.frame.len());
                    fade(instructions, &party.frame, (from, to), sums);
                    self.buses.add_sums(party.rate, sums);
                }
            }
            party
                .voice
                .hear(if party.share == Share::Nothing { 0 } else { magnitude });
            round.consider(id, party.voice);
        }
        self.foremost.choose(&round, 1_000 / u32::from(self.config.tick_ms));
    }

    /// Hands what is said to one alone to him.
    fn whisper(&mut self) {
        let mut whisperers = core::mem::take(&mut self.whisperers);
        whisperers.retain(|id| self.whisper_from(*id));
        self.whisperers = whisperers;
    }

    /// The same for one who whispers; whether he goes on.
    fn whisper_from(&mut self, id: PartyId) -> bool {
        let Some(party) = self.parties.get_mut(id) else {
            return false;
        };
        let (rate, wanted) = (party.rate, party.whisper_gain());
        let mut whisper = match (party.whisper.take(), wanted) {
            (Some(whisper), _) => whisper,
            (None, Some((to, _))) => Box::new(self.whisper_of(rate, to)),
            (None, None) => return false,
        };
        let lasting = wanted.filter(|(to, _)| *to == whisper.to);
        let gain = lasting.map_or(Gain::SILENT, |(_, gain)| gain);
        let before = core::mem::replace(&mut whisper.gain, gain);
        self.whisper_to(id, &mut whisper, (before, gain));
        if let Some(party) = self.parties.get_mut(id).filter(|_| lasting.is_some()) {
            party.whisper = Some(whisper);
        }
        wanted.is_some()
    }

    fn whisper_of(&self, from: Rate, to: PartyId) -> Whisper {
        let rate = self.parties.get(to).map(|party| party.rate);
        Whisper {
            to,
            gain: Gain::SILENT,
            resampler: rate.filter(|rate| *rate != from).map(|rate| Resampler::new(from, rate)),
        }
    }

    fn whisper_to(&mut self, id: PartyId, whisper: &mut Whisper, gains: (Gain, Gain)) {
        let instructions = self.config.instructions;
        let (Some(party), Some(target)) = (self.parties.get(id), self.parties.get(whisper.to)) else {
            return;
        };
        let speaks = party.given && gains != (Gain::SILENT, Gain::SILENT);
        let sums = scratch(&mut self.scratch.0, party.frame.len());
        if speaks {
            fade(instructions, &party.frame, gains, sums);
        } else {
            sums.fill(0);
        }
        let sums = match &mut whisper.resampler {
            None if speaks => sums,
            Some(resampler) if speaks || !resampler.is_silent() => {
                let out = scratch(&mut self.scratch.1, target.frame.len());
                if resampler.process_sums(sums, out).is_err() {
                    return;
                }
                out
            }
            None | Some(_) => return,
        };
        if let Some(target) = self.parties.get_mut(whisper.to) {
            target.whispered.resize(target.frame.len(), 0);
            add_sums(instructions, &mut target.whispered, sums);
            target.was_whispered = true;
        }
    }

    /// Gives each party what it hears.
    fn spread(&mut self) {
        let instructions = self.config.instructions;
        for party in self.parties.values_mut() {
            party.given = false;
            let share = core::mem::take(&mut party.share);
            let whispered = core::mem::take(&mut party.was_whispered);
            let others = self.buses.voices(party.rate) > usize::from(share != Share::Nothing);
            party.hears = match (share, party.settings.volume) {
                _ if party.settings.deaf || !(others || whispered) => Hears::Silence,
                (_, Gain::SILENT) => Hears::Silence,
                (Share::Nothing, Gain::UNITY) if !whispered => {
                    self.buses.cut(party.rate);
                    Hears::Shared
                }
                (Share::Frame, Gain::UNITY) if !whispered => {
                    self.buses.take_out(party.rate, &mut party.frame);
                    Hears::Own
                }
                (share, volume) => {
                    let length = party.frame.len();
                    let sums = scratch(&mut self.scratch.0, length);
                    sums.copy_from_slice(self.buses.sums(party.rate));
                    let own = scratch(&mut self.scratch.1, length);
                    match share {
                        Share::Nothing => {}
                        Share::Frame => fade(instructions, &party.frame, (Gain::UNITY, Gain::UNITY), own),
                        Share::Scaled(from, to) => fade(instructions, &party.frame, (from, to), own),
                    }
                    if share != Share::Nothing {
                        take_sums(instructions, sums, own);
                    }
                    if whispered {
                        add_sums(instructions, sums, &party.whispered);
                    }
                    turn(sums, volume);
                    saturate(instructions, sums, &mut party.frame);
                    Hears::Own
                }
            };
            if whispered {
                party.whispered.fill(0);
            }
        }
    }
}

fn is_silent(frame: &[i16]) -> bool {
    // Without a way out of the loop, so that many samples are looked at at once.
    frame.iter().fold(0, |all, sample| all | sample) == 0
}

/// A place for sums.
fn scratch(place: &mut Vec<i32>, length: usize) -> &mut [i32] {
    if place.len() < length {
        place.resize(length, 0);
    }
    place.get_mut(..length).unwrap_or_default()
}

/// A frame with a gain that goes from one (not quite) to the other (which the last sample has).
fn fade(instructions: Instructions, frame: &[i16], (from, to): (Gain, Gain), out: &mut [i32]) {
    if from == to {
        scale(instructions, frame, to.parts(), out);
        return;
    }
    let (from, to) = (i32::from(from.parts()), i32::from(to.parts()));
    let length = i32::try_from(frame.len()).unwrap_or(1);
    for ((sample, out), n) in frame.iter().zip(out).zip(1..) {
        let factor = from + (to - from) * n / length;
        *out = (i32::from(*sample) * factor + 0x800) >> 12;
    }
}

/// Lays a listener's volume on the sums.
fn turn(sums: &mut [i32], volume: Gain) {
    if volume == Gain::UNITY {
        return;
    }
    for sum in sums {
        let turned = (i64::from(*sum) * i64::from(volume.parts()) + 0x800) >> 12;
        *sum = i32::try_from(turned).unwrap_or(if turned < 0 { i32::MIN } else { i32::MAX });
    }
}
