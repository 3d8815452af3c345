//! The table of client transactions.

use core::time::Duration;

use bytes::Bytes;
use machine::Time;
use rand_core::Rng;
use slotmap::Key as _;

use super::detour::Detour;
use super::id::ClientKey;
use super::names::{OwnVia, read_branch};
use super::sent::{Sent, uri_of};
use super::timers::{Alarm, TimerKey};
use super::{Endpoint, Flow, PublicationId, ReferId, RequestId, SessionId, SubscriptionId};
use crate::dialog::raw::{branch_of, tag_of};
use crate::header::RetryAfter;
use crate::transaction::{
    Action, ClientInviteState, ClientInviteTransaction, ClientState, ClientTransaction, Failure, ResponseClass,
};
use crate::{HeaderName, Method, Response, StatusCode};

/// Who hears of the outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Owner {
    /// Nobody: CANCEL, BYE of a superfluous fork.
    Nobody,
    Invite(SessionId),
    Reinvite(SessionId),
    /// A PRACK that the endpoint sent by itself.
    Prack(SessionId),
    Update(SessionId),
    /// An UPDATE that only refreshes.
    Refresh(SessionId),
    Bye(SessionId),
    Request(RequestId),
    Refer(SubscriptionId),
    ReferNotify(ReferId),
    Subscribe(SubscriptionId),
    Notify(SubscriptionId),
    Publish(PublicationId),
}

/// One client transaction with what its owner keeps for it.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct ClientTx {
    machine: Kind,
    pub(super) nonce: u64,
    method: Method,
    flow: Flow,
    /// The request; after a failure of an INVITE its ACK; its first line once the session has its ACK; nothing once another
    /// request has its final response.
    data: Bytes,
    owner: Owner,
    cancel: Option<ClientKey>,
    /// The ACKs of the 2xx, for when one comes again.
    acks: Vec<SentAck>,
    alarm: Alarm,
    /// Where else it can go; of most requests, nothing.
    pub(super) detour: Option<Box<Detour>>,
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct SentAck {
    flow: Flow,
    data: Bytes,
}

impl SentAck {
    fn tag(&self) -> &[u8] {
        let to = Sent::read(&self.data).and_then(|ack| ack.value("To"));
        to.and_then(tag_of).unwrap_or_default()
    }
}

#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Kind {
    Invite(ClientInviteTransaction),
    Other(ClientTransaction),
}

/// What a transaction ended with.
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    pub(super) response: Option<Response>,
    /// The transaction it came by.
    pub(super) key: ClientKey,
}

