//! What no value can know alone: numbers given twice, targets that nobody has, music that nobody added.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;

use super::error::Mistake;
use super::file::{File, Guard, Lot};
use super::values::{Interval, RecallTo};
use crate::sounds;

/// The most extensions in one file.
const MAX_EXTENSIONS: usize = 10_000;
/// The most lots in one file.
const MAX_LOTS: usize = 100;
/// The most pieces of music in one file.
const MAX_MUSIC: usize = 100;

/// Everything wrong with a file whose values are each right.
pub(super) fn check(file: &File) -> Vec<Mistake> {
    let mut checker = Checker {
        mistakes: Vec::new(),
        numbers: BTreeMap::new(),
    };
    checker.listening(file);
    checker.media(file);
    checker.extensions(file);
    checker.queue_numbers(file);
    checker.lots(file);
    checker.queues(file);
    checker.agents(file);
    checker.music(file);
    for (index, group) in file.group.iter().enumerate() {
        let number = &group.number;
        checker.number(&number.get_ref().0, &format!("group[{index}].number"), number.span());
    }
    checker.mistakes.extend(super::groups::check(file));
    for (key, code) in super::supervision::codes(file) {
        checker.number(&code.get_ref().0, key, code.span());
    }
    checker.mistakes.extend(super::supervision::check(file));
    checker.mistakes
}

pub(super) struct Checker {
    mistakes: Vec<Mistake>,
    /// Every number that can be dialled, and the key that gives it.
    numbers: BTreeMap<String, String>,
}

