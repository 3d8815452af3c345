//! The seeds of the fuzz targets, replayed.
#![allow(clippy::unwrap_used, reason = "a test")]

use sdp::fuzz;

fn replay(target: &str, body: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{target}: {files:?}");
    for file in files {
        body(&std::fs::read(file).unwrap());
    }
}

#[test]
fn every_seed_of_every_target() {
    replay("sdp_session", fuzz::sdp_session);
    replay("sdp_offer_answer", fuzz::sdp_offer_answer);
}
