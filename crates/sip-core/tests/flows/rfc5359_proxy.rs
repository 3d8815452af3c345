//! RFC 5359 §2.7 to §2.9 and §2.12 to §2.14: the services of a proxy.

use sip_core::proxy::{self, Target, TargetSet};
use sip_core::{Event, Reply, StatusCode};

use crate::network::secs;
use crate::stage::{Stage, credentials, three};

const BOB: &str = "sip:bob@biloxi.example.com";

/// Alice calls Bob by way of his proxy.
fn forwarding(targets: impl FnOnce(&Stage, usize, usize) -> TargetSet) -> (Stage, usize, usize, usize) {
    let (mut stage, alice, bob, carol) = three();
    let proxy = stage.proxy("proxy", "biloxi.example.com", |config| config.record_route = false);
    let targets = targets(&stage, bob, carol);
    stage.net.router(proxy).locate("bob@biloxi.example.com", targets);
    stage.call(alice, stage.invite(alice, BOB, proxy));
    (stage, alice, bob, carol)
}

fn at(stage: &Stage, node: usize) -> Target {
    Target::new(stage.contact(node))
}

#[test]
fn rfc5359_2_7_call_forwarding_unconditional() {
    let (mut stage, _, _, carol) = forwarding(|stage, _, carol| TargetSet::parallel([at(stage, carol)]));
    let session = stage.ring(carol);
    stage.answer(carol, session);
    stage.hang_up(carol, session);
    let f = stage.end(
        "F1  alice → proxy INVITE
         F2  proxy → carol INVITE
         F3  carol → proxy 180 INVITE
         F4  proxy → alice 180 INVITE
         F5  carol → proxy 200 INVITE
         F6  proxy → alice 200 INVITE
         F7  alice → carol ACK
         F8  carol → alice BYE
         F9  alice → carol 200 BYE",
    );
    assert_eq!(
        (f.target(1), f.target(2)),
        (BOB.into(), "sip:carol@192.0.2.103:5060".into())
    );
    assert_eq!(f.get(2, "To"), f.get(1, "To"), "To stays what was dialled");
}

#[test]
fn rfc5359_2_8_call_forwarding_busy() {
    let (mut stage, _, bob, carol) =
        forwarding(|stage, bob, carol| TargetSet::serial([at(stage, bob), at(stage, carol)]));
    stage.reject(bob, StatusCode::BUSY_HERE);
    let session = stage.ring(carol);
    stage.answer(carol, session);
    stage.hang_up(carol, session);
    let f = stage.end(
        "F1  alice → proxy INVITE
         F2  proxy → bob   INVITE
         F3  bob   → proxy 486 INVITE
         F4  proxy → bob   ACK
         F5  proxy → carol INVITE
         F6  carol → proxy 180 INVITE
         F7  proxy → alice 180 INVITE
         F8  carol → proxy 200 INVITE
         F9  proxy → alice 200 INVITE
         F10 alice → carol ACK
         F11 carol → alice BYE
         F12 alice → carol 200 BYE",
    );
    assert_ne!(
        f.all(5, "Via")[0],
        f.all(2, "Via")[0],
        "each target has a branch of its own"
    );
}

#[test]
fn rfc5359_2_9_call_forwarding_no_answer() {
    let (mut stage, _, bob, carol) = forwarding(|stage, bob, carol| {
        TargetSet::parallel([at(stage, bob)])
            .ring_for(secs(20))
            .then([at(stage, carol)])
    });
    stage.ring(bob);
    stage.wait(secs(21));
    assert_eq!(stage.events(bob), ["Invite", "Cancelled"]);
    let session = stage.pick_up(carol);
    stage.hang_up(carol, session);
    let f = stage.end(
        "F1  alice → proxy INVITE
         F2  proxy → bob   INVITE
         F3  bob   → proxy 180 INVITE
         F4  proxy → alice 180 INVITE
         F5  proxy → bob   CANCEL
         F9  proxy → carol INVITE
         F6  bob   → proxy 200 CANCEL
         F7  bob   → proxy 487 INVITE
         F8  proxy → bob   ACK
         -   carol → proxy 100 INVITE
         F10 carol → proxy 200 INVITE
         F11 proxy → alice 200 INVITE
         F12 alice → carol ACK
         F13 carol → alice BYE
         F14 alice → carol 200 BYE",
    );
    assert_eq!(f.all(5, "Via")[0], f.all(2, "Via")[0]);
    assert_ne!(f.tag(4, "To"), f.tag(11, "To"), "another fork, another dialog");
}

