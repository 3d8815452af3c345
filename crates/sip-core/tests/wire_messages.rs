//! Whole messages: what is hostile, what is at a limit and one past, what an edit leaves alone, what a stream cuts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use proptest::prelude::*;
use sip_core::header::{Contact, MaxForwards, Route, Via};
use sip_core::wire::{Framed, fuzz, salvage_request};
use sip_core::{
    HeaderName, Headers, Limits, Message, Method, ParseErrorKind as Kind, Request, Response, StatusCode, StreamFramer,
    Uri,
};

/// A valid OPTIONS with `more` among its headers.
fn options(more: &str, body: &str) -> String {
    format!(
        "OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1\r\nFrom: <sip:a@example.com>;tag=1\r\n\
         To: <sip:b@example.com>\r\nCall-ID: 1@a\r\nCSeq: 1 OPTIONS\r\n{more}\r\n{body}"
    )
}

fn parse(text: impl Into<Vec<u8>>) -> Result<Message, Kind> {
    Message::parse(text.into().into()).map_err(|error| error.kind)
}

fn request(text: impl Into<Vec<u8>>) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn content_length() {
    let body_of = |length: &str| parse(options(&format!("{length}\r\n"), "hello")).map(|m| m.body().clone());
    let table = [
        ("Content-Length: 5", Ok("hello")),
        ("Content-Length: 3", Ok("hel")),
        ("Content-Length: 0", Ok("")),
        ("l: 00000000000000000000000000000005", Ok("hello")),
        ("CONTENT-LENGTH :5 ", Ok("hello")),
        ("Content-Length:\r\n 5", Ok("hello")),
        ("Content-Length: 5\r\nl: 05", Ok("hello")),
        ("Content-Length: 6", Err(Kind::BodyTooShort)),
        ("Content-Length: 4294967296", Err(Kind::BodyTooShort)),
        ("Content-Length: 4294967301", Err(Kind::BodyTooShort)),
        ("Content-Length: 18446744073709551616", Err(Kind::ContentLength)),
        ("Content-Length: 18446744073709551621", Err(Kind::ContentLength)),
        ("Content-Length: -1", Err(Kind::ContentLength)),
        ("Content-Length: +5", Err(Kind::ContentLength)),
        ("Content-Length: 0x5", Err(Kind::ContentLength)),
        ("Content-Length: 5,5", Err(Kind::ContentLength)),
        ("Content-Length: 5 5", Err(Kind::ContentLength)),
        ("Content-Length:", Err(Kind::ContentLength)),
        (
            "Content-Length: 5\r\nContent-Length: 4",
            Err(Kind::ContentLengthConflict),
        ),
        ("l: 4\r\nContent-Length: 5", Err(Kind::ContentLengthConflict)),
    ];
    for (header, body) in table {
        assert_eq!(body_of(header), body.map(Into::into), "{header}");
    }
    assert_eq!(
        parse(options("", "hello")).unwrap().body(),
        "hello",
        "without it, the datagram's rest"
    );
}

