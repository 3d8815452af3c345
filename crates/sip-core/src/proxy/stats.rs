/// What became of the messages. All count up from zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ProxyStats {
    /// Well-formed requests received, retransmissions included.
    pub requests_received: u64,
    /// Well-formed responses received, retransmissions included.
    pub responses_received: u64,
    /// Messages sent, retransmissions included.
    pub sent: u64,
    /// Of those, retransmissions of ours.
    pub retransmitted: u64,
    /// Requests of peers that came again and were absorbed or answered again.
    pub retransmissions_received: u64,
    /// CRLF keep-alives received.
    pub keepalives: u64,
    /// Messages that are not SIP, or too broken to be answered; also streams that lost their framing.
    pub malformed: u64,
    /// Broken requests that were answered with 400 or the status of their fault.
    pub refused_malformed: u64,
    /// Packets that the guard had refused or dropped unread ([`GuardStats`](crate::guard::GuardStats)).
    pub guarded: u64,
    /// Requests forwarded with state: branches.
    pub forwarded: u64,
    /// Requests and responses forwarded without state.
    pub forwarded_stateless: u64,
    /// Responses of no transaction, and not forwarded without state either: dropped.
    pub unmatched_responses: u64,
    /// ACKs that lead nowhere: dropped.
    pub unmatched_acks: u64,
    /// CANCELs of nothing (481).
    pub unmatched_cancels: u64,
    /// URI schemes (416) and required options (420) that are not supported.
    pub unsupported: u64,
    /// Requests without hops left (483).
    pub too_many_hops: u64,
    /// Requests that came back unchanged (482).
    pub loops: u64,
    /// Requests that had too little breadth left (440).
    pub too_broad: u64,
    /// Requests, messages and connections refused because a limit was reached (503).
    pub overloaded: u64,
    /// Branches that timed out.
    pub timeouts: u64,
    /// Branches whose target could not be reached.
    pub transport_failures: u64,
    /// Requests to the embedder that it did not answer in time.
    pub unanswered: u64,
    /// Connections closed for idleness, slowness or broken framing.
    pub connections_closed: u64,
}

/// What the proxy holds at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ProxyLive {
    /// Response contexts, each with its server transaction.
    pub contexts: usize,
    /// Branches, each with its client transaction, CANCELs included.
    pub branches: usize,
    /// Next hops that are being resolved.
    pub resolutions: usize,
    /// Stream connections.
    pub connections: usize,
    /// Armed timers, but those of connections.
    pub timers: usize,
}

impl ProxyLive {
    /// Whether nothing but connections is left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self
            == Self {
                connections: self.connections,
                ..Self::default()
            }
    }
}
