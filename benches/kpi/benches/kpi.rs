//! What `kpi` costs. `FIGURE <name> <value> <unit>`: medians.

use std::hint::black_box;

use bench_kpi::median;
use kpi::workforce::{Demand, ErlangA, ErlangB, ErlangC, Targets, staff};

fn main() {
    // `cargo test` and `cargo bench -- --test` only ask whether it can be started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let micros = |name: &str, nanos: f64| println!("FIGURE kpi/{name} {:.2} us", nanos / 1000.0);
    micros(
        "erlang-b-1e4-1e4",
        median(|| _ = black_box(ErlangB::new(black_box(1e4), 10_000))),
    );
    micros(
        "erlang-b-1e6-1e6",
        median(|| _ = black_box(ErlangB::new(black_box(1e6), 1_000_000))),
    );
    micros(
        "erlang-c-100-110",
        median(|| _ = black_box(ErlangC::new(black_box(100.0), 1.0, 110))),
    );
    for (name, load, impatience, agents) in [
        ("erlang-a-service-level-48-50", 48.0, 0.5, 50),
        ("erlang-a-service-level-100-80", 100.0, 0.1, 80),
        ("erlang-a-service-level-1e4-1e4", 1e4, 1.0, 10_000),
    ] {
        let level = || {
            ErlangA::new(black_box(load), 1.0, impatience, agents)
                .map(|queue| queue.answered_within(black_box(1.0 / 3.0)))
        };
        micros(name, median(|| _ = black_box(level())));
    }
    let targets = Targets::new()
        .service_level(0.8, 20.0)
        .mean_wait(15.0)
        .abandoned(0.03)
        .occupancy(0.92);
    let demand = Demand::new(black_box(100.0 / 240.0), 240.0).with_patience(180.0);
    micros(
        "staff-four-targets-100-erlang",
        median(|| _ = black_box(staff(&demand, &targets))),
    );
    println!("# {:?} agents", staff(&demand, &targets));
}
