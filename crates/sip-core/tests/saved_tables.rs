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
use sip_core::header::{Authorization, TypedHeader};
use sip_core::registrar::{Event, Registrar, RegistrarConfig};
use sip_core::{ConnectionId, Flow, Message, Method, Request, Transport};

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
