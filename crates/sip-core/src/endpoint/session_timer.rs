//! Session timers (RFC 4028): asked for, agreed on, and kept.

use core::fmt::Write as _;
use core::time::Duration;

use bytes::Bytes;
use machine::Time;

use super::abilities::{Refusal, allows_update, has_token};
use super::client::{Outcome, Owner};
use super::id::ClientKey;
use super::screen::Incoming;
use super::sent::Sent;
use super::session::{Offer, OfferKind};
use super::{Body, EndCause, Endpoint, Event, Reply, SessionId};
use crate::dialog::session_timer::{
    Agreement, SMALLEST_INTERVAL, SessionTimer, SessionTimers, TimerAction, TimerRequest,
};
use crate::dialog::update::Side;
use crate::header::{MinSe, SessionExpires};
use crate::{HeaderName, Headers, Message, Method, Response, StatusCode};

/// How often a request is sent again with a longer interval after 422.
const MAX_ATTEMPTS: u8 = 3;

/// What is kept of a session with a timer.
#[derive(Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Timer {
    machine: Option<SessionTimer>,
    /// What a 422 asked for, in seconds.
    min_se: u32,
    attempts: u8,
    /// The description that was sent last, for a re-INVITE that changes nothing.
    description: Option<Body>,
    /// Our UPDATE.
    refreshing: Option<ClientKey>,
}

impl Timer {
    pub(super) fn deadline(&self) -> Option<Time> {
        self.machine.as_ref().map(SessionTimer::deadline)
    }
}

impl Endpoint {
    /// What the endpoint does of session timers from now on ([`EndpointConfig::session_timers`],
    /// [`session_expires`](super::EndpointConfig::session_expires)): in calls that begin later, and in others as soon as
    /// either side refreshes them.
    ///
    /// [`EndpointConfig::session_timers`]: super::EndpointConfig::session_timers
    pub fn configure_session_timers(&mut self, mode: SessionTimers, interval: Duration) {
        self.config.session_timers = mode;
        self.config.session_expires = interval;
    }

    /// What our 2xx to a request with these headers will agree to.
    pub(super) fn negotiate_timer(&mut self, headers: &Headers) -> Result<Option<Agreement>, Refusal> {
        let mode = self.config.session_timers;
        let expires = match mode {
            SessionTimers::Off => return Ok(None),
            SessionTimers::Supported | SessionTimers::Requested => headers.typed::<SessionExpires>(),
        };
        if expires.is_none() && mode != SessionTimers::Requested {
            return Ok(None);
        }
        let malformed = (StatusCode::BAD_REQUEST, Vec::new());
        let request = TimerRequest {
            expires: expires.transpose().map_err(|_| malformed)?,
            min_se: headers
                .typed::<MinSe>()
                .and_then(Result::ok)
                .map(|MinSe(seconds)| seconds),
            supported: has_token(headers, &HeaderName::Supported, "timer")
                || has_token(headers, &HeaderName::Require, "timer"),
        };
        self.config.timer_policy().accept(&request).map_err(|small| {
            let line = format!("Min-SE: {}\r\n", small.0);
            (StatusCode::SESSION_INTERVAL_TOO_SMALL, line.into_bytes())
        })
    }

    /// Of an UPDATE: nothing, while the session is not established.
    pub(super) fn update_timer(&mut self, id: SessionId, incoming: &Incoming) -> Result<Option<Agreement>, Refusal> {
        if self.is_established(id) {
            self.negotiate_timer(incoming.request.headers())
        } else {
            Ok(None)
        }
    }

    /// What our first INVITE asks for.
    pub(super) fn first_timer_lines(&self) -> Vec<u8> {
        if self.config.session_timers != SessionTimers::Requested {
            return Vec::new();
        }
        let policy = self.config.timer_policy();
        asking_lines(policy.asked(0), policy.refresher, policy.min_se)
    }

    /// What a re-INVITE or UPDATE of ours says, so that the timer goes on (RFC 4028 §7.4).
    pub(super) fn timer_lines(&self, id: SessionId) -> Vec<u8> {
        let timer = self.sessions.get(id).and_then(|session| session.timer.as_ref());
        let Some((timer, machine)) = timer.and_then(|timer| Some((timer, timer.machine.as_ref()?))) else {
            return Vec::new();
        };
        let min_se = self.config.timer_policy().min_se.max(timer.min_se);
        let Agreement { interval, refresher } = machine.agreement();
        asking_lines(interval.max(min_se), Some(refresher), min_se)
    }

