//! Recorded sound: WAV files, the library of sounds, and prompts made of them.

mod library;
mod wav;

pub(crate) use library::{Library, SoundIndex};
pub use library::{Sound, SoundError};
pub use wav::WavError;
