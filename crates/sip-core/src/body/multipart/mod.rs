//! Bodies of several parts (RFC 2046 §5.1, RFC 5621).
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::body::multipart::{Multipart, Part, understood};
//! use sip_core::{Headers, Limits};
//!
//! let session = Part::new("application/sdp", Bytes::from_static(b"v=0\r\n"));
//! let place = Part::new("application/pidf+xml", Bytes::from_static(b"<presence/>")).optional();
//! let body = Multipart::mixed(vec![session, place]);
//! let (mut headers, bytes) = (Headers::new(), body.to_bytes());
//! headers.push_typed(&body.content_type());
//!
//! // A phone that knows SDP alone: what it does not know is optional, so the request is not refused.
//! let parts = understood(&headers, &bytes, &Limits::default(), &|part| part.is("application/sdp"))?;
//! assert_eq!(parts.len(), 1);
//! assert_eq!(parts[0].body, "v=0\r\n");
//! # Ok::<(), sip_core::body::multipart::BodyError>(())
//! ```

mod encoding;
mod parse;
mod understood;

pub use understood::understood;

use crate::StatusCode;
use crate::header::{
    ContentDisposition, ContentEncoding, ContentId, ContentTransferEncoding, ContentType, Disposition,
};
use crate::wire::{HeaderName, Headers, Params, ParseError};
use bytes::{BufMut as _, Bytes, BytesMut};
use core::fmt::Write as _;
use parse::MAX_BOUNDARY;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;

/// One level of a body of several parts.
///
/// ```
/// use bytes::Bytes;
/// use sip_core::Limits;
/// use sip_core::body::multipart::{Multipart, MultipartKind};
/// use sip_core::header::{ContentType, TypedHeader};
///
/// let content_type = ContentType::parse(b"multipart/alternative; boundary=\"=_1\"")?;
/// let body = Bytes::from_static(b"--=_1\r\n\r\nplain\r\n--=_1\r\nContent-Type: text/html\r\n\r\n<b>bold</b>\r\n--=_1--");
/// let read = Multipart::parse(&content_type, &body, &Limits::default()).unwrap();
/// assert_eq!((read.kind, read.parts.len()), (MultipartKind::Alternative, 2));
/// assert!(read.parts[0].is("text/plain") && read.parts[1].is("text/html"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// What the parts are to each other.
    pub kind: MultipartKind,
    /// What separates them: 1 to 70 octets.
    pub boundary: SmolStr,
    /// Of `multipart/related`, the Content-ID of the part to begin with; the first part, if `None`.
    pub start: Option<SmolStr>,
    /// The parts.
    pub parts: Vec<Part>,
}

/// What the parts of a body are to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum MultipartKind {
    /// Independent of each other.
    Mixed,
    /// The same in several forms, the best last.
    Alternative,
    /// One, and what it refers to.
    Related,
    /// Another; treated as mixed (RFC 2046 §5.1.7).
    Other(SmolStr),
}

/// One part: headers and content. The body of a message is one, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its headers.
    pub headers: Headers,
    /// Its content.
    pub body: Bytes,
}

/// Why a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The Content-Type is not `multipart`.
    #[error("not a body of several parts")]
    NotMultipart,
    /// No `boundary` parameter, or not 1 to 70 octets of those that RFC 2046 allows.
    #[error("no boundary, or a malformed one")]
    Boundary,
    /// Nothing between the boundaries, or no boundary at all.
    #[error("no parts")]
    NoParts,
    /// The last boundary is missing.
    #[error("last boundary missing")]
    Unterminated,
    /// A header that cannot be read, of a part or of the message.
    #[error("malformed header of a body: {0}")]
    Header(ParseError),
    /// More than `Limits::body_parts`.
    #[error("too many parts")]
    TooManyParts,
    /// Parts within parts beyond `Limits::body_depth`.
    #[error("parts nested too deeply")]
    TooDeep,
    /// Content that is not of the encoding that its Content-Transfer-Encoding names.
    #[error("content does not decode")]
    Encoding,
    /// Something that is not understood and must be.
    #[error("body not understood")]
    Unsupported,
}

