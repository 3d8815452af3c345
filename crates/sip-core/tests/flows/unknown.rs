//! Headers, methods and parameters that nobody knows pass through unharmed.

use sip_core::{Body, Event, HeaderName, Message, Method, NameAddr, OutOfDialog, Reply, StatusCode};

use crate::stage::{Stage, uri};

const SPOKEN: &str = "\"a, b\" <sip:x@y;z>;p=\"q\\\"r\";s , caf\u{e9} \t ;;=;";

#[test]
fn what_nobody_knows_passes_a_proxy_and_an_endpoint() {
    let mut stage = Stage::new();
    let alice = stage.phone("alice", "atlanta.example.com");
    let method = Method::parse(b"FROB!nicate").unwrap();
    let bob = stage.phone_with("bob", "biloxi.example.com", |config| {
        config.methods.push(Method::parse(b"FROB!nicate").unwrap())
    });
    let proxy = stage.proxy("proxy", "chicago.example.com", |_| {});
    let target = "sip:bob;day=tuesday@192.0.2.102:5060;colour=%22blue%22;flag;Ttl=15";
    let from = NameAddr::parse(b"\"A\" <sip:alice@atlanta.example.com;x-uri=1>;x-header=\"; ,\";x-flag").unwrap();
    let mut request = OutOfDialog::new(method.clone(), uri(target), from, NameAddr::new(uri(target)));
    request.flow = Some(stage.flow_to(alice, proxy));
    let name = HeaderName::parse(b"X-NeVeR-heard-0f").unwrap();
    request.headers = vec![
        (name.clone(), SPOKEN.into()),
        (name.clone(), "".into()),
        (name.clone(), "again".into()),
    ];
    request.body = Some(Body::new("application/x-unheard;of=it", &b"\0\xff\r\n\r\nINVITE"[..]));
    stage.act(alice, |endpoint, now| endpoint.send(now, request)).unwrap();
    let Some(Event::Request {
        request_id, request, ..
    }) = stage.net.events(bob).pop()
    else {
        panic!("it came")
    };
    assert_eq!((request.method(), request.uri()), (&method, target.as_bytes()));
    assert_eq!(
        request.headers().values(&name).collect::<Vec<_>>(),
        [SPOKEN.as_bytes(), b"", b"again"]
    );
    let text = String::from_utf8_lossy(&request.to_bytes()).into_owned();
    assert!(text.contains("\r\nX-NeVeR-heard-0f: "), "its case, too: {text}");
    let from = request.from().unwrap();
    assert_eq!(
        (from.params.value("x-header"), from.params.get("x-flag")),
        (Some("; ,"), Some(None))
    );
    assert_eq!(from.uri.params().value("x-uri"), Some("1"));
    assert_eq!(
        request.headers().get_str(&HeaderName::ContentType),
        Some("application/x-unheard;of=it")
    );
    assert_eq!(request.body(), &b"\0\xff\r\n\r\nINVITE"[..]);
    let reply = Reply::new().header(name.clone(), SPOKEN).reason("Frobbed");
    let status = StatusCode::try_from(299).unwrap();
    stage
        .act(bob, |endpoint, now| endpoint.respond(now, request_id, status, reply))
        .unwrap();
    let Some(Event::Response {
        response: Some(response),
        ..
    }) = stage.net.events(alice).pop()
    else {
        panic!("and so did its response")
    };
    assert_eq!((response.status(), response.reason()), (status, "Frobbed"));
    assert_eq!(response.headers().get(&name), Some(SPOKEN.as_bytes()));
    stage.end(
        "- alice → proxy FROB!nicate
         - proxy → bob   FROB!nicate
         - bob   → proxy 299 FROB!nicate
         - proxy → alice 299 FROB!nicate",
    );
}

#[test]
fn editing_one_header_leaves_the_unknown_ones_as_they_came() {
    let datagram = "FROB!nicate sip:bob@example.com;x=y SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;x-via=\"1\"\r\n\
        X-One :  folded\r\n  over lines\t\r\nf:<sip:a@b>;tag=1;zzz\r\nt: <sip:bob@example.com>\r\nI: 1\r\n\
        cSeQ: 1 FROB!nicate\r\nX-\u{7e}: \r\nMax-Forwards: 9\r\nl: 3\r\n\r\nabc";
    let Message::Request(mut request) = Message::parse(datagram.to_owned().into()).unwrap() else {
        panic!()
    };
    assert_eq!(request.to_bytes(), datagram);
    request.headers_mut().set(HeaderName::MaxForwards, "8");
    assert_eq!(request.to_bytes(), datagram.replace("Forwards: 9", "Forwards: 8"));
}
