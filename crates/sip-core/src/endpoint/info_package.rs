//! INFO in a session's dialog: which packages each side can receive (RFC 6086).

use bytes::Bytes;
use machine::Time;

use super::screen::Incoming;
use super::{Body, Endpoint, EndpointError, Reply, RequestId, SessionId};
use crate::wire::lexer::split_list;
use crate::{HeaderName, Headers, Limits, Method, StatusCode, Token};

impl Endpoint {
    /// Sends an INFO of an Info Package in a session's dialog; [`Event::Response`](super::Event::Response) brings the final
    /// response. Legacy INFOs, which have no package, are sent with [`request`](Self::request).
    ///
    /// # Errors
    ///
    /// [`EndpointError::NotOffered`] if the peer's `Recv-Info` did not name the package, [`EndpointError::BadHeader`] if
    /// `package` is no token, and those of [`request`](Self::request).
    pub fn send_info(
        &mut self,
        now: Time,
        session: SessionId,
        package: &str,
        body: Option<Body>,
    ) -> Result<RequestId, EndpointError> {
        Token::new(package).map_err(|_| EndpointError::BadHeader)?;
        let offered = |names: &[Bytes]| names.iter().any(|name| name.eq_ignore_ascii_case(package.as_bytes()));
        if !self.session_mut(session)?.peer_packages.as_deref().is_some_and(offered) {
            return Err(EndpointError::NotOffered);
        }
        let mut reply = Reply::new().header(HeaderName::InfoPackage, package.to_owned());
        if body.is_some() {
            reply = reply.header(HeaderName::ContentDisposition, "Info-Package");
        }
        reply.body = body;
        self.request(now, session, Method::Info, reply)
    }

    /// The Info Packages that a session's peer can receive; `None` if it did not say, as peers that know of none do.
    #[must_use]
    pub fn peer_info_packages(&self, session: SessionId) -> Option<Vec<String>> {
        let session = self.sessions.get(session).filter(|session| !session.released)?;
        let names = session.peer_packages.as_deref()?;
        Some(
            names
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
        )
    }

    /// Takes note of the peer's `Recv-Info`. A message without one changes nothing.
    pub(super) fn learn_packages(&mut self, id: SessionId, headers: &Headers) {
        if !headers.contains(&HeaderName::RecvInfo) {
            return;
        }
        let names = headers
            .values(&HeaderName::RecvInfo)
            .flat_map(split_list)
            .take(Limits::VALUES)
            .map(|item| Bytes::copy_from_slice(name_of(item)));
        let names: Box<[Bytes]> = names.collect();
        if let Some(session) = self.sessions.get_mut(id) {
            session.peer_packages = Some(names);
        }
    }

    /// 469 to a package that we did not offer (RFC 6086 §4.2.2); others, and those without any, are the embedder's.
    pub(super) fn on_info(&mut self, id: SessionId, incoming: Incoming) {
        let package = incoming.request.headers().get(&HeaderName::InfoPackage).map(name_of);
        let known = |name: &[u8]| {
            let ours = &self.config.info_packages;
            ours.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(name))
        };
        if package.is_none_or(known) {
            return self.on_plain_request(Some(id), incoming, None);
        }
        self.stats.unsupported += 1;
        let ours = self.config.info_packages.join(", ");
        let reply = Reply::new().header(HeaderName::RecvInfo, ours);
        self.reply_at_once(&incoming, StatusCode::BAD_INFO_PACKAGE, &reply, None);
    }
}

/// A package without its parameters.
fn name_of(value: &[u8]) -> &[u8] {
    value
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}
