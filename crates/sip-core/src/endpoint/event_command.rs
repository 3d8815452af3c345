//! What the embedder hands to the endpoint for subscriptions, publications and referrals.

use core::time::Duration;

use bytes::Bytes;

use super::{Body, Credentials, Flow, Hop, SessionInfo};
use crate::header::EventHeader;
use crate::{HeaderName, NameAddr, Uri};

/// A new subscription (RFC 6665 §4.1).
///
/// ```
/// use machine::{Machine, Time};
/// use sip_core::event::Package;
/// use sip_core::header::EventHeader;
/// use sip_core::{Endpoint, EndpointConfig, NameAddr, Output, Subscribe, Transport, Uri};
///
/// let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, "192.0.2.7:5060".parse()?)]), [7; 32]);
/// let alice = NameAddr::parse(b"<sip:alice@example.com>")?;
/// let voicemail = Uri::parse(b"sip:alice@192.0.2.1")?;
///
/// // Whether messages wait, for as long as the phone is on.
/// let package = Package::MessageSummary;
/// let event = EventHeader::new(package.as_str());
/// let mut subscribe = Subscribe::new(voicemail, alice.clone(), alice, event, package.default_expires());
/// subscribe.accept = package.content_type().into();
/// subscribe.persist = Some(std::time::Duration::from_secs(60));
/// let subscription = endpoint.subscribe(Time::from_secs(1_700_000_000), subscribe)?;
/// // `Event::Notified` follows, at once and whenever a message came.
/// # let Some(Output::Transmit(sent)) = endpoint.poll_output() else { unreachable!() };
/// # assert!(sent.data.starts_with(b"SUBSCRIBE sip:alice@192.0.2.1 SIP/2.0\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Subscribe {
    /// The Request-URI.
    pub target: Uri,
    /// The subscriber. A tag is added.
    pub from: NameAddr,
    /// The resource.
    pub to: NameAddr,
    /// The event package.
    pub event: EventHeader,
    /// For how long. Zero fetches the state once. The endpoint refreshes in time.
    pub expires: Duration,
    /// The body types that are understood, as the `Accept` header; empty: the package's default.
    pub accept: Bytes,
    /// Where to send; `None`: to the address of the first route, else of the target, which then must be numeric.
    pub flow: Option<Flow>,
    /// Further ways, in order, for when one does not take the request: no response, 503, a broken transport
    /// (RFC 3263 §4.3). If `flow` is `None`, the first of them is tried first.
    pub hops: Vec<Hop>,
    /// The routes to take, in order.
    pub route: Vec<Uri>,
    /// Further headers of the first SUBSCRIBE.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// User name and password, or several, for the challenges of the peer and of proxies.
    pub credentials: Option<Credentials>,
    /// The user part of our `Contact`.
    pub contact_user: Option<String>,
    /// The entity-tag (`SIP-ETag` of a NOTIFY) of the state that is known already: it is not to be told again
    /// (RFC 5839 §5.2). `None`: none is known. Default `None`.
    pub etag: Option<Bytes>,
    /// Whether to subscribe anew by itself when the notifier ends the subscription and does not forbid it, or cannot be
    /// reached (RFC 6665 §4.1.3); and how long to wait where the notifier does not say, at least from one beginning to
    /// the next. `None`: its end is for good. Default `None`.
    pub persist: Option<Duration>,
    /// Whether each notifier that a proxy forked the SUBSCRIBE to is subscribed to, up to
    /// [`Limits::forks`](crate::Limits::forks); else the first that notifies. Which one is due depends on the package
    /// (RFC 6665 §5.4.9, [`Package::allows_forks`](crate::event::Package::allows_forks)). Default `false`.
    pub all_forks: bool,
}

impl Subscribe {
    /// A subscription without further headers or credentials.
    #[must_use]
    pub fn new(target: Uri, from: NameAddr, to: NameAddr, event: EventHeader, expires: Duration) -> Self {
        Self {
            target,
            from,
            to,
            event,
            expires,
            accept: Bytes::new(),
            flow: None,
            hops: Vec::new(),
            route: Vec::new(),
            headers: Vec::new(),
            credentials: None,
            contact_user: None,
            etag: None,
            persist: None,
            all_forks: false,
        }
    }

    /// Sends by these hops, the first that takes it: what a [`Resolver`](crate::resolver::Resolver) found.
    #[must_use]
    pub fn by(mut self, hops: impl IntoIterator<Item = impl Into<Hop>>) -> Self {
        self.hops = hops.into_iter().map(Into::into).collect();
        self
    }
}

