//! Conferences: streams that are mixed, every 20 ms.

mod tick;

use core::hash::BuildHasherDefault;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use machine::Time;
use slotmap::{SlotMap, new_key_type};

use super::Engine;
use super::command::{CommandError, ConferenceId, MemberSettings, PlayId, Source, StreamId};
use super::config::ConferenceConfig;
use super::output::{Event, Stats};
use super::playback::Playback;
use super::playout::{Held, Playout};
use super::relay::Passing;
use super::stream::{IdHasher, Key};
use crate::codec::CodecKind;
use crate::mixer::{MAX_PARTIES, Mixer, MixerConfig, PartyId, Role, Settings};
use crate::resample::Rate;

/// Between two ticks.
const TICK: Duration = Duration::from_millis(20);

new_key_type! {
    /// Where a conference is kept; stale once it is closed.
    pub(super) struct ConferenceKey;
}

/// A stream's part in a conference.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Member {
    conference: ConferenceKey,
    party: PartyId,
    settings: MemberSettings,
    playout: Playout,
    sending: tick::Packets,
}

impl Member {
    /// Takes a packet that the stream received.
    pub(super) fn hear(&mut self, packet: &Passing<'_>, codec: CodecKind, stats: &mut Stats) {
        let before = self.playout.late;
        self.playout.push(packet, codec);
        stats.late += self.playout.late - before;
    }
}

/// One conference.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Conference {
    id: ConferenceId,
    config: ConferenceConfig,
    mixer: Mixer,
    /// In the order in which they joined.
    members: Vec<Key>,
    /// What is played to all.
    play: Option<Play>,
    speaker: Option<StreamId>,
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Play {
    play: PlayId,
    playback: Playback,
    party: PartyId,
}

impl Conference {
    pub(super) fn members(&self) -> &[Key] {
        &self.members
    }
}

/// All conferences, and when each is due.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Conferences {
    conferences: SlotMap<ConferenceKey, Conference>,
    index: HashMap<ConferenceId, ConferenceKey, BuildHasherDefault<IdHasher>>,
    /// In order: all have the same period, so that who was served is due last.
    ticks: VecDeque<(Time, ConferenceKey)>,
}

impl Conferences {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, id: ConferenceId) -> Result<ConferenceKey, CommandError> {
        self.index.get(&id).copied().ok_or(CommandError::UnknownConference)
    }

    pub(super) fn get(&self, key: ConferenceKey) -> Option<&Conference> {
        self.conferences.get(key)
    }

    /// When the first is due.
    pub(super) fn first(&self) -> Option<Time> {
        self.ticks.front().map(|(at, _)| *at)
    }

    /// The first that is due by `now`.
    pub(super) fn due(&self, now: Time) -> Option<(Time, ConferenceKey)> {
        self.ticks.front().filter(|(at, _)| *at <= now).copied()
    }

    fn schedule(&mut self, key: ConferenceKey, at: Time) {
        let behind = self.ticks.iter().rev().take_while(|(other, _)| *other > at).count();
        self.ticks.insert(self.ticks.len() - behind, (at, key));
    }

    fn unschedule(&mut self, key: ConferenceKey) {
        self.ticks.retain(|(_, other)| *other != key);
    }
}

impl Engine {
    pub(super) fn open_conference(&mut self, id: ConferenceId, config: ConferenceConfig) -> Result<(), CommandError> {
        if self.conferences.index.contains_key(&id) {
            return Err(CommandError::DuplicateConference);
        }
        if self.conferences.len() >= self.config.limits.conferences {
            return Err(CommandError::TooManyConferences);
        }
        // One more than members: what is played to all has a part, too.
        let mixer = MixerConfig {
            parties: self.config.limits.conference_members.min(MAX_PARTIES - 1) + 1,
            ..MixerConfig::default()
        };
        let key = self.conferences.conferences.insert(Conference {
            id,
            config,
            mixer: Mixer::new(mixer),
            members: Vec::new(),
            play: None,
            speaker: None,
        });
        self.conferences.index.insert(id, key);
        Ok(())
    }

    pub(super) fn close_conference(&mut self, key: ConferenceKey) {
        self.end_conference_play(key, false);
        while let Some(member) = self
            .conferences
            .get(key)
            .and_then(|conference| conference.members.last().copied())
        {
            self.leave(member);
        }
        self.conferences.unschedule(key);
        if let Some(conference) = self.conferences.conferences.remove(key) {
            self.conferences.index.remove(&conference.id);
            let event = Event::ConferenceClosed {
                conference: conference.id,
            };
            self.outputs.push_back(event.into());
        }
    }

    pub(super) fn join(&mut self, key: Key, to: ConferenceKey, settings: MemberSettings) -> Result<(), CommandError> {
        let id = self.streams.get(key).map(|stream| stream.id);
        check(id, &settings)?;
        if self.conference_of(key) == Some(to) {
            return self.set_member(key, settings);
        }
        let limit = self.config.limits.conference_members.min(MAX_PARTIES - 1);
        let conference = self
            .conferences
            .conferences
            .get_mut(to)
            .ok_or(CommandError::UnknownConference)?;
        if conference.members.len() >= limit {
            return Err(CommandError::ConferenceFull);
        }
        let rate = self
            .streams
            .get(key)
            .map_or(Rate::default(), |stream| stream.config.codec.rate());
        let party = conference
            .mixer
            .join(rate, Settings::default())
            .map_err(|_| CommandError::ConferenceFull)?;
        self.unbridge(key);
        self.leave(key);
        if let Some(stream) = self.streams.get_mut(key) {
            stream.relay = None;
            stream.member = Some(Box::new(Member {
                conference: to,
                party,
                settings,
                playout: Playout::new(),
                sending: tick::Packets::default(),
            }));
        }
        let first = self.conferences.conferences.get_mut(to).map(|conference| {
            conference.members.push(key);
            conference.members.len() == 1 && conference.play.is_none()
        });
        if first == Some(true) {
            self.conferences.schedule(to, self.now + TICK);
        }
        self.give_roles(to);
        Ok(())
    }

