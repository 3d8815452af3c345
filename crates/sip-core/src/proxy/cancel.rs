//! CANCEL (RFC 3261 §16.10), and the requests that are made from requests that were sent.

use bytes::Bytes;

use super::branch::{Branch, ClientMachine};
use super::context::Phase;
use super::id::BranchKey;
use super::{ContextId, Event, Proxy, Target};
use crate::dialog::compose::Composer;
use crate::endpoint::{Flow, Reply};
use crate::header::{Reason, TypedHeader, Via};
use crate::{HeaderName, Limits, Message, Method, Request, Response, StatusCode};

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

impl Proxy {
    /// The caller cancels an INVITE. It is answered at once, and without state: a copy gets the same answer.
    pub(super) fn on_cancel(&mut self, flow: Flow, cancel: &Request, via: &Via, id: ContextId) {
        self.refuse(flow, cancel, via, StatusCode::OK, &[]);
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        if context.phase == Phase::Over || context.cancelled {
            return;
        }
        context.cancelled = true;
        context.waiting.clear();
        context.ring_until = None;
        let asked = context.phase == Phase::Asked;
        self.tell(id, Event::Cancelled { context: id });
        if asked {
            let data = self.write_response(id, StatusCode::REQUEST_TERMINATED, &Reply::new());
            self.respond_on(id, StatusCode::REQUEST_TERMINATED, data);
        } else {
            self.cancel_branches(id, &CancelCause::Caller(Self::reason_of(cancel)));
            self.advance(id);
        }
        self.settle_context(id);
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
