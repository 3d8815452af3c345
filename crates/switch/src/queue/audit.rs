//! What must be true of queues between any two steps.

use acd::ContactView;

use super::{AgentId, Contact, ContactId};
use crate::audit::Fault;
use crate::leg::{Leg, LegId, Place, Purpose};
use crate::switch::Switch;

impl Switch {
    /// Contacts, legs, hunts and the distribution say the same.
    pub(crate) fn audit_queues(&self) -> Result<(), Fault> {
        let queueing = &self.queueing;
        if queueing.acd.live().contacts != queueing.contacts.len() {
            return Err(Fault::LostContact(0));
        }
        for (id, contact) in &queueing.contacts {
            if !self.contact_fits(*id, contact) {
                return Err(Fault::LostContact(id.0));
            }
        }
        for (hunt, entry) in &self.hunts {
            if let Purpose::Offer { contact, agent } = entry.purpose {
                let known = queueing
                    .contacts
                    .get(&contact)
                    .and_then(|contact| contact.offers.get(&agent));
                if known != Some(&hunt) {
                    return Err(Fault::LostContact(contact.0));
                }
            }
        }
        for (at, agent) in &queueing.desks {
            if queueing.agents.get(agent).and_then(|desk| desk.at.as_ref()) != Some(at) {
                return Err(Fault::LostAgent(agent.0));
            }
        }
        for (id, desk) in &queueing.agents {
            let there = desk.at.as_ref().is_none_or(|at| queueing.desks.get(at) == Some(id));
            if !there || queueing.acd.agent_state(id).is_none() {
                return Err(Fault::LostAgent(id.0));
            }
        }
        Ok(())
    }

    fn contact_fits(&self, id: ContactId, contact: &Contact) -> bool {
        let caller = contact.customer.and_then(|leg| self.legs.get(leg));
        let waits = caller
            .is_some_and(|leg| leg.contact == Some(id) && matches!(leg.place, Place::Queued | Place::Parked { .. }));
        let agent_leg = contact.agent_leg.and_then(|leg| self.legs.get(leg));
        let served = agent_leg.is_some_and(|leg| leg.serves == Some(id));
        let nobody = contact.customer.is_none() && contact.agent_leg.is_none();
        match self.queueing.acd.contact(&id) {
            Some(ContactView::Waiting(_) | ContactView::Later(_)) => (waits || nobody) && contact.offers.is_empty(),
            Some(ContactView::Offered(agents)) => {
                (waits || nobody)
                    && agents.len() == contact.offers.len()
                    && agents.iter().all(|agent| self.rings(contact, id, *agent))
            }
            Some(ContactView::Dialling(_)) => {
                let dials = agent_leg
                    .and_then(|leg| self.hunts.get(leg.hunt?))
                    .map(|hunt| &hunt.purpose);
                served && matches!(dials, Some(Purpose::CallBack { contact }) if *contact == id)
            }
            Some(ContactView::Talking(agent)) => served && contact.agent == Some(agent) && contact.offers.is_empty(),
            Some(_) | None => false,
        }
    }

    fn rings(&self, contact: &Contact, id: ContactId, agent: AgentId) -> bool {
        let hunt = contact.offers.get(&agent).and_then(|hunt| self.hunts.get(*hunt));
        hunt.is_some_and(|hunt| !hunt.ringing.is_empty() && hunt.purpose == Purpose::Offer { contact: id, agent })
    }

    /// A leg in a queue, or of an agent, is known there.
    pub(crate) fn audit_contact(&self, id: LegId, leg: &Leg) -> Result<(), Fault> {
        let contact = |contact: Option<ContactId>| contact.map(|contact| self.queueing.contacts.get(&contact));
        let waits = match contact(leg.contact) {
            None => leg.place != Place::Queued,
            Some(contact) => contact.is_some_and(|contact| contact.customer == Some(id)),
        };
        let serves =
            contact(leg.serves).is_none_or(|contact| contact.is_some_and(|contact| contact.agent_leg == Some(id)));
        if waits && serves {
            Ok(())
        } else {
            Err(Fault::LostHunt(id))
        }
    }
}
