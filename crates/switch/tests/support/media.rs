//! The media engine's side, as far as the switch's commands tell.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

use std::collections::BTreeMap;

use rtp_media::mixer::Role;
use rtp_media::{Command, ConferenceId, MemberSettings, PlayId, Source, StreamConfig, StreamId};

/// What every stream does, by the switch's commands; a command that changes nothing, or comes too late, is a fault.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) playing: BTreeMap<StreamId, (PlayId, Source)>,
    pub(crate) bridges: BTreeMap<StreamId, StreamId>,
    pub(crate) conferences: BTreeMap<ConferenceId, BTreeMap<StreamId, MemberSettings>>,
    /// What is played to all members.
    pub(crate) announced: Vec<(ConferenceId, Source)>,
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

    pub(crate) fn conference_of(&self, stream: StreamId) -> Option<ConferenceId> {
        let mut all = self.conferences.iter();
        all.find(|(_, members)| members.contains_key(&stream))
            .map(|(id, _)| *id)
    }

    /// In what role a stream is in its conference.
    pub(crate) fn role(&self, stream: StreamId) -> Option<Role<StreamId>> {
        Some(self.conferences.get(&self.conference_of(stream)?)?.get(&stream)?.role)
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
                assert!(
                    self.conference_of(*stream).is_none(),
                    "closed in its conference: {command:?}"
                );
                self.open.remove(stream);
                self.playing.remove(stream);
            }
            Command::Bridge { a, b } => {
                open(a);
                open(b);
                for members in self.conferences.values_mut() {
                    members.retain(|member, _| member != a && member != b);
                }
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
            other => self.take_conference(other),
        }
    }

    fn take_conference(&mut self, command: &Command) {
        match command {
            Command::OpenConference { conference, .. } => {
                assert!(
                    self.conferences.insert(*conference, BTreeMap::new()).is_none(),
                    "{command:?}"
                );
            }
            Command::Join {
                conference,
                stream,
                settings,
            } => {
                assert!(self.open.contains_key(stream), "not open: {command:?}");
                if let Some(other) = self.bridges.remove(stream) {
                    self.bridges.remove(&other);
                }
                assert!(self.conference_of(*stream).is_none(), "{command:?}");
                let members = self.conferences.get_mut(conference).expect("an open conference");
                members.insert(*stream, *settings);
            }
            Command::SetMember { stream, settings } => {
                let conference = self.conference_of(*stream).expect("a member");
                let before = self
                    .conferences
                    .get_mut(&conference)
                    .unwrap()
                    .insert(*stream, *settings);
                assert_ne!(before, Some(*settings), "the same again: {command:?}");
            }
            Command::PlayToConference { conference, source, .. } => {
                assert!(self.conferences.contains_key(conference), "{command:?}");
                self.announced.push((*conference, source.clone()));
            }
            Command::CloseConference { conference } => {
                assert!(self.conferences.remove(conference).is_some(), "{command:?}");
            }
            other => panic!("{other:?}"),
        }
    }
}
