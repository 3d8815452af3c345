//! Writes messages straight into one buffer.

use core::fmt::{self, Display, Write as _};

use bytes::Bytes;

use crate::wire::Digits;
use crate::{HeaderName, Method, NameAddr, StatusCode, Uri};

/// A value that is written into a message.
pub(crate) trait Value {
    fn write(&self, out: &mut Vec<u8>);
}

/// What can be displayed.
pub(crate) struct Displayed<T>(pub(crate) T);

impl<T: Display> Value for Displayed<T> {
    fn write(&self, out: &mut Vec<u8>) {
        // Writing to a vector does not fail; a `Display` that fails leaves the value short.
        let _ = write!(VecWriter(out), "{}", self.0);
    }
}

/// A URI in brackets, without its `?` part.
pub(crate) struct Bracketed<'a>(pub(crate) &'a Uri);

impl Value for Bracketed<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'<');
        let _ = self.0.write_plain(&mut VecWriter(out));
        out.push(b'>');
    }
}

/// A message being written. Values from outside the crate are checked by [`is_clean`] before they come here.
#[derive(Debug)]
pub(crate) struct Composer(Vec<u8>);

/// Room for nearly every message without a body.
const USUAL: usize = 768;

impl Composer {
    /// Begins a request.
    pub(crate) fn request(method: &str, uri: &[u8]) -> Self {
        let mut out = Self::begin_request(method);
        out.0.extend_from_slice(uri);
        out.0.extend_from_slice(b" SIP/2.0\r\n");
        out
    }

    /// Begins a request to this URI without its `?` part.
    pub(crate) fn request_to(method: &str, uri: &Uri) -> Self {
        let mut out = Self::begin_request(method);
        let _ = uri.write_plain(&mut VecWriter(&mut out.0));
        out.0.extend_from_slice(b" SIP/2.0\r\n");
        out
    }

    fn begin_request(method: &str) -> Self {
        let mut out = Vec::with_capacity(USUAL);
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        Self(out)
    }

    /// Begins a response.
    pub(crate) fn response(status: StatusCode, reason: Option<&str>) -> Self {
        let mut out = Vec::with_capacity(USUAL);
        out.extend_from_slice(b"SIP/2.0 ");
        out.extend_from_slice(Digits::decimal(status.code()).as_bytes());
        out.push(b' ');
        out.extend_from_slice(reason.unwrap_or_else(|| status.reason()).as_bytes());
        out.extend_from_slice(b"\r\n");
        Self(out)
    }

    /// Appends whole header lines.
    pub(crate) fn lines(&mut self, lines: &[u8]) -> &mut Self {
        self.0.extend_from_slice(lines);
        self
    }

    /// Appends a header.
    pub(crate) fn header(&mut self, name: &HeaderName, value: &[u8]) -> &mut Self {
        self.raw(name.as_str(), value)
    }

    /// Appends a header with a name as written.
    #[inline]
    pub(crate) fn raw(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(value);
        self.end_line()
    }

    /// Appends a header that is printed.
    pub(crate) fn display(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.value(name, &Displayed(value))
    }

    /// Appends a header that writes itself.
    pub(crate) fn value(&mut self, name: &str, value: &impl Value) -> &mut Self {
        self.name(name);
        value.write(&mut self.0);
        self.end_line()
    }

    /// Appends a header that is a number.
    pub(crate) fn number(&mut self, name: &str, number: impl Into<u64>) -> &mut Self {
        self.raw(name, Digits::decimal(number).as_bytes())
    }

    /// Appends the `CSeq`.
    pub(crate) fn cseq(&mut self, number: u32, method: &Method) -> &mut Self {
        self.name("CSeq");
        self.0.extend_from_slice(Digits::decimal(number).as_bytes());
        self.0.push(b' ');
        self.0.extend_from_slice(method.as_str().as_bytes());
        self.end_line()
    }

    /// Appends a From or To with this tag, or with none.
    pub(crate) fn party(&mut self, name: &str, party: &NameAddr, tag: Option<&[u8]>) -> &mut Self {
        self.name(name);
        let mut out = VecWriter(&mut self.0);
        if party.params.is_empty() {
            let _ = party.write(&mut out);
        } else {
            let mut party = party.clone();
            party.params.remove("tag");
            let _ = party.write(&mut out);
        }
        if let Some(tag) = tag {
            self.0.extend_from_slice(b";tag=");
            self.0.extend_from_slice(tag);
        }
        self.end_line()
    }

    /// Ends the message.
    pub(crate) fn finish(mut self, body: Option<(&[u8], &[u8])>) -> Bytes {
        match body {
            Some((content_type, data)) => {
                let length = Digits::decimal(data.len() as u64);
                self.raw("Content-Type", content_type);
                // At once what is still to come.
                self.0.reserve_exact(data.len() + 40);
                self.raw("Content-Length", length.as_bytes()).end_line();
                self.0.extend_from_slice(data);
            }
            None => self.0.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
        }
        Bytes::from(self.0)
    }

    #[inline]
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
    }

    #[inline]
    fn end_line(&mut self) -> &mut Self {
        self.0.extend_from_slice(b"\r\n");
        self
    }
}

/// Lets what writes text write octets.
pub(crate) struct VecWriter<'a>(pub(crate) &'a mut Vec<u8>);

impl fmt::Write for VecWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Whether a header value can be written without breaking the message: no control character but the tab.
pub(crate) fn is_clean(value: &[u8]) -> bool {
    value
        .iter()
        .all(|&byte| byte == b'\t' || (byte >= 0x20 && byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_could_break_the_message_are_seen() {
        assert!(is_clean("a \t\u{e9}".as_bytes()));
        for bad in [&b"a\r\nVia: x"[..], b"\n", b"\0", b"\x7f"] {
            assert!(!is_clean(bad));
        }
    }

    #[test]
    fn a_body_brings_its_type_and_length() {
        let mut composer = Composer::response(StatusCode::OK, None);
        composer.display("Expires", 5);
        let bytes = composer.finish(Some((b"text/plain", b"hello")));
        let expected: &[u8] =
            b"SIP/2.0 200 OK\r\nExpires: 5\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(bytes, expected);
    }
}
