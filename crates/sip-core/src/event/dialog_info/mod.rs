//! Package `dialog`: the calls of a line as XML (RFC 4235).
//!
//! See the [module above](super) for an example. [`DialogInfo::to_xml`] masks control characters and escapes all
//! markup, [`DialogInfo::parse`] is bounded (constants below and in [`body::xml`](crate::body::xml)) and refuses document
//! types and own entities. Extensions in other namespaces are skipped. [`DialogWatcher`] puts the documents of one
//! subscription together.

mod parse;
mod print;
mod watcher;

pub use parse::{MAX_DIALOGS, MAX_HOPS};
pub use watcher::{DialogChange, DialogWatcher, WatchError, Watched};

/// The XML namespace of the document.
pub const NAMESPACE: &str = "urn:ietf:params:xml:ns:dialog-info";

/// One document: what a notifier tells of the dialogs of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DialogInfo {
    /// The URI of whom the document is about.
    pub entity: String,
    /// Starts at 0 and rises by one with each document of a subscription.
    pub version: u32,
    /// Whether the document lists all dialogs, or only those that changed.
    pub state: DocumentState,
    /// The dialogs.
    pub dialogs: Vec<DialogElement>,
}

/// How complete a [`DialogInfo`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DocumentState {
    /// All dialogs: those not listed are gone.
    Full,
    /// Those that changed since the last version.
    Partial,
}

/// One dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DialogElement {
    /// Names the dialog within the subscription.
    pub id: String,
    /// `Call-ID`, if the watcher may know it (needed for pick-up by `Replaces`).
    pub call_id: Option<String>,
    /// Tag of the entity's side.
    pub local_tag: Option<String>,
    /// Tag of the other side.
    pub remote_tag: Option<String>,
    /// Who started it.
    pub direction: Option<Direction>,
    /// How far it has come.
    pub state: DialogState,
    /// What brought it to this state.
    pub cause: Option<Cause>,
    /// The status code that brought it to this state, 100 to 699.
    pub code: Option<u16>,
    /// Seconds since the dialog began.
    pub duration: Option<u64>,
    /// The dialog that this one took the place of.
    pub replaces: Option<DialogId>,
    /// Who brought the parties together.
    pub referred_by: Option<Referrer>,
    /// The entity's route set: one URI or name-addr for each hop.
    pub route_set: Vec<String>,
    /// The entity's own side.
    pub local: Option<Participant>,
    /// The other side.
    pub remote: Option<Participant>,
}

/// Who started a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Direction {
    /// The entity itself.
    Initiator,
    /// The other side.
    Recipient,
}

/// The states of RFC 4235 §3.7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DialogState {
    /// INVITE sent or received, no answer yet.
    Trying,
    /// A provisional answer without a tag.
    Proceeding,
    /// A provisional answer with a tag: it rings.
    Early,
    /// Answered.
    Confirmed,
    /// Over.
    Terminated,
}

/// What changed a dialog's state: the `event` attribute (RFC 4235 §4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Cause {
    /// The caller gave up.
    Cancelled,
    /// Refused by a final response.
    Rejected,
    /// Replaced by another dialog.
    Replaced,
    /// The entity hung up.
    LocalBye,
    /// The other side hung up.
    RemoteBye,
    /// An error, such as a time-out.
    Error,
    /// No answer in time.
    Timeout,
}

/// One side of a dialog.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Participant {
    /// Who it is: the URI of From or To.
    pub identity: String,
    /// The name to show.
    pub display: Option<String>,
    /// Where it is: the URI of Contact.
    pub target: Option<String>,
    /// What its Contact says of it besides: `+sip.rendering`, `+sip.byeless`… with their values.
    pub target_params: Vec<(String, String)>,
    /// Its session.
    pub session_description: Option<SessionDescription>,
    /// Its latest CSeq.
    pub cseq: Option<u32>,
}

/// Names a dialog, as the entity sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DialogId {
    /// `Call-ID`.
    pub call_id: String,
    /// Tag of the entity's side.
    pub local_tag: String,
    /// Tag of the other side.
    pub remote_tag: String,
}

/// Who sent a REFER.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Referrer {
    /// The URI of Referred-By.
    pub uri: String,
    /// The name to show.
    pub display: Option<String>,
}

/// The session of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionDescription {
    /// What it is, such as `application/sdp`.
    pub media_type: String,
    /// The description; lines end in LF.
    pub text: String,
}

impl DialogInfo {
    /// A document without dialogs.
    #[must_use]
    pub fn new(entity: impl Into<String>, version: u32, state: DocumentState) -> Self {
        Self {
            entity: entity.into(),
            version,
            state,
            dialogs: Vec::new(),
        }
    }
}

impl DialogElement {
    /// A dialog of which nothing but its id and state is told.
    #[must_use]
    pub fn new(id: impl Into<String>, state: DialogState) -> Self {
        Self {
            id: id.into(),
            call_id: None,
            local_tag: None,
            remote_tag: None,
            direction: None,
            state,
            cause: None,
            code: None,
            duration: None,
            replaces: None,
            referred_by: None,
            route_set: Vec::new(),
            local: None,
            remote: None,
        }
    }
}

impl Participant {
    /// A participant with nothing but a URI.
    #[must_use]
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            ..Self::default()
        }
    }

    /// Adds the name to show.
    #[must_use]
    pub fn with_display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }

    /// Adds the URI where it is.
    #[must_use]
    pub fn with_target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Adds what its Contact says of it besides the URI, such as `+sip.rendering` `no` for a party that holds. Told only
    /// with a target.
    #[must_use]
    pub fn with_target_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.target_params.push((name.into(), value.into()));
        self
    }

    /// The value of a parameter of its Contact, such as `+sip.rendering`.
    #[must_use]
    pub fn target_param(&self, name: &str) -> Option<&str> {
        let found = self
            .target_params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Gives an enum the words it is written with, in both directions.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $type {
            /// The word in the document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            pub(super) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

words!(DocumentState { Full = "full", Partial = "partial" });
words!(Direction { Initiator = "initiator", Recipient = "recipient" });
words!(DialogState {
    Trying = "trying",
    Proceeding = "proceeding",
    Early = "early",
    Confirmed = "confirmed",
    Terminated = "terminated",
});
words!(Cause {
    Cancelled = "cancelled",
    Rejected = "rejected",
    Replaced = "replaced",
    LocalBye = "local-bye",
    RemoteBye = "remote-bye",
    Error = "error",
    Timeout = "timeout",
});

#[cfg(test)]
mod tests;