#[test]
fn start_lines() {
    let of = |line: &str| parse(options("", "").replacen("OPTIONS sip:b@example.com SIP/2.0", line, 1)).map(drop);
    let refused = [
        ("", Kind::StartLine),
        ("OPTIONS sip:b@example.com", Kind::StartLine),
        ("OPTIONS  sip:b@example.com SIP/2.0", Kind::StartLine),
        ("OPTIONS\tsip:b@example.com SIP/2.0", Kind::StartLine),
        ("OPTIONS sip:b@example.com SIP/2.0 ", Kind::StartLine),
        (" OPTIONS sip:b@example.com SIP/2.0", Kind::Method),
        ("OPTIONS sip:b@exa mple.com SIP/2.0", Kind::StartLine),
        ("OPTIONS sip:b@example.com HTTP/1.1", Kind::StartLine),
        ("OPTIONS sip:b@example.com SIP/3.0", Kind::Version),
        ("OPTIONS sip:b@example.com SIP/2.00", Kind::Version),
        ("OPTIONS sip:b\0@example.com SIP/2.0", Kind::StartLine),
        ("OPT(ONS sip:b@example.com SIP/2.0", Kind::StartLine),
        ("(OPTIONS sip:b@example.com SIP/2.0", Kind::Method),
        ("OPTIONS sip:b@example.com\rSIP/2.0", Kind::BareCr),
        ("SIP/2.0", Kind::StartLine),
        ("SIP/2.0 20 OK", Kind::StatusCode),
        ("SIP/2.0 2000 OK", Kind::StatusCode),
        ("SIP/2.0 099 OK", Kind::StatusCode),
        ("SIP/2.0 700 OK", Kind::StatusCode),
        ("SIP/2.0  200 OK", Kind::StatusCode),
        ("SIP/2.0 -20 OK", Kind::StatusCode),
        ("SIP/1.0 200 OK", Kind::Version),
    ];
    for (line, kind) in refused {
        assert_eq!(of(line), Err(kind), "{line:?}");
    }
    for line in [
        "OPTIONS sip:b@example.com sip/2.0",
        "SIP/2.0 200",
        "SIP/2.0 200 ",
        "sip/2.0 699 x  y",
    ] {
        assert_eq!(of(line), Ok(()), "{line:?}");
    }
    assert_eq!(parse("").map(drop), Err(Kind::Empty));
    assert_eq!(parse("\r\n\r\n").map(drop), Err(Kind::Empty));
    assert_eq!(parse("OPTIONS sip:a@b SIP/2.0").map(drop), Err(Kind::StartLine));
    assert_eq!(
        parse("OPTIONS sip:a@b SIP/2.0\r\nTo: x\r\n").map(drop),
        Err(Kind::UnterminatedHeaders)
    );
}

#[test]
fn one_lexer_for_every_spelling_of_a_name() {
    let identity = "\"Boss\" <sip:boss@example.com>";
    for spelling in [
        "P-Asserted-Identity:",
        "P-Asserted-Identity :",
        "p-asserted-identity\t :",
        "P-ASSERTED-IDENTITY  :\r\n ",
    ] {
        let mut request = request(options(&format!("{spelling}{identity}\r\n"), ""));
        assert_eq!(
            request.headers().get_str(&HeaderName::PAssertedIdentity),
            Some(identity),
            "{spelling:?}"
        );
        assert!(request.headers_mut().remove(&HeaderName::PAssertedIdentity));
        assert!(
            !String::from_utf8_lossy(&request.to_bytes())
                .to_lowercase()
                .contains("asserted"),
            "{spelling:?}"
        );
    }
    let refused = [
        ("P-Asserted-Identity\r\n : x", Kind::HeaderName),
        ("P-Asserted Identity: x", Kind::HeaderName),
        ("P-Asserted-Identity\0: x", Kind::HeaderName),
        ("P-Asserted-Identity\u{a0}: x", Kind::HeaderName),
        (": x", Kind::HeaderName),
        ("no colon", Kind::HeaderName),
        ("X: a\rP-Asserted-Identity: x", Kind::BareCr),
        ("X: a\r\r\nY: b", Kind::BareCr),
    ];
    for (line, kind) in refused {
        assert_eq!(
            parse(options(&format!("{line}\r\n"), "")).map(drop),
            Err(kind),
            "{line:?}"
        );
    }
}

#[test]
fn a_fold_before_the_first_header_is_refused() {
    let text = options("", "").replacen("SIP/2.0\r\n", "SIP/2.0\r\n ", 1);
    assert_eq!(parse(text).map(drop), Err(Kind::HeaderName));
}

#[test]
fn bytes_in_headers_that_nobody_looks_at_pass_unharmed() {
    let mut text = options("", "").into_bytes();
    text.truncate(text.len() - 2);
    text.extend_from_slice(b"Subject: J\xf6rg \0 \xff\x7f\r\nX-\x21: \xc3\x28\r\n\r\n");
    let mut request = request(text.clone());
    assert_eq!(request.validate(), Ok(()));
    assert_eq!(request.to_bytes(), text);
    assert_eq!(
        request.headers().get(&HeaderName::Subject),
        Some(b"J\xf6rg \0 \xff\x7f".as_slice())
    );
    assert_eq!(request.headers().get_str(&HeaderName::Subject), None);
    request.headers_mut().set(HeaderName::MaxForwards, "1");
    let edited = request.to_bytes();
    assert!(
        edited.starts_with(&text[..text.len() - 2]),
        "an edit leaves them alone too"
    );
}

