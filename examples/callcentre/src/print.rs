//! Results as text.

use std::fmt::Write as _;
use std::time::Duration;

use sim::centre::{Estimate, Figures, Method, Report};

use crate::Study;
use crate::args::{Args, Formula};
use crate::log::Recorded;

/// Batches whose means go together more than this are too short.
const CORRELATED: f64 = 0.4;
/// More groups than this are shown as one.
const GROUPS: usize = 8;

/// The confidence of all intervals.
pub(crate) const LEVEL: f64 = 0.95;

pub(crate) fn text(report: &Report, study: &Study, args: &Args) -> String {
    let mut out = String::new();
    contacts(&mut out, report, study, args);
    agents(&mut out, report, study);
    intervals(&mut out, report, study, args);
    notes(&mut out, report, study, args);
    out
}

/// Text that goes into a string cannot fail.
macro_rules! line {
    ($out:expr, $($rest:tt)*) => {{ let _ = writeln!($out, $($rest)*); }};
}

fn contacts(out: &mut String, report: &Report, study: &Study, args: &Args) {
    let threshold = study
        .scenarios
        .first()
        .and_then(|scenario| scenario.types.first())
        .map_or(0.0, |of| of.threshold.as_secs_f64());
    line!(
        out,
        "{:<16} {:>9} {:>9} {:>9}  {:>15}  {:>15}  {:>15}  {:>15}  {:>6} {:>6} {:>6}",
        "contacts",
        "offered",
        "answered",
        "hung up",
        format!("SL {threshold:.0} s, %"),
        "ASA, s",
        "hung up, %",
        "had to wait, %",
        "p50, s",
        "p90",
        "p99"
    );
    if let Some(recorded) = &study.recorded {
        as_recorded(out, recorded, args);
    }
    let types = report.types();
    if types.len() > 1 {
        for (at, name) in types.iter().enumerate() {
            row(
                out,
                name,
                &report.figures(Some(at)),
                report.service_level(Some(at), args.service_level.into()),
            );
        }
    }
    let all = report.figures(None);
    row(
        out,
        if study.recorded.is_some() { "simulated" } else { "all" },
        &all,
        report.service_level(None, args.service_level.into()),
    );
    line!(out, "");
    line!(
        out,
        "waiting on average {}; mean wait of all {} s; handling {} s",
        estimate(all.waiting, 1.0, 3),
        estimate(all.wait, 1.0, 2),
        estimate(all.handling, 1.0, 1)
    );
    let t = all.totals;
    let others = [
        (t.refused, "turned away"),
        (t.overflowed, "sent elsewhere"),
        (t.dismissed, "not kept"),
        (t.not_reached, "called back and not reached"),
        (t.left, "never served"),
        (t.again, "had tried before"),
        (t.called_back, "chose to be called back"),
    ];
    let told: Vec<String> = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !told.is_empty() {
        line!(out, "of all: {}", told.join(", "));
    }
}

fn row(out: &mut String, name: &str, figures: &Figures, level: Option<Estimate>) {
    let t = figures.totals;
    let [p50, p90, _, p99] = figures.quantiles.map(|wait| wait.as_secs_f64());
    line!(
        out,
        "{:<16} {:>9} {:>9} {:>9}  {:>15}  {:>15}  {:>15}  {:>15}  {:>6.1} {:>6.1} {:>6.1}",
        cut(name),
        t.offered,
        t.answered,
        t.abandoned,
        estimate(level, 100.0, 2),
        estimate(figures.speed_of_answer, 1.0, 2),
        estimate(figures.abandonment, 100.0, 2),
        estimate(figures.delay, 100.0, 2),
        p50,
        p90,
        p99
    );
}

fn as_recorded(out: &mut String, recorded: &Recorded, args: &Args) {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let (offered, answered, early) = (count(recorded.offered), count(recorded.answered), count(recorded.early));
    let in_time = count(recorded.in_time);
    let level = match args.service_level {
        Formula::Offered => in_time / offered,
        Formula::Answered => in_time / answered,
        Formula::Patient => in_time / (offered - early),
        Formula::EarlyServed => (in_time + early) / offered,
    };
    line!(
        out,
        "{:<16} {:>9} {:>9} {:>9}  {:>15}  {:>15}  {:>15}",
        "as recorded",
        recorded.offered,
        recorded.answered,
        recorded.offered - recorded.answered,
        format!("{:.2}", 100.0 * level),
        format!("{:.2}", recorded.wait_answered / answered),
        format!("{:.2}", 100.0 * (1.0 - answered / offered))
    );
}

