//! Any sequence of commands, packets and steps of time.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, config, ms, rtp};
use machine::Machine;
use proptest::prelude::*;
use rtp_media::{Command, PlayId, Sound, Source, StreamId, fuzz};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_engine_keeps_its_contract(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        fuzz::engine(&data);
    }

    #[test]
    fn any_bytes_are_a_packet_or_not(data in proptest::collection::vec(any::<u8>(), 0..100)) {
        fuzz::rtp_packet(&data);
        fuzz::rtcp_compound(&data);
        fuzz::wav(&data);
    }
}

proptest! {
    /// What a receiver without events sees of a stream with losses: holes where packets were lost, none where events were
    /// left out. The model counts those that came before.
    #[test]
    fn holes_are_those_of_the_source(
        first: u16, fates in proptest::collection::vec((any::<bool>(), 0u8..4), 1..200),
    ) {
        let mut rig = Rig::bridged(1 + 1);
        let mut deaf = config(2);
        deaf.dtmf_send = None;
        rig.update(2, deaf);
        let (mut left_out, mut begun, mut expected) = (0u16, None, Vec::new());
        for (n, (event, fate)) in (0u16..).zip(fates) {
            if fate == 0 {
                continue;
            }
            let sequence = first.wrapping_add(n);
            if event {
                rig.receive(1, &rtp(101, sequence, 9, &[1, 10, 0, 1]));
                left_out += u16::from(begun.is_some());
            } else {
                rig.receive(1, &rtp(0, sequence, u32::from(n) * 160, &[0; 160]));
                let begun = *begun.get_or_insert(n);
                expected.push(n - begun - left_out);
            }
        }
        let sent: Vec<u16> = rig.sent().iter().map(|packet| packet.header.sequence).collect();
        let numbers: Vec<u16> = sent.iter().map(|sequence| sequence.wrapping_sub(sent[0])).collect();
        prop_assert_eq!(numbers, expected);
    }
}

/// A call with everything in it, as text.
fn story(seed_time: u64) -> String {
    let mut rig = Rig::bridged(3);
    rig.now += ms(seed_time);
    rig.engine.add_sound("a", Sound::from_samples(&[99; 800])).unwrap();
    let mut told = String::new();
    for step in 0..400u16 {
        rig.receive(1, &rtp(0, step, u32::from(step) * 160, &[step as u8; 160]));
        if step == 50 {
            let (play, source) = (PlayId(1), Source::Music("a".into()));
            rig.command(Command::Play {
                stream: StreamId(2),
                play,
                source,
                repeat: false,
            })
            .unwrap();
            rig.command(Command::SendDigits {
                stream: StreamId(1),
                digits: "12".into(),
            })
            .unwrap();
        }
        if step == 300 {
            rig.command(Command::Stop { stream: StreamId(2) }).unwrap();
        }
        for (at, output) in rig.pass(ms(20)) {
            told += &format!("{at:?} {output:?} ");
            if let rtp_media::Output::Transmit(transmit) = output {
                told += &format!("{:?}\n", &transmit.data[..]);
            }
        }
    }
    told
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    assert_eq!(story(0), story(0));
    assert_ne!(story(0), story(1));
}

#[test]
fn time_that_goes_back_is_the_latest_time() {
    let mut rig = Rig::bridged(2);
    rig.engine.handle_timeout(rig.now + ms(500));
    let earlier = rig.now;
    rig.engine.handle_timeout(earlier);
    assert!(rig.engine.poll_timeout().unwrap() > earlier + ms(500));
    rig.open(5, config(5));
    rig.command(Command::Close { stream: StreamId(5) }).unwrap();
    let [rtp_media::Event::Closed { report, .. }] = &rig.events()[..] else {
        unreachable!()
    };
    assert_eq!(report.duration, ms(0));
}

/// Written and read back in the middle of a call, the engine goes on as if nothing had happened.
#[test]
fn a_snapshot_goes_on() {
    let mut rig = Rig::bridged(2);
    let sound = Sound::from_samples(&[99; 805]);
    rig.engine.add_sound("a", sound.clone()).unwrap();
    let source = Source::Music("a".into());
    rig.command(Command::Play {
        stream: StreamId(1),
        play: PlayId(1),
        source,
        repeat: false,
    })
    .unwrap();
    for step in 0..40u16 {
        rig.receive(1, &rtp(0, step, u32::from(step) * 160, &[step as u8; 160]));
        rig.pass(ms(20));
    }
    let text = serde_json::to_string(&rig.engine).unwrap();
    let mut again = Rig {
        engine: serde_json::from_str(&text).unwrap(),
        now: rig.now,
    };
    again.engine.add_sound("a", sound).unwrap();
    for step in 40..400u16 {
        for rig in [&mut rig, &mut again] {
            rig.receive(1, &rtp(0, step, u32::from(step) * 160, &[step as u8; 160]));
        }
        assert_eq!(rig.pass(ms(20)), again.pass(ms(20)));
    }
    assert_eq!(
        serde_json::to_string(&rig.engine).unwrap(),
        serde_json::to_string(&again.engine).unwrap()
    );
}
