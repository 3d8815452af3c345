//! Supervisors: checked, and as the switch wants them.

use std::collections::BTreeSet;

use switch::EVERYBODY;

use super::error::Mistake;
use super::file::File;
use crate::sounds;

/// Everything wrong with what supervisors dial and may, but for codes that something else has, too.
pub(super) fn check(file: &File) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut somebody: BTreeSet<&str> = super::groups::somebody(file);
    somebody.extend(file.queue.iter().map(|queue| queue.number.get_ref().0.as_str()));
    somebody.extend(file.agent.iter().map(|agent| agent.number.get_ref().0.as_str()));
    somebody.insert(EVERYBODY);
    for (index, extension) in file.extension.iter().enumerate() {
        for (place, number) in extension.supervises.iter().enumerate() {
            if !somebody.contains(number.get_ref().0.as_str()) {
                let message = format!(
                    "nobody has the number {}; expected that of an extension, group, queue or agent, or \"{EVERYBODY}\"",
                    number.get_ref().0
                );
                mistakes.push(Mistake::new(
                    format!("extension[{index}].supervises[{place}]"),
                    number.span(),
                    message,
                ));
            }
        }
    }
    if let Some(sound) = &file.supervision.sound {
        let name = sound.get_ref();
        if !sounds::is_built_in(&name.0) && !file.music.iter().any(|known| known.name.get_ref() == name) {
            let message = format!(
                "there is no sound {:?}; expected the name of a [[music]] in this file",
                name.0
            );
            mistakes.push(Mistake::new("supervision.sound", sound.span(), message));
        }
    }
    mistakes
}

/// The codes that are given, and the keys that give them.
pub(super) fn codes(file: &File) -> impl Iterator<Item = (&'static str, &toml::Spanned<super::values::Number>)> {
    let codes = &file.supervision;
    let all = [
        ("supervision.listen", &codes.listen),
        ("supervision.whisper", &codes.whisper),
        ("supervision.barge", &codes.barge),
        ("supervision.take_over", &codes.take_over),
    ];
    all.into_iter().filter_map(|(key, code)| Some((key, code.as_ref()?)))
}

pub(super) fn configure(file: &File, config: &mut switch::Config) {
    let (given, codes) = (&file.supervision, &mut config.supervisor_codes);
    let all = [
        (&given.listen, &mut codes.listen),
        (&given.whisper, &mut codes.whisper),
        (&given.barge, &mut codes.barge),
        (&given.take_over, &mut codes.take_over),
    ];
    for (given, code) in all {
        if let Some(given) = given {
            *code = Some(given.get_ref().0.clone());
        }
    }
    config.supervision_sound = given.sound.as_ref().map(|sound| sound.get_ref().0.clone());
}
