//! Datagrams, connections, and where to send.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use machine::Time;

use super::{ConnectionId, Endpoint, EndpointError, Event, Flow, Output, Transport};
use crate::connections::{Opened, sent_to};
use crate::header::Via;
use crate::outbound::stun;
use crate::transaction::Failure;
use crate::wire::{Framed, salvage_request};
use crate::{HeaderName, Host, Message, Request, Uri};

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
            (Transport::Ws | Transport::Wss, Some(id)) => self.on_websocket(id, flow, data),
            (Transport::Tcp | Transport::Tls, Some(id)) => self.on_stream(id, flow, &data),
        }
    }

    /// A connection is open: one that a peer made, or one made for a [`Transmit`](super::Transmit). `flow.connection` says its number.
    pub fn connection_opened(&mut self, now: Time, flow: Flow) {
        self.advance(now);
        if let Some(id) = flow.connection.filter(|_| flow.transport.is_reliable()) {
            self.open(id, flow);
        }
    }

    /// A connection was closed by the peer or broke. Requests sent on it that nothing was heard of fail with 503.
    pub fn connection_closed(&mut self, now: Time, connection: ConnectionId) {
        self.advance(now);
        if let Some(flow) = self.connections.closed(connection) {
            self.note_disconnected(flow);
            self.fail_unanswered(flow.transport, flow.remote, Some(connection));
        }
    }

    /// A peer could not be reached: no connection, or the network said so. Requests sent there that nothing was heard of
    /// fail with 503.
    pub fn unreachable(&mut self, now: Time, transport: Transport, remote: SocketAddr) {
        self.advance(now);
        self.fail_unanswered(transport, remote, None);
    }

    /// The peer of a secure connection proved to be `name`, by its certificate: requests to that name at that address go
    /// over the connection from now on (RFC 5922 §4, RFC 5923 §5). A secure connection of which nothing is known is only
    /// used for what comes from its peer and the dialogs made by that.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`] if there is no such connection; [`EndpointError::Full`] past
    /// [`Limits::CONNECTION_NAMES`](crate::Limits::CONNECTION_NAMES).
    pub fn connection_verified(
        &mut self,
        now: Time,
        connection: ConnectionId,
        name: &Host,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        match self.connections.verified(connection, name) {
            Some(true) => Ok(()),
            Some(false) => Err(EndpointError::Full),
            None => Err(EndpointError::Gone),
        }
    }

    /// A peer that proved its name lets us send requests for that name back on its connection (`alias` in the Via,
    /// RFC 5923 §8.2).
    pub(super) fn note_alias(&mut self, flow: Flow, via: &Via) {
        let Some(id) = flow
            .connection
            .filter(|_| flow.transport == Transport::Tls && via.params.contains("alias"))
        else {
            return;
        };
        let port = via.port.unwrap_or(flow.transport.default_port());
        self.connections.alias(id, &via.host, port);
    }

    /// One message of a WebSocket: one SIP message (RFC 7118 §4.2), or a keep-alive.
    fn on_websocket(&mut self, id: ConnectionId, flow: Flow, data: Bytes) {
        if !self.open(id, flow) {
            return;
        }
        let Some(flow) = self.connections.whole(self.now, id) else {
            return;
        };
        if data.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            self.on_line_end(flow, data.len() >= 4);
        } else {
            self.on_message(flow, data);
        }
        self.connections.drained(self.now, id);
    }

    /// A line end as keep-alive (RFC 5626 §3.5.1): `ping`, the second in a row.
    fn on_line_end(&mut self, flow: Flow, ping: bool) {
        if self.is_stuck() {
            self.stats.overloaded += 1;
        } else if ping {
            self.stats.keepalives += 1;
            self.transmit(flow, Bytes::from_static(b"\r\n"));
        } else if self.config.report_keepalives {
            self.emit(Event::KeepAlive { flow, stun: None });
        }
    }

    fn on_stun(&mut self, flow: Flow, data: Bytes) {
        self.stats.keepalives += 1;
        if let Some(answer) = stun::answer(&data, flow.remote) {
            self.transmit(flow, answer);
        } else if self.config.report_keepalives {
            self.emit(Event::KeepAlive { flow, stun: Some(data) });
        }
    }

    fn on_datagram(&mut self, flow: Flow, data: Bytes) {
        if stun::is_stun(&data) {
            if self.admit(flow, &data) {
                self.on_stun(flow, data);
            }
            return;
        }
        if data.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.stats.keepalives += u64::from(self.admit(flow, &data));
            return;
        }
        self.on_message(flow, data);
    }

    fn on_stream(&mut self, id: ConnectionId, flow: Flow, data: &[u8]) {
        if !self.open(id, flow) {
            return;
        }
        let Some(flow) = self.connections.push(self.now, id, data) else {
            return;
        };
        while let Some(frame) = self.connections.next_frame(id) {
            match frame {
                Ok(Framed::Message(data)) => self.on_message(flow, data),
                Ok(Framed::Ping) => self.on_line_end(flow, true),
                Ok(Framed::Pong) => self.on_line_end(flow, false),
                Err(error) => {
                    self.refuse_malformed(flow, &error.head, error.error);
                    self.close(id);
                    return;
                }
            }
        }
        self.connections.drained(self.now, id);
    }

    fn on_message(&mut self, flow: Flow, data: Bytes) {
        if !self.admit(flow, &data) {
            return;
        }
        match Message::parse_with(data.clone(), &self.config.limits) {
            Ok(Message::Request(request)) => {
                self.stats.requests_received += 1;
                self.on_request(flow, request);
            }
            Ok(Message::Response(response)) => {
                self.stats.responses_received += 1;
                self.on_response(flow, response);
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
        let is_new = self.connections.flow(id).is_none();
        match self.connections.open(self.now, id, flow, &self.config.limits) {
            Opened::Yes if !is_new || self.admits_connection(flow) => return true,
            Opened::Yes => drop(self.connections.forget(id)),
            Opened::Closing => return false,
            Opened::Full => {}
        }
        self.stats.overloaded += 1;
        self.ask_to_close(id);
        false
    }

    /// Closes a connection that is idle, slow or broken.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if let Some(flow) = self.connections.forget(id) {
            self.note_disconnected(flow);
            self.stats.connections_closed += 1;
            self.ask_to_close(id);
            self.fail_unanswered(flow.transport, flow.remote, Some(id));
        }
    }

    fn ask_to_close(&mut self, id: ConnectionId) {
        self.output.push_back(Output::CloseConnection(id));
        self.connections.close(id, &self.config.limits);
    }

    /// Fails the requests that were sent to `remote` and that nothing was heard of.
    fn fail_unanswered(&mut self, transport: Transport, remote: SocketAddr, connection: Option<ConnectionId>) {
        for key in sent_to(&self.in_flight, transport, remote) {
            let affected = self.clients.get(key).is_some_and(|tx| {
                // One that was opened for the request is not noted in it.
                let by_it =
                    connection.is_none() || tx.flow().connection.is_none() || tx.flow().connection == connection;
                tx.is_unanswered() && by_it
            });
            if affected {
                self.client_failed(key, Failure::Transport, true);
            }
        }
    }

    /// Sends, on the connection that there is.
    pub(super) fn transmit(&mut self, flow: Flow, data: Bytes) {
        self.transmit_to(flow, None, data);
    }

    /// Sends to a peer of this name, if it is known; else to whom the message itself names.
    pub(super) fn transmit_to(&mut self, flow: Flow, name: Option<Host>, data: Bytes) {
        self.stats.sent += 1;
        let transmit = self.connections.transmit(self.now, flow, name, data);
        self.output.push_back(Output::Transmit(transmit));
    }

    /// The flow with the connection that is open now, if any.
    pub(super) fn live_flow(&self, flow: Flow) -> Flow {
        self.connections.live(flow)
    }

    pub(super) fn named_flow(&self, flow: Flow, name: Option<&Host>) -> Flow {
        self.connections.named(flow, name)
    }

    pub(super) fn is_connected(&self, flow: Flow) -> bool {
        flow.connection.is_some_and(|id| self.connections.flow(id).is_some())
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
        let flow = Flow {
            transport,
            local,
            remote,
            connection: None,
        };
        Ok(self.named_flow(flow, uri.host()))
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
