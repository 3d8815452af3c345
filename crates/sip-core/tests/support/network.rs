//! A simulated network of endpoints, proxies and scripted peers: latency, loss, duplication, reordering, all by seed; and
//! virtual time. Each node has addresses; what is sent to an address arrives at its node.
//!
//! ```ignore
//! let mut net = Network::new(1);
//! let alice = net.agent("192.0.2.11:5060", |_| {});
//! let bob = net.agent("192.0.2.12:5060", |_| {});
//! let proxy = net.proxy("192.0.2.1:5060", "example.com", |_| {});
//! net.router(proxy).locate("bob@example.com", TargetSet::parallel([Target::new("sip:bob@192.0.2.12".parse()?)]));
//! let call = net.call(alice, "sip:bob@example.com", proxy);
//! net.run(secs(1));
//! let ringing = net.incoming(bob);
//! net.act(bob, |endpoint, now| endpoint.answer(now, ringing, Reply::new()));
//! net.settle(); // nothing is left anywhere
//! ```
#![allow(dead_code, reason = "each test uses a part of it")]

mod actions;
mod router;
mod wire;

pub use router::Router;
pub use wire::{Chance, Link};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::proxy::{self, Proxy, ProxyConfig};
use sip_core::{ConnectionId, Endpoint, EndpointConfig, Event, Flow, Message, NameAddr, Output, Transmit, Transport};
use wire::{Arrival, Wire};

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub const START: Time = Time::from_secs(1_700_000_000);

#[allow(clippy::large_enum_variant, reason = "a handful of nodes")]
pub enum Part {
    Agent(Endpoint),
    Proxy(Proxy),
    /// What arrives is only noted; the test says what it sends.
    Script,
}

pub struct Node {
    pub part: Part,
    pub router: Router,
    pub addresses: Vec<(Transport, SocketAddr)>,
    pub events: Vec<(Time, Event)>,
    pub proxy_events: Vec<(Time, proxy::Event)>,
    pub sent: Vec<(Time, Flow, Bytes)>,
    pub received: Vec<(Time, Flow, Bytes)>,
    /// Connections: ours, and the peer's node and connection.
    streams: BTreeMap<ConnectionId, (Flow, usize, ConnectionId)>,
}

pub struct Network {
    pub now: Time,
    pub nodes: Vec<Node>,
    pub link: Link,
    pub chance: Chance,
    seed: u64,
    wire: Wire,
    connections: u64,
    /// Datagrams that were carried, for bounds.
    pub carried: usize,
    /// All messages in the order in which they were sent, lost ones too: from which node, which way.
    pub trace: Vec<(usize, Flow, Bytes)>,
    /// Writes each machine out and reads it back, after all it does.
    #[cfg(feature = "serde")]
    pub reload: bool,
}

impl Network {
    pub fn new(seed: u64) -> Self {
        Self {
            now: START,
            nodes: Vec::new(),
            link: Link::perfect(),
            chance: Chance::new(seed),
            seed,
            wire: Wire::default(),
            connections: 0,
            carried: 0,
            trace: Vec::new(),
            #[cfg(feature = "serde")]
            reload: false,
        }
    }

    pub fn lossy(mut self, loss: u64, duplicate: u64, jitter_ms: u64) -> Self {
        self.link.loss_percent = loss;
        self.link.duplicate_percent = duplicate;
        self.link.jitter_ms = jitter_ms;
        self
    }

    /// Loses datagrams for which `filter` says so.
    pub fn lose(&mut self, filter: impl FnMut(SocketAddr, SocketAddr, &Message) -> bool + 'static) {
        self.link.filter = Some(Box::new(filter));
    }

    pub fn lose_nothing(&mut self) {
        self.link.filter = None;
    }

    /// A user agent that listens on UDP and TCP.
    pub fn agent(&mut self, address: &str, configure: impl FnOnce(&mut EndpointConfig)) -> usize {
        let address: SocketAddr = address.parse().unwrap();
        let mut config = EndpointConfig::new([(Transport::Udp, address), (Transport::Tcp, address)]);
        configure(&mut config);
        let addresses = config.listen.clone();
        let endpoint = Endpoint::new(config, self.key());
        self.add(Part::Agent(endpoint), addresses)
    }

