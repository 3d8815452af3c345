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
        ("Vias of parameters", spread("Via: SIP/2.0/UDP a", ";abcdef=gh", "", 69)),
        ("Vias of values", spread("Via: SIP/2.0/UDP a;b=", "cdefgh", "", 69)),
        ("Vias of hosts", spread("Via: SIP/2.0/UDP ", "a.", ";b=c", 69)),
        (
            "contacts of parameters",
            spread("Contact: <sip:a@b>", ";abcdefghij=kl", "", 64),
        ),
        (
            "contacts of quoted parameters",
            spread("Contact: <sip:a@b>", " ; a = \"\\b\"", "", 64),
        ),
        (
            "contacts of URI parameters",
            spread("Contact: <sip:a@b", ";abcdefghij=kl", ">", 64),
        ),
        (
            "contacts of escaped parameters",
            spread("Contact: <sip:a@b", ";%41=%42%43%44", ">", 64),
        ),
        (
            "contacts of URI headers",
            spread("Contact: <sip:a@b?a=b", "&%41=%42%43%44", ">", 64),
        ),
        ("routes of users", spread("Route: <sip:", "a;b,c", "@d>", 140)),
        ("routes of escapes", spread("Route: <sip:", "%41", "@b>", 8)),
        ("contacts of words", spread("Contact: ", "a ", "<sip:a@b>", 8)),
        (
            "contacts of spaced words",
            spread("Contact: ", "a\r\n ", "<sip:a@b>", 8),
        ),
        (
            "contacts of escaped quotes",
            spread("Contact: \"", "\\a", "\" <sip:a@b>", 8),
        ),
        (
            "contacts of folded quotes",
            spread("Contact: \"", "\r\n a", "\" <sip:a@b>", 8),
        ),
        (
            "contacts of quoted commas",
            spread("Contact: \"", ",\\,", "\" <sip:a@b>", 8),
        ),
        ("contacts of blank commas", spread("Contact: ", ", ", "<sip:a@b>", 8)),
        ("Latin-1 contacts", {
            let text = spread("Contact: \"", "\u{e9}", "\" <sip:a@b>", 8);
            text.iter()
                .copied()
                .filter(|byte| *byte != 0xc3)
                .collect::<Vec<u8>>()
                .into()
        }),
        ("open quotes", fill(one("Contact", "\""))),
        ("open brackets", fill(one("Contact", "<"))),
        ("escapes", fill(one("Route", "<sip:%41%42%43@a>,"))),
        ("white space", fill(one("Route", "<sip:a>         ,"))),
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

/// As many lines, each with as many of `piece` as fit into the datagram, the line, and the limit of parameters.
fn spread(before: &str, piece: &str, after: &str, lines: usize) -> Bytes {
    fill(|len| {
        let each = (len / lines).min(8_192) - before.len() - after.len() - 2;
        let most = if piece.contains(['=']) { 63 } else { usize::MAX };
        let line = format!("{before}{}{after}\r\n", piece.repeat((each / piece.len()).min(most)));
        line.repeat(lines)
    })
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
