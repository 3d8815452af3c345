//! Writing of compound packets.

use super::{CNAME, GOODBYE, RECEIVER_REPORT, ReportBlock, SENDER_REPORT, SOURCE_DESCRIPTION, SenderInfo};
use crate::buffer::Packet;

/// Writes a compound packet: a report first, then what else there is to say.
///
/// ```
/// use rtp_media::rtcp::{Compound, RtcpPacket, RtcpWriter};
///
/// let bytes = RtcpWriter::receiver_report(7, &[]).cname(7, "reception").bye(7).finish();
/// let kinds: Vec<_> = Compound::parse(&bytes)?.packets().collect();
/// assert!(matches!(kinds[..], [RtcpPacket::ReceiverReport(_), RtcpPacket::Sdes(_), RtcpPacket::Bye(_)]));
/// # Ok::<(), rtp_media::rtcp::RtcpError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RtcpWriter {
    out: Packet,
}

impl RtcpWriter {
    /// Starts with a sender report. Blocks after the 31st are left out.
    #[must_use]
    pub fn sender_report(ssrc: u32, info: &SenderInfo, blocks: &[ReportBlock]) -> Self {
        let mut writer = Self::report(SENDER_REPORT, 6, ssrc, blocks);
        writer.out.extend_from_slice(&info.ntp.to_be_bytes());
        for field in [info.rtp, info.packets, info.octets] {
            writer.word(field);
        }
        writer.blocks(blocks)
    }

    /// Starts with a receiver report. Blocks after the 31st are left out.
    #[must_use]
    pub fn receiver_report(ssrc: u32, blocks: &[ReportBlock]) -> Self {
        Self::report(RECEIVER_REPORT, 1, ssrc, blocks).blocks(blocks)
    }

    /// Adds a source description with a CNAME, cut to 255 bytes.
    #[must_use]
    pub fn cname(mut self, ssrc: u32, name: &str) -> Self {
        let (length, text) = match u8::try_from(name.len()) {
            Ok(length) => (length, name.as_bytes()),
            Err(_) => (u8::MAX, name.as_bytes().get(..usize::from(u8::MAX)).unwrap_or_default()),
        };
        // Source, type and length, text, and one to four nulls to the end of a word.
        let filled = text.len() + 2;
        let nulls = 4 - filled % 4;
        self.head(SOURCE_DESCRIPTION, 1, 1 + (filled + nulls) / 4);
        self.word(ssrc);
        self.out.extend_from_slice(&[CNAME, length]);
        self.out.extend_from_slice(text);
        self.out.extend(core::iter::repeat_n(0, nulls));
        self
    }

    /// Adds a goodbye.
    #[must_use]
    pub fn bye(mut self, ssrc: u32) -> Self {
        self.head(GOODBYE, 1, 1);
        self.word(ssrc);
        self
    }

    /// The datagram.
    #[must_use]
    pub fn finish(self) -> Packet {
        self.out
    }

    fn report(packet_type: u8, words: usize, ssrc: u32, blocks: &[ReportBlock]) -> Self {
        let mut writer = Self { out: Packet::new() };
        let count = u8::try_from(blocks.len()).unwrap_or(31).min(31);
        writer.head(packet_type, count, words + usize::from(count) * 6);
        writer.word(ssrc);
        writer
    }

    fn head(&mut self, packet_type: u8, count: u8, words: usize) {
        let [l0, l1] = u16::try_from(words).unwrap_or(u16::MAX).to_be_bytes();
        self.out.extend_from_slice(&[0x80 | count, packet_type, l0, l1]);
    }

    fn word(&mut self, word: u32) {
        self.out.extend_from_slice(&word.to_be_bytes());
    }

