//! Calls that are sent elsewhere (RFC 3261 §8.1.3.4).

use bytes::Bytes;
use machine::Time;

use super::client::Owner;
use super::id::ClientKey;
use super::referred::safe_headers;
use super::sent::Sent;
use super::session::Cancelling;
use super::{Endpoint, EndpointError, Event, Hop, SessionId, SessionState};
use crate::dialog::compose::is_clean;
use crate::header::Contact;
use crate::{Headers, Method, NameAddr, Response, StatusCode, Uri};

/// Redirections that one call follows.
const MAX_REDIRECTS: usize = 5;

/// What is kept of a call that may be redirected.
#[derive(Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Redirects {
    /// Where it was sent so far.
    tried: Vec<Bytes>,
    /// The INVITE that was redirected, while the embedder looks for a way.
    waiting: Option<Bytes>,
}

impl Endpoint {
    /// Sends a call on to where it was redirected ([`Event::Redirected`]): the same Call-ID, From and To, the next CSeq. `hops`:
    /// what a [`Resolver`](crate::resolver::Resolver) found for the URI, or the outbound proxy; none are needed if its address
    /// is numeric, or that of the call's first Route. Headers in the URI are heeded as those of a `Refer-To`
    /// ([`Invite::referred`](super::Invite::referred)).
    ///
    /// # Errors
    ///
    /// [`EndpointError::Gone`]; [`EndpointError::WrongState`] if the call is not redirected; [`EndpointError::NoAddress`],
    /// [`EndpointError::NoTransport`], [`EndpointError::BadHeader`] or [`EndpointError::Full`]: try another, or
    /// [`hang_up`](Self::hang_up).
    pub fn redirect(
        &mut self,
        now: Time,
        session: SessionId,
        target: &Uri,
        hops: impl IntoIterator<Item = impl Into<Hop>>,
    ) -> Result<(), EndpointError> {
        self.advance(now);
        let hops: Vec<Hop> = hops.into_iter().map(Into::into).collect();
        let waiting = self.session_mut(session)?.waiting_redirect();
        let data = waiting.ok_or(EndpointError::WrongState)?;
        let sent = Sent::read(&data).ok_or(EndpointError::WrongState)?;
        let headers = safe_headers(target);
        if !headers.iter().all(|(_, value)| is_clean(value)) {
            return Err(EndpointError::BadHeader);
        }
        let mut target = target.without_headers();
        target.params_mut().remove("method");
        let route = sent.values("Route").filter_map(|value| NameAddr::parse(value).ok());
        let route: Vec<Uri> = route.map(|route| route.uri).collect();
        let way = self.initial_way(None, &hops, &route, &target)?;
        if self.is_full() {
            return Err(EndpointError::Full);
        }
        let cseq = sent.cseq().saturating_add(1);
        let via = self.open_client(way.flow(), Method::Invite, Owner::Invite(session));
        let text = target.to_string();
        let data = sent.redirected(&text, &via, cseq, &headers);
        let key = self.launch_by(via, data, way);
        if let Some(entry) = self.sessions.get_mut(session) {
            entry.client = Some(key);
            if let Some(redirects) = entry.redirects.as_mut() {
                redirects.waiting = None;
                redirects.tried.push(Bytes::from(text));
            }
        }
        self.arm_session(session);
        Ok(())
    }

    /// A 3xx to our INVITE `request`: whether the embedder is asked where to go on.
    pub(super) fn ask_for_redirect(
        &mut self,
        key: ClientKey,
        owner: Owner,
        response: &Response,
        request: &[u8],
    ) -> bool {
        let Owner::Invite(id) = owner else { return false };
        let Some(session) = self.sessions.get_mut(id).filter(|_| response.status().is_redirection()) else {
            return false;
        };
        let wanted = session.client == Some(key) && !session.released && session.cancelling == Cancelling::No;
        let Some(redirects) = session.redirects.as_mut().filter(|_| wanted) else {
            return false;
        };
        if redirects.tried.is_empty() {
            let first = Sent::read(request).map(|sent| Bytes::copy_from_slice(sent.uri()));
            redirects.tried.extend(first);
        }
        let contacts = contacts(response.headers(), &redirects.tried);
        if contacts.is_empty() || redirects.tried.len() > MAX_REDIRECTS {
            return false;
        }
        redirects.waiting = Some(Bytes::copy_from_slice(request));
        session.client = None;
        session.proceeding = false;
        session.forks = Vec::new();
        session.state = SessionState::Calling;
        self.arm_session(id);
        self.emit(Event::Redirected {
            session: id,
            response: response.clone(),
            contacts,
        });
        true
    }

    /// A call that waits to be sent on is over. Whether it was one.
    pub(super) fn give_up_redirect(&mut self, id: SessionId) -> bool {
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.waiting_redirect().is_none() {
            return false;
        }
        if !session.released {
            self.emit(Event::Failed {
                session: id,
                status: StatusCode::REQUEST_TIMEOUT,
                response: None,
            });
        }
        self.remove_session(id);
        true
    }
}

impl super::session::Session {
    /// The INVITE of a call that waits to be sent on.
    pub(super) fn waiting_redirect(&self) -> Option<Bytes> {
        self.redirects.as_ref()?.waiting.clone()
    }
}

/// Where a 3xx sends a call, the preferred first, without those that were tried.
fn contacts(headers: &Headers, tried: &[Bytes]) -> Vec<NameAddr> {
    let Ok(mut contacts) = headers.typed_all::<Contact>() else {
        return Vec::new();
    };
    contacts.sort_by_key(|contact| core::cmp::Reverse(contact.q().unwrap_or(1000)));
    let is_new = |address: &NameAddr| {
        let same =
            |tried: &Bytes| Uri::parse(tried).is_ok_and(|tried| tried.equivalent(&address.uri.without_headers()));
        !tried.iter().any(same)
    };
    let addresses = contacts.iter().filter_map(|contact| contact.address().cloned());
    addresses.filter(is_new).map(NameAddr::detached).collect()
}
