//! Sample rates, and bringing sound from one to another: frame by frame, with integers alone.
//!
//! A polyphase filter of our own, because what the engine hears must be the same on every machine, and its state must be
//! saved and read back: resamplers on the registry compute in floating point, with other instructions (and other
//! roundings) on other processors, and keep their state to themselves.

use crate::mixer::kernel::{Instructions, fir, low_sample};

/// Samples a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Rate {
    /// 8,000: G.711 and the telephone network.
    #[default]
    Hz8000,
    /// 16,000: G.722, wide band.
    Hz16000,
    /// 24,000: Opus, super-wide band.
    Hz24000,
    /// 48,000: Opus, full band.
    Hz48000,
}

impl Rate {
    /// All of them, slowest first.
    pub const ALL: [Self; 4] = [Self::Hz8000, Self::Hz16000, Self::Hz24000, Self::Hz48000];

    /// Samples a second.
    #[must_use]
    pub const fn hertz(self) -> u32 {
        match self {
            Self::Hz8000 => 8_000,
            Self::Hz16000 => 16_000,
            Self::Hz24000 => 24_000,
            Self::Hz48000 => 48_000,
        }
    }

    /// Samples in so many milliseconds.
    #[must_use]
    pub const fn samples(self, millis: u16) -> usize {
        self.hertz() as usize / 1_000 * millis as usize
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Hz8000 => 0,
            Self::Hz16000 => 1,
            Self::Hz24000 => 2,
            Self::Hz48000 => 3,
        }
    }
}

/// Why a frame was not resampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The frame's length gives no whole number of samples at the other rate.
    #[error("the frame has no whole number of samples at the other rate")]
    Input,
    /// The output has another length than the frame at the other rate.
    #[error("the output does not have the frame's length at the other rate")]
    Output,
}

/// Brings sound from one rate to another, frame by frame, without a seam.
///
/// Linear phase; up to 0.42 of the lower rate (3,380 Hz at 8 kHz) flat to 0.01 dB, from 0.53 (4,220 Hz) on 80 dB down;
/// 24 samples of the lower rate late (3 ms at 8 kHz). Nothing is allocated after the first frame of a length.
///
/// ```
/// use rtp_media::resample::{Rate, Resampler};
///
/// let mut up = Resampler::new(Rate::Hz8000, Rate::Hz16000);
/// let mut wide = [0i16; 320];
/// up.process(&[1_000; 160], &mut wide)?;
/// up.process(&[1_000; 160], &mut wide)?;
/// assert_eq!(wide, [1_000; 320]);
/// # Ok::<(), rtp_media::resample::ResampleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Resampler {
    /// The ratio in its lowest terms: `up` samples out for `down` samples in.
    up: usize,
    down: usize,
    /// Of each phase.
    taps: usize,
    /// `up` phases, each in the order of time, in units of 2⁻²⁸.
    coefficients: Vec<i32>,
    /// The end of what came before, and the frame.
    line: Vec<i32>,
    #[cfg_attr(feature = "serde", serde(skip))]
    instructions: Instructions,
}

/// Length of the filter in samples of the lower rate.
const LENGTH: u32 = 48;
/// Where the filter is half open, in parts of the lower rate.
const CUTOFF: f64 = 0.475;
/// Kaiser's parameter for 80 dB.
const BETA: f64 = 7.857;
/// The coefficients' fractional bits.
const BITS: u32 = 28;
/// What an output is cut to: far above the sum of all parties of a mixer, far below what would overflow.
const BOUND: i64 = 1 << 28;

impl Resampler {
    /// A resampler that has heard nothing yet.
    #[must_use]
    pub fn new(from: Rate, to: Rate) -> Self {
        let (from, to) = (from.hertz() / 1_000, to.hertz() / 1_000);
        let common = common_divisor(from, to);
        let (up, down) = (to / common, from / common);
        let coefficients = if up == down { vec![1 << BITS] } else { design(up, down) };
        let (up, down) = (as_index(up), as_index(down));
        let taps = coefficients.len() / up;
        Self {
            up,
            down,
            taps,
            coefficients,
            line: vec![0; taps.saturating_sub(1)],
            instructions: Instructions::best(),
        }
    }

    /// Brings a frame to the other rate.
    ///
    /// # Errors
    /// The lengths do not fit each other; nothing was heard or written.
    pub fn process(&mut self, frame: &[i16], out: &mut [i16]) -> Result<(), ResampleError> {
        self.check(frame.len(), out.len())?;
        let old = self.make_room(frame.len());
        for (place, sample) in self.line.iter_mut().skip(old).zip(frame) {
            *place = i32::from(*sample);
        }
        self.filter(|value, n| {
            if let Some(out) = out.get_mut(n) {
                *out = low_sample(value);
            }
        });
        self.forget(frame.len());
        Ok(())
    }

