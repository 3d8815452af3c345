//! What the embedder hands to the endpoint.

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::{Flow, Hop, Reliability};
use crate::body::multipart::Multipart;
use crate::{HeaderName, Method, NameAddr, Uri};

/// A message body with its type.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Body {
    /// The value of `Content-Type`.
    pub content_type: Bytes,
    /// The octets.
    pub data: Bytes,
}

impl Body {
    /// A body of any type.
    #[must_use]
    pub fn new(content_type: impl Into<Bytes>, data: impl Into<Bytes>) -> Self {
        Self {
            content_type: content_type.into(),
            data: data.into(),
        }
    }

    /// A session description, `application/sdp`.
    #[must_use]
    pub fn sdp(data: impl Into<Bytes>) -> Self {
        Self::new(Bytes::from_static(b"application/sdp"), data)
    }
}

impl From<&Multipart> for Body {
    fn from(parts: &Multipart) -> Self {
        Self::new(super::subscription::print(&parts.content_type()), parts.to_bytes())
    }
}

/// What the embedder adds to a message that the endpoint builds: a response, or a request in a dialog.
///
/// The endpoint writes Via, From, To, Call-ID, CSeq, Contact, Record-Route, Route, Max-Forwards, Allow, Supported, RSeq, RAck,
/// Session-Expires, Min-SE and Content-Length by itself; of those, only `Contact`, `Allow` and `Supported` may be given here, and then take the place
/// of the endpoint's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reply {
    /// The reason phrase of a response instead of the usual one.
    pub reason: Option<String>,
    /// Further headers, in order.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// The body.
    pub body: Option<Body>,
}

impl Reply {
    /// Nothing to add.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// Sets the reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// A new call.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Invite {
    /// The Request-URI.
    pub target: Uri,
    /// Who calls. A tag is added.
    pub from: NameAddr,
    /// Who is called.
    pub to: NameAddr,
    /// Where to send; `None`: to the address of the first route, else of the target, which then must be numeric.
    pub flow: Option<Flow>,
    /// Further ways, in order, for when one does not take the request: no response, 503, a broken transport
    /// (RFC 3263 §4.3). If `flow` is `None`, the first of them is tried first.
    pub hops: Vec<Hop>,
    /// The routes to take, in order (RFC 3261 §8.1.1.1, e.g. a registration's `Path`).
    pub route: Vec<Uri>,
    /// Further headers.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// The offer; `None`: the peer offers in its 2xx, and [`acknowledge`](super::Endpoint::acknowledge) answers.
    pub body: Option<Body>,
    /// User name and password, or several, for the challenges of the peer and of proxies.
    pub credentials: Option<Credentials>,
    /// After how long without an answer the call is cancelled. The event is then `Failed` with 408.
    pub no_answer: Option<Duration>,
    /// The user part of our `Contact`.
    pub contact_user: Option<String>,
    /// Our `Contact` instead of the endpoint's own, for the whole dialog: a GRUU (RFC 5627 §4.3), one with `ob` (RFC 5626
    /// §4.3).
    pub contact: Option<NameAddr>,
    /// `Max-Forwards`; a back-to-back user agent passes on one less than it received. Default 70.
    pub max_forwards: u8,
    /// Whether a 3xx is asked about ([`Event::Redirected`](super::Event::Redirected)) instead of ending the call. Whom to call
    /// is then still the embedder's to decide: whoever redirects chooses who pays. Default `false`.
    pub follow_redirects: bool,
    /// Whether provisional responses are to be reliable (RFC 3262). `None`: as
    /// [`EndpointConfig::reliability`](super::EndpointConfig::reliability) says; but if that is `Supported`, a call without
    /// [`body`](Self::body) does not offer it, since the response could carry an offer to be answered with
    /// [`prack`](super::Endpoint::prack).
    pub reliability: Option<Reliability>,
    /// Whether the embedder acknowledges reliable provisional responses by itself, with [`prack`](super::Endpoint::prack), so
    /// that the PRACK can carry a new offer. Otherwise only those that carry an offer are left to it. Default `false`.
    pub manual_prack: bool,
}

impl Invite {
    /// A call without body, headers or credentials.
    #[must_use]
    pub fn new(target: Uri, from: NameAddr, to: NameAddr) -> Self {
        Self {
            target,
            from,
            to,
            flow: None,
            hops: Vec::new(),
            route: Vec::new(),
            headers: Vec::new(),
            body: None,
            credentials: None,
            no_answer: None,
            contact_user: None,
            contact: None,
            max_forwards: 70,
            follow_redirects: false,
            reliability: None,
            manual_prack: false,
        }
    }

