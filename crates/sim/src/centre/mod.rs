//! A contact centre in virtual time: callers and agents around the same [`acd::Acd`] that distributes real calls.
//!
//! A [`Scenario`] says who calls and who works. [`Centre`] runs it, one event after the other; [`Report`] makes figures with confidence
//! intervals of one or several runs. A month of a small centre takes a fraction of a second.
//!
//! ```
//! use sim::centre::{AgentGroup, Centre, ContactType, Report, Scenario, Shift};
//! use std::time::Duration;
//!
//! // A day from 8 to 18 o'clock: two kinds of callers, and agents of whom some speak French.
//! let hour = Duration::from_secs(3600);
//! let french = acd::SkillId(1);
//! let mut day = Scenario::new(10 * hour);
//! let desk = day.add_queue("desk", acd::QueueConfig::new(acd::Strategy::LongestIdle));
//! for (name, rate, needs) in [("english", "70/h", None), ("french", "20/h", Some(french))] {
//!     let mut of = ContactType::new(name, desk, rate.parse()?, "lognormal:3min,cv=1.2".parse()?);
//!     of.patience = Some("exp:4min".parse()?);
//!     of.wrap_up = Some("30s".parse()?);
//!     of.needs.extend(needs.map(|skill| (skill, 1)));
//!     day.types.push(of);
//! }
//! for (name, size, skills) in [("anyone", 4, None), ("bilingual", 2, Some(french))] {
//!     let mut group = AgentGroup::new(name, size, [desk]);
//!     group.config.skills.extend(skills.map(|skill| (skill, 1)));
//!     group.shifts.push(Shift::new(Duration::ZERO, 10 * hour).pause(4 * hour, 5 * hour));
//!     day.groups.push(group);
//! }
//! let mut report = Report::default();
//! for replication in 0..20 {
//!     report.add(Centre::new(&day, 1, replication)?.run(&mut ())?);
//! }
//! let (english, french) = (report.figures(Some(0)), report.figures(Some(1)));
//! assert!(french.speed_of_answer.unwrap().value > english.speed_of_answer.unwrap().value);
//! assert_eq!(french.totals.offered, french.totals.ended());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is simulated, and what is not
//!
//! Agents answer, refuse or let ring; they talk, wrap up, pause and end their shifts. Callers lose patience, call again, or are called back.
//! All else is the distribution itself: strategies, priorities, skills, tiers, overflow, announcements. Nothing here decides who gets whom.
//!
//! At the same instant the distribution's own alarms come first, then events in the order in which they were scheduled.
//!
//! # Limits
//!
//! 65,535 types and groups, a million agents, 16 million contacts at once (and what [`acd::Limits`] says), 100 years. Whoever is still there
//! one run's length after its end (at least a day) is counted as left.

mod arrivals;
mod broken;
mod distribution;
mod empirical;
mod estimate;
mod events;
mod outputs;
mod people;
mod report;
mod run;
mod scenario;
mod shift;
mod tally;
mod text;
mod trace;

pub use arrivals::{Arrivals, Recorded, Stream};
pub use broken::{Broken, Rule};
pub use distribution::{Distribution, Sampler};
pub use empirical::{Empirical, Observed};
pub use estimate::{Estimate, lag_correlation};
pub use report::{Figures, IntervalFigures, Method, Report, Run, ServiceLevel};
pub use run::Centre;
pub use scenario::{AgentGroup, CallBack, ContactType, Redial, Scenario, ScenarioError};
pub use shift::Shift;
pub use tally::{Staffing, Totals};
pub use text::{TextError, parse_duration, parse_time_of_day};
pub use trace::{Observer, Traced};
