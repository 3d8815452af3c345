//! What no value of a queue or an agent can know alone.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use super::check::Checker;
use super::file::File;
use super::queue::{Agent, Queue};
use super::values::{Interval, Plain};

/// The most queues and agents in one file.
const MAX_QUEUES: usize = switch::MAX_QUEUES;
const MAX_AGENTS: usize = switch::MAX_AGENTS;

impl Checker {
    /// Numbers and codes, before anything refers to them.
    pub(super) fn queue_numbers(&mut self, file: &File) {
        let codes = &file.agent_codes;
        let given = [
            ("sign_on", &codes.sign_on, "*45"),
            ("sign_off", &codes.sign_off, "*46"),
            ("pause", &codes.pause, "*47"),
            ("ready", &codes.ready, "*48"),
        ];
        // Without agents a code is a number like any other.
        for (name, code, default) in given.into_iter().filter(|_| !file.agent.is_empty()) {
            let span = code.as_ref().map_or(0..0, Spanned::span);
            let code = code.as_ref().map_or(default, |code| &code.get_ref().0);
            self.number(code, &format!("agent_codes.{name}"), span);
        }
        self.count(
            "queue",
            file.queue.len(),
            MAX_QUEUES,
            file.queue.last().map(|queue| queue.number.span()),
        );
        for (index, queue) in file.queue.iter().enumerate() {
            self.number(
                &queue.number.get_ref().0,
                &format!("queue[{index}].number"),
                queue.number.span(),
            );
        }
    }

    pub(super) fn queues(&mut self, file: &File) {
        for (index, queue) in file.queue.iter().enumerate() {
            let key = |name: &str| format!("queue[{index}].{name}");
            self.times(queue, &key);
            self.sounds(file, queue, &key);
            self.ways_out(queue, &key);
            if queue.messages.is_empty() != queue.message_every.is_none() {
                let message = "expected both `messages` and `message_every`, or neither";
                self.wrong(key("number"), queue.number.span(), message);
            }
        }
        for (index, lot) in file.lot.iter().enumerate() {
            if let Some(queue) = &lot.queue
                && !file.queue.iter().any(|known| known.number.get_ref() == queue.get_ref())
            {
                let message = format!("no [[queue]] has the number {}", queue.get_ref().0);
                self.wrong(format!("lot[{index}].queue"), queue.span(), message);
            }
        }
    }

    fn times(&mut self, queue: &Queue, key: &dyn Fn(&str) -> String) {
        let seconds = |from: u64, to: u64| Duration::from_secs(from)..=Duration::from_secs(to);
        let pauses = [
            ("reject_pause", &queue.reject_pause),
            ("busy_pause", &queue.busy_pause),
            ("no_answer_pause", &queue.no_answer_pause),
        ];
        for (name, value) in pauses {
            self.interval(value.as_ref(), key(name), seconds(0, 3600));
        }
        let often = [
            ("message_every", &queue.message_every),
            ("tell_every", &queue.tell_every),
        ];
        for (name, value) in often {
            self.interval(value.as_ref(), key(name), seconds(1, 3600));
        }
        self.interval(queue.ring_time.as_ref(), key("ring_time"), seconds(1, 600));
        let waits: [(&str, &Option<Spanned<Interval>>); 3] = [
            ("max_wait", &queue.max_wait),
            ("max_expected_wait", &queue.max_expected_wait),
            ("call_back_retry", &queue.call_back_retry),
        ];
        for (name, value) in waits {
            self.interval(value.as_ref(), key(name), seconds(1, 86_400));
        }
        self.interval(queue.tell_first.as_ref(), key("tell_first"), seconds(0, 86_400));
    }

    fn sounds(&mut self, file: &File, queue: &Queue, key: &dyn Fn(&str) -> String) {
        let named = [
            ("welcome", &queue.welcome),
            ("overflow_message", &queue.overflow_message),
            ("music", &queue.music),
        ];
        for (name, sound) in named {
            if let Some(sound) = sound
                .as_ref()
                .filter(|sound| name != "music" || sound.get_ref().0 != "none")
            {
                self.sound(file, sound, key(name));
            }
        }
        for (index, sound) in queue.messages.iter().enumerate() {
            self.sound(file, sound, key(&format!("messages[{index}]")));
        }
    }

