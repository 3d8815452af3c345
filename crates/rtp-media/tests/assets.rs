//! The sounds of the project can be played, are heard, and are not clipped.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rtp_media::Sound;
use rtp_media::say::{self, Language};

fn load(name: &str) -> Sound {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts").join(name);
    Sound::from_wav(&std::fs::read(&path).unwrap_or_else(|error| unreachable!("{name}: {error}"))).unwrap()
}

/// Root mean square and peak.
fn level(sound: &Sound) -> (f64, f64) {
    let squares: f64 = sound.samples().iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let peak = sound
        .samples()
        .iter()
        .map(|sample| f64::from(*sample).abs())
        .fold(0.0, f64::max);
    (
        (squares / sound.samples().len() as f64).sqrt() / 32_768.0,
        peak / 32_768.0,
    )
}

/// Every sound that a language needs is there, as loud as the others, without a wait before it, and nothing else is.
#[test]
fn every_language_has_its_sounds_and_they_are_alike_in_level() {
    let mut missed = Vec::new();
    for language in Language::ALL {
        let names: BTreeSet<String> = say::names(language).into_iter().map(String::from).collect();
        assert_eq!(names, files(&format!("{}/", language.code())), "{language:?}");
        for name in names {
            let sound = load(&format!("{}/{name}.wav", language.code()));
            let (rms, peak) = level(&sound);
            let decibels = 20.0 * rms.log10();
            let loud = |sample: &i16| sample.unsigned_abs() > 200;
            let before = sound.samples().iter().position(loud).unwrap_or(usize::MAX);
            let after = sound.samples().iter().rev().position(loud).unwrap_or(usize::MAX);
            let number = name.starts_with("digits/") || name.starts_with("number/");
            let longest = Duration::from_millis(if number { 1_200 } else { 6_000 });
            let right = (-24.0..-19.0).contains(&decibels)
                && peak < 0.85
                && before <= 400
                && after <= 640
                && sound.duration() > Duration::from_millis(120)
                && sound.duration() <= longest;
            if !right {
                missed.push((language, name, decibels, peak, before / 8, after / 8, sound.duration()));
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// The sounds in a folder of the prompts, by name.
fn files(folder: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../prompts").join(folder);
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{folder}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(format!("{name}/"));
            } else {
                found.insert(name.strip_suffix(".wav").unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn music_is_quiet_and_has_no_seam() {
    let sound = load("music/default.wav");
    let (rms, peak) = level(&sound);
    assert!((0.08..0.12).contains(&rms) && peak < 0.75, "{rms} {peak}");
    assert_eq!(sound.duration(), Duration::from_secs(16));
    let (first, last) = (sound.samples().first().unwrap(), sound.samples().last().unwrap());
    assert!(first.abs() < 100 && last.abs() < 100, "{first} {last}");
}
