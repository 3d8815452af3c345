use super::params::{find, read_list};
use super::{Authorization, Credentials, ProxyAuthorization, lex_scheme};
use crate::ParseError;
use crate::header::ViewHeader;
use crate::wire::Source;
use crate::wire::lexer::Lexer;
use core::fmt;
use std::borrow::Cow;

/// [`Credentials`] where they lie in a message.
///
/// [`Debug`] does not show the response.
///
/// ```
/// use sip_core::header::{Authorization, ViewHeader};
///
/// let proof = Authorization::view(br#"Digest username="Al\"ice", realm="atlanta.com", nonce="84a4cc", response="7587""#)?;
/// assert_eq!((proof.get("username").as_deref(), proof.get("Response").as_deref()), (Some("Al\"ice"), Some("7587")));
/// assert!(proof.is_digest() && !format!("{proof:?}").contains("7587"));
/// # Ok::<(), sip_core::ParseError>(())
/// ```
#[derive(Clone, Copy)]
pub struct CredentialsView<'a> {
    all: &'a [u8],
    source: Source<'a>,
    scheme: &'a str,
    /// Empty for another scheme than Digest.
    list: &'a [u8],
    /// Whether nothing in the list is to be decoded.
    is_plain: bool,
}

impl<'a> CredentialsView<'a> {
    fn parse(value: &'a [u8], source: Source<'a>) -> Result<Self, ParseError> {
        let mut lexer = Lexer::within(value, source);
        let (scheme, is_digest) = lex_scheme(&mut lexer)?;
        let (list, is_plain) = if is_digest {
            read_list(&mut lexer)?
        } else {
            (&[][..], true)
        };
        Ok(Self {
            all: value,
            source,
            scheme,
            list,
            is_plain,
        })
    }

    /// The scheme as it was written, `Digest` as a rule.
    pub const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Whether the scheme is `Digest`, in any case.
    pub fn is_digest(&self) -> bool {
        super::is_digest(self.scheme)
    }

    /// The value of the parameter `name` without quotes and escapes; none for a scheme other than `Digest`.
    #[inline]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        if self.is_plain {
            let value = self.list.get(find(self.list, name)?)?;
            return self.source.str_of(value).map(Cow::Borrowed);
        }
        self.get_decoded(name)
    }

    fn get_decoded(&self, name: &str) -> Option<Cow<'a, str>> {
        let credentials = self.to_credentials();
        credentials.params().get(name).map(|value| Cow::Owned(value.to_owned()))
    }

    /// The same value, to be kept or changed.
    pub fn to_credentials(&self) -> Credentials {
        // It was read before.
        Credentials::of(self.all, self.source).unwrap_or_else(|_| Credentials::digest())
    }
}

impl ViewHeader for Authorization {
    type View<'a> = CredentialsView<'a>;

    fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<CredentialsView<'a>, ParseError> {
        CredentialsView::parse(value, source)
    }
}

impl ViewHeader for ProxyAuthorization {
    type View<'a> = CredentialsView<'a>;

    fn view_in<'a>(value: &'a [u8], source: Source<'a>) -> Result<CredentialsView<'a>, ParseError> {
        CredentialsView::parse(value, source)
    }
}

impl fmt::Debug for CredentialsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_credentials().fmt(f)
    }
}
