use core::time::Duration;

use bytes::Bytes;

use super::{ConnectionId, Flow, PublicationId, ReferId, RequestId, SessionId, SubscriptionId, Transmit};
use crate::header::{Answering, EventHeader, Reason, SubscriptionState, TypedHeader};
use crate::{Message, NameAddr, Request, Response, StatusCode};

/// What the endpoint wants done or has to tell, in the order in which it happened.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::large_enum_variant, reason = "moved once, from the queue to its reader")]
pub enum Output {
    /// Send these bytes.
    Transmit(Transmit),
    /// Something happened.
    Event(Event),
    /// Close this connection. The endpoint has forgotten it.
    CloseConnection(ConnectionId),
}

/// What happened.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A new incoming INVITE: answer it with [`answer`](super::Endpoint::answer), [`reject`](super::Endpoint::reject) or
    /// [`provisional`](super::Endpoint::provisional). `100 Trying` is sent by itself.
    Invite {
        /// The new session.
        session: SessionId,
        /// The INVITE.
        request: Request,
        /// The way it came.
        flow: Flow,
        /// The session that a `Replaces` header names (RFC 3891), or the status to refuse the INVITE with. The embedder
        /// answers, and hangs the replaced session up.
        replaces: Option<Result<SessionId, StatusCode>>,
        /// The session that a `Join` header names (RFC 3911), or the status to refuse the INVITE with. The embedder answers,
        /// and lets all three hear each other. To be obeyed by who lists `join` among
        /// [`EndpointConfig::supported`](super::EndpointConfig::supported); who does not may take it for a call like any other.
        join: Option<Result<SessionId, StatusCode>>,
        /// How the caller wants it answered (RFC 5373), if it says so.
        answer_mode: Option<RequestedAnswer>,
    },
    /// A provisional response above 100 to our INVITE. Of reliable ones (RFC 3262) each comes once and in order.
    Progress {
        /// The session.
        session: SessionId,
        /// The response.
        response: Response,
        /// Whether it waits for [`prack`](super::Endpoint::prack): it carries an offer, which the PRACK answers, or
        /// [`Invite::manual_prack`](super::Invite::manual_prack) is set. Otherwise a PRACK that was due has been sent.
        prack_due: bool,
    },
    /// The caller acknowledged a reliable provisional response of ours (PRACK, RFC 3262); 200 was sent. A PRACK with an offer
    /// of its own comes as [`Request`](Self::Request) instead.
    Acknowledged {
        /// The session.
        session: SessionId,
        /// The PRACK. Its body, if any, is the answer to the offer in our response.
        request: Request,
    },
    /// A 2xx to our INVITE. It was acknowledged, unless the INVITE had no body: then
    /// [`acknowledge`](super::Endpoint::acknowledge) it.
    Answered {
        /// The session.
        session: SessionId,
        /// The response.
        response: Response,
    },
    /// Our INVITE failed; the session is gone.
    Failed {
        /// The session that was.
        session: SessionId,
        /// The response's status; 408 after a time-out, 503 after a transport failure.
        status: StatusCode,
        /// The response, if one came.
        response: Option<Response>,
    },
    /// Our INVITE was answered with 3xx, and [`Invite::follow_redirects`](super::Invite::follow_redirects) wants to know: the
    /// call waits until it is sent on with [`redirect`](super::Endpoint::redirect) or given up with
    /// [`hang_up`](super::Endpoint::hang_up); the embedder's patience goes on. Up to five redirections are followed, then the
    /// call fails; contacts that were tried already are left out.
    Redirected {
        /// The session, which has no dialog.
        session: SessionId,
        /// The response.
        response: Response,
        /// Where to, the preferred first.
        contacts: Vec<NameAddr>,
    },
    /// An incoming INVITE was cancelled by the caller, or it, or a reliable provisional response to it, went unanswered for too
    /// long; the final response was sent, the session is gone.
    Cancelled {
        /// The session that was.
        session: SessionId,
        /// The CANCEL's `Reason` headers, if it has any (RFC 3326): e.g. whether somebody else answered.
        reason: Option<String>,
    },
    /// The ACK for our 2xx came.
    Confirmed {
        /// The session.
        session: SessionId,
        /// The ACK's body: the answer to an offer in our 2xx.
        body: Option<Bytes>,
    },
    /// The peer wants to change the session: [`answer`](super::Endpoint::answer) or
    /// [`reject`](super::Endpoint::reject). Of a re-INVITE whose 2xx is confirmed, [`Confirmed`](Self::Confirmed) tells.
    Reinvite {
        /// The session.
        session: SessionId,
        /// The re-INVITE.
        request: Request,
    },
    /// The peer cancelled its re-INVITE, or it went unanswered for too long; nothing is left to answer.
    ReinviteCancelled {
        /// The session, which goes on.
        session: SessionId,
        /// Whether it goes on as changed: the offer was answered in a reliable provisional response, so that the re-INVITE got
        /// 200 instead of 487 (RFC 6141 §3.8). Offer anew to take that back.
        executed: bool,
    },
    /// The outcome of our [`update`](super::Endpoint::update).
    Updated {
        /// The session. It goes on as it was if the status is not 2xx.
        session: SessionId,
        /// The status; 408 after a time-out, 503 after a transport failure.
        status: StatusCode,
        /// The response, if one came; the body of a 2xx is the answer to the offer.
        response: Option<Response>,
    },
    /// Nothing changed but the time: the peer's UPDATE without an offer, to which 200 was sent; or the 2xx to a refresh that the
    /// endpoint sent by itself (RFC 4028), whose body, if any, is the answer to our last description, sent once more.
    Refreshed {
        /// The session.
        session: SessionId,
        /// The UPDATE or the 2xx.
        message: Message,
    },
    /// The final response to our re-INVITE. A 2xx was acknowledged, unless the re-INVITE had no body.
    ///
    /// A failure after its offer was answered in a reliable provisional response comes of a peer that takes back what was
    /// agreed: offer what was before once more, so that both sides have the same session (RFC 6141 §3.4).
    Reinvited {
        /// The session, which goes on as it was if the status is not 2xx.
        session: SessionId,
        /// The response.
        response: Response,
    },
    /// An established session is over; it is gone.
    Ended {
        /// The session that was.
        session: SessionId,
        /// Why.
        cause: EndCause,
    },
    /// A REFER came: [`accept_refer`](super::Endpoint::accept_refer) or [`reject_refer`](super::Endpoint::reject_refer).
    Refer {
        /// The session in whose dialog it came, if any.
        session: Option<SessionId>,
        /// The REFER's handle.
        refer: ReferId,
        /// The target.
        refer_to: NameAddr,
        /// The REFER.
        request: Request,
        /// The session that a `Target-Dialog` header names (RFC 4538): who knows of it may be trusted like its peer
        /// ([`Endpoint::target_dialog`](super::Endpoint::target_dialog)).
        target_dialog: Option<SessionId>,
        /// The way it came.
        flow: Flow,
    },
    /// The referrer is not interested any more, or cannot be told: no more NOTIFYs go out, the handle is dead.
    ReferEnded {
        /// The REFER.
        refer: ReferId,
    },
    /// Our REFER was accepted.
    ReferAccepted {
        /// What [`refer`](super::Endpoint::refer) or [`send_refer`](super::Endpoint::send_refer) returned.
        subscription: SubscriptionId,
        /// The session in whose dialog the REFER was sent, if any.
        session: Option<SessionId>,
        /// Whether [`ReferNotified`](Self::ReferNotified) follows. If not (RFC 4488), this was the last word and the handle
        /// is dead.
        subscribed: bool,
    },
    /// How our REFER fares.
    ReferNotified {
        /// What [`refer`](super::Endpoint::refer) or [`send_refer`](super::Endpoint::send_refer) returned.
        subscription: SubscriptionId,
        /// The session in whose dialog the REFER was sent, if any.
        session: Option<SessionId>,
        /// The status that the peer tells of, or with which it refused the REFER.
        status: StatusCode,
        /// Whether it was the last word; the subscription is then gone.
        terminated: bool,
    },
    /// A request to be answered with [`respond`](super::Endpoint::respond) within 64·T1. A 2xx to an UPDATE or PRACK must carry
    /// the answer to the offer in it.
    Request {
        /// The handle to answer it with.
        request_id: RequestId,
        /// The session in whose dialog it came, if any.
        session: Option<SessionId>,
        /// The request.
        request: Request,
        /// The way it came.
        flow: Flow,
    },
    /// The final response to a request of ours.
    Response {
        /// What [`send`](super::Endpoint::send) or [`request`](super::Endpoint::request) returned; now dead.
        request_id: RequestId,
        /// The response; `None` after a time-out or a transport failure.
        response: Option<Response>,
        /// Its status; 408 after a time-out, 503 after a transport failure.
        status: StatusCode,
    },
    /// Somebody wants to subscribe: [`accept_subscription`](super::Endpoint::accept_subscription) or
    /// [`respond`](super::Endpoint::respond), within 64·T1. What is in none of
    /// [`EndpointConfig::event_packages`](super::EndpointConfig::event_packages) was refused with 489.
    Subscribe {
        /// The handle to answer it with.
        request_id: RequestId,
        /// The SUBSCRIBE.
        request: Request,
        /// The event package.
        event: EventHeader,
        /// The `Expires` header: for how long; zero: tell the state once.
        expires: Option<Duration>,
        /// The way it came.
        flow: Flow,
    },
    /// A subscriber refreshed. The embedder must [`notify`](super::Endpoint::notify) the state, unless it is `suppressed`.
    Resubscribed {
        /// The subscription.
        subscription: SubscriptionId,
        /// For how long from now.
        expires: Duration,
        /// The subscriber has the state with the last NOTIFY's entity-tag and wants no other: 204 was sent (RFC 5839).
        suppressed: bool,
    },
    /// A subscription, of either side, is over and gone. A notifier's last NOTIFY was sent where one is due.
    SubscriptionEnded {
        /// The subscription that was.
        subscription: SubscriptionId,
        /// Why.
        cause: SubscriptionEnd,
    },
    /// One of several hops of a request did not take it; it went on to the next, if there is one.
    HopFailed {
        /// The way that failed.
        flow: Flow,
        /// 503; 408 if nothing was heard.
        status: StatusCode,
        /// For how long the peer wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// A peer answered a keep-alive, or sent one ([`EndpointConfig::report_keepalives`](super::EndpointConfig)).
    KeepAlive {
        /// The way it came.
        flow: Flow,
        /// Of a STUN response, the datagram; `None` for a line end on a stream.
        stun: Option<Bytes>,
    },
    /// A persistent subscription of ours ended and is going to be begun anew by itself
    /// ([`Subscribe::persist`](super::Subscribe::persist)).
    SubscriptionSuspended {
        /// The subscription, whose handle stays.
        subscription: SubscriptionId,
        /// Why it ended.
        cause: SubscriptionEnd,
        /// After how long it is begun anew.
        again: Duration,
    },
    /// Our SUBSCRIBE reached another notifier too ([`Subscribe::all_forks`](super::Subscribe::all_forks)). Its
    /// [`Notified`](Self::Notified) follows.
    SubscriptionForked {
        /// The subscription that was asked for.
        subscription: SubscriptionId,
        /// The subscription to the other notifier, which lives and ends by itself.
        fork: SubscriptionId,
    },
    /// Our subscription was accepted or refreshed.
    SubscriptionAccepted {
        /// The subscription.
        subscription: SubscriptionId,
        /// For how long.
        expires: Duration,
    },
    /// Our state is published, or refreshed.
    Published {
        /// What [`publish`](super::Endpoint::publish) returned.
        publication: PublicationId,
        /// For how long the compositor keeps it; it is refreshed by itself.
        expires: Duration,
    },
    /// The compositor did not take our state for now; it is sent again by itself.
    PublicationDeferred {
        /// The publication.
        publication: PublicationId,
        /// The response's status; 408 after a time-out, 503 after a transport failure.
        status: StatusCode,
        /// After how long it is sent again.
        again: Duration,
    },
    /// Our state is not published any more; the handle is dead.
    PublicationEnded {
        /// The publication that was.
        publication: PublicationId,
        /// Why.
        cause: PublicationEnd,
    },
    /// The guard banned somebody, or a ban is over ([`EndpointConfig::guard`](super::EndpointConfig::guard)).
    Guard(crate::guard::Event),
    /// A NOTIFY for our subscription; 200 was sent.
    Notified {
        /// The subscription.
        subscription: SubscriptionId,
        /// The subscription's state. After `terminated`, [`SubscriptionEnded`](Self::SubscriptionEnded) follows.
        state: SubscriptionState,
        /// The NOTIFY.
        request: Request,
    },
}

