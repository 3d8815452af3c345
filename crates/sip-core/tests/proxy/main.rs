//! Proxies between endpoints and scripted peers. After each test nothing may be left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]
#![allow(missing_docs, unreachable_pub, reason = "not a library")]

mod calls;
mod flood;
mod forks;
mod limits;
mod loops;
#[path = "../support/network.rs"]
mod network;
mod outbound;
mod properties;
mod routes;
mod screen;
mod search;
mod silence;
mod stateless;
mod trust;
