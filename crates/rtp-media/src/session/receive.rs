//! Statistics of what is received, as RFC 3550 appendix A tells it.

use core::time::Duration;

use machine::Time;

use super::{CLOCK, low_half, rtp_clock};
use crate::rtcp::ReportBlock;

/// A jump forward of so many packets is still loss (RFC 3550 §A.1).
const MAX_DROPOUT: u16 = 3_000;
/// A packet so far behind is still late (RFC 3550 §A.1).
const MAX_MISORDER: u16 = 100;
/// A step of the sender's timestamps by more than ten seconds is a new beginning, not jitter.
const MAX_TRANSIT_STEP: u32 = 10 * 8_000;

/// What a sequence number says about its packet (RFC 3550 §A.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrival {
    /// Newer than all before. The number counts on over wraps.
    Next(u32),
    /// Late or doubled. The number counts as for those before.
    Late(u32),
    /// The source began anew, at this number.
    Restarted(u32),
    /// Out of any sequence, or not yet enough in sequence to be believed.
    Invalid,
}

/// What is known about one source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reception {
    ssrc: u32,
    highest: u32,
    base: u32,
    bad: Option<u16>,
    /// Packets in sequence still wanted, and wanted at the beginning.
    probation: u8,
    sequential: u8,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    transit: Option<u32>,
    /// In sixteenths of a sample.
    jitter: u32,
    /// What came and was lost before the source began anew, or another took its place.
    received_before: u64,
    lost_before: i64,
}

