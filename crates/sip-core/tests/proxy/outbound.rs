//! An edge proxy: phones behind NAT are reached by the flows that they opened (RFC 5626 §5).

use machine::Machine as _;
use sip_core::outbound::FlowToken;
use sip_core::proxy::{Output, Proxy, ProxyConfig, TargetSet};
use sip_core::{ConnectionId, Flow, HeaderName, Message, Transmit, Transport};

use crate::forks::{forks_with, request};
use crate::network::START;

fn edge(config: &mut ProxyConfig) {
    config.outbound = Some(FlowToken::new([7; 32]));
}

#[test]
fn a_registration_names_its_flow_in_the_path() {
    // Phone 0 is the registrar; Alice is a phone that registers through the edge.
    let mut f = forks_with(1, edge);
    let register = request("REGISTER", "r", "Supported: outbound, path\r\n");
    f.send(register.replace("sip:bob@example.com SIP", "sip:192.0.2.21 SIP"));
    let came = f.last_request(0, "REGISTER");
    let path = String::from_utf8(came.headers().get(&HeaderName::Path).unwrap().to_vec()).unwrap();
    assert!(
        path.starts_with("<sip:") && path.ends_with("@192.0.2.1:5060;lr;ob>"),
        "{path}"
    );
    // The registrar's proxy calls Alice by that path; where her contact says she is nobody can reach.
    let invite = |path: &str| {
        request("INVITE", "home", &format!("Route: {path}\r\n")).replace("bob@example.com SIP", "alice@10.0.0.7 SIP")
    };
    f.net.send(f.phones[0], f.proxy, invite(&path));
    f.pause();
    let Message::Request(seen) = f.net.last_received(f.alice, "INVITE") else {
        unreachable!()
    };
    assert_eq!(seen.uri(), b"sip:alice@10.0.0.7");
    assert!(!seen.headers().contains(&HeaderName::Route));
    // Whoever makes a token up is refused.
    let forged = path.replace("<sip:0", "<sip:1");
    assert_ne!(forged, path);
    f.net.send(
        f.phones[0],
        f.proxy,
        invite(&forged).replace("z9hG4bKhome", "z9hG4bKforged"),
    );
    f.pause();
    assert!(
        f.net
            .received_lines(f.phones[0])
            .contains(&"SIP/2.0 403 Forbidden".to_owned())
    );
    f.net.settle();
}

#[test]
fn without_support_there_is_no_path() {
    let mut f = forks_with(1, edge);
    let register = request("REGISTER", "r", "Supported: path\r\n");
    f.send(register.replace("sip:bob@example.com SIP", "sip:192.0.2.21 SIP"));
    assert!(!f.last_request(0, "REGISTER").headers().contains(&HeaderName::Path));
    f.net.settle();
}

struct Edge {
    proxy: Proxy,
    phone: Flow,
    server: Flow,
}

impl Edge {
    fn new() -> Self {
        let here = "192.0.2.1:5060".parse().unwrap();
        let mut config = ProxyConfig::new([(Transport::Udp, here), (Transport::Tcp, here)], ["example.com"]);
        edge(&mut config);
        let phone = Flow::stream(
            Transport::Tcp,
            here,
            "198.51.100.7:40000".parse().unwrap(),
            ConnectionId(1),
        );
        let mut proxy = Proxy::new(config, [1; 32]);
        proxy.connection_opened(START, phone);
        Self {
            proxy,
            phone,
            server: Flow::udp(here, "192.0.2.21:5060".parse().unwrap()),
        }
    }

    /// What is sent when this arrives; requests to anywhere go where they say.
    fn receive(&mut self, flow: Flow, text: String) -> Vec<Transmit> {
        self.proxy.receive(START, flow, text.into());
        let mut sent = Vec::new();
        while let Some(output) = self.proxy.poll_output() {
            match output {
                Output::Transmit(transmit) => sent.push(transmit),
                Output::Event(sip_core::proxy::Event::Request { context, .. }) => {
                    self.proxy.forward(START, context, TargetSet::as_is()).unwrap();
                }
                _ => {}
            }
        }
        sent
    }
}

#[test]
fn a_dialog_of_a_phone_goes_by_its_connection_and_ends_with_it() {
    let mut edge = Edge::new();
    let invite = request("INVITE", "i", "")
        .replace("SIP/2.0/UDP 192.0.2.11:5060", "SIP/2.0/TCP 10.0.0.7")
        .replace("bob@example.com SIP", "bob@192.0.2.21 SIP");
    let sent = edge.receive(edge.phone, invite);
    assert_eq!(sent[0].flow.remote, edge.server.remote);
    let Ok(Message::Request(forwarded)) = Message::parse(sent[0].data.clone()) else {
        unreachable!()
    };
    let routes: Vec<String> = forwarded
        .headers()
        .items(&HeaderName::RecordRoute)
        .map(|route| String::from_utf8(route.to_vec()).unwrap())
        .collect();
    assert_eq!(routes.len(), 2);
    assert_eq!(routes[0], "<sip:192.0.2.1:5060;lr;r2=on>");
    assert!(
        routes[1].ends_with("@192.0.2.1:5060;transport=tcp;lr;r2=on>"),
        "{routes:?}"
    );
    // The callee's BYE comes with both, and goes by the phone's connection.
    let bye = |branch: &str| {
        request("BYE", branch, &format!("Route: {}, {}\r\n", routes[0], routes[1]))
            .replace("bob@example.com SIP", "alice@10.0.0.7 SIP")
            .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b")
    };
    let sent = edge.receive(edge.server, bye("b"));
    assert_eq!(sent[0].flow, edge.phone);
    // The phone's own requests lead away from it.
    let own = request("BYE", "own", &format!("Route: {}, {}\r\n", routes[1], routes[0]))
        .replace("SIP/2.0/UDP 192.0.2.11:5060", "SIP/2.0/TCP 10.0.0.7")
        .replace("bob@example.com SIP", "bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    let sent = edge.receive(edge.phone, own);
    assert_eq!(sent[0].flow.remote, edge.server.remote);
    // Once its connection is gone the phone cannot be reached, and nobody else gets what was meant for it.
    edge.proxy.connection_closed(START, ConnectionId(1));
    while edge.proxy.poll_output().is_some() {}
    let sent = edge.receive(edge.server, bye("c"));
    assert!(sent[0].data.starts_with(b"SIP/2.0 430 "), "{sent:?}");
}

#[test]
fn a_phone_learns_its_address_by_stun() {
    let mut edge = Edge::new();
    let ask = sip_core::outbound::stun::request([5; 12]);
    edge.proxy.receive(START, edge.server, ask);
    let Some(Output::Transmit(answer)) = edge.proxy.poll_output() else {
        panic!("no answer")
    };
    let read = sip_core::outbound::stun::Response::read(&answer.data).unwrap();
    assert_eq!(read.mapped, Some(edge.server.remote));
    assert_eq!(edge.proxy.stats().keepalives, 1);
}
