//! Where one message ends and the next begins.

use super::*;

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

#[test]
fn framing_udp_message_without_content_length() {
    for (body, lines) in [
        ("hello", ""),
        ("", ""),
        ("hello\r\n\r\nBYE sip:x SIP/2.0\r\n\r\n", "Subject: 5\r\n"),
    ] {
        let mut endpoint = endpoint(|_| {});
        endpoint.receive(START, udp(1), with_body("MESSAGE", lines, body).into());
        let Some(Output::Event(Event::Request { request, .. })) = endpoint.poll_output() else {
            panic!("{body:?}")
        };
        assert_eq!(request.body(), body, "the datagram's rest (RFC 3261 §18.3)");
        assert!(drain(&mut endpoint).is_empty());
    }
}

#[test]
fn framing_content_length_of_datagrams() {
    let second = text("BYE", "second", "");
    for (lengths, outcome_of) in [
        ("Content-Length: 4\r\n", ""),
        ("Content-Length: 4\r\nl: 004\r\n", ""),
        ("Content-Length: 0\r\n", ""),
        ("Content-Length: -1\r\n", "400"),
        ("Content-Length: 4294967296\r\n", "400"),
        ("Content-Length: 4294967300\r\n", "400"),
        ("Content-Length: 4294967328\r\n", "400"),
        ("Content-Length: 18446744073709551616\r\n", "400"),
        ("Content-Length: 18446744073709551620\r\n", "400"),
        ("Content-Length: 4\r\nContent-Length: 5\r\n", "400"),
        ("l: 5\r\nContent-Length: 4\r\n", "400"),
    ] {
        let mut endpoint = endpoint(|_| {});
        endpoint.receive(START, udp(1), (with_body("MESSAGE", lengths, "body") + &second).into());
        let (sent, events, _) = outcome(&drain(&mut endpoint));
        // What follows the body is dropped: there is one message in a datagram.
        let statuses: Vec<_> = sent.iter().map(|line| &line[8..11]).collect();
        let expected = if outcome_of.is_empty() {
            (vec![], 1)
        } else {
            (vec![outcome_of], 0)
        };
        assert_eq!((statuses, events), expected, "{lengths:?}");
        assert_eq!(
            endpoint.stats().unmatched_requests,
            0,
            "{lengths:?}: the BYE was not read"
        );
    }
}
