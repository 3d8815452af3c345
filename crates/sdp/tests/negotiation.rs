//! Offer and answer: the situations of RFC 3264 §10 and what phones make of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed test is a panic"
)]

use std::net::SocketAddr;

use sdp::{Codec, Direction, Negotiation, NegotiationConfig, NegotiationError, ParseErrorKind, Session};

fn opus() -> Codec {
    Codec {
        channels: 2,
        fmtp: Some("useinbandfec=1".to_owned()),
        ..Codec::audio("opus", 48_000)
    }
}

fn negotiation(codecs: &[(u8, Codec)]) -> Negotiation {
    let mut config = NegotiationConfig::new([192, 0, 2, 100].into(), 20_000, 77);
    config.codecs = codecs.to_vec();
    Negotiation::new(config)
}

fn switch() -> Negotiation {
    negotiation(&[(8, Codec::PCMA), (0, Codec::PCMU)])
}

/// An offer or answer of a phone at 192.0.2.1.
fn phone(lines: &str) -> Vec<u8> {
    format!("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n{lines}").into_bytes()
}

fn media(body: &[u8]) -> Vec<String> {
    let body = std::str::from_utf8(body).unwrap();
    body.split("\r\n")
        .filter(|line| line.starts_with("m="))
        .map(str::to_owned)
        .collect()
}

