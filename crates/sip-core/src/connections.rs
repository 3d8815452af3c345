//! The table of stream connections: framing, idleness, and which connection leads to whom.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use machine::Time;
use smallvec::SmallVec;
use smol_str::{SmolStr, ToSmolStr};

use crate::endpoint::timers::{Alarm, Timers};
use crate::endpoint::{ConnectionId, Flow, Transmit, Transport};
use crate::wire::{FrameError, Framed, StreamFramer};
use crate::{Host, Limits};

/// How long connections live.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Patience {
    /// Without anything coming or going.
    pub(crate) idle: Duration,
    /// For one whole message.
    pub(crate) frame: Duration,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Connection {
    flow: Flow,
    framer: StreamFramer,
    /// When something last came or went.
    active: Time,
    /// Since when a message is incomplete, or nothing whole has come at all.
    partial_since: Option<Time>,
    alarm: Alarm,
    /// As what it is found: by its address; if it is secure, by an address together with a name that the peer's certificate
    /// proved. An address alone proves nothing (CVE-2020-15260).
    known_as: SmallVec<[(SocketAddr, SmolStr); 1]>,
}

/// What became of an attempt to note a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opened {
    Yes,
    /// Its closing was asked for; what still comes on it is not read.
    Closing,
    /// There is no room for it.
    Full,
}

/// The transactions that were sent to `remote`, of all that are under way.
pub(crate) fn sent_to<K: slotmap::Key>(
    in_flight: &BTreeSet<(Transport, SocketAddr, K)>,
    transport: Transport,
    remote: SocketAddr,
) -> Vec<K> {
    let first = (transport, remote, slotmap::KeyData::from_ffi(0).into());
    let same = in_flight
        .range(first..)
        .take_while(|(t, r, _)| (*t, *r) == (transport, remote));
    same.map(|(_, _, key)| *key).collect()
}

/// All open stream connections.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Connections {
    patience: Patience,
    table: BTreeMap<ConnectionId, Connection>,
    /// Connections whose closing was asked for: what still comes on them is not read, or the middle of a message would
    /// be taken for the start of another.
    closing: BTreeSet<ConnectionId>,
    #[cfg_attr(feature = "serde", serde(with = "crate::endpoint::saved::by_remote"))]
    by_remote: BTreeMap<(Transport, SocketAddr, SmolStr), ConnectionId>,
    timers: Timers<ConnectionId>,
}

