//! What strangers may do: nothing. Requests that are broken, unknown, too many.

use sip_core::{
    Endpoint, EndpointConfig, Event, HeaderName, Message, Method, OutOfDialog, Reply, StatusCode, Transport, Uri,
};

use crate::cancel::message;
use crate::link::{World, address, ms, secs};

const PEER: &str = "198.51.100.1:5060";

fn text(method: &str, branch: &str, more: &str) -> String {
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
        let stats = world.nodes[0].endpoint.stats();
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
    assert_eq!(world.nodes[0].endpoint.stats().keepalives, 4);
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
    assert_eq!(world.nodes[0].endpoint.stats().unanswered, 1);
    let late = world.act(0, |endpoint, now| {
        endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
    });
    assert_eq!(late, Err(sip_core::EndpointError::Gone));
    world.settle();
}

#[test]
fn responses_go_where_the_via_says() {
    for (via, from, to, line) in [
        ("198.51.100.1:5060", PEER, PEER, "198.51.100.1:5060;branch=z9hG4bK1"),
        (
            "198.51.100.1:5070",
            "198.51.100.1:9999",
            "198.51.100.1:5070",
            "198.51.100.1:5070;branch=z9hG4bK1",
        ),
        (
            "10.0.0.1:5070",
            "198.51.100.1:9999",
            "198.51.100.1:5070",
            "10.0.0.1:5070;branch=z9hG4bK1;received=198.51.100.1",
        ),
        (
            "phone.example:5070",
            "198.51.100.1:9999",
            "198.51.100.1:5070",
            "phone.example:5070;branch=z9hG4bK1;received=198.51.100.1",
        ),
        (
            "10.0.0.1",
            "198.51.100.1:9999",
            "198.51.100.1:5060",
            "10.0.0.1;branch=z9hG4bK1;received=198.51.100.1",
        ),
        (
            "10.0.0.1:5070;rport",
            "198.51.100.1:9999",
            "198.51.100.1:9999",
            "10.0.0.1:5070;rport=9999;branch=z9hG4bK1;received=198.51.100.1",
        ),
    ] {
        let mut world = World::new(1, 8);
        let text = text("FOO", "z9hG4bK1", "").replace("UDP 198.51.100.1:5060", &format!("UDP {via}"));
        world.inject(0, from, text);
        let (_, flow, _) = &world.nodes[0].sent[0];
        assert_eq!(flow.remote, to.parse().unwrap(), "{via}");
        let Message::Response(response) = world.last_sent(0, "SIP") else {
            panic!()
        };
        assert_eq!(
            response.headers().get_str(&HeaderName::Via),
            Some(&*format!("SIP/2.0/UDP {line}"))
        );
    }
}

