//! The ways of requests in dialogs: large ones by TCP (RFC 3261 §18.1.1), and from hop to hop (RFC 3263 §4.3).

use sip_core::{Body, EndpointError, Event, Hop, Method, Reply, SessionId, StatusCode, Transport, Uri};

use crate::link::{World, ms, secs};

fn message(world: &mut World, session: SessionId, octets: usize) {
    let text = Reply::new().body(Body::new("text/plain", "x".repeat(octets)));
    world
        .act(0, |endpoint, now| endpoint.request(now, session, Method::Message, text))
        .unwrap();
}

/// The transports by which node 0 sent what begins so.
fn ways(world: &World, prefix: &str) -> Vec<Transport> {
    let sent = world.nodes[0].sent.iter();
    let sent = sent.filter(|(_, _, data)| data.starts_with(prefix.as_bytes()));
    sent.map(|(_, flow, _)| flow.transport).collect()
}

/// The MESSAGE that came is answered; what the sender hears.
fn answered(world: &mut World, node: usize) -> Vec<StatusCode> {
    let asked = world.events(node).into_iter().find_map(|event| match event {
        Event::Request { request_id, .. } => Some(request_id),
        _ => None,
    });
    let asked = asked.expect("a MESSAGE came");
    world
        .act(node, |endpoint, now| {
            endpoint.respond(now, asked, StatusCode::OK, Reply::new())
        })
        .unwrap();
    world.run(ms(50));
    let statuses = world.events(0).into_iter().filter_map(|event| match event {
        Event::Response { status, .. } => Some(status),
        _ => None,
    });
    statuses.collect()
}

#[test]
fn a_large_request_in_a_dialog_goes_by_tcp() {
    let mut world = World::new(2, 1);
    let (caller, _) = world.established(0, 1);
    for (octets, transport) in [(500, Transport::Udp), (2000, Transport::Tcp), (500, Transport::Udp)] {
        world.nodes[0].sent.clear();
        message(&mut world, caller, octets);
        world.run(ms(50));
        assert_eq!(ways(&world, "MESSAGE"), [transport], "{octets}");
        let sent = world.request(0, "MESSAGE");
        assert_eq!(sent.top_via().unwrap().transport, transport.as_str());
        assert_eq!(answered(&mut world, 1), [StatusCode::OK]);
    }
    // So does a large re-INVITE.
    let offer = Reply::new().body(Body::sdp("x".repeat(2000)));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, offer))
        .unwrap();
    world.run(ms(50));
    let callee = match world.events(1).pop() {
        Some(Event::Reinvite { session, .. }) => session,
        other => panic!("{other:?}"),
    };
    world.answer(1, callee);
    world.run(ms(50));
    assert_eq!(
        (ways(&world, "INVITE"), world.names(0)),
        (vec![Transport::Tcp], vec!["Reinvited"])
    );
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_large_request_in_a_dialog_goes_by_udp_if_tcp_is_refused() {
    let mut world = World::new(2, 2);
    let (caller, callee) = world.established(0, 1);
    world.nodes[1]
        .addresses
        .retain(|(transport, _)| *transport == Transport::Udp);
    message(&mut world, caller, 2000);
    world.run(ms(50));
    assert_eq!(ways(&world, "MESSAGE"), [Transport::Tcp, Transport::Udp]);
    assert_eq!(answered(&mut world, 1), [StatusCode::OK]);
    assert_eq!(world.names(0), [""; 0], "no business of the embedder");
    let offer = Reply::new().body(Body::sdp("x".repeat(2000)));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, offer))
        .unwrap();
    world.run(ms(50));
    world.answer(1, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Reinvited"]);
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn a_large_request_to_a_peer_behind_a_nat_stays_on_udp() {
    // The peer names an address that only its own network knows: its messages say where it is, and TCP would not get there.
    let mut world = World::with(2, 3, |node, config| {
        if node == 1 {
            config
                .listen
                .insert(0, (Transport::Udp, "10.0.0.9:5060".parse().unwrap()));
        }
    });
    world.nodes[1].addresses.swap(0, 1);
    let caller = world.call(0, 1);
    world.run(ms(50));
    let callee = world.incoming(1);
    let private = Reply::new().header(sip_core::HeaderName::Contact, "<sip:user1@10.0.0.9:5060>");
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, private))
        .unwrap();
    world.run(secs(1));
    message(&mut world, caller, 2000);
    assert_eq!(ways(&world, "MESSAGE"), [Transport::Udp]);
    world.run(ms(50));
    answered(&mut world, 1);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_dialog_fails_over_between_the_hops_that_it_was_given() {
    let mut world = World::with(2, 4, |_, config| config.failover_after = Some(secs(2)));
    let (caller, callee) = world.established(0, 1);
    let hop = |address: &str| Hop::new(Transport::Udp, address.parse().unwrap(), None);
    let nobody = hop("192.0.2.77:5060");
    let there = hop("192.0.2.2:5060");
    world
        .act(0, |endpoint, now| endpoint.go_by(now, caller, [nobody.clone(), there]))
        .unwrap();
    message(&mut world, caller, 10);
    world.run(secs(3));
    let names = world.names(0);
    assert_eq!(names, ["HopFailed"]);
    assert_eq!(answered(&mut world, 1), [StatusCode::OK]);
    // The peer moves: the hops were those of its old address.
    let moved = Reply::new()
        .body(Body::sdp("moved"))
        .header(sip_core::HeaderName::Contact, "<sip:moved@192.0.2.2:5060>");
    world
        .act(1, |endpoint, now| endpoint.reinvite(now, callee, moved))
        .unwrap();
    world.run(ms(50));
    world.answer(0, caller);
    world.run(secs(1));
    world.events(0);
    world.events(1);
    message(&mut world, caller, 10);
    world.run(ms(50));
    assert_eq!(answered(&mut world, 1), [StatusCode::OK]);
    assert_eq!(world.names(0), [""; 0], "at once");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn where_a_dialog_goes_can_be_asked_and_only_a_dialog_told() {
    let mut world = World::new(2, 5);
    let caller = world.call(0, 1);
    let hop = Hop::new(Transport::Udp, world.address(1), None);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.go_by(now, caller, [hop.clone()])),
        Err(EndpointError::WrongState)
    );
    world.run(ms(50));
    let callee = world.incoming(1);
    let named = Reply::new().header(sip_core::HeaderName::Contact, "<sip:bob@phones.example.com>");
    world
        .act(1, |endpoint, now| endpoint.answer(now, callee, named))
        .unwrap();
    world.run(secs(1));
    let info = world.endpoint(0).session_info(caller).unwrap();
    assert_eq!(info.next_hop, "sip:bob@phones.example.com".parse::<Uri>().unwrap());
    let wss = Hop::new(Transport::Wss, world.address(1), None);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.go_by(now, caller, [wss])),
        Err(EndpointError::NoTransport)
    );
    world
        .act(0, |endpoint, now| endpoint.go_by(now, caller, [hop]))
        .unwrap();
    world.hang_up(0, caller);
    world.run(ms(50));
    assert_eq!(world.names(1).last(), Some(&"Ended"));
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.go_by(now, caller, [] as [Hop; 0])),
        Err(EndpointError::Gone)
    );
    world.settle();
}
