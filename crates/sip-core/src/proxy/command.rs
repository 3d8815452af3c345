//! What the embedder can ask for.

use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;
use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;
use slotmap::Key as _;

use super::cancel::CancelCause;
use super::context::Phase;
use super::{ContextId, HopId, Proxy, ProxyError, Target, TargetSet};
use crate::endpoint::{Flow, Reply, Transport, reply};
use crate::{HeaderName, StatusCode};

impl Proxy {
    /// Sends a request to a set of targets (RFC 3261 §16.6), or adds targets to those that it has. Targets that it had
    /// before are left out.
    ///
    /// # Errors
    ///
    /// `Gone`; `WrongState` after a final response or a CANCEL, and for an ACK or CANCEL that is to be forwarded without
    /// state; `NoTargets`; `TooManyTargets`; `Full`; `BadHeader` in a target.
    pub fn forward(&mut self, now: Time, context: ContextId, targets: TargetSet) -> Result<(), ProxyError> {
        self.advance_time(now);
        self.start(context, targets)
    }

    pub(super) fn start(&mut self, id: ContextId, targets: TargetSet) -> Result<(), ProxyError> {
        let context = self.contexts.get(id).ok_or(ProxyError::Gone)?;
        let only_stateless = matches!(context.request.method(), crate::Method::Ack | crate::Method::Cancel);
        // After a 6xx nobody else may be tried (RFC 3261 §16.7 step 5).
        let forbidden = context.best.status().is_some_and(|status| status.code() >= 600);
        if context.phase == Phase::Over || context.cancelled || only_stateless || forbidden {
            return Err(ProxyError::WrongState);
        }
        if targets.is_empty() {
            return Err(ProxyError::NoTargets);
        }
        if context.targets + targets.len() > self.config.limits.targets {
            return Err(ProxyError::TooManyTargets);
        }
        if self.branches.len() + targets.len() > self.branch_limit(id) {
            return Err(ProxyError::Full);
        }
        let of_all = targets.groups.iter().flat_map(|group| &group.targets);
        for target in of_all {
            check_headers(&target.headers)?;
        }
        if context.phase == Phase::Asked {
            self.decided(id);
        }
        self.add_targets(id, targets);
        self.advance(id);
        Ok(())
    }

    /// How many branches there may be for another one of this request: what is forwarded by its route within a dialog may
    /// use as many again, so that established calls outlive a flood.
    pub(super) fn branch_limit(&self, id: ContextId) -> usize {
        let limit = self.config.limits.client_transactions;
        let asked_for = self.contexts.get(id).is_some_and(|context| context.shown);
        if asked_for { limit } else { limit.saturating_mul(2) }
    }

    /// Sends a request to one target without keeping any state (RFC 3261 §16.11). The choice must be the same each time
    /// that the request comes, and for its CANCEL and ACK: then [`ProxyConfig::stateless`](super::ProxyConfig::stateless)
    /// must be set. Of the target, URI, Routes, flow and headers are used.
    ///
    /// # Errors
    ///
    /// `Gone`; `WrongState` once it was forwarded with state or answered; `BadHeader`.
    pub fn forward_stateless(&mut self, now: Time, context: ContextId, target: Target) -> Result<(), ProxyError> {
        self.advance_time(now);
        let found = self.contexts.get(context).ok_or(ProxyError::Gone)?;
        if found.phase != Phase::Asked || found.cancelled {
            return Err(ProxyError::WrongState);
        }
        check_headers(&target.headers)?;
        let (request, flow, found) = (found.request.clone(), found.flow, found.found);
        self.drop_context(context);
        self.send_stateless(request, flow, found, target);
        Ok(())
    }

