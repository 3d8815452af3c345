//! Play-outs and digits that are sent: at their times, without drift, each ended once.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, Sent, config, event, ms, rtp};
use machine::{Machine, Time};
use rtp_media::codec::g711;
use rtp_media::dtmf::{DigitReceiver, TelephoneEvent};
use rtp_media::{Command, CommandError, Country, Event, Output, PlayId, PromptItem, Sound, Source, StreamId, Tone};
use std::time::Duration;

const ONE: StreamId = StreamId(1);

fn rig() -> Rig {
    let mut rig = Rig::new();
    for (name, value, length) in [("a", 4_000, 400), ("digits/7", 8_000, 160), ("digits/hash", 16_000, 80)] {
        rig.engine
            .add_sound(name, Sound::from_samples(&vec![value; length]))
            .unwrap();
    }
    rig.open(1, config(1));
    rig
}

fn play(rig: &mut Rig, play: u64, source: Source, repeat: bool) -> Result<(), CommandError> {
    rig.command(Command::Play {
        stream: ONE,
        play: PlayId(play),
        source,
        repeat,
    })
}

fn rtp_of(outputs: &[(Time, Output)]) -> Vec<Sent> {
    outputs
        .iter()
        .filter_map(|(at, output)| Sent::of(*at, output))
        .collect()
}

fn events_of(outputs: Vec<(Time, Output)>) -> Vec<(Time, Event)> {
    outputs
        .into_iter()
        .filter_map(|(at, output)| Some((at, event(output)?)))
        .collect()
}

fn ended(play: u64, completed: bool) -> Event {
    Event::PlayEnded {
        stream: ONE,
        play: PlayId(play),
        completed,
    }
}

#[test]
fn a_prompt_is_spoken_sample_by_sample() {
    let mut rig = rig();
    let start = rig.now;
    let items = vec![
        PromptItem::Sound("a".into()),
        PromptItem::Silence(ms(10)),
        PromptItem::Digits("7#".into()),
    ];
    play(&mut rig, 1, Source::Prompt(items), false).unwrap();
    let outputs = rig.pass(ms(200));
    let sent = rtp_of(&outputs);
    // 400 + 80 + 160 + 80 samples: five packets, of which the last is filled up with silence.
    let spoken: Vec<u8> = sent.iter().flat_map(|packet| packet.payload.clone()).collect();
    let code = |sample, count| vec![g711::ulaw_encode(sample); count];
    assert_eq!(
        spoken,
        [
            code(4_000, 400),
            code(0, 80),
            code(8_000, 160),
            code(16_000, 80),
            code(0, 80)
        ]
        .concat()
    );
    for (n, packet) in (0u32..).zip(&sent) {
        assert_eq!(packet.at, start + ms(20) * n);
        assert_eq!(packet.header.marker, n == 0);
        assert_eq!(packet.header.timestamp, sent[0].header.timestamp.wrapping_add(n * 160));
    }
    assert_eq!(
        events_of(outputs),
        [(start + ms(100), ended(1, true))],
        "when the last packet has been heard"
    );
    assert_eq!(rig.pass(ms(1_000)).len(), 0);
}

#[test]
fn hours_of_music_do_not_drift() {
    let mut rig = rig();
    let start = rig.now;
    play(&mut rig, 1, Source::Music("a".into()), false).unwrap();
    let (mut packets, mut first) = (0u64, None);
    // A caller whose timers are late by up to 15 ms, differently each time.
    let end = start + Duration::from_secs(3 * 3_600);
    while let Some(due) = rig.engine.poll_timeout().filter(|due| *due < end) {
        rig.now = due + Duration::from_micros(packets * 7_919 % 15_000);
        rig.engine.handle_timeout(rig.now);
        for packet in rig.sent() {
            let first = *first.get_or_insert(packet.header.timestamp);
            let wall = u32::try_from(packets * 160).unwrap();
            assert_eq!(packet.header.timestamp.wrapping_sub(first), wall);
            assert_eq!(packet.header.marker, packets == 0);
            packets += 1;
        }
    }
    assert_eq!(packets, 3 * 3_600 * 50);
}

