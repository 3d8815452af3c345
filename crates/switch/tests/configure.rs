//! Another configuration while calls go on (row T15): what differs takes effect, and no call is touched.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::time::Duration;

use sip_core::auth::Algorithm;
use sip_core::{Credentials, Event as Sip, Invite, StatusCode, SubscriptionEnd};
use support::*;
use switch::{
    Changes, Config, ConfigError, Event, Extension, Group, Input, Lot, Otherwise, Place, RecallTarget, Setting,
};

/// Gives the switch the usual configuration with a change.
fn configure(desk: &mut Desk, change: impl FnOnce(&mut Config)) -> Changes {
    let mut config = config();
    change(&mut config);
    let (legs, calls): (Vec<_>, usize) = (desk.switch.legs().collect(), desk.switch.call_count());
    let commands = desk.commands.len();
    desk.input(Input::Configure(Box::new(config)));
    assert_eq!(
        (desk.switch.legs().collect::<Vec<_>>(), desk.switch.call_count()),
        (legs, calls),
        "no call is touched"
    );
    assert_eq!(desk.commands.len(), commands, "nobody hears anything else");
    let told = desk.events.iter().rev().find_map(|event| match event {
        Event::Configured(changes) => Some(changes.clone()),
        _ => None,
    });
    *told.expect("it was taken")
}

/// A call with another password than the usual.
fn dial_with(desk: &mut Desk, phone: usize, password: &str, number: &str) -> sip_core::SessionId {
    let mut invite: Invite = Desk::invitation(phone, number, Some(sdp(phone, "sendrecv")));
    invite.credentials = Some(Credentials::new(Desk::number(phone), password));
    desk.invite(phone, invite)
}

fn is_registered(desk: &Desk, number: &str) -> bool {
    desk.switch.registrar().is_registered(number)
}

#[test]
fn the_same_configuration_changes_nothing() {
    let mut desk = Desk::new(|_| {});
    assert!(configure(&mut desk, |_| {}).is_empty());
    let (caller, _) = desk.call(0, 1);
    assert!(configure(&mut desk, |_| {}).is_empty());
    assert!(desk.talk(0, 1));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn what_differs_is_told() {
    let mut desk = Desk::new(|config| config.groups.push(Group::new("500", ["1002"])));
    let changes = configure(&mut desk, |config| {
        config.extensions.remove(0);
        config.extensions[0].name = "Workshop".to_owned();
        config.extensions.push(Extension::new("1009", "", "secret"));
        config.lots.push(Lot::new("710", 711..=712));
        config.lots[0].music = "jazz".to_owned();
        config.session_expires = Some(SECOND * 600);
        config.ring_timeout = SECOND * 20;
        config.max_calls = 5;
        config.guard = None;
        config.digest = vec![Algorithm::Sha256, Algorithm::Md5];
        config.park_code = None;
        config.domain = "other.test".to_owned();
        config.listen[0].1.set_port(5070);
        config.media_ports = 30000..=30100;
        config.media_ports_taken = vec![30000];
        config.t1 = SECOND;
    });
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(changes.extensions.added, words(&["1009"]));
    assert_eq!(changes.extensions.removed, words(&["1001"]));
    assert_eq!(changes.extensions.changed, words(&["1002"]));
    assert_eq!(
        (changes.lots.added, changes.lots.changed),
        (words(&["710"]), words(&["700"]))
    );
    assert_eq!(changes.groups.removed, words(&["500"]));
    let settings = [
        Setting::Digest,
        Setting::SessionExpires,
        Setting::RingTimeout,
        Setting::ParkCode,
        Setting::Guard,
        Setting::MaxCalls,
    ];
    assert_eq!(changes.settings, settings);
    let at_restart = [Setting::Domain, Setting::Listen, Setting::T1, Setting::MediaPorts];
    assert_eq!(changes.at_restart, at_restart);
    // What could not be changed is still told the next time: it is not what the file says.
    let again = configure(&mut desk, |config| config.t1 = SECOND);
    assert_eq!(again.at_restart, [Setting::T1]);
    desk.check_idle();
}

#[test]
fn a_configuration_that_cannot_work_changes_nothing() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    let mut wrong = config();
    wrong.extensions.remove(3);
    wrong.lots[0].slots = 801..=802;
    wrong.lots.push(Lot::new("1001", 901..=902));
    #[cfg(feature = "serde")]
    let before = serde_json::to_string(&desk.switch).unwrap();
    let now = desk.now;
    let fault = Err(ConfigError::NumberTwice("1001".to_owned()));
    assert_eq!(desk.switch.configure(now, wrong.clone()), fault);
    #[cfg(feature = "serde")]
    assert_eq!(serde_json::to_string(&desk.switch).unwrap(), before);
    desk.input(Input::Configure(Box::new(wrong)));
    let told = Event::ConfigurationRefused(ConfigError::NumberTwice("1001".to_owned()));
    assert_eq!(desk.events.last(), Some(&told));
    desk.refer(1, callee, "701");
    desk.announced(1);
    assert!(
        matches!(desk.place(0), Place::Parked { .. }),
        "there is still a slot 701"
    );
    desk.hang_up(0, caller);
    desk.hang_up(1, callee);
    desk.check_idle();
}

