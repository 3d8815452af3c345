//! Rows become calls; those that make no sense are told.

use std::fmt;
use std::fs::File;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use csv::StringRecord;
use jiff::civil::DateTime;

use super::Recorded;
use super::columns::Columns;
use crate::args::{Args, Fault};

/// A call of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) day: String,
    /// Since midnight.
    pub(crate) at: Duration,
    pub(crate) wait: Duration,
    pub(crate) answered: bool,
    /// How long it talked, if that can be believed.
    pub(crate) service: Option<Duration>,
    pub(crate) agent: Option<String>,
    pub(crate) kind: String,
    pub(crate) priority: Option<i16>,
}

impl Call {
    pub(crate) fn replay(&self) -> sim::centre::Recorded {
        sim::centre::Recorded {
            at: self.at,
            patience: (!self.answered).then_some(self.wait),
            outlasts: self.answered.then_some(self.wait),
            service: self.service,
            priority: self.priority,
            customer: None,
        }
    }
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("{file}: {error}")]
    Columns { file: String, error: String },
    #[error("{file}: {error}")]
    Csv { file: String, error: csv::Error },
    #[error("{file}:1: no column \"{name}\"; there are {}. Say with --columns FILE what they mean", known.join(", "))]
    NoColumn {
        file: String,
        name: String,
        known: Vec<String>,
    },
    #[error("the delimiter of columns has to be one ASCII character")]
    Delimiter,
    #[error("{0}")]
    Row(Bad),
    #[error("{file}: none of {rows} rows can be replayed ({bad} are bad, {ignored} are to be ignored){first}")]
    Nothing {
        file: String,
        rows: usize,
        bad: usize,
        ignored: usize,
        first: String,
    },
    #[error("there is no call of {day} in the log; its days are {first} to {last}")]
    NoDay { day: String, first: String, last: String },
}

/// A row that makes no sense.
#[derive(Debug)]
pub(crate) struct Bad {
    file: String,
    line: u64,
    column: usize,
    name: String,
    what: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: column {} ({}): {}",
            self.file, self.line, self.column, self.name, self.what
        )
    }
}

/// So many bad rows are shown; then they are only counted.
const SHOWN: usize = 5;

/// Where each column is.
struct Places {
    arrival: Vec<usize>,
    wait: usize,
    service: usize,
    outcome: usize,
    agent: Option<usize>,
    kind: Option<usize>,
    priority: Option<usize>,
}

/// A log.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) calls: Vec<Call>,
    pub(crate) days: Vec<String>,
    rows: usize,
    ignored: usize,
    bad: usize,
    gone: usize,
}

pub(crate) fn read(path: &Path, columns: &Columns, args: &Args) -> Result<Log, Fault> {
    let name = path.display().to_string();
    let delimiter = u8::try_from(columns.delimiter)
        .ok()
        .filter(u8::is_ascii)
        .ok_or(LogError::Delimiter)?;
    let file = File::open(path).map_err(|error| Fault::file(path, error))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(file);
    let unreadable = |error| LogError::Csv {
        file: name.clone(),
        error,
    };
    let header = reader.headers().map_err(unreadable)?.clone();
    let places = Places::find(&name, columns, &header)?;
    let mut log = Log::default();
    let (mut first, mut row) = (None, StringRecord::new());
    loop {
        let line = reader.position().line();
        let wrong = match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) => log.take(call(&row, &places, columns, header.len())),
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                log.take(Err((0, "the row is not UTF-8".to_owned())))
            }
            Err(error) => return Err(unreadable(error).into()),
        };
        let Err((column, what)) = wrong else { continue };
        let line = row.position().map_or(line, csv::Position::line);
        let of = header.get(column).unwrap_or("?").to_owned();
        let bad = Bad {
            file: name.clone(),
            line,
            column: column + 1,
            name: of,
            what,
        };
        if args.strict {
            return Err(LogError::Row(bad).into());
        }
        if log.bad <= SHOWN {
            warn(&bad.to_string());
        }
        first.get_or_insert(bad);
    }
    log.finish(name, first.as_ref(), args)
}

