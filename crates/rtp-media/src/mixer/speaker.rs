//! Who speaks: the level of each voice, and whose is the foremost.

/// The mean magnitude above which sound is a voice: about -44 dB of full scale.
const VOICE: u32 = 200;
/// How far a voice stands out of the noise at least.
const ABOVE_NOISE: u32 = 3;
/// A noise floor above this is no noise: somebody speaks without a pause, or plays music.
const LOUDEST_NOISE: u32 = 600;
/// How many times louder somebody must be who interrupts the speaker.
const LOUDER: u32 = 2;
/// For how many ticks of 20 ms.
const INTERRUPTS: u8 = 5;
/// Fractional bits of the levels.
const BITS: u32 = 8;

/// The level of one party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Voice {
    /// Mean magnitude of the last tick, in 256ths.
    now: u32,
    /// The same, smoothed.
    level: u32,
    /// The same of the noise between words.
    noise: u32,
    speaking: bool,
}

/// The mean magnitude of a frame of whole tens of milliseconds, by a fifth of its samples.
pub(super) fn magnitude(frame: &[i16]) -> u32 {
    // A piece of 80 samples is 10 ms at 8 kHz, and a whole part of 10 ms at every other rate.
    let (pieces, _) = frame.as_chunks::<80>();
    let (mut sum, mut count) = (0u32, 0u32);
    for piece in pieces {
        if let Some(fifth) = piece.first_chunk::<16>() {
            sum += fifth.iter().map(|sample| u32::from(sample.unsigned_abs())).sum::<u32>();
            count += 16;
        }
    }
    // Rounded up: what is not silent is not nothing.
    sum.div_ceil(count.max(1))
}

impl Voice {
    /// Takes the mean magnitude of a tick.
    pub(super) fn hear(&mut self, magnitude: u32) {
        let now = magnitude << BITS;
        self.now = now;
        // Quick to rise, slow to fall: pauses between syllables do not count.
        self.level = if now > self.level {
            self.level + (now - self.level).div_ceil(2)
        } else {
            self.level - (self.level - now).div_ceil(8)
        };
        // The floor rises a little with each tick that is louder, and falls at once.
        self.noise = now.min(self.noise + self.noise / 256 + 16);
        let noise = (self.noise >> BITS).min(LOUDEST_NOISE);
        let threshold = VOICE.max(noise * ABOVE_NOISE);
        let threshold = if self.speaking { threshold / 2 } else { threshold };
        self.speaking = self.mean() > threshold;
    }

    pub(super) const fn mean(self) -> u32 {
        self.level >> BITS
    }

    pub(super) const fn is_speaking(self) -> bool {
        self.speaking
    }
}

/// Who is the foremost of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Foremost<Id> {
    id: Option<Id>,
    /// Ticks since he spoke.
    quiet: u32,
    /// Who has been louder than he, and for how many ticks.
    rival: Option<(Id, u8)>,
}

impl<Id> Default for Foremost<Id> {
    fn default() -> Self {
        Self {
            id: None,
            quiet: 0,
            rival: None,
        }
    }
}

/// What is known of the voices of one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round<Id> {
    foremost: Option<Id>,
    present: Option<Voice>,
    /// Of the others who speak.
    loudest: Option<(Id, Voice)>,
}

impl<Id: Copy + PartialEq> Round<Id> {
    pub(super) fn consider(&mut self, id: Id, voice: Voice) {
        if Some(id) == self.foremost {
            self.present = Some(voice);
        } else if voice.speaking && self.loudest.is_none_or(|(_, most)| voice.level > most.level) {
            self.loudest = Some((id, voice));
        }
    }
}

impl<Id: Copy + PartialEq> Foremost<Id> {
    pub(super) const fn id(&self) -> Option<Id> {
        self.id
    }

    pub(super) const fn begin(&self) -> Round<Id> {
        Round {
            foremost: self.id,
            present: None,
            loudest: None,
        }
    }

