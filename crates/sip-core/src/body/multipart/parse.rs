//! Finds the parts between the boundaries.

use super::{BodyError, Multipart, MultipartKind, Part};
use crate::Limits;
use crate::header::ContentType;
use crate::wire::Headers;
use crate::wire::lexer::steps;
use bytes::{BufMut as _, Bytes, BytesMut};
use smol_str::SmolStr;

impl Multipart {
    /// Reads one level of `body`. Parts share its bytes. Lines may end in a bare line feed; what stands before the first
    /// boundary and after the last is passed over.
    ///
    /// # Errors
    ///
    /// The first fault, see [`BodyError`]. Headers of parts have the limits of those of messages.
    pub fn parse(content_type: &ContentType, body: &Bytes, limits: &Limits) -> Result<Self, BodyError> {
        if !content_type.kind.eq_ignore_ascii_case("multipart") {
            return Err(BodyError::NotMultipart);
        }
        let boundary = content_type.params.value("boundary").filter(|text| is_boundary(text));
        let boundary = boundary.ok_or(BodyError::Boundary)?;
        let start = content_type
            .params
            .value("start")
            .map(|id| id.trim_matches(['<', '>', ' ']));
        let start = start.filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic()));
        let mut parts = Vec::new();
        for raw in split(body, boundary, limits)? {
            parts.push(read_part(body.slice(raw), limits)?);
        }
        Ok(Self {
            kind: MultipartKind::from_subtype(&content_type.subtype),
            boundary: SmolStr::new(boundary),
            start: start.map(SmolStr::new),
            parts,
        })
    }
}

/// Longest boundary (RFC 2046 §5.1.1).
pub(super) const MAX_BOUNDARY: usize = 70;

fn is_boundary(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    // Phones use other visible characters too, and no confusion comes of it.
    let tolerated = |byte: u8| allowed(byte) || byte.is_ascii_graphic();
    (1..=MAX_BOUNDARY).contains(&text.len()) && !text.ends_with(' ') && text.bytes().all(tolerated)
}

/// What a line is between parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Content,
    Next,
    Last,
}

/// `--boundary` or `--boundary--` with nothing but white space after it. A boundary that begins with this one is another.
fn classify(line: &[u8], boundary: &str) -> Line {
    let Some(rest) = line
        .strip_prefix(b"--")
        .and_then(|rest| rest.strip_prefix(boundary.as_bytes()))
    else {
        return Line::Content;
    };
    let is_blank = |rest: &[u8]| rest.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    if is_blank(rest) {
        Line::Next
    } else if rest.strip_prefix(b"--").is_some_and(is_blank) {
        Line::Last
    } else {
        Line::Content
    }
}

/// Where the parts are, each with the line end that belongs to the boundary after it. One pass over the lines.
fn split(body: &[u8], boundary: &str, limits: &Limits) -> Result<Vec<core::ops::Range<usize>>, BodyError> {
    let mut parts = Vec::new();
    let mut start = None;
    let mut at = 0;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let (len, after) = match memchr::memchr(b'\n', rest) {
            Some(len) => (len, at + len + 1),
            None => (rest.len(), body.len()),
        };
        steps::add(len + 1);
        let line = classify(rest.get(..len).unwrap_or_default(), boundary);
        if line != Line::Content {
            if let Some(start) = start {
                if parts.len() >= limits.body_parts {
                    return Err(BodyError::TooManyParts);
                }
                parts.push(start..at);
            }
            if line == Line::Last {
                return if parts.is_empty() {
                    Err(BodyError::NoParts)
                } else {
                    Ok(parts)
                };
            }
            start = Some(after);
        }
        at = after;
    }
    Err(if start.is_none() {
        BodyError::NoParts
    } else {
        BodyError::Unterminated
    })
}

/// Headers, an empty line, content, a line end. The empty line may be the last one.
fn read_part(raw: Bytes, limits: &Limits) -> Result<Part, BodyError> {
    if raw.is_empty() {
        return Ok(Part::default());
    }
    let len = raw.len()
        - if raw.ends_with(b"\r\n") {
            2
        } else {
            usize::from(raw.ends_with(b"\n"))
        };
    let mut padded = BytesMut::new();
    let block = if has_empty_line(&raw) {
        raw.clone()
    } else {
        padded.extend_from_slice(&raw);
        padded.put_slice(b"\r\n");
        padded.freeze()
    };
    let (headers, at) = Headers::parse_block(block, limits).map_err(BodyError::Header)?;
    let body = if at <= len { raw.slice(at..len) } else { Bytes::new() };
    Ok(Part { headers, body })
}

/// Whether headers that begin `raw` can end: `raw` begins with a line end, or has two in a row.
fn has_empty_line(raw: &[u8]) -> bool {
    let mut line_ends = memchr::memchr_iter(b'\n', raw);
    raw.starts_with(b"\n")
        || raw.starts_with(b"\r\n")
        || line_ends.any(|at| {
            let rest = raw.get(at + 1..).unwrap_or_default();
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        })
}
