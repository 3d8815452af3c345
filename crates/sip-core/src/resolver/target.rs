use std::net::SocketAddr;

use crate::{Hop, Host, Transport};

/// One address that a request can be sent to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Target {
    /// By which protocol.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// The host of the URI, which the certificate has to prove where the transport is secure, and part of the key of a
    /// connection that may be used again: that two domains share an address does not make them one.
    pub name: Host,
}

impl From<Target> for Hop {
    fn from(target: Target) -> Self {
        let name = target.transport.is_secure().then_some(target.name);
        Self::new(target.transport, target.address, name)
    }
}

/// Targets in the order in which they are to be tried (RFC 3263 §4.3): an iterator that is kept for as long as the request
/// may have to go elsewhere.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Targets {
    list: Vec<Target>,
    next: usize,
}

impl Targets {
    pub(super) const fn new(list: Vec<Target>) -> Self {
        Self { list, next: 0 }
    }

    /// What is left to be tried.
    #[must_use]
    pub fn rest(&self) -> &[Target] {
        self.list.get(self.next..).unwrap_or_default()
    }
}

impl Iterator for Targets {
    type Item = Target;

    fn next(&mut self) -> Option<Target> {
        let target = self.list.get(self.next)?.clone();
        self.next += 1;
        Some(target)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest().len(), Some(self.rest().len()))
    }
}

impl ExactSizeIterator for Targets {}
