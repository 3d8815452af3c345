//! What happens in the same instant, and what hurt others: each a test by its name.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a panic")]

mod support;

use acd::{
    AgentConfig, AgentError, AgentState, Arrival, CallBackTime, CalledBack, Channel, ContactError, ContactView,
    Decline, Outcome, Output, PauseReason, Strategy, Target, Withdrawal, WrapUp,
};
use machine::Machine as _;
use machine::Time;
use support::{Centre, HELP, SALES, queue, secs};

fn state(centre: &Centre, agent: &'static str) -> AgentState {
    centre.acd.agent_state(&agent).unwrap()
}

#[test]
fn caller_hangs_up_in_the_instant_in_which_an_agent_answers() {
    // The hang-up is handed in first: the agent is too late, and free for the next.
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.call(2);
    centre.end(1);
    assert_eq!(centre.acd.accept(centre.now, &1, &"anna"), Err(ContactError::Unknown));
    let said = centre.said();
    assert!(said.iter().any(|said| matches!(
        said,
        Output::Withdraw {
            contact: 1,
            cause: Withdrawal::Gone,
            ..
        }
    )));
    assert!(said.iter().any(|said| matches!(
        said,
        Output::Ended {
            contact: 1,
            outcome: Outcome::Abandoned,
            ..
        }
    )));
    assert!(
        said.iter().any(|said| matches!(
            said,
            Output::Offer {
                contact: 2,
                agent: "anna",
                ..
            }
        )),
        "{said:?}"
    );
    // The answer first: a talk of no length.
    centre.accept(2, "anna");
    centre.end(2);
    assert_eq!(centre.ends(), [(2, Outcome::Handled)]);
    assert_eq!(state(&centre, "anna"), AgentState::Ready);
}

#[test]
fn two_agents_answer_a_ring_all_at_once() {
    let mut centre = Centre::new(queue(Strategy::RingAll), &["anna", "ben", "cleo"]);
    centre.call(1);
    assert_eq!(centre.offers().len(), 3);
    centre.accept(1, "ben");
    assert_eq!(centre.acd.accept(centre.now, &1, &"anna"), Err(ContactError::Agent));
    let said = centre.said();
    let withdrawn = said
        .iter()
        .filter(|said| {
            matches!(
                said,
                Output::Withdraw {
                    cause: Withdrawal::Taken,
                    ..
                }
            )
        })
        .count();
    let connected = said
        .iter()
        .filter(|said| matches!(said, Output::Connect { agent: "ben", .. }))
        .count();
    assert_eq!((withdrawn, connected), (2, 1));
    assert_eq!(state(&centre, "anna"), AgentState::Ready);
}

#[test]
fn answer_then_hang_up_while_others_ring_frees_them_all() {
    let mut centre = Centre::new(queue(Strategy::RingAll), &["anna", "ben", "cleo"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.end(1);
    for agent in ["anna", "ben", "cleo"] {
        assert_eq!(state(&centre, agent), AgentState::Ready, "{agent}");
    }
    centre.said();
    centre.call(2);
    assert_eq!(centre.offers().len(), 3, "they all ring for the next");
}

#[test]
fn agent_signs_off_while_reserved_ringing_or_in_wrap_up() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Fixed(secs(10));
    let mut centre = Centre::new(rules, &["anna"]);
    centre.call(1);
    centre.acd.sign_off(centre.now, &"anna").unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::Off, "was reserved");
    centre.acd.sign_on(centre.now, &"anna").unwrap();
    centre.acd.ringing(centre.now, &1, &"anna").unwrap();
    centre.acd.sign_off(centre.now, &"anna").unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::Off, "was ringing");
    assert_eq!(
        centre.acd.contact(&1),
        Some(ContactView::Waiting(1)),
        "the caller keeps his place"
    );
    centre.acd.sign_on(centre.now, &"anna").unwrap();
    centre.accept(1, "anna");
    centre.end(1);
    centre.acd.sign_off(centre.now, &"anna").unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::WrapUp, "he finishes it");
    centre.pass(secs(10));
    assert_eq!(state(&centre, "anna"), AgentState::Off);
}