#[test]
fn a_caller_who_slept_goes_on_without_a_flood() {
    let mut rig = rig();
    play(&mut rig, 1, Source::Tone(Tone::Dial), true).unwrap();
    let before = rig.sent()[0].clone();
    rig.now += ms(200);
    rig.engine.handle_timeout(rig.now);
    assert_eq!(rig.sent().len(), 10, "what was missed is made good");
    rig.now += Duration::from_secs(3_600);
    rig.engine.handle_timeout(rig.now);
    assert!(rig.engine.poll_timeout().unwrap() > rig.now);
    let late = rig.sent();
    assert_eq!(late.len(), 1);
    assert!(late[0].header.marker);
    let next = rig.pass(ms(20));
    for packet in [&late[0], &rtp_of(&next)[0]] {
        let clock = u32::try_from((packet.at - before.at).as_millis() * 8).unwrap();
        assert_eq!(packet.header.timestamp.wrapping_sub(before.header.timestamp), clock);
    }
}

#[test]
fn tones_are_those_of_the_country_and_a_single_cycle_ends() {
    let mut config_uk = rtp_media::EngineConfig::default();
    config_uk.country = Country::Uk;
    let mut rig = Rig::with(config_uk);
    rig.open(1, config(1));
    play(&mut rig, 1, Source::Tone(Tone::Ringback), false).unwrap();
    let outputs = rig.pass(ms(4_000));
    let codes: Vec<u8> = rtp_of(&outputs)
        .iter()
        .flat_map(|packet| packet.payload.clone())
        .collect();
    let mut samples = vec![0; codes.len()];
    Tone::Ringback.fill(Country::Uk, 0, &mut samples);
    assert_eq!(codes.len(), 3_000 * 8);
    assert!(
        codes
            .iter()
            .zip(samples)
            .all(|(code, sample)| *code == g711::ulaw_encode(sample))
    );
    assert_eq!(events_of(outputs).len(), 1);
}

#[test]
fn other_packet_times_and_laws() {
    let mut rig = rig();
    for (ptime, length) in [
        (0, 160),
        (1, 80),
        (10, 80),
        (30, 240),
        (100, 800),
        (101, 800),
        (u16::MAX, 800),
    ] {
        let mut other = common::alaw(1);
        other.ptime_ms = ptime;
        rig.update(1, other);
        play(&mut rig, 1, Source::Tone(Tone::Dial), true).unwrap();
        let outputs = rig.pass(ms(1_200));
        let sent = rtp_of(&outputs);
        assert!(
            sent.iter()
                .all(|packet| packet.payload.len() == length && packet.header.payload_type == 8)
        );
        let codes: Vec<u8> = sent.iter().flat_map(|packet| packet.payload.clone()).collect();
        assert!(
            (1_200 * 8..=1_300 * 8).contains(&codes.len()),
            "{} of {ptime} ms",
            codes.len()
        );
    }
}

#[test]
fn every_play_out_ends_once() {
    let mut rig = rig();
    let dial = || Source::Tone(Tone::Dial);
    play(&mut rig, 1, dial(), true).unwrap();
    play(&mut rig, 2, dial(), true).unwrap();
    assert_eq!(rig.events(), [ended(1, false)]);
    rig.command(Command::Stop { stream: ONE }).unwrap();
    assert_eq!(rig.events(), [ended(2, false)]);
    rig.command(Command::Stop { stream: ONE }).unwrap();
    assert_eq!(rig.events(), []);
    // A play-out that is refused leaves the one that is under way alone.
    play(&mut rig, 3, dial(), true).unwrap();
    rig.drain();
    let refused = play(&mut rig, 4, Source::Music("none".into()), false);
    assert_eq!(refused, Err(CommandError::UnknownSound));
    assert_eq!(
        rig.events(),
        [Event::Failed {
            stream: ONE,
            error: CommandError::UnknownSound
        }]
    );
    assert_eq!(rtp_of(&rig.pass(ms(100))).len(), 5);
    rig.command(Command::Close { stream: ONE }).unwrap();
    let events = rig.events();
    assert!(matches!(
        events[..],
        [Event::PlayEnded { play: PlayId(3), .. }, Event::Closed { .. }]
    ));
}

#[test]
fn held_the_play_out_runs_on_unheard() {
    let mut rig = rig();
    let mut held = config(1);
    held.send = false;
    rig.update(1, held);
    let start = rig.now;
    play(&mut rig, 1, Source::Prompt(vec![PromptItem::Silence(ms(100))]), false).unwrap();
    let outputs = rig.pass(ms(60));
    assert_eq!(rtp_of(&outputs), []);
    rig.update(1, config(1));
    let outputs = rig.pass(ms(60));
    assert_eq!(
        rtp_of(&outputs)
            .iter()
            .map(|packet| packet.header.marker)
            .collect::<Vec<_>>(),
        [true]
    );
    assert_eq!(events_of(outputs), [(start + ms(100), ended(1, true))]);
}