impl BodyError {
    /// The status that answers a request with such a body: 400, 413 or 415 (RFC 5621 §7).
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::NotMultipart | Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyParts | Self::TooDeep => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Self::Boundary | Self::NoParts | Self::Unterminated | Self::Encoding | Self::Header(_) => {
                StatusCode::BAD_REQUEST
            }
        }
    }
}

impl MultipartKind {
    /// The subtype.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Mixed => "mixed",
            Self::Alternative => "alternative",
            Self::Related => "related",
            Self::Other(subtype) => subtype,
        }
    }

    fn from_subtype(subtype: &str) -> Self {
        let known = [Self::Mixed, Self::Alternative, Self::Related];
        let found = known
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(subtype));
        found.unwrap_or_else(|| Self::Other(SmolStr::new(subtype)))
    }
}

impl Part {
    /// Content of one type, such as `application/sdp`.
    #[must_use]
    pub fn new(content_type: &str, body: Bytes) -> Self {
        let mut headers = Headers::new();
        headers.push(HeaderName::ContentType, content_type.to_owned());
        Self { headers, body }
    }

    /// Says what the part is for.
    #[must_use]
    pub fn with_disposition(mut self, disposition: &ContentDisposition) -> Self {
        self.headers.set_typed(disposition);
        self
    }

    /// Says that whoever does not understand the part may pass over it.
    #[must_use]
    pub fn optional(self) -> Self {
        // A header that cannot be read is replaced.
        let disposition = self
            .disposition()
            .unwrap_or_else(|_| ContentDisposition::new(Disposition::Render));
        self.with_disposition(&disposition.optional())
    }

    /// Names the part, so that a `cid:` URI can point to it.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.headers.set_typed(&ContentId(SmolStr::new(id)));
        self
    }

    /// Its type; `text/plain` if it does not say (RFC 2046 §5.1).
    ///
    /// # Errors
    ///
    /// If Content-Type is malformed.
    pub fn content_type(&self) -> Result<ContentType, ParseError> {
        let plain = || ContentType {
            kind: SmolStr::new_static("text"),
            subtype: SmolStr::new_static("plain"),
            params: Params::new(),
        };
        self.headers.typed().unwrap_or_else(|| Ok(plain()))
    }

    /// Whether its type is `type/subtype`, without regard to case and parameters.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        self.content_type()
            .is_ok_and(|content_type| content_type.is(media_type))
    }

    /// What it is for; if it does not say, `session` for SDP and `render` for all else (RFC 3261 §20.11).
    ///
    /// # Errors
    ///
    /// If Content-Disposition is malformed.
    pub fn disposition(&self) -> Result<ContentDisposition, ParseError> {
        self.headers.typed().unwrap_or_else(|| {
            let session = self.is("application/sdp");
            Ok(ContentDisposition::new(if session {
                Disposition::Session
            } else {
                Disposition::Render
            }))
        })
    }

    /// Its name, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<ContentId> {
        self.headers.typed()?.ok()
    }

    /// The content without its Content-Transfer-Encoding: base64 and quoted-printable are undone (RFC 2045 §6). It is never
    /// longer than it was.
    ///
    /// ```
    /// use sip_core::HeaderName;
    /// use sip_core::body::multipart::Part;
    ///
    /// let mut part = Part::new("text/plain", "aGVsbG8=".into());
    /// part.headers.push(HeaderName::ContentTransferEncoding, "base64");
    /// assert_eq!(part.decoded()?, "hello");
    /// # Ok::<(), sip_core::body::multipart::BodyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BodyError::Unsupported`] for another encoding, or a Content-Encoding; [`BodyError::Encoding`] if it does not decode.
    pub fn decoded(&self) -> Result<Bytes, BodyError> {
        use ContentTransferEncoding::{Base64, Binary, EightBit, QuotedPrintable, SevenBit};
        let packed = self.headers.typed_all::<ContentEncoding>();
        let is_plain = packed.is_ok_and(|all| {
            all.iter()
                .flat_map(|list| &list.0)
                .all(|one| one.as_str().eq_ignore_ascii_case("identity"))
        });
        let multipart = || {
            self.content_type()
                .is_ok_and(|it| it.kind.eq_ignore_ascii_case("multipart"))
        };
        let decoded = match self.headers.typed::<ContentTransferEncoding>() {
            _ if !is_plain => return Err(BodyError::Unsupported),
            None | Some(Ok(Binary | EightBit | SevenBit)) => return Ok(self.body.clone()),
            // Parts that hold parts are not encoded themselves (§6.4).
            Some(Ok(Base64)) if !multipart() => encoding::base64(&self.body),
            Some(Ok(QuotedPrintable)) if !multipart() => encoding::quoted_printable(&self.body),
            Some(_) => return Err(BodyError::Unsupported),
        };
        decoded.ok_or(BodyError::Encoding)
    }
}

