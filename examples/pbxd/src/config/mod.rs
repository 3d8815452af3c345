//! The configuration: read, checked as a whole, and turned into what the switch wants to know.
//!
//! A file that has any mistake is refused with every mistake found, each with its line and column, its key and
//! what was expected there. Nothing is opened before the whole file is right.

mod check;
mod check_queue;
mod embedded;
mod error;
mod file;
mod groups;
mod queue;
mod read;
mod supervision;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sip_core::Transport;
use sip_core::guard::{GuardConfig, Rate};
use tracing_subscriber::filter::Targets;

pub(crate) use embedded::{embedded, password, text as embedded_text};
pub(crate) use error::ConfigError;
use error::Mistake;
use file::File;
use values::{Choice, Interval, Level, RecallTo, Text};

use crate::clock::Clock;
use crate::hours::Hours;
use crate::sounds::{self, Named};

/// All that a server is started with.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the switch is told.
    pub(crate) switch: switch::Config,
    /// What is logged, unless the command line says otherwise.
    pub(crate) level: Targets,
    /// When the queues that have hours are open.
    pub(crate) hours: Vec<(String, Hours)>,
    /// The music of the file, beside the embedded one.
    pub(crate) music: Vec<Named>,
}

/// Reads and checks a file. Names of further files in it are relative to its own folder.
pub(crate) fn load(path: &Path) -> Result<Settings, ConfigError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        file: file.clone(),
        error,
    })?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    parse(&file, text, &folder)
}

/// Checks a text. `file` is its name in messages, `folder` what names of further files are relative to.
pub(crate) fn parse(file: &str, text: String, folder: &Path) -> Result<Settings, ConfigError> {
    let wrong = |mistakes| ConfigError::Wrong {
        file: file.to_owned(),
        text: text.clone(),
        mistakes,
    };
    let parsed = read::read(&text).map_err(|mistake| wrong(vec![mistake]))?;
    let mut mistakes = check::check(&parsed);
    let music = music(&parsed, folder, &mut mistakes);
    mistakes.sort_by_key(|mistake| mistake.span.start);
    if !mistakes.is_empty() {
        return Err(wrong(mistakes));
    }
    let switch = switch_config(&parsed);
    // What the switch itself objects to would be a rule that is missing above; it is refused all the same.
    switch.check().map_err(|error| {
        let (key, span) = groups::place(&parsed, &error).unwrap_or_default();
        wrong(vec![Mistake::new(key, span, error.to_string())])
    })?;
    Ok(Settings {
        switch,
        hours: hours(&parsed).collect(),
        level: parsed.log.level.map_or_else(default_level, |level| level.0),
        music,
    })
}

/// What is logged where nobody said anything.
pub(crate) fn default_level() -> Targets {
    Targets::new().with_default(tracing::Level::INFO)
}

/// Reads what the command line says is to be logged.
pub(crate) fn read_level(text: &str) -> Result<Targets, String> {
    Level::read(text)
        .map(|level| level.0)
        .ok_or_else(|| format!("expected {}", Level::EXPECTED))
}

/// The queues that have hours, with them.
fn hours(file: &File) -> impl Iterator<Item = (String, Hours)> {
    let queues = file.queue.iter();
    queues.filter_map(|queue| Some((queue.number.get_ref().0.clone(), queue.hours()?)))
}

fn music(file: &File, folder: &Path, mistakes: &mut Vec<Mistake>) -> Vec<Named> {
    let mut all = Vec::new();
    for (index, music) in file.music.iter().enumerate() {
        let path: PathBuf = folder.join(music.file.get_ref());
        match sounds::read_music(&music.name.get_ref().0, &path) {
            Ok(music) => all.push(music),
            Err(message) => mistakes.push(Mistake::new(format!("music[{index}].file"), music.file.span(), message)),
        }
    }
    all
}

