//! baresip: a soft phone by other people, told what to do over its `ctrl_tcp` port.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::server::{Server, password};
use super::{ports, process, sound};

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running baresip that is registered with the server, says one tone, and writes down what it hears.
pub(crate) struct Baresip {
    child: Child,
    control: TcpStream,
    /// Bytes from the control port that are not yet a whole netstring.
    unread: Vec<u8>,
    /// Events in the order in which they came.
    events: Vec<String>,
    /// Events before this one have been waited for.
    seen: usize,
    server: std::net::SocketAddr,
    folder: tempfile::TempDir,
}

impl Baresip {
    /// Starts a phone whose microphone picks up a tone of `frequency` Hz, and waits until it is registered.
    pub(crate) fn start(server: &Server, number: &str, frequency: f64) -> Self {
        let mut phone = Self::start_unregistered(server, number, &password(number), frequency);
        phone.wait_for("REGISTER_OK");
        phone
    }

    /// The same, without waiting.
    pub(crate) fn start_unregistered(server: &Server, number: &str, password: &str, frequency: f64) -> Self {
        // Another process may take a port between looking and binding.
        let (child, control, folder) = spawn(frequency)
            .or_else(|_| spawn(frequency))
            .or_else(|_| spawn(frequency))
            .unwrap_or_else(|screen| panic!("baresip does not start:\n{screen}"));
        control.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut phone = Self {
            child,
            control,
            unread: Vec::new(),
            events: Vec::new(),
            seen: 0,
            server: server.sip,
            folder,
        };
        // Only now, so that no event is missed.
        let account = format!(
            "<sip:{number}@{}>;auth_user={number};auth_pass={password};regint=60",
            server.sip
        );
        phone.command("uanew", &format!("{account};audio_codecs=PCMU"));
        phone
    }

    /// Gives a command, as one would type it.
    pub(crate) fn command(&mut self, command: &str, parameters: &str) {
        let json = format!("{{\"command\":\"{command}\",\"params\":\"{parameters}\",\"token\":\"t\"}}");
        write!(self.control, "{}:{json},", json.len()).unwrap();
        let answer = self.wait_until(&format!("the answer to {command}"), |event| {
            event.contains("\"response\":true")
        });
        assert!(answer.contains("\"ok\":true"), "{command}: {answer}");
    }

    /// Dials a number of the server.
    pub(crate) fn dial(&mut self, number: &str) {
        let uri = format!("sip:{number}@{}", self.server);
        self.command("dial", &uri);
    }

    /// Hands the call on without asking.
    pub(crate) fn transfer(&mut self, number: &str) {
        let uri = format!("sip:{number}@{}", self.server);
        self.command("transfer", &uri);
    }

    /// Waits for the next event of this type and returns it.
    pub(crate) fn wait_for(&mut self, kind: &str) -> String {
        let name = format!("\"type\":\"{kind}\"");
        self.wait_until(kind, |event| event.contains(&name))
    }

    fn wait_until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            while let Some(event) = self.events.get(self.seen) {
                self.seen += 1;
                if wanted(event) {
                    return event.clone();
                }
            }
            assert!(
                Instant::now() < end,
                "baresip waited in vain for {what}\n{}",
                self.report()
            );
            self.read();
        }
    }

    /// Whether an event of this type has come so far, waited for or not.
    pub(crate) fn has_seen(&mut self, kind: &str) -> bool {
        self.count(kind) > 0
    }

    /// How many events of this type have come so far.
    pub(crate) fn count(&mut self, kind: &str) -> usize {
        self.read();
        let name = format!("\"type\":\"{kind}\"");
        self.events.iter().filter(|event| event.contains(&name)).count()
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        if let Ok(length) = self.control.read(&mut buffer) {
            assert!(length > 0, "baresip has ended\n{}", self.report());
            self.unread.extend(&buffer[..length]);
        }
        while let Some((event, rest)) = netstring(&self.unread) {
            self.events.push(event);
            self.unread = rest;
        }
    }

    /// What the phone has heard so far in its latest call.
    pub(crate) fn heard(&self) -> Vec<i16> {
        let files = std::fs::read_dir(self.folder.path().join("heard")).unwrap();
        let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with("dec.wav"));
        files.sort();
        files
            .last()
            .map(|path| sound::read_wav(&std::fs::read(path).unwrap()))
            .unwrap_or_default()
    }

    /// What the phone hears from now on, for so long.
    pub(crate) fn listen(&self, time: Duration) -> Vec<i16> {
        let before = self.heard().len();
        std::thread::sleep(time);
        self.heard().get(before..).unwrap_or_default().to_vec()
    }

    fn report(&self) -> String {
        let screen = process::text(&self.folder.path().join("screen"));
        format!(
            "---- events ----\n{}\n---- screen ----\n{}",
            self.events.join("\n"),
            process::tail(&screen, 200)
        )
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        process::terminate(&self.child);
        if process::wait(&mut self.child, Duration::from_secs(3)).is_none() {
            process::kill(&mut self.child);
        }
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        }
    }
}

/// A baresip without an account, its control connection and its folder; or what it said before it ended.
fn spawn(frequency: f64) -> Result<(Child, TcpStream, tempfile::TempDir), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (sip, port) = (ports::free_port(), ports::free_port());
    let tone = sound::write_wav(&sound::sine(frequency, 0, 8000 * 60));
    std::fs::write(path("tone.wav"), tone).unwrap();
    std::fs::create_dir(path("heard")).unwrap();
    std::fs::write(path("accounts"), "").unwrap();
    let config = configuration(sip, port, &path("tone.wav"), &path("heard"));
    std::fs::write(path("config"), config).unwrap();
    let screen = File::create(path("screen")).unwrap();
    let mut child = Command::new("baresip")
        .args(["-s", "-f"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(screen.try_clone().unwrap())
        .stderr(screen)
        .spawn()
        .unwrap();
    let control = process::poll(PATIENCE, || {
        let ended = child.try_wait().unwrap().is_some();
        ended
            .then_some(None)
            .or_else(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(Some))
    });
    match control.flatten() {
        Some(control) => Ok((child, control, folder)),
        None => {
            process::kill(&mut child);
            Err(process::text(&folder.path().join("screen")))
        }
    }
}

fn configuration(sip: u16, control: u16, tone: &str, heard: &str) -> String {
    // There is no sound card: the microphone is a file, the loudspeaker a filter that writes down what it gets.
    format!(
        "sip_listen 127.0.0.1:{sip}\nnet_interface 127.0.0.1\nmodule_path /usr/lib/baresip/modules\n\
         module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
         module_app account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
         ctrl_tcp_listen 127.0.0.1:{control}\naudio_source aufile,{tone}\naudio_player aubridge,loudspeaker\n\
         audio_alert aubridge,bell\nsnd_path {heard}\nring_aufile none\nrtp_ports 33000-60000\n"
    )
}

/// The first whole netstring (`length:text,`), and what follows it.
fn netstring(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).unwrap().parse().unwrap();
    let text = bytes.get(colon + 1..colon + 1 + length)?;
    let rest = bytes.get(colon + 2 + length..)?;
    Some((String::from_utf8_lossy(text).into_owned(), rest.to_vec()))
}
