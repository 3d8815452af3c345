//! Random telephony on one switch: whatever four to six phones do, over whatever network, everything stays in exactly one place, and
//! once all have hung up nothing is left.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use machine::Time;
use proptest::prelude::*;
use proptest::test_runner::Config as Cases;
use rtp_media::codec::g711::{alaw_to_ulaw, ulaw_to_alaw};
use sdp::Codec;
use sim::{Answer, CallId, CallState, Happening, Link, Office, Phone, PhoneError, Sound};
use sip_core::{StatusCode, Transport};
use switch::{
    Agent, Choice, Config, Extension, Group, KeyAction, LegId, LegView, Lot, Mode, Otherwise, Place, Queue, QueueMember,
};

const SECOND: Duration = Duration::from_secs(1);

/// What people dial: each other, the lot, its slots, the longest parked, nobody, groups, queues,
/// and what agents dial.
const NUMBERS: [&str; 20] = [
    "1001", "1002", "1003", "1004", "1005", "700", "701", "702", "703", "799", "4711", "500", "501", "600", "600",
    "610", "*45", "*46", "*475", "*48",
];

#[derive(Clone, Debug)]
enum Step {
    Dial {
        phone: usize,
        number: &'static str,
    },
    Answer {
        phone: usize,
        call: prop::sample::Index,
    },
    Reject {
        phone: usize,
        call: prop::sample::Index,
    },
    HangUp {
        phone: usize,
        call: prop::sample::Index,
    },
    Hold {
        phone: usize,
        call: prop::sample::Index,
    },
    Resume {
        phone: usize,
        call: prop::sample::Index,
    },
    Transfer {
        phone: usize,
        call: prop::sample::Index,
        number: &'static str,
    },
    Attended {
        phone: usize,
        call: prop::sample::Index,
        other: prop::sample::Index,
    },
    Digits {
        phone: usize,
        call: prop::sample::Index,
        digits: &'static str,
    },
    Watch {
        phone: usize,
        number: &'static str,
    },
    /// From now on the phone answers, refuses or rings by itself.
    Habit {
        phone: usize,
        answer: Answer,
    },
    Vanish {
        phone: usize,
    },
    Restart {
        phone: usize,
    },
    Unregister {
        phone: usize,
    },
    Network {
        link: usize,
    },
    /// The switch gets another configuration.
    Configure {
        change: usize,
    },
    Wait {
        millis: u64,
    },
}

/// As it was; without a lot, an extension and a group; with other slots and another password.
const CHANGES: [fn(&mut Config); 4] = [
    |_| {},
    |_| {},
    |config| {
        config.lots.clear();
        config.extensions.remove(1);
        config.groups.remove(0);
        config.groups[0].chase.members.remove(1);
    },
    |config| {
        config.lots[0].slots = 702..=703;
        config.lots.insert(0, Lot::new("710", 711..=712));
        config.extensions[2].password = "other".to_owned();
    },
];

fn step(phones: usize) -> impl Strategy<Value = Step> {
    let phone = 0..phones;
    let call = any::<prop::sample::Index>();
    let number = prop::sample::select(NUMBERS.to_vec());
    let digits = prop::sample::select(vec!["*68", "*", "6", "8", "*6", "123#", "0", "2"]);
    let answer = prop::sample::select(vec![
        Answer::Manually,
        Answer::After(Duration::ZERO),
        Answer::After(SECOND),
        Answer::After(SECOND * 10),
        Answer::Reject(StatusCode::BUSY_HERE),
        Answer::Reject(StatusCode::DECLINE),
    ]);
    // Soon, within SIP's timers, or long enough for recalls and time-outs.
    let millis = prop_oneof![6 => 0_u64..300, 3 => 300_u64..5_000, 1 => 5_000_u64..70_000];
    let at = (phone.clone(), call);
    prop_oneof![
        8 => (phone.clone(), number.clone()).prop_map(|(phone, number)| Step::Dial { phone, number }),
        4 => at.clone().prop_map(|(phone, call)| Step::Answer { phone, call }),
        1 => at.clone().prop_map(|(phone, call)| Step::Reject { phone, call }),
        2 => at.clone().prop_map(|(phone, call)| Step::HangUp { phone, call }),
        3 => at.clone().prop_map(|(phone, call)| Step::Hold { phone, call }),
        3 => at.clone().prop_map(|(phone, call)| Step::Resume { phone, call }),
        6 => (at.clone(), number.clone()).prop_map(|((phone, call), number)| Step::Transfer { phone, call, number }),
        3 => (at.clone(), any::<prop::sample::Index>())
            .prop_map(|((phone, call), other)| Step::Attended { phone, call, other }),
        2 => (at, digits).prop_map(|((phone, call), digits)| Step::Digits { phone, call, digits }),
        1 => (phone.clone(), number).prop_map(|(phone, number)| Step::Watch { phone, number }),
        2 => (phone.clone(), answer).prop_map(|(phone, answer)| Step::Habit { phone, answer }),
        1 => phone.clone().prop_map(|phone| Step::Vanish { phone }),
        1 => phone.clone().prop_map(|phone| Step::Restart { phone }),
        1 => phone.prop_map(|phone| Step::Unregister { phone }),
        1 => (0..CHANGES.len()).prop_map(|change| Step::Configure { change }),
        1 => (0..LINKS.len()).prop_map(|link| Step::Network { link }),
        12 => millis.prop_map(|millis| Step::Wait { millis }),
    ]
}

