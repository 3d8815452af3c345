//! A whole switchboard as a host: call control, media engine and their addresses.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use machine::{Machine, Time};
use rtp_media::{Channel, Command, CommandError, Engine, EngineConfig, Sound, StreamId};
use sip_core::Transport;
use switch::{ConfigError, Input, Output, Switch};

use crate::network::{Packet, Payload};
use crate::streams::{Arrival, Streams};
use crate::world::Host;

/// The most events that a [`Pbx`] remembers; the oldest make room.
pub const EVENT_LIMIT: usize = 10_000;

/// The most faults that a [`Pbx`] remembers.
const FAULT_LIMIT: usize = 100;

/// What a switch must never do; found by [`Pbx`] while it does it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The engine refused a command of the switch.
    Command {
        /// What the switch wanted.
        command: Command,
        /// Why it could not be.
        error: CommandError,
    },
    /// The same message, command or event came twice as the consequence of one input.
    Twice(String),
    /// A packet was to be sent from a stream that is not open.
    UnknownStream(StreamId),
}

/// A [`Switch`] with a media [`Engine`] attached to it, at one address: SIP over UDP and TCP on port 5060, media where the switch
/// says. Streams are truly opened, bridged and closed, prompts are played and end.
///
/// On the way it watches for [`Fault`]s: what a switch must never do whatever happens to it.
#[derive(Debug)]
pub struct Pbx {
    ip: IpAddr,
    switch: Switch,
    engine: Engine,
    streams: Streams,
    /// Where each open stream is, and which stream is at each port.
    media: BTreeMap<StreamId, SocketAddr>,
    ports: BTreeMap<u16, StreamId>,
    now: Time,
    events: VecDeque<(Time, switch::Event)>,
    faults: Vec<(Time, Fault)>,
    said: Said,
    outputs: VecDeque<Packet>,
}

/// What was said because of one input, to find what is said twice.
#[derive(Debug, Default)]
struct Said {
    sip: Vec<(SocketAddr, Bytes)>,
    events: Vec<switch::Event>,
    commands: Vec<Command>,
}

impl Pbx {
    /// A switchboard at `ip`; the addresses in `config` are set accordingly.
    ///
    /// # Errors
    /// The configuration's first fault.
    pub fn new(ip: IpAddr, mut config: switch::Config, seed: [u8; 32]) -> Result<Self, ConfigError> {
        config.listen = [Transport::Udp, Transport::Tcp]
            .map(|t| (t, SocketAddr::new(ip, 5060)))
            .to_vec();
        config.media_address = ip;
        let mut engine = Engine::new(EngineConfig::default(), seed.map(|byte| !byte));
        let lots = config.lots.iter().map(|lot| lot.music.as_str());
        let queues = config.queues.iter().flat_map(|queue| {
            let message = match &queue.overflow {
                Some(switch::Elsewhere::Message(sound)) => Some(sound),
                _ => None,
            };
            let sounds = queue
                .messages
                .iter()
                .chain(&queue.music)
                .chain(&queue.welcome)
                .chain(message);
            sounds.map(String::as_str)
        });
        let own = switch::sounds();
        // Not constant, so that nobody takes it for a phone's voice.
        let wave: Vec<i16> = (0..1600).map(|sample: i16| (sample % 40 - 20) * 400).collect();
        let sound = Sound::from_samples(&wave);
        for name in own
            .iter()
            .map(String::as_str)
            .chain([switch::DEFAULT_MUSIC])
            .chain(lots)
            .chain(queues)
        {
            // Some may be known already.
            let _ = engine.add_sound(name, sound.clone());
        }
        Ok(Self {
            ip,
            switch: Switch::new(config, seed)?,
            engine,
            streams: Streams::new(ip),
            media: BTreeMap::new(),
            ports: BTreeMap::new(),
            now: Time::ZERO,
            events: VecDeque::new(),
            faults: Vec::new(),
            said: Said::default(),
            outputs: VecDeque::new(),
        })
    }

    /// Call control.
    #[must_use]
    pub fn switch(&self) -> &Switch {
        &self.switch
    }

    /// The media engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the switch told, oldest first; the last [`EVENT_LIMIT`].
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &(Time, switch::Event)> {
        self.events.iter()
    }

    /// What it did wrong; the first hundred.
    #[must_use]
    pub fn faults(&self) -> &[(Time, Fault)] {
        &self.faults
    }

    /// Where a stream receives RTP, while it is open.
    #[must_use]
    pub fn media_address(&self, stream: StreamId) -> Option<SocketAddr> {
        self.media.get(&stream).copied()
    }

    /// Hands the switch an input of the embedder's own.
    pub fn input(&mut self, now: Time, input: Input) {
        self.now = self.now.max(now);
        self.switch.handle(self.now, input);
        self.pump();
    }

