//! RTP packets (RFC 3550 §5.1): a view that copies nothing, and a writer.

use crate::buffer::Packet;

/// Bytes of a header without contributing sources and extension.
pub const FIXED_HEADER: usize = 12;

/// Why bytes are not an RTP packet, or cannot become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RtpError {
    /// The bytes end inside the header.
    #[error("the packet ends inside its header")]
    Truncated,
    /// The version is not 2.
    #[error("the version is not 2")]
    Version,
    /// The padding's length is zero or more than there is.
    #[error("the padding does not fit into the packet")]
    Padding,
    /// More than 15 contributing sources.
    #[error("more than 15 contributing sources")]
    TooManySources,
    /// An extension that is not a multiple of four bytes, or longer than 65,535 such words.
    #[error("the extension's length cannot be written")]
    ExtensionLength,
    /// A payload type above 127.
    #[error("the payload type is above 127")]
    PayloadType,
}

/// A header extension (RFC 3550 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// What the profile says about it.
    pub profile: u16,
    /// Its bytes, a multiple of four.
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// An extension of these bytes.
    #[must_use]
    pub const fn new(profile: u16, data: &'a [u8]) -> Self {
        Self { profile, data }
    }
}

/// The fields of the fixed header that a sender sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "RFC 3550 §5.1 fixes the header")]
pub struct RtpHeader {
    /// The first packet after a pause, in audio (RFC 3551 §4.1).
    pub marker: bool,
    /// The payload type, 0 to 127.
    pub payload_type: u8,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp of the first sample.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

impl RtpHeader {
    /// The twelve bytes of a header without contributing sources, extension and padding.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; FIXED_HEADER] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let second = self.payload_type & 0x7f | if self.marker { 0x80 } else { 0 };
        [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }
}

/// An RTP packet within the bytes that arrived.
///
/// ```
/// use rtp_media::packet::{RtpHeader, RtpPacket, RtpWriter};
///
/// let header = RtpHeader { payload_type: 8, sequence: 7, timestamp: 160, ssrc: 1, marker: false };
/// let bytes = RtpWriter::new(header, b"speech").to_packet()?;
/// let packet = RtpPacket::parse(&bytes)?;
/// assert_eq!(packet.header(), header);
/// assert_eq!(packet.payload(), b"speech");
/// # Ok::<(), rtp_media::packet::RtpError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpPacket<'a> {
    fixed: &'a [u8; FIXED_HEADER],
    csrc: &'a [u8],
    extension: Option<Extension<'a>>,
    payload: &'a [u8],
    padding: u8,
}

impl<'a> RtpPacket<'a> {
    /// Finds the parts of a packet. Takes the same few steps whatever the bytes are.
    ///
    /// # Errors
    /// [`RtpError::Truncated`], [`RtpError::Version`] or [`RtpError::Padding`].
    #[inline]
    pub fn parse(data: &'a [u8]) -> Result<Self, RtpError> {
        let (fixed, mut rest) = data.split_first_chunk::<FIXED_HEADER>().ok_or(RtpError::Truncated)?;
        let [first, ..] = *fixed;
        if first >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let (mut csrc, mut extension, mut padding): (&[u8], _, _) = (&[], None, 0);
        if first & 0x3f != 0 {
            (csrc, rest) = rest
                .split_at_checked(usize::from(first & 0x0f) * 4)
                .ok_or(RtpError::Truncated)?;
            if first & 0x10 != 0 {
                let ([p0, p1, l0, l1], body) = rest.split_first_chunk::<4>().ok_or(RtpError::Truncated)?;
                let length = usize::from(u16::from_be_bytes([*l0, *l1])) * 4;
                let (data, body) = body.split_at_checked(length).ok_or(RtpError::Truncated)?;
                extension = Some(Extension {
                    profile: u16::from_be_bytes([*p0, *p1]),
                    data,
                });
                rest = body;
            }
            if first & 0x20 != 0 {
                padding = *rest.last().ok_or(RtpError::Padding)?;
                let kept = rest.len().checked_sub(usize::from(padding)).filter(|_| padding != 0);
                rest = kept.and_then(|kept| rest.get(..kept)).ok_or(RtpError::Padding)?;
            }
        }
        Ok(Self {
            fixed,
            csrc,
            extension,
            payload: rest,
            padding,
        })
    }

