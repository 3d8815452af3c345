//! Branches: one client transaction for each attempt to reach a target.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::cancel::CancelCause;
use super::forward::Outgoing;
use super::id::BranchKey;
use super::names::{BranchName, OwnVia};
use super::{ContextId, Event, HopId, Proxy, Target, TimerKey};
use crate::endpoint::timers::Alarm;
use crate::endpoint::{ConnectionId, Flow, Transport};
use crate::transaction::{
    Action, ClientInviteState, ClientInviteTransaction, ClientState, ClientTransaction, Failure, earliest,
};
use crate::{Method, Response, StatusCode};

/// One attempt to reach a target; or the CANCEL of one.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Branch {
    /// `None` for a CANCEL.
    pub(super) context: Option<ContextId>,
    pub(super) method: Method,
    pub(super) nonce: u64,
    /// `None` until the next hop is known.
    pub(super) machine: Option<ClientMachine>,
    pub(super) flow: Option<Flow>,
    /// The request; after a failure of an INVITE its ACK.
    pub(super) data: Bytes,
    pub(super) target: Target,
    /// Further ways to the next hop (RFC 3263 §4.3).
    alternatives: VecDeque<Flow>,
    pub(super) breadth: u32,
    /// Timer C; once it is cancelled, when a final response is no longer waited for.
    pub(super) deadline: Option<Time>,
    /// Whether a provisional response came.
    pub(super) heard: bool,
    /// Whether it has its outcome: what still comes is only acknowledged, but for 2xx.
    pub(super) done: bool,
    /// That it is to be cancelled, with the Reason, as soon as it may be (RFC 3261 §9.1).
    pub(super) wants_cancel: Option<Option<Bytes>>,
    /// Its CANCEL.
    pub(super) cancel: Option<BranchKey>,
    hop: Option<HopId>,
    /// Its place in the request's history.
    entry: Option<usize>,
    alarm: Alarm,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum ClientMachine {
    Invite(ClientInviteTransaction),
    Other(ClientTransaction),
}

impl Branch {
    pub(super) fn new(context: Option<ContextId>, method: Method, nonce: u64, target: Target) -> Self {
        Self {
            context,
            method,
            nonce,
            machine: None,
            flow: None,
            data: Bytes::new(),
            target,
            alternatives: VecDeque::new(),
            breadth: 0,
            deadline: None,
            heard: false,
            done: false,
            wants_cancel: None,
            cancel: None,
            hop: None,
            entry: None,
            alarm: Alarm::default(),
        }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancel.is_some()
    }

    fn machine_deadline(&self) -> Option<Time> {
        match self.machine.as_ref()? {
            ClientMachine::Invite(machine) => machine.deadline(),
            ClientMachine::Other(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            None => self.done,
            Some(ClientMachine::Invite(machine)) => machine.state() == ClientInviteState::Terminated,
            Some(ClientMachine::Other(machine)) => machine.state() == ClientState::Terminated,
        }
    }

    fn is_unanswered(&self) -> bool {
        match &self.machine {
            None => false,
            Some(ClientMachine::Invite(machine)) => machine.state() == ClientInviteState::Calling,
            Some(ClientMachine::Other(machine)) => machine.state() == ClientState::Trying,
        }
    }
}

impl Proxy {
    /// A new branch of a request. It is launched, waits for its hop to be resolved, or has failed at once.
    pub(super) fn open_branch(&mut self, id: ContextId, target: Target, breadth: u32) {
        let nonce = self.rng.next_u64();
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        let mut branch = Branch::new(Some(id), context.request.method().clone(), nonce, target);
        branch.breadth = breadth;
        branch.entry = context.history.as_mut().and_then(|history| {
            let uri = branch
                .target
                .uri
                .clone()
                .or_else(|| context.request.request_uri().ok())?;
            history.add(&uri, branch.target.retarget)
        });
        context.pending += 1;
        context.spent = context.spent.saturating_add(breadth);
        let key = self.branches.insert(branch);
        context.branches.push(key);
        self.stats.forwarded += 1;
        self.find_hop(id, key);
    }

    fn find_hop(&mut self, id: ContextId, key: BranchKey) {
        let (Some(context), Some(branch)) = (self.contexts.get(id), self.branches.get(key)) else {
            return;
        };
        match self.next_hop(&context.request, &branch.target, context.found) {
            Ok(flow) => self.launch(key, flow),
            Err(super::next_hop::Unknown::Name(uri)) => {
                match self.ask_for_hop(super::next_hop::Waiting::Branch(key), *uri) {
                    Some(hop) => {
                        if let Some(branch) = self.branches.get_mut(key) {
                            branch.hop = Some(hop);
                        }
                    }
                    None => self.end_branch(key, StatusCode::SERVICE_UNAVAILABLE, None),
                }
            }
            Err(super::next_hop::Unknown::Never(status)) => self.end_branch(key, status, None),
        }
        self.settle_branch(key);
    }

