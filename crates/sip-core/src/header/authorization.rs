//! The headers of digest authentication over one parser of `name=value` lists (RFC 3261 §25.1, RFC 7616).

mod params;
mod view;

use core::fmt;
use core::ops::Deref;

use smol_str::SmolStr;

use super::TypedHeader;
use crate::wire::Source;
use crate::wire::lexer::{Lexer, decode_text};
use crate::{HeaderName, ParseError, ParseErrorKind};

pub use params::AuthParams;
pub use view::CredentialsView;

/// A scheme and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Scheme {
    name: SmolStr,
    params: AuthParams,
    /// What follows the name of a scheme other than Digest: not necessarily parameters.
    other: SmolStr,
}

const DIGEST: &str = "Digest";

impl Scheme {
    const fn digest() -> Self {
        Self {
            name: SmolStr::new_static(DIGEST),
            params: AuthParams::new(),
            other: SmolStr::new_static(""),
        }
    }

    fn is_digest(&self) -> bool {
        is_digest(&self.name)
    }

    fn parse(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
        let mut lexer = Lexer::within(value, source);
        let mut scheme = Self::digest();
        let (name, is_digest) = lex_scheme(&mut lexer)?;
        if name != DIGEST {
            scheme.name = SmolStr::new(name);
        }
        if is_digest {
            scheme.params = AuthParams::lex(&mut lexer)?;
        } else {
            let masked = |c: char| if c.is_control() { ' ' } else { c };
            let other: String = decode_text(lexer.rest()).chars().map(masked).collect();
            scheme.other = SmolStr::new(other.trim_matches(' '));
        }
        Ok(scheme)
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(&self.name)?;
        if self.is_digest() {
            if !self.params.is_empty() {
                out.write_char(' ')?;
            }
            self.params.write(out)
        } else if self.other.is_empty() {
            Ok(())
        } else {
            write!(out, " {}", self.other)
        }
    }
}

fn is_digest(scheme: &str) -> bool {
    scheme == DIGEST || scheme.eq_ignore_ascii_case(DIGEST)
}

/// Reads the scheme's name and the white space after it; whether it is Digest.
fn lex_scheme<'a>(lexer: &mut Lexer<'a>) -> Result<(&'a str, bool), ParseError> {
    lexer.skip_space();
    if lexer.is_end() {
        return Err(lexer.error(ParseErrorKind::Empty));
    }
    let name = lexer.token()?;
    let after_name = lexer.offset();
    lexer.skip_space();
    if !lexer.is_end() && lexer.offset() == after_name {
        return Err(lexer.unexpected());
    }
    Ok((name, is_digest(name)))
}

/// What a client sends to prove who it is: the value of `Authorization` and `Proxy-Authorization`.
///
/// [`Debug`] does not show the response.
///
/// ```
/// use sip_core::header::Credentials;
///
/// let proof = Credentials::parse(br#"Digest username="Alice", realm="atlanta.com", nonce="84a4cc", response="7587""#)?;
/// assert_eq!((proof.username(), proof.response()), (Some("Alice"), Some("7587")));
/// assert!(!format!("{proof:?}").contains("7587"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Credentials(Scheme);

/// What a server asks for: the value of `WWW-Authenticate` and `Proxy-Authenticate`.
///
/// ```
/// use sip_core::header::Challenge;
///
/// let challenge = Challenge::parse(br#"Digest realm="atlanta.com", qop="auth,auth-int", nonce="f84f1c", stale=TRUE"#)?;
/// assert!(challenge.is_stale() && challenge.offers_qop("auth"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Challenge(Scheme);

/// What both sides of the exchange have in common.
macro_rules! common {
    ($type:ident) => {
        impl $type {
            /// An empty value of scheme `Digest`, to be filled by [`params_mut`](Self::params_mut).
            #[must_use]
            pub const fn digest() -> Self {
                Self(Scheme::digest())
            }

            /// The scheme as it was written, `Digest` as a rule.
            #[must_use]
            pub fn scheme(&self) -> &str {
                &self.0.name
            }

            /// Whether the scheme is `Digest`, in any case.
            #[must_use]
            pub fn is_digest(&self) -> bool {
                self.0.is_digest()
            }

            /// The parameters; empty for a scheme other than `Digest`.
            #[must_use]
            pub const fn params(&self) -> &AuthParams {
                &self.0.params
            }

            /// The parameters for editing.
            pub const fn params_mut(&mut self) -> &mut AuthParams {
                &mut self.0.params
            }

            /// `realm`.
            #[must_use]
            pub fn realm(&self) -> Option<&str> {
                self.0.params.get("realm")
            }

            /// `nonce`.
            #[must_use]
            pub fn nonce(&self) -> Option<&str> {
                self.0.params.get("nonce")
            }

            /// `algorithm` as it was written; absent means `MD5`.
            #[must_use]
            pub fn algorithm(&self) -> Option<&str> {
                self.0.params.get("algorithm")
            }

            /// `opaque`, to be returned unchanged.
            #[must_use]
            pub fn opaque(&self) -> Option<&str> {
                self.0.params.get("opaque")
            }

            /// `qop`: in a challenge a comma-separated list, in credentials one word.
            #[must_use]
            pub fn qop(&self) -> Option<&str> {
                self.0.params.get("qop")
            }

            /// Reads one header value.
            ///
            /// # Errors
            ///
            /// [`ParseError`] if it is empty, malformed, names a parameter twice or has more than
            /// [`Limits::PARAMS`](crate::Limits::PARAMS).
            pub fn parse(value: &[u8]) -> Result<Self, ParseError> {
                Scheme::parse(value, Source::NONE).map(Self)
            }

            fn of(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
                Scheme::parse(value, source).map(Self)
            }

            /// The same value in memory of its own: no message is kept for it.
            #[must_use]
            pub fn detached(self) -> Self {
                let params = self.0.params.detached();
                Self(Scheme { params, ..self.0 })
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f)
            }
        }
    };
}

