//! Groups, and extensions that are to be found elsewhere: checked, and as the switch wants them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use switch::{MAX_CHASE, MAX_MEMBERS};
use toml::Spanned;

use super::error::Mistake;
use super::file::{self, Chase, File};
use super::values::{Interval, Otherwise};
use crate::sounds;

/// The most groups in one file.
const MAX_GROUPS: usize = 1_000;

/// Everything wrong with the groups of a file, but for numbers that are given twice and groups within each other.
pub(super) fn check(file: &File) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let somebody = somebody(file);
    if let Some(last) = file.group.last().filter(|_| file.group.len() > MAX_GROUPS) {
        let message = format!("there are {}; expected at most {MAX_GROUPS}", file.group.len());
        mistakes.push(Mistake::new("group", last.number.span(), message));
    }
    for (index, group) in file.group.iter().enumerate() {
        check_chase(
            file,
            &somebody,
            &group.chase(),
            &format!("group[{index}]"),
            group.number.span(),
            &mut mistakes,
        );
    }
    for (index, extension) in file.extension.iter().enumerate() {
        if let Some(found) = &extension.find_me {
            let key = format!("extension[{index}].find_me");
            check_chase(
                file,
                &somebody,
                &found.get_ref().chase(),
                &key,
                found.span(),
                &mut mistakes,
            );
        }
    }
    mistakes
}

/// The numbers of all extensions and groups.
pub(super) fn somebody(file: &File) -> BTreeSet<&str> {
    let extensions = file.extension.iter().map(|extension| &extension.number);
    let groups = file.group.iter().map(|group| &group.number);
    extensions
        .chain(groups)
        .map(|number| number.get_ref().0.as_str())
        .collect()
}

/// Whether a call that nobody answered can go on to this number: an extension's, a group's or a queue's.
pub(super) fn takes_calls(file: &File, number: &str) -> bool {
    let queues = file.queue.iter().map(|queue| queue.number.get_ref().0.as_str());
    somebody(file).contains(number) || queues.into_iter().any(|queue| queue == number)
}

/// What of the file is wrong where the switch objects to a group: a rule that needs all of them together.
pub(super) fn place(file: &File, error: &switch::ConfigError) -> Option<(String, Range<usize>)> {
    use switch::ConfigError as E;
    let (E::GroupLoop(number) | E::TooDeep(number) | E::TooManyRung(number)) = error else {
        return None;
    };
    let named = |found: &Spanned<super::values::Number>| found.get_ref().0 == *number;
    let group = file.group.iter().position(|group| named(&group.number));
    let extension = || file.extension.iter().position(|extension| named(&extension.number));
    match group {
        Some(index) => Some((format!("group[{index}]"), file.group.get(index)?.number.span())),
        None => {
            let index = extension()?;
            Some((
                format!("extension[{index}].find_me"),
                file.extension.get(index)?.number.span(),
            ))
        }
    }
}

fn check_chase(
    file: &File,
    somebody: &BTreeSet<&str>,
    chase: &Chase<'_>,
    key: &str,
    span: Range<usize>,
    mistakes: &mut Vec<Mistake>,
) {
    let mut wrong =
        |name: &str, span, message: String| mistakes.push(Mistake::new(format!("{key}.{name}"), span, message));
    let count = chase.members.len() + chase.member.len();
    if !(1..=MAX_MEMBERS).contains(&count) {
        wrong(
            "members",
            span,
            format!("there are {count}; expected 1 to {MAX_MEMBERS}"),
        );
    }
    let numbers = chase
        .members
        .iter()
        .chain(chase.member.iter().map(|member| &member.number));
    for number in numbers.filter(|number| !somebody.contains(number.get_ref().0.as_str())) {
        let message = format!(
            "nobody has the number {}; expected that of an extension or a group",
            number.get_ref().0
        );
        wrong("members", number.span(), message);
    }
    let mut interval = |name: &str, value: Option<&Spanned<Interval>>, least: Duration| {
        if let Some(value) = value.filter(|value| !(least..=MAX_CHASE).contains(&value.get_ref().0)) {
            wrong(
                name,
                value.span(),
                format!("expected a time from {least:?} to {MAX_CHASE:?}"),
            );
        }
    };
    interval("timeout", chase.timeout, Duration::from_secs(1));
    for member in chase.member {
        interval("member.delay", member.delay.as_ref(), Duration::ZERO);
        interval("member.ring", member.ring.as_ref(), Duration::from_secs(1));
    }
    if let Some(otherwise) = chase.otherwise {
        match otherwise.get_ref() {
            Otherwise::Number(number) if !takes_calls(file, &number.0) => {
                let message = format!(
                    "nobody has the number {}; expected {}",
                    number.0,
                    <Otherwise as super::Text>::EXPECTED
                );
                wrong("otherwise", otherwise.span(), message);
            }
            Otherwise::Play(name)
                if !sounds::is_built_in(&name.0) && !file.music.iter().any(|known| known.name.get_ref() == name) =>
            {
                let message = format!(
                    "there is no sound {:?}; expected the name of a [[music]] in this file",
                    name.0
                );
                wrong("otherwise", otherwise.span(), message);
            }
            Otherwise::Number(_) | Otherwise::Status(_) | Otherwise::Play(_) => {}
        }
    }
}

pub(super) fn group(group: &file::Group) -> switch::Group {
    let mut config = switch::Group::new(&group.number.get_ref().0, []);
    config.name = group.name.as_ref().map(|name| name.0.clone()).unwrap_or_default();
    config.chase = self::chase(&group.chase());
    config
}

pub(super) fn chase(chase: &Chase<'_>) -> switch::Chase {
    let plain = chase
        .members
        .iter()
        .map(|number| switch::Member::new(&number.get_ref().0));
    let detailed = chase.member.iter().map(|member| {
        let mut config = switch::Member::new(&member.number.get_ref().0);
        config.delay = member.delay.as_ref().map_or(Duration::ZERO, |delay| delay.get_ref().0);
        config.ring = member.ring.as_ref().map(|ring| ring.get_ref().0);
        config
    });
    let mut config = switch::Chase::new(plain.chain(detailed));
    config.mode = chase.mode.map_or(config.mode, |mode| mode.0);
    config.skip_busy = chase.skip_busy.unwrap_or(config.skip_busy);
    config.timeout = chase.timeout.map_or(config.timeout, |timeout| timeout.get_ref().0);
    config.otherwise = match chase.otherwise.map(Spanned::get_ref) {
        None => switch::Otherwise::Refuse,
        Some(Otherwise::Number(number)) => switch::Otherwise::Number(number.0.clone()),
        Some(Otherwise::Status(status)) => switch::Otherwise::Status(*status),
        Some(Otherwise::Play(name)) => switch::Otherwise::Message(name.0.clone()),
    };
    config.prefix = chase.prefix.map(|prefix| prefix.0.clone());
    config.alert = chase.alert.map(|alert| alert.0.clone());
    config
}
