//! The media thread on real sockets; each test waits for what has to happen.

use std::net::UdpSocket as StdSocket;
use std::thread::JoinHandle;

use rtp_media::{EngineConfig, StreamConfig};

use super::*;

struct Media {
    poll: Poll,
    inbox: Inbox<Event>,
    commands: Option<Outbox<Command>>,
    thread: JoinHandle<io::Result<()>>,
    news: Vec<Event>,
}

impl Media {
    fn start() -> Self {
        let poll = Poll::new().unwrap();
        let (outbox, inbox) = mailbox(Arc::new(Waker::new(poll.registry(), WAKE).unwrap()));
        let engine = Engine::new(EngineConfig::default(), [1; 32]);
        let (media, commands) = MediaIo::new(Clock::new(), engine, outbox).unwrap();
        let thread = std::thread::spawn(move || media.run());
        Self {
            poll,
            inbox,
            commands: Some(commands),
            thread,
            news: Vec::new(),
        }
    }

    fn command(&self, commands: impl Into<Vec<Command>>) {
        self.commands.as_ref().unwrap().send(&mut commands.into()).unwrap();
    }

    /// Waits for an event like this.
    fn told(&mut self, like: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..500 {
            if let Some(at) = self.news.iter().position(&like) {
                return self.news.remove(at);
            }
            self.poll
                .poll(&mut Events::with_capacity(8), Some(Duration::from_millis(10)))
                .unwrap();
            self.inbox.receive(&mut self.news);
        }
        panic!("not told: {:?}", self.news);
    }

    fn end(mut self) {
        self.commands = None;
        self.thread.join().unwrap().unwrap();
        assert!(!self.inbox.receive(&mut self.news), "the end was not told");
    }
}

fn phone() -> StdSocket {
    let socket = StdSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// An address whose port, and the next one, are free.
fn free_pair() -> SocketAddr {
    (0..1000)
        .find_map(|_| {
            let first = StdSocket::bind("127.0.0.1:0").ok()?.local_addr().ok()?;
            let above = SocketAddr::new(first.ip(), first.port().checked_add(1)?);
            StdSocket::bind(above).ok().map(|_| first)
        })
        .unwrap()
}

fn open(stream: u64, local: SocketAddr, phone: &StdSocket) -> Command {
    let mut config = StreamConfig::new(local);
    config.remote = Some(phone.local_addr().unwrap());
    Command::Open {
        stream: StreamId(stream),
        config,
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet.extend([sequence.to_le_bytes()[0]; 160]);
    packet
}

#[test]
fn packets_go_from_phone_to_phone_and_ports_are_given_back() {
    let mut media = Media::start();
    let (one, other) = (phone(), phone());
    let one_at = free_pair();
    media.command([open(1, one_at, &one)]);
    let other_at = free_pair();
    media.command([
        open(2, other_at, &other),
        Command::Bridge {
            a: StreamId(1),
            b: StreamId(2),
        },
    ]);
    let mut buffer = [0; 2000];
    for sequence in 0..100 {
        // The first packets may come before the sockets are there.
        one.send_to(&rtp(sequence), one_at).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..20 {
        let (length, from) = other.recv_from(&mut buffer).unwrap();
        assert_eq!((length, from), (172, other_at));
    }
    media.command([
        Command::Close { stream: StreamId(1) },
        Command::Close { stream: StreamId(2) },
    ]);
    for stream in [StreamId(1), StreamId(2)] {
        media.told(|event| matches!(event, Event::Closed { stream: closed, .. } if *closed == stream));
    }
    for address in [one_at, other_at] {
        StdSocket::bind(address).unwrap();
        StdSocket::bind(SocketAddr::new(address.ip(), address.port() + 1)).unwrap();
    }
    media.end();
}

#[test]
fn a_port_is_used_again_at_once() {
    let mut media = Media::start();
    let at = free_pair();
    let phone = phone();
    for stream in 0..50 {
        media.command([
            open(stream, at, &phone),
            Command::Close {
                stream: StreamId(stream),
            },
        ]);
    }
    for stream in 0..50 {
        media.told(|event| matches!(event, Event::Closed { stream: closed, .. } if closed.0 == stream));
    }
    assert!(
        media.news.iter().all(|event| !matches!(event, Event::Failed { .. })),
        "{:?}",
        media.news
    );
    media.end();
}

#[test]
fn a_stream_whose_port_is_taken_is_told() {
    let mut media = Media::start();
    let at = free_pair();
    let _taken = StdSocket::bind(SocketAddr::new(at.ip(), at.port() + 1)).unwrap();
    media.command([open(1, at, &phone())]);
    media.told(|event| {
        matches!(
            event,
            Event::Failed {
                stream: StreamId(1),
                error: CommandError::Full
            }
        )
    });
    // Nothing is left of it: its other port is free.
    StdSocket::bind(at).unwrap();
    let elsewhere = free_pair();
    media.command([open(1, elsewhere, &phone()), Command::Close { stream: StreamId(1) }]);
    media.told(|event| matches!(event, Event::Closed { .. }));
    media.end();
}
