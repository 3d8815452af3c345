//! Sources: addresses, and what belongs together among them.

use core::fmt;
use core::str::FromStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All addresses that begin with the same bits. What a [`Guard`](super::Guard) keeps accounts of is one of these too.
///
/// ```
/// use sip_core::guard::Prefix;
///
/// let office: Prefix = "192.0.2.0/24".parse()?;
/// assert!(office.contains("192.0.2.77".parse()?));
/// assert!(!office.contains("198.51.100.1".parse()?));
/// // A single address is written without a length.
/// assert_eq!("2001:db8::1".parse::<Prefix>()?.to_string(), "2001:db8::1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// A text that is not an address, with or without `/length`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an address, nor an address with a prefix length")]
pub struct BadPrefix;

impl Prefix {
    /// The addresses that have the first `length` bits of `address`; a length beyond the address is the whole address. An
    /// IPv4 address in IPv6 clothing (`::ffff:192.0.2.1`) is the IPv4 address.
    #[must_use]
    pub fn new(address: IpAddr, length: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let length = length.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                Self {
                    address: Ipv4Addr::from_bits(address.to_bits() & mask).into(),
                    length,
                }
            }
            IpAddr::V6(address) => {
                let length = length.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                Self {
                    address: Ipv6Addr::from_bits(address.to_bits() & mask).into(),
                    length,
                }
            }
        }
    }

    /// The first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits are common to all addresses.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// Whether `address` is one of these.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        Self::new(address, self.length) == self
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Self {
        Self::new(address, 128)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        write!(f, "{}", self.address)?;
        if self.length < whole {
            write!(f, "/{}", self.length)?;
        }
        Ok(())
    }
}

impl FromStr for Prefix {
    type Err = BadPrefix;

    /// Bits beyond the length are left aside: `192.0.2.7/24` is `192.0.2.0/24`.
    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadPrefix)?;
        let whole: u8 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|length| *length <= whole).ok_or(BadPrefix)?
            }
            Some(_) => return Err(BadPrefix),
            None => whole,
        };
        // Of an IPv4 address in IPv6 clothing the last 32 bits count.
        let canonical = address.to_canonical();
        let length = if canonical.is_ipv4() && whole == 128 {
            length.checked_sub(96).ok_or(BadPrefix)?
        } else {
            length
        };
        Ok(Self::new(canonical, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn prefixes_are_read_and_written() {
        for (text, printed) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("192.0.2.1/24", "192.0.2.0/24"),
            ("192.0.2.1/0", "0.0.0.0/0"),
            ("2001:db8::1/64", "2001:db8::/64"),
            ("::1", "::1"),
            ("::/0", "::/0"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1/120", "192.0.2.0/24"),
        ] {
            assert_eq!(prefix(text).to_string(), printed, "{text}");
            assert_eq!(prefix(printed), prefix(text), "{text}");
        }
        for text in [
            "",
            "x",
            "192.0.2",
            "192.0.2.1/33",
            "192.0.2.1/",
            "192.0.2.1/-1",
            "192.0.2.1/+8",
            "192.0.2.1/256",
            "::/129",
            "::ffff:192.0.2.1/64",
            "192.0.2.1/8/8",
            "pbx.test",
        ] {
            assert_eq!(text.parse::<Prefix>(), Err(BadPrefix), "{text}");
        }
    }

    #[test]
    fn what_a_prefix_contains() {
        for (text, address, within) in [
            ("192.0.2.0/25", "192.0.2.127", true),
            ("192.0.2.0/25", "192.0.2.128", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.9", false),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::/64", "2001:db8:0:1::", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
        ] {
            assert_eq!(
                prefix(text).contains(address.parse().unwrap()),
                within,
                "{text} {address}"
            );
        }
    }
}
