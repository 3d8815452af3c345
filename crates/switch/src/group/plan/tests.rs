//! Plans against a model that knows only what each member would do from when it is rung.

use proptest::prelude::*;

use super::*;

/// A group or number, and what the number does.
#[derive(Debug, Clone)]
enum Tree {
    /// Refuses after so many milliseconds, if ever.
    Number {
        delay: u64,
        ring: Option<u64>,
        refuses: Option<u64>,
    },
    Group {
        delay: u64,
        ring: Option<u64>,
        in_turn: bool,
        members: Vec<Tree>,
    },
}

fn tree() -> impl Strategy<Value = Tree> {
    let times = || (prop_oneof![Just(0_u64), 0..40_u64], prop::option::of(1..60_u64));
    let number = (times(), prop::option::of(0..60_u64)).prop_map(|((delay, ring), refuses)| Tree::Number {
        delay,
        ring,
        refuses,
    });
    number.prop_recursive(3, 24, 5, move |inner| {
        (times(), any::<bool>(), prop::collection::vec(inner, 1..5)).prop_map(|((delay, ring), in_turn, members)| {
            Tree::Group {
                delay,
                ring,
                in_turn,
                members,
            }
        })
    })
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Time {
    Time::from_millis(1_000_000 + millis)
}

/// Puts the tree into a plan; the leaves in order, with what they do.
fn build(plan: &mut Plan, parent: Option<Node>, tree: &Tree, leaves: &mut Vec<(Node, Option<u64>)>) {
    match (tree, parent) {
        (Tree::Number { delay, ring, refuses }, Some(parent)) => {
            let node = plan.number(parent, "1001", true, millis(*delay), ring.map(millis));
            leaves.push((node, *refuses));
        }
        (
            Tree::Group {
                delay,
                ring,
                in_turn,
                members,
            },
            parent,
        ) => {
            let node = plan.group(parent, *in_turn, millis(*delay), ring.map(millis));
            for member in members {
                build(plan, Some(node), member, leaves);
            }
        }
        (Tree::Number { .. }, None) => unreachable!("the whole is a group"),
    }
}

/// When each leaf rings, by its place among the leaves: from and to.
type Rings = Vec<(usize, u64, u64)>;

/// What the plan does: when each rings, and when all is over.
fn play(tree: &Tree) -> (Rings, Option<u64>) {
    let (mut plan, mut leaves) = (Plan::default(), Vec::new());
    build(&mut plan, None, tree, &mut leaves);
    let place = |node: Node| leaves.iter().position(|(leaf, _)| *leaf == node).unwrap();
    let mut rings = Rings::new();
    let mut open: Vec<(Node, u64)> = Vec::new();
    plan.begin(at(0));
    let mut now = 0;
    loop {
        plan.handle_timeout(at(now));
        loop {
            while let Some(act) = plan.poll_act() {
                match act {
                    Act::Ring(node) => {
                        assert!(open.iter().all(|(other, _)| *other != node), "rung twice");
                        open.push((node, now));
                    }
                    Act::Stop(node) => {
                        let index = open.iter().position(|(other, _)| *other == node).expect("it rings");
                        rings.push((place(node), open.remove(index).1, now));
                    }
                    Act::Exhausted => {
                        assert!(open.is_empty() && plan.poll_timeout().is_none());
                        rings.sort_unstable();
                        return (rings, Some(now));
                    }
                }
            }
            let refusing = open.iter().position(|(node, since)| {
                let refuses = leaves.iter().find(|(leaf, _)| leaf == node).unwrap().1;
                refuses.is_some_and(|after| since + after <= now)
            });
            let Some(index) = refusing else { break };
            let (node, since) = open.remove(index);
            rings.push((place(node), since, now));
            plan.failed(at(now), node);
        }
        let refuses = |(node, since): &(Node, u64)| Some(since + leaves.iter().find(|(leaf, _)| leaf == node)?.1?);
        let due = plan.poll_timeout().map(|due| due.as_millis() - 1_000_000);
        let Some(next) = open.iter().filter_map(refuses).chain(due).min() else {
            break;
        };
        assert!(next > now, "time stands still");
        now = next;
    }
    rings.extend(open.into_iter().map(|(node, since)| (place(node), since, u64::MAX)));
    rings.sort_unstable();
    (rings, None)
}

/// The model: how long a tree takes that begins at `start`, and who rings when, each part on its own.
fn model(tree: &Tree, start: u64, in_turn_parent: bool, first: usize) -> (Rings, u64) {
    let (ring, (mut rings, mut end)) = match tree {
        Tree::Number { ring, refuses, .. } => {
            let end = refuses.map_or(u64::MAX, |after| start + after);
            let default = in_turn_parent.then_some(15_000);
            (ring.or(default), (vec![(first, start, end)], end))
        }
        Tree::Group {
            ring,
            in_turn: true,
            members,
            ..
        } => (*ring, in_turn(members, start, first)),
        Tree::Group {
            ring,
            in_turn: false,
            members,
            ..
        } => (*ring, at_once(members, start, first)),
    };
    if let Some(ring) = ring {
        let cut = start + ring;
        // What would begin when the whole is cut does not begin, unless it is due in the same instant.
        rings.retain(|(_, from, _)| *from < cut);
        for (_, _, to) in &mut rings {
            *to = (*to).min(cut);
        }
        end = end.min(cut);
    }
    (rings, end)
}

fn leaves(tree: &Tree) -> usize {
    match tree {
        Tree::Number { .. } => 1,
        Tree::Group { members, .. } => members.iter().map(leaves).sum(),
    }
}

fn delay(tree: &Tree) -> u64 {
    match tree {
        Tree::Number { delay, .. } | Tree::Group { delay, .. } => *delay,
    }
}

fn in_turn(members: &[Tree], start: u64, mut first: usize) -> (Rings, u64) {
    let (mut rings, mut now) = (Rings::new(), start);
    for member in members {
        if now == u64::MAX {
            break;
        }
        let (more, end) = model(member, now + delay(member), true, first);
        rings.extend(more);
        now = end;
        first += leaves(member);
    }
    (rings, now)
}

fn at_once(members: &[Tree], start: u64, first: usize) -> (Rings, u64) {
    let mut firsts = Vec::new();
    let mut next = first;
    for member in members {
        firsts.push(next);
        next += leaves(member);
    }
    // Who begins when; `shift` is by how much the delays have been cut short.
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| delay(&members[*index]));
    let (mut rings, mut ends, mut shift) = (Rings::new(), start, 0);
    let mut begun = false;
    for index in order {
        let mut begins = start + delay(&members[index]) - shift;
        if begun && begins > ends {
            shift += begins - ends;
            begins = ends;
        }
        begun = true;
        let (more, end) = model(&members[index], begins, false, firsts[index]);
        rings.extend(more);
        ends = ends.max(end);
    }
    (rings, ends)
}