impl ClientTx {
    pub(super) fn flow(&self) -> Flow {
        self.flow
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    /// Whether nothing was heard of it.
    pub(super) fn is_unanswered(&self) -> bool {
        match &self.machine {
            Kind::Invite(machine) => machine.state() == ClientInviteState::Calling,
            Kind::Other(machine) => machine.state() == ClientState::Trying,
        }
    }

    fn deadline(&self) -> Option<Time> {
        let hurry = self.detour.as_ref().and_then(|detour| detour.deadline());
        let deadline = self.machine_deadline();
        match hurry.filter(|_| self.is_unanswered()) {
            Some(hurry) => Some(deadline.map_or(hurry, |deadline| deadline.min(hurry))),
            None => deadline,
        }
    }

    fn machine_deadline(&self) -> Option<Time> {
        match &self.machine {
            Kind::Invite(machine) => machine.deadline(),
            Kind::Other(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match &self.machine {
            Kind::Invite(machine) => machine.state() == ClientInviteState::Terminated,
            Kind::Other(machine) => machine.state() == ClientState::Terminated,
        }
    }
}

impl Endpoint {
    /// Makes a transaction, so that its branch can be written into the request; [`launch`](Self::launch) sends it.
    pub(super) fn open_client(&mut self, flow: Flow, method: Method, owner: Owner) -> OwnVia {
        let flow = self.live_flow(flow);
        let reliable = flow.transport.is_reliable();
        let timers = &self.config.timers;
        let machine = if method == Method::Invite {
            Kind::Invite(ClientInviteTransaction::new(self.now, reliable, timers))
        } else {
            Kind::Other(ClientTransaction::new(self.now, reliable, timers))
        };
        let nonce = self.rng.next_u64();
        let key = self.clients.insert(ClientTx {
            machine,
            nonce,
            method,
            flow,
            data: Bytes::new(),
            owner,
            cancel: None,
            acks: Vec::new(),
            alarm: Alarm::default(),
            detour: None,
        });
        self.in_flight.insert((flow.transport, flow.remote, key));
        OwnVia {
            transport: flow.transport,
            sent_by: self.advertised(flow.transport, flow.local),
            key,
            nonce,
            alias: self.offers_alias(flow),
            keep: self.config.ask_keep,
        }
    }

    pub(super) fn launch(&mut self, via: OwnVia, data: Bytes) -> ClientKey {
        let key = via.key;
        if let Some(tx) = self.clients.get_mut(key) {
            tx.data = data.clone();
            let flow = tx.flow;
            let name = tx.detour.as_ref().and_then(|detour| detour.name());
            self.transmit_to(flow, name, data);
            self.settle_client(key);
        }
        key
    }

    /// The Via of an ACK for a 2xx, which is no transaction.
    pub(super) fn lone_via(&mut self, flow: Flow) -> OwnVia {
        OwnVia {
            transport: flow.transport,
            sent_by: self.advertised(flow.transport, flow.local),
            key: ClientKey::null(),
            nonce: self.rng.next_u64(),
            alias: false,
            keep: false,
        }
    }

    pub(super) fn on_response(&mut self, flow: Flow, response: Response) {
        let Some(key) = self.match_response(&response).filter(|_| response.validate().is_ok()) else {
            self.stats.unmatched_responses += 1;
            return;
        };
        let class = ResponseClass::of(response.status());
        let (now, timers) = (self.now, &self.config.timers);
        let Some(tx) = self.clients.get_mut(key) else { return };
        let same = (tx.flow.transport, tx.flow.remote) == (flow.transport, flow.remote);
        if tx.flow.connection.is_none() && same {
            // The connection that was opened for it is the one that its dialog goes on with.
            tx.flow.connection = flow.connection;
        }
        if tx.is_unanswered() {
            self.in_flight.remove(&(tx.flow.transport, tx.flow.remote, key));
        }
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.response(now, class, timers),
            Kind::Other(machine) => machine.response(now, class, timers),
        };
        match action {
            Action::Deliver => self.deliver(key, response),
            Action::Acknowledge => {
                let request = self.acknowledge_failure(key, &response);
                self.deliver_failure(key, response, &request);
            }
            Action::Resend => self.resend(key),
            Action::Ignore | Action::Send | Action::SendTrying | Action::Fail(_) | Action::End => {}
        }
        self.settle_client(key);
    }

    /// RFC 3261 §17.1.3, §8.1.3.3.
    fn match_response(&self, response: &Response) -> Option<ClientKey> {
        let mut vias = response.headers().items(&HeaderName::Via);
        let (key, nonce) = read_branch(branch_of(vias.next()?)?)?;
        if vias.next().is_some() {
            return None;
        }
        let tx = self.clients.get(key).filter(|tx| tx.nonce == nonce)?;
        let cseq = response.headers().get(&HeaderName::CSeq)?;
        let is = |method: &Method| cseq.trim_ascii_end().ends_with(method.as_str().as_bytes());
        if is(&tx.method) {
            Some(key)
        } else {
            tx.cancel.filter(|_| is(&Method::Cancel))
        }
    }

    fn deliver(&mut self, key: ClientKey, response: Response) {
        let status = response.status();
        let Some(tx) = self.clients.get(key) else { return };
        if tx.method == Method::Invite && status.is_success() && self.resend_ack(key, &response) {
            return;
        }
        let Some(tx) = self.clients.get(key) else { return };
        if status.is_success() || status.is_provisional() {
            let owner = tx.owner;
            // Challenges of requests to come count from here.
            if status.is_success()
                && let Some(client) = self.credentials_of(owner)
            {
                client.accepted();
            }
            self.conclude(
                owner,
                Outcome {
                    status,
                    response: Some(response),
                    key,
                },
            );
        } else {
            let request = tx.data.clone();
            self.deliver_failure(key, response, &request);
        }
    }

    fn deliver_failure(&mut self, key: ClientKey, response: Response, request: &[u8]) {
        let Some(owner) = self.clients.get(key).map(|tx| tx.owner) else {
            return;
        };
        let status = response.status();
        if self.answer_challenge(key, owner, &response, request) || self.ask_for_longer(key, owner, &response, request)
        {
            return;
        }
        if self.ask_for_redirect(key, owner, &response, request) {
            return;
        }
        let retry_after = response.headers().typed::<RetryAfter>().and_then(Result::ok);
        let retry_after = retry_after.map(|wait| Duration::from_secs(wait.seconds.into()));
        if status == StatusCode::SERVICE_UNAVAILABLE && self.fail_over(key, status, retry_after, request) {
            return;
        }
        self.conclude(
            owner,
            Outcome {
                status,
                response: Some(response),
                key,
            },
        );
    }

    /// Tells the owner.
    fn conclude(&mut self, owner: Owner, outcome: Outcome) {
        match owner {
            Owner::Invite(id) => self.on_invite_outcome(id, outcome),
            Owner::Reinvite(id) => self.on_reinvite_outcome(id, outcome),
            // The rest has no use for provisional responses.
            _ if outcome.status.is_provisional() => {}
            // An early dialog that is gone shows by its INVITE.
            Owner::Nobody | Owner::Prack(_) => {}
            Owner::Update(id) => self.on_update_outcome(id, outcome),
            Owner::Refresh(id) => self.on_refresh_outcome(id, outcome),
            Owner::Bye(id) => self.on_bye_outcome(id),
            Owner::Request(id) => self.on_request_outcome(id, outcome),
            Owner::Refer(id) => self.on_refer_outcome(id, &outcome),
            Owner::ReferNotify(id) => self.on_refer_notify_outcome(id, outcome.status),
            Owner::Subscribe(id) => self.on_subscribe_outcome(id, outcome),
            Owner::Notify(id) => self.on_notify_outcome(id, &outcome),
            Owner::Publish(id) => self.on_publish_outcome(id, outcome),
        }
    }

    /// `unheard`: nothing came, not even a provisional response.
    pub(super) fn client_failed(&mut self, key: ClientKey, failure: Failure, unheard: bool) {
        let Some(tx) = self.clients.get_mut(key) else { return };
        if failure == Failure::Transport {
            match &mut tx.machine {
                Kind::Invite(machine) => machine.transport_error(),
                Kind::Other(machine) => machine.transport_error(),
            };
            self.stats.transport_failures += 1;
        } else {
            self.stats.timeouts += 1;
        }
        let (owner, data) = (tx.owner, tx.data.clone());
        if unheard && self.fail_over(key, failure.status(), None, &data) {
            return self.settle_client(key);
        }
        self.conclude(
            owner,
            Outcome {
                status: failure.status(),
                response: None,
                key,
            },
        );
        self.settle_client(key);
    }

    pub(super) fn client_due(&mut self, key: ClientKey) {
        let (now, timers) = (self.now, &self.config.timers);
        let Some(tx) = self.clients.get_mut(key) else { return };
        tx.alarm.fired();
        let unheard = tx.is_unanswered();
        if unheard
            && tx
                .detour
                .as_ref()
                .and_then(|detour| detour.deadline())
                .is_some_and(|at| at <= now)
        {
            return self.leave_slow_hop(key);
        }
        let action = match &mut tx.machine {
            Kind::Invite(machine) => machine.handle_timeout(now, timers),
            Kind::Other(machine) => machine.handle_timeout(now, timers),
        };
        match action {
            Action::Resend => self.resend(key),
            Action::Fail(failure) => self.client_failed(key, failure, unheard),
            Action::Ignore
            | Action::End
            | Action::Deliver
            | Action::Acknowledge
            | Action::Send
            | Action::SendTrying => {}
        }
        self.settle_client(key);
    }

    fn resend(&mut self, key: ClientKey) {
        if let Some(tx) = self.clients.get(key).filter(|_| !self.is_stuck()) {
            let (flow, data) = (tx.flow, tx.data.clone());
            self.stats.retransmitted += 1;
            self.transmit(flow, data);
        }
    }

    pub(super) fn settle_client(&mut self, key: ClientKey) {
        let Some(tx) = self.clients.get_mut(key) else { return };
        if tx.is_over() {
            self.drop_client(key);
        } else {
            if let Kind::Other(machine) = &tx.machine
                && machine.state() == ClientState::Completed
            {
                tx.data = Bytes::new();
            }
            let deadline = tx.deadline();
            self.timers
                .arm(self.now, TimerKey::Client(key), &mut tx.alarm, deadline);
        }
    }

    /// Forgets a transaction, and the CANCEL of it: nothing more can come of that either.
    pub(super) fn drop_client(&mut self, key: ClientKey) {
        let Some(mut tx) = self.clients.remove(key) else { return };
        self.timers.disarm(&mut tx.alarm);
        self.in_flight.remove(&(tx.flow.transport, tx.flow.remote, key));
        if let Some(cancel) = tx.cancel {
            self.drop_client(cancel);
        }
    }

    /// Sends the ACK of a 3xx to 6xx. Returns the INVITE.
    fn acknowledge_failure(&mut self, key: ClientKey, response: &Response) -> Bytes {
        let Some(tx) = self.clients.get_mut(key) else {
            return Bytes::new();
        };
        let request = tx.data.clone();
        let to = response.headers().get(&HeaderName::To).unwrap_or_default();
        if let Some(sent) = Sent::read(&request) {
            let ack = sent.companion("ACK", Some(to)).finish(None);
            tx.data = ack.clone();
            let flow = tx.flow;
            self.transmit(flow, ack);
        }
        request
    }

    /// Sends the CANCEL of an INVITE that has a provisional response (RFC 3261 §9.1).
    pub(super) fn cancel(&mut self, key: ClientKey, reason: Option<&Bytes>) {
        let Some(tx) = self.clients.get(key).filter(|tx| tx.cancel.is_none()) else {
            return;
        };
        let (flow, nonce, data) = (tx.flow, tx.nonce, tx.data.clone());
        let Some(sent) = Sent::read(&data) else { return };
        let mut out = sent.companion("CANCEL", None);
        if let Some(reason) = reason {
            out.raw("Reason", reason);
        }
        let mut via = self.open_client(flow, Method::Cancel, Owner::Nobody);
        // The CANCEL has its INVITE's branch and is found by way of it.
        via.nonce = nonce;
        if let Some(tx) = self.clients.get_mut(key) {
            tx.cancel = Some(via.key);
        }
        self.launch(via, out.finish(None));
    }

    /// Sends the ACK of a 2xx and keeps it for when the 2xx comes again.
    pub(super) fn send_ack(&mut self, key: ClientKey, flow: Flow, data: Bytes) {
        if let Some(tx) = self.clients.get_mut(key) {
            tx.acks.reserve_exact(1);
            let data = data.clone();
            tx.acks.push(SentAck { flow, data });
        }
        self.transmit(flow, data);
    }

    /// Of an INVITE whose 2xx has its ACK the first line is enough: the target of further forks.
    pub(super) fn forget_sent(&mut self, key: ClientKey) {
        if let Some(tx) = self.clients.get_mut(key) {
            let line = memchr::memchr(b'\r', &tx.data).and_then(|end| tx.data.get(..end));
            tx.data = Bytes::copy_from_slice(line.unwrap_or_default());
        }
    }

    pub(super) fn acks_sent(&self, key: ClientKey) -> usize {
        self.clients.get(key).map_or(0, |tx| tx.acks.len())
    }

    fn resend_ack(&mut self, key: ClientKey, response: &Response) -> bool {
        let tag = response
            .headers()
            .get(&HeaderName::To)
            .and_then(tag_of)
            .unwrap_or_default();
        let Some(ack) = self
            .clients
            .get(key)
            .and_then(|tx| tx.acks.iter().find(|ack| ack.tag() == tag))
        else {
            return false;
        };
        let (flow, data) = (ack.flow, ack.data.clone());
        self.stats.retransmitted += 1;
        self.transmit(flow, data);
        true
    }

    /// The target of a request that is under way.
    pub(super) fn sent_uri(&self, key: ClientKey) -> Bytes {
        let Some(tx) = self.clients.get(key) else {
            return Bytes::new();
        };
        tx.data.slice_ref(uri_of(&tx.data))
    }

    pub(super) fn client_flow(&self, key: ClientKey) -> Option<Flow> {
        self.clients.get(key).map(|tx| tx.flow)
    }

    /// Sends the request again with credentials, if it was challenged and there are some (RFC 3261 §22.2).
    fn answer_challenge(&mut self, key: ClientKey, owner: Owner, response: &Response, request: &[u8]) -> bool {
        if !matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED
        ) {
            return false;
        }
        let seed = self.rng.next_u64();
        let Some(tx) = self.clients.get(key) else { return false };
        let method = tx.method.clone();
        let Some(sent) = Sent::read(request) else { return false };
        let Some(client) = self.credentials_of(owner) else {
            return false;
        };
        let answers = client.answer_challenges(&method, sent.uri(), sent.body(), response.headers(), seed);
        let Some(answers) = answers else { return false };
        self.send_again(key, owner, sent, &answers)
    }

    /// Sends a request that failed once more, with other values of some headers.
    pub(super) fn send_again(
        &mut self,
        key: ClientKey,
        owner: Owner,
        sent: Sent<'_>,
        others: &[(HeaderName, Bytes)],
    ) -> bool {
        let Some(tx) = self.clients.get(key) else { return false };
        let (flow, method) = (tx.flow, tx.method.clone());
        let to = sent.value("To").and_then(tag_of).unwrap_or_default();
        let Some(cseq) = self.cseq_of(owner, sent.cseq(), to) else {
            return false;
        };
        let via = self.open_client(flow, method, owner);
        let data = sent.again(&via, cseq, others);
        let key = self.launch(via, data);
        self.moved(owner, key);
        true
    }

    /// A request without body that is sent in nobody's name: the BYE of a superfluous fork.
    pub(super) fn send_orphan(&mut self, flow: Flow, method: Method, write: impl FnOnce(&OwnVia) -> Bytes) {
        let via = self.open_client(flow, method, Owner::Nobody);
        let data = write(&via);
        self.launch(via, data);
    }
}

impl Endpoint {
    /// The bytes of a request that is under way.
    pub(super) fn sent_data(&self, key: ClientKey) -> Bytes {
        self.clients.get(key).map(|tx| tx.data.clone()).unwrap_or_default()
    }
}