#[test]
fn bare_line_feeds_end_lines_and_stay_as_they_came() {
    let text = options("Subject: a\n b\nContent-Length: 2\n", "hi").replace("\r\n", "\n");
    let message = parse(text.clone()).unwrap();
    assert_eq!(message.validate(), Ok(()));
    assert_eq!(message.headers().get(&HeaderName::Subject), Some(b"a\n b".as_slice()));
    assert_eq!(message.to_bytes(), text);
}

#[test]
fn what_follows_the_body_is_dropped_and_never_a_second_message() {
    let one = options("Content-Length: 0\r\n", "");
    let message = parse(format!("\r\n\r\n{one}{one}")).unwrap();
    assert_eq!(message.to_bytes(), one);
}

#[test]
fn an_edit_leaves_every_other_header_as_it_came() {
    let odd = "f :  <sip:a@example.com>;tag=1\r\nX-Odd\t:\r\n  folded\t\r\n value  \r\nv: SIP/2.0/UDP a , SIP/2.0/TCP b\r\nL: 2\r\n";
    let text = format!("OPTIONS sip:b@example.com SIP/2.0\r\n{odd}\r\nhi");
    let mut request = request(text);
    request.headers_mut().push(HeaderName::Subject, "new\r\nX-Evil: 1");
    let printed = request.to_bytes();
    let expected = format!("OPTIONS sip:b@example.com SIP/2.0\r\n{odd}Subject: new  X-Evil: 1\r\n\r\nhi");
    assert_eq!(printed, expected);
    assert_eq!(
        request.headers().get(&HeaderName::parse(b"x-odd").unwrap()),
        Some(b"folded\t\r\n value".as_slice())
    );

    request.set_body("text/plain", "longer".into());
    let printed = String::from_utf8(request.to_bytes().to_vec()).unwrap();
    assert!(
        printed.contains("\r\nContent-Length: 6\r\n") && !printed.contains("L: 2"),
        "{printed}"
    );
    assert!(printed.ends_with("Content-Type: text/plain\r\n\r\nlonger"), "{printed}");
}

#[test]
fn edits() {
    let mut request = Request::new(Method::Invite, "sip:a@b?Route=%3Csip:c%3E".parse::<Uri>().unwrap());
    assert_eq!(request.uri(), b"sip:a@b");
    let headers = request.headers_mut();
    headers.push(HeaderName::Route, "<sip:1;lr>, \"x,y\" <sip:2;lr>");
    headers.push(HeaderName::parse(b"x-a").unwrap(), "1");
    headers.push(HeaderName::Route, "<sip:3;lr>");
    headers.push(HeaderName::parse(b"X-A").unwrap(), "2");
    let routes = |request: &Request| {
        let routes = request.headers().typed_all::<Route>().unwrap();
        routes
            .iter()
            .map(|route| route.0.uri.host().unwrap().to_string())
            .collect::<Vec<_>>()
            .join("")
    };
    assert_eq!(routes(&request), "123");
    for left in ["23", "3", "", ""] {
        let before = routes(&request);
        assert_eq!(request.headers_mut().pop_item(&HeaderName::Route), before != left);
        assert_eq!(routes(&request), left);
    }
    let headers = request.headers_mut();
    headers.set(HeaderName::parse(b"X-a").unwrap(), "3");
    assert_eq!(
        headers.values(&HeaderName::parse(b"X-A").unwrap()).collect::<Vec<_>>(),
        [b"3"]
    );
    headers.push_front_typed(&Via::new("UDP", "h", Some(5060)).with_branch("z9hG4bK1"));
    headers.set_typed(&MaxForwards(70));
    headers.set_typed(&MaxForwards(69));
    assert_eq!(
        request.to_bytes(),
        "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\nX-a: 3\r\nMax-Forwards: 69\r\nContent-Length: 0\r\n\r\n"
    );
    assert!(!request.headers_mut().remove(&HeaderName::Route));
    request.set_uri(&Uri::sip(None, "c", None));
    assert_eq!(request.request_uri().unwrap().to_string(), "sip:c");
}

