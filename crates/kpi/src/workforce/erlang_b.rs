//! Calls that find all servers busy are lost.

use super::WorkforceError;
use super::error::{load, share};

/// Erlang's loss formula (M/M/n/n; any distribution of handling times gives the same): a call that finds all servers
/// busy is lost.
///
/// `B = (Aⁿ/n!) / Σ Aᵏ/k!` (A. K. Erlang 1917; ITU-T E.501 §3).
///
/// ```
/// use kpi::workforce::ErlangB;
/// let trunk_group = ErlangB::new(100.0, 120)?;
/// assert!((trunk_group.blocked() - 0.005_690_054_606_869_93).abs() < 1e-15);
/// assert!((trunk_group.carried() - 99.43).abs() < 0.01); // erlang
/// # Ok::<(), kpi::workforce::WorkforceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ErlangB {
    load: f64,
    servers: u32,
    blocked: f64,
}

impl ErlangB {
    /// `offered` erlang, from 0 to 1e7, at any number of servers.
    ///
    /// # Errors
    /// A load that is negative, not a number or above 1e7.
    pub fn new(offered: f64, servers: u32) -> Result<Self, WorkforceError> {
        let load = load(offered, 1.0)?;
        Ok(Self {
            load,
            servers,
            blocked: 1.0 / inverse_blocking(load, servers),
        })
    }

    /// The same where a blocked caller tries again with the probability `retried`, as if at a random time later: the
    /// load grows to the `A'` with `A' = A + retried · A' · B(A')`.
    ///
    /// # Errors
    /// As [`new`](Self::new); a share outside 0 to 1; [`Unreachable`](WorkforceError::Unreachable) if everybody tries again and the
    /// first attempts alone fill the servers.
    ///
    /// ```
    /// use kpi::workforce::ErlangB;
    /// let patient = ErlangB::with_retrials(10.0, 10, 0.8)?;
    /// assert!(patient.blocked() > ErlangB::new(10.0, 10)?.blocked());
    /// // What is carried is what was offered at first, less those who gave up.
    /// let given_up = patient.offered() * patient.blocked() * 0.2;
    /// assert!((10.0 - given_up - patient.carried()).abs() < 1e-9);
    /// # Ok::<(), kpi::workforce::WorkforceError>(())
    /// ```
    pub fn with_retrials(offered: f64, servers: u32, retried: f64) -> Result<Self, WorkforceError> {
        let first = load(offered, 1.0)?;
        let retried = share(retried)?;
        if retried == 1.0 && first > 0.0 && first >= f64::from(servers) {
            return Err(WorkforceError::Unreachable);
        }
        if first == 0.0 {
            return Self::new(first, servers);
        }
        // A'(1 - r B(A')) - A grows with A', so that halving finds its zero.
        let grown = |total: f64| total * (1.0 - retried / inverse_blocking(total, servers));
        let (mut low, mut high) = (first, (first / (1.0 - retried)).min(1e7));
        if grown(high) < first {
            return Err(WorkforceError::OutOfRange);
        }
        for _ in 0..200 {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if grown(middle) < first {
                low = middle
            } else {
                high = middle
            }
        }
        Self::new(high, servers)
    }

    /// The share of the attempts that find all servers busy.
    #[must_use]
    pub fn blocked(&self) -> f64 {
        self.blocked
    }

    /// What is offered, in erlang; with retrials, these included.
    #[must_use]
    pub fn offered(&self) -> f64 {
        self.load
    }

    /// What is carried, in erlang: the mean number of busy servers.
    #[must_use]
    pub fn carried(&self) -> f64 {
        self.load * served(self.load, self.servers, self.blocked)
    }

    /// The share of the time in which a server is busy; 0 without servers.
    #[must_use]
    pub fn occupancy(&self) -> f64 {
        if self.servers == 0 {
            0.0
        } else {
            self.carried() / f64::from(self.servers)
        }
    }
}

/// The fewest servers at which at most the share `blocked` of the calls finds all busy.
///
/// # Errors
/// A load outside 0 to 1e7, a share outside 0 to 1, and a share of 0 for a load above 0.
///
/// ```
/// use kpi::workforce::trunks;
/// assert_eq!(trunks(100.0, 0.01)?, 117);
/// # Ok::<(), kpi::workforce::WorkforceError>(())
/// ```
pub fn trunks(offered: f64, blocked: f64) -> Result<u32, WorkforceError> {
    let load = load(offered, 1.0)?;
    let wanted = share(blocked)?;
    if load == 0.0 || wanted == 1.0 {
        return Ok(0);
    }
    if wanted == 0.0 {
        return Err(WorkforceError::Unreachable);
    }
    super::staffing::fewest(0, load, |servers| 1.0 / inverse_blocking(load, servers) <= wanted)
}

/// `1 - B`, without cancellation where nearly all is blocked: `B(n)/B(n-1) = A (1 - B(n)) / n`.
fn served(load: f64, servers: u32, blocked: f64) -> f64 {
    if blocked < 0.5 || servers == 0 || load == 0.0 {
        return 1.0 - blocked;
    }
    let one_less = 1.0 / inverse_blocking(load, servers - 1);
    f64::from(servers) * blocked / (load * one_less)
}

