//! Via, Route, Record-Route and Path.

use sip_core::proxy::{PathPolicy, Target, TargetSet};
use sip_core::{HeaderName, Message, Transport};

use crate::forks::{all, contact, forks, forks_with, request};
use crate::network::{Network, secs, start_line};

#[test]
fn what_comes_and_goes_in_a_via() {
    let mut f = forks(1).locate(all(1));
    f.send(request("MESSAGE", "m", "").replace("192.0.2.11:5060;", "client.invalid;rport;"));
    let came = f.last_request(0, "MESSAGE");
    let vias: Vec<_> = came
        .headers()
        .items(&HeaderName::Via)
        .map(|via| String::from_utf8(via.to_vec()).unwrap())
        .collect();
    assert!(
        vias[0].starts_with("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK"),
        "{vias:?}"
    );
    assert!(vias[0].ends_with(";rport"));
    assert_eq!(
        vias[1],
        "SIP/2.0/UDP client.invalid;rport=5060;branch=z9hG4bKm;received=192.0.2.11"
    );
    let response = f.response(0, "MESSAGE", 200);
    f.reply_with(0, &response);
    assert_eq!(f.told(), [200], "back to the address that it came from (RFC 3581)");
    f.net.settle();
}

/// The next hop is a strict router: it finds itself in the Request-URI, and the target at the end of the Routes.
#[test]
fn a_strict_router_next() {
    let mut f = forks(1);
    let route = "Route: <sip:192.0.2.1;lr>, <sip:192.0.2.21>, <sip:p3.example.net;lr>\r\n";
    f.send(request("MESSAGE", "m", route).replace("sip:bob@example.com SIP", "sip:bob@example.net;x=y SIP"));
    let came = f.last_request(0, "MESSAGE");
    assert_eq!(came.uri(), b"sip:192.0.2.21");
    let routes: Vec<_> = came.headers().items(&HeaderName::Route).collect();
    assert_eq!(routes, [&b"<sip:p3.example.net;lr>"[..], b"<sip:bob@example.net;x=y>"]);
    f.net.run(secs(40));
    f.net.settle();
}

