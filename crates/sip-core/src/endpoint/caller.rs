//! Our INVITE, its forks and its cancelling (RFC 3261 §13.2, §9.1).

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::client::{Outcome, Owner};
use super::id::ClientKey;
use super::names::{OwnVia, TagOwner};
use super::prack::Progressed;
use super::reply::check;
use super::sent::Sent;
use super::session::{AckDue, Cancelling, Leg, Session};
use super::write::Extra;
use super::{Body, Endpoint, EndpointError, Event, Flow, Invite, Reliability, SessionId, SessionState};
use crate::dialog::Dialog;
use crate::dialog::compose::{Bracketed, Composer, is_clean};
use crate::dialog::raw::{number_of, tag_of};
use crate::{HeaderName, Method, NameAddr, Response, Scheme, StatusCode, Uri};

/// What begins a request outside of a dialog.
pub(super) struct Initial<'a> {
    pub(super) method: &'a Method,
    pub(super) target: &'a Uri,
    pub(super) route: &'a [Uri],
    pub(super) from: &'a NameAddr,
    pub(super) tag: &'a [u8],
    pub(super) to: &'a NameAddr,
    pub(super) call_id: &'a [u8],
    pub(super) cseq: u32,
    pub(super) max_forwards: u8,
}

impl Endpoint {
    /// Calls. [`Event::Progress`], [`Event::Answered`] or [`Event::Failed`] tell how it goes.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoAddress`], [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn invite(&mut self, now: Time, invite: Invite) -> Result<SessionId, EndpointError> {
        self.advance(now);
        check(&invite.headers, None)?;
        check_body(invite.body.as_ref())?;
        let way = self.initial_way(invite.flow, &invite.hops, &invite.route, &invite.target)?;
        let flow = way.flow();
        if self.sessions.len() >= self.config.limits.sessions || self.is_full() {
            return Err(EndpointError::Full);
        }
        let secure = invite.target.scheme() == Scheme::Sips;
        let contact = match &invite.contact {
            Some(contact) => Bytes::from(contact.to_string()),
            None => self.contact(flow, invite.contact_user.as_deref(), secure),
        };
        let call_id = self.new_call_id();
        let mut session = Session::new(true, call_id.clone(), contact.clone());
        session.late_offer = invite.body.is_none();
        session.reliability = invite.reliability.unwrap_or(self.reliability_of(invite.body.is_some()));
        session.manual_prack = invite.manual_prack;
        let reliability = session.reliability;
        session.auth = invite.credentials.as_ref().map(super::Credentials::client);
        session.redirects = invite.follow_redirects.then(Box::default);
        session.no_answer = invite.no_answer.map(|patience| self.now + patience);
        session.ring_end = Some(self.now + self.config.max_ringing);
        let id = self.sessions.insert(session);
        let tag = TagOwner::Session(id).tag(self.rng.next_u32());
        let cseq = self.first_cseq();
        let via = self.open_client(flow, Method::Invite, Owner::Invite(id));
        let mut out = begin_initial(
            via,
            &Initial {
                method: &Method::Invite,
                target: &invite.target,
                route: &invite.route,
                from: &invite.from,
                tag: &tag,
                to: &invite.to,
                call_id: &call_id,
                cseq,
                max_forwards: invite.max_forwards,
            },
        );
        if reliability == Reliability::Required {
            out.raw("Require", b"100rel");
        }
        out.lines(&self.first_timer_lines());
        let usual = reliability == self.config.reliability;
        if !usual {
            out.lines(&self.abilities_with(reliability));
        }
        let extra = Extra {
            contact: Some(&contact),
            abilities: usual,
        };
        let data = self.finish_request(out, &invite.headers, invite.body.as_ref(), extra);
        let key = self.launch_by(via, data, way);
        if let Some(session) = self.sessions.get_mut(id) {
            session.local_tag = tag;
            session.client = Some(key);
        }
        self.stats.sessions += 1;
        self.arm_session(id);
        Ok(id)
    }

    /// Without an offer of ours a reliable response could carry the peer's, which waits for the embedder: only for who asks for
    /// it.
    pub(super) fn reliability_of(&self, offers: bool) -> Reliability {
        match self.config.reliability {
            Reliability::Supported if !offers => Reliability::Never,
            Reliability::Supported | Reliability::Never | Reliability::Required => self.config.reliability,
        }
    }

    /// Sends the ACK with the answer to the offer in a 2xx, if our INVITE or re-INVITE had no body, and the offer did not come
    /// in a provisional response already.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if no ACK is due.
    pub fn acknowledge(&mut self, now: Time, session: SessionId, body: Option<Body>) -> Result<(), EndpointError> {
        self.advance(now);
        check_body(body.as_ref())?;
        let due = self
            .session_mut(session)?
            .ack_due
            .take()
            .ok_or(EndpointError::WrongState)?;
        self.acknowledge_success(session, due.key, due.cseq, body.as_ref());
        self.forget_sent(due.key);
        self.remember_description(session, body.as_ref());
        Ok(())
    }

    pub(super) fn on_invite_outcome(&mut self, id: SessionId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(session) = self.sessions.get_mut(id) else {
            // The session was given up while its INVITE was under way.
            if let Some(response) = response.filter(|_| status.is_success()) {
                self.hang_up_fork(key, &response);
            }
            return;
        };
        match response {
            // A hop that was slow, and not waited for.
            Some(_) if status.is_provisional() && session.client != Some(key) => self.cancel(key, None),
            Some(response) if status.is_provisional() => self.on_progress(id, key, response),
            Some(response) if status.is_success() => {
                let tag = response
                    .headers()
                    .get(&HeaderName::To)
                    .and_then(tag_of)
                    .unwrap_or_default();
                if session.leg.as_ref().is_some_and(|leg| leg.dialog.remote_tag() == tag) {
                    // The winner's, again, while its ACK waits for the embedder.
                    return;
                }
                let wanted = session.client == Some(key) && session.leg.is_none();
                if wanted && !session.released && session.cancelling == Cancelling::No {
                    self.on_answered(id, key, response);
                } else {
                    self.hang_up_fork(key, &response);
                    if wanted {
                        self.call_failed(id, StatusCode::REQUEST_TERMINATED, None);
                    }
                }
            }
            response => {
                if session.client == Some(key) {
                    self.call_failed(id, status, response);
                }
            }
        }
    }

    fn on_progress(&mut self, id: SessionId, key: ClientKey, response: Response) {
        let status = response.status();
        let tag = response.headers().get(&HeaderName::To).and_then(tag_of);
        if let Some(tag) = tag.filter(|_| status != StatusCode::TRYING)
            && !self.add_fork(id, key, tag, &response)
        {
            return;
        }
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.proceeding = true;
        if session.cancelling == Cancelling::Wanted {
            self.send_cancel(id);
        }
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if status == StatusCode::TRYING {
            return;
        }
        let quiet = session.released || session.cancelling != Cancelling::No;
        let tag = response.headers().get(&HeaderName::To).and_then(tag_of);
        let prack_due = match tag.map(|tag| self.on_reliable(id, tag, &response, quiet)) {
            Some(Progressed::Drop) => return,
            Some(Progressed::Due) => true,
            Some(Progressed::Done) | None => false,
        };
        if !quiet {
            self.emit(Event::Progress {
                session: id,
                response,
                prack_due,
            });
        }
    }

    /// Takes note of an early dialog: whether there is room for it.
    fn add_fork(&mut self, id: SessionId, key: ClientKey, tag: &[u8], response: &Response) -> bool {
        let target = self.sent_uri(key);
        let Some(flow) = self.client_flow(key) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.leg.is_some() {
            return false;
        }
        if let Some(leg) = session.forks.iter_mut().find(|leg| leg.dialog.remote_tag() == tag) {
            // Only what is reliable moves the target of a dialog that there is (RFC 6141 §4.7, §4.9).
            if super::prack::rseq_of(response).is_some() && leg.dialog.refresh_target(response.headers()) {
                self.move_leg(id, tag, Some(flow));
            }
            return true;
        }
        if session.forks.len() >= self.config.limits.forks {
            return false;
        }
        let Ok(dialog) = Dialog::from_response(response, &target) else {
            return false;
        };
        let mut leg = self.make_leg(dialog, flow);
        if let Some(session) = self.sessions.get_mut(id) {
            if !session.late_offer {
                let _ = leg.exchange.offer();
            }
            session.forks.reserve_exact(1);
            session.forks.push(leg);
            session.state = SessionState::Ringing;
        }
        true
    }

    fn on_answered(&mut self, id: SessionId, key: ClientKey, response: Response) {
        let Some(flow) = self.client_flow(key) else { return };
        let Some((leg, late_offer)) = self.answered_leg(id, key, flow, &response) else {
            return;
        };
        let cseq = number_of(response.headers().get(&HeaderName::CSeq).unwrap_or_default());
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.leg = Some(leg);
        session.forks = Vec::new();
        session.client = None;
        session.state = SessionState::Confirmed;
        session.no_answer = None;
        session.ring_end = None;
        if late_offer {
            session.ack_due = Some(AckDue { key, cseq });
        } else {
            self.acknowledge_success(id, key, cseq, None);
        }
        self.learn_packages(id, response.headers());
        self.conclude_timer(id, response.headers(), None);
        self.remember_sent(id, key);
        if !late_offer {
            self.forget_sent(key);
        }
        self.emit(Event::Answered { session: id, response });
    }

    /// The dialog of a 2xx, and whether the 2xx has an offer to be answered with the ACK.
    fn answered_leg(&mut self, id: SessionId, key: ClientKey, flow: Flow, response: &Response) -> Option<(Leg, bool)> {
        let tag = response.headers().get(&HeaderName::To).and_then(tag_of);
        let session = self.sessions.get_mut(id)?;
        let tag = tag.unwrap_or_default();
        let early = session.forks.iter().position(|leg| leg.dialog.remote_tag() == tag);
        // The early dialog's numbers go on; route set and target are the 2xx's (RFC 3261 §13.2.2.4).
        let early = early.map(|at| session.forks.swap_remove(at));
        let described = early.as_ref().is_some_and(|early| early.described);
        let mut leg = match early {
            Some(mut early) => {
                let moved = early.dialog.confirm(response) || flow.transport.is_reliable();
                let mut leg = if moved {
                    self.make_leg(early.dialog, flow)
                } else {
                    let route = early.route_by(flow);
                    Leg::new(early.dialog, route)
                };
                leg.exchange = early.exchange;
                leg
            }
            None => {
                let late_offer = session.late_offer;
                let dialog = Dialog::from_response(response, &self.sent_uri(key)).ok()?;
                let mut leg = self.make_leg(dialog, flow);
                if !late_offer {
                    let _ = leg.exchange.offer();
                }
                leg
            }
        };
        leg.exchange.answered();
        let late_offer = !described && self.sessions.get(id)?.late_offer;
        if late_offer {
            let _ = leg.exchange.receive_offer();
        }
        Some((leg, late_offer))
    }

    /// Sends the ACK of the 2xx that made or changed the session's dialog (RFC 3261 §13.2.2.4).
    pub(super) fn acknowledge_success(&mut self, id: SessionId, key: ClientKey, cseq: u32, body: Option<&Body>) {
        let Some(leg) = self.sessions.get(id).and_then(|session| session.leg.as_ref()) else {
            return;
        };
        let flow = self.way_of(leg).flow();
        let via = self.lone_via(flow);
        let Some(leg) = self.sessions.get(id).and_then(|session| session.leg.as_ref()) else {
            return;
        };
        let mut out = leg.dialog.begin(&Method::Ack, cseq, &via);
        self.copy_credentials(&mut out, id, key);
        let data = out.finish(body.map(|body| (&body.content_type[..], &body.data[..])));
        if let Some(leg) = self.sessions.get_mut(id).and_then(|session| session.leg.as_mut()) {
            // An offer in the 2xx is answered here, or never.
            leg.exchange.answered();
        }
        self.send_ack(key, flow, data);
    }

    /// An ACK has its INVITE's credentials (RFC 3261 §22.1).
    fn copy_credentials(&self, out: &mut Composer, id: SessionId, key: ClientKey) {
        if self.sessions.get(id).is_none_or(|session| session.auth.is_none()) {
            return;
        }
        let data = self.sent_data(key);
        let Some(sent) = Sent::read(&data) else { return };
        for name in ["Authorization", "Proxy-Authorization"] {
            for value in sent.values(name) {
                out.raw(name, value);
            }
        }
    }

    /// Acknowledges and ends what a superfluous fork answered.
    fn hang_up_fork(&mut self, key: ClientKey, response: &Response) {
        if self.acks_sent(key) > self.config.limits.forks {
            return;
        }
        let target = self.sent_uri(key);
        let Some(source) = self.client_flow(key) else { return };
        let Ok(mut dialog) = Dialog::from_response(response, &target) else {
            return;
        };
        let cseq = dialog.local_cseq();
        let flow = self.route(&dialog, source).flow;
        let via = self.lone_via(flow);
        let ack = dialog.begin(&Method::Ack, cseq, &via).finish(None);
        self.send_ack(key, flow, ack);
        if let Ok(cseq) = dialog.next_cseq() {
            self.send_orphan(flow, Method::Bye, |via| {
                dialog.begin(&Method::Bye, cseq, via).finish(None)
            });
        }
    }

    /// Our INVITE is over without an answer; the session is gone.
    fn call_failed(&mut self, id: SessionId, status: StatusCode, response: Option<Response>) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.client = None;
        let told = session.released;
        // The embedder's patience ended; what the peer made of the CANCEL is no news.
        let (status, response) = if session.cancelling == Cancelling::No {
            (status, response)
        } else {
            (StatusCode::REQUEST_TIMEOUT, None)
        };
        if !told {
            self.emit(Event::Failed {
                session: id,
                status,
                response,
            });
        }
        self.remove_session(id);
    }

    /// Nobody answered in time.
    pub(super) fn give_up_calling(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.no_answer = None;
        session.ring_end = None;
        if session.leg.is_none() && !self.give_up_redirect(id) {
            self.cancel_call(id);
        }
    }

    /// Cancels, as soon as that is allowed.
    pub(super) fn cancel_call(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.cancelling != Cancelling::No {
            return;
        }
        session.cancelling = Cancelling::Wanted;
        if session.proceeding {
            self.send_cancel(id);
        }
    }

    fn send_cancel(&mut self, id: SessionId) {
        let end = self.now + self.config.timers.give_up();
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.cancelling = Cancelling::Sent(end);
        let reason = session.reason.clone();
        if let Some(key) = session.client {
            self.cancel(key, reason.as_ref());
        }
        self.arm_session(id);
    }

    /// The peer took the CANCEL but never ended the INVITE (RFC 3261 §9.1).
    pub(super) fn abandon_invite(&mut self, id: SessionId) {
        if let Some(key) = self.sessions.get(id).and_then(|session| session.client) {
            self.drop_client(key);
        }
        self.call_failed(id, StatusCode::REQUEST_TIMEOUT, None);
    }
}