common!(Credentials);
common!(Challenge);

impl Credentials {
    /// `username`.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.0.params.get("username")
    }

    /// `uri`: what the client thinks the Request-URI is.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.0.params.get("uri")
    }

    /// `response`: the digest in hexadecimal digits.
    #[must_use]
    pub fn response(&self) -> Option<&str> {
        self.0.params.get("response")
    }

    /// `cnonce`: the client's own nonce.
    #[must_use]
    pub fn cnonce(&self) -> Option<&str> {
        self.0.params.get("cnonce")
    }

    /// `nc` as it was written, eight hexadecimal digits as a rule.
    #[must_use]
    pub fn nc(&self) -> Option<&str> {
        self.0.params.get("nc")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme())
            .field("username", &self.username())
            .field("realm", &self.realm())
            .field("uri", &self.uri())
            .finish_non_exhaustive()
    }
}

impl Challenge {
    /// `stale=true`: the nonce was too old, the password may have been right.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.0
            .params
            .get("stale")
            .is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
    }

    /// Whether `qop` lists `word`.
    #[must_use]
    pub fn offers_qop(&self, word: &str) -> bool {
        self.qop()
            .is_some_and(|list| list.split(',').any(|offered| offered.trim().eq_ignore_ascii_case(word)))
    }
}

/// Declares a header that carries one of the two values.
macro_rules! header {
    ($(#[$doc:meta])* $type:ident($value:ident) = $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $type(pub $value);

        impl TypedHeader for $type {
            const NAME: HeaderName = HeaderName::$name;

            fn parse(value: &[u8]) -> Result<Self, ParseError> {
                $value::parse(value).map(Self)
            }

            fn parse_in(value: &[u8], source: Source<'_>) -> Result<Self, ParseError> {
                $value::of(value, source).map(Self)
            }

            fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
                self.0.0.write(out)
            }
        }

        impl Deref for $type {
            type Target = $value;

            fn deref(&self) -> &$value {
                &self.0
            }
        }
    };
}

header! {
    /// `Authorization`: proof for a user agent server or registrar (RFC 3261 §20.7).
    ///
    /// ```
    /// use sip_core::header::{Authorization, TypedHeader};
    ///
    /// assert_eq!(Authorization::parse(b"Digest username=\"Alice\", realm=\"a\"")?.realm(), Some("a"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    Authorization(Credentials) = Authorization
}
header! {
    /// `Proxy-Authorization`: proof for a proxy (RFC 3261 §20.28).
    ///
    /// ```
    /// use sip_core::header::{ProxyAuthorization, TypedHeader};
    ///
    /// assert_eq!(ProxyAuthorization::parse(b"Digest username=\"Alice\", realm=\"a\"")?.realm(), Some("a"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ProxyAuthorization(Credentials) = ProxyAuthorization
}
header! {
    /// `WWW-Authenticate`: a 401's challenge (RFC 3261 §20.44); one header for each algorithm (RFC 8760 §2.3).
    ///
    /// ```
    /// use sip_core::header::{TypedHeader, WwwAuthenticate};
    ///
    /// assert_eq!(WwwAuthenticate::parse(b"Digest realm=\"a\"")?.realm(), Some("a"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    WwwAuthenticate(Challenge) = WwwAuthenticate
}
header! {
    /// `Proxy-Authenticate`: a 407's challenge (RFC 3261 §20.27).
    ///
    /// ```
    /// use sip_core::header::{ProxyAuthenticate, TypedHeader};
    ///
    /// assert_eq!(ProxyAuthenticate::parse(b"Digest realm=\"a\"")?.realm(), Some("a"));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ProxyAuthenticate(Challenge) = ProxyAuthenticate
}

/// `Authentication-Info`: what a server adds to a success (RFC 3261 §20.6, RFC 7616 §3.5).
///
/// ```
/// use sip_core::header::{AuthenticationInfo, TypedHeader};
///
/// assert_eq!(AuthenticationInfo::parse(b"nextnonce=\"47364c\"")?.next_nonce(), Some("47364c"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AuthenticationInfo(pub AuthParams);

impl AuthenticationInfo {
    /// `nextnonce`: what the client should use from now on.
    #[must_use]
    pub fn next_nonce(&self) -> Option<&str> {
        self.0.get("nextnonce")
    }
}

impl TypedHeader for AuthenticationInfo {
    const NAME: HeaderName = HeaderName::AuthenticationInfo;

    fn parse(value: &[u8]) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(value);
        let params = AuthParams::lex(&mut lexer)?;
        if params.is_empty() {
            return Err(lexer.error(ParseErrorKind::Empty));
        }
        Ok(Self(params))
    }

    fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.0.write(out)
    }
}

#[cfg(test)]
mod tests;
