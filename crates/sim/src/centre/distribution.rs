//! How long things take.

use core::str::FromStr;
use core::time::Duration;

use rand_core::Rng;
use rand_distr::Distribution as _;

use super::empirical::Empirical;
use super::text::{TextError, parse_duration, seconds};

/// How long something takes, by chance: patience, talks, wrap-up, the way to the phone.
///
/// ```
/// use sim::centre::Distribution;
/// use std::time::Duration;
///
/// let talk: Distribution = "lognormal:3min,cv=1.2".parse()?;
/// assert_eq!(talk, Distribution::Lognormal { mean: Duration::from_secs(180), cv: 1.2 });
/// assert_eq!(talk.mean(), Duration::from_secs(180));
/// # Ok::<(), sim::centre::TextError>(())
/// ```
///
/// `cv` is the coefficient of variation: standard deviation ÷ mean.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Distribution {
    /// Always as long.
    Fixed(Duration),
    /// Exponential: however long it has taken, what is left does not change.
    Exponential {
        /// Its mean.
        mean: Duration,
    },
    /// Its logarithm is normal: as talks of call centres are (Brown et al., JASA 100:469, §5).
    Lognormal {
        /// Its mean.
        mean: Duration,
        /// Its coefficient of variation.
        cv: f64,
    },
    /// Gamma; Erlang where 1 ÷ cv² is a whole number.
    Gamma {
        /// Its mean.
        mean: Duration,
        /// Its coefficient of variation.
        cv: f64,
    },
    /// Anything in between, equally likely.
    Uniform {
        /// The shortest.
        from: Duration,
        /// The longest.
        to: Duration,
    },
    /// As it was observed.
    Empirical(Empirical),
}

impl Distribution {
    /// Exponential.
    #[must_use]
    pub const fn exponential(mean: Duration) -> Self {
        Self::Exponential { mean }
    }

    /// Its mean; of [`Empirical`] values with a share that never ends, the mean of those that do.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self {
            Self::Fixed(time) => *time,
            Self::Exponential { mean } | Self::Lognormal { mean, .. } | Self::Gamma { mean, .. } => *mean,
            Self::Uniform { from, to } => (*from + *to) / 2,
            Self::Empirical(values) => values.mean(),
        }
    }

    /// Made ready to draw from.
    ///
    /// # Errors
    ///
    /// [`TextError::Parameters`]: a mean of zero (of what has a shape) or beyond 100 years, a cv outside of 0.001 to 1000, or
    /// bounds the wrong way round.
    pub fn sampler(&self) -> Result<Sampler, TextError> {
        const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;
        let wrong = |_| TextError::Parameters;
        let sound = |mean: Duration, cv: f64| {
            let mean = mean.as_secs_f64();
            let fine = mean > 0.0 && mean <= LONGEST && (0.001..=1000.0).contains(&cv);
            if fine { Ok(mean) } else { Err(TextError::Parameters) }
        };
        Ok(Sampler(match self {
            Self::Fixed(time) => Shape::Fixed(*time),
            Self::Exponential { mean } => Shape::Exponential(sound(*mean, 1.0)?),
            Self::Lognormal { mean, cv } => {
                let mean = sound(*mean, *cv)?;
                Shape::Lognormal(rand_distr::LogNormal::from_mean_cv(mean, *cv).map_err(|_| TextError::Parameters)?)
            }
            Self::Gamma { mean, cv } => {
                let mean = sound(*mean, *cv)?;
                let shape = 1.0 / (cv * cv);
                Shape::Gamma(rand_distr::Gamma::new(shape, mean / shape).map_err(wrong)?)
            }
            Self::Uniform { from, to } if from <= to => Shape::Uniform(from.as_secs_f64(), to.as_secs_f64()),
            Self::Uniform { .. } => return Err(TextError::Parameters),
            Self::Empirical(values) => Shape::Empirical(values.clone()),
        }))
    }
}

/// `fixed:10s`, `exp:2min` (or `exponential:`), `lognormal:3min,cv=1.2`, `gamma:3min,cv=0.5`, `uniform:1min..5min`; a length of time alone is
/// fixed.
impl FromStr for Distribution {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let Some((name, rest)) = text.split_once(':') else {
            return parse_duration(text)
                .map(Self::Fixed)
                .map_err(|_| TextError::Distribution);
        };
        let shape = || -> Result<(Duration, f64), TextError> {
            let (mean, cv) = rest.split_once(',').ok_or(TextError::Distribution)?;
            let (name, cv) = cv.split_once('=').ok_or(TextError::Distribution)?;
            if name.trim() != "cv" {
                return Err(TextError::Distribution);
            }
            Ok((parse_duration(mean)?, cv.trim().parse().map_err(|_| TextError::Number)?))
        };
        let distribution = match name.trim() {
            "fixed" => Self::Fixed(parse_duration(rest)?),
            "exp" | "exponential" => Self::Exponential {
                mean: parse_duration(rest)?,
            },
            "lognormal" => shape().map(|(mean, cv)| Self::Lognormal { mean, cv })?,
            "gamma" => shape().map(|(mean, cv)| Self::Gamma { mean, cv })?,
            "uniform" => {
                let (from, to) = rest.split_once("..").ok_or(TextError::Distribution)?;
                Self::Uniform {
                    from: parse_duration(from)?,
                    to: parse_duration(to)?,
                }
            }
            _ => return Err(TextError::Distribution),
        };
        // What cannot be drawn from is found out here, where the text is known.
        distribution.sampler().map(|_| distribution)
    }
}