#[test]
fn a_response_takes_what_it_must_from_the_request() {
    let request = request(options(
        "Record-Route: <sip:p;lr>\r\nTimestamp: 54\r\nVia: SIP/2.0/TCP b,\r\n SIP/2.0/UDP c\r\n",
        "",
    ));
    let names = |status, to: &Request| {
        let response = Response::to_request(to, status, None);
        response
            .headers()
            .iter()
            .map(|(name, _)| name.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        names(StatusCode::TRYING, &request),
        "Via Via From To Call-ID CSeq Timestamp"
    );
    assert_eq!(
        names(StatusCode::RINGING, &request),
        "Via Via Record-Route From To Call-ID CSeq"
    );
    assert_eq!(
        names(StatusCode::OK, &request),
        "Via Via Record-Route From To Call-ID CSeq"
    );
    assert_eq!(names(StatusCode::BUSY_HERE, &request), "Via Via From To Call-ID CSeq");
    let mut response = Response::to_request(&request, StatusCode::OK, Some("Fine\r\nX-Evil: 1"));
    response.set_to_tag("a b");
    response.set_to_tag("second");
    let text = String::from_utf8(response.to_bytes().to_vec()).unwrap();
    assert!(text.starts_with("SIP/2.0 200 Fine  X-Evil: 1\r\n"), "{text}");
    assert!(text.contains("\r\nVia: SIP/2.0/TCP b,   SIP/2.0/UDP c\r\n"), "{text}");
    assert!(text.contains("\r\nTo: <sip:b@example.com>;tag=a-b\r\n"), "{text}");
    assert_eq!(response.headers().typed_all::<Via>().unwrap().len(), 3);
    assert_eq!(response.method(), Some(Method::Options));
}

/// A message with `count` of `line` is accepted at the limit and refused one past it.
fn check_limit(
    set: impl Fn(&mut Limits, usize),
    limit: usize,
    make: impl Fn(usize) -> String,
    kind: Kind,
    status: u16,
) {
    let mut limits = Limits::default();
    set(&mut limits, limit);
    let parse = |size| Message::parse_with(make(size).into(), &limits);
    assert!(parse(limit).is_ok(), "{kind:?} at the limit: {:?}", parse(limit));
    let error = parse(limit + 1).unwrap_err();
    assert_eq!((error.kind, error.status().code()), (kind, status));
}

#[test]
fn limits_at_and_one_past() {
    let filled = |size: usize, text: &str| text.to_owned() + &"x".repeat(size - text.len());
    let line = |size| options(&format!("{}\r\n", filled(size, "Subject: ")), "");
    check_limit(
        |limits, n| limits.header_line = n,
        8_192,
        line,
        Kind::HeaderTooLong,
        513,
    );
    let folded = |size| options(&format!("{}\r\n", filled(size, "Subject: x\r\n ")), "");
    check_limit(
        |limits, n| limits.header_line = n,
        8_192,
        folded,
        Kind::HeaderTooLong,
        513,
    );
    let headers = |count: usize| options(&"X: y\r\n".repeat(count - 5), "");
    check_limit(|limits, n| limits.headers = n, 256, headers, Kind::TooManyHeaders, 513);
    let vias = |count: usize| options(&"Via: SIP/2.0/UDP a\r\n".repeat(count - 1), "");
    check_limit(|limits, n| limits.vias = n, 70, vias, Kind::TooManyVias, 483);
    let via_line = |count: usize| options(&format!("v: \"a,b\"{}\r\n", ",SIP/2.0/UDP a".repeat(count - 2)), "");
    check_limit(|limits, n| limits.vias = n, 70, via_line, Kind::TooManyVias, 483);
    let uri = |size| options("", "").replacen("sip:b@example.com", &filled(size, "sip:"), 1);
    check_limit(|limits, n| limits.uri = n, 2_048, uri, Kind::UriTooLong, 414);
    let start = |size| options("", "").replacen("OPTIONS sip:b@example.com SIP/2.0", &filled(size, "SIP/2.0 200 "), 1);
    check_limit(
        |limits, n| limits.start_line = n,
        4_096,
        start,
        Kind::StartLineTooLong,
        414,
    );
    let body = |size| options("", &"x".repeat(size));
    check_limit(|limits, n| limits.body = n, 1_000, body, Kind::BodyTooLarge, 413);
    let whole = |size: usize| options("", &"x".repeat(size - options("", "").len()));
    check_limit(
        |limits, n| limits.message = n,
        65_536,
        whole,
        Kind::MessageTooLarge,
        513,
    );
}

#[test]
fn parameters_and_values_at_their_limit_and_one_past() {
    let via = |count| request(options("", "").replacen(";branch=z9hG4bK1", &";p".repeat(count), 1)).top_via();
    assert_eq!(via(Limits::PARAMS).unwrap().params.len(), Limits::PARAMS);
    assert_eq!(
        via(Limits::PARAMS + 1).map_err(|error| error.kind),
        Err(Kind::TooManyParams)
    );
    let uri = |count| Uri::parse(format!("sip:a{}", ";p=1".repeat(count)).as_bytes()).map_err(|error| error.kind);
    assert!(uri(Limits::PARAMS).is_ok());
    assert_eq!(uri(Limits::PARAMS + 1).err(), Some(Kind::TooManyParams));
    let headers = |count: usize| Uri::parse(format!("sip:a?b=c{}", "&b=c".repeat(count - 1)).as_bytes());
    assert!(headers(Limits::PARAMS).is_ok());
    assert_eq!(
        headers(Limits::PARAMS + 1).map_err(|error| error.kind).err(),
        Some(Kind::TooManyParams)
    );
    let contacts = |count: usize| {
        let mut headers = Headers::new();
        headers.push(HeaderName::Contact, "sip:a,".repeat(count));
        headers.typed_all::<Contact>().map_err(|error| error.kind)
    };
    assert_eq!(contacts(Limits::VALUES).map(|all| all.len()), Ok(Limits::VALUES));
    assert_eq!(contacts(Limits::VALUES + 1), Err(Kind::TooManyValues));
}

#[test]
fn validation() {
    let without = |name: &str| {
        let text = options("", "");
        text.split_inclusive("\r\n")
            .filter(|line| !line.starts_with(name))
            .collect::<String>()
    };
    let kind = |text: String| request(text).validate().map_err(|error| error.kind).err();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        assert_eq!(kind(without(name)), Some(Kind::MissingHeader(name)));
    }
    for name in ["From: <sip:a@b>", "t: <sip:a@b>", "i: 2", "CSeq: 1 OPTIONS"] {
        let found = kind(options(&format!("{name}\r\n"), ""));
        assert!(matches!(found, Some(Kind::DuplicateHeader(_))), "{name}: {found:?}");
    }
    let table = [
        ("Max-Forwards: 255", None),
        ("Max-Forwards: 256", Some(Kind::NumberOutOfRange)),
        ("Max-Forwards: x", Some(Kind::Number)),
        (
            "Max-Forwards: 1\r\nMax-Forwards: 1",
            Some(Kind::DuplicateHeader("Max-Forwards")),
        ),
        ("Contact: *", None),
        ("Contact: <sip:a", Some(Kind::UnterminatedBracket)),
        ("Contact: sip:a@b, <sip:c@d>;x=\"", Some(Kind::UnterminatedQuote)),
        ("Route: <sip:a;lr>,", None),
        ("Record-Route: sip a", Some(Kind::Scheme)),
        ("Date: now", Some(Kind::Date)),
        ("Via: SIP/3.0/UDP a", Some(Kind::Version)),
        ("Via: SIP/2.0/UDP", Some(Kind::UnexpectedEnd)),
        ("Via: SIP/2.0/UDP a:65536", Some(Kind::Port)),
        ("Via: SIP/2.0/UDP a;;branch=x", Some(Kind::UnexpectedByte)),
        (
            "Content-Type: a/b\r\nc: a/b",
            Some(Kind::DuplicateHeader("Content-Type")),
        ),
    ];
    for (line, expected) in table {
        assert_eq!(kind(options(&format!("{line}\r\n"), "")), expected, "{line}");
    }
    let cseq = |cseq: &str| kind(options("", "").replacen("1 OPTIONS", cseq, 1));
    assert_eq!(cseq("2147483647 OPTIONS"), None);
    assert_eq!(cseq("2147483648 OPTIONS"), Some(Kind::NumberOutOfRange));
    assert_eq!(cseq("1 options"), Some(Kind::MethodMismatch));
    assert_eq!(cseq("1OPTIONS"), Some(Kind::UnexpectedByte));
    assert_eq!(cseq("1"), Some(Kind::UnexpectedEnd));
}

