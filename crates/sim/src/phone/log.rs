use machine::Time;
use sip_core::StatusCode;
use sip_core::event::dialog_info::DialogState;

/// Names a call of one [`Phone`](crate::Phone); never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// The most entries that a phone's log holds; the oldest make room.
pub const LOG_LIMIT: usize = 10_000;

/// When a phone went through what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub what: Happening,
}

/// What a phone goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happening {
    /// It is registered.
    Registered,
    /// It is registered no more, at its own wish.
    Unregistered,
    /// The registrar refused it, or did not answer (408).
    RegistrationFailed(StatusCode),
    /// It called.
    Called {
        /// The call.
        call: CallId,
        /// The number, or URI.
        to: String,
    },
    /// It was called.
    Rung {
        /// The call.
        call: CallId,
        /// The caller's number.
        from: String,
        /// The name that is shown.
        display: Option<String>,
        /// The ring pattern (`Alert-Info`).
        alert: Option<String>,
    },
    /// What it called said something provisional.
    Progress {
        /// The call.
        call: CallId,
        /// 180, 183, …
        status: StatusCode,
    },
    /// The call was answered, by either side.
    Answered(CallId),
    /// The other side's name or number changed.
    Shown {
        /// The call.
        call: CallId,
        /// What is shown now.
        display: String,
    },
    /// The call did not come about.
    Failed {
        /// The call.
        call: CallId,
        /// Why.
        status: StatusCode,
    },
    /// The caller gave up.
    Cancelled(CallId),
    /// The other side, or the network, ended the call.
    Ended(CallId),
    /// It hung up itself.
    HungUp(CallId),
    /// The other side put it on hold.
    Held(CallId),
    /// The other side took it back from hold.
    Unheld(CallId),
    /// Its own hold or resumption was accepted.
    HoldChanged {
        /// The call.
        call: CallId,
        /// Whether it holds the other side now.
        holding: bool,
    },
    /// Its hold or resumption was refused.
    HoldRefused {
        /// The call.
        call: CallId,
        /// Why.
        status: StatusCode,
    },
    /// What the other side wants to send or receive could not be agreed upon.
    MediaRefused(CallId),
    /// How its transfer fares.
    Transfer {
        /// The transferred call.
        call: CallId,
        /// What it was told.
        status: StatusCode,
        /// Whether that was the last word.
        done: bool,
    },
    /// Somebody had it call somebody else.
    Referred {
        /// The call in which it was told so.
        call: CallId,
        /// The new call.
        to: CallId,
    },
    /// Somebody else took over a call's other side.
    Replaced {
        /// The call that is over.
        call: CallId,
        /// The call that took its place.
        by: CallId,
    },
    /// It heard a digit.
    Digit {
        /// The call.
        call: CallId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// A watched number's calls.
    Notified {
        /// The number.
        number: String,
        /// The states of its calls; empty where it is free.
        states: Vec<DialogState>,
    },
    /// Watching a number ended, or was refused.
    WatchEnded {
        /// The number.
        number: String,
    },
    /// A text arrived (MESSAGE).
    Message(String),
    /// It was switched off, or torn from the network.
    Vanished,
}
