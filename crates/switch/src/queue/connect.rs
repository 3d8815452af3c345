//! Callers and agents talk, and stop talking.

use acd::{CalledBack, ContactView};
use machine::Time;

use super::{AgentId, ContactId, QueueEvent};
use crate::leg::{Hearing, LegId, Place};
use crate::switch::Switch;

impl Switch {
    /// Lets a caller and the agent who took him talk.
    pub(crate) fn connect(&mut self, now: Time, contact: ContactId, agent: AgentId) {
        let Some(entry) = self.queueing.contacts.get_mut(&contact) else {
            return;
        };
        entry.agent = Some(agent);
        let (legs, waited) = ((entry.customer, entry.agent_leg), now - entry.since);
        let number = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::Answered { agent: number, waited });
        let (Some(customer), Some(agent_leg)) = legs else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(customer) {
            leg.contact = None;
        }
        match self.legs.get(customer).map(|leg| leg.place) {
            Some(Place::Parked { lot, slot }) => self.unpark(now, customer, lot, slot, agent_leg),
            // A call-back: they have been connected already.
            Some(Place::Talking(_)) | None => return,
            Some(_) => {}
        }
        self.hear(customer, Hearing::Plain); // no announcement goes on
        self.join(customer, agent_leg);
    }

    /// An agent's part in a contact is over: his leg is gone, or left the talk by a transfer. He goes on to wrap-up.
    pub(crate) fn service_over(&mut self, now: Time, leg: LegId) {
        if let Some(contact) = self.legs.get_mut(leg).and_then(|leg| leg.serves.take()) {
            let agent = self.queueing.contacts.get(&contact).and_then(|contact| contact.agent);
            if let Some(agent) = agent {
                // First this: he is offered nothing while his phone says goodbye.
                self.refresh_desk(now, agent);
            }
            self.served(now, contact);
        }
    }

    /// No leg serves a contact any more.
    pub(crate) fn served(&mut self, now: Time, contact: ContactId) {
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            entry.agent_leg = None;
        }
        // What ended in this very step needs no end.
        let _ = match self.queueing.acd.contact(&contact) {
            Some(ContactView::Dialling(_)) => self.queueing.acd.called_back(now, &contact, CalledBack::NotReached),
            Some(ContactView::Talking(_)) => self.queueing.acd.end(now, &contact),
            Some(ContactView::Waiting(_) | ContactView::Offered(_) | ContactView::Later(_) | _) | None => Ok(()),
        };
    }

    /// An agent's phone vanished from a talk: its caller waits again. `false` where that is not how it is.
    pub(crate) fn agent_vanished(&mut self, now: Time, leg: LegId) -> bool {
        let Some(Place::Talking(peer)) = self.legs.get(leg).map(|leg| leg.place) else {
            return false;
        };
        let Some((contact, customer)) = self.served_by(leg) else {
            return false;
        };
        let kept = self.queue_of(contact).is_some_and(|queue| queue.keeps_orphans);
        let agent = self.queueing.contacts.get(&contact).and_then(|contact| contact.agent);
        let (Some(agent), true, true) = (agent, kept, customer == Some(peer)) else {
            return false;
        };
        // First this, or he would be offered the same caller again.
        self.set_reachable(now, agent, false);
        if self.queueing.acd.requeue(now, &contact).is_err() {
            return false;
        }
        let number = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::AgentLost { agent: number });
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            (entry.agent, entry.agent_leg, entry.since) = (None, None, now);
        }
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.serves = None;
        }
        if let Some(caller) = self.legs.get_mut(peer) {
            caller.contact = Some(contact);
        }
        self.unbridge(peer);
        self.set_place(peer, Place::Queued);
        self.drop_leg(now, leg, true);
        self.hear_queue(contact, peer);
        true
    }

    /// A leg took the place of another one of the same phone number: what belonged to that belongs to it.
    pub(crate) fn inherit_contact(&mut self, new: LegId, old: LegId) {
        let Some((serves, priority)) = self.legs.get_mut(old).map(|leg| (leg.serves.take(), leg.priority)) else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(new) {
            (leg.serves, leg.priority) = (serves, priority);
        }
        for contact in self.queueing.contacts.values_mut() {
            for leg in [&mut contact.agent_leg, &mut contact.customer] {
                if *leg == Some(old) {
                    *leg = Some(new);
                }
            }
        }
    }
}
