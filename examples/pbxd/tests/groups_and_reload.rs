//! Groups, and a configuration that changes while calls go on, by `pbxd` and SIPp over real sockets.
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

use support::phone::Phone;
use support::process::installed;
use support::rtp::Media;
use support::server::{Server, Settings};
use support::sipp::Sipp;

const GROUPS: &str = r#"
[[group]]
number = "500"
members = ["1002", "1003"]
timeout = "10s"

[[group]]
number = "501"
mode = "sequential"
otherwise = "1004"
[[group.member]]
number = "1002"
ring = "1s"
[[group.member]]
number = "1003"
ring = "1s"
"#;

fn with_groups() -> Server {
    Server::start_with(&Settings {
        more: GROUPS,
        ..Settings::default()
    })
}

/// The phone that does not win is told that another has the call, so that it does not show it as missed (RFC 3326).
#[test]
fn a_group_rings_all_its_phones_and_the_first_has_the_call() {
    if !installed("sipp") {
        return;
    }
    let server = with_groups();
    let cancel = "<recv request=\"CANCEL\"><action><ereg regexp=\"SIP;cause=200\" search_in=\"hdr\" header=\"Reason:\" \
                  check_it=\"true\" assign_to=\"reason\"/></action></recv>";
    let slower = Sipp::new(&server, "1003", "uas_cancelled")
        .word("<recv request=\"CANCEL\"/>", cancel)
        .word("<Reference variables=\"", "<Reference variables=\"reason,");
    let slower = slower.registered(&server).start();
    let winner = Sipp::new(&server, "1002", "uas_answer").registered(&server).start();
    Sipp::new(&server, "1001", "uac_call")
        .dial("500")
        .arg("-d", "500")
        .run();
    winner.finish();
    slower.finish();
}

#[test]
fn a_group_rings_one_phone_after_the_other_and_then_the_number_behind_it() {
    if !installed("sipp") {
        return;
    }
    let server = with_groups();
    let first = Sipp::new(&server, "1002", "uas_cancelled").registered(&server).start();
    let second = Sipp::new(&server, "1003", "uas_busy").registered(&server).start();
    let last = Sipp::new(&server, "1004", "uas_answer").registered(&server).start();
    Sipp::new(&server, "1001", "uac_call")
        .dial("501")
        .arg("-d", "300")
        .run();
    for phone in [first, second, last] {
        phone.finish();
    }
    assert!(server.log().contains("goes on"), "the log tells");
}

/// Row T15: extensions, lots and groups come and go around a call whose sound goes on.
#[test]
fn a_configuration_is_read_again_during_a_call_and_the_call_goes_on() {
    if !installed("sipp") {
        return;
    }
    let server = Server::start();
    let mut voice = Media::new();
    let echo = Media::new().port().to_string(); // free again at once: SIPp's
    let called = Sipp::new(&server, "1002", "uas_answer")
        .arg("-mp", &echo)
        .plain("-rtp_echo")
        .audio(echo.parse().unwrap());
    let called = called.registered(&server).start();
    let caller = Sipp::new(&server, "1001", "uac_call")
        .dial("1002")
        .audio(voice.port())
        .arg("-d", "6000");
    let mut caller = caller.start();
    let server_media = caller.media();
    std::thread::sleep(Duration::from_millis(300));
    let listener = voice.ear();
    let listening = std::thread::spawn(move || listener.listen(Duration::from_millis(4000)));
    let speaking = std::thread::spawn(move || voice.say(server_media, 1013.0, 150, Duration::from_millis(20)));

    // The phone that speaks is no extension any more; there is a group, another lot, and a port that has to wait.
    let log = server.reload(
        |text| {
            let text = text
                .replace("number = \"1002\"", "number = \"1012\"")
                .replace("701-720", "801-820");
            text.replacen("udp = [\"", "udp = [\"127.0.0.2:5999\", \"", 1)
                + "[[group]]\nnumber = \"500\"\nmembers = [\"1003\"]\n"
        },
        "restart it",
    );
    for word in [
        "added=[\"1012\"]",
        "removed=[\"1002\"]",
        "added=[\"500\"]",
        "the addresses to listen on",
    ] {
        assert!(log.contains(word), "{word}: {log}");
    }
    let grouped = Sipp::new(&server, "1003", "uas_answer").registered(&server).start();
    Sipp::new(&server, "1004", "uac_call")
        .dial("500")
        .arg("-d", "200")
        .run();
    grouped.finish();
    Sipp::new(&server, "1004", "uac_refused")
        .word("STATUS", "404")
        .dial("1002")
        .run();

    let (said, heard) = (speaking.join().unwrap(), listening.join().unwrap());
    let echoed = said
        .iter()
        .filter(|payload| heard.iter().any(|packet| packet.payload == **payload))
        .count();
    assert!(echoed + 3 >= said.len(), "{echoed} of {} packets came back", said.len());
    caller.finish();
    called.finish();
    // With its last call the registration of a number that is no more has gone.
    assert!(server.log().contains("unregistered"));
}

#[test]
fn a_file_that_is_wrong_changes_nothing_and_every_mistake_is_told_with_its_line() {
    let server = Server::start();
    let phone = Phone::new(&server, "1001");
    phone.register();
    let mut right = String::new();
    let log = server.reload(
        |text| {
            right.clone_from(&text);
            text.replace("number = \"1003\"", "number = \"1002\"")
                .replace("slots = \"701", "slots = \"x01")
        },
        "the old one stays",
    );
    assert!(log.contains("pbxd.toml:") && log.contains("slots: "), "{log}");
    let log = server.reload(
        |_| right.replace("number = \"1003\"", "number = \"1002\""),
        "the old one stays",
    );
    assert!(log.contains("is already given by extension[1].number"), "{log}");
    phone.register();
    // And when it is right again, that is the configuration that there was.
    let log = server.reload(|_| right.clone(), "the same as before");
    assert!(!log.contains("ERROR"), "{log}");
    phone.register();
}

const CENTRE: &str = r#"
[[queue]]
number = "600"
name = "Sales"
[[agent]]
number = "77"
name = "Anna"
queues = ["600"]
"#;

#[test]
fn the_board_is_written_when_it_is_asked_for() {
    let server = Server::start_with(&Settings {
        more: CENTRE,
        ..Settings::default()
    });
    server.signal("USR1");
    let told = || server.log().contains("Anna").then_some(());
    support::process::poll(Duration::from_secs(5), told).unwrap_or_else(|| panic!("{}", server.log()));
    assert!(server.log().contains("600") && server.answers());
}

#[test]
fn what_is_logged_can_be_changed_while_the_server_runs() {
    let server = Server::start();
    let level = |from: &'static str, to: &'static str| move |text: String| text.replacen(from, to, 1);
    let now = std::env::var("PBXD_LOG").unwrap_or_else(|_| "debug".to_owned());
    server.reload(
        move |text| text.replacen(&format!("level = \"{now}\""), "level = \"info,sip=debug\"", 1),
        "the same as before",
    );
    Phone::new(&server, "1001").register();
    assert!(server.log().contains("REGISTER"), "{}", server.log());
    server.reload(
        level("level = \"info,sip=debug\"", "level = \"info\""),
        "the same as before",
    );
    let before = server.log().matches("REGISTER").count();
    Phone::new(&server, "1001").register();
    assert_eq!(server.log().matches("REGISTER").count(), before);
}
