//! Whole requests: who sent this, and what to answer a stranger.

use core::borrow::Borrow;

use bytes::Bytes;
use machine::Time;

use super::{AuthError, Secret, Server, SignedRequest};
use crate::header::{Authorization, Credentials, ProxyAuthorization};
use crate::{HeaderName, Request, StatusCode};

/// How to refuse a request whose sender did not prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 401, or a proxy's 407.
    pub status: StatusCode,
    /// The challenges: `WWW-Authenticate` or `Proxy-Authenticate` headers.
    pub headers: Vec<(HeaderName, Bytes)>,
    /// What was wrong with the credentials, for the log and for counting guesses; `None`: there were none for this realm.
    pub cause: Option<AuthError>,
}

impl Server {
    /// The user who sent `request`, as its `Authorization` header proves, or the 401 that asks for proof (RFC 3261 §22.2).
    ///
    /// `lookup` gives the secret of a user. Who may do what is still to be decided: that From or To names this user is not
    /// looked at.
    ///
    /// ```
    /// use machine::Time;
    /// use sip_core::auth::{Secret, Server, ServerConfig};
    /// use sip_core::{Method, Request, StatusCode, Uri};
    ///
    /// let mut server = Server::new("pbx.example", ServerConfig::default(), [7; 32]);
    /// let secret = Secret::from_password("1001", "pbx.example", "correct horse");
    /// let request = Request::new(Method::Register, Uri::parse(b"sip:pbx.example")?);
    /// match server.authenticate(Time::from_secs(1_000), &request, |user| (user == "1001").then_some(&secret)) {
    ///     Ok(user) => println!("{user} registers"),
    ///     // `endpoint.respond(now, id, refusal.status, refusal.into())`
    ///     Err(refusal) => assert_eq!(refusal.status, StatusCode::UNAUTHORIZED),
    /// }
    /// # Ok::<(), sip_core::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the request must not be acted upon.
    pub fn authenticate<S: Borrow<Secret>>(
        &mut self,
        now: Time,
        request: &Request,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<String, Refusal> {
        let sent = request.headers().typed_all::<Authorization>();
        let sent = sent.map(|all| all.into_iter().map(|Authorization(one)| one).collect());
        let result = self.check(now, request, sent.unwrap_or_default(), lookup);
        result.map_err(|cause| self.challenge(now, cause, StatusCode::UNAUTHORIZED, &HeaderName::WwwAuthenticate))
    }

    /// As [`authenticate`](Self::authenticate) for a proxy: `Proxy-Authorization`, or 407 (RFC 3261 §22.3).
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the request must not be forwarded.
    pub fn authenticate_proxied<S: Borrow<Secret>>(
        &mut self,
        now: Time,
        request: &Request,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<String, Refusal> {
        let sent = request.headers().typed_all::<ProxyAuthorization>();
        let sent = sent.map(|all| all.into_iter().map(|ProxyAuthorization(one)| one).collect());
        let result = self.check(now, request, sent.unwrap_or_default(), lookup);
        let status = StatusCode::PROXY_AUTHENTICATION_REQUIRED;
        result.map_err(|cause| self.challenge(now, cause, status, &HeaderName::ProxyAuthenticate))
    }

    /// A request may carry credentials for several realms (RFC 3261 §22.3); only this one's count.
    fn check<S: Borrow<Secret>>(
        &mut self,
        now: Time,
        request: &Request,
        sent: Vec<Credentials>,
        lookup: impl FnOnce(&str) -> Option<S>,
    ) -> Result<String, Option<AuthError>> {
        let ours = sent.into_iter().find(|one| one.realm() == Some(self.realm()));
        let credentials = ours.ok_or(None)?;
        let signed = SignedRequest {
            method: request.method(),
            uri: request.uri(),
            body: request.body(),
            source: None,
        };
        self.verify_request(now, &signed, &credentials, lookup).map_err(Some)?;
        Ok(credentials.username().unwrap_or_default().to_owned())
    }

    fn challenge(&mut self, now: Time, cause: Option<AuthError>, status: StatusCode, name: &HeaderName) -> Refusal {
        let stale = cause.is_some_and(AuthError::is_stale);
        let values = self.challenges(now, stale);
        Refusal {
            status,
            headers: values.into_iter().map(|value| (name.clone(), value)).collect(),
            cause,
        }
    }
}
