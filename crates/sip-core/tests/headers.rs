//! Typed headers of the extensions: what is read, what is refused, and what is printed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use sip_core::header::*;
use sip_core::{Headers, Limits, ParseErrorKind as Kind, StatusCode, Uri};
use std::fmt::Debug;
use std::time::Duration;

fn parse<H: TypedHeader>(value: &str) -> Result<H, Kind> {
    H::parse(value.as_bytes()).map_err(|error| error.kind)
}

fn print<H: TypedHeader>(header: &H) -> String {
    let mut text = String::new();
    header.write(&mut text).unwrap();
    text
}

/// `value` is read, and printed as `printed`, which is read as the same.
fn check<H: TypedHeader + PartialEq + Debug>(value: &str, printed: &str) -> H {
    let header: H = parse(value).unwrap_or_else(|kind| panic!("{value}: {kind}"));
    assert_eq!(print(&header), printed);
    assert_eq!(parse::<H>(printed).as_ref(), Ok(&header));
    header
}

fn refuse<H: TypedHeader + Debug>(values: &[(&str, Kind)]) {
    for (value, kind) in values {
        assert_eq!(parse::<H>(value).map(|header| print(&header)), Err(*kind), "{value:?}");
    }
}

/// A list of [`Limits::VALUES`] items is read; one more is not.
fn limit<H: TypedHeader + Debug>(item: &str, separator: &str) {
    let list = |count| vec![item; count].join(separator);
    assert!(parse::<H>(&list(Limits::VALUES)).is_ok(), "{item}");
    refuse::<H>(&[(&list(Limits::VALUES + 1), Kind::TooManyValues)]);
}

#[test]
fn dialogs_to_join_and_to_know() {
    check::<Join>("a\"<b>@c ;from-tag=f;x=y;TO-TAG=t", "a\"<b>@c;to-tag=t;from-tag=f");
    check::<TargetDialog>("1@a;remote-tag=r;local-tag=l;x", "1@a;local-tag=l;remote-tag=r");
    for value in [
        "1@a",
        "1@a;to-tag=t",
        "1@a;to-tag=t;from-tag",
        "1@a;to-tag=t;from-tag=",
        "1 a;to-tag=t;from-tag=f",
    ] {
        refuse::<Join>(&[(value, Kind::MissingParameter)]);
        let value = value.replace("to-tag", "local-tag").replace("from-tag", "remote-tag");
        refuse::<TargetDialog>(&[(&value, Kind::MissingParameter)]);
    }
    refuse::<Join>(&[
        ("", Kind::UnexpectedEnd),
        (";to-tag=a;from-tag=b", Kind::UnexpectedByte),
    ]);
    refuse::<TargetDialog>(&[
        ("", Kind::UnexpectedEnd),
        ("a;local-tag=a;remote-tag=b,", Kind::UnexpectedByte),
    ]);
    assert_eq!(
        print(&Join::new("1\r\n;x", "a;b", "c\"")),
        "1---x;to-tag=a-b;from-tag=c-"
    );
    assert_eq!(
        print(&TargetDialog::new("1,2", "a b", "\u{e9}")),
        "1-2;local-tag=a-b;remote-tag=-"
    );
}

#[test]
fn subscriptions_and_state() {
    assert_eq!(check::<ReferSub>("TRUE ; x=1", "true"), ReferSub(true));
    assert_eq!(check::<ReferSub>(" false", "false"), ReferSub(false));
    refuse::<ReferSub>(&[
        ("", Kind::UnexpectedEnd),
        ("1", Kind::UnexpectedByte),
        ("true false", Kind::UnexpectedByte),
    ]);
    check::<SipEtag>(" a7.b ", "a7.b");
    check::<SipIfMatch>("a7.b", "a7.b");
    check::<SuppressIfMatch>("a7.b", "a7.b");
    assert_eq!(check::<SuppressIfMatch>("*", "*"), SuppressIfMatch::Any);
    let bad = [
        ("", Kind::UnexpectedEnd),
        ("a b", Kind::UnexpectedByte),
        ("\"a\"", Kind::UnexpectedByte),
    ];
    refuse::<SipEtag>(&bad);
    refuse::<SipIfMatch>(&bad);
    refuse::<SuppressIfMatch>(&bad);
}

