//! Looks for octets, sixteen at a time. What is looked through is short as a rule, so that a call to a search made for
//! long texts would cost more than the search.

use super::lexer::steps;
use wide::u8x16;

/// Octets that are looked at together.
pub(super) const BLOCK: usize = 16;

/// The octets of a block that are `byte`, by bits.
#[inline]
pub(super) fn ones(block: &[u8; BLOCK], byte: u8) -> u32 {
    u8x16::new(*block).simd_eq(u8x16::splat(byte)).to_bitmask()
}

/// Where the first `byte` is.
#[inline]
pub(crate) fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let wanted = u8x16::splat(byte);
    find_with(bytes, |block| block.simd_eq(wanted))
}

/// Where the first octet of a line end is.
#[inline]
pub(crate) fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let (cr, lf) = (u8x16::splat(b'\r'), u8x16::splat(b'\n'));
    find_with(bytes, |block| block.simd_eq(cr) | block.simd_eq(lf))
}

/// Where the first control character is.
#[inline]
pub(crate) fn find_control(bytes: &[u8]) -> Option<usize> {
    let (space, delete) = (u8x16::splat(b' '), u8x16::splat(0x7f));
    find_with(bytes, |block| block.simd_lt(space) | block.simd_eq(delete))
}

/// Where the first `"`, `\` or octet of a line end is.
#[inline]
pub(crate) fn find_quote(bytes: &[u8]) -> Option<usize> {
    let [quote, escape, cr, lf] = [b'"', b'\\', b'\r', b'\n'].map(u8x16::splat);
    find_with(bytes, |block| {
        (block.simd_eq(quote) | block.simd_eq(escape)) | (block.simd_eq(cr) | block.simd_eq(lf))
    })
}

/// How many octets at the start can stand in a host name.
#[inline]
pub(crate) fn host_len(bytes: &[u8]) -> usize {
    let [small, a, letters] = [0x20, b'a', 25].map(u8x16::splat);
    let [minus, span, slash, line] = [b'-', b'9' - b'-', b'/', b'_'].map(u8x16::splat);
    let end = find_with(bytes, |block| {
        let letter = (block | small) - a;
        // Between `-` and `9` there is nothing else but the slash.
        let digit = block - minus;
        !(letter.simd_eq(letter.min(letters)) | digit.simd_eq(digit.min(span)) | block.simd_eq(line))
            | block.simd_eq(slash)
    });
    end.unwrap_or(bytes.len())
}

/// How many octets at the start can stand in a parameter's value that is neither quoted nor to be decoded.
#[inline]
pub(crate) fn plain_value_len(bytes: &[u8]) -> usize {
    let [first, span] = [b'!', b'~' - b'!'].map(u8x16::splat);
    let [quote, percent, comma, semicolon, open, close, escape] =
        [b'"', b'%', b',', b';', b'<', b'>', b'\\'].map(u8x16::splat);
    let end = find_with(bytes, |block| {
        let visible = block - first;
        !visible.simd_eq(visible.min(span))
            | (block.simd_eq(quote) | block.simd_eq(percent))
            | (block.simd_eq(comma) | block.simd_eq(semicolon))
            | (block.simd_eq(open) | block.simd_eq(close))
            | block.simd_eq(escape)
    });
    end.unwrap_or(bytes.len())
}

/// Where the first octet is that `in_block` marks.
#[inline]
fn find_with(bytes: &[u8], in_block: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    let found = search(bytes, in_block);
    steps::add(found.unwrap_or(bytes.len()) + 1);
    found
}

#[inline]
fn search(bytes: &[u8], in_block: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    let first = |block: &[u8; BLOCK]| {
        let marked = in_block(u8x16::new(*block)).to_bitmask();
        (marked != 0).then(|| marked.trailing_zeros() as usize)
    };
    let (blocks, rest) = bytes.as_chunks();
    let mut at = 0;
    for block in blocks {
        if let Some(found) = first(block) {
            return Some(at + found);
        }
        at += BLOCK;
    }
    if rest.is_empty() {
        return None;
    }
    match bytes.last_chunk() {
        // The end of what was looked at is looked at again.
        Some(block) => first(block).map(|found| bytes.len() - BLOCK + found),
        None => first(&filled_up(rest)).filter(|found| *found < rest.len()),
    }
}

/// Fewer octets than a block, and zeros.
#[inline]
fn filled_up(bytes: &[u8]) -> [u8; BLOCK] {
    // The middle is read twice.
    let bits = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let shift = 8 * (bytes.len() - 8);
        u128::from(u64::from_le_bytes(*first)) | u128::from(u64::from_le_bytes(*last)) << shift
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let shift = 8 * (bytes.len() - 4);
        u128::from(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift)
    } else {
        let bits = bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        u128::from(bits)
    };
    bits.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::lexer::{is_host_byte, is_plain_value_byte};
    use proptest::prelude::*;

    fn run(bytes: &[u8], is_in: fn(u8) -> bool) -> usize {
        bytes.iter().take_while(|&&byte| is_in(byte)).count()
    }

    #[test]
    fn every_octet_is_in_its_class_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut bytes = [b'a'; BLOCK];
                bytes[at] = byte;
                assert_eq!(host_len(&bytes), run(&bytes, is_host_byte), "{byte} at {at}");
                assert_eq!(
                    plain_value_len(&bytes),
                    run(&bytes, is_plain_value_byte),
                    "{byte} at {at}"
                );
                let control = byte.is_ascii_control().then_some(at);
                assert_eq!(find_control(&bytes), control, "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn as_a_search_octet_by_octet(bytes in prop::collection::vec(
            prop_oneof![8 => any::<u8>(), 8 => b'a'..=b'e', 1 => Just(b'"'), 1 => Just(b'\r'), 1 => Just(b'\\')], 0..70,
        ), byte in prop_oneof![any::<u8>(), b'a'..=b'e']) {
            let naive = |is_wanted: fn(u8, u8) -> bool| bytes.iter().position(|&found| is_wanted(found, byte));
            prop_assert_eq!(find(&bytes, byte), naive(|found, byte| found == byte));
            prop_assert_eq!(find_line_end(&bytes), naive(|found, _| b"\r\n".contains(&found)));
            prop_assert_eq!(find_control(&bytes), naive(|found, _| found.is_ascii_control()));
            prop_assert_eq!(find_quote(&bytes), naive(|found, _| b"\"\\\r\n".contains(&found)));
            prop_assert_eq!(host_len(&bytes), run(&bytes, is_host_byte));
            prop_assert_eq!(plain_value_len(&bytes), run(&bytes, is_plain_value_byte));
            if let Some(block) = bytes.first_chunk() {
                let block: &[u8; BLOCK] = block;
                let expected = (0..BLOCK).filter(|&at| block[at] == byte).map(|at| 1 << at).sum::<u32>();
                prop_assert_eq!(ones(block, byte), expected);
            }
        }
    }
}
