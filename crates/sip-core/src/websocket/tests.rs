use core::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use proptest::prelude::*;

use super::frame::{Head, Opcode, apply_mask};
use super::*;

fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

fn socket(role: Role) -> WebSocket {
    WebSocket::new(at(1), role, WebSocketConfig::default(), [1; 32])
}

fn outputs(socket: &mut WebSocket) -> Vec<Output> {
    core::iter::from_fn(|| socket.poll_output()).collect()
}

fn message(bytes: &[u8]) -> Output {
    Output::Message(Bytes::copy_from_slice(bytes))
}

/// What a client says to a server, masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let head = Head {
        last: true,
        opcode: Opcode::Text,
        len: payload.len() as u64,
        mask: Some(MASK),
    };
    let mut out = Vec::new();
    head.write(&mut out);
    out[0] = first;
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(MASK, 0, &mut out[start..]);
    out
}

/// What a server makes of `data`.
fn served(data: &[u8]) -> Vec<Output> {
    let mut server = socket(Role::Server);
    server.receive(at(1), data);
    outputs(&mut server)
}

/// The code that the connection ended with, as it was told and as the peer is told.
fn refused(data: &[u8]) -> u16 {
    match &served(data)[..] {
        [Output::Transmit(close), Output::Closed { code }] => {
            assert_eq!(close[..], [&[0x88, 2][..], &code.to_be_bytes()].concat());
            *code
        }
        other => panic!("{other:?}"),
    }
}

