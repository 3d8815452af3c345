//! What a server keeps of a user: not the password, but `H(A1)` for each algorithm.

use core::fmt;

use super::algorithm::{Algorithm, Hex, decode_hex};

/// A user's secret: `H(user ":" realm ":" password)` for each algorithm (RFC 7616 §3.4.2).
///
/// It is as good as the password within its realm, so store it with the same care. [`Debug`](fmt::Debug)
/// shows which algorithms there are, and nothing else.
///
/// ```
/// use sip_core::auth::{Algorithm, Secret};
///
/// let secret = Secret::from_password("1001", "pbx.example", "correct horse");
/// assert!(secret.has(Algorithm::Sha256));
/// assert!(!format!("{secret:?}").contains("correct"));
///
/// // A database that holds MD5 hashes only still serves the phones that speak MD5.
/// let md5 = Secret::from_ha1(Algorithm::Md5, "939e7578ed9e3c518a452acee763bce9").unwrap();
/// assert!(!md5.has(Algorithm::Sha256));
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Secret {
    md5: Option<[u8; 16]>,
    sha256: Option<[u8; 32]>,
    sha512_256: Option<[u8; 32]>,
}

impl Secret {
    /// Hashes `password` with all algorithms. The user name and the realm are those the phone will send.
    #[must_use]
    pub fn from_password(user: &str, realm: &str, password: &str) -> Self {
        let hash = |algorithm| hash_user(algorithm, user, realm, password);
        Self {
            md5: decode_hex(hash(Algorithm::Md5).as_bytes()),
            sha256: decode_hex(hash(Algorithm::Sha256).as_bytes()),
            sha512_256: decode_hex(hash(Algorithm::Sha512_256).as_bytes()),
        }
    }

    /// Takes over a stored `H(A1)` in hexadecimal digits; `None` if `hex` is not exactly one hash of that algorithm.
    #[must_use]
    pub fn from_ha1(algorithm: Algorithm, hex: &str) -> Option<Self> {
        Self {
            md5: None,
            sha256: None,
            sha512_256: None,
        }
        .with_ha1(algorithm, hex)
    }

    /// Adds (or replaces) the `H(A1)` of one more algorithm; `None` as for [`from_ha1`](Self::from_ha1).
    #[must_use]
    pub fn with_ha1(mut self, algorithm: Algorithm, hex: &str) -> Option<Self> {
        match algorithm {
            Algorithm::Md5 => self.md5 = Some(decode_hex(hex.as_bytes())?),
            Algorithm::Sha256 => self.sha256 = Some(decode_hex(hex.as_bytes())?),
            Algorithm::Sha512_256 => self.sha512_256 = Some(decode_hex(hex.as_bytes())?),
        }
        Some(self)
    }

    /// Whether the user can authenticate with `algorithm`.
    #[must_use]
    pub fn has(&self, algorithm: Algorithm) -> bool {
        self.ha1(algorithm).is_some()
    }

    pub(crate) fn ha1(&self, algorithm: Algorithm) -> Option<Hex> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_ref().map(|hash| Hex::encode(hash)),
            Algorithm::Sha256 => self.sha256.as_ref().map(|hash| Hex::encode(hash)),
            Algorithm::Sha512_256 => self.sha512_256.as_ref().map(|hash| Hex::encode(hash)),
        }
    }
}

/// `H(A1)` of one algorithm.
pub(crate) fn hash_user(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Hex {
    algorithm.hash_joined(&[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")?;
        f.debug_list()
            .entries(Algorithm::ALL.iter().filter(|algorithm| self.has(**algorithm)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2617 §3.5 prints this user's `H(A1)` implicitly; the value is the well-known one of the example.
    #[test]
    fn a_stored_hash_equals_the_hashed_password() {
        let user = ["Mufasa", "testrealm@host.com", "Circle Of Life"];
        let hashed = Secret::from_password(user[0], user[1], user[2]);
        let stored = Secret::from_ha1(Algorithm::Md5, "939E7578ed9e3c518a452acee763bce9").unwrap();
        assert_eq!(
            hashed.ha1(Algorithm::Md5).unwrap().as_str(),
            stored.ha1(Algorithm::Md5).unwrap().as_str()
        );
        for algorithm in Algorithm::ALL {
            let hex = hashed.ha1(algorithm).unwrap();
            let one = Secret::from_ha1(algorithm, hex.as_str()).unwrap();
            assert_eq!(one.ha1(algorithm).unwrap().as_str(), hex.as_str());
            assert_eq!(Algorithm::ALL.iter().filter(|other| one.has(**other)).count(), 1);
        }
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(Secret::from_ha1(Algorithm::Sha256, "939e7578ed9e3c518a452acee763bce9").is_none());
        assert!(Secret::from_ha1(Algorithm::Md5, "").is_none());
        assert!(Secret::from_ha1(Algorithm::Md5, "zzze7578ed9e3c518a452acee763bce9").is_none());
    }

    #[test]
    fn debug_hides_the_hashes() {
        let secret = Secret::from_password("u", "r", "p");
        assert_eq!(format!("{secret:?}"), "Secret[Sha512_256, Sha256, Md5]");
    }
}
