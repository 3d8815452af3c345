//! RFC 5359 §2.10 and §2.16 to §2.17: conferences, and services that watch another phone's calls.

use sip_core::event::dialog_info::{DialogElement, DialogInfo, DialogState, DocumentState};
use sip_core::{Body, Event, HeaderName, StatusCode};

use crate::network::secs;
use crate::stage::{bye, call, sdp, three, told};

#[test]
fn rfc5359_2_10_three_way_conference_third_party_is_added() {
    let (mut stage, alice, bob, carol) = three();
    let (_, of_bob) = stage.talk(alice, bob);
    // Bob's phone mixes.
    let focus = "<sip:bob@192.0.2.102:5060>;isfocus";
    let mixed = sdp("mixed").header(HeaderName::Contact, focus);
    stage
        .act(bob, |endpoint, now| endpoint.reinvite(now, of_bob, mixed))
        .unwrap();
    stage.answer(alice, stage.last_reinvited(alice));
    let mut invite = stage.invite(bob, &stage.contact(carol).to_string(), carol);
    invite.headers.push((HeaderName::Contact, focus.into()));
    let of_carol = stage.call(bob, invite);
    stage.ring(carol);
    stage.pick_up(carol);
    stage.hang_up(bob, of_carol);
    stage.hang_up(bob, of_bob);
    let ladder = [
        call("alice", "bob"),
        "F1 bob → alice INVITE
         -  alice → bob 200 INVITE
         -  bob → alice ACK
         F2 bob → carol INVITE
         -  carol → bob 180 INVITE
         -  carol → bob 200 INVITE
         -  bob → carol ACK
        "
        .to_owned(),
        bye("bob", "carol"),
        bye("bob", "alice"),
    ];
    let f = stage.end(&ladder.concat());
    assert_eq!((f.get(1, "Contact"), f.get(2, "Contact")), (focus.into(), focus.into()));
}

/// What a phone says of its call to who watches it.
pub fn dialog_info(state: DialogState) -> Body {
    let mut info = DialogInfo::new("sip:bob@biloxi.example.com", 0, DocumentState::Full);
    info.dialogs.push(DialogElement::new("1", state));
    Body::new("application/dialog-info+xml", info.to_xml())
}

#[test]
fn rfc5359_2_16_call_pickup() {
    // Carol sees Bob's phone ring, and takes the call: Alice's early dialog with Bob is replaced.
    let (mut stage, alice, bob, carol) = three();
    let (watching, watched) = stage.watch(carol, bob, secs(600));
    stage.notify(bob, watched, dialog_info(DialogState::Terminated));
    let of_alice = stage.dial(alice, bob);
    stage.ring(bob);
    stage.notify(bob, watched, dialog_info(DialogState::Early));
    let dialog = stage.replaces_at(alice, of_alice) + ";early-only";
    let mut invite = stage.invite(carol, &stage.contact(alice).to_string(), alice);
    invite.headers.push((HeaderName::Replaces, dialog.into()));
    let of_carol = stage.call(carol, invite);
    let Event::Invite { replaces, .. } = stage.invited(alice) else {
        panic!()
    };
    assert_eq!(
        replaces,
        Some(Ok(of_alice)),
        "who called may have the early dialog replaced"
    );
    stage.take_over(alice);
    assert_eq!(stage.events(bob).last().map(String::as_str), Some("Cancelled"));
    stage.notify(bob, watched, dialog_info(DialogState::Terminated));
    stage.unwatch(carol, watching);
    stage.hang_up(carol, of_carol);
    let ladder = [
        "-  carol → bob SUBSCRIBE
         -  bob → carol 200 SUBSCRIBE
        "
        .to_owned(),
        told("carol", "bob"),
        "F1 alice → bob INVITE
         F2 bob → alice 180 INVITE
         F3 bob → carol NOTIFY
         -  carol → bob 200 NOTIFY
         F4 carol → alice INVITE
         -  alice → carol 200 INVITE
         -  carol → alice ACK
         F5 alice → bob CANCEL
         -  bob → alice 200 CANCEL
         F6 bob → alice 487 INVITE
         -  alice → bob ACK
        "
        .to_owned(),
        told("carol", "bob"),
        "-  carol → bob SUBSCRIBE
         -  bob → carol 200 SUBSCRIBE
        "
        .to_owned(),
        told("carol", "bob"),
        bye("carol", "alice"),
    ];
    let f = stage.end(&ladder.concat());
    assert!(f.body(3).contains("<state>early</state>"));
    let tags = (f.tag(1, "From").unwrap(), f.tag(2, "To").unwrap());
    let expected = format!(
        "{};to-tag={};from-tag={};early-only",
        f.get(1, "Call-ID"),
        tags.0,
        tags.1
    );
    assert_eq!(f.get(4, "Replaces"), expected);
    assert_eq!(f.get(6, "Call-ID"), f.get(1, "Call-ID"));
}

#[test]
fn rfc5359_2_17_automatic_redial() {
    let (mut stage, alice, bob, _) = three();
    stage.dial(alice, bob);
    stage.reject(bob, StatusCode::BUSY_HERE);
    let (watching, watched) = stage.watch(alice, bob, secs(600));
    stage.notify(bob, watched, dialog_info(DialogState::Confirmed));
    stage.wait(secs(60));
    stage.notify(bob, watched, dialog_info(DialogState::Terminated));
    // Now Bob is free.
    stage.unwatch(alice, watching);
    let (ours, _) = stage.talk(alice, bob);
    stage.hang_up(alice, ours);
    let ladder = [
        "F1 alice → bob INVITE
         F2 bob → alice 486 INVITE
         -  alice → bob ACK
         F3 alice → bob SUBSCRIBE
         F4 bob → alice 200 SUBSCRIBE
         F5 bob → alice NOTIFY
         -  alice → bob 200 NOTIFY
         F6 bob → alice NOTIFY
         -  alice → bob 200 NOTIFY
         -  alice → bob SUBSCRIBE
         -  bob → alice 200 SUBSCRIBE
         F7 bob → alice NOTIFY
         -  alice → bob 200 NOTIFY
        ",
        &call("alice", "bob"),
        &bye("alice", "bob"),
    ];
    let f = stage.end(&ladder.concat());
    assert_eq!(
        (f.get(3, "Event"), f.get(5, "Event")),
        ("dialog".into(), "dialog".into())
    );
    assert!(f.body(5).contains("confirmed") && f.body(6).contains("terminated"));
    assert_eq!(f.tag(5, "To"), f.tag(3, "From"));
    assert!(f.get(7, "Subscription-State").starts_with("terminated"));
}
