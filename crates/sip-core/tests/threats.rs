//! What broke others, tried on this crate: one test a row, or the place where that test is.
//!
//! | Row | Test |
//! |---|---|
//! | random and truncated input | [`junk_datagrams_are_counted_and_nothing_else`], [`truncated_invite_at_every_byte`] |
//! | header overflow (CSeq, Accept, branch, tag, Authorization, one slash) | [`header_of_64_kilobytes`], [`header_overflow_of_lists_at_the_limit_and_one_past`], `wire_messages::limits_at_and_one_past`, [`header_overflow_what_responses_repeat_is_limited`] |
//! | Content-Length, framing, two messages out of one | [`framing_content_length_on_streams`], [`framing_both_readers_agree`], [`framing_nothing_is_read_after_the_end_of_a_stream`], `wire_messages::content_length` |
//! | partial messages on TCP, idle TCP, slow peers | [`framing_any_cut_of_a_conversation`], [`flood_idle_connections`], [`flood_slow_peers_do_not_hold_connections_and_busy_ones_live`] |
//! | header smuggling, white space before the colon | `identity::tests::a_stranger_asserts_nothing_however_it_is_spelled`, [`header_smuggling`], `wire_messages::one_lexer_for_every_spelling_of_a_name` |
//! | multipart: zero parts, no boundary or one of any length, nested, a boundary that begins with another | `body::multipart::tests`, fuzz target `multipart` |
//! | bodies in NOTIFY: message-summary, presence, dialog-info | `event::{message_summary, pidf, dialog_info}`, fuzz targets `body_*` |
//! | endless loop | `wire::linear` (steps counted), `event::dialog_info` (entities, depth), fuzz seeds (`tests/seeds.rs`) |
//! | forked 2xx, CANCEL before a To tag, 2xx and ACK races | `endpoint::cancel`, `endpoint::calls` |
//! | unknown Replaces | `endpoint::transfer::what_may_not_be_replaced`, [`replaces_and_refer_of_nothing`] |
//! | Expires: 0, unsubscribe with a NOTIFY pending | `endpoint::subscriptions`, [`subscription_given_up_while_a_refresh_is_under_way`], [`subscription_given_up_with_a_notify_of_another_state_pending`] |
//! | use after free: stale handles | [`stale_handles_are_errors`] |
//! | a method without authentication | policy of the embedder (the crate `switch`); here nothing happens unasked: `endpoint::screen::every_method_to_an_embedder_that_answers_nothing` |
//! | identity spoofing, control characters in display names | [`identity_control_characters_are_masked`] |
//! | digest leak, endless challenges | `auth::tests::client`, [`digest_endless_challenges_of_every_request`] |
//! | nonce replay, foreign nonce, null Authorization | `auth::tests` (replays, sources, malformed), [`nonce_replay_from_one_and_many_sources`] |
//! | flood, memory | [`flood_of_invites_from_one_and_many_sources`], [`flood_of_every_method_that_nobody_answers`] |
//! | finished transactions that leak | [`finished_transactions_leave_nothing`] |
//! | tags and Call-IDs that differ in case | [`dialog_names_differ_in_case`], `endpoint::screen::a_guessed_dialog_is_not_entered` |
//! | CSeq in dialogs, its wrap | [`cseq_at_the_end_of_its_range`], `endpoint::reinvite::sequence_numbers_end_before_they_wrap` |
//! | PRACK and other extensions | [`extensions_that_are_not_built_are_refused`] |
//! | TLS connection reuse (CVE-2020-15260) | `endpoint::connections::cve_2020_15260_the_key_of_a_tls_connection_includes_the_host_name` |
//! | route set, strict routers, remote target, compact names, several Vias a line, glare | `endpoint::screen`, `endpoint::reinvite`, `wire_messages` |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

#[path = "endpoint/link.rs"]
#[allow(dead_code, reason = "shared with the tests of the endpoint")]
mod link;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use link::{Chance, START, World, address, ms, secs};
use machine::{Machine, Time};
use sip_core::auth::{AuthError, Client, Secret, Server, ServerConfig};
use sip_core::header::{Authorization, EventHeader, TypedHeader};
use sip_core::{
    Body, ConnectionId, Credentials, Endpoint, EndpointConfig, EndpointError, Event, Flow, Framed, HeaderName, Limits,
    Live, Message, Method, NameAddr, Notify, OutOfDialog, Output, Reply, Request, StatusCode, StreamFramer, Subscribe,
    SubscriptionEnd, Transport, Uri,
};

const PEER: &str = "198.51.100.1:5060";

