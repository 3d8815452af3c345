//! Supervisors (row Q11): they listen to a call, whisper to its agent, barge in, or take it over.
//!
//! A call that is supervised is a conference of three in the engine; for call control it is the same pair of legs as before. When the
//! supervisor leaves, the pair is bridged again; when the pair ends, is parked or transferred, the supervision ends.

use machine::Time;
use rtp_media::mixer::Role;
use rtp_media::{Command, ConferenceConfig, ConferenceId, MemberSettings, PlayId, PromptItem, Source, StreamId};
use sip_core::StatusCode;

use crate::config::{Config, ConfigError, can_be_dialled};
use crate::event::Event;
use crate::leg::{Hearing, LegId, Place};
use crate::parking::ANNOUNCEMENT_LIMIT;
use crate::switch::{Destination, Switch};

/// What may be in [`Extension::supervises`](crate::Extension::supervises) instead of a number: everybody.
pub const EVERYBODY: &str = "all";

/// What supervisors dial, each followed by the number of an agent or an extension.
///
/// During supervision the keys `4`, `5`, `6` and `7` listen, whisper, barge in and take over.
///
/// ```
/// let mut codes = switch::SupervisorCodes::default();
/// assert_eq!(codes.listen.as_deref(), Some("*51"));
/// codes.take_over = None; // nobody may
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SupervisorCodes {
    /// Hears both, is heard by neither (default `*51`).
    pub listen: Option<String>,
    /// Is heard by the agent alone (default `*52`).
    pub whisper: Option<String>,
    /// Talks with both (default `*53`).
    pub barge: Option<String>,
    /// Talks instead of the agent, who is free (default `*54`).
    pub take_over: Option<String>,
}

impl Default for SupervisorCodes {
    fn default() -> Self {
        let code = |code: &str| Some(code.to_owned());
        Self {
            listen: code("*51"),
            whisper: code("*52"),
            barge: code("*53"),
            take_over: code("*54"),
        }
    }
}

impl SupervisorCodes {
    fn given(&self) -> impl Iterator<Item = (&str, Supervising)> {
        let all = [
            (&self.listen, Supervising::Listen),
            (&self.whisper, Supervising::Whisper),
            (&self.barge, Supervising::Barge),
            (&self.take_over, Supervising::TakeOver),
        ];
        all.into_iter()
            .filter_map(|(code, what)| Some((code.as_deref()?, what)))
    }
}

/// What a supervisor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Supervising {
    /// He hears both and is heard by neither.
    Listen,
    /// He hears both and is heard by the agent.
    Whisper,
    /// He hears and is heard by both.
    Barge,
    /// He has the call; the agent is out of it.
    TakeOver,
}

/// A call that is being supervised.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Room {
    /// Whom the supervisor asked for.
    pub(crate) agent: LegId,
    /// Whom he talks with.
    pub(crate) peer: LegId,
    pub(crate) supervisor: LegId,
    how: Supervising,
}

/// Whether codes can be dialled and permissions name somebody.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let mut known = std::collections::BTreeSet::new();
    for (code, _) in config.supervisor_codes.given() {
        if !can_be_dialled(code) {
            return Err(ConfigError::BadCode(code.to_owned()));
        }
        if !known.insert(code) {
            return Err(ConfigError::NumberTwice(code.to_owned()));
        }
    }
    if config
        .extensions
        .iter()
        .all(|extension| extension.supervises.is_empty())
    {
        return Ok(());
    }
    let extensions = config.extensions.iter().map(|extension| extension.number.as_str());
    let groups = config.groups.iter().map(|group| group.number.as_str());
    let queues = config.queues.iter().map(|queue| queue.number.as_str());
    let agents = config.agents.iter().map(|agent| agent.number.as_str());
    let all = extensions.chain(groups).chain(queues).chain(agents).chain([EVERYBODY]);
    let somebody: std::collections::BTreeSet<&str> = all.collect();
    let named = config.extensions.iter().flat_map(|extension| &extension.supervises);
    for number in named {
        if !somebody.contains(number.as_str()) {
            return Err(ConfigError::BadSupervised(number.clone()));
        }
    }
    Ok(())
}

impl Switch {
    /// The supervisor's code that a dialled number begins with. The longest counts.
    pub(crate) fn supervisor_code(&self, number: &str) -> Option<Destination> {
        if self
            .config
            .extensions
            .iter()
            .all(|extension| extension.supervises.is_empty())
        {
            return None; // the number is one like any other
        }
        let codes = self.config.supervisor_codes.given();
        let begins = codes.filter(|(code, _)| number.strip_prefix(code).is_some_and(|rest| !rest.is_empty()));
        let (_, what) = begins.max_by_key(|(code, _)| code.len())?;
        Some(Destination::Supervise(what))
    }

