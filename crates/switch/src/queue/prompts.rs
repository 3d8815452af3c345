//! What is said to callers and agents.

use core::time::Duration;

use rtp_media::PromptItem;

/// Something that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prompt {
    SignedOn,
    SignedOff,
    Paused,
    Ready,
    NotPossible,
    AgentNumber,
    Pin,
    Position(u32),
    Wait(Duration),
    CallBackNoted,
    Goodbye,
}

/// The names of the sounds that a switch plays by itself, beside [`DEFAULT_MUSIC`](crate::DEFAULT_MUSIC) and what its
/// configuration names. Where the engine has no sound of a name, nothing is heard and everything goes on.
pub const SOUNDS: [&str; 26] = [
    "digits/0",
    "digits/1",
    "digits/2",
    "digits/3",
    "digits/4",
    "digits/5",
    "digits/6",
    "digits/7",
    "digits/8",
    "digits/9",
    "digits/star",
    "digits/hash",
    "parked-at",
    "slot-taken",
    "lot-full",
    "goodbye",
    "queue/signed-on",
    "queue/signed-off",
    "queue/paused",
    "queue/ready",
    "queue/not-possible",
    "queue/agent-number",
    "queue/pin",
    "queue/position",
    "queue/minutes",
    "queue/call-back-noted",
];

impl Prompt {
    /// Its sounds, by their names in the engine's library.
    pub(crate) fn items(&self) -> Vec<PromptItem> {
        let sound = |name: &str| PromptItem::Sound(name.to_owned());
        let after = |name: &str, number: u64| vec![sound(name), PromptItem::Digits(number.to_string())];
        match self {
            Self::SignedOn => vec![sound("queue/signed-on")],
            Self::SignedOff => vec![sound("queue/signed-off")],
            Self::Paused => vec![sound("queue/paused")],
            Self::Ready => vec![sound("queue/ready")],
            Self::NotPossible => vec![sound("queue/not-possible")],
            Self::AgentNumber => vec![sound("queue/agent-number")],
            Self::Pin => vec![sound("queue/pin")],
            Self::Position(position) => after("queue/position", u64::from(*position)),
            Self::Wait(wait) => after("queue/minutes", minutes(*wait)),
            Self::CallBackNoted => vec![sound("queue/call-back-noted")],
            Self::Goodbye => vec![sound("goodbye")],
        }
    }
}

/// Whole minutes, rounded up: nobody is to wait longer than he was told.
fn minutes(wait: Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}
