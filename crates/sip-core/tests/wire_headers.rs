//! Typed headers: what is read, what is refused, and what is printed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use sip_core::header::*;
use sip_core::{Method, ParseErrorKind as Kind, StatusCode};
use std::fmt::Debug;

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

#[test]
fn numbers() {
    assert_eq!(check::<Expires>(" 0060 ", "60"), Expires(60));
    assert_eq!(parse("4294967295"), Ok(Expires(u32::MAX)));
    assert_eq!(
        parse("4294967296"),
        Ok(Expires(u32::MAX)),
        "one past the range is as long as can be"
    );
    assert_eq!(parse(&"9".repeat(1_000)), Ok(MinExpires(u32::MAX)));
    let bad = [
        ("", Kind::Number),
        ("-1", Kind::Number),
        ("1 2", Kind::UnexpectedByte),
        ("1.5", Kind::UnexpectedByte),
    ];
    refuse::<Expires>(&bad);
    refuse::<MaxForwards>(&bad);
    assert_eq!(parse("255"), Ok(MaxForwards(255)));
    refuse::<MaxForwards>(&[
        ("256", Kind::NumberOutOfRange),
        (&"9".repeat(1_000), Kind::NumberOutOfRange),
    ]);
    assert_eq!(parse("18446744073709551615"), Ok(ContentLength(u64::MAX)));
    refuse::<ContentLength>(&[("18446744073709551616", Kind::NumberOutOfRange)]);
    refuse::<RSeq>(&[("4294967296", Kind::NumberOutOfRange)]);
}

#[test]
fn vias() {
    let via: Via = check(
        "sip/2.0/Udp [2001:DB8::1] : 5061 ; Branch = \"z9hG4bK 1\" ; received=[::1];rport=70000;maddr=224.2.0.1",
        "SIP/2.0/Udp [2001:db8::1]:5061;Branch=\"z9hG4bK 1\";received=[::1];rport=70000;maddr=224.2.0.1",
    );
    assert_eq!(
        (via.branch(), via.rport()),
        (Some("z9hG4bK 1"), Some(None)),
        "a port beyond the range is none"
    );
    assert_eq!(via.received(), Some("::1".parse().unwrap()));
    assert_eq!(via.maddr(), Some("224.2.0.1".into()));
    let mut via = Via::new("UDP", "192.0.2.1", None).with_branch("z9hG4bKx");
    via.params.set("rport", None);
    via.set_received("2001:db8::2".parse().unwrap());
    via.set_rport(5060);
    assert_eq!(
        print(&via),
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx;rport=5060;received=2001:db8::2"
    );
    assert!(via.has_rfc3261_branch());
    for (branch, has) in [
        ("z9hG4bK", false),
        ("Z9HG4BK1", true),
        ("1", false),
        ("", false),
        ("z9hG4b\u{e9}1", false),
    ] {
        assert_eq!(via.clone().with_branch(branch).has_rfc3261_branch(), has, "{branch}");
    }
    refuse::<Via>(&[
        ("", Kind::UnexpectedEnd),
        ("SIP/2.0", Kind::UnexpectedEnd),
        ("SIP/2.0/UDP", Kind::UnexpectedEnd),
        ("SIP/2.0/UDP ", Kind::Host),
        ("SIP/2.0/UDP;a", Kind::UnexpectedByte),
        ("SIP/2.0/UDP a b", Kind::UnexpectedByte),
        ("SIP/2.0/UDP a:b", Kind::Port),
        ("SIP/2.0/UDP [a]", Kind::Host),
        ("SIP/2.0/UDP a;", Kind::UnexpectedEnd),
        ("HTTP/2.0/TCP a", Kind::Version),
        ("SIP/2.0/UDP a, SIP/2.0/UDP b", Kind::UnexpectedByte),
        ("SIP/2.0/UDP\r\na", Kind::UnexpectedByte),
    ]);
}

#[test]
fn sequence_numbers() {
    assert_eq!(
        check::<CSeq>("1\r\n\tX-m", "1 X-m"),
        CSeq::new(1, Method::parse(b"X-m").unwrap())
    );
    let rack: RAck = check("4294967295 2147483647 INVITE", "4294967295 2147483647 INVITE");
    assert_eq!(
        (rack.rseq, rack.cseq, rack.method),
        (u32::MAX, CSeq::MAX, Method::Invite)
    );
    refuse::<CSeq>(&[
        ("", Kind::Number),
        ("1 ", Kind::Method),
        ("1 A B", Kind::UnexpectedByte),
        ("1 @", Kind::Method),
    ]);
    refuse::<RAck>(&[
        ("1", Kind::Number),
        ("1 2", Kind::Method),
        ("1 2147483648 A", Kind::NumberOutOfRange),
    ]);
}

#[test]
fn contacts() {
    let contact: Contact = check(
        "A <sip:a@b>;Q=1;Expires=99999999999",
        "\"A\" <sip:a@b>;Q=1;Expires=99999999999",
    );
    assert_eq!((contact.q(), contact.expires()), (Some(1_000), Some(u32::MAX)));
    let contact: Contact = parse("<sip:a@b>;q=2;expires=soon").unwrap();
    assert_eq!((contact.q(), contact.expires()), (None, None));
    assert_eq!(
        (Contact::All.q(), Contact::All.expires(), Contact::All.address()),
        (None, None, None)
    );
    refuse::<Contact>(&[
        ("**", Kind::UnexpectedByte),
        ("*;q=1", Kind::UnexpectedByte),
        ("", Kind::UnexpectedEnd),
    ]);
}

