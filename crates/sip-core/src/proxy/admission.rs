//! What is decided about a packet before it is read, by the [`Guard`].

use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;
use machine::{Machine, Time};

use super::names::BranchName;
use super::{Event, Output, Proxy, TimerKey};
use crate::dialog::raw::branch_of;
use crate::endpoint::{Flow, Transmit};
use crate::guard::{Guard, GuardConfig, PacketKind, Peek, Verdict, refusal};
use crate::header::{TypedHeader, Via};
use crate::transaction::matching::branch_key;

impl Proxy {
    /// The table of rates and bans, if [`ProxyConfig::guard`](super::ProxyConfig::guard) asks for one.
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
    pub fn authentication_failed(&mut self, now: Time, flow: Flow, user: &str) {
        self.with_guard(now, |guard, now| {
            guard.authentication_failed(now, flow.remote.ip(), user)
        });
    }

    /// Drops what comes from a source ([`Guard::ban`]). Does nothing without a guard.
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
        if self.output.len() >= self.config.limits.proxy_output {
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

    /// Whether a packet says that it belongs to a transaction that there is. Of dialogs a proxy knows nothing.
    fn belongs(&self, peek: &Peek<'_>, source: IpAddr, scratch: &mut Vec<u8>) -> bool {
        let via = peek.via;
        let mut is_again = |method: &[u8]| {
            let via = via.and_then(|via| Via::parse(via).ok());
            via.is_some_and(|via| branch_key(scratch, &via, method))
                && self
                    .index
                    .get(&scratch[..])
                    .and_then(|id| self.contexts.get(*id))
                    .is_some_and(|context| context.flow.remote.ip() == source)
        };
        match peek.kind {
            PacketKind::Response => match via.and_then(branch_of).and_then(BranchName::read) {
                Some(BranchName::Stateful { key, nonce, .. }) => {
                    self.branches.get(key).is_some_and(|branch| branch.nonce == nonce)
                }
                // Whether that is ours shows when it is passed on.
                Some(BranchName::Stateless { .. }) => true,
                None => false,
            },
            PacketKind::Ack | PacketKind::Cancel => is_again(b"INVITE"),
            PacketKind::InDialog | PacketKind::Register | PacketKind::Request => is_again(peek.method),
            PacketKind::KeepAlive | PacketKind::Junk => false,
        }
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
        self.stats.sent += 1;
        self.output
            .push_back(Output::Transmit(Transmit::on(flow, refusal.data)));
    }

    pub(super) fn guard_due(&mut self) {
        self.guard_alarm.fired();
        self.with_guard(self.now, |guard, now| guard.handle_timeout(now));
    }

    fn with_guard<T>(&mut self, now: Time, act: impl FnOnce(&mut Guard, Time) -> T) -> Option<T> {
        self.advance_time(now);
        let done = act(self.guard.as_deref_mut()?, self.now);
        self.take_guard_events();
        let deadline = self.guard.as_ref().and_then(|guard| guard.poll_timeout());
        self.timers
            .arm(self.now, TimerKey::Guard, &mut self.guard_alarm, deadline);
        Some(done)
    }

    fn take_guard_events(&mut self) {
        while let Some(event) = self.guard.as_mut().and_then(|guard| guard.poll_output()) {
            self.output.push_back(Output::Event(Event::Guard(event)));
        }
    }
}
