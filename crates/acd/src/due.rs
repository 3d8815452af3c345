//! What time brings.

use machine::Time;

use crate::acd::{Acd, Due, Id};
use crate::agent::{AgentKey, LinkPhase};
use crate::contact::{Contact, ContactKey, NEVER, Phase};
use crate::offer::Decline;
use crate::positions::OrderKey;
use crate::{Outcome, Output, OverflowCause, Strategy, Withdrawal};

/// Why a contact is given up.
enum Late {
    /// It waited for as long as it may.
    Wait,
    /// The time of its call-back is over.
    CallBack,
}

impl<C: Id, A: Id> Acd<C, A> {
    /// All contacts that are due at an instant: first each comes to where its wait has brought it, then agents are sought in their
    /// order, so that none is overtaken by another of the same instant.
    pub(crate) fn contacts_due(&mut self, at: Time) {
        let mut due: Vec<(OrderKey, ContactKey)> = Vec::new();
        while let Some(&(when, Due::Contact(key))) = self.timers.first()
            && when <= at
        {
            self.timers.pop_first();
            self.contact_moves(key);
            due.extend(self.contacts.get(key).map(|contact| (contact.key, key)));
        }
        due.sort_unstable();
        for (_, key) in due {
            self.contact_seeks(key);
        }
    }

    fn contact_moves(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        contact.alarm = NEVER;
        if let Phase::Later(at) = contact.phase
            && at <= now
        {
            contact.phase = Phase::Waiting;
            self.stand_in_line(key);
        } else if let Phase::Preferred(until) = contact.phase
            && until <= now
        {
            contact.phase = Phase::Waiting;
            if contact.offers.is_empty() {
                self.pool_in(key);
            }
        }
        self.restage(key);
    }

    fn contact_seeks(&mut self, key: ContactKey) {
        let now = self.now;
        self.seek_agents(key);
        self.ring_one_more(key);
        self.announce(key);
        let Some(contact) = self.contacts.get(key) else { return };
        if self.too_late(contact).is_some() {
            self.timers.insert((now, Due::GiveUp(key)));
            return;
        }
        self.arm_contact(key);
    }

    /// A contact has waited for as long as it may, and nobody came free in this instant either.
    pub(crate) fn give_up(&mut self, key: ContactKey) {
        let Some(contact) = self.contacts.get(key) else { return };
        match self.too_late(contact) {
            Some(Late::Wait) => self.overflow(key, OverflowCause::MaxWait),
            Some(Late::CallBack) => self.end_contact(key, Outcome::Expired),
            None => self.arm_contact(key),
        }
    }

    /// Why a contact that nobody is rung for is to be given up now.
    fn too_late(&self, contact: &Contact<C>) -> Option<Late> {
        if contact.has_agent() || !contact.offers.is_empty() {
            return None;
        }
        if contact.expires().is_some_and(|expires| expires <= self.now) {
            return Some(Late::CallBack);
        }
        let most = self.queues.get(contact.queue)?.max_wait(contact.is_call_back())?;
        (contact.in_line() && contact.joined + most <= self.now).then_some(Late::Wait)
    }

    /// Moves a contact to the stage and the ring that its wait has reached.
    pub(crate) fn restage(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get(key) else { return };
        let Some(queue) = self.queues.get(contact.queue) else {
            return;
        };
        let waited = now - contact.joined;
        let stage = queue.stage(waited);
        let rings = &queue.config.rings;
        let ring = rings.iter().take_while(|ring| ring.after <= waited).count();
        let new_ring = u8::try_from(ring).unwrap_or(u8::MAX);
        if (stage, new_ring) == (contact.stage, contact.ring) {
            return;
        }
        let relaxed = (new_ring != contact.ring)
            .then(|| ring.checked_sub(1).and_then(|at| rings.get(at)))
            .map(|ring| ring.map_or_else(|| self.needs_of(key), |ring| ring.relax(&self.needs_of(key))));
        let (queue, channel, was_pooled) = (contact.queue, contact.channel, contact.pooled);
        let pool = relaxed.and_then(|needs| self.pool_for(queue, channel, &needs));
        self.pool_out(key);
        if let Some(contact) = self.contacts.get_mut(key) {
            (contact.stage, contact.ring) = (stage, new_ring);
            let before = pool.map(|pool| core::mem::replace(&mut contact.pool, pool));
            if let (Some(pool), Some(before)) = (pool, before) {
                let extra = contact.extra();
                if extra.home.is_none() {
                    extra.home = Some(before);
                } else {
                    self.leave_pool(before);
                }
                self.enter_pool(pool);
            }
        }
        if was_pooled {
            self.pool_in(key);
        }
    }

