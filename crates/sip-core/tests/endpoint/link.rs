//! Endpoints on a simulated network: latency, loss, duplication, all by seed; and virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::{
    Body, ConnectionId, Endpoint, EndpointConfig, Event, Flow, Invite, Live, Message, NameAddr, Output, Reply,
    SessionId, Transport, Uri,
};

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A small generator, so that the network's chance is its own.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }

    pub fn percent(&mut self, p: u64) -> bool {
        self.below(100) < p
    }
}

/// Whether to lose a message.
pub type Filter = Box<dyn FnMut(&Message) -> bool>;

/// What the network does to datagrams.
pub struct Link {
    pub latency: Duration,
    pub jitter_ms: u64,
    pub loss_percent: u64,
    pub duplicate_percent: u64,
    /// Datagrams for which it returns true are lost.
    pub filter: Option<Filter>,
}

enum Arrival {
    Datagram {
        to: SocketAddr,
        from: SocketAddr,
        data: Bytes,
    },
    Stream {
        node: usize,
        flow: Flow,
        data: Bytes,
    },
}

pub struct Node {
    pub endpoint: Endpoint,
    pub address: SocketAddr,
    pub events: Vec<(Time, Event)>,
    pub sent: Vec<(Time, Flow, Bytes)>,
    /// Connections: ours, and the peer's node and connection.
    streams: BTreeMap<ConnectionId, (Flow, usize, ConnectionId)>,
}

pub struct World {
    pub now: Time,
    pub nodes: Vec<Node>,
    pub link: Link,
    chance: Chance,
    wire: BTreeMap<(Time, u64), Arrival>,
    order: u64,
    connections: u64,
    /// Writes each endpoint out and reads it back, after all it does.
    #[cfg(feature = "serde")]
    pub reload: bool,
}

pub const START: Time = Time::from_secs(1_700_000_000);

impl World {
    pub fn new(nodes: usize, seed: u64) -> Self {
        Self::with(nodes, seed, |_, _| {})
    }

