//! What the columns of a log mean.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::read::LogError;
use crate::args::Fault;

/// The columns of a log, by the names in its header line.
///
/// ```toml
/// delimiter = "\t"
/// arrival = ["date", "vru_exit"]         # joined by a space
/// arrival_format = "%y%m%d %H:%M:%S"
/// wait = "q_time"                        # seconds, or H:MM:SS
/// service = "ser_time"
/// outcome = "outcome"
/// answered = ["AGENT"]
/// abandoned = ["HANG"]
/// ignored = ["PHANTOM"]
/// agent = "server"
/// nobody = ["NO_SERVER"]
/// ```
#[derive(Deserialize, Debug, Clone)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Columns {
    pub(crate) delimiter: char,
    /// When the caller began to wait: one column, or several.
    pub(crate) arrival: Names,
    /// As of `strftime`.
    pub(crate) arrival_format: String,
    pub(crate) wait: String,
    pub(crate) service: String,
    pub(crate) outcome: String,
    pub(crate) answered: Vec<String>,
    pub(crate) abandoned: Vec<String>,
    pub(crate) ignored: Vec<String>,
    /// Who served; may be missing.
    pub(crate) agent: Option<String>,
    /// What stands there where nobody did.
    pub(crate) nobody: Vec<String>,
    /// The type of contact; may be missing.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// May be missing.
    pub(crate) priority: Option<String>,
    /// Longer waits and talks are not believed.
    #[serde(deserialize_with = "time")]
    pub(crate) longest: Duration,
    /// An agent without a call for so long was not at work.
    #[serde(deserialize_with = "time")]
    pub(crate) idle: Duration,
    #[serde(skip)]
    pub(crate) given: bool,
}

#[derive(Deserialize, Debug, Clone)]
#[serde(untagged)]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(name) => core::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    sim::centre::parse_duration(&String::deserialize(from)?).map_err(serde::de::Error::custom)
}

impl Default for Columns {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            delimiter: ',',
            arrival: Names::One(text("arrival")),
            arrival_format: text("%Y-%m-%d %H:%M:%S"),
            wait: text("wait"),
            service: text("service"),
            outcome: text("outcome"),
            answered: vec![text("answered")],
            abandoned: vec![text("abandoned")],
            ignored: Vec::new(),
            agent: Some(text("agent")),
            nobody: Vec::new(),
            kind: Some(text("type")),
            priority: Some(text("priority")),
            longest: Duration::from_secs(2 * 3600),
            idle: Duration::from_secs(20 * 60),
            given: false,
        }
    }
}

pub(crate) fn load(path: Option<&Path>) -> Result<Columns, Fault> {
    let Some(path) = path else {
        return Ok(Columns::default());
    };
    let text = std::fs::read_to_string(path).map_err(|error| Fault::file(path, error))?;
    let mut columns: Columns = toml::from_str(&text).map_err(|error| LogError::Columns {
        file: path.display().to_string(),
        error: error.to_string().trim_end().to_owned(),
    })?;
    // What a mapping does not name is not there.
    let named: toml::Table = toml::from_str(&text).unwrap_or_default();
    for (name, column) in [
        ("agent", &mut columns.agent),
        ("type", &mut columns.kind),
        ("priority", &mut columns.priority),
    ] {
        if !named.contains_key(name) {
            *column = None;
        }
    }
    columns.given = true;
    Ok(columns)
}
