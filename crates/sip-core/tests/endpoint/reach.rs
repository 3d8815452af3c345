//! How requests reach their targets: failing over (RFC 3263 §4.3), large requests (RFC 3261 §18.1.1), our own address.

use std::net::SocketAddr;

use machine::Machine;
use sip_core::resolver::{
    Answer, Destination, DnsName, Families, Kind, Output as Dns, Record, RecordData, Resolver, ResolverConfig, Targets,
};
use sip_core::{
    Body, EndpointError, Event, Flow, HeaderName, Hop, Invite, Message, Method, NameAddr, OutOfDialog, Reply,
    StatusCode, Transport, Uri,
};

use crate::link::{START, World, address, ms, secs};

fn hops(world: &World, transport: Transport, nodes: &[usize]) -> Vec<Hop> {
    let hop = |node: &usize| Hop::new(transport, world.address(*node), None);
    nodes.iter().map(hop).collect()
}

/// A call from node 0 to the given nodes, in order.
fn call_by(world: &mut World, nodes: &[usize]) -> sip_core::SessionId {
    let invite = world.invite_to(0, nodes[0]).by(hops(world, Transport::Udp, nodes));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap()
}

/// Has a node refuse the INVITE that came last.
fn refuse(world: &mut World, node: usize, status: StatusCode, reply: Reply) {
    let session = world.incoming(node);
    world
        .act(node, |endpoint, now| endpoint.reject(now, session, status, reply))
        .unwrap();
}

#[test]
fn rfc3263_4_3_a_503_leads_to_the_next_hop_with_the_same_request() {
    let mut world = World::new(3, 1);
    let caller = call_by(&mut world, &[1, 2]);
    let first = world.request(0, "INVITE");
    world.run(secs(1));
    let wait = Reply::new().header(HeaderName::RetryAfter, "120");
    refuse(&mut world, 1, StatusCode::SERVICE_UNAVAILABLE, wait);
    world.run(secs(1));
    let second = world.request(0, "INVITE");
    for name in [
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::From,
        HeaderName::To,
        HeaderName::Contact,
    ] {
        assert_eq!(first.headers().get(&name), second.headers().get(&name), "{name:?}");
    }
    assert_ne!(first.top_via().unwrap().branch(), second.top_via().unwrap().branch());
    assert_eq!(first.body(), second.body());
    let events = world.events(0);
    let [
        Event::HopFailed {
            flow,
            status,
            retry_after,
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (flow.remote, status.code(), *retry_after),
        (world.address(1), 503, Some(secs(120)))
    );
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["Answered"]);
    world.hang_up(0, caller);
    world.settle();
    assert_eq!(world.names(1), ["Invite"]);
}

#[test]
fn a_refusal_that_is_not_503_is_the_answer() {
    for status in [
        StatusCode::BUSY_HERE,
        StatusCode::SERVER_INTERNAL_ERROR,
        StatusCode::REQUEST_TIMEOUT,
    ] {
        let mut world = World::new(3, 1);
        call_by(&mut world, &[1, 2]);
        world.run(secs(1));
        refuse(&mut world, 1, status, Reply::new());
        world.settle();
        assert_eq!(world.names(0), ["Failed"]);
        assert!(world.names(2).is_empty());
    }
}

#[test]
fn a_silent_hop_is_left_when_its_transaction_times_out() {
    let mut world = World::new(3, 1);
    world.nodes[1].addresses.clear(); // nobody is there
    let invite = world.invite_to(0, 2).by([
        Hop::new(Transport::Udp, "192.0.2.2:5060".parse().unwrap(), None),
        Hop::new(Transport::Udp, world.address(2), None),
    ]);
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(31));
    assert!(world.names(2).is_empty());
    world.run(secs(3));
    assert_eq!((world.names(0), world.names(2)), (vec!["HopFailed"], vec!["Invite"]));
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    world.hang_up(0, caller);
    world.settle();
}

/// An endpoint that waits four seconds for a hop.
fn impatient(nodes: usize) -> World {
    World::with(nodes, 1, |_, config| config.failover_after = Some(secs(4)))
}

