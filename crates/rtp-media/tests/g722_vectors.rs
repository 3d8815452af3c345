//! G.722 against the vectors of the ITU-T: speech through the whole codec, and appendix II at the level of the sub-bands. The files are
//! not part of the project; where they are absent the tests say so and pass.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test"
)]

use std::path::PathBuf;

use rtp_media::codec::g722::{Decoder, Encoder, Mode};

fn words(name: &str) -> Option<Vec<i16>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/g722")).join(name);
    let Ok(octets) = std::fs::read(path) else {
        eprintln!("skipped: no test vector {name}");
        return None;
    };
    Some(
        octets
            .as_chunks()
            .0
            .iter()
            .map(|word| i16::from_le_bytes(*word))
            .collect(),
    )
}

/// An octet a word, since the file of octets has every two of them swapped.
fn codes() -> Option<Vec<u8>> {
    words("speech/codspw.cod")?
        .into_iter()
        .map(|word| u8::try_from(word).ok())
        .collect()
}

#[test]
fn speech_is_coded_as_by_the_reference() {
    let (Some(speech), Some(expected)) = (words("speech/inpsp.bin"), codes()) else {
        return;
    };
    let mut codes = vec![0; speech.len() / 2];
    Encoder::new().encode(&speech, &mut codes);
    assert_eq!(
        codes
            .iter()
            .zip(&expected)
            .position(|(code, expected)| code != expected),
        None
    );
    assert_eq!(codes.len(), expected.len());
}

#[test]
fn speech_is_decoded_as_by_the_reference_in_all_modes() {
    let Some(codes) = codes() else { return };
    for (mode, name) in [
        (Mode::Bits8, "speech/outsp1.bin"),
        (Mode::Bits7, "speech/outsp2.bin"),
        (Mode::Bits6, "speech/outsp3.bin"),
    ] {
        let Some(expected) = words(name) else { return };
        let mut samples = vec![0; codes.len() * 2];
        Decoder::new(mode).decode(&codes, &mut samples);
        assert_eq!(
            samples
                .iter()
                .zip(&expected)
                .position(|(sample, expected)| sample != expected),
            None,
            "{name}"
        );
        assert_eq!(samples.len(), expected.len());
    }
}

/// The lowest bit of a word asks for a reset; the sample is above it. The code is in the upper octet.
#[test]
fn appendix_ii_encoder() {
    for (input, output) in [("bt1c1.xmt", "bt2r1.cod"), ("bt1c2.xmt", "bt2r2.cod")] {
        let (Some(input), Some(output)) = (
            words(&format!("appendix-ii/{input}")),
            words(&format!("appendix-ii/{output}")),
        ) else {
            return;
        };
        let mut encoder = Encoder::new();
        for (at, (word, expected)) in input.iter().zip(&output).enumerate() {
            if word & 1 == 1 {
                encoder = Encoder::new();
                assert_eq!(expected & 1, 1);
                continue;
            }
            let sample = i32::from(*word) >> 1;
            let code = encoder.encode_bands(sample, sample);
            assert_eq!(code, expected.to_be_bytes()[0], "word {at}");
        }
    }
}

#[test]
fn appendix_ii_decoder() {
    for (input, number) in [("bt2r1.cod", 1), ("bt2r2.cod", 2), ("bt1d3.cod", 3)] {
        for (mode, digit) in [(Mode::Bits8, 1), (Mode::Bits7, 2), (Mode::Bits6, 3)] {
            let (Some(input), Some(low), Some(high)) = (
                words(&format!("appendix-ii/{input}")),
                words(&format!("appendix-ii/bt3l{number}.rc{digit}")),
                words(&format!("appendix-ii/bt3h{number}.rc0")),
            ) else {
                return;
            };
            let mut decoder = Decoder::new(mode);
            for (at, ((word, low), high)) in input.iter().zip(&low).zip(&high).enumerate() {
                if word & 1 == 1 {
                    decoder = Decoder::new(mode);
                    continue;
                }
                let samples = decoder.decode_bands(word.to_be_bytes()[0]);
                assert_eq!(
                    samples,
                    (i32::from(*low) >> 1, i32::from(*high) >> 1),
                    "{number} {mode:?} word {at}"
                );
            }
        }
    }
}