#[test]
fn privacy_values() {
    let all: Privacy = check(
        "Header ; session;user; id ;history;critical;x-new",
        "header;session;user;id;history;critical;x-new",
    );
    for kind in [
        PrivacyKind::Header,
        PrivacyKind::Session,
        PrivacyKind::User,
        PrivacyKind::Id,
        PrivacyKind::History,
    ] {
        assert!(all.asks(&kind), "{kind:?}");
    }
    assert!(all.asks(&PrivacyKind::Other("x-new".into())) && all.is_critical());
    assert!(!all.asks(&PrivacyKind::Critical) && !all.asks(&PrivacyKind::None));
    let none: Privacy = check("none, id", "none;id");
    assert!(none.is_none() && !none.asks(&PrivacyKind::Id), "none beats the rest");
    assert_eq!(print(&Privacy::none()), "none");
    refuse::<Privacy>(&[
        ("", Kind::UnexpectedEnd),
        ("id;", Kind::UnexpectedEnd),
        ("id id", Kind::UnexpectedByte),
        ("id=1", Kind::UnexpectedByte),
    ]);
    limit::<Privacy>("id", ";");
}

#[test]
fn asserted_identities_are_sip_and_tel() {
    let mut headers = Headers::new();
    headers.push_typed(&PAssertedIdentity("\"Cullen\" <sip:fluffy@cisco.com>".parse().unwrap()));
    headers.push(PAssertedIdentity::NAME, "tel:+14085264000, <sips:fluffy@cisco.com>");
    let all = headers.typed_all::<PAssertedIdentity>().unwrap();
    let schemes: Vec<_> = all
        .iter()
        .map(|identity| identity.0.uri.scheme_name().to_owned())
        .collect();
    assert_eq!(schemes, ["sip", "tel", "sips"]);
}

#[test]
fn headers_of_ims() {
    check::<PAccessNetworkInfo>(
        "ADSL ; dsl-location=\"a;b\";network-provided",
        "ADSL;dsl-location=\"a;b\";network-provided",
    );
    check::<PVisitedNetworkId>("\"a, \\\"b\\\"\";x", "\"a, \\\"b\\\"\";x");
    check::<PVisitedNetworkId>("\"one\"", "one");
    check::<PVisitedNetworkId>("\"\"", "\"\"");
    check::<PChargingVector>(
        "icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\"; orig-ioi=home1.net",
        "icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\";orig-ioi=home1.net",
    );
    refuse::<PChargingVector>(&[
        ("", Kind::UnexpectedEnd),
        ("icid-value", Kind::MissingParameter),
        ("icid-value=1 2", Kind::UnexpectedByte),
        (";icid-value=1", Kind::UnexpectedByte),
    ]);
    let many = |count: usize| format!("icid-value=1{}", ";a=1".repeat(count - 1));
    assert!(parse::<PChargingVector>(&many(Limits::PARAMS)).is_ok());
    refuse::<PChargingVector>(&[(&many(Limits::PARAMS + 1), Kind::TooManyParams)]);
    let error = PChargingVector::parse(b"icid-value=1;(").unwrap_err();
    assert_eq!(
        (error.kind, error.offset),
        (Kind::UnexpectedByte, 13),
        "the offset is that of the value"
    );
    check::<PChargingFunctionAddresses>("ccf=1;ccf=2;ecf=3, ccf=\"4 5\"", "ccf=1;ccf=2;ecf=3, ccf=\"4 5\"");
    limit::<PChargingFunctionAddresses>("ccf=1", ",");
    check::<PAssociatedUri>("tel:+1", "<tel:+1>");
    check::<PCalledPartyId>("<sip:a@b>;x=1", "<sip:a@b>;x=1");
    check::<PServedUser>("<sip:a@b>;sescase=orig", "<sip:a@b>;sescase=orig");
    check::<RemotePartyId>("A <sip:a@b>;party=calling", "\"A\" <sip:a@b>;party=calling");
}

