//! Legs and hunts: the two tables of call control.

use bytes::Bytes;
use machine::Time;
use park::SlotNumber;
use rtp_media::{ConferenceId, PlayId, StreamId};
use sdp::Negotiation;
use sip_core::{ReferId, SessionId, StatusCode};

use crate::event::CallId;
use crate::group::Chasing;
use crate::queue::{AgentId, ContactId, Signing};

slotmap::new_key_type! {
    /// One phone's part in a call: one SIP session and one media stream. Generation-checked, never another leg's.
    pub struct LegId;

    /// One search for somebody who answers.
    pub struct HuntId;
}

/// Where a leg is. It is always in exactly one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Place {
    /// The phone called; its INVITE is not answered yet and a hunt rings somebody for it.
    Calling,
    /// The phone is being rung.
    Ringing(HuntId),
    /// Answered; hears ring-back while a hunt rings somebody for it (a transferred or returned party).
    Waiting,
    /// Has transferred `peer` and waits to be told how that ends.
    Transferring {
        /// The party that was transferred.
        peer: LegId,
    },
    /// Connected with another leg (each may have put the other on hold).
    Talking(LegId),
    /// In a slot of a parking lot, hearing music.
    Parked {
        /// The lot: its index in the first configuration, or a place that it got when it was added later
        /// ([`Switch::configure`](crate::Switch::configure)).
        lot: usize,
        /// The slot.
        slot: SlotNumber,
    },
    /// Listens to the call of this leg, whispers to it, or takes part.
    Supervising(LegId),
    /// In a queue, until an agent answers.
    Queued,
    /// Dials the number and the PIN of an agent.
    SigningOn,
    /// Hears a last announcement, or is given time to say BYE, and is then hung up.
    Leaving,
}

/// The extension at the far end of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Party {
    pub(crate) number: String,
    pub(crate) name: String,
}

/// What a leg's stream is told to hear instead of, or besides, its bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Hearing {
    /// The bridge, or nothing.
    Plain,
    Ringback,
    Music(String),
    /// An announcement; ends by itself.
    Prompt,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct LegMedia {
    pub(crate) stream: StreamId,
    pub(crate) port: u16,
    pub(crate) open: bool,
    pub(crate) negotiation: Negotiation,
    pub(crate) hearing: Hearing,
    pub(crate) play: Option<PlayId>,
    pub(crate) bridged: Option<LegId>,
    /// The room in which its call is supervised, or it supervises one.
    pub(crate) conference: Option<ConferenceId>,
}

impl LegMedia {
    /// Whether the phone has put its call on hold.
    pub(crate) fn held(&self) -> bool {
        self.negotiation.agreed().is_some_and(|agreed| agreed.held)
    }
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Leg {
    pub(crate) session: SessionId,
    pub(crate) call: CallId,
    pub(crate) party: Party,
    pub(crate) place: Place,
    /// The hunt that rings somebody for this leg ([`Place::Calling`], [`Place::Waiting`], a recall of [`Place::Parked`]).
    pub(crate) hunt: Option<HuntId>,
    /// Whether the phone called (otherwise it was rung).
    pub(crate) incoming: bool,
    /// How many more hops its INVITE was allowed (RFC 3261 §20.22); what is sent for it is allowed one less.
    pub(crate) max_forwards: u8,
    /// Whether a 200 was sent or received.
    pub(crate) answered: bool,
    /// The SDP for our 200: an answer, or an offer where the INVITE had none.
    pub(crate) pending_sdp: Option<Bytes>,
    pub(crate) refer: Option<ReferId>,
    pub(crate) digits: Digits,
    /// When to hang up a leg that is [`Place::Leaving`].
    pub(crate) leave_at: Option<Time>,
    /// When to ask a phone on hold whether it is still there.
    pub(crate) probe_at: Option<Time>,
    /// For a transferor: the slot in which his transfer ended.
    pub(crate) parked_at: Option<SlotNumber>,
    /// What it waits for in a queue, also while it is parked.
    pub(crate) contact: Option<ContactId>,
    /// Whom it serves as an agent's.
    pub(crate) serves: Option<ContactId>,
    /// The priority that it had in its last queue.
    pub(crate) priority: Option<i16>,
    pub(crate) signing: Option<Signing>,
    pub(crate) media: LegMedia,
}

/// The digits of a feature code as far as they were dialled.
#[derive(Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Digits {
    pub(crate) dialled: String,
    pub(crate) last: Time,
}

/// Phones that ring so that one of them is connected with a leg that waits.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Hunt {
    /// For whom; `None` where an agent is rung, whose caller waits in a queue.
    pub(crate) waiting: Option<LegId>,
    pub(crate) purpose: Purpose,
    pub(crate) ringing: Vec<LegId>,
    /// The best refusal so far (RFC 3261 §16.7 item 6).
    pub(crate) refusal: Option<StatusCode>,
    /// Whether a phone has said that it rings.
    pub(crate) alerting: bool,
    /// The group, if a group is rung.
    pub(crate) chase: Option<Box<Chasing>>,
    /// Whether a phone has said anything at all.
    pub(crate) responded: bool,
}

impl Hunt {
    pub(crate) fn new(waiting: Option<LegId>, purpose: Purpose) -> Self {
        Self {
            waiting,
            purpose,
            ringing: Vec::new(),
            refusal: None,
            alerting: false,
            chase: None,
            responded: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Purpose {
    /// A dialled call.
    Call,
    /// A transfer that is not decided yet, by the phone of `owner`.
    Transfer { by: Transferor, owner: String },
    /// A transfer failed after the transferor had left: the call goes back to him.
    Return,
    /// A caller goes on from a queue.
    Forward,
    /// A queue offers a contact to an agent.
    Offer { contact: ContactId, agent: AgentId },
    /// The customer is called back for an agent who waits.
    CallBack { contact: ContactId },
    /// A parked call's time is over.
    Recall { lot: usize, slot: SlotNumber },
}

/// Who waits to be told how a transfer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Transferor {
    /// His leg is still there, and takes the call back if the transfer fails.
    Present(LegId),
    /// He has hung up; his REFER may still want its last NOTIFY (RFC 3515 §2.4.5: it outlives the call).
    Gone(Option<ReferId>),
}

/// What may be known of a leg from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LegView {
    /// The leg.
    pub id: LegId,
    /// The call it belongs to.
    pub call: CallId,
    /// The extension at its far end.
    pub number: String,
    /// Where it is.
    pub place: Place,
    /// Whether its phone has put the call on hold.
    pub held: bool,
    /// Its media stream.
    pub stream: StreamId,
}
