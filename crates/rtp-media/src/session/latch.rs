//! Where the peer is: the agreed address, or one that is learned once (symmetric RTP), and no other.
//!
//! A phone behind a router announces an address that cannot be reached; its packets come from another. So a source
//! other than the agreed one is learned if it sends enough packets in sequence, fast enough. Anybody who may send to
//! the port later, or sends junk, is not heard and does not get the peer's sound: learning happens at most once, and
//! the agreed address, if it is heard at all, wins over a learned one for good. Each source has a time of its own to be
//! learned in: with a common one, a single packet to a port that waits for its phone would keep the phone out.

use core::net::SocketAddr;
use core::time::Duration;

use machine::Time;

/// Sources that are watched at a time while learning.
const CANDIDATES: usize = 4;

/// How a source is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatchConfig {
    /// Packets in sequence that a source must send.
    pub packets: u8,
    /// How long the source may take to send them.
    pub time: Duration,
}

impl LatchConfig {
    /// A source that sends so many packets in sequence within this time is learned.
    #[must_use]
    pub const fn new(packets: u8, time: Duration) -> Self {
        Self { packets, time }
    }
}

/// What is to be done with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, which from now on is at this packet's source.
    Learned,
    /// It is somebody else's, or cannot be told yet.
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Candidate {
    remote: SocketAddr,
    ssrc: u32,
    sequence: u16,
    count: u8,
    /// When the first of these packets came.
    since: Time,
}

/// The peer's RTP address.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Latch {
    agreed: Option<SocketAddr>,
    learned: Option<SocketAddr>,
    agreed_heard: bool,
    candidates: [Option<Candidate>; CANDIDATES],
    next_candidate: u8,
}

impl Latch {
    /// A peer at the agreed address, or at one to be learned.
    #[must_use]
    pub fn new(agreed: Option<SocketAddr>) -> Self {
        Self {
            agreed,
            ..Self::default()
        }
    }

    /// Another address was agreed: what was learned is forgotten. The same again, or none, changes nothing.
    pub fn agree(&mut self, agreed: Option<SocketAddr>) {
        if agreed.is_some() && agreed != self.agreed {
            *self = Self::new(agreed);
        }
    }

    /// Where the peer is.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.learned.or(self.agreed)
    }

    /// The address that was learned, while it is in use.
    #[must_use]
    pub const fn learned(&self) -> Option<SocketAddr> {
        self.learned
    }

    /// Whether this is the peer's present address. Learns nothing.
    #[must_use]
    pub fn is_remote(&self, remote: SocketAddr) -> bool {
        self.remote().is_some_and(|known| same(known, remote))
    }

    /// Judges a well-formed packet of an agreed payload type.
    pub fn judge(&mut self, config: LatchConfig, now: Time, remote: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        if self.agreed.is_some_and(|agreed| same(agreed, remote)) {
            self.agreed_heard = true;
            self.candidates = [None; CANDIDATES];
            return if self.learned.take().is_some() {
                Verdict::Learned
            } else {
                Verdict::Accept
            };
        }
        if let Some(learned) = self.learned {
            return if same(learned, remote) {
                Verdict::Accept
            } else {
                Verdict::Foreign
            };
        }
        if self.agreed_heard || self.watch(config.time, now, remote, ssrc, sequence) < config.packets {
            return Verdict::Foreign;
        }
        self.learned = Some(remote);
        self.candidates = [None; CANDIDATES];
        Verdict::Learned
    }

    /// How many packets in sequence, and in time, a source has sent with this one.
    fn watch(&mut self, time: Duration, now: Time, remote: SocketAddr, ssrc: u32, sequence: u16) -> u8 {
        let known = self
            .candidates
            .iter_mut()
            .flatten()
            .find(|candidate| same(candidate.remote, remote));
        if let Some(candidate) = known {
            if candidate.ssrc == ssrc && sequence == candidate.sequence {
                return candidate.count; // doubled on the way
            }
            let follows = candidate.ssrc == ssrc && sequence == candidate.sequence.wrapping_add(1);
            if follows && now - candidate.since <= time {
                candidate.count = candidate.count.saturating_add(1);
            } else {
                (candidate.count, candidate.since) = (1, now);
            }
            (candidate.ssrc, candidate.sequence) = (ssrc, sequence);
            return candidate.count;
        }
        let place = usize::from(self.next_candidate) % CANDIDATES;
        self.next_candidate = self.next_candidate.wrapping_add(1);
        if let Some(place) = self.candidates.get_mut(place) {
            *place = Some(Candidate {
                remote,
                ssrc,
                sequence,
                count: 1,
                since: now,
            });
        }
        1
    }
}

