//! The tolerant side. One pass over the lines; what is kept is copied once.

use crate::error::{ParseError, ParseErrorKind as Kind};
use crate::limits::Limits;
use crate::session::{Address, Attribute, Bandwidth, Connection, Media, MediaKind, Origin, Session, Timing};

pub(crate) fn session(text: &[u8], limits: &Limits) -> Result<Session, ParseError> {
    if text.len() > limits.bytes {
        return Err(ParseError {
            kind: Kind::TooLong,
            offset: limits.bytes,
        });
    }
    let mut reader = Reader {
        limits,
        session: Session::default(),
        seen: Seen::default(),
    };
    let mut offset = 0;
    // A CRLF makes an empty line between its two bytes, and empty lines are skipped anyway.
    for line in text.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if line.len() > limits.line {
            return Err(ParseError {
                kind: Kind::LineTooLong,
                offset: offset + limits.line,
            });
        }
        if let Some(nul) = line.iter().position(|byte| *byte == 0) {
            return Err(ParseError {
                kind: Kind::Nul,
                offset: offset + nul,
            });
        }
        reader.line(line).map_err(|kind| ParseError { kind, offset })?;
        offset += line.len() + 1;
    }
    if reader.seen.version {
        Ok(reader.session)
    } else {
        Err(ParseError {
            kind: Kind::MissingVersion,
            offset: text.len(),
        })
    }
}

/// Which of the lines that are kept once have come already in the session section.
#[derive(Default)]
struct Seen {
    version: bool,
    origin: bool,
    name: bool,
    timing: bool,
}

struct Reader<'a> {
    limits: &'a Limits,
    session: Session,
    seen: Seen,
}

impl Reader<'_> {
    fn line(&mut self, line: &[u8]) -> Result<(), Kind> {
        let line = line.trim_ascii();
        let Some((letter, rest)) = line.split_first() else {
            return Ok(());
        };
        let rest = rest.trim_ascii_start().strip_prefix(b"=").ok_or(Kind::NotALine)?;
        if !letter.is_ascii_alphabetic() {
            return Err(Kind::NotALine);
        }
        let text = readable(rest.trim_ascii());
        match letter {
            b'v' => self.version(&text),
            b'o' if !core::mem::replace(&mut self.seen.origin, true) => {
                self.session.origin = origin(&text)?;
                Ok(())
            }
            b's' if !core::mem::replace(&mut self.seen.name, true) => {
                self.session.name = if text == "-" { String::new() } else { text };
                Ok(())
            }
            b't' if !core::mem::replace(&mut self.seen.timing, true) => {
                self.session.timing = timing(&text);
                Ok(())
            }
            b'i' if !text.is_empty() => {
                self.section().information.get_or_insert(text);
                Ok(())
            }
            b'c' => {
                let address = address(&text).ok_or(Kind::MalformedConnection)?;
                self.section().connection.get_or_insert(Connection { address });
                Ok(())
            }
            b'b' => self.bandwidth(&text),
            b'a' => self.attribute(&text),
            b'm' => self.media(&text),
            // u=, e=, p=, r=, z=, k=, repetitions of the above and whatever is unknown.
            _ => Ok(()),
        }
    }

    fn version(&mut self, text: &str) -> Result<(), Kind> {
        if text != "0" {
            return Err(Kind::UnsupportedVersion);
        }
        self.seen.version = true;
        Ok(())
    }

    fn bandwidth(&mut self, text: &str) -> Result<(), Kind> {
        let limit = self.limits.bandwidths;
        let section = self.section();
        if section.bandwidths.len() >= limit {
            return Err(Kind::TooManyBandwidths);
        }
        if let Some((kind, value)) = text.split_once(':') {
            let kind = kind.trim_ascii().to_owned();
            if let (false, Some(value)) = (kind.is_empty() || kind.contains(is_blank), number(value.trim_ascii())) {
                section.bandwidths.push(Bandwidth { kind, value });
            }
        }
        Ok(())
    }

    fn attribute(&mut self, text: &str) -> Result<(), Kind> {
        let limit = self.limits.attributes;
        let section = self.section();
        if section.attributes.len() >= limit {
            return Err(Kind::TooManyAttributes);
        }
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start().to_owned())),
            None => (text, None),
        };
        if !name.is_empty() {
            let name = if name.contains(is_blank) {
                name.replace(is_blank, "_")
            } else {
                name.to_owned()
            };
            section.attributes.push(Attribute { name, value });
        }
        Ok(())
    }

    fn media(&mut self, text: &str) -> Result<(), Kind> {
        if self.session.media.len() >= self.limits.media {
            return Err(Kind::TooManyMedia);
        }
        let mut fields = text.split_ascii_whitespace();
        let kind = fields.next().ok_or(Kind::MalformedMedia)?;
        let port = fields.next().ok_or(Kind::MalformedMedia)?;
        let protocol = fields.next().ok_or(Kind::MalformedMedia)?;
        let (port, ports) = match port.split_once('/') {
            Some((port, ports)) => (
                port,
                number(ports).and_then(|n| u16::try_from(n).ok()).unwrap_or(1).max(1),
            ),
            None => (port, 1),
        };
        let port = number(port)
            .and_then(|n| u16::try_from(n).ok())
            .ok_or(Kind::PortOutOfRange)?;
        let formats: Vec<String> = fields.by_ref().take(self.limits.formats).map(str::to_owned).collect();
        if fields.next().is_some() {
            return Err(Kind::TooManyFormats);
        }
        let media = Media {
            ports,
            formats,
            ..Media::new(MediaKind::from(kind), port, protocol)
        };
        self.session.media.push(media);
        Ok(())
    }

    /// Where a line that may stand in either kind of section belongs.
    fn section(&mut self) -> Section<'_> {
        match self.session.media.last_mut() {
            Some(media) => Section {
                information: &mut media.information,
                connection: &mut media.connection,
                bandwidths: &mut media.bandwidths,
                attributes: &mut media.attributes,
            },
            None => Section {
                information: &mut self.session.information,
                connection: &mut self.session.connection,
                bandwidths: &mut self.session.bandwidths,
                attributes: &mut self.session.attributes,
            },
        }
    }
}