/// Perfect and instant, local, bad, and none at all.
const LINKS: [fn() -> Link; 4] = [|| Link::new(Duration::ZERO), Link::default, Link::bad, Link::cut];

/// One that rings all and goes on to the other, and one that rings in turn.
fn groups() -> Vec<Group> {
    let mut all = Group::new("500", ["1001", "1002", "1003", "1004"]);
    all.chase.timeout = SECOND * 15;
    all.chase.otherwise = Otherwise::Number("501".to_owned());
    let mut in_turn = Group::new("501", ["1004", "1002", "1003"]);
    in_turn.chase.mode = Mode::Circular;
    in_turn.chase.members[1].delay = SECOND;
    vec![all, in_turn]
}

/// A queue that answers and one that only rings. The last two phones' agents are there from the start. How it is depends on the number of
/// phones, so that another configuration changes nothing of it.
fn centre(config: &mut Config, phones: usize) {
    let has = |config: &Config, number: &str| config.extensions.iter().any(|extension| extension.number == number);
    let mut sales = Queue::new("600", "Sales");
    sales.keys = vec![('0', KeyAction::Leave("1001".to_owned())), ('2', KeyAction::CallBack)];
    sales.rules.max_wait = Some(SECOND * 50);
    sales.rules.call_backs.attempts = 1;
    sales.call_back_within = SECOND * 90;
    sales.rules.announcements.first = Some(SECOND * 7);
    sales.rules.wrap_up = switch::acd::WrapUp::Fixed(SECOND * 3);
    let mut support = Queue::new("610", "Support");
    support.answers = false;
    support.rules.max_wait = Some(SECOND * 40);
    let full = phones == 5 && config.lots.first().is_some_and(|lot| lot.number == "700");
    support.overflow = Some(switch::Elsewhere::Number(if full { "700" } else { "1001" }.to_owned()));
    if phones == 6 {
        sales.rules.strategy = switch::acd::Strategy::RingAll;
        sales.overflow = Some(switch::Elsewhere::Number("610".to_owned()));
    }
    config.queues = vec![sales, support];
    for index in 0..phones {
        let number = (1001 + index).to_string();
        let mut agent = Agent::new(&number, "Somebody");
        agent.at = (index + 2 >= phones && has(config, &number)).then_some(number);
        agent.rings_in_use = phones == 4;
        agent.queues = vec![QueueMember::new("600"), QueueMember::new("610")];
        config.agents.push(agent);
    }
    if let Some(lot) = config.lots.first_mut().filter(|lot| lot.number == "700" && phones == 5) {
        lot.queue = Some("600".to_owned());
    }
}

fn configuration(phones: usize, seed: u8) -> Config {
    let mut config = Config::new("pbx.test");
    for number in 1001..1001 + phones {
        config
            .extensions
            .push(Extension::new(&number.to_string(), "Somebody", "secret"));
    }
    let mut lot = Lot::new("700", 701..=702);
    lot.recall_after = SECOND * 30;
    lot.recall_ring = SECOND * 10;
    lot.choice = if seed.is_multiple_of(2) {
        Choice::First
    } else {
        Choice::Next
    };
    lot.retrieve = Some("799".to_owned());
    config.lots.push(lot);
    config.groups = groups();
    // A phone whose password was changed goes on asking, and would be banned.
    config.guard = None;
    config
}

