//! What a packet is, from its first bytes.

use crate::dialog::raw::tag_of;

/// Lines that are looked at, and the longest that is. Messages with more are refused when they are parsed, at the defaults of
/// [`Limits`](crate::Limits); here they are taken for requests without tag and Via.
const MAX_LINES: usize = 256;
const MAX_LINE: usize = 8_192;

/// What a packet wants to be, before anybody has read it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PacketKind {
    /// Line ends only (RFC 5626 §3.5.1).
    KeepAlive,
    /// A response.
    Response,
    /// An ACK: never answered.
    Ack,
    /// A CANCEL.
    Cancel,
    /// A request with a tag in To, other than ACK, CANCEL and REGISTER.
    InDialog,
    /// A REGISTER.
    Register,
    /// Any other request.
    Request,
    /// No SIP.
    Junk,
}

impl PacketKind {
    /// Whether it is a request that is answered whatever it asks: any but ACK.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        matches!(self, Self::Cancel | Self::InDialog | Self::Register | Self::Request)
    }
}

/// A look at a packet: as much as an early decision needs, found without reading the rest and without an allocation.
///
/// It is not a parser. Where a message is malformed or made to deceive, it may see something else than
/// [`Message::parse`](crate::Message::parse) does: what it tells decides about rates, and nothing else.
///
/// ```
/// use sip_core::guard::{PacketKind, Peek};
///
/// let peek = Peek::read(b"BYE sip:b@h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\nt: <sip:b@h>;tag=7\r\n\r\n");
/// assert_eq!((peek.kind, peek.to_tag), (PacketKind::InDialog, Some(&b"7"[..])));
/// assert_eq!(peek.via, Some(&b"SIP/2.0/UDP h;branch=z9hG4bK1"[..]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Peek<'a> {
    /// What the packet wants to be.
    pub kind: PacketKind,
    /// The method of a request; else empty.
    pub method: &'a [u8],
    /// The tag in the first To line of a request.
    pub to_tag: Option<&'a [u8]>,
    /// The first value of the first Via line.
    pub via: Option<&'a [u8]>,
}

impl<'a> Peek<'a> {
    /// Looks at a datagram, or at a whole message of a stream.
    #[must_use]
    pub fn read(packet: &'a [u8]) -> Self {
        let start = packet.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0));
        let plain = |kind| Self {
            kind,
            method: b"",
            to_tag: None,
            via: None,
        };
        let Some(message) = start.and_then(|start| packet.get(start..)) else {
            return plain(PacketKind::KeepAlive);
        };
        let Some((line, rest)) = next_line(message) else {
            return plain(PacketKind::Junk);
        };
        if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
            let (_, via) = find(rest, false);
            return Self {
                kind: PacketKind::Response,
                method: b"",
                to_tag: None,
                via,
            };
        }
        let method = line.split(|&byte| byte == b' ').next().unwrap_or_default();
        if method.len() == line.len() || method.is_empty() || !method.iter().all(u8::is_ascii_graphic) {
            return plain(PacketKind::Junk);
        }
        let (to_tag, via) = find(rest, true);
        let kind = match method {
            b"ACK" => PacketKind::Ack,
            b"CANCEL" => PacketKind::Cancel,
            // It makes no dialog, whatever its To says.
            b"REGISTER" => PacketKind::Register,
            _ if to_tag.is_some() => PacketKind::InDialog,
            _ => PacketKind::Request,
        };
        Self {
            kind,
            method,
            to_tag,
            via,
        }
    }
}

/// The tag of the first To, if it is wanted, and the first Via.
fn find(mut rest: &[u8], wants_to: bool) -> (Option<&[u8]>, Option<&[u8]>) {
    let (mut to, mut via, mut lines) = (None, None, 0);
    while lines < MAX_LINES
        && (via.is_none() || (wants_to && to.is_none()))
        && let Some((line, after)) = next_line(rest)
        && !line.is_empty()
    {
        let named = match line.first() {
            Some(b'T' | b't') => to
                .is_none()
                .then(|| value(line, b"To", b't'))
                .flatten()
                .map(|value| (true, value)),
            Some(b'V' | b'v') => via
                .is_none()
                .then(|| value(line, b"Via", b'v'))
                .flatten()
                .map(|value| (false, value)),
            _ => None,
        };
        rest = after;
        lines += 1;
        if let Some((is_to, value)) = named {
            let value = unfold(value, &mut rest);
            if is_to {
                to = Some(value);
            } else {
                via = Some(first_item(value));
            }
        }
    }
    (to.and_then(tag_of), via)
}

/// The value of a line with this name.
fn value<'a>(line: &'a [u8], long: &[u8], short: u8) -> Option<&'a [u8]> {
    let after = |name: &[u8]| {
        let (start, rest) = line.split_at_checked(name.len())?;
        let rest = rest.trim_ascii_start();
        // Any white space may stand before the colon, but not any amount of it.
        let is_near = line.len() - rest.len() <= MAX_LINE;
        rest.strip_prefix(b":")
            .filter(|_| is_near && start.eq_ignore_ascii_case(name))
    };
    let value = after(long).or_else(|| after(&[short]))?;
    (value.len() <= MAX_LINE).then_some(value)
}

/// Of a value that is empty on its own line, the line that continues it.
fn unfold<'a>(value: &'a [u8], rest: &mut &'a [u8]) -> &'a [u8] {
    let value = value.trim_ascii();
    if value.is_empty()
        && matches!(rest.first(), Some(b' ' | b'\t'))
        && let Some((line, after)) = next_line(rest)
    {
        *rest = after;
        return line.get(..MAX_LINE).unwrap_or(line).trim_ascii();
    }
    value
}

