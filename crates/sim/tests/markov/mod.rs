//! Skill-based routing as a Markov chain in continuous time, solved numerically. Knows nothing of the distribution.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "states are built with the sizes of their design; a panic fails the test"
)]

use std::collections::HashMap;

/// A type of contact: rates per minute of arrivals, of service, of losing patience; its priority.
pub(crate) struct Kind {
    pub(crate) lambda: f64,
    pub(crate) mu: f64,
    pub(crate) theta: f64,
    pub(crate) priority: i16,
}

/// A group of servers, and the types that they serve: those of the lower rank first, and among the same rank who is first in line.
pub(crate) struct Server {
    pub(crate) count: usize,
    pub(crate) skills: Vec<(usize, u8)>,
}

/// Types, groups, and how many may wait: together, or of each type where lines are separate. Of the free groups, an arrival takes the first;
/// where lines are separate, that which ranks its type lowest.
pub(crate) struct Design {
    pub(crate) types: Vec<Kind>,
    pub(crate) servers: Vec<Server>,
    pub(crate) room: usize,
    pub(crate) separate: bool,
}

impl Server {
    pub(crate) fn rank(&self, of: usize) -> Option<u8> {
        self.skills
            .iter()
            .find(|(skill, _)| *skill == of)
            .map(|(_, rank)| *rank)
    }
}

impl Design {
    pub(crate) fn new(types: [(f64, f64, f64, i16); 2], servers: Vec<Server>, room: usize) -> Self {
        let types = types.map(|(lambda, mu, theta, priority)| Kind {
            lambda,
            mu,
            theta,
            priority,
        });
        Self {
            types: types.into(),
            servers,
            room,
            separate: false,
        }
    }
}

pub(crate) struct Type {
    /// On average.
    pub(crate) waiting: f64,
    pub(crate) abandonment: f64,
    /// Share that waits, of those let in.
    pub(crate) delay: f64,
    /// Mean wait of those let in, in minutes.
    pub(crate) wait: f64,
    /// Share that is turned away.
    pub(crate) blocking: f64,
}

pub(crate) struct Exact {
    pub(crate) types: Vec<Type>,
    /// Of each group, the share that is busy.
    pub(crate) busy: Vec<f64>,
}

/// Who is served where: `busy[group][type]`. Who waits, by type, the next one first.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    busy: Vec<Vec<usize>>,
    line: Vec<usize>,
}

struct Chain<'a> {
    design: &'a Design,
    priority: bool,
}

/// What an arrival finds.
enum Found {
    Free(usize),
    Room,
    Full,
}

impl Chain<'_> {
    fn find(&self, state: &State, of: usize) -> Found {
        let free = |group: &usize| state.busy[*group].iter().sum::<usize>() < self.design.servers[*group].count;
        let groups = (0..self.design.servers.len()).filter(free);
        let ranked = groups.filter_map(|group| {
            let rank = self.design.servers[group].rank(of)?;
            Some((if self.design.separate { rank } else { 0 }, group))
        });
        let waiting = state
            .line
            .iter()
            .filter(|waiting| !self.design.separate || **waiting == of)
            .count();
        match ranked.min() {
            Some((_, group)) => Found::Free(group),
            None if waiting < self.design.room => Found::Room,
            None => Found::Full,
        }
    }

    fn arrival(&self, state: &State, of: usize) -> Option<State> {
        let mut next = state.clone();
        match self.find(state, of) {
            Found::Free(group) => next.busy[group][of] += 1,
            Found::Room => {
                // Behind all of the same or a higher priority.
                let rank = |of: usize| {
                    if self.priority {
                        self.design.types[of].priority
                    } else {
                        0
                    }
                };
                let at = next
                    .line
                    .iter()
                    .position(|other| rank(*other) < rank(of))
                    .unwrap_or(next.line.len());
                next.line.insert(at, of);
            }
            Found::Full => return None,
        }
        Some(next)
    }

    fn departure(&self, state: &State, group: usize, of: usize) -> State {
        let mut next = state.clone();
        next.busy[group][of] -= 1;
        let server = &self.design.servers[group];
        let fits = next
            .line
            .iter()
            .enumerate()
            .filter_map(|(at, waiting)| Some((server.rank(*waiting)?, at)));
        if let Some((_, at)) = fits.min() {
            let taken = next.line.remove(at);
            next.busy[group][taken] += 1;
        }
        next
    }

    /// All ways out of a state with their rates.
    fn ways(&self, state: &State) -> Vec<(State, f64)> {
        let mut ways = Vec::new();
        for (of, kind) in self
            .design
            .types
            .iter()
            .enumerate()
            .filter(|(_, kind)| kind.lambda > 0.0)
        {
            ways.extend(self.arrival(state, of).map(|next| (next, kind.lambda)));
            for group in 0..self.design.servers.len() {
                let busy = state.busy[group][of];
                if busy > 0 {
                    ways.push((self.departure(state, group, of), kind.mu * busy as f64));
                }
            }
        }
        for at in 0..state.line.len() {
            let mut next = state.clone();
            let of = next.line.remove(at);
            ways.push((next, self.design.types[of].theta));
        }
        ways
    }
}