impl Reception {
    /// A source that is about to send its first packet. It is believed after `probation` packets in sequence; 1
    /// believes the first.
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, probation: u8) -> Self {
        Self {
            ssrc,
            highest: (sequence as u32).wrapping_sub(1) & 0xffff,
            base: sequence as u32,
            bad: None,
            probation,
            sequential: probation,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            transit: None,
            jitter: 0,
            received_before: 0,
            lost_before: 0,
        }
    }

    /// The source that takes the place of this one, believed from its first packet on. Totals go on.
    #[must_use]
    pub const fn followed_by(&self, ssrc: u32, sequence: u16) -> Self {
        let mut next = Self::new(ssrc, sequence, 1);
        next.received_before = self.total_received();
        next.lost_before = self.total_lost();
        next.jitter = self.jitter;
        next
    }

    /// The source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes the sequence number of a packet.
    pub fn update(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(low_half(self.highest));
        if self.probation > 0 {
            return self.probe(sequence, ahead);
        }
        if ahead == 0 || ahead > MAX_MISORDER.wrapping_neg() {
            self.received = self.received.saturating_add(1);
            let behind = ahead.wrapping_neg();
            return Arrival::Late(self.highest.wrapping_sub(u32::from(behind)));
        }
        if ahead < MAX_DROPOUT {
            self.received = self.received.saturating_add(1);
            self.highest = self.highest.wrapping_add(u32::from(ahead));
            self.bad = None;
            return Arrival::Next(self.highest);
        }
        // A great jump: believed when the next packet follows it.
        if self.bad == Some(sequence) {
            (self.received_before, self.lost_before) = (self.total_received(), self.total_lost());
            self.restart(sequence);
            return Arrival::Restarted(self.highest);
        }
        self.bad = Some(sequence.wrapping_add(1));
        Arrival::Invalid
    }

    /// Takes the timestamp of a packet of sound that arrived at `now` (RFC 3550 §A.8).
    pub fn update_jitter(&mut self, now: Time, timestamp: u32) {
        let transit = rtp_clock(now).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let step = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            if step <= MAX_TRANSIT_STEP {
                let settled = self.jitter.saturating_add(8) >> 4;
                self.jitter = self.jitter.saturating_add(step).saturating_sub(settled);
            }
        }
    }

    /// Packets that came since the first source began, doubled ones too.
    #[must_use]
    pub const fn total_received(&self) -> u64 {
        self.received_before.saturating_add(self.received)
    }

    /// Packets that did not come since the first source began; negative where more came twice.
    #[must_use]
    pub const fn total_lost(&self) -> i64 {
        self.lost_before.saturating_add(self.lost())
    }

    /// Packets that came since the source began, or began anew, doubled ones too.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets that should have come since the source began, or began anew.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        if self.probation > 0 {
            return 0;
        }
        self.highest.wrapping_sub(self.base) as u64 + 1
    }

    /// Packets that did not come; negative where more came twice.
    #[must_use]
    pub const fn lost(&self) -> i64 {
        self.expected()
            .cast_signed()
            .saturating_sub(self.received.cast_signed())
    }

    /// Variation of the arrival times.
    #[must_use]
    pub fn jitter(&self) -> Duration {
        Duration::from_nanos(u64::from(self.jitter) * (1_000_000_000 / CLOCK) / 16)
    }

    /// The block about this source for the next report; begins a new interval of its fraction (RFC 3550 §A.3).
    pub fn report(&mut self, last_report: u32, since_last: u32) -> ReportBlock {
        let (expected, received) = (self.expected(), self.received);
        let expected_now = expected.saturating_sub(self.expected_prior);
        let lost_now = expected_now.saturating_sub(received.saturating_sub(self.received_prior));
        (self.expected_prior, self.received_prior) = (expected, received);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255);
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(self.lost().clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            highest: self.highest,
            jitter: self.jitter >> 4,
            last_report,
            since_last,
        }
    }

    fn probe(&mut self, sequence: u16, ahead: u16) -> Arrival {
        if ahead != 1 {
            self.probation = self.sequential.saturating_sub(1).max(1);
            self.highest = u32::from(sequence);
            return Arrival::Invalid;
        }
        self.probation -= 1;
        self.highest = u32::from(sequence);
        if self.probation > 0 {
            return Arrival::Invalid;
        }
        self.restart(sequence);
        Arrival::Next(self.highest)
    }

    fn restart(&mut self, sequence: u16) {
        self.highest = u32::from(sequence);
        self.base = self.highest;
        self.bad = None;
        self.received = 1;
        self.expected_prior = 0;
        self.received_prior = 0;
        self.transit = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_over_the_wrap_and_backwards() {
        let mut reception = Reception::new(1, 65_534, 1);
        assert_eq!(reception.update(65_534), Arrival::Next(65_534));
        assert_eq!(reception.update(0), Arrival::Next(65_536));
        assert_eq!(reception.update(65_535), Arrival::Late(65_535));
        assert_eq!(reception.update(1), Arrival::Next(65_537));
        assert_eq!(
            (reception.expected(), reception.received(), reception.lost()),
            (4, 4, 0)
        );
        assert_eq!(reception.report(0, 0).highest, 65_537);
    }

    #[test]
    fn a_source_is_believed_after_its_probation() {
        let mut reception = Reception::new(1, 10, 3);
        assert_eq!(
            [10, 11].map(|sequence| reception.update(sequence)),
            [Arrival::Invalid; 2]
        );
        assert_eq!(reception.update(12), Arrival::Next(12));
        let mut reception = Reception::new(1, 10, 2);
        assert_eq!(
            [10, 12, 20].map(|sequence| reception.update(sequence)),
            [Arrival::Invalid; 3]
        );
        assert_eq!(reception.update(21), Arrival::Next(21));
        assert_eq!((reception.expected(), reception.received()), (1, 1));
    }

    #[test]
    fn jumps_at_the_limits_of_appendix_a() {
        let start = 30_000;
        let fresh = || {
            let mut reception = Reception::new(1, start, 1);
            reception.update(start);
            reception
        };
        assert_eq!(
            fresh().update(start + MAX_DROPOUT - 1),
            Arrival::Next(u32::from(start + MAX_DROPOUT - 1))
        );
        assert_eq!(fresh().update(start + MAX_DROPOUT), Arrival::Invalid);
        assert_eq!(
            fresh().update(start - MAX_MISORDER + 1),
            Arrival::Late(u32::from(start - MAX_MISORDER + 1))
        );
        assert_eq!(fresh().update(start - MAX_MISORDER), Arrival::Invalid);
        let mut reception = fresh();
        assert_eq!(reception.update(100), Arrival::Invalid);
        assert_eq!(reception.update(start + 1), Arrival::Next(u32::from(start + 1)));
        assert_eq!(reception.update(100), Arrival::Invalid);
        assert_eq!(reception.update(101), Arrival::Restarted(101));
        assert_eq!((reception.expected(), reception.received()), (1, 1));
        assert_eq!((reception.total_received(), reception.total_lost()), (3, 0));
        let mut next = reception.followed_by(2, 7);
        assert_eq!(next.update(7), Arrival::Next(7));
        next.update(9);
        assert_eq!((next.total_received(), next.total_lost()), (5, 1));
    }

    #[test]
    fn one_packet_in_four_lost_is_64_of_256() {
        let mut reception = Reception::new(1, 0, 1);
        for sequence in (0..400).filter(|sequence| sequence % 4 != 1) {
            reception.update(sequence);
        }
        let block = reception.report(0, 0);
        assert_eq!((block.fraction_lost, block.lost), (64, 100));
        for sequence in 400..500 {
            reception.update(sequence);
        }
        let block = reception.report(0, 0);
        assert_eq!((block.fraction_lost, block.lost), (0, 100));
        assert_eq!(reception.report(0, 0).fraction_lost, 0, "an interval without packets");
    }

    #[test]
    fn jitter_settles_at_the_mean_of_the_steps() {
        let mut reception = Reception::new(1, 0, 1);
        // Every other packet comes 8 ms late: each transit differs from the one before by 64 samples.
        for packet in 0..2_000u32 {
            let arrival = Time::from_millis(u64::from(packet) * 20 + u64::from(packet % 2) * 8);
            reception.update_jitter(arrival, (packet * 160).wrapping_add(0xffff_0000));
        }
        assert_eq!(
            reception.jitter().as_millis(),
            8 - 1,
            "64 samples less what the rounding of A.8 takes"
        );
        let before = reception.jitter();
        reception.update_jitter(Time::from_secs(1_000_000), 77);
        assert_eq!(reception.jitter(), before, "a leap of the timestamps is not jitter");
    }

    proptest! {
        /// Against a model that keeps every number ever seen.
        #[test]
        fn loss_is_what_a_list_of_numbers_says(first: u16, gaps in proptest::collection::vec(1u16..50, 1..300)) {
            let mut reception = Reception::new(1, first, 1);
            let (mut at, mut received) = (u64::from(first), 0u64);
            for (index, gap) in gaps.iter().enumerate() {
                if index > 0 {
                    at += u64::from(*gap);
                }
                received += 1;
                let counted = u32::try_from(at).unwrap();
                prop_assert_eq!(reception.update((at & 0xffff) as u16), Arrival::Next(counted));
            }
            prop_assert_eq!(reception.lost(), (at - u64::from(first) + 1 - received).cast_signed());
        }

        #[test]
        fn any_sequence_of_numbers_is_survived(numbers in proptest::collection::vec(any::<u16>(), 0..300)) {
            let mut reception = Reception::new(1, 0, 2);
            for (index, number) in (0u64..).zip(numbers) {
                reception.update(number);
                reception.update_jitter(Time::from_millis(index), u32::from(number) << 16);
                let block = reception.report(0, 0);
                prop_assert!(block.lost.abs() <= 0x80_0000);
            }
        }
    }
}
