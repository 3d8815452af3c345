//! Where a request goes, and where it goes on to if that fails (RFC 3263 §4.3, RFC 3261 §18.1.1).

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use machine::Time;

use super::client::Owner;
use super::id::ClientKey;
use super::names::OwnVia;
use super::sent::Sent;
use super::session::Cancelling;
use super::{Endpoint, EndpointError, Event, Flow, Hop, SessionId, Transport};
use crate::{Host, Method, Scheme, StatusCode, Uri};

/// One way, with the name that a certificate has to prove.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Leg {
    flow: Flow,
    name: Option<Host>,
}

/// The ways that a request is going to be tried by.
#[derive(Debug)]
pub(super) struct Way {
    first: Leg,
    rest: VecDeque<Leg>,
    /// The transport is ours to choose.
    free: bool,
    /// Whether the embedder hears of failures.
    told: bool,
}

impl Way {
    pub(super) fn flow(&self) -> Flow {
        self.first.flow
    }
}

/// What of the ways is left while a request is under way.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Detour {
    name: Option<Host>,
    rest: VecDeque<Leg>,
    told: bool,
    hurry: Option<Time>,
}

impl Detour {
    pub(super) fn name(&self) -> Option<Host> {
        self.name.clone()
    }

    /// When the next hop is tried although this one may only be slow.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.hurry.filter(|_| !self.rest.is_empty())
    }
}

impl Endpoint {
    /// Where the first request of a dialog, or one outside of any, goes.
    pub(super) fn initial_way(
        &self,
        flow: Option<Flow>,
        hops: &[Hop],
        route: &[Uri],
        target: &Uri,
    ) -> Result<Way, EndpointError> {
        let mut rest: VecDeque<Leg> = hops.iter().filter_map(|hop| self.leg_by(hop)).collect();
        let told = !hops.is_empty();
        if let Some(flow) = flow {
            let flow = self.live_flow(flow);
            let first = Leg { flow, name: None };
            return Ok(Way {
                first,
                rest,
                free: false,
                told,
            });
        }
        if told {
            let first = rest.pop_front().ok_or(EndpointError::NoTransport)?;
            return Ok(Way {
                first,
                rest,
                free: false,
                told,
            });
        }
        let uri = route.first().unwrap_or(target);
        let flow = self.resolve(uri)?;
        let free = uri.transport().is_none() && uri.scheme() == Scheme::Sip;
        let name = uri.host().filter(|_| flow.transport.is_secure()).cloned();
        let first = Leg { flow, name };
        Ok(Way {
            first,
            rest,
            free,
            told,
        })
    }

    fn leg_by(&self, hop: &Hop) -> Option<Leg> {
        let local = self
            .listening(hop.transport, hop.remote)
            .filter(|local| local.is_ipv4() == hop.remote.is_ipv4())?;
        let flow = Flow {
            transport: hop.transport,
            local,
            remote: hop.remote,
            connection: None,
        };
        Some(Leg {
            flow: self.named_flow(flow, hop.server_name.as_ref()),
            name: hop.server_name.clone(),
        })
    }

    /// The requests in a session's dialog go by these hops from now on, each by the first that takes it: what a
    /// [`Resolver`](crate::resolver::Resolver) found for [`SessionInfo::next_hop`](super::SessionInfo::next_hop). Where one fails,
    /// [`Event::HopFailed`] tells. No hops: where the endpoint itself would send them. The peer's next change of its target ends
    /// it, too.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] before there is a dialog; [`EndpointError::NoTransport`] if none of
    /// the hops can be used.
    pub fn go_by(
        &mut self,
        now: Time,
        session: SessionId,
        hops: impl IntoIterator<Item = impl Into<Hop>>,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        let mut hops: Vec<Hop> = hops.into_iter().map(Into::into).collect();
        let any = !hops.is_empty();
        hops.retain(|hop| self.leg_by(hop).is_some());
        let leg = self
            .session_mut(session)?
            .leg
            .as_mut()
            .ok_or(EndpointError::WrongState)?;
        if any && hops.is_empty() {
            return Err(EndpointError::NoTransport);
        }
        leg.hops = any.then(|| hops.into_boxed_slice());
        Ok(())
    }

    /// Where a request in a dialog goes.
    pub(super) fn way_of(&self, leg: &super::session::Leg) -> Way {
        let hops = leg.hops.iter().flatten();
        let mut rest: VecDeque<Leg> = hops.filter_map(|hop| self.leg_by(hop)).collect();
        let told = !rest.is_empty();
        let flow = self.leg_flow(leg);
        let first = rest.pop_front().unwrap_or(Leg { flow, name: None });
        Way {
            first,
            rest,
            // Where its messages come from, behind a NAT, nobody listens on TCP.
            free: leg.free && !told,
            told,
        }
    }

