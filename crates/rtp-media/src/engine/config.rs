//! What an engine and a stream are set up with.

use core::net::SocketAddr;
use core::time::Duration;

use crate::codec::CodecKind;
use crate::tone::Country;

/// How an [`Engine`](crate::Engine) behaves. Start from `EngineConfig::default()` and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct EngineConfig {
    /// Whose call progress tones are played. Default: United States.
    pub country: Country,
    /// The CNAME told in RTCP (RFC 3550 §6.5.1); cut to 255 bytes. Default: `strowger`. The engine appends nothing:
    /// RFC 7022 advises a random name, which the embedder can set here.
    pub cname: String,
    /// Mean time between RTCP reports before randomisation (RFC 3550 §6.2). Default: 5 s.
    pub rtcp_interval: Duration,
    /// How long each digit of `SendDigits` is held. Default: 100 ms.
    pub digit_duration: Duration,
    /// The pause after each digit of `SendDigits`. Default: 100 ms; at least 60 ms, in which the end is repeated.
    pub digit_gap: Duration,
    /// How many packets in sequence a source other than the agreed one must send to be learned. Default: 4.
    pub learn_packets: u8,
    /// How long such a source may take to send them. Default: 5 s.
    pub learn_time: Duration,
    /// What the engine holds at most.
    pub limits: Limits,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            country: Country::default(),
            cname: String::from("strowger"),
            rtcp_interval: Duration::from_secs(5),
            digit_duration: Duration::from_millis(100),
            digit_gap: Duration::from_millis(100),
            learn_packets: 4,
            learn_time: Duration::from_secs(5),
            limits: Limits::default(),
        }
    }
}

/// What an engine holds at most. At a limit the command is refused, or the packet dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limits {
    /// Open streams. Default: 20,000.
    pub streams: usize,
    /// Sounds in the library. Default: 1,024.
    pub sounds: usize,
    /// Samples of all sounds of the library together (8,000 a second). Default: 48,000,000, or 100 minutes.
    pub samples: usize,
    /// Pieces of one prompt, each spoken digit being one. Default: 128.
    pub prompt_pieces: usize,
    /// Digits of one stream waiting to be sent. Default: 64.
    pub digits: usize,
    /// Bytes of one received datagram. Default: 1,500.
    pub datagram: usize,
    /// Open conferences. Default: 5,000.
    pub conferences: usize,
    /// Members of one conference; at most 2,047. Default: 1,000.
    pub conference_members: usize,
    /// Outputs waiting to be polled; at the limit packets are dropped, events never. Default: 65,536.
    pub outputs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 20_000,
            sounds: 1_024,
            samples: 48_000_000,
            prompt_pieces: 128,
            digits: 64,
            datagram: 1_500,
            conferences: 5_000,
            conference_members: 1_000,
            outputs: 65_536,
        }
    }
}

/// One RTP stream, as it was agreed with the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StreamConfig {
    /// Our RTP address; our RTCP port is the next one.
    pub local: SocketAddr,
    /// The agreed RTP address of the peer. `None`: not known (yet); nothing is sent before one is learned.
    pub remote: Option<SocketAddr>,
    /// The agreed RTCP address of the peer. `None`: the port after the RTP port.
    pub remote_rtcp: Option<SocketAddr>,
    /// The codec of both directions. Default: µ-law.
    pub codec: CodecKind,
    /// The payload type that the peer wants for the codec. Default: 0.
    pub send_payload: u8,
    /// The payload type under which the peer sends the codec. Default: 0.
    pub receive_payload: u8,
    /// The payload type that the peer wants for telephone-event (RFC 4733). `None`: it takes no events.
    pub dtmf_send: Option<u8>,
    /// The payload type under which the peer sends telephone-event. `None`: it sends none.
    pub dtmf_receive: Option<u8>,
    /// Milliseconds of sound in each packet that the engine makes; brought into 10 to 100. Default: 20.
    pub ptime_ms: u16,
    /// Whether RTP is sent. While `false`, prompts and bridges run on unheard. Default: `true`.
    pub send: bool,
    /// Whether what is received is heard. While `false`, packets are counted and go nowhere. Default: `true`.
    pub receive: bool,
    /// After how long without a packet [`Event::Silent`](crate::Event::Silent) is told. `None`: never. Default: `None`.
    pub silence_timeout: Option<Duration>,
}

impl StreamConfig {
    /// µ-law both ways in packets of 20 ms, no peer yet, no telephone-event.
    #[must_use]
    pub const fn new(local: SocketAddr) -> Self {
        Self {
            local,
            remote: None,
            remote_rtcp: None,
            codec: CodecKind::Pcmu,
            send_payload: 0,
            receive_payload: 0,
            dtmf_send: None,
            dtmf_receive: None,
            ptime_ms: 20,
            send: true,
            receive: true,
            silence_timeout: None,
        }
    }
}

/// How a conference behaves. Start from `ConferenceConfig::default()` and change fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ConferenceConfig {
    /// Whether a key that a participant pressed is sent on to all others who take telephone-events, when it was released. For a call
    /// that a supervisor joined, so that a menu at the far end still hears the keys. In any case
    /// [`Event::Digit`](crate::Event::Digit) tells of it. Default: `false`.
    pub relay_digits: bool,
    /// Whether [`Event::Speaker`](crate::Event::Speaker) tells who speaks. Default: `false`.
    pub tell_speaker: bool,
}
