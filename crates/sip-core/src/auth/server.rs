//! The side that asks.

use core::borrow::Borrow;
use core::fmt;
use core::time::Duration;
use std::net::IpAddr;

use bytes::Bytes;
use machine::Time;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use subtle::ConstantTimeEq;

use super::Secret;
use super::algorithm::{Algorithm, Challenged, Hex, Protection};
use super::nonce::{Nonces, Verdict};
use crate::header::{Challenge, Credentials};
use crate::{Method, Scheme, Uri};

/// Settings of a [`Server`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ServerConfig {
    /// The algorithms offered and accepted, in the order of their challenges. Default: all, the strongest first
    /// (RFC 8760 §2.3). Phones that read only the first challenge want the one they know in front.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce is good. Default 300 s.
    pub nonce_lifetime: Duration,
    /// Used nonces that are remembered, about 50 bytes each. Default 16,384. Beyond it the oldest becomes stale.
    pub max_nonces: usize,
    /// Whether `qop=auth-int`, which covers the body, is offered and accepted next to `auth`. Default no: bodies are
    /// changed on their way by too many gateways.
    pub auth_int: bool,
    /// Whether credentials without `qop` (RFC 2069) are accepted, each nonce once. Default no.
    pub allow_legacy: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            algorithms: Algorithm::ALL.to_vec(),
            nonce_lifetime: Duration::from_secs(300),
            max_nonces: 16_384,
            auth_int: false,
            allow_legacy: false,
        }
    }
}

/// Why credentials were not accepted.
///
/// For the log, not for the peer: answer all of them with the same new challenges, `stale` being
/// [`is_stale`](Self::is_stale), or a stranger learns which users exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum AuthError {
    /// The scheme is not `Digest`.
    #[error("authentication scheme not supported")]
    UnsupportedScheme,
    /// The algorithm is not among [`ServerConfig::algorithms`].
    #[error("algorithm not supported")]
    UnsupportedAlgorithm,
    /// `qop` is absent or was not offered, or the user's name is hashed.
    #[error("quality of protection not supported")]
    UnsupportedQop,
    /// A parameter is absent, empty or not what it must be.
    #[error("credentials incomplete or malformed")]
    Malformed,
    /// Credentials for another realm.
    #[error("foreign realm")]
    ForeignRealm,
    /// `uri` names another destination than the Request-URI.
    #[error("credentials for another URI")]
    UriMismatch,
    /// There is no such user. The nonce is this server's, as with [`WrongPassword`](Self::WrongPassword).
    #[error("unknown user")]
    UnknownUser,
    /// The response to a nonce of this server's (for this source, if they are bound to it) is wrong, or the user has no
    /// secret for this algorithm.
    #[error("wrong password")]
    WrongPassword,
    /// Right, but the nonce is too old.
    #[error("nonce too old")]
    Stale,
    /// Right, but this nonce count was used before.
    #[error("nonce count used before")]
    Replayed,
    /// The nonce is not this server's, or was given to another source. User and password were not looked at.
    #[error("unknown nonce")]
    UnknownNonce,
}

impl AuthError {
    /// Whether only the nonce is known to be wrong: challenge again with `stale=true`, so that the phone tries with the new
    /// one and does not ask its user (RFC 7616 §3.3).
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Replayed | Self::UnknownNonce)
    }
}

/// What of a request the digest is compared with.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The method of the request line.
    pub method: &'a Method,
    /// The Request-URI as it arrived.
    pub uri: &'a [u8],
    /// The body; looked at for `auth-int` only.
    pub body: &'a [u8],
    /// Where it came from, if nonces are bound to that ([`Server::challenges_for`]).
    pub source: Option<IpAddr>,
}

/// A digest server for one realm.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Server {
    realm: String,
    config: ServerConfig,
    nonces: Nonces,
    /// What unknown users are compared with.
    nobody: Secret,
}

impl Server {
    /// A server that asks for users of `realm`. Two servers, or two runs of one, need different seeds: whoever knows
    /// the seed can make nonces.
    #[must_use]
    pub fn new(realm: &str, config: ServerConfig, seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(seed);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let mut password = [0; 16];
        rng.fill_bytes(&mut password);
        let nobody = Secret::from_password("", realm, Hex::encode(&password).as_str());
        let nonces = Nonces::new(key, config.nonce_lifetime, config.max_nonces);
        Self {
            realm: realm.to_owned(),
            config,
            nonces,
            nobody,
        }
    }

