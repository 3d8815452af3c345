//! Datagrams as long as can be, made to be slow to read.

use bytes::Bytes;

const LONGEST: usize = 65_507;

/// Each with its name.
pub fn datagrams() -> Vec<(&'static str, Bytes)> {
    let lines = |line: &'static str| move |len: usize| line.repeat(len / line.len());
    let one = |name: &'static str, item: &'static str| {
        move |len: usize| {
            let item_count = len.min(8_000) / item.len();
            let line = format!("{name}: {}\r\n", item.repeat(item_count));
            line.repeat(len / line.len().max(1))
        }
    };
    vec![
        ("short unknown headers", fill(lines("X: y\r\n"))),
        ("one-letter headers", fill(lines("v:\r\n"))),
        ("long unknown headers", fill(one("X-Long-Header", "a"))),
        ("folds", fill(lines("X:\r\n y\r\n z\r\n"))),
        (
            "one line of folds",
            fill(|len| format!("X:{}\r\n", "\r\n y".repeat(len.min(8_000) / 4)).repeat(len / 8_100)),
        ),
        ("Vias", fill(lines("Via: SIP/2.0/UDP a;branch=z9hG4bKb\r\n"))),
        ("Vias on a line", fill(one("Via", "SIP/2.0/UDP a;b,"))),
        ("contacts", fill(one("Contact", "<sip:a@b>,"))),
        ("contacts without address", fill(one("Contact", ","))),
        ("contacts in quotes", fill(one("Contact", "\"a,\\\"\" <sip:a@b>,"))),
        ("routes", fill(one("Route", "<sip:a;lr>,"))),
        (
            "record-routes with parameters",
            fill(one("Record-Route", "<sip:a>;b=c;d=\"e\",")),
        ),
        ("routes on lines", fill(lines("Route: <sip:a;lr>\r\n"))),
        ("a few long Vias", fill(one("Via", "SIP/2.0/UDP a;b=cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc,"))),
        ("Vias of parameters", {
            let via = format!("Via: SIP/2.0/UDP a{}\r\n", ";abcdef=ghijkl".repeat(64));
            fill(move |len| via.repeat(len / via.len()))
        }),
        ("contacts of parameters", {
            let contact = format!("Contact: <sip:a@b{0}>{0}\r\n", ";a=b;c".repeat(32));
            fill(move |len| contact.repeat(len / contact.len()))
        }),
        ("routes of escapes", {
            let route = format!("Route: <sip:{}@b>\r\n", "%41".repeat(2_000));
            fill(move |len| route.repeat(len / route.len()))
        }),
        ("addresses of URI headers", {
            let contact = format!("Contact: <sip:a@b?a=b{}>\r\n", "&a=b".repeat(63));
            fill(move |len| contact.repeat(len / contact.len()))
        }),
        ("spaced parameters", {
            let contact = format!("Contact: <sip:a@b>{}\r\n", " ; a = \"b\"".repeat(64));
            fill(move |len| contact.repeat(len / contact.len()))
        }),
        ("quoted escapes", fill(one("Contact", "\"\\a\\b\" <sip:a@b>,"))),
        ("long quotes", {
            let contact = format!("Contact: \"{}\" <sip:a@b>\r\n", "\\a".repeat(3_000));
            fill(move |len| contact.repeat(len / contact.len()))
        }),
        ("folded quotes", {
            let contact = format!("Contact: \"{}\" <sip:a@b>\r\n", "\r\n a".repeat(1_500));
            fill(move |len| contact.repeat(len / contact.len()))
        }),
        ("Latin-1", {
            let line = "Contact: \"\u{e9}\" <sip:a@b>\r\n";
            let text = fill(move |len| line.repeat(len.min(60 * line.len()) / line.len()));
            text.iter().copied().filter(|byte| *byte != 0xc3).collect::<Vec<u8>>().into()
        }),
        ("open quotes", fill(one("Contact", "\""))),
        ("open brackets", fill(one("Contact", "<"))),
        ("escapes", fill(one("Route", "<sip:%41%42%43@a>,"))),
        ("white space", fill(one("Route", "<sip:a>         ,"))),
        (
            "From with words",
            fill(|len| format!("From: {}<sip:a>\r\n", "a ".repeat(len.min(8_000) / 2))),
        ),
        ("a body", {
            let head = head();
            let body = "a".repeat(LONGEST - head.len() - 2);
            format!("{head}\r\n{body}").into()
        }),
        ("line ends", "\r\n".repeat(LONGEST / 2).into()),
        ("no line end", "A".repeat(LONGEST).into()),
        ("colons", format!("{}{}", head(), ":".repeat(LONGEST - 300)).into()),
    ]
}

fn head() -> String {
    "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n\
     Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
        .to_owned()
}

fn fill(more: impl Fn(usize) -> String) -> Bytes {
    let head = head();
    let more = more(LONGEST - head.len() - 2);
    format!("{head}{more}\r\n").into()
}

/// A request with `count` of something, within every limit.
pub fn with(what: &str, count: usize) -> Bytes {
    let head = head();
    match what {
        "params" => format!("{head}Contact: <sip:a@b>{}\r\n\r\n", ";param=value".repeat(count)),
        "headers" => format!("{head}{}\r\n", "X-Header: some value\r\n".repeat(count)),
        _ => format!(
            "{head}{}\r\n",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n".repeat(count)
        ),
    }
    .into()
}
