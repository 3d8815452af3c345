//! Ending a session, in whatever state it is (RFC 3261 §15).

use bytes::Bytes;
use machine::Time;

use super::client::Owner;
use super::reply::check;
use super::screen::Incoming;
use super::{EndCause, Endpoint, EndpointError, Event, Reply, SessionId};
use crate::header::{Reason, TypedHeader};
use crate::{HeaderName, Method, Request, StatusCode};

impl Endpoint {
    /// Ends a session: with CANCEL or BYE, or 480 if it is an INVITE that waits for an answer. The handle is dead at once,
    /// and no event follows. A BYE that has to wait for the peer's ACK, a CANCEL that has to wait for a provisional
    /// response, and a 2xx that crosses the CANCEL are seen to.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::BadHeader`] if the reason has control characters.
    pub fn hang_up(&mut self, now: Time, session: SessionId, reason: Option<Reason>) -> Result<(), EndpointError> {
        self.advance(now);
        let reason = reason.map(|reason| print(&reason));
        if let Some(reason) = &reason {
            check(&[(HeaderName::Reason, reason.clone())], None)?;
        }
        let entry = self.session_mut(session)?;
        entry.reason = reason.clone();
        if let Some(invite) = entry.incoming.take_if(|invite| invite.initial) {
            let mut reply = Reply::new();
            reply.headers.extend(reason.map(|reason| (HeaderName::Reason, reason)));
            self.finish_incoming(session, &invite, StatusCode::TEMPORARILY_UNAVAILABLE, &reply);
        } else if entry.leg.is_none() {
            entry.released = true;
            entry.no_answer = None;
            entry.ring_end = None;
            if !self.give_up_redirect(session) {
                self.cancel_call(session);
                self.arm_session(session);
            }
        } else if entry.answer.as_ref().is_some_and(|answer| answer.initial) {
            // The callee's BYE waits for the ACK, or for its time-out (RFC 3261 §15).
            entry.released = true;
        } else {
            if let Some(due) = entry.ack_due.take() {
                self.acknowledge_success(session, due.key, due.cseq, None);
            }
            self.end_session(session, None, true);
        }
        if self.sessions.contains_key(session) {
            self.drop_referrals(session);
        }
        Ok(())
    }

    /// Sends the BYE of a session that the embedder has no more hold of.
    pub(super) fn send_bye(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id).filter(|session| session.bye.is_none()) else {
            return;
        };
        session.released = true;
        let Some(leg) = session.leg.as_mut() else { return };
        let Ok(cseq) = leg.dialog.next_cseq() else { return };
        let Some(leg) = self.sessions.get(id).and_then(|session| session.leg.as_ref()) else {
            return;
        };
        let way = self.way_of(leg);
        let via = self.open_client(way.flow(), Method::Bye, Owner::Bye(id));
        let Some(session) = self.sessions.get(id) else { return };
        let Some(leg) = session.leg.as_ref() else { return };
        let mut out = leg.dialog.begin(&Method::Bye, cseq, &via);
        if let Some(reason) = &session.reason {
            out.raw("Reason", reason);
        }
        let data = self.finish_request(out, &[], None, super::write::Extra::default());
        let key = self.launch_by(via, data, way);
        if let Some(session) = self.sessions.get_mut(id) {
            session.bye = Some(key);
        }
    }

    pub(super) fn on_bye_outcome(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.bye = None;
        }
        self.remove_if_through(id);
    }

    /// The peer hangs up.
    pub(super) fn on_bye(&mut self, id: SessionId, incoming: &Incoming) {
        self.reply_ok(incoming, b"", None);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.leg.is_none() {
            // A callee may not end an early dialog with BYE (RFC 3261 §15): its INVITE's answer decides.
            return;
        }
        if session.incoming.as_ref().is_some_and(|invite| invite.initial) {
            let told = session.released;
            self.end_session(id, None, false);
            if !told {
                let reason = reason_of(&incoming.request);
                self.emit(Event::Cancelled { session: id, reason });
            }
            return;
        }
        let reason = reason_of(&incoming.request);
        self.end_session(id, Some(EndCause::Bye { reason }), false);
    }
}

/// The values of all `Reason` headers (RFC 3326).
pub(super) fn reason_of(request: &Request) -> Option<String> {
    let values = request.headers().values(&HeaderName::Reason);
    let values: Vec<_> = values.filter_map(|value| core::str::from_utf8(value).ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn print(reason: &Reason) -> Bytes {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = reason.write(&mut text);
    Bytes::from(text)
}
