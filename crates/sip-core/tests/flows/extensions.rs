//! The flows of extensions that the three documents do not show: message waiting, presence from its publication to its
//! watcher, a phone behind an edge proxy.

use sip_core::event::message_summary::{self, Counts, MessageClass, MessageSummary};
use sip_core::event::publish::{Compositor, CompositorConfig};
use sip_core::header::EventHeader;
use sip_core::proxy::{self, Destination, PathPolicy, Target, TargetSet};
use sip_core::registrar::{Registrar, RegistrarConfig};
use sip_core::{Body, Event, HeaderName, Method, Notify, OutOfDialog, Publish, Reply, Subscribe};

use crate::network::secs;
use crate::stage::{Stage, uri};

#[test]
fn rfc3842_messages_wait_in_a_mailbox() {
    let mut stage = Stage::new();
    let (alice, mailbox) = (
        stage.phone("alice", "example.com"),
        stage.phone("mailbox", "example.com"),
    );
    let event = EventHeader::new("message-summary");
    let subscribe = Subscribe::new(
        stage.contact(mailbox),
        stage.person(alice),
        stage.person(alice),
        event,
        secs(600),
    );
    let ours = stage
        .act(alice, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    let Some(Event::Subscribe { request_id, .. }) = stage.net.events(mailbox).pop() else {
        panic!("no SUBSCRIBE came")
    };
    let theirs = stage
        .act(mailbox, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, secs(600))
        })
        .unwrap();
    for new in [0, 2] {
        let mut summary = MessageSummary::new("sip:alice@example.com");
        summary.set(MessageClass::Voice, Counts::new(new, 8));
        let body = Body::new(message_summary::CONTENT_TYPE, summary.to_body());
        stage
            .act(mailbox, |endpoint, now| {
                endpoint.notify(now, theirs, Notify::active(body))
            })
            .unwrap();
        stage.wait(secs(30));
    }
    let heard: Vec<bool> = stage
        .net
        .events(alice)
        .into_iter()
        .filter_map(|event| match event {
            Event::Notified { request, .. } => Some(MessageSummary::parse(request.body()).unwrap().waiting),
            _ => None,
        })
        .collect();
    assert_eq!(heard, [false, true], "the lamp goes on");
    stage.unwatch(alice, ours);
    let f = stage.end(
        "F1 alice   → mailbox SUBSCRIBE
         F2 mailbox → alice   200 SUBSCRIBE
         F3 mailbox → alice   NOTIFY
         -  alice   → mailbox 200 NOTIFY
         F4 mailbox → alice   NOTIFY
         -  alice   → mailbox 200 NOTIFY
         F5 alice   → mailbox SUBSCRIBE
         -  mailbox → alice   200 SUBSCRIBE
         F6 mailbox → alice   NOTIFY
         -  alice   → mailbox 200 NOTIFY",
    );
    assert_eq!(
        (f.get(1, "Event"), f.get(3, "Event")),
        ("message-summary".into(), "message-summary".into())
    );
    assert_eq!(f.get(4, "Content-Type"), "application/simple-message-summary");
    assert!(f.body(4).contains("Voice-Message: 2/8"));
    assert_eq!((f.get(5, "Expires"), f.cseq(4)), ("0".into(), f.cseq(3) + 1));
    assert!(f.get(6, "Subscription-State").starts_with("terminated"));
}

