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

macro_rules! built_in {
    ($($name:literal = $file:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../prompts/", $file)) as &[u8])),*]
    };
}

/// By its name, which the switch and the engine know it by.
const BUILT_IN: &[(&str, &[u8])] = built_in![
    "digits/0" = "en/digits/0.wav",
    "digits/1" = "en/digits/1.wav",
    "digits/2" = "en/digits/2.wav",
    "digits/3" = "en/digits/3.wav",
    "digits/4" = "en/digits/4.wav",
    "digits/5" = "en/digits/5.wav",
    "digits/6" = "en/digits/6.wav",
    "digits/7" = "en/digits/7.wav",
    "digits/8" = "en/digits/8.wav",
    "digits/9" = "en/digits/9.wav",
    "digits/star" = "en/digits/star.wav",
    "digits/hash" = "en/digits/hash.wav",
    "parked-at" = "en/parked-at.wav",
    "slot-taken" = "en/slot-taken.wav",
    "lot-full" = "en/lot-full.wav",
    "goodbye" = "en/goodbye.wav",
    "default" = "music/default.wav",
];

/// Whether a sound of this name comes with the program.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == name)
}

/// The file of a sound that comes with the program.
#[cfg(test)]
pub(crate) fn built_in_file(name: &str) -> Option<&'static [u8]> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}

/// The sounds that come with the program.
pub(crate) fn built_in() -> Result<Vec<Named>, BuiltInError> {
    BUILT_IN
        .iter()
        .map(|&(name, file)| {
            let sound = Sound::from_wav(file).map_err(|error| BuiltInError { name, error })?;
            Ok(Named {
                name: name.to_owned(),
                sound,
            })
        })
        .collect()
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
}
