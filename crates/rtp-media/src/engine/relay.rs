//! Passing packets from one stream of a bridge to the other: the payload stays, the header is written anew.

use super::Engine;
use super::config::StreamConfig;
use super::output::Channel;
use super::stream::{Key, Payload, Stream};
use crate::buffer::Packet;
use crate::codec::CodecKind;
use crate::codec::g711;
use crate::packet::{FIXED_HEADER, RtpHeader};
use crate::session::low_half;

/// How the numbers of one source become the numbers of the stream that sends them on. Kept from the first packet after
/// a change of source, so that the receiver sees one unbroken stream in which loss and order are those of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Relay {
    source: Key,
    ssrc: u32,
    /// The first number passed on, as the source counts, and as we do.
    first: u32,
    sequence: u16,
    /// What is added to timestamps.
    offset: u32,
    /// The newest run of packets that were left out: its first number, the number after it, its length.
    left_out: (u32, u32, u16),
}

/// A packet on its way through a bridge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing<'a> {
    pub(super) source: Key,
    pub(super) ssrc: u32,
    /// Its sequence number, counted over wraps.
    pub(super) number: u32,
    /// Whether the source began anew with it.
    pub(super) restarted: bool,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) kind: Payload,
    pub(super) payload: &'a [u8],
}

impl Relay {
    fn new(stream: &Stream, now: machine::Time, packet: &Passing<'_>) -> Self {
        Self {
            source: packet.source,
            ssrc: packet.ssrc,
            first: packet.number,
            sequence: stream.sending.next_sequence(),
            offset: stream.sending.timestamp_at(now).wrapping_sub(packet.timestamp),
            left_out: (packet.number, packet.number, 0),
        }
    }

    fn is_of(&self, packet: &Passing<'_>) -> bool {
        self.source == packet.source && self.ssrc == packet.ssrc && !packet.restarted
    }

    /// Our number of a packet; `None` if it comes from before the change of source.
    fn sequence(&self, number: u32) -> Option<u16> {
        let after = number.wrapping_sub(self.first);
        if after.cast_signed() < 0 {
            return None;
        }
        let (run, _, length) = self.left_out;
        let late = if number.wrapping_sub(run).cast_signed() < 0 {
            length
        } else {
            0
        };
        Some(self.sequence.wrapping_add(low_half(after)).wrapping_add(late))
    }

    /// Closes the gap that a packet leaves which is not passed on. One that is late leaves its gap: its neighbours
    /// have been sent.
    fn leave_out(&mut self, number: u32) {
        let (run, end, length) = self.left_out;
        if number.wrapping_sub(end).cast_signed() < 0 {
            return;
        }
        let grown = number == end && length > 0;
        self.left_out = if grown {
            (run, end.wrapping_add(1), length + 1)
        } else {
            (number, number.wrapping_add(1), 1)
        };
        self.sequence = self.sequence.wrapping_sub(1);
    }
}

impl Engine {
    /// Sends a packet on to the stream that the source is bridged with.
    pub(super) fn relay(&mut self, to: Key, packet: &Passing<'_>) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(to) else { return };
        let remote = stream.latch.remote();
        let Some(remote) = remote.filter(|_| stream.config.send && !stream.is_overridden()) else {
            stream.relay = None;
            return;
        };
        let Some((payload_type, transcode)) = passes(&stream.config, packet.kind) else {
            if let Some(relay) = &mut stream.relay {
                relay.leave_out(packet.number);
            }
            return;
        };
        let known = stream.relay.filter(|relay| relay.is_of(packet));
        let relay = known.unwrap_or_else(|| Relay::new(stream, now, packet));
        stream.relay = Some(relay);
        let Some(sequence) = relay.sequence(packet.number) else {
            self.stats.out_of_sequence += 1;
            return;
        };
        let header = RtpHeader {
            marker: packet.marker || known.is_none(),
            payload_type,
            sequence,
            timestamp: packet.timestamp.wrapping_add(relay.offset),
            ssrc: stream.sending.ssrc(),
        };
        let mut data = Packet::from_slice(&header.to_bytes());
        data.extend_from_slice(packet.payload);
        if let (Some(law), Some(codes)) = (transcode, data.get_mut(FIXED_HEADER..)) {
            match law {
                CodecKind::Pcma => codes.iter_mut().for_each(|code| *code = g711::ulaw_to_alaw(*code)),
                CodecKind::Pcmu => codes.iter_mut().for_each(|code| *code = g711::alaw_to_ulaw(*code)),
            }
        }
        // An event's packets share a timestamp: what comes after one continues from there by the source's own clock.
        let samples = if packet.kind == Payload::Event {
            0
        } else {
            packet.payload.len()
        };
        let samples = u32::try_from(samples).unwrap_or(0);
        stream
            .sending
            .sent(now, sequence, header.timestamp, samples, packet.payload.len());
        self.stats.relayed += 1;
        self.stats.transcoded += u64::from(transcode.is_some());
        let id = stream.id;
        self.transmit(id, Channel::Rtp, remote, data);
    }
}

/// Under which payload type a packet goes to a stream, and into which law it is brought; `None` if it does not.
fn passes(config: &StreamConfig, kind: Payload) -> Option<(u8, Option<CodecKind>)> {
    match kind {
        Payload::Sound(codec) => Some((
            config.send_payload,
            Some(config.codec).filter(|wanted| *wanted != codec),
        )),
        Payload::Event => config.dtmf_send.map(|payload_type| (payload_type, None)),
        Payload::Unknown => None,
    }
}
