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
    fn start(ports: MediaPorts) -> Self {
        let poll = Poll::new().unwrap();
        let (outbox, inbox) = mailbox(Arc::new(Waker::new(poll.registry(), WAKE).unwrap()));
        let engine = Engine::new(EngineConfig::default(), [1; 32]);
        let (media, commands, _) = MediaIo::new(Clock::new(), engine, ports, outbox).unwrap();
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
        self.commands
            .as_ref()
            .unwrap()
            .send(&mut commands.into(), true)
            .unwrap();
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

/// Two pairs of ports that were free, and are bound now, with their addresses.
fn two_pairs() -> (MediaPorts, [SocketAddr; 2]) {
    (0..1000)
        .find_map(|_| {
            let address = StdSocket::bind("127.0.0.1:0").ok()?.local_addr().ok()?;
            let first = address.port() & !1;
            let ports = MediaPorts::bind(address.ip(), &(first..=first.checked_add(3)?)).ok()?;
            let at = |port| SocketAddr::new(address.ip(), port);
            (ports.pairs.len() == 2).then(|| (ports, [at(first), at(first + 2)]))
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
fn packets_go_from_phone_to_phone_until_the_streams_are_closed() {
    let (ports, [one_at, other_at]) = two_pairs();
    let mut media = Media::start(ports);
    let (one, other) = (phone(), phone());
    media.command([
        open(1, one_at, &one),
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
    // The ports stay bound; what comes to them is for nobody.
    one.send_to(&rtp(200), one_at).unwrap();
    other.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    while let Ok((length, _)) = other.recv_from(&mut buffer) {
        assert!(buffer[..length] != rtp(200)[..], "relayed after its end");
    }
    media.end();
}

#[test]
fn a_port_is_used_again_at_once() {
    let (ports, [at, _]) = two_pairs();
    let mut media = Media::start(ports);
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
fn ports_of_others_are_left_out() {
    let (ports, [first, second]) = two_pairs();
    let range = first.port()..=second.port() + 1;
    drop(ports);
    let other = StdSocket::bind(above(first)).unwrap();
    let ports = MediaPorts::bind(first.ip(), &range).unwrap();
    assert_eq!(ports.taken(), [first.port()]);
    assert_eq!(ports.pairs.iter().map(|pair| pair.local).collect::<Vec<_>>(), [second]);
    drop((ports, other));
    assert!(MediaPorts::bind(first.ip(), &range).unwrap().taken().is_empty());
}

#[test]
fn a_stream_without_a_port_of_ours_or_on_one_in_use_is_told() {
    let (ports, [at, _]) = two_pairs();
    let mut media = Media::start(ports);
    let nowhere = SocketAddr::new(at.ip(), 9);
    media.command([open(1, nowhere, &phone()), open(2, at, &phone()), open(3, at, &phone())]);
    for failed in [1, 3] {
        media.told(|event| matches!(event, Event::Failed { stream, error: CommandError::Full } if stream.0 == failed));
    }
    media.command([Command::Close { stream: StreamId(2) }]);
    media.told(|event| {
        matches!(
            event,
            Event::Closed {
                stream: StreamId(2),
                ..
            }
        )
    });
    media.end();
}
