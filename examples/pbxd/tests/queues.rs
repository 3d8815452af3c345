//! Queues of a running `pbxd`, with SIPp as callers and agents: everybody is served, in order, and the books agree with the callers.
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

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use support::phone::Phone;
use support::process::{self, installed};
use support::server::{Server, Settings};
use support::sipp::Sipp;

/// Four agents at the phones 1002 to 1005.
const AGENTS: [&str; 4] = ["1002", "1003", "1004", "1005"];

/// The queue 600 answers its callers, 610 lets them hear ringing.
const QUEUES: &str = r#"
[[queue]]
number = "600"
name = "Sales"
[[queue]]
number = "610"
answers = false
[[agent]]
number = "1002"
at = "1002"
queues = ["600", "610"]
[[agent]]
number = "1003"
at = "1003"
queues = ["600", "610"]
[[agent]]
number = "1004"
at = "1004"
queues = ["600", "610"]
[[agent]]
number = "1005"
at = "1005"
queues = ["600", "610"]
[[agent]]
number = "2001"
queues = ["600"]
"#;

fn server() -> Server {
    Server::start_with(&Settings {
        more: QUEUES,
        ..Settings::default()
    })
}

/// One SIPp plays the phones of all agents.
fn agents(server: &Server, scenario: &'static str, calls: usize, talk: &str) -> support::sipp::Running {
    let sipp = Sipp::new(server, "1002", scenario)
        .arg("-m", &calls.to_string())
        .arg("-d", talk);
    for number in AGENTS {
        let contact = format!("<sip:{number}@127.0.0.1:{}>", sipp.port);
        Phone::new(server, number).register_contact(&contact);
    }
    sipp.start()
}

fn callers(server: &Server, scenario: &'static str, queue: &str, calls: usize, rate: &str) -> Sipp {
    let sipp = Sipp::new(server, "1001", scenario)
        .dial(queue)
        .arg("-m", &calls.to_string());
    sipp.arg("-r", rate).arg("-l", &calls.to_string())
}

/// What the log tells of each contact, by its number; and in which order they were first offered to agents.
fn books(server: &Server) -> (BTreeMap<u64, Vec<String>>, Vec<u64>) {
    let (mut contacts, mut offered) = (BTreeMap::<u64, Vec<String>>::new(), Vec::new());
    for line in server.log().lines() {
        let Some((_, rest)) = line.split_once("contact=").filter(|_| line.contains("event=")) else {
            continue;
        };
        let number: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        let event = rest.split("event=").nth(1).unwrap();
        let name: String = event.chars().take_while(char::is_ascii_alphanumeric).collect();
        if name == "Offered" && !offered.contains(&number) {
            offered.push(number);
        }
        contacts.entry(number).or_default().push(name);
    }
    (contacts, offered)
}

/// Waits until all contacts have ended; how they did.
fn endings(server: &Server, calls: usize) -> BTreeMap<String, usize> {
    let last = BTreeSet::from(["Handled", "Abandoned", "Left", "Overflowed", "Superseded", "NotReached"]);
    let all = process::poll(Duration::from_secs(10), || {
        let (contacts, _) = books(server);
        let ended = contacts
            .values()
            .filter(|events| last.contains(events.last().unwrap().as_str()));
        (ended.count() == calls).then_some(contacts)
    });
    let contacts = all.unwrap_or_else(|| panic!("not all of {calls} ended: {:?}", books(server).0));
    let mut endings = BTreeMap::new();
    for events in contacts.values() {
        assert_eq!(events[0], "Arrived", "{events:?}");
        let ends = events.iter().filter(|event| last.contains(event.as_str())).count();
        assert_eq!(ends, 1, "{events:?}");
        *endings.entry(events.last().unwrap().clone()).or_insert(0) += 1;
    }
    endings
}

#[test]
fn all_callers_are_served_and_nobody_is_overtaken() {
    if !installed("sipp") {
        return;
    }
    let server = server();
    let calls = 40;
    let agents = agents(&server, "uas_agent", calls, "300");
    callers(&server, "uac_hung_up", "600", calls, "40").run();
    agents.finish();
    assert_eq!(endings(&server, calls), BTreeMap::from([("Handled".to_owned(), calls)]));
    let (_, offered) = books(&server);
    assert!(offered.is_sorted(), "{offered:?}");
}

/// 1 to 15 ms after the agent answered, which is when the caller of a queue that only rings is answered.
#[test]
fn who_hangs_up_right_after_the_agent_answered_was_handled() {
    if !installed("sipp") {
        return;
    }
    let server = server();
    let calls = 60;
    let agents = agents(&server, "uas_hasty", calls, "0");
    callers(&server, "uac_hasty", "610", calls, "30").run();
    agents.finish();
    assert_eq!(endings(&server, calls), BTreeMap::from([("Handled".to_owned(), calls)]));
}

/// 1 to 15 ms after the queue answered, while an agent's phone rings or answers: each is booked once, as one or the other.
#[test]
fn who_hangs_up_while_an_agent_answers_is_booked_once() {
    if !installed("sipp") {
        return;
    }
    let server = server();
    let calls = 60;
    let agents = agents(&server, "uas_hasty", calls, "0");
    callers(&server, "uac_hasty", "600", calls, "30").run();
    let endings = endings(&server, calls);
    let known = endings
        .keys()
        .all(|ending| ["Handled", "Abandoned"].contains(&ending.as_str()));
    assert!(known, "{endings:?}");
    drop(agents);
    assert!(server.answers());
}

#[test]
fn an_agent_signs_on_by_code_and_is_rung() {
    if !installed("sipp") {
        return;
    }
    let server = server();
    let agent = Sipp::new(&server, "1006", "uas_agent")
        .arg("-d", "200")
        .registered(&server)
        .start();
    // He hears that he is signed on, and is hung up.
    Sipp::new(&server, "1006", "uac_hung_up").dial("*452001").run();
    Sipp::new(&server, "1001", "uac_hung_up").dial("600").run();
    agent.finish();
    assert_eq!(endings(&server, 1), BTreeMap::from([("Handled".to_owned(), 1)]));
}
