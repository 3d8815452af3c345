//! The media engine's side, as far as the switch's commands tell.
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a failed test is a panic")]

use std::collections::BTreeMap;

use rtp_media::{Command, PlayId, Source, StreamConfig, StreamId};

/// What every stream does, by the switch's commands; a command that changes nothing, or comes too late, is a fault.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) playing: BTreeMap<StreamId, (PlayId, Source)>,
    pub(crate) bridges: BTreeMap<StreamId, StreamId>,
    open: BTreeMap<StreamId, StreamConfig>,
}

impl Media {
    /// The announcements under way.
    pub(crate) fn prompts(&self) -> impl Iterator<Item = (StreamId, PlayId)> + '_ {
        self.playing.iter().filter_map(|(stream, (play, source))| match source {
            Source::Prompt(_) => Some((*stream, *play)),
            _ => None,
        })
    }

    /// The streams whose silence is told.
    pub(crate) fn watched(&self) -> Vec<StreamId> {
        let watched = self.open.iter().filter(|(_, config)| config.silence_timeout.is_some());
        watched.map(|(stream, _)| *stream).collect()
    }

    pub(super) fn take(&mut self, command: &Command) {
        let open = |stream: &StreamId| assert!(self.open.contains_key(stream), "not open: {command:?}");
        match command {
            Command::Open { stream, config } => {
                assert!(self.open.insert(*stream, *config).is_none(), "{command:?}");
            }
            Command::Update { stream, config } => {
                open(stream);
                self.open.insert(*stream, *config);
            }
            Command::Close { stream } => {
                open(stream);
                assert!(!self.bridges.contains_key(stream), "closed in its bridge: {command:?}");
                self.open.remove(stream);
                self.playing.remove(stream);
            }
            Command::Bridge { a, b } => {
                open(a);
                open(b);
                assert!(self.bridges.insert(*a, *b).is_none(), "{command:?}");
                assert!(self.bridges.insert(*b, *a).is_none(), "{command:?}");
            }
            Command::Unbridge { stream } => {
                let other = self.bridges.remove(stream).expect("a bridge");
                assert_eq!(self.bridges.remove(&other), Some(*stream));
            }
            Command::Play {
                stream, play, source, ..
            } => {
                open(stream);
                let before = self.playing.insert(*stream, (*play, source.clone()));
                let again = before.is_some_and(|(_, before)| before == *source);
                assert!(!again, "the same again: {command:?}");
            }
            Command::Stop { stream } => {
                assert!(self.playing.remove(stream).is_some(), "nothing to stop: {command:?}");
            }
            Command::SendDigits { stream, .. } => open(stream),
            other => panic!("{other:?}"),
        }
    }
}
