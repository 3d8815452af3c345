//! RTCP (RFC 3550 §6): compound packets of sender and receiver reports, source descriptions and goodbyes.

mod read;
mod write;

pub use read::{Bye, Chunks, Compound, Items, ReceiverReport, ReportBlocks, RtcpError, RtcpPacket, Sdes, SenderReport};
pub use write::RtcpWriter;

/// Packets of one datagram at most. A peer's report has two or three.
pub const MAX_PACKETS: usize = 32;

/// Packet type of a sender report.
pub(crate) const SENDER_REPORT: u8 = 200;
/// Packet type of a receiver report.
pub(crate) const RECEIVER_REPORT: u8 = 201;
/// Packet type of a source description.
pub(crate) const SOURCE_DESCRIPTION: u8 = 202;
/// Packet type of a goodbye.
pub(crate) const GOODBYE: u8 = 203;

/// The item of a source description that names the sender (RFC 3550 §6.5.1).
pub const CNAME: u8 = 1;

/// Whether a datagram that came to an RTP port is RTCP (RFC 5761 §4).
#[must_use]
pub(crate) fn is_rtcp(data: &[u8]) -> bool {
    matches!(data, [first, 192..=223, ..] if first >> 6 == 2)
}

/// What a sender says about itself (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "RFC 3550 §6.4.1 fixes the fields")]
pub struct SenderInfo {
    /// Wall-clock time, as NTP writes it: seconds since 1900 in the upper half.
    pub ntp: u64,
    /// The same moment on the RTP clock.
    pub rtp: u32,
    /// RTP packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub octets: u32,
}

/// What a receiver says about one sender (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "RFC 3550 §6.4.1 fixes the fields")]
pub struct ReportBlock {
    /// The sender that it is about.
    pub ssrc: u32,
    /// Loss since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Loss since the beginning: 24 bits with sign.
    pub lost: i32,
    /// The highest sequence number, with its count of wraps in the upper half.
    pub highest: u32,
    /// Variation of arrival times, in RTP clock units.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's NTP time.
    pub last_report: u32,
    /// Time since that report came, in 65536ths of a second.
    pub since_last: u32,
}

impl ReportBlock {
    /// Bytes of a block.
    const LENGTH: usize = 24;

    fn read(bytes: &[u8; Self::LENGTH]) -> Self {
        let [s0, s1, s2, s3, fraction, l0, l1, l2, h0, h1, h2, h3, rest @ ..] = *bytes;
        let [j0, j1, j2, j3, r0, r1, r2, r3, d0, d1, d2, d3] = rest;
        Self {
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            fraction_lost: fraction,
            // The sign of 24 bits, by shifting it through the upper byte.
            lost: i32::from_be_bytes([l0, l1, l2, 0]) >> 8,
            highest: u32::from_be_bytes([h0, h1, h2, h3]),
            jitter: u32::from_be_bytes([j0, j1, j2, j3]),
            last_report: u32::from_be_bytes([r0, r1, r2, r3]),
            since_last: u32::from_be_bytes([d0, d1, d2, d3]),
        }
    }
}
