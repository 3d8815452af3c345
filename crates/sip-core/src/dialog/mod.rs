//! Dialogs (RFC 3261 §12): identity, sequence numbers, route set and remote target, and the requests built from them.
//!
//! A [`Dialog`] knows nothing of transactions or transports; the [`Endpoint`](crate::Endpoint) gives it its messages. So can
//! anybody. Here both sides of one call, without anything else of this crate but the parser:
//!
//! ```
//! use sip_core::dialog::Dialog;
//! use sip_core::{HeaderName, Message, Method, Response, StatusCode};
//!
//! let invite = "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     Record-Route: <sip:192.0.2.9;lr>\r\nFrom: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.com>\r\n\
//!     Call-ID: 1@192.0.2.1\r\nCSeq: 7 INVITE\r\nContact: <sip:alice@192.0.2.1>\r\nMax-Forwards: 70\r\n\r\n";
//! let Message::Request(invite) = Message::parse(invite.into())? else { unreachable!() };
//!
//! // Bob answers; with that he is in a dialog.
//! let mut answer = Response::to_request(&invite, StatusCode::OK, None);
//! answer.set_to_tag("b");
//! answer.headers_mut().push(HeaderName::Contact, "<sip:bob@192.0.2.2>");
//! let mut bob = Dialog::from_request(&invite, "b")?;
//!
//! // The answer makes Alice's dialog. Her BYE takes the route of the INVITE, to Bob's Contact.
//! let mut alice = Dialog::from_response(&answer, invite.uri())?;
//! assert_eq!((alice.local_tag(), alice.remote_tag()), (bob.remote_tag(), bob.local_tag()));
//! let cseq = alice.next_cseq()?;
//! let bye = alice.request(&Method::Bye, cseq, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2");
//! assert!(bye.starts_with(b"BYE sip:bob@192.0.2.2 SIP/2.0\r\n"));
//!
//! // Bob takes it because its number is above that of the INVITE, once.
//! assert_eq!(bob.accept_cseq(cseq), Ok(()));
//! assert!(bob.accept_cseq(cseq).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What an INVITE's dialog is used for has machines of its own, each usable alone: reliable provisional responses
//! ([`prack`]), offers and answers ([`update`]) and session timers ([`session_timer`]).

pub(crate) mod compose;
pub mod info;
pub mod prack;
pub(crate) mod raw;
pub mod session_timer;
pub mod update;

use core::fmt::Display;

use bytes::Bytes;

use self::compose::{Composer, Displayed, Value};
use self::raw::{tag_of, uri_of};
use crate::{HeaderName, Headers, Method, Request, Response, Uri};

/// The highest sequence number (RFC 3261 §8.1.1.5: below 2^31).
pub const MAX_CSEQ: u32 = (1 << 31) - 1;

/// Why a message makes no dialog, or does not fit into one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialogError {
    /// From, To, Call-ID or CSeq is missing or cannot be read.
    #[error("From, To, Call-ID or CSeq cannot be read")]
    Malformed,
    /// The request has no `Contact` with a SIP URI (RFC 3261 §12.1.1).
    #[error("no usable Contact")]
    NoContact,
    /// The sequence number is not above the last one (RFC 3261 §12.2.2).
    #[error("the sequence number is out of order")]
    OutOfOrder,
    /// All sequence numbers are used.
    #[error("the sequence numbers are used up")]
    Exhausted,
}

/// One dialog as one of its sides sees it.
///
/// ```
/// use sip_core::dialog::Dialog;
/// use sip_core::{Message, Method};
///
/// let invite = b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\n\
///     Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
///     From: <sip:alice@example.org>;tag=a\r\n\
///     To: <sip:bob@example.com>\r\n\
///     Call-ID: 1@192.0.2.1\r\n\
///     CSeq: 7 INVITE\r\n\
///     Contact: <sip:alice@192.0.2.1>\r\n\
///     Record-Route: <sip:192.0.2.9;lr>\r\n\
///     Max-Forwards: 70\r\n\r\n";
/// let Ok(Message::Request(request)) = Message::parse(invite.to_vec().into()) else { unreachable!() };
/// let mut dialog = Dialog::from_request(&request, "b")?;
/// assert_eq!(dialog.remote_target(), b"sip:alice@192.0.2.1".as_slice());
/// assert_eq!(dialog.next_hop(), b"sip:192.0.2.9;lr");
///
/// let cseq = dialog.next_cseq()?;
/// let bye = dialog.request(&Method::Bye, cseq, "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2");
/// assert!(bye.starts_with(b"BYE sip:alice@192.0.2.1 SIP/2.0\r\n"));
/// # Ok::<(), sip_core::dialog::DialogError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dialog {
    call_id: Bytes,
    local: Bytes,
    local_tag: Bytes,
    remote: Bytes,
    remote_tag: Bytes,
    target: Bytes,
    route_set: Vec<Bytes>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
}

