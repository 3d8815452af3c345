//! What broke others, tried on this crate: one test a row, or the place where that test is.
//!
//! | Row | Test |
//! |---|---|
//! | RTP bleed and injection: agreed address first, at most N packets, then strict | `latching`, [`latching_one_packet_does_not_keep_the_phone_out`], [`latching_an_injector_cannot_follow_a_learned_stream`] |
//! | media torn down by junk: 10⁵ junk packets | `latching::a_hundred_thousand_packets_of_junk_leave_the_call_up`, [`junk_rtcp_leaves_the_call_up`] |
//! | RTP/RTCP parsing, limits on blocks and sources | [`parsing_truncated_at_every_byte`], [`flood_of_sources_holds_nothing`], `properties`, `seeds`, unit tests of `rtcp::read` |
//! | endless loop in WAV files | unit tests of `player::wav`, `seeds` |
//! | digits doubled (RFC 4733 keyed on the timestamp, not the marker) | [`digits_are_keyed_on_the_timestamp`], [`digits_under_attack_are_not_endless`], `events`, unit tests of `dtmf::receive` |
//! | buffers that grow and never shrink | [`flood_of_packets_holds_nothing`], `events::streams_and_outputs_are_limited` |
//! | inserted silence, delay of bridges | nothing is buffered: `relay::loss_order_markers_and_doubles_are_those_of_the_source`, `allocations` |
//! | SRTP, mixing | not built yet |
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, config, event, ms, peer, rtp, rtp_of};
use rtp_media::packet::{RtpHeader, RtpPacket, RtpWriter};
use rtp_media::rtcp::{Compound, RtcpWriter};
use rtp_media::{Channel, Event, Output, StreamId};
use std::net::SocketAddr;

const SPEECH: [u8; 160] = [0x31; 160];

fn stranger(n: u32) -> SocketAddr {
    let [_, b, c, d] = n.to_be_bytes();
    SocketAddr::from(([203, b, c, d], 4_000))
}

#[test]
fn latching_one_packet_does_not_keep_the_phone_out() {
    let mut rig = Rig::bridged(2);
    // While it rings, somebody tries all ports.
    for n in 0..10 {
        rig.receive_from(1, stranger(n), &rtp_of(n, 0, 1, 0, &SPEECH));
        rig.pass(ms(2_000));
    }
    // Then the phone is answered; it is behind a router.
    for sequence in 1..=4 {
        rig.receive_from(1, stranger(99), &rtp(0, sequence, 0, &SPEECH));
        rig.pass(ms(20));
    }
    assert_eq!(rig.engine.remote(StreamId(1)), Some(stranger(99)));
}

#[test]
fn latching_an_injector_cannot_follow_a_learned_stream() {
    let mut rig = Rig::bridged(2);
    for sequence in 1..=4 {
        rig.receive_from(1, stranger(1), &rtp(0, sequence, 0, &SPEECH));
    }
    rig.drain();
    // It knows the source and the sequence numbers, and comes from another port of the same host, or from elsewhere.
    let port = SocketAddr::new(stranger(1).ip(), 4_002);
    for sequence in 5..5_000 {
        rig.receive_from(1, port, &rtp(0, sequence, 160, &SPEECH));
        rig.receive_from(1, stranger(2), &rtp(101, sequence, 160, &[1, 0x80, 0, 160]));
    }
    assert_eq!(rig.drain(), []);
    rig.receive(2, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent()[0].remote, stranger(1), "nor does it get the peer's sound");
}

