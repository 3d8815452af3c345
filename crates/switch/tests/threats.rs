//! What broke other PBXs, tried on this one, where it takes a policy and not only a protocol.
//!
//! | Row | Test |
//! |---|---|
//! | a method without authentication (CVE-2021-37624 MESSAGE, 2021-41157 SUBSCRIBE) | [`no_method_gets_anything_without_credentials`] |
//! | From spoofing after authentication (CVE-2025-47779) | [`who_is_authenticated_is_who_is_shown_whatever_from_says`] |
//! | another's address of record registered | [`who_is_authenticated_registers_himself_only`] |
//! | toll fraud: what is not configured is not reached | [`nothing_foreign_is_dialled`] |
//! | guessed passwords | [`who_guesses_passwords_is_not_heard_and_calls_go_on`] |
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use std::net::SocketAddr;

use machine::{Machine, Time};
use sip_core::{
    Credentials, Event as Sip, Flow, HeaderName, Host, Message, Method, NameAddr, OutOfDialog, Request, StatusCode, Uri,
};
use support::*;
use switch::{Event, Input, Output, Switch};

const NOW: Time = Time::from_secs(1_800_000_000);

/// A stranger's request to a switch that knows nobody: the status of the answer.
fn status(method: &str, more: &str) -> Option<u16> {
    let mut switch = Switch::new(config(), [7; 32]).unwrap();
    let text = format!(
        "{method} sip:1002@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
         From: <sip:1001@pbx.test>;tag=a\r\nTo: <sip:1002@pbx.test>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:1001@192.0.2.66>\r\n{more}Content-Length: 0\r\n\r\n"
    );
    let source: SocketAddr = "192.0.2.66:5060".parse().unwrap();
    switch.handle(
        NOW,
        Input::Sip {
            flow: Flow::udp(PBX, source),
            data: text.into(),
        },
    );
    let mut status = None;
    while let Some(output) = switch.poll_output() {
        match output {
            Output::Sip(transmit) => match Message::parse(transmit.data).unwrap() {
                Message::Response(response) => status = Some(response.status().code()),
                Message::Request(request) => panic!("{method}: {request:?}"),
            },
            other => panic!("{method}: {other:?}"),
        }
    }
    assert_eq!((switch.call_count(), switch.registrar().len()), (0, 0), "{method}");
    status
}

#[test]
fn no_method_gets_anything_without_credentials() {
    for (method, more, expected) in [
        ("INVITE", "", Some(401)),
        ("REGISTER", "", Some(401)),
        ("OPTIONS", "", Some(401)),
        ("SUBSCRIBE", "Event: dialog\r\n", Some(401)),
        ("SUBSCRIBE", "Event: presence\r\n", Some(401)),
        ("REFER", "Refer-To: <sip:1003@pbx.test>\r\n", Some(403)),
        // In no dialog.
        ("BYE", "", Some(481)),
        ("CANCEL", "", Some(481)),
        ("INFO", "", Some(481)),
        ("UPDATE", "", Some(481)),
        ("PRACK", "RAck: 1 1 INVITE\r\n", Some(481)),
        // Not built.
        ("MESSAGE", "", Some(405)),
        ("PUBLISH", "Event: presence\r\n", Some(405)),
        ("NOTIFY", "Event: dialog\r\nSubscription-State: active\r\n", Some(405)),
        ("FOO", "", Some(501)),
        // Never answered.
        ("ACK", "", None),
    ] {
        assert_eq!(status(method, more), expected, "{method} {more}");
    }
}

#[test]
fn who_is_authenticated_is_who_is_shown_whatever_from_says() {
    for from in [
        "<sip:1003@pbx.test>",
        "\"Director\" <sip:+15550100@bank.example>",
        "\"Desk 1003\" <tel:1003>",
    ] {
        let mut desk = Desk::new(|_| {});
        let mut invite = Desk::invitation(0, "1002", Some(sdp(0, "sendrecv")));
        invite.from = NameAddr::parse(from.as_bytes()).unwrap();
        let forged = NameAddr::parse(b"<sip:1003@pbx.test>").unwrap().to_string();
        for name in ["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"] {
            invite
                .headers
                .push((HeaderName::parse(name.as_bytes()).unwrap(), forged.clone().into()));
        }
        let call = desk.invite(0, invite);
        desk.rung(1);
        let Some(Sip::Invite { request, .. }) = desk.inbox[1].last() else {
            panic!()
        };
        assert_eq!(request.from().unwrap().uri.user().as_deref(), Some("1001"), "{from}");
        let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
        assert!(
            !text.contains("1003") && !text.contains("5550100") && !text.contains("Director"),
            "{text}"
        );
        assert!(
            desk.events
                .iter()
                .any(|event| matches!(event, Event::CallStarted { from, .. } if from == "1001"))
        );
        desk.hang_up(0, call);
    }
}

