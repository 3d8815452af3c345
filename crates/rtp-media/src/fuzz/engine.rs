//! An engine under any sequence of commands, packets and steps of time.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use machine::{Machine, Time};

use crate::mixer::{Gain, Role};
use crate::packet::{RtpHeader, RtpPacket, RtpWriter};
use crate::rtcp::Compound;
use crate::{
    Channel, CodecKind, Command, CommandError, ConferenceConfig, ConferenceId, Engine, EngineConfig, Event,
    MemberSettings, Output, PlayId, PromptItem, Sound, Source, StreamConfig, StreamId, Tone,
};

/// Streams that are talked about; two more than can be open.
const STREAMS: u8 = 6;
/// Conferences that are talked about; one more than can be open.
const CONFERENCES: u8 = 3;

/// Reads the bytes as commands, packets and steps of time. After each the engine must keep the contract of a machine,
/// send nothing but well-formed packets, and end every play-out and stream exactly once; when all streams are closed,
/// nothing may be left. Bytes from 128 on are about conferences.
pub fn engine(data: &[u8]) {
    let mut config = EngineConfig::default();
    config.limits.streams = usize::from(STREAMS - 2);
    config.limits.outputs = 50;
    config.limits.digits = 5;
    (config.limits.conferences, config.limits.conference_members) = (2, 3);
    let mut engine = Engine::new(config, [7; 32]);
    for (name, length) in [("a", 1_000), ("digits/0", 100), ("digits/star", 1)] {
        assert_eq!(engine.add_sound(name, Sound::from_samples(&vec![500; length])), Ok(()));
    }
    let mut run = Run {
        engine,
        now: Time::from_secs(1_000),
        bytes: data,
        plays: BTreeSet::new(),
        open: BTreeSet::new(),
        conferences: BTreeSet::new(),
    };
    let mut number = 0;
    while let Some(op) = run.byte() {
        number += 1;
        run.step(op, number);
        run.settle();
    }
    for conference in 0..CONFERENCES {
        let known = run.conferences.contains(&conference.into());
        let conference = ConferenceId(conference.into());
        let result = run.engine.handle(run.now, Command::CloseConference { conference });
        assert_eq!(result.is_ok(), known);
        run.settle();
    }
    for stream in 0..STREAMS {
        let known = run.open.contains(&stream.into());
        let result = run.engine.handle(
            run.now,
            Command::Close {
                stream: StreamId(stream.into()),
            },
        );
        assert_eq!(
            result,
            if known {
                Ok(())
            } else {
                Err(CommandError::UnknownStream)
            }
        );
        run.settle();
    }
    assert_eq!(
        (run.engine.live_streams(), run.engine.poll_timeout()),
        (0, None),
        "nothing is left"
    );
    assert!(run.plays.is_empty() && run.open.is_empty() && run.conferences.is_empty());
}

struct Run<'a> {
    engine: Engine,
    now: Time,
    bytes: &'a [u8],
    plays: BTreeSet<PlayId>,
    open: BTreeSet<u64>,
    conferences: BTreeSet<u64>,
}

