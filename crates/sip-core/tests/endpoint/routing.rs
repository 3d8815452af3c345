//! Which way responses and requests in dialogs take.

use sip_core::{HeaderName, Message, Reply, StatusCode};

use crate::link::{World, secs};
use crate::screen::{PEER, text};

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
