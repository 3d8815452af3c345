//! The rules of RFC 3261 §10.3 one by one, and the limits at and one past them.

mod model;
mod outbound;

use core::time::Duration;

use bytes::Bytes;
use machine::{Machine, Time};

use super::*;
use crate::endpoint::{ConnectionId, Flow, Transport};
use crate::event::{ExpiryPolicy, TooBrief};
use crate::{HeaderName, Message, Request, Response};

const AOR: &str = "1001@pbx.example";
const NOW: Time = Time::from_secs(1000);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn flow() -> Flow {
    Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5060".parse().unwrap())
}

fn tcp(connection: u64) -> Flow {
    let udp = flow();
    Flow::stream(Transport::Tcp, udp.local, udp.remote, ConnectionId(connection))
}

/// A REGISTER with these header lines.
fn request(call_id: &str, cseq: u32, lines: &[&str]) -> Request {
    let mut text = format!(
        "REGISTER sip:pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{cseq}\r\n\
         From: <sip:{AOR}>;tag=1\r\nTo: <sip:{AOR}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n\
         Max-Forwards: 70\r\n"
    );
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    match Message::parse(Bytes::from(text)).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was built"),
    }
}

fn registrar() -> Registrar {
    Registrar::new(RegistrarConfig::default())
}

fn limited(change: impl FnOnce(&mut RegistrarConfig)) -> Registrar {
    let mut config = RegistrarConfig::default();
    change(&mut config);
    Registrar::new(config)
}

fn contacts(response: &Response) -> Vec<String> {
    let items = response.headers().items(&HeaderName::Contact);
    items.map(|item| String::from_utf8(item.to_vec()).unwrap()).collect()
}

fn uris(registrar: &Registrar) -> Vec<String> {
    registrar
        .bindings(AOR)
        .iter()
        .map(|binding| binding.contact.uri.to_string())
        .collect()
}

/// The kinds of all pending events, with the contact.
fn events(registrar: &mut Registrar) -> Vec<(&'static str, String)> {
    core::iter::from_fn(|| registrar.poll_output())
        .map(|event| match event {
            Event::Registered { binding, .. } => ("registered", binding.contact.uri.to_string()),
            Event::Refreshed { binding, .. } => ("refreshed", binding.contact.uri.to_string()),
            Event::Expired { binding, .. } => ("expired", binding.contact.uri.to_string()),
            Event::Removed {
                binding,
                cause: RemovalCause::Unregistered,
                ..
            } => ("unregistered", binding.contact.uri.to_string()),
            Event::Removed {
                binding,
                cause: RemovalCause::FlowFailed,
                ..
            } => ("flow failed", binding.contact.uri.to_string()),
            Event::Removed {
                binding,
                cause: RemovalCause::ConnectionClosed,
                ..
            } => ("closed", binding.contact.uri.to_string()),
            Event::Removed {
                binding,
                cause: RemovalCause::Administrative,
                ..
            } => ("removed", binding.contact.uri.to_string()),
        })
        .collect()
}

#[test]
fn several_contacts_with_durations_of_their_own() {
    let mut registrar = registrar();
    let lines = [
        "Contact: \"A\" <sip:a@h;x=1>;expires=120;q=0.5, <sip:b@h>;+sip.instance=\"<urn:uuid:1>\"",
        "m: sip:c@h;expires=90000",
        "Expires: 300",
    ];
    let response = registrar.register(NOW, AOR, &request("1", 1, &lines), flow()).unwrap();
    assert_eq!(response.status().code(), 200);
    assert_eq!(
        contacts(&response),
        [
            "<sip:b@h>;+sip.instance=\"<urn:uuid:1>\";expires=300",
            "<sip:c@h>;expires=3600",
            "\"A\" <sip:a@h;x=1>;q=0.5;expires=120",
        ]
    );
    let first = &registrar.bindings(AOR)[0];
    assert_eq!(
        (first.instance(), first.q, first.flow, first.since),
        (Some("<urn:uuid:1>"), 1000, flow(), NOW)
    );
    assert_eq!(registrar.bindings(AOR)[2].q, 500);
    assert_eq!(events(&mut registrar).len(), 3);

    // A question changes nothing and tells the seconds left, rounded up.
    let later = NOW + secs(100) + Duration::from_nanos(1);
    let response = registrar.register(later, AOR, &request("2", 1, &[]), flow()).unwrap();
    assert!(contacts(&response)[2].ends_with(";expires=20"));
    assert!(events(&mut registrar).is_empty());
    assert!(
        contacts(
            &registrar
                .register(later, "other", &request("2", 1, &[]), flow())
                .unwrap()
        )
        .is_empty()
    );
}

