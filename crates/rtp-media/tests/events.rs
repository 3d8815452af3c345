//! What an engine tells: digits, silence, refusals; and its limits.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, config, event, ms, rtp, rtp_of};
use machine::{Machine, Time};
use rtp_media::{Command, CommandError, EngineConfig, Event, Output, PlayId, Source, StreamId, Tone};
use std::time::Duration;

const ONE: StreamId = StreamId(1);

fn digit(end: bool, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [11, if end { 0x8a } else { 10 }, high, low]
}

fn told(millis: u64) -> Event {
    Event::Digit {
        stream: ONE,
        digit: '#',
        duration: ms(millis),
    }
}

/// The events of so many milliseconds.
fn told_in(rig: &mut Rig, millis: u64) -> Vec<(Time, Event)> {
    rig.pass(ms(millis))
        .into_iter()
        .filter_map(|(at, output)| Some((at, event(output)?)))
        .collect()
}

#[test]
fn a_digit_is_told_once_and_passed_on() {
    let mut rig = Rig::bridged(2);
    let mut events = Vec::new();
    let mut passed = 0;
    for (sequence, end) in [(1, false), (2, false), (3, true), (4, true), (4, true), (5, true)] {
        rig.receive(1, &rtp(101, sequence, 1_000, &digit(end, 480)));
        for (_, output) in rig.pass(ms(20)) {
            match output {
                Output::Event(event) => events.push(event),
                _ => passed += 1,
            }
        }
    }
    rig.pass(ms(1_000))
        .into_iter()
        .for_each(|(_, output)| events.extend(event(output)));
    assert_eq!(events, [told(60)]);
    assert_eq!(passed, 6);
}

#[test]
fn a_digit_whose_ends_are_lost_is_told_after_200_ms() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    rig.receive(1, &rtp(101, 1, 1_000, &digit(false, 160)));
    assert_eq!(told_in(&mut rig, 100), []);
    rig.receive(1, &rtp(101, 2, 1_000, &digit(false, 320)));
    let start = rig.now;
    assert_eq!(told_in(&mut rig, 199), []);
    assert_eq!(told_in(&mut rig, 1), [(start + ms(200), told(40))]);
    rig.receive(1, &rtp(101, 3, 1_000, &digit(true, 800)));
    assert_eq!(told_in(&mut rig, 1_000), []);
}

#[test]
fn a_phone_that_begins_anew_loses_no_digit_and_doubles_none() {
    let mut rig = Rig::bridged(2);
    rig.receive(1, &rtp(101, 1, 1_000, &digit(false, 160)));
    rig.receive(1, &rtp_of(8, 101, 60_000, 500, &digit(true, 800)));
    rig.receive(1, &rtp_of(8, 101, 60_001, 500, &digit(true, 800)));
    assert_eq!(rig.events(), [told(20), told(100)]);
}

#[test]
fn silence_is_told_at_its_time_and_once() {
    let mut rig = Rig::new();
    let mut watched = config(1);
    watched.silence_timeout = Some(Duration::from_secs(30));
    rig.open(1, watched);
    rig.pass(ms(29_000));
    rig.receive(1, &rtp(0, 1, 0, &[0; 160]));
    let heard = rig.now;
    let quiet = |outputs: Vec<(Time, Output)>| -> Vec<_> {
        outputs
            .into_iter()
            .filter_map(|(at, output)| Some((at, event(output)?)))
            .collect()
    };
    assert_eq!(quiet(rig.pass(Duration::from_nanos(29_999_999_999))), []);
    let silent = Event::Silent {
        stream: ONE,
        quiet_for: Duration::from_secs(30),
    };
    assert_eq!(
        quiet(rig.pass(Duration::from_nanos(1))),
        [(heard + Duration::from_secs(30), silent.clone())]
    );
    assert_eq!(quiet(rig.pass(Duration::from_secs(600))), []);
    // Heard again, it is watched again.
    rig.receive(1, &rtp(0, 2, 0, &[0; 160]));
    let heard = rig.now;
    assert_eq!(
        quiet(rig.pass(Duration::from_secs(30))),
        [(heard + Duration::from_secs(30), silent)]
    );
    // Another agreement gives the peer its time anew: here, to come back from hold.
    rig.update(1, config(1));
    rig.pass(Duration::from_secs(600));
    rig.update(1, watched);
    let agreed = rig.now;
    let told = quiet(rig.pass(Duration::from_secs(31)));
    assert_eq!(
        told.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [agreed + Duration::from_secs(30)]
    );
    // Not watched, it is not told.
    rig.update(1, config(1));
    assert_eq!(quiet(rig.pass(Duration::from_secs(600))), []);
}

