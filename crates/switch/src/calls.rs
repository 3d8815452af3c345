//! The life of a leg: made, answered, connected, over.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use sdp::{Codec, Direction};
use sip_core::{Body, Method, Reply, SessionId, StatusCode};

use crate::event::{CallId, CallRecord, EndCause, Event};
use crate::leg::{Digits, Hearing, HuntId, Leg, LegId, LegMedia, Party, Place, Purpose};
use crate::switch::{Call, Switch};

/// How long a phone that was told that its part is over may take to say BYE before it is sent one.
const FAREWELL: Duration = Duration::from_secs(2);

impl Switch {
    pub(crate) fn new_leg(
        &mut self,
        session: SessionId,
        party: Party,
        call: CallId,
        place: Place,
        media: LegMedia,
    ) -> LegId {
        let number = party.number.clone();
        let id = self.legs.insert(Leg {
            session,
            call,
            party,
            place,
            hunt: None,
            incoming: place == Place::Calling,
            max_forwards: 70,
            answered: false,
            pending_sdp: None,
            refer: None,
            digits: Digits::default(),
            leave_at: None,
            probe_at: None,
            parked_at: None,
            contact: None,
            serves: None,
            priority: None,
            signing: None,
            media,
        });
        self.legs_of.entry(number).or_default().insert(id);
        if let Some(call) = self.calls.get_mut(&call) {
            call.legs += 1;
        }
        self.touch(id);
        id
    }

    /// A leg that is about to ring for `hunt`, and the offer for its INVITE.
    pub(crate) fn new_outgoing_leg(
        &mut self,
        now: Time,
        to: &Party,
        call: CallId,
        hunt: HuntId,
        preferred: Option<&Codec>,
    ) -> Option<(LegId, Bytes)> {
        let mut media = self.new_media()?;
        if let Some(codec) = preferred {
            media.negotiation.set_preference(core::slice::from_ref(codec));
        }
        media.negotiation.set_direction(Direction::SendRecv);
        let Ok(offer) = media.negotiation.offer() else {
            self.ports.give_back(media.port);
            return None;
        };
        let leg = self.new_leg(SessionId::default(), to.clone(), call, Place::Ringing(hunt), media);
        self.hunts.get_mut(hunt)?.ringing.push(leg);
        self.sync_stream(now, leg);
        Some((leg, offer))
    }

    /// Marks the leg's number (and its slot and lot) as changed, for those who watch it.
    pub(crate) fn touch(&mut self, id: LegId) {
        let Some(leg) = self.legs.get(id) else { return };
        if self.watched.contains_key(&leg.party.number) {
            self.dirty.insert(leg.party.number.clone());
        }
        if let Some(agent) = self.queueing.desks.get(&leg.party.number) {
            self.queueing.stirred.insert(*agent);
        }
    }

    pub(crate) fn set_place(&mut self, id: LegId, place: Place) {
        if let Some(leg) = self.legs.get_mut(id) {
            leg.place = place;
            leg.digits = Digits::default(); // a code is dialled to one party
        }
        self.touch(id);
        if place == Place::Leaving {
            self.service_over(self.now, id);
        }
    }

    pub(crate) fn number_of(&self, id: LegId) -> String {
        self.legs
            .get(id)
            .map(|leg| leg.party.number.clone())
            .unwrap_or_default()
    }

    /// Sends the 200 that an incoming leg waits for. `false` if the call was gone in that moment.
    pub(crate) fn answer_leg(&mut self, now: Time, id: LegId) -> bool {
        let Some(leg) = self.legs.get_mut(id) else { return false };
        if leg.answered {
            return true;
        }
        leg.answered = true;
        let session = leg.session;
        let body = leg.pending_sdp.take().map(Body::sdp);
        self.sync_stream(now, id);
        let reply = Reply {
            body,
            ..Reply::default()
        };
        self.try_endpoint(|endpoint| endpoint.answer(now, session, reply))
            .is_some()
    }

