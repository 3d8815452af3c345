//! Digits as telephone-events (RFC 4733).

mod receive;
mod send;

pub use receive::{Digit, DigitReceiver};
pub use send::{DigitPacket, DigitSender};

/// The payload of a telephone-event packet (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "RFC 4733 §2.3 fixes the payload")]
pub struct TelephoneEvent {
    /// Which event: 0 to 15 are the digits.
    pub event: u8,
    /// Whether the event is over.
    pub end: bool,
    /// The level below 0 dBm0, 0 to 63.
    pub volume: u8,
    /// How long it lasts so far, in RTP clock units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// The event of a payload; further ones in the same payload are not looked at, as digits are sent alone.
    #[must_use]
    pub const fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, d0, d1, ..] = payload else {
            return None;
        };
        Some(Self {
            event: *event,
            end: *flags & 0x80 != 0,
            volume: *flags & 0x3f,
            duration: u16::from_be_bytes([*d0, *d1]),
        })
    }

    /// The payload's bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, self.volume & 0x3f | if self.end { 0x80 } else { 0 }, d0, d1]
    }
}

/// The digit of an event code (RFC 4733 §3.2).
#[must_use]
pub const fn digit_of(event: u8) -> Option<char> {
    Some(match event {
        0..=9 => (b'0' + event) as char,
        10 => '*',
        11 => '#',
        12..=15 => (b'A' + event - 12) as char,
        _ => return None,
    })
}

/// The event code of a digit: `0`–`9`, `*`, `#`, `A`–`D` in either case.
#[must_use]
pub const fn event_of(digit: char) -> Option<u8> {
    Some(match digit {
        '0'..='9' => digit as u8 - b'0',
        '*' => 10,
        '#' => 11,
        'A'..='D' => digit as u8 - b'A' + 12,
        'a'..='d' => digit as u8 - b'a' + 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_digits_belong_together() {
        for event in 0..=255u8 {
            assert_eq!(digit_of(event).and_then(event_of), (event < 16).then_some(event));
        }
        assert_eq!((event_of('d'), event_of('e'), event_of('٣')), (Some(15), None, None));
    }

    #[test]
    fn a_payload_byte_by_byte() {
        let event = TelephoneEvent {
            event: 11,
            end: true,
            volume: 10,
            duration: 0x0320,
        };
        assert_eq!(event.to_bytes(), [11, 0x8a, 3, 0x20]);
        assert_eq!(
            TelephoneEvent::parse(&[11, 0xca, 3, 0x20, 99]),
            Some(event),
            "the reserved bit is not looked at"
        );
        assert_eq!(TelephoneEvent::parse(&[11, 0x8a, 3]), None);
    }
}