/// A state of ours to be published (RFC 3903 §4).
///
/// ```
/// use machine::{Machine, Time};
/// use sip_core::header::EventHeader;
/// use sip_core::{Body, Endpoint, EndpointConfig, NameAddr, Output, Publish, Transport, Uri};
///
/// let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, "192.0.2.7:5060".parse()?)]), [7; 32]);
/// let alice = NameAddr::parse(b"<sip:alice@example.com>")?;
/// let server = Uri::parse(b"sip:alice@192.0.2.1")?;
/// let open = Body::new("application/pidf+xml", "<presence/>");
/// let publish = Publish::new(server, alice.clone(), alice, EventHeader::new("presence"), open);
/// let publication = endpoint.publish(Time::from_secs(1_700_000_000), publish)?;
/// // `Event::Published` follows; with another state, `endpoint.republish(now, publication, body)`.
/// # let Some(Output::Transmit(sent)) = endpoint.poll_output() else { unreachable!() };
/// # assert!(sent.data.starts_with(b"PUBLISH sip:alice@192.0.2.1 SIP/2.0\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Publish {
    /// The Request-URI: the resource.
    pub target: Uri,
    /// The publisher. A tag is added.
    pub from: NameAddr,
    /// The resource.
    pub to: NameAddr,
    /// The event package.
    pub event: EventHeader,
    /// For how long; the endpoint refreshes in time. Default one hour.
    pub expires: Duration,
    /// The state.
    pub body: Body,
    /// Where to send; `None`: to the address of the first route, else of the target, which then must be numeric.
    pub flow: Option<Flow>,
    /// Further ways, in order, for when one does not take the request: no response, 503, a broken transport
    /// (RFC 3263 §4.3). If `flow` is `None`, the first of them is tried first.
    pub hops: Vec<Hop>,
    /// The routes to take, in order.
    pub route: Vec<Uri>,
    /// Further headers.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// User name and password, for the challenges of the compositor.
    pub credentials: Option<Credentials>,
}

impl Publish {
    /// A state for an hour, without further headers or credentials.
    #[must_use]
    pub fn new(target: Uri, from: NameAddr, to: NameAddr, event: EventHeader, body: Body) -> Self {
        Self {
            target,
            from,
            to,
            event,
            expires: Duration::from_secs(3600),
            body,
            flow: None,
            hops: Vec::new(),
            route: Vec::new(),
            headers: Vec::new(),
            credentials: None,
        }
    }

    /// Sends by these hops, the first that takes it: what a [`Resolver`](crate::resolver::Resolver) found.
    #[must_use]
    pub fn by(mut self, hops: impl IntoIterator<Item = impl Into<Hop>>) -> Self {
        self.hops = hops.into_iter().map(Into::into).collect();
        self
    }
}

/// A REFER outside of any dialog (RFC 3515).
///
/// ```
/// use machine::{Machine, Time};
/// use sip_core::{Endpoint, EndpointConfig, NameAddr, Output, Referral, Transport, Uri};
///
/// let mut endpoint = Endpoint::new(EndpointConfig::new([(Transport::Udp, "192.0.2.7:5060".parse()?)]), [7; 32]);
/// // Click to dial: the desk phone is to call Bob.
/// let phone = Uri::parse(b"sip:desk@192.0.2.50")?;
/// let assistant = NameAddr::parse(b"<sip:assistant@example.com>")?;
/// let bob = NameAddr::parse(b"<sip:bob@example.com>")?;
/// let referral = Referral::new(phone.clone(), assistant, NameAddr::new(phone), bob);
/// let referral = endpoint.send_refer(Time::from_secs(1_700_000_000), referral)?;
/// // `Event::ReferAccepted` and `Event::ReferNotified` tell how the call goes.
/// # let Some(Output::Transmit(sent)) = endpoint.poll_output() else { unreachable!() };
/// # assert!(sent.data.starts_with(b"REFER sip:desk@192.0.2.50 SIP/2.0\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Referral {
    /// The Request-URI: who is to act.
    pub target: Uri,
    /// The referrer. A tag is added.
    pub from: NameAddr,
    /// Who is to act.
    pub to: NameAddr,
    /// Whom to call, or what else to do with which resource.
    pub refer_to: NameAddr,
    /// Whether to ask the peer not to tell how it fares (`Refer-Sub: false`, RFC 4488).
    pub silent: bool,
    /// Where to send; `None`: to the address of the first route, else of the target, which then must be numeric.
    pub flow: Option<Flow>,
    /// Further ways, in order, for when one does not take the request: no response, 503, a broken transport
    /// (RFC 3263 §4.3). If `flow` is `None`, the first of them is tried first.
    pub hops: Vec<Hop>,
    /// The routes to take, in order.
    pub route: Vec<Uri>,
    /// Further headers, e.g. `Referred-By` or `Target-Dialog`.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// A body, e.g. the token that proves the `Referred-By` (RFC 3892 §2.1).
    pub body: Option<Body>,
    /// User name and password, for one challenge of the peer.
    pub credentials: Option<Credentials>,
    /// The user part of our `Contact`.
    pub contact_user: Option<String>,
}