#[test]
fn a_new_extension_registers_and_is_called() {
    let mut desk = Desk::new(|_| {});
    // Its phone is there before its number is.
    configure(&mut desk, |config| drop(config.extensions.pop()));
    assert!(!is_registered(&desk, "1004"));
    let refused = desk.dial(0, "1004");
    assert_eq!(desk.failure(0, refused), Some(StatusCode::NOT_FOUND));
    configure(&mut desk, |_| {});
    desk.register(3, 3600);
    let (caller, _) = desk.call(0, 3);
    assert!(desk.talk(0, 3));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn a_removed_extension_keeps_its_call_until_its_end() {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    configure(&mut desk, |config| drop(config.extensions.remove(1)));
    assert!(is_registered(&desk, "1002"));
    // It may still do with its call what one does with calls.
    desk.reinvite(1, callee, "sendonly");
    assert_eq!(desk.heard_reinvited(1), Some(StatusCode::OK));
    desk.reinvite(1, callee, "sendrecv");
    assert!(desk.talk(0, 1));
    // But nothing new.
    let other = desk.dial(1, "1003");
    assert_eq!(desk.failure(1, other), Some(StatusCode::FORBIDDEN));
    let called = desk.dial(2, "1002");
    assert_eq!(desk.failure(2, called), Some(StatusCode::NOT_FOUND));
    desk.refer(1, callee, "1003");
    desk.answer(2);
    assert!(desk.talk(0, 2));
    desk.wait(SECOND * 3);
    assert!(!is_registered(&desk, "1002"), "its last leg is gone");
    let last = desk.rung(2);
    desk.hang_up(2, last);
    desk.check_idle();
}

#[test]
fn an_extension_that_comes_back_during_its_call_stays_registered() {
    let mut desk = Desk::new(|_| {});
    let (caller, _) = desk.call(0, 1);
    configure(&mut desk, |config| drop(config.extensions.remove(1)));
    configure(&mut desk, |_| {});
    desk.hang_up(0, caller);
    desk.wait(SECOND);
    assert!(is_registered(&desk, "1002"));
    desk.check_idle();
}

/// Whoever knows only the old password is not rung any more, but a call is a call.
#[test]
fn a_new_password_counts_at_once() {
    let mut desk = Desk::new(|_| {});
    let (caller, _) = desk.call(0, 1);
    let changes = configure(&mut desk, |config| config.extensions[0].password = "other".to_owned());
    assert_eq!(changes.extensions.changed, ["1001"]);
    assert!(!is_registered(&desk, "1001") && is_registered(&desk, "1002"));
    assert!(desk.talk(0, 1));
    let old = desk.dial(0, "1003");
    assert_eq!(desk.failure(0, old), Some(StatusCode::FORBIDDEN));
    let new = dial_with(&mut desk, 0, "other", "1003");
    desk.answer(2);
    desk.hang_up(0, new);
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// A call parked in a lot that is no more.
fn orphan() -> (Desk, Duration) {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    desk.refer(1, callee, "702");
    desk.announced(1);
    desk.hang_up(1, callee);
    let changes = configure(&mut desk, |config| config.lots.clear());
    assert_eq!(changes.lots.removed, ["700"]);
    assert!(matches!(desk.place(0), Place::Parked { .. }));
    (desk, SECOND * 45)
}

#[test]
fn a_call_in_a_lot_that_is_no_more_can_be_fetched() {
    let (mut desk, _) = orphan();
    for number in ["700", "701", "*88"] {
        let call = desk.dial(2, number);
        assert_eq!(desk.failure(2, call), Some(StatusCode::NOT_FOUND), "{number}");
    }
    let fetched = desk.dial(2, "702");
    assert!(desk.talk(0, 2));
    // Nothing can be parked there any more.
    desk.digits(2, fetched, "*68");
    assert!(desk.talk(0, 2));
    desk.refer(2, fetched, "702");
    assert_eq!(desk.transfer_result(2), Some(StatusCode::NOT_FOUND));
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetched);
    let empty = desk.dial(2, "702");
    assert_eq!(desk.failure(2, empty), Some(StatusCode::NOT_FOUND));
    desk.check_idle();
}

#[test]
fn a_call_in_a_lot_that_is_no_more_is_recalled_as_before() {
    let (mut desk, time) = orphan();
    desk.wait(time);
    assert_eq!(desk.rings(1), 2, "the parker");
    desk.reject(1, StatusCode::BUSY_HERE);
    assert_eq!(desk.count(|event| matches!(event, Event::ParkedAgain { .. })), 1);
    desk.wait(time);
    let call = desk.answer(1);
    assert!(desk.talk(0, 1));
    desk.hang_up(1, call);
    desk.check_idle();
}

#[test]
fn a_lot_comes_back_with_the_call_that_is_in_it() {
    let (mut desk, _) = orphan();
    let changes = configure(&mut desk, |_| {});
    assert_eq!(changes.lots.added, ["700"]);
    let watching = desk.watch(3, "702");
    assert_eq!(watching, None);
    assert!(desk.lamp(3).contains("confirmed"));
    let fetched = desk.dial(2, "*88");
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetched);
    desk.check_idle();
}

