//! CANCEL and its races, forks.

use bytes::Bytes;
use sip_core::{Body, Event, HeaderName, Message, Method, Reply, Response, StatusCode};

use crate::link::{World, ms, secs};

#[test]
fn a_ringing_call_is_cancelled() {
    let mut world = World::new(2, 1);
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(100));
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.names(1), ["Invite", "Cancelled"]);
    assert_eq!(world.names(0), ["Progress"]);
    assert_eq!(
        world.sent_lines(1)[1..],
        ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"]
    );
    let Message::Response(cancelled) = world.last_sent(1, "SIP/2.0 200") else {
        panic!()
    };
    let Message::Response(terminated) = world.last_sent(1, "SIP/2.0 487") else {
        panic!()
    };
    assert_eq!(cancelled.to().unwrap().tag(), terminated.to().unwrap().tag());
    assert!(
        world
            .act(1, |endpoint, now| endpoint.answer(now, callee, Reply::new()))
            .is_err()
    );
    world.settle();
}

#[test]
fn the_cancel_waits_for_a_provisional_response() {
    let mut world = World::new(2, 2);
    let caller = world.call(0, 1);
    world.hang_up(0, caller);
    assert_eq!(world.count_sent(0, "CANCEL"), 0);
    world.run(ms(215));
    // 100 Trying left at 210 ms.
    assert_eq!(world.count_sent(0, "CANCEL"), 0);
    world.run(ms(50));
    assert_eq!(world.count_sent(0, "CANCEL"), 1);
    assert_eq!(world.names(1), ["Invite", "Cancelled"]);
    assert_eq!(world.names(0), [""; 0]);
    world.settle();
}

#[test]
fn a_call_that_nobody_hears_of_ends_without_cancel() {
    let mut world = World::new(2, 3);
    world.lose(|_| true);
    let caller = world.call(0, 1);
    world.hang_up(0, caller);
    world.settle();
    assert_eq!(world.count_sent(0, "CANCEL"), 0);
    assert_eq!(world.names(0), [""; 0]);
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut world = World::new(2, 4);
    let (caller, callee) = world.called();
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(100));
    world.answer(1, callee);
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Progress"], "no events after hang_up");
    assert_eq!(world.names(1), ["Invite", "Confirmed", "Ended"]);
    let lines = world.sent_lines(0);
    let methods: Vec<_> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(methods, ["INVITE", "CANCEL", "ACK", "BYE", "SIP/2.0"][..4]);
    world.settle();
}

#[test]
fn a_2xx_that_comes_before_the_cancel_could_be_sent() {
    let mut world = World::new(2, 5);
    let (caller, callee) = world.called();
    world.hang_up(0, caller);
    world.answer(1, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), [""; 0]);
    assert_eq!(world.names(1), ["Invite", "Confirmed", "Ended"]);
    assert_eq!(world.count_sent(0, "CANCEL"), 0);
    world.settle();
}

#[test]
fn patience_ends_in_a_cancel_and_408() {
    let mut world = World::new(2, 6);
    let mut invite = world.invite_to(0, 1);
    invite.no_answer = Some(secs(20));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(21));
    let events = world.events(0);
    assert!(
        matches!(
            &events[..],
            [Event::Failed {
                status: StatusCode::REQUEST_TIMEOUT,
                response: None,
                ..
            }]
        ),
        "{events:?}"
    );
    assert_eq!(world.names(1), ["Invite", "Cancelled"]);
    world.settle();
}

#[test]
fn a_peer_that_ignores_the_cancel_is_given_up() {
    let mut world = World::new(2, 7);
    let caller = world.call(0, 1);
    world.run(ms(300));
    world.lose(|message| {
        let cancel = |method: Option<Method>| method == Some(Method::Cancel);
        matches!(message, Message::Request(request) if cancel(Some(request.method().clone())))
    });
    world.hang_up(0, caller);
    world.run(secs(33));
    assert_eq!((world.live(0).sessions, world.live(0).client_transactions), (0, 0));
    let callee = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::BUSY_HERE, Reply::new())
        })
        .unwrap();
    world.settle();
}

#[test]
fn lost_cancels_and_answers_are_repeated() {
    for seed in 0..20 {
        let mut world = World::new(2, 200 + seed).lossy(30, 20, 40);
        let caller = world.call(0, 1);
        world.run(secs(10));
        world.hang_up(0, caller);
        world.run(secs(70));
        // Retransmitted by timers E and G: one of the two ways it ends.
        let names = world.names(1);
        assert!(names == ["Invite", "Cancelled"] || names == ["Invite"], "{names:?}");
        if names == ["Invite"] {
            let callee = world.incoming(1);
            world.hang_up(1, callee);
        }
        world.settle();
    }
}

