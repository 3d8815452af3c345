//! Request validation (RFC 3261 §16.3), and what becomes of a request that passes.

use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use bytes::Bytes;

use super::context::NewContext;
use super::names::{fingerprint, has_looped};
use super::route::{Preprocessed, first_route, preprocess};
use super::{Destination, Event, Proxy, Target, TargetSet};
use crate::dialog::compose::VecWriter;
use crate::dialog::raw::tag_of;
use crate::endpoint::reply::response_flow;
use crate::endpoint::{Flow, Reply};
use crate::header::{MaxBreadth, MaxForwards, Via, ViewHeader as _};
use crate::transaction::matching::server_key;
use crate::wire::NameAddrView;
use crate::{HeaderName, Method, ParseError, ParseErrorKind, Request, Response, Scheme, StatusCode};

/// Option tags that one refusal names.
const UNSUPPORTED: usize = 16;

/// Header lines of a refusal.
type Lines = Vec<(HeaderName, Bytes)>;

/// Why a request is not forwarded.
struct Refusal {
    status: StatusCode,
    lines: Lines,
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self {
            status,
            lines: Vec::new(),
        }
    }
}

/// A request that passed.
struct Incoming {
    request: Request,
    flow: Flow,
    via: Via,
    key: Bytes,
    fingerprint: u64,
    breadth: u32,
    found: Preprocessed,
}

impl Proxy {
    pub(super) fn on_request(&mut self, flow: Flow, request: Request) {
        let is_ack = *request.method() == Method::Ack;
        let via = match request.top_via() {
            Ok(via) => via,
            Err(error) => return self.refuse_broken(flow, Some(&request).filter(|_| !is_ack), error),
        };
        let named = if is_ack { &Method::Invite } else { request.method() };
        let mut scratch = core::mem::take(&mut self.scratch);
        server_key(&mut scratch, &request, &via, named);
        let known = self.index.get(&scratch[..]).copied();
        let key = Bytes::copy_from_slice(&scratch);
        self.scratch = scratch;
        match known {
            Some(id) if is_ack => {
                if self.context_ack(id) {
                    self.on_new_request(flow, request, via, key);
                }
            }
            Some(id) => self.context_again(id),
            None => self.on_new_request(flow, request, via, key),
        }
    }

    fn on_new_request(&mut self, flow: Flow, mut request: Request, via: Via, key: Bytes) {
        if let Err(error) = check(&request) {
            self.stats.refused_malformed += 1;
            return self.refuse(flow, &request, &via, error.status(), &[]);
        }
        note_source(&mut request, &via, flow);
        if *request.method() == Method::Cancel {
            let mut scratch = core::mem::take(&mut self.scratch);
            server_key(&mut scratch, &request, &via, &Method::Invite);
            let invite = self.index.get(&scratch[..]).copied();
            self.scratch = scratch;
            if let Some(id) = invite {
                return self.on_cancel(flow, &request, &via, id);
            }
        }
        let fingerprint = fingerprint(self.secret, &request, &self.config.routed_by);
        let screened = self.screen(&request, fingerprint).and_then(|breadth| {
            let found = preprocess(&self.config, &mut request, flow)?;
            Ok((breadth, found))
        });
        match screened {
            Ok((breadth, found)) => self.on_screened(Incoming {
                request,
                flow,
                via,
                key,
                fingerprint,
                breadth,
                found,
            }),
            Err(refusal) => self.refuse(flow, &request, &via, refusal.status, &refusal.lines),
        }
    }