    /// Carries what switch and engine have to say to each other and to the network until both are silent.
    fn pump(&mut self) {
        self.said = Said::default();
        loop {
            if let Some(output) = self.switch.poll_output() {
                self.do_output(output);
            } else if let Some(output) = self.engine.poll_output() {
                self.do_media(output);
            } else {
                break;
            }
        }
    }

    fn do_output(&mut self, output: Output) {
        match output {
            Output::Sip(transmit) => {
                let said = (transmit.flow.remote, transmit.data.clone());
                if self.said.sip.contains(&said) {
                    self.fault(Fault::Twice(String::from_utf8_lossy(&transmit.data).into_owned()));
                }
                self.said.sip.push(said);
                if let Some(opened) = self.streams.transmit(transmit, &mut self.outputs) {
                    self.switch.handle(self.now, Input::SipConnectionOpened(opened));
                }
            }
            Output::CloseConnection(id) => {
                self.outputs.extend(self.streams.close(id));
                self.switch.handle(self.now, Input::SipConnectionClosed(id));
            }
            Output::Media(command) => self.do_command(command),
            Output::Event(event) => {
                if self.said.events.contains(&event) {
                    self.fault(Fault::Twice(format!("{event:?}")));
                }
                self.said.events.push(event.clone());
                if self.events.len() >= EVENT_LIMIT {
                    self.events.pop_front();
                }
                self.events.push_back((self.now, event));
            }
            _ => {}
        }
    }

    fn do_command(&mut self, command: Command) {
        if self.said.commands.contains(&command) {
            self.fault(Fault::Twice(format!("{command:?}")));
        }
        self.said.commands.push(command.clone());
        match self.engine.handle(self.now, command.clone()) {
            Ok(()) => {}
            Err(error) => self.fault(Fault::Command {
                command: command.clone(),
                error,
            }),
        }
        if let Command::Open { stream, config } = &command {
            self.media.insert(*stream, config.local);
            self.ports.insert(config.local.port(), *stream);
        }
        if let Command::Close { stream } = &command {
            // The engine's last packets still leave from the stream's ports.
            while let Some(output) = self.engine.poll_output() {
                self.do_media(output);
            }
            if let Some(local) = self.media.remove(stream)
                && self.ports.get(&local.port()) == Some(stream)
            {
                self.ports.remove(&local.port());
            }
        }
    }

    fn do_media(&mut self, output: rtp_media::Output) {
        match output {
            rtp_media::Output::Transmit(transmit) => match self.media.get(&transmit.stream) {
                Some(local) => {
                    let from = match transmit.channel {
                        Channel::Rtp => *local,
                        Channel::Rtcp => SocketAddr::new(local.ip(), local.port() | 1),
                    };
                    let payload = Payload::Datagram(transmit.data.into());
                    self.outputs.push_back(Packet {
                        from,
                        to: transmit.remote,
                        payload,
                    });
                }
                None => self.fault(Fault::UnknownStream(transmit.stream)),
            },
            rtp_media::Output::Event(event) => self.switch.handle(self.now, Input::Media(event)),
            _ => {}
        }
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULT_LIMIT {
            self.faults.push((self.now, fault));
        }
    }
}

impl Machine for Pbx {
    type Output = Packet;

    fn handle_timeout(&mut self, now: Time) {
        self.now = self.now.max(now);
        let due = |at: Option<Time>| at.is_some_and(|at| at <= self.now);
        if due(self.switch.poll_timeout()) {
            self.switch.handle_timeout(self.now);
        }
        if self.engine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.engine.handle_timeout(self.now);
        }
        self.pump();
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.switch
            .poll_timeout()
            .into_iter()
            .chain(self.engine.poll_timeout())
            .min()
    }

    fn poll_output(&mut self) -> Option<Packet> {
        self.outputs.pop_front()
    }
}

impl Host for Pbx {
    fn ip(&self) -> IpAddr {
        self.ip
    }

    fn receive(&mut self, now: Time, packet: Packet) {
        self.now = self.now.max(now);
        let port = packet.to.port();
        let is_media = self.ports.get(&(port & !1)).copied();
        match (is_media, &packet.payload) {
            (Some(stream), Payload::Datagram(data)) => {
                let channel = if port & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
                self.engine.receive(self.now, stream, channel, packet.from, data);
            }
            _ if port == 5060 || !matches!(packet.payload, Payload::Datagram(_)) => {
                match self.streams.receive(packet) {
                    Some(Arrival::Data(flow, data)) => self.switch.handle(self.now, Input::Sip { flow, data }),
                    Some(Arrival::Opened(flow)) => self.switch.handle(self.now, Input::SipConnectionOpened(flow)),
                    Some(Arrival::Closed(id)) => self.switch.handle(self.now, Input::SipConnectionClosed(id)),
                    None => {}
                }
            }
            // A port that is closed already.
            _ => {}
        }
        self.pump();
    }
}
