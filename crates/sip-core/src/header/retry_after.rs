use super::{TypedHeader, parse_all, seconds, seconds_of};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;

/// When to try again (RFC 3261 §20.33). A comment in parentheses is passed over.
///
/// ```
/// use sip_core::header::{RetryAfter, TypedHeader};
///
/// assert_eq!(RetryAfter::parse(b"120 (I'm in (a meeting)) ;duration=3600")?, RetryAfter { seconds: 120, duration: Some(3600) });
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RetryAfter {
    /// Seconds to wait. More than 32 bits hold is read as their maximum.
    pub seconds: u32,
    /// Seconds that it will then be reachable.
    pub duration: Option<u32>,
}

/// Passes over `(…)`, with parentheses and escapes within.
fn skip_comment(lexer: &mut Lexer<'_>) -> Result<(), ParseError> {
    let mut depth = 0_usize;
    loop {
        match lexer.peek() {
            Some(b'(') => depth += 1,
            Some(b')') => depth = depth.saturating_sub(1),
            Some(b'\\') => drop(lexer.take(1)),
            Some(_) => {}
            None => return Err(lexer.unexpected()),
        }
        lexer.take(1);
        if depth == 0 {
            return Ok(());
        }
    }
}

impl TypedHeader for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let seconds = seconds(lexer)?;
            lexer.skip_space();
            if lexer.peek() == Some(b'(') {
                skip_comment(lexer)?;
            }
            let params = Params::lex(lexer)?;
            Ok(Self {
                seconds,
                duration: seconds_of(params.value("duration")),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.seconds)?;
        match self.duration {
            Some(duration) => write!(out, ";duration={duration}"),
            None => Ok(()),
        }
    }
}
