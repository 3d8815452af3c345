//! Package `refer`: the progress of a transfer as a fragment of a SIP message (RFC 3515 §2.4.4, RFC 3420).
//!
//! ```
//! use sip_core::StatusCode;
//! use sip_core::event::refer::{Fragment, build};
//!
//! let body = build(StatusCode::RINGING, None);
//! assert_eq!(&body[..], b"SIP/2.0 180 Ringing\r\n");
//! let fragment = Fragment::parse(&body).unwrap();
//! assert_eq!((fragment.status, fragment.reason), (StatusCode::RINGING, "Ringing"));
//! ```

use bytes::Bytes;

use crate::StatusCode;

/// The type of the body, as it stands in `Content-Type`.
pub const CONTENT_TYPE: &str = "message/sipfrag;version=2.0";

/// Most bytes of a fragment that are read.
pub const MAX_FRAGMENT: usize = 16 * 1024;

/// The status line of a fragment; headers that follow it are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// How the referred request fares: provisional, or its end.
    pub status: StatusCode,
    /// The reason phrase as it was sent, possibly empty.
    pub reason: &'a str,
}

/// Why a body is not a fragment that tells a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FragmentError {
    /// Longer than [`MAX_FRAGMENT`].
    #[error("fragment too long")]
    TooLong,
    /// It does not begin with a status line of SIP/2.0.
    #[error("no status line")]
    NoStatusLine,
    /// The status is not a number from 100 to 699.
    #[error("bad status code")]
    BadStatus,
    /// The reason phrase is not UTF-8, or has control characters.
    #[error("bad reason phrase")]
    BadReason,
}

/// The body that tells `status`; without `reason`, the usual phrase. Control characters in `reason` become spaces.
#[must_use]
pub fn build(status: StatusCode, reason: Option<&str>) -> Bytes {
    let reason: String = reason
        .unwrap_or(status.reason())
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    Bytes::from(format!("SIP/2.0 {} {}\r\n", status.code(), reason.trim()))
}

impl<'a> Fragment<'a> {
    /// Reads the status line. A missing final line break and a bare line feed are tolerated, as phones send both.
    ///
    /// # Errors
    ///
    /// [`FragmentError`], if there is no status line to be read.
    pub fn parse(body: &'a [u8]) -> Result<Self, FragmentError> {
        if body.len() > MAX_FRAGMENT {
            return Err(FragmentError::TooLong);
        }
        let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let version = line.get(..8).ok_or(FragmentError::NoStatusLine)?;
        if !version.eq_ignore_ascii_case(b"SIP/2.0 ") {
            return Err(FragmentError::NoStatusLine);
        }
        let rest = core::str::from_utf8(line.get(8..).unwrap_or_default()).map_err(|_| FragmentError::BadReason)?;
        let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FragmentError::BadStatus);
        }
        let code: u16 = code.parse().map_err(|_| FragmentError::BadStatus)?;
        let status = StatusCode::try_from(code).map_err(|_| FragmentError::BadStatus)?;
        if reason.chars().any(|c| c.is_control() && c != '\t') {
            return Err(FragmentError::BadReason);
        }
        Ok(Self { status, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_phones_send() {
        for (body, code, reason) in [
            ("SIP/2.0 100 Trying\r\n", 100, "Trying"),
            ("SIP/2.0 200 OK", 200, "OK"),
            (
                "sip/2.0 503 Service Unavailable\nContact: <sip:x>\n",
                503,
                "Service Unavailable",
            ),
            ("SIP/2.0 486\r\n", 486, ""),
            ("SIP/2.0 603 \r\n\r\n", 603, ""),
        ] {
            let fragment = Fragment::parse(body.as_bytes()).unwrap();
            assert_eq!((fragment.status.code(), fragment.reason), (code, reason), "{body:?}");
        }
    }

    #[test]
    fn what_is_refused() {
        use FragmentError::{BadReason, BadStatus, NoStatusLine, TooLong};
        for (body, error) in [
            (&b""[..], NoStatusLine),
            (b"\r\nSIP/2.0 200 OK\r\n", NoStatusLine),
            (b"SIP/3.0 200 OK\r\n", NoStatusLine),
            (b"INVITE sip:a@b SIP/2.0\r\n", NoStatusLine),
            (b"SIP/2.0 ", BadStatus),
            (b"SIP/2.0 99 Low\r\n", BadStatus),
            (b"SIP/2.0 700 High\r\n", BadStatus),
            (b"SIP/2.0 +20 Sign\r\n", BadStatus),
            (b"SIP/2.0 2000 Long\r\n", BadStatus),
            (b"SIP/2.0 200 O\xffK\r\n", BadReason),
            (b"SIP/2.0 200 O\0K\r\n", BadReason),
        ] {
            assert_eq!(Fragment::parse(body), Err(error), "{body:?}");
        }
        let mut long = b"SIP/2.0 200 ".to_vec();
        long.resize(MAX_FRAGMENT, b'x');
        assert!(Fragment::parse(&long).is_ok());
        long.push(b'x');
        assert_eq!(Fragment::parse(&long), Err(TooLong));
    }

    proptest! {
        #[test]
        fn reads_what_it_builds(code in 100_u16..700, reason in any::<String>()) {
            let status = StatusCode::try_from(code).unwrap();
            let body = build(status, Some(&reason));
            let fragment = Fragment::parse(&body).unwrap();
            let expected: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            prop_assert_eq!((fragment.status, fragment.reason), (status, expected.trim()));
        }

        #[test]
        fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = Fragment::parse(&body);
        }
    }
}