fn version(body: &[u8]) -> u64 {
    Session::parse(body).unwrap().origin.version
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn an_offer_is_printed_in_full() {
    let mut ours = negotiation(&[(8, Codec::PCMA), (96, opus())]);
    let body = ours.offer().unwrap();
    assert_eq!(
        std::str::from_utf8(&body).unwrap(),
        "v=0\r\no=- 77 1 IN IP4 192.0.2.100\r\ns=-\r\nc=IN IP4 192.0.2.100\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 96 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
}

/// RFC 3264 §10.1: one audio and two video streams are offered, the answerer takes what it can and refuses the rest in place.
#[test]
fn refused_streams_keep_their_places() {
    let mut ours = switch();
    let offer = phone(
        "m=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\nm=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:97 iLBC/8000\r\n\
         m=image 6000 udptl t38\r\nm=audio 49180 RTP/AVP 0\r\nm=message 7 TCP/MSRP *\r\n",
    );
    let answer = ours.receive_offer(&offer).unwrap();
    assert_eq!(
        media(&answer),
        [
            "m=video 0 RTP/AVP 31 32",
            "m=audio 20000 RTP/AVP 0",
            "m=image 0 udptl t38",
            "m=audio 0 RTP/AVP 0",
            "m=message 0 TCP/MSRP *"
        ]
    );
    let agreed = ours.agreed().unwrap();
    assert_eq!(
        (agreed.remote, agreed.remote_rtcp),
        (Some(address("192.0.2.1:49170")), Some(address("192.0.2.1:49171")))
    );
    assert_eq!((&agreed.codec, agreed.dtmf_send), (&Codec::PCMU, None));

    // Our own next offer keeps all five lines.
    ours.set_direction(Direction::SendOnly);
    let offer = ours.offer().unwrap();
    assert_eq!(media(&offer).len(), 5);
    assert_eq!(media(&offer)[1], "m=audio 20000 RTP/AVP 0 8 101");
    ours.receive_answer(&phone(
        "m=video 0 RTP/AVP 31\r\nm=audio 49170 RTP/AVP 0\r\na=recvonly\r\nm=image 0 udptl t38\r\nm=audio 0 RTP/AVP 0\r\nm=message 0 x *\r\n",
    ))
    .unwrap();
    assert_eq!(ours.agreed().unwrap().direction, Direction::SendOnly);
    assert!(!ours.agreed().unwrap().held, "we hold, not they");
}

/// RFC 3264 §10.2: many codecs are offered, one is taken.
#[test]
fn one_codec_of_many_under_the_offerers_number() {
    let lines = "m=audio 62986 RTP/AVP 0 4 18 110 120\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:4 G723/8000\r\na=rtpmap:18 G729/8000\r\n\
                 a=rtpmap:110 OPUS/48000/2\r\na=fmtp:110 stereo=0\r\na=rtpmap:120 Telephone-Event/8000\r\n";
    let mut ours = negotiation(&[(96, opus()), (0, Codec::PCMU)]);
    let answer = ours.receive_offer(&phone(lines)).unwrap();
    assert_eq!(
        media(&answer),
        ["m=audio 20000 RTP/AVP 0 120"],
        "by default in the offerer's order"
    );

    let mut ours = negotiation(&[(96, opus()), (0, Codec::PCMU)]);
    ours.set_preference(&[Codec::G722, opus()]);
    let answer = ours.receive_offer(&phone(lines)).unwrap();
    assert_eq!(media(&answer), ["m=audio 20000 RTP/AVP 110 120"]);
    let agreed = ours.agreed().unwrap();
    assert_eq!(
        (agreed.send_payload, agreed.receive_payload, &agreed.codec),
        (110, 110, &opus())
    );
    assert_eq!(
        (agreed.dtmf_send, agreed.dtmf_clock_rate),
        (Some(120), 8000),
        "the only event offered"
    );
    assert_eq!(agreed.remote_fmtp.as_deref(), Some("stereo=0"));

    // Later offers use these numbers, and never one of them for anything else.
    let offer = ours.offer().unwrap();
    assert_eq!(media(&offer), ["m=audio 20000 RTP/AVP 110 0 101"]);
    assert!(
        std::str::from_utf8(&offer)
            .unwrap()
            .contains("101 telephone-event/48000"),
        "the first codec's clock rate"
    );
}

#[test]
fn a_number_taken_by_the_peer_is_not_used_otherwise() {
    let mut ours = negotiation(&[(0, Codec::PCMU), (96, opus())]);
    let offer = phone("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    ours.receive_offer(&offer).unwrap();
    let offer = ours.offer().unwrap();
    assert_eq!(
        media(&offer),
        ["m=audio 20000 RTP/AVP 0 97 96"],
        "96 stays the events, opus moves"
    );
}

#[test]
fn an_answer_may_number_differently() {
    let mut ours = negotiation(&[(96, opus()), (8, Codec::PCMA)]);
    ours.offer().unwrap();
    ours.receive_answer(&phone(
        "m=audio 4000 RTP/AVP 107 100\r\na=rtpmap:107 opus/48000/2\r\na=rtpmap:100 telephone-event/48000\r\n",
    ))
    .unwrap();
    let agreed = ours.agreed().unwrap();
    assert_eq!((agreed.send_payload, agreed.receive_payload), (107, 96));
    assert_eq!((agreed.dtmf_send, agreed.dtmf_receive), (Some(100), Some(101)));
}

#[test]
fn an_answer_without_rtpmap_means_what_was_offered() {
    let mut ours = negotiation(&[(96, opus())]);
    ours.offer().unwrap();
    ours.receive_answer(&phone("m=audio 4000 RTP/AVP 96 101\r\n")).unwrap();
    let agreed = ours.agreed().unwrap();
    assert_eq!(
        (&agreed.codec, agreed.send_payload, agreed.dtmf_send),
        (&opus(), 96, Some(101))
    );
}

/// What each kind of hold does to an established call, and that it resumes.
#[test]
fn every_kind_of_hold() {
    use Direction::{Inactive, RecvOnly, SendRecv};
    let here = Some(address("192.0.2.1:4000"));
    let audio = |more: &str| phone(&format!("m=audio 4000 RTP/AVP 8\r\n{more}"));
    let zero = String::from_utf8(audio(""))
        .unwrap()
        .replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0")
        .into_bytes();
    let session_level = String::from_utf8(audio(""))
        .unwrap()
        .replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n")
        .into_bytes();
    let closed = phone("m=audio 0 RTP/AVP 8\r\n");
    for (name, hold, remote, direction, line) in [
        (
            "sendonly",
            audio("a=sendonly\r\n"),
            here,
            RecvOnly,
            "m=audio 20000 RTP/AVP 8",
        ),
        (
            "SENDONLY",
            audio("a=SendOnly\r\n"),
            here,
            RecvOnly,
            "m=audio 20000 RTP/AVP 8",
        ),
        (
            "sendonly for the session",
            session_level,
            here,
            RecvOnly,
            "m=audio 20000 RTP/AVP 8",
        ),
        (
            "inactive",
            audio("a=inactive\r\n"),
            here,
            Inactive,
            "m=audio 20000 RTP/AVP 8",
        ),
        ("0.0.0.0", zero, None, RecvOnly, "m=audio 20000 RTP/AVP 8"),
        ("port 0", closed, None, Inactive, "m=audio 0 RTP/AVP 8"),
    ] {
        let mut ours = switch();
        ours.receive_offer(&audio("")).unwrap();
        let answer = ours.receive_offer(&hold).unwrap();
        assert_eq!(media(&answer), [line], "{name}");
        assert_eq!(
            Session::parse(&answer).map(|s| s.direction_of(&s.media[0])),
            Ok(direction),
            "{name}"
        );
        let agreed = ours.agreed().unwrap();
        assert_eq!(
            (agreed.held, agreed.remote, agreed.direction),
            (true, remote, direction),
            "{name}"
        );
        ours.receive_offer(&audio("")).unwrap();
        let agreed = ours.agreed().unwrap();
        assert_eq!(
            (agreed.held, agreed.remote, agreed.direction),
            (false, here, SendRecv),
            "{name}"
        );
    }
}

/// Both hold each other; each resumes on its own.
#[test]
fn holding_each_other() {
    let mut ours = switch();
    let mut phone = negotiation(&[(8, Codec::PCMA)]);
    fn exchange(from: &mut Negotiation, to: &mut Negotiation, wanted: Direction) {
        from.set_direction(wanted);
        let answer = to.receive_offer(&from.offer().unwrap()).unwrap();
        from.receive_answer(&answer).unwrap();
    }
    let state = |n: &Negotiation| n.agreed().map(|agreed| (agreed.direction, agreed.held)).unwrap();
    exchange(&mut phone, &mut ours, Direction::SendRecv);
    exchange(&mut phone, &mut ours, Direction::SendOnly);
    assert_eq!(
        (state(&ours), state(&phone)),
        ((Direction::RecvOnly, true), (Direction::SendOnly, false))
    );
    exchange(&mut ours, &mut phone, Direction::Inactive);
    assert_eq!(
        state(&ours),
        (Direction::Inactive, true),
        "still held, although the answer cannot say so"
    );
    exchange(&mut ours, &mut phone, Direction::SendRecv);
    assert_eq!(state(&ours), (Direction::RecvOnly, true));
    exchange(&mut phone, &mut ours, Direction::SendRecv);
    assert_eq!(
        (state(&ours), state(&phone)),
        ((Direction::SendRecv, false), (Direction::SendRecv, false))
    );
}

/// Every failure, at the start and within a session: nothing changes, the next good offer is answered, and the version tells.
#[test]
fn a_failed_offer_changes_nothing() {
    use NegotiationError as E;
    let with = |connection: &str| {
        String::from_utf8(phone("m=audio 4000 RTP/AVP 8\r\n"))
            .unwrap()
            .replace("IN IP4 192.0.2.1\r\nt", connection)
            .into_bytes()
    };
    let cases = [
        (phone(""), E::NoAudio),
        (phone("m=video 4000 RTP/AVP 31\r\n"), E::NoAudio),
        (phone("m=audio 4000 RTP/SAVP 8\r\n"), E::UnsupportedTransport),
        (phone("m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n"), E::UnsupportedTransport),
        (phone("m=audio 4000 RTP/AVP 3 18\r\n"), E::NoCommonCodec),
        (phone("m=audio 4000 RTP/AVP 96\r\n"), E::NoCommonCodec),
        (phone("m=audio 4000 RTP/AVP\r\n"), E::NoCommonCodec),
        (
            phone("m=audio 4000 RTP/AVP 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
            E::NoCommonCodec,
        ),
        (with("IN IP4 phone.example\r\nt"), E::UnsupportedAddress),
        (with("IN IP4 224.2.1.1/127\r\nt"), E::UnsupportedAddress),
        (with("IN IP4 224.2.1.1\r\nt"), E::UnsupportedAddress),
        (with("IN IP4 255.255.255.255\r\nt"), E::UnsupportedAddress),
        (with("IN IP6 2001:db8::1\r\nt"), E::UnsupportedAddress),
        (b"v=0\nm=audio 4000 RTP/AVP 8\n".to_vec(), E::UnsupportedAddress),
    ];
    for (offer, error) in &cases {
        let mut ours = switch();
        assert_eq!(
            ours.receive_offer(offer),
            Err(*error),
            "{}",
            String::from_utf8_lossy(offer)
        );
        assert_eq!(ours.agreed(), None);
        let good = phone("m=audio 4000 RTP/AVP 0\r\n");
        assert_eq!(version(&ours.receive_offer(&good).unwrap()), 1);
        let before = ours.agreed().cloned();
        assert_eq!(ours.receive_offer(offer), Err(*error));
        assert_eq!(ours.agreed().cloned(), before);
        assert_eq!(
            version(&ours.receive_offer(&good).unwrap()),
            1,
            "the same answer, the same version"
        );

        // The same as an answer: our offer stays open until it is cancelled.
        ours.set_direction(Direction::SendOnly);
        assert_eq!(version(&ours.offer().unwrap()), 2);
        assert_eq!(ours.receive_answer(offer), Err(*error));
        assert!(ours.has_pending_offer());
        ours.cancel_offer();
        assert_eq!(ours.agreed().cloned(), before);
        ours.set_direction(Direction::SendRecv);
        assert_eq!(
            version(&ours.receive_offer(&good).unwrap()),
            3,
            "differs from what was sent last"
        );
    }
    let malformed = switch().receive_offer(b"\0").unwrap_err();
    assert!(matches!(malformed, E::Malformed(error) if error.kind == ParseErrorKind::Nul));
    assert_eq!(
        switch().receive_offer(&phone("m=audio 0 RTP/AVP 8\r\n")),
        Err(E::NoAudio),
        "closed from the start"
    );
}

#[test]
fn misuse_is_refused() {
    let mut ours = switch();
    assert_eq!(
        ours.receive_answer(&phone("m=audio 4000 RTP/AVP 8\r\n")),
        Err(NegotiationError::NoOffer)
    );
    ours.cancel_offer();
    ours.offer().unwrap();
    assert_eq!(ours.offer(), Err(NegotiationError::OfferPending));
    assert_eq!(
        ours.receive_offer(&phone("m=audio 4000 RTP/AVP 8\r\n")),
        Err(NegotiationError::OfferPending)
    );
    assert_eq!(negotiation(&[]).offer(), Err(NegotiationError::NothingToOffer));
    assert_eq!(
        negotiation(&[(200, opus())]).offer().map(|body| media(&body)),
        Ok(vec!["m=audio 20000 RTP/AVP 96 101".to_owned()])
    );
}

/// A provisional response brings one answer, the final one another (early media from a gateway, then the callee).
#[test]
fn the_last_answer_holds() {
    let mut ours = switch();
    ours.offer().unwrap();
    ours.receive_answer(&phone("m=audio 4000 RTP/AVP 0\r\n")).unwrap();
    assert_eq!(ours.agreed().unwrap().codec, Codec::PCMU);
    ours.receive_answer(&phone("m=audio 5000 RTP/AVP 8\r\n")).unwrap();
    assert_eq!(
        (
            &ours.agreed().unwrap().codec,
            ours.agreed().unwrap().remote.unwrap().port()
        ),
        (&Codec::PCMA, 5000)
    );
    ours.receive_offer(&phone("m=audio 5000 RTP/AVP 8\r\n")).unwrap();
    assert_eq!(
        ours.receive_answer(&phone("m=audio 4000 RTP/AVP 0\r\n")),
        Err(NegotiationError::NoOffer)
    );
}

#[test]
fn the_version_rises_only_with_a_change() {
    let mut ours = switch();
    let good = phone("m=audio 4000 RTP/AVP 8\r\n");
    let answers = [
        &good,
        &good,
        &phone("m=audio 4002 RTP/AVP 8\r\n"),
        &phone("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n"),
        &good,
    ];
    let versions = answers.map(|offer| version(&ours.receive_offer(offer).unwrap()));
    assert_eq!(versions, [1, 1, 1, 2, 3]);
    ours.set_local([192, 0, 2, 101].into(), 20_002);
    let answer = ours.receive_offer(&good).unwrap();
    assert_eq!(
        (version(&answer), media(&answer)),
        (4, vec!["m=audio 20002 RTP/AVP 8".to_owned()])
    );
}

/// CVE-2026-41416 and its like: packet times that no stream can be made of.
#[test]
fn absurd_packet_times_are_clamped() {
    for (lines, expected) in [
        ("", 20),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:25\r\n", 20),
        ("a=ptime:20.5\r\n", 20),
        ("a=ptime:0\r\n", 10),
        ("a=ptime:-20\r\n", 20),
        ("a=ptime\r\n", 20),
        ("a=ptime:x\r\n", 20),
        ("a=ptime:4294967316\r\n", 60),
        ("a=ptime:99999999999999999999\r\n", 60),
        ("a=ptime:40\r\na=maxptime:30\r\n", 30),
        ("a=ptime:40\r\na=maxptime:0\r\n", 40),
        ("a=maxptime:10\r\n", 20),
    ] {
        let mut ours = switch();
        ours.receive_offer(&phone(&format!("m=audio 4000 RTP/AVP 8\r\n{lines}")))
            .unwrap();
        assert_eq!(ours.agreed().unwrap().ptime_ms, expected, "{lines}");
    }
}

#[test]
fn where_rtcp_goes() {
    for (port, lines, expected) in [
        (4000, "", Some("192.0.2.1:4001")),
        (4000, "a=rtcp:53020\r\n", Some("192.0.2.1:53020")),
        (4000, "a=rtcp:53020 IN IP4 192.0.2.7\r\n", Some("192.0.2.7:53020")),
        (4000, "a=rtcp:53020 IN IP4 other.example\r\n", Some("192.0.2.1:4001")),
        (4000, "a=rtcp:53020 IN IP6 2001:db8::1\r\n", Some("192.0.2.1:4001")),
        (4000, "a=rtcp:0\r\n", Some("192.0.2.1:4001")),
        (4000, "a=rtcp:x\r\n", Some("192.0.2.1:4001")),
        (65_535, "", None),
    ] {
        let mut ours = switch();
        ours.receive_offer(&phone(&format!("m=audio {port} RTP/AVP 8\r\n{lines}")))
            .unwrap();
        assert_eq!(ours.agreed().unwrap().remote_rtcp, expected.map(address), "{lines}");
    }
    let mut ours = switch();
    let answer = ours
        .receive_offer(&phone("m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n"))
        .unwrap();
    assert!(ours.agreed().unwrap().peer_rtcp_mux);
    assert!(!std::str::from_utf8(&answer).unwrap().contains("rtcp-mux"));
}

/// A phone that prefers SRTP offers it first and plain RTP second.
#[test]
fn the_usable_one_of_several_audio_lines_is_taken() {
    let mut ours = switch();
    let both = phone("m=audio 4000 RTP/SAVP 8\r\nm=audio 4002 RTP/AVP 8\r\nm=audio 4004 rtp/avpf 0\r\n");
    let answer = ours.receive_offer(&both).unwrap();
    assert_eq!(
        media(&answer),
        [
            "m=audio 0 RTP/SAVP 8",
            "m=audio 20000 RTP/AVP 8",
            "m=audio 0 rtp/avpf 0"
        ]
    );
    // The stream in use goes on even where an earlier line has become usable.
    let later = phone("m=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\nm=audio 4004 RTP/AVPF 0\r\n");
    assert_eq!(
        media(&ours.receive_offer(&later).unwrap())[1],
        "m=audio 20000 RTP/AVP 8"
    );
    // And another is taken where it is closed.
    let moved = phone("m=audio 4000 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 8\r\nm=audio 4004 RTP/AVPF 0\r\n");
    assert_eq!(
        media(&ours.receive_offer(&moved).unwrap())[2],
        "m=audio 20000 RTP/AVPF 0"
    );
}

#[test]
fn ipv6_is_negotiated_alike() {
    let mut ours = Negotiation::new(NegotiationConfig::new("2001:db8::2".parse().unwrap(), 20_000, 1));
    let answer = ours
        .receive_offer(b"v=0\nc=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 8\n")
        .unwrap();
    assert!(
        std::str::from_utf8(&answer)
            .unwrap()
            .contains("c=IN IP6 2001:db8::2\r\n")
    );
    assert_eq!(ours.agreed().unwrap().remote, Some(address("[2001:db8::1]:4000")));
    ours.receive_offer(b"v=0\nc=IN IP6 ::\nm=audio 4000 RTP/AVP 8\n")
        .unwrap();
    assert!(ours.agreed().unwrap().held);
}

#[test]
fn without_telephone_event_none_is_accepted() {
    let mut config = NegotiationConfig::new([192, 0, 2, 100].into(), 20_000, 77);
    config.telephone_event = None;
    let mut ours = Negotiation::new(config);
    let answer = ours
        .receive_offer(&phone(
            "m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
        ))
        .unwrap();
    assert_eq!(media(&answer), ["m=audio 20000 RTP/AVP 8"]);
    assert_eq!(media(&ours.offer().unwrap()), ["m=audio 20000 RTP/AVP 8 0"]);
}

/// Both sides hold at once: SIP refuses both offers and has them sent again one after the other.
#[test]
fn offers_that_crossed_are_answered_one_after_the_other() {
    let (mut ours, mut peer) = (switch(), negotiation(&[(8, Codec::PCMA)]));
    let answer = peer.receive_offer(&ours.offer().unwrap()).unwrap();
    ours.receive_answer(&answer).unwrap();
    for side in [&mut ours, &mut peer] {
        side.set_direction(Direction::SendOnly);
    }
    let (our_offer, peer_offer) = (ours.offer().unwrap(), peer.offer().unwrap());
    assert_eq!(ours.receive_offer(&peer_offer), Err(NegotiationError::OfferPending));
    ours.defer_offer();
    let answer = ours.receive_offer(&peer_offer).unwrap();
    peer.receive_answer(&answer).unwrap();
    assert!(ours.has_pending_offer() && ours.offer() == Err(NegotiationError::OfferPending));
    let answer = peer.receive_offer(&our_offer).unwrap();
    ours.receive_answer(&answer).unwrap();
    for side in [&ours, &peer] {
        let agreed = side.agreed().unwrap();
        assert_eq!((agreed.direction, agreed.held), (Direction::Inactive, true));
    }
    assert!(!ours.has_pending_offer());
    ours.defer_offer();
    assert!(ours.receive_offer(&peer_offer).is_ok(), "nothing was deferred");
    ours.offer().unwrap();
    ours.defer_offer();
    ours.cancel_offer();
    assert_eq!(ours.receive_answer(&answer), Err(NegotiationError::NoOffer));
}
