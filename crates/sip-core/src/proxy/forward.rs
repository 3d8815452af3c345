//! Request forwarding (RFC 3261 §16.6): which targets are tried when, and the copies that are sent.

use core::fmt::Display;

use bytes::Bytes;

use super::cancel::CancelCause;
use super::config::{BreadthPolicy, PathPolicy};
use super::context::Phase;
use super::history::History;
use super::route::{OwnRoute, first_route};
use super::target::Group;
use super::{ContextId, Event, Proxy, Target, TargetSet};
use crate::dialog::raw::tag_of;
use crate::endpoint::{Flow, Reply};
use crate::header::{MaxForwards, ProxyAuthorization, TypedHeader};
use crate::identity::{self, Disclosure};
use crate::{HeaderName, Method, Request, Scheme, StatusCode};

/// What a copy of a request is made from.
pub(super) struct Outgoing<'a> {
    pub(super) received: &'a Request,
    pub(super) came_by: Flow,
    pub(super) target: &'a Target,
    /// The way it goes.
    pub(super) flow: Flow,
    pub(super) breadth: Option<u32>,
    pub(super) history: Option<History>,
}

impl Proxy {
    /// Adds targets that are not known yet, after those that wait.
    pub(super) fn add_targets(&mut self, id: ContextId, set: TargetSet) {
        for mut group in set.groups {
            let mut fresh = Vec::with_capacity(group.targets.len());
            for target in group.targets {
                let uri = target.uri.clone().unwrap_or_else(|| self.requested(id));
                // Two devices may share a URI and differ in their flows (RFC 5626).
                let twice = target.flow.is_none() && self.is_known_target(id, &uri);
                let Some(context) = self.contexts.get_mut(id).filter(|_| !twice) else {
                    continue;
                };
                context.known.push(uri);
                context.targets += 1;
                fresh.push(target);
            }
            group.targets = fresh;
            if let Some(context) = self.contexts.get_mut(id).filter(|_| !group.targets.is_empty()) {
                context.waiting.push_back(group);
            }
        }
        if let Some(context) = self.contexts.get_mut(id) {
            context.recurse |= set.recurse;
        }
    }

    /// The present group has rung for long enough.
    pub(super) fn rung_out(&mut self, id: ContextId) {
        self.cancel_branches(id, &CancelCause::Status(StatusCode::REQUEST_TIMEOUT));
        let next = self
            .contexts
            .get_mut(id)
            .and_then(|context| context.waiting.pop_front());
        if let Some(group) = next {
            self.start_group(id, group);
        }
        self.advance(id);
    }

    /// Starts the next group when all branches have failed, and answers the caller when there is none.
    pub(super) fn advance(&mut self, id: ContextId) {
        while let Some(context) = self.contexts.get_mut(id) {
            if context.phase != Phase::Forwarding || context.pending > 0 {
                break;
            }
            match context.waiting.pop_front() {
                Some(group) => self.start_group(id, group),
                None => {
                    self.conclude(id);
                    break;
                }
            }
        }
        self.settle_context(id);
    }