fn office(phones: usize, seed: u8) -> Office {
    let mut config = configuration(phones, seed);
    centre(&mut config, phones);
    let mut office = Office::new(config, [seed; 32]).unwrap();
    for phone in 0..phones {
        office.phone_config(phone, |config| {
            config.answer = Answer::After(SECOND);
            // The seed decides who speaks TCP, and who calls without an offer.
            config.late_offer = seed & 2 != 0 && phone == 2;
            if seed & 4 != 0 && phone % 2 == 1 {
                config.transport = Transport::Tcp;
            }
        });
        office.phone_do(phone, Phone::restart).unwrap();
    }
    office.register_all().unwrap();
    office
}

fn pick(office: &Office, phone: usize, call: &prop::sample::Index) -> Option<CallId> {
    let calls: Vec<CallId> = office.phone(phone).calls().map(|(id, _)| id).collect();
    (!calls.is_empty()).then(|| *call.get(&calls))
}

/// What a phone cannot do in its present state it refuses; that is no fault.
fn may_refuse<T>(_: Result<T, PhoneError>) {}

/// Does one step.
fn act(office: &mut Office, step: &Step) -> Result<(), sim::Spin> {
    let with_call = |office: &mut Office,
                     phone: usize,
                     call: &prop::sample::Index,
                     act: &dyn Fn(&mut Phone, machine::Time, CallId)| {
        match pick(office, phone, call) {
            Some(call) => office.phone_do(phone, |phone, now| act(phone, now, call)),
            None => Ok(()),
        }
    };
    match step {
        Step::Dial { phone, number } => {
            if office.phone(*phone).calls().count() < 3 {
                office.phone_do(*phone, |phone, now| phone.dial(now, number).is_ok())?;
            }
            Ok(())
        }
        Step::Answer { phone, call } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.answer(now, call))
        }),
        Step::Reject { phone, call } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.reject(now, call, StatusCode::BUSY_HERE))
        }),
        Step::HangUp { phone, call } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.hang_up(now, call))
        }),
        Step::Hold { phone, call } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.hold(now, call))
        }),
        Step::Resume { phone, call } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.resume(now, call))
        }),
        Step::Transfer { phone, call, number } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.transfer(now, call, number))
        }),
        Step::Attended { phone, call, other } => match pick(office, *phone, other) {
            Some(other) => with_call(office, *phone, call, &|phone, now, call| {
                may_refuse(phone.transfer_attended(now, call, other))
            }),
            None => Ok(()),
        },
        Step::Digits { phone, call, digits } => with_call(office, *phone, call, &|phone, now, call| {
            may_refuse(phone.send_digits(now, call, digits))
        }),
        Step::Watch { phone, number } => office.phone_do(*phone, |phone, now| may_refuse(phone.watch(now, number))),
        Step::Habit { phone, answer } => {
            office.phone_config(*phone, |config| config.answer = *answer);
            Ok(())
        }
        Step::Vanish { phone } => office.phone_do(*phone, Phone::vanish),
        Step::Restart { phone } => office.phone_do(*phone, |phone, now| {
            phone.restart(now);
            may_refuse(phone.register(now));
        }),
        Step::Unregister { phone } => office.phone_do(*phone, |phone, now| may_refuse(phone.unregister(now))),
        Step::Configure { change } => {
            let mut config = configuration(office.phone_count(), 0);
            CHANGES[*change](&mut config);
            centre(&mut config, office.phone_count());
            let before: Vec<LegView> = office.pbx().switch().legs().collect();
            office.configure(config)?;
            let after: Vec<LegView> = office.pbx().switch().legs().collect();
            assert_eq!(before, after, "no call is touched");
            Ok(())
        }
        Step::Network { link } => {
            office.network().set_default(LINKS[*link]());
            Ok(())
        }
        Step::Wait { millis } => office.run_for(Duration::from_millis(*millis)),
    }
}

/// The far end of a leg.
struct FarEnd {
    phone: usize,
    codec: Codec,
    heard: Option<(Time, Sound)>,
}

