use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;
use sdp::{Agreed, Direction, Negotiation};
use sip_core::{ReferId, SessionId, SubscriptionId};

use super::rtp::Sender;

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallState {
    /// The phone called and waits for an answer.
    Calling,
    /// The phone rings.
    Ringing,
    /// Somebody answered.
    Talking,
}

/// What a phone heard in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sound {
    /// All the same byte: the [voice](crate::PhoneConfig::voice) of another phone, if nothing translated it on the way.
    Voice(u8),
    /// Anything else: music, tones, announcements.
    Other,
}

/// A call of a [`Phone`](crate::Phone).
#[derive(Debug)]
pub struct Call {
    pub(super) session: SessionId,
    pub(super) state: CallState,
    pub(super) peer: String,
    pub(super) display: Option<String>,
    pub(super) negotiation: Negotiation,
    pub(super) local_rtp: SocketAddr,
    pub(super) sender: Sender,
    /// The body of our 200, once the phone answers.
    pub(super) reply: Option<Bytes>,
    /// Whether the peer's offer, or its answer, comes with its ACK.
    pub(super) late: bool,
    /// The direction to return to if our re-INVITE is refused.
    pub(super) before: Option<Direction>,
    pub(super) transfer: Option<SubscriptionId>,
    /// The REFER that had us make this call, and who is told.
    pub(super) referred_by: Option<ReferId>,
    pub(super) packets: u64,
    pub(super) last_sound: Option<(Time, Sound)>,
    pub(super) last_digit: Option<u32>,
    pub(super) digits_until: Time,
    pub(super) speaking: bool,
}

impl Call {
    /// How far it is.
    #[must_use]
    pub fn state(&self) -> CallState {
        self.state
    }

    /// The number (or URI) at the other end.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The name that is shown of it.
    #[must_use]
    pub fn display(&self) -> Option<&str> {
        self.display.as_deref()
    }

    /// What was agreed about media.
    #[must_use]
    pub fn agreed(&self) -> Option<&Agreed> {
        self.negotiation.agreed()
    }

    /// Whether this phone holds the other side.
    #[must_use]
    pub fn holding(&self) -> bool {
        !self.negotiation.wanted().receives()
    }

    /// Whether the other side holds this phone.
    #[must_use]
    pub fn held(&self) -> bool {
        self.agreed().is_some_and(|agreed| agreed.held)
    }

    /// How many RTP packets arrived.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// What was heard last, and when.
    #[must_use]
    pub fn last_sound(&self) -> Option<(Time, Sound)> {
        self.last_sound
    }

    /// The SIP session, to compare with the endpoint's.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
}