#[test]
fn agent_removed_from_the_queue_in_a_call_finishes_it_with_its_wrap_up() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Fixed(secs(5));
    let mut centre = Centre::new(rules, &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre
        .acd
        .set_agent(centre.now, "anna", AgentConfig::in_queues([]))
        .unwrap();
    centre.call(2);
    centre.end(1);
    assert_eq!(state(&centre, "anna"), AgentState::WrapUp);
    centre.pass(secs(5));
    assert_eq!(state(&centre, "anna"), AgentState::Ready);
    assert_eq!(
        centre.acd.contact(&2),
        Some(ContactView::Waiting(1)),
        "no longer for her"
    );
}

#[test]
fn agent_removed_altogether_in_a_call_goes_when_it_ends() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.acd.remove_agent(centre.now, &"anna").unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::Busy);
    centre.end(1);
    assert_eq!(centre.acd.agent_state(&"anna"), None);
    assert_eq!(centre.acd.sign_on(centre.now, &"anna"), Err(AgentError::Unknown));
}

#[test]
fn reject_by_the_last_agent_keeps_the_caller_and_offers_again_after_the_pause() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.said();
    centre.acd.decline(centre.now, &1, &"anna", Decline::Rejected).unwrap();
    assert_eq!(centre.offers(), [], "not again in the same instant");
    assert_eq!(state(&centre, "anna"), AgentState::Paused(PauseReason::Rejected));
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Waiting(1)));
    centre.pass(secs(3));
    assert_eq!(centre.offers(), [(1, "anna")]);
}

#[test]
fn queue_emptied_at_a_time_out_sends_each_where_it_overflows_to_once() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.max_wait = Some(secs(30));
    rules.overflow = Some(Target::Elsewhere(99));
    let mut centre = Centre::new(rules, &[]);
    (1..=50).for_each(|id| centre.call(id));
    centre.pass(secs(30));
    let ends = centre.ends();
    assert_eq!(ends.len(), 50);
    assert!(
        ends.iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Overflowed(_, 99)))
    );
    assert_eq!((centre.acd.live().contacts, centre.acd.live().timers), (0, 0));
}

#[test]
fn agent_freed_in_the_instant_of_the_time_out_still_gets_the_caller() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.max_wait = Some(secs(30));
    rules.wrap_up = WrapUp::Fixed(secs(20));
    let mut centre = Centre::new(rules, &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.call(2); // waits until second 30 at most
    centre.pass(secs(10));
    centre.end(1); // in wrap-up until second 30
    centre.said();
    centre.pass(secs(20));
    let said = centre.said();
    assert!(
        said.iter().any(|said| matches!(
            said,
            Output::Offer {
                contact: 2,
                agent: "anna",
                ..
            }
        )),
        "{said:?}"
    );
    assert_eq!(centre.acd.contact(&2), Some(ContactView::Offered(vec!["anna"])));
}

#[test]
fn transfer_between_queues_keeps_the_place_and_the_wrap_up() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Fixed(secs(7));
    let mut centre = Centre::new(rules.clone(), &["anna"]);
    centre.acd.set_queue(centre.now, HELP, rules).unwrap();
    centre.call(1);
    centre.accept(1, "anna");
    centre.pass(secs(5));
    centre.acd.arrive(centre.now, 2, Arrival::call(HELP)).unwrap();
    centre.acd.transfer(centre.now, &1, HELP, None).unwrap();
    assert_eq!(
        state(&centre, "anna"),
        AgentState::WrapUp,
        "wrap-up for what she handled"
    );
    assert_eq!(
        centre.acd.contact(&1),
        Some(ContactView::Waiting(1)),
        "it came before the other"
    );
    centre.said();
    centre.hire("ben", AgentConfig::in_queues([HELP]));
    assert_eq!(centre.offers(), [(1, "ben")]);
    centre.accept(1, "ben");
    centre.end(1);
    assert_eq!(state(&centre, "ben"), AgentState::WrapUp, "and for what he handled");
    assert_eq!(centre.ends(), [(1, Outcome::Handled)], "one end for both talks");
}

