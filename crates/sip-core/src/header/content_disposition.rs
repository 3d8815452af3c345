use super::words::words;
use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;

words! {
    /// What a body is for (RFC 3261 §20.11).
    ///
    /// ```
    /// use sip_core::header::Disposition;
    ///
    /// assert_eq!(Disposition::from_word("early-session"), Disposition::EarlySession);
    /// ```
    Disposition {
        /// It describes the session.
        Session = "session",
        /// It is to be shown.
        Render = "render",
        /// It is a picture of the caller.
        Icon = "icon",
        /// It is a sound for ringing.
        Alert = "alert",
        /// It describes early media of its own (RFC 3959).
        EarlySession = "early-session",
        /// Something else in the message points to it (RFC 5621 §9).
        ByReference = "by-reference",
        /// It belongs to an INFO's package (RFC 6086 §11).
        InfoPackage = "info-package",
        /// Who signs for the identity (RFC 3893).
        Aib = "aib",
        /// A list of recipients (RFC 5363).
        RecipientList = "recipient-list",
        /// It is to be offered as a file.
        Attachment = "attachment",
    }
}

/// What a body is for, and what happens if it is not understood (RFC 3261 §20.11).
///
/// ```
/// use sip_core::header::{ContentDisposition, Disposition, TypedHeader};
///
/// let session = ContentDisposition::parse(b"session")?;
/// assert!(session.kind == Disposition::Session && session.is_required());
/// let icon = ContentDisposition::new(Disposition::Icon).optional();
/// assert_eq!(icon, ContentDisposition::parse(b"icon;handling=optional")?);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContentDisposition {
    /// What it is for.
    pub kind: Disposition,
    /// `handling` and others.
    pub params: Params,
}

impl ContentDisposition {
    /// A disposition without parameters: whoever does not understand the body refuses the request (415).
    pub fn new(kind: Disposition) -> Self {
        Self {
            kind,
            params: Params::new(),
        }
    }

    /// The same, but whoever does not understand the body passes over it.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.params.set("handling", Some("optional"));
        self
    }

    /// Whether a request is to be refused (415) if the body is not understood. True unless it says `optional`.
    pub fn is_required(&self) -> bool {
        let handling = self.params.value("handling");
        !handling.is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    }
}

impl TypedHeader for ContentDisposition {
    const NAME: HeaderName = HeaderName::ContentDisposition;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let kind = Disposition::from_word(lexer.token()?);
            Ok(Self {
                kind,
                params: Params::lex(lexer)?,
            })
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, self.kind.as_str())?;
        self.params.write(out)
    }
}
