//! Subscriptions of peers to our events (RFC 6665 §4.2), with conditional (RFC 5839) and paced (RFC 6446) notification.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::check_body;
use super::client::{Outcome, Owner};
use super::names::TagOwner;
use super::rates::Rates;
use super::reply::check;
use super::requests::{PendingKind, expires_of, seconds_header};
use super::screen::Incoming;
use super::stats::seconds;
use super::subscription::{Notices, Role, Subscription, print};
use super::write::Extra;
use super::{
    Endpoint, EndpointError, Event, Notify, NotifyState, Reply, RequestId, SubscriptionEnd, SubscriptionId,
    TerminatedReason,
};
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::header::{EventHeader, RetryAfter};
use crate::{HeaderName, Headers, Method, Params, Request, Response, StatusCode};

impl Endpoint {
    /// Accepts [`Event::Subscribe`] with 200, for `expires`. The embedder must then [`notify`](Self::notify) the state at
    /// once. With zero that NOTIFY is the only one: the state is fetched. If what is fetched has the entity-tag that the
    /// SUBSCRIBE's `Suppress-If-Match` names, [`respond`](Self::respond) with 204 instead: nothing is to be told
    /// (RFC 5839 §6.3).
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
        let notices = Notices {
            known: suppressed_tag(&subscribe),
            rates: Rates::read(&event.params, expires),
            ..Notices::default()
        };
        // Package and id are all that is told again.
        let event = EventHeader {
            params: Params::new(),
            ..event
        };
        let mut entry = Subscription::new(Role::Notifier, event, contact.clone());
        entry.notices = Some(Box::new(notices));
        let id = self.subscriptions.insert(entry);
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

    /// Tells a subscriber the state. While a NOTIFY is under way, or until the time between two NOTIFYs that the
    /// subscriber asked for has passed (`max-rate`, RFC 6446), only the latest one waits: always give the whole state.
    /// After [`NotifyState::Terminated`] the handle is dead, without an event. To a subscriber that asked for it
    /// (`min-rate`, `adaptive-min-rate`) the last state is told again by itself, at most every 5 s.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it is our own subscription; [`EndpointError::BadHeader`].
    pub fn notify(&mut self, now: Time, subscription: SubscriptionId, notify: Notify) -> Result<(), EndpointError> {
        self.advance(now);
        check_body(notify.body.as_ref())?;
        if let Some(etag) = &notify.etag {
            check(&[(HeaderName::SipEtag, etag.clone())], None)?;
        }
        let entry = self.subscription_mut(subscription)?;
        let fetched = entry.requested.is_zero();
        let notices = entry.notices.as_mut().ok_or(EndpointError::WrongState)?;
        let terminated = matches!(notify.state, NotifyState::Terminated(_));
        entry.released |= terminated || fetched;
        notices.next = Some(if fetched && !terminated {
            Notify {
                state: NotifyState::Terminated(TerminatedReason::Timeout),
                ..notify
            }
        } else {
            notify
        });
        self.pump_notify(subscription);
        self.arm_subscription(subscription);
        Ok(())
    }

