//! The program as somebody uses it from a shell.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

fn pbxd(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pbxd")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The printed configuration with its SIP addresses changed.
fn config(folder: &Path, address: &str) -> String {
    let printed = text(&pbxd(&["--print-config"]).stdout);
    let changed = printed.replace("127.0.0.1:5060", address);
    assert_ne!(printed, changed);
    let file = folder.join("pbxd.toml");
    std::fs::write(&file, changed).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A server that has said that it listens.
struct Running {
    child: Child,
    log: Vec<String>,
}

impl Running {
    fn start(config: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pbxd"))
            .args(["--config", config])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = Vec::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // UDP and TCP.
        while log.iter().filter(|line: &&String| line.contains("listening")).count() < 2 {
            log.push(lines.next().expect("the server ended").unwrap());
        }
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, log }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn ends(&mut self) -> std::process::ExitStatus {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where the test has not ended it, it must not go on for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_it_prints_is_right_and_new_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path(), "127.0.0.1:5070");
    let checked = pbxd(&["--check", &file]);
    assert!(checked.status.success());
    assert!(text(&checked.stdout).contains("right (extensions: 10, parking lots: 1, queues: 1, agents: 2)"));
    assert_ne!(pbxd(&["--print-config"]).stdout, pbxd(&["--print-config"]).stdout);
}

#[test]
fn a_wrong_file_is_refused_by_check_and_by_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = config(folder.path(), "127.0.0.1:5070");
    let wrong = std::fs::read_to_string(&file)
        .unwrap()
        .replace("\"701-720\"", "\"720-701\"");
    let line = wrong.lines().position(|line| line.contains("720-701")).unwrap() + 1;
    std::fs::write(&file, wrong).unwrap();
    for option in ["--check", "--config"] {
        let refused = pbxd(&[option, &file]);
        assert_eq!(refused.status.code(), Some(2));
        let said = text(&refused.stderr);
        assert!(said.contains(&format!("{file}:{line}:9: lot[0].slots: ")), "{said}");
        assert!(said.contains("expected slot numbers, the lower first"), "{said}");
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn an_address_that_is_taken_is_named_and_nothing_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = pbxd(&["--config", &config(folder.path(), &address)]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(
        said.contains(&format!("cannot listen on Tcp {address}: Address already in use")),
        "{said}"
    );
    assert!(!said.contains("listening"), "{said}");
    // The UDP address, which was free, is free again.
    UdpSocket::bind(&address).unwrap();
}

#[test]
fn either_signal_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-INT", "-TERM"] {
        // Free for UDP and for TCP: another test may have taken the one only.
        let free = std::iter::repeat_with(|| UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
            .find(|address| TcpListener::bind(address).is_ok())
            .unwrap()
            .to_string();
        let mut server = Running::start(&config(folder.path(), &free));
        assert!(server.log.iter().any(|line| line.contains(&free)));
        server.signal(signal);
        assert!(server.ends().success(), "{signal}");
    }
}

#[test]
fn only_one_thing_at_a_time() {
    let refused = pbxd(&["--demo", "--print-config"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("cannot be used with"));
    assert_eq!(pbxd(&["--log", "loud"]).status.code(), Some(2));
}