#[test]
fn who_is_authenticated_registers_himself_only() {
    let mut desk = Desk::new(|_| {});
    let target = Uri::sip(None, Host::from("pbx.test"), None);
    let before = desk.switch.registrar().bindings("1002").to_vec();
    let (own, other) = (NameAddr::new(uri("1001")), NameAddr::new(uri("1002")));
    for (from, to) in [(&own, &other), (&other, &other)] {
        let mut register = OutOfDialog::new(Method::Register, target.clone(), from.clone(), to.clone());
        register.flow = Some(Desk::flow(0));
        register.credentials = Some(Credentials::new("1001", "secret"));
        register.contact_user = Some("1001".to_owned());
        let now = desk.now;
        desk.phones[0].send(now, register).unwrap();
        desk.pump();
        assert!(matches!(
            desk.inbox[0].last(),
            Some(Sip::Response {
                status: StatusCode::FORBIDDEN,
                ..
            })
        ));
        assert_eq!(desk.switch.registrar().bindings("1002"), before);
    }
}

#[test]
fn nothing_foreign_is_dialled() {
    for target in [
        "sip:0015550100@pbx.test",
        "sip:1002@bank.example;maddr=192.0.2.1",
        "tel:+15550100",
        "sip:pbx.test",
    ] {
        let mut desk = Desk::new(|_| {});
        let mut invite = Desk::invitation(0, "1002", Some(sdp(0, "sendrecv")));
        invite.target = Uri::parse(target.as_bytes()).unwrap();
        let call = desk.invite(0, invite);
        assert_eq!(desk.failure(0, call), Some(StatusCode::NOT_FOUND), "{target}");
        assert_eq!(desk.rings(1), 0);
        desk.check_idle();
    }
}

/// The request with a password that is not the right one.
fn spoilt(request: &mut Request) {
    let spoilt = request.headers().get_str(&HeaderName::Authorization).map(|value| {
        let at = value.find("response=\"").unwrap() + 10;
        let mut value = value.to_owned();
        let digit = if value[at..].starts_with('0') { "1" } else { "0" };
        value.replace_range(at..=at, digit);
        value
    });
    if let Some(value) = spoilt {
        request.headers_mut().set(HeaderName::Authorization, value);
    }
}

#[test]
fn who_guesses_passwords_is_not_heard_and_calls_go_on() {
    let mut desk = Desk::new(|config| {
        let guard = config.guard.as_mut().unwrap();
        guard.authenticated_failures = 3;
    });
    let (caller, callee) = desk.call(0, 1);
    desk.tamper = Some(spoilt);
    for _ in 0..3 {
        let call = desk.dial(0, "1003");
        assert_eq!(desk.failure(0, call), Some(StatusCode::FORBIDDEN));
    }
    desk.tamper = None;
    let source = address(0).ip().into();
    assert_eq!(
        desk.count(|event| matches!(event, Event::SourceBanned { source: banned, .. } if *banned == source)),
        1
    );
    // Not even the right password helps now.
    let call = desk.dial(0, "1003");
    desk.wait(SECOND);
    assert_eq!((desk.rings(2), desk.failure(0, call)), (0, None));
    // Others call as they like, and the call that is up goes on.
    let (other, _) = desk.call(2, 3);
    desk.hang_up(2, other);
    assert!(desk.talk(0, 1));
    assert_eq!(desk.info(0, caller, "", ""), StatusCode::OK);
    desk.hang_up(1, callee);
    assert!(desk.ended(0, caller));
    desk.wait(SECOND * 400);
    assert_eq!(desk.count(|event| matches!(event, Event::SourceUnbanned { .. })), 1);
    let again = desk.dial(0, "1003");
    assert_eq!(desk.rings(2), 1);
    desk.hang_up(0, again);
}
