//! What an endpoint holds: transactions, dialogs, subscriptions, connections, output.

use std::time::Duration;

use machine::Machine;
use sip_core::header::EventHeader;
use sip_core::{
    Body, ConnectionId, Endpoint, EndpointError, Event, Flow, HeaderName, Host, Invite, Limits, Message, Method,
    NameAddr, OutOfDialog, Output, Publish, Reply, Response, SessionId, StatusCode, Subscribe, Transport, Uri,
};

use crate::{CONTACT, EMPTY, NOW, Outcome, drain, endpoint, here, judged, request, row, tcp, udp};

/// The last event of each of so many requests, all different, or how the last one was refused.
fn requests(endpoint: &mut Endpoint, method: &str, more: &str, count: usize) -> Outcome {
    let mut last = Ok(());
    for n in 0..count {
        last = {
            endpoint.receive(NOW, udp(), request(method, n, &format!("{more}{EMPTY}"), "").into());
            judged(&drain(endpoint))
        };
        assert!(last.is_ok() || n + 1 == count, "{method} {n}: {last:?}");
    }
    last
}

fn target() -> Uri {
    Uri::parse(b"sip:bob@198.51.100.1").unwrap()
}

pub fn name() -> NameAddr {
    NameAddr::new(target())
}

/// The last of so many commands.
fn commands<T>(
    limit: impl Fn(&mut Limits),
    count: usize,
    command: impl Fn(&mut Endpoint) -> Result<T, EndpointError>,
) -> Outcome {
    let mut endpoint = endpoint(limit);
    let mut last = Ok(());
    for n in 0..count {
        last = command(&mut endpoint).map(drop).map_err(|error| format!("{error:?}"));
        assert!(last.is_ok() || n + 1 == count, "{n}: {last:?}");
        drain(&mut endpoint);
    }
    last
}

/// A session that the peer began, answered and acknowledged, and its To.
fn established(endpoint: &mut Endpoint) -> (SessionId, String) {
    let invite = request("INVITE", 900, &format!("{CONTACT}{EMPTY}"), "");
    endpoint.receive(NOW, udp(), invite.clone().into());
    let Some(Output::Event(Event::Invite { session, .. })) = endpoint.poll_output() else {
        panic!()
    };
    endpoint.answer(NOW, session, Reply::new()).unwrap();
    let Some(Output::Transmit(ok)) = endpoint.poll_output() else {
        panic!()
    };
    let Ok(Message::Response(ok)) = Message::parse(ok.data) else {
        panic!()
    };
    let to = ok.headers().get_str(&HeaderName::To).unwrap().to_owned();
    let ack = invite
        .replace("INVITE", "ACK")
        .replace("bK900", "bK901")
        .replace("To: <sip:user@192.0.2.1>", &format!("To: {to}"));
    endpoint.receive(NOW, udp(), ack.into());
    assert_eq!(drain(endpoint).len(), 1);
    (session, to)
}

fn invite() -> Invite {
    Invite::new(target(), name(), name())
}

fn options() -> OutOfDialog {
    OutOfDialog::new(Method::Options, target(), name(), name())
}

#[test]
fn of_transactions_and_dialogs() {
    row("server transactions", 5, "503", |n| {
        requests(&mut endpoint(|limits| limits.server_transactions = 5), "OPTIONS", "", n)
    });
    row("client transactions", 5, "Full", |n| {
        commands(
            |limits| limits.client_transactions = 5,
            n,
            |endpoint| endpoint.send(NOW, options()),
        )
    });
    row("states that we publish", 5, "Full", |n| {
        let state = || {
            let body = Body::new("application/pidf+xml", "<presence/>");
            Publish::new(target(), name(), name(), EventHeader::new("presence"), body)
        };
        commands(
            |limits| limits.publications = 5,
            n,
            |endpoint| endpoint.publish(NOW, state()),
        )
    });
    row("dialogs, begun by peers", 5, "503", |n| {
        requests(&mut endpoint(|limits| limits.sessions = 5), "INVITE", CONTACT, n)
    });
    row("dialogs, begun by us", 5, "Full", |n| {
        commands(
            |limits| limits.sessions = 5,
            n,
            |endpoint| endpoint.invite(NOW, invite()),
        )
    });
}

#[test]
fn of_subscriptions() {
    let event = || EventHeader::new("dialog");
    let subscribe = || Subscribe::new(target(), name(), name(), event(), Duration::from_secs(60));
    row("subscriptions, of ours", 5, "Full", |n| {
        commands(
            |limits| limits.subscriptions = 5,
            n,
            |endpoint| endpoint.subscribe(NOW, subscribe()),
        )
    });
    row("subscriptions, of peers", 5, "503", |n| {
        let mut endpoint = endpoint(|limits| limits.subscriptions = 5);
        let more = format!("{CONTACT}Event: dialog\r\nExpires: 60\r\n{EMPTY}");
        let mut last = Ok(());
        for n in 0..n {
            endpoint.receive(NOW, udp(), request("SUBSCRIBE", n, &more, "").into());
            let outputs = drain(&mut endpoint);
            last = judged(&outputs);
            if let Some(Output::Event(Event::Subscribe { request_id, .. })) = outputs.last() {
                endpoint
                    .accept_subscription(NOW, *request_id, Duration::from_secs(60))
                    .unwrap();
                drain(&mut endpoint);
            }
        }
        last
    });
}