/// A request of a stranger; `more` are further header lines.
fn text(method: &str, name: &str, more: &str) -> String {
    format!(
        "{method} sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{name}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:user@192.0.2.1>\r\nCall-ID: {name}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@198.51.100.1>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

fn with_body(method: &str, length: &str, body: &str) -> String {
    text(method, "1", "").replace("Content-Length: 0\r\n", length) + body
}

/// An endpoint with a TCP and a UDP address.
fn endpoint(configure: impl Fn(&mut EndpointConfig)) -> Endpoint {
    let here: SocketAddr = "192.0.2.1:5060".parse().unwrap();
    let mut config = EndpointConfig::new([(Transport::Udp, here), (Transport::Tcp, here)]);
    configure(&mut config);
    Endpoint::new(config, [9; 32])
}

fn tcp(n: u64) -> Flow {
    let from = SocketAddr::from(([198, 51, 100, (n >> 14) as u8], 1_024 + (n & 0x3fff) as u16));
    Flow::stream(Transport::Tcp, "192.0.2.1:5060".parse().unwrap(), from, ConnectionId(n))
}

fn udp(source: u32) -> Flow {
    let [_, b, c, d] = source.to_be_bytes();
    Flow::udp(
        "192.0.2.1:5060".parse().unwrap(),
        SocketAddr::from(([203, b, c, d], 5060)),
    )
}

fn drain(endpoint: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| endpoint.poll_output()).collect()
}

/// The start lines of what was sent, the number of events, and the connections to close.
fn outcome(outputs: &[Output]) -> (Vec<String>, usize, Vec<u64>) {
    let mut all = (Vec::new(), 0, Vec::new());
    for output in outputs {
        match output {
            Output::Transmit(transmit) => all.0.push(link::start_line(&transmit.data)),
            Output::Event(_) => all.1 += 1,
            Output::CloseConnection(id) => all.2.push(id.0),
        }
    }
    all
}

#[test]
fn junk_datagrams_are_counted_and_nothing_else() {
    let mut endpoint = endpoint(|_| {});
    let mut chance = Chance::new(1);
    for n in 0..20_000 {
        let length = chance.below(if n % 100 == 0 { 2_000 } else { 100 });
        let mut junk: Vec<u8> = (0..length).map(|_| chance.below(256) as u8).collect();
        match n % 4 {
            0 => junk.splice(..0, *b"INVITE ").for_each(drop),
            1 => junk.splice(..0, *b"SIP/2.0 200 OK\r\nVia: ").for_each(drop),
            _ => {}
        }
        endpoint.receive(START, udp(n), junk.into());
    }
    assert!(drain(&mut endpoint).is_empty());
    assert_eq!(endpoint.live(), Live::default());
    let stats = endpoint.stats();
    assert_eq!(stats.malformed + stats.keepalives + stats.unmatched_responses, 20_000);
}

#[test]
fn truncated_invite_at_every_byte() {
    let whole = text("INVITE", "1", "Content-Type: application/sdp\r\n")
        .replace("Content-Length: 0", "Content-Length: 5")
        + "v=0\r\n";
    for end in 0..whole.len() {
        let mut endpoint = endpoint(|_| {});
        endpoint.receive(START, udp(1), Bytes::copy_from_slice(&whole.as_bytes()[..end]));
        let (sent, events, _) = outcome(&drain(&mut endpoint));
        assert_eq!(events, 0, "at {end}");
        assert!(
            sent.len() <= 1 && sent.iter().all(|line| line == "SIP/2.0 400 Bad Request"),
            "at {end}: {sent:?}"
        );
        assert_eq!(endpoint.live(), Live::default(), "at {end}");
        // On a stream it is not truncated but incomplete, until the peer is gone.
        endpoint.receive(START, tcp(1), Bytes::copy_from_slice(&whole.as_bytes()[..end]));
        assert_eq!(outcome(&drain(&mut endpoint)), (vec![], 0, vec![]), "at {end}");
        endpoint.connection_closed(START, ConnectionId(1));
        assert_eq!(endpoint.live(), Live::default(), "at {end}");
    }
    let mut endpoint = endpoint(|_| {});
    endpoint.receive(START, udp(1), whole.into());
    assert_eq!(outcome(&drain(&mut endpoint)).1, 1, "whole, it is a call");
}

#[test]
fn header_of_64_kilobytes() {
    let long = "x".repeat(65_536);
    let base = text(
        "INVITE",
        "1",
        "Accept: a/b\r\nAuthorization: Digest realm=\"r\"\r\nX: y\r\n",
    );
    for (place, with) in [
        ("z9hG4bK1", format!("z9hG4bK{long}")),
        ("tag=a", format!("tag={long}")),
        ("Call-ID: 1", format!("Call-ID: {long}")),
        ("CSeq: 1 INVITE", format!("CSeq: {} INVITE", "1".repeat(65_536))),
        ("CSeq: 1 INVITE", format!("CSeq: 1 {long}")),
        ("Accept: a/b", format!("Accept: {}", "a/b,".repeat(16_384))),
        ("Accept: a/b", format!("Accept: {}", "/".repeat(65_536))),
        ("realm=\"r\"", format!("realm=\"{long}\"")),
        ("realm=\"r\"", format!("realm=\"r\"{}", ",a=b".repeat(16_384))),
        ("Contact: <", format!("Contact: {}<", "<sip:a@b>,".repeat(6_000))),
        ("Contact: <sip:a@", format!("Contact: <sip:{long}@")),
        ("X: y", format!("X: {long}")),
        ("X: y", format!("X:{}y", "\r\n ".repeat(21_845))),
        ("X: y", format!("{long}: y")),
        ("X: y", "X: y\r\n".repeat(10_900)),
        ("INVITE sip:user", format!("INVITE sip:{long}")),
        ("INVITE sip:user", format!("{long} sip:user")),
    ] {
        let mut message = base.replacen(place, &with, 1);
        assert_ne!(message, base, "{place}");
        let mut endpoint = endpoint(|_| {});
        for _ in 0..2 {
            endpoint.receive(START, udp(1), message.clone().into());
            let (sent, events, _) = outcome(&drain(&mut endpoint));
            let refused = |line: &String| ["400", "413", "414", "483", "513"].contains(&&line[8..11]);
            assert!(
                events == 0 && sent.len() <= 1 && sent.iter().all(refused),
                "{place}: {sent:?}"
            );
            assert_eq!(endpoint.live(), Live::default());
            // As long as a datagram can be.
            message.truncate(65_507);
        }
        endpoint.receive(START, tcp(1), message.into());
        let (_, events, _) = outcome(&drain(&mut endpoint));
        assert_eq!((events, endpoint.live().sessions), (0, 0));
    }
}

#[test]
fn header_overflow_of_lists_at_the_limit_and_one_past() {
    let limits = Limits::default();
    let via = |count: usize| text("OPTIONS", "1", &"Via: SIP/2.0/UDP h\r\n".repeat(count - 1));
    let via_line = |count: usize| {
        text(
            "OPTIONS",
            "1",
            &format!("v: SIP/2.0/UDP h{}\r\n", ",SIP/2.0/UDP h".repeat(count - 2)),
        )
    };
    let accept = |count: usize| text("OPTIONS", "1", &"Accept: a/b\r\n".repeat(count - 8));
    let contact = |count: usize| text("OPTIONS", "1", &"m: <sip:a@b>\r\n".repeat(count - 8));
    for (name, limit, make, status) in [
        ("Via lines", limits.vias, &via as &dyn Fn(usize) -> String, "483"),
        ("Vias in a line", limits.vias, &via_line, "483"),
        ("Accept", limits.headers, &accept, "513"),
        ("Contact", limits.headers, &contact, "513"),
    ] {
        let mut endpoint = endpoint(|_| {});
        let (at, past) = (make(limit), make(limit + 1));
        endpoint.receive(START, udp(1), at.into());
        assert_eq!(
            outcome(&drain(&mut endpoint)),
            (vec![], 1, vec![]),
            "{name} at the limit"
        );
        endpoint.receive(START, udp(1), past.replace("bK1", "bK2").into());
        let (sent, events, _) = outcome(&drain(&mut endpoint));
        assert!(
            events == 0 && sent.len() == 1 && sent[0][8..].starts_with(status),
            "{name}: {sent:?}"
        );
        assert_eq!(endpoint.live().server_transactions, 1);
    }
}

#[test]
fn header_overflow_what_responses_repeat_is_limited() {
    // Each within its own limit, together more than a transaction should hold.
    let filled = |count: usize| {
        text(
            "INVITE",
            "1",
            &format!("Record-Route: <sip:{};lr>\r\n", "r".repeat(80)).repeat(count),
        )
    };
    let mut endpoint = endpoint(|_| {});
    endpoint.receive(START, udp(1), filled(70).into());
    assert_eq!(outcome(&drain(&mut endpoint)), (vec![], 1, vec![]));
    endpoint.receive(
        START,
        udp(1),
        filled(90)
            .replace("bK1", "bK2")
            .replace("Call-ID: 1", "Call-ID: 2")
            .into(),
    );
    assert_eq!(outcome(&drain(&mut endpoint)).0, ["SIP/2.0 513 Message Too Large"]);
    assert_eq!((endpoint.live().sessions, endpoint.live().server_transactions), (1, 1));
    // A refusal does not repeat more than it was asked, either.
    let options = text("OPTIONS", "3", &format!("Require: {}\r\n", "none,".repeat(1_600)));
    endpoint.receive(START, udp(1), options.into());
    let Some(Output::Transmit(refusal)) = endpoint.poll_output() else {
        panic!()
    };
    assert!(refusal.data.starts_with(b"SIP/2.0 420") && refusal.data.len() < 1_000);
}

#[test]
fn framing_content_length_on_streams() {
    let next = text("OPTIONS", "next", "");
    for (lengths, sent, events) in [
        ("Content-Length: 4\r\n", vec![], 2),
        ("Content-Length: 4\r\nl: 04\r\n", vec![], 2),
        ("Content-Length : 4\r\n", vec![], 2),
        // What the length leaves over begins the next message, which is then nonsense.
        ("Content-Length: 0\r\n", vec!["501"], 1),
        ("Content-Length: 3\r\n", vec!["501"], 1),
        // The length takes the next message in as body: one message, never two.
        (&*format!("Content-Length: {}\r\n", 4 + next.len()), vec![], 1),
        ("Content-Length: -1\r\n", vec!["400"], 0),
        ("Content-Length: +4\r\n", vec!["400"], 0),
        ("Content-Length: 4,4\r\n", vec!["400"], 0),
        ("Content-Length: 0x4\r\n", vec!["400"], 0),
        ("Content-Length: \r\n", vec!["400"], 0),
        ("", vec!["400"], 0),
        ("Content-Length: 4294967295\r\n", vec!["413"], 0),
        ("Content-Length: 4294967300\r\n", vec!["413"], 0),
        ("Content-Length: 4294967328\r\n", vec!["413"], 0),
        ("Content-Length: 18446744073709551615\r\n", vec!["413"], 0),
        ("Content-Length: 18446744073709551616\r\n", vec!["400"], 0),
        ("Content-Length: 18446744073709551620\r\n", vec!["400"], 0),
        ("Content-Length: 4\r\nContent-Length: 200\r\n", vec!["400"], 0),
        ("Content-Length: 200\r\nl: 4\r\n", vec!["400"], 0),
        ("l: 4\r\nCONTENT-LENGTH: 0\r\n", vec!["400"], 0),
    ] {
        let mut endpoint = endpoint(|_| {});
        let bytes = with_body("MESSAGE", lengths, "body") + &next;
        // By single bytes, and at once.
        for piece in [1, bytes.len()] {
            let connection = tcp(piece as u64);
            for chunk in bytes.replace("bK1", &format!("bK{piece}")).as_bytes().chunks(piece) {
                endpoint.receive(START, connection, Bytes::copy_from_slice(chunk));
            }
            let (lines, told, closed) = outcome(&drain(&mut endpoint));
            let statuses: Vec<_> = lines.iter().map(|line| &line[8..11]).collect();
            assert_eq!(statuses, sent, "{lengths:?} by {piece}");
            assert_eq!(told, events, "{lengths:?} by {piece}");
            if events == 0 {
                assert_eq!(closed, [piece as u64], "{lengths:?}: the stream cannot be read on");
            }
            endpoint = self::endpoint(|_| {});
        }
    }
}

#[test]
fn framing_both_readers_agree() {
    // The stream's reader and the message's reader see the same length, however it is spelled.
    for length in [
        "Content-Length: 4",
        "content-length:4",
        "l: 4",
        "L : 4",
        "Content-Length\t:\t4\t",
        "Content-Length:\r\n 4",
        "l:\n\t4",
        "l: 0004",
        "l: 4\r\nl: 4",
        "Subject: x\r\n Content-Length: 99\r\nl: 4",
        "Subject: \"\r\nl: 4\r\nX: \"",
        "X: l: 9\r\nl: 4",
        "Content-Length-Not: 9\r\nl: 4",
        "l: 4\nX: y",
    ] {
        let bytes = with_body("MESSAGE", &format!("{length}\r\n"), "bodyBYE sip:x SIP/2.0");
        let mut framer = StreamFramer::default();
        framer.push(bytes.as_bytes());
        let Some(Ok(Framed::Message(framed))) = framer.next() else {
            panic!("{length}")
        };
        let message = Message::parse(bytes.into()).unwrap();
        assert_eq!(
            (message.to_bytes(), &message.body()[..]),
            (framed, &b"body"[..]),
            "{length}"
        );
    }
}

#[test]
fn framing_any_cut_of_a_conversation() {
    let mut whole = String::new();
    for n in 0..20 {
        whole += &with_body("MESSAGE", "l: 4\r\n", "\r\n\r\n")
            .replace("bK1", &format!("bK{n}"))
            .replace("Call-ID: 1", &format!("Call-ID: {n}"));
        whole += ["", "\r\n", "\r\n\r\n"][n % 3];
    }
    let mut chance = Chance::new(7);
    for _ in 0..50 {
        let mut endpoint = endpoint(|_| {});
        let mut rest = whole.as_bytes();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + chance.below(300) as usize).min(rest.len()));
            endpoint.receive(START, tcp(1), Bytes::copy_from_slice(piece));
            rest = after;
        }
        let (pongs, events, closed) = outcome(&drain(&mut endpoint));
        assert_eq!((pongs.len(), events, closed.len()), (6, 20, 0));
    }
}