    /// Ring progressively: one more agent joins those who ring.
    fn ring_one_more(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        let strategy = self.queues.get(contact.queue).map(|queue| queue.config.strategy);
        let rings = !contact.offers.is_empty() && matches!(strategy, Some(Strategy::RingProgressively(_)));
        let Some(extra) = contact.extra.as_mut() else { return };
        let due = extra.next_ring <= now;
        if due {
            extra.next_ring = NEVER;
        }
        if due && rings {
            // Whoever is or comes free joins.
            self.pool_in(key);
            self.seek_agents(key);
        }
    }

    /// Tells a contact where it stands, and its messages.
    fn announce(&mut self, key: ContactKey) {
        let now = self.now;
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        let Some(queue) = self.queues.get(contact.queue) else {
            return;
        };
        let Some(extra) = contact.extra.as_mut() else { return };
        let told = &queue.config.announcements;
        if extra.next_position <= now {
            let again = !told.every.is_zero();
            extra.next_position = if again { now + told.every.max(SHORTEST) } else { NEVER };
            let position = u32::try_from(queue.line.before(contact.key) + 1).unwrap_or(u32::MAX);
            let position = position.min(extra.told);
            extra.told = position;
            let expected = queue.expected.wait(position as usize, queue.population.in_service());
            let error = queue.expected.error();
            let contact = contact.id.clone();
            self.output.push_back(Output::Announce {
                contact,
                position,
                expected,
                error,
            });
        }
        let Some(contact) = self.contacts.get_mut(key) else {
            return;
        };
        let Some(extra) = contact.extra.as_mut() else { return };
        if extra.next_message <= now {
            let number = usize::from(extra.message) % told.messages.len().max(1);
            extra.message = u16::try_from(number + 1).unwrap_or(0);
            extra.next_message = now + told.message_every.max(SHORTEST);
            if let Some(message) = told.messages.get(number).copied() {
                let contact = contact.id.clone();
                self.output.push_back(Output::Message { contact, message });
            }
        }
    }

    pub(crate) fn agent_due(&mut self, key: AgentKey) {
        let now = self.now;
        let Some(agent) = self.agents.get_mut(key) else { return };
        agent.held = agent.held.filter(|(until, _)| *until > now);
        agent.end_wrap_up(now, |_, until| until.is_some_and(|until| until <= now));
        let late = |phase| match phase {
            LinkPhase::Reserved(until) | LinkPhase::Ringing(until) => until <= now,
            LinkPhase::Talking(_) | LinkPhase::WrapUp(_) => false,
        };
        let unanswered: smallvec::SmallVec<[ContactKey; 1]> = agent
            .links
            .iter()
            .filter(|link| late(link.phase))
            .map(|link| link.contact)
            .collect();
        let id = agent.id.clone();
        for contact in unanswered {
            if let Some(of) = self.contacts.get(contact) {
                let output = Output::Withdraw {
                    contact: of.id.clone(),
                    agent: id.clone(),
                    cause: Withdrawal::NotAnswered,
                };
                self.emit(output);
            }
            self.declined(contact, key, Decline::NotAnswered);
        }
        self.refresh_agent(key);
    }
}

/// Announcements are no closer to each other than this.
const SHORTEST: core::time::Duration = core::time::Duration::from_secs(1);
