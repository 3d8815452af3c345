//! ITU-T G.711: µ-law and A-law, exact to the reference of ITU-T G.191.
//!
//! Linear samples are 16 bits wide: µ-law uses the upper 14, A-law the upper 13. Codes are as they go over the wire
//! (µ-law inverted, A-law with its even bits inverted). Encoding computes, since it takes less than a look-up in a table
//! that does not fit into the nearest cache; decoding and transcoding look up 256 bytes.

/// µ-law code of a linear sample. Of a negative sample the one's complement is taken and its two lowest bits are cut, as
/// the reference of G.191 does: -1 has the code of the negative zero, and a sample on a decision value goes outwards.
#[must_use]
pub const fn ulaw_encode(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = if negative { !sample } else { sample };
    // 13 bits and the bias of 33: 33 to 8,191 after clipping.
    let biased = ((magnitude.cast_unsigned() >> 2) + 33) & 0x3fff;
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    // The bias sets bit 5, so that 10 or fewer zeros lead: segments 0 to 7.
    let segment = 10 - biased.leading_zeros();
    let mantissa = (biased >> (segment + 1)) & 0x0f;
    low_byte(((7 - segment_bits(segment)) << 4) | (0x0f - mantissa) | if negative { 0 } else { 0x80 })
}

/// Linear sample of a µ-law code.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "256 entries, one for each byte")]
pub const fn ulaw_decode(code: u8) -> i16 {
    ULAW[code as usize]
}

/// A-law code of a linear sample. Of a negative sample the one's complement is taken and its four lowest bits are cut, as
/// the reference of G.191 does.
#[must_use]
pub const fn alaw_encode(sample: i16) -> u8 {
    let negative = sample < 0;
    let magnitude = (if negative { !sample } else { sample }).cast_unsigned() >> 4;
    // 11 bits: values below 32 are linear (segments 0 and 1), each doubling above is a segment more.
    let segment = 12u32.saturating_sub(magnitude.leading_zeros());
    let shifted = if segment > 1 {
        magnitude >> (segment - 1)
    } else {
        magnitude
    };
    let mantissa = shifted & 0x0f;
    low_byte((segment_bits(segment) << 4) | mantissa | if negative { 0 } else { 0x80 }) ^ 0x55
}

/// Linear sample of an A-law code.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "256 entries, one for each byte")]
pub const fn alaw_decode(code: u8) -> i16 {
    ALAW[code as usize]
}

/// The A-law code that sounds like a µ-law code: that of its linear sample.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "256 entries, one for each byte")]
pub const fn ulaw_to_alaw(code: u8) -> u8 {
    ULAW_TO_ALAW[code as usize]
}

/// The µ-law code that sounds like an A-law code: that of its linear sample.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "256 entries, one for each byte")]
pub const fn alaw_to_ulaw(code: u8) -> u8 {
    ALAW_TO_ULAW[code as usize]
}

static ULAW: [i16; 256] = table_i16(false);
static ALAW: [i16; 256] = table_i16(true);
static ULAW_TO_ALAW: [u8; 256] = table_u8(true);
static ALAW_TO_ULAW: [u8; 256] = table_u8(false);

#[expect(clippy::cast_possible_truncation, reason = "callers give 8 bits")]
const fn low_byte(code: u16) -> u8 {
    code as u8
}

#[expect(clippy::cast_possible_truncation, reason = "0 to 7")]
const fn segment_bits(segment: u32) -> u16 {
    segment as u16
}

const fn ulaw_expand(code: u8) -> i16 {
    let inverted = !code;
    let exponent = (inverted >> 4) & 7;
    let mantissa = (inverted & 0x0f) as i16;
    let magnitude = ((mantissa * 8 + 132) << exponent) - 132;
    if code < 0x80 { -magnitude } else { magnitude }
}

const fn alaw_expand(code: u8) -> i16 {
    let plain = code ^ 0x55;
    let exponent = (plain >> 4) & 7;
    let mantissa = ((plain & 0x0f) as i16) * 16 + 8;
    let magnitude = if exponent == 0 {
        mantissa
    } else {
        (mantissa + 256) << (exponent - 1)
    };
    if plain < 0x80 { -magnitude } else { magnitude }
}

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn table_i16(alaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0u8;
    loop {
        table[code as usize] = if alaw { alaw_expand(code) } else { ulaw_expand(code) };
        if code == 255 {
            return table;
        }
        code += 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled")]
const fn table_u8(to_alaw: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0u8;
    loop {
        table[code as usize] = if to_alaw {
            alaw_encode(ulaw_expand(code))
        } else {
            ulaw_encode(alaw_expand(code))
        };
        if code == 255 {
            return table;
        }
        code += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoding as the Recommendation tells it: the interval between decision values that the magnitude lies in. The
    /// first interval is `first_width` wide (in steps of a 16-bit sample), the next `linear` are `width` wide, and each
    /// further segment of 16 is twice as coarse.
    fn interval(magnitude: i32, first_width: i32, linear: i32, width: i32) -> u8 {
        let (mut interval, mut end, mut width) = (0, first_width, width);
        let mut left = linear;
        while magnitude >= end && interval < 127 {
            interval += 1;
            if left == 0 {
                width *= 2;
                left = 16;
            }
            left -= 1;
            end += width;
        }
        interval
    }

    #[test]
    fn a_code_survives_decoding_and_encoding() {
        for code in 0..=255u8 {
            assert_eq!(alaw_encode(alaw_decode(code)), code);
            // µ-law has two zeros, which have one linear sample.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(ulaw_encode(ulaw_decode(code)), expected);
        }
    }

    #[test]
    fn every_sample_lies_in_the_interval_of_its_code() {
        for sample in i16::MIN..=i16::MAX {
            // The reference takes the one's complement of negative samples, cut to the bits that the law sees.
            let magnitude = i32::from(if sample < 0 { !sample } else { sample });
            let sign = if sample < 0 { 0 } else { 0x80 };
            // µ-law: one interval of half a step, 15 of 8, then 16 each of 16, 32, …; A-law: 32 of 16, then 16 of 32, ….
            let ulaw = interval(magnitude & !3, 4, 15, 8);
            assert_eq!(ulaw_encode(sample), (0x7f - ulaw) | sign, "µ-law of {sample}");
            let alaw = interval(magnitude, 16, 31, 16);
            assert_eq!(alaw_encode(sample), (alaw | sign) ^ 0x55, "A-law of {sample}");
        }
    }

    #[test]
    fn known_codes() {
        // ITU-T G.711 tables 1 and 2: the ends of the range and silence.
        assert_eq!(
            (
                ulaw_encode(0),
                ulaw_encode(-1),
                ulaw_encode(i16::MAX),
                ulaw_encode(i16::MIN)
            ),
            (0xff, 0x7f, 0x80, 0x00)
        );
        assert_eq!(
            (
                alaw_encode(0),
                alaw_encode(-1),
                alaw_encode(i16::MAX),
                alaw_encode(i16::MIN)
            ),
            (0xd5, 0x55, 0xaa, 0x2a)
        );
        assert_eq!(
            (ulaw_decode(0x80), ulaw_decode(0x00), alaw_decode(0xaa)),
            (32_124, -32_124, 32_256)
        );
    }

    #[test]
    fn transcoding_is_decoding_and_encoding() {
        for code in 0..=255u8 {
            assert_eq!(ulaw_to_alaw(code), alaw_encode(ulaw_decode(code)));
            assert_eq!(alaw_to_ulaw(code), ulaw_encode(alaw_decode(code)));
        }
    }
}