/// Who is at the other end of a leg; `None` where no phone knows of it (any more).
fn far_end(office: &Office, leg: &LegView) -> Option<FarEnd> {
    let address = office.pbx().media_address(leg.stream)?;
    (0..office.phone_count())
        .filter(|phone| !office.phone(*phone).has_vanished())
        .find_map(|phone| {
            let mut calls = office.phone(phone).calls();
            let (_, call) = calls.find(|(_, call)| call.agreed().and_then(|agreed| agreed.remote) == Some(address))?;
            Some(FarEnd {
                phone,
                codec: call.agreed()?.codec.clone(),
                heard: call.last_sound(),
            })
        })
}

/// What a phone's voice sounds like to another, in whose codec it arrives.
fn voice(speaker: &FarEnd, listener: &FarEnd) -> Sound {
    let voice = u8::try_from(speaker.phone).unwrap() + 1;
    Sound::Voice(match (&speaker.codec, &listener.codec) {
        (speaker, listener) if speaker == listener => voice,
        (speaker, _) if *speaker == Codec::PCMA => alaw_to_ulaw(voice),
        _ => ulaw_to_alaw(voice),
    })
}

/// Lets everything settle on a good network. Then those who are connected must hear each other and the parked must hear music.
fn check_heard(office: &mut Office) -> Result<(), String> {
    office.network().set_default(Link::default());
    office.run_for(SECOND * 40).map_err(|spin| spin.to_string())?;
    let before: BTreeMap<LegId, LegView> = office.pbx().switch().legs().map(|leg| (leg.id, leg)).collect();
    let start = office.now();
    office.run_for(SECOND * 6).map_err(|spin| spin.to_string())?;
    let after: BTreeMap<LegId, LegView> = office.pbx().switch().legs().map(|leg| (leg.id, leg)).collect();
    for leg in before
        .values()
        .filter(|leg| after.get(&leg.id) == Some(*leg) && !leg.held)
    {
        let Some(listener) = far_end(office, leg) else { continue };
        let expected = match leg.place {
            Place::Talking(peer) => match before.get(&peer).filter(|peer| !peer.held) {
                Some(peer) if after.get(&peer.id) == Some(peer) => {
                    far_end(office, peer).map(|speaker| voice(&speaker, &listener))
                }
                _ => None,
            },
            Place::Parked { .. } | Place::Queued => Some(Sound::Other),
            _ => None,
        };
        let heard = listener.heard.filter(|(at, _)| *at >= start).map(|(_, sound)| sound);
        if expected.is_some() && heard != expected {
            return Err(format!(
                "phone {} hears {heard:?} instead of {expected:?}: {leg:?}",
                listener.phone
            ));
        }
    }
    Ok(())
}

fn story(office: &Office) -> String {
    let mut entries: Vec<_> = (0..office.phone_count())
        .flat_map(|phone| {
            office
                .phone(phone)
                .log()
                .map(move |entry| (entry.at, format!("phone {phone}: {:?}", entry.what)))
        })
        .chain(
            office
                .pbx()
                .events()
                .map(|(at, event)| (*at, format!("switch: {event:?}"))),
        )
        .collect();
    entries.sort_by_key(|(at, _)| *at);
    let lines = entries.into_iter().map(|(at, line)| format!("{at:?} {line}\n"));
    lines.collect::<String>()
        + &office
            .pbx()
            .switch()
            .legs()
            .map(|leg| format!("{leg:?}\n"))
            .collect::<String>()
}

/// Everybody who still can hangs up, then again those who were called meanwhile (recalls, returned transfers), until it is quiet.
fn all_hang_up(office: &mut Office) {
    office.network().set_default(Link::default());
    // Phones that may not register would go on trying.
    let mut config = configuration(office.phone_count(), 0);
    centre(&mut config, office.phone_count());
    office.configure(config).unwrap();
    for _ in 0..6 {
        for phone in 0..office.phone_count() {
            office.phone_config(phone, |config| config.answer = Answer::Reject(StatusCode::BUSY_HERE));
            let calls: Vec<CallId> = office.phone(phone).calls().map(|(id, _)| id).collect();
            for call in calls {
                office
                    .phone_do(phone, |phone, now| may_refuse(phone.hang_up(now, call)))
                    .unwrap();
            }
        }
        office.run_for(SECOND * 40).unwrap();
    }
    // A phone that vanished is found out by its silence or by SIP's timers.
    office.run_for(SECOND * 120).unwrap();
}

