//! What a switch tells about calls, registrations and slots.

use std::net::SocketAddr;

use machine::Time;
use park::SlotNumber;

use crate::changes::Changes;
use crate::config::ConfigError;
use crate::queue::{ContactId, QueueEvent};
use crate::supervise::Supervising;

/// A call: from the first INVITE until the last of its legs is gone, through transfers and parking. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CallId(pub u64);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A phone registered for the first time, or anew after it had expired.
    Registered {
        /// The extension.
        number: String,
        /// The contact's URI.
        contact: String,
        /// Where the registration came from.
        source: SocketAddr,
    },
    /// A phone's registration was taken back or has expired.
    Unregistered {
        /// The extension.
        number: String,
        /// The contact's URI.
        contact: String,
    },
    /// A request did not prove who sent it (a first challenge is not counted).
    AuthenticationFailed {
        /// Where it came from.
        source: SocketAddr,
        /// The user name that was claimed.
        user: String,
        /// Why it was refused.
        cause: sip_core::auth::AuthError,
    },
    /// A source failed to authenticate so often that what it sends is dropped for a while.
    SourceBanned {
        /// Its address or network.
        source: sip_core::guard::Prefix,
        /// Until when.
        until: Time,
        /// The user name that was claimed last.
        user: Option<String>,
    },
    /// What a source sends is looked at again.
    SourceUnbanned {
        /// Its address or network.
        source: sip_core::guard::Prefix,
    },
    /// Many failed to authenticate with one user name; who goes on with it is banned sooner.
    UserAttacked {
        /// The name that was claimed.
        user: String,
    },
    /// The switch goes on with another configuration.
    Configured(Box<Changes>),
    /// Another configuration is wrong, and the old one stays.
    ConfigurationRefused(ConfigError),
    /// A call began.
    CallStarted {
        /// The call.
        call: CallId,
        /// The caller's number.
        from: String,
        /// The dialled number.
        to: String,
    },
    /// Somebody answered a call.
    CallAnswered {
        /// The call.
        call: CallId,
        /// Who answered: an extension, or the number of a lot or slot.
        by: String,
    },
    /// The last leg of a call is gone.
    CallEnded(CallRecord),
    /// A call was handed to somebody else.
    Transferred {
        /// The call.
        call: CallId,
        /// Who transferred it.
        by: String,
        /// Who has it now: an extension, a lot or a slot.
        to: String,
        /// Whether the transferor had spoken to the target (attended).
        attended: bool,
    },
    /// A transfer did not come about; the call stayed, or went back to, where it was.
    TransferFailed {
        /// The call.
        call: CallId,
        /// Who tried.
        by: String,
        /// The SIP status he was told.
        status: u16,
    },
    /// Nobody of a group answered; the call goes on to another number.
    Diverted {
        /// The call.
        call: CallId,
        /// The number behind which nobody answered.
        from: String,
        /// Where it goes.
        to: String,
        /// The SIP status that says why.
        status: u16,
    },
    /// A supervisor joined a call, does something else there, or has left it.
    Supervised {
        /// The call.
        call: CallId,
        /// The supervisor's number.
        by: String,
        /// The extension whose call it is.
        agent: String,
        /// What he does; `None`: he is gone.
        how: Option<Supervising>,
    },
    /// A call was parked.
    Parked {
        /// The call.
        call: CallId,
        /// The lot's number.
        lot: String,
        /// Where it is.
        slot: SlotNumber,
        /// Who parked it.
        by: String,
    },
    /// A call's time in the slot was over; `target` is being rung.
    RecallStarted {
        /// The call.
        call: CallId,
        /// Its slot.
        slot: SlotNumber,
        /// The extension that rings.
        target: String,
    },
    /// Nobody answered the recall; the call is parked for another while.
    ParkedAgain {
        /// The call.
        call: CallId,
        /// Its slot.
        slot: SlotNumber,
    },
    /// A parked call was taken out of its slot.
    Retrieved {
        /// The call.
        call: CallId,
        /// Its slot.
        slot: SlotNumber,
        /// By whom.
        by: String,
        /// Whether a recall brought it there (otherwise somebody dialled the slot).
        recall: bool,
        /// How long it was parked.
        waited: core::time::Duration,
    },
    /// Something happened to a caller of a queue.
    Queue {
        /// When.
        at: Time,
        /// The contact.
        contact: ContactId,
        /// The call it belongs to.
        call: CallId,
        /// The number of the queue it is in.
        queue: String,
        /// What.
        what: QueueEvent,
    },
    /// An agent does something else.
    Agent {
        /// When.
        at: Time,
        /// The agent's number.
        agent: String,
        /// What he did.
        from: acd::AgentState,
        /// What he does.
        to: acd::AgentState,
    },
    /// A parked caller hung up.
    Abandoned {
        /// The call.
        call: CallId,
        /// Its slot.
        slot: SlotNumber,
        /// How long it was parked.
        waited: core::time::Duration,
    },
}

/// A call's story in brief, when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct CallRecord {
    /// The call.
    pub call: CallId,
    /// The caller's number.
    pub from: String,
    /// The number he dialled.
    pub to: String,
    /// When the INVITE came.
    pub started: Time,
    /// When somebody first answered.
    pub answered: Option<Time>,
    /// When the last leg was gone.
    pub ended: Time,
    /// Why it ended.
    pub cause: EndCause,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EndCause {
    /// Somebody hung up.
    HungUp,
    /// The caller gave up before anybody answered.
    Cancelled,
    /// Nobody could or would take it; the SIP status the caller was told.
    Refused(u16),
    /// A phone vanished: no RTP, or no answer to SIP.
    Vanished,
    /// The switch was shut down.
    Shutdown,
}