#[test]
fn durations_minimum_maximum_default() {
    let policy = ExpiryPolicy {
        min: secs(60),
        max: secs(600),
        default: secs(300),
    };
    for (line, header, granted) in [
        ("Contact: <sip:a@h>", "Subject: x", Ok(300)),
        ("Contact: <sip:a@h>", "Expires: 60", Ok(60)),
        ("Contact: <sip:a@h>", "Expires: 59", Err(60)),
        ("Contact: <sip:a@h>;expires=59", "Expires: 100", Err(60)),
        ("Contact: <sip:a@h>;expires=100", "Expires: 59", Ok(100)),
        ("Contact: <sip:a@h>", "Expires: 601", Ok(600)),
        ("Contact: <sip:a@h>", "Expires: 99999999999", Ok(600)),
        ("Contact: <sip:a@h>;expires=soon", "Expires: 100", Ok(600)), // malformed counts as an hour
        ("Contact: <sip:a@h>;expires", "Expires: 100", Ok(600)),
        ("Contact: <sip:a@h>", "Expires: soon", Ok(300)),
    ] {
        let mut registrar = limited(|config| config.expiry = policy);
        let request = request("1", 1, &[line, header]);
        let result = registrar.register(NOW, AOR, &request, flow());
        match granted {
            Ok(granted) => {
                result.unwrap();
                assert_eq!(
                    registrar.bindings(AOR)[0].expires,
                    NOW + secs(granted),
                    "{line} {header}"
                );
            }
            Err(min) => {
                let error = result.unwrap_err();
                assert_eq!(error, RegisterError::TooBrief(TooBrief { min: secs(min) }));
                let response = error.to_response(&request);
                assert_eq!(response.status().code(), 423);
                assert_eq!(response.headers().get_str(&HeaderName::MinExpires), Some("60"));
                assert!(registrar.is_empty());
            }
        }
    }
}

#[test]
fn zero_removes_and_is_no_error_for_the_unknown() {
    let mut registrar = registrar();
    registrar
        .register(NOW, AOR, &request("1", 1, &["Contact: <sip:a@h>, <sip:b@h>"]), flow())
        .unwrap();
    let lines = ["Contact: <sip:A@h>;expires=0, <sip:a@H:5060>;expires=0, <sip:a@h>;expires=0"];
    let response = registrar.register(NOW, AOR, &request("1", 2, &lines), flow()).unwrap();
    assert_eq!(uris(&registrar), ["sip:b@h"]); // user parts and ports make a difference, case of the host does not
    assert_eq!(contacts(&response).len(), 1);
    assert_eq!(events(&mut registrar)[2..], [("unregistered", "sip:a@h".to_owned())]);
    registrar
        .register(
            NOW,
            AOR,
            &request("1", 3, &["Contact: <sip:b@H>", "Expires: 0"]),
            flow(),
        )
        .unwrap();
    assert!(!registrar.is_registered(AOR) && registrar.is_empty());
    assert_eq!(registrar.poll_timeout(), None);
}

#[test]
fn the_wildcard_needs_to_be_alone_and_final() {
    let mut registrar = registrar();
    registrar
        .register(NOW, AOR, &request("1", 1, &["Contact: <sip:a@h>, <sip:b@h>"]), flow())
        .unwrap();
    registrar
        .register(NOW, "other", &request("1", 1, &["Contact: <sip:a@h>"]), flow())
        .unwrap();
    for lines in [
        &["Contact: *"][..],
        &["Contact: *", "Expires: 1"],
        &["Contact: *, <sip:a@h>", "Expires: 0"],
        &["Contact: <sip:a@h>", "Contact: *", "Expires: 0"],
        &["Contact: *, *", "Expires: 0"],
        &["Contact: *", "Expires: never"],
    ] {
        let error = registrar
            .register(NOW, AOR, &request("1", 2, lines), flow())
            .unwrap_err();
        assert_eq!(
            (error, error.status().code()),
            (RegisterError::Wildcard, 400),
            "{lines:?}"
        );
    }
    assert_eq!(registrar.len(), 3);
    let wildcard = ["Contact: *", "Expires: 0"];
    let early = registrar
        .register(NOW, AOR, &request("1", 1, &wildcard), flow())
        .unwrap_err();
    assert_eq!((early, early.status().code()), (RegisterError::OutOfOrder, 500));
    let response = registrar
        .register(NOW, AOR, &request("1", 2, &wildcard), flow())
        .unwrap();
    assert!(contacts(&response).is_empty());
    assert!(!registrar.is_registered(AOR) && registrar.is_registered("other"));
}

