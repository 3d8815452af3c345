//! More than there is room for.

use sip_core::{Endpoint, EndpointConfig, HeaderName, Message, Method, Reply, Transport};

use crate::link::{World, ms, secs};
use crate::screen::{PEER, text};

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
    let taken = world.names(0).len() as u64;
    assert_eq!(world.endpoint(0).stats().overloaded, 500 - taken);
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
