//! What came of runs.

use core::time::Duration;

use super::estimate::{Estimate, lag_correlation};
use super::run::Centre;
use super::tally::{Sample, Slot, Staffing, Totals, Waits};

/// What came of one run. [`Report::add`] makes figures of it.
#[derive(Clone, Debug)]
pub struct Run {
    types: Vec<String>,
    groups: Vec<String>,
    interval: Option<Duration>,
    samples: Vec<Sample>,
    slots: Vec<Slot>,
    waits: Vec<Waits>,
    events: u64,
    steady: bool,
}

impl Run {
    pub(crate) fn new(centre: Centre) -> Self {
        let tally = centre.tally;
        Self {
            types: centre.kinds.into_iter().map(|kind| kind.name).collect(),
            groups: centre.teams.into_iter().map(|team| team.name).collect(),
            interval: tally.slot,
            samples: tally.samples,
            slots: tally.slots,
            waits: tally.waits,
            events: centre.happened,
            steady: centre.steady,
        }
    }

    /// Events that happened: arrivals, answers, refused offers, hang-ups, ends of talks and of wrap-up, calls back, moves of shifts.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    fn total(&self) -> Sample {
        let mut sum = Sample {
            types: vec![Totals::default(); self.types.len()],
            groups: vec![Staffing::default(); self.groups.len()],
        };
        for sample in &self.samples {
            for (sum, more) in sum.types.iter_mut().zip(&sample.types) {
                sum.add(more);
                sum.time += more.time;
            }
            sum.groups
                .iter_mut()
                .zip(&sample.groups)
                .for_each(|(sum, more)| sum.add(more));
        }
        sum
    }
}

/// Where the confidence intervals come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Method {
    /// From nowhere: there is one observation only.
    None,
    /// From that many batches of one long run (batch means), which pays for its warm-up only once.
    Batches(usize),
    /// From that many replications, each from the start and with chance of its own: for what begins and ends, such as a day.
    Replications(usize),
}

/// What the service level is divided by. Four formulas are in use, and they differ by ten percentage points and more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ServiceLevel {
    /// Answered in time ÷ offered. Who hangs up was not served in time.
    #[default]
    Offered,
    /// Answered in time ÷ answered. Who hangs up does not count.
    Answered,
    /// Answered in time ÷ (offered − hung up in time). Who hangs up early does not count.
    Patient,
    /// (Answered + hung up in time) ÷ offered. Who hangs up early counts as served.
    EarlyServed,
}

/// Figures of contacts. Each is `None` where there is nothing to divide by.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Figures {
    /// All counts, over all runs.
    pub totals: Totals,
    /// Share of those offered that were answered within the threshold ([`ServiceLevel::Offered`]).
    pub service_level: Option<Estimate>,
    /// Average speed of answer: the mean wait of those answered, in seconds.
    pub speed_of_answer: Option<Estimate>,
    /// Share of those offered that hung up.
    pub abandonment: Option<Estimate>,
    /// Share that had to wait, of those let in.
    pub delay: Option<Estimate>,
    /// The mean wait of all that were let in, answered or not, in seconds.
    pub wait: Option<Estimate>,
    /// How many wait, on average. By Little's law: the waits of all, added up, ÷ time.
    pub waiting: Option<Estimate>,
    /// The mean time of talk and wrap-up of those answered, in seconds.
    pub handling: Option<Estimate>,
    /// The waits of those answered which half, 90 %, 95 % and 99 % of them do not exceed.
    pub quantiles: [Duration; 4],
}

/// Figures of an interval, as means over the runs.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct IntervalFigures {
    /// From the start of the run.
    pub begin: Duration,
    /// Contacts a run.
    pub offered: f64,
    /// Of them answered.
    pub answered: f64,
    /// Of them hung up.
    pub abandoned: f64,
    /// Answered within the threshold ÷ offered.
    pub service_level: Option<Estimate>,
    /// Mean wait of those answered, in seconds.
    pub speed_of_answer: Option<Estimate>,
    /// Mean wait of all, in seconds.
    pub wait: Option<Estimate>,
    /// Agents at work, on average.
    pub staff: f64,
    /// The share of their time in which they were occupied.
    pub occupancy: Option<Estimate>,
}

