//! CANCEL (RFC 3261 §16.10).

use super::branch::CancelCause;
use super::context::Phase;
use super::{ContextId, Event, Proxy};
use crate::endpoint::{Flow, Reply};
use crate::header::Via;
use crate::{Request, StatusCode};

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
}
