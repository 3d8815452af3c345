//! What broke others, tried on this crate: one test a row, or the place where that test is.
//!
//! | Row | Test |
//! |---|---|
//! | SDP: huge ptime | `negotiation::absurd_packet_times_are_clamped` |
//! | SDP: no formats, no media, nothing in common | [`sdp_without_media_or_formats`], `negotiation::a_failed_offer_changes_nothing` |
//! | SDP: a failed negotiation leaves the dialog alive | [`sdp_failures_in_a_session_leave_it_as_it_was`], `negotiation::a_failed_offer_changes_nothing` |
//! | limits: 16 media, 68 attributes | `parse::limits_hold_at_the_edge_and_refuse_one_past` |
//! | keys, candidates and fingerprints lost or changed on the way | `parse::attributes_of_security_and_connectivity_pass_through_unharmed` |
//! | RTCP taken for RTP on a shared port | `rtcp_mux::payload_types_that_look_like_rtcp_keep_their_own_port` |
//! | truncated and random input | [`truncated_offer_at_every_byte`], `properties::arbitrary_bytes_are_no_panic`, `seeds` |
//! | header smuggling: text that breaks a line | `parse::printing_lets_nothing_break_a_line` |
//! | buffers that grow and never shrink | [`flood_of_offers_leaves_no_more_than_one`] |
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use sdp::{Direction, Negotiation, NegotiationConfig, NegotiationError, Session};

fn ours() -> Negotiation {
    Negotiation::new(NegotiationConfig::new([192, 0, 2, 9].into(), 4000, 1))
}

fn offer(media: &str) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{media}").into_bytes()
}

const AUDIO: &str =
    "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n";

#[test]
fn sdp_without_media_or_formats() {
    for (media, error) in [
        ("", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/AVP\r\n", NegotiationError::NoCommonCodec),
        ("m=audio 4000 RTP/AVP \r\n", NegotiationError::NoCommonCodec),
        (
            "m=audio 4000 RTP/AVP 256 999999999999 -1 x\r\n",
            NegotiationError::NoCommonCodec,
        ),
        ("m=video 4000 RTP/AVP 34\r\n", NegotiationError::NoAudio),
        ("m=audio 0 RTP/AVP 8\r\n", NegotiationError::NoAudio),
    ] {
        assert_eq!(ours().receive_offer(&offer(media)), Err(error), "{media:?}");
        let mut asked = ours();
        asked.offer().unwrap();
        assert!(asked.receive_answer(&offer(media)).is_err(), "{media:?}");
        assert!(asked.has_pending_offer());
    }
    assert!(matches!(ours().receive_offer(b""), Err(NegotiationError::Malformed(_))));
}

#[test]
fn sdp_failures_in_a_session_leave_it_as_it_was() {
    let mut session = ours();
    session.receive_offer(&offer(AUDIO)).unwrap();
    let before = session.agreed().cloned();
    let bad = [
        &b""[..],
        b"v=0",
        b"\0\0\0",
        &[0xff; 40_000],
        b"v=0\r\nm=audio",
        b"v=0\r\nm=audio 99999 RTP/AVP 0\r\n",
    ];
    for round in 0..100 {
        for body in bad {
            assert!(session.receive_offer(body).is_err());
            if round % 10 == 0 {
                session.offer().unwrap();
                assert!(session.receive_answer(body).is_err());
                session.cancel_offer();
            }
        }
    }
    assert_eq!(session.agreed().cloned(), before);
    // It can still be held and taken up again.
    session
        .receive_offer(&offer(&AUDIO.replace("sendrecv", "sendonly")))
        .unwrap();
    assert_eq!(session.agreed().unwrap().direction, Direction::RecvOnly);
    session.receive_offer(&offer(AUDIO)).unwrap();
    assert_eq!(session.agreed().unwrap().direction, Direction::SendRecv);
}

#[test]
fn truncated_offer_at_every_byte() {
    let whole = offer(AUDIO);
    for end in 0..=whole.len() {
        let mut session = ours();
        // Cut within the last lines it is still an offer; it must then be answered in full.
        if let Ok(answer) = session.receive_offer(&whole[..end]) {
            assert_eq!(Session::parse(&answer).unwrap().media.len(), 1, "at {end}");
            assert!(session.agreed().is_some());
        } else {
            assert!(session.agreed().is_none(), "at {end}");
        }
        session.receive_offer(&whole).unwrap();
    }
}

#[test]
fn flood_of_offers_leaves_no_more_than_one() {
    let mut session = ours();
    let most = format!("{}{}", "m=video 4000 RTP/AVP 34\r\n".repeat(15), AUDIO);
    for n in 0..2_000 {
        let media = if n % 2 == 0 { &most } else { AUDIO };
        let answer = session.receive_offer(&offer(media)).unwrap();
        assert!(answer.len() < 2_000, "{}", answer.len());
    }
    // Places once used stay, but no more than were ever there.
    assert!(session.offer().unwrap().len() < 2_000);
}
