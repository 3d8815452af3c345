use core::time::Duration;

/// The timers of RFC 3261 §17 (table 4) and RFC 6026, as far as they can be set.
///
/// The lettered timers follow from T1, T2 and T4: A, E and G start at T1 and double, E and G up to T2; B, F, H, J
/// (unreliable), L and M are 64·T1; I and K are T4 (unreliable) or nothing.
///
/// ```
/// use sip_core::transaction::TimerConfig;
/// use std::time::Duration;
///
/// let timers = TimerConfig::default();
/// assert_eq!(timers.give_up(), Duration::from_secs(32));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TimerConfig {
    /// The estimate of the round-trip time. Default 500 ms.
    pub t1: Duration,
    /// The longest interval between retransmissions of non-INVITE requests and INVITE responses. Default 4 s.
    pub t2: Duration,
    /// How long a message can stay in the network. Default 5 s.
    pub t4: Duration,
    /// How long a client keeps acknowledging retransmitted failures over UDP (timer D): at least 32 s, the default.
    pub d: Duration,
    /// After how long an INVITE is answered with `100 Trying` by itself. Default 200 ms.
    pub trying: Duration,
}

impl TimerConfig {
    /// 64·T1: when a transaction gives up (timers B, F, H, L and M). 32 s by default.
    #[must_use]
    pub fn give_up(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}

impl TimerConfig {
    /// After how long a request other than INVITE that is not answered yet gets `100 Trying`: when timer E of its client has
    /// grown to T2 (RFC 4320 §4.1). 3.5 s by default.
    #[must_use]
    pub fn non_invite_trying(&self) -> Duration {
        let mut interval = self.t1.max(Duration::from_millis(1));
        let mut time = interval;
        while interval.saturating_mul(2) < self.t2 {
            interval = interval.saturating_mul(2);
            time = time.saturating_add(interval);
        }
        time
    }
}

impl Default for TimerConfig {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            trying: Duration::from_millis(200),
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use machine::Time;

    /// A start that is not zero, so that a forgotten addition shows.
    pub(crate) const START: Time = Time::from_secs(1000);

    /// The seconds after [`START`] at which `step` has something to do, until it has nothing more.
    pub(crate) fn agenda<T, A>(
        machine: &mut T,
        deadline: impl Fn(&T) -> Option<Time>,
        fire: impl Fn(&mut T, Time, &TimerConfig) -> A,
    ) -> Vec<(f64, A)> {
        let timers = TimerConfig::default();
        let mut out = Vec::new();
        while let Some(due) = deadline(machine) {
            assert!(out.len() < 100, "endless timers");
            let action = fire(machine, due, &timers);
            assert!(
                deadline(machine).is_none_or(|next| next > due),
                "a timer that is due again at once"
            );
            out.push(((due - START).as_secs_f64(), action));
        }
        out
    }
}
