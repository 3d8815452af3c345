//! Calls that are answered, and how they end.

use sip_core::{
    Body, EndCause, EndpointError, Event, HeaderName, Message, Method, Reply, SessionState, StatusCode, Uri,
};

use crate::link::{World, ms, secs};

pub fn is_request(message: &Message, method: &Method) -> bool {
    matches!(message, Message::Request(request) if request.method() == method)
}

pub fn is_response(message: &Message, code: u16, method: &Method) -> bool {
    matches!(message, Message::Response(response)
        if response.status().code() == code && response.method().as_ref() == Some(method))
}

#[test]
fn a_call_is_answered_and_hung_up_by_the_caller() {
    let mut world = World::new(2, 1);
    let caller = world.call(0, 1);
    assert_eq!(
        world.endpoint(0).session_info(caller).unwrap().state,
        SessionState::Calling
    );
    world.run(ms(15));
    let callee = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(ms(500));
    assert_eq!(world.names(0), ["Progress"]);
    assert_eq!(
        world.endpoint(0).session_info(caller).unwrap().state,
        SessionState::Ringing
    );
    world.answer(1, callee);
    assert_eq!(
        world.endpoint(1).session_info(callee).unwrap().state,
        SessionState::Answered
    );
    world.run(secs(1));
    assert_eq!(world.names(0), ["Progress", "Answered"]);
    assert_eq!(world.names(1), ["Invite", "Confirmed"]);
    let (here, there) = (
        world.endpoint(0).session_info(caller).unwrap(),
        world.endpoint(1).session_info(callee).unwrap(),
    );
    assert_eq!(
        (here.state, there.state),
        (SessionState::Confirmed, SessionState::Confirmed)
    );
    assert_eq!(
        (&here.call_id, &here.local_tag, &here.remote_tag),
        (&there.call_id, &there.remote_tag, &there.local_tag)
    );
    assert_eq!(here.remote_target, Uri::parse(b"sip:user1@192.0.2.2:5060").unwrap());
    assert_eq!(there.remote_target, Uri::parse(b"sip:user0@192.0.2.1:5060").unwrap());

    world.hang_up(0, caller);
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.hang_up(now, caller, None)),
        Err(EndpointError::Gone)
    );
    assert_eq!(world.endpoint(0).session_info(caller), None);
    world.run(secs(1));
    assert!(matches!(
        world.events(1).last(),
        Some(Event::Ended { session, cause: EndCause::Bye { reason: None } }) if *session == callee
    ));
    assert_eq!(
        world.sent_lines(0),
        [
            "INVITE sip:user1@192.0.2.2:5060 SIP/2.0",
            "ACK sip:user1@192.0.2.2:5060 SIP/2.0",
            "BYE sip:user1@192.0.2.2:5060 SIP/2.0",
        ]
    );
    assert_eq!(
        world.sent_lines(1),
        ["SIP/2.0 180 Ringing", "SIP/2.0 200 OK", "SIP/2.0 200 OK"]
    );
    world.settle();
}

