//! Our subscriptions to events of peers (RFC 6665 §4.1): their beginning, refreshes and end.

use core::time::Duration;

use machine::Time;
use rand_core::Rng;

use super::caller::{Initial, begin_initial};
use super::client::{Outcome, Owner};
use super::detour::Way;
use super::id::ClientKey;
use super::names::TagOwner;
use super::notifier::{ends_subscription, retry_after};
use super::reply::check;
use super::stats::seconds;
use super::subscription::{Origin, Role, Subscription, print};
use super::write::Extra;
use super::{Endpoint, EndpointError, Event, Subscribe, SubscriptionEnd, SubscriptionId};
use crate::dialog::Dialog;
use crate::dialog::compose::{Composer, is_clean};
use crate::dialog::raw::tag_of;
use crate::event::{Reason, Retry};
use crate::header::{Expires, MinExpires};
use crate::{HeaderName, Method, Response, Scheme, StatusCode};

/// A notifier that finds less than a day too brief is not followed.
const MAX_LENGTHENED: Duration = Duration::from_secs(86_400);

impl Endpoint {
    /// Subscribes. [`Event::SubscriptionAccepted`] and [`Event::Notified`] follow, or
    /// [`Event::SubscriptionEnded`]. It is refreshed in time by itself, and asked for longer if the notifier finds it too
    /// brief (423). If the notifier names entity-tags (RFC 5839), refreshes bring a NOTIFY only if the state is another.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoAddress`], [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn subscribe(&mut self, now: Time, subscribe: Subscribe) -> Result<SubscriptionId, EndpointError> {
        self.advance(now);
        check(&subscribe.headers, None)?;
        let etag = subscribe.etag.clone().unwrap_or_default();
        if !is_clean(&subscribe.accept) || !is_clean(&etag) {
            return Err(EndpointError::BadHeader);
        }
        let way = self.initial_way(subscribe.flow, &subscribe.hops, &subscribe.route, &subscribe.target)?;
        let flow = way.flow();
        if self.subscriptions.len() >= self.config.limits.subscriptions || self.is_full() {
            return Err(EndpointError::Full);
        }
        let secure = subscribe.target.scheme() == Scheme::Sips;
        let contact = self.contact(flow, subscribe.contact_user.as_deref(), secure);
        let mut entry = Subscription::new(Role::Subscriber, subscribe.event.clone(), contact);
        entry.requested = subscribe.expires;
        entry.accept = subscribe.accept.clone();
        entry.auth = subscribe.credentials.as_ref().map(super::Credentials::client);
        entry.etag = etag;
        entry.origin = Some(Box::new(Origin {
            all_forks: subscribe.all_forks,
            command: Some(subscribe),
            ..Origin::default()
        }));
        let id = self.subscriptions.insert(entry);
        if self.begin_subscription(id).is_none() {
            self.subscriptions.remove(id);
            return Err(EndpointError::NoAddress);
        }
        Ok(id)
    }

    /// Gives up a subscription of ours. The notifier's last NOTIFY comes as [`Event::Notified`], then
    /// [`Event::SubscriptionEnded`]. Before the notifier has answered the first SUBSCRIBE, and while it waits to be begun
    /// anew, it ends at once.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it is a peer's, or of a REFER that is not accepted yet.
    pub fn unsubscribe(&mut self, now: Time, subscription: SubscriptionId) -> Result<(), EndpointError> {
        self.advance(now);
        let entry = self.subscription_mut(subscription)?;
        match entry.role {
            Role::Subscriber => {}
            Role::Referrer => return self.unsubscribe_refer(subscription),
            Role::Notifier => return Err(EndpointError::WrongState),
        }
        if entry.requested.is_zero() && entry.leg.is_some() {
            return Ok(());
        }
        entry.requested = Duration::ZERO;
        entry.refresh = None;
        if entry.leg.is_none() {
            // Nothing to unsubscribe from yet: NOTIFYs that still come are answered with 481.
            self.end_subscription(subscription, SubscriptionEnd::Unsubscribed);
        } else if entry.client.is_none() {
            self.send_subscribe(subscription);
        }
        Ok(())
    }

    /// Sends the SUBSCRIBE that begins a subscription, the first time or anew, in no dialog yet.
    fn begin_subscription(&mut self, id: SubscriptionId) -> Option<()> {
        let command = self.subscriptions.get(id)?.origin.as_ref()?.command.clone()?;
        let way = self
            .initial_way(command.flow, &command.hops, &command.route, &command.target)
            .ok()?;
        let (call_id, cseq) = (self.new_call_id(), self.first_cseq());
        let tag = TagOwner::Subscription(id).tag(self.rng.next_u32());
        let now = self.now;
        let entry = self.subscriptions.get_mut(id)?;
        (entry.call_id, entry.tag, entry.cseq) = (call_id, tag, cseq);
        if let Some(origin) = entry.origin.as_mut() {
            origin.begun = now;
            origin.again = None;
            origin.confirmed = false;
        }
        self.send_initial(id, &command, way)
    }

    fn send_initial(&mut self, id: SubscriptionId, command: &Subscribe, way: Way) -> Option<()> {
        let via = self.open_client(way.flow(), Method::Subscribe, Owner::Subscribe(id));
        let entry = self.subscriptions.get_mut(id)?;
        entry.asked = entry.requested;
        let entry = self.subscriptions.get(id)?;
        let mut out = begin_initial(
            via,
            &Initial {
                method: &Method::Subscribe,
                target: &command.target,
                route: &command.route,
                from: &command.from,
                tag: &entry.tag,
                to: &command.to,
                call_id: &entry.call_id,
                cseq: entry.cseq,
                max_forwards: 70,
            },
        );
        subscribe_headers(&mut out, entry);
        let extra = Extra {
            contact: Some(&entry.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &command.headers, None, extra);
        let key = self.launch_by(via, data, way);
        self.subscriptions.get_mut(id)?.client = Some(key);
        Some(())
    }

    /// Sends a refresh, or the end, in the subscription's dialog.
    pub(super) fn send_subscribe(&mut self, id: SubscriptionId) {
        if self.try_send_subscribe(id).is_none() {
            self.lose_subscription(id, SubscriptionEnd::Refused(StatusCode::SERVICE_UNAVAILABLE), None);
        }
    }

    fn try_send_subscribe(&mut self, id: SubscriptionId) -> Option<()> {
        let cseq = self.subscriptions.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let flow = self.leg_flow(self.subscriptions.get(id)?.leg.as_ref()?);
        let via = self.open_client(flow, Method::Subscribe, Owner::Subscribe(id));
        let entry = self.subscriptions.get(id)?;
        let mut out = entry.leg.as_ref()?.dialog.begin(&Method::Subscribe, cseq, &via);
        subscribe_headers(&mut out, entry);
        let extra = Extra {
            contact: Some(&entry.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &[], None, extra);
        let key = self.launch(via, data);
        let entry = self.subscriptions.get_mut(id)?;
        entry.client = Some(key);
        entry.cseq = cseq;
        entry.refresh = None;
        entry.asked = entry.requested;
        Some(())
    }

    pub(super) fn on_subscribe_outcome(&mut self, id: SubscriptionId, outcome: Outcome) {
        let Outcome { status, response, key } = outcome;
        let Some(entry) = self.subscriptions.get_mut(id).filter(|entry| entry.client == Some(key)) else {
            return;
        };
        entry.client = None;
        match response {
            Some(response) if status.is_success() => self.on_subscribed(id, &response, key),
            response => self.on_subscribe_failed(id, status, response.as_ref(), key),
        }
        self.arm_subscription(id);
    }

    fn on_subscribed(&mut self, id: SubscriptionId, response: &Response, key: ClientKey) {
        let (now, give_up) = (self.now, self.now + self.config.timers.give_up());
        let quiet = response.status() == StatusCode::NO_NOTIFICATION;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let asked = core::mem::take(&mut entry.asked);
        // The notifier may shorten, not lengthen (RFC 6665 §4.1.2.1).
        let expires = response.headers().typed::<Expires>().and_then(Result::ok);
        let granted = expires.map_or(asked, |Expires(s)| Duration::from_secs(u64::from(s)).min(asked));
        let first = entry.leg.is_none();
        if first && (!quiet || !asked.is_zero()) && self.take_response_dialog(id, response, key).is_none() {
            let cause = SubscriptionEnd::Refused(StatusCode::BAD_REQUEST);
            return self.lose_subscription(id, cause, None);
        }
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        if let Some(origin) = entry.origin.as_mut() {
            origin.command.take_if(|command| command.persist.is_none());
            origin.lengthened = false;
        }
        // Another fork's 2xx says nothing of this dialog.
        let tag = response.headers().get(&HeaderName::To).and_then(tag_of);
        let foreign = entry
            .leg
            .as_ref()
            .is_some_and(|leg| tag.is_some_and(|tag| leg.dialog.remote_tag() != tag));
        let ending = entry.requested.is_zero();
        let end = entry.expires.filter(|_| foreign).unwrap_or(now + granted);
        entry.expires = Some(end);
        entry.refresh = (!ending && end > now).then(|| now + refresh_after(end - now));
        if (first || ending) && !quiet {
            entry.awaited.get_or_insert(give_up);
        }
        self.emit(Event::SubscriptionAccepted {
            subscription: id,
            expires: granted,
        });
        if ending && !asked.is_zero() {
            // Unsubscribed while a SUBSCRIBE was under way that asked for more.
            self.send_subscribe(id);
        } else if quiet && asked.is_zero() {
            self.end_subscription(
                id,
                if first {
                    SubscriptionEnd::Unchanged
                } else {
                    SubscriptionEnd::Unsubscribed
                },
            );
        }
    }

    /// The dialog of a 2xx serves until a NOTIFY says who the notifier is.
    fn take_response_dialog(&mut self, id: SubscriptionId, response: &Response, key: ClientKey) -> Option<()> {
        let dialog = Dialog::from_response(response, &self.sent_uri(key)).ok()?;
        let leg = self.make_leg(dialog, self.client_flow(key)?);
        self.subscriptions.get_mut(id)?.leg = Some(leg);
        Some(())
    }

    fn on_subscribe_failed(
        &mut self,
        id: SubscriptionId,
        status: StatusCode,
        response: Option<&Response>,
        key: ClientKey,
    ) {
        let now = self.now;
        let pause = response.and_then(retry_after);
        if let Some(response) = response.filter(|_| status == StatusCode::INTERVAL_TOO_BRIEF)
            && self.lengthen(id, response, key).is_some()
        {
            return;
        }
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let refreshing = entry.leg.is_some() && !entry.asked.is_zero() && !entry.requested.is_zero();
        let end = entry.expires.filter(|end| *end > now);
        match end.filter(|_| refreshing && !ends_subscription(status)) {
            // The subscription is what it was (RFC 6665 §4.1.2.2). Once more, if there is time for an answer.
            Some(end) => {
                let left = end - now;
                let next = pause.unwrap_or(left / 2).max(Duration::from_secs(1));
                entry.refresh = (left >= self.config.timers.give_up() && next < left).then(|| now + next);
            }
            None => self.lose_subscription(id, SubscriptionEnd::Refused(status), pause),
        }
    }

    /// Asks again for the time that the notifier wants at least (RFC 6665 §4.1.2.2); once.
    fn lengthen(&mut self, id: SubscriptionId, response: &Response, key: ClientKey) -> Option<()> {
        let min = response.headers().typed::<MinExpires>()?.ok()?;
        let min = Duration::from_secs(u64::from(min.0));
        let flow = self.client_flow(key)?;
        let entry = self.subscriptions.get_mut(id)?;
        let origin = entry.origin.as_mut()?;
        if origin.lengthened || min <= entry.requested || min > MAX_LENGTHENED || entry.requested.is_zero() {
            return None;
        }
        origin.lengthened = true;
        entry.requested = min;
        if entry.leg.is_some() {
            return self.try_send_subscribe(id);
        }
        let command = origin.command.clone()?;
        entry.cseq = entry
            .cseq
            .checked_add(1)
            .filter(|next| *next <= crate::dialog::MAX_CSEQ)?;
        let way = self
            .initial_way(Some(flow), &command.hops, &command.route, &command.target)
            .ok()?;
        self.send_initial(id, &command, way)
    }

    /// The subscription is over, unless it is to be begun anew. `pause`: the `Retry-After` of what ended it.
    pub(super) fn lose_subscription(&mut self, id: SubscriptionId, cause: SubscriptionEnd, pause: Option<Duration>) {
        match self.delay_to_begin_anew(id, &cause, pause) {
            Some(delay) => self.suspend(id, cause, delay),
            None => self.end_subscription(id, cause),
        }
    }

    /// What RFC 6665 §4.1.3 asks for, but never sooner than the embedder's pause after the last beginning: a notifier that
    /// ends each subscription as it comes does not make us spin.
    fn delay_to_begin_anew(
        &self,
        id: SubscriptionId,
        cause: &SubscriptionEnd,
        after: Option<Duration>,
    ) -> Option<Duration> {
        let entry = self.subscriptions.get(id).filter(|entry| !entry.released)?;
        let origin = entry.origin.as_ref()?;
        let pause = origin.command.as_ref()?.persist?.max(Duration::from_secs(1));
        if entry.requested.is_zero() {
            return None;
        }
        let retry = match cause {
            SubscriptionEnd::Terminated { reason, retry_after } => match reason.as_deref().map(str::parse::<Reason>) {
                Some(Ok(reason)) => reason.retry(*retry_after, pause),
                Some(Err(_)) | None => Retry::After(retry_after.unwrap_or(pause)),
            },
            SubscriptionEnd::Refused(status) if may_pass(*status, entry.leg.is_some()) => {
                Retry::After(after.unwrap_or(pause))
            }
            SubscriptionEnd::Expired | SubscriptionEnd::NotNotified => Retry::Now,
            SubscriptionEnd::Refused(_) | SubscriptionEnd::Unsubscribed | SubscriptionEnd::Unchanged => Retry::Never,
        };
        match retry {
            Retry::Never => None,
            Retry::Now => Some((origin.begun + pause) - self.now),
            Retry::After(delay) => Some(delay.max((origin.begun + pause) - self.now)),
        }
    }

    fn suspend(&mut self, id: SubscriptionId, cause: SubscriptionEnd, delay: Duration) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        entry.leg = None;
        entry.client = None;
        (entry.expires, entry.refresh, entry.awaited) = (None, None, None);
        if let Some(origin) = entry.origin.as_mut() {
            origin.again = Some(now + delay);
            origin.lengthened = false;
        }
        self.arm_subscription(id);
        self.emit(Event::SubscriptionSuspended {
            subscription: id,
            cause,
            again: delay,
        });
    }

    pub(super) fn subscriber_due(&mut self, id: SubscriptionId) {
        let now = self.now;
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let ended = |entry: &Subscription, cause| {
            if entry.requested.is_zero() {
                SubscriptionEnd::Unsubscribed
            } else {
                cause
            }
        };
        if due(entry.origin.as_ref().and_then(|origin| origin.again)) {
            self.begin_anew(id);
        } else if due(entry.awaited) {
            let cause = ended(entry, SubscriptionEnd::NotNotified);
            self.lose_subscription(id, cause, None);
        } else if due(entry.expires) && entry.awaited.is_none() && entry.client.is_none() {
            let cause = ended(entry, SubscriptionEnd::Expired);
            self.lose_subscription(id, cause, None);
        } else if due(entry.refresh) {
            entry.refresh = None;
            if entry.client.is_none() && entry.leg.is_some() {
                self.send_subscribe(id);
            }
        } else if due(entry.expires) {
            // The outcome of the refresh under way decides.
            entry.expires = None;
        }
    }

    fn begin_anew(&mut self, id: SubscriptionId) {
        if self.is_full() || self.begin_subscription(id).is_none() {
            let pause = Duration::from_secs(60);
            let now = self.now;
            if let Some(origin) = self.subscriptions.get_mut(id).and_then(|entry| entry.origin.as_mut()) {
                origin.again = Some(now + pause);
            }
        }
    }
}

/// Whether a refusal may be another one later: the notifier was busy or away, or had forgotten a dialog that was.
fn may_pass(status: StatusCode, had_dialog: bool) -> bool {
    match status.code() {
        408 | 480 | 500 | 502..=504 => true,
        481 => had_dialog,
        _ => false,
    }
}

fn subscribe_headers(out: &mut Composer, entry: &Subscription) {
    out.display("Event", print(&entry.event))
        .display("Expires", seconds(entry.requested));
    if !entry.accept.is_empty() {
        out.raw("Accept", &entry.accept);
    }
    if !entry.etag.is_empty() {
        out.raw("Suppress-If-Match", &entry.etag);
    }
}

/// Early enough for a lost message or two, without hurry for short ones.
pub(super) fn refresh_after(granted: Duration) -> Duration {
    if granted > Duration::from_secs(120) {
        granted - Duration::from_secs(60)
    } else {
        granted / 2
    }
}
