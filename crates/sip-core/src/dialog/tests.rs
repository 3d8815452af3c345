use super::*;
use crate::Message;

fn request(contact: &str, routes: &str) -> Request {
    let text = format!(
        "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: \"Alice\" <sip:alice@example.org>;tag=a\r\nTo: Bob <sip:bob@example.com>\r\nCall-ID: 1@h\r\n\
         CSeq: 7 INVITE\r\n{contact}{routes}Content-Length: 0\r\n\r\n"
    );
    let Ok(Message::Request(request)) = Message::parse(text.into()) else {
        unreachable!()
    };
    request
}

fn response(to: &str, contact: &str, routes: &str) -> Response {
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:alice@example.org>;tag=a\r\n\
         To: {to}\r\nCall-ID: 1@h\r\nCSeq: 7 INVITE\r\n{contact}{routes}Content-Length: 0\r\n\r\n"
    );
    let Ok(Message::Response(response)) = Message::parse(text.into()) else {
        unreachable!()
    };
    response
}

fn bye(dialog: &Dialog) -> Vec<String> {
    let bytes = dialog.request(&Method::Bye, 8, "V");
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.lines()
        .take_while(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_callees_view() {
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n";
    let dialog = Dialog::from_request(&request("Contact: <sip:alice@192.0.2.1:5070>\r\n", routes), "b").unwrap();
    assert_eq!(
        bye(&dialog),
        [
            "BYE sip:alice@192.0.2.1:5070 SIP/2.0",
            "Via: V",
            "Max-Forwards: 70",
            "Route: <sip:p1;lr>",
            "Route: <sip:p2;lr>",
            "Route: <sip:p3;lr>",
            "From: Bob <sip:bob@example.com>;tag=b",
            "To: \"Alice\" <sip:alice@example.org>;tag=a",
            "Call-ID: 1@h",
            "CSeq: 8 BYE",
            "Content-Length: 0",
        ]
    );
    assert_eq!((dialog.next_hop(), dialog.is_direct()), (&b"sip:p1;lr"[..], false));
}

#[test]
fn the_callers_view_has_the_routes_the_other_way_round() {
    let routes = "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n";
    let dialog = Dialog::from_response(
        &response(
            "<sip:bob@example.com>;tag=b",
            "Contact: <sip:bob@192.0.2.2>\r\n",
            routes,
        ),
        b"",
    )
    .unwrap();
    assert_eq!(bye(&dialog)[3..5], ["Route: <sip:p2;lr>", "Route: <sip:p1;lr>"]);
    assert_eq!(
        (&dialog.local_tag()[..], &dialog.remote_tag()[..], dialog.local_cseq()),
        (&b"a"[..], &b"b"[..], 7)
    );
}

#[test]
fn a_strict_router_gets_the_request_and_the_target_becomes_the_last_route() {
    let contact = "Contact: <sip:alice@192.0.2.1>\r\n";
    for (routes, line, left) in [
        (
            "<sip:p1>, <sip:p2;lr>",
            "BYE sip:p1 SIP/2.0",
            vec!["<sip:p2;lr>", "<sip:alice@192.0.2.1>"],
        ),
        ("<sip:p1>", "BYE sip:p1 SIP/2.0", vec!["<sip:alice@192.0.2.1>"]),
        (
            "<sip:p1;lr>, <sip:p2>",
            "BYE sip:alice@192.0.2.1 SIP/2.0",
            vec!["<sip:p1;lr>", "<sip:p2>"],
        ),
    ] {
        let dialog = Dialog::from_request(&request(contact, &format!("Record-Route: {routes}\r\n")), "b").unwrap();
        let lines = bye(&dialog);
        let found: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("Route: ")).collect();
        assert_eq!(
            (lines.first().map(String::as_str), found),
            (Some(line), left),
            "{routes}"
        );
    }
}

#[test]
fn numbers_must_rise() {
    let mut dialog = Dialog::from_request(&request("Contact: <sip:a@h>\r\n", ""), "b").unwrap();
    for (cseq, expected) in [
        (7, Err(DialogError::OutOfOrder)),
        (6, Err(DialogError::OutOfOrder)),
        (8, Ok(())),
        (8, Err(DialogError::OutOfOrder)),
        (100, Ok(())),
        (99, Err(DialogError::OutOfOrder)),
    ] {
        assert_eq!(dialog.accept_cseq(cseq), expected, "{cseq}");
    }
    let answered = response("<sip:b@h>;tag=b", "Contact: <sip:b@h>\r\n", "");
    let mut caller = Dialog::from_response(&answered, b"").unwrap();
    assert_eq!(caller.accept_cseq(1), Ok(()), "the callee begins where it likes");
    assert_eq!(caller.next_cseq(), Ok(8));
}

#[test]
fn the_2xx_decides_on_target_and_routes() {
    let early = response(
        "<sip:b@h>;tag=b",
        "Contact: <sip:early@h>\r\n",
        "Record-Route: <sip:p1;lr>\r\n",
    );
    let mut dialog = Dialog::from_response(&early, b"").unwrap();
    dialog.confirm(&response("<sip:b@h>;tag=b", "Contact: <sip:late@h>\r\n", ""));
    assert_eq!(
        (&dialog.remote_target()[..], dialog.is_direct()),
        (&b"sip:late@h"[..], true)
    );
}

#[test]
fn what_makes_no_dialog() {
    for contact in [
        "",
        "Contact: *\r\n",
        "Contact: <tel:123>\r\n",
        "Contact: <mailto:a@b>\r\n",
        "Contact: <sip:a\r\n b>\r\n",
    ] {
        let dialog = Dialog::from_request(&request(contact, ""), "b");
        assert_eq!(dialog, Err(DialogError::NoContact), "{contact:?}");
    }
    // A response without Contact leaves the target where it was; one without tag is of RFC 2543.
    let dialog = Dialog::from_response(&response("<sip:b@h>", "", ""), b"sip:there@h").unwrap();
    assert_eq!(
        (&dialog.remote_target()[..], &dialog.remote_tag()[..]),
        (&b"sip:there@h"[..], &b""[..])
    );
}

#[test]
fn the_target_follows_only_what_can_be_sent_to() {
    let mut dialog = Dialog::from_request(&request("Contact: <sip:a@h>\r\n", ""), "b").unwrap();
    assert!(!dialog.refresh_target(request("", "").headers()));
    assert!(!dialog.refresh_target(request("Contact: <sip:a@h>\r\n", "").headers()));
    assert!(!dialog.refresh_target(request("Contact: <tel:1>\r\n", "").headers()));
    assert!(dialog.refresh_target(request("Contact: \"x;<y>\" <sips:c@h>;q=1\r\n", "").headers()));
    assert_eq!(&dialog.remote_target()[..], b"sips:c@h");
}