    /// The flows to the next hop of a branch are known.
    pub(super) fn branch_resolved(&mut self, key: BranchKey, flows: &[Flow]) {
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        branch.hop = None;
        let context = branch.context;
        let mut flows: VecDeque<Flow> = flows.iter().copied().take(self.config.limits.targets).collect();
        match flows.pop_front() {
            Some(first) => {
                branch.alternatives = flows;
                self.launch(key, first);
            }
            None => {
                self.stats.transport_failures += 1;
                self.end_branch(key, StatusCode::SERVICE_UNAVAILABLE, None);
            }
        }
        self.settle_branch(key);
        if let Some(id) = context {
            self.advance(id);
        }
    }

    /// Sends the request of a branch.
    fn launch(&mut self, key: BranchKey, flow: Flow) {
        let flow = self.connections.live(flow);
        let Some(branch) = self.branches.get(key) else { return };
        let Some(context) = branch.context.and_then(|id| self.contexts.get(id)) else {
            return;
        };
        let via = OwnVia {
            transport: flow.transport,
            sent_by: self.sent_by(flow),
            branch: BranchName::Stateful {
                key,
                nonce: branch.nonce,
                fingerprint: context.fingerprint,
            },
        };
        let history = branch.entry.and_then(|at| Some(context.history.as_ref()?.up_to(at)));
        let copy = Outgoing {
            received: &context.request,
            came_by: context.flow,
            target: &branch.target,
            flow,
            breadth: Some(branch.breadth),
            history,
        };
        let data = self.compose(&copy, via);
        self.send_first(key, flow, data);
    }

    pub(super) fn send_first(&mut self, key: BranchKey, flow: Flow, data: Bytes) {
        let (now, timers) = (self.now, &self.config.timers);
        let reliable = flow.transport.is_reliable();
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        let invite = branch.method == Method::Invite;
        branch.machine = Some(if invite {
            ClientMachine::Invite(ClientInviteTransaction::new(now, reliable, timers))
        } else {
            ClientMachine::Other(ClientTransaction::new(now, reliable, timers))
        });
        branch.deadline = invite.then(|| now + self.config.timer_c);
        branch.flow = Some(flow);
        branch.data = data.clone();
        self.in_flight.insert((flow.transport, flow.remote, key));
        self.transmit(flow, data);
    }

    /// Whether a branch was sent on a connection (on any, if `None`) and nothing was heard of it.
    pub(super) fn branch_was_on(&self, key: BranchKey, connection: Option<ConnectionId>) -> bool {
        self.branches.get(key).is_some_and(|branch| {
            // A connection that was opened for the request is not noted in it.
            let used = branch.flow.and_then(|flow| flow.connection);
            branch.is_unanswered() && (connection.is_none() || used.is_none() || used == connection)
        })
    }

    pub(super) fn branch_due(&mut self, key: BranchKey) {
        let (now, timers) = (self.now, &self.config.timers);
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        branch.alarm.fired();
        let action = match &mut branch.machine {
            Some(ClientMachine::Invite(machine)) => machine.handle_timeout(now, timers),
            Some(ClientMachine::Other(machine)) => machine.handle_timeout(now, timers),
            None => Action::Ignore,
        };
        let overdue = branch.deadline.take_if(|at| *at <= now).is_some();
        match action {
            Action::Resend => self.resend(key),
            Action::Fail(failure) => self.client_failed(key, failure),
            Action::Ignore
            | Action::End
            | Action::Deliver
            | Action::Acknowledge
            | Action::Send
            | Action::SendTrying => {}
        }
        if overdue {
            self.timer_c(key);
        }
        self.settle_branch(key);
    }

    /// RFC 3261 §16.8; and §9.1 for a branch that was cancelled and whose callee never said so.
    fn timer_c(&mut self, key: BranchKey) {
        let Some(branch) = self.branches.get_mut(key).filter(|branch| !branch.done) else {
            return;
        };
        let context = branch.context;
        if branch.heard && branch.cancel.is_none() {
            self.cancel_branch(key, Some(&CancelCause::Status(StatusCode::REQUEST_TIMEOUT)));
            return;
        }
        self.stats.timeouts += 1;
        self.end_branch(key, StatusCode::REQUEST_TIMEOUT, None);
        self.drop_branch(key);
        if let Some(id) = context {
            self.advance(id);
            self.settle_context(id);
        }
    }

    pub(super) fn resend(&mut self, key: BranchKey) {
        let again = self
            .branches
            .get(key)
            .and_then(|branch| Some((branch.flow?, branch.data.clone())));
        if let Some((flow, data)) = again {
            self.stats.retransmitted += 1;
            self.transmit(flow, data);
        }
    }

    /// A branch timed out or its transport failed (RFC 3261 §16.9).
    pub(super) fn client_failed(&mut self, key: BranchKey, failure: Failure) {
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        if failure == Failure::Transport {
            match &mut branch.machine {
                Some(ClientMachine::Invite(machine)) => drop(machine.transport_error()),
                Some(ClientMachine::Other(machine)) => drop(machine.transport_error()),
                None => {}
            }
            self.stats.transport_failures += 1;
        } else {
            self.stats.timeouts += 1;
        }
        let context = branch.context;
        if !branch.done && !self.fail_over(key) {
            self.end_branch(key, failure.status(), None);
        }
        self.settle_branch(key);
        if let Some(id) = context {
            self.advance(id);
            self.settle_context(id);
        }
    }

