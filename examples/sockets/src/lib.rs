//! Sockets and a clock for one [`Endpoint`]: what the small programs have in common.
//!
//! An endpoint has no I/O. This is the least that drives one over UDP and TCP with the standard library alone: each socket is
//! read on a thread, and a queue brings what was read to the one loop that owns the endpoint. `pbxd` shows how a server for
//! thousands of calls does it (one thread, `mio`).
//!
//! ```no_run
//! use machine::Machine;
//! use sip_core::{Endpoint, EndpointConfig};
//! use sip_sockets::Sockets;
//!
//! let mut sockets = Sockets::bind("127.0.0.1:5060".parse()?)?;
//! let mut endpoint = Endpoint::new(EndpointConfig::new(sockets.listen()), sip_sockets::seed()?);
//! loop {
//!     sockets.wait(&mut endpoint, None);
//!     while let Some(event) = sockets.poll_event(&mut endpoint) {
//!         println!("{event:?}");
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use machine::{Machine, Time};
use sip_core::{ConnectionId, Endpoint, Event, Flow, Output, Transmit, Transport};

/// How long a peer may keep the loop waiting: with a connection that does not open, or that it does not read from.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is read ahead of the loop. More stays in the sockets, and is lost there or slows its sender down.
const READ_AHEAD: usize = 1000;

/// What the threads that read tell the loop.
enum Input {
    Received(Flow, Vec<u8>),
    Opened(ConnectionId, Flow, TcpStream),
    Closed(ConnectionId),
}

/// One address, over UDP and TCP.
pub struct Sockets {
    local: SocketAddr,
    udp: UdpSocket,
    streams: BTreeMap<ConnectionId, TcpStream>,
    reader: Reader,
    queue: Receiver<Input>,
}

/// What a thread that reads needs.
#[derive(Clone)]
struct Reader {
    queue: SyncSender<Input>,
    connections: Arc<AtomicU64>,
}

/// The time since the epoch. That the host's clock may be set back does no harm: the machines do not go back with it.
#[must_use]
pub fn now() -> Time {
    Time::ZERO + UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// A seed that nobody can guess.
///
/// # Errors
///
/// Where the system has no randomness.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(seed)
}

