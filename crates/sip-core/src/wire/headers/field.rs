//! Reads single header fields: where name, value and end are.

use crate::Limits;
use crate::wire::lexer::{Lexer, is_token_byte, steps};
use crate::wire::name::{OTHER, lookup, lookup_short};
use crate::wire::scan::{self, find, ones};
use crate::wire::{HeaderName, ParseError, ParseErrorKind};

/// Where a header is. 20 octets.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// Offset of the name; of an own header, its index.
    pub(super) start: u32,
    pub(super) value: u32,
    pub(super) value_end: u32,
    /// Past the line end.
    pub(super) end: u32,
    /// [`OWN`] for what is not on the wire.
    pub(super) name_len: u16,
    pub(super) id: u8,
    /// Whether it is one line `Name: value` with a long name and a full line end, as we would write it.
    pub(super) clean: bool,
}

pub(super) const OWN: u16 = u16::MAX;

/// Reads the field at `at`, with its continuation lines.
#[inline]
pub(super) fn read_field(wire: &[u8], at: usize, limits: &Limits) -> Result<Field, ParseError> {
    match read_usual(wire, at, limits) {
        Some(field) => Ok(field),
        None => read_any(wire, at, limits),
    }
}

/// Reads a field as nearly all are: one line `Name: value`, of a short name that is known.
#[inline]
fn read_usual(wire: &[u8], at: usize, limits: &Limits) -> Option<Field> {
    let rest = wire.get(at..)?;
    let len = scan::find_line_end(rest)?;
    let (line, after) = rest.split_at_checked(len)?;
    if len > limits.header_line || !matches!(after, [b'\r', b'\n', next, ..] if !matches!(next, b' ' | b'\t')) {
        return None;
    }
    let block = rest.first_chunk()?;
    let colon = ones(block, b':').trailing_zeros();
    let name_len = u16::try_from(colon).ok()?;
    let id = lookup_short(block, usize::from(name_len));
    let [b' ', first, .., last] = line.get(usize::from(name_len) + 1..)? else {
        return None;
    };
    if id == OTHER || *first <= b' ' || *last <= b' ' {
        return None;
    }
    let start = u32::try_from(at).ok()?;
    let value_end = start.checked_add(u32::try_from(len).ok()?)?;
    Some(Field {
        start,
        value: start + colon + 2,
        value_end,
        end: value_end.checked_add(2)?,
        name_len,
        id,
        clean: name_len > 1,
    })
}

/// Reads a field in any form.
#[cold]
fn read_any(wire: &[u8], at: usize, limits: &Limits) -> Result<Field, ParseError> {
    let (content_end, end, is_one_line) = find_line_end(wire, at)?;
    if content_end - at > limits.header_line {
        return Err(ParseError::new(ParseErrorKind::HeaderTooLong, at));
    }
    let line = wire.get(at..content_end).unwrap_or_default();
    let name_error = |len: usize| ParseError::new(ParseErrorKind::HeaderName, at + len);
    let Some((name_len, colon, id)) = read_name(line) else {
        return Err(name_error(line.iter().take_while(|&&byte| is_token_byte(byte)).count()));
    };
    let (leading, value_len) = trimmed(line.get(colon + 1..).unwrap_or_default());
    let value = at + colon + 1 + leading;
    let value_end = value + value_len;
    let name_error = name_error(name_len);
    let offset = |at: usize| u32::try_from(at).map_err(|_| name_error);
    Ok(Field {
        start: offset(at)?,
        value: offset(value)?,
        value_end: offset(value_end)?,
        end: offset(end)?,
        name_len: u16::try_from(name_len)
            .ok()
            .filter(|len| *len != OWN)
            .ok_or(name_error)?,
        id,
        clean: is_one_line
            && name_len > 1
            && colon == name_len
            && line.get(colon + 1) == Some(&b' ')
            && leading == 1
            && wire.get(value_end) == Some(&b'\r'),
    })
}

/// Octets of the name, octets before the colon, and the name's number.
#[inline]
fn read_name(line: &[u8]) -> Option<(usize, usize, u8)> {
    let colon = find(line, b':')?;
    let before = line.get(..colon)?;
    let id = lookup(before);
    if id != OTHER {
        return Some((colon, colon, id));
    }
    let len = before.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(colon);
    let (name, rest) = before.split_at(len);
    let is_good = !name.is_empty() && count_blanks(rest) == rest.len();
    is_good.then(|| (len, colon, if rest.is_empty() { OTHER } else { lookup(name) }))
}

#[inline]
fn count_blanks(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .position(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(bytes.len())
}

/// Octets of white space before the value in `text`, and octets of the value.
#[inline]
fn trimmed(text: &[u8]) -> (usize, usize) {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let leading = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| !is_space(byte))
        .map_or(leading, |last| last + 1);
    steps::add(leading + text.len() - end);
    (leading, end - leading)
}

/// The Content-Length of a complete head whose fields start at `at`, if it has one.
pub(in crate::wire) fn find_content_length(head: &[u8], at: usize, limits: &Limits) -> Result<Option<u64>, ParseError> {
    let content_length = HeaderName::ContentLength.id();
    let mut length = None;
    let mut at = at;
    let mut fields = 0_usize;
    while !matches!(head.get(at..), None | Some([b'\n', ..] | [b'\r', b'\n', ..])) {
        if fields >= limits.headers {
            return Err(ParseError::new(ParseErrorKind::TooManyHeaders, at));
        }
        let field = read_field(head, at, limits)?;
        if field.id == content_length {
            let value = head
                .get(field.value as usize..field.value_end as usize)
                .unwrap_or_default();
            length = Some(agree(length, value).map_err(|kind| ParseError::new(kind, field.value as usize))?);
        }
        at = field.end as usize;
        fields += 1;
    }
    Ok(length)
}

/// The Content-Length `value`, which must be that of the fields before.
pub(super) fn agree(before: Option<u64>, value: &[u8]) -> Result<u64, ParseErrorKind> {
    let mut lexer = Lexer::new(value);
    let length = lexer.number(u64::MAX).map_err(|_| ParseErrorKind::ContentLength)?;
    if !lexer.is_end() {
        return Err(ParseErrorKind::ContentLength);
    }
    match before {
        Some(before) if before != length => Err(ParseErrorKind::ContentLengthConflict),
        _ => Ok(length),
    }
}

/// Where the logical line that starts at `at` ends: before its line end, and after; and whether it is not folded.
fn find_line_end(wire: &[u8], at: usize) -> Result<(usize, usize, bool), ParseError> {
    let unterminated = ParseError::new(ParseErrorKind::UnterminatedHeaders, wire.len());
    let rest = wire.get(at..).unwrap_or_default();
    let first = scan::find_line_end(rest).ok_or(unterminated)?;
    // Where there is one fold there may be one at every third octet, for which a search is not worth its beginning.
    let mut len = first;
    loop {
        let end = match rest.get(len) {
            Some(b'\n') => len + 1,
            Some(b'\r') => match rest.get(len + 1) {
                Some(b'\n') => len + 2,
                Some(_) => return Err(ParseError::new(ParseErrorKind::BareCr, at + len)),
                None => return Err(unterminated),
            },
            Some(_) => {
                len += 1;
                continue;
            }
            None => return Err(unterminated),
        };
        if !matches!(rest.get(end), Some(b' ' | b'\t')) {
            steps::add(len - first);
            return Ok((at + len, at + end, len == first));
        }
        len = end + 1;
    }
}
