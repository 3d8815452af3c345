//! Every limit, at the limit and one past it: one row each.
//!
//! A row is a name, the limit, what tries to take a number of the limited things, and how the one that is too much is
//! refused. [`every_limit_has_its_test`] sees that none is forgotten.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod holding;
mod of_a_proxy;
mod tables;

use std::net::SocketAddr;

use bytes::Bytes;
use machine::{Machine, Time};
use sip_core::body::multipart::{Multipart, Part, understood};
use sip_core::header::{Authorization, Contact, ContentType, TypedHeader};
use sip_core::{
    ConnectionId, Endpoint, EndpointConfig, Flow, HeaderName, Headers, Limits, NameAddr, Output, Transport, Uri,
};

pub const NOW: Time = Time::from_secs(1_700_000_000);

/// What became of the last of so many.
pub type Outcome = Result<(), String>;

/// Tries the limit and one more.
pub fn row(name: &str, limit: usize, refusal: &str, take: impl Fn(usize) -> Outcome) {
    assert_eq!(take(limit), Ok(()), "{name}: {limit}");
    assert_eq!(take(limit + 1), Err(refusal.to_owned()), "{name}: {}", limit + 1);
}

fn here() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}

pub fn udp() -> Flow {
    Flow::udp(here(), "198.51.100.1:5060".parse().unwrap())
}

pub fn tcp(n: u64) -> Flow {
    let from = SocketAddr::from(([198, 51, 100, 1], 1_024 + n as u16));
    Flow::stream(Transport::Tcp, here(), from, ConnectionId(n))
}

pub fn endpoint(limit: impl Fn(&mut Limits)) -> Endpoint {
    let mut config = EndpointConfig::new([(Transport::Udp, here()), (Transport::Tcp, here())]);
    limit(&mut config.limits);
    Endpoint::new(config, [3; 32])
}

/// A request; `more` are further header lines, without Content-Length.
pub fn request(method: &str, n: usize, more: &str, body: &str) -> String {
    format!(
        "{method} sip:user@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{n}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@example.com>;tag=a\r\nTo: <sip:user@192.0.2.1>\r\nCall-ID: {n}\r\n\
         CSeq: 1 {method}\r\n{more}\r\n{body}"
    )
}

pub const CONTACT: &str = "Contact: <sip:a@198.51.100.1>\r\n";
pub const EMPTY: &str = "Content-Length: 0\r\n";

pub fn drain(endpoint: &mut Endpoint) -> Vec<Output> {
    std::iter::from_fn(|| endpoint.poll_output()).collect()
}

/// Whether what came last reached the embedder, or how it was answered.
pub fn judged(outputs: &[Output]) -> Outcome {
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

pub fn fill(text: String, to: usize) -> String {
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
    row("levels of parts within parts", 3, "TooDeep", |n| {
        let innermost = Part::new("text/plain", Bytes::from_static(b"x"));
        let whole = (0..n).fold(innermost, |part, _| {
            let outer = Multipart::mixed(vec![part]);
            let mut headers = Headers::new();
            headers.push_typed(&outer.content_type());
            Part {
                headers,
                body: outer.to_bytes(),
            }
        });
        let mut limits = Limits::default();
        limits.body_depth = 3;
        let read = understood(&whole.headers, &whole.body, &limits, &|_| true);
        read.map(drop).map_err(|error| format!("{error:?}"))
    });
    row("values of a list", Limits::VALUES, "TooManyValues", |n| {
        let mut headers = Headers::new();
        headers.push(HeaderName::Contact, "<sip:a@b>,".repeat(n - 1) + "<sip:a@b>");
        headers.typed_all::<Contact>().map(drop).map_err(kind)
    });
}

/// The names after `pub ` that are numbers of things, in a source file. The
/// offset of an error is the one number that limits nothing.
fn counted(source: &str) -> Vec<&str> {
    let counted = |line: &&str| line.ends_with(": usize,") || line.contains(": usize = ");
    let names = source.lines().map(str::trim).filter(counted).filter_map(|line| {
        let rest = line.strip_prefix("pub ")?;
        rest.strip_prefix("const ").unwrap_or(rest).split(':').next()
    });
    names.filter(|name| *name != "offset").collect()
}

/// Whether a test sets the field, or counts to the constant.
fn is_tried(name: &str, tests: &[&str]) -> bool {
    let ways = [
        format!(".{name} = "),
        format!("{name}:"),
        format!("::{name}"),
        format!(".{name},"),
    ];
    tests.iter().any(|text| {
        let constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_') && text.contains(name);
        constant || ways.iter().any(|way| text.contains(way.as_str()))
    })
}

#[test]
fn every_limit_has_its_test() {
    let here = [
        include_str!("main.rs"),
        include_str!("holding.rs"),
        include_str!("of_a_proxy.rs"),
        include_str!("tables.rs"),
    ];
    // A source of limits, the least number of them, and where they are tried.
    let all: [(&str, usize, &[&str]); 11] = [
        (include_str!("../../src/limits.rs"), 28, &here),
        (include_str!("../../src/registrar/config.rs"), 4, &here),
        (include_str!("../../src/auth/server.rs"), 1, &here),
        (include_str!("../../src/guard/config.rs"), 4, &here),
        (
            include_str!("../../src/resolver/config.rs"),
            7,
            &[include_str!("../../src/resolver/tests/limits.rs")],
        ),
        (
            include_str!("../../src/event/publish/config.rs"),
            5,
            &[include_str!("../../src/event/publish/tests.rs")],
        ),
        (
            include_str!("../../src/websocket/socket.rs"),
            1,
            &[include_str!("../../src/websocket/tests.rs")],
        ),
        (
            include_str!("../../src/outbound/registration.rs"),
            2,
            &[include_str!("../../src/outbound/tests/registration.rs")],
        ),
        (
            include_str!("../../src/event/dialog_info/parse.rs"),
            2,
            &[include_str!("../../src/event/dialog_info/tests.rs")],
        ),
        (
            include_str!("../../src/event/pidf/parse.rs"),
            4,
            &[include_str!("../../src/event/pidf/tests.rs")],
        ),
        (
            include_str!("../../src/body/xml.rs"),
            4,
            &[include_str!("../../src/event/dialog_info/tests.rs")],
        ),
    ];
    for (source, least, tests) in all {
        let names = counted(source);
        assert!(names.len() >= least, "{names:?}");
        for name in names {
            assert!(is_tried(name, tests), "{name} is limited, and nothing tries it");
        }
    }
}
