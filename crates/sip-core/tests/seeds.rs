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
    replay("sip_header_any", fuzz::header::any);
    replay("uri", fuzz::uri);
    replay("sip_endpoint", fuzz::endpoint);
    replay("sip_proxy", fuzz::proxy);
    replay("resolver", fuzz::resolver);
    replay("sip_websocket", fuzz::websocket);
    replay("outbound", fuzz::outbound);
    replay("digest", fuzz::digest);
    replay("event_bodies", fuzz::bodies);
    replay("publish", fuzz::publish);
    replay("multipart", fuzz::multipart);
    replay("body_dialog_info", fuzz::dialog_info);
    replay("body_dtmf", fuzz::dtmf);
    replay("body_media_control", fuzz::media_control);
    replay("body_message_summary", fuzz::message_summary);
    replay("body_pidf", fuzz::pidf);
    replay("body_sipfrag", fuzz::sipfrag);
}

#[test]
fn every_typed_header_has_a_target_and_seeds() {
    let fuzz_folder = format!("{}/../../fuzz", env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(format!("{fuzz_folder}/Cargo.toml")).unwrap();
    for (target, body) in fuzz::header::ALL {
        replay(target, *body);
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target} is not built"
        );
        let source = std::fs::read_to_string(format!("{fuzz_folder}/fuzz_targets/{target}.rs")).unwrap();
        let name = target.trim_start_matches("sip_header_");
        assert!(
            source.contains(&format!("header::{name}(data)")),
            "{target} runs something else"
        );
    }
}
