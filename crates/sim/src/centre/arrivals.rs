//! When contacts come.

use core::str::FromStr;
use core::time::Duration;

use rand_core::Rng;
use rand_distr::Distribution as _;

use super::distribution::exponential;
use super::text::{TextError, seconds, unit_seconds};

/// When contacts of a type come.
///
/// ```
/// use sim::centre::Arrivals;
/// use std::time::Duration;
///
/// let steady: Arrivals = "4.2/min".parse()?;
/// // A morning in half hours: 40 calls in the first one, 90 in the second… and days that differ by a tenth.
/// let morning = Arrivals::by_interval([40.0, 90.0, 110.0], Duration::from_secs(1800)).busyness(0.1);
/// # Ok::<(), sim::centre::TextError>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Arrivals {
    /// A Poisson process whose rate changes by interval. After the last interval it begins anew.
    Poisson {
        /// Contacts expected in each interval.
        expected: Vec<f64>,
        /// The length of an interval.
        interval: Duration,
        /// How much whole rounds (days) differ: the coefficient of variation of a gamma distributed factor with mean 1 by which all
        /// rates of a round are multiplied. 0: not at all. Real days are busier or quieter than Poisson processes make them
        /// (Jongbloed & Koole, Appl. Stochastic Models Bus. Ind. 17:307, 2001).
        busyness: f64,
    },
    /// These, in the order of their times. Nothing is drawn for what they tell themselves.
    Recorded(Vec<Recorded>),
}

/// A contact that was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recorded {
    /// When it came, from the start of the run.
    pub at: Duration,
    /// How long it would wait.
    pub patience: Option<Duration>,
    /// It was answered after so long a wait: its patience is drawn of those who wait for longer.
    pub outlasts: Option<Duration>,
    /// How long its talk took.
    pub service: Option<Duration>,
    /// Its priority, if it has one of its own.
    pub priority: Option<i16>,
    /// Its customer.
    pub customer: Option<u64>,
}

impl Arrivals {
    /// A Poisson process with `count` contacts expected in each `per`.
    #[must_use]
    pub fn poisson(count: f64, per: Duration) -> Self {
        Self::by_interval([count], per)
    }

    /// A Poisson process with so many contacts expected in each interval, one after the other.
    #[must_use]
    pub fn by_interval(expected: impl IntoIterator<Item = f64>, interval: Duration) -> Self {
        Self::Poisson {
            expected: expected.into_iter().collect(),
            interval,
            busyness: 0.0,
        }
    }

    /// The same, with rounds that differ by a factor whose coefficient of variation is `cv`. Changes nothing for what was recorded.
    #[must_use]
    pub fn busyness(mut self, cv: f64) -> Self {
        if let Self::Poisson { busyness, .. } = &mut self {
            *busyness = cv;
        }
        self
    }

