//! The four transaction machines of RFC 3261 §17 with the corrections of RFC 6026, and how messages are matched to
//! them.
//!
//! Each machine is pure: it takes what happened and the time, and says what its owner has to do. The owner keeps the
//! bytes, the flow and the index. All four take part in the same small vocabulary ([`Action`]), so that one owner can
//! drive them alike.
//!
//! ```
//! use machine::Time;
//! use sip_core::transaction::{Action, ClientTransaction, Failure, ResponseClass, TimerConfig};
//!
//! let timers = TimerConfig::default();
//! let start = Time::from_secs(100);
//! // An OPTIONS request was just sent over UDP.
//! let mut options = ClientTransaction::new(start, false, &timers);
//! // Nothing comes back: it is sent again after half a second (timer E), then given up after 32 (timer F).
//! let due = options.deadline().unwrap();
//! assert_eq!(options.handle_timeout(due, &timers), Action::Resend);
//! let mut last = Action::Resend;
//! while let Some(due) = options.deadline() {
//!     last = options.handle_timeout(due, &timers);
//! }
//! assert_eq!(last, Action::Fail(Failure::Timeout));
//! // What comes now is too late.
//! assert_eq!(options.response(start, ResponseClass::Success, &timers), Action::Ignore);
//! ```

mod client;
mod client_invite;
pub(crate) mod matching;
mod server;
mod server_invite;
mod timer;

pub use client::{ClientState, ClientTransaction};
pub use client_invite::{ClientInviteState, ClientInviteTransaction};
pub use server::{ServerState, ServerTransaction};
pub use server_invite::{ServerInviteState, ServerInviteTransaction};
pub use timer::TimerConfig;

use crate::wire::StatusCode;

/// What the owner of a transaction has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing: the input is absorbed.
    Ignore,
    /// Hand the message to the transaction's user.
    Deliver,
    /// Send an ACK for this response (RFC 3261 §17.1.1.3), keep it for [`Resend`](Self::Resend), and hand the
    /// response to the transaction's user.
    Acknowledge,
    /// Send the user's response and keep it for [`Resend`](Self::Resend).
    Send,
    /// Send again what was sent last: the request, the ACK or the response.
    Resend,
    /// Send `100 Trying` (RFC 3261 §17.2.1) and keep it for [`Resend`](Self::Resend).
    SendTrying,
    /// Tell the transaction's user that it failed.
    Fail(Failure),
    /// The transaction came to its regular end.
    End,
}

/// Why a transaction failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The peer did not answer in time.
    #[error("the peer did not answer in time")]
    Timeout,
    /// The message could not be sent.
    #[error("the message could not be sent")]
    Transport,
}

impl Failure {
    /// The status that the transaction's user treats the failure as (RFC 3261 §8.1.3.1): 408 or 503.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Transport => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What a transaction has to know of a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseClass {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx to 6xx.
    Failure,
}

impl ResponseClass {
    /// The class of a status.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        match status.code() {
            ..200 => Self::Provisional,
            200..300 => Self::Success,
            300.. => Self::Failure,
        }
    }
}

pub(crate) fn earliest(a: Option<machine::Time>, b: Option<machine::Time>) -> Option<machine::Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}
