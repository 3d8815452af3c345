//! Subscriptions of peers to our events (RFC 6665 §4.2).

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::client::Owner;
use super::id::ClientKey;
use super::names::TagOwner;
use super::requests::{PendingKind, expires_of, seconds_header};
use super::screen::Incoming;
use super::session::Leg;
use super::stats::seconds;
use super::timers::{Alarm, TimerKey};
use super::write::Extra;
use super::{
    Endpoint, EndpointError, Event, Notify, NotifyState, Reply, RequestId, SessionId, SubscriptionEnd, SubscriptionId,
    TerminatedReason,
};
use crate::auth;
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::header::{EventHeader, TypedHeader};
use crate::transaction::earliest;
use crate::{HeaderName, Method, StatusCode};

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
    /// What is asked for in each refresh.
    pub(super) requested: Duration,
    /// What the SUBSCRIBE under way asks for; `requested` may have changed since.
    pub(super) asked: Duration,
    pub(super) expires: Option<Time>,
    pub(super) refresh: Option<Time>,
    /// When a NOTIFY must have come (RFC 6665 §4.1.2.4, timer N).
    pub(super) awaited: Option<Time>,
    /// Our request under way.
    pub(super) client: Option<ClientKey>,
    next: Option<Notify>,
    pub(super) auth: Option<Box<auth::Client>>,
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
            next: None,
            auth: None,
            alarm: Alarm::default(),
        }
    }
}