    /// The same with the sums of many parties, at most 2²⁸ each way.
    pub(crate) fn process_sums(&mut self, frame: &[i32], out: &mut [i32]) -> Result<(), ResampleError> {
        self.check(frame.len(), out.len())?;
        let old = self.make_room(frame.len());
        if let Some(place) = self.line.get_mut(old..) {
            place.copy_from_slice(frame);
        }
        self.filter(|value, n| {
            if let Some(out) = out.get_mut(n) {
                *out = value;
            }
        });
        self.forget(frame.len());
        Ok(())
    }

    /// Whether all that it remembers is silence.
    pub(crate) fn is_silent(&self) -> bool {
        self.line
            .iter()
            .take(self.taps.saturating_sub(1))
            .all(|sample| *sample == 0)
    }

    fn check(&self, frame: usize, out: usize) -> Result<(), ResampleError> {
        if !frame.is_multiple_of(self.down) {
            return Err(ResampleError::Input);
        }
        if frame / self.down * self.up != out {
            return Err(ResampleError::Output);
        }
        Ok(())
    }

    /// Makes the line long enough; where the frame begins.
    fn make_room(&mut self, frame: usize) -> usize {
        let old = self.taps.saturating_sub(1);
        self.line.resize(old.saturating_add(frame), 0);
        old
    }

    fn filter(&self, mut put: impl FnMut(i32, usize)) {
        let frame = self.line.len() - self.taps.saturating_sub(1);
        let outputs = frame / self.down * self.up;
        let (mut at, mut phase) = (0, 0);
        for n in 0..outputs {
            let heard = self.line.get(at..at + self.taps).unwrap_or(&[]);
            let weights = self.coefficients.get(phase * self.taps..).unwrap_or(&[]);
            let sum = fir(self.instructions, heard, weights.get(..self.taps).unwrap_or(&[]));
            let rounded = (sum + (1 << (BITS - 1))) >> BITS;
            put(i32::try_from(rounded.clamp(-BOUND, BOUND)).unwrap_or(0), n);
            phase += self.down;
            while phase >= self.up {
                phase -= self.up;
                at += 1;
            }
        }
    }

    /// Keeps the end of the line for the next frame.
    fn forget(&mut self, frame: usize) {
        let kept = frame.min(self.line.len());
        self.line.copy_within(kept.., 0);
    }
}

const fn common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

const fn as_index(value: u32) -> usize {
    value as usize
}

/// The phases of a low-pass filter: a sinc under Kaiser's window (Kaiser and Schafer 1980), at the rate that both are
/// parts of. Made of operations that IEEE 754 rounds correctly, so that every machine has the same coefficients.
fn design(up: u32, down: u32) -> Vec<i32> {
    let ratio = up.max(down);
    let length = LENGTH * ratio;
    let middle = f64::from(length - 1) / 2.0;
    let whole = bessel(BETA);
    let prototype: Vec<f64> = (0..length)
        .map(|n| {
            let t = f64::from(n) - middle;
            let x = 2.0 * CUTOFF / f64::from(ratio) * t;
            let edge = t / middle;
            sinc(x) * bessel(BETA * (1.0 - edge * edge).max(0.0).sqrt()) / whole
        })
        .collect();
    let mut phases = Vec::with_capacity(prototype.len());
    for phase in 0..as_index(up) {
        let taps: Vec<f64> = prototype.iter().skip(phase).step_by(as_index(up)).copied().collect();
        let gain = f64::from(1u32 << BITS) / taps.iter().sum::<f64>();
        let mut phase: Vec<i32> = taps.iter().rev().map(|tap| rounded(tap * gain)).collect();
        // What rounding took or gave goes to the middle: silence and a steady level stay what they are.
        let missing = (1 << BITS) - phase.iter().sum::<i32>();
        let middle = phase.len() / 2;
        if let Some(tap) = phase.get_mut(middle) {
            *tap += missing;
        }
        phases.append(&mut phase);
    }
    phases
}

#[expect(clippy::cast_possible_truncation, reason = "less than 2³⁰ each way")]
fn rounded(value: f64) -> i32 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i32
}

/// The modified Bessel function of order zero.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..40u32 {
        term *= quarter / f64::from(n * n);
        sum += term;
    }
    sum
}