    /// Chooses anew after a tick: the loudest takes over from one who is silent at once, and from one who speaks when
    /// he has been twice as loud for a while. Nobody is foremost when all have been silent for `patience` ticks.
    pub(super) fn choose(&mut self, round: &Round<Id>, patience: u32) {
        let speaks = round.present.is_some_and(|voice| voice.speaking);
        self.quiet = if speaks { 0 } else { self.quiet.saturating_add(1) };
        let before = self.rival.take();
        let Some((id, voice)) = round.loudest else {
            if round.present.is_none() || self.quiet >= patience {
                *self = Self::default();
            }
            return;
        };
        if round.present.is_some_and(|present| voice.now / LOUDER > present.level) {
            let ticks = before.filter(|(rival, _)| *rival == id).map_or(0, |(_, ticks)| ticks);
            self.rival = Some((id, ticks.saturating_add(1)));
        }
        if !speaks || self.rival.is_some_and(|(_, ticks)| ticks >= INTERRUPTS) {
            *self = Self {
                id: Some(id),
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(foremost: &mut Foremost<usize>, voices: &[Voice]) {
        let mut round = foremost.begin();
        voices
            .iter()
            .enumerate()
            .for_each(|(id, voice)| round.consider(id, *voice));
        foremost.choose(&round, 50);
    }

    /// Lets voices speak at levels for some ticks; who is foremost after each.
    fn run(foremost: &mut Foremost<usize>, voices: &mut [Voice], levels: &[u32], ticks: usize) -> Vec<Option<usize>> {
        (0..ticks)
            .map(|_| {
                voices
                    .iter_mut()
                    .zip(levels)
                    .for_each(|(voice, level)| voice.hear(*level));
                choose(foremost, voices);
                foremost.id()
            })
            .collect()
    }

    #[test]
    fn the_foremost_changes_when_he_is_silent_or_shouted_down() {
        let (mut foremost, mut voices) = (Foremost::default(), [Voice::default(); 3]);
        assert_eq!(
            run(&mut foremost, &mut voices, &[50, 50, 50], 20).last(),
            Some(&None),
            "noise"
        );
        assert_eq!(
            run(&mut foremost, &mut voices, &[50, 3_000, 50], 10).last(),
            Some(&Some(1))
        );
        let beside = run(&mut foremost, &mut voices, &[50, 3_000, 4_000], 100);
        assert_eq!(beside.last(), Some(&Some(1)), "a little louder is not enough");
        let over = run(&mut foremost, &mut voices, &[50, 3_000, 9_000], 20);
        let taken = over.iter().position(|id| *id == Some(2)).unwrap();
        assert!((4..8).contains(&taken), "{taken}");
        let after = run(&mut foremost, &mut voices, &[50, 3_000, 0], 60);
        assert_eq!(after.last(), Some(&Some(1)));
        let silence = run(&mut foremost, &mut voices, &[0, 0, 0], 100);
        assert_eq!((silence[40], silence[99]), (Some(1), None), "a pause is no end");
    }

    #[test]
    fn a_click_is_not_a_speaker_who_interrupts() {
        let (mut foremost, mut voices) = (Foremost::default(), [Voice::default(); 2]);
        run(&mut foremost, &mut voices, &[2_000, 0], 20);
        let click = run(&mut foremost, &mut voices, &[2_000, 20_000], 1);
        let after = run(&mut foremost, &mut voices, &[2_000, 0], 50);
        assert!(
            click.iter().chain(&after[4..]).all(|id| *id == Some(0)),
            "{click:?} {after:?}"
        );
    }

    #[test]
    fn steady_noise_is_no_voice_and_speech_above_it_is() {
        let mut voice = Voice::default();
        (0..3_000).for_each(|_| voice.hear(400));
        assert!(!voice.is_speaking(), "{voice:?}");
        (0..10).for_each(|_| voice.hear(3_000));
        assert!(voice.is_speaking());
        (0..3_000).for_each(|_| voice.hear(8_000));
        assert!(voice.is_speaking(), "a voice without pauses stays one");
    }

    #[test]
    fn who_left_is_not_foremost() {
        let (mut foremost, mut voices) = (Foremost::default(), [Voice::default(); 2]);
        run(&mut foremost, &mut voices, &[0, 2_000], 20);
        assert_eq!(foremost.id(), Some(1));
        choose(&mut foremost, &voices[..1]);
        assert_eq!(foremost.id(), None);
    }

    #[test]
    fn full_scale_for_ever_overflows_nothing() {
        let mut voice = Voice::default();
        (0..10_000).for_each(|_| voice.hear(131_072));
        assert_eq!(voice.mean(), 131_072);
    }
}
