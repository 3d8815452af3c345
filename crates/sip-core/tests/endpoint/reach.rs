//! How requests reach their targets: failing over (RFC 3263 §4.3), large requests (RFC 3261 §18.1.1), connections and the
//! names that they are found by (RFC 5922, RFC 5923), WebSockets (RFC 7118), keep-alives (RFC 5626 §4.4).

use std::net::SocketAddr;

use bytes::Bytes;
use machine::Machine;
use sip_core::outbound::stun;
use sip_core::resolver::{
    Answer, Destination, DnsName, Families, Kind, Output as Dns, Record, RecordData, Resolver, ResolverConfig, Targets,
};
use sip_core::{
    Body, ConnectionId, Endpoint, EndpointConfig, EndpointError, Event, Flow, HeaderName, Hop, Host, Invite, Limits,
    Message, Method, NameAddr, OutOfDialog, Output, Reply, Request, StatusCode, Transport, Uri,
};

use crate::link::{START, World, address, ms, name, secs};

fn hops(world: &World, transport: Transport, nodes: &[usize]) -> Vec<Hop> {
    let hop = |node: &usize| Hop::new(transport, world.nodes[*node].address, None);
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

fn request_of(world: &World, node: usize, prefix: &str) -> Request {
    match world.last_sent(node, prefix) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request"),
    }
}

