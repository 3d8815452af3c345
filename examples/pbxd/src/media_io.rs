//! The media thread: the engine, and a pair of UDP sockets for each of its streams.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use machine::{Machine, Time};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use rtp_media::{Channel, Command, CommandError, Engine, Event, Output, StreamId};

use crate::clock::{Clock, until};
use crate::datagrams::Datagrams;
use crate::load::{Gathering, Load};
use crate::mailbox::{Inbox, Outbox, mailbox};
use crate::sounds::Named;

const WAKE: Token = Token(0);
/// Datagrams taken from one socket with one system call. Packets of a stream are 20 ms apart, so that mostly there is
/// one; room for more tells without a second call that there are none.
const BATCH: usize = 8;
/// More than the engine takes, so that what is too long for it is seen to be.
const LARGEST: usize = 2048;
/// Batches of one socket in one turn, so that a flood to one port leaves the others their turn.
const BATCHES_A_TURN: usize = 4;
/// A millisecond is far less than the jitter that any phone evens out.
const GATHERING: Gathering = Gathering {
    from: 1_000,
    time: Duration::from_millis(1),
    enough: 64,
};

/// The media side, before its thread runs it.
pub(crate) struct MediaIo {
    poll: Poll,
    clock: Clock,
    engine: Engine,
    ports: MediaPorts,
    inbox: Inbox<Command>,
    sounds: Inbox<Named>,
    outbox: Outbox<Event>,
}

impl MediaIo {
    /// A media side that says to `outbox` what happens. Also gives the mailboxes for its commands and for further sounds, which
    /// are known to the commands that are sent after them.
    pub(crate) fn new(
        clock: Clock,
        engine: Engine,
        ports: MediaPorts,
        outbox: Outbox<Event>,
    ) -> io::Result<(Self, Outbox<Command>, Outbox<Named>)> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (commands, inbox) = mailbox(Arc::clone(&waker));
        let (more_sounds, sounds) = mailbox(waker);
        Ok((
            Self {
                poll,
                clock,
                engine,
                ports,
                inbox,
                sounds,
                outbox,
            },
            commands,
            more_sounds,
        ))
    }

    /// Runs until the sender of commands is gone.
    pub(crate) fn run(self) -> io::Result<()> {
        let Self {
            mut poll,
            clock,
            mut engine,
            ports,
            inbox,
            sounds,
            outbox,
        } = self;
        let mut sockets = Sockets::new(poll.registry(), ports)?;
        let mut events = Events::with_capacity(1024);
        let mut commands = Vec::new();
        let mut more_sounds = Vec::new();
        let mut news = Vec::new();
        let mut load = Load::new(GATHERING);
        loop {
            let now = clock.now();
            let wait = if sockets.has_more() {
                Some(Duration::ZERO)
            } else {
                until(now, [engine.poll_timeout()])
            };
            match poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let now = clock.now();
            let open = inbox.receive(&mut commands);
            // What the commands play was sent before them.
            sounds.receive(&mut more_sounds);
            for Named { name, sound } in more_sounds.drain(..) {
                if let Err(error) = engine.add_sound(&name, sound) {
                    tracing::error!(name, %error, "a sound of the new configuration is not taken");
                }
            }
            for command in commands.drain(..) {
                obey(&mut engine, &mut sockets, now, command, &mut news);
                drain(&mut engine, &mut sockets, &mut news);
            }
            sockets.note_ready(&events);
            // While the other side is behind, packets stay in the kernel, which drops what is too much.
            if !outbox.is_congested() {
                load.add(now, sockets.receive(&mut engine, now));
            }
            if engine.poll_timeout().is_some_and(|due| due <= now) {
                engine.handle_timeout(now);
            }
            drain(&mut engine, &mut sockets, &mut news);
            let urgent = news.iter().any(is_urgent);
            outbox.send(&mut news, urgent)?;
            if !open {
                return Ok(());
            }
            if outbox.is_congested() {
                std::thread::sleep(GATHERING.time);
            } else if let Some(pause) = load.pause() {
                std::thread::sleep(pause);
            }
        }
    }
}

