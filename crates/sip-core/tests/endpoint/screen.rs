//! What strangers may do: nothing. Requests that are broken, unknown, too many.

use sip_core::{Event, HeaderName, Message, Method, Reply, StatusCode};

use crate::cancel::message;
use crate::link::{World, ms, secs};

pub const PEER: &str = "198.51.100.1:5060";

pub fn text(method: &str, branch: &str, more: &str) -> String {
    String::from_utf8(message(method, branch, more).to_vec()).unwrap()
}

#[test]
fn every_method_to_an_embedder_that_answers_nothing() {
    for (method, expected) in [
        ("INVITE", ""),
        ("ACK", ""),
        ("BYE", "481"),
        ("CANCEL", "481"),
        ("REGISTER", ""),
        ("OPTIONS", ""),
        ("INFO", "481"),
        ("PRACK", "481"),
        ("UPDATE", "481"),
        ("SUBSCRIBE", ""),
        ("NOTIFY", "481"),
        ("REFER", ""),
        ("MESSAGE", ""),
        ("PUBLISH", "405"),
        ("FOO", "501"),
        ("invite", "501"),
    ] {
        let mut world = World::new(1, 1);
        let more = "Event: dialog\r\nRefer-To: <sip:a@b>\r\n";
        world.inject(0, PEER, message(method, "z9hG4bK1", more));
        let lines = world.sent_lines(0);
        match expected {
            "" => assert_eq!(lines, [""; 0], "{method}"),
            status => assert!(
                lines.len() == 1 && lines[0].starts_with(&format!("SIP/2.0 {status}")),
                "{method}: {lines:?}"
            ),
        }
        assert_eq!(world.live(0).sessions, usize::from(method == "INVITE"), "{method}");
        assert_eq!(world.live(0).subscriptions, 0, "{method}");
        world.settle();
    }
}

#[test]
fn requests_of_unknown_dialogs() {
    for method in [
        "INVITE",
        "BYE",
        "INFO",
        "UPDATE",
        "OPTIONS",
        "REFER",
        "SUBSCRIBE",
        "NOTIFY",
        "MESSAGE",
    ] {
        for tag in [
            "x",
            "s00000001000000010000beef",
            "n00000001000000010000beef",
            "r00000001000000010000beef",
        ] {
            let mut world = World::new(1, 1);
            let text =
                text(method, "z9hG4bK1", "").replace("To: <sip:user@192.0.2.1>", &format!("To: <sip:u@h>;tag={tag}"));
            world.inject(0, PEER, text);
            assert_eq!(
                world.sent_lines(0),
                ["SIP/2.0 481 Call/Transaction Does Not Exist"],
                "{method} {tag}"
            );
            assert_eq!(world.names(0), [""; 0]);
            world.settle();
        }
    }
}

#[test]
fn a_guessed_dialog_is_not_entered() {
    // Right in all but one of Call-ID and the two tags.
    let mut world = World::new(2, 2);
    let (caller, callee) = world.established(0, 1);
    world
        .act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    let Message::Request(info) = world.last_sent(0, "INFO") else {
        panic!()
    };
    world.run(ms(15));
    world.events(1);
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::To] {
        let mut guess = info.clone();
        let value = guess.headers().get_str(&name).unwrap().to_owned();
        guess.headers_mut().set(name.clone(), format!("{value}x"));
        guess.headers_mut().set(HeaderName::CSeq, "900000 INFO");
        guess
            .headers_mut()
            .set(HeaderName::Via, format!("SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK{name}"));
        world.inject(1, "192.0.2.66:5060", guess.to_bytes());
        assert_eq!(world.names(1), [""; 0], "{name}");
    }
    assert_eq!(world.count_sent(1, "SIP/2.0 481"), 3);
    // Call-IDs and tags that differ only in case are different.
    let mut guess = info;
    let upper = guess.headers().get_str(&HeaderName::CallId).unwrap().to_uppercase();
    guess.headers_mut().set(HeaderName::CallId, upper);
    guess
        .headers_mut()
        .set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.66;branch=z9hG4bKcase");
    world.inject(1, "192.0.2.66:5060", guess.to_bytes());
    assert_eq!(world.count_sent(1, "SIP/2.0 481"), 4);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn what_is_asked_too_much() {
    let options = text("OPTIONS", "z9hG4bK1", "");
    for (text, line, header) in [
        (
            options.replace("Max-Forwards: 70", "Max-Forwards: 0"),
            "SIP/2.0 483 Too Many Hops",
            None,
        ),
        (
            options.replace("OPTIONS sip:user@192.0.2.1", "OPTIONS soap.beep://x"),
            "SIP/2.0 416 Unsupported URI Scheme",
            None,
        ),
        (
            options.replace(
                "Content-Length",
                "Require: replaces, nothingSIPly\r\nRequire: 100rel, timer, precondition\r\nContent-Length",
            ),
            "SIP/2.0 420 Bad Extension",
            Some((HeaderName::Unsupported, "nothingSIPly, precondition")),
        ),
        (
            text("PUBLISH", "z9hG4bK1", ""),
            "SIP/2.0 405 Method Not Allowed",
            Some((
                HeaderName::Allow,
                "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE, PRACK",
            )),
        ),
    ] {
        let mut world = World::new(1, 3);
        world.inject(0, PEER, text.clone());
        assert_eq!(world.sent_lines(0), [line], "{text}");
        let Message::Response(response) = world.last_sent(0, "SIP") else {
            panic!()
        };
        if let Some((name, value)) = header {
            assert_eq!(response.headers().get_str(&name), Some(value));
        }
        // The same request gets the same answer, and nothing was kept.
        let before = world.nodes[0].sent[0].2.clone();
        world.inject(0, PEER, text);
        assert_eq!(world.nodes[0].sent[1].2, before);
        assert_eq!(world.live(0), Default::default());
    }
}

