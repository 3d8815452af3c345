//! The headers whose value is a text for people.

use super::TypedHeader;
use crate::wire::lexer::{decode_text, trim};
use crate::wire::{HeaderName, ParseError};
use core::fmt;

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// What is not UTF-8 is read as Latin-1. A fold is read as one space; control characters are printed as `?`.
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub String);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    Ok(Self(unfolded(value)))
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    self.0.chars().try_for_each(|c| out.write_char(if c.is_control() { '?' } else { c }))
                }
            }
        )*
    };
}

fn unfolded(value: &[u8]) -> String {
    let text = decode_text(trim(value));
    if !text.contains(['\r', '\n']) {
        return text.into_owned();
    }
    let lines = text.split(['\r', '\n']).map(|line| line.trim_matches([' ', '\t']));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

texts! {
    /// What the call is about (RFC 3261 §20.36).
    ///
    /// ```
    /// use sip_core::header::{Subject, TypedHeader};
    ///
    /// assert_eq!(Subject::parse(b"Need more\r\n boxes")?.0, "Need more boxes");
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Subject;
    /// Whom the sender belongs to (RFC 3261 §20.25).
    ///
    /// ```
    /// use sip_core::header::{Organization, TypedHeader};
    ///
    /// assert_eq!(Organization::parse(b"Boxes by Bob")?.0, "Boxes by Bob");
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Organization;
    /// The program that sent a request (RFC 3261 §20.41).
    ///
    /// ```
    /// use sip_core::header::{TypedHeader, UserAgent};
    ///
    /// let agent = UserAgent::parse(b"Softphone/1.5 (beta; on a desk)")?;
    /// assert_eq!(agent.product(), Some(("Softphone", Some("1.5"))));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    UserAgent;
    /// The program that answered (RFC 3261 §20.35).
    ///
    /// ```
    /// use sip_core::header::{Server, TypedHeader};
    ///
    /// assert_eq!(Server::parse(b"HomeServer v2")?.product(), Some(("HomeServer", None)));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Server;
}

/// The first product of a list of products and comments, with its version.
fn product(text: &str) -> Option<(&str, Option<&str>)> {
    let first = text.split([' ', '\t', '(']).next().filter(|first| !first.is_empty())?;
    Some(match first.split_once('/') {
        Some((name, version)) => (name, Some(version)),
        None => (first, None),
    })
}

impl UserAgent {
    /// The first product with its version.
    pub fn product(&self) -> Option<(&str, Option<&str>)> {
        product(&self.0)
    }
}

impl Server {
    /// The first product with its version.
    pub fn product(&self) -> Option<(&str, Option<&str>)> {
        product(&self.0)
    }
}
