//! The checks that make no value agree with the parsers that do: on what is right, on what is wrong, and where.

use super::{Message, NameAddr, Request, Response, Uri};
use crate::HeaderName;
use crate::header::{CSeq, Contact, Date, MaxForwards, TypedHeader, Via};
use crate::wire::ParseError;
use proptest::prelude::*;

fn agree(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(Uri::check(bytes), Uri::parse(bytes).map(drop), "URI {text}");
    assert_eq!(
        NameAddr::check(bytes),
        NameAddr::parse(bytes).map(drop),
        "address {text}"
    );
    assert_eq!(Via::check(bytes), Via::parse(bytes).map(drop), "Via {text}");
    assert_eq!(Contact::check(bytes), Contact::parse(bytes).map(drop), "Contact {text}");
}

/// Pieces of which values are made, right and wrong.
const PIECES: [&str; 48] = [
    "sip:",
    "SIPS:",
    "tel:",
    "urn:",
    "<",
    ">",
    "\"",
    "\\",
    ";",
    ",",
    "=",
    "?",
    "&",
    "@",
    ":",
    "%41",
    "%zz",
    "%",
    "%4",
    "[",
    "]",
    "2001:db8::1",
    "[::1]",
    "[2001:db8:::1]",
    "192.0.2.1",
    "example.com",
    "a_b",
    "alice",
    "+1-555",
    "#",
    "^",
    ":5060",
    ":99999",
    "SIP/2.0/UDP ",
    "SIP / 2.0 / TCP",
    "SIP/7.0/UDP ",
    " ",
    "\t",
    "\r\n ",
    "\r\n",
    "\u{e9}",
    "*",
    ";tag=1",
    ";lr",
    ";branch=z9hG4bK1",
    ";x=\"a;b\"",
    "?Subject=a%20b",
    "\0",
];

/// Values that are right, to be damaged.
const VALUES: [&str; 10] = [
    "sip:al%69ce:pw@Example.COM:5070;transport=tcp;l%72?Subject=a%20b&x=",
    "sips:[2001:db8::1]:5061;maddr=192.0.2.1",
    "tel:+1-201-555-0123;phone-context=example.com",
    "urn:service:sos",
    "\"Alice \\\" B\" <sip:alice@example.com;user=phone>;tag=1;x=\"y;z\"",
    "Alice Bob <sip:alice@example.com>;tag = 2",
    "sip:bare@example.com;tag=3",
    "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;branch=z9hG4bKa7c6a8dlze.1;rport",
    "SIP/2.0/TLS [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3",
    "*",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn on_pieces(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12)) {
        agree(pieces.concat().as_bytes());
    }

    #[test]
    fn on_damaged_values(
        value in prop::sample::select(&VALUES[..]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..4),
    ) {
        let mut bytes = value.as_bytes().to_vec();
        for (at, byte, how) in damage {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => bytes[at] = byte,
                _ => bytes.splice(at..at, PIECES[usize::from(byte) % PIECES.len()].bytes()).for_each(drop),
            }
        }
        agree(&bytes);
    }

    #[test]
    fn on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        agree(&bytes);
    }

    #[test]
    fn on_whole_messages(
        start in prop::sample::select(&["INVITE sip:b@example.com", "INVITE sip:b@c?d=e", "ACK urn:x", "BYE sip:%"][..]),
        lines in prop::collection::vec((0..9_usize, prop::sample::select(&VALUES[..]), 0..6_u8), 0..6),
    ) {
        let mut text = format!("{start} SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>\r\nTo: <sip:b>\r\ni: 1\r\n\
            CSeq: 1 INVITE\r\n");
        for (name, value, list) in lines {
            let names = ["Via", "From", "To", "Contact", "Route", "Record-Route", "Date", "Max-Forwards", "Content-Type"];
            text += &format!("{}: {value}", names[name]);
            text += if list == 0 { ", x\r\n" } else { "\r\n" };
        }
        let message = Message::parse(format!("{text}\r\n").into()).unwrap();
        let slow = match &message {
            Message::Request(request) => by_values_request(request),
            Message::Response(response) => by_values_response(response),
        };
        prop_assert_eq!(message.validate(), slow);
    }
}

fn by_values_request(request: &Request) -> Result<(), ParseError> {
    use super::ParseErrorKind::{DuplicateHeader, MethodMismatch};
    request.request_uri()?;
    let headers = request.headers();
    let cseq = by_values(headers)?;
    if cseq.method != *request.method() {
        return Err(ParseError::new(MethodMismatch, 0));
    }
    headers.typed::<MaxForwards>().transpose()?;
    if headers.count(&HeaderName::MaxForwards) > 1 {
        return Err(ParseError::new(DuplicateHeader("Max-Forwards"), 0));
    }
    Ok(())
}

fn by_values_response(response: &Response) -> Result<(), ParseError> {
    by_values(response.headers()).map(drop)
}

fn by_values(headers: &super::Headers) -> Result<CSeq, ParseError> {
    use super::ParseErrorKind::{DuplicateHeader, MissingHeader};
    let once = |name: HeaderName, text| match headers.values(&name).count() {
        0 => Err(ParseError::new(MissingHeader(text), 0)),
        1 => Ok(headers.get(&name).unwrap()),
        _ => Err(ParseError::new(DuplicateHeader(text), 0)),
    };
    let each = |name: HeaderName, parse: fn(&[u8]) -> Result<(), ParseError>| headers.items(&name).try_for_each(parse);
    each(HeaderName::Via, |item| Via::parse(item).map(drop))?;
    NameAddr::parse(once(HeaderName::From, "From")?)?;
    NameAddr::parse(once(HeaderName::To, "To")?)?;
    let cseq = CSeq::parse(once(HeaderName::CSeq, "CSeq")?)?;
    each(HeaderName::Contact, |item| Contact::parse(item).map(drop))?;
    each(HeaderName::Route, |item| NameAddr::parse(item).map(drop))?;
    each(HeaderName::RecordRoute, |item| NameAddr::parse(item).map(drop))?;
    headers.typed::<Date>().transpose()?;
    if headers.count(&HeaderName::ContentType) > 1 {
        return Err(ParseError::new(DuplicateHeader("Content-Type"), 0));
    }
    Ok(cseq)
}

/// The limits on parameters and URI headers are the same.
#[test]
fn at_the_limits() {
    for count in [
        crate::Limits::PARAMS - 1,
        crate::Limits::PARAMS,
        crate::Limits::PARAMS + 1,
    ] {
        agree(format!("sip:a@b{}", ";x".repeat(count)).as_bytes());
        agree(format!("<sip:a@b>{}", ";x=y".repeat(count)).as_bytes());
        agree(format!("SIP/2.0/UDP a{}", ";x".repeat(count)).as_bytes());
        agree(format!("sip:a@b?x=y{}", "&x=y".repeat(count)).as_bytes());
        agree(format!("sip:a@b?x=y{}&", "&x=y".repeat(count)).as_bytes());
    }
    for length in 254..258 {
        agree(format!("sip:{}", "a".repeat(length)).as_bytes());
    }
}