#[test]
fn flood_idle_connections() {
    let mut endpoint = endpoint(|_| {});
    let limit = Limits::default().connections as u64;
    for n in 0..10_000 {
        endpoint.connection_opened(START, tcp(n));
        assert!(endpoint.live().connections <= limit as usize);
    }
    assert_eq!(outcome(&drain(&mut endpoint)).2, (limit..10_000).collect::<Vec<_>>());
    // One that said something whole stays; those that never did make room.
    endpoint.receive(START, tcp(5), text("OPTIONS", "1", "").into());
    endpoint.handle_timeout(START + secs(33));
    assert_eq!(endpoint.live().connections, 1);
    let (_, _, closed) = outcome(&drain(&mut endpoint));
    assert_eq!(closed.len() as u64, limit - 1);
    endpoint.connection_opened(START + secs(33), tcp(20_000));
    assert_eq!(outcome(&drain(&mut endpoint)).2, [0; 0], "there is room again");
    // And even that one not for ever.
    for n in 1..40 {
        endpoint.handle_timeout(START + secs(33) + secs(30 * n));
    }
    assert_eq!(endpoint.live(), Live::default());
}

#[test]
fn flood_slow_peers_do_not_hold_connections_and_busy_ones_live() {
    let mut endpoint = endpoint(|_| {});
    let (slow, busy) = (tcp(1), tcp(2));
    let message = text("OPTIONS", "1", "");
    let (mut now, mut gone) = (START, None);
    endpoint.receive(now, busy, message[..9].to_owned().into());
    for n in 0..100 {
        if gone.is_none() {
            // The slow one: a byte a second of a message that never ends.
            endpoint.receive(now, slow, "x".into());
        }
        // The busy one: each piece ends a message and begins the next.
        let turn = message
            .replace("bK1", &format!("bK{n}"))
            .replace("Call-ID: 1", &format!("Call-ID: {n}"));
        endpoint.receive(now, busy, format!("{}{}", &turn[9..], &message[..9]).into());
        now += secs(1);
        endpoint.handle_timeout(now);
        let (_, _, closed) = outcome(&drain(&mut endpoint));
        if !closed.is_empty() {
            assert_eq!((closed, gone), (vec![1], None));
            gone = Some(n);
        }
    }
    assert_eq!(gone, Some(31));
    assert_eq!(endpoint.stats().requests_received, 100);
    assert_eq!(endpoint.live().connections, 1);
}

