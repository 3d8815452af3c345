//! How many are needed.

use super::error::{load, not_negative, positive, share};
use super::{ErlangA, ErlangC, WorkforceError};

/// What comes in. All times in the same unit, and the targets' too.
///
/// ```
/// use kpi::workforce::Demand;
/// let half_hour = 1800.0; // seconds
/// let demand = Demand::new(360.0 / half_hour, 180.0).with_patience(90.0);
/// assert_eq!(demand.load(), 36.0); // erlang
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Demand {
    arrivals: f64,
    handling: f64,
    patience: Option<f64>,
}

impl Demand {
    /// `arrivals` calls a unit of time, each of which keeps an agent for `handling` on average, wrap-up included. Callers wait for ever.
    #[must_use]
    pub fn new(arrivals: f64, handling: f64) -> Self {
        Self {
            arrivals,
            handling,
            patience: None,
        }
    }

    /// Callers hang up after this time on average.
    #[must_use]
    pub fn with_patience(self, patience: f64) -> Self {
        Self {
            patience: Some(patience),
            ..self
        }
    }

    /// The load in erlang.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.arrivals * self.handling
    }
}

/// What has to be reached, all at once.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Targets {
    service_level: Option<(f64, f64)>,
    mean_wait: Option<f64>,
    abandoned: Option<f64>,
    occupancy: Option<f64>,
}

impl Targets {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// At least this share of the offered calls is answered within `time`.
    #[must_use]
    pub fn service_level(self, share: f64, time: f64) -> Self {
        Self {
            service_level: Some((share, time)),
            ..self
        }
    }

    /// The answered calls wait no longer than this on average (average speed of answer).
    #[must_use]
    pub fn mean_wait(self, time: f64) -> Self {
        Self {
            mean_wait: Some(time),
            ..self
        }
    }

    /// At most this share of the calls hangs up.
    #[must_use]
    pub fn abandoned(self, share: f64) -> Self {
        Self {
            abandoned: Some(share),
            ..self
        }
    }

    /// Agents are busy for at most this share of their time.
    #[must_use]
    pub fn occupancy(self, share: f64) -> Self {
        Self {
            occupancy: Some(share),
            ..self
        }
    }

    fn check(&self) -> Result<(), WorkforceError> {
        let Self {
            service_level,
            mean_wait,
            abandoned,
            occupancy,
        } = self;
        if [
            service_level.is_some(),
            mean_wait.is_some(),
            abandoned.is_some(),
            occupancy.is_some(),
        ] == [false; 4]
        {
            return Err(WorkforceError::NoTarget);
        }
        if let Some((answered, time)) = service_level {
            share(*answered)?;
            not_negative(*time)?;
        }
        mean_wait.map(not_negative).transpose()?;
        abandoned.map(share).transpose()?;
        occupancy.map(share).transpose()?;
        Ok(())
    }
}

/// The fewest agents with whom all targets are met: by [`ErlangA`] where the demand has a patience, else by [`ErlangC`], in which
/// nobody hangs up. At least one.
///
/// # Errors
/// Rates and times that the model refuses, shares outside 0 to 1, no target at all, and targets that no number of agents meets.
///
/// ```
/// use kpi::workforce::{Demand, Targets, rostered, staff};
/// // 100 calls in half an hour, three minutes each: 80 % within 20 seconds.
/// let agents = staff(&Demand::new(100.0 / 1800.0, 180.0), &Targets::new().service_level(0.8, 20.0))?;
/// assert_eq!(agents, 14);
/// assert_eq!(rostered(agents, 0.3)?, 20); // 30 % are on breaks, on leave, in training
/// # Ok::<(), kpi::workforce::WorkforceError>(())
/// ```
pub fn staff(demand: &Demand, targets: &Targets) -> Result<u32, WorkforceError> {
    targets.check()?;
    let service = 1.0 / positive(demand.handling)?;
    let impatience = demand
        .patience
        .map(|patience| positive(patience).map(|patience| 1.0 / patience))
        .transpose()?;
    let erlang = load(demand.arrivals, service)?;
    if let Some(impatience) = impatience {
        ErlangA::new(demand.arrivals, service, impatience, 1)?;
    }
    fewest(1, erlang, |agents| {
        met(demand.arrivals, service, impatience, agents, targets).unwrap_or(false)
    })
}

/// Whether the targets are met; the cheap ones are looked at first.
fn met(
    arrivals: f64,
    service: f64,
    impatience: Option<f64>,
    agents: u32,
    targets: &Targets,
) -> Result<bool, WorkforceError> {
    let at_most = |value: f64, wanted: Option<f64>| wanted.is_none_or(|wanted| value <= wanted);
    let at_least = |level: &dyn Fn(f64) -> f64| targets.service_level.is_none_or(|(share, time)| level(time) >= share);
    Ok(match impatience {
        None => {
            let queue = ErlangC::new(arrivals, service, agents)?;
            at_most(queue.occupancy(), targets.occupancy)
                && at_most(queue.mean_wait(), targets.mean_wait)
                && at_least(&|time| queue.answered_within(time))
        }
        Some(impatience) => {
            let queue = ErlangA::new(arrivals, service, impatience, agents)?;
            at_most(queue.occupancy(), targets.occupancy)
                && at_most(queue.abandoned(), targets.abandoned)
                && at_most(queue.mean_wait_answered(), targets.mean_wait)
                && at_least(&|time| queue.answered_within(time))
        }
    })
}

