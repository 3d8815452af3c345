//! The Strowger PBX server: `pbxd --help` tells what it can do.
//!
//! This file reads the command line; the parts are in their own modules.

mod clock;
mod config;
mod control;
mod datagrams;
mod demo;
mod hours;
mod journal;
mod ladder;
mod load;
mod mailbox;
mod media_io;
mod reload;
mod server;
mod sip_io;
mod sounds;
mod tcp;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use config::Settings;
use reload::{SetLevel, Source};
use server::Server;

/// A telephone switch for SIP phones: calls, transfers, parking.
///
/// Without options it starts with an embedded configuration: extensions 1001 to 1010 on this host, whose passwords are
/// made anew and printed, and the parking lot 700. SIGHUP has the file of --config read again: what differs takes effect
/// without touching calls. SIGUSR1 writes the board of queues and agents to the log. SIGINT and SIGTERM end it.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    /// Start with this configuration.
    #[arg(long, value_name = "FILE", group = "what")]
    config: Option<PathBuf>,
    /// Write a commented configuration to start from, with new passwords, and end.
    #[arg(long, group = "what")]
    print_config: bool,
    /// Tell whether this configuration is right, and if not, which line is wrong and why.
    #[arg(long, value_name = "FILE", group = "what")]
    check: Option<PathBuf>,
    /// Start a server on free ports and three phones, have them play a story of calls, hold, parking and recall, and tell
    /// it. Succeeds only if all of it happened.
    #[arg(long, group = "what")]
    demo: bool,
    /// What is logged, instead of what the configuration says: error, warn, info, debug, trace or off; by part:
    /// "info,sip=debug" shows every SIP message.
    #[arg(long, value_name = "LEVEL", value_parser = config::read_level)]
    log: Option<Targets>,
}

/// The exit code where nothing was started: the configuration is wrong, or this host cannot do what it says.
const NOT_STARTED: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let ended = if args.print_config {
        print_config()
    } else if let Some(file) = &args.check {
        check(file)
    } else if args.demo {
        demo(args.log)
    } else {
        serve(args)
    };
    ended.unwrap_or_else(|failure| {
        say(std::io::stderr(), &format!("pbxd: {}\n", failure.message));
        ExitCode::from(failure.code)
    })
}

/// Why the program ends with an error.
struct Failure {
    message: String,
    code: u8,
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            message: error.to_string(),
            code: 1,
        }
    }
}

fn not_started(error: impl std::error::Error) -> Failure {
    Failure {
        message: error.to_string(),
        code: NOT_STARTED,
    }
}

fn print_config() -> Result<ExitCode, Failure> {
    say(std::io::stdout(), &config::embedded_text()?);
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path) -> Result<ExitCode, Failure> {
    let settings = config::load(file).map_err(not_started)?;
    let switch = &settings.switch;
    let (extensions, lots) = (switch.extensions.len(), switch.lots.len());
    let (queues, agents) = (switch.queues.len(), switch.agents.len());
    let fine = format!(
        "{}: right (extensions: {extensions}, parking lots: {lots}, queues: {queues}, agents: {agents})\n",
        file.display()
    );
    say(std::io::stdout(), &fine);
    Ok(ExitCode::SUCCESS)
}

fn demo(level: Option<Targets>) -> Result<ExitCode, Failure> {
    let _set_level = log(level.unwrap_or_else(|| Targets::new().with_default(tracing::Level::ERROR)));
    demo::run()?;
    Ok(ExitCode::SUCCESS)
}

fn serve(args: Args) -> Result<ExitCode, Failure> {
    let (settings, embedded) = match &args.config {
        Some(file) => (config::load(file).map_err(not_started)?, false),
        None => (config::embedded()?, true),
    };
    let fixed = args.log.is_some();
    let set_level = log(args.log.unwrap_or_else(|| settings.level.clone()));
    let introduction = if embedded {
        introduction(&settings)
    } else {
        String::new()
    };
    let listen = settings.switch.listen.clone();
    let source = Source {
        file: args.config,
        set_level: (!fixed).then_some(set_level),
    };
    let server = Server::bind(settings, Some(source)).map_err(not_started)?;
    say(std::io::stdout(), &introduction);
    for (transport, address) in listen {
        tracing::info!(?transport, %address, "listening");
    }
    server.run()?;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// What somebody needs to know to register a phone at the embedded configuration.
fn introduction(settings: &Settings) -> String {
    let mut text = format!(
        "No --config was given: extensions with passwords made for this start (domain {}).\n",
        settings.switch.domain
    );
    for extension in &settings.switch.extensions {
        let line = format!("  {}  {}  {}\n", extension.number, extension.password, extension.name);
        text.push_str(&line);
    }
    text
}

/// Logs go to standard error, so that what the program was asked for can be told from them. Gives what changes the level.
fn log(level: Targets) -> SetLevel {
    let (level, handle) = tracing_subscriber::reload::Layer::new(level);
    let colours = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(level).init();
    Box::new(move |level| {
        // It fails only where there is no log any more.
        let _ = handle.reload(level);
    })
}

/// Writes to somebody who may have stopped reading, which is no reason to fail.
pub(crate) fn say(mut to: impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
