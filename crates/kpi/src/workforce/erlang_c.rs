//! Calls wait until they are served.

use super::WorkforceError;
use super::erlang_b::inverse_blocking;
use super::error::{load, share};

/// Erlang's waiting formula (M/M/n): everybody waits until he is served, in order of arrival.
///
/// `C = n B / (n - A + A B)` with [`ErlangB`](super::ErlangB)'s B (A. K. Erlang 1917; ITU-T E.501). With as many erlang
/// as servers or more the queue grows for ever: then everybody waits, and infinitely long.
///
/// ```
/// use kpi::workforce::ErlangC;
/// // 4.2 calls a minute of two minutes each, twelve agents.
/// let queue = ErlangC::new(4.2, 0.5, 12)?;
/// assert_eq!(format!("{:.3}", queue.answered_within(20.0 / 60.0)), "0.899");
/// assert_eq!(format!("{:.3} min", queue.mean_wait()), "0.102 min");
/// assert!((queue.occupancy() - 0.7).abs() < 1e-12);
/// # Ok::<(), kpi::workforce::WorkforceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ErlangC {
    arrivals: f64,
    service: f64,
    load: f64,
    servers: u32,
    waits: f64,
    at_once: f64,
}

impl ErlangC {
    /// `arrivals` calls a unit of time; a server ends `service` calls a unit of time (1 / mean handling time).
    ///
    /// # Errors
    /// Rates that are negative, not numbers or zero (`service`), more than 1e7 erlang, no server.
    pub fn new(arrivals: f64, service: f64, servers: u32) -> Result<Self, WorkforceError> {
        let load = load(arrivals, service)?;
        if servers == 0 {
            return Err(WorkforceError::NoServer);
        }
        let places = f64::from(servers);
        let (waits, at_once) = if load < places {
            // 1/B may be infinite; then nobody waits.
            let inverse = inverse_blocking(load, servers);
            let all = (places - load) * inverse + load;
            (places / all, (places - load) * (inverse - 1.0) / all)
        } else {
            (1.0, 0.0)
        };
        let at_once = if at_once.is_nan() { 1.0 } else { at_once };
        Ok(Self {
            arrivals,
            service,
            load,
            servers,
            waits,
            at_once,
        })
    }

    /// The load in erlang.
    #[must_use]
    pub fn load(&self) -> f64 {
        self.load
    }

    /// The share of the calls that wait at all.
    #[must_use]
    pub fn waits(&self) -> f64 {
        self.waits
    }

    /// The share of the calls that are answered within `time`.
    #[must_use]
    pub fn answered_within(&self, time: f64) -> f64 {
        self.at_once - self.waits * (-self.spare() * time.max(0.0)).exp_m1()
    }

    /// The share of the calls that wait longer than `time`.
    #[must_use]
    pub fn waits_longer(&self, time: f64) -> f64 {
        self.waits * (-self.spare() * time.max(0.0)).exp()
    }

    /// The wait that the share `answered` of the calls does not exceed; infinite in an overload.
    ///
    /// # Errors
    /// A share outside 0 to 1.
    pub fn percentile(&self, answered: f64) -> Result<f64, WorkforceError> {
        let longer = 1.0 - share(answered)?;
        Ok(if longer >= self.waits {
            0.0
        } else if self.spare() == 0.0 {
            f64::INFINITY
        } else {
            (self.waits / longer).ln() / self.spare()
        })
    }

    /// The mean wait of all calls: the average speed of answer.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.waits / self.spare()
    }

    /// The mean number of waiting calls.
    #[must_use]
    pub fn mean_queue(&self) -> f64 {
        if self.arrivals == 0.0 {
            0.0
        } else {
            self.arrivals * self.mean_wait()
        }
    }

    /// The share of the time in which a server is busy.
    #[must_use]
    pub fn occupancy(&self) -> f64 {
        (self.load / f64::from(self.servers)).min(1.0)
    }

    /// How much faster all servers together are than the calls come; 0 in an overload.
    fn spare(&self) -> f64 {
        (f64::from(self.servers) - self.load).max(0.0) * self.service
    }
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
            (8.0, 10, 0.409_180_150_796_444),
            (10.0, 14, 0.174_131_933_595_05),
            (48.0, 50, 0.694_455_611_196_834),
            (84.0, 90, 0.411_957_313_828_755),
            (100.0, 110, 0.237_007_500_285_053),
            (1e3, 1030, 0.248_908_785_843_602),
            (1e4, 10_100, 0.224_762_906_466_532),
        ] {
            close(ErlangC::new(load, 1.0, servers).unwrap().waits(), reference);
        }
        close(
            ErlangC::new(10.0, 1.0, 14).unwrap().answered_within(1.0 / 9.0),
            0.888_350_019_179_467,
        );
    }

    #[test]
    fn the_shares_are_complete() {
        for (load, servers) in [
            (1e-6, 1),
            (0.999_999, 1),
            (8.0, 10),
            (84.0, 90),
            (1e6, 1_000_100),
            (1e-6, 1_000_000),
        ] {
            let queue = ErlangC::new(load, 1.0, servers).unwrap();
            for time in [0.0, 1e-6, 0.1, 1.0, 100.0] {
                let sum = queue.answered_within(time) + queue.waits_longer(time);
                assert!((sum - 1.0).abs() < 1e-12, "{load} {servers} {time}: {sum}");
            }
        }
    }

    #[test]
    fn an_overload_waits_for_ever() {
        for queue in [
            ErlangC::new(10.0, 1.0, 10).unwrap(),
            ErlangC::new(11.0, 1.0, 10).unwrap(),
        ] {
            assert_eq!(
                (queue.waits(), queue.answered_within(1e9), queue.waits_longer(1e9)),
                (1.0, 0.0, 1.0)
            );
            assert_eq!(
                (queue.mean_wait(), queue.mean_queue(), queue.occupancy()),
                (f64::INFINITY, f64::INFINITY, 1.0)
            );
            assert_eq!(queue.percentile(0.5), Ok(f64::INFINITY));
        }
    }

    #[test]
    fn percentiles_are_the_inverse() {
        let queue = ErlangC::new(8.0, 1.0, 10).unwrap();
        assert_eq!(queue.percentile(0.5), Ok(0.0));
        close(queue.answered_within(queue.percentile(0.9).unwrap()), 0.9);
        assert_eq!(queue.percentile(1.0), Ok(f64::INFINITY));
        assert_eq!(queue.percentile(1.5), Err(WorkforceError::NotAShare));
    }

    #[test]
    fn misuse() {
        assert_eq!(ErlangC::new(1.0, 0.0, 1), Err(WorkforceError::NotPositive));
        assert_eq!(ErlangC::new(1.0, 1.0, 0), Err(WorkforceError::NoServer));
        assert_eq!(ErlangC::new(f64::INFINITY, 1.0, 1), Err(WorkforceError::NotPositive));
        let idle = ErlangC::new(0.0, 1.0, 1).unwrap();
        assert_eq!(
            (idle.waits(), idle.mean_queue(), idle.answered_within(0.0)),
            (0.0, 0.0, 1.0)
        );
    }
}