#[test]
fn order_of_requests() {
    let mut registrar = registrar();
    let contact = ["Contact: <sip:a@h>"];
    registrar
        .register(NOW, AOR, &request("1", 5, &contact), flow())
        .unwrap();
    for cseq in [1, 4, 5] {
        let error = registrar
            .register(NOW, AOR, &request("1", cseq, &contact), flow())
            .unwrap_err();
        assert_eq!(error, RegisterError::OutOfOrder);
    }
    registrar
        .register(NOW, AOR, &request("1", 6, &contact), flow())
        .unwrap();
    registrar
        .register(NOW, AOR, &request("2", 1, &contact), flow())
        .unwrap(); // the phone was switched off
    let binding = &registrar.bindings(AOR)[0];
    assert_eq!((&binding.call_id[..], binding.cseq), (&b"2"[..], 1));
    // Call-IDs are compared byte by byte.
    registrar
        .register(NOW, AOR, &request("x", 9, &contact), flow())
        .unwrap();
    registrar
        .register(NOW, AOR, &request("X", 9, &contact), flow())
        .unwrap();
}

#[test]
fn all_or_nothing() {
    let mut registrar = registrar();
    registrar
        .register(
            NOW,
            AOR,
            &request("1", 1, &["Contact: <sip:a@h>;q=0.1, <sip:b@h>"]),
            flow(),
        )
        .unwrap();
    while registrar.poll_output().is_some() {}
    let before = registrar.bindings(AOR).to_vec();
    for (lines, error) in [
        (
            &["Contact: <sip:c@h>, <sip:d@h>;expires=1"][..],
            RegisterError::TooBrief(TooBrief { min: secs(60) }),
        ),
        (
            &["Contact: <sip:a@h>;expires=0, <sip:c@h>;q=2"],
            RegisterError::MalformedContact,
        ),
        (&["Contact: <sip:c@h>, <sip:"], RegisterError::MalformedContact),
        (&["Contact: <sip:c@h>;q"], RegisterError::MalformedContact),
        (&["Contact:"], RegisterError::MalformedContact),
        (&["Contact: <sip:c@h>", "Path: <sip:"], RegisterError::MalformedPath),
    ] {
        let result = registrar.register(NOW, AOR, &request("2", 1, lines), flow());
        assert_eq!(result.unwrap_err(), error, "{lines:?}");
        assert_eq!(registrar.bindings(AOR), before);
        assert_eq!(registrar.poll_output(), None);
    }
    // The second contact is out of order: the first is not touched either.
    registrar
        .register(NOW, AOR, &request("3", 7, &["Contact: <sip:b@h>"]), flow())
        .unwrap();
    let before = registrar.bindings(AOR).to_vec();
    let lines = ["Contact: <sip:a@h>;expires=0, <sip:b@h>"];
    assert_eq!(
        registrar
            .register(NOW, AOR, &request("3", 7, &lines), flow())
            .unwrap_err(),
        RegisterError::OutOfOrder
    );
    assert_eq!(registrar.bindings(AOR), before);
}

