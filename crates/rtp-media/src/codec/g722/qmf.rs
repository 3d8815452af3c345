//! The quadrature mirror filters that part 16 kHz into two bands of 8 kHz and join them again (G.722 §3.1, §4.4).

use super::band::{limit, saturate};
use super::tables::QMF;

/// The memory of a filter: the last twelve of either of its two inputs, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Qmf {
    first: [i16; 12],
    second: [i16; 12],
}

impl Qmf {
    pub(super) const fn new() -> Self {
        Self {
            first: [0; 12],
            second: [0; 12],
        }
    }

    /// Two samples at 16 kHz become one of the lower and one of the higher band, of 15 bits.
    pub(super) fn part(&mut self, samples: [i16; 2]) -> (i32, i32) {
        let [forward, backward] = self.filtered(samples);
        (limit((backward + forward) >> 14), limit((backward - forward) >> 14))
    }

    /// One sample of each band become two at 16 kHz.
    pub(super) fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        let [forward, backward] = self.filtered([word(low + high), word(low - high)]);
        [word(backward >> 11), word(forward >> 11)]
    }

    /// The first input's samples through the taps forwards, the second's through the taps backwards.
    fn filtered(&mut self, [first, second]: [i16; 2]) -> [i32; 2] {
        push(&mut self.first, first);
        push(&mut self.second, second);
        let sum = |samples: &[i16; 12], tap: fn(&(&i16, (&i16, &i16))) -> i32| -> i32 {
            samples
                .iter()
                .zip(QMF.iter().zip(QMF.iter().rev()))
                .map(|pair| tap(&pair))
                .sum()
        };
        [
            sum(&self.first, |(sample, (tap, _))| i32::from(**sample) * i32::from(**tap)),
            sum(&self.second, |(sample, (_, tap))| {
                i32::from(**sample) * i32::from(**tap)
            }),
        ]
    }
}

fn push(samples: &mut [i16; 12], newest: i16) {
    samples.copy_within(1.., 0);
    if let Some(last) = samples.last_mut() {
        *last = newest;
    }
}

/// Cuts off at the ends of a 16-bit word.
fn word(value: i32) -> i16 {
    i16::try_from(saturate(value)).unwrap_or(0)
}
