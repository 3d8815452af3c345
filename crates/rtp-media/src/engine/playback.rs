//! What is being played, and how far.

use core::time::Duration;

use machine::Time;

use super::command::{CommandError, PlayId, PromptItem, Source};
use crate::player::{Library, SoundIndex};
use crate::tone::{Country, Tone};

/// The longest pause of a prompt.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A play-out on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Playing {
    pub(super) play: PlayId,
    pub(super) playback: Playback,
    /// When the next packet is due.
    pub(super) next: Time,
    /// Whether the last packet sent was of this play-out, so that the next one follows it without a gap.
    pub(super) joined: bool,
}

/// Samples to come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Playback {
    material: Material,
    repeat: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Material {
    Tone {
        tone: Tone,
        position: u64,
    },
    Pieces {
        pieces: Vec<Piece>,
        at: usize,
        offset: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Piece {
    Sound(SoundIndex),
    Silence(usize),
}

impl Playback {
    /// Finds the sounds of a source.
    pub(super) fn new(source: &Source, repeat: bool, library: &Library, limit: usize) -> Result<Self, CommandError> {
        match source {
            Source::Tone(tone) => Ok(Self {
                material: Material::Tone {
                    tone: *tone,
                    position: 0,
                },
                repeat,
            }),
            Source::Music(name) => {
                let sound = library.find(name).ok_or(CommandError::UnknownSound)?;
                Ok(Self::of(vec![Piece::Sound(sound)], true))
            }
            Source::Prompt(items) => {
                let mut pieces = Vec::new();
                for item in items {
                    resolve(item, library, limit, &mut pieces)?;
                }
                if pieces.is_empty() {
                    return Err(CommandError::EmptyPrompt);
                }
                Ok(Self::of(pieces, repeat))
            }
        }
    }

    fn of(pieces: Vec<Piece>, repeat: bool) -> Self {
        Self {
            material: Material::Pieces {
                pieces,
                at: 0,
                offset: 0,
            },
            repeat,
        }
    }

    /// Writes the next samples and returns how many there were; less than asked for only at the end.
    pub(super) fn fill(&mut self, library: &Library, country: Country, out: &mut [i16]) -> usize {
        match &mut self.material {
            Material::Tone { tone, position } => {
                let wanted = u64::try_from(out.len()).unwrap_or(u64::MAX);
                let left = if self.repeat {
                    u64::MAX
                } else {
                    tone.cycle(country).saturating_sub(*position)
                };
                let count = usize::try_from(left.min(wanted)).unwrap_or(0);
                if let Some(out) = out.get_mut(..count) {
                    tone.fill(country, *position, out);
                }
                *position = position.saturating_add(left.min(wanted));
                count
            }
            Material::Pieces { pieces, at, offset } => fill_pieces(pieces, at, offset, self.repeat, library, out),
        }
    }
}

fn fill_pieces(
    pieces: &[Piece],
    at: &mut usize,
    offset: &mut usize,
    repeat: bool,
    library: &Library,
    out: &mut [i16],
) -> usize {
    let mut filled = 0;
    // Pieces passed without a sample; a whole round of them is the end, however often it is to be repeated.
    let mut barren = 0;
    while let Some(rest) = out.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let Some(piece) = pieces.get(*at) else {
            if !repeat || barren > pieces.len() {
                break;
            }
            *at = 0;
            continue;
        };
        let count = match piece {
            Piece::Sound(index) => {
                let samples = library
                    .get(*index)
                    .and_then(|samples| samples.get(*offset..))
                    .unwrap_or(&[]);
                let count = samples.len().min(rest.len());
                for (out, sample) in rest.iter_mut().zip(samples) {
                    *out = *sample;
                }
                count
            }
            Piece::Silence(length) => {
                let count = length.saturating_sub(*offset).min(rest.len());
                rest.iter_mut().take(count).for_each(|sample| *sample = 0);
                count
            }
        };
        if count == 0 {
            (*at, *offset) = (*at + 1, 0);
            barren += 1;
        } else {
            *offset += count;
            filled += count;
            barren = 0;
        }
    }
    filled
}

fn resolve(item: &PromptItem, library: &Library, limit: usize, pieces: &mut Vec<Piece>) -> Result<(), CommandError> {
    let mut add = |piece| {
        if pieces.len() >= limit {
            return Err(CommandError::PromptTooLong);
        }
        pieces.push(piece);
        Ok(())
    };
    let find = |name: &str| library.find(name).map(Piece::Sound).ok_or(CommandError::UnknownSound);
    match item {
        PromptItem::Sound(name) => add(find(name)?),
        PromptItem::Silence(pause) => {
            if *pause > LONGEST_PAUSE {
                return Err(CommandError::PauseTooLong);
            }
            add(Piece::Silence(usize::try_from(pause.as_micros() / 125).unwrap_or(0)))
        }
        PromptItem::Digits(digits) => {
            for digit in digits.chars() {
                add(find(spoken(digit).ok_or(CommandError::InvalidDigit)?)?)?;
            }
            Ok(())
        }
    }
}

const fn spoken(digit: char) -> Option<&'static str> {
    Some(match digit {
        '0' => "digits/0",
        '1' => "digits/1",
        '2' => "digits/2",
        '3' => "digits/3",
        '4' => "digits/4",
        '5' => "digits/5",
        '6' => "digits/6",
        '7' => "digits/7",
        '8' => "digits/8",
        '9' => "digits/9",
        '*' => "digits/star",
        '#' => "digits/hash",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::player::Sound;

    fn library() -> Library {
        let mut library = Library::default();
        for (name, value, length) in [("a", 1, 5), ("b", 2, 3), ("digits/7", 7, 2), ("digits/star", 9, 1)] {
            library
                .add(name, Sound::from_samples(&vec![value; length]), 9, 100)
                .unwrap();
        }
        library
    }

    fn all(source: &Source, repeat: bool, step: usize, limit: usize) -> Vec<i16> {
        let library = library();
        let mut playback = Playback::new(source, repeat, &library, 8).unwrap();
        let (mut out, mut frame) = (Vec::new(), vec![-1; step]);
        loop {
            let filled = playback.fill(&library, Country::Us, &mut frame);
            out.extend_from_slice(&frame[..filled]);
            if filled < step || out.len() > limit {
                return out;
            }
        }
    }

    #[test]
    fn pieces_follow_each_other_whatever_the_frame() {
        let source = Source::Prompt(vec![
            PromptItem::Sound("a".into()),
            PromptItem::Silence(Duration::from_micros(250)),
            PromptItem::Silence(Duration::ZERO),
            PromptItem::Digits("7*".into()),
            PromptItem::Sound("b".into()),
        ]);
        for step in 1..20 {
            assert_eq!(all(&source, false, step, 100), [1, 1, 1, 1, 1, 0, 0, 7, 7, 9, 2, 2, 2]);
        }
    }

    #[test]
    fn music_goes_round() {
        for step in 1..20 {
            let music = all(&Source::Music("b".into()), false, step, 100);
            assert!(
                music.len() > 100 && music.iter().all(|sample| *sample == 2),
                "frames of {step}"
            );
        }
        assert!(all(&Source::Tone(Tone::Busy), true, 4_000, 100_000).len() > 100_000);
        assert_eq!(all(&Source::Tone(Tone::Busy), false, 160, 100_000).len(), 8_000);
    }

    #[test]
    fn what_has_no_samples_ends_though_repeated() {
        let nothing = Source::Prompt(vec![PromptItem::Silence(Duration::ZERO); 3]);
        assert_eq!(all(&nothing, true, 160, 100), [0i16; 0]);
    }

    #[test]
    fn bad_prompts_are_refused() {
        let refused = |items: Vec<PromptItem>| Playback::new(&Source::Prompt(items), false, &library(), 8).err();
        assert_eq!(refused(vec![]), Some(CommandError::EmptyPrompt));
        assert_eq!(
            refused(vec![PromptItem::Digits(String::new())]),
            Some(CommandError::EmptyPrompt)
        );
        assert_eq!(
            refused(vec![PromptItem::Sound("c".into())]),
            Some(CommandError::UnknownSound)
        );
        assert_eq!(
            refused(vec![PromptItem::Digits("8".into())]),
            Some(CommandError::UnknownSound)
        );
        assert_eq!(
            refused(vec![PromptItem::Digits("x".into())]),
            Some(CommandError::InvalidDigit)
        );
        assert_eq!(refused(vec![PromptItem::Digits("7".repeat(8))]), None);
        assert_eq!(
            refused(vec![PromptItem::Digits("7".repeat(9))]),
            Some(CommandError::PromptTooLong)
        );
        assert_eq!(refused(vec![PromptItem::Silence(LONGEST_PAUSE)]), None);
        let longer = LONGEST_PAUSE + Duration::from_nanos(1);
        assert_eq!(
            refused(vec![PromptItem::Silence(longer)]),
            Some(CommandError::PauseTooLong)
        );
    }
}
