//! Datagrams, connections, and where to send.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use machine::Time;

use super::timers::{Alarm, TimerKey};
use super::{ConnectionId, Endpoint, EndpointError, Flow, Output, Transmit, Transport};
use crate::header::Via;
use crate::transaction::Failure;
use crate::wire::{FrameError, Framed, StreamFramer, salvage_request};
use crate::{HeaderName, Message, Request, Uri};

/// An open stream connection.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Connection {
    flow: Flow,
    framer: StreamFramer,
    /// When something last came or went.
    active: Time,
    /// Since when a message is incomplete, or nothing whole has come at all.
    partial_since: Option<Time>,
    alarm: Alarm,
}

impl Connection {
    /// The next frame. With it the peer's time for what follows begins anew: on a busy connection there is always some
    /// message that is incomplete.
    fn next_frame(&mut self) -> Option<Result<Framed, FrameError>> {
        let frame = self.framer.next();
        if frame.is_some() {
            self.partial_since = None;
        }
        frame
    }
}

impl Endpoint {
    /// A datagram came, or bytes of a stream (of a WebSocket: one message).
    ///
    /// Nothing a peer sends can fail here; what became of it is in [`stats`](Self::stats).
    pub fn receive(&mut self, now: Time, flow: Flow, data: Bytes) {
        self.advance(now);
        match (flow.transport, flow.connection) {
            (Transport::Udp, _) => self.on_datagram(
                Flow {
                    connection: None,
                    ..flow
                },
                data,
            ),
            (_, None) => self.stats.malformed += 1,
            (_, Some(id)) => self.on_stream(id, flow, &data),
        }
    }

    /// A connection is open: one that a peer made, or one made for a [`Transmit`]. `flow.connection` says its number.
    pub fn connection_opened(&mut self, now: Time, flow: Flow) {
        self.advance(now);
        if let Some(id) = flow.connection.filter(|_| flow.transport.is_reliable()) {
            self.open(id, flow);
        }
    }

    /// A connection was closed by the peer or broke. Requests sent on it that nothing was heard of fail with 503.
    pub fn connection_closed(&mut self, now: Time, connection: ConnectionId) {
        self.advance(now);
        self.closing.remove(&connection);
        if let Some(flow) = self.forget_connection(connection) {
            self.fail_unanswered(flow.transport, flow.remote, Some(connection));
        }
    }

    /// A peer could not be reached: no connection, or the network said so. Requests sent there that nothing was heard of
    /// fail with 503.
    pub fn unreachable(&mut self, now: Time, transport: Transport, remote: SocketAddr) {
        self.advance(now);
        self.fail_unanswered(transport, remote, None);
    }

