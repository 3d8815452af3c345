//! Token buckets.

use core::time::Duration;

use machine::Time;

/// How much may pass: `per_second` in the long run, and `burst` at once after a pause.
///
/// ```
/// use sip_core::guard::Rate;
///
/// let calls = Rate::new(10, 50);
/// assert_eq!((calls.per_second, calls.burst), (10, 50));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rate {
    /// Tokens a second. With 0 nothing passes.
    pub per_second: u32,
    /// Tokens that a full bucket holds. With 0 nothing passes.
    pub burst: u32,
}

impl Rate {
    /// A rate.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst }
    }

    /// How many nanoseconds one token takes to come.
    fn interval(self) -> u64 {
        1_000_000_000_u64
            .checked_div(u64::from(self.per_second))
            .unwrap_or(0)
            .max(1)
    }
}

/// A token bucket in one number: the time at which it is full again (the generic cell rate algorithm). New ones are full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub(super) struct Bucket {
    full_at: Time,
}

impl Bucket {
    /// How long until it holds a token; zero if it does now.
    pub(super) fn wait(self, now: Time, rate: Rate) -> Duration {
        let interval = rate.interval();
        let depth = interval.saturating_mul(u64::from(rate.burst));
        let missing = self.full_at.as_nanos().saturating_sub(now.as_nanos());
        if rate.burst == 0 || rate.per_second == 0 {
            return Duration::MAX;
        }
        Duration::from_nanos(missing.saturating_add(interval).saturating_sub(depth))
    }

    /// Takes a token, which has to be there.
    pub(super) fn take(&mut self, now: Time, rate: Rate) {
        let from = self.full_at.max(now);
        self.full_at = Time::from_nanos(from.as_nanos().saturating_add(rate.interval()));
    }

    /// Takes a token if there is one.
    pub(super) fn try_take(&mut self, now: Time, rate: Rate) -> bool {
        let there = self.wait(now, rate).is_zero();
        if there {
            self.take(now, rate);
        }
        there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Time = Time::from_secs(1_700_000_000);

    #[test]
    fn a_burst_then_one_at_a_time() {
        let (rate, mut bucket) = (Rate::new(10, 3), Bucket::default());
        for _ in 0..3 {
            assert!(bucket.try_take(START, rate));
        }
        assert!(!bucket.try_take(START, rate));
        assert_eq!(bucket.wait(START, rate), Duration::from_millis(100));
        let next = START + Duration::from_millis(100);
        assert!(!bucket.try_take(next - Duration::from_nanos(1), rate));
        assert!(bucket.try_take(next, rate));
        assert!(!bucket.try_take(next, rate));
        // A pause fills it, but not beyond the burst.
        let later = START + Duration::from_secs(1_000);
        assert_eq!((0..10).filter(|_| bucket.try_take(later, rate)).count(), 3);
    }

    #[test]
    fn rates_at_their_ends() {
        let mut bucket = Bucket::default();
        assert!(!bucket.try_take(START, Rate::new(10, 0)));
        assert!(!bucket.try_take(START, Rate::new(0, 10)));
        let (mut bucket, most) = (Bucket::default(), Rate::new(u32::MAX, u32::MAX));
        assert!((0..1000).all(|_| bucket.try_take(Time::from_nanos(u64::MAX), most)));
    }

    proptest! {
        /// Against a bucket of fractions that is filled step by step. Times are multiples of the interval's tenth, so that
        /// both count exactly.
        #[test]
        fn agrees_with_a_bucket_that_is_filled(
            per_second in prop::sample::select(vec![1_u32, 2, 5, 8, 10, 50, 100, 125, 1000]), burst in 1_u32..20,
            steps in prop::collection::vec(0_u64..40, 1..200)
        ) {
            let rate = Rate::new(per_second, burst);
            let tenth = (1_000_000_000 / u64::from(per_second)) / 10;
            let (mut bucket, mut level, mut now) = (Bucket::default(), u64::from(burst) * 10, START);
            for step in steps {
                now += Duration::from_nanos(step * tenth);
                level = (level + step).min(u64::from(burst) * 10);
                let expected = level >= 10;
                prop_assert_eq!(bucket.wait(now, rate).is_zero(), expected);
                prop_assert_eq!(bucket.try_take(now, rate), expected);
                level -= if expected { 10 } else { 0 };
            }
        }
    }
}
