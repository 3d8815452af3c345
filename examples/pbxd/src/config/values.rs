//! The values a configuration file is made of, each with its own idea of what is right.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::{Deserializer, Error, Unexpected, Visitor};

/// A value that is written as a string.
pub(crate) trait Text: Sized {
    /// What to write there, for the error message.
    const EXPECTED: &'static str;
    /// Reads it; `None` if it is not what was expected.
    fn read(text: &str) -> Option<Self>;
}

struct TextVisitor<T>(std::marker::PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        T::read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// Reads a value that is written as a string.
pub(crate) fn deserialize_text<'de, T: Text, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(TextVisitor(std::marker::PhantomData))
}

macro_rules! deserialize_as_text {
    ($($name:ty),*) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::values::deserialize_text(deserializer)
            }
        }
    )*};
}
pub(crate) use deserialize_as_text;

deserialize_as_text!(
    Interval, Ports, Slots, Number, Domain, Address, Ip, Choice, RecallTo, Digest, Level, Plain, Password, Pin, Source,
    Mode, Otherwise
);

/// A length of time: a whole number and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Duration);

impl Text for Interval {
    const EXPECTED: &'static str = "a time such as \"500ms\", \"45s\", \"2m\" or \"1h\"";

    fn read(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().ok()?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        number
            .checked_mul(millis)
            .map(|millis| Self(Duration::from_millis(millis)))
    }
}

/// UDP ports from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ports(pub(crate) RangeInclusive<u16>);

impl Text for Ports {
    const EXPECTED: &'static str = "ports from 1 to 65535, the lower first, such as \"20000-21999\"";

    fn read(text: &str) -> Option<Self> {
        let (first, last) = range(text)?;
        let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
        (first > 0).then_some(Self(first..=last))
    }
}

/// Slot numbers from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slots(pub(crate) RangeInclusive<u32>);

impl Text for Slots {
    const EXPECTED: &'static str = "slot numbers, the lower first, such as \"701-720\"";

    fn read(text: &str) -> Option<Self> {
        range(text).map(|(first, last)| Self(first..=last))
    }
}

/// Two numbers with a hyphen between them. Leading zeros are refused: they would be lost, and 0701 is dialled otherwise than 701.
fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// Something that can be dialled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) String);

impl Text for Number {
    const EXPECTED: &'static str = "a number that can be dialled: 1 to 20 of the digits 0-9, * and #";

    fn read(text: &str) -> Option<Self> {
        let dialled = |b: u8| b.is_ascii_digit() || b == b'*' || b == b'#';
        ((1..=20).contains(&text.len()) && text.bytes().all(dialled)).then(|| Self(text.to_owned()))
    }
}

/// The name of a SIP domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain(pub(crate) String);

impl Text for Domain {
    const EXPECTED: &'static str = "a host name or an IP address, such as \"pbx.example.com\"";

    fn read(text: &str) -> Option<Self> {
        let label = |label: &str| {
            !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let name = text.len() <= 253 && text.split('.').all(label);
        (name || text.parse::<std::net::IpAddr>().is_ok()).then(|| Self(text.to_owned()))
    }
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) std::net::SocketAddr);

impl Text for Address {
    const EXPECTED: &'static str =
        "one of this host's addresses with a port, such as \"192.0.2.1:5060\" (not 0.0.0.0: phones are told it)";

    fn read(text: &str) -> Option<Self> {
        let address: std::net::SocketAddr = text.parse().ok()?;
        (!address.ip().is_unspecified() && !address.ip().is_multicast()).then_some(Self(address))
    }
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source(pub(crate) sip_core::guard::Prefix);

impl Text for Source {
    const EXPECTED: &'static str = "an address or a network, such as \"192.0.2.7\" or \"192.0.2.0/24\"";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// An address that phones send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ip(pub(crate) std::net::IpAddr);

impl Text for Ip {
    const EXPECTED: &'static str =
        "one of this host's IP addresses, such as \"192.0.2.1\" (not 0.0.0.0: phones are told it)";

    fn read(text: &str) -> Option<Self> {
        let address: std::net::IpAddr = text.parse().ok()?;
        (!address.is_unspecified() && !address.is_multicast()).then_some(Self(address))
    }
}

/// Which free slot a call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice(pub(crate) park::Choice);

impl Text for Choice {
    const EXPECTED: &'static str = "\"first\", \"next\" or \"random\"";

    fn read(text: &str) -> Option<Self> {
        match text {
            "first" => Some(Self(park::Choice::First)),
            "next" => Some(Self(park::Choice::Next)),
            "random" => Some(Self(park::Choice::Random)),
            _ => None,
        }
    }
}

/// An algorithm of digest authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(pub(crate) sip_core::auth::Algorithm);

impl Text for Digest {
    const EXPECTED: &'static str = "\"MD5\", \"SHA-256\" or \"SHA-512-256\"";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// Whom a recall rings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RecallTo {
    Parker,
    Number(Number),
}

impl Text for RecallTo {
    const EXPECTED: &'static str = "\"parker\" or the number of an extension, a group or a queue";

    fn read(text: &str) -> Option<Self> {
        if text == "parker" {
            Some(Self::Parker)
        } else {
            Number::read(text).map(Self::Number)
        }
    }
}

/// The order in which a group's members are rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) switch::Mode);

impl Text for Mode {
    const EXPECTED: &'static str = "\"simultaneous\", \"sequential\" or \"circular\"";