/// A ring that begins and ends in the same instant may or may not be seen.
fn heard((rings, end): (Rings, Option<u64>)) -> (Rings, Option<u64>) {
    let mut rings: Rings = rings.into_iter().filter(|(_, from, to)| from < to).collect();
    rings.sort_unstable();
    (rings, end)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn who_rings_when_is_what_the_model_says(members in prop::collection::vec(tree(), 1..6), in_turn in any::<bool>(), ring in prop::option::of(1..200_u64)) {
        let whole = Tree::Group { delay: 0, ring, in_turn, members };
        let (rings, end) = model(&whole, 0, false, 0);
        let expected = (rings, (end != u64::MAX).then_some(end));
        prop_assert_eq!(heard(play(&whole)), heard(expected));
    }
}

#[test]
fn a_member_that_failed_after_its_time_changes_nothing() {
    let mut plan = Plan::default();
    let whole = plan.group(None, true, Duration::ZERO, None);
    let first = plan.number(whole, "1001", true, Duration::ZERO, Some(millis(10)));
    let second = plan.number(whole, "1002", true, Duration::ZERO, None);
    plan.begin(at(0));
    plan.handle_timeout(at(10));
    plan.failed(at(10), first);
    plan.failed(at(10), 99);
    let acts: Vec<Act> = core::iter::from_fn(|| plan.poll_act()).collect();
    assert_eq!(acts, [Act::Ring(first), Act::Stop(first), Act::Ring(second)]);
    assert_eq!(
        plan.poll_timeout(),
        Some(at(10) + RING_IN_TURN),
        "the usual time in turn"
    );
    assert_eq!((plan.member(second), plan.member(whole)), (Some(("1002", true)), None));
}