#[test]
fn header_smuggling() {
    // Names that are nearly a header's are refused or are that header, for every reader of the message.
    for line in [
        "P-Asserted-Identity : <sip:boss@h>",
        "p-asserted-identity\t:<sip:boss@h>",
        "P-Asserted-Identity:\r\n\t<sip:boss@h>",
    ] {
        let Ok(Message::Request(mut request)) = Message::parse(text("INVITE", "1", &format!("{line}\r\n")).into())
        else {
            panic!("{line:?}")
        };
        assert!(request.headers_mut().remove(&HeaderName::PAssertedIdentity), "{line:?}");
        let again = String::from_utf8(request.to_bytes().to_vec()).unwrap();
        assert!(!again.contains("boss"), "{line:?}");
    }
    for line in [
        "P-Asserted-Identity\r\n: <sip:boss@h>",
        "X: y\rP-Asserted-Identity: <sip:boss@h>",
        "\u{b}P-Asserted-Identity: x",
    ] {
        assert!(
            Message::parse(text("INVITE", "1", &format!("{line}\r\n")).into()).is_err(),
            "{line:?}"
        );
    }
    // A second Via, From, To, Call-ID or CSeq in another spelling is not overlooked.
    for line in [
        "f : <sip:b@h>;tag=b",
        "t:<sip:c@h>",
        "i\t: 2",
        "CSEQ : 2 INVITE",
        "from: <sip:b@h>",
    ] {
        let mut endpoint = endpoint(|_| {});
        endpoint.receive(START, udp(1), text("INVITE", "1", &format!("{line}\r\n")).into());
        assert_eq!(
            outcome(&drain(&mut endpoint)),
            (vec!["SIP/2.0 400 Bad Request".into()], 0, vec![]),
            "{line:?}"
        );
    }
    // A name in quotes or brackets does not make an item, a parameter or a tag.
    let from = "From: \"<sip:x@h>;tag=no\" <sip:a@example.com;tag=no?tag=no>;x=\";tag=no\";tag=a";
    let Ok(Message::Request(request)) = Message::parse(
        text("INVITE", "1", "")
            .replace("From: <sip:a@example.com>;tag=a", from)
            .into(),
    ) else {
        panic!()
    };
    assert_eq!(request.from().unwrap().tag(), Some("a"));
}

