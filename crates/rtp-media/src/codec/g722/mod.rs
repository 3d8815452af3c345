//! G.722: 16 kHz speech in 64 kbit/s, in two bands of ADPCM, exact to the bit with the reference of ITU-T G.191.
//!
//! RTP gives it payload type 9 and a clock of 8000 Hz although it carries 16,000 samples a second (RFC 3551 §4.5.2): a packet
//! of 20 ms has 160 octets, 320 samples, and moves the timestamp by 160.
//!
//! ```
//! use rtp_media::codec::g722::{Decoder, Encoder, Mode};
//!
//! let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(Mode::Bits8));
//! let speech: Vec<i16> = (0..320).map(|i| ((f64::from(i) * 0.2).sin() * 8000.0) as i16).collect();
//! let mut payload = [0; 160];
//! encoder.encode(&speech, &mut payload);
//! let mut heard = [0; 320];
//! decoder.decode(&payload, &mut heard);
//! // Both filters together delay by 22 samples.
//! let error = speech[100..280].iter().zip(&heard[122..302]).map(|(said, heard)| (said - heard).abs()).max();
//! assert!(error < Some(400));
//! ```

mod band;
mod qmf;
mod tables;

use band::{Band, limit, saturate};
use qmf::Qmf;
use tables::{Q6, QM2, QM4, QM5, QM6, WH, WL};

/// Greatest logarithm of the step, and the power of two of its antilogarithm, in the lower and in the higher band.
const LOW_RANGE: (i32, i32) = (18_432, 8);
const HIGH_RANGE: (i32, i32) = (22_528, 10);

/// How many of an octet's bits are speech; the others are left to data (G.722 §1.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "G.722 has three modes")]
pub enum Mode {
    /// Mode 1: 64 kbit/s, what RTP carries.
    #[default]
    Bits8,
    /// Mode 2: 56 kbit/s, the last bit is not looked at.
    Bits7,
    /// Mode 3: 48 kbit/s, the last two bits are not looked at.
    Bits6,
}

/// Makes octets of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Encoder {
    filter: Qmf,
    low: Band,
    high: Band,
}

impl Encoder {
    /// At rest.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            filter: Qmf::new(),
            low: Band::new(32),
            high: Band::new(8),
        }
    }

    /// Codes two samples of 16 kHz an octet, as many as both slices have.
    pub fn encode(&mut self, samples: &[i16], codes: &mut [u8]) {
        let (pairs, _) = samples.as_chunks::<2>();
        for (code, pair) in codes.iter_mut().zip(pairs) {
            let (low, high) = self.filter.part(*pair);
            *code = self.encode_bands(low, high);
        }
    }

    /// Codes one sample of each band, of 15 bits each, without the filter (G.722 appendix II tests a codec so).
    pub fn encode_bands(&mut self, low: i32, high: i32) -> u8 {
        self.encode_high(limit(high)) << 6 | self.encode_low(limit(low))
    }

    fn encode_low(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.low.predicted());
        let magnitude = if difference < 0 { !difference } else { difference };
        let step = self.low.step();
        // The levels rise, so that counting those below finds the first above; a count has no branches to mispredict.
        let interval: u8 = Q6.iter().map(|level| u8::from((level * step) >> 12 <= magnitude)).sum();
        let code = match (difference < 0, interval) {
            (true, 0) => 63,
            (true, 1) => 62,
            (true, above) => 33 - above,
            (false, above) => 61 - above,
        };
        let short = code >> 2;
        self.low.adapt(
            self.low.scaled(pick(&QM4, short)),
            pick(&WL, short),
            LOW_RANGE.0,
            LOW_RANGE.1,
        );
        code
    }

    fn encode_high(&mut self, sample: i32) -> u8 {
        let difference = saturate(sample - self.high.predicted());
        let magnitude = if difference < 0 { !difference } else { difference };
        let far = magnitude >= (564 * self.high.step()) >> 12;
        let code = match (difference < 0, far) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.high.adapt(
            self.high.scaled(pick(&QM2, code)),
            pick(&WH, code),
            HIGH_RANGE.0,
            HIGH_RANGE.1,
        );
        code
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes samples of octets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Decoder {
    filter: Qmf,
    low: Band,
    high: Band,
    mode: Mode,
}

impl Decoder {
    /// At rest.
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self {
            filter: Qmf::new(),
            low: Band::new(32),
            high: Band::new(8),
            mode,
        }
    }

    /// Makes two samples of 16 kHz of each octet, as many as both slices have.
    pub fn decode(&mut self, codes: &[u8], samples: &mut [i16]) {
        let (pairs, _) = samples.as_chunks_mut::<2>();
        for (code, pair) in codes.iter().zip(pairs) {
            let (low, high) = self.decode_bands(*code);
            *pair = self.filter.join(low, high);
        }
    }

    /// Makes one sample of each band, of 15 bits each, without the filter (G.722 appendix II tests a codec so).
    pub fn decode_bands(&mut self, code: u8) -> (i32, i32) {
        let (low, high) = (code & 0x3f, code >> 6);
        let level = match self.mode {
            Mode::Bits8 => pick(&QM6, low),
            Mode::Bits7 => pick(&QM5, low >> 1),
            Mode::Bits6 => pick(&QM4, low >> 2),
        };
        let low_sample = limit(saturate(self.low.predicted() + self.low.scaled(level)));
        // The predictor goes by four bits in all modes, so that it is the coder's.
        let short = low >> 2;
        self.low.adapt(
            self.low.scaled(pick(&QM4, short)),
            pick(&WL, short),
            LOW_RANGE.0,
            LOW_RANGE.1,
        );

        let difference = self.high.scaled(pick(&QM2, high));
        let high_sample = limit(saturate(self.high.predicted() + difference));
        self.high.adapt(difference, pick(&WH, high), HIGH_RANGE.0, HIGH_RANGE.1);
        (low_sample, high_sample)
    }
}

/// The entry of a table; the codes are cut to its length.
fn pick<const N: usize>(table: &[i32; N], code: u8) -> i32 {
    table.get(usize::from(code)).copied().unwrap_or(0)
}
