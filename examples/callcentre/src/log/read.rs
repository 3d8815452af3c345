//! Rows become calls; those that make no sense are told.

use std::fmt;
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
    NoColumn { file: String, name: String, known: Vec<String> },
    #[error("the delimiter of columns has to be one ASCII character")]
    Delimiter,
    #[error("{0}")]
    Row(Bad),
    #[error("{file}: none of {rows} rows can be replayed ({bad} are bad, {ignored} are to be ignored){first}")]
    Nothing { file: String, rows: usize, bad: usize, ignored: usize, first: String },
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
        write!(f, "{}:{}: column {} ({}): {}", self.file, self.line, self.column, self.name, self.what)
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
pub(crate) struct Log {
    pub(crate) calls: Vec<Call>,
    pub(crate) days: Vec<String>,
    rows: usize,
    ignored: usize,
    bad: usize,
    gone: usize,
}

pub(crate) fn read(path: &Path, columns: &Columns, args: &Args) -> Result<Log, Fault> {
    let file = path.display().to_string();
    let delimiter = u8::try_from(columns.delimiter).ok().filter(u8::is_ascii).ok_or(LogError::Delimiter)?;
    let unreadable = |error| LogError::Csv { file: file.clone(), error };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_path(path).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => Fault::file(path, error),
        _ => Fault::Missing("a log"),
    })?;
    let header = reader.headers().map_err(unreadable)?.clone();
    let places = Places::find(&file, columns, &header)?;
    let mut log = Log { calls: Vec::new(), days: Vec::new(), rows: 0, ignored: 0, bad: 0, gone: 0 };
    let mut first = None;
    let mut row = StringRecord::new();
    loop {
        let line = reader.position().line();
        let bad = match reader.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {
                log.rows += 1;
                let line = row.position().map_or(line, csv::Position::line);
                match call(&row, &places, columns, header.len()) {
                    Ok(None) => {
                        log.ignored += 1;
                        continue;
                    }
                    Ok(Some(call)) if !call.answered && call.wait.is_zero() => {
                        log.gone += 1;
                        continue;
                    }
                    Ok(Some(call)) => {
                        log.calls.push(call);
                        continue;
                    }
                    Err((column, what)) => Bad { file: file.clone(), line, column: column + 1, name: header.get(column).unwrap_or("?").to_owned(), what },
                }
            }
            Err(error) if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) => {
                log.rows += 1;
                Bad { file: file.clone(), line, column: 1, name: "row".to_owned(), what: "not UTF-8".to_owned() }
            }
            Err(error) => return Err(unreadable(error).into()),
        };
        if args.strict {
            return Err(LogError::Row(bad).into());
        }
        log.bad += 1;
        if log.bad <= SHOWN {
            warn(&bad.to_string());
        }
        first.get_or_insert(bad);
    }
    if log.bad > 0 {
        warn(&format!("{file}: {} of {} rows are bad and left out{}", log.bad, log.rows, if log.bad > SHOWN { ", the first of them above" } else { "" }));
    }
    if log.calls.is_empty() {
        let first = first.map(|bad| format!("; the first: {bad}")).unwrap_or_default();
        return Err(LogError::Nothing { file, rows: log.rows, bad: log.bad, ignored: log.ignored, first }.into());
    }
    log.calls.sort_by(|one, other| (&one.day, one.at).cmp(&(&other.day, other.at)));
    log.days = log.calls.chunk_by(|one, next| one.day == next.day).filter_map(|day| day.first()).map(|call| call.day.clone()).collect();
    log.choose(&args.day)?;
    Ok(log)
}

#[expect(clippy::print_stderr, reason = "what is left out of a log is told, and the result follows")]
fn warn(text: &str) {
    let mark = if std::io::stderr().is_terminal() { "\u{1b}[33mwarning\u{1b}[0m" } else { "warning" };
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
            arrival: columns.arrival.all().iter().map(|name| needed(name)).collect::<Result<_, _>>()?,
            wait: needed(&columns.wait)?,
            service: needed(&columns.service)?,
            outcome: needed(&columns.outcome)?,
            agent: wanted(&columns.agent)?,
            kind: wanted(&columns.kind)?,
            priority: wanted(&columns.priority)?,
        })
    }
}

/// A row as a call; `None` if it is to be ignored. An error is the number of the column, from 0, and what is wrong with it.
fn call(row: &StringRecord, places: &Places, columns: &Columns, fields: usize) -> Result<Option<Call>, (usize, String)> {
    if row.len() != fields {
        return Err((row.len().min(fields).saturating_sub(1), format!("the row has {} fields, the header {fields}", row.len())));
    }
    let field = |at: usize| row.get(at).unwrap_or_default().trim();
    let outcome = field(places.outcome);
    let is = |names: &[String]| names.iter().any(|name| name == outcome);
    if is(&columns.ignored) {
        return Ok(None);
    }
    let answered = is(&columns.answered);
    if !answered && !is(&columns.abandoned) {
        let known = [&columns.answered, &columns.abandoned, &columns.ignored].into_iter().flatten();
        let known: Vec<&str> = known.map(String::as_str).collect();
        return Err((places.outcome, format!("\"{outcome}\" is none of {}", known.join(", "))));
    }
    let arrival: Vec<&str> = places.arrival.iter().map(|at| field(*at)).collect();
    let arrival = arrival.join(" ");
    let first = places.arrival.first().copied().unwrap_or(0);
    let time = DateTime::strptime(&columns.arrival_format, &arrival);
    let time = time.map_err(|error| (first, format!("\"{arrival}\" is no time of the form \"{}\": {error}", columns.arrival_format)))?;
    let seconds = |at: usize| length(field(at)).ok_or_else(|| (at, format!("\"{}\" is neither a number of seconds nor H:MM:SS", field(at))));
    let (wait, service) = (seconds(places.wait)?, seconds(places.service)?);
    if wait > columns.longest {
        return Err((places.wait, format!("a wait of {} s is longer than the {} s that are believed", wait.as_secs(), columns.longest.as_secs())));
    }
    let priority = places.priority.map(|at| field(at).parse().map_err(|_| (at, format!("\"{}\" is no priority", field(at)))));
    let believed = |service: &Duration| !service.is_zero() && *service <= columns.longest;
    let midnight = time.time().duration_since(jiff::civil::Time::midnight());
    Ok(Some(Call {
        day: time.date().to_string(),
        at: midnight.unsigned_abs(),
        wait,
        answered,
        service: Some(service).filter(|service| answered && believed(service)),
        agent: places.agent.map(|at| field(at).to_owned()).filter(|agent| answered && !agent.is_empty() && !columns.nobody.contains(agent)),
        kind: places.kind.map(field).filter(|kind| !kind.is_empty()).unwrap_or("call").to_owned(),
        priority: priority.transpose()?,
    }))
}

/// Seconds, or H:MM:SS.
fn length(text: &str) -> Option<Duration> {
    if text.contains(':') {
        return text.split(':').try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?)).map(Duration::from_secs);
    }
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

impl Log {
    /// Keeps the days that are asked for, or all.
    fn choose(&mut self, wanted: &[String]) -> Result<(), LogError> {
        for day in wanted {
            if !self.days.contains(day) {
                let edge = |day: Option<&String>| day.cloned().unwrap_or_default();
                return Err(LogError::NoDay { day: day.clone(), first: edge(self.days.first()), last: edge(self.days.last()) });
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
        let mut sum = Recorded { days: self.days.clone(), rows: self.rows, ignored: self.ignored, bad: self.bad, gone: self.gone, ..Recorded::default() };
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
