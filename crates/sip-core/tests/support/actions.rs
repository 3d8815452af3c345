//! What tests let agents do, and what they look at afterwards.

use sip_core::{Body, Event, Flow, Invite, Message, NameAddr, Reply, SessionId, StatusCode, Uri};

use super::{Network, address, start_line};

impl Network {
    /// Takes an agent's events.
    pub fn events(&mut self, node: usize) -> Vec<Event> {
        let events = core::mem::take(&mut self.nodes[node].events);
        events.into_iter().map(|(_, event)| event).collect()
    }

    /// What a node has sent: start lines.
    pub fn sent_lines(&self, node: usize) -> Vec<String> {
        let sent = self.nodes[node].sent.iter();
        sent.map(|(_, _, data)| start_line(data)).collect()
    }

    /// What has arrived at a node: start lines.
    pub fn received_lines(&self, node: usize) -> Vec<String> {
        let received = self.nodes[node].received.iter();
        received.map(|(_, _, data)| start_line(data)).collect()
    }

    pub fn count_sent(&self, node: usize, prefix: &str) -> usize {
        let lines = self.sent_lines(node);
        lines.iter().filter(|line| line.starts_with(prefix)).count()
    }

    pub fn count_received(&self, node: usize, prefix: &str) -> usize {
        let lines = self.received_lines(node);
        lines.iter().filter(|line| line.starts_with(prefix)).count()
    }

    /// The last message with this beginning that arrived at a node.
    pub fn last_received(&self, node: usize, prefix: &str) -> Message {
        let found = self.nodes[node].received.iter().rev();
        let mut found = found.filter(|(_, _, data)| data.starts_with(prefix.as_bytes()));
        let (_, _, data) = found
            .next()
            .unwrap_or_else(|| panic!("{prefix} came to node {node}; it got {:?}", self.received_lines(node)));
        Message::parse(data.clone()).unwrap()
    }

    /// An INVITE of an agent, with an offer. It goes to the proxy first.
    pub fn invite(&self, from: usize, target: &str, proxy: usize) -> Invite {
        let target: Uri = target.parse().unwrap();
        let mut invite = Invite::new(target.clone(), address(from), NameAddr::new(target));
        invite.flow = Some(Flow::udp(self.address(from), self.address(proxy)));
        invite.body = Some(Body::sdp("offer"));
        invite.contact_user = Some(format!("user{from}"));
        invite
    }

    pub fn call(&mut self, from: usize, target: &str, proxy: usize) -> SessionId {
        let invite = self.invite(from, target, proxy);
        self.act(from, |endpoint, now| endpoint.invite(now, invite)).unwrap()
    }

    /// The session of the last INVITE that came to an agent.
    pub fn incoming(&self, node: usize) -> SessionId {
        let found = self.nodes[node].events.iter().rev().find_map(|(_, event)| match event {
            Event::Invite { session, .. } => Some(*session),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("no INVITE came to node {node}"))
    }

    pub fn ring(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| {
            endpoint.provisional(now, session, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    }

    pub fn answer(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| {
            endpoint.answer(now, session, Reply::new().body(Body::sdp("answer")))
        })
        .unwrap();
    }

    pub fn reject(&mut self, node: usize, session: SessionId, status: StatusCode) {
        self.act(node, |endpoint, now| {
            endpoint.reject(now, session, status, Reply::new())
        })
        .unwrap();
    }

    pub fn hang_up(&mut self, node: usize, session: SessionId) {
        self.act(node, |endpoint, now| endpoint.hang_up(now, session, None))
            .unwrap();
    }
}
