use super::lexer::Lexer;
use super::message::Message;
use super::{HeaderName, Headers, Method, NameAddr, ParseError, ParseErrorKind, Uri, UriView};
use crate::header::{CSeq, Via};
use bytes::{BufMut as _, Bytes, BytesMut};
use core::net::SocketAddr;

/// A request.
///
/// ```
/// use sip_core::{HeaderName, Method, Request, Uri};
///
/// let mut request = Request::new(Method::Message, Uri::sip(Some("bob"), "example.com", None));
/// request.headers_mut().push(HeaderName::CallId, "1@192.0.2.1");
/// request.set_body("text/plain", "hello".into());
/// assert_eq!(
///     request.to_bytes(),
///     "MESSAGE sip:bob@example.com SIP/2.0\r\nCall-ID: 1@192.0.2.1\r\nContent-Type: text/plain\r\n\
///      Content-Length: 5\r\n\r\nhello"
/// );
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "super::message::Saved", into = "Bytes"))]
pub struct Request {
    method: Method,
    uri: Bytes,
    headers: Headers,
    body: Bytes,
    /// Whether start line or body are no longer those of the wire.
    edited: bool,
}

impl Request {
    /// A request without headers and body. A `?` part of the URI is left out, since it may not stand there.
    pub fn new(method: Method, uri: Uri) -> Self {
        let uri = Bytes::from(uri.without_headers().to_string());
        Self {
            method,
            uri,
            headers: Headers::new(),
            body: Bytes::new(),
            edited: true,
        }
    }

    pub(super) const fn from_wire(method: Method, uri: Bytes, headers: Headers, body: Bytes) -> Self {
        Self {
            method,
            uri,
            headers,
            body,
            edited: false,
        }
    }

    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as it is on the wire.
    pub fn uri(&self) -> &[u8] {
        &self.uri
    }

    /// The Request-URI.
    ///
    /// # Errors
    ///
    /// The first fault in it; `UriHeaders` if it has a `?` part (RFC 3261 §19.1.1).
    pub fn request_uri(&self) -> Result<Uri, ParseError> {
        let uri = Uri::parse_in(&self.uri, self.headers.source())?;
        if uri.headers().len() != 0 {
            return Err(ParseError::new(ParseErrorKind::UriHeaders, 0));
        }
        Ok(uri)
    }

    /// The Request-URI where it lies in the message.
    ///
    /// # Errors
    ///
    /// As [`request_uri`](Self::request_uri).
    pub fn uri_view(&self) -> Result<UriView<'_>, ParseError> {
        let uri = UriView::lex(&mut Lexer::within(&self.uri, self.headers.source()))?;
        if uri.has_headers() {
            return Err(ParseError::new(ParseErrorKind::UriHeaders, 0));
        }
        Ok(uri)
    }

    /// Replaces the Request-URI. A `?` part is left out, since it may not stand there.
    pub fn set_uri(&mut self, uri: &Uri) {
        self.uri = Bytes::from(uri.without_headers().to_string());
        self.edited = true;
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

    /// The request as it goes to the wire: as it came, if nobody edited it; else with a Content-Length that is right.
    pub fn to_bytes(&self) -> Bytes {
        if !self.edited && !self.headers.is_edited() {
            return self.headers.wire().clone();
        }
        let method = self.method.as_str().as_bytes();
        let start = |out: &mut BytesMut| {
            out.put_slice(method);
            out.put_u8(b' ');
            out.put_slice(&self.uri);
            out.put_slice(b" SIP/2.0\r\n");
        };
        print_message(method.len() + self.uri.len() + 12, start, &self.headers, &self.body)
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

    /// Notes in the topmost Via where the request came from, so that [`Response::to_request`](super::Response::to_request)
    /// copies it, and gives the address to send a response to a datagram to ([`Via::note_source`],
    /// [`Via::reply_address`]).
    ///
    /// # Errors
    ///
    /// Those of [`top_via`](Self::top_via). The request is as it was.
    pub fn note_source(&mut self, source: SocketAddr) -> Result<SocketAddr, ParseError> {
        let mut via = self.top_via()?;
        let plain = via.clone();
        via.note_source(source);
        if via != plain {
            self.headers.pop_item(&HeaderName::Via);
            self.headers.push_front_typed(&via);
        }
        Ok(via.reply_address(source))
    }
}

pub(super) fn missing(name: &HeaderName) -> ParseError {
    ParseError::new(ParseErrorKind::MissingHeader(name.known_str()), 0)
}

pub(super) fn typed<H: crate::header::TypedHeader>(headers: &Headers) -> Result<H, ParseError> {
    headers.typed().unwrap_or_else(|| Err(missing(&H::NAME)))
}

pub(super) fn name_addr(headers: &Headers, name: &HeaderName) -> Result<NameAddr, ParseError> {
    let (value, source) = headers.get_in(name).ok_or_else(|| missing(name))?;
    NameAddr::parse_in(value, source)
}

pub(super) fn set_content_type(headers: &mut Headers, content_type: &str, body: &Bytes) {
    if body.is_empty() {
        headers.remove(&HeaderName::ContentType);
    } else {
        headers.set(HeaderName::ContentType, content_type.to_owned());
    }
}

/// Prints a message that was built or edited; corrects or adds Content-Length. `start` writes the start line, which
/// has `start_len` octets or somewhat less.
pub(super) fn print_message(
    start_len: usize,
    start: impl FnOnce(&mut BytesMut),
    headers: &Headers,
    body: &Bytes,
) -> Bytes {
    let right = headers.content_length().ok().flatten() == u64::try_from(body.len()).ok();
    let corrected = (!right && headers.contains(&HeaderName::ContentLength)).then(|| {
        let mut headers = headers.clone();
        headers.set(HeaderName::ContentLength, body.len().to_string());
        headers
    });
    let mut out = BytesMut::with_capacity(start_len + headers.printed_len() + body.len() + 48);
    start(&mut out);
    corrected.as_ref().unwrap_or(headers).print(&mut out);
    if !right && corrected.is_none() {
        out.put_slice(b"Content-Length: ");
        put_decimal(&mut out, body.len());
        out.put_slice(b"\r\n");
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

/// Appends a number in decimal digits.
pub(super) fn put_decimal(out: &mut BytesMut, number: usize) {
    let mut digits = [0_u8; 20];
    let mut rest = number;
    let mut used = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// The same method, Request-URI, headers in the same order, and body.
impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.method == other.method && self.uri == other.uri && self.headers == other.headers && self.body == other.body
    }
}

impl Eq for Request {}

impl TryFrom<Bytes> for Request {
    type Error = ParseError;
    fn try_from(bytes: Bytes) -> Result<Self, ParseError> {
        match Message::parse(bytes)? {
            Message::Request(request) => Ok(request),
            Message::Response(_) => Err(ParseError::new(ParseErrorKind::StartLine, 0)),
        }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<super::message::Saved> for Request {
    type Error = ParseError;
    fn try_from(saved: super::message::Saved) -> Result<Self, ParseError> {
        match saved.read()? {
            Message::Request(message) => Ok(message),
            Message::Response(_) => Err(ParseError::new(ParseErrorKind::StartLine, 0)),
        }
    }
}

impl From<Request> for Bytes {
    fn from(request: Request) -> Self {
        request.to_bytes()
    }
}
