//! What the endpoint tells, and who may ask for what.

use machine::Time;
use sip_core::auth::{AuthError, SignedRequest};
use sip_core::header::Authorization;
use sip_core::{
    EndCause as SipEnd, Endpoint, EndpointError, Flow, HeaderName, Method, NameAddr, Reply, Request, RequestId,
    SessionId, StatusCode,
};

use crate::event::{EndCause, Event};
use crate::leg::{Leg, LegId, Place};
use crate::switch::{Destination, Switch};

/// The dialog, or the transaction, that is meant is not there.
pub(crate) const GONE: StatusCode = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;

/// What came of looking at a request's credentials.
pub(crate) enum Verdict {
    /// The index of the extension that sent it.
    Known(usize),
    /// Refuse with this.
    Refuse(StatusCode, Reply),
}

impl Switch {
    pub(crate) fn on_sip(&mut self, now: Time, event: sip_core::Event) {
        use sip_core::Event as E;
        match event {
            E::Invite {
                session,
                request,
                flow,
                replaces,
                ..
            } => self.on_invite(now, session, &request, flow, replaces),
            E::Progress { session, response, .. } => self.with_leg(session, |switch, leg| {
                switch.hunt_progress(now, leg, response.status());
            }),
            E::Answered { session, response } => {
                self.with_leg(session, |switch, leg| switch.on_answered(now, leg, response.body()));
            }
            E::Failed { session, status, .. } => self.with_leg(session, |switch, leg| {
                switch.hunt_leg_failed(now, leg, status);
            }),
            E::Cancelled { session, .. } => self.with_leg(session, |switch, leg| {
                switch.set_cause(leg, EndCause::Cancelled);
                switch.leg_over(now, leg, false);
            }),
            E::Confirmed { session, body } => self.with_leg(session, |switch, leg| {
                switch.on_confirmed(now, leg, body.as_ref());
            }),
            E::Reinvite { session, request } => {
                self.with_leg(session, |switch, leg| switch.on_reinvite(now, leg, &request));
            }
            E::Ended { session, cause } => self.with_leg(session, |switch, leg| switch.on_ended(now, leg, &cause)),
            E::Refer {
                session,
                refer,
                refer_to,
                ..
            } => self.on_refer(now, session, refer, &refer_to),
            E::ReferEnded { refer } => self.forget_refer(refer),
            E::Request {
                request_id,
                session,
                request,
                flow,
            } => self.on_request(now, request_id, session, &request, flow),
            E::Subscribe {
                request_id,
                request,
                event,
                expires,
                flow,
            } => {
                self.on_subscribe(now, request_id, &request, &event, expires, flow);
            }
            E::Resubscribed { subscription, .. } => self.notify_watcher(now, subscription),
            E::SubscriptionEnded { subscription, .. } => self.forget_watcher(subscription),
            E::Guard(event) => self.on_guard(event),
            E::ReinviteCancelled { .. }
            | E::Acknowledged { .. }
            | E::Refreshed { .. }
            | E::Updated { .. }
            | E::Reinvited { .. }
            | E::ReferNotified { .. }
            | E::Response { .. }
            | E::SubscriptionAccepted { .. }
            | E::Notified { .. }
            | _ => {}
        }
    }

    fn on_ended(&mut self, now: Time, leg: LegId, cause: &SipEnd) {
        let vanished = !matches!(cause, SipEnd::Bye { .. });
        if vanished && self.agent_vanished(now, leg) {
            return;
        }
        self.set_cause(leg, if vanished { EndCause::Vanished } else { EndCause::HungUp });
        self.leg_over(now, leg, false);
    }

    fn on_guard(&mut self, event: sip_core::guard::Event) {
        use sip_core::guard::Event as G;
        match event {
            G::Banned { source, until, user } => self.tell(Event::SourceBanned { source, until, user }),
            G::Unbanned { source } => self.tell(Event::SourceUnbanned { source }),
            G::UserAttacked { user } => self.tell(Event::UserAttacked { user }),
            _ => {}
        }
    }

    fn with_leg(&mut self, session: SessionId, act: impl FnOnce(&mut Self, LegId)) {
        if let Some(leg) = self.sessions.get(&session).copied() {
            act(self, leg);
        }
    }