/// What stands before the first comma that is not in quotes.
fn first_item(value: &[u8]) -> &[u8] {
    if memchr::memchr2(b',', b'"', value).is_none() {
        return value.trim_ascii();
    }
    let mut quoted = false;
    let end = value.iter().position(|&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    });
    value.get(..end.unwrap_or(value.len())).unwrap_or_default().trim_ascii()
}

/// A line without its end, and what follows.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'\n', bytes)?;
    let (line, rest) = bytes.split_at_checked(at)?;
    Some((
        line.strip_suffix(b"\r").unwrap_or(line),
        rest.get(1..).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PacketKind as K;

    #[test]
    fn kinds() {
        for (packet, kind) in [
            ("", K::KeepAlive),
            ("\r\n\r\n", K::KeepAlive),
            ("\0\0", K::KeepAlive),
            ("hello", K::Junk),
            ("hello\r\n", K::Junk),
            (" \r\n", K::Junk),
            ("\u{1}\u{2} x\r\n", K::Junk),
            ("SIP/2.0 200 OK\r\n\r\n", K::Response),
            ("\r\nsip/2.0 200 OK\r\nTo: x;tag=1\r\n\r\n", K::Response),
            ("INVITE sip:a SIP/2.0\r\n\r\n", K::Request),
            ("INVITE sip:a SIP/2.0\r\nTo: <sip:b;tag=1>\r\n\r\n", K::Request),
            ("INVITE sip:a SIP/2.0\r\nTo: <sip:b>;tag=1\r\n\r\n", K::InDialog),
            ("INVITE sip:a SIP/2.0\nTo\t : <sip:b>;tag=1\n\n", K::InDialog),
            ("INVITE sip:a SIP/2.0\r\nTo:\r\n <sip:b>;tag=1\r\n\r\n", K::InDialog),
            ("INVITE sip:a SIP/2.0\r\nTo-Do: <sip:b>;tag=1\r\n\r\n", K::Request),
            (
                "INVITE sip:a SIP/2.0\r\nSubject: x\r\n To: <sip:b>;tag=1\r\n\r\n",
                K::Request,
            ),
            ("INVITE sip:a SIP/2.0\r\n\r\nTo: <sip:b>;tag=1\r\n", K::Request),
            ("REGISTER sip:a SIP/2.0\r\nTo: <sip:b>;tag=1\r\n\r\n", K::Register),
            ("ACK sip:a SIP/2.0\r\nTo: <sip:b>;tag=1\r\n\r\n", K::Ack),
            ("CANCEL sip:a SIP/2.0\r\n\r\n", K::Cancel),
            ("ack sip:a SIP/2.0\r\n\r\n", K::Request),
        ] {
            assert_eq!(Peek::read(packet.as_bytes()).kind, kind, "{packet:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_looked_at() {
        let of = |lines: usize, padding: usize| {
            let padding = " ".repeat(padding);
            let lines = "X: y\r\n".repeat(lines);
            let packet = format!("BYE sip:a SIP/2.0\r\n{lines}To: {padding}<sip:b>;tag=1\r\n\r\n");
            Peek::read(packet.as_bytes()).kind
        };
        assert_eq!((of(MAX_LINES - 1, 0), of(MAX_LINES, 0)), (K::InDialog, K::Request));
        let room = MAX_LINE - " <sip:b>;tag=1".len();
        assert_eq!((of(0, room), of(0, room + 1)), (K::InDialog, K::Request));
    }

    #[test]
    fn the_first_via_is_found_in_any_spelling() {
        let expected: &[u8] = b"SIP/2.0/UDP h;branch=z9hG4bK1";
        for lines in [
            "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n",
            "VIA:SIP/2.0/UDP h;branch=z9hG4bK1 ,SIP/2.0/UDP i\r\n",
            "t: x\r\nv : SIP/2.0/UDP h;branch=z9hG4bK1\r\nv: SIP/2.0/UDP i\r\n",
            "Via:\r\n\tSIP/2.0/UDP h;branch=z9hG4bK1\r\n",
        ] {
            let packet = format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n");
            assert_eq!(Peek::read(packet.as_bytes()).via, Some(expected), "{lines:?}");
            let packet = format!("SIP/2.0 200 OK\r\n{lines}\r\n");
            assert_eq!(Peek::read(packet.as_bytes()).via, Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn agrees_with_the_parser_wherever_that_reads_a_message() {
        use crate::{HeaderName, Message};
        for spelling in ["To: ", "t: ", "TO :", "To:\r\n\t", "Vi: x\r\nTo: \"a;tag=9,\" "] {
            for tag in ["", ";tag=abc"] {
                let packet = format!(
                    "BYE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1,SIP/2.0/TCP i\r\n{spelling}<sip:c@d;x>{tag}\r\n\r\n"
                );
                let peek = Peek::read(packet.as_bytes());
                let message = Message::parse(packet.clone().into()).unwrap();
                assert_eq!(
                    peek.to_tag,
                    message.headers().get(&HeaderName::To).and_then(tag_of),
                    "{spelling:?}"
                );
                assert_eq!(
                    peek.via,
                    message.headers().items(&HeaderName::Via).next(),
                    "{spelling:?}"
                );
            }
        }
    }
}
