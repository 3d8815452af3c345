//! Results as JSON, for other programs. Shares from 0 to 1, times in seconds.

use serde_json::{Value, json};
use sim::centre::{Estimate, Method, Report};

use crate::args::Args;
use crate::print::LEVEL;

pub(crate) fn text(report: &Report, args: &Args) -> String {
    let types: Vec<Value> = report
        .types()
        .iter()
        .enumerate()
        .map(|(at, name)| contacts(report, args, Some(at), name))
        .collect();
    let groups: Vec<Value> = report
        .groups()
        .iter()
        .enumerate()
        .map(|(at, name)| agents(report, Some(at), name))
        .collect();
    let intervals: Vec<Value> = report
        .intervals()
        .iter()
        .map(|interval| {
            json!({
                "begin": interval.begin.as_secs_f64(),
                "offered": interval.offered,
                "answered": interval.answered,
                "abandoned": interval.abandoned,
                "service_level": estimate(interval.service_level),
                "speed_of_answer": estimate(interval.speed_of_answer),
                "wait": estimate(interval.wait),
                "staff": interval.staff,
                "occupancy": estimate(interval.occupancy),
            })
        })
        .collect();
    let (method, observations) = match report.method() {
        Method::Batches(count) => ("batches", count),
        Method::Replications(count) => ("replications", count),
        Method::None | _ => ("none", report.runs()),
    };
    let all = json!({
        "seed": args.seed,
        "confidence": LEVEL,
        "method": method,
        "observations": observations,
        "events": report.events(),
        "contacts": contacts(report, args, None, "all"),
        "types": types,
        "agents": agents(report, None, "all"),
        "groups": groups,
        "intervals": intervals,
    });
    format!("{all:#}\n")
}

fn contacts(report: &Report, args: &Args, of: Option<usize>, name: &str) -> Value {
    let figures = report.figures(of);
    let t = figures.totals;
    let [p50, p90, p95, p99] = figures.quantiles.map(|wait| wait.as_secs_f64());
    json!({
        "name": name,
        "offered": t.offered,
        "answered": t.answered,
        "abandoned": t.abandoned,
        "refused": t.refused,
        "overflowed": t.overflowed,
        "dismissed": t.dismissed,
        "not_reached": t.not_reached,
        "left": t.left,
        "again": t.again,
        "called_back": t.called_back,
        "service_level": estimate(report.service_level(of, args.service_level.into())),
        "speed_of_answer": estimate(figures.speed_of_answer),
        "abandonment": estimate(figures.abandonment),
        "delay": estimate(figures.delay),
        "wait": estimate(figures.wait),
        "waiting": estimate(figures.waiting),
        "handling": estimate(figures.handling),
        "wait_quantiles": { "p50": p50, "p90": p90, "p95": p95, "p99": p99 },
    })
}

fn agents(report: &Report, of: Option<usize>, name: &str) -> Value {
    json!({ "name": name, "staff": report.staff(of), "occupancy": estimate(report.occupancy(of)) })
}

fn estimate(estimate: Option<Estimate>) -> Value {
    estimate.map_or(
        Value::Null,
        |estimate| json!({ "value": estimate.value, "half_width": estimate.half_width(LEVEL) }),
    )
}
