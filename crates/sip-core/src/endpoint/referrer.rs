//! Our REFERs, in a session's dialog or outside of any, and the subscriptions that they make (RFC 3515 §2.4, RFC 4488).

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;

use super::caller::{Initial, begin_initial, check_body};
use super::client::{Outcome, Owner};
use super::names::TagOwner;
use super::reply::check;
use super::screen::Incoming;
use super::subscription::{Role, Subscription};
use super::write::Extra;
use super::{EndCause, Endpoint, EndpointError, Event, Referral, Reply, SessionId, SessionState, SubscriptionId};
use crate::dialog::Dialog;
use crate::dialog::raw::tag_of;
use crate::event::refer::Fragment;
use crate::header::{EventHeader, SubscriptionState, SubscriptionStatus};
use crate::{HeaderName, Headers, Method, NameAddr, Response, Scheme, StatusCode};

impl Endpoint {
    /// Sends a REFER in a session's dialog. [`Event::ReferAccepted`] and [`Event::ReferNotified`] tell how it fares. With a
    /// header `Refer-Sub: false` the peer is asked not to tell (RFC 4488).
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
        let full = self.subscriptions.len() >= self.config.limits.subscriptions || self.is_congested();
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

    /// Sends a REFER outside of any dialog, e.g. to have a phone dial a number, or with a `Target-Dialog` to move a call
    /// whose dialog takes another way (RFC 4538, RFC 5589 §7.3). [`Event::ReferAccepted`] and [`Event::ReferNotified`] tell
    /// how it fares.
    ///
    /// # Errors
    ///
    /// [`EndpointError::NoAddress`], [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or
    /// [`EndpointError::Full`].
    pub fn send_refer(&mut self, now: Time, referral: Referral) -> Result<SubscriptionId, EndpointError> {
        self.advance(now);
        check(&referral.headers, None)?;
        check_body(referral.body.as_ref())?;
        let way = self.initial_way(referral.flow, &referral.hops, &referral.route, &referral.target)?;
        let flow = way.flow();
        if self.subscriptions.len() >= self.config.limits.subscriptions || self.is_full() {
            return Err(EndpointError::Full);
        }
        let secure = referral.target.scheme() == Scheme::Sips;
        let contact = self.contact(flow, referral.contact_user.as_deref(), secure);
        let mut entry = Subscription::new(Role::Referrer, EventHeader::new("refer"), contact.clone());
        entry.expires = Some(self.now + self.config.refer_expires);
        entry.auth = referral.credentials.as_ref().map(super::Credentials::client);
        entry.call_id = self.new_call_id();
        entry.cseq = self.first_cseq();
        let (call_id, cseq) = (entry.call_id.clone(), entry.cseq);
        let id = self.subscriptions.insert(entry);
        let tag = TagOwner::Subscription(id).tag(self.rng.next_u32());
        let via = self.open_client(flow, Method::Refer, Owner::Refer(id));
        let mut out = begin_initial(
            via,
            &Initial {
                method: &Method::Refer,
                target: &referral.target,
                route: &referral.route,
                from: &referral.from,
                tag: &tag,
                to: &referral.to,
                call_id: &call_id,
                cseq,
                max_forwards: 70,
            },
        );
        out.display("Refer-To", &referral.refer_to);
        if referral.silent {
            out.raw("Refer-Sub", b"false").raw("Supported", b"norefersub");
        }
        let extra = Extra {
            contact: Some(&contact),
            abilities: false,
        };
        let data = self.finish_request(out, &referral.headers, referral.body.as_ref(), extra);
        let key = self.launch_by(via, data, way);
        if let Some(entry) = self.subscriptions.get_mut(id) {
            entry.tag = tag;
            entry.client = Some(key);
        }
        self.arm_subscription(id);
        Ok(id)
    }

    /// Asks the peer not to tell any more how our REFER fares (RFC 3515 §2.4.4). Its last word still comes.
    pub(super) fn unsubscribe_refer(&mut self, id: SubscriptionId) -> Result<(), EndpointError> {
        let give_up = self.now + self.config.timers.give_up();
        let entry = self.subscription_mut(id)?;
        if entry.client.is_some() || (entry.session.is_none() && entry.leg.is_none()) {
            return Err(EndpointError::WrongState);
        }
        let session = entry.session;
        entry.expires = Some(give_up);
        let reply = Reply::new()
            .header(HeaderName::Event, format!("refer;id={}", entry.cseq))
            .header(HeaderName::Expires, "0");
        match session {
            Some(session) => self.send_in_session(session, &Method::Subscribe, Owner::Nobody, &reply),
            None => self.send_in_referral(id, &reply),
        }
        .ok_or(EndpointError::Exhausted)?;
        self.arm_subscription(id);
        Ok(())
    }

    fn send_in_referral(&mut self, id: SubscriptionId, reply: &Reply) -> Option<super::id::ClientKey> {
        let cseq = self.subscriptions.get_mut(id)?.leg.as_mut()?.dialog.next_cseq().ok()?;
        let flow = self.leg_flow(self.subscriptions.get(id)?.leg.as_ref()?);
        let via = self.open_client(flow, Method::Subscribe, Owner::Nobody);
        let entry = self.subscriptions.get(id)?;
        let out = entry.leg.as_ref()?.dialog.begin(&Method::Subscribe, cseq, &via);
        let extra = Extra {
            contact: Some(&entry.contact),
            abilities: false,
        };
        let data = self.finish_request(out, &reply.headers, None, extra);
        Some(self.launch(via, data))
    }

