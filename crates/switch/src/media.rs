//! What the switch asks of the media engine: streams, bridges, and what a phone hears.

use core::time::Duration;
use std::net::SocketAddr;

use machine::Time;
use rtp_media::{CodecKind, Command, CommandError, PlayId, PromptItem, Source, StreamConfig, StreamId, Tone};
use sdp::{Codec, Direction, Negotiation, NegotiationConfig};

use crate::event::EndCause;
use crate::input::Output;
use crate::leg::{Hearing, LegId, LegMedia, Place};
use crate::switch::Switch;

/// RTP payload type of telephone-event in our offers (RFC 4733; dynamic, 101 by custom).
const TELEPHONE_EVENT: u8 = 101;

impl Switch {
    /// A port and a negotiation for a new leg; `None` when all ports are taken.
    pub(crate) fn new_media(&mut self) -> Option<LegMedia> {
        let port = self.ports.take()?;
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        let mut config = NegotiationConfig::new(self.config.media_address, port, stream.0);
        config.codecs = vec![(0, Codec::PCMU), (8, Codec::PCMA)];
        config.telephone_event = Some(TELEPHONE_EVENT);
        Some(LegMedia {
            stream,
            port,
            open: false,
            negotiation: Negotiation::new(config),
            hearing: Hearing::Plain,
            play: None,
            bridged: None,
            conference: None,
        })
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.outputs.push_back(Output::Media(command));
    }

