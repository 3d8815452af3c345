//! What every request goes through before anybody sees it (RFC 3261 §8.2, §12.2.2, §17.2.3).

use core::hash::{Hash, Hasher};
use std::hash::DefaultHasher;

use rand_core::Rng;

use super::id::ServerKey;
use super::names::TagOwner;
use super::reply::{ReplyHead, response_flow};
use super::server::NewServer;
use super::{Endpoint, Flow};
use crate::dialog::raw::{number_of, tag_of};
use crate::header::{MaxForwards, Via};
use crate::transaction::matching::{HashedKey, merge_key, server_key};
use crate::{HeaderName, Method, ParseErrorKind, Request, Scheme, StatusCode};

/// Option tags that one refusal names.
const UNSUPPORTED: usize = 16;

/// A request that passed, with what its answer needs.
pub(super) struct Incoming {
    pub(super) request: Request,
    pub(super) flow: Flow,
    pub(super) head: ReplyHead,
    pub(super) via: Via,
    pub(super) cseq: u32,
    /// The transaction's names, from which [`Endpoint::begin_server`] makes it.
    key: HashedKey,
}

impl Endpoint {
    pub(super) fn on_request(&mut self, flow: Flow, request: Request) {
        let is_ack = *request.method() == Method::Ack;
        let via = match request.top_via() {
            Ok(via) => via,
            Err(error) => return self.refuse_broken(flow, Some(&request).filter(|_| !is_ack), error),
        };
        let named = if is_ack { &Method::Invite } else { request.method() };
        let mut scratch = core::mem::take(&mut self.scratch);
        server_key(&mut scratch, &request, &via, named);
        let name = HashedKey::of(self.secret, &scratch);
        match self.server_index.get(&name).copied() {
            Some(key) if is_ack => self.on_ack(Some(key), flow, &request),
            Some(key) => self.server_again(key),
            None if is_ack => self.on_ack(None, flow, &request),
            None => self.on_new_request(flow, request, via, name, &mut scratch),
        }
        self.scratch = scratch;
    }

    fn on_new_request(&mut self, flow: Flow, request: Request, via: Via, key: HashedKey, scratch: &mut Vec<u8>) {
        let cseq = match request.validate() {
            Ok(()) => number_of(request.headers().get(&HeaderName::CSeq).unwrap_or_default()),
            Err(error) => {
                self.stats.refused_malformed += 1;
                // Whatever the CSeq may mean in an extension that we do not know (RFC 4475 §3.1.2.18).
                let unknown = matches!(request.method(), Method::Other(_));
                if unknown && error.kind == ParseErrorKind::MethodMismatch {
                    let lines = self.allow_line().to_vec();
                    return self.refuse(flow, &request, &via, StatusCode::NOT_IMPLEMENTED, &lines);
                }
                return self.refuse(flow, &request, &via, error.status(), b"");
            }
        };
        if *request.method() == Method::Cancel {
            server_key(scratch, &request, &via, &Method::Invite);
            let invite = HashedKey::of(self.secret, scratch);
            let invite = self.server_index.get(&invite).copied();
            return self.on_cancel(flow, &request, &via, invite);
        }
        self.note_alias(flow, &via);
        let tag = request.headers().get(&HeaderName::To).and_then(tag_of);
        // A REGISTER makes no dialog; some clients repeat the tag of the last response.
        let in_dialog = tag.is_some() && *request.method() != Method::Register;
        if let Err((status, extra)) = self.screen(&request, in_dialog) {
            return self.refuse(flow, &request, &via, status, &extra);
        }
        let head = ReplyHead::with_keep(&request, &via, flow.remote, self.config.keep);
        if head.len() > self.config.limits.echoed {
            self.stats.refused_malformed += 1;
            return self.refuse_head(flow, &head, &via, StatusCode::MESSAGE_TOO_LARGE, b"");
        }
        if in_dialog {
            let owner = tag.and_then(TagOwner::read);
            let incoming = Incoming {
                request,
                flow,
                head,
                via,
                cseq,
                key,
            };
            self.on_dialog_request(owner, incoming);
        } else {
            merge_key(scratch, &request);
            let merge = HashedKey::of(self.secret, scratch);
            if self.server_index.contains_key(&merge) {
                self.stats.merged += 1;
                return self.refuse(flow, &request, &via, StatusCode::LOOP_DETECTED, b"");
            }
            let incoming = Incoming {
                request,
                flow,
                head,
                via,
                cseq,
                key,
            };
            self.on_initial_request(incoming, merge);
        }
    }

