//! What is kept of a subscription, whichever side it is of (RFC 6665), and what all of them have in common.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;

use super::id::ClientKey;
use super::rates::Rates;
use super::session::Leg;
use super::timers::{Alarm, TimerKey};
use super::{Endpoint, EndpointError, Event, Notify, SessionId, Subscribe, SubscriptionEnd, SubscriptionId};
use crate::auth;
use crate::header::{EventHeader, TypedHeader};
use crate::transaction::earliest;

/// A subscription of either side.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Subscription {
    pub(super) role: Role,
    /// Over for the embedder; kept until its last messages are through.
    pub(super) released: bool,
    /// The session of our REFER.
    pub(super) session: Option<SessionId>,
    pub(super) leg: Option<Leg>,
    pub(super) call_id: Bytes,
    pub(super) tag: Bytes,
    pub(super) contact: Bytes,
    pub(super) event: EventHeader,
    /// Of the SUBSCRIBE or REFER that was last sent.
    pub(super) cseq: u32,
    pub(super) accept: Bytes,
    /// What is asked for in each refresh; of a notifier, what the embedder granted.
    pub(super) requested: Duration,
    /// What the SUBSCRIBE under way asks for; `requested` may have changed since.
    pub(super) asked: Duration,
    pub(super) expires: Option<Time>,
    pub(super) refresh: Option<Time>,
    /// When a NOTIFY must have come (RFC 6665 §4.1.2.4, timer N).
    pub(super) awaited: Option<Time>,
    /// Our request under way.
    pub(super) client: Option<ClientKey>,
    /// The entity-tag of the state that the subscriber was last told (RFC 5839).
    pub(super) etag: Bytes,
    pub(super) auth: Option<Box<auth::Client>>,
    /// Of a notifier.
    pub(super) notices: Option<Box<Notices>>,
    /// Of a subscriber.
    pub(super) origin: Option<Box<Origin>>,
    pub(super) alarm: Alarm,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Role {
    Notifier,
    Subscriber,
    /// Of our REFER.
    Referrer,
}

/// The NOTIFYs of a notifier.
#[derive(Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Notices {
    /// Waits for its turn.
    pub(super) next: Option<Notify>,
    /// Under way, kept in case the subscriber asks for it later.
    pub(super) sent: Option<Notify>,
    /// `Suppress-If-Match` of the SUBSCRIBE that began it: the state that the subscriber has already.
    pub(super) known: Bytes,
    /// How often the subscriber wants to be told (RFC 6446).
    pub(super) rates: Rates,
    /// When it must be told again, if nothing changes.
    pub(super) repeat: Option<Time>,
    /// What it was told last, if that may have to be told again.
    pub(super) last: Option<Notify>,
    /// When the next NOTIFY may go out by that.
    pub(super) paced: Option<Time>,
    /// When the subscriber wants to be asked again (`Retry-After`).
    pub(super) retry: Option<Time>,
}

/// How a subscription of ours began, and what else may come of it.
#[derive(Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Origin {
    /// Kept until the first 2xx; of a persistent subscription for as long as it lives, to begin it anew.
    pub(super) command: Option<Subscribe>,
    /// When it began the last time.
    pub(super) begun: Time,
    /// When it is begun anew.
    pub(super) again: Option<Time>,
    /// Whether a NOTIFY has said who the notifier is (RFC 6665 §4.1.2.4).
    pub(super) confirmed: bool,
    /// Whether it has been asked for longer, since the notifier found it too brief.
    pub(super) lengthened: bool,
    /// Whether each fork of the SUBSCRIBE becomes a subscription.
    pub(super) all_forks: bool,
    /// The other notifiers that the SUBSCRIBE reached.
    pub(super) forks: Vec<SubscriptionId>,
    /// The subscription whose fork this is.
    pub(super) root: Option<SubscriptionId>,
}

impl Subscription {
    pub(super) fn new(role: Role, event: EventHeader, contact: Bytes) -> Self {
        Self {
            role,
            released: false,
            session: None,
            leg: None,
            call_id: Bytes::new(),
            tag: Bytes::new(),
            contact,
            event,
            cseq: 0,
            accept: Bytes::new(),
            requested: Duration::ZERO,
            asked: Duration::ZERO,
            expires: None,
            refresh: None,
            awaited: None,
            client: None,
            etag: Bytes::new(),
            auth: None,
            notices: (role == Role::Notifier).then(Box::default),
            origin: (role == Role::Subscriber).then(Box::default),
            alarm: Alarm::default(),
        }
    }

    fn deadline(&self) -> Option<Time> {
        let expires = self.expires.filter(|_| !self.released);
        let waiting = |notices: &&Notices| notices.next.is_some() && self.client.is_none();
        let notices = self.notices.as_deref().filter(waiting);
        // The later of the two: before it, nothing can be done.
        let turn = notices.and_then(|notices| notices.paced.max(notices.retry));
        let quiet = |notices: &&Notices| notices.next.is_none() && self.client.is_none() && !self.released;
        let repeat = self.notices.as_deref().filter(quiet).and_then(|notices| notices.repeat);
        let again = self.origin.as_ref().and_then(|origin| origin.again);
        [expires, self.refresh, self.awaited, turn, repeat, again]
            .into_iter()
            .fold(None, earliest)
    }
}

impl Endpoint {
    /// A subscription that the embedder may still command.
    pub(super) fn subscription_mut(&mut self, id: SubscriptionId) -> Result<&mut Subscription, EndpointError> {
        self.subscriptions
            .get_mut(id)
            .filter(|subscription| !subscription.released)
            .ok_or(EndpointError::Gone)
    }

    /// The subscription is over, and nothing is to be sent.
    pub(super) fn end_subscription(&mut self, id: SubscriptionId, cause: SubscriptionEnd) {
        let told = self
            .subscriptions
            .get(id)
            .is_none_or(|subscription| subscription.released);
        self.remove_subscription(id);
        if !told {
            self.emit(Event::SubscriptionEnded {
                subscription: id,
                cause,
            });
        }
    }

    pub(super) fn remove_subscription(&mut self, id: SubscriptionId) {
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let root = entry.origin.as_ref().and_then(|origin| origin.root);
        let has_forks = entry.origin.as_ref().is_some_and(|origin| !origin.forks.is_empty());
        self.timers.disarm(&mut entry.alarm);
        if has_forks {
            // Its tag is that of its forks, whose NOTIFYs are found by way of it.
            entry.released = true;
            entry.leg = None;
            entry.client = None;
            (entry.expires, entry.refresh, entry.awaited) = (None, None, None);
            return;
        }
        self.subscriptions.remove(id);
        if let Some(root) = root
            && let Some(entry) = self.subscriptions.get_mut(root)
            && let Some(origin) = entry.origin.as_mut()
        {
            origin.forks.retain(|fork| *fork != id);
            if entry.released && origin.forks.is_empty() {
                self.remove_subscription(root);
            }
        }
    }

    pub(super) fn arm_subscription(&mut self, id: SubscriptionId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            let deadline = subscription.deadline();
            self.timers
                .arm(self.now, TimerKey::Subscription(id), &mut subscription.alarm, deadline);
        }
    }

    pub(super) fn subscription_due(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        subscription.alarm.fired();
        match subscription.role {
            Role::Notifier => self.notifier_due(id),
            Role::Subscriber => self.subscriber_due(id),
            Role::Referrer => self.referrer_due(id),
        }
        self.arm_subscription(id);
    }
}

pub(super) fn print(header: &impl TypedHeader) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = header.write(&mut text);
    text
}