    /// The fixed header's fields together.
    #[must_use]
    pub const fn header(&self) -> RtpHeader {
        RtpHeader {
            marker: self.marker(),
            payload_type: self.payload_type(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }

    /// The marker bit.
    #[must_use]
    pub const fn marker(&self) -> bool {
        let [_, second, ..] = *self.fixed;
        second & 0x80 != 0
    }

    /// The payload type, 0 to 127.
    #[must_use]
    pub const fn payload_type(&self) -> u8 {
        let [_, second, ..] = *self.fixed;
        second & 0x7f
    }

    /// The sequence number.
    #[must_use]
    pub const fn sequence(&self) -> u16 {
        let [_, _, s0, s1, ..] = *self.fixed;
        u16::from_be_bytes([s0, s1])
    }

    /// The timestamp.
    #[must_use]
    pub const fn timestamp(&self) -> u32 {
        let [_, _, _, _, t0, t1, t2, t3, ..] = *self.fixed;
        u32::from_be_bytes([t0, t1, t2, t3])
    }

    /// The synchronisation source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        let [.., c0, c1, c2, c3] = *self.fixed;
        u32::from_be_bytes([c0, c1, c2, c3])
    }

    /// The contributing sources, at most 15.
    pub fn contributing_sources(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.csrc
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// The header extension.
    #[must_use]
    pub const fn extension(&self) -> Option<Extension<'a>> {
        self.extension
    }

    /// The payload without padding.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes of padding after the payload, its own length byte among them.
    #[must_use]
    pub const fn padding(&self) -> u8 {
        self.padding
    }
}

/// Writes an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RtpWriter<'a> {
    /// The fixed header.
    pub header: RtpHeader,
    /// Contributing sources, at most 15.
    pub contributing_sources: &'a [u32],
    /// The header extension.
    pub extension: Option<Extension<'a>>,
    /// The payload.
    pub payload: &'a [u8],
    /// Bytes of padding to add, its own length byte among them; 0 for none.
    pub padding: u8,
}

impl<'a> RtpWriter<'a> {
    /// A packet with no more than header and payload.
    #[must_use]
    pub const fn new(header: RtpHeader, payload: &'a [u8]) -> Self {
        Self {
            header,
            contributing_sources: &[],
            extension: None,
            payload,
            padding: 0,
        }
    }

