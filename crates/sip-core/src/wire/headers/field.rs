//! Reads single header fields: where name, value and end are.

use crate::Limits;
use crate::wire::lexer::{Lexer, is_token_byte, steps, trim};
use crate::wire::name::lookup;
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
}

pub(super) const OWN: u16 = u16::MAX;

/// Reads the field at `at`, with its continuation lines.
pub(super) fn read_field(wire: &[u8], at: usize, limits: &Limits) -> Result<Field, ParseError> {
    let (content_end, end) = find_line_end(wire, at)?;
    if content_end - at > limits.header_line {
        return Err(ParseError::new(ParseErrorKind::HeaderTooLong, at));
    }
    let line = wire.get(at..content_end).unwrap_or_default();
    let name_len = line.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_len);
    let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let name_error = ParseError::new(ParseErrorKind::HeaderName, at + name_len);
    if name.is_empty() || rest.get(blank) != Some(&b':') {
        return Err(name_error);
    }
    let value_at = name_len + blank + 1;
    let text = line.get(value_at..).unwrap_or_default();
    let value = trim(text);
    let leading = text
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count();
    let start = at + value_at + leading;
    let offset = |at: usize| u32::try_from(at).map_err(|_| name_error);
    Ok(Field {
        start: offset(at)?,
        value: offset(start)?,
        value_end: offset(start + value.len())?,
        end: offset(end)?,
        name_len: u16::try_from(name_len)
            .ok()
            .filter(|len| *len != OWN)
            .ok_or(name_error)?,
        id: lookup(name),
    })
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

/// Where the logical line that starts at `at` ends: before its line end, and after.
fn find_line_end(wire: &[u8], at: usize) -> Result<(usize, usize), ParseError> {
    let mut scan = at;
    loop {
        let rest = wire.get(scan..).unwrap_or_default();
        let Some(found) = memchr::memchr2(b'\r', b'\n', rest) else {
            return Err(ParseError::new(ParseErrorKind::UnterminatedHeaders, wire.len()));
        };
        let content_end = scan + found;
        steps::add(found + 1);
        let end = match rest.get(found..).unwrap_or_default() {
            [b'\n', ..] => content_end + 1,
            [b'\r', b'\n', ..] => content_end + 2,
            [b'\r'] => return Err(ParseError::new(ParseErrorKind::UnterminatedHeaders, wire.len())),
            _ => return Err(ParseError::new(ParseErrorKind::BareCr, content_end)),
        };
        if !matches!(wire.get(end), Some(b' ' | b'\t')) {
            return Ok((content_end, end));
        }
        scan = end;
    }
}
