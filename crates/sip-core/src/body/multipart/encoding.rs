//! Contents that were made fit for a way of seven bits (RFC 2045 §6). In SIP there is no need for it, but gateways to mail
//! and old clients do it all the same.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

/// With or without padding, and whatever the last bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Line ends and blanks between are passed over (RFC 2045 §6.8); anything else that is not of the alphabet is a fault.
pub(super) fn base64(content: &[u8]) -> Option<Bytes> {
    let packed: Vec<u8> = content
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    BASE64.decode(packed).ok().map(Bytes::from)
}

/// RFC 2045 §6.7: `=` and two digits, soft line breaks; blanks at the end of a line were added on the way.
pub(super) fn quoted_printable(content: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(content.len());
    let mut lines = content.split_inclusive(|&byte| byte == b'\n');
    for line in &mut lines {
        let end = if line.ends_with(b"\r\n") {
            2
        } else {
            usize::from(line.ends_with(b"\n"))
        };
        let (text, end) = line.split_at_checked(line.len() - end)?;
        let text = text.trim_ascii_end();
        let (text, end) = match text.strip_suffix(b"=") {
            Some(text) => (text, &b""[..]),
            None => (text, end),
        };
        let mut bytes = text.iter();
        while let Some(&byte) = bytes.next() {
            if byte == b'=' {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            } else {
                out.push(byte);
            }
        }
        out.extend_from_slice(end);
    }
    Some(Bytes::from(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_with_line_ends_and_without_padding() {
        for (packed, expected) in [
            ("aGVsbG8=", Some("hello")),
            ("aGVs\r\nbG8", Some("hello")),
            (" aGVs bG8 = \r\n", Some("hello")),
            ("", Some("")),
            ("aGVsbG9=", Some("hello")),
            ("aGVs*bG8=", None),
            ("a", None),
            ("=aGVs", None),
        ] {
            assert_eq!(base64(packed.as_bytes()), expected.map(Bytes::from), "{packed}");
        }
    }

    #[test]
    fn quoted_printable_with_soft_line_ends() {
        for (packed, expected) in [
            ("v=3D0\r\ns=3D-\r\n", Some("v=0\r\ns=-\r\n")),
            ("one=\r\n two", Some("one two")),
            ("J=C3=B6rg", Some("J\u{f6}rg")),
            ("blank \t\r\nnext=20\r\n", Some("blank\r\nnext \r\n")),
            ("bare\nline=\nend=3d", Some("bare\nlineend=")),
            ("", Some("")),
            ("=", Some("")),
            ("=4", None),
            ("=XY", None),
            ("==41", None),
        ] {
            assert_eq!(
                quoted_printable(packed.as_bytes()),
                expected.map(Bytes::from),
                "{packed:?}"
            );
        }
    }
}
