//! Response processing (RFC 3261 §16.7).

use super::branch::ClientMachine;
use super::cancel::CancelCause;
use super::context::Phase;
use super::id::BranchKey;
use super::names::BranchName;
use super::{ContextId, Proxy, Target, TargetSet};
use crate::dialog::raw::branch_of;
use crate::endpoint::Flow;
use crate::header::Contact;
use crate::identity::{self, Disclosure};
use crate::transaction::{Action, ResponseClass};
use crate::{HeaderName, Method, Response, Scheme, StatusCode};

impl Proxy {
    pub(super) fn on_response(&mut self, flow: Flow, mut response: Response) {
        if !self.config.trusts(flow.remote.ip()) {
            identity::distrust(response.headers_mut());
        }
        let mut vias = response.headers().items(&HeaderName::Via);
        let branch = vias.next().and_then(branch_of).and_then(BranchName::read);
        let is_passed_on = vias.next().is_some();
        drop(vias);
        let cseq = response.headers().get(&HeaderName::CSeq).unwrap_or_default();
        let found = match branch {
            Some(BranchName::Stateless { hash, connection }) => {
                return self.on_stateless_response(hash, connection, response);
            }
            Some(BranchName::Stateful { key, nonce, .. }) => self.match_branch(key, nonce, cseq),
            None => None,
        };
        let Some(key) = found else {
            self.stats.unmatched_responses += 1;
            return;
        };
        let of_cancel = self.branches.get(key).is_some_and(|branch| branch.context.is_none());
        // What answers a CANCEL of ours has our Via alone, what is to be passed on has more.
        if is_passed_on == of_cancel {
            self.stats.unmatched_responses += 1;
            return;
        }
        self.on_branch_response(key, response);
    }

    fn on_branch_response(&mut self, key: BranchKey, response: Response) {
        let class = ResponseClass::of(response.status());
        let (now, timers) = (self.now, &self.config.timers);
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        let context = branch.context;
        let action = match &mut branch.machine {
            Some(ClientMachine::Invite(machine)) => machine.response(now, class, timers),
            Some(ClientMachine::Other(machine)) => machine.response(now, class, timers),
            None => Action::Ignore,
        };
        match (action, context) {
            (Action::Deliver, Some(id)) => self.deliver(id, key, response),
            (Action::Acknowledge, Some(id)) => {
                self.acknowledge(key, &response);
                self.deliver(id, key, response);
            }
            (Action::Resend, _) => self.resend(key),
            (
                Action::Ignore
                | Action::Send
                | Action::SendTrying
                | Action::Fail(_)
                | Action::End
                | Action::Deliver
                | Action::Acknowledge,
                _,
            ) => {}
        }
        self.settle_branch(key);
        if let Some(id) = context {
            self.advance(id);
        }
    }

    fn deliver(&mut self, id: ContextId, key: BranchKey, mut response: Response) {
        response.headers_mut().pop_item(&HeaderName::Via);
        let caller = self.contexts.get(id).map(|context| context.flow.remote.ip());
        let private = !self.config.trusted.is_empty() || response.headers().contains(&HeaderName::Privacy);
        if private && !caller.is_some_and(|caller| self.config.trusts(caller)) {
            identity::withhold(response.headers_mut(), Disclosure::Unless);
        }
        let status = response.status();
        match ResponseClass::of(status) {
            ResponseClass::Provisional => self.on_provisional(id, key, &response),
            ResponseClass::Success => self.on_success(id, key, &response),
            ResponseClass::Failure => self.on_failure(id, key, status, response),
        }
    }

    fn on_provisional(&mut self, id: ContextId, key: BranchKey, response: &Response) {
        let status = response.status();
        let timer_c = self.now + self.config.timer_c;
        let Some(branch) = self.branches.get_mut(key) else {
            return;
        };
        branch.heard = true;
        if status != StatusCode::TRYING && branch.deadline.is_some() && !branch.is_cancelled() {
            branch.deadline = Some(timer_c);
        }
        let invite = branch.method == Method::Invite;
        if self.wants_cancel(key) {
            self.cancel_branch(key, None);
        }
        // Another provisional response than 100 does not belong into a non-INVITE transaction (RFC 4320 §4.1).
        if invite && status != StatusCode::TRYING {
            self.respond_on(id, status, response.to_bytes());
        }
    }

    fn on_success(&mut self, id: ContextId, key: BranchKey, response: &Response) {
        self.finish_branch(key);
        let invite = self.contexts.get(id).is_some_and(super::context::Context::is_invite);
        let data = response.to_bytes();
        if !self.respond_on(id, response.status(), data.clone()) && invite {
            self.respond_late(id, data);
        }
        if invite {
            self.cancel_branches(id, &CancelCause::Status(StatusCode::OK));
        }
    }

    fn on_failure(&mut self, id: ContextId, key: BranchKey, status: StatusCode, response: Response) {
        if self.branches.get(key).is_none_or(|branch| branch.done) {
            return;
        }
        if status == StatusCode::SERVICE_UNAVAILABLE && self.fail_over(key) {
            return;
        }
        if status.is_redirection() && self.recurse(id, &response) {
            self.finish_branch(key);
            return;
        }
        self.end_branch(key, status, Some(response));
        if status.code() >= 600 {
            // Nobody else is to be tried (RFC 3261 §16.7 step 5).
            if let Some(context) = self.contexts.get_mut(id) {
                context.waiting.clear();
                context.ring_until = None;
            }
            self.cancel_branches(id, &CancelCause::Status(status));
        }
    }

    /// Makes targets of the contacts of a redirection (RFC 3261 §16.7 step 4); whether there was a new one.
    fn recurse(&mut self, id: ContextId, response: &Response) -> bool {
        let Some(context) = self.contexts.get(id) else {
            return false;
        };
        if !context.recurse || context.cancelled || context.phase != Phase::Forwarding {
            return false;
        }
        // A 6xx has forbidden it.
        if context.best.status().is_some_and(|status| status.code() >= 600) {
            return false;
        }
        let secure = context
            .request
            .request_uri()
            .is_ok_and(|uri| uri.scheme() == Scheme::Sips);
        let Ok(contacts) = response.headers().typed_all::<Contact>() else {
            return false;
        };
        let room = self.config.limits.targets.saturating_sub(context.targets);
        let targets: Vec<Target> = contacts
            .into_iter()
            .filter_map(|contact| {
                let q = contact.q().unwrap_or(1000);
                let Contact::Address(address) = contact else {
                    return None;
                };
                // A call that was secure stays so.
                let fits = match address.uri.scheme() {
                    Scheme::Sips => true,
                    Scheme::Sip => !secure,
                    Scheme::Tel | Scheme::Other => false,
                };
                (fits && !self.is_known_target(id, &address.uri))
                    .then(|| Target::new(address.uri.without_headers()).q(q))
            })
            .take(room)
            .collect();
        if targets.is_empty() {
            return false;
        }
        self.add_targets(id, TargetSet::by_q(targets));
        true
    }
}
