//! The bodies of the fuzz targets: each takes any bytes, and panics where a promise of this crate is broken.

mod engine;

pub use engine::engine;

use crate::packet::{RtpPacket, RtpWriter};
use crate::player::Sound;
use crate::rtcp::{Compound, RtcpPacket};

/// An RTP packet that can be read is written again as the same packet.
pub fn rtp_packet(data: &[u8]) {
    let Ok(packet) = RtpPacket::parse(data) else { return };
    let sources: Vec<u32> = packet.contributing_sources().collect();
    let mut writer = RtpWriter::new(packet.header(), packet.payload());
    writer.contributing_sources = &sources;
    writer.extension = packet.extension();
    writer.padding = packet.padding();
    let written = writer.to_packet();
    let Ok(written) = written else {
        unreachable!("read, but not written: {written:?}")
    };
    assert_eq!(written.len(), data.len());
    let again = RtpPacket::parse(&written);
    assert_eq!(again, Ok(packet), "padding apart, the bytes are the same");
}

/// A compound packet that can be read has no more in it than its bytes can hold.
pub fn rtcp_compound(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else { return };
    let mut used = 0;
    let mut packets = 0;
    for packet in compound.packets() {
        packets += 1;
        used += 4;
        match packet {
            RtcpPacket::SenderReport(report) => used += 24 + report.blocks.iter().len() * 24,
            RtcpPacket::ReceiverReport(report) => used += 4 + report.blocks.iter().len() * 24,
            RtcpPacket::Sdes(sdes) => {
                for (_, items) in sdes.chunks() {
                    used += 5 + items.map(|(_, text)| 2 + text.len()).sum::<usize>();
                }
            }
            RtcpPacket::Bye(bye) => used += bye.sources().len() * 4 + bye.reason().map_or(0, |text| 1 + text.len()),
            RtcpPacket::Other { body, .. } => used += body.len(),
        }
    }
    assert!(packets > 0 && used <= data.len());
}

/// A WAV file that can be read gives no more samples than it has bytes.
pub fn wav(data: &[u8]) {
    if let Ok(sound) = Sound::from_wav(data) {
        assert!(sound.samples().len() < data.len());
    }
}
