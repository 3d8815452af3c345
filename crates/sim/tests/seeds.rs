//! The seeds of the fuzz target, replayed.
#![allow(clippy::unwrap_used, reason = "a test")]

use sim::fuzz;

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
fn every_seed() {
    replay("switchboard", fuzz::switchboard);
}
