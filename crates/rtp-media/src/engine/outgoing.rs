//! What a stream sends of its own: play-outs and digits, each packet at its time.

use core::time::Duration;

use machine::Time;

use super::Engine;
use super::output::{Channel, Event};
use super::stream::Key;
use super::timers::Timer;
use crate::buffer::Packet;
use crate::dtmf::DigitPacket;
use crate::packet::RtpHeader;

/// Packets that are missed by a caller who is at most so late are sent at once; after that, the schedule begins anew.
const MAX_LATE: Duration = Duration::from_millis(200);
/// Samples of the longest packet, 100 ms.
const MAX_FRAME: usize = 800;

impl Engine {
    /// Sends the packet of a play-out that is due, or ends it.
    pub(super) fn play_due(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let Some(playing) = &mut stream.playing else {
            self.timers.set(&mut stream.due, key, Timer::Play, None);
            return;
        };
        let mut due = playing.next;
        if due + MAX_LATE < now {
            due = now;
            playing.joined = false;
        }
        playing.next = due + Duration::from_millis(u64::from(stream.config.ptime_ms));
        self.timers.set(&mut stream.due, key, Timer::Play, Some(playing.next));
        if stream.digits.is_some() {
            playing.joined = false;
            return;
        }
        let mut samples = [0; MAX_FRAME];
        let samples = samples
            .get_mut(..usize::from(stream.config.ptime_ms) * 8)
            .unwrap_or_default();
        if playing.playback.fill(&self.library, self.config.country, samples) == 0 {
            self.end_play(key, true);
            return;
        }
        let Some(remote) = stream.latch.remote().filter(|_| stream.config.send) else {
            playing.joined = false;
            return;
        };
        let sending = &mut stream.sending;
        let header = RtpHeader {
            marker: !playing.joined,
            payload_type: stream.config.send_payload,
            sequence: sending.next_sequence(),
            timestamp: if playing.joined {
                sending.following()
            } else {
                sending.timestamp_at(due)
            },
            ssrc: sending.ssrc(),
        };
        playing.joined = true;
        let mut codes = [0; MAX_FRAME];
        let codes = codes.get_mut(..samples.len()).unwrap_or_default();
        stream.config.codec.encode_all(samples, codes);
        let mut data = Packet::from_slice(&header.to_bytes());
        data.extend_from_slice(codes);
        let length = u32::try_from(samples.len()).unwrap_or(0);
        let at = sending.moment_of(header.timestamp, due);
        sending.sent(at, header.sequence, header.timestamp, length, samples.len());
        let id = stream.id;
        self.transmit(id, Channel::Rtp, remote, data);
    }

    /// Ends a play-out, if there is one; the bridge is heard again.
    pub(super) fn end_play(&mut self, key: Key, completed: bool) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        self.timers.set(&mut stream.due, key, Timer::Play, None);
        if let Some(playing) = stream.playing.take() {
            stream.relay = None;
            let event = Event::PlayEnded {
                stream: stream.id,
                play: playing.play,
                completed,
            };
            self.outputs.push_back(event.into());
        }
    }

    /// Sends the packet of a digit that is due, or ends the sending of digits.
    pub(super) fn digits_due(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let Some(digits) = &mut stream.digits else {
            self.timers.set(&mut stream.due, key, Timer::Digits, None);
            return;
        };
        let due = digits.due();
        let Some(packet) = digits.step(now) else {
            self.end_digits(key);
            return;
        };
        let next = digits.due();
        self.timers.set(&mut stream.due, key, Timer::Digits, Some(next));
        self.send_digit(key, due, packet);
    }

    /// Forgets the digits that are not sent; other sound is heard again.
    pub(super) fn end_digits(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        stream.digits = None;
        stream.relay = None;
        self.timers.set(&mut stream.due, key, Timer::Digits, None);
    }

    fn send_digit(&mut self, key: Key, due: Time, packet: DigitPacket) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if packet.first {
            stream.digit_timestamp = stream.sending.timestamp_at(due);
        }
        let remote = stream.latch.remote().filter(|_| stream.config.send);
        let (Some(remote), Some(payload_type)) = (remote, stream.config.dtmf_send) else {
            return;
        };
        let header = RtpHeader {
            marker: packet.first,
            payload_type,
            sequence: stream.sending.next_sequence(),
            timestamp: stream.digit_timestamp,
            ssrc: stream.sending.ssrc(),
        };
        let payload = packet.event.to_bytes();
        let mut data = Packet::from_slice(&header.to_bytes());
        data.extend_from_slice(&payload);
        // Sound that follows begins after the digit.
        let samples = u32::from(packet.event.duration);
        let at = stream.sending.moment_of(header.timestamp, due);
        stream
            .sending
            .sent(at, header.sequence, header.timestamp, samples, payload.len());
        let id = stream.id;
        self.transmit(id, Channel::Rtp, remote, data);
    }
}
