//! Supervision as it is heard: who hears whom when somebody listens, whispers, barges in and takes over (row Q11).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rtp_media::codec::g711;
use sim::{CallId, CallState, Office, Sound};
use sip_core::StatusCode;
use support::*;
use switch::acd::{AgentState, WrapUp};
use switch::{Agent, Elsewhere, Event, Group, Otherwise, Queue, QueueEvent, QueueMember, Supervising};

/// What the phones say: A-law bytes of which every sum is another byte.
const VOICES: [u8; 3] = [
    g711::alaw_encode(1_000),
    g711::alaw_encode(2_000),
    g711::alaw_encode(4_000),
];
const CALLER: usize = 0;
const AGENT: usize = 1;
const SUPERVISOR: usize = 2;

/// Four phones that speak all the time; 1003 may supervise.
fn centre(change: impl Fn(&mut switch::Config)) -> Office {
    let mut office = office(|config| {
        config.extensions[SUPERVISOR].supervises = vec!["all".to_owned()];
        change(config);
    });
    for (phone, voice) in VOICES.into_iter().enumerate() {
        office.phone_config(phone, |config| {
            config.voice = voice;
            config.audio_interval = Duration::from_millis(20);
        });
    }
    office
}

/// Whose voices a phone hears for a second: the set that it hears most of the time.
fn voices(office: &mut Office, phone: usize) -> BTreeSet<usize> {
    office.run_for(Duration::from_millis(500)).unwrap();
    let mut heard: BTreeMap<Option<BTreeSet<usize>>, u32> = BTreeMap::new();
    for _ in 0..50 {
        office.run_for(Duration::from_millis(20)).unwrap();
        let call = only(office, phone);
        let sound = office
            .phone(phone)
            .get(call)
            .unwrap()
            .last_sound()
            .map(|(_, sound)| sound);
        *heard.entry(sound.and_then(speakers)).or_default() += 1;
    }
    office.check().unwrap();
    let (most, times) = heard.iter().max_by_key(|(_, times)| **times).unwrap();
    assert!(*times > 25, "{heard:?}");
    most.clone().unwrap_or_else(|| {
        panic!(
            "phone {phone} hears no voices: {heard:?} {:?}",
            office.phone(phone).get(only(office, phone)).unwrap().last_sound()
        )
    })
}

/// Which voices make this sound.
fn speakers(sound: Sound) -> Option<BTreeSet<usize>> {
    let Sound::Voice(byte) = sound else { return None };
    let sets = (1_u8..8).map(|bits| {
        (0..3)
            .filter(|phone| bits & (1 << phone) != 0)
            .collect::<BTreeSet<usize>>()
    });
    sets.into_iter().find(|set| {
        let sum = set.iter().map(|phone| g711::alaw_decode(VOICES[*phone])).sum::<i16>();
        g711::alaw_encode(sum) == byte
    })
}

/// What the caller, the agent and the supervisor hear.
fn hear(office: &mut Office) -> [Vec<usize>; 3] {
    [CALLER, AGENT, SUPERVISOR].map(|phone| voices(office, phone).into_iter().collect())
}

fn press(office: &mut Office, phone: usize, key: &str) {
    let call = only(office, phone);
    office
        .phone_do(phone, |phone, now| phone.send_digits(now, call, key))
        .unwrap()
        .unwrap();
    wait(office, 1);
}

fn told(office: &Office) -> Vec<Option<Supervising>> {
    let events = office.pbx().events().filter_map(|(_, event)| match event {
        Event::Supervised { how, .. } => Some(*how),
        _ => None,
    });
    events.collect()
}

const LISTENING: [&[usize]; 3] = [&[AGENT], &[CALLER], &[CALLER, AGENT]];
const WHISPERING: [&[usize]; 3] = [&[AGENT], &[CALLER, SUPERVISOR], &[CALLER, AGENT]];
const BARGING: [&[usize]; 3] = [&[AGENT, SUPERVISOR], &[CALLER, SUPERVISOR], &[CALLER, AGENT]];

