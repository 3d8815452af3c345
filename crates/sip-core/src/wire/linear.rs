//! Four times as much costs about four times the steps, not sixteen: counted, not timed.

use super::lexer::steps;
use super::{Message, NameAddr, StreamFramer, Uri};
use crate::Limits;
use crate::header::{Allow, Contact, ContentType, Route, TypedHeader as _, Via};

/// A request with `more` among its headers.
fn options(more: &str) -> String {
    format!(
        "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\n{more}\r\n"
    )
}

fn check(what: &str, cost: impl Fn(usize) -> usize) {
    let (some, more) = (cost(500), cost(2_000));
    assert!(some > 500, "{what}: the steps are counted ({some})");
    assert!(more * 2 <= some * 9, "{what}: {some} steps grow to {more}");
}

#[test]
fn whole_messages() {
    let limits = Limits {
        message: usize::MAX,
        headers: usize::MAX,
        vias: usize::MAX,
        contacts: usize::MAX,
        routes: usize::MAX,
        header_line: usize::MAX,
        ..Limits::default()
    };
    let cost = |text: String| {
        steps::of(|| {
            let message = Message::parse_with(text.into(), &limits).unwrap();
            let headers = message.headers();
            let _ = message.validate();
            let _ = (headers.typed_all::<Via>(), headers.typed_all::<Contact>());
            let _ = (headers.typed_all::<Route>(), headers.typed::<Allow>());
            headers
                .iter()
                .for_each(|(_, value)| assert!(super::lexer::split_list(value).count() < usize::MAX));
        })
    };
    let lines = [
        "X: y\r\n",
        "Via: SIP/2.0/UDP a\r\n",
        "Via: SIP/2.0/UDP a;branch=b,SIP/2.0/TCP c\r\n",
        "Contact: \"a\" <sip:b>\r\n",
        "X:\r\n \r\n y\r\n",
    ];
    for line in lines {
        check(line, |count| cost(options(&line.repeat(count))));
    }
    let items = [
        "<sip:b>,",
        "\"a,\" <sip:b,c>,",
        ",",
        " ",
        "\"",
        "<",
        ">",
        "\\",
        "a ",
        "\r\n a",
        ";",
        "(",
        "=",
        "%41",
    ];
    for item in items {
        for name in ["Contact", "Route", "Via", "Allow", "X"] {
            check(&format!("{name}: {item:?}"), |count| {
                cost(options(&format!("{name}: {}\r\n", item.repeat(count))))
            });
        }
    }
}

#[test]
fn single_values() {
    for item in [
        "a ", "a", " ", "\"", "\\\"", "<", ";a", ";a=\"b\"", "%41", "@", ":", "?", "&a=b", "\r\n ",
    ] {
        for (start, end) in [
            ("", ""),
            ("\"", "\" <sip:a>"),
            ("sip:", "@b"),
            ("<sip:a;b=", ">"),
            ("sip:a?b=", ""),
        ] {
            check(&format!("{start}{item}…{end}"), |count| {
                let text = format!("{start}{}{end}", item.repeat(count));
                steps::of(|| {
                    let _ = NameAddr::parse(text.as_bytes());
                    let _ = Uri::parse(text.as_bytes());
                    let _ = ContentType::parse(text.as_bytes());
                    steps::add(text.len());
                })
            });
        }
    }
}

/// Each typed header of its own, and what it prints.
#[test]
fn every_typed_header() {
    let items = [
        "a,", "a;", ";a=b", ", a", "\"", "\\", "<sip:a>,", "(", "1.", ".1", "*;a,", "a/b,", "%41", " ", "\r\n a",
    ];
    for (name, read) in crate::header::fuzz::ALL {
        for item in items {
            for start in ["", "a;", "<sip:a>;", "\"", "a;b=\"", "1 "] {
                check(&format!("{name}: {start}{item}…"), |count| {
                    let text = format!("{start}{}", item.repeat(count));
                    steps::of(|| {
                        read(text.as_bytes());
                        steps::add(text.len() + 1);
                    })
                });
            }
        }
    }
}

#[test]
fn a_stream_byte_by_byte() {
    for line in ["X: y\r\n", "X: y\n", "X:\r\n y\r\n", "X: y\r\n\t\r\n"] {
        check(line, |count| {
            let text = options(&format!("{}l: 0\r\n", line.repeat(count)));
            let mut framer = StreamFramer::new(Limits {
                headers: usize::MAX,
                ..Limits::default()
            });
            steps::of(|| {
                for byte in text.as_bytes() {
                    assert!(framer.next().is_none());
                    framer.push(&[*byte]);
                }
                assert!(framer.next().unwrap().is_ok());
            })
        });
    }
}
