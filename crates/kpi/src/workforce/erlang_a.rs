//! Calls wait until they are served or hang up.

use super::WorkforceError;
use super::erlang_b::inverse_blocking;
use super::error::{load, positive, share};
use super::waiting::Wait;

/// The waiting system whose callers hang up (M/M/n+M, Palm 1957; Garnett, Mandelbaum & Reiman 2002): a caller who waits hangs up after an
/// exponentially distributed patience. It has an answer for every load, which [`ErlangC`](super::ErlangC) has not.
///
/// Shares are of all calls offered, unless a name says otherwise. A "wait" ends with the answer or with the hang-up.
///
/// ```
/// use kpi::workforce::ErlangA;
/// // 48 calls a minute, a minute each, patience of two minutes, 50 agents.
/// let queue = ErlangA::new(48.0, 1.0, 0.5, 50)?;
/// assert_eq!(format!("{:.4}", queue.waits()), "0.4678");
/// assert_eq!(format!("{:.5}", queue.abandoned()), "0.03091");
/// assert_eq!(format!("{:.3}", queue.mean_queue()), "2.968");
/// assert_eq!(format!("{:.3}", queue.answered_within(20.0 / 60.0)), "0.943");
/// # Ok::<(), kpi::workforce::WorkforceError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ErlangA {
    arrivals: f64,
    impatience: f64,
    load: f64,
    servers: u32,
    wait: Wait,
    /// The density's integral from 0 on.
    mass: f64,
    waits: f64,
    at_once: f64,
    abandoned: f64,
    answered: f64,
    /// Mean wait of the answered times their share, in mean patiences.
    answered_time: f64,
}

impl ErlangA {
    /// `arrivals` calls a unit of time; a server ends `service` calls a unit of time (1 / mean handling time); a waiting caller
    /// hangs up at the rate `impatience` (1 / mean patience).
    ///
    /// # Errors
    /// Rates that are negative or not numbers, or zero (`service`, `impatience`); more than 1e7 erlang; a patience above 1e9 or below
    /// 1e-9 handling times; no server.
    pub fn new(arrivals: f64, service: f64, impatience: f64, servers: u32) -> Result<Self, WorkforceError> {
        let load = load(arrivals, service)?;
        if !(1e-9..=1e9).contains(&(positive(impatience)? / service)) {
            return Err(WorkforceError::OutOfRange);
        }
        if servers == 0 {
            return Err(WorkforceError::NoServer);
        }
        let wait = Wait::new(f64::from(servers) * service, arrivals, impatience);
        let mass = wait.mass(0.0, f64::INFINITY);
        // How many more calls wait than are answered at once.
        let odds = wait.arrivals() * mass.all / inverse_blocking(load, servers - 1) * wait.height().exp();
        let (waits, at_once) = (1.0 / (1.0 + 1.0 / odds), 1.0 / (1.0 + odds));
        Ok(Self {
            arrivals,
            impatience,
            load,
            servers,
            wait,
            mass: mass.all,
            waits,
            at_once,
            abandoned: waits * mass.impatient / mass.all,
            answered: at_once + waits * mass.patient / mass.all,
            answered_time: waits * mass.patient_time / mass.all,
        })
    }

    /// The same where a caller who hung up calls again with the probability `retried`, as if at a random time later: the arrivals
    /// grow to the `λ'` with `λ' = λ + retried · λ' · P(abandoned at λ')`.
    ///
    /// # Errors
    /// As [`new`](Self::new); a share outside 0 to 1; [`Unreachable`](WorkforceError::Unreachable) if everybody calls again and the first
    /// attempts alone fill the servers; [`OutOfRange`](WorkforceError::OutOfRange) if the load grows above 1e7 erlang.
    pub fn with_retrials(
        arrivals: f64,
        service: f64,
        impatience: f64,
        servers: u32,
        retried: f64,
    ) -> Result<Self, WorkforceError> {
        let once = Self::new(arrivals, service, impatience, servers)?;
        let retried = share(retried)?;
        if retried == 1.0 && once.load >= f64::from(servers) {
            return Err(WorkforceError::Unreachable);
        }
        let at = |total: f64| Self::new(total, service, impatience, servers);
        let first = |queue: &Self| queue.arrivals * (1.0 - retried * queue.abandoned);
        let (mut low, mut high) = (arrivals, arrivals);
        while first(&at(high)?) < arrivals {
            low = high;
            high *= 2.0;
        }
        for _ in 0..200 {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if first(&at(middle)?) < arrivals {
                low = middle
            } else {
                high = middle
            }
        }
        at(high)
    }

