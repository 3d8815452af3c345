//! Real sockets on loopback; each test waits for what has to happen, not for a time to pass.

use std::io::{Read, Write};
use std::net::{TcpListener as StdListener, TcpStream as StdStream};

use mio::net::TcpListener;
use mio::{Events, Poll};

use super::*;

const NOW: Time = Time::from_secs(1_000);
const LISTENER: Token = Token(0);

struct World {
    poll: Poll,
    listener: TcpListener,
    local: SocketAddr,
    connections: Connections,
    inputs: Vec<Input>,
    touched: Vec<Flow>,
}

impl World {
    fn new(limits: Limits) -> Self {
        let poll = Poll::new().unwrap();
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let local = listener.local_addr().unwrap();
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .unwrap();
        let connections = Connections::new(limits, 1);
        Self {
            poll,
            listener,
            local,
            connections,
            inputs: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Turns until `enough`; a test that would wait for ever fails.
    fn until(&mut self, mut enough: impl FnMut(&[Input]) -> bool) {
        for _ in 0..500 {
            if enough(&self.inputs) {
                return;
            }
            let mut events = Events::with_capacity(64);
            self.poll.poll(&mut events, Some(Duration::from_millis(20))).unwrap();
            for event in &events {
                if event.token() == LISTENER {
                    while let Ok((stream, remote)) = self.listener.accept() {
                        self.connections
                            .accept(self.poll.registry(), stream, self.local, remote, &mut self.inputs);
                    }
                } else {
                    self.connections.ready(self.poll.registry(), event, &mut self.inputs);
                }
            }
            self.connections.read_on(self.poll.registry(), &mut self.inputs);
        }
        panic!("it did not happen: {:?}", self.inputs);
    }

    fn accepted(&mut self) -> (StdStream, Flow) {
        let stream = StdStream::connect(self.local).unwrap();
        self.until(|inputs| matches!(inputs.last(), Some(Input::SipConnectionOpened(_))));
        let Some(Input::SipConnectionOpened(flow)) = self.inputs.pop() else {
            unreachable!()
        };
        (stream, flow)
    }

    fn send(&mut self, flow: Flow, data: &'static [u8]) {
        self.connections.send(
            self.poll.registry(),
            NOW,
            flow,
            Bytes::from_static(data),
            &mut self.inputs,
        );
        self.touched.push(flow);
    }

    fn flush(&mut self) {
        self.connections
            .flush(self.poll.registry(), &mut self.touched, &mut self.inputs);
    }
}

fn received(inputs: &[Input]) -> Vec<u8> {
    let mut all = Vec::new();
    for input in inputs {
        if let Input::Sip { data, .. } = input {
            all.extend_from_slice(data);
        }
    }
    all
}

fn closed(inputs: &[Input]) -> bool {
    inputs
        .iter()
        .any(|input| matches!(input, Input::SipConnectionClosed(_)))
}

#[test]
fn bytes_go_both_ways_until_the_peer_closes() {
    let mut world = World::new(Limits::default());
    let (mut peer, flow) = world.accepted();
    assert_eq!(flow.local, world.local);
    peer.write_all(b"hello").unwrap();
    world.until(|inputs| received(inputs) == b"hello");
    world.send(flow, b"one ");
    world.send(flow, b"two");
    world.flush();
    let mut got = [0; 7];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"one two");
    drop(peer);
    world.until(closed);
    assert_eq!(world.connections.len(), 0);
}

#[test]
fn a_connection_is_opened_on_demand_and_used_again() {
    let mut world = World::new(Limits::default());
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let remote = listener.local_addr().unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: world.local,
        remote,
        connection: None,
    };
    world.send(flow, b"first ");
    world.send(flow, b"second");
    world.flush();
    world.until(|inputs| matches!(inputs, [Input::SipConnectionOpened(opened)] if opened.remote == remote));
    let (mut peer, _) = listener.accept().unwrap();
    let mut got = [0; 12];
    peer.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"first second");
    assert_eq!(world.connections.len(), 1);
}

#[test]
fn a_refused_connection_is_told() {
    let mut world = World::new(Limits::default());
    let nobody = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: world.local,
        remote: nobody,
        connection: None,
    };
    world.send(flow, b"lost");
    world.flush();
    world.until(|inputs| matches!(inputs, [Input::SipUnreachable { remote, .. }] if *remote == nobody));
    assert_eq!(world.connections.len(), 0);
    let tls = Flow {
        transport: Transport::Tls,
        ..flow
    };
    world.send(tls, b"not spoken here");
    assert!(matches!(
        world.inputs.last(),
        Some(Input::SipUnreachable {
            transport: Transport::Tls,
            ..
        })
    ));
}

#[test]
fn no_more_connections_than_the_limits_allow() {
    let limits = Limits {
        connections: 3,
        connections_of_one_address: 2,
        ..Limits::default()
    };
    let mut world = World::new(limits);
    let (first, _) = world.accepted();
    let _second = world.accepted();
    let mut third = StdStream::connect(world.local).unwrap();
    third.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut cut_off = false;
    world.until(|_| {
        cut_off |= matches!(third.read(&mut [0]), Ok(0)) || third.take_error().is_ok_and(|error| error.is_some());
        cut_off
    });
    assert_eq!(world.connections.len(), 2);
    drop(first);
    world.until(closed);
    let _again = world.accepted();
    assert_eq!(world.connections.len(), 2);
}

#[test]
fn a_peer_that_does_not_read_is_cut_off() {
    const CHUNK: &[u8] = &[7; 64 * 1024];
    let mut world = World::new(Limits {
        unsent: CHUNK.len(),
        ..Limits::default()
    });
    let (_peer, flow) = world.accepted();
    for _ in 0..1_000 {
        if closed(&world.inputs) {
            break;
        }
        world.send(flow, CHUNK);
        world.flush();
    }
    assert!(closed(&world.inputs));
    assert_eq!(world.connections.len(), 0);
}

#[test]
fn what_waits_is_sent_before_the_connection_is_closed() {
    let mut world = World::new(Limits::default());
    let (mut peer, flow) = world.accepted();
    world.send(flow, b"goodbye");
    let id = flow.connection.unwrap();
    world
        .connections
        .close(world.poll.registry(), NOW, id, &mut world.inputs);
    world.until(closed);
    let mut got = Vec::new();
    peer.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"goodbye");
}

#[test]
fn one_that_will_not_take_its_goodbye_is_closed_in_the_end() {
    const CHUNK: &[u8] = &[7; 64 * 1024];
    let mut world = World::new(Limits {
        unsent: usize::MAX,
        ..Limits::default()
    });
    let (_peer, flow) = world.accepted();
    for _ in 0..200 {
        world.send(flow, CHUNK);
    }
    world.flush();
    let registry = world.poll.registry();
    world
        .connections
        .close(registry, NOW, flow.connection.unwrap(), &mut world.inputs);
    assert!(!closed(&world.inputs));
    let due = world.connections.poll_timeout().unwrap();
    assert_eq!(due, NOW + Limits::default().patience);
    world.connections.handle_timeout(registry, due, &mut world.inputs);
    assert!(closed(&world.inputs));
    assert_eq!(world.connections.poll_timeout(), None);
}