    /// Whether the rate is the same at all times.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        match self {
            Self::Poisson { expected, busyness, .. } => expected.len() == 1 && *busyness == 0.0,
            Self::Recorded(_) => false,
        }
    }

    /// How many are expected up to `length`.
    #[must_use]
    pub fn expected(&self, length: Duration) -> f64 {
        match self {
            Self::Poisson { expected, interval, .. } => {
                let (interval, length) = (interval.as_secs_f64(), length.as_secs_f64());
                let round = interval * expected.len() as f64;
                if expected.is_empty() || interval == 0.0 {
                    return 0.0;
                }
                let rounds = (length / round).floor();
                let mut left = length - rounds * round;
                let mut sum = rounds * expected.iter().sum::<f64>();
                for count in expected {
                    sum += count * (left / interval).clamp(0.0, 1.0);
                    left -= interval;
                }
                sum
            }
            Self::Recorded(all) => all.iter().filter(|one| one.at < length).count() as f64,
        }
    }

    /// Made ready to draw from.
    ///
    /// # Errors
    ///
    /// [`TextError::Rate`]: no interval, one without a length, or an expectation or busyness that is negative, no number or beyond 10⁹ a
    /// second; or recorded contacts that are not in order.
    pub fn stream(&self) -> Result<Stream, TextError> {
        match self {
            Self::Poisson {
                expected,
                interval,
                busyness,
            } => {
                let length = interval.as_secs_f64();
                let rates: Vec<f64> = expected.iter().map(|count| count / length).collect();
                let sound = rates.iter().all(|rate| (0.0..=1e9).contains(rate)) && !rates.is_empty();
                if !sound || length <= 0.0 || !(0.0..=100.0).contains(busyness) {
                    return Err(TextError::Rate);
                }
                let shape = 1.0 / (busyness * busyness);
                let factors = if *busyness > 0.0 {
                    Some(rand_distr::Gamma::new(shape, 1.0 / shape).map_err(|_| TextError::Rate)?)
                } else {
                    None
                };
                let steady = self.is_steady();
                Ok(Stream(Source::Poisson(Poisson {
                    length: if steady { f64::INFINITY } else { length },
                    rates,
                    factors,
                    factor: None,
                    at: 0,
                    into: 0.0,
                    begun: 0.0,
                })))
            }
            Self::Recorded(all) if all.is_sorted_by_key(|one| one.at) => Ok(Stream(Source::Recorded(all.clone(), 0))),
            Self::Recorded(_) => Err(TextError::Rate),
        }
    }
}

/// `4.2/min`: a steady Poisson process. Units as in [`parse_duration`](super::parse_duration).
impl FromStr for Arrivals {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let (count, unit) = text.split_once('/').ok_or(TextError::Rate)?;
        let count: f64 = count.trim().parse().map_err(|_| TextError::Rate)?;
        let per = unit_seconds(unit.trim()).ok_or(TextError::Rate)?;
        let arrivals = Self::poisson(count, seconds(per));
        arrivals.stream().map(|_| arrivals)
    }
}

/// Arrivals one after the other.
#[derive(Clone, Debug)]
pub struct Stream(Source);

#[derive(Clone, Debug)]
enum Source {
    Poisson(Poisson),
    Recorded(Vec<Recorded>, usize),
}

#[derive(Clone, Debug)]
struct Poisson {
    rates: Vec<f64>,
    /// Of an interval, in seconds; endless where there is one rate only.
    length: f64,
    factors: Option<rand_distr::Gamma<f64>>,
    /// The present round's.
    factor: Option<f64>,
    /// The present interval, how far it is over, and when it began.
    at: usize,
    into: f64,
    begun: f64,
}

impl Stream {
    /// The next one; `None` after the last. For Poisson processes, all but the time is left open.
    pub fn next(&mut self, rng: &mut impl Rng) -> Option<Recorded> {
        match &mut self.0 {
            Source::Poisson(poisson) => poisson.next(rng).map(|at| Recorded {
                at,
                ..Recorded::default()
            }),
            Source::Recorded(all, at) => {
                let next = all.get(*at).copied();
                *at += 1;
                next
            }
        }
    }
}

impl Poisson {
    fn next(&mut self, rng: &mut impl Rng) -> Option<Duration> {
        // Without memory, what is left of a unit's lifetime at the end of an interval is spent at the next one's rate.
        let mut left = exponential(rng);
        let mut idle = 0;
        loop {
            let factor = self.factor(rng);
            let rate = self.rates.get(self.at)? * factor;
            let within = self.length - self.into;
            if rate * within > left {
                self.into += left / rate;
                return Some(seconds(self.begun + self.into));
            }
            left -= rate * within;
            idle = if rate > 0.0 { 0 } else { idle + 1 };
            if idle > self.rates.len() || self.length.is_infinite() {
                return None;
            }
            self.begun += self.length;
            self.into = 0.0;
            self.at += 1;
            if self.at == self.rates.len() {
                (self.at, self.factor) = (0, None);
            }
        }
    }

