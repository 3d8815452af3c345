//! What the engine keeps of one stream.

use core::time::Duration;

use machine::Time;
use slotmap::new_key_type;

use super::command::{CommandError, StreamId};
use super::conference::Member;
use super::config::StreamConfig;
use super::output::StreamReport;
use super::playback::Playing;
use super::relay::Relay;
use super::report::Reports;
use super::timers::Due;
use crate::codec::CodecKind;
use crate::dtmf::{DigitReceiver, DigitSender};
use crate::session::{Latch, Reception, Sending};

new_key_type! {
    /// Where a stream is kept; stale once the stream is closed.
    pub(super) struct Key;
}

/// One stream.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) config: StreamConfig,
    pub(super) opened: Time,
    pub(super) sending: Sending,
    pub(super) reception: Option<Reception>,
    pub(super) bytes_received: u64,
    pub(super) latch: Latch,
    pub(super) foreign: u64,
    pub(super) bridge: Option<Key>,
    /// How the numbers of the bridged stream become ours; `None` until its next packet.
    pub(super) relay: Option<Relay>,
    /// Its part in a conference; then it has no bridge.
    pub(super) member: Option<Box<Member>>,
    pub(super) playing: Option<Box<Playing>>,
    pub(super) digits: Option<Box<DigitSender>>,
    /// The timestamp of the digit that is being sent.
    pub(super) digit_timestamp: u32,
    pub(super) presses: DigitReceiver,
    pub(super) last_heard: Time,
    pub(super) silence_told: bool,
    pub(super) reports: Reports,
    pub(super) due: Due,
}

/// What a payload type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Sound(CodecKind),
    Event,
    Unknown,
}

impl Stream {
    pub(super) fn new(id: StreamId, config: StreamConfig, now: Time, sending: Sending) -> Self {
        Self {
            id,
            config,
            opened: now,
            sending,
            reception: None,
            bytes_received: 0,
            latch: Latch::new(config.remote),
            foreign: 0,
            bridge: None,
            relay: None,
            member: None,
            playing: None,
            digits: None,
            digit_timestamp: 0,
            presses: DigitReceiver::default(),
            last_heard: now,
            silence_told: false,
            reports: Reports::default(),
            due: Due::default(),
        }
    }

    /// What a payload type stands for. Besides the agreed ones, the static types of G.711 are understood: an answer
    /// that named both laws lets the peer change from one to the other (RFC 3264 §8.3.2).
    pub(super) fn payload(&self, payload_type: u8) -> Payload {
        if payload_type == self.config.receive_payload {
            return Payload::Sound(self.config.codec);
        }
        if Some(payload_type) == self.config.dtmf_receive {
            return Payload::Event;
        }
        CodecKind::from_static_payload(payload_type).map_or(Payload::Unknown, Payload::Sound)
    }

    /// Whether something other than the bridge is sent.
    pub(super) const fn is_overridden(&self) -> bool {
        self.playing.is_some() || self.digits.is_some()
    }

    /// When silence is to be told, if nothing is heard until then.
    pub(super) fn silent_at(&self) -> Option<Time> {
        let timeout = self.config.silence_timeout.filter(|_| !self.silence_told)?;
        Some(self.last_heard + timeout)
    }

    pub(super) fn report(&self, now: Time) -> StreamReport {
        let reception = self.reception.as_ref();
        StreamReport {
            duration: now - self.opened,
            codec: self.config.codec,
            packets_sent: self.sending.packets(),
            bytes_sent: self.sending.octets(),
            packets_received: reception.map_or(0, Reception::total_received),
            bytes_received: self.bytes_received,
            lost: reception.map_or(0, Reception::total_lost),
            jitter: reception.map_or(Duration::ZERO, Reception::jitter),
            foreign: self.foreign,
            remote_lost: self.reports.remote_lost,
            remote_jitter: self.reports.remote_jitter,
            round_trip: self.reports.round_trip,
        }
    }
}

/// Checks the payload types of a stream, and brings its packet time into range.
pub(super) fn checked(mut config: StreamConfig) -> Result<StreamConfig, CommandError> {
    // 64 to 95 with the marker bit look like RTCP (RFC 5761 §4).
    let usable = |payload_type: u8| payload_type < 64 || (96..128).contains(&payload_type);
    let events = [config.dtmf_send, config.dtmf_receive];
    let clash = config.dtmf_send == Some(config.send_payload) || config.dtmf_receive == Some(config.receive_payload);
    let all = [Some(config.send_payload), Some(config.receive_payload)]
        .into_iter()
        .chain(events)
        .flatten();
    if clash || !all.clone().all(usable) {
        return Err(CommandError::PayloadType);
    }
    config.ptime_ms = if config.ptime_ms == 0 {
        20
    } else {
        config.ptime_ms.clamp(10, 100)
    };
    Ok(config)
}

/// A stream's numbers are found by multiplication: they come from our own controller, which wishes us no harm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IdHasher(u64);

impl core::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_small() {
        assert!(size_of::<Stream>() < 1_024, "{} bytes", size_of::<Stream>());
    }
}