/// Runs of the same scenario, and what they say together.
#[derive(Clone, Debug, Default)]
pub struct Report {
    runs: Vec<Run>,
}

impl Report {
    /// Adds a run of the same scenario.
    pub fn add(&mut self, run: Run) {
        self.runs.push(run);
    }

    /// How many runs there are.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Events of all runs ([`Run::events`]).
    #[must_use]
    pub fn events(&self) -> u64 {
        self.runs.iter().map(Run::events).sum()
    }

    /// The types of contacts.
    #[must_use]
    pub fn types(&self) -> &[String] {
        self.runs.first().map_or(&[], |run| &run.types)
    }

    /// The groups of agents.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.runs.first().map_or(&[], |run| &run.groups)
    }

    /// Where the intervals of the estimates come from: from replications if there are several, else from batches of the one run. Parts of a
    /// run that changes in its course are no observations of the same thing, and there is none then.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.runs.as_slice() {
            [one] if one.samples.len() > 1 && one.steady => Method::Batches(one.samples.len()),
            [] | [_] => Method::None,
            several => Method::Replications(several.len()),
        }
    }

    fn samples(&self) -> Vec<Sample> {
        match (self.method(), self.runs.as_slice()) {
            (Method::Batches(_), [one]) => one.samples.clone(),
            (_, runs) => runs.iter().map(Run::total).collect(),
        }
    }

    /// The figures of a type of contacts, by its number; `None`: of all.
    #[must_use]
    pub fn figures(&self, of: Option<usize>) -> Figures {
        let samples: Vec<Totals> = self.samples().iter().map(|sample| select(&sample.types, of)).collect();
        let estimate = |pair: fn(&Totals) -> (f64, f64)| Estimate::ratio(samples.iter().map(pair));
        let mut totals = Totals::default();
        for sample in &samples {
            totals.add(sample);
            totals.time += sample.time;
        }
        Figures {
            totals,
            service_level: estimate(|t| (float(t.in_time), float(t.offered))),
            speed_of_answer: estimate(|t| (t.wait_answered, float(t.answered))),
            abandonment: estimate(|t| (float(t.abandoned), float(t.offered))),
            delay: estimate(|t| (float(t.delayed), float(t.offered - t.refused))),
            wait: estimate(|t| (t.wait, float(t.offered - t.refused))),
            waiting: estimate(|t| (t.wait, t.time)),
            handling: estimate(|t| (t.talk + t.wrap_up, float(t.answered))),
            quantiles: self.quantiles(of),
        }
    }

    /// The service level by a formula.
    #[must_use]
    pub fn service_level(&self, of: Option<usize>, formula: ServiceLevel) -> Option<Estimate> {
        Estimate::ratio(self.samples().iter().map(|sample| {
            let t = select(&sample.types, of);
            match formula {
                ServiceLevel::Offered => (float(t.in_time), float(t.offered)),
                ServiceLevel::Answered => (float(t.in_time), float(t.answered)),
                ServiceLevel::Patient => (float(t.in_time), float(t.offered - t.early)),
                ServiceLevel::EarlyServed => (float(t.in_time + t.early), float(t.offered)),
            }
        }))
    }

    /// The share of their time at work in which the agents of a group, by its number, were occupied with talks and wrap-up; `None`: all agents.
    #[must_use]
    pub fn occupancy(&self, group: Option<usize>) -> Option<Estimate> {
        Estimate::ratio(self.samples().iter().map(|sample| {
            let of = staffing(&sample.groups, group);
            (of.occupied, of.staffed)
        }))
    }

    /// Agents of a group at work, on average over the time that is counted; `None`: of all groups.
    #[must_use]
    pub fn staff(&self, group: Option<usize>) -> f64 {
        let samples = self.samples();
        let time: f64 = samples
            .iter()
            .filter_map(|sample| sample.types.first())
            .map(|of| of.time)
            .sum();
        let staffed: f64 = samples
            .iter()
            .map(|sample| staffing(&sample.groups, group).staffed)
            .sum();
        if time > 0.0 { staffed / time } else { 0.0 }
    }

    /// How much the mean waits of successive batches go together ([`lag_correlation`]); the batches are too short if it is far above zero.
    /// `None` unless there are batches.
    #[must_use]
    pub fn batch_correlation(&self) -> Option<f64> {
        let Method::Batches(_) = self.method() else { return None };
        let samples = self.samples();
        let totals = samples.iter().map(|sample| select(&sample.types, None));
        lag_correlation(&totals.map(|t| t.wait / float(t.offered.max(1))).collect::<Vec<_>>())
    }

    /// The intervals, if they were counted.
    #[must_use]
    pub fn intervals(&self) -> Vec<IntervalFigures> {
        let Some(length) = self.runs.first().and_then(|run| run.interval) else {
            return Vec::new();
        };
        let count = self.runs.iter().map(|run| run.slots.len()).max().unwrap_or(0);
        (0..count)
            .map(|at| {
                let slots: Vec<Slot> = self.runs.iter().filter_map(|run| run.slots.get(at).copied()).collect();
                let estimate = |pair: fn(&Slot) -> (f64, f64)| Estimate::ratio(slots.iter().map(pair));
                let mean = |value: fn(&Slot) -> f64| slots.iter().map(value).sum::<f64>() / slots.len().max(1) as f64;
                IntervalFigures {
                    begin: length.saturating_mul(u32::try_from(at).unwrap_or(u32::MAX)),
                    offered: mean(|slot| float(slot.contacts.offered)),
                    answered: mean(|slot| float(slot.contacts.answered)),
                    abandoned: mean(|slot| float(slot.contacts.abandoned)),
                    service_level: estimate(|slot| (float(slot.contacts.in_time), float(slot.contacts.offered))),
                    speed_of_answer: estimate(|slot| (slot.contacts.wait_answered, float(slot.contacts.answered))),
                    wait: estimate(|slot| (slot.contacts.wait, float(slot.contacts.offered - slot.contacts.refused))),
                    staff: mean(|slot| slot.agents.staffed) / length.as_secs_f64(),
                    occupancy: estimate(|slot| (slot.agents.occupied, slot.agents.staffed)),
                }
            })
            .collect()
    }

    fn quantiles(&self, of: Option<usize>) -> [Duration; 4] {
        let mut all: Option<Waits> = None;
        for (at, waits) in self.runs.iter().flat_map(|run| run.waits.iter().enumerate()) {
            if of.is_none_or(|of| of == at) {
                match &mut all {
                    // Both grow as far as is needed.
                    Some(all) => all.add(waits).unwrap_or(()),
                    None => all = Some(waits.clone()),
                }
            }
        }
        [0.5, 0.9, 0.95, 0.99].map(|share| {
            let millis = all.as_ref().map_or(0, |all| all.value_at_quantile(share));
            Duration::from_millis(millis)
        })
    }
}

fn select(types: &[Totals], of: Option<usize>) -> Totals {
    let mut sum = Totals::default();
    for (at, totals) in types.iter().enumerate() {
        if of.is_none_or(|of| of == at) {
            sum.add(totals);
            sum.time = totals.time;
        }
    }
    sum
}

fn staffing(groups: &[Staffing], of: Option<usize>) -> Staffing {
    let mut sum = Staffing::default();
    for (at, group) in groups.iter().enumerate() {
        if of.is_none_or(|of| of == at) {
            sum.add(group);
        }
    }
    sum
}

fn float(count: u64) -> f64 {
    count as f64
}
