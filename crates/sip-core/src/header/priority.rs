use super::words::words;
use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, ParseError};
use core::fmt;

words! {
    /// How much the caller wants to be heard, for the callee's eyes alone (RFC 3261 §20.26).
    ///
    /// ```
    /// use sip_core::header::{Priority, TypedHeader};
    ///
    /// assert_eq!(Priority::parse(b"Urgent")?, Priority::Urgent);
    /// assert_eq!(Priority::parse(b"psap-callback")?, Priority::PsapCallback);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Priority {
        /// Life, limb or property are in danger.
        Emergency = "emergency",
        /// Soon.
        Urgent = "urgent",
        /// As most calls.
        Normal = "normal",
        /// When it suits.
        NonUrgent = "non-urgent",
        /// An emergency centre calls back (RFC 7090).
        PsapCallback = "psap-callback",
    }
}

impl TypedHeader for Priority {
    const NAME: HeaderName = HeaderName::Priority;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| lexer.token().map(Self::from_word))
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write_token(out, self.as_str())
    }
}
