//! Package `dialog`: the calls of a line as XML (RFC 4235).
//!
//! See the [module above](super) for an example. [`DialogInfo::to_xml`] masks control characters and escapes all
//! markup, [`DialogInfo::parse`] is bounded (constants below) and refuses document types and own entities.
//! Extensions in other namespaces are skipped.

mod parse;
mod print;

pub use parse::{
    DialogInfoError, DialogInfoErrorKind, MAX_ATTRIBUTES, MAX_DEPTH, MAX_DIALOGS, MAX_DOCUMENT, MAX_NAMESPACES,
    MAX_TEXT,
};

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
            display: None,
            target: None,
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

/// Replaces what XML 1.0 cannot carry, and control characters, which have no place in a name or URI.
fn masked(c: char) -> char {
    if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') {
        '\u{fffd}'
    } else {
        c
    }
}

#[cfg(test)]
mod tests;
