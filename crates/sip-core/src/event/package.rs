//! Names of event packages, and why a subscription ended.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// An event package that this crate has a name for. Packages it does not name travel as text in the `Event` header.
///
/// ```
/// use sip_core::event::Package;
///
/// assert_eq!("dialog".parse(), Ok(Package::Dialog));
/// assert_eq!(Package::Dialog.content_type(), "application/dialog-info+xml");
/// assert!("Dialog".parse::<Package>().is_err()); // compared byte by byte, RFC 6665 §8.2.1
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Package {
    /// `dialog`: calls of a line (RFC 4235).
    Dialog,
    /// `refer`: progress of a transfer (RFC 3515).
    Refer,
    /// `message-summary`: waiting voice mail (RFC 3842).
    MessageSummary,
    /// `presence` (RFC 3856).
    Presence,
    /// `reg`: registrations (RFC 3680).
    Registration,
}

/// The name is not one that this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

impl Package {
    /// All packages.
    pub const ALL: [Package; 5] = [
        Package::Dialog,
        Package::Refer,
        Package::MessageSummary,
        Package::Presence,
        Package::Registration,
    ];

    /// The name as it stands in the `Event` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Package::Dialog => "dialog",
            Package::Refer => "refer",
            Package::MessageSummary => "message-summary",
            Package::Presence => "presence",
            Package::Registration => "reg",
        }
    }

    /// The type of body that a notifier sends where the subscriber named none in `Accept`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Package::Dialog => "application/dialog-info+xml",
            Package::Refer => super::refer::CONTENT_TYPE,
            Package::MessageSummary => super::message_summary::CONTENT_TYPE,
            Package::Presence => super::pidf::CONTENT_TYPE,
            Package::Registration => "application/reginfo+xml",
        }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Package {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Package::ALL
            .into_iter()
            .find(|package| package.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// Why a notifier terminated a subscription: `reason` of `Subscription-State` (RFC 6665 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reason {
    /// `deactivated`: moved elsewhere; subscribe again at once.
    Deactivated,
    /// `probation`: try again later.
    Probation,
    /// `rejected`: no longer allowed.
    Rejected,
    /// `timeout`: not refreshed in time.
    Timeout,
    /// `giveup`: nobody authorised it in time.
    GiveUp,
    /// `noresource`: what was watched is gone.
    NoResource,
    /// `invariant`: the state can never change again.
    Invariant,
}

/// What a subscriber does after its subscription was terminated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Retry {
    /// Subscribe again at once.
    Now,
    /// Subscribe again after this time.
    After(Duration),
    /// Do not subscribe again.
    Never,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Reason; 7] = [
        Reason::Deactivated,
        Reason::Probation,
        Reason::Rejected,
        Reason::Timeout,
        Reason::GiveUp,
        Reason::NoResource,
        Reason::Invariant,
    ];

    /// The reason as it stands in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Deactivated => "deactivated",
            Reason::Probation => "probation",
            Reason::Rejected => "rejected",
            Reason::Timeout => "timeout",
            Reason::GiveUp => "giveup",
            Reason::NoResource => "noresource",
            Reason::Invariant => "invariant",
        }
    }

    /// Whether and when to subscribe again (RFC 6665 §4.1.3). `retry_after` is the header's parameter; `pause` is
    /// what the subscriber waits where a delay is due and none was named.
    #[must_use]
    pub const fn retry(self, retry_after: Option<Duration>, pause: Duration) -> Retry {
        match (self, retry_after) {
            (Reason::Deactivated | Reason::Timeout, _) => Retry::Now,
            (Reason::Probation | Reason::GiveUp, Some(delay)) => Retry::After(delay),
            (Reason::Probation | Reason::GiveUp, None) => Retry::After(pause),
            (Reason::Rejected | Reason::NoResource | Reason::Invariant, _) => Retry::Never,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str().eq_ignore_ascii_case(name))
            .ok_or(UnknownName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        for package in Package::ALL {
            assert_eq!(package.to_string().parse(), Ok(package));
        }
        for reason in Reason::ALL {
            assert_eq!(reason.to_string().to_uppercase().parse(), Ok(reason));
        }
        assert_eq!("dialog.winfo".parse::<Package>(), Err(UnknownName));
        assert_eq!("".parse::<Reason>(), Err(UnknownName));
    }

    #[test]
    fn retries_follow_the_table_of_rfc_6665() {
        let (named, pause) = (Duration::from_secs(7), Duration::from_secs(60));
        for (reason, with, without) in [
            (Reason::Deactivated, Retry::Now, Retry::Now),
            (Reason::Probation, Retry::After(named), Retry::After(pause)),
            (Reason::Rejected, Retry::Never, Retry::Never),
            (Reason::Timeout, Retry::Now, Retry::Now),
            (Reason::GiveUp, Retry::After(named), Retry::After(pause)),
            (Reason::NoResource, Retry::Never, Retry::Never),
            (Reason::Invariant, Retry::Never, Retry::Never),
        ] {
            assert_eq!(reason.retry(Some(named), pause), with, "{reason}");
            assert_eq!(reason.retry(None, pause), without, "{reason}");
        }
    }
}
