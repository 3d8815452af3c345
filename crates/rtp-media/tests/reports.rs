//! RTCP: when reports come, and what they say.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, config, ms, peer, rtp};
use machine::{Machine, Time};
use rtp_media::rtcp::{CNAME, Compound, ReportBlock, RtcpPacket, RtcpWriter, SenderInfo};
use rtp_media::{Channel, Command, EngineConfig, Output, PlayId, Source, StreamId, Tone, Transmit};
use std::time::Duration;

const ONE: StreamId = StreamId(1);

fn reports(outputs: &[(Time, Output)]) -> Vec<(Time, Transmit)> {
    let report = |(at, output): &(Time, Output)| match output {
        Output::Transmit(transmit) if transmit.channel == Channel::Rtcp => Some((*at, transmit.clone())),
        _ => None,
    };
    outputs.iter().filter_map(report).collect()
}

fn talking() -> Rig {
    let mut config_named = EngineConfig::default();
    config_named.cname = "x".repeat(300);
    let mut rig = Rig::with(config_named);
    rig.open(1, config(1));
    let source = Source::Tone(Tone::Dial);
    rig.command(Command::Play {
        stream: ONE,
        play: PlayId(1),
        source,
        repeat: true,
    })
    .unwrap();
    rig
}

#[test]
fn reports_come_every_five_seconds_or_so_and_never_in_step() {
    let mut rig = talking();
    let start = rig.now;
    let outputs = rig.pass(Duration::from_secs(2_000));
    let times: Vec<_> = reports(&outputs).iter().map(|(at, _)| *at).collect();
    assert!(times[0] - start <= ms(3_079), "the first comes in half the time");
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // 0.5 to 1.5 times 5 s, divided by e - 3/2 (RFC 3550 §6.3.1).
    assert!(gaps.iter().all(|gap| (ms(2_052)..=ms(6_157)).contains(gap)));
    assert!(gaps.windows(2).all(|pair| pair[0] != pair[1]));
    let mean = (times[times.len() - 1] - times[0]) / u32::try_from(gaps.len()).unwrap();
    assert!((ms(3_800)..ms(4_400)).contains(&mean), "{mean:?}");
}

#[test]
fn who_has_heard_and_said_nothing_reports_nothing() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    assert_eq!(rig.pass(Duration::from_secs(60)), []);
    rig.command(Command::Close { stream: ONE }).unwrap();
    assert_eq!(reports(&rig.drain()).len(), 0, "and leaves without a word");
}

#[test]
fn a_sender_tells_what_it_sent_and_heard() {
    let mut rig = talking();
    for sequence in [1, 2, 3, 5] {
        rig.receive(1, &rtp(0, sequence, u32::from(sequence) * 160, &[0; 160]));
    }
    let outputs = rig.pass(Duration::from_secs(10));
    let (at, first) = &reports(&outputs)[0];
    assert_eq!(first.remote, "192.0.2.1:4001".parse().unwrap());
    let packets: Vec<_> = Compound::parse(&first.data).unwrap().packets().collect();
    let [RtcpPacket::SenderReport(report), RtcpPacket::Sdes(sdes)] = packets[..] else {
        unreachable!("{packets:?}")
    };
    let before: Vec<_> = outputs
        .iter()
        .filter_map(|(t, o)| common::Sent::of(*t, o))
        .filter(|s| s.at <= *at)
        .collect();
    assert_eq!(usize::try_from(report.info.packets).unwrap(), before.len());
    assert_eq!(usize::try_from(report.info.octets).unwrap(), before.len() * 160);
    assert_eq!(report.info.ntp >> 32, at.as_secs() + 2_208_988_800);
    let newest = before.last().unwrap();
    let clock = u32::try_from((*at - newest.at).as_micros() / 125).unwrap();
    assert_eq!(report.info.rtp, newest.header.timestamp.wrapping_add(clock));
    let block = report.blocks.iter().next().unwrap();
    assert_eq!(
        (block.ssrc, block.lost, block.fraction_lost, block.highest),
        (7, 1, 51, 5)
    );
    let (_, mut items) = sdes.chunks().next().unwrap();
    assert_eq!(items.next().unwrap(), (CNAME, &[b'x'; 255][..]));
    // Nothing more was heard: the next report has no block.
    let (_, second) = &reports(&outputs)[1];
    let RtcpPacket::SenderReport(report) = Compound::parse(&second.data).unwrap().packets().next().unwrap() else {
        unreachable!()
    };
    assert_eq!(report.blocks.iter().len(), 0);
}

