//! Programs that are started for a test, and must end.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Whether a real peer can be used here. Where it is not installed, the test says so and is over; where real peers
/// are required (`STROWGER_REAL_PEERS=required`, as in CI), it fails.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return true;
    }
    let required = std::env::var("STROWGER_REAL_PEERS").is_ok_and(|value| value == "required");
    assert!(
        !required,
        "{program} is not installed, and STROWGER_REAL_PEERS says that it must be"
    );
    // Past the test runner's capture: a test that did not run should not look like one that passed.
    let note = format!(
        "SKIPPED {}: {program} is not installed\n",
        std::thread::current().name().unwrap_or("a test")
    );
    let _ = std::io::stderr().write_all(note.as_bytes());
    false
}

/// Asks until there is an answer, or the time is over.
pub(crate) fn poll<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for the end of a child; `None` if it does not come in time.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    poll(limit, || child.try_wait().unwrap())
}

/// Asks a child to stop, as an administrator would.
pub(crate) fn terminate(child: &Child) {
    signal(child, "TERM");
}

/// Sends a child a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    // The shell's own `kill`: there may be no other.
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .stderr(Stdio::null())
        .status();
}

/// Stops a child at all costs.
pub(crate) fn kill(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A file as text, as far as there is one.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// The last lines of a text, for a failure's report.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