#[test]
fn who_hears_whom() {
    let mut office = centre(|_| {});
    let caller = dial(&mut office, CALLER, "1002");
    for (code, expected) in [("*51", LISTENING), ("*52", WHISPERING), ("*53", BARGING)] {
        let supervisor = dial(&mut office, SUPERVISOR, &format!("{code}1002"));
        assert_eq!(hear(&mut office), expected.map(<[usize]>::to_vec), "{code}");
        hang_up(&mut office, SUPERVISOR, supervisor);
        assert_eq!(voices(&mut office, CALLER), BTreeSet::from([AGENT]), "after {code}");
        assert_eq!(voices(&mut office, AGENT), BTreeSet::from([CALLER]), "after {code}");
    }
    hang_up(&mut office, CALLER, caller);
    hang_up_all(&mut office);
}

#[test]
fn keys_change_who_hears_whom() {
    let mut office = centre(|_| {});
    dial(&mut office, CALLER, "1002");
    dial(&mut office, SUPERVISOR, "*511002");
    for (key, expected) in [("5", WHISPERING), ("6", BARGING), ("4", LISTENING), ("6", BARGING)] {
        press(&mut office, SUPERVISOR, key);
        assert_eq!(hear(&mut office), expected.map(<[usize]>::to_vec), "{key}");
    }
    press(&mut office, SUPERVISOR, "7");
    assert_eq!(office.phone(AGENT).calls().count(), 0, "the agent is free");
    assert_eq!(voices(&mut office, CALLER), BTreeSet::from([SUPERVISOR]));
    assert_eq!(voices(&mut office, SUPERVISOR), BTreeSet::from([CALLER]));
    hang_up_all(&mut office);
}

/// Parties with different codecs are mixed, too.
#[test]
fn one_may_speak_another_codec() {
    let mut office = centre(|_| {});
    office.phone_config(CALLER, |config| {
        config.codecs = vec![(0, sdp::Codec::PCMU)];
        config.voice = g711::ulaw_encode(1_000);
    });
    dial(&mut office, CALLER, "1002");
    dial(&mut office, SUPERVISOR, "*531002");
    let Some(Sound::Voice(byte)) = hears(&mut office, SUPERVISOR) else {
        panic!("{:?}", log(&office, SUPERVISOR));
    };
    // Both are heard, whatever each of the three speaks.
    let sample = |phone: usize, byte: u8| {
        let call = only(&office, phone);
        let agreed = office.phone(phone).get(call).unwrap().agreed().unwrap();
        if agreed.codec == sdp::Codec::PCMA {
            g711::alaw_decode(byte)
        } else {
            g711::ulaw_decode(byte)
        }
    };
    let voice = |phone: usize| sample(phone, office.phone(phone).config().voice);
    let (heard, said) = (sample(SUPERVISOR, byte), voice(CALLER) + voice(AGENT));
    assert!(heard.abs_diff(said) <= said.unsigned_abs() / 16, "{heard} of {said}");
    hang_up_all(&mut office);
}

