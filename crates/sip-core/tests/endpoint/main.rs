//! Whole endpoints against each other over a simulated link. After each test nothing may be left.
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
mod cancel;
mod conditional;
mod connections;
mod link;
mod outside;
mod prack;
mod properties;
mod reach;
mod reinvite;
mod saved;
mod screen;
mod session_timer;
mod states;
mod subscriptions;
mod transfer;
mod update;
mod usages;