#[test]
fn rfc3903_presence_from_its_publication_to_its_watcher() {
    let mut stage = Stage::new();
    let alice = stage.phone("alice", "example.com");
    let server = stage.phone_with("server", "example.com", |config| config.methods.push(Method::Publish));
    let bob = stage.phone("bob", "example.com");
    let mut compositor = Compositor::new(CompositorConfig::default(), [7; 32]);
    let event = || EventHeader::new("presence");
    let subscribe = Subscribe::new(
        stage.contact(server),
        stage.person(bob),
        stage.person(alice),
        event(),
        secs(600),
    );
    let watching = stage
        .act(bob, |endpoint, now| endpoint.subscribe(now, subscribe))
        .unwrap();
    let Some(Event::Subscribe { request_id, .. }) = stage.net.events(server).pop() else {
        panic!("no SUBSCRIBE came")
    };
    let watched = stage
        .act(server, |endpoint, now| {
            endpoint.accept_subscription(now, request_id, secs(600))
        })
        .unwrap();
    let document = |text: &'static str| Body::new("application/pidf+xml", text);
    stage.notify(server, watched, document("<closed/>"));
    let publish = Publish::new(
        stage.contact(server),
        stage.person(alice),
        stage.person(alice),
        event(),
        document("<open/>"),
    );
    let publication = stage
        .act(alice, |endpoint, now| endpoint.publish(now, publish))
        .unwrap();
    let mut compose = |stage: &mut Stage| {
        let Some(Event::Request {
            request_id, request, ..
        }) = stage.net.events(server).pop()
        else {
            panic!("no PUBLISH came")
        };
        let response = compositor.publish(stage.net.now, "alice@example.com", &request);
        let response = response.unwrap();
        let reply = Reply::from_response(&response);
        stage
            .act(server, |endpoint, now| {
                endpoint.respond(now, request_id, response.status(), reply)
            })
            .unwrap();
        compositor
            .states("alice@example.com", "presence")
            .first()
            .map(|state| state.body.clone())
    };
    let state = compose(&mut stage).unwrap();
    assert_eq!(state, &b"<open/>"[..]);
    stage.notify(server, watched, document("<open/>"));
    stage
        .act(alice, |endpoint, now| endpoint.unpublish(now, publication))
        .unwrap();
    assert!(compose(&mut stage).is_none());
    stage.notify(server, watched, document("<closed/>"));
    stage.unwatch(bob, watching);
    let f = stage.end(
        "F1  bob    → server SUBSCRIBE
         F2  server → bob    200 SUBSCRIBE
         F3  server → bob    NOTIFY
         F4  bob    → server 200 NOTIFY
         F5  alice  → server PUBLISH
         F6  server → alice  200 PUBLISH
         F7  server → bob    NOTIFY
         F8  bob    → server 200 NOTIFY
         F9  alice  → server PUBLISH
         F10 server → alice  200 PUBLISH
         F11 server → bob    NOTIFY
         F12 bob    → server 200 NOTIFY
         -   bob    → server SUBSCRIBE
         -   server → bob    200 SUBSCRIBE
         -   server → bob    NOTIFY
         -   bob    → server 200 NOTIFY",
    );
    assert!(f.has(6, "SIP-ETag") && !f.has(5, "SIP-If-Match"));
    assert_eq!(f.get(9, "SIP-If-Match"), f.get(6, "SIP-ETag"));
    assert_eq!(
        (f.get(5, "Event"), f.get(9, "Expires")),
        ("presence".into(), "0".into())
    );
    assert!(!f.has(5, "Contact"), "a PUBLISH makes no dialog");
    assert_eq!(
        (f.body(7), f.body(9), f.body(11)),
        ("<open/>".into(), String::new(), "<closed/>".into())
    );
    assert!(!f.has(1, HeaderName::Require.as_str()));
}

#[test]
fn rfc3327_a_phone_behind_an_edge_proxy_is_reached_by_its_path() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.phone("alice", "example.org"), stage.phone("bob", "example.com"));
    let edge = stage.proxy("edge", "edge.example.com", |config| config.path = PathPolicy::Always);
    let home = stage.proxy("home", "example.com", |config| config.record_route = false);
    stage.resolve(edge, "example.com", home);
    let mut table = Registrar::new(RegistrarConfig::default());
    stage.policy(home, move |proxy, now, event| {
        let proxy::Event::Request {
            context,
            request,
            flow,
            destination: Destination::Location,
        } = event
        else {
            return false;
        };
        if *request.method() == Method::Register {
            let response = table.register(now, "bob@example.com", request, *flow).unwrap();
            let (status, reply) = (response.status(), Reply::from_response(&response));
            proxy.respond(now, *context, status, reply).unwrap();
        } else {
            let bindings = table.bindings("bob@example.com").iter();
            proxy
                .forward(now, *context, TargetSet::by_q(bindings.map(Target::from)))
                .unwrap();
        }
        true
    });
    let person = stage.person(bob);
    let mut register = OutOfDialog::new(Method::Register, uri("sip:example.com"), person.clone(), person);
    let hop = stage.net.address(edge);
    register.route = vec![uri(&format!("sip:{hop};lr"))];
    register.flow = Some(stage.flow_to(bob, edge));
    let contact = "<sip:bob@192.0.2.102:5060>";
    register.headers = vec![
        (HeaderName::Contact, contact.into()),
        (HeaderName::Supported, "path".into()),
    ];
    stage.act(bob, |endpoint, now| endpoint.send(now, register)).unwrap();
    let ours = stage.call(alice, stage.invite(alice, "sip:bob@example.com", home));
    stage.pick_up(bob);
    stage.hang_up(alice, ours);
    let f = stage.end(
        "F1  bob   → edge  REGISTER
         F2  edge  → home  REGISTER
         F3  home  → edge  200 REGISTER
         F4  edge  → bob   200 REGISTER
         F5  alice → home  INVITE
         F6  home  → edge  INVITE
         F7  edge  → bob   INVITE
         F8  bob   → edge  200 INVITE
         F9  edge  → home  200 INVITE
         F10 home  → alice 200 INVITE
         F11 alice → edge  ACK
         F12 edge  → bob   ACK
         F13 alice → edge  BYE
         F14 edge  → bob   BYE
         F15 bob   → edge  200 BYE
         F16 edge  → alice 200 BYE",
    );
    assert!(!f.has(1, "Path") && !f.has(2, "Route"));
    assert_eq!(
        (f.get(3, "Path"), f.get(4, "Path")),
        (f.get(2, "Path"), f.get(2, "Path"))
    );
    assert_eq!(f.get(6, "Route"), f.get(2, "Path"), "the way that the REGISTER came");
    assert_eq!(
        (f.target(6), f.target(7)),
        ("sip:bob@192.0.2.102:5060".into(), "sip:bob@192.0.2.102:5060".into())
    );
    assert!(!f.has(7, "Route"));
    assert_eq!(
        f.all(11, "Route"),
        f.all(10, "Record-Route"),
        "the edge stays, the home proxy does not"
    );
}
