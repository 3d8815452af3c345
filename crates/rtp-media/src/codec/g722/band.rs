//! One sub-band: the predictor of two poles and six zeros, and the step's adaptation (G.722 §3.2 to §3.6, §6.2.1).
//!
//! The recommendation computes in words of 16 bits that saturate; here they are `i32`, saturated where it does.

use super::tables::ILB;

/// Cuts off at the ends of 16 bits.
pub(super) const fn saturate(value: i32) -> i32 {
    if value > 32_767 {
        32_767
    } else if value < -32_768 {
        -32_768
    } else {
        value
    }
}

/// Cuts off at the ends of 15 bits.
pub(super) const fn limit(value: i32) -> i32 {
    if value > 16_383 {
        16_383
    } else if value < -16_384 {
        -16_384
    } else {
        value
    }
}

/// What a coder and its decoder both know of a sub-band.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Band {
    /// The quantiser's step, `DETL` or `DETH`.
    step: i32,
    /// Its logarithm, `NBL` or `NBH`.
    log_step: i32,
    /// The prediction, `SL` or `SH`, and the zeros' part of it.
    predicted: i32,
    predicted_by_zeros: i32,
    /// The poles' coefficients and the last two reconstructed samples.
    poles: [i32; 2],
    reconstructed: [i32; 2],
    /// The last two samples of the difference with the zeros' part.
    partial: [i32; 2],
    /// The zeros' coefficients and the last six differences.
    zeros: [i32; 6],
    differences: [i32; 6],
}

impl Band {
    pub(super) const fn new(step: i32) -> Self {
        Self {
            step,
            log_step: 0,
            predicted: 0,
            predicted_by_zeros: 0,
            poles: [0; 2],
            reconstructed: [0; 2],
            partial: [0; 2],
            zeros: [0; 6],
            differences: [0; 6],
        }
    }

    pub(super) const fn step(&self) -> i32 {
        self.step
    }

    pub(super) const fn predicted(&self) -> i32 {
        self.predicted
    }

    /// An output level times the step.
    pub(super) const fn scaled(&self, level: i32) -> i32 {
        (self.step * level) >> 15
    }

    /// Takes the quantised difference and what its code adds to the logarithm of the step. `highest` is that logarithm's greatest
    /// value, `whole` the power of two that its antilogarithm has there.
    pub(super) fn adapt(&mut self, difference: i32, weight: i32, highest: i32, whole: i32) {
        self.log_step = (((self.log_step * 127) >> 7) + weight).clamp(0, highest);
        let mantissa = ILB
            .get(usize::try_from((self.log_step >> 6) & 31).unwrap_or(0))
            .copied()
            .unwrap_or(0);
        let exponent = whole - (self.log_step >> 11);
        self.step = if exponent < 0 {
            mantissa << -exponent
        } else {
            mantissa >> exponent
        } << 2;
        self.predict(difference);
    }

    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.predicted + difference);
        let partial = saturate(self.predicted_by_zeros + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);

        let [newer, _] = self.reconstructed;
        self.reconstructed = [reconstructed, newer];
        let [first, second] = self.poles;
        let by_poles = saturate(((first * saturate(2 * reconstructed)) >> 15) + ((second * saturate(2 * newer)) >> 15));
        self.predicted = saturate(by_poles + self.predicted_by_zeros);
    }

    /// `UPPOL2`, `UPPOL1`: the poles follow the signs of the partially reconstructed signal.
    fn adapt_poles(&mut self, partial: i32) {
        let [last, before] = self.partial;
        let [first, second] = self.poles;
        let same = |other: i32| (partial < 0) == (other < 0);
        let quadruple = saturate(4 * first);
        let towards = saturate(if same(last) { -quadruple } else { quadruple });
        let new_second = ((if same(before) { 128 } else { -128 }) + (towards >> 7) + ((second * 32_512) >> 15))
            .clamp(-12_288, 12_288);
        let bound = saturate(15_360 - new_second);
        let new_first = saturate((if same(last) { 192 } else { -192 }) + ((first * 32_640) >> 15)).clamp(-bound, bound);
        self.poles = [new_first, new_second];
        self.partial = [partial, last];
    }

    /// `UPZERO`, `DELAYA`, `FILTEZ`: the zeros follow the signs of the differences; with them the next prediction begins.
    fn adapt_zeros(&mut self, difference: i32) {
        let gain = if difference == 0 { 0 } else { 128 };
        let mut sum = 0;
        let mut newer = difference;
        for (zero, held) in self.zeros.iter_mut().zip(&mut self.differences) {
            let pull = if (*held < 0) == (difference < 0) { gain } else { -gain };
            *zero = saturate(pull + ((*zero * 32_640) >> 15));
            // This difference moves to the next place.
            let older = core::mem::replace(held, newer);
            sum += (*zero * saturate(2 * newer)) >> 15;
            newer = older;
        }
        self.predicted_by_zeros = saturate(sum);
    }
}
