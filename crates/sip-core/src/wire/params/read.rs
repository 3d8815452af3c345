//! The grammar of parameters.

use crate::Limits;
use crate::wire::lexer::{
    Lexer, is_plain_name_byte, is_plain_uri_param_byte, is_unquoted_byte, is_uri_param_byte, steps,
};
use crate::wire::scan::plain_value_len;
use crate::wire::{ParseError, ParseErrorKind};

/// What follows a parameter's name.
pub(super) enum RawValue<'a> {
    None,
    Bare(&'a [u8]),
    /// What is between the quotes.
    Quoted(&'a [u8]),
}

#[inline]
pub(super) fn read_params<'a>(
    lexer: &mut Lexer<'a>,
    mut each: impl FnMut(&'a [u8], RawValue<'a>),
) -> Result<(), ParseError> {
    let mut count = 0_usize;
    while lexer.eat_separator(b';') {
        if count == Limits::PARAMS {
            return Err(lexer.error(ParseErrorKind::TooManyParams));
        }
        let name = lexer.token_bytes()?;
        let value = if !lexer.eat_separator(b'=') {
            RawValue::None
        } else if lexer.peek() == Some(b'"') {
            RawValue::Quoted(lexer.quoted_raw()?)
        } else {
            // `;name=` without a value is let pass: phones send it, and it is not ambiguous.
            RawValue::Bare(lexer.take_while(is_unquoted_byte))
        };
        each(name, value);
        count += 1;
    }
    Ok(())
}

#[inline]
pub(super) fn read_uri_params<'a, T>(
    lexer: &mut Lexer<'a>,
    text: impl Fn(&'a [u8]) -> Result<T, ParseError>,
    mut each: impl FnMut(T, Option<T>),
) -> Result<(), ParseError> {
    let mut count = 0_usize;
    while lexer.eat(b';') {
        if count == Limits::PARAMS {
            return Err(lexer.error(ParseErrorKind::TooManyParams));
        }
        let start = lexer.offset();
        let name = lexer.take_while(|byte| is_uri_param_byte(byte) && byte != b'=');
        if name.is_empty() {
            return Err(lexer.unexpected());
        }
        let name = text(name).map_err(|error| error.shifted(start))?;
        let mut value = None;
        if lexer.eat(b'=') {
            let start = lexer.offset();
            let raw = lexer.take_while(is_uri_param_byte);
            value = Some(text(raw).map_err(|error| error.shifted(start))?);
        }
        each(name, value);
        count += 1;
    }
    Ok(())
}

/// Octets of `bytes`, if all of them are parameters of the usual form: no white space, no quotes, nothing to decode.
#[inline]
pub(super) fn simple_len(bytes: &[u8]) -> Option<usize> {
    steps::add(bytes.len());
    let mut rest = bytes;
    let mut left = Limits::PARAMS;
    while let [b';', after @ ..] = rest {
        left = left.checked_sub(1)?;
        let (name, after) = split(after, is_plain_name_byte);
        if name.is_empty() {
            return None;
        }
        rest = match after {
            [b'=', value @ ..] => value.get(plain_value_len(value)..)?,
            _ => after,
        };
    }
    rest.is_empty().then_some(bytes.len())
}

/// Octets of the URI parameters that `bytes` begin with, if nothing in them is to be decoded.
#[inline]
pub(super) fn simple_uri_len(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let mut left = Limits::PARAMS;
    while let [b';', after @ ..] = rest {
        left = left.checked_sub(1)?;
        let (param, next) = split(after, is_plain_uri_param_byte);
        steps::add(param.len() + 1);
        if matches!(param, [] | [b'=', ..]) || next.first() == Some(&b'%') {
            return None;
        }
        rest = next;
    }
    Some(bytes.len() - rest.len())
}

#[inline]
fn split(bytes: &[u8], is_in: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|&byte| !is_in(byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}