impl Connections {
    pub(crate) fn new(patience: Patience) -> Self {
        Self {
            patience,
            table: BTreeMap::new(),
            closing: BTreeSet::new(),
            by_remote: BTreeMap::new(),
            timers: Timers::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Notes a connection, if it is new.
    pub(crate) fn open(&mut self, now: Time, id: ConnectionId, flow: Flow, limits: &Limits) -> Opened {
        if self.table.contains_key(&id) {
            return Opened::Yes;
        }
        if self.closing.contains(&id) {
            return Opened::Closing;
        }
        if self.table.len() >= limits.connections {
            return Opened::Full;
        }
        let connection = Connection {
            flow,
            framer: StreamFramer::new(limits.clone()),
            active: now,
            partial_since: Some(now),
            alarm: Alarm::default(),
            known_as: SmallVec::new(),
        };
        self.table.insert(id, connection);
        if !flow.transport.is_secure() {
            self.know_as(id, flow.remote, SmolStr::default());
        }
        self.arm(now, id);
        Opened::Yes
    }

    /// The peer proved to be `name`. Whether there was room to note it; `None`: there is no such connection.
    pub(crate) fn verified(&mut self, id: ConnectionId, name: &Host) -> Option<bool> {
        let remote = self.table.get(&id)?.flow.remote;
        Some(self.know_as(id, remote, name_key(name)))
    }

    /// The peer says that it is also reached at `host` and `port` of its address. That counts if it proved the name
    /// (RFC 5923 §8.2).
    pub(crate) fn alias(&mut self, id: ConnectionId, host: &Host, port: u16) {
        let name = name_key(host);
        let proved = |connection: &&Connection| connection.known_as.iter().any(|(_, known)| *known == name);
        if let Some(remote) = self
            .table
            .get(&id)
            .filter(proved)
            .map(|connection| connection.flow.remote)
        {
            self.know_as(id, SocketAddr::new(remote.ip(), port), name);
        }
    }

    fn know_as(&mut self, id: ConnectionId, remote: SocketAddr, name: SmolStr) -> bool {
        let Some(connection) = self.table.get_mut(&id) else {
            return false;
        };
        let key = (remote, name);
        if !connection.known_as.contains(&key) {
            if connection.known_as.len() >= Limits::CONNECTION_NAMES {
                return false;
            }
            connection.known_as.push(key.clone());
        }
        self.by_remote.insert((connection.flow.transport, key.0, key.1), id);
        true
    }

    /// A whole message came, as over a WebSocket. The flow that the connection was opened with.
    pub(crate) fn whole(&mut self, now: Time, id: ConnectionId) -> Option<Flow> {
        let connection = self.table.get_mut(&id)?;
        (connection.active, connection.partial_since) = (now, None);
        Some(connection.flow)
    }

    /// Bytes came. The flow that the connection was opened with.
    pub(crate) fn push(&mut self, now: Time, id: ConnectionId, data: &[u8]) -> Option<Flow> {
        let connection = self.table.get_mut(&id)?;
        connection.active = now;
        connection.framer.push(data);
        Some(connection.flow)
    }

    /// The next whole frame. With it the peer's time for what follows begins anew: on a busy connection there is always
    /// some message that is incomplete.
    pub(crate) fn next_frame(&mut self, id: ConnectionId) -> Option<Result<Framed, FrameError>> {
        let connection = self.table.get_mut(&id)?;
        let frame = connection.framer.next();
        if frame.is_some() {
            connection.partial_since = None;
        }
        frame
    }

    /// All whole frames were taken.
    pub(crate) fn drained(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id).filter(|c| c.framer.buffered() > 0) {
            connection.partial_since.get_or_insert(now);
        }
        self.arm(now, id);
    }

    /// Bytes for a flow: on the connection that there is; where a secure one has to be opened, with the name that its peer
    /// must prove: `name`, else that which the message itself names.
    pub(crate) fn transmit(&mut self, now: Time, flow: Flow, name: Option<Host>, data: Bytes) -> Transmit {
        let flow = self.live(flow);
        let opening = flow.transport.is_secure() && flow.connection.is_none();
        let name = if opening {
            name.or_else(|| Transmit::peer_of(&data))
        } else {
            None
        };
        let flow = self.named(flow, name.as_ref());
        if let Some(connection) = flow.connection.and_then(|id| self.table.get_mut(&id)) {
            connection.active = now;
        }
        Transmit {
            flow,
            data,
            server_name: name.filter(|_| flow.connection.is_none()),
        }
    }

    /// Notes that a connection was asked to close.
    pub(crate) fn close(&mut self, id: ConnectionId, limits: &Limits) {
        self.closing.insert(id);
        if self.closing.len() > limits.connections {
            // An embedder that numbers upwards closed this one long ago.
            self.closing.pop_first();
        }
    }

    /// The connection is closed.
    pub(crate) fn closed(&mut self, id: ConnectionId) -> Option<Flow> {
        self.closing.remove(&id);
        self.forget(id)
    }

    /// Takes a connection out of the table.
    pub(crate) fn forget(&mut self, id: ConnectionId) -> Option<Flow> {
        let mut connection = self.table.remove(&id)?;
        self.timers.disarm(&mut connection.alarm);
        for (remote, name) in connection.known_as {
            let key = (connection.flow.transport, remote, name);
            if self.by_remote.get(&key) == Some(&id) {
                self.by_remote.remove(&key);
            }
        }
        Some(connection.flow)
    }

    /// The next connection that is due at `now` and has to be closed.
    pub(crate) fn pop_stale(&mut self, now: Time) -> Option<ConnectionId> {
        while let Some(id) = self.timers.pop(now) {
            let Some(connection) = self.table.get_mut(&id) else {
                continue;
            };
            connection.alarm.fired();
            if deadline(connection, self.patience) <= now {
                return Some(id);
            }
            self.arm(now, id);
        }
        None
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The flow of an open connection.
    pub(crate) fn flow(&self, id: ConnectionId) -> Option<Flow> {
        self.table.get(&id).map(|connection| connection.flow)
    }

    /// Armed timers: one for each connection.
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// The flow with the connection that is open now, if any. Secure connections are found by name, too:
    /// [`named`](Self::named).
    pub(crate) fn live(&self, flow: Flow) -> Flow {
        self.named(flow, None)
    }

    /// As [`live`](Self::live), with the name that a secure connection must have proved.
    pub(crate) fn named(&self, flow: Flow, name: Option<&Host>) -> Flow {
        if !flow.transport.is_reliable() {
            return Flow {
                connection: None,
                ..flow
            };
        }
        let open = flow.connection.filter(|id| self.table.contains_key(id));
        let found = || {
            let name = if flow.transport.is_secure() {
                name_key(name?)
            } else {
                SmolStr::default()
            };
            self.by_remote.get(&(flow.transport, flow.remote, name)).copied()
        };
        let connection = open.or_else(found);
        Flow { connection, ..flow }
    }

    fn arm(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            let at = deadline(connection, self.patience);
            self.timers.arm(now, id, &mut connection.alarm, Some(at));
        }
    }
}

/// A name as part of a key: without regard to case.
fn name_key(host: &Host) -> SmolStr {
    match host {
        Host::Name(name) => name.chars().map(|c| c.to_ascii_lowercase()).collect(),
        Host::V4(_) | Host::V6(_) => host.ip().map(|ip| ip.to_canonical().to_smolstr()).unwrap_or_default(),
    }
}

fn deadline(connection: &Connection, patience: Patience) -> Time {
    let idle = connection.active + patience.idle;
    match connection.partial_since {
        Some(since) => idle.min(since + patience.frame),
        None => idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1);

    fn flow(transport: Transport, connection: Option<u64>) -> Flow {
        Flow {
            transport,
            local: ([192, 0, 2, 1], 5061).into(),
            remote: ([203, 0, 113, 1], 5061).into(),
            connection: connection.map(ConnectionId),
        }
    }

    fn table(transport: Transport) -> Connections {
        let second = Duration::from_secs(1);
        let mut connections = Connections::new(Patience {
            idle: second,
            frame: second,
        });
        for id in [1, 2] {
            let opened = connections.open(NOW, ConnectionId(id), flow(transport, Some(id)), &Limits::default());
            assert_eq!(opened, Opened::Yes);
        }
        connections
    }

    #[test]
    fn plain_connections_are_found_by_address_and_secure_ones_by_name_too() {
        let plain = table(Transport::Tcp);
        assert_eq!(plain.live(flow(Transport::Tcp, None)).connection, Some(ConnectionId(2)));
        let mut secure = table(Transport::Tls);
        let anew = flow(Transport::Tls, None);
        assert_eq!(secure.live(anew).connection, None);
        assert_eq!(secure.verified(ConnectionId(1), &"a.example".into()), Some(true));
        assert_eq!(secure.verified(ConnectionId(3), &"a.example".into()), None);
        assert_eq!(secure.live(anew).connection, None, "an address is no name");
        assert_eq!(
            secure.named(anew, Some(&"A.Example".into())).connection,
            Some(ConnectionId(1))
        );
        assert_eq!(secure.named(anew, Some(&"b.example".into())).connection, None);
        let own = flow(Transport::Tls, Some(2));
        assert_eq!(
            secure.named(own, Some(&"b.example".into())),
            own,
            "whoever names a connection means it"
        );
    }

    #[test]
    fn a_closed_connection_is_found_no_more_under_any_name() {
        let mut secure = table(Transport::Tls);
        for name in ["a.example", "b.example"] {
            secure.verified(ConnectionId(1), &name.into());
        }
        secure.alias(ConnectionId(1), &"a.example".into(), 5099);
        let mut listening = flow(Transport::Tls, None);
        listening.remote.set_port(5099);
        assert_eq!(
            secure.named(listening, Some(&"a.example".into())).connection,
            Some(ConnectionId(1))
        );
        secure.forget(ConnectionId(1));
        assert!(secure.by_remote.is_empty());
        assert_eq!(secure.len(), 1);
    }
}