impl Referral {
    /// A REFER to `target` without further headers or credentials.
    #[must_use]
    pub fn new(target: Uri, from: NameAddr, to: NameAddr, refer_to: NameAddr) -> Self {
        Self {
            target,
            from,
            to,
            refer_to,
            silent: false,
            flow: None,
            hops: Vec::new(),
            route: Vec::new(),
            headers: Vec::new(),
            body: None,
            credentials: None,
            contact_user: None,
        }
    }

    /// A REFER to a session's peer beside the session's dialog, which it names (`Target-Dialog`, RFC 4538 §3), as RFC 5589 §6
    /// has it for transfers. Only for a peer whose messages in the session had `tdialog` among what they support; else
    /// [`refer`](super::Endpoint::refer) in the dialog. `None` while there is no dialog.
    #[must_use]
    pub fn beside(session: &SessionInfo, refer_to: NameAddr) -> Option<Self> {
        let named = super::subscription::print(&session.target_dialog()?);
        let mut referral = Self::new(
            session.remote_target.clone(),
            session.local.clone()?,
            session.remote.clone()?,
            refer_to,
        );
        referral.flow = Some(session.flow);
        referral.headers = vec![
            (HeaderName::TargetDialog, Bytes::from(named)),
            (HeaderName::Require, Bytes::from_static(b"tdialog")),
        ];
        Some(referral)
    }

    /// Sends by these hops, the first that takes it: what a [`Resolver`](crate::resolver::Resolver) found.
    #[must_use]
    pub fn by(mut self, hops: impl IntoIterator<Item = impl Into<Hop>>) -> Self {
        self.hops = hops.into_iter().map(Into::into).collect();
        self
    }
}

/// The state of a subscription as a notifier tells it (RFC 6665 §4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum NotifyState {
    /// The subscription waits for an authorisation.
    Pending,
    /// The subscription is in force.
    Active,
    /// The subscription ends with this NOTIFY.
    Terminated(TerminatedReason),
}

/// Why a notifier ends a subscription (RFC 6665 §4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TerminatedReason {
    /// The subscriber may subscribe again at once.
    Deactivated,
    /// The subscriber may subscribe again later.
    Probation,
    /// The subscriber was refused.
    Rejected,
    /// It was not refreshed.
    Timeout,
    /// An authorisation was not had in time.
    Giveup,
    /// The resource is no more.
    NoResource,
    /// The state does not change any more.
    Invariant,
}

impl TerminatedReason {
    /// The value of the `reason` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Giveup => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
        }
    }
}

/// State to be told to a subscriber.
///
/// ```
/// use sip_core::{Body, Notify};
///
/// let waiting = Body::new("application/simple-message-summary", "Messages-Waiting: yes\r\n");
/// let notify = Notify::active(waiting).etag("v7"); // `SIP-ETag: v7`: refreshes need not be answered with it again
/// # assert_eq!(notify.etag.as_deref(), Some(&b"v7"[..]));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Notify {
    /// The subscription's state.
    pub state: NotifyState,
    /// The resource's whole state: a NOTIFY that had to wait for an earlier one is replaced by the next.
    pub body: Option<Body>,
    /// The entity-tag of this state, a token that no other state of the resource has (`SIP-ETag`, RFC 5839 §6.1). A
    /// subscriber that names it in a refresh gets 204 and no NOTIFY, all by itself. `None`: none is told.
    pub etag: Option<Bytes>,
    /// When a terminated subscription may be begun anew (`retry-after`).
    pub retry_after: Option<Duration>,
}

impl Notify {
    /// The subscription is in force; this is the state.
    #[must_use]
    pub fn active(body: Body) -> Self {
        Self {
            state: NotifyState::Active,
            body: Some(body),
            etag: None,
            retry_after: None,
        }
    }

    /// The subscription waits for an authorisation; `body`, if any, must not tell what it would be for.
    #[must_use]
    pub fn pending(body: Option<Body>) -> Self {
        Self {
            state: NotifyState::Pending,
            body,
            etag: None,
            retry_after: None,
        }
    }

    /// The subscription ends.
    #[must_use]
    pub fn terminated(reason: TerminatedReason, body: Option<Body>) -> Self {
        Self {
            state: NotifyState::Terminated(reason),
            body,
            etag: None,
            retry_after: None,
        }
    }

    /// Sets the entity-tag.
    #[must_use]
    pub fn etag(mut self, etag: impl Into<Bytes>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    /// Sets when to subscribe anew.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}
