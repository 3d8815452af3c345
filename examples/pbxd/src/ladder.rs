//! Every SIP message as one line, so that a call can be read from top to bottom.

use std::fmt;
use std::net::SocketAddr;

use sip_core::Transport;

/// The part of the log that shows the ladder: `sip=debug`.
pub(crate) const TARGET: &str = "sip";

/// Logs a message that came in.
pub(crate) fn received(transport: Transport, remote: SocketAddr, data: &[u8]) {
    if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        tracing::debug!(target: TARGET, "{}", Rung { arrow: "──▶ pbxd", transport, remote, data });
    }
}

/// Logs a message that goes out.
pub(crate) fn sent(transport: Transport, remote: SocketAddr, data: &[u8]) {
    if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        tracing::debug!(target: TARGET, "{}", Rung { arrow: "◀── pbxd", transport, remote, data });
    }
}

struct Rung<'a> {
    arrow: &'static str,
    transport: Transport,
    remote: SocketAddr,
    data: &'a [u8],
}

impl fmt::Display for Rung<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remote = format_args!("{}", self.remote).to_string();
        write!(f, "{:?} {remote:>21} {}  ", self.transport, self.arrow)?;
        let mut lines = self
            .data
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        if first.is_empty() {
            return write!(f, "({} bytes)", self.data.len());
        }
        // What the protocol's name adds to each line is noise.
        let shown = first
            .strip_suffix(b" SIP/2.0")
            .or_else(|| first.strip_prefix(b"SIP/2.0 "))
            .unwrap_or(first);
        masked(f, shown, 100)?;
        for line in lines.take_while(|line| !line.is_empty()) {
            if let Some(value) = header(line, &[b"CSeq"]) {
                f.write_str("  [")?;
                masked(f, value, 24)?;
                f.write_str("]")?;
            } else if let Some(value) = header(line, &[b"Call-ID", b"i"]) {
                f.write_str("  call ")?;
                masked(f, value, 24)?;
            }
        }
        Ok(())
    }
}

fn header<'a>(line: &'a [u8], names: &[&[u8]]) -> Option<&'a [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let known = names.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known));
    known.then(|| value.get(1..).unwrap_or_default().trim_ascii())
}

/// At most `most` characters; what could move the cursor of a terminal is shown as a dot.
fn masked(f: &mut fmt::Formatter<'_>, bytes: &[u8], most: usize) -> fmt::Result {
    let text = String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes));
    for c in text.chars() {
        fmt::Write::write_char(f, if c.is_control() { '·' } else { c })?;
    }
    if bytes.len() > most { f.write_str("…") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(data: &[u8]) -> String {
        Rung {
            arrow: "──▶ pbxd",
            transport: Transport::Udp,
            remote: SocketAddr::from(([192, 0, 2, 1], 5060)),
            data,
        }
        .to_string()
    }

    #[test]
    fn shows_what_a_reader_looks_for() {
        let invite =
            b"INVITE sip:1002@pbx.test SIP/2.0\r\nVia: x\r\ni: abc@host\r\nCSeq:  1 INVITE\r\n\r\nCall-ID: body";
        assert_eq!(
            rung(invite),
            "Udp        192.0.2.1:5060 ──▶ pbxd  INVITE sip:1002@pbx.test  call abc@host  [1 INVITE]"
        );
        assert!(rung(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n").ends_with("486 Busy Here  [1 INVITE]"));
    }

    #[test]
    fn hostile_bytes_stay_on_their_line() {
        let line = rung(b"BYE \x1b[2J\x07 SIP/2.0\r\nCSeq");
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(rung(&[0xff; 5000]).chars().count() < 200);
        assert!(rung(b"").ends_with("(0 bytes)"));
        assert!(rung(b"\r\n\r\n").ends_with("(4 bytes)"));
    }
}
