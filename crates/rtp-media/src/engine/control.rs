//! What a controller asks, one method a command.

use rand_core::Rng;

use super::Engine;
use super::command::{Command, CommandError, ConferenceId, PlayId, Source, StreamId};
use super::config::StreamConfig;
use super::output::Event;
use super::playback::{Playback, Playing};
use super::stream::{Key, Stream, checked};
use super::timers::Timer;
use crate::dtmf::{DigitSender, event_of};
use crate::session::{Sending, low_half};

impl Engine {
    pub(super) fn command(&mut self, command: Command) -> Result<(), CommandError> {
        match command {
            Command::Open { stream, config } => self.open(stream, config),
            Command::Update { stream, config } => self.update(self.find(stream)?, config),
            Command::Close { stream } => {
                self.close(self.find(stream)?);
                Ok(())
            }
            Command::Bridge { a, b } => self.bridge(self.find(a)?, self.find(b)?),
            Command::Unbridge { stream } => {
                self.unbridge(self.find(stream)?);
                Ok(())
            }
            Command::Play {
                stream,
                play,
                source,
                repeat,
            } => self.play(self.find(stream)?, play, &source, repeat),
            Command::Stop { stream } => {
                self.end_play(self.find(stream)?, false);
                Ok(())
            }
            Command::SendDigits { stream, digits } => self.send_digits(self.find(stream)?, &digits),
            Command::OpenConference { conference, config } => self.open_conference(conference, config),
            Command::Join {
                conference,
                stream,
                settings,
            } => self.join(self.find(stream)?, self.conferences.find(conference)?, settings),
            Command::SetMember { stream, settings } => self.set_member(self.find(stream)?, settings),
            Command::Leave { stream } => {
                self.leave(self.find(stream)?);
                Ok(())
            }
            Command::PlayToConference {
                conference,
                play,
                source,
                repeat,
            } => self.play_to_conference(self.conferences.find(conference)?, play, &source, repeat),
            Command::StopConference { conference } => {
                self.end_conference_play(self.conferences.find(conference)?, false);
                Ok(())
            }
            Command::CloseConference { conference } => {
                self.close_conference(self.conferences.find(conference)?);
                Ok(())
            }
        }
    }

    fn find(&self, stream: StreamId) -> Result<Key, CommandError> {
        self.index.get(&stream).copied().ok_or(CommandError::UnknownStream)
    }

    fn open(&mut self, id: StreamId, config: StreamConfig) -> Result<(), CommandError> {
        let config = checked(config)?;
        if self.index.contains_key(&id) {
            return Err(CommandError::DuplicateStream);
        }
        if self.index.len() >= self.config.limits.streams {
            return Err(CommandError::Full);
        }
        let sending = Sending::new(
            self.rng.next_u32(),
            low_half(self.rng.next_u32() >> 16),
            self.rng.next_u32(),
        );
        let key = self.streams.insert(Stream::new(id, config, self.now, sending));
        self.index.insert(id, key);
        // The first report comes after half the time (RFC 3550 §6.2).
        let report = self.now + self.report_interval() / 2;
        if let Some(stream) = self.streams.get_mut(key) {
            self.timers.set(&mut stream.due, key, Timer::Report, Some(report));
            let silent = stream.silent_at();
            self.timers.set(&mut stream.due, key, Timer::Silence, silent);
        }
        Ok(())
    }

    fn update(&mut self, key: Key, config: StreamConfig) -> Result<(), CommandError> {
        let config = checked(config)?;
        let now = self.now;
        let Some(stream) = self.streams.get_mut(key) else {
            return Err(CommandError::UnknownStream);
        };
        if stream.config == config {
            return Ok(());
        }
        let before = stream.latch.remote();
        stream.latch.agree(config.remote);
        if stream.latch.remote() != before || stream.config.remote_rtcp != config.remote_rtcp {
            stream.reports.forget_remote();
        }
        stream.config = config;
        stream.relay = None;
        stream.last_heard = now;
        stream.silence_told = false;
        let silent = stream.silent_at();
        self.timers.set(&mut stream.due, key, Timer::Silence, silent);
        let bridge = stream.bridge;
        if stream.digits.is_some() && config.dtmf_send.is_none() {
            self.end_digits(key);
        }
        if let Some(other) = bridge.and_then(|other| self.streams.get_mut(other)) {
            other.relay = None;
        }
        Ok(())
    }

    fn close(&mut self, key: Key) {
        self.end_play(key, false);
        self.end_digits(key);
        self.unbridge(key);
        self.leave(key);
        self.say_goodbye(key);
        let Some(mut stream) = self.streams.remove(key) else {
            return;
        };
        self.timers.clear(&mut stream.due, key);
        self.index.remove(&stream.id);
        let event = Event::Closed {
            stream: stream.id,
            report: stream.report(self.now),
        };
        self.outputs.push_back(event.into());
    }