#[test]
fn path_is_stored_and_returned() {
    let mut registrar = registrar();
    let lines = [
        "Contact: <sip:a@h>",
        "Supported: path",
        "Path: <sip:p1;lr>, <sip:p2;lr>",
        "Path: <sip:p3;lr>",
    ];
    let response = registrar.register(NOW, AOR, &request("1", 1, &lines), flow()).unwrap();
    let stored: Vec<String> = registrar.bindings(AOR)[0]
        .path
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(stored, ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3;lr>"]);
    assert_eq!(response.headers().items(&HeaderName::Path).count(), 3);
}

#[test]
fn the_preferred_first_then_the_most_recent() {
    let mut registrar = registrar();
    for (cseq, contact) in [
        (1, "<sip:a@h>;q=0.5"),
        (2, "<sip:b@h>"),
        (3, "<sip:c@h>"),
        (4, "<sip:d@h>;q=0.9"),
    ] {
        let line = format!("Contact: {contact}");
        registrar
            .register(NOW, AOR, &request("1", cseq, &[&line]), flow())
            .unwrap();
    }
    assert_eq!(uris(&registrar), ["sip:c@h", "sip:b@h", "sip:d@h", "sip:a@h"]);
    registrar
        .register(NOW, AOR, &request("1", 5, &["Contact: <sip:b@h>"]), flow())
        .unwrap();
    assert_eq!(uris(&registrar), ["sip:b@h", "sip:c@h", "sip:d@h", "sip:a@h"]);
}

#[test]
fn refresh_and_expiry_at_the_same_instant_have_one_outcome() {
    let line = ["Contact: <sip:a@h>", "Expires: 60"];
    let due = NOW + secs(60);
    let outcome = |time_out_first: bool, when: Time| {
        let mut registrar = registrar();
        registrar.register(NOW, AOR, &request("1", 1, &line), flow()).unwrap();
        if time_out_first {
            registrar.handle_timeout(when);
        }
        registrar.register(when, AOR, &request("1", 2, &line), flow()).unwrap();
        registrar.handle_timeout(when);
        assert_eq!(registrar.poll_timeout(), Some(when + secs(60)));
        events(&mut registrar)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(outcome(true, due), ["registered", "expired", "registered"]);
    assert_eq!(outcome(false, due), outcome(true, due));
    let before = Time::from_nanos(due.as_nanos() - 1);
    assert_eq!(outcome(false, before), ["registered", "refreshed"]);
    assert_eq!(outcome(true, before), outcome(false, before));
}

#[test]
fn a_refresh_keeps_the_id_and_takes_the_new_flow() {
    let mut registrar = registrar();
    let line = ["Contact: <sip:a@h>;x=1", "User-Agent: Phone\t1"];
    registrar.register(NOW, AOR, &request("1", 1, &line), tcp(1)).unwrap();
    let first = registrar.bindings(AOR)[0].clone();
    assert_eq!(first.user_agent.as_deref(), Some("Phone 1"));
    registrar
        .register(
            NOW + secs(9),
            AOR,
            &request("1", 2, &["Contact: <sip:a@h>;x=2"]),
            tcp(2),
        )
        .unwrap();
    let second = &registrar.bindings(AOR)[0];
    assert_eq!((second.id, second.since, second.flow), (first.id, NOW, tcp(2)));
    assert_eq!(second.contact.params.value("x"), Some("2"));

    // The old connection has nothing to do with it any more.
    registrar.remove_flow(NOW + secs(9), ConnectionId(1));
    assert!(registrar.is_registered(AOR));
    registrar.remove_flow(NOW + secs(9), ConnectionId(2));
    assert!(!registrar.is_registered(AOR));
    assert_eq!(events(&mut registrar).last().unwrap().0, "closed");
    assert_eq!(registrar.poll_timeout(), None);
}

#[test]
fn a_closed_connection_takes_all_it_carried_and_nothing_else() {
    let mut registrar = registrar();
    for (aor, contact, connection) in [
        ("x", "<sip:a@h>", 1),
        ("x", "<sip:b@h>", 2),
        ("y", "<sip:c@h>, <sip:d@h>", 1),
    ] {
        let line = format!("Contact: {contact}");
        registrar
            .register(NOW, aor, &request("1", 1, &[&line]), tcp(connection))
            .unwrap();
    }
    registrar.remove_flow(NOW, ConnectionId(1));
    assert_eq!(registrar.aors().collect::<Vec<_>>(), ["x"]);
    assert_eq!(registrar.len(), 1);
    registrar.remove_flow(NOW, ConnectionId(3));
    assert_eq!(registrar.len(), 1);
    assert!(registrar.remove(NOW, "x") && !registrar.remove(NOW, "x"));
    assert!(registrar.is_empty());
}

#[test]
fn time_that_goes_backwards_is_clamped() {
    let mut registrar = registrar();
    registrar.handle_timeout(NOW);
    registrar
        .register(
            Time::ZERO,
            AOR,
            &request("1", 1, &["Contact: <sip:a@h>", "Expires: 60"]),
            flow(),
        )
        .unwrap();
    assert_eq!(registrar.poll_timeout(), Some(NOW + secs(60)));
}

#[test]
fn contacts_of_one_address_at_the_limit_and_one_past() {
    let mut registrar = limited(|config| config.max_contacts = 2);
    registrar
        .register(NOW, AOR, &request("1", 1, &["Contact: <sip:a@h>, <sip:b@h>"]), flow())
        .unwrap();
    let error = registrar
        .register(NOW, AOR, &request("1", 2, &["Contact: <sip:c@h>"]), flow())
        .unwrap_err();
    assert_eq!((error, error.status().code()), (RegisterError::TooManyContacts, 503));
    assert_eq!(error.headers().unwrap().0, HeaderName::RetryAfter);
    // At the limit refreshing, exchanging and removing still work.
    let lines = ["Contact: <sip:a@h>;expires=0, <sip:c@h>, <sip:b@h>"];
    registrar.register(NOW, AOR, &request("1", 3, &lines), flow()).unwrap();
    assert_eq!(uris(&registrar), ["sip:b@h", "sip:c@h"]);
    // Twice as many in one request may be an exchange; more are not looked at.
    let removals = |count: usize| {
        let all: Vec<String> = (0..count).map(|i| format!("<sip:x{i}@h>;expires=0")).collect();
        format!("Contact: {}", all.join(", "))
    };
    registrar
        .register(NOW, AOR, &request("1", 4, &[&removals(4)]), flow())
        .unwrap();
    let error = registrar
        .register(NOW, AOR, &request("1", 5, &[&removals(5)]), flow())
        .unwrap_err();
    assert_eq!(error, RegisterError::TooManyContacts);
}

#[test]
fn the_whole_table_at_its_limits_and_one_past() {
    for change in [(|config| config.max_aors = 2) as fn(&mut RegistrarConfig), |config| {
        config.max_bindings = 2
    }] {
        let mut registrar = limited(change);
        for aor in ["x", "y"] {
            registrar
                .register(NOW, aor, &request("1", 1, &["Contact: <sip:a@h>"]), flow())
                .unwrap();
        }
        let error = registrar
            .register(NOW, "z", &request("1", 1, &["Contact: <sip:a@h>"]), flow())
            .unwrap_err();
        assert_eq!((error, error.status().code()), (RegisterError::Full, 503));
        assert!(!registrar.is_registered("z"));
        registrar
            .register(NOW, "x", &request("1", 2, &["Contact: <sip:a@h>"]), flow())
            .unwrap();
        registrar
            .register(NOW, "x", &request("1", 3, &["Contact: <sip:a@h>;expires=0"]), flow())
            .unwrap();
        registrar
            .register(NOW, "z", &request("1", 1, &["Contact: <sip:a@h>"]), flow())
            .unwrap();
        assert_eq!(registrar.len(), 2);
    }
}

#[test]
fn lengths_at_the_limit_and_one_past() {
    let contact = |len: usize| format!("<sip:{}@h>", "a".repeat(len - "<sip:@h>".len()));
    for (line, fits) in [
        (format!("Contact: {}", contact(100)), true),
        (format!("Contact: {}", contact(101)), false),
        (
            format!("Contact: <sip:a@h>\r\nPath: {}, {}", contact(50), contact(50)),
            true,
        ),
        (
            format!("Contact: <sip:a@h>\r\nPath: {}, {}", contact(50), contact(51)),
            false,
        ),
    ] {
        let mut registrar = limited(|config| config.max_contact_len = 100);
        let result = registrar.register(NOW, AOR, &request("1", 1, &[&line]), flow());
        assert_eq!(result.is_ok(), fits, "{line}");
        assert!(fits || result.unwrap_err() == RegisterError::TooLong);
    }
    for (len, fits) in [(100, true), (101, false)] {
        let mut registrar = limited(|config| config.max_contact_len = 100);
        let request = request(&"i".repeat(len), 1, &["Contact: <sip:a@h>"]);
        assert_eq!(registrar.register(NOW, AOR, &request, flow()).is_ok(), fits);
    }
    let mut registrar = registrar();
    let agent = format!("User-Agent: x{}", "ü".repeat(200));
    registrar
        .register(NOW, AOR, &request("1", 1, &["Contact: <sip:a@h>", &agent]), flow())
        .unwrap();
    assert_eq!(registrar.bindings(AOR)[0].user_agent.as_ref().unwrap().len(), 127);
}
