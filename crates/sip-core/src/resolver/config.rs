use core::time::Duration;

use crate::Transport;

/// Settings of a [`Resolver`](super::Resolver).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ResolverConfig {
    /// The transports that can be used, the preferred first. Where a domain names no preference, this one counts.
    /// Default: UDP, TCP, TLS.
    pub transports: Vec<Transport>,
    /// The address families that can be used, and which is tried first. Default: both, IPv6 first.
    pub families: Families,
    /// After how long a question counts as failed. Default 5 s.
    pub question_timeout: Duration,
    /// For how long a lookup that knows an address waits for the rest. Default 500 ms.
    pub grace: Duration,
    /// The longest that anything is kept, whatever its TTL. Default 1 day.
    pub max_ttl: Duration,
    /// How long an absence is kept if the answer does not say; also the longest that one is kept. Default 5 minutes.
    pub absent_ttl: Duration,
    /// How long a failure is kept, so that a broken server is not asked for each call. Default 5 s.
    pub failed_ttl: Duration,
    /// For how long a target that failed is tried last. Default 30 s.
    pub avoid: Duration,
    /// The longest that a server may have itself avoided by `Retry-After`. Default 1 hour.
    pub max_avoid: Duration,
    /// Lookups under way. Default 4,096; one more is refused.
    pub max_lookups: usize,
    /// Questions under way. Default 8,192; of one more, the lookup takes it that it failed.
    pub max_questions: usize,
    /// Questions of one lookup. Default 64; of one more, it takes it that it failed.
    pub max_questions_per_lookup: usize,
    /// Records taken of one answer. Default 32; further ones are not looked at.
    pub max_records: usize,
    /// Targets of one lookup. Default 32; further ones are left out.
    pub max_targets: usize,
    /// Answers kept. Default 10,000; the one that would expire first makes room.
    pub max_cached: usize,
    /// Targets avoided. Default 1,024; the one that would be taken back first makes room.
    pub max_avoided: usize,
}

impl Default for ResolverConfig {
    fn default() -> Self {
        Self {
            transports: vec![Transport::Udp, Transport::Tcp, Transport::Tls],
            families: Families::default(),
            question_timeout: Duration::from_secs(5),
            grace: Duration::from_millis(500),
            max_ttl: Duration::from_secs(86_400),
            absent_ttl: Duration::from_secs(300),
            failed_ttl: Duration::from_secs(5),
            avoid: Duration::from_secs(30),
            max_avoid: Duration::from_secs(3600),
            max_lookups: 4_096,
            max_questions: 8_192,
            max_questions_per_lookup: 64,
            max_records: 32,
            max_targets: 32,
            max_cached: 10_000,
            max_avoided: 1_024,
        }
    }
}

/// Address families. With both, addresses of one server alternate, so that a family that does not work costs one try
/// (RFC 7984 §4, RFC 8305 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Families {
    /// Both, IPv6 first.
    #[default]
    PreferV6,
    /// Both, IPv4 first.
    PreferV4,
    /// IPv6 alone.
    V6Only,
    /// IPv4 alone.
    V4Only,
}
