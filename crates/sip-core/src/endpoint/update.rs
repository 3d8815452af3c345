//! UPDATE, by either side, before and after the session is established (RFC 3311).

use bytes::Bytes;
use machine::Time;

use super::caller::check_body;
use super::client::{Outcome, Owner};
use super::reply::check;
use super::requests::Change;
use super::screen::Incoming;
use super::session::{Offer, OfferKind, Session};
use super::{EndCause, Endpoint, EndpointError, Event, Reply, RequestId, SessionId, SessionState};
use crate::dialog::raw::tag_of;
use crate::dialog::session_timer::Agreement;
use crate::dialog::update::Glare;
use crate::header::RetryAfter;
use crate::{HeaderName, Message, Method, Response, StatusCode};

/// The longest `Retry-After` of a 500 that means glare (RFC 3311 §5.2), in seconds.
const GLARE_WAIT: u32 = 10;

impl Endpoint {
    /// Sends an UPDATE; [`Event::Updated`] tells its outcome. With a body it is an offer: possible as soon as the offer of the
    /// INVITE is answered reliably, thus also during early media. Without one it refreshes the session and our `Contact`. Of
    /// several early dialogs it goes to the latest; [`update_fork`](Self::update_fork) names one. After a glare (491, or 500 with a
    /// short `Retry-After`) it is tried again by itself.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before there is a dialog, or for an offer before the first one is
    /// answered; [`EndpointError::Pending`] while another offer, re-INVITE or UPDATE is under way; [`EndpointError::BadHeader`],
    /// [`EndpointError::Full`] or [`EndpointError::Exhausted`].
    pub fn update(&mut self, now: Time, session: SessionId, reply: Reply) -> Result<(), EndpointError> {
        self.advance(now);
        let entry = self.session_mut(session)?;
        let leg = entry.leg.as_ref().or(entry.forks.last());
        let tag = leg.ok_or(EndpointError::WrongState)?.dialog.remote_tag().clone();
        self.start_update(session, tag, reply)
    }

    /// Like [`update`](Self::update), for the early dialog whose responses have this `To` tag.
    ///
    /// # Errors
    ///
    /// Those of `update`.
    pub fn update_fork(
        &mut self,
        now: Time,
        session: SessionId,
        remote_tag: &[u8],
        reply: Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        self.start_update(session, Bytes::copy_from_slice(remote_tag), reply)
    }

    fn start_update(&mut self, id: SessionId, tag: Bytes, reply: Reply) -> Result<(), EndpointError> {
        check(&reply.headers, None)?;
        check_body(reply.body.as_ref())?;
        let full = self.is_full();
        let entry = self.session_mut(id)?;
        entry.may_update(&tag, reply.body.is_some())?;
        if full {
            return Err(EndpointError::Full);
        }
        entry.offer = Some(Box::new(Offer {
            kind: OfferKind::Update,
            tag,
            update: None,
            reply,
            retry: None,
            attempts: 0,
        }));
        if self.send_update(id).is_none() {
            if let Ok(entry) = self.session_mut(id) {
                entry.offer = None;
            }
            return Err(EndpointError::Exhausted);
        }
        Ok(())
    }

    /// An UPDATE whose response goes to the embedder as it is.
    pub(super) fn request_update(
        &mut self,
        id: SessionId,
        reply: &Reply,
        full: bool,
    ) -> Result<RequestId, EndpointError> {
        let entry = self.session_mut(id)?;
        let leg = entry.leg.as_ref().or(entry.forks.last());
        let tag = leg.ok_or(EndpointError::WrongState)?.dialog.remote_tag().clone();
        let offers = reply.body.is_some();
        entry.may_update(&tag, offers)?;
        if full {
            return Err(EndpointError::Full);
        }
        let lines = self.timer_lines(id);
        let request = self.open_outgoing(id, offers.then(|| tag.clone()));
        let owner = Owner::Request(request);
        if self
            .send_in_dialog(id, &tag, &Method::Update, owner, reply, &lines)
            .is_none()
        {
            self.close_request(request);
            return Err(EndpointError::Exhausted);
        }
        if let Some(leg) = self.session_mut(id)?.leg_with(&tag).filter(|_| offers) {
            let _ = leg.exchange.offer();
        }
        Ok(request)
    }

