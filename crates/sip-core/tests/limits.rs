//! Every limit, at the limit and one past it: one row each.
//!
//! A row is a name, the limit, what tries to take a number of the limited things, and how the one that is too much is
//! refused. `forks` and `refers` of one session have their tests in `tests/endpoint`, too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests fail by panicking"
)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::auth::{Client, Secret, Server, ServerConfig};
use sip_core::body::multipart::Multipart;
use sip_core::guard::{Guard, GuardConfig, PacketKind, Verdict};
use sip_core::header::{Authorization, Contact, ContentType, EventHeader, TypedHeader};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{
    ConnectionId, Endpoint, EndpointConfig, EndpointError, Event, Flow, HeaderName, Headers, Invite, Limits, Message,
    Method, NameAddr, OutOfDialog, Output, Reply, Request, Response, SessionId, StatusCode, Subscribe, Transport, Uri,
};

const NOW: Time = Time::from_secs(1_700_000_000);

/// What became of the last of so many.
type Outcome = Result<(), String>;

/// Tries the limit and one more.
fn row(name: &str, limit: usize, refusal: &str, take: impl Fn(usize) -> Outcome) {
    assert_eq!(take(limit), Ok(()), "{name}: {limit}");
    assert_eq!(take(limit + 1), Err(refusal.to_owned()), "{name}: {}", limit + 1);
}

fn here() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}

fn udp() -> Flow {
    Flow::udp(here(), "198.51.100.1:5060".parse().unwrap())
}

fn tcp(n: u64) -> Flow {
    let from = SocketAddr::from(([198, 51, 100, 1], 1_024 + n as u16));
    Flow::stream(Transport::Tcp, here(), from, ConnectionId(n))
}

fn endpoint(limit: impl Fn(&mut Limits)) -> Endpoint {
    let mut config = EndpointConfig::new([(Transport::Udp, here()), (Transport::Tcp, here())]);
    limit(&mut config.limits);
    Endpoint::new(config, [3; 32])
}

/// A request; `more` are further header lines, without Content-Length.
fn request(method: &str, n: usize, more: &str, body: &str) -> String {
    format!(
        "{method} sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{n}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:user@192.0.2.1>\r\nCall-ID: {n}\r\n\
         CSeq: 1 {method}\r\n{more}\r\n{body}"
    )
}

const CONTACT: &str = "Contact: <sip:a@198.51.100.1>\r\n";
const EMPTY: &str = "Content-Length: 0\r\n";

fn drain(endpoint: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| endpoint.poll_output()).collect()
}

/// Whether what came last reached the embedder, or how it was answered.
fn judged(outputs: &[Output]) -> Outcome {
    match outputs.last() {
        Some(Output::Event(_)) => Ok(()),
        Some(Output::Transmit(transmit)) => Err(String::from_utf8(transmit.data[8..11].to_vec()).unwrap()),
        Some(Output::CloseConnection(_)) => Err("closed".to_owned()),
        None => Err("nothing".to_owned()),
    }
}

/// A datagram to an endpoint with one limit changed.
fn datagram(limit: impl Fn(&mut Limits), text: String) -> Outcome {
    let mut endpoint = endpoint(limit);
    endpoint.receive(NOW, udp(), text.into());
    judged(&drain(&mut endpoint))
}

fn fill(text: String, to: usize) -> String {
    let missing = to - text.len();
    text.replacen('~', &"x".repeat(missing + 1), 1)
}

