//! A picture of waits and contacts by interval.

use std::fmt::Write as _;

use sim::centre::{IntervalFigures, Report};

use crate::Study;
use crate::print::{LEVEL, clock};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
/// Top and height of the two panels.
const WAITS: (f64, f64) = (48.0, 260.0);
const COUNTS: (f64, f64) = (364.0, 130.0);

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#444}.t{font-size:15px;font-weight:600;fill:#222}.g{stroke:#e4e4e4}\
    .b{fill:#4c78a8;opacity:.2}.l{fill:none;stroke:#4c78a8;stroke-width:2}.o{fill:#b9c7d8}.a{fill:#e45756}.s{fill:none;stroke:#54a24b;stroke-width:2}";

/// Mean waits with their confidence intervals above, contacts and those who hung up below, and agents at work.
pub(crate) fn picture(report: &Report, study: &Study) -> String {
    let intervals = report.intervals();
    let wait = |interval: &IntervalFigures| interval.wait.map_or(0.0, |wait| wait.value);
    let half = |interval: &IntervalFigures| interval.wait.and_then(|wait| wait.half_width(LEVEL)).unwrap_or(0.0);
    let tallest = round_up(
        intervals
            .iter()
            .map(|interval| wait(interval) + half(interval))
            .fold(1.0, f64::max),
    );
    let most = round_up(intervals.iter().map(|interval| interval.offered).fold(1.0, f64::max));
    let staff = round_up(intervals.iter().map(|interval| interval.staff).fold(1.0, f64::max));
    let count = u32::try_from(intervals.len()).unwrap_or(u32::MAX).max(1);
    let step = (WIDTH - LEFT - RIGHT) / f64::from(count);
    let x = |at: u32| LEFT + step * (f64::from(at) + 0.5);
    let y = |panel: (f64, f64), value: f64, top: f64| panel.0 + panel.1 * (1.0 - (value / top).clamp(0.0, 1.0));

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 540\" role=\"img\" aria-label=\"Waits and contacts by interval\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    axis(&mut svg, WAITS, tallest, "Mean wait, seconds (band: 95 % confidence)");
    axis(&mut svg, COUNTS, most, "Contacts per interval (red: hung up)");
    let (mut upper, mut lower, mut line, mut agents) = (String::new(), Vec::new(), String::new(), String::new());
    for (at, interval) in (0..).zip(&intervals) {
        let (wait, half) = (wait(interval), half(interval));
        let _ = write!(upper, "{:.1},{:.1} ", x(at), y(WAITS, wait + half, tallest));
        lower.push(format!("{:.1},{:.1}", x(at), y(WAITS, wait - half, tallest)));
        let _ = write!(line, "{:.1},{:.1} ", x(at), y(WAITS, wait, tallest));
        let _ = write!(agents, "{:.1},{:.1} ", x(at), y(COUNTS, interval.staff, staff));
        for (class, value) in [("o", interval.offered), ("a", interval.abandoned)] {
            let top = y(COUNTS, value, most);
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                x(at) - step * 0.4,
                step * 0.8,
                COUNTS.0 + COUNTS.1 - top
            );
        }
        if at % (count / 12).max(1) == 0 {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                x(at),
                COUNTS.0 + COUNTS.1 + 18.0,
                clock(study.opens + interval.begin)
            );
        }
    }
    lower.reverse();
    let _ = writeln!(
        svg,
        "<polygon class=\"b\" points=\"{upper}{}\"/>\n<polyline class=\"l\" points=\"{line}\"/>",
        lower.join(" ")
    );
    let _ = writeln!(svg, "<polyline class=\"s\" points=\"{agents}\"/>");
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">green: agents at work, up to {staff:.0}</text>\n</svg>",
        WIDTH - RIGHT,
        COUNTS.0 - 10.0
    );
    svg
}

/// The title of a panel and four lines across it.
fn axis(svg: &mut String, (top, height): (f64, f64), most: f64, title: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"t\" x=\"{LEFT}\" y=\"{:.0}\">{title}</text>",
        top - 12.0
    );
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let y = top + height * (1.0 - share);
        let value = most * share;
        let digits = usize::from(most < 8.0);
        let _ = writeln!(
            svg,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value:.digits$}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0
        );
    }
}

/// The next of 1, 2, 4, 8 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 8.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn scales_end_at_round_numbers() {
        for (value, rounded) in [
            (1.0, 1.0),
            (1.1, 2.0),
            (5.0, 8.0),
            (9.0, 10.0),
            (37.0, 40.0),
            (0.3, 0.4),
        ] {
            assert!((round_up(value) - rounded).abs() < 1e-9, "{value}");
        }
    }
}
