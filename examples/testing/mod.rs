//! What the tests of the small programs share: a program that is started and ends with the test, and SIPp.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A program at work. It is killed when dropped.
pub(crate) struct Program {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Program {
    /// Starts it on a port of its own, and waits until it listens. A port that is free for UDP may be taken for TCP: then
    /// it is tried again.
    pub(crate) fn start(binary: &str, arguments: &[&str]) -> Self {
        for _ in 0..20 {
            let mut child = Command::new(binary)
                .args(["--listen", "127.0.0.1:0"])
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let first = lines.next().and_then(Result::ok).unwrap_or_default();
            if let Some(address) = first.strip_prefix("listening on ") {
                let address = address.parse().unwrap();
                return Self { child, lines, address };
            }
            let _ = child.wait();
        }
        panic!("{binary} does not start");
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A socket that speaks to `peer` and waits at most two seconds for an answer.
pub(crate) fn socket(peer: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.connect(peer).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket
}

/// Sends a message and gives the answer; `None` if there is none.
pub(crate) fn ask(socket: &UdpSocket, message: &str) -> Option<String> {
    socket.send(message.as_bytes()).unwrap();
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).ok()?;
    Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
}

/// A port that is free for UDP and TCP.
pub(crate) fn free_port() -> u16 {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = udp.local_addr().unwrap().port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Whether SIPp can be used here. Where it is not installed, the test says so and is over; where real peers are required
/// (`STROWGER_REAL_PEERS=required`), it fails.
pub(crate) fn sipp_is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join("sipp").is_file()) {
        return true;
    }
    let required = std::env::var("STROWGER_REAL_PEERS").is_ok_and(|value| value == "required");
    assert!(
        !required,
        "sipp is not installed, and STROWGER_REAL_PEERS says that it must be"
    );
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    // Past the test runner's capture: a test that did not run should not look like one that passed.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: sipp is not installed");
    false
}

/// A SIPp at work. It is killed when dropped.
pub(crate) struct Sipp {
    child: Child,
    folder: tempfile::TempDir,
    what: String,
    /// The port of its SIP.
    pub(crate) port: u16,
}

impl Sipp {
    /// Starts SIPp towards `peer` with a scenario: a file under `examples/`, or the name of a built-in one.
    pub(crate) fn start(scenario: &str, peer: SocketAddr, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, control) = (free_port(), free_port());
        let mut command = Command::new("sipp");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(scenario);
        match file.is_file() {
            true => command.arg("-sf").arg(file),
            false => command.args(["-sn", scenario]),
        };
        command
            .arg(peer.to_string())
            .args([
                "-i",
                "127.0.0.1",
                "-mi",
                "127.0.0.1",
                "-nostdin",
                "-timeout",
                "30",
                "-timeout_error",
            ])
            .args(["-p", &port.to_string(), "-cp", &control.to_string()])
            .args([
                "-trace_err",
                "-error_file",
                "errors",
                "-trace_msg",
                "-message_file",
                "messages",
            ])
            .args(arguments);
        if !arguments.contains(&"-m") {
            command.args(["-m", "1"]);
        }
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let what = scenario.to_owned();
        Self {
            child,
            folder,
            what,
            port,
        }
    }

    /// Waits until its socket is bound, so that nothing that is sent to it is lost.
    pub(crate) fn ready(self) -> Self {
        let bound = || UdpSocket::bind((Ipv4Addr::LOCALHOST, self.port)).is_err();
        assert!(wait(Duration::from_secs(10), bound), "{} does not listen", self.what);
        self
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn finish(mut self) {
        let mut status = None;
        wait(Duration::from_secs(40), || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let read = |name: &str| std::fs::read(PathBuf::from(self.folder.path()).join(name)).unwrap_or_default();
        let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
        let good = status.is_some_and(|status| status.success());
        let report = format!(
            "---- errors ----\n{}\n---- messages ----\n{}",
            text("errors"),
            text("messages")
        );
        assert!(good, "SIPp's {} failed ({status:?})\n{report}", self.what);
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
