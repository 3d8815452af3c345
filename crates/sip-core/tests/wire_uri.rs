//! URIs and addresses: the comparisons of RFC 3261 §19.1.4 and RFC 3966, what phones send, what must be refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use proptest::prelude::*;
use sip_core::wire::fuzz;
use sip_core::{Host, NameAddr, ParseErrorKind as Kind, Scheme, Uri};

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn equivalent_uris() {
    let table = [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtlanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("SIP:a@b", "sip:a@b"),
        ("sip:a@[::1]", "sip:a@[0:0:0:0:0:0:0:1]"),
        ("tel:+1-201-555-0123", "tel:+12015550123"),
        (
            "tel:7042;phone-context=example.com",
            "tel:7042;Phone-Context=EXAMPLE.com",
        ),
        (
            "tel:863-1234;phone-context=+1-914-555;ext=5",
            "tel:8631234;ext=5;phone-context=+1-914-555",
        ),
        ("urn:x:y", "urn:x:y"),
        ("sip:a?b=1&b=2", "sip:a?b=2&B=1"),
        ("sip:a;b=1;b=2", "sip:a;b=1"),
    ];
    for (a, b) in table {
        assert!(uri(a).equivalent(&uri(b)) && uri(b).equivalent(&uri(a)), "{a} {b}");
    }
}

#[test]
fn different_uris() {
    let table = [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;user=phone"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;maddr=192.0.2.1"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;ttl=1"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;method=INVITE"),
        ("sip:carol@chicago.com", "sips:carol@chicago.com"),
        ("sip:carol@chicago.com", "sip:carol:pw@chicago.com"),
        ("sip:carol@chicago.com", "sip:chicago.com"),
        ("sip:a@b?x=1&y=2", "sip:a@b?x=1&z=2"),
        ("tel:+1", "tel:1"),
        ("tel:7042", "tel:7042;phone-context=example.com"),
        ("urn:x:y", "urn:x:z"),
        ("tel:7042", "sip:7042@example.com"),
    ];
    for (a, b) in table {
        assert!(!uri(a).equivalent(&uri(b)) && !uri(b).equivalent(&uri(a)), "{a} {b}");
    }
}

#[test]
fn equivalence_is_not_transitive() {
    let [plain, on, off] = ["sip:c@d", "sip:c@d;security=on", "sip:c@d;security=off"].map(uri);
    assert!(plain.equivalent(&on) && plain.equivalent(&off) && !on.equivalent(&off));
}

#[test]
fn parts_of_a_uri() {
    let u = uri("sip:+49711;ext=5:p%40w@[2001:db8::1]:5061;maddr=[::1];lr;x=%41%3b?h1=a%20b&h2=");
    assert_eq!(u.user().as_deref(), Some("+49711;ext=5"));
    assert_eq!((u.host(), u.port()), (Some(&Host::from("2001:db8::1")), Some(5061)));
    assert_eq!(
        u.params().iter().collect::<Vec<_>>(),
        [("maddr", Some("[::1]")), ("lr", None), ("x", Some("A%3B"))]
    );
    assert_eq!(
        (u.header("H1").as_deref(), u.header("h2").as_deref(), u.header("h3")),
        (Some("a b"), Some(""), None)
    );
    assert_eq!(
        u.to_string(),
        "sip:+49711;ext=5:p%40w@[2001:db8::1]:5061;maddr=[::1];lr;x=A%3B?h1=a%20b&h2="
    );
    assert_eq!(u.without_headers().headers().len(), 0);
    let tel = uri("tel:+49-711-555;phone-context=x");
    assert_eq!(
        (tel.scheme(), tel.user().as_deref(), tel.host()),
        (Scheme::Tel, Some("+49-711-555"), None)
    );
    let other = uri("http://user@example.com:80/a?b#c");
    assert_eq!(
        (other.scheme(), other.scheme_name(), other.user()),
        (Scheme::Other, "http", None)
    );
}

#[test]
fn what_phones_leave_unescaped_is_read_and_printed_escaped() {
    assert_eq!(uri("sip:*67#@a").user().as_deref(), Some("*67#"));
    assert_eq!(uri("sip:*67#@a").to_string(), "sip:*67%23@a");
    assert_eq!(uri("sip:jörg@a").user().as_deref(), Some("jörg"));
    assert_eq!(uri("sip:jörg@a").to_string(), "sip:j%C3%B6rg@a");
    let refer = uri("sip:b@a?Replaces=1@x;to-tag=2;from-tag=3&Require=replaces");
    assert_eq!(refer.header("replaces").as_deref(), Some("1@x;to-tag=2;from-tag=3"));
}

