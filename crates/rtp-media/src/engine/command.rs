//! What a controller can ask of an engine.

use core::time::Duration;

use super::config::StreamConfig;
use crate::tone::Tone;

/// A stream of an engine. The controller chooses the number and never uses it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamId(pub u64);

/// One play-out on a stream. The controller chooses the number; it comes back in
/// [`Event::PlayEnded`](crate::Event::PlayEnded).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PlayId(pub u64);

/// What a controller asks of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Command {
    /// Opens a stream.
    Open {
        /// The new stream.
        stream: StreamId,
        /// How it was agreed.
        config: StreamConfig,
    },
    /// Changes a stream, for example after a re-INVITE. SSRC, sequence numbers, bridge and play-out go on. Another
    /// `remote` makes the stream trust that address, and learn anew; `None` leaves the present one.
    Update {
        /// The stream.
        stream: StreamId,
        /// How it is agreed now.
        config: StreamConfig,
    },
    /// Ends a stream: its play-out ends, its bridge falls apart, an RTCP BYE is sent, and
    /// [`Event::Closed`](crate::Event::Closed) is the last that is heard of it.
    Close {
        /// The stream.
        stream: StreamId,
    },
    /// Joins two streams: what one receives, the other sends. Takes either out of the bridge that it was in.
    Bridge {
        /// One stream.
        a: StreamId,
        /// The other.
        b: StreamId,
    },
    /// Takes a stream, and with it its partner, out of its bridge. Without a bridge, nothing happens.
    Unbridge {
        /// The stream.
        stream: StreamId,
    },
    /// Plays to the peer of the stream. Ends the play-out that was under way; overrides the bridge while it lasts.
    Play {
        /// The stream.
        stream: StreamId,
        /// The number of this play-out.
        play: PlayId,
        /// What to play.
        source: Source,
        /// Whether it starts again at its end until it is stopped.
        repeat: bool,
    },
    /// Ends the play-out of a stream. Without one, nothing happens.
    Stop {
        /// The stream.
        stream: StreamId,
    },
    /// Sends digits as telephone-events (RFC 4733), after those that still wait. Meanwhile no sound is sent.
    SendDigits {
        /// The stream.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`, in either case.
        digits: String,
    },
}

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Source {
    /// A call progress tone of the engine's country. Unless repeated, one cycle of its cadence (a tone without pauses:
    /// one second).
    Tone(Tone),
    /// Sounds, spoken digits and pauses, one after the other.
    Prompt(Vec<PromptItem>),
    /// A sound of the library, over and over, whether `repeat` is set or not.
    Music(String),
}

/// A piece of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PromptItem {
    /// A sound of the library by its name.
    Sound(String),
    /// Digits, each spoken by the sound `digits/0` … `digits/9`, `digits/star`, `digits/hash`.
    Digits(String),
    /// A pause, at most a minute.
    Silence(Duration),
}

/// Why a command was refused. The engine is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum CommandError {
    /// There is no such stream, or it was closed.
    #[error("there is no such stream")]
    UnknownStream,
    /// A stream of this number is open.
    #[error("a stream of this number is open already")]
    DuplicateStream,
    /// The engine holds as many streams as it may.
    #[error("no more streams can be opened")]
    Full,
    /// A payload type is above 127, in the range that RTCP needs (64–95), or used for codec and events both.
    #[error("the payload types cannot be told apart")]
    PayloadType,
    /// A stream was to be bridged with itself.
    #[error("a stream cannot be bridged with itself")]
    SelfBridge,
    /// The library has no sound of this name.
    #[error("there is no sound of this name")]
    UnknownSound,
    /// The prompt has nothing to play.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The prompt has more pieces than the limit.
    #[error("the prompt has too many pieces")]
    PromptTooLong,
    /// A pause is longer than a minute.
    #[error("a pause is longer than a minute")]
    PauseTooLong,
    /// Something other than `0`–`9`, `*`, `#`, `A`–`D`.
    #[error("not a digit")]
    InvalidDigit,
    /// Nothing to send.
    #[error("there are no digits to send")]
    NoDigits,
    /// More digits wait than the limit allows.
    #[error("too many digits wait to be sent")]
    TooManyDigits,
    /// The peer takes no telephone-events.
    #[error("the peer did not agree to telephone-event")]
    DigitsNotAgreed,
}
