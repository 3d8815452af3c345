//! What becomes of single requests: validation, routes, the copy that is sent.

use sip_core::HeaderName;
use sip_core::proxy::{Destination, Event, ProxyConfig};

use crate::forks::{all, forks, forks_with, request};
use crate::network::secs;

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
