//! Strategies and orders by name, as configurations have them.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::{Order, Strategy};

/// A name that is not known. Says what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not the name of a strategy.
    #[error(
        "expected ring-all, longest-idle, least-recent, fewest-calls, least-talk-time, least-occupied, round-robin, top-down, sequential, \
         random, weighted-random, ring-progressively:10 (seconds), skill-based, ucd-mia, ucd-loa, ead-mia, ead-loa, percent-allocation or custom:1"
    )]
    Strategy,
    /// Not the name of an order.
    #[error(
        "expected arrival, priority, ageing:60 or service-target:60 (seconds of wait that a step of priority is worth)"
    )]
    Order,
}

/// Each with its name, and the names that Asterisk and FreeSWITCH have for it.
const STRATEGIES: [(Strategy, &str, &[&str]); 17] = [
    (Strategy::RingAll, "ring-all", &["ringall"]),
    (Strategy::LongestIdle, "longest-idle", &["longest-idle-agent"]),
    (Strategy::LeastRecent, "least-recent", &["leastrecent"]),
    (
        Strategy::FewestCalls,
        "fewest-calls",
        &["fewestcalls", "agent-with-fewest-calls"],
    ),
    (
        Strategy::LeastTalkTime,
        "least-talk-time",
        &["agent-with-least-talk-time"],
    ),
    (Strategy::LeastOccupied, "least-occupied", &[]),
    (Strategy::RoundRobin, "round-robin", &["rrmemory"]),
    (Strategy::TopDown, "top-down", &["linear"]),
    (Strategy::Sequential, "sequential", &["sequentially-by-agent-order"]),
    (Strategy::Random, "random", &[]),
    (Strategy::WeightedRandom, "weighted-random", &["wrandom"]),
    (Strategy::SkillBased, "skill-based", &[]),
    (Strategy::UcdMia, "ucd-mia", &[]),
    (Strategy::UcdLoa, "ucd-loa", &[]),
    (Strategy::EadMia, "ead-mia", &[]),
    (Strategy::EadLoa, "ead-loa", &[]),
    (Strategy::PercentAllocation, "percent-allocation", &[]),
];

/// After how long one more agent rings, where a name does not say it.
const PROGRESS: Duration = Duration::from_secs(10);

/// By name: `longest-idle`, `ring-progressively:10` (seconds); also as Asterisk (`rrmemory`) and FreeSWITCH (`longest-idle-agent`) call them.
///
/// ```
/// use acd::Strategy;
///
/// assert_eq!("longest-idle".parse(), Ok(Strategy::LongestIdle));
/// assert_eq!("rrmemory".parse(), Ok(Strategy::RoundRobin));
/// assert_eq!(Strategy::RoundRobin.to_string(), "round-robin");
/// ```
impl FromStr for Strategy {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        if let Some((strategy, ..)) = STRATEGIES
            .iter()
            .find(|(_, known, others)| *known == name || others.contains(&name))
        {
            return Ok(*strategy);
        }
        match name.split_once(':') {
            None if name == "ring-progressively" => Ok(Strategy::RingProgressively(PROGRESS)),
            Some(("ring-progressively", every)) => every
                .parse()
                .map(|every| Strategy::RingProgressively(Duration::from_secs(every)))
                .map_err(|_| NameError::Strategy),
            Some(("custom", number)) => number.parse().map(Strategy::Custom).map_err(|_| NameError::Strategy),
            None | Some(_) => Err(NameError::Strategy),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (STRATEGIES.iter().find(|(strategy, ..)| strategy == self), self) {
            (Some((_, name, _)), _) => f.write_str(name),
            (None, Strategy::RingProgressively(every)) => write!(f, "ring-progressively:{}", every.as_secs()),
            (None, Strategy::Custom(number)) => write!(f, "custom:{number}"),
            (None, _) => f.write_str("?"),
        }
    }
}

/// By name: `arrival`, `priority`, `ageing:60`, `service-target:60`.
///
/// ```
/// use acd::Order;
/// use std::time::Duration;
///
/// assert_eq!("ageing:60".parse(), Ok(Order::Ageing(Duration::from_secs(60))));
/// assert_eq!(Order::Priority.to_string(), "priority");
/// ```
impl FromStr for Order {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let step = |seconds: &str| seconds.parse().map(Duration::from_secs).map_err(|_| NameError::Order);
        match name.split_once(':') {
            None if name == "arrival" => Ok(Order::Arrival),
            None if name == "priority" => Ok(Order::Priority),
            Some(("ageing", seconds)) => step(seconds).map(Order::Ageing),
            Some(("service-target", seconds)) => step(seconds).map(Order::ServiceTarget),
            None | Some(_) => Err(NameError::Order),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Arrival => f.write_str("arrival"),
            Order::Priority => f.write_str("priority"),
            Order::Ageing(step) => write!(f, "ageing:{}", step.as_secs()),
            Order::ServiceTarget(step) => write!(f, "service-target:{}", step.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let timed = [Strategy::RingProgressively(Duration::from_secs(7)), Strategy::Custom(3)];
        for strategy in STRATEGIES.iter().map(|(strategy, ..)| *strategy).chain(timed) {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        for (strategy, _, others) in STRATEGIES {
            for name in others {
                assert_eq!(name.parse(), Ok(strategy));
            }
        }
        let second = Duration::from_secs(1);
        for order in [
            Order::Arrival,
            Order::Priority,
            Order::Ageing(second),
            Order::ServiceTarget(second),
        ] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "longest",
            "Longest-Idle",
            "ring-progressively:",
            "ring-progressively:x",
            "custom:70000",
            "custom",
        ] {
            assert_eq!(name.parse::<Strategy>(), Err(NameError::Strategy), "{name}");
        }
        for name in ["", "ageing", "ageing:", "ageing:-1", "service-target", "prio"] {
            assert_eq!(name.parse::<Order>(), Err(NameError::Order), "{name}");
        }
    }
}
