//! Single requests: those outside of sessions, and the generic ones in a session's dialog.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::{Initial, begin_initial, check_body};
use super::client::{Outcome, Owner};
use super::id::{ClientKey, ServerKey};
use super::reply::{ReplyHead, check};
use super::screen::Incoming;
use super::timers::{Alarm, TimerKey};
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, Flow, OutOfDialog, Reply, RequestId, SessionId, SessionState};
use crate::auth;
use crate::dialog::session_timer::Agreement;
use crate::header::EventHeader;
use crate::transaction::matching::HashedKey;
use crate::{HeaderName, Method, Request, Scheme, StatusCode};

/// A request that waits for its response.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Pending {
    pub(super) kind: PendingKind,
    /// When 100 is due (RFC 4320 §4.1).
    trying: Option<Time>,
    deadline: Option<Time>,
    pub(super) alarm: Alarm,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum PendingKind {
    /// The embedder's answer is missing.
    Incoming(Box<IncomingRequest>),
    /// The peer's answer is missing.
    Outgoing {
        session: Option<SessionId>,
        auth: Option<Box<auth::Client>>,
        /// The dialog, by its remote tag, in which it is an offer.
        offered: Option<Bytes>,
    },
}

/// An offer in UPDATE or PRACK that waits for the embedder's answer.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Change {
    pub(super) session: SessionId,
    /// The dialog, by its remote tag.
    pub(super) tag: Bytes,
    pub(super) request: Request,
    pub(super) agreement: Option<Agreement>,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct IncomingRequest {
    pub(super) server: ServerKey,
    pub(super) head: ReplyHead,
    pub(super) flow: Flow,
    /// For a 2xx that refreshes the target.
    contact: Option<Bytes>,
    /// Whether it asks what we can do.
    options: bool,
    /// A SUBSCRIBE that makes a subscription.
    pub(super) subscribe: Option<Request>,
    change: Option<Box<Change>>,
}

impl Endpoint {
    /// Sends a request outside of a dialog; [`Event::Response`] brings the final response.
    ///
    /// # Errors
    ///
    /// [`EndpointError::BadMethod`] for methods that make or need a dialog, [`EndpointError::NoAddress`],
    /// [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or [`EndpointError::Full`].
    pub fn send(&mut self, now: Time, request: OutOfDialog) -> Result<RequestId, EndpointError> {
        self.advance(now);
        if matches!(
            request.method,
            Method::Invite
                | Method::Ack
                | Method::Cancel
                | Method::Bye
                | Method::Subscribe
                | Method::Refer
                | Method::Prack
                | Method::Update
        ) {
            return Err(EndpointError::BadMethod);
        }
        check(&request.headers, None)?;
        check_body(request.body.as_ref())?;
        let given = request.sequence.as_ref();
        let call_id_fits = |id: &Bytes| !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
        if given.is_some_and(|(call_id, cseq)| !call_id_fits(call_id) || *cseq > crate::dialog::MAX_CSEQ) {
            return Err(EndpointError::BadHeader);
        }
        let way = self.initial_way(request.flow, &request.hops, &request.route, &request.target)?;
        let flow = way.flow();
        if self.is_full() {
            return Err(EndpointError::Full);
        }
        let auth = request.credentials.as_ref().map(super::Credentials::client);
        let kind = PendingKind::Outgoing {
            session: None,
            auth,
            offered: None,
        };
        let id = self.open_request(kind, None);
        let tag = format!("{:016x}", self.rng.next_u64());
        let (call_id, cseq) = match request.sequence.clone() {
            Some(given) => given,
            None => (self.new_call_id(), self.first_cseq()),
        };
        let via = self.open_client(flow, request.method.clone(), Owner::Request(id));
        let out = begin_initial(
            via,
            &Initial {
                method: &request.method,
                target: &request.target,
                route: &request.route,
                from: &request.from,
                tag: tag.as_bytes(),
                to: &request.to,
                call_id: &call_id,
                cseq,
                max_forwards: request.max_forwards,
            },
        );
        let secure = request.target.scheme() == Scheme::Sips;
        let contact = request
            .contact_user
            .as_deref()
            .map(|user| self.contact(flow, Some(user), secure));
        let extra = Extra {
            contact: contact.as_deref(),
            abilities: false,
        };
        let data = self.finish_request(out, &request.headers, request.body.as_ref(), extra);
        self.launch_by(via, data, way);
        Ok(id)
    }

