//! Forwarding without state (RFC 3261 §16.11): the ACK of a 2xx, and what the embedder wants forwarded so.

use std::net::SocketAddr;

use super::forward::Outgoing;
use super::names::{BranchName, OwnVia, stateless_hash};
use super::next_hop::{Stateless, Unknown, Waiting};
use super::route::Preprocessed;
use super::{Proxy, Target};
use crate::endpoint::reply::response_flow;
use crate::endpoint::{ConnectionId, Flow, Transport};
use crate::header::{TypedHeader, Via};
use crate::{HeaderName, Request, Response, StatusCode};

impl Proxy {
    /// Forwards a request to a target.
    pub(super) fn send_stateless(&mut self, request: Request, flow: Flow, found: Preprocessed, target: Target) {
        match self.next_hop(&request, &target, found) {
            Ok(next) => self.transmit_stateless(&request, flow, &target, next),
            Err(Unknown::Never(status)) => self.refuse_stateless(&request, flow, status),
            Err(Unknown::Name(uri)) => {
                let waiting = Box::new(Stateless { request, flow, target });
                // Without room the request is lost, and comes again if it matters.
                let _ = self.ask_for_hop(Waiting::Stateless(waiting), *uri);
            }
        }
    }

    pub(super) fn refuse_stateless(&mut self, request: &Request, flow: Flow, status: StatusCode) {
        if let Ok(via) = request.top_via() {
            self.refuse(flow, request, &via, status, &[]);
        }
    }

    pub(super) fn transmit_stateless(&mut self, request: &Request, flow: Flow, target: &Target, next: Flow) {
        let Ok(via) = request.top_via() else { return };
        let connection = flow.connection;
        let hash = stateless_hash(self.secret, &via, request.headers(), connection);
        let own = OwnVia {
            transport: next.transport,
            sent_by: self.sent_by(next),
            branch: BranchName::Stateless { hash, connection },
        };
        let copy = Outgoing {
            received: request,
            came_by: flow,
            target,
            flow: next,
            breadth: None,
            history: None,
        };
        let data = self.compose(&copy, own);
        self.stats.forwarded_stateless += 1;
        self.transmit(next, data);
    }

    /// A response whose branch may be one of a request that was forwarded without state. Only if it is, it goes on: this
    /// proxy cannot be made to send responses that nobody asked for (RFC 6026 §4).
    pub(super) fn on_stateless_response(
        &mut self,
        hash: u64,
        connection: Option<ConnectionId>,
        mut response: Response,
    ) {
        let next = response
            .headers()
            .items(&HeaderName::Via)
            .nth(1)
            .and_then(|via| Via::parse(via).ok());
        let ours = |via: &Via| stateless_hash(self.secret, via, response.headers(), connection) == hash;
        let way = next
            .filter(ours)
            .and_then(|via| Some((self.way_back(&via, connection)?, via)));
        let Some((flow, via)) = way else {
            self.stats.unmatched_responses += 1;
            return;
        };
        response.headers_mut().pop_item(&HeaderName::Via);
        self.stats.forwarded_stateless += 1;
        let port = via.port.unwrap_or(flow.transport.default_port());
        self.send_response(flow, port, response.to_bytes());
    }

    /// Where a response to the sender of a Via goes (RFC 3261 §18.2.2, RFC 3581 §4).
    fn way_back(&self, via: &Via, connection: Option<ConnectionId>) -> Option<Flow> {
        if let Some(flow) = connection.and_then(|id| self.connections.flow(id)) {
            return Some(flow);
        }
        let transport: Transport = via.transport.parse().ok()?;
        let ip = via.received().or_else(|| via.host.ip())?.to_canonical();
        let port = via.rport().flatten().or(via.port).unwrap_or(transport.default_port());
        let flow = self.flow_to(transport, SocketAddr::new(ip, port))?;
        Some(response_flow(flow, via))
    }
}
