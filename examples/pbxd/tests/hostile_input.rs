//! What strangers and broken phones send to a running `pbxd`: the right status or silence, the server lives, and a call
//! that is under way does not notice.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]
#![allow(
    clippy::print_stderr,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real sockets and processes"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use support::call::Call;
use support::phone::{Message, Phone, sdp, sdp_type};
use support::server::Server;

const SILENCE: Duration = Duration::from_millis(400);

/// Lets `disturb` loose while a call between 1001 and 1002 is up.
fn during_a_call(disturb: impl FnOnce(&Server)) {
    let server = Server::start();
    let mut call = Call::connect(&server, "1001", "1002");
    call.assert_well();
    disturb(&server);
    assert!(server.answers(), "the server still answers");
    call.assert_well();
    call.hang_up();
}

/// Bytes that look random and are the same each time (xorshift).
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

fn invite(phone: &Phone, call_id: &str) -> String {
    phone.request("INVITE", "1002", call_id, 1, &[sdp_type()], &sdp(40_000))
}

/// The status of the next final response, if one comes.
fn next_status(phone: &Phone, limit: Duration) -> Option<u16> {
    while let Some(message) = phone.receive(limit) {
        if message.status().is_some_and(|status| status >= 200) {
            return message.status();
        }
    }
    None
}

#[test]
fn random_datagrams_are_dropped_in_silence() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        for length in [0, 1, 2, 3, 4, 13, 100, 1000, 1500, 9000, 65_507] {
            for seed in 0..20 {
                phone.send(noise(seed, length));
            }
        }
        assert!(phone.receive(SILENCE).is_none());
    });
}

#[test]
fn an_invite_cut_off_anywhere_gets_400_or_silence() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        let whole = invite(&phone, "cut");
        let body = whole.find("\r\n\r\n").unwrap() + 4;
        for end in (0..body - 2).step_by(7) {
            phone.send(&whole.as_bytes()[..end]);
            let status = next_status(&phone, Duration::from_millis(30));
            // Cut between two headers it may be whole enough to be asked who sent it; never more than that.
            assert!(matches!(status, None | Some(400 | 401)), "cut at {end}: {status:?}");
        }
        // A datagram that says it has more body than it has (RFC 3261 §18.3).
        phone.send(&whole.as_bytes()[..whole.len() - 20]);
        assert_eq!(next_status(&phone, SILENCE), Some(400));
    });
}

#[test]
fn a_header_of_64_kilobytes_is_refused() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        for (call_id, name) in [
            ("long1", "X-Long"),
            ("long2", "Subject"),
            ("long3", "Via"),
            ("long4", "Authorization"),
        ] {
            let room = 65_000 - invite(&phone, call_id).len();
            let line = format!("{name}: {}", "a".repeat(room));
            let request = phone.request("INVITE", "1002", call_id, 1, &[line, sdp_type()], &sdp(40_000));
            phone.send(request);
            let status = next_status(&phone, SILENCE);
            assert!(
                matches!(status, None | Some(400 | 401 | 413 | 431 | 513)),
                "{name}: {status:?}"
            );
        }
        // Many short ones.
        let lines: Vec<String> = (0..5000).map(|n| format!("X-{n}: y")).collect();
        phone.send(phone.request("OPTIONS", "1002", "many", 1, &lines, ""));
        let status = next_status(&phone, SILENCE);
        assert!(matches!(status, None | Some(400 | 401 | 413 | 431 | 513)), "{status:?}");
    });
}

#[test]
fn an_offer_without_audio_is_not_acceptable() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        let session = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
        let video = format!("{session}m=video 40000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n");
        let unknown = format!("{session}m=audio 40000 RTP/AVP 96\r\na=rtpmap:96 nobody-knows/8000\r\n");
        for (name, body) in [("none", session), ("video", &video), ("codec", &unknown)] {
            let answer = phone.ask("INVITE", "1002", &format!("sdp-{name}"), &[sdp_type()], body);
            assert_eq!(answer.status(), Some(488), "{name}: {}", answer.0);
        }
        for (name, body) in [("garbage", "\u{0}\u{1}\u{2}"), ("half", "v=0\r\no="), ("text", "hello")] {
            let answer = phone.ask("INVITE", "1002", &format!("sdp-{name}"), &[sdp_type()], body);
            assert!(matches!(answer.status(), Some(400 | 488)), "{name}: {}", answer.0);
        }
    });
}

#[test]
fn a_reinvite_with_a_bad_offer_is_refused_and_changes_nothing() {
    let server = Server::start();
    let mut call = Call::connect(&server, "1001", "1002");
    let (phone, dialog) = call.caller();
    let answer = phone.ask_in(
        dialog,
        "INVITE",
        &[sdp_type()],
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
    );
    assert_eq!(answer.status(), Some(488), "{}", answer.0);
    call.assert_well();
    call.hang_up();
}