    /// A 2xx to a request in a session that may have been an UPDATE.
    pub(super) fn on_plain_update(&mut self, id: SessionId, response: &Response) {
        if response.cseq().is_ok_and(|cseq| cseq.method == Method::Update) {
            let headers = response.headers();
            let tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
            self.refresh_target(id, tag, headers, None);
            self.conclude_timer(id, headers, None);
        }
    }

    pub(super) fn send_update(&mut self, id: SessionId) -> Option<()> {
        let lines = self.timer_lines(id);
        let offer = self.sessions.get_mut(id)?.offer.as_mut()?;
        let (tag, reply) = (offer.tag.clone(), offer.reply.clone());
        let key = self.send_in_dialog(id, &tag, &Method::Update, Owner::Update(id), &reply, &lines)?;
        let session = self.sessions.get_mut(id)?;
        if let Some(leg) = session.leg_with(&tag).filter(|_| reply.body.is_some()) {
            let _ = leg.exchange.offer();
        }
        let offer = session.offer.as_mut()?;
        offer.update = Some(key);
        offer.retry = None;
        Some(())
    }

    pub(super) fn on_update_outcome(&mut self, id: SessionId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(offer) = session.offer.as_mut().filter(|offer| offer.update == Some(key)) else {
            return;
        };
        if session.released {
            session.offer = None;
            return;
        }
        offer.update = None;
        let tag = offer.tag.clone();
        let body = offer.reply.body.clone();
        if let Some(leg) = session.leg_with(&tag).filter(|_| body.is_some()) {
            if status.is_success() {
                leg.exchange.answered();
            } else {
                leg.exchange.rejected();
            }
        }
        if let Some(response) = response.as_ref().filter(|_| status.is_success()) {
            self.refresh_target(id, &tag, response.headers(), None);
            self.conclude_timer(id, response.headers(), body.as_ref());
        } else if response.as_ref().is_some_and(is_glare) && self.schedule_retry(id, response.as_ref()) {
            return;
        }
        let established = self.is_established(id);
        if let Some(session) = self.sessions.get_mut(id) {
            session.offer = None;
        }
        self.emit(Event::Updated {
            session: id,
            status,
            response,
        });
        if established {
            self.lose_if_gone(id, status);
        }
    }

    pub(super) fn is_established(&self, id: SessionId) -> bool {
        let session = self.sessions.get(id);
        session.is_some_and(|session| session.state >= SessionState::Answered)
    }

    /// Ends the session if a request in its dialog showed that the peer or the dialog is gone (RFC 3261 §12.2.1.2).
    pub(super) fn lose_if_gone(&mut self, id: SessionId, status: StatusCode) {
        let unknown = status == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
        if unknown || status == StatusCode::REQUEST_TIMEOUT {
            self.lose_dialog(id, EndCause::RequestTimeout(status), !unknown);
        }
    }

    pub(super) fn on_update(&mut self, id: SessionId, incoming: Incoming) {
        let tag = incoming.request.headers().get(&HeaderName::From).and_then(tag_of);
        let tag = Bytes::copy_from_slice(tag.unwrap_or_default());
        let agreement = match self.update_timer(id, &incoming) {
            Ok(agreement) => agreement,
            Err((status, lines)) => return self.refuse_with(&incoming, status, &lines),
        };
        if incoming.request.body().is_empty() {
            return self.on_pure_refresh(id, &tag, incoming, agreement);
        }
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        // Our re-INVITE without a body may bring an offer at any moment.
        let asking = session.leg.is_some() && (session.client.is_some() || session.ack_due.is_some());
        let Some(leg) = session.leg_with(&tag) else { return };
        let glare = if asking {
            Err(Glare::Pending)
        } else {
            leg.exchange.receive_offer()
        };
        match glare {
            Ok(()) => self.on_change(id, tag, incoming, agreement),
            Err(Glare::Busy) => self.refuse_busy(&incoming),
            Err(Glare::Pending) => {
                self.stats.out_of_order += 1;
                self.refuse_incoming(&incoming, StatusCode::REQUEST_PENDING);
            }
        }
    }

