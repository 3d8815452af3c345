//! Callers come into queues: they dial one, are transferred to one, or are parked where agents fetch calls.

use acd::{Arrival, ArriveError, ContactView, QueueId};
use machine::Time;
use sip_core::{ReferId, Reply, StatusCode};

use super::{AgentId, Contact, ContactId, Left, QueueEvent};
use crate::event::Event;
use crate::leg::{Hearing, LegId, Place, Purpose};
use crate::switch::Switch;

impl Switch {
    /// A queue's number is dialled.
    pub(crate) fn dial_queue(&mut self, now: Time, leg: LegId, queue: QueueId) {
        self.set_place(leg, Place::Queued);
        match self.arrive(now, leg, queue, None) {
            Ok(contact) => {
                // Where he is let in may be another queue, by whose rules he is answered.
                self.drain_acd(now);
                self.greet(now, contact);
            }
            Err(error) => self.refuse(now, leg, refusal(error)),
        }
    }

    /// A caller who is in the switch already comes into a queue. On error nothing has changed.
    pub(crate) fn arrive(
        &mut self,
        now: Time,
        leg: LegId,
        queue: QueueId,
        raise: Option<i16>,
    ) -> Result<ContactId, ArriveError> {
        let unknown = ArriveError::UnknownQueue(queue);
        let entry = self.legs.get(leg).ok_or(unknown)?;
        let (from, call, before) = (entry.party.clone(), entry.call, entry.priority);
        let config = self.queueing.queues.get(&queue).ok_or(unknown)?;
        let mut arrival = Arrival::call(queue);
        arrival.priority = match (before, raise) {
            (None, raise) => config.priority.saturating_add(raise.unwrap_or(0)),
            (Some(before), raise) => before.max(config.priority).saturating_add(raise.unwrap_or(0)),
        };
        arrival.needs = config.needs.clone();
        arrival.customer = Some(customer(&from.number));
        let (number, priority) = (from.number.clone(), arrival.priority);
        let contact = self.queueing.next_contact();
        self.queueing.acd.arrive(now, contact, arrival)?;
        self.queueing
            .contacts
            .insert(contact, Contact::new(now, queue, call, from, Some(leg)));
        if let Some(entry) = self.legs.get_mut(leg) {
            entry.contact = Some(contact);
            entry.priority = Some(priority);
        }
        let position = self.position(contact).unwrap_or(0);
        let arrived = QueueEvent::Arrived {
            from: number,
            position,
            priority,
        };
        self.tell_queue(now, contact, arrived);
        Ok(contact)
    }

    /// A contact's place in line: 1 is next, or is being offered.
    pub(crate) fn position(&self, contact: ContactId) -> Option<u32> {
        match self.queueing.acd.contact(&contact)? {
            ContactView::Waiting(position) => Some(u32::try_from(position).unwrap_or(u32::MAX)),
            ContactView::Offered(_) => Some(1),
            ContactView::Later(_) | ContactView::Dialling(_) | ContactView::Talking(_) | _ => None,
        }
    }

    /// A caller who was let in is answered, or hears that it rings.
    fn greet(&mut self, now: Time, contact: ContactId) {
        let Some(leg) = self
            .queueing
            .contacts
            .get(&contact)
            .and_then(|contact| contact.customer)
        else {
            return;
        };
        let Some((answers, number)) = self
            .queue_of(contact)
            .map(|queue| (queue.answers, queue.number.clone()))
        else {
            return;
        };
        let Some(entry) = self.legs.get(leg).filter(|leg| leg.place == Place::Queued) else {
            return;
        };
        let session = entry.session;
        if answers {
            self.call_answered(now, leg, &number);
            if self.answer_leg(now, leg) {
                self.welcome(contact, leg);
            } else {
                self.leg_over(now, leg, false); // gone in this very moment
            }
        } else {
            self.try_endpoint(|endpoint| endpoint.provisional(now, session, StatusCode::RINGING, Reply::default()));
        }
    }

    /// A blind transfer to a queue. Refused before anything is changed, or done.
    pub(crate) fn transfer_to_queue(
        &mut self,
        now: Time,
        transferor: LegId,
        peer: LegId,
        refer: ReferId,
        queue: QueueId,
    ) -> Result<(), StatusCode> {
        self.move_to_queue(now, transferor, peer, queue)?;
        self.accept_refer(now, transferor, refer);
        self.tell_moved(transferor, peer, queue, false);
        self.farewell(now, transferor);
        Ok(())
    }