#[test]
fn dialogs_to_replace() {
    let odd: Replaces = check(
        "a\"<b>@c ;from-tag=f;x=y;to-tag=t;early-only",
        "a\"<b>@c;to-tag=t;from-tag=f;early-only",
    );
    assert!(odd.early_only);
    refuse::<Replaces>(&[
        ("", Kind::UnexpectedEnd),
        (";to-tag=a;from-tag=b", Kind::UnexpectedByte),
        ("1@a", Kind::MissingParameter),
        ("1@a;to-tag=t", Kind::MissingParameter),
        ("1@a;to-tag=t;from-tag", Kind::MissingParameter),
        ("1@a;to-tag=t;from-tag=", Kind::MissingParameter),
        ("1 a;to-tag=t;from-tag=f", Kind::MissingParameter),
    ]);
    let hostile = Replaces::new("1\r\n;x", "a;b", "c\"");
    assert_eq!(print(&hostile), "1---x;to-tag=a-b;from-tag=c-");
}

#[test]
fn subscriptions() {
    check::<SubscriptionState>("Active ; expires=60", "active;expires=60");
    check::<SubscriptionState>("pending", "pending");
    check::<SubscriptionState>(
        "terminated;reason=probation;retry-after=5",
        "terminated;reason=probation;retry-after=5",
    );
    let other: SubscriptionState = check("resting;expires=x", "resting");
    assert_eq!(other.state, SubscriptionStatus::Other("resting".into()));
    assert_eq!(print(&SubscriptionState::active(1)), "active;expires=1");
    assert_eq!(print(&SubscriptionState::pending(2)), "pending;expires=2");
    assert_eq!(print(&SubscriptionState::terminated("a b")), "terminated;reason=a-b");
    refuse::<SubscriptionState>(&[
        ("", Kind::UnexpectedEnd),
        ("active;", Kind::UnexpectedEnd),
        ("a b", Kind::UnexpectedByte),
    ]);
    check::<EventHeader>("presence.winfo ; x=1; ID=7", "presence.winfo;id=7;x=1");
    assert_eq!(print(&EventHeader::new("dialog")), "dialog");
    refuse::<EventHeader>(&[("", Kind::UnexpectedEnd), ("a/b", Kind::UnexpectedByte)]);
}

#[test]
fn words_for_people() {
    check::<Reason>("SIP;cause=x", "SIP");
    check::<Reason>(
        "SIP ; text=\"a \\\"b\\\"\" ; cause=600",
        "SIP;cause=600;text=\"a \\\"b\\\"\"",
    );
    assert_eq!(
        print(&Reason::sip(StatusCode::BUSY_HERE)),
        "SIP;cause=486;text=\"Busy Here\""
    );
    check::<Warning>("399 a.example.com:5060 \"x, y\"", "399 a.example.com:5060 \"x, y\"");
    refuse::<Warning>(&[
        ("1812 overture \"In Progress\"", Kind::NumberOutOfRange),
        ("399", Kind::UnexpectedEnd),
        ("399 a", Kind::UnexpectedEnd),
        ("399 a b", Kind::UnexpectedByte),
        ("399 a \"b", Kind::UnterminatedQuote),
    ]);
    check::<RetryAfter>("5 (a \\) b)", "5");
    check::<RetryAfter>("949302838503028349304023988;duration=1", "4294967295;duration=1");
    refuse::<RetryAfter>(&[
        ("5 (a", Kind::UnexpectedEnd),
        ("5 (a) b", Kind::UnexpectedByte),
        ("", Kind::Number),
    ]);
}

#[test]
fn lists_of_tokens() {
    let allow: Allow = check(" INVITE ,ACK,, BYE,", "INVITE, ACK, BYE");
    assert!(allow.contains("bye") && !allow.contains("BY"));
    assert_eq!(check::<Supported>("", ""), Supported::default());
    assert_eq!(print(&Require::of(&["100rel", "not one", "timer"])), "100rel, timer");
    let error = Unsupported::parse(b"a, b c").unwrap_err();
    assert_eq!((error.kind, error.offset), (Kind::UnexpectedByte, 4));
}

#[test]
fn content_types_and_session_timers() {
    let content: ContentType = check("application / sdp;charset=\"x\"", "application/sdp;charset=\"x\"");
    assert!(content.is("Application/SDP") && !content.is("application") && !content.is("text/sdp"));
    refuse::<ContentType>(&[
        ("a", Kind::UnexpectedEnd),
        ("a/", Kind::UnexpectedEnd),
        ("a/b c", Kind::UnexpectedByte),
    ]);
    let expires: SessionExpires = check("1800;Refresher=UAS", "1800;refresher=uas");
    assert_eq!(expires.refresher, Some(Refresher::Uas));
    check::<SessionExpires>("90;refresher=me;x", "90");
    check::<MinSe>("90;x=y", "90");
}