    pub(super) fn set_member(&mut self, key: Key, settings: MemberSettings) -> Result<(), CommandError> {
        let Some(stream) = self.streams.get_mut(key) else {
            return Err(CommandError::UnknownStream);
        };
        let id = stream.id;
        let member = stream.member.as_mut().ok_or(CommandError::NotAMember)?;
        check(Some(id), &settings)?;
        member.settings = settings;
        let conference = member.conference;
        self.give_roles(conference);
        Ok(())
    }

    /// Takes a stream out of its conference, if it is in one; what it had said that was not played yet.
    pub(super) fn leave(&mut self, key: Key) -> Option<(u32, VecDeque<Held>)> {
        let stream = self.streams.get_mut(key)?;
        let mut member = stream.member.take()?;
        stream.relay = None;
        let conference = self.conferences.conferences.get_mut(member.conference)?;
        // It is there: parties and members come and go together.
        let _ = conference.mixer.leave(member.party);
        conference.members.retain(|other| *other != key);
        if conference.members.is_empty() && conference.play.is_none() {
            self.conferences.unschedule(member.conference);
        }
        Some(member.playout.take_rest())
    }

    pub(super) fn are_together(&self, a: Key, b: Key) -> bool {
        let conference = self.conference_of(a);
        conference.is_some() && conference == self.conference_of(b)
    }

    pub(super) fn play_to_conference(
        &mut self,
        key: ConferenceKey,
        play: PlayId,
        source: &Source,
        repeat: bool,
    ) -> Result<(), CommandError> {
        let playback = Playback::new(source, repeat, &self.library, self.config.limits.prompt_pieces)?;
        self.end_conference_play(key, false);
        let Some(conference) = self.conferences.conferences.get_mut(key) else {
            return Err(CommandError::UnknownConference);
        };
        let settings = Settings {
            deaf: true,
            ..Settings::default()
        };
        let party = conference
            .mixer
            .join(Rate::Hz8000, settings)
            .map_err(|_| CommandError::ConferenceFull)?;
        conference.play = Some(Play { play, playback, party });
        if conference.members.is_empty() {
            self.conferences.schedule(key, self.now + TICK);
        }
        Ok(())
    }

    /// Ends what is played to all, if anything is.
    pub(super) fn end_conference_play(&mut self, key: ConferenceKey, completed: bool) {
        let Some(conference) = self.conferences.conferences.get_mut(key) else {
            return;
        };
        let Some(play) = conference.play.take() else { return };
        let _ = conference.mixer.leave(play.party);
        let event = Event::ConferencePlayEnded {
            conference: conference.id,
            play: play.play,
            completed,
        };
        if conference.members.is_empty() {
            self.conferences.unschedule(key);
        }
        self.outputs.push_back(event.into());
    }

    /// Sends a key that one member pressed to the others, where the conference does that.
    pub(super) fn relay_digit(&mut self, key: Key, digit: char) {
        let member = self.streams.get(key).and_then(|stream| stream.member.as_deref());
        let speaks = |member: &&Member| member.settings.role == Role::Participant && !member.settings.muted;
        let Some(conference) = member.filter(speaks).map(|member| member.conference) else {
            return;
        };
        let mut n = 0;
        while let Some(other) = self.conferences.get(conference).and_then(|conference| {
            let relays = conference.config.relay_digits;
            conference.members.get(n).filter(|_| relays).copied()
        }) {
            n += 1;
            if other != key {
                // One who takes no events, or has too many to send, goes without.
                let _ = self.send_digits(other, digit.encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn conference_of(&self, key: Key) -> Option<ConferenceKey> {
        Some(self.streams.get(key)?.member.as_ref()?.conference)
    }

    /// Tells the mixer the settings of all members: whom one whispers to may have come or gone.
    fn give_roles(&mut self, key: ConferenceKey) {
        let Some(conference) = self.conferences.conferences.get_mut(key) else {
            return;
        };
        for member in conference
            .members
            .iter()
            .filter_map(|key| self.streams.get(*key)?.member.as_ref())
        {
            let wanted = member.settings;
            let role = match wanted.role {
                Role::Participant => Role::Participant,
                Role::Monitor => Role::Monitor,
                Role::Whisper { to } => {
                    let target = self
                        .index
                        .get(&to)
                        .and_then(|key| self.streams.get(*key)?.member.as_ref());
                    let target = target.filter(|target| target.conference == key);
                    target.map_or(Role::Monitor, |target| Role::Whisper { to: target.party })
                }
            };
            let mut settings = Settings::new(role);
            (settings.gain, settings.volume) = (wanted.gain, wanted.volume);
            (settings.muted, settings.deaf) = (wanted.muted, wanted.deaf);
            let _ = conference.mixer.set(member.party, settings);
        }
    }
}

/// Nobody whispers to himself.
fn check(id: Option<StreamId>, settings: &MemberSettings) -> Result<(), CommandError> {
    match (settings.role, id) {
        (Role::Whisper { to }, Some(id)) if to == id => Err(CommandError::WhisperToSelf),
        _ => Ok(()),
    }
}
