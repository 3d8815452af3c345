//! Response contexts (RFC 3261 §16.2), each with the server transaction of its request.

use std::collections::VecDeque;

use bytes::Bytes;
use machine::Time;

use super::best::Best;
use super::history::History;
use super::id::BranchKey;
use super::route::Preprocessed;
use super::target::Group;
use super::{ContextId, Event, Proxy, TimerKey};
use crate::endpoint::timers::Alarm;
use crate::endpoint::{Flow, Reply};
use crate::transaction::{
    Action, ResponseClass, ServerInviteState, ServerInviteTransaction, ServerState, ServerTransaction, TimerConfig,
    earliest,
};
use crate::{HeaderName, Method, Request, Response, StatusCode, Uri};

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Phase {
    /// The embedder was asked.
    Asked,
    /// There are branches.
    Forwarding,
    /// A final response was sent, or never will be.
    Over,
}

/// One request and all that was made of it.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Context {
    /// As it came, its source noted, without our own Routes.
    pub(super) request: Request,
    /// The way it came.
    pub(super) flow: Flow,
    /// Where its responses go, and where to connect to if the connection is gone.
    reply_flow: Flow,
    reply_port: u16,
    /// The transaction's name in the index. An ACK has none.
    key: Option<Bytes>,
    machine: ServerMachine,
    last: Option<Bytes>,
    pub(super) fingerprint: u64,
    pub(super) found: Preprocessed,
    /// What the request was worth, and how much of that its pending branches took.
    pub(super) breadth: u32,
    pub(super) spent: u32,
    pub(super) phase: Phase,
    pub(super) waiting: VecDeque<Group>,
    pub(super) recurse: bool,
    /// Targets that were tried or wait, so that none is tried twice.
    pub(super) known: Vec<Uri>,
    /// How many targets there were.
    pub(super) targets: usize,
    pub(super) branches: Vec<BranchKey>,
    /// How many of them have no outcome yet.
    pub(super) pending: usize,
    pub(super) best: Best,
    pub(super) cancelled: bool,
    pub(super) history: Option<History>,
    /// Whether the embedder knows of it.
    pub(super) shown: bool,
    /// When the present group has rung for long enough.
    pub(super) ring_until: Option<Time>,
    /// When the embedder must have answered; of a non-INVITE request that is being forwarded, when it is too late for a
    /// final response (RFC 4320 §4.2).
    due: Option<Time>,
    /// When a non-INVITE request gets its 100 (RFC 4320 §4.1).
    trying_at: Option<Time>,
    alarm: Alarm,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum ServerMachine {
    Invite(ServerInviteTransaction),
    Other(ServerTransaction),
}

/// What a new context is made from.
pub(super) struct NewContext {
    pub(super) key: Option<Bytes>,
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) reply_flow: Flow,
    pub(super) reply_port: u16,
    pub(super) fingerprint: u64,
    pub(super) breadth: u32,
    pub(super) found: Preprocessed,
    pub(super) shown: bool,
}

impl Context {
    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, ServerMachine::Invite(_))
    }

    pub(super) fn is_ack(&self) -> bool {
        self.key.is_none()
    }

    fn deadline(&self) -> Option<Time> {
        let machine = match &self.machine {
            ServerMachine::Invite(machine) => machine.deadline(),
            ServerMachine::Other(machine) => machine.deadline(),
        };
        let asked = earliest(self.due, self.trying_at);
        earliest(machine, earliest(self.ring_until, asked))
    }

    /// Whether nothing more can come of it.
    fn is_over(&self) -> bool {
        let transaction_over = match &self.machine {
            ServerMachine::Invite(machine) => machine.state() == ServerInviteState::Terminated,
            // One that was never answered has nothing to repeat (RFC 4320 §4.2).
            ServerMachine::Other(machine) => {
                machine.state() == ServerState::Terminated
                    || (self.phase == Phase::Over && machine.deadline().is_none())
            }
        };
        transaction_over && self.branches.is_empty()
    }
}

/// After how long a non-INVITE request is answered with 100: when its client's timer E has reached T2 (RFC 4320 §4.1).
fn trying_after(timers: &TimerConfig) -> core::time::Duration {
    let (mut sum, mut interval) = (timers.t1, timers.t1);
    while !interval.is_zero() && interval < timers.t2 {
        interval = interval.saturating_mul(2);
        if interval < timers.t2 {
            sum = sum.saturating_add(interval);
        }
    }
    sum
}