#[test]
fn of_one_message() {
    row("message", 600, "513", |n| {
        datagram(|limits| limits.message = 600, fill(request("OPTIONS", 1, "", "~"), n))
    });
    row("message on a stream", 600, "513", |n| {
        let mut endpoint = endpoint(|limits| limits.message = 600);
        let body = n - request("OPTIONS", 1, "Content-Length: 100\r\n", "").len();
        let text = request("OPTIONS", 1, &format!("Content-Length: {body}\r\n"), &"x".repeat(body));
        assert_eq!(text.len(), n);
        endpoint.receive(NOW, tcp(1), text.into());
        let outputs = drain(&mut endpoint);
        let closed = outputs
            .iter()
            .position(|output| matches!(output, Output::CloseConnection(_)));
        judged(&outputs[..closed.unwrap_or(outputs.len())])
    });
    row("start line", 80, "414", |n| {
        let line = fill("OPTIONS sip:~@192.0.2.1 SIP/2.0".to_owned(), n);
        let text = request("OPTIONS", 1, "", "").replacen("OPTIONS sip:user@192.0.2.1 SIP/2.0", &line, 1);
        datagram(|limits| limits.start_line = 80, text)
    });
    row("URI", 60, "414", |n| {
        let uri = fill("sip:~@192.0.2.1".to_owned(), n);
        let text = request("OPTIONS", 1, "", "").replacen("sip:user@192.0.2.1 ", &format!("{uri} "), 1);
        datagram(|limits| limits.uri = 60, text)
    });
    row("header line", 90, "513", |n| {
        let line = fill("Subject: ~".to_owned(), n);
        datagram(
            |limits| limits.header_line = 90,
            request("OPTIONS", 1, &format!("{line}\r\n"), ""),
        )
    });
    row("headers", 20, "513", |n| {
        let more = "X: y\r\n".repeat(n - 6);
        datagram(|limits| limits.headers = 20, request("OPTIONS", 1, &more, ""))
    });
    row("Vias (hops so far), on lines of their own", 10, "483", |n| {
        let more = "v: SIP/2.0/UDP h\r\n".repeat(n - 1);
        datagram(|limits| limits.vias = 10, request("OPTIONS", 1, &more, ""))
    });
    row("Vias (hops so far), on one line", 10, "483", |n| {
        let more = format!(
            "Via: SIP/2.0/UDP h{}\r\n",
            ",SIP/2.0/UDP \"x,y\"".replace("\"x,y\"", "i").repeat(n - 2)
        );
        datagram(|limits| limits.vias = 10, request("OPTIONS", 1, &more, ""))
    });
    row("hops used up, of one that is left", 0, "483", |n| {
        let left = format!("Max-Forwards: {}", 1 - n);
        datagram(|_| {}, request("OPTIONS", 1, "", "").replace("Max-Forwards: 70", &left))
    });
}

#[test]
fn of_the_addresses_in_one_message() {
    row("contacts, on lines of their own", 10, "513", |n| {
        let more = "m: <sip:a@b>\r\n".repeat(n);
        datagram(|limits| limits.contacts = 10, request("OPTIONS", 1, &more, ""))
    });
    row("contacts, on one line, commas in quotes", 10, "513", |n| {
        let more = format!("m: <sip:a@b>{}\r\n", ",\"x,y,z\" <sip:a,a@b>".repeat(n - 1));
        datagram(|limits| limits.contacts = 10, request("OPTIONS", 1, &more, ""))
    });
    row("routes, on lines of their own", 10, "513", |n| {
        let (of_ours, recorded) = (n / 2, n - n / 2);
        let more = "Route: <sip:192.0.2.1;lr>\r\n".repeat(of_ours) + &"Record-Route: <sip:p;lr>\r\n".repeat(recorded);
        datagram(|limits| limits.routes = 10, request("OPTIONS", 1, &more, ""))
    });
    row("routes, on one line, commas in quotes", 10, "513", |n| {
        let more = format!("Record-Route: <sip:p>{}\r\n", ",\"x,y,z\" <sip:a,a@p;lr>".repeat(n - 1));
        datagram(|limits| limits.routes = 10, request("OPTIONS", 1, &more, ""))
    });
    row("what responses repeat", 500, "513", |n| {
        // Via, From, Call-ID and CSeq with their names, To and Record-Route.
        let base = "Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=a\r\n\
                    Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n<sip:user@192.0.2.1>";
        let route = fill(format!("{base}Record-Route: <sip:~@h;lr>\r\n"), n).split_off(base.len());
        datagram(|limits| limits.echoed = 500, request("OPTIONS", 1, &route, ""))
    });
    row("body", 100, "413", |n| {
        datagram(|limits| limits.body = 100, request("OPTIONS", 1, "", &"x".repeat(n)))
    });
}

