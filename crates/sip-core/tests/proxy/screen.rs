//! What becomes of single requests: validation, routes, the copy that is sent.

use sip_core::proxy::{Destination, Event, PathPolicy, ProxyConfig, Target, TargetSet};
use sip_core::{HeaderName, Message, Response, Transport};

use crate::forks::{Forks, all, contact, forks, forks_with, request};
use crate::network::{Network, ms, secs, start_line};

/// The status that a request gets, and whether it was passed on.
fn outcome(configure: impl FnOnce(&mut ProxyConfig), text: &str) -> (Option<u16>, bool) {
    let mut f = forks_with(1, configure).locate(all(1));
    f.send(text.to_owned());
    let told = f.told().first().copied();
    (told, !f.asked(0).is_empty())
}

/// A name, what of a fine MESSAGE is replaced by what, and the status it gets; `None`: it is forwarded.
const VALIDATION: &[(&str, &str, &str, Option<u16>)] = &[
    ("as it should be", "", "", None),
    (
        "another scheme",
        "MESSAGE sip:bob@example.com SIP",
        "MESSAGE http:bob SIP",
        Some(416),
    ),
    ("no hops left", "Forwards: 70", "Forwards: 0", Some(483)),
    ("no Max-Forwards", "Max-Forwards: 70\r\n", "", None),
    ("Max-Forwards: many", "Forwards: 70", "Forwards: many", Some(400)),
    (
        "an unknown Proxy-Require",
        "Contact:",
        "Proxy-Require: x\r\nContact:",
        Some(420),
    ),
    (
        "a Require is the callee's business",
        "Contact:",
        "Require: x\r\nContact:",
        None,
    ),
    ("no breadth", "Contact:", "Max-Breadth: 0\r\nContact:", Some(440)),
    ("little breadth", "Contact:", "Max-Breadth: 1\r\nContact:", None),
    ("an unreadable breadth", "Contact:", "Max-Breadth: x\r\nContact:", None),
    ("two From", "Contact:", "f: <sip:x@y>\r\nContact:", Some(400)),
    ("no Call-ID", "Call-ID: call\r\n", "", Some(400)),
    ("another method in CSeq", "1 MESSAGE", "1 INFO", Some(400)),
    ("a broken Route", "Contact:", "Route: <sip:\r\nContact:", Some(400)),
    (
        "a broken second Via",
        "Contact:",
        "Via: SIP/2.0/UDP\r\nContact:",
        Some(400),
    ),
    (
        "a broken Date is no proxy's business",
        "Contact:",
        "Date: today\r\nContact:",
        None,
    ),
    ("nor is a broken Contact", "<sip:alice@192.0.2.11>", "<<>", None),
    ("an unknown method", "MESSAGE", "FROBNICATE", None),
    (
        "unknown to the location service",
        "bob@example.com SIP",
        "eve@example.com SIP",
        Some(404),
    ),
];

#[test]
fn the_table_of_validation() {
    let message = |from: &str, to: &str| request("MESSAGE", "m", "").replace(from, to);
    for &(name, from, to, expected) in VALIDATION {
        let got = outcome(|_| {}, &message(from, to));
        assert_eq!(got, (expected, expected.is_none()), "{name}");
    }
    let known = message("Contact:", "Proxy-Require: X\r\nContact:");
    let forwarded = (None, true);
    assert_eq!(outcome(|config| config.supported = vec!["x".into()], &known), forwarded);
    let trace = request("OPTIONS", "o", "").replace("Forwards: 70", "Forwards: 0");
    assert_eq!(outcome(|_| {}, &trace), (Some(483), false));
    let answered = outcome(|config| config.answer_last_hop = true, &trace);
    assert_eq!(answered, (Some(200), false));
}

#[test]
fn a_refusal_names_what_is_not_supported() {
    let mut f = forks(0);
    f.send(request("MESSAGE", "m", "Proxy-Require: a, b\r\nProxy-Require: c\r\n"));
    let refusal = f.net.last_received(f.alice, "SIP/2.0 420");
    assert_eq!(refusal.headers().get(&HeaderName::Unsupported), Some(&b"a, b, c"[..]));
    f.net.settle();
}

