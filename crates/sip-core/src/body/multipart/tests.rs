//! The examples of RFC 5621, what broke others, and limits.

use super::*;
use crate::Limits;
use crate::header::TypedHeader;
use crate::wire::ParseErrorKind;
use crate::wire::lexer::steps;
use proptest::prelude::*;

fn content_type(text: &str) -> ContentType {
    ContentType::parse(text.as_bytes()).unwrap()
}

fn read(boundary: &str, body: &str) -> Result<Multipart, BodyError> {
    let content_type = content_type(&format!("multipart/mixed;boundary=\"{boundary}\""));
    Multipart::parse(
        &content_type,
        &Bytes::copy_from_slice(body.as_bytes()),
        &Limits::default(),
    )
}

fn bodies(multipart: &Multipart) -> Vec<&[u8]> {
    multipart.parts.iter().map(|part| part.body.as_ref()).collect()
}

fn taken(body: &Multipart, known: &[&str]) -> Result<Vec<String>, StatusCode> {
    let mut headers = Headers::new();
    headers.push_typed(&body.content_type());
    let is_known = |part: &Part| known.iter().any(|known| part.is(known));
    let taken = understood(&headers, &body.to_bytes(), &Limits::default(), &is_known).map_err(BodyError::status)?;
    Ok(taken
        .iter()
        .map(|part| String::from_utf8_lossy(&part.body).into_owned())
        .collect())
}

fn part(content_type: &str, text: &str) -> Part {
    Part::new(content_type, Bytes::copy_from_slice(text.as_bytes()))
}

fn nested(body: &Multipart) -> Part {
    let mut outer = Part::default();
    outer.headers.push_typed(&body.content_type());
    outer.body = body.to_bytes();
    outer
}

#[test]
fn preamble_epilogue_and_padding_are_passed_over() {
    let body = "This is the preamble.\r\n--simple boundary \t\r\n\r\nfirst\r\nline\r\n--simple boundary\r\n\
        Content-Type: text/plain; charset=us-ascii\r\n\r\nsecond\r\n\r\n--simple boundary-- \r\nThis is the epilogue.\r\n--simple boundary\r\n";
    let read = read("simple boundary", body).unwrap();
    assert_eq!(bodies(&read), [b"first\r\nline".as_slice(), b"second\r\n"]);
    assert!(read.parts.iter().all(|part| part.is("text/plain")));
}

#[test]
fn line_feeds_alone_and_parts_without_headers_or_content() {
    assert_eq!(
        bodies(&read("b", "--b\n\na\n--b\n\n\n--b--").unwrap()),
        [b"a".as_slice(), b""]
    );
    let headers_only = read("b", "--b\r\nContent-Type: a/b\r\n--b--").unwrap();
    assert!(headers_only.parts[0].is("a/b") && headers_only.parts[0].body.is_empty());
    let nothing = read("b", "--b\r\n--b--\r\n").unwrap();
    assert!(nothing.parts[0].headers.is_empty() && nothing.parts[0].body.is_empty());
}

#[test]
fn zero_parts() {
    for body in ["", "--b--\r\n", "text", "\r\n--b--", "--c\r\n\r\nx\r\n--c--"] {
        assert_eq!(read("b", body), Err(BodyError::NoParts), "{body:?}");
        assert_eq!(BodyError::NoParts.status(), StatusCode::BAD_REQUEST);
    }
    let only_preamble = Multipart {
        parts: Vec::new(),
        ..read("b", "--b\r\n\r\n\r\n--b--").unwrap()
    };
    assert_eq!(taken(&only_preamble, &["a/b"]), Err(StatusCode::BAD_REQUEST));
}