#[test]
fn call_back_reached_while_the_caller_calls_again() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    let mut first = Arrival::call(SALES);
    first.customer = Some(77);
    centre.acd.arrive(centre.now, 1, first.clone()).unwrap();
    centre.call(2);
    centre.acd.keep_place(centre.now, &1, CallBackTime::InTurn).unwrap();
    centre.hire("anna", AgentConfig::in_queues([SALES]));
    centre.accept(1, "anna"); // his telephone is being called…
    centre.said();
    centre.acd.arrive(centre.now, 3, first).unwrap(); // …and is busy with calling us
    let said = centre.said();
    assert!(said.iter().any(|said| matches!(
        said,
        Output::Ended {
            contact: 1,
            outcome: Outcome::Superseded,
            ..
        }
    )));
    assert!(
        said.iter().any(|said| matches!(
            said,
            Output::Offer {
                contact: 3,
                agent: "anna",
                ..
            }
        )),
        "in his old place: {said:?}"
    );
    assert_eq!(
        centre.acd.called_back(centre.now, &1, CalledBack::Reached),
        Err(ContactError::Unknown)
    );
}

#[test]
fn capacity_changed_while_busy() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &[]);
    let mut anna = AgentConfig::in_queues([SALES]);
    anna.capacity = vec![(Channel::CHAT, 3)];
    centre.hire("anna", anna.clone());
    let mut chat = Arrival::call(SALES);
    chat.channel = Channel::CHAT;
    for id in 1..=4 {
        centre.acd.arrive(centre.now, id, chat.clone()).unwrap();
    }
    assert_eq!(centre.offers().len(), 3);
    (1..=3).for_each(|id| centre.accept(id, "anna"));
    anna.capacity = vec![(Channel::CHAT, 1)];
    centre.acd.set_agent(centre.now, "anna", anna.clone()).unwrap();
    centre.end(1);
    centre.end(2);
    assert_eq!(centre.offers(), [], "she still has as many as she may");
    centre.end(3);
    assert_eq!(centre.offers(), [(4, "anna")]);
    anna.capacity = vec![(Channel::CHAT, 2)];
    centre.acd.arrive(centre.now, 5, chat).unwrap();
    centre.acd.set_agent(centre.now, "anna", anna).unwrap();
    assert_eq!(centre.offers(), [(5, "anna")], "more at once");
}

#[test]
fn clock_going_back_changes_nothing() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.acd.handle_timeout(Time::ZERO);
    centre.acd.end(Time::from_secs(1), &1).unwrap();
    let said = centre.said();
    let ended = said.iter().find_map(|said| {
        if let Output::Ended { waited, talked, .. } = said {
            Some((*waited, *talked))
        } else {
            None
        }
    });
    assert_eq!(ended, Some((secs(0), secs(0))));
    centre.now = Time::from_secs(1_005);
    centre.call(2);
    assert_eq!(centre.offers(), [(2, "anna")]);
}

#[test]
fn agents_who_let_it_ring_are_paused_and_nobody_is_offered_for_ever() {
    let mut rules = queue(Strategy::TopDown);
    rules.ring_time = secs(10);
    rules.no_answer_pause = secs(0);
    let mut centre = Centre::new(rules, &["anna", "ben"]);
    centre.call(1);
    centre.pass(secs(600));
    let offers = centre.offers();
    assert_eq!(offers.len(), 6, "three each: {offers:?}");
    for agent in ["anna", "ben"] {
        assert_eq!(state(&centre, agent), AgentState::Paused(PauseReason::LetRing));
    }
    assert_eq!(
        centre.acd.contact(&1),
        Some(ContactView::Waiting(1)),
        "the caller is still there"
    );
    centre.acd.sign_on(centre.now, &"ben").unwrap();
    assert_eq!(centre.offers(), [(1, "ben")]);
}

#[test]
fn free_agents_do_not_wait_for_the_wrap_up_of_others() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Open;
    let mut centre = Centre::new(rules, &["anna", "ben"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.end(1);
    centre.said();
    centre.call(2);
    assert_eq!(centre.offers(), [(2, "ben")]);
}

#[test]
fn agents_phone_vanishes_in_a_call_and_the_caller_is_served_by_another() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.accept(1, "anna");
    centre.pass(secs(60));
    centre.call(2);
    centre.acd.reachable(centre.now, &"anna", false).unwrap();
    centre.acd.requeue(centre.now, &1).unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::Unreachable);
    centre.said();
    centre.hire("ben", AgentConfig::in_queues([SALES]));
    assert_eq!(centre.offers(), [(1, "ben")], "who came first");
    centre.acd.reachable(centre.now, &"anna", true).unwrap();
    assert_eq!(centre.offers(), [(2, "anna")]);
}

