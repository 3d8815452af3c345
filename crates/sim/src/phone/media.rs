//! A phone's mouth, keypad and ear.

use std::time::Duration;

use machine::Time;

use super::call::{CallState, Sound};
use super::log::{CallId, Happening};
use super::{Phone, PhoneError, Task, rtp};
use crate::network::{Packet, Payload};

/// A packet of a digit, to be sent in time.
#[derive(Clone, Copy, Debug)]
pub(super) struct DigitPacket {
    event: u8,
    marker: bool,
    end: bool,
    timestamp: u32,
    duration: u16,
}

/// How long a digit is pressed, and from one to the next.
const DIGIT_MILLIS: [u64; 2] = [100, 160];

impl Phone {
    /// Sends a packet of audio, if the other side takes any, and comes back for the next.
    pub(super) fn speak(&mut self, id: CallId) {
        let timestamp = timestamp(self.now);
        let Some(call) = self.calls.get_mut(&id).filter(|call| call.state == CallState::Talking) else {
            return;
        };
        if let Some((agreed, remote)) = call
            .negotiation
            .agreed()
            .and_then(|agreed| Some((agreed, agreed.remote?)))
            && agreed.direction.sends()
        {
            let samples = usize::from(agreed.ptime_ms) * 8;
            let audio = vec![self.config.voice; samples];
            let data = call.sender.packet(agreed.send_payload, false, timestamp, &audio);
            self.outputs.push_back(Packet {
                from: call.local_rtp,
                to: remote,
                payload: Payload::Datagram(data),
            });
        }
        // A zero interval would let time stand still.
        self.after(
            self.config.audio_interval.max(Duration::from_millis(1)),
            Task::Speak(id),
        );
    }

    pub(super) fn schedule_digits(&mut self, id: CallId, digits: &str) -> Result<(), PhoneError> {
        let events: Option<Vec<u8>> = digits.chars().map(rtp::event).collect();
        let events = events.ok_or(PhoneError::BadDigit)?;
        let call = self.calls.get_mut(&id).ok_or(PhoneError::NoCall)?;
        call.agreed()
            .and_then(|agreed| agreed.dtmf_send)
            .ok_or(PhoneError::NoDigits)?;
        let [pressed, spacing] = DIGIT_MILLIS.map(Duration::from_millis);
        let mut start = self.now.max(call.digits_until);
        let first = start;
        let mut packets = Vec::new();
        for event in events {
            for step in 0..5_u16 {
                let packet = DigitPacket {
                    event,
                    marker: step == 0,
                    end: false,
                    timestamp: timestamp(start),
                    duration: 160 * (step + 1),
                };
                packets.push((start + Duration::from_millis(20) * u32::from(step), packet));
            }
            for repetition in 0..3 {
                let packet = DigitPacket {
                    event,
                    marker: false,
                    end: true,
                    timestamp: timestamp(start),
                    duration: 800,
                };
                packets.push((start + pressed + Duration::from_millis(repetition), packet));
            }
            start += spacing;
        }
        call.digits_until = start;
        debug_assert!(first >= self.now, "nothing is sent in the past");
        for (at, packet) in packets {
            self.after(at - self.now, Task::Digit(id, packet));
        }
        Ok(())
    }

    pub(super) fn send_digit_packet(&mut self, id: CallId, packet: DigitPacket) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(agreed) = call.negotiation.agreed().filter(|agreed| agreed.direction.sends()) else {
            return;
        };
        if let Some((payload_type, remote)) = agreed.dtmf_send.zip(agreed.remote) {
            let payload = rtp::event_payload(packet.event, packet.end, packet.duration);
            let data = call
                .sender
                .packet(payload_type, packet.marker, packet.timestamp, &payload);
            self.outputs.push_back(Packet {
                from: call.local_rtp,
                to: remote,
                payload: Payload::Datagram(data),
            });
        }
    }

    /// Audio or a digit arrived.
    pub(super) fn hear(&mut self, packet: Packet) {
        let Payload::Datagram(data) = packet.payload else {
            return;
        };
        let Some(id) = self.rtp_ports.get(&packet.to.port()).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (Some(agreed), Some(received)) = (call.negotiation.agreed(), rtp::read(&data)) else {
            return;
        };
        if received.payload_type == agreed.receive_payload {
            call.packets += 1;
            let sound = match received.payload {
                [first, rest @ ..] if rest.iter().all(|byte| byte == first) => Sound::Voice(*first),
                _ => Sound::Other,
            };
            call.last_sound = Some((self.now, sound));
        } else if Some(received.payload_type) == agreed.dtmf_receive
            && call.last_digit != Some(received.timestamp)
            && let Some(digit) = rtp::ended_digit(received.payload)
        {
            call.last_digit = Some(received.timestamp);
            self.note(Happening::Digit { call: id, digit });
        }
    }
}

/// The clock of 8000 Hz at this time.
fn timestamp(now: Time) -> u32 {
    let ticks = now.as_nanos() / 125_000;
    u32::try_from(ticks & u64::from(u32::MAX)).unwrap_or_default()
}
