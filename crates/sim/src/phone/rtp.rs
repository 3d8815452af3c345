//! As much of RTP (RFC 3550 §5.1) and telephone events (RFC 4733 §2.3) as a phone's mouth and ear need. Written apart from the media
//! engine, so that each checks the other.

use bytes::{BufMut, Bytes, BytesMut};

/// Digits in the order of their event codes.
const DIGITS: &str = "0123456789*#ABCD";

/// The sending side of a stream.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
}

impl Sender {
    pub(super) fn packet(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) -> Bytes {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = BytesMut::with_capacity(12 + payload.len());
        packet.put_u8(0x80);
        packet.put_u8(payload_type & 0x7f | if marker { 0x80 } else { 0 });
        packet.put_u16(self.sequence);
        packet.put_u32(timestamp);
        packet.put_u32(self.ssrc);
        packet.put_slice(payload);
        packet.freeze()
    }
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) payload_type: u8,
    pub(super) timestamp: u32,
    pub(super) ssrc: u32,
    pub(super) payload: &'a [u8],
}

/// Reads a packet without CSRC list, extension or padding: nobody here sends any.
pub(super) fn read(packet: &[u8]) -> Option<Received<'_>> {
    let (header, payload) = packet.split_at_checked(12)?;
    let [0x80, kind, _, _, t0, t1, t2, t3, s0, s1, s2, s3] = *header else {
        return None;
    };
    Some(Received {
        payload_type: kind & 0x7f,
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
        payload,
    })
}

/// The event code of a digit.
pub(super) fn event(digit: char) -> Option<u8> {
    let code = DIGITS.find(digit.to_ascii_uppercase())?;
    u8::try_from(code).ok()
}

/// The payload of one packet of a digit.
pub(super) fn event_payload(event: u8, end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [event, if end { 0x8a } else { 0x0a }, high, low]
}

/// The digit that ends with this payload.
pub(super) fn ended_digit(payload: &[u8]) -> Option<char> {
    let (code, flags) = (*payload.first()?, *payload.get(1)?);
    if flags & 0x80 == 0 {
        None
    } else {
        DIGITS.chars().nth(code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut sender = Sender {
            ssrc: 7,
            sequence: u16::MAX,
        };
        let packet = sender.packet(101, true, 99, &event_payload(event('#').unwrap(), true, 800));
        assert_eq!(packet[..8], [0x80, 0xe5, 0, 0, 0, 0, 0, 99]);
        let received = read(&packet).unwrap();
        assert_eq!((received.payload_type, received.timestamp, received.ssrc), (101, 99, 7));
        assert_eq!(ended_digit(received.payload), Some('#'));
        assert_eq!(ended_digit(&event_payload(1, false, 0)), None);
        assert_eq!(ended_digit(&event_payload(16, true, 0)), None);
        assert_eq!(ended_digit(&[1]), None);
        assert_eq!((read(&packet[..11]), read(&[0; 12])), (None, None));
        assert_eq!((event('d'), event('x')), (Some(15), None));
    }
}
