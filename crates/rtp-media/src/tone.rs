//! Call progress tones by country (ITU-T E.180 and its Supplement 2), made sample by sample and the same everywhere.

/// Whose tones are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Country {
    /// United States.
    #[default]
    Us,
    /// Germany.
    De,
    /// United Kingdom.
    Uk,
}

/// What a tone tells the listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Tone {
    /// The other phone rings.
    Ringback,
    /// The other party is busy.
    Busy,
    /// There is no way through.
    Congestion,
    /// Ready to dial.
    Dial,
    /// Speak now.
    Beep,
}

/// A stretch of a cadence: two frequencies (Hz, 0 for none) for so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch(u16, u16, u16);

impl Stretch {
    /// Samples at 8 kHz.
    fn length(self) -> u64 {
        u64::from(self.2) * 8
    }
}

impl Tone {
    /// One cycle of the cadence.
    const fn cadence(self, country: Country) -> &'static [Stretch] {
        match (self, country) {
            (Self::Ringback, Country::Us) => &[Stretch(440, 480, 2000), Stretch(0, 0, 4000)],
            (Self::Ringback, Country::De) => &[Stretch(425, 0, 1000), Stretch(0, 0, 4000)],
            (Self::Ringback, Country::Uk) => &[
                Stretch(400, 450, 400),
                Stretch(0, 0, 200),
                Stretch(400, 450, 400),
                Stretch(0, 0, 2000),
            ],
            (Self::Busy, Country::Us) => &[Stretch(480, 620, 500), Stretch(0, 0, 500)],
            (Self::Busy, Country::De) => &[Stretch(425, 0, 480), Stretch(0, 0, 480)],
            (Self::Busy, Country::Uk) => &[Stretch(400, 0, 375), Stretch(0, 0, 375)],
            (Self::Congestion, Country::Us) => &[Stretch(480, 620, 250), Stretch(0, 0, 250)],
            (Self::Congestion, Country::De) => &[Stretch(425, 0, 240), Stretch(0, 0, 240)],
            (Self::Congestion, Country::Uk) => &[
                Stretch(400, 0, 400),
                Stretch(0, 0, 350),
                Stretch(400, 0, 225),
                Stretch(0, 0, 525),
            ],
            (Self::Dial, Country::Us) => &[Stretch(350, 440, 1000)],
            (Self::Dial, Country::De) => &[Stretch(425, 0, 1000)],
            (Self::Dial, Country::Uk) => &[Stretch(350, 450, 1000)],
            (Self::Beep, Country::Us | Country::De | Country::Uk) => &[Stretch(1000, 0, 250)],
        }
    }

    /// Samples in one cycle of the cadence, at 8 kHz.
    #[must_use]
    pub fn cycle(self, country: Country) -> u64 {
        self.cadence(country).iter().map(|stretch| stretch.length()).sum()
    }

    /// The tone's samples from `position` on, counted from its start at 8 kHz. The cadence goes round for ever, and a
    /// tone without pauses has no seam.
    ///
    /// ```
    /// use rtp_media::{Country, Tone};
    ///
    /// let mut frame = [0i16; 160];
    /// Tone::Ringback.fill(Country::De, 0, &mut frame);
    /// assert!(frame.iter().any(|sample| *sample > 4000));
    /// Tone::Ringback.fill(Country::De, 8000, &mut frame);
    /// assert_eq!(frame, [0; 160]);
    /// ```
    pub fn fill(self, country: Country, position: u64, out: &mut [i16]) {
        let cadence = self.cadence(country);
        let cycle = self.cycle(country).max(1);
        for (at, sample) in (position..).zip(out) {
            let mut within = at % cycle;
            *sample = 0;
            for stretch in cadence {
                let length = stretch.length();
                if within < length {
                    *sample = level(*stretch, at);
                    break;
                }
                within -= length;
            }
        }
    }
}

/// Peak of each of two frequencies; together about -11 dBm0 (E.180 §3 advises -10 ± 5 dBm0).
const PEAK_OF_TWO: f64 = 5_000.0;
/// Peak of a single frequency, about -13 dBm0.
const PEAK_OF_ONE: f64 = 6_000.0;

