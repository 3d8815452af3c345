//! What a phone does on what SIP tells it.

use std::time::Duration;

use bytes::Bytes;
use sip_core::event::dialog_info::{DialogInfo, DialogState, DocumentState};
use sip_core::{
    Body, Event, HeaderName, Headers, Method, NameAddr, ReferId, Reply, Request, RequestId, Response, SessionId,
    StatusCode, SubscriptionId,
};

use super::call::CallState;
use super::command::{NewCall, text};
use super::config::Answer;
use super::log::{CallId, Happening};
use super::{Phone, Task};

/// After how long a refused registration is tried again.
const REGISTER_AGAIN: Duration = Duration::from_secs(30);

impl Phone {
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Invite {
                session,
                request,
                replaces,
                ..
            } => self.on_invite(session, &request, replaces),
            Event::Progress { session, response, .. } => self.on_progress(session, &response),
            Event::Answered { session, response } => self.on_answered(session, &response),
            Event::Failed { session, status, .. } => {
                self.tell_referrer(session, status);
                self.on_over(session, |call| Happening::Failed { call, status });
            }
            Event::Cancelled { session, .. } => self.on_over(session, Happening::Cancelled),
            Event::Ended { session, .. } => self.on_over(session, Happening::Ended),
            Event::Confirmed { session, body } => self.on_confirmed(session, body),
            Event::Reinvite { session, request } => self.on_reinvite(session, &request),
            Event::Reinvited { session, response } => self.on_reinvited(session, &response),
            Event::Refer {
                session,
                refer,
                refer_to,
                ..
            } => self.on_refer(session, refer, &refer_to),
            Event::ReferEnded { refer } => {
                for call in self.calls.values_mut() {
                    call.referred_by.take_if(|referred| *referred == refer);
                }
            }
            Event::ReferNotified {
                session: Some(session),
                status,
                terminated,
                ..
            } => self.on_transfer(session, status, terminated),
            Event::Request {
                request_id,
                session,
                request,
                ..
            } => self.on_request(request_id, session, &request),
            Event::Response {
                request_id,
                response,
                status,
            } => self.on_response(request_id, response.as_ref(), status),
            Event::Subscribe { request_id, .. } => {
                let _ = self
                    .endpoint
                    .respond(self.now, request_id, StatusCode::BAD_EVENT, Reply::new());
            }
            Event::Notified {
                subscription, request, ..
            } => self.on_notified(subscription, request.body()),
            Event::SubscriptionEnded { subscription, .. } => {
                if let Some(number) = self.watches.remove(&subscription) {
                    self.lamps.remove(&number);
                    self.note(Happening::WatchEnded { number });
                }
            }
            Event::ReinviteCancelled { .. } | Event::Resubscribed { .. } | Event::SubscriptionAccepted { .. } | _ => {}
        }
    }

    fn on_invite(&mut self, session: SessionId, request: &Request, replaces: Option<Result<SessionId, StatusCode>>) {
        let replaced = match replaces {
            Some(Err(status)) => return self.refuse(session, status),
            Some(Ok(old)) => Some(old),
            None => None,
        };
        let mut negotiation = self.negotiation();
        let reply = match request.body() {
            body if body.is_empty() => None,
            body => match negotiation.1.receive_offer(body) {
                Ok(answer) => Some(answer),
                Err(_) => return self.refuse(session, StatusCode::NOT_ACCEPTABLE_HERE),
            },
        };
        let (number, display) = caller(request.headers(), request.from().ok());
        let id = self.add_call(session, CallState::Ringing, number.clone(), negotiation);
        if let Some(call) = self.calls.get_mut(&id) {
            call.reply = reply;
            call.display.clone_from(&display);
        }
        let alert = request.headers().get_str(&HeaderName::AlertInfo).map(str::to_owned);
        self.note(Happening::Rung {
            call: id,
            from: number,
            display,
            alert,
        });
        match (replaced, self.config.answer) {
            (Some(old), _) => self.take_over(id, old),
            (None, Answer::Reject(status)) => {
                self.refuse(session, status);
                self.forget(id);
                self.note(Happening::Failed { call: id, status });
            }
            (None, Answer::Manually) => self.ring(session),
            (None, Answer::After(delay)) => {
                self.ring(session);
                self.after(delay, Task::Answer(id));
            }
        }
    }

    /// The new call takes the place of the old one (RFC 3891 §3).
    fn take_over(&mut self, id: CallId, old: SessionId) {
        if self.pick_up(id).is_err() {
            return;
        }
        let _ = self.endpoint.hang_up(self.now, old, None);
        if let Some(call) = self.sessions.get(&old).copied() {
            self.forget(call);
            self.note(Happening::Replaced { call, by: id });
        }
    }

    fn ring(&mut self, session: SessionId) {
        if self.config.rings {
            let _ = self
                .endpoint
                .provisional(self.now, session, StatusCode::RINGING, Reply::new());
        }
    }

    fn refuse(&mut self, session: SessionId, status: StatusCode) {
        let _ = self.endpoint.reject(self.now, session, status, Reply::new());
    }

    fn on_progress(&mut self, session: SessionId, response: &Response) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        let body = response.body();
        if let Some(call) = self.calls.get_mut(&id)
            && !body.is_empty()
            && !call.late
        {
            // Early media that cannot be agreed upon is not heard; the final answer decides.
            let _ = call.negotiation.receive_answer(body);
        }
        self.show(id, response.headers());
        self.note(Happening::Progress {
            call: id,
            status: response.status(),
        });
        self.tell_referrer(session, response.status());
    }

    fn on_answered(&mut self, session: SessionId, response: &Response) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let body = response.body();
        let agreed = if call.late {
            call.late = false;
            let answer = call.negotiation.receive_offer(body).ok();
            let accepted = answer.is_some();
            let _ = self.endpoint.acknowledge(self.now, session, answer.map(Body::sdp));
            accepted
        } else if body.is_empty() {
            call.negotiation.agreed().is_some()
        } else {
            call.negotiation.receive_answer(body).is_ok()
        };
        self.tell_referrer(session, StatusCode::OK);
        if agreed {
            self.show(id, response.headers());
            self.now_talking(id);
        } else {
            self.give_up(id);
        }
    }

    /// Hangs up because there is nothing to talk by.
    fn give_up(&mut self, id: CallId) {
        if let Some(call) = self.forget(id) {
            let _ = self.endpoint.hang_up(self.now, call.session, None);
            self.note(Happening::MediaRefused(id));
        }
    }

    fn on_confirmed(&mut self, session: SessionId, body: Option<Bytes>) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        if core::mem::take(&mut call.late) {
            let was_held = call.held();
            let accepted = body.is_some_and(|body| call.negotiation.receive_answer(&body).is_ok());
            if accepted {
                self.note_hold(id, was_held);
                self.begin_to_speak(id);
            } else if call.negotiation.agreed().is_some() {
                call.negotiation.cancel_offer();
            } else {
                self.give_up(id);
            }
        }
    }

    fn on_reinvite(&mut self, session: SessionId, request: &Request) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let was_held = call.held();
        // The endpoint lets the peer's through only while ours waits to be sent again.
        call.negotiation.defer_offer();
        let body = request.body();
        let reply = if body.is_empty() {
            call.negotiation.offer()
        } else {
            call.negotiation.receive_offer(body)
        };
        match reply {
            Ok(reply) => {
                call.late = body.is_empty();
                let _ = self
                    .endpoint
                    .answer(self.now, session, Reply::new().body(Body::sdp(reply)));
                self.show(id, request.headers());
                self.note_hold(id, was_held);
            }
            Err(sdp::NegotiationError::OfferPending) => self.refuse(session, StatusCode::REQUEST_PENDING),
            Err(_) => {
                self.refuse(session, StatusCode::NOT_ACCEPTABLE_HERE);
                self.note(Happening::MediaRefused(id));
            }
        }
    }

    fn on_reinvited(&mut self, session: SessionId, response: &Response) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        let (was_held, status) = (call.held(), response.status());
        let before = call.before.take();
        if status.is_success() && call.negotiation.receive_answer(response.body()).is_ok() {
            let holding = call.holding();
            self.note(Happening::HoldChanged { call: id, holding });
            self.note_hold(id, was_held);
            self.show(id, response.headers());
        } else {
            call.negotiation.cancel_offer();
            call.negotiation.set_direction(before.unwrap_or_default());
            self.note(Happening::HoldRefused { call: id, status });
        }
    }

    fn on_refer(&mut self, session: Option<SessionId>, refer: ReferId, refer_to: &NameAddr) {
        let from = session.and_then(|session| self.sessions.get(&session).copied());
        let Some(call) = from.filter(|_| self.config.accepts_refer) else {
            let _ = self.endpoint.reject_refer(self.now, refer, StatusCode::DECLINE);
            return;
        };
        if self.endpoint.accept_refer(self.now, refer).is_err() {
            return;
        }
        let replaces = refer_to
            .uri
            .header("Replaces")
            .map(|value| Bytes::from(value.into_owned()));
        let target = refer_to.uri.without_headers();
        let peer = target
            .user()
            .map_or_else(|| target.to_string(), |user| user.into_owned());
        let headers = replaces
            .into_iter()
            .map(|value| (HeaderName::Replaces, value))
            .collect();
        match self.make_call(
            self.now,
            NewCall {
                target,
                peer,
                headers,
                referred_by: Some(refer),
            },
        ) {
            Ok(to) => self.note(Happening::Referred { call, to }),
            Err(_) => {
                let _ = self
                    .endpoint
                    .notify_refer(self.now, refer, StatusCode::SERVICE_UNAVAILABLE, None);
            }
        }
    }

    /// Tells whoever referred us how the call fares.
    fn tell_referrer(&mut self, session: SessionId, status: StatusCode) {
        let id = self.sessions.get(&session).copied();
        let Some(call) = id.and_then(|id| self.calls.get_mut(&id)) else {
            return;
        };
        let refer = if status.is_final() {
            call.referred_by.take()
        } else {
            call.referred_by
        };
        if let Some(refer) = refer {
            let _ = self.endpoint.notify_refer(self.now, refer, status, None);
        }
    }

    fn on_transfer(&mut self, session: SessionId, status: StatusCode, done: bool) {
        let Some(id) = self.sessions.get(&session).copied() else {
            return;
        };
        self.note(Happening::Transfer { call: id, status, done });
        if done && let Some(call) = self.calls.get_mut(&id) {
            call.transfer = None;
            if status.is_success() {
                let _ = self.endpoint.hang_up(self.now, session, None);
                self.forget(id);
                self.note(Happening::HungUp(id));
            }
        }
    }

    fn on_request(&mut self, id: RequestId, session: Option<SessionId>, request: &Request) {
        let mut reply = Reply::new();
        let status = match request.method() {
            Method::Message => {
                self.note(Happening::Message(text(request.body())));
                StatusCode::OK
            }
            Method::Update if !request.body().is_empty() => {
                let call = session.and_then(|session| self.sessions.get(&session).copied());
                match call.and_then(|call| {
                    self.calls
                        .get_mut(&call)?
                        .negotiation
                        .receive_offer(request.body())
                        .ok()
                }) {
                    Some(answer) => {
                        reply = reply.body(Body::sdp(answer));
                        StatusCode::OK
                    }
                    None => StatusCode::NOT_ACCEPTABLE_HERE,
                }
            }
            Method::Options | Method::Info | Method::Notify | Method::Update => StatusCode::OK,
            Method::Invite
            | Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Prack
            | Method::Subscribe
            | Method::Refer
            | Method::Publish
            | Method::Other(_)
            | _ => StatusCode::NOT_IMPLEMENTED,
        };
        let _ = self.endpoint.respond(self.now, id, status, reply);
    }

    fn on_response(&mut self, id: RequestId, response: Option<&Response>, status: StatusCode) {
        if self.registration.request.take_if(|request| *request == id).is_none() {
            return;
        }
        let was = self.registration.registered;
        self.registration.registered = status.is_success() && self.registration.wanted;
        if !status.is_success() {
            self.note(Happening::RegistrationFailed(status));
            self.after(REGISTER_AGAIN, Task::Register);
        } else if self.registration.wanted {
            if !was {
                self.note(Happening::Registered);
            }
            let granted = response
                .and_then(|response| self.granted(response))
                .unwrap_or(self.config.expires);
            self.after((granted / 2).max(Duration::from_secs(1)), Task::Register);
        } else {
            self.note(Happening::Unregistered);
        }
    }

    /// For how long the registrar's response says that this phone is registered.
    fn granted(&self, response: &Response) -> Option<Duration> {
        let contacts = response
            .headers()
            .items(&HeaderName::Contact)
            .filter_map(|item| NameAddr::parse(item).ok());
        let is_ours = |contact: &NameAddr| contact.uri.host().and_then(|host| host.ip()) == Some(self.config.ip);
        let ours = contacts.into_iter().find(is_ours);
        let seconds = ours.and_then(|contact| contact.params.value("expires")?.parse().ok());
        seconds.map(Duration::from_secs)
    }

    fn on_notified(&mut self, subscription: SubscriptionId, body: &[u8]) {
        let Some(number) = self.watches.get(&subscription).cloned() else {
            return;
        };
        let Ok(info) = DialogInfo::parse(body) else { return };
        let lamp = self.lamps.entry(number.clone()).or_default();
        if info.state == DocumentState::Full {
            lamp.clear();
        }
        for dialog in info.dialogs {
            if dialog.state == DialogState::Terminated {
                lamp.remove(&dialog.id);
            } else {
                lamp.insert(dialog.id, dialog.state);
            }
        }
        let states = lamp.values().copied().collect();
        self.note(Happening::Notified { number, states });
    }

    /// A call is over without our doing.
    fn on_over(&mut self, session: SessionId, what: impl FnOnce(CallId) -> Happening) {
        if let Some(id) = self.sessions.get(&session).copied() {
            self.forget(id);
            self.note(what(id));
        }
    }

    /// Notes whether the other side's hold has begun or ended.
    fn note_hold(&mut self, id: CallId, was_held: bool) {
        match (was_held, self.calls.get(&id).is_some_and(super::Call::held)) {
            (false, true) => self.note(Happening::Held(id)),
            (true, false) => self.note(Happening::Unheld(id)),
            (false, false) | (true, true) => {}
        }
    }

    /// Notes a changed name of the other side.
    fn show(&mut self, id: CallId, headers: &Headers) {
        let asserted = headers
            .items(&HeaderName::PAssertedIdentity)
            .next()
            .and_then(|item| NameAddr::parse(item).ok());
        let Some((call, asserted)) = self.calls.get_mut(&id).zip(asserted) else {
            return;
        };
        let user = asserted.uri.user().map(|user| user.into_owned());
        let display = asserted.display.map(String::from).or(user);
        if call.display != display {
            call.display.clone_from(&display);
            self.note(Happening::Shown {
                call: id,
                display: display.unwrap_or_default(),
            });
        }
    }
}

/// Number and name of a caller: as asserted by the network, or else as he says.
fn caller(headers: &Headers, from: Option<NameAddr>) -> (String, Option<String>) {
    let asserted = headers
        .items(&HeaderName::PAssertedIdentity)
        .next()
        .and_then(|item| NameAddr::parse(item).ok());
    match asserted.or(from) {
        Some(who) => (
            who.uri
                .user()
                .map_or_else(|| who.uri.to_string(), |user| user.into_owned()),
            who.display.map(String::from),
        ),
        None => ("anonymous".to_owned(), None),
    }
}
