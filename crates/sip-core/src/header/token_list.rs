//! The headers whose value is a list of tokens.

use super::TypedHeader;
use crate::Limits;
use crate::wire::lexer::split_list;
use crate::wire::{HeaderName, ParseError, ParseErrorKind, Token};
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
                    parse_tokens(value).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write_tokens(&self.0, out)
                }
            }
        )*
    };
}

fn parse_tokens(value: &[u8]) -> Result<Vec<Token>, ParseError> {
    let mut tokens = Vec::new();
    for item in split_list(value) {
        if tokens.len() == Limits::VALUES {
            return Err(ParseError::new(ParseErrorKind::TooManyValues, 0));
        }
        let offset = item.as_ptr().addr() - value.as_ptr().addr();
        let token = bytes::Bytes::copy_from_slice(item);
        tokens.push(Token::from_bytes(token).map_err(|error| error.shifted(offset))?);
    }
    Ok(tokens)
}

fn write_tokens(tokens: &[Token], out: &mut impl fmt::Write) -> fmt::Result {
    for (at, token) in tokens.iter().enumerate() {
        write!(out, "{}{token}", if at == 0 { "" } else { ", " })?;
    }
    Ok(())
}

token_lists! {
    /// The methods that are understood (RFC 3261 §20.5). One field; further ones by
    /// [`items`](crate::Headers::items) or [`typed_all`](crate::Headers::typed_all).
    Allow;
    /// The event packages that are understood (RFC 6665 §8.2.2).
    AllowEvents;
    /// The extensions that are understood (RFC 3261 §20.37).
    Supported;
    /// The extensions that must be understood (RFC 3261 §20.32).
    Require;
    /// The extensions that a proxy must understand (RFC 3261 §20.29).
    ProxyRequire;
    /// The required extensions that are not understood (RFC 3261 §20.40).
    Unsupported;
}