impl Event {
    /// The session that this is about, or in whose dialog it happened; `None` outside of sessions.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Invite { session, .. }
            | Self::Progress { session, .. }
            | Self::Answered { session, .. }
            | Self::Failed { session, .. }
            | Self::Cancelled { session, .. }
            | Self::Acknowledged { session, .. }
            | Self::Updated { session, .. }
            | Self::Refreshed { session, .. }
            | Self::Confirmed { session, .. }
            | Self::Reinvite { session, .. }
            | Self::ReinviteCancelled { session, .. }
            | Self::Redirected { session, .. }
            | Self::Reinvited { session, .. }
            | Self::Ended { session, .. } => Some(*session),
            Self::Refer { session, .. }
            | Self::ReferAccepted { session, .. }
            | Self::ReferNotified { session, .. }
            | Self::Request { session, .. } => *session,
            Self::ReferEnded { .. }
            | Self::Response { .. }
            | Self::Subscribe { .. }
            | Self::HopFailed { .. }
            | Self::KeepAlive { .. }
            | Self::Resubscribed { .. }
            | Self::SubscriptionEnded { .. }
            | Self::SubscriptionSuspended { .. }
            | Self::SubscriptionForked { .. }
            | Self::SubscriptionAccepted { .. }
            | Self::Published { .. }
            | Self::PublicationDeferred { .. }
            | Self::PublicationEnded { .. }
            | Self::Guard(_)
            | Self::Notified { .. } => None,
        }
    }
}

