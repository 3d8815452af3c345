//! The headers whose value is a list of tokens.

use super::{TypedHeader, parse_list, write_list};
use crate::wire::{HeaderName, ParseError, Source, Token};
use core::fmt;

macro_rules! token_lists {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub Vec<Token>);

            impl $name {
                /// The list of the tokens in `tokens`; what is not a token is left out.
                pub fn of(tokens: &[&str]) -> Self {
                    Self(tokens.iter().filter_map(|token| Token::new(token).ok()).collect())
                }

                /// Whether `token` is in the list, without regard to case.
                pub fn contains(&self, token: &str) -> bool {
                    self.0.iter().any(|ours| ours.as_str().eq_ignore_ascii_case(token))
                }
            }

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_tokens(value, Source::NONE).map(Self)
                }

                fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
                    parse_tokens(value, source).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write_tokens(&self.0, out)
                }
            }
        )*
    };
}

fn parse_tokens(value: &[u8], source: Source<'_>) -> Result<Vec<Token>, ParseError> {
    parse_list(value, |item| Token::parse_in(item, source))
}

fn write_tokens(tokens: &[Token], out: &mut impl fmt::Write) -> fmt::Result {
    write_list(out, tokens, |out, token| out.write_str(token.as_str()))
}

token_lists! {
    /// The methods that are understood (RFC 3261 §20.5). One field; further ones by
    /// [`items`](crate::Headers::items) or [`typed_all`](crate::Headers::typed_all).
    ///
    /// ```
    /// use sip_core::header::{Allow, TypedHeader};
    ///
    /// assert!(Allow::parse(b"INVITE, ACK, BYE")?.contains("BYE"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Allow;
    /// The event packages that are understood (RFC 6665 §8.2.2).
    ///
    /// ```
    /// use sip_core::header::{AllowEvents, TypedHeader};
    ///
    /// assert!(AllowEvents::parse(b"dialog, presence.winfo")?.contains("dialog"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    AllowEvents;
    /// The extensions that are understood (RFC 3261 §20.37).
    ///
    /// ```
    /// use sip_core::header::{Supported, TypedHeader};
    ///
    /// assert_eq!(Supported::of(&["100rel", "timer"]), Supported::parse(b"100rel, timer")?);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Supported;
    /// The extensions that must be understood (RFC 3261 §20.32).
    ///
    /// ```
    /// use sip_core::header::{Require, TypedHeader};
    ///
    /// assert!(Require::parse(b"100rel")?.contains("100rel"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Require;
    /// The extensions that a proxy must understand (RFC 3261 §20.29).
    ///
    /// ```
    /// use sip_core::header::{ProxyRequire, TypedHeader};
    ///
    /// assert!(ProxyRequire::parse(b"privacy")?.contains("privacy"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ProxyRequire;
    /// How the body was packed, in the order in which it was done (RFC 3261 §20.12).
    ///
    /// ```
    /// use sip_core::header::{ContentEncoding, TypedHeader};
    ///
    /// assert!(ContentEncoding::parse(b"gzip")?.contains("GZIP"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ContentEncoding;
    /// The languages of the body (RFC 3261 §20.13).
    ///
    /// ```
    /// use sip_core::header::{ContentLanguage, TypedHeader};
    ///
    /// assert!(ContentLanguage::parse(b"fr, en-gb")?.contains("en-GB"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ContentLanguage;
    /// The required extensions that are not understood (RFC 3261 §20.40).
    ///
    /// ```
    /// use sip_core::header::{TypedHeader, Unsupported};
    ///
    /// assert_eq!(Unsupported::parse(b"foo")?.0.len(), 1);
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Unsupported;
}
