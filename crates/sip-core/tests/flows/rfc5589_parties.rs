//! RFC 5589 §8 to §11: the target learns who transfers; transfers with more than three parties, or with a gateway.

use std::collections::BTreeSet;

use sip_core::body::multipart::{Multipart, Part, understood};
use sip_core::header::{Replaces, TypedHeader};
use sip_core::{Body, HeaderName, Invite, Limits, NameAddr, Notify, Referral, Reply, StatusCode, TerminatedReason};

use crate::network::secs;
use crate::stage::{Stage, bye, call, sdp, subscribed, told, uri};
use crate::transfer::{CONSULTED, HELD, LEFT, OVER, REFERRED, REPLACED, TRANSFERRED, Transfer, replacing};

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
fn rfc5589_8_the_referrers_token_reaches_the_target() {
    // What proves the Referred-By travels in the REFER's body, and on in the INVITE's beside the offer (RFC 3892 §2.2).
    let mut t = Transfer::new();
    let (ours, _) = t.consult();
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    let token =
        Part::new("multipart/signed;boundary=x", "--x\r\n\r\nsigned\r\n--x--\r\n".into()).with_id("2039@example.com");
    let body = Multipart::mixed(vec![token.clone()]);
    let known = t
        .stage
        .net
        .endpoint(t.transferor)
        .session_info(t.of_transferor)
        .unwrap();
    let mut referral = Referral::beside(&known, NameAddr::new(there)).unwrap();
    let who = "<sip:transferor@example.com>;cid=\"2039@example.com\"";
    referral.headers.push((HeaderName::ReferredBy, who.into()));
    referral.body = Some(Body::from(&body));
    t.stage
        .act(t.transferor, |endpoint, now| endpoint.send_refer(now, referral))
        .unwrap();
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    let (_, _, request) = t.stage.referred(t.transferee);
    let mut invite = Invite::referred(&refer_to, &request, t.stage.person(t.transferee)).unwrap();
    invite.flow = Some(t.stage.flow_to(t.transferee, t.target));
    invite.body = Some(Body::sdp("offer"));
    t.stage.call(t.transferee, invite.with_referrer_token(&request));
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    t.stage.hang_up(t.target, session);
    let f = t.stage.end(&[HELD, CONSULTED, REFERRED, REPLACED, LEFT, OVER].concat());
    assert_eq!(f.get(5, "Referred-By"), who);
    let invite = f.request(5);
    let parts = understood(invite.headers(), invite.body(), &Limits::default(), &|_| true).unwrap();
    assert!(parts[0].is("application/sdp") && parts[0].body == "offer");
    let kind = invite.headers().typed().unwrap().unwrap();
    let parts = Multipart::parse(&kind, invite.body(), &Limits::default())
        .unwrap()
        .parts;
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[1].id(), &parts[1].body), (token.id(), &token.body));
}

/// The state of an ad hoc conference, as its focus tells it (RFC 4575).
fn conference(version: u32) -> Body {
    let text =
        format!("<conference-info entity=\"sip:conf-1@192.0.2.101:5060\" state=\"full\" version=\"{version}\"/>");
    Body::new("application/conference-info+xml", text)
}

#[test]
fn rfc5589_9_transfer_as_an_ad_hoc_conference() {
    // The transferor is the focus of a conference, of whose state both parties hear until it is over.
    const FOCUS: &str = "<sip:conf-1@192.0.2.101:5060>;isfocus";
    let mut t = Transfer::new();
    let hold = sdp("hold").header(HeaderName::Contact, FOCUS);
    t.stage
        .act(t.transferor, |endpoint, now| {
            endpoint.reinvite(now, t.of_transferor, hold)
        })
        .unwrap();
    t.stage.answer(t.transferee, t.of_transferee);
    let watch = |t: &mut Transfer, party: usize| {
        let focus = uri("sip:conf-1@192.0.2.101:5060");
        t.stage
            .watch_event(party, t.transferor, focus, "conference", secs(600))
            .1
    };
    let tell = |t: &mut Transfer, watcher, version| t.stage.notify(t.transferor, watcher, conference(version));
    let (transferee, target) = (t.transferee, t.target);
    let of_transferee = watch(&mut t, transferee);
    tell(&mut t, of_transferee, 0);
    let mut invite = t.stage.invite(t.transferor, &t.target_uri().to_string(), t.target);
    invite.headers.push((HeaderName::Require, "replaces".into()));
    invite.contact = Some(NameAddr::parse(FOCUS.as_bytes()).unwrap());
    let ours = t.stage.call(t.transferor, invite);
    t.stage.pick_up(t.target);
    let of_target = watch(&mut t, target);
    tell(&mut t, of_target, 1);
    tell(&mut t, of_transferee, 1);
    t.stage.change(t.transferor, ours, "hold", t.target);
    tell(&mut t, of_transferee, 2);
    let there = replacing(t.target_uri(), &t.stage.replaces(t.transferor, ours));
    t.refer(t.of_transferor, there);
    let (refer, refer_to) = t.stage.accept_refer(t.transferee);
    t.stage.call_referred(t.transferee, &refer_to, t.target);
    let session = t.stage.take_over(t.target);
    t.stage.notify_refer(t.transferee, refer, StatusCode::OK);
    t.stage.hang_up(t.transferor, t.of_transferor);
    for watcher in [of_target, of_transferee] {
        let over = Notify::terminated(TerminatedReason::NoResource, Some(conference(3)));
        t.stage
            .act(t.transferor, |endpoint, now| endpoint.notify(now, watcher, over))
            .unwrap();
    }
    t.stage.hang_up(t.target, session);
    let [held, subscribed] = [call("transferor", "transferee"), subscribed("transferee", "transferor")];
    let told = |party: &str| told(party, "transferor");
    let consulted = "
        F8 transferor → target     INVITE
        -  target     → transferor 200 INVITE
        -  transferor → target     ACK
        -  target     → transferor SUBSCRIBE
        -  transferor → target     200 SUBSCRIBE\n";
    let f = t.stage.end(
        &[
            HELD,
            "\n",
            &held,
            &subscribed,
            &told("transferee"),
            consulted,
            &told("target"),
            &told("transferee"),
            &call("transferor", "target"),
            &told("transferee"),
            REFERRED,
            REPLACED,
            LEFT,
            "\n",
            &told("target"),
            &told("transferee"),
            OVER,
        ]
        .concat(),
    );
    assert_eq!(
        (f.get(8, "Contact"), f.get(8, "Require")),
        (FOCUS.into(), "replaces".into())
    );
    assert!(f.has(5, "Replaces"));
}

