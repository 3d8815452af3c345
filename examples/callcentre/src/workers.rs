//! Replications, on one thread or several. What comes of them does not depend on how many.

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use machine::Time;
use sim::centre::{Centre, Observer, Report, Run, Traced};

use crate::Study;
use crate::args::{Args, Fault};

/// The bar moves so often in a run.
const STEPS: u32 = 200;

pub(crate) fn run(study: &Study, args: &Args) -> Result<Report, Fault> {
    let jobs = jobs(study, args);
    let bar = bar(jobs.len());
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Mutex<Vec<Option<Result<Run, Fault>>>> = Mutex::new((0..jobs.len()).map(|_| None).collect());
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((scenario, replication)) = jobs.get(at).copied() else {
                return;
            };
            let result = one(study, scenario, args.seed, replication, &mut (), &bar);
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            // Whoever panicked with the lock in his hand has ended the program.
            if let Some(place) = done.lock().unwrap_or_else(|broken| broken.into_inner()).get_mut(at) {
                *place = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..args.threads.min(jobs.len()) {
            scope.spawn(work);
        }
        work();
    });
    bar.finish_and_clear();
    let mut report = Report::default();
    for result in done
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner())
        .into_iter()
        .flatten()
    {
        report.add(result?);
    }
    Ok(report)
}

/// The same, one after the other, with a trace.
pub(crate) fn traced(study: &Study, args: &Args, out: &mut impl Write) -> Result<Report, Fault> {
    let mut report = Report::default();
    let bar = bar(jobs(study, args).len());
    for (number, (scenario, replication)) in (1..).zip(jobs(study, args)) {
        let mut lines = Lines {
            run: number,
            out: &mut *out,
            failed: None,
        };
        report.add(one(study, scenario, args.seed, replication, &mut lines, &bar)?);
        lines.failed.map_or(Ok(()), |error| Err(Fault::Output(error)))?;
    }
    bar.finish_and_clear();
    Ok(report)
}

/// The number of a scenario and a replication, for each run.
fn jobs(study: &Study, args: &Args) -> Vec<(usize, u64)> {
    let scenarios = 0..study.scenarios.len();
    let each = |scenario| (0..u64::from(args.replications)).map(move |replication| (scenario, replication));
    scenarios.flat_map(each).collect()
}

fn one(
    study: &Study,
    at: usize,
    seed: u64,
    replication: u64,
    observer: &mut impl Observer,
    bar: &ProgressBar,
) -> Result<Run, Fault> {
    let Some(scenario) = study.scenarios.get(at) else {
        return Err(Fault::Missing("a scenario"));
    };
    // Days of a log are not to have the same chance.
    let stream = replication + (u64::try_from(at).unwrap_or(0) << 32);
    let wrong = |broken| Fault::Broken {
        seed,
        replication: stream,
        broken,
    };
    let mut centre = Centre::new(scenario, seed, stream)?;
    for step in 1..=STEPS {
        let until = Time::ZERO + scenario.length.mul_f64(f64::from(step) / f64::from(STEPS));
        centre.run_until(until, observer).map_err(wrong)?;
        bar.inc(1);
    }
    centre.run(observer).map_err(wrong)
}

fn bar(runs: usize) -> ProgressBar {
    let length = u64::try_from(runs).unwrap_or(u64::MAX).saturating_mul(u64::from(STEPS));
    let style = ProgressStyle::with_template("{bar:40} {percent} %, {eta} left");
    let bar = ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Writes a trace.
struct Lines<'a, W> {
    run: usize,
    out: &'a mut W,
    failed: Option<std::io::Error>,
}

impl<W: Write> Observer for Lines<'_, W> {
    fn observe(&mut self, now: Time, traced: &Traced<'_>) {
        if self.failed.is_none() {
            self.failed = writeln!(self.out, "{} {now:?} {traced}", self.run).err();
        }
    }
}