    fn read(text: &str) -> Option<Self> {
        match text {
            "simultaneous" => Some(Self(switch::Mode::Simultaneous)),
            "sequential" => Some(Self(switch::Mode::Sequential)),
            "circular" => Some(Self(switch::Mode::Circular)),
            _ => None,
        }
    }
}

/// What follows if nobody of a group answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Otherwise {
    Number(Number),
    Status(u16),
    Play(Plain),
}

impl Text for Otherwise {
    const EXPECTED: &'static str = "the number of an extension, a group or a queue, \"busy\", \"unavailable\", \"declined\", or \"play NAME\" with the name of a sound";

    fn read(text: &str) -> Option<Self> {
        match text {
            "busy" => Some(Self::Status(486)),
            "unavailable" => Some(Self::Status(480)),
            "declined" => Some(Self::Status(603)),
            _ => match text.strip_prefix("play ") {
                Some(name) => Plain::read(name.trim()).map(Self::Play),
                None => Number::read(text).map(Self::Number),
            },
        }
    }
}

/// How much is logged: a level, or levels by target.
#[derive(Debug, Clone)]
pub(crate) struct Level(pub(crate) tracing_subscriber::filter::Targets);

impl Text for Level {
    const EXPECTED: &'static str =
        "\"error\", \"warn\", \"info\", \"debug\", \"trace\" or \"off\", also by part: \"info,sip=debug\"";

    fn read(text: &str) -> Option<Self> {
        // A word that is no level would be taken for the name of a part that is to be logged in full.
        let known = |part: &str| part.contains('=') || part.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        let plain = text
            .split(',')
            .all(|part| known(part.trim()) && !part.trim().is_empty());
        plain.then(|| text.parse().ok()).flatten().map(Self)
    }
}

/// A name: something that can be shown on a telephone's display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain(pub(crate) String);

impl Text for Plain {
    const EXPECTED: &'static str = "a name of 1 to 100 bytes without control characters";

    fn read(text: &str) -> Option<Self> {
        ((1..=100).contains(&text.len()) && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }
}

/// A password. It is never printed, not even in the message that refuses it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(pub(crate) String);

impl Text for Password {
    const EXPECTED: &'static str = "a password of 1 to 128 bytes without control characters";

    fn read(text: &str) -> Option<Self> {
        ((1..=128).contains(&text.len()) && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }
}

/// An agent's PIN. It is never printed, not even in the message that refuses it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) String);

impl Text for Pin {
    const EXPECTED: &'static str = "a PIN of 1 to 20 digits";

    fn read(text: &str) -> Option<Self> {
        ((1..=20).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit()))
            .then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_unit() {
        let read = |text| Interval::read(text).map(|interval| interval.0);
        assert_eq!(read("45s"), Some(Duration::from_secs(45)));
        assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(read("2m"), Some(Duration::from_secs(120)));
        assert_eq!(read("1h"), Some(Duration::from_secs(3600)));
        for wrong in [
            "",
            "45",
            "s",
            "-1s",
            "1.5s",
            "45 s",
            "99999999999999999999s",
            "18446744073709551615h",
            "1d",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ranges_are_in_order_and_within_bounds() {
        assert_eq!(Ports::read("20000-21999"), Some(Ports(20000..=21999)));
        for wrong in ["", "20000", "21999-20000", "0-10", "1-65536", "a-b", "1-2-3", "+1-2"] {
            assert_eq!(Ports::read(wrong), None, "{wrong}");
        }
        assert_eq!(Slots::read("701-701"), Some(Slots(701..=701)));
        for wrong in ["0701-0720", "701-4294967296", "720-701", "701 720"] {
            assert_eq!(Slots::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_that_phones_cannot_reach_are_refused() {
        assert!(Address::read("127.0.0.1:5060").is_some() && Address::read("[::1]:5060").is_some());
        for wrong in [
            "0.0.0.0:5060",
            "[::]:5060",
            "224.0.0.1:5060",
            "127.0.0.1",
            "localhost:5060",
        ] {
            assert_eq!(Address::read(wrong), None, "{wrong}");
        }
        assert_eq!(Ip::read("0.0.0.0"), None);
    }

    #[test]
    fn names_and_numbers_have_bounds() {
        assert!(Number::read("*68#").is_some() && Number::read(&"1".repeat(20)).is_some());
        assert!(Number::read("").is_none() && Number::read(&"1".repeat(21)).is_none() && Number::read("12a").is_none());
        assert!(Plain::read("Zoë").is_some() && Plain::read("a\nb").is_none() && Plain::read("").is_none());
        assert!(Plain::read(&"x".repeat(100)).is_some() && Plain::read(&"x".repeat(101)).is_none());
        assert!(Domain::read("pbx.test").is_some() && Domain::read("::1").is_some());
        assert!(Domain::read("pbx..test").is_none() && Domain::read("a b").is_none() && Domain::read("").is_none());
    }

    #[test]
    fn what_follows_an_unanswered_group_is_a_number_a_refusal_or_a_sound() {
        let number = |text: &str| Some(Otherwise::Number(Number(text.to_owned())));
        assert_eq!(Otherwise::read("1001"), number("1001"));
        assert_eq!(Otherwise::read("busy"), Some(Otherwise::Status(486)));
        assert_eq!(
            Otherwise::read("play closed"),
            Some(Otherwise::Play(Plain("closed".to_owned())))
        );
        for wrong in ["", "play", "play ", "hang up", "486 "] {
            assert_eq!(Otherwise::read(wrong), None, "{wrong:?}");
        }
        assert!(Mode::read("circular").is_some() && Mode::read("Circular").is_none());
    }

    #[test]
    fn a_level_is_known_by_its_name() {
        assert!(Level::read("info").is_some() && Level::read("info,sip=debug").is_some());
        assert!(Level::read("loud").is_none() && Level::read("sip=loud").is_none() && Level::read("").is_none());
    }
}
