//! Changes of an established session, by either side (RFC 3261 §14).

use core::time::Duration;

use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::client::{Outcome, Owner};
use super::id::ClientKey;
use super::prack::Progressed;
use super::reply::check;
use super::screen::Incoming;
use super::session::{AckDue, Offer, OfferKind};
use super::write::Extra;
use super::{EndCause, Endpoint, EndpointError, Event, Flow, Reliability, Reply, SessionId, SessionState};
use crate::dialog::prack::ReliableReceiver;
use crate::dialog::update::Side;
use crate::{HeaderName, Headers, Message, Method, Response, StatusCode};

/// How often a re-INVITE is tried again after 491 before the embedder is told.
const MAX_GLARES: u8 = 10;

impl Endpoint {
    /// Sends a re-INVITE; [`Event::Reinvited`] tells its outcome. After a glare (491) it is tried again by itself, after the
    /// random time of RFC 3261 §14.1.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before the session is established;
    /// [`EndpointError::Pending`] while an INVITE is under way in either direction; [`EndpointError::BadHeader`].
    pub fn reinvite(&mut self, now: Time, session: SessionId, reply: Reply) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, None)?;
        check_body(reply.body.as_ref())?;
        let entry = self.session_mut(session)?;
        if entry.state < SessionState::Answered {
            return Err(EndpointError::WrongState);
        }
        if entry.is_changing() {
            return Err(EndpointError::Pending);
        }
        let tag = entry.leg.as_ref().map(|leg| leg.dialog.remote_tag().clone());
        entry.offer = Some(Box::new(Offer {
            kind: OfferKind::Reinvite,
            tag: tag.unwrap_or_default(),
            update: None,
            reply,
            retry: None,
            attempts: 0,
        }));
        if self.send_reinvite(session).is_none() {
            if let Ok(entry) = self.session_mut(session) {
                entry.offer = None;
            }
            return Err(EndpointError::Exhausted);
        }
        Ok(())
    }

    pub(super) fn send_reinvite(&mut self, id: SessionId) -> Option<()> {
        let lines = self.timer_lines(id);
        let cseq = self.sessions.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let way = self.way_of(self.sessions.get(id)?.leg.as_ref()?);
        let via = self.open_client(way.flow(), Method::Invite, Owner::Reinvite(id));
        let session = self.sessions.get(id)?;
        let mut out = session.leg.as_ref()?.dialog.begin(&Method::Invite, cseq, &via);
        out.lines(&lines);
        let reply = &session.offer.as_ref()?.reply;
        let late = reply.body.is_none();
        let reliability = self.reliability_of(!late);
        if reliability == Reliability::Required {
            out.raw("Require", b"100rel");
        }
        let usual = reliability == self.config.reliability;
        if !usual {
            out.lines(&self.abilities_with(reliability));
        }
        let extra = Extra {
            contact: Some(&session.contact),
            abilities: usual,
        };
        let data = self.finish_request(out, &reply.headers, reply.body.as_ref(), extra);
        let key = self.launch_by(via, data, way);
        let ring_end = self.now + self.config.max_ringing;
        let session = self.sessions.get_mut(id)?;
        session.client = Some(key);
        session.late_offer = late;
        session.reliability = reliability;
        session.ring_end = Some(ring_end);
        if let Some(leg) = session.leg.as_mut() {
            leg.received = ReliableReceiver::default();
            leg.prack_due = None;
            leg.described = false;
            if !late {
                let _ = leg.exchange.offer();
            }
        }
        if let Some(offer) = session.offer.as_mut() {
            offer.retry = None;
        }
        self.arm_session(id);
        Some(())
    }

    /// Our re-INVITE got a provisional response and then nothing.
    pub(super) fn give_up_asking(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.ring_end = None;
        if let Some(key) = session.client.take() {
            self.drop_client(key);
        }
        self.lose_dialog(id, EndCause::RequestTimeout(StatusCode::REQUEST_TIMEOUT), true);
    }

    pub(super) fn on_reinvite_outcome(&mut self, id: SessionId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(session) = self.sessions.get_mut(id).filter(|session| session.client == Some(key)) else {
            return;
        };
        if status.is_provisional() {
            if let Some(response) = response.filter(|_| status != StatusCode::TRYING) {
                self.on_reinvite_progress(id, response);
            }
            return;
        }
        session.client = None;
        session.ring_end = None;
        let kind = session.offer.as_ref().map(|offer| offer.kind);
        if let Some(leg) = session.leg.as_mut() {
            leg.prack_due = None;
            if status.is_success() {
                leg.exchange.answered();
            } else {
                leg.exchange.rejected();
            }
        }
        let Some(response) = response else {
            let cause = if status == StatusCode::SERVICE_UNAVAILABLE {
                EndCause::TransportFailed
            } else {
                EndCause::RequestTimeout(status)
            };
            return self.lose_dialog(id, cause, true);
        };
        if status.is_success() {
            self.on_reinvite_success(id, key, &response);
        } else if super::update::is_glare(&response) && self.schedule_retry(id, Some(&response)) {
            return;
        } else if matches!(
            status,
            StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
        ) {
            let known = status != StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.lose_dialog(id, EndCause::RequestTimeout(status), known);
        }
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.offer = None;
        if session.released {
            self.remove_if_through(id);
        } else if kind != Some(OfferKind::Refresh) {
            if status.is_success() {
                self.learn_packages(id, response.headers());
            }
            self.emit(Event::Reinvited { session: id, response });
        } else if status.is_success() {
            self.emit(Event::Refreshed {
                session: id,
                message: Message::Response(response),
            });
        } else {
            self.retry_refresh(id);
        }
    }

    fn on_reinvite_success(&mut self, id: SessionId, key: ClientKey, response: &Response) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let cseq = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
        let body = session.offer.as_ref().and_then(|offer| offer.reply.body.clone());
        let Some(leg) = session.leg.as_mut() else { return };
        // After an offer in a reliable response everything was said before the 2xx.
        let late = session.late_offer && !leg.described && !session.released;
        if late {
            let _ = leg.exchange.receive_offer();
            session.ack_due = Some(AckDue { key, cseq });
        }
        let tag = leg.dialog.remote_tag().clone();
        self.refresh_target(id, &tag, response.headers(), None);
        self.conclude_timer(id, response.headers(), body.as_ref());
        if !late {
            self.acknowledge_success(id, key, cseq, None);
        }
    }

    /// A provisional response to our re-INVITE: of interest only if it is reliable.
    fn on_reinvite_progress(&mut self, id: SessionId, response: Response) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let refresh = session
            .offer
            .as_ref()
            .is_some_and(|offer| offer.kind == OfferKind::Refresh);
        let quiet = session.released || refresh;
        let tag = session.leg.as_ref().map(|leg| leg.dialog.remote_tag().clone());
        let tag = tag.unwrap_or_default();
        let progressed = self.on_reliable(id, &tag, &response, quiet);
        if response.headers().contains(&HeaderName::RSeq) && !matches!(progressed, Progressed::Drop) {
            // It accepts what the re-INVITE changes of the dialog (RFC 6141 §4).
            self.refresh_target(id, &tag, response.headers(), None);
        }
        if let Progressed::Due | Progressed::Done = progressed
            && !quiet
        {
            self.emit(Event::Progress {
                session: id,
                response,
                prack_due: matches!(progressed, Progressed::Due),
            });
        }
    }

    /// A request in the dialog showed that the peer, or the dialog, is gone (RFC 3261 §12.2.1.2). `bye`: whether the peer
    /// may still know the dialog.
    pub(super) fn lose_dialog(&mut self, id: SessionId, cause: EndCause, bye: bool) {
        if self.sessions.get(id).is_some_and(|session| session.released) {
            self.remove_if_through(id);
        } else {
            self.end_session(id, Some(cause), bye);
        }
    }

    /// After a glare: 2.1 to 4 s for the side that chose the Call-ID, up to 2 s for the other, in steps of 10 ms; or what the
    /// response says.
    pub(super) fn schedule_retry(&mut self, id: SessionId, response: Option<&Response>) -> bool {
        let random = u64::from(self.rng.next_u32());
        let said = response.and_then(super::update::retry_after).map(u64::from);
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id).filter(|session| !session.released) else {
            return false;
        };
        let wait = if let Some(seconds) = said {
            seconds * 1000
        } else if session.outgoing {
            2_100 + 10 * (random % 191)
        } else {
            10 * (random % 201)
        };
        let Some(offer) = session.offer.as_mut().filter(|offer| offer.attempts < MAX_GLARES) else {
            return false;
        };
        offer.attempts += 1;
        offer.retry = Some(now + Duration::from_millis(wait));
        self.arm_session(id);
        true
    }

    pub(super) fn session_offer_due(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(offer) = session.offer.as_ref() else { return };
        let (is_update, offers) = (offer.kind == OfferKind::Update, offer.reply.body.is_some());
        let open = session
            .leg_of(&offer.tag)
            .is_some_and(|leg| leg.exchange.open().is_some());
        let asking = session.incoming.is_some() || session.answer.is_some() || session.client.is_some();
        // An UPDATE without offer is never in the way; an early one goes beside the INVITE.
        let early = session.state < SessionState::Answered;
        let blocked = if is_update {
            offers && (open || (asking && !early))
        } else {
            open || asking
        };
        let Some(offer) = session
            .offer
            .as_mut()
            .filter(|offer| offer.retry.is_some_and(|at| at <= now))
        else {
            return;
        };
        if blocked {
            // The peer's own re-INVITE came first; ours has to wait for its end.
            offer.retry = Some(now + Duration::from_millis(200));
        } else if is_update && self.send_update(id).is_none() {
            // Its early dialog is gone, or the numbers are used up.
            let Some(session) = self.sessions.get_mut(id) else {
                return;
            };
            session.offer = None;
            if !session.released {
                self.emit(Event::Updated {
                    session: id,
                    status: StatusCode::REQUEST_PENDING,
                    response: None,
                });
            }
        } else if !is_update && self.send_reinvite(id).is_none() {
            self.end_session(id, Some(EndCause::RequestTimeout(StatusCode::REQUEST_TIMEOUT)), true);
        }
    }

    pub(super) fn on_reinvite(&mut self, id: SessionId, incoming: Incoming) {
        let Some(session) = self.sessions.get(id) else { return };
        let open = session.leg.as_ref().and_then(|leg| leg.exchange.open());
        if session.incoming.is_some() || (open == Some(Side::Remote) && session.ack_due.is_none()) {
            return self.refuse_busy(&incoming);
        }
        let asking = session.client.is_some() || session.ack_due.is_some() || session.answer.is_some();
        if asking || open.is_some() {
            self.stats.out_of_order += 1;
            return self.refuse_incoming(&incoming, StatusCode::REQUEST_PENDING);
        }
        let abilities = match self.abilities(incoming.request.headers(), false) {
            Ok(abilities) => abilities,
            Err((status, lines)) => return self.refuse_with(&incoming, status, &lines),
        };
        let request = incoming.request.clone();
        self.hold_invite(id, incoming, None, abilities);
        self.emit(Event::Reinvite { session: id, request });
    }

    /// Takes the remote target from a message that changes it (RFC 3261 §12.2).
    pub(super) fn refresh_target(&mut self, id: SessionId, tag: &[u8], headers: &Headers, source: Option<Flow>) {
        let Some(leg) = self.sessions.get_mut(id).and_then(|session| session.leg_with(tag)) else {
            return;
        };
        if leg.dialog.refresh_target(headers) {
            self.move_leg(id, tag, source);
        }
    }
}

impl super::session::Session {
    /// Whether an INVITE is under way in either direction.
    pub(super) fn is_changing(&self) -> bool {
        self.client.is_some()
            || self.offer.is_some()
            || self.incoming.is_some()
            || self.answer.is_some()
            || self.ack_due.is_some()
    }
}