impl Sockets {
    /// Listens over UDP and TCP. With port 0 the system chooses one; [`local`](Self::local) tells which.
    ///
    /// # Errors
    ///
    /// Where the address is not this machine's, or taken.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let udp = UdpSocket::bind(address)?;
        let local = udp.local_addr()?;
        let tcp = TcpListener::bind(local)?;
        let (sender, queue) = sync_channel(READ_AHEAD);
        let reader = Reader {
            queue: sender,
            connections: Arc::default(),
        };
        let (socket, datagrams, connections) = (udp.try_clone()?, reader.clone(), reader.clone());
        thread::spawn(move || datagrams.read_datagrams(&socket, local));
        thread::spawn(move || connections.accept(&tcp, local));
        Ok(Self {
            local,
            udp,
            streams: BTreeMap::new(),
            reader,
            queue,
        })
    }

    /// The address that is listened at.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// For [`EndpointConfig::new`](sip_core::EndpointConfig::new).
    #[must_use]
    pub const fn listen(&self) -> [(Transport, SocketAddr); 2] {
        [(Transport::Udp, self.local), (Transport::Tcp, self.local)]
    }

    /// Waits until something came, until the endpoint has something to do, or until `due`, and lets the endpoint handle it.
    /// Gives the connection that was closed, if that is what came.
    pub fn wait(&mut self, endpoint: &mut Endpoint, due: Option<Time>) -> Option<ConnectionId> {
        let due = due.into_iter().chain(endpoint.poll_timeout()).min();
        let patience = due.map_or(Duration::from_secs(60), |due| due - now());
        let closed = match self.queue.recv_timeout(patience) {
            Ok(Input::Received(flow, data)) => {
                endpoint.receive(now(), flow, data.into());
                None
            }
            Ok(Input::Opened(id, flow, stream)) => {
                self.opened(endpoint, id, flow, stream);
                None
            }
            Ok(Input::Closed(id)) => {
                self.streams.remove(&id);
                endpoint.connection_closed(now(), id);
                Some(id)
            }
            // Nobody closes the queue: the sockets themselves hold one end of it.
            Err(_) => None,
        };
        endpoint.handle_timeout(now());
        closed
    }

    /// Sends what the endpoint wants sent, and gives the next thing that it has to tell.
    pub fn poll_event(&mut self, endpoint: &mut Endpoint) -> Option<Event> {
        loop {
            match endpoint.poll_output()? {
                Output::Event(event) => return Some(event),
                Output::Transmit(transmit) => self.send(endpoint, &transmit),
                Output::CloseConnection(id) => {
                    let _ = self.streams.remove(&id).map(|stream| stream.shutdown(Shutdown::Both));
                }
            }
        }
    }

    fn send(&mut self, endpoint: &mut Endpoint, transmit: &Transmit) {
        let Transmit { flow, data, .. } = transmit;
        let sent = match flow.transport {
            Transport::Udp => self.udp.send_to(data, flow.remote).map(drop),
            Transport::Tcp => self
                .stream(endpoint, *flow)
                .and_then(|mut stream| stream.write_all(data)),
            Transport::Tls | Transport::Ws | Transport::Wss => Err(io::ErrorKind::Unsupported.into()),
        };
        if sent.is_err() {
            endpoint.unreachable(now(), flow.transport, flow.remote);
        }
    }

    /// The connection of a flow, made if there is none.
    fn stream(&mut self, endpoint: &mut Endpoint, flow: Flow) -> io::Result<&TcpStream> {
        let id = match flow.connection {
            Some(id) => id,
            None => {
                let stream = TcpStream::connect_timeout(&flow.remote, PATIENCE)?;
                let (id, flow, read_half) = self.reader.admit(self.local, &stream)?;
                self.opened(endpoint, id, flow, stream);
                let reader = self.reader.clone();
                thread::spawn(move || reader.read_stream(id, flow, read_half));
                id
            }
        };
        self.streams.get(&id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn opened(&mut self, endpoint: &mut Endpoint, id: ConnectionId, flow: Flow, stream: TcpStream) {
        self.streams.insert(id, stream);
        endpoint.connection_opened(now(), flow);
    }
}

impl Reader {
    fn read_datagrams(&self, socket: &UdpSocket, local: SocketAddr) {
        let mut buffer = vec![0; 65_535];
        loop {
            // An error tells of an earlier datagram that nobody took (ICMP): that is no reason to stop reading.
            let Ok((length, remote)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let data = buffer.get(..length).unwrap_or_default().to_vec();
            if self
                .queue
                .send(Input::Received(Flow::udp(local, remote), data))
                .is_err()
            {
                return;
            }
        }
    }

    /// The endpoint limits how many connections there are, and closes the idle ones.
    fn accept(&self, listener: &TcpListener, local: SocketAddr) {
        for stream in listener.incoming().flatten() {
            // Whoever is gone again already needs no attention.
            let Ok((id, flow, read_half)) = self.admit(local, &stream) else {
                continue;
            };
            if self.queue.send(Input::Opened(id, flow, stream)).is_err() {
                return;
            }
            let reader = self.clone();
            thread::spawn(move || reader.read_stream(id, flow, read_half));
        }
    }

    /// Names a connection, and gives the half to read from.
    fn admit(&self, local: SocketAddr, stream: &TcpStream) -> io::Result<(ConnectionId, Flow, TcpStream)> {
        stream.set_write_timeout(Some(PATIENCE))?;
        let id = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed));
        let flow = Flow::stream(Transport::Tcp, local, stream.peer_addr()?, id);
        Ok((id, flow, stream.try_clone()?))
    }

    fn read_stream(&self, id: ConnectionId, flow: Flow, mut stream: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            let data = buffer.get(..length).unwrap_or_default().to_vec();
            if self.queue.send(Input::Received(flow, data)).is_err() {
                return;
            }
        }
        let _ = self.queue.send(Input::Closed(id));
    }
}
