//! SIP without I/O: messages, transactions, dialogs, subscriptions, registrar, digest.

pub mod auth;
pub mod dialog;
pub mod endpoint;
pub mod event;
pub mod header;
pub mod limits;
pub mod registrar;
pub mod transaction;
pub mod wire;

pub use limits::Limits;
pub use wire::{
    Framed, HeaderName, Headers, Host, Message, Method, NameAddr, Params, ParseError, ParseErrorKind, Request,
    Response, Scheme, StatusCode, StreamFramer, Token, Uri,
};
pub use endpoint::{
    Body, ConnectionId, Credentials, EndCause, Endpoint, EndpointConfig, EndpointError, Event, Flow, Invite, Live, Notify,
    NotifyState, OutOfDialog, Output, ReferId, Reply, RequestId, SessionId, SessionInfo, SessionState, Stats, Subscribe,
    SubscriptionEnd, SubscriptionId, TerminatedReason, Transmit, Transport,
};