impl Dialog {
    /// The dialog that our response with `local_tag` to `request` makes (RFC 3261 §12.1.1).
    ///
    /// # Errors
    ///
    /// [`DialogError::Malformed`] or [`DialogError::NoContact`].
    pub fn from_request(request: &Request, local_tag: &str) -> Result<Self, DialogError> {
        let headers = request.headers();
        let remote = headers.get(&HeaderName::From).ok_or(DialogError::Malformed)?;
        let to = headers.get(&HeaderName::To).ok_or(DialogError::Malformed)?;
        let cseq = request.cseq().map_err(|_| DialogError::Malformed)?.number;
        let call_id = request.call_id().ok_or(DialogError::Malformed)?;
        let target = contact(headers)
            .or_else(|| rfc2543_target(request))
            .ok_or(DialogError::NoContact)?;
        let local = [to, b";tag=", local_tag.as_bytes()];
        let mut dialog = Self::pack(call_id, local, remote, target);
        dialog.route_set = route_set(headers);
        dialog.remote_cseq = Some(cseq);
        Ok(dialog)
    }

    /// The dialog that `response` to our request makes (RFC 3261 §12.1.2). `target` is that request's Request-URI, which
    /// stays the remote target if the response has no `Contact`.
    ///
    /// # Errors
    ///
    /// [`DialogError::Malformed`].
    pub fn from_response(response: &Response, target: &[u8]) -> Result<Self, DialogError> {
        let headers = response.headers();
        let local = headers.get(&HeaderName::From).ok_or(DialogError::Malformed)?;
        let remote = headers.get(&HeaderName::To).ok_or(DialogError::Malformed)?;
        let cseq = response.cseq().map_err(|_| DialogError::Malformed)?.number;
        let call_id = response.call_id().ok_or(DialogError::Malformed)?;
        let mut dialog = Self::pack(call_id, [local, b"", b""], remote, contact(headers).unwrap_or(target));
        dialog.route_set = route_set(headers);
        dialog.route_set.reverse();
        dialog.local_cseq = cseq;
        Ok(dialog)
    }

    /// The dialog that a NOTIFY for our subscription makes if it comes before the response to the SUBSCRIBE, or with
    /// another tag (RFC 6665 §4.1.2.4).
    pub(crate) fn from_notify(request: &Request, local_cseq: u32) -> Result<Self, DialogError> {
        let headers = request.headers();
        let remote = headers.get(&HeaderName::From).ok_or(DialogError::Malformed)?;
        let local = headers.get(&HeaderName::To).ok_or(DialogError::Malformed)?;
        let cseq = request.cseq().map_err(|_| DialogError::Malformed)?.number;
        let call_id = request.call_id().ok_or(DialogError::Malformed)?;
        let target = contact(headers).ok_or(DialogError::NoContact)?;
        let mut dialog = Self::pack(call_id, [local, b"", b""], remote, target);
        dialog.route_set = route_set(headers);
        dialog.local_cseq = local_cseq;
        dialog.remote_cseq = Some(cseq);
        Ok(dialog)
    }

    /// One allocation for all parts.
    fn pack(call_id: &[u8], local: [&[u8]; 3], remote: &[u8], target: &[u8]) -> Self {
        let [to, separator, tag] = local;
        let mut rest = Bytes::from([call_id, to, separator, tag, remote, target].concat());
        let call_id = rest.split_to(call_id.len());
        let local = rest.split_to(to.len() + separator.len() + tag.len());
        let remote = rest.split_to(remote.len());
        let local_tag = tag_of(&local).map(|tag| local.slice_ref(tag)).unwrap_or_default();
        let remote_tag = tag_of(&remote).map(|tag| remote.slice_ref(tag)).unwrap_or_default();
        Self {
            call_id,
            local,
            local_tag,
            remote,
            remote_tag,
            target: rest,
            route_set: Vec::new(),
            local_cseq: 0,
            remote_cseq: None,
        }
    }

    /// The `Call-ID`.
    #[must_use]
    pub fn call_id(&self) -> &Bytes {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &Bytes {
        &self.local_tag
    }

    /// The peer's tag; empty if it has none (RFC 2543).
    #[must_use]
    pub fn remote_tag(&self) -> &Bytes {
        &self.remote_tag
    }

    /// Our From value, with tag.
    #[must_use]
    pub fn local(&self) -> &Bytes {
        &self.local
    }

    /// Our To value, with tag.
    #[must_use]
    pub fn remote(&self) -> &Bytes {
        &self.remote
    }

    /// The peer's `Contact` URI.
    #[must_use]
    pub fn remote_target(&self) -> &Bytes {
        &self.target
    }

    /// The last sequence number that we used.
    #[must_use]
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Whether requests go straight to the remote target.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.route_set.is_empty()
    }

