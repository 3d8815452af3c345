//! The simulation proves the distribution: what queueing theory knows exactly comes out within the intervals.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use acd::{Membership, Order, QueueConfig, QueueId, SkillId, Skills, Strategy};
use sim::centre::{AgentGroup, Arrivals, Centre, ContactType, Distribution, Estimate, Figures, Report, Scenario};

mod markov;
use markov::{Design, Server, solve};

const MINUTE: Duration = Duration::from_secs(60);
/// So seldom may an interval miss the truth by chance: one figure in a thousand. Seeds are fixed, so it does or does not.
const LEVEL: f64 = 0.999;

fn exponential(per_minute: f64) -> Distribution {
    Distribution::exponential(MINUTE.div_f64(per_minute))
}

/// M/M/n, with impatience if `theta` is given; all rates per minute.
fn erlang(lambda: f64, mu: f64, theta: Option<f64>, agents: u32, days: u32, seed: u64) -> Report {
    let mut scenario = Scenario::new(Duration::from_secs(86_400) * days);
    (scenario.warm_up, scenario.batches) = (Duration::from_secs(6 * 3600), 20);
    let queue = scenario.add_queue("queue", QueueConfig::new(Strategy::LongestIdle));
    let mut of = ContactType::new("caller", queue, Arrivals::poisson(lambda, MINUTE), exponential(mu));
    of.patience = theta.map(exponential);
    scenario.types.push(of);
    scenario.groups.push(AgentGroup::new("agents", agents, [queue]));
    let mut report = Report::default();
    report.add(Centre::new(&scenario, seed, 0).unwrap().run(&mut ()).unwrap());
    report
}

#[track_caller]
fn covers(what: &str, estimate: Option<Estimate>, truth: f64) {
    let estimate = estimate.unwrap();
    assert!(
        estimate.covers(truth, LEVEL),
        "{what}: {} ± {} for {truth}",
        estimate.value,
        estimate.half_width(LEVEL).unwrap()
    );
}

/// P(wait) of M/M/n by Erlang's C formula, from the recursion of his B formula.
fn erlang_c(load: f64, agents: u32) -> f64 {
    let blocking = (1..=agents).fold(1.0, |b, n| load * b / (f64::from(n) + load * b));
    let busy = load / f64::from(agents);
    blocking / (1.0 - busy * (1.0 - blocking))
}

#[test]
fn erlang_c_is_met() {
    let (lambda, mu, n) = (4.2, 0.5, 12);
    let report = erlang(lambda, mu, None, n, 150, 3);
    let figures = report.figures(None);
    let delay = erlang_c(lambda / mu, n);
    let free = f64::from(n) * mu - lambda;
    covers("P(wait)", figures.delay, delay);
    covers("speed of answer", figures.speed_of_answer, 60.0 * delay / free);
    covers(
        "service level",
        figures.service_level,
        1.0 - delay * (-free / 3.0).exp(),
    );
    covers("occupancy", report.occupancy(None), lambda / mu / f64::from(n));
    covers("waiting", figures.waiting, lambda * delay / free);
    assert_eq!(figures.totals.offered, figures.totals.answered);
}

/// The figures of the literature for this example, with the bounds that are to be kept.
#[test]
fn erlang_a_is_met() {
    let report = erlang(48.0, 1.0, Some(0.5), 50, 12, 1);
    let figures = report.figures(None);
    covers("P(wait)", figures.delay, 0.4678);
    covers("P(abandon)", figures.abandonment, 0.03091);
    covers("E[W]", figures.wait, 3.71);
    covers("E[Q]", figures.waiting, 2.968);
    covers("occupancy", report.occupancy(None), 0.9303);
}

