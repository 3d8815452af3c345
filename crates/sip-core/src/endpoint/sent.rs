//! Requests made from requests that we sent: the ACK of a failure, the CANCEL, the second try after a challenge.
//!
//! They work on our own bytes, in which every header has its long name and none is written twice but Route.

use bytes::Bytes;

use crate::HeaderName;
use crate::dialog::compose::{Composer, Value};

/// A request of ours, cut in pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    start: &'a [u8],
    headers: &'a [u8],
    body: &'a [u8],
}

impl<'a> Sent<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let line = find(data, b"\r\n")?;
        let end = find(data, b"\r\n\r\n")?;
        Some(Self {
            start: data.get(..line)?,
            headers: data.get(line + 2..end + 2)?,
            body: data.get(end + 4..)?,
        })
    }

    /// The Request-URI.
    pub(super) fn uri(&self) -> &'a [u8] {
        uri_of(self.start)
    }

    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The CSeq number.
    pub(super) fn cseq(&self) -> u32 {
        let value = self.value("CSeq").unwrap_or_default();
        let digits = value.split(|&byte| byte == b' ').next().unwrap_or_default();
        core::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_default()
    }

    /// The value of a header.
    pub(super) fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.lines().find_map(|line| Some(named(line, name)?.trim_ascii()))
    }

    /// The values of a header that may be there several times.
    pub(super) fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines()
            .filter_map(move |line| Some(named(line, name)?.trim_ascii()))
    }

    /// The ACK of a failure (RFC 3261 §17.1.1.3), with the To of its response; or the CANCEL (§9.1), with our own.
    pub(super) fn companion(&self, method: &str, to: Option<&[u8]>) -> Composer {
        let mut out = Composer::request(method, self.uri());
        for line in self.lines() {
            let copied = ["Via", "Route", "From", "Call-ID", "Max-Forwards"]
                .iter()
                .any(|name| named(line, name).is_some());
            match to {
                _ if copied => drop(out.lines(line)),
                None if named(line, "To").is_some() => drop(out.lines(line)),
                Some(_) | None => {}
            }
        }
        if let Some(to) = to {
            out.raw("To", to);
        }
        out.display("CSeq", format_args!("{} {method}", self.cseq()));
        out
    }

    /// The same request with another Via and CSeq, and with other values of some headers: with credentials (RFC 3261 §22.2),
    /// or another interval.
    pub(super) fn again(&self, via: &impl Value, cseq: u32, others: &[(HeaderName, Bytes)]) -> Bytes {
        let method = self.start.split(|&byte| byte == b' ').next().unwrap_or_default();
        let method = core::str::from_utf8(method).unwrap_or_default();
        let mut out = Composer::request(method, self.uri());
        out.value("Via", via);
        for line in self.lines() {
            let replaced = ["Via", "CSeq", "Content-Length", "Content-Type"].into_iter();
            let mut replaced = replaced.chain(others.iter().map(|(name, _)| name.as_str()));
            if !replaced.any(|name| named(line, name).is_some()) {
                out.lines(line);
            }
        }
        out.display("CSeq", format_args!("{cseq} {method}"));
        for (name, value) in others {
            out.header(name, value);
        }
        out.finish(self.value("Content-Type").map(|content_type| (content_type, self.body)))
    }

    /// The same request to another target, without the credentials for the last one.
    pub(super) fn redirected(
        &self,
        target: &str,
        via: &impl Value,
        cseq: u32,
        headers: &[(HeaderName, Bytes)],
    ) -> Bytes {
        let mut out = Composer::request("INVITE", target.as_bytes());
        out.value("Via", via);
        for line in self.lines() {
            let left_out = [
                "Via",
                "CSeq",
                "Content-Length",
                "Content-Type",
                "Authorization",
                "Proxy-Authorization",
            ];
            let given = headers.iter().map(|(name, _)| name.as_str());
            if !left_out
                .into_iter()
                .chain(given)
                .any(|name| named(line, name).is_some())
            {
                out.lines(line);
            }
        }
        out.display("CSeq", format_args!("{cseq} INVITE"));
        for (name, value) in headers {
            out.header(name, value);
        }
        out.finish(self.value("Content-Type").map(|content_type| (content_type, self.body)))
    }

    /// The same request with another Via, for another hop (RFC 3263 §4.3).
    pub(super) fn elsewhere(&self, via: &impl Value) -> Bytes {
        let mut out = Vec::with_capacity(self.start.len() + self.headers.len() + self.body.len() + 160);
        out.extend_from_slice(self.start);
        out.extend_from_slice(b"\r\nVia: ");
        via.write(&mut out);
        out.extend_from_slice(b"\r\n");
        for line in self.lines().filter(|line| named(line, "Via").is_none()) {
            out.extend_from_slice(line);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
        Bytes::from(out)
    }

    /// Header fields with their line ends, and with the continuation lines that belong to them.
    fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.headers;
        core::iter::from_fn(move || {
            let mut end = find(rest, b"\r\n")? + 2;
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += find(rest.get(end..)?, b"\r\n")? + 2;
            }
            let (line, after) = rest.split_at_checked(end)?;
            rest = after;
            Some(line)
        })
    }
}

/// The Request-URI of a request.
pub(super) fn uri_of(request: &[u8]) -> &[u8] {
    let Some(start) = memchr::memchr(b' ', request) else {
        return &[];
    };
    let rest = request.get(start + 1..).unwrap_or_default();
    rest.get(..memchr::memchr(b' ', rest).unwrap_or(rest.len()))
        .unwrap_or_default()
}

fn named<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    if head.eq_ignore_ascii_case(name.as_bytes()) {
        value.strip_prefix(b":")
    } else {
        None
    }
}

fn find(data: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(data, needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialog::compose::Displayed;

    const INVITE: &[u8] = b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
        Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nFrom: A\r\n <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\n\
        CSeq: 7 INVITE\r\nSubject: Via: no\r\nContent-Type: application/sdp\r\nContent-Length: 2\r\n\r\nv=";

    #[test]
    fn an_ack_has_what_the_rfc_asks_for() {
        let ack = Sent::read(INVITE)
            .unwrap()
            .companion("ACK", Some(b"<sip:b@h>;tag=2"))
            .finish(None);
        let expected: &[u8] = b"ACK sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
            Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nFrom: A\r\n <sip:a@h>;tag=1\r\nCall-ID: x\r\n\
            To: <sip:b@h>;tag=2\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(ack, expected);
    }

    #[test]
    fn a_second_try_keeps_all_but_via_and_cseq() {
        let again =
            Sent::read(INVITE)
                .unwrap()
                .again(&Displayed("V"), 8, &[(HeaderName::Authorization, "Digest x".into())]);
        let expected: &[u8] = b"INVITE sip:b@h SIP/2.0\r\nVia: V\r\nMax-Forwards: 70\r\n\
            Route: <sip:p;lr>\r\nRoute: <sip:q;lr>\r\nFrom: A\r\n <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\n\
            Subject: Via: no\r\nCSeq: 8 INVITE\r\nAuthorization: Digest x\r\n\
            Content-Type: application/sdp\r\nContent-Length: 2\r\n\r\nv=";
        assert_eq!(again, expected);
        let third =
            Sent::read(&again)
                .unwrap()
                .again(&Displayed("W"), 9, &[(HeaderName::Authorization, "Digest y".into())]);
        assert_eq!(third.windows(14).filter(|bytes| bytes == b"Authorization:").count(), 1);
    }
}