    /// Answers a request. A provisional status leaves everything else as it is. A final one ends the request: pending
    /// branches are cancelled; a 2xx that crosses their CANCEL is still passed on.
    ///
    /// The answer of a registrar is given by [`Reply::from_response`].
    ///
    /// # Errors
    ///
    /// `Gone`; `WrongState` after a final response or a CANCEL, and for an ACK; `BadStatus` for 100, for a 2xx to an
    /// INVITE, and for a provisional one to another request (RFC 4320 §4.1); `BadHeader`.
    pub fn respond(
        &mut self,
        now: Time,
        context: ContextId,
        status: StatusCode,
        reply: Reply,
    ) -> Result<(), ProxyError> {
        self.advance_time(now);
        let found = self.contexts.get(context).ok_or(ProxyError::Gone)?;
        if found.phase == Phase::Over || found.cancelled || found.is_ack() {
            return Err(ProxyError::WrongState);
        }
        let fits = if found.is_invite() {
            status != StatusCode::TRYING && !status.is_success()
        } else {
            status.is_final()
        };
        if !fits {
            return Err(ProxyError::BadStatus);
        }
        reply::check(&reply.headers, reply.reason.as_deref()).map_err(|_| ProxyError::BadHeader)?;
        let data = self.write_response(context, status, &reply);
        self.respond_on(context, status, data);
        if status.is_final() {
            self.cancel_branches(context, &CancelCause::Status(status));
        }
        self.settle_context(context);
        Ok(())
    }

    /// Answers with 407 and these values of `Proxy-Authenticate`, as
    /// [`auth::Server::challenges`](crate::auth::Server::challenges) gives them.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    pub fn challenge(&mut self, now: Time, context: ContextId, challenges: &[Bytes]) -> Result<(), ProxyError> {
        let reply = challenges.iter().fold(Reply::new(), |reply, challenge| {
            reply.header(HeaderName::ProxyAuthenticate, challenge.clone())
        });
        self.respond(now, context, StatusCode::PROXY_AUTHENTICATION_REQUIRED, reply)
    }

    /// Gives a request up: no further target is tried, pending INVITEs are cancelled, and when all have ended the caller
    /// gets the best response.
    ///
    /// # Errors
    ///
    /// `Gone`; `WrongState` unless it is being forwarded.
    pub fn give_up(&mut self, now: Time, context: ContextId) -> Result<(), ProxyError> {
        self.advance_time(now);
        let found = self.contexts.get_mut(context).ok_or(ProxyError::Gone)?;
        if found.phase != Phase::Forwarding {
            return Err(ProxyError::WrongState);
        }
        found.waiting.clear();
        self.cancel_branches(context, &CancelCause::Status(StatusCode::REQUEST_TIMEOUT));
        self.advance(context);
        Ok(())
    }

    /// The next hop of an [`Event::Resolve`](super::Event::Resolve) is reached by these flows: the first is tried; each
    /// further one when those before could not be reached, did not answer, or answered 503 (RFC 3263 §4.3). None: the hop
    /// cannot be reached (503). At most [`Limits::targets`](crate::Limits::targets) are kept.
    ///
    /// # Errors
    ///
    /// `Gone`.
    pub fn resolved(&mut self, now: Time, hop: HopId, flows: &[Flow]) -> Result<(), ProxyError> {
        self.advance_time(now);
        if !self.hops.contains_key(hop) {
            return Err(ProxyError::Gone);
        }
        self.hop_resolved(hop, flows);
        Ok(())
    }

    /// The flow to an address: from the listening address of that transport and family, on the connection that is open.
    /// `None` without such a listening address.
    #[must_use]
    pub fn flow_to(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let local = self
            .config
            .listening(transport, SocketAddr::new(remote.ip(), 0))
            .filter(|local| local.is_ipv4() == remote.is_ipv4())?;
        Some(self.connections.live(Flow {
            transport,
            local,
            remote,
            connection: None,
        }))
    }

    /// The To tag of the proxy's own responses to a request.
    pub(super) fn context_tag(&self, id: ContextId) -> String {
        let mut hasher = DefaultHasher::new();
        (self.secret, 'c', id.data().as_ffi()).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

fn check_headers(headers: &[(HeaderName, Bytes)]) -> Result<(), ProxyError> {
    reply::check(headers, None).map_err(|_| ProxyError::BadHeader)
}
