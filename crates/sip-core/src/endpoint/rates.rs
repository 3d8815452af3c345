//! How often a subscriber wants to be told (RFC 6446).

use core::time::Duration;
use std::collections::VecDeque;
use std::fmt::Write as _;

use machine::Time;

use crate::Params;

/// The longest time between two NOTIFYs that `max-rate` gets, so that no subscriber can make its notifier dumb.
const LONGEST_PACE: Duration = Duration::from_secs(3600);
/// The shortest time after which a state that did not change is told again, so that no subscriber can make its notifier
/// babble: `min-rate` and `adaptive-min-rate` get no more than that (RFC 6446 §6.3, §7.3).
const SHORTEST_REPEAT: Duration = Duration::from_secs(5);
/// The period of an adaptive rate, in its intervals (RFC 6446 §7.4).
const PERIOD: u32 = 8;
/// NOTIFYs that are remembered of a period.
const REMEMBERED: usize = 64;

/// What was agreed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Rates {
    /// The shortest time between two NOTIFYs (§5); zero: as they come.
    pub(super) pace: Duration,
    /// The longest (§6).
    repeat: Option<Duration>,
    /// The longest on average (§7).
    adaptive: Option<Duration>,
    /// When the NOTIFYs of the last period went out.
    recent: VecDeque<Time>,
}

impl Rates {
    /// Of the parameters of an Event header; `granted`: how long the subscription lasts.
    pub(super) fn read(params: &Params, granted: Duration) -> Self {
        let interval = |name| interval_of(params.value(name)?);
        // What would leave nothing to be told before the end is too slow (§5.3).
        let longest = if granted.is_zero() {
            LONGEST_PACE
        } else {
            LONGEST_PACE.min(granted)
        };
        let slow = |name| interval(name).map(|time: Duration| time.max(SHORTEST_REPEAT));
        Self {
            pace: interval("max-rate").map_or(Duration::ZERO, |time| time.min(longest)),
            repeat: slow("min-rate"),
            adaptive: slow("adaptive-min-rate"),
            recent: VecDeque::new(),
        }
    }

    /// Takes what a later Event header says; what went out stays remembered.
    pub(super) fn update(&mut self, params: &Params, granted: Duration) {
        let recent = core::mem::take(&mut self.recent);
        *self = Self::read(params, granted);
        self.recent = recent;
    }

    /// Whether a state is ever told again.
    pub(super) const fn repeats(&self) -> bool {
        self.repeat.is_some() || self.adaptive.is_some()
    }

    /// A NOTIFY goes out: when the next one may, and when it must.
    pub(super) fn sent(&mut self, now: Time) -> (Option<Time>, Option<Time>) {
        let paced = (!self.pace.is_zero()).then(|| now + self.pace);
        let adaptive = self.adaptive.map(|interval| self.adapt(now, interval));
        let longest = match (self.repeat, adaptive) {
            (Some(repeat), Some(adaptive)) => Some(repeat.min(adaptive)),
            (repeat, adaptive) => repeat.or(adaptive),
        };
        (paced, longest.map(|time| now + time.max(self.pace)))
    }

    /// Count ÷ (rate² · period): on average as often as asked for, later if there was much to tell (§7.4).
    fn adapt(&mut self, now: Time, interval: Duration) -> Duration {
        if self.recent.is_empty() {
            // As if it had been told at just this rate all the time (§7.2).
            let earlier = |n: u32| Time::from_nanos(now.as_nanos().saturating_sub(nanos(interval.saturating_mul(n))));
            self.recent.extend((1..PERIOD).rev().map(earlier));
        }
        let period = interval.saturating_mul(PERIOD);
        self.recent.push_back(now);
        let old = |at: &Time| now - *at >= period;
        while self.recent.front().is_some_and(old) || self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        let count = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        interval.saturating_mul(count) / PERIOD
    }

