//! The table of server transactions.

use bytes::Bytes;
use machine::Time;

use super::id::ServerKey;
use super::timers::{Alarm, TimerKey};
use super::{Endpoint, Flow, SessionId};
use crate::StatusCode;
use crate::transaction::matching::HashedKey;
use crate::transaction::{Action, ResponseClass, ServerInviteTransaction, ServerTransaction};

/// One server transaction with what its owner keeps for it.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct ServerTx {
    machine: Kind,
    /// Keys in the index: the transaction's, and that of its copies by other ways.
    key: HashedKey,
    merge: Option<HashedKey>,
    flow: Flow,
    /// Where to connect to if the connection is gone (RFC 3261 §18.2.2).
    port: u16,
    /// The last response, as long as it may have to be sent again.
    last: Option<Bytes>,
    /// The session whose INVITE it is.
    pub(super) session: Option<SessionId>,
    alarm: Alarm,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Kind {
    Invite(ServerInviteTransaction),
    Other(ServerTransaction),
}

/// What a new server transaction is made from.
pub(super) struct NewServer {
    pub(super) invite: bool,
    pub(super) key: HashedKey,
    pub(super) merge: Option<HashedKey>,
    pub(super) flow: Flow,
    pub(super) port: u16,
}

impl ServerTx {
    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, Kind::Invite(_))
    }

    /// Whether its request came from this address.
    pub(super) fn is_from(&self, source: std::net::IpAddr) -> bool {
        self.flow.remote.ip() == source
    }

    fn deadline(&self) -> Option<Time> {
        match &self.machine {
            Kind::Invite(machine) => machine.deadline(),
            Kind::Other(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        use crate::transaction::{ServerInviteState, ServerState};
        match &self.machine {
            Kind::Invite(machine) => machine.state() == ServerInviteState::Terminated,
            Kind::Other(machine) => machine.state() == ServerState::Terminated,
        }
    }
}

impl Endpoint {
    pub(super) fn open_server(&mut self, new: NewServer) -> ServerKey {
        let reliable = new.flow.transport.is_reliable();
        let machine = if new.invite {
            Kind::Invite(ServerInviteTransaction::new(self.now, reliable, &self.config.timers))
        } else {
            Kind::Other(ServerTransaction::new(reliable))
        };
        let key = self.servers.insert(ServerTx {
            machine,
            key: new.key,
            merge: new.merge,
            flow: new.flow,
            port: new.port,
            last: None,
            session: None,
            alarm: Alarm::default(),
        });
        self.server_index.insert(new.key, key);
        if let Some(merge) = new.merge {
            self.server_index.insert(merge, key);
        }
        self.settle_server(key);
        key
    }

    /// The request came again.
    pub(super) fn server_again(&mut self, key: ServerKey) {
        self.stats.retransmissions_received += 1;
        let Some(tx) = self.servers.get_mut(key) else { return };
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.request(),
            Kind::Other(machine) => machine.request(),
        };
        self.server_action(key, action);
    }

    /// An ACK of an INVITE came: whether the session has to see it.
    pub(super) fn server_ack(&mut self, key: ServerKey) -> bool {
        let Some(tx) = self.servers.get_mut(key) else {
            return false;
        };
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.ack(self.now, &self.config.timers),
            Kind::Other(_) => Action::Ignore,
        };
        self.settle_server(key);
        action == Action::Deliver
    }

    /// Sends a response: whether the transaction was still open for it.
    pub(super) fn respond_on(&mut self, key: ServerKey, status: StatusCode, data: Bytes) -> bool {
        let class = ResponseClass::of(status);
        let Some(tx) = self.servers.get_mut(key) else {
            return false;
        };
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.respond(self.now, class, &self.config.timers),
            Kind::Other(machine) => machine.respond(self.now, class, &self.config.timers),
        };
        if action != Action::Send {
            return false;
        }
        // A 2xx to an INVITE is the session's to retransmit.
        let is_kept = !(tx.is_invite() && class == ResponseClass::Success);
        tx.last = is_kept.then(|| data.clone());
        let (flow, port) = (tx.flow, tx.port);
        self.send_response(flow, port, data);
        self.settle_server(key);
        true
    }

    /// Sends a response that is not kept.
    pub(super) fn send_response(&mut self, flow: Flow, port: u16, data: Bytes) {
        if flow.transport.is_reliable() && !self.is_connected(flow) {
            let remote = std::net::SocketAddr::new(flow.remote.ip(), port);
            self.transmit(
                Flow {
                    remote,
                    connection: None,
                    ..flow
                },
                data,
            );
        } else {
            self.transmit(flow, data);
        }
    }

    pub(super) fn server_flow(&self, key: ServerKey) -> Option<(Flow, u16)> {
        self.servers.get(key).map(|tx| (tx.flow, tx.port))
    }

    /// Forgets a transaction that nobody will answer.
    pub(super) fn drop_server(&mut self, key: ServerKey) {
        let Some(mut tx) = self.servers.remove(key) else { return };
        self.timers.disarm(&mut tx.alarm);
        for name in core::iter::once(tx.key).chain(tx.merge) {
            // A later request of the same name may have taken the entry.
            if self.server_index.get(&name) == Some(&key) {
                self.server_index.remove(&name);
            }
        }
    }

    pub(super) fn server_due(&mut self, key: ServerKey) {
        let Some(tx) = self.servers.get_mut(key) else { return };
        tx.alarm.fired();
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.handle_timeout(self.now, &self.config.timers),
            Kind::Other(machine) => machine.handle_timeout(self.now),
        };
        self.server_action(key, action);
    }

    fn server_action(&mut self, key: ServerKey, action: Action) {
        match action {
            Action::Resend => {
                let again = self
                    .servers
                    .get(key)
                    .filter(|_| !self.is_stuck())
                    .and_then(|tx| Some((tx.flow, tx.port, tx.last.clone()?)));
                if let Some((flow, port, data)) = again {
                    self.stats.retransmitted += 1;
                    self.send_response(flow, port, data);
                }
            }
            Action::SendTrying => self.send_trying(key),
            // A failure's ACK that never came is nobody's concern: the session is gone (RFC 3261 §17.2.1).
            Action::Fail(_) | Action::Ignore | Action::Deliver | Action::Acknowledge | Action::Send | Action::End => {}
        }
        self.settle_server(key);
    }

    fn send_trying(&mut self, key: ServerKey) {
        let session = self.servers.get(key).and_then(|tx| self.sessions.get(tx.session?));
        let Some(head) = session.and_then(|session| session.incoming_head(key)) else {
            return;
        };
        let data = head.begin(StatusCode::TRYING, None, None, false).finish(None);
        if let Some(tx) = self.servers.get_mut(key) {
            tx.last = Some(data.clone());
            let (flow, port) = (tx.flow, tx.port);
            self.send_response(flow, port, data);
        }
    }

    fn settle_server(&mut self, key: ServerKey) {
        let Some(tx) = self.servers.get_mut(key) else { return };
        if tx.is_over() {
            self.drop_server(key);
        } else {
            let deadline = tx.deadline();
            self.timers
                .arm(self.now, TimerKey::Server(key), &mut tx.alarm, deadline);
        }
    }
}

impl Endpoint {
    /// Sends the last response again.
    pub(super) fn server_repeat(&mut self, key: ServerKey) {
        self.server_action(key, Action::Resend);
    }
}