    pub(super) fn on_refer_outcome(&mut self, id: SubscriptionId, outcome: &Outcome) {
        let Outcome { status, response, key } = outcome;
        let status = *status;
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return;
        };
        entry.client = None;
        let session = entry.session;
        if status.is_success() {
            let subscribed = !response.as_ref().is_some_and(|response| is_silent(response.headers()));
            self.emit(Event::ReferAccepted {
                subscription: id,
                session,
                subscribed,
            });
            match response {
                Some(response) if subscribed => self.take_referral_dialog(id, response, *key),
                _ => self.remove_subscription(id),
            }
            return;
        }
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

    fn take_referral_dialog(&mut self, id: SubscriptionId, response: &Response, key: super::id::ClientKey) {
        let outside = self
            .subscriptions
            .get(id)
            .is_some_and(|entry| entry.session.is_none() && entry.leg.is_none());
        let dialog = Dialog::from_response(response, &self.sent_uri(key));
        if let (true, Ok(dialog), Some(flow)) = (outside, dialog, self.client_flow(key)) {
            let leg = self.make_leg(dialog, flow);
            if let Some(entry) = self.subscriptions.get_mut(id) {
                entry.leg = Some(leg);
            }
        }
    }

    /// A NOTIFY in the dialog of our REFER outside of a session.
    pub(super) fn on_referrer_notify(&mut self, id: SubscriptionId, incoming: Incoming) -> Option<Incoming> {
        let headers = incoming.request.headers();
        let remote_tag = headers.get(&HeaderName::From).and_then(tag_of).unwrap_or_default();
        let Some((event, state)) = event_and_state(headers) else {
            self.refuse_event(&incoming);
            return None;
        };
        let Some(entry) = self.subscriptions.get_mut(id) else {
            return Some(incoming);
        };
        let number = event.id.as_ref().map(|id| id.parse::<u32>());
        let numbered = number.is_none_or(|number| number == Ok(entry.cseq));
        if event.package != "refer" || !numbered {
            return Some(incoming);
        }
        match entry.leg.as_mut() {
            // Another fork's: the first that tells, or answered, is the one.
            Some(leg) if leg.dialog.remote_tag() != remote_tag => return Some(incoming),
            Some(leg) => {
                if leg.dialog.accept_cseq(incoming.cseq).is_err() {
                    self.stats.out_of_order += 1;
                    self.refuse_incoming(&incoming, StatusCode::SERVER_INTERNAL_ERROR);
                    return None;
                }
            }
            None => {
                let Ok(dialog) = Dialog::from_notify(&incoming.request, entry.cseq) else {
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
        self.take_progress(id, &state, &incoming);
        None
    }

    /// A NOTIFY in a session's dialog: only of our REFERs.
    pub(super) fn on_session_notify(&mut self, session: SessionId, incoming: Incoming) -> Option<Incoming> {
        let Some((event, state)) = event_and_state(incoming.request.headers()) else {
            self.refuse_event(&incoming);
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
        self.take_progress(id, &state, &incoming);
        None
    }

    fn take_progress(&mut self, id: SubscriptionId, state: &SubscriptionState, incoming: &Incoming) {
        self.reply_ok(incoming, b"", None);
        let terminated = state.state == SubscriptionStatus::Terminated;
        let longest = self.config.refer_expires.max(self.config.max_ringing);
        if let (Some(entry), Some(left)) = (self.subscriptions.get_mut(id), state.expires) {
            let left = Duration::from_secs(u64::from(left)).min(longest);
            entry.expires = entry.expires.max(Some(self.now + left));
        }
        self.arm_subscription(id);
        let told = Fragment::parse(incoming.request.body()).map(|fragment| fragment.status);
        match told {
            Ok(status) => self.refer_told(id, status, terminated),
            // Nothing said, but the end: nobody will know how it went.
            Err(_) if terminated => self.refer_told(id, StatusCode::REQUEST_TIMEOUT, true),
            Err(_) => {}
        }
    }

    fn refer_told(&mut self, id: SubscriptionId, status: StatusCode, terminated: bool) {
        let Some(session) = self.subscriptions.get(id).map(|entry| entry.session) else {
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

fn event_and_state(headers: &Headers) -> Option<(EventHeader, SubscriptionState)> {
    let event = headers.typed::<EventHeader>()?.ok()?;
    Some((event, headers.typed::<SubscriptionState>()?.ok()?))
}

/// Whether the message asks for, or agrees to, a REFER without a subscription (RFC 4488 §4).
pub(super) fn is_silent(headers: &Headers) -> bool {
    headers.get(&HeaderName::ReferSub).is_some_and(|value| {
        let word = value.split(|&byte| byte == b';').next().unwrap_or_default();
        word.trim_ascii().eq_ignore_ascii_case(b"false")
    })
}
