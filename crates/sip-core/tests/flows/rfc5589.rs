//! RFC 5589: call transfer. The messages that the RFC does not number have a `-`.

use sip_core::{Event, HeaderName, NameAddr, Reply, SessionId, StatusCode, Uri};

use crate::network::secs;
use crate::stage::{Stage, sdp, uri};

/// The transferee has called the transferor, who has put the call on hold.
struct Transfer {
    stage: Stage,
    transferor: usize,
    transferee: usize,
    target: usize,
    /// The call between the two, as each of them knows it.
    of_transferor: SessionId,
    of_transferee: SessionId,
}

const HELD: &str = "
    F1 transferee → transferor INVITE
    F2 transferor → transferee 200 INVITE
    -  transferee → transferor ACK
    -  transferor → transferee INVITE
    -  transferee → transferor 200 INVITE
    -  transferor → transferee ACK";

const CONSULTED: &str = "
    - transferor → target     INVITE
    - target     → transferor 200 INVITE
    - transferor → target     ACK
    - transferor → target     INVITE
    - target     → transferor 200 INVITE
    - transferor → target     ACK";

const REFERRED: &str = "
    F3 transferor → transferee REFER
    -  transferee → transferor 202 REFER
    F4 transferee → transferor NOTIFY
    -  transferor → transferee 200 NOTIFY
    F5 transferee → target     INVITE";

const TRANSFERRED: &str = "
    -  target     → transferee 200 INVITE
    -  transferee → target     ACK
    F6 transferee → transferor NOTIFY
    -  transferor → transferee 200 NOTIFY";

const LEFT: &str = "
    - transferor → transferee BYE
    - transferee → transferor 200 BYE";

const OVER: &str = "
    - target     → transferee BYE
    - transferee → target     200 BYE";

impl Transfer {
    fn new() -> Self {
        Self::with(&[])
    }

    /// `plain`: who has no REFER.
    fn with(plain: &[&str]) -> Self {
        let mut stage = Stage::new();
        let [transferor, transferee, target] = ["transferor", "transferee", "target"].map(|name| {
            stage.phone_with(name, "example.com", |config| {
                if plain.contains(&name) {
                    config.methods.retain(|method| *method != sip_core::Method::Refer);
                }
            })
        });
        let (of_transferee, of_transferor) = stage.talk(transferee, transferor);
        stage.change(transferor, of_transferor, "hold", transferee);
        Self {
            stage,
            transferor,
            transferee,
            target,
            of_transferor,
            of_transferee,
        }
    }

    /// The transferor calls the target, and puts that call on hold too. As both of them know it.
    fn consult(&mut self) -> (SessionId, SessionId) {
        let (ours, theirs) = self.stage.talk(self.transferor, self.target);
        self.stage.change(self.transferor, ours, "hold", self.target);
        (ours, theirs)
    }

    fn target_uri(&self) -> Uri {
        self.stage.contact(self.target)
    }

    fn refer(&mut self, session: SessionId, refer_to: Uri) {
        self.refer_with(session, refer_to, Reply::new());
    }

    fn refer_with(&mut self, session: SessionId, refer_to: Uri, more: Reply) {
        let refer_to = NameAddr::new(refer_to);
        self.stage
            .act(self.transferor, |endpoint, now| {
                endpoint.refer(now, session, refer_to, more)
            })
            .unwrap();
    }

    /// What the transferor hears of the referral: statuses, and whether it was the last word.
    fn told(&mut self) -> Vec<(u16, bool)> {
        let told = |event| match event {
            Event::ReferNotified { status, terminated, .. } => Some((status.code(), terminated)),
            _ => None,
        };
        self.stage
            .net
            .events(self.transferor)
            .into_iter()
            .filter_map(told)
            .collect()
    }
}

/// A call named to its peer, as a header in a URI.
fn replacing(mut uri: Uri, replaces: &str) -> Uri {
    uri = uri.with_header("Replaces", replaces);
    uri.with_header("Require", "replaces")
}