/// `1/B = Σ_{k=0..n} n (n-1) … (n-k+1) / Aᵏ`: all terms are positive, so that nothing cancels. They fall from
/// `k = n - A` on, where the sum ends as soon as the rest cannot be seen; infinite where B is below the least number.
pub(super) fn inverse_blocking(load: f64, servers: u32) -> f64 {
    if load == 0.0 {
        return if servers == 0 { 1.0 } else { f64::INFINITY };
    }
    let (mut term, mut sum) = (1.0_f64, 1.0_f64);
    let mut left = f64::from(servers);
    while left > 0.0 {
        let ratio = left / load;
        term *= ratio;
        sum += term;
        left -= 1.0;
        // The rest is less than a geometric series of this ratio.
        if ratio < 1.0 && term < sum * (1.0 - ratio) * 1e-17 || sum == f64::INFINITY {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, reference: f64) {
        assert!((value / reference - 1.0).abs() < 1e-12, "{value} for {reference}");
    }

    #[test]
    fn reference_values() {
        for (load, servers, reference) in [
            (1.0, 2, 0.2),
            (10.0, 10, 0.214_582_343_107_347),
            (100.0, 100, 0.075_700_452_710_861),
            (100.0, 120, 0.005_690_054_606_869_93),
            (1e3, 1000, 0.024_811_917_646_160_4),
            (1e4, 10_000, 0.007_936_563_248_805_67),
            (1e4, 10_300, 4.571_099_863_384_17e-5),
            (1e5, 100_000, 0.002_518_893_423_546_91),
            (300.0, 200, 0.339_643_927_277_802),
            (1e-6, 3, 1.666_665_000_000_83e-19),
            (1e6, 1_000_000, 7.974_603_068_555_61e-4),
            (1e6, 1_030_000, 1.223_213_283_101_509_8e-197),
            (0.5, 60, 6.322_344_693_288_228e-101),
            (1e5, 90_000, 0.100_089_820_857_910_6),
            (1e-3, 5, 8.325_004_165_278_125e-18),
        ] {
            close(ErlangB::new(load, servers).unwrap().blocked(), reference);
        }
    }

    #[test]
    fn nothing_offered_and_nobody_there() {
        assert_eq!(ErlangB::new(0.0, 0).unwrap().blocked(), 1.0);
        assert_eq!(ErlangB::new(0.0, 5).unwrap().blocked(), 0.0);
        assert_eq!(ErlangB::new(5.0, 0).unwrap().blocked(), 1.0);
        assert_eq!(ErlangB::new(5.0, 0).unwrap().occupancy(), 0.0);
        assert_eq!(
            ErlangB::new(1e-6, 1_000_000).unwrap().blocked(),
            0.0,
            "below the least number"
        );
        assert_eq!(ErlangB::new(-1.0, 1), Err(WorkforceError::NotPositive));
        assert_eq!(ErlangB::new(f64::NAN, 1), Err(WorkforceError::NotPositive));
        assert_eq!(ErlangB::new(1.1e7, 1), Err(WorkforceError::OutOfRange));
    }

    #[test]
    fn nearly_all_blocked_is_carried_exactly() {
        // One server at a load of A carries A / (1 + A).
        close(ErlangB::new(1e6, 1).unwrap().carried(), 1e6 / (1.0 + 1e6));
        close(ErlangB::new(1e6, 1).unwrap().occupancy(), 1e6 / (1.0 + 1e6));
    }

    #[test]
    fn trunks_are_the_fewest() {
        for load in [1e-6, 0.3, 1.0, 7.7, 100.0, 3333.3, 1e5, 1e6] {
            for wanted in [0.5, 0.1, 0.01, 1e-3, 1e-6] {
                let servers = trunks(load, wanted).unwrap();
                assert!(ErlangB::new(load, servers).unwrap().blocked() <= wanted);
                assert!(
                    servers == 0 || ErlangB::new(load, servers - 1).unwrap().blocked() > wanted,
                    "{load} {wanted}"
                );
            }
        }
        assert_eq!(trunks(5.0, 0.0), Err(WorkforceError::Unreachable));
        assert_eq!(trunks(5.0, 1.0), Ok(0));
        assert_eq!(trunks(0.0, 0.0), Ok(0));
    }

    #[test]
    fn retrials_at_their_ends() {
        assert_eq!(ErlangB::with_retrials(8.0, 10, 0.0).unwrap().offered(), 8.0);
        let all = ErlangB::with_retrials(8.0, 10, 1.0).unwrap();
        close(all.carried(), 8.0);
        assert_eq!(ErlangB::with_retrials(10.0, 10, 1.0), Err(WorkforceError::Unreachable));
        assert_eq!(ErlangB::with_retrials(10.0, 10, 1.1), Err(WorkforceError::NotAShare));
        assert_eq!(ErlangB::with_retrials(0.0, 0, 1.0).unwrap().offered(), 0.0);
    }
}