/// Why an established session ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EndCause {
    /// The peer hung up.
    Bye {
        /// The `Reason` headers, if it has any (RFC 3326), separated by commas.
        reason: Option<String>,
    },
    /// The peer never acknowledged our answer.
    AckTimeout,
    /// A request in the dialog went unanswered (408), or the peer did not know the dialog any more (481).
    RequestTimeout(StatusCode),
    /// The peer could not be reached.
    TransportFailed,
    /// Nobody refreshed the session in time (RFC 4028); BYE was sent.
    SessionExpired,
}

/// How a caller wants an INVITE answered (RFC 5373 §4). It says more than one can trust: whom to obey is the embedder's to
/// decide, most of all for `Priv-Answer-Mode`, which only those should have their way with who have proved that they may. The
/// 200 says with a header `Answer-Mode: Auto` or `Manual` which it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RequestedAnswer {
    /// `Auto`: without anybody's doing; else `Manual`: only by the user.
    pub auto: bool,
    /// Whether to refuse with 403 what cannot be answered so.
    pub require: bool,
    /// Whether it came as `Priv-Answer-Mode`, which asks to overrule the user's settings.
    pub privileged: bool,
    /// What the plain `Answer-Mode` beside it says: it holds instead if the caller may not overrule (RFC 5373 §4.1).
    pub otherwise: Option<AnswerWish>,
}

