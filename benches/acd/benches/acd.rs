//! What a step of the distribution costs: a contact arrives, an agent answers, a talk ends. Everything that is said is taken out.
//!
//! `RATIO <name> <ours> <unit> <peer> <peer's value> <ours/peer>` and `FIGURE <name> <value> <unit>`: medians. No crate of the registry
//! distributes contacts; the peer is a scan over lists.

use acd::Strategy;
use bench_acd::{Centre, Counting, Naive, Numbers, Size, bytes_in_use};

#[global_allocator]
static COUNTING: Counting = Counting;

const ROUNDS: usize = 7;
const STEPS: usize = 20_000;

const SMALL: Size = Size {
    agents: 100,
    queues: 10,
    skills: 10,
    waiting: 1_000,
};
const LARGE: Size = Size {
    agents: 10_000,
    queues: 100,
    skills: 100,
    waiting: 100_000,
};

fn main() {
    // `cargo test` and `cargo bench -- --test` only ask whether it can be started.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let small = contacts_wait("100_agents_1000_waiting", SMALL);
    let large = contacts_wait("10000_agents_100_queues_100_skills_100000_waiting", LARGE);
    agents_wait("100_agents_half_ready", Size { waiting: 0, ..SMALL });
    agents_wait("10000_agents_half_ready", Size { waiting: 0, ..LARGE });
    let half = Size { waiting: 0, ..LARGE };
    for (strategy, name) in STRATEGIES {
        let nanos = steps(&mut Centre::new(half, strategy), half).iter().sum::<f64>() / 3.0;
        figure(&format!("step/{name}/10000_agents_half_ready"), nanos, "ns");
    }
    flat();
    memory();
    for (name, ours, size) in [
        ("100_agents_1000_waiting", small, SMALL),
        ("10000_agents_100000_waiting", large, LARGE),
    ] {
        let peer = naive(size);
        println!(
            "RATIO acd/step/{name} {ours:.1} ns naive-scan {peer:.1} {:.5}",
            ours / peer
        );
    }
}

const STRATEGIES: [(Strategy, &str); 7] = [
    (Strategy::LeastRecent, "least_recent"),
    (Strategy::LeastOccupied, "least_occupied"),
    (Strategy::RoundRobin, "round_robin"),
    (Strategy::Random, "random"),
    (Strategy::WeightedRandom, "weighted_random"),
    (Strategy::SkillBased, "skill_based"),
    (Strategy::PercentAllocation, "percent_allocation"),
];

fn figure(name: &str, value: f64, unit: &str) {
    println!("FIGURE acd/{name} {value:.1} {unit}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CPU time of this thread, in nanoseconds: whoever else works on this machine does not count.
fn clock() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds of an end, of an answer and of an arrival.
fn steps(centre: &mut Centre, size: Size) -> [f64; 3] {
    let mut times: [Vec<f64>; 3] = Default::default();
    // In batches: what is measured must be long beside a look at the clock.
    let batch = 200.min(size.agents / 4);
    let look = {
        let begin = clock();
        for _ in 0..1_000 {
            std::hint::black_box(clock());
        }
        (clock() - begin) / 1_000.0
    };
    for _ in 0..ROUNDS {
        let mut sums = [0.0; 3];
        let (mut ends, mut answers) = (0, 0);
        while ends < STEPS {
            let begin = clock();
            (0..batch).for_each(|_| centre.end());
            let ended = clock();
            let first = centre.accept_all();
            let answered = clock();
            (0..batch).for_each(|_| centre.arrive());
            let arrived = clock();
            answers += first + centre.accept_all();
            let last = clock();
            sums[0] += ended - begin - look;
            sums[1] += (answered - ended) + (last - arrived) - 2.0 * look;
            sums[2] += arrived - answered - look;
            ends += batch;
        }
        for (times, (sum, count)) in times.iter_mut().zip(sums.into_iter().zip([ends, answers, ends])) {
            times.push(sum / count as f64);
        }
    }
    times.map(median)
}

fn contacts_wait(name: &str, size: Size) -> f64 {
    let mut centre = Centre::new(size, Strategy::LongestIdle);
    assert!(centre.waiting() >= size.waiting * 9 / 10, "{} wait", centre.waiting());
    say(name, steps(&mut centre, size))
}

fn agents_wait(name: &str, size: Size) {
    let mut centre = Centre::new(size, Strategy::LongestIdle);
    say(name, steps(&mut centre, size));
}

fn say(name: &str, [end, answer, arrival]: [f64; 3]) -> f64 {
    let mean = (end + answer + arrival) / 3.0;
    figure(&format!("end/{name}"), end, "ns");
    figure(&format!("answer/{name}"), answer, "ns");
    figure(&format!("arrival/{name}"), arrival, "ns");
    figure(&format!("step/{name}"), mean, "ns");
    mean
}

/// The same centre with more and more contacts in line: what one more thousandfold of them costs.
fn flat() {
    let few = Size {
        agents: 1_000,
        queues: 10,
        skills: 10,
        waiting: 100,
    };
    let many = Size {
        waiting: 100_000,
        ..few
    };
    let mean = |size| {
        steps(&mut Centre::new(size, Strategy::LongestIdle), size)
            .iter()
            .sum::<f64>()
            / 3.0
    };
    let (few, many) = (mean(few), mean(many));
    figure("step/1000_agents_100_waiting", few, "ns");
    figure("step/1000_agents_100000_waiting", many, "ns");
    figure("step/a_thousand_times_as_many_waiting", many / few, "times");
}

/// Bytes of a waiting contact, the growth of all collections included.
fn memory() {
    let size = Size {
        agents: 100,
        queues: 10,
        skills: 10,
        waiting: 1,
    };
    let mut centre = Centre::new(size, Strategy::LongestIdle);
    let (before, waited) = (bytes_in_use(), centre.waiting());
    (0..100_000).for_each(|_| centre.arrive());
    let held = bytes_in_use() - before;
    figure(
        "memory_per_waiting_contact",
        held as f64 / (centre.waiting() - waited) as f64,
        "B",
    );
}

/// Nanoseconds of a step of the peer.
fn naive(size: Size) -> f64 {
    let mut naive = Naive::new(size.agents, size.queues, size.skills, size.waiting);
    let mut numbers = Numbers::new(7);
    let mut times = Vec::new();
    let steps = if size.agents > 1_000 { 500 } else { 20_000 };
    for round in 0..5_u64 {
        let begin = clock();
        for step in 0..steps {
            let agent = numbers.below(size.agents);
            let taken = naive.free(agent, round * 1_000_000 + step);
            std::hint::black_box(taken);
            let contact = naive.any_contact(&mut numbers, size.queues, size.skills);
            std::hint::black_box(naive.arrive(contact));
        }
        times.push((clock() - begin) / (steps * 2) as f64);
    }
    assert!(naive.waiting() > 0);
    median(times)
}
