//! Packet loss concealment of ITU-T G.711 Appendix I: the last pitch periods go on, and fade.
//!
//! For any codec of 8000 samples a second whose decoder has no memory of its own. Works in frames of 10 ms; what is heard lags 3.75 ms
//! behind, so that the start of a loss can be smoothed after the fact.
//!
//! ```
//! use rtp_media::plc::{Concealment, FRAME};
//!
//! let mut concealment = Concealment::new();
//! let vowel = |frame: usize| std::array::from_fn(|i| (((frame * FRAME + i) as f64 * 0.1).sin() * 8000.0) as i16);
//! for frame in 0..10 {
//!     concealment.received(&vowel(frame));
//! }
//! // Two frames are lost: the tone goes on at nearly its height.
//! let heard = [concealment.lost(), concealment.lost()];
//! assert!(heard.as_flattened().iter().any(|sample| *sample > 6000));
//! ```

/// Samples in a frame: 10 ms.
pub const FRAME: usize = 80;
/// Samples by which what is heard lags behind: 3.75 ms.
pub const DELAY: usize = LONGEST / 4;

/// Pitch periods are looked for between 200 Hz and 66⅔ Hz.
const SHORTEST: usize = 40;
const LONGEST: usize = 120;
/// What is compared, and at how many places.
const WINDOW: usize = 160;
const PLACES: usize = LONGEST - SHORTEST;
/// Three of the longest periods, and a quarter to overlap.
const HISTORY: usize = 3 * LONGEST + DELAY;
/// Below this energy, silence is as good a match as any.
const LEAST_ENERGY: f64 = 250.0;
/// By how much each further lost frame lengthens the overlap at the end: 4 ms.
const LONGER_OVERLAP: usize = 32;
/// By how much each frame after the first is fainter at its end than at its start.
const FADE: f64 = 0.2;

/// Conceals losses in one stream of speech.
#[derive(Clone, Debug, PartialEq)]
pub struct Concealment {
    /// What was and will be heard, oldest first.
    history: [i16; HISTORY],
    /// The same when the loss began, its end smoothed into the start of what is repeated.
    template: [f64; HISTORY],
    /// The template's last quarter period as it was.
    tail: [f64; DELAY],
    /// Frames lost in a row.
    lost: u8,
    /// The pitch period, and how much is repeated: one, two or three of them.
    pitch: usize,
    repeated: usize,
    /// Where in what is repeated the next sample is.
    next: usize,
}

impl Concealment {
    /// After silence.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            history: [0; HISTORY],
            template: [0.0; HISTORY],
            tail: [0.0; DELAY],
            lost: 0,
            pitch: LONGEST,
            repeated: LONGEST,
            next: 0,
        }
    }

    /// Takes a frame that arrived; returns what is heard now.
    pub fn received(&mut self, frame: &[i16; FRAME]) -> [i16; FRAME] {
        let mut frame = *frame;
        if self.lost > 0 {
            // What would have been repeated on fades out as the frame fades in, over the longer the longer the loss was.
            let further = usize::from(self.lost) - 1;
            let overlap = (self.pitch / 4 + further * LONGER_OVERLAP).min(FRAME);
            let mut old = [0; FRAME];
            self.repeat(old.iter_mut().take(overlap));
            let gain = (1.0 - count(further) * FADE).max(0.0);
            cross_fade(old.iter().take(overlap).map(|old| f64::from(*old)), gain, &mut frame);
            self.lost = 0;
        }
        self.heard(&frame)
    }

    /// Makes up a frame that did not arrive; returns what is heard now. Silence from the seventh lost frame in a row on.
    pub fn lost(&mut self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        match self.lost {
            0 => {
                self.begin();
                self.repeat(frame.iter_mut());
            }
            1 | 2 => {
                // Another period is repeated too, or the ear would hear a tone. The old end leads over to it.
                let quarter = self.pitch / 4;
                let at = self.next;
                let mut old = [0; DELAY];
                self.repeat(old.iter_mut().take(quarter));
                self.next = at;
                while self.next > self.pitch {
                    self.next -= self.pitch;
                }
                self.repeated += self.pitch;
                self.smooth();
                self.repeat(frame.iter_mut());
                cross_fade(old.iter().take(quarter).map(|old| f64::from(*old)), 1.0, &mut frame);
                self.fade(&mut frame);
            }
            3..=5 => {
                self.repeat(frame.iter_mut());
                self.fade(&mut frame);
            }
            _ => {}
        }
        self.lost = self.lost.saturating_add(1);
        self.heard(&frame)
    }

    /// Keeps a frame, and returns the one that is [`DELAY`] before it.
    fn heard(&mut self, frame: &[i16; FRAME]) -> [i16; FRAME] {
        self.history.copy_within(FRAME.., 0);
        if let Some(newest) = self.history.last_chunk_mut() {
            *newest = *frame;
        }
        let (before, _) = self.history.split_at(HISTORY - DELAY);
        before.last_chunk().copied().unwrap_or([0; FRAME])
    }

    /// Finds the period, and smooths its end into its start.
    fn begin(&mut self) {
        for (sample, heard) in self.template.iter_mut().zip(self.history) {
            *sample = f64::from(heard);
        }
        self.pitch = pitch(&self.template);
        if let Some(tail) = self.template.last_chunk() {
            self.tail = *tail;
        }
        self.next = 0;
        self.repeated = self.pitch;
        self.smooth();
        let quarter = self.pitch / 4;
        let smoothed = self.template.iter().rev().take(quarter);
        for (heard, sample) in self.history.iter_mut().rev().zip(smoothed) {
            *heard = cut(*sample);
        }
    }

    /// The last quarter period becomes a cross-fade from what it was into what comes before the repeated part.
    fn smooth(&mut self) {
        let quarter = self.pitch / 4;
        let start = HISTORY.saturating_sub(self.repeated + quarter);
        let mut before = [0.0; DELAY];
        for (to, from) in before.iter_mut().zip(self.template.iter().skip(start).take(quarter)) {
            *to = *from;
        }
        let tail = self.tail.iter().skip(DELAY - quarter);
        let step = 1.0 / count(quarter);
        let (mut falling, mut rising) = (1.0 - step, step);
        let end = self.template.iter_mut().skip(HISTORY - quarter);
        for ((sample, old), new) in end.zip(tail).zip(before) {
            *sample = (falling * old + rising * new).clamp(-32_768.0, 32_767.0);
            falling -= step;
            rising += step;
        }
    }

    /// Goes on repeating.
    fn repeat<'a>(&mut self, samples: impl Iterator<Item = &'a mut i16>) {
        let start = HISTORY.saturating_sub(self.repeated);
        for sample in samples {
            *sample = self.template.get(start + self.next).copied().map_or(0, cut);
            self.next += 1;
            if self.next >= self.repeated {
                self.next = 0;
            }
        }
    }

    fn fade(&self, frame: &mut [i16; FRAME]) {
        let mut gain = 1.0 - (f64::from(self.lost) - 1.0) * FADE;
        for sample in frame {
            *sample = cut(f64::from(*sample) * gain);
            gain -= FADE / count(FRAME);
        }
    }
}

