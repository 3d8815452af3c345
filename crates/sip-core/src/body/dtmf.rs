//! Digits in the body of an INFO: `application/dtmf-relay` and `application/dtmf`, as phones send them. No RFC describes
//! them; as an INFO package they never were registered.
//!
//! ```
//! use sip_core::body::dtmf::{self, Dtmf, Signal};
//!
//! let pressed = Dtmf::parse(dtmf::RELAY, b"Signal=5\nDuration=160").unwrap();
//! assert_eq!((pressed.signal.as_char(), pressed.duration_ms), ('5', Some(160)));
//! assert_eq!(Dtmf::parse(dtmf::PLAIN, b"#\r\n").unwrap().signal.event(), 11);
//! assert_eq!(Dtmf::new(Signal::new('*').unwrap(), 100).to_body(), "Signal=*\r\nDuration=100\r\n");
//! ```

/// The type of a body with signal and duration, as it stands in `Content-Type`.
pub const RELAY: &str = "application/dtmf-relay";
/// The type of a body of one character.
pub const PLAIN: &str = "application/dtmf";
/// Most octets of a body that is read.
pub const MAX_BODY: usize = 256;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dtmf {
    /// Which one.
    pub signal: Signal,
    /// Milliseconds that it was held.
    pub duration_ms: Option<u16>,
}

/// A key: `0` to `9`, `*`, `#`, `A` to `D`, or `!` for a flash of the hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Signal(char);

/// Why a body tells no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DtmfError {
    /// Longer than [`MAX_BODY`].
    #[error("DTMF body too long")]
    TooLong,
    /// Neither [`RELAY`] nor [`PLAIN`].
    #[error("not a type of DTMF body")]
    UnknownType,
    /// No key, or none that there is.
    #[error("no such key")]
    NoSignal,
    /// A duration that is not a number of milliseconds below 2^16.
    #[error("malformed duration")]
    BadDuration,
}

/// The keys by their number as telephone events (RFC 4733 §3.2).
const KEYS: &[u8; 17] = b"0123456789*#ABCD!";

impl Signal {
    /// The key with this sign; letters of either case.
    #[must_use]
    pub fn new(sign: char) -> Option<Self> {
        let sign = sign.to_ascii_uppercase();
        let known = u8::try_from(sign).is_ok_and(|byte| KEYS.contains(&byte));
        known.then_some(Self(sign))
    }

    /// The sign on the key.
    #[must_use]
    pub const fn as_char(self) -> char {
        self.0
    }

    /// Its number as a telephone event: 0 to 16 (RFC 4733 §3.2).
    #[must_use]
    pub fn event(self) -> u8 {
        let at = KEYS.iter().position(|key| char::from(*key) == self.0);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    /// A sign, or a number from 10 to 16 as some gateways write.
    fn parse(text: &str) -> Option<Self> {
        let mut signs = text.chars();
        match (signs.next(), signs.next()) {
            (Some(sign), None) => Self::new(sign),
            (Some('1'), Some('0'..='6')) if text.len() == 2 => {
                let event: usize = text.parse().ok()?;
                KEYS.get(event).map(|key| Self(char::from(*key)))
            }
            _ => None,
        }
    }
}

impl Dtmf {
    /// A key that was held for so many milliseconds.
    #[must_use]
    pub const fn new(signal: Signal, duration_ms: u16) -> Self {
        Self {
            signal,
            duration_ms: Some(duration_ms),
        }
    }

