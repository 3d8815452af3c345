//! The side that answers.

use core::fmt;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use super::algorithm::{Algorithm, Challenged, Hex, Protection};
use super::secret::hash_user;
use crate::header::{Challenge, Credentials};
use crate::{HeaderName, Headers, Method};

/// Answers the challenges of one server, or, with [`and`](Self::and), of several on the way of one request.
///
/// Of several challenges of a realm it takes the strongest algorithm. Keep it as long as the registration or trunk lives, so
/// that nonces are used again with rising counts; use another one for another server.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Client {
    user: String,
    password: String,
    realm: Option<String>,
    session: Option<Session>,
    attempts: u8,
    /// The header that its last answer went into.
    header: Option<HeaderName>,
    /// Those of further realms.
    others: Vec<Client>,
}

/// The challenge that is being answered.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Session {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// As the server wrote it; absent if the server named none.
    algorithm_name: Option<String>,
    algorithm: Algorithm,
    qop: Qop,
    count: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Qop {
    Legacy,
    Auth,
    AuthInt,
}

impl Client {
    /// How many challenges are answered until one succeeds: the first, and two more in case the nonce was stale.
    pub const MAX_ATTEMPTS: u8 = 3;

    /// A client that pins itself to the first realm that challenges it.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            realm: None,
            session: None,
            attempts: 0,
            header: None,
            others: Vec::new(),
        }
    }

    /// Adds a client for one more realm: several proxies on the way may each want a proof of their own (RFC 3261 §22.3).
    /// Name the realms ([`with_realm`](Self::with_realm)), or the first to challenge gets the first's answer.
    #[must_use]
    pub fn and(mut self, mut other: Self) -> Self {
        let further = core::mem::take(&mut other.others);
        self.others.push(other);
        self.others.extend(further);
        self
    }

    /// The headers with which to send the request again that a 401 or 407 with these headers answers: an answer for each realm
    /// that it asks for and that there are credentials for, and the credentials of other realms once more.
    ///
    /// `None` means give up: nothing in it can be answered ([`answer`](Self::answer)). `cnonce_seed` must differ from call to
    /// call.
    ///
    /// ```
    /// use sip_core::auth::Client;
    /// use sip_core::{HeaderName, Headers, Method};
    ///
    /// let mut challenge = Headers::new();
    /// challenge.push(HeaderName::ProxyAuthenticate, "Digest realm=\"atlanta\", nonce=\"1\"");
    /// challenge.push(HeaderName::ProxyAuthenticate, "Digest realm=\"biloxi\", nonce=\"2\"");
    /// let key = |user, realm| Client::new(user, "secret").with_realm(realm);
    /// let mut alice = key("alice", "atlanta").and(key("guest", "biloxi"));
    /// let answers = alice.answer_challenges(&Method::Invite, b"sip:bob@biloxi", b"", &challenge, 42).unwrap();
    /// assert!(answers.iter().all(|(name, _)| *name == HeaderName::ProxyAuthorization));
    /// assert_eq!(answers.len(), 2);
    /// ```
    pub fn answer_challenges(
        &mut self,
        method: &Method,
        uri: &[u8],
        body: &[u8],
        challenges: &Headers,
        cnonce_seed: u64,
    ) -> Option<Vec<(HeaderName, Bytes)>> {
        const KINDS: [(HeaderName, HeaderName); 2] = [
            (HeaderName::WwwAuthenticate, HeaderName::Authorization),
            (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization),
        ];
        let (mut again, mut answers) = (false, Vec::new());
        // What a client is pinned to is not for those without a realm.
        let mut taken: Vec<String> = self.keys().filter_map(|key| key.realm.clone()).collect();
        let mut others = core::mem::take(&mut self.others);
        for (key, number) in core::iter::once(&mut *self).chain(&mut others).zip(0..) {
            let seed = cnonce_seed.wrapping_add(number);
            let answer = KINDS.iter().find_map(|(asked, answer)| {
                let foreign = |value: &[u8]| {
                    key.realm.is_none()
                        && Challenge::parse(value).is_ok_and(|one| taken.iter().any(|r| one.realm() == Some(r)))
                };
                let values: Vec<&[u8]> = challenges.values(asked).filter(|value| !foreign(value)).collect();
                Some((answer.clone(), key.answer(method, uri, body, &values, seed)?))
            });
            if let Some((name, value)) = answer {
                again = true;
                taken.extend(key.realm.clone());
                key.header = Some(name.clone());
                answers.push((name, value));
            } else if let Some(name) = key.header.clone() {
                answers.extend(key.authorize(method, uri, body, seed).map(|value| (name, value)));
            }
        }
        self.others = others;
        again.then_some(answers)
    }

    fn keys(&self) -> impl Iterator<Item = &Self> {
        core::iter::once(self).chain(&self.others)
    }

    /// Answers challenges of `realm` only.
    #[must_use]
    pub fn with_realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// The value for `Authorization` (or `Proxy-Authorization`) with which to send the request again, given the values of
    /// all `WWW-Authenticate` (or `Proxy-Authenticate`) headers of a 401 (or 407).
    ///
    /// `None` means give up: no challenge of the right realm with a known algorithm, the nonce just used refused without
    /// `stale`, or [`MAX_ATTEMPTS`](Self::MAX_ATTEMPTS) reached. `cnonce_seed` must differ from call to call.
    pub fn answer(
        &mut self,
        method: &Method,
        uri: &[u8],
        body: &[u8],
        challenge: &[&[u8]],
        cnonce_seed: u64,
    ) -> Option<Bytes> {
        if self.attempts >= Self::MAX_ATTEMPTS {
            return None;
        }
        let offered = challenge.iter().filter_map(|value| Challenge::parse(value).ok());
        let next = offered
            .filter_map(|challenge| self.consider(&challenge))
            .reduce(
                |best, other| {
                    if other.algorithm > best.algorithm { other } else { best }
                },
            )?;
        self.attempts += 1;
        self.realm.get_or_insert_with(|| next.realm.clone());
        self.session = Some(next);
        self.authorize(method, uri, body, cnonce_seed)
    }

    /// The value for a further request, with the nonce of the last challenge and the next count; `None` if there was none
    /// yet, or if it may be used only once. The server may still challenge it.
    pub fn authorize(&mut self, method: &Method, uri: &[u8], body: &[u8], cnonce_seed: u64) -> Option<Bytes> {
        let session = self.session.as_mut()?;
        let uri = core::str::from_utf8(uri).ok()?;
        if session.qop == Qop::Legacy && session.count > 0 {
            return None;
        }
        session.count = session.count.checked_add(1)?;
        let cnonce = cnonce(cnonce_seed);
        let nc = format!("{:08x}", session.count);
        let (nc, cnonce) = (nc.as_str(), cnonce.as_str());
        let protection = match session.qop {
            Qop::Legacy => Protection::Legacy,
            Qop::Auth => Protection::Auth { nc, cnonce },
            Qop::AuthInt => Protection::AuthInt { nc, cnonce, body },
        };
        let ha1 = hash_user(session.algorithm, &self.user, &session.realm, &self.password);
        let challenged = Challenged {
            algorithm: session.algorithm,
            nonce: &session.nonce,
            method: method.as_str(),
            uri,
            protection,
        };
        let response = challenged.response(&ha1);
        let credentials = session.credentials(&self.user, uri, response.as_str(), protection);
        Some(Bytes::from(credentials.to_string()))
    }

    /// Tells that the server accepted the last answer: the count of attempts starts anew.
    pub fn accepted(&mut self) {
        self.attempts = 0;
    }

    /// The session that `challenge` would start, if it may be answered.
    fn consider(&self, challenge: &Challenge) -> Option<Session> {
        if !challenge.is_digest() {
            return None;
        }
        let (realm, nonce) = (challenge.realm()?, challenge.nonce()?);
        if self.realm.as_deref().is_some_and(|own| own != realm) {
            return None;
        }
        let refused = self
            .session
            .as_ref()
            .is_some_and(|session| session.nonce == nonce && self.attempts > 0);
        if refused && !challenge.is_stale() {
            return None;
        }
        let algorithm = challenge
            .algorithm()
            .map_or(Some(Algorithm::Md5), |name| name.parse().ok())?;
        let qop = match challenge.qop() {
            None => Qop::Legacy,
            Some(_) if challenge.offers_qop("auth") => Qop::Auth,
            Some(_) if challenge.offers_qop("auth-int") => Qop::AuthInt,
            Some(_) => return None,
        };
        // A nonce used before goes on counting.
        let count = self
            .session
            .as_ref()
            .filter(|session| session.nonce == nonce)
            .map_or(0, |session| session.count);
        Some(Session {
            realm: realm.to_owned(),
            nonce: nonce.to_owned(),
            opaque: challenge.opaque().map(str::to_owned),
            algorithm_name: challenge.algorithm().map(str::to_owned),
            algorithm,
            qop,
            count,
        })
    }
}

