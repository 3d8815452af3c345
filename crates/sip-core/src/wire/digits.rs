//! Numbers and addresses as text, without the machinery of `core::fmt`: messages are full of them.

use core::net::{Ipv4Addr, SocketAddr};

/// Text of digits in place. 48 octets hold any number and any address.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    text: [u8; 48],
    start: u8,
    end: u8,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Digits {
    /// A number in decimal digits.
    #[inline]
    pub(crate) fn decimal(number: impl Into<u64>) -> Self {
        let mut text = [0; 48];
        let mut rest = number.into();
        let mut start = 20_u8;
        for slot in text.iter_mut().take(20).rev() {
            *slot = digit(rest % 10);
            rest /= 10;
            start -= 1;
            if rest == 0 {
                break;
            }
        }
        Self { text, start, end: 20 }
    }

    /// A number in sixteen hexadecimal digits.
    #[inline]
    pub(crate) fn hex(number: u64) -> Self {
        let mut text = [0; 48];
        for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
            let half = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or_default();
            pair.copy_from_slice(&[half(byte >> 4), half(byte & 0xf)]);
        }
        Self {
            text,
            start: 0,
            end: 16,
        }
    }

    /// An address.
    #[inline]
    pub(crate) fn v4(address: Ipv4Addr) -> Self {
        let mut digits = Self::empty();
        for (at, octet) in address.octets().into_iter().enumerate() {
            if at > 0 {
                digits.push(b'.');
            }
            digits.push_octet(octet);
        }
        digits
    }

    /// An address and a port; an IPv6 address in brackets.
    #[inline]
    pub(crate) fn socket(address: SocketAddr) -> Self {
        let mut digits = match address {
            SocketAddr::V4(v4) => Self::v4(*v4.ip()),
            SocketAddr::V6(v6) => {
                let mut digits = Self::empty();
                // 41 octets at most.
                let _ = core::fmt::Write::write_fmt(&mut digits, format_args!("[{}]", v6.ip()));
                digits
            }
        };
        digits.push(b':');
        Self::decimal(address.port())
            .as_bytes()
            .iter()
            .for_each(|&byte| digits.push(byte));
        digits
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text
            .get(usize::from(self.start)..usize::from(self.end))
            .unwrap_or_default()
    }

    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    const fn empty() -> Self {
        Self {
            text: [0; 48],
            start: 0,
            end: 0,
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.text.get_mut(usize::from(self.end)) {
            *slot = byte;
            self.end += 1;
        }
    }

    #[inline]
    fn push_octet(&mut self, octet: u8) {
        if octet >= 100 {
            self.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            self.push(b'0' + octet / 10 % 10);
        }
        self.push(b'0' + octet % 10);
    }
}

/// A number in hexadecimal digits; what is above 64 bits is lost.
pub(crate) fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return None,
        };
        Some((value << 4) | u64::from(digit))
    })
}

#[inline]
fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number).unwrap_or_default()
}

impl core::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_standard_library_writes_them(number: u64, port: u16, v4: [u8; 4], v6: [u8; 16]) {
            prop_assert_eq!(Digits::decimal(number).as_str().to_owned(), number.to_string());
            prop_assert_eq!(Digits::hex(number).as_str().to_owned(), format!("{number:016x}"));
            prop_assert_eq!(read_hex(Digits::hex(number).as_bytes()), Some(number));
            prop_assert_eq!(Digits::v4(v4.into()).as_str().to_owned(), Ipv4Addr::from(v4).to_string());
            for address in [SocketAddr::from((v4, port)), SocketAddr::from((v6, port))] {
                prop_assert_eq!(Digits::socket(address).as_str().to_owned(), address.to_string());
            }
        }
    }

    #[test]
    fn at_the_ends_of_their_ranges() {
        for number in [0, 9, 10, 99, 100, u64::MAX] {
            assert_eq!(Digits::decimal(number).as_str(), number.to_string());
        }
        for octet in 0..=u8::MAX {
            let address = Ipv4Addr::new(octet, 0, 255, octet);
            assert_eq!(Digits::v4(address).as_str(), address.to_string());
        }
        let longest: SocketAddr = "[1111:2222:3333:4444:5555:6666:7777:8888]:65535".parse().unwrap();
        assert_eq!(Digits::socket(longest).as_str(), longest.to_string());
        let mapped: SocketAddr = "[::ffff:255.255.255.255]:65535".parse().unwrap();
        assert_eq!(Digits::socket(mapped).as_str(), mapped.to_string());
    }
}