#[test]
fn rfc5359_2_12_find_me() {
    // Bob's proxy tries his phones one after the other.
    let (mut stage, alice, bob, carol) = three();
    let (desk, mobile) = (bob, carol);
    stage.rename(desk, "desk");
    stage.rename(mobile, "mobile");
    let home = stage.phone("home", "biloxi.example.com");
    let proxy = stage.proxy("proxy", "biloxi.example.com", |config| config.record_route = false);
    let hunt = TargetSet::parallel([at(&stage, desk)]).ring_for(secs(10));
    let hunt = hunt.then([at(&stage, mobile)]).then([at(&stage, home)]);
    stage.net.router(proxy).locate("bob@biloxi.example.com", hunt);
    let ours = stage.call(alice, stage.invite(alice, BOB, proxy));
    stage.ring(desk);
    stage.wait(secs(11));
    stage.reject(mobile, StatusCode::TEMPORARILY_UNAVAILABLE);
    stage.pick_up(home);
    stage.hang_up(alice, ours);
    let f = stage.end(
        "F1  alice  → proxy  INVITE
         F2  proxy  → desk   INVITE
         F3  desk   → proxy  180 INVITE
         F4  proxy  → alice  180 INVITE
         F5  proxy  → desk   CANCEL
         F9  proxy  → mobile INVITE
         F6  desk   → proxy  200 CANCEL
         F7  desk   → proxy  487 INVITE
         F8  proxy  → desk   ACK
         -   mobile → proxy  100 INVITE
         F10 mobile → proxy  480 INVITE
         F11 proxy  → mobile ACK
         F12 proxy  → home   INVITE
         F13 home   → proxy  200 INVITE
         F14 proxy  → alice  200 INVITE
         F15 alice  → home   ACK
         F16 alice  → home   BYE
         F17 home   → alice  200 BYE",
    );
    let branches = [2, 9, 12].map(|number| f.all(number, "Via")[0].clone());
    assert!(branches[0] != branches[1] && branches[1] != branches[2]);
}

/// Alice's call to `target` is refused by `policy`, once she has proved who she is.
fn screened(proxy: &'static str, domain: &'static str, target: &str, barred: fn(&sip_core::Request) -> bool) {
    let (mut stage, alice, bob, _) = three();
    let node = stage.proxy(proxy, domain, |config| config.realm = Some(domain.into()));
    stage.locate(node, "bob@biloxi.example.com", &[bob]);
    let (mut server, secret) = crate::stage::digest(domain);
    stage.policy(node, move |proxy, now, event| {
        let proxy::Event::Request { context, request, .. } = event else {
            return false;
        };
        let (status, reply) =
            match server.authenticate_proxied(now, request, |user| (user == "alice").then_some(&secret)) {
                Err(refusal) => (refusal.status, refusal.into()),
                Ok(_) if barred(request) => (StatusCode::FORBIDDEN, Reply::new().reason("Screening failure")),
                Ok(_) => return false,
            };
        proxy.respond(now, *context, status, reply).unwrap();
        true
    });
    let mut invite = stage.routed(alice, target, node);
    invite.credentials = Some(credentials().with_realm(domain));
    stage.call(alice, invite);
    let Some(Event::Failed {
        status: StatusCode::FORBIDDEN,
        response: Some(response),
        ..
    }) = stage.net.events(alice).pop()
    else {
        panic!("she is refused")
    };
    assert_eq!(response.reason(), "Screening failure");
    assert!(stage.events(bob).is_empty());
    let ladder = "F1 alice → proxy INVITE
        F2 proxy → alice 407 INVITE
        F3 alice → proxy ACK
        F4 alice → proxy INVITE
        F5 proxy → alice 403 INVITE
        F6 alice → proxy ACK";
    let f = stage.end(&ladder.replace("proxy", proxy));
    assert!(f.get(4, "Proxy-Authorization").contains(&format!("realm=\"{domain}\"")));
    assert_eq!(f.cseq(4), f.cseq(1) + 1);
}

#[test]
fn rfc5359_2_13_call_management_incoming_call_screening() {
    let from_alice = |request: &sip_core::Request| request.from().unwrap().uri.user().unwrap() == "alice";
    screened("proxy2", "biloxi.example.com", BOB, from_alice);
}

#[test]
fn rfc5359_2_14_call_management_outgoing_call_screening() {
    let to_premium = |request: &sip_core::Request| request.request_uri().unwrap().user().unwrap().starts_with("+1900");
    screened(
        "proxy1",
        "atlanta.example.com",
        "sip:+19005551234@gateway.example.com",
        to_premium,
    );
}
