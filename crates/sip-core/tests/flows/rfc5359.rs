//! RFC 5359 §2.1 to §2.6: hold and transfer. The proxies that stand before each phone in the RFC are left out where they only
//! pass on; where a service is the proxy's, it is there.

use sip_core::{Body, Event, HeaderName, Method, NameAddr, OutOfDialog, Reply, StatusCode};

use crate::stage::{Stage, bye, call, replacing, three, told};

const BOB: &str = "sip:bob@biloxi.example.com";

#[test]
fn rfc5359_2_1_call_hold() {
    let (mut stage, alice, bob, _) = three();
    let proxy = stage.proxy("proxy", "biloxi.example.com", |_| {});
    stage.locate(proxy, "bob@biloxi.example.com", &[bob]);
    stage.call(alice, stage.invite(alice, BOB, proxy));
    let session = stage.ring(bob);
    stage.answer(bob, session);
    stage.change(bob, session, "a=sendonly", alice);
    stage.change(bob, session, "a=sendrecv", alice);
    stage.hang_up(alice, stage.last_reinvited(alice));
    let f = stage.end(
        "F1  alice → proxy INVITE
         F2  proxy → bob   INVITE
         F3  bob   → proxy 180 INVITE
         F4  proxy → alice 180 INVITE
         F5  bob   → proxy 200 INVITE
         F6  proxy → alice 200 INVITE
         F7  alice → proxy ACK
         F8  proxy → bob   ACK
         F9  bob   → proxy INVITE
         F10 proxy → alice INVITE
         F11 alice → proxy 200 INVITE
         F12 proxy → bob   200 INVITE
         F13 bob   → proxy ACK
         F14 proxy → alice ACK
         F15 bob   → proxy INVITE
         F16 proxy → alice INVITE
         F17 alice → proxy 200 INVITE
         F18 proxy → bob   200 INVITE
         F19 bob   → proxy ACK
         F20 proxy → alice ACK
         F21 alice → proxy BYE
         F22 proxy → bob   BYE
         F23 bob   → proxy 200 BYE
         F24 proxy → alice 200 BYE",
    );
    f.same_call(&[1, 9, 15, 21]);
    assert_eq!((f.body(10), f.body(16)), ("a=sendonly".into(), "a=sendrecv".into()));
    assert_eq!(
        (f.all(9, "Route").len(), f.has(10, "Route")),
        (1, false),
        "by way of the proxy"
    );
    assert_eq!(f.cseq(15), f.cseq(9) + 1);
    assert_eq!((f.tag(9, "From"), f.tag(9, "To")), (f.tag(5, "To"), f.tag(1, "From")));
}

#[test]
fn rfc5359_2_2_consultation_hold() {
    let (mut stage, alice, bob, carol) = three();
    let (_, of_bob) = stage.talk(alice, bob);
    stage.change(bob, of_bob, "a=sendonly", alice);
    let (of_carol, _) = stage.talk(bob, carol);
    stage.hang_up(bob, of_carol);
    stage.change(bob, of_bob, "a=sendrecv", alice);
    stage.hang_up(bob, of_bob);
    let ladder = [
        call("alice", "bob"),
        call("bob", "alice"),
        call("bob", "carol"),
        bye("bob", "carol"),
        call("bob", "alice"),
        bye("bob", "alice"),
    ];
    stage.end(&ladder.concat());
}

#[test]
fn rfc5359_2_4_transfer_unattended() {
    let (mut stage, alice, bob, carol) = three();
    let (_, of_bob) = stage.talk(alice, bob);
    let there = NameAddr::new(stage.contact(carol));
    let by = Reply::new().header(HeaderName::ReferredBy, "<sip:bob@biloxi.example.com>");
    stage
        .act(bob, |endpoint, now| endpoint.refer(now, of_bob, there, by))
        .unwrap();
    let (refer, refer_to) = stage.accept_refer(alice);
    let onward = stage.call_referred(alice, &refer_to, carol);
    stage.ring(carol);
    stage.pick_up(carol);
    stage.notify_refer(alice, refer, StatusCode::OK);
    stage.hang_up(bob, of_bob);
    stage.hang_up(alice, onward);
    let ladder = [
        call("alice", "bob"),
        "F1 bob → alice REFER
         -  alice → bob 202 REFER
        "
        .to_owned(),
        told("bob", "alice"),
        "F2 alice → carol INVITE
         -  carol → alice 180 INVITE
         -  carol → alice 200 INVITE
         -  alice → carol ACK
         F3 alice → bob NOTIFY
         -  bob → alice 200 NOTIFY
        "
        .to_owned(),
        bye("bob", "alice"),
        bye("alice", "carol"),
    ];
    let f = stage.end(&ladder.concat());
    assert_eq!(f.get(1, "Refer-To"), "<sip:carol@192.0.2.103:5060>");
    assert_eq!(f.get(2, "Referred-By"), "<sip:bob@biloxi.example.com>");
    assert_eq!(f.get(3, "Subscription-State"), "terminated;reason=noresource");
}

