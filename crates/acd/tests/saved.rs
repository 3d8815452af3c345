//! A distribution that was written and read back at any point goes on as if nothing had happened.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure is a panic")]

mod support;

use acd::{
    Abandoned, Acd, AgentConfig, Arrival, CallBackTime, CalledBack, Channel, Decline, Limits, Ring, SkillId, Strategy,
    WrapUp,
};
use machine::{Machine as _, Time};
use proptest::prelude::*;
use support::{HELP, SALES, queue, secs};

type Centre = Acd<u32, u8>;

fn centre(strategy: Strategy) -> Centre {
    let mut acd = Acd::new(Limits::default(), [5; 32]);
    let now = Time::from_secs(1_000);
    let mut rules = queue(strategy);
    rules.wrap_up = WrapUp::Fixed(secs(3));
    rules.tiers = vec![secs(5)];
    rules.rings = vec![Ring::new(secs(8))];
    rules.announcements.first = Some(secs(4));
    rules.sticky = secs(600);
    rules.call_backs.abandoned = Some(Abandoned::within(secs(50)));
    for id in [SALES, HELP] {
        acd.set_queue(now, id, rules.clone()).unwrap();
    }
    for agent in 0..5 {
        let mut config = AgentConfig::in_queues([SALES, HELP]);
        config.memberships[0].tier = agent % 2;
        config.memberships[1].weight = 1 + u16::from(agent);
        config.capacity.push((Channel::CHAT, 2));
        config.skills.set(SkillId(u16::from(agent % 3)), 1 + agent);
        acd.set_agent(now, agent, config).unwrap();
        acd.sign_on(now, &agent).unwrap();
    }
    acd
}

/// Does a step; gives all that was said.
fn step(acd: &mut Centre, now: Time, number: u32, [what, which]: [u8; 2]) -> Vec<String> {
    let (id, agent) = (number.saturating_sub(u32::from(which % 8)), which % 5);
    match what % 12 {
        0..=3 => {
            let mut arrival = Arrival::call(if which & 1 == 0 { SALES } else { HELP });
            arrival.channel = Channel(which >> 1 & 1);
            arrival.customer = Some(u64::from(which >> 2 & 3));
            if which & 64 != 0 {
                arrival.needs.set(SkillId(u16::from(which % 3)), 1);
            }
            if which & 32 != 0 {
                arrival.preferred = vec![(agent, 3)];
            }
            acd.arrive(now, number, arrival).unwrap();
        }
        4..=5 => drop(format!("{:?}", acd.accept(now, &id, &agent))),
        6 => drop(format!("{:?}", acd.end(now, &id))),
        7 => drop(format!("{:?}", acd.decline(now, &id, &agent, Decline::Rejected))),
        8 => drop(format!("{:?}", acd.keep_place(now, &id, CallBackTime::InTurn))),
        9 => drop(format!("{:?}", acd.called_back(now, &id, CalledBack::Reached))),
        10 => drop(format!("{:?}", acd.transfer(now, &id, HELP, Some(2)))),
        _ => acd.handle_timeout(now),
    }
    let mut said: Vec<String> = std::iter::from_fn(|| acd.poll_output())
        .map(|output| format!("{output:?}"))
        .collect();
    said.push(format!("{:?} {:?}", acd.poll_timeout(), acd.live()));
    said
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_goes_on_identically(
        steps in prop::collection::vec(any::<[u8; 2]>(), 1..150),
        saved_at in prop::collection::btree_set(0..150_usize, 1..4),
        strategy in prop::sample::select(vec![
            Strategy::RingAll, Strategy::LongestIdle, Strategy::RoundRobin, Strategy::Random, Strategy::WeightedRandom,
            Strategy::RingProgressively(secs(2)), Strategy::LeastOccupied, Strategy::PercentAllocation,
        ]),
    ) {
        let mut acd = centre(strategy);
        let mut read = acd.clone();
        for (at, bytes) in steps.into_iter().enumerate() {
            if saved_at.contains(&at) {
                let written = serde_json::to_string(&read).unwrap();
                read = serde_json::from_str(&written).unwrap();
                // What was read is written as it was.
                prop_assert_eq!(serde_json::to_string(&read).unwrap(), written);
            }
            let now = Time::from_millis(1_000_000 + u64::try_from(at).unwrap() * 700);
            let number = u32::try_from(at).unwrap();
            prop_assert_eq!(step(&mut acd, now, number, bytes), step(&mut read, now, number, bytes));
        }
    }
}
