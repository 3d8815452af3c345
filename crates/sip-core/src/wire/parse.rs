//! Reads a whole message: start line, header table, Content-Length, body.

use super::lexer::{Lexer, is_token_byte};
use super::scan::{find, find_control, find_line_end};
use super::{HeaderName, Headers, Message, Method, ParseError, ParseErrorKind, Request, Response, StatusCode};
use crate::Limits;
use bytes::Bytes;

/// What a start line says. Offsets are in the message.
pub(super) enum StartLine {
    Request { method: Method, uri: Bytes },
    Response { status: StatusCode, reason: Bytes },
}

pub(super) fn parse_message(mut datagram: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    let skipped = leading_line_ends(&datagram);
    let wire = datagram.split_off(skipped);
    parse_skipped(wire, limits).map_err(|error| error.shifted(skipped))
}

/// Octets of line ends before a message (RFC 3261 §7.5).
pub(super) fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(bytes.len())
}

fn parse_skipped(wire: Bytes, limits: &Limits) -> Result<Message, ParseError> {
    if wire.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    if wire.len() > limits.message || u32::try_from(wire.len()).is_err() {
        return Err(ParseError::new(ParseErrorKind::MessageTooLarge, limits.message));
    }
    let (start_line, head) = parse_start_line(&wire, limits)?;
    let (mut headers, noted) = Headers::parse(wire, head, limits)?;
    let body_at = noted.body_at;
    let counts = [
        (
            HeaderName::Via,
            noted.vias_at_most,
            limits.vias,
            ParseErrorKind::TooManyVias,
        ),
        (
            HeaderName::Contact,
            noted.contacts_at_most,
            limits.contacts,
            ParseErrorKind::TooManyContacts,
        ),
        (
            HeaderName::Route,
            noted.routes_at_most,
            limits.routes,
            ParseErrorKind::TooManyRoutes,
        ),
    ];
    for (name, at_most, limit, kind) in counts {
        if at_most > limit {
            check_count(&headers, &name, limit, kind)?;
        }
    }
    let available = headers.wire().len() - body_at;
    let length_error = |kind| ParseError::new(kind, noted.length_at);
    let length = match noted.length.map_err(length_error)? {
        None => available,
        Some(length) => usize::try_from(length)
            .ok()
            .filter(|length| *length <= available)
            .ok_or(length_error(ParseErrorKind::BodyTooShort))?,
    };
    if length > limits.body {
        return Err(ParseError::new(ParseErrorKind::BodyTooLarge, body_at));
    }
    headers.truncate_wire(body_at + length);
    let body = headers.wire().slice(body_at..);
    Ok(match start_line {
        StartLine::Request { method, uri } => Message::Request(Request::from_wire(method, uri, headers, body)),
        StartLine::Response { status, reason } => Message::Response(Response::from_wire(status, reason, headers, body)),
    })
}

/// Reads the first line; gives where the headers start.
fn parse_start_line(wire: &Bytes, limits: &Limits) -> Result<(StartLine, usize), ParseError> {
    let (line, next) = first_line(wire)?;
    if line.len() > limits.start_line {
        return Err(ParseError::new(ParseErrorKind::StartLineTooLong, 0));
    }
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return Ok((parse_status_line(wire, line)?, next));
    }
    Ok((parse_request_line(wire, line, limits)?, next))
}

/// The first line without its line end, and where the next one starts.
pub(super) fn first_line(wire: &[u8]) -> Result<(&[u8], usize), ParseError> {
    let at = find_line_end(wire).ok_or(ParseError::new(ParseErrorKind::StartLine, wire.len()))?;
    let (line, rest) = wire.split_at(at);
    match rest {
        [b'\n', ..] => Ok((line, at + 1)),
        [b'\r', b'\n', ..] => Ok((line, at + 2)),
        _ => Err(ParseError::new(ParseErrorKind::BareCr, at)),
    }
}

fn parse_request_line(wire: &Bytes, line: &[u8], limits: &Limits) -> Result<StartLine, ParseError> {
    let mut lexer = Lexer::new(line);
    let method = lexer.take_while(is_token_byte);
    let method = Method::parse(method)?;
    lexer.expect(b' ').map_err(|_| lexer.error(ParseErrorKind::StartLine))?;
    let uri_at = lexer.offset();
    let uri = lexer.take(find(lexer.rest(), b' ').unwrap_or(line.len()));
    if uri.is_empty() || find_control(uri).is_some() {
        return Err(ParseError::new(ParseErrorKind::StartLine, uri_at));
    }
    lexer.expect(b' ').map_err(|_| lexer.error(ParseErrorKind::StartLine))?;
    check_version(&mut lexer)?;
    if !lexer.is_end() {
        return Err(lexer.error(ParseErrorKind::StartLine));
    }
    if uri.len() > limits.uri {
        return Err(ParseError::new(ParseErrorKind::UriTooLong, uri_at));
    }
    Ok(StartLine::Request {
        method,
        uri: wire.slice_ref(uri),
    })
}

fn parse_status_line(wire: &Bytes, line: &[u8]) -> Result<StartLine, ParseError> {
    let mut lexer = Lexer::new(line);
    check_version(&mut lexer)?;
    lexer.expect(b' ').map_err(|_| lexer.error(ParseErrorKind::StartLine))?;
    let status_at = lexer.offset();
    let digits = lexer.take_while(|byte| byte != b' ');
    let status = StatusCode::parse(digits).map_err(|error| error.shifted(status_at))?;
    // The space before an empty reason phrase is often forgotten.
    lexer.eat(b' ');
    Ok(StartLine::Response {
        status,
        reason: wire.slice_ref(lexer.rest()),
    })
}

/// Takes `SIP/2.0`; another version is `Version`, anything else `StartLine`.
fn check_version(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    let start = lexer.offset();
    if lexer.rest() == b"SIP/2.0" {
        lexer.take(7);
        return Ok(());
    }
    let version = lexer.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.'));
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let is_number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let numbers = version.get(4..).unwrap_or_default();
    let is_version = version
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
        && memchr::memchr(b'.', numbers).is_some_and(|dot| {
            let (major, minor) = numbers.split_at(dot);
            is_number(major) && is_number(minor.get(1..).unwrap_or_default())
        });
    Err(ParseError::new(
        if is_version {
            ParseErrorKind::Version
        } else {
            ParseErrorKind::StartLine
        },
        start,
    ))
}

/// Only when there are many commas does it matter which of them separate.
#[cold]
fn check_count(headers: &Headers, name: &HeaderName, most: usize, kind: ParseErrorKind) -> Result<(), ParseError> {
    let mut count = headers.items(name).take(most + 1).count();
    if *name == HeaderName::Route {
        count += headers.items(&HeaderName::RecordRoute).take(most + 1).count();
    }
    if count > most {
        let first = headers.offset_of(name);
        let first = if first == 0 {
            headers.offset_of(&HeaderName::RecordRoute)
        } else {
            first
        };
        return Err(ParseError::new(kind, first));
    }
    Ok(())
}