impl Proxy {
    pub(super) fn open_context(&mut self, new: NewContext) -> ContextId {
        let invite = *new.request.method() == Method::Invite;
        let reliable = new.flow.transport.is_reliable();
        let machine = if invite {
            ServerMachine::Invite(ServerInviteTransaction::new(self.now, reliable, &self.config.timers))
        } else {
            ServerMachine::Other(ServerTransaction::new(reliable))
        };
        let key = new.key.clone();
        let history = if self.config.history {
            History::of(&new.request)
        } else {
            None
        };
        let id = self.contexts.insert(Context {
            request: new.request,
            flow: new.flow,
            reply_flow: new.reply_flow,
            reply_port: new.reply_port,
            key: new.key,
            machine,
            last: None,
            fingerprint: new.fingerprint,
            found: new.found,
            breadth: new.breadth,
            spent: 0,
            phase: Phase::Asked,
            waiting: VecDeque::new(),
            recurse: false,
            known: Vec::new(),
            targets: 0,
            branches: Vec::new(),
            pending: 0,
            best: Best::default(),
            cancelled: false,
            history,
            shown: new.shown,
            ring_until: None,
            due: Some(self.now + self.config.answer_within),
            trying_at: (!invite && key.is_some()).then(|| self.now + trying_after(&self.config.timers)),
            alarm: Alarm::default(),
        });
        if let Some(key) = key {
            self.index.insert(key, id);
        }
        self.settle_context(id);
        id
    }

    /// The embedder has decided.
    pub(super) fn decided(&mut self, id: ContextId) {
        if let Some(context) = self.contexts.get_mut(id) {
            let late = self.now + self.config.timers.give_up();
            context.phase = Phase::Forwarding;
            context.due = (!context.is_invite()).then_some(late);
        }
    }

    /// The request came again.
    pub(super) fn context_again(&mut self, id: ContextId) {
        self.stats.retransmissions_received += 1;
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        let action = match &mut context.machine {
            ServerMachine::Invite(machine) => machine.request(),
            ServerMachine::Other(machine) => machine.request(),
        };
        self.server_action(id, action);
    }

    /// An ACK with the transaction's branch came: whether it is one to be passed on.
    pub(super) fn context_ack(&mut self, id: ContextId) -> bool {
        let Some(context) = self.contexts.get_mut(id) else {
            return false;
        };
        let action = match &mut context.machine {
            ServerMachine::Invite(machine) => machine.ack(self.now, &self.config.timers),
            ServerMachine::Other(_) => Action::Ignore,
        };
        self.settle_context(id);
        action == Action::Deliver
    }

    /// Sends a response to the caller: whether the transaction was still open for it.
    pub(super) fn respond_on(&mut self, id: ContextId, status: StatusCode, data: Bytes) -> bool {
        let class = ResponseClass::of(status);
        let Some(context) = self.contexts.get_mut(id) else {
            return false;
        };
        if !context.is_invite() && context.phase == Phase::Over {
            // Answered, or too late for an answer (RFC 4320 §4.2).
            return false;
        }
        let action = match &mut context.machine {
            ServerMachine::Invite(machine) => machine.respond(self.now, class, &self.config.timers),
            ServerMachine::Other(machine) => machine.respond(self.now, class, &self.config.timers),
        };
        if action != Action::Send {
            return false;
        }
        context.trying_at = None;
        let again = status.is_final() && context.phase == Phase::Over;
        if status.is_final() {
            context.phase = Phase::Over;
            context.due = None;
            context.ring_until = None;
            context.waiting.clear();
        }
        // 2xx to an INVITE are the callee's to retransmit.
        context.last = Some(data.clone());
        let (flow, port) = (context.reply_flow, context.reply_port);
        self.send_response(flow, port, data);
        if status.is_final() && !again {
            self.tell(id, Event::Answered { context: id, status });
        }
        true
    }

    /// Sends a 2xx after another final response was sent (RFC 3261 §16.7 step 5).
    pub(super) fn respond_late(&mut self, id: ContextId, data: Bytes) {
        if let Some(context) = self.contexts.get(id) {
            let (flow, port) = (context.reply_flow, context.reply_port);
            self.send_response(flow, port, data);
        }
    }

    /// Nobody will answer.
    pub(super) fn leave_unanswered(&mut self, id: ContextId) {
        if let Some(context) = self.contexts.get_mut(id) {
            context.phase = Phase::Over;
            context.due = None;
            context.trying_at = None;
            context.waiting.clear();
            self.tell(id, Event::Unanswered { context: id });
        }
    }

    /// A response of the proxy's own.
    pub(super) fn write_response(&self, id: ContextId, status: StatusCode, reply: &Reply) -> Bytes {
        let Some(context) = self.contexts.get(id) else {
            return Bytes::new();
        };
        let mut response = Response::to_request(&context.request, status, reply.reason.as_deref());
        if status != StatusCode::TRYING {
            response.set_to_tag(&self.context_tag(id));
        }
        for (name, value) in &reply.headers {
            response.headers_mut().push(name.clone(), value.clone());
        }
        if status.is_final() {
            self.add_server(&mut response);
        }
        if let Some(body) = &reply.body {
            let content_type = String::from_utf8_lossy(&body.content_type);
            response.set_body(&content_type, body.data.clone());
        }
        response.to_bytes()
    }

