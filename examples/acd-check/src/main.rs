//! `acd-check --seeds N`: random stories of callers and agents, each checked after every step.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]

use std::process::ExitCode;

use acd_check::{Report, Story};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

/// Random stories of callers and agents, with the distribution of calls checked after every step.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How many stories.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first story's seed; a story that failed is told again by its seed.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Steps in a story.
    #[arg(long, default_value_t = 1_000)]
    steps: u64,
    /// Prints what is done and said.
    #[arg(long)]
    tell: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} stories, {eta} left");
    let bar = ProgressBar::new(args.seeds).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut total = Report::default();
    for seed in args.first..args.first.saturating_add(args.seeds) {
        let mut story = Story::new(seed);
        if args.tell {
            story = story.told_by(|line| println!("{line}"));
        }
        match story.run(args.steps) {
            Ok(report) => {
                total.steps += report.steps;
                total.offered += report.offered;
                total.connected += report.connected;
                total.ended += report.ended;
            }
            Err(violation) => {
                bar.abandon();
                eprintln!(
                    "acd-check: --first {seed} --seeds 1 --steps {}: {violation}",
                    args.steps
                );
                return ExitCode::FAILURE;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    println!(
        "{} stories, {} steps, {} offers, {} talks, {} contacts ended: all rules held",
        args.seeds, total.steps, total.offered, total.connected, total.ended
    );
    ExitCode::SUCCESS
}
