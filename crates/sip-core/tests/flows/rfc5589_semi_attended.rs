//! RFC 5589 §7.6, §7.7 and §11.2: the transferor does not wait for the target, or the target knows nothing of Replaces.

use sip_core::{Event, HeaderName, Reply, StatusCode};

use crate::network::secs;
use crate::transfer::{CONSULTED, HELD, LEFT, OVER, REFERRED, REPLACED, TRANSFERRED, Transfer, replacing};

#[test]
fn rfc5589_7_6_semi_attended_transfer_as_a_blind_one() {
    // The call that still rings is withdrawn; the transfer waits for the 487, and is a basic one.
    let mut t = Transfer::new();
    let ours = t.stage.dial(t.transferor, t.target);
    t.stage.ring(t.target);
    t.stage.hang_up(t.transferor, ours);
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let withdrawn = "
        - transferor → target     INVITE
        - target     → transferor 180 INVITE
        - transferor → target     CANCEL
        - target     → transferor 200 CANCEL
        - target     → transferor 487 INVITE
        - transferor → target     ACK";
    t.stage
        .end(&[HELD, withdrawn, REFERRED, TRANSFERRED, LEFT, OVER].concat());
}

#[test]
fn rfc5589_7_6_an_early_dialog_is_not_replaced_at_the_phone_that_rings() {
    // What would happen otherwise (RFC 3891 §3): only who sent the INVITE may have its early dialog replaced.
    let mut t = Transfer::new();
    let ours = t.stage.dial(t.transferor, t.target);
    let theirs = t.stage.ring(t.target);
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let Event::Invite {
        session,
        replaces: Some(Err(status)),
        ..
    } = t.stage.invited(t.target)
    else {
        panic!()
    };
    assert_eq!(status, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
    t.stage
        .act(t.target, |endpoint, now| {
            endpoint.reject(now, session, status, Reply::new())
        })
        .unwrap();
    t.stage.notify_refer(t.transferee, refer, status);
    assert_eq!(t.told().last(), Some(&(481, true)));
    // The consultation goes on to ring.
    t.stage.answer(t.target, theirs);
    t.stage.hang_up(t.transferor, ours);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.net.settle();
}

#[test]
fn rfc5589_7_7_attended_transfer_falls_back_to_a_basic_one() {
    // The target does not know Replaces: its 420 comes back, and the transferor tries without.
    let mut t = Transfer::knowing_nothing_of_replaces();
    let (ours, _) = t.consult();
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::BAD_EXTENSION);
    assert_eq!(t.told(), [(100, false), (420, true)]);
    t.stage.hang_up(t.transferor, ours);
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let refused = "
        F6 target     → transferee 420 INVITE
        -  transferee → target     ACK
        F7 transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY
        -  transferor → target     BYE
        -  target     → transferor 200 BYE";
    let again = REFERRED.replace("F3", "F8").replace("F4", "F9").replace("F5", "F10");
    let done = TRANSFERRED.replace("F6", "F11");
    let f = t
        .stage
        .end(&[HELD, CONSULTED, REFERRED, refused, &again, &done, LEFT, OVER].concat());
    assert_eq!(f.get(6, "Unsupported"), "replaces");
    assert_eq!(f.body(7), "SIP/2.0 420 Bad Extension\r\n");
    assert!(f.has(5, "Replaces") && !f.has(10, "Replaces"));
    assert_eq!(
        f.get(9, "Event"),
        format!("refer;id={}", f.cseq(8)),
        "the second REFER's NOTIFYs say which"
    );
}

#[test]
fn rfc5589_7_6_semi_attended_transfer() {
    // What the RFC recommends: the transferor's user has hung up, but his phone goes on until the target answers.
    let mut t = Transfer::new();
    let ours = t.stage.dial(t.transferor, t.target);
    t.stage.ring(t.target);
    t.stage.wait(secs(5));
    t.stage.pick_up(t.target);
    t.refer_outside(replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours)));
    assert_eq!(t.stage.target_dialog(t.transferee), Some(t.of_transferee));
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let answered = "
        - transferor → target     INVITE
        - target     → transferor 180 INVITE
        - target     → transferor 200 INVITE
        - transferor → target     ACK";
    let f = t.stage.end(&[HELD, answered, REFERRED, REPLACED, LEFT, OVER].concat());
    assert_ne!(f.get(3, "Call-ID"), f.get(1, "Call-ID"), "a dialog of its own");
    assert!(f.has(5, "Replaces"));
}

