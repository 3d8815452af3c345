//! Sending digits (RFC 4733 §2.5.1): a packet every 20 ms while the key is held, and its end three times.

use core::time::Duration;
use std::collections::VecDeque;

use machine::Time;

use super::TelephoneEvent;

/// Between two packets of a press.
const INTERVAL: Duration = Duration::from_millis(20);
/// RTP clock units of an interval.
const INTERVAL_SAMPLES: u16 = 160;
/// The end is sent once, and so many times again.
const REPEATS: u16 = 2;
/// The level of keys: -10 dBm0.
const VOLUME: u8 = 10;
/// A caller who is later than this has missed packets; the rest is sent from then on.
const MAX_LATE: Duration = Duration::from_millis(200);
/// Packets of a press at most: eight seconds, so that the duration fits into its field.
const MAX_UPDATES: u128 = 400;

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigitPacket {
    /// The payload.
    pub event: TelephoneEvent,
    /// Whether it is the first of its press: it has the marker bit, and a timestamp that the later ones repeat.
    pub first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Press {
    event: u8,
    sent: u16,
}

/// Sends digits one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DigitSender {
    waiting: VecDeque<u8>,
    press: Option<Press>,
    next: Time,
    /// Packets of a press before its end is repeated.
    updates: u16,
    /// From the last repetition to the next press.
    gap: Duration,
}

impl DigitSender {
    /// A sender whose first packet is due at `now`. `held` is brought into 40 ms to 8 s in steps of 20 ms; the `pause`
    /// after it is at least 60 ms.
    #[must_use]
    pub fn new(now: Time, held: Duration, pause: Duration) -> Self {
        let updates = held.as_nanos().div_ceil(INTERVAL.as_nanos()).clamp(2, MAX_UPDATES);
        // The pause counts from the end of the last update; the repetitions fall into it.
        let least = INTERVAL * u32::from(REPEATS + 1);
        Self {
            waiting: VecDeque::new(),
            press: None,
            next: now,
            updates: u16::try_from(updates).unwrap_or(2),
            gap: pause.max(least).saturating_sub(INTERVAL * u32::from(REPEATS - 1)),
        }
    }

    /// Adds the code of a digit to those that wait.
    pub fn push(&mut self, event: u8) {
        self.waiting.push_back(event);
    }

    /// Digits that are not sent to their end.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.press.is_some())
    }

    /// When the next packet is due, or, after the last one, when sound may follow.
    #[must_use]
    pub const fn due(&self) -> Time {
        self.next
    }

    /// The packet that is due at `now`; `None` when all is sent and the last pause is over. To be called when
    /// [`due`](Self::due) has come.
    pub fn step(&mut self, now: Time) -> Option<DigitPacket> {
        let mut press = match self.press {
            Some(press) => press,
            None => Press {
                event: self.waiting.pop_front()?,
                sent: 0,
            },
        };
        press.sent += 1;
        let first = press.sent == 1;
        let duration = press.sent.min(self.updates).saturating_mul(INTERVAL_SAMPLES);
        let end = press.sent >= self.updates;
        let event = TelephoneEvent {
            event: press.event,
            end,
            volume: VOLUME,
            duration,
        };
        self.next += INTERVAL;
        if press.sent >= self.updates + REPEATS {
            self.press = None;
            self.next += self.gap.saturating_sub(INTERVAL);
        } else {
            self.press = Some(press);
        }
        if self.next + MAX_LATE < now {
            self.next = now + INTERVAL;
        }
        Some(DigitPacket { event, first })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DigitReceiver, digit_of, event_of};
    use super::*;

    fn run(digits: &str, held: u64, pause: u64) -> (Vec<(u64, DigitPacket)>, u64) {
        let ms = Duration::from_millis;
        let mut sender = DigitSender::new(Time::from_secs(1), ms(held), ms(pause));
        digits.chars().for_each(|digit| sender.push(event_of(digit).unwrap()));
        let mut packets = Vec::new();
        loop {
            let now = sender.due();
            let Some(packet) = sender.step(now) else {
                return (packets, now.as_millis() - 1_000);
            };
            packets.push((now.as_millis() - 1_000, packet));
        }
    }

    #[test]
    fn a_press_of_100_ms() {
        let (packets, over) = run("7", 100, 100);
        let shape: Vec<_> = packets
            .iter()
            .map(|(at, packet)| (*at, packet.event.duration, packet.event.end, packet.first))
            .collect();
        assert_eq!(
            shape,
            [
                (0, 160, false, true),
                (20, 320, false, false),
                (40, 480, false, false),
                (60, 640, false, false),
                (80, 800, true, false),
                (100, 800, true, false),
                (120, 800, true, false),
            ]
        );
        assert_eq!(over, 200, "100 ms of key, 100 ms of pause");
    }

    #[test]
    fn presses_keep_their_pause() {
        let (packets, over) = run("12", 100, 100);
        assert_eq!(
            packets
                .iter()
                .filter(|(_, packet)| packet.first)
                .map(|(at, _)| *at)
                .collect::<Vec<_>>(),
            [0, 200]
        );
        assert_eq!(over, 400);
    }

    #[test]
    fn extremes_are_brought_into_range() {
        assert_eq!(run("1", 0, 0).0.len(), 4);
        let (packets, _) = run("1", u64::MAX / 2_000_000, 0);
        assert_eq!(packets.last().unwrap().1.event.duration, 64_000);
        let (packets, over) = run("11", 40, 0);
        assert_eq!((packets[4].0, over), (100, 200));
    }

    #[test]
    fn what_is_sent_is_received() {
        let (packets, _) = run("0123456789*#ABCD", 80, 60);
        let mut receiver = DigitReceiver::default();
        let (mut timestamp, mut heard) = (0, String::new());
        for (at, packet) in packets {
            if packet.first {
                timestamp = u32::try_from(at).unwrap() * 8;
            }
            let told = receiver.receive(Time::from_millis(at), timestamp, packet.event);
            heard.extend(told.into_iter().flatten().map(|digit| digit.digit));
        }
        assert_eq!(heard, "0123456789*#ABCD");
        assert_eq!(digit_of(16), None);
    }

    #[test]
    fn a_caller_who_slept_does_not_get_a_flood() {
        let mut sender = DigitSender::new(Time::ZERO, Duration::from_millis(100), Duration::ZERO);
        (0..64).for_each(|_| sender.push(1));
        let now = Time::from_secs(3_600);
        let mut burst = 0;
        while sender.due() <= now && sender.step(now).is_some() {
            burst += 1;
        }
        assert_eq!(burst, 1);
    }
}
