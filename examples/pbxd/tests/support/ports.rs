//! Ports of one's own, so that tests can run side by side.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Mutex;

/// Where media ports are looked for: below the ports that the system gives out by itself.
const MEDIA: RangeInclusive<u16> = 11_000..=31_999;
/// How many ports a server gets: room for 500 streams.
pub(crate) const MEDIA_PORTS: u16 = 1000;

/// A port of 127.0.0.1 that nobody has, neither for UDP nor for TCP, nor the port above it (which a phone takes for TLS).
/// It is given once, so that tests of one process do not meet there before they have bound it.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for _ in 0..1000 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = udp.local_addr().unwrap().port();
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if port < u16::MAX && !given.contains(&port) && !given.contains(&(port + 1)) && free(port) && free(port + 1) {
            given.extend([port, port + 1]);
            return port;
        }
    }
    panic!("no port is free for UDP and TCP alike");
}

/// A row of media ports that no other server of this process uses, and of which none is bound now.
pub(crate) fn media_ports() -> RangeInclusive<u16> {
    static NEXT: Mutex<Option<u16>> = Mutex::new(None);
    let blocks = (MEDIA.end() - MEDIA.start() + 1) / MEDIA_PORTS;
    let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Processes start in different places.
    let mut block = next.unwrap_or_else(|| u16::try_from(std::process::id() % u32::from(blocks)).unwrap());
    for _ in 0..blocks {
        let first = MEDIA.start() + block * MEDIA_PORTS;
        block = (block + 1) % blocks;
        let row = first..=first + MEDIA_PORTS - 1;
        if row
            .clone()
            .all(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        {
            *next = Some(block);
            return row;
        }
    }
    panic!("no row of {MEDIA_PORTS} media ports is free");
}
