//! `pbxd` and baresip: a soft phone by other people, with sound that is really coded, sent, decoded and measured.
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

use std::time::Duration;

use support::baresip::Baresip;
use support::process::{installed, poll};
use support::server::Server;
use support::sound::{loudness, share};

/// What the one phone says, and the other: tones that are no harmonics of each other.
const ALICE: f64 = 440.0;
const BOB: f64 = 1030.0;

/// 1001 calls 1002, who answers.
fn connected(server: &Server) -> (Baresip, Baresip) {
    let mut alice = Baresip::start(server, "1001", ALICE);
    let mut bob = Baresip::start(server, "1002", BOB);
    alice.dial("1002");
    bob.wait_for("CALL_INCOMING");
    bob.command("accept", "");
    alice.wait_for("CALL_ESTABLISHED");
    bob.wait_for("CALL_ESTABLISHED");
    (alice, bob)
}

/// The phone hears this tone, and hardly anything else.
fn assert_hears(phone: &Baresip, frequency: f64) {
    let heard = || Some(phone.listen(Duration::from_millis(500))).filter(|heard| share(heard, frequency) > 0.8);
    assert!(
        poll(Duration::from_secs(4), heard).is_some(),
        "does not hear {frequency} Hz (share {:.2})",
        share(&phone.listen(Duration::from_millis(500)), frequency)
    );
}

/// The phone hears something that is neither silence nor one of the voices.
fn assert_hears_music(phone: &Baresip) {
    // What was said before may still be on its way.
    std::thread::sleep(Duration::from_millis(500));
    let heard = phone.listen(Duration::from_secs(1));
    assert!(heard.len() > 4000, "sound comes: {} samples in a second", heard.len());
    assert!(loudness(&heard) > 50.0, "music can be heard ({:.0})", loudness(&heard));
    for voice in [ALICE, BOB] {
        assert!(share(&heard, voice) < 0.5, "{voice} Hz can be heard instead of music");
    }
}

#[test]
fn a_soft_phone_registers_and_a_wrong_password_does_not() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let mut good = Baresip::start_unregistered(&server, "1001", "secret-1001", ALICE);
    let mut bad = Baresip::start_unregistered(&server, "1002", "guessed", BOB);
    good.wait_for("REGISTER_OK");
    assert!(bad.wait_for("REGISTER_FAIL").contains("403"));
    assert!(!bad.has_seen("REGISTER_OK"));
}

#[test]
fn two_soft_phones_hear_each_other() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&bob, ALICE);
    assert_hears(&alice, BOB);
    alice.command("hangup", "");
    bob.wait_for("CALL_CLOSED");
}

#[test]
fn a_soft_phone_refuses_a_call() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let mut alice = Baresip::start(&server, "1001", ALICE);
    let mut bob = Baresip::start(&server, "1002", BOB);
    alice.dial("1002");
    bob.wait_for("CALL_INCOMING");
    bob.command("hangup", "");
    let closed = alice.wait_for("CALL_CLOSED");
    assert!(closed.contains("486") || closed.contains("603"), "{closed}");
}

// In both tests only the party on hold is listened to: baresip 1.0 writes down nothing more of what the one who had held
// hears, with a server in between or without.

#[test]
fn a_called_phone_on_hold_hears_music_until_it_is_resumed() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&bob, ALICE);
    alice.command("hold", "");
    assert_hears_music(&bob);
    alice.command("resume", "");
    assert_hears(&bob, ALICE);
    bob.command("hangup", "");
    alice.wait_for("CALL_CLOSED");
}

#[test]
fn a_calling_phone_on_hold_hears_music_until_it_is_resumed() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&alice, BOB);
    bob.command("hold", "");
    assert_hears_music(&alice);
    bob.command("resume", "");
    assert_hears(&alice, BOB);
    alice.command("hangup", "");
    bob.wait_for("CALL_CLOSED");
}

#[test]
fn digits_reach_the_other_phone_once_each() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&bob, ALICE);
    for digit in ["5", "#", "0"] {
        alice.command("sndcode", digit);
        let event = bob.wait_for("CALL_DTMF_START");
        assert!(event.contains(&format!("\"param\":\"{digit}\"")), "{event}");
        bob.wait_for("CALL_DTMF_END");
    }
    // The voice goes on, and no digit comes twice.
    assert_hears(&bob, ALICE);
    assert_eq!(bob.count("CALL_DTMF_START"), 3);
    alice.command("hangup", "");
    bob.wait_for("CALL_CLOSED");
}

#[test]
fn a_soft_phone_parks_a_call_and_another_retrieves_it() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&bob, ALICE);
    bob.transfer("700");
    bob.wait_for("CALL_CLOSED");
    assert_hears_music(&alice);
    assert!(!alice.has_seen("CALL_CLOSED"), "the caller stays in the lot");
    let mut carol = Baresip::start(&server, "1003", BOB);
    carol.dial("701");
    carol.wait_for("CALL_ESTABLISHED");
    assert_hears(&carol, ALICE);
    assert_hears(&alice, BOB);
    carol.command("hangup", "");
    alice.wait_for("CALL_CLOSED");
}

#[test]
fn the_code_parks_the_other_party_and_speaks_the_slot() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    assert_hears(&alice, BOB);
    for digit in ["*", "6", "8"] {
        bob.command("sndcode", digit);
        alice.wait_for("CALL_DTMF_END");
    }
    // "Parked at 7 0 1", and then the server hangs up.
    std::thread::sleep(Duration::from_millis(600));
    let announcement = bob.listen(Duration::from_secs(1));
    assert!(
        loudness(&announcement) > 50.0,
        "an announcement can be heard ({:.0})",
        loudness(&announcement)
    );
    assert!(share(&announcement, ALICE) < 0.5, "the caller is no longer heard");
    bob.wait_for("CALL_CLOSED");
    assert_hears_music(&alice);
    bob.dial("701");
    bob.wait_for("CALL_ESTABLISHED");
    assert_hears(&bob, ALICE);
    alice.command("hangup", "");
    bob.wait_for("CALL_CLOSED");
}

#[test]
fn a_soft_phone_hands_a_call_on_to_another() {
    if !installed("baresip") {
        return;
    }
    let server = Server::start();
    let (mut alice, mut bob) = connected(&server);
    let mut carol = Baresip::start(&server, "1003", BOB);
    bob.transfer("1003");
    carol.wait_for("CALL_INCOMING");
    carol.command("accept", "");
    carol.wait_for("CALL_ESTABLISHED");
    bob.wait_for("CALL_CLOSED");
    assert_hears(&carol, ALICE);
    assert_hears(&alice, BOB);
    alice.command("hangup", "");
    carol.wait_for("CALL_CLOSED");
}