impl Session {
    fn credentials(&self, user: &str, uri: &str, response: &str, protection: Protection<'_>) -> Credentials {
        let mut credentials = Credentials::digest();
        let params = credentials.params_mut();
        params.set_quoted("username", user);
        params.set_quoted("realm", &self.realm);
        params.set_quoted("nonce", &self.nonce);
        params.set_quoted("uri", uri);
        params.set_quoted("response", response);
        if let Some(name) = &self.algorithm_name {
            params.set_token("algorithm", name);
        }
        let (qop, nc, cnonce) = match protection {
            Protection::Legacy => (None, "", ""),
            Protection::Auth { nc, cnonce } => (Some("auth"), nc, cnonce),
            Protection::AuthInt { nc, cnonce, .. } => (Some("auth-int"), nc, cnonce),
        };
        if let Some(qop) = qop {
            params.set_quoted("cnonce", cnonce);
            params.set_token("qop", qop);
            params.set_token("nc", nc);
        }
        if let Some(opaque) = &self.opaque {
            params.set_quoted("opaque", opaque);
        }
        credentials
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("user", &self.user)
            .field("realm", &self.realm)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

fn cnonce(seed: u64) -> Hex {
    let mut bytes = [0; 16];
    ChaCha12Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    Hex::encode(&bytes)
}