proptest! {
    #![proptest_config(Cases { max_shrink_iters: 2000, failure_persistence: None, ..Cases::default() })]

    #[test]
    fn everything_is_in_one_place_and_nothing_is_left(
        (phones, steps) in (4_usize..=6).prop_flat_map(|phones| (Just(phones), prop::collection::vec(step(phones), 1..100))),
        seed in any::<u8>(),
    ) {
        let mut office = office(phones, seed);
        for step in &steps {
            let done = act(&mut office, step);
            prop_assert!(done.is_ok(), "{step:?}: {done:?}\n{}", story(&office));
            let checked = office.check();
            prop_assert!(checked.is_ok(), "{step:?}: {}\n{}", checked.unwrap_err(), story(&office));
        }
        let heard = check_heard(&mut office);
        prop_assert!(heard.is_ok(), "{}\n{}", heard.unwrap_err(), story(&office));
        all_hang_up(&mut office);
        let idle = office.check_idle();
        prop_assert!(idle.is_ok(), "{}\n{}", idle.unwrap_err(), story(&office));
    }

    /// The same seed and steps give the same story, packet for packet.
    #[test]
    fn a_story_repeats_itself(steps in prop::collection::vec(step(4), 1..25), seed in any::<u8>()) {
        let play = || {
            let mut office = office(4, seed);
            office.network().set_default(Link::bad());
            for step in &steps {
                act(&mut office, step).unwrap();
            }
            (story(&office), office.network().stats())
        };
        prop_assert_eq!(play(), play());
    }
}

/// On a good network a call that was answered and not touched again is a call between those two, and each hears the other.
#[test]
fn untouched_calls_are_heard_by_both() {
    let mut office = office(6, 1);
    for (from, to) in [(0, "1002"), (2, "1004"), (4, "1006")] {
        office
            .phone_do(from, |phone, now| phone.dial(now, to))
            .unwrap()
            .unwrap();
    }
    office.run_for(SECOND * 10).unwrap();
    office.check().unwrap();
    for phone in 0..6 {
        let (_, call) = office.phone(phone).calls().next().unwrap();
        assert_eq!(call.state(), CallState::Talking);
        let partner = u8::try_from(phone ^ 1).unwrap() + 1;
        assert_eq!(
            call.last_sound().unwrap().1,
            sim::Sound::Voice(partner),
            "phone {phone}"
        );
        assert!(
            !office
                .phone(phone)
                .went_through(|what| matches!(what, Happening::Held(_)))
        );
    }
}

/// The stories above are worth their name: within a few hundred of them, everything happens that can.
#[test]
fn the_stories_are_rich() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut happened: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in 0..200 {
        let steps = prop::collection::vec(step(5), 40..80)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut office = office(5, seed);
        for step in &steps {
            act(&mut office, step).unwrap();
        }
        all_hang_up(&mut office);
        for (_, event) in office.pbx().events() {
            let what = match event {
                switch::Event::CallAnswered { .. } => "answered",
                switch::Event::Transferred { attended: false, .. } => "blind transfer",
                switch::Event::Transferred { attended: true, .. } => "attended transfer",
                switch::Event::TransferFailed { .. } => "failed transfer",
                switch::Event::Parked { .. } => "parked",
                switch::Event::RecallStarted { .. } => "recall",
                switch::Event::ParkedAgain { .. } => "parked again",
                switch::Event::Retrieved { recall: false, .. } => "retrieved",
                switch::Event::Retrieved { recall: true, .. } => "retrieved by recall",
                switch::Event::Abandoned { .. } => "abandoned",
                switch::Event::Unregistered { .. } => "unregistered",
                switch::Event::CallEnded(record) if record.cause == switch::EndCause::Vanished => "vanished",
                _ => continue,
            };
            *happened.entry(what).or_default() += 1;
        }
        for phone in 0..5 {
            for entry in office.phone(phone).log() {
                let what = match entry.what {
                    Happening::HoldChanged { .. } => "hold",
                    Happening::Cancelled(_) => "cancelled",
                    Happening::Notified { .. } => "notified",
                    _ => continue,
                };
                *happened.entry(what).or_default() += 1;
            }
        }
    }
    for what in [
        "answered",
        "blind transfer",
        "attended transfer",
        "failed transfer",
        "parked",
        "recall",
        "parked again",
        "retrieved",
        "retrieved by recall",
        "abandoned",
        "unregistered",
        "vanished",
        "hold",
        "cancelled",
        "notified",
    ] {
        assert!(happened.contains_key(what), "no {what}: {happened:?}");
    }
}
