//! The peer's REFERs, and our word on how they fare (RFC 3515, RFC 4488).

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::client::Owner;
use super::id::{ClientKey, ServerKey};
use super::names::TagOwner;
use super::referrer::is_silent;
use super::reply::{ReplyHead, check};
use super::requests::{expires_of, seconds_header};
use super::screen::Incoming;
use super::session::Leg;
use super::stats::seconds;
use super::timers::{Alarm, TimerKey};
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, ReferId, Reply, SessionId, TerminatedReason};
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::event::refer::{CONTENT_TYPE, build};
use crate::header::EventHeader;
use crate::transaction::matching::HashedKey;
use crate::{HeaderName, Limits, Method, NameAddr, Request, StatusCode};

/// A REFER of the peer's with its implicit subscription.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Refer {
    session: Option<SessionId>,
    /// The dialog of a REFER outside of a session.
    leg: Option<Leg>,
    tag: Bytes,
    contact: Bytes,
    state: State,
    /// The REFER's transaction until it is answered.
    waiting: Option<Box<(ServerKey, ReplyHead)>>,
    /// The REFER's number, which tells it from others in its dialog.
    cseq: u32,
    /// Whether the NOTIFYs have to say that number.
    numbered: bool,
    /// Whether no NOTIFYs are wanted.
    silent: bool,
    client: Option<ClientKey>,
    next: Option<Progress>,
    last: StatusCode,
    /// When the embedder's answer is due, or the subscription ends.
    deadline: Time,
    alarm: Alarm,
}

