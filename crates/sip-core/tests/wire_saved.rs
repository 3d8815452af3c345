//! Messages and typed values written out and read back.
#![cfg(feature = "serde")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]

use serde::{Serialize, de::DeserializeOwned};
use sip_core::header::{CSeq, Contact, Replaces, TypedHeader, Via};
use sip_core::{Framed, HeaderName, Host, Limits, Message, Method, NameAddr, Request, StatusCode, StreamFramer, Uri};
use std::fmt::Debug;

fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    assert_eq!(again(value), *value);
}

#[test]
fn values() {
    same(&"sip:a%20b:p@[::1]:5070;lr;x=%3B?Replaces=1%40x".parse::<Uri>().unwrap());
    same(&"urn:x:y".parse::<Uri>().unwrap());
    same(&NameAddr::parse("\"Jörg\" <sip:a@b>;tag=1;x=\"y;z\"".as_bytes()).unwrap());
    same(&Host::from("2001:db8::1"));
    same(&HeaderName::parse(b"X-Odd").unwrap());
    same(&[Method::Invite, Method::parse(b"X-ODD").unwrap()]);
    same(&StatusCode::BUSY_HERE);
    same(&Via::parse(b"SIP/2.0/TLS a:1;branch=z9hG4bK1;rport;received=::1").unwrap());
    same(&(Contact::All, Contact::parse(b"<sip:a@b>;q=0.1").unwrap()));
    same(&CSeq::new(1, Method::Bye));
    same(&Replaces::new("1@a", "b", "c"));
}

#[test]
fn messages() {
    let text = "OPTIONS sip:a SIP/2.0\r\nX : y\r\n z\r\nSubject: \u{e4}\r\n\r\nbody\0";
    let message = Message::parse(text.into()).unwrap();
    same(&message);
    assert_eq!(again(&message).to_bytes(), text);
    let mut built = Request::new(Method::Message, Uri::sip(Some("a b"), "c", None));
    built.headers_mut().push(HeaderName::Subject, "x");
    built.set_body("text/plain", "hello".into());
    assert_eq!(again(&built).to_bytes(), built.to_bytes());
}

#[test]
fn a_stream_goes_on_in_the_middle_of_a_message() {
    let text = "OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nhi";
    for cut in 0..text.len() {
        let mut framer = StreamFramer::default();
        framer.push(&text.as_bytes()[..cut]);
        assert_eq!(framer.next(), None);
        let mut framer = again(&framer);
        framer.push(&text.as_bytes()[cut..]);
        assert_eq!(framer.next(), Some(Ok(Framed::Message(text.into()))));
    }
}

#[test]
fn a_message_is_read_back_whatever_limits_it_was_taken_by() {
    let mut limits = Limits::default();
    limits.body = 200_000;
    limits.message = 300_000;
    let text = format!("OPTIONS sip:a SIP/2.0\r\n\r\n{}", "x".repeat(100_000));
    assert!(Message::parse(text.clone().into()).is_err());
    let message = Message::parse_with(text.into(), &limits).unwrap();
    same(&message);
}