#[test]
fn rfc5589_6_1_successful_transfer() {
    // The REFER makes a dialog of its own; that it may be obeyed is seen by the call that it names.
    let mut t = Transfer::new();
    let (call_id, local, remote) = t.stage.dialog(t.transferor, t.of_transferor);
    let named = format!("{call_id};local-tag={local};remote-tag={remote}");
    let there = NameAddr::new(t.target_uri());
    let headers = [
        (HeaderName::TargetDialog, named.as_str()),
        (HeaderName::Require, "tdialog"),
    ];
    t.stage.send_refer(t.transferor, t.transferee, there, &headers);
    assert_eq!(t.stage.target_dialog(t.transferee), Some(Ok(t.of_transferee)));
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
        format!("{in_call};local-tag={to};remote-tag={from}")
    );
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
    let replaced = "
        -  target     → transferee 200 INVITE
        -  transferee → target     ACK
        F6 target     → transferor BYE
        -  transferor → target     200 BYE
        F7 transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY";
    let f = t.stage.end(&[HELD, CONSULTED, REFERRED, replaced, LEFT, OVER].concat());
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
fn rfc5589_7_6_semi_attended_transfer() {
    // While the target still rings, its dialog cannot be replaced there: the call is withdrawn, and the transfer is a basic one.
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
    let mut stage = Stage::new();
    let transferor = stage.phone("transferor", "example.com");
    let transferee = stage.phone("transferee", "example.com");
    let target = stage.phone_with("target", "example.com", |config| config.supported.clear());
    let (of_transferee, of_transferor) = stage.talk(transferee, transferor);
    stage.change(transferor, of_transferor, "hold", transferee);
    let mut t = Transfer {
        stage,
        transferor,
        transferee,
        target,
        of_transferor,
        of_transferee,
    };
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
fn rfc5589_8_transfer_with_referred_by() {
    let mut t = Transfer::new();
    let who = "<sip:transferor@example.com>";
    let there = t.target_uri();
    t.refer_with(t.of_transferor, there, Reply::new().header(HeaderName::ReferredBy, who));
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.pick_up(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let f = t.stage.end(&[HELD, REFERRED, TRANSFERRED, LEFT, OVER].concat());
    assert_eq!(
        (f.get(3, "Referred-By"), f.get(5, "Referred-By")),
        (who.into(), who.into())
    );
}

#[test]
fn rfc5589_9_transfer_as_an_ad_hoc_conference() {
    // Instead of putting the parties on hold, the transferor mixes all three, and leaves when the two have each other.
    let mut t = Transfer::new();
    let ours = t.stage.dial(t.transferor, t.target);
    let theirs = t.stage.pick_up(t.target);
    let focus = "<sip:transferor@192.0.2.101:5060>;isfocus";
    for (session, party) in [(t.of_transferor, t.transferee), (ours, t.target)] {
        let mixed = sdp("mixed").header(HeaderName::Contact, focus);
        t.stage
            .act(t.transferor, |endpoint, now| endpoint.reinvite(now, session, mixed))
            .unwrap();
        let known = if party == t.target { theirs } else { t.of_transferee };
        t.stage.answer(party, known);
    }
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.wait(secs(1));
    t.stage.hang_up(t.target, session);
    let mixed = "
        -  transferor → target     INVITE
        -  target     → transferor 200 INVITE
        -  transferor → target     ACK
        F7 transferor → transferee INVITE
        -  transferee → transferor 200 INVITE
        -  transferor → transferee ACK
        F8 transferor → target     INVITE
        -  target     → transferor 200 INVITE
        -  transferor → target     ACK";
    let replaced = "
        -  target     → transferee 200 INVITE
        -  transferee → target     ACK
        -  target     → transferor BYE
        -  transferor → target     200 BYE
        F6 transferee → transferor NOTIFY
        -  transferor → transferee 200 NOTIFY";
    let f = t.stage.end(&[HELD, mixed, REFERRED, replaced, LEFT, OVER].concat());
    assert_eq!((f.get(7, "Contact"), f.get(8, "Contact")), (focus.into(), focus.into()));
    assert!(f.has(5, "Replaces"));
}