/// The place of a lot that is gone is given to another; the parked call's slot number now means something else.
#[test]
fn lots_and_numbers_take_the_place_of_others() {
    let (mut desk, time) = orphan();
    configure(&mut desk, |config| {
        config.lots = vec![Lot::new("710", 711..=712)];
        config.extensions.push(Extension::new("702", "", "secret"));
    });
    let call = desk.dial(2, "702");
    assert_eq!(
        desk.failure(2, call),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE),
        "an extension without a phone"
    );
    desk.wait(time);
    let call = desk.answer(1); // still recalled
    desk.refer(1, call, "710");
    assert_eq!(desk.switch.slots("710").unwrap().count(), 1);
    desk.announced(1);
    desk.hang_up(1, call);
    // 700 is empty now: its place is free for the next.
    configure(&mut desk, |config| {
        config.lots = vec![Lot::new("720", 721..=722), Lot::new("710", 711..=712)]
    });
    assert!(desk.switch.slots("700").is_none());
    let fetched = desk.dial(2, "711");
    assert!(desk.talk(0, 2));
    desk.digits(2, fetched, "*68");
    assert_eq!(
        desk.switch.slots("720").unwrap().count(),
        1,
        "the first lot is the first of the file"
    );
    desk.announced(2);
    let caller = desk.dial(2, "721");
    desk.hang_up(2, caller);
    desk.check_idle();
}