/// Found by fuzzing: a bare `#` was printed as an escape, which was then refused.
#[test]
fn the_number_sign_in_a_tel_uri_prints_as_it_can_be_read() {
    let number = uri("tel:*21*5#;phone-context=example.com");
    assert_eq!(number.user().as_deref(), Some("*21*5#"));
    assert_eq!(number.to_string(), "tel:*21*5%23;phone-context=example.com");
    assert_eq!(uri(&number.to_string()), number);
    assert_eq!(uri("tel:%31%2a%23"), uri("tel:1%2A#"));
    for refused in ["tel:%47", "tel:%5f1", "tel:1%2", "tel:%"] {
        assert!(Uri::parse(refused.as_bytes()).is_err(), "{refused}");
    }
}

#[test]
fn refused_uris() {
    let table = [
        ("", Kind::Scheme),
        ("a@b", Kind::Scheme),
        (":", Kind::Scheme),
        ("1x:y", Kind::Scheme),
        ("<sip:a@b>", Kind::Scheme),
        (" sip:a@b", Kind::Scheme),
        ("urn:", Kind::UnexpectedEnd),
        ("urn:a b", Kind::UnexpectedByte),
        ("sip:", Kind::Host),
        ("sip:@b", Kind::UnexpectedByte),
        ("sip:a@", Kind::Host),
        ("sip:a@b@c", Kind::UnexpectedByte),
        ("sip:a b@c", Kind::UnexpectedByte),
        ("sip:a@b c", Kind::UnexpectedByte),
        ("sip:a@b:", Kind::Port),
        ("sip:a@b:65536", Kind::Port),
        ("sip:a@b:-1", Kind::Port),
        ("sip:a@b;", Kind::UnexpectedEnd),
        ("sip:a@b;=x", Kind::UnexpectedByte),
        ("sip:a@b;x=%4", Kind::Escape),
        ("sip:%zz@b", Kind::Escape),
        ("sip:a@b?", Kind::UnexpectedEnd),
        ("sip:a@b?x", Kind::UnexpectedEnd),
        ("sip:a@[::1", Kind::Host),
        ("sip:a@[::g]", Kind::Host),
        ("sip:a@::1", Kind::Host),
        ("sip:a@[1.2.3.4]", Kind::Host),
        ("sip:a\r\n@b", Kind::UnexpectedByte),
        ("sip:a@b\r\n", Kind::UnexpectedByte),
        ("sip:a\0@b", Kind::UnexpectedByte),
        ("tel:", Kind::UnexpectedEnd),
        ("tel:+1 2", Kind::UnexpectedByte),
    ];
    for (text, kind) in table {
        assert_eq!(
            Uri::parse(text.as_bytes()).map_err(|error| error.kind),
            Err(kind),
            "{text:?}"
        );
    }
    assert!(Host::parse("a".repeat(255).as_bytes()).is_ok());
    assert!(Host::parse("a".repeat(256).as_bytes()).is_err());
    let error = Uri::parse(b"sip:alice@example.com;lr;x=%4g").unwrap_err();
    assert_eq!(error.offset, 27, "{error}");
}

#[test]
fn what_is_built_cannot_break_out() {
    let built = Uri::sip(Some("a@b;c\r\n<"), "evil host\r\n>", None)
        .with_param("x;y", Some("1;2 \"\r\n"))
        .with_header("Subject\r\n", "a&b=c");
    assert_eq!(
        built.to_string(),
        "sip:a%40b;c%0D%0A%3C@evil-host---;x-y=1%3B2%20%22%0D%0A?Subject%0D%0A=a%26b%3Dc"
    );
    let mut address = NameAddr::new(uri("sip:a@b")).with_display("Eve\"\\\r\nX: 1");
    address.params.set("t ag", Some("a;b"));
    address.set_tag("x\r\ny");
    assert_eq!(
        address.to_string(),
        r#""Eve\"\\??X: 1" <sip:a@b>;t-ag="a;b";tag="x??y""#
    );
}

