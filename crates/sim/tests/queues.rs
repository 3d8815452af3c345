//! Queues through the whole switchboard: rows Q1 to Q9 and Q12, T6 and P9, and what went wrong elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use sim::{Answer, CallState, Happening, Office, Phone, Sound};
use sip_core::StatusCode;
use support::*;
use switch::acd::{AgentState, OverflowCause, PauseReason, Strategy, WrapUp};
use switch::{Agent, Elsewhere, Event, Input, KeyAction, NotTaken, Queue, QueueEvent, QueueMember};

/// 1001 calls; 1002 to 1004 are the phones of the agents 1002 to 1004, who serve the queue 600. Agent 2001 has a PIN and no phone of
/// his own.
fn centre(change: impl Fn(&mut switch::Config)) -> Office {
    office(|config| {
        config.queues.push(Queue::new("600", "Sales"));
        for number in ["1002", "1003", "1004", "2001"] {
            let mut agent = Agent::new(number, &format!("Agent {number}"));
            agent.pin = (number == "2001").then(|| "4711".to_owned());
            agent.queues.push(QueueMember::new("600"));
            config.agents.push(agent);
        }
        change(config);
    })
}

/// Dials a code and waits until it is confirmed.
fn code(office: &mut Office, phone: usize, code: &str) {
    let call = dial(office, phone, code);
    assert_eq!(state(office, phone, call), None, "{:?}", log(office, phone));
}

fn agent_state(office: &Office, number: &str) -> AgentState {
    office
        .pbx()
        .switch()
        .agents()
        .find(|agent| agent.number == number)
        .unwrap()
        .state
}

fn story(office: &Office) -> Vec<QueueEvent> {
    let events = office.pbx().events().filter_map(|(_, event)| match event {
        Event::Queue { what, .. } => Some(what.clone()),
        _ => None,
    });
    events.collect()
}

fn happened(office: &Office, like: impl Fn(&QueueEvent) -> bool) -> usize {
    story(office).iter().filter(|event| like(event)).count()
}

/// Every contact that came ended exactly once.
fn books_are_closed(office: &Office) {
    let events = story(office);
    let came = events
        .iter()
        .filter(|event| matches!(event, QueueEvent::Arrived { .. }))
        .count();
    let ended = events.iter().filter(|event| event.is_last()).count();
    assert_eq!(came, ended, "{events:#?}");
}

fn finish(office: &mut Office) {
    hang_up_all(office);
    books_are_closed(office);
}

#[test]
fn a_caller_hears_music_until_an_agent_signs_on() {
    let mut office = centre(|_| {});
    let call = dial(&mut office, 0, "600");
    assert_eq!(state(&office, 0, call), Some(CallState::Talking), "answered at once");
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
    code(&mut office, 1, "*45");
    wait(&mut office, 3);
    talk(&mut office, 0, 1);
    assert_eq!(agent_state(&office, "1002"), AgentState::Busy);
    let rung = |what: &Happening| matches!(what, Happening::Rung { from, display: Some(name), .. } if from == "1001" && name == "Sales: Desk 1001");
    assert!(office.phone(1).went_through(rung), "{:?}", log(&office, 1));
    hang_up(&mut office, 0, call);
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    let waited = story(&office).into_iter().find_map(|event| match event {
        QueueEvent::Handled { waited, talked, agent } => Some((waited, talked, agent)),
        _ => None,
    });
    let (waited, talked, agent) = waited.unwrap();
    assert!(
        agent == "1002" && waited > SECOND * 9 && talked > SECOND * 10,
        "{waited:?} {talked:?}"
    );
    finish(&mut office);
}

#[test]
fn agents_pause_go_on_and_sign_off_by_code() {
    let mut office = centre(|_| {});
    code(&mut office, 1, "*45");
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    code(&mut office, 1, "*4712");
    assert_eq!(agent_state(&office, "1002"), AgentState::Paused(PauseReason::Wish(12)));
    let call = dial(&mut office, 0, "600");
    assert_eq!(office.phone(1).calls().count(), 0, "paused");
    code(&mut office, 1, "*48");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    // Whoever signs off in a call finishes it.
    let answered = only(&office, 1);
    office
        .phone_do(1, |phone, now| phone.hold(now, answered))
        .unwrap()
        .unwrap();
    let off = dial_now(&mut office, 1, "*46");
    wait(&mut office, 5);
    assert_eq!(state(&office, 1, off), None);
    assert_eq!(agent_state(&office, "1002"), AgentState::Busy);
    hang_up(&mut office, 0, call);
    assert_eq!(agent_state(&office, "1002"), AgentState::Off);
    // A reason that is none.
    code(&mut office, 1, "*4799999");
    assert_eq!(agent_state(&office, "1002"), AgentState::Off);
    finish(&mut office);
}