    /// Hands an offer in UPDATE or PRACK to the embedder.
    pub(super) fn on_change(&mut self, id: SessionId, tag: Bytes, incoming: Incoming, agreement: Option<Agreement>) {
        let change = Change {
            session: id,
            tag,
            request: incoming.request.clone(),
            agreement,
        };
        self.on_asked(Some(id), incoming, None, Some(Box::new(change)));
    }

    /// The embedder answered an offer in UPDATE or PRACK: the header lines that the response has to have.
    pub(super) fn conclude_change(
        &mut self,
        change: &Change,
        flow: super::Flow,
        status: StatusCode,
        reply: &Reply,
    ) -> Vec<u8> {
        let Some(session) = self.sessions.get_mut(change.session) else {
            return Vec::new();
        };
        if let Some(leg) = session.leg_with(&change.tag) {
            if status.is_success() {
                leg.exchange.answered();
            } else {
                leg.exchange.rejected();
            }
        }
        if !status.is_success() || *change.request.method() != Method::Update {
            return Vec::new();
        }
        self.refresh_target(change.session, &change.tag, change.request.headers(), Some(flow));
        if !self.is_established(change.session) {
            return Vec::new();
        }
        self.start_timer(change.session, change.agreement, change.request.headers());
        self.remember_description(change.session, reply.body.as_ref());
        change
            .agreement
            .map(super::session_timer::agreed_lines)
            .unwrap_or_default()
    }

    /// An UPDATE without offer changes nothing that the embedder would have to agree to.
    fn on_pure_refresh(&mut self, id: SessionId, tag: &[u8], incoming: Incoming, agreement: Option<Agreement>) {
        self.refresh_target(id, tag, incoming.request.headers(), Some(incoming.flow));
        let mut lines = Vec::new();
        if self.is_established(id) {
            self.start_timer(id, agreement, incoming.request.headers());
            lines = agreement.map(super::session_timer::agreed_lines).unwrap_or_default();
        }
        let contact = self.sessions.get(id).map(|session| session.contact.clone());
        self.reply_ok_with(&incoming, &lines, contact.as_ref());
        self.emit(Event::Refreshed {
            session: id,
            message: Message::Request(incoming.request),
        });
    }
}

impl Session {
    /// RFC 3311 §5.1.
    fn may_update(&self, tag: &[u8], offers: bool) -> Result<(), EndpointError> {
        let leg = self.leg_of(tag).ok_or(EndpointError::WrongState)?;
        // Our own early dialog is known to the peer from a provisional response.
        let initial = self.incoming.as_ref().filter(|invite| invite.initial);
        if initial.is_some_and(|invite| !invite.rung) {
            return Err(EndpointError::WrongState);
        }
        if self.offer.is_some() {
            return Err(EndpointError::Pending);
        }
        if !offers {
            return Ok(());
        }
        let early = self.state < SessionState::Answered;
        if early && leg.exchange.open().is_none() && !leg.exchange.is_agreed() {
            return Err(EndpointError::WrongState);
        }
        let unacknowledged = initial
            .and_then(|invite| invite.reliable.as_ref())
            .is_some_and(|reliable| reliable.sender.is_pending());
        let changing = !early
            && (self.client.is_some() || self.incoming.is_some() || self.answer.is_some() || self.ack_due.is_some());
        if leg.exchange.open().is_some() || unacknowledged || changing {
            return Err(EndpointError::Pending);
        }
        Ok(())
    }
}

/// Whether our offer met one of the peer's (RFC 3261 §14.2, RFC 3311 §5.2).
pub(super) fn is_glare(response: &Response) -> bool {
    let status = response.status();
    status == StatusCode::REQUEST_PENDING
        || (status == StatusCode::SERVER_INTERNAL_ERROR
            && retry_after(response).is_some_and(|seconds| seconds <= GLARE_WAIT))
}

/// The seconds of a `Retry-After`.
pub(super) fn retry_after(response: &Response) -> Option<u32> {
    let value = response.headers().typed::<RetryAfter>()?.ok()?;
    Some(value.seconds)
}