#[test]
fn early_media() {
    let words: PEarlyMedia = check("Supported, GATED,,x", "supported, gated, x");
    assert_eq!(words.0[1..], [EarlyMedia::Gated, EarlyMedia::Other("x".into())]);
    assert_eq!(check::<PEarlyMedia>("", ""), PEarlyMedia::default());
    refuse::<PEarlyMedia>(&[
        ("sendonly recvonly", Kind::UnexpectedByte),
        ("a;b", Kind::UnexpectedByte),
    ]);
    limit::<PEarlyMedia>("gated", ",");
}

#[test]
fn info_packages() {
    check::<InfoPackage>("x.y ; a=\"b\"", "x.y;a=\"b\"");
    refuse::<InfoPackage>(&[("", Kind::UnexpectedEnd), ("a, b", Kind::UnexpectedByte)]);
    let willing: RecvInfo = check("a;x=\",\", b", "a;x=\",\", b");
    assert!(willing.contains("B") && !willing.contains("x"));
    assert_eq!(print(&RecvInfo::of(&["a", "b"])), "a, b");
    assert_eq!(check::<RecvInfo>("", ""), RecvInfo::default(), "none are received");
    let error = RecvInfo::parse(b"a, b c").unwrap_err();
    assert_eq!((error.kind, error.offset), (Kind::UnexpectedByte, 5));
    limit::<RecvInfo>("a", ",");
}

#[test]
fn answer_modes() {
    let mode: AnswerMode = check("MANUAL;Require", "Manual;Require");
    assert!(mode.is_required());
    let other: PrivAnswerMode = check("loopback;x=y", "loopback;x=y");
    assert_eq!(
        (other.mode.clone(), other.is_required()),
        (Answering::Other("loopback".into()), false)
    );
    refuse::<AnswerMode>(&[("", Kind::UnexpectedEnd), ("Auto, Manual", Kind::UnexpectedByte)]);
}

#[test]
fn numbers_of_hops_and_seconds() {
    assert_eq!(check::<MaxBreadth>(" 060 ", "60"), MaxBreadth(60));
    assert_eq!(parse("4294967296"), Ok(MaxBreadth(u32::MAX)));
    assert_eq!(parse("4294967296"), Ok(FlowTimer(u32::MAX)));
    refuse::<MaxBreadth>(&[("", Kind::Number), ("-1", Kind::Number), ("1;a", Kind::UnexpectedByte)]);
    refuse::<FlowTimer>(&[("x", Kind::Number)]);
}

#[test]
fn history() {
    // The example of RFC 7044, section 10.1.
    let mut headers = Headers::new();
    headers.push(
        HistoryInfo::NAME,
        "<sip:bob@example.com>;index=1, <sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1;rc=1,\
         <sip:office@example.com>;index=1.2;mp=1, <sip:office@192.0.2.5>;index=1.2.1;np=1.2",
    );
    let all = headers.typed_all::<HistoryInfo>().unwrap();
    let indexes: Vec<_> = all.iter().map(|stop| stop.index().unwrap()).collect();
    assert!(indexes.is_sorted(), "in the order of the tree: {indexes:?}");
    assert_eq!(all[1].reasons()[0].cause, Some(302));
    assert!(all[1].privacy().unwrap().asks(&PrivacyKind::History));
    assert_eq!(all[0].retarget(), None);
    assert_eq!(all[3].retarget(), Some((Retarget::Unchanged, Some(indexes[2].clone()))));
    assert_eq!(indexes[3].parent(), Some(indexes[2].clone()));
    assert_eq!(HistoryIndex::first().parent(), None);

    let stop = HistoryInfo::new(Uri::sip(Some("a"), "b", None), &HistoryIndex::first());
    let both = stop
        .with_reason(&Reason::sip(StatusCode::BUSY_HERE))
        .with_privacy(&Privacy::none());
    assert_eq!(
        print(&both),
        "<sip:a@b?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22&Privacy=none>;index=1"
    );
    assert!(both.privacy().unwrap().is_none());
    for index in ["", ".", "1.", ".1", "1..1", "a", "1.+1", "65536", "-1"] {
        assert_eq!(index.parse::<HistoryIndex>(), Err(BadHistoryIndex), "{index}");
    }
    let deep = |depth: usize| vec!["1"; depth].join(".").parse::<HistoryIndex>();
    let deepest = deep(HistoryIndex::DEPTH).unwrap();
    assert_eq!(deepest.child(1), deepest, "no deeper");
    assert!(deep(HistoryIndex::DEPTH + 1).is_err());
    let last: HistoryIndex = "1.65535".parse().unwrap();
    assert_eq!(last.sibling(), last, "no further");
    let odd: HistoryInfo = parse("<sip:a@b?Reason=%3B&Privacy=>;index=x;mp").unwrap();
    assert_eq!((odd.index(), odd.reasons().len(), odd.privacy()), (None, 0, None));
    assert_eq!(odd.retarget(), Some((Retarget::Mapped, None)));
}

