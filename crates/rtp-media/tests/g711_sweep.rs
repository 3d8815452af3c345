//! G.711 against the sweep of the ITU-T software tool library, over all 65,536 inputs. The files are not part of the
//! project; where they are absent the tests say so and pass.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

use std::path::PathBuf;

use rtp_media::codec::g711;

fn words(name: &str) -> Option<Vec<u16>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/g711")).join(name);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: no test vector {name}");
        return None;
    };
    Some(
        bytes
            .chunks_exact(2)
            .map(|word| u16::from_le_bytes([word[0], word[1]]))
            .collect(),
    )
}

fn check_encoder(codes: &str, encode: fn(i16) -> u8) {
    let (Some(source), Some(codes)) = (words("sweep.src"), words(codes)) else {
        return;
    };
    assert_eq!((source.len(), codes.len()), (65_536, 65_536));
    for (sample, code) in source.into_iter().zip(codes) {
        assert_eq!(
            u16::from(encode(sample.cast_signed())),
            code & 0xff,
            "{}",
            sample.cast_signed()
        );
    }
}

fn check_decoder(codes: &str, samples: &[&str], decode: fn(u8) -> i16) {
    let Some(codes) = words(codes) else { return };
    for samples in samples {
        let Some(samples) = words(samples) else { continue };
        for (code, sample) in codes.iter().zip(samples) {
            assert_eq!(decode((code & 0xff) as u8), sample.cast_signed(), "{code:#x}");
        }
    }
}

#[test]
fn ulaw_encodes_as_the_reference() {
    check_encoder("sweep-r.u", g711::ulaw_encode);
}

#[test]
fn alaw_encodes_as_the_reference() {
    check_encoder("sweep-r.a", g711::alaw_encode);
}

#[test]
fn ulaw_decodes_as_the_reference() {
    check_decoder("sweep-r.u", &["sweep-r.u-u", "sweep-r.reu"], g711::ulaw_decode);
}

#[test]
fn alaw_decodes_as_the_reference() {
    check_decoder("sweep-r.a", &["sweep-r.a-a", "sweep-r.rea"], g711::alaw_decode);
}
