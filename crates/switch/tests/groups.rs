//! Groups: whom they ring and when, who wins, and what a caller gets if nobody does (row Q10).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::time::Duration;

use rtp_media::{PromptItem, Source};
use sip_core::{Body, Event as Sip, HeaderName, Reply, Request, StatusCode};
use support::*;
use switch::{
    Chase, Config, ConfigError, EndCause, Event, Extension, Group, MAX_CHASE, MAX_DIVERSIONS, MAX_GROUP_DEPTH,
    MAX_MEMBERS, MAX_RUNG, Member, Mode, Otherwise, Place, RecallTarget,
};

const BUSY: StatusCode = StatusCode::BUSY_HERE;
const UNAVAILABLE: StatusCode = StatusCode::TEMPORARILY_UNAVAILABLE;

/// A desk whose phones say that they ring.
fn desk_with(change: impl Fn(&mut Config)) -> Desk {
    let mut desk = Desk::new(change);
    desk.alerting = true;
    desk
}

/// The same, with the group 500 of phones 1 to 3.
fn desk(change: impl Fn(&mut Chase)) -> Desk {
    desk_with(|config| {
        let mut group = Group::new("500", ["1002", "1003", "1004"]);
        change(&mut group.chase);
        config.groups.push(group);
    })
}

fn in_turn(chase: &mut Chase) {
    chase.mode = Mode::Sequential;
}

/// How often each phone has been rung.
fn rings(desk: &Desk) -> [usize; 4] {
    [0, 1, 2, 3].map(|phone| desk.rings(phone))
}

