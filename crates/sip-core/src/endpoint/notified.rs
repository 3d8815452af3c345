//! NOTIFYs for our subscriptions (RFC 6665 §4.1.3), from one notifier or from several that the SUBSCRIBE was forked to.

use core::time::Duration;

use bytes::Bytes;

use super::screen::Incoming;
use super::subscriber::refresh_after;
use super::subscription::{Origin, Role, Subscription};
use super::{Endpoint, Event, SubscriptionEnd, SubscriptionId};
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::header::{EventHeader, SubscriptionState, SubscriptionStatus};
use crate::{HeaderName, StatusCode};

impl Endpoint {
    pub(super) fn on_notify(&mut self, id: SubscriptionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let local_tag = headers.get(&HeaderName::To).and_then(tag_of).unwrap_or_default();
        let call_id = incoming.request.call_id().unwrap_or_default();
        let Some(entry) = self.subscriptions.get(id) else {
            return Some(incoming);
        };
        let notified = self.notified_by(id, (call_id, local_tag), remote_tag);
        let is_fork = notified.is_none() && entry.tag == local_tag && entry.call_id == call_id;
        if notified.is_none() && !is_fork {
            return Some(incoming);
        }
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let Some(event) = event.filter(|event| event.package == entry.event.package) else {
            self.refuse_event(&incoming);
            return None;
        };
        if event.id != entry.event.id {
            return Some(incoming);
        }
        let Some(state) = headers.typed::<SubscriptionState>().and_then(Result::ok) else {
            self.stats.refused_malformed += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
            return None;
        };
        let Some(id) = notified else {
            return self.on_fork_notify(id, state, incoming);
        };
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return Some(incoming);
        };
        let has_leg = entry
            .leg
            .as_ref()
            .is_some_and(|leg| leg.dialog.remote_tag() == remote_tag);
        if !has_leg && self.take_notify_dialog(id, &incoming).is_none() {
            self.stats.refused_malformed += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
            return None;
        }
        let Some(leg) = self.subscriptions.get_mut(id).and_then(|entry| entry.leg.as_mut()) else {
            return Some(incoming);
        };
        if has_leg && leg.dialog.accept_cseq(incoming.cseq).is_err() {
            self.stats.out_of_order += 1;
            self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
            return None;
        }
        if leg.follows {
            leg.flow = incoming.flow;
        }
        self.reply_ok(&incoming, b"", None);
        self.take_notify(id, state, incoming);
        None
    }

    /// The subscription, or fork of it, whose notifier has this tag; the subscription itself as long as no NOTIFY has said
    /// who its notifier is.
    fn notified_by(&self, id: SubscriptionId, ours: (&[u8], &[u8]), remote_tag: &[u8]) -> Option<SubscriptionId> {
        let entry = self.subscriptions.get(id)?;
        let origin = entry.origin.as_ref()?;
        let has_name = |entry: &Subscription| (&entry.call_id[..], &entry.tag[..]) == ours;
        let is_of = |id: &SubscriptionId| {
            let entry = self.subscriptions.get(*id).filter(|entry| has_name(entry));
            let leg = entry.and_then(|entry| entry.leg.as_ref());
            leg.is_some_and(|leg| leg.dialog.remote_tag() == remote_tag)
        };
        let open = has_name(entry) && !entry.released && origin.again.is_none() && !origin.confirmed;
        core::iter::once(&id)
            .chain(&origin.forks)
            .copied()
            .find(is_of)
            .or(open.then_some(id))
    }

    /// A NOTIFY makes the dialog (RFC 6665 §4.4.1), whatever the 2xx said.
    fn take_notify_dialog(&mut self, id: SubscriptionId, incoming: &Incoming) -> Option<()> {
        let entry = self.subscriptions.get(id)?;
        let dialog = Dialog::from_notify(&incoming.request, entry.cseq).ok()?;
        let leg = self.make_leg(dialog, incoming.flow);
        self.subscriptions.get_mut(id)?.leg = Some(leg);
        Some(())
    }

    /// Another notifier's first NOTIFY: 481, unless all are wanted and the time for them has not passed
    /// (RFC 6665 §4.1.2.4 and §5.4.9).
    fn on_fork_notify(
        &mut self,
        root: SubscriptionId,
        state: SubscriptionState,
        incoming: Incoming,
    ) -> Option<Incoming> {
        let limits = &self.config.limits;
        let full = self.subscriptions.len() >= limits.subscriptions;
        let most = limits.forks;
        let patience = self.config.timers.give_up();
        let Some(entry) = self.subscriptions.get(root).filter(|entry| !entry.released) else {
            return Some(incoming);
        };
        let wanted = entry.origin.as_ref().is_some_and(|origin| {
            origin.all_forks
                && origin.again.is_none()
                && origin.forks.len() + 1 < most
                && self.now < origin.begun + patience
        });
        if full || !wanted || entry.requested.is_zero() || state.state == SubscriptionStatus::Terminated {
            return Some(incoming);
        }
        let Ok(dialog) = Dialog::from_notify(&incoming.request, entry.cseq) else {
            return Some(incoming);
        };
        let fork = Subscription {
            leg: Some(self.make_leg(dialog, incoming.flow)),
            call_id: entry.call_id.clone(),
            tag: entry.tag.clone(),
            cseq: entry.cseq,
            accept: entry.accept.clone(),
            requested: entry.requested,
            // Until the NOTIFY says otherwise.
            expires: Some(self.now + entry.requested),
            refresh: Some(self.now + refresh_after(entry.requested)),
            auth: entry.auth.clone(),
            origin: Some(Box::new(Origin {
                confirmed: true,
                root: Some(root),
                ..Origin::default()
            })),
            ..Subscription::new(Role::Subscriber, entry.event.clone(), entry.contact.clone())
        };
        let id = self.subscriptions.insert(fork);
        if let Some(origin) = self.subscriptions.get_mut(root).and_then(|entry| entry.origin.as_mut()) {
            origin.forks.push(id);
        }
        self.reply_ok(&incoming, b"", None);
        self.emit(Event::SubscriptionForked {
            subscription: root,
            fork: id,
        });
        self.take_notify(id, state, incoming);
        None
    }

    fn take_notify(&mut self, id: SubscriptionId, state: SubscriptionState, incoming: Incoming) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        if let Some(origin) = entry.origin.as_mut() {
            origin.confirmed = true;
        }
        let etag = incoming.request.headers().get(&HeaderName::SipEtag);
        entry.etag = Bytes::copy_from_slice(etag.unwrap_or_default());
        let terminated = state.state == SubscriptionStatus::Terminated;
        // Given up, only the last NOTIFY will do; others may have been on their way.
        entry.awaited.take_if(|_| !entry.requested.is_zero());
        if let Some(left) = state.expires.filter(|_| !terminated && !entry.requested.is_zero()) {
            let left = Duration::from_secs(u64::from(left)).min(entry.requested);
            entry.expires = Some(now + left);
            if entry.client.is_none() {
                entry.refresh = Some(now + refresh_after(left));
            }
        }
        // What the notifier granted is over, and it did not say more.
        if entry.client.is_none() && entry.awaited.is_none() {
            entry.expires.get_or_insert(now);
        }
        let cause = if entry.requested.is_zero() {
            SubscriptionEnd::Unsubscribed
        } else {
            SubscriptionEnd::Terminated {
                reason: state.reason.as_ref().map(ToString::to_string),
                retry_after: state.retry_after.map(|secs| Duration::from_secs(u64::from(secs))),
            }
        };
        self.arm_subscription(id);
        self.emit(Event::Notified {
            subscription: id,
            state,
            request: incoming.request,
        });
        if terminated {
            self.lose_subscription(id, cause, None);
        }
    }
}
