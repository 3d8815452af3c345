//! The call flows of RFC 3665, RFC 5359 and RFC 5589, one test each, named by its section: endpoints and proxies on a
//! simulated network send what the RFC's ladder shows, and nothing else; in the end nothing is left alive anywhere.
//!
//! The messages are counted as in the RFC (`F1`, `F2`, …). Where the numbers do not ascend, two messages that have nothing to
//! do with each other were sent in the other order. A line that begins with `-` is not in the RFC's ladder.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]
#![allow(clippy::too_many_lines, reason = "a flow is told in one piece")]
#![allow(missing_docs, unreachable_pub, reason = "not a library")]

mod extensions;
mod invite_extensions;
#[path = "../support/network.rs"]
mod network;
mod rfc3665;
mod rfc3665_registration;
mod rfc3665_unsuccessful;
mod rfc5359;
mod rfc5359_proxy;
mod rfc5359_referred;
mod rfc5359_watching;
mod rfc5589_attended;
mod rfc5589_basic;
mod rfc5589_parties;
mod rfc5589_semi_attended;
mod stage;
mod ten_lines;
mod transfer;
mod unknown;
