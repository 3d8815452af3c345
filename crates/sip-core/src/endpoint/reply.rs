//! What a response takes from its request (RFC 3261 §8.2.6.2).

use std::net::SocketAddr;

use bytes::Bytes;

use super::{EndpointError, Flow, Reply};
use crate::dialog::compose::{Composer, VecWriter, is_clean};
use crate::dialog::raw::tag_of;
use crate::header::Via;
use crate::{HeaderName, Request, Response, StatusCode};

/// The lines that all responses to one request share, in one buffer.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct ReplyHead {
    /// Via, From, Call-ID, CSeq, Timestamp; the value of To; Record-Routes.
    text: Vec<u8>,
    lines_end: usize,
    to_end: usize,
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
        let mut text = Vec::with_capacity(384);
        write_vias(&mut text, request, via, source, keep);
        for (name, wanted) in [
            ("From", HeaderName::From),
            ("Call-ID", HeaderName::CallId),
            ("CSeq", HeaderName::CSeq),
            ("Timestamp", HeaderName::Timestamp),
        ] {
            if let Some(value) = headers.get(&wanted) {
                line(&mut text, name, value);
            }
        }
        let lines_end = text.len();
        let to = headers.get(&HeaderName::To).unwrap_or_default();
        text.extend_from_slice(to);
        let to_end = text.len();
        for value in headers.values(&HeaderName::RecordRoute) {
            line(&mut text, "Record-Route", value);
        }
        Self {
            has_tag: tag_of(to).is_some(),
            text,
            lines_end,
            to_end,
        }
    }

    /// Octets that are kept.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Begins a response. `tag` goes into a To that has none; with `dialog` the Record-Routes are copied.
    pub(super) fn begin(&self, status: StatusCode, reason: Option<&str>, tag: Option<&[u8]>, dialog: bool) -> Composer {
        let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        let mut out = Composer::response(status, reason);
        out.lines(part(0, self.lines_end))
            .lines(b"To: ")
            .lines(part(self.lines_end, self.to_end));
        if let Some(tag) = tag.filter(|_| !self.has_tag && status != StatusCode::TRYING) {
            out.lines(b";tag=").lines(tag);
        }
        out.lines(b"\r\n");
        if dialog {
            out.lines(part(self.to_end, self.text.len()));
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
    let port = via.params.contains("rport").then_some(source.port());
    let keep = keep.filter(|_| via.keep() == Some(None));
    let ip = source.ip().to_canonical();
    if port.is_some() || keep.is_some() || via.host.ip() != Some(ip) {
        out.extend_from_slice(b"Via: ");
        // Writing to a vector does not fail.
        let _ = via.write_noted(&mut VecWriter(out), ip, port, keep);
        out.extend_from_slice(b"\r\n");
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
