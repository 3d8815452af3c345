//! Two streams in a bridge: what one receives, the other sends under numbers of its own.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use std::time::Duration;

use common::{Rig, Sent, alaw, config, ms, peer, rtp, rtp_of};
use rtp_media::codec::g711;
use rtp_media::packet::{Extension, RtpHeader, RtpWriter};
use rtp_media::{Command, PlayId, Sound, Source, StreamId};

const SPEECH: [u8; 160] = [0x31; 160];

/// The packets of one stream are numbered without holes, and carry one SSRC.
fn assert_unbroken(sent: &[Sent]) {
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
        assert_eq!(pair[1].header.ssrc, pair[0].header.ssrc);
    }
}

#[test]
fn payloads_pass_unchanged_under_our_own_numbers() {
    let mut rig = Rig::bridged(2);
    let mut sent = Vec::new();
    for n in 0..5u16 {
        let payload = [n as u8; 160];
        rig.receive(
            1,
            &rtp(0, 65_533u16.wrapping_add(n), 99_000 + u32::from(n) * 160, &payload),
        );
        let mut out = rig.sent();
        assert_eq!(out.len(), 1);
        assert_eq!((out[0].stream, out[0].remote), (2, peer(2)));
        assert_eq!(out[0].payload, payload);
        sent.append(&mut out);
        rig.now += ms(20);
    }
    assert_unbroken(&sent);
    assert_ne!(sent[0].header.ssrc, 7);
    assert_eq!(
        sent.iter().map(|packet| packet.header.marker).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
    for pair in sent.windows(2) {
        assert_eq!(pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp), 160);
    }
    assert_eq!(rig.engine.stats().relayed, 5);
    assert_eq!(rig.engine.stats().transcoded, 0);
}

#[test]
fn loss_order_markers_and_doubles_are_those_of_the_source() {
    let mut rig = Rig::bridged(2);
    for sequence in [10, 11, 14, 13, 14, 12] {
        rig.receive(1, &rtp(0, sequence, u32::from(sequence) * 160, &SPEECH));
    }
    let sent = rig.sent();
    let first = sent[0].header;
    let shape: Vec<_> = sent
        .iter()
        .map(|p| {
            (
                p.header.sequence.wrapping_sub(first.sequence),
                p.header.timestamp.wrapping_sub(first.timestamp),
            )
        })
        .collect();
    assert_eq!(shape, [(0, 0), (1, 160), (4, 640), (3, 480), (4, 640), (2, 320)]);
    let talk_spurt = RtpHeader {
        marker: true,
        payload_type: 0,
        sequence: 15,
        timestamp: 9_000,
        ssrc: 7,
    };
    rig.receive(1, &RtpWriter::new(talk_spurt, &SPEECH).to_packet().unwrap());
    assert!(rig.sent()[0].header.marker);
}

#[test]
fn only_header_and_payload_pass() {
    let mut rig = Rig::bridged(2);
    let header = RtpHeader {
        payload_type: 0,
        sequence: 1,
        timestamp: 1,
        ssrc: 7,
        marker: false,
    };
    let mut writer = RtpWriter::new(header, &SPEECH);
    writer.contributing_sources = &[1, 2];
    writer.extension = Some(Extension::new(0xbede, &[1, 2, 3, 4]));
    writer.padding = 9;
    rig.receive(1, &writer.to_packet().unwrap());
    assert_eq!(rig.sent()[0].payload, SPEECH);
}

#[test]
fn different_laws_are_transcoded_both_ways() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    rig.open(2, alaw(2));
    rig.bridge(1, 2);
    let all: Vec<u8> = (0..=255).collect();
    rig.receive(1, &rtp(0, 1, 0, &all));
    rig.receive(2, &rtp(8, 1, 0, &all));
    let sent = rig.sent();
    assert_eq!((sent[0].stream, sent[0].header.payload_type), (2, 8));
    assert_eq!(
        sent[0].payload,
        all.iter().map(|code| g711::ulaw_to_alaw(*code)).collect::<Vec<_>>()
    );
    assert_eq!((sent[1].stream, sent[1].header.payload_type), (1, 0));
    assert_eq!(
        sent[1].payload,
        all.iter().map(|code| g711::alaw_to_ulaw(*code)).collect::<Vec<_>>()
    );
    assert_eq!(rig.engine.stats().transcoded, 2);
    // A phone that may use both laws changes to the other.
    rig.receive(1, &rtp(8, 2, 160, &all));
    let sent = rig.sent();
    assert_eq!((sent[0].header.payload_type, &sent[0].payload), (8, &all));
}

