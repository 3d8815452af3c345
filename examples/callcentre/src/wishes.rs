//! What the command line changes in a scenario.

use std::time::Duration;

use sim::centre::Scenario;

use crate::Study;
use crate::args::{Args, Fault};

/// Batches of a long run: as many as are usual, few enough that each is long.
const BATCHES: u32 = 20;
/// The intervals of a picture whose length nobody gave.
const INTERVAL: Duration = Duration::from_secs(1800);

pub(crate) fn apply(study: &mut Study, args: &Args) -> Result<(), Fault> {
    let replayed = study.recorded.is_some();
    for scenario in &mut study.scenarios {
        if let Some(strategy) = args.strategy {
            scenario.set_strategy(strategy);
        }
        for (_, queue) in &mut scenario.queues {
            queue.order = args.order.unwrap_or(queue.order);
        }
        for of in &mut scenario.types {
            if let Some(threshold) = args.threshold {
                of.threshold = threshold;
            }
            if let Some(busyness) = args.busyness {
                of.arrivals = of.arrivals.clone().busyness(busyness);
            }
        }
        if let Some(length) = args.length {
            scenario.length = length;
        }
        scenario.interval = args.intervals.or(scenario.interval);
        if args.svg.is_some() {
            let shortest = scenario.length / 1000;
            scenario.interval = scenario.interval.or(Some(INTERVAL.max(shortest)));
        }
        if !replayed {
            args.agents.iter().try_for_each(|text| staff(scenario, text))?;
        }
        let steady = scenario.is_steady();
        if let Some(warm_up) = args.warm_up {
            scenario.warm_up = warm_up;
        } else if steady && scenario.warm_up.is_zero() {
            scenario.warm_up = scenario.length / 20;
        }
        scenario.batches = if steady && args.replications == 1 { BATCHES } else { 1 };
    }
    Ok(())
}

/// `12`, if there is one group only, or `sales=12`.
fn staff(scenario: &mut Scenario, text: &str) -> Result<(), Fault> {
    let names: Vec<String> = scenario.groups.iter().map(|group| group.name.clone()).collect();
    let wrong = |expected: String| Fault::Agents {
        text: text.to_owned(),
        expected,
    };
    let (name, count) = match text.split_once('=') {
        Some((name, count)) => (Some(name), count),
        None => (None, text),
    };
    let count = count
        .parse()
        .map_err(|_| wrong("expected a number, such as 12, or sales=12 for one of several groups".to_owned()))?;
    let group = match name {
        Some(name) => scenario.groups.iter_mut().find(|group| group.name == name),
        None => scenario.groups.first_mut().filter(|_| names.len() == 1),
    };
    match group {
        Some(group) => {
            group.size = count;
            Ok(())
        }
        None => Err(wrong(format!(
            "say of which group, as NAME={count}; there are {}",
            names.join(", ")
        ))),
    }
}
