use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Prefix, Rate};

/// What a [`Guard`](super::Guard) lets pass, and whom it bans.
///
/// The defaults take an office of a thousand phones behind one address, also at the moment at which all of them register
/// again, and a trunk of 250 calls a second that are each challenged. A peer that sends more belongs into
/// [`trusted`](Self::trusted).
///
/// ```
/// use std::time::Duration;
/// use sip_core::guard::{GuardConfig, Rate};
///
/// let mut config = GuardConfig::default();
/// config.requests = Rate::new(20, 100);
/// config.failures = 5;
/// config.ban = Duration::from_secs(600);
/// config.trusted.push("192.0.2.0/24".parse()?);
/// # Ok::<(), sip_core::guard::BadPrefix>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GuardConfig {
    /// Packets of one source that belong to nothing known, of any kind. What is more is dropped. Default 2,000 a second,
    /// 10,000 at once.
    pub packets: Rate,
    /// Of these, requests that have to be answered (all but ACK). What is more is
    /// refused with 503. Default 500 a second, 2,000 at once.
    pub requests: Rate,
    /// Of these, REGISTERs. Default 200 a second, 2,000 at once.
    pub registers: Rate,
    /// Packets of one source that belong to an established dialog or a transaction under way. What is more is dropped.
    /// Default 5,000 a second, 10,000 at once.
    pub known: Rate,
    /// The same requests of all sources together that have not authenticated. What is more is refused with 503. Default 5,000 a second, 20,000 at once.
    pub all_requests: Rate,
    /// Refusals (503) to one source; what is more is dropped without an answer. Default 10 a second, 20 at once.
    pub refusals: Rate,
    /// Refusals to all. Default 500 a second, 1,000 at once.
    pub all_refusals: Rate,
    /// Open stream connections of one source. Default 512; one more is closed.
    pub connections: u32,
    /// Sources that are neither throttled nor banned. Default: the loopback addresses. Where a proxy on this host
    /// speaks for strangers, take them out.
    pub trusted: Vec<Prefix>,
    /// How many bits of an IPv4 address make a source. Default 32.
    pub ipv4_prefix: u8,
    /// How many bits of an IPv6 address make a source. Default 64: whoever has an address has as many as he likes.
    pub ipv6_prefix: u8,
    /// Failed authentications of a source, within [`failure_window`](Self::failure_window) from the first, that ban it.
    /// Default 10; with 0 nobody is banned by failures.
    pub failures: u32,
    /// The same for a source that has also authenticated with success lately: behind it there are others than the one who
    /// fails. Default 100.
    pub authenticated_failures: u32,
    /// Failed authentications with one user name, of all sources, from which the name counts as attacked. Default 30; with 0
    /// none does.
    pub user_failures: u32,
    /// As [`failures`](Self::failures), when the last one is with a name that is attacked. Default 3. The user himself is not
    /// hindered.
    pub attacked_failures: u32,
    /// Default 10 minutes.
    pub failure_window: Duration,
    /// For how long a source is banned the first time. Default 5 minutes. Each further time it is twice as long.
    pub ban: Duration,
    /// The longest ban. Default 1 day.
    pub max_ban: Duration,
    /// After how long without a ban one doubling is taken back. Default 1 day.
    pub ban_decay: Duration,
    /// For how long a successful authentication sets a source apart from strangers. Default 1 hour.
    pub authenticated_for: Duration,
    /// Strangers whose packets are counted. Default 65,536, some 100 octets each; then the one that was silent longest is
    /// forgotten (and has full buckets when it comes again).
    pub max_sources: usize,
    /// Sources that have authenticated, likewise. Strangers do not push them out. Default 65,536.
    pub max_authenticated: usize,
    /// Sources that failed to authenticate, and user names with which somebody failed, likewise. Default 16,384 each.
    pub max_failures: usize,
    /// Bans, with those that are over but count for the length of the next. Default 65,536; then the one that is over, or
    /// else the one that ends first, is forgotten.
    pub max_bans: usize,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            packets: Rate::new(2_000, 10_000),
            requests: Rate::new(500, 2_000),
            registers: Rate::new(200, 2_000),
            known: Rate::new(5_000, 10_000),
            all_requests: Rate::new(5_000, 20_000),
            refusals: Rate::new(10, 20),
            all_refusals: Rate::new(500, 1_000),
            connections: 512,
            trusted: vec![
                Prefix::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8),
                Prefix::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ],
            ipv4_prefix: 32,
            ipv6_prefix: 64,
            failures: 10,
            authenticated_failures: 100,
            user_failures: 30,
            attacked_failures: 3,
            failure_window: Duration::from_secs(600),
            ban: Duration::from_secs(300),
            max_ban: Duration::from_secs(86_400),
            ban_decay: Duration::from_secs(86_400),
            authenticated_for: Duration::from_secs(3_600),
            max_sources: 65_536,
            max_authenticated: 65_536,
            max_failures: 16_384,
            max_bans: 65_536,
        }
    }
}