/// A [`Distribution`] made ready to draw from.
#[derive(Clone, Debug)]
pub struct Sampler(Shape);

#[derive(Clone, Debug)]
enum Shape {
    Fixed(Duration),
    Exponential(f64),
    Lognormal(rand_distr::LogNormal<f64>),
    Gamma(rand_distr::Gamma<f64>),
    Uniform(f64, f64),
    Empirical(Empirical),
}

impl Sampler {
    /// Draws one. [`Duration::MAX`] is never.
    #[inline]
    pub fn sample(&self, rng: &mut impl Rng) -> Duration {
        match &self.0 {
            Shape::Fixed(time) => *time,
            Shape::Exponential(mean) => seconds(mean * exponential(rng)),
            Shape::Lognormal(shape) => seconds(shape.sample(rng)),
            Shape::Gamma(shape) => seconds(shape.sample(rng)),
            Shape::Uniform(from, to) => seconds(from + (to - from) * unit(rng)),
            Shape::Empirical(values) => values.sample(rng),
        }
    }
}

impl Sampler {
    /// Draws one of those that are longer than `than`.
    pub fn sample_beyond(&self, than: Duration, rng: &mut impl Rng) -> Duration {
        /// So many are thrown back before it is taken to be without memory.
        const TRIES: usize = 1000;
        match &self.0 {
            Shape::Empirical(values) => values.sample_beyond(than, rng),
            Shape::Exponential(_) => than.saturating_add(self.sample(rng)),
            Shape::Fixed(_) | Shape::Lognormal(_) | Shape::Gamma(_) | Shape::Uniform(..) => {
                let longer = (0..TRIES).map(|_| self.sample(rng)).find(|time| *time > than);
                longer.unwrap_or_else(|| than.saturating_add(self.sample(rng)))
            }
        }
    }
}

/// Exponential with mean 1.
#[inline]
pub(crate) fn exponential(rng: &mut impl Rng) -> f64 {
    rand_distr::Exp1.sample(rng)
}

/// From 0 up to, but not including, 1.
#[inline]
pub(crate) fn unit(rng: &mut impl Rng) -> f64 {
    // All 53 bits of a fraction.
    (rng.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn moments(distribution: &Distribution) -> (f64, f64) {
        let sampler = distribution.sampler().unwrap();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let values: Vec<f64> = (0..200_000).map(|_| sampler.sample(&mut rng).as_secs_f64()).collect();
        let mean = values.iter().sum::<f64>() / 200_000.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 200_000.0;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn means_and_variations_are_those_asked_for() {
        let cases = [
            ("exp:2min", 120.0, 1.0),
            ("lognormal:3min,cv=1.2", 180.0, 1.2),
            ("gamma:3min,cv=0.5", 180.0, 0.5),
            ("gamma:10s,cv=2", 10.0, 2.0),
            ("uniform:0s..10s", 5.0, 1.0 / 3.0_f64.sqrt()),
            ("fixed:7s", 7.0, 0.0),
            ("7s", 7.0, 0.0),
        ];
        for (text, mean, cv) in cases {
            let distribution: Distribution = text.parse().unwrap();
            assert!((distribution.mean().as_secs_f64() - mean).abs() < 1e-9, "{text}");
            let (sampled, variation) = moments(&distribution);
            assert!((sampled / mean - 1.0).abs() < 0.02, "{text}: mean {sampled}");
            assert!((variation - cv).abs() < 0.05 * cv.max(0.01), "{text}: cv {variation}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let cases = [
            ("", TextError::Distribution),
            ("normal:3min", TextError::Distribution),
            ("lognormal:3min", TextError::Distribution),
            ("lognormal:3min,sd=2", TextError::Distribution),
            ("gamma:3min,cv=x", TextError::Number),
            ("gamma:3min,cv=0", TextError::Parameters),
            ("gamma:3min,cv=NaN", TextError::Parameters),
            ("lognormal:3min,cv=1e9", TextError::Parameters),
            ("exp:0s", TextError::Parameters),
            ("exp:9000w", TextError::Parameters),
            ("exp:three", TextError::Duration),
            ("uniform:5s..1s", TextError::Parameters),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Distribution>(), Err(error), "{text}");
        }
    }
}