#[test]
fn payload_types_are_those_that_the_receiver_agreed_to() {
    let mut rig = Rig::new();
    let mut one = config(1);
    (one.receive_payload, one.dtmf_receive) = (97, Some(98));
    let mut two = config(2);
    (two.send_payload, two.dtmf_send) = (110, Some(111));
    rig.open(1, one);
    rig.open(2, two);
    rig.bridge(1, 2);
    rig.receive(1, &rtp(97, 1, 0, &SPEECH));
    rig.receive(1, &rtp(98, 2, 160, &[5, 10, 0, 160]));
    let types: Vec<_> = rig.sent().iter().map(|packet| packet.header.payload_type).collect();
    assert_eq!(types, [110, 111]);
}

#[test]
fn events_share_their_timestamp_on_the_other_side() {
    let mut rig = Rig::bridged(2);
    rig.receive(1, &rtp(0, 1, 1_000, &SPEECH));
    for sequence in 2..6 {
        rig.receive(1, &rtp(101, sequence, 1_160, &[1, 10, 0, 160]));
    }
    rig.receive(1, &rtp(0, 6, 1_960, &SPEECH));
    let sent = rig.sent();
    assert_unbroken(&sent);
    let start = sent[0].header.timestamp;
    let times: Vec<_> = sent
        .iter()
        .map(|packet| packet.header.timestamp.wrapping_sub(start))
        .collect();
    assert_eq!(times, [0, 160, 160, 160, 160, 960]);
}

#[test]
fn what_the_receiver_did_not_agree_to_is_left_out_without_a_hole() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    let mut deaf = config(2);
    deaf.dtmf_send = None;
    rig.open(2, deaf);
    rig.bridge(1, 2);
    let mut sequence = 65_500u16;
    for round in 0..30u32 {
        for kind in [0, 101, 101, 13, 0] {
            let payload: &[u8] = if kind == 101 { &[1, 10, 0, 160] } else { &SPEECH };
            rig.receive(1, &rtp(kind, sequence, round * 800, payload));
            sequence = sequence.wrapping_add(1);
        }
    }
    let sent = rig.sent();
    assert_eq!(sent.len(), 60);
    assert_unbroken(&sent);
    assert_eq!(rig.engine.stats().unknown_payload, 30);
}

#[test]
fn a_packet_that_is_late_over_a_hole_keeps_its_place() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    let mut deaf = config(2);
    deaf.dtmf_send = None;
    rig.open(2, deaf);
    rig.bridge(1, 2);
    rig.receive(1, &rtp(0, 10, 0, &SPEECH));
    for sequence in [12, 13, 14] {
        rig.receive(1, &rtp(101, sequence, 320, &[1, 10, 0, 160]));
    }
    rig.receive(1, &rtp(0, 11, 160, &SPEECH));
    rig.receive(1, &rtp(0, 15, 800, &SPEECH));
    assert_unbroken(&rig.sent());
}

#[test]
fn another_source_goes_on_where_the_one_before_ended() {
    let mut rig = Rig::bridged(3);
    let mut sent = Vec::new();
    rig.receive(1, &rtp(0, 100, 5_000, &SPEECH));
    rig.now += ms(20);
    // The phone begins anew with another SSRC.
    rig.receive(1, &rtp_of(8, 0, 40_000, 777, &SPEECH));
    rig.now += ms(1_000);
    // Another phone takes its place in the bridge.
    rig.bridge(3, 2);
    rig.receive(1, &rtp_of(8, 0, 40_001, 937, &SPEECH));
    rig.receive(3, &rtp_of(9, 0, 3, 4_000_000_000, &SPEECH));
    rig.now += ms(20);
    rig.receive(3, &rtp_of(9, 0, 4, 4_000_000_160, &SPEECH));
    // A packet from before the change comes too late.
    rig.receive(3, &rtp_of(9, 0, 2, 3_999_999_840, &SPEECH));
    sent.append(&mut rig.sent());
    assert_unbroken(&sent);
    let start = sent[0].header.timestamp;
    let times: Vec<_> = sent
        .iter()
        .map(|p| (p.header.timestamp.wrapping_sub(start), p.header.marker))
        .collect();
    assert_eq!(
        times,
        [(0, true), (160, true), (160 + 8_000, true), (320 + 8_000, false)]
    );
    assert_eq!(rig.engine.stats().out_of_sequence, 1);
}

#[test]
fn a_source_that_jumps_is_believed_with_its_second_packet() {
    let mut rig = Rig::bridged(2);
    for (sequence, timestamp) in [(10, 0), (11, 160), (40_000, 5_000), (40_001, 5_160), (40_002, 5_320)] {
        rig.receive(1, &rtp(0, sequence, timestamp, &SPEECH));
        rig.now += ms(20);
    }
    let sent = rig.sent();
    assert_eq!(sent.len(), 4);
    assert_unbroken(&sent);
    assert_eq!(
        sent[2].header.timestamp.wrapping_sub(sent[1].header.timestamp),
        320,
        "by the clock: one was left out"
    );
}