    /// Connects two answered legs; `b` joins `a`'s call.
    pub(crate) fn join(&mut self, a: LegId, b: LegId) {
        let Some(call) = self.legs.get(a).map(|leg| leg.call) else {
            return;
        };
        self.move_to_call(b, call);
        self.unbridge(a);
        self.unbridge(b);
        self.set_place(a, Place::Talking(b));
        self.set_place(b, Place::Talking(a));
        self.bridge(a, b);
        self.refresh_hold(a, b);
    }

    /// A leg now belongs to another call (a transfer brought it there).
    pub(crate) fn move_to_call(&mut self, id: LegId, call: CallId) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        let old = core::mem::replace(&mut leg.call, call);
        if old == call {
            return;
        }
        if let Some(entry) = self.calls.get_mut(&call) {
            entry.legs += 1;
        }
        self.touch(id);
        self.leave_call(old);
    }

    fn leave_call(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.legs = call.legs.saturating_sub(1);
        if call.legs > 0 {
            return;
        }
        if let Some(call) = self.calls.remove(&id) {
            self.tell(Event::CallEnded(CallRecord {
                call: id,
                from: call.from,
                to: call.to,
                started: call.started,
                answered: call.answered,
                ended: self.now,
                cause: call.cause.unwrap_or(EndCause::HungUp),
            }));
        }
    }

    pub(crate) fn new_call(&mut self, now: Time, from: &str, to: &str) -> CallId {
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.stats.calls += 1;
        let call = Call {
            from: from.to_owned(),
            to: to.to_owned(),
            started: now,
            answered: None,
            cause: None,
            legs: 0,
        };
        self.calls.insert(id, call);
        self.tell(Event::CallStarted {
            call: id,
            from: from.to_owned(),
            to: to.to_owned(),
        });
        id
    }

    pub(crate) fn call_answered(&mut self, now: Time, leg: LegId, by: &str) {
        let Some(id) = self.legs.get(leg).map(|leg| leg.call) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else { return };
        if call.answered.is_none() {
            call.answered = Some(now);
            self.tell(Event::CallAnswered {
                call: id,
                by: by.to_owned(),
            });
        }
    }

    /// Why the leg's call ends; the first cause stays. A leg without which the call goes on is none.
    pub(crate) fn set_cause(&mut self, leg: LegId, cause: EndCause) {
        let Some(leg) = self.legs.get(leg) else { return };
        match leg.place {
            Place::Ringing(_) | Place::Transferring { .. } | Place::Leaving => {}
            Place::Calling
            | Place::Waiting
            | Place::Queued
            | Place::SigningOn
            | Place::Supervising(_)
            | Place::Talking(_)
            | Place::Parked { .. } => {
                if let Some(call) = self.calls.get_mut(&leg.call) {
                    call.cause.get_or_insert(cause);
                }
            }
        }
    }

    /// Refuses an INVITE that is not answered yet.
    pub(crate) fn refuse(&mut self, now: Time, id: LegId, status: StatusCode) {
        let Some(leg) = self.legs.get(id) else { return };
        let session = leg.session;
        self.set_cause(id, EndCause::Refused(status.code()));
        self.try_endpoint(|endpoint| endpoint.reject(now, session, status, Reply::default()));
        self.drop_leg(now, id, false);
    }

    /// A phone's part is over (it hung up, vanished, or is hung up): what follows for the others.
    /// `hang_up` says whether the phone must still be told.
    pub(crate) fn leg_over(&mut self, now: Time, id: LegId, hang_up: bool) {
        let Some(leg) = self.legs.get(id) else { return };
        match leg.place {
            Place::Calling | Place::Waiting => {
                let hunt = leg.hunt;
                let cancelled = hunt.and_then(|hunt| self.cancel_hunt(now, hunt));
                self.drop_leg(now, id, hang_up);
                if let Some(Purpose::Transfer { by, .. }) = cancelled.map(|hunt| hunt.purpose) {
                    self.transferee_left(now, by);
                }
            }
            Place::Ringing(_) => {
                if hang_up {
                    let session = leg.session;
                    self.try_endpoint(|endpoint| endpoint.hang_up(now, session, None));
                }
                self.hunt_leg_failed(now, id, StatusCode::TEMPORARILY_UNAVAILABLE);
            }
            Place::Transferring { peer } => {
                self.transferor_left(id, peer);
                self.drop_leg(now, id, hang_up);
            }
            Place::Talking(peer) => {
                self.drop_leg(now, id, hang_up);
                self.drop_leg(now, peer, true);
            }
            Place::Parked { lot, .. } => {
                self.parked_leg_over(now, id, lot);
                self.drop_leg(now, id, hang_up);
            }
            Place::Queued | Place::SigningOn | Place::Supervising(_) | Place::Leaving => {
                self.drop_leg(now, id, hang_up)
            }
        }
    }

    /// Removes a leg and all that belongs to it.
    pub(crate) fn drop_leg(&mut self, now: Time, id: LegId, hang_up: bool) {
        self.unbridge(id);
        self.touch(id);
        self.tell_transferor(now, id, StatusCode::OK); // what is still open here is a transfer that was done
        let Some(leg) = self.legs.remove(id) else { return };
        if let Some(legs) = self.legs_of.get_mut(&leg.party.number) {
            legs.remove(&id);
            if legs.is_empty() {
                self.legs_of.remove(&leg.party.number);
                self.number_left(now, &leg.party.number);
            }
        }
        if let Place::Ringing(hunt) = leg.place
            && let Some(hunt) = self.hunts.get_mut(hunt)
        {
            hunt.ringing.retain(|other| *other != id);
            if let Some(chase) = &mut hunt.chase {
                chase.legs.remove(&id);
            }
        }
        for at in [leg.leave_at, leg.probe_at].into_iter().flatten() {
            self.timers.remove(&(at, id));
        }
        self.sessions.remove(&leg.session);
        if hang_up {
            self.try_endpoint(|endpoint| endpoint.hang_up(now, leg.session, None));
        }
        self.close_media(&leg.media);
        if let Some(contact) = leg.contact {
            self.end_wait(now, contact, None);
        }
        if let Some(contact) = leg.serves {
            self.served(now, contact);
        }
        self.leave_call(leg.call);
    }

    /// Takes a call back for which no leg came about.
    pub(crate) fn drop_empty_call(&mut self, id: CallId) {
        if self.calls.get(&id).is_some_and(|call| call.legs == 0) {
            self.leave_call(id);
        }
    }

    /// The leg stays for an announcement, or until its phone has said BYE, but no longer than that.
    pub(crate) fn farewell(&mut self, now: Time, id: LegId) {
        let parked = self.legs.get(id).and_then(|leg| leg.parked_at);
        let phrase = parked.map(|slot| format!("Parked at {}", slot.0));
        self.tell_transferor_with(now, id, StatusCode::OK, phrase.as_deref());
        self.set_place(id, Place::Leaving);
        self.hear(id, Hearing::Plain);
        self.set_leave(id, now + FAREWELL);
    }

    pub(crate) fn set_leave(&mut self, id: LegId, at: Time) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        if let Some(old) = leg.leave_at.replace(at) {
            self.timers.remove(&(old, id));
        }
        self.timers.insert((at, id));
    }

    pub(crate) fn set_probe(&mut self, id: LegId, at: Option<Time>) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        let old = core::mem::replace(&mut leg.probe_at, at);
        if let Some(old) = old.filter(|old| leg.leave_at != Some(*old)) {
            self.timers.remove(&(old, id));
        }
        if let Some(at) = at {
            self.timers.insert((at, id));
        }
    }

    pub(crate) fn leg_timer(&mut self, now: Time, id: LegId) {
        let Some(leg) = self.legs.get(id) else { return };
        if leg.leave_at.is_some_and(|at| at <= now) {
            self.drop_leg(now, id, true);
            return;
        }
        if leg.probe_at.is_some_and(|at| at <= now) {
            let session = leg.session;
            self.set_probe(id, Some(now + self.config.keepalive));
            self.try_endpoint(|endpoint| endpoint.request(now, session, Method::Options, Reply::default()));
        }
    }
}
