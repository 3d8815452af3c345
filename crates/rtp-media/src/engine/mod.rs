//! Streams, bridges and play-outs, driven by commands and answering with events.

mod command;
mod conference;
mod config;
mod control;
mod incoming;
mod outgoing;
mod output;
mod playback;
mod playout;
mod relay;
mod report;
mod stream;
mod timers;

use core::hash::BuildHasherDefault;
use core::net::SocketAddr;
use std::collections::{HashMap, VecDeque};

use machine::{Machine, Time};
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;
use slotmap::SlotMap;

pub use command::{Command, CommandError, ConferenceId, MemberSettings, PlayId, PromptItem, Source, StreamId};
pub use config::{ConferenceConfig, EngineConfig, Limits, StreamConfig};
pub use output::{Channel, Event, Output, Stats, StreamReport, Transmit};

use crate::buffer::Packet;
use crate::player::{Library, Sound, SoundError};
use crate::rtcp;
use conference::Conferences;
use stream::{IdHasher, Key, Stream};
use timers::Timers;

/// All media streams of a switch, or of one core of it, as one machine.
///
/// Commands come in by [`handle`](Self::handle), datagrams by [`receive`](Self::receive); datagrams to send and events
/// go out by [`poll_output`](Machine::poll_output), in the order in which they happened. See the [crate](crate).
///
/// With feature `serde` the engine can be written and read back, and goes on: addresses, SSRCs, numbering, bridges and
/// play-outs are kept. The sounds of the library are not; they have to be added again.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Engine {
    config: EngineConfig,
    now: Time,
    rng: ChaCha12Rng,
    library: Library,
    streams: SlotMap<Key, Stream>,
    index: HashMap<StreamId, Key, BuildHasherDefault<IdHasher>>,
    timers: Timers,
    conferences: Conferences,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Engine {
    /// An engine without streams and sounds. SSRCs, first sequence numbers and timestamps, and the times of RTCP
    /// reports are drawn from `seed`.
    #[must_use]
    pub fn new(config: EngineConfig, seed: [u8; 32]) -> Self {
        Self {
            config,
            now: Time::ZERO,
            rng: ChaCha12Rng::from_seed(seed),
            library: Library::default(),
            streams: SlotMap::with_key(),
            index: HashMap::default(),
            timers: Timers::default(),
            conferences: Conferences::default(),
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
    /// Why the command was refused; streams are as they were before. Where the controller waits for something that
    /// will not happen ([`Command::Open`], `Update`, `Bridge`, `Play`, `SendDigits`, `Join`, `SetMember`; `OpenConference` and
    /// `PlayToConference`), it is also told by [`Event::Failed`] or [`Event::ConferenceFailed`], so that a controller elsewhere needs no other way back. A number that is taken is not, since
    /// the event would seem to be about the stream that has it.
    pub fn handle(&mut self, now: Time, command: Command) -> Result<(), CommandError> {
        self.advance(now);
        let subject = control::subject(&command);
        let result = self.command(command);
        if let Err(error) = result {
            self.tell_failure(subject, error);
        }
        result
    }

    /// Takes a datagram that arrived at a stream's port from `remote`. Whatever it is, it cannot fail: what is wrong
    /// with it is [counted](Self::stats).
    pub fn receive(&mut self, now: Time, stream: StreamId, channel: Channel, remote: SocketAddr, data: &[u8]) {
        self.advance(now);
        self.stats.received += 1;
        let Some(key) = self.index.get(&stream).copied() else {
            self.stats.unknown_stream += 1;
            return;
        };
        if data.len() > self.config.limits.datagram {
            self.stats.malformed += 1;
        } else if channel == Channel::Rtcp || rtcp::is_rtcp(data) {
            self.receive_rtcp(key, channel, remote, data);
        } else {
            self.receive_rtp(key, remote, data);
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// How many streams are open.
    #[must_use]
    pub fn live_streams(&self) -> usize {
        self.index.len()
    }

    /// How many conferences are open.
    #[must_use]
    pub fn live_conferences(&self) -> usize {
        self.conferences.len()
    }

    /// The streams in a conference, in the order in which they joined; `None` if it is not open.
    #[must_use]
    pub fn members(&self, conference: ConferenceId) -> Option<Vec<StreamId>> {
        let members = self.conferences.find(conference).ok()?;
        let members = self.conferences.get(members)?.members();
        Some(
            members
                .iter()
                .filter_map(|key| Some(self.streams.get(*key)?.id))
                .collect(),
        )
    }

    /// What has gone over a stream so far; `None` if it is not open.
    #[must_use]
    pub fn report(&self, stream: StreamId) -> Option<StreamReport> {
        let key = self.index.get(&stream)?;
        self.streams.get(*key).map(|stream| stream.report(self.now))
    }

    /// Where the packets of a stream go at present; `None` if it is not open, or its peer is not known.
    #[must_use]
    pub fn remote(&self, stream: StreamId) -> Option<SocketAddr> {
        let key = self.index.get(&stream)?;
        self.streams.get(*key)?.latch.remote()
    }

    fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    fn transmit(&mut self, stream: StreamId, channel: Channel, remote: SocketAddr, data: Packet) {
        let transmit = Transmit {
            stream,
            channel,
            remote,
            data,
        };
        give_out(&mut self.outputs, &mut self.stats, self.config.limits.outputs, transmit);
    }
}

/// Puts a datagram into the queue of outputs, if there is room.
fn give_out(outputs: &mut VecDeque<Output>, stats: &mut Stats, limit: usize, transmit: Transmit) {
    if outputs.len() >= limit {
        stats.overflowed += 1;
        return;
    }
    stats.sent += 1;
    outputs.push_back(Output::Transmit(transmit));
}

impl Machine for Engine {
    type Output = Output;

    fn handle_timeout(&mut self, now: Time) {
        self.advance(now);
        loop {
            let (stream, conference) = (self.timers.due(self.now), self.conferences.due(self.now));
            match (stream, conference) {
                (Some((at, key, timer)), tick) if tick.is_none_or(|(tick, _)| at <= tick) => self.fire(key, timer),
                (_, Some((at, key))) => self.tick(key, at),
                (_, None) => return,
            }
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        let (streams, conferences) = (self.timers.first(), self.conferences.first());
        streams.into_iter().chain(conferences).min()
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
}