#[test]
fn a_call_is_hung_up_by_the_callee_with_a_reason() {
    let mut world = World::new(2, 2);
    let (caller, callee) = world.established(0, 1);
    let reason = sip_core::header::Reason::sip(StatusCode::DECLINE);
    world
        .act(1, |endpoint, now| endpoint.hang_up(now, callee, Some(reason)))
        .unwrap();
    world.run(secs(1));
    let events = world.events(0);
    let [
        Event::Ended {
            session,
            cause: EndCause::Bye { reason: Some(reason) },
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*session, caller);
    assert!(reason.starts_with("SIP;cause=603"), "{reason}");
    world.settle();
}

#[test]
fn a_200_has_what_a_dialog_needs() {
    let mut world = World::new(2, 3);
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world.answer(1, callee);
    let Message::Response(answer) = world.last_sent(1, "SIP/2.0 200") else {
        panic!()
    };
    let headers = answer.headers();
    assert_eq!(
        headers.get_str(&HeaderName::Contact),
        Some("<sip:user1@192.0.2.2:5060>")
    );
    let supported = headers.get_str(&HeaderName::Supported).unwrap();
    assert!(supported.split(", ").any(|tag| tag == "replaces"), "{supported}");
    assert!(headers.get_str(&HeaderName::Allow).unwrap().contains("REFER"));
    assert_eq!(headers.get_str(&HeaderName::Server), Some("node 1"));
    assert_eq!(answer.body(), "answer");
    assert!(answer.to().unwrap().tag().is_some());
    answer.validate().unwrap();
    world.run(secs(1));
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn trying_comes_by_itself_after_200_ms() {
    let mut world = World::new(2, 4);
    let caller = world.call(0, 1);
    world.run(ms(205));
    assert_eq!(world.sent_lines(1), [""; 0]);
    world.run(ms(10));
    assert_eq!(world.sent_lines(1), ["SIP/2.0 100 Trying"]);
    let Message::Response(trying) = world.last_sent(1, "SIP/2.0 100") else {
        panic!()
    };
    assert_eq!(trying.to().unwrap().tag(), None);
    assert_eq!(world.names(0), [""; 0], "100 is nobody's news");
    world.run(secs(20));
    assert_eq!(world.count_sent(0, "INVITE"), 1, "100 stops the retransmissions");
    world.hang_up(0, caller);
    world.settle();
}

#[test]
fn a_call_is_rejected() {
    let mut world = World::new(2, 5);
    let (caller, callee) = world.called();
    let reply = Reply::new().reason("Not now").header(HeaderName::RetryAfter, "60");
    world
        .act(1, |endpoint, now| {
            endpoint.reject(now, callee, StatusCode::BUSY_HERE, reply)
        })
        .unwrap();
    assert_eq!(world.endpoint(1).session_info(callee), None);
    world.run(secs(1));
    let events = world.events(0);
    let [
        Event::Failed {
            session,
            status,
            response: Some(response),
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (*session, *status, response.reason()),
        (caller, StatusCode::BUSY_HERE, "Not now")
    );
    assert_eq!(response.headers().get_str(&HeaderName::RetryAfter), Some("60"));
    assert_eq!(world.count_sent(0, "ACK"), 1);
    world.settle();
}

#[test]
fn nobody_answers_at_all() {
    let mut world = World::new(1, 7);
    let mut invite = world.invite_to(0, 0);
    invite.target = Uri::parse(b"sip:nobody@192.0.2.77").unwrap();
    let caller = world.act(0, |endpoint, now| endpoint.invite(now, invite)).unwrap();
    world.run(secs(33));
    let events = world.events(0);
    assert!(matches!(
        &events[..],
        [Event::Failed { session, status: StatusCode::REQUEST_TIMEOUT, response: None }] if *session == caller
    ));
    assert_eq!(world.count_sent(0, "INVITE"), 7);
    world.settle();
}

#[test]
fn bye_crosses_bye() {
    let mut world = World::new(2, 12);
    let (caller, callee) = world.established(0, 1);
    world.hang_up(0, caller);
    world.hang_up(1, callee);
    world.run(secs(1));
    for node in [0, 1] {
        assert_eq!(world.names(node), [""; 0]);
        assert_eq!(
            world.sent_lines(node).len(),
            2,
            "BYE and 200: {:?}",
            world.sent_lines(node)
        );
        assert!(world.sent_lines(node)[1].starts_with("SIP/2.0 200"));
    }
    world.settle();
}

#[test]
fn a_bye_that_is_never_answered_is_given_up() {
    let mut world = World::new(2, 13);
    let (caller, callee) = world.established(0, 1);
    world.lose(|message| is_request(message, &Method::Bye));
    world.hang_up(0, caller);
    world.run(secs(40));
    assert_eq!((world.live(0).sessions, world.live(1).sessions), (0, 1));
    assert_eq!(world.count_sent(0, "BYE"), 11);
    // The peer finds out when it says something.
    world.lose_nothing();
    let request = world
        .act(1, |endpoint, now| {
            endpoint.request(now, callee, Method::Info, Reply::new())
        })
        .unwrap();
    world.run(secs(1));
    let events = world.events(1);
    assert!(
        matches!(&events[..], [
        Event::Response { request_id, status, response: Some(_) },
        Event::Ended { cause: EndCause::RequestTimeout(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST), .. },
    ] if *request_id == request && status.code() == 481),
        "{events:?}"
    );
    world.settle();
}

#[test]
fn an_unanswered_invite_is_refused_after_the_longest_ringing() {
    let mut world = World::with(2, 16, |_, config| config.max_ringing = secs(120));
    world.call(0, 1);
    world.run(ms(15));
    let callee = world.incoming(1);
    world
        .act(1, |endpoint, now| {
            endpoint.provisional(now, callee, StatusCode::RINGING, Reply::new())
        })
        .unwrap();
    world.run(secs(119));
    assert_eq!(world.count_sent(1, "SIP/2.0 180"), 2, "repeated each minute");
    world.run(secs(5));
    assert_eq!(world.names(1), ["Invite", "Cancelled"]);
    assert_eq!(world.names(0).last(), Some(&"Failed"));
    world.settle();
}

#[test]
fn the_endpoints_own_headers_may_not_be_given_and_nothing_can_be_smuggled() {
    let mut world = World::new(2, 17);
    let (caller, callee) = world.established(0, 1);
    let before = world.live(0);
    for reply in [
        Reply::new().header(HeaderName::Via, "SIP/2.0/UDP x"),
        Reply::new().header(HeaderName::CallId, "x"),
        Reply::new().header(HeaderName::ContentLength, "7"),
        Reply::new().header(HeaderName::Subject, "x\r\nVia: y"),
        Reply::new().body(Body::new("text/plain\r\nX: y", "x")),
    ] {
        let result = world.act(0, |endpoint, now| {
            endpoint.request(now, caller, Method::Info, reply.clone())
        });
        assert_eq!(result, Err(EndpointError::BadHeader), "{reply:?}");
        assert_eq!(
            world.act(0, |endpoint, now| endpoint.reinvite(now, caller, reply)),
            Err(EndpointError::BadHeader)
        );
    }
    assert_eq!(world.live(0), before);
    for method in [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Refer,
        Method::Prack,
    ] {
        let result = world.act(0, |endpoint, now| endpoint.request(now, caller, method, Reply::new()));
        assert_eq!(result, Err(EndpointError::BadMethod));
    }
    world.hang_up(1, callee);
    world.settle();
}

#[test]
fn commands_in_the_wrong_state_change_nothing() {
    let mut world = World::new(2, 18);
    let (caller, callee) = world.called();
    use EndpointError::{BadStatus, WrongState};
    world.act(0, |endpoint, now| {
        assert_eq!(endpoint.answer(now, caller, Reply::new()), Err(WrongState));
        assert_eq!(
            endpoint.provisional(now, caller, StatusCode::RINGING, Reply::new()),
            Err(WrongState)
        );
        assert_eq!(
            endpoint.reject(now, caller, StatusCode::BUSY_HERE, Reply::new()),
            Err(WrongState)
        );
        assert_eq!(endpoint.acknowledge(now, caller, None), Err(WrongState));
        assert_eq!(endpoint.reinvite(now, caller, Reply::new()), Err(WrongState));
        assert_eq!(
            endpoint.request(now, caller, Method::Info, Reply::new()),
            Err(WrongState)
        );
    });
    world.act(1, |endpoint, now| {
        assert_eq!(
            endpoint.provisional(now, callee, StatusCode::TRYING, Reply::new()),
            Err(BadStatus)
        );
        assert_eq!(
            endpoint.provisional(now, callee, StatusCode::OK, Reply::new()),
            Err(BadStatus)
        );
        assert_eq!(
            endpoint.reject(now, callee, StatusCode::OK, Reply::new()),
            Err(BadStatus)
        );
        assert_eq!(
            endpoint.reject(now, callee, StatusCode::RINGING, Reply::new()),
            Err(BadStatus)
        );
        assert_eq!(endpoint.reinvite(now, callee, Reply::new()), Err(WrongState));
    });
    world.answer(1, callee);
    world.act(1, |endpoint, now| {
        assert_eq!(endpoint.answer(now, callee, Reply::new()), Err(WrongState));
        assert_eq!(
            endpoint.reinvite(now, callee, Reply::new()),
            Err(EndpointError::Pending)
        );
    });
    world.run(secs(1));
    world.hang_up(0, caller);
    world.settle();
}
