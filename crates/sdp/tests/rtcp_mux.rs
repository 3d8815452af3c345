//! RTP and RTCP on one port (RFC 5761 §5.1.1): every pair of settings, and who must not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test is a panic")]

use sdp::{Agreed, Codec, Direction, Negotiation, NegotiationConfig, RtcpMux};

fn side(last: u8, rtcp_mux: RtcpMux) -> Negotiation {
    let mut config = NegotiationConfig::new([192, 0, 2, last].into(), 4000, 1);
    config.rtcp_mux = rtcp_mux;
    Negotiation::new(config)
}

fn exchange(offerer: &mut Negotiation, answerer: &mut Negotiation) -> (String, String) {
    let offer = offerer.offer().unwrap();
    let answer = answerer.receive_offer(&offer).unwrap();
    offerer.receive_answer(&answer).unwrap();
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    (text(&offer), text(&answer))
}

fn agreed(side: &Negotiation) -> &Agreed {
    side.agreed().unwrap()
}

#[test]
fn every_pair_of_settings() {
    use RtcpMux::{Accept, Never, Offer};
    for (offerer, answerer, offered, shared) in [
        (Never, Never, false, false),
        (Never, Accept, false, false),
        (Never, Offer, false, false),
        (Accept, Never, false, false),
        (Accept, Accept, false, false),
        (Accept, Offer, false, false),
        (Offer, Never, true, false),
        (Offer, Accept, true, true),
        (Offer, Offer, true, true),
    ] {
        let (mut first, mut second) = (side(1, offerer), side(2, answerer));
        let (offer, answer) = exchange(&mut first, &mut second);
        let what = format!("{offerer:?} {answerer:?}");
        assert_eq!(offer.contains("a=rtcp-mux"), offered, "{what}");
        assert_eq!(answer.contains("a=rtcp-mux"), shared, "{what}");
        assert_eq!(
            (agreed(&first).rtcp_mux, agreed(&second).rtcp_mux),
            (shared, shared),
            "{what}"
        );
        assert_eq!(agreed(&second).peer_rtcp_mux, offered, "{what}");
        let port = if shared { 4000 } else { 4001 };
        assert_eq!(
            agreed(&first).remote_rtcp,
            Some(([192, 0, 2, 2], port).into()),
            "{what}"
        );
    }
}

/// Who accepted keeps it in offers of their own, a hold among them.
#[test]
fn what_was_agreed_is_kept_in_later_offers() {
    let (mut browser, mut switch) = (side(1, RtcpMux::Offer), side(2, RtcpMux::Accept));
    exchange(&mut browser, &mut switch);
    switch.set_direction(Direction::Inactive);
    let (offer, _) = exchange(&mut switch, &mut browser);
    assert!(offer.contains("a=rtcp-mux"));
    assert!(agreed(&browser).rtcp_mux && agreed(&switch).rtcp_mux);
}

#[test]
fn an_answer_cannot_bring_what_was_not_offered() {
    let mut ours = side(1, RtcpMux::Accept);
    ours.offer().unwrap();
    ours.receive_answer(b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 8\r\na=rtcp-mux\r\n")
        .unwrap();
    assert!(!agreed(&ours).rtcp_mux && agreed(&ours).peer_rtcp_mux);
    assert_eq!(agreed(&ours).remote_rtcp, Some(([192, 0, 2, 2], 6001).into()));
}

/// In the session section the attribute has no meaning; with `a=rtcp` it comes first.
#[test]
fn only_with_the_stream_and_before_the_explicit_port() {
    let mut ours = side(1, RtcpMux::Accept);
    ours.receive_offer(b"v=0\r\nc=IN IP4 192.0.2.2\r\na=rtcp-mux\r\nm=audio 6000 RTP/AVP 8\r\n")
        .unwrap();
    assert!(!agreed(&ours).rtcp_mux && agreed(&ours).peer_rtcp_mux);
    ours.receive_offer(b"v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 8\r\na=rtcp:7000\r\na=rtcp-mux\r\n")
        .unwrap();
    assert_eq!(agreed(&ours).remote_rtcp, Some(([192, 0, 2, 2], 6000).into()));
}

/// RFC 5761 §4: payload types from 64 to 95 look like RTCP.
#[test]
fn payload_types_that_look_like_rtcp_keep_their_own_port() {
    for (payload, shared) in [(63, true), (64, false), (95, false), (96, true)] {
        let mut ours = side(1, RtcpMux::Accept);
        let offer = format!(
            "v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP {payload}\r\na=rtpmap:{payload} PCMA/8000\r\na=rtcp-mux\r\n"
        );
        let answer = ours.receive_offer(offer.as_bytes()).unwrap();
        assert_eq!(agreed(&ours).rtcp_mux, shared, "{payload}");
        assert_eq!(
            String::from_utf8_lossy(&answer).contains("rtcp-mux"),
            shared,
            "{payload}"
        );

        let mut config = NegotiationConfig::new([192, 0, 2, 1].into(), 4000, 1);
        config.codecs = vec![(payload, Codec::audio("X", 8000))];
        config.rtcp_mux = RtcpMux::Offer;
        let offer = Negotiation::new(config).offer().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&offer).contains("rtcp-mux"),
            shared,
            "{payload}"
        );
    }
}

#[test]
fn a_closed_stream_shares_nothing() {
    let (mut browser, mut switch) = (side(1, RtcpMux::Offer), side(2, RtcpMux::Accept));
    let (offer, _) = exchange(&mut browser, &mut switch);
    let closed = offer.replace("m=audio 4000", "m=audio 0");
    let answer = switch.receive_offer(closed.as_bytes()).unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("rtcp-mux"));
    assert_eq!((agreed(&switch).rtcp_mux, agreed(&switch).remote_rtcp), (false, None));
}
