//! Contacts move on to another queue, or end.

use core::time::Duration;

use acd::{Arrival, CallBackTime, Outcome, OverflowCause, QueueId, Target};
use machine::Time;
use rtp_media::PromptItem;
use sip_core::StatusCode;

use super::{Contact, ContactId, Elsewhere, Left, QueueEvent};
use crate::event::EndCause;
use crate::leg::{Hearing, LegId, Place, Purpose};
use crate::queue::prompts::Prompt;
use crate::switch::{Destination, Switch};

impl Switch {
    /// A queue does not let in or keep a contact.
    pub(crate) fn overflow(&mut self, now: Time, contact: ContactId, from: QueueId, to: Target, cause: OverflowCause) {
        let queue = self.queueing.queues.get(&from);
        let number = queue.map(|queue| queue.number.clone()).unwrap_or_default();
        match to {
            Target::Queue(next) => {
                let Some(entry) = self.queueing.contacts.get_mut(&contact) else {
                    return;
                };
                entry.queue = next;
                let customer = entry.customer;
                let raised = customer.and_then(|leg| self.legs.get(leg)?.priority).unwrap_or(0);
                let moved = QueueEvent::Moved {
                    from: number,
                    cause: Some(cause),
                    raised,
                };
                self.tell_queue(now, contact, moved);
                if let Some(leg) = customer {
                    self.hear_queue(contact, leg);
                }
            }
            Target::Elsewhere(_) | _ => {
                let elsewhere = queue.and_then(|queue| queue.overflow.clone());
                if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
                    entry.left = Some(Left::Overflow(cause, elsewhere));
                }
            }
        }
    }

    /// The last of a contact.
    pub(crate) fn contact_ended(
        &mut self,
        now: Time,
        contact: ContactId,
        outcome: Outcome,
        waited: Duration,
        talked: Duration,
    ) {
        let Some(entry) = self.queueing.contacts.get(&contact) else {
            return;
        };
        let agent = entry
            .agent
            .and_then(|agent| self.agent_number(agent))
            .unwrap_or_default();
        let position = entry.position.unwrap_or(0);
        let what = match (outcome, entry.left.clone()) {
            (Outcome::NotReached | Outcome::Expired, _) => QueueEvent::NotReached,
            (Outcome::Superseded, _) => QueueEvent::Superseded,
            (Outcome::Overflowed(..) | Outcome::Dismissed(_), Some(Left::Overflow(cause, to))) => {
                QueueEvent::Overflowed {
                    cause,
                    to: to.map(|to| match to {
                        Elsewhere::Number(name) | Elsewhere::Message(name) => name,
                    }),
                    waited,
                }
            }
            (Outcome::Overflowed(cause, _) | Outcome::Dismissed(cause), _) => QueueEvent::Overflowed {
                cause,
                to: None,
                waited,
            },
            (_, Some(Left::Key(to))) => QueueEvent::Left { to, waited },
            (_, Some(Left::Retrieved(by))) => QueueEvent::Retrieved { by, waited },
            (_, Some(Left::Replaced)) => QueueEvent::Replaced { waited },
            (Outcome::Abandoned, _) => QueueEvent::Abandoned { waited, position },
            (Outcome::Handled | _, _) => QueueEvent::Handled { agent, waited, talked },
        };
        let cause = match outcome {
            Outcome::Overflowed(cause, _) | Outcome::Dismissed(cause) => cause,
            Outcome::Handled
            | Outcome::Abandoned
            | Outcome::NotReached
            | Outcome::Expired
            | Outcome::Superseded
            | _ => OverflowCause::Removed,
        };
        let abandoned = matches!(what, QueueEvent::Abandoned { .. });
        self.tell_queue(now, contact, what);
        let Some(entry) = self.queueing.contacts.remove(&contact) else {
            return;
        };
        for hunt in entry.offers.values() {
            self.cancel_hunt(now, *hunt);
        }
        if let Some(leg) = entry.agent_leg {
            self.release_agent(now, leg);
        }
        if abandoned {
            self.call_back_abandoned(now, &entry);
        }
        if let Some(leg) = entry.customer
            && self.legs.get(leg).is_some_and(|leg| leg.contact == Some(contact))
        {
            self.sent_away(now, leg, entry, cause);
        }
    }

    /// The agent of a contact that ended otherwise than by his hanging up: a call-back that is no longer wanted.
    fn release_agent(&mut self, now: Time, leg: LegId) {
        let Some(entry) = self.legs.get_mut(leg) else { return };
        entry.serves = None;
        if let (Place::Waiting, hunt) = (entry.place, entry.hunt) {
            if let Some(hunt) = hunt {
                self.cancel_hunt(now, hunt);
            }
            self.drop_leg(now, leg, true);
        }
    }

    /// A caller whom his queue did not let in or keep.
    fn sent_away(&mut self, now: Time, leg: LegId, entry: Contact, cause: OverflowCause) {
        let Some(caller) = self.legs.get_mut(leg) else { return };
        caller.contact = None;
        if caller.place != Place::Queued {
            return; // parked: there he stays
        }
        let answered = caller.answered;
        let own = self.queueing.queues.get(&entry.queue).and_then(|queue| queue.language);
        let language = own.unwrap_or(self.config.language);
        let to = match entry.left {
            Some(Left::Overflow(_, to)) => to,
            Some(Left::Key(_) | Left::Retrieved(_) | Left::Replaced) | None => None,
        };
        match to {
            Some(Elsewhere::Number(number)) => self.send_on(now, leg, &number),
            Some(Elsewhere::Message(sound)) => self.leave_with(now, leg, vec![PromptItem::Sound(sound)]),
            None if answered => self.leave_with(now, leg, Prompt::Refused(cause).items(language)),
            None => self.refuse(now, leg, StatusCode::TEMPORARILY_UNAVAILABLE),
        }
    }

    /// A caller goes on from a queue to a number.
    pub(crate) fn send_on(&mut self, now: Time, leg: LegId, number: &str) {
        let answered = self.legs.get(leg).is_some_and(|leg| leg.answered);
        let destination = self.destination(number);
        match destination {
            None => self.cannot_go_on(now, leg, StatusCode::NOT_FOUND),
            Some(destination) if !answered => {
                self.set_place(leg, Place::Calling);
                self.dial(now, leg, destination, number);
            }
            Some(Destination::Extension(_) | Destination::Group(_)) => {
                self.set_place(leg, Place::Waiting);
                self.hear(leg, Hearing::Plain);
                self.hear(leg, Hearing::Ringback);
                let show = self.present_caller(leg);
                self.start_hunt(now, leg, number, Purpose::Forward, &show);
            }
            Some(Destination::Queue(queue)) => match self.arrive(now, leg, queue, None) {
                Ok(contact) => {
                    self.set_place(leg, Place::Queued);
                    self.welcome(contact, leg);
                }
                Err(_) => self.cannot_go_on(now, leg, StatusCode::TEMPORARILY_UNAVAILABLE),
            },
            Some(Destination::Lot(lot)) => self.park_on(now, leg, lot),
            Some(
                Destination::Slot(..)
                | Destination::RetrieveLongest(_)
                | Destination::AgentCode(_)
                | Destination::Supervise(_),
            ) => {
                self.cannot_go_on(now, leg, StatusCode::FORBIDDEN);
            }
        }
    }

    /// Nobody took a caller who was sent on.
    pub(crate) fn cannot_go_on(&mut self, now: Time, leg: LegId, status: StatusCode) {
        self.set_cause(leg, EndCause::Refused(status.code()));
        if self.legs.get(leg).is_some_and(|leg| leg.answered) {
            self.leave_with(now, leg, Prompt::NobodyAvailable.items(self.config.language));
        } else {
            self.refuse(now, leg, status);
        }
    }

    /// A caller hears a last announcement and is hung up.
    pub(crate) fn leave_with(&mut self, now: Time, leg: LegId, items: Vec<PromptItem>) {
        let dialled = self
            .legs
            .get(leg)
            .and_then(|leg| self.calls.get(&leg.call))
            .map(|call| call.to.clone());
        self.call_answered(now, leg, &dialled.unwrap_or_default());
        if !self.answer_leg(now, leg) {
            return self.drop_leg(now, leg, false);
        }
        self.set_place(leg, Place::Leaving);
        self.announce(leg, items);
        self.set_leave(leg, now + crate::parking::ANNOUNCEMENT_LIMIT);
    }

    /// Whoever gave up is called back later, if the queue does that.
    fn call_back_abandoned(&mut self, now: Time, entry: &Contact) {
        let Some(queue) = self.queueing.queues.get(&entry.queue) else {
            return;
        };
        let Some(after) = queue.call_back_abandoned.filter(|_| !self.shutting_down) else {
            return;
        };
        let mut arrival = Arrival::call(entry.queue);
        arrival.needs = queue.needs.clone();
        arrival.priority = queue.priority;
        arrival.customer = Some(super::arrive::customer(&entry.from.number));
        arrival.call_back = Some(CallBackTime::Between(now + after, now + after + queue.call_back_within));
        let contact = self.queueing.next_contact();
        // What cannot be held is not called back.
        if self.queueing.acd.arrive(now, contact, arrival).is_ok() {
            let new = Contact::new(now, entry.queue, entry.call, entry.from.clone(), None);
            let from = new.from.number.clone();
            self.queueing.contacts.insert(contact, new);
            let arrived = QueueEvent::Arrived {
                from,
                position: 0,
                priority: 0,
            };
            self.tell_queue(now, contact, arrived);
            self.tell_queue(now, contact, QueueEvent::CallBackAsked);
        }
    }
}
