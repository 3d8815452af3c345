//! The seeds of the fuzz target, replayed, and bytes that are none.
#![allow(clippy::unwrap_used, reason = "a test")]

use acd::fuzz;
use proptest::prelude::*;

#[test]
fn every_seed() {
    let folder = format!("{}/../../fuzz/seeds/acd", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        fuzz::events(&std::fs::read(file).unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The books agree after each event, and in the end nothing is left, whatever the bytes.
    #[test]
    fn any_bytes_are_a_story(data in prop::collection::vec(any::<u8>(), 0..2_000)) {
        fuzz::events(&data);
    }
}