#[test]
fn a_transfer_to_nowhere_is_refused() {
    let server = Server::start();
    let mut call = Call::connect(&server, "1001", "1002");
    let (phone, dialog) = call.caller();
    for (target, statuses) in [
        ("<sip:4711@pbx.test>", &[404][..]),
        ("<sip:1003@elsewhere.example>", &[403, 404]),
        ("<tel:+49711>", &[400, 403, 404, 416]),
        (
            "<sip:700@pbx.test?Replaces=unknown%3Bto-tag%3Da%3Bfrom-tag%3Db>",
            &[603], // a 481 would end the call itself
        ),
        ("<sip:700@pbx.test?Replaces=%00%01>", &[400, 603]),
        ("", &[400]),
        ("<<<>>>", &[400]),
    ] {
        let answer = phone.ask_in(dialog, "REFER", &[format!("Refer-To: {target}")], "");
        assert!(
            answer.status().is_some_and(|status| statuses.contains(&status)),
            "{target}: {}",
            answer.0
        );
    }
    let answer = phone.ask_in(dialog, "REFER", &[], "");
    assert_eq!(answer.status(), Some(400), "a REFER without Refer-To: {}", answer.0);
    call.assert_well();
    call.hang_up();
}

#[test]
fn requests_in_unknown_dialogs_get_481() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        let built = ["BYE", "INFO", "REFER", "INVITE", "OPTIONS"].map(|method| (method, &[481][..]));
        let not_built = ["UPDATE", "NOTIFY", "PRACK"].map(|method| (method, &[405, 481][..]));
        for (method, statuses) in built.into_iter().chain(not_built) {
            let call_id = format!("unknown-{method}");
            let request = phone.request(method, "1002", &call_id, 7, &["Event: dialog".to_owned()], "");
            phone.send(request.replace("To: <sip:1002@pbx.test>", "To: <sip:1002@pbx.test>;tag=nobody"));
            let answer = phone.final_response(&call_id, &format!("7 {method}"));
            assert!(
                answer.status().is_some_and(|status| statuses.contains(&status)),
                "{method}: {}",
                answer.0
            );
        }
    });
}