/// The examples of RFC 6455 §5.7.
#[test]
fn rfc6455_section_5_7_examples() {
    let hello = b"Hello";
    let unmasked: &[u8] = &[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    let mut client = socket(Role::Client);
    client.receive(at(1), unmasked);
    assert_eq!(outputs(&mut client), [message(hello)]);

    let masked: &[u8] = &[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    assert_eq!(served(masked), [message(hello)]);

    client.receive(at(1), &[0x01, 0x03, 0x48, 0x65, 0x6c]);
    assert_eq!(outputs(&mut client), []);
    client.receive(at(1), &[0x80, 0x02, 0x6c, 0x6f]);
    assert_eq!(outputs(&mut client), [message(hello)], "fragments");

    let ping: &[u8] = &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    client.receive(at(1), ping);
    let Output::Transmit(pong) = outputs(&mut client).remove(0) else {
        panic!()
    };
    assert_eq!(pong[..2], [0x8a, 0x85]);
    let mut payload = pong[6..].to_vec();
    apply_mask(pong[2..6].try_into().unwrap(), 0, &mut payload);
    assert_eq!(payload, hello, "a pong says what the ping said");

    for (len, head) in [
        (256, &[0x82, 0x7e, 0x01, 0x00][..]),
        (65_536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let payload = vec![0xff; len];
        client.receive(at(1), &[head, &payload].concat());
        assert_eq!(outputs(&mut client), [message(&payload)]);
    }
}

#[test]
fn what_is_sent_is_text_or_binary_and_the_other_side_reads_it() {
    for (len, first) in [(0, 0x81), (125, 0x81), (126, 0x81), (65_535, 0x81), (65_536, 0x81)] {
        let text = "x".repeat(len);
        for role in [Role::Client, Role::Server] {
            let (mut here, mut there) = (socket(role), socket(role.other()));
            here.send(at(1), text.as_bytes()).unwrap();
            let Output::Transmit(frame) = outputs(&mut here).remove(0) else {
                panic!()
            };
            assert_eq!(frame[0], first);
            there.receive(at(1), &frame);
            assert_eq!(outputs(&mut there), [message(text.as_bytes())]);
        }
    }
    let mut server = socket(Role::Server);
    server.send(at(1), b"\xff").unwrap();
    assert_eq!(
        outputs(&mut server),
        [Output::Transmit(Bytes::from_static(&[0x82, 1, 0xff]))]
    );
    assert_eq!(server.send(at(1), &vec![b'x'; 65_537]), Err(WebSocketError::TooLong));
}

#[test]
fn a_client_draws_a_new_mask_for_each_frame() {
    let mut client = socket(Role::Client);
    client.send(at(1), b"x").unwrap();
    client.send(at(1), b"x").unwrap();
    let frames = outputs(&mut client);
    assert_ne!(frames[0], frames[1]);
}

#[test]
fn what_breaks_the_protocol_is_refused_with_1002() {
    let long_control = vec![b'x'; 126];
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("unmasked from a client", vec![0x81, 0x01, b'x']),
        ("a reserved bit", masked(0xc1, b"x")),
        ("a reserved opcode", masked(0x83, b"x")),
        ("a reserved control opcode", masked(0x8b, b"x")),
        ("a ping in fragments", masked(0x09, b"x")),
        ("a ping of 126 octets", masked(0x89, &long_control)),
        ("a continuation of nothing", masked(0x80, b"x")),
        (
            "a new message within one",
            [masked(0x01, b"x"), masked(0x81, b"y")].concat(),
        ),
        ("16 bits for a length of 125", vec![0x81, 0xfe, 0, 125, 0, 0, 0, 0]),
        (
            "64 bits for a length of 65,535",
            vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
        ),
        (
            "a length with the top bit",
            vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        ("half a status code", masked(0x88, &[3])),
        ("status code 999", masked(0x88, &999_u16.to_be_bytes())),
        (
            "status code 1005, which is never sent",
            masked(0x88, &1005_u16.to_be_bytes()),
        ),
        ("status code 5000", masked(0x88, &5000_u16.to_be_bytes())),
    ];
    for (what, data) in cases {
        assert_eq!(refused(&data), 1002, "{what}");
    }
    let mut client = socket(Role::Client);
    client.receive(at(1), &masked(0x81, b"x"));
    assert!(
        outputs(&mut client).contains(&Output::Closed { code: 1002 }),
        "masked from a server"
    );
}

#[test]
fn text_is_utf8_also_across_fragments() {
    assert_eq!(refused(&masked(0x81, b"\xc3")), 1007);
    assert_eq!(
        refused(&masked(0x88, b"\x03\xe8\xff")),
        1007,
        "the reason of a Close, too"
    );
    let halves = [masked(0x01, b"\xc3"), masked(0x80, b"\xa9")].concat();
    assert_eq!(served(&halves), [message("é".as_bytes())]);
    assert_eq!(served(&masked(0x82, b"\xc3")), [message(b"\xc3")], "binary is anything");
}

#[test]
fn messages_at_the_limit_and_one_past_it() {
    let limit = vec![b'x'; 65_536];
    assert_eq!(served(&masked(0x81, &limit)), [message(&limit)]);
    assert_eq!(refused(&masked(0x81, &vec![b'x'; 65_537])), 1009);
    let fragments = |last: &[u8]| [masked(0x01, &limit[..65_535]), masked(0x80, last)].concat();
    assert_eq!(served(&fragments(b"x")), [message(&limit)]);
    assert_eq!(refused(&fragments(b"xx")), 1009);
    // An announced length alone takes no memory.
    let mut server = socket(Role::Server);
    server.receive(at(1), &[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0]);
    assert!(server.buffered() <= 14);
}

#[test]
fn pings_within_a_message_are_answered_and_many_at_once_by_one_pong() {
    let mut data = masked(0x01, b"he");
    for i in 0..1000_u16 {
        data.extend(masked(0x89, &i.to_be_bytes()));
    }
    data.extend(masked(0x80, b"y"));
    let pong = Output::Transmit(Bytes::from_static(&[0x8a, 2, 0x03, 0xe7]));
    assert_eq!(served(&data), [message(b"hey"), pong]);
}

#[test]
fn closing_by_the_peer() {
    for (payload, code) in [(&b""[..], 1005), (b"\x03\xe8bye", 1000), (b"\x0f\xa0", 4000)] {
        let mut server = socket(Role::Server);
        server.receive(at(1), &[masked(0x88, payload), masked(0x81, b"late")].concat());
        let echoed = &payload[..payload.len().min(2)];
        let close = [&[0x88, u8::try_from(echoed.len()).unwrap()], echoed].concat();
        assert_eq!(
            outputs(&mut server),
            [Output::Transmit(close.into()), Output::Closed { code }]
        );
        assert_eq!(server.send(at(1), b"x"), Err(WebSocketError::Closed));
        server.receive(at(1), &masked(0x81, b"later"));
        assert_eq!(outputs(&mut server), []);
    }
}

#[test]
fn closing_by_us_waits_for_the_peer_but_not_for_ever() {
    let mut server = socket(Role::Server);
    server.close(at(1));
    assert_eq!(
        outputs(&mut server),
        [Output::Transmit(Bytes::from_static(&[0x88, 2, 0x03, 0xe8]))]
    );
    assert_eq!(server.send(at(1), b"x"), Err(WebSocketError::Closed));
    server.receive(at(2), &masked(0x81, b"still under way"));
    let mut silent = server.clone();
    server.receive(at(2), &masked(0x88, b"\x03\xe8"));
    assert_eq!(outputs(&mut server), [Output::Closed { code: 1000 }], "said once");
    assert_eq!(silent.poll_timeout(), Some(at(11)));
    silent.handle_timeout(at(11));
    assert_eq!(outputs(&mut silent), [Output::Closed { code: 1000 }]);
    assert_eq!(silent.poll_timeout(), None);
}

#[test]
fn a_peer_that_answers_no_ping_is_given_up() {
    let config = WebSocketConfig {
        ping_interval: Some(Duration::from_secs(30)),
        ..WebSocketConfig::default()
    };
    let mut server = WebSocket::new(at(0), Role::Server, config, [1; 32]);
    server.receive(at(10), &masked(0x81, b"x"));
    assert_eq!(server.poll_timeout(), Some(at(40)), "whoever speaks need not be asked");
    server.handle_timeout(at(40));
    assert_eq!(
        outputs(&mut server)[1..],
        [Output::Transmit(Bytes::from_static(&[0x89, 0]))]
    );
    server.receive(at(45), &masked(0x8a, b""));
    assert_eq!(server.poll_timeout(), Some(at(75)));
    server.handle_timeout(at(75));
    server.handle_timeout(at(85));
    assert_eq!(outputs(&mut server)[1..], [Output::Closed { code: 1006 }]);
}

#[test]
fn offers_are_read_as_a_list() {
    for (value, offered) in [
        (&b"sip"[..], true),
        (b"chat , SIP", true),
        (b"sip2, xsip", false),
        (b"", false),
        (b"\xff,sip\xff", false),
    ] {
        assert_eq!(offers_sip(value), offered, "{value:?}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_connection_is_written_and_read_back_in_the_middle_of_a_frame() {
    let data = [masked(0x01, b"hel"), masked(0x80, b"lo")].concat();
    for cut in 0..data.len() {
        let mut server = socket(Role::Server);
        server.receive(at(1), &data[..cut]);
        let text = serde_json::to_string(&server).unwrap();
        let mut again: WebSocket = serde_json::from_str(&text).unwrap();
        again.receive(at(1), &data[cut..]);
        assert_eq!(outputs(&mut again), [message(b"hello")], "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn any_split_equals_the_unsplit(data in prop::collection::vec(any::<u8>(), 0..300)) {
        super::fuzz::websocket(&data);
    }

    /// Frames that are mostly good.
    #[test]
    fn any_split_of_frames_equals_the_unsplit(
        cuts in any::<[u8; 8]>(),
        frames in prop::collection::vec(
            (prop::sample::select(vec![0x81, 0x82, 0x01, 0x80, 0x89, 0x8a, 0x88]), prop::collection::vec(any::<u8>(), 0..140)),
            0..6,
        ),
    ) {
        let mut data = cuts.to_vec();
        data[0] &= 0xfe;
        for (first, payload) in &frames {
            data.extend(masked(*first, payload));
        }
        super::fuzz::websocket(&data);
    }
}

#[test]
fn a_message_at_its_limit_and_one_past_it() {
    let config = WebSocketConfig {
        max_message: 200,
        ..WebSocketConfig::default()
    };
    for (len, expected) in [(200, None), (201, Some(1009))] {
        let mut server = WebSocket::new(at(1), Role::Server, config.clone(), [1; 32]);
        server.receive(at(1), &masked(0x81, &vec![b'x'; len]));
        let ended = outputs(&mut server).into_iter().find_map(|output| match output {
            Output::Closed { code } => Some(code),
            Output::Transmit(_) | Output::Message(_) => None,
        });
        assert_eq!(ended, expected, "{len}");
        // In fragments, too.
        let mut server = WebSocket::new(at(1), Role::Server, config.clone(), [1; 32]);
        server.receive(at(1), &masked(0x01, &[b'x'; 150]));
        server.receive(at(1), &masked(0x80, &vec![b'x'; len - 150]));
        let told = outputs(&mut server);
        assert_eq!(told.contains(&message(&vec![b'x'; len])), expected.is_none(), "{len}");
        let mut client = WebSocket::new(at(1), Role::Client, config.clone(), [1; 32]);
        let sent = client.send(at(1), &vec![b'x'; len]);
        assert_eq!(sent.is_err(), expected.is_some(), "{len}");
    }
}
