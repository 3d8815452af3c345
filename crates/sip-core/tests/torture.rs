//! The messages of RFC 4475 and RFC 5118: which are accepted, which refused, and why.
//!
//! A message counts as refused if either [`Message::parse`] or [`Message::validate`] refuses it. The files are not part
//! of the project; without them the tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

use sip_core::wire::salvage_request;
use sip_core::{Message, Method, ParseError, ParseErrorKind as Kind, Request, Scheme};
use std::path::PathBuf;

fn folder(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/vectors/sip-torture")
        .join(name);
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn judge(datagram: Vec<u8>) -> Result<Message, ParseError> {
    let message = Message::parse(datagram.into())?;
    message.validate()?;
    Ok(message)
}

/// RFC 4475 §3.1.1: valid.
const VALID: [&str; 13] = [
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
];

/// RFC 4475 §3.1.2: invalid; what is found wrong, and the status that a server answers.
const INVALID: [(&str, Kind, u16); 19] = [
    ("badinv01", Kind::UnexpectedByte, 400),
    ("clerr", Kind::BodyTooShort, 400),
    ("ncl", Kind::ContentLength, 400),
    ("scalar02", Kind::NumberOutOfRange, 400),
    ("scalarlg", Kind::NumberOutOfRange, 400),
    ("quotbal", Kind::UnterminatedQuote, 400),
    ("ltgtruri", Kind::Scheme, 400),
    ("lwsruri", Kind::StartLine, 400),
    ("lwsstart", Kind::StartLine, 400),
    ("trws", Kind::StartLine, 400),
    ("escruri", Kind::UriHeaders, 400),
    ("baddate", Kind::Date, 400),
    ("regbadct", Kind::UriHeaders, 400),
    ("badaspec", Kind::Scheme, 400),
    ("baddn", Kind::Scheme, 400),
    ("badvers", Kind::Version, 505),
    ("mismatch01", Kind::MethodMismatch, 400),
    ("mismatch02", Kind::MethodMismatch, 400),
    ("bigcode", Kind::StatusCode, 400),
];

/// RFC 4475 §3.2 to §3.4: well-formed, and a matter for the layers above.
const APPLICATION: [&str; 14] = [
    "badbranch",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
];

fn rfc4475(name: &str) -> Option<Vec<u8>> {
    // The archive's `baddn.dat` lacks its last empty line.
    let file = if name == "baddn" {
        "baddn-333.dat".to_owned()
    } else {
        format!("{name}.dat")
    };
    Some(std::fs::read(folder("rfc4475")?.join(file)).unwrap())
}

#[test]
fn rfc4475_well_formed_messages_are_accepted() {
    for name in VALID.into_iter().chain(APPLICATION) {
        let Some(datagram) = rfc4475(name) else { return };
        let message = judge(datagram.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let printed = message.to_bytes();
        assert!(datagram.starts_with(&printed), "{name} prints as it came");
        assert!(
            printed.len() == datagram.len() || name == "dblreq",
            "{name} is read to its end"
        );
    }
}

#[test]
fn rfc4475_malformed_messages_are_refused() {
    for (name, kind, status) in INVALID {
        let Some(datagram) = rfc4475(name) else { return };
        let is_request = !datagram.starts_with(b"SIP/");
        let salvaged = salvage_request(&datagram);
        let error = judge(datagram).expect_err(name);
        assert_eq!((error.kind, error.status().code()), (kind, status), "{name}: {error}");
        assert_eq!(
            salvaged.is_some(),
            is_request,
            "{name} can be answered if it is a request"
        );
    }
}

#[test]
fn rfc4475_ambiguous_messages_are_refused() {
    // Not scored, since a receiver may guess; we do not.
    for (name, kind) in [
        ("insuf", Kind::MissingHeader("From")),
        ("multi01", Kind::DuplicateHeader("From")),
        ("mcl01", Kind::ContentLengthConflict),
    ] {
        let Some(datagram) = rfc4475(name) else { return };
        assert_eq!(judge(datagram).map_err(|error| error.kind).err(), Some(kind), "{name}");
    }
}

#[test]
fn rfc5118_messages() {
    let Some(folder) = folder("rfc5118") else { return };
    let accepted = [
        "ipv4-mapped-ipv6",
        "ipv6-bug-abnf-3-colons",
        "ipv6-correct-abnf-2-colons",
        "ipv6-good",
        "ipv6-in-sdp",
        "mult-ip-in-header",
        "mult-ip-in-sdp",
        "port-ambiguous",
        "port-unambiguous",
        "via-received-param-no-delim",
        "via-received-param-with-delim",
    ];
    for name in accepted {
        let message = judge(std::fs::read(folder.join(name)).unwrap());
        let message = message.unwrap_or_else(|error| panic!("{name}: {error}"));
        let Message::Request(request) = message else {
            panic!("{name} is a request")
        };
        let port = (name == "port-unambiguous").then_some(5070);
        assert_eq!(request.request_uri().unwrap().port(), port, "{name}");
        if name.starts_with("via-received") {
            let received = request.top_via().unwrap().received();
            assert_eq!(received, Some("2001:db8::9:255".parse().unwrap()), "{name}");
        }
    }
    let error = judge(std::fs::read(folder.join("ipv6-bad")).unwrap()).unwrap_err();
    assert_eq!((error.kind, error.status().code()), (Kind::Port, 400));
}

/// What RFC 4475 says is to be seen in the valid messages.
#[test]
fn rfc4475_values() {
    let Some(wsinv) = request("wsinv") else { return };
    assert_eq!(wsinv.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(wsinv.from().unwrap().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(wsinv.cseq().unwrap(), sip_core::header::CSeq::new(9, Method::Invite));
    let vias = wsinv.headers().typed_all::<sip_core::header::Via>().unwrap();
    let branches: Vec<_> = vias.iter().map(|via| via.branch().unwrap()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert!(
        wsinv.headers().typed_all::<sip_core::header::Route>().unwrap()[0]
            .0
            .uri
            .is_loose_router()
    );
    let contact = wsinv.headers().typed::<sip_core::header::Contact>().unwrap().unwrap();
    assert_eq!(
        (contact.q(), contact.address().unwrap().params.value("newparam")),
        (Some(330), Some("newvalue"))
    );

    let intmeth = request("intmeth").unwrap();
    assert_eq!(intmeth.method().as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(
        intmeth.to().unwrap().display.as_deref(),
        Some("BEL:\u{7} NUL:\0 DEL:\u{7f}")
    );
    assert_eq!(
        intmeth.from().unwrap().display.as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert!(
        intmeth
            .to()
            .unwrap()
            .to_string()
            .starts_with("\"BEL:? NUL:? DEL:?\" <sip:1_unusual")
    );
}

fn request(name: &str) -> Option<Request> {
    match rfc4475(name).map(judge) {
        Some(Ok(Message::Request(request))) => Some(request),
        _ => None,
    }
}

#[test]
fn rfc4475_values_with_escapes() {
    let Some(esc01) = request("esc01") else { return };
    assert_eq!(
        esc01.request_uri().unwrap().user().as_deref(),
        Some("sips:user@example.com")
    );
    assert!(
        esc01
            .to()
            .unwrap()
            .uri
            .equivalent(&"sip:user@example.com".parse().unwrap())
    );
    let contact = esc01.headers().typed::<sip_core::header::Contact>().unwrap().unwrap();
    assert!(contact.address().unwrap().uri.is_loose_router());

    let escnull = request("escnull").unwrap();
    assert_eq!(escnull.to().unwrap().uri.user().as_deref(), Some("null-\0-null"));
    let esc02 = request("esc02").unwrap();
    assert_ne!(*esc02.method(), Method::Register);
    assert_eq!(esc02.headers().items(&sip_core::HeaderName::Contact).count(), 2);
    assert_eq!(esc02.to().unwrap().display.as_deref(), Some("%Z%45"));

    let semiuri = request("semiuri").unwrap().request_uri().unwrap();
    assert_eq!(semiuri.user().as_deref(), Some("user;par=u@example.net"));
    assert!(semiuri.params().is_empty());
    assert_eq!(
        request("novelsc").unwrap().request_uri().unwrap().scheme(),
        Scheme::Other
    );
    let cparam = |name: &str| {
        let contact = request(name)
            .unwrap()
            .headers()
            .typed::<sip_core::header::Contact>()
            .unwrap()
            .unwrap();
        contact
            .address()
            .map(|a| {
                (
                    a.params.contains("unknownparam"),
                    a.uri.params().contains("unknownparam"),
                )
            })
            .unwrap()
    };
    assert_eq!((cparam("cparam01"), cparam("cparam02")), ((true, false), (false, true)));
    let badbranch = request("badbranch").unwrap().top_via().unwrap();
    assert!(!badbranch.has_rfc3261_branch());
    let inv2543 = request("inv2543").unwrap();
    assert_eq!((inv2543.from().unwrap().tag(), inv2543.body().len()), (None, 105));
}