    /// A 2xx to a re-INVITE, UPDATE or INVITE of ours came; `body` is what we had sent.
    pub(super) fn conclude_timer(&mut self, id: SessionId, headers: &Headers, body: Option<&Body>) {
        if !self.is_established(id) {
            return;
        }
        let answer = match self.config.session_timers {
            SessionTimers::Off => return,
            SessionTimers::Supported | SessionTimers::Requested => headers.typed::<SessionExpires>(),
        };
        let policy = self.config.timer_policy();
        self.start_timer(id, policy.conclude(answer.and_then(Result::ok)), headers);
        self.remember_description(id, body);
    }

    /// The session was refreshed, or has no timer any more. `headers` are the peer's.
    pub(super) fn start_timer(&mut self, id: SessionId, agreement: Option<Agreement>, headers: &Headers) {
        let told = agreement.is_some() && headers.contains(&HeaderName::Allow);
        let update = told.then(|| allows_update(headers));
        self.start_timer_with(id, agreement, update);
    }

    /// `update`: whether the peer allows UPDATE, if it said so.
    pub(super) fn start_timer_with(&mut self, id: SessionId, agreement: Option<Agreement>, update: Option<bool>) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(agreement) = agreement else {
            if let Some(timer) = session.timer.as_mut() {
                timer.machine = None;
                timer.description = None;
            }
            return;
        };
        session.peer_update = update.unwrap_or(session.peer_update);
        let timer = session.timer.get_or_insert_default();
        timer.machine = Some(SessionTimer::new(now, agreement));
        timer.attempts = 0;
        self.arm_session(id);
    }

    /// Keeps what was sent for a re-INVITE that changes nothing, where there is a timer.
    pub(super) fn remember_description(&mut self, id: SessionId, body: Option<&Body>) {
        let timer = self.sessions.get_mut(id).and_then(|session| session.timer.as_mut());
        if let Some(timer) = timer.filter(|timer| timer.machine.is_some())
            && let Some(body) = body
        {
            timer.description = Some(body.clone());
        }
    }

    /// The same, of the INVITE that was sent in this transaction.
    pub(super) fn remember_sent(&mut self, id: SessionId, key: ClientKey) {
        let timer = self.sessions.get(id).and_then(|session| session.timer.as_ref());
        if timer.is_none_or(|timer| timer.machine.is_none()) {
            return;
        }
        let data = self.sent_data(key);
        let Some(sent) = Sent::read(&data) else { return };
        if let Some(content_type) = sent.value("Content-Type") {
            let body = Body::new(
                Bytes::copy_from_slice(content_type),
                Bytes::copy_from_slice(sent.body()),
            );
            self.remember_description(id, Some(&body));
        }
    }

    /// Refreshes the session or gives it up, if that is due.
    pub(super) fn session_timer_due(&mut self, id: SessionId) {
        let now = self.now;
        let timer = self.sessions.get_mut(id).and_then(|session| session.timer.as_mut());
        let Some(machine) = timer.and_then(|timer| timer.machine.as_mut()) else {
            return;
        };
        match machine.handle_timeout(now) {
            TimerAction::Wait => {}
            TimerAction::Refresh => self.refresh_session(id),
            TimerAction::Expired => self.expire_session(id),
        }
    }

    fn expire_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        session.reason = Some(Bytes::from_static(b"SIP;cause=408;text=\"Session expired\""));
        if let Some(due) = session.ack_due.take() {
            self.acknowledge_success(id, due.key, due.cseq, None);
        }
        self.end_session(id, Some(EndCause::SessionExpired), true);
    }

    /// With UPDATE, if the peer allows it; else with a re-INVITE that repeats our last description (RFC 4028 §7.4).
    fn refresh_session(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let busy = session.is_changing();
        let Some(timer) = session.timer.as_mut() else { return };
        if busy || timer.refreshing.is_some() {
            // What is under way refreshes the session as well, if it succeeds.
            return self.retry_refresh(id);
        }
        let description = timer.description.clone().filter(|_| !session.peer_update);
        let Some(leg) = session.leg.as_ref() else { return };
        let tag = leg.dialog.remote_tag().clone();
        let sent = if let Some(description) = description {
            session.offer = Some(Box::new(Offer {
                kind: OfferKind::Refresh,
                tag,
                update: None,
                reply: Reply::new().body(description),
                retry: None,
                attempts: 0,
            }));
            self.send_reinvite(id)
        } else {
            let lines = self.timer_lines(id);
            let owner = Owner::Refresh(id);
            let key = self.send_in_dialog(id, &tag, &Method::Update, owner, &Reply::default(), &lines);
            if let Some(timer) = self.sessions.get_mut(id).and_then(|session| session.timer.as_mut()) {
                timer.refreshing = key;
            }
            key.map(drop)
        };
        if sent.is_none() {
            // The numbers are used up.
            self.end_session(id, Some(EndCause::SessionExpired), true);
        }
    }

    pub(super) fn on_refresh_outcome(&mut self, id: SessionId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let Some(timer) = session.timer.as_mut() else { return };
        if timer.refreshing.take_if(|refreshing| *refreshing == key).is_none() {
            return;
        }
        let not_allowed = matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED);
        if not_allowed && timer.description.is_some() {
            session.peer_update = false;
            return self.refresh_session(id);
        }
        match response.filter(|_| status.is_success()) {
            Some(response) => self.refreshed(id, response),
            None => {
                self.retry_refresh(id);
                self.lose_if_gone(id, status);
            }
        }
    }

    /// A refresh of ours was answered with 2xx.
    fn refreshed(&mut self, id: SessionId, response: Response) {
        let session = self.sessions.get(id).filter(|session| !session.released);
        let Some(leg) = session.and_then(|session| session.leg.as_ref()) else {
            return;
        };
        let tag = leg.dialog.remote_tag().clone();
        self.refresh_target(id, &tag, response.headers(), None);
        self.conclude_timer(id, response.headers(), None);
        self.emit(Event::Refreshed {
            session: id,
            message: Message::Response(response),
        });
    }

    /// Our UPDATE was sent again in another transaction.
    pub(super) fn refresh_moved(&mut self, id: SessionId, key: ClientKey) {
        let timer = self.sessions.get_mut(id).and_then(|session| session.timer.as_mut());
        if let Some(timer) = timer {
            timer.refreshing = Some(key);
        }
    }

    pub(super) fn retry_refresh(&mut self, id: SessionId) {
        let now = self.now;
        let timer = self.sessions.get_mut(id).and_then(|session| session.timer.as_mut());
        if let Some(machine) = timer.and_then(|timer| timer.machine.as_mut()) {
            machine.retry(now);
        }
        self.arm_session(id);
    }

    /// After 422 the request is sent again with the interval that the peer wants (RFC 4028 §7.3). Whether it was.
    pub(super) fn ask_for_longer(&mut self, key: ClientKey, owner: Owner, response: &Response, request: &[u8]) -> bool {
        let (Owner::Invite(id) | Owner::Reinvite(id) | Owner::Update(id) | Owner::Refresh(id)) = owner else {
            return false;
        };
        if response.status() != StatusCode::SESSION_INTERVAL_TOO_SMALL {
            return false;
        }
        let Some(Ok(MinSe(wanted))) = response.headers().typed::<MinSe>() else {
            return false;
        };
        let Some(sent) = Sent::read(request) else { return false };
        let value = sent.value("Session-Expires").unwrap_or_default();
        let asked = <SessionExpires as crate::header::TypedHeader>::parse(value);
        let Some(asked) = asked.ok().filter(|asked| asked.seconds < wanted) else {
            return false;
        };
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.released || session.cancelling != super::session::Cancelling::No {
            return false;
        }
        let timer = session.timer.get_or_insert_default();
        if timer.attempts >= MAX_ATTEMPTS {
            return false;
        }
        timer.attempts += 1;
        timer.min_se = timer.min_se.max(wanted);
        let mut expires = String::new();
        let longer = SessionExpires {
            seconds: timer.min_se,
            ..asked
        };
        // Writing to a string does not fail.
        let _ = crate::header::TypedHeader::write(&longer, &mut expires);
        let others = [
            (HeaderName::SessionExpires, Bytes::from(expires)),
            (HeaderName::MinSe, Bytes::from(timer.min_se.to_string())),
        ];
        self.send_again(key, owner, sent, &others)
    }
}

/// In a request: the interval, who is to refresh, and the shortest interval if it is not the usual.
fn asking_lines(interval: u32, refresher: Option<Side>, min_se: u32) -> Vec<u8> {
    let mut out = format!("Session-Expires: {interval}");
    out.push_str(match refresher {
        Some(Side::Local) => ";refresher=uac\r\n",
        Some(Side::Remote) => ";refresher=uas\r\n",
        None => "\r\n",
    });
    if min_se > SMALLEST_INTERVAL {
        // Writing to a string does not fail.
        let _ = write!(out, "Min-SE: {min_se}\r\n");
    }
    out.into_bytes()
}

/// In a 2xx (RFC 4028 §9): a caller that is to refresh must see it.
pub(super) fn agreed_lines(agreement: Agreement) -> Vec<u8> {
    let Agreement { interval, refresher } = agreement;
    match refresher {
        Side::Remote => format!("Session-Expires: {interval};refresher=uac\r\nRequire: timer\r\n"),
        Side::Local => format!("Session-Expires: {interval};refresher=uas\r\n"),
    }
    .into_bytes()
}