#[test]
fn of_one_value() {
    let kind = |error: sip_core::ParseError| format!("{:?}", error.kind);
    row("parameters of a header", Limits::PARAMS, "TooManyParams", |n| {
        let value = format!("<sip:a@b>{}", ";p".repeat(n));
        NameAddr::parse(value.as_bytes()).map(drop).map_err(kind)
    });
    row("parameters of a URI", Limits::PARAMS, "TooManyParams", |n| {
        Uri::parse(format!("sip:a@b{}", ";p=1".repeat(n)).as_bytes())
            .map(drop)
            .map_err(kind)
    });
    row("headers of a URI", Limits::PARAMS, "TooManyParams", |n| {
        Uri::parse(format!("sip:a@b?h=1{}", "&h=1".repeat(n - 1)).as_bytes())
            .map(drop)
            .map_err(kind)
    });
    row("parameters of credentials", Limits::PARAMS, "TooManyParams", |n| {
        let params: Vec<String> = (0..n).map(|n| format!("p{n}=b")).collect();
        let value = format!("Digest {}", params.join(","));
        Authorization::parse(value.as_bytes()).map(drop).map_err(kind)
    });
    row("parts of a body", 5, "TooManyParts", |n| {
        let body = format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(n));
        let mut limits = Limits::default();
        limits.body_parts = 5;
        let kind = ContentType::parse(b"multipart/mixed;boundary=b").unwrap();
        let read = Multipart::parse(&kind, &body.into(), &limits);
        read.map(drop).map_err(|error| format!("{error:?}"))
    });
    row("values of a list", Limits::VALUES, "TooManyValues", |n| {
        let mut headers = Headers::new();
        headers.push(HeaderName::Contact, "<sip:a@b>,".repeat(n - 1) + "<sip:a@b>");
        headers.typed_all::<Contact>().map(drop).map_err(kind)
    });
}

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

fn name() -> NameAddr {
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

fn register(contacts: &str, call_id: usize) -> Request {
    let text = request("REGISTER", call_id, &format!("{contacts}{EMPTY}"), "");
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        panic!("{contacts}")
    };
    request
}

#[test]
fn of_one_registrar() {
    let registrar = |limit: fn(&mut RegistrarConfig)| {
        let mut config = RegistrarConfig::default();
        limit(&mut config);
        Registrar::new(config)
    };
    let kind = |error: sip_core::registrar::RegisterError| format!("{error:?}");
    let one = |n: usize| format!("Contact: <sip:{n}@h>\r\n");
    row("bindings of an address of record", 5, "TooManyContacts", |n| {
        let mut registrar = registrar(|config| config.max_contacts = 5);
        let results = (0..n).map(|n| registrar.register(NOW, "a", &register(&one(n), n), udp()).map(drop));
        results.last().unwrap().map_err(kind)
    });
    row("contacts in one REGISTER", 10, "TooManyContacts", |n| {
        // Five to be removed, five to be added.
        let mut registrar = registrar(|config| config.max_contacts = 5);
        let contacts: String = (0..n).map(|n| format!("Contact: <sip:{n}@h>;expires=0\r\n")).collect();
        registrar
            .register(NOW, "a", &register(&contacts, 1), udp())
            .map(drop)
            .map_err(kind)
    });
    row("bindings", 5, "Full", |n| {
        let mut registrar = registrar(|config| config.max_bindings = 5);
        let results = (0..n).map(|n| {
            registrar
                .register(NOW, &(n / 2).to_string(), &register(&one(n), n), udp())
                .map(drop)
        });
        results.last().unwrap().map_err(kind)
    });
    row("addresses of record", 5, "Full", |n| {
        let mut registrar = registrar(|config| config.max_aors = 5);
        let results = (0..n).map(|n| {
            registrar
                .register(NOW, &n.to_string(), &register(&one(n), n), udp())
                .map(drop)
        });
        results.last().unwrap().map_err(kind)
    });
    row("octets of a contact", 50, "TooLong", |n| {
        let mut registrar = registrar(|config| config.max_contact_len = 50);
        let contact = fill("<sip:~@h>".to_owned(), n);
        let request = register(&format!("Contact: {contact}\r\n"), 1);
        registrar.register(NOW, "a", &request, udp()).map(drop).map_err(kind)
    });
}

