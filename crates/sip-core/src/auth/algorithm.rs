//! The hash algorithms of RFC 8760, and the two formulas that are built on them.

use core::fmt;
use core::str::FromStr;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// A hash algorithm for digest authentication (RFC 8760 §2.1).
///
/// The order is that of strength: `Md5 < Sha256 < Sha512_256`. The `-sess` variants are absent: no phone sends
/// them, and they are refused.
///
/// ```
/// use sip_core::auth::Algorithm;
///
/// assert_eq!("sha-256".parse(), Ok(Algorithm::Sha256)); // names are case-insensitive
/// assert!("MD5-sess".parse::<Algorithm>().is_err());
/// assert!(Algorithm::Sha512_256 > Algorithm::Md5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Algorithm {
    /// `MD5` (RFC 2617): weak, and what most desk phones still speak.
    Md5,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512-256`: SHA-512 with its own initial value, cut to 256 bits (FIPS 180-4 §5.3.6.2).
    Sha512_256,
}

/// The name is not one of [`Algorithm`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown digest algorithm")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All algorithms, the strongest first.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];

    /// The name as it stands in the `algorithm` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Hashes `parts` with a colon between each two of them.
    pub(crate) fn hash_joined(self, parts: &[&[u8]]) -> Hex {
        match self {
            Algorithm::Md5 => hash_with::<Md5>(parts),
            Algorithm::Sha256 => hash_with::<Sha256>(parts),
            Algorithm::Sha512_256 => hash_with::<Sha512_256>(parts),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
            .ok_or(UnknownAlgorithm)
    }
}

/// What of the request the digest covers (`qop`), with what that needs.
#[derive(Clone, Copy)]
pub(crate) enum Protection<'a> {
    /// RFC 2069: no `qop`, no `cnonce`, no `nc`.
    Legacy,
    /// `qop=auth`: method and URI.
    Auth { nc: &'a str, cnonce: &'a str },
    /// `qop=auth-int`: method, URI and body.
    AuthInt {
        nc: &'a str,
        cnonce: &'a str,
        body: &'a [u8],
    },
}

/// The request side of the digest: everything but the user's secret.
#[derive(Clone, Copy)]
pub(crate) struct Challenged<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) nonce: &'a str,
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) protection: Protection<'a>,
}

impl Challenged<'_> {
    /// The `response` value (RFC 7616 §3.4.1) for a user whose `H(A1)` is `ha1`.
    pub(crate) fn response(&self, ha1: &Hex) -> Hex {
        let hash = |parts: &[&[u8]]| self.algorithm.hash_joined(parts);
        let (method, uri) = (self.method.as_bytes(), self.uri.as_bytes());
        let ha2 = match self.protection {
            Protection::Legacy | Protection::Auth { .. } => hash(&[method, uri]),
            Protection::AuthInt { body, .. } => hash(&[method, uri, hash(&[body]).as_bytes()]),
        };
        let nonce = self.nonce.as_bytes();
        let with_count = |nc: &str, cnonce: &str, qop: &[u8]| {
            hash(&[
                ha1.as_bytes(),
                nonce,
                nc.as_bytes(),
                cnonce.as_bytes(),
                qop,
                ha2.as_bytes(),
            ])
        };
        match self.protection {
            Protection::Legacy => hash(&[ha1.as_bytes(), nonce, ha2.as_bytes()]),
            Protection::Auth { nc, cnonce } => with_count(nc, cnonce, b"auth"),
            Protection::AuthInt { nc, cnonce, .. } => with_count(nc, cnonce, b"auth-int"),
        }
    }
}

/// A hash in lower-case hexadecimal digits, without an allocation.
#[derive(Clone, Copy)]
pub(crate) struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    /// The digits of `bytes`; of more than 32 bytes, the first 32.
    pub(crate) fn encode(bytes: &[u8]) -> Self {
        let mut hex = Hex {
            digits: [b'0'; 64],
            len: 0,
        };
        for (byte, pair) in bytes.iter().zip(hex.digits.chunks_exact_mut(2)) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
            hex.len += 2;
        }
        hex
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Reads exactly `N` bytes from `2 * N` hexadecimal digits of either case.
pub(crate) fn decode_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != N.checked_mul(2)? {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &c in pair {
            let value = char::from(c).to_digit(16).and_then(|value| u8::try_from(value).ok())?;
            *byte = (*byte << 4) | value;
        }
    }
    Some(bytes)
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + (nibble & 0x0f) - 10
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> Hex {
    let mut hasher = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    Hex::encode(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Vector {
        algorithm: Algorithm,
        user: [&'static str; 3],
        nonce: &'static str,
        cnonce: &'static str,
        uri: &'static str,
        response: &'static str,
    }

    /// RFC 2617 §3.5, RFC 7616 §3.9.1 for two algorithms and §3.9.2 as its erratum 4897 corrects it (the printed one
    /// comes from a cut SHA-512); all send `GET` with `nc=00000001`.
    const PUBLISHED: [Vector; 4] = [
        Vector {
            algorithm: Algorithm::Md5,
            user: ["Mufasa", "testrealm@host.com", "Circle Of Life"],
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            cnonce: "0a4f113b",
            uri: "/dir/index.html",
            response: "6629fae49393a05397450978507c4ef1",
        },
        Vector {
            algorithm: Algorithm::Md5,
            user: ["Mufasa", "http-auth@example.org", "Circle of Life"],
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            uri: "/dir/index.html",
            response: "8ca523f5e9506fed4657c9700eebdbec",
        },
        Vector {
            algorithm: Algorithm::Sha256,
            user: ["Mufasa", "http-auth@example.org", "Circle of Life"],
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            uri: "/dir/index.html",
            response: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        },
        Vector {
            algorithm: Algorithm::Sha512_256,
            user: ["J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?"],
            nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            cnonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            uri: "/doe.json",
            response: "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5",
        },
    ];

    fn answer(vector: &Vector, uri: &str) -> String {
        let ha1 = vector.algorithm.hash_joined(&vector.user.map(str::as_bytes));
        let challenged = Challenged {
            algorithm: vector.algorithm,
            nonce: vector.nonce,
            method: "GET",
            uri,
            protection: Protection::Auth {
                nc: "00000001",
                cnonce: vector.cnonce,
            },
        };
        challenged.response(&ha1).as_str().to_owned()
    }

    #[test]
    fn published_responses() {
        for vector in &PUBLISHED {
            assert_eq!(answer(vector, vector.uri), vector.response, "{:?}", vector.algorithm);
            assert_ne!(answer(vector, "/dir/index.htm"), vector.response);
        }
    }

    /// FIPS 180-4's example of SHA-512/256: the hash of "abc". It is not SHA-512 cut short.
    #[test]
    fn sha_512_256_has_its_own_initial_value() {
        let hash = Algorithm::Sha512_256.hash_joined(&[b"abc"]);
        assert_eq!(
            hash.as_str(),
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        );
    }

    #[test]
    fn legacy_and_integrity_differ_from_auth() {
        let ha1 = Algorithm::Md5.hash_joined(&[b"bob", b"r", b"p"]);
        let response = |protection| {
            let challenged = Challenged {
                algorithm: Algorithm::Md5,
                nonce: "n",
                method: "BYE",
                uri: "sip:x",
                protection,
            };
            challenged.response(&ha1).as_str().to_owned()
        };
        let (nc, cnonce) = ("00000001", "c");
        let all = [
            response(Protection::Legacy),
            response(Protection::Auth { nc, cnonce }),
            response(Protection::AuthInt { nc, cnonce, body: b"" }),
            response(Protection::AuthInt { nc, cnonce, body: b"x" }),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn hex_reads_what_it_writes() {
        let bytes: [u8; 32] = core::array::from_fn(|i| u8::try_from(i * 7 % 256).unwrap());
        assert_eq!(decode_hex::<32>(Hex::encode(&bytes).as_bytes()), Some(bytes));
        assert_eq!(decode_hex::<2>(b"00fF"), Some([0, 255]));
        for bad in [&b"00f"[..], b"00ff0", b"00fg", b"", b"0xff"] {
            assert_eq!(decode_hex::<2>(bad), None);
        }
    }

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().to_lowercase().parse(), Ok(algorithm));
        }
        for bad in ["", "MD5-sess", "SHA-256-sess", "SHA256", "SHA-512", "MD5 "] {
            assert_eq!(bad.parse::<Algorithm>(), Err(UnknownAlgorithm), "{bad}");
        }
        assert!(Algorithm::ALL.is_sorted_by(|stronger, weaker| stronger > weaker));
    }
}
