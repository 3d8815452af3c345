//! RFC 5589 §6: basic transfer. The messages that the RFC does not number have a `-`.

use sip_core::{NameAddr, StatusCode};

use crate::transfer::{HELD, LEFT, OVER, REFERRED, TRANSFERRED, Transfer};

#[test]
fn rfc5589_6_1_successful_transfer() {
    // The REFER makes a dialog of its own; that it may be obeyed is seen by the call that it names.
    let mut t = Transfer::new();
    t.refer_outside(t.target_uri());
    assert_eq!(t.stage.target_dialog(t.transferee), Some(t.of_transferee));
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let f = t.stage.end(&[HELD, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    let (in_call, from, to) = (f.get(1, "Call-ID"), f.tag(1, "From").unwrap(), f.tag(2, "To").unwrap());
    assert_eq!(
        f.get(3, "Target-Dialog"),
        format!("{in_call};local-tag={from};remote-tag={to}"),
        "as the transferee, who has called, sees them (RFC 4538 §3)"
    );
    assert_eq!(f.get(3, "Require"), "tdialog");
    assert_ne!(f.get(3, "Call-ID"), in_call);
    assert!(f.tag(3, "To").is_none());
    f.same_call(&[3, 4, 6]);
    assert_eq!((f.tag(4, "To"), f.get(4, "Event")), (f.tag(3, "From"), "refer".into()));
    assert_eq!(f.get(6, "Subscription-State"), "terminated;reason=noresource");
}

#[test]
fn rfc5589_6_1_successful_transfer_without_a_subscription() {
    // RFC 4488: the transferor does not want to know, and leaves at once.
    let mut t = Transfer::new();
    let mut referral = t
        .stage
        .referral(t.transferor, t.transferee, NameAddr::new(t.target_uri()), &[]);
    referral.silent = true;
    t.stage
        .act(t.transferor, |endpoint, now| endpoint.send_refer(now, referral))
        .unwrap();
    let (_, refer_to) = t.stage.accept_refer(t.transferee);
    assert_eq!(
        t.stage.events(t.transferor).last().map(String::as_str),
        Some("ReferAccepted")
    );
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.hang_up(t.target, session);
    let silent = "
        F3 transferor → transferee REFER
        F4 transferee → transferor 202 REFER";
    let onward = "
        - transferee → target     INVITE
        - target     → transferee 200 INVITE
        - transferee → target     ACK";
    let f = t.stage.end(&[HELD, silent, LEFT, onward, OVER].concat());
    assert_eq!(
        (f.get(3, "Refer-Sub"), f.get(4, "Refer-Sub")),
        ("false".into(), "false".into())
    );
}

#[test]
fn rfc5589_6_2_transfer_with_dialog_reuse() {
    let mut t = Transfer::new();
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let f = t.stage.end(&[HELD, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    assert_eq!(f.get(3, "Refer-To"), "<sip:target@192.0.2.103:5060>");
    assert_eq!(f.get(3, "Contact"), f.get(2, "Contact"));
    f.same_call(&[1, 2, 3, 4, 6]);
    assert_eq!(
        (f.get(4, "Event"), f.body(4)),
        ("refer".into(), "SIP/2.0 100 Trying\r\n".into())
    );
    assert!(f.get(4, "Subscription-State").starts_with("active;expires="));
    assert_eq!(f.get(4, "Content-Type"), "message/sipfrag;version=2.0");
    assert_ne!(f.get(5, "Call-ID"), f.get(1, "Call-ID"));
    assert_eq!(f.target(5), "sip:target@192.0.2.103:5060");
    assert_eq!(f.body(6), "SIP/2.0 200 OK\r\n");
    assert_eq!(f.get(6, "Subscription-State"), "terminated;reason=noresource");
    assert_eq!(f.cseq(6), f.cseq(4) + 1);
    assert_eq!(
        (f.tag(4, "From"), f.tag(4, "To")),
        (f.tag(1, "From"), f.tag(2, "To")),
        "the dialog's"
    );
}

#[test]
fn rfc5589_6_3_1_failed_transfer_target_busy() {
    let mut t = Transfer::new();
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    t.stage.reject(t.target, StatusCode::BUSY_HERE);
    t.stage.notify_refer(t.transferee, refer, StatusCode::BUSY_HERE);
    assert_eq!(t.told(), [(100, false), (486, true)]);
    // The transferor takes the call back.
    t.stage.change(t.transferor, t.of_transferor, "resume", t.transferee);
    t.stage.hang_up(t.transferor, t.of_transferor);
    let refused = "
        -  target     → transferee 486 INVITE
        -  transferee → target     ACK
        F6 transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY
        -  transferor → transferee INVITE
        -  transferee → transferor 200 INVITE
        -  transferor → transferee ACK";
    let f = t.stage.end(&[HELD, REFERRED, refused, LEFT].concat());
    assert_eq!(f.body(6), "SIP/2.0 486 Busy Here\r\n");
    assert_eq!(f.get(6, "Subscription-State"), "terminated;reason=noresource");
}

#[test]
fn rfc5589_6_3_2_failed_transfer_target_does_not_answer() {
    let mut t = Transfer::new();
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    let call = t.stage.call_referred(t.transferee, &refer_to, t.target);
    t.stage.ring(t.target);
    t.stage.hang_up(t.transferee, call);
    t.stage
        .notify_refer(t.transferee, refer, StatusCode::REQUEST_TERMINATED);
    assert_eq!(t.told(), [(100, false), (487, true)]);
    t.stage.change(t.transferor, t.of_transferor, "resume", t.transferee);
    t.stage.hang_up(t.transferor, t.of_transferor);
    let unanswered = "
        -  target     → transferee 180 INVITE
        -  transferee → target     CANCEL
        -  target     → transferee 200 CANCEL
        -  target     → transferee 487 INVITE
        -  transferee → target     ACK
        F6 transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY
        -  transferor → transferee INVITE
        -  transferee → transferor 200 INVITE
        -  transferor → transferee ACK";
    let f = t.stage.end(&[HELD, REFERRED, unanswered, LEFT].concat());
    assert_eq!(f.body(6), "SIP/2.0 487 Request Terminated\r\n");
}
