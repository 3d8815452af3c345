//! Endpoints on a simulated network, straight to each other: `user0` at node 0, `user1` at node 1…

use core::ops::{Deref, DerefMut};

use bytes::Bytes;
use sip_core::{
    Body, Endpoint, EndpointConfig, Event, Flow, HeaderName, Invite, Live, Message, NameAddr, Request, Response,
    SessionId, Uri,
};

use crate::network::{Network, Part};
pub use crate::network::{START, ms, secs, start_line};

/// A [`Network`] of endpoints alone.
pub struct World(Network);

impl Deref for World {
    type Target = Network;

    fn deref(&self) -> &Network {
        &self.0
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Network {
        &mut self.0
    }
}

impl World {
    pub fn new(nodes: usize, seed: u64) -> Self {
        Self::with(nodes, seed, |_, _| {})
    }

    pub fn with(nodes: usize, seed: u64, configure: impl Fn(usize, &mut EndpointConfig)) -> Self {
        let mut net = Network::new(seed);
        for n in 0..nodes {
            net.agent(&format!("192.0.2.{}:5060", n + 1), |config| {
                config.user_agent = format!("node {n}");
                configure(n, config);
            });
        }
        Self(net)
    }

    pub fn lossy(self, loss: u64, duplicate: u64, jitter_ms: u64) -> Self {
        Self(self.0.lossy(loss, duplicate, jitter_ms))
    }

    /// Loses datagrams for which `filter` says so.
    pub fn lose(&mut self, mut filter: impl FnMut(&Message) -> bool + 'static) {
        self.0.lose(move |_, _, message| filter(message));
    }

    pub fn endpoint(&mut self, node: usize) -> &mut Endpoint {
        match &mut self.0.nodes[node].part {
            Part::Agent(endpoint) => endpoint,
            Part::Proxy(_) | Part::Script => panic!("node {node} is no endpoint"),
        }
    }

    /// Delivers bytes to a node from anywhere.
    pub fn inject(&mut self, node: usize, from: &str, data: impl Into<Bytes>) {
        let (local, from, data) = (self.address(node), from.parse().unwrap(), data.into());
        self.act(node, |endpoint, now| {
            endpoint.receive(now, Flow::udp(local, from), data)
        });
    }

    pub fn live(&self, node: usize) -> Live {
        self.0.endpoint(node).live()
    }

    /// The names of a node's events so far; they stay.
    pub fn names(&self, node: usize) -> Vec<&'static str> {
        self.nodes[node].events.iter().map(|(_, event)| name(event)).collect()
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

    /// The last request of a node's that begins so.
    pub fn request(&self, node: usize, prefix: &str) -> Request {
        match self.last_sent(node, prefix) {
            Message::Request(request) => request,
            Message::Response(_) => panic!("{prefix} is no request"),
        }
    }

    /// The last response of a node's that begins so.
    pub fn response(&self, node: usize, prefix: &str) -> Response {
        match self.last_sent(node, prefix) {
            Message::Response(response) => response,
            Message::Request(_) => panic!("{prefix} is no response"),
        }
    }

    /// A header of the last request of a node's that begins so.
    pub fn header(&self, node: usize, prefix: &str, name: HeaderName) -> Option<String> {
        self.request(node, prefix).headers().get_str(&name).map(str::to_owned)
    }

    /// A call of node 0 that has come to node 1: the sessions of both.
    pub fn called(&mut self) -> (SessionId, SessionId) {
        let caller = self.call(0, 1);
        self.run(ms(15));
        (caller, self.incoming(1))
    }

    /// An INVITE from node to node.
    pub fn invite_to(&self, from: usize, to: usize) -> Invite {
        let target = Uri::parse(format!("sip:user{to}@{}", self.address(to)).as_bytes()).unwrap();
        let mut invite = Invite::new(target.clone(), address(from), NameAddr::new(target));
        invite.body = Some(Body::sdp("offer"));
        invite.contact_user = Some(format!("user{from}"));
        invite
    }

    pub fn call(&mut self, from: usize, to: usize) -> SessionId {
        let invite = self.invite_to(from, to);
        self.act(from, |endpoint, now| endpoint.invite(now, invite)).unwrap()
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
}

pub fn address(node: usize) -> NameAddr {
    NameAddr::parse(format!("\"User {node}\" <sip:user{node}@example.com>").as_bytes()).unwrap()
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
