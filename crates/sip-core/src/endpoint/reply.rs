//! What a response takes from its request (RFC 3261 §8.2.6.2).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{EndpointError, Flow, Reply};
use crate::dialog::compose::{Composer, is_clean};
use crate::dialog::raw::tag_of;
use crate::header::Via;
use crate::{HeaderName, Request, Response, StatusCode};

/// The lines that all responses to one request share, in one buffer.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct ReplyHead {
    /// Via, From, Call-ID, CSeq, Timestamp.
    lines: Bytes,
    to: Bytes,
    record_route: Bytes,
    has_tag: bool,
}

impl ReplyHead {
    /// `source`: where the request came from, noted in the topmost Via (RFC 3261 §18.2.1, RFC 3581 §4).
    pub(super) fn new(request: &Request, via: &Via, source: SocketAddr) -> Self {
        Self::with_keep(request, via, source, None)
    }

    /// `keep`: how often, in seconds, a peer that asks for it may send keep-alives (RFC 6223 §4.3).
    pub(super) fn with_keep(request: &Request, via: &Via, source: SocketAddr, keep: Option<u32>) -> Self {
        let headers = request.headers();
        let mut out = Vec::with_capacity(512);
        write_vias(&mut out, request, via, source, keep);
        for (name, wanted) in [
            ("From", HeaderName::From),
            ("Call-ID", HeaderName::CallId),
            ("CSeq", HeaderName::CSeq),
            ("Timestamp", HeaderName::Timestamp),
        ] {
            if let Some(value) = headers.get(&wanted) {
                line(&mut out, name, value);
            }
        }
        let lines_end = out.len();
        let to = headers.get(&HeaderName::To).unwrap_or_default();
        out.extend_from_slice(to);
        let to_end = out.len();
        for value in headers.values(&HeaderName::RecordRoute) {
            line(&mut out, "Record-Route", value);
        }
        let mut rest = Bytes::from(out);
        let mut to_and_routes = rest.split_off(lines_end);
        let record_route = to_and_routes.split_off(to_end - lines_end);
        Self {
            lines: rest,
            has_tag: tag_of(&to_and_routes).is_some(),
            to: to_and_routes,
            record_route,
        }
    }

    /// Octets that are kept.
    pub(super) fn len(&self) -> usize {
        self.lines.len() + self.to.len() + self.record_route.len()
    }

    /// Begins a response. `tag` goes into a To that has none; with `dialog` the Record-Routes are copied.
    pub(super) fn begin(&self, status: StatusCode, reason: Option<&str>, tag: Option<&[u8]>, dialog: bool) -> Composer {
        let mut out = Composer::response(status, reason);
        out.lines(&self.lines);
        match tag.filter(|_| !self.has_tag && status != StatusCode::TRYING) {
            Some(tag) => out
                .lines(b"To: ")
                .lines(&self.to)
                .lines(b";tag=")
                .lines(tag)
                .lines(b"\r\n"),
            None => out.raw("To", &self.to),
        };
        if dialog {
            out.lines(&self.record_route);
        }
        out
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn write_vias(out: &mut Vec<u8>, request: &Request, via: &Via, source: SocketAddr, keep: Option<u32>) {
    let mut items = request.headers().items(&HeaderName::Via);
    let first = items.next().unwrap_or_default();
    let wants_port = via.params.get("rport").is_some();
    let keep = keep.filter(|_| via.keep() == Some(None));
    if wants_port || keep.is_some() || via.host.ip() != Some(source.ip().to_canonical()) {
        let mut via = via.clone();
        if let Some(seconds) = keep {
            via.params.set("keep", Some(&seconds.to_string()));
        }
        via.params
            .set("received", Some(&source.ip().to_canonical().to_string()));
        if wants_port {
            via.params.set("rport", Some(&source.port().to_string()));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = crate::header::TypedHeader::write(&via, &mut text);
        line(out, "Via", text.as_bytes());
    } else {
        line(out, "Via", first);
    }
    for via in items {
        line(out, "Via", via);
    }
}

/// Where responses to a request go (RFC 3261 §18.2.2, RFC 3581 §4): back on the connection; over UDP to the source address,
/// at the port that the Via names unless it asks for the source port.
pub(crate) fn response_flow(flow: Flow, via: &Via) -> Flow {
    if flow.transport.is_reliable() || via.params.get("rport").is_some() {
        return flow;
    }
    let port = via.port.unwrap_or(flow.transport.default_port());
    Flow {
        remote: SocketAddr::new(flow.remote.ip(), port),
        ..flow
    }
}

/// Whether the endpoint can write what the embedder gave.
pub(crate) fn check(headers: &[(HeaderName, Bytes)], reason: Option<&str>) -> Result<(), EndpointError> {
    let reserved = |name: &HeaderName| {
        matches!(
            name,
            HeaderName::Via
                | HeaderName::From
                | HeaderName::To
                | HeaderName::CallId
                | HeaderName::CSeq
                | HeaderName::Route
                | HeaderName::RecordRoute
                | HeaderName::MaxForwards
                | HeaderName::ContentLength
                | HeaderName::ContentType
                | HeaderName::RSeq
                | HeaderName::RAck
                | HeaderName::SessionExpires
                | HeaderName::MinSe
        )
    };
    let bad_header = headers.iter().any(|(name, value)| reserved(name) || !is_clean(value));
    if bad_header || reason.is_some_and(|reason| !is_clean(reason.as_bytes())) {
        return Err(EndpointError::BadHeader);
    }
    Ok(())
}

impl Reply {
    /// What of a ready-made response is not the endpoint's own to write: its further headers, its body and its reason
    /// phrase. So that the [`Registrar`](crate::registrar::Registrar)'s answer can be handed to
    /// [`Endpoint::respond`](super::Endpoint::respond).
    #[must_use]
    pub fn from_response(response: &Response) -> Self {
        let mut reply = Self::new();
        for (name, value) in response.headers().iter() {
            if check(&[(name.clone(), Bytes::copy_from_slice(value))], None).is_ok() {
                reply.headers.push((name, Bytes::copy_from_slice(value)));
            }
        }
        if response.reason() != response.status().reason() && is_clean(response.reason().as_bytes()) {
            reply.reason = Some(response.reason().to_owned());
        }
        if let Some(content_type) = response.headers().get(&HeaderName::ContentType)
            && !response.body().is_empty()
        {
            reply.body = Some(super::Body::new(
                Bytes::copy_from_slice(content_type),
                response.body().clone(),
            ));
        }
        reply
    }
}

impl From<crate::auth::Refusal> for Reply {
    /// The challenges, for [`Endpoint::respond`](super::Endpoint::respond) or [`reject`](super::Endpoint::reject).
    fn from(refusal: crate::auth::Refusal) -> Self {
        Self {
            headers: refusal.headers,
            ..Self::default()
        }
    }
}
