use core::time::Duration;

use rand_core::Rng;

/// How long to wait before a flow is tried again (RFC 5626 §4.5): the base time doubled with each failure in a row, of which
/// half to all is waited, by chance, so that the phones of a failed server do not come back together.
///
/// ```
/// use rand_chacha::ChaCha12Rng;
/// use rand_core::SeedableRng;
/// use sip_core::outbound::Backoff;
/// use std::time::Duration;
///
/// let mut rng = ChaCha12Rng::from_seed([7; 32]);
/// let wait = Backoff::default().wait(3, true, &mut rng);
/// assert!(wait >= Duration::from_secs(120) && wait <= Duration::from_secs(240), "30 s times eight");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Backoff {
    /// The base time while no flow works. Default 30 s.
    pub all_failed: Duration,
    /// The base time while another flow works. Default 90 s.
    pub some_failed: Duration,
    /// The longest time. Default 30 minutes.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            all_failed: Duration::from_secs(30),
            some_failed: Duration::from_secs(90),
            max: Duration::from_secs(1800),
        }
    }
}

impl Backoff {
    /// The time to wait after `failures` failures in a row; `all`: no flow works.
    #[must_use]
    pub fn wait(&self, failures: u32, all: bool, rng: &mut impl Rng) -> Duration {
        let base = if all { self.all_failed } else { self.some_failed };
        let factor = 2_u32.checked_pow(failures).unwrap_or(u32::MAX);
        share(base.saturating_mul(factor).min(self.max), 50, rng)
    }
}

/// From `least` hundredths of `whole` up to all of it.
pub(super) fn share(whole: Duration, least: u64, rng: &mut impl Rng) -> Duration {
    let whole = u64::try_from(whole.as_millis()).unwrap_or(u64::MAX);
    let from = whole / 100 * least;
    Duration::from_millis(from + rng.next_u64() % (whole - from).saturating_add(1))
}