#[test]
fn a_cancel_of_nothing_is_481() {
    let mut world = World::new(1, 8);
    world.inject(0, "198.51.100.1:5060", message("CANCEL", "z9hG4bKnone", ""));
    assert_eq!(world.sent_lines(0), ["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    world.settle();
}

pub fn message(method: &str, branch: &str, more: &str) -> Bytes {
    Bytes::from(format!(
        "{method} sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch={branch}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:user@192.0.2.1>\r\nCall-ID: c1\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@198.51.100.1>\r\n{more}Content-Length: 0\r\n\r\n"
    ))
}

/// A response to our INVITE as a proxy would pass on from one of its forks.
fn fork_response(invite: &Message, status: StatusCode, tag: &str, contact: &str) -> Bytes {
    let Message::Request(invite) = invite else { panic!() };
    let mut response = Response::to_request(invite, status, None);
    response.set_to_tag(tag);
    response
        .headers_mut()
        .push(HeaderName::Contact, format!("<sip:{tag}@{contact}>"));
    response.to_bytes()
}

#[test]
fn of_two_forks_the_first_2xx_wins() {
    let mut world = World::new(1, 9);
    let mut invite = world.invite_to(0, 0);
    invite.target = sip_core::Uri::parse(b"sip:x@198.51.100.1").unwrap();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    let proxy = "198.51.100.1:5060";
    for tag in ["one", "two", "three"] {
        world.inject(0, proxy, fork_response(&sent, StatusCode::RINGING, tag, "203.0.113.1"));
    }
    assert_eq!(world.names(0), ["Progress"; 3]);
    world.inject(0, proxy, fork_response(&sent, StatusCode::OK, "two", "203.0.113.2"));
    world.inject(0, proxy, fork_response(&sent, StatusCode::OK, "one", "203.0.113.1"));
    assert_eq!(world.names(0)[3..], ["Answered"]);
    assert_eq!(&world.endpoint(0).session_info(caller).unwrap().remote_tag[..], b"two");
    assert_eq!(
        world.sent_lines(0)[1..],
        [
            "ACK sip:two@203.0.113.2 SIP/2.0",
            "ACK sip:one@203.0.113.1 SIP/2.0",
            "BYE sip:one@203.0.113.1 SIP/2.0",
        ]
    );
    // Each retransmitted 2xx gets its own ACK again, and no second BYE.
    world.inject(0, proxy, fork_response(&sent, StatusCode::OK, "one", "203.0.113.1"));
    world.inject(0, proxy, fork_response(&sent, StatusCode::OK, "two", "203.0.113.2"));
    assert_eq!(
        world.sent_lines(0)[4..],
        ["ACK sip:one@203.0.113.1 SIP/2.0", "ACK sip:two@203.0.113.2 SIP/2.0",]
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn forks_are_limited() {
    let mut world = World::with(1, 10, |_, config| config.limits.forks = 3);
    let mut invite = world.invite_to(0, 0);
    invite.target = sip_core::Uri::parse(b"sip:x@198.51.100.1").unwrap();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    let proxy = "198.51.100.1:5060";
    for n in 0..4 {
        world.inject(
            0,
            proxy,
            fork_response(&sent, StatusCode::RINGING, &format!("t{n}"), "203.0.113.1"),
        );
    }
    assert_eq!(world.names(0), ["Progress"; 3], "the fourth is one too many");
    for n in 0..6 {
        world.inject(
            0,
            proxy,
            fork_response(&sent, StatusCode::OK, &format!("t{n}"), "203.0.113.1"),
        );
    }
    assert_eq!(world.count_sent(0, "BYE"), 3);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn responses_of_strangers_are_dropped() {
    let mut world = World::new(1, 11);
    let mut invite = world.invite_to(0, 0);
    invite.target = sip_core::Uri::parse(b"sip:x@198.51.100.1").unwrap();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let sent = world.last_sent(0, "INVITE");
    let right = String::from_utf8(fork_response(&sent, StatusCode::OK, "x", "203.0.113.1").to_vec()).unwrap();
    let at = right.find("branch=").unwrap() + 40;
    let digit = if &right[at..=at] == "0" { "1" } else { "0" };
    for wrong in [
        format!("{}{digit}{}", &right[..at], &right[at + 1..]),
        right.replace("CSeq: ", "CSeq: x"),
        right.replace(" INVITE\r\n", " BYE\r\n"),
        right.replace("\r\nFrom", "\r\nVia: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bK9\r\nFrom"),
    ] {
        assert_ne!(wrong, right);
        world.inject(0, "198.51.100.1:5060", wrong);
    }
    assert_eq!(world.names(0), [""; 0]);
    assert_eq!(world.endpoint(0).stats().unmatched_responses, 4);
    world.inject(0, "198.51.100.1:5060", right);
    assert_eq!(world.names(0), ["Answered"]);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_challenge_is_answered_once_and_acknowledged() {
    let mut world = World::new(2, 12);
    let mut invite = world.invite_to(0, 1);
    invite.credentials = Some(sip_core::Credentials::new("user0", "secret"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let first = world.incoming(1);
    let challenge = Reply::new().header(
        HeaderName::ProxyAuthenticate,
        "Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\", algorithm=MD5",
    );
    let required = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
    world
        .act(1, |endpoint, now| endpoint.reject(now, first, required, challenge))
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.names(1), ["Invite", "Invite"]);
    let second = world.incoming(1);
    let Message::Request(retry) = world.last_sent(0, "INVITE") else {
        panic!()
    };
    let credentials = retry.headers().get_str(&HeaderName::ProxyAuthorization).unwrap();
    assert!(
        credentials.contains("username=\"user0\"") && credentials.contains("nonce=\"n1\""),
        "{credentials}"
    );
    assert_eq!(retry.body(), "offer");
    world.answer(1, second);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Answered"]);
    let Message::Request(ack) = world.last_sent(0, "ACK") else {
        panic!()
    };
    assert_eq!(
        ack.headers().get_str(&HeaderName::ProxyAuthorization),
        Some(credentials)
    );
    assert_eq!(ack.cseq().unwrap().number, retry.cseq().unwrap().number);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_endless_challenge_ends() {
    let mut world = World::new(2, 13);
    let mut invite = world.invite_to(0, 1);
    invite.credentials = Some(sip_core::Credentials::new("user0", "secret"));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    for n in 0..10 {
        world.run(ms(30));
        let Some(Event::Invite { session, .. }) = world.events(1).pop() else {
            break;
        };
        let value = format!("Digest realm=\"example.com\", nonce=\"n{n}\", qop=\"auth\", stale=true");
        let challenge = Reply::new().header(HeaderName::WwwAuthenticate, value);
        world
            .act(1, |endpoint, now| {
                endpoint.reject(now, session, StatusCode::UNAUTHORIZED, challenge)
            })
            .unwrap();
    }
    let tries = world.count_sent(0, "INVITE");
    assert!((2..=4).contains(&tries), "{tries} tries");
    assert!(matches!(
        world.events(0).last(),
        Some(Event::Failed {
            status: StatusCode::UNAUTHORIZED,
            ..
        })
    ));
    world.settle();
}

#[test]
fn without_credentials_a_challenge_is_a_failure() {
    let mut world = World::new(2, 14);
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    let challenge = Reply::new().header(HeaderName::WwwAuthenticate, "Digest realm=\"x\", nonce=\"n\"");
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::UNAUTHORIZED, challenge)
        })
        .unwrap();
    world.run(ms(50));
    assert_eq!(world.names(0), ["Failed"]);
    world.settle();
}

#[test]
fn hanging_up_while_the_challenge_is_on_its_way_does_not_call_again() {
    let mut world = World::new(2, 15);
    let mut invite = world.invite_to(0, 1);
    invite.credentials = Some(sip_core::Credentials::new("user0", "secret"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(15));
    let callee = world.incoming(1);
    let challenge = Reply::new().header(HeaderName::WwwAuthenticate, "Digest realm=\"x\", nonce=\"n\"");
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::UNAUTHORIZED, challenge)
        })
        .unwrap();
    world.hang_up(0, caller);
    world.run(secs(1));
    assert_eq!(world.count_sent(0, "INVITE"), 1);
    world.settle();
}

#[test]
fn early_media_bodies_come_with_the_progress() {
    let mut world = World::new(2, 16);
    let (caller, callee) = world.called();
    let reply = Reply::new().body(Body::sdp("early"));
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::SESSION_PROGRESS, reply)
        })
        .unwrap();
    world.run(ms(15));
    assert!(matches!(&world.events(0)[..], [Event::Progress { response, .. }] if response.body() == "early"));
    world.hang_up(0, caller);
    world.settle();
}