/// The long run of a design: first come, first served, or by priority first.
pub(crate) fn solve(design: &Design, priority: bool) -> Exact {
    let chain = Chain { design, priority };
    let types = design.types.len();
    let empty = State {
        busy: vec![vec![0; types]; design.servers.len()],
        line: Vec::new(),
    };
    let (mut states, mut numbers, mut ways) = (vec![empty.clone()], HashMap::from([(empty, 0)]), Vec::new());
    let mut at = 0;
    while at < states.len() {
        let out: Vec<(usize, f64)> = chain
            .ways(&states[at])
            .into_iter()
            .map(|(next, rate)| {
                let number = *numbers.entry(next.clone()).or_insert_with(|| {
                    states.push(next);
                    states.len() - 1
                });
                (number, rate)
            })
            .collect();
        ways.push(out);
        at += 1;
    }
    let share = stationary(&ways);
    measure(&chain, &states, &share)
}

/// The share of time in each state: Gauss and Seidel on the balance equations.
fn stationary(ways: &[Vec<(usize, f64)>]) -> Vec<f64> {
    let count = ways.len();
    let (mut into, mut out) = (vec![Vec::new(); count], vec![0.0; count]);
    for (from, to) in ways.iter().enumerate() {
        for (number, rate) in to {
            into[*number].push((from, *rate));
            out[from] += rate;
        }
    }
    let mut share = vec![1.0 / count as f64; count];
    for _ in 0..10_000 {
        let mut change = 0.0_f64;
        for state in 0..count {
            let flow: f64 = into[state].iter().map(|(from, rate)| share[*from] * rate).sum();
            let next = flow / out[state];
            change = change.max((next - share[state]).abs());
            share[state] = next;
        }
        let sum: f64 = share.iter().sum();
        share.iter_mut().for_each(|share| *share /= sum);
        if change < 1e-13 {
            return share;
        }
    }
    panic!("the chain did not come to rest");
}

fn measure(chain: &Chain<'_>, states: &[State], share: &[f64]) -> Exact {
    let mean = |value: &dyn Fn(&State) -> f64| -> f64 {
        states
            .iter()
            .zip(share)
            .map(|(state, share)| share * value(state))
            .sum()
    };
    let types = chain.design.types.iter().enumerate().map(|(of, kind)| {
        let waiting = mean(&|state| state.line.iter().filter(|waiting| **waiting == of).count() as f64);
        let blocking = mean(&|state| f64::from(u8::from(matches!(chain.find(state, of), Found::Full))));
        let delayed = mean(&|state| f64::from(u8::from(matches!(chain.find(state, of), Found::Room))));
        Type {
            waiting,
            abandonment: waiting * kind.theta / kind.lambda,
            delay: delayed / (1.0 - blocking),
            wait: waiting / (kind.lambda * (1.0 - blocking)),
            blocking,
        }
    });
    let busy = chain
        .design
        .servers
        .iter()
        .enumerate()
        .map(|(group, server)| mean(&|state| state.busy[group].iter().sum::<usize>() as f64) / server.count as f64);
    Exact {
        types: types.collect(),
        busy: busy.collect(),
    }
}

#[test]
fn one_type_and_one_group_is_erlang_a() {
    // Without room, Erlang B: load 2, 3 servers: 4/19.
    let design = Design::new(
        [(2.0, 1.0, 1.0, 0), (0.0, 1.0, 1.0, 0)],
        vec![Server {
            count: 3,
            skills: vec![(0, 0), (1, 0)],
        }],
        0,
    );
    let exact = solve(&design, false);
    assert!((exact.types[0].blocking - 4.0 / 19.0).abs() < 1e-6);
    // With much room and patience that is as long as service, as many are in the system as with servers without end: Poisson(2).
    let design = Design::new(
        [(2.0, 1.0, 1.0, 0), (0.0, 1.0, 1.0, 0)],
        vec![Server {
            count: 3,
            skills: vec![(0, 0), (1, 0)],
        }],
        30,
    );
    let exact = solve(&design, false);
    let inside = exact.types[0].waiting + exact.busy[0] * 3.0;
    assert!((inside - 2.0).abs() < 1e-6, "{inside}");
}
