//! What a receiver has to understand of a body, and what it may pass over.

use super::{BodyError, Multipart, MultipartKind, Part};
use crate::Limits;
use crate::wire::{HeaderName, Headers};
use bytes::Bytes;

/// The parts of a message's body that its receiver understands, in their order, however they are nested.
///
/// A part that `understands` does not take refuses the body (415), unless its Content-Disposition says
/// `handling=optional`. Of alternatives, the last one that is understood is taken; of related parts, the root has to be
/// understood, and the others come along if they are. `understands` is not asked about parts that hold parts. What was
/// encoded comes decoded ([`Part::decoded`]). An empty body has no parts.
///
/// # Errors
///
/// [`BodyError`]; its [`status`](BodyError::status) answers the request.
pub fn understood(
    headers: &Headers,
    body: &Bytes,
    limits: &Limits,
    understands: &dyn Fn(&Part) -> bool,
) -> Result<Vec<Part>, BodyError> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let mut walk = Walk {
        limits,
        understands,
        parts_left: limits.body_parts,
    };
    let whole = Part {
        headers: headers.clone(),
        body: body.clone(),
    };
    let mut taken = Vec::new();
    if walk.take(&whole, 0, &mut taken)? || !whole.disposition().map_err(BodyError::Header)?.is_required() {
        Ok(taken)
    } else {
        Err(BodyError::Unsupported)
    }
}

struct Walk<'a> {
    limits: &'a Limits,
    understands: &'a dyn Fn(&Part) -> bool,
    parts_left: usize,
}

impl Walk<'_> {
    /// Adds what is understood of `part` to `taken`; whether the part counts as understood.
    fn take(&mut self, part: &Part, depth: usize, taken: &mut Vec<Part>) -> Result<bool, BodyError> {
        let content_type = part.content_type().map_err(BodyError::Header)?;
        let Ok(body) = part.decoded() else {
            return Ok(false);
        };
        if !content_type.kind.eq_ignore_ascii_case("multipart") {
            let mut plain = Part {
                headers: part.headers.clone(),
                body,
            };
            plain.headers.remove(&HeaderName::ContentTransferEncoding);
            let understood = (self.understands)(&plain);
            if understood {
                taken.push(plain);
            }
            return Ok(understood);
        }
        if depth >= self.limits.body_depth {
            return Err(BodyError::TooDeep);
        }
        let inner = Multipart::parse(&content_type, &part.body, self.limits)?;
        let before = taken.len();
        self.parts_left = self
            .parts_left
            .checked_sub(inner.parts.len())
            .ok_or(BodyError::TooManyParts)?;
        let understood = match inner.kind {
            MultipartKind::Alternative => self.take_best(&inner, depth, taken)?,
            MultipartKind::Related => self.take_root(&inner, depth, taken)?,
            MultipartKind::Mixed | MultipartKind::Other(_) => self.take_each(&inner, depth, taken)?,
        };
        if !understood {
            taken.truncate(before);
        }
        Ok(understood)
    }

    fn take_each(&mut self, inner: &Multipart, depth: usize, taken: &mut Vec<Part>) -> Result<bool, BodyError> {
        for part in &inner.parts {
            let required = part.disposition().map_err(BodyError::Header)?.is_required();
            if !self.take(part, depth + 1, taken)? && required {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_best(&mut self, inner: &Multipart, depth: usize, taken: &mut Vec<Part>) -> Result<bool, BodyError> {
        for part in inner.parts.iter().rev() {
            if self.take(part, depth + 1, taken)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take_root(&mut self, inner: &Multipart, depth: usize, taken: &mut Vec<Part>) -> Result<bool, BodyError> {
        let root = inner.root();
        let Some(part) = inner.parts.get(root) else {
            return Ok(false);
        };
        if !self.take(part, depth + 1, taken)? {
            return Ok(false);
        }
        for (_, part) in inner.parts.iter().enumerate().filter(|(at, _)| *at != root) {
            self.take(part, depth + 1, taken)?;
        }
        Ok(true)
    }
}
