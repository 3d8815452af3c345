//! Writes messages straight into one buffer.

use core::fmt::{self, Display, Write as _};

use bytes::Bytes;

use crate::{HeaderName, StatusCode};

/// A message being written. Values from outside the crate are checked by [`is_clean`] before they come here.
#[derive(Debug)]
pub(crate) struct Composer(Vec<u8>);

impl Composer {
    /// Begins a request.
    pub(crate) fn request(method: &str, uri: &[u8]) -> Self {
        let mut out = Vec::with_capacity(768);
        out.extend_from_slice(method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(uri);
        out.extend_from_slice(b" SIP/2.0\r\n");
        Self(out)
    }

    /// Begins a response.
    pub(crate) fn response(status: StatusCode, reason: Option<&str>) -> Self {
        let mut composer = Self(Vec::with_capacity(768));
        let reason = reason.unwrap_or_else(|| status.reason());
        composer.print(format_args!("SIP/2.0 {} {reason}\r\n", status.code()));
        composer
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
    pub(crate) fn raw(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b": ");
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// Appends a header that is printed.
    pub(crate) fn display(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.print(format_args!("{name}: {value}\r\n"));
        self
    }

    /// Ends the message.
    pub(crate) fn finish(mut self, body: Option<(&[u8], &[u8])>) -> Bytes {
        match body {
            Some((content_type, data)) => {
                self.raw("Content-Type", content_type);
                self.print(format_args!("Content-Length: {}\r\n\r\n", data.len()));
                self.0.extend_from_slice(data);
            }
            None => self.0.extend_from_slice(b"Content-Length: 0\r\n\r\n"),
        }
        Bytes::from(self.0)
    }

    fn print(&mut self, arguments: fmt::Arguments<'_>) {
        // Writing to a vector does not fail; a `Display` that fails leaves the value short.
        let _ = VecWriter(&mut self.0).write_fmt(arguments);
    }
}

struct VecWriter<'a>(&'a mut Vec<u8>);

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
