//! Where packets may come from: RTP bleed, injection and junk.
#![allow(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test"
)]

mod common;

use common::{Rig, config, ms, peer, rtp, rtp_of};
use machine::Machine;
use rtp_media::rtcp::RtcpWriter;
use rtp_media::{Channel, Command, Event, StreamId};
use std::net::SocketAddr;

const SPEECH: [u8; 160] = [0x31; 160];

fn stranger(n: u32) -> SocketAddr {
    let [_, b, c, d] = n.to_be_bytes();
    SocketAddr::from(([203, b, c, d], 4_000))
}

#[test]
fn a_hundred_thousand_packets_of_junk_leave_the_call_up() {
    let mut rig = Rig::bridged(2);
    rig.receive(1, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent().len(), 1);
    let mut state = 0x1234_5678u32;
    for n in 0..100_000u32 {
        let mut junk = [0u8; 172];
        for byte in &mut junk {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        match n % 4 {
            // Well-formed RTP from strangers, one in good sequence, and bytes of any kind from them and from the peer.
            0 => rig.receive_from(1, stranger(n), &rtp_of(n, 0, n as u16, n, &SPEECH)),
            1 => rig.receive_from(1, stranger(1), &rtp_of(1, 0, (n / 4) as u16, n * 40, &SPEECH)),
            2 => rig.receive_from(1, stranger(n), &junk),
            _ => {
                junk[0] &= 0x7f;
                rig.receive(1, &junk);
            }
        }
    }
    assert_eq!(rig.drain(), [], "nothing of it was passed on, and nothing happened");
    assert_eq!(rig.engine.remote(StreamId(1)), Some(peer(1)));
    rig.receive(1, &rtp(0, 2, 160, &SPEECH));
    let sent = rig.sent();
    assert_eq!(sent.len(), 1);
    assert!(!sent[0].header.marker, "the stream was not disturbed");
    let stats = *rig.engine.stats();
    assert_eq!(stats.received, 100_002);
    assert_eq!(stats.foreign + stats.malformed + stats.relayed, stats.received);
    assert_eq!(rig.engine.report(StreamId(1)).unwrap().packets_received, 2);
}

#[test]
fn a_phone_behind_a_router_is_learned_once() {
    let mut rig = Rig::bridged(2);
    let (public, later) = (stranger(1), stranger(2));
    for sequence in 1..=3 {
        rig.receive_from(1, public, &rtp(0, sequence, 0, &SPEECH));
    }
    assert_eq!(rig.drain(), [], "not yet believed");
    rig.receive_from(1, public, &rtp(0, 4, 0, &SPEECH));
    assert_eq!(rig.drain().len(), 2);
    rig.receive(2, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.sent()[0].remote, public);
    for sequence in 1..=1_000 {
        rig.receive_from(1, later, &rtp_of(9, 0, sequence, 0, &SPEECH));
    }
    assert_eq!(rig.drain(), [], "strict from then on");
    // The agreed address is heard after all.
    rig.receive(1, &rtp(0, 5, 0, &SPEECH));
    assert_eq!(
        rig.events(),
        [Event::Latched {
            stream: StreamId(1),
            remote: peer(1)
        }]
    );
    rig.receive_from(1, public, &rtp(0, 6, 0, &SPEECH));
    assert_eq!(rig.drain(), []);
}

#[test]
fn the_learned_address_is_told() {
    let mut rig = Rig::new();
    let mut unknown = config(1);
    unknown.remote = None;
    rig.open(1, unknown);
    for sequence in 1..=4 {
        rig.receive_from(1, stranger(5), &rtp(0, sequence, 0, &SPEECH));
    }
    assert_eq!(
        rig.events(),
        [Event::Latched {
            stream: StreamId(1),
            remote: stranger(5)
        }]
    );
}

#[test]
fn packets_of_types_that_nobody_agreed_to_are_not_learned() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    for sequence in 1..=100 {
        rig.receive_from(1, stranger(5), &rtp(34, sequence, 0, &SPEECH));
    }
    assert_eq!(rig.drain(), []);
    assert_eq!(rig.engine.stats().foreign, 100);
}

#[test]
fn another_agreement_learns_anew_and_no_address_keeps_the_old() {
    let mut rig = Rig::new();
    rig.open(1, config(1));
    for sequence in 1..=4 {
        rig.receive_from(1, stranger(5), &rtp(0, sequence, 0, &SPEECH));
    }
    let mut held = config(1);
    held.remote = None;
    rig.update(1, held);
    assert_eq!(rig.engine.remote(StreamId(1)), Some(stranger(5)));
    rig.update(1, config(1));
    assert_eq!(rig.engine.remote(StreamId(1)), Some(stranger(5)));
    let mut moved = config(1);
    moved.remote = Some(peer(9));
    rig.update(1, moved);
    assert_eq!(rig.engine.remote(StreamId(1)), Some(peer(9)));
}

#[test]
fn rtcp_from_strangers_is_not_heard() {
    let mut rig = Rig::new();
    let mut watched = config(1);
    watched.silence_timeout = Some(ms(1_000));
    rig.open(1, watched);
    let bye = RtcpWriter::receiver_report(7, &[]).cname(7, "x").bye(7).finish();
    rig.pass(ms(900));
    rig.engine
        .receive(rig.now, StreamId(1), Channel::Rtcp, stranger(1), &bye);
    rig.engine
        .receive(rig.now, StreamId(1), Channel::Rtp, stranger(1), &bye);
    assert_eq!((rig.engine.stats().foreign, rig.engine.stats().rtcp), (2, 0));
    let quiet = rig.pass(ms(200));
    assert_eq!(quiet.len(), 1, "a stranger's report is no sign of life");
    // From the agreed port, from another port of the same host, but not from a third; and on the RTP port.
    for (port, taken) in [(4_001, 1), (4_777, 2), (4_778, 2), (4_777, 3), (4_000, 4)] {
        let remote = SocketAddr::new(peer(1).ip(), port);
        rig.engine.receive(rig.now, StreamId(1), Channel::Rtcp, remote, &bye);
        assert_eq!(rig.engine.stats().rtcp, taken, "port {port}");
    }
    assert_eq!(rig.engine.live_streams(), 1, "a goodbye does not end a call");
}

#[test]
fn unknown_and_oversized_datagrams_are_counted() {
    let mut rig = Rig::bridged(2);
    rig.receive(9, &rtp(0, 1, 0, &SPEECH));
    assert_eq!(rig.engine.stats().unknown_stream, 1);
    rig.receive(1, &rtp(0, 1, 0, &[0; 1_488]));
    assert_eq!(rig.sent().len(), 1, "1500 bytes are the limit");
    rig.receive(1, &rtp(0, 2, 0, &[0; 1_489]));
    assert_eq!((rig.sent().len(), rig.engine.stats().malformed), (0, 1));
    rig.command(Command::Close { stream: StreamId(1) }).unwrap();
    rig.drain();
    rig.receive(1, &rtp(0, 2, 0, &SPEECH));
    assert!(rig.engine.poll_output().is_none());
}