    /// The parameters of `Subscription-State` that say what was agreed.
    pub(super) fn write(&self, out: &mut String) {
        let all = [
            ("max-rate", Some(self.pace).filter(|pace| !pace.is_zero())),
            ("min-rate", self.repeat),
            ("adaptive-min-rate", self.adaptive),
        ];
        for (name, interval) in all {
            if let Some(interval) = interval {
                let rate = 1_000_000_u128.div_ceil(interval.as_millis().max(1));
                // Writing to a string does not fail.
                let _ = write!(out, ";{name}={}.{:03}", rate / 1000, rate % 1000);
            }
        }
    }
}

/// The time between two of so many a second (§9.2).
fn interval_of(rate: &str) -> Option<Duration> {
    let is_number = rate.len() <= 20 && rate.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let rate = rate.parse::<f64>().ok().filter(|rate| is_number && *rate > 0.0)?;
    let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX);
    Some(interval.min(Duration::from_secs(u64::from(u32::MAX))))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{EventHeader, TypedHeader};

    const HOUR: Duration = Duration::from_secs(3600);

    fn rates(event: &str, granted: Duration) -> Rates {
        let event = EventHeader::parse(event.as_bytes()).unwrap();
        Rates::read(&event.params, granted)
    }

    fn told(rates: &Rates) -> String {
        let mut text = String::new();
        rates.write(&mut text);
        text
    }

    #[test]
    fn rates_are_read_and_told() {
        for (event, expected) in [
            ("presence", ""),
            ("presence;max-rate=0.05", ";max-rate=0.050"),
            ("presence;max-rate=2", ";max-rate=2.000"),
            ("presence;max-rate=0", ""),
            ("presence;max-rate=0.00000001", ";max-rate=0.001"),
            ("presence;max-rate=-1", ""),
            ("presence;max-rate=inf", ""),
            ("presence;max-rate=1e9", ""),
            ("presence;max-rate", ""),
            ("presence;min-rate=0.01;max-rate=1", ";max-rate=1.000;min-rate=0.010"),
            ("presence;adaptive-min-rate=0.1", ";adaptive-min-rate=0.100"),
            // Adjusted.
            (
                "presence;min-rate=99.9;adaptive-min-rate=50",
                ";min-rate=0.200;adaptive-min-rate=0.200",
            ),
        ] {
            assert_eq!(told(&rates(event, HOUR)), expected, "{event}");
        }
        // At least once before the end (§5.3).
        let short = rates("presence;max-rate=0.001", Duration::from_secs(100));
        assert_eq!(short.pace, Duration::from_secs(100));
    }

    #[test]
    fn an_adaptive_rate_waits_longer_after_much_news() {
        let mut rates = rates("x;adaptive-min-rate=0.1;max-rate=1", HOUR);
        let start = Time::from_secs(1_000_000);
        // At the agreed rate: every ten seconds.
        let mut now = start;
        for _ in 0..20 {
            let (paced, due) = rates.sent(now);
            assert_eq!(
                (paced, due),
                (Some(now + Duration::from_secs(1)), Some(now + Duration::from_secs(10)))
            );
            now = due.unwrap();
        }
        // A burst of eight more at once: the next may be late by as much again.
        let mut due = None;
        for _ in 0..8 {
            due = rates.sent(now).1;
            now += Duration::from_secs(1);
        }
        let wait = due.unwrap() - now;
        assert!(
            wait > Duration::from_secs(15) && wait < Duration::from_secs(20),
            "{wait:?}"
        );
        // Over the whole it comes back to the average, and nothing grows.
        for _ in 0..200 {
            now = rates.sent(now).1.unwrap();
        }
        let begun = now;
        for _ in 0..100 {
            now = rates.sent(now).1.unwrap();
        }
        let average = (now - begun).as_secs_f64() / 100.0;
        assert!((9.0..=11.0).contains(&average), "{average}");
        for _ in 0..10_000 {
            rates.sent(now);
        }
        assert!(rates.recent.len() <= REMEMBERED);
    }
}
