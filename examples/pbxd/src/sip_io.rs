//! The SIP sockets: datagrams in by batches, messages out once a turn.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::Time;
use mio::net::{TcpListener, UdpSocket};
use mio::{Interest, Registry, Token};
use sip_core::{Flow, Transmit, Transport};
use switch::Input;

use crate::datagrams::Datagrams;
use crate::ladder;
use crate::tcp::{Connections, Limits};

/// Datagrams taken with one system call.
const BATCH: usize = 32;
/// The largest datagram there is.
const LARGEST: usize = 65_535;
/// Batches of one socket in one turn, so that timers and the other sockets get their turn in a flood.
const BATCHES_A_TURN: usize = 8;
/// Room in the kernel for datagrams that wait: some 2,000 messages.
const KERNEL_BUFFER: usize = 4 * 1024 * 1024;
/// How long no connection is accepted after the system had no room for one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// An address that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {transport:?} {address}: {error}")]
pub(crate) struct BindError {
    transport: Transport,
    address: SocketAddr,
    #[source]
    error: io::Error,
}

/// Sockets that are bound, before their thread takes them.
#[derive(Debug)]
pub(crate) struct Bound {
    udp: Vec<(UdpSocket, SocketAddr)>,
    tcp: Vec<(TcpListener, SocketAddr)>,
}

impl Bound {
    /// Binds every address, or none.
    pub(crate) fn bind(listen: &[(Transport, SocketAddr)]) -> Result<Self, BindError> {
        let mut bound = Self {
            udp: Vec::new(),
            tcp: Vec::new(),
        };
        for &(transport, address) in listen {
            let failed = |error| BindError {
                transport,
                address,
                error,
            };
            match transport {
                Transport::Udp => {
                    let socket = UdpSocket::bind(address).map_err(failed)?;
                    // The kernel grants what its limits allow; less is no reason not to start.
                    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(KERNEL_BUFFER);
                    let _ = socket2::SockRef::from(&socket).set_send_buffer_size(KERNEL_BUFFER);
                    let local = socket.local_addr().map_err(failed)?;
                    bound.udp.push((socket, local));
                }
                Transport::Tcp => {
                    let listener = TcpListener::bind(address).map_err(failed)?;
                    let local = listener.local_addr().map_err(failed)?;
                    bound.tcp.push((listener, local));
                }
                Transport::Tls | Transport::Ws | Transport::Wss => {
                    return Err(failed(io::ErrorKind::Unsupported.into()));
                }
            }
        }
        Ok(bound)
    }
}

/// The SIP side's sockets and connections.
pub(crate) struct SipIo {
    registry: Registry,
    udp: Vec<(UdpSocket, SocketAddr)>,
    tcp: Vec<(TcpListener, SocketAddr)>,
    first_token: usize,
    /// UDP sockets and listeners (by index, listeners after sockets) that may have more than was taken.
    ready: Vec<usize>,
    connections: Connections,
    datagrams: Box<Datagrams<BATCH, LARGEST>>,
    accept_again: Option<Time>,
    unsent: Vec<Transmit>,
    touched: Vec<Flow>,
}

