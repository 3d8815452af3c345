//! What is decided about a packet before it is read: whether there is room for what may come of it, and what the
//! [`Guard`] says.

use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;
use machine::{Machine, Time};

use super::names::{TagOwner, read_branch};
use super::timers::TimerKey;
use super::{Endpoint, Event, Flow};
use crate::dialog::raw::branch_of;
use crate::guard::{Guard, GuardConfig, PacketKind, Peek, Verdict, refusal};
use crate::header::{TypedHeader, Via};
use crate::transaction::matching::{HashedKey, branch_key};

impl Endpoint {
    /// The table of rates and bans, if [`EndpointConfig::guard`](super::EndpointConfig::guard) asks for one.
    #[must_use]
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_deref()
    }

    /// Gives the guard other rules ([`Guard::configure`]), or begins with one, or goes on without.
    pub fn configure_guard(&mut self, now: Time, config: Option<GuardConfig>) {
        match (config, self.guard.as_deref_mut()) {
            (Some(config), Some(guard)) => guard.configure(config),
            (Some(config), None) => self.guard = Some(Box::new(Guard::new(config))),
            (None, _) => {
                self.guard = None;
                self.timers.arm(self.now, TimerKey::Guard, &mut self.guard_alarm, None);
            }
        }
        self.with_guard(now, |_, _| ());
    }

    /// Somebody proved who he is: his requests are set apart from those of strangers ([`Guard::authenticated`]). Does
    /// nothing without a guard.
    pub fn authenticated(&mut self, now: Time, flow: Flow) {
        self.with_guard(now, |guard, now| guard.authenticated(now, flow.remote.ip()));
    }

    /// Somebody failed to prove that he is `user` ([`Guard::authentication_failed`]); many failures are a ban
    /// ([`Event::Guard`]). Does nothing without a guard.
    ///
    /// ```
    /// use sip_core::auth::{AuthError, Server, SignedRequest};
    /// # use machine::Time;
    /// # use sip_core::{auth::Secret, Endpoint, Flow, Request, header::Authorization};
    ///
    /// # fn check(endpoint: &mut Endpoint, server: &mut Server, now: Time, flow: Flow, request: &Request, secret: &Secret) {
    /// # let Some(Ok(credentials)) = request.headers().typed::<Authorization>() else { return };
    /// let signed = SignedRequest {
    ///     method: request.method(),
    ///     uri: request.uri(),
    ///     body: request.body(),
    ///     source: Some(flow.remote.ip()), // challenged by `challenges_for` this very address
    /// };
    /// match server.verify_request(now, &signed, &credentials, |_user| Some(secret)) {
    ///     Ok(()) => endpoint.authenticated(now, flow),
    ///     Err(AuthError::WrongPassword | AuthError::UnknownUser) => {
    ///         endpoint.authentication_failed(now, flow, credentials.username().unwrap_or_default());
    ///     }
    ///     Err(_) => {}
    /// }
    /// # }
    /// ```
    pub fn authentication_failed(&mut self, now: Time, flow: Flow, user: &str) {
        self.with_guard(now, |guard, now| {
            guard.authentication_failed(now, flow.remote.ip(), user)
        });
    }

    /// Drops what comes from a source, but for the dialogs that there are ([`Guard::ban`]). Does nothing without a guard.
    pub fn ban(&mut self, now: Time, source: IpAddr, length: Duration) {
        self.with_guard(now, |guard, now| guard.ban(now, source, length));
    }

    /// Ends a ban: whether there was one ([`Guard::unban`]).
    pub fn unban(&mut self, now: Time, source: IpAddr) -> bool {
        self.with_guard(now, |guard, now| guard.unban(now, source))
            .unwrap_or(false)
    }

    /// Whether a message is to be read. If not, what is due was done.
    pub(super) fn admit(&mut self, flow: Flow, data: &Bytes) -> bool {
        if self.is_stuck() {
            self.stats.overloaded += 1;
            return false;
        }
        let Some(mut guard) = self.guard.take() else {
            return true;
        };
        let peek = Peek::read(data);
        let mut scratch = core::mem::take(&mut self.scratch);
        let source = flow.remote.ip();
        let verdict = guard.packet(self.now, source, peek.kind, || {
            self.belongs(&peek, source, &mut scratch)
        });
        self.scratch = scratch;
        self.guard = Some(guard);
        self.take_guard_events();
        match verdict {
            Verdict::Pass => return true,
            Verdict::Refuse { retry_after } => self.refuse_unread(flow, data, retry_after),
            Verdict::Drop => {}
        }
        self.stats.guarded += 1;
        false
    }

    /// Whether a new connection may stay.
    pub(super) fn admits_connection(&mut self, flow: Flow) -> bool {
        let allowed = self.with_guard(self.now, |guard, now| guard.connection_opened(now, flow.remote.ip()));
        allowed != Some(false)
    }

    pub(super) fn note_disconnected(&mut self, flow: Flow) {
        if let Some(guard) = &mut self.guard {
            guard.connection_closed(flow.remote.ip());
        }
    }

    /// Whether there is so much output waiting that nothing new is begun.
    pub(super) fn is_congested(&self) -> bool {
        self.output.len() >= self.config.limits.outputs
    }

    /// Whether there is so much that nothing more is read or retransmitted.
    pub(super) fn is_stuck(&self) -> bool {
        self.output.len() >= self.config.limits.outputs.saturating_mul(2)
    }

    /// Whether commands that would begin something are refused.
    pub(super) fn is_full(&self) -> bool {
        self.clients.len() >= self.config.limits.client_transactions || self.is_congested()
    }

    /// Whether a packet says that it belongs to something that there is. What it says may be a lie; but whoever lies has to
    /// know a tag or branch that nobody can guess.
    fn belongs(&self, peek: &Peek<'_>, source: IpAddr, scratch: &mut Vec<u8>) -> bool {
        let mut has_server = |method: &[u8]| self.has_server(peek, method, source, scratch);
        match peek.kind {
            PacketKind::Response => {
                let own = peek.via.and_then(branch_of).and_then(read_branch);
                own.is_some_and(|(key, nonce)| self.clients.get(key).is_some_and(|tx| tx.nonce == nonce))
            }
            // A copy of a BYE finds the transaction, but no dialog any more.
            PacketKind::InDialog => self.is_in_dialog(peek) || has_server(peek.method),
            PacketKind::Ack => self.is_in_dialog(peek) || has_server(b"INVITE"),
            PacketKind::Cancel => has_server(b"INVITE"),
            PacketKind::Register | PacketKind::Request => has_server(peek.method),
            PacketKind::KeepAlive | PacketKind::Junk => false,
        }
    }

    fn is_in_dialog(&self, peek: &Peek<'_>) -> bool {
        let Some(tag) = peek.to_tag else { return false };
        match TagOwner::read(tag) {
            Some(TagOwner::Session(id)) => self.sessions.get(id).is_some_and(|entry| entry.local_tag == tag),
            Some(TagOwner::Subscription(id)) => self.subscriptions.get(id).is_some_and(|entry| entry.tag == tag),
            Some(TagOwner::Refer(id)) => self.refers.get(id).is_some_and(|entry| entry.is_tagged(tag)),
            None => false,
        }
    }

    /// Whether it is of a transaction that was begun from where it comes from: copies with forged addresses are not answered
    /// without measure.
    fn has_server(&self, peek: &Peek<'_>, method: &[u8], source: IpAddr, scratch: &mut Vec<u8>) -> bool {
        // Without the cookie it takes the whole message to tell; such peers send their requests again, and are few.
        let via = peek.via.and_then(|via| Via::parse(via).ok());
        if !via.is_some_and(|via| branch_key(scratch, &via, method)) {
            return false;
        }
        let key = self.server_index.get(&HashedKey::of(self.secret, scratch));
        key.and_then(|key| self.servers.get(*key))
            .is_some_and(|tx| tx.is_from(source))
    }

    fn refuse_unread(&mut self, flow: Flow, data: &Bytes, retry_after: u32) {
        let Some(refusal) = refusal(data.clone(), flow.remote, retry_after) else {
            return;
        };
        let reliable = flow.transport.is_reliable();
        let flow = Flow {
            remote: if reliable { flow.remote } else { refusal.to },
            ..flow
        };
        self.transmit(flow, refusal.data);
    }

    pub(super) fn guard_due(&mut self) {
        self.guard_alarm.fired();
        self.with_guard(self.now, |guard, now| guard.handle_timeout(now));
    }

    pub(super) fn with_guard<T>(&mut self, now: Time, act: impl FnOnce(&mut Guard, Time) -> T) -> Option<T> {
        self.advance(now);
        let done = act(self.guard.as_deref_mut()?, self.now);
        self.take_guard_events();
        let deadline = self.guard.as_ref().and_then(|guard| guard.poll_timeout());
        self.timers
            .arm(self.now, TimerKey::Guard, &mut self.guard_alarm, deadline);
        Some(done)
    }

    fn take_guard_events(&mut self) {
        while let Some(event) = self.guard.as_mut().and_then(|guard| guard.poll_output()) {
            self.emit(Event::Guard(event));
        }
    }
}
