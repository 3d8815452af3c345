//! `registrar` over real sockets, with SIPp as the phone.
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

fn start(more: &[&str]) -> Program {
    let users = ["--realm", "pbx.test", "--user", "1001:secret", "--user", "1002:hush"];
    Program::start(env!("CARGO_BIN_EXE_registrar"), &[&users, more].concat())
}

/// A SIPp that registers as `number`.
fn phone(scenario: &str, program: &Program, number: &str, password: &str, more: &[&str]) -> Sipp {
    let who = ["-key", "number", number, "-au", number, "-ap", password];
    Sipp::start(scenario, program.address, &[&who, more].concat())
}

const REGISTER: &str = "pbxd/tests/sipp/register.xml";

#[test]
fn a_phone_registers_over_udp() {
    if !sipp_is_installed() {
        return;
    }
    let mut program = start(&[]);
    let sipp = phone(REGISTER, &program, "1001", "secret", &[]);
    let contact = format!(
        "1001@pbx.test registered <sip:1001@127.0.0.1:{};transport=UDP>, UDP ",
        sipp.port
    );
    sipp.finish();
    let line = program.line();
    assert!(line.starts_with(&contact), "{line}");
}

#[test]
fn a_phone_registers_over_tcp_and_is_forgotten_with_its_connection() {
    if !sipp_is_installed() {
        return;
    }
    let mut program = start(&[]);
    phone(REGISTER, &program, "1002", "hush", &["-t", "t1"]).finish();
    assert!(program.line().starts_with("1002@pbx.test registered"));
    assert!(program.line().starts_with("1002@pbx.test removed"));
}

#[test]
fn a_wrong_password_is_challenged_again() {
    if !sipp_is_installed() {
        return;
    }
    let program = start(&[]);
    phone("registrar/tests/sipp/refused.xml", &program, "1001", "guessed", &[]).finish();
}

#[test]
fn nobody_registers_for_somebody_else() {
    if !sipp_is_installed() {
        return;
    }
    let program = start(&[]);
    let other = ["-key", "number", "1002", "-au", "1001", "-ap", "secret"];
    Sipp::start("registrar/tests/sipp/forbidden.xml", program.address, &other).finish();
}

#[test]
fn a_stranger_is_asked_for_a_strong_proof_and_other_methods_are_refused() {
    let program = start(&["--algorithm", "SHA-256", "--algorithm", "MD5"]);
    let socket = socket(program.address);
    let request = |method: &str| {
        let here = socket.local_addr().unwrap();
        format!(
            "{method} sip:pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:1001@pbx.test>;tag=1\r\nTo: <sip:1001@pbx.test>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:1001@{here}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let challenge = ask(&socket, &request("REGISTER")).unwrap();
    assert!(challenge.starts_with("SIP/2.0 401 Unauthorized\r\n"), "{challenge}");
    let (strong, weak) = (challenge.find("algorithm=SHA-256"), challenge.find("algorithm=MD5"));
    assert!(strong.is_some() && strong < weak, "{challenge}");
    assert!(
        ask(&socket, &request("OPTIONS"))
            .unwrap()
            .starts_with("SIP/2.0 200 OK\r\n")
    );
    let refused = ask(&socket, &request("INVITE")).unwrap();
    assert!(refused.starts_with("SIP/2.0 405 Method Not Allowed\r\n"), "{refused}");
    assert!(refused.contains("Allow: REGISTER, OPTIONS\r\n"), "{refused}");
}