    fn start_group(&mut self, id: ContextId, mut group: Group) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        let free = context.breadth.saturating_sub(context.spent);
        let room = usize::try_from(free).unwrap_or(usize::MAX);
        if group.targets.len() > room {
            self.stats.too_broad += 1;
            match self.config.breadth {
                // What is pending gives its breadth back when it ends.
                _ if context.pending > 0 => return context.waiting.push_front(group),
                BreadthPolicy::Serialize if room > 0 => {
                    let rest = group.targets.split_off(room);
                    context.waiting.push_front(Group {
                        targets: rest,
                        ring_for: group.ring_for,
                    });
                }
                BreadthPolicy::Serialize | BreadthPolicy::Refuse => {
                    return context.best.add(StatusCode::MAX_BREADTH_EXCEEDED, None);
                }
            }
        }
        context.ring_until = group
            .ring_for
            .filter(|_| context.is_invite())
            .map(|time| self.now + time);
        let later = context.waiting.iter().map(|group| group.targets.len()).sum();
        let later = if group.ring_for.is_some() { later } else { 0 };
        for (target, breadth) in shares(free, group.targets, later) {
            if self.branches.len() >= self.branch_limit(id) {
                self.stats.overloaded += 1;
                if let Some(context) = self.contexts.get_mut(id) {
                    context.best.add(StatusCode::SERVICE_UNAVAILABLE, None);
                }
                continue;
            }
            self.open_branch(id, target, breadth);
        }
        self.settle_context(id);
    }

    /// All branches have ended: the best response goes to the caller (RFC 3261 §16.7 step 6).
    fn conclude(&mut self, id: ContextId) {
        let Some(context) = self.contexts.get_mut(id) else {
            return;
        };
        let invite = context.is_invite();
        let chosen = context.best.take();
        let (status, response) = match chosen {
            // Whatever the others said, the caller hears that its CANCEL worked.
            Some((status, response)) if context.cancelled && status.code() / 100 != 6 => {
                let terminated = status == StatusCode::REQUEST_TERMINATED;
                (StatusCode::REQUEST_TERMINATED, response.filter(|_| terminated))
            }
            Some(chosen) => chosen,
            None if context.cancelled => (StatusCode::REQUEST_TERMINATED, None),
            None => (StatusCode::TEMPORARILY_UNAVAILABLE, None),
        };
        if !invite && status == StatusCode::REQUEST_TIMEOUT {
            // RFC 4320 §4.2.
            return self.leave_unanswered(id);
        }
        let data = match response {
            Some(response) => response.to_bytes(),
            None => self.write_response(id, status, &Reply::new()),
        };
        self.respond_on(id, status, data);
    }

    /// The copy of a request that goes to a target (RFC 3261 §16.6 steps 1 to 9).
    pub(super) fn compose(&self, copy: &Outgoing<'_>, via: impl Display) -> Bytes {
        let Outgoing {
            target, came_by, flow, ..
        } = *copy;
        let mut request = copy.received.clone();
        if let Some(uri) = &target.uri {
            let mut uri = uri.clone();
            uri.params_mut().remove("method");
            request.set_uri(&uri);
        }
        let hops = match request.headers().typed::<MaxForwards>() {
            Some(Ok(MaxForwards(hops))) => hops.saturating_sub(1),
            Some(Err(_)) | None => 70,
        };
        let headers = request.headers_mut();
        headers.set(HeaderName::MaxForwards, hops.to_string());
        if let Some(breadth) = copy.breadth {
            headers.set(HeaderName::MaxBreadth, breadth.to_string());
        }
        self.consume_credentials(&mut request);
        if let Some(history) = &copy.history {
            history.write(&mut request);
        }
        self.keep_identity(&mut request, came_by, flow);
        for (name, value) in &target.headers {
            request.headers_mut().push(name.clone(), value.clone());
        }
        for route in target.route.iter().rev() {
            request.headers_mut().push_front(HeaderName::Route, route.to_string());
        }
        self.stay_on_path(&mut request, came_by, target, flow);
        route_strictly(&mut request);
        request.headers_mut().push_front(HeaderName::Via, via.to_string());
        request.to_bytes()
    }

    /// What only the trusted may say stays among them (RFC 3325 §5, §7).
    fn keep_identity(&self, request: &mut Request, came_by: Flow, flow: Flow) {
        let headers = request.headers_mut();
        if !self.config.trusts(came_by.remote.ip()) {
            identity::distrust(headers);
        }
        let private = !self.config.trusted.is_empty() || headers.contains(&HeaderName::Privacy);
        if private && !self.config.trusts(flow.remote.ip()) {
            identity::withhold(headers, Disclosure::Unless);
        }
    }

    /// Takes out the credentials for our realm: they are nobody else's business (RFC 3261 §22.3).
    fn consume_credentials(&self, request: &mut Request) {
        let Some(realm) = &self.config.realm else { return };
        let name = HeaderName::ProxyAuthorization;
        if !request.headers().contains(&name) {
            return;
        }
        let is_ours = |value: &&[u8]| {
            ProxyAuthorization::parse(value).is_ok_and(|credentials| credentials.0.realm() == Some(realm))
        };
        let (ours, others): (Vec<_>, Vec<_>) = request.headers().values(&name).partition(is_ours);
        if ours.is_empty() {
            return;
        }
        let others: Vec<Bytes> = others.into_iter().map(Bytes::copy_from_slice).collect();
        let headers = request.headers_mut();
        headers.remove(&name);
        for other in others {
            headers.push(name.clone(), other);
        }
    }

    /// Adds Record-Route (RFC 3261 §16.6 step 4; two of them if the sides differ, RFC 5658) or Path (RFC 3327 §5.2).
    fn stay_on_path(&self, request: &mut Request, came_by: Flow, target: &Target, flow: Flow) {
        let begins_dialog = matches!(
            request.method(),
            Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Other(_)
        );
        let name = if *request.method() == Method::Register && self.wants_path(request) {
            HeaderName::Path
        } else if begins_dialog && self.config.record_route && !is_in_dialog(request) {
            HeaderName::RecordRoute
        } else {
            return;
        };
        let inner = (came_by.transport, self.sent_by(came_by));
        let outer = (flow.transport, self.sent_by(flow));
        // Clients of ours are those that nobody stands before, and those that are reached by their flow.
        let first_hop = request.headers().items(&HeaderName::Via).nth(1).is_none();
        let token = |flow: Flow| self.config.outbound.as_ref().map(|tokens| tokens.sign(&flow));
        let inner_token = first_hop.then(|| token(came_by)).flatten();
        let outer_token = target.flow.and(token(flow)).filter(|_| name == HeaderName::RecordRoute);
        let half = OwnRoute {
            address: inner,
            secure: request.request_uri().is_ok_and(|uri| uri.scheme() == Scheme::Sips),
            pair: inner != outer || (inner_token.is_some() && outer_token.is_some()),
            token: inner_token.as_deref(),
            outbound: name == HeaderName::Path,
        };
        let headers = request.headers_mut();
        if half.pair {
            headers.push_front(name.clone(), half.to_string());
            let other = OwnRoute {
                address: outer,
                token: outer_token.as_deref(),
                ..half
            };
            headers.push_front(name, other.to_string());
        } else {
            let token = half.token.or(outer_token.as_deref());
            headers.push_front(name, OwnRoute { token, ..half }.to_string());
        }
    }

    fn wants_path(&self, request: &Request) -> bool {
        let supports = |option: &[u8]| {
            let mut tags = request.headers().items(&HeaderName::Supported);
            tags.any(|tag| tag.eq_ignore_ascii_case(option))
        };
        let policy = match self.config.path {
            PathPolicy::Never => false,
            PathPolicy::Always => true,
            PathPolicy::Supported => supports(b"path"),
        };
        policy || (self.config.outbound.is_some() && supports(b"outbound") && supports(b"path"))
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.output.push_back(super::Output::Event(event));
    }
}