#[test]
fn of_one_authentication_server() {
    row("nonces in use", 5, "Stale", |n| {
        let mut config = ServerConfig::default();
        config.max_nonces = 5;
        let mut server = Server::new("r", config, [1; 32]);
        let secret = Secret::from_password("u", "r", "p");
        let verify = |server: &mut Server, client: &mut Client| {
            let answer = client.authorize(&Method::Register, b"sip:r", b"", 1).unwrap();
            let credentials = Authorization::parse(&answer).unwrap();
            let found = server.verify(NOW, &Method::Register, b"sip:r", b"", &credentials, |_| Some(&secret));
            found.map_err(|error| format!("{error:?}"))
        };
        let mut clients = Vec::new();
        for _ in 0..n {
            let challenges = server.challenges(NOW, false);
            let values: Vec<&[u8]> = challenges.iter().map(Bytes::as_ref).collect();
            let mut client = Client::new("u", "p");
            client.answer(&Method::Register, b"sip:r", b"", &values, 1).unwrap();
            verify(&mut server, &mut client).unwrap();
            clients.push(client);
        }
        // The first is pushed out by one too many, and asked anew.
        verify(&mut server, &mut clients[0])
    });
}

#[test]
fn of_one_guard() {
    let guard = |limit: fn(&mut GuardConfig)| {
        let mut config = GuardConfig::default();
        limit(&mut config);
        Guard::new(config)
    };
    let ip = |n: usize| std::net::IpAddr::from([198, 51, 100, n as u8]);
    let within = |held: usize, n: usize| if held == n { Ok(()) } else { Err(held.to_string()) };
    row("sources", 5, "5", |n| {
        let mut guard = guard(|config| config.max_sources = 5);
        for n in 0..n {
            assert_eq!(guard.packet(NOW, ip(n), PacketKind::Request, || false), Verdict::Pass);
        }
        within(guard.live().sources, n)
    });
    row("sources that have authenticated", 5, "5", |n| {
        let mut guard = guard(|config| config.max_authenticated = 5);
        (0..n).for_each(|n| guard.authenticated(NOW, ip(n)));
        within(guard.live().authenticated, n)
    });
    row("sources and names that failed", 5, "5", |n| {
        let mut guard = guard(|config| config.max_failures = 5);
        (0..n).for_each(|n| guard.authentication_failed(NOW, ip(n), &n.to_string()));
        assert_eq!(guard.live().failing, guard.live().users);
        within(guard.live().failing, n)
    });
    row("bans", 5, "5", |n| {
        let mut guard = guard(|config| config.max_bans = 5);
        (0..n).for_each(|n| guard.ban(NOW, ip(n), Duration::from_secs(60)));
        within(guard.live().bans, n)
    });
    row("connections of one source", 5, "closed", |n| {
        let mut guard = guard(|config| config.connections = 5);
        let taken = (0..n).filter(|_| guard.connection_opened(NOW, ip(1))).count();
        if taken == n { Ok(()) } else { Err("closed".to_owned()) }
    });
    row("failures", 4, "banned", |n| {
        // One short of a ban, and the one that is it.
        let mut guard = guard(|config| config.failures = 5);
        (0..n).for_each(|_| guard.authentication_failed(NOW, ip(1), "a"));
        guard.banned_until(ip(1)).map_or(Ok(()), |_| Err("banned".to_owned()))
    });
}
