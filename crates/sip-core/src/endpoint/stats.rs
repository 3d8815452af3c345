use core::time::Duration;

/// What became of the messages. All count up from zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Stats {
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
    /// Responses without a transaction.
    pub unmatched_responses: u64,
    /// ACKs without a transaction or dialog.
    pub unmatched_acks: u64,
    /// In-dialog requests and CANCELs without a dialog or transaction (481).
    pub unmatched_requests: u64,
    /// Requests that reached us by two ways (482).
    pub merged: u64,
    /// Unknown or disallowed methods (501, 405), URI schemes (416), required options (420), events (489).
    pub unsupported: u64,
    /// Requests without hops left (483).
    pub too_many_hops: u64,
    /// Requests out of order in their dialog (500), or against a pending one (491, 500).
    pub out_of_order: u64,
    /// Requests and connections refused because a limit was reached (503).
    pub overloaded: u64,
    /// Packets that the guard had refused or dropped unread ([`GuardStats`](crate::guard::GuardStats)).
    pub guarded: u64,
    /// Client transactions that timed out.
    pub timeouts: u64,
    /// Client transactions that failed for their transport.
    pub transport_failures: u64,
    /// Requests to the embedder that it did not answer in time.
    pub unanswered: u64,
    /// Connections closed for idleness, slowness or broken framing.
    pub connections_closed: u64,
    /// Sessions begun, both ways.
    pub sessions: u64,
}

/// What the endpoint holds at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Live {
    /// Client transactions.
    pub client_transactions: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Sessions, also those whose last messages are still under way.
    pub sessions: usize,
    /// Subscriptions of both sides.
    pub subscriptions: usize,
    /// Incoming REFERs.
    pub refers: usize,
    /// States that we publish.
    pub publications: usize,
    /// Requests of both sides that wait for a response.
    pub requests: usize,
    /// Stream connections.
    pub connections: usize,
    /// Armed timers.
    pub timers: usize,
    /// Outputs that wait to be fetched.
    pub outputs: usize,
}

impl Live {
    /// Whether nothing but connections, and what they and the guard are timed by, is left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        *self
            == Self {
                connections: self.connections,
                timers: self.timers,
                outputs: self.outputs,
                ..Self::default()
            }
    }
}

/// Whole seconds, rounded up, as headers say them.
pub(crate) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