/// Sends bytes over TCP and collects what comes back until the server closes or is silent.
fn over_tcp(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.sip).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let _ = stream.write_all(bytes); // the server may have closed before it has read all
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend(&buffer[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_wrong_content_length_over_tcp_is_refused() {
    during_a_call(|server| {
        let phone = Phone::new(server, "1003");
        for (number, length) in [
            "-1",
            "abc",
            "4294967296",
            "18446744073709551616",
            "99999999999999999999999",
            "1, 2",
            "",
        ]
        .iter()
        .enumerate()
        {
            let options = phone.request("OPTIONS", "1002", &format!("tcp{number}"), 1, &[], "");
            let options = options.replace("SIP/2.0/UDP", "SIP/2.0/TCP");
            let wrong = options.replace("Content-Length: 0", &format!("Content-Length: {length}"));
            let answer = over_tcp(server, wrong.as_bytes());
            assert!(
                answer.is_empty() || answer.starts_with("SIP/2.0 400") || answer.starts_with("SIP/2.0 413"),
                "Content-Length: {length}: {answer}"
            );
        }
        // Two that contradict each other: what follows must never be read as a second message.
        let options = phone.request("OPTIONS", "1002", "tcp-two", 1, &["Content-Length: 5".to_owned()], "");
        let answer = over_tcp(server, options.replace("SIP/2.0/UDP", "SIP/2.0/TCP").as_bytes());
        assert!(answer.is_empty() || answer.starts_with("SIP/2.0 400"), "{answer}");
    });
}

#[test]
fn messages_over_tcp_may_be_cut_and_joined_anywhere() {
    let server = Server::start();
    let phone = Phone::new(&server, "1003");
    let one = |id: &str| {
        phone
            .request("OPTIONS", "1002", id, 1, &[], "")
            .replace("SIP/2.0/UDP", "SIP/2.0/TCP")
    };
    let mut stream = TcpStream::connect(server.sip).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    for piece in (one("cut-1") + &one("cut-2") + "\r\n\r\n" + &one("cut-3"))
        .as_bytes()
        .chunks(50)
    {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        answer.extend(&buffer[..length]);
    }
    let answer = String::from_utf8_lossy(&answer);
    for id in ["cut-1", "cut-2", "cut-3"] {
        assert!(
            answer.contains(&format!("Call-ID: {id}\r\n")),
            "{id} is answered: {answer}"
        );
    }
    assert_eq!(answer.matches("SIP/2.0 401").count(), 3, "{answer}");
}

#[test]
fn connections_that_say_nothing_or_nonsense_do_not_keep_others_out() {
    during_a_call(|server| {
        let idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(server.sip).unwrap()).collect();
        for seed in 0..50 {
            over_tcp_briefly(server, &noise(seed, 2000));
        }
        let phone = Phone::new(server, "1003");
        let options = phone
            .request("OPTIONS", "1002", "late", 1, &[], "")
            .replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        assert!(over_tcp(server, options.as_bytes()).starts_with("SIP/2.0 401"));
        drop(idle);
    });
}

fn over_tcp_briefly(server: &Server, bytes: &[u8]) {
    let _ = TcpStream::connect(server.sip).unwrap().write_all(bytes);
}

#[test]
fn junk_on_the_media_ports_does_not_disturb_a_call() {
    let server = Server::start();
    let mut call = Call::connect(&server, "1001", "1002");
    call.assert_well();
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let media = call.caller().1.media;
    for seed in 0..5000 {
        // Some of it is valid RTP from somebody else: it must neither be relayed nor take the call over.
        let mut packet = noise(seed, 172);
        if seed % 2 == 0 {
            packet[..2].copy_from_slice(&[0x80, 0]);
        }
        stranger.send_to(&packet, media).unwrap();
    }
    call.assert_well();
    call.hang_up();
    stranger.set_read_timeout(Some(SILENCE)).unwrap();
    assert!(
        stranger.recv(&mut [0; 2048]).is_err(),
        "nothing of the call goes to a stranger"
    );
}

#[test]
fn nothing_is_done_for_those_who_do_not_say_who_they_are() {
    during_a_call(|server| {
        let victim = Phone::new(server, "1004");
        victim.register();
        let stranger = Phone::new(server, "1003");
        for (method, statuses) in [
            ("INVITE", &[401][..]),
            ("REGISTER", &[401]),
            ("OPTIONS", &[401]),
            ("SUBSCRIBE", &[401]),
            ("MESSAGE", &[401, 405]),
            ("PUBLISH", &[401, 405]),
            ("REFER", &[401, 403]),
            ("INFO", &[401, 403, 481]),
            ("UPDATE", &[401, 403, 405, 481]),
            ("PRACK", &[405, 481]),
            ("NOTIFY", &[401, 403, 405, 481]),
            ("BYE", &[401, 403, 481]),
            ("CANCEL", &[481]),
            ("FROBNICATE", &[401, 403, 405, 501]),
        ] {
            let call_id = format!("stranger-{method}");
            let headers = [
                "Event: dialog".to_owned(),
                "Refer-To: <sip:1001@pbx.test>".to_owned(),
                "P-Asserted-Identity: <sip:1001@pbx.test>".to_owned(),
                "RAck: 1 1 INVITE".to_owned(),
            ];
            stranger.send(stranger.request(method, "1004", &call_id, 1, &headers, ""));
            let answer = stranger.final_response(&call_id, &format!("1 {method}"));
            assert!(
                answer.status().is_some_and(|status| statuses.contains(&status)),
                "{method}: {}",
                answer.0
            );
        }
        stranger.send(stranger.request("ACK", "1004", "stranger-ACK", 1, &[], ""));
        let after_ack = stranger.receive(SILENCE);
        assert!(
            after_ack
                .as_ref()
                .is_none_or(|m: &Message| m.header("Call-ID") != Some("stranger-ACK")),
            "{after_ack:?}"
        );
        assert!(victim.receive(SILENCE).is_none(), "nobody else's phone was troubled");
    });
}

#[test]
fn nobody_speaks_in_anothers_name() {
    let server = Server::start();
    let victim = Phone::new(&server, "1004");
    victim.register();
    let phone = Phone::new(&server, "1003");
    let request = |cseq: u32, headers: &[String]| {
        let text = phone.request(
            "INVITE",
            "1004",
            "spoof",
            cseq,
            &[headers, &[sdp_type()]].concat(),
            &sdp(40_000),
        );
        text.replace("From: <sip:1003@", "From: \"The Director\" <sip:1001@")
    };
    phone.send(request(1, &[]));
    let challenge = phone.final_response("spoof", "1 INVITE");
    let authorization = phone.authorization(&challenge, "INVITE", "1004");
    phone.send(request(
        2,
        &[authorization, "P-Asserted-Identity: <sip:1001@pbx.test>".to_owned()],
    ));
    // Either it is refused, or the phone that rings is told who it really is.
    if let Some(invite) = victim.receive(Duration::from_secs(1)) {
        let from = invite.header("From").unwrap();
        assert!(from.contains("sip:1003@") && from.contains("Sales"), "{from}");
        assert!(!invite.0.contains("1001@pbx.test"), "{}", invite.0);
        victim.reply(&invite, "486 Busy Here", &[], "");
    }
    let answer = phone.final_response("spoof", "2 INVITE");
    assert!(matches!(answer.status(), Some(403 | 486)), "{}", answer.0);
}
