//! Calls by phones that say unusual things, or say them at unusual moments.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test is a panic"
)]

mod support;

use bytes::Bytes;
use machine::Machine;
use rtp_media::{CommandError, Source};
use sip_core::{Body, Event as Sip, HeaderName, Method, Request, StatusCode, Transport};
use support::*;
use switch::{EndCause, Event, Input};

fn causes(desk: &Desk) -> Vec<EndCause> {
    let records = desk.events.iter().filter_map(|event| match event {
        Event::CallEnded(record) => Some(record.cause),
        _ => None,
    });
    records.collect()
}

/// Without it nothing was agreed: nobody would hear anything, and nobody would notice that the phone is gone.
#[test]
fn an_ack_that_owes_an_answer_and_brings_none_ends_the_call() {
    for brought in [None, Some(Body::sdp("v=0\r\nnonsense"))] {
        let mut desk = Desk::new(|_| {});
        let caller = desk.invite(0, Desk::invitation(0, "1002", None));
        let callee = desk.answer(1);
        let now = desk.now;
        desk.phones[0].acknowledge(now, caller, brought).unwrap();
        desk.pump();
        assert!(desk.ended(0, caller));
        assert!(desk.ended(1, callee));
        assert_eq!(causes(&desk), [EndCause::Refused(488)]);
        desk.check_idle();
    }
}

#[test]
fn a_late_offer_can_retrieve() {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    desk.refer(1, callee, "701");
    desk.announced(1);
    desk.hang_up(1, callee);
    let fetch = desk.invite(2, Desk::invitation(2, "701", None));
    let now = desk.now;
    desk.phones[2]
        .acknowledge(now, fetch, Some(Body::sdp(sdp(2, "sendrecv"))))
        .unwrap();
    desk.pump();
    assert!(desk.talk(0, 2));
    desk.hang_up(2, fetch);
    desk.check_idle();
}