impl Default for Concealment {
    fn default() -> Self {
        Self::new()
    }
}

/// The lag at which the last 20 ms are most like what was before them: among every other sample first, then around the best.
fn pitch(samples: &[f64; HISTORY]) -> usize {
    let latest = samples.get(HISTORY - WINDOW..).unwrap_or_default();
    let likeness = |place: usize, apart: usize| -> f64 {
        let earlier = samples.get(HISTORY - WINDOW - LONGEST + place..).unwrap_or_default();
        let pairs = || earlier.iter().zip(latest).step_by(apart);
        let energy: f64 = pairs().map(|(earlier, _)| earlier * earlier).sum();
        let product: f64 = pairs().map(|(earlier, latest)| earlier * latest).sum();
        product / energy.max(LEAST_ENERGY).sqrt()
    };
    // Of equals the last of the coarse and the first of the fine search.
    let coarse = (0..=PLACES).step_by(2).map(|place| (likeness(place, 2), place));
    let (_, about) = coarse.fold(
        (f64::NEG_INFINITY, 0),
        |best, one| if one.0 >= best.0 { one } else { best },
    );
    let fine = (about.saturating_sub(1)..=(about + 1).min(PLACES)).map(|place| (likeness(place, 1), place));
    let (_, place) = fine.fold(
        (f64::NEG_INFINITY, 0),
        |best, one| if one.0 > best.0 { one } else { best },
    );
    LONGEST - place
}

/// `old`, times `gain`, gives way to the frame's start.
fn cross_fade(old: impl ExactSizeIterator<Item = f64>, gain: f64, frame: &mut [i16; FRAME]) {
    let step = 1.0 / count(old.len());
    let (mut falling, mut rising) = ((1.0 - step) * gain, step);
    for (new, old) in frame.iter_mut().zip(old) {
        *new = cut(falling * old + rising * f64::from(*new));
        falling -= step * gain;
        rising += step;
    }
}

/// A number of samples or frames.
fn count(samples: usize) -> f64 {
    f64::from(u16::try_from(samples).unwrap_or(u16::MAX))
}

/// Towards zero, cut off at the ends of 16 bits.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
fn cut(sample: f64) -> i16 {
    sample as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frame: usize) -> [i16; FRAME] {
        core::array::from_fn(|i| cut(f64::sin(count(frame * FRAME + i) * 0.1) * 8000.0))
    }

    fn loudest(frame: [i16; FRAME]) -> u16 {
        frame.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }

    #[test]
    fn what_arrives_is_heard_a_little_later() {
        let mut concealment = Concealment::new();
        let heard: Vec<i16> = (0..9).flat_map(|frame| concealment.received(&tone(frame))).collect();
        let said: Vec<i16> = (0..9).flat_map(tone).collect();
        assert_eq!(heard[DELAY..], said[..said.len() - DELAY]);
    }

    #[test]
    fn a_long_loss_fades_to_silence_and_ends_softly() {
        let mut concealment = Concealment::new();
        for frame in 0..10 {
            concealment.received(&tone(frame));
        }
        let loudness: Vec<u16> = (0..300).map(|_| loudest(concealment.lost())).collect();
        assert!(
            loudness[1] > 7000 && loudness[3] < 6500 && loudness[5] < 3500,
            "{loudness:?}"
        );
        assert!(loudness[7..].iter().all(|heard| *heard == 0));
        // The overlap is all of the frame by then; it rises from nothing.
        concealment.received(&tone(300));
        let risen = concealment.received(&tone(301));
        assert!(loudest(risen) > 7000);
    }

    #[test]
    fn a_loss_of_silence_is_silent() {
        let mut concealment = Concealment::new();
        assert_eq!(concealment.lost(), [0; FRAME]);
        assert_eq!(concealment.lost(), [0; FRAME]);
        assert_eq!(concealment.received(&[0; FRAME]), [0; FRAME]);
    }

    #[test]
    fn the_loudest_noise_does_not_overflow() {
        let mut concealment = Concealment::new();
        let mut state = 1_u32;
        for step in 0..1000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = core::array::from_fn(|i| {
                if (state >> (i % 31)) & 1 == 0 {
                    i16::MIN
                } else {
                    i16::MAX
                }
            });
            if state >> 30 == 0 || step % 7 == 0 {
                concealment.lost()
            } else {
                concealment.received(&noise)
            };
        }
    }
}
