//! The one machine that puts the layers together.

mod flow;

pub use flow::{ConnectionId, Flow, Transmit, Transport, UnknownTransport};

/// The endpoint.
#[derive(Debug)]
#[non_exhaustive]
pub struct Endpoint {}

impl Endpoint {
    /// A stream connection is open.
    pub fn connection_opened(&mut self) {}
    /// A peer cannot be reached.
    pub fn unreachable(&mut self) {}
}
