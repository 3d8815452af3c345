use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// Why a request was sent (RFC 3326).
///
/// ```
/// use sip_core::header::{Reason, TypedHeader};
///
/// let reason = Reason::parse(b"Q.850 ;cause=16 ;text=\"Terminated\"")?;
/// assert_eq!((reason.protocol.as_str(), reason.cause, reason.text.as_deref()), ("Q.850", Some(16), Some("Terminated")));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reason {
    /// Whose code it is: `SIP`, `Q.850`…
    pub protocol: SmolStr,
    /// The code. `None` if absent or malformed.
    pub cause: Option<u16>,
    /// The words.
    pub text: Option<String>,
}

impl Reason {
    /// A SIP status code, with its usual words.
    pub fn sip(status: crate::StatusCode) -> Self {
        let text = Some(status.reason().to_owned());
        Self {
            protocol: SmolStr::new_static("SIP"),
            cause: Some(status.code()),
            text,
        }
    }
}

impl TypedHeader for Reason {
    const NAME: HeaderName = HeaderName::Reason;
    const LIST: bool = true;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let protocol = SmolStr::new(lexer.token()?);
            let params = Params::lex(lexer)?;
            let cause = params.value("cause").and_then(|cause| cause.parse().ok());
            Ok(Self {
                protocol,
                cause,
                text: params.value("text").map(str::to_owned),
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, &self.protocol)?;
        if let Some(cause) = self.cause {
            write!(out, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            out.write_str(";text=")?;
            crate::wire::write_quoted(out, text)?;
        }
        Ok(())
    }
}
