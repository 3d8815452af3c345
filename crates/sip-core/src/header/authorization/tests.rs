//! What phones send, what is refused, and the fixpoint of printing and reading.

use super::*;
use crate::Limits;
use proptest::prelude::*;

fn credentials(value: &str) -> Credentials {
    Credentials::parse(value.as_bytes()).unwrap()
}

fn kind(value: &[u8]) -> ParseErrorKind {
    Credentials::parse(value).unwrap_err().kind
}

#[test]
fn all_parameters_of_a_phone() {
    let value = "Digest username=\"a\\\"b\\\\c\", realm=\"pbx, the\" ,\r\n nonce = \"n==\",uri=\"sip:1@h;x=\\\"1\\\"\",\
        response=\"6629fae4\", algorithm=md5, cnonce=\"0a\", opaque=\"\", qop=auth, nc=0000000A, x-own=1";
    let read = credentials(value);
    assert!(read.is_digest());
    assert_eq!(read.username(), Some("a\"b\\c"));
    assert_eq!(read.realm(), Some("pbx, the"));
    assert_eq!(read.nonce(), Some("n=="));
    assert_eq!(read.uri(), Some("sip:1@h;x=\"1\""));
    assert_eq!(read.response(), Some("6629fae4"));
    assert_eq!(
        (read.algorithm(), read.cnonce(), read.opaque()),
        (Some("md5"), Some("0a"), Some(""))
    );
    assert_eq!((read.qop(), read.nc()), (Some("auth"), Some("0000000A")));
    assert_eq!(read.params().get("X-OWN"), Some("1"));
    assert!(
        read.to_string()
            .starts_with("Digest username=\"a\\\"b\\\\c\", realm=\"pbx, the\", nonce=\"n==\"")
    );
    assert!(read.to_string().ends_with("qop=auth, nc=0000000A, x-own=1"));
}

/// Found by fuzzing: a control character was masked when printed, not when read.
#[test]
fn control_characters_are_masked_when_read() {
    for (value, user) in [
        (&b"Digest username=\"a\x01b\""[..], "a?b"),
        (b"Digest username=\"a\x9cb\"", "a?b"),
        (b"Digest username=\"a\\\x07\x7f\"", "a??"),
        (b"Digest username=\"a\r\n b\"", "a b"),
    ] {
        let read = Credentials::parse(value).unwrap();
        assert_eq!(read.username(), Some(user));
        assert_eq!(credentials(&read.to_string()), read);
    }
}

#[test]
fn values_without_quotes_and_needless_commas_are_tolerated() {
    let read = credentials("DIGEST username=1001,realm=pbx,uri=sip:1001@pbx;transport=tcp,, nonce=,");
    assert_eq!(
        (read.username(), read.uri()),
        (Some("1001"), Some("sip:1001@pbx;transport=tcp"))
    );
    assert_eq!(read.nonce(), Some(""));
    assert_eq!(credentials("Digest").params(), &AuthParams::default());
}

#[test]
fn other_schemes_are_kept_and_not_understood() {
    let read = credentials("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert!(!read.is_digest());
    assert_eq!(read.username(), None);
    assert_eq!(read.to_string(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[test]
fn malformed_values() {
    use ParseErrorKind as Kind;
    for (value, expected) in [
        (&b""[..], Kind::Empty),
        (b" \t", Kind::Empty),
        (b"\"Digest\"", Kind::UnexpectedByte),
        (b"Digest=x", Kind::UnexpectedByte),
        (b"Digest username", Kind::UnexpectedEnd),
        (b"Digest username \"x\"", Kind::UnexpectedByte),
        (b"Digest username=\"x", Kind::UnterminatedQuote),
        (b"Digest username=\"x\\\"", Kind::UnterminatedQuote),
        (b"Digest username=\"x\" realm=\"y\"", Kind::UnexpectedByte),
        (b"Digest username=x\0", Kind::UnexpectedByte),
        (b"Digest realm=a, Realm=b", Kind::TooManyValues),
        (b"Digest ,", Kind::UnexpectedByte),
    ] {
        assert_eq!(kind(value), expected, "{:?}", String::from_utf8_lossy(value));
    }
}

#[test]
fn as_many_parameters_as_the_limit_and_one_past() {
    let value = |count: usize| {
        let list: Vec<String> = (0..count).map(|i| format!("p{i}=1")).collect();
        format!("Digest {}", list.join(","))
    };
    assert_eq!(
        credentials(&value(Limits::PARAMS)).params().iter().count(),
        Limits::PARAMS
    );
    assert_eq!(
        kind(value(Limits::PARAMS + 1).as_bytes()),
        ParseErrorKind::TooManyParams
    );
}

#[test]
fn challenges() {
    let read = Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", stale=TRUE, qop=\"auth , Auth-Int\"").unwrap();
    assert!(read.is_stale() && read.offers_qop("auth") && read.offers_qop("auth-int"));
    assert!(!read.offers_qop("au"));
    assert!(
        !Challenge::parse(b"Digest realm=\"r\", stale=\"maybe\"")
            .unwrap()
            .is_stale()
    );
}

#[test]
fn authentication_info_has_no_scheme() {
    let read = AuthenticationInfo::parse(b"nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth").unwrap();
    assert_eq!(read.next_nonce(), Some("47364c23432d2e131a5fb210812c"));
    assert_eq!(AuthenticationInfo::parse(b" ").unwrap_err().kind, ParseErrorKind::Empty);
}

#[test]
fn debug_of_credentials_hides_the_response() {
    let shown = format!(
        "{:?}",
        Authorization(credentials("Digest username=u, response=\"5ec2e7\", cnonce=c"))
    );
    assert!(shown.contains("\"u\"") && !shown.contains("5ec2e7"));
}

#[test]
fn control_characters_cannot_leave() {
    let mut built = Challenge::digest();
    built.params_mut().set_quoted("realm", "a\r\nVia: x\0");
    built.params_mut().set_token("algorithm", "b\r\nc");
    assert_eq!(built.to_string(), "Digest realm=\"a??Via: x?\", algorithm=\"b??c\"");
    assert_eq!(Credentials::parse(b"Basic \x7f a \x7f").unwrap().to_string(), "Basic a");
    assert!(!Credentials::parse(b"Basic a\r\nb").unwrap().to_string().contains('\r'));
}

proptest! {
    #[test]
    fn what_is_read_prints_and_reads_the_same(value in "[Dd]igest( [a-d]=(\"([ -~]|\\\\\"){0,8}\"|[!-~]{0,6}),?){0,4}") {
        if let Ok(read) = Credentials::parse(value.as_bytes()) {
            prop_assert_eq!(Credentials::parse(read.to_string().as_bytes()), Ok(read));
        }
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for prefix in [&b""[..], b"Digest ", b"Digest a=\""] {
            let value = [prefix, &bytes].concat();
            if let Ok(read) = Credentials::parse(&value) {
                prop_assert!(!read.to_string().contains(['\r', '\n']));
            }
            let _ = AuthenticationInfo::parse(&value);
        }
    }

    #[test]
    fn what_is_built_is_read(username in "\\PC{0,20}", realm in "\\PC{0,20}", token in "[a-z0-9]{1,8}") {
        let mut built = Credentials::digest();
        built.params_mut().set_quoted("username", &username);
        built.params_mut().set_quoted("realm", &realm);
        built.params_mut().set_token("qop", &token);
        prop_assert_eq!(Credentials::parse(built.to_string().as_bytes()), Ok(built));
    }
}