#[test]
fn slots_are_taken_from_under_calls_only_when_they_are_empty() {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    desk.refer(1, callee, "701");
    desk.announced(1);
    desk.hang_up(1, callee);
    let changes = configure(&mut desk, |config| config.lots[0].slots = 702..=703);
    assert_eq!(changes.lots.changed, ["700"]);
    let (_, other) = desk.call(2, 3);
    desk.refer(3, other, "700");
    assert_eq!(desk.slots(), [701, 702]);
    desk.announced(3);
    desk.hang_up(3, other);
    let fetched = desk.dial(1, "701");
    assert!(desk.talk(0, 1));
    desk.refer(1, fetched, "701");
    assert!(desk.talk(0, 1), "there is no 701 any more");
    desk.hang_up(1, fetched);
    let fetched = desk.dial(1, "702");
    desk.hang_up(1, fetched);
    desk.check_idle();
}

/// A slot that is kept for an attended transfer takes the call although its lot is gone meanwhile.
#[test]
fn an_attended_transfer_ends_in_the_slot_that_was_promised() {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    let consultation = desk.dial(1, "700");
    configure(&mut desk, |config| config.lots.clear());
    desk.refer_attended(1, callee, consultation);
    assert!(desk.legs(0).iter().all(|leg| matches!(leg.place, Place::Parked { .. })));
    desk.wait(SECOND * 3);
    let fetched = desk.dial(2, "701");
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetched);
    desk.check_idle();
}

#[test]
fn a_group_that_rings_goes_on_as_it_began() {
    let grouped = |member: &'static str| {
        move |config: &mut Config| {
            let mut group = Group::new("500", [member]);
            group.chase.otherwise = Otherwise::Number("1004".to_owned());
            config.groups.push(group);
        }
    };
    let mut desk = Desk::new(grouped("1002"));
    let first = desk.dial(0, "500");
    configure(&mut desk, grouped("1003"));
    assert_eq!(desk.rings(1), 1);
    configure(&mut desk, |_| {});
    let refused = desk.dial(2, "500");
    assert_eq!(desk.failure(2, refused), Some(StatusCode::NOT_FOUND));
    desk.reject(1, StatusCode::BUSY_HERE);
    desk.answer(3);
    assert!(desk.talk(0, 3), "what followed was decided when it began");
    desk.hang_up(0, first);
    desk.check_idle();
}

#[test]
fn who_watches_is_told_when_a_number_is_no_more_or_he_is_none_himself() {
    let mut desk = Desk::new(|_| {});
    for (phone, number) in [(0, "701"), (1, "1004"), (2, "1001")] {
        assert_eq!(desk.watch(phone, number), None);
    }
    configure(&mut desk, |config| {
        config.lots[0].slots = 702..=703;
        config.extensions.remove(2); // 1003
    });
    let ended = |desk: &Desk, phone: usize| {
        desk.inbox[phone].iter().any(|event| {
            matches!(event, Sip::SubscriptionEnded { cause, .. } if !matches!(cause, SubscriptionEnd::Refused(_)))
        })
    };
    assert_eq!([0, 1, 2].map(|phone| ended(&desk, phone)), [true, false, true]);
    let before = desk.lamps(1);
    let (caller, _) = desk.call(0, 3);
    assert!(desk.lamps(1) > before);
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn new_times_and_limits_count_from_the_next_call_on() {
    let mut desk = Desk::new(|_| {});
    desk.alerting = true;
    let first = desk.dial(0, "1002");
    configure(&mut desk, |config| {
        config.ring_timeout = SECOND * 5;
        config.max_calls = 2;
    });
    let second = desk.dial(2, "1004");
    let third = desk.dial(2, "1004");
    assert_eq!(desk.failure(2, third), Some(StatusCode::SERVICE_UNAVAILABLE));
    desk.wait(SECOND * 6);
    assert_eq!(desk.failure(2, second), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(desk.failure(0, first), None);
    desk.wait(SECOND * 60);
    assert!(desk.failure(0, first).is_some());
    desk.check_idle();
}

#[test]
fn a_recall_goes_where_the_new_configuration_says() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer(1, callee, "700");
    desk.announced(1);
    desk.hang_up(1, callee);
    configure(&mut desk, |config| {
        config.lots[0].recall_to = vec![RecallTarget::Number("1004".to_owned())]
    });
    desk.wait(SECOND * 45);
    assert_eq!((desk.rings(1), desk.rings(3)), (1, 1));
    desk.hang_up(0, caller);
    desk.check_idle();
}
