//! How the figures of `kpi` are measured.

use std::time::Instant;

/// The median time of a call in nanoseconds, of 31 samples of about two milliseconds each.
#[must_use]
pub fn median(mut call: impl FnMut()) -> f64 {
    let mut calls = 1_u32;
    loop {
        let begun = Instant::now();
        (0..calls).for_each(|_| call());
        if begun.elapsed().as_micros() >= 2000 {
            break;
        }
        calls = calls.saturating_mul(2);
    }
    let mut samples: Vec<f64> = (0..31)
        .map(|_| {
            let begun = Instant::now();
            (0..calls).for_each(|_| call());
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