#[test]
fn a_broken_request_can_still_be_answered() {
    let text = options("no colon here\r\nX: a\rb\r\n", "").replace("SIP/2.0\r\nVia", "SIP/2.0\r\n\tfold\r\nVia");
    assert!(parse(text.clone()).is_err());
    let salvaged = salvage_request(text.as_bytes()).unwrap();
    assert_eq!(
        salvaged.validate().map_err(|error| error.kind),
        Err(Kind::Scheme),
        "it has no Request-URI"
    );
    let response = Response::to_request(&salvaged, StatusCode::BAD_REQUEST, None);
    assert_eq!(parse(response.to_bytes()).unwrap().validate(), Ok(()));
    for hopeless in [
        "",
        "x",
        "SIP/2.0 200 OK\r\nVia: a\r\ni: 1\r\n\r\n",
        "ACK sip:a@b SIP/7.0\r\nVia: a\r\ni: 1\r\n\r\n",
        "OPTIONS x\r\ni: 1\r\n",
    ] {
        assert_eq!(salvage_request(hopeless.as_bytes()), None, "{hopeless:?}");
    }
}

fn frames(framer: &mut StreamFramer) -> Vec<Result<Framed, Kind>> {
    let mut all = Vec::new();
    while let Some(framed) = framer.next() {
        let framed = framed.map_err(|error| error.error.kind);
        all.push(framed);
        if all.last().unwrap().is_err() {
            break;
        }
    }
    all
}