fn switch_config(file: &File) -> switch::Config {
    let sip = file.sip.get_ref();
    let mut config = switch::Config::new(&file.domain.0);
    let udp = sip.udp.iter().map(|address| (Transport::Udp, address.get_ref().0));
    let tcp = sip.tcp.iter().map(|address| (Transport::Tcp, address.get_ref().0));
    config.listen = udp.chain(tcp).collect();
    if let Some(digest) = &sip.digest {
        config.digest = digest.get_ref().iter().map(|digest| digest.0).collect();
    }
    if let Some(t1) = &sip.t1 {
        config.t1 = t1.get_ref().0;
    }
    if let Some(ring) = &sip.ring_timeout {
        config.ring_timeout = ring.get_ref().0;
    }
    config.session_expires = sip.session_expires.as_ref().map(|time| time.get_ref().0);
    config.guard = guard_config(&sip.guard);
    config.media_address = file.media.address.get_ref().0;
    config.media_ports = file.media.ports.get_ref().0.clone();
    if let Some(timeout) = &file.media.rtp_timeout {
        config.rtp_timeout = Some(timeout.get_ref().0);
    }
    if let Some(code) = &file.park_code {
        config.park_code = Some(code.get_ref().0.clone());
    }
    config.extensions = file.extension.iter().map(extension).collect();
    config.lots = file.lot.iter().map(lot).collect();
    config.groups = file.group.iter().map(groups::group).collect();
    if let Some(language) = file.language {
        config.language = language.0;
    }
    supervision::configure(file, &mut config);
    let skills = queue::SkillBook::of(&file.queue, &file.agent);
    config.queues = file.queue.iter().map(|queue| skills.queue(queue)).collect();
    let now = Clock::new().now();
    for (queue, hours) in hours(file) {
        if let Some(queue) = config.queues.iter_mut().find(|known| known.number == queue) {
            queue.open = hours.is_open(now);
        }
    }
    config.agents = file.agent.iter().map(|agent| skills.agent(agent)).collect();
    config.agent_codes = queue::codes(&file.agent_codes);
    config
}

fn guard_config(guard: &file::Guard) -> Option<GuardConfig> {
    if guard.enabled == Some(false) {
        return None;
    }
    let mut config = GuardConfig::default();
    // At once, as many as in four seconds: phones come in crowds.
    let rate = |per_second: u32| Rate::new(per_second, per_second.saturating_mul(4));
    if let Some(requests) = &guard.requests {
        config.requests = rate(*requests.get_ref());
        config.registers.per_second = config.registers.per_second.min(config.requests.per_second);
        config.registers.burst = config.registers.burst.min(config.requests.burst);
        // Nor is there less room for other packets than for these.
        config.packets.per_second = config.packets.per_second.max(config.requests.per_second);
        config.packets.burst = config.packets.burst.max(config.requests.burst);
    }
    if let Some(requests) = &guard.all_requests {
        config.all_requests = rate(*requests.get_ref());
    }
    let time = |value: &Option<toml::Spanned<Interval>>, default: Duration| {
        value.as_ref().map_or(default, |value| value.get_ref().0)
    };
    config.failures = guard.failures.unwrap_or(config.failures);
    config.failure_window = time(&guard.window, config.failure_window);
    config.ban = time(&guard.ban, config.ban);
    config.max_ban = time(&guard.max_ban, config.max_ban).max(config.ban);
    if let Some(trusted) = &guard.trusted {
        config.trusted = trusted.iter().map(|source| source.0).collect();
    }
    Some(config)
}

fn extension(extension: &file::Extension) -> switch::Extension {
    let number = &extension.number.get_ref().0;
    let name = extension.name.as_ref().map_or(number, |name| &name.0);
    let mut config = switch::Extension::new(number, name, &extension.password.get_ref().0);
    config.supervises = extension
        .supervises
        .iter()
        .map(|number| number.get_ref().0.clone())
        .collect();
    config.find_me = extension
        .find_me
        .as_ref()
        .map(|found| groups::chase(&found.get_ref().chase()));
    config
}

fn lot(lot: &file::Lot) -> switch::Lot {
    let mut config = switch::Lot::new(&lot.number.get_ref().0, lot.slots.get_ref().0.clone());
    let time = |value: &Option<toml::Spanned<Interval>>, default: Duration| {
        value.as_ref().map_or(default, |value| value.get_ref().0)
    };
    config.choice = lot.choice.unwrap_or(Choice(park::Choice::First)).0;
    config.recall_after = time(&lot.recall_after, config.recall_after);
    config.recall_ring = time(&lot.recall_ring, config.recall_ring);
    let target = |target: &toml::Spanned<RecallTo>| match target.get_ref() {
        RecallTo::Parker => switch::RecallTarget::Parker,
        RecallTo::Number(number) => switch::RecallTarget::Number(number.0.clone()),
    };
    if let Some(first) = &lot.recall_to {
        config.recall_to = vec![target(first)];
    }
    config.recall_to.extend(lot.recall_then.as_ref().map(target));
    config.retrieve = lot.retrieve.as_ref().map(|number| number.get_ref().0.clone());
    if let Some(music) = &lot.music {
        config.music.clone_from(&music.get_ref().0);
    }
    config.queue = lot.queue.as_ref().map(|number| number.get_ref().0.clone());
    config
}

#[cfg(test)]
mod tests;
