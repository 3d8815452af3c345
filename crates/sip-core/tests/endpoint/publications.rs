//! PUBLISH on both sides (RFC 3903), and challenges to requests of ours.

use machine::Machine;
use sip_core::event::publish::{Compositor, CompositorConfig};
use sip_core::header::EventHeader;
use sip_core::{
    Body, Credentials, EndpointError, Event, HeaderName, Method, NameAddr, PublicationEnd, PublicationId, Publish,
    Reply, Request, RequestId, StatusCode, Uri,
};

use crate::link::{World, address, ms, secs};
use crate::outside::{Came, accept, came, progress, referral, send, target, tell};

pub fn challenge() -> Reply {
    Reply::new().header(
        HeaderName::WwwAuthenticate,
        "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    )
}

#[test]
fn our_refer_and_publish_answer_challenges() {
    let mut world = World::with(2, 9, |_, config| config.methods.push(Method::Publish));
    let refer_to = NameAddr::new(Uri::parse(b"sip:700@192.0.2.9").unwrap());
    let mut wanted = referral(&world, &refer_to);
    wanted.credentials = Some(Credentials::new("u", "p"));
    send(&mut world, wanted);
    let refer = came(&mut world).refer;
    world
        .act(1, |endpoint, now| {
            endpoint.reject_refer_with(now, refer, StatusCode::UNAUTHORIZED, &challenge())
        })
        .unwrap();
    world.run(ms(50));
    let Came { refer, request, .. } = came(&mut world);
    assert!(request.headers().contains(&HeaderName::Authorization));
    accept(&mut world, refer);
    tell(&mut world, refer, StatusCode::OK);
    assert_eq!(progress(&mut world).last(), Some(&(200, true)));
    let id = publish(&mut world, "open", |publish| {
        publish.credentials = Some(Credentials::new("u", "p"))
    });
    let (request_id, _) = requested(&mut world);
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::UNAUTHORIZED, challenge())
        })
        .unwrap();
    world.run(ms(50));
    let (_, request) = requested(&mut world);
    assert!(request.headers().contains(&HeaderName::Authorization));
    world.act(0, |endpoint, now| endpoint.unpublish(now, id)).unwrap();
    world.lose(|_| true);
    world.settle();
}

pub fn requested(world: &mut World) -> (RequestId, Request) {
    match world.events(1).pop() {
        Some(Event::Request {
            request_id, request, ..
        }) => (request_id, request),
        other => panic!("no request: {other:?}"),
    }
}

fn publish(world: &mut World, text: &'static str, configure: impl Fn(&mut Publish)) -> PublicationId {
    let body = Body::new("application/pidf+xml", text);
    let mut publish = Publish::new(
        target(world, 1),
        address(0),
        address(0),
        EventHeader::new("presence"),
        body,
    );
    configure(&mut publish);
    let id = world.act(0, |endpoint, now| endpoint.publish(now, publish)).unwrap();
    world.run(ms(15));
    id
}

/// Lets the compositor answer what came to node 1.
fn compose(world: &mut World, compositor: &mut Compositor) {
    world.run(ms(15));
    for event in world.events(1) {
        let Event::Request {
            request_id, request, ..
        } = event
        else {
            panic!("{event:?}")
        };
        let now = world.now;
        let response = match compositor.publish(now, "user0", &request) {
            Ok(response) => response,
            Err(error) => error.to_response(&request, compositor.config()),
        };
        let reply = Reply::from_response(&response);
        world
            .act(1, |endpoint, now| {
                endpoint.respond(now, request_id, response.status(), reply)
            })
            .unwrap();
    }
    world.run(ms(15));
}

fn body_of(compositor: &Compositor) -> Vec<&[u8]> {
    compositor
        .states("user0", "presence")
        .iter()
        .map(|state| &state.body[..])
        .collect()
}

