//! Session timers (RFC 4028): who asks, who refreshes, and what happens when nobody does.

use std::time::Duration;

use machine::Machine;
use sip_core::dialog::update::Side;
use sip_core::{
    Body, EndCause, EndpointConfig, Event, HeaderName, Headers, Message, Method, Reply, SessionId, SessionTimers,
    StatusCode,
};

use crate::link::{START, World, ms, secs};

/// Node 0 asks for a timer of 90 seconds; node 1 does as it is told.
fn asking(seed: u64, more: impl Fn(usize, &mut EndpointConfig)) -> World {
    World::with(2, seed, |node, config| {
        config.session_expires = secs(90);
        if node == 0 {
            config.session_timers = SessionTimers::Requested;
        }
        more(node, config);
    })
}

fn header(message: &Message, name: &HeaderName) -> String {
    let headers: &Headers = match message {
        Message::Request(request) => request.headers(),
        Message::Response(response) => response.headers(),
    };
    headers.get_str(name).unwrap_or_default().to_owned()
}

/// Like `World::established`, but what was sent stays.
fn call(world: &mut World) -> (SessionId, SessionId) {
    let caller = world.call(0, 1);
    world.run(secs(1));
    let callee = world.incoming(1);
    world.answer(1, callee);
    world.run(secs(1));
    world.events(0);
    world.events(1);
    (caller, callee)
}

fn is_live(world: &mut World, node: usize, session: SessionId) -> bool {
    world.endpoint(node).session_info(session).is_some()
}

