//! What a person does with a phone.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;
use sdp::{Direction, Negotiation, NegotiationConfig};
use sip_core::header::{EventHeader, Replaces, TypedHeader};
use sip_core::{
    Body, Credentials, HeaderName, Host, Invite, Method, NameAddr, OutOfDialog, ReferId, Reply, SessionId, StatusCode,
    Subscribe, SubscriptionId, Uri,
};

use super::call::{Call, CallState};
use super::log::{CallId, Happening};
use super::rtp::Sender;
use super::{FIRST_RTP_PORT, Phone, PhoneError, Registration, Task, endpoint};
use crate::streams::Streams;

/// A call about to be made.
pub(super) struct NewCall {
    pub(super) target: Uri,
    pub(super) peer: String,
    pub(super) headers: Vec<(HeaderName, Bytes)>,
    pub(super) referred_by: Option<ReferId>,
}

impl Phone {
    /// Registers with the proxy, and keeps registered.
    ///
    /// # Errors
    /// [`PhoneError`]: the phone is switched off, or the endpoint cannot send.
    pub fn register(&mut self, now: Time) -> Result<(), PhoneError> {
        self.begin(now)?;
        self.registration.wanted = true;
        self.send_register(self.config.expires)?;
        self.settle();
        Ok(())
    }