    /// A phone dials a supervisor's code and a number.
    pub(crate) fn dial_supervision(&mut self, now: Time, leg: LegId, how: Supervising, number: &str) {
        let code = self.config.supervisor_codes.given().find(|(_, what)| *what == how);
        let wanted = code
            .and_then(|(code, _)| number.strip_prefix(code))
            .unwrap_or_default()
            .to_owned();
        let (agent, peer) = match self.supervised(leg, &wanted) {
            Ok(pair) => pair,
            Err(status) => return self.refuse(now, leg, status),
        };
        let by = self.number_of(agent);
        self.call_answered(now, leg, &by);
        if !self.answer_leg(now, leg) {
            return self.drop_leg(now, leg, false);
        }
        if how == Supervising::TakeOver {
            self.take_call(now, leg, agent, peer);
        } else {
            self.open_room(leg, agent, peer, how);
        }
    }

    /// The legs of the conversation that a supervisor wants, if he may have it.
    fn supervised(&self, leg: LegId, wanted: &str) -> Result<(LegId, LegId), StatusCode> {
        let own = self.number_of(leg);
        let agent = self
            .queueing
            .agent_id(wanted)
            .and_then(|agent| self.queueing.agents.get(&agent));
        let at = agent
            .and_then(|desk| desk.at.clone())
            .unwrap_or_else(|| wanted.to_owned());
        if self.extension(&at).is_none() {
            return Err(if self.queueing.agent_id(wanted).is_some() {
                StatusCode::TEMPORARILY_UNAVAILABLE
            } else {
                StatusCode::NOT_FOUND
            });
        }
        if at == own || !self.may_supervise(&own, wanted, &at) {
            return Err(StatusCode::FORBIDDEN);
        }
        // The call that he speaks in, rather than one that waits.
        let mut talks: Vec<_> = self
            .legs_of(&at)
            .filter_map(|(id, leg)| {
                let Place::Talking(peer) = leg.place else { return None };
                Some((leg.media.held(), id, peer, leg.media.conference))
            })
            .collect();
        talks.sort_by_key(|(held, id, ..)| (*held, *id));
        let (_, agent, peer, conference) = *talks.first().ok_or(StatusCode::TEMPORARILY_UNAVAILABLE)?;
        if conference.is_some() {
            return Err(StatusCode::BUSY_HERE); // another one is there
        }
        if self.number_of(peer) == own {
            return Err(StatusCode::FORBIDDEN); // it is his own call
        }
        Ok((agent, peer))
    }

    /// Whether an extension may supervise another, at which the agent of this number is.
    fn may_supervise(&self, own: &str, wanted: &str, at: &str) -> bool {
        let Some(extension) = self.extension(own) else {
            return false;
        };
        extension.supervises.iter().any(|number| {
            let in_group = || {
                let mut groups = self.config.groups.iter().filter(|group| group.number == *number);
                groups.any(|group| group.chase.members.iter().any(|member| member.number == at))
            };
            number == EVERYBODY || number == at || number == wanted || in_group() || self.serves_queue(at, number)
        })
    }

    /// Whether the agent who is at this extension serves the queue of this number.
    fn serves_queue(&self, at: &str, number: &str) -> bool {
        let agent = self
            .queueing
            .desks
            .get(at)
            .and_then(|agent| self.queueing.agents.get(agent));
        agent.is_some_and(|desk| desk.config.queues.iter().any(|member| member.queue == number))
    }

    /// The pair becomes a conference of three.
    fn open_room(&mut self, supervisor: LegId, agent: LegId, peer: LegId, how: Supervising) {
        let conference = ConferenceId(self.next_conference);
        self.next_conference += 1;
        self.set_place(supervisor, Place::Supervising(agent));
        self.hear(supervisor, Hearing::Plain);
        let room = Room {
            agent,
            peer,
            supervisor,
            how,
        };
        for leg in [agent, peer, supervisor] {
            if let Some(leg) = self.legs.get_mut(leg) {
                leg.media.conference = Some(conference);
            }
        }
        self.rooms.insert(conference, room);
        let config = ConferenceConfig::default();
        self.command(Command::OpenConference { conference, config });
        for leg in [agent, peer] {
            self.join_room(conference, leg, MemberSettings::default());
        }
        let settings = self.supervisor_settings(agent, how);
        self.join_room(conference, supervisor, settings);
        if let Some(sound) = self.config.supervision_sound.clone() {
            let play = PlayId(self.next_play);
            self.next_play += 1;
            let source = Source::Prompt(vec![PromptItem::Sound(sound)]);
            self.command(Command::PlayToConference {
                conference,
                play,
                source,
                repeat: false,
            });
        }
        self.tell_supervision(supervisor, agent, Some(how));
    }