    /// The arrivals a unit of time; with retrials, these included.
    #[must_use]
    pub fn arrivals(&self) -> f64 {
        self.arrivals
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

    /// The share of the calls that hang up before they are answered.
    #[must_use]
    pub fn abandoned(&self) -> f64 {
        self.abandoned
    }

    /// The share of the calls that are answered.
    #[must_use]
    pub fn answered(&self) -> f64 {
        self.answered
    }

    /// The mean wait of all calls, also of those that hang up.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.abandoned / self.impatience
    }

    /// The mean wait of the answered calls: the average speed of answer.
    #[must_use]
    pub fn mean_wait_answered(&self) -> f64 {
        self.answered_time / self.answered / self.impatience
    }

    /// The mean number of waiting calls.
    #[must_use]
    pub fn mean_queue(&self) -> f64 {
        self.arrivals * self.mean_wait()
    }

    /// The share of the time in which a server is busy.
    #[must_use]
    pub fn occupancy(&self) -> f64 {
        self.load * self.answered / f64::from(self.servers)
    }

    /// The share of the offered calls that are answered within `time`.
    #[must_use]
    pub fn answered_within(&self, time: f64) -> f64 {
        let early = self.wait.mass(0.0, self.patiences(time));
        self.at_once + self.waits * early.patient / self.mass * early.log.exp()
    }

    /// The share of the offered calls that hang up within `time`.
    #[must_use]
    pub fn abandoned_within(&self, time: f64) -> f64 {
        // Whose patience ends by then: before he would be served, or by then while he would wait on.
        let end = self.patiences(time);
        let (early, late) = (self.wait.mass(0.0, end), self.wait.mass(end, f64::INFINITY));
        let hung_up = early.impatient * early.log.exp() - (-end).exp_m1() * late.all * late.log.exp();
        self.waits * hung_up / self.mass
    }

    /// The share of the offered calls that wait longer than `time`, until they are answered or hang up.
    #[must_use]
    pub fn waits_longer(&self, time: f64) -> f64 {
        let end = self.patiences(time);
        let late = self.wait.mass(end, f64::INFINITY);
        self.waits * (late.log - end).exp() * late.all / self.mass
    }