    /// The realm that phones show to their users.
    #[must_use]
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// Offers and accepts these algorithms from now on, in this order. Nonces stay good.
    pub fn set_algorithms(&mut self, algorithms: Vec<Algorithm>) {
        self.config.algorithms = algorithms;
    }

    /// How many used nonces are remembered, at most [`ServerConfig::max_nonces`].
    #[must_use]
    pub fn used_nonces(&self) -> usize {
        self.nonces.len()
    }

    /// Values for `WWW-Authenticate` or `Proxy-Authenticate`, a header each, with a new nonce.
    pub fn challenges(&mut self, now: Time, stale: bool) -> Vec<Bytes> {
        self.challenges_to(now, stale, None)
    }

    /// As [`challenges`](Self::challenges), with a nonce that only `source` can use. A phone whose address changes is
    /// challenged once more with `stale=true`. Verify with [`verify_request`](Self::verify_request) then.
    pub fn challenges_for(&mut self, now: Time, stale: bool, source: IpAddr) -> Vec<Bytes> {
        self.challenges_to(now, stale, Some(source))
    }

    /// Checks the credentials of a request. `lookup` gives the secret of a user; `uri` is the Request-URI.
    ///
    /// # Errors
    ///
    /// [`AuthError`]; the request must not be acted upon.
    pub fn verify<S: Borrow<Secret>>(
        &mut self,
        now: Time,
        method: &Method,
        uri: &[u8],
        body: &[u8],
        credentials: &Credentials,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<(), AuthError> {
        self.verify_request(
            now,
            &SignedRequest {
                method,
                uri,
                body,
                source: None,
            },
            credentials,
            lookup,
        )
    }

    /// As [`verify`](Self::verify), with the source of the request.
    ///
    /// # Errors
    ///
    /// [`AuthError`]; the request must not be acted upon.
    pub fn verify_request<S: Borrow<Secret>>(
        &mut self,
        now: Time,
        request: &SignedRequest<'_>,
        credentials: &Credentials,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<(), AuthError> {
        let claim = Claim::read(credentials, &self.config, request.body)?;
        if claim.realm != self.realm {
            return Err(AuthError::ForeignRealm);
        }
        if !same_destination(claim.uri.as_bytes(), request.uri) {
            return Err(AuthError::UriMismatch);
        }
        // Before the password, or one could guess passwords by nonces made up, and so in somebody else's name.
        let nonce = self.nonces.open(now, claim.nonce, request.source);
        let nonce = nonce.ok_or(AuthError::UnknownNonce)?;
        self.check_password(&claim, request.method, lookup)?;
        // Only now, so that strangers cannot fill the table.
        match self.nonces.redeem(nonce, claim.count) {
            Verdict::Fresh => Ok(()),
            Verdict::Stale => Err(AuthError::Stale),
            Verdict::Replayed => Err(AuthError::Replayed),
        }
    }

    fn check_password<S: Borrow<Secret>>(
        &self,
        claim: &Claim<'_>,
        method: &Method,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<(), AuthError> {
        let secret = lookup(claim.username);
        let ha1 = secret.as_ref().and_then(|secret| secret.borrow().ha1(claim.algorithm));
        // An unknown user is compared too, with a secret nobody knows: the answer takes as long.
        let known = ha1.is_some();
        let ha1 = ha1
            .or_else(|| self.nobody.ha1(claim.algorithm))
            .ok_or(AuthError::WrongPassword)?;
        let challenged = Challenged {
            algorithm: claim.algorithm,
            nonce: claim.nonce,
            method: method.as_str(),
            uri: claim.uri,
            protection: claim.protection,
        };
        let expected = challenged.response(&ha1);
        let given = claim.response.to_ascii_lowercase();
        let equal: bool = expected.as_bytes().ct_eq(given.as_bytes()).into();
        match (secret.is_some(), known && equal) {
            (true, true) => Ok(()),
            (true, false) => Err(AuthError::WrongPassword),
            (false, _) => Err(AuthError::UnknownUser),
        }
    }

    fn challenges_to(&mut self, now: Time, stale: bool, source: Option<IpAddr>) -> Vec<Bytes> {
        let nonce = self.nonces.issue(now, source);
        let qop = if self.config.auth_int { "auth,auth-int" } else { "auth" };
        let challenge = |algorithm: &Algorithm| {
            let mut challenge = Challenge::digest();
            let params = challenge.params_mut();
            params.set_quoted("realm", &self.realm);
            params.set_quoted("nonce", &nonce);
            if stale {
                params.set_token("stale", "true");
            }
            params.set_token("algorithm", algorithm.as_str());
            params.set_quoted("qop", qop);
            Bytes::from(challenge.to_string())
        };
        self.config.algorithms.iter().map(challenge).collect()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("realm", &self.realm)
            .field("config", &self.config)
            .field("used_nonces", &self.nonces.len())
            .finish_non_exhaustive()
    }
}

/// What the credentials say, complete and supported but not yet proven.
struct Claim<'a> {
    username: &'a str,
    realm: &'a str,
    nonce: &'a str,
    uri: &'a str,
    response: &'a str,
    algorithm: Algorithm,
    protection: Protection<'a>,
    count: u32,
}

impl<'a> Claim<'a> {
    fn read(credentials: &'a Credentials, config: &ServerConfig, body: &'a [u8]) -> Result<Self, AuthError> {
        if !credentials.is_digest() {
            return Err(AuthError::UnsupportedScheme);
        }
        let present = |value: Option<&'a str>| value.filter(|value| !value.is_empty()).ok_or(AuthError::Malformed);
        let algorithm = match credentials.algorithm() {
            None => Algorithm::Md5,
            Some(name) => name.parse().map_err(|_| AuthError::UnsupportedAlgorithm)?,
        };
        if !config.algorithms.contains(&algorithm) {
            return Err(AuthError::UnsupportedAlgorithm);
        }
        if credentials
            .params()
            .get("userhash")
            .is_some_and(|hashed| hashed.eq_ignore_ascii_case("true"))
        {
            return Err(AuthError::UnsupportedQop);
        }
        let (protection, count) = read_protection(credentials, config, body)?;
        Ok(Self {
            username: present(credentials.username())?,
            realm: credentials.realm().ok_or(AuthError::Malformed)?,
            nonce: present(credentials.nonce())?,
            uri: present(credentials.uri())?,
            response: present(credentials.response())?,
            algorithm,
            protection,
            count,
        })
    }
}

fn read_protection<'a>(
    credentials: &'a Credentials,
    config: &ServerConfig,
    body: &'a [u8],
) -> Result<(Protection<'a>, u32), AuthError> {
    let Some(qop) = credentials.qop() else {
        // Without a count nothing tells a replay from a request: each nonce once.
        return if config.allow_legacy {
            Ok((Protection::Legacy, 1))
        } else {
            Err(AuthError::UnsupportedQop)
        };
    };
    let (Some(nc), Some(cnonce)) = (credentials.nc(), credentials.cnonce()) else {
        return Err(AuthError::Malformed);
    };
    let is_count = nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
    let count = u32::from_str_radix(nc, 16)
        .ok()
        .filter(|count| is_count && *count > 0)
        .ok_or(AuthError::Malformed)?;
    if qop.eq_ignore_ascii_case("auth") {
        Ok((Protection::Auth { nc, cnonce }, count))
    } else if qop.eq_ignore_ascii_case("auth-int") && config.auth_int {
        Ok((Protection::AuthInt { nc, cnonce, body }, count))
    } else {
        Err(AuthError::UnsupportedQop)
    }
}

/// Whether a digest for `claimed` counts for a request to `actual` (RFC 7616 §3.4.6).
///
/// Proxies and phones differ in parameters, in an explicit default port and in escapes, so these are left aside. Scheme
/// apart from the `s`, user, host and port are what makes a destination.
fn same_destination(claimed: &[u8], actual: &[u8]) -> bool {
    if claimed == actual {
        return true;
    }
    let (Ok(claimed), Ok(actual)) = (Uri::parse(claimed), Uri::parse(actual)) else {
        return false;
    };
    match (claimed.scheme(), actual.scheme()) {
        (Scheme::Sip | Scheme::Sips, Scheme::Sip | Scheme::Sips) => {
            let port = |uri: &Uri| {
                uri.port()
                    .unwrap_or(if uri.scheme() == Scheme::Sips { 5061 } else { 5060 })
            };
            claimed.user() == actual.user() && claimed.host() == actual.host() && port(&claimed) == port(&actual)
        }
        _ => claimed.equivalent(&actual),
    }
}
