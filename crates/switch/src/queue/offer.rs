//! Agents' phones ring, and what comes of it.

use acd::{ContactView, Decline, Withdrawal};
use machine::Time;
use sip_core::StatusCode;

use super::{AgentId, ContactId, NotTaken, QueueEvent};
use crate::event::EndCause;
use crate::hunt::{Caller, Presentation};
use crate::leg::{Hunt, LegId, Party, Place, Purpose};
use crate::switch::Switch;

/// How much longer the phones may ring than the distribution lets them, which ends the ringing.
const MARGIN: core::time::Duration = core::time::Duration::from_secs(2);

impl Switch {
    /// Rings an agent's phones.
    pub(crate) fn offer(&mut self, now: Time, contact: ContactId, agent: AgentId, until: Time, call_back: bool) {
        let still = matches!(self.queueing.acd.contact(&contact), Some(ContactView::Offered(agents)) if agents.contains(&agent));
        if !still {
            return; // withdrawn in this very step
        }
        let number = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::Offered { agent: number });
        let at = self.queueing.agents.get(&agent).and_then(|desk| desk.at.clone());
        let registered = |at: &String| !self.registrar.bindings(at).is_empty();
        let Some(at) = at.filter(registered) else {
            return self.offer_not_taken(now, contact, agent, NotTaken::Unreachable);
        };
        let Some(entry) = self.queueing.contacts.get(&contact) else {
            return;
        };
        let (customer, from) = (entry.customer, entry.from.clone());
        let show = self.present_queued(contact, &from, until - now + MARGIN, call_back);
        let call = if call_back {
            let queue = self
                .queue_of(contact)
                .map(|queue| queue.number.clone())
                .unwrap_or_default();
            let call = self.new_call(now, &queue, &from.number);
            if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
                entry.call = call;
            }
            call
        } else {
            entry.call
        };
        let hunt = self.hunts.insert(Hunt::new(None, Purpose::Offer { contact, agent }));
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            entry.offers.insert(agent, hunt);
        }
        let caller = customer.and_then(|leg| self.legs.get(leg));
        let caller = Caller {
            call,
            max_forwards: caller.map_or(70, |leg| leg.max_forwards).saturating_sub(1),
            preferred: caller
                .and_then(|leg| leg.media.negotiation.agreed())
                .map(|agreed| agreed.codec.clone()),
        };
        self.ring_phones(now, hunt, &caller, &at, &show, &[]);
        self.drop_empty_call(call);
        self.hunt_or_fail(now, hunt);
    }

    /// What agents see: the queue and the caller.
    fn present_queued(
        &self,
        contact: ContactId,
        from: &Party,
        ring: core::time::Duration,
        call_back: bool,
    ) -> Presentation {
        let queue = self.queue_of(contact);
        let name = queue.map(|queue| queue.name.as_str()).unwrap_or_default();
        let who = if from.name.is_empty() { &from.number } else { &from.name };
        let what = if call_back { "call back " } else { "" };
        Presentation {
            display: format!("{name}: {what}{who}"),
            from: from.clone(),
            alert: queue.and_then(|queue| queue.alert.clone()),
            ring,
        }
    }

    /// An agent's phone says that it rings.
    pub(crate) fn offer_rings(&mut self, now: Time, contact: ContactId, agent: AgentId) {
        if self.queueing.acd.ringing(now, &contact, &agent).is_ok()
            && let Some(agent) = self.agent_number(agent)
        {
            self.tell_queue(now, contact, QueueEvent::Ringing { agent });
        }
    }

    /// None of an agent's phones took the call.
    pub(crate) fn offer_failed(
        &mut self,
        now: Time,
        contact: ContactId,
        agent: AgentId,
        status: StatusCode,
        responded: bool,
    ) {
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            entry.offers.remove(&agent);
        }
        let why = match status.code() {
            _ if !responded => NotTaken::Unreachable,
            486 | 600 => NotTaken::Busy,
            480 | 403 | 603..=699 => NotTaken::Rejected,
            408 | 487 => NotTaken::NotAnswered,
            _ => NotTaken::Busy,
        };
        self.offer_not_taken(now, contact, agent, why);
    }

    fn offer_not_taken(&mut self, now: Time, contact: ContactId, agent: AgentId, why: NotTaken) {
        let number = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::NotTaken { agent: number, why });
        let decline = match why {
            NotTaken::NotAnswered => Decline::NotAnswered,
            NotTaken::Rejected => Decline::Rejected,
            NotTaken::Unreachable => {
                self.noted_unreachable(agent);
                Decline::Unreachable
            }
            NotTaken::Busy | NotTaken::Taken | NotTaken::Gone | NotTaken::Unavailable => Decline::Busy,
        };
        // It may have been withdrawn in this very step.
        let _ = self.queueing.acd.decline(now, &contact, &agent, decline);
    }

    /// The distribution takes an offer back.
    pub(crate) fn withdraw(&mut self, now: Time, contact: ContactId, agent: AgentId, cause: Withdrawal) {
        let hunt = self
            .queueing
            .contacts
            .get_mut(&contact)
            .and_then(|contact| contact.offers.remove(&agent));
        let Some(hunt) = hunt else { return };
        let responded = self.hunts.get(hunt).is_some_and(|hunt| hunt.responded);
        if cause == Withdrawal::Taken {
            self.completed_elsewhere(now, hunt);
        } else {
            self.cancel_hunt(now, hunt);
        }
        let why = match cause {
            Withdrawal::Taken => NotTaken::Taken,
            Withdrawal::Gone => NotTaken::Gone,
            Withdrawal::NotAnswered if responded => NotTaken::NotAnswered,
            Withdrawal::NotAnswered => NotTaken::Unreachable,
            Withdrawal::Unavailable | _ => NotTaken::Unavailable,
        };
        if why == NotTaken::Unreachable {
            // Not even a 100: there is no phone any more, whatever its registration says.
            self.set_reachable(now, agent, false);
        }
        let agent = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::NotTaken { agent, why });
    }

    /// An agent's phone has answered.
    pub(crate) fn offer_answered(&mut self, now: Time, winner: LegId, contact: ContactId, agent: AgentId) {
        let known = self.queueing.contacts.get_mut(&contact);
        let customer = known.and_then(|contact| {
            contact.offers.remove(&agent);
            contact.customer
        });
        let at = self.number_of(winner);
        if let Some(customer) = customer {
            let parked = self
                .legs
                .get(customer)
                .is_some_and(|leg| matches!(leg.place, Place::Parked { .. }));
            if !parked {
                self.call_answered(now, customer, &at);
            }
            if !self.answer_leg(now, customer) {
                // He gave up in this very moment.
                self.set_cause(customer, EndCause::Cancelled);
                self.leg_over(now, customer, true);
                return self.drop_leg(now, winner, true);
            }
        }
        if self.queueing.acd.accept(now, &contact, &agent).is_err() {
            return self.drop_leg(now, winner, true);
        }
        if let Some(leg) = self.legs.get_mut(winner) {
            leg.serves = Some(contact);
            leg.place = Place::Waiting;
        }
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            (entry.agent, entry.agent_leg) = (Some(agent), Some(winner));
        }
        self.drain_acd(now);
    }
}