    /// The wait that the share `ended` of the calls does not exceed, whether they are answered or hang up.
    ///
    /// # Errors
    /// A share outside 0 to 1.
    pub fn percentile(&self, ended: f64) -> Result<f64, WorkforceError> {
        let longer = 1.0 - share(ended)?;
        if longer >= self.waits {
            return Ok(0.0);
        }
        if longer == 0.0 {
            return Ok(f64::INFINITY);
        }
        // Nobody waits longer than his patience.
        let (mut low, mut high) = (0.0, (self.waits / longer).ln() / self.impatience);
        for _ in 0..100 {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                break;
            }
            if self.waits_longer(middle) > longer {
                low = middle
            } else {
                high = middle
            }
        }
        Ok(high)
    }

    fn patiences(&self, time: f64) -> f64 {
        time.max(0.0) * self.impatience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, reference: f64, digits: f64) {
        assert!((value / reference - 1.0).abs() < digits, "{value} for {reference}");
    }

    #[test]
    fn reference_values() {
        let queue = ErlangA::new(48.0, 1.0, 0.5, 50).unwrap();
        close(queue.waits(), 0.467_774_068_553_8, 1e-12);
        close(queue.abandoned(), 0.030_912_249_162_19, 1e-12);
        close(queue.mean_wait(), 0.061_824_498_324_39, 1e-12);
        close(queue.mean_queue(), 2.967_575_919_571, 1e-12);
        close(queue.occupancy(), 0.930_324_240_804_3, 1e-12);
        close(queue.answered_within(1.0 / 3.0), 0.943_018_954_747, 1e-12);
        let crowded = ErlangA::new(100.0, 1.0, 1.0, 90).unwrap();
        close(crowded.waits(), 0.853_653_825_301_3, 1e-12);
        close(crowded.abandoned(), 0.107_900_432_690_9, 1e-12);
        let overloaded = ErlangA::new(100.0, 1.0, 0.1, 80).unwrap();
        close(overloaded.waits(), 0.999_999_999_977_9, 1e-12);
        close(overloaded.abandoned(), 0.200_000_000_000_8, 1e-12);
        let large = ErlangA::new(1e4, 1.0, 1.0, 10_000).unwrap();
        close(large.waits(), 0.501_329_808_34, 1e-11);
        close(large.abandoned(), 0.003_989_389_558_963, 1e-12);
        close(
            ErlangA::new(1e4, 1.0, 0.5, 9900).unwrap().abandoned(),
            0.010_358_773_567_6,
            1e-10,
        );
    }

    #[test]
    fn the_chain_of_states_in_forty_digits() {
        for (load, impatience, servers, waits, abandoned) in [
            (1e6, 1.0, 1_000_000, 0.500_132_980_760_872_6, 3.989_422_471_562_404e-4),
            (
                1e6,
                1.0,
                1_010_000,
                9.039_206_398_099_658e-24,
                8.866_011_731_612_426e-28,
            ),
            (1e6, 0.01, 1_000_500, 0.495_498_951_993_606_8, 9.241_099_515_711_212e-6),
            (
                1e6,
                100.0,
                999_000,
                0.172_216_199_224_344_94,
                1.434_819_555_393_637_4e-3,
            ),
            (1e-6, 1.0, 2, 4.999_996_666_667_917e-13, 1.666_665_833_333_583_3e-13),
            (3.7, 1e-3, 4, 0.833_827_159_425_369_5, 2.580_370_545_172_87e-3),
            (1000.0, 0.02, 950, 1.0, 0.05),
            (1e5, 0.3, 100_300, 0.208_105_109_750_020_2, 1.463_118_694_970_269_5e-4),
            (20.0, 1e5, 20, 0.158_918_687_081_520_94, 0.158_886_912_876_154_44),
            (0.9, 1e-4, 1, 0.899_205_422_177_782_9, 8.828_642_469_078_875e-4),
        ] {
            let queue = ErlangA::new(load, 1.0, impatience, servers).unwrap();
            close(queue.waits(), waits, 1e-12);
            close(queue.abandoned(), abandoned, 1e-12);
        }
    }

    /// The chain of states, summed up one by one: another way to the same figures, of little range.
    fn chain(arrivals: f64, service: f64, impatience: f64, servers: u32) -> (f64, f64) {
        let n = f64::from(servers);
        let (mut all, mut weight, mut waiting, mut hung_up) = (1.0, 1.0, 0.0, 0.0);
        let mut at_servers = 0.0;
        let mut j = 0.0;
        while j <= n || weight * j > hung_up * 1e-18 {
            j += 1.0;
            let beyond = (j - n).max(0.0);
            weight *= arrivals / (j.min(n) * service + beyond * impatience);
            all += weight;
            if j == n {
                at_servers = weight;
            }
            if j > n {
                waiting += weight;
                hung_up += weight * beyond * impatience;
            }
            if all > 1e200 {
                for value in [&mut all, &mut weight, &mut waiting, &mut hung_up, &mut at_servers] {
                    *value *= 1e-200;
                }
            }
        }
        ((waiting + at_servers) / all, hung_up / (arrivals * all))
    }

    #[test]
    fn the_chain_of_states_agrees() {
        for servers in [1, 2, 3, 10, 50, 100] {
            for load in [0.01, 0.5, 0.9, 1.0, 1.1, 2.0] {
                for impatience in [1e-2, 0.1, 0.5, 1.0, 3.0, 50.0] {
                    let arrivals = load * f64::from(servers);
                    let queue = ErlangA::new(arrivals, 1.0, impatience, servers).unwrap();
                    let (waits, abandoned) = chain(arrivals, 1.0, impatience, servers);
                    close(queue.waits(), waits, 1e-12);
                    close(queue.abandoned(), abandoned, 1e-12);
                }
            }
        }
    }

    #[test]
    fn shares_add_up_and_flow_is_conserved_over_the_whole_range() {
        for load in [1e-6, 1e-3, 1.0, 77.0, 1e4, 1e6] {
            for servers in [1, 2, 76, 77, 78, 10_000, 1_000_000, 1_003_000, u32::MAX] {
                for impatience in [1e-9, 1e-4, 1.0, 1e4, 1e9] {
                    let queue = ErlangA::new(load, 1.0, impatience, servers).unwrap();
                    let case = format!("{load} {servers} {impatience}");
                    assert!((queue.answered() + queue.abandoned() - 1.0).abs() < 1e-12, "{case}");
                    assert!(queue.mean_wait_answered() >= 0.0, "{case}");
                    for time in [0.0, 1e-3, 0.3, 7.0, 1e5] {
                        let parts =
                            queue.answered_within(time) + queue.abandoned_within(time) + queue.waits_longer(time);
                        assert!((parts - 1.0).abs() < 1e-12, "{case} {time}: {parts}");
                    }
                }
            }
        }
    }

    #[test]
    fn endless_patience_is_erlang_c() {
        let (patient, endless) = (
            ErlangA::new(84.0, 1.0, 1e-9, 90).unwrap(),
            crate::workforce::ErlangC::new(84.0, 1.0, 90).unwrap(),
        );
        close(patient.waits(), endless.waits(), 1e-6);
        close(patient.mean_wait(), endless.mean_wait(), 1e-6);
        close(patient.percentile(0.9).unwrap(), endless.percentile(0.9).unwrap(), 1e-6);
    }

    #[test]
    fn percentiles_are_the_inverse() {
        let queue = ErlangA::new(100.0, 1.0, 0.1, 80).unwrap();
        for ended in [0.01, 0.5, 0.9, 0.999] {
            close(1.0 - queue.waits_longer(queue.percentile(ended).unwrap()), ended, 1e-9);
        }
        assert_eq!(queue.percentile(1.0), Ok(f64::INFINITY));
        assert_eq!(queue.percentile(-0.1), Err(WorkforceError::NotAShare));
    }

    #[test]
    fn retrials_add_what_was_lost() {
        let queue = ErlangA::with_retrials(100.0, 1.0, 1.0, 90, 0.5).unwrap();
        close(
            queue.arrivals(),
            100.0 + 0.5 * queue.arrivals() * queue.abandoned(),
            1e-12,
        );
        assert_eq!(
            ErlangA::with_retrials(100.0, 1.0, 1.0, 90, 1.0),
            Err(WorkforceError::Unreachable)
        );
        close(
            ErlangA::with_retrials(80.0, 1.0, 1.0, 90, 1.0).unwrap().occupancy(),
            80.0 / 90.0,
            1e-12,
        );
        assert_eq!(ErlangA::with_retrials(0.0, 1.0, 1.0, 1, 1.0).unwrap().arrivals(), 0.0);
    }

    #[test]
    fn misuse() {
        assert_eq!(ErlangA::new(1.0, 1.0, 0.0, 1), Err(WorkforceError::NotPositive));
        assert_eq!(ErlangA::new(1.0, 1.0, 1e10, 1), Err(WorkforceError::OutOfRange));
        assert_eq!(ErlangA::new(1.0, 1.0, 1.0, 0), Err(WorkforceError::NoServer));
    }
}