    /// Sends the waiting NOTIFY, if none is under way and its time has come.
    fn pump_notify(&mut self, id: SubscriptionId) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id).filter(|entry| entry.client.is_none()) else {
            return;
        };
        let released = entry.released;
        let Some(notices) = entry.notices.as_mut() else { return };
        let later = |at: Option<Time>| at.is_some_and(|at| at > now);
        let is_last = |notify: &Notify| matches!(notify.state, NotifyState::Terminated(_));
        match &notices.next {
            // What ends the subscription does not wait for its turn.
            Some(next) if later(notices.paced) && !is_last(next) => return,
            Some(_) if later(notices.retry) && !released => return,
            Some(_) => {}
            None if released => return self.remove_subscription(id),
            None => return,
        }
        let Some(notify) = notices.next.take() else { return };
        notices.retry = None;
        (notices.paced, notices.repeat) = notices.rates.sent(now);
        notices.last = notices.rates.repeats().then(|| notify.clone());
        if self.send_notify(id, &notify).is_none() {
            return self.end_subscription(id, SubscriptionEnd::Refused(StatusCode::SERVICE_UNAVAILABLE));
        }
        if let Some(notices) = self.subscriptions.get_mut(id).and_then(|entry| entry.notices.as_mut()) {
            notices.sent = Some(notify);
        }
    }

    fn send_notify(&mut self, id: SubscriptionId, notify: &Notify) -> Option<()> {
        let now = self.now;
        let subscription = self.subscriptions.get_mut(id)?;
        let left = subscription.expires.map_or(Duration::ZERO, |end| end - now);
        let state = state_value(notify, left, &subscription.notices.as_ref()?.rates);
        let known = core::mem::take(&mut subscription.notices.as_mut()?.known);
        subscription.etag = notify.etag.clone().unwrap_or_default();
        let unchanged = matches_tag(&known, &subscription.etag);
        let cseq = subscription.leg.as_mut()?.dialog.next_cseq().ok()?;
        let event = print(&subscription.event);
        let way = self.way_of(self.subscriptions.get(id)?.leg.as_ref()?);
        let via = self.open_client(way.flow(), Method::Notify, Owner::Notify(id));
        let subscription = self.subscriptions.get(id)?;
        let out = subscription.leg.as_ref()?.dialog.begin(&Method::Notify, cseq, &via);
        let mut headers = vec![
            (HeaderName::Event, Bytes::from(event)),
            (HeaderName::SubscriptionState, Bytes::from(state)),
        ];
        headers.extend(notify.etag.clone().map(|etag| (HeaderName::SipEtag, etag)));
        let extra = Extra {
            contact: Some(&subscription.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &headers, notify.body.as_ref().filter(|_| !unchanged), extra);
        let key = self.launch_by(via, data, way);
        self.subscriptions.get_mut(id)?.client = Some(key);
        Some(())
    }

    pub(super) fn on_notify_outcome(&mut self, id: SubscriptionId, outcome: &Outcome) {
        let (now, status) = (self.now, outcome.status);
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        entry.client = None;
        let (released, end) = (entry.released, entry.expires);
        let sent = entry.notices.as_mut().and_then(|notices| notices.sent.take());
        if status.is_success() {
            if let Some(response) = &outcome.response {
                self.learn_rates(id, response.headers());
            }
            self.pump_notify(id);
            return self.arm_subscription(id);
        }
        // "Not now" is no refusal (RFC 6665 §4.2.2); whoever is not there any more says so by other means.
        let retry = outcome
            .response
            .as_ref()
            .and_then(retry_after)
            .map(|delay| now + delay)
            .filter(|at| !released && !ends_subscription(status) && end.is_some_and(|end| *at < end));
        match (retry, entry.notices.as_mut()) {
            (Some(at), Some(notices)) => {
                notices.next = notices.next.take().or(sent);
                notices.retry = Some(at);
                self.arm_subscription(id);
            }
            _ => self.end_subscription(id, SubscriptionEnd::Refused(status)),
        }
    }

    /// A subscriber may ask for other rates in each SUBSCRIBE and 2xx (RFC 6446 §5.1).
    fn learn_rates(&mut self, id: SubscriptionId, headers: &Headers) {
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let event = event.filter(|event| event.package == entry.event.package);
        if let (Some(event), Some(notices)) = (event, entry.notices.as_mut()) {
            notices.rates.update(&event.params, entry.requested);
        }
    }

    /// Nothing has changed for as long as the subscriber can wait: it is told the same again (RFC 6446 §6.2).
    fn repeat_notify(&mut self, id: SubscriptionId) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let idle = entry.client.is_none() && !entry.released;
        if let Some(notices) = entry.notices.as_mut().filter(|_| idle)
            && notices.repeat.take_if(|at| *at <= now).is_some()
            && notices.next.is_none()
        {
            notices.next = notices.last.take();
        }
    }

    /// A request with one of our subscriptions' tags.
    pub(super) fn on_subscription_request(&mut self, id: SubscriptionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let local_tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return Some(incoming);
        };
        let known = subscription.tag == local_tag && incoming.request.call_id() == Some(&subscription.call_id[..]);
        match (subscription.role, incoming.request.method()) {
            // Forks have their root's tag, and may outlive its dialog.
            (Role::Subscriber, Method::Notify) => return self.on_notify(id, incoming),
            _ if !known => return Some(incoming),
            (Role::Notifier, Method::Subscribe) if !subscription.released => {}
            (Role::Referrer, Method::Notify) => return self.on_referrer_notify(id, incoming),
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
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let ours = &subscription.event;
        match event {
            Some(event) if event.package == ours.package && event.id == ours.id => self.on_resubscribe(id, &incoming),
            // Another subscription in this dialog, as RFC 3265 had them (RFC 6665 §4.5.2).
            Some(event) if event.package == ours.package => {
                let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                self.stats.unmatched_requests += 1;
                self.reply_at_once(&incoming, status, &Reply::default(), None);
            }
            Some(_) | None => {
                self.stats.unsupported += 1;
                let packages = self.config.event_packages.join(", ");
                let reply = Reply::new().header(HeaderName::AllowEvents, packages);
                self.reply_at_once(&incoming, StatusCode::BAD_EVENT, &reply, None);
            }
        }
        None
    }

    /// A refresh, or with `Expires: 0` the end (RFC 6665 §4.2.1.4).
    fn on_resubscribe(&mut self, id: SubscriptionId, incoming: &Incoming) {
        self.refresh_subscriber(id, incoming);
        self.learn_rates(id, incoming.request.headers());
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        // Never longer than what the embedder granted at first.
        let granted = expires_of(&incoming.request)
            .unwrap_or(subscription.requested)
            .min(subscription.requested);
        subscription.expires = Some(self.now + granted);
        let waiting = subscription
            .notices
            .as_ref()
            .is_some_and(|notices| notices.next.is_some());
        let suppressed = !waiting && matches_tag(&suppressed_tag(&incoming.request), &subscription.etag);
        let contact = subscription.contact.clone();
        let (name, value) = seconds_header(HeaderName::Expires, seconds(granted));
        let status = if suppressed {
            StatusCode::NO_NOTIFICATION
        } else {
            StatusCode::OK
        };
        self.reply_at_once(incoming, status, &Reply::new().header(name, value), Some(&contact));
        if granted.is_zero() {
            self.terminate_subscriber(id, SubscriptionEnd::Unsubscribed, suppressed);
        } else {
            self.arm_subscription(id);
            self.emit(Event::Resubscribed {
                subscription: id,
                expires: granted,
                suppressed,
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

    /// Sends the last NOTIFY by itself, after any that is under way; or none, if the subscriber wants none.
    fn terminate_subscriber(&mut self, id: SubscriptionId, cause: SubscriptionEnd, silent: bool) {
        let Some(subscription) = self.subscriptions.get_mut(id) else {
            return;
        };
        subscription.released = true;
        if let Some(notices) = subscription.notices.as_mut() {
            let last = notices.next.take();
            let etag = last.as_ref().and_then(|notify| notify.etag.clone());
            let mut last = Notify::terminated(TerminatedReason::Timeout, last.and_then(|notify| notify.body));
            last.etag = etag;
            notices.next = (!silent).then_some(last);
        }
        self.emit(Event::SubscriptionEnded {
            subscription: id,
            cause,
        });
        self.pump_notify(id);
    }

    pub(super) fn notifier_due(&mut self, id: SubscriptionId) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get(id) else {
            return;
        };
        if entry.expires.is_some_and(|at| at <= now) && !entry.released {
            self.terminate_subscriber(id, SubscriptionEnd::Expired, false);
        } else {
            self.repeat_notify(id);
            self.pump_notify(id);
        }
    }

    /// 489, with the packages that may be subscribed to (RFC 6665 §4.2.1.1).
    pub(super) fn refuse_event(&mut self, incoming: &Incoming) {
        self.stats.unsupported += 1;
        let lines = self.allow_events_line().clone();
        self.refuse_with(incoming, StatusCode::BAD_EVENT, &lines);
    }
}

/// The statuses after which a subscription is over, as RFC 6665 §4.1.2.2 and RFC 5057 §5.1 list them.
pub(super) fn ends_subscription(status: StatusCode) -> bool {
    matches!(status.code(), 404 | 405 | 410 | 416 | 480..=485 | 489 | 501 | 604)
}

/// The `Retry-After` of a failure.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let retry = response.headers().typed::<RetryAfter>()?.ok()?;
    Some(Duration::from_secs(u64::from(retry.seconds)))
}

/// The `Suppress-If-Match` of a SUBSCRIBE; empty if there is none.
fn suppressed_tag(request: &Request) -> Bytes {
    let value = request.headers().get(&HeaderName::SuppressIfMatch);
    Bytes::copy_from_slice(value.unwrap_or_default())
}

/// Whether the subscriber knows the state with the entity-tag `etag` (RFC 5839 §6.3).
fn matches_tag(condition: &[u8], etag: &[u8]) -> bool {
    !etag.is_empty() && (condition == etag || condition == b"*")
}

/// `Subscription-State` of a NOTIFY.
fn state_value(notify: &Notify, left: Duration, rates: &Rates) -> String {
    let mut value = match notify.state {
        NotifyState::Pending => format!("pending;expires={}", seconds(left)),
        NotifyState::Active => format!("active;expires={}", seconds(left)),
        NotifyState::Terminated(reason) => format!("terminated;reason={}", reason.as_str()),
    };
    match (notify.state, notify.retry_after) {
        (NotifyState::Terminated(_), Some(delay)) => {
            value.push_str(&format!(";retry-after={}", seconds(delay)));
        }
        (NotifyState::Terminated(_), None) => {}
        (NotifyState::Pending | NotifyState::Active, _) => rates.write(&mut value),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        for (condition, etag, expected) in [
            ("", "a", false),
            ("a", "a", true),
            ("A", "a", false),
            ("*", "a", true),
            ("*", "", false),
            ("", "", false),
        ] {
            assert_eq!(
                matches_tag(condition.as_bytes(), etag.as_bytes()),
                expected,
                "{condition} {etag}"
            );
        }
    }
}
