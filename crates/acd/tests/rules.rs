//! The rules of queues, one by one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure is a panic")]

mod support;

use acd::{
    Abandoned, AgentConfig, AgentState, Arrival, ArriveError, CallBackTime, CalledBack, Channel, ContactView, Counted,
    Membership, Order, Outcome, Output, OverflowCause, QueueId, Rights, Ring, SkillId, Strategy, Target, WrapUp,
};
use machine::Time;
use support::{Centre, HELP, SALES, queue, secs};

fn member(change: impl FnOnce(&mut Membership)) -> AgentConfig {
    let mut config = AgentConfig::in_queues([SALES]);
    change(&mut config.memberships[0]);
    config
}

#[test]
fn the_next_tier_is_asked_after_its_wait_and_at_once_while_the_first_is_empty() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.tiers = vec![secs(10), secs(30)];
    let mut centre = Centre::new(rules, &[]);
    centre.hire("third", member(|place| place.tier = 2));
    centre.hire("second", member(|place| place.tier = 1));
    centre.hire("first", member(|_| ()));
    (1..=3).for_each(|id| centre.call(id));
    assert_eq!(centre.offers(), [(1, "first")]);
    centre.accept(1, "first");
    centre.pass(secs(10));
    assert_eq!(centre.offers(), [(2, "second")]);
    centre.accept(2, "second");
    centre.pass(secs(19));
    assert_eq!(centre.offers(), []);
    centre.acd.sign_off(centre.now, &"first").unwrap();
    centre.acd.sign_off(centre.now, &"second").unwrap();
    assert_eq!(centre.offers(), [(3, "third")], "nobody else is signed on");
}

#[test]
fn penalties_and_delays_widen_with_the_wait() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.penalties = vec![(secs(0), 0), (secs(20), 5)];
    rules.skip_empty_tiers = false;
    let mut centre = Centre::new(rules, &[]);
    centre.hire("novice", member(|place| place.penalty = 5));
    centre.hire("never", member(|place| place.penalty = 6));
    centre.hire("late", member(|place| place.delay = secs(25)));
    (1..=3).for_each(|id| centre.call(id));
    assert_eq!(centre.offers(), []);
    centre.pass(secs(20));
    assert_eq!(centre.offers(), [(1, "novice")]);
    centre.pass(secs(5));
    assert_eq!(centre.offers(), [(2, "late")]);
}

#[test]
fn a_bullseye_relaxes_its_needs_ring_by_ring_up_to_six() {
    let (persian, billing) = (SkillId(1), SkillId(2));
    let mut rules = queue(Strategy::SkillBased);
    for step in 1..=6_u8 {
        let mut ring = Ring::new(secs(u64::from(step) * 10));
        ring.lower = step;
        ring.drop = if step == 6 { vec![billing] } else { vec![] };
        rules.rings.push(ring);
    }
    let mut centre = Centre::new(rules, &[]);
    for (agent, level) in [("three", 3), ("one", 1)] {
        let mut config = AgentConfig::in_queues([SALES]);
        config.skills.set(persian, level);
        if level == 3 {
            config.skills.set(billing, 1);
        }
        centre.hire(agent, config);
    }
    let mut call = Arrival::call(SALES);
    call.needs.set(persian, 5);
    call.needs.set(billing, 2);
    for id in [1, 2] {
        centre.acd.arrive(centre.now, id, call.clone()).unwrap();
    }
    centre.pass(secs(19));
    assert_eq!(centre.offers(), []);
    centre.pass(secs(1));
    assert_eq!(centre.offers(), [(1, "three")], "level 3 is enough after 20 s");
    centre.accept(1, "three");
    centre.pass(secs(39));
    assert_eq!(centre.offers(), []);
    centre.pass(secs(1));
    assert_eq!(centre.offers(), [(2, "one")], "no billing needed after 60 s");
}

