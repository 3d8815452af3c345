//! What callers hear while they wait, and what their keys do.

use core::time::Duration;

use acd::CallBackTime;
use machine::Time;
use rtp_media::PromptItem;

use super::prompts::Prompt;
use super::{ContactId, KeyAction, Left, QueueEvent};
use crate::leg::{Hearing, LegId, Place};
use crate::switch::Switch;

impl Switch {
    /// A caller has come into a queue.
    pub(crate) fn welcome(&mut self, contact: ContactId, leg: LegId) {
        let Some(queue) = self.queue_of(contact) else { return };
        match queue.welcome.clone() {
            Some(sound) => {
                self.hear(leg, Hearing::Plain);
                self.announce(leg, vec![PromptItem::Sound(sound)]);
            }
            None => self.hear_queue(contact, leg),
        }
    }

    /// A waiting caller hears the queue's music, unless something is being said to him.
    pub(crate) fn hear_queue(&mut self, contact: ContactId, leg: LegId) {
        let Some(queue) = self.queue_of(contact) else { return };
        let music = queue.music.clone().map_or(Hearing::Plain, Hearing::Music);
        let Some(entry) = self.legs.get(leg) else { return };
        if entry.place == Place::Queued && entry.answered && entry.media.hearing != Hearing::Prompt {
            self.hear(leg, music);
        }
    }

    /// Where a caller stands.
    pub(crate) fn tell_position(&mut self, contact: ContactId, position: u32, expected: Option<Duration>) {
        let Some(queue) = self.queue_of(contact) else { return };
        let language = self.language_of(contact);
        let mut items = Vec::new();
        if queue.tells_position {
            items.extend(Prompt::Position(position).items(language));
        }
        if let Some(expected) = expected.filter(|_| queue.tells_wait) {
            items.extend(Prompt::Wait(expected).items(language));
        }
        self.say_to_waiting(contact, items);
    }

    /// One of the queue's messages.
    pub(crate) fn tell_message(&mut self, contact: ContactId, message: u16) {
        let messages = self
            .queue_of(contact)
            .map(|queue| queue.messages.as_slice())
            .unwrap_or_default();
        let items = messages
            .get(usize::from(message))
            .map(|sound| PromptItem::Sound(sound.clone()));
        self.say_to_waiting(contact, items.into_iter().collect());
    }

    /// What is said while something else is being said comes after it; of several things, the last one.
    fn say_to_waiting(&mut self, contact: ContactId, items: Vec<PromptItem>) {
        let Some(entry) = self.queueing.contacts.get_mut(&contact).filter(|_| !items.is_empty()) else {
            return;
        };
        let Some(id) = entry.customer else { return };
        let Some(leg) = self
            .legs
            .get(id)
            .filter(|leg| leg.place == Place::Queued && leg.answered)
        else {
            return;
        };
        if leg.media.hearing == Hearing::Prompt {
            entry.next_prompt = Some(items);
        } else {
            self.announce(id, items);
        }
    }

    /// What was being said to a waiting caller is over.
    pub(crate) fn said_to_waiting(&mut self, leg: LegId) {
        let Some(contact) = self.legs.get(leg).and_then(|leg| leg.contact) else {
            return;
        };
        let next = self
            .queueing
            .contacts
            .get_mut(&contact)
            .and_then(|contact| contact.next_prompt.take());
        match next {
            Some(items) => self.announce(leg, items),
            None => self.hear_queue(contact, leg),
        }
    }

    /// A waiting caller presses a key.
    pub(crate) fn key_in_queue(&mut self, now: Time, leg: LegId, key: char) {
        let Some(contact) = self.legs.get(leg).and_then(|leg| leg.contact) else {
            return;
        };
        let keys = self
            .queue_of(contact)
            .map(|queue| queue.keys.as_slice())
            .unwrap_or_default();
        let Some(action) = keys
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, action)| action.clone())
        else {
            return;
        };
        match action {
            KeyAction::Leave(number) => {
                self.left_queue(now, leg, Left::Key(number.clone()));
                self.send_on(now, leg, &number);
            }
            KeyAction::CallBack => self.ask_call_back(now, leg, contact),
        }
    }

    /// The caller hangs up, or is, and keeps his place. While an agent's phone rings for him it is not worth it: he stays.
    fn ask_call_back(&mut self, now: Time, leg: LegId, contact: ContactId) {
        let queue = self.queueing.contacts.get(&contact).map(|entry| entry.queue);
        let Some(queue) = queue.and_then(|queue| self.queueing.queues.get(&queue)) else {
            return;
        };
        // In his turn, but not for ever: agents may refuse as often as they like.
        let window = CallBackTime::Between(now, now + queue.call_back_within);
        if self.queueing.acd.keep_place(now, &contact, window).is_err() {
            return;
        }
        self.tell_queue(now, contact, QueueEvent::CallBackAsked);
        if let Some(entry) = self.queueing.contacts.get_mut(&contact) {
            entry.customer = None;
        }
        if let Some(leg) = self.legs.get_mut(leg) {
            leg.contact = None;
        }
        let language = self.language_of(contact);
        self.leave_with(now, leg, Prompt::CallBackNoted.items(language));
    }
}
