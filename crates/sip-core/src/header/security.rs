//! Agreement on a security mechanism with the next hop (RFC 3329).

use super::contact::parse_q;
use super::{TypedHeader, parse_all, write_token};
use crate::wire::lexer::Lexer;
use crate::wire::{HeaderName, Params, ParseError};
use core::fmt;
use smol_str::SmolStr;

/// A security mechanism with its parameters (RFC 3329 §2.2).
///
/// ```
/// use sip_core::header::{SecurityMechanism, SecurityServer, TypedHeader};
///
/// let SecurityServer(best) = SecurityServer::parse(b"ipsec-ike;q=0.1")?;
/// assert_eq!((best.name.as_str(), best.q()), ("ipsec-ike", Some(100)));
/// assert_eq!(SecurityMechanism::new("tls").q(), None);
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SecurityMechanism {
    /// `digest`, `tls`, `ipsec-ike`, `ipsec-man`, `ipsec-3gpp`…
    pub name: SmolStr,
    /// `q`, `d-alg`, `d-qop`, `d-ver`, `alg`, `prot`, `mod`, `ealg`, `spi-c`, `spi-s`, `port-c`, `port-s`…
    pub params: Params,
}

impl SecurityMechanism {
    /// A mechanism without parameters.
    pub fn new(name: &str) -> Self {
        Self {
            name: SmolStr::new(name),
            params: Params::new(),
        }
    }

    /// The preference in thousandths. `None` if absent or malformed.
    pub fn q(&self) -> Option<u16> {
        parse_q(self.params.value("q")?)
    }

    fn lex(lexer: &mut Lexer<'_>) -> Result<Self, ParseError> {
        let name = SmolStr::new(lexer.token()?);
        Ok(Self {
            name,
            params: Params::lex(lexer)?,
        })
    }
}

macro_rules! mechanisms {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            ///
            /// ```
            #[doc = concat!("use sip_core::header::{", stringify!($name), ", TypedHeader};")]
            ///
            #[doc = concat!("let header = ", stringify!($name), "::parse(b\"digest;d-alg=MD5;q=0.2\")?;")]
            /// assert_eq!(header.0.params.value("d-alg"), Some("MD5"));
            /// # Ok::<(), sip_core::ParseError>(())
            /// ```
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
            pub struct $name(pub SecurityMechanism);

            impl TypedHeader for $name {
                const NAME: HeaderName = HeaderName::$name;
                const LIST: bool = true;

                fn parse(value: &[u8]) -> Result<Self, ParseError> {
                    parse_all(value, SecurityMechanism::lex).map(Self)
                }

                fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                    write_token(out, &self.0.name)?;
                    self.0.params.write(out)
                }
            }
        )*
    };
}

mechanisms! {
    /// What a client can do (RFC 3329 §2.3.1).
    SecurityClient;
    /// What a server can do, for the client to choose from (RFC 3329 §2.3.1).
    SecurityServer;
    /// What the server said, sent back to it under the protection of what was chosen (RFC 3329 §2.3.1).
    SecurityVerify;
}