    /// Takes the registration back.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn unregister(&mut self, now: Time) -> Result<(), PhoneError> {
        self.begin(now)?;
        self.registration.wanted = false;
        self.send_register(Duration::ZERO)?;
        self.settle();
        Ok(())
    }

    /// Calls a number of the phone's domain.
    ///
    /// # Errors
    /// [`PhoneError`]: the phone is switched off, or cannot call.
    pub fn dial(&mut self, now: Time, number: &str) -> Result<CallId, PhoneError> {
        let target = self.uri_of(number);
        self.make_call(
            now,
            NewCall {
                target,
                peer: number.to_owned(),
                headers: Vec::new(),
                referred_by: None,
            },
        )
    }

    /// Calls a URI; without a proxy, its host must be numeric.
    ///
    /// # Errors
    /// As [`dial`](Self::dial).
    pub fn call(&mut self, now: Time, target: Uri) -> Result<CallId, PhoneError> {
        let peer = target.to_string();
        self.make_call(
            now,
            NewCall {
                target,
                peer,
                headers: Vec::new(),
                referred_by: None,
            },
        )
    }

    /// Picks up a call that rings.
    ///
    /// # Errors
    /// [`PhoneError`]: there is no such call, or it does not ring.
    pub fn answer(&mut self, now: Time, call: CallId) -> Result<(), PhoneError> {
        self.begin(now)?;
        let result = self.pick_up(call);
        self.settle();
        result
    }

    /// Refuses a call that rings.
    ///
    /// # Errors
    /// As [`answer`](Self::answer).
    pub fn reject(&mut self, now: Time, call: CallId, status: StatusCode) -> Result<(), PhoneError> {
        self.begin(now)?;
        let session = self.in_state(call, CallState::Ringing)?;
        self.endpoint.reject(self.now, session, status, Reply::new())?;
        self.forget(call);
        self.note(Happening::Failed { call, status });
        self.settle();
        Ok(())
    }

    /// Ends a call in any state.
    ///
    /// # Errors
    /// [`PhoneError`]: there is no such call.
    pub fn hang_up(&mut self, now: Time, call: CallId) -> Result<(), PhoneError> {
        self.begin(now)?;
        let session = self.calls.get(&call).ok_or(PhoneError::NoCall)?.session;
        self.endpoint.hang_up(self.now, session, None)?;
        self.forget(call);
        self.note(Happening::HungUp(call));
        self.settle();
        Ok(())
    }

    /// Puts the other side on hold. How that went is in the log.
    ///
    /// # Errors
    /// [`PhoneError`]: there is no such call, it is not answered, or another change of it is under way.
    pub fn hold(&mut self, now: Time, call: CallId) -> Result<(), PhoneError> {
        self.change_direction(now, call, Direction::SendOnly)
    }

    /// Takes the other side back from hold.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub fn resume(&mut self, now: Time, call: CallId) -> Result<(), PhoneError> {
        self.change_direction(now, call, Direction::SendRecv)
    }

    /// Transfers a call blindly to a number of the phone's domain. When that has succeeded, the phone hangs up.
    ///
    /// # Errors
    /// As [`hold`](Self::hold).
    pub fn transfer(&mut self, now: Time, call: CallId, number: &str) -> Result<(), PhoneError> {
        let target = self.uri_of(number);
        self.send_refer(now, call, target)
    }

    /// Connects the other sides of two calls: `call`'s with that of `consultation` (RFC 5589 §7).
    ///
    /// # Errors
    /// As [`hold`](Self::hold), for either call; the consultation must at least ring.
    pub fn transfer_attended(&mut self, now: Time, call: CallId, consultation: CallId) -> Result<(), PhoneError> {
        let other = self.calls.get(&consultation).ok_or(PhoneError::NoCall)?;
        let info = self.endpoint.session_info(other.session).ok_or(PhoneError::NoCall)?;
        let [call_id, remote_tag, local_tag] = [&info.call_id, &info.remote_tag, &info.local_tag].map(|b| text(b));
        if call == consultation || remote_tag.is_empty() {
            return Err(PhoneError::WrongState);
        }
        let mut replaces = String::new();
        let written = Replaces::new(&call_id, &remote_tag, &local_tag).write(&mut replaces);
        let target = if self.config.proxy.is_some() {
            self.uri_of(&other.peer)
        } else {
            info.remote_target
        };
        debug_assert!(written.is_ok(), "a string takes everything");
        self.send_refer(now, call, target.with_header("Replaces", &replaces))
    }

    /// Dials digits in a call (RFC 4733), a tenth of a second each.
    ///
    /// # Errors
    /// [`PhoneError`]: no such call, not answered, not digits, or the other side does not take any.
    pub fn send_digits(&mut self, now: Time, call: CallId, digits: &str) -> Result<(), PhoneError> {
        self.begin(now)?;
        self.in_state(call, CallState::Talking)?;
        self.schedule_digits(call, digits)
    }

    /// Watches a number's calls (RFC 4235).
    ///
    /// # Errors
    /// [`PhoneError`]: the phone is switched off, or the endpoint cannot send.
    pub fn watch(&mut self, now: Time, number: &str) -> Result<SubscriptionId, PhoneError> {
        self.begin(now)?;
        let target = self.uri_of(number);
        let to = NameAddr::new(target.clone());
        let expires = Duration::from_secs(3600);
        let mut subscribe = Subscribe::new(target, self.identity(), to, EventHeader::new("dialog"), expires);
        subscribe.flow = self.flow();
        subscribe.credentials = Some(self.credentials());
        subscribe.contact_user = Some(self.config.number.clone());
        let subscription = self.endpoint.subscribe(self.now, subscribe)?;
        self.watches.insert(subscription, number.to_owned());
        self.settle();
        Ok(subscription)
    }

    /// Watches a number no more.
    ///
    /// # Errors
    /// [`PhoneError`]: it was not watched any more.
    pub fn unwatch(&mut self, now: Time, subscription: SubscriptionId) -> Result<(), PhoneError> {
        self.begin(now)?;
        self.endpoint.unsubscribe(self.now, subscription)?;
        self.settle();
        Ok(())
    }

    /// Falls silent for ever, as if its plug were pulled: says nothing, hears nothing.
    pub fn vanish(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.vanished = true;
        self.outputs.clear();
        self.note(Happening::Vanished);
    }

    /// Switches the phone on again, without any memory of calls, watches or registration.
    pub fn restart(&mut self, now: Time) {
        self.now = self.now.max(now);
        self.endpoint = endpoint(&self.config, &mut self.rng);
        self.streams = Streams::new(self.config.ip);
        self.registration = Registration::new(&mut self.rng);
        self.calls = BTreeMap::new();
        self.sessions = BTreeMap::new();
        self.rtp_ports = BTreeMap::new();
        self.watches = BTreeMap::new();
        self.lamps = BTreeMap::new();
        self.schedule = BTreeMap::new();
        self.outputs.clear();
        self.vanished = false;
    }

    pub(super) fn pick_up(&mut self, id: CallId) -> Result<(), PhoneError> {
        self.in_state(id, CallState::Ringing)?;
        let call = self.calls.get_mut(&id).ok_or(PhoneError::NoCall)?;
        let body = match call.reply.clone() {
            Some(answer) => answer,
            None => call.negotiation.offer()?,
        };
        call.late = call.reply.is_none();
        if let Err(error) = self
            .endpoint
            .answer(self.now, call.session, Reply::new().body(Body::sdp(body)))
        {
            call.negotiation.cancel_offer();
            return Err(error.into());
        }
        self.now_talking(id);
        Ok(())
    }

    /// A call is answered, by whomever.
    pub(super) fn now_talking(&mut self, id: CallId) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.state = CallState::Talking;
            self.note(Happening::Answered(id));
            self.begin_to_speak(id);
        }
    }

    /// Begins to speak, once it is agreed how.
    pub(super) fn begin_to_speak(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.negotiation.agreed().is_some() && !core::mem::replace(&mut call.speaking, true) {
            self.after(Duration::ZERO, Task::Speak(id));
        }
    }

    pub(super) fn make_call(&mut self, now: Time, new: NewCall) -> Result<CallId, PhoneError> {
        self.begin(now)?;
        let mut negotiation = self.negotiation();
        let mut invite = Invite::new(new.target.clone(), self.identity(), NameAddr::new(new.target));
        invite.flow = self.flow();
        invite.headers = new.headers;
        invite.credentials = Some(self.credentials());
        invite.contact_user = Some(self.config.number.clone());
        if !self.config.late_offer {
            invite.body = Some(Body::sdp(negotiation.1.offer()?));
        }
        let session = self.endpoint.invite(self.now, invite)?;
        let id = self.add_call(session, CallState::Calling, new.peer.clone(), negotiation);
        if let Some(call) = self.calls.get_mut(&id) {
            call.referred_by = new.referred_by;
            call.late = self.config.late_offer;
        }
        self.note(Happening::Called { call: id, to: new.peer });
        self.settle();
        Ok(id)
    }

    /// A fresh negotiation and the address on which its audio is received.
    pub(super) fn negotiation(&mut self) -> (SocketAddr, Negotiation) {
        while self.rtp_ports.contains_key(&self.next_port) {
            self.advance_port();
        }
        let port = self.next_port;
        self.advance_port();
        let mut config = NegotiationConfig::new(self.config.ip, port, self.rng.next_u64());
        config.codecs.clone_from(&self.config.codecs);
        (SocketAddr::new(self.config.ip, port), Negotiation::new(config))
    }

    pub(super) fn add_call(
        &mut self,
        session: SessionId,
        state: CallState,
        peer: String,
        (local_rtp, negotiation): (SocketAddr, Negotiation),
    ) -> CallId {
        let id = CallId(self.next_call);
        self.next_call = self.next_call.wrapping_add(1);
        let ssrc = self.rng.next_u32();
        let call = Call {
            session,
            state,
            peer,
            display: None,
            negotiation,
            local_rtp,
            sender: Sender { ssrc, sequence: 0 },
            reply: None,
            late: false,
            before: None,
            transfer: None,
            referred_by: None,
            packets: 0,
            last_sound: None,
            last_digit: None,
            digits_until: Time::ZERO,
            speaking: false,
        };
        self.sessions.insert(session, id);
        self.rtp_ports.insert(local_rtp.port(), id);
        self.calls.insert(id, call);
        id
    }

    pub(super) fn send_register(&mut self, expires: Duration) -> Result<(), PhoneError> {
        let registrar = Uri::sip(None, Host::from(self.config.domain.as_str()), None);
        let who = NameAddr::new(self.uri_of(&self.config.number));
        let mut register = OutOfDialog::new(Method::Register, registrar, who.clone(), who);
        register.flow = self.flow();
        register.credentials = Some(self.credentials());
        register.contact_user = Some(self.config.number.clone());
        register.sequence = Some((self.registration.call_id.clone(), self.registration.sequence));
        register.headers = vec![(HeaderName::Expires, Bytes::from(expires.as_secs().to_string()))];
        let request = self.endpoint.send(self.now, register)?;
        // One for this request, one for its repetition with credentials.
        self.registration.sequence = self.registration.sequence.wrapping_add(2);
        self.registration.request = Some(request);
        Ok(())
    }

    fn change_direction(&mut self, now: Time, id: CallId, wanted: Direction) -> Result<(), PhoneError> {
        self.begin(now)?;
        self.in_state(id, CallState::Talking)?;
        let call = self.calls.get_mut(&id).ok_or(PhoneError::NoCall)?;
        let before = call.negotiation.wanted();
        call.negotiation.set_direction(wanted);
        let offer = match call.negotiation.offer() {
            Ok(offer) => offer,
            Err(error) => {
                call.negotiation.set_direction(before);
                return Err(error.into());
            }
        };
        if let Err(error) = self
            .endpoint
            .reinvite(self.now, call.session, Reply::new().body(Body::sdp(offer)))
        {
            call.negotiation.cancel_offer();
            call.negotiation.set_direction(before);
            return Err(error.into());
        }
        call.before = Some(before);
        self.settle();
        Ok(())
    }

    fn send_refer(&mut self, now: Time, id: CallId, target: Uri) -> Result<(), PhoneError> {
        self.begin(now)?;
        let session = self.in_state(id, CallState::Talking)?;
        let referrer = NameAddr::new(self.uri_of(&self.config.number)).to_string();
        let reply = Reply::new().header(HeaderName::ReferredBy, referrer);
        let subscription = self.endpoint.refer(self.now, session, NameAddr::new(target), reply)?;
        if let Some(call) = self.calls.get_mut(&id) {
            call.transfer = Some(subscription);
        }
        self.settle();
        Ok(())
    }

    fn begin(&mut self, now: Time) -> Result<(), PhoneError> {
        self.now = self.now.max(now);
        if self.vanished {
            Err(PhoneError::Vanished)
        } else {
            Ok(())
        }
    }

    fn in_state(&self, id: CallId, state: CallState) -> Result<SessionId, PhoneError> {
        let call = self.calls.get(&id).ok_or(PhoneError::NoCall)?;
        if call.state == state {
            Ok(call.session)
        } else {
            Err(PhoneError::WrongState)
        }
    }

    fn advance_port(&mut self) {
        self.next_port = self.next_port.checked_add(2).unwrap_or(FIRST_RTP_PORT);
    }

    fn uri_of(&self, number: &str) -> Uri {
        Uri::sip(Some(number), Host::from(self.config.domain.as_str()), None)
    }

    fn identity(&self) -> NameAddr {
        NameAddr::new(self.uri_of(&self.config.number)).with_display(&self.config.name)
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(self.config.number.as_str(), self.config.password.as_str())
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