/// A design in the terms of the distribution: one queue with needed skills, or a queue for each type.
fn skills(design: &Design, priority: bool, days: u32, seed: u64) -> Report {
    let mut scenario = Scenario::new(Duration::from_secs(86_400) * days);
    (scenario.warm_up, scenario.batches) = (Duration::from_secs(6 * 3600), 20);
    let mut config = QueueConfig::new(Strategy::LongestIdle);
    config.order = if priority { Order::Priority } else { Order::Arrival };
    config.max_waiting = Some(design.room);
    for (number, of) in (0..).zip(&design.types) {
        if number == 0 || design.separate {
            scenario.add_queue(format!("{number}"), config.clone());
        }
        let queue = QueueId(if design.separate { number } else { 0 });
        let arrivals = Arrivals::poisson(of.lambda, MINUTE);
        let mut contact = ContactType::new(format!("{number}"), queue, arrivals, exponential(of.mu));
        contact.patience = Some(exponential(of.theta));
        contact.needs = Skills::from([(skill(number), 1)]);
        contact.priority = of.priority;
        scenario.types.push(contact);
    }
    for (number, server) in (0..).zip(&design.servers) {
        let mut group = AgentGroup::new(format!("{number}"), u32::try_from(server.count).unwrap(), []);
        group.config.memberships = (0..scenario.queues.len())
            .filter_map(|queue| {
                let mut place = Membership::new(QueueId(u32::try_from(queue).unwrap()));
                place.penalty = number;
                if design.separate {
                    place.rank = server.rank(queue)?;
                    place.penalty = place.rank;
                }
                Some(place)
            })
            .collect();
        group.config.skills = server
            .skills
            .iter()
            .map(|(of, _)| (skill(u32::try_from(*of).unwrap()), 1))
            .collect();
        scenario.groups.push(group);
    }
    let mut report = Report::default();
    report.add(Centre::new(&scenario, seed, 0).unwrap().run(&mut ()).unwrap());
    report
}

fn skill(number: u32) -> SkillId {
    SkillId(u16::try_from(number).unwrap())
}

fn exact_and_simulated_agree(design: &Design, priority: bool, days: u32, seed: u64) -> Vec<Figures> {
    let exact = solve(design, priority);
    let report = skills(design, priority, days, seed);
    let mut all = Vec::new();
    for (number, of) in exact.types.iter().enumerate() {
        let figures = report.figures(Some(number));
        let turned_away = Estimate::ratio([(figures.totals.refused as f64, figures.totals.offered as f64)]).unwrap();
        covers(&format!("type {number}: waiting"), figures.waiting, of.waiting);
        covers(
            &format!("type {number}: P(abandon)"),
            figures.abandonment,
            of.abandonment,
        );
        covers(&format!("type {number}: P(wait)"), figures.delay, of.delay);
        covers(&format!("type {number}: E[W]"), figures.wait, 60.0 * of.wait);
        assert!(
            (turned_away.value - of.blocking).abs() < 0.003,
            "type {number}: blocking {} for {}",
            turned_away.value,
            of.blocking
        );
        all.push(figures);
    }
    for (number, busy) in exact.busy.iter().enumerate() {
        covers(&format!("occupancy of {number}"), report.occupancy(Some(number)), *busy);
    }
    all
}

fn server(count: usize, skills: &[usize]) -> Server {
    Server {
        count,
        skills: skills.iter().map(|of| (*of, 0)).collect(),
    }
}

/// The N design: everybody serves the first type, some serve both. (Gans, Koole & Mandelbaum, M&SOM 5:79, 2003, §5.1, name the designs by their
/// pictures.)
fn n_design() -> Design {
    Design::new(
        [(1.6, 0.8, 0.4, 0), (1.2, 1.0, 0.6, 5)],
        vec![server(2, &[0]), server(2, &[0, 1])],
        7,
    )
}

#[test]
fn the_n_design_first_come_first_served() {
    exact_and_simulated_agree(&n_design(), false, 90, 11);
}

#[test]
fn the_n_design_with_priorities() {
    let with = exact_and_simulated_agree(&n_design(), true, 90, 12);
    let without = solve(&n_design(), false);
    let waited = with[1].wait.unwrap();
    assert!(
        !waited.covers(60.0 * without.types[1].wait, LEVEL),
        "priority tells: {}",
        waited.value
    );
}

/// The W design: specialists for each of two types, and one group for both.
#[test]
fn the_w_design() {
    let servers = vec![server(1, &[0]), server(2, &[1]), server(2, &[0, 1])];
    exact_and_simulated_agree(
        &Design::new([(1.5, 1.0, 0.5, 0), (2.4, 0.9, 0.3, 3)], servers, 6),
        false,
        60,
        13,
    );
}

/// The X design: either group serves both types, its own one first. Two queues, in which the agents' places differ in rank and penalty.
#[test]
fn the_x_design() {
    let servers = vec![
        Server {
            count: 2,
            skills: vec![(0, 0), (1, 1)],
        },
        Server {
            count: 3,
            skills: vec![(1, 0), (0, 1)],
        },
    ];
    let mut design = Design::new([(1.8, 1.0, 0.5, 0), (2.9, 0.9, 0.3, 0)], servers, 5);
    design.separate = true;
    exact_and_simulated_agree(&design, false, 60, 14);
}
