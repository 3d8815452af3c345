//! Flows of INVITE's extensions: reliable ringing, changes before the answer, session timers, and joining a call.

use sip_core::{Event, HeaderName, Reliability, Reply, SessionTimers, StatusCode};

use crate::network::secs;
use crate::stage::{Stage, bye, call, sdp};

#[test]
fn rfc3262_reliable_ringing_with_early_media() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.phone("alice", "example.com"), stage.phone("bob", "example.com"));
    let ours = stage.dial(alice, bob);
    let session = stage.incoming(bob);
    stage
        .act(bob, |endpoint, now| {
            endpoint.provisional(now, session, StatusCode::SESSION_PROGRESS, sdp("answer"))
        })
        .unwrap();
    stage
        .act(bob, |endpoint, now| endpoint.answer(now, session, Reply::new()))
        .unwrap();
    stage.hang_up(alice, ours);
    let ladder = "F1 alice → bob INVITE
        F2 bob → alice 183 INVITE
        F3 alice → bob PRACK
        F4 bob → alice 200 PRACK
        F5 bob → alice 200 INVITE
        F6 alice → bob ACK
        "
    .to_owned()
        + &bye("alice", "bob");
    let f = stage.end(&ladder);
    assert!(f.all(1, "Supported").contains(&"100rel".to_owned()));
    assert!(f.all(2, "Require").contains(&"100rel".to_owned()));
    assert_eq!(f.get(3, "RAck"), format!("{} {}", f.get(2, "RSeq"), f.get(1, "CSeq")));
    assert_eq!(f.cseq(3), f.cseq(1) + 1);
    assert_eq!(f.target(3), "sip:bob@192.0.2.102:5060", "the early dialog's target");
    assert_eq!(f.tag(3, "To"), f.tag(2, "To"));
    assert_eq!(f.get(6, "CSeq"), f.get(1, "CSeq").replace("INVITE", "ACK"));
    assert_eq!((f.body(2), f.body(5)), ("answer".into(), String::new()));
}

#[test]
fn rfc3311_early_media_is_put_on_hold() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.phone("alice", "example.com"), stage.phone("bob", "example.com"));
    let ours = stage.dial(alice, bob);
    let session = stage.incoming(bob);
    stage
        .act(bob, |endpoint, now| {
            endpoint.provisional(now, session, StatusCode::SESSION_PROGRESS, sdp("answer"))
        })
        .unwrap();
    stage
        .act(alice, |endpoint, now| endpoint.update(now, ours, sdp("a=sendonly")))
        .unwrap();
    let Some(Event::Request { request_id, .. }) = stage.net.events(bob).pop() else {
        panic!("no UPDATE came")
    };
    stage
        .act(bob, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, sdp("a=recvonly"))
        })
        .unwrap();
    stage
        .act(bob, |endpoint, now| endpoint.answer(now, session, Reply::new()))
        .unwrap();
    stage.hang_up(alice, ours);
    let ladder = "F1 alice → bob INVITE
        F2 bob → alice 183 INVITE
        -  alice → bob PRACK
        -  bob → alice 200 PRACK
        F3 alice → bob UPDATE
        F4 bob → alice 200 UPDATE
        F5 bob → alice 200 INVITE
        -  alice → bob ACK
        "
    .to_owned()
        + &bye("alice", "bob");
    let f = stage.end(&ladder);
    assert_eq!((f.body(3), f.body(4)), ("a=sendonly".into(), "a=recvonly".into()));
    assert!(f.has(3, "Contact") && f.has(4, "Contact"), "both refresh the target");
    assert!(f.all(1, "Allow").contains(&"UPDATE".to_owned()));
    f.same_call(&[1, 3, 5]);
}

#[test]
fn rfc4028_a_session_is_refreshed_before_it_expires() {
    let mut stage = Stage::new();
    let alice = stage.phone_with("alice", "example.com", |config| {
        config.session_timers = SessionTimers::Requested;
        config.session_expires = secs(90);
        config.reliability = Reliability::Never;
    });
    let bob = stage.phone("bob", "example.com");
    let (ours, _) = stage.talk(alice, bob);
    stage.wait(secs(60));
    stage.hang_up(alice, ours);
    let ladder = "F1 alice → bob INVITE
        F2 bob → alice 200 INVITE
        -  alice → bob ACK
        F3 alice → bob UPDATE
        F4 bob → alice 200 UPDATE
        "
    .to_owned()
        + &bye("alice", "bob");
    let f = stage.end(&ladder);
    assert_eq!(
        (f.get(1, "Session-Expires"), f.get(2, "Session-Expires")),
        ("90".into(), "90;refresher=uac".into())
    );
    assert_eq!(
        (f.get(3, "Session-Expires"), f.body(3)),
        ("90;refresher=uac".into(), String::new())
    );
    assert_eq!(f.get(2, "Require"), "timer");
}

#[test]
fn rfc5359_2_11_three_way_conference_third_party_joins() {
    let mut stage = Stage::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"]
        .map(|name| stage.phone_with(name, "example.com", |config| config.supported.push("join".into())));
    let (_, of_bob) = stage.talk(alice, bob);
    // Carol has seen the dialog in a NOTIFY of package `dialog`, and asks to be let in.
    let dialog = stage.replaces_at(bob, of_bob);
    let mut invite = stage.invite(carol, &stage.contact(bob).to_string(), bob);
    invite.headers.push((HeaderName::Join, dialog.into()));
    invite.headers.push((HeaderName::Require, "join".into()));
    let of_carol = stage.call(carol, invite);
    let Event::Invite {
        session,
        join: Some(Ok(joined)),
        ..
    } = stage.invited(bob)
    else {
        panic!("the dialog is found")
    };
    assert_eq!(joined, of_bob);
    let focus = "<sip:bob@192.0.2.102:5060>;isfocus";
    let mixed = sdp("mixed").header(HeaderName::Contact, focus);
    stage
        .act(bob, |endpoint, now| endpoint.answer(now, session, mixed.clone()))
        .unwrap();
    stage
        .act(bob, |endpoint, now| endpoint.reinvite(now, of_bob, mixed))
        .unwrap();
    stage.answer(alice, stage.last_reinvited(alice));
    stage.hang_up(carol, of_carol);
    stage.hang_up(bob, of_bob);
    let ladder = [
        call("alice", "bob"),
        "F1 carol → bob INVITE
         F2 bob → carol 200 INVITE
         -  carol → bob ACK
         F3 bob → alice INVITE
         -  alice → bob 200 INVITE
         -  bob → alice ACK
        "
        .to_owned(),
        bye("carol", "bob"),
        bye("bob", "alice"),
    ];
    let f = stage.end(&ladder.concat());
    assert!(f.get(1, "Join").contains(";to-tag="));
    assert_eq!((f.get(2, "Contact"), f.get(3, "Contact")), (focus.into(), focus.into()));
}
