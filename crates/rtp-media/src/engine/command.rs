//! What a controller can ask of an engine.

use core::time::Duration;

use super::config::{ConferenceConfig, StreamConfig};
use crate::mixer::Settings;
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

/// A conference of an engine. The controller chooses the number and never uses it again.
///
/// A supervisor joins a call that was a bridge of two, whispers to the agent, and leaves them alone again. Neither phone
/// notices: numbering goes on, and not a sample is lost.
///
/// ```
/// use machine::Time;
/// use rtp_media::mixer::{Role, Settings};
/// use rtp_media::{Command, ConferenceConfig, ConferenceId, Engine, EngineConfig, StreamConfig, StreamId};
///
/// let now = Time::from_secs(1_700_000_000);
/// let mut engine = Engine::new(EngineConfig::default(), [0; 32]);
/// let [caller, agent, supervisor] = [1, 2, 3].map(StreamId);
/// for (stream, port) in [(caller, 20_000), (agent, 20_002), (supervisor, 20_004)] {
///     let config = StreamConfig::new(([198, 51, 100, 1], port).into());
///     engine.handle(now, Command::Open { stream, config })?;
/// }
/// engine.handle(now, Command::Bridge { a: caller, b: agent })?;
///
/// // He listens: he hears both, nobody hears him. `Join` takes the two out of their bridge.
/// let conference = ConferenceId(1);
/// let mut config = ConferenceConfig::default();
/// config.relay_digits = true;
/// engine.handle(now, Command::OpenConference { conference, config })?;
/// for (stream, role) in [(caller, Role::Participant), (agent, Role::Participant), (supervisor, Role::Monitor)] {
///     engine.handle(now, Command::Join { conference, stream, settings: Settings::new(role) })?;
/// }
/// assert_eq!(engine.members(conference), Some(vec![caller, agent, supervisor]));
///
/// // He whispers to the agent; then he barges in.
/// for role in [Role::Whisper { to: agent }, Role::Participant] {
///     engine.handle(now, Command::SetMember { stream: supervisor, settings: Settings::new(role) })?;
/// }
///
/// // He goes: a bridge costs less than a conference of two.
/// engine.handle(now, Command::Bridge { a: caller, b: agent })?;
/// engine.handle(now, Command::CloseConference { conference })?;
/// # Ok::<(), rtp_media::CommandError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ConferenceId(pub u64);

/// How a stream takes part in a conference: in which role (a [`Role`](crate::mixer::Role) towards other streams), how loud, and
/// whether muted or deaf. A supervisor who listens is `Settings::new(Role::Monitor)`, one who whispers to an agent
/// `Settings::new(Role::Whisper { to: agent })`, one who barges in `Settings::default()`.
pub type MemberSettings = Settings<StreamId>;

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
    /// Joins two streams: what one receives, the other sends. Takes either out of the bridge or conference that it was in; where
    /// both come from one conference, nothing of what they say is lost.
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
    /// Opens a conference, without members.
    OpenConference {
        /// The new conference.
        conference: ConferenceId,
        /// How it behaves.
        config: ConferenceConfig,
    },
    /// Lets a stream join a conference: it hears the others, and they hear it, as its settings say. Takes it out of the bridge or
    /// the other conference that it was in. A member of this very conference gets the settings and notices nothing else.
    Join {
        /// The conference.
        conference: ConferenceId,
        /// The stream.
        stream: StreamId,
        /// How it takes part.
        settings: MemberSettings,
    },
    /// Changes how a stream takes part in its conference, from the next 20 ms on and without a click.
    SetMember {
        /// The stream.
        stream: StreamId,
        /// How it takes part now.
        settings: MemberSettings,
    },
    /// Takes a stream out of its conference. Without one, nothing happens.
    Leave {
        /// The stream.
        stream: StreamId,
    },
    /// Plays to all members of a conference, among their voices. Ends the play-out to all that was under way. To play to one member
    /// alone, [`Play`](Self::Play) to his stream: he hears it instead of the others.
    PlayToConference {
        /// The conference.
        conference: ConferenceId,
        /// The number of this play-out; it comes back in
        /// [`Event::ConferencePlayEnded`](crate::Event::ConferencePlayEnded).
        play: PlayId,
        /// What to play.
        source: Source,
        /// Whether it starts again at its end until it is stopped.
        repeat: bool,
    },
    /// Ends the play-out to all members of a conference. Without one, nothing happens.
    StopConference {
        /// The conference.
        conference: ConferenceId,
    },
    /// Ends a conference: its play-out ends and its members are out of it; their streams stay open.
    CloseConference {
        /// The conference.
        conference: ConferenceId,
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
    /// There is no such conference, or it was closed.
    #[error("there is no such conference")]
    UnknownConference,
    /// A conference of this number is open.
    #[error("a conference of this number is open already")]
    DuplicateConference,
    /// The engine holds as many conferences as it may.
    #[error("no more conferences can be opened")]
    TooManyConferences,
    /// The conference has as many members as it may.
    #[error("no more streams can join the conference")]
    ConferenceFull,
    /// The stream is in no conference.
    #[error("the stream is in no conference")]
    NotAMember,
    /// A stream was to whisper to itself.
    #[error("a stream cannot whisper to itself")]
    WhisperToSelf,
    /// The peer takes no telephone-events.
    #[error("the peer did not agree to telephone-event")]
    DigitsNotAgreed,
}
