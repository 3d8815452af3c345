/// What a [`Guard`](super::Guard) has done so far. All count up from zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GuardStats {
    /// Packets that passed, trusted sources' included.
    pub passed: u64,
    /// Packets of banned sources, dropped.
    pub banned_packets: u64,
    /// Packets dropped because their source sent too many.
    pub dropped: u64,
    /// Requests refused with 503.
    pub refused: u64,
    /// Requests that would have been refused, had there not been too many refusals already; dropped.
    pub unrefused: u64,
    /// Connections that were one too many of their source, or of a banned one.
    pub connections_refused: u64,
    /// Failed authentications.
    pub failures: u64,
    /// Bans begun.
    pub bans: u64,
    /// Failing sources and bans forgotten for want of room.
    pub forgotten: u64,
    /// Events that nobody fetched in time.
    pub events_lost: u64,
}

/// What a [`Guard`](super::Guard) holds at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GuardLive {
    /// Strangers whose packets are counted.
    pub sources: usize,
    /// Sources that have authenticated.
    pub authenticated: usize,
    /// Sources that failed to authenticate.
    pub failing: usize,
    /// User names with which somebody failed to authenticate.
    pub users: usize,
    /// Bans that run.
    pub bans: usize,
    /// Bans that are over, but count for the length of the next one.
    pub past_bans: usize,
    /// Sources with open connections.
    pub connected: usize,
}
