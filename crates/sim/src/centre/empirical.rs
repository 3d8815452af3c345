//! Distributions as they were observed, also where some observations were cut off.

use core::time::Duration;

use rand_core::Rng;

use super::distribution::unit;

/// Observed lengths of time, each with its share.
#[derive(Clone, PartialEq, Debug)]
pub struct Empirical {
    /// In order, each different.
    values: Vec<Duration>,
    /// The share of values up to and including each; what is missing to 1 never ends.
    cumulative: Vec<f64>,
}

/// How long something lasted at which it could be watched, such as the wait of a caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Observed {
    /// So long.
    pub lasted: Duration,
    /// Whether it ended by itself (the caller hung up). Otherwise it was cut off (an agent answered), and would have lasted longer.
    pub ended: bool,
}

impl Empirical {
    /// Values that are equally likely. `None` if there are none.
    ///
    /// ```
    /// use sim::centre::Empirical;
    /// use std::time::Duration;
    ///
    /// let talks = Empirical::new([30, 60, 60, 90].map(Duration::from_secs)).unwrap();
    /// assert_eq!(talks.mean(), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = Duration>) -> Option<Self> {
        Self::survival(values.into_iter().map(|lasted| Observed { lasted, ended: true }))
    }

    /// The product-limit estimate of Kaplan and Meier (JASA 53:457, 1958) of how long something lasts, from observations of which
    /// some were cut off. What outlasts all observations never ends. `None` if there are none.
    ///
    /// It is how the patience of callers is found in a log, most of whom were answered before they lost it.
    ///
    /// ```
    /// use sim::centre::{Empirical, Observed};
    /// use std::time::Duration;
    ///
    /// // Two hung up after 10 and 30 seconds; two were answered after 20 and 40.
    /// let waits = [(10, true), (20, false), (30, true), (40, false)];
    /// let patience = Empirical::survival(waits.map(|(secs, ended)| Observed { lasted: Duration::from_secs(secs), ended })).unwrap();
    /// assert_eq!(patience.surviving(Duration::from_secs(10)), 0.75); // 3 of 4
    /// assert_eq!(patience.surviving(Duration::from_secs(30)), 0.375); // of them, 1 of 2
    /// ```
    #[must_use]
    pub fn survival(observed: impl IntoIterator<Item = Observed>) -> Option<Self> {
        let mut observed: Vec<Observed> = observed.into_iter().collect();
        observed.sort_unstable();
        if observed.is_empty() {
            return None;
        }
        let (mut values, mut cumulative) = (Vec::new(), Vec::new());
        let (mut at_risk, mut surviving) = (observed.len(), 1.0_f64);
        for same in observed.chunk_by(|one, other| one.lasted == other.lasted) {
            let ended = same.iter().filter(|one| one.ended).count();
            if ended == at_risk {
                surviving = 0.0;
            } else {
                surviving *= 1.0 - ended as f64 / at_risk as f64;
            }
            if let (true, Some(one)) = (ended > 0, same.first()) {
                values.push(one.lasted);
                cumulative.push(1.0 - surviving);
            }
            at_risk -= same.len();
        }
        Some(Self { values, cumulative })
    }

    /// The share that lasts for longer than `time`.
    #[must_use]
    pub fn surviving(&self, time: Duration) -> f64 {
        let ended = self.values.partition_point(|value| *value <= time);
        1.0 - ended
            .checked_sub(1)
            .and_then(|at| self.cumulative.get(at))
            .copied()
            .unwrap_or(0.0)
    }

    /// The mean of what ends; zero where nothing does.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let (mut sum, mut before) = (0.0, 0.0);
        for (value, cumulative) in self.values.iter().zip(&self.cumulative) {
            sum += value.as_secs_f64() * (cumulative - before);
            before = *cumulative;
        }
        if before > 0.0 {
            super::text::seconds(sum / before)
        } else {
            Duration::ZERO
        }
    }

    /// Draws one; [`Duration::MAX`] for what never ends.
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        self.at(unit(rng))
    }

    /// Draws one of those that last for longer than `time`.
    pub fn sample_beyond(&self, time: Duration, rng: &mut impl Rng) -> Duration {
        let gone = 1.0 - self.surviving(time);
        self.at(gone + (1.0 - gone) * unit(rng))
    }

    fn at(&self, share: f64) -> Duration {
        let at = self.cumulative.partition_point(|cumulative| *cumulative <= share);
        self.values.get(at).copied().unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn values_come_as_often_as_they_were_observed() {
        let values = Empirical::new([10, 20, 20, 30].map(secs)).unwrap();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut counts = [0_u32; 4];
        for _ in 0..40_000 {
            counts[usize::try_from(values.sample(&mut rng).as_secs() / 10).unwrap()] += 1;
        }
        assert_eq!(counts[0], 0);
        for (count, expected) in counts[1..].iter().zip([10_000, 20_000, 10_000]) {
            assert!(count.abs_diff(expected) < 400, "{counts:?}");
        }
    }

    /// Exponential patience with mean 100 s, watched only as long as exponential service with mean 50 s takes to come.
    #[test]
    fn patience_is_found_behind_what_cut_it_off() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let observed: Vec<Observed> = (0..50_000)
            .map(|_| {
                let patience = super::super::text::seconds(100.0 * super::super::distribution::exponential(&mut rng));
                let offered = super::super::text::seconds(50.0 * super::super::distribution::exponential(&mut rng));
                Observed {
                    lasted: patience.min(offered),
                    ended: patience <= offered,
                }
            })
            .collect();
        let patience = Empirical::survival(observed).unwrap();
        for at in [10_u64, 50, 100, 150] {
            let exact = (-(at as f64) / 100.0).exp();
            let found = patience.surviving(secs(at));
            assert!((found - exact).abs() < 0.02, "{at}: {found} for {exact}");
        }
    }

    #[test]
    fn what_was_never_seen_to_end_never_ends() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let patient = Empirical::survival([Observed {
            lasted: secs(5),
            ended: false,
        }])
        .unwrap();
        assert_eq!(
            (patient.sample(&mut rng), patient.mean()),
            (Duration::MAX, Duration::ZERO)
        );
        assert_eq!(Empirical::new([]), None);
        let values = Empirical::new([10, 20, 30].map(secs)).unwrap();
        for _ in 0..100 {
            assert!(values.sample_beyond(secs(10), &mut rng) > secs(10));
        }
        assert_eq!(values.sample_beyond(secs(30), &mut rng), Duration::MAX);
    }
}