/// How many have to be on the roster so that `agents` are at work, when the share `shrinkage` of those rostered is absent, on a
/// break or in training.
///
/// # Errors
/// A share outside 0 to 1; [`Unreachable`](WorkforceError::Unreachable) for 1, or above `u32::MAX`.
pub fn rostered(agents: u32, shrinkage: f64) -> Result<u32, WorkforceError> {
    let present = 1.0 - share(shrinkage)?;
    let needed = f64::from(agents) / present;
    // A third of thirty must not become a fourty-sixth person by rounding.
    let needed = (needed - needed * 1e-12).ceil();
    if agents == 0 {
        Ok(0)
    } else if needed <= f64::from(u32::MAX) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in range"
        )]
        Ok(needed as u32)
    } else {
        Err(WorkforceError::Unreachable)
    }
}

/// The least number from `least` on for which `enough` holds, which holds for all that are greater: looked for around the load, in
/// steps that double, then by halving.
pub(super) fn fewest(least: u32, load: f64, enough: impl Fn(u32) -> bool) -> Result<u32, WorkforceError> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a load is at most 1e7"
    )]
    let guess = ((load + load.sqrt() / 2.0) as u32).max(least);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a load is at most 1e7"
    )]
    let mut step = ((load.sqrt() / 4.0) as u32).max(1);
    let (mut low, mut high) = (guess, guess);
    if enough(guess) {
        // All from `high` on are enough; go down until one is not.
        loop {
            if low == least {
                return if enough(least) {
                    Ok(least)
                } else {
                    Ok(halve(least, high, &enough))
                };
            }
            low = low.saturating_sub(step).max(least);
            if !enough(low) {
                return Ok(halve(low, high, &enough));
            }
            high = low;
            step = step.saturating_mul(2);
        }
    }
    while high < u32::MAX {
        high = high.saturating_add(step);
        if enough(high) {
            return Ok(halve(low, high, &enough));
        }
        low = high;
        step = step.saturating_mul(2);
    }
    Err(WorkforceError::Unreachable)
}

/// `low` is not enough, `high` is.
fn halve(mut low: u32, mut high: u32, enough: &impl Fn(u32) -> bool) -> u32 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_less_is_not_enough() {
        for load in [1e-6, 0.5, 3.0, 36.0, 100.0, 2500.0, 1e6] {
            for patience in [None, Some(0.1), Some(1.0), Some(30.0)] {
                let mut demand = Demand::new(load, 1.0);
                demand.patience = patience;
                let mut targets = Targets::new().service_level(0.8, 0.1).mean_wait(0.2).occupancy(0.92);
                if patience.is_some() {
                    targets = targets.abandoned(0.02);
                }
                let agents = staff(&demand, &targets).unwrap();
                let met = |agents| met(load, 1.0, patience.map(|patience| 1.0 / patience), agents, &targets).unwrap();
                assert!(met(agents), "{demand:?}");
                assert!(agents == 1 || !met(agents - 1), "{demand:?}");
            }
        }
    }

    #[test]
    fn what_nobody_reaches() {
        let demand = Demand::new(10.0, 1.0).with_patience(1.0);
        assert_eq!(staff(&demand, &Targets::new()), Err(WorkforceError::NoTarget));
        assert_eq!(
            staff(&demand, &Targets::new().occupancy(0.0)),
            Err(WorkforceError::Unreachable)
        );
        assert_eq!(
            staff(&demand, &Targets::new().abandoned(1.5)),
            Err(WorkforceError::NotAShare)
        );
        assert_eq!(
            staff(&demand, &Targets::new().mean_wait(f64::NAN)),
            Err(WorkforceError::NotPositive)
        );
        assert_eq!(
            staff(&Demand::new(1.0, 0.0), &Targets::new().occupancy(0.5)),
            Err(WorkforceError::NotPositive)
        );
        assert_eq!(
            staff(&demand.with_patience(0.0), &Targets::new().occupancy(0.5)),
            Err(WorkforceError::NotPositive)
        );
    }

    #[test]
    fn nobody_calls() {
        assert_eq!(
            staff(&Demand::new(0.0, 1.0), &Targets::new().service_level(1.0, 0.0)),
            Ok(1)
        );
    }

    #[test]
    fn the_roster() {
        assert_eq!(rostered(7, 0.3), Ok(10));
        assert_eq!(rostered(70, 0.3), Ok(100));
        assert_eq!(rostered(71, 0.3), Ok(102));
        assert_eq!(rostered(0, 1.0), Ok(0));
        assert_eq!(rostered(1, 1.0), Err(WorkforceError::Unreachable));
        assert_eq!(rostered(1, -0.1), Err(WorkforceError::NotAShare));
    }
}
