//! What one RTP stream keeps: its own numbering, what it knows about the peer's, and where the peer is.

mod latch;
mod receive;
mod send;

pub(crate) use latch::same;
pub use latch::{Latch, LatchConfig, Verdict};
pub use receive::{Arrival, Reception};
pub use send::Sending;
pub(crate) use send::{ntp, ntp_middle};

use machine::Time;

/// Samples a second of every codec here: the RTP clock (RFC 3551 §4.5.14).
pub(crate) const CLOCK: u64 = 8_000;

/// The RTP clock at a moment, as 32 bits that go round.
pub(crate) const fn rtp_clock(now: Time) -> u32 {
    low_word(now.as_nanos() / (1_000_000_000 / CLOCK))
}

/// The lower 32 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what clocks and counters of 32 bits want"
)]
pub(crate) const fn low_word(value: u64) -> u32 {
    value as u32
}

/// The lower 16 bits.
#[expect(clippy::cast_possible_truncation, reason = "what sequence numbers want")]
pub(crate) const fn low_half(value: u32) -> u16 {
    value as u16
}