    /// The packet's bytes.
    ///
    /// # Errors
    /// A field holds more than the header can say.
    pub fn to_packet(&self) -> Result<Packet, RtpError> {
        if self.header.payload_type > 0x7f {
            return Err(RtpError::PayloadType);
        }
        let sources = u8::try_from(self.contributing_sources.len()).map_err(|_| RtpError::TooManySources)?;
        if sources > 15 {
            return Err(RtpError::TooManySources);
        }
        let [_, fixed @ ..] = self.header.to_bytes();
        let extended = if self.extension.is_some() { 0x10 } else { 0 };
        let padded = if self.padding > 0 { 0x20 } else { 0 };
        let mut packet = Packet::new();
        packet.push(0x80 | padded | extended | sources);
        packet.extend_from_slice(&fixed);
        for source in self.contributing_sources {
            packet.extend_from_slice(&source.to_be_bytes());
        }
        if let Some(extension) = self.extension {
            let (words, odd) = extension.data.as_chunks::<4>();
            let length = u16::try_from(words.len()).map_err(|_| RtpError::ExtensionLength)?;
            if !odd.is_empty() {
                return Err(RtpError::ExtensionLength);
            }
            packet.extend_from_slice(&extension.profile.to_be_bytes());
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(extension.data);
        }
        packet.extend_from_slice(self.payload);
        if let Some(zeros) = self.padding.checked_sub(1) {
            packet.extend(core::iter::repeat_n(0, usize::from(zeros)));
            packet.push(self.padding);
        }
        Ok(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_packet_byte_by_byte() {
        let bytes = [
            0xb2, 0xe5, 0x12, 0x34, 0, 0, 0, 0xa0, 0xde, 0xad, 0xbe, 0xef, // P, X, two sources; marker, type 101
            0, 0, 0, 1, 0, 0, 0, 2, // sources
            0xbe, 0xde, 0, 1, 9, 8, 7, 6, // extension of one word
            b'h', b'i', 0, 0, 3, // payload and three bytes of padding
        ];
        let packet = RtpPacket::parse(&bytes).unwrap();
        assert!(packet.marker());
        assert_eq!(
            (
                packet.payload_type(),
                packet.sequence(),
                packet.timestamp(),
                packet.ssrc()
            ),
            (101, 0x1234, 160, 0xdead_beef)
        );
        assert_eq!(packet.contributing_sources().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(packet.extension(), Some(Extension::new(0xbede, &[9, 8, 7, 6])));
        assert_eq!((packet.payload(), packet.padding()), (&b"hi"[..], 3));
    }

    #[test]
    fn cut_short_anywhere_in_the_header_it_is_refused() {
        let extension = Extension::new(1, &[0; 8]);
        let mut writer = RtpWriter::new(RtpHeader::default(), &[]);
        writer.contributing_sources = &[1, 2, 3];
        writer.extension = Some(extension);
        let bytes = writer.to_packet().unwrap();
        for length in 0..bytes.len() {
            assert_eq!(RtpPacket::parse(&bytes[..length]), Err(RtpError::Truncated));
        }
        assert!(RtpPacket::parse(&bytes).is_ok());
    }

    #[test]
    fn lies_about_version_and_padding_are_refused() {
        let plain = RtpHeader::default().to_bytes();
        for version in [0x00, 0x40, 0xc0] {
            let mut bytes = plain;
            bytes[0] = version;
            assert_eq!(RtpPacket::parse(&bytes), Err(RtpError::Version));
        }
        let padded = |tail: &[u8]| {
            let mut bytes = plain.to_vec();
            bytes[0] = 0xa0;
            bytes.extend_from_slice(tail);
            RtpPacket::parse(&bytes).map(|packet| packet.payload().len())
        };
        assert_eq!(padded(&[]), Err(RtpError::Padding));
        assert_eq!(padded(&[0]), Err(RtpError::Padding));
        assert_eq!(padded(&[9, 9, 4]), Err(RtpError::Padding));
        assert_eq!(padded(&[9, 9, 3]), Ok(0));
        assert_eq!(padded(&[9, 9, 1]), Ok(2));
    }

    #[test]
    fn what_the_header_cannot_say_is_not_written() {
        let write = |change: &dyn Fn(&mut RtpWriter<'_>)| {
            let mut writer = RtpWriter::new(RtpHeader::default(), &[]);
            change(&mut writer);
            writer.to_packet().map(|packet| packet.len())
        };
        assert_eq!(write(&|w| w.header.payload_type = 128), Err(RtpError::PayloadType));
        assert_eq!(write(&|w| w.contributing_sources = &[0; 15]), Ok(72));
        assert_eq!(
            write(&|w| w.contributing_sources = &[0; 16]),
            Err(RtpError::TooManySources)
        );
        assert_eq!(
            write(&|w| w.contributing_sources = &[0; 300]),
            Err(RtpError::TooManySources)
        );
        assert_eq!(
            write(&|w| w.extension = Some(Extension::new(0, &[0; 3]))),
            Err(RtpError::ExtensionLength)
        );
        static LONG: [u8; 65_536 * 4] = [0; 65_536 * 4];
        assert_eq!(
            write(&|w| w.extension = Some(Extension::new(0, &LONG))),
            Err(RtpError::ExtensionLength)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            marker: bool, payload_type in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32,
            sources in proptest::collection::vec(any::<u32>(), 0..16),
            extension in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<[u8; 4]>(), 0..20))),
            payload in proptest::collection::vec(any::<u8>(), 0..300), padding: u8,
        ) {
            let header = RtpHeader { marker, payload_type, sequence, timestamp, ssrc };
            let extension = extension.map(|(profile, words)| (profile, words.concat()));
            let writer = RtpWriter {
                header,
                contributing_sources: &sources,
                extension: extension.as_ref().map(|(profile, data)| Extension::new(*profile, data)),
                payload: &payload,
                padding,
            };
            let bytes = writer.to_packet().unwrap();
            let packet = RtpPacket::parse(&bytes).unwrap();
            prop_assert_eq!(packet.header(), header);
            prop_assert_eq!(packet.contributing_sources().collect::<Vec<_>>(), sources.clone());
            prop_assert_eq!(packet.extension(), writer.extension);
            prop_assert_eq!(packet.payload(), &payload[..]);
            prop_assert_eq!(packet.padding(), padding);
        }

        #[test]
        fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..120)) {
            crate::fuzz::rtp_packet(&data);
        }
    }
}
