//! `pbxd` on loopback ports of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{ports, process};

/// What a test may want otherwise than usual.
#[derive(Clone)]
pub(crate) struct Settings {
    /// How long a phone rings.
    pub(crate) ring_timeout: &'static str,
    /// How long a call stays parked before the parker is rung.
    pub(crate) recall_after: &'static str,
    /// Who is rung then: "parker", or a number.
    pub(crate) recall_to: &'static str,
    /// How long a phone may be silent.
    pub(crate) rtp_timeout: &'static str,
    /// Lines of `[sip.guard]`.
    pub(crate) guard: &'static str,
    /// How many slots the lot has, from 701 on.
    pub(crate) slots: u32,
    /// Further tables of the file.
    pub(crate) more: &'static str,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ring_timeout: "20s",
            recall_after: "60s",
            recall_to: "parker",
            rtp_timeout: "30s",
            guard: "",
            slots: 20,
            more: "",
        }
    }
}

/// A running server with extensions 1001 to 1006 and the lot 700. It is stopped when dropped, and must then end well.
pub(crate) struct Server {
    child: Child,
    /// Its SIP address, for UDP and TCP alike.
    pub(crate) sip: SocketAddr,
    folder: tempfile::TempDir,
}

/// The password of an extension.
pub(crate) fn password(number: &str) -> String {
    format!("secret-{number}")
}

impl Server {
    /// A server with the usual settings.
    pub(crate) fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// A server that answers.
    pub(crate) fn start_with(settings: &Settings) -> Self {
        for _ in 0..3 {
            let mut server = Self::spawn(settings);
            let answers = process::poll(Duration::from_secs(10), || {
                server
                    .has_ended()
                    .then_some(false)
                    .or_else(|| server.answers().then_some(true))
            });
            match answers {
                Some(true) => return server,
                // Somebody else may have taken a port between looking and binding.
                Some(false) if server.log().contains("in use") => {}
                _ => panic!("pbxd does not start:\n{}", server.log()),
            }
        }
        panic!("pbxd finds no port");
    }

    fn spawn(settings: &Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_port()));
        let config = folder.path().join("pbxd.toml");
        std::fs::write(&config, configuration(settings, sip)).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_pbxd"))
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, sip, folder }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Whether an OPTIONS gets an answer, whatever it is.
    pub(crate) fn answers(&self) -> bool {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let (sip, local) = (self.sip, socket.local_addr().unwrap());
        let request = format!(
            "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{port};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:probe@{local}>;tag=1\r\nTo: <sip:{sip}>\r\nCall-ID: probe-{port}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n",
            port = local.port()
        );
        let mut buffer = [0; 2048];
        socket.send_to(request.as_bytes(), sip).is_ok()
            && socket
                .recv(&mut buffer)
                .is_ok_and(|length| buffer[..length].starts_with(b"SIP/2.0 "))
    }

    /// What the server has printed.
    pub(crate) fn log(&self) -> String {
        process::text(&self.log_file())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Changes the configuration file and has it read again; what the log says of it, up to a line with `until`.
    pub(crate) fn reload(&self, change: impl FnOnce(String) -> String, until: &str) -> String {
        let file = self.folder.path().join("pbxd.toml");
        let text = change(std::fs::read_to_string(&file).unwrap());
        std::fs::write(&file, text).unwrap();
        let before = self.log().len();
        self.signal("HUP");
        let told = || {
            let log = self.log();
            let news = log.get(before..).unwrap_or_default().to_owned();
            news.contains(until).then_some(news)
        };
        process::poll(Duration::from_secs(10), told).unwrap_or_else(|| panic!("no {until:?} in:\n{}", self.log()))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        process::signal(&self.child, name);
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let early = self.child.try_wait().unwrap();
        if early.is_none() {
            process::terminate(&self.child);
        }
        let status = early.or_else(|| process::wait(&mut self.child, Duration::from_secs(10)));
        if status.is_none() {
            process::kill(&mut self.child);
        }
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("---- the server's last words ----\n{}", process::tail(&log, 150));
            return;
        }
        assert!(early.is_none(), "pbxd ended by itself ({early:?}):\n{log}");
        assert!(
            status.is_some_and(|status| status.success()),
            "pbxd did not stop as it should ({status:?}):\n{log}"
        );
        assert!(!log.contains("panicked at"), "pbxd panicked:\n{log}");
    }
}

fn configuration(settings: &Settings, sip: SocketAddr) -> String {
    let media = ports::media_ports();
    let level = std::env::var("PBXD_LOG").unwrap_or_else(|_| "debug".to_owned());
    let mut text = format!(
        "domain = \"pbx.test\"\n[log]\nlevel = \"{level}\"\n[sip]\nudp = [\"{sip}\"]\ntcp = [\"{sip}\"]\n\
         ring_timeout = \"{}\"\n[sip.guard]\n{}\n[media]\naddress = \"127.0.0.1\"\nports = \"{}-{}\"\nrtp_timeout = \"{}\"\n",
        settings.ring_timeout,
        settings.guard,
        media.start(),
        media.end(),
        settings.rtp_timeout
    );
    for (number, name) in (1001..).zip(["Reception", "Workshop", "Sales", "Accounts", "Warehouse", "Night desk"]) {
        let password = password(&number.to_string());
        write!(
            text,
            "[[extension]]\nnumber = \"{number}\"\nname = \"{name}\"\npassword = \"{password}\"\n"
        )
        .unwrap();
    }
    write!(
        text,
        "[[lot]]\nnumber = \"700\"\nslots = \"701-{}\"\nrecall_after = \"{}\"\nrecall_ring = \"10s\"\n\
         recall_to = \"{}\"\n",
        700 + settings.slots,
        settings.recall_after,
        settings.recall_to
    )
    .unwrap();
    text.push_str(settings.more);
    text
}