    pub fn with(nodes: usize, seed: u64, configure: impl Fn(usize, &mut EndpointConfig)) -> Self {
        let nodes = (0..nodes)
            .map(|n| {
                let address: SocketAddr = format!("192.0.2.{}:5060", n + 1).parse().unwrap();
                let mut config = EndpointConfig::new([(Transport::Udp, address), (Transport::Tcp, address)]);
                config.user_agent = format!("node {n}");
                configure(n, &mut config);
                let mut key = [0; 32];
                key[0] = u8::try_from(n).unwrap();
                key[1..9].copy_from_slice(&seed.to_le_bytes());
                Node {
                    endpoint: Endpoint::new(config, key),
                    address,
                    events: Vec::new(),
                    sent: Vec::new(),
                    streams: BTreeMap::new(),
                }
            })
            .collect();
        Self {
            now: START,
            nodes,
            link: Link {
                latency: ms(10),
                jitter_ms: 0,
                loss_percent: 0,
                duplicate_percent: 0,
                filter: None,
            },
            chance: Chance::new(seed),
            wire: BTreeMap::new(),
            order: 0,
            connections: 0,
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
    pub fn lose(&mut self, filter: impl FnMut(&Message) -> bool + 'static) {
        self.link.filter = Some(Box::new(filter));
    }

    pub fn lose_nothing(&mut self) {
        self.link.filter = None;
    }

    pub fn endpoint(&mut self, node: usize) -> &mut Endpoint {
        &mut self.nodes[node].endpoint
    }

    /// Lets a node do something, and its outputs take their way.
    pub fn act<T>(&mut self, node: usize, act: impl FnOnce(&mut Endpoint, Time) -> T) -> T {
        let now = self.now;
        let result = act(&mut self.nodes[node].endpoint, now);
        self.drain(node);
        result
    }

    /// Delivers bytes to a node from anywhere.
    pub fn inject(&mut self, node: usize, from: &str, data: impl Into<Bytes>) {
        let (local, from, data) = (self.nodes[node].address, from.parse().unwrap(), data.into());
        self.act(node, |endpoint, now| {
            endpoint.receive(now, Flow::udp(local, from), data)
        });
    }

    fn drain(&mut self, node: usize) {
        #[cfg(feature = "serde")]
        if self.reload {
            let text = serde_json::to_string(&self.nodes[node].endpoint).unwrap();
            let endpoint: Endpoint = serde_json::from_str(&text).unwrap();
            assert_eq!(
                serde_json::to_string(&endpoint).unwrap(),
                text,
                "written the same again"
            );
            self.nodes[node].endpoint = endpoint;
        }
        while let Some(output) = self.nodes[node].endpoint.poll_output() {
            match output {
                Output::Event(event) => self.nodes[node].events.push((self.now, event)),
                Output::Transmit(transmit) => self.carry(node, transmit.flow, transmit.data),
                Output::CloseConnection(id) => drop(self.nodes[node].streams.remove(&id)),
            }
        }
    }

    fn carry(&mut self, node: usize, flow: Flow, data: Bytes) {
        self.nodes[node].sent.push((self.now, flow, data.clone()));
        if flow.transport == Transport::Udp {
            let parsed = Message::parse(data.clone()).expect("an endpoint sends what can be read");
            if self.link.filter.as_mut().is_some_and(|filter| filter(&parsed)) {
                return;
            }
            let copies = 1 + u64::from(self.chance.percent(self.link.duplicate_percent));
            for _ in 0..copies {
                if !self.chance.percent(self.link.loss_percent) {
                    let delay = self.link.latency + ms(self.chance.below(self.link.jitter_ms + 1));
                    let arrival = Arrival::Datagram {
                        to: flow.remote,
                        from: flow.local,
                        data: data.clone(),
                    };
                    self.schedule(delay, arrival);
                }
            }
            return;
        }
        let id = flow.connection.filter(|id| self.nodes[node].streams.contains_key(id));
        let Some(id) = id.or_else(|| self.connect(node, flow)) else {
            let now = self.now;
            self.nodes[node].endpoint.unreachable(now, flow.transport, flow.remote);
            return;
        };
        let (_, peer, theirs) = self.nodes[node].streams[&id];
        let flow = self.nodes[peer].streams[&theirs].0;
        // In pieces, as TCP may: the framer has to put them together.
        let cut = data.len() / 3;
        for piece in [data.slice(..cut), data.slice(cut..)] {
            self.schedule(
                self.link.latency,
                Arrival::Stream {
                    node: peer,
                    flow,
                    data: piece,
                },
            );
        }
    }

    fn connect(&mut self, node: usize, flow: Flow) -> Option<ConnectionId> {
        let peer = self.nodes.iter().position(|other| other.address == flow.remote)?;
        self.connections += 2;
        let (ours, theirs) = (ConnectionId(self.connections), ConnectionId(self.connections + 1));
        let port = 40_000 + u16::try_from(self.connections).unwrap();
        let local = SocketAddr::new(flow.local.ip(), port);
        let out = Flow::stream(flow.transport, local, flow.remote, ours);
        let back = Flow::stream(flow.transport, flow.remote, local, theirs);
        self.nodes[node].streams.insert(ours, (out, peer, theirs));
        self.nodes[peer].streams.insert(theirs, (back, node, ours));
        let now = self.now;
        self.nodes[node].endpoint.connection_opened(now, out);
        self.nodes[peer].endpoint.connection_opened(now, back);
        Some(ours)
    }

    /// Breaks all of a node's connections; both sides hear of it.
    pub fn disconnect(&mut self, node: usize) {
        let now = self.now;
        for (id, (_, peer, theirs)) in core::mem::take(&mut self.nodes[node].streams) {
            self.nodes[peer].streams.remove(&theirs);
            self.nodes[node].endpoint.connection_closed(now, id);
            self.nodes[peer].endpoint.connection_closed(now, theirs);
            self.drain(peer);
        }
        self.drain(node);
    }

    fn schedule(&mut self, delay: Duration, arrival: Arrival) {
        self.order += 1;
        self.wire.insert((self.now + delay, self.order), arrival);
    }

    /// The next thing that happens, not later than `until`; whether there was one.
    pub fn step(&mut self, until: Time) -> bool {
        let timer = self.nodes.iter().filter_map(|node| node.endpoint.poll_timeout()).min();
        let arrival = self.wire.keys().next().map(|(at, _)| *at);
        let Some(at) = timer.into_iter().chain(arrival).min().filter(|at| *at <= until) else {
            return false;
        };
        self.now = self.now.max(at);
        if arrival == Some(at) {
            let (_, arrival) = self.wire.pop_first().unwrap();
            self.arrive(arrival);
            return true;
        }
        for node in 0..self.nodes.len() {
            let due = self.nodes[node]
                .endpoint
                .poll_timeout()
                .is_some_and(|due| due <= self.now);
            if due {
                let now = self.now;
                self.nodes[node].endpoint.handle_timeout(now);
                self.drain(node);
                let next = self.nodes[node].endpoint.poll_timeout();
                assert!(next.is_none_or(|next| next > now), "still due after handle_timeout");
            }
        }
        true
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = self.now;
        match arrival {
            Arrival::Datagram { to, from, data } => {
                if let Some(node) = self.nodes.iter().position(|node| node.address == to) {
                    self.act(node, |endpoint, _| endpoint.receive(now, Flow::udp(to, from), data));
                }
            }
            Arrival::Stream { node, flow, data } => {
                let open = flow
                    .connection
                    .is_some_and(|id| self.nodes[node].streams.contains_key(&id));
                if open {
                    self.act(node, |endpoint, _| endpoint.receive(now, flow, data));
                }
            }
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
            let live = node.endpoint.live();
            assert!(live.is_idle(), "node {n} still holds {live:?}");
            assert_eq!(live.timers, live.connections, "node {n} still holds {live:?}");
        }
    }

    pub fn live(&self, node: usize) -> Live {
        self.nodes[node].endpoint.live()
    }

    /// Takes a node's events.
    pub fn events(&mut self, node: usize) -> Vec<Event> {
        core::mem::take(&mut self.nodes[node].events)
            .into_iter()
            .map(|(_, event)| event)
            .collect()
    }

    /// The names of a node's events so far; they stay.
    pub fn names(&self, node: usize) -> Vec<&'static str> {
        self.nodes[node].events.iter().map(|(_, event)| name(event)).collect()
    }

    /// What a node has sent: start lines.
    pub fn sent_lines(&self, node: usize) -> Vec<String> {
        self.nodes[node]
            .sent
            .iter()
            .map(|(_, _, data)| start_line(data))
            .collect()
    }

    pub fn count_sent(&self, node: usize, prefix: &str) -> usize {
        self.sent_lines(node)
            .iter()
            .filter(|line| line.starts_with(prefix))
            .count()
    }

    pub fn last_sent(&self, node: usize, prefix: &str) -> Message {
        let (_, _, data) = self.nodes[node]
            .sent
            .iter()
            .rev()
            .find(|(_, _, data)| data.starts_with(prefix.as_bytes()))
            .unwrap();
        Message::parse(data.clone()).unwrap()
    }

    /// An INVITE from node to node.
    pub fn invite_to(&self, from: usize, to: usize) -> Invite {
        let target = Uri::parse(format!("sip:user{to}@{}", self.nodes[to].address).as_bytes()).unwrap();
        let mut invite = Invite::new(target.clone(), address(from), NameAddr::new(target));
        invite.body = Some(Body::sdp("offer"));
        invite.contact_user = Some(format!("user{from}"));
        invite
    }

    pub fn call(&mut self, from: usize, to: usize) -> SessionId {
        let invite = self.invite_to(from, to);
        self.act(from, |endpoint, now| endpoint.invite(now, invite)).unwrap()
    }

    /// The session of the last INVITE that came to a node.
    pub fn incoming(&self, node: usize) -> SessionId {
        let found = self.nodes[node].events.iter().rev().find_map(|(_, event)| match event {
            Event::Invite { session, .. } => Some(*session),
            _ => None,
        });
        found.expect("an INVITE came")
    }

    pub fn answer(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| {
            endpoint.answer(now, session, Reply::new().body(Body::sdp("answer")))
        })
        .unwrap();
    }

