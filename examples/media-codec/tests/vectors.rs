//! The program against the vectors of the ITU-T. They are not part of the project; where they are absent the tests say so and pass.
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn vector(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/vectors")
        .join(name);
    let found = path.exists().then_some(path);
    if found.is_none() {
        eprintln!("skipped: no test vector {name}");
    }
    found
}

/// What the program makes of a file.
fn made(arguments: &[&str], input: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let (codec, options) = arguments.split_at(2);
    let status = Command::new(env!("CARGO_BIN_EXE_media-codec"))
        .args(codec)
        .args([input, &output])
        .args(options)
        .status()
        .unwrap();
    assert!(status.success(), "{arguments:?}");
    std::fs::read(output).unwrap()
}

fn check(arguments: &[&str], input: &str, expected: &str) {
    let (Some(input), Some(expected)) = (vector(input), vector(expected)) else {
        return;
    };
    assert!(
        made(arguments, &input) == std::fs::read(expected).unwrap(),
        "{arguments:?} {}",
        input.display()
    );
}

#[test]
fn g722_appendix_ii() {
    for n in 1..=2 {
        let (input, output) = (
            format!("g722/appendix-ii/bt1c{n}.xmt"),
            format!("g722/appendix-ii/bt2r{n}.cod"),
        );
        check(&["g722", "encode", "--subband"], &input, &output);
    }
    for (n, input) in [(1, "bt2r1"), (2, "bt2r2"), (3, "bt1d3")] {
        let input = format!("g722/appendix-ii/{input}.cod");
        for mode in ["1", "2", "3"] {
            let (low, high) = (
                format!("g722/appendix-ii/bt3l{n}.rc{mode}"),
                format!("g722/appendix-ii/bt3h{n}.rc0"),
            );
            check(&["g722", "decode", "--subband=low", "--mode", mode], &input, &low);
            check(&["g722", "decode", "--subband=high", "--mode", mode], &input, &high);
        }
    }
}

#[test]
fn g722_speech() {
    let (Some(speech), Some(words)) = (vector("g722/speech/inpsp.bin"), vector("g722/speech/codspw.cod")) else {
        return;
    };
    // One octet a word.
    let expected: Vec<u8> = std::fs::read(words)
        .unwrap()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[low, _]| *low)
        .collect();
    let codes = made(&["g722", "encode"], &speech);
    assert!(codes == expected);
    let folder = tempfile::tempdir().unwrap();
    let coded = folder.path().join("codes");
    std::fs::write(&coded, codes).unwrap();
    for mode in ["1", "2", "3"] {
        let Some(expected) = vector(&format!("g722/speech/outsp{mode}.bin")) else {
            return;
        };
        assert!(
            made(&["g722", "decode", "--mode", mode], &coded) == std::fs::read(expected).unwrap(),
            "mode {mode}"
        );
    }
}

#[test]
fn mistakes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd");
    std::fs::write(&odd, [0]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_media-codec"))
        .args(["pcmu", "encode"])
        .args([&odd, &folder.path().join("out")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("odd: 1 octets are no whole number of 16-bit words"));
    assert!(!folder.path().join("out").exists());
}
