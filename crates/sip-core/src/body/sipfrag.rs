//! Pieces of SIP messages as bodies: `message/sipfrag` (RFC 3420), in NOTIFYs of transfers and as proofs of identity.
//!
//! How far a transfer has come is told by the status line alone: see [`event::refer`](crate::event::refer).
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::Limits;
//! use sip_core::body::sipfrag::SipFragment;
//! use sip_core::header::{ReferredBy, Warning};
//!
//! let end = Bytes::from_static(b"SIP/2.0 486 Busy Here\r\nWarning: 399 pbx.example \"out for lunch\"\r\n");
//! let fragment = SipFragment::parse(&end, &Limits::default())?;
//! assert_eq!(fragment.status().unwrap().code(), 486);
//! assert_eq!(fragment.headers().typed::<Warning>().unwrap()?.text, "out for lunch");
//!
//! let proof = Bytes::from_static(b"Referred-By: <sip:referror@referror.example>\r\n");
//! assert!(SipFragment::parse(&proof, &Limits::default())?.headers().typed::<ReferredBy>().is_some());
//! # Ok::<(), sip_core::ParseError>(())
//! ```

use crate::wire::{Headers, Message, ParseError};
use crate::{Limits, StatusCode};
use bytes::{BufMut as _, Bytes, BytesMut};

/// The type of the body, as it stands in `Content-Type`.
pub const CONTENT_TYPE: &str = "message/sipfrag";

/// A message, or headers alone, of which anything may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SipFragment {
    /// With a start line.
    Message(Message),
    /// Headers, and perhaps a body.
    Headers(Headers, Bytes),
}

impl SipFragment {
    /// Reads a fragment. The empty line after the headers may be missing, where no body follows.
    ///
    /// # Errors
    ///
    /// As [`Message::parse`].
    pub fn parse(fragment: &Bytes, limits: &Limits) -> Result<Self, ParseError> {
        let has_end = has_empty_line(fragment);
        let text = if has_end {
            fragment.clone()
        } else {
            let mut padded = BytesMut::with_capacity(fragment.len() + 4);
            padded.extend_from_slice(fragment);
            if !fragment.is_empty() && !fragment.ends_with(b"\n") {
                padded.put_slice(b"\r\n");
            }
            padded.put_slice(b"\r\n");
            padded.freeze()
        };
        if begins_with_start_line(&text) {
            return Message::parse_with(text, limits).map(Self::Message);
        }
        let (headers, at) = Headers::parse_block(text.clone(), limits)?;
        Ok(Self::Headers(headers, text.slice(at..)))
    }

    /// The status, if it is a piece of a response.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Message(Message::Response(response)) => Some(response.status()),
            Self::Message(Message::Request(_)) | Self::Headers(..) => None,
        }
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Message(message) => message.headers(),
            Self::Headers(headers, _) => headers,
        }
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        match self {
            Self::Message(message) => message.body(),
            Self::Headers(_, body) => body,
        }
    }
}

/// Whether the first line names the version of SIP at its start or end; in a header a colon would come before.
fn begins_with_start_line(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_status = line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
    let name_end = line.iter().position(|byte| matches!(byte, b' ' | b'\t' | b':'));
    let is_header = name_end.is_some_and(|at| {
        let rest = line.get(at..).unwrap_or_default();
        rest.trim_ascii_start().starts_with(b":")
    });
    is_status || (!is_header && line.len() > 8 && line.ends_with(b" SIP/2.0"))
}

/// Whether the headers can end: an empty line, at the start or after a line.
fn has_empty_line(text: &[u8]) -> bool {
    let is_line_end = |rest: &[u8]| rest.starts_with(b"\n") || rest.starts_with(b"\r\n");
    is_line_end(text) || memchr::memchr_iter(b'\n', text).any(|at| is_line_end(text.get(at + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::{From, Via};
    use crate::{HeaderName, Method};

    fn parse(text: &'static str) -> Result<SipFragment, ParseError> {
        SipFragment::parse(&Bytes::from_static(text.as_bytes()), &Limits::default())
    }

    /// The examples of RFC 3420, section 3.
    #[test]
    fn valid_fragments() {
        let SipFragment::Message(Message::Request(request)) =
            parse("INVITE sip:alice@atlanta.com SIP/2.0\r\n").unwrap()
        else {
            panic!()
        };
        assert_eq!((request.method(), request.headers().len()), (&Method::Invite, 0));
        assert_eq!(parse("SIP/2.0 603 Declined\r\n").unwrap().status().unwrap().code(), 603);
        let request =
            parse("REGISTER sip:atlanta.com SIP/2.0\r\nTo: sip:alice@atlanta.com\r\nContact: <sip:a@b>;q=0.9\r\n");
        assert_eq!(request.unwrap().headers().len(), 2);
        let headers =
            parse("From: Alice <sip:alice@atlanta.com>\r\nTo: Bob <sip:bob@biloxi.com>\r\nContact: <sip:a@b>\r\n")
                .unwrap();
        assert!(headers.headers().typed::<From>().unwrap().is_ok() && headers.status().is_none());
        let with_body =
            parse("SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0").unwrap();
        assert_eq!(with_body.body(), "v=0");
        let only_body = parse("Content-Type: application/sdp\r\n\r\nv=0\r\n").unwrap();
        assert_eq!(only_body.body(), "v=0\r\n");
        assert!(parse("").unwrap().headers().is_empty(), "nothing at all is a fragment");
        assert_eq!(parse("\r\nbody").unwrap().body(), "body");
    }

    #[test]
    fn a_header_is_no_start_line() {
        let via = parse("Via : SIP/2.0/UDP a;x= SIP/2.0").unwrap();
        assert!(matches!(via, SipFragment::Headers(..)));
        assert!(
            parse("Via: SIP/2.0/UDP a")
                .unwrap()
                .headers()
                .typed::<Via>()
                .unwrap()
                .is_ok()
        );
        assert!(
            parse("Subject: SIP/2.0")
                .unwrap()
                .headers()
                .contains(&HeaderName::Subject)
        );
    }

    #[test]
    fn invalid_fragments() {
        for text in [
            "INVITE sip:a@b\r\n",
            "SIP/2.0 99 x\r\n",
            "no colon\r\n",
            "A: b\rc\r\n",
            "INVITE  sip:a@b SIP/2.0\r\n",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let limits = Limits::default();
        let many = |count: usize| SipFragment::parse(&Bytes::from("A: b\r\n".repeat(count)), &limits);
        assert!(many(limits.headers).is_ok() && many(limits.headers + 1).is_err());
    }
}
