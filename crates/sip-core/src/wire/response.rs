use super::lexer::is_token_byte;
use super::message::Message;
use super::request::{name_addr, print_message, put_decimal, set_content_type, typed};
use super::{
    HeaderName, Headers, Method, NameAddr, NameAddrView, ParseError, ParseErrorKind, Request, StatusCode, name,
};
use crate::header::{CSeq, Via};
use bytes::{BufMut as _, Bytes, BytesMut};
use std::borrow::Cow;

/// A response.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "super::message::Saved", into = "Bytes"))]
pub struct Response {
    status: StatusCode,
    reason: Bytes,
    headers: Headers,
    body: Bytes,
    /// Whether start line or body are no longer those of the wire.
    edited: bool,
}

impl Response {
    /// A response with the usual reason phrase, without headers and body.
    pub const fn new(status: StatusCode) -> Self {
        let reason = Bytes::from_static(status.reason().as_bytes());
        Self {
            status,
            reason,
            headers: Headers::new(),
            body: Bytes::new(),
            edited: true,
        }
    }

    /// The response to a request: its Vias, From, To, Call-ID and CSeq (RFC 3261 §8.2.6.2); in a response that
    /// can form a dialog (101 to 299) also its Record-Routes (§12.1.1), in a 100 its Timestamp (§8.2.6.1). The Vias come
    /// first, then the Record-Routes, the others in the request's order.
    ///
    /// No To tag is added: who answers has to, in all but a 100.
    ///
    /// ```
    /// use sip_core::{Message, Response, StatusCode};
    ///
    /// let Message::Request(request) = Message::parse(
    ///     "OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP c\r\nf: <sip:d@e>;tag=1\r\nt: <sip:a@b>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
    ///         .into(),
    /// )?
    /// else {
    ///     unreachable!()
    /// };
    /// let mut response = Response::to_request(&request, StatusCode::OK, None);
    /// response.set_to_tag("2");
    /// assert_eq!(
    ///     response.to_bytes(),
    ///     "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP c\r\nFrom: <sip:d@e>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\n\
    ///      CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    /// );
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn to_request(request: &Request, status: StatusCode, reason: Option<&str>) -> Self {
        let mut response = Self::new(status);
        if let Some(reason) = reason {
            response.set_reason(reason);
        }
        let forms_dialog = (101..300).contains(&status.code());
        response.headers = Headers::picked(request.headers(), |id| match id {
            name::VIA | name::FROM | name::TO | name::CALL_ID | name::CSEQ => true,
            name::RECORD_ROUTE => forms_dialog,
            name::TIMESTAMP => status == StatusCode::TRYING,
            _ => false,
        });
        response
    }

    pub(super) const fn from_wire(status: StatusCode, reason: Bytes, headers: Headers, body: Bytes) -> Self {
        Self {
            status,
            reason,
            headers,
            body,
            edited: false,
        }
    }

    /// The status code.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase; empty if it is not UTF-8 (see [`reason_lossy`](Self::reason_lossy)).
    pub fn reason(&self) -> &str {
        core::str::from_utf8(&self.reason).unwrap_or_default()
    }

    /// The reason phrase, read as Latin-1 if it is not UTF-8.
    pub fn reason_lossy(&self) -> Cow<'_, str> {
        super::lexer::decode_text(&self.reason)
    }

    /// Replaces the status code and the reason phrase by the usual one.
    pub fn set_status(&mut self, status: StatusCode) {
        self.status = status;
        self.set_reason(status.reason());
    }

    /// Replaces the reason phrase. Control characters become spaces.
    pub fn set_reason(&mut self, reason: &str) {
        let masked: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.reason = masked.into();
        self.edited = true;
    }

    /// Adds a tag to the To header, if it has none and can be read.
    pub fn set_to_tag(&mut self, tag: &str) {
        let Some((value, source)) = self.headers.get_in(&HeaderName::To) else {
            return;
        };
        if NameAddrView::parse_in(value, source).is_ok_and(|to| to.tag().is_none()) {
            // Appended, not printed anew: the rest goes back as it came.
            let mut tagged = Vec::with_capacity(value.len() + tag.len() + 5);
            tagged.extend_from_slice(value);
            tagged.extend_from_slice(b";tag=");
            let mask = |byte| if is_token_byte(byte) { byte } else { b'-' };
            tagged.extend(tag.bytes().map(mask));
            self.headers.set(HeaderName::To, tagged);
        }
    }

    /// The headers.
    pub const fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The headers, for change.
    pub const fn headers_mut(&mut self) -> &mut Headers {
        &mut self.headers
    }

    /// The body.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Replaces the body and sets Content-Type; an empty body removes Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Bytes) {
        set_content_type(&mut self.headers, content_type, &body);
        self.body = body;
        self.edited = true;
    }

    /// The response as it goes to the wire: as it came, if nobody edited it; else with a Content-Length that is right.
    pub fn to_bytes(&self) -> Bytes {
        if !self.edited && !self.headers.is_edited() {
            return self.headers.wire().clone();
        }
        let start = |out: &mut BytesMut| {
            out.put_slice(b"SIP/2.0 ");
            put_decimal(out, usize::from(self.status.code()));
            out.put_u8(b' ');
            out.put_slice(&self.reason);
            out.put_slice(b"\r\n");
        };
        print_message(self.reason.len() + 16, start, &self.headers, &self.body)
    }

    /// The Call-ID as it is on the wire.
    pub fn call_id(&self) -> Option<&[u8]> {
        self.headers.get(&HeaderName::CallId)
    }

    /// The From header.
    ///
    /// # Errors
    ///
    /// `MissingHeader`, or the first fault in it.
    pub fn from(&self) -> Result<NameAddr, ParseError> {
        name_addr(&self.headers, &HeaderName::From)
    }

    /// The To header.
    ///
    /// # Errors
    ///
    /// `MissingHeader`, or the first fault in it.
    pub fn to(&self) -> Result<NameAddr, ParseError> {
        name_addr(&self.headers, &HeaderName::To)
    }

    /// The CSeq header.
    ///
    /// # Errors
    ///
    /// `MissingHeader`, or the first fault in it.
    pub fn cseq(&self) -> Result<CSeq, ParseError> {
        typed(&self.headers)
    }

    /// The topmost Via.
    ///
    /// # Errors
    ///
    /// `MissingHeader`, or the first fault in it.
    pub fn top_via(&self) -> Result<Via, ParseError> {
        typed(&self.headers)
    }

    /// The method of the request that this answers, from CSeq.
    pub fn method(&self) -> Option<Method> {
        self.cseq().ok().map(|cseq| cseq.method)
    }
}

/// The same status, reason phrase, headers in the same order, and body.
impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        self.status == other.status
            && self.reason == other.reason
            && self.headers == other.headers
            && self.body == other.body
    }
}

impl Eq for Response {}

impl TryFrom<Bytes> for Response {
    type Error = ParseError;
    fn try_from(bytes: Bytes) -> Result<Self, ParseError> {
        match Message::parse(bytes)? {
            Message::Response(response) => Ok(response),
            Message::Request(_) => Err(ParseError::new(ParseErrorKind::StartLine, 0)),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<super::message::Saved> for Response {
    type Error = ParseError;
    fn try_from(saved: super::message::Saved) -> Result<Self, ParseError> {
        match saved.read()? {
            Message::Response(message) => Ok(message),
            Message::Request(_) => Err(ParseError::new(ParseErrorKind::StartLine, 0)),
        }
    }
}

impl From<Response> for Bytes {
    fn from(response: Response) -> Self {
        response.to_bytes()
    }
}