/// Everything that the proxy has no business with is on the wire as it came, compact, folded or broken as it may be.
#[test]
fn what_is_unknown_passes_byte_for_byte() {
    let odd =
        "x-odd :  a,\r\n\t\"b\" \u{e9}\r\nm: <sip:alice@192.0.2.11>\r\nk: 100rel , x\r\nDate: today\r\nRSeq: no\r\n";
    let body = "v=0\r\n\r\n \u{0}\u{1}end";
    let text = format!(
        "FROB sip:bob@example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.11 ; branch=z9hG4bKx\r\nMax-Forwards: 70\r\n\
         f: A <sip:alice@example.org> ;tag=a\r\nt: sip:bob@example.com\r\ni: call\r\nCSeq: 0007  FROB\r\n{odd}\
         c: application/x\r\nl: {}\r\n\r\n{body}",
        body.len()
    );
    let mut f = forks(1).locate(all(1));
    f.send(text);
    let (_, _, came) = f.net.nodes[f.phones[0]].received.last().unwrap().clone();
    let came = String::from_utf8(came.to_vec()).unwrap();
    assert!(came.contains(odd), "{came}");
    assert!(
        came.contains(
            "f: A <sip:alice@example.org> ;tag=a\r\nt: sip:bob@example.com\r\ni: call\r\nCSeq: 0007  FROB\r\n"
        )
    );
    assert!(came.contains("v: SIP/2.0/UDP 192.0.2.11 ; branch=z9hG4bKx\r\n"));
    assert!(came.contains(&format!("\r\nl: {}\r\n", body.len())));
    assert!(came.ends_with(&format!("\r\n\r\n{body}")));
    // And back.
    let response = f.response(0, "FROB", 200).to_bytes();
    let response = String::from_utf8(response.to_vec()).unwrap();
    let response = response.replace("Content-Length", "x-Back :\tyes\r\nContent-Length");
    f.net.send(f.phones[0], f.proxy, response);
    f.pause();
    let (_, _, back) = f.net.nodes[f.alice].received.last().unwrap().clone();
    let back = String::from_utf8(back.to_vec()).unwrap();
    assert!(back.contains("x-Back :\tyes\r\n"), "{back}");
    assert_eq!(back.matches("SIP/2.0/UDP").count(), 1, "{back}");
    f.net.settle();
}

#[test]
fn reliable_provisional_responses_and_their_prack_pass_through() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    let mut ringing = f.response(0, "INVITE", 183);
    ringing.headers_mut().push(HeaderName::Require, "100rel");
    ringing.headers_mut().push(HeaderName::RSeq, "7");
    f.reply_with(0, &ringing);
    f.reply_with(0, &ringing);
    let seen = f.net.last_received(f.alice, "SIP/2.0 183");
    assert_eq!(seen.headers().get(&HeaderName::RSeq), Some(&b"7"[..]));
    assert_eq!(
        f.net.count_received(f.alice, "SIP/2.0 183"),
        2,
        "copies are the caller's to absorb"
    );
    let route = "Route: <sip:192.0.2.1:5060;lr>\r\nRAck: 7 1 INVITE\r\n";
    let prack = request("PRACK", "p", route)
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=phone0");
    f.send(prack);
    let came = f.last_request(0, "PRACK");
    assert_eq!(came.headers().get(&HeaderName::RAck), Some(&b"7 1 INVITE"[..]));
    assert!(!came.headers().contains(&HeaderName::Route));
    let response = f.response(0, "PRACK", 200);
    f.reply_with(0, &response);
    assert_eq!(f.told(), [183, 183, 200]);
    f.reply(0, 200);
    f.net.settle();
}

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

fn identity(trusted: &[&str], extra: &str) -> Option<Vec<u8>> {
    let mut f = forks_with(1, |config| {
        config.trusted = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
    })
    .locate(all(1));
    let asserted = format!("P-Asserted-Identity: <sip:alice@example.org>\r\n{extra}");
    f.send(request("INVITE", "i", &asserted));
    let came = f.last_request(0, "INVITE");
    let found = came.headers().get(&HeaderName::PAssertedIdentity).map(<[u8]>::to_vec);
    f.reply(0, 200);
    f.net.settle();
    found
}

