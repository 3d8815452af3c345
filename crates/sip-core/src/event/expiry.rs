//! How long a registration or subscription is granted.

use core::time::Duration;

/// No registration or subscription of at least this long may be refused as too brief (RFC 3261 §10.3, RFC 6665 §4.2.1.1).
const ALWAYS_LONG_ENOUGH: Duration = Duration::from_secs(3600);

/// Grants durations between a minimum and a maximum, with one for those who ask for none.
///
/// ```
/// use sip_core::event::{ExpiryPolicy, TooBrief};
/// use std::time::Duration;
///
/// let secs = Duration::from_secs;
/// let policy = ExpiryPolicy { min: secs(60), max: secs(3600), default: secs(600) };
/// assert_eq!(policy.grant(None), Ok(secs(600)));
/// assert_eq!(policy.grant(Some(secs(86_400))), Ok(secs(3600)));
/// assert_eq!(policy.grant(Some(secs(59))), Err(TooBrief { min: secs(60) })); // 423, Min-Expires: 60
/// assert_eq!(policy.grant(Some(secs(0))), Ok(secs(0))); // zero ends it, and is never too brief
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExpiryPolicy {
    /// Shorter requests are refused. Values above one hour count as one hour, which the RFCs oblige to accept.
    pub min: Duration,
    /// Longer requests are shortened to this.
    pub max: Duration,
    /// What is granted to a request that names no duration.
    pub default: Duration,
}

/// The duration asked for is below the minimum: status 423.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interval too brief, at least {} s are needed", min.as_secs())]
pub struct TooBrief {
    /// The value for `Min-Expires`.
    pub min: Duration,
}

impl ExpiryPolicy {
    /// What is granted to one who asks for `requested`; zero (an end) is granted as zero.
    ///
    /// # Errors
    ///
    /// [`TooBrief`] if `requested` is neither zero nor at least the minimum.
    pub fn grant(&self, requested: Option<Duration>) -> Result<Duration, TooBrief> {
        let Some(requested) = requested else {
            return Ok(self.default.min(self.max));
        };
        let min = self.min.min(ALWAYS_LONG_ENOUGH);
        if requested.is_zero() {
            Ok(Duration::ZERO)
        } else if requested < min {
            Err(TooBrief { min })
        } else {
            Ok(requested.min(self.max.max(min)))
        }
    }
}

impl Default for ExpiryPolicy {
    /// At least a minute, at most an hour, and an hour for those who do not say.
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            min: Duration::from_secs(60),
            max: hour,
            default: hour,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn edges() {
        let policy = ExpiryPolicy {
            min: secs(60),
            max: secs(300),
            default: secs(120),
        };
        for (requested, granted) in [
            (0, Ok(secs(0))),
            (1, Err(TooBrief { min: secs(60) })),
            (59, Err(TooBrief { min: secs(60) })),
            (60, Ok(secs(60))),
            (300, Ok(secs(300))),
            (301, Ok(secs(300))),
            (u64::from(u32::MAX), Ok(secs(300))),
        ] {
            assert_eq!(policy.grant(Some(secs(requested))), granted, "{requested}");
        }
        assert_eq!(policy.grant(None), Ok(secs(120)));
    }

    #[test]
    fn an_hour_is_never_too_brief() {
        let policy = ExpiryPolicy {
            min: secs(7200),
            max: secs(86_400),
            default: secs(7200),
        };
        assert_eq!(policy.grant(Some(secs(3600))), Ok(secs(3600)));
        assert_eq!(policy.grant(Some(secs(3599))), Err(TooBrief { min: secs(3600) }));
    }

    #[test]
    fn a_default_above_the_maximum_is_shortened() {
        let policy = ExpiryPolicy {
            min: secs(1),
            max: secs(10),
            default: secs(20),
        };
        assert_eq!(policy.grant(None), Ok(secs(10)));
    }
}