    /// The checks of RFC 3261 §8.2.1 to §8.2.2. The error: the status, and header lines that go with it.
    fn screen(&mut self, request: &Request, in_dialog: bool) -> Result<(), (StatusCode, Vec<u8>)> {
        let plain = |status| (status, Vec::new());
        if !self.config.takes(request.method()) {
            self.stats.unsupported += 1;
            let unknown = matches!(request.method(), Method::Other(_));
            let status = if unknown {
                StatusCode::NOT_IMPLEMENTED
            } else {
                StatusCode::METHOD_NOT_ALLOWED
            };
            return Err((status, self.allow_line().to_vec()));
        }
        if Scheme::of(request.uri()) == Scheme::Other {
            self.stats.unsupported += 1;
            return Err(plain(StatusCode::UNSUPPORTED_URI_SCHEME));
        }
        let unsupported: Vec<&[u8]> = request
            .headers()
            .items(&HeaderName::Require)
            .filter(|tag| !self.supports(tag))
            .take(UNSUPPORTED)
            .collect();
        if !unsupported.is_empty() {
            self.stats.unsupported += 1;
            let line = [b"Unsupported: ", &unsupported.join(&b", "[..])[..], b"\r\n"].concat();
            return Err((StatusCode::BAD_EXTENSION, line));
        }
        // What only an INVITE may carry (RFC 3891 §3, RFC 3911 §4).
        let headers = request.headers();
        let only_invite = headers.contains(&HeaderName::Replaces) || headers.contains(&HeaderName::Join);
        if only_invite && *request.method() != Method::Invite {
            self.stats.refused_malformed += 1;
            return Err(plain(StatusCode::BAD_REQUEST));
        }
        let hops = request.headers().typed::<MaxForwards>().and_then(Result::ok);
        if !in_dialog && self.config.refuse_zero_max_forwards && hops.is_some_and(|MaxForwards(hops)| hops == 0) {
            self.stats.too_many_hops += 1;
            return Err(plain(StatusCode::TOO_MANY_HOPS));
        }
        let limit = self.config.limits.server_transactions;
        let full = self.servers.len() >= if in_dialog { limit.saturating_mul(2) } else { limit };
        if full || (!in_dialog && self.is_congested()) {
            return Err(self.overload());
        }
        Ok(())
    }

    fn on_initial_request(&mut self, incoming: Incoming, merge: HashedKey) {
        match incoming.request.method() {
            Method::Invite => self.on_invite(incoming, merge),
            Method::Notify if self.config.unsolicited_notify => self.on_plain_request(None, incoming, Some(merge)),
            // What only makes sense in a dialog (RFC 3261 §12.2.2, RFC 6665 §4.1.3).
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify => {
                self.stats.unmatched_requests += 1;
                self.refuse_incoming(&incoming, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            }
            Method::Subscribe => self.on_subscribe(incoming, merge),
            Method::Refer => self.on_refer(None, incoming, Some(merge)),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Message
            | Method::Publish
            | Method::Other(_) => self.on_plain_request(None, incoming, Some(merge)),
        }
    }

    fn on_dialog_request(&mut self, owner: Option<TagOwner>, incoming: Incoming) {
        let refused = match owner {
            Some(TagOwner::Session(id)) => self.on_session_request(id, incoming),
            Some(TagOwner::Subscription(id)) => self.on_subscription_request(id, incoming),
            Some(TagOwner::Refer(id)) => self.on_refer_request(id, incoming),
            None => Some(incoming),
        };
        if let Some(incoming) = refused {
            self.stats.unmatched_requests += 1;
            self.refuse_incoming(&incoming, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        }
    }

    /// Makes the transaction of a request that is going to be answered with state.
    pub(super) fn begin_server(&mut self, incoming: &Incoming, merge: Option<HashedKey>) -> ServerKey {
        let port = incoming.via.port.unwrap_or(incoming.flow.transport.default_port());
        self.open_server(NewServer {
            invite: *incoming.request.method() == Method::Invite,
            key: incoming.key,
            merge,
            flow: response_flow(incoming.flow, &incoming.via),
            port,
        })
    }

    /// The status and header lines for "not now".
    pub(super) fn overload(&mut self) -> (StatusCode, Vec<u8>) {
        self.stats.overloaded += 1;
        (StatusCode::SERVICE_UNAVAILABLE, b"Retry-After: 5\r\n".to_vec())
    }

    pub(super) fn refuse_overload(&mut self, incoming: &Incoming) {
        let (status, lines) = self.overload();
        self.refuse_with(incoming, status, &lines);
    }

    /// 500 with a `Retry-After` of 0 to 10 seconds (RFC 3261 §14.2).
    pub(super) fn refuse_busy(&mut self, incoming: &Incoming) {
        self.stats.out_of_order += 1;
        let line = format!("Retry-After: {}\r\n", self.rng.next_u32() % 11);
        self.refuse_with(incoming, StatusCode::SERVER_INTERNAL_ERROR, line.as_bytes());
    }

    pub(super) fn refuse_incoming(&mut self, incoming: &Incoming, status: StatusCode) {
        self.refuse_with(incoming, status, b"");
    }

    pub(super) fn refuse_with(&mut self, incoming: &Incoming, status: StatusCode, lines: &[u8]) {
        self.refuse_head(incoming.flow, &incoming.head, &incoming.via, status, lines);
    }

    /// Answers without keeping state (RFC 3261 §8.2.7): the same request gets the same answer again.
    pub(super) fn refuse(&mut self, flow: Flow, request: &Request, via: &Via, status: StatusCode, lines: &[u8]) {
        let head = ReplyHead::new(request, via, flow.remote);
        self.refuse_head(flow, &head, via, status, lines);
    }

    fn refuse_head(&mut self, flow: Flow, head: &ReplyHead, via: &Via, status: StatusCode, lines: &[u8]) {
        let tag = self.stateless_tag(via);
        let mut out = head.begin(status, None, Some(tag.as_bytes()), false);
        out.lines(lines);
        let port = via.port.unwrap_or(flow.transport.default_port());
        self.send_response(response_flow(flow, via), port, out.finish(None));
    }

    /// The same for each copy of a request.
    pub(super) fn stateless_tag(&self, via: &Via) -> String {
        let mut hasher = DefaultHasher::new();
        self.secret.hash(&mut hasher);
        via.branch().hash(&mut hasher);
        via.port.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}