#[test]
fn record_routes_and_further_vias_come_back() {
    let mut world = World::new(1, 9);
    let text = text(
        "INVITE",
        "z9hG4bK1",
        "v: SIP/2.0/TCP 203.0.113.7;branch=z9hG4bK0\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n",
    );
    world.inject(0, PEER, text);
    let session = world.incoming(0);
    world.answer(0, session);
    let Message::Response(ok) = world.last_sent(0, "SIP/2.0 200") else {
        panic!()
    };
    let values = |name| {
        ok.headers()
            .items(name)
            .map(|v| String::from_utf8(v.to_vec()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&HeaderName::RecordRoute), ["<sip:p1;lr>", "<sip:p2;lr>"]);
    assert_eq!(values(&HeaderName::Via).len(), 2);
    world.settle();
}

#[test]
fn requests_follow_the_route_set() {
    let mut world = World::new(1, 10);
    // A loose router next to us, a strict one beyond; then a strict one next to us.
    for (branch, routes, line, left, to) in [
        (
            "z9hG4bK1",
            "<sip:203.0.113.1;lr>, <sip:203.0.113.2>",
            "BYE sip:a@198.51.100.1 SIP/2.0",
            vec!["<sip:203.0.113.1;lr>", "<sip:203.0.113.2>"],
            "203.0.113.1:5060",
        ),
        (
            "z9hG4bK2",
            "<sip:203.0.113.3:5070>, <sip:203.0.113.2;lr>",
            "BYE sip:203.0.113.3:5070 SIP/2.0",
            vec!["<sip:203.0.113.2;lr>", "<sip:a@198.51.100.1>"],
            "203.0.113.3:5070",
        ),
    ] {
        let invite = text("INVITE", branch, &format!("Record-Route: {routes}\r\n")).replace("c1", branch);
        world.inject(0, PEER, invite);
        let session = world.incoming(0);
        world.answer(0, session);
        let Message::Response(ok) = world.last_sent(0, "SIP/2.0 200") else {
            panic!()
        };
        let to_value = ok.headers().get_str(&HeaderName::To).unwrap().to_owned();
        let ack = text("ACK", &format!("{branch}ack"), "")
            .replace("c1", branch)
            .replace("To: <sip:user@192.0.2.1>", &format!("To: {to_value}"));
        world.inject(0, PEER, ack);
        world.hang_up(0, session);
        assert_eq!(world.sent_lines(0).last().unwrap(), line);
        let (_, flow, _) = world.nodes[0].sent.last().unwrap();
        assert_eq!(flow.remote, to.parse().unwrap());
        let Message::Request(bye) = world.last_sent(0, "BYE") else {
            panic!()
        };
        let routes: Vec<_> = bye
            .headers()
            .items(&HeaderName::Route)
            .map(|v| String::from_utf8(v.to_vec()).unwrap())
            .collect();
        assert_eq!(routes, left);
    }
    world.settle();
}

#[test]
fn a_phone_behind_nat_is_reached_where_it_came_from() {
    let mut world = World::new(1, 11);
    for (contact, source, to) in [
        ("192.168.1.7:5060", "198.51.100.1:61234", "198.51.100.1:61234"),
        ("198.51.100.9:5060", "198.51.100.1:61234", "198.51.100.9:5060"),
        ("phone.invalid", "198.51.100.1:61234", "198.51.100.1:61234"),
        ("10.0.0.2:5060", "10.0.0.1:5060", "10.0.0.2:5060"),
    ] {
        let invite = text("INVITE", &format!("z9hG4bK{contact}"), "")
            .replace("c1", contact)
            .replace("Contact: <sip:a@198.51.100.1>", &format!("Contact: <sip:a@{contact}>"));
        world.inject(0, source, invite);
        let session = world.incoming(0);
        let info = world.endpoint(0).session_info(session).unwrap();
        assert_eq!(info.flow.remote, to.parse().unwrap(), "{contact}");
        world.hang_up(0, session);
    }
    world.settle();
}

#[test]
fn peers_of_rfc_2543() {
    let mut world = World::new(1, 12);
    let invite = text("INVITE", "1", "");
    world.inject(0, PEER, invite.clone());
    world.inject(0, PEER, invite);
    assert_eq!(world.names(0), ["Invite"], "the second is a retransmission");
    let session = world.incoming(0);
    world
        .act(0, |endpoint, now| {
            endpoint.reject(now, session, StatusCode::BUSY_HERE, Reply::new())
        })
        .unwrap();
    let Message::Response(busy) = world.last_sent(0, "SIP/2.0 486") else {
        panic!()
    };
    let to = busy.headers().get_str(&HeaderName::To).unwrap().to_owned();
    let ack = text("ACK", "1", "").replace("To: <sip:user@192.0.2.1>", &format!("To: {to}"));
    world.inject(0, PEER, ack);
    world.run(secs(3));
    assert_eq!(world.count_sent(0, "SIP/2.0 486"), 1, "the ACK found the transaction");
    world.settle();
}

#[test]
fn limits_hold_at_the_limit_and_one_past() {
    let mut world = World::with(2, 13, |node, config| {
        if node == 0 {
            config.limits.sessions = 3;
            config.limits.client_transactions = 5;
        }
    });
    let (caller, callee) = world.established(1, 0);
    let invite = |n: u32| text("INVITE", &format!("z9hG4bK{n}"), "").replace("c1", &format!("c{n}"));
    for n in 0..3 {
        world.inject(0, PEER, invite(n));
    }
    assert_eq!(world.names(0), ["Invite", "Invite"]);
    let Message::Response(refusal) = world.last_sent(0, "SIP/2.0 503") else {
        panic!()
    };
    assert_eq!(refusal.headers().get_str(&HeaderName::RetryAfter), Some("5"));
    let one_more = world.invite_to(0, 1);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.invite(now, one_more)),
        Err(sip_core::EndpointError::Full)
    );
    // The established call goes on, and ends as it should.
    world
        .act(1, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    assert_eq!(world.names(0).last(), Some(&"Request"));
    world.hang_up(0, callee);
    world.run(ms(50));
    assert_eq!(world.names(1), ["Ended"]);
    world.settle();
}

#[test]
fn a_flood_leaves_established_calls_alone() {
    let mut world = World::with(2, 14, |node, config| {
        if node == 0 {
            config.limits.server_transactions = 50;
        }
    });
    let (caller, callee) = world.established(1, 0);
    for n in 0..500 {
        world.inject(
            0,
            PEER,
            text("OPTIONS", &format!("z9hG4bK{n}"), "").replace("c1", &format!("c{n}")),
        );
    }
    assert!(world.live(0).server_transactions <= 50);
    assert_eq!(
        world.nodes[0].endpoint.stats().overloaded,
        500 - world.names(0).len() as u64
    );
    world.hang_up(1, caller);
    world.run(ms(50));
    assert_eq!(world.count_sent(0, "SIP/2.0 200"), 1, "the BYE was answered");
    assert!(world.endpoint(0).session_info(callee).is_none());
    world.settle();
}