#[test]
fn an_impatient_caller_hangs_up_on_the_hop_that_answers_too_late() {
    let mut world = impatient(3);
    // Node 1 hears, but cannot be heard for a while.
    world.lose(|message| matches!(message, Message::Response(_)));
    let caller = call_by(&mut world, &[1, 2]);
    world.run(secs(5));
    assert_eq!(world.names(0), ["HopFailed"]);
    world.lose_nothing();
    let late = world.incoming(1);
    world.answer(1, late);
    world.run(secs(1));
    assert_eq!(world.names(1).last(), Some(&"Ended"), "acknowledged and hung up");
    let chosen = world.incoming(2);
    world.answer(2, chosen);
    world.run(secs(1));
    assert_eq!(world.names(0).last(), Some(&"Answered"));
    assert!(world.endpoint(0).session_info(caller).is_some(), "the call goes on");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_slow_hop_that_rings_after_all_is_cancelled() {
    let mut world = impatient(3);
    world.lose(|message| matches!(message, Message::Response(_)));
    let caller = call_by(&mut world, &[1, 2]);
    world.run(secs(5));
    world.lose_nothing();
    let late = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, late, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(secs(1));
    assert_eq!(world.names(1).last(), Some(&"Cancelled"));
    assert!(!world.names(0).contains(&"Progress"), "nobody hears of it");
    let chosen = world.incoming(2);
    world.answer(2, chosen);
    world.run(secs(1));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn when_all_hops_fail_the_call_does() {
    let mut world = impatient(3);
    call_by(&mut world, &[1, 2]);
    world.run(secs(1));
    refuse(&mut world, 1, StatusCode::SERVICE_UNAVAILABLE, Reply::new());
    world.run(secs(1));
    refuse(&mut world, 2, StatusCode::SERVICE_UNAVAILABLE, Reply::new());
    world.settle();
    assert_eq!(world.names(0), ["HopFailed", "HopFailed", "Failed"]);
    assert!(matches!(world.events(0).last(), Some(Event::Failed { status, .. }) if status.code() == 503));
}

#[test]
fn a_call_that_was_given_up_goes_nowhere_else() {
    let mut world = World::new(3, 1);
    let caller = call_by(&mut world, &[1, 2]);
    world.run(secs(1));
    world.hang_up(0, caller);
    let session = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, session, StatusCode::SERVICE_UNAVAILABLE, Reply::new())
        })
        .unwrap();
    world.settle();
    assert!(world.names(2).is_empty());
}

#[test]
fn register_and_subscribe_fail_over_too() {
    let mut world = World::new(3, 1);
    let to: Uri = "sip:example.com".parse().unwrap();
    let request =
        OutOfDialog::new(Method::Register, to, address(0), address(0)).by(hops(&world, Transport::Udp, &[1, 2]));
    world.act(0, |endpoint, now| endpoint.send(now, request)).unwrap();
    for (node, status) in [(1, StatusCode::SERVICE_UNAVAILABLE), (2, StatusCode::OK)] {
        world.run(secs(1));
        let Some(Event::Request { request_id, .. }) = world.events(node).pop() else {
            panic!("node {node} has the REGISTER");
        };
        world
            .act(node, |endpoint, now| {
                endpoint.respond(now, request_id, status, Reply::new())
            })
            .unwrap();
    }
    world.run(secs(1));
    let events = world.events(0);
    assert!(
        matches!(&events[..], [Event::HopFailed { .. }, Event::Response { status, .. }] if *status == StatusCode::OK)
    );

    let event = sip_core::header::EventHeader::new("dialog");
    let subscribe = sip_core::Subscribe::new(
        "sip:x@example.com".parse().unwrap(),
        address(0),
        address(1),
        event,
        secs(60),
    );
    let subscribe = subscribe.by(hops(&world, Transport::Udp, &[1, 2]));
    world
        .act(0, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    world.run(secs(1));
    let Some(Event::Subscribe { request_id, .. }) = world.events(1).pop() else {
        panic!()
    };
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    world
        .act(1, |endpoint, now| endpoint.respond(now, request_id, busy, Reply::new()))
        .unwrap();
    world.run(secs(1));
    let Some(Event::Subscribe { request_id, .. }) = world.events(2).pop() else {
        panic!()
    };
    world
        .act(2, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::FORBIDDEN, Reply::new())
        })
        .unwrap();
    world.settle();
    assert_eq!(world.names(0), ["HopFailed", "SubscriptionEnded"]);
}

