use super::lexer::is_token_byte;
use super::parse::leading_line_ends;
use super::{HeaderName, Headers, Method, Request};
use crate::Limits;
use bytes::Bytes;

/// What can be read of a request that [`Message::parse`](super::Message::parse) refused: its method and its Via,
/// From, To, Call-ID and CSeq lines. For nothing but an error response (RFC 3261 §8.2.2, §21.4.1).
///
/// `None` if it is a response or an ACK, which are never answered, or if too little can be read for an answer: a
/// method, a Via and a Call-ID are needed. The values themselves may be malformed; they go back as they came.
///
/// ```
/// use sip_core::wire::salvage_request;
/// use sip_core::{Message, Response};
///
/// let datagram = b"OPTIONS sip:a@b SIP/7.0\r\nVia: SIP/7.0/UDP c\r\nFrom: <sip:d@e>;tag=1\r\nTo: <sip:a@b>\r\n\
///     Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let error = Message::parse(datagram.as_slice().into()).unwrap_err();
/// let request = salvage_request(datagram).unwrap();
/// let response = Response::to_request(&request, error.status(), None);
/// assert!(response.to_bytes().starts_with(b"SIP/2.0 505 Version Not Supported\r\nVia: "));
/// ```
pub fn salvage_request(datagram: &[u8]) -> Option<Request> {
    let limits = Limits::default();
    let start = leading_line_ends(datagram);
    let rest = datagram.get(start..)?;
    let rest = rest.get(..limits.message.min(rest.len()))?;
    let line_end = memchr::memchr(b'\n', rest)?;
    let line = rest.get(..line_end)?;
    let method_len = line.iter().position(|byte| !is_token_byte(*byte))?;
    let (method, after) = line.split_at(method_len);
    if !matches!(after.first(), Some(b' ' | b'\t')) {
        return None;
    }
    let method = Method::parse(method).ok().filter(|method| *method != Method::Ack)?;
    let found = Headers::salvage(Bytes::copy_from_slice(rest), line_end + 1, &limits);
    let mut headers = Headers::new();
    for name in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
        if let Some(value) = found.get_bytes(&name) {
            headers.push(name, value);
        }
    }
    for value in found.values_bytes(&HeaderName::Via).take(limits.vias) {
        headers.push(HeaderName::Via, value);
    }
    if !headers.contains(&HeaderName::CallId) {
        return None;
    }
    headers
        .contains(&HeaderName::Via)
        .then(|| Request::from_wire(method, Bytes::new(), headers, Bytes::new()))
}
