use super::*;
use std::collections::BTreeSet;

/// What is said, word by word, with the sounds as they are spoken.
fn spoken(items: &[PromptItem]) -> String {
    let words: Vec<&str> = items
        .iter()
        .map(|item| match item {
            PromptItem::Sound(name) => word(name),
            PromptItem::Digits(_) | PromptItem::Silence(_) => unreachable!("{item:?}"),
        })
        .collect();
    words.join(" ")
}

/// What the recordings say, written by hand, in English, German and Persian.
const WORDS: &[(&str, &str, &str, &str)] = &[
    ("digits/0", "zero", "null", "sefr"),
    ("digits/1", "one", "eins", "yek"),
    ("digits/2", "two", "zwei", "do"),
    ("digits/3", "three", "drei", "se"),
    ("digits/4", "four", "vier", "chahar"),
    ("digits/5", "five", "fünf", "panj"),
    ("digits/6", "six", "sechs", "shesh"),
    ("digits/7", "seven", "sieben", "haft"),
    ("digits/8", "eight", "acht", "hasht"),
    ("digits/9", "nine", "neun", "noh"),
    ("digits/star", "star", "Stern", "setare"),
    ("digits/hash", "hash", "Raute", "morabba"),
    ("number/10", "ten", "zehn", "dah"),
    ("number/11", "eleven", "elf", "yazdah"),
    ("number/12", "twelve", "zwölf", "davazdah"),
    ("number/13", "thirteen", "dreizehn", "sizdah"),
    ("number/15", "fifteen", "fünfzehn", "panzdah"),
    ("number/17", "seventeen", "siebzehn", "hefdah"),
    ("number/19", "nineteen", "neunzehn", "nuzdah"),
    ("number/20", "twenty", "zwanzig", "bist"),
    ("number/30", "thirty", "dreißig", "si"),
    ("number/40", "forty", "vierzig", "chehel"),
    ("number/50", "fifty", "fünfzig", "panjah"),
    ("number/60", "sixty", "sechzig", "shast"),
    ("number/70", "seventy", "siebzig", "haftad"),
    ("number/80", "eighty", "achtzig", "hashtad"),
    ("number/90", "ninety", "neunzig", "navad"),
    ("number/100", "one-hundred", "einhundert", "sad"),
    ("number/200", "two-hundred", "zweihundert", "devist"),
    ("number/300", "three-hundred", "dreihundert", "sisad"),
    ("number/500", "five-hundred", "fünfhundert", "pansad"),
    ("number/900", "nine-hundred", "neunhundert", "nohsad"),
    ("number/thousand", "thousand", "tausend", "hezar"),
    ("number/thousand-and", "", "", "hezar-o"),
    ("number/1-and", "", "einund", ""),
    ("number/2-and", "", "zweiund", ""),
    ("number/4-and", "", "vierund", ""),
    ("number/7-and", "", "siebenund", ""),
    ("number/9-and", "", "neunund", ""),
    ("number/1-base", "", "ein", ""),
    ("number/1-f", "", "eine", ""),
    ("number/20-and", "", "", "bist-o"),
    ("number/30-and", "", "", "si-o"),
    ("number/40-and", "", "", "chehel-o"),
    ("number/90-and", "", "", "navad-o"),
    ("number/100-and", "", "", "sad-o"),
    ("number/200-and", "", "", "devist-o"),
    ("number/300-and", "", "", "sisad-o"),
    ("number/900-and", "", "", "nohsad-o"),
    ("and", "and", "und", "o"),
    ("second", "second", "Sekunde", "sanie"),
    ("seconds", "seconds", "Sekunden", ""),
    ("minute", "minute", "Minute", "daghighe"),
    ("minutes", "minutes", "Minuten", ""),
    ("hour", "hour", "Stunde", "sa'at"),
    ("hours", "hours", "Stunden", ""),
    ("oh", "oh", "", ""),
    ("a-m", "a.m.", "", ""),
    ("p-m", "p.m.", "", ""),
    ("o-clock", "", "Uhr", "sa'at-e"),
    ("is", "", "", "ast"),
    ("about", "about", "etwa", "hodud-e"),
    ("expected-wait", "you-wait", "Wartezeit", "entezar"),
    (
        "less-than-a-minute",
        "less-than-a-minute",
        "weniger-als-eine-Minute",
        "kamtar-az-yek-daghighe",
    ),
    (
        "more-than-an-hour",
        "more-than-an-hour",
        "mehr-als-eine-Stunde",
        "bish-az-yek-sa'at",
    ),
    (
        "you-are-next",
        "you-are-next",
        "Sie-sind-der-Nächste",
        "shoma-nafar-e-ba'di-hastid",
    ),
    ("you-are-number", "you-are-number", "Sie-sind-Nummer", "shoma-nafar-e"),
    ("in-the-queue", "in-the-queue", "in-der-Warteschlange", "dar-saf-hastid"),
];

