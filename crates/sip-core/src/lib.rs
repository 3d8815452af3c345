//! SIP without I/O: messages, transactions, dialogs, subscriptions, registrar, digest

pub mod endpoint;

pub use endpoint::{ConnectionId, Endpoint, Flow, Transmit, Transport};