#[test]
fn an_agent_signs_on_at_any_phone_by_number_and_pin() {
    let mut office = centre(|_| {});
    // By the code and his number, then his PIN, at first a wrong one.
    let call = dial(&mut office, 3, "*452001");
    for keys in ["1#", "47*4711#"] {
        office
            .phone_do(3, |phone, now| phone.send_digits(now, call, keys))
            .unwrap()
            .unwrap();
        wait(&mut office, 4);
    }
    assert_eq!(agent_state(&office, "2001"), AgentState::Ready);
    assert_eq!(state(&office, 3, call), None);
    // He moves to another phone, where somebody else was signed on.
    code(&mut office, 2, "*45");
    let call = dial(&mut office, 2, "*452001");
    office
        .phone_do(2, |phone, now| phone.send_digits(now, call, "4711#"))
        .unwrap()
        .unwrap();
    wait(&mut office, 4);
    let at: Vec<_> = office
        .pbx()
        .switch()
        .agents()
        .filter_map(|agent| Some((agent.number, agent.at?)))
        .collect();
    assert_eq!(at, [("2001".to_owned(), "1003".to_owned())]);
    assert_eq!(agent_state(&office, "1003"), AgentState::Off);
    dial(&mut office, 0, "600");
    talk(&mut office, 0, 2);
    finish(&mut office);
}

#[test]
fn whoever_guesses_a_pin_is_hung_up() {
    let mut office = centre(|_| {});
    // 1001 is nobody's: it asks for the number first.
    let call = dial(&mut office, 0, "*45");
    for keys in ["2001#", "1#", "2#", "3#"] {
        office
            .phone_do(0, |phone, now| phone.send_digits(now, call, keys))
            .unwrap()
            .unwrap();
        wait(&mut office, 4);
    }
    assert_eq!(agent_state(&office, "2001"), AgentState::Off);
    assert_eq!(state(&office, 0, call), None);
    // Whoever dials nothing is hung up, too.
    let call = dial(&mut office, 0, "*45");
    wait(&mut office, 20);
    assert_eq!(state(&office, 0, call), None);
    finish(&mut office);
}

#[test]
fn of_all_who_ring_one_wins_and_the_others_stop() {
    let mut office = centre(|config| config.queues[0].rules.strategy = Strategy::RingAll);
    for phone in 1..4 {
        code(&mut office, phone, "*45");
        office.phone_config(phone, |config| config.answer = Answer::Manually);
    }
    dial(&mut office, 0, "600");
    for phone in 1..4 {
        assert_eq!(office.phone(phone).calls().count(), 1, "rings");
    }
    // Two in the same instant.
    for phone in [1, 3] {
        let ringing = only(&office, phone);
        office
            .phone_do(phone, |phone, now| phone.answer(now, ringing))
            .unwrap()
            .unwrap();
    }
    wait(&mut office, 2);
    let with: Vec<usize> = (1..4)
        .filter(|phone| office.phone(*phone).calls().count() == 1)
        .collect();
    assert_eq!(with.len(), 1);
    talk(&mut office, 0, with[0]);
    assert!(
        office
            .phone(2)
            .went_through(|what| matches!(what, Happening::Cancelled(_)))
    );
    assert_eq!(
        happened(&office, |event| matches!(event, QueueEvent::Answered { .. })),
        1
    );
    let taken = |event: &QueueEvent| {
        matches!(
            event,
            QueueEvent::NotTaken {
                why: NotTaken::Taken,
                ..
            }
        )
    };
    assert_eq!(happened(&office, taken), 2);
    finish(&mut office);
}

#[test]
fn a_caller_who_hangs_up_ends_the_ringing() {
    let mut office = centre(|_| {});
    code(&mut office, 1, "*45");
    office.phone_config(1, |config| config.answer = Answer::Manually);
    let call = dial(&mut office, 0, "600");
    assert_eq!(agent_state(&office, "1002"), AgentState::Ringing);
    hang_up(&mut office, 0, call);
    assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    assert_eq!(
        happened(&office, |event| matches!(
            event,
            QueueEvent::Abandoned { position: 1, .. }
        )),
        1
    );
    finish(&mut office);
}