impl Multipart {
    /// Parts that are independent of each other, with a boundary that occurs in none of them.
    #[must_use]
    pub fn mixed(parts: Vec<Part>) -> Self {
        Self::new(MultipartKind::Mixed, parts)
    }

    /// The same in several forms, the best last.
    #[must_use]
    pub fn alternative(parts: Vec<Part>) -> Self {
        Self::new(MultipartKind::Alternative, parts)
    }

    /// The first part, and what it refers to.
    #[must_use]
    pub fn related(parts: Vec<Part>) -> Self {
        Self::new(MultipartKind::Related, parts)
    }

    /// Parts with a boundary that occurs in none of them. It depends on the parts alone.
    #[must_use]
    pub fn new(kind: MultipartKind, parts: Vec<Part>) -> Self {
        let mut body = Self {
            kind,
            boundary: SmolStr::default(),
            start: None,
            parts,
        };
        let content = body.to_bytes();
        let digest = Sha256::digest(&content);
        let mut boundary = String::new();
        for byte in digest.iter().take(12) {
            // A String takes whatever is written to it.
            let _ = write!(boundary, "{byte:02x}");
        }
        // That contents hold their own digest is not to be feared, but it costs nothing to make sure.
        while boundary.len() < MAX_BOUNDARY && memchr::memmem::find(&content, boundary.as_bytes()).is_some() {
            boundary.push('x');
        }
        body.boundary = SmolStr::new(boundary);
        body
    }

    /// The Content-Type of the whole.
    #[must_use]
    pub fn content_type(&self) -> ContentType {
        let mut params = Params::new();
        params.set("boundary", Some(&self.boundary));
        if let Some(start) = &self.start {
            params.set("start", Some(&format!("<{start}>")));
        }
        ContentType {
            kind: SmolStr::new_static("multipart"),
            subtype: SmolStr::new(self.kind.as_str()),
            params,
        }
    }

    /// The body: each part with its headers, boundaries around them.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        for part in &self.parts {
            out.put_slice(b"--");
            out.put_slice(self.boundary.as_bytes());
            out.put_slice(b"\r\n");
            for (name, value) in part.headers.iter() {
                out.put_slice(name.as_str().as_bytes());
                out.put_slice(b": ");
                out.put_slice(value);
                out.put_slice(b"\r\n");
            }
            out.put_slice(b"\r\n");
            out.put_slice(&part.body);
            out.put_slice(b"\r\n");
        }
        out.put_slice(b"--");
        out.put_slice(self.boundary.as_bytes());
        out.put_slice(b"--\r\n");
        out.freeze()
    }

    /// Of `multipart/related`, where the part to begin with is: the one that `start` names, or else the first.
    #[must_use]
    pub fn root(&self) -> usize {
        let is_root = |part: &Part| part.id().is_some_and(|id| Some(&id.0) == self.start.as_ref());
        self.parts.iter().position(is_root).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
