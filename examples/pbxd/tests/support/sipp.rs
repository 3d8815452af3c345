//! SIPp: each scenario is a file in `tests/sipp/`.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::phone::Phone;
use super::server::{Server, password};
use super::{ports, process};

/// SIPp's own time-out, in seconds; ours is a little longer.
const LIMIT: u64 = 40;

/// A SIPp that is to be started.
pub(crate) struct Sipp {
    scenario: &'static str,
    /// The number of the phone that it plays.
    number: String,
    server: std::net::SocketAddr,
    /// The port of its SIP.
    pub(crate) port: u16,
    /// Words of the scenario file that are replaced.
    words: Vec<(&'static str, String)>,
    /// The port for audio in its SDP; usually one where nobody listens.
    audio: u16,
    arguments: Vec<String>,
}

impl Sipp {
    /// A phone with this number that plays `tests/sipp/{scenario}.xml` once.
    pub(crate) fn new(server: &Server, number: &str, scenario: &'static str) -> Self {
        let sipp = Self {
            scenario,
            number: number.to_owned(),
            server: server.sip,
            port: ports::free_port(),
            words: Vec::new(),
            audio: 9,
            arguments: Vec::new(),
        };
        sipp.arg("-key", "number")
            .plain(number)
            .arg("-au", number)
            .arg("-ap", &password(number))
    }

    /// A word of the command line.
    pub(crate) fn plain(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// An option of the command line and its value.
    pub(crate) fn arg(self, option: &str, value: &str) -> Self {
        self.plain(option).plain(value)
    }

    /// A keyword of the scenario, `[name]`.
    pub(crate) fn key(self, name: &str, value: &str) -> Self {
        self.plain("-key").plain(name).plain(value)
    }

    /// A word of the scenario file that stands where SIPp takes no keyword.
    pub(crate) fn word(mut self, word: &'static str, value: &str) -> Self {
        self.words.push((word, value.to_owned()));
        self
    }

    /// The number to call.
    pub(crate) fn dial(self, number: &str) -> Self {
        let uri = format!("{number}@{}", self.server);
        self.arg("-s", number).arg("-auth_uri", &uri)
    }

    /// The port for audio in its SDP.
    pub(crate) fn audio(mut self, port: u16) -> Self {
        self.audio = port;
        self
    }

    /// Over TCP.
    pub(crate) fn tcp(self) -> Self {
        self.arg("-t", "t1")
    }

    /// Uses a port that is known already.
    pub(crate) fn at(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Registers the phone at this SIPp's port, so that the server rings it.
    pub(crate) fn registered(self, server: &Server) -> Self {
        let contact = format!("<sip:{}@127.0.0.1:{}>", self.number, self.port);
        Phone::new(server, &self.number).register_contact(&contact);
        self
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sipp/{}.xml", self.scenario));
        let mut scenario = std::fs::read_to_string(&source).unwrap_or_else(|error| panic!("{source:?}: {error}"));
        for (word, value) in &self.words {
            assert!(scenario.contains(word), "{source:?} has no {word}");
            scenario = scenario.replace(word, value);
        }
        std::fs::write(file("scenario.xml"), scenario).unwrap();
        let mut command = Command::new("sipp");
        command
            .arg(self.server.to_string())
            .arg("-sf")
            .arg(file("scenario.xml"));
        command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin", "-timeout_error"]);
        command.args(["-timeout", &LIMIT.to_string(), "-p", &self.port.to_string()]);
        command.args(["-cp", &ports::free_port().to_string()]);
        if !self.arguments.iter().any(|argument| argument == "-m") {
            command.args(["-m", "1"]);
        }
        command
            .args(["-key", "audio", &self.audio.to_string()])
            .args(&self.arguments);
        command.args(["-trace_err", "-trace_msg", "-trace_logs"]);
        for (option, name) in [
            ("-error_file", "errors"),
            ("-message_file", "messages"),
            ("-log_file", "log"),
        ] {
            command.arg(option).arg(file(name));
        }
        let screen = File::create(file("screen")).unwrap();
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(screen.try_clone().unwrap())
            .stderr(screen)
            .spawn()
            .unwrap();
        Running {
            child,
            folder,
            scenario: self.scenario,
            port: self.port,
        }
    }

    /// Starts it and waits for its end, which must be a success.
    pub(crate) fn run(self) {
        self.start().finish();
    }
}

/// A SIPp at work. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    folder: tempfile::TempDir,
    scenario: &'static str,
    /// The port of its SIP.
    pub(crate) port: u16,
}

impl Running {
    /// What the scenario logged as `name=…`, waiting for it if need be.
    pub(crate) fn logged(&mut self, name: &str) -> String {
        let file = self.folder.path().join("log");
        let find = || {
            let log = process::text(&file);
            let line = log.lines().find_map(|line| line.split_once(&format!("{name}=")))?;
            Some(line.1.trim().to_owned())
        };
        process::poll(Duration::from_secs(20), find)
            .unwrap_or_else(|| panic!("{} did not log {name}\n{}", self.scenario, self.report()))
    }

    /// The server's address for audio, as logged by the scenario.
    pub(crate) fn media(&mut self) -> std::net::SocketAddr {
        format!("127.0.0.1:{}", self.logged("audio")).parse().unwrap()
    }

    /// Waits until its TCP port is open: a connection that comes too early is refused, where a datagram is repeated.
    pub(crate) fn wait_until_listening(&self) {
        // State 0A is LISTEN.
        let listening = format!("0100007F:{:04X} 00000000:0000 0A", self.port);
        let open = || {
            std::fs::read_to_string("/proc/net/tcp")
                .unwrap()
                .contains(&listening)
                .then_some(())
        };
        process::poll(Duration::from_secs(5), open).unwrap_or_else(|| panic!("{} does not listen", self.scenario));
    }

    /// Waits for its end, which must be a success.
    pub(crate) fn finish(mut self) {
        let status = process::wait(&mut self.child, Duration::from_secs(LIMIT + 10));
        let good = status.is_some_and(|status| status.success());
        assert!(good, "SIPp's {} failed ({status:?})\n{}", self.scenario, self.report());
    }

    fn report(&self) -> String {
        let file = |name: &str| process::text(&self.folder.path().join(name));
        let part = |name: &str, lines| format!("---- {name} ----\n{}\n", process::tail(&file(name), lines));
        part("errors", 40) + &part("messages", 150) + &part("screen", 40)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        process::kill(&mut self.child);
    }
}
