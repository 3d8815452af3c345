//! TCP connections of the SIP side: accepted, opened on demand, written without ever waiting.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::{Buf, Bytes};
use machine::Time;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use sip_core::{ConnectionId, Flow, Transport};
use switch::Input;

use crate::ladder;

/// What one server holds at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections, accepted and opened.
    pub(crate) connections: usize,
    /// Connections with one address.
    pub(crate) connections_of_one_address: usize,
    /// Bytes that wait for one peer to read them. One who lets more wait is cut off.
    pub(crate) unsent: usize,
    /// How long a connection may take to open, or to take what is left when it is closed.
    pub(crate) patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 2048,
            connections_of_one_address: 256,
            unsent: 256 * 1024,
            patience: Duration::from_secs(5),
        }
    }
}

/// Reads of one connection in one turn, so that one who sends much does not keep the others waiting.
const READS_A_TURN: usize = 4;

/// All TCP connections. Tokens from `first_token` on are its own.
pub(crate) struct Connections {
    limits: Limits,
    first_token: usize,
    next: u64,
    open: HashMap<ConnectionId, Connection>,
    by_remote: HashMap<SocketAddr, ConnectionId>,
    by_address: HashMap<IpAddr, usize>,
    /// When to give up on those that open or close.
    deadlines: BTreeSet<(Time, ConnectionId)>,
    /// Those with more to read than one turn takes.
    unread: Vec<ConnectionId>,
    buffer: Box<[u8]>,
}

struct Connection {
    stream: TcpStream,
    flow: Flow,
    state: State,
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    Open,
    Closing,
}

