//! What strangers may say, and what they may see.

use super::*;
use crate::StatusCode;
use crate::wire::{HeaderName, Headers, Message, NameAddr, Uri};

fn headers(lines: &str) -> Headers {
    let text = format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}\r\n");
    match Message::parse(text.into()).unwrap() {
        Message::Request(request) => request.headers().clone(),
        Message::Response(_) => unreachable!(),
    }
}

fn lines(headers: &Headers) -> Vec<String> {
    let line = |(name, value): (HeaderName, &[u8])| format!("{name}: {}", String::from_utf8_lossy(value));
    headers.iter().map(line).collect()
}

fn address(text: &str) -> NameAddr {
    text.parse().unwrap()
}

/// Header smuggling: whatever a peer further on might read as the header is dropped here.
#[test]
fn a_stranger_asserts_nothing_however_it_is_spelled() {
    for line in [
        "P-Asserted-Identity: <sip:boss@example.com>\r\n",
        "P-Asserted-Identity : <sip:boss@example.com>\r\n",
        "p-asserted-identity\t :<tel:+1>\r\n",
        "P-ASSERTED-IDENTITY:\r\n <sip:boss@example.com>\r\n",
        "P-Asserted-Identity:\r\n",
        "P-Asserted-Identity: not an address\r\n",
        "Subject: a\r\nP-Asserted-Identity: <sip:1@b>\r\nP-Asserted-Identity : <sip:2@b>\r\n",
        "Remote-Party-ID: <sip:boss@example.com>;screen=yes\r\n",
        "P-Served-User: <sip:boss@example.com>\r\n",
        "P-Asserted-Service: urn:urn-7:x\r\n",
        "P-Charging-Vector: icid-value=1\r\n",
        "P-Access-Network-Info: 3GPP-GERAN;np\r\n",
        "P-Access-Network-Info: (broken\r\n",
    ] {
        let mut message = headers(&format!("From: <sip:a@b>;tag=1\r\n{line}"));
        assert!(distrust(&mut message), "{line:?}");
        let kept = lines(&message);
        assert!(
            kept.iter()
                .all(|line| line.starts_with("From") || line.starts_with("Subject")),
            "{kept:?}"
        );
        assert!(!distrust(&mut message), "nothing is left");
    }
    let mut own =
        headers("P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=1, ADSL;network-provided\r\nPrivacy: id\r\n");
    assert!(distrust(&mut own));
    assert_eq!(
        lines(&own),
        ["P-Access-Network-Info: IEEE-802.11;i-wlan-node-id=1", "Privacy: id"]
    );
}

#[test]
fn one_sip_and_one_tel_identity_count() {
    let message = headers(
        "P-Asserted-Identity: <mailto:a@b>, broken, tel:+14085264000\r\n\
         P-Asserted-Identity: \"Cullen Jennings\" <sips:fluffy@cisco.com>, <sip:second@cisco.com>, <tel:+2>\r\n",
    );
    let expected = Identities {
        sip: Some(address("\"Cullen Jennings\" <sips:fluffy@cisco.com>")),
        tel: Some(address("<tel:+14085264000>")),
    };
    assert_eq!(asserted(&message), expected);
    assert_eq!(asserted(&headers("")), Identities::default());
}

#[test]
fn who_proved_who_they_are_may_choose_among_their_own() {
    let own = [address("\"Alice\" <sip:alice@example.com>"), address("<tel:+15550002>")];
    for (wish, chosen) in [
        ("", 0),
        ("P-Preferred-Identity: <tel:+15550002>\r\n", 1),
        ("P-Preferred-Identity: <sip:boss@example.com>\r\n", 0),
        ("P-Preferred-Identity: <sip:boss@example.com>, <tel:+15550002>\r\n", 1),
        ("P-Preferred-Identity: \"Boss\" <sip:ALICE@example.com>\r\n", 0),
        ("P-Preferred-Identity: nonsense\r\n", 0),
        ("P-Asserted-Identity: <sip:boss@example.com>\r\n", 0),
    ] {
        let mut message = headers(wish);
        assert_eq!(super::assert(&mut message, &own), Some(&own[chosen]), "{wish:?}");
        assert_eq!(
            lines(&message),
            [format!("P-Asserted-Identity: {}", own[chosen])],
            "the own display name counts"
        );
    }
    let mut nobody = headers("P-Asserted-Identity: <sip:boss@example.com>\r\n");
    assert_eq!(super::assert(&mut nobody, &[]), None);
    assert!(nobody.is_empty());
}