#[test]
fn identity_control_characters_are_masked() {
    let display = "B\\\u{1}o\\\u{7f}s\\\u{1b}s";
    let Ok(Message::Request(request)) = Message::parse(
        text("INVITE", "1", "")
            .replace("From: <", &format!("From: \"{display}\" <"))
            .into(),
    ) else {
        panic!()
    };
    let printed = request.from().unwrap().to_string();
    assert_eq!(printed, "\"B?o?s?s\" <sip:a@example.com>;tag=a");
    let made = NameAddr::new(Uri::parse(b"sip:a@b").unwrap()).with_display("x\r\nP-Asserted-Identity: <sip:boss@h>");
    assert!(!made.to_string().contains(['\r', '\n']));
    // What an embedder passes on of a stranger's words cannot begin a line.
    let mut world = World::new(2, 1);
    let mut invite = world.invite_to(0, 1);
    invite.from = made;
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    assert!(!sent.headers().contains(&HeaderName::PAssertedIdentity));
    world.lose(|_| true);
    world.settle();
}

/// An embedder under attack: challenges everything by 401.
fn refuse_all(endpoint: &mut Endpoint, now: Time) -> usize {
    let mut sent = 0;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Event(Event::Invite { session, .. }) => {
                endpoint
                    .reject(now, session, StatusCode::UNAUTHORIZED, Reply::new())
                    .unwrap();
            }
            Output::Transmit(_) => sent += 1,
            _ => {}
        }
    }
    sent
}

#[test]
fn flood_of_invites_from_one_and_many_sources() {
    const LIMIT: usize = 2_000;
    for sources in [1, 100_000_u32] {
        let mut world = World::with(2, 30, |node, config| {
            if node == 0 {
                config.limits.server_transactions = LIMIT;
            }
        });
        let (caller, callee) = world.established(1, 0);
        let mut now = world.now;
        let mut answered = 0;
        for n in 0..100_000_u32 {
            let endpoint = world.endpoint(0);
            endpoint.receive(now, udp(n % sources), text("INVITE", &n.to_string(), "").into());
            answered += refuse_all(endpoint, now);
            // Ten thousand a second.
            now += Duration::from_micros(100);
            if n % 1_000 == 0 {
                endpoint.handle_timeout(now);
                answered += refuse_all(endpoint, now);
                let live = endpoint.live();
                assert!(
                    live.server_transactions <= LIMIT && live.sessions <= 1 + LIMIT,
                    "{live:?}"
                );
                assert!(live.timers <= LIMIT + 8, "{live:?}");
            }
        }
        assert!(answered >= 100_000, "each was answered, by 401 or 503");
        assert!(world.endpoint(0).stats().overloaded > 50_000);
        world.now = now;
        // The established session goes on, both ways, and ends as it should.
        for (node, session) in [(0, callee), (1, caller)] {
            world
                .act(node, |endpoint, now| {
                    endpoint.request(now, session, Method::Info, Reply::new())
                })
                .unwrap();
            world.run(ms(30));
            let Some(Event::Request { request_id, .. }) = world.events(1 - node).pop() else {
                panic!()
            };
            world
                .act(1 - node, |endpoint, now| {
                    endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
                })
                .unwrap();
            world.run(ms(30));
            assert_eq!(world.names(node), ["Response"]);
            world.events(node);
        }
        world.hang_up(1, caller);
        world.run(ms(50));
        assert_eq!(world.names(0), ["Ended"]);
        world.settle();
    }
}

#[test]
fn flood_of_every_method_that_nobody_answers() {
    let mut endpoint = endpoint(|config| {
        config.limits.server_transactions = 500;
        config.limits.sessions = 100;
        config.limits.subscriptions = 100;
        config.limits.refers = 100;
    });
    let methods = [
        "INVITE",
        "REGISTER",
        "OPTIONS",
        "SUBSCRIBE",
        "REFER",
        "MESSAGE",
        "BYE",
        "CANCEL",
        "NOTIFY",
        "INFO",
        "FOO",
    ];
    for n in 0..20_000_u32 {
        let method = methods[n as usize % methods.len()];
        let more = "Event: dialog\r\nRefer-To: <sip:a@b>\r\n";
        endpoint.receive(START, udp(n % 7), text(method, &n.to_string(), more).into());
        drain(&mut endpoint);
    }
    let live = endpoint.live();
    assert!(
        live.server_transactions <= 500 && live.sessions <= 100 && live.refers <= 100,
        "{live:?}"
    );
    assert!(live.requests <= 500 && live.subscriptions <= 100, "{live:?}");
    for n in 1..20 {
        endpoint.handle_timeout(START + secs(100 * n));
        drain(&mut endpoint);
    }
    assert_eq!(endpoint.live(), Live::default());
}