#[test]
fn the_caller_asks_and_refreshes_with_update() {
    let mut world = asking(1, |_, _| {});
    let (caller, _) = call(&mut world);
    let invite = world.last_sent(0, "INVITE");
    assert_eq!(header(&invite, &HeaderName::SessionExpires), "90");
    assert!(header(&invite, &HeaderName::Supported).contains("timer"));
    let ok = world.last_sent(1, "SIP/2.0 200");
    assert_eq!(header(&ok, &HeaderName::SessionExpires), "90;refresher=uac");
    assert_eq!(header(&ok, &HeaderName::Require), "timer");
    // Ten minutes without a word of the embedders.
    world.run(secs(600));
    assert_eq!(world.count_sent(0, "UPDATE"), 13, "each 45 s");
    assert_eq!(world.count_sent(1, "UPDATE"), 0);
    let update = world.last_sent(0, "UPDATE");
    assert_eq!(header(&update, &HeaderName::SessionExpires), "90;refresher=uac");
    assert_eq!(header(&update, &HeaderName::ContentType), "", "nothing changes");
    assert!(is_live(&mut world, 0, caller));
    assert!(world.names(0).iter().all(|name| *name == "Refreshed"));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_callee_refreshes_if_it_is_preferred() {
    for (caller_wants, callee_wants, refresher) in [
        (Some(Side::Remote), None, 1),
        (Some(Side::Local), Some(Side::Local), 0),
        (None, Some(Side::Local), 1),
        (None, Some(Side::Remote), 0),
    ] {
        let mut world = asking(2, |node, config| {
            config.refresher = if node == 0 { caller_wants } else { callee_wants };
        });
        let (caller, callee) = call(&mut world);
        world.run(secs(300));
        let case = format!("{caller_wants:?} {callee_wants:?}");
        assert!(world.count_sent(refresher, "UPDATE") >= 6, "{case}");
        assert_eq!(world.count_sent(1 - refresher, "UPDATE"), 0, "{case}");
        assert!(
            is_live(&mut world, 0, caller) && is_live(&mut world, 1, callee),
            "{case}"
        );
        world.hang_up(1, callee);
        world.settle();
    }
}

#[test]
fn a_peer_without_update_is_refreshed_with_the_last_description() {
    let mut world = asking(3, |node, config| {
        if node == 1 {
            config.methods.retain(|method| *method != Method::Update);
        }
    });
    let (caller, callee) = call(&mut world);
    let first = world.last_sent(0, "INVITE");
    world.run(secs(46));
    assert_eq!((world.count_sent(0, "INVITE"), world.count_sent(0, "UPDATE")), (2, 0));
    let (Message::Request(first), Message::Request(second)) = (first, world.last_sent(0, "INVITE")) else {
        panic!()
    };
    assert_eq!(second.body(), first.body(), "byte for byte, thus with the same version");
    assert_eq!(world.names(1), ["Reinvite"]);
    world.answer(1, callee);
    world.run(ms(100));
    let events = world.events(0);
    assert!(
        matches!(&events[..], [Event::Refreshed { message: Message::Response(response), .. }] if response.body() == "answer"),
        "{events:?}"
    );
    // A change of ours is what is repeated from then on, a refused one is not.
    for (body, accepted) in [("hold", true), ("video", false)] {
        world
            .act(0, |endpoint, now| {
                endpoint.reinvite(now, caller, Reply::new().body(Body::sdp(body)))
            })
            .unwrap();
        world.run(ms(15));
        if accepted {
            world.answer(1, callee);
        } else {
            let refused = StatusCode::NOT_ACCEPTABLE_HERE;
            world
                .act(1, |endpoint, now| endpoint.reject(now, callee, refused, Reply::new()))
                .unwrap();
        }
        world.run(ms(100));
    }
    world.run(secs(46));
    let Message::Request(third) = world.last_sent(0, "INVITE") else {
        panic!()
    };
    assert_eq!(third.body(), "hold");
    world.answer(1, callee);
    world.run(ms(100));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn the_callee_refreshes_with_its_answer() {
    let mut world = asking(4, |node, config| {
        if node == 0 {
            config.refresher = Some(Side::Remote);
            config.methods.retain(|method| *method != Method::Update);
        }
    });
    let (caller, callee) = call(&mut world);
    world.run(secs(46));
    let Message::Request(refresh) = world.last_sent(1, "INVITE") else {
        panic!()
    };
    assert_eq!(refresh.body(), "answer");
    assert_eq!(
        header(&Message::Request(refresh), &HeaderName::SessionExpires),
        "90;refresher=uac"
    );
    world.answer(0, caller);
    world.run(secs(40));
    assert!(is_live(&mut world, 1, callee));
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn without_a_refresh_the_other_side_hangs_up_before_the_expiry() {
    let mut world = asking(5, |_, _| {});
    let (caller, callee) = call(&mut world);
    let start = world.now;
    // The refresher is gone without a word.
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Update));
    while is_live(&mut world, 1, callee) {
        world.run(ms(500));
    }
    // 60 of 90 seconds, a third before the end; both began a second before `start`.
    assert_eq!((world.now - start).as_secs(), 59);
    let bye = world.last_sent(1, "BYE");
    assert_eq!(
        header(&bye, &HeaderName::Reason),
        "SIP;cause=408;text=\"Session expired\""
    );
    let events = world.events(1);
    assert!(
        matches!(
            &events[..],
            [Event::Ended {
                cause: EndCause::SessionExpired,
                ..
            }]
        ),
        "{events:?}"
    );
    world.run(secs(1));
    assert!(!is_live(&mut world, 0, caller));
    world.settle();
}

#[test]
fn a_refresher_whose_refresh_goes_unanswered_hangs_up() {
    let mut world = asking(6, |_, _| {});
    let (caller, _) = call(&mut world);
    world.lose(|_| true);
    world.run(secs(60));
    assert!(!is_live(&mut world, 0, caller));
    assert!(matches!(world.events(0)[..], [Event::Ended { .. }]));
    world.lose_nothing();
    world.settle();
}

#[test]
fn an_interval_that_is_too_small_is_422_and_asked_for_again() {
    let mut world = asking(7, |node, config| {
        config.min_se = secs(if node == 0 { 90 } else { 600 });
    });
    let (caller, callee) = call(&mut world);
    assert_eq!(world.count_sent(1, "SIP/2.0 422"), 1);
    let refusal = world.last_sent(1, "SIP/2.0 422");
    assert_eq!(header(&refusal, &HeaderName::MinSe), "600");
    let again = world.last_sent(0, "INVITE");
    assert_eq!(header(&again, &HeaderName::SessionExpires), "600");
    assert_eq!(header(&again, &HeaderName::MinSe), "600");
    assert_eq!(world.count_sent(0, "INVITE"), 2);
    world.run(secs(301));
    let update = world.last_sent(0, "UPDATE");
    assert_eq!(header(&update, &HeaderName::MinSe), "600", "kept for each refresh");
    assert_eq!(world.count_sent(1, "SIP/2.0 422"), 1);
    assert!(is_live(&mut world, 1, callee));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn an_endless_422_ends() {
    let mut world = asking(8, |_, _| {});
    world.call(0, 1);
    for min in [100, 200, 300, 400, 500] {
        let Message::Request(invite) = world.last_sent(0, "INVITE") else {
            panic!()
        };
        let mut refusal = sip_core::Response::to_request(&invite, StatusCode::SESSION_INTERVAL_TOO_SMALL, None);
        refusal.set_to_tag("x");
        refusal.headers_mut().push(HeaderName::MinSe, min.to_string());
        world.inject(0, "192.0.2.2:5060", refusal.to_bytes());
    }
    assert_eq!(world.count_sent(0, "INVITE"), 4, "three more");
    assert_eq!(world.names(0), ["Failed"]);
    world.run(secs(1));
    let callee = world.incoming(1);
    let _ = world.act(1, |endpoint, now| endpoint.hang_up(now, callee, None));
    for event in world.events(1) {
        if let Event::Invite { session, .. } = event {
            let _ = world.act(1, |endpoint, now| endpoint.hang_up(now, session, None));
        }
    }
    world.settle();
}

#[test]
fn a_peer_that_knows_no_timers() {
    // We refresh it by ourselves where timers are wanted, and leave it alone where they are not.
    let mut world = asking(9, |node, config| {
        if node == 1 {
            config.session_timers = SessionTimers::Off;
        }
    });
    let (caller, callee) = call(&mut world);
    let ok = world.last_sent(1, "SIP/2.0 200");
    assert_eq!(header(&ok, &HeaderName::SessionExpires), "");
    world.run(secs(100));
    assert_eq!(world.count_sent(0, "UPDATE"), 2);
    assert!(is_live(&mut world, 0, caller) && is_live(&mut world, 1, callee));
    world.hang_up(0, caller);
    world.settle();

    // The callee asks; the caller does not know what for.
    let mut world = World::with(2, 9, |node, config| {
        config.session_expires = secs(90);
        config.session_timers = if node == 1 {
            SessionTimers::Requested
        } else {
            SessionTimers::Off
        };
    });
    let (caller, _) = call(&mut world);
    let ok = world.last_sent(1, "SIP/2.0 200");
    assert_eq!(header(&ok, &HeaderName::SessionExpires), "90;refresher=uas");
    assert_eq!(header(&ok, &HeaderName::Require), "");
    world.run(secs(100));
    assert_eq!(world.count_sent(1, "UPDATE"), 2);
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_timer_that_is_required_and_off_is_420() {
    let mut world = World::with(2, 10, |_, config| config.session_timers = SessionTimers::Off);
    let mut invite = world.invite_to(0, 1);
    invite.headers.push((HeaderName::Require, "timer".into()));
    world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(1));
    assert_eq!(world.count_sent(1, "SIP/2.0 420"), 1);
    world.settle();
    let mut world = World::new(2, 10);
    let forbidden = world.invite_to(0, 1);
    let mut invite = forbidden;
    invite.headers.push((HeaderName::SessionExpires, "90".into()));
    assert!(world.act(0, |endpoint, now| endpoint.invite(now, invite)).is_err());
}

#[test]
fn the_session_timer_refresher_is_handed_over_with_a_reinvite() {
    let mut world = asking(11, |_, _| {});
    let (caller, callee) = call(&mut world);
    // The callee changes the session; whoever refreshed goes on, now as the one that is asked.
    world
        .act(1, |endpoint, now| {
            endpoint.reinvite(now, callee, Reply::new().body(Body::sdp("hold")))
        })
        .unwrap();
    world.run(ms(15));
    let reinvite = world.last_sent(1, "INVITE");
    assert_eq!(header(&reinvite, &HeaderName::SessionExpires), "90;refresher=uas");
    world.answer(0, caller);
    world.run(secs(46));
    assert_eq!((world.count_sent(0, "UPDATE"), world.count_sent(1, "UPDATE")), (1, 0));
    // A peer that gives us the task by name.
    let Message::Request(mut update) = world.last_sent(0, "UPDATE") else {
        panic!()
    };
    let cseq = update.cseq().unwrap().number + 1;
    let headers = update.headers_mut();
    headers.set(HeaderName::CSeq, format!("{cseq} UPDATE"));
    headers.set(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKhand");
    headers.set(HeaderName::SessionExpires, "120;refresher=uas");
    world.inject(1, "192.0.2.1:5060", update.to_bytes());
    let ok = world.last_sent(1, "SIP/2.0 200");
    assert_eq!(header(&ok, &HeaderName::SessionExpires), "120;refresher=uas");
    world.nodes[1].sent.clear();
    world.run(secs(44));
    assert_eq!(world.count_sent(1, "UPDATE"), 0, "not before half of 120 s");
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn a_refresh_and_the_expiry_at_the_same_instant_have_one_outcome() {
    for refresh_first in [true, false] {
        let mut world = asking(12, |_, _| {});
        let (caller, callee) = call(&mut world);
        world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Update));
        // The callee answered a second after the start and gives up 60 seconds later, to the nanosecond.
        let end = START + secs(61);
        let left = end - world.now;
        world.run(left - Duration::from_nanos(1));
        let Message::Request(update) = world.last_sent(0, "UPDATE") else {
            panic!()
        };
        assert!(is_live(&mut world, 1, callee) && world.endpoint(1).poll_timeout() == Some(end));
        world.now = end;
        world.lose_nothing();
        if refresh_first {
            world.inject(1, "192.0.2.1:5060", update.to_bytes());
            world.act(1, |endpoint, now| endpoint.handle_timeout(now));
            assert_eq!(world.sent_lines(1).last().unwrap(), "SIP/2.0 200 OK");
            assert!(is_live(&mut world, 1, callee));
        } else {
            world.act(1, |endpoint, now| endpoint.handle_timeout(now));
            world.inject(1, "192.0.2.1:5060", update.to_bytes());
            assert_eq!(world.count_sent(1, "BYE"), 1);
            assert_eq!(world.count_sent(1, "SIP/2.0 481"), 1);
            assert!(!is_live(&mut world, 1, callee));
        }
        world.run(ms(5));
        let _ = world.act(0, |endpoint, now| endpoint.hang_up(now, caller, None));
        world.settle();
    }
}

#[test]
fn a_session_that_ends_takes_its_timer_with_it() {
    let mut world = asking(13, |_, _| {});
    let (caller, _) = call(&mut world);
    world.run(secs(50));
    world.hang_up(0, caller);
    world.run(secs(40));
    let idle = sip_core::Live::default();
    assert_eq!((world.live(0), world.live(1)), (idle, idle));
}

#[test]
fn a_refresh_that_is_refused_is_tried_again() {
    let mut world = asking(14, |_, _| {});
    let (caller, callee) = call(&mut world);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Update));
    world.run(secs(45));
    let Message::Request(update) = world.last_sent(0, "UPDATE") else {
        panic!()
    };
    let busy = sip_core::Response::to_request(&update, StatusCode::SERVICE_UNAVAILABLE, None);
    world.inject(0, "192.0.2.2:5060", busy.to_bytes());
    world.lose_nothing();
    world.run(secs(10));
    let Message::Request(again) = world.last_sent(0, "UPDATE") else {
        panic!()
    };
    assert_eq!(
        again.cseq().unwrap().number,
        update.cseq().unwrap().number + 1,
        "at half of what is left"
    );
    world.run(secs(60));
    assert!(is_live(&mut world, 1, callee));
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_405_to_the_update_makes_it_a_reinvite() {
    // The Allow header promised more than the peer does.
    let mut world = asking(15, |_, _| {});
    let (caller, callee) = call(&mut world);
    world.lose(|message| matches!(message, Message::Request(request) if *request.method() == Method::Update));
    world.run(secs(45));
    let Message::Request(update) = world.last_sent(0, "UPDATE") else {
        panic!()
    };
    let not_allowed = sip_core::Response::to_request(&update, StatusCode::METHOD_NOT_ALLOWED, None);
    world.inject(0, "192.0.2.2:5060", not_allowed.to_bytes());
    world.run(ms(15));
    assert_eq!(world.names(1), ["Reinvite"]);
    world.answer(1, callee);
    world.run(secs(30));
    assert!(is_live(&mut world, 0, caller));
    world.lose_nothing();
    world.hang_up(0, caller);
    world.settle();
}
