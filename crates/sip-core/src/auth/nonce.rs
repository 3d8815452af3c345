//! Nonces that need no table until they are used, and the table of those that were.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use machine::Time;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::algorithm::{Hex, decode_hex};

/// How many nonce counts below the highest one seen may still arrive (requests overtake each other on UDP).
const WINDOW: u32 = 64;
const MAC_LEN: usize = 16;

/// What a nonce turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// First use of this nonce with this count.
    Fresh,
    /// Ours, but too old, or pushed out of the table of used nonces.
    Stale,
    /// This count was used before, or lies too far below the highest one.
    Replayed,
}

/// What a nonce says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opened {
    issued: Time,
    serial: u64,
}

/// Issues nonces and remembers the used ones.
///
/// A nonce is `time ‖ serial ‖ HMAC(key, time ‖ serial ‖ source)`: a flood of challenges costs no memory. Only
/// a request with the right password enters the table, which holds a bit per nonce count. Serials rise with
/// time, so the table's order is the order of expiry.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Nonces {
    key: [u8; 32],
    lifetime: Duration,
    capacity: usize,
    next_serial: u64,
    /// No serial up to this one may enter the table any more: some of them were used and are forgotten.
    floor: Option<u64>,
    latest: Time,
    used: BTreeMap<u64, Used>,
}

#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Used {
    issued: Time,
    window: Window,
}

impl Nonces {
    pub(crate) fn new(key: [u8; 32], lifetime: Duration, capacity: usize) -> Self {
        let (floor, used) = (None, BTreeMap::new());
        Self {
            key,
            lifetime,
            capacity,
            next_serial: 0,
            floor,
            latest: Time::ZERO,
            used,
        }
    }

    /// A nonce never issued before, good for `source` only if one is given.
    pub(crate) fn issue(&mut self, now: Time, source: Option<IpAddr>) -> String {
        self.latest = self.latest.max(now);
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        let mut bytes = [0; 32];
        let mac = self.mac(self.latest, serial, source);
        let parts = self
            .latest
            .as_nanos()
            .to_be_bytes()
            .into_iter()
            .chain(serial.to_be_bytes())
            .chain(mac);
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = part;
        }
        Hex::encode(&bytes).as_str().to_owned()
    }

    /// The contents of a nonce that this server made for `source`, new or old.
    pub(crate) fn open(&mut self, now: Time, nonce: &str, source: Option<IpAddr>) -> Option<Opened> {
        self.latest = self.latest.max(now);
        let bytes = decode_hex::<32>(nonce.as_bytes())?;
        let (time, rest) = bytes.split_first_chunk::<8>()?;
        let (serial, mac) = rest.split_first_chunk::<8>()?;
        let (issued, serial) = (Time::from_nanos(u64::from_be_bytes(*time)), u64::from_be_bytes(*serial));
        let genuine: bool = self.mac(issued, serial, source).as_slice().ct_eq(mac).into();
        (genuine && issued <= self.latest && serial < self.next_serial).then_some(Opened { issued, serial })
    }

    /// Judges a nonce, and marks `count` as used if the verdict is [`Verdict::Fresh`]. Call it only after the
    /// password was found right.
    pub(crate) fn redeem(&mut self, opened: Opened, count: u32) -> Verdict {
        self.forget_expired();
        let Opened { issued, serial } = opened;
        if self.is_expired(issued) {
            return Verdict::Stale;
        }
        if let Some(used) = self.used.get_mut(&serial) {
            return if used.window.mark(count) {
                Verdict::Fresh
            } else {
                Verdict::Replayed
            };
        }
        if self.floor.is_some_and(|floor| serial <= floor) {
            return Verdict::Stale;
        }
        self.used.insert(
            serial,
            Used {
                issued,
                window: Window::starting_at(count),
            },
        );
        if self.used.len() > self.capacity
            && let Some((forgotten, _)) = self.used.pop_first()
        {
            self.floor = Some(forgotten);
        }
        Verdict::Fresh
    }

    /// How many used nonces are remembered.
    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }

    fn mac(&self, issued: Time, serial: u64, source: Option<IpAddr>) -> [u8; MAC_LEN] {
        // HMAC fills a key up to the block size with zeros.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(self.key) {
            *to = from;
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(&issued.as_nanos().to_be_bytes());
        mac.update(&serial.to_be_bytes());
        match source.map(|address| address.to_canonical()) {
            None => {}
            Some(IpAddr::V4(address)) => mac.update(&address.octets()),
            Some(IpAddr::V6(address)) => mac.update(&address.octets()),
        }
        let full = mac.finalize().into_bytes();
        let mut short = [0; MAC_LEN];
        for (to, from) in short.iter_mut().zip(full) {
            *to = from;
        }
        short
    }

    fn forget_expired(&mut self) {
        while let Some(oldest) = self.used.first_entry() {
            if self.latest - oldest.get().issued < self.lifetime {
                break;
            }
            oldest.remove();
        }
    }

    fn is_expired(&self, issued: Time) -> bool {
        self.latest - issued >= self.lifetime
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces")
            .field("lifetime", &self.lifetime)
            .field("used", &self.used.len())
            .finish_non_exhaustive()
    }
}

/// Which of the latest [`WINDOW`] nonce counts were used: bit `i` stands for `highest - i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Window {
    highest: u32,
    seen: u64,
}

impl Window {
    const fn starting_at(count: u32) -> Self {
        Self {
            highest: count,
            seen: 1,
        }
    }