/// Whether two addresses are the same host and port. IPv6 zones and flow labels do not matter: agreed addresses have
/// none.
pub(crate) fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip() == other.ip()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: LatchConfig = LatchConfig::new(4, Duration::from_secs(5));

    fn at(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4000))
    }

    fn feed(latch: &mut Latch, millis: u64, remote: SocketAddr, sequence: u16) -> Verdict {
        latch.judge(
            CONFIG,
            Time::from_millis(millis),
            remote,
            u32::from(remote.port()),
            sequence,
        )
    }

    #[test]
    fn another_source_is_learned_with_its_fourth_packet_and_only_once() {
        let mut latch = Latch::new(Some(at(1)));
        for sequence in 0..3 {
            assert_eq!(feed(&mut latch, 0, at(2), sequence), Verdict::Foreign);
            assert_eq!(latch.remote(), Some(at(1)));
        }
        assert_eq!(feed(&mut latch, 0, at(2), 3), Verdict::Learned);
        assert_eq!(latch.remote(), Some(at(2)));
        for sequence in 0..1000 {
            assert_eq!(feed(&mut latch, 0, at(3), sequence), Verdict::Foreign);
        }
        assert_eq!(feed(&mut latch, 9_999_999, at(2), 4), Verdict::Accept);
    }

    #[test]
    fn the_agreed_address_wins_for_good() {
        let mut latch = Latch::new(Some(at(1)));
        for sequence in 0..4 {
            feed(&mut latch, 0, at(2), sequence);
        }
        assert_eq!(feed(&mut latch, 60_000, at(1), 500), Verdict::Learned);
        assert_eq!(latch.remote(), Some(at(1)));
        for sequence in 0..100 {
            assert_eq!(feed(&mut latch, 60_000, at(2), sequence), Verdict::Foreign);
        }
    }

    #[test]
    fn once_the_agreed_address_is_heard_nothing_is_learned() {
        let mut latch = Latch::new(Some(at(1)));
        for sequence in 0..3 {
            feed(&mut latch, 0, at(2), sequence);
        }
        assert_eq!(feed(&mut latch, 0, at(1), 9), Verdict::Accept);
        for sequence in 3..100 {
            assert_eq!(feed(&mut latch, 0, at(2), sequence), Verdict::Foreign);
        }
    }

    #[test]
    fn the_time_to_learn_ends() {
        for (last, expected) in [(5_000, Verdict::Learned), (5_001, Verdict::Foreign)] {
            let mut latch = Latch::new(None);
            for sequence in 0..3 {
                feed(&mut latch, 0, at(2), sequence);
            }
            assert_eq!(feed(&mut latch, last, at(2), 3), expected);
        }
    }

    #[test]
    fn a_strangers_early_packet_does_not_use_up_the_phones_time() {
        let mut latch = Latch::new(Some(at(1)));
        assert_eq!(feed(&mut latch, 0, at(9), 0), Verdict::Foreign);
        // The phone is answered a minute later.
        for sequence in 0..3 {
            assert_eq!(feed(&mut latch, 60_000, at(2), sequence), Verdict::Foreign);
        }
        assert_eq!(feed(&mut latch, 60_060, at(2), 3), Verdict::Learned);
        assert_eq!(latch.remote(), Some(at(2)));
    }

    #[test]
    fn a_source_that_is_too_slow_begins_again() {
        let mut latch = Latch::new(None);
        for sequence in 0..20u16 {
            let verdict = feed(&mut latch, u64::from(sequence) * 2_000, at(2), sequence);
            assert_eq!(verdict, Verdict::Foreign, "never four within five seconds");
        }
    }

    #[test]
    fn junk_out_of_sequence_is_not_learned() {
        let mut latch = Latch::new(Some(at(1)));
        for round in 0..1_000u16 {
            assert_eq!(feed(&mut latch, 0, at(2), round.wrapping_mul(7)), Verdict::Foreign);
            // The same packet over and over is no sequence either.
            assert_eq!(feed(&mut latch, 0, at(3), 5), Verdict::Foreign);
        }
    }

    #[test]
    fn a_phone_is_learned_beside_a_noisy_stranger() {
        let mut latch = Latch::new(Some(at(1)));
        let mut verdict = Verdict::Foreign;
        for sequence in 0..4 {
            for junk in 0..50u16 {
                feed(&mut latch, 0, at(9), junk.wrapping_mul(31));
            }
            verdict = feed(&mut latch, 0, at(2), sequence);
        }
        assert_eq!(verdict, Verdict::Learned);
        assert_eq!(latch.remote(), Some(at(2)));
    }

    #[test]
    fn a_new_agreement_forgets_and_the_same_one_does_not() {
        let mut latch = Latch::new(Some(at(1)));
        for sequence in 0..4 {
            feed(&mut latch, 0, at(2), sequence);
        }
        latch.agree(Some(at(1)));
        latch.agree(None);
        assert_eq!(latch.remote(), Some(at(2)));
        latch.agree(Some(at(7)));
        assert_eq!((latch.remote(), latch.learned()), (Some(at(7)), None));
        assert_eq!(feed(&mut latch, 99_000, at(2), 4), Verdict::Foreign);
    }

    #[test]
    fn zones_do_not_make_another_host() {
        let plain: SocketAddr = "[fe80::1]:4000".parse().unwrap();
        let zoned: SocketAddr = "[fe80::1%3]:4000".parse().unwrap();
        assert!(Latch::new(Some(plain)).is_remote(zoned));
    }
}
