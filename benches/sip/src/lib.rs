//! `sip-core` and its peers behind functions of one shape, so that they can be measured in turn.

pub mod allocations;
pub mod nasty;
pub mod peers;

use std::time::{Duration, Instant};

/// Rounds that are measured.
const ROUNDS: usize = 300;
/// How long a round takes, about: short, so that most are over before the machine turns to something else.
const ROUND: Duration = Duration::from_micros(500);

/// The time of one `f` of each, in microseconds: of the tenth of the rounds that were fastest, the slowest. They take
/// turns, so that whatever else the machine does hits all, and mostly other rounds than those.
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
            times[times.len() / 10]
        })
        .collect()
}

/// How often `f` has to run to fill a round.
fn repeats(f: &mut dyn FnMut()) -> u32 {
    let fastest = (0..20).map(|_| {
        let start = Instant::now();
        f();
        start.elapsed()
    });
    let fastest = fastest.min().unwrap_or(ROUND).max(Duration::from_nanos(10));
    u32::try_from(ROUND.as_nanos() / fastest.as_nanos()).unwrap_or(1).max(1)
}
