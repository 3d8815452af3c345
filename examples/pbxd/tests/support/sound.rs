//! G.711 and the measuring of tones, written here once more so that the server is not measured with its own ruler.

/// Samples a second.
pub(crate) const RATE: f64 = 8000.0;

/// A linear sample as µ-law (ITU-T G.711).
pub(crate) fn to_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(32_635) + 132;
    let exponent = (magnitude.ilog2() - 7).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !(sign | u8::try_from(exponent << 4).unwrap() | u8::try_from(mantissa).unwrap())
}

/// A µ-law byte as a linear sample.
pub(crate) fn from_ulaw(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = ((i32::from(byte & 0x0f) << 3) + 132) << ((byte >> 4) & 7);
    let sample = i16::try_from(magnitude - 132).unwrap();
    if byte & 0x80 == 0 { sample } else { -sample }
}

/// A sine, from sample number `first` on.
pub(crate) fn sine(frequency: f64, first: usize, samples: usize) -> Vec<i16> {
    (first..first + samples)
        .map(|n| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "a sample within i16"
            )]
            let sample = (8000.0 * (std::f64::consts::TAU * frequency * n as f64 / RATE).sin()) as i16;
            sample
        })
        .collect()
}

/// The share of the sound's power that lies at one frequency (Goertzel): near 1 for a pure tone, near 0 elsewhere.
#[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
pub(crate) fn share(samples: &[i16], frequency: f64) -> f64 {
    let coefficient = 2.0 * (std::f64::consts::TAU * frequency / RATE).cos();
    let (mut s1, mut s2, mut power) = (0.0, 0.0, 0.0);
    for sample in samples {
        let sample = f64::from(*sample);
        let s0 = sample + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
        power += sample * sample;
    }
    let at = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    if power == 0.0 {
        0.0
    } else {
        2.0 * at / (power * samples.len() as f64)
    }
}

/// Root mean square, in units of a 16-bit sample.
#[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
pub(crate) fn loudness(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / samples.len().max(1) as f64).sqrt()
}

/// The samples of a 16-bit mono WAV file as its writer has left it: the sizes in the header may not be filled in yet.
pub(crate) fn read_wav(bytes: &[u8]) -> Vec<i16> {
    let start = bytes
        .windows(4)
        .position(|name| name == b"data")
        .map_or(bytes.len(), |at| at + 8);
    bytes
        .get(start..)
        .unwrap_or_default()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect()
}

/// A 16-bit mono WAV file of 8000 samples a second.
pub(crate) fn write_wav(samples: &[i16]) -> Vec<u8> {
    let size = u32::try_from(samples.len() * 2).unwrap();
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend([1, 0, 1, 0]); // PCM, mono
    file.extend(8000u32.to_le_bytes());
    file.extend(16000u32.to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}
