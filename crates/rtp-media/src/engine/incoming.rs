//! What arrives on RTP.

use core::net::SocketAddr;

use super::Engine;
use super::output::Event;
use super::relay::Passing;
use super::stream::{Key, Payload};
use super::timers::Timer;
use crate::dtmf::{Digit, TelephoneEvent};
use crate::packet::RtpPacket;
use crate::session::{Arrival, LatchConfig, Reception, Verdict};

impl Engine {
    pub(super) fn receive_rtp(&mut self, key: Key, remote: SocketAddr, data: &[u8]) {
        let now = self.now;
        let Ok(packet) = RtpPacket::parse(data) else {
            self.stats.malformed += 1;
            return;
        };
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let kind = stream.payload(packet.payload_type());
        if !self.admit(key, kind, remote, &packet) {
            return;
        }
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let (arrival, changed) = match &mut stream.reception {
            Some(reception) if reception.ssrc() == packet.ssrc() => (reception.update(packet.sequence()), false),
            // A packet of a type that nobody agreed to does not make a source.
            _ if kind == Payload::Unknown => (Arrival::Invalid, false),
            before => {
                let first = Reception::new(packet.ssrc(), packet.sequence(), 1);
                let mut next = before
                    .as_ref()
                    .map_or(first, |b| b.followed_by(packet.ssrc(), packet.sequence()));
                let arrival = next.update(packet.sequence());
                (arrival, before.replace(next).is_some())
            }
        };
        let sound = arrival != Arrival::Invalid && matches!(kind, Payload::Sound(_));
        if let Some(reception) = stream.reception.as_mut().filter(|_| sound) {
            reception.update_jitter(now, packet.timestamp());
        }
        stream.bytes_received += u64::try_from(packet.payload().len()).unwrap_or(0);
        self.heard(key);
        let (number, restarted) = match arrival {
            Arrival::Next(number) | Arrival::Late(number) => (number, false),
            Arrival::Restarted(number) => (number, true),
            Arrival::Invalid => {
                self.count_unusable(kind);
                return;
            }
        };
        if restarted || changed {
            self.restart_presses(key);
        }
        let passing = Passing {
            source: key,
            ssrc: packet.ssrc(),
            number,
            restarted,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            kind,
            payload: packet.payload(),
        };
        self.deliver(key, &passing);
    }

    /// Whether a packet comes from the peer, wherever that is.
    fn admit(&mut self, key: Key, kind: Payload, remote: SocketAddr, packet: &RtpPacket<'_>) -> bool {
        let Some(stream) = self.streams.get_mut(key) else {
            return false;
        };
        let verdict = if kind != Payload::Unknown {
            let config = LatchConfig::new(self.config.learn_packets, self.config.learn_time);
            stream
                .latch
                .judge(config, self.now, remote, packet.ssrc(), packet.sequence())
        } else if stream.latch.is_remote(remote) {
            Verdict::Accept
        } else {
            Verdict::Foreign
        };
        match verdict {
            Verdict::Accept => true,
            Verdict::Learned => {
                stream.reports.forget_remote();
                let event = Event::Latched {
                    stream: stream.id,
                    remote,
                };
                self.outputs.push_back(event.into());
                true
            }
            Verdict::Foreign => {
                stream.foreign += 1;
                self.stats.foreign += 1;
                false
            }
        }
    }

    /// The peer is alive.
    pub(super) fn heard(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        stream.last_heard = self.now;
        if stream.silence_told {
            stream.silence_told = false;
            let at = stream.silent_at();
            self.timers.set(&mut stream.due, key, Timer::Silence, at);
        }
    }

    /// Tells a digit whose end has not come by its time.
    pub(super) fn release_due(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let at = stream.presses.release_at();
        if at.is_some_and(|at| at > now) {
            // More of it was heard since the timer was set.
            self.timers.set(&mut stream.due, key, Timer::Release, at);
            return;
        }
        self.timers.set(&mut stream.due, key, Timer::Release, None);
        let digit = stream.presses.release();
        self.tell(key, digit);
    }

    /// Tells silence that has lasted long enough.
    pub(super) fn silence_due(&mut self, key: Key) {
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if stream.silent_at().is_some_and(|at| at <= now) {
            stream.silence_told = true;
            let event = Event::Silent {
                stream: stream.id,
                quiet_for: now - stream.last_heard,
            };
            self.outputs.push_back(event.into());
        }
        let at = stream.silent_at();
        self.timers.set(&mut stream.due, key, Timer::Silence, at);
    }

    /// Gives a packet to the digits and to the bridge.
    fn deliver(&mut self, key: Key, packet: &Passing<'_>) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if !stream.config.receive {
            return;
        }
        let bridge = stream.bridge;
        match packet.kind {
            Payload::Sound(codec) => {
                if let Some(member) = &mut stream.member {
                    member.hear(packet, codec, &mut self.stats);
                }
            }
            Payload::Unknown => self.stats.unknown_payload += 1,
            Payload::Event => {
                let Some(event) = TelephoneEvent::parse(packet.payload) else {
                    self.stats.malformed += 1;
                    return;
                };
                let digits = stream.presses.receive(self.now, packet.timestamp, event);
                if !stream.due.watches_release() {
                    let at = stream.presses.release_at();
                    self.timers.set(&mut stream.due, key, Timer::Release, at);
                }
                digits.into_iter().for_each(|digit| self.tell(key, digit));
            }
        }
        if let Some(bridge) = bridge {
            self.relay(bridge, packet);
        }
    }

    fn count_unusable(&mut self, kind: Payload) {
        match kind {
            Payload::Unknown => self.stats.unknown_payload += 1,
            Payload::Sound(_) | Payload::Event => self.stats.out_of_sequence += 1,
        }
    }

    fn restart_presses(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        let digit = stream.presses.restart().filter(|_| stream.config.receive);
        self.tell(key, digit);
    }

    fn tell(&mut self, key: Key, digit: Option<Digit>) {
        if let (Some(Digit { digit, duration }), Some(stream)) = (digit, self.streams.get(key)) {
            self.outputs.push_back(
                Event::Digit {
                    stream: stream.id,
                    digit,
                    duration,
                }
                .into(),
            );
            self.relay_digit(key, digit);
        }
    }
}
