//! The bytes of an outgoing packet, held in place so that relaying allocates nothing.

use core::fmt;
use core::ops::{Deref, DerefMut};

use smallvec::SmallVec;

/// Bytes that fit into a [`Packet`] without an allocation: a G.711 packet of 20 ms has 172, one of 30 ms 252.
pub const INLINE_BYTES: usize = 256;

/// An outgoing datagram. Up to [`INLINE_BYTES`] live inside the value; a longer one lives on the heap.
///
/// ```
/// use rtp_media::Packet;
///
/// let packet = Packet::from_slice(b"abc");
/// assert_eq!(&packet[..], b"abc");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Packet(SmallVec<[u8; INLINE_BYTES]>);

impl Packet {
    /// An empty packet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy of `data`.
    #[must_use]
    pub fn from_slice(data: &[u8]) -> Self {
        Self(SmallVec::from_slice(data))
    }

    /// Appends `data`.
    pub fn extend_from_slice(&mut self, data: &[u8]) {
        self.0.extend_from_slice(data);
    }

    /// Appends one byte.
    pub fn push(&mut self, byte: u8) {
        self.0.push(byte);
    }
}

impl Deref for Packet {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl AsRef<[u8]> for Packet {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Extend<u8> for Packet {
    fn extend<T: IntoIterator<Item = u8>>(&mut self, bytes: T) {
        self.0.extend(bytes);
    }
}

impl From<Packet> for bytes::Bytes {
    fn from(packet: Packet) -> Self {
        bytes::Bytes::copy_from_slice(&packet)
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_packets_are_kept_whole() {
        for len in [0, 1, INLINE_BYTES, INLINE_BYTES + 1, 65_535] {
            let bytes: Vec<u8> = (0..251).cycle().take(len).collect();
            let packet = Packet::from_slice(&bytes);
            assert_eq!(&packet[..], &bytes[..]);
            assert_eq!(bytes::Bytes::from(packet), bytes);
        }
    }
}
