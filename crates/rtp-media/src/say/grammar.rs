//! How each language puts numbers and measures together: a table a language.

use super::Language;

/// Between two parts.
pub(super) const AND: &str = "and";

/// How a language says numbers.
#[derive(Debug)]
pub(super) struct Grammar {
    order: Order,
    /// What 1,000 is: "one thousand", "eintausend", "hezâr".
    one_thousand: &'static [&'static str],
    /// The one of a compound ("einhundertein-tausend") and of a feminine noun ("eine Minute"), where they differ from the number's name.
    base_one: &'static str,
    feminine_one: &'static str,
    /// Nouns after one, and after other numbers: second, minute, hour.
    nouns: [(&'static str, &'static str); 3],
    /// Whether every part is joined to the next by "and", not the last alone.
    pub(super) joins_all: bool,
    /// "… is", where the verb comes last.
    pub(super) verb_at_end: Option<&'static str>,
    /// Words of the time of day.
    clock: &'static [&'static str],
}

/// In which order tens and ones are said, and what joins them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// "Twenty-one".
    Plain,
    /// "Einundzwanzig": the ones, with the conjunction, come first.
    OnesFirst,
    /// "Bist-o-yek", "sad-o-bist-o-yek": what something follows has the conjunction.
    Joined,
}

static ENGLISH: Grammar = Grammar {
    order: Order::Plain,
    one_thousand: &["digits/1", THOUSAND],
    base_one: "digits/1",
    feminine_one: "digits/1",
    nouns: [("second", "seconds"), ("minute", "minutes"), ("hour", "hours")],
    joins_all: false,
    verb_at_end: None,
    clock: &["oh", "a-m", "p-m"],
};

static GERMAN: Grammar = Grammar {
    order: Order::OnesFirst,
    one_thousand: &["number/1-base", THOUSAND],
    base_one: "number/1-base",
    feminine_one: "number/1-f",
    nouns: [("second", "seconds"), ("minute", "minutes"), ("hour", "hours")],
    joins_all: false,
    verb_at_end: None,
    clock: &["o-clock"],
};

static PERSIAN: Grammar = Grammar {
    order: Order::Joined,
    one_thousand: &[THOUSAND],
    base_one: "digits/1",
    feminine_one: "digits/1",
    // Nouns stay in the singular after numbers.
    nouns: [("second", "second"), ("minute", "minute"), ("hour", "hour")],
    joins_all: true,
    verb_at_end: Some("is"),
    clock: &["o-clock"],
};

impl Grammar {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &ENGLISH,
            Language::De => &GERMAN,
            Language::Fa => &PERSIAN,
        }
    }
}

/// What a one belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum One {
    /// Nothing: "eins".
    Alone,
    /// A noun, which is feminine where that matters: "eine Minute".
    Noun,
    /// A thousand, or "Uhr": "ein".
    Base,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
}

const DIGITS: [&str; 10] = [
    "digits/0", "digits/1", "digits/2", "digits/3", "digits/4", "digits/5", "digits/6", "digits/7", "digits/8",
    "digits/9",
];
const TEENS: [&str; 10] = [
    "number/10",
    "number/11",
    "number/12",
    "number/13",
    "number/14",
    "number/15",
    "number/16",
    "number/17",
    "number/18",
    "number/19",
];
const TENS: [&str; 8] = [
    "number/20",
    "number/30",
    "number/40",
    "number/50",
    "number/60",
    "number/70",
    "number/80",
    "number/90",
];
const HUNDREDS: [&str; 9] = [
    "number/100",
    "number/200",
    "number/300",
    "number/400",
    "number/500",
    "number/600",
    "number/700",
    "number/800",
    "number/900",
];
/// "Einund" to "neunund".
const ONES_AND: [&str; 9] = [
    "number/1-and",
    "number/2-and",
    "number/3-and",
    "number/4-and",
    "number/5-and",
    "number/6-and",
    "number/7-and",
    "number/8-and",
    "number/9-and",
];
/// "Bist-o" to "navad-o".
const TENS_AND: [&str; 8] = [
    "number/20-and",
    "number/30-and",
    "number/40-and",
    "number/50-and",
    "number/60-and",
    "number/70-and",
    "number/80-and",
    "number/90-and",
];
/// "Sad-o" to "nohsad-o".
const HUNDREDS_AND: [&str; 9] = [
    "number/100-and",
    "number/200-and",
    "number/300-and",
    "number/400-and",
    "number/500-and",
    "number/600-and",
    "number/700-and",
    "number/800-and",
    "number/900-and",
];
const THOUSAND: &str = "number/thousand";
const THOUSAND_AND: &str = "number/thousand-and";

/// The sound of a digit.
pub(super) fn digit(digit: char) -> Option<&'static str> {
    match digit {
        '*' => Some("digits/star"),
        '#' => Some("digits/hash"),
        _ => pick(&DIGITS, digit.to_digit(10)?),
    }
}