#[test]
fn junk_rtcp_leaves_the_call_up() {
    let mut rig = Rig::bridged(2);
    rig.receive(1, &rtp(0, 1, 0, &SPEECH));
    rig.drain();
    let bye = RtcpWriter::receiver_report(7, &[]).cname(7, "x").bye(7).finish();
    let mut state = 1_u32;
    for n in 0..100_000_u32 {
        let mut junk = bye.to_vec();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Its second byte stays: with another, it would be RTP of the peer's own.
        let at = 2 + (state >> 8) as usize % (junk.len() - 2);
        junk[at] = (state >> 24) as u8;
        let (remote, channel) = match n % 4 {
            0 => (stranger(n), Channel::Rtcp),
            1 => (stranger(n), Channel::Rtp),
            2 => (peer(1), Channel::Rtp),
            _ => (SocketAddr::new(peer(1).ip(), 4_001), Channel::Rtcp),
        };
        rig.engine.receive(rig.now, StreamId(1), channel, remote, &junk);
    }
    assert_eq!(rig.drain(), [], "not even a goodbye ends it");
    assert_eq!(rig.engine.remote(StreamId(1)), Some(peer(1)));
    rig.receive(1, &rtp(0, 2, 160, &SPEECH));
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn parsing_truncated_at_every_byte() {
    let header = RtpHeader {
        marker: true,
        payload_type: 0,
        sequence: 1,
        timestamp: 2,
        ssrc: 3,
    };
    let mut writer = RtpWriter::new(header, b"");
    writer.contributing_sources = &[1, 2, 3];
    let whole = writer.to_packet().unwrap().to_vec();
    for end in 0..whole.len() {
        assert!(RtpPacket::parse(&whole[..end]).is_err(), "at {end}");
    }
    let compound = RtcpWriter::receiver_report(7, &[])
        .cname(7, "x")
        .bye(7)
        .finish()
        .to_vec();
    let whole: Vec<usize> = (0..=compound.len())
        .filter(|end| Compound::parse(&compound[..*end]).is_ok())
        .collect();
    // Whole packets only: the report, with its description, with the goodbye.
    assert_eq!(whole.last(), Some(&compound.len()));
    assert!(whole.len() <= 3, "{whole:?}");
}

#[test]
fn flood_of_sources_holds_nothing() {
    // One peer that changes its source with every packet: no list of them is kept, and the call goes on.
    let mut rig = Rig::bridged(2);
    for n in 0..20_000_u32 {
        rig.receive(1, &rtp_of(n, 0, n as u16, n, &SPEECH));
        rig.drain();
    }
    let report = rig.engine.report(StreamId(1)).unwrap();
    assert_eq!(report.packets_received, 20_000);
    rig.receive(2, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent().len(), 1);
}

#[test]
fn flood_of_packets_holds_nothing() {
    // What comes in at once goes out at once: nothing waits that could grow.
    let mut rig = Rig::bridged(2);
    let mut passed = 0;
    for n in 0..10_000_u32 {
        rig.receive(1, &rtp(0, n as u16, n * 160, &SPEECH));
        let out = rig.drain().len();
        assert!(out <= 2, "{out}");
        passed += out;
    }
    assert!(passed >= 10_000);
    let before = rig.drain().len();
    assert_eq!(before, 0);
    let later = rig.pass(ms(60_000));
    assert!(
        later
            .iter()
            .all(|(_, output)| !matches!(output, Output::Transmit(t) if t.channel == Channel::Rtp))
    );
}

fn digits(packets: &[(bool, u16, u32, [u8; 4])]) -> String {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    let mut told = String::new();
    let mut take = |outputs: Vec<(machine::Time, Output)>| {
        for (_, output) in outputs {
            if let Some(Event::Digit { digit, .. }) = event(output) {
                told.push(digit);
            }
        }
    };
    for (marker, sequence, timestamp, payload) in packets {
        let header = RtpHeader {
            marker: *marker,
            payload_type: 101,
            sequence: *sequence,
            timestamp: *timestamp,
            ssrc: 7,
        };
        rig.receive(1, &RtpWriter::new(header, payload).to_packet().unwrap());
        take(rig.pass(ms(20)));
    }
    take(rig.pass(ms(1_000)));
    told
}

#[test]
fn digits_are_keyed_on_the_timestamp() {
    let press = |number: u8, end: bool| [number, if end { 0x8a } else { 10 }, 0, 160];
    for (packets, expected) in [
        // A marker on every packet is still one press, and none at all one too.
        (
            vec![
                (true, 1, 160, press(5, false)),
                (true, 2, 160, press(5, false)),
                (true, 3, 160, press(5, true)),
            ],
            "5",
        ),
        (
            vec![(false, 1, 160, press(5, false)), (false, 2, 160, press(5, true))],
            "5",
        ),
        // Ends come three times and more.
        (vec![(false, 1, 160, press(5, true)); 6], "5"),
        // The same key again, its marker and the first one's end lost.
        (
            vec![
                (true, 1, 160, press(5, false)),
                (false, 9, 1_760, press(5, false)),
                (false, 10, 1_760, press(5, true)),
            ],
            "55",
        ),
        // An end that arrives after the next press began.
        (
            vec![
                (true, 1, 160, press(5, false)),
                (true, 3, 1_760, press(6, false)),
                (false, 2, 160, press(5, true)),
                (false, 4, 1_760, press(6, true)),
            ],
            "56",
        ),
        // Codes that are no digit.
        (
            vec![(true, 1, 160, press(16, true)), (true, 2, 320, press(255, true))],
            "",
        ),
    ] {
        assert_eq!(digits(&packets), expected, "{packets:?}");
    }
}

#[test]
fn digits_under_attack_are_not_endless() {
    // A press that goes on for ever is told once it ends, and not as many.
    let held: Vec<_> = (0..2_000).map(|n| (false, n, 160, [7, 10, 0xff, 0xff])).collect();
    assert_eq!(digits(&held), "7");
}