/// RFC 3325: an asserted identity is believed of the trusted, and told to others unless its owner minds.
#[test]
fn an_asserted_identity_stays_among_the_trusted() {
    let (alice, phone) = ("192.0.2.11", "192.0.2.21");
    let kept = Some(b"<sip:alice@example.org>".to_vec());
    for (trusted, extra, expected) in [
        (&[][..], "", &None),
        (&[phone], "", &None),
        (&[alice], "", &kept),
        (&[alice], "Privacy: id\r\n", &None),
        (&[alice, phone], "Privacy: id\r\n", &kept),
        (&[alice, phone], "", &kept),
    ] {
        assert_eq!(&identity(trusted, extra), expected, "{trusted:?} {extra}");
    }
}

#[test]
fn an_asserted_identity_in_a_response_of_a_stranger_is_taken_out() {
    for trusted in [false, true] {
        let mut f = forks_with(1, |config| {
            config.trusted = if trusted {
                vec!["192.0.2.21".parse().unwrap()]
            } else {
                vec![]
            };
        })
        .locate(all(1));
        f.invite();
        let mut answer = f.response(0, "INVITE", 200);
        answer
            .headers_mut()
            .push(HeaderName::PAssertedIdentity, "<sip:bob@example.com>");
        f.reply_with(0, &answer);
        let seen = f.net.last_received(f.alice, "SIP/2.0 200");
        assert_eq!(seen.headers().contains(&HeaderName::PAssertedIdentity), trusted);
        f.net.settle();
    }
}

#[test]
fn credentials_for_our_realm_end_here() {
    let mut f = forks_with(1, |config| config.realm = Some("example.com".into())).locate(all(1));
    let of = |realm: &str| {
        format!(
            "Proxy-Authorization: Digest username=\"a\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:b\", response=\"{}\"\r\n",
            "0".repeat(32)
        )
    };
    f.send(request(
        "MESSAGE",
        "m",
        &format!("{}{}", of("example.com"), of("example.org")),
    ));
    let came = f.last_request(0, "MESSAGE");
    let values: Vec<_> = came.headers().values(&HeaderName::ProxyAuthorization).collect();
    assert_eq!(values.len(), 1);
    assert!(String::from_utf8_lossy(values[0]).contains("example.org"));
    f.net.run(secs(40));
    f.net.settle();
}

