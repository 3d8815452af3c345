use super::{TypedHeader, parse_all, seconds};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;

/// How long a session lives without a refresh (RFC 4028 §4).
///
/// ```
/// use sip_core::header::{Refresher, SessionExpires, TypedHeader};
///
/// let interval = SessionExpires::parse(b"4000;refresher=uac")?;
/// assert_eq!((interval.seconds, interval.refresher), (4000, Some(Refresher::Uac)));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionExpires {
    /// Seconds.
    pub seconds: u32,
    /// Who refreshes.
    pub refresher: Option<Refresher>,
}

/// Who refreshes a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Refresher {
    /// Who sent the request.
    Uac,
    /// Who answered it.
    Uas,
}

/// The shortest session interval that is accepted, in seconds (RFC 4028 §5).
///
/// ```
/// use sip_core::header::{MinSe, TypedHeader};
///
/// assert_eq!(MinSe::parse(b"90")?, MinSe(90));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MinSe(pub u32);

impl TypedHeader for SessionExpires {
    const NAME: HeaderName = HeaderName::SessionExpires;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let seconds = seconds(lexer)?;
            let params = Params::lex(lexer)?;
            let refresher = params.value("refresher").and_then(|who| {
                let is = |name: &str| who.eq_ignore_ascii_case(name);
                if is("uac") {
                    Some(Refresher::Uac)
                } else {
                    is("uas").then_some(Refresher::Uas)
                }
            });
            Ok(Self { seconds, refresher })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.seconds)?;
        match self.refresher {
            Some(Refresher::Uac) => out.write_str(";refresher=uac"),
            Some(Refresher::Uas) => out.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

impl TypedHeader for MinSe {
    const NAME: HeaderName = HeaderName::MinSe;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let seconds = seconds(lexer)?;
            Params::lex(lexer)?;
            Ok(Self(seconds))
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}