    fn on_datagram(&mut self, flow: Flow, data: Bytes) {
        if data.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.stats.keepalives += 1;
            return;
        }
        self.on_message(flow, data);
    }

    fn on_stream(&mut self, id: ConnectionId, flow: Flow, data: &[u8]) {
        if !self.connections.contains_key(&id) && !self.open(id, flow) {
            return;
        }
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.active = now;
        connection.framer.push(data);
        let flow = connection.flow;
        while let Some(frame) = self
            .connections
            .get_mut(&id)
            .and_then(|connection| connection.next_frame())
        {
            match frame {
                Ok(Framed::Message(data)) => self.on_message(flow, data),
                Ok(Framed::Ping) => {
                    self.stats.keepalives += 1;
                    self.output.push_back(Output::Transmit(Transmit {
                        flow,
                        data: Bytes::from_static(b"\r\n"),
                    }));
                }
                Ok(Framed::Pong) => {}
                Err(error) => {
                    self.refuse_malformed(flow, &error.head, error.error);
                    self.close(id);
                    return;
                }
            }
        }
        if let Some(connection) = self.connections.get_mut(&id).filter(|c| c.framer.buffered() > 0) {
            connection.partial_since.get_or_insert(now);
        }
        self.arm_connection(id);
    }

    fn on_message(&mut self, flow: Flow, data: Bytes) {
        match Message::parse_with(data.clone(), &self.config.limits) {
            Ok(Message::Request(request)) => {
                self.stats.requests_received += 1;
                self.on_request(flow, request);
            }
            Ok(Message::Response(response)) => {
                self.stats.responses_received += 1;
                self.on_response(response);
            }
            Err(error) => self.refuse_malformed(flow, &data, error),
        }
    }

    fn refuse_malformed(&mut self, flow: Flow, data: &[u8], error: crate::ParseError) {
        self.refuse_broken(flow, salvage_request(data).as_ref(), error);
    }

    /// Answers a malformed request, if it still says where to.
    pub(super) fn refuse_broken(&mut self, flow: Flow, request: Option<&Request>, error: crate::ParseError) {
        let way_back = request.and_then(|request| {
            let first = request.headers().items(&HeaderName::Via).next();
            let via = request.top_via().ok().or_else(|| Via::salvage(first?));
            Some((request, via?))
        });
        match way_back {
            Some((request, via)) => {
                self.stats.refused_malformed += 1;
                self.refuse(flow, request, &via, error.status(), b"");
            }
            None => self.stats.malformed += 1,
        }
    }

    /// Whether there was room for it.
    fn open(&mut self, id: ConnectionId, flow: Flow) -> bool {
        if self.connections.contains_key(&id) {
            return true;
        }
        if self.closing.contains(&id) {
            return false;
        }
        if self.connections.len() >= self.config.limits.connections {
            self.stats.overloaded += 1;
            self.ask_to_close(id);
            return false;
        }
        let framer = StreamFramer::new(self.config.limits.clone());
        let connection = Connection {
            flow,
            framer,
            active: self.now,
            partial_since: Some(self.now),
            alarm: Alarm::default(),
        };
        self.connections.insert(id, connection);
        self.by_remote.insert((flow.transport, flow.remote), id);
        self.arm_connection(id);
        true
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(flow) = self.forget_connection(id) {
            self.stats.connections_closed += 1;
            self.ask_to_close(id);
            self.fail_unanswered(flow.transport, flow.remote, Some(id));
        }
    }

    fn ask_to_close(&mut self, id: ConnectionId) {
        self.output.push_back(Output::CloseConnection(id));
        self.closing.insert(id);
        if self.closing.len() > self.config.limits.connections {
            // An embedder that numbers upwards closed this one long ago.
            self.closing.pop_first();
        }
    }

    fn forget_connection(&mut self, id: ConnectionId) -> Option<Flow> {
        let mut connection = self.connections.remove(&id)?;
        self.timers.disarm(TimerKey::Connection(id), &mut connection.alarm);
        let remote = (connection.flow.transport, connection.flow.remote);
        if self.by_remote.get(&remote) == Some(&id) {
            self.by_remote.remove(&remote);
        }
        Some(connection.flow)
    }

    fn arm_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let idle = connection.active + self.config.idle_timeout;
        let deadline = match connection.partial_since {
            Some(since) => idle.min(since + self.config.frame_timeout),
            None => idle,
        };
        self.timers.arm(
            self.now,
            TimerKey::Connection(id),
            &mut connection.alarm,
            Some(deadline),
        );
    }

    pub(super) fn connection_due(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.alarm.fired();
        let slow = connection
            .partial_since
            .is_some_and(|since| since + self.config.frame_timeout <= self.now);
        if slow || connection.active + self.config.idle_timeout <= self.now {
            self.close(id);
        } else {
            self.arm_connection(id);
        }
    }

    /// Fails the requests that were sent to `remote` and that nothing was heard of.
    fn fail_unanswered(&mut self, transport: Transport, remote: SocketAddr, connection: Option<ConnectionId>) {
        let first = (transport, remote, slotmap::KeyData::from_ffi(0).into());
        let keys: Vec<_> = self
            .in_flight
            .range(first..)
            .take_while(|(t, r, _)| (*t, *r) == (transport, remote))
            .map(|(_, _, key)| *key)
            .collect();
        for key in keys {
            let affected = self.clients.get(key).is_some_and(|tx| {
                // One that was opened for the request is not noted in it.
                let by_it =
                    connection.is_none() || tx.flow().connection.is_none() || tx.flow().connection == connection;
                tx.is_unanswered() && by_it
            });
            if affected {
                self.client_failed(key, Failure::Transport);
            }
        }
    }

    /// Sends, on the connection that there is.
    pub(super) fn transmit(&mut self, flow: Flow, data: Bytes) {
        let flow = self.live_flow(flow);
        if let Some(connection) = flow.connection.and_then(|id| self.connections.get_mut(&id)) {
            connection.active = self.now;
        }
        self.stats.sent += 1;
        self.output.push_back(Output::Transmit(Transmit { flow, data }));
    }

    /// The flow with the connection that is open now, if any.
    pub(super) fn live_flow(&self, flow: Flow) -> Flow {
        if !flow.transport.is_reliable() {
            return Flow {
                connection: None,
                ..flow
            };
        }
        let open = flow.connection.filter(|id| self.connections.contains_key(id));
        let connection = open.or_else(|| self.by_remote.get(&(flow.transport, flow.remote)).copied());
        Flow { connection, ..flow }
    }

    pub(super) fn is_connected(&self, flow: Flow) -> bool {
        flow.connection.is_some_and(|id| self.connections.contains_key(&id))
    }

    /// The way to a URI with a numeric address (RFC 3263 §4.1, without DNS).
    pub(super) fn resolve(&self, uri: &Uri) -> Result<Flow, EndpointError> {
        use crate::Scheme;
        let secure = match uri.scheme() {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return Err(EndpointError::NoAddress),
        };
        let named = uri.transport().map(str::parse::<Transport>);
        let transport = match (named, secure) {
            (None, false) => Transport::Udp,
            (None | Some(Ok(Transport::Tcp)), true) => Transport::Tls,
            (Some(Ok(Transport::Ws)), true) => Transport::Wss,
            (Some(Ok(transport)), _) => transport,
            (Some(Err(_)), _) => return Err(EndpointError::NoTransport),
        };
        let maddr = uri
            .params()
            .value("maddr")
            .and_then(|maddr| maddr.parse::<IpAddr>().ok());
        let ip = maddr
            .or_else(|| uri.host().and_then(crate::Host::ip))
            .ok_or(EndpointError::NoAddress)?;
        let remote = SocketAddr::new(ip.to_canonical(), uri.port().unwrap_or(transport.default_port()));
        let local = self
            .listening(transport, SocketAddr::new(remote.ip(), 0))
            .filter(|local| local.is_ipv4() == remote.is_ipv4())
            .ok_or(EndpointError::NoTransport)?;
        Ok(self.live_flow(Flow {
            transport,
            local,
            remote,
            connection: None,
        }))
    }
}

/// Whether an address is one that only hosts near it can reach.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets().first() == Some(&100) && ip.octets().get(1).is_some_and(|b| b & 0xc0 == 64);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