#[test]
fn rfc3263_4_3_a_503_leads_to_the_next_hop_with_the_same_request() {
    let mut world = World::new(3, 1);
    let caller = call_by(&mut world, &[1, 2]);
    let first = request_of(&world, 0, "INVITE");
    world.run(secs(1));
    let wait = Reply::new().header(HeaderName::RetryAfter, "120");
    refuse(&mut world, 1, StatusCode::SERVICE_UNAVAILABLE, wait);
    world.run(secs(1));
    let second = request_of(&world, 0, "INVITE");
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
        (world.nodes[1].address, 503, Some(secs(120)))
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
    world.nodes[1].address = "192.0.2.99:5060".parse().unwrap(); // nobody is there
    let invite = world.invite_to(0, 2).by([
        Hop::new(Transport::Udp, "192.0.2.2:5060".parse().unwrap(), None),
        Hop::new(Transport::Udp, world.nodes[2].address, None),
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
        Hop::new(Transport::Tcp, world.nodes[1].address, None),
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
    let wss = Hop::new(Transport::Wss, world.nodes[1].address, None);
    let v6 = Hop::new(Transport::Udp, "[2001:db8::1]:5060".parse().unwrap(), None);
    let none = world.invite_to(0, 1).by([wss.clone(), v6.clone()]);
    let result = world.act(0, |endpoint, now| endpoint.invite(now, none));
    assert_eq!(result, Err(EndpointError::NoTransport));
    let one = Hop::new(Transport::Udp, world.nodes[1].address, None);
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
                let data = RecordData::from(world.nodes[node].address.ip());
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
        let sent = request_of(&world, 0, "INVITE");
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
    let sent = request_of(&world, 0, "INVITE");
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

// Connections, on one endpoint without a peer.

const HERE: &str = "192.0.2.1:5061";
const THERE: &str = "203.0.113.1:5061";

fn tls(configure: impl Fn(&mut EndpointConfig)) -> Endpoint {
    let here: SocketAddr = HERE.parse().unwrap();
    let all = [Transport::Tls, Transport::Ws, Transport::Wss, Transport::Udp].map(|transport| (transport, here));
    let mut config = EndpointConfig::new(all);
    configure(&mut config);
    Endpoint::new(config, [9; 32])
}

fn flow(transport: Transport, remote: &str, connection: u64) -> Flow {
    Flow::stream(
        transport,
        HERE.parse().unwrap(),
        remote.parse().unwrap(),
        ConnectionId(connection),
    )
}

fn drain(endpoint: &mut Endpoint) -> (Vec<sip_core::Transmit>, Vec<Event>) {
    let (mut sent, mut events) = (Vec::new(), Vec::new());
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Transmit(transmit) => sent.push(transmit),
            Output::Event(event) => events.push(event),
            Output::CloseConnection(id) => panic!("{id:?} is to be closed"),
        }
    }
    (sent, events)
}

/// Sends OPTIONS to `domain` at `THERE`; gives the connection taken, or the name to verify.
fn options(endpoint: &mut Endpoint, domain: &str) -> Result<ConnectionId, Host> {
    let target: Uri = format!("sips:x@{domain}").parse().unwrap();
    let hop = Hop::new(Transport::Tls, THERE.parse().unwrap(), Some(domain.into()));
    let request = OutOfDialog::new(Method::Options, target, address(0), address(1)).by([hop]);
    endpoint.send(START, request).unwrap();
    let (mut sent, _) = drain(endpoint);
    let transmit = sent.pop().unwrap();
    assert!(transmit.data.starts_with(b"OPTIONS"));
    match (transmit.flow.connection, transmit.server_name) {
        (Some(id), None) => Ok(id),
        (None, Some(name)) => Err(name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn cve_2020_15260_the_key_of_a_tls_connection_includes_the_host_name() {
    let mut endpoint = tls(|_| {});
    assert_eq!(options(&mut endpoint, "good.example"), Err("good.example".into()));
    endpoint.connection_opened(START, flow(Transport::Tls, THERE, 1));
    assert_eq!(
        options(&mut endpoint, "good.example"),
        Err("good.example".into()),
        "it has proved nothing yet"
    );
    endpoint
        .connection_verified(START, ConnectionId(1), &"Good.Example".into())
        .unwrap();
    assert_eq!(options(&mut endpoint, "good.example"), Ok(ConnectionId(1)));
    assert_eq!(
        options(&mut endpoint, "evil.example"),
        Err("evil.example".into()),
        "the same address is not the same peer"
    );
    endpoint.connection_opened(START, flow(Transport::Tls, THERE, 2));
    endpoint
        .connection_verified(START, ConnectionId(2), &"evil.example".into())
        .unwrap();
    assert_eq!(options(&mut endpoint, "evil.example"), Ok(ConnectionId(2)));
    assert_eq!(options(&mut endpoint, "GOOD.example"), Ok(ConnectionId(1)), "both stay");
    endpoint.connection_closed(START, ConnectionId(1));
    assert_eq!(options(&mut endpoint, "good.example"), Err("good.example".into()));
}

#[test]
fn without_hops_the_name_to_verify_is_that_of_the_route_or_target() {
    let mut endpoint = tls(|_| {});
    let mut request = OutOfDialog::new(
        Method::Options,
        "sips:x@example.com".parse().unwrap(),
        address(0),
        address(1),
    );
    request.flow = Some(Flow {
        connection: None,
        ..flow(Transport::Tls, THERE, 1)
    });
    endpoint.send(START, request.clone()).unwrap();
    request.route.push("sips:edge.example.com;lr".parse().unwrap());
    endpoint.send(START, request).unwrap();
    let names: Vec<_> = drain(&mut endpoint)
        .0
        .into_iter()
        .map(|transmit| transmit.server_name)
        .collect();
    assert_eq!(names, [Some("example.com".into()), Some("edge.example.com".into())]);
}

#[test]
fn names_of_a_connection_at_the_limit_and_one_past_it() {
    let mut endpoint = tls(|_| {});
    assert_eq!(
        endpoint.connection_verified(START, ConnectionId(1), &"a".into()),
        Err(EndpointError::Gone)
    );
    endpoint.connection_opened(START, flow(Transport::Tls, THERE, 1));
    for n in 0..Limits::CONNECTION_NAMES {
        for _ in 0..2 {
            let name = Host::from(&*format!("n{n}.example"));
            assert_eq!(endpoint.connection_verified(START, ConnectionId(1), &name), Ok(()));
        }
    }
    let more = endpoint.connection_verified(START, ConnectionId(1), &"more.example".into());
    assert_eq!(more, Err(EndpointError::Full));
    assert_eq!(options(&mut endpoint, "n7.example"), Ok(ConnectionId(1)));
}

fn incoming(method: &str, via: &str) -> Bytes {
    let text = format!(
        "{method} sips:x@192.0.2.1 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:x@h>\r\nCall-ID: 1@h\r\nCSeq: 1 {method}\r\nContact: <sip:a@h>\r\nContent-Length: 0\r\n\r\n"
    );
    text.into()
}

#[test]
fn rfc5923_an_alias_is_taken_from_a_peer_that_proved_its_name() {
    let via = |host: &str, alias: &str| format!("SIP/2.0/TLS {host}:5061;branch=z9hG4bK{host}{alias}{alias}");
    let from = "203.0.113.1:40000";
    let try_it = |proved: Option<&str>, said: &str, alias: &str| {
        let mut endpoint = tls(|_| {});
        endpoint.connection_opened(START, flow(Transport::Tls, from, 1));
        if let Some(name) = proved {
            endpoint
                .connection_verified(START, ConnectionId(1), &name.into())
                .unwrap();
        }
        let via = if alias.is_empty() {
            via(said, "")
        } else {
            format!("{};{alias}", via(said, ""))
        };
        endpoint.receive(START, flow(Transport::Tls, from, 1), incoming("OPTIONS", &via));
        drain(&mut endpoint);
        options(&mut endpoint, "peer.example")
    };
    assert_eq!(
        try_it(Some("peer.example"), "peer.example", "alias"),
        Ok(ConnectionId(1))
    );
    let anew = Err("peer.example".into());
    assert_eq!(
        try_it(Some("peer.example"), "peer.example", ""),
        anew,
        "it was not offered"
    );
    assert_eq!(try_it(None, "peer.example", "alias"), anew, "anybody can say a name");
    assert_eq!(
        try_it(Some("other.example"), "peer.example", "alias"),
        anew,
        "another name was proved"
    );
}

#[test]
fn rfc5923_we_offer_our_connections_if_told_to() {
    for (offered, expected) in [(false, None), (true, Some(None))] {
        let mut endpoint = tls(|config| config.connection_reuse = offered);
        let hop = Hop::new(Transport::Tls, THERE.parse().unwrap(), Some("a.example".into()));
        let target: Uri = "sips:a.example".parse().unwrap();
        let request = OutOfDialog::new(Method::Options, target, address(0), address(1)).by([hop]);
        endpoint.send(START, request).unwrap();
        let sent = drain(&mut endpoint).0.remove(0);
        let Ok(Message::Request(request)) = Message::parse(sent.data) else {
            panic!()
        };
        assert_eq!(request.top_via().unwrap().params.get("alias"), expected);
    }
}

#[test]
fn a_dialog_goes_on_over_the_connection_that_its_invite_went_by() {
    let mut endpoint = tls(|_| {});
    let target: Uri = "sips:bob@example.com".parse().unwrap();
    let hop = Hop::new(Transport::Tls, THERE.parse().unwrap(), Some("example.com".into()));
    let mut invite = Invite::new(target.clone(), address(0), NameAddr::new(target)).by([hop]);
    invite.body = Some(Body::sdp("offer"));
    let session = endpoint.invite(START, invite).unwrap();
    let invite = drain(&mut endpoint).0.remove(0);
    let there = flow(Transport::Tls, THERE, 5);
    endpoint.connection_opened(START, there);
    let Ok(Message::Request(request)) = Message::parse(invite.data) else {
        panic!()
    };
    let mut response = sip_core::Response::to_request(&request, StatusCode::OK, None);
    response.set_to_tag("t");
    response
        .headers_mut()
        .push(HeaderName::Contact, "<sips:bob@10.0.0.1:5061>");
    response.headers_mut().push(HeaderName::ContentLength, "0");
    endpoint.receive(START, there, response.to_bytes());
    endpoint.hang_up(START, session, None).unwrap();
    let (sent, _) = drain(&mut endpoint);
    let lines: Vec<_> = sent
        .iter()
        .map(|transmit| (crate::link::start_line(&transmit.data), transmit.flow.connection))
        .collect();
    assert!(
        lines.iter().all(|(_, connection)| *connection == Some(ConnectionId(5))),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2, "ACK and BYE");
}

#[test]
fn rfc7118_a_websocket_message_is_one_message_without_content_length() {
    let mut endpoint = tls(|_| {});
    let browser = flow(Transport::Wss, "198.51.100.7:50000", 3);
    endpoint.connection_opened(START, browser);
    let text =
        String::from_utf8(incoming("OPTIONS", "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK1").to_vec()).unwrap();
    let text = text.replace("Content-Length: 0\r\n", "Content-Type: text/plain\r\n") + "the rest is the body";
    endpoint.receive(START, browser, text.into());
    let (_, events) = drain(&mut endpoint);
    let [
        Event::Request {
            request_id,
            request,
            flow,
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((&request.body()[..], *flow), (&b"the rest is the body"[..], browser));
    endpoint
        .respond(START, *request_id, StatusCode::OK, Reply::new())
        .unwrap();
    let (sent, _) = drain(&mut endpoint);
    assert_eq!(sent[0].flow.connection, Some(ConnectionId(3)));
    // Half a message is no message: the other half does not make it one.
    let half = incoming("OPTIONS", "SIP/2.0/WSS a.invalid;branch=z9hG4bK2");
    let (first, second) = half.split_at(80);
    for part in [first, second] {
        endpoint.receive(START, browser, Bytes::copy_from_slice(part));
    }
    assert!(drain(&mut endpoint).1.is_empty());
    endpoint.receive(START, browser, Bytes::from_static(b"\r\n\r\n"));
    assert_eq!(&drain(&mut endpoint).0[0].data[..], b"\r\n", "a keep-alive is answered");
    assert_eq!(endpoint.live().connections, 1);
}

#[test]
fn a_websocket_connection_that_is_idle_is_closed() {
    let mut endpoint = tls(|_| {});
    endpoint.connection_opened(START, flow(Transport::Ws, "198.51.100.7:50000", 3));
    endpoint.handle_timeout(START + secs(32));
    assert!(
        matches!(endpoint.poll_output(), Some(Output::CloseConnection(ConnectionId(3)))),
        "nothing ever came"
    );
}

#[test]
fn stun_is_answered_and_never_taken_for_sip() {
    let mut endpoint = tls(|_| {});
    let source: SocketAddr = "198.51.100.7:40000".parse().unwrap();
    let udp = Flow::udp(HERE.parse().unwrap(), source);
    endpoint.receive(START, udp, stun::request([4; 12]));
    let (sent, events) = drain(&mut endpoint);
    let response = stun::Response::read(&sent[0].data).unwrap();
    assert_eq!((response.transaction, response.mapped), ([4; 12], Some(source)));
    assert!(events.is_empty());
    let answer = stun::answer(&stun::request([5; 12]), source).unwrap();
    endpoint.receive(START, udp, answer.clone());
    assert_eq!(drain(&mut endpoint).0.len(), 0, "an answer is not answered");
    assert_eq!((endpoint.stats().keepalives, endpoint.stats().malformed), (2, 0));

    let mut endpoint = tls(|config| config.report_keepalives = true);
    endpoint.receive(START, udp, answer.clone());
    let (_, events) = drain(&mut endpoint);
    assert!(matches!(&events[..], [Event::KeepAlive { stun: Some(data), .. }] if *data == answer));
}

#[test]
fn line_ends_on_streams_are_told_to_whoever_wants_to_know() {
    for (told, expected) in [(false, 0), (true, 2)] {
        let mut endpoint = tls(|config| config.report_keepalives = told);
        let peer = flow(Transport::Tls, THERE, 1);
        endpoint.connection_opened(START, peer);
        endpoint.receive(START, peer, Bytes::from_static(b"\r\n"));
        let (sent, events) = drain(&mut endpoint);
        assert!(sent.is_empty());
        let mut names: Vec<_> = events.iter().map(name).collect();
        endpoint.receive(START, peer, Bytes::from_static(b"\r\n\r\n"));
        let (sent, events) = drain(&mut endpoint);
        assert_eq!(sent.len(), 1, "a ping has its pong");
        names.extend(events.iter().map(name));
        assert_eq!(names.len(), expected, "{names:?}");
        assert!(names.iter().all(|name| *name == "KeepAlive"));
    }
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