impl Run<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn next(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    fn wide(&mut self) -> u16 {
        u16::from_be_bytes([self.next(), self.next()])
    }

    fn pick<T: Copy, const N: usize>(&mut self, among: [T; N]) -> T {
        let wanted = usize::from(self.next()) % N;
        let [first, ..] = among.as_slice() else {
            unreachable!("nothing to pick from")
        };
        *among.get(wanted).unwrap_or(first)
    }

    fn stream(&mut self) -> StreamId {
        StreamId(u64::from(self.next() % STREAMS))
    }

    fn remote(&mut self) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, self.next() % 4], 4_000 + u16::from(self.next() % 3)))
    }

    fn config(&mut self) -> StreamConfig {
        let mut config = StreamConfig::new(SocketAddr::from(([192, 0, 2, 200], 20_000)));
        let bits = self.next();
        config.remote = (bits & 1 != 0).then(|| self.remote());
        if bits & 2 != 0 {
            (config.codec, config.send_payload, config.receive_payload) = (CodecKind::Pcma, 8, 8);
        }
        config.dtmf_send = (bits & 4 != 0).then_some(101);
        config.dtmf_receive = (bits & 8 != 0).then_some(96);
        config.send = bits & 16 != 0;
        config.receive = bits & 32 != 0;
        config.silence_timeout = (bits & 64 != 0).then(|| Duration::from_millis(u64::from(self.wide())));
        if bits & 128 != 0 {
            config.ptime_ms = self.wide();
            config.send_payload = self.next();
        }
        config
    }

    fn source(&mut self) -> Source {
        match self.next() % 6 {
            0 => Source::Tone(Tone::Beep),
            1 => Source::Tone(Tone::Ringback),
            2 => Source::Music(String::from("a")),
            3 => Source::Prompt(vec![PromptItem::Silence(Duration::from_millis(u64::from(self.wide())))]),
            4 => Source::Prompt(vec![
                PromptItem::Sound(String::from("a")),
                PromptItem::Digits(String::from("0*0")),
            ]),
            _ => Source::Prompt(vec![
                PromptItem::Silence(Duration::ZERO),
                PromptItem::Digits(self.digits()),
            ]),
        }
    }

    fn digits(&mut self) -> String {
        (0..self.next() % 8)
            .map(|_| self.pick(['0', '*', '#', 'A', 'x', '9']))
            .collect()
    }

    fn conference(&mut self) -> ConferenceId {
        ConferenceId(u64::from(self.next() % CONFERENCES))
    }

    fn settings(&mut self) -> MemberSettings {
        let bits = self.next();
        let mut settings = MemberSettings::new(match bits % 4 {
            0 => Role::Monitor,
            1 => Role::Whisper { to: self.stream() },
            _ => Role::Participant,
        });
        if bits & 4 != 0 {
            settings.gain = Gain::from_db(self.next().cast_signed());
            settings.volume = Gain::from_db(self.next().cast_signed());
        }
        (settings.muted, settings.deaf) = (bits & 8 != 0, bits & 16 != 0);
        settings
    }

    /// A command about conferences.
    fn meet(&mut self, op: u8, number: u64) -> Command {
        match op % 8 {
            0 | 1 => Command::Join {
                conference: self.conference(),
                stream: self.stream(),
                settings: self.settings(),
            },
            2 => {
                let mut config = ConferenceConfig::default();
                let bits = self.next();
                (config.relay_digits, config.tell_speaker) = (bits & 1 != 0, bits & 2 != 0);
                let conference = self.conference();
                Command::OpenConference { conference, config }
            }
            3 => Command::CloseConference {
                conference: self.conference(),
            },
            4 => Command::SetMember {
                stream: self.stream(),
                settings: self.settings(),
            },
            5 => Command::Leave { stream: self.stream() },
            6 => Command::PlayToConference {
                conference: self.conference(),
                play: PlayId(number),
                source: self.source(),
                repeat: self.next() & 1 == 1,
            },
            _ => Command::StopConference {
                conference: self.conference(),
            },
        }
    }

    fn step(&mut self, op: u8, number: u64) {
        if op >= 128 {
            let command = self.meet(op, number);
            return self.command(command);
        }
        let command = match op % 16 {
            0..=2 => {
                let millis = u64::from(self.next());
                self.now += Duration::from_millis(millis);
                return;
            }
            3 => {
                let millis = u64::from(self.wide()) * 50;
                self.now += Duration::from_millis(millis);
                return;
            }
            // A clock that goes back.
            4 => {
                let early = Time::from_millis(u64::from(self.wide()));
                return self.engine.handle_timeout(early);
            }
            5 => Command::Open {
                stream: self.stream(),
                config: self.config(),
            },
            6 => Command::Update {
                stream: self.stream(),
                config: self.config(),
            },
            7 => Command::Close { stream: self.stream() },
            8 => Command::Bridge {
                a: self.stream(),
                b: self.stream(),
            },
            9 => Command::Unbridge { stream: self.stream() },
            10 => {
                let (stream, source) = (self.stream(), self.source());
                Command::Play {
                    stream,
                    play: PlayId(number),
                    source,
                    repeat: self.next() & 1 == 1,
                }
            }
            11 => Command::Stop { stream: self.stream() },
            12 => Command::SendDigits {
                stream: self.stream(),
                digits: self.digits(),
            },
            13 => return self.raw(),
            _ => return self.packet(),
        };
        self.command(command);
    }

    fn command(&mut self, command: Command) {
        let result = self.engine.handle(self.now, command.clone());
        match (command, result) {
            (Command::Open { stream, .. }, Ok(())) => assert!(self.open.insert(stream.0)),
            (Command::Open { stream, .. }, Err(CommandError::DuplicateStream)) => {
                assert!(self.open.contains(&stream.0));
            }
            (Command::Play { play, .. } | Command::PlayToConference { play, .. }, Ok(())) => {
                assert!(self.plays.insert(play));
            }
            (Command::OpenConference { conference, .. }, Ok(())) => assert!(self.conferences.insert(conference.0)),
            _ => {}
        }
    }

    fn raw(&mut self) {
        let (stream, remote, length) = (self.stream(), self.remote(), usize::from(self.next()));
        let channel = if length % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        let (data, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        self.engine.receive(self.now, stream, channel, remote, data);
    }

    fn packet(&mut self) {
        let (stream, remote) = (self.stream(), self.remote());
        let header = RtpHeader {
            marker: self.next() & 1 == 1,
            payload_type: self.pick([0, 8, 96, 101, 13]),
            sequence: u16::from(self.next()) << (self.next() % 9),
            timestamp: u32::from(self.wide()) << 4,
            ssrc: u32::from(self.next() % 3),
        };
        let payload = [self.next() % 20, self.next(), self.next(), self.next()];
        let data = RtpWriter::new(header, &payload).to_packet();
        let Ok(data) = data else { unreachable!("{data:?}") };
        self.engine.receive(self.now, stream, Channel::Rtp, remote, &data);
    }

    /// Drains the outputs, and checks what must always hold.
    fn settle(&mut self) {
        self.engine.handle_timeout(self.now);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(transmit) if transmit.channel == Channel::Rtp => {
                    let well_formed = RtpPacket::parse(&transmit.data).is_ok();
                    assert!(well_formed && self.open.contains(&transmit.stream.0), "{transmit:?}");
                }
                Output::Transmit(transmit) => assert!(Compound::parse(&transmit.data).is_ok(), "{transmit:?}"),
                Output::Event(Event::PlayEnded { play, .. } | Event::ConferencePlayEnded { play, .. }) => {
                    assert!(self.plays.remove(&play), "{play:?} twice");
                }
                Output::Event(Event::ConferenceClosed { conference }) => {
                    assert!(self.conferences.remove(&conference.0), "{conference:?} closed twice");
                }
                Output::Event(Event::Closed { stream, report }) => {
                    assert!(self.open.remove(&stream.0), "{stream:?} closed twice");
                    assert!(report.lost <= 1 << 40);
                }
                Output::Event(_) => {}
            }
        }
        let due = self.engine.poll_timeout();
        assert!(
            due.is_none_or(|due| due > self.now),
            "still due at {:?}: {due:?}",
            self.now
        );
        assert_eq!(self.engine.live_streams(), self.open.len());
        assert_eq!(self.engine.live_conferences(), self.conferences.len());
        for conference in 0..CONFERENCES {
            let members = self.engine.members(ConferenceId(conference.into())).unwrap_or_default();
            assert!(members.iter().all(|member| self.open.contains(&member.0)) && members.len() <= 3);
        }
    }
}
