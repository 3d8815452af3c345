//! What a scenario file may say. Lengths of time are texts such as "20s" or "2.5min".

use std::collections::BTreeMap;

use serde::Deserialize;
use sim::centre::{Arrivals, Distribution, Shift};
use toml::Spanned;

use super::values::{Kind, Text, Time};

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// A day: from when to when contacts arrive. Shifts are hours of that day.
    pub(super) hours: Option<Text<Shift>>,
    /// Or: for how long. Shifts are hours of each day.
    pub(super) length: Option<Time>,
    pub(super) warm_up: Option<Time>,
    /// The length of the intervals of `expected`, and of those that are counted.
    pub(super) interval: Option<Time>,
    /// The strategy of queues that name none.
    pub(super) strategy: Option<Text<acd::Strategy>>,
    #[serde(default)]
    pub(super) queue: Vec<Queue>,
    #[serde(default)]
    pub(super) contact: Vec<Contact>,
    #[serde(default)]
    pub(super) agents: Vec<Agents>,
}

/// As `acd::QueueConfig`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Queue {
    pub(super) name: Spanned<String>,
    pub(super) strategy: Option<Text<acd::Strategy>>,
    pub(super) order: Option<Text<acd::Order>>,
    #[serde(default)]
    pub(super) weight: u16,
    pub(super) service_target: Option<Time>,
    pub(super) ring_time: Option<Time>,
    pub(super) reject_pause: Option<Time>,
    pub(super) no_answer_pause: Option<Time>,
    pub(super) preferred_wait: Option<Time>,
    pub(super) sticky: Option<Time>,
    /// Fixed; where it varies, it is a matter of the contact.
    pub(super) wrap_up: Option<Time>,
    #[serde(default)]
    pub(super) tiers: Vec<Time>,
    /// After how long a wait members up to which penalty are asked.
    #[serde(default)]
    pub(super) penalties: Vec<(Time, u8)>,
    #[serde(default)]
    pub(super) rings: Vec<Ring>,
    pub(super) max_waiting: Option<usize>,
    pub(super) max_wait: Option<Time>,
    pub(super) max_expected_wait: Option<Time>,
    /// The queue to which those go who are not let in or not kept.
    pub(super) overflow: Option<Spanned<String>>,
    /// They go away (to a voicemail, say), and are counted as such.
    #[serde(default)]
    pub(super) elsewhere: bool,
    /// Nobody is let in or kept while no agent is signed on.
    #[serde(default)]
    pub(super) leave_empty: bool,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Ring {
    pub(super) after: Time,
    #[serde(default)]
    pub(super) drop: Vec<String>,
    #[serde(default)]
    pub(super) lower: u8,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Contact {
    pub(super) name: Spanned<String>,
    pub(super) queue: Spanned<String>,
    #[serde(default)]
    pub(super) channel: Kind,
    /// Steady: "4.2/min".
    pub(super) arrivals: Option<Text<Arrivals>>,
    /// Or how many in each interval, from the start on; then from the first one again.
    #[serde(default)]
    pub(super) expected: Vec<f64>,
    pub(super) interval: Option<Time>,
    #[serde(default)]
    pub(super) busyness: f64,
    pub(super) patience: Option<Text<Distribution>>,
    pub(super) service: Text<Distribution>,
    pub(super) wrap_up: Option<Text<Distribution>>,
    pub(super) threshold: Option<Time>,
    #[serde(default)]
    pub(super) priority: i16,
    /// Skills and their least levels.
    #[serde(default)]
    pub(super) needs: BTreeMap<String, u8>,
    pub(super) redial: Option<Redial>,
    pub(super) call_back: Option<CallBack>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Redial {
    pub(super) share: f64,
    pub(super) after: Text<Distribution>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBack {
    pub(super) after: Time,
    pub(super) share: f64,
    #[serde(default = "one")]
    pub(super) reached: f64,
    pub(super) ring: Text<Distribution>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Agents {
    pub(super) name: Spanned<String>,
    pub(super) count: u32,
    pub(super) queues: Vec<Spanned<Place>>,
    #[serde(default)]
    pub(super) skills: BTreeMap<String, u8>,
    /// Contacts at once by channel; one call unless something is said.
    #[serde(default)]
    pub(super) capacity: BTreeMap<Kind, u8>,
    /// Hours of the day; none: always.
    #[serde(default)]
    pub(super) shifts: Vec<Text<Shift>>,
    #[serde(default)]
    pub(super) breaks: Vec<Text<Shift>>,
    pub(super) answer: Option<Text<Distribution>>,
    #[serde(default)]
    pub(super) rejects: f64,
    #[serde(default)]
    pub(super) misses: f64,
    #[serde(default = "one")]
    pub(super) pace: f64,
}

/// A queue by name, or with the agents' place in it.
#[derive(Deserialize, Debug)]
#[serde(
    untagged,
    expecting = "expected the name of a queue, or { queue = \"name\", tier, penalty, position, weight, rank, delay }"
)]
pub(super) enum Place {
    Name(String),
    Full(Membership),
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    pub(super) queue: String,
    #[serde(default)]
    pub(super) tier: u8,
    #[serde(default)]
    pub(super) penalty: u8,
    #[serde(default)]
    pub(super) position: u16,
    #[serde(default = "weight")]
    pub(super) weight: u16,
    #[serde(default)]
    pub(super) rank: u8,
    pub(super) delay: Option<Time>,
}

const fn one() -> f64 {
    1.0
}

const fn weight() -> u16 {
    1
}
