//! SIPp as the phones. The scenarios are those of the server's tests.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::server::{Server, free_port, root};

/// A SIPp at work, killed when dropped.
pub struct Sipp {
    child: Child,
    name: String,
    log: std::path::PathBuf,
    errors: std::path::PathBuf,
    started: Instant,
}

/// What a SIPp is to do.
pub struct Plan<'a> {
    /// Name of the scenario's file.
    pub scenario: &'a str,
    /// The phone's number.
    pub number: &'a str,
    /// Its SIP port.
    pub port: u16,
    /// How many calls.
    pub calls: usize,
    /// Further words of the command line.
    pub more: &'a [String],
    /// A port for audio for each call; otherwise all name the discard port.
    pub audio: Option<&'a [u16]>,
}

impl Sipp {
    /// Starts one.
    pub fn start(server: &Server, plan: &Plan<'_>) -> Result<Self> {
        let name = format!("{}-{}", plan.scenario, plan.port);
        let file = |kind: &str| server.folder.join(format!("{name}.{kind}"));
        let source = root().join(format!("examples/pbxd/tests/sipp/{}.xml", plan.scenario));
        let mut scenario = std::fs::read_to_string(source)?;
        let mut command = Command::new("sipp");
        if let Some(ports) = plan.audio {
            scenario = scenario
                .replace("[audio]", "[field0]")
                .replace("\"audio=[$audio_port]\"", "\"leg [field0] [$audio_port]\"");
            let lines: String = ports.iter().map(|port| format!("{port};\n")).collect();
            std::fs::write(file("csv"), format!("SEQUENTIAL\n{lines}"))?;
            command
                .arg("-inf")
                .arg(file("csv"))
                .arg("-trace_logs")
                .arg("-log_file")
                .arg(file("log"));
        }
        std::fs::write(file("xml"), scenario)?;
        let _ = std::fs::remove_file(file("log"));
        let child = command
            .arg(server.sip.to_string())
            .arg("-sf")
            .arg(file("xml"))
            .args([
                "-i",
                "127.0.0.1",
                "-mi",
                "127.0.0.1",
                "-nostdin",
                "-timeout",
                "120",
                "-timeout_error",
            ])
            .args([
                "-p",
                &plan.port.to_string(),
                "-cp",
                &free_port()?.to_string(),
                "-m",
                &plan.calls.to_string(),
            ])
            .args(["-key", "number", plan.number, "-key", "audio", "9", "-au", plan.number])
            .args(["-ap", &format!("secret-{}", plan.number), "-buff_size", "1048576"])
            .args(["-trace_err", "-error_file"])
            .arg(file("errors"))
            .args(plan.more)
            .current_dir(&server.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            log: file("log"),
            errors: file("errors"),
            name,
            started: Instant::now(),
        })
    }

    /// Registers the phone at a port, from that port.
    pub fn register(server: &Server, number: &str, port: u16) -> Result<()> {
        Self::start(
            server,
            &Plan {
                scenario: "register",
                number,
                port,
                calls: 1,
                more: &[],
                audio: None,
            },
        )?
        .finish()?;
        Ok(())
    }

    /// Waits for its end and tells how long it took; an error if a call failed.
    pub fn finish(mut self) -> Result<Duration> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(self.started.elapsed());
        }
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        let first: Vec<&str> = errors.lines().take(12).collect();
        Err(format!("{} failed ({status})\n{}", self.name, first.join("\n")).into())
    }

    /// Where its files are.
    pub fn folder(&self) -> &std::path::Path {
        self.log.parent().unwrap_or(std::path::Path::new("."))
    }

    /// The legs it has logged: its own audio port, and the server's.
    pub fn legs(&self) -> Vec<(u16, u16)> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let leg = |line: &str| {
            let (own, theirs) = line.split_once("leg ")?.1.split_once(' ')?;
            Some((own.parse().ok()?, theirs.trim().parse().ok()?))
        };
        log.lines().filter_map(leg).collect()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls from 1001 to 1002: both phones at work.
pub struct Calls {
    /// The one who calls.
    pub caller: Sipp,
    /// The one who answers.
    pub called: Sipp,
}

impl Calls {
    /// Starts `calls` calls at `rate` a second, each of which lasts for `talk`.
    pub fn start(
        server: &Server,
        calls: usize,
        rate: usize,
        talk: Duration,
        audio: Option<(&[u16], &[u16])>,
    ) -> Result<Self> {
        let port = free_port()?;
        Sipp::register(server, "1002", port)?;
        let called = Plan {
            scenario: "uas_answer",
            number: "1002",
            port,
            calls,
            more: &[],
            audio: audio.map(|a| a.1),
        };
        let called = Sipp::start(server, &called)?;
        std::thread::sleep(Duration::from_millis(300));
        let uri = format!("1002@{}", server.sip);
        let words = [
            "-s",
            "1002",
            "-auth_uri",
            &uri,
            "-r",
            &rate.to_string(),
            "-l",
            &calls.to_string(),
        ];
        let mut more: Vec<String> = words.iter().map(ToString::to_string).collect();
        more.extend(["-d".to_owned(), talk.as_millis().to_string()]);
        let port = free_port()?;
        let caller = Plan {
            scenario: "uac_call",
            number: "1001",
            port,
            calls,
            more: &more,
            audio: audio.map(|a| a.0),
        };
        Ok(Self {
            caller: Sipp::start(server, &caller)?,
            called,
        })
    }

    /// Waits until all calls are over, none of which may have failed; how long the caller was at it.
    pub fn finish(self) -> Result<Duration> {
        let time = self.caller.finish()?;
        self.called.finish()?;
        Ok(time)
    }
}