#[test]
fn rfc5359_2_5_transfer_attended() {
    let (mut stage, alice, bob, carol) = three();
    let (_, of_bob) = stage.talk(alice, bob);
    stage.change(bob, of_bob, "a=sendonly", alice);
    let (of_carol, _) = stage.talk(bob, carol);
    stage.change(bob, of_carol, "a=sendonly", carol);
    let there = replacing(&stage, carol, bob, of_carol);
    stage
        .act(bob, |endpoint, now| endpoint.refer(now, of_bob, there, Reply::new()))
        .unwrap();
    let (refer, refer_to) = stage.accept_refer(alice);
    let onward = stage.call_referred(alice, &refer_to, carol);
    stage.take_over(carol);
    stage.notify_refer(alice, refer, StatusCode::OK);
    stage.hang_up(bob, of_bob);
    stage.hang_up(alice, onward);
    let ladder = [
        call("alice", "bob"),
        call("bob", "alice"),
        call("bob", "carol"),
        call("bob", "carol"),
        "- bob → alice REFER
         - alice → bob 202 REFER
        "
        .to_owned(),
        told("bob", "alice"),
        "F1 alice → carol INVITE
         -  carol → alice 200 INVITE
         -  alice → carol ACK
         F2 carol → bob BYE
         -  bob → carol 200 BYE
        "
        .to_owned(),
        told("bob", "alice"),
        bye("bob", "alice"),
        bye("alice", "carol"),
    ];
    let f = stage.end(&ladder.concat());
    let tags = (f.tag(2, "From").unwrap(), f.tag(2, "To").unwrap());
    assert_eq!(
        f.get(1, "Replaces"),
        format!("{};to-tag={};from-tag={}", f.get(2, "Call-ID"), tags.0, tags.1)
    );
}

#[test]
fn rfc5359_2_6_transfer_instant_messaging() {
    // Bob asks Carol by an instant message whether she takes the call, before he transfers it.
    let (mut stage, alice, bob, carol) = three();
    let (_, of_bob) = stage.talk(alice, bob);
    stage.change(bob, of_bob, "a=sendonly", alice);
    message(&mut stage, bob, carol, "Alice is on the phone for you. Now?");
    message(&mut stage, carol, bob, "Yes, please");
    let there = NameAddr::new(stage.contact(carol));
    stage
        .act(bob, |endpoint, now| endpoint.refer(now, of_bob, there, Reply::new()))
        .unwrap();
    let (refer, refer_to) = stage.accept_refer(alice);
    let onward = stage.call_referred(alice, &refer_to, carol);
    stage.pick_up(carol);
    stage.notify_refer(alice, refer, StatusCode::OK);
    stage.hang_up(bob, of_bob);
    stage.hang_up(alice, onward);
    let ladder = [
        call("alice", "bob"),
        call("bob", "alice"),
        "F1 bob → carol MESSAGE
         -  carol → bob 200 MESSAGE
         F2 carol → bob MESSAGE
         -  bob → carol 200 MESSAGE
         -  bob → alice REFER
         -  alice → bob 202 REFER
        "
        .to_owned(),
        told("bob", "alice"),
        call("alice", "carol"),
        told("bob", "alice"),
        bye("bob", "alice"),
        bye("alice", "carol"),
    ];
    let f = stage.end(&ladder.concat());
    assert_eq!(
        (f.get(1, "Content-Type").as_str(), f.body(2).as_str()),
        ("text/plain", "Yes, please")
    );
    assert!(!f.has(1, "Contact"), "a MESSAGE makes no dialog");
}

fn message(stage: &mut Stage, from: usize, to: usize, text: &'static str) {
    let (person, target) = (stage.person(from), stage.contact(to));
    let mut request = OutOfDialog::new(Method::Message, target, person, stage.person(to));
    request.body = Some(Body::new("text/plain", text));
    stage.act(from, |endpoint, now| endpoint.send(now, request)).unwrap();
    let Some(Event::Request { request_id, .. }) = stage.net.events(to).pop() else {
        panic!("no MESSAGE came")
    };
    stage
        .act(to, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
        })
        .unwrap();
}
