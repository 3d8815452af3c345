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

#[test]
fn what_carriers_and_pbxs_say_is_kept() {
    // RFC 7315, 7044, 5806, 5009: through a proxy that trusts both sides, byte for byte.
    let said = [
        (HeaderName::PCalledPartyId, "<sip:business@example.com>"),
        (HeaderName::PVisitedNetworkId, "\"Visited network number 1\""),
        (
            HeaderName::PAccessNetworkInfo,
            "3GPP-UTRAN-TDD;utran-cell-id-3gpp=234151D0FCE11",
        ),
        (
            HeaderName::PChargingVector,
            "icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net",
        ),
        (
            HeaderName::PChargingFunctionAddresses,
            "ccf=192.1.1.1;ccf=192.1.1.2;ecf=192.1.1.3",
        ),
        (
            HeaderName::HistoryInfo,
            "<sip:bob@example.com>;index=1,<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
        ),
        (
            HeaderName::Diversion,
            "\"Reception\" <sip:100@pbx.example.com>;reason=no-answer;counter=1;privacy=off",
        ),
        (HeaderName::PEarlyMedia, "supported"),
    ];
    let mut stage = Stage::new();
    let alice = stage.phone("alice", "example.com");
    let bob = stage.phone("bob", "example.com");
    let trusted = vec![stage.net.address(alice).ip(), stage.net.address(bob).ip()];
    let proxy = stage.proxy("proxy", "example.com", |config| config.trusted = trusted);
    // RFC 8599: the contact's parameters say how to wake the phone, and come back to it.
    let woken = "sip:bob@192.0.2.102:5060;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMzODE1NmUgKi0K";
    let target = sip_core::proxy::Target::new(uri(woken));
    stage
        .net
        .router(proxy)
        .locate("bob@example.com", sip_core::proxy::TargetSet::parallel([target]));
    let mut invite = stage.invite(alice, "sip:bob@example.com", proxy);
    invite.headers = said
        .iter()
        .map(|(name, value)| (name.clone(), (*value).into()))
        .collect();
    stage.call(alice, invite);
    let Event::Invite { session, request, .. } = stage.invited(bob) else {
        panic!()
    };
    for (name, value) in said {
        assert_eq!(request.headers().get_str(&name), Some(value), "{name}");
    }
    assert_eq!(request.uri(), woken.as_bytes());
    let reply = Reply::new()
        .header(HeaderName::PAssociatedUri, "<sip:bob@example.com>, <tel:+15550102>")
        .header(HeaderName::HistoryInfo, "<sip:bob@example.com>;index=1");
    stage
        .act(bob, |endpoint, now| endpoint.answer(now, session, reply))
        .unwrap();
    let Some(Event::Answered { session, response }) = stage.net.events(alice).pop() else {
        panic!()
    };
    assert!(response.headers().contains(&HeaderName::PAssociatedUri));
    assert!(response.headers().contains(&HeaderName::HistoryInfo));
    stage.hang_up(alice, session);
    stage.net.settle();
}

#[test]
fn how_to_wake_a_phone_is_kept_by_its_registrar() {
    use sip_core::registrar::{Registrar, RegistrarConfig};
    let contact =
        "<sip:bob@192.0.2.8;pn-provider=fcm;pn-param=p;pn-prid=x%3Ay;pn-purr=z>;expires=600;+sip.pnsreg=\"121\"";
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK1\r\nFrom: <sip:bob@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        panic!()
    };
    let flow = sip_core::Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.8:5060".parse().unwrap());
    let mut registrar = Registrar::new(RegistrarConfig::default());
    let response = registrar
        .register(crate::network::START, "bob@example.com", &request, flow)
        .unwrap();
    let listed = response.headers().get_str(&HeaderName::Contact).unwrap();
    let bound = registrar.bindings("bob@example.com")[0].contact.to_string();
    for kept in [
        "pn-provider=fcm",
        "pn-param=p",
        "pn-prid=x%3Ay",
        "pn-purr=z",
        "+sip.pnsreg=\"121\"",
    ] {
        assert!(listed.contains(kept) && bound.contains(kept), "{kept}: {listed}");
    }
}
