//! Logs of real days, replayed call by call with another staff or strategy.
//!
//! Callers come when they came, and talk for as long as they talked. Who hung up has the patience that he had. Who was answered would have
//! waited longer: for how much longer is drawn from what the log says about patience as a whole (the product-limit estimate). How long
//! those would have talked who hung up is drawn from the talks of their type.

mod columns;
mod read;
mod staff;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use acd::{QueueConfig, Strategy};
use sim::centre::{AgentGroup, Arrivals, ContactType, Distribution, Empirical, Observed, Scenario};

use crate::Study;
use crate::args::{Args, Fault};
use read::Call;
pub(crate) use read::LogError;

/// What was recorded, of the calls that are replayed.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    pub(crate) days: Vec<String>,
    pub(crate) rows: usize,
    /// Rows that say that they are to be left out, and rows that make no sense.
    pub(crate) ignored: usize,
    pub(crate) bad: usize,
    /// Hung up without having waited: they never asked for an agent.
    pub(crate) gone: usize,
    pub(crate) offered: usize,
    pub(crate) answered: usize,
    pub(crate) in_time: usize,
    pub(crate) early: usize,
    pub(crate) wait_answered: f64,
    pub(crate) wait: f64,
    /// Agents at work, on average, as far as their calls tell.
    pub(crate) staff: f64,
    pub(crate) talk: f64,
}

/// Fewer hang-ups or talks than this say nothing about a type of its own; those of all are taken.
const ENOUGH: usize = 50;
/// A day.
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn study(path: &Path, args: &Args) -> Result<Study, Fault> {
    let columns = columns::load(args.columns.as_deref())?;
    let read = read::read(path, &columns, args)?;
    let types: Vec<String> = read.types();
    let shapes: Vec<Shape> = types.iter().map(|name| Shape::of(name, &read.calls, args)).collect();
    let wish = staff::wish(&args.agents)?;
    let names = staff::names(&read.calls);
    let (mut scenarios, mut at_work) = (Vec::new(), 0.0);
    for calls in read.by_day() {
        let mut scenario = Scenario::new(DAY);
        let queue = scenario.add_queue("queue", QueueConfig::new(Strategy::LongestIdle));
        for (name, shape) in types.iter().zip(&shapes) {
            let arrivals = Arrivals::Recorded(
                calls
                    .iter()
                    .filter(|call| call.kind == *name)
                    .map(|call| call.replay())
                    .collect(),
            );
            let mut of = ContactType::new(name, queue, arrivals, shape.service.clone());
            of.patience.clone_from(&shape.patience);
            of.wrap_up.clone_from(&args.wrap_up);
            scenario.types.push(of);
        }
        let shifts = staff::shifts(&calls, columns.idle);
        at_work += shifts
            .values()
            .flatten()
            .map(|shift| (shift.to - shift.from).as_secs_f64())
            .sum::<f64>();
        scenario.groups = staff::groups(wish, &names, &shifts, &calls, queue);
        scenarios.push(scenario);
    }
    let mut recorded = read.recorded(args.threshold.unwrap_or(Duration::from_secs(20)));
    recorded.staff = at_work / (DAY.as_secs_f64() * scenarios.len().max(1) as f64);
    Ok(Study {
        scenarios,
        opens: Duration::ZERO,
        recorded: Some(recorded),
        crowd: true,
    })
}

/// What the log says about callers of a type.
struct Shape {
    patience: Option<Distribution>,
    service: Distribution,
}

impl Shape {
    fn of(name: &str, calls: &[Call], args: &Args) -> Self {
        let waits = |call: &Call| Observed {
            lasted: call.wait,
            ended: !call.answered,
        };
        let own: Vec<&Call> = calls.iter().filter(|call| call.kind == name).collect();
        let patience = if own.iter().filter(|call| !call.answered).count() >= ENOUGH {
            Empirical::survival(own.iter().map(|call| waits(call)))
        } else {
            Empirical::survival(calls.iter().map(waits))
        };
        let talks = |call: &Call| call.service;
        let service = if own.iter().filter(|call| call.service.is_some()).count() >= ENOUGH {
            Empirical::new(own.iter().filter_map(|call| talks(call)))
        } else {
            Empirical::new(calls.iter().filter_map(talks))
        };
        Self {
            patience: args.patience.clone().or(patience.map(Distribution::Empirical)),
            service: args
                .service
                .clone()
                .or(service.map(Distribution::Empirical))
                .unwrap_or(Distribution::Fixed(Duration::from_secs(180))),
        }
    }
}

/// Shifts of each agent of a day.
type Shifts = BTreeMap<String, Vec<sim::centre::Shift>>;

/// Agents of a day.
type Groups = Vec<AgentGroup>;