#[test]
fn preferred_agents_come_first_by_score_and_then_anybody() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.preferred_wait = secs(10);
    let mut centre = Centre::new(rules, &["anna", "ben", "cleo"]);
    let mut call = Arrival::call(SALES);
    call.preferred = vec![("cleo", 40), ("ben", 90)];
    centre.acd.arrive(centre.now, 1, call.clone()).unwrap();
    centre.acd.arrive(centre.now, 2, call.clone()).unwrap();
    centre.acd.arrive(centre.now, 3, call).unwrap();
    assert_eq!(
        centre.offers(),
        [(1, "ben"), (2, "cleo")],
        "the third waits for one of them"
    );
    centre.pass(secs(10));
    assert_eq!(centre.offers(), [(3, "anna")]);
}

#[test]
fn whoever_served_a_customer_last_serves_him_again_on_any_channel() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.sticky = secs(3_600);
    let mut centre = Centre::new(rules, &["anna"]);
    let mut ben = AgentConfig::in_queues([SALES]);
    ben.capacity.push((Channel::CHAT, 2));
    centre.hire("ben", ben);
    let mut chat = Arrival::call(SALES);
    (chat.channel, chat.customer) = (Channel::CHAT, Some(7));
    centre.acd.arrive(centre.now, 1, chat).unwrap();
    centre.accept(1, "ben");
    centre.pass(secs(60));
    centre.end(1);
    centre.said();
    let mut call = Arrival::call(SALES);
    call.customer = Some(7);
    centre.acd.arrive(centre.now, 2, call).unwrap();
    assert_eq!(centre.offers(), [(2, "ben")], "though Anna has been idle for longer");
    centre.accept(2, "ben");
    let history: Vec<_> = centre
        .acd
        .history(7)
        .map(|served| (served.channel, served.agent))
        .collect();
    assert_eq!(history, [(Channel::VOICE, Some("ben")), (Channel::CHAT, Some("ben"))]);
}

#[test]
fn priority_ages_so_that_a_long_wait_outweighs_it() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.order = Order::Ageing(secs(60));
    let mut centre = Centre::new(rules, &[]);
    centre.call(1);
    centre.pass(secs(59));
    let mut urgent = Arrival::call(SALES);
    urgent.priority = 1;
    centre.acd.arrive(centre.now, 2, urgent.clone()).unwrap();
    centre.pass(secs(2));
    centre.acd.arrive(centre.now, 3, urgent).unwrap();
    assert_eq!(centre.acd.line(SALES).collect::<Vec<_>>(), [&2, &1, &3]);
}

#[test]
fn between_queues_weight_decides_then_the_service_target() {
    let mut slow = queue(Strategy::LongestIdle);
    slow.order = Order::ServiceTarget(secs(60));
    slow.service_target = secs(120);
    let mut fast = slow.clone();
    fast.service_target = secs(20);
    let mut heavy = slow.clone();
    heavy.weight = 1;
    let mut centre = Centre::empty();
    let gold = QueueId(3);
    for (id, rules) in [(SALES, slow), (HELP, fast), (gold, heavy)] {
        centre.acd.set_queue(centre.now, id, rules).unwrap();
    }
    for (id, of) in [(1, SALES), (2, HELP), (3, gold)] {
        centre.acd.arrive(centre.now, id, Arrival::call(of)).unwrap();
        centre.pass(secs(10));
    }
    centre.hire("anna", AgentConfig::in_queues([SALES, HELP, gold]));
    let mut served = Vec::new();
    while let [(id, agent)] = centre.offers()[..] {
        centre.accept(id, agent);
        served.push(id);
        centre.end(id);
    }
    assert_eq!(served, [3, 2, 1], "the weight, then whose 20 s are over first");
}

#[test]
fn a_routing_profiles_rank_decides_before_the_order() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    centre
        .acd
        .set_queue(centre.now, HELP, queue(Strategy::LongestIdle))
        .unwrap();
    centre.call(1);
    centre.pass(secs(5));
    centre.acd.arrive(centre.now, 2, Arrival::call(HELP)).unwrap();
    let mut anna = AgentConfig::in_queues([SALES, HELP]);
    anna.memberships[0].rank = 1;
    centre.hire("anna", anna);
    assert_eq!(centre.offers(), [(2, "anna")]);
}