#[test]
fn a_connection_that_cannot_be_had_leads_to_the_next_hop_at_once() {
    let mut world = World::new(2, 1);
    let invite = world.invite_to(0, 1).by([
        Hop::new(Transport::Tcp, "192.0.2.77:5060".parse().unwrap(), None),
        Hop::new(Transport::Tcp, world.address(1), None),
    ]);
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(1));
    assert_eq!((world.names(0), world.names(1)), (vec!["HopFailed"], vec!["Invite"]));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(secs(1));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn hops_that_cannot_be_used_are_passed_over_and_none_at_all_is_an_error() {
    let mut world = World::new(2, 1);
    let wss = Hop::new(Transport::Wss, world.address(1), None);
    let v6 = Hop::new(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap(), None);
    let none = world.invite_to(0, 1).by([wss.clone(), v6.clone()]);
    let result = world.act(0, |endpoint, now| endpoint.invite(now, none));
    assert_eq!(result, Err(EndpointError::NoTransport));
    let one = Hop::new(Transport::Udp, world.address(1), None);
    let some = world.invite_to(0, 1).by([wss, v6, one]);
    world.act(0, |endpoint, now| endpoint.invite(now, some)).unwrap();
    world.run(secs(1));
    assert_eq!(world.names(1), ["Invite"]);
    refuse(&mut world, 1, StatusCode::BUSY_HERE, Reply::new());
    world.settle();
}

#[cfg(feature = "serde")]
#[test]
fn failing_over_survives_being_written_and_read_back() {
    let mut world = impatient(3);
    world.reload = true;
    world.lose(|message| matches!(message, Message::Response(_)));
    let caller = call_by(&mut world, &[1, 2]);
    world.run(secs(5));
    world.lose_nothing();
    world.run(secs(1));
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0).last(), Some(&"Answered"));
    world.hang_up(0, caller);
    world.settle();
}

