//! The sounds of the project can be played, are heard, and are not clipped.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use std::time::Duration;

use rtp_media::Sound;

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

#[test]
fn prompts_are_heard_and_short() {
    let digits =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "star", "hash"].map(|d| format!("en/digits/{d}.wav"));
    let phrases = ["parked-at", "slot-taken", "lot-full", "goodbye"].map(|p| format!("en/{p}.wav"));
    for (names, longest) in [(&digits[..], 700), (&phrases[..], 3_000)] {
        for name in names {
            let sound = load(name);
            let (rms, peak) = level(&sound);
            assert!(
                (0.04..0.2).contains(&rms) && (0.3..0.75).contains(&peak),
                "{name}: {rms} {peak}"
            );
            let range = Duration::from_millis(250)..Duration::from_millis(longest);
            assert!(range.contains(&sound.duration()), "{name}: {:?}", sound.duration());
        }
    }
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
