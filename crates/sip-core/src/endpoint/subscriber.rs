//! Our subscriptions to events of peers (RFC 6665 §4.1), and those that our REFERs make (RFC 3515 §2.4).

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::{Initial, begin_initial, check_body};
use super::client::{Outcome, Owner};
use super::names::TagOwner;
use super::notifier::{Role, Subscription, print};
use super::reply::check;
use super::screen::Incoming;
use super::stats::seconds;
use super::write::Extra;
use super::{
    EndCause, Endpoint, EndpointError, Event, Reply, SessionId, SessionState, Subscribe, SubscriptionEnd,
    SubscriptionId,
};
use crate::dialog::Dialog;
use crate::dialog::compose::is_clean;
use crate::dialog::raw::tag_of;
use crate::event::refer::Fragment;
use crate::header::{EventHeader, Expires, SubscriptionState, SubscriptionStatus};
use crate::{HeaderName, Method, NameAddr, Scheme, StatusCode};

impl Endpoint {
    /// Subscribes. [`Event::SubscriptionAccepted`] and [`Event::Notified`] follow, or
    /// [`Event::SubscriptionEnded`]. It is refreshed in time by itself.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoAddress`], [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn subscribe(&mut self, now: Time, subscribe: Subscribe) -> Result<SubscriptionId, EndpointError> {
        self.advance(now);
        check(&subscribe.headers, None)?;
        if !is_clean(&subscribe.accept) {
            return Err(EndpointError::BadHeader);
        }
        let way = self.initial_way(subscribe.flow, &subscribe.hops, &subscribe.route, &subscribe.target)?;
        let flow = way.flow();
        let limits = &self.config.limits;
        if self.subscriptions.len() >= limits.subscriptions || self.clients.len() >= limits.client_transactions {
            return Err(EndpointError::Full);
        }
        let secure = subscribe.target.scheme() == Scheme::Sips;
        let contact = self.contact(flow, subscribe.contact_user.as_deref(), secure);
        let mut entry = Subscription::new(Role::Subscriber, subscribe.event.clone(), contact.clone());
        entry.requested = subscribe.expires;
        entry.asked = subscribe.expires;
        entry.accept = subscribe.accept.clone();
        entry.auth = subscribe.credentials.as_ref().map(super::Credentials::client);
        entry.call_id = self.new_call_id();
        entry.cseq = self.first_cseq();
        let (call_id, cseq) = (entry.call_id.clone(), entry.cseq);
        let id = self.subscriptions.insert(entry);
        let tag = TagOwner::Subscription(id).tag(self.rng.next_u32());
        let via = self.open_client(flow, Method::Subscribe, Owner::Subscribe(id));
        let mut out = begin_initial(
            via,
            &Initial {
                method: &Method::Subscribe,
                target: &subscribe.target,
                route: &subscribe.route,
                from: &subscribe.from,
                tag: &tag,
                to: &subscribe.to,
                call_id: &call_id,
                cseq,
                max_forwards: 70,
            },
        );
        subscribe_headers(&mut out, &subscribe.event, &subscribe.accept, subscribe.expires);
        let extra = Extra {
            contact: Some(&contact),
            abilities: false,
        };
        let data = self.finish_request(out, &subscribe.headers, None, extra);
        let key = self.launch_by(via, data, way);
        if let Some(entry) = self.subscriptions.get_mut(id) {
            entry.tag = tag;
            entry.client = Some(key);
        }
        Ok(id)
    }

    /// Gives up a subscription of ours. The notifier's last NOTIFY comes as [`Event::Notified`], then
    /// [`Event::SubscriptionEnded`]. Before the notifier has answered the first SUBSCRIBE it ends at once.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if it is a peer's or a REFER's.
    pub fn unsubscribe(&mut self, now: Time, subscription: SubscriptionId) -> Result<(), EndpointError> {
        self.advance(now);
        let entry = self.subscription_mut(subscription)?;
        if entry.role != Role::Subscriber {
            return Err(EndpointError::WrongState);
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

    /// Sends a refresh, or the end, in the subscription's dialog.
    fn send_subscribe(&mut self, id: SubscriptionId) {
        if self.try_send_subscribe(id).is_none() {
            self.end_subscription(id, SubscriptionEnd::Refused(StatusCode::SERVICE_UNAVAILABLE));
        }
    }

    fn try_send_subscribe(&mut self, id: SubscriptionId) -> Option<()> {
        let cseq = self.subscriptions.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let flow = self.leg_flow(self.subscriptions.get(id)?.leg.as_ref()?);
        let via = self.open_client(flow, Method::Subscribe, Owner::Subscribe(id));
        let entry = self.subscriptions.get(id)?;
        let mut out = entry.leg.as_ref()?.dialog.begin(&Method::Subscribe, cseq, via);
        subscribe_headers(&mut out, &entry.event, &entry.accept, entry.requested);
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
        let target = self.sent_uri(key);
        let source = self.client_flow(key);
        let give_up = self.now + self.config.timers.give_up();
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id).filter(|entry| entry.client == Some(key)) else {
            return;
        };
        entry.client = None;
        let (Some(response), true) = (response, status.is_success()) else {
            return self.end_subscription(id, SubscriptionEnd::Refused(status));
        };
        let asked = core::mem::take(&mut entry.asked);
        let granted =
            response
                .headers()
                .typed::<Expires>()
                .and_then(Result::ok)
                .map_or(entry.requested, |Expires(s)| {
                    // The notifier may shorten, not lengthen (RFC 6665 §4.1.2.1).
                    Duration::from_secs(u64::from(s)).min(entry.requested)
                });
        entry.expires = Some(now + granted);
        let first = entry.leg.is_none();
        if first {
            let dialog = Dialog::from_response(&response, &target);
            let (Ok(dialog), Some(source)) = (dialog, source) else {
                return self.end_subscription(id, SubscriptionEnd::Refused(StatusCode::BAD_REQUEST));
            };
            let leg = self.make_leg(dialog, source);
            if let Some(entry) = self.subscriptions.get_mut(id) {
                entry.leg = Some(leg);
            }
        }
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        let ending = entry.requested.is_zero();
        let asked_to_go_on = !asked.is_zero();
        entry.refresh = (!granted.is_zero()).then(|| now + refresh_after(granted));
        if first || ending {
            entry.awaited = Some(give_up);
        }
        self.arm_subscription(id);
        self.emit(Event::SubscriptionAccepted {
            subscription: id,
            expires: granted,
        });
        // Unsubscribed while a SUBSCRIBE was under way that asked for more.
        if ending && asked_to_go_on {
            self.send_subscribe(id);
        }
    }

    pub(super) fn on_notify(&mut self, id: SubscriptionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let state = headers.typed::<SubscriptionState>().and_then(Result::ok);
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return Some(incoming);
        };
        let fits = event.is_some_and(|event| event.package == entry.event.package && event.id == entry.event.id);
        let Some(state) = state.filter(|_| fits) else {
            self.stats.unsupported += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_EVENT);
            return None;
        };
        match entry.leg.as_mut() {
            // Another fork's NOTIFY: one subscription, one notifier.
            Some(leg) if leg.dialog.remote_tag() != remote_tag => return Some(incoming),
            Some(leg) => {
                if leg.dialog.accept_cseq(incoming.cseq).is_err() {
                    self.stats.out_of_order += 1;
                    self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
                    return None;
                }
                if leg.follows {
                    leg.flow = incoming.flow;
                }
            }
            None => {
                let cseq = entry.cseq;
                let Ok(dialog) = Dialog::from_notify(&incoming.request, cseq) else {
                    self.stats.refused_malformed += 1;
                    self.refuse_incoming(&incoming, StatusCode::BAD_REQUEST);
                    return None;
                };
                let leg = self.make_leg(dialog, incoming.flow);
                if let Some(entry) = self.subscriptions.get_mut(id) {
                    entry.leg = Some(leg);
                }
            }
        }
        self.reply_ok(&incoming, b"", None);
        self.take_notify(id, state, incoming);
        None
    }

    fn take_notify(&mut self, id: SubscriptionId, state: SubscriptionState, incoming: Incoming) {
        let now = self.now;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
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
            self.end_subscription(id, cause);
        }
    }

    pub(super) fn subscriber_due(&mut self, id: SubscriptionId) {
        let now = self.now;
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        if due(entry.awaited) {
            let cause = if entry.requested.is_zero() {
                SubscriptionEnd::Unsubscribed
            } else {
                SubscriptionEnd::NotNotified
            };
            self.end_subscription(id, cause);
        } else if due(entry.expires) && entry.awaited.is_none() && entry.client.is_none() {
            let cause = if entry.requested.is_zero() {
                SubscriptionEnd::Unsubscribed
            } else {
                SubscriptionEnd::Expired
            };
            self.end_subscription(id, cause);
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

    /// Sends a REFER in a session's dialog. [`Event::ReferNotified`] tells how it fares.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before the session is answered;
    /// [`EndpointError::BadHeader`] or [`EndpointError::Full`].
    pub fn refer(
        &mut self,
        now: Time,
        session: SessionId,
        refer_to: NameAddr,
        reply: Reply,
    ) -> Result<SubscriptionId, EndpointError> {
        self.advance(now);
        check(&reply.headers, None)?;
        check_body(reply.body.as_ref())?;
        let full = self.subscriptions.len() >= self.config.limits.subscriptions;
        let entry = self.session_mut(session)?;
        if entry.state < SessionState::Answered {
            return Err(EndpointError::WrongState);
        }
        if full {
            return Err(EndpointError::Full);
        }
        let contact = entry.contact.clone();
        let mut subscription = Subscription::new(Role::Referrer, EventHeader::new("refer"), contact);
        subscription.session = Some(session);
        subscription.expires = Some(self.now + self.config.refer_expires);
        let id = self.subscriptions.insert(subscription);
        let mut request = reply;
        request
            .headers
            .insert(0, (HeaderName::ReferTo, Bytes::from(refer_to.to_string())));
        let Some(key) = self.send_in_session(session, &Method::Refer, Owner::Refer(id), &request) else {
            self.subscriptions.remove(id);
            return Err(EndpointError::Exhausted);
        };
        self.moved(Owner::Refer(id), key);
        let subscriptions = &self.subscriptions;
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.referrals.retain(|id| subscriptions.contains_key(*id));
            entry.referrals.push(id);
        }
        self.arm_subscription(id);
        Ok(id)
    }

    pub(super) fn on_refer_outcome(&mut self, id: SubscriptionId, status: StatusCode) {
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        entry.client = None;
        if status.is_success() {
            return;
        }
        let session = entry.session;
        self.refer_told(id, status, true);
        let lost = matches!(
            status,
            StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST | StatusCode::REQUEST_TIMEOUT
        );
        if let Some(session) = session.filter(|_| lost) {
            let known = status != StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            self.lose_dialog(session, EndCause::RequestTimeout(status), known);
        }
    }

    /// A NOTIFY in a session's dialog: only of our REFERs.
    pub(super) fn on_session_notify(&mut self, session: SessionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let event = headers.typed::<EventHeader>().and_then(Result::ok);
        let state = headers.typed::<SubscriptionState>().and_then(Result::ok);
        let (Some(event), Some(state)) = (event, state) else {
            self.stats.unsupported += 1;
            self.refuse_incoming(&incoming, StatusCode::BAD_EVENT);
            return None;
        };
        let number = event.id.as_ref().and_then(|id| id.parse::<u32>().ok());
        let found = self
            .referrals(session)
            .into_iter()
            .find(|(_, cseq)| number.is_none_or(|number| number == *cseq));
        let Some((id, _)) = found.filter(|_| event.package == "refer") else {
            return Some(incoming);
        };
        self.reply_ok(&incoming, b"", None);
        let terminated = state.state == SubscriptionStatus::Terminated;
        let body = incoming.request.body();
        let told = Fragment::parse(body).map(|fragment| fragment.status);
        match told {
            Ok(status) => self.refer_told(id, status, terminated),
            // Nothing said, but the end: nobody will know how it went.
            Err(_) if terminated => self.refer_told(id, StatusCode::REQUEST_TIMEOUT, true),
            Err(_) => {}
        }
        None
    }

    fn refer_told(&mut self, id: SubscriptionId, status: StatusCode, terminated: bool) {
        let Some(session) = self.subscriptions.get(id).and_then(|entry| entry.session) else {
            return;
        };
        if terminated {
            self.remove_subscription(id);
        }
        self.emit(Event::ReferNotified {
            subscription: id,
            session,
            status,
            terminated,
        });
    }

    /// Our REFERs in a session that are not over.
    fn referrals(&self, session: SessionId) -> Vec<(SubscriptionId, u32)> {
        let Some(session) = self.sessions.get(session) else {
            return Vec::new();
        };
        session
            .referrals
            .iter()
            .filter_map(|id| Some((*id, self.subscriptions.get(*id)?.cseq)))
            .collect()
    }

    /// Forgets our REFERs in a session that is over for the embedder.
    pub(super) fn drop_referrals(&mut self, session: SessionId) {
        let Some(session) = self.sessions.get_mut(session) else {
            return;
        };
        for id in core::mem::take(&mut session.referrals) {
            self.remove_subscription(id);
        }
    }

    pub(super) fn referrer_due(&mut self, id: SubscriptionId) {
        if self
            .subscriptions
            .get(id)
            .is_some_and(|entry| entry.expires.is_some_and(|at| at <= self.now))
        {
            self.refer_told(id, StatusCode::REQUEST_TIMEOUT, true);
        }
    }
}

fn subscribe_headers(
    out: &mut crate::dialog::compose::Composer,
    event: &EventHeader,
    accept: &[u8],
    expires: Duration,
) {
    out.display("Event", print(event)).display("Expires", seconds(expires));
    if !accept.is_empty() {
        out.raw("Accept", accept);
    }
}

/// Early enough for a lost message or two, without hurry for short ones.
fn refresh_after(granted: Duration) -> Duration {
    if granted > Duration::from_secs(120) {
        granted - Duration::from_secs(60)
    } else {
        granted / 2
    }
}
