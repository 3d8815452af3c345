//! The server under test: the release build, on loopback.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
        .to_path_buf()
}

/// Builds `pbxd` and tells where it is. `PBXD` in the environment names another one.
pub fn build() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("PBXD") {
        return Ok(path.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--release",
            "-p",
            "pbxd",
            "--bin",
            "pbxd",
            "--message-format",
            "json",
        ])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let path = messages
        .lines()
        .rev()
        .find_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
    path.map(PathBuf::from).ok_or_else(|| "pbxd could not be built".into())
}

/// A port of 127.0.0.1 that is free for UDP and TCP.
pub fn free_port() -> Result<u16> {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = udp.local_addr()?.port();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err("no free port".into())
}

/// A running server, stopped when dropped.
pub struct Server {
    child: Child,
    /// Its SIP address.
    pub sip: SocketAddr,
    /// Where its files are.
    pub folder: PathBuf,
}

impl Server {
    /// Starts it and waits until it answers.
    pub fn start(program: &Path) -> Result<Self> {
        Self::start_with(program, configuration)
    }

    /// The same with a queue 600 and its agents. What happens in it is in the file `log` of the server's folder.
    pub fn start_centre(program: &Path, centre: &Centre) -> Result<Self> {
        Self::start_with(program, |sip| centre.configuration(sip))
    }

    fn start_with(program: &Path, configuration: impl Fn(SocketAddr) -> Result<String>) -> Result<Self> {
        let sip = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let folder = std::env::temp_dir().join(format!("bench-pbxd-{}-{}", std::process::id(), sip.port()));
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("pbxd.toml");
        std::fs::write(&config, configuration(sip)?)?;
        let child = Command::new(program)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()?;
        let server = Self { child, sip, folder };
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let local = socket.local_addr()?;
        let request = format!(
            "OPTIONS sip:{sip} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKbench;rport\r\nMax-Forwards: 70\r\n\
             From: <sip:probe@{local}>;tag=1\r\nTo: <sip:{sip}>\r\nCall-ID: bench\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if socket.send_to(request.as_bytes(), sip).is_ok() && socket.recv(&mut [0; 2048]).is_ok() {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("pbxd does not answer".into())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A queue and its agents.
pub struct Centre {
    /// How many agents, each at a phone of his own.
    pub agents: usize,
    /// Whether the queue answers its callers.
    pub answers: bool,
    /// Whether they hear music.
    pub music: bool,
}

/// The numbers of agents and their phones.
pub fn agents(count: usize) -> impl Iterator<Item = String> {
    (2001..).take(count).map(|number: u32| number.to_string())
}

impl Centre {
    fn configuration(&self, sip: SocketAddr) -> Result<String> {
        let mut text = configuration(sip)?.replace("\"warn\"", "\"warn,queue=info\"");
        for number in agents(self.agents) {
            write!(
                text,
                "[[extension]]\nnumber = \"{number}\"\npassword = \"secret-{number}\"\n"
            )?;
            write!(
                text,
                "[[agent]]\nnumber = \"{number}\"\nat = \"{number}\"\nqueues = [\"600\"]\n"
            )?;
        }
        let music = if self.music { "default" } else { "none" };
        write!(
            text,
            "[[queue]]\nnumber = \"600\"\nanswers = {}\nmusic = \"{music}\"\n",
            self.answers
        )?;
        Ok(text)
    }
}

fn configuration(sip: SocketAddr) -> Result<String> {
    // Above the ports that the system gives out by itself, where tests have none.
    let mut text = format!(
        "domain = \"pbx.test\"\n[log]\nlevel = \"warn\"\n[sip]\nudp = [\"{sip}\"]\ntcp = [\"{sip}\"]\n[media]\n\
         address = \"127.0.0.1\"\nports = \"61000-65535\"\nrtp_timeout = \"1h\"\n"
    );
    for number in ["1001", "1002"] {
        write!(
            text,
            "[[extension]]\nnumber = \"{number}\"\nname = \"Bench\"\npassword = \"secret-{number}\"\n"
        )?;
    }
    text.push_str("[[lot]]\nnumber = \"700\"\nslots = \"701-720\"\n");
    Ok(text)
}