impl Refer {
    pub(super) fn is_tagged(&self, tag: &[u8]) -> bool {
        self.tag == tag
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum State {
    /// The embedder has not decided.
    Waiting,
    Accepted,
    /// Over for the embedder; the last NOTIFY is under way.
    Over,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Progress {
    body: Bytes,
    end: Option<TerminatedReason>,
}

impl Endpoint {
    /// Accepts a REFER: 202, and the NOTIFY `100 Trying` at once.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it was accepted before.
    pub fn accept_refer(&mut self, now: Time, refer: ReferId) -> Result<(), EndpointError> {
        self.advance(now);
        let deadline = self.now + self.config.refer_expires;
        let entry = self.refer_mut(refer)?;
        let (server, head) = *entry.waiting.take().ok_or(EndpointError::WrongState)?;
        entry.state = State::Accepted;
        entry.deadline = deadline;
        let silent = entry.silent;
        let (contact, tag) = (entry.contact.clone(), entry.tag.clone());
        let mut reply = Reply::new();
        if silent {
            reply = reply.header(HeaderName::ReferSub, Bytes::from_static(b"false"));
        }
        let extra = Extra {
            contact: Some(&contact),
            abilities: false,
        };
        let data = self.write_response(&head, StatusCode::ACCEPTED, Some(&tag), &reply, extra);
        self.respond_on(server, StatusCode::ACCEPTED, data);
        self.tell_refer(refer, StatusCode::TRYING, None, None);
        self.arm_refer(refer);
        Ok(())
    }

    /// Refuses a REFER with a status of 300 or more.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it was accepted before; [`EndpointError::BadStatus`].
    pub fn reject_refer(&mut self, now: Time, refer: ReferId, status: StatusCode) -> Result<(), EndpointError> {
        self.reject_refer_with(now, refer, status, &Reply::default())
    }

    /// Refuses a REFER with a status of 300 or more and further headers, e.g. 401 with its challenges.
    ///
    /// # Errors
    ///
    /// Those of [`reject_refer`](Self::reject_refer), and [`EndpointError::BadHeader`].
    pub fn reject_refer_with(
        &mut self,
        now: Time,
        refer: ReferId,
        status: StatusCode,
        reply: &Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        if !status.is_final() || status.is_success() {
            return Err(EndpointError::BadStatus);
        }
        let entry = self.refer_mut(refer)?;
        let (server, head) = *entry.waiting.take().ok_or(EndpointError::WrongState)?;
        let tag = entry.tag.clone();
        let data = self.write_response(&head, status, Some(&tag), reply, Extra::default());
        self.respond_on(server, status, data);
        self.remove_refer(refer);
        Ok(())
    }

    /// Tells the referrer how the call fares that it asked for. A final status is the last word: the handle is then dead.
    /// While a NOTIFY is under way, only the latest status waits.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before [`accept_refer`](Self::accept_refer);
    /// [`EndpointError::BadHeader`] if the reason phrase has control characters.
    pub fn notify_refer(
        &mut self,
        now: Time,
        refer: ReferId,
        status: StatusCode,
        reason: Option<&str>,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&[], reason)?;
        if self.refer_mut(refer)?.state == State::Waiting {
            return Err(EndpointError::WrongState);
        }
        let end = status.is_final().then_some(TerminatedReason::NoResource);
        self.tell_refer(refer, status, reason, end);
        Ok(())
    }

    pub(super) fn on_refer(&mut self, session: Option<SessionId>, incoming: Incoming, merge: Option<HashedKey>) {
        let Some(refer_to) = refer_target(&incoming.request) else {
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        };
        let crowded = session
            .and_then(|id| self.sessions.get(id))
            .is_some_and(|s| s.refers.len() >= Limits::SESSION_REFERS);
        if crowded || self.refers.len() >= self.config.limits.refers {
            return self.refuse_overload(&incoming);
        }
        let contact = match session.and_then(|id| self.sessions.get(id)) {
            Some(session) => session.contact.clone(),
            None => self.contact(incoming.flow, None, false),
        };
        let silent = is_silent(incoming.request.headers());
        let numbered = session
            .and_then(|id| self.sessions.get(id))
            .is_some_and(|session| session.refer_count > 0);
        let id = self.refers.insert(Refer {
            session,
            leg: None,
            tag: Bytes::new(),
            contact,
            state: State::Waiting,
            waiting: None,
            cseq: incoming.cseq,
            numbered,
            silent,
            client: None,
            next: None,
            last: StatusCode::TRYING,
            deadline: self.now + self.config.timers.give_up(),
            alarm: Alarm::default(),
        });
        if session.is_none() && !self.give_dialog(id, &incoming) {
            self.refers.remove(id);
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        }
        if let Some(session) = session.and_then(|id| self.sessions.get_mut(id)) {
            session.refers.push(id);
            session.refer_count = session.refer_count.saturating_add(1);
        }
        let server = self.begin_server(&incoming, merge);
        let Incoming {
            request, flow, head, ..
        } = incoming;
        if let Some(refer) = self.refers.get_mut(id) {
            refer.waiting = Some(Box::new((server, head)));
        }
        self.arm_refer(id);
        let target_dialog = self.target_dialog(&request);
        self.emit(Event::Refer {
            session,
            refer: id,
            refer_to,
            request,
            target_dialog,
            flow,
        });
    }

    fn give_dialog(&mut self, id: ReferId, incoming: &Incoming) -> bool {
        let tag = TagOwner::Refer(id).tag(self.rng.next_u32());
        let dialog = Dialog::from_request(&incoming.request, core::str::from_utf8(&tag).unwrap_or_default());
        let Ok(mut dialog) = dialog else { return false };
        dialog.set_local_cseq(self.first_cseq());
        let leg = self.make_leg(dialog, incoming.flow);
        if let Some(refer) = self.refers.get_mut(id) {
            refer.tag = tag;
            refer.leg = Some(leg);
        }
        true
    }

    fn refer_mut(&mut self, id: ReferId) -> Result<&mut Refer, EndpointError> {
        self.refers
            .get_mut(id)
            .filter(|refer| refer.state != State::Over)
            .ok_or(EndpointError::Gone)
    }

    /// Puts a NOTIFY into the place for the next one.
    fn tell_refer(&mut self, id: ReferId, status: StatusCode, reason: Option<&str>, end: Option<TerminatedReason>) {
        let Some(refer) = self.refers.get_mut(id) else { return };
        refer.last = status;
        refer.next = Some(Progress {
            body: build(status, reason),
            end,
        });
        if end.is_some() {
            refer.state = State::Over;
        }
        if refer.silent {
            refer.next = None;
            if end.is_some() {
                self.remove_refer(id);
            }
            return;
        }
        self.pump_refer(id);
    }

    /// Sends the waiting NOTIFY, if none is under way.
    fn pump_refer(&mut self, id: ReferId) {
        let left = |deadline: Time, now: Time| seconds(deadline - now).max(1);
        let Some(refer) = self.refers.get_mut(id).filter(|refer| refer.client.is_none()) else {
            return;
        };
        let Some(progress) = refer.next.take() else {
            if refer.state == State::Over {
                self.remove_refer(id);
            }
            return;
        };
        let event = if refer.numbered {
            format!("refer;id={}", refer.cseq)
        } else {
            "refer".to_owned()
        };
        let state = match progress.end {
            Some(reason) => format!("terminated;reason={}", reason.as_str()),
            None => format!("active;expires={}", left(refer.deadline, self.now)),
        };
        let reply = Reply::new()
            .header(HeaderName::Event, event)
            .header(HeaderName::SubscriptionState, state)
            .body(super::Body::new(
                Bytes::from_static(CONTENT_TYPE.as_bytes()),
                progress.body,
            ));
        let sent = match refer.session {
            Some(session) => self.send_in_session(session, &Method::Notify, Owner::ReferNotify(id), &reply),
            None => self.send_refer_notify(id, &reply),
        };
        match (sent, self.refers.get_mut(id)) {
            (Some(key), Some(refer)) => refer.client = Some(key),
            (None, Some(_)) => self.lose_refer(id),
            (_, None) => {}
        }
    }

    fn send_refer_notify(&mut self, id: ReferId, reply: &Reply) -> Option<ClientKey> {
        let cseq = self.refers.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let way = self.way_of(self.refers.get(id)?.leg.as_ref()?);
        let via = self.open_client(way.flow(), Method::Notify, Owner::ReferNotify(id));
        let refer = self.refers.get(id)?;
        let out = refer.leg.as_ref()?.dialog.begin(&Method::Notify, cseq, &via);
        let extra = Extra {
            contact: Some(&refer.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &reply.headers, reply.body.as_ref(), extra);
        Some(self.launch_by(via, data, way))
    }

    /// A NOTIFY was sent again in another transaction.
    pub(super) fn refer_notify_moved(&mut self, id: ReferId, key: ClientKey) {
        if let Some(refer) = self.refers.get_mut(id) {
            refer.client = Some(key);
        }
    }

    pub(super) fn on_refer_notify_outcome(&mut self, id: ReferId, status: StatusCode) {
        let Some(refer) = self.refers.get_mut(id) else { return };
        refer.client = None;
        if status.is_success() {
            self.pump_refer(id)
        } else {
            self.lose_refer(id)
        }
    }

    /// The referrer cannot be told, or does not want to be.
    fn lose_refer(&mut self, id: ReferId) {
        let told = self.refers.get(id).is_none_or(|refer| refer.state == State::Over);
        self.remove_refer(id);
        if !told {
            self.emit(Event::ReferEnded { refer: id });
        }
    }

    fn remove_refer(&mut self, id: ReferId) {
        let Some(mut refer) = self.refers.remove(id) else {
            return;
        };
        self.timers.disarm(&mut refer.alarm);
        if let Some(session) = refer.session {
            if let Some(session) = self.sessions.get_mut(session) {
                session.refers.retain(|other| *other != id);
            }
            self.remove_if_through(session);
        }
    }

    fn arm_refer(&mut self, id: ReferId) {
        if let Some(refer) = self.refers.get_mut(id) {
            let deadline = (refer.state != State::Over).then_some(refer.deadline);
            self.timers
                .arm(self.now, TimerKey::Refer(id), &mut refer.alarm, deadline);
        }
    }

    pub(super) fn refer_due(&mut self, id: ReferId) {
        let Some(refer) = self.refers.get_mut(id) else { return };
        refer.alarm.fired();
        if refer.deadline > self.now || refer.state == State::Over {
            return self.arm_refer(id);
        }
        if let Some(waiting) = refer.waiting.take() {
            self.stats.unanswered += 1;
            self.drop_server(waiting.0);
            self.lose_refer(id);
        } else {
            self.expire_refer(id);
        }
    }

    fn expire_refer(&mut self, id: ReferId) {
        let Some(refer) = self.refers.get(id) else { return };
        let last = refer.last;
        self.tell_refer(id, last, None, Some(TerminatedReason::Timeout));
        self.emit(Event::ReferEnded { refer: id });
    }

    /// A SUBSCRIBE in a session's dialog: only to refresh or end what a REFER began.
    pub(super) fn on_session_subscribe(&mut self, session: SessionId, incoming: Incoming) -> Option<Incoming> {
        let event = incoming.request.headers().typed::<EventHeader>().and_then(Result::ok);
        let Some(event) = event.filter(|event| event.package == "refer") else {
            self.stats.unsupported += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_EVENT);
            return None;
        };
        let Some(refers) = self.sessions.get(session).map(|session| session.refers.clone()) else {
            return Some(incoming);
        };
        let number = event.id.as_ref().and_then(|id| id.parse::<u32>().ok());
        let found = refers.into_iter().find(|id| {
            let refer = self.refers.get(*id).filter(|refer| refer.state == State::Accepted);
            refer.is_some_and(|refer| number.map_or(!refer.numbered, |number| number == refer.cseq))
        });
        let Some(id) = found else { return Some(incoming) };
        self.resubscribe_refer(id, &incoming);
        None
    }

    /// A request in the dialog of a REFER outside of a session.
    pub(super) fn on_refer_request(&mut self, id: ReferId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let local_tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let Some(refer) = self.refers.get_mut(id).filter(|refer| refer.state == State::Accepted) else {
            return Some(incoming);
        };
        let Some(leg) = refer.leg.as_mut() else {
            return Some(incoming);
        };
        let known = refer.tag == local_tag
            && leg.dialog.remote_tag() == remote_tag
            && incoming.request.call_id() == Some(leg.dialog.call_id());
        if !known || *incoming.request.method() != Method::Subscribe {
            return Some(incoming);
        }
        if leg.dialog.accept_cseq(incoming.cseq).is_err() {
            self.stats.out_of_order += 1;
            self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
            return None;
        }
        self.resubscribe_refer(id, &incoming);
        None
    }

    fn resubscribe_refer(&mut self, id: ReferId, incoming: &Incoming) {
        let granted = expires_of(&incoming.request)
            .unwrap_or(self.config.refer_expires)
            .min(self.config.refer_expires);
        let contact = self.refers.get(id).map(|refer| refer.contact.clone());
        let (_, value) = seconds_header(HeaderName::Expires, granted.as_secs());
        self.reply_ok(incoming, &[b"Expires:", &value[..]].concat(), contact.as_ref());
        if granted.is_zero() {
            return self.expire_refer(id);
        }
        let deadline = self.now + granted;
        let Some(refer) = self.refers.get_mut(id) else { return };
        refer.deadline = deadline;
        let last = refer.last;
        self.tell_refer(id, last, None, None);
        self.arm_refer(id);
    }
}

/// The `Refer-To` header, of which there must be one (RFC 3515 §2.4.2).
fn refer_target(request: &Request) -> Option<NameAddr> {
    let mut values = request.headers().values(&HeaderName::ReferTo);
    let refer_to = NameAddr::parse(values.next()?).ok()?;
    values.next().is_none().then_some(refer_to)
}