#[test]
fn positions_that_are_told_never_go_up() {
    let mut rules = queue(Strategy::LongestIdle);
    (rules.announcements.first, rules.announcements.every) = (Some(secs(10)), secs(10));
    (rules.announcements.messages, rules.announcements.message_every) = (vec![7, 8], secs(25));
    let mut centre = Centre::new(rules, &[]);
    (1..=3).for_each(|id| centre.call(id));
    let told = |centre: &mut Centre| {
        let told = |said| {
            if let Output::Announce {
                contact: 3, position, ..
            } = said
            {
                Some(position)
            } else {
                None
            }
        };
        centre.said().into_iter().filter_map(told).collect::<Vec<_>>()
    };
    centre.pass(secs(10));
    assert_eq!(told(&mut centre), [3]);
    centre.end(1);
    centre.pass(secs(10));
    assert_eq!(told(&mut centre), [2]);
    let mut urgent = Arrival::call(SALES);
    urgent.priority = 9;
    centre.acd.arrive(centre.now, 4, urgent).unwrap();
    assert_eq!(
        centre.acd.contact(&3),
        Some(ContactView::Waiting(3)),
        "one came before it"
    );
    centre.pass(secs(10));
    assert_eq!(told(&mut centre), [2], "and it is not told so");
    centre.pass(secs(30));
    let messages: Vec<u16> = centre
        .said()
        .into_iter()
        .filter_map(|said| {
            if let Output::Message {
                contact: 3, message, ..
            } = said
            {
                Some(message)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(messages, [8], "the second, 25 s after the first");
}

#[test]
fn the_expected_wait_is_that_of_the_recent_service_and_its_error_is_told() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.announcements.first = Some(secs(3_600));
    let mut centre = Centre::new(rules, &["anna", "ben"]);
    (1..=40).for_each(|id| centre.call(id));
    assert_eq!(centre.acd.queue(SALES).unwrap().expected, None, "nothing is known yet");
    // Two agents, a minute each: half a minute a caller.
    centre.accept(1, "anna");
    centre.pass(secs(10));
    centre.accept(2, "ben");
    for id in 1..=30 {
        centre.pass(secs(if id % 2 == 1 { 50 } else { 10 }));
        centre.end(id);
        let (next, agent) = centre.offers().pop().unwrap();
        centre.accept(next, agent);
    }
    let view = centre.acd.queue(SALES).unwrap();
    assert_eq!(view.waiting, 8);
    let expected = view.expected.unwrap().as_secs_f64();
    assert!(
        (9.0 * 27.0..9.0 * 33.0).contains(&expected),
        "{expected} s for the ninth"
    );
    // With twice the agents it is half as long at once.
    centre.hire("cleo", AgentConfig::in_queues([SALES]));
    centre.hire("dora", AgentConfig::in_queues([SALES]));
    let halved = centre.acd.queue(SALES).unwrap().expected.unwrap().as_secs_f64();
    assert!(halved < expected * 0.55, "{halved}");
    // Whoever was told 0 s and waited has made the error known.
    centre.call(99);
    assert!(centre.acd.queue(SALES).unwrap().error.as_secs() < 600);
}

#[test]
fn a_full_queue_and_a_long_expected_wait_let_nobody_in_and_each_cause_has_its_target() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.max_waiting = Some(2);
    rules.overflow = Some(Target::Elsewhere(1));
    rules.overflow_for = vec![
        (OverflowCause::Full, Target::Queue(HELP)),
        (OverflowCause::Closed, Target::Elsewhere(2)),
    ];
    let mut centre = Centre::new(rules, &[]);
    centre
        .acd
        .set_queue(centre.now, HELP, queue(Strategy::LongestIdle))
        .unwrap();
    (1..=3).for_each(|id| centre.call(id));
    assert_eq!(centre.acd.line(SALES).count(), 2);
    assert_eq!(
        centre.acd.line(HELP).collect::<Vec<_>>(),
        [&3],
        "no busy tone while there is room"
    );
    centre.acd.set_open(centre.now, SALES, false).unwrap();
    centre.said();
    centre.call(4);
    assert_eq!(centre.ends(), [(4, Outcome::Overflowed(OverflowCause::Closed, 2))]);
    assert_eq!(centre.acd.line(SALES).count(), 2, "who waits may stay");
}

#[test]
fn a_closing_queue_may_send_away_who_waits() {
    let mut rules = queue(Strategy::LongestIdle);
    (rules.keep_when_closed, rules.overflow) = (false, Some(Target::Elsewhere(5)));
    let mut centre = Centre::new(rules, &[]);
    (1..=2).for_each(|id| centre.call(id));
    centre.acd.set_open(centre.now, SALES, false).unwrap();
    let outcome = Outcome::Overflowed(OverflowCause::Closed, 5);
    assert_eq!(centre.ends(), [(1, outcome), (2, outcome)]);
}

#[test]
fn nobody_joins_or_stays_without_the_agents_that_the_rules_ask_for() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.join_needs = Some(Counted::WORKING);
    rules.stay_needs = Some(Counted::SIGNED_ON);
    let mut centre = Centre::new(rules, &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.call(2); // she is busy, but there
    centre.acd.pause(centre.now, &"anna", 1).unwrap();
    centre.end(1);
    assert_eq!(
        centre.acd.contact(&2),
        Some(ContactView::Waiting(1)),
        "paused is signed on"
    );
    let refused = centre.acd.arrive(centre.now, 3, Arrival::call(SALES));
    assert_eq!(refused, Err(ArriveError::Refused(OverflowCause::NobodyThere)));
    centre.said();
    centre.acd.sign_off(centre.now, &"anna").unwrap();
    assert_eq!(centre.ends(), [(2, Outcome::Dismissed(OverflowCause::NobodyThere))]);
}

#[test]
fn wrap_up_is_fixed_capped_or_open_and_an_agents_own_rule_goes_first() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Fixed(secs(10));
    let mut centre = Centre::new(rules, &["fixed"]);
    for (agent, rule) in [
        ("capped", WrapUp::Capped(secs(20))),
        ("open", WrapUp::Open),
        ("none", WrapUp::None),
    ] {
        let mut config = AgentConfig::in_queues([SALES]);
        config.wrap_up = Some(rule);
        centre.hire(agent, config);
    }
    let agents = ["fixed", "capped", "open", "none"];
    for (id, agent) in (1..).zip(agents) {
        centre.call(id);
        centre.accept(id, agent);
        centre.end(id);
    }
    assert!(
        centre.acd.wrap_up_done(centre.now, &"fixed").is_err(),
        "he may not shorten it"
    );
    let states = |centre: &Centre| agents.map(|agent| centre.acd.agent_state(&agent).unwrap() == AgentState::Ready);
    assert_eq!(states(&centre), [false, false, false, true]);
    centre.pass(secs(10));
    assert_eq!(states(&centre), [true, false, false, true]);
    centre.pass(secs(10));
    assert_eq!(states(&centre), [true, true, false, true]);
    centre.pass(secs(3_600));
    assert_eq!(states(&centre), [true, true, false, true]);
    centre.acd.wrap_up_done(centre.now, &"open").unwrap();
    assert_eq!(states(&centre), [true; 4]);
}

