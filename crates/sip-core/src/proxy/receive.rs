//! Datagrams and connections.

use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;

use super::{Output, Proxy};
use crate::connections::{Opened, sent_to};
use crate::endpoint::{ConnectionId, Flow, Transmit, Transport};
use crate::header::Via;
use crate::outbound::stun;
use crate::transaction::Failure;
use crate::wire::{Framed, salvage_request};
use crate::{HeaderName, Host, Message, ParseError, Request};

impl Proxy {
    /// A datagram came, or bytes of a stream (of a WebSocket: one message).
    ///
    /// Nothing a peer sends can fail here; what became of it is in [`stats`](Self::stats).
    pub fn receive(&mut self, now: Time, flow: Flow, data: Bytes) {
        self.advance_time(now);
        match (flow.transport, flow.connection) {
            (Transport::Udp, _) => {
                let flow = Flow {
                    connection: None,
                    ..flow
                };
                if stun::is_stun(&data) {
                    if !self.admit(flow, &data) {
                        return;
                    }
                    self.stats.keepalives += 1;
                    if let Some(answer) = stun::answer(&data, flow.remote) {
                        self.keep_alive(flow, answer);
                    }
                } else if data.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                    self.stats.keepalives += 1;
                } else {
                    self.on_message(flow, data);
                }
            }
            (_, None) => self.stats.malformed += 1,
            (Transport::Ws | Transport::Wss, Some(id)) => self.on_websocket(id, flow, data),
            (Transport::Tcp | Transport::Tls, Some(id)) => self.on_stream(id, flow, &data),
        }
    }

    /// One message of a WebSocket: one SIP message (RFC 7118 §4.2), or a keep-alive.
    fn on_websocket(&mut self, id: ConnectionId, flow: Flow, data: Bytes) {
        if !self.open_connection(id, flow) {
            return;
        }
        let Some(flow) = self.connections.whole(self.now, id) else {
            return;
        };
        if !data.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            self.on_message(flow, data);
        } else if data.len() >= 4 {
            self.stats.keepalives += 1;
            self.keep_alive(flow, Bytes::from_static(b"\r\n"));
        }
        self.connections.drained(self.now, id);
    }

    /// The peer of a secure connection proved to be `name`, by its certificate: requests to that name at that address go
    /// over the connection from now on (RFC 5922 §4). See
    /// [`Endpoint::connection_verified`](crate::Endpoint::connection_verified). Whether there is such a connection, and room
    /// for the name ([`Limits::CONNECTION_NAMES`](crate::Limits::CONNECTION_NAMES)).
    pub fn connection_verified(&mut self, now: Time, connection: ConnectionId, name: &Host) -> bool {
        self.advance_time(now);
        self.connections.verified(connection, name).unwrap_or(false)
    }

    /// A connection is open: one that a peer made, or one made for a [`Transmit`]. `flow.connection` says its number.
    pub fn connection_opened(&mut self, now: Time, flow: Flow) {
        self.advance_time(now);
        if let Some(id) = flow.connection.filter(|_| flow.transport.is_reliable()) {
            self.open_connection(id, flow);
        }
    }

    /// A connection was closed by the peer or broke. Branches on it that nothing was heard of fail with 503 (RFC 3261
    /// §16.9).
    pub fn connection_closed(&mut self, now: Time, connection: ConnectionId) {
        self.advance_time(now);
        if let Some(flow) = self.connections.closed(connection) {
            self.note_disconnected(flow);
            self.fail_unanswered(flow.transport, flow.remote, Some(connection));
        }
    }

    /// A peer could not be reached: no connection, or the network said so. Branches to it that nothing was heard of fail
    /// with 503 (RFC 3261 §16.9).
    pub fn unreachable(&mut self, now: Time, transport: Transport, remote: SocketAddr) {
        self.advance_time(now);
        self.fail_unanswered(transport, remote, None);
    }

    /// Answers a keep-alive (RFC 5626 §4.4), as long as somebody fetches what is to be sent.
    fn keep_alive(&mut self, flow: Flow, answer: Bytes) {
        if self.output.len() < self.config.limits.proxy_output {
            self.output.push_back(Output::Transmit(Transmit::on(flow, answer)));
        }
    }

    fn on_stream(&mut self, id: ConnectionId, flow: Flow, data: &[u8]) {
        if !self.open_connection(id, flow) {
            return;
        }
        let Some(flow) = self.connections.push(self.now, id, data) else {
            return;
        };
        while let Some(frame) = self.connections.next_frame(id) {
            match frame {
                Ok(Framed::Message(data)) => self.on_message(flow, data),
                Ok(Framed::Ping) => {
                    self.stats.keepalives += 1;
                    self.keep_alive(flow, Bytes::from_static(b"\r\n"));
                }
                Ok(Framed::Pong) => {}
                Err(error) => {
                    self.refuse_broken(flow, salvage_request(&error.head).as_ref(), error.error);
                    self.close_connection(id);
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
            Err(error) => self.refuse_broken(flow, salvage_request(&data).as_ref(), error),
        }
    }

    /// Answers a malformed request, if it still says where to.
    pub(super) fn refuse_broken(&mut self, flow: Flow, request: Option<&Request>, error: ParseError) {
        let way_back = request.and_then(|request| {
            let first = request.headers().items(&HeaderName::Via).next();
            let via = request.top_via().ok().or_else(|| Via::salvage(first?));
            Some((request, via?))
        });
        match way_back {
            Some((request, via)) => {
                self.stats.refused_malformed += 1;
                self.refuse(flow, request, &via, error.status(), &[]);
            }
            None => self.stats.malformed += 1,
        }
    }

    /// Whether there was room for it.
    fn open_connection(&mut self, id: ConnectionId, flow: Flow) -> bool {
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

    pub(super) fn close_connection(&mut self, id: ConnectionId) {
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

    /// Fails the branches that were sent to `remote` and that nothing was heard of.
    fn fail_unanswered(&mut self, transport: Transport, remote: SocketAddr, connection: Option<ConnectionId>) {
        for key in sent_to(&self.in_flight, transport, remote) {
            if self.branch_was_on(key, connection) {
                self.client_failed(key, Failure::Transport);
            }
        }
    }

    /// Sends, on the connection that there is.
    pub(super) fn transmit(&mut self, flow: Flow, data: Bytes) {
        self.stats.sent += 1;
        let transmit = self.connections.transmit(self.now, flow, None, data);
        self.output.push_back(Output::Transmit(transmit));
    }

    /// Sends a response. `port`: where to connect to if the connection is gone (RFC 3261 §18.2.2).
    pub(super) fn send_response(&mut self, flow: Flow, port: u16, data: Bytes) {
        let gone = flow.transport.is_reliable() && flow.connection.and_then(|id| self.connections.flow(id)).is_none();
        let flow = if gone {
            Flow {
                remote: SocketAddr::new(flow.remote.ip(), port),
                connection: None,
                ..flow
            }
        } else {
            flow
        };
        self.transmit(flow, data);
    }
}