#[expect(
    clippy::print_stderr,
    reason = "what is left out of a log is told, and the result follows"
)]
fn warn(text: &str) {
    let mark = if std::io::stderr().is_terminal() {
        "\u{1b}[33mwarning\u{1b}[0m"
    } else {
        "warning"
    };
    eprintln!("{mark}: {text}");
}

impl Places {
    fn find(file: &str, columns: &Columns, header: &StringRecord) -> Result<Self, LogError> {
        let place = |name: &str| header.iter().position(|column| column.trim() == name);
        let needed = |name: &str| {
            place(name).ok_or_else(|| LogError::NoColumn {
                file: file.to_owned(),
                name: name.to_owned(),
                known: header.iter().map(str::to_owned).collect(),
            })
        };
        // Those of the default mapping may be missing, those that somebody named may not.
        let wanted = |name: &Option<String>| match name {
            Some(name) if columns.given => needed(name).map(Some),
            Some(name) => Ok(place(name)),
            None => Ok(None),
        };
        Ok(Self {
            arrival: columns
                .arrival
                .all()
                .iter()
                .map(|name| needed(name))
                .collect::<Result<_, _>>()?,
            wait: needed(&columns.wait)?,
            service: needed(&columns.service)?,
            outcome: needed(&columns.outcome)?,
            agent: wanted(&columns.agent)?,
            kind: wanted(&columns.kind)?,
            priority: wanted(&columns.priority)?,
        })
    }
}

/// The number of a column, from 0, and what is wrong with it.
type Wrong = (usize, String);

/// A row as a call; `None` if it is to be ignored.
fn call(row: &StringRecord, places: &Places, columns: &Columns, fields: usize) -> Result<Option<Call>, Wrong> {
    if row.len() != fields {
        let last = row.len().min(fields).saturating_sub(1);
        return Err((last, format!("the row has {} fields, the header {fields}", row.len())));
    }
    let field = |at: usize| row.get(at).unwrap_or_default().trim();
    let Some(answered) = outcome(field(places.outcome), columns).map_err(|what| (places.outcome, what))? else {
        return Ok(None);
    };
    let arrival: Vec<&str> = places.arrival.iter().map(|at| field(*at)).collect();
    let time = moment(&arrival.join(" "), &columns.arrival_format)
        .map_err(|what| (places.arrival.first().copied().unwrap_or(0), what))?;
    let seconds = |at: usize| {
        let read = length(field(at));
        read.ok_or_else(|| {
            (
                at,
                format!("\"{}\" is neither a number of seconds nor H:MM:SS", field(at)),
            )
        })
    };
    let (wait, service) = (seconds(places.wait)?, seconds(places.service)?);
    if wait > columns.longest {
        let (wait, longest) = (wait.as_secs(), columns.longest.as_secs());
        return Err((
            places.wait,
            format!("a wait of {wait} s is longer than the {longest} s that are believed"),
        ));
    }
    let priority = |at: usize| {
        field(at)
            .parse()
            .map_err(|_| (at, format!("\"{}\" is no priority", field(at))))
    };
    let believed = |service: &Duration| answered && !service.is_zero() && *service <= columns.longest;
    let somebody = |agent: &String| answered && !agent.is_empty() && !columns.nobody.contains(agent);
    let kind = places.kind.map(field).filter(|kind| !kind.is_empty());
    Ok(Some(Call {
        day: time.date().to_string(),
        at: time.time().duration_since(jiff::civil::Time::midnight()).unsigned_abs(),
        wait,
        answered,
        service: Some(service).filter(believed),
        agent: places.agent.map(|at| field(at).to_owned()).filter(somebody),
        kind: kind.unwrap_or("call").to_owned(),
        priority: places.priority.map(priority).transpose()?,
    }))
}

/// Whether a call was answered; `None` if it is to be ignored.
fn outcome(text: &str, columns: &Columns) -> Result<Option<bool>, String> {
    let is = |names: &[String]| names.iter().any(|name| name == text);
    if is(&columns.ignored) {
        return Ok(None);
    }
    if is(&columns.answered) || is(&columns.abandoned) {
        return Ok(Some(is(&columns.answered)));
    }
    let known = [&columns.answered, &columns.abandoned, &columns.ignored]
        .into_iter()
        .flatten();
    let known: Vec<&str> = known.map(String::as_str).collect();
    Err(format!("\"{text}\" is none of {}", known.join(", ")))
}

