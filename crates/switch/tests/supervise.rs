//! Supervisors (row Q11): who may, how they take part, and how supervision ends.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use proptest::prelude::*;
use rtp_media::mixer::Role;
use rtp_media::{CommandError, PromptItem, Source, StreamId};
use sip_core::{SessionId, StatusCode};
use support::*;
use switch::{Config, ConfigError, Event, Group, Place, Supervising};

/// A desk at which phone 2 (1003) may supervise everybody.
fn desk_with(change: impl FnOnce(&mut Config)) -> Desk {
    let mut desk = Desk::new(|config| {
        config.extensions[2].supervises = vec!["all".to_owned()];
        change(config);
    });
    desk.alerting = true;
    desk
}

/// The same, with a call of 0 and 1 that 2 supervises: the sessions of the caller, the agent and the supervisor.
fn supervised(code: &str) -> (Desk, [SessionId; 3]) {
    let mut desk = desk_with(|_| {});
    let (caller, agent) = desk.call(0, 1);
    let supervisor = desk.dial(2, &format!("{code}1002"));
    (desk, [caller, agent, supervisor])
}

/// The roles of the agent, the caller and the supervisor in the one conference there is.
fn roles(desk: &Desk) -> [Option<Role<StreamId>>; 3] {
    [1, 0, 2].map(|phone| desk.media.role(desk.stream(phone)))
}

fn told(desk: &Desk) -> Vec<Option<Supervising>> {
    let events = desk.events.iter().filter_map(|event| match event {
        Event::Supervised { by, agent, how, .. } => {
            assert_eq!((by.as_str(), agent.as_str()), ("1003", "1002"));
            Some(*how)
        }
        _ => None,
    });
    events.collect()
}

fn refusal(desk: &mut Desk, phone: usize, number: &str) -> Option<StatusCode> {
    let call = desk.dial(phone, number);
    desk.failure(phone, call)
}

#[test]
fn each_code_has_its_role() {
    let everybody = Some(Role::Participant);
    for (code, how) in [
        ("*51", Supervising::Listen),
        ("*52", Supervising::Whisper),
        ("*53", Supervising::Barge),
    ] {
        let (mut desk, [caller, _, supervisor]) = supervised(code);
        let agent = desk.stream(1);
        let role = match how {
            Supervising::Listen => Role::Monitor,
            Supervising::Whisper => Role::Whisper { to: agent },
            _ => Role::Participant,
        };
        assert_eq!(roles(&desk), [everybody, everybody, Some(role)], "{code}");
        assert_eq!(told(&desk), [Some(how)]);
        desk.hang_up(2, supervisor);
        assert!(desk.talk(0, 1), "the call goes on");
        assert!(desk.media.conferences.is_empty());
        assert_eq!(told(&desk), [Some(how), None]);
        desk.hang_up(0, caller);
        desk.check_idle();
    }
}

#[test]
fn keys_change_what_a_supervisor_does() {
    let (mut desk, [caller, _, supervisor]) = supervised("*51");
    let agent = desk.stream(1);
    let steps = [
        ("5", Role::Whisper { to: agent }),
        ("6", Role::Participant),
        ("6", Role::Participant),
        ("4", Role::Monitor),
        ("8", Role::Monitor),
    ];
    for (key, role) in steps {
        desk.digits(2, supervisor, key);
        assert_eq!(desk.media.role(desk.stream(2)), Some(role), "{key}");
    }
    let how = [
        Supervising::Listen,
        Supervising::Whisper,
        Supervising::Barge,
        Supervising::Listen,
    ]
    .map(Some);
    assert_eq!(told(&desk), how);
    desk.digits(2, supervisor, "7");
    assert!(desk.talk(0, 2) && desk.legs(1).is_empty());
    desk.hang_up(2, supervisor);
    assert!(desk.ended(0, caller));
    desk.check_idle();
}

#[test]
fn a_call_is_taken_over_at_once_or_later_and_the_agent_is_free() {
    for key in [None, Some("7")] {
        let (mut desk, [caller, agent, supervisor]) = supervised(if key.is_some() { "*53" } else { "*54" });
        if let Some(key) = key {
            desk.digits(2, supervisor, key);
        }
        assert!(desk.ended(1, agent));
        assert!(desk.talk(0, 2));
        assert_eq!(told(&desk).last(), Some(&Some(Supervising::TakeOver)));
        // It is the supervisor's call now, with all that he may do with it.
        desk.refer(2, supervisor, "1004");
        desk.answer(3);
        assert!(desk.talk(0, 3));
        desk.hang_up(0, caller);
        desk.wait(SECOND * 3);
        desk.check_idle();
    }
}