/// Known breakage: record-route with strict routers. One before us put our Record-Route into the Request-URI.
#[test]
fn the_route_set_of_a_strict_router() {
    let mut f = forks(1);
    let route = "Route: <sip:bob@192.0.2.21;x=y>\r\n";
    let text = request("BYE", "b", route)
        .replace("BYE sip:bob@example.com SIP", "BYE sip:192.0.2.1:5060;lr SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    f.send(text);
    let came = f.last_request(0, "BYE");
    assert_eq!(came.uri(), b"sip:bob@192.0.2.21;x=y");
    assert!(!came.headers().contains(&HeaderName::Route));
    assert!(f.events().is_empty(), "within a dialog nobody is asked");
    let response = f.response(0, "BYE", 200);
    f.reply_with(0, &response);
    assert_eq!(f.told(), [200]);
    f.net.settle();
}

/// Known breakage: Record-Route between UDP and TCP names one side only, and the other cannot come back.
#[test]
fn a_dialog_between_udp_and_tcp_has_two_record_routes() {
    let mut net = Network::new(3);
    let alice = net.agent("192.0.2.11:5060", |_| {});
    let bob = net.agent("192.0.2.12:5060", |_| {});
    let proxy = net.proxy("192.0.2.1:5060", "example.com", |_| {});
    let tcp = Target::new("sip:bob@192.0.2.12;transport=tcp".parse().unwrap());
    net.router(proxy).locate("bob@example.com", TargetSet::parallel([tcp]));
    let call = net.call(alice, "sip:bob@example.com", proxy);
    net.run(secs(1));
    let ringing = net.incoming(bob);
    net.answer(bob, ringing);
    net.run(secs(1));
    // From one side over UDP, from the other over TCP.
    net.act(bob, |endpoint, now| {
        endpoint.reinvite(now, ringing, sip_core::Reply::new().body(sip_core::Body::sdp("again")))
    })
    .unwrap();
    net.run(secs(1));
    net.answer(alice, call);
    net.run(secs(1));
    net.hang_up(alice, call);
    net.run(secs(1));
    let transports = |node: usize, method: &str| -> Vec<Transport> {
        let received = net.nodes[node].received.iter();
        received
            .filter(|(_, _, data)| start_line(data).starts_with(method))
            .map(|(_, flow, _)| flow.transport)
            .collect()
    };
    assert_eq!(transports(alice, "INVITE"), [Transport::Udp], "the re-INVITE");
    assert_eq!(net.count_sent(bob, "INVITE"), 1);
    assert!(
        net.nodes[bob]
            .sent
            .iter()
            .all(|(_, flow, _)| flow.transport == Transport::Tcp)
    );
    assert!(
        net.nodes[alice]
            .sent
            .iter()
            .all(|(_, flow, _)| flow.transport == Transport::Udp)
    );
    let sent = &net.nodes[proxy].sent;
    let invite = sent.iter().find(|(_, _, data)| data.starts_with(b"INVITE")).unwrap();
    let invite = Message::parse(invite.2.clone()).unwrap();
    let routes: Vec<_> = invite.headers().items(&HeaderName::RecordRoute).collect();
    assert_eq!(
        routes,
        [
            &b"<sip:192.0.2.1:5060;transport=tcp;lr;r2=on>"[..],
            b"<sip:192.0.2.1:5060;lr;r2=on>"
        ]
    );
    net.settle();
    assert!(
        net.events(bob)
            .iter()
            .any(|event| matches!(event, sip_core::Event::Ended { .. }))
    );
}

#[test]
fn a_proxy_of_two_networks_leaves_by_the_address_that_it_was_entered_by() {
    let mut f = forks_with(1, |config| {
        config
            .listen
            .push((Transport::Udp, "198.51.100.1:5080".parse().unwrap()));
    });
    let route = "Route: <sip:192.0.2.1:5060;lr;r2=on>, <sip:198.51.100.1:5080;lr;r2=on>\r\n";
    let text = request("BYE", "b", route)
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    f.send(text);
    let (_, flow, _) = f.net.nodes[f.phones[0]].received.last().unwrap();
    assert_eq!(flow.remote, "198.51.100.1:5080".parse().unwrap());
    f.net.run(secs(40));
    f.net.settle();
}

#[test]
fn registrations_get_a_path() {
    let register =
        |extra: &str| request("REGISTER", "r", extra).replace("sip:bob@example.com SIP", "sip:192.0.2.21 SIP");
    for (policy, extra, expected) in [
        (PathPolicy::Never, "Supported: path\r\n", None),
        (PathPolicy::Supported, "", None),
        (
            PathPolicy::Supported,
            "Supported: path\r\n",
            Some(&b"<sip:192.0.2.1:5060;lr>"[..]),
        ),
        (PathPolicy::Always, "", Some(b"<sip:192.0.2.1:5060;lr>")),
        (
            PathPolicy::Always,
            "Path: <sip:edge;lr>\r\n",
            Some(b"<sip:192.0.2.1:5060;lr>"),
        ),
    ] {
        let mut f = forks_with(1, |config| config.path = policy);
        f.send(register(extra));
        let came = f.last_request(0, "REGISTER");
        assert_eq!(came.headers().get(&HeaderName::Path), expected, "{policy:?} {extra}");
        assert!(!came.headers().contains(&HeaderName::RecordRoute));
        f.net.run(secs(40));
        f.net.settle();
    }
}

#[test]
fn a_registered_path_is_a_route() {
    let mut f = forks(1);
    let mut target = contact(0);
    target.uri = Some("sip:bob@203.0.113.5".parse().unwrap());
    target.route = vec![
        sip_core::NameAddr::parse(b"<sip:192.0.2.21;lr>").unwrap(),
        sip_core::NameAddr::parse(b"<sip:inner.example.net;lr>").unwrap(),
    ];
    f = f.locate(TargetSet::parallel([target]));
    f.invite();
    let came = f.last_request(0, "INVITE");
    assert_eq!(came.uri(), b"sip:bob@203.0.113.5");
    let routes: Vec<_> = came.headers().items(&HeaderName::Route).collect();
    assert_eq!(routes, [&b"<sip:192.0.2.21;lr>"[..], b"<sip:inner.example.net;lr>"]);
    f.reply(0, 200);
    f.net.settle();
}