#[test]
fn connections_are_limited_and_slow_ones_closed() {
    use sip_core::{ConnectionId, Flow, Output};
    let here = "192.0.2.1:5060".parse().unwrap();
    let mut config = EndpointConfig::new([(Transport::Tcp, here)]);
    config.limits.connections = 2;
    let mut endpoint = Endpoint::new(config, [1; 32]);
    let flow = |n: u16| {
        Flow::stream(
            Transport::Tcp,
            here,
            std::net::SocketAddr::new([198, 51, 100, 1].into(), n),
            ConnectionId(n.into()),
        )
    };
    let closed = |endpoint: &mut Endpoint| {
        let mut closed = Vec::new();
        while let Some(output) = machine::Machine::poll_output(endpoint) {
            if let Output::CloseConnection(ConnectionId(n)) = output {
                closed.push(n);
            }
        }
        closed
    };
    let start = crate::link::START;
    for n in 1..=3 {
        endpoint.connection_opened(start, flow(n));
    }
    assert_eq!((endpoint.live().connections, closed(&mut endpoint)), (2, vec![3]));
    // The other one has said something whole.
    endpoint.receive(start, flow(2), "\r\n".into());
    // One sends half a message and then a byte a second: that does not keep it open.
    endpoint.receive(start, flow(1), "OPTIONS sip:x SIP/2.0\r\n".into());
    for n in 1..40 {
        let now = start + secs(n);
        machine::Machine::handle_timeout(&mut endpoint, now);
        endpoint.receive(now, flow(1), "S".into());
        let gone = closed(&mut endpoint);
        if !gone.is_empty() {
            assert_eq!((n, gone), (32, vec![1]));
            break;
        }
        assert!(n < 33);
    }
    // A ping is answered; nonsense closes.
    endpoint.receive(start + secs(40), flow(2), "\r\n\r\n".into());
    assert!(
        matches!(machine::Machine::poll_output(&mut endpoint), Some(Output::Transmit(t)) if &t.data[..] == b"\r\n")
    );
    endpoint.receive(
        start + secs(41),
        flow(2),
        "OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n".into(),
    );
    assert_eq!(closed(&mut endpoint), [2]);
}

#[test]
fn requests_of_our_own() {
    let mut world = World::new(2, 15);
    let registrar = Uri::parse(b"sip:192.0.2.2").unwrap();
    let mut register = OutOfDialog::new(Method::Register, registrar, address(0), address(0));
    register.contact_user = Some("user0".into());
    register.credentials = Some(sip_core::Credentials::new("user0", "secret"));
    register.sequence = Some(("reg-1".into(), 7));
    let id = world
        .act(0, |endpoint, now| endpoint.send(now, register.clone()))
        .unwrap();
    world.run(ms(15));
    let Some(Event::Request {
        request_id,
        session: None,
        request,
        ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert_eq!(
        (request.call_id(), request.cseq().unwrap().number),
        (Some(&b"reg-1"[..]), 7)
    );
    assert_eq!(
        request.headers().get_str(&HeaderName::Contact),
        Some("<sip:user0@192.0.2.1:5060>")
    );
    let challenge = Reply::new().header(
        HeaderName::WwwAuthenticate,
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge)
        })
        .unwrap();
    world.run(ms(50));
    let Some(Event::Request {
        request_id, request, ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert!(request.headers().contains(&HeaderName::Authorization));
    assert_eq!(
        (request.call_id(), request.cseq().unwrap().number),
        (Some(&b"reg-1"[..]), 8)
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
        })
        .unwrap();
    world.run(ms(50));
    assert!(
        matches!(&world.events(0)[..], [Event::Response { request_id, status: StatusCode::OK, response: Some(_) }] if *request_id == id)
    );
    world.settle();
}

#[test]
fn requests_that_cannot_be_sent_or_are_not_answered() {
    let mut world = World::new(1, 17);
    let registrar = Uri::parse(b"sip:192.0.2.2").unwrap();
    let mut register = OutOfDialog::new(Method::Register, registrar, address(0), address(0));
    for method in [
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Subscribe,
    ] {
        let mut bad = register.clone();
        bad.method = method;
        assert_eq!(
            world.act(0, |endpoint, now| endpoint.send(now, bad)),
            Err(sip_core::EndpointError::BadMethod)
        );
    }
    // Nobody there.
    register.target = Uri::parse(b"sip:192.0.2.77").unwrap();
    world
        .act(0, |endpoint, now| endpoint.send(now, register.clone()))
        .unwrap();
    register.target = Uri::parse(b"sip:pbx.example").unwrap();
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.send(now, register)),
        Err(sip_core::EndpointError::NoAddress)
    );
    world.run(secs(33));
    assert!(matches!(
        &world.events(0)[..],
        [Event::Response {
            status: StatusCode::REQUEST_TIMEOUT,
            response: None,
            ..
        }]
    ));
    world.settle();
}

#[test]
fn time_that_goes_backwards_is_clamped() {
    let mut world = World::new(2, 16);
    let (caller, _) = world.established(0, 1);
    let before = world.now;
    world.now = machine::Time::from_secs(5);
    world
        .act(0, |endpoint, now| endpoint.hang_up(now, caller, None))
        .unwrap();
    world.act(0, machine::Machine::handle_timeout);
    world.now = before;
    world.settle();
}