    /// An attended transfer to a queue in which the consultation waits: the caller takes its place.
    pub(crate) fn transfer_to_queued(
        &mut self,
        now: Time,
        transferor: LegId,
        peer: LegId,
        consultation: LegId,
        refer: ReferId,
    ) -> Result<(), StatusCode> {
        let contact = self.legs.get(consultation).and_then(|leg| leg.contact);
        let queue = contact
            .and_then(|contact| self.queueing.contacts.get(&contact))
            .map(|contact| contact.queue);
        let queue = queue.ok_or(StatusCode::DECLINE)?;
        self.move_to_queue(now, transferor, peer, queue)?;
        self.accept_refer(now, transferor, refer);
        self.tell_moved(transferor, peer, queue, true);
        self.left_queue(now, consultation, Left::Replaced);
        self.drop_leg(now, consultation, true);
        self.farewell(now, transferor);
        Ok(())
    }

    fn tell_moved(&mut self, transferor: LegId, peer: LegId, queue: QueueId, attended: bool) {
        let to = self
            .queueing
            .queues
            .get(&queue)
            .map(|queue| queue.number.clone())
            .unwrap_or_default();
        let by = self.number_of(transferor);
        if let Some(call) = self.legs.get(peer).map(|leg| leg.call) {
            self.tell(Event::Transferred { call, by, to, attended });
        }
    }

    /// Takes `peer` out of his talk with `transferor` into a queue. An agent's caller keeps his arrival; the agent goes on to
    /// wrap-up. On error nothing has changed.
    fn move_to_queue(&mut self, now: Time, transferor: LegId, peer: LegId, queue: QueueId) -> Result<(), StatusCode> {
        let raise = self.queueing.queues.get(&queue).map_or(0, |queue| queue.raise);
        let contact = match self
            .served_by(transferor)
            .filter(|(_, customer)| *customer == Some(peer))
        {
            Some((contact, _)) => {
                if self.queueing.acd.queue(queue).is_some_and(|queue| !queue.open) {
                    return Err(StatusCode::TEMPORARILY_UNAVAILABLE);
                }
                self.requeue_to(now, contact, transferor, peer, queue, raise)?;
                contact
            }
            None => self.arrive(now, peer, queue, Some(raise)).map_err(refusal)?,
        };
        self.unbridge(peer);
        self.set_place(peer, Place::Queued);
        self.drain_acd(now);
        // An overflow may have taken him elsewhere at once.
        if self
            .legs
            .get(peer)
            .is_some_and(|leg| leg.contact == Some(contact) && leg.place == Place::Queued)
        {
            self.welcome(contact, peer);
        }
        Ok(())
    }

    fn requeue_to(
        &mut self,
        now: Time,
        contact: ContactId,
        agent_leg: LegId,
        peer: LegId,
        queue: QueueId,
        raise: i16,
    ) -> Result<(), StatusCode> {
        let before = self.legs.get(peer).and_then(|leg| leg.priority).unwrap_or(0);
        let raised = before.saturating_add(raise);
        let agent = self.queueing.contacts.get(&contact).and_then(|contact| contact.agent);
        // He is offered nothing while his phone says goodbye.
        self.set_serves(now, agent_leg, agent, None);
        if self.queueing.acd.transfer(now, &contact, queue, Some(raised)).is_err() {
            self.set_serves(now, agent_leg, agent, Some(contact));
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let from = self
            .queue_of(contact)
            .map(|queue| queue.number.clone())
            .unwrap_or_default();
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            (entry.queue, entry.since) = (queue, now);
            (entry.agent, entry.agent_leg) = (None, None);
        }
        if let Some(leg) = self.legs.get_mut(peer) {
            (leg.contact, leg.priority) = (Some(contact), Some(raised));
        }
        let moved = QueueEvent::Moved {
            from,
            cause: None,
            raised,
        };
        self.tell_queue(now, contact, moved);
        Ok(())
    }