impl SipIo {
    /// Takes the sockets and registers them with tokens from `first_token` on.
    pub(crate) fn new(bound: Bound, registry: Registry, first_token: usize) -> io::Result<Self> {
        let Bound { mut udp, mut tcp } = bound;
        for (index, (socket, _)) in udp.iter_mut().enumerate() {
            registry.register(socket, Token(first_token + index), Interest::READABLE)?;
        }
        for (index, (listener, _)) in tcp.iter_mut().enumerate() {
            registry.register(listener, Token(first_token + udp.len() + index), Interest::READABLE)?;
        }
        let connections = Connections::new(Limits::default(), first_token + udp.len() + tcp.len());
        Ok(Self {
            registry,
            udp,
            tcp,
            first_token,
            ready: Vec::new(),
            connections,
            datagrams: Box::new(Datagrams::new()),
            accept_again: None,
            unsent: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// Notes that a socket is ready; what it has is taken by [`receive`](Self::receive), a connection's at once.
    pub(crate) fn ready(&mut self, event: &mio::event::Event, inputs: &mut Vec<Input>) {
        let Some(index) = event.token().0.checked_sub(self.first_token) else {
            return;
        };
        if index >= self.udp.len() + self.tcp.len() {
            self.connections.ready(&self.registry, event, inputs);
        } else if !self.ready.contains(&index) {
            self.ready.push(index);
        }
    }

    /// Takes what the ready sockets have.
    pub(crate) fn receive(&mut self, now: Time, inputs: &mut Vec<Input>) {
        self.connections.read_on(&self.registry, inputs);
        for index in std::mem::take(&mut self.ready) {
            let more = if index < self.udp.len() {
                self.receive_datagrams(index, inputs)
            } else {
                self.accept(index - self.udp.len(), now, inputs)
            };
            if more {
                self.ready.push(index);
            }
        }
    }

    /// Whether something is left to take without waiting for it.
    pub(crate) fn has_more(&self) -> bool {
        self.ready
            .iter()
            .any(|index| *index < self.udp.len() || self.accept_again.is_none())
            || self.connections.has_unread()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        [self.accept_again, self.connections.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time, inputs: &mut Vec<Input>) {
        self.accept_again.take_if(|at| *at <= now);
        self.connections.handle_timeout(&self.registry, now, inputs);
    }

    /// Sends a message at the end of the turn.
    pub(crate) fn send(&mut self, now: Time, transmit: Transmit, inputs: &mut Vec<Input>) {
        ladder::sent(transmit.flow.transport, transmit.flow.remote, &transmit.data);
        if transmit.flow.transport == Transport::Udp {
            self.unsent.push(transmit);
        } else {
            self.touched.push(transmit.flow);
            self.connections
                .send(&self.registry, now, transmit.flow, transmit.data, inputs);
        }
    }

    /// Closes a connection after what waits on it.
    pub(crate) fn close(&mut self, now: Time, id: sip_core::ConnectionId, inputs: &mut Vec<Input>) {
        self.connections.close(&self.registry, now, id, inputs);
    }

    /// Sends all that this turn has brought. One system call a datagram: what the kernel does for each of them is what costs, and
    /// of a batch it would not be known which ones could not be sent.
    pub(crate) fn flush(&mut self, inputs: &mut Vec<Input>) {
        for transmit in self.unsent.drain(..) {
            let flow = transmit.flow;
            let known = self.udp.iter().find(|(_, local)| *local == flow.local);
            let same_family = || {
                self.udp
                    .iter()
                    .find(|(_, local)| local.is_ipv4() == flow.remote.is_ipv4())
            };
            let Some((socket, _)) = known.or_else(same_family) else {
                inputs.push(Input::SipUnreachable {
                    transport: flow.transport,
                    remote: flow.remote,
                });
                continue;
            };
            match socket.send_to(&transmit.data, flow.remote) {
                Ok(_) => {}
                // The kernel has no room: as if the network had lost it. SIP sends it again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::debug!(remote = %flow.remote, %error, "a datagram could not be sent");
                    inputs.push(Input::SipUnreachable {
                        transport: flow.transport,
                        remote: flow.remote,
                    });
                }
            }
        }
        self.connections.flush(&self.registry, &mut self.touched, inputs);
    }

    /// Takes batches from one UDP socket; `true` where there may be more.
    fn receive_datagrams(&mut self, index: usize, inputs: &mut Vec<Input>) -> bool {
        let Some((socket, local)) = self.udp.get(index) else {
            return false;
        };
        for _ in 0..BATCHES_A_TURN {
            let received = self.datagrams.receive(socket, *local, |remote, data| {
                ladder::received(Transport::Udp, remote, data);
                inputs.push(Input::Sip {
                    flow: Flow::udp(*local, remote),
                    data: Bytes::copy_from_slice(data),
                });
            });
            match received {
                Ok(received) if received.drained => return false,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%local, %error, "receiving failed");
                    return false;
                }
            }
        }
        true
    }

    /// Accepts connections; `true` where there may be more.
    fn accept(&mut self, index: usize, now: Time, inputs: &mut Vec<Input>) -> bool {
        let Some((listener, local)) = self.tcp.get(index) else {
            return false;
        };
        if self.accept_again.is_some() {
            return true;
        }
        for _ in 0..BATCH {
            match listener.accept() {
                Ok((stream, remote)) => {
                    if !self.connections.accept(&self.registry, stream, *local, remote, inputs) {
                        tracing::debug!(%remote, "a connection too many was closed");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%local, %error, "no connection can be accepted for now");
                    self.accept_again = Some(now + ACCEPT_PAUSE);
                    return true;
                }
            }
        }
        true
    }
}