#[test]
fn who_does_not_answer_or_refuses_loses_the_caller_to_the_next() {
    let mut office = centre(|config| {
        config.queues[0].rules.ring_time = SECOND * 5;
        config.queues[0].rules.strategy = Strategy::TopDown;
        config.queues[0].rules.no_answer_pause = SECOND * 60;
    });
    for phone in 1..4 {
        code(&mut office, phone, "*45");
    }
    office.phone_config(1, |config| config.answer = Answer::Manually);
    office.phone_config(2, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    dial(&mut office, 0, "600");
    wait(&mut office, 6);
    talk(&mut office, 0, 3);
    let why: Vec<NotTaken> = story(&office)
        .into_iter()
        .filter_map(|event| match event {
            QueueEvent::NotTaken { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert_eq!(why, [NotTaken::NotAnswered, NotTaken::Busy]);
    assert_eq!(
        agent_state(&office, "1002"),
        AgentState::Paused(PauseReason::NotAnswered)
    );
    finish(&mut office);
}

#[test]
fn wrap_up_follows_every_call_and_ends_by_code() {
    let mut office = centre(|config| config.queues[0].rules.wrap_up = WrapUp::Open);
    code(&mut office, 1, "*45");
    let first = dial(&mut office, 0, "600");
    hang_up(&mut office, 0, first);
    assert_eq!(agent_state(&office, "1002"), AgentState::WrapUp);
    dial(&mut office, 0, "600");
    assert_eq!(office.phone(1).calls().count(), 0);
    code(&mut office, 1, "*48");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

/// Elsewhere wrap-up was lost with a transfer.
#[test]
fn a_transfer_out_of_the_queue_keeps_the_wrap_up() {
    let mut office = centre(|config| config.queues[0].rules.wrap_up = WrapUp::Fixed(SECOND * 60));
    code(&mut office, 1, "*45");
    dial(&mut office, 0, "600");
    let answered = only(&office, 1);
    // To nobody: he has the caller again.
    assert_eq!(transfer(&mut office, 1, answered, "4711"), Some(StatusCode::NOT_FOUND));
    assert_eq!(agent_state(&office, "1002"), AgentState::Busy);
    office.phone_config(3, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    assert_eq!(transfer(&mut office, 1, answered, "1004"), Some(StatusCode::BUSY_HERE));
    assert_eq!(agent_state(&office, "1002"), AgentState::Busy);
    assert_eq!(transfer(&mut office, 1, answered, "1003"), Some(StatusCode::OK));
    assert_eq!(agent_state(&office, "1002"), AgentState::WrapUp);
    talk(&mut office, 0, 2);
    assert_eq!(
        happened(&office, |event| matches!(event, QueueEvent::Handled { .. })),
        1
    );
    wait(&mut office, 60);
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    finish(&mut office);
}

#[test]
fn an_attended_transfer_out_of_the_queue_keeps_the_wrap_up() {
    let mut office = centre(|config| config.queues[0].rules.wrap_up = WrapUp::Open);
    code(&mut office, 1, "*45");
    dial(&mut office, 0, "600");
    let answered = only(&office, 1);
    office
        .phone_do(1, |phone, now| phone.hold(now, answered))
        .unwrap()
        .unwrap();
    let consultation = dial(&mut office, 1, "1004");
    office
        .phone_do(1, |phone, now| phone.transfer_attended(now, answered, consultation))
        .unwrap()
        .unwrap();
    wait(&mut office, 4);
    talk(&mut office, 0, 3);
    assert_eq!(agent_state(&office, "1002"), AgentState::WrapUp);
    finish(&mut office);
}

fn two_queues(config: &mut switch::Config) {
    config.queues.push(Queue::new("610", "Support"));
    config.queues[1].raise = 3;
    for agent in &mut config.agents {
        if agent.number == "1003" {
            agent.queues = vec![QueueMember::new("610")];
        }
    }
}

#[test]
fn an_agent_transfers_his_caller_into_another_queue() {
    let mut office = centre(|config| {
        two_queues(config);
        config.queues[0].rules.wrap_up = WrapUp::Open;
    });
    code(&mut office, 1, "*45");
    dial(&mut office, 0, "600");
    // Somebody waits there already, but he came later.
    dial(&mut office, 3, "610");
    let answered = only(&office, 1);
    assert_eq!(transfer(&mut office, 1, answered, "610"), Some(StatusCode::OK));
    assert_eq!(agent_state(&office, "1002"), AgentState::WrapUp);
    assert_eq!(hears(&mut office, 0), Some(Sound::Other));
    let moved =
        |event: &QueueEvent| matches!(event, QueueEvent::Moved { from, cause: None, raised: 3 } if from == "600");
    assert_eq!(happened(&office, moved), 1);
    code(&mut office, 2, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 2);
    finish(&mut office);
}

#[test]
fn somebody_transfers_a_caller_into_a_queue_blindly_or_after_he_asked_there() {
    for attended in [false, true] {
        let mut office = centre(two_queues);
        // 1001 calls 1004, who is no agent.
        dial(&mut office, 0, "1004");
        let answered = only(&office, 3);
        if attended {
            office
                .phone_do(3, |phone, now| phone.hold(now, answered))
                .unwrap()
                .unwrap();
            let consultation = dial(&mut office, 3, "610");
            office
                .phone_do(3, |phone, now| phone.transfer_attended(now, answered, consultation))
                .unwrap()
                .unwrap();
            wait(&mut office, 4);
            assert_eq!(
                happened(&office, |event| matches!(event, QueueEvent::Replaced { .. })),
                1
            );
        } else {
            assert_eq!(transfer(&mut office, 3, answered, "610"), Some(StatusCode::OK));
        }
        assert_eq!(office.phone(3).calls().count(), 0, "{:?}", log(&office, 3));
        assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
        code(&mut office, 2, "*45");
        wait(&mut office, 2);
        talk(&mut office, 0, 2);
        finish(&mut office);
    }
}

#[test]
fn a_transfer_to_a_closed_queue_is_refused_and_the_call_stays() {
    let mut office = centre(two_queues);
    office
        .pbx_input(Input::QueueOpen {
            queue: "610".to_owned(),
            open: false,
        })
        .unwrap();
    code(&mut office, 1, "*45");
    dial(&mut office, 0, "600");
    let answered = only(&office, 1);
    assert_eq!(
        transfer(&mut office, 1, answered, "610"),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE)
    );
    talk(&mut office, 0, 1);
    dial(&mut office, 3, "1003");
    let other = only(&office, 3);
    assert_eq!(
        transfer(&mut office, 3, other, "610"),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE)
    );
    talk(&mut office, 2, 3);
    finish(&mut office);
}

#[test]
fn a_queue_that_is_closed_refuses_or_sends_on() {
    let mut office = centre(|config| config.queues[0].open = false);
    let call = dial(&mut office, 0, "600");
    assert_eq!(failure(&office, 0, call), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    office
        .pbx_input(Input::QueueOpen {
            queue: "600".to_owned(),
            open: true,
        })
        .unwrap();
    let call = dial(&mut office, 0, "600");
    assert_eq!(hears(&mut office, 0), Some(Sound::Other));
    hang_up(&mut office, 0, call);
    finish(&mut office);

    let mut office = centre(|config| {
        config.queues[0].open = false;
        config.queues[0].overflow = Some(Elsewhere::Number("1004".to_owned()));
    });
    dial(&mut office, 0, "600");
    talk(&mut office, 0, 3);
    let sent = |event: &QueueEvent| matches!(event, QueueEvent::Overflowed { cause: OverflowCause::Closed, to: Some(to), .. } if to == "1004");
    assert_eq!(happened(&office, sent), 1);
    finish(&mut office);
}

#[test]
fn who_waits_too_long_goes_on_to_a_number_a_message_or_another_queue() {
    let waiting = |to: Elsewhere| {
        centre(move |config| {
            two_queues(config);
            config.queues[0].rules.max_wait = Some(SECOND * 20);
            config.queues[0].overflow = Some(to.clone());
        })
    };
    let mut office = waiting(Elsewhere::Number("1004".to_owned()));
    dial(&mut office, 0, "600");
    wait(&mut office, 20);
    talk(&mut office, 0, 3);
    finish(&mut office);

    let mut office = waiting(Elsewhere::Message("sorry".to_owned()));
    let call = dial(&mut office, 0, "600");
    wait(&mut office, 20);
    assert_eq!(state(&office, 0, call), None, "heard it and was hung up");
    finish(&mut office);

    let mut office = waiting(Elsewhere::Number("610".to_owned()));
    dial(&mut office, 0, "600");
    wait(&mut office, 20);
    code(&mut office, 2, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 2);
    let moved = |event: &QueueEvent| {
        matches!(
            event,
            QueueEvent::Moved {
                cause: Some(OverflowCause::MaxWait),
                ..
            }
        )
    };
    assert_eq!(happened(&office, moved), 1);
    finish(&mut office);

    // Where nobody answers either, he is told so and hung up.
    let mut office = waiting(Elsewhere::Number("1004".to_owned()));
    office.phone_config(3, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    let call = dial(&mut office, 0, "600");
    wait(&mut office, 22);
    assert_eq!(state(&office, 0, call), None);
    finish(&mut office);
}

#[test]
fn keys_lead_out_of_the_queue() {
    let mut office = centre(|config| config.queues[0].keys.push(('0', KeyAction::Leave("1004".to_owned()))));
    let call = dial(&mut office, 0, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "50"))
        .unwrap()
        .unwrap();
    wait(&mut office, 3);
    talk(&mut office, 0, 3);
    assert_eq!(
        happened(
            &office,
            |event| matches!(event, QueueEvent::Left { to, .. } if to == "1004")
        ),
        1
    );
    finish(&mut office);
}

#[test]
fn a_caller_keeps_his_place_and_is_called_back() {
    let mut office = centre(|config| config.queues[0].keys.push(('2', KeyAction::CallBack)));
    let call = dial(&mut office, 0, "600");
    // Who comes after him waits behind him.
    dial(&mut office, 3, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    assert_eq!(state(&office, 0, call), None);
    office.phone_config(0, |config| config.answer = Answer::After(SECOND));
    code(&mut office, 1, "*45");
    wait(&mut office, 4);
    talk(&mut office, 0, 1);
    assert_eq!(
        happened(&office, |event| matches!(
            event,
            QueueEvent::CallBackDialled { attempt: 1, .. }
        )),
        1
    );
    assert_eq!(agent_state(&office, "1002"), AgentState::Busy);
    let back = only(&office, 0);
    hang_up(&mut office, 0, back);
    wait(&mut office, 2);
    talk(&mut office, 1, 3);
    finish(&mut office);
}

#[test]
fn who_is_not_reached_is_tried_again_and_the_agent_is_free_at_once() {
    let mut office = centre(|config| {
        config.queues[0].keys.push(('2', KeyAction::CallBack));
        config.queues[0].rules.call_backs.attempts = 2;
        config.queues[0].rules.call_backs.retry_after = SECOND * 60;
    });
    let call = dial(&mut office, 0, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    office.phone_config(0, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
    code(&mut office, 1, "*45");
    wait(&mut office, 4);
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    assert_eq!(office.phone(1).calls().count(), 0, "{:?}", log(&office, 1));
    dial(&mut office, 3, "600");
    talk(&mut office, 1, 3);
    wait(&mut office, 60);
    let busy = only(&office, 3);
    hang_up(&mut office, 3, busy);
    wait(&mut office, 4);
    assert_eq!(
        happened(&office, |event| matches!(
            event,
            QueueEvent::CallBackFailed { status: 486 }
        )),
        2
    );
    assert_eq!(happened(&office, |event| matches!(event, QueueEvent::NotReached)), 1);
    finish(&mut office);
}

#[test]
fn who_calls_again_has_the_place_of_his_call_back() {
    let mut office = centre(|config| config.queues[0].keys.push(('2', KeyAction::CallBack)));
    let call = dial(&mut office, 0, "600");
    dial(&mut office, 3, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    dial(&mut office, 0, "600");
    assert_eq!(happened(&office, |event| matches!(event, QueueEvent::Superseded)), 1);
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

/// He calls while the agent already hears it ring at his phone.
#[test]
fn who_calls_again_while_he_is_called_back_is_connected_once() {
    let mut office = centre(|config| config.queues[0].keys.push(('2', KeyAction::CallBack)));
    let call = dial(&mut office, 0, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    office.phone_config(0, |config| config.answer = Answer::Manually);
    code(&mut office, 1, "*45");
    wait(&mut office, 4);
    assert_eq!(office.phone(0).calls().count(), 1, "rings");
    dial(&mut office, 0, "600");
    wait(&mut office, 3);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

#[test]
fn an_agent_who_gives_up_while_the_customer_rings_is_free() {
    let mut office = centre(|config| {
        config.queues[0].keys.push(('2', KeyAction::CallBack));
        config.queues[0].rules.call_backs.attempts = 1;
    });
    let call = dial(&mut office, 0, "600");
    office
        .phone_do(0, |phone, now| phone.send_digits(now, call, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    office.phone_config(0, |config| config.answer = Answer::Manually);
    code(&mut office, 1, "*45");
    wait(&mut office, 4);
    let waiting = only(&office, 1);
    hang_up(&mut office, 1, waiting);
    assert_eq!(office.phone(0).calls().count(), 0, "{:?}", log(&office, 0));
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    finish(&mut office);
}

/// Elsewhere an agent whose phone was torn out stayed in the call for ever.
#[test]
fn an_agent_whose_phone_vanishes_is_freed_and_his_caller_goes_to_the_next() {
    let mut office = centre(|config| config.rtp_timeout = Some(SECOND * 20));
    code(&mut office, 1, "*45");
    dial(&mut office, 0, "600");
    talk(&mut office, 0, 1);
    code(&mut office, 2, "*45");
    office.phone_do(1, Phone::vanish).unwrap();
    wait(&mut office, 30);
    assert_eq!(agent_state(&office, "1002"), AgentState::Unreachable);
    talk(&mut office, 0, 2);
    assert_eq!(
        happened(&office, |event| matches!(event, QueueEvent::AgentLost { .. })),
        1
    );
    // He is back once his phone is.
    office
        .phone_do(1, |phone, now| {
            phone.restart(now);
            phone.register(now).unwrap();
        })
        .unwrap();
    wait(&mut office, 3);
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    finish(&mut office);
}

#[test]
fn a_phone_that_says_nothing_at_all_is_out_of_reach() {
    let mut office = centre(|config| config.queues[0].rules.ring_time = SECOND * 10);
    code(&mut office, 1, "*45");
    office.phone_do(1, Phone::vanish).unwrap();
    dial(&mut office, 0, "600");
    wait(&mut office, 12);
    assert_eq!(agent_state(&office, "1002"), AgentState::Unreachable);
    finish(&mut office);
}

#[test]
fn an_agent_whose_registration_is_taken_back_is_out_of_reach_until_it_returns() {
    let mut office = centre(|_| {});
    code(&mut office, 1, "*45");
    office.phone_do(1, Phone::unregister).unwrap().unwrap();
    wait(&mut office, 2);
    assert_eq!(agent_state(&office, "1002"), AgentState::Unreachable);
    dial(&mut office, 0, "600");
    office.phone_do(1, Phone::register).unwrap().unwrap();
    wait(&mut office, 3);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

#[test]
fn a_queue_may_ring_without_answering() {
    let mut office = centre(|config| {
        config.queues[0].answers = false;
        config.queues[0].overflow = Some(Elsewhere::Number("1004".to_owned()));
    });
    let call = dial(&mut office, 0, "600");
    assert_eq!(state(&office, 0, call), Some(CallState::Calling));
    let rings = |what: &Happening| matches!(what, Happening::Progress { status, .. } if *status == StatusCode::RINGING);
    assert!(office.phone(0).went_through(rings));
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    let first = only(&office, 0);
    hang_up(&mut office, 0, first);
    code(&mut office, 1, "*46");
    // Nobody is there: after the longest wait the next number rings.
    dial(&mut office, 0, "600");
    wait(&mut office, 171);
    talk(&mut office, 0, 3);
    finish(&mut office);
}

#[test]
fn a_parked_call_is_offered_to_whoever_comes_free() {
    let mut office = centre(|config| config.lots[0].queue = Some("600".to_owned()));
    dial(&mut office, 0, "1004");
    let answered = only(&office, 3);
    assert_eq!(transfer(&mut office, 3, answered, "700"), Some(StatusCode::OK));
    assert_eq!(slots(&office), [701]);
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    assert!(slots(&office).is_empty());
    let retrieved = |event: &Event| matches!(event, Event::Retrieved { by, recall: false, .. } if by == "1002");
    assert_eq!(office.pbx().events().filter(|(_, event)| retrieved(event)).count(), 1);
    finish(&mut office);
}

#[test]
fn a_parked_call_that_somebody_fetches_is_no_longer_offered() {
    let mut office = centre(|config| config.lots[0].queue = Some("600".to_owned()));
    code(&mut office, 1, "*45");
    office.phone_config(1, |config| config.answer = Answer::Manually);
    dial(&mut office, 0, "1004");
    let answered = only(&office, 3);
    assert_eq!(transfer(&mut office, 3, answered, "700"), Some(StatusCode::OK));
    assert_eq!(agent_state(&office, "1002"), AgentState::Ringing);
    dial(&mut office, 2, "701");
    talk(&mut office, 0, 2);
    assert_eq!(agent_state(&office, "1002"), AgentState::Ready);
    assert_eq!(
        happened(
            &office,
            |event| matches!(event, QueueEvent::Retrieved { by, .. } if by == "1003")
        ),
        1
    );
    finish(&mut office);
}

#[test]
fn callers_are_welcomed_and_told_where_they_stand() {
    let mut office = centre(|config| {
        let queue = &mut config.queues[0];
        queue.welcome = Some("welcome".to_owned());
        queue.messages = vec!["advertisement".to_owned()];
        queue.rules.announcements.first = Some(SECOND * 5);
        queue.rules.announcements.every = SECOND * 10;
        queue.rules.announcements.message_every = SECOND * 7;
    });
    dial(&mut office, 0, "600");
    wait(&mut office, 40);
    assert_eq!(hears(&mut office, 0), Some(Sound::Other));
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

#[test]
fn a_switch_that_stops_rings_nobody_any_more() {
    let mut office = centre(|config| config.queues[0].keys.push(('2', KeyAction::CallBack)));
    code(&mut office, 1, "*45");
    let call = dial(&mut office, 0, "600");
    dial(&mut office, 2, "600");
    let waiting = dial(&mut office, 3, "600");
    office
        .phone_do(3, |phone, now| phone.send_digits(now, waiting, "2"))
        .unwrap()
        .unwrap();
    wait(&mut office, 5);
    let rung = office
        .phone(1)
        .log()
        .filter(|entry| matches!(entry.what, Happening::Rung { .. }))
        .count();
    office.pbx_input(Input::Shutdown).unwrap();
    wait(&mut office, 5);
    assert_eq!(state(&office, 0, call), None);
    assert_eq!(
        office
            .phone(1)
            .log()
            .filter(|entry| matches!(entry.what, Happening::Rung { .. }))
            .count(),
        rung
    );
    finish(&mut office);
}

#[test]
fn a_group_that_nobody_answers_and_a_recall_go_on_to_a_queue() {
    let mut office = centre(|config| {
        let mut group = switch::Group::new("500", ["1004"]);
        group.chase.timeout = SECOND * 5;
        group.chase.otherwise = switch::Otherwise::Number("600".to_owned());
        config.groups.push(group);
        config.lots[0].recall_after = SECOND * 20;
        config.lots[0].recall_to = vec![switch::RecallTarget::Number("600".to_owned())];
    });
    office.phone_config(3, |config| config.answer = Answer::Manually);
    let call = dial(&mut office, 0, "500");
    wait(&mut office, 5);
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    hang_up(&mut office, 0, call);
    code(&mut office, 1, "*46");
    // A parked call that nobody fetches.
    dial(&mut office, 0, "1003");
    let answered = only(&office, 2);
    assert_eq!(transfer(&mut office, 2, answered, "700"), Some(StatusCode::OK));
    wait(&mut office, 15);
    assert!(slots(&office).is_empty());
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    finish(&mut office);
}

#[test]
fn a_transfer_to_a_group_that_nobody_answers_ends_in_the_queue() {
    let mut office = centre(|config| {
        let mut group = switch::Group::new("500", ["1004"]);
        group.chase.timeout = SECOND * 3;
        group.chase.otherwise = switch::Otherwise::Number("600".to_owned());
        config.groups.push(group);
    });
    office.phone_config(3, |config| config.answer = Answer::Manually);
    dial(&mut office, 0, "1003");
    let answered = only(&office, 2);
    assert_eq!(transfer(&mut office, 2, answered, "500"), Some(StatusCode::OK));
    assert_eq!(hears(&mut office, 0), Some(Sound::Other), "music");
    code(&mut office, 1, "*45");
    wait(&mut office, 2);
    talk(&mut office, 0, 1);
    finish(&mut office);
}
