//! The peer's INVITE (RFC 3261 §13.3, §9.2), the answer to it and the ACK.

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::abilities::Abilities;
use super::caller::check_body;
use super::id::ServerKey;
use super::names::TagOwner;
use super::reply::{ReplyHead, check};
use super::screen::Incoming;
use super::session::{Answer, PeerInvite, Session};
use super::session_timer::agreed_lines;
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, Flow, Reply, SessionId, SessionState};
use crate::dialog::raw::tag_of;
use crate::dialog::update::Side;
use crate::dialog::{Dialog, contact};
use crate::header::Via;
use crate::transaction::matching::HashedKey;
use crate::{HeaderName, Request, Scheme, StatusCode};

impl Endpoint {
    /// Sends a provisional response, 101 to 199, to the INVITE or re-INVITE that waits for an answer. It is repeated
    /// each [`keep_ringing`](super::EndpointConfig::keep_ringing). Where
    /// [`EndpointConfig::reliability`](super::EndpointConfig::reliability) says so it is sent reliably, as
    /// [`provisional_reliably`](Self::provisional_reliably) does.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`], also after [`answer`](Self::answer);
    /// [`EndpointError::BadStatus`], [`EndpointError::BadHeader`]; [`EndpointError::Full`] if 16 wait for their PRACKs.
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
        self.session_mut(session)?;
        let waiting = self.sessions.get(session).and_then(|entry| entry.incoming.as_ref());
        let waiting = waiting.filter(|invite| !invite.is_answered());
        let waiting = waiting.ok_or(EndpointError::WrongState)?;
        let key = waiting.key;
        if self.is_reliable(waiting, &reply) {
            return self.send_reliably(session, status, reply);
        }
        let Some(data) = self.write_answer(session, status, &reply, b"") else {
            return Err(EndpointError::WrongState);
        };
        let entry = self.session_mut(session)?;
        entry.repeat = Some(repeat);
        if let Some(invite) = entry.incoming.as_mut() {
            invite.rung = true;
        }
        self.respond_on(key, status, data);
        self.arm_session(session);
        Ok(())
    }

    /// Answers the INVITE or re-INVITE that waits for it with 200. `Contact`, `Allow` and `Supported` are added; the 200
    /// is repeated until the ACK comes ([`Event::Confirmed`]). While a reliable provisional response with a description waits
    /// for its PRACK, the 200 waits too (RFC 3262 §3). After such an answer the 200 needs no body.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`], [`EndpointError::WrongState`] or [`EndpointError::BadHeader`].
    pub fn answer(&mut self, now: Time, session: SessionId, reply: Reply) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        let waiting = self.session_mut(session)?.incoming.as_mut();
        let waiting = waiting.filter(|invite| !invite.is_answered());
        let waiting = waiting.ok_or(EndpointError::WrongState)?;
        let key = waiting.key;
        self.server_flow(key).ok_or(EndpointError::WrongState)?;
        let waiting = self.session_mut(session)?.incoming.as_mut();
        if let Some(reply) = waiting.and_then(|invite| invite.hold_answer(reply)) {
            self.answer_now(session, &reply);
        }
        Ok(())
    }

    /// Sends the 200 to the INVITE or re-INVITE that waits for it.
    pub(super) fn answer_now(&mut self, session: SessionId, reply: &Reply) -> Option<()> {
        let waiting = self.sessions.get(session)?.incoming.as_ref()?;
        let (key, cseq, initial, abilities) = (waiting.key, waiting.cseq, waiting.initial, waiting.abilities);
        let (flow, port) = self.server_flow(key)?;
        let lines = abilities.timer.map(agreed_lines).unwrap_or_default();
        let data = self.write_answer(session, StatusCode::OK, reply, &lines)?;
        self.respond_on(key, StatusCode::OK, data.clone());
        self.accept_target(session);
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
        let entry = self.sessions.get_mut(session)?;
        entry.note_description(reply.body.is_some());
        entry.late_prack = entry.incoming.take()?.late_prack();
        entry.answer = Some(Box::new(answer));
        entry.ring_end = None;
        entry.repeat = None;
        if initial {
            entry.state = SessionState::Answered;
            // Our own address, such as a GRUU, is that of the whole dialog.
            if let Some((_, contact)) = reply.headers.iter().find(|(name, _)| *name == HeaderName::Contact) {
                entry.contact = contact.clone();
            }
        }
        self.start_timer_with(session, abilities.timer, Some(abilities.update));
        self.remember_description(session, reply.body.as_ref());
        self.arm_session(session);
        Some(())
    }

    /// Refuses the INVITE or re-INVITE that waits for an answer, with a status of 300 or more. After an initial INVITE the
    /// session is over at once; after a re-INVITE it goes on as it was. A re-INVITE whose offer was answered in a reliable
    /// provisional response should not be refused any more (RFC 6141 §3.3): [`update`](Self::update) back and answer.
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
        let waiting = &mut self.session_mut(session)?.incoming;
        let invite = waiting.take_if(|invite| !invite.is_answered());
        let invite = invite.ok_or(EndpointError::WrongState)?;
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

    pub(super) fn on_invite(&mut self, incoming: Incoming, merge: HashedKey) {
        if self.sessions.len() >= self.config.limits.sessions {
            return self.refuse_overload(&incoming);
        }
        let Ok((replaces, join)) = self.match_named(&incoming.request) else {
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        };
        let headers = incoming.request.headers();
        let looked = self.abilities(headers, true);
        let looked = looked.and_then(|abilities| Ok((abilities, self.answer_mode(headers)?)));
        let (abilities, answer_mode) = match looked {
            Ok(found) => found,
            Err((status, lines)) => return self.refuse_with(&incoming, status, &lines),
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
        if let Some(session) = self.sessions.get_mut(id) {
            session.local_tag = tag;
            session.leg = Some(leg);
        }
        self.learn_packages(id, incoming.request.headers());
        let (request, flow) = (incoming.request.clone(), incoming.flow);
        self.hold_invite(id, incoming, Some(merge), abilities);
        self.stats.sessions += 1;
        self.emit(Event::Invite {
            session: id,
            request,
            flow,
            replaces,
            join,
            answer_mode,
        });
    }

    /// Keeps an INVITE or re-INVITE (without `merge`) until it is answered.
    pub(super) fn hold_invite(
        &mut self,
        id: SessionId,
        incoming: Incoming,
        merge: Option<HashedKey>,
        abilities: Abilities,
    ) {
        let initial = merge.is_some();
        let key = self.begin_server(&incoming, merge);
        if let Some(tx) = self.servers.get_mut(key) {
            tx.session = Some(id);
        }
        let offered = !incoming.request.body().is_empty();
        let target = contact(incoming.request.headers()).filter(|_| !initial);
        let ring_end = self.now + self.config.max_ringing;
        if let Some(session) = self.sessions.get_mut(id) {
            session.ring_end = Some(ring_end);
            if let Some(leg) = session.leg.as_mut().filter(|_| offered) {
                let _ = leg.exchange.receive_offer();
            }
            session.incoming = Some(Box::new(PeerInvite {
                key,
                target: target.map(Bytes::copy_from_slice),
                head: incoming.head,
                cseq: incoming.cseq,
                initial,
                source: incoming.flow,
                abilities,
                offered,
                described: false,
                rung: false,
                reliable: None,
            }));
        }
        self.arm_session(id);
    }

    /// A re-INVITE is accepted, by a 2xx or a reliable provisional response: so is the target that it names (RFC 6141 §4).
    pub(super) fn accept_target(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let (Some(invite), Some(leg)) = (session.incoming.as_mut(), session.leg.as_mut()) else {
            return;
        };
        let Some(target) = invite.target.take() else { return };
        if leg.dialog.set_target(&target) {
            let (source, tag) = (invite.source, leg.dialog.remote_tag().clone());
            self.move_leg(id, &tag, Some(source));
        }
    }

    /// A response to the INVITE that waits.
    fn write_answer(&self, id: SessionId, status: StatusCode, reply: &Reply, lines: &[u8]) -> Option<Bytes> {
        let session = self.sessions.get(id)?;
        let head = &session.incoming.as_ref()?.head;
        let extra = Extra {
            contact: Some(&session.contact),
            abilities: status.is_success(),
        };
        Some(self.write_response_with(head, (status, Some(&session.local_tag)), reply, extra, lines))
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
            session.late_prack = invite.late_prack();
            // What was agreed before stays (RFC 6141 §3).
            if let Some(leg) = session.leg.as_mut() {
                leg.exchange.rejected();
            }
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
            let reason = super::hang_up::reason_of(request);
            self.withdraw_incoming(id, key, StatusCode::REQUEST_TERMINATED, reason);
        }
    }

    /// Refuses the INVITE with this transaction, if it still waits, and tells the embedder.
    pub(super) fn withdraw_incoming(
        &mut self,
        id: SessionId,
        key: ServerKey,
        status: StatusCode,
        reason: Option<String>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let told = session.released;
        let executed = session.has_executed(key);
        let Some(invite) = session.incoming.as_mut().filter(|invite| invite.key == key) else {
            return;
        };
        if executed && status != StatusCode::SERVER_TIMEOUT {
            // What was agreed to already is not taken back by an error (RFC 6141 §3.3, §3.8).
            if let Some(reply) = invite.hold_answer(Reply::new()) {
                self.answer_now(id, &reply);
            }
            if !told {
                self.emit(Event::ReinviteCancelled {
                    session: id,
                    executed: true,
                });
            }
            return;
        }
        let Some(invite) = session.incoming.take() else {
            return;
        };
        self.finish_incoming(id, &invite, status, &Reply::default());
        if !told {
            let initial = Event::Cancelled { session: id, reason };
            self.emit(if invite.initial {
                initial
            } else {
                Event::ReinviteCancelled {
                    session: id,
                    executed: false,
                }
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
            self.withdraw_incoming(id, key, StatusCode::TEMPORARILY_UNAVAILABLE, None);
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
        if !self.repeat_reliably(id, key) {
            self.server_repeat(key);
        }
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
        if let Some(leg) = session.leg.as_mut()
            && leg.exchange.open() == Some(Side::Local)
        {
            // Our offer was in the 2xx; the ACK owes the answer.
            if request.body().is_empty() {
                leg.exchange.rejected();
            } else {
                leg.exchange.answered();
            }
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

impl Session {
    /// Whether what the peer's re-INVITE asks for is in force already: its offer was answered reliably (RFC 6141 §3.3).
    fn has_executed(&self, key: ServerKey) -> bool {
        let invite = self
            .incoming
            .as_ref()
            .filter(|invite| invite.key == key && !invite.initial);
        let open = self.leg.as_ref().and_then(|leg| leg.exchange.open());
        invite.is_some_and(|invite| invite.described && !invite.is_answered()) && open.is_none()
    }
}
