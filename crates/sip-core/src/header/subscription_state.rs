use super::{TypedHeader, parse_all, seconds_of, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// What has become of a subscription (RFC 6665 §8.2.3).
///
/// ```
/// use sip_core::header::{SubscriptionState, SubscriptionStatus, TypedHeader};
///
/// let state = SubscriptionState::parse(b"terminated;reason=timeout;retry-after=30")?;
/// assert_eq!((state.state, state.retry_after), (SubscriptionStatus::Terminated, Some(30)));
/// assert_eq!(state.reason.as_deref(), Some("timeout"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SubscriptionState {
    /// The state.
    pub state: SubscriptionStatus,
    /// Seconds that it goes on.
    pub expires: Option<u32>,
    /// Why it ended: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`, `invariant`…
    pub reason: Option<SmolStr>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
}

/// The state in a [`SubscriptionState`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SubscriptionStatus {
    /// Accepted.
    Active,
    /// Not yet decided.
    Pending,
    /// Over.
    Terminated,
    /// An extension.
    Other(SmolStr),
}

impl SubscriptionState {
    /// Goes on for `expires` seconds.
    pub const fn active(expires: u32) -> Self {
        Self {
            state: SubscriptionStatus::Active,
            expires: Some(expires),
            reason: None,
            retry_after: None,
        }
    }

    /// Waits to be decided, for `expires` seconds.
    pub const fn pending(expires: u32) -> Self {
        Self {
            state: SubscriptionStatus::Pending,
            expires: Some(expires),
            reason: None,
            retry_after: None,
        }
    }

    /// Is over.
    pub fn terminated(reason: &str) -> Self {
        let reason = Some(SmolStr::new(reason));
        Self {
            state: SubscriptionStatus::Terminated,
            expires: None,
            reason,
            retry_after: None,
        }
    }
}

impl SubscriptionStatus {
    /// The word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Terminated => "terminated",
            Self::Other(other) => other,
        }
    }

    fn parse(text: &str) -> Self {
        let known = [Self::Active, Self::Pending, Self::Terminated];
        let found = known
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(text));
        found.unwrap_or_else(|| Self::Other(SmolStr::new(text)))
    }
}

impl TypedHeader for SubscriptionState {
    const NAME: HeaderName = HeaderName::SubscriptionState;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let state = SubscriptionStatus::parse(lexer.token()?);
            let params = Params::lex(lexer)?;
            Ok(Self {
                state,
                expires: seconds_of(params.value("expires")),
                reason: params.value("reason").map(SmolStr::new),
                retry_after: seconds_of(params.value("retry-after")),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, self.state.as_str())?;
        if let Some(expires) = self.expires {
            write!(out, ";expires={expires}")?;
        }
        if let Some(reason) = &self.reason {
            out.write_str(";reason=")?;
            write_token(out, reason)?;
        }
        match self.retry_after {
            Some(seconds) => write!(out, ";retry-after={seconds}"),
            None => Ok(()),
        }
    }
}
