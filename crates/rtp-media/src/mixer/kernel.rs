//! The loops over samples, for the instructions that the processor has.
//!
//! Each loop is written once, in safe code that the compiler turns into vector instructions: SSE2 on x86-64 and NEON on
//! AArch64, which all such processors have, plain ones elsewhere; and once more into AVX2, which is chosen when the program runs. All give
//! the same results, since they are one text and integers are exact.
#![expect(
    unsafe_code,
    reason = "a function compiled for AVX2 is called where AVX2 was found; see `run`"
)]

/// Which instructions the loops use. A value of AVX2 exists only where the processor has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Instructions(Set);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Instructions {
    /// Those that every processor of this kind has.
    #[must_use]
    pub const fn baseline() -> Self {
        Self(Set::Baseline)
    }

    /// The widest that this processor has.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self(Set::Avx2);
        }
        Self::baseline()
    }

    /// `sse2`, `neon` or `plain`, or `avx2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            Set::Baseline if cfg!(target_feature = "sse2") => "sse2",
            Set::Baseline if cfg!(target_feature = "neon") => "neon",
            Set::Baseline => "plain",
        }
    }
}

impl Default for Instructions {
    fn default() -> Self {
        Self::best()
    }
}

impl core::fmt::Debug for Instructions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Defines a loop: the body, the same compiled for AVX2, and the choice between them.
macro_rules! kernel {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name(instructions: Instructions, $($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $type),*) $(-> $result)? {
                body($($argument),*)
            }

            match instructions.0 {
                // SAFETY: `Set::Avx2` is private and made by `Instructions::best` alone, after it found that the
                // processor has AVX2. The function asks for nothing else: its body is safe code.
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => unsafe { avx2($($argument),*) },
                Set::Baseline => body($($argument),*),
            }
        }
    };
}

/// A sum as a sample.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "clamped")]
pub(crate) const fn low_sample(sum: i32) -> i16 {
    let low = if sum < -0x8000 { -0x8000 } else { sum };
    (if low > 0x7fff { 0x7fff } else { low }) as i16
}

kernel! {
    /// Adds a frame to the sums.
    add(sums: &mut [i32], frame: &[i16]) {
        for (sum, sample) in sums.iter_mut().zip(frame) {
            *sum = sum.wrapping_add(i32::from(*sample));
        }
    }
}

kernel! {
    /// Sums as two halves of 16 bits, for [`minus`]. What is beyond 17 bits is cut: no sample could bring it back.
    halve(sums: &[i32], first: &mut [i16], second: &mut [i16]) {
        for ((sum, first), second) in sums.iter().zip(first).zip(second) {
            let sum = (*sum).clamp(-0x1_0000, 0xfffe);
            *first = low_sample(sum >> 1);
            *second = low_sample(sum - (sum >> 1));
        }
    }
}

kernel! {
    /// The sums (as halves) without what the frame has in them, in place of the frame. Exact: both halves have one sign (a
    /// negative sum has a negative first half), so that where the first step saturates, the whole does.
    minus(first: &[i16], second: &[i16], frame: &mut [i16]) {
        for ((first, second), sample) in first.iter().zip(second).zip(frame) {
            *sample = first.saturating_sub(*sample).saturating_add(*second);
        }
    }
}

kernel! {
    /// The sums as samples.
    saturate(sums: &[i32], frame: &mut [i16]) {
        for (sum, sample) in sums.iter().zip(frame) {
            *sample = low_sample(*sum);
        }
    }
}

kernel! {
    /// Adds sums to sums.
    add_sums(sums: &mut [i32], more: &[i32]) {
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum = sum.wrapping_add(*more);
        }
    }
}

kernel! {
    /// Takes sums from sums.
    take_sums(sums: &mut [i32], less: &[i32]) {
        for (sum, less) in sums.iter_mut().zip(less) {
            *sum = sum.wrapping_sub(*less);
        }
    }
}

kernel! {
    /// A frame times a factor in 4096ths, rounded.
    scale(frame: &[i16], factor: i16, out: &mut [i32]) {
        for (sample, out) in frame.iter().zip(out) {
            *out = (i32::from(*sample) * i32::from(factor) + 0x800) >> 12;
        }
    }
}

kernel! {
    /// Samples times weights.
    fir(samples: &[i32], weights: &[i32]) -> i64 {
        let mut sum = 0i64;
        for (sample, weight) in samples.iter().zip(weights) {
            sum = sum.wrapping_add(i64::from(*sample) * i64::from(*weight));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Each loop against its definition, sample by sample, for every set of instructions and every length.
        #[test]
        fn every_path_is_the_definition(
            frame in proptest::collection::vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], 0..400),
            sums in proptest::collection::vec(prop_oneof![-70_000i32..70_000, -(1i32 << 28)..1 << 28], 400),
            factor in 0i16..=16_384,
        ) {
            let sums = &sums[..frame.len()];
            for instructions in [Instructions::baseline(), Instructions::best()] {
                let mut added = sums.to_vec();
                add(instructions, &mut added, &frame);
                let (mut without, mut cut) = (frame.clone(), frame.clone());
                let (mut first, mut second) = (frame.clone(), frame.clone());
                halve(instructions, sums, &mut first, &mut second);
                minus(instructions, &first, &second, &mut without);
                saturate(instructions, sums, &mut cut);
                let (mut scaled, mut less) = (vec![0; frame.len()], added.clone());
                scale(instructions, &frame, factor, &mut scaled);
                take_sums(instructions, &mut less, sums);
                add_sums(instructions, &mut less, sums);
                prop_assert_eq!(&less, &added);
                let weighed = fir(instructions, sums, &scaled);
                prop_assert_eq!(weighed, sums.iter().zip(&scaled).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum::<i64>());
                for n in 0..frame.len() {
                    let (sum, sample) = (i64::from(sums[n]), i64::from(frame[n]));
                    prop_assert_eq!(i64::from(added[n]), sum + sample);
                    prop_assert_eq!(i64::from(without[n]), (sum - sample).clamp(-32_768, 32_767));
                    prop_assert_eq!(i64::from(cut[n]), sum.clamp(-32_768, 32_767));
                    let exact = (sample * i64::from(factor)) as f64 / 4_096.0;
                    prop_assert_eq!(f64::from(scaled[n]), (exact + 0.5).floor());
                }
            }
        }
    }

    /// Every sum near the ends of 16 and 17 bits with every kind of sample.
    #[test]
    fn halves_lose_nothing() {
        let ends = [-0x1_0000, -0x8000, 0, 0x7fff, 0xffff, -(1 << 28), 1 << 28];
        let sums: Vec<i32> = ends.iter().flat_map(|end| end - 40..end + 40).collect();
        let (mut first, mut second) = (vec![0; sums.len()], vec![0; sums.len()]);
        halve(Instructions::baseline(), &sums, &mut first, &mut second);
        for sample in (i16::MIN..=i16::MAX).step_by(97).chain([-1, 0, 1, i16::MIN, i16::MAX]) {
            let mut frame = vec![sample; sums.len()];
            minus(Instructions::baseline(), &first, &second, &mut frame);
            for (sum, heard) in sums.iter().zip(frame) {
                assert_eq!(heard, low_sample(sum - i32::from(sample)), "{sum} - {sample}");
            }
        }
    }

    #[test]
    fn a_sum_is_cut_at_both_ends() {
        let cut = [i32::MIN, -32_769, -32_768, 0, 32_767, 32_768, i32::MAX].map(low_sample);
        assert_eq!(cut, [-32_768, -32_768, -32_768, 0, 32_767, 32_767, 32_767]);
    }
}