#[test]
fn rfc5589_10_transfer_with_multiple_parties() {
    // "Get Fred for me": a facilitator reaches the recipient by way of a screener, and hands him on to the originator. The
    // numbers are those of the RFC's dialogs.
    let mut s = Stage::new();
    let parties = ["originator", "facilitator", "screener", "recipient"];
    let [originator, facilitator, screener, recipient] = parties.map(|name| s.phone(name, "example.com"));
    let (_, first) = s.talk(originator, facilitator);
    s.change(facilitator, first, "hold", originator);
    let (_, second) = s.talk(facilitator, screener);
    s.change(screener, second, "hold", facilitator);
    let (third, _) = s.talk(screener, recipient);
    s.change(screener, third, "hold", recipient);
    let there = NameAddr::new(s.contact(recipient));
    s.send_refer(screener, facilitator, there.clone(), &[]);
    let (refer, refer_to) = s.accept_refer(facilitator);
    let fifth = s.call_referred(facilitator, &refer_to, recipient);
    s.pick_up(recipient);
    s.notify_refer(facilitator, refer, StatusCode::OK);
    s.hang_up(screener, second);
    s.hang_up(screener, third);
    s.change(facilitator, fifth, "hold", recipient);
    s.send_refer(facilitator, originator, there, &[]);
    let (refer, refer_to) = s.accept_refer(originator);
    s.call_referred(originator, &refer_to, recipient);
    let seventh = s.pick_up(recipient);
    s.notify_refer(originator, refer, StatusCode::OK);
    s.hang_up(facilitator, first);
    s.hang_up(facilitator, fifth);
    s.hang_up(recipient, seventh);
    let f = s.end(
        &[
            call("originator", "facilitator"),
            call("facilitator", "originator"),
            call("facilitator", "screener"),
            call("screener", "facilitator"),
            call("screener", "recipient"),
            call("screener", "recipient"),
            "F4 screener → facilitator REFER\n- facilitator → screener 202 REFER\n".into(),
            told("screener", "facilitator"),
            call("facilitator", "recipient").replacen('-', "F5", 1),
            told("screener", "facilitator"),
            bye("screener", "facilitator"),
            bye("screener", "recipient"),
            call("facilitator", "recipient"),
            "F6 facilitator → originator REFER\n- originator → facilitator 202 REFER\n".into(),
            told("facilitator", "originator"),
            call("originator", "recipient").replacen('-', "F7", 1),
            told("facilitator", "originator"),
            bye("facilitator", "originator"),
            bye("facilitator", "recipient"),
            bye("recipient", "originator"),
        ]
        .concat(),
    );
    assert_eq!(f.target(5), f.target(7));
    let ids: BTreeSet<_> = [4, 5, 6, 7].map(|n| f.get(n, "Call-ID")).into();
    assert_eq!(ids.len(), 4);
}

#[test]
fn rfc5589_11_1_a_gateway_sees_that_both_legs_are_its_own() {
    // Both parties are behind one gateway: the Replaces in the Refer-To names a call of the gateway itself, which connects
    // its lines on the other side instead of calling itself.
    let mut s = Stage::new();
    let [gateway, transferor] = ["gateway", "transferor"].map(|name| s.phone(name, "example.com"));
    let (_, first) = s.talk(gateway, transferor);
    let (consultation, line) = s.talk(transferor, gateway);
    let there = replacing(s.contact(gateway), &s.replaces(transferor, consultation));
    s.act(transferor, |endpoint, now| {
        endpoint.refer(now, first, NameAddr::new(there), Reply::new())
    })
    .unwrap();
    let (refer, refer_to) = s.accept_refer(gateway);
    let replaces = Replaces::parse(refer_to.uri.header("Replaces").unwrap().as_bytes()).unwrap();
    let own = s.net.endpoint(gateway);
    let found = own.find_session(&replaces.call_id, &replaces.to_tag, &replaces.from_tag);
    assert_eq!(found, Some(line));
    s.hang_up(gateway, line);
    s.notify_refer(gateway, refer, StatusCode::OK);
    s.hang_up(transferor, first);
    s.end(
        &[
            call("gateway", "transferor"),
            call("transferor", "gateway"),
            "- transferor → gateway REFER\n- gateway → transferor 202 REFER\n".into(),
            told("transferor", "gateway"),
            bye("gateway", "transferor"),
            told("transferor", "gateway"),
            bye("transferor", "gateway"),
        ]
        .concat(),
    );
}