    /// An established call: the sessions of both sides. No events are left.
    pub fn established(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let caller = self.call(from, to);
        self.run(secs(1));
        let callee = self.incoming(to);
        self.answer(to, callee);
        self.run(secs(1));
        assert_eq!(self.names(from).last(), Some(&"Answered"));
        assert_eq!(self.names(to).last(), Some(&"Confirmed"));
        self.events(from);
        self.events(to);
        self.nodes[from].sent.clear();
        self.nodes[to].sent.clear();
        (caller, callee)
    }

    /// A call that is answered if the network lets it.
    pub fn established_soon(&mut self) -> (SessionId, Option<SessionId>) {
        let caller = self.call(0, 1);
        self.run(secs(3));
        let callee = self.nodes[1].events.iter().find_map(|(_, event)| match event {
            Event::Invite { session, .. } => Some(*session),
            _ => None,
        });
        if let Some(callee) = callee {
            self.answer(1, callee);
            self.run(secs(3));
        }
        self.nodes[1]
            .events
            .retain(|(_, event)| !matches!(event, Event::Invite { .. }));
        (caller, callee)
    }

    pub fn hang_up(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| endpoint.hang_up(now, session, None))
            .unwrap();
    }
}

pub fn address(node: usize) -> NameAddr {
    NameAddr::parse(format!("\"User {node}\" <sip:user{node}@example.com>").as_bytes()).unwrap()
}