impl Connections {
    pub(crate) fn new(limits: Limits, first_token: usize) -> Self {
        Self {
            limits,
            first_token,
            next: 1,
            open: HashMap::new(),
            by_remote: HashMap::new(),
            by_address: HashMap::new(),
            deadlines: BTreeSet::new(),
            unread: Vec::new(),
            buffer: vec![0; 64 * 1024].into_boxed_slice(),
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes in a connection that somebody opened to `local`. Beyond the limits it is closed at once, and `false` is returned.
    pub(crate) fn accept(
        &mut self,
        registry: &Registry,
        stream: TcpStream,
        local: SocketAddr,
        remote: SocketAddr,
        inputs: &mut Vec<Input>,
    ) -> bool {
        let flow = Flow {
            transport: Transport::Tcp,
            local,
            remote,
            connection: None,
        };
        match self.insert(registry, stream, flow, State::Open) {
            Ok(Some(flow)) => {
                inputs.push(Input::SipConnectionOpened(flow));
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Sends on the connection that the flow names, else on one that is open to the remote address, else on a new one.
    pub(crate) fn send(&mut self, registry: &Registry, now: Time, flow: Flow, data: Bytes, inputs: &mut Vec<Input>) {
        let known = flow.connection.or_else(|| self.by_remote.get(&flow.remote).copied());
        let id = match known {
            Some(id) => id,
            None => match self.connect(registry, now, flow) {
                Some(id) => id,
                None => {
                    inputs.push(Input::SipUnreachable {
                        transport: flow.transport,
                        remote: flow.remote,
                    });
                    return;
                }
            },
        };
        let Some(connection) = self.open.get_mut(&id) else {
            return;
        };
        if connection.state == State::Closing {
            return;
        }
        connection.unsent_bytes += data.len();
        connection.unsent.push_back(data);
        if connection.unsent_bytes > self.limits.unsent {
            tracing::warn!(remote = %connection.flow.remote, "a peer does not read what it is sent: connection closed");
            self.remove(registry, id, inputs);
        }
    }

    /// Writes what waits on connections that were sent to in this turn; called once a turn.
    pub(crate) fn flush(&mut self, registry: &Registry, touched: &mut Vec<Flow>, inputs: &mut Vec<Input>) {
        for flow in touched.drain(..) {
            let id = flow.connection.or_else(|| self.by_remote.get(&flow.remote).copied());
            if let Some(id) = id {
                self.write(registry, id, inputs);
            }
        }
    }

    /// Closes a connection when what waits on it is sent, or patience is at its end.
    pub(crate) fn close(&mut self, registry: &Registry, now: Time, id: ConnectionId, inputs: &mut Vec<Input>) {
        let Some(connection) = self.open.get_mut(&id) else {
            return;
        };
        if connection.unsent.is_empty() {
            self.remove(registry, id, inputs);
        } else {
            connection.state = State::Closing;
            self.deadlines.insert((now + self.limits.patience, id));
            self.write(registry, id, inputs);
        }
    }

    /// Does what a ready connection allows.
    pub(crate) fn ready(&mut self, registry: &Registry, event: &mio::event::Event, inputs: &mut Vec<Input>) {
        let Some(id) = event
            .token()
            .0
            .checked_sub(self.first_token)
            .map(|id| ConnectionId(id as u64))
        else {
            return;
        };
        if event.is_writable() {
            self.write(registry, id, inputs);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.read(registry, id, inputs);
        }
    }

    /// Goes on with those that had more to read than one turn takes.
    pub(crate) fn read_on(&mut self, registry: &Registry, inputs: &mut Vec<Input>) {
        for id in std::mem::take(&mut self.unread) {
            self.read(registry, id, inputs);
        }
    }

    /// Whether [`read_on`](Self::read_on) has something to do.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Gives up on those that took too long to open or to close.
    pub(crate) fn handle_timeout(&mut self, registry: &Registry, now: Time, inputs: &mut Vec<Input>) {
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.deadlines.remove(&(at, id));
            if self
                .open
                .get(&id)
                .is_some_and(|connection| connection.state != State::Open)
            {
                self.remove(registry, id, inputs);
            }
        }
    }

    fn connect(&mut self, registry: &Registry, now: Time, flow: Flow) -> Option<ConnectionId> {
        if flow.transport != Transport::Tcp {
            return None;
        }
        let stream = TcpStream::connect(flow.remote).ok()?;
        let id = self.insert(registry, stream, flow, State::Opening).ok()??.connection?;
        self.deadlines.insert((now + self.limits.patience, id));
        Some(id)
    }

    /// Takes a connection in and tells its flow; `None` where the limits are reached.
    fn insert(&mut self, registry: &Registry, stream: TcpStream, flow: Flow, state: State) -> io::Result<Option<Flow>> {
        let of_this_address = self.by_address.get(&flow.remote.ip()).copied().unwrap_or_default();
        if self.open.len() >= self.limits.connections || of_this_address >= self.limits.connections_of_one_address {
            return Ok(None);
        }
        let id = ConnectionId(self.next);
        let flow = Flow {
            connection: Some(id),
            ..flow
        };
        let mut connection = Connection {
            stream,
            flow,
            state,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
        };
        // SIP messages are small and wanted at once.
        let _ = connection.stream.set_nodelay(true);
        let token = Token(self.first_token + usize::try_from(self.next).unwrap_or(usize::MAX));
        registry.register(&mut connection.stream, token, Interest::READABLE | Interest::WRITABLE)?;
        self.next += 1;
        self.open.insert(id, connection);
        self.by_remote.insert(flow.remote, id);
        *self.by_address.entry(flow.remote.ip()).or_default() += 1;
        Ok(Some(flow))
    }

    fn remove(&mut self, registry: &Registry, id: ConnectionId, inputs: &mut Vec<Input>) {
        let Some(mut connection) = self.open.remove(&id) else {
            return;
        };
        let _ = registry.deregister(&mut connection.stream);
        let flow = connection.flow;
        if self.by_remote.get(&flow.remote) == Some(&id) {
            self.by_remote.remove(&flow.remote);
        }
        if let Some(count) = self.by_address.get_mut(&flow.remote.ip()) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&flow.remote.ip());
            }
        }
        inputs.push(if connection.state == State::Opening {
            Input::SipUnreachable {
                transport: flow.transport,
                remote: flow.remote,
            }
        } else {
            Input::SipConnectionClosed(id)
        });
    }

    fn read(&mut self, registry: &Registry, id: ConnectionId, inputs: &mut Vec<Input>) {
        for _ in 0..READS_A_TURN {
            let Some(connection) = self.open.get_mut(&id) else {
                return;
            };
            if connection.state == State::Opening {
                return;
            }
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => return self.remove(registry, id, inputs),
                Ok(count) => {
                    let data = self.buffer.get(..count).unwrap_or_default();
                    // What comes after the connection was to be closed is nobody's concern.
                    if connection.state == State::Open {
                        ladder::received(Transport::Tcp, connection.flow.remote, data);
                        inputs.push(Input::Sip {
                            flow: connection.flow,
                            data: Bytes::copy_from_slice(data),
                        });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.remove(registry, id, inputs),
            }
        }
        self.unread.push(id);
    }

    fn write(&mut self, registry: &Registry, id: ConnectionId, inputs: &mut Vec<Input>) {
        let Some(connection) = self.open.get_mut(&id) else {
            return;
        };
        if connection.state == State::Opening {
            match opened(&connection.stream) {
                Ok(true) => {
                    connection.state = State::Open;
                    inputs.push(Input::SipConnectionOpened(connection.flow));
                }
                Ok(false) => return,
                Err(_) => return self.remove(registry, id, inputs),
            }
        }
        if connection.write().is_err() || (connection.state == State::Closing && connection.unsent.is_empty()) {
            self.remove(registry, id, inputs);
        }
    }
}

impl Connection {
    /// Writes until all is written or the peer takes no more for now.
    fn write(&mut self) -> io::Result<()> {
        while let Some(first) = self.unsent.front_mut() {
            match self.stream.write(first) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.unsent_bytes -= count;
                    first.advance(count);
                    if first.is_empty() {
                        self.unsent.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether a connection that was being opened is open now.
fn opened(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