#[test]
fn addresses() {
    let table: [(&str, Option<&str>, &str, Option<&str>); 16] = [
        ("<sip:a@b>", None, "sip:a@b", None),
        ("sip:a@b", None, "sip:a@b", None),
        ("sip:a@b;tag=1", None, "sip:a@b", Some("1")),
        ("<sip:a@b;x=y>;tag=1", None, "sip:a@b;x=y", Some("1")),
        ("<sip:a@b?x=y>", None, "sip:a@b?x=y", None),
        ("\"\" <sip:a@b>", Some(""), "sip:a@b", None),
        ("\"A, B\"<sip:a@b>", Some("A, B"), "sip:a@b", None),
        (r#""\"q\\" <sip:a@b>"#, Some("\"q\\"), "sip:a@b", None),
        ("A B <sip:a@b>", Some("A B"), "sip:a@b", None),
        ("A<sip:a@b>", Some("A"), "sip:a@b", None),
        (
            "A\r\n  B\t<sip:a@b>\r\n ;\r\n tag = 1",
            Some("A B"),
            "sip:a@b",
            Some("1"),
        ),
        ("\"<sip:x@y>\" <sip:a@b>", Some("<sip:x@y>"), "sip:a@b", None),
        ("Jörg Ö <sip:a@b>", Some("Jörg Ö"), "sip:a@b", None),
        ("<sip:a@b>;TAG=\"q;,\\\"\";x", None, "sip:a@b", Some("q;,\"")),
        ("<sip:a@b> ; tag=1 ", None, "sip:a@b", Some("1")),
        ("<tel:+1>;tag=1", None, "tel:+1", Some("1")),
    ];
    for (text, display, address, tag) in table {
        let parsed = NameAddr::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(
            (parsed.display.as_deref(), parsed.uri.to_string().as_str(), parsed.tag()),
            (display, address, tag),
            "{text}"
        );
    }
    assert_eq!(
        NameAddr::parse(b"\"J\xf6rg\" <sip:a@b>").unwrap().display.as_deref(),
        Some("Jörg"),
        "Latin-1"
    );
}

#[test]
fn refused_addresses() {
    let table = [
        ("", Kind::UnexpectedEnd),
        ("<>", Kind::Scheme),
        ("<sip:a@b", Kind::UnterminatedBracket),
        ("\"A <sip:a@b>", Kind::UnterminatedQuote),
        ("\"A\\", Kind::UnterminatedQuote),
        ("\"A\"", Kind::UnexpectedEnd),
        ("\"A\" sip:a@b", Kind::UnexpectedByte),
        ("A, B <sip:a@b>", Kind::Scheme),
        ("< sip:a@b>", Kind::Scheme),
        ("<sip:a@b >", Kind::UnexpectedByte),
        ("<sip:a@b>;", Kind::UnexpectedEnd),
        ("<sip:a@b>;;x", Kind::UnexpectedByte),
        ("<sip:a@b> x", Kind::UnexpectedByte),
        ("<sip:a@b>, <sip:c@d>", Kind::UnexpectedByte),
        ("<sip:a@b>;x=\"y", Kind::UnterminatedQuote),
        ("sip:a@b?x=y", Kind::UriHeaders),
        ("sip:a@b x", Kind::UnexpectedByte),
        ("sip:a@b\r\nX: y", Kind::UnexpectedByte),
        ("A sip:a@b", Kind::Scheme),
    ];
    for (text, kind) in table {
        assert_eq!(
            NameAddr::parse(text.as_bytes()).map_err(|error| error.kind),
            Err(kind),
            "{text:?}"
        );
    }
}

fn part(chars: &'static str) -> impl Strategy<Value = String> {
    prop::string::string_regex(chars).unwrap()
}

prop_compose! {
    fn any_uri()(
        scheme in part("sips?"), user in prop::option::of(part("([a-z0-9]|%[0-9A-Fa-f]{2}|[-_.!~*'()&=+$,;?/#]){1,12}")),
        host in part("[a-z][a-z0-9.-]{0,12}|10\\.0\\.0\\.[0-9]|\\[fe80::[0-9a-f]{1,4}\\]"), port in prop::option::of(any::<u16>()),
        params in part("(;[a-z]{1,4}(=[a-zA-Z0-9\\[\\]/:&+$]{0,5})?){0,3}"), headers in part("(\\?[a-z]{1,3}=[a-z]{0,4}(&[a-z]{1,3}=[a-z]{0,3}){0,2})?"),
    ) -> String {
        let user = user.map_or(String::new(), |user| format!("{user}@"));
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        format!("{scheme}:{user}{host}{port}{params}{headers}")
    }
}

proptest! {
    #[test]
    fn uris_print_and_read_the_same(text in any_uri()) {
        prop_assert!(Uri::parse(text.as_bytes()).is_ok(), "{}", text);
        fuzz::uri(text.as_bytes());
        fuzz::uri(format!("\"x\" <{text}>;tag=1").as_bytes());
    }

    #[test]
    fn equivalence_is_symmetric(a in any_uri(), b in any_uri(), same in any::<bool>()) {
        let (a, b) = (uri(&a), uri(&if same { a.to_uppercase().replace("SIPS:", "sips:").replace("SIP:", "sip:") } else { b }));
        prop_assert_eq!(a.equivalent(&b), b.equivalent(&a));
    }

    #[test]
    fn changed_uris_do_no_harm(text in any_uri(), at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..4)) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + 1).min(bytes.len()), with);
        fuzz::uri(&bytes);
    }

    #[test]
    fn a_user_is_read_as_it_was_given(user in "\\PC{1,10}", value in "\\PC{0,10}") {
        let built = Uri::sip(Some(&user), "example.com", None).with_header("Subject", &value);
        let read = Uri::parse(built.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.user().unwrap(), user);
        prop_assert_eq!(read.header("subject").unwrap(), value);
    }
}