    fn blocks(mut self, blocks: &[ReportBlock]) -> Self {
        for block in blocks.iter().take(31) {
            self.word(block.ssrc);
            // 24 bits with sign: what is out of range stays at its end (§6.4.1).
            let [_, l0, l1, l2] = block.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
            self.out.extend_from_slice(&[block.fraction_lost, l0, l1, l2]);
            for field in [block.highest, block.jitter, block.last_report, block.since_last] {
                self.word(field);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compound, MAX_PACKETS, RtcpError, RtcpPacket};
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = ReportBlock> {
        (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..0x80_0000i32).prop_map(|(words, fraction_lost, lost)| {
            let [ssrc, highest, jitter, last_report, since_last] = words;
            ReportBlock {
                ssrc,
                fraction_lost,
                lost,
                highest,
                jitter,
                last_report,
                since_last,
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            ssrc: u32, ntp: u64, words: [u32; 3], blocks in proptest::collection::vec(block(), 0..34),
            name in "[ -~]{0,300}", sends: bool,
        ) {
            let [rtp, packets, octets] = words;
            let info = SenderInfo { ntp, rtp, packets, octets };
            let writer = if sends {
                RtcpWriter::sender_report(ssrc, &info, &blocks)
            } else {
                RtcpWriter::receiver_report(ssrc, &blocks)
            };
            let bytes = writer.cname(ssrc, &name).bye(ssrc).finish();
            let read: Vec<_> = Compound::parse(&bytes).unwrap().packets().collect();
            let [report, RtcpPacket::Sdes(sdes), RtcpPacket::Bye(bye)] = read[..] else {
                return Err(TestCaseError::fail("three packets"));
            };
            let read_blocks = match report {
                RtcpPacket::SenderReport(report) => {
                    prop_assert!(sends);
                    prop_assert_eq!((report.ssrc, report.info), (ssrc, info));
                    report.blocks
                }
                RtcpPacket::ReceiverReport(report) => {
                    prop_assert!(!sends);
                    prop_assert_eq!(report.ssrc, ssrc);
                    report.blocks
                }
                other @ (RtcpPacket::Sdes(_) | RtcpPacket::Bye(_) | RtcpPacket::Other { .. }) => {
                    return Err(TestCaseError::fail(format!("{other:?}")));
                }
            };
            prop_assert_eq!(read_blocks.iter().collect::<Vec<_>>(), &blocks[..blocks.len().min(31)]);
            let chunks: Vec<_> = sdes.chunks().map(|(source, items)| (source, items.collect::<Vec<_>>())).collect();
            let name = &name.as_bytes()[..name.len().min(255)];
            prop_assert_eq!(chunks, vec![(ssrc, vec![(CNAME, name)])]);
            prop_assert_eq!(bye.sources().collect::<Vec<_>>(), vec![ssrc]);
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            mut data in proptest::collection::vec(any::<u8>(), 0..200), start in 0u8..8, kind in 200u8..206,
        ) {
            crate::fuzz::rtcp_compound(&data);
            if let [first, second, length, low, ..] = &mut data[..] {
                (*first, *second, *length, *low) = (0x80 | start, kind, 0, start * 6 + 1);
            }
            crate::fuzz::rtcp_compound(&data);
        }
    }

    #[test]
    fn lies_about_lengths_are_refused() {
        let parse = |bytes: &[u8]| Compound::parse(bytes).map(|compound| compound.packets().count());
        assert_eq!(parse(&[]), Err(RtcpError::Truncated));
        assert_eq!(parse(&[0x80, 201, 0, 1]), Err(RtcpError::Truncated));
        assert_eq!(parse(&[0x80, 201, 0, 0]), Err(RtcpError::Contents));
        assert_eq!(parse(&[0x80, 201, 0, 1, 0, 0, 0, 1]), Ok(1));
        assert_eq!(parse(&[0x81, 201, 0, 1, 0, 0, 0, 1]), Err(RtcpError::Contents));
        assert_eq!(parse(&[0x40, 201, 0, 1, 0, 0, 0, 1]), Err(RtcpError::Version));
        assert_eq!(parse(&[0x80, 202, 0, 1, 0, 0, 0, 1]), Err(RtcpError::NoReport));
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        let after = |tail: &[u8]| parse(&[&report[..], tail].concat());
        assert_eq!(
            after(&[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, b'a', b'b']),
            Err(RtcpError::Contents)
        );
        assert_eq!(
            after(&[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, b'a', b'b']),
            Err(RtcpError::Contents),
            "no null"
        );
        assert_eq!(
            after(&[0x81, 203, 0, 2, 0, 0, 0, 1, 4, b'g', b'o', b'n']),
            Err(RtcpError::Contents)
        );
        assert_eq!(after(&[0x81, 203, 0, 2, 0, 0, 0, 1, 3, b'g', b'o', b'n']), Ok(2));
        assert_eq!(after(&[0xa0, 207, 0, 1, 0, 0, 0, 8]), Err(RtcpError::Padding));
        assert_eq!(after(&[0xa0, 207, 0, 1, 0, 0, 0, 4]), Ok(2));
    }

    #[test]
    fn a_datagram_full_of_packets_is_refused_one_past_the_limit() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        assert!(Compound::parse(&report.repeat(MAX_PACKETS)).is_ok());
        assert_eq!(
            Compound::parse(&report.repeat(MAX_PACKETS + 1)),
            Err(RtcpError::TooMany)
        );
    }
}