fn word(name: &str) -> &'static str {
    let (language, name) = name.split_once('/').unwrap();
    let found = WORDS.iter().find(|(known, ..)| *known == name);
    let (_, en, de, fa) = found.unwrap_or_else(|| unreachable!("{name}"));
    let word = match language {
        "en" => en,
        "de" => de,
        _ => fa,
    };
    assert!(!word.is_empty(), "{name} is not said in {language}");
    word
}

fn number(language: Language, number: u32) -> String {
    spoken(&cardinal(language, number))
}

#[test]
fn numbers_in_english() {
    let table = [
        (0, "zero"),
        (1, "one"),
        (9, "nine"),
        (10, "ten"),
        (12, "twelve"),
        (19, "nineteen"),
        (20, "twenty"),
        (21, "twenty one"),
        (99, "ninety nine"),
        (100, "one-hundred"),
        (101, "one-hundred one"),
        (115, "one-hundred fifteen"),
        (342, "three-hundred forty two"),
        (1_000, "one thousand"),
        (1_001, "one thousand one"),
        (2_017, "two thousand seventeen"),
        (9_999, "nine thousand nine-hundred ninety nine"),
        (21_000, "twenty one thousand"),
        (100_500, "one-hundred thousand five-hundred"),
        (999_999, "nine-hundred ninety nine thousand nine-hundred ninety nine"),
        (1_000_000, "one zero zero zero zero zero zero"),
    ];
    for (value, words) in table {
        assert_eq!(number(Language::En, value), words);
    }
}

#[test]
fn numbers_in_german() {
    let table = [
        (0, "null"),
        (1, "eins"),
        (10, "zehn"),
        (12, "zwölf"),
        (17, "siebzehn"),
        (20, "zwanzig"),
        (21, "einund zwanzig"),
        (30, "dreißig"),
        (42, "zweiund vierzig"),
        (77, "siebenund siebzig"),
        (99, "neunund neunzig"),
        (100, "einhundert"),
        (101, "einhundert eins"),
        (121, "einhundert einund zwanzig"),
        (212, "zweihundert zwölf"),
        (1_000, "ein tausend"),
        (1_001, "ein tausend eins"),
        (1_984, "ein tausend neunhundert vierund achtzig"),
        (2_000, "zwei tausend"),
        (9_999, "neun tausend neunhundert neunund neunzig"),
        (21_000, "einund zwanzig tausend"),
        (101_000, "einhundert ein tausend"),
    ];
    for (value, words) in table {
        assert_eq!(number(Language::De, value), words);
    }
}

#[test]
fn numbers_in_persian() {
    let table = [
        (0, "sefr"),
        (1, "yek"),
        (11, "yazdah"),
        (17, "hefdah"),
        (20, "bist"),
        (21, "bist-o yek"),
        (30, "si"),
        (35, "si-o panj"),
        (99, "navad-o noh"),
        (100, "sad"),
        (101, "sad-o yek"),
        (120, "sad-o bist"),
        (121, "sad-o bist-o yek"),
        (215, "devist-o panzdah"),
        (300, "sisad"),
        (1_000, "hezar"),
        (1_001, "hezar-o yek"),
        (1_100, "hezar-o sad"),
        (2_000, "do hezar"),
        (2_345, "do hezar-o sisad-o chehel-o panj"),
        (9_999, "noh hezar-o nohsad-o navad-o noh"),
        (21_000, "bist-o yek hezar"),
    ];
    for (value, words) in table {
        assert_eq!(number(Language::Fa, value), words);
    }
}

/// A language's words read back as the number that they say, by rules of their own: values of words are added, a thousand multiplies what
/// came before.
fn value(items: &[PromptItem]) -> u32 {
    let (mut sum, mut thousands) = (0, 0);
    for item in items {
        let PromptItem::Sound(name) = item else {
            unreachable!("{item:?}")
        };
        let word = name.rsplit('/').next().unwrap();
        if word.starts_with("thousand") {
            thousands = if sum == 0 { 1_000 } else { sum * 1_000 };
            sum = 0;
        } else {
            sum += word.split('-').next().unwrap().parse::<u32>().unwrap();
        }
    }
    thousands + sum
}

