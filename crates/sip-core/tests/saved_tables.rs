//! The digest server, its client and the registrar, written out in the middle of their work and read back.
#![cfg(feature = "serde")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

use machine::{Machine, Time};
use serde::{Serialize, de::DeserializeOwned};
use sip_core::auth::{AuthError, Client, Secret, Server, ServerConfig};
use sip_core::event::publish::{Compositor, CompositorConfig, Publisher, PublisherConfig, PublisherOutput};
use sip_core::header::{Authorization, TypedHeader};
use sip_core::registrar::{Event, Registrar, RegistrarConfig};
use sip_core::{Body, ConnectionId, Flow, HeaderName, Message, Method, Request, Transport};

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

#[test]
fn used_nonces_stay_used() {
    let now = Time::from_secs(100);
    let mut server = Server::new("r", ServerConfig::default(), [1; 32]);
    let secret = again(&Secret::from_password("u", "r", "p"));
    let mut client = Client::new("u", "p");
    let challenges = server.challenges(now, false);
    let offered: Vec<&[u8]> = challenges.iter().map(|value| &value[..]).collect();
    let first = client.answer(&Method::Register, b"sip:r", b"", &offered, 1).unwrap();
    let verify = |server: &mut Server, value: &[u8]| {
        let sent = Authorization::parse(value).unwrap();
        server.verify(now, &Method::Register, b"sip:r", b"", &sent, |_| Some(&secret))
    };
    assert_eq!(verify(&mut server, &first), Ok(()));

    let (mut server, mut client) = (again(&server), again(&client));
    assert_eq!(verify(&mut server, &first), Err(AuthError::Replayed));
    let second = client.authorize(&Method::Register, b"sip:r", b"", 2).unwrap();
    assert_eq!(verify(&mut server, &second), Ok(()));
    assert_ne!(server.challenges(now, false), challenges);
}

fn register(cseq: u32, contacts: &str) -> Request {
    let text = format!(
        "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK{cseq}\r\nFrom: <sip:u@h>;tag=1\r\n\
         To: <sip:u@h>\r\nCall-ID: 1\r\nCSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\nPath: <sip:p;lr>\r\n\
         Contact: {contacts}\r\nContent-Length: 0\r\n\r\n"
    );
    let Message::Request(request) = Message::parse(text.into()).unwrap() else {
        panic!("a request was built")
    };
    request
}

#[test]
fn bindings_expire_and_close_as_if_nothing_had_happened() {
    let now = Time::from_secs(100);
    let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.7:5060".parse().unwrap());
    let flow = |number| Flow::stream(Transport::Tcp, local, remote, ConnectionId(number));
    let mut registrar = Registrar::new(RegistrarConfig::default());
    registrar
        .register(now, "u", &register(1, "<sip:a@h>;expires=60;q=0.3, <sip:b@h>"), flow(1))
        .unwrap();
    registrar
        .register(now, "u", &register(2, "<sip:c@h>"), flow(2))
        .unwrap();

    let mut restored = again(&registrar);
    assert_eq!(restored.bindings("u"), registrar.bindings("u"));
    for registrar in [&mut registrar, &mut restored] {
        assert_eq!(registrar.poll_timeout(), Some(Time::from_secs(160)));
        registrar.handle_timeout(Time::from_secs(160));
        registrar.remove_flow(Time::from_secs(161), ConnectionId(2));
        assert!(
            registrar
                .register(Time::from_secs(161), "u", &register(1, "<sip:b@h>"), flow(3))
                .is_err()
        );
        registrar
            .register(Time::from_secs(161), "u", &register(3, "<sip:d@h>"), flow(3))
            .unwrap();
    }
    let drain = |registrar: &mut Registrar| core::iter::from_fn(|| registrar.poll_output()).collect::<Vec<Event>>();
    let events = drain(&mut registrar);
    assert_eq!(events.len(), 6);
    assert_eq!(drain(&mut restored), events);
}

fn publish(more: &str, body: &str) -> Request {
    let text = format!(
        "PUBLISH sip:u@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: <sip:u@h>;tag=1\r\nTo: <sip:u@h>\r\n\
         Call-ID: 1\r\nCSeq: 1 PUBLISH\r\nEvent: presence\r\nContent-Type: application/pidf+xml\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let Message::Request(request) = Message::parse(text.into()).unwrap() else {
        panic!("a request was built")
    };
    request
}

#[test]
fn published_states_and_their_tags_go_on() {
    let now = Time::from_secs(100);
    let mut plain = Compositor::new(CompositorConfig::default(), [1; 32]);
    let first = plain.publish(now, "u", &publish("", "open")).unwrap();
    plain.publish(now, "v", &publish("", "closed")).unwrap();
    let mut saved = again(&plain);
    let etag = first.headers().get_str(&HeaderName::SipEtag).unwrap();
    let refresh = publish(&format!("SIP-If-Match: {etag}\r\nExpires: 600\r\n"), "busy");
    let later = Time::from_secs(200);
    assert_eq!(
        saved.publish(later, "u", &refresh),
        plain.publish(later, "u", &refresh),
        "the same new tag"
    );
    assert_eq!(saved.states("u", "presence"), plain.states("u", "presence"));
    assert_eq!((saved.len(), saved.size()), (2, "busyclosed".len()));
    assert_eq!(saved.poll_timeout(), Some(Time::from_secs(800)));

    let mut publisher = Publisher::new(PublisherConfig::default());
    publisher.publish(now, Body::new("a/b", "one"));
    let mut publisher = again(&publisher);
    assert!(matches!(
        publisher.poll_output(),
        Some(PublisherOutput::Send { body: Some(_), .. })
    ));
    publisher.answered(later, &first);
    let mut publisher = again(&publisher);
    assert!(matches!(
        publisher.poll_output(),
        Some(PublisherOutput::Published { .. })
    ));
    let due = publisher.poll_timeout().unwrap();
    publisher.handle_timeout(due);
    assert!(matches!(
        publisher.poll_output(),
        Some(PublisherOutput::Send {
            etag: Some(_),
            body: None,
            ..
        })
    ));
}

#[test]
fn a_watcher_still_notices_a_lost_document() {
    use sip_core::event::dialog_info::{DialogElement, DialogInfo, DialogState, DialogWatcher, DocumentState, Watched};
    let document = |version, state| {
        let mut info = DialogInfo::new("sip:701@pbx.example", version, state);
        info.dialogs.push(DialogElement::new("a", DialogState::Early));
        info
    };
    let mut watcher = DialogWatcher::new();
    watcher.receive(&document(5, DocumentState::Full)).unwrap();
    let mut watcher = again(&watcher);
    assert_eq!(watcher.dialogs().count(), 1);
    assert_eq!(watcher.receive(&document(5, DocumentState::Full)), Ok(Watched::Old));
    assert_eq!(
        watcher.receive(&document(7, DocumentState::Partial)),
        Ok(Watched::Refresh)
    );
    assert!(again(&watcher).is_out_of_date());
}
