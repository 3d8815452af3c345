use bytes::Bytes;

use super::Flow;
use crate::header::{Replaces, TargetDialog};
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
    /// Where they go first: the first of the route set, else `remote_target`. If that is a name,
    /// [`go_by`](super::Endpoint::go_by) takes what a [`Resolver`](crate::resolver::Resolver) finds for it; until then they go
    /// where the dialog's messages came from.
    pub next_hop: Uri,
    /// The way they take.
    pub flow: Flow,
}

impl SessionInfo {
    /// What an INVITE to this session's peer says to take the place of its dialog with us (RFC 3891); for the `Refer-To`
    /// of an attended transfer. `None` while there is no dialog.
    #[must_use]
    pub fn replaces(&self) -> Option<Replaces> {
        let [call_id, ours, theirs] = self.names()?;
        Some(Replaces::new(call_id, theirs, ours))
    }

    /// What a request to this session's peer says to show that it comes from somebody who knows of the session
    /// (RFC 4538): the dialog as the peer sees it. `None` while there is no dialog.
    #[must_use]
    pub fn target_dialog(&self) -> Option<TargetDialog> {
        let [call_id, ours, theirs] = self.names()?;
        Some(TargetDialog::new(call_id, theirs, ours))
    }

    fn names(&self) -> Option<[&str; 3]> {
        let text = |bytes| core::str::from_utf8(bytes).ok().filter(|text| !text.is_empty());
        Some([text(&self.call_id)?, text(&self.local_tag)?, text(&self.remote_tag)?])
    }
}
