//! An engine with streams whose peers are at 192.0.2.<stream>:4000, and packets to give it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "not every test uses all of it"
)]

use std::net::SocketAddr;
use std::time::Duration;

use machine::{Machine, Time};
use rtp_media::packet::{RtpHeader, RtpPacket, RtpWriter};
use rtp_media::{
    Channel, CodecKind, Command, CommandError, Engine, EngineConfig, Event, Output, StreamConfig, StreamId, Transmit,
};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The address of a stream's peer.
pub(crate) fn peer(stream: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, u8::try_from(stream).unwrap()], 4_000))
}

/// A stream as two ordinary phones agree it: µ-law, events under 101 both ways.
pub(crate) fn config(stream: u64) -> StreamConfig {
    let mut config = StreamConfig::new("198.51.100.1:20000".parse().unwrap());
    config.remote = Some(peer(stream));
    config.dtmf_send = Some(101);
    config.dtmf_receive = Some(101);
    config
}

pub(crate) fn alaw(stream: u64) -> StreamConfig {
    let mut config = config(stream);
    (config.codec, config.send_payload, config.receive_payload) = (CodecKind::Pcma, 8, 8);
    config
}

/// An RTP packet's bytes; its SSRC is 7.
pub(crate) fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    rtp_of(7, payload_type, sequence, timestamp, payload)
}

pub(crate) fn rtp_of(ssrc: u32, payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let header = RtpHeader {
        marker: false,
        payload_type,
        sequence,
        timestamp,
        ssrc,
    };
    RtpWriter::new(header, payload).to_packet().unwrap().to_vec()
}

pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(EngineConfig::default())
    }

    pub(crate) fn with(config: EngineConfig) -> Self {
        Self {
            engine: Engine::new(config, [3; 32]),
            now: Time::from_secs(1_700_000_000),
        }
    }

    /// Streams 1 to `streams`, the first two bridged.
    pub(crate) fn bridged(streams: u64) -> Self {
        let mut rig = Self::new();
        (1..=streams).for_each(|stream| rig.open(stream, config(stream)));
        rig.bridge(1, 2);
        rig
    }

    pub(crate) fn open(&mut self, stream: u64, config: StreamConfig) {
        self.command(Command::Open {
            stream: StreamId(stream),
            config,
        })
        .unwrap();
    }

    pub(crate) fn update(&mut self, stream: u64, config: StreamConfig) {
        self.command(Command::Update {
            stream: StreamId(stream),
            config,
        })
        .unwrap();
    }

    pub(crate) fn bridge(&mut self, a: u64, b: u64) {
        self.command(Command::Bridge {
            a: StreamId(a),
            b: StreamId(b),
        })
        .unwrap();
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<(), CommandError> {
        self.engine.handle(self.now, command)
    }

    /// A packet from the stream's own peer.
    pub(crate) fn receive(&mut self, stream: u64, data: &[u8]) {
        self.receive_from(stream, peer(stream), data);
    }

    pub(crate) fn receive_from(&mut self, stream: u64, remote: SocketAddr, data: &[u8]) {
        self.engine
            .receive(self.now, StreamId(stream), Channel::Rtp, remote, data);
    }

    /// Lets time pass, doing everything when it is due; what came out, and when.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<(Time, Output)> {
        let end = self.now + time;
        let mut outputs = self.drain();
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            self.engine.handle_timeout(due);
            assert!(self.engine.poll_timeout().is_none_or(|next| next > due));
            outputs.append(&mut self.drain());
        }
        self.now = end;
        outputs
    }

    pub(crate) fn drain(&mut self) -> Vec<(Time, Output)> {
        std::iter::from_fn(|| self.engine.poll_output())
            .map(|output| (self.now, output))
            .collect()
    }

    /// The RTP packets among what is to be sent now.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        self.drain()
            .into_iter()
            .filter_map(|(at, output)| Sent::of(at, &output))
            .collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.drain()
            .into_iter()
            .filter_map(|(_, output)| event(output))
            .collect()
    }
}

pub(crate) fn event(output: Output) -> Option<Event> {
    match output {
        Output::Event(event) => Some(event),
        _ => None,
    }
}

/// An RTP packet that was to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) at: Time,
    pub(crate) stream: u64,
    pub(crate) remote: SocketAddr,
    pub(crate) header: RtpHeader,
    pub(crate) payload: Vec<u8>,
}

impl Sent {
    pub(crate) fn of(at: Time, output: &Output) -> Option<Self> {
        match output {
            Output::Transmit(Transmit {
                stream,
                channel: Channel::Rtp,
                remote,
                data,
                ..
            }) => {
                let packet = RtpPacket::parse(data).unwrap();
                let (header, payload) = (packet.header(), packet.payload().to_vec());
                Some(Self {
                    at,
                    stream: stream.0,
                    remote: *remote,
                    header,
                    payload,
                })
            }
            _ => None,
        }
    }
}
