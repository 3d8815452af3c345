//! The offers and answers of RFC 4317, by section: what each of its situations comes to here. One audio stream is
//! negotiated; other streams are refused in their places.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test is a panic")]

use sdp::{Codec, Direction, Negotiation, NegotiationConfig, NegotiationError, Session};

fn ilbc() -> Codec {
    Codec::audio("iLBC", 8000)
}

/// Bob, or whoever answers in the examples.
fn bob(codecs: &[(u8, Codec)]) -> Negotiation {
    let mut config = NegotiationConfig::new([192, 0, 2, 9].into(), 49_174, 2_808_844_564);
    config.codecs = codecs.to_vec();
    Negotiation::new(config)
}

/// What Alice at `host.atlanta.example.com` writes.
fn alice(media: &str) -> Vec<u8> {
    format!(
        "v=0\r\no=alice 2890844526 2890844526 IN IP4 host.atlanta.example.com\r\ns= \r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}"
    )
    .into_bytes()
}

/// The `m=` lines: kind, port, formats.
fn lines(body: &[u8]) -> Vec<(String, u16, Vec<String>)> {
    let media = Session::parse(body).unwrap().media;
    let line = |media: sdp::Media| (media.kind.as_str().to_owned(), media.port, media.formats);
    media.into_iter().map(line).collect()
}

fn line(kind: &str, port: u16, formats: &[&str]) -> (String, u16, Vec<String>) {
    (
        kind.to_owned(),
        port,
        formats.iter().map(|format| (*format).to_owned()).collect(),
    )
}

fn codec(session: &Negotiation) -> &str {
    &session.agreed().unwrap().codec.name
}

const AUDIO: &str =
    "m=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:97 iLBC/8000\r\n";
const VIDEO: &str = "m=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\na=rtpmap:32 MPV/90000\r\n";

/// Both can talk; the picture is refused in its place.
#[test]
fn section_2_1_audio_and_video_1() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    let answer = bob.receive_offer(&alice(&format!("{AUDIO}{VIDEO}"))).unwrap();
    assert_eq!(
        lines(&answer),
        [line("audio", 49_174, &["0"]), line("video", 0, &["31", "32"])]
    );
    assert_eq!(codec(&bob), "PCMU");
}

/// Bob knows two of the three codecs. In the RFC Alice narrows it down by a second offer; here the answer names one at once,
/// and the second offer changes nothing.
#[test]
fn section_2_2_audio_and_video_2() {
    let mut bob = bob(&[(8, Codec::PCMA), (0, Codec::PCMU)]);
    let answer = bob.receive_offer(&alice(&format!("{AUDIO}{VIDEO}"))).unwrap();
    assert_eq!(
        lines(&answer)[0],
        line("audio", 49_174, &["0"]),
        "the first that Alice names"
    );
    let before = bob.agreed().cloned();
    bob.receive_offer(&alice(&format!(
        "m=audio 49170 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n{}",
        VIDEO.replace("51372", "0")
    )))
    .unwrap();
    assert_eq!(bob.agreed().cloned(), before);
}

/// One codec, dynamically numbered, with its parameters.
#[test]
fn section_2_3_audio_and_video_3() {
    let mut bob = bob(&[(99, ilbc()), (0, Codec::PCMU)]);
    bob.set_preference(&[ilbc()]);
    let offer = alice(&format!("{AUDIO}a=fmtp:97 mode=20\r\n"));
    let answer = bob.receive_offer(&offer).unwrap();
    assert_eq!(lines(&answer), [line("audio", 49_174, &["97"])], "the offerer's number");
    let agreed = bob.agreed().unwrap();
    assert_eq!(
        (agreed.send_payload, agreed.remote_fmtp.as_deref()),
        (97, Some("mode=20"))
    );
}

/// Alice offers two audio streams; one is taken.
#[test]
fn section_2_4_two_audio_streams() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    let offer = format!(
        "{AUDIO}m=audio 51372 RTP/AVP 97 101\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    );
    let answer = bob.receive_offer(&alice(&offer)).unwrap();
    assert_eq!(
        lines(&answer),
        [line("audio", 49_174, &["0"]), line("audio", 0, &["97", "101"])]
    );
}

/// Hold by `sendonly`, and back.
#[test]
fn section_3_1_hold_and_unhold_1() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    bob.receive_offer(&alice(AUDIO)).unwrap();
    let answer = bob.receive_offer(&alice(&format!("{AUDIO}a=sendonly\r\n"))).unwrap();
    assert_eq!(bob.agreed().unwrap().direction, Direction::RecvOnly);
    assert!(bob.agreed().unwrap().held && String::from_utf8_lossy(&answer).contains("a=recvonly"));
    bob.receive_offer(&alice(&format!("{AUDIO}a=sendrecv\r\n"))).unwrap();
    assert_eq!(
        (bob.agreed().unwrap().direction, bob.agreed().unwrap().held),
        (Direction::SendRecv, false)
    );
}

/// Of two audio streams the one in use is held, the refused one stays refused.
#[test]
fn section_3_2_hold_with_two_streams() {
    let second = "m=audio 51372 RTP/AVP 97 101\r\na=rtpmap:97 iLBC/8000\r\na=rtpmap:101 telephone-event/8000\r\n";
    let mut bob = bob(&[(0, Codec::PCMU)]);
    bob.receive_offer(&alice(&format!("{AUDIO}{second}"))).unwrap();
    let answer = bob
        .receive_offer(&alice(&format!("{AUDIO}a=sendonly\r\n{second}a=sendonly\r\n")))
        .unwrap();
    assert_eq!(
        lines(&answer),
        [line("audio", 49_174, &["0"]), line("audio", 0, &["97", "101"])]
    );
    assert!(bob.agreed().unwrap().held);
}

