//! The sounds that come with the program, and those of the user.

use std::path::Path;

use rtp_media::{Sound, WavError};

/// The longest music that is read: ten minutes of 16-bit sound.
const LONGEST: u64 = 10 * 60 * 8_000 * 2;

/// A sound and its name in the engine's library.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) sound: Sound,
}

/// An embedded sound that is not one.
#[derive(Debug, thiserror::Error)]
#[error("embedded sound {name}: {error}")]
pub(crate) struct BuiltInError {
    name: &'static str,
    #[source]
    error: WavError,
}

/// Every file of the project's prompts, by its path without the ending: `en/welcome`, `de/digits/7`, `music/default`.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/prompts.rs"));

/// Names that mean one of the files: the music that plays where no other is asked for, and English where no language is.
const ALIASES: [(&str, &str); 17] = [
    ("default", "music/default"),
    ("digits/0", "en/digits/0"),
    ("digits/1", "en/digits/1"),
    ("digits/2", "en/digits/2"),
    ("digits/3", "en/digits/3"),
    ("digits/4", "en/digits/4"),
    ("digits/5", "en/digits/5"),
    ("digits/6", "en/digits/6"),
    ("digits/7", "en/digits/7"),
    ("digits/8", "en/digits/8"),
    ("digits/9", "en/digits/9"),
    ("digits/star", "en/digits/star"),
    ("digits/hash", "en/digits/hash"),
    ("parked-at", "en/parked-at"),
    ("slot-taken", "en/slot-taken"),
    ("lot-full", "en/lot-full"),
    ("goodbye", "en/goodbye"),
];

/// Whether a sound of this name comes with the program.
pub(crate) fn is_built_in(name: &str) -> bool {
    built_in_file(name).is_some()
}

/// The file of a sound that comes with the program.
pub(crate) fn built_in_file(name: &str) -> Option<&'static [u8]> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let path = alias.map_or(name, |(_, path)| path);
    FILES.iter().find(|(known, _)| *known == path).map(|(_, file)| *file)
}

/// The sounds that come with the program, under all their names.
pub(crate) fn built_in() -> Result<Vec<Named>, BuiltInError> {
    let mut all = Vec::with_capacity(FILES.len() + ALIASES.len());
    for &(name, file) in FILES {
        let sound = Sound::from_wav(file).map_err(|error| BuiltInError { name, error })?;
        let aliases = ALIASES
            .iter()
            .filter(|(_, path)| *path == name)
            .map(|(alias, _)| *alias);
        all.extend(aliases.chain([name]).map(|name| Named {
            name: name.to_owned(),
            sound: sound.clone(),
        }));
    }
    Ok(all)
}

/// Reads a file of music; otherwise says what is wrong and what was expected.
pub(crate) fn read_music(name: &str, path: &Path) -> Result<Named, String> {
    let expected = "expected a WAV file, mono, 8000 Hz, 16-bit or G.711, of at most ten minutes";
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}; {expected}", path.display());
    let length = std::fs::metadata(path).map_err(|error| wrong(&error))?.len();
    if length > LONGEST {
        return Err(wrong(&"too long"));
    }
    let file = std::fs::read(path).map_err(|error| wrong(&error))?;
    let sound = Sound::from_wav(&file).map_err(|error| wrong(&error))?;
    if sound.samples().is_empty() {
        return Err(wrong(&"there is no sound in it"));
    }
    Ok(Named {
        name: name.to_owned(),
        sound,
    })
}

#[cfg(test)]
mod tests {
    use rtp_media::PromptItem;
    use rtp_media::say::{self, Language};

    #[test]
    fn every_embedded_sound_can_be_played() {
        for sound in super::built_in().unwrap() {
            assert!(
                sound.sound.samples().iter().any(|sample| sample.unsigned_abs() > 1000),
                "{} is silent",
                sound.name
            );
        }
    }

    #[test]
    fn every_name_is_built_in() {
        for language in Language::ALL {
            for name in say::names(language) {
                let PromptItem::Sound(name) = say::sound(language, name) else {
                    unreachable!()
                };
                assert!(super::is_built_in(&name), "{name}");
            }
        }
        assert!(super::ALIASES.iter().all(|(alias, _)| super::is_built_in(alias)));
        assert!(!super::is_built_in("fr/welcome"));
    }
}
