//! RTP streams of G.711: each leg sends a packet every 20 ms, and counts what it hears.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use crate::Result;

/// Parts of the 20 ms: streams are spread over them, as those of real calls are.
const PARTS: usize = 10;

/// Sockets on even ports, for one side of some calls.
pub fn sockets(count: usize) -> Result<Vec<UdpSocket>> {
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        if socket.local_addr()?.port().is_multiple_of(2) {
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
    }
    Ok(sockets)
}

/// The sockets' ports.
pub fn ports(sockets: &[UdpSocket]) -> Result<Vec<u16>> {
    sockets.iter().map(|socket| Ok(socket.local_addr()?.port())).collect()
}

/// A leg that talks.
pub struct Stream {
    socket: UdpSocket,
    server: u16,
    sequence: u16,
    timestamp: u32,
}

impl Stream {
    /// From its socket to the server's port.
    pub fn new(socket: UdpSocket, server: u16) -> Self {
        Self {
            socket,
            server,
            sequence: 1,
            timestamp: 0,
        }
    }

    fn send(&mut self) -> Result<()> {
        let mut packet = [0x5a; 172];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&u32::from(self.server).to_be_bytes());
        self.socket.send_to(&packet, (Ipv4Addr::LOCALHOST, self.server))?;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        Ok(())
    }

    fn heard(&self) -> usize {
        let mut buffer = [0; 2048];
        // RTCP comes to another port; whatever comes here is RTP.
        std::iter::from_fn(|| self.socket.recv(&mut buffer).ok()).count()
    }
}

/// Lets all streams talk for so long; how many packets were said and heard.
pub fn talk(streams: &mut [Stream], time: Duration) -> Result<(usize, usize)> {
    let (mut said, mut heard) = (0, 0);
    let step = Duration::from_millis(20) / u32::try_from(PARTS)?;
    let start = Instant::now();
    for tick in 0.. {
        let due = step * tick;
        if due >= time {
            break;
        }
        std::thread::sleep((start + due).saturating_duration_since(Instant::now()));
        for stream in streams.iter_mut().skip(usize::try_from(tick)? % PARTS).step_by(PARTS) {
            stream.send()?;
            said += 1;
            heard += stream.heard();
        }
    }
    std::thread::sleep(Duration::from_millis(200));
    heard += streams.iter().map(Stream::heard).sum::<usize>();
    Ok((said, heard))
}
