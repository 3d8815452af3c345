//! Figures with their confidence intervals.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A figure that was estimated.
///
/// ```
/// use sim::centre::Estimate;
///
/// // Answered within 20 s and offered, on four days.
/// let level = Estimate::ratio([(80.0, 100.0), (171.0, 190.0), (93.0, 110.0), (130.0, 150.0)]).unwrap();
/// assert_eq!(level.value, 474.0 / 550.0);
/// let (from, to) = level.interval(0.95).unwrap();
/// assert!((0.78..0.80).contains(&from) && (0.92..0.94).contains(&to), "{from} {to}");
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Its standard error; `None` if there was one observation only.
    pub error: Option<f64>,
    /// From how many independent observations.
    pub observations: usize,
}

impl Estimate {
    /// The sum of the first of each pair ÷ the sum of the second, where the pairs are independent observations: days, replications, or
    /// batches of a long run. `None` where the second sum is zero.
    ///
    /// The standard error is that of a ratio estimator (by linearisation): the pairs' deviations `x − r·y`. So a day with many callers
    /// counts for more than one with few, as it does for the callers.
    #[must_use]
    pub fn ratio(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let pairs: Vec<(f64, f64)> = pairs.into_iter().collect();
        let above: f64 = pairs.iter().map(|pair| pair.0).sum();
        let below: f64 = pairs.iter().map(|pair| pair.1).sum();
        if below == 0.0 {
            return None;
        }
        let (value, count) = (above / below, pairs.len() as f64);
        let squares: f64 = pairs.iter().map(|(above, below)| (above - value * below).powi(2)).sum();
        let error = (pairs.len() > 1).then(|| (squares * count / (count - 1.0)).sqrt() / below);
        Some(Self {
            value,
            error,
            observations: pairs.len(),
        })
    }

    /// Half the width of the interval that covers the truth with this probability (0.95 is usual), by Student's t. `None` if there is no
    /// standard error, or no such probability.
    #[must_use]
    pub fn half_width(&self, level: f64) -> Option<f64> {
        if !(0.0..1.0).contains(&level) {
            return None;
        }
        let degrees = self.observations.checked_sub(1)? as f64;
        let t = StudentsT::new(0.0, 1.0, degrees).ok()?;
        Some(t.inverse_cdf(0.5 + level / 2.0) * self.error?)
    }

    /// The interval that covers the truth with this probability.
    #[must_use]
    pub fn interval(&self, level: f64) -> Option<(f64, f64)> {
        let half = self.half_width(level)?;
        Some((self.value - half, self.value + half))
    }

    /// Whether that interval covers `truth`.
    #[must_use]
    pub fn covers(&self, truth: f64, level: f64) -> bool {
        self.interval(level)
            .is_some_and(|(from, to)| from <= truth && truth <= to)
    }
}

/// How much each value of a row goes with the one before it: the correlation at lag 1, from −1 to 1. Batches of a run are long enough if it
/// is near zero. `None` for fewer than three values or where all are equal.
#[must_use]
pub fn lag_correlation(values: &[f64]) -> Option<f64> {
    if values.len() < 3 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let lagged: f64 = values
        .iter()
        .zip(values.iter().skip(1))
        .map(|(one, next)| (one - mean) * (next - mean))
        .sum();
    (square > 0.0).then(|| lagged / square)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::centre::distribution::{exponential, unit};
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn the_quantiles_of_student() {
        // ISO 2602, table of t: two-sided 95 %, and 99 %.
        for (observations, level, t) in [
            (2, 0.95, 12.706),
            (11, 0.95, 2.228),
            (20, 0.95, 2.093),
            (20, 0.99, 2.861),
        ] {
            let estimate = Estimate {
                value: 0.0,
                error: Some(1.0),
                observations,
            };
            assert!(
                (estimate.half_width(level).unwrap() - t).abs() < 0.001,
                "{observations}"
            );
        }
    }

    #[test]
    fn the_mean_of_equal_weights_is_the_usual_one() {
        let values = [4.0, 7.0, 6.0, 3.0, 5.0];
        let estimate = Estimate::ratio(values.map(|value| (value, 1.0))).unwrap();
        assert_eq!(estimate.value, 5.0);
        // Variance 10 / 4, of the mean ÷ 5.
        assert!((estimate.error.unwrap() - 0.5_f64.sqrt()).abs() < 1e-12);
    }

    /// 95 % intervals cover the truth in about 95 % of all cases, also where numerator and denominator depend on each other, if an
    /// observation is made of many waits (of single exponential ones, twenty of them cover it in 92 % only).
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut covered = 0;
        for _ in 0..2000 {
            let pairs = (0..20).map(|_| {
                let calls = 50.0 + 100.0 * unit(&mut rng);
                let wait = (0..25).map(|_| exponential(&mut rng)).sum::<f64>() / 25.0;
                let waits = calls * (1.0 + 0.3 * wait);
                (waits, calls)
            });
            covered += u32::from(Estimate::ratio(pairs.collect::<Vec<_>>()).unwrap().covers(1.3, 0.95));
        }
        assert!((1860..1960).contains(&covered), "{covered} of 2000");
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!(Estimate::ratio([]), None);
        assert_eq!(Estimate::ratio([(0.0, 0.0)]), None);
        let one = Estimate::ratio([(1.0, 2.0)]).unwrap();
        assert_eq!((one.value, one.error, one.half_width(0.95)), (0.5, None, None));
        assert_eq!(Estimate::ratio([(1.0, 2.0), (1.0, 2.0)]).unwrap().half_width(1.0), None);
    }

    #[test]
    fn rows_that_swing_and_rows_that_drift() {
        assert!(lag_correlation(&[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]).unwrap() < -0.7);
        let drift: Vec<f64> = (0..50).map(f64::from).collect();
        assert!(lag_correlation(&drift).unwrap() > 0.9);
        assert_eq!(lag_correlation(&[1.0, 1.0, 1.0]), None);
    }
}
