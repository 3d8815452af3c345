//! The table of stream connections: framing, idleness, and which connection leads to whom.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use machine::Time;

use crate::Limits;
use crate::endpoint::timers::{Alarm, Timers};
use crate::endpoint::{ConnectionId, Flow, Transport};
use crate::wire::{FrameError, Framed, StreamFramer};

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
    by_remote: BTreeMap<(Transport, SocketAddr), ConnectionId>,
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
        };
        self.table.insert(id, connection);
        self.by_remote.insert((flow.transport, flow.remote), id);
        self.arm(now, id);
        Opened::Yes
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

    /// Something was sent.
    pub(crate) fn touch(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            connection.active = now;
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
        self.timers.disarm(id, &mut connection.alarm);
        let remote = (connection.flow.transport, connection.flow.remote);
        if self.by_remote.get(&remote) == Some(&id) {
            self.by_remote.remove(&remote);
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

    /// The flow with the connection that is open now, if any.
    pub(crate) fn live(&self, flow: Flow) -> Flow {
        if !flow.transport.is_reliable() {
            return Flow {
                connection: None,
                ..flow
            };
        }
        let open = flow.connection.filter(|id| self.table.contains_key(id));
        let connection = open.or_else(|| self.by_remote.get(&(flow.transport, flow.remote)).copied());
        Flow { connection, ..flow }
    }

    fn arm(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.table.get_mut(&id) {
            let at = deadline(connection, self.patience);
            self.timers.arm(now, id, &mut connection.alarm, Some(at));
        }
    }
}

fn deadline(connection: &Connection, patience: Patience) -> Time {
    let idle = connection.active + patience.idle;
    match connection.partial_since {
        Some(since) => idle.min(since + patience.frame),
        None => idle,
    }
}
