//! Who guesses passwords is not heard for a while, and nobody else notices.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail"
)]
#![allow(
    clippy::print_stderr,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real sockets and processes"
)]

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use support::call::Call;
use support::phone::{Phone, authorization};
use support::process;
use support::server::{Server, Settings};

const SILENCE: Duration = Duration::from_millis(400);
/// Another of this host's addresses.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Asks to register: the status of the first answer, if one comes.
fn knock(phone: &Phone, call_id: &str) -> Option<u16> {
    phone.send(phone.request("REGISTER", &phone.number, call_id, 1, &[], ""));
    phone.receive(SILENCE)?.status()
}

/// Registers with a password that is not the right one.
fn guess(phone: &Phone, call_id: &str) -> Option<u16> {
    phone.send(phone.request("REGISTER", &phone.number, call_id, 1, &[], ""));
    let challenge = phone.receive(SILENCE)?;
    let uri = format!("sip:{}", phone.server);
    let wrong = authorization(&challenge, "REGISTER", &uri, &phone.number, "guess");
    phone.send(phone.request("REGISTER", &phone.number, call_id, 2, &[wrong], ""));
    phone.receive(SILENCE)?.status()
}

#[test]
fn a_source_that_fails_to_authenticate_is_dropped_for_a_time_while_another_goes_on() {
    let server = Server::start_with(&Settings {
        guard: "trusted = []\nfailures = 3\nban = \"3s\"",
        ..Settings::default()
    });
    let mut call = Call::connect(&server, "1001", "1002");
    let attacker = Phone::at(&server, "1003", ELSEWHERE);
    for n in 0..3 {
        assert_eq!(guess(&attacker, &format!("guess{n}")), Some(403));
    }
    assert_eq!(knock(&attacker, "banned"), None);
    // Whatever port it comes from, but not whatever address.
    assert_eq!(knock(&Phone::at(&server, "1003", ELSEWHERE), "port"), None);
    assert_eq!(knock(&Phone::new(&server, "1003"), "other"), Some(401));
    call.assert_well();
    assert!(server.answers());
    assert!(process::poll(Duration::from_secs(1), || server.log().contains("banned").then_some(())).is_some());
    // It ends.
    let again = process::poll(Duration::from_secs(10), || knock(&attacker, "again"));
    assert_eq!(again, Some(401));
    assert!(server.log().contains("no longer banned"));
    call.assert_well();
    call.hang_up();
}

#[test]
fn a_source_that_asks_too_much_gets_503_and_the_calls_go_on() {
    let server = Server::start_with(&Settings {
        guard: "trusted = [\"127.0.0.1\"]\nrequests = 5",
        ..Settings::default()
    });
    let mut call = Call::connect(&server, "1001", "1002");
    let flooder = Phone::at(&server, "1003", ELSEWHERE);
    let long = format!("Subject: {}", "x".repeat(300));
    for n in 0..200 {
        flooder.send(flooder.request(
            "INVITE",
            "1002",
            &format!("flood{n}"),
            1,
            std::slice::from_ref(&long),
            "",
        ));
    }
    let (mut challenged, mut refused) = (0, 0);
    while let Some(message) = flooder.receive(SILENCE) {
        match message.status() {
            Some(401) => challenged += 1,
            Some(503) => {
                assert!(message.header("Retry-After").is_some(), "{}", message.0);
                refused += 1;
            }
            _ => {}
        }
    }
    // The challenges are repeated until the ACK comes, which never does.
    assert!(challenged >= 20, "{challenged}");
    assert!((1..=60).contains(&refused), "{refused}");
    assert!(server.answers());
    call.assert_well();
    call.hang_up();
}