#[test]
fn of_referrals_and_forks() {
    row("REFERs", 5, "503", |n| {
        let more = format!("{CONTACT}Refer-To: <sip:c@d>\r\n");
        requests(&mut endpoint(|limits| limits.refers = 5), "REFER", &more, n)
    });
    row("REFERs of one session", Limits::SESSION_REFERS, "503", |n| {
        let mut endpoint = endpoint(|_| {});
        let (_, to) = established(&mut endpoint);
        let mut last = Ok(());
        for n in 0..n {
            let refer = request("REFER", n, &format!("{CONTACT}Refer-To: <sip:c@d>\r\n{EMPTY}"), "")
                .replace("To: <sip:user@192.0.2.1>", &format!("To: {to}"))
                .replace(&format!("Call-ID: {n}"), "Call-ID: 900")
                .replace("CSeq: 1 ", &format!("CSeq: {} ", n + 2));
            endpoint.receive(NOW, udp(), refer.into());
            last = judged(&drain(&mut endpoint));
        }
        last
    });
    row("forks", 5, "nothing", |n| {
        let mut endpoint = endpoint(|limits| limits.forks = 5);
        endpoint.invite(NOW, invite()).unwrap();
        let Some(Output::Transmit(sent)) = endpoint.poll_output() else {
            panic!()
        };
        let Ok(Message::Request(sent)) = Message::parse(sent.data) else {
            panic!()
        };
        let mut last = Ok(());
        for n in 0..n {
            let mut ringing = Response::to_request(&sent, StatusCode::RINGING, None);
            ringing.set_to_tag(&format!("fork{n}"));
            ringing
                .headers_mut()
                .push(HeaderName::Contact, "<sip:bob@198.51.100.1>");
            endpoint.receive(NOW, udp(), ringing.to_bytes());
            last = judged(&drain(&mut endpoint));
        }
        last
    });
}

#[test]
fn of_streams_and_output() {
    row("connections", 5, "closed", |n| {
        let mut endpoint = endpoint(|limits| limits.connections = 5);
        for n in 0..n {
            endpoint.connection_opened(NOW, tcp(n as u64));
        }
        if drain(&mut endpoint).is_empty() {
            Ok(())
        } else {
            Err("closed".to_owned())
        }
    });
    row("names of one connection", Limits::CONNECTION_NAMES, "Full", |n| {
        let mut endpoint = endpoint(|_| {});
        let flow = Flow::stream(Transport::Tls, here(), tcp(1).remote, ConnectionId(1));
        endpoint.connection_opened(NOW, flow);
        let names = (0..n).map(|n| Host::from(format!("h{n}.example.com").as_str()));
        let results = names.map(|name| endpoint.connection_verified(NOW, ConnectionId(1), &name));
        results.last().unwrap().map_err(|error| format!("{error:?}"))
    });
    row("stream buffer", 300, "closed", |n| {
        let mut endpoint = endpoint(|limits| limits.stream_buffer = 300);
        let text = request("OPTIONS", 1, &format!("Subject: {}", "x".repeat(300)), "");
        endpoint.receive(NOW, tcp(1), text[..n].to_owned().into());
        if drain(&mut endpoint).is_empty() {
            Ok(())
        } else {
            Err("closed".to_owned())
        }
    });
    row("pending output, requests", 5, "503", |n| {
        let mut endpoint = endpoint(|limits| limits.outputs = 5);
        for n in 0..n {
            endpoint.receive(NOW, udp(), request("OPTIONS", n, EMPTY, "").into());
        }
        let outputs = drain(&mut endpoint);
        assert_eq!(outputs.len(), n, "nothing was lost");
        judged(&outputs)
    });
    row("pending output, whatever comes", 10, "nothing", |n| {
        let mut endpoint = endpoint(|limits| limits.outputs = 5);
        for n in 0..n {
            endpoint.receive(NOW, udp(), request("OPTIONS", n, EMPTY, "").into());
        }
        let outputs = drain(&mut endpoint).len();
        if outputs == n {
            Ok(())
        } else {
            Err("nothing".to_owned())
        }
    });
    row("pending output, commands", 5, "Full", |n| {
        let mut endpoint = endpoint(|limits| limits.outputs = 5);
        let results = (0..n).map(|_| endpoint.send(NOW, options()).map(drop));
        results.last().unwrap().map_err(|error| format!("{error:?}"))
    });
}
