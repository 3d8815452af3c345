//! Values that are written as text.

use std::fmt::Display;
use std::str::FromStr;

use acd::Channel;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// What can be read from a text.
#[derive(Debug)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A length of time.
#[derive(Debug)]
pub(super) struct Time(pub(super) std::time::Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        sim::centre::parse_duration(&String::deserialize(from)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// A channel by name.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind(pub(super) Channel);

const CHANNEL: &str = "expected voice, chat or email";

fn channel(name: &str) -> Option<Channel> {
    match name {
        "voice" => Some(Channel::VOICE),
        "chat" => Some(Channel::CHAT),
        "email" => Some(Channel::EMAIL),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        channel(&String::deserialize(from)?)
            .map(Self)
            .ok_or_else(|| D::Error::custom(CHANNEL))
    }
}