/// Each holds the other, and lets go in turn (RFC 3264 §8.4).
#[test]
fn both_hold_and_let_go() {
    let (mut alice, mut bob) = (bob(&[(0, Codec::PCMU)]), bob(&[(0, Codec::PCMU)]));
    let exchange = |from: &mut Negotiation, to: &mut Negotiation| {
        let offer = from.offer().unwrap();
        let answer = to.receive_offer(&offer).unwrap();
        from.receive_answer(&answer).unwrap();
        (from.agreed().unwrap().direction, to.agreed().unwrap().direction)
    };
    assert_eq!(
        exchange(&mut alice, &mut bob),
        (Direction::SendRecv, Direction::SendRecv)
    );
    alice.set_direction(Direction::SendOnly);
    assert_eq!(
        exchange(&mut alice, &mut bob),
        (Direction::SendOnly, Direction::RecvOnly)
    );
    bob.set_direction(Direction::SendOnly);
    assert_eq!(
        exchange(&mut bob, &mut alice),
        (Direction::Inactive, Direction::Inactive),
        "each holds the other"
    );
    alice.set_direction(Direction::SendRecv);
    assert_eq!(
        exchange(&mut alice, &mut bob),
        (Direction::RecvOnly, Direction::SendOnly),
        "Bob still holds"
    );
    bob.set_direction(Direction::SendRecv);
    assert_eq!(
        exchange(&mut bob, &mut alice),
        (Direction::SendRecv, Direction::SendRecv)
    );
}

/// A second audio stream comes and is refused in its place; the first goes on.
#[test]
fn section_4_1_second_audio_stream_added() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    bob.receive_offer(&alice(AUDIO)).unwrap();
    let before = bob.agreed().cloned();
    let added = format!("{AUDIO}m=audio 49172 RTP/AVP 98\r\na=rtpmap:98 telephone-event/8000\r\na=sendonly\r\n");
    let answer = bob.receive_offer(&alice(&added)).unwrap();
    assert_eq!(
        lines(&answer),
        [line("audio", 49_174, &["0"]), line("audio", 0, &["98"])]
    );
    assert_eq!(bob.agreed().cloned(), before);
    // Places once used stay in our own offers.
    assert_eq!(lines(&bob.offer().unwrap()).len(), 2);
}

/// Video comes and goes; its place stays.
#[test]
fn section_4_2_and_4_3_video_added_and_deleted() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    bob.receive_offer(&alice(AUDIO)).unwrap();
    for port in ["51372", "0"] {
        let answer = bob
            .receive_offer(&alice(&format!("{AUDIO}{}", VIDEO.replace("51372", port))))
            .unwrap();
        assert_eq!(lines(&answer)[1], line("video", 0, &["31", "32"]));
        assert_eq!(codec(&bob), "PCMU");
    }
}

/// The audio stream itself is removed with port 0: nothing flows, the session stays, and audio may come back (RFC 3264 §8.2).
#[test]
fn the_only_stream_removed_and_added_again() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    bob.receive_offer(&alice(AUDIO)).unwrap();
    let answer = bob.receive_offer(&alice(&AUDIO.replace("49170", "0"))).unwrap();
    assert_eq!(lines(&answer)[0].1, 0);
    assert_eq!(
        (bob.agreed().unwrap().remote, bob.agreed().unwrap().direction),
        (None, Direction::Inactive)
    );
    bob.receive_offer(&alice(AUDIO)).unwrap();
    assert_eq!(bob.agreed().unwrap().remote, Some("192.0.2.1:49170".parse().unwrap()));
}

/// Third-party call control, first without media: there is nothing to agree on, and the session can go on to a full offer.
#[test]
fn section_5_1_no_media_then_audio() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    assert_eq!(bob.receive_offer(&alice("")), Err(NegotiationError::NoAudio));
    bob.receive_offer(&alice(AUDIO)).unwrap();
    assert_eq!(codec(&bob), "PCMU");
}

/// Third-party call control with an offer at `0.0.0.0`: both wait, and the real address comes with the next offer (RFC 3264 §8.4, RFC 3725 §4.2).
#[test]
fn an_offer_from_nowhere_waits() {
    let mut bob = bob(&[(0, Codec::PCMU)]);
    let nowhere = String::from_utf8(alice(AUDIO)).unwrap().replace("192.0.2.1", "0.0.0.0");
    bob.receive_offer(nowhere.as_bytes()).unwrap();
    assert_eq!((bob.agreed().unwrap().remote, bob.agreed().unwrap().held), (None, true));
    bob.receive_offer(&alice(AUDIO)).unwrap();
    assert!(bob.agreed().unwrap().remote.is_some() && !bob.agreed().unwrap().held);
}

/// An answer in a reliable 183, another one of the same offer in the 200 from elsewhere: early media first, then the
/// final place (RFC 3261 §13.2.1, RFC 3960 §3.1).
#[test]
fn early_answer_then_final_answer() {
    let mut caller = bob(&[(0, Codec::PCMU), (8, Codec::PCMA)]);
    caller.offer().unwrap();
    caller
        .receive_answer(&alice("m=audio 6000 RTP/AVP 8\r\na=sendonly\r\n"))
        .unwrap();
    assert_eq!(
        (codec(&caller), caller.agreed().unwrap().direction),
        ("PCMA", Direction::RecvOnly),
        "a ringing tone"
    );
    caller.receive_answer(&alice("m=audio 7000 RTP/AVP 0\r\n")).unwrap();
    assert_eq!(
        (codec(&caller), caller.agreed().unwrap().remote.unwrap().port()),
        ("PCMU", 7000)
    );
}