    /// Reads a body of type [`RELAY`] or [`PLAIN`]. Names in any case, blanks around `=`, other lines and bare line feeds
    /// are let pass, and a signal line in a plain body.
    ///
    /// # Errors
    ///
    /// [`DtmfError`]: answer 415 to `UnknownType`, 400 to the others.
    pub fn parse(content_type: &str, body: &[u8]) -> Result<Self, DtmfError> {
        let plain = content_type.eq_ignore_ascii_case(PLAIN);
        if !plain && !content_type.eq_ignore_ascii_case(RELAY) {
            return Err(DtmfError::UnknownType);
        }
        if body.len() > MAX_BODY {
            return Err(DtmfError::TooLong);
        }
        let text = core::str::from_utf8(body).map_err(|_| DtmfError::NoSignal)?;
        if plain && let Some(signal) = Signal::parse(text.trim()) {
            return Ok(Self {
                signal,
                duration_ms: None,
            });
        }
        let value = |name: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find_map(|(key, value)| key.trim().eq_ignore_ascii_case(name).then(|| value.trim()))
        };
        let signal = value("Signal").and_then(Signal::parse).ok_or(DtmfError::NoSignal)?;
        let duration_ms = match value("Duration") {
            None | Some("") => None,
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(number.parse().map_err(|_| DtmfError::BadDuration)?)
            }
            Some(_) => return Err(DtmfError::BadDuration),
        };
        Ok(Self { signal, duration_ms })
    }

    /// A body of type [`RELAY`].
    #[must_use]
    pub fn to_body(self) -> String {
        let signal = self.signal.0;
        match self.duration_ms {
            Some(duration) => format!("Signal={signal}\r\nDuration={duration}\r\n"),
            None => format!("Signal={signal}\r\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_phones_send() {
        let relay =
            |body: &str| Dtmf::parse(RELAY, body.as_bytes()).map(|dtmf| (dtmf.signal.as_char(), dtmf.duration_ms));
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", ('5', Some(160))),
            ("Signal= 1\r\nDuration= 100 ", ('1', Some(100))),
            ("signal = d\nX=1\nduration=65535", ('D', Some(65_535))),
            ("Signal=11", ('#', None)),
            ("Signal=16\nDuration=", ('!', None)),
            ("Duration=250\r\nSignal=*\r\n", ('*', Some(250))),
        ] {
            assert_eq!(relay(body), Ok(expected), "{body:?}");
        }
        for (body, error) in [
            ("", DtmfError::NoSignal),
            ("Signal=", DtmfError::NoSignal),
            ("Signal=E", DtmfError::NoSignal),
            ("Signal=17", DtmfError::NoSignal),
            ("Signal=55", DtmfError::NoSignal),
            ("5", DtmfError::NoSignal),
            ("Signal=5\nDuration=-1", DtmfError::BadDuration),
            ("Signal=5\nDuration=65536", DtmfError::BadDuration),
        ] {
            assert_eq!(relay(body), Err(error), "{body:?}");
        }
        assert_eq!(Dtmf::parse(RELAY, b"\xff"), Err(DtmfError::NoSignal));
        assert_eq!(Dtmf::parse(PLAIN, b" 9 \r\n").map(|dtmf| dtmf.signal.event()), Ok(9));
        assert_eq!(Dtmf::parse(PLAIN, b"Signal=9").map(|dtmf| dtmf.signal.event()), Ok(9));
        assert_eq!(Dtmf::parse("text/plain", b"9"), Err(DtmfError::UnknownType));
    }

    #[test]
    fn every_key_is_read_as_written() {
        for (event, key) in (0_u8..).zip(KEYS) {
            let signal = Signal::new(char::from(*key)).unwrap();
            assert_eq!(signal.event(), event);
            let body = Dtmf::new(signal, 70).to_body();
            assert_eq!(Dtmf::parse(RELAY, body.as_bytes()), Ok(Dtmf::new(signal, 70)));
        }
    }

    #[test]
    fn at_the_limit_and_one_past() {
        let padded = |length: usize| format!("Signal=1\n{}", " ".repeat(length - 9));
        assert!(Dtmf::parse(RELAY, padded(MAX_BODY).as_bytes()).is_ok());
        assert_eq!(
            Dtmf::parse(RELAY, padded(MAX_BODY + 1).as_bytes()),
            Err(DtmfError::TooLong)
        );
    }
}
