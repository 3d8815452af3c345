//! `callcentre`: what a staff, a strategy or a rule does to waits, in virtual time; see `--help`.
#![expect(clippy::print_stderr, reason = "a program for the command line")]

mod args;
mod chart;
mod file;
mod json;
mod log;
mod print;
mod simple;
mod wishes;
mod workers;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser as _;
use sim::centre::{Report, Scenario};

use args::{Args, Fault};

/// What is to be run, and what there is to compare it with.
pub(crate) struct Study {
    /// Each is run as often as is asked for: one scenario, or one for each day of a log.
    pub(crate) scenarios: Vec<Scenario>,
    /// The time of day at which they begin.
    pub(crate) opens: std::time::Duration,
    /// What was recorded, where a log is replayed.
    pub(crate) recorded: Option<log::Recorded>,
    /// Whether agents are too many to be shown one by one.
    pub(crate) crowd: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads us has read enough.
        Err(Fault::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("callcentre: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Fault> {
    args.check()?;
    let mut study = match (&args.from, &args.scenario) {
        (Some(path), _) => log::study(path, args)?,
        (None, Some(path)) => file::study(path)?,
        (None, None) => simple::study(args)?,
    };
    wishes::apply(&mut study, args)?;
    for scenario in &study.scenarios {
        scenario.check()?;
    }
    let begun = Instant::now();
    let report = match &args.trace {
        Some(path) => {
            let file = File::create(path).map_err(|error| Fault::file(path, error))?;
            let mut out = BufWriter::new(file);
            let report = workers::traced(&study, args, &mut out)?;
            out.flush().map_err(|error| Fault::file(path, error))?;
            report
        }
        None => workers::run(&study, args)?,
    };
    tell(args, &study, &report)?;
    let events = report.events() as f64 / 1e6;
    if args.speed {
        let (passed, busy) = (begun.elapsed().as_secs_f64(), busy());
        eprintln!(
            "{events:.2} million events in {passed:.2} s, {busy:.2} s of processor time: {:.2} million a second and core",
            events / busy
        );
    }
    Ok(())
}

fn tell(args: &Args, study: &Study, report: &Report) -> Result<(), Fault> {
    if let Some(path) = &args.svg {
        let picture = chart::picture(report, study);
        std::fs::write(path, picture).map_err(|error| Fault::file(path, error))?;
    }
    let text = if args.json {
        json::text(report, args)
    } else {
        print::text(report, study, args)
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Fault::Output)
}

/// Seconds of processor time that this program has used: how fast it simulates does not depend on what else runs.
fn busy() -> f64 {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike as _;
    let used = getrusage(UsageWho::RUSAGE_SELF).map(|usage| usage.user_time() + usage.system_time());
    used.map_or(f64::NAN, |used| used.num_microseconds() as f64 / 1e6)
}
