use core::fmt;
use core::str::FromStr;

use smol_str::{SmolStr, SmolStrBuilder};

/// A domain name, in lower case and without its last dot.
///
/// ```
/// use sip_core::resolver::DnsName;
///
/// assert_eq!(DnsName::new("_SIP._udp.Example.COM.")?.as_str(), "_sip._udp.example.com");
/// assert!(DnsName::new(".")?.is_root());
/// assert!(DnsName::new("two..dots").is_err());
/// # Ok::<(), sip_core::resolver::BadName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "SmolStr", into = "SmolStr"))]
pub struct DnsName(SmolStr);

/// A text that is no domain name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a domain name")]
pub struct BadName;

impl DnsName {
    /// Octets in a name, without its last dot (RFC 1035 §2.3.4).
    const MAX: usize = 253;
    /// Octets in one label.
    const MAX_LABEL: usize = 63;

    /// Reads a name: labels of letters, digits, hyphens and underscores. A single dot is the root.
    ///
    /// # Errors
    ///
    /// [`BadName`]: empty, too long, or with other characters.
    pub fn new(text: &str) -> Result<Self, BadName> {
        if text == "." {
            return Ok(Self(SmolStr::default()));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        let good_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let good = |label: &str| !label.is_empty() && label.len() <= Self::MAX_LABEL && label.bytes().all(good_byte);
        if text.len() > Self::MAX || !text.split('.').all(good) {
            return Err(BadName);
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Ok(Self(text.chars().map(|c| c.to_ascii_lowercase()).collect()));
        }
        Ok(Self(SmolStr::new(text)))
    }

    /// The name; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the root: in an SRV record, "this service is not offered" (RFC 2782).
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// `prefix` before the name; `None` if that is too long.
    pub(super) fn under(&self, prefix: &str) -> Option<Self> {
        if prefix.len() + 1 + self.0.len() > Self::MAX {
            return None;
        }
        let mut text = SmolStrBuilder::new();
        text.push_str(prefix);
        text.push('.');
        text.push_str(&self.0);
        Some(Self(text.finish()))
    }
}

impl FromStr for DnsName {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl TryFrom<SmolStr> for DnsName {
    type Error = BadName;
    fn try_from(text: SmolStr) -> Result<Self, BadName> {
        if text.is_empty() {
            Self::new(".")
        } else {
            Self::new(&text)
        }
    }
}

impl From<DnsName> for SmolStr {
    fn from(name: DnsName) -> Self {
        name.0
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "." } else { &self.0 })
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
