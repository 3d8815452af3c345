//! What is kept of an INVITE usage, and the timers of it.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::abilities::Abilities;
use super::id::{ClientKey, ServerKey};
use super::reliable::Reliable;
use super::reply::ReplyHead;
use super::session_timer::Timer;
use super::timers::{Alarm, TimerKey};
use super::transport::is_private;
use super::{
    EndCause, Endpoint, EndpointError, Event, Flow, Hop, ReferId, Reliability, Reply, SessionId, SessionInfo,
    SessionState, SubscriptionId,
};
use crate::auth;
use crate::dialog::Dialog;
use crate::dialog::prack::ReliableReceiver;
use crate::dialog::update::OfferExchange;
use crate::header::TargetDialog;
use crate::transaction::earliest;
use crate::wire::Digits;
use crate::{NameAddr, Request, Scheme, StatusCode, Uri};

/// A dialog and the way its requests take.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Leg {
    pub(super) dialog: Dialog,
    pub(super) flow: Flow,
    /// Whether `flow` is where the peer's messages come from, and follows them.
    pub(super) follows: bool,
    /// Whether the transport is ours to choose.
    pub(super) free: bool,
    /// Where its requests go instead, as the embedder said.
    pub(super) hops: Option<Box<[Hop]>>,
    pub(super) exchange: OfferExchange,
    /// Reliable provisional responses of this fork.
    pub(super) received: ReliableReceiver,
    /// The number of one that waits for the embedder's PRACK.
    pub(super) prack_due: Option<u32>,
    /// Whether one of them had a body.
    pub(super) described: bool,
}

/// Where a dialog's requests go.
pub(super) struct Route {
    pub(super) flow: Flow,
    /// Whether that is back where its messages come from.
    follows: bool,
    free: bool,
}

/// One INVITE usage.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Session {
    pub(super) outgoing: bool,
    pub(super) state: SessionState,
    /// Over for the embedder; kept until its last messages are through.
    pub(super) released: bool,
    pub(super) call_id: Bytes,
    pub(super) local_tag: Bytes,
    pub(super) contact: Bytes,
    pub(super) leg: Option<Leg>,
    /// Early dialogs of our INVITE.
    pub(super) forks: Vec<Leg>,
    /// Our INVITE or re-INVITE that is under way.
    pub(super) client: Option<ClientKey>,
    /// Whether it has a provisional response.
    pub(super) proceeding: bool,
    /// Whether it had no body, so that the 2xx has the offer.
    pub(super) late_offer: bool,
    /// Whether its provisional responses are acknowledged.
    pub(super) reliability: Reliability,
    /// By the embedder alone.
    pub(super) manual_prack: bool,
    /// Whether the peer allows UPDATE.
    pub(super) peer_update: bool,
    /// `RSeq` and `CSeq` of a response whose PRACK may come after the final one.
    pub(super) late_prack: Option<(u32, u32)>,
    pub(super) timer: Option<Box<Timer>>,
    /// A 2xx that waits for [`Endpoint::acknowledge`].
    pub(super) ack_due: Option<AckDue>,
    /// The peer's INVITE or re-INVITE that waits for an answer.
    pub(super) incoming: Option<Box<PeerInvite>>,
    /// Our 2xx that waits for its ACK.
    pub(super) answer: Option<Box<Answer>>,
    /// Our re-INVITE or UPDATE, until its final response.
    pub(super) offer: Option<Box<Offer>>,
    pub(super) bye: Option<ClientKey>,
    pub(super) reason: Option<Bytes>,
    pub(super) cancelling: Cancelling,
    /// When the embedder's patience with our INVITE ends.
    pub(super) no_answer: Option<Time>,
    /// When ours ends, with either side's INVITE.
    pub(super) ring_end: Option<Time>,
    /// When the last provisional response is due again.
    pub(super) repeat: Option<Time>,
    pub(super) refers: Vec<ReferId>,
    /// REFERs of the peer's so far: the first one's NOTIFYs need no id.
    pub(super) refer_count: u32,
    /// Our REFERs.
    pub(super) referrals: Vec<SubscriptionId>,
    pub(super) auth: Option<Box<auth::Client>>,
    /// Of a call that may be redirected.
    pub(super) redirects: Option<Box<super::redirect::Redirects>>,
    /// The Info Packages that the peer can receive, if it said so (RFC 6086 §5.2).
    pub(super) peer_packages: Option<Box<[Bytes]>>,
    pub(super) alarm: Alarm,
}