#[test]
fn a_stream_is_cut_into_messages() {
    let one = options("Content-Length: 3\r\n", "abc");
    let two = options("l: 0\r\n", "");
    let mut framer = StreamFramer::default();
    framer.push(format!("{one}{two}\r\n\r\n\r\n{one}").as_bytes());
    let message = |text: &String| Ok(Framed::Message(text.clone().into()));
    let expected = [
        message(&one),
        message(&two),
        Ok(Framed::Pong),
        Ok(Framed::Ping),
        Ok(Framed::Pong),
        message(&one),
    ];
    assert_eq!(frames(&mut framer), expected);
    assert_eq!(framer.buffered(), 0);
    // A message in as many pieces as it has bytes.
    for byte in one.as_bytes() {
        assert_eq!(framer.next(), None);
        framer.push(&[*byte]);
    }
    assert_eq!(frames(&mut framer), [message(&one)]);
}

#[test]
fn a_stream_that_cannot_be_cut_is_an_error_for_good() {
    let table = [
        (options("", ""), Kind::ContentLengthMissing),
        (options("l: -1\r\n", ""), Kind::ContentLength),
        (options("l: 1\r\nl: 2\r\n", "ab"), Kind::ContentLengthConflict),
        (options("l: 65537\r\n", ""), Kind::BodyTooLarge),
        (options("l: 4294967296\r\n", ""), Kind::BodyTooLarge),
        (options("l: 65536\r\n", ""), Kind::MessageTooLarge),
        (options("l : 0\r\nX: a\rb\r\n", ""), Kind::BareCr),
        (
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            Kind::ContentLengthMissing,
        ),
        ("x".repeat(65_537), Kind::MessageTooLarge),
        ("\rx\r\n\r\n".to_owned(), Kind::BareCr),
    ];
    for (text, kind) in table {
        let mut framer = StreamFramer::default();
        framer.push(text.as_bytes());
        assert_eq!(frames(&mut framer), [Err(kind)]);
        framer.push(options("l: 0\r\n", "").as_bytes());
        assert_eq!(frames(&mut framer), [Err(kind)], "it stays an error");
        assert_eq!(framer.buffered(), 0);
    }
    let mut framer = StreamFramer::default();
    framer.push("x".repeat(65_536).as_bytes());
    assert_eq!(framer.next(), None, "at the limit, the rest may still come");
}

prop_compose! {
    fn header_line()(name in "[A-Za-z][A-Za-z-]{1,12}|v|f|t|Via|Contact|Route", blank in "[ \t]{0,2}", value in "[ -~é]{0,30}", fold in any::<bool>()) -> String {
        let fold = if fold { "\r\n folded" } else { "" };
        format!("{name}{blank}:{value}{fold}\r\n")
    }
}

prop_compose! {
    /// Messages that parse, with whatever headers.
    fn any_message()(lines in prop::collection::vec(header_line(), 0..12), body in prop::collection::vec(any::<u8>(), 0..40), with_length in any::<bool>(), start in "(OPTIONS|X-[a-z]{1,5}) [!-~]{1,20} SIP/2[.]0|SIP/2[.]0 [1-6][0-9]{2} [ -~]{0,10}") -> Vec<u8> {
        let mut text = format!("{start}\r\n{}", lines.concat()).into_bytes();
        if with_length {
            text.extend_from_slice(format!("L: {}\r\n", body.len()).as_bytes());
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&body);
        text
    }
}

