//! Every limit, at it and one past it; what is refused changes nothing.
#![allow(clippy::unwrap_used, reason = "a failure is a panic")]

mod support;

use acd::{
    Acd, AgentConfig, AgentError, Arrival, ArriveError, ContactError, Limits, Membership, OverflowCause, QueueError,
    QueueId, Ring, SkillId, Strategy, Target,
};
use machine::{Machine as _, Time};
use support::{HELP, SALES, queue, secs};

const NOW: Time = Time::from_secs(1_000);

fn small(change: impl FnOnce(&mut Limits)) -> Acd<u32, u32> {
    let mut limits = Limits::default();
    change(&mut limits);
    let mut acd = Acd::new(limits, [1; 32]);
    acd.set_queue(NOW, SALES, queue(Strategy::RingAll)).unwrap();
    acd
}

#[test]
fn contacts() {
    let mut acd = small(|limits| limits.contacts = 2);
    acd.arrive(NOW, 1, Arrival::call(SALES)).unwrap();
    acd.arrive(NOW, 2, Arrival::call(SALES)).unwrap();
    assert_eq!(acd.arrive(NOW, 2, Arrival::call(SALES)), Err(ArriveError::Known));
    assert_eq!(acd.arrive(NOW, 3, Arrival::call(SALES)), Err(ArriveError::Full));
    assert_eq!((acd.live().contacts, acd.poll_output()), (2, None));
    acd.end(NOW, &1).unwrap();
    acd.arrive(NOW, 3, Arrival::call(SALES)).unwrap();
}

#[test]
fn agents() {
    let mut acd = small(|limits| limits.agents = 1);
    acd.set_agent(NOW, 1, AgentConfig::in_queues([SALES])).unwrap();
    assert_eq!(
        acd.set_agent(NOW, 2, AgentConfig::in_queues([SALES])),
        Err(AgentError::Full)
    );
    acd.set_agent(NOW, 1, AgentConfig::in_queues([])).unwrap();
    acd.remove_agent(NOW, &1).unwrap();
    acd.set_agent(NOW, 2, AgentConfig::in_queues([SALES])).unwrap();
    assert_eq!(acd.sign_on(NOW, &1), Err(AgentError::Unknown));
}

#[test]
fn queues_and_their_rules() {
    let mut acd = small(|limits| limits.queues = 1);
    assert_eq!(
        acd.set_queue(NOW, HELP, queue(Strategy::RingAll)),
        Err(QueueError::Full)
    );
    let mut rules = queue(Strategy::RingAll);
    rules.rings = vec![Ring::new(secs(1)); Limits::RINGS];
    rules.overflow_for = vec![(OverflowCause::Full, Target::Elsewhere(1)); Limits::RULES];
    acd.set_queue(NOW, SALES, rules.clone()).unwrap();
    let mut more = rules.clone();
    more.rings.push(Ring::new(secs(2)));
    assert_eq!(acd.set_queue(NOW, SALES, more), Err(QueueError::Full));
    rules.overflow_for.push((OverflowCause::Full, Target::Elsewhere(1)));
    assert_eq!(acd.set_queue(NOW, SALES, rules), Err(QueueError::Full));
    assert_eq!(acd.remove_queue(NOW, HELP), Err(QueueError::Unknown));
}

#[test]
fn different_needs() {
    let mut acd = small(|limits| limits.pools = 2);
    let needing = |skill| {
        let mut call = Arrival::call(SALES);
        call.needs.set(SkillId(skill), 1);
        call
    };
    acd.arrive(NOW, 1, needing(1)).unwrap();
    acd.arrive(NOW, 2, needing(2)).unwrap();
    assert_eq!(acd.arrive(NOW, 3, needing(3)), Err(ArriveError::Full));
    acd.set_queue(NOW, HELP, queue(Strategy::RingAll)).unwrap();
    assert_eq!(acd.transfer(NOW, &1, HELP, None), Err(ContactError::Full));
    acd.arrive(NOW, 3, needing(2)).unwrap();
    acd.end(NOW, &1).unwrap();
    acd.arrive(NOW, 4, needing(3)).unwrap();
}

#[test]
fn what_a_contact_and_an_agent_have() {
    let mut acd = small(|_| ());
    let mut call = Arrival::call(SALES);
    (0..64).for_each(|skill| call.needs.set(SkillId(skill), 1));
    call.preferred = vec![(1, 1); Limits::PREFERRED];
    acd.arrive(NOW, 1, call.clone()).unwrap();
    let mut skilled = call.clone();
    skilled.needs.set(SkillId(64), 1);
    assert_eq!(acd.arrive(NOW, 2, skilled), Err(ArriveError::TooMany));
    call.preferred.push((1, 1));
    assert_eq!(acd.arrive(NOW, 2, call), Err(ArriveError::TooMany));
    let mut agent = AgentConfig::in_queues((0..256).map(QueueId));
    (0..64).for_each(|skill| agent.skills.set(SkillId(skill), 1));
    acd.set_agent(NOW, 1, agent.clone()).unwrap();
    let mut skilled = agent.clone();
    skilled.skills.set(SkillId(64), 1);
    assert_eq!(acd.set_agent(NOW, 1, skilled), Err(AgentError::Full));
    agent.memberships.push(Membership::new(QueueId(256)));
    assert_eq!(acd.set_agent(NOW, 1, agent), Err(AgentError::Full));
}

#[test]
fn ringing_at_the_same_time() {
    let mut acd = small(|limits| limits.ringing = 2);
    for agent in 0..3 {
        acd.set_agent(NOW, agent, AgentConfig::in_queues([SALES])).unwrap();
        acd.sign_on(NOW, &agent).unwrap();
    }
    acd.arrive(NOW, 1, Arrival::call(SALES)).unwrap();
    let offers = std::iter::from_fn(|| acd.poll_output())
        .filter(|said| matches!(said, acd::Output::Offer { .. }))
        .count();
    assert_eq!(offers, 2);
    acd.arrive(NOW, 2, Arrival::call(SALES)).unwrap();
    assert_eq!(
        acd.contact(&2),
        Some(acd::ContactView::Offered(vec![2])),
        "the third is free for the next"
    );
}

#[test]
fn customers_and_their_history() {
    let mut acd = small(|limits| limits.customers = 2);
    acd.set_agent(NOW, 1, AgentConfig::in_queues([SALES])).unwrap();
    acd.sign_on(NOW, &1).unwrap();
    let serve = |acd: &mut Acd<u32, u32>, id: u32, customer| {
        let now = NOW + secs(u64::from(id));
        let mut call = Arrival::call(SALES);
        call.customer = Some(customer);
        acd.arrive(now, id, call).unwrap();
        acd.accept(now, &id, &1).unwrap();
        acd.end(now, &id).unwrap();
    };
    (0..9).for_each(|id| serve(&mut acd, id, 7));
    assert_eq!(acd.history(7).count(), Limits::HISTORY);
    assert_eq!(
        acd.history(7).last().map(|served| served.when),
        Some(NOW + secs(1)),
        "the first is forgotten"
    );
    serve(&mut acd, 10, 8);
    assert_eq!((acd.history(7).count(), acd.history(8).count()), (Limits::HISTORY, 1));
    serve(&mut acd, 11, 9);
    assert_eq!(
        (acd.history(7).count(), acd.history(9).count()),
        (0, 1),
        "the longest unseen is forgotten"
    );
}