#[test]
fn a_publication_from_end_to_end() {
    let mut world = World::with(2, 10, |_, config| config.methods.push(Method::Publish));
    let mut config = CompositorConfig::default();
    config.expiry.min = secs(300);
    config.expiry.max = secs(900);
    let mut compositor = Compositor::new(config.clone(), [1; 32]);
    // 200 s are too brief, 300 s are not.
    let id = publish(&mut world, "open", |publish| publish.expires = secs(200));
    compose(&mut world, &mut compositor);
    compose(&mut world, &mut compositor);
    assert!(
        matches!(world.events(0).pop(), Some(Event::Published { publication, expires }) if publication == id && expires == secs(300))
    );
    assert_eq!(body_of(&compositor), [b"open"]);
    // It is refreshed without its body.
    world.run(secs(241));
    assert_eq!(world.request(0, "PUBLISH").body().len(), 0);
    compose(&mut world, &mut compositor);
    compositor.handle_timeout(world.now);
    assert_eq!(
        (world.names(0), body_of(&compositor)),
        (vec!["Published"], vec![&b"open"[..]])
    );
    // Another state takes its place.
    let busy = Body::new("application/pidf+xml", "busy");
    world.act(0, |endpoint, now| endpoint.republish(now, id, busy)).unwrap();
    compose(&mut world, &mut compositor);
    assert_eq!(body_of(&compositor), [b"busy"]);
    // The compositor forgets everything: 412, and all is published anew.
    compositor = Compositor::new(config, [2; 32]);
    world.run(secs(241));
    compose(&mut world, &mut compositor);
    assert_eq!(world.count_sent(1, "SIP/2.0 412"), 1);
    compose(&mut world, &mut compositor);
    assert_eq!(body_of(&compositor), [b"busy"]);
    // The end.
    world.act(0, |endpoint, now| endpoint.unpublish(now, id)).unwrap();
    compose(&mut world, &mut compositor);
    assert_eq!((compositor.len(), world.live(0).publications), (0, 0));
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.unpublish(now, id)),
        Err(EndpointError::Gone)
    );
    world.settle();
}

#[test]
fn publications_are_limited_deferred_and_refused() {
    let mut world = World::with(2, 11, |_, config| {
        config.methods.push(Method::Publish);
        config.limits.publications = 2;
    });
    let first = publish(&mut world, "a", |_| {});
    let (request_id, _) = requested(&mut world);
    let busy = Reply::new().header(HeaderName::RetryAfter, "100");
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::SERVICE_UNAVAILABLE, busy)
        })
        .unwrap();
    world.run(ms(15));
    assert!(
        matches!(world.events(0).pop(), Some(Event::PublicationDeferred { publication, again, .. }) if publication == first && again == secs(100))
    );
    publish(&mut world, "b", |_| {});
    let (request_id, _) = requested(&mut world);
    let body = Body::new("a/b", "c");
    let third = Publish::new(
        target(&world, 1),
        address(0),
        address(0),
        EventHeader::new("presence"),
        body,
    );
    assert_eq!(
        world.act(0, |endpoint, now| endpoint.publish(now, third)),
        Err(EndpointError::Full)
    );
    world
        .act(1, |endpoint, now| {
            endpoint.respond(now, request_id, StatusCode::FORBIDDEN, Reply::new())
        })
        .unwrap();
    world.run(ms(15));
    assert!(matches!(
        world.events(0).pop(),
        Some(Event::PublicationEnded {
            cause: PublicationEnd::Refused(StatusCode::FORBIDDEN),
            ..
        })
    ));
    world.run(secs(101));
    requested(&mut world);
    // Given up while its PUBLISH is under way: gone with its end.
    world.act(0, |endpoint, now| endpoint.unpublish(now, first)).unwrap();
    world.lose(|_| true);
    world.run(secs(120));
    assert_eq!(world.live(0).publications, 0);
    assert_eq!(world.names(0), [""; 0]);
    world.settle();
}