/// sin(πx) / πx.
fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    // sin(πx), brought into a quarter turn around zero, where the series is good to the last bits.
    let turn = x - 2.0 * (x / 2.0).round();
    let folded = if turn > 0.5 {
        1.0 - turn
    } else if turn < -0.5 {
        -1.0 - turn
    } else {
        turn
    };
    let y = folded * core::f64::consts::PI;
    let (mut sum, mut term) = (y, y);
    for n in 1..12u32 {
        term *= -y * y / f64::from(2 * n * (2 * n + 1));
        sum += term;
    }
    sum / (x * core::f64::consts::PI)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "a test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Iterator<Item = (Rate, Rate)> {
        Rate::ALL.into_iter().flat_map(|from| Rate::ALL.map(|to| (from, to)))
    }

    fn sine(hertz: f64, rate: Rate, count: usize) -> Vec<i16> {
        (0..count)
            .map(|n| {
                (10_000.0 * (core::f64::consts::TAU * hertz * n as f64 / f64::from(rate.hertz())).sin()).round() as i16
            })
            .collect()
    }

    /// In frames of 10 ms.
    fn resampled(from: Rate, to: Rate, sound: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let mut out = vec![0; to.samples(10)];
        sound
            .chunks_exact(from.samples(10))
            .flat_map(|frame| {
                resampler.process(frame, &mut out).unwrap();
                out.clone()
            })
            .collect()
    }

    /// The amplitude of one frequency, and of all the rest.
    fn parts(sound: &[i16], hertz: f64, rate: Rate) -> (f64, f64) {
        let step = core::f64::consts::TAU * hertz / f64::from(rate.hertz());
        let (mut real, mut imaginary, mut all) = (0.0, 0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            let sample = f64::from(*sample);
            real += sample * (step * n as f64).cos();
            imaginary += sample * (step * n as f64).sin();
            all += sample * sample;
        }
        let count = sound.len() as f64;
        let amplitude = 2.0 * real.hypot(imaginary) / count;
        (amplitude, (all / count - amplitude * amplitude / 2.0).max(0.0).sqrt())
    }

    #[test]
    fn what_both_rates_carry_passes_and_the_rest_does_not() {
        for (from, to) in pairs().filter(|(from, to)| from != to) {
            let low = f64::from(from.hertz().min(to.hertz()));
            for part in [0.0125, 0.125, 0.3, 0.42] {
                let hertz = part * low;
                let sound = resampled(from, to, &sine(hertz, from, from.samples(1_000)));
                let (amplitude, rest) = parts(&sound[to.samples(200)..], hertz, to);
                assert!(
                    (amplitude - 10_000.0).abs() < 15.0,
                    "{from:?} {to:?} {hertz}: {amplitude}"
                );
                assert!(rest < 1.5, "{from:?} {to:?} {hertz}: {rest}");
            }
            if from > to {
                // Up to what the faster rate can carry.
                let most = f64::from(from.hertz()) / 2.0 / low;
                for part in [0.53, 0.6, 0.75, 0.99, 1.4].into_iter().filter(|part| *part < most) {
                    let sound = resampled(from, to, &sine(part * low, from, from.samples(1_000)));
                    let loudest = sound[to.samples(200)..]
                        .iter()
                        .map(|sample| sample.unsigned_abs())
                        .max();
                    assert!(loudest <= Some(2), "{from:?} {to:?} {part}: {loudest:?}");
                }
            }
        }
    }

    #[test]
    fn levels_are_kept_to_the_bit() {
        for (from, to) in pairs() {
            for level in [i16::MIN, -1, 0, 1, 12_345, i16::MAX] {
                let sound = resampled(from, to, &vec![level; from.samples(100)]);
                assert!(
                    sound[to.samples(20)..].iter().all(|sample| *sample == level),
                    "{from:?} {to:?} {level}"
                );
            }
        }
    }

    #[test]
    fn lengths_must_fit() {
        let mut down = Resampler::new(Rate::Hz48000, Rate::Hz8000);
        let before = down.clone();
        assert_eq!(down.process(&[1; 961], &mut [0; 160]), Err(ResampleError::Input));
        assert_eq!(down.process(&[1; 960], &mut [0; 161]), Err(ResampleError::Output));
        assert_eq!(down, before);
        assert_eq!(down.process(&[1; 960], &mut [0; 160]), Ok(()));
        assert_eq!(down.process(&[], &mut []), Ok(()));
    }

    proptest! {
        /// The same samples whatever the frames, and on every path of instructions.
        #[test]
        fn frames_leave_no_seam(pair in 0usize..16, cuts in proptest::collection::vec(0usize..40, 1..20), seed: u64) {
            let (from, to) = pairs().nth(pair).unwrap();
            let mut state = seed;
            let mut noise = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 48).cast_signed() as i16
            };
            let (mut whole, mut pieces) = (Resampler::new(from, to), Resampler::new(from, to));
            pieces.instructions = Instructions::baseline();
            let total: usize = cuts.iter().sum::<usize>() * whole.down;
            let sound: Vec<i16> = (0..total).map(|_| noise()).collect();
            let mut expected = vec![0; total / whole.down * whole.up];
            whole.process(&sound, &mut expected).unwrap();
            let (mut at, mut got) = (0, Vec::new());
            for cut in cuts {
                let mut out = vec![0; cut * pieces.up];
                pieces.process(&sound[at..at + cut * pieces.down], &mut out).unwrap();
                at += cut * pieces.down;
                got.append(&mut out);
            }
            prop_assert_eq!(got, expected);
        }
    }
}
