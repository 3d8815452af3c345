//! What is said to callers and agents.

use core::time::Duration;

use acd::OverflowCause;
use rtp_media::PromptItem;
use rtp_media::say::{self, Language, Phrase};

/// Something that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prompt {
    SignedOn,
    SignedOff,
    Paused,
    Ready,
    NotSignedOn,
    NotAllowed,
    Wrong,
    AgentNumber,
    Pin,
    Position(u32),
    Wait(Duration),
    CallBackNoted,
    Refused(OverflowCause),
    NobodyAvailable,
}

/// The names of the sounds that a switch plays by itself, beside [`DEFAULT_MUSIC`](crate::DEFAULT_MUSIC) and what its configuration
/// names. Where the engine has no sound of a name, nothing is heard and everything goes on.
#[must_use]
pub fn sounds() -> Vec<String> {
    let digits = "0123456789".chars().map(|digit| format!("digits/{digit}"));
    let others = [
        "digits/star",
        "digits/hash",
        "parked-at",
        "slot-taken",
        "lot-full",
        "goodbye",
    ];
    let spoken = Language::ALL.into_iter().flat_map(|language| {
        let names = say::names(language).into_iter();
        names.map(move |name| format!("{}/{name}", language.code()))
    });
    digits.chain(others.map(str::to_owned)).chain(spoken).collect()
}

impl Prompt {
    /// Its sounds, by their names in the engine's library.
    pub(crate) fn items(&self, language: Language) -> Vec<PromptItem> {
        let phrases = |phrases: &[Phrase]| phrases.iter().map(|phrase| say::phrase(language, *phrase)).collect();
        match self {
            Self::SignedOn => phrases(&[Phrase::SignedOn]),
            Self::SignedOff => phrases(&[Phrase::SignedOff]),
            Self::Paused => phrases(&[Phrase::Paused]),
            Self::Ready => phrases(&[Phrase::Resumed]),
            Self::NotSignedOn => phrases(&[Phrase::NotSignedOn]),
            Self::NotAllowed => phrases(&[Phrase::NotAllowed]),
            Self::Wrong => phrases(&[Phrase::WrongCode]),
            Self::AgentNumber => phrases(&[Phrase::EnterYourNumber]),
            Self::Pin => phrases(&[Phrase::EnterYourPin]),
            Self::Position(position) => say::position(language, *position),
            Self::Wait(wait) => say::expected_wait(language, *wait),
            Self::CallBackNoted => phrases(&[Phrase::CallBackConfirmed, Phrase::Goodbye]),
            Self::Refused(cause) => match cause {
                OverflowCause::Closed | OverflowCause::Removed => {
                    phrases(&[Phrase::QueueClosed, Phrase::TryAgainLater, Phrase::Goodbye])
                }
                OverflowCause::Full | OverflowCause::ExpectedWait => {
                    phrases(&[Phrase::QueueFull, Phrase::TryAgainLater, Phrase::Goodbye])
                }
                OverflowCause::NobodyThere | OverflowCause::MaxWait | _ => {
                    phrases(&[Phrase::NobodyAvailable, Phrase::TryAgainLater, Phrase::Goodbye])
                }
            },
            Self::NobodyAvailable => phrases(&[Phrase::NobodyAvailable, Phrase::Goodbye]),
        }
    }
}