/// The words of a number.
pub(super) fn cardinal(grammar: &Grammar, number: u32, one: One) -> Vec<&'static str> {
    let mut words = Vec::new();
    if number > 999_999 {
        words.extend(number.to_string().chars().filter_map(digit));
        return words;
    }
    let (thousands, rest) = (number / 1_000, number % 1_000);
    match thousands {
        0 => {}
        1 => words.extend_from_slice(grammar.one_thousand),
        _ => {
            below_thousand(grammar, thousands, One::Base, &mut words);
            words.push(THOUSAND);
        }
    }
    if rest == 0 && thousands > 0 {
        return words;
    }
    if let Some(last) = words.last_mut().filter(|_| grammar.order == Order::Joined) {
        *last = THOUSAND_AND;
    }
    below_thousand(grammar, rest, one, &mut words);
    words
}

fn below_thousand(grammar: &Grammar, number: u32, one: One, words: &mut Vec<&'static str>) {
    let (hundreds, rest) = (number / 100, number % 100);
    if hundreds > 0 {
        let joined = grammar.order == Order::Joined && rest > 0;
        words.extend(pick(if joined { &HUNDREDS_AND } else { &HUNDREDS }, hundreds - 1));
    }
    if rest > 0 || hundreds == 0 {
        below_hundred(grammar, rest, one, words);
    }
}

fn below_hundred(grammar: &Grammar, number: u32, one: One, words: &mut Vec<&'static str>) {
    let (tens, ones) = (number / 10, number % 10);
    match (tens, ones, grammar.order) {
        (0, 1, _) => words.push(match one {
            One::Alone => "digits/1",
            One::Noun => grammar.feminine_one,
            One::Base => grammar.base_one,
        }),
        (0, _, _) => words.extend(pick(&DIGITS, ones)),
        (1, _, _) => words.extend(pick(&TEENS, ones)),
        (_, 0, _) => words.extend(pick(&TENS, tens - 2)),
        (_, _, Order::Plain) => words.extend(pick(&TENS, tens - 2).into_iter().chain(pick(&DIGITS, ones))),
        (_, _, Order::OnesFirst) => words.extend(pick(&ONES_AND, ones - 1).into_iter().chain(pick(&TENS, tens - 2))),
        (_, _, Order::Joined) => words.extend(pick(&TENS_AND, tens - 2).into_iter().chain(pick(&DIGITS, ones))),
    }
}

/// So many of something.
pub(super) fn measure(grammar: &Grammar, number: u32, unit: Unit) -> Vec<&'static str> {
    let mut words = cardinal(grammar, number, One::Noun);
    let [second, minute, hour] = grammar.nouns;
    let (singular, plural) = match unit {
        Unit::Second => second,
        Unit::Minute => minute,
        Unit::Hour => hour,
    };
    words.push(if number == 1 { singular } else { plural });
    words
}

/// A time of day.
pub(super) fn clock(language: Language, hour: u8, minute: u8) -> Vec<&'static str> {
    let (hour, minute) = (u32::from(hour), u32::from(minute));
    let grammar = Grammar::of(language);
    match language {
        // "Three p m", "three oh five p m", "twelve thirty a m".
        Language::En => {
            let mut words = cardinal(grammar, (hour + 11) % 12 + 1, One::Alone);
            words.extend((1..10).contains(&minute).then_some("oh"));
            if minute > 0 {
                words.extend(cardinal(grammar, minute, One::Alone));
            }
            words.push(if hour < 12 { "a-m" } else { "p-m" });
            words
        }
        // "Ein Uhr", "fünfzehn Uhr fünf".
        Language::De => {
            let mut words = cardinal(grammar, hour, One::Base);
            words.push("o-clock");
            if minute > 0 {
                words.extend(cardinal(grammar, minute, One::Alone));
            }
            words
        }
        // "Sâ'at-e pânzdah", "sâ'at-e pânzdah o panj daghighe".
        Language::Fa => {
            let mut words = vec!["o-clock"];
            words.extend(cardinal(grammar, hour, One::Alone));
            if minute > 0 {
                words.push(AND);
                words.extend(measure(grammar, minute, Unit::Minute));
            }
            words
        }
    }
}

/// All words that numbers, measures and times of day are made of.
pub(super) fn words(grammar: &Grammar) -> Vec<&'static str> {
    let mut words: Vec<&str> = DIGITS
        .iter()
        .chain(&TEENS)
        .chain(&TENS)
        .chain(&HUNDREDS)
        .copied()
        .collect();
    words.extend(["digits/star", "digits/hash", THOUSAND, AND]);
    match grammar.order {
        Order::Plain => {}
        Order::OnesFirst => words.extend(ONES_AND),
        Order::Joined => words.extend(TENS_AND.iter().chain(&HUNDREDS_AND).chain(&[THOUSAND_AND])),
    }
    let others = [grammar.base_one, grammar.feminine_one];
    words.extend(others.into_iter().filter(|one| !DIGITS.contains(one)));
    for (singular, plural) in grammar.nouns {
        words.push(singular);
        words.extend((plural != singular).then_some(plural));
    }
    words.extend(grammar.clock);
    words.extend(grammar.verb_at_end);
    words
}

fn pick(words: &[&'static str], at: u32) -> Option<&'static str> {
    words.get(usize::try_from(at).ok()?).copied()
}