#[test]
fn who_may_not_or_asks_for_what_is_not_there_is_refused() {
    let mut desk = desk_with(|_| {});
    assert_eq!(
        refusal(&mut desk, 2, "*511002"),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE),
        "no call"
    );
    let (caller, _) = desk.call(0, 1);
    assert_eq!(refusal(&mut desk, 2, "*514711"), Some(StatusCode::NOT_FOUND));
    assert_eq!(refusal(&mut desk, 2, "*51700"), Some(StatusCode::NOT_FOUND));
    assert_eq!(refusal(&mut desk, 2, "*51"), Some(StatusCode::NOT_FOUND), "whose?");
    assert_eq!(refusal(&mut desk, 2, "*511003"), Some(StatusCode::FORBIDDEN), "himself");
    assert_eq!(refusal(&mut desk, 3, "*511002"), Some(StatusCode::FORBIDDEN));
    let first = desk.dial(2, "*511001");
    assert_eq!(
        refusal(&mut desk, 2, "*511002"),
        Some(StatusCode::BUSY_HERE),
        "somebody is there already"
    );
    assert_eq!(refusal(&mut desk, 2, "*541002"), Some(StatusCode::BUSY_HERE));
    desk.hang_up(2, first);
    desk.hang_up(0, caller);
    // His own call is no other's.
    let (own, _) = desk.call(2, 1);
    assert_eq!(refusal(&mut desk, 2, "*511002"), Some(StatusCode::FORBIDDEN));
    desk.hang_up(2, own);
    desk.check_idle();
}

#[test]
fn permission_is_for_extensions_groups_or_all() {
    let cases: [(&[&str], [bool; 2]); 5] = [
        (&[], [false, false]),
        (&["1002"], [true, false]),
        (&["500"], [false, true]),
        (&["1002", "500"], [true, true]),
        (&["all"], [true, true]),
    ];
    for (supervises, allowed) in cases {
        let mut desk = desk_with(|config| {
            config.groups.push(Group::new("500", ["1001"]));
            config.extensions[3].supervises = vec!["all".to_owned()];
            config.extensions[2].supervises = supervises.iter().map(|number| (*number).to_owned()).collect();
        });
        let (caller, _) = desk.call(0, 1);
        for (number, allowed) in ["*511002", "*511001"].into_iter().zip(allowed) {
            let call = desk.dial(2, number);
            let refused = (!allowed).then_some(StatusCode::FORBIDDEN);
            assert_eq!(desk.failure(2, call), refused, "{supervises:?} {number}");
            if allowed {
                desk.hang_up(2, call);
            }
        }
        desk.hang_up(0, caller);
        desk.check_idle();
    }
}

/// The pair is no more: there is nothing to supervise, and the supervisor is told so.
#[test]
fn supervision_ends_with_the_call_however_that_ends() {
    let ends: [fn(&mut Desk, [SessionId; 3]); 6] = [
        |desk, [caller, ..]| desk.hang_up(0, caller),
        |desk, [_, agent, _]| desk.hang_up(1, agent),
        |desk, [_, agent, _]| desk.refer(1, agent, "1004"),
        |desk, [_, agent, _]| desk.refer(1, agent, "700"),
        |desk, [_, agent, _]| desk.digits(1, agent, "*68"),
        |desk, [caller, ..]| {
            let other = desk.dial(0, "1004");
            desk.answer(3);
            desk.refer_attended(0, caller, other);
        },
    ];
    for (index, end) in ends.into_iter().enumerate() {
        let (mut desk, sessions) = supervised("*53");
        end(&mut desk, sessions);
        assert_eq!(desk.place(2), Place::Leaving, "{index}");
        assert_eq!(
            desk.hears(2),
            Some(Source::Prompt(vec![PromptItem::Sound("goodbye".to_owned())]))
        );
        assert_eq!(told(&desk), [Some(Supervising::Barge), None], "{index}");
        assert!(desk.media.conferences.is_empty());
        desk.announced(2);
        assert!(desk.ended(2, sessions[2]));
        for phone in [0, 1, 3] {
            let live: Vec<_> = desk.inbox[phone].iter().filter_map(sip_core::Event::session).collect();
            for session in sessions.into_iter().chain(live) {
                let now = desk.now;
                let _ = desk.phones[phone].hang_up(now, session, None);
                desk.pump();
            }
        }
        desk.wait(SECOND * 60);
        desk.check_idle();
    }
}