    /// A proxy for a domain that listens on UDP and TCP. [`router`](Self::router) says what it knows.
    pub fn proxy(&mut self, address: &str, domain: &str, configure: impl FnOnce(&mut ProxyConfig)) -> usize {
        let address: SocketAddr = address.parse().unwrap();
        let mut config = ProxyConfig::new([(Transport::Udp, address), (Transport::Tcp, address)], [domain]);
        configure(&mut config);
        let addresses = config.listen.clone();
        let proxy = Proxy::new(config, self.key());
        self.add(Part::Proxy(proxy), addresses)
    }

    /// A peer that does what the test says with [`send`](Self::send), over UDP.
    pub fn script(&mut self, address: &str) -> usize {
        let address: SocketAddr = address.parse().unwrap();
        self.add(Part::Script, vec![(Transport::Udp, address)])
    }

    fn key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key[0] = u8::try_from(self.nodes.len()).unwrap();
        key[1..9].copy_from_slice(&self.seed.to_le_bytes());
        key
    }

    fn add(&mut self, part: Part, addresses: Vec<(Transport, SocketAddr)>) -> usize {
        self.nodes.push(Node {
            part,
            router: Router::default(),
            addresses,
            events: Vec::new(),
            proxy_events: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            streams: BTreeMap::new(),
        });
        self.nodes.len() - 1
    }

    pub fn router(&mut self, node: usize) -> &mut Router {
        &mut self.nodes[node].router
    }

    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].addresses[0].1
    }

    /// Lets an agent do something, and its outputs take their way.
    pub fn act<T>(&mut self, node: usize, act: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        let now = self.now;
        let Part::Agent(endpoint) = &mut self.nodes[node].part else {
            panic!("node {node} is no agent")
        };
        let result = act(endpoint, now);
        self.drain(node);
        result
    }

    /// Lets a proxy do something, and its outputs take their way.
    pub fn act_proxy<T>(&mut self, node: usize, act: impl FnOnce(&mut Proxy, Time) -> T) -> T {
        let now = self.now;
        let Part::Proxy(proxy) = &mut self.nodes[node].part else {
            panic!("node {node} is no proxy")
        };
        let result = act(proxy, now);
        self.drain(node);
        result
    }

    pub fn endpoint(&self, node: usize) -> &Endpoint {
        match &self.nodes[node].part {
            Part::Agent(endpoint) => endpoint,
            _ => panic!("node {node} is no agent"),
        }
    }

    pub fn proxy_at(&self, node: usize) -> &Proxy {
        match &self.nodes[node].part {
            Part::Proxy(proxy) => proxy,
            _ => panic!("node {node} is no proxy"),
        }
    }

    /// A scripted peer sends a datagram to a node.
    pub fn send(&mut self, from: usize, to: usize, data: impl Into<Bytes>) {
        let flow = Flow::udp(self.address(from), self.address(to));
        self.carry(from, flow, data.into());
    }

    /// What has arrived at a node, parsed.
    pub fn arrived(&self, node: usize) -> Vec<Message> {
        let received = self.nodes[node].received.iter();
        received
            .map(|(_, _, data)| Message::parse(data.clone()).expect("readable"))
            .collect()
    }

    fn drain(&mut self, node: usize) {
        #[cfg(feature = "serde")]
        if self.reload {
            self.write_and_read(node);
        }
        loop {
            let now = self.now;
            let one = &mut self.nodes[node];
            let transmit = match &mut one.part {
                Part::Agent(endpoint) => match endpoint.poll_output() {
                    Some(Output::Event(event)) => {
                        one.events.push((now, event));
                        None
                    }
                    Some(Output::Transmit(transmit)) => Some(transmit),
                    Some(Output::CloseConnection(id)) => {
                        one.streams.remove(&id);
                        None
                    }
                    None => return,
                },
                Part::Proxy(proxy) => match proxy.poll_output() {
                    Some(proxy::Output::Event(event)) => {
                        one.router.handle(proxy, now, &event);
                        one.proxy_events.push((now, event));
                        None
                    }
                    Some(proxy::Output::Transmit(transmit)) => Some(transmit),
                    Some(proxy::Output::CloseConnection(id)) => {
                        one.streams.remove(&id);
                        None
                    }
                    None => return,
                },
                Part::Script => return,
            };
            if let Some(Transmit { flow, data, .. }) = transmit {
                self.carry(node, flow, data);
            }
        }
    }

    #[cfg(feature = "serde")]
    fn write_and_read(&mut self, node: usize) {
        match &mut self.nodes[node].part {
            Part::Agent(endpoint) => {
                let text = serde_json::to_string(endpoint).unwrap();
                *endpoint = serde_json::from_str(&text).unwrap();
                assert_eq!(serde_json::to_string(endpoint).unwrap(), text, "written the same again");
            }
            Part::Proxy(proxy) => {
                let text = serde_json::to_string(proxy).unwrap();
                *proxy = serde_json::from_str(&text).unwrap();
                assert_eq!(serde_json::to_string(proxy).unwrap(), text, "written the same again");
            }
            Part::Script => {}
        }
    }

    fn carry(&mut self, node: usize, flow: Flow, data: Bytes) {
        self.carried += 1;
        self.trace.push((node, flow, data.clone()));
        self.nodes[node].sent.push((self.now, flow, data.clone()));
        if flow.transport == Transport::Udp {
            let copies = self.link.copies(&mut self.chance, flow.local, flow.remote, &data);
            for delay in copies {
                let arrival = Arrival::Datagram {
                    to: flow.remote,
                    from: flow.local,
                    data: data.clone(),
                };
                self.wire.schedule(self.now + delay, arrival);
            }
            return;
        }
        let id = flow.connection.filter(|id| self.nodes[node].streams.contains_key(id));
        let Some(id) = id.or_else(|| self.connect(node, flow)) else {
            let now = self.now;
            match &mut self.nodes[node].part {
                Part::Agent(endpoint) => endpoint.unreachable(now, flow.transport, flow.remote),
                Part::Proxy(proxy) => proxy.unreachable(now, flow.transport, flow.remote),
                Part::Script => {}
            }
            return;
        };
        let (_, peer, theirs) = self.nodes[node].streams[&id];
        let flow = self.nodes[peer].streams[&theirs].0;
        // In pieces, as TCP may: the framer has to put them together.
        let cut = data.len() / 3;
        for data in [data.slice(..cut), data.slice(cut..)] {
            let arrival = Arrival::Stream { node: peer, flow, data };
            self.wire.schedule(self.now + self.link.latency, arrival);
        }
    }

    fn find(&self, transport: Transport, address: SocketAddr) -> Option<usize> {
        let is_there = |node: &Node| node.addresses.contains(&(transport, address));
        self.nodes.iter().position(is_there)
    }

    fn connect(&mut self, node: usize, flow: Flow) -> Option<ConnectionId> {
        let peer = self.find(flow.transport, flow.remote)?;
        self.connections += 2;
        let (ours, theirs) = (ConnectionId(self.connections), ConnectionId(self.connections + 1));
        let port = 40_000 + u16::try_from(self.connections).unwrap();
        let local = SocketAddr::new(flow.local.ip(), port);
        let out = Flow::stream(flow.transport, local, flow.remote, ours);
        let back = Flow::stream(flow.transport, flow.remote, local, theirs);
        self.nodes[node].streams.insert(ours, (out, peer, theirs));
        self.nodes[peer].streams.insert(theirs, (back, node, ours));
        self.opened(node, out);
        self.opened(peer, back);
        Some(ours)
    }

    fn opened(&mut self, node: usize, flow: Flow) {
        let now = self.now;
        match &mut self.nodes[node].part {
            Part::Agent(endpoint) => endpoint.connection_opened(now, flow),
            Part::Proxy(proxy) => proxy.connection_opened(now, flow),
            Part::Script => {}
        }
    }

    fn closed(&mut self, node: usize, id: ConnectionId) {
        let now = self.now;
        match &mut self.nodes[node].part {
            Part::Agent(endpoint) => endpoint.connection_closed(now, id),
            Part::Proxy(proxy) => proxy.connection_closed(now, id),
            Part::Script => {}
        }
        self.drain(node);
    }

    /// Breaks all of a node's connections; both sides hear of it.
    pub fn disconnect(&mut self, node: usize) {
        for (id, (_, peer, theirs)) in core::mem::take(&mut self.nodes[node].streams) {
            self.nodes[peer].streams.remove(&theirs);
            self.closed(node, id);
            self.closed(peer, theirs);
        }
    }

    fn poll_timeout(&self, node: usize) -> Option<Time> {
        match &self.nodes[node].part {
            Part::Agent(endpoint) => endpoint.poll_timeout(),
            Part::Proxy(proxy) => proxy.poll_timeout(),
            Part::Script => None,
        }
    }

    /// The next thing that happens, not later than `until`; whether there was one.
    pub fn step(&mut self, until: Time) -> bool {
        let timer = (0..self.nodes.len()).filter_map(|node| self.poll_timeout(node)).min();
        let arrival = self.wire.next();
        let Some(at) = timer.into_iter().chain(arrival).min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        if arrival == Some(at) {
            let arrival = self.wire.pop().unwrap();
            self.arrive(arrival);
            return true;
        }
        for node in 0..self.nodes.len() {
            let now = self.now;
            if self.poll_timeout(node).is_none_or(|due| due > now) {
                continue;
            }
            match &mut self.nodes[node].part {
                Part::Agent(endpoint) => endpoint.handle_timeout(now),
                Part::Proxy(proxy) => proxy.handle_timeout(now),
                Part::Script => {}
            }
            self.drain(node);
            let next = self.poll_timeout(node);
            assert!(next.is_none_or(|next| next > now), "still due after handle_timeout");
        }
        true
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Datagram { to, from, data } => {
                if let Some(node) = self.find(Transport::Udp, to) {
                    self.deliver(node, Flow::udp(to, from), data);
                }
            }
            Arrival::Stream { node, flow, data } => {
                let open = flow
                    .connection
                    .is_some_and(|id| self.nodes[node].streams.contains_key(&id));
                if open {
                    self.deliver(node, flow, data);
                }
            }
        }
    }

    fn deliver(&mut self, node: usize, flow: Flow, data: Bytes) {
        let now = self.now;
        self.nodes[node].received.push((now, flow, data.clone()));
        match &mut self.nodes[node].part {
            Part::Agent(endpoint) => endpoint.receive(now, flow, data),
            Part::Proxy(proxy) => proxy.receive(now, flow, data),
            Part::Script => {}
        }
        self.drain(node);
    }

    /// Runs until no message is under way any more. Timers that are not due by then wait.
    pub fn quiet(&mut self) {
        while let Some(at) = self.wire.next() {
            self.step(at);
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Runs until nothing can happen any more, and checks that nothing is left.
    pub fn settle(&mut self) {
        self.run(secs(3600));
        for (n, node) in self.nodes.iter().enumerate() {
            match &node.part {
                Part::Agent(endpoint) => {
                    let live = endpoint.live();
                    assert!(live.is_idle(), "agent {n} still holds {live:?}");
                    assert_eq!(live.timers, live.connections, "agent {n} still holds {live:?}");
                }
                Part::Proxy(proxy) => {
                    let live = proxy.live();
                    assert!(live.is_idle(), "proxy {n} still holds {live:?}");
                }
                Part::Script => {}
            }
        }
    }
}

pub fn address(node: usize) -> NameAddr {
    NameAddr::parse(format!("\"User {node}\" <sip:user{node}@example.org>").as_bytes()).unwrap()
}

pub fn start_line(data: &[u8]) -> String {
    let line = data.split(|byte| *byte == b'\r').next().unwrap();
    String::from_utf8(line.to_vec()).unwrap()
}