#[test]
fn no_boundary_or_one_of_any_length() {
    let parse = |content_type_text: &str| {
        Multipart::parse(
            &content_type(content_type_text),
            &Bytes::from_static(b"--b\r\n\r\n--b--"),
            &Limits::default(),
        )
    };
    let past = format!("multipart/mixed;boundary={}", "b".repeat(71));
    let endless = format!("multipart/mixed;boundary=\"{}\"", "b".repeat(60_000));
    for text in [
        "multipart/mixed",
        "multipart/mixed;boundary",
        "multipart/mixed;boundary=\"\"",
        &past,
        &endless,
    ] {
        assert_eq!(parse(text), Err(BodyError::Boundary), "{text:.60}");
    }
    assert_eq!(parse("multipart/mixed;boundary=\"b \""), Err(BodyError::Boundary));
    assert_eq!(
        parse("multipart/mixed;boundary=\"\r\n b\""),
        Err(BodyError::NoParts),
        "a fold is a blank"
    );
    assert_eq!(parse("text/plain;boundary=b"), Err(BodyError::NotMultipart));
    let longest = "b".repeat(70);
    assert_eq!(
        read(&longest, &format!("--{longest}\r\n\r\nx\r\n--{longest}--"))
            .unwrap()
            .parts
            .len(),
        1
    );
}

#[test]
fn a_boundary_that_begins_with_another() {
    let body = "--b\r\n\r\n--bb\r\n\r\ninner\r\n--bb--\r\n--b-\r\n --b\r\n--b--x\r\n--b--\r\n";
    assert_eq!(
        bodies(&read("b", body).unwrap()),
        [b"--bb\r\n\r\ninner\r\n--bb--\r\n--b-\r\n --b\r\n--b--x".as_slice()]
    );
    assert_eq!(
        read("bb", body).unwrap().parts.len(),
        1,
        "the inner one is not the outer one's business"
    );
}

#[test]
fn a_missing_last_boundary_is_an_error() {
    for body in [
        "--b\r\n\r\nx",
        "--b",
        "--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n",
        "--b\r\n\r\nx--b--",
    ] {
        assert_eq!(read("b", body), Err(BodyError::Unterminated), "{body:?}");
    }
}