    /// The URI of the element that requests are sent to: the first route, else the remote target.
    #[must_use]
    pub fn next_hop(&self) -> &[u8] {
        self.route_set.first().map_or(&self.target, |route| uri_of(route))
    }

    /// The number for our next request.
    ///
    /// # Errors
    ///
    /// [`DialogError::Exhausted`] after 2^31 − 1.
    pub fn next_cseq(&mut self) -> Result<u32, DialogError> {
        // A dialog that the peer began has no number yet; any below 2^31 will do.
        let next = self
            .local_cseq
            .checked_add(1)
            .filter(|next| *next <= MAX_CSEQ)
            .ok_or(DialogError::Exhausted)?;
        self.local_cseq = next;
        Ok(next)
    }

    pub(crate) fn set_local_cseq(&mut self, cseq: u32) {
        self.local_cseq = cseq;
    }

    /// Takes note of the number of a request of the peer's.
    ///
    /// # Errors
    ///
    /// [`DialogError::OutOfOrder`], to be answered with 500 (RFC 3261 §12.2.2).
    pub fn accept_cseq(&mut self, cseq: u32) -> Result<(), DialogError> {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Err(DialogError::OutOfOrder);
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// Takes the remote target from a request or a 2xx that refreshes it (RFC 3261 §12.2); whether it changed.
    pub fn refresh_target(&mut self, headers: &Headers) -> bool {
        contact(headers).is_some_and(|target| self.set_target(target))
    }

    /// Takes a remote target that was read from a message before; whether it changed.
    pub(crate) fn set_target(&mut self, target: &[u8]) -> bool {
        let changed = target != self.target;
        if changed {
            self.target = Bytes::copy_from_slice(target);
        }
        changed
    }

    /// Takes route set and remote target anew from the 2xx that confirms an early dialog (RFC 3261 §13.2.2.4); whether
    /// either changed.
    pub fn confirm(&mut self, response: &Response) -> bool {
        let moved = self.refresh_target(response.headers());
        let mut route_set = route_set(response.headers());
        route_set.reverse();
        let rerouted = route_set != self.route_set;
        self.route_set = route_set;
        moved || rerouted
    }

    /// A whole request without body, with `Max-Forwards: 70`.
    #[must_use]
    pub fn request(&self, method: &Method, cseq: u32, via: impl Display) -> Bytes {
        self.begin(method, cseq, &Displayed(via)).finish(None)
    }

    /// A request up to its CSeq (RFC 3261 §12.2.1.1).
    pub(crate) fn begin(&self, method: &Method, cseq: u32, via: &impl Value) -> Composer {
        let strict = self
            .route_set
            .first()
            .map(|route| uri_of(route))
            .filter(|uri| !is_loose(uri));
        let mut out = Composer::request(method.as_str(), strict.unwrap_or(&self.target));
        out.value("Via", via).raw("Max-Forwards", b"70");
        for route in self.route_set.iter().skip(usize::from(strict.is_some())) {
            out.raw("Route", route);
        }
        if strict.is_some() {
            out.raw("Route", &[b"<", &self.target[..], b">"].concat());
        }
        out.raw("From", &self.local)
            .raw("To", &self.remote)
            .raw("Call-ID", &self.call_id);
        out.cseq(cseq, method);
        out
    }
}

/// Whether a route's URI has the parameter `lr`. What cannot be read is taken for a loose router: there are hardly others.
pub(crate) fn is_loose(uri: &[u8]) -> bool {
    Uri::parse(uri).map_or(true, |uri| uri.is_loose_router())
}

/// The URI of the first Contact, if it is one that requests can be sent to.
pub(crate) fn contact(headers: &Headers) -> Option<&[u8]> {
    target(headers.items(&HeaderName::Contact).next()?)
}

/// Where an RFC 2543 peer that names no contact is reached: at its From address (RFC 4475 §3.4.1).
fn rfc2543_target(request: &Request) -> Option<&[u8]> {
    let headers = request.headers();
    let is_old =
        !headers.view::<crate::header::Via>()?.ok()?.has_rfc3261_branch() && !headers.contains(&HeaderName::Contact);
    target(headers.get(&HeaderName::From).filter(|_| is_old)?)
}

/// The URI of an address, if requests can be sent to it.
fn target(value: &[u8]) -> Option<&[u8]> {
    let uri = uri_of(value);
    let scheme = uri.split(|&byte| byte == b':').next()?;
    let is_sip = scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips");
    // A fold would break the request line.
    let is_plain = !uri
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control());
    (is_sip && is_plain).then_some(uri)
}

fn route_set(headers: &Headers) -> Vec<Bytes> {
    headers
        .items(&HeaderName::RecordRoute)
        .map(Bytes::copy_from_slice)
        .collect()
}

#[cfg(test)]
mod tests;