#[test]
fn what_leaves_the_trust_domain() {
    let told = |privacy: &str, disclosure| {
        let privacy = if privacy.is_empty() {
            String::new()
        } else {
            format!("Privacy: {privacy}\r\n")
        };
        let mut message = headers(&format!(
            "{privacy}P-Asserted-Identity: <sip:a@b>\r\nP-Preferred-Identity: <sip:a@b>\r\nP-Charging-Vector: icid-value=1\r\n\
             P-Access-Network-Info: ADSL\r\nP-Served-User: <sip:a@b>\r\nRemote-Party-ID: <sip:a@b>\r\n"
        ));
        withhold(&mut message, disclosure);
        let names: Vec<_> = message
            .iter()
            .map(|(name, _)| name)
            .filter(|name| *name != HeaderName::Privacy)
            .collect();
        assert!(
            names.iter().all(|name| *name == HeaderName::PAssertedIdentity),
            "{names:?}"
        );
        !names.is_empty()
    };
    for (privacy, unless, only_if_asked) in [
        ("", true, false),
        ("none", true, true),
        ("id", false, false),
        ("ID;critical", false, false),
        ("user;header", true, false),
        ("none;id", true, true),
        ("(broken", false, false),
    ] {
        assert_eq!(told(privacy, Disclosure::Unless), unless, "{privacy}");
        assert_eq!(told(privacy, Disclosure::OnlyIfAsked), only_if_asked, "{privacy}");
    }
}

#[test]
fn private_stops_on_the_way_become_anonymous() {
    let history = "History-Info: <sip:bob@example.com>;index=1, <sip:bob@192.0.2.4?Privacy=history&Reason=SIP%3Bcause%3D302>;index=1.1;rc=1,\
         <sip:office@example.com?Privacy=none>;index=1.2;mp=1, (broken\r\n";
    let diversion =
        "Diversion: <sip:bob@example.com>;reason=away;privacy=full, \"B\" <sip:x@y>;reason=away;privacy=off\r\n";
    let mut some = headers(&format!("{history}{diversion}"));
    withhold(&mut some, Disclosure::Unless);
    assert_eq!(
        lines(&some),
        [
            "History-Info: <sip:bob@example.com>;index=1, <sip:anonymous@anonymous.invalid>;index=1.1;rc=1, \
             <sip:office@example.com?Privacy=none>;index=1.2;mp=1",
            "Diversion: <sip:anonymous@anonymous.invalid>;reason=away;privacy=full, \"B\" <sip:x@y>;reason=away;privacy=off"
        ]
    );
    let mut all = headers(&format!("Privacy: history\r\n{history}"));
    withhold(&mut all, Disclosure::Unless);
    assert_eq!(
        lines(&all)[1],
        "History-Info: <sip:anonymous@anonymous.invalid>;index=1, <sip:anonymous@anonymous.invalid>;index=1.1;rc=1, \
         <sip:office@example.com?Privacy=none>;index=1.2;mp=1"
    );
    let mut nothing = headers("Subject: x\r\n");
    withhold(&mut nothing, Disclosure::OnlyIfAsked);
    assert_eq!(lines(&nothing), ["Subject: x"]);
}

const MESSAGE: &str = "Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1, SIP/2.0/UDP p\r\nVia: SIP/2.0/UDP q\r\n\
     From: \"Alice\" <sip:alice@example.com>;tag=9fxced76sl;x=y\r\nTo: <sip:bob@biloxi.com>\r\nCall-ID: 3848276298220188511@pc33\r\n\
     CSeq: 1 INVITE\r\nContact: <sip:alice@pc33.example.com>\r\nRecord-Route: <sip:p;lr>\r\nSubject: s\r\nUser-Agent: u\r\n\
     Organization: o\r\nReply-To: <sip:r@s>\r\nCall-Info: <http://x>\r\nIn-Reply-To: 1\r\n";