fn moment(text: &str, format: &str) -> Result<DateTime, String> {
    DateTime::strptime(format, text).map_err(|error| format!("\"{text}\" is no time of the form \"{format}\": {error}"))
}

/// Seconds, or H:MM:SS.
fn length(text: &str) -> Option<Duration> {
    if text.contains(':') {
        return text
            .split(':')
            .try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))
            .map(Duration::from_secs);
    }
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

impl Log {
    /// Counts a row, and keeps its call.
    fn take(&mut self, row: Result<Option<Call>, Wrong>) -> Result<(), Wrong> {
        self.rows += 1;
        match row {
            Ok(None) => self.ignored += 1,
            Ok(Some(call)) if !call.answered && call.wait.is_zero() => self.gone += 1,
            Ok(Some(call)) => self.calls.push(call),
            Err(wrong) => {
                self.bad += 1;
                return Err(wrong);
            }
        }
        Ok(())
    }

    /// All rows are read.
    fn finish(mut self, file: String, first: Option<&Bad>, args: &Args) -> Result<Self, Fault> {
        let (rows, bad, ignored) = (self.rows, self.bad, self.ignored);
        if bad > 0 {
            let more = if bad > SHOWN { "; the first of them above" } else { "" };
            warn(&format!("{file}: {bad} of {rows} rows are bad and left out{more}"));
        }
        if self.calls.is_empty() {
            let first = first.map(|bad| format!("; the first: {bad}")).unwrap_or_default();
            return Err(LogError::Nothing {
                file,
                rows,
                bad,
                ignored,
                first,
            }
            .into());
        }
        self.calls
            .sort_by(|one, other| (&one.day, one.at).cmp(&(&other.day, other.at)));
        let days = self.calls.chunk_by(|one, next| one.day == next.day);
        self.days = days
            .filter_map(|day| day.first())
            .map(|call| call.day.clone())
            .collect();
        self.choose(&args.day)?;
        Ok(self)
    }

    /// Keeps the days that are asked for, or all.
    fn choose(&mut self, wanted: &[String]) -> Result<(), LogError> {
        for day in wanted {
            if !self.days.contains(day) {
                let edge = |day: Option<&String>| day.cloned().unwrap_or_default();
                return Err(LogError::NoDay {
                    day: day.clone(),
                    first: edge(self.days.first()),
                    last: edge(self.days.last()),
                });
            }
        }
        self.days.retain(|day| wanted.is_empty() || wanted.contains(day));
        Ok(())
    }

    /// The calls of each day that is replayed.
    pub(crate) fn by_day(&self) -> Vec<Vec<Call>> {
        let of = |day: &String| self.calls.iter().filter(|call| call.day == *day).cloned().collect();
        self.days.iter().map(of).collect()
    }

    /// All types, the most frequent first.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut counts = std::collections::BTreeMap::new();
        for call in &self.calls {
            *counts.entry(call.kind.clone()).or_insert(0_usize) += 1;
        }
        let mut types: Vec<(usize, String)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
        types.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(&other.1)));
        types.into_iter().map(|(_, name)| name).collect()
    }

    pub(crate) fn recorded(&self, threshold: Duration) -> Recorded {
        let mut sum = Recorded {
            days: self.days.clone(),
            rows: self.rows,
            ignored: self.ignored,
            bad: self.bad,
            gone: self.gone,
            ..Recorded::default()
        };
        for call in self.calls.iter().filter(|call| self.days.contains(&call.day)) {
            let (wait, in_time) = (call.wait.as_secs_f64(), call.wait <= threshold);
            sum.offered += 1;
            sum.wait += wait;
            sum.talk += call.service.map_or(0.0, |service| service.as_secs_f64());
            if call.answered {
                sum.answered += 1;
                sum.wait_answered += wait;
            }
            sum.in_time += usize::from(call.answered && in_time);
            sum.early += usize::from(!call.answered && in_time);
        }
        sum
    }
}