    fn bridge(&mut self, a: Key, b: Key) -> Result<(), CommandError> {
        if a == b {
            return Err(CommandError::SelfBridge);
        }
        if self.streams.get(a).and_then(|stream| stream.bridge) == Some(b) {
            return Ok(());
        }
        let together = self.are_together(a, b);
        let pairs = [(a, b), (b, a)];
        let rests = pairs.map(|(one, _)| {
            self.unbridge(one);
            self.leave(one)
        });
        for (one, other) in pairs {
            if let Some(stream) = self.streams.get_mut(one) {
                stream.bridge = Some(other);
            }
        }
        for ((one, other), rest) in pairs.into_iter().zip(rests) {
            if let Some((ssrc, held)) = rest.filter(|_| together) {
                held.iter().for_each(|held| self.relay(other, &held.passing(one, ssrc)));
            }
        }
        Ok(())
    }

    pub(super) fn unbridge(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        stream.relay = None;
        if let Some(other) = stream.bridge.take().and_then(|other| self.streams.get_mut(other)) {
            other.bridge = None;
            other.relay = None;
        }
    }

    fn play(&mut self, key: Key, play: PlayId, source: &Source, repeat: bool) -> Result<(), CommandError> {
        let playback = Playback::new(source, repeat, &self.library, self.config.limits.prompt_pieces)?;
        self.end_play(key, false);
        let now = self.now;
        if let Some(stream) = self.streams.get_mut(key) {
            stream.relay = None;
            stream.playing = Some(Box::new(Playing {
                play,
                playback,
                next: now,
                joined: false,
            }));
        }
        self.play_due(key);
        Ok(())
    }

    pub(super) fn send_digits(&mut self, key: Key, digits: &str) -> Result<(), CommandError> {
        let (now, limit) = (self.now, self.config.limits.digits);
        let Some(stream) = self.streams.get_mut(key) else {
            return Err(CommandError::UnknownStream);
        };
        if stream.config.dtmf_send.is_none() {
            return Err(CommandError::DigitsNotAgreed);
        }
        if digits.is_empty() {
            return Err(CommandError::NoDigits);
        }
        if digits.chars().any(|digit| event_of(digit).is_none()) {
            return Err(CommandError::InvalidDigit);
        }
        let waiting = stream.digits.as_ref().map_or(0, |digits| digits.waiting());
        if waiting.saturating_add(digits.len()) > limit {
            return Err(CommandError::TooManyDigits);
        }
        let (held, gap) = (self.config.digit_duration, self.config.digit_gap);
        let begins = stream.digits.is_none();
        let sender = stream
            .digits
            .get_or_insert_with(|| Box::new(DigitSender::new(now, held, gap)));
        digits.chars().filter_map(event_of).for_each(|event| sender.push(event));
        if begins {
            stream.relay = None;
            self.digits_due(key);
        }
        Ok(())
    }

    /// Tells a refusal where the controller waits for something that will not happen.
    pub(super) fn tell_failure(&mut self, subject: Subject, error: CommandError) {
        let event = match (subject, error) {
            (_, CommandError::DuplicateStream | CommandError::DuplicateConference) | (Subject::Nobody, _) => return,
            (Subject::Stream(stream), error) => Event::Failed { stream, error },
            (Subject::Conference(conference), error) => Event::ConferenceFailed { conference, error },
        };
        self.outputs.push_back(event.into());
    }

    /// Does one timer that is due.
    pub(super) fn fire(&mut self, key: Key, timer: Timer) {
        match timer {
            Timer::Play => self.play_due(key),
            Timer::Digits => self.digits_due(key),
            Timer::Release => self.release_due(key),
            Timer::Silence => self.silence_due(key),
            Timer::Report => self.report_due(key),
        }
    }
}

/// Who is told when a command is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject {
    Stream(StreamId),
    Conference(ConferenceId),
    /// The controller waits for nothing.
    Nobody,
}

pub(super) const fn subject(command: &Command) -> Subject {
    match command {
        Command::Open { stream, .. }
        | Command::Update { stream, .. }
        | Command::Bridge { a: stream, .. }
        | Command::Play { stream, .. }
        | Command::SendDigits { stream, .. }
        | Command::Join { stream, .. }
        | Command::SetMember { stream, .. } => Subject::Stream(*stream),
        Command::OpenConference { conference, .. } | Command::PlayToConference { conference, .. } => {
            Subject::Conference(*conference)
        }
        Command::Close { .. }
        | Command::Unbridge { .. }
        | Command::Stop { .. }
        | Command::Leave { .. }
        | Command::StopConference { .. }
        | Command::CloseConference { .. } => Subject::Nobody,
    }
}