#[test]
fn wrap_up_survives_a_chain_of_transfers_each_agent_his_own() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Open;
    let mut centre = Centre::new(rules.clone(), &["anna"]);
    centre.acd.set_queue(centre.now, HELP, rules).unwrap();
    centre.hire("ben", AgentConfig::in_queues([HELP]));
    centre.hire("cleo", AgentConfig::in_queues([]));
    centre.call(1);
    centre.accept(1, "anna");
    centre.acd.transfer(centre.now, &1, HELP, None).unwrap();
    centre.accept(1, "ben");
    // From agent to agent, without a queue.
    centre.acd.assign(centre.now, &1, &"cleo").unwrap();
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Talking("cleo")));
    centre.end(1);
    for agent in ["anna", "ben", "cleo"] {
        assert_eq!(state(&centre, agent), AgentState::WrapUp, "{agent}");
        centre.acd.wrap_up_done(centre.now, &agent).unwrap();
        assert_eq!(state(&centre, agent), AgentState::Ready, "{agent}");
    }
    assert_eq!(centre.ends(), [(1, Outcome::Handled)]);
}

#[test]
fn wrap_up_is_not_lost_when_the_same_contact_comes_back_to_its_agent_and_hangs_up() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Open;
    let mut centre = Centre::new(rules, &[]);
    let mut anna = AgentConfig::in_queues([SALES]);
    anna.capacity = vec![(Channel::CHAT, 2)];
    centre.hire("anna", anna);
    let mut chat = Arrival::call(SALES);
    chat.channel = Channel::CHAT;
    centre.acd.arrive(centre.now, 1, chat).unwrap();
    centre.accept(1, "anna");
    centre.acd.transfer(centre.now, &1, SALES, None).unwrap();
    assert_eq!(
        centre.acd.contact(&1),
        Some(ContactView::Offered(vec!["anna"])),
        "she has room for one more"
    );
    centre.end(1);
    assert_eq!(state(&centre, "anna"), AgentState::WrapUp, "for the first talk");
}

#[test]
fn an_offer_of_which_nothing_is_heard_does_not_hold_the_agent() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna", "ben"]);
    centre.call(1);
    assert_eq!(centre.offers(), [(1, "anna")]);
    centre.pass(secs(15));
    assert_eq!(centre.offers(), [(1, "ben")]);
    assert_eq!(state(&centre, "anna"), AgentState::Paused(PauseReason::NotAnswered));
    centre.pass(secs(5));
    assert_eq!(state(&centre, "anna"), AgentState::Ready);
}

#[test]
fn no_agents_phone_rings_on_after_the_caller_hung_up() {
    let mut centre = Centre::new(queue(Strategy::RingAll), &["anna", "ben", "cleo"]);
    centre.call(1);
    centre.acd.ringing(centre.now, &1, &"ben").unwrap();
    centre.said();
    centre.end(1);
    let gone = |said: &&support::Said| {
        matches!(
            said,
            Output::Withdraw {
                contact: 1,
                cause: Withdrawal::Gone,
                ..
            }
        )
    };
    assert_eq!(centre.said().iter().filter(gone).count(), 3);
    assert_eq!(
        centre.acd.accept(centre.now, &1, &"ben"),
        Err(ContactError::Unknown),
        "no talk with nobody"
    );
    assert_eq!(state(&centre, "ben"), AgentState::Ready);
}

#[test]
fn ring_all_rings_nobody_twice() {
    let mut centre = Centre::new(queue(Strategy::RingAll), &["anna"]);
    centre
        .acd
        .set_agent(centre.now, "anna", AgentConfig::in_queues([SALES, SALES]))
        .unwrap();
    centre.call(1);
    assert_eq!(centre.offers(), [(1, "anna")]);
    centre.acd.decline(centre.now, &1, &"anna", Decline::Rejected).unwrap();
    assert_eq!(centre.offers(), []);
}

#[test]
fn top_down_goes_on_past_those_who_are_busy() {
    let mut centre = Centre::new(queue(Strategy::TopDown), &["anna", "ben", "cleo"]);
    for (id, agent) in [(1, "anna"), (2, "ben"), (3, "cleo")] {
        centre.call(id);
        assert_eq!(centre.offers(), [(id, agent)]);
        centre.accept(id, agent);
    }
    centre.call(4);
    centre.end(2);
    assert_eq!(centre.offers(), [(4, "ben")]);
}

