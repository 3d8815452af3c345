//! Concealment against the reference of ITU-T G.711 Appendix I. The files are not part of the project; where they are absent the tests say so
//! and pass.
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test")]

use std::path::PathBuf;

use rtp_media::plc::{Concealment, DELAY, FRAME};

fn words(name: &str) -> Option<Vec<i16>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/g711plc")).join(name);
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

#[test]
fn speech_is_concealed_as_by_the_reference() {
    for (pattern, expected) in [("fe10.g192", "f2_10.raw"), ("fe10_2.g192", "f2_10_2.raw")] {
        let (Some(speech), Some(pattern), Some(expected)) = (words("f2.le"), words(pattern), words(expected)) else {
            return;
        };
        let mut concealment = Concealment::new();
        let mut heard = Vec::new();
        // The reference program takes the delay out. The pattern's words are 0x6b21 for a good frame and 0x6b20 for a lost one, over and over.
        for (frame, word) in speech.as_chunks::<FRAME>().0.iter().zip(pattern.iter().cycle()) {
            heard.extend(if *word == 0x6b21 {
                concealment.received(frame)
            } else {
                concealment.lost()
            });
        }
        let heard = heard.split_off(DELAY);
        let first = heard
            .iter()
            .zip(&expected)
            .position(|(heard, expected)| heard != expected);
        assert_eq!(first, None, "{pattern:x?}");
        assert_eq!(heard.len() + DELAY, expected.len());
    }
}
