//! `sip-core` and its peers behind functions of one shape, so that they can be measured in turn.

pub mod allocations;
pub mod nasty;
pub mod peers;

use std::time::{Duration, Instant};

/// Rounds of which the median counts.
const ROUNDS: usize = 15;
/// How long a round takes, about.
const ROUND: Duration = Duration::from_millis(20);

/// The median time of one `f` of each, in microseconds. They take turns, so that whatever else the machine does hits all.
pub fn alternate(contestants: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let repeats: Vec<u32> = contestants.iter_mut().map(|f| repeats(f)).collect();
    let mut times = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for ((f, times), repeats) in contestants.iter_mut().zip(&mut times).zip(&repeats) {
            let start = Instant::now();
            (0..*repeats).for_each(|_| f());
            times.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(*repeats));
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