/// Whether control has something to do about it now.
fn is_urgent(event: &Event) -> bool {
    !matches!(event, Event::Closed { .. } | Event::Latched { .. })
}

/// Has the engine do what control asks, with the sockets that it needs.
fn obey(engine: &mut Engine, sockets: &mut Sockets, now: Time, command: Command, news: &mut Vec<Event>) {
    if let Command::Open { stream, config } = &command
        && let Err(error) = sockets.open(*stream, config.local)
    {
        tracing::error!(address = %config.local, %error, "no sockets for a stream");
        news.push(Event::Failed {
            stream: *stream,
            error: CommandError::Full,
        });
        return;
    }
    let opened = if let Command::Open { stream, .. } = &command {
        Some(*stream)
    } else {
        None
    };
    if let Err(error) = engine.handle(now, command) {
        tracing::debug!(%error, "the media engine refused a command");
        if let Some(stream) = opened
            && error != CommandError::DuplicateStream
        {
            sockets.close(stream);
        }
    }
}

/// Sends and tells what the engine has to send and to tell.
fn drain(engine: &mut Engine, sockets: &mut Sockets, news: &mut Vec<Event>) {
    while let Some(output) = engine.poll_output() {
        match output {
            Output::Transmit(transmit) => {
                sockets.send(transmit.stream, transmit.channel, transmit.remote, &transmit.data);
            }
            Output::Event(event) => {
                if let Event::Closed { stream, .. } = &event {
                    sockets.close(*stream);
                }
                news.push(event);
            }
            _ => {}
        }
    }
}

/// The media ports, all bound before the server starts: no call can fail because another program came first, and none pays
/// for making and closing sockets.
#[derive(Debug)]
pub(crate) struct MediaPorts {
    pairs: Vec<Pair>,
    taken: Vec<u16>,
}

impl MediaPorts {
    /// Binds each even port of the range with the odd one above it, but for those that another program has.
    pub(crate) fn bind(address: IpAddr, range: &RangeInclusive<u16>) -> io::Result<Self> {
        let mut ports = Self {
            pairs: Vec::new(),
            taken: Vec::new(),
        };
        for port in range
            .clone()
            .filter(|port| port % 2 == 0 && *port > 0 && port < range.end())
        {
            let local = SocketAddr::new(address, port);
            let bound = UdpSocket::bind(local).and_then(|rtp| Ok((rtp, UdpSocket::bind(above(local))?)));
            match bound {
                Ok((rtp, rtcp)) => ports.pairs.push(Pair {
                    stream: None,
                    local,
                    rtp,
                    rtcp,
                }),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => ports.taken.push(port),
                Err(error) => return Err(error),
            }
        }
        Ok(ports)
    }

    /// Even ports of pairs that another program has, or has one of.
    pub(crate) fn taken(&self) -> &[u16] {
        &self.taken
    }
}

fn above(local: SocketAddr) -> SocketAddr {
    SocketAddr::new(local.ip(), local.port() | 1)
}

/// The sockets, and which stream has which.
struct Sockets {
    /// The token of a pair's RTP socket is twice its place plus one, that of its RTCP socket one more.
    pairs: Vec<Pair>,
    /// By local RTP port: where in `pairs` its sockets are.
    ports: HashMap<u16, usize>,
    /// The same by stream.
    places: HashMap<StreamId, usize>,
    /// Tokens of sockets that may have more than was taken.
    ready: Vec<usize>,
    datagrams: Box<Datagrams<BATCH, LARGEST>>,
}