    fn join_room(&mut self, conference: ConferenceId, leg: LegId, settings: MemberSettings) {
        if let Some(stream) = self.legs.get(leg).map(|leg| leg.media.stream) {
            self.command(Command::Join {
                conference,
                stream,
                settings,
            });
        }
    }

    fn supervisor_settings(&self, agent: LegId, how: Supervising) -> MemberSettings {
        let to = self.legs.get(agent).map_or(StreamId(0), |leg| leg.media.stream);
        MemberSettings::new(match how {
            Supervising::Listen => Role::Monitor,
            Supervising::Whisper => Role::Whisper { to },
            Supervising::Barge | Supervising::TakeOver => Role::Participant,
        })
    }

    /// A key of a supervisor.
    pub(crate) fn key_of_supervisor(&mut self, now: Time, id: LegId, key: char) {
        let how = match key {
            '4' => Supervising::Listen,
            '5' => Supervising::Whisper,
            '6' => Supervising::Barge,
            '7' if self.config.supervisor_codes.take_over.is_some() => Supervising::TakeOver,
            _ => return,
        };
        let conference = self.legs.get(id).and_then(|leg| leg.media.conference);
        let Some(room) = conference.and_then(|conference| self.rooms.get_mut(&conference)) else {
            return;
        };
        let (agent, peer) = (room.agent, room.peer);
        if how == Supervising::TakeOver {
            self.close_room(id);
            return self.take_call(now, id, agent, peer);
        }
        if core::mem::replace(&mut room.how, how) == how {
            return;
        }
        let settings = self.supervisor_settings(agent, how);
        if let Some(stream) = self.legs.get(id).map(|leg| leg.media.stream) {
            self.command(Command::SetMember { stream, settings });
        }
        self.tell_supervision(id, agent, Some(how));
    }

    /// The supervisor talks instead of the agent, who is free.
    fn take_call(&mut self, now: Time, supervisor: LegId, agent: LegId, peer: LegId) {
        self.tell_supervision(supervisor, agent, Some(Supervising::TakeOver));
        self.join(peer, supervisor);
        self.drop_leg(now, agent, true);
    }

    /// A leg leaves the bridge or the room that it is in. If it was the supervisor, the others are bridged again; otherwise there is
    /// nothing more to supervise.
    pub(crate) fn leave_room(&mut self, id: LegId) {
        let conference = self.legs.get(id).and_then(|leg| leg.media.conference);
        let Some(supervisor) = conference.and_then(|c| self.rooms.get(&c)).map(|room| room.supervisor) else {
            return;
        };
        if let Some(room) = self.close_room(id) {
            self.tell_supervision(room.supervisor, room.agent, None);
        }
        if supervisor != id {
            self.set_place(supervisor, Place::Leaving);
            self.announce(supervisor, vec![PromptItem::Sound("goodbye".to_owned())]);
            self.set_leave(supervisor, self.now + ANNOUNCEMENT_LIMIT);
        }
    }

    /// The conference of three becomes a bridge of two again.
    fn close_room(&mut self, id: LegId) -> Option<Room> {
        let conference = self.legs.get(id)?.media.conference?;
        let room = self.rooms.remove(&conference)?;
        for leg in [room.agent, room.peer, room.supervisor] {
            if let Some(leg) = self.legs.get_mut(leg) {
                leg.media.conference = None;
            }
        }
        self.bridge(room.agent, room.peer);
        self.command(Command::CloseConference { conference });
        Some(room)
    }

    /// The engine could not do it: the call goes on as it was, the supervisor goes.
    pub(crate) fn room_failed(&mut self, now: Time, conference: ConferenceId) {
        if let Some(supervisor) = self.rooms.get(&conference).map(|room| room.supervisor) {
            self.drop_leg(now, supervisor, true);
        }
    }

    fn tell_supervision(&mut self, supervisor: LegId, agent: LegId, how: Option<Supervising>) {
        let Some(call) = self.legs.get(agent).map(|leg| leg.call) else {
            return;
        };
        let (by, agent) = (self.number_of(supervisor), self.number_of(agent));
        self.tell(Event::Supervised { call, by, agent, how });
    }
}