#[test]
fn a_play_out_overrides_the_bridge_and_gives_it_back() {
    let mut rig = Rig::bridged(2);
    rig.engine
        .add_sound("hello", Sound::from_samples(&[1_000; 480]))
        .unwrap();
    let mut outputs = Vec::new();
    for step in 0..12u16 {
        if step == 3 {
            let source = Source::Music("hello".into());
            let play = Command::Play {
                stream: StreamId(2),
                play: PlayId(1),
                source,
                repeat: false,
            };
            rig.command(play).unwrap();
        }
        if step == 8 {
            rig.command(Command::Stop { stream: StreamId(2) }).unwrap();
        }
        rig.receive(1, &rtp(0, step, u32::from(step) * 160, &SPEECH));
        // What is due at the very end is left for after the next command.
        outputs.append(&mut rig.pass(ms(20) - Duration::from_nanos(1)));
        rig.now += Duration::from_nanos(1);
    }
    let sent: Vec<_> = outputs
        .iter()
        .filter_map(|(at, output)| Sent::of(*at, output))
        .collect();
    assert_unbroken(&sent);
    let bridged: Vec<_> = sent.iter().map(|packet| packet.payload == SPEECH).collect();
    assert_eq!(bridged, [vec![true; 3], vec![false; 5], vec![true; 4]].concat());
    let start = (sent[0].header.timestamp, sent[0].at);
    for packet in &sent {
        let clock = (packet.at - start.1).as_millis() * 8;
        assert_eq!(
            u128::from(packet.header.timestamp.wrapping_sub(start.0)),
            clock,
            "timestamps follow the clock"
        );
    }
    let markers: Vec<_> = (0..)
        .zip(&sent)
        .filter(|(_, packet)| packet.header.marker)
        .map(|(at, _)| at)
        .collect();
    assert_eq!(markers, [0, 3, 8]);
}

#[test]
fn held_streams_neither_send_nor_hear() {
    let mut rig = Rig::bridged(2);
    let mut held = config(2);
    held.send = false;
    rig.update(2, held);
    rig.receive(1, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent(), []);
    let mut deaf = config(1);
    deaf.receive = false;
    rig.update(2, config(2));
    rig.update(1, deaf);
    rig.receive(1, &rtp(0, 2, 160, &SPEECH));
    rig.receive(1, &rtp(101, 3, 320, &[1, 0x8a, 3, 0x20]));
    assert_eq!(rig.drain(), []);
    assert_eq!(
        rig.engine.report(StreamId(1)).unwrap().packets_received,
        3,
        "counted all the same"
    );
    rig.update(1, config(1));
    rig.receive(1, &rtp(0, 4, 480, &SPEECH));
    assert!(rig.sent()[0].header.marker);
}

#[test]
fn after_a_hold_the_stream_goes_on_without_a_hole() {
    let mut rig = Rig::bridged(2);
    rig.receive(1, &rtp(0, 1, 0, &SPEECH));
    let mut deaf = config(1);
    deaf.receive = false;
    rig.update(1, deaf);
    for n in 2..52 {
        rig.now += ms(20);
        rig.receive(1, &rtp(0, n, u32::from(n) * 160, &SPEECH));
    }
    rig.update(1, config(1));
    rig.receive(1, &rtp(0, 52, 1, &SPEECH));
    let sent = rig.sent();
    assert_eq!(sent.len(), 2);
    assert_unbroken(&sent);
    assert!(sent[1].header.marker);
    assert_eq!(sent[1].header.timestamp.wrapping_sub(sent[0].header.timestamp), 8_000);
    // The same agreement again, as of a session refresh, disturbs nothing.
    rig.update(1, config(1));
    rig.update(2, config(2));
    rig.receive(1, &rtp(0, 53, 161, &SPEECH));
    assert!(!rig.sent()[0].header.marker);
}

#[test]
fn a_bridge_falls_apart_when_either_end_leaves() {
    let mut rig = Rig::bridged(3);
    rig.command(Command::Unbridge { stream: StreamId(2) }).unwrap();
    rig.receive(1, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent(), []);
    rig.bridge(1, 2);
    rig.bridge(2, 3);
    rig.receive(1, &rtp(0, 2, 0, &SPEECH));
    assert_eq!(rig.sent(), [], "1 lost its partner to 3");
    rig.command(Command::Close { stream: StreamId(3) }).unwrap();
    rig.receive(2, &rtp(0, 2, 0, &SPEECH));
    assert_eq!(rig.sent(), []);
    rig.open(3, config(3));
    rig.receive(2, &rtp(0, 3, 0, &SPEECH));
    assert_eq!(
        rig.sent(),
        [],
        "a new stream of the same number is not in the old one's bridge"
    );
}
