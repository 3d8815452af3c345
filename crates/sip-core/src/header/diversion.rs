use super::words::words;
use super::{TypedHeader, parse_all};
use crate::wire::{HeaderName, NameAddr, ParseError, Uri};
use core::fmt;

words! {
    /// Why a call was diverted (RFC 5806 §5).
    ///
    /// ```
    /// use sip_core::header::DiversionReason;
    ///
    /// assert_eq!(DiversionReason::from_word("user-busy"), DiversionReason::UserBusy);
    /// ```
    DiversionReason {
        /// Not known.
        Unknown = "unknown",
        /// The user was busy.
        UserBusy = "user-busy",
        /// Nobody answered.
        NoAnswer = "no-answer",
        /// The user could not be reached.
        Unavailable = "unavailable",
        /// All calls are diverted.
        Unconditional = "unconditional",
        /// It depends on the time of day.
        TimeOfDay = "time-of-day",
        /// The user does not want to be disturbed.
        DoNotDisturb = "do-not-disturb",
        /// The user diverted this call while it rang.
        Deflection = "deflection",
        /// The user follows his calls.
        FollowMe = "follow-me",
        /// The service is out of order.
        OutOfService = "out-of-service",
        /// The user is away.
        Away = "away",
    }
}

/// Who diverted the call, and why; the latest first (RFC 5806).
///
/// ```
/// use sip_core::header::{Diversion, DiversionReason, TypedHeader};
/// use sip_core::Uri;
///
/// let diversion = Diversion::parse(b"<sip:bob@example.com>;reason=no-answer;counter=2;privacy=full;screen=yes")?;
/// assert_eq!((diversion.reason(), diversion.counter()), (Some(DiversionReason::NoAnswer), 2));
/// assert!(diversion.is_private() && diversion.is_screened());
///
/// let busy = Diversion::new(Uri::parse(b"tel:+15552222")?, &DiversionReason::UserBusy);
/// assert_eq!(busy.0.to_string(), "<tel:+15552222>;reason=user-busy");
/// assert_eq!(busy.counter(), 1);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Diversion(pub NameAddr);

impl Diversion {
    /// One diversion by `who`.
    pub fn new(who: Uri, reason: &DiversionReason) -> Self {
        let mut address = NameAddr::new(who);
        address.params.set("reason", Some(reason.as_str()));
        Self(address)
    }

    /// Why.
    pub fn reason(&self) -> Option<DiversionReason> {
        self.0.params.value("reason").map(DiversionReason::from_word)
    }

    /// How many diversions the entry stands for: 1 if it does not say.
    pub fn counter(&self) -> u32 {
        self.number("counter").unwrap_or(1)
    }

    /// How many diversions in all its owner allows.
    pub fn limit(&self) -> Option<u32> {
        self.number("limit")
    }

    /// Whether any part of the address must not be shown: `privacy` is there and not `off`.
    pub fn is_private(&self) -> bool {
        let privacy = self.0.params.value("privacy");
        privacy.is_some_and(|privacy| !privacy.eq_ignore_ascii_case("off"))
    }

    /// Whether the address was checked by the network.
    pub fn is_screened(&self) -> bool {
        let screen = self.0.params.value("screen");
        screen.is_some_and(|screen| screen.eq_ignore_ascii_case("yes"))
    }

    fn number(&self, name: &str) -> Option<u32> {
        let value = self.0.params.value(name)?;
        parse_all(value.as_bytes(), |lexer| lexer.number_u32(u32::MAX)).ok()
    }
}

impl TypedHeader for Diversion {
    const NAME: HeaderName = HeaderName::Diversion;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        NameAddr::parse(value).map(Self)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.0.write(out)
    }
}