fn apply(privacy: &str, hides_session: bool) -> (Headers, Result<Hidden, PrivacyError>) {
    let mut message = headers(&format!("{MESSAGE}Privacy: {privacy}\r\nProxy-Require: privacy, x\r\n"));
    let mut service = PrivacyService::new(Uri::parse(b"sip:b2bua.example.com").unwrap());
    service.hides_session = hides_session;
    let hidden = service.apply(&mut message);
    (message, hidden)
}

#[test]
fn privacy_of_the_user() {
    let (message, hidden) = apply("user", false);
    let text = lines(&message).join("\n");
    assert!(
        text.contains("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=9fxced76sl\n"),
        "{text}"
    );
    for name in [
        "Subject",
        "User-Agent",
        "Organization",
        "Reply-To",
        "Call-Info",
        "In-Reply-To",
        "Privacy",
    ] {
        assert!(!text.contains(&format!("{name}: ")), "{text}");
    }
    assert!(
        text.contains("alice@pc33") && text.contains("Record-Route"),
        "the way is another matter"
    );
    assert!(text.contains("Proxy-Require: x"));
    let from: Vec<_> = hidden.as_ref().unwrap().values(&HeaderName::From).collect();
    assert_eq!(from, ["\"Alice\" <sip:alice@example.com>;tag=9fxced76sl;x=y"]);
}

#[test]
fn privacy_of_the_way() {
    let (message, hidden) = apply("header", false);
    let text = lines(&message).join("\n");
    assert!(
        !text.contains("Via") && !text.contains("Record-Route") && !text.contains("pc33.example"),
        "{text}"
    );
    assert!(text.contains("Contact: <sip:b2bua.example.com>") && text.contains("sip:alice@example.com"));
    let hidden = hidden.unwrap();
    let vias: Vec<_> = hidden.values(&HeaderName::Via).collect();
    assert_eq!(
        vias,
        [
            "SIP/2.0/UDP pc33.example.com;branch=z9hG4bK1, SIP/2.0/UDP p",
            "SIP/2.0/UDP q"
        ]
    );
    assert_eq!(hidden.values(&HeaderName::Contact).count(), 1);
}

#[test]
fn every_kind_of_privacy_and_what_is_left_of_it() {
    for (privacy, relays, outcome) in [
        ("none", false, Ok(Some("none"))),
        ("none;user", false, Ok(Some("none;user"))),
        ("id", false, Ok(Some("id"))),
        ("id;critical", false, Ok(Some("id;critical"))),
        ("user;header;session", false, Ok(Some("session"))),
        ("user;header;session", true, Ok(None)),
        ("user;critical", false, Ok(None)),
        ("session;critical", false, Err(StatusCode::SERVER_INTERNAL_ERROR)),
        ("session;critical", true, Ok(None)),
        ("x-new", false, Ok(Some("x-new"))),
        ("x-new;critical", true, Err(StatusCode::SERVER_INTERNAL_ERROR)),
        ("history;user", false, Ok(Some("history"))),
        ("(", false, Err(StatusCode::BAD_REQUEST)),
    ] {
        let (message, hidden) = apply(privacy, relays);
        let left = message.get_str(&HeaderName::Privacy);
        match outcome {
            Ok(expected) => assert_eq!(left, expected, "{privacy}"),
            Err(status) => {
                assert_eq!(hidden.map_err(PrivacyError::status), Err(status), "{privacy}");
                let before = headers(&format!("{MESSAGE}Privacy: {privacy}\r\nProxy-Require: privacy, x\r\n"));
                assert_eq!(lines(&message), lines(&before), "nothing changed");
            }
        }
    }
    let mut plain = headers(MESSAGE);
    let service = PrivacyService::new(Uri::parse(b"sip:b").unwrap());
    assert!(service.apply(&mut plain).unwrap().is_empty());
    assert_eq!(lines(&plain), lines(&headers(MESSAGE)));
}