/// A resolver that knows two servers of `example.com`.
fn servers(world: &World) -> Targets {
    let mut config = ResolverConfig::default();
    config.families = Families::V4Only;
    let mut resolver = Resolver::new(config, [1; 32]);
    let destination = Destination::new(&"sip:example.com;transport=udp".parse().unwrap()).unwrap();
    resolver.resolve(START, destination).unwrap();
    let name = |text: &str| DnsName::new(text).unwrap();
    loop {
        match resolver.poll_output().unwrap() {
            Dns::Ask(question) if question.kind == Kind::Srv => {
                let record = |priority, target| {
                    let data = RecordData::Srv {
                        priority,
                        weight: 0,
                        port: 5060,
                        target: name(target),
                    };
                    Record::new(question.name.clone(), 60, data)
                };
                let records = vec![record(2, "two.example.com"), record(1, "one.example.com")];
                resolver.answer(START, &question, Answer::Records(records));
            }
            Dns::Ask(question) => {
                let node = if question.name.as_str() == "one.example.com" {
                    1
                } else {
                    2
                };
                let data = RecordData::from(world.address(node).ip());
                let record = Record::new(question.name.clone(), 60, data);
                resolver.answer(START, &question, Answer::Records(vec![record]));
            }
            Dns::Resolved { targets, .. } => return targets,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_name_is_resolved_and_the_second_server_answers() {
    let mut world = World::new(3, 1);
    let target: Uri = "sip:bob@example.com".parse().unwrap();
    let mut invite = Invite::new(target.clone(), address(0), NameAddr::new(target)).by(servers(&world));
    invite.body = Some(Body::sdp("offer"));
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(1));
    refuse(&mut world, 1, StatusCode::SERVICE_UNAVAILABLE, Reply::new());
    world.run(secs(1));
    let callee = world.incoming(2);
    world.answer(2, callee);
    world.run(secs(1));
    assert_eq!(world.names(0), ["HopFailed", "Answered"]);
    world.hang_up(0, caller);
    world.settle();
}

/// The transports of the INVITEs that node 0 sent.
fn invites(world: &World) -> Vec<Transport> {
    let sent = world.nodes[0].sent.iter();
    sent.filter(|(_, _, data)| data.starts_with(b"INVITE"))
        .map(|(_, flow, _)| flow.transport)
        .collect()
}

fn large(world: &World, octets: usize) -> Invite {
    let mut invite = world.invite_to(0, 1);
    invite.body = Some(Body::sdp("x".repeat(octets)));
    invite
}

#[test]
fn rfc3261_18_1_1_a_large_request_goes_by_tcp() {
    // The request without its body, then one that is just short enough and one that is not.
    let mut probe = World::new(2, 1);
    let invite = large(&probe, 500);
    probe.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    let head = probe.nodes[0].sent[0].2.len() - 500;
    for (octets, transport) in [(1300 - head, Transport::Udp), (1301 - head, Transport::Tcp)] {
        let mut world = World::new(2, 1);
        let invite = large(&world, octets);
        let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
        world.run(secs(1));
        assert_eq!(invites(&world), [transport]);
        let sent = world.request(0, "INVITE");
        assert_eq!(sent.top_via().unwrap().transport, transport.as_str());
        let callee = world.incoming(1);
        world.answer(1, callee);
        world.run(secs(1));
        assert_eq!(world.names(0), ["Answered"]);
        world.hang_up(0, caller);
        world.settle();
    }
}

#[test]
fn a_large_request_goes_by_udp_all_the_same_if_tcp_is_refused() {
    let mut world = World::new(2, 1);
    let mut invite = large(&world, 2000);
    // Nobody listens there by TCP.
    let nobody: SocketAddr = "192.0.2.50:5060".parse().unwrap();
    invite.target = format!("sip:x@{nobody}").parse().unwrap();
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(ms(100));
    assert_eq!(invites(&world), [Transport::Tcp, Transport::Udp]);
    let sent = world.request(0, "INVITE");
    assert_eq!(sent.top_via().unwrap().transport, "UDP");
    world.settle();
    assert_eq!(
        world.names(0),
        ["Failed"],
        "nobody is there by UDP either, and hops are no business of the embedder"
    );
}

#[test]
fn a_large_request_stays_where_somebody_has_chosen_the_transport() {
    type Change = fn(&mut Invite);
    let named: Change = |invite| invite.target = invite.target.clone().with_param("transport", Some("udp"));
    let by_flow: Change = |invite| {
        let remote = "192.0.2.2:5060".parse().unwrap();
        invite.flow = Some(Flow::udp("192.0.2.1:5060".parse().unwrap(), remote));
    };
    for change in [named, by_flow] {
        let mut world = World::new(2, 1);
        let mut invite = large(&world, 2000);
        change(&mut invite);
        world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
        assert_eq!(invites(&world), [Transport::Udp]);
    }
    let mut never = World::with(2, 1, |_, config| config.max_datagram = usize::MAX);
    let invite = large(&never, 2000);
    never.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    assert_eq!(invites(&never), [Transport::Udp]);
    let mut no_tcp = World::with(2, 1, |_, config| config.listen.truncate(1));
    let invite = large(&no_tcp, 2000);
    no_tcp.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    assert_eq!(invites(&no_tcp), [Transport::Udp]);
}

#[test]
fn a_call_from_a_gruu_has_it_as_contact_in_all_its_requests() {
    let mut world = World::new(2, 1);
    let mut invite = world.invite_to(0, 1);
    let gruu = "<sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6;ob>";
    invite.contact = Some(gruu.parse().unwrap());
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(1));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(secs(1));
    let body = Reply::new().body(Body::sdp("again"));
    world
        .act(0, |endpoint, now| endpoint.reinvite(now, caller, body))
        .unwrap();
    let sent: Vec<_> = world.nodes[0]
        .sent
        .iter()
        .filter(|(_, _, data)| data.starts_with(b"INVITE"))
        .collect();
    assert_eq!(sent.len(), 2);
    for (_, _, data) in sent {
        let Ok(Message::Request(request)) = Message::parse(data.clone()) else {
            panic!()
        };
        assert_eq!(request.headers().get_str(&HeaderName::Contact), Some(gruu));
    }
}
