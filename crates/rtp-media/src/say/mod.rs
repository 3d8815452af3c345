//! Prompts that say something: numbers, durations, times of day, places in a queue and fixed phrases, in English, German and Persian.
//!
//! Each function gives the sounds to play, in the order and with the conjunctions of the language: twenty-one is `20`, `1` in
//! English, `1-and`, `20` in German (einundzwanzig) and `20-and`, `1` in Persian (bist-o-yek). The sounds are
//! asked for by names under the language's folder (`de/number/20`); those that come with the project are in its folder `prompts`,
//! and anybody's own recordings of the same names do as well. [`names`] has all that a language needs.
//!
//! ```
//! use core::time::Duration;
//! use rtp_media::say::{self, Language, Phrase};
//! use rtp_media::{PromptItem, Source};
//!
//! let names = |items: &[PromptItem]| -> Vec<String> {
//!     items.iter().map(|item| if let PromptItem::Sound(name) = item { name.clone() } else { String::new() }).collect()
//! };
//! assert_eq!(names(&say::position(Language::En, 1)), ["en/you-are-next"]);
//! assert_eq!(
//!     names(&say::position(Language::De, 21)),
//!     ["de/you-are-number", "de/number/1-and", "de/number/20", "de/in-the-queue"]
//! );
//! assert_eq!(
//!     names(&say::expected_wait(Language::Fa, Duration::from_secs(170))),
//!     ["fa/expected-wait", "fa/about", "fa/digits/3", "fa/minute", "fa/is"]
//! );
//!
//! let mut prompt = vec![say::phrase(Language::En, Phrase::PleaseWait)];
//! prompt.extend(say::position(Language::En, 4));
//! let source = Source::Prompt(prompt); // for Command::Play
//! # assert!(matches!(source, Source::Prompt(items) if items.len() == 4));
//! ```

mod grammar;
mod phrase;

use core::time::Duration;

pub use phrase::Phrase;

use crate::engine::PromptItem;
use grammar::{Grammar, One, Unit};

/// A language of prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Persian.
    Fa,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::De, Self::Fa];

    /// The language's code (ISO 639-1), which is the folder of its sounds.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fa => "fa",
        }
    }

    /// The language of a code, whatever its case and whatever region follows (`de`, `de-AT`, `FA_IR`).
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let main = code.split(['-', '_']).next()?;
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(main))
    }
}

/// A fixed phrase.
#[must_use]
pub fn phrase(language: Language, phrase: Phrase) -> PromptItem {
    sound(language, phrase.name())
}

/// A number as one says it: 0 to 999,999; larger ones digit by digit.
#[must_use]
pub fn cardinal(language: Language, number: u32) -> Vec<PromptItem> {
    items(language, &grammar::cardinal(Grammar::of(language), number, One::Alone))
}

/// Digits one by one: `0`–`9`, `*`, `#`. Others (spaces, hyphens, brackets) are left out.
#[must_use]
pub fn digits(language: Language, digits: &str) -> Vec<PromptItem> {
    let names: Vec<&str> = digits.chars().filter_map(grammar::digit).collect();
    items(language, &names)
}

/// "You are next", "you are number five in the queue". `place` counts from 1; 0 is taken for 1.
#[must_use]
pub fn position(language: Language, place: u32) -> Vec<PromptItem> {
    if place <= 1 {
        return vec![phrase(language, Phrase::YouAreNext)];
    }
    let mut names = vec![Phrase::YouAreNumber.name()];
    names.extend(grammar::cardinal(Grammar::of(language), place, One::Alone));
    names.push(Phrase::InTheQueue.name());
    items(language, &names)
}

/// "The expected waiting time is about three minutes." Up to ten minutes by the minute, up to an hour by five; less than a minute and more
/// than an hour are said to be that.
#[must_use]
pub fn expected_wait(language: Language, wait: Duration) -> Vec<PromptItem> {
    let grammar = Grammar::of(language);
    let seconds = wait.as_secs();
    let mut names = vec![Phrase::ExpectedWait.name()];
    match rounded_minutes(seconds) {
        0 => names.push(Phrase::LessThanAMinute.name()),
        minutes @ 1..=60 => {
            names.push(Phrase::About.name());
            names.extend(grammar::measure(grammar, minutes, Unit::Minute));
        }
        _ => names.push(Phrase::MoreThanAnHour.name()),
    }
    names.extend(grammar.verb_at_end);
    items(language, &names)
}

/// A duration by hours, minutes and seconds; what is zero is left out, and fractions of a second are. Above 999,999 hours it
/// stays there.
#[must_use]
pub fn duration(language: Language, duration: Duration) -> Vec<PromptItem> {
    let grammar = Grammar::of(language);
    let seconds = duration.as_secs();
    let hours = u32::try_from(seconds / 3_600).unwrap_or(u32::MAX).min(999_999);
    let [minutes, rest] = [seconds / 60 % 60, seconds % 60].map(|part| u32::try_from(part).unwrap_or(0));
    let mut parts: Vec<Vec<&str>> = [(hours, Unit::Hour), (minutes, Unit::Minute), (rest, Unit::Second)]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| grammar::measure(grammar, number, unit))
        .collect();
    if parts.is_empty() {
        parts.push(grammar::measure(grammar, 0, Unit::Second));
    }
    let last = parts.len() - 1;
    let mut names = Vec::new();
    for (n, part) in parts.into_iter().enumerate() {
        if n > 0 && (n == last || grammar.joins_all) {
            names.push(grammar::AND);
        }
        names.extend(part);
    }
    items(language, &names)
}

/// A time of day: "three oh five p m", "fünfzehn Uhr fünf", "sa'at-e pânzdah o panj daghighe". Hours count to 23, minutes to 59; what is
/// beyond begins anew.
#[must_use]
pub fn time_of_day(language: Language, hour: u8, minute: u8) -> Vec<PromptItem> {
    items(language, &grammar::clock(language, hour % 24, minute % 60))
}

/// The names of all sounds that a language needs, without its folder: what to record, and what to look for when sounds are loaded.
#[must_use]
pub fn names(language: Language) -> Vec<&'static str> {
    let mut names: Vec<&str> = Phrase::ALL.iter().map(|phrase| phrase.name()).collect();
    names.extend(grammar::words(Grammar::of(language)));
    names
}

/// A sound of a language, by its name in the language's folder.
#[must_use]
pub fn sound(language: Language, name: &str) -> PromptItem {
    PromptItem::Sound(format!("{}/{name}", language.code()))
}

fn items(language: Language, names: &[&str]) -> Vec<PromptItem> {
    names.iter().map(|name| sound(language, name)).collect()
}

/// Minutes as one says them who is not sure.
fn rounded_minutes(seconds: u64) -> u32 {
    let minutes = match seconds {
        0..60 => 0,
        60..630 => (seconds + 30) / 60,
        630..3_750 => (seconds + 150) / 300 * 5,
        _ => 61,
    };
    u32::try_from(minutes).unwrap_or(61)
}

#[cfg(test)]
mod tests;
