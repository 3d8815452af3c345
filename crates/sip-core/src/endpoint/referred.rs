//! The request that a REFER asks for (RFC 3515 §2.4.3).

use bytes::Bytes;

use super::{EndpointError, Invite, OutOfDialog};
use crate::dialog::compose::is_clean;
use crate::{HeaderName, Method, NameAddr, Request, Uri};

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
    let mut headers = Vec::new();
    for name in ALLOWED {
        if let Some(value) = uri.header(name.as_str()) {
            headers.push((name, Bytes::from(value.into_owned())));
        }
    }
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
