//! What an engine wants done and has to tell.

use core::net::SocketAddr;
use core::time::Duration;

use super::command::{CommandError, ConferenceId, PlayId, StreamId};
use crate::buffer::Packet;
use crate::codec::CodecKind;

/// One thing that the engine wants done or has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Output {
    /// A datagram to send.
    Transmit(Transmit),
    /// Something that happened.
    Event(Event),
}

impl From<Event> for Output {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

/// Which of a stream's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "RTP has these two")]
pub enum Channel {
    /// The RTP port.
    Rtp,
    /// The RTCP port.
    Rtcp,
}

/// A datagram to send from a stream's port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Transmit {
    /// The stream.
    pub stream: StreamId,
    /// From which of its ports.
    pub channel: Channel,
    /// Where to.
    pub remote: SocketAddr,
    /// The bytes.
    pub data: Packet,
}

/// Something that happened on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// The peer pressed and released a key.
    Digit {
        /// The stream.
        stream: StreamId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
        /// How long it was held, as far as was heard.
        duration: Duration,
    },
    /// A play-out is over. Each [`Command::Play`](crate::Command::Play) that was accepted leads to exactly one.
    PlayEnded {
        /// The stream.
        stream: StreamId,
        /// The play-out.
        play: PlayId,
        /// `false` where it was stopped, replaced, or its stream closed.
        completed: bool,
    },
    /// The peer has sent nothing for the stream's `silence_timeout`. Told once a pause.
    Silent {
        /// The stream.
        stream: StreamId,
        /// How long it has been quiet.
        quiet_for: Duration,
    },
    /// RTP now comes from, and goes to, this address instead of the agreed one, or the agreed one came back.
    Latched {
        /// The stream.
        stream: StreamId,
        /// The peer's RTP address.
        remote: SocketAddr,
    },
    /// A play-out to a conference is over. Each [`Command::PlayToConference`](crate::Command::PlayToConference) that was accepted
    /// leads to exactly one.
    ConferencePlayEnded {
        /// The conference.
        conference: ConferenceId,
        /// The play-out.
        play: PlayId,
        /// `false` where it was stopped, replaced, or its conference closed.
        completed: bool,
    },
    /// Somebody else speaks in a conference, or nobody has for a second. Told where its
    /// [`tell_speaker`](crate::ConferenceConfig::tell_speaker) is set.
    Speaker {
        /// The conference.
        conference: ConferenceId,
        /// Who.
        stream: Option<StreamId>,
    },
    /// A conference was closed.
    ConferenceClosed {
        /// The conference.
        conference: ConferenceId,
    },
    /// A command about a conference was refused (the same cause that [`Engine::handle`](crate::Engine::handle) returned).
    ConferenceFailed {
        /// The conference.
        conference: ConferenceId,
        /// Why.
        error: CommandError,
    },
    /// A command was refused (the same cause that [`Engine::handle`](crate::Engine::handle) returned).
    Failed {
        /// The stream.
        stream: StreamId,
        /// Why.
        error: CommandError,
    },
    /// A stream was closed.
    Closed {
        /// The stream.
        stream: StreamId,
        /// What went over it.
        report: StreamReport,
    },
}

/// What went over a stream in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StreamReport {
    /// From open to close.
    pub duration: Duration,
    /// The codec at the end.
    pub codec: CodecKind,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Payload bytes sent.
    pub bytes_sent: u64,
    /// RTP packets received from the peer (RFC 3550 §A.3).
    pub packets_received: u64,
    /// Payload bytes received from the peer.
    pub bytes_received: u64,
    /// Packets that the peer sent and that did not arrive; negative where more came twice (RFC 3550 §A.3).
    pub lost: i64,
    /// Variation of the arrival times (RFC 3550 §A.8).
    pub jitter: Duration,
    /// Packets from addresses that are not the peer's.
    pub foreign: u64,
    /// Packets that we sent and the peer, by its last report, did not get.
    pub remote_lost: Option<i32>,
    /// Variation of the arrival times at the peer, by its last report.
    pub remote_jitter: Option<Duration>,
    /// There and back again, by RTCP (RFC 3550 §6.4.1).
    pub round_trip: Option<Duration>,
}

/// What an engine has counted since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
    /// Datagrams handed in.
    pub received: u64,
    /// Datagrams handed out.
    pub sent: u64,
    /// Packets that a bridge passed on.
    pub relayed: u64,
    /// Of these, packets that went from one G.711 law to the other.
    pub transcoded: u64,
    /// RTCP datagrams taken.
    pub rtcp: u64,
    /// Datagrams for streams that are not open.
    pub unknown_stream: u64,
    /// Datagrams that are not what they should be, or too long.
    pub malformed: u64,
    /// Datagrams from addresses that are not the peer's.
    pub foreign: u64,
    /// RTP packets whose payload type was not agreed.
    pub unknown_payload: u64,
    /// RTP packets out of any sequence (RFC 3550 §A.1), or too late to be passed on.
    pub out_of_sequence: u64,
    /// Packets for a conference that came when their time was over.
    pub late: u64,
    /// Frames of 20 ms for a conference in which something was missing and was filled in.
    pub concealed: u64,
    /// Packets dropped because nobody polled the outputs.
    pub overflowed: u64,
}