#[test]
fn finished_transactions_leave_nothing() {
    let mut world = World::new(2, 31);
    for n in 0..300 {
        let caller = world.call(n % 2, 1 - n % 2);
        world.run(ms(30));
        let callee = world.incoming(1 - n % 2);
        match n % 5 {
            0 => world.hang_up(n % 2, caller),
            1 => world.hang_up(1 - n % 2, callee),
            2 => {
                world.answer(1 - n % 2, callee);
                world.hang_up(1 - n % 2, callee);
            }
            3 => {
                world.answer(1 - n % 2, callee);
                world.run(ms(30));
                world.hang_up(n % 2, caller);
            }
            _ => {
                let busy =
                    |endpoint: &mut Endpoint, now| endpoint.reject(now, callee, StatusCode::BUSY_HERE, Reply::new());
                world.act(1 - n % 2, busy).unwrap();
            }
        }
        world.run(ms(100));
        world.events(0);
        world.events(1);
    }
    for node in 0..2 {
        let live = world.live(node);
        // 30 seconds' worth, not 300 calls' worth times what each has sent.
        assert!(
            live.server_transactions <= 700 && live.client_transactions <= 700,
            "{live:?}"
        );
        assert_eq!(live.sessions, 0, "{live:?}");
    }
    world.settle();
}

#[test]
fn stale_handles_are_errors() {
    let mut world = World::new(2, 32);
    let (old_caller, old_callee) = world.established(0, 1);
    world.hang_up(0, old_caller);
    world.run(secs(60));
    // The places are taken again.
    let (caller, callee) = world.established(0, 1);
    for (node, old) in [(0, old_caller), (1, old_callee)] {
        let endpoint = world.endpoint(node);
        let now = START + secs(100);
        assert_eq!(endpoint.hang_up(now, old, None), Err(EndpointError::Gone));
        assert_eq!(endpoint.answer(now, old, Reply::new()), Err(EndpointError::Gone));
        assert_eq!(
            endpoint.request(now, old, Method::Info, Reply::new()),
            Err(EndpointError::Gone)
        );
        assert!(endpoint.session_info(old).is_none());
    }
    assert!(caller != old_caller && callee != old_callee);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn replaces_and_refer_of_nothing() {
    let mut world = World::new(1, 33);
    world.inject(0, PEER, text("INVITE", "1", "Replaces: no;to-tag=x;from-tag=y\r\n"));
    assert!(matches!(
        world.events(0).pop(),
        Some(Event::Invite {
            replaces: Some(Err(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
            ..
        })
    ));
    for (n, line) in [
        "Replaces: no\r\n",
        "Replaces: a;to-tag=x;from-tag=y\r\nReplaces: b;to-tag=x;from-tag=y\r\n",
    ]
    .iter()
    .enumerate()
    {
        world.inject(0, PEER, text("INVITE", &format!("bad{n}"), line));
        assert_eq!(world.sent_lines(0).last().unwrap(), "SIP/2.0 400 Bad Request");
    }
    for (n, line) in [
        "",
        "Refer-To: \r\n",
        "Refer-To: <>\r\n",
        "Refer-To: <sip:a@b>\r\nr: <sip:c@d>\r\n",
    ]
    .iter()
    .enumerate()
    {
        world.inject(0, PEER, text("REFER", &format!("refer{n}"), line));
        assert_eq!(world.sent_lines(0).last().unwrap(), "SIP/2.0 400 Bad Request", "{line}");
    }
    let session = world.nodes[0].endpoint.find_session("1", "x", "y");
    assert_eq!(session, None);
    world.run(secs(1_000));
    world.settle();
}

#[test]
fn subscription_given_up_while_a_refresh_is_under_way() {
    let mut world = World::new(2, 34);
    let target = Uri::parse(format!("sip:701@{}", world.nodes[1].address).as_bytes()).unwrap();
    let subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target),
        EventHeader::new("dialog"),
        secs(600),
    );
    let ours = world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(ms(15));
    let Some(Event::Subscribe { request_id, .. }) = world.events(1).pop() else {
        panic!()
    };
    let theirs = world
        .act(1, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, secs(600))
        })
        .unwrap();
    world
        .act(1, |endpoint, now| {
            endpoint.notify(now, theirs, Notify::active(Body::new("a/b", "x")))
        })
        .unwrap();
    world.run(secs(1));
    world.events(0);
    // Given up at the instant at which the refresh is on its way.
    let before = world.count_sent(0, "SUBSCRIBE");
    while world.count_sent(0, "SUBSCRIBE") == before {
        assert!(world.step(START + secs(1_000)));
    }
    world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
    world.run(secs(1));
    assert_eq!(
        world.count_sent(0, "SUBSCRIBE"),
        before + 2,
        "the refresh, and then the end"
    );
    let Message::Request(last) = world.last_sent(0, "SUBSCRIBE") else {
        panic!()
    };
    assert_eq!(last.headers().get_str(&HeaderName::Expires), Some("0"));
    assert!(matches!(
        world.events(1).last(),
        Some(Event::SubscriptionEnded {
            cause: SubscriptionEnd::Unsubscribed,
            ..
        })
    ));
    assert!(matches!(
        world.events(0).last(),
        Some(Event::SubscriptionEnded {
            cause: SubscriptionEnd::Unsubscribed,
            ..
        })
    ));
    assert_eq!((world.live(0).subscriptions, world.live(1).subscriptions), (0, 0));
    world.settle();
}

