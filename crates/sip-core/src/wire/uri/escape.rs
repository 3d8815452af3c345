//! Which characters a URI's parts may hold, and `%` escapes for the others.

use crate::wire::lexer::{Lexer, decode_text, is_host_byte, is_not_normal, steps};
use crate::wire::scan::find;
use crate::wire::text::{Source, Text};
use crate::wire::{ParseError, ParseErrorKind};
use core::fmt;
use smol_str::SmolStrBuilder;
use std::borrow::Cow;

pub(super) use crate::wire::lexer::{is_uri_header_byte as is_header_byte, is_user_byte};

/// Resolves the escapes of unreserved characters, writes the others in capitals, and escapes what should have been.
#[inline]
pub(in crate::wire) fn normalise_escapes(bytes: &[u8], source: Source<'_>) -> Result<Text, ParseError> {
    if bytes.iter().any(|&byte| is_not_normal(byte)) {
        normalise_each(bytes)
    } else {
        Ok(source.text(bytes))
    }
}

fn normalise_each(bytes: &[u8]) -> Result<Text, ParseError> {
    let mut text = SmolStrBuilder::new();
    let mut lexer = Lexer::new(bytes);
    while let Some(byte) = lexer.peek() {
        if byte != b'%' {
            lexer.take(1);
            if is_not_normal(byte) && !b"[]".contains(&byte) {
                push_escape(&mut text, byte)
            } else {
                text.push(char::from(byte))
            }
            continue;
        }
        let error = lexer.error(ParseErrorKind::Escape);
        let byte = hex_pair(lexer.take(3)).ok_or(error)?;
        // RFC 3986 §2.3, which is narrower than SIP's: of the marks only these never change meaning.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            push_escape(&mut text, byte);
        }
    }
    Ok(text.finish().into())
}

/// Fails where [`normalise_escapes`] does.
pub(in crate::wire) fn check_escapes(bytes: &[u8]) -> Result<(), ParseError> {
    let Some(mut at) = find(bytes, b'%') else { return Ok(()) };
    // Where there is one there may be one at every third octet, for which a search is not worth its beginning.
    while let Some(byte) = bytes.get(at) {
        if *byte != b'%' {
            at += 1;
            continue;
        }
        match bytes.get(at + 1..at + 3) {
            Some([high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => at += 3,
            _ => return Err(ParseError::new(ParseErrorKind::Escape, at)),
        }
    }
    steps::add(at);
    Ok(())
}

fn hex_pair(escape: &[u8]) -> Option<u8> {
    let [b'%', high, low] = *escape else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

fn push_escape(text: &mut impl fmt::Write, byte: u8) {
    // Writing to a string does not fail.
    let _ = write!(text, "%{byte:02X}");
}

pub(super) fn escape(text: &str, is_plain: impl Fn(u8) -> bool) -> Text {
    let mut escaped = SmolStrBuilder::new();
    for byte in text.bytes() {
        if is_plain(byte) {
            escaped.push(char::from(byte))
        } else {
            push_escape(&mut escaped, byte)
        }
    }
    escaped.finish().into()
}

/// Writes text that may hold escapes already; what `is_plain` does not allow is escaped.
pub(in crate::wire) fn write_escaped(
    out: &mut impl fmt::Write,
    text: &str,
    is_plain: impl Fn(u8) -> bool,
) -> fmt::Result {
    if text.bytes().all(|byte| byte != b'%' && is_plain(byte)) {
        return out.write_str(text);
    }
    for (at, byte) in text.bytes().enumerate() {
        let is_escape = byte == b'%' && text.as_bytes().get(at..at + 3).and_then(hex_pair).is_some();
        if is_escape || (byte != b'%' && is_plain(byte)) {
            out.write_char(char::from(byte))?;
        } else {
            write!(out, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// Writes a host name; what cannot stand in one becomes `-`.
pub(in crate::wire) fn write_host_name(out: &mut impl fmt::Write, name: &str) -> fmt::Result {
    if name.bytes().all(is_host_byte) {
        return out.write_str(name);
    }
    name.chars().try_for_each(|c| {
        out.write_char(if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
            c
        } else {
            '-'
        })
    })
}

/// Resolves all escapes. What is then not UTF-8 is read as Latin-1.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut lexer = Lexer::new(text.as_bytes());
    while let Some(byte) = lexer.peek() {
        let escaped = lexer.rest().get(..3).and_then(hex_pair);
        lexer.take(if escaped.is_some() { 3 } else { 1 });
        bytes.push(escaped.unwrap_or(byte));
    }
    Cow::Owned(decode_text(&bytes).into_owned())
}
