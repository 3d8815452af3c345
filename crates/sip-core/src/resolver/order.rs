//! In which order servers are tried.

use std::net::IpAddr;

use rand_core::Rng;

use super::{DnsName, Families};

/// An SRV record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Server {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: DnsName,
}

/// RFC 2782: by priority; among equals by lot, where a weight is a number of tickets, and servers of weight zero have a
/// small chance.
pub(super) fn by_weight(mut servers: Vec<Server>, rng: &mut impl Rng) -> Vec<Server> {
    // Those of weight zero stand first in their group; the rest keeps its order.
    servers.sort_by_key(|server| (server.priority, server.weight != 0));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let group = servers.iter().take_while(|server| server.priority == priority);
        let sum: u64 = group.map(|server| u64::from(server.weight)).sum();
        let drawn = rng.next_u64() % (sum + 1);
        let mut running = 0;
        let chosen = servers.iter().position(|server| {
            running += u64::from(server.weight);
            running >= drawn
        });
        ordered.push(servers.remove(chosen.unwrap_or_default()));
    }
    ordered
}

/// The addresses of one server: each family in the order of its answer, the families by turns.
pub(super) fn interleave(v4: Vec<IpAddr>, v6: Vec<IpAddr>, families: Families) -> Vec<IpAddr> {
    let (first, second) = match families {
        Families::PreferV6 => (v6, v4),
        Families::PreferV4 => (v4, v6),
        Families::V6Only => (v6, Vec::new()),
        Families::V4Only => (v4, Vec::new()),
    };
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        all.extend(first.next());
        all.extend(second.next());
    }
    all
}