#[test]
fn a_call_back_is_tried_as_often_as_the_rules_say() {
    let mut rules = queue(Strategy::LongestIdle);
    (rules.call_backs.attempts, rules.call_backs.retry_after) = (2, secs(60));
    let mut centre = Centre::new(rules, &["anna"]);
    let mut task = Arrival::call(SALES);
    task.call_back = Some(CallBackTime::NotBefore(centre.now + secs(30)));
    centre.acd.arrive(centre.now, 1, task).unwrap();
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Later(centre.now + secs(30))));
    centre.pass(secs(30));
    centre.accept(1, "anna");
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Dialling("anna")));
    centre.acd.called_back(centre.now, &1, CalledBack::NotReached).unwrap();
    assert_eq!(centre.acd.agent_state(&"anna"), Some(AgentState::Ready));
    centre.pass(secs(60));
    centre.accept(1, "anna");
    centre.acd.called_back(centre.now, &1, CalledBack::NotReached).unwrap();
    assert_eq!(centre.ends(), [(1, Outcome::NotReached)]);
}

#[test]
fn a_call_back_is_given_up_when_its_time_is_over() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    let mut task = Arrival::call(SALES);
    task.call_back = Some(CallBackTime::Between(centre.now + secs(10), centre.now + secs(20)));
    centre.acd.arrive(centre.now, 1, task).unwrap();
    centre.pass(secs(19));
    assert_eq!(centre.ends(), []);
    centre.pass(secs(1));
    assert_eq!(centre.ends(), [(1, Outcome::Expired)]);
}