/// The reasons that a phone was given for no longer being rung.
fn cancelled(desk: &Desk, phone: usize) -> Vec<Option<String>> {
    let events = desk.inbox[phone].iter().filter_map(|event| match event {
        Sip::Cancelled { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    events.collect()
}

/// The last INVITE by which a phone was rung.
fn invite(desk: &Desk, phone: usize) -> Request {
    let mut rung = desk.inbox[phone].iter().rev().filter_map(|event| match event {
        Sip::Invite { request, .. } => Some(request.clone()),
        _ => None,
    });
    rung.next().expect("the phone was rung")
}

fn diversions(desk: &Desk) -> Vec<(String, String, u16)> {
    let events = desk.events.iter().filter_map(|event| match event {
        Event::Diverted { from, to, status, .. } => Some((from.clone(), to.clone(), *status)),
        _ => None,
    });
    events.collect()
}

#[test]
fn all_ring_one_wins_and_the_others_are_told_that_somebody_has_it() {
    let mut desk = desk(|_| {});
    let caller = desk.dial(0, "500");
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    let winner = desk.answer(2);
    assert!(desk.talk(0, 2));
    for phone in [1, 3] {
        let reasons = cancelled(&desk, phone);
        assert_eq!(reasons.len(), 1);
        let reason = reasons[0].as_deref().unwrap();
        assert!(
            reason.contains("cause=200") && reason.contains("completed elsewhere"),
            "{reason}"
        );
    }
    assert_eq!(
        desk.count(|event| matches!(event, Event::CallAnswered { by, .. } if by == "1003")),
        1
    );
    desk.hang_up(2, winner);
    assert!(desk.ended(0, caller));
    desk.check_idle();
}

/// The named race: two 200s cross.
#[test]
fn of_two_who_answer_at_once_one_has_the_call_and_the_other_is_hung_up() {
    let mut desk = desk(|_| {});
    desk.dial(0, "500");
    let now = desk.now;
    for phone in [3, 1] {
        let (session, reply) = (desk.rung(phone), Reply::new().body(Body::sdp(sdp(phone, "sendrecv"))));
        desk.phones[phone].answer(now, session, reply).unwrap();
    }
    desk.pump();
    assert!(desk.talk(0, 1), "the first that arrives");
    assert_eq!(desk.legs(3), []);
    let lost = desk.rung(3);
    assert!(desk.ended(3, lost));
    assert_eq!(desk.count(|event| matches!(event, Event::CallAnswered { .. })), 1);
    let winner = desk.rung(1);
    desk.hang_up(1, winner);
    desk.check_idle();
}

/// The named race, in both orders: the caller's CANCEL and a member's 200.
#[test]
fn a_caller_who_hangs_up_in_the_instant_of_an_answer_leaves_nothing_behind() {
    for caller_first in [true, false] {
        let mut desk = desk(|_| {});
        let caller = desk.dial(0, "500");
        let now = desk.now;
        let (session, reply) = (desk.rung(1), Reply::new().body(Body::sdp(sdp(1, "sendrecv"))));
        if caller_first {
            desk.phones[0].hang_up(now, caller, None).unwrap();
            desk.phones[1].answer(now, session, reply).unwrap();
        } else {
            // The phone's packets come first if the caller's come last.
            desk.phones[1].answer(now, session, reply).unwrap();
            desk.deaf = vec![0];
            desk.pump();
            desk.deaf.clear();
            desk.phones[0].hang_up(now, caller, None).unwrap();
        }
        desk.pump();
        desk.wait(SECOND * 40);
        assert_eq!(desk.switch.legs().count(), 0, "caller first: {caller_first}");
        for phone in [2, 3] {
            assert_eq!(cancelled(&desk, phone).len(), 1);
        }
        desk.check_idle();
    }
}

#[test]
fn the_callers_hang_up_stops_all_in_the_same_step() {
    let mut desk = desk(|chase| chase.members[2].delay = SECOND * 5);
    let caller = desk.dial(0, "500");
    desk.hang_up(0, caller);
    assert_eq!(desk.switch.legs().count(), 0);
    for phone in [1, 2] {
        assert_eq!(cancelled(&desk, phone), [None], "missed");
    }
    desk.wait(SECOND * 30);
    assert_eq!(rings(&desk), [0, 1, 1, 0], "nobody rings for a call that is gone");
    desk.check_idle();
}

#[test]
fn members_ring_one_after_the_other() {
    let mut desk = desk(|chase| {
        in_turn(chase);
        chase.members[1].ring = Some(SECOND * 5);
        chase.members[2].delay = SECOND * 2;
    });
    let caller = desk.dial(0, "500");
    assert_eq!(rings(&desk), [0, 1, 0, 0]);
    desk.reject(1, BUSY);
    assert_eq!(rings(&desk), [0, 1, 1, 0], "the next at once");
    desk.wait(Duration::from_millis(4_999));
    assert_eq!(cancelled(&desk, 2), []);
    desk.wait(Duration::from_millis(1));
    assert_eq!(cancelled(&desk, 2), [None]);
    assert_eq!(rings(&desk), [0, 1, 1, 0], "a pause");
    desk.wait(SECOND * 2);
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    desk.answer(3);
    assert!(desk.talk(0, 3));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn a_circular_group_begins_with_the_next_each_time() {
    let mut desk = desk(|chase| chase.mode = Mode::Circular);
    for first in [1, 2, 3, 1] {
        let before = desk.rings(first);
        let caller = desk.dial(0, "500");
        assert_eq!(desk.rings(first), before + 1, "{first}");
        desk.hang_up(0, caller);
    }
    assert_eq!(rings(&desk), [0, 2, 1, 1]);
    desk.check_idle();
}

#[test]
fn delays_are_kept_and_cut_short_when_nobody_rings() {
    let delayed = |chase: &mut Chase| {
        chase.members[1].delay = SECOND * 10;
        chase.members[2].delay = SECOND * 15;
    };
    let mut patient = desk(delayed);
    let caller = patient.dial(0, "500");
    patient.wait(SECOND * 9);
    assert_eq!(rings(&patient), [0, 1, 0, 0]);
    patient.wait(SECOND);
    assert_eq!(rings(&patient), [0, 1, 1, 0]);
    patient.hang_up(0, caller);
    patient.check_idle();

    let mut desk = desk(delayed);
    let caller = desk.dial(0, "500");
    desk.wait(SECOND * 2);
    desk.reject(1, StatusCode::DECLINE);
    assert_eq!(rings(&desk), [0, 1, 1, 0], "nobody rang");
    desk.wait(SECOND * 5);
    assert_eq!(rings(&desk), [0, 1, 1, 1], "five seconds after the other, as before");
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// The named race: with the last member's refusal the call is decided in the same step.
#[test]
fn when_the_last_member_rejects_the_caller_is_told_at_once() {
    let cases = [
        (
            [StatusCode::DECLINE, StatusCode::DECLINE, StatusCode::DECLINE],
            UNAVAILABLE,
        ),
        ([UNAVAILABLE, BUSY, StatusCode::DECLINE], BUSY),
        ([BUSY, BUSY, BUSY], BUSY),
        (
            [StatusCode::MOVED_TEMPORARILY, UNAVAILABLE, StatusCode::NOT_FOUND],
            UNAVAILABLE,
        ),
    ];
    for (answers, expected) in cases {
        let mut desk = desk(|_| {});
        let caller = desk.dial(0, "500");
        for (phone, status) in (1..).zip(answers) {
            assert_eq!(desk.failure(0, caller), None);
            desk.reject(phone, status);
        }
        assert_eq!(desk.failure(0, caller), Some(expected), "{answers:?}");
        desk.check_idle();
    }
}

#[test]
fn after_the_whole_time_nobody_rings_any_more() {
    let mut desk = desk(|chase| chase.timeout = SECOND * 20);
    let caller = desk.dial(0, "500");
    desk.reject(1, BUSY);
    desk.wait(Duration::from_millis(19_999));
    assert_eq!(desk.failure(0, caller), None);
    desk.wait(Duration::from_millis(1));
    assert_eq!(desk.failure(0, caller), Some(BUSY), "one was");
    for phone in [2, 3] {
        assert_eq!(cancelled(&desk, phone), [None]);
    }
    desk.check_idle();
}

/// The named race: a phone is switched off while it rings.
#[test]
fn a_member_that_unregisters_while_it_rings_gives_way_to_the_next() {
    let mut desk = desk(in_turn);
    let caller = desk.dial(0, "500");
    desk.register(1, 0);
    assert_eq!(rings(&desk), [0, 1, 1, 0]);
    assert_eq!(cancelled(&desk, 1), [None]);
    desk.reject(2, BUSY);
    desk.register(3, 0);
    assert_eq!(desk.failure(0, caller), Some(BUSY), "nobody is left");
    desk.check_idle();
}

#[test]
fn who_is_in_a_call_is_passed_over_if_the_group_says_so() {
    for skip in [true, false] {
        let mut desk = desk(|chase| chase.skip_busy = skip);
        let (first, _) = desk.call(1, 2);
        let caller = desk.dial(0, "500");
        assert_eq!(rings(&desk), if skip { [0, 0, 1, 1] } else { [0, 1, 2, 1] });
        desk.hang_up(0, caller);
        desk.hang_up(1, first);
        desk.check_idle();
    }
}

/// Who only rings may be rung by a second call, or the group would be busy to it although all are free.
#[test]
fn two_callers_of_a_group_both_ring_it() {
    let mut desk = desk_with(|config| config.groups.push(Group::new("500", ["1003", "1004"])));
    let first = desk.dial(0, "500");
    desk.dial(1, "500");
    assert_eq!(rings(&desk), [0, 0, 2, 2]);
    let winner = desk.answer(2); // the second call
    desk.hang_up(0, first);
    assert!(desk.talk(1, 2));
    desk.hang_up(2, winner);
    desk.check_idle();
}

#[test]
fn nobody_rings_himself() {
    let mut desk = desk(|_| {});
    let caller = desk.dial(1, "500");
    assert_eq!(rings(&desk), [0, 0, 1, 1]);
    desk.hang_up(1, caller);
    desk.check_idle();
}

#[test]
fn an_unanswered_call_goes_on_and_says_where_it_came_by() {
    let mut desk = desk_with(|config| {
        let mut group = Group::new("500", ["1002"]);
        group.chase.timeout = SECOND * 10;
        group.chase.otherwise = Otherwise::Number("501".to_owned());
        config.groups.push(group);
        let mut group = Group::new("501", ["1003"]);
        group.chase.otherwise = Otherwise::Number("1004".to_owned());
        config.groups.push(group);
    });
    let caller = desk.dial(0, "500");
    assert_eq!(invite(&desk, 1).headers().get(&HeaderName::Diversion), None);
    desk.wait(SECOND * 10);
    let diversion = |desk: &Desk, phone| {
        let request = invite(desk, phone);
        let all = request.headers().values(&HeaderName::Diversion);
        all.map(|value| String::from_utf8_lossy(value).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(diversion(&desk, 2), ["<sip:500@pbx.test>;reason=no-answer"]);
    desk.reject(2, BUSY);
    let both = [
        "<sip:501@pbx.test>;reason=user-busy",
        "<sip:500@pbx.test>;reason=no-answer",
    ];
    assert_eq!(diversion(&desk, 3), both);
    let went = [("500", "501", 480), ("501", "1004", 486)];
    assert_eq!(
        diversions(&desk),
        went.map(|(from, to, status)| (from.to_owned(), to.to_owned(), status))
    );
    desk.answer(3);
    assert!(desk.talk(0, 3));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn calls_do_not_go_round_in_circles() {
    let mut desk = desk_with(|config| {
        for (number, member, other) in [("500", "1002", "501"), ("501", "1003", "500")] {
            let mut group = Group::new(number, [member]);
            group.chase.otherwise = Otherwise::Number(other.to_owned());
            config.groups.push(group);
        }
    });
    let caller = desk.dial(0, "500");
    desk.reject(1, UNAVAILABLE);
    desk.reject(2, UNAVAILABLE);
    assert_eq!(rings(&desk), [0, 1, 1, 0]);
    assert_eq!(desk.failure(0, caller), Some(UNAVAILABLE));
    desk.check_idle();
}

#[test]
fn a_call_is_sent_on_only_so_often() {
    let chain = |groups: usize| {
        let mut desk = desk_with(|config| {
            for group in 0..groups {
                let mut entry = Group::new(&format!("5{group:02}"), ["1002"]);
                entry.chase.otherwise = Otherwise::Number(format!("5{:02}", group + 1));
                config.groups.push(entry);
            }
            config.groups.push(Group::new(&format!("5{groups:02}"), ["1003"]));
        });
        let caller = desk.dial(0, "500");
        while desk.failure(0, caller).is_none() && desk.rings(2) == 0 {
            desk.reject(1, UNAVAILABLE);
        }
        (desk.rings(1), desk.rings(2))
    };
    let most = usize::try_from(MAX_DIVERSIONS).unwrap();
    assert_eq!(chain(most), (most, 1));
    assert_eq!(chain(most + 1), (most + 1, 0));
}

#[test]
fn a_caller_may_be_refused_as_configured_or_told_why() {
    let mut refusing = desk(|chase| chase.otherwise = Otherwise::Status(404));
    let caller = refusing.dial(0, "500");
    for phone in 1..4 {
        refusing.reject(phone, BUSY);
    }
    assert_eq!(refusing.failure(0, caller), Some(StatusCode::NOT_FOUND));
    refusing.check_idle();

    let mut desk = desk(|chase| {
        chase.otherwise = Otherwise::Message("closed".to_owned());
        chase.timeout = SECOND;
    });
    let caller = desk.dial(0, "500");
    desk.wait(SECOND);
    assert_eq!(desk.place(0), Place::Leaving);
    assert_eq!(
        desk.hears(0),
        Some(Source::Prompt(vec![PromptItem::Sound("closed".to_owned())]))
    );
    assert_eq!(
        desk.count(|event| matches!(event, Event::CallAnswered { by, .. } if by == "500")),
        1
    );
    desk.announced(0);
    assert!(desk.ended(0, caller));
    desk.check_idle();
}

#[test]
fn who_answers_sees_for_whom_and_hears_it_ring_otherwise() {
    let mut desk = desk(|chase| {
        chase.prefix = Some("Sales".to_owned());
        chase.alert = Some("<urn:alert:service:call-waiting>".to_owned());
    });
    let caller = desk.dial(0, "500");
    let request = invite(&desk, 1);
    assert_eq!(request.from().unwrap().display.as_deref(), Some("Sales: Desk 1001"));
    let alert = request.headers().get_str(&HeaderName::AlertInfo);
    assert_eq!(alert, Some("<urn:alert:service:call-waiting>"));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn an_extension_is_found_where_it_says() {
    let mut desk = desk_with(|config| {
        let mut chase = Chase::new([Member::new("1002"), Member::new("1003").after(SECOND * 5)]);
        chase.otherwise = Otherwise::Number("1004".to_owned());
        chase.timeout = SECOND * 20;
        config.extensions[1].find_me = Some(chase);
        config.groups.push(Group::new("500", ["1002"]));
    });
    let caller = desk.dial(0, "1002");
    assert_eq!(rings(&desk), [0, 1, 0, 0]);
    desk.wait(SECOND * 5);
    assert_eq!(rings(&desk), [0, 1, 1, 0]);
    desk.wait(SECOND * 15);
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    desk.hang_up(0, caller);
    // As a group's member it is its own phones alone: who is wanted there is somebody of the group.
    let caller = desk.dial(0, "500");
    desk.wait(SECOND * 30);
    assert_eq!(rings(&desk), [0, 2, 1, 1]);
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn a_group_in_a_group_has_its_own_order_and_nobody_is_rung_twice() {
    let mut desk = desk_with(|config| {
        let mut inner = Group::new("501", ["1003", "1004"]);
        in_turn(&mut inner.chase);
        inner.chase.timeout = SECOND * 30;
        inner.chase.otherwise = Otherwise::Number("1001".to_owned()); // does not count here
        config.groups.push(inner);
        config.groups.push(Group::new("500", ["1002", "501", "1003"]));
    });
    let caller = desk.dial(0, "500");
    assert_eq!(rings(&desk), [0, 1, 1, 0]);
    desk.wait(SECOND * 15);
    assert_eq!((rings(&desk), cancelled(&desk, 2).len()), ([0, 1, 1, 1], 1));
    desk.wait(SECOND * 15);
    assert_eq!(cancelled(&desk, 3), [None], "the inner group's time is over");
    assert_eq!(cancelled(&desk, 1), []);
    desk.wait(SECOND * 30);
    assert_eq!(desk.failure(0, caller), Some(UNAVAILABLE));
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    desk.check_idle();
}

#[test]
fn a_transfer_to_a_group_completes_goes_on_or_comes_back() {
    // Answered.
    let mut desk = desk_with(|config| config.groups.push(Group::new("500", ["1003", "1004"])));
    let (caller, callee) = desk.call(0, 1);
    desk.refer(1, callee, "500");
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    desk.answer(3);
    assert!(desk.talk(0, 3));
    assert_eq!(desk.transfer_result(1), Some(StatusCode::OK));
    desk.hang_up(0, caller);
    desk.wait(SECOND * 3);
    desk.check_idle();

    // Nobody, and then the number after it.
    let going_on = |otherwise: Otherwise| {
        let mut desk = desk_with(|config| {
            let mut group = Group::new("500", ["1003"]);
            group.chase.otherwise = otherwise.clone();
            config.groups.push(group);
        });
        let (caller, callee) = desk.call(0, 1);
        desk.refer(1, callee, "500");
        desk.reject(2, BUSY);
        (desk, caller)
    };
    let (mut desk, caller) = going_on(Otherwise::Number("1004".to_owned()));
    assert_eq!(desk.transfer_result(1), None);
    desk.answer(3);
    assert!(desk.talk(0, 3));
    assert_eq!(desk.transfer_result(1), Some(StatusCode::OK));
    desk.hang_up(0, caller);
    desk.wait(SECOND * 3);
    desk.check_idle();

    // Nobody: the call is again where it was.
    for otherwise in [
        Otherwise::Refuse,
        Otherwise::Message("closed".to_owned()),
        Otherwise::Status(603),
    ] {
        let expected = if matches!(otherwise, Otherwise::Status(_)) {
            StatusCode::DECLINE
        } else {
            BUSY
        };
        let (mut desk, caller) = going_on(otherwise);
        assert_eq!(desk.transfer_result(1), Some(expected));
        assert!(desk.talk(0, 1));
        desk.hang_up(0, caller);
        desk.check_idle();
    }
}

#[test]
fn a_transfer_can_be_completed_while_the_group_rings_and_phones_that_ring_later_show_the_caller() {
    let mut desk = desk_with(|config| {
        let mut group = Group::new("500", ["1003", "1004"]);
        in_turn(&mut group.chase);
        config.groups.push(group);
    });
    let (caller, callee) = desk.call(0, 1);
    let consultation = desk.dial(1, "500");
    assert_eq!(invite(&desk, 2).from().unwrap().uri.user().as_deref(), Some("1002"));
    desk.refer_attended(1, callee, consultation);
    desk.wait(SECOND * 15);
    assert_eq!(invite(&desk, 3).from().unwrap().uri.user().as_deref(), Some("1001"));
    desk.answer(3);
    assert!(desk.talk(0, 3));
    desk.hang_up(0, caller);
    desk.wait(SECOND * 3);
    desk.check_idle();
}

/// Row P6: a parked call's recall rings a group, for the lot's time, and then goes on as the lot says.
#[test]
fn a_recall_may_ring_a_group() {
    let mut desk = desk_with(|config| {
        let mut group = Group::new("500", ["1003", "1004"]);
        group.chase.otherwise = Otherwise::Number("1002".to_owned()); // the lot decides instead
        config.groups.push(group);
        config.lots[0].recall_to = vec![RecallTarget::Number("500".to_owned())];
        config.lots[0].recall_ring = SECOND * 10;
    });
    let (_, callee) = desk.call(0, 1);
    desk.refer(1, callee, "700");
    desk.announced(1);
    desk.hang_up(1, callee);
    desk.wait(SECOND * 45);
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    assert!(
        invite(&desk, 2)
            .from()
            .unwrap()
            .display
            .unwrap()
            .starts_with("Park 701")
    );
    desk.wait(SECOND * 10);
    assert_eq!(desk.count(|event| matches!(event, Event::ParkedAgain { .. })), 1);
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    desk.wait(SECOND * 45);
    // Somebody fetches it in the meantime: who rings is told.
    let fetched = desk.dial(1, "701");
    assert!(desk.talk(0, 1));
    assert!(cancelled(&desk, 2)[1].as_deref().unwrap().contains("cause=200"));
    desk.hang_up(1, fetched);
    desk.check_idle();
}

#[test]
fn the_end_of_the_switch_ends_a_ringing_group() {
    let mut desk = desk(|chase| chase.otherwise = Otherwise::Number("1001".to_owned()));
    desk.dial(0, "500");
    desk.input(switch::Input::Shutdown);
    assert_eq!(desk.switch.legs().count(), 0);
    assert_eq!(rings(&desk), [0, 1, 1, 1]);
    let causes = desk.events.iter().filter_map(|event| match event {
        Event::CallEnded(record) => Some(record.cause),
        _ => None,
    });
    assert_eq!(causes.collect::<Vec<_>>(), [EndCause::Shutdown]);
    desk.check_idle();
}

fn fault(change: impl FnOnce(&mut Config)) -> Option<ConfigError> {
    let mut config = config();
    config.groups.push(Group::new("500", ["1002"]));
    change(&mut config);
    config.check().err()
}

#[test]
fn a_group_that_cannot_work_is_refused() {
    let number = |number: &str| number.to_owned();
    assert_eq!(fault(|_| {}), None);
    assert_eq!(
        fault(|c| c.groups[0].number = number("701")),
        Some(ConfigError::NumberTwice(number("701")))
    );
    assert_eq!(
        fault(|c| c.groups[0].chase.members.clear()),
        Some(ConfigError::BadMembers(number("500")))
    );
    for member in ["700", "701", "4711"] {
        let added = fault(|c| c.groups[0].chase.members.push(Member::new(member)));
        assert_eq!(added, Some(ConfigError::BadMember(number(member))));
        let otherwise = fault(|c| c.groups[0].chase.otherwise = Otherwise::Number(number(member)));
        assert_eq!(otherwise, Some(ConfigError::BadOtherwise(number(member))));
    }
    for status in [0, 200, 302, 399, 700] {
        let refused = fault(|c| c.groups[0].chase.otherwise = Otherwise::Status(status));
        assert_eq!(refused, Some(ConfigError::BadStatus(status)));
    }
    let ring = |ring| move |c: &mut Config| c.groups[0].chase.members[0].ring = Some(ring);
    assert_eq!(
        fault(|c| c.groups[0].chase.timeout = Duration::ZERO),
        Some(ConfigError::NoTime)
    );
    assert_eq!(fault(ring(Duration::ZERO)), Some(ConfigError::NoTime));
    assert_eq!(fault(ring(MAX_CHASE)), None);
    assert_eq!(
        fault(ring(MAX_CHASE + SECOND)),
        Some(ConfigError::TooLong(number("500")))
    );
    let elsewhere = fault(|c| c.extensions[0].find_me = Some(Chase::new([Member::new("4711")])));
    assert_eq!(elsewhere, Some(ConfigError::BadMember(number("4711"))));
}

#[test]
fn groups_are_bounded_in_members_depth_and_all() {
    let many = |count: usize| fault(|c| c.groups[0].chase.members = vec![Member::new("1002"); count]);
    assert_eq!(many(MAX_MEMBERS), None);
    assert_eq!(many(MAX_MEMBERS + 1), Some(ConfigError::BadMembers("500".to_owned())));

    let nested = |depth: usize| {
        fault(|c| {
            for group in 1..depth {
                c.groups.push(Group::new(&format!("5{group:02}"), ["1002"]));
                let before = group - 1;
                c.groups[before]
                    .chase
                    .members
                    .push(Member::new(&format!("5{group:02}")));
            }
            c.groups[0].number = "600".to_owned();
        })
    };
    assert_eq!(nested(MAX_GROUP_DEPTH), None);
    assert_eq!(
        nested(MAX_GROUP_DEPTH + 1),
        Some(ConfigError::TooDeep("600".to_owned()))
    );

    let wide = |more: usize| {
        fault(|c| {
            let inner = MAX_RUNG / MAX_MEMBERS;
            let names: Vec<String> = (0..inner).map(|group| format!("6{group:02}")).collect();
            for name in &names {
                let mut group = Group::new(name, ["1003"]);
                group.chase.members = vec![Member::new("1003"); MAX_MEMBERS];
                c.groups.push(group);
            }
            c.groups[0].chase.members = names.iter().map(|name| Member::new(name)).collect();
            c.groups[0].chase.members.extend(vec![Member::new("1002"); more]);
        })
    };
    assert_eq!(wide(0), None);
    assert_eq!(wide(1), Some(ConfigError::TooManyRung("500".to_owned())));

    let circle = fault(|c| {
        c.groups.push(Group::new("501", ["1002", "500"]));
        c.groups[0].chase.members.push(Member::new("501"));
    });
    assert_eq!(circle, Some(ConfigError::GroupLoop("500".to_owned())));
    let itself = fault(|c| c.groups[0].chase.members.push(Member::new("500")));
    assert_eq!(itself, Some(ConfigError::GroupLoop("500".to_owned())));
}

/// One phone more than can be rung at once does not hurt the others.
#[test]
fn without_ports_for_all_members_those_ring_that_can() {
    let mut desk = desk_with(|config| {
        config.media_ports = 20000..=20005; // three legs
        config.groups.push(Group::new("500", ["1002", "1003", "1004"]));
        config.extensions.push(Extension::new("1005", "", "secret"));
    });
    let caller = desk.dial(0, "500");
    assert_eq!(rings(&desk), [0, 1, 1, 0]);
    desk.reject(1, BUSY);
    desk.reject(2, BUSY);
    assert_eq!(desk.failure(0, caller), Some(StatusCode::SERVICE_UNAVAILABLE));
    desk.check_idle();
}
