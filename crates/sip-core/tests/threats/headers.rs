//! Single headers: too long, too many, misspelt, made to deceive.

use super::*;

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
    let contact = |count: usize| text("OPTIONS", "1", &"m: <sip:a@b>\r\n".repeat(count - 1));
    for (name, limit, make, status) in [
        ("Via lines", limits.vias, &via as &dyn Fn(usize) -> String, "483"),
        ("Vias in a line", limits.vias, &via_line, "483"),
        ("Accept", limits.headers, &accept, "513"),
        ("Contact", limits.contacts, &contact, "513"),
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
fn latin1_and_nul_bytes_in_a_header_nobody_looks_at() {
    let mut world = World::new(1, 40);
    let mut invite = text("INVITE", "1", "").into_bytes();
    let at = invite.windows(14).position(|bytes| bytes == b"Content-Length").unwrap();
    let odd = b"Subject: Gr\xfc\xdfe \0 \x01 \xff\r\nX-Odd: \xc3\x28\0\r\n";
    invite.splice(at..at, *odd).for_each(drop);
    world.inject(0, PEER, invite.clone());
    let Some((_, Event::Invite { request, .. })) = world.nodes[0].events.last() else {
        panic!("{:?}", world.sent_lines(0))
    };
    assert_eq!(request.to_bytes(), invite, "unharmed");
    let session = world.incoming(0);
    world.answer(0, session);
    assert_eq!(world.sent_lines(0), ["SIP/2.0 200 OK"]);
    world.hang_up(0, session);
    world.settle();
}

#[test]
fn several_values_on_a_line_quoted_commas_and_compact_names() {
    let long = "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKlist\r\nVia: SIP/2.0/TCP p1.example.com;branch=z9hG4bK2\r\n\
         Via: SIP/2.0/UDP p2.example.com;branch=z9hG4bK3\r\nFrom: \"Doe, Jane\" <sip:a@example.com>;tag=a\r\n\
         To: <sip:user@192.0.2.1>\r\nCall-ID: list\r\nContact: \"Doe, Jane <x>\" <sip:a,b@198.51.100.1>;q=0.5\r\n\
         Contact: <sip:c@198.51.100.1;x=1>\r\nContact: sip:d@198.51.100.1;q=1\r\nContent-Length: 0\r\n";
    let compact = "v: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKlist,SIP/2.0/TCP p1.example.com;branch=z9hG4bK2 ,\r\n \
         SIP/2.0/UDP p2.example.com;branch=z9hG4bK3\r\nf:\"Doe, Jane\" <sip:a@example.com>;tag=a\r\n\
         t:<sip:user@192.0.2.1>\r\ni:list\r\nm: \"Doe, Jane <x>\" <sip:a,b@198.51.100.1>;q=0.5,<sip:c@198.51.100.1;x=1> \
         , sip:d@198.51.100.1;q=1\r\nl:0\r\n";
    let mut seen = Vec::new();
    for headers in [long, compact] {
        let text = format!("REGISTER sip:192.0.2.1 SIP/2.0\r\n{headers}CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n\r\n");
        let mut world = World::new(1, 41);
        world.inject(0, PEER, text);
        let Some(Event::Request {
            request_id, request, ..
        }) = world.events(0).pop()
        else {
            panic!("{:?}", world.sent_lines(0))
        };
        let contacts = request.headers().typed_all::<Contact>().unwrap();
        assert_eq!(contacts.len(), 3);
        world
            .act(0, |endpoint, now| {
                endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
            })
            .unwrap();
        let Message::Response(ok) = world.last_sent(0, "SIP/2.0 200") else {
            panic!()
        };
        let vias: Vec<Vec<u8>> = ok.headers().items(&HeaderName::Via).map(<[u8]>::to_vec).collect();
        assert_eq!(vias.len(), 3);
        let from = ok.headers().get_str(&HeaderName::From).unwrap().to_owned();
        seen.push((contacts, vias, from, ok.call_id().unwrap().to_vec()));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn header_overflow_each_header_at_its_limit_and_one_past() {
    const LIMIT: usize = 400;
    let base = "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\n\
                To: <sip:user@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContact: <sip:a@198.51.100.1>\r\n\
                Accept: a/b\r\nAuthorization: Digest realm=\"r\"\r\nContent-Length: 0\r\n";
    for (line, start, fill, end) in [
        ("CSeq: 1 OPTIONS", "CSeq: ", " ", "1 OPTIONS"),
        ("CSeq: 1 OPTIONS", "CSeq: ", "0", "1 OPTIONS"),
        ("Accept: a/b", "Accept: a/b", ",a/b", ""),
        ("Accept: a/b", "Accept: ", "/", ""),
        (
            "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1",
            "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK",
            "1",
            "",
        ),
        (
            "From: <sip:a@example.com>;tag=a",
            "From: <sip:a@example.com>;tag=",
            "a",
            "",
        ),
        ("To: <sip:user@192.0.2.1>", "To: \"", "x", "\" <sip:user@192.0.2.1>"),
        ("Call-ID: 1", "Call-ID: ", "1", ""),
        ("Contact: <sip:a@198.51.100.1>", "Contact: <sip:", "a", "@198.51.100.1>"),
        (
            "Authorization: Digest realm=\"r\"",
            "Authorization: Digest realm=\"",
            "r",
            "\"",
        ),
        ("Authorization: Digest realm=\"r\"", "Authorization: /", "/", ""),
    ] {
        for (length, passes) in [(LIMIT, true), (LIMIT + 1, false)] {
            let room = length - start.len() - end.len();
            let filled = fill.repeat(room / fill.len() + 1);
            let replaced = base.replace(line, &format!("{start}{}{end}", &filled[..room]));
            assert_ne!(replaced, base);
            let mut endpoint = endpoint(|config| config.limits.header_line = LIMIT);
            let message = format!("OPTIONS sip:user@192.0.2.1 SIP/2.0\r\n{replaced}\r\n");
            endpoint.receive(START, udp(1), message.into());
            let (sent, events, _) = outcome(&drain(&mut endpoint));
            if passes {
                assert_eq!((sent, events), (vec![], 1), "{start}{fill}…");
            } else {
                assert_eq!(
                    (sent, events),
                    (vec!["SIP/2.0 513 Message Too Large".into()], 0),
                    "{start}{fill}…"
                );
                assert_eq!(endpoint.live(), Live::default());
            }
        }
    }
}

#[test]
fn bodies_are_nobodys_business() {
    // Of whatever a body consists, the call is the embedder's to take or to refuse, and lives.
    let mut world = World::new(1, 42);
    for (n, body) in [
        &b"v=0\r\nm=audio 99999 RTP/AVP\r\na=ptime:99999999999999999999\r\n"[..],
        b"--b\r\n--b--\r\n",
        b"\0\xff<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a \"&a;\">]>",
    ]
    .into_iter()
    .enumerate()
    {
        let kind = ["application/sdp", "multipart/mixed;boundary=b", "application/pidf+xml"][n];
        let mut invite = text("INVITE", &n.to_string(), &format!("Content-Type: {kind}\r\n"))
            .replace("Content-Length: 0", &format!("Content-Length: {}", body.len()))
            .into_bytes();
        invite.extend_from_slice(body);
        world.inject(0, PEER, invite);
        let session = world.incoming(0);
        let Some(Event::Invite { request, .. }) = world.events(0).pop() else {
            panic!()
        };
        assert_eq!(request.body(), body);
        world
            .act(0, |endpoint, now| endpoint.answer(now, session, Reply::new()))
            .unwrap();
        world.hang_up(0, session);
    }
    world.settle();
}