#[test]
fn hold_and_resume_leave_the_supervisor_where_he_is() {
    let (mut desk, [caller, agent, supervisor]) = supervised("*51");
    desk.reinvite(1, agent, "sendonly");
    assert!(matches!(desk.hears(0), Some(Source::Music(_))));
    desk.digits(2, supervisor, "5");
    desk.reinvite(1, agent, "sendrecv");
    assert_eq!(desk.hears(0), None);
    let agent = desk.stream(1);
    assert_eq!(roles(&desk)[2], Some(Role::Whisper { to: agent }));
    desk.hang_up(2, supervisor);
    assert!(desk.talk(0, 1));
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// What one of the two presses reaches the other, as in a bridge; what the supervisor presses does not.
#[test]
fn keys_of_the_two_reach_each_other() {
    let (mut desk, [caller, _, supervisor]) = supervised("*53");
    let digits = |desk: &Desk| {
        let sent = desk.commands.iter().filter_map(|command| match command {
            rtp_media::Command::SendDigits { stream, digits } => Some((*stream, digits.clone())),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let press = |desk: &mut Desk, phone: usize, digit| {
        let stream = desk.stream(phone);
        desk.media(rtp_media::Event::Digit {
            stream,
            digit,
            duration: SECOND,
        });
    };
    press(&mut desk, 0, '1');
    press(&mut desk, 2, '4');
    press(&mut desk, 1, '2');
    assert_eq!(
        digits(&desk),
        [(desk.stream(1), "1".to_owned()), (desk.stream(0), "2".to_owned())]
    );
    assert_eq!(desk.media.role(desk.stream(2)), Some(Role::Monitor));
    desk.hang_up(2, supervisor);
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn all_may_be_told_that_somebody_listens() {
    let mut desk = desk_with(|config| config.supervision_sound = Some("listened-to".to_owned()));
    let (caller, _) = desk.call(0, 1);
    let supervisor = desk.dial(2, "*511002");
    let prompt = Source::Prompt(vec![PromptItem::Sound("listened-to".to_owned())]);
    assert_eq!(
        desk.media
            .announced
            .iter()
            .map(|(_, source)| source)
            .collect::<Vec<_>>(),
        [&prompt]
    );
    desk.hang_up(2, supervisor);
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// An engine at its limit: the call is as it was.
#[test]
fn a_conference_that_cannot_be_hurts_nobody() {
    let (mut desk, [caller, _, supervisor]) = supervised("*51");
    let conference = desk.media.conference_of(desk.stream(0)).unwrap();
    let error = CommandError::TooManyConferences;
    desk.media(rtp_media::Event::ConferenceFailed { conference, error });
    assert!(desk.ended(2, supervisor));
    assert!(desk.talk(0, 1));
    desk.media(rtp_media::Event::ConferenceFailed { conference, error });
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// The named race: the supervisor takes the call in the instant in which the caller hangs up.
#[test]
fn a_call_that_ends_while_it_is_taken_over_ends() {
    let (mut desk, [caller, agent, supervisor]) = supervised("*51");
    let now = desk.now;
    desk.phones[0].hang_up(now, caller, None).unwrap();
    let body = sip_core::Body::new("application/dtmf-relay", "Signal=7\r\n");
    desk.phones[2]
        .request(
            now,
            supervisor,
            sip_core::Method::Info,
            sip_core::Reply::new().body(body),
        )
        .unwrap();
    desk.pump();
    assert!(desk.ended(1, agent));
    desk.wait(SECOND * 20);
    desk.check_idle();
}

/// Where nobody may supervise, the codes are numbers like any others.
#[test]
fn without_supervisors_there_are_no_codes() {
    let mut desk = Desk::new(|_| {});
    let (caller, _) = desk.call(0, 1);
    assert_eq!(refusal(&mut desk, 2, "*511002"), Some(StatusCode::NOT_FOUND));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn codes_and_permissions_that_cannot_work_are_refused() {
    let fault = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        config.check().err()
    };
    assert_eq!(fault(|_| {}), None);
    let bad = fault(|config| config.supervisor_codes.barge = Some("barge".to_owned()));
    assert_eq!(bad, Some(ConfigError::BadCode("barge".to_owned())));
    let twice = fault(|config| config.supervisor_codes.barge = Some("*51".to_owned()));
    assert_eq!(twice, Some(ConfigError::NumberTwice("*51".to_owned())));
    let nobody = fault(|config| config.extensions[0].supervises = vec!["4711".to_owned()]);
    assert_eq!(nobody, Some(ConfigError::BadSupervised("4711".to_owned())));
}

/// A word of a phone in a story, to one of its calls.
#[derive(Clone, Debug)]
enum Word {
    Dial(&'static str),
    Answer,
    HangUp,
    Keys(&'static str),
    Change(&'static str),
    Refer(&'static str),
    ReferAttended(prop::sample::Index),
    Replace(prop::sample::Index),
    Silent,
    Refused,
    Copy,
    Wait(u64),
}

fn word() -> impl Strategy<Value = Word> {
    let numbers = [
        "1001", "1002", "1004", "700", "701", "*511001", "*521002", "*531001", "*541002", "*511004",
    ];
    prop_oneof![
        8 => prop::sample::select(numbers.to_vec()).prop_map(Word::Dial),
        8 => Just(Word::Answer),
        2 => Just(Word::HangUp),
        6 => prop::sample::select(vec!["4", "5", "6", "7", "*68"]).prop_map(Word::Keys),
        3 => prop::sample::select(vec!["sendrecv", "sendonly"]).prop_map(Word::Change),
        2 => prop::sample::select(vec!["1001", "1004", "700"]).prop_map(Word::Refer),
        2 => any::<prop::sample::Index>().prop_map(Word::ReferAttended),
        1 => any::<prop::sample::Index>().prop_map(Word::Replace),
        1 => Just(Word::Silent),
        1 => Just(Word::Refused),
        1 => Just(Word::Copy),
        2 => (0..20_000_u64).prop_map(Word::Wait),
    ]
}

/// The calls of a phone that are not over.
fn live(desk: &Desk, dialled: &[Vec<SessionId>], phone: usize) -> Vec<SessionId> {
    let rung = desk.inbox[phone].iter().filter_map(|event| match event {
        sip_core::Event::Invite { session, .. } => Some(*session),
        _ => None,
    });
    let mut all: Vec<SessionId> = dialled[phone].iter().copied().chain(rung).collect();
    all.retain(|session| desk.phones[phone].session_info(*session).is_some());
    all
}

fn say(desk: &mut Desk, dialled: &mut [Vec<SessionId>], phone: usize, index: &prop::sample::Index, word: &Word) {
    let calls = live(desk, dialled, phone);
    let call = (!calls.is_empty()).then(|| *index.get(&calls));
    let now = desk.now;
    match (word, call) {
        (Word::Dial(number), _) if calls.len() < 3 => dialled[phone].push(desk.dial(phone, number)),
        (Word::Replace(other), Some(_)) => {
            let replaces = desk.replaces(phone, *other.get(&calls));
            let mut invite = Desk::invitation(phone, "1001", Some(sdp(phone, "sendrecv")));
            invite.headers.push((sip_core::HeaderName::Replaces, replaces.into()));
            dialled[phone].push(desk.invite(phone, invite));
        }
        (Word::Wait(millis), _) => desk.wait(std::time::Duration::from_millis(*millis)),
        (Word::Silent, Some(_)) => {
            let legs = desk.legs(phone);
            if let Some(leg) = legs.first() {
                let (stream, quiet_for) = (leg.stream, SECOND * 30);
                desk.media(rtp_media::Event::Silent { stream, quiet_for });
            }
        }
        (Word::Refused, _) => {
            if let Some(conference) = desk.media.conferences.keys().next().copied() {
                let error = CommandError::ConferenceFull;
                desk.media(rtp_media::Event::ConferenceFailed { conference, error });
            }
        }
        (Word::Copy, _) => {
            #[cfg(feature = "serde")]
            {
                let text = serde_json::to_string(&desk.switch).unwrap();
                desk.switch = serde_json::from_str(&text).unwrap();
            }
        }
        (word, Some(call)) => {
            let body = |direction| sip_core::Reply::new().body(sip_core::Body::sdp(sdp(phone, direction)));
            let attended = match word {
                Word::ReferAttended(other) => desk.replaces(phone, *other.get(&calls)),
                _ => String::new(),
            };
            let endpoint = &mut desk.phones[phone];
            // What a phone cannot say in its state it does not.
            let _ = match word {
                Word::Answer => calls
                    .iter()
                    .try_for_each(|call| endpoint.answer(now, *call, body("sendrecv"))),
                Word::HangUp => endpoint.hang_up(now, call, None),
                Word::Change(direction) => endpoint.reinvite(now, call, body(direction)),
                Word::Keys(keys) => keys.chars().try_for_each(|key| {
                    let body = sip_core::Body::new("application/dtmf-relay", format!("Signal={key}"));
                    endpoint
                        .request(now, call, sip_core::Method::Info, sip_core::Reply::new().body(body))
                        .map(drop)
                }),
                Word::Refer(number) => endpoint
                    .refer(now, call, sip_core::NameAddr::new(uri(number)), sip_core::Reply::new())
                    .map(drop),
                Word::ReferAttended(_) => {
                    let target = uri("1001").with_header("Replaces", &attended);
                    endpoint
                        .refer(now, call, sip_core::NameAddr::new(target), sip_core::Reply::new())
                        .map(drop)
                }
                _ => Ok(()),
            };
            desk.pump();
        }
        _ => {}
    }
}

/// Every conference is one of three, two of whom talk and one of whom supervises; nobody else is in one.
fn check_rooms(desk: &Desk) {
    for members in desk.media.conferences.values() {
        let legs: Vec<_> = desk
            .switch
            .legs()
            .filter(|leg| members.contains_key(&leg.stream))
            .collect();
        let talking = legs.iter().filter(|leg| matches!(leg.place, Place::Talking(_))).count();
        let supervising = legs
            .iter()
            .filter(|leg| matches!(leg.place, Place::Supervising(_)))
            .count();
        assert_eq!((members.len(), talking, supervising), (3, 2, 1), "{legs:?}");
    }
    for leg in desk.switch.legs().filter(|leg| matches!(leg.place, Place::Talking(_))) {
        let joined = desk.media.bridges.contains_key(&leg.stream) || desk.media.conference_of(leg.stream).is_some();
        assert!(joined, "{leg:?} hears nobody");
    }
}

fn play(words: &[(usize, prop::sample::Index, Word)]) -> Desk {
    let mut desk = desk_with(|config| config.extensions[0].supervises = vec!["1002".to_owned(), "1004".to_owned()]);
    let mut dialled = vec![Vec::new(); 4];
    // What the story begins with, so that it need not come about by chance.
    dialled[0].push(desk.call(0, 1).0);
    dialled[2].push(desk.dial(2, "*511002"));
    for (phone, index, word) in words {
        say(&mut desk, &mut dialled, *phone, index, word);
        check_rooms(&desk);
    }
    desk.deaf = (0..4).collect();
    for _ in 0..3 {
        desk.wait(SECOND * 61);
        for stream in desk.media.watched() {
            if desk.switch.legs().any(|leg| leg.stream == stream) {
                desk.media(rtp_media::Event::Silent {
                    stream,
                    quiet_for: SECOND * 30,
                });
            }
        }
    }
    desk.check_idle();
    assert!(desk.media.conferences.is_empty());
    desk
}

fn words() -> impl Strategy<Value = Vec<(usize, prop::sample::Index, Word)>> {
    prop::collection::vec((0..4_usize, any::<prop::sample::Index>(), word()), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_rooms_hold_three_and_nobody_is_left_in_one(words in words()) {
        play(&words);
    }
}

/// The stories are worth their name.
#[test]
fn supervision_happens_in_the_stories() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut happened = [0; 5];
    for _ in 0..60 {
        let desk = play(&words().new_tree(&mut runner).unwrap().current());
        for event in &desk.events {
            if let Event::Supervised { how, .. } = event {
                happened[how.map_or(4, |how| how as usize)] += 1;
            }
        }
    }
    assert!(happened.iter().all(|times| *times > 0), "{happened:?}");
}