#[derive(Debug)]
struct Pair {
    /// Who has it at present. What arrives for nobody is taken and dropped.
    stream: Option<StreamId>,
    local: SocketAddr,
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Sockets {
    fn new(registry: &Registry, ports: MediaPorts) -> io::Result<Self> {
        let mut pairs = ports.pairs;
        let mut ports = HashMap::new();
        for (place, pair) in pairs.iter_mut().enumerate() {
            registry.register(&mut pair.rtp, Token(2 * place + 1), Interest::READABLE)?;
            registry.register(&mut pair.rtcp, Token(2 * place + 2), Interest::READABLE)?;
            ports.insert(pair.local.port(), place);
        }
        Ok(Self {
            pairs,
            ports,
            places: HashMap::new(),
            ready: Vec::new(),
            datagrams: Box::new(Datagrams::new()),
        })
    }

    /// Gives the stream the sockets of its RTP port and of the RTCP port above it.
    fn open(&mut self, stream: StreamId, local: SocketAddr) -> io::Result<()> {
        let place = self.ports.get(&local.port()).copied();
        let Some((place, pair)) = place.and_then(|place| Some((place, self.pairs.get_mut(place)?))) else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        if pair.stream.is_some_and(|other| other != stream) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        pair.stream = Some(stream);
        self.places.insert(stream, place);
        Ok(())
    }

    /// Takes the stream's sockets from it.
    fn close(&mut self, stream: StreamId) {
        if let Some(pair) = self.places.remove(&stream).and_then(|place| self.pairs.get_mut(place)) {
            pair.stream = None;
        }
    }

    fn note_ready(&mut self, events: &Events) {
        self.ready.extend(
            events
                .iter()
                .map(|event| event.token())
                .filter(|token| *token != WAKE)
                .map(|token| token.0),
        );
    }

    /// Whether something is left to take without waiting for it.
    fn has_more(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Hands to the engine what the ready sockets have; tells how many packets that was.
    fn receive(&mut self, engine: &mut Engine, now: Time) -> usize {
        let mut total = 0;
        // Those with more than a turn takes are put back into the list's beginning.
        let mut kept = 0;
        for index in 0..self.ready.len() {
            let Some(&token) = self.ready.get(index) else { break };
            let (packets, more) = self.receive_from(token, engine, now);
            total += packets;
            if more && let Some(place) = self.ready.get_mut(kept) {
                *place = token;
                kept += 1;
            }
        }
        self.ready.truncate(kept);
        total
    }

    fn receive_from(&mut self, token: usize, engine: &mut Engine, now: Time) -> (usize, bool) {
        let index = token.saturating_sub(1);
        let Some(pair) = self.pairs.get(index / 2) else {
            return (0, false);
        };
        let (channel, socket) = if index.is_multiple_of(2) {
            (Channel::Rtp, &pair.rtp)
        } else {
            (Channel::Rtcp, &pair.rtcp)
        };
        let mut packets = 0;
        for _ in 0..BATCHES_A_TURN {
            let received = self.datagrams.receive(socket, pair.local, |remote, data| {
                if let Some(stream) = pair.stream {
                    engine.receive(now, stream, channel, remote, data);
                }
            });
            match received {
                Ok(received) => {
                    packets += received.count;
                    if received.drained {
                        return (packets, false);
                    }
                }
                Err(error) => {
                    tracing::debug!(local = %pair.local, %error, "receiving media failed");
                    return (packets, false);
                }
            }
        }
        (packets, true)
    }

    fn send(&self, stream: StreamId, channel: Channel, remote: SocketAddr, data: &[u8]) {
        let Some(pair) = self.places.get(&stream).and_then(|place| self.pairs.get(*place)) else {
            return;
        };
        let socket = match channel {
            Channel::Rtp => &pair.rtp,
            Channel::Rtcp => &pair.rtcp,
        };
        // A packet that cannot be sent is a packet lost; the next one is due in 20 ms.
        if let Err(error) = socket.send_to(data, remote) {
            tracing::trace!(%remote, %error, "a media packet could not be sent");
        }
    }
}

#[cfg(test)]
mod tests;
