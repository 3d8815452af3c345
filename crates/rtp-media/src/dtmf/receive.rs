//! Receiving digits, whichever of their packets are lost, doubled or late.
//!
//! A key press is many packets of one timestamp. Only the timestamp tells presses apart: marker bits and end packets
//! may be lost, and ends are sent three times on purpose.

use core::time::Duration;

use machine::Time;

use super::{TelephoneEvent, digit_of};
use crate::session::CLOCK;

/// After so long without a packet the key was released, and all end packets are lost. Packets come every 20 to 50 ms.
const RELEASED_AFTER: Duration = Duration::from_millis(200);
/// A timestamp further back than this is a sender that began anew, not a packet that is late: ten seconds.
const MAX_LATE: u32 = 10 * 8_000;
/// An event that lasts longer goes on under a new timestamp (RFC 4733 §2.5.1.3).
const LONGEST_SEGMENT: u32 = 0xffff;

/// A key that was pressed and released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Digit {
    /// `0`–`9`, `*`, `#`, `A`–`D`.
    pub digit: char,
    /// How long, as far as was heard.
    pub duration: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Held {
    digit: char,
    timestamp: u32,
    /// Of the segments before this one.
    before: u32,
    duration: u16,
    heard: Time,
}

/// Turns event packets into key presses: each exactly once.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DigitReceiver {
    held: Option<Held>,
    /// The timestamp of the newest press that was told.
    told: Option<u32>,
}

impl DigitReceiver {
    /// Takes a packet with its RTP timestamp. The result is a press that is now known to be over: that of this packet,
    /// or the one before it whose end was lost; in the rare case of both, they come in this order.
    pub fn receive(&mut self, now: Time, timestamp: u32, event: TelephoneEvent) -> [Option<Digit>; 2] {
        let Some(digit) = digit_of(event.event) else {
            return [None; 2];
        };
        let known = self.held.map(|held| held.timestamp).into_iter().chain(self.told);
        let mut earlier = None;
        let mut held = Held {
            digit,
            timestamp,
            before: 0,
            duration: event.duration,
            heard: now,
        };
        match self.held {
            Some(before) if before.timestamp == timestamp => {
                held = Held {
                    duration: before.duration.max(event.duration),
                    heard: now,
                    ..before
                };
            }
            Some(before) if before.continues(digit, timestamp) => {
                held.before = before.before.saturating_add(LONGEST_SEGMENT);
            }
            _ => {
                for known in known {
                    if known.wrapping_sub(timestamp) <= MAX_LATE {
                        return [None; 2];
                    }
                }
                earlier = self.release();
            }
        }
        self.held = Some(held);
        let this = if event.end { self.release() } else { None };
        [earlier, this]
    }

    /// Ends the press that is under way, if there is one.
    pub fn release(&mut self) -> Option<Digit> {
        let held = self.held.take()?;
        self.told = Some(held.timestamp);
        let samples = u64::from(held.before) + u64::from(held.duration);
        Some(Digit {
            digit: held.digit,
            duration: Duration::from_micros(samples * (1_000_000 / CLOCK)),
        })
    }

    /// Forgets which presses were told: another source has other timestamps. Ends the press that is under way.
    pub fn restart(&mut self) -> Option<Digit> {
        let digit = self.release();
        self.told = None;
        digit
    }

    /// When the press that is under way ends unless more of it is heard.
    #[must_use]
    pub fn release_at(&self) -> Option<Time> {
        self.held.map(|held| held.heard + RELEASED_AFTER)
    }
}

