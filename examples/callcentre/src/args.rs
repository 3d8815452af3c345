//! The command line.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use sim::centre::{Arrivals, Broken, Distribution, ScenarioError, ServiceLevel, parse_duration};

/// What a staff, a strategy or a rule does to waits: a contact centre in virtual time, served by the same distribution as real calls.
///
/// Three ways to say what is simulated: by options alone (--agents, --arrivals, --service …), by a scenario file (several queues, types
/// of contacts, skills, shifts), or by the log of real days (--from), replayed with another staff or strategy.
#[derive(Parser, Debug)]
#[command(version, max_term_width = 120, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A scenario file (TOML); examples/callcentre/scenarios has some.
    pub(crate) scenario: Option<PathBuf>,
    /// A log of calls (CSV), replayed call by call.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["scenario", "arrivals", "length"])]
    pub(crate) from: Option<PathBuf>,
    /// What the columns of the log mean (TOML). Default: arrival, wait, service, outcome, agent, type, priority.
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) columns: Option<PathBuf>,
    /// Only these days of the log, as 1999-01-31. Default: all.
    #[arg(long, value_name = "DATE", requires = "from")]
    pub(crate) day: Vec<String>,
    /// Ends with an error if any row of the log is bad, instead of leaving it out.
    #[arg(long, requires = "from")]
    pub(crate) strict: bool,
    /// How many agents: 12; of one group, sales=12; with a log also `recorded` (who served calls at the time, the default), +2 or -1 (of
    /// them).
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) agents: Vec<String>,
    /// How many contacts arrive: 4.2/min, 250/h.
    #[arg(long, value_name = "RATE", conflicts_with = "scenario")]
    pub(crate) arrivals: Option<Arrivals>,
    /// How long talks take: exp:2min, lognormal:3min,cv=1.2, gamma:3min,cv=0.5, uniform:1min..5min, fixed:90s.
    #[arg(long, value_name = "TIME", conflicts_with = "scenario")]
    pub(crate) service: Option<Distribution>,
    /// How long callers wait before they hang up. Default: for ever; with a log: as in the log.
    #[arg(long, value_name = "TIME", conflicts_with = "scenario")]
    pub(crate) patience: Option<Distribution>,
    /// How long agents are busy after a talk. Default: not at all.
    #[arg(long, value_name = "TIME", conflicts_with = "scenario")]
    pub(crate) wrap_up: Option<Distribution>,
    /// Within which wait calls should be answered. Default: 20s, or as the scenario says.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) threshold: Option<Duration>,
    /// How agents are chosen, in all queues: longest-idle, round-robin, skill-based, … (a wrong name lists all).
    #[arg(long, value_name = "NAME")]
    pub(crate) strategy: Option<acd::Strategy>,
    /// In which order contacts are served, in all queues: arrival, priority, ageing:60, service-target:60 (seconds that a step of priority
    /// is worth).
    #[arg(long, value_name = "NAME")]
    pub(crate) order: Option<acd::Order>,
    /// How much busier or quieter whole days are than others: the coefficient of variation of a gamma factor.
    #[arg(long, value_name = "CV", conflicts_with = "from")]
    pub(crate) busyness: Option<f64>,
    /// For how long contacts arrive. Default: 30d, or as the scenario says.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(crate) length: Option<Duration>,
    /// What is not counted at the start. Default: a twentieth of the time where nothing changes in its course, else nothing.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) warm_up: Option<Duration>,
    /// Where all chance comes from: the same seed, the same run. Other agents or strategies meet the same callers.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How often it is run, each time with other chance. Needed for confidence intervals where the day has a course.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) replications: u32,
    /// On how many threads replications run. Changes nothing in the result.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_threads)]
    pub(crate) threads: usize,
    /// Counts each interval of that length (30min), and prints them.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) intervals: Option<Duration>,
    /// What the service level is divided by.
    #[arg(long, value_name = "FORMULA", default_value = "offered")]
    pub(crate) service_level: Formula,
    /// Draws waits and contacts by interval.
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) svg: Option<PathBuf>,
    /// Writes all that happened, a line each: time, what, which contact, which agent. Runs on one thread.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Says (on stderr) how many events were simulated, and how fast.
    #[arg(long)]
    pub(crate) speed: bool,
}

const EXAMPLES: &str = "Examples:
  callcentre --agents 12 --arrivals 4.2/min --service exp:2min
  callcentre --agents 50 --arrivals 48/min --service exp:1min --patience exp:2min --for 300d
  callcentre scenarios/helpdesk.toml --replications 100 --threads 2 --svg waits.svg
  callcentre --from log.csv --columns bank.toml --day 1999-01-05 --agents +1 --replications 20";

/// What the service level is divided by.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Formula {
    /// Answered in time ÷ offered.
    Offered,
    /// Answered in time ÷ answered.
    Answered,
    /// Answered in time ÷ (offered − hung up in time).
    Patient,
    /// (Answered + hung up in time) ÷ offered.
    EarlyServed,
}

impl From<Formula> for ServiceLevel {
    fn from(formula: Formula) -> Self {
        match formula {
            Formula::Offered => Self::Offered,
            Formula::Answered => Self::Answered,
            Formula::Patient => Self::Patient,
            Formula::EarlyServed => Self::EarlyServed,
        }
    }
}

fn parse_threads(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|threads| (1..=256).contains(threads))
        .ok_or_else(|| "expected a number from 1 to 256".to_owned())
}

impl Args {
    /// What the parser does not know.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.scenario.is_none() && self.from.is_none() {
            for (given, name) in [
                (self.arrivals.is_some(), "--arrivals 4.2/min"),
                (self.service.is_some(), "--service exp:2min"),
                (!self.agents.is_empty(), "--agents 12"),
            ] {
                if !given {
                    return Err(Fault::Missing(name));
                }
            }
        }
        Ok(())
    }
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("what is to be simulated? Give a scenario file, or --from LOG, or also {0} (see --help)")]
    Missing(&'static str),
    #[error("{path}: {error}")]
    File { path: String, error: io::Error },
    #[error("cannot write the result: {0}")]
    Output(io::Error),
    #[error("{0}")]
    Scenario(#[from] file::Mistakes),
    #[error("{0}")]
    Rules(#[from] ScenarioError),
    #[error("{0}")]
    Log(#[from] crate::log::LogError),
    #[error("--agents {text}: {expected}")]
    Agents { text: String, expected: String },
    #[error(
        "the distribution broke a rule (a fault of this program; seed {seed}, replication {replication}): {broken}"
    )]
    Broken {
        seed: u64,
        replication: u64,
        broken: Broken,
    },
}

use crate::file;

impl Fault {
    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        Self::File {
            path: path.display().to_string(),
            error,
        }
    }
}
