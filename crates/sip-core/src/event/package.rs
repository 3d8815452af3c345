//! Names of event packages, and why a subscription ended.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use crate::header::Accept;
use crate::{HeaderName, Headers};

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

    /// For how long a subscription is meant that names no time (RFC 3515 leaves it to the peer; here three minutes).
    #[must_use]
    pub const fn default_expires(self) -> Duration {
        Duration::from_secs(match self {
            Package::Dialog | Package::Presence => 3600,
            Package::Refer => 180,
            // "Hours to days" (RFC 3842 §3.4).
            Package::MessageSummary => 7200,
            // RFC 3680 §4.4.
            Package::Registration => 3761,
        })
    }

    /// Whether each notifier that a SUBSCRIBE was forked to is to be subscribed to; else the first that notifies
    /// (RFC 6665 §5.4.9; RFC 4235 §3.9, RFC 3515 §2.4.6, RFC 3842 §3.9, RFC 3856 §6.9, RFC 3680 §4.9).
    #[must_use]
    pub const fn allows_forks(self) -> bool {
        match self {
            Package::Dialog => true,
            Package::Refer | Package::MessageSummary | Package::Presence | Package::Registration => false,
        }
    }

    /// The shortest time between two NOTIFYs that the package allows to a notifier.
    #[must_use]
    pub const fn shortest_interval(self) -> Duration {
        Duration::from_secs(match self {
            // RFC 4235 §3.10, RFC 3842 §3.10.
            Package::Dialog | Package::MessageSummary => 1,
            // RFC 3856 §6.10, RFC 3680 §4.10.
            Package::Presence | Package::Registration => 5,
            Package::Refer => 0,
        })
    }

    /// Of the body types that a subscriber takes, as all `Accept` headers of its SUBSCRIBE list them, that of `ours` which
    /// it likes best; without `Accept` the package's own type. `None`: 406 is due.
    ///
    /// ```
    /// use sip_core::HeaderName;
    /// use sip_core::Headers;
    /// use sip_core::event::Package;
    ///
    /// let pidf = Package::Presence.content_type();
    /// let mut headers = Headers::new();
    /// assert_eq!(Package::Presence.choose_type(&headers, &["text/plain", pidf]), Some(pidf));
    /// headers.push(HeaderName::Accept, "text/*, application/xpidf+xml;q=0.3");
    /// assert_eq!(Package::Presence.choose_type(&headers, &[pidf, "text/plain"]), Some("text/plain"));
    /// assert_eq!(Package::Presence.choose_type(&headers, &[pidf]), None);
    /// ```
    #[must_use]
    pub fn choose_type<'a>(self, headers: &Headers, ours: &[&'a str]) -> Option<&'a str> {
        if !headers.contains(&HeaderName::Accept) {
            let name = |full: &str| full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let own = name(self.content_type());
            return ours.iter().copied().find(|ours| name(ours) == own);
        }
        let ranges = headers.typed_all::<Accept>().ok()?;
        let accept = Accept(ranges.into_iter().flat_map(|accept| accept.0).collect());
        let liked = ours
            .iter()
            .map(|ours| (accept.q(ours.split(';').next().unwrap_or_default().trim()), *ours));
        // Of several that are liked alike, the first.
        let best = liked.rev().max_by_key(|(q, _)| *q);
        best.filter(|(q, _)| *q > 0).map(|(_, ours)| ours)
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
