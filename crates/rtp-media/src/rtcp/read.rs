//! Reading of compound packets, without copying.

use super::{GOODBYE, MAX_PACKETS, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo};

/// Why bytes are not a compound RTCP packet (RFC 3550 §A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtcpError {
    /// A packet is longer than what is left of the datagram, or the datagram has no packet.
    #[error("a packet is longer than the datagram")]
    Truncated,
    /// A version is not 2.
    #[error("the version is not 2")]
    Version,
    /// The first packet is neither a sender nor a receiver report.
    #[error("the first packet is not a report")]
    NoReport,
    /// Padding before the last packet, or more than there is.
    #[error("wrong padding")]
    Padding,
    /// A packet is too short for the blocks or sources that it counts, or an item too long for its packet.
    #[error("a packet is too short for its contents")]
    Contents,
    /// More packets than [`MAX_PACKETS`].
    #[error("too many packets in one datagram")]
    TooMany,
}

/// A checked compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'a>(&'a [u8]);

impl<'a> Compound<'a> {
    /// Checks a datagram: every packet, and every length within every packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(data: &'a [u8]) -> Result<Self, RtcpError> {
        if !matches!(data.get(1), None | Some(&(SENDER_REPORT | RECEIVER_REPORT))) {
            return Err(RtcpError::NoReport);
        }
        let mut rest = data;
        for _ in 0..MAX_PACKETS {
            let (_, after) = split(rest)?;
            if after.is_empty() {
                return Ok(Self(data));
            }
            rest = after;
        }
        Err(RtcpError::TooMany)
    }

    /// Its packets.
    pub fn packets(&self) -> impl Iterator<Item = RtcpPacket<'a>> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (packet, after) = split(rest).ok()?;
            rest = after;
            Some(packet)
        })
    }
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RtcpPacket<'a> {
    /// What a sender sent and received.
    SenderReport(SenderReport<'a>),
    /// What somebody who sends nothing received.
    ReceiverReport(ReceiverReport<'a>),
    /// Who the sources are.
    Sdes(Sdes<'a>),
    /// Sources that leave.
    Bye(Bye<'a>),
    /// Any other type, whole but unread.
    Other {
        /// The packet type.
        packet_type: u8,
        /// The five bits that count blocks, or name a format.
        count: u8,
        /// What follows the first four bytes, without padding.
        body: &'a [u8],
    },
}

/// A sender report (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it says about itself.
    pub info: SenderInfo,
    /// What it says about those that it hears.
    pub blocks: ReportBlocks<'a>,
}

/// A receiver report (RFC 3550 §6.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it says about those that it hears.
    pub blocks: ReportBlocks<'a>,
}

/// The blocks of a report, at most 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a>(&'a [[u8; ReportBlock::LENGTH]]);

impl<'a> ReportBlocks<'a> {
    /// Each block.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.0.iter().map(ReportBlock::read)
    }
}

/// A source description (RFC 3550 §6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdes<'a> {
    count: u8,
    body: &'a [u8],
}

impl<'a> Sdes<'a> {
    /// Each source with its items.
    #[must_use]
    pub fn chunks(&self) -> Chunks<'a> {
        Chunks {
            left: self.count,
            rest: self.body,
        }
    }
}

/// The sources of a description; an iterator over source and items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks<'a> {
    left: u8,
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (u32, Items<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (ssrc, items, rest) = chunk(self.rest).ok()?;
        self.rest = rest;
        Some((ssrc, Items(items)))
    }
}

/// The items of one source; an iterator over type and text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [kind @ 1..=255, length, rest @ ..] = self.0 else {
            return None;
        };
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        self.0 = rest;
        Some((*kind, text))
    }
}

/// Sources that leave (RFC 3550 §6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    sources: &'a [[u8; 4]],
    reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    /// Who leaves, at most 31.
    pub fn sources(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.sources.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Option<&'a [u8]> {
        self.reason
    }
}