/// How far the cancelling of our INVITE is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Cancelling {
    No,
    /// A provisional response must come first (RFC 3261 §9.1).
    Wanted,
    /// Sent; at this time the INVITE is given up (RFC 3261 §9.1).
    Sent(Time),
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct AckDue {
    pub(super) key: ClientKey,
    pub(super) cseq: u32,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct PeerInvite {
    pub(super) key: ServerKey,
    pub(super) head: ReplyHead,
    pub(super) cseq: u32,
    /// The session's first.
    pub(super) initial: bool,
    /// The way it came.
    pub(super) source: Flow,
    pub(super) abilities: Abilities,
    /// The remote target as of its acceptance (RFC 6141 §4).
    pub(super) target: Option<Bytes>,
    /// Whether it had a body.
    pub(super) offered: bool,
    /// Whether a description was sent, other than in an unreliable response.
    pub(super) described: bool,
    /// Whether a provisional response has told the peer our tag.
    pub(super) rung: bool,
    pub(super) reliable: Option<Box<Reliable>>,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Answer {
    pub(super) data: Bytes,
    pub(super) flow: Flow,
    pub(super) port: u16,
    pub(super) cseq: u32,
    pub(super) initial: bool,
    pub(super) interval: Duration,
    pub(super) next: Time,
    pub(super) give_up: Time,
}

/// What is asked of the peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum OfferKind {
    Reinvite,
    /// A re-INVITE that only refreshes.
    Refresh,
    Update,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Offer {
    pub(super) kind: OfferKind,
    /// The dialog, by its remote tag.
    pub(super) tag: Bytes,
    /// The UPDATE that is under way.
    pub(super) update: Option<ClientKey>,
    pub(super) reply: Reply,
    /// When to try again after a glare.
    pub(super) retry: Option<Time>,
    pub(super) attempts: u8,
}

impl Leg {
    /// The way as it was, but for what follows the peer's messages.
    pub(super) fn route_by(&self, source: Flow) -> Route {
        Route {
            flow: if self.follows { source } else { self.flow },
            follows: self.follows,
            free: self.free,
        }
    }

    pub(super) fn new(dialog: Dialog, route: Route) -> Self {
        let Route { flow, follows, free } = route;
        Self {
            dialog,
            flow,
            follows,
            free,
            hops: None,
            exchange: OfferExchange::default(),
            received: ReliableReceiver::default(),
            prack_due: None,
            described: false,
        }
    }
}

impl Session {
    pub(super) fn new(outgoing: bool, call_id: Bytes, contact: Bytes) -> Self {
        Self {
            outgoing,
            state: if outgoing {
                SessionState::Calling
            } else {
                SessionState::Incoming
            },
            released: false,
            call_id,
            local_tag: Bytes::new(),
            contact,
            leg: None,
            forks: Vec::new(),
            client: None,
            proceeding: false,
            late_offer: false,
            reliability: Reliability::Never,
            manual_prack: false,
            peer_update: false,
            late_prack: None,
            timer: None,
            ack_due: None,
            incoming: None,
            answer: None,
            offer: None,
            bye: None,
            reason: None,
            cancelling: Cancelling::No,
            no_answer: None,
            ring_end: None,
            repeat: None,
            refers: Vec::new(),
            refer_count: 0,
            referrals: Vec::new(),
            auth: None,
            redirects: None,
            peer_packages: None,
            alarm: Alarm::default(),
        }
    }

    /// The head of the responses to the INVITE with this transaction.
    pub(super) fn incoming_head(&self, key: ServerKey) -> Option<&ReplyHead> {
        self.incoming
            .as_ref()
            .filter(|invite| invite.key == key)
            .map(|invite| &invite.head)
    }

    /// The dialog with this remote tag: the established one, else an early one.
    pub(super) fn leg_with(&mut self, remote_tag: &[u8]) -> Option<&mut Leg> {
        self.leg
            .iter_mut()
            .chain(&mut self.forks)
            .find(|leg| leg.dialog.remote_tag() == remote_tag)
    }

    pub(super) fn leg_of(&self, remote_tag: &[u8]) -> Option<&Leg> {
        let mut legs = self.leg.iter().chain(&self.forks);
        legs.find(|leg| leg.dialog.remote_tag() == remote_tag)
    }

    fn has_remote_tag(&self, remote_tag: &[u8]) -> bool {
        self.leg_of(remote_tag).is_some()
    }

    fn deadline(&self) -> Option<Time> {
        let answer = self.answer.as_ref().map(|answer| answer.next.min(answer.give_up));
        let cancel = match self.cancelling {
            Cancelling::Sent(at) => Some(at),
            Cancelling::No | Cancelling::Wanted => None,
        };
        let retry = self.offer.as_ref().and_then(|offer| offer.retry);
        let reliable = self.incoming.as_ref().and_then(|invite| invite.reliable.as_ref());
        [
            answer,
            cancel,
            retry,
            self.no_answer,
            self.ring_end,
            self.repeat,
            reliable.and_then(|reliable| reliable.sender.deadline()),
            self.timer.as_ref().and_then(|timer| timer.deadline()),
        ]
        .into_iter()
        .fold(None, earliest)
    }

    /// Whether nothing of it is under way any more.
    fn is_through(&self) -> bool {
        self.released && self.client.is_none() && self.bye.is_none() && self.answer.is_none() && self.refers.is_empty()
    }
}

impl Endpoint {
    /// The session whose dialog has this `Call-ID` and these tags, as `Replaces`, `Join` and `Target-Dialog` name it.
    #[must_use]
    pub fn find_session(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<SessionId> {
        let id = self.find_any_session(call_id, local_tag, remote_tag)?;
        self.sessions.get(id).filter(|session| !session.released).map(|_| id)
    }

    /// The session that a request's `Target-Dialog` header names. `None` without such a header, and just so if it names none
    /// of ours, lacks a tag or cannot be read: then it says nothing, and the request has to be authorised by other means
    /// (RFC 4538 §4).
    ///
    /// Who knows a dialog's Call-ID and both tags is one of its parties or was told by one, or by a proxy on its way. If the
    /// dialog was made with `sips` URIs the embedder should take that for an authorisation, as far as it would authorise
    /// those; if not, whoever can listen on the way knows the tags too, and the embedder may. The tags are taken in either
    /// order, since senders differ in whose view they tell.
    #[must_use]
    pub fn target_dialog(&self, request: &Request) -> Option<SessionId> {
        let TargetDialog {
            call_id,
            local_tag,
            remote_tag,
        } = request.headers().typed::<TargetDialog>()?.ok()?;
        self.find_session(&call_id, &local_tag, &remote_tag)
            .or_else(|| self.find_session(&call_id, &remote_tag, &local_tag))
    }

    pub(super) fn find_any_session(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<SessionId> {
        let super::names::TagOwner::Session(id) = super::names::TagOwner::read(local_tag.as_bytes())? else {
            return None;
        };
        let session = self.sessions.get(id)?;
        let same = session.local_tag == local_tag.as_bytes()
            && session.call_id == call_id.as_bytes()
            && session.has_remote_tag(remote_tag.as_bytes());
        same.then_some(id)
    }

    /// What there is to know of a session; `None` once it is over, and of a call that waits to be sent on elsewhere.
    #[must_use]
    pub fn session_info(&self, session: SessionId) -> Option<SessionInfo> {
        let session = self.sessions.get(session).filter(|session| !session.released)?;
        let leg = session.leg.as_ref().or(session.forks.last());
        let name = |value: &[u8]| NameAddr::parse(value).ok();
        let (local, remote, target, next_hop, flow) = match leg {
            Some(Leg { dialog, flow, .. }) => (
                name(dialog.local()),
                name(dialog.remote()),
                Uri::parse(dialog.remote_target()).ok()?,
                Uri::parse(dialog.next_hop()).ok()?,
                *flow,
            ),
            None => {
                let key = session.client?;
                let (from, to) = self.sent_parties(key)?;
                let target = Uri::parse(&self.sent_uri(key)).ok()?;
                let flow = self.client_flow(key)?;
                (name(&from), name(&to), target.clone(), target, flow)
            }
        };
        Some(SessionInfo {
            state: session.state,
            outgoing: session.outgoing,
            call_id: session.call_id.clone(),
            local_tag: session.local_tag.clone(),
            remote_tag: leg.map(|leg| leg.dialog.remote_tag().clone()).unwrap_or_default(),
            local,
            remote,
            remote_target: target,
            next_hop,
            flow,
        })
    }

    /// A session that the embedder may still command.
    pub(super) fn session_mut(&mut self, id: SessionId) -> Result<&mut Session, EndpointError> {
        self.sessions
            .get_mut(id)
            .filter(|session| !session.released)
            .ok_or(EndpointError::Gone)
    }

    pub(super) fn new_call_id(&mut self) -> Bytes {
        let halves = [self.rng.next_u64(), self.rng.next_u64()].map(Digits::hex);
        let [first, second] = &halves;
        Bytes::from([first.as_bytes(), second.as_bytes()].concat())
    }

    /// A first sequence number: low enough to go on for ever, not the same each time.
    pub(super) fn first_cseq(&mut self) -> u32 {
        1 + (self.rng.next_u32() >> 16)
    }

    /// `source`: the way by which the dialog's first message came or went.
    pub(super) fn make_leg(&self, dialog: Dialog, source: Flow) -> Leg {
        let route = self.route(&dialog, source);
        Leg::new(dialog, route)
    }

    /// The remote target of a dialog has changed: its requests take another way. `source`: the way by which the peer's
    /// message came, if there was one.
    pub(super) fn move_leg(&mut self, id: SessionId, tag: &[u8], source: Option<Flow>) {
        let Some(leg) = self.sessions.get(id).and_then(|session| session.leg_of(tag)) else {
            return;
        };
        let Route { flow, follows, free } = self.route(&leg.dialog, source.unwrap_or(leg.flow));
        if let Some(leg) = self.sessions.get_mut(id).and_then(|session| session.leg_with(tag)) {
            leg.flow = flow;
            leg.follows = follows;
            leg.free = free;
            leg.hops = None;
        }
    }

    /// Where a dialog's requests go (RFC 3261 §12.2.1.1).
    pub(super) fn route(&self, dialog: &Dialog, source: Flow) -> Route {
        let back = Route {
            flow: source,
            follows: true,
            free: false,
        };
        let Ok(uri) = Uri::parse(dialog.next_hop()) else {
            return back;
        };
        let Ok(mut hop) = self.resolve(&uri) else { return back };
        if hop.transport == source.transport && hop.local.is_ipv4() == source.local.is_ipv4() {
            hop.local = source.local;
        }
        let (there, here) = (hop.remote.ip(), source.remote.ip().to_canonical());
        let unmeant = dialog.is_direct()
            && self.config.repair_nat
            && (there.is_unspecified() || (is_private(there) && !is_private(here)));
        // A connection is used again, whatever port the peer listens at.
        let connected = source.transport.is_reliable() && there == here;
        if unmeant || connected {
            return back;
        }
        Route {
            flow: hop,
            follows: false,
            free: uri.transport().is_none() && uri.scheme() == Scheme::Sip,
        }
    }

    /// The way of a dialog's next request: anew, if its connection broke.
    pub(super) fn leg_flow(&self, leg: &Leg) -> Flow {
        if leg.flow.transport.is_reliable() && self.live_flow(leg.flow).connection.is_none() {
            let hop = Uri::parse(leg.dialog.next_hop())
                .ok()
                .and_then(|uri| self.resolve(&uri).ok());
            return hop.unwrap_or(leg.flow);
        }
        leg.flow
    }

    pub(super) fn arm_session(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            let deadline = session.deadline();
            self.timers
                .arm(self.now, TimerKey::Session(id), &mut session.alarm, deadline);
        }
    }

    pub(super) fn session_due(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.alarm.fired();
        let now = self.now;
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let cancelled = matches!(session.cancelling, Cancelling::Sent(at) if at <= now);
        if cancelled {
            return self.abandon_invite(id);
        }
        let ringing = session.leg.is_none();
        let asking = session.client.is_some();
        if due(session.no_answer) || (ringing && due(session.ring_end)) {
            self.give_up_calling(id);
        } else if asking && due(session.ring_end) {
            self.give_up_asking(id);
        } else if due(session.ring_end) {
            self.give_up_ringing(id);
        }
        self.session_answer_due(id);
        self.session_repeat_due(id);
        self.session_offer_due(id);
        self.session_reliable_due(id);
        self.session_timer_due(id);
        self.arm_session(id);
    }

    /// Retransmits the 2xx, or gives the ACK up (RFC 3261 §13.3.1.4).
    fn session_answer_due(&mut self, id: SessionId) {
        let (now, t2, stuck) = (self.now, self.config.timers.t2, self.is_stuck());
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(answer) = session.answer.as_mut() else { return };
        if answer.give_up <= now {
            session.answer = None;
            self.end_session(id, Some(EndCause::AckTimeout), true);
        } else if answer.next <= now {
            answer.interval = answer.interval.saturating_mul(2).min(t2);
            answer.next = now + answer.interval.max(Duration::from_millis(1));
            let (flow, port, data) = (answer.flow, answer.port, answer.data.clone());
            if !stuck {
                self.stats.retransmitted += 1;
                self.send_response(flow, port, data);
            }
        }
    }

    /// Ends a session: tells the embedder why, unless it is past caring; with `bye`, tells the peer.
    pub(super) fn end_session(&mut self, id: SessionId, cause: Option<EndCause>, bye: bool) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let told = core::mem::replace(&mut session.released, true);
        session.answer = None;
        session.offer = None;
        session.timer = None;
        session.no_answer = None;
        // A re-INVITE that is under way may lose its answer now.
        session.ring_end = session.client.map(|_| self.now + self.config.timers.give_up());
        session.repeat = None;
        let incoming = session.incoming.take();
        if let Some(invite) = incoming {
            self.answer_failure(id, &invite, StatusCode::REQUEST_TERMINATED, &Reply::default());
        }
        if let Some(cause) = cause.filter(|_| !told) {
            self.emit(Event::Ended { session: id, cause });
        }
        if !told {
            self.drop_referrals(id);
        }
        if bye {
            self.send_bye(id);
        }
        self.remove_if_through(id);
        self.arm_session(id);
    }

    pub(super) fn remove_if_through(&mut self, id: SessionId) {
        if self.sessions.get(id).is_some_and(Session::is_through) {
            self.remove_session(id);
        }
    }

    pub(super) fn remove_session(&mut self, id: SessionId) {
        if let Some(mut session) = self.sessions.remove(id) {
            self.timers.disarm(&mut session.alarm);
        }
    }
}