    /// Takes back what only the embedder knew of.
    pub(super) fn drop_context(&mut self, id: ContextId) {
        let Some(mut context) = self.contexts.remove(id) else {
            return;
        };
        self.timers.disarm(&mut context.alarm);
        if let Some(key) = &context.key
            // A later request of the same name may have taken the entry.
            && self.index.get(key) == Some(&id)
        {
            self.index.remove(key);
        }
    }

    pub(super) fn context_due(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        context.alarm.fired();
        let action = match &mut context.machine {
            ServerMachine::Invite(machine) => machine.handle_timeout(self.now, &self.config.timers),
            ServerMachine::Other(machine) => machine.handle_timeout(self.now),
        };
        let is_due = |at: &mut Option<Time>, now: Time| at.take_if(|at| *at <= now).is_some();
        let trying = is_due(&mut context.trying_at, self.now);
        let rung = is_due(&mut context.ring_until, self.now);
        let late = is_due(&mut context.due, self.now);
        let phase = context.phase;
        self.server_action(id, if trying { Action::SendTrying } else { action });
        match phase {
            Phase::Asked if late => self.embedder_was_late(id),
            Phase::Forwarding if late => self.leave_unanswered(id),
            Phase::Forwarding if rung => self.rung_out(id),
            Phase::Asked | Phase::Forwarding | Phase::Over => {}
        }
        self.settle_context(id);
    }

    fn embedder_was_late(&mut self, id: ContextId) {
        self.stats.unanswered += 1;
        if self.contexts.get(id).is_some_and(Context::is_ack) {
            return self.drop_context(id);
        }
        let status = StatusCode::SERVER_INTERNAL_ERROR;
        let data = self.write_response(id, status, &Reply::new());
        self.respond_on(id, status, data);
    }

    fn server_action(&mut self, id: ContextId, action: Action) {
        match action {
            Action::Resend => {
                let again = self
                    .contexts
                    .get(id)
                    .and_then(|context| Some((context.reply_flow, context.reply_port, context.last.clone()?)));
                if let Some((flow, port, data)) = again {
                    self.stats.retransmitted += 1;
                    self.send_response(flow, port, data);
                }
            }
            Action::SendTrying => self.send_trying(id),
            // An ACK that never came is nobody's concern.
            Action::Fail(_) | Action::Ignore | Action::Deliver | Action::Acknowledge | Action::Send | Action::End => {}
        }
        self.settle_context(id);
    }

    fn send_trying(&mut self, id: ContextId) {
        let data = self.write_response(id, StatusCode::TRYING, &Reply::new());
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        if let ServerMachine::Other(machine) = &mut context.machine {
            let _ = machine.respond(self.now, ResponseClass::Provisional, &self.config.timers);
        }
        context.last = Some(data.clone());
        let (flow, port) = (context.reply_flow, context.reply_port);
        self.send_response(flow, port, data);
    }

    pub(super) fn settle_context(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        if context.is_over() {
            self.drop_context(id);
        } else {
            let deadline = context.deadline();
            self.timers
                .arm(self.now, TimerKey::Context(id), &mut context.alarm, deadline);
        }
    }

    /// Tells the embedder what became of a request that it knows of.
    pub(super) fn tell(&mut self, id: ContextId, event: Event) {
        if self.contexts.get(id).is_some_and(|context| context.shown) {
            self.emit(event);
        }
    }

    /// The URI that a request asks for, for events.
    pub(super) fn requested(&self, id: ContextId) -> Uri {
        let uri = self
            .contexts
            .get(id)
            .and_then(|context| context.request.request_uri().ok());
        uri.unwrap_or_else(|| Uri::sip(None, "invalid", None))
    }

    pub(super) fn is_known_target(&self, id: ContextId, uri: &Uri) -> bool {
        self.contexts
            .get(id)
            .is_some_and(|context| context.known.iter().any(|known| known.equivalent(uri)))
    }

    /// The value of a header of the caller's request.
    pub(super) fn reason_of(request: &Request) -> Option<Bytes> {
        request.headers().get(&HeaderName::Reason).map(Bytes::copy_from_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn a_100_to_a_non_invite_waits_until_timer_e_has_reached_t2() {
        let mut timers = TimerConfig::default();
        assert_eq!(trying_after(&timers), Duration::from_millis(3500));
        timers.t1 = Duration::ZERO;
        assert_eq!(trying_after(&timers), Duration::ZERO);
        timers.t1 = Duration::from_secs(9);
        assert_eq!(trying_after(&timers), Duration::from_secs(9));
    }
}
