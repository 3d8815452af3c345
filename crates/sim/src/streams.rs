//! A host's stream connections: which number stands for which pair of addresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use machine::Time;
use sip_core::{ConnectionId, Endpoint, Flow, Transmit, Transport};

use crate::network::{Packet, Payload};

/// The most connections that a host holds; further ones are refused.
pub const MAX_CONNECTIONS: usize = 10_000;

/// The first of the ports from which a host opens connections.
const FIRST_PORT: u16 = 49_152;

/// What a packet on a host's SIP port means.
pub(crate) enum Arrival {
    /// Bytes, and the way they came.
    Data(Flow, Bytes),
    /// A connection was opened to us.
    Opened(Flow),
    /// A connection was closed by the peer.
    Closed(ConnectionId),
}

#[derive(Debug)]
pub(crate) struct Streams {
    ip: IpAddr,
    next_id: u64,
    next_port: u16,
    flows: BTreeMap<ConnectionId, Flow>,
    by_addresses: BTreeMap<(SocketAddr, SocketAddr), ConnectionId>,
}

impl Streams {
    pub(crate) fn new(ip: IpAddr) -> Self {
        Self {
            ip,
            next_id: 1,
            next_port: FIRST_PORT,
            flows: BTreeMap::new(),
            by_addresses: BTreeMap::new(),
        }
    }

    /// What arrived; `None` for what belongs to no connection.
    pub(crate) fn receive(&mut self, packet: Packet) -> Option<Arrival> {
        let (local, remote) = (packet.to, packet.from);
        let known = self.by_addresses.get(&(local, remote)).copied();
        match (packet.payload, known) {
            (Payload::Datagram(data), _) => Some(Arrival::Data(Flow::udp(local, remote), data)),
            (Payload::Open, None) => self.add(local, remote).map(Arrival::Opened),
            (Payload::Data(data), Some(id)) => self.flows.get(&id).map(|flow| Arrival::Data(*flow, data)),
            (Payload::Close, Some(id)) => self.remove(id).map(|_| Arrival::Closed(id)),
            (Payload::Open, Some(_)) | (Payload::Data(_) | Payload::Close, None) => None,
        }
    }

    /// The packets that a transmission takes. A connection is opened where there is none; it is then told of.
    pub(crate) fn transmit(&mut self, transmit: Transmit, out: &mut impl Extend<Packet>) -> Option<Flow> {
        let Transmit { flow, data, .. } = transmit;
        if flow.transport == Transport::Udp {
            out.extend([Packet {
                from: flow.local,
                to: flow.remote,
                payload: Payload::Datagram(data),
            }]);
            return None;
        }
        let (flow, opened) = match flow.connection {
            Some(id) => (self.flows.get(&id).copied()?, None),
            None => {
                let existing = self.flows.values().find(|known| known.remote == flow.remote).copied();
                let flow = existing.or_else(|| self.open(flow.remote))?;
                (flow, existing.is_none().then_some(flow))
            }
        };
        let packet = |payload| Packet {
            from: flow.local,
            to: flow.remote,
            payload,
        };
        out.extend(opened.map(|_| packet(Payload::Open)));
        out.extend([packet(Payload::Data(data))]);
        opened
    }

    /// Closes a connection from our side.
    pub(crate) fn close(&mut self, id: ConnectionId) -> Option<Packet> {
        let flow = self.remove(id)?;
        Some(Packet {
            from: flow.local,
            to: flow.remote,
            payload: Payload::Close,
        })
    }

    fn open(&mut self, remote: SocketAddr) -> Option<Flow> {
        let ports = FIRST_PORT..=u16::MAX;
        let mut port = self.next_port;
        while self
            .by_addresses
            .contains_key(&(SocketAddr::new(self.ip, port), remote))
        {
            port = port
                .checked_add(1)
                .filter(|port| *port != self.next_port && ports.contains(port))?;
        }
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        self.add(SocketAddr::new(self.ip, port), remote)
    }

    fn add(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<Flow> {
        if self.flows.len() >= MAX_CONNECTIONS {
            return None;
        }
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let flow = Flow::stream(Transport::Tcp, local, remote, id);
        self.flows.insert(id, flow);
        self.by_addresses.insert((local, remote), id);
        Some(flow)
    }

    fn remove(&mut self, id: ConnectionId) -> Option<Flow> {
        let flow = self.flows.remove(&id)?;
        self.by_addresses.remove(&(flow.local, flow.remote));
        Some(flow)
    }
}

/// Hands what arrived to a bare endpoint.
pub(crate) fn deliver(endpoint: &mut Endpoint, now: Time, arrival: Arrival) {
    match arrival {
        Arrival::Data(flow, data) => endpoint.receive(now, flow, data),
        Arrival::Opened(flow) => endpoint.connection_opened(now, flow),
        Arrival::Closed(id) => endpoint.connection_closed(now, id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(connection: Option<ConnectionId>) -> Transmit {
        let flow = Flow {
            transport: Transport::Tcp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([192, 0, 2, 2], 5060).into(),
            connection,
        };
        Transmit {
            flow,
            data: Bytes::from_static(b"x"),
            server_name: None,
        }
    }

    #[test]
    fn a_connection_is_opened_once_used_again_and_closed() {
        let (mut one, mut two) = (Streams::new([192, 0, 2, 1].into()), Streams::new([192, 0, 2, 2].into()));
        let mut wire = Vec::new();
        let opened = one.transmit(transmit(None), &mut wire).unwrap();
        assert_eq!(one.transmit(transmit(None), &mut wire), None, "the open one is used");
        assert_eq!(one.transmit(transmit(opened.connection), &mut wire), None);
        assert_eq!(
            wire.iter()
                .map(|packet| packet.payload == Payload::Open)
                .collect::<Vec<_>>(),
            [true, false, false, false]
        );
        let mut accepted = None;
        for packet in wire {
            match two.receive(packet).unwrap() {
                Arrival::Opened(flow) => accepted = Some(flow),
                Arrival::Data(flow, _) => assert_eq!(Some(flow), accepted),
                Arrival::Closed(_) => unreachable!(),
            }
        }
        let accepted = accepted.unwrap();
        assert_eq!((accepted.local, accepted.remote), (opened.remote, opened.local));
        let close = two.close(accepted.connection.unwrap()).unwrap();
        assert!(matches!(one.receive(close.clone()), Some(Arrival::Closed(id)) if Some(id) == opened.connection));
        assert!(one.receive(close).is_none(), "closed already");
        assert!(two.close(accepted.connection.unwrap()).is_none());
        let mut wire = Vec::new();
        assert_eq!(one.transmit(transmit(opened.connection), &mut wire), None);
        assert!(wire.is_empty(), "nothing goes out on a closed connection");
    }

    #[test]
    fn connections_are_bounded() {
        let mut streams = Streams::new([192, 0, 2, 1].into());
        let remote = |port| ([192, 0, 2, 2], port).into();
        for port in 1..=10_000 {
            assert!(streams.open(remote(port)).is_some());
        }
        assert!(streams.open(remote(10_001)).is_none());
    }
}