    /// Sends by these hops, the first that takes it: what a [`Resolver`](crate::resolver::Resolver) found.
    #[must_use]
    pub fn by(mut self, hops: impl IntoIterator<Item = impl Into<Hop>>) -> Self {
        self.hops = hops.into_iter().map(Into::into).collect();
        self
    }
}

/// User name and password for digest authentication.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password. Never printed by `Debug`.
    pub password: String,
    /// The only realm to answer to; `None`: the first that challenges.
    pub realm: Option<String>,
    /// Those of further realms ([`and`](Self::and)).
    pub others: Vec<Credentials>,
}

impl Credentials {
    /// A user and a password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            realm: None,
            others: Vec::new(),
        }
    }

    /// For this realm only.
    #[must_use]
    pub fn with_realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// And others, for another realm: several proxies on the way may each ask (RFC 3261 §22.3).
    ///
    /// ```
    /// use sip_core::Credentials;
    ///
    /// let alice = Credentials::new("alice", "secret").with_realm("atlanta.example.com");
    /// let both = alice.and(Credentials::new("guest", "hush").with_realm("biloxi.example.com"));
    /// ```
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.others.push(other);
        self
    }

    pub(super) fn client(&self) -> Box<crate::auth::Client> {
        Box::new(self.keys())
    }

    fn keys(&self) -> crate::auth::Client {
        let client = crate::auth::Client::new(self.user.clone(), self.password.clone());
        let client = match &self.realm {
            Some(realm) => client.with_realm(realm.clone()),
            None => client,
        };
        self.others
            .iter()
            .fold(client, |client, other| client.and(other.keys()))
    }
}

impl From<(String, String)> for Credentials {
    fn from((user, password): (String, String)) -> Self {
        Self::new(user, password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

/// A request outside of any dialog: REGISTER, OPTIONS, MESSAGE, PUBLISH, an unsolicited NOTIFY, ...
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct OutOfDialog {
    /// The method. INVITE, ACK, CANCEL, BYE, SUBSCRIBE, REFER, PRACK and UPDATE are refused here.
    pub method: Method,
    /// The Request-URI.
    pub target: Uri,
    /// The sender. A tag is added.
    pub from: NameAddr,
    /// The logical recipient; for REGISTER the address of record.
    pub to: NameAddr,
    /// Where to send; `None`: to the address of the first route, else of the target, which then must be numeric.
    pub flow: Option<Flow>,
    /// Further ways, in order, for when one does not take the request: no response, 503, a broken transport
    /// (RFC 3263 §4.3). If `flow` is `None`, the first of them is tried first.
    pub hops: Vec<Hop>,
    /// The routes to take, in order.
    pub route: Vec<Uri>,
    /// Further headers.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// The body.
    pub body: Option<Body>,
    /// User name and password, or several, for the challenges of the peer and of proxies.
    pub credentials: Option<Credentials>,
    /// The user part of our `Contact`; `None`: no `Contact` is added.
    pub contact_user: Option<String>,
    /// `Call-ID` and `CSeq` number to use, as all REGISTERs of one client to one registrar share the first and raise the
    /// second (RFC 3261 §10.2). After a challenge the number was raised once more. `None`: new ones.
    pub sequence: Option<(Bytes, u32)>,
    /// `Max-Forwards`. Default 70.
    pub max_forwards: u8,
}

impl OutOfDialog {
    /// A request without body, headers or credentials.
    #[must_use]
    pub fn new(method: Method, target: Uri, from: NameAddr, to: NameAddr) -> Self {
        Self {
            method,
            target,
            from,
            to,
            flow: None,
            hops: Vec::new(),
            route: Vec::new(),
            headers: Vec::new(),
            body: None,
            credentials: None,
            contact_user: None,
            sequence: None,
            max_forwards: 70,
        }
    }

    /// Sends by these hops, the first that takes it: what a [`Resolver`](crate::resolver::Resolver) found.
    #[must_use]
    pub fn by(mut self, hops: impl IntoIterator<Item = impl Into<Hop>>) -> Self {
        self.hops = hops.into_iter().map(Into::into).collect();
        self
    }
}
