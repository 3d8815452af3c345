//! Branches: one client transaction for each attempt to reach a target, and the CANCELs of INVITEs.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::forward::Outgoing;
use super::id::BranchKey;
use super::names::{BranchName, OwnVia};
use super::{ContextId, Event, HopId, Proxy, Target, TimerKey};
use crate::dialog::compose::Composer;
use crate::endpoint::timers::Alarm;
use crate::endpoint::{ConnectionId, Flow, Transport};
use crate::header::{Reason, TypedHeader};
use crate::transaction::{
    Action, ClientInviteState, ClientInviteTransaction, ClientState, ClientTransaction, Failure, earliest,
};
use crate::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};

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
    flow: Option<Flow>,
    /// The request; after a failure of an INVITE its ACK.
    data: Bytes,
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
    wants_cancel: Option<Option<Bytes>>,
    /// Its CANCEL.
    cancel: Option<BranchKey>,
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

/// Why branches are cancelled; the CANCELs say so (RFC 3326).
pub(super) enum CancelCause {
    /// The caller's CANCEL, with its own Reason.
    Caller(Option<Bytes>),
    /// Another branch was answered, or something else came to an end.
    Status(StatusCode),
}

impl CancelCause {
    fn reason(&self) -> Option<Bytes> {
        match self {
            Self::Caller(reason) => reason.clone(),
            Self::Status(status) => {
                let mut reason = Reason::sip(*status);
                if status.is_success() {
                    reason.text = Some("Call completed elsewhere".to_owned());
                }
                let mut text = String::with_capacity(48);
                // Writing to a string does not fail.
                let _ = reason.write(&mut text);
                Some(text.into())
            }
        }
    }
}

impl Branch {
    fn new(context: Option<ContextId>, method: Method, nonce: u64, target: Target) -> Self {
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

    fn send_first(&mut self, key: BranchKey, flow: Flow, data: Bytes) {
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
        let full = self.branches.len() >= self.config.limits.client_transactions;
        let Some(branch) = self
            .branches
            .get_mut(key)
            .filter(|branch| branch.wants_cancel.is_none())
        else {
            return false;
        };
        let Some(id) = branch.context.filter(|_| !full) else {
            return false;
        };
        let Some(flow) = branch.alternatives.pop_front() else {
            return false;
        };
        branch.done = true;
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
        self.timers.disarm(TimerKey::Branch(key), &mut branch.alarm);
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

    /// Sends the ACK of a 3xx to 6xx (RFC 3261 §17.1.1.3).
    pub(super) fn acknowledge(&mut self, key: BranchKey, response: &Response) {
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        let to = response.headers().get(&HeaderName::To).unwrap_or_default();
        let Some(request) = reread(&branch.data) else { return };
        let ack = companion(&request, &Method::Ack, to, None);
        branch.data = ack.clone();
        if let Some(flow) = branch.flow {
            self.transmit(flow, ack);
        }
    }

    /// Cancels the pending branches of a request (RFC 3261 §16.10).
    pub(super) fn cancel_branches(&mut self, id: ContextId, cause: &CancelCause) {
        let keys = self
            .contexts
            .get(id)
            .map(|context| context.branches.clone())
            .unwrap_or_default();
        for key in keys {
            self.cancel_branch(key, Some(cause));
            self.settle_branch(key);
        }
    }

    /// Cancels a branch, now or when a provisional response has come; `None`: that is so now.
    pub(super) fn cancel_branch(&mut self, key: BranchKey, cause: Option<&CancelCause>) {
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        if branch.done || branch.cancel.is_some() {
            return;
        }
        if let Some(cause) = cause
            && branch.wants_cancel.is_none()
        {
            branch.wants_cancel = Some(cause.reason());
        }
        match &branch.machine {
            // Nothing was sent yet.
            None => self.end_branch(key, StatusCode::REQUEST_TERMINATED, None),
            Some(ClientMachine::Invite(_)) if branch.heard => self.send_cancel(key),
            Some(ClientMachine::Invite(_) | ClientMachine::Other(_)) => {}
        }
    }

    pub(super) fn wants_cancel(&self, key: BranchKey) -> bool {
        self.branches
            .get(key)
            .is_some_and(|branch| branch.wants_cancel.is_some())
    }

    fn send_cancel(&mut self, key: BranchKey) {
        let give_up = self.now + self.config.timers.give_up();
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        let (Some(flow), Some(request)) = (branch.flow, reread(&branch.data)) else {
            return;
        };
        branch.deadline = Some(give_up);
        let reason = branch.wants_cancel.clone().flatten();
        let to = request.headers().get(&HeaderName::To).unwrap_or_default();
        let data = companion(&request, &Method::Cancel, to, reason.as_deref());
        let mut cancel = Branch::new(None, Method::Cancel, branch.nonce, Target::as_is());
        cancel.done = true;
        let cancel = self.branches.insert(cancel);
        if let Some(branch) = self.branches.get_mut(key) {
            branch.cancel = Some(cancel);
        }
        self.send_first(cancel, flow, data);
        self.settle_branch(cancel);
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

/// Reads a request that was sent, whatever its size.
fn reread(data: &Bytes) -> Option<Request> {
    let limits = Limits {
        message: usize::MAX,
        start_line: usize::MAX,
        uri: usize::MAX,
        header_line: usize::MAX,
        headers: usize::MAX,
        vias: usize::MAX,
        body: usize::MAX,
        ..Limits::default()
    };
    match Message::parse_with(data.clone(), &limits) {
        Ok(Message::Request(request)) => Some(request),
        Ok(Message::Response(_)) | Err(_) => None,
    }
}

/// The ACK of a failure (RFC 3261 §17.1.1.3) or the CANCEL (§9.1) of a request that was sent.
fn companion(request: &Request, method: &Method, to: &[u8], reason: Option<&[u8]>) -> Bytes {
    let headers = request.headers();
    let mut out = Composer::request(method.as_str(), request.uri());
    let via = headers.items(&HeaderName::Via).next().unwrap_or_default();
    out.raw("Via", via);
    out.raw("Max-Forwards", headers.get(&HeaderName::MaxForwards).unwrap_or(b"70"));
    for route in headers.values(&HeaderName::Route) {
        out.raw("Route", route);
    }
    out.raw("From", headers.get(&HeaderName::From).unwrap_or_default());
    out.raw("To", to);
    out.raw("Call-ID", headers.get(&HeaderName::CallId).unwrap_or_default());
    let cseq = headers.get(&HeaderName::CSeq).unwrap_or_default();
    let number = cseq.split(|byte| !byte.is_ascii_digit()).next().unwrap_or_default();
    out.display("CSeq", format_args!("{} {method}", String::from_utf8_lossy(number)));
    if let Some(reason) = reason {
        out.raw("Reason", reason);
    }
    out.finish(None)
}

/// The key of where a branch was sent.
pub(super) type InFlight = (Transport, SocketAddr, BranchKey);