#[test]
fn diversions() {
    let odd: Diversion = parse("<sip:a@b>;reason=lunch;counter=x;limit=5;privacy=OFF;screen=no").unwrap();
    assert_eq!(odd.reason(), Some(DiversionReason::Other("lunch".into())));
    assert_eq!(
        (odd.counter(), odd.limit(), odd.is_private(), odd.is_screened()),
        (1, Some(5), false, false)
    );
    let bare: Diversion = check("sip:a@b", "<sip:a@b>");
    assert_eq!((bare.reason(), bare.limit()), (None, None));
    for word in ["full", "name", "uri", "\"x\""] {
        assert!(
            parse::<Diversion>(&format!("<sip:a@b>;privacy={word}"))
                .unwrap()
                .is_private()
        );
    }
}

#[test]
fn reasons_of_several_protocols() {
    let mut headers = Headers::new();
    headers.push(
        Reason::NAME,
        "SIP ;cause=200 ;text=\"Call completed elsewhere\", Q.850;cause=16;text=\"Terminated\"",
    );
    headers.push(Reason::NAME, "preemption;cause=1");
    let all = headers.typed_all::<Reason>().unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|reason| (reason.protocol.as_str(), reason.cause))
        .collect();
    assert_eq!(seen, [("SIP", Some(200)), ("Q.850", Some(16)), ("preemption", Some(1))]);
}

#[test]
fn what_is_accepted() {
    let accept: Accept = check(
        "text/html;level=1;q=0.5, */*;q=0.1, text/*;q=0",
        "text/html;level=1;q=0.5, */*;q=0.1, text/*;q=0",
    );
    assert_eq!(
        (accept.q("text/html"), accept.q("TEXT/plain"), accept.q("image/png")),
        (500, 0, 100)
    );
    assert!(
        !check::<Accept>("", "").allows("application/sdp"),
        "empty: no body is acceptable"
    );
    refuse::<Accept>(&[
        ("a", Kind::UnexpectedEnd),
        ("a/b/c", Kind::UnexpectedByte),
        ("a/b c", Kind::UnexpectedByte),
    ]);
    limit::<Accept>("a/b", ", ");
    let encodings: AcceptEncoding = check("*;q=0, gzip", "*;q=0, gzip");
    assert!(!encodings.allows("identity") && encodings.allows("gzip"));
    limit::<AcceptEncoding>("gzip", ",");
    let languages: AcceptLanguage = check("en;q=0.5, en-gb, *;q=0.1", "en;q=0.5, en-gb, *;q=0.1");
    assert_eq!(languages.best_of(&["en-us", "fr", "en-GB-oed"]), Some("en-GB-oed"));
    assert_eq!(
        languages.best_of(&["fr", "english"]),
        Some("fr"),
        "equal: the first offered"
    );
    limit::<AcceptLanguage>("en", ",");
}

