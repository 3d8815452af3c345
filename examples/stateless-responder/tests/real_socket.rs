//! `stateless-responder` over a real socket.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may fail"
)]

#[path = "../../testing/mod.rs"]
mod testing;

use testing::{Program, Sipp, ask, sipp_is_installed, socket};

fn start(arguments: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_stateless-responder"), arguments)
}

fn request(method: &str, more: &str) -> String {
    format!(
        "{method} sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5099;rport;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@192.0.2.1\r\nCSeq: 1 {method}\r\n\
         {more}Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn each_copy_of_a_request_gets_the_same_answer_at_the_port_it_came_from() {
    let program = start(&["--status", "503", "--retry-after", "120"]);
    let socket = socket(program.address);
    let first = ask(&socket, &request("INVITE", "")).unwrap();
    assert!(first.starts_with("SIP/2.0 503 Service Unavailable\r\n"), "{first}");
    let here = socket.local_addr().unwrap();
    for line in [
        format!(
            "Via: SIP/2.0/UDP 192.0.2.1:5099;rport={};branch=z9hG4bK1;received=127.0.0.1\r\n",
            here.port()
        ),
        "Retry-After: 120\r\n".to_owned(),
        "CSeq: 1 INVITE\r\n".to_owned(),
    ] {
        assert!(first.contains(&line), "{line}{first}");
    }
    assert!(first.contains("To: <sip:bob@example.com>;tag="), "{first}");
    assert_eq!(ask(&socket, &request("INVITE", "")), Some(first), "the tag, too");
}

#[test]
fn what_needs_no_answer_gets_none_and_what_is_broken_its_own() {
    let program = start(&[]);
    let socket = socket(program.address);
    // Three that are not answered; the fourth's answer is the first to come.
    socket.send(request("ACK", "").as_bytes()).unwrap();
    socket.send(b"\r\n\r\n").unwrap();
    socket.send(b"SIP/2.0 200 OK\r\n\r\n").unwrap();
    let status = |message: &str| ask(&socket, message).unwrap().get(8..11).unwrap().to_owned();
    assert_eq!(status(&request("OPTIONS", "")), "200");
    assert_eq!(status(&request("CANCEL", "")), "481");
    assert_eq!(status(&request("UNHEARD-OF", "X-Unknown: yes\r\n")), "200");
    assert_eq!(status(&request("OPTIONS", "").replace("1 OPTIONS", "1 INVITE")), "400");
    assert_eq!(
        status(&request("OPTIONS", "").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia")),
        "505"
    );
}

#[test]
fn sipp_is_answered_two_hundred_times() {
    if !sipp_is_installed() {
        return;
    }
    let program = start(&[]);
    let calls = ["-m", "200", "-r", "400", "-s", "service"];
    Sipp::start("stateless-responder/tests/sipp/options.xml", program.address, &calls).finish();
}