    fn sound(&mut self, file: &File, sound: &Spanned<Plain>, key: String) {
        let name = sound.get_ref();
        let known = crate::sounds::is_built_in(&name.0) || file.music.iter().any(|music| music.name.get_ref() == name);
        if !known {
            self.wrong(key, sound.span(), "expected the name of a [[music]] in this file");
        }
    }

    fn ways_out(&mut self, queue: &Queue, key: &dyn Fn(&str) -> String) {
        let own = &queue.number.get_ref().0;
        if let Some(to) = &queue.overflow {
            self.goes_to(own, &to.get_ref().0, key("overflow"), to.span());
            if let Some(message) = &queue.overflow_message {
                self.wrong(
                    key("overflow_message"),
                    message.span(),
                    "expected this or `overflow`, not both",
                );
            }
        }
        for (pressed, action) in &queue.keys {
            let may_be_pressed = |key: char| matches!(key, '0'..='9' | '*' | '#');
            if pressed.get_ref().chars().count() != 1 || !pressed.get_ref().chars().all(may_be_pressed) {
                self.wrong(key("keys"), pressed.span(), "expected one of the keys 0-9, * and #");
            }
            if let switch::KeyAction::Leave(to) = &action.get_ref().0 {
                self.goes_to(own, to, key(&format!("keys.{}", pressed.get_ref())), action.span());
            }
        }
    }

    fn goes_to(&mut self, own: &str, to: &str, key: String, span: std::ops::Range<usize>) {
        if own == to {
            self.wrong(key, span, "expected another number than its own");
        } else if !self.is_number(to) {
            self.wrong(key, span, format!("nobody has the number {to}"));
        }
    }

    pub(super) fn agents(&mut self, file: &File) {
        self.count(
            "agent",
            file.agent.len(),
            MAX_AGENTS,
            file.agent.last().map(|agent| agent.number.span()),
        );
        let (mut numbers, mut desks) = (BTreeSet::new(), BTreeSet::new());
        for (index, agent) in file.agent.iter().enumerate() {
            let key = |name: &str| format!("agent[{index}].{name}");
            let number = &agent.number.get_ref().0;
            if !number.bytes().all(|digit| digit.is_ascii_digit()) {
                self.wrong(key("number"), agent.number.span(), "expected digits only");
            }
            if !numbers.insert(number) {
                let message = format!("another [[agent]] has the number {number}");
                self.wrong(key("number"), agent.number.span(), message);
            }
            if let Some(at) = &agent.at {
                let number = &at.get_ref().0;
                if !file
                    .extension
                    .iter()
                    .any(|extension| extension.number.get_ref() == at.get_ref())
                {
                    self.wrong(
                        key("at"),
                        at.span(),
                        format!("no [[extension]] has the number {number}"),
                    );
                } else if !desks.insert(number) {
                    self.wrong(key("at"), at.span(), format!("another agent is at {number}"));
                }
            }
            self.places(file, agent, &key);
        }
    }

    fn places(&mut self, file: &File, agent: &Agent, key: &dyn Fn(&str) -> String) {
        for (index, place) in agent.queues.iter().enumerate() {
            let (queue, span) = (place.get_ref().queue(), place.span());
            if !file.queue.iter().any(|known| known.number.get_ref().0 == queue) {
                self.wrong(
                    key(&format!("queues[{index}]")),
                    span,
                    format!("no [[queue]] has the number {queue}"),
                );
            } else if agent
                .queues
                .iter()
                .take(index)
                .any(|other| other.get_ref().queue() == queue)
            {
                self.wrong(
                    key(&format!("queues[{index}]")),
                    span,
                    format!("{queue} is in the list already"),
                );
            }
        }
    }
}
