use super::words::words;
use super::{TypedHeader, parse_all, write_token};
use crate::Limits;
use crate::wire::{HeaderName, ParseError, ParseErrorKind};
use core::fmt;

words! {
    /// One kind of privacy (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1).
    ///
    /// ```
    /// use sip_core::header::PrivacyKind;
    ///
    /// assert_eq!(PrivacyKind::from_word("ID"), PrivacyKind::Id);
    /// ```
    PrivacyKind {
        /// Headers that tell where the user is: Contact, Via, Record-Route…
        Header = "header",
        /// Media addresses.
        Session = "session",
        /// What the user itself would put in: From, Subject, User-Agent…
        User = "user",
        /// No privacy, whatever was agreed otherwise.
        None = "none",
        /// If it cannot be had, the request is to fail.
        Critical = "critical",
        /// The asserted identity must not leave the trusted.
        Id = "id",
        /// Who the call was meant for before.
        History = "history",
    }
}

/// What must not be told to the other side (RFC 3323 §4.2).
///
/// Values are separated by semicolons; the commas of some peers are let pass.
///
/// ```
/// use sip_core::header::{Privacy, PrivacyKind, TypedHeader};
///
/// let privacy = Privacy::parse(b"user;id;critical")?;
/// assert!(privacy.asks(&PrivacyKind::Id) && privacy.is_critical());
/// assert!(!privacy.asks(&PrivacyKind::Session));
/// assert!(!Privacy::parse(b"none")?.asks(&PrivacyKind::None), "none asks for nothing");
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Privacy(pub Vec<PrivacyKind>);

impl Privacy {
    /// No privacy, whatever was agreed otherwise.
    pub fn none() -> Self {
        Self(vec![PrivacyKind::None])
    }

    /// Whether `kind` is asked for. `none` and `critical` ask for nothing, and beside `none` nothing else does.
    pub fn asks(&self, kind: &PrivacyKind) -> bool {
        !self.is_none() && *kind != PrivacyKind::Critical && self.0.contains(kind)
    }

    /// Whether privacy is explicitly unwanted.
    pub fn is_none(&self) -> bool {
        self.0.contains(&PrivacyKind::None)
    }

    /// Whether the request is to fail (500) where the privacy cannot be had.
    pub fn is_critical(&self) -> bool {
        self.0.contains(&PrivacyKind::Critical)
    }
}

impl TypedHeader for Privacy {
    const NAME: HeaderName = HeaderName::Privacy;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| {
            let mut kinds = Vec::new();
            loop {
                if kinds.len() == Limits::VALUES {
                    return Err(lexer.error(ParseErrorKind::TooManyValues));
                }
                kinds.push(PrivacyKind::from_word(lexer.token()?));
                if !lexer.eat_separator(b';') && !lexer.eat_separator(b',') {
                    return Ok(Self(kinds));
                }
            }
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        for (at, kind) in self.0.iter().enumerate() {
            if at > 0 {
                out.write_char(';')?;
            }
            write_token(out, kind.as_str())?;
        }
        Ok(())
    }
}
