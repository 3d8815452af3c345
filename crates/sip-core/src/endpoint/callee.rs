//! The peer's INVITE (RFC 3261 §13.3, §9.2), the answer to it and the ACK.

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::id::ServerKey;
use super::names::TagOwner;
use super::reply::{ReplyHead, check};
use super::screen::Incoming;
use super::session::{Answer, PeerInvite, Session};
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, Flow, Reply, SessionId, SessionState};
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::header::{Replaces, Via};
use crate::{HeaderName, Request, Scheme, StatusCode};

/// The session that `Replaces` names, or how to refuse.
type Replaced = Result<SessionId, StatusCode>;

impl Endpoint {
    /// Sends a provisional response, 101 to 199, to the INVITE or re-INVITE that waits for an answer. It is repeated
    /// each [`keep_ringing`](super::EndpointConfig::keep_ringing).
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`], [`EndpointError::WrongState`], [`EndpointError::BadStatus`] or
    /// [`EndpointError::BadHeader`].
    pub fn provisional(
        &mut self,
        now: Time,
        session: SessionId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        if !status.is_provisional() || status == StatusCode::TRYING {
            return Err(EndpointError::BadStatus);
        }
        let repeat = self.now + self.config.keep_ringing;
        let entry = self.session_mut(session)?;
        let key = entry.incoming.as_ref().ok_or(EndpointError::WrongState)?.key;
        entry.repeat = Some(repeat);
        let Some(data) = self.write_answer(session, status, &reply) else {
            return Err(EndpointError::WrongState);
        };
        self.respond_on(key, status, data);
        self.arm_session(session);
        Ok(())
    }

    /// Answers the INVITE or re-INVITE that waits for it with 200. `Contact`, `Allow` and `Supported` are added; the 200
    /// is repeated until the ACK comes ([`Event::Confirmed`]).
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`], [`EndpointError::WrongState`] or [`EndpointError::BadHeader`].
    pub fn answer(&mut self, now: Time, session: SessionId, reply: Reply) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        let waiting = self
            .session_mut(session)?
            .incoming
            .as_ref()
            .ok_or(EndpointError::WrongState)?;
        let (key, cseq, initial) = (waiting.key, waiting.cseq, waiting.initial);
        let (flow, port) = self.server_flow(key).ok_or(EndpointError::WrongState)?;
        let data = self
            .write_answer(session, StatusCode::OK, &reply)
            .ok_or(EndpointError::WrongState)?;
        self.respond_on(key, StatusCode::OK, data.clone());
        let timers = self.config.timers;
        let answer = Answer {
            data,
            flow,
            port,
            cseq,
            initial,
            interval: timers.t1,
            next: self.now + timers.t1,
            give_up: self.now + timers.give_up(),
        };
        let entry = self.session_mut(session)?;
        entry.answer = Some(Box::new(answer));
        entry.incoming = None;
        entry.ring_end = None;
        entry.repeat = None;
        if initial {
            entry.state = SessionState::Answered;
            // Our own address, such as a GRUU, is that of the whole dialog.
            if let Some((_, contact)) = reply.headers.iter().find(|(name, _)| *name == HeaderName::Contact) {
                entry.contact = contact.clone();
            }
        }
        self.arm_session(session);
        Ok(())
    }

    /// Refuses the INVITE or re-INVITE that waits for an answer, with a status of 300 or more. After an initial INVITE the
    /// session is over at once; after a re-INVITE it goes on as it was.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`], [`EndpointError::WrongState`], [`EndpointError::BadStatus`] or
    /// [`EndpointError::BadHeader`].
    pub fn reject(
        &mut self,
        now: Time,
        session: SessionId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        if !status.is_final() || status.is_success() {
            return Err(EndpointError::BadStatus);
        }
        let invite = self
            .session_mut(session)?
            .incoming
            .take()
            .ok_or(EndpointError::WrongState)?;
        self.finish_incoming(session, &invite, status, &reply);
        Ok(())
    }

    /// Answers the INVITE or re-INVITE that waits with any status but 100: [`provisional`](Self::provisional),
    /// [`answer`](Self::answer) (always with 200) or [`reject`](Self::reject). For who passes on another's answer.
    ///
    /// # Errors
    ///
    /// Those of the three.
    pub fn answer_with(
        &mut self,
        now: Time,
        session: SessionId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        if status.is_provisional() {
            self.provisional(now, session, status, reply)
        } else if status.is_success() {
            self.answer(now, session, reply)
        } else {
            self.reject(now, session, status, reply)
        }
    }

    pub(super) fn on_invite(&mut self, incoming: Incoming, merge: Bytes) {
        if self.sessions.len() >= self.config.limits.sessions {
            return self.refuse_overload(&incoming);
        }
        let Ok(replaces) = self.match_replaces(&incoming.request) else {
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        };
        let uri = incoming.request.request_uri().ok();
        let user = uri.as_ref().and_then(crate::Uri::user);
        let secure = uri.as_ref().is_some_and(|uri| uri.scheme() == Scheme::Sips);
        let contact = self.contact(incoming.flow, user.as_deref(), secure);
        let call_id = Bytes::copy_from_slice(incoming.request.call_id().unwrap_or_default());
        let mut session = Session::new(false, call_id, contact);
        session.ring_end = Some(self.now + self.config.max_ringing);
        let id = self.sessions.insert(session);
        let tag = TagOwner::Session(id).tag(self.rng.next_u32());
        let dialog = Dialog::from_request(&incoming.request, core::str::from_utf8(&tag).unwrap_or_default());
        let Ok(mut dialog) = dialog else {
            self.remove_session(id);
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        };
        dialog.set_local_cseq(self.first_cseq());
        let leg = self.make_leg(dialog, incoming.flow);
        let key = self.begin_server(&incoming, Some(merge));
        if let Some(tx) = self.servers.get_mut(key) {
            tx.session = Some(id);
        }
        if let Some(session) = self.sessions.get_mut(id) {
            session.local_tag = tag;
            session.leg = Some(leg);
            session.incoming = Some(Box::new(PeerInvite {
                key,
                head: incoming.head,
                cseq: incoming.cseq,
                initial: true,
            }));
        }
        self.learn_packages(id, incoming.request.headers());
        self.stats.sessions += 1;
        self.arm_session(id);
        self.emit(Event::Invite {
            session: id,
            request: incoming.request,
            flow: incoming.flow,
            replaces,
        });
    }

    /// RFC 3891 §3. The outer error: the header cannot be understood.
    fn match_replaces(&self, request: &Request) -> Result<Option<Replaced>, ()> {
        let mut values = request.headers().values(&HeaderName::Replaces);
        let Some(value) = values.next() else { return Ok(None) };
        let replaces = <Replaces as crate::header::TypedHeader>::parse(value).map_err(|_| ())?;
        if values.next().is_some() {
            return Err(());
        }
        let found = self.find_any_session(&replaces.call_id, &replaces.to_tag, &replaces.from_tag);
        let unknown = Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        let Some((id, session)) = found.and_then(|id| Some((id, self.sessions.get(id)?))) else {
            return Ok(Some(unknown));
        };
        let early = session.state < SessionState::Answered;
        Ok(Some(if session.released {
            Err(StatusCode::DECLINE)
        } else if early && !session.outgoing {
            // Only who sent the INVITE may have its early dialog replaced.
            unknown
        } else if !early && replaces.early_only {
            Err(StatusCode::BUSY_HERE)
        } else {
            Ok(id)
        }))
    }

    /// A response to the INVITE that waits.
    fn write_answer(&self, id: SessionId, status: StatusCode, reply: &Reply) -> Option<Bytes> {
        let session = self.sessions.get(id)?;
        let head = &session.incoming.as_ref()?.head;
        let extra = Extra {
            contact: Some(&session.contact),
            abilities: status.is_success(),
        };
        Some(self.write_response(head, status, Some(&session.local_tag), reply, extra))
    }

    /// Sends a failure for an INVITE that was taken out of its session.
    pub(super) fn answer_failure(&mut self, id: SessionId, invite: &PeerInvite, status: StatusCode, reply: &Reply) {
        let tag = self
            .sessions
            .get(id)
            .map(|session| session.local_tag.clone())
            .unwrap_or_default();
        let data = self.write_response(&invite.head, status, Some(&tag), reply, Extra::default());
        self.respond_on(invite.key, status, data);
    }

    /// Refuses an INVITE that was taken out of its session; ends the session if it was its first.
    pub(super) fn finish_incoming(&mut self, id: SessionId, invite: &PeerInvite, status: StatusCode, reply: &Reply) {
        self.answer_failure(id, invite, status, reply);
        if let Some(session) = self.sessions.get_mut(id) {
            session.ring_end = None;
            session.repeat = None;
        }
        if invite.initial {
            self.end_session(id, None, false);
        }
    }

    pub(super) fn on_cancel(&mut self, flow: Flow, request: &Request, via: &Via, invite: Option<ServerKey>) {
        let tx = invite.and_then(|key| Some((key, self.servers.get(key).filter(|tx| tx.is_invite())?.session)));
        let Some((key, session)) = tx else {
            self.stats.unmatched_requests += 1;
            return self.refuse(flow, request, via, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST, b"");
        };
        let session = session.filter(|id| self.sessions.contains_key(*id));
        let own_tag = session
            .and_then(|id| self.sessions.get(id))
            .map(|session| session.local_tag.clone());
        let tag = own_tag.unwrap_or_else(|| Bytes::from(self.stateless_tag(via)));
        let head = ReplyHead::new(request, via, flow.remote);
        let data = head.begin(StatusCode::OK, None, Some(&tag), false).finish(None);
        let port = via.port.unwrap_or(flow.transport.default_port());
        self.send_response(super::reply::response_flow(flow, via), port, data);
        if let Some(id) = session {
            self.withdraw_incoming(id, key, StatusCode::REQUEST_TERMINATED);
        }
    }

    /// Refuses the INVITE with this transaction, if it still waits, and tells the embedder.
    fn withdraw_incoming(&mut self, id: SessionId, key: ServerKey, status: StatusCode) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(invite) = session.incoming.take_if(|invite| invite.key == key) else {
            return;
        };
        let told = session.released;
        self.finish_incoming(id, &invite, status, &Reply::default());
        if !told {
            let initial = Event::Cancelled { session: id };
            self.emit(if invite.initial {
                initial
            } else {
                Event::ReinviteCancelled { session: id }
            });
        }
    }

    /// The embedder never answered.
    pub(super) fn give_up_ringing(&mut self, id: SessionId) {
        if let Some(key) = self
            .sessions
            .get(id)
            .and_then(|session| Some(session.incoming.as_ref()?.key))
        {
            self.stats.unanswered += 1;
            self.withdraw_incoming(id, key, StatusCode::TEMPORARILY_UNAVAILABLE);
        } else if let Some(session) = self.sessions.get_mut(id) {
            session.ring_end = None;
        }
    }

    /// Sends the last provisional response again (RFC 3261 §13.3.1.1).
    pub(super) fn session_repeat_due(&mut self, id: SessionId) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.repeat.take_if(|at| *at <= now).is_none() {
            return;
        }
        let Some(key) = session.incoming.as_ref().map(|invite| invite.key) else {
            return;
        };
        session.repeat = Some(now + self.config.keep_ringing);
        self.server_repeat(key);
    }

    pub(super) fn on_ack(&mut self, key: Option<ServerKey>, flow: Flow, request: &Request) {
        if key.is_some_and(|key| !self.server_ack(key)) {
            return;
        }
        if self.confirm(flow, request).is_none() {
            self.stats.unmatched_acks += 1;
        }
    }

    fn confirm(&mut self, flow: Flow, request: &Request) -> Option<()> {
        let headers = request.headers();
        let tag = tag_of(headers.get(&HeaderName::To)?)?;
        let TagOwner::Session(id) = TagOwner::read(tag)? else {
            return None;
        };
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let cseq = request.cseq().ok()?.number;
        let session = self.sessions.get_mut(id)?;
        let leg = session.leg.as_mut()?;
        let known = leg.dialog.local_tag() == tag
            && leg.dialog.remote_tag() == remote_tag
            && request.call_id() == Some(leg.dialog.call_id());
        if !known {
            return None;
        }
        if leg.follows {
            leg.flow = flow;
        }
        let Some(answer) = session.answer.take_if(|answer| answer.cseq == cseq) else {
            return Some(());
        };
        if answer.initial {
            session.state = SessionState::Confirmed;
        }
        if session.released {
            // The embedder hung up meanwhile; a BYE had to wait for the ACK (RFC 3261 §15).
            self.send_bye(id);
            self.remove_if_through(id);
        } else {
            let body = Some(request.body().clone()).filter(|body| !body.is_empty());
            self.emit(Event::Confirmed { session: id, body });
        }
        Some(())
    }
}
