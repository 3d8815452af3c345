//! What the reader tolerates, what it refuses and where, and what the printer makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed test is a panic"
)]

use sdp::{Address, Attribute, Connection, Direction, Media, MediaKind, ParseErrorKind, Session};

fn parse(text: &str) -> Session {
    Session::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_full_description_is_read_and_printed_in_order() {
    let text = "v=0\r\no=mia 2890844526 2890842807 IN IP6 2001:db8::5\r\ns=Weekly call\r\ni=about nothing\r\n\
                c=IN IP4 192.0.2.9\r\nb=AS:128\r\nt=10 20\r\na=tool:demo\r\na=recvonly\r\n\
                m=audio 49170/2 RTP/AVP 0 101\r\ni=left ear\r\nc=IN IP4 192.0.2.10\r\nb=TIAS:64000\r\n\
                a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\nm=video 0 RTP/SAVP 96\r\n";
    let session = parse(text);
    assert_eq!(session.to_string(), text);
    assert_eq!(
        (session.origin.session_id, session.origin.version),
        (2_890_844_526, 2_890_842_807)
    );
    assert_eq!(session.origin.address.ip(), Some("2001:db8::5".parse().unwrap()));
    let audio = &session.media[0];
    assert_eq!(
        (audio.port, audio.ports, audio.payload_types().collect::<Vec<_>>()),
        (49_170, 2, vec![0, 101])
    );
    assert_eq!(audio.codec(101).unwrap().fmtp.as_deref(), Some("0-15"));
    assert_eq!(session.direction_of(audio), Direction::RecvOnly);
    assert_eq!(
        session.connection_of(audio).unwrap().address.ip(),
        Some([192, 0, 2, 10].into())
    );
    assert_eq!(
        session.connection_of(&session.media[1]).unwrap().address.ip(),
        Some([192, 0, 2, 9].into())
    );
    assert_eq!(session.attribute_of(audio, "TOOL"), Some("demo"));
}

/// Each of these is seen in the field; all mean the same.
#[test]
fn the_same_in_many_hands() {
    let canonical =
        parse("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendonly\r\n");
    for text in [
        "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=sendonly\n",
        "v=0\rc=IN IP4 192.0.2.1\rm=audio 4000 RTP/AVP 8\ra=rtpmap:8 PCMA/8000\ra=sendonly",
        "\r\n v = 0\r\n\r\nc=  IN  IP4\t192.0.2.1  \r\nm= audio  4000 RTP/AVP  8 \r\na= rtpmap : 8 PCMA/8000\r\na=sendonly \r\n\r\n",
        "c=IN IP4 192.0.2.1\nv=0\nt=0 0\ns=\nm=audio 4000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=sendonly\n",
        "v=0\ns= \nt=\nc=in ip4 192.0.2.1\nu=http://x\ne=a@b\np=+1\nr=7d 1h\nz=0 0\nk=clear:x\ny=0100\nM=what\n\
         m=AUDIO 4000/1 RTP/AVP 8\nk=prompt\na=\na=:x\na=rtpmap:8 PCMA/8000\na=sendonly\n",
    ] {
        assert_eq!(parse(text), canonical, "{text:?}");
    }
}

#[test]
fn odd_values_are_read_as_documented() {
    let session = parse(
        "v=0\no=- -5 99999999999999999999999 ATM NSAP 47.0\ns=-\ns=second\nt=x\nc=IN IP6 ::1\nc=IN IP4 10.0.0.1\nb=AS\nb=:5\nb=X:-1\n",
    );
    assert_eq!((session.origin.session_id, session.origin.version), (0, u64::MAX));
    assert_eq!(session.origin.address, Address::Other("ATM NSAP 47.0".to_owned()));
    assert_eq!(session.name, "");
    assert_eq!(session.connection.unwrap().address.ip(), Some("::1".parse().unwrap()));
    assert_eq!(session.bandwidths, []);

    let latin1 = Session::parse(b"v=0\ns=Gr\xfc\xdfe\x07!\n").unwrap();
    assert_eq!(latin1.name, "Gr??e !");
    for (text, address) in [
        (
            "IN IP4 phone.example",
            Address::Other("IN IP4 phone.example".to_owned()),
        ),
        (
            "IN IP4 224.2.1.1/127/3",
            Address::Other("IN IP4 224.2.1.1/127/3".to_owned()),
        ),
        ("IN IP4 2001:db8::1", Address::Ip("2001:db8::1".parse().unwrap())),
        (
            "TN RFC2543 +1-201-406-7888",
            Address::Other("TN RFC2543 +1-201-406-7888".to_owned()),
        ),
    ] {
        assert_eq!(parse(&format!("v=0\nc={text}\n")).connection.unwrap().address, address);
    }
    let media = parse("v=0\nm=audio 9 RTP/AVP 0 x 128 300 -1 127 0\nm=x-new 1/0 tcp *\n").media;
    assert_eq!(media[0].payload_types().collect::<Vec<_>>(), [0, 127, 0]);
    assert_eq!(
        (&media[1].kind, media[1].ports),
        (&MediaKind::Other("x-new".to_owned()), 1)
    );
}

#[test]
fn an_unreadable_rtpmap_falls_back_to_the_static_type() {
    let media = &parse(
        "v=0\nm=audio 9 RTP/AVP 0 8 96 97\na=rtpmap:0\na=rtpmap:8 PCMA\na=rtpmap:96 x\na=rtpmap:097 OPUS/48000/2\n",
    )
    .media[0];
    assert_eq!(media.codec(0).unwrap().name, "PCMU");
    assert_eq!(media.codec(8).unwrap().name, "PCMA");
    assert_eq!(media.codec(96), None);
    assert_eq!(media.codec(97).unwrap().channels, 2);
}

#[test]
fn errors_say_what_and_where() {
    use ParseErrorKind as Kind;
    for (text, kind, offset) in [
        (&b""[..], Kind::MissingVersion, 0),
        (b"s=x\r\n", Kind::MissingVersion, 5),
        (b"v=1\n", Kind::UnsupportedVersion, 0),
        (b"v=\n", Kind::UnsupportedVersion, 0),
        (b"v=0\nhello\n", Kind::NotALine, 4),
        (b"v=0\r\n=x\r\n", Kind::NotALine, 5),
        (b"v=0\r\n7=x\r\n", Kind::NotALine, 5),
        (b"v=0\r\na=a\0b\r\n", Kind::Nul, 8),
        (b"v=0\r\no=- 1 1 IN IP4\r\n", Kind::MalformedOrigin, 5),
        (b"v=0\no=\n", Kind::MalformedOrigin, 4),
        (b"v=0\nc=192.0.2.1\n", Kind::MalformedConnection, 4),
        (b"v=0\nm=audio 9\n", Kind::MalformedMedia, 4),
        (b"v=0\nm=\n", Kind::MalformedMedia, 4),
        (b"v=0\nm=audio 65536 RTP/AVP 0\n", Kind::PortOutOfRange, 4),
        (b"v=0\nm=audio -1 RTP/AVP 0\n", Kind::PortOutOfRange, 4),
        (b"v=0\nm=audio /2 RTP/AVP 0\n", Kind::PortOutOfRange, 4),
    ] {
        let error = Session::parse(text).unwrap_err();
        assert_eq!(
            (error.kind, error.offset),
            (kind, offset),
            "{}",
            String::from_utf8_lossy(text)
        );
    }
}

/// Each limit holds at its value and refuses one more.
#[test]
fn limits_hold_at_the_edge_and_refuse_one_past() {
    use ParseErrorKind as Kind;
    let many = |line: &str, count: usize| format!("v=0\n{}", line.repeat(count));
    let formats = |count: usize| format!("v=0\nm=audio 9 RTP/AVP{}\n", " 0".repeat(count));
    let line = |length: usize| format!("v=0\na={}\n", "x".repeat(length - 2));
    let bytes = |length: usize| format!("v=0\n{}", "\n".repeat(length - 4));
    for (kind, at, past) in [
        (
            Kind::TooManyMedia,
            many("m=audio 9 RTP/AVP 0\n", 16),
            many("m=audio 9 RTP/AVP 0\n", 17),
        ),
        (Kind::TooManyAttributes, many("a=x\n", 68), many("a=x\n", 69)),
        (
            Kind::TooManyAttributes,
            many("a=x\n", 68) + &many("a=x\n", 68).replace("v=0", "m=audio 9 RTP/AVP 0"),
            many("a=x\n", 69).replace("v=0", "v=0\nm=audio 9 RTP/AVP 0"),
        ),
        (Kind::TooManyBandwidths, many("b=AS:1\n", 8), many("b=AS:1\n", 9)),
        (Kind::TooManyFormats, formats(64), formats(65)),
        (Kind::LineTooLong, line(2048), line(2049)),
        (Kind::TooLong, bytes(32_768), bytes(32_769)),
    ] {
        parse(&at);
        assert_eq!(Session::parse(past.as_bytes()).unwrap_err().kind, kind);
    }
    assert_eq!(Session::parse(line(2049).as_bytes()).unwrap_err().offset, 4 + 2048);
    assert_eq!(Session::parse(bytes(40_000).as_bytes()).unwrap_err().offset, 32_768);
}

#[test]
fn printing_lets_nothing_break_a_line() {
    let mut session = Session {
        name: "two\r\nm=audio 1 RTP/AVP 0".to_owned(),
        connection: Some(Connection {
            address: Address::Other("\n".to_owned()),
        }),
        attributes: vec![Attribute::new("a:b c", "x\r\ny\0z"), Attribute::flag("")],
        media: vec![Media {
            formats: vec![String::new(), "0 8".to_owned()],
            ..Media::new(MediaKind::Other("a b".to_owned()), 1, "")
        }],
        ..Session::default()
    };
    session.origin.username = "a b\n".to_owned();
    assert_eq!(
        session.to_string(),
        "v=0\r\no=a_b_ 0 0 IN IP4 0.0.0.0\r\ns=two  m=audio 1 RTP/AVP 0\r\nc=IN IP4 invalid.\r\nt=0 0\r\n\
         a=a_b_c:x  y z\r\na=-\r\nm=a_b 1 - - 0_8\r\n"
    );
    assert_eq!(
        Media::new(MediaKind::Image, 5, "udptl").to_string(),
        "m=image 5 udptl 0\r\n"
    );
}

/// SDES keys (RFC 4568), ICE (RFC 8839), DTLS (RFC 8842) and BUNDLE (RFC 9143) are the business of those who understand them: they come out as they
/// went in.
#[test]
fn attributes_of_security_and_connectivity_pass_through_unharmed() {
    let text = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\n\
        a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\na=ice-options:trickle,ice2\r\n\
        m=audio 54400 UDP/TLS/RTP/SAVPF 0 96\r\nc=IN IP4 192.0.2.1\r\na=mid:audio\r\na=ice-ufrag:074c6550\r\n\
        a=ice-pwd:a28a397a4c3f31747d1ee3474af08a068\r\n\
        a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host\r\n\
        a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998\r\na=end-of-candidates\r\n\
        a=setup:actpass\r\na=tls-id:abc3de65cddef001be82\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=ssrc:314159 cname:user@example.com\r\n\
        a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
        m=audio 49170 RTP/SAVP 0\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32 KDR=1 UNENCRYPTED_SRTCP\r\n\
        a=crypto:2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4\r\n";
    assert_eq!(parse(text).to_string(), text);
}

/// What RFC 8866 §9 does not allow and no phone sends: refused, not guessed at.
#[test]
fn rfc_8866_what_its_grammar_refuses() {
    for text in [
        "v=0 0\n",
        "v=00x\n",
        "v=0\no=jdoe 1 1 IN IP4\n",
        "v=0\nc=IN\n",
        "v=0\nc=IN IP4\n",
        "v=0\nm=audio\n",
        "v=0\nm=audio port RTP/AVP 0\n",
        "v=0\nm=audio 70000 RTP/AVP 0\n",
        "v=0\nno line\n",
        "v=0\n==\n",
        "v=0\nss=two letters\n",
        "v=0\ns=a\0b\n",
        "INVITE sip:a@b SIP/2.0\n",
        "<sdp/>",
    ] {
        assert!(Session::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}