/// Challenges whatever comes, each time anew, as long as something comes: how many requests that made.
fn challenge_for_ever(world: &mut World) -> usize {
    let before = world.nodes[0].sent.len();
    for n in 0..20 {
        world.run(ms(30));
        let value = format!("Digest realm=\"example.com\", nonce=\"n{n}\", qop=\"auth\", stale=true");
        let challenge = || Reply::new().header(HeaderName::WwwAuthenticate, value.clone());
        match world.events(1).pop() {
            Some(Event::Invite { session, .. }) => world
                .act(1, |endpoint, now| {
                    endpoint.reject(now, session, StatusCode::UNAUTHORIZED, challenge())
                })
                .unwrap(),
            Some(Event::Request { request_id, .. } | Event::Subscribe { request_id, .. }) => world
                .act(1, |endpoint, now| {
                    endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge())
                })
                .unwrap(),
            _ => break,
        }
    }
    let requests = |(_, _, data): &&(Time, Flow, Bytes)| !data.starts_with(b"SIP/") && !data.starts_with(b"ACK");
    world.nodes[0].sent[before..].iter().filter(requests).count() + 1
}

#[test]
fn digest_endless_challenges_of_every_request() {
    let target = Uri::parse(b"sip:user1@192.0.2.2").unwrap();
    let credentials = || Some(Credentials::new("u", "p"));
    let mut world = World::new(2, 35);
    let mut invite = world.invite_to(0, 1);
    invite.credentials = credentials();
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    let mut register = OutOfDialog::new(Method::Register, target.clone(), address(0), address(0));
    register.credentials = credentials();
    world.act(0, |endpoint, now| endpoint.send(now, register)).unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    let mut subscribe = Subscribe::new(
        target.clone(),
        address(0),
        NameAddr::new(target),
        EventHeader::new("dialog"),
        secs(60),
    );
    subscribe.credentials = credentials();
    world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    // In a session.
    let mut invite = world.invite_to(0, 1);
    invite.credentials = credentials();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(30));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(ms(30));
    world.events(1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    assert_eq!(challenge_for_ever(&mut world), 1 + Client::MAX_ATTEMPTS as usize);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn nonce_replay_from_one_and_many_sources() {
    let mut server = Server::new("r", ServerConfig::default(), [1; 32]);
    let secret = Secret::from_password("u", "r", "p");
    let (mut now, uri) = (START, b"sip:r");
    let challenges = server.challenges(now, false);
    let values: Vec<&[u8]> = challenges.iter().map(|value| &value[..]).collect();
    let answer = Client::new("u", "p")
        .answer(&Method::Register, uri, b"", &values, 1)
        .unwrap();
    let credentials = Authorization::parse(&answer).unwrap();
    let verify = |server: &mut Server, now, method: &Method, uri: &[u8]| {
        server.verify(now, method, uri, b"", &credentials, |_| Some(&secret))
    };
    assert_eq!(
        verify(&mut server, now, &Method::Invite, uri),
        Err(AuthError::WrongPassword),
        "of another method"
    );
    assert_eq!(
        verify(&mut server, now, &Method::Register, b"sip:other"),
        Err(AuthError::UriMismatch)
    );
    assert_eq!(verify(&mut server, now, &Method::Register, uri), Ok(()));
    for _ in 0..1_000 {
        let replayed = verify(&mut server, now, &Method::Register, uri);
        assert_eq!(replayed, Err(AuthError::Replayed));
        assert!(replayed.unwrap_err().is_stale());
        now += ms(100);
    }
    assert_eq!(server.used_nonces(), 1);
    now += secs(300);
    assert_eq!(verify(&mut server, now, &Method::Register, uri), Err(AuthError::Stale));
    assert_eq!(server.used_nonces(), 0);
    for null in [
        "Digest",
        "Digest ",
        "Digest username=\"\"",
        "Digest username=\"u\", realm=\"r\", nonce=\"\", uri=\"\", response=\"\"",
    ] {
        let credentials = Authorization::parse(null.as_bytes()).unwrap();
        assert!(
            server
                .verify(now, &Method::Register, uri, b"", &credentials, |_| Some(&secret))
                .is_err(),
            "{null}"
        );
    }
}

/// An INFO in the established session of node 0, as its peer would send it.
fn next_request(world: &mut World, cseq: u64) -> Request {
    let (caller, _) = world.established(0, 1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    let Message::Request(mut info) = world.last_sent(0, "INFO") else {
        panic!()
    };
    world.run(ms(15));
    world.events(1);
    world.nodes[1].sent.clear();
    info.headers_mut().set(HeaderName::CSeq, format!("{cseq} INFO"));
    info
}

#[test]
fn dialog_names_differ_in_case() {
    let mut world = World::new(2, 36);
    let info = next_request(&mut world, 2_000_000_000);
    for (n, name) in [HeaderName::CallId, HeaderName::From, HeaderName::To]
        .into_iter()
        .enumerate()
    {
        let mut guess = info.clone();
        let value = guess.headers().get_str(&name).unwrap().to_owned();
        let at = value.find("tag=").map_or(0, |at| at + 4);
        let other = value[..at].to_owned() + &value[at..].to_uppercase();
        assert_ne!(other, value, "{name} has letters");
        guess.headers_mut().set(name.clone(), other);
        guess
            .headers_mut()
            .set(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK{n}"));
        world.inject(1, "192.0.2.66:5060", guess.to_bytes());
        assert_eq!(
            world.sent_lines(1)[n..],
            ["SIP/2.0 481 Call/Transaction Does Not Exist"],
            "{name}"
        );
    }
    assert_eq!(world.names(1), [""; 0]);
}

#[test]
fn cseq_at_the_end_of_its_range() {
    let mut world = World::new(2, 37);
    let info = next_request(&mut world, (1 << 31) - 1);
    let mut at = |cseq: u64, status: &str| {
        let mut request = info.clone();
        request.headers_mut().set(HeaderName::CSeq, format!("{cseq} INFO"));
        request
            .headers_mut()
            .set(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}"));
        world.inject(1, "192.0.2.1:5060", request.to_bytes());
        let lines = world.sent_lines(1);
        assert!(
            lines
                .last()
                .map_or(status.is_empty(), |line| line[8..].starts_with(status)),
            "{cseq}: {lines:?}"
        );
    };
    at((1 << 31) - 1, "");
    // Neither does it wrap, nor is a number beyond 31 bits cut.
    for (cseq, status) in [
        (0, "500"),
        (1, "500"),
        ((1 << 31) - 2, "500"),
        (1 << 31, "400"),
        (1 << 32, "400"),
        ((1 << 32) + (1 << 30), "400"),
        (u64::MAX, "400"),
    ] {
        at(cseq, status);
    }
    assert_eq!(world.names(1), ["Request"]);
}

#[test]
fn extensions_that_are_not_built_are_refused() {
    for (request, status) in [
        (text("PRACK", "1", "RAck: 1 1 INVITE\r\n"), "481"),
        (text("PUBLISH", "1", "Event: presence\r\n"), "405"),
        (text("UPDATE", "1", ""), "481"),
        (text("INVITE", "1", "Require: precondition\r\n"), "420"),
        (text("INVITE", "1", "Require: answermode, replaces\r\n"), "420"),
        (text("SUBSCRIBE", "1", "Require: eventlist\r\nEvent: dialog\r\n"), "420"),
        (
            text("INVITE", "1", "").replace("sip:user@192.0.2.1 SIP", "urn:service:sos SIP"),
            "416",
        ),
    ] {
        let mut endpoint = endpoint(|_| {});
        endpoint.receive(START, udp(1), request.clone().into());
        let (sent, events, _) = outcome(&drain(&mut endpoint));
        assert!(
            events == 0 && sent.len() == 1 && sent[0][8..].starts_with(status),
            "{request}: {sent:?}"
        );
        assert_eq!(endpoint.live(), Live::default());
    }
}

#[test]
fn framing_nothing_is_read_after_the_end_of_a_stream() {
    // An embedder may have read further before it is told to close.
    let mut endpoint = endpoint(|config| config.limits.connections = 2);
    let smuggled = text("OPTIONS", "smuggled", "");
    endpoint.receive(START, tcp(1), with_body("MESSAGE", "Content-Length: -1\r\n", "").into());
    endpoint.receive(START, tcp(1), smuggled.clone().into());
    endpoint.connection_opened(START, tcp(1));
    assert_eq!(
        outcome(&drain(&mut endpoint)),
        (vec!["SIP/2.0 400 Bad Request".into()], 0, vec![1])
    );
    // One that is too much is not taken in the middle when there is room again.
    for n in 2..=4 {
        endpoint.receive(START, tcp(n), smuggled[..20].to_owned().into());
    }
    endpoint.connection_closed(START, ConnectionId(2));
    endpoint.receive(START, tcp(4), smuggled[20..].to_owned().into());
    assert_eq!(outcome(&drain(&mut endpoint)), (vec![], 0, vec![4]));
    assert_eq!(endpoint.live().connections, 1);
}

/// Found by fuzzing: a NOTIFY that is not the last one left the subscription without any timer.
#[test]
fn subscription_given_up_with_a_notify_of_another_state_pending() {
    for (granted, give_up) in [(600, true), (0, false)] {
        let mut world = World::new(1, 38);
        let target = Uri::parse(b"sip:701@198.51.100.1").unwrap();
        let subscribe = Subscribe::new(
            target.clone(),
            address(0),
            NameAddr::new(target),
            EventHeader::new("dialog"),
            secs(600),
        );
        let ours = world
            .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
            .unwrap();
        let grant = |world: &mut World, expires: u32| {
            let Message::Request(request) = world.last_sent(0, "SUBSCRIBE") else {
                panic!()
            };
            let mut ok = sip_core::Response::to_request(&request, StatusCode::OK, None);
            ok.set_to_tag("n");
            ok.headers_mut().push(HeaderName::Contact, "<sip:701@198.51.100.1>");
            ok.headers_mut().push(HeaderName::Expires, expires.to_string());
            world.inject(0, PEER, ok.to_bytes());
            (request.call_id().unwrap().to_vec(), request.from().unwrap())
        };
        let (call_id, from) = grant(&mut world, granted);
        let call_id = String::from_utf8(call_id).unwrap();
        let mut number = 0;
        let mut notify = |world: &mut World| {
            number += 1;
            let more = "Event: dialog\r\nSubscription-State: active\r\n";
            let notify = text("NOTIFY", &format!("n{number}"), more)
                .replace(&format!("Call-ID: n{number}"), &format!("Call-ID: {call_id}"))
                .replace("From: <sip:a@example.com>;tag=a", "From: <sip:701@198.51.100.1>;tag=n")
                .replace("To: <sip:user@192.0.2.1>", &format!("To: {from}"))
                .replace("CSeq: 1 ", &format!("CSeq: {number} "));
            world.inject(0, PEER, notify);
            assert_eq!(world.sent_lines(0).last().unwrap(), "SIP/2.0 200 OK");
        };
        if give_up {
            notify(&mut world);
            world.act(0, |endpoint, now| endpoint.unsubscribe(now, ours)).unwrap();
            grant(&mut world, 0);
        }
        world.run(secs(1));
        notify(&mut world);
        world.run(secs(40));
        assert_eq!(world.live(0).subscriptions, 0, "granted {granted}");
        assert_eq!(world.names(0).last(), Some(&"SubscriptionEnded"));
        world.settle();
    }
}
