//! `b2bua` over real sockets, between two SIPps, and between two endpoints.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail"
)]

#[path = "../../testing/mod.rs"]
mod testing;

use std::time::Instant;

use sip_core::{
    Body, Endpoint, EndpointConfig, Event, HeaderName, Invite, NameAddr, Reply, SessionId, StatusCode, Uri,
};
use sip_sockets::{Sockets, now};
use testing::{Program, Sipp, sipp_is_installed};

fn start(next_hop: std::net::SocketAddr) -> Program {
    Program::start(env!("CARGO_BIN_EXE_b2bua"), &["--next-hop", &next_hop.to_string()])
}

/// Runs SIPp's `caller` through the program to SIPp's `callee`.
fn between(caller: &str, callee: &str, calls: &[&str]) {
    if !sipp_is_installed() {
        return;
    }
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let callee = Sipp::start(callee, nowhere, &calls[..2.min(calls.len())]).ready();
    let program = start(format!("127.0.0.1:{}", callee.port).parse().unwrap());
    Sipp::start(caller, program.address, calls).finish();
    callee.finish();
}

#[test]
fn two_hundred_calls_pass() {
    between("uac", "uas", &["-m", "200", "-r", "200", "-d", "100"]);
}

#[test]
fn hold_digits_and_the_end_pass_and_a_transfer_is_refused() {
    between(
        "b2bua/tests/sipp/uac_features.xml",
        "b2bua/tests/sipp/uas_features.xml",
        &[],
    );
}

#[test]
fn a_cancel_passes() {
    between(
        "b2bua/tests/sipp/uac_cancel.xml",
        "b2bua/tests/sipp/uas_cancelled.xml",
        &[],
    );
}

/// A phone: an endpoint on sockets of its own.
struct Phone {
    sockets: Sockets,
    endpoint: Endpoint,
}

impl Phone {
    fn new() -> Self {
        // A port that is free for UDP may be taken for TCP.
        let sockets = (0..20)
            .find_map(|_| Sockets::bind("127.0.0.1:0".parse().unwrap()).ok())
            .unwrap();
        let endpoint = Endpoint::new(EndpointConfig::new(sockets.listen()), sip_sockets::seed().unwrap());
        Self { sockets, endpoint }
    }

    /// Calls through the program; without a body, so that the callee has to offer.
    fn call(&mut self, program: &Program, body: Option<Body>) -> SessionId {
        let uri = |text: String| Uri::parse(text.as_bytes()).unwrap();
        let target = uri(format!("sip:bob@{}", program.address));
        let alice = NameAddr::new(uri("sip:alice@example.com".into()));
        let mut invite = Invite::new(target.clone(), alice, NameAddr::new(target));
        invite
            .headers
            .push((HeaderName::parse(b"X-Unknown").unwrap(), "\"kept, as it is\"".into()));
        invite.body = body;
        self.endpoint.invite(now(), invite).unwrap()
    }

    /// Waits for the first event for which `wanted` gives something; the others are past.
    fn until<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed().as_secs() < 10 {
            while let Some(event) = self.sockets.poll_event(&mut self.endpoint) {
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
            let soon = now() + std::time::Duration::from_millis(100);
            self.sockets.wait(&mut self.endpoint, Some(soon));
        }
        panic!("what was waited for did not happen");
    }

    fn flush(&mut self) {
        while self.sockets.poll_event(&mut self.endpoint).is_some() {}
    }
}

#[test]
fn the_callees_offer_and_the_callers_answer_pass_and_so_does_the_callees_goodbye() {
    let (mut alice, mut bob) = (Phone::new(), Phone::new());
    let program = start(bob.sockets.local());
    alice.call(&program, None);
    alice.flush();
    let (session, request) = bob.until(|event| match event {
        Event::Invite { session, request, .. } => Some((session, request)),
        _ => None,
    });
    let header = |name: &HeaderName| request.headers().get_str(name).unwrap().to_owned();
    assert_eq!(header(&HeaderName::parse(b"x-unknown").unwrap()), "\"kept, as it is\"");
    assert!(header(&HeaderName::From).starts_with("<sip:alice@example.com>;tag="));
    assert_eq!(
        (header(&HeaderName::MaxForwards).as_str(), request.body().len()),
        ("69", 0)
    );
    let offer = Reply::new().body(Body::sdp("offer, not even SDP"));
    bob.endpoint.answer(now(), session, offer).unwrap();
    bob.flush();
    let (call, response) = alice.until(|event| match event {
        Event::Answered { session, response } => Some((session, response)),
        _ => None,
    });
    assert_eq!(response.body(), "offer, not even SDP");
    alice
        .endpoint
        .acknowledge(now(), call, Some(Body::sdp("answer")))
        .unwrap();
    alice.flush();
    let answer = bob.until(|event| match event {
        Event::Confirmed { body, .. } => body,
        _ => None,
    });
    assert_eq!(answer, "answer");
    let reason = sip_core::header::Reason::sip(StatusCode::OK);
    bob.endpoint.hang_up(now(), session, Some(reason)).unwrap();
    bob.flush();
    let cause = alice.until(|event| match event {
        Event::Ended { cause, .. } => Some(cause),
        _ => None,
    });
    assert_eq!(cause.reason().and_then(|reason| reason.cause), Some(200));
}

#[test]
fn a_refusal_passes_with_its_words_and_headers() {
    let (mut alice, mut bob) = (Phone::new(), Phone::new());
    let program = start(bob.sockets.local());
    alice.call(&program, Some(Body::sdp("offer")));
    alice.flush();
    let session = bob.until(|event| match event {
        Event::Invite { session, .. } => Some(session),
        _ => None,
    });
    let busy = Reply::new()
        .reason("On the other line")
        .header(HeaderName::RetryAfter, "60");
    bob.endpoint
        .reject(now(), session, StatusCode::BUSY_HERE, busy)
        .unwrap();
    bob.flush();
    let response = alice.until(|event| match event {
        Event::Failed { response, .. } => response,
        _ => None,
    });
    assert_eq!(
        (response.status(), response.reason()),
        (StatusCode::BUSY_HERE, "On the other line")
    );
    assert_eq!(response.headers().get_str(&HeaderName::RetryAfter), Some("60"));
}