#[test]
fn who_stops_sending_becomes_a_receiver_after_two_reports() {
    let mut rig = talking();
    rig.pass(Duration::from_secs(20));
    rig.command(Command::Stop { stream: ONE }).unwrap();
    let outputs = rig.pass(Duration::from_secs(40));
    let kinds: Vec<_> = reports(&outputs)
        .iter()
        .map(|(_, t)| {
            matches!(
                Compound::parse(&t.data).unwrap().packets().next(),
                Some(RtcpPacket::SenderReport(_))
            )
        })
        .collect();
    assert_eq!(kinds[..4], [true, true, false, false]);
}

#[test]
fn held_the_reports_go_on() {
    let mut rig = talking();
    rig.pass(ms(100));
    let mut held = config(1);
    held.send = false;
    rig.update(1, held);
    let outputs = rig.pass(Duration::from_secs(20));
    assert_eq!(outputs.len(), reports(&outputs).len());
    assert!(outputs.len() >= 3, "RFC 3264 §5.1");
}

#[test]
fn the_round_trip_is_what_the_peer_did_not_take() {
    let mut rig = talking();
    let mut outputs = Vec::new();
    while reports(&outputs).is_empty() {
        outputs = rig.pass(ms(10));
    }
    let (at, ours) = &reports(&outputs)[0];
    let Some(RtcpPacket::SenderReport(report)) = Compound::parse(&ours.data).unwrap().packets().next() else {
        unreachable!()
    };
    let middle = u32::try_from((report.info.ntp >> 16) & 0xffff_ffff).unwrap();
    // The peer answers after half a second; 80 ms were on the way.
    let block = |ssrc, since_last| ReportBlock {
        ssrc,
        lost: 3,
        jitter: 80,
        last_report: middle,
        since_last,
        ..ReportBlock::default()
    };
    rig.now = *at + ms(580);
    let answer = RtcpWriter::receiver_report(7, &[block(report.ssrc, 0x8000), block(1, 1)]).finish();
    rig.engine
        .receive(rig.now, ONE, Channel::Rtcp, "192.0.2.1:4001".parse().unwrap(), &answer);
    let told = rig.engine.report(ONE).unwrap();
    assert!(
        (ms(79)..=ms(81)).contains(&told.round_trip.unwrap()),
        "{:?}",
        told.round_trip
    );
    assert_eq!((told.remote_lost, told.remote_jitter), (Some(3), Some(ms(10))));
    // A peer that claims to have taken longer than there was time is not believed.
    let lie = RtcpWriter::receiver_report(7, &[block(report.ssrc, 0x2_0000)]).finish();
    rig.engine
        .receive(rig.now, ONE, Channel::Rtcp, "192.0.2.1:4001".parse().unwrap(), &lie);
    assert_eq!(rig.engine.report(ONE).unwrap().round_trip, told.round_trip);
}

#[test]
fn our_reports_point_to_the_peers() {
    let mut rig = talking();
    let info = SenderInfo {
        ntp: 0x1234_5678_9abc_def0,
        ..SenderInfo::default()
    };
    rig.receive(1, &rtp(0, 1, 0, &[0; 160]));
    let report = RtcpWriter::sender_report(7, &info, &[]).finish();
    // RTCP on the RTP port is understood too (RFC 5761).
    rig.engine.receive(rig.now, ONE, Channel::Rtp, peer(1), &report);
    let heard = rig.now;
    let outputs = rig.pass(Duration::from_secs(4));
    let (at, ours) = &reports(&outputs)[0];
    let Some(RtcpPacket::SenderReport(report)) = Compound::parse(&ours.data).unwrap().packets().next() else {
        unreachable!()
    };
    let block = report.blocks.iter().next().unwrap();
    assert_eq!(block.last_report, 0x5678_9abc);
    assert_eq!(
        u128::from(block.since_last),
        ((*at - heard).as_nanos() << 16) / 1_000_000_000
    );
}

#[test]
fn the_goodbye_is_said_once() {
    let mut rig = talking();
    rig.drain();
    rig.command(Command::Close { stream: ONE }).unwrap();
    let outputs = rig.drain();
    let said = reports(&outputs);
    assert_eq!(said.len(), 1);
    let last = Compound::parse(&said[0].1.data).unwrap().packets().last();
    assert!(matches!(last, Some(RtcpPacket::Bye(_))));
    assert_eq!(rig.engine.poll_timeout(), None);
}