/// The history of a call that two phones did not take (RFC 7044).
#[test]
fn history_says_how_the_call_came_here() {
    let mut f = forks_with(2, |config| config.history = true).locate(TargetSet::serial([contact(0), contact(1)]));
    f.invite();
    let history = |f: &Forks, phone: usize| -> Vec<String> {
        let came = f.last_request(phone, "INVITE");
        came.headers()
            .items(&HeaderName::HistoryInfo)
            .map(|entry| String::from_utf8(entry.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(
        history(&f, 0),
        ["<sip:bob@example.com>;index=1", "<sip:bob@192.0.2.21>;index=1.1;mp=1"]
    );
    f.reply(0, 486);
    let second = history(&f, 1);
    assert_eq!(second.len(), 3, "{second:?}");
    assert!(
        second[1].starts_with("<sip:bob@192.0.2.21?Reason=SIP%3Bcause%3D486"),
        "{second:?}"
    );
    assert_eq!(second[2], "<sip:bob@192.0.2.22>;index=1.2;mp=1");
    f.reply(1, 200);
    f.net.settle();
    // Whoever wants it kept private is masked.
    let mut f = forks_with(1, |config| config.history = true).locate(all(1));
    f.send(request("INVITE", "i", "Privacy: history\r\n"));
    assert_eq!(history(&f, 0)[0], "<sip:anonymous@anonymous.invalid>;index=1");
    f.reply(0, 200);
    f.net.settle();
}

#[test]
fn who_is_asked_about_what() {
    for (uri, extra, expected) in [
        ("sip:bob@example.com", "", Destination::Location),
        ("sip:bob@192.0.2.1", "", Destination::Location),
        ("sip:bob@192.0.2.1:5062", "", Destination::Foreign),
        ("tel:+491511234567", "", Destination::Location),
        ("sip:bob@example.net", "", Destination::Foreign),
        (
            "sip:bob@example.com",
            "Route: <sip:192.0.2.21;lr>\r\n",
            Destination::Route,
        ),
        (
            "sip:bob@example.com",
            "Route: <sip:192.0.2.1;lr>\r\n",
            Destination::Location,
        ),
    ] {
        let mut f = forks(1);
        f.ask_the_test();
        f.send(request("MESSAGE", "m", extra).replace("sip:bob@example.com SIP", &format!("{uri} SIP")));
        let asked = f.events().into_iter().find_map(|event| match event {
            Event::Request { destination, .. } => Some(*destination),
            _ => None,
        });
        assert_eq!(asked, Some(expected), "{uri} {extra}");
        f.net.run(secs(40));
        f.net.settle();
    }
}

#[test]
fn a_proxy_asks_for_credentials() {
    use sip_core::auth::{Client, Secret, Server, ServerConfig};
    use sip_core::header::{ProxyAuthorization, TypedHeader};
    let mut f = forks_with(1, |config| config.realm = Some("example.com".into()));
    let mut server = Server::new("example.com", ServerConfig::default(), [7; 32]);
    let secret = Secret::from_password("alice", "example.com", "open sesame");
    f.net.router(f.proxy).policy(move |proxy, now, event| {
        let Event::Request { context, request, .. } = event else {
            return false;
        };
        let credentials = request.headers().typed::<ProxyAuthorization>().and_then(Result::ok);
        let verified = credentials.is_some_and(|ProxyAuthorization(credentials)| {
            let lookup = |user: &str| (user == "alice").then_some(&secret);
            server
                .verify(
                    now,
                    request.method(),
                    request.uri(),
                    request.body(),
                    &credentials,
                    lookup,
                )
                .is_ok()
        });
        if verified {
            proxy.forward(now, *context, all(1)).unwrap();
        } else {
            let challenges = server.challenges(now, false);
            proxy.challenge(now, *context, &challenges).unwrap();
        }
        true
    });
    f.invite();
    assert_eq!(f.told(), [407]);
    f.ack_failure();
    let refusal = f.net.last_received(f.alice, "SIP/2.0 407");
    let offered: Vec<&[u8]> = refusal.headers().values(&HeaderName::ProxyAuthenticate).collect();
    let mut client = Client::new("alice", "open sesame");
    let answer = client
        .answer(&sip_core::Method::Invite, b"sip:bob@example.com", b"", &offered, 1)
        .unwrap();
    let line = format!(
        "Proxy-Authorization: {}\r\n",
        String::from_utf8(answer.to_vec()).unwrap()
    );
    assert!(ProxyAuthorization::parse(&answer).is_ok());
    f.send(request("INVITE", "j", &line));
    let came = f.last_request(0, "INVITE");
    assert!(!came.headers().contains(&HeaderName::ProxyAuthorization));
    f.reply(0, 200);
    assert_eq!(f.told(), [407, 200]);
    f.net.settle();
}

/// A response that nobody asked for is dropped, whatever its Vias say.
#[test]
fn strange_responses() {
    let mut f = forks(1).locate(all(1));
    f.invite();
    let good = f.response(0, "INVITE", 200).to_bytes();
    let good = String::from_utf8(good.to_vec()).unwrap();
    let branch = f
        .last_request(0, "INVITE")
        .top_via()
        .unwrap()
        .branch()
        .unwrap()
        .to_owned();
    for bad in [
        good.replace(&branch, "z9hG4bKforged"),
        good.replace(&branch, &branch.replace('.', "0.")),
        good.replace("1 INVITE", "1 XINVITE"),
        good.replace("1 INVITE", "1 BYE"),
        good.replace("1 INVITE", "1 CANCEL"),
        good.replace("Via: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKi\r\n", ""),
    ] {
        assert_ne!(bad, good);
        f.net.send(f.phones[0], f.proxy, bad);
        f.pause();
        assert_eq!(f.told(), Vec::<u16>::new());
    }
    f.reply(0, 200);
    assert_eq!(f.told(), [200]);
    f.net.settle();
    let stats = *f.net.proxy_at(f.proxy).stats();
    assert_eq!(stats.unmatched_responses, 6);
}

#[test]
fn a_503_early_and_without_state_at_the_limit_and_one_past() {
    let mut f = forks_with(1, |config| config.limits.server_transactions = 2);
    f.ask_the_test();
    for n in 0..2 {
        f.send(request("MESSAGE", &format!("m{n}"), ""));
    }
    assert_eq!(f.told(), Vec::<u16>::new());
    f.send(request("MESSAGE", "m2", ""));
    assert_eq!(f.told(), [503]);
    let refusal = f.net.last_received(f.alice, "SIP/2.0 503");
    assert!(refusal.headers().contains(&HeaderName::RetryAfter));
    assert_eq!(f.net.proxy_at(f.proxy).live().contexts, 2);
    // Established calls outlive it.
    let bye = request("BYE", "b", "Route: <sip:192.0.2.1;lr>\r\n")
        .replace("sip:bob@example.com SIP", "sip:bob@192.0.2.21 SIP")
        .replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=b");
    f.send(bye);
    assert_eq!(f.asked(0), ["BYE"]);
    let response: Response = f.response(0, "BYE", 200);
    f.reply_with(0, &response);
    f.net.run(ms(20));
    assert_eq!(f.told(), [503, 200]);
    f.net.settle();
}

#[test]
fn targets_and_branches_at_the_limit_and_one_past() {
    use sip_core::proxy::ProxyError;
    let mut f = forks_with(3, |config| config.limits.targets = 2);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let forward = |f: &mut Forks, n| {
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(n)))
    };
    assert_eq!(forward(&mut f, 3), Err(ProxyError::TooManyTargets));
    assert_eq!(forward(&mut f, 2), Ok(()));
    assert_eq!(forward(&mut f, 1), Err(ProxyError::TooManyTargets));
    f.pause();
    f.reply(0, 200);
    f.net.settle();
    let mut f = forks_with(3, |config| config.limits.client_transactions = 2);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let forward = |f: &mut Forks, n| {
        f.net
            .act_proxy(f.proxy, |proxy, now| proxy.forward(now, context, all(n)))
    };
    assert_eq!(forward(&mut f, 3), Err(ProxyError::Full));
    assert_eq!(forward(&mut f, 2), Ok(()));
    f.pause();
    f.reply(0, 200);
    f.net.settle();
}

#[test]
fn resolutions_at_the_limit_and_one_past() {
    let mut f = forks_with(0, |config| config.limits.resolutions = 1);
    f.ask_the_test();
    f.invite();
    let context = f.context();
    let target = |n: u8| Target::new(format!("sip:bob@gw{n}.example.net").parse().unwrap());
    f.net
        .act_proxy(f.proxy, |proxy, now| {
            proxy.forward(now, context, TargetSet::parallel([target(0), target(1)]))
        })
        .unwrap();
    let live = f.net.proxy_at(f.proxy).live();
    assert_eq!((live.resolutions, live.branches), (1, 1));
    assert_eq!(f.net.proxy_at(f.proxy).stats().overloaded, 1);
    f.net.settle();
}

#[test]
fn waiting_output_at_the_limit_and_one_past() {
    use machine::Machine as _;
    use sip_core::Flow;
    use sip_core::proxy::Proxy;
    let here = "192.0.2.1:5060".parse().unwrap();
    let flow = Flow::udp(here, "192.0.2.11:5060".parse().unwrap());
    let mut config = ProxyConfig::new([(Transport::Udp, here)], ["example.com"]);
    config.limits.proxy_output = 10;
    let mut proxy = Proxy::new(config, [1; 32]);
    let now = crate::network::START;
    for n in 0..11 {
        let text = request("MESSAGE", &format!("m{n}"), "").replace("Forwards: 70", "Forwards: 0");
        proxy.receive(now, flow, text.into());
    }
    let waiting = core::iter::from_fn(|| proxy.poll_output()).count();
    assert_eq!((waiting, proxy.stats().overloaded), (10, 1));
}