#[test]
fn customers_who_hang_up_are_called_back_in_their_place() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.call_backs.abandoned = Some(Abandoned::within(secs(600)));
    let mut centre = Centre::new(rules, &[]);
    for (id, customer) in [(1, Some(11)), (2, Some(12)), (3, None)] {
        let mut call = Arrival::call(SALES);
        call.customer = customer;
        centre.acd.arrive(centre.now, id, call).unwrap();
    }
    centre.pass(secs(4));
    centre.end(2); // too soon to have meant it
    centre.pass(secs(6));
    centre.end(3); // whom would one call?
    centre.end(1);
    let said = centre.said();
    assert!(said.iter().any(|said| matches!(
        said,
        Output::CallBackNoted {
            contact: 1,
            abandoned: true,
            ..
        }
    )));
    let ended = said
        .iter()
        .filter(|said| {
            matches!(
                said,
                Output::Ended {
                    outcome: Outcome::Abandoned,
                    ..
                }
            )
        })
        .count();
    assert_eq!(ended, 2);
    centre.hire("anna", AgentConfig::in_queues([SALES]));
    assert_eq!(centre.offers(), [(1, "anna")]);
    centre.accept(1, "anna");
    centre.acd.called_back(centre.now, &1, CalledBack::Reached).unwrap();
    centre.end(1);
    assert_eq!(centre.ends(), [(1, Outcome::Handled)]);
}

#[test]
fn nobody_is_called_back_while_the_queue_is_closed() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    centre.call(1);
    centre.acd.keep_place(centre.now, &1, CallBackTime::InTurn).unwrap();
    centre.acd.set_open(centre.now, SALES, false).unwrap();
    centre.hire("anna", AgentConfig::in_queues([SALES]));
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Later(Time::MAX)));
    assert_eq!(centre.offers(), []);
    centre.acd.set_open(centre.now, SALES, true).unwrap();
    assert_eq!(centre.offers(), [(1, "anna")]);
}

#[test]
fn an_agent_has_calls_alone_and_chats_up_to_his_capacity() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    let mut anna = AgentConfig::in_queues([SALES]);
    anna.capacity = vec![(Channel::VOICE, 1), (Channel::CHAT, 2), (Channel::EMAIL, 1)];
    centre.hire("anna", anna);
    for (id, channel) in [
        (1, Channel::CHAT),
        (2, Channel::VOICE),
        (3, Channel::EMAIL),
        (4, Channel::CHAT),
        (5, Channel::CHAT),
    ] {
        let mut contact = Arrival::call(SALES);
        contact.channel = channel;
        centre.acd.arrive(centre.now, id, contact).unwrap();
    }
    assert_eq!(centre.offers(), [(1, "anna"), (3, "anna"), (4, "anna")]);
    for id in [1, 3, 4] {
        centre.accept(id, "anna");
    }
    for id in [1, 3] {
        centre.end(id);
    }
    assert_eq!(
        centre.offers(),
        [(5, "anna")],
        "the call waits until she has nothing else"
    );
    centre.accept(5, "anna");
    centre.end(4);
    centre.end(5);
    assert_eq!(centre.offers(), [(2, "anna")]);
}

