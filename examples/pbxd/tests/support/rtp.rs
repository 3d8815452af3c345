//! A phone's media side: sends a tone, keeps what it hears.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use super::sound;

/// Samples in a packet of 20 ms.
const FRAME: usize = 160;
/// Length of a plain RTP header.
const HEADER: usize = 12;

/// An RTP socket that speaks G.711 µ-law.
pub(crate) struct Media {
    socket: UdpSocket,
    sequence: u16,
    sent: usize,
}

/// An RTP packet that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

impl Media {
    /// A socket on an even port.
    pub(crate) fn new() -> Self {
        let even = |socket: &UdpSocket| socket.local_addr().unwrap().port().is_multiple_of(2);
        let socket = std::iter::repeat_with(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
            .find(even)
            .unwrap();
        Self {
            socket,
            sequence: 1000,
            sent: 0,
        }
    }

    /// The port to name in SDP.
    pub(crate) fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// A second handle on the same socket, to listen while the first one speaks.
    pub(crate) fn ear(&self) -> Self {
        Self {
            socket: self.socket.try_clone().unwrap(),
            sequence: self.sequence,
            sent: self.sent,
        }
    }

    /// Sends packets of a tone, `spacing` apart, and returns their payloads.
    pub(crate) fn say(&mut self, to: SocketAddr, frequency: f64, packets: usize, spacing: Duration) -> Vec<Vec<u8>> {
        (0..packets)
            .map(|_| {
                let payload: Vec<u8> = sound::sine(frequency, self.sent, FRAME)
                    .into_iter()
                    .map(sound::to_ulaw)
                    .collect();
                let mut packet = vec![0x80, if self.sent == 0 { 0x80 } else { 0 }];
                packet.extend(self.sequence.to_be_bytes());
                packet.extend(u32::try_from(self.sent).unwrap().to_be_bytes());
                packet.extend(u32::from(self.port()).to_be_bytes());
                packet.extend(&payload);
                self.socket.send_to(&packet, to).unwrap();
                self.sequence = self.sequence.wrapping_add(1);
                self.sent += FRAME;
                std::thread::sleep(spacing);
                payload
            })
            .collect()
    }

    /// Everything that arrives until `time` is over.
    pub(crate) fn listen(&self, time: Duration) -> Vec<Packet> {
        let end = Instant::now() + time;
        let mut heard = Vec::new();
        let mut buffer = [0; 2048];
        while let Some(left) = end
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            self.socket.set_read_timeout(Some(left)).unwrap();
            if let Ok(length) = self.socket.recv(&mut buffer) {
                heard.extend(read(&buffer[..length]));
            }
        }
        heard
    }

    /// Throws away what has arrived so far.
    pub(crate) fn forget(&self) {
        self.listen(Duration::from_millis(1));
    }
}

fn read(datagram: &[u8]) -> Option<Packet> {
    let header = datagram.get(..HEADER)?;
    assert_eq!(header[0] & 0xc0, 0x80, "RTP version 2");
    Some(Packet {
        payload_type: header[1] & 0x7f,
        sequence: u16::from_be_bytes([header[2], header[3]]),
        timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        payload: datagram[HEADER..].to_vec(),
    })
}

/// The sound in packets of µ-law.
pub(crate) fn samples(packets: &[Packet]) -> Vec<i16> {
    packets
        .iter()
        .filter(|packet| packet.payload_type == 0)
        .flat_map(|packet| packet.payload.iter().map(|byte| sound::from_ulaw(*byte)))
        .collect()
}

/// Checks that the packets go on as one stream: the same source, sequence numbers and time that only grow.
pub(crate) fn assert_one_stream(packets: &[Packet]) {
    for pair in packets.windows(2) {
        let [a, b] = pair else { unreachable!() };
        assert_eq!(a.ssrc, b.ssrc, "the source changed within a stream");
        let step = b.sequence.wrapping_sub(a.sequence);
        assert!(
            step > 0 && step < 100,
            "sequence number {} after {}",
            b.sequence,
            a.sequence
        );
        assert!(
            b.timestamp.wrapping_sub(a.timestamp) < 80_000,
            "time stamp {} after {}",
            b.timestamp,
            a.timestamp
        );
    }
}