/// Shares the breadth that is free among targets, of which there are no more than that. `later` targets may have to be
/// tried while these are still being cancelled, and want something left.
fn shares(free: u32, targets: Vec<Target>, later: usize) -> impl Iterator<Item = (Target, u32)> {
    let count = u32::try_from(targets.len()).unwrap_or(u32::MAX).max(1);
    let later = u32::try_from(later).unwrap_or(u32::MAX);
    let claim = if later == 0 {
        free
    } else {
        (free / count.saturating_add(later)).max(1).saturating_mul(count)
    };
    let (share, extra) = (claim / count, claim % count);
    let places = (0..extra).map(move |_| share + 1).chain(core::iter::repeat(share));
    targets.into_iter().zip(places)
}

pub(super) fn is_in_dialog(request: &Request) -> bool {
    request.headers().get(&HeaderName::To).and_then(tag_of).is_some()
}

/// A next hop that is a strict router wants to find itself in the Request-URI (RFC 3261 §16.6 step 6).
fn route_strictly(request: &mut Request) {
    let Ok(Some(first)) = first_route(request) else { return };
    if first.uri.is_loose_router() {
        return;
    }
    let target = [b"<", request.uri(), b">"].concat();
    let headers = request.headers_mut();
    headers.pop_item(&HeaderName::Route);
    headers.push(HeaderName::Route, target);
    request.set_uri(&first.uri);
}