/// What one header says of how to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct AnswerWish {
    /// `Auto`: without anybody's doing; else `Manual`: only by the user.
    pub auto: bool,
    /// Whether to refuse with 403 what cannot be answered so.
    pub require: bool,
}

impl AnswerWish {
    /// `None` of a mode that nobody knows.
    pub(super) fn new(mode: &Answering, require: bool) -> Option<Self> {
        let auto = *mode == Answering::Auto;
        (auto || *mode == Answering::Manual).then_some(Self { auto, require })
    }
}

impl EndCause {
    /// The peer's reason to hang up, to be given to [`hang_up`](super::Endpoint::hang_up) of another session.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Bye { reason } => Reason::parse(reason.as_ref()?.as_bytes()).ok(),
            Self::AckTimeout | Self::RequestTimeout(_) | Self::TransportFailed | Self::SessionExpired => None,
        }
    }
}

/// Why a publication ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum PublicationEnd {
    /// It was removed, as asked for.
    Removed,
    /// The compositor refused it with this status.
    Refused(StatusCode),
}

/// Why a subscription ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SubscriptionEnd {
    /// The subscriber gave it up.
    Unsubscribed,
    /// The state was fetched on condition that it is another than the one known, and it is not (204, RFC 5839 §5.4).
    Unchanged,
    /// It was not refreshed in time.
    Expired,
    /// The peer refused a SUBSCRIBE or a NOTIFY with this status; 408 after a time-out, 503 after a transport failure.
    Refused(StatusCode),
    /// The notifier ended it, with the `reason` parameter it gave.
    Terminated {
        /// e.g. `deactivated`, `noresource`, `timeout`.
        reason: Option<String>,
        /// After how long to try again.
        retry_after: Option<Duration>,
    },
    /// The SUBSCRIBE was accepted, but no NOTIFY came (RFC 6665 §4.1.2.4, timer N).
    NotNotified,
}
