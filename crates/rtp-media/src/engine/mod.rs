//! Streams, bridges and play-outs, driven by commands and answering with events.

mod command;
mod config;
mod output;

use core::net::SocketAddr;
use std::collections::VecDeque;

use machine::{Machine, Time};

pub use command::{Command, CommandError, PlayId, PromptItem, Source, StreamId};
pub use config::{EngineConfig, Limits, StreamConfig};
pub use output::{Channel, Event, Output, Stats, StreamReport, Transmit};

use crate::player::{Library, Sound, SoundError};

/// All media streams of a switch, as one machine.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    library: Library,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Engine {
    /// An engine without streams and sounds. SSRCs, first sequence numbers and timestamps are drawn from `seed`.
    #[must_use]
    pub fn new(config: EngineConfig, _seed: [u8; 32]) -> Self {
        Self {
            config,
            library: Library::default(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Adds a sound to the library, or replaces the one of the same name.
    ///
    /// # Errors
    /// The sound is empty, or the library is full.
    pub fn add_sound(&mut self, name: &str, sound: Sound) -> Result<(), SoundError> {
        self.library
            .add(name, sound, self.config.limits.sounds, self.config.limits.samples)
    }

    /// Does what a controller asks.
    ///
    /// # Errors
    /// Why the command was refused.
    pub fn handle(&mut self, _now: Time, _command: Command) -> Result<(), CommandError> {
        Err(CommandError::UnknownStream)
    }

    /// Takes a datagram that arrived at a stream's port from `remote`.
    pub fn receive(&mut self, _now: Time, _stream: StreamId, _channel: Channel, _remote: SocketAddr, _data: &[u8]) {
        self.stats.received += 1;
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many streams are open.
    #[must_use]
    pub fn live_streams(&self) -> usize {
        0
    }
}

impl Machine for Engine {
    type Output = Output;

    fn handle_timeout(&mut self, _now: Time) {}

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
