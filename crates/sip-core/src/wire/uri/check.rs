//! Whether bytes are a URI, without making one of them.

use super::escape::{check_escapes, is_header_byte};
use super::{Uri, check_host_port};
use crate::Limits;
use crate::wire::lexer::{Lexer, is_userinfo_byte};
use crate::wire::params::Params;
use crate::wire::{ParseError, ParseErrorKind};

impl Uri {
    /// Fails where [`parse`](Self::parse) does, with the same error, and allocates nothing for `sip` and `sips`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub(crate) fn check(bytes: &[u8]) -> Result<(), ParseError> {
        let scheme = match bytes {
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b':', ..] => 3,
            [b'S' | b's', b'I' | b'i', b'P' | b'p', b'S' | b's', b':', ..] => 4,
            // Rare.
            _ => return Self::parse(bytes).map(drop),
        };
        let mut lexer = Lexer::new(bytes);
        lexer.take(scheme + 1);
        if let Some(len) = memchr::memchr(b'@', lexer.rest()) {
            let start = lexer.offset();
            check_userinfo(lexer.take(len)).map_err(|error| error.shifted(start))?;
            lexer.take(1);
        }
        check_host_port(&mut lexer, false)?;
        Params::check_uri(&mut lexer)?;
        if lexer.eat(b'?') {
            check_headers(&mut lexer)?;
        }
        if lexer.is_end() {
            Ok(())
        } else {
            Err(lexer.unexpected())
        }
    }
}

fn check_userinfo(info: &[u8]) -> Result<(), ParseError> {
    if matches!(info, [] | [b':', ..]) {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, 0));
    }
    if let Some(offset) = info.iter().position(|byte| !is_userinfo_byte(*byte)) {
        return Err(ParseError::new(ParseErrorKind::UnexpectedByte, offset));
    }
    // No escape goes over the colon before the password: `:` is no digit.
    check_escapes(info)
}

fn check_headers(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    for _ in 0..Limits::PARAMS {
        let start = lexer.offset();
        let name = lexer.take_while(|byte| is_header_byte(byte) || byte == b'%');
        if name.is_empty() {
            return Err(lexer.unexpected());
        }
        check_escapes(name).map_err(|error| error.shifted(start))?;
        lexer.expect(b'=')?;
        let start = lexer.offset();
        let value = lexer.take_while(|byte| is_header_byte(byte) || b"%=;@".contains(&byte));
        check_escapes(value).map_err(|error| error.shifted(start))?;
        if !lexer.eat(b'&') {
            return Ok(());
        }
    }
    Err(lexer.error(ParseErrorKind::TooManyParams))
}
