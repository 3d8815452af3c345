//! RFC 5589 §7: transfer after a consultation.

use sip_core::{Event, HeaderName, Reply, StatusCode, proxy};

use crate::stage::{sdp, uri};
use crate::transfer::{CONSULTED, HELD, LEFT, OVER, REFERRED, REPLACED, TRANSFERRED, Transfer, replacing};

#[test]
fn rfc5589_7_1_exposing_the_transfer_target_after_a_consultation() {
    let mut t = Transfer::new();
    let (ours, _) = t.consult();
    // The consultation ends before the transfer: nothing is to be replaced.
    t.stage.hang_up(t.transferor, ours);
    let there = t.target_uri();
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let ended = "
        - transferor → target     BYE
        - target     → transferor 200 BYE";
    let f = t
        .stage
        .end(&[HELD, CONSULTED, ended, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    assert!(!f.has(5, "Replaces"));
    assert_eq!(f.get(3, "Refer-To"), "<sip:target@192.0.2.103:5060>");
}

#[test]
fn rfc5589_7_2_protecting_the_transfer_target() {
    // The target is referred to the transferee, who thus never learns the target's address from the transferor.
    let mut t = Transfer::new();
    let (ours, _) = t.consult();
    let there = replacing(
        t.stage.contact(t.transferee),
        &t.stage.replaces(t.transferor, t.of_transferor),
    );
    t.refer(ours, there);
    let (refer, refer_to) = t.stage.accept_refer(t.target);
    let call = t.stage.call_referred(t.target, &refer_to, t.transferee);
    t.stage.take_over(t.transferee);
    t.stage.notify_refer(t.target, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, ours);
    t.stage.hang_up(t.target, call);
    let rest = "
        F3 transferor → target     REFER
        -  target     → transferor 202 REFER
        F4 target     → transferor NOTIFY
        -  transferor → target     200 NOTIFY
        F5 target     → transferee INVITE
        -  transferee → target     200 INVITE
        -  target     → transferee ACK
        F6 transferee → transferor BYE
        -  transferor → transferee 200 BYE
        F7 target     → transferor NOTIFY
        -  transferor → target     200 NOTIFY
        -  transferor → target     BYE
        -  target     → transferor 200 BYE
        -  target     → transferee BYE
        -  transferee → target     200 BYE";
    let f = t.stage.end(&[HELD, CONSULTED, rest].concat());
    assert!(
        f.get(5, "Replaces").starts_with(&f.get(1, "Call-ID")),
        "the transferee's own call"
    );
    assert_eq!(f.get(5, "Require"), "replaces");
    f.same_call(&[1, 6]);
    assert_eq!(f.body(7), "SIP/2.0 200 OK\r\n");
}

#[test]
fn rfc5589_7_3_attended_transfer() {
    let mut t = Transfer::new();
    // The target's Contact is globally routable: it names one device, wherever it is (RFC 5627).
    let gruu = "sip:target@192.0.2.103:5060;gr=3413kj2ha";
    let ours = t.stage.dial(t.transferor, t.target);
    let theirs = t.stage.incoming(t.target);
    let answer = sdp("answer").header(HeaderName::Contact, format!("<{gruu}>"));
    t.stage
        .act(t.target, |endpoint, now| endpoint.answer(now, theirs, answer))
        .unwrap();
    t.stage
        .act(t.transferor, |endpoint, now| endpoint.reinvite(now, ours, sdp("hold")))
        .unwrap();
    let answer = sdp("answer").header(HeaderName::Contact, format!("<{gruu}>"));
    t.stage
        .act(t.target, |endpoint, now| endpoint.answer(now, theirs, answer))
        .unwrap();
    let info = t.stage.net.endpoint(t.transferor).session_info(ours).unwrap();
    assert_eq!(info.remote_target, uri(gruu));
    let there = replacing(info.remote_target, &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let f = t.stage.end(&[HELD, CONSULTED, REFERRED, REPLACED, LEFT, OVER].concat());
    assert!(
        f.get(3, "Refer-To")
            .starts_with("<sip:target@192.0.2.103:5060;gr=3413kj2ha?Replaces=")
    );
    assert_eq!(f.target(5), gruu, "of the Refer-To, without its headers");
    let replaces = f.get(5, "Replaces");
    let tags = (f.tag(6, "From").unwrap(), f.tag(6, "To").unwrap());
    assert_eq!(
        replaces,
        format!("{};to-tag={};from-tag={}", f.get(6, "Call-ID"), tags.0, tags.1)
    );
    assert_eq!(f.get(5, "Require"), "replaces");
    assert_eq!(f.body(7), "SIP/2.0 200 OK\r\n");
}

#[test]
fn rfc5589_7_4_recovery_when_one_party_does_not_support_refer() {
    let mut t = Transfer::with(&["transferee"]);
    let (ours, _) = t.consult();
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    assert_eq!(t.told(), [(405, true)]);
    // Then the other party is asked.
    let there = replacing(
        t.stage.contact(t.transferee),
        &t.stage.replaces(t.transferor, t.of_transferor),
    );
    t.refer(ours, there);
    let (refer, refer_to) = t.stage.accept_refer(t.target);
    let call = t.stage.call_referred(t.target, &refer_to, t.transferee);
    t.stage.take_over(t.transferee);
    t.stage.notify_refer(t.target, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, ours);
    t.stage.hang_up(t.target, call);
    let rest = "
        F3 transferor → transferee REFER
        F4 transferee → transferor 405 REFER
        F5 transferor → target     REFER
        -  target     → transferor 202 REFER
        -  target     → transferor NOTIFY
        -  transferor → target     200 NOTIFY
        F6 target     → transferee INVITE
        -  transferee → target     200 INVITE
        -  target     → transferee ACK
        -  transferee → transferor BYE
        -  transferor → transferee 200 BYE
        -  target     → transferor NOTIFY
        -  transferor → target     200 NOTIFY
        -  transferor → target     BYE
        -  target     → transferor 200 BYE
        -  target     → transferee BYE
        -  transferee → target     200 BYE";
    let f = t.stage.end(&[HELD, CONSULTED, rest].concat());
    assert!(f.get(4, "Allow").contains("INVITE") && !f.get(4, "Allow").contains("REFER"));
    assert!(f.get(6, "Replaces").starts_with(&f.get(1, "Call-ID")));
}

#[test]
fn rfc5589_7_5_attended_transfer_when_the_contact_may_not_route_to_a_unique_user_agent() {
    let mut t = Transfer::new();
    let (ours, _) = t.consult();
    // The address of record leads to two phones, of which only one has the call.
    let other = t.stage.phone("desk", "example.com");
    let proxy = t
        .stage
        .proxy("proxy", "example.com", |config| config.record_route = false);
    t.stage.locate(proxy, "target@example.com", &[other, t.target]);
    let there = replacing(uri("sip:target@example.com"), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, proxy);
    let Event::Invite {
        session,
        replaces: Some(Err(status)),
        ..
    } = t.stage.invited(other)
    else {
        panic!("the other phone knows nothing of the call")
    };
    t.stage
        .act(other, |endpoint, now| {
            endpoint.reject(now, session, status, Reply::new())
        })
        .unwrap();
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let rest = "
        F5 transferee → proxy      INVITE
        F6 proxy      → desk       INVITE
        F7 proxy      → target     INVITE
        F8 desk       → proxy      481 INVITE
        -  proxy      → desk       ACK
        -  target     → proxy      200 INVITE
        -  proxy      → transferee 200 INVITE
        -  transferee → target     ACK
        -  target     → transferor BYE
        -  transferor → target     200 BYE
        -  transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY";
    let referred = REFERRED.replace("    F5 transferee → target     INVITE", "");
    let f = t.stage.end(&[HELD, CONSULTED, &referred, rest, LEFT, OVER].concat());
    assert_eq!(
        (f.get(6, "Replaces"), f.get(7, "Replaces")),
        (f.get(5, "Replaces"), f.get(5, "Replaces"))
    );
    assert_eq!(f.target(5), "sip:target@example.com");
}

#[test]
fn rfc5589_7_5_attended_transfer_when_the_address_of_record_fails() {
    // The target's proxy screens the transferee; by the Contact of the call there is a way.
    let mut t = Transfer::new();
    let (ours, _) = t.consult();
    let proxy = t
        .stage
        .proxy("proxy", "example.com", |config| config.record_route = false);
    t.stage.policy(proxy, |proxy, now, event| {
        let proxy::Event::Request { context, .. } = event else {
            return false;
        };
        proxy
            .respond(now, *context, StatusCode::FORBIDDEN, Reply::new())
            .unwrap();
        true
    });
    let replaces = t.stage.replaces(t.transferor, ours);
    t.refer(t.of_transferor, replacing(uri("sip:target@example.com"), &replaces));
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, proxy);
    t.stage.notify_refer(t.transferee, refer, StatusCode::FORBIDDEN);
    assert_eq!(t.told(), [(100, false), (403, true)]);
    let there = t.target_uri().with_header("Replaces", &replaces);
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    assert_eq!(t.told(), [(100, false), (200, true)]);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let first = REFERRED.replace("    F5 transferee → target     INVITE", "");
    let screened = "
        F8 transferee → proxy      INVITE
        F9 proxy      → transferee 403 INVITE
        -  transferee → proxy      ACK
        -  transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY";
    let again = REFERRED.replace("F3", "F10").replace("F4", "F11");
    let f = t
        .stage
        .end(&[HELD, CONSULTED, &first, screened, &again, REPLACED, LEFT, OVER].concat());
    assert!(f.get(3, "Refer-To").contains("Require=replaces"));
    assert!(!f.get(10, "Refer-To").contains("Require"));
    assert_eq!(f.get(5, "Replaces"), f.get(8, "Replaces"));
    assert_eq!(f.get(11, "Event"), format!("refer;id={}", f.cseq(10)));
    assert_eq!(f.get(7, "Event"), f.get(11, "Event"));
}
