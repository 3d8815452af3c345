//! RTP media without I/O: packets, streams, codecs, DTMF, tones, prompts, and the [`Engine`] that joins them.
//!
//! The engine is a [`Machine`](machine::Machine): commands and datagrams go in together with the present time, datagrams
//! and events come out of one queue. It has no socket and no clock, and draws every random number from a seed, so that
//! the same inputs give the same packets, byte for byte. Here two phones talk, then one is put
//! on hold:
//!
//! ```
//! use machine::{Machine, Time};
//! use rtp_media::packet::{RtpHeader, RtpPacket, RtpWriter};
//! use rtp_media::{
//!     Channel, Command, Engine, EngineConfig, Output, PlayId, Sound, Source, StreamConfig, StreamId,
//! };
//!
//! let (alice, bob) = (StreamId(1), StreamId(2));
//! let mut now = Time::from_secs(1_700_000_000);
//! let mut engine = Engine::new(EngineConfig::default(), [0; 32]);
//! engine.add_sound("default", Sound::from_samples(&[1_000; 8_000]))?;
//!
//! // What signalling agreed: our ports, and where the phones are.
//! for (stream, port, phone) in [(alice, 20_000, "192.0.2.1:4000"), (bob, 20_002, "192.0.2.2:4000")] {
//!     let mut config = StreamConfig::new(([198, 51, 100, 1], port).into());
//!     config.remote = Some(phone.parse()?);
//!     engine.handle(now, Command::Open { stream, config })?;
//! }
//! engine.handle(now, Command::Bridge { a: alice, b: bob })?;
//!
//! // Alice speaks: what arrives at her port leaves from Bob's.
//! let header = RtpHeader { payload_type: 0, sequence: 1, timestamp: 160, ssrc: 77, marker: true };
//! let speech = RtpWriter::new(header, &[0x55; 160]).to_packet()?;
//! engine.receive(now, alice, Channel::Rtp, "192.0.2.1:4000".parse()?, &speech);
//! let Some(Output::Transmit(sent)) = engine.poll_output() else { unreachable!() };
//! assert_eq!((sent.stream, sent.remote), (bob, "192.0.2.2:4000".parse()?));
//! assert_eq!(RtpPacket::parse(&sent.data)?.payload(), [0x55; 160]);
//!
//! // Bob waits and hears music: a packet every 20 ms, when `poll_timeout` says so.
//! let music = Source::Music("default".into());
//! engine.handle(now, Command::Play { stream: bob, play: PlayId(1), source: music, repeat: true })?;
//! let mut heard = 0;
//! let end = now + std::time::Duration::from_secs(1);
//! while now < end {
//!     while let Some(output) = engine.poll_output() {
//!         heard += matches!(output, Output::Transmit(packet) if packet.stream == bob) as u32;
//!     }
//!     now = engine.poll_timeout().unwrap_or(end);
//!     engine.handle_timeout(now);
//! }
//! assert_eq!(heard, 50);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//!
//! Each can be used alone: [`packet`] and [`rtcp`] read and write packets without copying, [`session`] keeps the numbers
//! of a stream (RFC 3550 appendix A) and learns where its peer is, [`dtmf`] turns telephone-events (RFC 4733) into digits
//! and back, [`codec::g711`] and [`codec::g722`] are exact to the references of ITU-T G.191, [`Tone`] makes the tones of ITU-T E.180, [`Sound`]
//! reads WAV files, [`mixer`] lets everybody hear all others, [`resample`] brings sound from one rate to another.
//!
//! # What a bridge does
//!
//! A packet is passed on with its payload untouched, under the SSRC, sequence numbers, timestamps and payload type of the
//! stream that sends it; between the two laws of G.711 each byte is looked up in a table. Nothing is buffered and
//! nothing allocated: loss, order and jitter stay as they came. Over a change of source (another party, a prompt and
//! back, a phone that begins anew) sequence numbers go on without a hole, timestamps follow the clock, and the first
//! packet carries a marker. Header extensions, contributing sources and padding are not passed on.
//!
//! # What a conference does
//!
//! [`ConferenceId`] shows one. Every 20 ms what its members said is decoded, [mixed](mixer) and sent: participants hear each other,
//! a monitor hears all and is heard by nobody, one who whispers is heard by one alone. Roles, gain, volume and mute may change at any
//! time. What came is played at the next tick, so that a conference adds at most 20 ms to what a bridge takes; a member's packets that come
//! late make his delay grow, up to 200 ms, and what was not needed for a second is given back. What is missing is filled in for 20 ms. A
//! bridge becomes a conference and a conference a bridge without a hole in the numbering and without a sample lost. Members who
//! hear the same share one coded frame.
//!
//! # What is trusted
//!
//! Packets are taken from the agreed address. Another source is learned at most once, if it sends
//! [`learn_packets`](EngineConfig::learn_packets) packets in sequence within [`learn_time`](EngineConfig::learn_time); the
//! agreed address, once heard, wins for good. Everything else is counted and dropped. RTCP changes nothing but statistics: a goodbye does not end a call. A peer that sends our own SSRC back (an echo) is no error.
//!
//! # Limits
//!
//! [`Limits`] has those of an engine. Beyond them: 32 RTCP packets a datagram, 31 report blocks a report, 15
//! contributing sources, 4 candidates to be learned at a time, 64 chunks before the sound of a WAV file, a pause of a
//! minute in a prompt, 8 seconds a digit that is sent.

mod buffer;
pub mod codec;
pub mod dtmf;
mod engine;
pub mod fuzz;
pub mod mixer;
pub mod packet;
pub mod player;
pub mod plc;
pub mod resample;
pub mod rtcp;
pub mod say;
pub mod session;
mod tone;

pub use buffer::{INLINE_BYTES, Packet};
pub use codec::CodecKind;
pub use engine::{
    Channel, Command, CommandError, ConferenceConfig, ConferenceId, Engine, EngineConfig, Event, Limits,
    MemberSettings, Output, PlayId, PromptItem, Source, Stats, StreamConfig, StreamId, StreamReport, Transmit,
};
pub use player::{Sound, SoundError, WavError};
pub use tone::{Country, Tone};
