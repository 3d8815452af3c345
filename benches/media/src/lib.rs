//! How the measurements are made.

use std::time::{Duration, Instant};

/// Rounds of which the median counts.
const ROUNDS: usize = 201;
/// How long a round takes, about: so short that most are not interrupted, whatever else the machine does.
const ROUND: Duration = Duration::from_micros(400);

/// The median time of one `f` of each, in nanoseconds. They take turns, so that whatever else the machine does hits all.
pub fn alternate(contestants: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let repeats: Vec<u32> = contestants.iter_mut().map(|f| repeats(f)).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for ((f, times), repeats) in contestants.iter_mut().zip(&mut times).zip(&repeats) {
            let start = Instant::now();
            (0..*repeats).for_each(|_| f());
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(*repeats));
        }
    }
    times
        .iter_mut()
        .map(|times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// How often `f` has to run to fill a round.
fn repeats(f: &mut dyn FnMut()) -> u32 {
    let mut repeats = 1_u32;
    loop {
        let start = Instant::now();
        (0..repeats).for_each(|_| f());
        if start.elapsed() * 2 >= ROUND || repeats > 1 << 24 {
            return repeats;
        }
        repeats *= 2;
    }
}

/// A value that stands alone.
pub fn figure(name: &str, value: f64, unit: &str) {
    println!("FIGURE {name} {value:.1} {unit}");
}

/// Our value beside a peer's.
pub fn ratio(name: &str, ours: f64, unit: &str, peer: &str, theirs: f64) {
    println!("RATIO {name} {ours:.1} {unit} {peer} {theirs:.1} {:.2}", ours / theirs);
}