#[test]
fn misuse_is_refused_and_told_where_somebody_waits() {
    let mut rig = Rig::bridged(2);
    let nine = StreamId(9);
    let play = Command::Play {
        stream: nine,
        play: PlayId(1),
        source: Source::Tone(Tone::Dial),
        repeat: true,
    };
    let unknown = [
        (
            Command::Update {
                stream: nine,
                config: config(9),
            },
            true,
        ),
        (Command::Close { stream: nine }, false),
        (Command::Bridge { a: nine, b: ONE }, true),
        (Command::Unbridge { stream: nine }, false),
        (play, true),
        (Command::Stop { stream: nine }, false),
        (
            Command::SendDigits {
                stream: nine,
                digits: "1".into(),
            },
            true,
        ),
    ];
    for (command, waits) in unknown {
        assert_eq!(rig.command(command), Err(CommandError::UnknownStream));
        let failed = Event::Failed {
            stream: nine,
            error: CommandError::UnknownStream,
        };
        assert_eq!(rig.events(), if waits { vec![failed] } else { vec![] });
    }
    assert_eq!(
        rig.command(Command::Bridge { a: ONE, b: ONE }),
        Err(CommandError::SelfBridge)
    );
    assert_eq!(rig.events().len(), 1);
    assert_eq!(
        rig.command(Command::Open {
            stream: ONE,
            config: config(1)
        }),
        Err(CommandError::DuplicateStream)
    );
    assert_eq!(rig.events(), []);
    // The bridge is as it was.
    rig.receive(1, &rtp(0, 1, 0, &[0; 160]));
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn payload_types_that_cannot_be_told_apart_are_refused() {
    let mut rig = Rig::new();
    let mut open = |change: &dyn Fn(&mut rtp_media::StreamConfig)| {
        let mut config = config(1);
        change(&mut config);
        let result = rig.command(Command::Open { stream: ONE, config });
        if result.is_ok() {
            rig.command(Command::Close { stream: ONE }).unwrap();
        }
        result
    };
    assert_eq!(open(&|_| {}), Ok(()));
    assert_eq!(open(&|config| config.send_payload = 127), Ok(()));
    for wrong in [64, 72, 95, 128, 255] {
        assert_eq!(
            open(&|config| config.send_payload = wrong),
            Err(CommandError::PayloadType)
        );
        assert_eq!(
            open(&|config| config.receive_payload = wrong),
            Err(CommandError::PayloadType)
        );
        assert_eq!(
            open(&|config| config.dtmf_send = Some(wrong)),
            Err(CommandError::PayloadType)
        );
        assert_eq!(
            open(&|config| config.dtmf_receive = Some(wrong)),
            Err(CommandError::PayloadType)
        );
    }
    assert_eq!(
        open(&|config| config.dtmf_send = Some(config.send_payload)),
        Err(CommandError::PayloadType)
    );
    assert_eq!(
        open(&|config| config.dtmf_receive = Some(config.receive_payload)),
        Err(CommandError::PayloadType)
    );
}

#[test]
fn streams_and_outputs_are_limited() {
    let mut limited = EngineConfig::default();
    limited.limits.streams = 2;
    limited.limits.outputs = 3;
    let mut rig = Rig::with(limited);
    rig.open(1, config(1));
    rig.open(2, config(2));
    let refused = rig.command(Command::Open {
        stream: StreamId(3),
        config: config(3),
    });
    assert_eq!(refused, Err(CommandError::Full));
    assert_eq!(
        rig.events(),
        [Event::Failed {
            stream: StreamId(3),
            error: CommandError::Full
        }]
    );
    rig.bridge(1, 2);
    (0..10).for_each(|sequence| rig.receive(1, &rtp(0, sequence, 0, &[0; 160])));
    rig.receive(1, &rtp(101, 10, 9_000, &digit(true, 800)));
    let outputs = rig.drain();
    assert_eq!(outputs.len(), 4, "three packets, and the event that is never dropped");
    assert_eq!(rig.engine.stats().overflowed, 7 + 1);
    rig.command(Command::Close { stream: ONE }).unwrap();
    rig.open(3, config(3));
    assert_eq!(rig.engine.live_streams(), 2);
}

#[test]
fn a_closed_stream_tells_what_went_over_it_and_leaves_nothing() {
    let mut rig = Rig::bridged(2);
    for sequence in [1, 2, 4, 5] {
        rig.receive(1, &rtp(0, sequence, u32::from(sequence) * 160, &[0; 160]));
        rig.pass(ms(20));
    }
    rig.command(Command::Close { stream: ONE }).unwrap();
    rig.command(Command::Close { stream: StreamId(2) }).unwrap();
    let reports: Vec<_> = rig.events();
    let [Event::Closed { report: one, .. }, Event::Closed { report: two, .. }] = &reports[..] else {
        unreachable!("{reports:?}")
    };
    assert_eq!(
        (one.packets_received, one.bytes_received, one.lost, one.packets_sent),
        (4, 640, 1, 0)
    );
    assert_eq!((two.packets_received, two.packets_sent, two.bytes_sent), (0, 4, 640));
    assert_eq!(one.duration, ms(80));
    assert_eq!((rig.engine.live_streams(), rig.engine.poll_timeout()), (0, None));
}