struct Section<'a> {
    information: &'a mut Option<String>,
    connection: &'a mut Option<Connection>,
    bandwidths: &'a mut Vec<Bandwidth>,
    attributes: &'a mut Vec<Attribute>,
}

/// The text of a line: what is not UTF-8 is read as `?`, other control characters as blanks. Never longer than the line.
fn readable(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.extend(
            chunk
                .valid()
                .chars()
                .map(|c| if c.is_ascii_control() { ' ' } else { c }),
        );
        if !chunk.invalid().is_empty() {
            text.push('?');
        }
    }
    let trimmed = text.trim_matches(' ');
    if trimmed.len() == text.len() {
        text
    } else {
        trimmed.to_owned()
    }
}

fn origin(text: &str) -> Result<Origin, Kind> {
    let (username, rest) = text.split_once(' ').ok_or(Kind::MalformedOrigin)?;
    let mut fields = rest.split_ascii_whitespace();
    let mut next = || fields.next().ok_or(Kind::MalformedOrigin);
    let (session_id, version) = (next()?, next()?);
    let address = three(next()?, next()?, next()?);
    let number = |text| number(text).unwrap_or(0);
    Ok(Origin {
        username: username.to_owned(),
        session_id: number(session_id),
        version: number(version),
        address,
    })
}

/// `IN IP4 192.0.2.1`.
pub(crate) fn address(text: &str) -> Option<Address> {
    let mut fields = text.split_ascii_whitespace();
    Some(three(fields.next()?, fields.next()?, fields.next()?))
}

fn three(network: &str, kind: &str, address: &str) -> Address {
    let known = network.eq_ignore_ascii_case("IN") && ["IP4", "IP6"].iter().any(|k| k.eq_ignore_ascii_case(kind));
    match address.parse() {
        // Some write an IPv6 address with `IP4`; the address itself says what it is.
        Ok(ip) if known => Address::Ip(ip),
        _ => Address::Other(format!("{network} {kind} {address}")),
    }
}

fn timing(text: &str) -> Timing {
    let mut fields = text.split_ascii_whitespace().map(|field| number(field).unwrap_or(0));
    Timing {
        start: fields.next().unwrap_or(0),
        stop: fields.next().unwrap_or(0),
    }
}

/// Decimal digits; the largest number where they say more than fits.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn is_blank(c: char) -> bool {
    c == ' '
}
