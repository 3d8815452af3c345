//! The views of values agree with the values: on what is right, on what is wrong, and where; and on what is in them.

use super::text::{Octets, Source};
use super::{Host, Message, NameAddr, NameAddrView, Params, ParamsView, Request, Response, Uri, UriView};
use crate::HeaderName;
use crate::header::{
    Authorization, CSeq, Contact, ContactView, CredentialsView, Date, MaxForwards, TypedHeader, Via, ViaView,
    ViewHeader,
};
use crate::wire::ParseError;
use bytes::Bytes;
use proptest::prelude::*;

/// By themselves, as a part of a message that is text, and of one that is not.
fn agree(bytes: &[u8]) {
    agree_in(bytes, Source::NONE);
    for (before, after) in [(&b"x"[..], &b"y"[..]), (b"\xff", b"y")] {
        let message = Octets::new(Bytes::from([before, bytes, after].concat()));
        let part = message.bytes().get(1..=bytes.len()).unwrap();
        agree_in(part, message.source());
    }
}

fn agree_in(bytes: &[u8], source: Source<'_>) {
    match (UriView::parse(bytes), Uri::parse_in(bytes, source)) {
        (Ok(view), Ok(uri)) => same_uri(&view, &uri),
        (view, uri) => assert_eq!(view.map(drop), uri.map(drop), "URI {bytes:?}"),
    }
    match (NameAddrView::parse_in(bytes, source), NameAddr::parse_in(bytes, source)) {
        (Ok(view), Ok(address)) => same_address(&view, &address),
        (view, address) => assert_eq!(view.map(drop), address.map(drop), "address {bytes:?}"),
    }
    match (Via::view_in(bytes, source), Via::parse_in(bytes, source)) {
        (Ok(view), Ok(via)) => same_via(&view, &via),
        (view, via) => assert_eq!(view.map(drop), via.map(drop), "Via {bytes:?}"),
    }
    match (Contact::view_in(bytes, source), Contact::parse_in(bytes, source)) {
        (Ok(view), Ok(contact)) => same_contact(&view, &contact),
        (view, contact) => assert_eq!(view.map(drop), contact.map(drop), "Contact {bytes:?}"),
    }
    match (
        Authorization::view_in(bytes, source),
        Authorization::parse_in(bytes, source),
    ) {
        (Ok(view), Ok(credentials)) => same_credentials(&view, &credentials),
        (view, credentials) => assert_eq!(view.map(drop), credentials.map(drop), "credentials {bytes:?}"),
    }
}

fn same_uri(view: &UriView<'_>, uri: &Uri) {
    assert_eq!(view.to_uri(), *uri);
    assert_eq!((view.scheme(), view.port()), (uri.scheme(), uri.port()));
    assert_eq!(view.user(), uri.user());
    assert_eq!(view.host().map(Host::from).as_ref(), uri.host());
    assert_eq!(view.ip(), uri.host().and_then(Host::ip));
    assert_eq!(view.transport().as_deref(), uri.transport());
    assert_eq!(view.is_loose_router(), uri.is_loose_router());
    assert_eq!(view.has_headers(), uri.headers().len() > 0);
    same_params(&view.params(), uri.params());
}

fn same_params(view: &ParamsView<'_>, params: &Params) {
    assert_eq!(view.to_params(), *params);
    assert_eq!(view.is_empty(), params.is_empty());
    let asked = ["tag", "TAG", "lr", "x", "a", "branch", "q", "transport", ""];
    for name in asked.into_iter().chain(params.iter().map(|(name, _)| name)) {
        let value = view.get(name);
        let value = value.as_ref().map(|value| value.as_deref());
        assert_eq!(value, params.get(name), "{name}");
        assert_eq!(view.contains(name), params.contains(name), "{name}");
    }
}

fn same_address(view: &NameAddrView<'_>, address: &NameAddr) {
    assert_eq!(view.to_name_addr(), *address);
    assert_eq!(view.display().as_deref(), address.display.as_deref());
    assert_eq!(view.tag().as_deref(), address.tag());
    same_uri(view.uri(), &address.uri);
    same_params(&view.params(), &address.params);
}

fn same_via(view: &ViaView<'_>, via: &Via) {
    assert_eq!(view.to_via(), *via);
    assert_eq!((view.transport(), view.port()), (via.transport.as_str(), via.port));
    assert_eq!((Host::from(view.host()), view.ip()), (via.host.clone(), via.host.ip()));
    assert_eq!(view.branch().as_deref(), via.branch());
    assert_eq!(view.has_rfc3261_branch(), via.has_rfc3261_branch());
    assert_eq!((view.received(), view.rport()), (via.received(), via.rport()));
    same_params(&view.params(), &via.params);
}

fn same_contact(view: &ContactView<'_>, contact: &Contact) {
    assert_eq!(view.to_contact(), *contact);
    assert_eq!((view.q(), view.expires()), (contact.q(), contact.expires()));
    assert_eq!(view.address().is_some(), contact.address().is_some());
}

fn same_credentials(view: &CredentialsView<'_>, credentials: &Authorization) {
    assert_eq!(view.to_credentials(), credentials.0);
    assert_eq!(
        (view.scheme(), view.is_digest()),
        (credentials.scheme(), credentials.is_digest())
    );
    let params = credentials.params();
    for name in ["username", "REALM", "nc", ""]
        .into_iter()
        .chain(params.iter().map(|(name, _)| name))
    {
        assert_eq!(view.get(name).as_deref(), params.get(name), "{name}");
    }
}

/// Pieces of which values are made, right and wrong.
const PIECES: [&str; 54] = [
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
    "Digest ",
    "username=\"a\"",
    "nc=1",
    ", ",
    " = ",
    "realm=",
];

/// Values that are right, to be damaged.
const VALUES: [&str; 12] = [
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
    "Digest username=\"Al\\\"ice\", realm = \"x\", nc=00000001, uri=\"sip:a@b\"",
    "digest username=\"a\",realm=\"b\" ,, response=, opaque=\"\", Nonce=\"c d\"",
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