#[test]
fn after_thousands_of_calls_everybody_is_free_and_each_is_counted_once() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna", "ben"]);
    let mut ends = 0;
    for id in 0..10_000 {
        centre.call(id);
        for (id, agent) in centre.offers() {
            // Some let it ring first, some are hung up on.
            match id % 5 {
                0 => centre.end(id),
                1 => centre.acd.decline(centre.now, &id, &agent, Decline::Busy).unwrap(),
                _ => {
                    centre.accept(id, agent);
                    centre.pass(secs(1));
                    centre.end(id);
                }
            }
        }
        centre.pass(secs(11));
        for (id, agent) in centre.offers() {
            centre.accept(id, agent);
            centre.end(id);
        }
        ends += centre.ends().len();
    }
    centre.pass(secs(60));
    ends += centre.ends().len();
    let live = centre.acd.live();
    assert_eq!((live.contacts, live.timers), (0, 0));
    assert!(ends <= 10_000);
    for agent in ["anna", "ben"] {
        assert_eq!(state(&centre, agent), AgentState::Ready, "{agent}");
    }
}

#[test]
fn agent_pauses_while_ringing_and_the_caller_goes_to_another() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna", "ben"]);
    centre.call(1);
    centre.acd.pause(centre.now, &"anna", 3).unwrap();
    assert_eq!(state(&centre, "anna"), AgentState::Paused(PauseReason::Wish(3)));
    assert_eq!(centre.acd.contact(&1), Some(ContactView::Offered(vec!["ben"])));
    assert_eq!(centre.acd.accept(centre.now, &1, &"anna"), Err(ContactError::Agent));
}

#[test]
fn queue_is_removed_while_some_wait_and_some_talk() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.wrap_up = WrapUp::Fixed(secs(5));
    rules.overflow = Some(Target::Queue(HELP));
    let mut centre = Centre::new(rules, &["anna"]);
    centre
        .acd
        .set_queue(centre.now, HELP, queue(Strategy::LongestIdle))
        .unwrap();
    (1..=2).for_each(|id| centre.call(id));
    centre.accept(1, "anna");
    centre.acd.remove_queue(centre.now, SALES).unwrap();
    assert_eq!(
        centre.acd.line(HELP).collect::<Vec<_>>(),
        [&2],
        "it waits where its queue overflowed to"
    );
    assert_eq!(
        centre.acd.requeue(centre.now, &1),
        Err(ContactError::UnknownQueue(SALES))
    );
    centre.end(1);
    assert_eq!(state(&centre, "anna"), AgentState::WrapUp);
    centre.pass(secs(5));
    assert_eq!(state(&centre, "anna"), AgentState::Ready);
}

#[test]
fn two_queues_that_overflow_to_each_other_at_once_do_not_hang_the_machine() {
    let mut rules = queue(Strategy::LongestIdle);
    rules.max_wait = Some(secs(0));
    rules.overflow = Some(Target::Queue(HELP));
    let mut back = rules.clone();
    back.overflow = Some(Target::Queue(SALES));
    let mut centre = Centre::new(rules, &[]);
    centre.acd.set_queue(centre.now, HELP, back).unwrap();
    centre.call(1);
    centre.acd.handle_timeout(centre.now + secs(1));
    assert!(centre.acd.poll_timeout().is_some_and(|due| due > centre.now + secs(1)));
}

#[test]
fn caller_asks_for_a_call_back_in_the_instant_in_which_an_agent_answers() {
    let mut centre = Centre::new(queue(Strategy::LongestIdle), &["anna"]);
    centre.call(1);
    centre.acd.keep_place(centre.now, &1, CallBackTime::InTurn).unwrap();
    // The offer that rang was that of a caller; the one that rings now is a call-back's.
    let offers: Vec<bool> = centre
        .said()
        .iter()
        .filter_map(|said| {
            if let Output::Offer { call_back, .. } = said {
                Some(*call_back)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(offers, [false, true]);
    centre.accept(1, "anna");
    assert!(matches!(
        centre.said().as_slice(),
        [
            ..,
            Output::CallBack {
                contact: 1,
                attempt: 1,
                ..
            },
            _
        ]
    ));
    centre.acd.called_back(centre.now, &1, CalledBack::Reached).unwrap();
    centre.end(1);
    assert_eq!(centre.ends(), [(1, Outcome::Handled)]);
}
