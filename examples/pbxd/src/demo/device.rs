//! A phone of the demo: the simulator's phone on real sockets, with a mouth and an ear.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};

use bytes::Bytes;
use machine::{Machine, Time};
use rtp_media::CodecKind;
use sim::{Host, Packet, Payload, Phone, PhoneConfig};

use super::audio::{BLOCK, Voice};

/// The ports from here on are for sound; the phone has its SIP port below.
const FIRST_MEDIA_PORT: u16 = 10_000;
/// Samples that an ear remembers: ten seconds.
const REMEMBERED: usize = 80_000;
/// The header of an RTP packet without extensions, which is what both sides here send.
const RTP_HEADER: usize = 12;

/// A phone with its sockets.
pub(super) struct Device {
    pub(super) phone: Phone,
    pub(super) voice: Voice,
    /// Packets of sound sent so far; the voice's next block.
    pub(super) spoken: usize,
    /// What was heard, oldest first.
    pub(super) heard: Vec<i16>,
    /// The payload type of what was heard last.
    pub(super) heard_as: Option<CodecKind>,
    sip: UdpSocket,
    media: BTreeMap<u16, UdpSocket>,
    streams: BTreeMap<(SocketAddr, SocketAddr), TcpStream>,
    buffer: Box<[u8; 65_535]>,
}

impl Device {
    /// Switches a phone on.
    pub(super) fn new(config: PhoneConfig, voice: Voice, seed: [u8; 32]) -> io::Result<Self> {
        let sip = UdpSocket::bind(config.sip_address())?;
        sip.set_nonblocking(true)?;
        Ok(Self {
            phone: Phone::new(config, seed),
            voice,
            spoken: 0,
            heard: Vec::new(),
            heard_as: None,
            sip,
            media: BTreeMap::new(),
            streams: BTreeMap::new(),
            buffer: Box::new([0; 65_535]),
        })
    }

    /// Forgets what was heard.
    pub(super) fn prick_up_ears(&mut self) {
        self.heard.clear();
    }

    /// Takes what has arrived, does what is due, sends what is to be sent.
    pub(super) fn turn(&mut self, now: Time) -> io::Result<()> {
        for packet in self.arrived()? {
            self.hear(&packet);
            self.phone.receive(now, packet);
        }
        if self.phone.poll_timeout().is_some_and(|due| due <= now) {
            self.phone.handle_timeout(now);
        }
        while let Some(packet) = self.phone.poll_output() {
            self.send(packet)?;
        }
        Ok(())
    }

    fn arrived(&mut self) -> io::Result<Vec<Packet>> {
        let mut packets = Vec::new();
        for socket in std::iter::once(&self.sip).chain(self.media.values()) {
            let to = socket.local_addr()?;
            // What nobody listens to any more comes back as an error of the socket that sent it, and means nothing here.
            while let Some((length, from)) = ready(socket.recv_from(self.buffer.as_mut_slice()))? {
                let data = self.buffer.get(..length).unwrap_or_default();
                packets.push(Packet {
                    from,
                    to,
                    payload: Payload::Datagram(Bytes::copy_from_slice(data)),
                });
            }
        }
        let mut closed = Vec::new();
        for ((local, remote), stream) in &mut self.streams {
            let mut push = |payload| {
                packets.push(Packet {
                    from: *remote,
                    to: *local,
                    payload,
                })
            };
            while let Some(length) = ready(stream.read(self.buffer.as_mut_slice()))? {
                if length == 0 {
                    closed.push((*local, *remote));
                    push(Payload::Close);
                    break;
                }
                push(Payload::Data(Bytes::copy_from_slice(
                    self.buffer.get(..length).unwrap_or_default(),
                )));
            }
        }
        for addresses in closed {
            self.streams.remove(&addresses);
        }
        Ok(packets)
    }

    fn send(&mut self, packet: Packet) -> io::Result<()> {
        let Packet { from, to, payload } = packet;
        match payload {
            Payload::Datagram(data) if from.port() >= FIRST_MEDIA_PORT => {
                let data = self.speak(&data);
                ready(self.media_socket(from)?.send_to(&data, to))?;
            }
            Payload::Datagram(data) => {
                // The other side may send sound as soon as it knows where to.
                if let Some(port) = offered_port(&data) {
                    self.media_socket(SocketAddr::new(from.ip(), port))?;
                }
                ready(self.sip.send_to(&data, to))?;
            }
            Payload::Open => {
                self.streams.insert((from, to), open(from, to)?);
            }
            Payload::Data(data) => {
                if let Some(port) = offered_port(&data) {
                    self.media_socket(SocketAddr::new(from.ip(), port))?;
                }
                if let Some(stream) = self.streams.get_mut(&(from, to)) {
                    stream.write_all(&data)?;
                }
            }
            Payload::Close => {
                self.streams.remove(&(from, to));
            }
        }
        Ok(())
    }

    fn media_socket(&mut self, local: SocketAddr) -> io::Result<&UdpSocket> {
        use std::collections::btree_map::Entry;
        match self.media.entry(local.port()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => {
                let socket = UdpSocket::bind(local)?;
                socket.set_nonblocking(true)?;
                Ok(new.insert(socket))
            }
        }
    }

    /// The packet with what this phone's voice says next, where it carries speech.
    fn speak(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        if let Some(codec) = codec_of(&packet)
            && packet.len() == RTP_HEADER + BLOCK
        {
            let block = self.voice.block(self.spoken);
            self.spoken += 1;
            packet.truncate(RTP_HEADER);
            packet.extend(block.iter().map(|sample| codec.encode(*sample)));
        }
        packet
    }

    fn hear(&mut self, packet: &Packet) {
        let Payload::Datagram(data) = &packet.payload else {
            return;
        };
        if packet.to.port() < FIRST_MEDIA_PORT {
            return;
        }
        if let Some(codec) = codec_of(data) {
            self.heard_as = Some(codec);
            self.heard
                .extend(data.iter().skip(RTP_HEADER).map(|code| codec.decode(*code)));
            let forgotten = self.heard.len().saturating_sub(REMEMBERED);
            self.heard.drain(..forgotten);
        }
    }
}

/// The codec of an RTP packet with speech.
fn codec_of(packet: &[u8]) -> Option<CodecKind> {
    let [0x80, kind, ..] = packet else { return None };
    CodecKind::from_static_payload(kind & 0x7f)
}

/// The port of sound that a SIP message gives.
fn offered_port(message: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(message).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    line.split(' ')
        .next()?
        .parse()
        .ok()
        .filter(|port| *port >= FIRST_MEDIA_PORT)
}

fn open(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket.connect(&to.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// What a socket gave; `None` where it has nothing for now.
fn ready<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::WouldBlock
                    | ErrorKind::Interrupted
                    | ErrorKind::ConnectionRefused
                    | ErrorKind::ConnectionReset
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
