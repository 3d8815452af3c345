//! When two URIs mean the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::escape::unescape;
use super::{Scheme, Uri};
use std::borrow::Cow;

impl Uri {
    /// Whether both mean the same (RFC 3261 §19.1.4; for `tel`, RFC 3966 §4). Not transitive, by that definition.
    ///
    /// ```
    /// use sip_core::Uri;
    ///
    /// let uri = |text: &str| text.parse::<Uri>();
    /// assert!(uri("sip:%61lice@AtLanTa.CoM;Transport=tcp")?.equivalent(&uri("sip:alice@atlanta.com;transport=TCP")?));
    /// assert!(!uri("sip:bob@biloxi.com")?.equivalent(&uri("sip:bob@biloxi.com:5060")?));
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    pub fn equivalent(&self, other: &Self) -> bool {
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => {
                self.user() == other.user()
                    && self.password().map(unescape) == other.password().map(unescape)
                    && self.host == other.host
                    && self.port == other.port
                    && self.params_allow(other)
                    && other.params_allow(self)
                    && self.sorted_headers() == other.sorted_headers()
            }
            (Scheme::Tel, Scheme::Tel) => {
                self.number() == other.number() && self.params_are_in(other) && other.params_are_in(self)
            }
            (Scheme::Other, Scheme::Other) => self.opaque() == other.opaque(),
            _ => false,
        }
    }

    /// Whether no parameter of ours speaks against equivalence.
    fn params_allow(&self, other: &Self) -> bool {
        const TELLING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        self.params.iter().all(|(name, _)| match other.params.get(name) {
            Some(theirs) => same_value(self.params.get(name), Some(theirs)),
            None => !TELLING.iter().any(|telling| telling.eq_ignore_ascii_case(name)),
        })
    }

    /// Whether each of our parameters is there too.
    fn params_are_in(&self, other: &Self) -> bool {
        self.params
            .iter()
            .all(|(name, _)| same_value(self.params.get(name), other.params.get(name)))
    }

    /// The `?` part, in an order that does not depend on how it was written.
    fn sorted_headers(&self) -> Vec<(String, Cow<'_, str>)> {
        let headers = self
            .headers()
            .map(|(name, value)| (unescape(name).to_ascii_lowercase(), unescape(value)));
        let mut headers: Vec<_> = headers.collect();
        headers.sort_unstable();
        headers
    }

    /// The number without visual separators, hexadecimal digits in capitals.
    fn number(&self) -> Option<String> {
        let is_separator = |c: char| matches!(c, '-' | '.' | '(' | ')');
        Some(
            self.user()?
                .chars()
                .filter(|c| !is_separator(*c))
                .map(|c| c.to_ascii_uppercase())
                .collect(),
        )
    }
}

/// Whether a parameter is the same on both sides, or on neither.
fn same_value(ours: Option<Option<&str>>, theirs: Option<Option<&str>>) -> bool {
    match (ours, theirs) {
        (Some(Some(ours)), Some(Some(theirs))) => unescape(ours).eq_ignore_ascii_case(&unescape(theirs)),
        (ours, theirs) => ours == theirs,
    }
}
