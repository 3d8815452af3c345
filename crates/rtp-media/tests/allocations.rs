//! Relaying and mixing allocate nothing once they are under way.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, alaw, config, ms, peer, rtp};
use machine::Machine;
use rtp_media::{Channel, Command, ConferenceConfig, ConferenceId, MemberSettings, StreamId};

/// Both ways through a bridge of two laws, with digits, for a hundred seconds.
fn call(rig: &mut Rig, packets: &mut [Vec<u8>], start: u32) {
    for n in start..start + 5_000 {
        for (stream, packet) in [1, 2].into_iter().zip(packets.iter_mut()) {
            let (sequence, timestamp) = ((n as u16).to_be_bytes(), (n * 160).to_be_bytes());
            packet[2..4].copy_from_slice(&sequence);
            packet[4..8].copy_from_slice(&timestamp);
            rig.engine
                .receive(rig.now, StreamId(stream), Channel::Rtp, peer(stream), packet);
            while rig.engine.poll_output().is_some() {}
        }
        rig.now += ms(20);
        while rig.engine.poll_timeout().is_some_and(|due| due <= rig.now) {
            rig.engine.handle_timeout(rig.now);
        }
    }
}

#[test]
fn relaying_allocates_nothing() {
    for transcoding in [false, true] {
        let mut rig = Rig::new();
        rig.open(1, config(1));
        rig.open(2, if transcoding { alaw(2) } else { config(2) });
        rig.bridge(1, 2);
        let second = if transcoding { 8 } else { 0 };
        let mut packets = [rtp(0, 0, 0, &[1; 160]), rtp(second, 0, 0, &[2; 160])];
        call(&mut rig, &mut packets, 0);
        let info = allocation_counter::measure(|| call(&mut rig, &mut packets, 5_000));
        assert_eq!(rig.engine.stats().relayed, 20_000);
        assert!(rig.engine.stats().sent > 20_040, "reports were sent too");
        // What is left are the nodes of the ordered set of timers, set anew for each RTCP report: some bytes every few
        // seconds, and none for a packet.
        assert!(info.count_total <= 60, "{info:?}");
    }
}

/// A conference of eight, of whom three speak, under way.
#[test]
fn a_conference_allocates_nothing() {
    let mut rig = Rig::new();
    let conference = ConferenceId(1);
    let config_of = ConferenceConfig::default();
    rig.command(Command::OpenConference {
        conference,
        config: config_of,
    })
    .unwrap();
    for stream in 1..=8 {
        rig.open(stream, if stream % 2 == 0 { alaw(stream) } else { config(stream) });
        rig.command(Command::Join {
            conference,
            stream: StreamId(stream),
            settings: MemberSettings::default(),
        })
        .unwrap();
    }
    let mut packet = rtp(0, 0, 0, &[9; 160]);
    let talk = |rig: &mut Rig, packet: &mut Vec<u8>, from: u32| {
        for n in from..from + 1_000 {
            packet[2..4].copy_from_slice(&(n as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&(n * 160).to_be_bytes());
            for stream in 1..=3 {
                rig.engine
                    .receive(rig.now, StreamId(stream), Channel::Rtp, peer(stream), packet);
            }
            rig.now += ms(20);
            while rig.engine.poll_timeout().is_some_and(|due| due <= rig.now) {
                rig.engine.handle_timeout(rig.now);
                while rig.engine.poll_output().is_some() {}
            }
        }
    };
    talk(&mut rig, &mut packet, 0);
    let info = allocation_counter::measure(|| talk(&mut rig, &mut packet, 1_000));
    assert!(rig.engine.stats().sent > 16_000);
    // Reports of eight streams, as above.
    assert!(info.count_total <= 60, "{info:?}");
}
