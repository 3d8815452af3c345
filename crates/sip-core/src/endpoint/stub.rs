#![expect(missing_docs, unused_variables, clippy::unused_self, clippy::needless_pass_by_value, reason = "signatures first; being replaced")]
use super::*;
use crate::header::Reason;
use crate::{Method, NameAddr, StatusCode};
use bytes::Bytes;
use core::time::Duration;
use machine::{Machine, Time};
use std::net::SocketAddr;

type Done = Result<(), EndpointError>;

impl Endpoint {
    pub fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        Self { config, stats: Stats::default() }
    }
    pub fn receive(&mut self, now: Time, flow: Flow, data: Bytes) {}
    pub fn connection_opened(&mut self, now: Time, flow: Flow) {}
    pub fn connection_closed(&mut self, now: Time, connection: ConnectionId) {}
    pub fn unreachable(&mut self, now: Time, transport: Transport, remote: SocketAddr) {}
    pub fn invite(&mut self, now: Time, invite: Invite) -> Result<SessionId, EndpointError> {
        Err(EndpointError::Full)
    }
    pub fn provisional(&mut self, now: Time, session: SessionId, status: StatusCode, reply: Reply) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn answer(&mut self, now: Time, session: SessionId, reply: Reply) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn reject(&mut self, now: Time, session: SessionId, status: StatusCode, reply: Reply) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn acknowledge(&mut self, now: Time, session: SessionId, body: Option<Body>) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn reinvite(&mut self, now: Time, session: SessionId, reply: Reply) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn hang_up(&mut self, now: Time, session: SessionId, reason: Option<Reason>) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn request(
        &mut self,
        now: Time,
        session: SessionId,
        method: Method,
        reply: Reply,
    ) -> Result<RequestId, EndpointError> {
        Err(EndpointError::Gone)
    }
    pub fn refer(
        &mut self,
        now: Time,
        session: SessionId,
        refer_to: NameAddr,
        reply: Reply,
    ) -> Result<SubscriptionId, EndpointError> {
        Err(EndpointError::Gone)
    }
    pub fn accept_refer(&mut self, now: Time, refer: ReferId) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn reject_refer(&mut self, now: Time, refer: ReferId, status: StatusCode) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn notify_refer(&mut self, now: Time, refer: ReferId, status: StatusCode, reason: Option<&str>) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn send(&mut self, now: Time, request: OutOfDialog) -> Result<RequestId, EndpointError> {
        Err(EndpointError::Full)
    }
    pub fn respond(&mut self, now: Time, request: RequestId, status: StatusCode, reply: Reply) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn subscribe(&mut self, now: Time, subscribe: Subscribe) -> Result<SubscriptionId, EndpointError> {
        Err(EndpointError::Full)
    }
    pub fn unsubscribe(&mut self, now: Time, subscription: SubscriptionId) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn accept_subscription(
        &mut self,
        now: Time,
        request: RequestId,
        expires: Duration,
    ) -> Result<SubscriptionId, EndpointError> {
        Err(EndpointError::Gone)
    }
    pub fn notify(&mut self, now: Time, subscription: SubscriptionId, notify: Notify) -> Done {
        Err(EndpointError::Gone)
    }
    pub fn find_session(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<SessionId> {
        None
    }
    pub fn session_info(&self, session: SessionId) -> Option<SessionInfo> {
        None
    }
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
    pub fn live(&self) -> Live {
        Live::default()
    }
    pub fn config(&self) -> &EndpointConfig {
        &self.config
    }
}

impl Machine for Endpoint {
    type Output = Output;
    fn handle_timeout(&mut self, now: Time) {}
    fn poll_timeout(&self) -> Option<Time> {
        None
    }
    fn poll_output(&mut self) -> Option<Output> {
        None
    }
}
