//! Wall time that never goes backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use machine::Time;

/// Tells the time since the epoch as it was when the clock was made, carried on by the monotonic clock: a correction of
/// the host's clock does not make timers fire late or early.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    epoch: Time,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            started: Instant::now(),
            epoch: Time::ZERO + epoch,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.epoch + self.started.elapsed()
    }
}

/// How long to sleep until the earliest of these; `None` where there is nothing to wake up for.
pub(crate) fn until(now: Time, due: impl IntoIterator<Item = Option<Time>>) -> Option<Duration> {
    due.into_iter().flatten().min().map(|due| due - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeps_until_the_earliest() {
        let now = Time::from_secs(10);
        assert_eq!(until(now, [None, None]), None);
        assert_eq!(
            until(now, [Some(Time::from_secs(12)), None, Some(Time::from_secs(11))]),
            Some(Duration::from_secs(1))
        );
        assert_eq!(until(now, [Some(Time::from_secs(9))]), Some(Duration::ZERO));
    }
}
