//! What the demo's phones say, and whether what was heard is what somebody said.

/// Samples in a packet of 20 ms.
pub(super) const BLOCK: usize = 160;
/// How loud they speak.
const AMPLITUDE: f64 = 9_000.0;
/// From this ratio of signal to noise on, in decibels, two pieces of sound are the same one. G.711 alone is near 38.
const SAME: f64 = 25.0;

/// The voice of one phone: two tones at a time, other ones in each packet, so that no moment sounds like another one and no phone
/// like another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice(pub(super) u32);

impl Voice {
    /// The samples of the `n`th packet.
    pub(super) fn block(self, n: usize) -> [i16; BLOCK] {
        let mut random = (n as u64).wrapping_add(u64::from(self.0) << 32);
        let mut pitch = |low: f64, span: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let step = (random >> 33) % span;
            #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
            let hertz = low + step as f64;
            hertz * std::f64::consts::TAU / 8_000.0
        };
        let (one, other) = (pitch(300.0, 900), pitch(1_200.0, 1_800));
        std::array::from_fn(|i| {
            #[expect(clippy::cast_precision_loss, reason = "at most 159")]
            let t = i as f64;
            let sample = ((one * t).sin() + (other * t).cos()) / 2.0 * AMPLITUDE;
            #[expect(clippy::cast_possible_truncation, reason = "within the amplitude")]
            let sample = sample as i16;
            sample
        })
    }

    /// The samples of the packets from `from` up to `to`.
    pub(super) fn samples(self, from: usize, to: usize) -> Vec<i16> {
        (from..to).flat_map(|n| self.block(n)).collect()
    }
}

/// Where in `whole` the sound of `part` is, and how alike they are in decibels; `None` where it is not, or `part` is silent.
pub(super) fn find(whole: &[i16], part: &[i16]) -> Option<(usize, f64)> {
    let (head, _) = part.split_at_checked(part.len().min(BLOCK / 2))?;
    // Silence is like any other silence.
    if part.is_empty() || energy(part) < 100.0 * 100.0 * count(part) {
        return None;
    }
    let coarse = energy(head).max(count(head) * 100.0 * 100.0);
    whole.windows(part.len()).enumerate().find_map(|(at, window)| {
        if difference(window, head) > coarse / 4.0 {
            return None;
        }
        let alike = 10.0 * (energy(part) / difference(window, part).max(1.0)).log10();
        (alike >= SAME).then_some((at, alike))
    })
}

fn count(samples: &[i16]) -> f64 {
    u32::try_from(samples.len()).map_or(f64::MAX, f64::from)
}

fn energy(samples: &[i16]) -> f64 {
    samples.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

/// The energy of what is left when `b` is taken away from the beginning of `a`.
fn difference(a: &[i16], b: &[i16]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_media::CodecKind::{self, Pcma, Pcmu};

    fn through(samples: &[i16], codec: CodecKind) -> Vec<i16> {
        samples
            .iter()
            .map(|sample| codec.decode(codec.encode(*sample)))
            .collect()
    }

    #[test]
    fn what_was_said_is_found_where_it_was_said() {
        let said = Voice(1).samples(0, 100);
        let heard = through(&through(&said[40 * BLOCK..65 * BLOCK], Pcma), Pcmu);
        let (at, alike) = find(&said, &heard).unwrap();
        assert_eq!(at, 40 * BLOCK);
        assert!((30.0..45.0).contains(&alike), "{alike}");
    }

    #[test]
    fn what_was_not_said_is_not_found() {
        let said = Voice(1).samples(0, 100);
        assert_eq!(find(&said, &Voice(2).samples(40, 65)), None);
        assert_eq!(find(&said, &Voice(1).samples(100, 125)), None);
        assert_eq!(find(&said, &[0; 4000]), None);
        assert_eq!(find(&said, &[]), None);
        assert_eq!(find(&said[..100], &said), None);
        let mut gap = said[40 * BLOCK..65 * BLOCK].to_vec();
        gap.drain(10 * BLOCK..11 * BLOCK);
        assert_eq!(find(&said, &gap), None, "a lost packet was not noticed");
        let mut noisy = said[40 * BLOCK..65 * BLOCK].to_vec();
        noisy.iter_mut().step_by(7).for_each(|sample| *sample /= 4);
        assert_eq!(find(&said, &noisy), None, "distortion was not noticed");
    }
}