    fn set_serves(&mut self, now: Time, leg: LegId, agent: Option<AgentId>, contact: Option<ContactId>) {
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.serves = contact;
        }
        if let Some(agent) = agent {
            self.refresh_desk(now, agent);
        }
    }

    /// A call goes on to a queue: nobody of a group answered, or the queue is where a parked call is recalled to.
    pub(crate) fn divert_to_queue(&mut self, now: Time, leg: LegId, queue: QueueId, purpose: Purpose, number: &str) {
        match purpose {
            Purpose::Call => return self.dial_queue(now, leg, queue),
            Purpose::Return | Purpose::Forward => return self.send_on(now, leg, number),
            Purpose::Transfer { .. } | Purpose::Recall { .. } | Purpose::Offer { .. } | Purpose::CallBack { .. } => {}
        }
        // What its lot offers to a queue already waits there.
        let waits = self.legs.get(leg).is_some_and(|leg| leg.contact.is_some());
        let arrived = if waits {
            Err(ArriveError::Known)
        } else {
            self.arrive(now, leg, queue, None)
        };
        let contact = match arrived {
            Ok(contact) => contact,
            Err(error) => return self.not_taken(now, leg, purpose, refusal(error)),
        };
        if let Purpose::Transfer { by, owner } = purpose {
            self.transfer_done(now, leg, by, owner, number.to_owned(), false);
        } else if let Purpose::Recall { lot, slot } = purpose {
            let contact = self.legs.get_mut(leg).and_then(|leg| leg.contact.take());
            self.recall_answered(now, lot, slot, number);
            if let Some(leg) = self.legs.get_mut(leg) {
                leg.contact = contact;
            }
        }
        self.set_place(leg, Place::Queued);
        self.hear(leg, Hearing::Plain);
        self.drain_acd(now);
        if self
            .legs
            .get(leg)
            .is_some_and(|leg| leg.contact == Some(contact) && leg.place == Place::Queued)
        {
            self.welcome(contact, leg);
        }
    }

    /// The contact that a leg serves as its agent's, and the leg of its caller.
    pub(crate) fn served_by(&self, leg: LegId) -> Option<(ContactId, Option<LegId>)> {
        let contact = self.legs.get(leg)?.serves?;
        Some((contact, self.queueing.contacts.get(&contact)?.customer))
    }

    /// A call was parked in a lot whose calls are offered to a queue.
    pub(crate) fn offer_parked(&mut self, now: Time, leg: LegId, lot: usize) {
        let number = self.config.lots.get(lot).and_then(|lot| lot.queue.as_deref());
        let Some(queue) = number.and_then(|number| self.queueing.queue_id(number)) else {
            return;
        };
        // If the queue does not take it, it stays parked like any other call.
        let _ = self.arrive(now, leg, queue, None);
    }

    /// A leg waits no longer, for another reason than that it is gone.
    pub(crate) fn left_queue(&mut self, now: Time, leg: LegId, how: Left) {
        if let Some(contact) = self.legs.get_mut(leg).and_then(|leg| leg.contact.take()) {
            self.end_wait(now, contact, Some(how));
        }
    }

    /// A caller is no longer there.
    pub(crate) fn end_wait(&mut self, now: Time, contact: ContactId, how: Option<Left>) {
        let position = self.position(contact);
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            entry.customer = None;
            entry.position = position;
            if how.is_some() {
                entry.left = how;
            }
        }
        // It may have ended in this very step.
        let _ = self.queueing.acd.end(now, &contact);
    }

    /// Does all that the distribution wants done.
    pub(crate) fn drain_acd(&mut self, now: Time) {
        while self.poll_acd(now) {}
    }
}

impl Contact {
    pub(crate) fn new(
        now: Time,
        queue: QueueId,
        call: crate::event::CallId,
        from: crate::leg::Party,
        customer: Option<LegId>,
    ) -> Self {
        Self {
            queue,
            since: now,
            call,
            from,
            customer,
            agent_leg: None,
            agent: None,
            offers: std::collections::BTreeMap::new(),
            next_prompt: None,
            left: None,
            position: None,
        }
    }
}

/// What a caller is told whom a queue does not take.
fn refusal(error: ArriveError) -> StatusCode {
    match error {
        ArriveError::Refused(_) => StatusCode::TEMPORARILY_UNAVAILABLE,
        ArriveError::UnknownQueue(_) => StatusCode::NOT_FOUND,
        ArriveError::Known | ArriveError::Full | ArriveError::TooMany | _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A caller as the distribution knows him: the 64-bit FNV-1a hash of his number.
pub(crate) fn customer(number: &str) -> u64 {
    number.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
