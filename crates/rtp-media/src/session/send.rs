//! The numbering of what is sent: one SSRC, sequence numbers without holes, timestamps that follow the wall clock over
//! pauses and changes of source.

use core::time::Duration;

use machine::Time;

use super::{CLOCK, low_word};
use crate::rtcp::SenderInfo;

/// Seconds from the epoch of NTP (1900) to that of [`Time`] (1970).
const NTP_EPOCH: u64 = 2_208_988_800;

/// Numbering and counters of one sent stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sending {
    ssrc: u32,
    next_sequence: u16,
    /// Timestamp, time and samples of the newest packet.
    timestamp: u32,
    at: Option<Time>,
    samples: u32,
    packets: u64,
    octets: u64,
}

impl Sending {
    /// A stream that has sent nothing. The numbers should be random (RFC 3550 §5.1).
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            next_sequence: sequence,
            timestamp,
            at: None,
            samples: 0,
            packets: 0,
            octets: 0,
        }
    }

    /// Our synchronisation source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sequence number of the next packet.
    #[must_use]
    pub const fn next_sequence(&self) -> u16 {
        self.next_sequence
    }

    /// The timestamp that follows the newest packet's samples without a gap.
    #[must_use]
    pub const fn following(&self) -> u32 {
        self.timestamp.wrapping_add(self.samples)
    }

    /// The timestamp of a packet that begins at `now` after a pause or another source: as much later as the clock says,
    /// never earlier than where the newest packet ends.
    #[must_use]
    pub fn timestamp_at(&self, now: Time) -> u32 {
        self.timestamp.wrapping_add(self.elapsed(now).max(self.samples))
    }

    /// The timestamp of a packet that takes over at `now` from another source of the same sound, and whether it follows the newest packet
    /// without a gap: as if there had been no change, while the clock is at most `slack` samples ahead.
    #[must_use]
    pub fn taking_over(&self, now: Time, slack: u32) -> (u32, bool) {
        let (clock, following) = (self.timestamp_at(now), self.following());
        if self.at.is_some() && clock.wrapping_sub(following) <= slack {
            (following, true)
        } else {
            (clock, false)
        }
    }

    /// The moment that a timestamp of ours stands for. A packet whose timestamp had to follow the one before, though the
    /// clock was not there yet, stands for a later moment than that of its sending: the next pause makes up for it.
    #[must_use]
    pub fn moment_of(&self, timestamp: u32, now: Time) -> Time {
        let Some(at) = self.at else { return now };
        let samples = u64::from(timestamp.wrapping_sub(self.timestamp));
        at + Duration::from_nanos(samples * (1_000_000_000 / CLOCK))
    }

    /// Counts a packet that was sent with these numbers, and whose timestamp stands for `at`.
    pub fn sent(&mut self, at: Time, sequence: u16, timestamp: u32, samples: u32, octets: usize) {
        self.packets = self.packets.saturating_add(1);
        self.octets = self.octets.saturating_add(u64::try_from(octets).unwrap_or(0));
        let after = sequence.wrapping_add(1);
        // A late packet that is passed on moves nothing back.
        if after.wrapping_sub(self.next_sequence).cast_signed() > 0 {
            self.next_sequence = after;
            self.samples = samples;
            // The packets of a digit share the timestamp of its beginning.
            if self.at.is_none() || timestamp != self.timestamp {
                self.timestamp = timestamp;
                self.at = Some(at);
            }
        }
    }

    /// Packets sent.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Payload bytes sent.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// What a sender report of this moment says.
    #[must_use]
    pub fn info(&self, now: Time) -> SenderInfo {
        SenderInfo {
            ntp: ntp(now),
            rtp: self.timestamp.wrapping_add(self.elapsed(now)),
            packets: low_word(self.packets),
            octets: low_word(self.octets),
        }
    }

    fn elapsed(&self, now: Time) -> u32 {
        let nanos = self.at.map_or(0, |at| now.as_nanos().saturating_sub(at.as_nanos()));
        low_word(nanos / (1_000_000_000 / CLOCK))
    }
}

/// NTP time of a moment: seconds since 1900, and 2⁻³² of a second.
pub(crate) const fn ntp(now: Time) -> u64 {
    let fraction = ((now.as_nanos() % 1_000_000_000) << 32) / 1_000_000_000;
    (now.as_secs().wrapping_add(NTP_EPOCH) << 32) | fraction
}

/// The middle 32 bits of an NTP time: 65536ths of a second.
pub(crate) const fn ntp_middle(ntp: u64) -> u32 {
    low_word(ntp >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_follow_the_clock_over_a_pause() {
        let start = Time::from_secs(1_000);
        let mut sending = Sending::new(1, 65_535, u32::MAX - 100);
        assert_eq!(sending.timestamp_at(start), u32::MAX - 100);
        sending.sent(start, 65_535, u32::MAX - 100, 160, 160);
        assert_eq!(sending.next_sequence(), 0);
        assert_eq!(sending.following(), 59);
        assert_eq!(
            sending.timestamp_at(start + Duration::from_millis(5)),
            59,
            "not into the packet before"
        );
        assert_eq!(sending.timestamp_at(start + Duration::from_secs(2)), 16_000 - 101);
        assert_eq!(sending.timestamp_at(Time::ZERO), 59, "a clock that goes back");
        // Packets that had to follow each other too early: the pause after them makes up for it.
        for sequence in 0..10 {
            let timestamp = sending.timestamp_at(start);
            sending.sent(sending.moment_of(timestamp, start), sequence, timestamp, 160, 160);
        }
        assert_eq!(sending.following(), 59 + 1_600);
        assert_eq!(sending.timestamp_at(start + Duration::from_secs(2)), 16_000 - 101);
    }

    #[test]
    fn a_late_packet_is_counted_and_moves_nothing() {
        let now = Time::from_secs(1);
        let mut sending = Sending::new(1, 10, 0);
        sending.sent(now, 10, 1_000, 160, 160);
        sending.sent(now, 12, 1_320, 160, 160);
        sending.sent(now, 11, 1_160, 160, 160);
        assert_eq!(
            (sending.next_sequence(), sending.following(), sending.packets()),
            (13, 1_480, 3)
        );
    }

    #[test]
    fn a_timestamp_that_is_held_belongs_to_its_first_packet() {
        let mut sending = Sending::new(1, 10, 0);
        for packet in 0..7u16 {
            sending.sent(Time::from_millis(u64::from(packet) * 20), 10 + packet, 5_000, 160, 4);
        }
        assert_eq!(sending.timestamp_at(Time::from_millis(200)), 5_000 + 1_600);
    }

    #[test]
    fn ntp_begins_in_1900() {
        assert_eq!(ntp(Time::ZERO), 2_208_988_800 << 32);
        assert_eq!(ntp(Time::from_millis(500)) & 0xffff_ffff, 0x8000_0000);
        let info = Sending::new(1, 0, 100).info(Time::from_secs(9));
        assert_eq!((info.rtp, info.packets), (100, 0));
    }
}
