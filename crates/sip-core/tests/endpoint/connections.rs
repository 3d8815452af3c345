//! Connections and the names that they are found by (RFC 5922, RFC 5923), WebSockets (RFC 7118), keep-alives (RFC 5626 §4.4,
//! RFC 6223): one endpoint without a peer.

use std::net::SocketAddr;

use bytes::Bytes;
use machine::Machine;
use sip_core::outbound::stun;
use sip_core::{
    Body, ConnectionId, Endpoint, EndpointConfig, EndpointError, Event, Flow, HeaderName, Hop, Host, Invite, Limits,
    Message, Method, NameAddr, OutOfDialog, Output, Reply, StatusCode, Transport, Uri,
};

use crate::link::{START, address, name, secs};

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

/// Of the topmost Via of the answer to OPTIONS with this Via.
fn kept(config: impl Fn(&mut EndpointConfig), via: &str) -> Option<Option<u32>> {
    let mut endpoint = tls(config);
    let udp = Flow::udp(HERE.parse().unwrap(), "198.51.100.7:5060".parse().unwrap());
    endpoint.receive(START, udp, incoming("OPTIONS", via));
    let (_, events) = drain(&mut endpoint);
    let [Event::Request { request_id, .. }] = events[..] else {
        panic!("{events:?}");
    };
    endpoint
        .respond(START, request_id, StatusCode::OK, Reply::new())
        .unwrap();
    let sent = drain(&mut endpoint).0.remove(0);
    let Ok(Message::Response(response)) = Message::parse(sent.data) else {
        panic!()
    };
    response.top_via().unwrap().keep()
}

#[test]
fn rfc6223_who_asks_is_told_how_often_to_send_keep_alives() {
    let asked = "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;keep";
    let silent = "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1";
    assert_eq!(kept(|config| config.keep = Some(30), asked), Some(Some(30)));
    assert_eq!(
        kept(|config| config.keep = Some(30), silent),
        None,
        "it was not asked for"
    );
    assert_eq!(kept(|_| {}, asked), Some(None), "not willing");

    for (ask_keep, expected) in [(false, None), (true, Some(None))] {
        let mut endpoint = tls(|config| config.ask_keep = ask_keep);
        let request = OutOfDialog::new(
            Method::Options,
            "sip:192.0.2.9".parse().unwrap(),
            address(0),
            address(1),
        );
        endpoint.send(START, request).unwrap();
        let sent = drain(&mut endpoint).0.remove(0);
        let Ok(Message::Request(request)) = Message::parse(sent.data) else {
            panic!()
        };
        assert_eq!(request.top_via().unwrap().keep(), expected);
    }
}