    /// Sends a request by the first of its ways.
    pub(super) fn launch_by(&mut self, via: OwnVia, data: Bytes, mut way: Way) -> ClientKey {
        let flow = way.first.flow;
        if way.free && flow.transport == Transport::Udp && data.len() > self.config.max_datagram {
            let stream = Hop::new(Transport::Tcp, flow.remote, None);
            if let (Some(leg), Some(sent)) = (self.leg_by(&stream), Sent::read(&data)) {
                let Some((method, owner)) = self.clients.get(via.key).map(|tx| (tx.method().clone(), tx.owner()))
                else {
                    return via.key;
                };
                self.drop_client(via.key);
                way.rest.push_front(way.first);
                let moved = self.open_client(leg.flow, method, owner);
                let data = sent.elsewhere(&moved);
                way.first = leg;
                return self.launch_on(moved, data, way.first.name, way.rest, way.told);
            }
        }
        self.launch_on(via, data, way.first.name, way.rest, way.told)
    }

    fn launch_on(
        &mut self,
        via: OwnVia,
        data: Bytes,
        name: Option<Host>,
        rest: VecDeque<Leg>,
        told: bool,
    ) -> ClientKey {
        if (told || !rest.is_empty() || name.is_some())
            && let Some(tx) = self.clients.get_mut(via.key)
        {
            let hurry = self.config.failover_after.filter(|_| told).map(|time| self.now + time);
            tx.detour = Some(Box::new(Detour {
                name,
                rest,
                told,
                hurry,
            }));
        }
        self.launch(via, data)
    }

    /// Sends a request that failed by the next of its ways. Whether there is one, and somebody who still wants it.
    pub(super) fn fail_over(
        &mut self,
        key: ClientKey,
        status: StatusCode,
        retry_after: Option<Duration>,
        request: &[u8],
    ) -> bool {
        let Some(tx) = self.clients.get_mut(key) else {
            return false;
        };
        let (flow, owner, method) = (tx.flow(), tx.owner(), tx.method().clone());
        let Some(mut detour) = tx.detour.take() else {
            return false;
        };
        if detour.told {
            self.emit(Event::HopFailed {
                flow,
                status,
                retry_after,
            });
        }
        let Some(next) = detour.rest.pop_front().filter(|_| self.is_wanted(owner)) else {
            return false;
        };
        let Some(sent) = Sent::read(request) else { return false };
        let via = self.open_client(next.flow, method, owner);
        let data = sent.elsewhere(&via);
        let key = self.launch_on(via, data, next.name, detour.rest, detour.told);
        self.moved(owner, key);
        true
    }

    /// Nothing was heard of a hop, but its transaction has time left. An INVITE is left running, so that a late answer is
    /// acknowledged and hung up.
    pub(super) fn leave_slow_hop(&mut self, key: ClientKey) {
        let data = self.sent_data(key);
        let moved = self.fail_over(key, StatusCode::REQUEST_TIMEOUT, None, &data);
        let is_invite = self.clients.get(key).is_some_and(|tx| *tx.method() == Method::Invite);
        if moved && !is_invite {
            self.drop_client(key);
        } else {
            self.settle_client(key);
        }
    }

    /// Whether the owner of a request still wants it sent.
    fn is_wanted(&self, owner: Owner) -> bool {
        match owner {
            Owner::Invite(id) => self
                .sessions
                .get(id)
                .is_some_and(|session| !session.released && session.cancelling == Cancelling::No),
            Owner::Request(id) => self.requests.contains_key(id),
            Owner::Subscribe(id) | Owner::Notify(id) | Owner::Refer(id) => self.subscriptions.contains_key(id),
            Owner::Publish(id) => self.publications.contains_key(id),
            Owner::ReferNotify(id) => self.refers.contains_key(id),
            Owner::Reinvite(id) | Owner::Prack(id) | Owner::Update(id) | Owner::Refresh(id) | Owner::Bye(id) => {
                self.sessions.contains_key(id)
            }
            Owner::Nobody => false,
        }
    }

    /// Whether the Via of a request says that the peer may use the connection, too (RFC 5923 §8.1).
    pub(super) fn offers_alias(&self, flow: Flow) -> bool {
        self.config.connection_reuse && flow.transport == Transport::Tls
    }
}
