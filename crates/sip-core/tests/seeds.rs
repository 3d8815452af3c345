//! The seeds of the fuzz targets, replayed.
#![allow(clippy::unwrap_used, reason = "a test")]

use sip_core::fuzz;

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
    replay("sip_message", fuzz::message);
    replay("sip_stream", fuzz::stream);
    replay("sip_headers", fuzz::headers);
    replay("uri", fuzz::uri);
    replay("sip_endpoint", fuzz::endpoint);
    replay("digest", fuzz::digest);
    replay("event_bodies", fuzz::bodies);
}