#[test]
fn bodies_and_their_parts() {
    let session: ContentDisposition = check("SESSION ; handling=Required", "session;handling=Required");
    assert!(session.is_required());
    assert!(
        parse::<ContentDisposition>("x;handling=soon").unwrap().is_required(),
        "unknown handling is required"
    );
    refuse::<ContentDisposition>(&[("", Kind::UnexpectedEnd), ("a/b", Kind::UnexpectedByte)]);
    check::<ContentId>(" <a%25@b> ", "<a%25@b>");
    assert!(parse::<ContentId>("<a@b>").unwrap().is("%61@b") && !parse::<ContentId>("<a@b>").unwrap().is("a%4"));
    refuse::<ContentId>(&[
        ("a@b", Kind::UnexpectedByte),
        ("<>", Kind::UnexpectedByte),
        ("<a", Kind::UnexpectedEnd),
    ]);
    assert_eq!(print(&ContentId("a>\r\n b".into())), "<a----b>");
    check::<MimeVersion>("01.0", "1.0");
    refuse::<MimeVersion>(&[
        ("1", Kind::UnexpectedEnd),
        ("1.", Kind::Number),
        ("1.4294967296", Kind::NumberOutOfRange),
    ]);
    check::<ContentTransferEncoding>("X-uu", "X-uu");
    check::<ContentEncoding>("gzip,tar", "gzip, tar");
    check::<ContentLanguage>("fr", "fr");
}

#[test]
fn texts_stay_on_their_line() {
    check::<Subject>(" a\r\n  b\r\n\tc ", "a b c");
    assert_eq!(Subject::parse(b"J\xf6rg").unwrap().0, "Jörg");
    assert_eq!(print(&Organization("a\r\nX: b\0".into())), "a??X: b?");
    check::<UserAgent>("", "");
    assert_eq!(parse::<UserAgent>("").unwrap().product(), None);
    assert_eq!(parse::<UserAgent>("(comment) a/1").unwrap().product(), None);
    check::<Server>("a/1 (b)", "a/1 (b)");
}

#[test]
fn odds_and_ends_of_rfc_3261() {
    check::<Priority>("EMERGENCY", "emergency");
    check::<Priority>("x", "x");
    refuse::<Priority>(&[("", Kind::UnexpectedEnd), ("a b", Kind::UnexpectedByte)]);
    let stamp: Timestamp = check("0054.2100000009\t.5", "54.21 0.5");
    assert_eq!(stamp.delay, Some(Duration::from_millis(500)));
    check::<Timestamp>("1.", "1");
    check::<Timestamp>("18446744073709551615 0", "18446744073709551615 0");
    refuse::<Timestamp>(&[
        ("", Kind::Number),
        (".5", Kind::Number),
        ("18446744073709551616", Kind::NumberOutOfRange),
        ("1 x", Kind::Number),
        ("1 2 3", Kind::UnexpectedByte),
    ]);
    check::<InReplyTo>("a@b,c@d", "a@b, c@d");
    refuse::<InReplyTo>(&[("a b", Kind::UnexpectedByte)]);
    limit::<InReplyTo>("a@b", ",");
    let call_info: CallInfo = check("<https://a/b?c=d>;purpose=card", "<https://a/b?c=d>;purpose=card");
    assert_eq!(call_info.purpose(), Some("card"));
    check::<ReplyTo>("B <sip:b@c>", "\"B\" <sip:b@c>");
    check::<ErrorInfo>("<sip:a@b;cause=1>", "<sip:a@b;cause=1>");
}

