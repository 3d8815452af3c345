//! Seeded networks and virtual phones around any Strowger machine
mod network;
mod world;

pub use network::{Link, MAX_IN_FLIGHT, Network, NetworkStats, Packet, Payload};
pub use world::{Host, HostId, MAX_STEPS, Spin, World};
