//! Changes of an established session, by either side (RFC 3261 §14).

use core::time::Duration;

use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::client::{Outcome, Owner};
use super::reply::check;
use super::screen::Incoming;
use super::session::{AckDue, Offer, PeerInvite};
use super::write::Extra;
use super::{EndCause, Endpoint, EndpointError, Event, Reply, SessionId, SessionState};
use crate::{Method, StatusCode};

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
        entry.offer = Some(Box::new(Offer {
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

    fn send_reinvite(&mut self, id: SessionId) -> Option<()> {
        let cseq = self.sessions.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let flow = self.leg_flow(self.sessions.get(id)?.leg.as_ref()?);
        let via = self.open_client(flow, Method::Invite, Owner::Reinvite(id));
        let session = self.sessions.get(id)?;
        let out = session.leg.as_ref()?.dialog.begin(&Method::Invite, cseq, via);
        let reply = &session.offer.as_ref()?.reply;
        let extra = Extra {
            contact: Some(&session.contact),
            abilities: true,
        };
        let late = reply.body.is_none();
        let data = self.finish_request(out, &reply.headers, reply.body.as_ref(), extra);
        let key = self.launch(via, data);
        let ring_end = self.now + self.config.max_ringing;
        let session = self.sessions.get_mut(id)?;
        session.client = Some(key);
        session.late_offer = late;
        session.ring_end = Some(ring_end);
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
            return;
        }
        session.client = None;
        session.ring_end = None;
        let Some(response) = response else {
            let cause = if status == StatusCode::SERVICE_UNAVAILABLE {
                EndCause::TransportFailed
            } else {
                EndCause::RequestTimeout(status)
            };
            return self.lose_dialog(id, cause, true);
        };
        if status.is_success() {
            let cseq = response.cseq().map(|cseq| cseq.number).unwrap_or_default();
            let late = session.late_offer && !session.released;
            self.refresh_target(id, response.headers(), None);
            if late {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.ack_due = Some(AckDue { key, cseq });
                }
            } else {
                self.acknowledge_success(id, key, cseq, None);
            }
        } else if status == StatusCode::REQUEST_PENDING && self.schedule_retry(id) {
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
        } else {
            if status.is_success() {
                self.learn_packages(id, response.headers());
            }
            self.emit(Event::Reinvited { session: id, response });
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

    /// After a glare: 2.1 to 4 s for the side that chose the Call-ID, up to 2 s for the other, in steps of 10 ms.
    fn schedule_retry(&mut self, id: SessionId) -> bool {
        let random = u64::from(self.rng.next_u32());
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id).filter(|session| !session.released) else {
            return false;
        };
        let wait = if session.outgoing {
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
        let blocked = session.incoming.is_some() || session.answer.is_some() || session.client.is_some();
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
        } else if self.send_reinvite(id).is_none() {
            self.end_session(id, Some(EndCause::RequestTimeout(StatusCode::REQUEST_TIMEOUT)), true);
        }
    }

    pub(super) fn on_reinvite(&mut self, id: SessionId, incoming: Incoming) {
        let Some(session) = self.sessions.get(id) else { return };
        if session.incoming.is_some() {
            return self.refuse_busy(&incoming);
        }
        if session.client.is_some() || session.ack_due.is_some() || session.answer.is_some() {
            self.stats.out_of_order += 1;
            return self.refuse_incoming(&incoming, StatusCode::REQUEST_PENDING);
        }
        let key = self.begin_server(&incoming, None);
        if let Some(tx) = self.servers.get_mut(key) {
            tx.session = Some(id);
        }
        self.refresh_target(id, incoming.request.headers(), Some(incoming.flow));
        let ring_end = self.now + self.config.max_ringing;
        if let Some(session) = self.sessions.get_mut(id) {
            session.ring_end = Some(ring_end);
            session.incoming = Some(Box::new(PeerInvite {
                key,
                head: incoming.head,
                cseq: incoming.cseq,
                initial: false,
            }));
        }
        self.arm_session(id);
        self.emit(Event::Reinvite {
            session: id,
            request: incoming.request,
        });
    }

    /// Takes the remote target from a message that may change it (RFC 3261 §12.2).
    pub(super) fn refresh_target(&mut self, id: SessionId, headers: &crate::Headers, source: Option<super::Flow>) {
        let Some(leg) = self.sessions.get_mut(id).and_then(|session| session.leg.as_mut()) else {
            return;
        };
        if leg.dialog.refresh_target(headers) {
            let (dialog, source) = (leg.dialog.clone(), source.unwrap_or(leg.flow));
            let moved = self.make_leg(dialog, source);
            if let Some(session) = self.sessions.get_mut(id) {
                session.leg = Some(moved);
            }
        }
    }
}

impl super::session::Session {
    /// Whether an INVITE is under way in either direction.
    fn is_changing(&self) -> bool {
        self.client.is_some()
            || self.offer.is_some()
            || self.incoming.is_some()
            || self.answer.is_some()
            || self.ack_due.is_some()
    }
}