    /// Sends a request in a session's dialog: INFO, OPTIONS, MESSAGE, UPDATE or one of another name. [`Event::Response`]
    /// brings the final response; if that is 408 or 481, the session ends too (RFC 3261 §12.2.1.2). An UPDATE follows the rules of
    /// [`update`](Self::update), but is not tried again after a glare: for who passes on another's.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before the session is answered;
    /// [`EndpointError::BadMethod`] for methods with a command of their own; [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn request(
        &mut self,
        now: Time,
        session: SessionId,
        method: Method,
        reply: Reply,
    ) -> Result<RequestId, EndpointError> {
        self.advance(now);
        if matches!(
            method,
            Method::Invite
                | Method::Ack
                | Method::Cancel
                | Method::Bye
                | Method::Subscribe
                | Method::Notify
                | Method::Refer
                | Method::Prack
                | Method::Register
                | Method::Publish
        ) {
            return Err(EndpointError::BadMethod);
        }
        check(&reply.headers, None)?;
        check_body(reply.body.as_ref())?;
        let full = self.is_full();
        if method == Method::Update {
            return self.request_update(session, &reply, full);
        }
        if self.session_mut(session)?.state < SessionState::Answered {
            return Err(EndpointError::WrongState);
        }
        if full {
            return Err(EndpointError::Full);
        }
        let id = self.open_outgoing(session, None);
        if self
            .send_in_session(session, &method, Owner::Request(id), &reply)
            .is_none()
        {
            self.close_request(id);
            return Err(EndpointError::Exhausted);
        }
        Ok(id)
    }

    /// Sends a request in a session's dialog.
    pub(super) fn send_in_session(
        &mut self,
        id: SessionId,
        method: &Method,
        owner: Owner,
        reply: &Reply,
    ) -> Option<ClientKey> {
        let tag = self.sessions.get(id)?.leg.as_ref()?.dialog.remote_tag().clone();
        self.send_in_dialog(id, &tag, method, owner, reply, b"")
    }

    /// Sends a request in the dialog, early or not, with this remote tag. `lines`: headers that only the endpoint may write.
    pub(super) fn send_in_dialog(
        &mut self,
        id: SessionId,
        tag: &[u8],
        method: &Method,
        owner: Owner,
        reply: &Reply,
        lines: &[u8],
    ) -> Option<ClientKey> {
        let leg = self.sessions.get_mut(id)?.leg_with(tag)?;
        let cseq = leg.dialog.next_cseq().ok()?;
        let way = self.way_of(self.sessions.get(id)?.leg_of(tag)?);
        let via = self.open_client(way.flow(), method.clone(), owner);
        let session = self.sessions.get(id)?;
        let mut out = session.leg_of(tag)?.dialog.begin(method, cseq, &via);
        out.lines(lines);
        let makes_target = matches!(method, Method::Update | Method::Refer | Method::Notify);
        let extra = Extra {
            contact: makes_target.then_some(&session.contact[..]),
            abilities: *method == Method::Update,
        };
        let data = self.finish_request(out, &reply.headers, reply.body.as_ref(), extra);
        Some(self.launch_by(via, data, way))
    }

    /// Answers [`Event::Request`] or refuses [`Event::Subscribe`] with a final status. A 2xx to OPTIONS says by itself what
    /// we can do: `Allow`, `Supported`, `Accept`, `Allow-Events` and `Recv-Info` as configured, unless given here.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`], also if it went unanswered for 64·T1; [`EndpointError::BadStatus`] for a provisional status
    /// (RFC 4320 §4.1), and for a 2xx to a SUBSCRIBE, which is
    /// [`accept_subscription`](Self::accept_subscription)'s (but for 204 to one that fetches on a condition);
    /// [`EndpointError::BadHeader`].
    pub fn respond(
        &mut self,
        now: Time,
        request: RequestId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        check(&reply.headers, reply.reason.as_deref())?;
        check_body(reply.body.as_ref())?;
        let Some(PendingKind::Incoming(incoming)) = self.requests.get(request).map(|pending| &pending.kind) else {
            return Err(EndpointError::Gone);
        };
        let may_succeed = incoming
            .subscribe
            .as_ref()
            .is_none_or(|subscribe| status == StatusCode::NO_NOTIFICATION && is_conditional_fetch(subscribe));
        if !status.is_final() || (status.is_success() && !may_succeed) {
            return Err(EndpointError::BadStatus);
        }
        let Some(PendingKind::Incoming(incoming)) = self.close_request(request) else {
            return Err(EndpointError::Gone);
        };
        let tag = format!("{:016x}", self.rng.next_u64());
        let able = incoming.options && status.is_success();
        let extra = Extra {
            contact: incoming.contact.as_deref().filter(|_| status.is_success()),
            abilities: able,
        };
        let mut reply = reply;
        if able && !reply.headers.iter().any(|(name, _)| *name == HeaderName::Accept) {
            reply.headers.extend(self.accept_header());
        }
        let change = incoming.change.as_ref();
        let lines = change.map(|change| self.conclude_change(change, incoming.flow, status, &reply));
        let lines = lines.unwrap_or_default();
        let tag = Some(tag.as_bytes());
        let data = self.write_response_with(&incoming.head, (status, tag), &reply, extra, &lines);
        self.respond_on(incoming.server, status, data);
        Ok(())
    }

    /// Hands a request to the embedder.
    pub(super) fn on_plain_request(
        &mut self,
        session: Option<SessionId>,
        incoming: Incoming,
        merge: Option<HashedKey>,
    ) {
        self.on_asked(session, incoming, merge, None);
    }

    /// The same; `change`: of an offer.
    pub(super) fn on_asked(
        &mut self,
        session: Option<SessionId>,
        incoming: Incoming,
        merge: Option<HashedKey>,
        change: Option<Box<Change>>,
    ) {
        let is_update = *incoming.request.method() == Method::Update;
        let contact = session
            .and_then(|id| self.sessions.get(id))
            .map(|session| session.contact.clone());
        let id = self.hold_request(&incoming, merge, contact.filter(|_| is_update), None);
        if let Some(Pending {
            kind: PendingKind::Incoming(held),
            ..
        }) = self.requests.get_mut(id)
        {
            held.change = change;
        }
        let Incoming { request, flow, .. } = incoming;
        self.emit(Event::Request {
            request_id: id,
            session,
            request,
            flow,
        });
    }

    pub(super) fn on_subscribe(&mut self, incoming: Incoming, merge: HashedKey) {
        let packages = &self.config.event_packages;
        let known = |event: &EventHeader| packages.is_empty() || packages.iter().any(|name| *name == event.package);
        let event = incoming.request.headers().typed::<EventHeader>().and_then(Result::ok);
        let Some(event) = event.filter(known) else {
            return self.refuse_event(&incoming);
        };
        if crate::dialog::contact(incoming.request.headers()).is_none() {
            self.stats.refused_malformed += 1;
            return self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
        }
        if self.subscriptions.len() >= self.config.limits.subscriptions {
            return self.refuse_overload(&incoming);
        }
        let expires = expires_of(&incoming.request);
        let subscribe = Some(incoming.request.clone());
        let id = self.hold_request(&incoming, Some(merge), None, subscribe);
        let Incoming { request, flow, .. } = incoming;
        self.emit(Event::Subscribe {
            request_id: id,
            request,
            event,
            expires,
            flow,
        });
    }

    fn hold_request(
        &mut self,
        incoming: &Incoming,
        merge: Option<HashedKey>,
        contact: Option<Bytes>,
        subscribe: Option<Request>,
    ) -> RequestId {
        let server = self.begin_server(incoming, merge);
        let held = IncomingRequest {
            server,
            head: incoming.head.clone(),
            flow: incoming.flow,
            contact,
            options: *incoming.request.method() == Method::Options,
            subscribe,
            change: None,
        };
        let deadline = self.now + self.config.timers.give_up();
        self.open_request(PendingKind::Incoming(Box::new(held)), Some(deadline))
    }

    /// A request of ours in a session.
    pub(super) fn open_outgoing(&mut self, session: SessionId, offered: Option<Bytes>) -> RequestId {
        let kind = PendingKind::Outgoing {
            session: Some(session),
            auth: None,
            offered,
        };
        self.open_request(kind, None)
    }

    fn open_request(&mut self, kind: PendingKind, deadline: Option<Time>) -> RequestId {
        // Only the peer's have a deadline.
        let trying = deadline.map(|_| self.now + self.config.timers.non_invite_trying());
        let id = self.requests.insert(Pending {
            kind,
            trying,
            deadline,
            alarm: Alarm::default(),
        });
        if let Some(pending) = self.requests.get_mut(id) {
            self.timers
                .arm(self.now, TimerKey::Request(id), &mut pending.alarm, trying);
        }
        id
    }

    pub(super) fn close_request(&mut self, id: RequestId) -> Option<PendingKind> {
        let mut pending = self.requests.remove(id)?;
        self.timers.disarm(&mut pending.alarm);
        Some(pending.kind)
    }

    pub(super) fn on_request_outcome(&mut self, id: RequestId, outcome: Outcome) {
        let Some(PendingKind::Outgoing { session, offered, .. }) = self.close_request(id) else {
            return;
        };
        let Outcome { status, response, .. } = outcome;
        if let Some((session, response)) = session.zip(response.as_ref()).filter(|_| status.is_success()) {
            self.on_plain_update(session, response);
        }
        if let Some((session, tag)) = session.zip(offered)
            && let Some(leg) = self
                .sessions
                .get_mut(session)
                .and_then(|session| session.leg_with(&tag))
        {
            if status.is_success() {
                leg.exchange.answered();
            } else {
                leg.exchange.rejected();
            }
        }
        self.emit(Event::Response {
            request_id: id,
            response,
            status,
        });
        // An early dialog may go without its INVITE.
        if let Some(session) = session.filter(|session| self.is_established(*session)) {
            self.lose_if_gone(session, status);
        }
    }

    /// The embedder did not answer yet; or by now the peer has given up.
    pub(super) fn request_due(&mut self, id: RequestId) {
        let Some(pending) = self.requests.get_mut(id) else {
            return;
        };
        pending.alarm.fired();
        let late = pending.trying.take_if(|trying| *trying <= self.now).is_some();
        if let PendingKind::Incoming(incoming) = &pending.kind
            && late
        {
            let (server, head) = (incoming.server, incoming.head.clone());
            let data = head.begin(StatusCode::TRYING, None, None, false).finish(None);
            self.respond_on(server, StatusCode::TRYING, data);
        }
        let Some(pending) = self.requests.get_mut(id) else {
            return;
        };
        if pending.deadline.is_some_and(|deadline| deadline > self.now) {
            let deadline = pending.deadline;
            return self
                .timers
                .arm(self.now, TimerKey::Request(id), &mut pending.alarm, deadline);
        }
        if let Some(PendingKind::Incoming(incoming)) = self.close_request(id) {
            self.stats.unanswered += 1;
            self.drop_server(incoming.server);
            if let Some(change) = incoming.change
                && let Some(session) = self.sessions.get_mut(change.session)
                && let Some(leg) = session.leg_with(&change.tag)
            {
                leg.exchange.rejected();
            }
        }
    }

    /// Whose credentials a request of ours is to be repeated with.
    pub(super) fn credentials_of(&mut self, owner: Owner) -> Option<&mut auth::Client> {
        match owner {
            // A call that is being cancelled is not begun again.
            Owner::Invite(id) => {
                let session = self.sessions.get_mut(id)?;
                let wanted = !session.released && session.cancelling == super::session::Cancelling::No;
                session.auth.as_deref_mut().filter(|_| wanted)
            }
            Owner::Reinvite(id) | Owner::Bye(id) | Owner::Prack(id) | Owner::Update(id) | Owner::Refresh(id) => {
                self.sessions.get_mut(id)?.auth.as_deref_mut()
            }
            Owner::Request(id) => match &mut self.requests.get_mut(id)?.kind {
                PendingKind::Outgoing {
                    session: Some(session), ..
                } => self.sessions.get_mut(*session)?.auth.as_deref_mut(),
                PendingKind::Outgoing { auth, .. } => auth.as_deref_mut(),
                PendingKind::Incoming(_) => None,
            },
            Owner::Subscribe(id) | Owner::Notify(id) => self.subscriptions.get_mut(id)?.auth.as_deref_mut(),
            Owner::Publish(id) => self.publications.get_mut(id)?.auth.as_deref_mut(),
            Owner::Refer(id) => {
                let entry = self.subscriptions.get_mut(id)?;
                match entry.session {
                    Some(session) => self.sessions.get_mut(session)?.auth.as_deref_mut(),
                    None => entry.auth.as_deref_mut(),
                }
            }
            Owner::Nobody | Owner::ReferNotify(_) => None,
        }
    }

    /// The sequence number of the repetition of a request with number `last`, to the peer with this tag.
    pub(super) fn cseq_of(&mut self, owner: Owner, last: u32, tag: &[u8]) -> Option<u32> {
        let session = match owner {
            Owner::Reinvite(id) | Owner::Bye(id) | Owner::Prack(id) | Owner::Update(id) | Owner::Refresh(id) => {
                Some(id)
            }
            Owner::Request(id) => match &self.requests.get(id)?.kind {
                PendingKind::Outgoing { session, .. } => *session,
                PendingKind::Incoming(_) => None,
            },
            Owner::Refer(id) => self.subscriptions.get(id)?.session,
            Owner::Invite(_)
            | Owner::Nobody
            | Owner::ReferNotify(_)
            | Owner::Subscribe(_)
            | Owner::Notify(_)
            | Owner::Publish(_) => None,
        };
        if let Some(id) = session {
            return self.sessions.get_mut(id)?.leg_with(tag)?.dialog.next_cseq().ok();
        }
        if let Owner::Subscribe(id) | Owner::Notify(id) = owner
            && let Some(leg) = self.subscriptions.get_mut(id)?.leg.as_mut()
        {
            return leg.dialog.next_cseq().ok();
        }
        last.checked_add(1).filter(|next| *next <= crate::dialog::MAX_CSEQ)
    }

    /// A request was sent again in another transaction.
    pub(super) fn moved(&mut self, owner: Owner, key: ClientKey) {
        match owner {
            Owner::Invite(id) | Owner::Reinvite(id) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.client = Some(key);
                    session.proceeding = false;
                    session.forks.clear();
                }
            }
            Owner::Bye(id) => {
                if let Some(session) = self.sessions.get_mut(id) {
                    session.bye = Some(key);
                }
            }
            Owner::Update(id) => {
                let session = self.sessions.get_mut(id);
                if let Some(offer) = session.and_then(|session| session.offer.as_mut()) {
                    offer.update = Some(key);
                }
            }
            Owner::Refresh(id) => self.refresh_moved(id, key),
            Owner::Subscribe(id) | Owner::Notify(id) | Owner::Refer(id) => {
                let data = self.sent_data(key);
                let cseq = super::sent::Sent::read(&data)
                    .map(|sent| sent.cseq())
                    .unwrap_or_default();
                if let Some(subscription) = self.subscriptions.get_mut(id) {
                    subscription.client = Some(key);
                    subscription.cseq = cseq;
                }
            }
            Owner::Publish(id) => {
                if let Some(publication) = self.publications.get_mut(id) {
                    publication.client = Some(key);
                    publication.cseq = publication.cseq.saturating_add(1);
                }
            }
            Owner::ReferNotify(id) => self.refer_notify_moved(id, key),
            Owner::Nobody | Owner::Prack(_) | Owner::Request(_) => {}
        }
    }
}

/// Whether a SUBSCRIBE fetches the state if it is another than the one known (RFC 5839 §5.4).
fn is_conditional_fetch(subscribe: &Request) -> bool {
    expires_of(subscribe) == Some(Duration::ZERO) && subscribe.headers().contains(&HeaderName::SuppressIfMatch)
}

/// The `Expires` header.
pub(super) fn expires_of(request: &Request) -> Option<Duration> {
    let expires = request.headers().typed::<crate::header::Expires>()?.ok()?;
    Some(Duration::from_secs(u64::from(expires.0)))
}

/// A header that says seconds.
pub(super) fn seconds_header(name: HeaderName, seconds: u64) -> (HeaderName, Bytes) {
    (name, Bytes::from(seconds.to_string()))
}
