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
mod calls_acknowledged;
mod calls_over_networks;
mod cancel;
mod conditional;
mod connections;
mod forked_subscriptions;
mod link;
#[path = "../support/network.rs"]
mod network;
mod outside;
mod overload;
mod packages;
mod persistent;
mod plain_requests;
mod prack;
mod prack_offers;
mod properties;
mod publications;
mod rates;
mod reach;
mod redirect;
mod reinvite;
mod routing;
mod saved;
mod screen;
mod session_timer;
mod single_requests;
mod states;
mod subscriptions;
mod transfer;
mod update;
mod usages;
mod ways;