proptest! {
    #[test]
    fn messages_print_as_they_came(text in any_message()) {
        let message = Message::parse(text.clone().into()).unwrap();
        prop_assert_eq!(message.to_bytes(), text.clone());
        fuzz::message(&text);
    }

    #[test]
    fn changed_messages_do_no_harm(text in any_message(), at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 0..6), cut in any::<bool>()) {
        let mut text = text;
        let at = at.index(text.len());
        let end = if cut { text.len() } else { (at + with.len()).min(text.len()) };
        text.splice(at..end, with);
        fuzz::message(&text);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz::message(&bytes);
        fuzz::headers(&bytes);
        fuzz::stream(&bytes);
    }

    #[test]
    fn values_do_no_harm(value in "([a-zA-Z0-9]|[ ;,=:<>\"@\\\\?&%./*()\\[\\]-]|SIP/2.0/UDP|sip:|tag=|\r\n |é){0,30}") {
        fuzz::headers(value.as_bytes());
        fuzz::uri(value.as_bytes());
    }

    #[test]
    fn cuts_in_a_stream_do_not_matter(
        cuts in prop::collection::vec(any::<u8>(), 8),
        parts in prop::collection::vec(prop_oneof![any_message(), Just(b"\r\n".to_vec()), Just(b"\r\n\r\n".to_vec()), Just(b"\n".to_vec()), Just(b"\r".to_vec()), prop::collection::vec(any::<u8>(), 0..5)], 0..6),
    ) {
        fuzz::stream(&[cuts, parts.concat()].concat());
    }

    /// Against a model: a list of lines.
    #[test]
    fn edits_are_those_of_a_list(edits in prop::collection::vec((0_u8..5, "[a-cA-C]", "[x-z]{1,3}"), 0..30)) {
        let name = |letter: &str| HeaderName::parse(format!("X-{letter}").as_bytes()).unwrap();
        let text = "OPTIONS sip:a SIP/2.0\r\nX-a: 1\r\nX-B: 2\r\nX-a: 3\r\n\r\n";
        let mut request = request(text);
        let mut model: Vec<(String, String)> = [("A", "1"), ("B", "2"), ("A", "3")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        for (edit, letter, value) in edits {
            let key = letter.to_uppercase();
            let headers = request.headers_mut();
            match edit {
                0 => { headers.push(name(&letter), value.clone()); model.push((key, value)); }
                1 => { headers.push_front(name(&letter), value.clone()); model.insert(0, (key, value)); }
                2 => { headers.remove(&name(&letter)); model.retain(|(n, _)| *n != key); }
                3 => {
                    headers.set(name(&letter), value.clone());
                    match model.iter().position(|(n, _)| *n == key) {
                        None => model.push((key, value)),
                        Some(at) => {
                            model[at].1 = value;
                            let mut index = 0;
                            model.retain(|(n, _)| { index += 1; index <= at + 1 || *n != key });
                        }
                    }
                }
                _ => {
                    headers.pop_item(&name(&letter));
                    if let Some(at) = model.iter().position(|(n, _)| *n == key) { model.remove(at); }
                }
            }
        }
        let again = Message::parse(request.to_bytes()).unwrap();
        let found: Vec<_> = again.headers().iter().filter(|(n, _)| *n != HeaderName::ContentLength)
            .map(|(n, v)| (n.as_str()[2..].to_uppercase(), String::from_utf8(v.to_vec()).unwrap())).collect();
        prop_assert_eq!(found, model);
    }
}

/// What a response copies from its request is written as we write it, however the request wrote it.
#[test]
fn a_response_is_well_formed_whatever_the_request_looked_like() {
    let text = "OPTIONS sip:a SIP/2.0\nVIA: SIP/2.0/UDP a \nv:SIP/2.0/UDP b\r\nVia:\tSIP/2.0/UDP c\r\nVia: SIP/2.0/UDP\r\n d\r\n\
        From : <sip:f>;tag=1\nt: <sip:t>\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\n";
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        panic!("it can be read")
    };
    assert_eq!(
        Response::to_request(&request, StatusCode::OK, None).to_bytes(),
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\nVia: SIP/2.0/UDP c\r\n\
         Via: SIP/2.0/UDP   d\r\nFrom: <sip:f>;tag=1\r\nTo: <sip:t>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    );
}