#[test]
fn headers_of_parts_are_read_as_strictly_as_others() {
    let fault = |header: &str| match read("b", &format!("--b\r\n{header}\r\n\r\nx\r\n--b--")) {
        Err(BodyError::Header(error)) => error.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(fault("no colon"), ParseErrorKind::HeaderName);
    assert_eq!(fault("A: b\rc"), ParseErrorKind::BareCr);
    let limits = Limits::default();
    assert_eq!(
        fault(&format!("A: {}", "x".repeat(limits.header_line - 2))),
        ParseErrorKind::HeaderTooLong
    );
    assert_eq!(
        fault(&vec!["A: b"; limits.headers + 1].join("\r\n")),
        ParseErrorKind::TooManyHeaders
    );
    let most = format!("--b\r\n{}\r\n\r\nx\r\n--b--", vec!["A: b"; limits.headers].join("\r\n"));
    assert_eq!(read("b", &most).unwrap().parts[0].headers.len(), limits.headers);
}

#[test]
fn parts_at_their_limit_and_one_past() {
    let limits = Limits::default();
    let body = |count: usize| Multipart::mixed(vec![part("a/b", "x"); count]);
    assert_eq!(
        taken(&body(limits.body_parts), &["a/b"]).unwrap().len(),
        limits.body_parts
    );
    assert_eq!(
        taken(&body(limits.body_parts + 1), &["a/b"]),
        Err(StatusCode::REQUEST_ENTITY_TOO_LARGE)
    );
    // All levels count together.
    let inner = nested(&body(limits.body_parts / 2));
    let two = |extra: usize| {
        let mut parts = vec![inner.clone()];
        parts.extend(vec![part("a/b", "x"); limits.body_parts / 2 - 1 + extra]);
        Multipart::mixed(parts)
    };
    assert!(taken(&two(0), &["a/b"]).is_ok());
    assert_eq!(taken(&two(1), &["a/b"]), Err(StatusCode::REQUEST_ENTITY_TOO_LARGE));
}

#[test]
fn depth_at_its_limit_and_one_past() {
    let deep = |depth: usize| {
        let mut body = Multipart::mixed(vec![part("a/b", "x")]);
        for _ in 1..depth {
            body = Multipart::mixed(vec![nested(&body)]);
        }
        body
    };
    let limits = Limits::default();
    assert_eq!(taken(&deep(limits.body_depth), &["a/b"]), Ok(vec!["x".to_owned()]));
    assert_eq!(
        taken(&deep(limits.body_depth + 1), &["a/b"]),
        Err(StatusCode::REQUEST_ENTITY_TOO_LARGE)
    );
}

#[test]
fn what_is_required_and_what_is_optional() {
    let (sdp, picture) = (part("application/sdp", "v=0"), part("image/png", "png"));
    let body = Multipart::mixed(vec![sdp.clone(), picture.clone()]);
    assert_eq!(
        taken(&body, &["application/sdp"]),
        Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    );
    assert_eq!(taken(&body, &["application/sdp", "image/png"]).unwrap().len(), 2);
    let body = Multipart::mixed(vec![picture.clone().optional(), sdp.clone()]);
    assert_eq!(taken(&body, &["application/sdp"]), Ok(vec!["v=0".to_owned()]));
    // An optional whole of which a required part is not understood: nothing of it is taken.
    let inner = nested(&Multipart::mixed(vec![sdp.clone(), picture])).optional();
    let body = Multipart::mixed(vec![part("text/plain", "hello"), inner]);
    assert_eq!(
        taken(&body, &["text/plain", "application/sdp"]),
        Ok(vec!["hello".to_owned()])
    );
    let strange = sdp.with_disposition(&ContentDisposition::parse(b"x;handling=maybe").unwrap());
    assert_eq!(
        taken(&Multipart::mixed(vec![strange]), &[]),
        Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
    );
}

#[test]
fn the_last_alternative_that_is_understood() {
    let forms = vec![
        part("text/plain", "plain"),
        part("text/html", "html"),
        part("text/x", "x"),
    ];
    let body = Multipart::alternative(forms);
    assert_eq!(taken(&body, &["text/plain", "text/html"]), Ok(vec!["html".to_owned()]));
    assert_eq!(taken(&body, &["text/plain"]), Ok(vec!["plain".to_owned()]));
    assert_eq!(taken(&body, &["image/png"]), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
}

#[test]
fn related_parts_begin_with_their_root() {
    let (first, second) = (
        part("a/b", "first").with_id("1@x"),
        part("c/d", "second").with_id("2@x"),
    );
    let mut body = Multipart::related(vec![first, second]);
    assert_eq!(taken(&body, &["a/b"]), Ok(vec!["first".to_owned()]));
    body.start = Some("2@x".into());
    let again = Multipart::parse(&body.content_type(), &body.to_bytes(), &Limits::default()).unwrap();
    assert_eq!(again.root(), 1);
    assert_eq!(
        taken(&body, &["a/b", "c/d"]),
        Ok(vec!["second".to_owned(), "first".to_owned()])
    );
    assert_eq!(taken(&body, &["a/b"]), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
}

#[test]
fn packed_content_is_not_understood() {
    for (name, value, ok) in [
        (HeaderName::ContentEncoding, "gzip", false),
        (HeaderName::ContentEncoding, "identity", true),
        (HeaderName::ContentTransferEncoding, "base64", false),
        (HeaderName::ContentTransferEncoding, "Binary", true),
        (HeaderName::ContentTransferEncoding, "not one", false),
    ] {
        let mut packed = part("a/b", "x");
        packed.headers.push(name, value);
        assert_eq!(taken(&Multipart::mixed(vec![packed]), &["a/b"]).is_ok(), ok, "{value}");
    }
}

#[test]
fn content_that_was_encoded_comes_decoded() {
    for (encoding, text) in [
        ("base64", "eA=="),
        ("BASE64", "e\r\nA"),
        ("quoted-printable", "=78"),
        ("8bit", "x"),
    ] {
        let mut packed = part("a/b", text);
        packed.headers.push(HeaderName::ContentTransferEncoding, encoding);
        let body = Multipart::mixed(vec![packed]);
        assert_eq!(taken(&body, &["a/b"]), Ok(vec!["x".to_owned()]), "{encoding}");
        let again = Multipart::parse(&body.content_type(), &body.to_bytes(), &Limits::default()).unwrap();
        assert_eq!(again.parts[0].decoded().unwrap(), "x");
    }
    // What does not decode is not understood, and may be passed over where it is optional.
    let mut broken = part("a/b", "*");
    broken.headers.push(HeaderName::ContentTransferEncoding, "base64");
    assert_eq!(broken.decoded(), Err(BodyError::Encoding));
    let all = |broken| Multipart::mixed(vec![part("a/b", "x"), broken]);
    assert!(taken(&all(broken.clone()), &["a/b"]).is_err());
    assert_eq!(taken(&all(broken.optional()), &["a/b"]), Ok(vec!["x".to_owned()]));
}

#[test]
fn a_body_of_one_type_is_a_part_too() {
    let mut headers = Headers::new();
    let body = Bytes::from_static(b"v=0");
    let limits = Limits::default();
    let sdp = |part: &Part| part.is("application/sdp");
    assert_eq!(
        understood(&headers, &Bytes::new(), &limits, &sdp),
        Ok(vec![]),
        "no body"
    );
    assert_eq!(
        understood(&headers, &body, &limits, &sdp),
        Err(BodyError::Unsupported),
        "text/plain"
    );
    headers.push(HeaderName::ContentType, "application/sdp");
    assert_eq!(understood(&headers, &body, &limits, &sdp).unwrap()[0].body, body);
    headers.set(HeaderName::ContentType, "sdp");
    assert!(matches!(
        understood(&headers, &body, &limits, &sdp),
        Err(BodyError::Header(_))
    ));
    headers.set(HeaderName::ContentType, "x/y");
    headers.push(HeaderName::ContentDisposition, "render;handling=optional");
    assert_eq!(understood(&headers, &body, &limits, &sdp), Ok(vec![]));
}

/// Four times the body costs at most four and a half times the steps.
#[test]
fn time_is_linear_in_the_body() {
    for piece in ["--b\n\nx\n", "--bb\n", "\n", "--b", "A: b\n", "--b\r\n\r\n--c\r\n"] {
        let cost = |count: usize| {
            let body = Bytes::from(format!("--b\n\n{}--b--", piece.repeat(count)));
            let limits = Limits {
                body_parts: usize::MAX,
                ..Limits::default()
            };
            let content_type = content_type("multipart/mixed;boundary=b");
            steps::of(|| Multipart::parse(&content_type, &body, &limits))
        };
        let (one, four) = (cost(500), cost(2_000));
        assert!(four * 2 <= one * 9, "{piece:?}: {one} {four}");
    }
}

proptest! {
    #[test]
    fn reads_what_it_builds(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..6)) {
        let parts: Vec<Part> =
            contents.into_iter().map(|content| Part::new("application/octet-stream", content.into())).collect();
        let body = Multipart::mixed(parts);
        let read = Multipart::parse(&body.content_type(), &body.to_bytes(), &Limits::default());
        prop_assert_eq!(read, Ok(body));
    }

    #[test]
    fn any_bytes(body in "(--b|--b--|--|b|\r|\n|:|A: b| |x){0,60}") {
        crate::body::fuzz::multipart(format!("multipart/mixed;boundary=b\n{body}").as_bytes());
        crate::body::fuzz::multipart(format!("multipart/alternative;boundary=b\n--b\n{body}\n--b--").as_bytes());
    }
}
