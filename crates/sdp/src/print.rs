//! The strict side: fields in the order of RFC 8866 §5, CRLF, no value that could break a line.

use core::fmt::{self, Display, Formatter, Write};

use crate::session::{Address, Attribute, Bandwidth, Connection, Media, Session};

impl Display for Session {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        write!(
            f,
            "v=0\r\no={} {} {} ",
            Token(&origin.username),
            origin.session_id,
            origin.version
        )?;
        write!(f, "{}\r\ns={}\r\n", origin.address, Text(&self.name, "-"))?;
        common(
            f,
            self.information.as_deref(),
            self.connection.as_ref(),
            &self.bandwidths,
        )?;
        write!(f, "t={} {}\r\n", self.timing.start, self.timing.stop)?;
        self.attributes.iter().try_for_each(|attribute| attribute.fmt(f))?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl Display for Media {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", Token(self.kind.as_str()), self.port)?;
        if self.ports > 1 {
            write!(f, "/{}", self.ports)?;
        }
        write!(f, " {}", Token(&self.protocol))?;
        for format in &self.formats {
            write!(f, " {}", Token(format))?;
        }
        if self.formats.is_empty() {
            f.write_str(" 0")?;
        }
        f.write_str("\r\n")?;
        common(
            f,
            self.information.as_deref(),
            self.connection.as_ref(),
            &self.bandwidths,
        )?;
        self.attributes.iter().try_for_each(|attribute| attribute.fmt(f))
    }
}

fn common(
    f: &mut Formatter<'_>,
    information: Option<&str>,
    connection: Option<&Connection>,
    bandwidths: &[Bandwidth],
) -> fmt::Result {
    if let Some(information) = information {
        write!(f, "i={}\r\n", Text(information, "-"))?;
    }
    if let Some(connection) = connection {
        write!(f, "c={}\r\n", connection.address)?;
    }
    bandwidths
        .iter()
        .try_for_each(|b| write!(f, "b={}:{}\r\n", Name(&b.kind), b.value))
}

impl Display for Attribute {
    /// With `a=` and the end of the line.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "a={}", Name(&self.name))?;
        if let Some(value) = &self.value {
            write!(f, ":{}", Text(value, ""))?;
        }
        f.write_str("\r\n")
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "IN {} {ip}", if ip.is_ipv4() { "IP4" } else { "IP6" }),
            Self::Other(text) => Text(text, "IN IP4 invalid.").fmt(f),
        }
    }
}

/// Free text: control characters become blanks, blanks at either end go, and an empty text is printed as told.
struct Text<'a>(&'a str, &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_matches(is_blank);
        if text.is_empty() {
            return f.write_str(self.1);
        }
        text.chars()
            .try_for_each(|c| f.write_char(if is_control(c) { ' ' } else { c }))
    }
}

/// A field between blanks: what would end it becomes `_`; an empty one `-`.
struct Token<'a>(&'a str);

impl Display for Token<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        token(f, self.0, is_blank)
    }
}

/// A field before a colon.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        token(f, self.0, |c| is_blank(c) || c == ':')
    }
}

fn token(f: &mut Formatter<'_>, text: &str, ends: impl Fn(char) -> bool) -> fmt::Result {
    if text.is_empty() {
        return f.write_str("-");
    }
    text.chars()
        .try_for_each(|c| f.write_char(if ends(c) { '_' } else { c }))
}

/// The control characters that the reader turns into blanks; a tab is one.
fn is_control(c: char) -> bool {
    c.is_ascii_control()
}

fn is_blank(c: char) -> bool {
    c == ' ' || is_control(c)
}
