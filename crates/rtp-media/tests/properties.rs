//! Any sequence of commands, packets and steps of time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

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
#[cfg(feature = "serde")]
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