pub fn start_line(data: &[u8]) -> String {
    let line = data.split(|byte| *byte == b'\r').next().unwrap();
    String::from_utf8(line.to_vec()).unwrap()
}

pub fn name(event: &Event) -> &'static str {
    match event {
        Event::Invite { .. } => "Invite",
        Event::Progress { .. } => "Progress",
        Event::Answered { .. } => "Answered",
        Event::Failed { .. } => "Failed",
        Event::Cancelled { .. } => "Cancelled",
        Event::Confirmed { .. } => "Confirmed",
        Event::Reinvite { .. } => "Reinvite",
        Event::ReinviteCancelled { .. } => "ReinviteCancelled",
        Event::Reinvited { .. } => "Reinvited",
        Event::Acknowledged { .. } => "Acknowledged",
        Event::Updated { .. } => "Updated",
        Event::Refreshed { .. } => "Refreshed",
        Event::Ended { .. } => "Ended",
        Event::Refer { .. } => "Refer",
        Event::ReferEnded { .. } => "ReferEnded",
        Event::ReferAccepted { .. } => "ReferAccepted",
        Event::ReferNotified { .. } => "ReferNotified",
        Event::Request { .. } => "Request",
        Event::Response { .. } => "Response",
        Event::Subscribe { .. } => "Subscribe",
        Event::Resubscribed { .. } => "Resubscribed",
        Event::SubscriptionEnded { .. } => "SubscriptionEnded",
        Event::SubscriptionForked { .. } => "SubscriptionForked",
        Event::SubscriptionSuspended { .. } => "SubscriptionSuspended",
        Event::SubscriptionAccepted { .. } => "SubscriptionAccepted",
        Event::Notified { .. } => "Notified",
        Event::HopFailed { .. } => "HopFailed",
        Event::KeepAlive { .. } => "KeepAlive",
        Event::Published { .. } => "Published",
        Event::PublicationDeferred { .. } => "PublicationDeferred",
        Event::PublicationEnded { .. } => "PublicationEnded",
        _ => "?",
    }
}
