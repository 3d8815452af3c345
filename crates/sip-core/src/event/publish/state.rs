//! What a compositor keeps, and what it tells.

use bytes::Bytes;
use machine::Time;

/// A published state, whatever its entity-tag is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StateId(pub(super) u64);

/// One publisher's state of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct State {
    /// The same from the first PUBLISH to the removal.
    pub id: StateId,
    /// The entity-tag that the next PUBLISH must name.
    pub etag: String,
    /// The value of `Content-Type`.
    pub content_type: Bytes,
    /// The document.
    pub body: Bytes,
    /// When the document came that it holds now.
    pub since: Time,
    /// When it is forgotten unless refreshed.
    pub expires: Time,
}

/// What became of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Change {
    /// It is new.
    Published {
        /// Whose state.
        resource: String,
        /// The event package.
        package: String,
        /// The state.
        id: StateId,
    },
    /// It has another document.
    Modified {
        /// Whose state.
        resource: String,
        /// The event package.
        package: String,
        /// The state.
        id: StateId,
    },
    /// It lives longer, with the same document.
    Refreshed {
        /// Whose state.
        resource: String,
        /// The event package.
        package: String,
        /// The state.
        id: StateId,
    },
    /// It is gone.
    Removed {
        /// Whose state.
        resource: String,
        /// The event package.
        package: String,
        /// What it was.
        state: State,
        /// Why.
        cause: RemovalCause,
    },
}

/// Why a state is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RemovalCause {
    /// Its publisher removed it.
    Unpublished,
    /// It was not refreshed in time.
    Expired,
    /// [`Compositor::remove`](super::Compositor::remove).
    Administrative,
}
