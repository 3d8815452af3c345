//! The request that a REFER asks for (RFC 3515 §2.4.3).

use bytes::Bytes;

use super::{Body, EndpointError, Invite, OutOfDialog};
use crate::body::multipart::{Multipart, Part};
use crate::dialog::compose::is_clean;
use crate::header::{ContentType, ReferredBy};
use crate::{HeaderName, Limits, Method, NameAddr, Request, Uri};

/// Headers that a `Refer-To` URI may add: who names others (From, Route, Call-ID, credentials…) would speak in our name
/// (RFC 3261 §19.1.5).
const ALLOWED: [HeaderName; 10] = [
    HeaderName::Replaces,
    HeaderName::Join,
    HeaderName::Require,
    HeaderName::Subject,
    HeaderName::Priority,
    HeaderName::AcceptContact,
    HeaderName::RejectContact,
    HeaderName::RequestDisposition,
    HeaderName::UserToUser,
    HeaderName::InReplyTo,
];

impl Invite {
    /// The call that `refer_to` asks for: to its URI, with those headers of it that cannot harm (among them `Replaces`), and
    /// with the `Referred-By` of `request`, the REFER (RFC 3892). Whether to call is the embedder's decision; tell the
    /// referrer how it goes with [`notify_refer`](super::Endpoint::notify_refer).
    ///
    /// # Errors
    ///
    /// [`EndpointError::BadMethod`] if another request is asked for (see [`OutOfDialog::referred`]);
    /// [`EndpointError::BadHeader`] for control characters in a header.
    ///
    /// ```
    /// use sip_core::{HeaderName, Invite, Message, NameAddr};
    ///
    /// let refer = b"REFER sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    ///     From: <sip:alice@example.com>;tag=a\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REFER\r\n\
    ///     Referred-By: <sip:alice@example.com>\r\n\
    ///     Refer-To: <sip:carol@192.0.2.3;method=INVITE?Replaces=7%40h%3Bto-tag%3Dx%3Bfrom-tag%3Dy&Route=%3Csip:evil%3E>\r\n\r\n";
    /// let Ok(Message::Request(refer)) = Message::parse(refer.to_vec().into()) else { unreachable!() };
    /// let refer_to = NameAddr::parse(refer.headers().get(&HeaderName::ReferTo).unwrap())?;
    /// let bob = NameAddr::parse(b"<sip:bob@example.com>")?;
    ///
    /// let invite = Invite::referred(&refer_to, &refer, bob)?;
    /// assert_eq!(invite.target.to_string(), "sip:carol@192.0.2.3");
    /// let names: Vec<_> = invite.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    /// assert_eq!(names, [
    ///     ("Replaces", &b"7@h;to-tag=x;from-tag=y"[..]),
    ///     ("Referred-By", &b"<sip:alice@example.com>"[..]),
    /// ]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn referred(refer_to: &NameAddr, request: &Request, from: NameAddr) -> Result<Self, EndpointError> {
        let (method, target, headers) = read(refer_to, request)?;
        if method != Method::Invite {
            return Err(EndpointError::BadMethod);
        }
        let mut to = refer_to.clone();
        to.uri = target.clone();
        let mut invite = Self::new(target, from, to);
        invite.headers = headers;
        Ok(invite)
    }
}

impl Invite {
    /// Adds the body part that proves the `Referred-By` of `request`, the REFER: the one that its `cid` names goes along, beside
    /// the offer (RFC 3892 §2.2). Call it after the body was set. Without such a part, nothing changes.
    #[must_use]
    pub fn with_referrer_token(mut self, request: &Request) -> Self {
        let Some(token) = referrer_token(request) else {
            return self;
        };
        let own = self.body.take().and_then(|body| {
            let content_type = core::str::from_utf8(&body.content_type).ok()?;
            Some(Part::new(content_type, body.data))
        });
        self.body = Some(Body::from(&Multipart::mixed(own.into_iter().chain([token]).collect())));
        self
    }
}

fn referrer_token(request: &Request) -> Option<Part> {
    let by = request.headers().typed::<ReferredBy>()?.ok()?;
    let cid = by.cid()?;
    let limits = Limits::default();
    let content_type = request.headers().typed::<ContentType>()?.ok()?;
    let parts = Multipart::parse(&content_type, request.body(), &limits).ok()?.parts;
    parts.into_iter().find(|part| part.id().is_some_and(|id| id.0 == cid))
}

impl OutOfDialog {
    /// The request other than INVITE that `refer_to` asks for by its URI's `method`, as [`Invite::referred`] makes the call.
    /// [`Endpoint::send`](super::Endpoint::send) says which methods it sends.
    ///
    /// # Errors
    ///
    /// [`EndpointError::BadMethod`] if an INVITE is asked for, or no method;
    /// [`EndpointError::BadHeader`] for control characters in a header.
    pub fn referred(refer_to: &NameAddr, request: &Request, from: NameAddr) -> Result<Self, EndpointError> {
        let (method, target, headers) = read(refer_to, request)?;
        if method == Method::Invite {
            return Err(EndpointError::BadMethod);
        }
        let mut to = refer_to.clone();
        to.uri = target.clone();
        let mut wanted = Self::new(method, target, from, to);
        wanted.headers = headers;
        Ok(wanted)
    }
}

type Wanted = (Method, Uri, Vec<(HeaderName, Bytes)>);

fn read(refer_to: &NameAddr, request: &Request) -> Result<Wanted, EndpointError> {
    let uri = &refer_to.uri;
    let method = match uri.params().value("method") {
        Some(name) => Method::parse(name.as_bytes()).map_err(|_| EndpointError::BadMethod)?,
        None => Method::Invite,
    };
    let mut headers = safe_headers(uri);
    if let Some(by) = request.headers().get(&HeaderName::ReferredBy) {
        headers.push((HeaderName::ReferredBy, Bytes::copy_from_slice(by)));
    }
    if !headers.iter().all(|(_, value)| is_clean(value)) {
        return Err(EndpointError::BadHeader);
    }
    let mut target = uri.without_headers();
    target.params_mut().remove("method");
    Ok((method, target, headers))
}

/// Those headers of a URI that cannot harm.
pub(super) fn safe_headers(uri: &Uri) -> Vec<(HeaderName, Bytes)> {
    let given = |name: HeaderName| {
        let value = uri.header(name.as_str())?.into_owned();
        Some((name, Bytes::from(value)))
    };
    ALLOWED.into_iter().filter_map(given).collect()
}