    /// The checks of RFC 3261 §16.3 and RFC 5393. Gives the breadth that the request is worth.
    fn screen(&mut self, request: &Request, fingerprint: u64) -> Result<u32, Refusal> {
        let scheme = request.request_uri().map(|uri| uri.scheme());
        if matches!(scheme, Ok(Scheme::Other)) {
            self.stats.unsupported += 1;
            return Err(StatusCode::UNSUPPORTED_URI_SCHEME.into());
        }
        let hops = request.headers().typed::<MaxForwards>().and_then(Result::ok);
        if hops == Some(MaxForwards(0)) {
            if self.config.answer_last_hop && *request.method() == Method::Options {
                return Err(StatusCode::OK.into());
            }
            self.stats.too_many_hops += 1;
            return Err(StatusCode::TOO_MANY_HOPS.into());
        }
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(self.config.max_breadth);
        }
        if has_looped(request, fingerprint) {
            self.stats.loops += 1;
            return Err(StatusCode::LOOP_DETECTED.into());
        }
        let unsupported: Vec<&[u8]> = request
            .headers()
            .items(&HeaderName::ProxyRequire)
            .filter(|tag| {
                let is = |ours: &String| ours.as_bytes().eq_ignore_ascii_case(tag);
                !self.config.supported.iter().any(is)
            })
            .take(UNSUPPORTED)
            .collect();
        if !unsupported.is_empty() {
            self.stats.unsupported += 1;
            let lines = vec![(HeaderName::Unsupported, unsupported.join(&b", "[..]).into())];
            return Err(Refusal {
                status: StatusCode::BAD_EXTENSION,
                lines,
            });
        }
        match max_breadth(request) {
            Some(0) => {
                self.stats.too_broad += 1;
                Err(StatusCode::MAX_BREADTH_EXCEEDED.into())
            }
            Some(breadth) => Ok(breadth.min(self.config.max_breadth)),
            None => Ok(self.config.max_breadth.max(1)),
        }
    }

    fn on_screened(&mut self, incoming: Incoming) {
        let destination = self.destination(&incoming.request, incoming.found);
        let is_ack = *incoming.request.method() == Method::Ack;
        if is_ack || *incoming.request.method() == Method::Cancel {
            let leads_on = destination != Destination::Location;
            if !is_ack && !self.config.stateless {
                self.stats.unmatched_cancels += 1;
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                return self.refuse(incoming.flow, &incoming.request, &incoming.via, status, &[]);
            }
            if leads_on {
                let target = Target::as_is();
                return self.send_stateless(incoming.request, incoming.flow, incoming.found, target);
            }
            if !self.config.stateless {
                self.stats.unmatched_acks += 1;
                return;
            }
        }
        let in_dialog = incoming
            .request
            .headers()
            .get(&HeaderName::To)
            .and_then(tag_of)
            .is_some()
            && *incoming.request.method() != Method::Register;
        let limit = self.config.limits.server_transactions;
        if self.contexts.len() >= if in_dialog { limit.saturating_mul(2) } else { limit } {
            self.stats.overloaded += 1;
            let lines = [(HeaderName::RetryAfter, Bytes::from_static(b"5"))];
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return self.refuse(incoming.flow, &incoming.request, &incoming.via, status, &lines);
        }
        let relay = in_dialog
            && self.config.relay_in_dialog
            && incoming.found.own_route
            && destination != Destination::Location;
        let shown = (!relay).then(|| incoming.request.clone());
        let flow = incoming.flow;
        let context = self.begin(incoming, !relay);
        match shown {
            Some(request) => self.emit(Event::Request {
                context,
                request,
                flow,
                destination,
            }),
            None => {
                if self.start(context, TargetSet::as_is()).is_err() {
                    self.stats.overloaded += 1;
                    let reply = Reply::new().header(HeaderName::RetryAfter, &b"5"[..]);
                    let data = self.write_response(context, StatusCode::SERVICE_UNAVAILABLE, &reply);
                    self.respond_on(context, StatusCode::SERVICE_UNAVAILABLE, data);
                    self.settle_context(context);
                }
            }
        }
    }

    fn begin(&mut self, incoming: Incoming, shown: bool) -> super::ContextId {
        let port = incoming.via.port.unwrap_or(incoming.flow.transport.default_port());
        let is_ack = *incoming.request.method() == Method::Ack;
        self.open_context(NewContext {
            key: (!is_ack).then_some(incoming.key),
            reply_flow: response_flow(incoming.flow, &incoming.via),
            reply_port: port,
            request: incoming.request,
            flow: incoming.flow,
            fingerprint: incoming.fingerprint,
            breadth: incoming.breadth,
            found: incoming.found,
            shown,
        })
    }

    /// RFC 3261 §16.5.
    fn destination(&self, request: &Request, found: Preprocessed) -> Destination {
        if found.by_flow.is_some() {
            return Destination::Flow;
        }
        if matches!(first_route(request), Ok(Some(_))) {
            return Destination::Route;
        }
        match request.request_uri() {
            Ok(uri) if uri.scheme() == Scheme::Tel || self.config.is_own_uri(&uri) => Destination::Location,
            Ok(_) | Err(_) => Destination::Foreign,
        }
    }

    /// Answers without keeping state (RFC 3261 §8.2.7): the same request gets the same answer again.
    pub(super) fn refuse(
        &mut self,
        flow: Flow,
        request: &Request,
        via: &Via,
        status: StatusCode,
        lines: &[(HeaderName, Bytes)],
    ) {
        if *request.method() == Method::Ack {
            self.stats.unmatched_acks += 1;
            return;
        }
        let mut noted = request.clone();
        note_source(&mut noted, via, flow);
        let mut response = Response::to_request(&noted, status, None);
        response.set_to_tag(&self.stateless_tag(via));
        for (name, value) in lines {
            response.headers_mut().push(name.clone(), value.clone());
        }
        self.add_server(&mut response);
        let port = via.port.unwrap_or(flow.transport.default_port());
        self.send_response(response_flow(flow, via), port, response.to_bytes());
    }

    pub(super) fn add_server(&self, response: &mut Response) {
        if !self.config.server.is_empty() && !response.headers().contains(&HeaderName::Server) {
            response
                .headers_mut()
                .push(HeaderName::Server, self.config.server.clone());
        }
    }

    /// The same for each copy of a request.
    fn stateless_tag(&self, via: &Via) -> String {
        let mut hasher = DefaultHasher::new();
        (self.secret, 't', via.branch(), via.port).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// What has to be well-formed for a proxy, and no more (RFC 3261 §16.3 step 1): what else is wrong is the business of
/// those who read it.
fn check(request: &Request) -> Result<(), ParseError> {
    request.uri_view()?;
    let headers = request.headers();
    for via in headers.items(&HeaderName::Via) {
        Via::view(via)?;
    }
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
        let known = name.known_str();
        match headers.values(&name).count() {
            0 => return Err(ParseError::new(ParseErrorKind::MissingHeader(known), 0)),
            1 => {}
            _ => return Err(ParseError::new(ParseErrorKind::DuplicateHeader(known), 0)),
        }
    }
    for name in [HeaderName::From, HeaderName::To] {
        NameAddrView::parse(headers.get(&name).unwrap_or_default())?;
    }
    if request.cseq()?.method != *request.method() {
        return Err(ParseError::new(ParseErrorKind::MethodMismatch, 0));
    }
    headers.typed::<MaxForwards>().transpose()?;
    for route in headers.items(&HeaderName::Route) {
        NameAddrView::parse(route)?;
    }
    Ok(())
}

/// The value of Max-Breadth. One that cannot be read is worth one branch.
fn max_breadth(request: &Request) -> Option<u32> {
    let breadth = request.headers().typed::<MaxBreadth>()?;
    Some(breadth.map_or(1, |MaxBreadth(breadth)| breadth))
}

/// Notes in the topmost Via where the request came from (RFC 3261 §18.2.1, RFC 3581 §4).
fn note_source(request: &mut Request, via: &Via, flow: Flow) {
    let ip = flow.remote.ip().to_canonical();
    let wants_port = via.params.get("rport").is_some();
    if !wants_port && via.host.ip() == Some(ip) {
        return;
    }
    let port = wants_port.then_some(flow.remote.port());
    let mut text = Vec::with_capacity(128);
    // Writing to a vector does not fail.
    let _ = via.write_noted(&mut VecWriter(&mut text), ip, port, None);
    let headers = request.headers_mut();
    headers.pop_item(&HeaderName::Via);
    headers.push_front(HeaderName::Via, text);
}
