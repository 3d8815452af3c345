//! The tags of published and notified state.

use super::{TypedHeader, parse_all, write_token};
use crate::wire::{HeaderName, ParseError, Token};
use core::fmt;

macro_rules! entity_tags {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub Token);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_all(value, |lexer| Token::new(lexer.token()?)).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    out.write_str(self.0.as_str())
                }
            }
        )*
    };
}

entity_tags! {
    /// Names the state that a 2xx to PUBLISH stored (RFC 3903 §11.3.1), or that a NOTIFY carries (RFC 5839 §3.1).
    ///
    /// ```
    /// use sip_core::header::{SipEtag, SipIfMatch, TypedHeader};
    ///
    /// let stored = SipEtag::parse(b"dx200xyz")?;
    /// assert_eq!(SipIfMatch(stored.0), SipIfMatch::parse(b"dx200xyz")?, "for the refresh");
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    SipEtag;
    /// The state that a PUBLISH refreshes, changes or removes (RFC 3903 §11.3.2).
    ///
    /// ```
    /// use sip_core::header::{SipIfMatch, TypedHeader};
    ///
    /// assert_eq!(SipIfMatch::parse(b"kwj449x")?.0.as_str(), "kwj449x");
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    SipIfMatch;
}

/// What a subscriber has already, so that a NOTIFY, or its body, can be left out (RFC 5839 §3.2).
///
/// ```
/// use sip_core::header::{SipEtag, SuppressIfMatch, TypedHeader};
///
/// let condition = SuppressIfMatch::parse(b"0xdeadbeef")?;
/// assert!(condition.matches(&SipEtag::parse(b"0xdeadbeef")?));
/// assert!(!condition.matches(&SipEtag::parse(b"0xDEADBEEF")?), "compared byte by byte");
/// assert!(SuppressIfMatch::parse(b"*")?.matches(&SipEtag::parse(b"any")?));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SuppressIfMatch {
    /// `*`: whatever the state is.
    Any,
    /// The state with this tag.
    Tag(Token),
}

impl SuppressIfMatch {
    /// Whether the subscriber has the state `current`.
    pub fn matches(&self, current: &SipEtag) -> bool {
        match self {
            Self::Any => true,
            Self::Tag(tag) => *tag == current.0,
        }
    }
}

impl TypedHeader for SuppressIfMatch {
    const NAME: HeaderName = HeaderName::SuppressIfMatch;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        parse_all(value, |lexer| match lexer.token()? {
            "*" => Ok(Self::Any),
            tag => Token::new(tag).map(Self::Tag),
        })
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Any => out.write_char('*'),
            Self::Tag(tag) => write_token(out, tag.as_str()),
        }
    }
}