    /// Opens the leg's stream, or tells it what was negotiated anew.
    pub(crate) fn sync_stream(&mut self, now: Time, id: LegId) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        let mut config = StreamConfig::new(SocketAddr::new(self.config.media_address, leg.media.port));
        let mut probe = None;
        if let Some(agreed) = leg.media.negotiation.agreed() {
            config.remote = agreed.remote;
            config.remote_rtcp = agreed.remote_rtcp;
            config.codec = if agreed.codec == Codec::PCMA {
                CodecKind::Pcma
            } else {
                CodecKind::Pcmu
            };
            config.send_payload = agreed.send_payload;
            config.receive_payload = agreed.receive_payload;
            config.dtmf_send = agreed.dtmf_send;
            config.dtmf_receive = agreed.dtmf_receive;
            config.ptime_ms = agreed.ptime_ms;
            config.send = matches!(agreed.direction, Direction::SendRecv | Direction::SendOnly);
            config.receive = matches!(agreed.direction, Direction::SendRecv | Direction::RecvOnly);
            let watched = leg.answered && !agreed.held && config.receive;
            config.silence_timeout = self.config.rtp_timeout.filter(|_| watched);
            probe = (leg.answered && !watched).then(|| now + self.config.keepalive);
        } else {
            config.send = false;
            config.receive = false;
        }
        let stream = leg.media.stream;
        let opened = core::mem::replace(&mut leg.media.open, true);
        self.streams.insert(stream, id);
        self.set_probe(id, probe);
        self.command(if opened {
            Command::Update { stream, config }
        } else {
            Command::Open { stream, config }
        });
    }

    /// Closes the leg's stream and gives its port back.
    pub(crate) fn close_media(&mut self, media: &LegMedia) {
        self.ports.give_back(media.port);
        if media.open {
            self.streams.remove(&media.stream);
            self.command(Command::Close { stream: media.stream });
        }
    }

    /// Connects two legs' streams.
    pub(crate) fn bridge(&mut self, a: LegId, b: LegId) {
        let streams = [a, b].map(|id| self.legs.get(id).map(|leg| leg.media.stream));
        let [Some(stream_a), Some(stream_b)] = streams else {
            return;
        };
        for (leg, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.legs.get_mut(leg) {
                leg.media.bridged = Some(other);
            }
        }
        self.command(Command::Bridge {
            a: stream_a,
            b: stream_b,
        });
    }

    /// Takes a leg's stream out of its bridge, if it is in one.
    pub(crate) fn unbridge(&mut self, id: LegId) {
        self.leave_room(id);
        let Some(leg) = self.legs.get_mut(id) else { return };
        let Some(other) = leg.media.bridged.take() else { return };
        let stream = leg.media.stream;
        if let Some(other) = self.legs.get_mut(other) {
            other.media.bridged = None;
        }
        self.command(Command::Unbridge { stream });
    }

    /// Lets a leg hear music, ring-back or its bridge. Saying the same twice does nothing.
    pub(crate) fn hear(&mut self, id: LegId, hearing: Hearing) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        if leg.media.hearing == hearing {
            return;
        }
        let stream = leg.media.stream;
        let source = match &hearing {
            Hearing::Plain => None,
            Hearing::Ringback => Some(Source::Tone(Tone::Ringback)),
            Hearing::Music(name) => Some(Source::Music(name.clone())),
            Hearing::Prompt => return, // announce() does this
        };
        leg.media.hearing = hearing;
        match source {
            None => {
                leg.media.play = None;
                self.command(Command::Stop { stream });
            }
            Some(source) => {
                self.play(id, source, true);
            }
        }
    }

    /// Plays an announcement once; [`Switch::announced`] is called at its end.
    pub(crate) fn announce(&mut self, id: LegId, items: Vec<PromptItem>) {
        if let Some(leg) = self.legs.get_mut(id) {
            leg.media.hearing = Hearing::Prompt;
        }
        self.play(id, Source::Prompt(items), false);
    }

    fn play(&mut self, id: LegId, source: Source, repeat: bool) {
        let play = PlayId(self.next_play);
        self.next_play += 1;
        let Some(leg) = self.legs.get_mut(id) else { return };
        leg.media.play = Some(play);
        let stream = leg.media.stream;
        self.command(Command::Play {
            stream,
            play,
            source,
            repeat,
        });
    }

    /// What two connected legs hear: each the other, or music while the other has put it on hold.
    pub(crate) fn refresh_hold(&mut self, a: LegId, b: LegId) {
        for (leg, other) in [(a, b), (b, a)] {
            let held_by_other = self.legs.get(other).is_some_and(|leg| leg.media.held());
            let music = Hearing::Music(crate::DEFAULT_MUSIC.to_owned());
            if self
                .legs
                .get(leg)
                .is_some_and(|leg| leg.media.hearing != Hearing::Prompt)
            {
                self.hear(leg, if held_by_other { music } else { Hearing::Plain });
            }
        }
    }

    /// Spoken: "parked at", and the slot's digits.
    pub(crate) fn slot_announcement(slot: park::SlotNumber) -> Vec<PromptItem> {
        vec![
            PromptItem::Silence(Duration::from_millis(300)),
            PromptItem::Sound("parked-at".to_owned()),
            PromptItem::Silence(Duration::from_millis(200)),
            PromptItem::Digits(slot.0.to_string()),
            PromptItem::Silence(Duration::from_millis(200)),
        ]
    }

    pub(crate) fn on_media(&mut self, now: Time, event: rtp_media::Event) {
        match event {
            rtp_media::Event::Digit { stream, digit, .. } => {
                if let Some(leg) = self.streams.get(&stream).copied() {
                    if self.legs.get(leg).is_some_and(|leg| leg.media.conference.is_some()) {
                        self.pass_digit_on(leg, digit); // a bridge does that by itself
                    }
                    self.on_digit(now, leg, digit);
                }
            }
            rtp_media::Event::PlayEnded { stream, play, .. } => {
                let leg = self.streams.get(&stream).copied();
                let current = leg.and_then(|leg| self.legs.get(leg)).and_then(|leg| leg.media.play);
                if let (Some(leg), true) = (leg, current == Some(play)) {
                    self.announced(now, leg);
                }
            }
            rtp_media::Event::Silent { stream, .. } => self.stream_lost(now, stream),
            rtp_media::Event::Failed { stream, error } => match error {
                CommandError::UnknownStream | CommandError::Full | CommandError::PayloadType => {
                    self.stream_lost(now, stream);
                }
                // A digit that cannot be sent does not matter to what is played.
                CommandError::InvalidDigit
                | CommandError::NoDigits
                | CommandError::TooManyDigits
                | CommandError::DigitsNotAgreed => {}
                // A sound that is missing must not end a call.
                CommandError::DuplicateStream
                | CommandError::SelfBridge
                | CommandError::UnknownSound
                | CommandError::EmptyPrompt
                | CommandError::PromptTooLong
                | CommandError::PauseTooLong
                | _ => {
                    let leg = self.streams.get(&stream).copied();
                    if let Some(id) =
                        leg.filter(|id| self.legs.get(*id).is_some_and(|l| l.media.hearing == Hearing::Prompt))
                    {
                        self.announced(now, id);
                    }
                }
            },
            rtp_media::Event::ConferenceFailed { conference, .. } => self.room_failed(now, conference),
            rtp_media::Event::Latched { .. } | rtp_media::Event::Closed { .. } | _ => {}
        }
    }

    /// A phone is no longer heard, or cannot be.
    fn stream_lost(&mut self, now: Time, stream: StreamId) {
        if let Some(leg) = self.streams.get(&stream).copied() {
            if self.agent_vanished(now, leg) {
                return;
            }
            self.set_cause(leg, EndCause::Vanished);
            self.leg_over(now, leg, true);
        }
    }

    /// An announcement is over: a leg that only stayed for it goes; one in a call hears its call again.
    fn announced(&mut self, now: Time, id: LegId) {
        let Some(leg) = self.legs.get_mut(id) else { return };
        leg.media.hearing = Hearing::Plain;
        leg.media.play = None;
        match leg.place {
            Place::Leaving if leg.refer.is_some() => self.farewell(now, id),
            Place::Leaving => self.drop_leg(now, id, true),
            Place::Talking(peer) => self.refresh_hold(id, peer),
            Place::Parked { lot, .. } => self.hear_lot_music(id, lot),
            Place::Queued => self.said_to_waiting(id),
            Place::SigningOn
            | Place::Supervising(_)
            | Place::Calling
            | Place::Ringing(_)
            | Place::Waiting
            | Place::Transferring { .. } => {}
        }
    }
}