impl Held {
    fn continues(&self, digit: char, timestamp: u32) -> bool {
        self.digit == digit && timestamp == self.timestamp.wrapping_add(LONGEST_SEGMENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packets(event: u8, timestamp: u32) -> Vec<(u32, TelephoneEvent)> {
        let mut packets: Vec<_> = (1..=5)
            .map(|n| {
                (
                    timestamp,
                    TelephoneEvent {
                        event,
                        end: n == 5,
                        volume: 10,
                        duration: n * 160,
                    },
                )
            })
            .collect();
        packets.push(packets[4]);
        packets.push(packets[4]);
        packets
    }

    fn heard(packets: &[(u32, TelephoneEvent)]) -> String {
        let mut receiver = DigitReceiver::default();
        let mut digits = String::new();
        for (index, (timestamp, event)) in (0..).zip(packets) {
            let told = receiver.receive(Time::from_millis(index * 20), *timestamp, *event);
            digits.extend(told.into_iter().flatten().map(|digit| digit.digit));
        }
        digits.extend(receiver.release().map(|digit| digit.digit));
        digits
    }

    #[test]
    fn a_press_is_told_once_with_its_duration() {
        let mut receiver = DigitReceiver::default();
        let mut told = Vec::new();
        for (timestamp, event) in packets(11, 0xffff_ff00) {
            told.extend(receiver.receive(Time::ZERO, timestamp, event).into_iter().flatten());
        }
        assert_eq!(
            told,
            [Digit {
                digit: '#',
                duration: Duration::from_millis(100)
            }]
        );
        assert_eq!(receiver.release_at(), None);
    }

    #[test]
    fn any_packets_lost_it_is_still_told_once() {
        // Every subset of the seven packets but the empty one.
        for kept in 1..128u32 {
            let all = packets(5, 1_000);
            let some: Vec<_> = (0..7).filter(|bit| kept >> bit & 1 == 1).map(|bit| all[bit]).collect();
            assert_eq!(heard(&some), "5", "kept {kept:07b}");
        }
    }

    #[test]
    fn the_same_key_twice_is_two_presses_though_ends_are_lost() {
        let (first, second) = (packets(1, 1_000), packets(1, 2_600));
        assert_eq!(heard(&[&first[..], &second[..]].concat()), "11");
        assert_eq!(heard(&[&first[..4], &second[..]].concat()), "11");
        assert_eq!(heard(&[&first[..2], &second[4..]].concat()), "11");
        // Late ends of the first among the second.
        assert_eq!(
            heard(&[&first[..5], &second[..2], &first[5..], &second[2..]].concat()),
            "11"
        );
        assert_eq!(
            heard(&[&first[..3], &second[..2], &first[3..], &second[2..]].concat()),
            "11"
        );
    }

    #[test]
    fn a_press_without_end_is_over_after_200_ms() {
        let mut receiver = DigitReceiver::default();
        for (timestamp, event) in packets(0, 0).into_iter().take(3) {
            assert_eq!(receiver.receive(Time::from_secs(1), timestamp, event), [None; 2]);
        }
        assert_eq!(receiver.release_at(), Some(Time::from_millis(1_200)));
        assert_eq!(receiver.release().unwrap().duration, Duration::from_millis(60));
        let late = packets(0, 0)[6];
        assert_eq!(receiver.receive(Time::from_secs(2), late.0, late.1), [None; 2]);
    }

    #[test]
    fn a_very_long_press_goes_on_under_the_next_timestamp() {
        let mut receiver = DigitReceiver::default();
        let event = |duration, end| TelephoneEvent {
            event: 3,
            end,
            volume: 0,
            duration,
        };
        assert_eq!(receiver.receive(Time::ZERO, 100, event(0xffff, false)), [None; 2]);
        assert_eq!(receiver.receive(Time::ZERO, 100 + 0xffff, event(1, false)), [None; 2]);
        let told = receiver.receive(Time::ZERO, 100 + 0xffff, event(8_001, true));
        assert_eq!(
            told,
            [
                None,
                Some(Digit {
                    digit: '3',
                    duration: Duration::from_micros((65_535 + 8_001) * 125)
                })
            ]
        );
    }

    #[test]
    fn other_events_are_no_digits_and_timestamps_may_begin_anew() {
        let mut receiver = DigitReceiver::default();
        let end = |event| TelephoneEvent {
            event,
            end: true,
            volume: 0,
            duration: 800,
        };
        assert_eq!(receiver.receive(Time::ZERO, 5, end(16)), [None; 2]);
        assert!(receiver.receive(Time::ZERO, 1_000_000, end(1))[1].is_some());
        assert_eq!(receiver.receive(Time::ZERO, 1_000_000 - MAX_LATE, end(2)), [None; 2]);
        assert!(receiver.receive(Time::ZERO, 1_000_000 - MAX_LATE - 1, end(2))[1].is_some());
    }

    proptest! {
        /// Whatever of the packets is lost or doubled, in order: each press of which one packet came is told once.
        #[test]
        fn presses_are_told_once_in_order(
            keys in proptest::collection::vec(0u8..16, 1..20),
            fates in proptest::collection::vec(0usize..4, 140),
        ) {
            let mut arrived = Vec::new();
            let mut expected = String::new();
            let mut fates = fates.into_iter();
            for (index, key) in (0u32..).zip(&keys) {
                let before = arrived.len();
                for packet in packets(*key, 4_000_000_000u32.wrapping_add(index * 20_000_000 / 10_000)) {
                    // Lost, once, once, twice.
                    let copies = [0, 1, 1, 2][fates.next().unwrap()];
                    arrived.extend(std::iter::repeat_n(packet, copies));
                }
                if arrived.len() > before {
                    expected.extend(digit_of(*key));
                }
            }
            prop_assert_eq!(heard(&arrived), expected);
        }
    }
}
