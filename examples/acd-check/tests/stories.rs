//! A million steps of random stories; any that fails says the seed with which `acd-check --first SEED --seeds 1 --tell` tells it again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a panic")]

use std::collections::BTreeSet;
use std::time::Duration;

use acd::{Acd, AgentConfig, Arrival, Limits, QueueConfig, QueueId, Strategy};
use acd_check::{Agent, Contact, Place, Report, Story, Truth, Work};
use machine::{Machine as _, Time};

#[test]
fn a_million_steps_break_no_rule() {
    let mut total = Report::default();
    for seed in 1..=2_500 {
        match Story::new(seed).run(400) {
            Ok(report) => {
                total.steps += report.steps;
                total.connected += report.connected;
            }
            Err(violation) => panic!("--first {seed} --seeds 1 --steps 400: {violation}"),
        }
    }
    assert!(total.steps >= 1_000_000 && total.connected >= 10_000, "{total:?}");
}

/// The model beside two agents and one caller, of whom the distribution says `strategy`'s choice; who is told it is the other one.
fn told_of(strategy: Strategy, tell_truth: bool) -> Result<(), String> {
    let (now, queue) = (Time::from_secs(100), QueueId(1));
    let mut acd: Acd<u64, u16> = Acd::new(Limits::default(), [1; 32]);
    let mut truth = Truth {
        now,
        ..Truth::default()
    };
    let rules = QueueConfig::new(strategy);
    acd.set_queue(now, queue, rules.clone()).unwrap();
    truth.queues.insert(queue, rules.clone());
    for id in [1, 2] {
        let config = AgentConfig::in_queues([queue]);
        let at = now + Duration::from_secs(u64::from(id));
        truth.now = at;
        acd.set_agent(at, id, config.clone()).unwrap();
        truth.agents.insert(id, Agent::new(config));
        truth.enrol(id);
        truth.agents.get_mut(&id).unwrap().sign_on(at);
        acd.sign_on(at, &id).unwrap();
        while let Some(output) = acd.poll_output() {
            truth.take(&output)?;
        }
    }
    let call = Arrival::call(queue);
    truth.contacts.insert(7, Contact::new(&call, truth.now, 7));
    acd.arrive(truth.now, 7, call).unwrap();
    while let Some(output) = acd.poll_output() {
        if !tell_truth && matches!(output, acd::Output::Offer { .. }) {
            // Agent 2 has been idle for shorter: as if the rules had been others.
            for agent in truth.agents.values_mut() {
                agent.work = Work {
                    idle_since: Time::MAX - (agent.work.idle_since - Time::ZERO),
                    ..agent.work.clone()
                };
            }
        }
        truth.take(&output)?;
    }
    truth.check()
}

#[test]
fn the_model_agrees_with_the_truth_and_objects_to_the_wrong_choice() {
    told_of(Strategy::LongestIdle, true).unwrap();
    let objection = told_of(Strategy::LongestIdle, false).unwrap_err();
    assert!(objection.contains("LongestIdle chose 1"), "{objection}");
}

#[test]
fn the_model_objects_to_an_idle_agent_beside_a_waiting_contact() {
    let (now, queue) = (Time::from_secs(100), QueueId(1));
    let mut truth = Truth {
        now,
        ..Truth::default()
    };
    truth.queues.insert(queue, QueueConfig::new(Strategy::LongestIdle));
    let mut agent = Agent::new(AgentConfig::in_queues([queue]));
    agent.sign_on(now);
    truth.agents.insert(1, agent);
    truth.enrol(1);
    truth.contacts.insert(7, Contact::new(&Arrival::call(queue), now, 7));
    assert!(truth.check().unwrap_err().contains("waits while agent 1 could have it"));
    truth.contacts.get_mut(&7).unwrap().place = Place::Later(now);
    // He is ready, and was never said to be.
    assert!(truth.check().unwrap_err().contains("agent 1 is Ready"));
}

#[test]
fn the_same_seed_is_the_same_story_and_another_seed_another() {
    let reports: BTreeSet<String> = [5, 5, 6]
        .map(|seed| format!("{:?}", Story::new(seed).run(300).unwrap()))
        .into_iter()
        .collect();
    assert_eq!(reports.len(), 2);
}