#[test]
fn every_number_says_its_value_with_sounds_that_there_are_and_no_two_are_alike() {
    for language in Language::ALL {
        let known: BTreeSet<String> = names(language)
            .iter()
            .map(|name| format!("{}/{name}", language.code()))
            .collect();
        let mut said = BTreeSet::new();
        for number in (0..=9_999).chain((10_000..1_000_000).step_by(37)) {
            let items = cardinal(language, number);
            assert_eq!(value(&items), number, "{items:?}");
            assert!(items.len() <= 8);
            let text: Vec<String> = items
                .iter()
                .map(|item| match item {
                    PromptItem::Sound(name) => name.clone(),
                    PromptItem::Digits(_) | PromptItem::Silence(_) => unreachable!("{item:?}"),
                })
                .collect();
            assert!(text.iter().all(|name| known.contains(name)), "{text:?}");
            // A word that has a conjunction is never the last.
            assert!(!text.last().unwrap().ends_with("-and"), "{text:?}");
            assert!(said.insert(text), "{number} in {language:?}");
        }
    }
}

#[test]
fn places_in_a_queue() {
    let say = |language, place| spoken(&position(language, place));
    for (language, next, five) in [
        (Language::En, "you-are-next", "you-are-number five in-the-queue"),
        (
            Language::De,
            "Sie-sind-der-Nächste",
            "Sie-sind-Nummer fünf in-der-Warteschlange",
        ),
        (
            Language::Fa,
            "shoma-nafar-e-ba'di-hastid",
            "shoma-nafar-e panj dar-saf-hastid",
        ),
    ] {
        assert_eq!([0, 1, 5].map(|place| say(language, place)), [next, next, five]);
    }
}

#[test]
fn expected_waits_are_rounded() {
    let say = |language, seconds| spoken(&expected_wait(language, Duration::from_secs(seconds)));
    assert_eq!(say(Language::En, 59), "you-wait less-than-a-minute");
    assert_eq!(say(Language::En, 60), "you-wait about one minute");
    assert_eq!(say(Language::De, 60), "Wartezeit etwa eine Minute");
    assert_eq!(say(Language::De, 121), "Wartezeit etwa zwei Minuten");
    assert_eq!(say(Language::Fa, 10), "entezar kamtar-az-yek-daghighe ast");
    assert_eq!(say(Language::Fa, 180), "entezar hodud-e se daghighe ast");
    assert_eq!(say(Language::En, 7_200), "you-wait more-than-an-hour");
    let minutes = [89, 90, 629, 630, 749, 750, 3_449, 3_450, 3_749, 3_750, u64::MAX].map(rounded_minutes);
    assert_eq!(minutes, [1, 2, 10, 10, 10, 15, 55, 60, 60, 61, 61]);
}

#[test]
fn durations() {
    let say = |language, seconds| spoken(&duration(language, Duration::from_secs(seconds)));
    assert_eq!(say(Language::En, 0), "zero seconds");
    assert_eq!(say(Language::En, 3_661), "one hour one minute and one second");
    assert_eq!(say(Language::En, 125), "two minutes and five seconds");
    assert_eq!(say(Language::De, 3_661), "eine Stunde eine Minute und eine Sekunde");
    assert_eq!(say(Language::De, 42), "zweiund vierzig Sekunden");
    assert_eq!(say(Language::Fa, 7_325), "do sa'at o do daghighe o panj sanie");
    assert!(duration(Language::De, Duration::MAX).len() < 20);
}

#[test]
fn times_of_day() {
    let say = |language, hour, minute| spoken(&time_of_day(language, hour, minute));
    for (hour, minute, en, de, fa) in [
        (0, 0, "twelve a.m.", "null Uhr", "sa'at-e sefr"),
        (1, 0, "one a.m.", "ein Uhr", "sa'at-e yek"),
        (
            12,
            30,
            "twelve thirty p.m.",
            "zwölf Uhr dreißig",
            "sa'at-e davazdah o si daghighe",
        ),
        (
            15,
            5,
            "three oh five p.m.",
            "fünfzehn Uhr fünf",
            "sa'at-e panzdah o panj daghighe",
        ),
        (
            21,
            1,
            "nine oh one p.m.",
            "einund zwanzig Uhr eins",
            "sa'at-e bist-o yek o yek daghighe",
        ),
        (24, 60, "twelve a.m.", "null Uhr", "sa'at-e sefr"),
    ] {
        assert_eq!(
            [Language::En, Language::De, Language::Fa].map(|language| say(language, hour, minute)),
            [en, de, fa]
        );
    }
}

#[test]
fn digits_one_by_one() {
    assert_eq!(
        spoken(&digits(Language::De, "0 7-1*#x")),
        "null sieben eins Stern Raute"
    );
    assert_eq!(digits(Language::En, ""), []);
}

#[test]
fn codes_and_names() {
    assert_eq!(
        ["de", "FA", "en_US", "de-AT", "fr", ""].map(Language::from_code),
        [
            Some(Language::De),
            Some(Language::Fa),
            Some(Language::En),
            Some(Language::De),
            None,
            None
        ]
    );
    for language in Language::ALL {
        let names = names(language);
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "no name twice"
        );
    }
}