/// An agent is asked for by his number, wherever he sits; whose contact is taken over has his wrap-up.
#[test]
fn an_agents_contact_is_taken_over_and_he_wraps_up() {
    let mut office = centre(|config| {
        let mut queue = Queue::new("600", "Sales");
        queue.rules.wrap_up = WrapUp::Fixed(SECOND * 20);
        config.queues.push(queue);
        let mut agent = Agent::new("77", "Anna");
        agent.queues.push(QueueMember::new("600"));
        config.agents.push(agent);
        config.extensions[SUPERVISOR].supervises = vec!["600".to_owned()];
    });
    let refused = dial(&mut office, SUPERVISOR, "*5177");
    assert_eq!(
        failure(&office, SUPERVISOR, refused),
        Some(StatusCode::TEMPORARILY_UNAVAILABLE),
        "not signed on"
    );
    dial(&mut office, AGENT, "*4577");
    dial(&mut office, CALLER, "600");
    wait(&mut office, 3);
    dial(&mut office, SUPERVISOR, "*5277");
    assert_eq!(hear(&mut office), WHISPERING.map(<[usize]>::to_vec));
    let board = office.pbx().switch().board(office.now());
    let (queue, anna) = (&board.queues[0], &board.agents[0]);
    assert_eq!((queue.waiting, queue.longest, queue.agents.busy), (0, None, 1));
    let shown = [&anna.at, &anna.serves, &anna.queue, &anna.supervised_by].map(|told| told.as_deref());
    assert_eq!(shown, [Some("1002"), Some("1001"), Some("600"), Some("1003")]);
    assert_eq!(anna.state, AgentState::Busy);
    let table = board.to_string();
    assert!(
        table.contains("1001 (600)") && table.contains("Anna (supervised by 1003)"),
        "{table}"
    );
    let waiting = dial(&mut office, 3, "600");
    let board = office.pbx().switch().board(office.now());
    assert_eq!(
        (
            board.queues[0].waiting,
            board.queues[0].longest.map(|wait| wait.as_secs())
        ),
        (1, Some(2))
    );
    hang_up(&mut office, 3, waiting);
    press(&mut office, SUPERVISOR, "7");
    let state = |office: &Office| office.pbx().switch().agents().next().unwrap().state;
    assert_eq!(state(&office), AgentState::WrapUp);
    assert_eq!(voices(&mut office, CALLER), BTreeSet::from([SUPERVISOR]));
    let handled = office.pbx().events().filter(
        |(_, event)| matches!(event, Event::Queue { what: QueueEvent::Handled { agent, .. }, .. } if agent == "77"),
    );
    assert_eq!(handled.count(), 1);
    assert_eq!(told(&office), [Supervising::Whisper, Supervising::TakeOver].map(Some));
    wait(&mut office, 20);
    assert_eq!(state(&office), AgentState::Ready);
    // Somebody who serves another queue, or none, is not his to supervise.
    let call: CallId = dial(&mut office, AGENT, "1004");
    assert_eq!(office.phone(AGENT).get(call).unwrap().state(), CallState::Talking);
    let refused = dial(&mut office, 3, "*511002");
    assert_eq!(failure(&office, 3, refused), Some(StatusCode::FORBIDDEN));
    hang_up_all(&mut office);
}

/// Who calls a group in which nobody answers goes on to a queue, as does whom somebody transferred to it.
#[test]
fn a_groups_calls_go_on_to_a_queue() {
    let mut office = centre(|config| {
        config.queues.push(Queue::new("600", "Sales"));
        let mut group = Group::new("500", ["1004"]);
        group.chase.timeout = SECOND * 2;
        group.chase.otherwise = Otherwise::Number("600".to_owned());
        config.groups.push(group);
        let mut agent = Agent::new("77", "Anna");
        agent.queues.push(QueueMember::new("600"));
        config.agents.push(agent);
    });
    office.phone_config(3, |config| config.answer = sim::Answer::Manually);
    let caller = dial(&mut office, CALLER, "500");
    assert_eq!(
        office.phone(CALLER).get(caller).unwrap().state(),
        CallState::Talking,
        "in the queue"
    );
    hang_up(&mut office, CALLER, caller);

    let first = dial(&mut office, CALLER, "1002");
    let agent = only(&office, AGENT);
    assert_eq!(transfer(&mut office, AGENT, agent, "500"), Some(StatusCode::OK));
    assert_eq!(office.pbx().switch().board(office.now()).queues[0].waiting, 1);
    dial(&mut office, AGENT, "*4577");
    wait(&mut office, 3);
    assert_eq!(voices(&mut office, CALLER), BTreeSet::from([AGENT]));
    hang_up(&mut office, CALLER, first);
    hang_up_all(&mut office);
}

/// A queue that a new configuration takes away sends its callers where it would have sent them when full.
#[test]
fn who_waits_in_a_queue_that_is_no_more_goes_where_it_overflows_to() {
    let mut office = centre(|config| {
        let mut queue = Queue::new("600", "Sales");
        queue.overflow = Some(Elsewhere::Number("1002".to_owned()));
        config.queues.push(queue);
        let mut agent = Agent::new("77", "Anna");
        agent.queues.push(QueueMember::new("600"));
        config.agents.push(agent);
    });
    let caller = dial(&mut office, CALLER, "600");
    let mut config = configuration();
    config.extensions[SUPERVISOR].supervises = vec!["all".to_owned()];
    office.configure(config).unwrap();
    wait(&mut office, 3);
    assert_eq!(voices(&mut office, CALLER), BTreeSet::from([AGENT]));
    let refused = dial(&mut office, 3, "600");
    assert_eq!(failure(&office, 3, refused), Some(StatusCode::NOT_FOUND));
    hang_up(&mut office, CALLER, caller);
    hang_up_all(&mut office);
}
