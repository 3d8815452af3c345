//! RTP media without I/O: packets, streams, codecs, DTMF, tones, prompts, and the engine that joins them.

mod buffer;
pub mod codec;
pub mod dtmf;
mod engine;
pub mod fuzz;
pub mod packet;
pub mod player;
pub mod rtcp;
pub mod session;
mod tone;

pub use buffer::{INLINE_BYTES, Packet};
pub use codec::CodecKind;
pub use engine::{
    Channel, Command, CommandError, Engine, EngineConfig, Event, Limits, Output, PlayId, PromptItem, Source, Stats,
    StreamConfig, StreamId, StreamReport, Transmit,
};
pub use player::{Sound, SoundError, WavError};
pub use tone::{Country, Tone};