#[test]
fn preferences_of_callers() {
    check::<AcceptContact>(
        "* ; audio;q=0.5 ; methods=\"INVITE,BYE\"",
        "*;audio;q=0.5;methods=\"INVITE,BYE\"",
    );
    assert_eq!(parse::<AcceptContact>("*;q=0.5").unwrap().q(), 500);
    check::<RejectContact>("*", "*");
    check::<FeatureCaps>("*;+g.x=\"#a\"", "*;+g.x=\"#a\"");
    refuse::<AcceptContact>(&[
        ("", Kind::UnexpectedEnd),
        ("sip:a@b", Kind::UnexpectedByte),
        ("**", Kind::UnexpectedByte),
    ]);
    let wishes: RequestDisposition = check("Proxy, no-fork, x", "proxy, no-fork, x");
    assert!(wishes.has(&Directive::NoFork));
    limit::<RequestDisposition>("fork", ",");
}

#[test]
fn security_mechanisms() {
    let mut headers = Headers::new();
    headers.push(SecurityServer::NAME, "ipsec-ike;q=0.1, tls;q=0.2, digest;d-qop=\"a,b\"");
    let all = headers.typed_all::<SecurityServer>().unwrap();
    let qs: Vec<_> = all
        .iter()
        .map(|mechanism| (mechanism.0.name.as_str(), mechanism.0.q()))
        .collect();
    assert_eq!(qs, [("ipsec-ike", Some(100)), ("tls", Some(200)), ("digest", None)]);
    check::<SecurityClient>("tls ; q=1", "tls;q=1");
    check::<SecurityVerify>("x", "x");
    refuse::<SecurityClient>(&[("", Kind::UnexpectedEnd), ("tls tls", Kind::UnexpectedByte)]);
}

#[test]
fn contacts_that_are_found_again() {
    let contact = |value: &str| parse::<Contact>(value).unwrap();
    let phone = contact("<sip:a@b;ob>;reg-id=2147483647;+SIP.instance=\"<urn:uuid:1>\"");
    assert_eq!(
        (phone.instance(), phone.reg_id(), phone.is_outbound()),
        (Some("urn:uuid:1"), Some(2_147_483_647), true)
    );
    for value in [
        "<sip:a@b>;reg-id=0",
        "<sip:a@b>;reg-id=2147483648",
        "<sip:a@b>;reg-id=x;+sip.instance=\"<>\"",
        "*",
    ] {
        assert_eq!(
            (contact(value).reg_id(), contact(value).instance()),
            (None, None),
            "{value}"
        );
    }
    assert_eq!(contact("<sip:a@b>;pub-gruu=\"nonsense\"").pub_gruu(), None);
    assert_eq!(
        contact("<sip:a@b>;pub-gruu=\"<sip:a@b;gr=1>\"")
            .pub_gruu()
            .unwrap()
            .to_string(),
        "sip:a@b;gr=1"
    );
    assert_eq!(contact("*").push(), None);
    let query = contact("<sip:a@b;pn-provider>");
    assert_eq!(query.push().map(|push| (push.provider, push.prid)), Some((None, None)));
    assert_eq!(contact("<sip:a@b;pn-prid=1>").push(), None);
    let keep = |params: &str| parse::<Via>(&format!("SIP/2.0/UDP a{params}")).unwrap().keep();
    assert_eq!(
        [keep(""), keep(";keep"), keep(";keep=0"), keep(";keep=x")],
        [None, Some(None), Some(Some(0)), Some(None)]
    );
}

#[test]
fn compact_forms_reach_the_types() {
    let mut headers = Headers::new();
    for (name, value) in [
        ("a", "*;audio"),
        ("j", "*;video"),
        ("d", "no-fork"),
        ("e", "gzip"),
        ("s", "Lunch"),
    ] {
        headers.push(sip_core::HeaderName::parse(name.as_bytes()).unwrap(), value);
    }
    assert!(headers.typed::<AcceptContact>().unwrap().unwrap().0.contains("audio"));
    assert!(headers.typed::<RejectContact>().unwrap().unwrap().0.contains("video"));
    assert!(
        headers
            .typed::<RequestDisposition>()
            .unwrap()
            .unwrap()
            .has(&Directive::NoFork)
    );
    assert!(headers.typed::<ContentEncoding>().unwrap().unwrap().contains("gzip"));
    assert_eq!(headers.typed::<Subject>().unwrap().unwrap().0, "Lunch");
}
