//! Requests of our own outside of sessions.

use sip_core::{Event, HeaderName, Method, OutOfDialog, Reply, StatusCode, Uri};

use crate::link::{World, address, ms, secs};

#[test]
fn requests_of_our_own() {
    let mut world = World::new(2, 15);
    let registrar = Uri::parse(b"sip:192.0.2.2").unwrap();
    let mut register = OutOfDialog::new(Method::Register, registrar, address(0), address(0));
    register.contact_user = Some("user0".into());
    register.credentials = Some(sip_core::Credentials::new("user0", "secret"));
    register.sequence = Some(("reg-1".into(), 7));
    let id = world
        .act(0, |endpoint, now| endpoint.send(now, register.clone()))
        .unwrap();
    world.run(ms(15));
    let Some(Event::Request {
        request_id,
        session: None,
        request,
        ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert_eq!(
        (request.call_id(), request.cseq().unwrap().number),
        (Some(&b"reg-1"[..]), 7)
    );
    assert_eq!(
        request.headers().get_str(&HeaderName::Contact),
        Some("<sip:user0@192.0.2.1:5060>")
    );
    let challenge = Reply::new().header(
        HeaderName::WwwAuthenticate,
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge)
        })
        .unwrap();
    world.run(ms(50));
    let Some(Event::Request {
        request_id, request, ..
    }) = world.events(1).pop()
    else {
        panic!()
    };
    assert!(request.headers().contains(&HeaderName::Authorization));
    assert_eq!(
        (request.call_id(), request.cseq().unwrap().number),
        (Some(&b"reg-1"[..]), 8)
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::OK, Reply::new())
        })
        .unwrap();
    world.run(ms(50));
    assert!(
        matches!(&world.events(0)[..], [Event::Response { request_id, status: StatusCode::OK, response: Some(_) }] if *request_id == id)
    );
    world.settle();
}

#[test]
fn requests_that_cannot_be_sent_or_are_not_answered() {
    let mut world = World::new(1, 17);
    let registrar = Uri::parse(b"sip:192.0.2.2").unwrap();
    let mut register = OutOfDialog::new(Method::Register, registrar, address(0), address(0));
    for method in [
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Subscribe,
    ] {
        let mut bad = register.clone();
        bad.method = method;
        assert_eq!(
            world.act(0, |endpoint, now| endpoint.send(now, bad)),
            Err(sip_core::EndpointError::BadMethod)
        );
    }
    // Nobody there.
    register.target = Uri::parse(b"sip:192.0.2.77").unwrap();
    world
        .act(0, |endpoint, now| endpoint.send(now, register.clone()))
        .unwrap();
    register.target = Uri::parse(b"sip:pbx.example").unwrap();
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.send(now, register)),
        Err(sip_core::EndpointError::NoAddress)
    );
    world.run(secs(33));
    assert!(matches!(
        &world.events(0)[..],
        [Event::Response {
            status: StatusCode::REQUEST_TIMEOUT,
            response: None,
            ..
        }]
    ));
    world.settle();
}

#[test]
fn time_that_goes_backwards_is_clamped() {
    let mut world = World::new(2, 16);
    let (caller, _) = world.established(0, 1);
    let before = world.now;
    world.now = machine::Time::from_secs(5);
    world
        .act(0, |endpoint, now| endpoint.hang_up(now, caller, None))
        .unwrap();
    world.act(0, machine::Machine::handle_timeout);
    world.now = before;
    world.settle();
}
