//! The one machine that puts the layers together.

mod command;
mod config;
mod error;
mod event;
mod flow;
mod id;
mod info;
mod names;
mod reply;
mod sent;
mod stats;
mod timers;
mod stub;

pub use command::{
    Body, Credentials, Invite, Notify, NotifyState, OutOfDialog, Reply, Subscribe, TerminatedReason,
};
pub use config::EndpointConfig;
pub use error::EndpointError;
pub use event::{EndCause, Event, Output, SubscriptionEnd};
pub use flow::{ConnectionId, Flow, Transmit, Transport, UnknownTransport};
pub use id::{ReferId, RequestId, SessionId, SubscriptionId};
pub use info::{SessionInfo, SessionState};
pub use stats::{Live, Stats};

/// The endpoint.
#[derive(Debug)]
pub struct Endpoint {
    config: EndpointConfig,
    stats: Stats,
}
