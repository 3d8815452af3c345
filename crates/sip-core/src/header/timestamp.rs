use super::{TypedHeader, parse_all};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, ParseError};
use core::fmt;
use core::time::Duration;

/// When a request was sent by its sender's own clock, and how long the answer was held back (RFC 3261 §20.38).
///
/// ```
/// use sip_core::header::{Timestamp, TypedHeader};
/// use std::time::Duration;
///
/// let stamp = Timestamp::parse(b"54.21 0.5")?;
/// assert_eq!(stamp.time, Duration::from_millis(54_210));
/// assert_eq!(stamp.delay, Some(Duration::from_millis(500)));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamp {
    /// Seconds since a moment that the sender knows; below a nanosecond, cut off.
    pub time: Duration,
    /// How long the server took.
    pub delay: Option<Duration>,
}

/// `*DIGIT [ "." *DIGIT ]`, at least one digit before the dot unless `optional`.
fn lex_seconds(lexer: &mut Lexer<'_>, optional: bool) -> Result<Duration, ParseError> {
    let seconds = if optional && lexer.peek() == Some(b'.') {
        0
    } else {
        lexer.number(u64::MAX)?
    };
    if !lexer.eat(b'.') {
        return Ok(Duration::from_secs(seconds));
    }
    let fraction = lexer.take_while(|byte| byte.is_ascii_digit());
    let digits = fraction.iter().copied().chain(core::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Ok(Duration::new(seconds, nanoseconds))
}

fn write_seconds(out: &mut impl fmt::Write, time: Duration) -> fmt::Result {
    write!(out, "{}", time.as_secs())?;
    if time.subsec_nanos() == 0 {
        return Ok(());
    }
    let fraction = format!("{:09}", time.subsec_nanos());
    write!(out, ".{}", fraction.trim_end_matches('0'))
}

impl TypedHeader for Timestamp {
    const NAME: HeaderName = HeaderName::Timestamp;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let time = lex_seconds(lexer, false)?;
            lexer.skip_space();
            let delay = if lexer.is_end() {
                None
            } else {
                Some(lex_seconds(lexer, true)?)
            };
            Ok(Self { time, delay })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_seconds(out, self.time)?;
        if let Some(delay) = self.delay {
            out.write_char(' ')?;
            write_seconds(out, delay)?;
        }
        Ok(())
    }
}
