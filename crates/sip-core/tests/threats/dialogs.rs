//! Dialogs and transactions: names, numbers, handles.

use super::*;

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
    let session = world.endpoint(0).find_session("1", "x", "y");
    assert_eq!(session, None);
    world.run(secs(1_000));
    world.settle();
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
fn peers_of_rfc_2543_invite_cancel_and_ack() {
    for branch in [";branch=1", ";branch=0", "", ";branch=z9hG4bK", ";branch=xz9hG4bK1"] {
        let message = |method: &str, cseq: u32, to: &str| {
            text(method, "old", "")
                .replace(";branch=z9hG4bKold", branch)
                .replace(&format!("CSeq: 1 {method}"), &format!("CSeq: {cseq} {method}"))
                .replace("To: <sip:user@192.0.2.1>", &format!("To: {to}"))
        };
        const TO: &str = "<sip:user@192.0.2.1>";
        let mut world = World::new(1, 43);
        // The same again is a retransmission, another number is another call.
        world.inject(0, PEER, message("INVITE", 1, TO));
        world.inject(0, PEER, message("INVITE", 1, TO));
        world.inject(0, PEER, message("INVITE", 2, TO));
        assert_eq!(world.names(0), ["Invite", "Invite"], "{branch}");
        // Each CANCEL finds its own.
        world.inject(0, PEER, message("CANCEL", 1, TO));
        assert_eq!(world.names(0), ["Invite", "Invite", "Cancelled"], "{branch}");
        assert_eq!(
            world.sent_lines(0)[..2],
            ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"],
            "{branch}"
        );
        let Message::Response(terminated) = world.last_sent(0, "SIP/2.0 487") else {
            panic!()
        };
        let to = terminated.headers().get_str(&HeaderName::To).unwrap().to_owned();
        world.inject(0, PEER, message("ACK", 1, &to));
        world.inject(0, PEER, message("CANCEL", 3, TO));
        assert_eq!(
            world.sent_lines(0).last().unwrap(),
            "SIP/2.0 481 Call/Transaction Does Not Exist"
        );
        // The other is answered; its ACK, a request of its own, finds the dialog.
        let second = world.incoming(0);
        world.answer(0, second);
        let Message::Response(ok) = world.last_sent(0, "SIP/2.0 200 OK") else {
            panic!()
        };
        let to = ok.headers().get_str(&HeaderName::To).unwrap().to_owned();
        world.inject(0, PEER, message("ACK", 2, &to));
        assert_eq!(world.names(0).last(), Some(&"Confirmed"), "{branch}");
        world.run(secs(3));
        assert_eq!(
            world.count_sent(0, "SIP/2.0 487"),
            1,
            "{branch}: the ACK found the transaction"
        );
        world.inject(0, PEER, message("BYE", 4, &to));
        assert_eq!(world.names(0).last(), Some(&"Ended"), "{branch}");
        world.settle();
    }
}
