use bytes::Bytes;

use super::Flow;
use crate::{NameAddr, Uri};

/// How far a session is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SessionState {
    /// Our INVITE is sent; there is no dialog yet.
    Calling,
    /// Our INVITE has a provisional response that made an early dialog.
    Ringing,
    /// The peer's INVITE waits for its answer.
    Incoming,
    /// The session is answered; the peer's ACK is missing yet.
    Answered,
    /// The session is established.
    Confirmed,
}

/// What there is to know of a session.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct SessionInfo {
    /// How far it is.
    pub state: SessionState,
    /// Whether we sent the INVITE.
    pub outgoing: bool,
    /// The `Call-ID`.
    pub call_id: Bytes,
    /// Our tag.
    pub local_tag: Bytes,
    /// The peer's tag; empty while there is no dialog.
    pub remote_tag: Bytes,
    /// Our identity, with our tag.
    pub local: Option<NameAddr>,
    /// The peer's identity, with its tag.
    pub remote: Option<NameAddr>,
    /// Where requests to the peer are addressed to.
    pub remote_target: Uri,
    /// The way they take.
    pub flow: Flow,
}
