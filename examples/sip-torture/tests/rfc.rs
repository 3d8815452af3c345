//! Verdict and status of the messages of RFC 4475 and RFC 5118, as those texts give them.
//!
//! The files are not part of the project; without them the test says so and passes.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::path::PathBuf;

/// A name, whether the message is well-formed, and what a user agent that is a registrar without passwords answers. `drop` is
/// what becomes of responses: none of them belongs to a request.
///
/// 481 where the text gives no status: the To has a tag, and a fresh user agent knows no dialog (RFC 3261 §12.2.2).
const RFC4475: [(&str, &str, &str); 46] = [
    // §3.1.1, valid.
    ("wsinv", "accept", "481"),
    ("intmeth", "accept", "501"),
    ("esc01", "accept", "200"),
    ("escnull", "accept", "200"),
    ("esc02", "accept", "501"),
    ("lwsdisp", "accept", "200"),
    ("longreq", "accept", "200"),
    ("dblreq", "accept", "200"),
    ("semiuri", "accept", "200"),
    ("transports", "accept", "200"),
    ("mpart01", "accept", "200"),
    ("unreason", "accept", "drop"),
    ("noreason", "accept", "drop"),
    // §3.1.2, invalid.
    ("badinv01", "reject", "400"),
    ("clerr", "reject", "400"),
    ("ncl", "reject", "400"),
    ("scalar02", "reject", "400"),
    ("scalarlg", "reject", "drop"),
    ("quotbal", "reject", "400"),
    ("ltgtruri", "reject", "400"),
    ("lwsruri", "reject", "400"),
    ("lwsstart", "reject", "400"),
    ("trws", "reject", "400"),
    ("escruri", "reject", "400"),
    ("baddate", "reject", "400"),
    ("regbadct", "reject", "400"),
    ("badaspec", "reject", "400"),
    ("baddn", "reject", "400"),
    ("badvers", "reject", "505"),
    ("mismatch01", "reject", "400"),
    // "should respond with a 501".
    ("mismatch02", "reject", "501"),
    // "should simply drop it".
    ("bigcode", "reject", "drop"),
    // §3.2 to §3.4: "could fall back to the RFC 2543-style transaction identifier".
    ("badbranch", "accept", "200"),
    ("unkscm", "accept", "416"),
    ("novelsc", "accept", "416"),
    // "A registrar would reject this request with a 400".
    ("unksm2", "accept", "400"),
    ("bext01", "accept", "420"),
    ("invut", "accept", "415"),
    // "A registrar that does not care about challenge-response authentication will simply ignore" it.
    ("regaut01", "accept", "200"),
    // "should simply discard it".
    ("bcast", "accept", "drop"),
    // "should process the request as if the Max-Forwards field value were still positive".
    ("zeromf", "accept", "200"),
    ("cparam01", "accept", "200"),
    ("cparam02", "accept", "200"),
    ("regescrt", "accept", "200"),
    // "could respond with a 406".
    ("sdp01", "accept", "406"),
    ("inv2543", "accept", "200"),
];

const RFC5118: [(&str, &str, &str); 12] = [
    ("ipv6-good", "accept", "200"),
    // The address is not in brackets.
    ("ipv6-bad", "reject", "400"),
    ("port-ambiguous", "accept", "200"),
    ("port-unambiguous", "accept", "200"),
    ("via-received-param-with-delim", "accept", "481"),
    ("via-received-param-no-delim", "accept", "200"),
    ("ipv6-in-sdp", "accept", "200"),
    ("mult-ip-in-header", "accept", "481"),
    ("mult-ip-in-sdp", "accept", "200"),
    ("ipv4-mapped-ipv6", "accept", "200"),
    ("ipv6-bug-abnf-3-colons", "accept", "200"),
    ("ipv6-correct-abnf-2-colons", "accept", "200"),
];

fn check(folder: &str, table: &[(&str, &str, &str)], file: impl Fn(&str) -> String) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/vectors/sip-torture")
        .join(folder);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    for (name, verdict, status) in table {
        let datagram = std::fs::read(folder.join(file(name))).unwrap();
        let line = sip_torture::judge(&datagram).to_string();
        assert!(line.starts_with(&format!("{verdict}\t{status}\t")), "{name}: {line}");
        assert_eq!(line.split('\t').count(), 3, "{name}: {line}");
    }
}

#[test]
fn rfc4475() {
    // The archive's `baddn.dat` lacks its last empty line.
    check("rfc4475", &RFC4475, |name| {
        let name = if name == "baddn" { "baddn-333" } else { name };
        format!("{name}.dat")
    });
}

#[test]
fn rfc5118() {
    check("rfc5118", &RFC5118, str::to_owned);
}

/// Without the files too: each status of the agent's own once.
#[test]
fn the_agent_answers() {
    let request = |method: &str, uri: &str, more: &str, body: &str| {
        let length = body.len();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.201;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:a@192.0.2.201>\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let sip = "sip:b@example.com";
    for (message, expected) in [
        (request("INVITE", sip, "", ""), "accept\t200\tOK"),
        (
            request("INVITE", sip, "Content-Type: text/plain\r\n", "hello"),
            "accept\t415\t",
        ),
        (request("INVITE", sip, "Accept: text/plain\r\n", ""), "accept\t406\t"),
        (
            request("INVITE", sip, "Accept: application/*;q=0.5\r\n", ""),
            "accept\t200\t",
        ),
        (
            request("MESSAGE", sip, "Content-Type: text/plain\r\n", "hello"),
            "accept\t200\t",
        ),
        (request("MESSAGE", sip, "", "hello"), "accept\t415\t"),
        (request("REGISTER", "sip:example.com", "", ""), "accept\t200\t"),
        (request("PUBLISH", sip, "", ""), "accept\t405\t"),
        (request("NONSENSE", sip, "", ""), "accept\t501\t"),
        (request("OPTIONS", "isbn:1", "", ""), "accept\t416\t"),
        (request("OPTIONS", sip, "Require: x\r\n", ""), "accept\t420\t"),
        (
            request("OPTIONS", sip, "To: <sip:c@example.com>\r\n", ""),
            "reject\t400\t",
        ),
        ("\r\n\r\n".to_owned(), "reject\tdrop\t"),
    ] {
        let line = sip_torture::judge(message.as_bytes()).to_string();
        assert!(line.starts_with(expected), "{line} for {message}");
    }
}