    /// Who sent this? Every request that opens something is asked, whatever its method (RFC 3261 §22.2).
    pub(crate) fn authenticate(&mut self, now: Time, request: &Request, flow: Flow) -> Verdict {
        let challenge = |switch: &mut Self, stale: bool| {
            switch.stats.challenged += 1;
            let mut reply = Reply::default();
            // Good for this source only: whoever answers it is where he says, and may be banned for a wrong answer.
            for value in switch.auth.challenges_for(now, stale, flow.remote.ip()) {
                reply.headers.push((HeaderName::WwwAuthenticate, value));
            }
            Verdict::Refuse(StatusCode::UNAUTHORIZED, reply)
        };
        let credentials = match request.headers().typed::<Authorization>() {
            None => return challenge(self, false),
            Some(Err(_)) => return Verdict::Refuse(StatusCode::BAD_REQUEST, Reply::default()),
            Some(Ok(credentials)) => credentials,
        };
        let (numbers, secrets) = (&self.numbers, &self.secrets);
        let find = |user: &str| match numbers.get(user)? {
            Destination::Extension(index) => secrets.get(*index).map(|secret| (*index, secret)),
            Destination::Group(_)
            | Destination::Lot(_)
            | Destination::Slot(..)
            | Destination::RetrieveLongest(_)
            | Destination::Queue(_)
            | Destination::AgentCode(_)
            | Destination::Supervise(_) => None,
        };
        let signed = SignedRequest {
            method: request.method(),
            uri: request.uri(),
            body: request.body(),
            source: Some(flow.remote.ip()),
        };
        let checked = self
            .auth
            .verify_request(now, &signed, &credentials, |user| find(user).map(|(_, secret)| secret));
        let user = credentials.username().unwrap_or_default();
        let known = find(user).map(|(index, _)| index);
        match (checked, known) {
            (Ok(()), Some(index)) => {
                self.endpoint.authenticated(now, flow);
                Verdict::Known(index)
            }
            (Err(error), _) if error.is_stale() => challenge(self, true),
            (result, _) => {
                let cause = result.err().unwrap_or(AuthError::UnknownUser);
                self.stats.authentication_failures += 1;
                self.tell(Event::AuthenticationFailed {
                    source: flow.remote,
                    user: user.to_owned(),
                    cause,
                });
                if cause == AuthError::Malformed {
                    Verdict::Refuse(StatusCode::BAD_REQUEST, Reply::default())
                } else if matches!(cause, AuthError::WrongPassword | AuthError::UnknownUser) {
                    self.endpoint.authentication_failed(now, flow, user);
                    Verdict::Refuse(StatusCode::FORBIDDEN, Reply::default())
                } else {
                    challenge(self, false)
                }
            }
        }
    }

    /// Requests other than INVITE, REFER and SUBSCRIBE.
    fn on_request(&mut self, now: Time, id: RequestId, session: Option<SessionId>, request: &Request, flow: Flow) {
        if let Some(leg) = session.and_then(|session| self.sessions.get(&session).copied()) {
            self.on_request_in_call(now, id, leg, request);
            return;
        }
        match self.authenticate(now, request, flow) {
            Verdict::Refuse(status, reply) => self.respond(now, id, status, reply),
            Verdict::Known(index) if *request.method() == Method::Register => {
                self.on_register(now, id, index, request, flow);
            }
            Verdict::Known(_) if *request.method() == Method::Options => {
                self.respond(now, id, StatusCode::OK, Reply::default());
            }
            Verdict::Known(_) => self.respond(now, id, StatusCode::METHOD_NOT_ALLOWED, Reply::default()),
        }
    }

