//! RFC 5359 §2.3, §2.15 and §2.18: others are referred to a call.

use sip_core::event::dialog_info::DialogState;
use sip_core::{HeaderName, NameAddr, StatusCode};

use crate::network::{ms, secs};
use crate::rfc5359_watching::dialog_info;
use crate::stage::{bye, call, replacing, three, told, uri};

#[test]
fn rfc5359_2_3_music_on_hold() {
    // Bob asks the music server to take his place, and takes it back later.
    let (mut stage, alice, bob, music) = three();
    stage.rename(music, "music");
    let (of_alice, of_bob) = stage.talk(alice, bob);
    stage.change(bob, of_bob, "a=sendonly", alice);
    let there = replacing(&stage, alice, bob, of_bob);
    stage.send_refer(bob, music, there, &[]);
    let (refer, refer_to) = stage.accept_refer(music);
    stage.call_referred(music, &refer_to, alice);
    let with_music = stage.take_over(alice);
    stage.notify_refer(music, refer, StatusCode::OK);
    assert!(stage.net.endpoint(alice).session_info(of_alice).is_none());
    // Bob comes back: the music's dialog, which he was told of, is replaced by his.
    let dialog = stage.replaces_at(alice, with_music);
    let mut invite = stage.invite(bob, &stage.contact(alice).to_string(), alice);
    invite.headers.push((HeaderName::Replaces, dialog.into()));
    let again = stage.call(bob, invite);
    stage.take_over(alice);
    stage.hang_up(bob, again);
    let ladder = [
        call("alice", "bob"),
        call("bob", "alice"),
        "F1 bob → music REFER
         -  music → bob 202 REFER
        "
        .to_owned(),
        told("bob", "music"),
        "F2 music → alice INVITE
         -  alice → music 200 INVITE
         -  music → alice ACK
         F3 alice → bob BYE
         -  bob → alice 200 BYE
        "
        .to_owned(),
        told("bob", "music"),
        "F4 bob → alice INVITE
         -  alice → bob 200 INVITE
         -  bob → alice ACK
         F5 alice → music BYE
         -  music → alice 200 BYE
        "
        .to_owned(),
        bye("bob", "alice"),
    ];
    let f = stage.end(&ladder.concat());
    assert!(f.get(1, "Refer-To").contains("?Replaces="));
    assert!(f.get(2, "Replaces").starts_with(&f.get(3, "Call-ID")), "Bob's call");
    assert!(
        f.get(4, "Replaces").starts_with(&f.get(5, "Call-ID")),
        "the music's call"
    );
}

#[test]
fn rfc5359_2_15_call_park() {
    // Bob parks Alice at the park server; Carol sees her there, and fetches her.
    let (mut stage, alice, bob, carol) = three();
    let park = stage.phone("park", "biloxi.example.com");
    let (_, of_bob) = stage.talk(alice, bob);
    stage.change(bob, of_bob, "a=sendonly", alice);
    let there = replacing(&stage, alice, bob, of_bob);
    stage.send_refer(
        bob,
        park,
        there,
        &[(HeaderName::ReferredBy, "<sip:bob@biloxi.example.com>")],
    );
    let (refer, refer_to) = stage.accept_refer(park);
    stage.call_referred(park, &refer_to, alice);
    let parked = stage.take_over(alice);
    stage.notify_refer(park, refer, StatusCode::OK);
    let (watching, watched) = stage.watch(carol, park, secs(600));
    stage.notify(park, watched, dialog_info(DialogState::Confirmed));
    let dialog = stage.replaces_at(alice, parked);
    let mut invite = stage.invite(carol, &stage.contact(alice).to_string(), alice);
    invite.headers.push((HeaderName::Replaces, dialog.into()));
    let of_carol = stage.call(carol, invite);
    stage.take_over(alice);
    stage.notify(park, watched, dialog_info(DialogState::Terminated));
    stage.unwatch(carol, watching);
    stage.hang_up(carol, of_carol);
    let ladder = [
        call("alice", "bob"),
        call("bob", "alice"),
        "F1 bob → park REFER
         -  park → bob 202 REFER
        "
        .to_owned(),
        told("bob", "park"),
        "F2 park → alice INVITE
         -  alice → park 200 INVITE
         -  park → alice ACK
         F3 alice → bob BYE
         -  bob → alice 200 BYE
        "
        .to_owned(),
        told("bob", "park"),
        "F4 carol → park SUBSCRIBE
         F5 park → carol 200 SUBSCRIBE
         F6 park → carol NOTIFY
         -  carol → park 200 NOTIFY
         F7 carol → alice INVITE
         -  alice → carol 200 INVITE
         -  carol → alice ACK
         F8 alice → park BYE
         -  park → alice 200 BYE
         F9 park → carol NOTIFY
         -  carol → park 200 NOTIFY
         -  carol → park SUBSCRIBE
         -  park → carol 200 SUBSCRIBE
         F10 park → carol NOTIFY
         -  carol → park 200 NOTIFY
        "
        .to_owned(),
        bye("carol", "alice"),
    ];
    let f = stage.end(&ladder.concat());
    assert!(f.get(2, "Replaces").starts_with(&f.get(3, "Call-ID")));
    assert_eq!(f.get(2, "Referred-By"), "<sip:bob@biloxi.example.com>");
    assert_eq!(
        (f.get(4, "Event"), f.get(4, "Expires"), f.get(5, "Expires")),
        ("dialog".into(), "600".into(), "600".into())
    );
    assert!(f.get(6, "Subscription-State").starts_with("active;expires="));
    assert!(f.body(6).contains("<state>confirmed</state>") && f.body(9).contains("<state>terminated</state>"));
    assert!(
        f.get(7, "Replaces").starts_with(&f.get(8, "Call-ID")),
        "the parked call"
    );
    assert_eq!(f.get(10, "Subscription-State"), "terminated;reason=timeout");
}

#[test]
fn rfc5359_2_18_click_to_dial() {
    // Somebody clicks on a page: the controller asks Alice's phone to call Bob.
    let (mut stage, alice, bob, page) = three();
    stage.rename(page, "controller");
    let there = NameAddr::new(stage.contact(bob));
    stage.send_refer(page, alice, there, &[]);
    let (refer, refer_to) = stage.accept_refer(alice);
    let ours = stage.call_referred(alice, &refer_to, bob);
    stage.ring(bob);
    stage.net.run(ms(10));
    stage.pick_up(bob);
    stage.notify_refer(alice, refer, StatusCode::OK);
    stage.hang_up(alice, ours);
    let ladder = [
        "F1 controller → alice REFER
         F2 alice → controller 202 REFER
        ",
        &told("controller", "alice"),
        "F3 alice → bob INVITE
         -  bob → alice 180 INVITE
         -  bob → alice 200 INVITE
         -  alice → bob ACK
         F4 alice → controller NOTIFY
         -  controller → alice 200 NOTIFY
        ",
        &bye("alice", "bob"),
    ];
    let f = stage.end(&ladder.concat());
    assert!(f.tag(1, "To").is_none(), "outside of any dialog");
    assert!(f.tag(2, "To").is_some(), "and makes one");
    assert_eq!(f.get(4, "Call-ID"), f.get(1, "Call-ID"));
    assert_eq!(f.body(4), "SIP/2.0 200 OK\r\n");
    assert_eq!(uri(&f.target(3)), stage.contact(bob));
}