pub(super) fn check_body(body: Option<&Body>) -> Result<(), EndpointError> {
    if body.is_none_or(|body| is_clean(&body.content_type) && !body.content_type.is_empty()) {
        Ok(())
    } else {
        Err(EndpointError::BadHeader)
    }
}

/// A request outside of a dialog up to its CSeq (RFC 3261 §8.1.1).
pub(super) fn begin_initial(via: OwnVia, initial: &Initial<'_>) -> Composer {
    let strict = initial.route.first().filter(|route| !route.is_loose_router());
    let mut out = Composer::request_to(initial.method.as_str(), strict.unwrap_or(initial.target));
    out.value("Via", &via);
    out.number("Max-Forwards", initial.max_forwards);
    for uri in initial.route.iter().skip(usize::from(strict.is_some())) {
        out.value("Route", &Bracketed(uri));
    }
    if strict.is_some() {
        out.value("Route", &Bracketed(initial.target));
    }
    out.party("From", initial.from, Some(initial.tag))
        .party("To", initial.to, None)
        .raw("Call-ID", initial.call_id)
        .cseq(initial.cseq, initial.method);
    out
}

/// What of a request that was sent is asked for later.
impl Endpoint {
    pub(super) fn sent_parties(&self, key: ClientKey) -> Option<(Bytes, Bytes)> {
        let data = self.sent_data(key);
        let sent = Sent::read(&data)?;
        Some((data.slice_ref(sent.value("From")?), data.slice_ref(sent.value("To")?)))
    }
}