    /// INFO with a digit (application/dtmf-relay), OPTIONS and offers (UPDATE, PRACK) in a call; what else is asked there is not
    /// built.
    fn on_request_in_call(&mut self, now: Time, id: RequestId, leg: LegId, request: &Request) {
        if matches!(*request.method(), Method::Update | Method::Prack) {
            return self.on_offer(now, id, leg, request);
        }
        // An INFO without a body asks whether we are there, no more (RFC 6086 §4.2.2).
        let empty_info = *request.method() == Method::Info && request.body().is_empty();
        let status = if *request.method() == Method::Options || empty_info {
            StatusCode::OK
        } else if *request.method() == Method::Info {
            let content_type = request.headers().get_str(&HeaderName::ContentType).unwrap_or_default();
            let dtmf = content_type
                .trim()
                .to_ascii_lowercase()
                .starts_with("application/dtmf-relay");
            match crate::feature::dtmf_relay_digit(request.body()).filter(|_| dtmf) {
                Some(digit) => {
                    self.respond(now, id, StatusCode::OK, Reply::default());
                    self.pass_digit_on(leg, digit);
                    return self.on_digit(now, leg, digit);
                }
                None => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            }
        } else {
            StatusCode::METHOD_NOT_ALLOWED
        };
        self.respond(now, id, status, Reply::default());
    }

    pub(crate) fn respond(&mut self, now: Time, id: RequestId, status: StatusCode, reply: Reply) {
        self.try_endpoint(|endpoint| endpoint.respond(now, id, status, reply));
    }

    /// Does something with the endpoint; what came too late is counted.
    pub(crate) fn try_endpoint<T>(&mut self, act: impl FnOnce(&mut Endpoint) -> Result<T, EndpointError>) -> Option<T> {
        let result = act(&mut self.endpoint);
        if result.is_err() {
            self.stats.late_requests += 1;
        }
        result.ok()
    }

    /// RFC 3261 §10.3; only the owner of an address-of-record may change it.
    fn on_register(&mut self, now: Time, id: RequestId, index: usize, request: &Request, flow: Flow) {
        let Some(number) = self
            .config
            .extensions
            .get(index)
            .map(|extension| extension.number.clone())
        else {
            return;
        };
        let own = |address: Result<NameAddr, _>| {
            address.is_ok_and(|address: NameAddr| address.uri.user().is_some_and(|user| user == number))
        };
        if !own(request.to()) {
            self.respond(now, id, StatusCode::FORBIDDEN, Reply::default());
            return;
        }
        match self.registrar.register(now, &number, request, flow) {
            Ok(response) => {
                self.respond(now, id, StatusCode::OK, Reply::from_response(&response));
            }
            Err(error) => {
                let response = error.to_response(request);
                self.respond(now, id, response.status(), Reply::from_response(&response));
            }
        }
    }

    /// Tells what the registrar tells. `true` if there was something.
    pub(crate) fn poll_registrar(&mut self, now: Time) -> bool {
        use machine::Machine;
        use sip_core::registrar::{Event as R, RemovalCause};
        let Some(event) = self.registrar.poll_output() else {
            return false;
        };
        let by_us = matches!(
            event,
            R::Removed {
                cause: RemovalCause::Administrative,
                ..
            }
        );
        match event {
            R::Registered { aor, binding, .. } => {
                self.phone_seen(now, &aor);
                self.tell(Event::Registered {
                    number: aor,
                    contact: binding.contact.uri.to_string(),
                    source: binding.flow.remote,
                });
            }
            R::Removed { aor, binding, .. } | R::Expired { aor, binding, .. } => {
                // What a new configuration takes away rings on: it touches no call.
                if !by_us {
                    self.member_unregistered(now, &aor);
                    self.phone_gone(now, &aor);
                }
                self.tell(Event::Unregistered {
                    number: aor,
                    contact: binding.contact.uri.to_string(),
                });
            }
            R::Refreshed { aor, .. } => self.phone_seen(now, &aor),
            _ => {}
        }
        true
    }

    /// The extension's other legs that are in a conversation: without one an attended transfer is not possible.
    pub(crate) fn has_conversation(&self, number: &str, besides: LegId) -> bool {
        self.legs_of(number)
            .any(|(id, leg)| id != besides && matches!(leg.place, Place::Talking(_)))
    }

    /// The legs whose far end has this number, in the order of their handles.
    pub(crate) fn legs_of(&self, number: &str) -> impl Iterator<Item = (LegId, &Leg)> {
        let ids = self.legs_of.get(number).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.legs.get(*id)?)))
    }
}