/// The first packet of `data`, wholly checked, and what follows it.
fn split(data: &[u8]) -> Result<(RtcpPacket<'_>, &[u8]), RtcpError> {
    let ([first, packet_type, l0, l1], rest) = data.split_first_chunk::<4>().ok_or(RtcpError::Truncated)?;
    if first >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let length = usize::from(u16::from_be_bytes([*l0, *l1])) * 4;
    let (mut body, after) = rest.split_at_checked(length).ok_or(RtcpError::Truncated)?;
    if first & 0x20 != 0 {
        // Only the last packet may be padded (§6.4.1), by a multiple of four bytes.
        let padding = usize::from(*body.last().ok_or(RtcpError::Padding)?);
        if padding == 0 || !padding.is_multiple_of(4) || !after.is_empty() {
            return Err(RtcpError::Padding);
        }
        let kept = body.len().checked_sub(padding).ok_or(RtcpError::Padding)?;
        body = body.get(..kept).ok_or(RtcpError::Padding)?;
    }
    let count = first & 0x1f;
    let packet = match *packet_type {
        SENDER_REPORT => sender_report(count, body)?,
        RECEIVER_REPORT => {
            let (ssrc, body) = body.split_first_chunk::<4>().ok_or(RtcpError::Contents)?;
            let blocks = blocks(count, body)?;
            RtcpPacket::ReceiverReport(ReceiverReport {
                ssrc: u32::from_be_bytes(*ssrc),
                blocks,
            })
        }
        SOURCE_DESCRIPTION => {
            let mut rest = body;
            for _ in 0..count {
                (_, _, rest) = chunk(rest)?;
            }
            RtcpPacket::Sdes(Sdes { count, body })
        }
        GOODBYE => bye(count, body)?,
        packet_type => RtcpPacket::Other {
            packet_type,
            count,
            body,
        },
    };
    Ok((packet, after))
}

fn sender_report(count: u8, body: &[u8]) -> Result<RtcpPacket<'_>, RtcpError> {
    let (head, body) = body.split_first_chunk::<24>().ok_or(RtcpError::Contents)?;
    let [s0, s1, s2, s3, n0, n1, n2, n3, n4, n5, n6, n7, rest @ ..] = *head;
    let [r0, r1, r2, r3, p0, p1, p2, p3, o0, o1, o2, o3] = rest;
    Ok(RtcpPacket::SenderReport(SenderReport {
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        info: SenderInfo {
            ntp: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            rtp: u32::from_be_bytes([r0, r1, r2, r3]),
            packets: u32::from_be_bytes([p0, p1, p2, p3]),
            octets: u32::from_be_bytes([o0, o1, o2, o3]),
        },
        blocks: blocks(count, body)?,
    }))
}

/// The report blocks; what follows them is a profile's extension, and of no concern.
fn blocks(count: u8, body: &[u8]) -> Result<ReportBlocks<'_>, RtcpError> {
    let blocks = body.as_chunks::<{ ReportBlock::LENGTH }>().0.get(..usize::from(count));
    blocks.map(ReportBlocks).ok_or(RtcpError::Contents)
}

fn bye(count: u8, body: &[u8]) -> Result<RtcpPacket<'_>, RtcpError> {
    let (sources, rest) = body
        .split_at_checked(usize::from(count) * 4)
        .ok_or(RtcpError::Contents)?;
    let reason = match rest {
        [] => None,
        [length, text @ ..] => Some(text.get(..usize::from(*length)).ok_or(RtcpError::Contents)?),
    };
    Ok(RtcpPacket::Bye(Bye {
        sources: sources.as_chunks::<4>().0,
        reason,
    }))
}

/// One chunk of a source description: source, items, and what follows the chunk.
fn chunk(data: &[u8]) -> Result<(u32, &[u8], &[u8]), RtcpError> {
    let (ssrc, body) = data.split_first_chunk::<4>().ok_or(RtcpError::Contents)?;
    let mut rest = body;
    loop {
        match rest {
            [] => return Err(RtcpError::Contents),
            [0, ..] => break,
            [_, length, text @ ..] => rest = text.get(usize::from(*length)..).ok_or(RtcpError::Contents)?,
            [_] => return Err(RtcpError::Contents),
        }
    }
    // A null ends the items, and further nulls fill the last word.
    let items = body.len().saturating_sub(rest.len());
    let end = (items / 4 + 1) * 4;
    let (whole, after) = body.split_at_checked(end).ok_or(RtcpError::Contents)?;
    Ok((u32::from_be_bytes(*ssrc), whole.get(..items).unwrap_or(&[]), after))
}