#[test]
fn rfc5589_7_6_the_target_answers_despite_the_cancel() {
    // Who hangs up does not get the call any more: it is acknowledged and ended, and the transfer is a basic one.
    let mut t = Transfer::new();
    let ours = t.stage.dial(t.transferor, t.target);
    let theirs = t.stage.ring(t.target);
    t.stage.net.hang_up(t.transferor, ours);
    t.stage.answer(t.target, theirs);
    t.stage.net.quiet();
    t.refer(t.of_transferor, t.target_uri());
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let crossed = "
        - transferor → target     INVITE
        - target     → transferor 180 INVITE
        - transferor → target     CANCEL
        - target     → transferor 200 INVITE
        - target     → transferor 200 CANCEL
        - transferor → target     ACK
        - transferor → target     BYE
        - target     → transferor 200 BYE";
    t.stage
        .end(&[HELD, crossed, REFERRED, TRANSFERRED, LEFT, OVER].concat());
}

#[test]
fn rfc5589_11_2_consultative_turned_blind_gateway_glare() {
    // The target is a gateway's single line: whoever withdraws the consultation meets a line that is busy, since its user has just
    // lifted the handset. With the flow of §7.6 nothing is withdrawn, and the one call that there is changes hands.
    let mut t = Transfer::new();
    t.stage.rename(t.target, "gateway");
    let ours = t.stage.dial(t.transferor, t.target);
    t.stage.ring(t.target);
    t.stage.wait(secs(5));
    t.stage.pick_up(t.target);
    t.refer_outside(replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours)));
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    // The line is busy, with the very call that is replaced: no 486.
    assert!(matches!(
        t.stage.invited(t.target),
        Event::Invite {
            replaces: Some(Ok(_)),
            ..
        }
    ));
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let answered = "
        - transferor → target     INVITE
        - target     → transferor 180 INVITE
        - target     → transferor 200 INVITE
        - transferor → target     ACK";
    let all = [HELD, answered, REFERRED, REPLACED, LEFT, OVER].concat();
    t.stage.end(&all.replace("target", "gateway"));
}

#[test]
fn rfc5589_7_7_falls_back_by_require_replaces() {
    // The transferor means to transfer from the beginning, and says so in its INVITE.
    let mut t = Transfer::knowing_nothing_of_replaces();
    t.options(t.of_transferor, t.transferee);
    let mut invite = t.stage.invite(t.transferor, &t.target_uri().to_string(), t.target);
    invite.headers.push((HeaderName::Require, "replaces".into()));
    t.stage.call(t.transferor, invite);
    assert!(t.stage.events(t.transferor).contains(&"Failed".to_owned()));
    t.refer(t.of_transferor, t.target_uri());
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let tried = "
        -  transferor → transferee OPTIONS
        F7 transferee → transferor 200 OPTIONS
        F8 transferor → target     INVITE
        F9 target     → transferor 420 INVITE
        -  transferor → target     ACK";
    let f = t.stage.end(&[HELD, tried, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    assert!(f.get(7, "Allow").contains("REFER") && f.get(7, "Supported").contains("replaces"));
    assert_eq!(
        (f.get(8, "Require"), f.get(9, "Unsupported")),
        ("replaces".into(), "replaces".into())
    );
}

#[test]
fn rfc5589_7_7_falls_back_by_options() {
    let mut t = Transfer::knowing_nothing_of_replaces();
    t.options(t.of_transferor, t.transferee);
    let (ours, _) = t.stage.talk(t.transferor, t.target);
    t.options(ours, t.target);
    t.stage.hang_up(t.transferor, ours);
    t.refer_outside(t.target_uri());
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let asked = "
        -  transferor → transferee OPTIONS
        F7 transferee → transferor 200 OPTIONS
        -  transferor → target     INVITE
        -  target     → transferor 200 INVITE
        -  transferor → target     ACK
        -  transferor → target     OPTIONS
        F8 target     → transferor 200 OPTIONS
        -  transferor → target     BYE
        -  target     → transferor 200 BYE";
    let f = t.stage.end(&[HELD, asked, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    assert!(f.get(7, "Supported").contains("replaces"));
    assert!(!f.get(8, "Supported").contains("replaces"));
}