#[test]
fn digits_are_sent_as_events_between_the_sound() {
    let mut rig = rig();
    play(&mut rig, 1, Source::Tone(Tone::Dial), true).unwrap();
    let mut outputs = rig.pass(ms(100));
    rig.command(Command::SendDigits {
        stream: ONE,
        digits: "5d".into(),
    })
    .unwrap();
    outputs.append(&mut rig.pass(ms(600)));
    let sent = rtp_of(&outputs);
    let first = &sent[0];
    let mut receiver = DigitReceiver::default();
    let mut heard = Vec::new();
    for (n, packet) in (0u16..).zip(&sent) {
        assert_eq!(packet.header.sequence, first.header.sequence.wrapping_add(n), "no hole");
        if packet.header.payload_type == 101 {
            let event = TelephoneEvent::parse(&packet.payload).unwrap();
            let told = receiver.receive(packet.at, packet.header.timestamp, event);
            heard.extend(told.into_iter().flatten().map(|digit| (digit.digit, digit.duration)));
        }
    }
    assert_eq!(heard, [('5', ms(100)), ('D', ms(100))]);
    let events: Vec<_> = sent.iter().filter(|packet| packet.header.payload_type == 101).collect();
    assert_eq!(events.len(), 14);
    let stamps: Vec<_> = events.iter().map(|packet| packet.header.timestamp).collect();
    assert!(stamps[..7].iter().all(|stamp| *stamp == stamps[0]) && stamps[7..].iter().all(|s| *s == stamps[7]));
    let clock = u32::try_from((events[7].at - first.at).as_millis() * 8).unwrap();
    assert_eq!(stamps[7].wrapping_sub(first.header.timestamp), clock);
    assert_eq!(
        events
            .iter()
            .map(|packet| packet.header.marker)
            .filter(|marker| *marker)
            .count(),
        2
    );
    // The sound after them carries a marker, and the time that has passed.
    let after = sent
        .iter()
        .rposition(|packet| packet.header.payload_type == 101)
        .unwrap()
        + 1;
    assert!(sent[after].header.marker);
    let clock = u32::try_from((sent[after].at - first.at).as_millis() * 8).unwrap();
    assert_eq!(sent[after].header.timestamp.wrapping_sub(first.header.timestamp), clock);
    // Meanwhile the sound stood still and was not lost.
    assert!(sent[after..].iter().all(|packet| packet.header.payload_type == 0));
}

#[test]
fn digits_silence_the_bridge_while_they_last() {
    let mut rig = Rig::bridged(2);
    rig.command(Command::SendDigits {
        stream: StreamId(2),
        digits: "1".into(),
    })
    .unwrap();
    let mut sent = rig.sent();
    for n in 0..15u16 {
        rig.receive(1, &rtp(0, n, u32::from(n) * 160, &[0; 160]));
        sent.append(&mut rtp_of(&rig.pass(ms(20))));
    }
    let types: Vec<_> = sent.iter().map(|packet| packet.header.payload_type).collect();
    assert_eq!(types, [vec![101; 7], vec![0; 5]].concat());
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
    }
}

#[test]
fn digits_that_cannot_be_sent_are_refused() {
    let mut rig = rig();
    let send = |rig: &mut Rig, digits: &str| {
        rig.command(Command::SendDigits {
            stream: ONE,
            digits: digits.into(),
        })
    };
    assert_eq!(send(&mut rig, "12x"), Err(CommandError::InvalidDigit));
    assert_eq!(send(&mut rig, ""), Err(CommandError::NoDigits));
    assert_eq!(send(&mut rig, &"1".repeat(65)), Err(CommandError::TooManyDigits));
    assert_eq!(rig.sent(), []);
    assert_eq!(send(&mut rig, &"1".repeat(64)), Ok(()));
    assert_eq!(send(&mut rig, "1"), Err(CommandError::TooManyDigits));
    let mut deaf = config(1);
    deaf.dtmf_send = None;
    rig.update(1, deaf);
    assert_eq!(
        rtp_of(&rig.pass(ms(1_000))).len(),
        1,
        "those that wait are forgotten with the agreement"
    );
    assert_eq!(send(&mut rig, "1"), Err(CommandError::DigitsNotAgreed));
}