fn level(stretch: Stretch, at: u64) -> i16 {
    let Stretch(first, second, _) = stretch;
    let sum = match (first, second) {
        (0, 0) => return 0,
        (one, 0) | (0, one) => PEAK_OF_ONE * sine(one, at),
        (one, two) => PEAK_OF_TWO * (sine(one, at) + sine(two, at)),
    };
    #[expect(clippy::cast_possible_truncation, reason = "at most 10,000")]
    let sample = sum as i16;
    sample
}

/// sin(2π · hertz · at / 8000), from additions and multiplications only, so that every machine has the same bits.
fn sine(hertz: u16, at: u64) -> f64 {
    // The phase in 8000ths of a turn, brought into -1/4 to 1/4 turn, where the series is good to 10⁻⁵.
    let turn = u32::try_from((at % 8_000) * u64::from(hertz) % 8_000).unwrap_or(0);
    let turn = f64::from(turn) / 8_000.0;
    let folded = if turn < 0.25 {
        turn
    } else if turn < 0.75 {
        0.5 - turn
    } else {
        turn - 1.0
    };
    let x = folded * core::f64::consts::TAU;
    let square = x * x;
    x * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Tone; 5] = [Tone::Ringback, Tone::Busy, Tone::Congestion, Tone::Dial, Tone::Beep];
    const COUNTRIES: [Country; 3] = [Country::Us, Country::De, Country::Uk];

    #[test]
    fn the_series_is_a_sine() {
        for hertz in [350, 400, 425, 440, 450, 480, 620, 1000] {
            for at in 0..8_000u32 {
                let exact = (core::f64::consts::TAU * f64::from(hertz) * f64::from(at) / 8_000.0).sin();
                assert!((sine(u16::try_from(hertz).unwrap(), at.into()) - exact).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn cut_anywhere_the_samples_are_the_same() {
        for tone in ALL {
            for country in COUNTRIES {
                let mut whole = vec![0; 9_000];
                tone.fill(country, 50_000, &mut whole);
                let mut pieces = vec![0; 9_000];
                let mut position = 50_000;
                for piece in pieces.chunks_mut(97) {
                    tone.fill(country, position, piece);
                    position += piece.len() as u64;
                }
                assert_eq!(whole, pieces);
            }
        }
    }

    /// Energy at one frequency over the samples, by Goertzel's sum, as the amplitude of that sine.
    fn amplitude(samples: &[i16], hertz: f64) -> f64 {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (at, sample) in (0u32..).zip(samples) {
            let phase = core::f64::consts::TAU * hertz * f64::from(at) / 8_000.0;
            real += f64::from(*sample) * phase.cos();
            imaginary += f64::from(*sample) * phase.sin();
        }
        2.0 * real.hypot(imaginary) / samples.len() as f64
    }

    #[test]
    fn cadences_are_those_of_the_country() {
        // (tone, country, a frequency, whole cycle in ms, first stretch of sound in ms)
        let table = [
            (Tone::Ringback, Country::Us, 440.0, 6_000, 2_000),
            (Tone::Ringback, Country::De, 425.0, 5_000, 1_000),
            (Tone::Ringback, Country::Uk, 450.0, 3_000, 400),
            (Tone::Busy, Country::Us, 620.0, 1_000, 500),
            (Tone::Busy, Country::De, 425.0, 960, 480),
            (Tone::Busy, Country::Uk, 400.0, 750, 375),
            (Tone::Congestion, Country::Us, 480.0, 500, 250),
            (Tone::Congestion, Country::De, 425.0, 480, 240),
            (Tone::Congestion, Country::Uk, 400.0, 1_500, 400),
            (Tone::Dial, Country::De, 425.0, 1_000, 1_000),
            (Tone::Beep, Country::Us, 1_000.0, 250, 250),
        ];
        for (tone, country, hertz, cycle, sounding) in table {
            assert_eq!(tone.cycle(country), cycle * 8, "{tone:?} {country:?}");
            let mut samples = vec![0; usize::try_from(sounding * 8).unwrap()];
            tone.fill(country, 0, &mut samples);
            assert!(amplitude(&samples, hertz) > 4_500.0, "{tone:?} {country:?}");
            let mut after = [1; 8];
            tone.fill(country, sounding * 8, &mut after);
            assert_eq!(after == [0; 8], sounding < cycle, "{tone:?} {country:?}");
        }
    }
}