    /// Tries the next flow of the same hop (RFC 3263 §4.3). Whether there was one.
    pub(super) fn fail_over(&mut self, key: BranchKey) -> bool {
        let nonce = self.rng.next_u64();
        let id = self.branches.get(key).and_then(|branch| branch.context);
        let Some(id) = id.filter(|id| self.branches.len() < self.branch_limit(*id)) else {
            return false;
        };
        let Some(branch) = self
            .branches
            .get_mut(key)
            .filter(|branch| branch.wants_cancel.is_none())
        else {
            return false;
        };
        let Some(flow) = branch.alternatives.pop_front() else {
            return false;
        };
        branch.done = true;
        branch.deadline = None;
        let mut next = Branch::new(Some(id), branch.method.clone(), nonce, branch.target.clone());
        next.alternatives = core::mem::take(&mut branch.alternatives);
        next.breadth = branch.breadth;
        next.entry = branch.entry;
        let next = self.branches.insert(next);
        if let Some(context) = self.contexts.get_mut(id) {
            context.branches.push(next);
        }
        self.launch(next, flow);
        self.settle_branch(next);
        true
    }

    /// A branch has its outcome, and it is a failure. Its transaction may go on.
    pub(super) fn end_branch(&mut self, key: BranchKey, status: StatusCode, response: Option<Response>) {
        let Some(id) = self.finish_branch(key) else { return };
        if self.contexts.get(id).is_some_and(|context| context.shown) {
            let uri = self.branches.get(key).and_then(|branch| branch.target.uri.clone());
            let target = uri.unwrap_or_else(|| self.requested(id));
            self.emit(Event::BranchFailed {
                context: id,
                target,
                status,
                answered: response.is_some(),
            });
        }
        let entry = self.branches.get(key).and_then(|branch| branch.entry);
        if let Some(context) = self.contexts.get_mut(id) {
            if let (Some(history), Some(at)) = (&mut context.history, entry) {
                history.left(at, status);
            }
            context.best.add(status, response);
        }
    }

    /// Notes that a branch has its outcome; the request that it is of, unless it had one before.
    pub(super) fn finish_branch(&mut self, key: BranchKey) -> Option<ContextId> {
        let branch = self.branches.get_mut(key).filter(|branch| !branch.done)?;
        branch.done = true;
        branch.deadline = None;
        let id = branch.context?;
        let context = self.contexts.get_mut(id)?;
        context.pending = context.pending.saturating_sub(1);
        context.spent = context.spent.saturating_sub(branch.breadth);
        Some(id)
    }

    pub(super) fn settle_branch(&mut self, key: BranchKey) {
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        if branch.is_over() {
            let context = branch.context;
            self.drop_branch(key);
            if let Some(id) = context {
                self.settle_context(id);
            }
        } else {
            let deadline = earliest(branch.machine_deadline(), branch.deadline);
            self.timers
                .arm(self.now, TimerKey::Branch(key), &mut branch.alarm, deadline);
        }
    }

    /// Forgets a branch, and the CANCEL of it: nothing more can come of that either.
    pub(super) fn drop_branch(&mut self, key: BranchKey) {
        let Some(mut branch) = self.branches.remove(key) else {
            return;
        };
        self.timers.disarm(&mut branch.alarm);
        if let Some(flow) = branch.flow {
            self.in_flight.remove(&(flow.transport, flow.remote, key));
        }
        if let Some(hop) = branch.hop {
            self.forget_hop(hop);
        }
        if let Some(context) = branch.context.and_then(|id| self.contexts.get_mut(id)) {
            context.branches.retain(|other| *other != key);
        }
        if let Some(cancel) = branch.cancel {
            self.drop_branch(cancel);
        }
    }

    /// The transaction that a response belongs to (RFC 3261 §17.1.3).
    pub(super) fn match_branch(&self, key: BranchKey, nonce: u64, cseq: &[u8]) -> Option<BranchKey> {
        let branch = self
            .branches
            .get(key)
            .filter(|branch| branch.nonce == nonce && branch.context.is_some())?;
        let is = |method: &Method| {
            cseq.strip_suffix(method.as_str().as_bytes())
                .is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_whitespace))
        };
        if is(&branch.method) {
            Some(key)
        } else {
            branch.cancel.filter(|_| is(&Method::Cancel))
        }
    }

    /// The address that our Via names.
    pub(super) fn sent_by(&self, flow: Flow) -> SocketAddr {
        self.config.listening(flow.transport, flow.local).unwrap_or(flow.local)
    }
}

/// The key of where a branch was sent.
pub(super) type InFlight = (Transport, SocketAddr, BranchKey);