impl Checker {
    pub(super) fn wrong(&mut self, key: impl Into<String>, span: Range<usize>, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(key, span, message));
    }

    /// Gives a number to `key`, unless another has it.
    pub(super) fn number(&mut self, number: &str, key: &str, span: Range<usize>) {
        if let Some(other) = self.numbers.get(number) {
            let message = format!("{number} is already given by {other}; expected a number of its own");
            self.wrong(key, span, message);
        } else {
            self.numbers.insert(number.to_owned(), key.to_owned());
        }
    }

    /// Whether somebody, or something, has this number. Asked once all are known.
    pub(super) fn is_number(&self, number: &str) -> bool {
        self.numbers.contains_key(number)
    }

    pub(super) fn interval(
        &mut self,
        value: Option<&Spanned<Interval>>,
        key: String,
        allowed: RangeInclusive<Duration>,
    ) {
        if let Some(value) = value
            && !allowed.contains(&value.get_ref().0)
        {
            let message = format!("expected a time from {:?} to {:?}", allowed.start(), allowed.end());
            self.wrong(key, value.span(), message);
        }
    }

    pub(super) fn count(&mut self, key: &str, count: usize, most: usize, span: Option<Range<usize>>) {
        if count > most {
            let message = format!("there are {count}; expected at most {most}");
            self.wrong(key, span.unwrap_or_default(), message);
        }
    }

    fn listening(&mut self, file: &File) {
        let sip = file.sip.get_ref();
        if sip.udp.is_empty() && sip.tcp.is_empty() {
            self.wrong(
                "sip",
                file.sip.span(),
                "expected at least one address in `udp` or `tcp`",
            );
        }
        for (key, addresses) in [("sip.udp", &sip.udp), ("sip.tcp", &sip.tcp)] {
            for (index, address) in addresses.iter().enumerate() {
                if addresses
                    .iter()
                    .take(index)
                    .any(|other| other.get_ref() == address.get_ref())
                {
                    self.wrong(
                        format!("{key}[{index}]"),
                        address.span(),
                        "this address is already in the list",
                    );
                }
            }
        }
        if let Some(digest) = sip.digest.as_ref().filter(|digest| digest.get_ref().is_empty()) {
            self.wrong(
                "sip.digest",
                digest.span(),
                "expected at least one algorithm, such as \"MD5\"",
            );
        }
        self.interval(
            sip.t1.as_ref(),
            "sip.t1".into(),
            Duration::from_millis(10)..=Duration::from_secs(5),
        );
        let ring = Duration::from_secs(1)..=Duration::from_secs(600);
        self.interval(sip.ring_timeout.as_ref(), "sip.ring_timeout".into(), ring);
        let session = Duration::from_secs(90)..=Duration::from_secs(86_400);
        self.interval(sip.session_expires.as_ref(), "sip.session_expires".into(), session);
        self.guard(&sip.guard);
        if let Some(code) = &file.park_code {
            self.number(&code.get_ref().0, "park_code", code.span());
        }
    }

    fn guard(&mut self, guard: &Guard) {
        for (name, rate) in [("requests", &guard.requests), ("all_requests", &guard.all_requests)] {
            if let Some(rate) = rate.as_ref().filter(|rate| !(1..=1_000_000).contains(rate.get_ref())) {
                let message = "expected a number of requests a second from 1 to 1000000";
                self.wrong(format!("sip.guard.{name}"), rate.span(), message);
            }
        }
        let day = Duration::from_secs(1)..=Duration::from_secs(86_400);
        self.interval(guard.window.as_ref(), "sip.guard.window".into(), day.clone());
        self.interval(guard.ban.as_ref(), "sip.guard.ban".into(), day);
        let month = Duration::from_secs(1)..=Duration::from_secs(31 * 86_400);
        self.interval(guard.max_ban.as_ref(), "sip.guard.max_ban".into(), month);
    }

    fn media(&mut self, file: &File) {
        let media = &file.media;
        let ports = &media.ports.get_ref().0;
        let even = u32::from(*ports.start()).next_multiple_of(2);
        if even + 1 > u32::from(*ports.end()) {
            let message = "expected at least one even port and the odd one above it, such as \"20000-21999\"";
            self.wrong("media.ports", media.ports.span(), message);
        }
        for (index, address) in file.sip.get_ref().udp.iter().enumerate() {
            let address = address.get_ref().0;
            if address.ip() == media.address.get_ref().0 && ports.contains(&address.port()) {
                let message = format!("these contain port {} of sip.udp[{index}]", address.port());
                self.wrong("media.ports", media.ports.span(), message);
            }
        }
        let allowed = Duration::from_secs(1)..=Duration::from_secs(3600);
        self.interval(media.rtp_timeout.as_ref(), "media.rtp_timeout".into(), allowed);
    }

    fn extensions(&mut self, file: &File) {
        self.count(
            "extension",
            file.extension.len(),
            MAX_EXTENSIONS,
            file.extension.last().map(|e| e.number.span()),
        );
        for (index, extension) in file.extension.iter().enumerate() {
            let number = &extension.number.get_ref().0;
            self.number(number, &format!("extension[{index}].number"), extension.number.span());
            if extension.password.get_ref().0 == *number {
                let message = "expected a password that is not the number itself: everybody tries that first";
                self.wrong(
                    format!("extension[{index}].password"),
                    extension.password.span(),
                    message,
                );
            }
        }
    }

    fn lots(&mut self, file: &File) {
        self.count(
            "lot",
            file.lot.len(),
            MAX_LOTS,
            file.lot.last().map(|lot| lot.number.span()),
        );
        for (index, lot) in file.lot.iter().enumerate() {
            let key = |name: &str| format!("lot[{index}].{name}");
            self.number(&lot.number.get_ref().0, &key("number"), lot.number.span());
            if let Some(retrieve) = &lot.retrieve {
                self.number(&retrieve.get_ref().0, &key("retrieve"), retrieve.span());
            }
            self.slots(lot, &key("slots"));
            let after = Duration::from_secs(1)..=Duration::from_secs(86_400);
            self.interval(lot.recall_after.as_ref(), key("recall_after"), after);
            let ring = Duration::from_secs(1)..=Duration::from_secs(600);
            self.interval(lot.recall_ring.as_ref(), key("recall_ring"), ring);
            for (name, target) in [("recall_to", &lot.recall_to), ("recall_then", &lot.recall_then)] {
                if let Some(target) = target
                    && let RecallTo::Number(number) = target.get_ref()
                    && !super::groups::takes_calls(file, &number.0)
                {
                    let expected = <RecallTo as super::Text>::EXPECTED;
                    let message = format!("nobody has the number {}; expected {expected}", number.0);
                    self.wrong(key(name), target.span(), message);
                }
            }
            if let Some(music) = &lot.music
                && music.get_ref().0 != "default"
                && !file.music.iter().any(|known| known.name.get_ref() == music.get_ref())
            {
                let message = "expected \"default\" or the name of a [[music]] in this file";
                self.wrong(key("music"), music.span(), message);
            }
        }
    }

    fn slots(&mut self, lot: &Lot, key: &str) {
        let (slots, span) = (&lot.slots.get_ref().0, lot.slots.span());
        if slots.end() - slots.start() >= u32::try_from(park::LotConfig::MAX_SLOTS).unwrap_or(u32::MAX) {
            self.wrong(
                key,
                span,
                format!("expected at most {} slots", park::LotConfig::MAX_SLOTS),
            );
            return;
        }
        // One complaint a lot, not one a slot.
        let mistakes = self.mistakes.len();
        for slot in slots.clone() {
            self.number(&slot.to_string(), key, span.clone());
            if self.mistakes.len() > mistakes {
                return;
            }
        }
    }

    fn music(&mut self, file: &File) {
        self.count(
            "music",
            file.music.len(),
            MAX_MUSIC,
            file.music.last().map(|music| music.name.span()),
        );
        for (index, music) in file.music.iter().enumerate() {
            let name = music.name.get_ref();
            if sounds::is_built_in(&name.0) || file.music.iter().take(index).any(|other| other.name.get_ref() == name) {
                let message = format!("the name \"{}\" is taken; expected a name of its own", name.0);
                self.wrong(format!("music[{index}].name"), music.name.span(), message);
            }
        }
    }
}