/// Some phones repeat their SDP in the ACK, where nobody asked for it.
#[test]
fn an_ack_with_an_answer_that_nobody_waits_for_changes_nothing() {
    let mut desk = Desk::new(|_| {});
    desk.tamper = Some(|request: &mut Request| {
        if *request.method() == Method::Ack {
            request.set_body("application/sdp", sdp(0, "inactive"));
        }
    });
    let (caller, _) = desk.call(0, 1);
    assert!(desk.talk(0, 1));
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// A re-INVITE without an offer whose ACK has no answer: what was agreed before goes on (RFC 3264 §4).
#[test]
fn a_late_reinvite_without_an_answer_leaves_the_call_as_it_was() {
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    let now = desk.now;
    desk.phones[1].reinvite(now, callee, sip_core::Reply::new()).unwrap();
    desk.pump();
    let now = desk.now;
    desk.phones[1].acknowledge(now, callee, None).unwrap();
    desk.pump();
    assert!(desk.talk(0, 1));
    desk.reinvite(1, callee, "sendonly");
    assert_eq!(desk.heard_reinvited(1), Some(StatusCode::OK));
    assert_eq!(desk.hears(0), Some(Source::Music("default".to_owned())));
    desk.hang_up(0, caller);
    desk.check_idle();
}

#[test]
fn a_body_that_is_no_sdp_is_415() {
    let strange = |request: &mut Request| {
        if *request.method() == Method::Invite {
            request.set_body("multipart/mixed;boundary=x", Bytes::from_static(b"--x--\r\n"));
        }
    };
    let mut desk = Desk::new(|_| {});
    desk.tamper = Some(strange);
    let call = desk.dial(0, "1002");
    assert_eq!(desk.failure(0, call), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    let accept = desk.inbox[0].iter().any(|event| {
        matches!(event, Sip::Failed { response: Some(response), .. }
            if response.headers().get(&HeaderName::Accept) == Some(b"application/sdp"))
    });
    assert!(accept, "and says what would be taken");
    desk.tamper = None;
    let (caller, _) = desk.call(0, 1);
    desk.tamper = Some(strange);
    desk.reinvite(0, caller, "sendonly");
    assert_eq!(desk.heard_reinvited(0), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    assert!(desk.talk(0, 1), "the call is as it was");
    desk.tamper = None;
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// Otherwise two switches that forward to each other would call each other without end.
#[test]
fn a_call_that_is_passed_on_may_be_passed_on_once_less() {
    for (received, passed) in [("70", "69"), ("1", "0")] {
        let mut desk = Desk::new(|_| {});
        desk.phones[1] = {
            let mut config = sip_core::EndpointConfig::new([(Transport::Udp, address(1))]);
            config.refuse_zero_max_forwards = false;
            sip_core::Endpoint::new(config, [1; 32])
        };
        let mut invite = Desk::invitation(0, "1002", Some(sdp(0, "sendrecv")));
        invite.max_forwards = received.parse().unwrap();
        let caller = desk.invite(0, invite);
        let seen = desk.inbox[1].iter().any(|event| {
            matches!(event, Sip::Invite { request, .. }
                if request.headers().get(&HeaderName::MaxForwards) == Some(passed.as_bytes()))
        });
        assert!(seen, "{received}");
        desk.hang_up(0, caller);
        desk.check_idle();
    }
}

#[test]
fn an_info_without_a_body_asks_for_nothing() {
    let mut desk = Desk::new(|_| {});
    let (caller, _) = desk.call(0, 1);
    assert_eq!(desk.info(0, caller, "", ""), StatusCode::OK);
    let odd = desk.info(0, caller, "application/media_control+xml", "<x/>");
    assert_eq!(odd, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// Who leaves a call that goes on without him is not why it ends.
#[test]
fn a_call_ended_because_of_its_last_party() {
    let mut desk = Desk::new(|_| {});
    let (_, callee) = desk.call(0, 1);
    desk.refer(1, callee, "700");
    desk.announced(1);
    desk.hang_up(1, callee);
    desk.input(Input::Shutdown);
    assert_eq!(causes(&desk), [EndCause::Shutdown]);
    desk.check_idle();

    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    desk.refer(0, caller, "1003");
    desk.hang_up(0, caller);
    desk.answer(2);
    let stream = desk.stream(1);
    desk.media(rtp_media::Event::Silent {
        stream,
        quiet_for: SECOND * 30,
    });
    assert!(desk.ended(1, callee));
    assert_eq!(causes(&desk), [EndCause::Vanished]);
    desk.check_idle();
}

/// One of the phones that ring has no media port: that is not why the call fails.
#[test]
fn a_phone_that_could_not_be_rung_is_not_the_cause() {
    let mut desk = Desk::new(|_| {});
    let caller = desk.dial(0, "1002");
    let stream = desk.stream(1);
    desk.media(rtp_media::Event::Failed {
        stream,
        error: CommandError::Full,
    });
    assert_eq!(desk.failure(0, caller), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    assert_eq!(causes(&desk), [EndCause::Refused(480)]);
    desk.check_idle();
}

#[test]
fn without_a_port_for_the_called_phone_a_call_is_503_and_counted() {
    for (ports, status) in [
        (20000..=20001, Some(StatusCode::SERVICE_UNAVAILABLE)),
        (20000..=20003, None),
    ] {
        let mut desk = Desk::new(|config| config.media_ports = ports);
        let call = desk.dial(0, "1002");
        assert_eq!(desk.failure(0, call), status);
        assert_eq!(desk.switch.stats().refused_at_limit, u64::from(status.is_some()));
        if status.is_none() {
            desk.hang_up(0, call);
        }
        desk.check_idle();
    }
}

#[test]
fn a_phone_that_calls_itself_rings() {
    let mut desk = Desk::new(|_| {});
    let caller = desk.dial(0, "1001");
    let callee = desk.answer(0);
    desk.hang_up(0, caller);
    assert!(desk.ended(0, callee));
    desk.check_idle();
}

/// A contact, or the way to it, that leads to the switch itself: it does not answer its own challenge.
#[test]
fn a_registration_that_points_at_the_switch_makes_no_loop() {
    for (name, value) in [
        (HeaderName::Contact, "<sip:1003@10.0.0.1:5060>"),
        (HeaderName::Path, "<sip:10.0.0.1:5060;lr>"),
    ] {
        let mut desk = Desk::new(|_| {});
        desk.tamper = Some(match name {
            HeaderName::Contact => |request: &mut Request| {
                request
                    .headers_mut()
                    .set(HeaderName::Contact, Bytes::from_static(b"<sip:1003@10.0.0.1:5060>"));
            },
            _ => |request: &mut Request| {
                request
                    .headers_mut()
                    .set(HeaderName::Supported, Bytes::from_static(b"path"));
                request
                    .headers_mut()
                    .set(HeaderName::Path, Bytes::from_static(b"<sip:10.0.0.1:5060;lr>"));
            },
        });
        desk.register(1, 3600);
        desk.tamper = None;
        let caller = desk.dial(0, "1002");
        desk.wait(SECOND * 70);
        assert!(desk.failure(0, caller).is_some(), "{value}");
        desk.check_idle();
    }
}

#[test]
fn who_unregisters_while_it_rings_can_still_answer() {
    let mut desk = Desk::new(|_| {});
    let caller = desk.dial(0, "1002");
    desk.register(1, 0);
    let callee = desk.answer(1);
    assert!(desk.talk(0, 1));
    desk.hang_up(1, callee);
    assert!(desk.ended(0, caller));
    let again = desk.dial(0, "1002");
    assert_eq!(desk.failure(0, again), Some(StatusCode::TEMPORARILY_UNAVAILABLE));
    desk.check_idle();
}

#[test]
fn time_that_goes_backwards_stands_still() {
    let mut desk = Desk::new(|_| {});
    let before = desk.now;
    let (caller, callee) = desk.call(0, 1);
    desk.now = before - SECOND * 3600;
    desk.refer(1, callee, "700");
    desk.switch.handle_timeout(desk.now);
    desk.pump();
    assert!(desk.switch.poll_timeout().is_some_and(|at| at > before));
    desk.now = before;
    desk.hang_up(0, caller);
    desk.check_idle();
}

/// A fault in a stream and the BYE of the same phone, in either order.
#[test]
fn silence_and_a_bye_in_the_same_instant_are_one_end() {
    let mut desk = Desk::new(|_| {});
    let (caller, _) = desk.call(0, 1);
    let stream = desk.stream(0);
    let silent = rtp_media::Event::Silent {
        stream,
        quiet_for: SECOND * 30,
    };
    desk.media(silent.clone());
    desk.media(silent);
    assert!(desk.ended(0, caller));
    assert_eq!(causes(&desk), [EndCause::Vanished]);
    desk.check_idle();
}

/// An INVITE with `Replaces` (RFC 3891): from another device of the same extension into its conversation, and nothing else.
#[test]
fn only_ones_own_conversation_can_be_taken_over() {
    let replacing = |desk: &mut Desk, phone: usize, value: String| {
        let mut invite = Desk::invitation(phone, "1002", Some(sdp(phone, "sendrecv")));
        invite.headers = vec![(HeaderName::Replaces, value.into())];
        desk.invite(phone, invite)
    };
    let mut desk = Desk::new(|_| {});
    let (caller, callee) = desk.call(0, 1);
    let value = desk.replaces(0, caller);
    let stranger = replacing(&mut desk, 2, value.clone());
    assert_eq!(desk.failure(2, stranger), Some(StatusCode::FORBIDDEN));
    let unknown = replacing(&mut desk, 2, "1;to-tag=2;from-tag=3".to_owned());
    assert_eq!(
        desk.failure(2, unknown),
        Some(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
    );
    assert!(desk.talk(0, 1));
    let swapped = replacing(&mut desk, 0, value.clone());
    assert!(desk.ended(0, caller), "the old dialog is over");
    assert!(desk.talk(0, 1), "the other party notices nothing");
    assert!(!desk.ended(1, callee));
    assert_eq!(desk.switch.call_count(), 1, "it is the same call");
    let late = replacing(&mut desk, 0, value);
    assert!(desk.failure(0, late).is_some());
    let value = desk.replaces(0, swapped);
    desk.refer(1, callee, "700");
    let parked = replacing(&mut desk, 0, value);
    assert_eq!(
        desk.failure(0, parked),
        Some(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
        "a slot is fetched by its number"
    );
    desk.hang_up(0, swapped);
    desk.check_idle();
}

/// What is refused costs those that are there nothing.
#[test]
fn the_last_call_within_the_limit_is_taken_and_the_next_is_not() {
    let mut desk = Desk::new(|config| config.max_calls = 2);
    let (first, _) = desk.call(0, 1);
    let (second, _) = desk.call(2, 3);
    let third = desk.dial(0, "1004");
    assert_eq!(desk.failure(0, third), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!((desk.switch.call_count(), desk.switch.stats().refused_at_limit), (2, 1));
    assert!(desk.talk(0, 1) && desk.talk(2, 3));
    desk.hang_up(0, first);
    let again = desk.dial(0, "1002");
    assert_eq!(desk.failure(0, again), None);
    desk.hang_up(0, again);
    desk.hang_up(2, second);
    desk.check_idle();
}

/// Two phones lose their power, and no stream of theirs is watched: the switch refreshes the call itself (RFC 4028), and
/// notices. Without `session_expires` the call would stay for ever.
#[test]
fn a_call_whose_phones_vanished_ends_at_its_next_refresh() {
    for (expires, ends) in [(Some(SECOND * 120), true), (None, false)] {
        let mut desk = Desk::new(|config| {
            config.session_expires = expires;
            config.rtp_timeout = None;
        });
        let (caller, callee) = desk.call(0, 1);
        // As long as they are there, it goes on.
        desk.wait(SECOND * 600);
        assert!(!desk.ended(0, caller) && !desk.ended(1, callee));
        desk.deaf = vec![0, 1];
        desk.wait(SECOND * 180);
        assert_eq!(causes(&desk), if ends { vec![EndCause::Vanished] } else { vec![] });
    }
}

/// Another interval holds for the calls that begin later.
#[test]
fn session_timers_can_begin_while_the_switch_runs() {
    let mut desk = Desk::new(|config| config.rtp_timeout = None);
    let mut config = support::config();
    config.rtp_timeout = None;
    config.session_expires = Some(SECOND * 90);
    let now = desk.now;
    desk.switch.configure(now, config).unwrap();
    desk.call(0, 1);
    desk.deaf = vec![0, 1];
    desk.wait(SECOND * 150);
    assert_eq!(causes(&desk), [EndCause::Vanished]);
}