#[test]
fn a_supervisor_has_his_rights_in_his_queues_alone() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    let mut chief = AgentConfig::in_queues([]);
    chief.supervises.push((SALES, Rights::ALL));
    centre.acd.set_agent(centre.now, "chief", chief).unwrap();
    let mut other = AgentConfig::in_queues([]);
    other.supervises.push((HELP, Rights::ALL));
    centre.acd.set_agent(centre.now, "other", other).unwrap();
    centre.call(1);
    assert_eq!(centre.acd.rights(&"chief", &"anna"), None, "she talks to nobody");
    centre.accept(1, "anna");
    assert_eq!(centre.acd.rights(&"chief", &"anna"), Some(Rights::ALL));
    assert_eq!(centre.acd.rights(&"other", &"anna"), None);
    centre.acd.assign(centre.now, &1, &"chief").unwrap();
    assert_eq!(
        centre.acd.contact(&1),
        Some(ContactView::Talking("chief")),
        "he took over"
    );
    assert_eq!(centre.acd.agent_state(&"anna"), Some(AgentState::Ready));
}

#[test]
fn an_agent_on_a_call_of_his_own_is_offered_nothing() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.acd.engaged(centre.now, &"anna", true).unwrap();
    centre.call(1);
    assert_eq!(centre.offers(), []);
    assert_eq!(
        centre.acd.members(SALES).collect::<Vec<_>>(),
        [(&"anna", AgentState::Engaged)]
    );
    centre.acd.engaged(centre.now, &"anna", false).unwrap();
    assert_eq!(centre.offers(), [(1, "anna")]);
}

#[test]
fn ring_progressively_rings_one_more_at_each_interval() {
    let mut rules = queue(Strategy::RingProgressively(secs(4)));
    rules.ring_time = secs(60);
    let mut centre = Centre::new(rules, &["anna", "ben", "cleo"]);
    centre.call(1);
    assert_eq!(centre.offers(), [(1, "anna")]);
    centre.pass(secs(4));
    assert_eq!(centre.offers(), [(1, "ben")]);
    centre.pass(secs(4));
    assert_eq!(centre.offers(), [(1, "cleo")]);
    centre.accept(1, "ben");
    let gone = centre
        .said()
        .iter()
        .filter(|said| matches!(said, Output::Withdraw { .. }))
        .count();
    assert_eq!(gone, 2);
}

#[test]
fn weighted_random_chooses_in_proportion() {
    let mut centre = Centre::new(queue(Strategy::WeightedRandom), &[]);
    centre.hire("one", member(|place| place.weight = 1));
    centre.hire("nine", member(|place| place.weight = 9));
    let mut nine = 0;
    for id in 0..2_000 {
        centre.call(id);
        nine += centre.offers().iter().filter(|(_, agent)| *agent == "nine").count();
        centre.end(id);
    }
    assert!(
        (1_740..=1_860).contains(&nine),
        "{nine} of 2000, 1800 expected (4.5 standard deviations)"
    );
}

#[test]
fn a_preferred_agent_who_comes_free_rings_alone_even_where_all_ring() {
    let mut rules = queue(Strategy::RingAll);
    rules.preferred_wait = secs(60);
    let mut centre = Centre::new(rules, &["anna", "ben"]);
    let mut call = Arrival::call(SALES);
    call.preferred = vec![("anna", 1)];
    centre.acd.engaged(centre.now, &"anna", true).unwrap();
    centre.acd.arrive(centre.now, 1, call).unwrap();
    assert_eq!(centre.offers(), []);
    centre.acd.engaged(centre.now, &"anna", false).unwrap();
    assert_eq!(centre.offers(), [(1, "anna")]);
    centre
        .acd
        .decline(centre.now, &1, &"anna", acd::Decline::Rejected)
        .unwrap();
    assert_eq!(centre.offers(), [(1, "ben")], "then it is for anybody");
}