impl Endpoint {
    /// Accepts [`Event::Subscribe`] with 200, for `expires`. The embedder must then [`notify`](Self::notify) the state at
    /// once. With zero that NOTIFY is the only one: the state is fetched.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if the request is no SUBSCRIBE; [`EndpointError::Full`], if
    /// others were accepted since it came.
    pub fn accept_subscription(
        &mut self,
        now: Time,
        request: RequestId,
        expires: Duration,
    ) -> Result<SubscriptionId, EndpointError> {
        self.advance(now);
        let Some(PendingKind::Incoming(held)) = self.requests.get(request).map(|pending| &pending.kind) else {
            return Err(EndpointError::Gone);
        };
        let subscribe = held.subscribe.clone().ok_or(EndpointError::WrongState)?;
        if self.subscriptions.len() >= self.config.limits.subscriptions {
            return Err(EndpointError::Full);
        }
        let (head, server, source) = (held.head.clone(), held.server, held.flow);
        let event = subscribe
            .headers()
            .typed::<EventHeader>()
            .and_then(Result::ok)
            .ok_or(EndpointError::WrongState)?;
        let uri = subscribe.request_uri().ok();
        let contact = self.contact(source, uri.as_ref().and_then(crate::Uri::user).as_deref(), false);
        let id = self
            .subscriptions
            .insert(Subscription::new(Role::Notifier, event, contact.clone()));
        let tag = TagOwner::Subscription(id).tag(self.rng.next_u32());
        let dialog = Dialog::from_request(&subscribe, core::str::from_utf8(&tag).unwrap_or_default());
        let Ok(mut dialog) = dialog else {
            self.subscriptions.remove(id);
            return Err(EndpointError::WrongState);
        };
        dialog.set_local_cseq(self.first_cseq());
        let leg = self.make_leg(dialog, source);
        self.close_request(request);
        // The embedder has time to notify the state even of what ends at once.
        let end = self.now + expires.max(self.config.timers.give_up());
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.call_id = leg.dialog.call_id().clone();
            subscription.leg = Some(leg);
            subscription.tag = tag.clone();
            subscription.requested = expires;
            subscription.expires = Some(if expires.is_zero() { end } else { self.now + expires });
        }
        let (name, value) = seconds_header(HeaderName::Expires, seconds(expires));
        let reply = Reply::new().header(name, value);
        let extra = Extra {
            contact: Some(&contact),
            abilities: false,
        };
        let data = self.write_response(&head, StatusCode::OK, Some(&tag), &reply, extra);
        self.respond_on(server, StatusCode::OK, data);
        self.arm_subscription(id);
        Ok(id)
    }

    /// Tells a subscriber the state. While a NOTIFY is under way, only the latest one waits: always give the whole state.
    /// After [`NotifyState::Terminated`] the handle is dead, without an event.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it is our own subscription; [`EndpointError::BadHeader`].
    pub fn notify(&mut self, now: Time, subscription: SubscriptionId, notify: Notify) -> Result<(), EndpointError> {
        self.advance(now);
        check_body(notify.body.as_ref())?;
        let entry = self.subscription_mut(subscription)?;
        if entry.role != Role::Notifier {
            return Err(EndpointError::WrongState);
        }
        let fetched = entry.requested.is_zero();
        let terminated = matches!(notify.state, NotifyState::Terminated(_));
        entry.released |= terminated || fetched;
        entry.next = Some(if fetched && !terminated {
            Notify {
                state: NotifyState::Terminated(TerminatedReason::Timeout),
                ..notify
            }
        } else {
            notify
        });
        self.pump_notify(subscription);
        Ok(())
    }

    /// A subscription that the embedder may still command.
    pub(super) fn subscription_mut(&mut self, id: SubscriptionId) -> Result<&mut Subscription, EndpointError> {
        self.subscriptions
            .get_mut(id)
            .filter(|subscription| !subscription.released)
            .ok_or(EndpointError::Gone)
    }

    /// Sends the waiting NOTIFY, if none is under way.
    fn pump_notify(&mut self, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.get_mut(id).filter(|entry| entry.client.is_none()) else {
            return;
        };
        let Some(notify) = subscription.next.take() else {
            if subscription.released {
                self.remove_subscription(id);
            }
            return;
        };
        if self.send_notify(id, &notify).is_none() {
            self.end_subscription(id, SubscriptionEnd::Refused(StatusCode::SERVICE_UNAVAILABLE));
        }
    }

    fn send_notify(&mut self, id: SubscriptionId, notify: &Notify) -> Option<()> {
        let left = self
            .subscriptions
            .get(id)?
            .expires
            .map_or(Duration::ZERO, |end| end - self.now);
        let state = match notify.state {
            NotifyState::Pending => format!("pending;expires={}", seconds(left)),
            NotifyState::Active => format!("active;expires={}", seconds(left)),
            NotifyState::Terminated(reason) => format!("terminated;reason={}", reason.as_str()),
        };
        let subscription = self.subscriptions.get_mut(id)?;
        let cseq = subscription.leg.as_mut()?.dialog.next_cseq().ok()?;
        let event = print(&subscription.event);
        let flow = self.leg_flow(self.subscriptions.get(id)?.leg.as_ref()?);
        let via = self.open_client(flow, Method::Notify, Owner::Notify(id));
        let subscription = self.subscriptions.get(id)?;
        let out = subscription.leg.as_ref()?.dialog.begin(&Method::Notify, cseq, via);
        let headers = [
            (HeaderName::Event, Bytes::from(event)),
            (HeaderName::SubscriptionState, Bytes::from(state)),
        ];
        let extra = Extra {
            contact: Some(&subscription.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &headers, notify.body.as_ref(), extra);
        let key = self.launch(via, data);
        self.subscriptions.get_mut(id)?.client = Some(key);
        Some(())
    }

    pub(super) fn on_notify_outcome(&mut self, id: SubscriptionId, status: StatusCode) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        subscription.client = None;
        if status.is_success() {
            self.pump_notify(id);
        } else {
            self.end_subscription(id, SubscriptionEnd::Refused(status));
        }
    }

    pub(super) fn on_subscription_request(&mut self, id: SubscriptionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let local_tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let Some(subscription) = self.subscriptions.get_mut(id).filter(|entry| entry.tag == local_tag) else {
            return Some(incoming);
        };
        if incoming.request.call_id() != Some(&subscription.call_id[..]) {
            return Some(incoming);
        }
        match (subscription.role, incoming.request.method()) {
            (Role::Notifier, Method::Subscribe) if !subscription.released => {}
            (Role::Subscriber, Method::Notify) => return self.on_notify(id, incoming),
            _ => return Some(incoming),
        }
        let Some(leg) = subscription
            .leg
            .as_mut()
            .filter(|leg| leg.dialog.remote_tag() == remote_tag)
        else {
            return Some(incoming);
        };
        if leg.dialog.accept_cseq(incoming.cseq).is_err() {
            self.stats.out_of_order += 1;
            self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
            return None;
        }
        if leg.follows {
            leg.flow = incoming.flow;
        }
        self.on_resubscribe(id, &incoming);
        None
    }

    /// A refresh, or with `Expires: 0` the end (RFC 6665 §4.2.1.4).
    fn on_resubscribe(&mut self, id: SubscriptionId, incoming: &Incoming) {
        self.refresh_subscriber(id, incoming);
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        // Never longer than what the embedder granted at first.
        let granted = expires_of(&incoming.request)
            .unwrap_or(subscription.requested)
            .min(subscription.requested);
        subscription.expires = Some(self.now + granted);
        let contact = subscription.contact.clone();
        self.reply_ok(
            incoming,
            format!("Expires:{}", seconds(granted)).as_bytes(),
            Some(&contact),
        );
        if granted.is_zero() {
            self.terminate_subscriber(id, SubscriptionEnd::Unsubscribed);
        } else {
            self.arm_subscription(id);
            self.emit(Event::Resubscribed {
                subscription: id,
                expires: granted,
            });
        }
    }

    fn refresh_subscriber(&mut self, id: SubscriptionId, incoming: &Incoming) {
        let Some(leg) = self.subscriptions.get_mut(id).and_then(|entry| entry.leg.as_mut()) else {
            return;
        };
        if leg.dialog.refresh_target(incoming.request.headers()) {
            let dialog = leg.dialog.clone();
            let leg = self.make_leg(dialog, incoming.flow);
            if let Some(entry) = self.subscriptions.get_mut(id) {
                entry.leg = Some(leg);
            }
        }
    }

    /// Sends the last NOTIFY by itself, after any that is under way.
    fn terminate_subscriber(&mut self, id: SubscriptionId, cause: SubscriptionEnd) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        subscription.released = true;
        let body = subscription.next.take().and_then(|notify| notify.body);
        subscription.next = Some(Notify::terminated(TerminatedReason::Timeout, body));
        self.emit(Event::SubscriptionEnded {
            subscription: id,
            cause,
        });
        self.pump_notify(id);
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
        if let Some(mut subscription) = self.subscriptions.remove(id) {
            self.timers.disarm(TimerKey::Subscription(id), &mut subscription.alarm);
        }
    }

    pub(super) fn arm_subscription(&mut self, id: SubscriptionId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            let expires = subscription.expires.filter(|_| !subscription.released);
            let deadline = earliest(earliest(expires, subscription.refresh), subscription.awaited);
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
            Role::Notifier => {
                let over = subscription.expires.is_some_and(|at| at <= self.now) && !subscription.released;
                if over {
                    self.terminate_subscriber(id, SubscriptionEnd::Expired);
                }
            }
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