    fn factor(&mut self, rng: &mut impl Rng) -> f64 {
        match (&self.factors, self.factor) {
            (None, _) => 1.0,
            (Some(_), Some(factor)) => factor,
            (Some(factors), None) => *self.factor.insert(factors.sample(rng)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn times(arrivals: &Arrivals, seed: u64, until: Duration) -> Vec<Duration> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut stream = arrivals.stream().unwrap();
        core::iter::from_fn(|| stream.next(&mut rng))
            .map(|one| one.at)
            .take_while(|at| *at < until)
            .collect()
    }

    const HALF_HOUR: Duration = Duration::from_secs(1800);

    #[test]
    fn as_many_come_in_each_interval_as_are_expected() {
        let expected = [40.0, 0.0, 110.0, 5.0];
        let arrivals = Arrivals::by_interval(expected, HALF_HOUR);
        let rounds = 500;
        let all = times(&arrivals, 1, HALF_HOUR * 4 * rounds);
        assert!(all.is_sorted());
        let mut counts = [0_u32; 4];
        for at in all {
            counts[usize::try_from(at.as_secs() / 1800 % 4).unwrap()] += 1;
        }
        for (count, mean) in counts.iter().zip(expected) {
            let all = mean * f64::from(rounds);
            assert!((f64::from(*count) - all).abs() <= 4.0 * all.sqrt(), "{counts:?}");
        }
        assert!((arrivals.expected(HALF_HOUR * 6) - 195.0).abs() < 1e-9);
        assert!((arrivals.expected(HALF_HOUR / 2) - 20.0).abs() < 1e-9);
    }

    /// Of a Poisson process, mean and variance of counts are equal; with busyness, whole rounds vary by its square beside.
    #[test]
    fn busy_and_quiet_days() {
        for (cv, ratio) in [(0.0, 1.0), (0.2, 5.0)] {
            let arrivals = Arrivals::by_interval([50.0, 50.0], HALF_HOUR).busyness(cv);
            let mut counts = vec![0.0; 4000];
            for at in times(&arrivals, 3, HALF_HOUR * 8000) {
                counts[usize::try_from(at.as_secs() / 3600).unwrap()] += 1.0;
            }
            let mean = counts.iter().sum::<f64>() / 4000.0;
            let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 4000.0;
            assert!((mean - 100.0).abs() < 1.5, "{mean}");
            // Var = mean + (cv · mean)².
            assert!(
                (variance / mean / ratio - 1.0).abs() < 0.1,
                "cv {cv}: {variance} of {mean}"
            );
        }
    }

    #[test]
    fn nothing_comes_where_nothing_is_expected() {
        assert!(times(&Arrivals::by_interval([0.0, 0.0], HALF_HOUR), 1, Duration::MAX).is_empty());
        assert!(times(&Arrivals::poisson(0.0, HALF_HOUR), 1, Duration::MAX).is_empty());
    }

    #[test]
    fn rates_as_text() {
        assert_eq!("4.2/min".parse(), Ok(Arrivals::poisson(4.2, Duration::from_secs(60))));
        assert_eq!(
            " 250 / h ".parse(),
            Ok(Arrivals::poisson(250.0, Duration::from_secs(3600)))
        );
        for text in ["", "4.2", "/min", "4.2/parsec", "-1/s", "NaN/s", "inf/s", "1e30/s"] {
            assert_eq!(text.parse::<Arrivals>(), Err(TextError::Rate), "{text}");
        }
        assert!(Arrivals::by_interval([], HALF_HOUR).stream().is_err());
        assert!(Arrivals::by_interval([1.0], Duration::ZERO).stream().is_err());
        assert!(Arrivals::poisson(1.0, HALF_HOUR).busyness(-1.0).stream().is_err());
        let unordered = [2, 1].map(|secs| Recorded {
            at: Duration::from_secs(secs),
            ..Recorded::default()
        });
        assert!(Arrivals::Recorded(unordered.to_vec()).stream().is_err());
    }
}
