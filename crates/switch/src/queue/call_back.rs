//! Call-backs: the agent has been rung first, now the customer is.

use acd::CalledBack;
use machine::Time;
use sip_core::StatusCode;

use super::{AgentId, ContactId, QueueEvent};
use crate::hunt::Presentation;
use crate::leg::{Hearing, LegId, Party, Purpose};
use crate::switch::Switch;

impl Switch {
    /// Calls the customer for an agent who waits.
    pub(crate) fn call_customer(&mut self, now: Time, contact: ContactId, agent: AgentId, attempt: u8) {
        let Some(entry) = self.queueing.contacts.get(&contact) else {
            return;
        };
        let (number, agent_leg) = (entry.from.number.clone(), entry.agent_leg);
        let Some(agent_leg) = agent_leg else { return };
        let (queue, name) = self
            .queue_of(contact)
            .map(|queue| (queue.number.clone(), queue.name.clone()))
            .unwrap_or_default();
        let agent = self.agent_number(agent).unwrap_or_default();
        self.tell_queue(now, contact, QueueEvent::CallBackDialled { agent, attempt });
        self.hear(agent_leg, Hearing::Ringback);
        let show = Presentation {
            display: name.clone(),
            from: Party { number: queue, name },
            alert: None,
            ring: self.config.ring_timeout,
        };
        self.start_hunt(now, agent_leg, &number, Purpose::CallBack { contact }, &show);
    }

    /// The customer is on the line; [`Switch::join`] follows.
    pub(crate) fn customer_reached(&mut self, now: Time, contact: ContactId, customer: LegId) {
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            (entry.customer, entry.since) = (Some(customer), now);
        }
        // If it ended in this very step, the two talk all the same.
        let _ = self.queueing.acd.called_back(now, &contact, CalledBack::Reached);
    }

    /// The customer cannot be reached: the agent is hung up before he is offered the next contact.
    pub(crate) fn customer_not_reached(&mut self, now: Time, contact: ContactId, agent_leg: LegId, status: StatusCode) {
        let failed = QueueEvent::CallBackFailed { status: status.code() };
        self.tell_queue(now, contact, failed);
        self.drop_leg(now, agent_leg, true); // tells the distribution
    }
}