#[test]
fn broken_requests() {
    let options = text("OPTIONS", "z9hG4bK1", "");
    for (text, expected) in [
        (options.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), "SIP/2.0 400"),
        (options.replace("CSeq: 1 OPTIONS\r\n", ""), "SIP/2.0 400"),
        (
            options.replace("CSeq: 1 ", "CSeq: 36893488147419103232 "),
            "SIP/2.0 400",
        ),
        (
            options.replace("From: <sip:a@example.com>;tag=a", "From: <sip:a@example.com"),
            "SIP/2.0 400",
        ),
        (options.replace("Max-Forwards: 70", "Max-Forwards: x"), "SIP/2.0 400"),
        (options.replace("SIP/2.0\r\n", "SIP/7.0\r\n"), "SIP/2.0 505"),
        (
            options.replace("Content-Length: 0", "Content-Length: 9999"),
            "SIP/2.0 400",
        ),
        (
            options.replace("Content-Length: 0", "Content-Length: -1"),
            "SIP/2.0 400",
        ),
        (
            options.replace(
                "Content-Length",
                &format!("Subject: {}\r\nContent-Length", "x".repeat(9000)),
            ),
            "SIP/2.0 513",
        ),
        // The Via is broken, but says where to.
        (options.replace("SIP/2.0", "SIP/7.0"), "SIP/2.0 505"),
        (options.replace(";branch=", ";;branch="), "SIP/2.0 400"),
        // No way back: silence.
        (options.replace("Via:", "Vja:"), ""),
        (text("ACK", "z9hG4bK1", "").replace(";branch=", ";;branch="), ""),
        (options.replace("Via: SIP/2.0/UDP 198", "Via: nonsense 198"), ""),
        (options[..40].to_owned(), ""),
        ("\u{0}\u{1}\u{2} random bytes".to_owned(), ""),
        (text("ACK", "z9hG4bK1", "").replace("CSeq: 1 ACK", "CSeq: x"), ""),
    ] {
        let mut world = World::new(1, 4);
        world.inject(0, PEER, text.clone());
        let lines = world.sent_lines(0);
        if expected.is_empty() {
            assert_eq!(lines, [""; 0], "{text}");
        } else {
            assert!(
                lines.len() == 1 && lines[0].starts_with(expected),
                "{lines:?} for {text}"
            );
        }
        let stats = world.endpoint(0).stats();
        assert_eq!(
            stats.malformed + stats.refused_malformed + stats.unmatched_acks,
            1,
            "{text}"
        );
        assert_eq!(world.live(0), Default::default());
    }
}

#[test]
fn keep_alives_are_counted_and_not_answered() {
    let mut world = World::new(1, 5);
    for ping in ["\r\n\r\n", "\r\n", "\0\0\0\0", ""] {
        world.inject(0, PEER, ping);
    }
    assert_eq!(world.endpoint(0).stats().keepalives, 4);
    assert_eq!(world.sent_lines(0), [""; 0]);
}

#[test]
fn a_request_by_two_ways_is_answered_once() {
    let mut world = World::new(1, 6);
    world.inject(0, PEER, message("INVITE", "z9hG4bK1", ""));
    world.inject(0, "198.51.100.2:5060", message("INVITE", "z9hG4bK2", ""));
    assert_eq!(world.names(0), ["Invite"]);
    assert_eq!(world.sent_lines(0), ["SIP/2.0 482 Loop Detected"]);
    // The same way again is a retransmission.
    world.inject(0, PEER, message("INVITE", "z9hG4bK1", ""));
    assert_eq!(world.sent_lines(0).len(), 1);
    let session = world.incoming(0);
    world.hang_up(0, session);
    world.settle();
}

#[test]
fn an_embedder_that_never_answers_loses_the_request() {
    let mut world = World::new(1, 7);
    world.inject(0, PEER, message("OPTIONS", "z9hG4bK1", ""));
    let Some(Event::Request { request_id, .. }) = world.events(0).pop() else {
        panic!()
    };
    world.run(secs(33));
    assert_eq!(world.endpoint(0).stats().unanswered, 1);
    let late = world.act(0, |endpoint, now| {
        endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
    });
    assert_eq!(late, Err(sip_core::EndpointError::Gone));
    world.settle();
}