fn agents(out: &mut String, report: &Report, study: &Study) {
    line!(out, "");
    line!(out, "{:<16} {:>9}  {:>15}", "agents", "at work", "occupied, %");
    if let Some(recorded) = &study.recorded {
        line!(out, "{:<16} {:>9.2}  {:>15}", "as recorded", recorded.staff, "");
    }
    let groups = report.groups();
    if groups.len() > 1 && groups.len() <= GROUPS && !study.crowd {
        for (at, name) in groups.iter().enumerate() {
            line!(
                out,
                "{:<16} {:>9.2}  {:>15}",
                cut(name),
                report.staff(Some(at)),
                estimate(report.occupancy(Some(at)), 100.0, 2)
            );
        }
    }
    let all = if study.recorded.is_some() { "simulated" } else { "all" };
    line!(
        out,
        "{:<16} {:>9.2}  {:>15}",
        all,
        report.staff(None),
        estimate(report.occupancy(None), 100.0, 2)
    );
}

fn intervals(out: &mut String, report: &Report, study: &Study, args: &Args) {
    let intervals = report.intervals();
    if intervals.is_empty() || args.intervals.is_none() {
        return;
    }
    line!(out, "");
    line!(
        out,
        "{:<12} {:>9} {:>9} {:>9}  {:>15}  {:>15}  {:>8}  {:>15}",
        "interval",
        "offered",
        "answered",
        "hung up",
        "SL, %",
        "ASA, s",
        "agents",
        "occupied, %"
    );
    for interval in intervals {
        line!(
            out,
            "{:<12} {:>9.1} {:>9.1} {:>9.1}  {:>15}  {:>15}  {:>8.2}  {:>15}",
            clock(study.opens + interval.begin),
            interval.offered,
            interval.answered,
            interval.abandoned,
            estimate(interval.service_level, 100.0, 1),
            estimate(interval.speed_of_answer, 1.0, 1),
            interval.staff,
            estimate(interval.occupancy, 100.0, 1)
        );
    }
}

fn notes(out: &mut String, report: &Report, study: &Study, args: &Args) {
    line!(out, "");
    if let Some(recorded) = &study.recorded {
        line!(
            out,
            "replayed: {} of {} rows, {} day{}; {} hung up without having waited, {} ignored, {} bad",
            recorded.offered,
            recorded.rows,
            recorded.days.len(),
            if recorded.days.len() == 1 { "" } else { "s" },
            recorded.gone,
            recorded.ignored,
            recorded.bad
        );
    }
    match report.method() {
        Method::Batches(count) => {
            line!(
                out,
                "± 95 % confidence, from {count} batches of one run (batch means: nothing changes in its course, and one start is left out instead of many)"
            );
            if report
                .batch_correlation()
                .is_some_and(|correlation| correlation > CORRELATED)
            {
                line!(
                    out,
                    "  but one batch goes with the next: the run is too short for these intervals; ask for more with --for"
                );
            }
        }
        Method::Replications(count) if study.scenarios.len() > 1 => {
            line!(
                out,
                "± 95 % confidence, from {count} days: what to expect of days like these"
            );
        }
        Method::Replications(count) => line!(
            out,
            "± 95 % confidence, from {count} replications, each from the start with chance of its own"
        ),
        Method::None | _ => line!(
            out,
            "one run of what changes in its course: no confidence intervals; ask for them with --replications 20"
        ),
    }
    line!(out, "seed {}", args.seed);
}

/// A figure and half the width of its interval.
fn estimate(estimate: Option<Estimate>, scale: f64, digits: usize) -> String {
    let Some(estimate) = estimate else {
        return "–".to_owned();
    };
    let value = estimate.value * scale;
    match estimate.half_width(LEVEL) {
        Some(half) => format!("{value:.digits$} ± {:.digits$}", half * scale),
        None => format!("{value:.digits$}"),
    }
}

/// A name that fits.
fn cut(name: &str) -> String {
    if name.chars().count() <= 16 {
        name.to_owned()
    } else {
        name.chars().take(15).chain(['…']).collect()
    }
}

/// Days and the time of day.
pub(crate) fn clock(time: Duration) -> String {
    let (days, minutes) = (time.as_secs() / 86_400, time.as_secs() / 60 % 1440);
    let clock = format!("{:02}:{:02}", minutes / 60, minutes % 60);
    if days == 0 { clock } else { format!("{days}d {clock}") }
}