    /// Marks `count` as used; `false` if it was used before or is too old to tell.
    fn mark(&mut self, count: u32) -> bool {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        if behind >= WINDOW {
            return false;
        }
        let bit = 1_u64 << behind;
        let fresh = self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const LIFETIME: Duration = Duration::from_secs(300);

    /// `None`: not this server's, or not for this source.
    fn judge(table: &mut Nonces, now: Time, nonce: &str, count: u32, source: Option<IpAddr>) -> Option<Verdict> {
        let opened = table.open(now, nonce, source)?;
        Some(table.redeem(opened, count))
    }

    fn nonces(capacity: usize) -> Nonces {
        Nonces::new([7; 32], LIFETIME, capacity)
    }

    #[test]
    fn lives_to_the_edge_and_not_beyond() {
        let start = Time::from_secs(1000);
        let mut table = nonces(10);
        let nonce = table.issue(start, None);
        let last = start + LIFETIME - Duration::from_nanos(1);
        assert_eq!(judge(&mut table, last, &nonce, 1, None), Some(Verdict::Fresh));
        assert_eq!(
            judge(&mut table, start + LIFETIME, &nonce, 2, None),
            Some(Verdict::Stale)
        );
        assert_eq!(table.len(), 0);
        // Time that goes backwards does not revive it.
        assert_eq!(judge(&mut table, start, &nonce, 2, None), Some(Verdict::Stale));
    }

    #[test]
    fn each_count_passes_once() {
        let mut table = nonces(10);
        let nonce = table.issue(Time::ZERO, None);
        for (count, verdict) in [
            (5, Some(Verdict::Fresh)),
            (5, Some(Verdict::Replayed)),
            (3, Some(Verdict::Fresh)),
            (3, Some(Verdict::Replayed)),
            (100, Some(Verdict::Fresh)),
            (37, Some(Verdict::Fresh)),
            (36, Some(Verdict::Replayed)),
            (u32::MAX, Some(Verdict::Fresh)),
            (u32::MAX, Some(Verdict::Replayed)),
            (101, Some(Verdict::Replayed)),
        ] {
            assert_eq!(judge(&mut table, Time::ZERO, &nonce, count, None), verdict, "{count}");
        }
    }

    #[test]
    fn a_full_table_forgets_the_oldest_and_never_accepts_it_again() {
        let mut table = nonces(2);
        let now = Time::from_secs(5);
        let all: Vec<String> = (0..4).map(|_| table.issue(now, None)).collect();
        assert_eq!(judge(&mut table, now, &all[1], 1, None), Some(Verdict::Fresh));
        assert_eq!(judge(&mut table, now, &all[2], 1, None), Some(Verdict::Fresh));
        assert_eq!(table.len(), 2); // at the limit: both still known
        assert_eq!(judge(&mut table, now, &all[1], 1, None), Some(Verdict::Replayed));
        assert_eq!(judge(&mut table, now, &all[3], 1, None), Some(Verdict::Fresh));
        assert_eq!(table.len(), 2); // one past it: the oldest is gone for good
        assert_eq!(judge(&mut table, now, &all[1], 1, None), Some(Verdict::Stale));
        assert_eq!(judge(&mut table, now, &all[1], 2, None), Some(Verdict::Stale));
        assert_eq!(judge(&mut table, now, &all[0], 1, None), Some(Verdict::Stale));
        assert_eq!(judge(&mut table, now, &all[2], 2, None), Some(Verdict::Fresh));
    }

    #[test]
    fn without_capacity_each_nonce_works_once() {
        let mut table = nonces(0);
        let nonce = table.issue(Time::ZERO, None);
        assert_eq!(judge(&mut table, Time::ZERO, &nonce, 1, None), Some(Verdict::Fresh));
        assert_eq!(judge(&mut table, Time::ZERO, &nonce, 2, None), Some(Verdict::Stale));
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn only_own_and_untouched_nonces_for_the_right_source() {
        let (here, there) = (Some("192.0.2.1".parse().unwrap()), Some("192.0.2.2".parse().unwrap()));
        let mapped = Some("::ffff:192.0.2.1".parse().unwrap());
        let mut table = nonces(10);
        let nonce = table.issue(Time::ZERO, here);
        assert_eq!(judge(&mut table, Time::ZERO, &nonce, 1, there), None);
        assert_eq!(judge(&mut table, Time::ZERO, &nonce, 1, None), None);
        assert_eq!(judge(&mut table, Time::ZERO, &nonce, 1, mapped), Some(Verdict::Fresh));
        for position in 0..nonce.len() {
            let mut touched = nonce.clone().into_bytes();
            touched[position] = if touched[position] == b'0' { b'1' } else { b'0' };
            let touched = String::from_utf8(touched).unwrap();
            assert_eq!(judge(&mut table, Time::ZERO, &touched, 9, here), None);
        }
        let mut other = Nonces::new([8; 32], LIFETIME, 10);
        other.issue(Time::ZERO, None);
        assert_eq!(judge(&mut other, Time::ZERO, &nonce, 1, here), None);
        assert_eq!(judge(&mut table, Time::ZERO, "", 1, here), None);
    }

    proptest! {
        /// Against a set of all counts ever used: nothing passes twice, and what is new and within the window passes.
        #[test]
        fn window_agrees_with_a_set(counts in prop::collection::vec(1_u32..200, 1..80)) {
            let mut window: Option<Window> = None;
            let mut used = BTreeSet::new();
            for count in counts {
                let highest = used.last().copied().unwrap_or(0);
                let expected = !used.contains(&count) && count + WINDOW > highest;
                let passed = match &mut window {
                    None => { window = Some(Window::starting_at(count)); true }
                    Some(window) => window.mark(count),
                };
                prop_assert_eq!(passed, expected);
                if passed { used.insert(count); }
            }
        }
    }
}
